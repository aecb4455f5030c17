//! What is expected to be received: bytes, and places where they may vary. Matching works on what has come so far.

use std::collections::BTreeMap;

use super::show;

/// What was remembered, by name.
pub(super) type Memory = BTreeMap<String, Vec<u8>>;

/// Bytes to be received, piece by piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Exactly these bytes.
    Exactly(Vec<u8>),
    /// Of a kind; perhaps remembered by a name.
    Some(Kind, Option<String>),
    /// What was remembered by that name.
    Same(String),
    /// These bytes in whatever chunks, and the last chunk's line.
    Chunks(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    Date,
    /// `1-8hex-24hex`
    Id,
    /// At least one.
    Digits,
    /// All until the next space or the end of the line.
    Word,
    /// All until the end of the line.
    Any,
}

/// How far a pattern matches what has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// All of it, so many bytes.
    Whole(usize),
    /// As far as bytes have come.
    SoFar,
    /// No: what was expected, and where.
    No { at: usize, expected: String },
}

/// How far one piece matches.
enum Step {
    Whole(usize),
    SoFar,
    No(usize),
}

impl Pattern {
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        match self.0.last_mut() {
            Some(Piece::Exactly(last)) => last.extend_from_slice(bytes),
            _ => self.0.push(Piece::Exactly(bytes.to_vec())),
        }
    }

    /// The bytes, if nothing in them may vary.
    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        match <[Piece; 1]>::try_from(self.0) {
            Ok([Piece::Exactly(bytes)]) => Some(bytes),
            Ok(_) => None,
            Err(pieces) => pieces.is_empty().then(Vec::new),
        }
    }

    /// Matches what has come from its beginning on.
    pub(super) fn matches(&self, bytes: &[u8], memory: &mut Memory) -> Match {
        let mut at = 0;
        for piece in &self.0 {
            match piece.matches(&bytes[at..], memory) {
                Step::Whole(len) => {
                    if let Piece::Some(_, Some(name)) = piece {
                        memory.insert(name.clone(), bytes[at..at + len].to_vec());
                    }
                    at += len;
                }
                Step::SoFar => return Match::SoFar,
                Step::No(place) => return Match::No { at: at + place, expected: piece.show(place, memory) },
            }
        }
        Match::Whole(at)
    }

    /// As a reader wants to see it.
    pub(super) fn show(&self, memory: &Memory) -> String {
        self.0.iter().map(|piece| piece.show(0, memory)).collect()
    }
}

impl Piece {
    fn matches(&self, bytes: &[u8], memory: &Memory) -> Step {
        match self {
            Piece::Exactly(expected) => exactly(expected, bytes),
            Piece::Some(kind, _) => kind.matches(bytes),
            Piece::Same(name) => memory.get(name).map_or(Step::No(0), |expected| exactly(expected, bytes)),
            Piece::Chunks(payload) => chunks(payload, bytes),
        }
    }

    fn show(&self, from: usize, memory: &Memory) -> String {
        match self {
            Piece::Exactly(expected) => show::bytes(expected.get(from..).unwrap_or_default()),
            Piece::Some(Kind::Date, _) => "\\(date)".to_owned(),
            Piece::Some(Kind::Id, _) => "\\(id)".to_owned(),
            Piece::Some(Kind::Digits, _) => "\\(digits)".to_owned(),
            Piece::Some(Kind::Word, _) => "\\(word)".to_owned(),
            Piece::Some(Kind::Any, _) => "\\(any)".to_owned(),
            Piece::Same(name) => match memory.get(name) {
                Some(bytes) => show::bytes(bytes),
                None => format!("\\(={name}), which nothing was remembered by"),
            },
            Piece::Chunks(payload) => format!("chunks of {} bytes: {}", payload.len(), show::bytes(payload)),
        }
    }
}

fn exactly(expected: &[u8], bytes: &[u8]) -> Step {
    match expected.iter().zip(bytes).position(|(a, b)| a != b) {
        Some(at) => Step::No(at),
        None if bytes.len() < expected.len() => Step::SoFar,
        None => Step::Whole(expected.len()),
    }
}

impl Kind {
    fn matches(self, bytes: &[u8]) -> Step {
        match self {
            Kind::Date => shaped(b"Aaa, 00 Aaa 0000 00:00:00 GMT", bytes),
            Kind::Id => shaped(b"1-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx", bytes),
            Kind::Digits => match bytes.iter().position(|byte| !byte.is_ascii_digit()) {
                Some(0) => Step::No(0),
                Some(len) => Step::Whole(len),
                None => Step::SoFar,
            },
            Kind::Word => until(b" \r\n", bytes),
            Kind::Any => until(b"\r\n", bytes),
        }
    }
}

fn until(ends: &[u8], bytes: &[u8]) -> Step {
    bytes.iter().position(|byte| ends.contains(byte)).map_or(Step::SoFar, Step::Whole)
}

/// `A` stands for a capital, `a` for a small letter, `0` for a digit, `x` for a digit in base 16, all else for itself.
fn shaped(shape: &[u8], bytes: &[u8]) -> Step {
    let fits = |(&shape, &byte): (&u8, &u8)| match shape {
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        b'0' => byte.is_ascii_digit(),
        b'x' => byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase(),
        _ => shape == byte,
    };
    match shape.iter().zip(bytes).position(|pair| !fits(pair)) {
        Some(at) => Step::No(at),
        None if bytes.len() < shape.len() => Step::SoFar,
        None => Step::Whole(shape.len()),
    }
}

/// Chunks without extensions whose payload is `payload`, up to and with the line of the last chunk.
fn chunks(payload: &[u8], bytes: &[u8]) -> Step {
    let (mut at, mut payload) = (0, payload);
    loop {
        let Some(line) = bytes[at..].windows(2).position(|two| two == b"\r\n") else { return Step::SoFar };
        let size =
            std::str::from_utf8(&bytes[at..at + line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size else { return Step::No(at) };
        let data = at + line + 2;
        if size == 0 {
            return if payload.is_empty() { Step::Whole(data) } else { Step::No(at) };
        }
        let Some((expected, rest)) = payload.split_at_checked(size) else { return Step::No(at) };
        match exactly(&[expected, b"\r\n"].concat(), &bytes[data..]) {
            Step::Whole(len) => (at, payload) = (data + len, rest),
            Step::SoFar => return Step::SoFar,
            Step::No(place) => return Step::No(data + place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pieces: &[Piece], bytes: &[u8]) -> Match {
        Pattern(pieces.to_vec()).matches(bytes, &mut Memory::new())
    }

    fn is_no(found: &Match, place: usize) -> bool {
        matches!(found, Match::No { at, .. } if *at == place)
    }

    #[test]
    fn bytes_match_as_far_as_they_have_come_and_the_rest_is_left() {
        let piece = [Piece::Exactly(b"abc".to_vec())];
        assert_eq!(matches(&piece, b""), Match::SoFar);
        assert_eq!(matches(&piece, b"ab"), Match::SoFar);
        assert_eq!(matches(&piece, b"abcd"), Match::Whole(3));
        assert!(is_no(&matches(&piece, b"aX"), 1));
    }

    #[test]
    fn kinds_have_their_shapes() {
        let kind = |kind| [Piece::Some(kind, None), Piece::Exactly(b"\r\n".to_vec())];
        assert_eq!(matches(&kind(Kind::Date), b"Sun, 06 Nov 1994 08:49:37 GMT\r\n"), Match::Whole(31));
        assert!(is_no(&matches(&kind(Kind::Date), b"Sun, 6 "), 6));
        assert_eq!(matches(&kind(Kind::Id), b"1-65ee5e1b-0123456789abcdef01234567\r\n"), Match::Whole(37));
        assert!(is_no(&matches(&kind(Kind::Id), b"1-65EE"), 4));
        assert_eq!(matches(&kind(Kind::Digits), b"80\r\n"), Match::Whole(4));
        assert_eq!(matches(&kind(Kind::Digits), b"80"), Match::SoFar);
        assert!(is_no(&matches(&kind(Kind::Digits), b"x"), 0));
        assert_eq!(matches(&kind(Kind::Any), b"a b\r\n"), Match::Whole(5));
        assert_eq!(matches(&kind(Kind::Word), b"a-b\r\n"), Match::Whole(5));
        assert!(is_no(&matches(&kind(Kind::Word), b"a b\r\n"), 1));
    }

    #[test]
    fn what_is_remembered_must_come_again() {
        let pieces = [
            Piece::Some(Kind::Digits, Some("n".to_owned())),
            Piece::Exactly(b" ".to_vec()),
            Piece::Same("n".to_owned()),
        ];
        assert_eq!(matches(&pieces, b"12 12"), Match::Whole(5));
        assert!(is_no(&matches(&pieces, b"12 13"), 4));
        assert!(is_no(&matches(&[Piece::Same("x".to_owned())], b"1"), 0));
    }

    #[test]
    fn chunks_are_cut_anywhere_but_hold_the_payload() {
        let piece = [Piece::Chunks(b"hello".to_vec())];
        for whole in [&b"5\r\nhello\r\n0\r\n"[..], b"1\r\nh\r\n4\r\nello\r\n0\r\n"] {
            assert_eq!(matches(&piece, whole), Match::Whole(whole.len()));
            for len in 0..whole.len() {
                assert_eq!(matches(&piece, &whole[..len]), Match::SoFar, "{len}");
            }
        }
        assert!(is_no(&matches(&piece, b"4\r\nhell\r\n0\r\n"), 9));
        assert!(is_no(&matches(&piece, b"6\r\nhello!\r\n"), 0));
        assert!(is_no(&matches(&piece, b"5\r\nhellO"), 7));
        assert!(is_no(&matches(&piece, b"z\r\n"), 0));
    }
}
