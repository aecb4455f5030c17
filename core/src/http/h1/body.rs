//! Finds the payload in the bytes of a body: by length, in chunks ([`super::chunked`]), or until the sender closes.
//! Nothing is copied: a [`Step`] says what the front of the caller's bytes is.

use crate::http::Framing;

pub use super::chunked::{Chunked, Garbled};
pub use super::encode::{Encoder, LAST_CHUNK, passing_trailers};

/// Finds the payload in the bytes of a body.
///
/// ```
/// use sluicegate::http::Framing;
/// use sluicegate::http::h1::body::{Decoder, Step};
///
/// let mut body = Decoder::new(Framing::Chunked);
/// assert_eq!(body.step(b"3\r\nabc\r\n0\r\n\r\n"), Ok(Step::Data { skip: 3, len: 3 }));
/// assert_eq!(body.step(b"\r\n0\r\n\r\n"), Ok(Step::Done { skip: 7 }));
/// assert!(body.is_done());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// No body, or its end was reached.
    Empty,
    /// So many bytes are still to come; never 0.
    Length(u64),
    /// Chunks, then trailers.
    Chunked(Chunked),
    /// Whatever comes until the sender closes.
    UntilClose,
}

/// What the front of the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing can be consumed yet: call again with the same bytes and more. Never asks for more than
    /// [`Decoder::LOOKAHEAD`] bytes in all.
    More,
    /// Consume `skip + len` bytes; the last `len` of them are payload. `len` may be 0.
    Data {
        /// Framing, to be dropped.
        skip: usize,
        /// Payload.
        len: usize,
    },
    /// Consume `skip + len` bytes; the last `len` of them are the whole trailer section: at least one line, each
    /// ending in CRLF. The empty line that ends the body is not among them; the next step is `Done` and skips it.
    Trailers {
        /// Framing, to be dropped.
        skip: usize,
        /// Trailer lines.
        len: usize,
    },
    /// Consume `skip` bytes; the body is over. What follows is the next message.
    Done {
        /// Framing, to be dropped.
        skip: usize,
    },
}

/// The sender closed inside a body (RFC 9112 section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sender closed before the end of the body")]
pub struct Truncated;

impl Decoder {
    /// The most bytes that must be at hand at once for [`Decoder::step`] to get on: a trailer section.
    pub const LOOKAHEAD: usize = super::chunked::TRAILERS_MAX + 2;

    /// For a body framed so.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::None | Framing::Length(0) => Decoder::Empty,
            Framing::Length(length) => Decoder::Length(length),
            Framing::Chunked => Decoder::Chunked(Chunked::new()),
            Framing::UntilClose => Decoder::UntilClose,
        }
    }

    /// Whether the end of the body was consumed.
    pub fn is_done(&self) -> bool {
        matches!(self, Decoder::Empty)
    }

    /// Whether nothing but trailers can follow.
    pub(crate) fn is_past_payload(&self) -> bool {
        matches!(self, Decoder::Chunked(chunked) if chunked.is_past_payload())
    }

    /// One step over the front of `input`, which begins with the first byte that was not consumed. After an error,
    /// every further step is the same error. A body that is done is `Done { skip: 0 }`.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, Garbled> {
        let step = match self {
            Decoder::Empty => Step::Done { skip: 0 },
            Decoder::Chunked(chunked) => chunked.step(input)?,
            Decoder::Length(_) | Decoder::UntilClose if input.is_empty() => Step::More,
            Decoder::Length(left) => {
                let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                self.advance(len as u64);
                Step::Data { skip: 0, len }
            }
            Decoder::UntilClose => Step::Data { skip: 0, len: input.len() },
        };
        if let Step::Done { .. } = step {
            *self = Decoder::Empty;
        }
        Ok(step)
    }

    /// Payload bytes that follow without any framing between: what is left of a length, [`u64::MAX`] until the
    /// sender closes; `None` if chunks must be looked at, `Some(0)` if the body is done.
    pub fn passthrough(&self) -> Option<u64> {
        match self {
            Decoder::Empty => Some(0),
            Decoder::Length(left) => Some(*left),
            Decoder::UntilClose => Some(u64::MAX),
            Decoder::Chunked(_) => None,
        }
    }

    /// `n` payload bytes, at most [`Decoder::passthrough`], went by without [`Decoder::step`].
    pub fn advance(&mut self, n: u64) {
        debug_assert!(self.passthrough().is_some_and(|most| n <= most), "{n} bytes went by in {self:?}");
        if let Decoder::Length(left) = self {
            *left = left.saturating_sub(n);
            if *left == 0 {
                *self = Decoder::Empty;
            }
        }
    }

    /// The sender closed: an end, if the body is done or lasts until just that.
    pub fn ended(&mut self) -> Result<(), Truncated> {
        match self {
            Decoder::Empty | Decoder::UntilClose => {
                *self = Decoder::Empty;
                Ok(())
            }
            Decoder::Length(_) | Decoder::Chunked(_) => Err(Truncated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_counted_down_and_the_rest_is_left_over() {
        let mut body = Decoder::new(Framing::Length(5));
        assert_eq!(body.step(b""), Ok(Step::More));
        assert_eq!(body.step(b"ab"), Ok(Step::Data { skip: 0, len: 2 }));
        assert_eq!(body.passthrough(), Some(3));
        assert_eq!(body.ended(), Err(Truncated));
        assert_eq!(body.step(b"cdeGET /"), Ok(Step::Data { skip: 0, len: 3 }));
        assert!(body.is_done());
        assert_eq!(body.step(b"GET /"), Ok(Step::Done { skip: 0 }));
        assert_eq!(body.ended(), Ok(()));
    }

    #[test]
    fn bytes_that_pass_by_count_too() {
        let mut body = Decoder::new(Framing::Length(u64::MAX));
        body.advance(u64::MAX - 1);
        assert_eq!(body.passthrough(), Some(1));
        body.advance(1);
        assert!(body.is_done());
        assert_eq!(body.passthrough(), Some(0));
    }

    #[test]
    fn no_body_and_an_empty_one_are_done_at_once() {
        for framing in [Framing::None, Framing::Length(0)] {
            let mut body = Decoder::new(framing);
            assert!(body.is_done());
            assert_eq!(body.step(b"GET"), Ok(Step::Done { skip: 0 }));
        }
        assert!(!Decoder::new(Framing::Chunked).is_done());
    }

    #[test]
    fn a_body_until_close_ends_when_the_sender_does() {
        let mut body = Decoder::new(Framing::UntilClose);
        assert_eq!(body.passthrough(), Some(u64::MAX));
        assert_eq!(body.step(b"abc"), Ok(Step::Data { skip: 0, len: 3 }));
        body.advance(1000);
        assert!(!body.is_done());
        assert_eq!(body.ended(), Ok(()));
        assert!(body.is_done());
    }

    #[test]
    fn chunks_may_not_be_cut_off() {
        let mut body = Decoder::new(Framing::Chunked);
        assert_eq!(body.passthrough(), None);
        assert_eq!(body.step(b"3\r\nabc\r\n0\r\n"), Ok(Step::Data { skip: 3, len: 3 }));
        assert_eq!(body.step(b"\r\n0\r\n"), Ok(Step::Data { skip: 5, len: 0 }));
        assert_eq!(body.ended(), Err(Truncated));
    }
}
