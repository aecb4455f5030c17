//! What follows the head of a raw request: how the body is framed, how much of it is there, and what is left over. The
//! bytes themselves are not told.

use std::fmt;

use crate::http::Framing;
use crate::http::h1::body::{Decoder, Garbled, Step};

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body {
    /// `None`: nobody can tell where it ends.
    framing: Option<Framing>,
    /// Bytes of it that are there, without what frames chunks.
    pub(super) present: u64,
    pub(super) end: End,
}

/// How what is there of a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The body is whole, and so many bytes follow it.
    Whole { left_over: usize },
    /// More of it would have to come, or nobody can tell.
    Open,
    /// The chunks cannot be read.
    Garbled(Garbled),
}

impl Body {
    /// Reads what follows a head of that framing.
    pub(super) fn read(framing: Option<Framing>, mut rest: &[u8]) -> Body {
        let mut decoder = Decoder::new(framing.unwrap_or(Framing::UntilClose));
        let mut present = 0;
        let end = loop {
            let (skip, len) = match decoder.step(rest) {
                Ok(Step::Done { skip }) => break End::Whole { left_over: rest.len().saturating_sub(skip) },
                Ok(Step::More) => break End::Open,
                Err(garbled) => break End::Garbled(garbled),
                Ok(Step::Trailers { skip, len }) => (skip + len, 0),
                Ok(Step::Data { skip, len }) => (skip, len),
            };
            present += len as u64;
            rest = rest.get(skip + len..).unwrap_or_default();
        };
        Body { framing, present, end }
    }

    /// Whether there is nothing to say.
    pub(super) fn is_nothing(&self) -> bool {
        let none = matches!(self.framing, None | Some(Framing::None));
        none && self.present == 0 && self.left_over() == 0
    }

    pub(super) fn framing_name(&self) -> Option<&'static str> {
        self.framing.map(|framing| match framing {
            Framing::None => "none",
            Framing::Length(_) => "content-length",
            Framing::Chunked => "chunked",
            Framing::UntilClose => "until-close",
        })
    }

    /// The length that was announced.
    pub(super) fn length(&self) -> Option<u64> {
        if let Some(Framing::Length(length)) = self.framing { Some(length) } else { None }
    }

    /// How many bytes behind the body belong to something else.
    pub(super) fn left_over(&self) -> usize {
        if let End::Whole { left_over } = self.end { left_over } else { 0 }
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = bytes(self.present);
        match (self.framing, self.end) {
            (None | Some(Framing::UntilClose), _) => {
                return write!(f, "{present} after the head, of which nobody can tell where they end");
            }
            (Some(Framing::None), _) => f.write_str("none")?,
            (Some(Framing::Length(length)), End::Open) => {
                return write!(f, "{} by Content-Length, of which {} are here", bytes(length), self.present);
            }
            (Some(Framing::Length(length)), _) => write!(f, "{} by Content-Length", bytes(length))?,
            (Some(Framing::Chunked), End::Open) => return write!(f, "{present} in chunks, and more to come"),
            (Some(Framing::Chunked), End::Garbled(why)) => return write!(f, "{present} in chunks, then {why}"),
            (Some(Framing::Chunked), End::Whole { .. }) => write!(f, "{present} in chunks")?,
        }
        match self.left_over() {
            0 => Ok(()),
            left_over => write!(f, "; then {} of what would be the next request", bytes(left_over as u64)),
        }
    }
}

fn bytes(count: u64) -> String {
    format!("{count} {}", if count == 1 { "byte" } else { "bytes" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(framing: Framing, rest: &str) -> String {
        Body::read(Some(framing), rest.as_bytes()).to_string()
    }

    #[test]
    fn a_body_of_a_known_length_is_whole_short_or_followed_by_something() {
        assert_eq!(told(Framing::Length(3), "abc"), "3 bytes by Content-Length");
        assert_eq!(told(Framing::Length(3), "ab"), "3 bytes by Content-Length, of which 2 are here");
        let more = told(Framing::Length(1), "abcd");
        assert_eq!(more, "1 byte by Content-Length; then 3 bytes of what would be the next request");
    }

    #[test]
    fn without_a_body_whatever_follows_is_another_request() {
        assert!(Body::read(Some(Framing::None), b"").is_nothing());
        assert_eq!(told(Framing::None, "G"), "none; then 1 byte of what would be the next request");
    }

    #[test]
    fn chunks_are_counted_by_what_they_carry() {
        assert_eq!(told(Framing::Chunked, "3\r\nabc\r\n1;x\r\nd\r\n0\r\nA: b\r\n\r\n"), "4 bytes in chunks");
        assert_eq!(told(Framing::Chunked, "3\r\nabc\r\n"), "3 bytes in chunks, and more to come");
        let left = told(Framing::Chunked, "0\r\n\r\nGET /");
        assert_eq!(left, "0 bytes in chunks; then 5 bytes of what would be the next request");
        let garbled = told(Framing::Chunked, "1\r\na\r\n3\nabc\n0\n\n");
        assert!(garbled.starts_with("1 byte in chunks, then a chunk line"), "{garbled}");
    }

    #[test]
    fn without_a_framing_the_bytes_are_counted_and_no_end_is_claimed() {
        assert!(Body::read(None, b"").is_nothing());
        let body = Body::read(None, b"abc");
        assert_eq!((body.present, body.left_over(), body.framing_name()), (3, 0, None));
    }
}
