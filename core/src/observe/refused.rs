//! What the codec and the door to the targets refuse, as causes that operators know.

use super::Cause;
use crate::desync::{Reason, Refused};
use crate::http::Mismatch;
use crate::http::refusal::{BadResponse, Refusal};

impl From<Refused> for Cause {
    fn from(refused: Refused) -> Cause {
        match refused {
            Refused::Desync(reason) => reason.into(),
            Refused::Http(refusal) => refusal.into(),
        }
    }
}

/// Each reason is a cause of the same name.
impl From<Reason> for Cause {
    fn from(reason: Reason) -> Cause {
        match reason {
            Reason::AmbiguousUri => Cause::AmbiguousUri,
            Reason::BadContentLength => Cause::BadContentLength,
            Reason::BadHeader => Cause::BadHeader,
            Reason::BadTransferEncoding => Cause::BadTransferEncoding,
            Reason::BadUri => Cause::BadUri,
            Reason::BadMethod => Cause::BadMethod,
            Reason::BadVersion => Cause::BadVersion,
            Reason::BothTeClPresent => Cause::BothTeClPresent,
            Reason::DuplicateContentLength => Cause::DuplicateContentLength,
            Reason::EmptyHeader => Cause::EmptyHeader,
            Reason::GetHeadZeroContentLength => Cause::GetHeadZeroContentLength,
            Reason::MultipleContentLength => Cause::MultipleContentLength,
            Reason::MultipleTransferEncodingChunked => Cause::MultipleTransferEncodingChunked,
            Reason::NonCompliantHeader => Cause::NonCompliantHeader,
            Reason::NonCompliantVersion => Cause::NonCompliantVersion,
            Reason::SpaceInUri => Cause::SpaceInUri,
            Reason::SuspiciousHeader => Cause::SuspiciousHeader,
            Reason::UndefinedContentLengthSemantics => Cause::UndefinedContentLengthSemantics,
            Reason::UndefinedTransferEncodingSemantics => Cause::UndefinedTransferEncodingSemantics,
        }
    }
}

impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Cause {
        match refusal {
            Refusal::UriTooLong => Cause::UriTooLong,
            Refusal::FieldTooLarge => Cause::HeaderFieldTooLarge,
            Refusal::HeadTooLarge | Refusal::TooManyFields => Cause::RequestHeadTooLarge,
            Refusal::UnsupportedVersion => Cause::UnsupportedVersion,
            Refusal::NoHost | Refusal::SeveralHosts | Refusal::BadHost => Cause::BadHost,
            Refusal::UnsupportedTransferEncoding => Cause::UnsupportedTransferEncoding,
            Refusal::TraceRefused => Cause::TraceRefused,
            Refusal::BadTarget | Refusal::ConnectRefused => Cause::BadTarget,
            Refusal::TooManyForwardedAddresses => Cause::TooManyForwardedAddresses,
            Refusal::RequestLineTooLong | Refusal::SpeaksTls | Refusal::TooManyConnectionOptions => {
                Cause::MalformedRequest
            }
        }
    }
}

impl From<Mismatch> for Cause {
    fn from(mismatch: Mismatch) -> Cause {
        match mismatch {
            Mismatch::NeedsHttp2 => Cause::NeedsHttp2,
            Mismatch::NeedsPost => Cause::NeedsPost,
            Mismatch::GrpcNotServed => Cause::GrpcNotServed,
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
            Refusal::UriTooLong,
            Refusal::FieldTooLarge,
            Refusal::HeadTooLarge,
            Refusal::TooManyFields,
            Refusal::UnsupportedVersion,
            Refusal::NoHost,
            Refusal::RequestLineTooLong,
            Refusal::SpeaksTls,
            Refusal::UnsupportedTransferEncoding,
            Refusal::TraceRefused,
            Refusal::ConnectRefused,
            Refusal::TooManyForwardedAddresses,
        ] {
            assert_eq!(Cause::from(refusal).status(), Some(refusal.status()), "{refusal:?}");
        }
        for &reason in Reason::ALL {
            let cause = Cause::from(Refused::Desync(reason));
            assert_eq!((cause.code(), cause.status()), (reason.code(), Some(400)));
            let found = reason.describe().trim_end_matches('.');
            assert!(cause.describe().starts_with(found), "{cause:?} does not say what {reason} is");
        }
        for mismatch in [Mismatch::NeedsHttp2, Mismatch::NeedsPost, Mismatch::GrpcNotServed] {
            assert_eq!(Cause::from(mismatch).status(), Some(464), "{mismatch:?}");
        }
        assert_eq!(Cause::from(BadResponse::HeadTooLarge).status(), Some(502));
        assert_eq!(Cause::from(BadResponse::TooManyFields).status(), Some(502));
    }
}
