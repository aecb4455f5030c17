//! One direction of an exchange: a body is decoded on the leg that it comes from and framed anew on the leg that
//! it goes to. It holds back when the receiving leg is full, so that memory stays constant whatever the sizes.

use super::leg::Leg;
use crate::buffer::{Buffers, LARGE_PAGE, PAGE, Payment, RECORDS_OVERHEAD};
use crate::http::Framing;
use crate::http::h1::body::{Decoder, Encoder, Garbled, LAST_CHUNK, Step, passing_trailers};

/// Bytes that may wait for a slow receiver, in bytes. Sealed they still fit in a page, so that they leave in one write.
pub(crate) const WINDOW: usize = LARGE_PAGE - RECORDS_OVERHEAD;

/// A body on its way through.
#[derive(Debug)]
pub(crate) struct Relay {
    decoder: Decoder,
    encoder: Encoder,
}

/// How far a relay has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It needs more from the sender than has come.
    Starved,
    /// It needs more room towards the receiver.
    Blocked,
    /// The whole body, trailers included, is in the receiver's output.
    Finished,
}

impl Relay {
    /// A body framed one way on arrival and another way on departure, where there is framing: a bare leg has none.
    pub(crate) fn new((from, framing): (&Leg, Framing), (to, reframing): (&Leg, Framing)) -> Self {
        let side = |leg: &Leg, framing| match framing {
            Framing::Length(_) | Framing::Chunked if leg.bare => Framing::UntilClose,
            framing => framing,
        };
        Relay { decoder: Decoder::new(side(from, framing)), encoder: Encoder::new(side(to, reframing)) }
    }

    /// Bytes both ways, whatever they are.
    pub(crate) fn tunnel() -> Self {
        Relay { decoder: Decoder::UntilClose, encoder: Encoder::UntilClose }
    }

    /// Moves what can be moved from one leg's input to the other's output.
    pub(crate) fn pump(&mut self, from: &mut Leg, to: &mut Leg, buffers: &mut Buffers) -> Result<Flow, Garbled> {
        while !self.decoder.is_done() {
            if from.input.is_empty() {
                return Ok(Flow::Starved);
            }
            let window = match self.encoder {
                // The end was written with the trailers; what is left of the body is its last empty line.
                Encoder::None => from.input.len(),
                // Trailers go beside the bytes, and need no room among them.
                _ if to.bare && self.decoder.is_past_payload() => from.input.len(),
                _ => {
                    let free = to.output.free(to.limit, Payment::Admitted, buffers);
                    from.input.len().min(self.encoder.payload_room(free))
                }
            };
            let step = self.decoder.step(&from.input.bytes()[..window])?;
            let used = match step {
                Step::More => {
                    to.output.release_if_empty(buffers);
                    let all = window == from.input.len();
                    return Ok(if all { Flow::Starved } else { Flow::Blocked });
                }
                Step::Data { skip, len } => {
                    self.forward(&from.input.bytes()[skip..skip + len], to, buffers, skip + len)
                }
                Step::Trailers { skip, len } => {
                    self.end(&from.input.bytes()[skip..skip + len], to, buffers);
                    skip + len
                }
                Step::Done { skip } => skip,
            };
            from.input.consume(used, buffers);
        }
        self.close(to, buffers);
        Ok(Flow::Finished)
    }

    /// The sender closed its side, or said that the body is over. An error if it is not whole. `false` if there is no room
    /// yet for what follows the body.
    pub(crate) fn sender_ended(
        &mut self,
        from: &mut Leg,
        to: &mut Leg,
        buffers: &mut Buffers,
    ) -> Result<bool, Truncated> {
        self.decoder.ended().map_err(|_| Truncated)?;
        let end = from.trailers.received.len() + LAST_CHUNK.len();
        if self.encoder == Encoder::Chunked && !to.output.make_room(end, Payment::Admitted, buffers) {
            self.decoder = Decoder::UntilClose;
            return Ok(false);
        }
        let trailers = core::mem::take(&mut from.trailers.received);
        if !trailers.is_empty() {
            self.end(&trailers, to, buffers);
        }
        self.close(to, buffers);
        Ok(true)
    }

    /// The body ends with these trailers.
    fn end(&mut self, trailers: &[u8], to: &mut Leg, buffers: &mut Buffers) {
        if to.bare {
            passing_trailers(trailers, &mut to.trailers.pending);
        } else if let Encoder::Chunked = self.encoder {
            let mut end = Vec::new();
            self.encoder.end(trailers, &mut end);
            let _ = to.output.append(&end, Payment::Admitted, buffers);
        }
        self.encoder = Encoder::None;
    }

    /// Bytes that may be read straight into the receiver's output, since no framing lies between: the most that the
    /// body allows, or nothing.
    pub(crate) fn lends(&self) -> Option<u64> {
        match self.encoder {
            Encoder::Length(_) | Encoder::UntilClose => self.decoder.passthrough(),
            Encoder::None | Encoder::Chunked => None,
        }
    }

    /// Room in the receiver's output for [`Relay::lends`].
    pub(crate) fn room<'l>(&self, to: &'l mut Leg, buffers: &mut Buffers) -> Option<&'l mut [u8]> {
        let most = usize::try_from(self.lends()?).unwrap_or(usize::MAX);
        let room = if most.min(to.limit) > PAGE {
            to.output.bulk_room(to.limit, Payment::Admitted, buffers)?
        } else {
            to.output.room(to.limit, Payment::Admitted, buffers)?
        };
        let allowed = room.len().min(most);
        Some(&mut room[..allowed])
    }

    /// `n` bytes were read into that room.
    pub(crate) fn lent(&mut self, n: usize, to: &mut Leg) {
        to.output.filled(n);
        if to.held > 0 {
            to.held += n;
        }
        self.decoder.advance(n as u64);
        self.encoder.count(n);
    }

    /// Bytes of the body that are still to come, where it said so.
    pub(crate) fn remaining(&self) -> Option<u64> {
        match self.decoder {
            Decoder::Length(remaining) => Some(remaining),
            Decoder::Empty => Some(0),
            Decoder::Chunked(_) | Decoder::UntilClose => None,
        }
    }

    fn forward(&mut self, payload: &[u8], to: &mut Leg, buffers: &mut Buffers, used: usize) -> usize {
        let (prefix, prefix_len, suffix) = self.encoder.frame(payload.len());
        for piece in [&prefix[..prefix_len], payload, suffix] {
            let fits = to.output.append(piece, Payment::Admitted, buffers);
            debug_assert!(fits || to.broken, "payload_room promised more than there was");
        }
        self.encoder.count(payload.len());
        used
    }

    fn close(&mut self, to: &mut Leg, buffers: &mut Buffers) {
        if let Encoder::Chunked = core::mem::replace(&mut self.encoder, Encoder::None) {
            let _ = to.output.append(b"0\r\n\r\n", Payment::Admitted, buffers);
        }
    }
}

/// The sender closed before its body was whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truncated;
