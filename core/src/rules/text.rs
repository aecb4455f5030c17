//! A piece of a request made ready for being compared with many patterns: its ends as two numbers.
//!
//! Most patterns of most listeners are short and have their wildcard, if any, at one end. Two masked
//! comparisons of sixteen bytes decide them; what is left to do otherwise is in [`super::pattern`].

use std::borrow::Cow;

/// How many bytes of each end are compared at once.
pub(super) const WINDOW: usize = 16;

/// Bytes to match, with their ends.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    bytes: Cow<'a, [u8]>,
    pub(super) len: usize,
    /// The first bytes; byte 0 is the least significant, absent bytes are zero.
    pub(super) head: u128,
    /// The last bytes; the very last is the least significant, absent bytes are zero.
    pub(super) tail: u128,
}

impl<'a> Text<'a> {
    /// For patterns that mind case.
    pub(super) fn exact(bytes: Cow<'a, [u8]>) -> Self {
        let (head, tail) = ends(&bytes);
        Text { len: bytes.len(), head, tail, bytes }
    }

    /// For patterns that do not: the ends are in lower case, the bytes stay as they are.
    pub(super) fn folded(bytes: Cow<'a, [u8]>) -> Self {
        let (head, tail) = ends(&bytes);
        Text { len: bytes.len(), head: fold(head), tail: fold(tail), bytes }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The part of a text that rules see: "Rules are applied only to visible ASCII characters; control characters
/// (0x00 to 0x1f and 0x7f) are excluded" (guide RULE-10). Excluded bytes, and those beyond ASCII, are left out
/// before anything is compared, so that inserting one does not carry a request past a rule. The space stays,
/// since field values hold spaces.
pub(super) fn visible(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.iter().all(|&byte| is_visible(byte)) {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned(bytes.iter().copied().filter(|&byte| is_visible(byte)).collect())
}

pub(super) const fn is_visible(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

fn ends(bytes: &[u8]) -> (u128, u128) {
    if let (Some(first), Some(last)) = (bytes.first_chunk::<WINDOW>(), bytes.last_chunk::<WINDOW>()) {
        return (u128::from_le_bytes(*first), u128::from_be_bytes(*last));
    }
    let head = bytes.iter().rev().fold(0, |sum: u128, &byte| sum << 8 | u128::from(byte));
    let tail = bytes.iter().fold(0, |sum: u128, &byte| sum << 8 | u128::from(byte));
    (head, tail)
}

fn fold(window: u128) -> u128 {
    let mut bytes = window.to_le_bytes();
    bytes.make_ascii_lowercase();
    u128::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_hold_the_first_and_the_last_sixteen_bytes() {
        let long = Text::exact(Cow::Borrowed(b"0123456789abcdefghij"));
        assert_eq!(&long.head.to_le_bytes(), b"0123456789abcdef");
        assert_eq!(&long.tail.to_be_bytes(), b"456789abcdefghij");
        let short = Text::exact(Cow::Borrowed(b"abc"));
        assert_eq!(&short.head.to_le_bytes()[..4], b"abc\0");
        assert_eq!(&short.tail.to_be_bytes()[12..], b"\0abc");
    }

    #[test]
    fn folding_lowers_the_ends_and_keeps_the_bytes() {
        let text = Text::folded(Cow::Borrowed(b"ABC"));
        assert_eq!(&text.head.to_le_bytes()[..3], b"abc");
        assert_eq!(text.bytes(), b"ABC");
    }

    #[test]
    fn control_and_non_ascii_bytes_are_not_seen() {
        assert_eq!(&*visible(b"a\x00b\x1fc\x7fd\x80e\xff f"), b"abcde f");
        assert!(matches!(visible(b"plain text"), Cow::Borrowed(_)));
    }
}
