//! Decodes and encodes bodies: by length, in chunks, or until the end.

use crate::http::Framing;

/// Finds the payload in the bytes of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// No body, or its end was reached.
    Empty,
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// Whatever comes until the sender closes.
    UntilClose,
}

/// The state between chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunked {}

/// What the front of the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing can be consumed: call again with the same bytes and more.
    More,
    /// Consume `skip + len`; the last `len` of them are payload. `len` may be 0.
    Data {
        /// Framing bytes.
        skip: usize,
        /// Payload bytes.
        len: usize,
    },
    /// Consume `skip + len`; the last `len` are whole trailer lines, each with its CRLF, without the empty line
    /// after them, which the following `Done` skips.
    Trailers {
        /// Framing bytes.
        skip: usize,
        /// Bytes of trailer lines.
        len: usize,
    },
    /// Consume `skip`; the body is over.
    Done {
        /// Framing bytes.
        skip: usize,
    },
}

/// The chunked coding was violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Garbled {
    /// Placeholder.
    #[error("a chunk has no size")]
    NoSize,
}

/// The sender closed inside a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sender closed before the end of the body")]
pub struct Truncated;

impl Decoder {
    /// For a body framed so.
    pub fn new(_framing: Framing) -> Self {
        Decoder::Empty
    }

    /// Whether the end of the body was consumed.
    pub fn is_done(&self) -> bool {
        true
    }

    /// One step over the front of `input`.
    pub fn step(&mut self, _input: &[u8]) -> Result<Step, Garbled> {
        Ok(Step::Done { skip: 0 })
    }

    /// Payload bytes that follow without any framing between.
    pub fn passthrough(&self) -> Option<u64> {
        None
    }

    /// So many payload bytes went by without [`Decoder::step`].
    pub fn advance(&mut self, _n: u64) {}

    /// The sender closed.
    pub fn ended(&mut self) -> Result<(), Truncated> {
        Ok(())
    }
}

/// Frames payload as a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoder {
    /// No body, or it was ended.
    None,
    /// So many bytes are still to go.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Payload as it is, then close.
    UntilClose,
}

impl Encoder {
    /// For a body framed so.
    pub fn new(_framing: Framing) -> Self {
        Encoder::None
    }

    /// Payload bytes that surely fit into `free` bytes with their framing and the end of the body.
    pub fn payload_room(&self, _free: usize) -> usize {
        0
    }

    /// What goes before (`.0[...1]`) and after (`.2`) `len` bytes of payload.
    pub fn frame(&self, _len: usize) -> ([u8; 18], usize, &'static [u8]) {
        ([0; 18], 0, b"")
    }

    /// `len` bytes of payload were written with [`Encoder::frame`].
    pub fn count(&mut self, _len: usize) {}

    /// Appends `payload`, framed.
    pub fn data(&mut self, _payload: &[u8], _out: &mut Vec<u8>) {}

    /// Appends the end of the body, with those of the raw `trailers` ([`Step::Trailers`]) that may be forwarded.
    /// A second call appends nothing.
    pub fn end(&mut self, _trailers: &[u8], _out: &mut Vec<u8>) {}
}
