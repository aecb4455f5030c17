//! The fields that say where a request's body ends, those included that only look like one: judged together, since
//! somebody may take each of them for real; but only the real ones frame (RFC 9112 section 6.3).

use super::coding::Codings;
use super::reason::Reason;
use super::verdict::Verdict;
use super::version::Spoken;
use crate::http::h1::head::content_length;
use crate::http::names::Known;
use crate::http::{Framing, Refusal, Version};

/// What there is of `Content-Length` and `Transfer-Encoding`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BodyFields<'a> {
    lengths: Lengths<'a>,
    codings: Codings<'a>,
    /// The first name that only looks like one.
    look_alike: Option<&'a [u8]>,
}

/// All `Content-Length` fields.
#[derive(Clone, Copy, Debug, Default)]
struct Lengths<'a> {
    /// The name of the first field.
    name: Option<&'a [u8]>,
    /// The first length.
    value: Option<u64>,
    /// The first real length.
    real: Option<u64>,
    /// The first that is no length, or differs from the first length; else the first that repeats it.
    fault: Option<(Reason, &'a [u8])>,
}

impl<'a> BodyFields<'a> {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.codings.name.is_none() && self.lengths.name.is_none()
    }

    /// The field of that name and value comes next, if it is one of these. The value has no blanks at its ends.
    pub(super) fn take(&mut self, known: Known, name: &'a [u8], value: &[u8]) {
        match known {
            Known::ContentLength => self.lengths.take(name, value, true),
            Known::TransferEncoding => self.codings.take(name, value, true),
            Known::LengthLookAlike => self.take_look_alike(name, |fields| fields.lengths.take(name, value, false)),
            Known::CodingLookAlike => self.take_look_alike(name, |fields| fields.codings.take(name, value, false)),
            _ => {}
        }
    }

    fn take_look_alike(&mut self, name: &'a [u8], take: impl FnOnce(&mut Self)) {
        self.look_alike.get_or_insert(name);
        take(self);
    }

    /// What they come to in a request of that method and version.
    #[inline]
    pub(super) fn judge(&self, method: &[u8], spoken: Spoken, verdict: &mut Verdict<'a>) {
        if self.is_ordinary(method, spoken) {
            return;
        }
        self.judge_closely(method, spoken, verdict);
    }

    fn judge_closely(&self, method: &[u8], spoken: Spoken, verdict: &mut Verdict<'a>) {
        if let Some(name) = self.look_alike {
            verdict.note(Reason::SuspiciousHeader, Some(name));
        }
        self.judge_against_version(spoken, verdict);
        self.codings.judge(verdict);
        if let Some((reason, name)) = self.lengths.fault {
            verdict.note(reason, Some(name));
        }
        if matches!(method, b"GET" | b"HEAD") {
            self.judge_without_semantics(verdict);
        }
        if self.codings.name.is_some() && self.lengths.value.is_some() {
            verdict.note(Reason::BothTeClPresent, self.lengths.name);
        }
        // As if absent; but what nobody needs to send, not everybody reads so.
        if self.codings.identity {
            verdict.note(Reason::UndefinedTransferEncodingSemantics, self.codings.name);
        }
    }

    /// What almost every request is: nothing, or one field without a fault where one is expected. There is nothing to find.
    #[inline]
    fn is_ordinary(&self, method: &[u8], spoken: Spoken) -> bool {
        let one_at_most = self.codings.name.is_none() || self.lengths.name.is_none();
        let faultless = self.look_alike.is_none() && self.lengths.fault.is_none() && self.codings.is_faultless();
        let expected = spoken == Spoken::Known(Version::Http11) && !matches!(method, b"GET" | b"HEAD");
        self.is_empty() || one_at_most && faultless && expected
    }

    /// HTTP/1.0 knows no `Transfer-Encoding`, and a message that has one ends who knows where (RFC 9112 section 6.1).
    fn judge_against_version(&self, spoken: Spoken, verdict: &mut Verdict<'a>) {
        let knows_codings = matches!(spoken, Spoken::Known(Version::Http11) | Spoken::Later);
        if self.codings.name.is_some() && !knows_codings {
            verdict.note(Reason::UndefinedTransferEncodingSemantics, self.codings.name);
            verdict.doubt_its_end();
        }
        if self.lengths.name.is_some() && spoken == Spoken::Old {
            verdict.note(Reason::UndefinedContentLengthSemantics, self.lengths.name);
        }
    }

    /// A body of a `GET` means nothing (RFC 9110 section 9.3.1), and not everybody reads one.
    fn judge_without_semantics(&self, verdict: &mut Verdict<'a>) {
        if self.codings.name.is_some() {
            verdict.note(Reason::UndefinedTransferEncodingSemantics, self.codings.name);
        }
        match self.lengths.value {
            Some(0) => verdict.note(Reason::GetHeadZeroContentLength, self.lengths.name),
            Some(_) => verdict.note(Reason::UndefinedContentLengthSemantics, self.lengths.name),
            None => {}
        }
    }

    /// How the body of a request that has one reading ends: as `Transfer-Encoding` says, else as `Content-Length` does.
    pub(super) fn framing(&self) -> Result<Framing, Refusal> {
        if self.codings.is_compressed {
            Err(Refusal::UnsupportedTransferEncoding)
        } else if self.codings.is_chunked {
            Ok(Framing::Chunked)
        } else {
            Ok(self.lengths.real.map_or(Framing::None, Framing::Length))
        }
    }
}

impl<'a> Lengths<'a> {
    fn take(&mut self, name: &'a [u8], value: &[u8], real: bool) {
        self.name.get_or_insert(name);
        let length = content_length(value);
        match (length, self.value) {
            (None, _) => self.fault(Reason::BadContentLength, name),
            (Some(length), None) => self.value = Some(length),
            (Some(length), Some(before)) if length == before => self.fault(Reason::DuplicateContentLength, name),
            (Some(_), Some(_)) => self.fault(Reason::MultipleContentLength, name),
        }
        if real {
            self.real = self.real.or(length);
        }
    }

    fn fault(&mut self, reason: Reason, name: &'a [u8]) {
        if self.fault.is_none_or(|(before, _)| before.tier() < reason.tier()) {
            self.fault = Some((reason, name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, spoken: Spoken, fields: &[(&str, &str)]) -> (Option<Reason>, Result<Framing, u16>) {
        let mut body = BodyFields::default();
        for (name, value) in fields {
            body.take(Known::of_any(name.as_bytes()), name.as_bytes(), value.as_bytes());
        }
        let mut verdict = Verdict::default();
        body.judge(method.as_bytes(), spoken, &mut verdict);
        (verdict.classification.reason(), body.framing().map_err(Refusal::status))
    }

    const NEW: Spoken = Spoken::Known(Version::Http11);

    #[test]
    fn one_length_or_chunked_frames() {
        assert_eq!(of("POST", NEW, &[]), (None, Ok(Framing::None)));
        assert_eq!(of("POST", NEW, &[("Content-Length", "5")]), (None, Ok(Framing::Length(5))));
        assert_eq!(of("POST", NEW, &[("content-length", "05")]), (None, Ok(Framing::Length(5))));
        let most = "18446744073709551615";
        assert_eq!(of("POST", NEW, &[("Content-Length", most)]), (None, Ok(Framing::Length(u64::MAX))));
        assert_eq!(of("POST", NEW, &[("Transfer-Encoding", "chunked")]), (None, Ok(Framing::Chunked)));
    }

    #[test]
    fn bad_lengths_are_severe() {
        for value in ["", "+5", "-5", "5,5", "5, 5", "5 5", "0x5", "5.0", "\"5\"", "18446744073709551616", "x", "5;"] {
            assert_eq!(of("POST", NEW, &[("Content-Length", value)]).0, Some(Reason::BadContentLength), "{value}");
        }
    }

    #[test]
    fn lengths_that_agree_are_one_and_others_are_none() {
        let twice = |a, b| of("POST", NEW, &[("Content-Length", a), ("content-length", b)]);
        assert_eq!(twice("5", "5"), (Some(Reason::DuplicateContentLength), Ok(Framing::Length(5))));
        assert_eq!(twice("5", "05"), (Some(Reason::DuplicateContentLength), Ok(Framing::Length(5))));
        assert_eq!(twice("5", "6").0, Some(Reason::MultipleContentLength));
        assert_eq!(twice("5", "x").0, Some(Reason::BadContentLength));
    }

    #[test]
    fn a_coding_wins_over_a_length_unless_it_is_identity() {
        let both = |coding| of("POST", NEW, &[("Transfer-Encoding", coding), ("Content-Length", "5")]);
        assert_eq!(both("chunked"), (Some(Reason::BothTeClPresent), Ok(Framing::Chunked)));
        assert_eq!(both("identity"), (Some(Reason::BothTeClPresent), Ok(Framing::Length(5))));
        let alone = of("POST", NEW, &[("Transfer-Encoding", "identity")]);
        assert_eq!(alone, (Some(Reason::UndefinedTransferEncodingSemantics), Ok(Framing::None)));
        assert_eq!(both("gzip").1, Err(501));
        assert_eq!(both("cow").0, Some(Reason::BadTransferEncoding));
    }

    #[test]
    fn bodies_without_semantics_are_told_by_method_and_version() {
        let coded = [("Transfer-Encoding", "chunked")];
        for method in ["GET", "HEAD"] {
            assert_eq!(of(method, NEW, &coded).0, Some(Reason::UndefinedTransferEncodingSemantics));
            let length = |value| of(method, NEW, &[("Content-Length", value)]);
            assert_eq!(length("5"), (Some(Reason::UndefinedContentLengthSemantics), Ok(Framing::Length(5))));
            assert_eq!(length("0"), (Some(Reason::GetHeadZeroContentLength), Ok(Framing::Length(0))));
        }
        assert_eq!(of("get", NEW, &coded).0, None);
        let old = Spoken::Known(Version::Http10);
        assert_eq!(of("POST", old, &coded), (Some(Reason::UndefinedTransferEncodingSemantics), Ok(Framing::Chunked)));
        assert_eq!(of("POST", Spoken::Later, &coded).0, None);
        let length = [("Content-Length", "5")];
        assert_eq!(of("POST", Spoken::Old, &length).0, Some(Reason::UndefinedContentLengthSemantics));
        assert_eq!(of("POST", old, &length).0, None);
    }

    #[test]
    fn look_alikes_are_judged_and_do_not_frame() {
        let one = of("POST", NEW, &[("Content_Length", "5")]);
        assert_eq!(one, (Some(Reason::SuspiciousHeader), Ok(Framing::None)));
        let two = of("POST", NEW, &[("Content_Length", "5"), ("Content-Length", "6")]);
        assert_eq!(two.0, Some(Reason::MultipleContentLength));
        let mixed = of("POST", NEW, &[("Transfer_Encoding", "chunked"), ("Content-Length", "6")]);
        assert_eq!(mixed, (Some(Reason::SuspiciousHeader), Ok(Framing::Length(6))));
        assert_eq!(of("POST", NEW, &[("Transfer_Encoding", "cow")]).0, Some(Reason::BadTransferEncoding));
    }
}
