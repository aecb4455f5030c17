//! What we have to say: heads and data, credit, resets.

use super::{Connection, Event, Side};
use crate::http::h2::budget::{Budget, TINY_DATA};
use crate::http::h2::error::{Breach, ErrorCode, Fault};
use crate::http::h2::flow::SendWindow;
use crate::http::h2::frame::{self, END_HEADERS, END_STREAM, FrameHead, FrameType, HEAD_LEN, PAYLOAD_MAX};
use crate::http::h2::stream::{Local, Past, Remote, Stream, StreamId};

impl Connection {
    /// A new stream; `None` if [`Connection::available`] is 0. Its head is to be written before another is opened, since
    /// identifiers must rise on the wire (RFC 9113 section 5.1.1).
    pub fn open(&mut self) -> Option<StreamId> {
        if self.available() == 0 {
            return None;
        }
        debug_assert!(
            self.streams.last().and_then(|last| self.streams.get(last)).is_none_or(|last| last.local != Local::Idle),
            "a stream was opened before the head of the last one was written"
        );
        let id = self.next_id();
        self.highest = id;
        self.requests = self.requests.saturating_add(1);
        self.streams.push(Stream {
            id,
            remote: Remote::Head,
            local: Local::Idle,
            send: SendWindow::new(self.peer.initial_window),
            receive: self.new_receive_window(),
            body_left: None,
            no_body: false,
        });
        Some(id)
    }

    fn next_id(&self) -> StreamId {
        match self.highest.value() {
            0 => StreamId::new(1),
            highest => StreamId::new(highest.saturating_add(2)),
        }
    }

    /// How many streams the peer takes at a time, and we open.
    pub fn streams_max(&self) -> usize {
        self.peer.max_concurrent_streams.min(self.terms.max_concurrent_streams) as usize
    }

    /// The longest header list that the peer wants, in bytes as RFC 9113 section 6.5.2 counts them. That is advice; one that gets
    /// more may end the whole connection.
    pub fn list_max(&self) -> usize {
        self.peer.max_header_list as usize
    }

    /// How many streams may be opened now: none on a server, before the peer announced its settings, when either side is
    /// leaving, and when identifiers run out.
    pub fn available(&self) -> usize {
        if !self.announced || self.side == Side::Server || self.peer_is_leaving || self.is_shutting_down() {
            return 0;
        }
        let ids = StreamId::MAX.value().saturating_sub(self.highest.value()) / 2;
        let left = ids.min(self.terms.requests_max.saturating_sub(self.requests));
        self.streams_max().saturating_sub(self.streams.len()).min(left as usize)
    }

    /// Whatever the answer's fields say, it has no body: the request was HEAD (RFC 9110 section 9.3.2). Statuses 204 and 304
    /// need not be told.
    pub fn expects_no_body(&mut self, stream: StreamId) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.no_body = true;
        }
    }

    /// Appends a header list to `out`, whose bytes must go before those that [`Connection::control`] gets later: a stream must
    /// not be reset before it was opened, nor a table be resized twice. What is in `control` now is moved to `out` first.
    /// Serves requests, answers (also interim ones) and trailers; `end` if nothing follows. Writes nothing on a stream that
    /// is gone.
    pub fn write_head<'f>(
        &mut self,
        stream: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
        end: bool,
        out: &mut Vec<u8>,
    ) {
        let longest = self.frame_max();
        let Some(state) = self.streams.get_mut(stream) else { return };
        if state.local == Local::Ended {
            debug_assert!(false, "a head was written after the end of its stream");
            return;
        }
        self.control.drain_into(out);
        let from = out.len();
        out.extend_from_slice(&[0; HEAD_LEN]);
        self.encoder.begin(out);
        let mut interim = false;
        for (name, value) in fields {
            interim |= name == b":status" && value.starts_with(b"1");
            self.encoder.field(name, value, out);
        }
        state.local = match state.local {
            Local::Head if interim => Local::Head,
            _ => Local::Body,
        };
        frame_block(stream, end, from, longest, out);
        if end {
            self.ended_by_us(stream);
        }
    }

    /// The longest payload that we send.
    fn frame_max(&self) -> usize {
        self.peer.max_frame.min(PAYLOAD_MAX)
    }

    /// Bytes that the peer takes on that stream now, in however many frames.
    pub fn window(&self, stream: StreamId) -> usize {
        match self.streams.get(stream) {
            Some(stream) if stream.may_send() => stream.send.left().min(self.send.left()),
            _ => 0,
        }
    }

    /// Bytes of payload that one DATA frame may carry on that stream now.
    pub fn room(&self, stream: StreamId) -> usize {
        self.window(stream).min(self.frame_max())
    }

    /// Whether that stream lives and we have not ended it.
    pub fn may_send(&self, stream: StreamId) -> bool {
        self.streams.get(stream).is_some_and(Stream::may_send)
    }

    /// The front of a DATA frame with so many bytes of payload, at most [`Connection::room`], which the caller appends
    /// after it. An empty one needs no room.
    pub fn data(&mut self, stream: StreamId, len: usize, end: bool) -> [u8; HEAD_LEN] {
        let room = self.room(stream);
        debug_assert!(len <= room, "more is sent than there is room for");
        debug_assert!(self.may_send(stream), "data was sent on a stream that cannot have any");
        if let Some(state) = self.streams.get_mut(stream) {
            state.send.debit(len);
            self.send.debit(len);
        }
        // Only if the peer's windows, rather than what there is to send, made it so small.
        if len > 0 && len == room && len < TINY_DATA && !end {
            self.budgets.draw(Budget::TinyData);
        } else if len > 0 {
            self.budgets.sent(len);
        }
        if end {
            self.ended_by_us(stream);
        }
        let flags = if end { END_STREAM } else { 0 };
        FrameHead { len, kind: FrameType::Data, flags, stream }.write()
    }

    /// Ends a stream by force. What the peer still sends on it is dropped. Does nothing to a stream that is gone.
    pub fn reset(&mut self, stream: StreamId, code: ErrorCode) {
        if let Some(state) = self.streams.get(stream) {
            // What the peer never heard of cannot be reset.
            if state.local == Local::Idle {
                self.streams.remove(stream);
                return;
            }
            if code.blames_peer() {
                self.budgets.draw(Budget::Resets);
            }
            self.cut(stream, code);
        }
    }

    /// Resets a stream for a head or trailers that the owner cannot accept (RFC 9113 section 8.1.1), also if both sides had
    /// ended it by them: the peer is to know that it was no success.
    pub fn reject(&mut self, stream: StreamId) {
        self.budgets.draw(Budget::Resets);
        self.cut(stream, ErrorCode::ProtocolError);
    }

    /// So many bytes of a body were used up: the peer may send as many more on that stream. (On the connection it may
    /// since they came.)
    pub fn consumed(&mut self, stream: StreamId, n: usize) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.receive.consumed(n);
            stream.give_credit(self.control.bytes());
        }
    }

    /// The peer may have that many bytes under way on this stream from now on, if it might not have more before.
    pub fn widen(&mut self, stream: StreamId, window: u32) {
        if let Some(stream) = self.streams.get_mut(stream) {
            stream.receive.widen(window);
            stream.give_credit(self.control.bytes());
        }
    }

    /// Resets a stream for what the peer did, whether or not it lives; an event for the owner if it did.
    pub(super) fn refuse(&mut self, id: StreamId, fault: Fault) -> Option<Event> {
        // A page of a target whose head is too large may be asked for often, and must not cost its other clients what they
        // have under way. A request of ours comes before each, and what was made to grow draws on another budget.
        if self.side == Side::Server || !fault.is_head_too_large() {
            self.budgets.draw(Budget::Resets);
        }
        let code = fault.code();
        self.cut(id, code).then_some(Event::Reset { stream: id, code, fault: Some(fault) })
    }

    /// Resets a stream; says whether it lived.
    pub(super) fn cut(&mut self, id: StreamId, code: ErrorCode) -> bool {
        frame::write_reset(id, code, self.control.bytes());
        let Some(stream) = self.streams.remove(id) else {
            self.departed.reset(id, self.new_receive_window().left());
            return false;
        };
        match stream.remote {
            Remote::Ended => self.departed.closed(id, Past::Ended),
            Remote::Head | Remote::Body => self.departed.reset(id, stream.receive.left()),
        }
        true
    }

    /// The peer sends no more on that stream.
    pub(super) fn ended_by_peer(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.remote = Remote::Ended;
            if stream.local == Local::Ended {
                self.ended(id);
            }
        }
    }

    /// We send no more on that stream.
    fn ended_by_us(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.local = Local::Ended;
            if stream.remote == Remote::Ended {
                self.ended(id);
            }
        }
    }

    fn ended(&mut self, id: StreamId) {
        self.streams.remove(id);
        self.departed.closed(id, Past::Ended);
        self.budgets.ended();
    }

    /// That stream if it lives, `None` if it is gone, an error if the peer cannot know of it.
    pub(super) fn known(&self, id: StreamId) -> Result<Option<&Stream>, Breach> {
        match self.streams.get(id) {
            Some(stream) if stream.is_unknown_to_peer() => Err(Breach::IdleStream),
            Some(stream) => Ok(Some(stream)),
            None if self.is_idle(id) => Err(Breach::IdleStream),
            None => Ok(None),
        }
    }
}

impl Stream {
    /// Whether its head was written and its end was not.
    #[inline]
    pub(super) fn may_send(&self) -> bool {
        matches!(self.local, Local::Head | Local::Body)
    }

    pub(super) fn is_unknown_to_peer(&self) -> bool {
        self.local == Local::Idle
    }

    /// Whether no final head was written.
    pub(super) fn is_unanswered(&self) -> bool {
        self.local == Local::Head
    }
}

/// Turns what was appended after nine free bytes at `from` into HEADERS, and CONTINUATION if it is long.
fn frame_block(stream: StreamId, end: bool, from: usize, longest: usize, out: &mut Vec<u8>) {
    let end = if end { END_STREAM } else { 0 };
    let block = from + HEAD_LEN;
    let len = out.len() - block;
    let first = len.min(longest);
    let whole = if len == first { END_HEADERS } else { 0 };
    let head = FrameHead { len: first, kind: FrameType::Headers, flags: end | whole, stream };
    if let Some(place) = out.get_mut(from..block) {
        place.copy_from_slice(&head.write());
    }
    if len == first {
        return;
    }
    let rest = out.split_off(block + first);
    let mut pieces = rest.chunks(longest).peekable();
    while let Some(piece) = pieces.next() {
        let flags = if pieces.peek().is_none() { END_HEADERS } else { 0 };
        let head = FrameHead { len: piece.len(), kind: FrameType::Continuation, flags, stream };
        out.extend_from_slice(&head.write());
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h2::Terms;

    fn client(terms: Terms) -> Connection {
        let mut client = Connection::client(terms);
        client.receive(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
        client
    }

    /// Opens a stream and gives it up, as often as may be.
    fn opens(client: &mut Connection, most: usize) -> Vec<u32> {
        let mut opened = Vec::new();
        while opened.len() < most {
            let Some(stream) = client.open() else { break };
            client.reset(stream, ErrorCode::Cancel);
            opened.push(stream.value());
        }
        opened
    }

    #[test]
    fn streams_are_opened_until_identifiers_run_out() {
        let mut client = client(Terms::client());
        assert_eq!(opens(&mut client, 3), [1, 3, 5]);
        client.highest = StreamId::new((1 << 31) - 7);
        assert_eq!(client.available(), 3);
        assert_eq!(opens(&mut client, 9), [(1 << 31) - 5, (1 << 31) - 3, (1 << 31) - 1]);
        assert_eq!((client.available(), client.open()), (0, None));
    }

    #[test]
    fn a_client_makes_as_many_requests_as_its_terms_say() {
        let mut client = client(Terms { requests_max: 3, ..Terms::client() });
        assert_eq!(client.available(), 3);
        assert_eq!(opens(&mut client, 9), [1, 3, 5]);
    }
}
