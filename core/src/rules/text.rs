//! A piece of a request made ready for being compared with many patterns: its ends as numbers.
//!
//! Most patterns of most listeners are short and have their wildcard, if any, at one end. A few masked
//! comparisons of whole words decide them; what is left to do otherwise is in [`super::pattern`].

use std::borrow::Cow;

/// How many bytes of each end are compared as words.
pub(super) const WINDOW: usize = 32;

/// Words of both ends: first those of the head, then those of the tail.
pub(super) const WORDS: usize = 8;

/// The first and the last bytes of something. Byte `n` of the head is byte `n % 8` of word `n / 8`, counted from
/// the least significant; the tail is counted likewise from its very last byte. Absent bytes are zero.
pub(super) type Ends = [u64; WORDS];

/// Bytes to match, with their ends.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    bytes: Cow<'a, [u8]>,
    pub(super) len: usize,
    pub(super) ends: Ends,
}

impl<'a> Text<'a> {
    /// For patterns that mind case.
    pub(super) fn exact(bytes: Cow<'a, [u8]>) -> Self {
        let (head, tail) = windows(&bytes);
        Text { len: bytes.len(), ends: ends(&head, &tail), bytes }
    }

    /// For patterns that do not: the ends are in lower case, the bytes stay as they are.
    pub(super) fn folded(bytes: Cow<'a, [u8]>) -> Self {
        let (head, tail) = windows(&bytes);
        Text { len: bytes.len(), ends: ends(&head, &tail).map(lower_case), bytes }
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

/// The first bytes, and the last bytes, both padded to a window on the side away from their end.
fn windows(bytes: &[u8]) -> ([u8; WINDOW], [u8; WINDOW]) {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (*first, *last);
    }
    let (mut head, mut tail) = ([0; WINDOW], [0; WINDOW]);
    head[..bytes.len()].copy_from_slice(bytes);
    tail[WINDOW - bytes.len()..].copy_from_slice(bytes);
    (head, tail)
}

fn ends(head: &[u8; WINDOW], tail: &[u8; WINDOW]) -> Ends {
    let mut words = [0; WORDS];
    let (heads, tails) = words.split_at_mut(WORDS / 2);
    for (word, bytes) in heads.iter_mut().zip(head.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    for (word, bytes) in tails.iter_mut().zip(tail.as_chunks().0.iter().rev()) {
        *word = u64::from_be_bytes(*bytes);
    }
    words
}

/// Eight bytes at once: upper-case ASCII letters get their bit 0x20, all other bytes stay.
const fn lower_case(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let low = word & (0x7f * EACH);
    // The high bit of each byte: at least 'A', and above 'Z'.
    let from_a = low + (0x80 - b'A' as u64) * EACH;
    let above_z = low + (0x7f - b'Z' as u64) * EACH;
    word | ((from_a ^ above_z) & !word & (0x80 * EACH)) >> 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_hold_the_first_and_the_last_bytes() {
        let long = Text::exact(Cow::Borrowed(b"0123456789abcdefghijklmnopqrstuvwxyz"));
        assert_eq!(&long.ends[0].to_le_bytes(), b"01234567");
        assert_eq!(&long.ends[3].to_le_bytes(), b"opqrstuv");
        assert_eq!(&long.ends[4].to_be_bytes(), b"stuvwxyz");
        assert_eq!(&long.ends[7].to_be_bytes(), b"456789ab");
        let short = Text::exact(Cow::Borrowed(b"abc"));
        assert_eq!(&short.ends[0].to_le_bytes()[..4], b"abc\0");
        assert_eq!(&short.ends[4].to_be_bytes()[4..], b"\0abc");
        assert_eq!([short.ends[1], short.ends[5]], [0, 0]);
    }

    #[test]
    fn folding_lowers_the_ends_and_keeps_the_bytes() {
        let text = Text::folded(Cow::Borrowed(b"ABC"));
        assert_eq!(&text.ends[0].to_le_bytes()[..3], b"abc");
        assert_eq!(text.bytes(), b"ABC");
    }

    #[test]
    fn lower_case_changes_upper_case_letters_and_nothing_else() {
        for byte in 0..=255 {
            let bytes = [byte, b'A', byte, 0, 255, b'Z', b'[', byte];
            assert_eq!(
                lower_case(u64::from_le_bytes(bytes)).to_le_bytes(),
                bytes.map(|byte| byte.to_ascii_lowercase())
            );
        }
    }

    #[test]
    fn control_and_non_ascii_bytes_are_not_seen() {
        assert_eq!(&*visible(b"a\x00b\x1fc\x7fd\x80e\xff f"), b"abcde f");
        assert!(matches!(visible(b"plain text"), Cow::Borrowed(_)));
    }
}
