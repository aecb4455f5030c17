//! Streams (RFC 9113 section 5.1): those that live, each with its state and windows, and what must be known of those that are
//! gone, within bounds.
//!
//! ```text
//!   remote:  Head ──head──▶ Body ──END_STREAM──▶ Ended ┐
//!            (client)       (server begins here)       ├─▶ gone
//!   local:   Idle ──head──▶ Body ──END_STREAM──▶ Ended ┘
//!            Head ──final head──▲
//!            (server begins here)       a reset by either side: gone
//! ```

use std::cell::Cell;
use std::collections::VecDeque;

use super::flow::{ReceiveWindow, SendWindow};

/// Which stream of a connection: odd if the client opened it, 0 for the connection itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

impl StreamId {
    /// Not a stream: the connection.
    pub const CONNECTION: StreamId = StreamId(0);
    /// The highest that there may be.
    pub const MAX: StreamId = StreamId((1 << 31) - 1);

    /// Of that number; the reserved bit is dropped.
    #[inline]
    pub const fn new(number: u32) -> Self {
        StreamId(number & StreamId::MAX.0)
    }

    /// The number.
    #[inline]
    pub const fn value(self) -> u32 {
        self.0
    }

    /// Whether a client may open it.
    pub const fn is_clients(self) -> bool {
        self.0 % 2 == 1
    }
}

/// How far the peer is with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    /// Its final head is still to come; only servers are here.
    Head,
    /// The body, or trailers.
    Body,
    /// No more comes but RST_STREAM, WINDOW_UPDATE, PRIORITY.
    Ended,
}

/// How far we are with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// Opened by us, but its head is not written: the peer does not know it.
    Idle,
    /// A final head is still to be written; only servers are here.
    Head,
    /// The body, or trailers.
    Body,
    /// No more is sent.
    Ended,
}

/// A stream that lives.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Which one.
    pub id: StreamId,
    /// How far the peer is.
    pub remote: Remote,
    /// How far we are.
    pub local: Local,
    /// What we may send.
    pub send: SendWindow,
    /// What the peer may send.
    pub receive: ReceiveWindow,
    /// Bytes of body that must still come, if the peer said how many.
    pub body_left: Option<u64>,
    /// The answer has no body whatever its fields say (RFC 9110 section 6.4.1).
    pub no_body: bool,
}

/// Streams that there is room for in a connection that has none.
const STREAMS_KEPT: usize = 8;

/// The streams that live, found by identifier. Those are only ever added at the top, so the index is sorted; a stream
/// that goes leaves its place to the next one.
#[derive(Debug, Default)]
pub struct Streams {
    index: Vec<(StreamId, u32)>,
    places: Vec<Stream>,
    free: Vec<u32>,
    /// Where in the index the last one was found: whoever writes a head and data asks for the same stream again and again.
    found: Cell<usize>,
}

impl Streams {
    /// How many live.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none lives.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    #[inline]
    fn at(&self, id: StreamId) -> Option<usize> {
        let is_at = |at: usize| self.index.get(at).is_some_and(|entry| entry.0 == id);
        let last = self.index.len().wrapping_sub(1);
        if is_at(self.found.get()) {
            return Some(self.found.get());
        }
        let at = if is_at(last) { last } else { self.index.binary_search_by_key(&id, |entry| entry.0).ok()? };
        self.found.set(at);
        Some(at)
    }

    /// That stream, if it lives.
    #[inline]
    pub fn get(&self, id: StreamId) -> Option<&Stream> {
        let at = self.at(id)?;
        self.places.get(self.index.get(at)?.1 as usize)
    }

    /// That stream, if it lives.
    #[inline]
    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        let at = self.at(id)?;
        self.places.get_mut(self.index.get(at)?.1 as usize)
    }

    /// A new stream, above all that live.
    pub fn push(&mut self, stream: Stream) {
        debug_assert!(self.index.last().is_none_or(|last| last.0 < stream.id), "identifiers rise");
        let place = self.free.pop().unwrap_or(self.places.len() as u32);
        match self.places.get_mut(place as usize) {
            Some(free) => *free = stream,
            None => self.places.push(stream),
        }
        self.index.push((stream.id, place));
    }

    /// That stream goes.
    pub fn remove(&mut self, id: StreamId) -> Option<Stream> {
        let at = self.at(id)?;
        let (_, place) = self.index.remove(at);
        self.free.push(place);
        let gone = self.places.get(place as usize).copied();
        if self.index.is_empty() {
            self.rest();
        }
        gone
    }

    /// None lives: what was needed for many is given back.
    fn rest(&mut self) {
        self.index.shrink_to(STREAMS_KEPT);
        self.places.clear();
        self.places.shrink_to(STREAMS_KEPT);
        self.free.clear();
        self.free.shrink_to(STREAMS_KEPT);
    }

    /// The highest that lives.
    pub fn last(&self) -> Option<StreamId> {
        self.index.last().map(|entry| entry.0)
    }

    /// Which live, from the lowest.
    pub fn ids(&self) -> impl Iterator<Item = StreamId> + '_ {
        self.index.iter().map(|entry| entry.0)
    }

    /// All that live, from the lowest.
    pub fn each(&mut self, mut visit: impl FnMut(&mut Stream)) {
        for (_, place) in &self.index {
            if let Some(stream) = self.places.get_mut(*place as usize) {
                visit(stream);
            }
        }
    }
}

/// Streams that we reset before the peer had ended them, and that may not know it yet: what it sends on them is not its
/// fault. An honest peer has at most as many as may be open at a time (128); twice that are remembered.
pub const RESET_MEMORY: usize = 256;

/// Streams that ended otherwise, remembered only to name a later frame's fault well.
pub const CLOSED_MEMORY: usize = 32;

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// We reset it while the peer could still send.
    ResetByUs,
    /// The peer reset it.
    ResetByPeer,
    /// The peer ended it, or it was reset after that.
    Ended,
    /// It is long gone, or never was.
    Unknown,
}

/// Frames without data that may cross our reset of a stream: interim heads, a head, trailers, and a little more.
const CROSSING_MAX: u8 = 8;

/// The streams that are gone.
#[derive(Debug, Default)]
pub struct Departed {
    reset: VecDeque<Crossed>,
    closed: VecDeque<(StreamId, Past)>,
}

/// A stream that we reset, and what may cross that on its way.
#[derive(Clone, Copy, Debug)]
struct Crossed {
    id: StreamId,
    /// Bytes of DATA.
    window: i64,
    /// Other frames.
    frames: u8,
}

impl Departed {
    /// We reset a stream while the peer could still send so much.
    pub fn reset(&mut self, id: StreamId, window: i64) {
        if self.reset.len() >= RESET_MEMORY {
            self.reset.pop_front();
        }
        self.reset.push_back(Crossed { id, window, frames: CROSSING_MAX });
    }

    /// A stream ended otherwise.
    #[inline]
    pub fn closed(&mut self, id: StreamId, how: Past) {
        if self.closed.len() >= CLOSED_MEMORY {
            self.closed.pop_front();
        }
        self.closed.push_back((id, how));
    }

    /// How that stream ended.
    pub fn how(&self, id: StreamId) -> Past {
        if self.reset.iter().any(|crossed| crossed.id == id) {
            return Past::ResetByUs;
        }
        self.closed.iter().rev().find(|entry| entry.0 == id).map_or(Past::Unknown, |entry| entry.1)
    }

    /// A frame of so many bytes came; says whether the peer might send as many, if it is a stream that we had reset.
    pub fn receive(&mut self, id: StreamId, bytes: usize) -> Option<bool> {
        let crossed = self.crossed(id)?;
        crossed.window -= bytes as i64;
        Some(crossed.window >= 0 || bytes == 0)
    }

    /// A frame without data came; says whether that is no wonder, since we reset the stream.
    pub fn may_cross(&mut self, id: StreamId) -> bool {
        let Some(crossed) = self.crossed(id).filter(|crossed| crossed.frames > 0) else { return false };
        crossed.frames -= 1;
        true
    }

    fn crossed(&mut self, id: StreamId) -> Option<&mut Crossed> {
        self.reset.iter_mut().find(|crossed| crossed.id == id)
    }

    /// The peer's own end of a stream that we had reset came: no more may.
    pub fn end(&mut self, id: StreamId, how: Past) {
        if let Some(at) = self.reset.iter().position(|crossed| crossed.id == id) {
            self.reset.remove(at);
            self.closed(id, how);
        }
    }

    /// Every stream's window turned out to be larger or smaller than the peer thought.
    pub fn shift(&mut self, bytes: i64) {
        self.reset.iter_mut().for_each(|crossed| crossed.window += bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(id: u32) -> Stream {
        Stream {
            id: StreamId::new(id),
            remote: Remote::Body,
            local: Local::Head,
            send: SendWindow::new(0),
            receive: ReceiveWindow::new(0, 0),
            body_left: None,
            no_body: false,
        }
    }

    #[test]
    fn streams_are_found_until_they_go_and_places_are_used_again() {
        let mut streams = Streams::default();
        for round in 0..50 {
            for id in 0..10 {
                streams.push(stream(round * 20 + id * 2 + 1));
            }
            for id in [3, 0, 9, 1, 2, 4, 8, 7, 6, 5] {
                let id = StreamId::new(round * 20 + id * 2 + 1);
                assert_eq!(streams.get(id).map(|stream| stream.id), Some(id));
                assert_eq!(streams.remove(id).map(|stream| stream.id), Some(id));
                assert!(streams.get(id).is_none() && streams.remove(id).is_none());
            }
            assert!(streams.is_empty());
        }
        for id in (1..100).step_by(2) {
            streams.push(stream(2000 + id));
            if id > 10 {
                streams.remove(StreamId::new(2000 + id - 10));
            }
        }
        assert_eq!(streams.places.len(), 6);
    }

    #[test]
    fn a_connection_without_streams_keeps_room_for_a_few_only() {
        let mut streams = Streams::default();
        (1..1000).for_each(|id| streams.push(stream(id)));
        (1..1000).for_each(|id| assert!(streams.remove(StreamId::new(id)).is_some() || id > 0));
        let kept = [streams.index.capacity(), streams.places.capacity(), streams.free.capacity()];
        assert_eq!(kept, [STREAMS_KEPT; 3]);
    }

    #[test]
    fn the_gone_are_remembered_within_bounds() {
        let mut gone = Departed::default();
        for id in 0..=RESET_MEMORY as u32 {
            gone.reset(StreamId::new(id), 0);
        }
        assert_eq!(gone.how(StreamId::new(0)), Past::Unknown);
        assert_eq!(gone.how(StreamId::new(1)), Past::ResetByUs);
        gone.end(StreamId::new(1), Past::ResetByPeer);
        assert_eq!(gone.how(StreamId::new(1)), Past::ResetByPeer);
        for id in 1000..1000 + CLOSED_MEMORY as u32 {
            gone.closed(StreamId::new(id), Past::Ended);
        }
        assert_eq!(gone.how(StreamId::new(1)), Past::Unknown);
        assert_eq!(gone.how(StreamId::new(1000)), Past::Ended);
    }

    #[test]
    fn a_reset_stream_takes_what_its_window_had_allowed() {
        let mut gone = Departed::default();
        gone.reset(StreamId::new(1), 10);
        assert_eq!(gone.receive(StreamId::new(1), 10), Some(true));
        assert_eq!(gone.receive(StreamId::new(1), 1), Some(false));
        gone.shift(1);
        assert_eq!(gone.receive(StreamId::new(1), 0), Some(true));
        assert_eq!(gone.receive(StreamId::new(3), 1), None);
    }
}
