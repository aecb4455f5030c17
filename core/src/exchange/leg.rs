//! One side of an exchange: bytes in, bytes out, and what has become of either direction. A connection is a leg
//! for one exchange after the other; a stream of HTTP/2 is one for a single exchange.

use super::relay::WINDOW;
use crate::buffer::{Buffer, Buffers};
use crate::time::Mono;

/// What an exchange sees of a connection.
#[derive(Debug)]
pub(crate) struct Leg {
    /// Bytes from the peer that nobody has looked at yet.
    pub(crate) input: Buffer,
    /// Bytes for the peer.
    pub(crate) output: Buffer,
    /// So much of a body may wait for the peer, in bytes.
    pub(crate) limit: usize,
    /// Bodies lie here as they are: their ends and trailers go beside the bytes. So it is on streams, which have frames.
    pub(crate) bare: bool,
    /// Trailers that go beside the bytes.
    pub(crate) trailers: Trailers,
    /// How many bytes at the end of `output` must not leave yet.
    pub(crate) held: usize,
    /// The peer's end was read: no more will come.
    pub(crate) ended: bool,
    /// The end came without a word, where there is a word for it: what has no other end may not be whole.
    pub(crate) truncated: bool,
    /// What the peer gets is not whole: it is not told that it is.
    pub(crate) unfinished: bool,
    /// A write failed: nothing more will reach the peer.
    pub(crate) broken: bool,
    /// Bytes read since the connection began.
    pub(crate) received: u64,
    /// Bytes written since the connection began.
    pub(crate) sent: u64,
    /// When the last byte moved, in either direction.
    pub(crate) activity: Mono,
}

/// Trailer fields of a bare leg, as lines that end in CRLF; empty where there are none.
#[derive(Debug, Default)]
pub(crate) struct Trailers {
    /// From the peer: they follow the last byte of the input.
    pub(crate) received: Vec<u8>,
    /// For the peer: they follow the last byte of the output.
    pub(crate) pending: Vec<u8>,
}

impl Default for Leg {
    fn default() -> Self {
        Leg {
            input: Buffer::default(),
            output: Buffer::default(),
            limit: WINDOW,
            bare: false,
            trailers: Trailers::default(),
            held: 0,
            ended: false,
            truncated: false,
            unfinished: false,
            broken: false,
            received: 0,
            sent: 0,
            activity: Mono::default(),
        }
    }
}

impl Leg {
    /// What may be written now.
    pub(crate) fn pending(&self) -> &[u8] {
        let bytes = self.output.bytes();
        &bytes[..bytes.len() - self.held]
    }

    /// Everything for the peer has been handed over, or never can be.
    pub(crate) fn flushed(&self) -> bool {
        self.broken || self.output.is_empty()
    }

    /// Takes back what was held: it is replaced by another answer.
    pub(crate) fn retract(&mut self, buffers: &mut Buffers) {
        self.output.cut(self.held, buffers);
        self.held = 0;
    }

    /// Drops what the peer sent; returns how much that was.
    pub(crate) fn discard_input(&mut self, buffers: &mut Buffers) -> usize {
        let n = self.input.len();
        self.input.release(buffers);
        n
    }

    /// Drops all bytes in both directions.
    pub(crate) fn clear(&mut self, buffers: &mut Buffers) {
        self.held = 0;
        self.input.release(buffers);
        self.output.release(buffers);
    }
}
