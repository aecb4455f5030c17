//! DATA frames (RFC 9113 section 6.1): flow control when one begins, its payload in whatever pieces are there, and whether there
//! is as much as was announced.

use super::receive::Reading;
use super::{Connection, Event, Received, Side};
use crate::http::h2::budget::Budget;
use crate::http::h2::error::{Breach, ErrorCode, Fault};
use crate::http::h2::flow::Exceeded;
use crate::http::h2::frame::{self, END_STREAM, FrameHead, HEAD_LEN, PADDED};
use crate::http::h2::stream::{Past, Remote, Stream, StreamId};

/// A DATA frame of which more is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Incoming {
    stream: StreamId,
    /// Bytes of payload.
    left: usize,
    /// Bytes of padding after it.
    padding: usize,
    end: bool,
}

impl Connection {
    pub(super) fn data_frame(&mut self, head: FrameHead, input: &[u8]) -> Result<Received, Breach> {
        let mut skip = HEAD_LEN;
        let mut padding = 0;
        if head.has(PADDED) {
            if head.len == 0 {
                return Err(Breach::BadFrameSize);
            }
            let Some(&length) = input.get(HEAD_LEN) else { return Ok(Received::MORE) };
            (skip, padding) = (HEAD_LEN + 1, usize::from(length));
        }
        let left = head.len.checked_sub(skip - HEAD_LEN + padding).ok_or(Breach::BadPadding)?;
        let end = head.has(END_STREAM);
        self.receive.receive(head.len, 0).map_err(|Exceeded| Breach::WindowExceeded)?;
        let reset = self.data_begins(head, left, end)?;
        // What lies in memory is bounded by the windows of the streams, so one that is not read holds up no other.
        self.give_credit();
        let mut received = self.data_piece(Incoming { stream: head.stream, left, padding, end }, input, skip);
        if reset.is_some() {
            received.event = reset;
        }
        Ok(received)
    }

    /// Books a frame on its stream. If that is reset for it, says so; the payload is then dropped.
    fn data_begins(&mut self, head: FrameHead, payload: usize, end: bool) -> Result<Option<Event>, Breach> {
        if payload > 0 {
            self.budgets.received();
        } else if !end {
            self.budgets.draw(Budget::EmptyData);
        }
        let Some(stream) = self.streams.get_mut(head.stream) else {
            return self.data_on_gone(head).map(|()| None);
        };
        let fault = match stream.remote {
            Remote::Ended => Some(Fault::AfterEnd),
            Remote::Head => Some(Fault::BodyBeforeHead),
            Remote::Body => stream.book(head.len, payload, end).err(),
        };
        match fault {
            Some(_) if stream.is_unknown_to_peer() => Err(Breach::IdleStream),
            Some(fault) => Ok(self.refuse(head.stream, fault)),
            None => {
                if head.len > payload {
                    stream.give_credit(self.control.bytes());
                }
                Ok(None)
            }
        }
    }

    fn data_on_gone(&mut self, head: FrameHead) -> Result<(), Breach> {
        match self.past(head.stream)? {
            Past::ResetByUs => {}
            Past::ResetByPeer => {
                frame::write_reset(head.stream, ErrorCode::StreamClosed, self.control.bytes());
            }
            Past::Unknown if self.side == Side::Client => {}
            Past::Ended | Past::Unknown => return Err(Breach::ClosedStream),
        }
        match self.departed.receive(head.stream, head.len) {
            Some(true) => {}
            Some(false) => return Err(Breach::ResetWindowExceeded),
            None => self.budgets.draw(Budget::Strays),
        }
        Ok(())
    }

    /// The payload begins at `skip`, or would; says what is there of it.
    pub(super) fn data_piece(&mut self, incoming: Incoming, input: &[u8], skip: usize) -> Received {
        let Incoming { stream, left, padding, end } = incoming;
        let len = left.min(input.len() - skip);
        let dropped = if len == left { padding.min(input.len() - skip - len) } else { 0 };
        let rest = Incoming { stream, left: left - len, padding: padding - dropped, end };
        // The end is told with the last of the payload, and only once.
        let ends = end && rest.left == 0;
        let done = rest.left == 0 && rest.padding == 0;
        self.reading = if done { Reading::Frame } else { Reading::Data(Incoming { end: end && !ends, ..rest }) };
        let used = skip + len + dropped;
        if self.streams.get(stream).is_none() {
            if ends {
                self.departed.end(stream, Past::Ended);
            }
            return Received::quiet(used);
        }
        if ends {
            self.ended_by_peer(stream);
        }
        let event = (len > 0 || ends).then_some(Event::Data { stream, skip, len, end: ends });
        Received { used, event }
    }

    /// Opens the connection's window by what came.
    pub(super) fn give_credit(&mut self) {
        if self.settled
            && let Some(credit) = self.receive.credit()
        {
            frame::write_window_update(StreamId::CONNECTION, credit, self.control.bytes());
        }
    }
}

impl Stream {
    /// A DATA frame begins: it must fit the window and what was announced as content-length.
    fn book(&mut self, frame: usize, payload: usize, end: bool) -> Result<(), Fault> {
        self.receive.receive(frame, payload).map_err(|Exceeded| Fault::WindowExceeded)?;
        if let Some(left) = &mut self.body_left {
            *left = left.checked_sub(payload as u64).ok_or(Fault::ContentLength)?;
            if end && *left > 0 {
                return Err(Fault::ContentLength);
            }
        }
        Ok(())
    }

    /// Whether less came than was announced.
    pub(super) fn is_short(&self) -> bool {
        self.body_left.is_some_and(|left| left > 0)
    }

    /// Opens the peer's window by what was used up; not after its end.
    pub(super) fn give_credit(&mut self, control: &mut Vec<u8>) {
        if self.remote == Remote::Ended {
            return;
        }
        if let Some(credit) = self.receive.credit() {
            frame::write_window_update(self.id, credit, control);
        }
    }
}
