//! Header blocks (RFC 9113 sections 4.3, 6.2, 6.10 and 8.1): what they are for, how they are collected, and which streams they
//! open. A block is decompressed even if nobody wants it, since the next one builds on it.

use super::{Connection, Event, Kind, Side};
use crate::http::h2::budget::{BLOCK_FRAMES_MAX, Budget};
use crate::http::h2::error::{Breach, ErrorCode, Fault};
use crate::http::h2::fields::FieldList;
use crate::http::h2::flow::{ReceiveWindow, SendWindow, WINDOW_DEFAULT};
use crate::http::h2::frame::{self, END_HEADERS, END_STREAM, FrameHead, FrameType, PRIORITY_LEN};
use crate::http::h2::hpack::{DecodeError, Limits};
use crate::http::h2::settings::FIELDS_MAX;
use crate::http::h2::stream::{Local, Past, Remote, Stream, StreamId};

/// Bytes of a HEADERS payload besides the block: the length of the padding, the padding, a priority.
const OVERHEAD_MAX: usize = 1 + 255 + PRIORITY_LEN;

/// A header block on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) stream: StreamId,
    purpose: Purpose,
    /// It is the first that was heard of its stream.
    is_first: bool,
    end: bool,
    frames: usize,
}

/// What is to happen when a block is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// A request opens a stream.
    Open,
    /// An answer, interim or final.
    Answer,
    /// Fields after a body.
    Trailers,
    /// The stream is reset.
    Refuse(Fault),
    /// A request beyond those that there may be at a time.
    TurnAway,
    /// Nothing: it crossed a reset or a GOAWAY of ours.
    Ignore,
}

impl Connection {
    /// No frame is waited for whose block is too long anyway.
    pub(super) fn admit_block(&self, head: &FrameHead) -> Result<(), Breach> {
        let overhead = if head.kind == FrameType::Headers { OVERHEAD_MAX } else { 0 };
        if self.collected.len() + head.len > self.terms.block_read_max() + overhead {
            return Err(Breach::BlockTooLong);
        }
        Ok(())
    }

    pub(super) fn headers(&mut self, head: FrameHead, payload: &[u8]) -> Result<Option<Event>, Breach> {
        let fragment = frame::headers_payload(head, payload)?;
        let end = head.has(END_STREAM);
        let mut purpose = self.purpose(head.stream, end)?;
        if fragment.depends_on == Some(head.stream) {
            purpose = Purpose::Refuse(Fault::DependsOnItself);
        }
        let is_first = self.side == Side::Server && head.stream > self.highest;
        if is_first {
            self.highest = head.stream;
        }
        let block = Block { stream: head.stream, purpose, is_first, end, frames: 1 };
        if head.has(END_HEADERS) {
            return self.complete(block, fragment.block);
        }
        collect(&mut self.collected, fragment.block);
        self.block = Some(block);
        Ok(None)
    }

    pub(super) fn continuation(&mut self, head: FrameHead, payload: &[u8]) -> Result<Option<Event>, Breach> {
        let Some(block) = &mut self.block else { return Err(Breach::NothingToContinue) };
        block.frames += 1;
        if block.frames > BLOCK_FRAMES_MAX {
            return Err(Breach::BlockScattered);
        }
        collect(&mut self.collected, payload);
        if !head.has(END_HEADERS) {
            return Ok(None);
        }
        let mut block = *block;
        self.block = None;
        if self.is_late(&block) {
            block.purpose = Purpose::Ignore;
        }
        // Blocks in several frames are rare: their room is not kept.
        let collected = core::mem::take(&mut self.collected);
        self.complete(block, &collected)
    }

    /// Between two frames of a block the owner may have reset the stream, or have told the peer that it takes no new one.
    fn is_late(&self, block: &Block) -> bool {
        match block.purpose {
            Purpose::Open => self.has_left(),
            Purpose::Answer | Purpose::Trailers => self.streams.get(block.stream).is_none(),
            Purpose::Refuse(_) | Purpose::TurnAway | Purpose::Ignore => false,
        }
    }

    /// What HEADERS mean on that stream (RFC 9113 section 5.1).
    fn purpose(&self, id: StreamId, end: bool) -> Result<Purpose, Breach> {
        if self.side == Side::Server && id > self.highest {
            return self.purpose_of_new(id);
        }
        let Some(stream) = self.streams.get(id) else {
            return self.purpose_of_gone(id);
        };
        Ok(match stream.remote {
            Remote::Head if stream.local == Local::Idle => return Err(Breach::IdleStream),
            Remote::Head => Purpose::Answer,
            Remote::Body if end => Purpose::Trailers,
            // "An endpoint that receives a HEADERS frame without the END_STREAM flag set after receiving the HEADERS frame
            // that opens a request … MUST treat the corresponding request or response as malformed" (section 8.1).
            Remote::Body => Purpose::Refuse(Fault::HeadInBody),
            Remote::Ended => Purpose::Refuse(Fault::AfterEnd),
        })
    }

    /// A request, if we take it.
    fn purpose_of_new(&self, id: StreamId) -> Result<Purpose, Breach> {
        if !id.is_clients() {
            return Err(Breach::NotYourStream);
        }
        Ok(if self.has_left() {
            Purpose::Ignore
        } else if self.streams.len() >= self.terms.max_concurrent_streams as usize {
            Purpose::TurnAway
        } else {
            Purpose::Open
        })
    }

    fn purpose_of_gone(&self, id: StreamId) -> Result<Purpose, Breach> {
        match (self.past(id)?, self.side) {
            (Past::Ended, _) => Err(Breach::ClosedStream),
            (Past::ResetByUs, _) => Ok(Purpose::Ignore),
            (Past::ResetByPeer, Side::Server) => Ok(Purpose::Refuse(Fault::AfterEnd)),
            (Past::Unknown, Side::Server) => Err(Breach::StreamsFall),
            // Whatever is gone was once opened by us, and what crossed our reset long ago is no fault.
            (Past::ResetByPeer | Past::Unknown, Side::Client) => Ok(Purpose::Ignore),
        }
    }

    /// Reads a block whatever it is for. If its list is not taken, says why; there are no fields then.
    fn decompress(&mut self, bytes: &[u8]) -> Result<Option<Fault>, Breach> {
        if bytes.len() > self.terms.block_read_max() {
            return Err(Breach::BlockTooLong);
        }
        let limits = Limits { list_size: self.terms.max_header_list as usize, fields: FIELDS_MAX };
        let (fault, size) = match self.decoder.decode(bytes, &limits, &mut self.fields) {
            Ok(()) if bytes.len() <= self.terms.max_header_block => (None, self.fields.size()),
            Ok(()) => (Some(Fault::BlockTooLong), self.fields.size()),
            Err(DecodeError::ListTooLarge { size }) => (Some(Fault::ListTooLong), size),
            Err(DecodeError::TooManyFields { size }) => (Some(Fault::TooManyFields), size),
            Err(DecodeError::Compression(_)) => return Err(Breach::Compression),
            Err(DecodeError::Bomb) => return Err(Breach::ListTooLong),
        };
        if fault.is_some() {
            self.fields.clear();
        }
        let budget = if self.side == Side::Server { Budget::Expansion } else { Budget::Repetition };
        self.budgets.expanded(budget, bytes.len(), size);
        Ok(fault)
    }

    fn complete(&mut self, mut block: Block, bytes: &[u8]) -> Result<Option<Event>, Breach> {
        if let Some(fault) = self.decompress(bytes)?
            && let Purpose::Open | Purpose::Answer | Purpose::Trailers = block.purpose
        {
            block.purpose = Purpose::Refuse(fault);
        }
        let event = self.decide(block);
        if !matches!(event, Some(Event::Head { .. })) {
            // Nobody will read the list.
            self.fields.clear();
        }
        Ok(event)
    }

    /// What a block comes to, now that its list is read.
    fn decide(&mut self, block: Block) -> Option<Event> {
        match block.purpose {
            Purpose::Open => self.open_by_peer(block),
            Purpose::Answer => self.answer(block),
            Purpose::Trailers => self.trailers(block),
            Purpose::Refuse(fault) => self.refuse_block(block, fault),
            Purpose::TurnAway => self.turn_away(block),
            Purpose::Ignore => {
                if !self.departed.may_cross(block.stream) {
                    self.budgets.draw(Budget::Strays);
                }
                if block.end {
                    self.departed.end(block.stream, Past::Ended);
                }
                None
            }
        }
    }

    /// The stream is reset for what this block is.
    fn refuse_block(&mut self, block: Block, fault: Fault) -> Option<Event> {
        let event = self.refuse(block.stream, fault);
        if block.end {
            self.departed.end(block.stream, Past::Ended);
        }
        // Somebody may want to know why there is no request.
        let never_began = Event::Reset { stream: block.stream, code: fault.code(), fault: Some(fault) };
        event.or(block.is_first.then_some(never_began))
    }

    /// Before it acknowledged our settings the peer could not know how many streams it may open.
    fn turn_away(&mut self, block: Block) -> Option<Event> {
        self.budgets.draw(if self.settled { Budget::Resets } else { Budget::Strays });
        self.cut(block.stream, ErrorCode::RefusedStream);
        if block.end {
            self.departed.end(block.stream, Past::Ended);
        }
        None
    }

    /// A request.
    fn open_by_peer(&mut self, block: Block) -> Option<Event> {
        let length = match content_length(&self.fields) {
            Ok(length) if !(block.end && length.is_some_and(|length| length > 0)) => length,
            _ => return self.refuse_block(block, Fault::ContentLength),
        };
        self.budgets.begun();
        self.requests = self.requests.saturating_add(1);
        self.taken = block.stream;
        self.streams.push(Stream {
            id: block.stream,
            remote: if block.end { Remote::Ended } else { Remote::Body },
            local: Local::Head,
            send: SendWindow::new(self.peer.initial_window),
            receive: self.new_receive_window(),
            body_left: length,
            no_body: false,
        });
        self.mind_requests_max();
        Some(Event::Head { stream: block.stream, kind: Kind::Head, end: block.end })
    }

    pub(super) fn new_receive_window(&self) -> ReceiveWindow {
        let known_as = if self.settled { self.terms.initial_window } else { WINDOW_DEFAULT };
        ReceiveWindow::new(known_as, self.terms.initial_window)
    }

    fn answer(&mut self, block: Block) -> Option<Event> {
        let status = self.fields.iter().next().filter(|field| field.name == b":status").map(|field| field.value);
        if matches!(status, Some([b'1', _, _])) {
            return self.interim(block);
        }
        self.budgets.begun();
        let length = match content_length(&self.fields) {
            Ok(length) => length,
            Err(Invalid) => return self.refuse_block(block, Fault::ContentLength),
        };
        let no_body = self.streams.get(block.stream)?.no_body || matches!(status, Some(b"204" | b"304"));
        self.body_begins(block, if no_body { Some(0) } else { length })
    }

    /// An interim answer announces another one, so it ends nothing (RFC 9113 section 8.1).
    fn interim(&mut self, block: Block) -> Option<Event> {
        self.budgets.draw(Budget::Interims);
        if block.end {
            return self.refuse_block(block, Fault::InterimEnds);
        }
        Some(Event::Head { stream: block.stream, kind: Kind::Head, end: false })
    }

    /// A final head came; the body is so long.
    fn body_begins(&mut self, block: Block, length: Option<u64>) -> Option<Event> {
        let stream = self.streams.get_mut(block.stream)?;
        stream.remote = Remote::Body;
        stream.body_left = length;
        if block.end {
            if length.is_some_and(|length| length > 0) {
                return self.refuse_block(block, Fault::ContentLength);
            }
            self.ended_by_peer(block.stream);
        }
        Some(Event::Head { stream: block.stream, kind: Kind::Head, end: block.end })
    }

    fn trailers(&mut self, block: Block) -> Option<Event> {
        if self.streams.get(block.stream)?.is_short() {
            return self.refuse_block(block, Fault::ContentLength);
        }
        self.ended_by_peer(block.stream);
        Some(Event::Head { stream: block.stream, kind: Kind::Trailers, end: true })
    }
}

/// Takes no more memory than there are bytes, since that is what is accounted for; the pieces are few.
fn collect(collected: &mut Vec<u8>, piece: &[u8]) {
    collected.reserve_exact(piece.len());
    collected.extend_from_slice(piece);
}

/// A content-length that is no number, or several that differ.
struct Invalid;

/// How long the body is said to be (RFC 9110 section 8.6).
fn content_length(fields: &FieldList) -> Result<Option<u64>, Invalid> {
    let mut found = None;
    for field in fields.iter().filter(|field| field.name == b"content-length") {
        let length = number(field.value).ok_or(Invalid)?;
        if found.is_some_and(|found| found != length) {
            return Err(Invalid);
        }
        found = Some(length);
    }
    Ok(found)
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, &digit| {
        let digit = char::from(digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
