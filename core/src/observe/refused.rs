//! What the codec refuses, as causes that operators know.

use super::Cause;
use crate::http::refusal::{BadResponse, Refusal};

impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Cause {
        match refusal {
            Refusal::BareLineFeed => Cause::BareLineFeed,
            Refusal::UriTooLong => Cause::UriTooLong,
            Refusal::FieldTooLarge => Cause::HeaderFieldTooLarge,
            Refusal::HeadTooLarge | Refusal::TooManyFields => Cause::RequestHeadTooLarge,
            Refusal::UnsupportedVersion => Cause::UnsupportedVersion,
            Refusal::NoHost | Refusal::SeveralHosts | Refusal::BadHost => Cause::BadHost,
            Refusal::BadContentLength => Cause::BadContentLength,
            Refusal::ConflictingLength | Refusal::BadTransferEncoding | Refusal::LookAlikeFraming => {
                Cause::BadTransferEncoding
            }
            Refusal::UnsupportedTransferEncoding => Cause::UnsupportedTransferEncoding,
            Refusal::TraceRefused => Cause::TraceRefused,
            Refusal::BadTarget | Refusal::ConnectRefused => Cause::BadTarget,
            Refusal::TooManyForwardedAddresses => Cause::TooManyForwardedAddresses,
            Refusal::Malformed
            | Refusal::LeadingBlankLines
            | Refusal::RequestLineTooLong
            | Refusal::BadVersion
            | Refusal::TooManyConnectionOptions => Cause::MalformedRequest,
        }
    }
}

impl From<BadResponse> for Cause {
    fn from(bad: BadResponse) -> Cause {
        match bad {
            BadResponse::HeadTooLarge | BadResponse::TooManyFields => Cause::TargetHeadTooLarge,
            BadResponse::Malformed
            | BadResponse::BareLineFeed
            | BadResponse::LeadingBlankLines
            | BadResponse::BadVersion
            | BadResponse::BadStatus
            | BadResponse::BadContentLength
            | BadResponse::ConflictingLength
            | BadResponse::BadTransferEncoding => Cause::TargetHeadMalformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_and_its_cause_agree_about_the_status() {
        for refusal in [
            Refusal::Malformed,
            Refusal::BareLineFeed,
            Refusal::UriTooLong,
            Refusal::FieldTooLarge,
            Refusal::HeadTooLarge,
            Refusal::TooManyFields,
            Refusal::UnsupportedVersion,
            Refusal::NoHost,
            Refusal::BadContentLength,
            Refusal::ConflictingLength,
            Refusal::UnsupportedTransferEncoding,
            Refusal::TraceRefused,
            Refusal::ConnectRefused,
            Refusal::TooManyForwardedAddresses,
        ] {
            assert_eq!(Cause::from(refusal).status(), Some(refusal.status()), "{refusal:?}");
        }
        assert_eq!(Cause::from(BadResponse::HeadTooLarge).status(), Some(502));
        assert_eq!(Cause::from(BadResponse::TooManyFields).status(), Some(502));
    }
}
