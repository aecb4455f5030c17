//! A turn of a stream to speak: some of what lies in its leg, heads as text and bodies bare, becomes frames in the output of its
//! connection.

use super::stream::{Carried, Manner};
use crate::buffer::{Buffer, Buffers, LARGE_PAGE, Payment};
use crate::exchange::Leg;
use crate::http::FieldRoom;
use crate::http::h1::head::{parse_request, parse_response};
use crate::http::h2::frame::HEAD_LEN;
use crate::http::h2::{Connection, FieldList, StreamId, bridge};

/// A piece of a body is put off rather than cut smaller than this, in bytes, for want of room in a page.
const PIECE_MIN: usize = 1024;

/// What a head ends with.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// What would have to be said cannot be.
pub(super) enum Unspeakable {
    /// It is no head.
    Garbled,
    /// There is no memory for it. Nothing of it was said.
    Starved,
    /// The target does not take as large a head. Nothing of it was said.
    TooLarge,
    /// The room that was there is not. What was said of it is not known.
    Torn,
}

/// One turn of one stream.
pub(super) struct Speech<'a> {
    pub(super) h2: &'a mut Connection,
    pub(super) out: &'a mut Buffer,
    pub(super) leg: &'a mut Leg,
    pub(super) carried: &'a mut Carried,
    pub(super) number: StreamId,
    pub(super) payment: Payment,
    pub(super) buffers: &'a mut Buffers,
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) fields: &'a mut FieldList,
    pub(super) is_all: bool,
    pub(super) is_answer: bool,
}

impl Speech<'_> {
    /// Says what it can; how many bytes of the stream's output that were.
    pub(super) fn speak(&mut self) -> Result<usize, Unspeakable> {
        let mut said = 0;
        while !self.carried.head_said && said < self.leg.pending().len() {
            match self.say_head(said)? {
                0 => return Ok(said),
                n => said += n,
            }
        }
        if self.carried.head_said && !self.carried.end_said {
            said += self.say_body(said)?;
            self.say_end(said)?;
        }
        Ok(said)
    }

    /// Says the head that begins at that byte, with the end if nothing follows.
    fn say_head(&mut self, at: usize) -> Result<usize, Unspeakable> {
        let bytes = &self.leg.pending()[at..];
        // It was written here: whatever it has grown to, it ends where its first empty line does.
        let Some(len) = memchr::memmem::find(bytes, END_OF_HEAD).map(|at| at + END_OF_HEAD.len()) else {
            return Err(Unspeakable::Garbled);
        };
        if !has_room(self.out, encoded_max(len), self.payment, self.buffers)? {
            return Ok(0);
        }
        let end = self.is_all && self.leg.output.len() == at + len && self.leg.trailers.pending.is_empty();
        let mut room = FieldRoom::default();
        self.scratch.clear();
        let is_final = if self.is_answer {
            let Ok(response) = parse_response(&bytes[..len], &mut room) else { return Err(Unspeakable::Garbled) };
            let is_final = response.status >= 200;
            bridge::response_fields(&response, self.fields);
            self.h2.write_head(self.number, pairs(self.fields), end && is_final, self.scratch);
            is_final
        } else {
            let Ok(request) = parse_request(&bytes[..len], &mut room) else { return Err(Unspeakable::Garbled) };
            let Manner { is_secure, takes_trailers, .. } = self.carried.manner;
            let scheme = if is_secure { "https" } else { "http" };
            if request.method == b"HEAD" {
                self.h2.expects_no_body(self.number);
            }
            bridge::request_fields(&request, scheme, takes_trailers, self.fields);
            if self.fields.size() > self.h2.list_max() {
                return Err(Unspeakable::TooLarge);
            }
            self.h2.write_head(self.number, pairs(self.fields), end, self.scratch);
            self.carried.head = Some(bytes[..len].into());
            true
        };
        (self.carried.head_said, self.carried.end_said) = (is_final, end && is_final);
        append(self.out, self.scratch, self.payment, self.buffers)?;
        Ok(len)
    }

    /// Says a piece of the body that begins at that byte.
    fn say_body(&mut self, at: usize) -> Result<usize, Unspeakable> {
        let left = self.leg.pending().len() - at;
        let len = left.min(self.h2.room(self.number));
        let len = len.min(self.frame_room(len));
        if len == 0 {
            self.out.release_if_empty(self.buffers);
            return Ok(0);
        }
        let end = self.is_all && len == left && self.leg.held == 0 && self.leg.trailers.pending.is_empty();
        self.carried.head = None;
        let header = self.h2.data(self.number, len, end);
        let payload = &self.leg.pending()[at..at + len];
        append(self.out, &header, self.payment, self.buffers)?;
        append(self.out, payload, self.payment, self.buffers)?;
        self.carried.end_said = end;
        Ok(len)
    }

    /// Room for the payload of a frame that is to have so many bytes. What little is left at the end of a page is not worth a
    /// frame: there will be more once others have left.
    fn frame_room(&mut self, wanted: usize) -> usize {
        let enough = wanted.min(PIECE_MIN);
        if wanted == 0 || !self.out.make_room(HEAD_LEN + enough, self.payment, self.buffers) {
            return 0;
        }
        self.out.free(LARGE_PAGE, self.payment, self.buffers).saturating_sub(HEAD_LEN)
    }

    /// Says the end, if nothing is left before it.
    fn say_end(&mut self, at: usize) -> Result<(), Unspeakable> {
        if self.carried.end_said || !self.is_all || self.leg.output.len() > at {
            return Ok(());
        }
        if !has_room(self.out, encoded_max(self.leg.trailers.pending.len()), self.payment, self.buffers)? {
            return Ok(());
        }
        let trailers = core::mem::take(&mut self.leg.trailers.pending);
        self.scratch.clear();
        if trailers.is_empty() {
            self.scratch.extend_from_slice(&self.h2.data(self.number, 0, true));
        } else {
            // They are not kept, so the request cannot be sent again.
            self.carried.head = None;
            bridge::trailer_fields(&trailers, self.fields);
            self.h2.write_head(self.number, pairs(self.fields), true, self.scratch);
        }
        self.carried.end_said = true;
        append(self.out, self.scratch, self.payment, self.buffers)
    }
}

/// The most bytes that frames with a head, or trailers, of so many bytes of text have. A field costs HPACK three bytes more
/// than its name and value, and six if they are long; text costs four (RFC 7541 sections 5.1 and 6.2).
pub(super) const fn encoded_max(len: usize) -> usize {
    len + len / 32 + 64
}

/// Whether there is room for so many bytes now. There will be once others have left, unless there are none.
fn has_room(out: &mut Buffer, n: usize, payment: Payment, buffers: &mut Buffers) -> Result<bool, Unspeakable> {
    match out.make_room(n, payment, buffers) {
        true => Ok(true),
        false if out.is_empty() => Err(Unspeakable::Starved),
        false => Ok(false),
    }
}

/// Room was made for it. If there is none all the same, the peer must not hear what comes after.
fn append(out: &mut Buffer, bytes: &[u8], payment: Payment, buffers: &mut Buffers) -> Result<(), Unspeakable> {
    if out.append(bytes, payment, buffers) { Ok(()) } else { Err(Unspeakable::Torn) }
}

fn pairs(fields: &FieldList) -> impl Iterator<Item = (&[u8], &[u8])> {
    fields.iter().map(|field| (field.name, field.value))
}
