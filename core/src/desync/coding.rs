//! What the `Transfer-Encoding` of a request comes to (RFC 9112 sections 6.1 and 7, guide HDR-12).

use crate::http::{Framing, Refusal};

/// `values` are those of every `Transfer-Encoding` field, in order; there is at least one.
///
/// `chunked` alone is [`Framing::Chunked`], `identity` alone [`Framing::None`]. A list that is malformed, that names
/// `chunked` twice or before another coding, or that mixes `identity` in, has no safe reading: 400. What remains is
/// well-formed and not served: 501.
pub(super) fn framing<'a>(values: impl Iterator<Item = &'a [u8]>) -> Result<Framing, Refusal> {
    let mut seen = Seen::default();
    for item in values.flat_map(|value| value.split(|&byte| byte == b',')) {
        seen.add(item.trim_ascii())?;
    }
    match seen {
        Seen { chunked: 1, identity: 0, others: 0, .. } => Ok(Framing::Chunked),
        Seen { chunked: 0, identity: 1, others: 0, .. } => Ok(Framing::None),
        Seen { identity: 0, chunked: 0, .. } | Seen { identity: 0, chunked: 1, chunked_is_last: true, .. } => {
            Err(Refusal::UnsupportedTransferEncoding)
        }
        _ => Err(Refusal::BadTransferEncoding),
    }
}

#[derive(Default)]
struct Seen {
    chunked: usize,
    identity: usize,
    others: usize,
    chunked_is_last: bool,
}

impl Seen {
    fn add(&mut self, item: &[u8]) -> Result<(), Refusal> {
        self.chunked_is_last = false;
        if item.eq_ignore_ascii_case(b"chunked") {
            self.chunked += 1;
            self.chunked_is_last = true;
        } else if item.eq_ignore_ascii_case(b"identity") {
            self.identity += 1;
        } else if is_other_coding(item) {
            self.others += 1;
        } else {
            return Err(Refusal::BadTransferEncoding);
        }
        Ok(())
    }
}

/// A token other than those two, perhaps with parameters, whose text is not looked into.
fn is_other_coding(item: &[u8]) -> bool {
    let mut parts = item.splitn(2, |&byte| byte == b';').map(<[u8]>::trim_ascii_end);
    let name = parts.next().unwrap_or_default();
    let served = name.eq_ignore_ascii_case(b"chunked") || name.eq_ignore_ascii_case(b"identity");
    !name.is_empty() && name.iter().all(|&byte| is_token_byte(byte)) && !served
}

/// "tchar" of RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Framing, u16> {
        framing(values.iter().map(|value| value.as_bytes())).map_err(Refusal::status)
    }

    #[test]
    fn chunked_alone_frames_and_identity_alone_does_nothing() {
        assert_eq!(of(&["chunked"]), Ok(Framing::Chunked));
        assert_eq!(of(&["Chunked"]), Ok(Framing::Chunked));
        assert_eq!(of(&["identity"]), Ok(Framing::None));
    }

    #[test]
    fn well_formed_codings_that_are_not_served_are_501() {
        for values in [
            &["gzip"][..],
            &["deflate"],
            &["compress"],
            &["br"],
            &["gzip, chunked"],
            &["gzip", "chunked"],
            &["x;a=b"],
            &["gzip,br"],
        ] {
            assert_eq!(of(values), Err(501), "{values:?}");
        }
    }

    #[test]
    fn codings_without_one_safe_reading_are_400() {
        for values in [
            &["chunked, gzip"][..],
            &["chunked", "gzip"],
            &["chunked, chunked"],
            &["chunked", "chunked"],
            &["chunked, gzip, chunked"],
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
        ] {
            assert_eq!(of(values), Err(400), "{values:?}");
        }
    }
}
