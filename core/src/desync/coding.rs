//! What the `Transfer-Encoding` fields of a request come to (RFC 9112 sections 6.1 and 7, guide HDR-12).

use super::reason::Reason;
use super::verdict::Verdict;
use crate::http::h1::loose::trim_blanks;

/// All `Transfer-Encoding` fields, those included that only look like one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Codings<'a> {
    /// The name of the first field.
    pub(super) name: Option<&'a [u8]>,
    /// The real ones name `chunked`.
    pub(super) is_chunked: bool,
    /// The real ones name a coding that is not served.
    pub(super) is_compressed: bool,
    /// The first fault of a single item, or of a second `chunked`.
    fault: Option<(Reason, &'a [u8])>,
    /// The first item that makes the list as a whole one that has no reading.
    misplaced: Option<&'a [u8]>,
    items: usize,
    chunked: bool,
    /// `identity` is named.
    pub(super) identity: bool,
}

enum Coding {
    Chunked,
    Identity,
    /// `gzip`, `deflate` or `compress`, perhaps with parameters.
    Compressed,
}

impl<'a> Codings<'a> {
    /// The field of that name and value comes next.
    pub(super) fn take(&mut self, name: &'a [u8], value: &[u8], real: bool) {
        self.name.get_or_insert(name);
        // What almost everybody sends.
        if self.items == 0 && value == b"chunked" {
            (self.items, self.chunked, self.is_chunked) = (1, true, real);
            return;
        }
        for item in value.split(|&byte| byte == b',') {
            self.take_item(name, trim_blanks(item), real);
        }
    }

    fn take_item(&mut self, name: &'a [u8], item: &[u8], real: bool) {
        let coding = Coding::of(item);
        let alone = self.items == 0;
        self.items += 1;
        match coding {
            None => self.fault(Reason::BadTransferEncoding, name),
            Some(Coding::Chunked) if self.chunked => self.fault(Reason::MultipleTransferEncodingChunked, name),
            Some(Coding::Identity) if !alone => self.misplaced(name),
            Some(_) if self.chunked || self.identity => self.misplaced(name),
            Some(_) => {}
        }
        match coding {
            Some(Coding::Chunked) => {
                self.chunked = true;
                self.is_chunked |= real;
            }
            Some(Coding::Identity) => self.identity = true,
            Some(Coding::Compressed) => self.is_compressed |= real,
            None => {}
        }
    }

    /// Whether there is nothing to be said against the list as such.
    #[inline]
    pub(super) fn is_faultless(&self) -> bool {
        self.fault.is_none() && self.misplaced.is_none() && !self.identity
    }

    fn fault(&mut self, reason: Reason, name: &'a [u8]) {
        self.fault.get_or_insert((reason, name));
    }

    fn misplaced(&mut self, name: &'a [u8]) {
        self.misplaced.get_or_insert(name);
    }

    /// `chunked` is the last coding and the only one of its name, `identity` stands alone, or there is no reading.
    pub(super) fn judge(&self, verdict: &mut Verdict<'a>) {
        if let Some((reason, name)) = self.fault {
            verdict.note(reason, Some(name));
        } else if let Some(name) = self.misplaced {
            verdict.note(Reason::BadTransferEncoding, Some(name));
        }
    }
}

impl Coding {
    /// `chunked` and `identity` have no parameters (RFC 9112 section 7).
    fn of(item: &[u8]) -> Option<Coding> {
        if item.eq_ignore_ascii_case(b"chunked") {
            return Some(Coding::Chunked);
        }
        if item.eq_ignore_ascii_case(b"identity") {
            return Some(Coding::Identity);
        }
        let name = item.split(|&byte| byte == b';').next().map(trim_blanks).unwrap_or_default();
        let compressed = [&b"gzip"[..], b"deflate", b"compress"].iter().any(|coding| name.eq_ignore_ascii_case(coding));
        compressed.then_some(Coding::Compressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(values: &[&'a str]) -> (Codings<'a>, Option<Reason>) {
        let mut codings = Codings::default();
        for value in values {
            codings.take(b"Transfer-Encoding", value.as_bytes(), true);
        }
        let mut verdict = Verdict::default();
        codings.judge(&mut verdict);
        (codings, verdict.classification.reason())
    }

    #[test]
    fn chunked_alone_frames_and_identity_alone_does_nothing() {
        for value in ["chunked", "Chunked", " chunked\t"] {
            let (codings, reason) = of(&[value]);
            assert!(codings.is_chunked && !codings.is_compressed, "{value}");
            assert_eq!(reason, None, "{value}");
        }
        let (codings, reason) = of(&["identity"]);
        assert!(codings.identity && !codings.is_chunked && !codings.is_compressed);
        assert_eq!(reason, None);
    }

    #[test]
    fn well_formed_codings_that_are_not_served_are_told_apart() {
        for values in [
            &["gzip"][..],
            &["deflate"],
            &["Compress"],
            &["gzip, chunked"],
            &["gzip", "chunked"],
            &["gzip;q=1"],
            &["gzip,deflate"],
        ] {
            let (codings, reason) = of(values);
            assert!(codings.is_compressed, "{values:?}");
            assert_eq!(reason, None, "{values:?}");
        }
    }

    #[test]
    fn chunked_is_named_once() {
        for values in
            [&["chunked, chunked"][..], &["chunked", "chunked"], &["chunked, gzip, chunked"], &["CHUNKED,chunked"]]
        {
            assert_eq!(of(values).1, Some(Reason::MultipleTransferEncodingChunked), "{values:?}");
        }
    }

    #[test]
    fn codings_without_one_reading_are_bad() {
        for values in [
            &["chunked, gzip"][..],
            &["chunked", "gzip"],
            &["chunked, identity"],
            &["identity, chunked"],
            &["identity, identity"],
            &["identity, gzip"],
            &[""],
            &["chunked,"],
            &[",chunked"],
            &["\x0bchunked"],
            &["chunked;a=b"],
            &["chunked ;q"],
            &["identity;q"],
            &["\"chunked\""],
            &["ch unked"],
            &["\u{a0}chunked"],
            &["x-gzip"],
            &["br"],
            &["cow"],
            &["trailers"],
            &["cow, chunked, chunked"],
        ] {
            assert_eq!(of(values).1, Some(Reason::BadTransferEncoding), "{values:?}");
        }
    }

    #[test]
    fn a_look_alike_is_judged_and_does_not_frame() {
        let mut codings = Codings::default();
        codings.take(b"Transfer_Encoding", b"chunked", false);
        assert!(!codings.is_chunked);
        codings.take(b"Transfer-Encoding", b"chunked", true);
        let mut verdict = Verdict::default();
        codings.judge(&mut verdict);
        assert_eq!(verdict.classification.reason(), Some(Reason::MultipleTransferEncodingChunked));
    }
}
