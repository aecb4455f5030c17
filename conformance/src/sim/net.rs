//! Simulated TCP: byte pipes with limited windows, segments that arrive late and in pieces, half-closes and resets.
//! Nothing is ever lost or reordered, as TCP promises; everything else that a socket may do to us, it does.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::chance::{Chance, mix};
use super::veil::Veil;
use super::wiretap::Tap;

/// Nanoseconds of virtual time.
pub(crate) type Time = u64;

pub(crate) const MICROS: Time = 1_000;
pub(crate) const MILLIS: Time = 1_000_000;
pub(crate) const SECONDS: Time = 1_000_000_000;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The end whose socket the load balancer's adapter holds.
    Ours,
    /// The client's or the target's end.
    Theirs,
}

impl Side {
    pub(crate) fn other(self) -> Side {
        match self {
            Side::Ours => Side::Theirs,
            Side::Theirs => Side::Ours,
        }
    }
}

/// A connection's number; never reused.
pub(crate) type Conn = usize;

/// What travels.
#[derive(Debug)]
pub(crate) enum Arrival {
    Bytes(Vec<u8>),
    End,
    Reset,
    /// The other end read something: there is room to write again.
    Room,
}

/// Why a read or write did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    WouldBlock,
    Reset,
}

/// How a connection treats its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// Bytes that may be on their way or unread, per direction.
    pub(crate) window: usize,
    /// The longest segment.
    pub(crate) segment: usize,
    /// The longest time that a segment takes.
    pub(crate) delay: Time,
    /// Whether unread bytes are dropped when a reset arrives.
    pub(crate) reset_drops: bool,
}

/// One end: what has arrived there, and what this end has said.
#[derive(Debug, Default)]
struct End {
    inbox: VecDeque<u8>,
    under_way: usize,
    latest: Time,
    /// The other end's FIN has arrived.
    ended: bool,
    /// A reset has arrived.
    reset: bool,
    shut: bool,
    closed: bool,
    starved: bool,
    read: u64,
    written: u64,
    watches: Vec<Watch>,
}

/// A byte of which it matters what its reader had written when it read it.
#[derive(Debug)]
struct Watch {
    byte: u64,
    written: Option<u64>,
}

#[derive(Debug)]
struct Pipe {
    manners: Manners,
    ends: [End; 2],
}

/// Every connection, and everything that is on its way.
#[derive(Debug)]
pub(crate) struct Net<E> {
    pub(crate) now: Time,
    pub(crate) chance: Chance,
    pipes: Vec<Pipe>,
    /// The TLS of the peers that speak it.
    pub(super) veils: Vec<Option<Box<Veil>>>,
    taps: Vec<Option<Tap>>,
    /// What was wrong about what the balancer said.
    pub(super) overheard: Option<String>,
    /// Depends on every byte on every wire.
    pub(crate) traffic: u64,
    agenda: BinaryHeap<Reverse<(Time, u64, usize)>>,
    events: Vec<Option<Happening<E>>>,
    vacant: Vec<usize>,
    serial: u64,
}

/// What is on the agenda.
#[derive(Debug)]
pub(crate) enum Happening<E> {
    Arrives(Conn, Side, Arrival),
    Other(E),
}

/// What became of an end because something arrived.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Readiness {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

impl<E> Net<E> {
    pub(crate) fn new(chance: Chance) -> Self {
        Net {
            now: 0,
            chance,
            pipes: Vec::new(),
            veils: Vec::new(),
            taps: Vec::new(),
            overheard: None,
            traffic: 0,
            agenda: BinaryHeap::new(),
            events: Vec::new(),
            vacant: Vec::new(),
            serial: 0,
        }
    }

    pub(crate) fn at(&mut self, when: Time, event: E) {
        self.put(when, Happening::Other(event));
    }

    fn put(&mut self, when: Time, event: Happening<E>) {
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.events.push(None);
            self.events.len() - 1
        });
        self.events[place] = Some(event);
        self.serial += 1;
        self.agenda.push(Reverse((when.max(self.now), self.serial, place)));
    }

    pub(crate) fn next_at(&self) -> Option<Time> {
        self.agenda.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next thing that happens; the clock jumps to it.
    pub(crate) fn take(&mut self) -> Option<Happening<E>> {
        let Reverse((at, _, place)) = self.agenda.pop()?;
        self.now = self.now.max(at);
        self.vacant.push(place);
        self.events[place].take()
    }

    pub(crate) fn open(&mut self, manners: Manners) -> Conn {
        self.pipes.push(Pipe { manners, ends: [End::default(), End::default()] });
        self.veils.push(None);
        self.taps.push(None);
        self.pipes.len() - 1
    }

    /// From now on nothing but TLS may be said by the balancer on a connection.
    pub(crate) fn tap(&mut self, conn: Conn) {
        self.taps[conn] = Some(Tap::default());
    }

    fn end(&mut self, conn: Conn, side: Side) -> &mut End {
        &mut self.pipes[conn].ends[side as usize]
    }

    fn peek(&self, conn: Conn, side: Side) -> &End {
        &self.pipes[conn].ends[side as usize]
    }

    /// Bytes that the end `side` has not read yet, those on their way included.
    pub(crate) fn unread(&self, conn: Conn, side: Side) -> usize {
        let end = self.peek(conn, side);
        end.inbox.len() + end.under_way
    }

    pub(crate) fn is_closed(&self, conn: Conn, side: Side) -> bool {
        self.peek(conn, side).closed
    }

    /// Bytes read and written at that end so far.
    pub(crate) fn moved(&self, conn: Conn, side: Side) -> (u64, u64) {
        (self.peek(conn, side).read, self.peek(conn, side).written)
    }

    /// Watches for the `byte`-th byte (from 0) that the end `side` reads. The watch's number.
    pub(crate) fn watch(&mut self, conn: Conn, side: Side, byte: u64) -> usize {
        let watches = &mut self.end(conn, side).watches;
        watches.push(Watch { byte, written: None });
        watches.len() - 1
    }

    /// How many bytes that end had written when it read what is watched, if it did.
    pub(crate) fn watched(&self, conn: Conn, side: Side, watch: usize) -> Option<u64> {
        self.peek(conn, side).watches.get(watch)?.written
    }

    /// Reads into `room` what the pipe carries; zero bytes are the end.
    pub(super) fn read_raw(&mut self, conn: Conn, side: Side, room: &mut [u8]) -> Result<usize, Stop> {
        let most = if self.chance.one_in(4) { self.chance.between(1, room.len() as u64) as usize } else { room.len() };
        let end = self.end(conn, side);
        assert!(!end.closed, "a closed socket was read");
        if end.inbox.is_empty() {
            return if end.reset {
                Err(Stop::Reset)
            } else if end.ended {
                Ok(0)
            } else {
                Err(Stop::WouldBlock)
            };
        }
        let n = most.min(end.inbox.len());
        let (front, back) = end.inbox.as_slices();
        let first = n.min(front.len());
        room[..first].copy_from_slice(&front[..first]);
        room[first..n].copy_from_slice(&back[..n - first]);
        end.inbox.drain(..n);
        end.read += n as u64;
        for watch in end.watches.iter_mut().filter(|watch| watch.byte < end.read) {
            watch.written.get_or_insert(end.written);
        }
        let writer = self.end(conn, side.other());
        if std::mem::take(&mut writer.starved) {
            let at = self.now + self.late(conn);
            self.put(at, Happening::Arrives(conn, side.other(), Arrival::Room));
        }
        Ok(n)
    }

    /// Writes to the pipe as much of `bytes` as there is room for, or less.
    pub(super) fn write_raw(&mut self, conn: Conn, side: Side, bytes: &[u8]) -> Result<usize, Stop> {
        let mut n = self.room(conn, side)?.min(bytes.len());
        if n > 1 && self.chance.one_in(4) {
            n = self.chance.between(1, n as u64) as usize;
        }
        self.push_raw(conn, side, &bytes[..n]);
        Ok(n)
    }

    /// How much can be written now, at least one byte.
    pub(super) fn room(&mut self, conn: Conn, side: Side) -> Result<usize, Stop> {
        let window = self.pipes[conn].manners.window;
        let end = self.peek(conn, side);
        assert!(!end.closed && !end.shut, "a socket was written after it was shut");
        if end.reset {
            return Err(Stop::Reset);
        }
        let room = window.saturating_sub(self.unread(conn, side.other()));
        if room == 0 {
            self.end(conn, side).starved = true;
            return Err(Stop::WouldBlock);
        }
        Ok(room)
    }

    /// Writes all of it.
    pub(super) fn push_raw(&mut self, conn: Conn, side: Side, bytes: &[u8]) {
        let end = self.end(conn, side);
        if end.reset || end.shut || bytes.is_empty() {
            return;
        }
        end.written += bytes.len() as u64;
        self.listen(conn, side, bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            let most = self.pipes[conn].manners.segment.min(rest.len());
            let size = if self.chance.one_in(3) { self.chance.between(1, most as u64) as usize } else { most };
            let (segment, after) = rest.split_at(size);
            rest = after;
            self.end(conn, side.other()).under_way += size;
            self.send(conn, side.other(), Arrival::Bytes(segment.to_vec()));
        }
    }

    fn listen(&mut self, conn: Conn, side: Side, bytes: &[u8]) {
        let words = bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(word)
        });
        self.traffic = words.fold(mix(self.traffic ^ (2 * conn as u64 + side as u64)), |hash, word| mix(hash ^ word));
        if let (Side::Ours, Some(tap)) = (side, &mut self.taps[conn])
            && let Err(what) = tap.hears(bytes)
        {
            self.overheard.get_or_insert(format!("conn {conn}: {what}"));
        }
    }

    /// Whether it ended in the middle of a record.
    pub(super) fn is_torn(&self, conn: Conn, side: Side) -> bool {
        side == Side::Ours && self.taps[conn].as_ref().is_some_and(|tap| !tap.is_whole())
    }

    pub(super) fn is_shut(&self, conn: Conn, side: Side) -> bool {
        self.peek(conn, side).shut
    }

    pub(super) fn is_reset(&self, conn: Conn, side: Side) -> bool {
        self.peek(conn, side).reset
    }

    /// Says that no more will be written.
    pub(super) fn shut_raw(&mut self, conn: Conn, side: Side) {
        let end = self.end(conn, side);
        if !std::mem::replace(&mut end.shut, true) && !end.reset {
            self.send(conn, side.other(), Arrival::End);
        }
    }

    /// Closes; with unread bytes that is a reset, as in every TCP that follows RFC 2525 section 2.17.
    pub(super) fn close_raw(&mut self, conn: Conn, side: Side) {
        if self.peek(conn, side).inbox.is_empty() {
            self.shut_raw(conn, side);
            self.end(conn, side).closed = true;
        } else {
            self.reset(conn, side);
        }
    }

    /// Closes at once and tells the other end so.
    pub(crate) fn reset(&mut self, conn: Conn, side: Side) {
        let end = self.end(conn, side);
        (end.closed, end.shut) = (true, true);
        end.inbox.clear();
        if !end.reset {
            self.send(conn, side.other(), Arrival::Reset);
        }
    }

    fn late(&mut self, conn: Conn) -> Time {
        let most = self.pipes[conn].manners.delay;
        if self.chance.one_in(3) { self.chance.below(most + 1) } else { most / 8 }
    }

    fn send(&mut self, conn: Conn, to: Side, what: Arrival) {
        let at = self.now + self.late(conn);
        let end = self.end(conn, to);
        end.latest = end.latest.max(at);
        let at = end.latest;
        self.put(at, Happening::Arrives(conn, to, what));
    }

    /// Something arrives at an end.
    pub(crate) fn arrive(&mut self, conn: Conn, to: Side, what: Arrival) -> Readiness {
        let drops = self.pipes[conn].manners.reset_drops;
        let end = self.end(conn, to);
        match what {
            Arrival::Bytes(bytes) => {
                end.under_way -= bytes.len();
                if end.closed {
                    self.refuse(conn, to);
                    return Readiness::default();
                }
                if !end.reset {
                    end.inbox.extend(bytes);
                }
                Readiness { readable: true, writable: false }
            }
            Arrival::End => {
                end.ended = true;
                Readiness { readable: true, writable: false }
            }
            Arrival::Reset => {
                end.reset = true;
                if drops {
                    end.inbox.clear();
                }
                Readiness { readable: true, writable: true }
            }
            Arrival::Room => Readiness { readable: false, writable: true },
        }
    }

    /// Bytes came to a closed socket: the sender learns that it is.
    fn refuse(&mut self, conn: Conn, closed: Side) {
        if !self.peek(conn, closed).reset && !self.peek(conn, closed.other()).reset {
            self.send(conn, closed.other(), Arrival::Reset);
        }
    }
}
