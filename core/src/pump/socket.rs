//! The task of one connected socket: read, turn, write. It has no logic of its own.

use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::hub::Hub;
use super::runtime::{Runtime, Socket};
use crate::shard::{Fate, Turn, Wire, WireId};

/// How often a socket is read before others get their turn. One read fills at most the room that the shard
/// lends (tens of kilobytes).
const READS_PER_TURN: u32 = 4;

/// How often it is written to in between. One write empties what is pending unless the kernel is short of room; but it
/// may also be what the next of many pipelined requests waits for.
const WRITES_PER_READ: u32 = 16;

/// How a socket's turn went.
enum Progress {
    /// There is nothing to do until the socket or the shard says so.
    Asleep,
    /// There may be more to do, but others come first.
    Busy,
    /// The wire is gone; the socket is to be closed.
    Gone,
}

/// What is known about the socket beside the wire.
struct Carrier<S> {
    socket: S,
    /// The peer's end was read: there is nothing more to read.
    ended: bool,
    /// Our direction is shut down.
    finished: bool,
    /// A write failed: the shard knows, and nothing more is written.
    unwritable: bool,
}

/// Carries bytes between `socket` and `wire` until the wire is gone, then closes the socket.
pub(super) fn serve<R: Runtime>(
    hub: Rc<Hub<R>>,
    epoch: u32,
    wire: WireId,
    socket: R::Socket,
) -> impl Future<Output = ()> {
    let mut carrier = Some(Carrier { socket, ended: false, finished: false, unwritable: false });
    poll_fn(move |cx| {
        let Some(current) = &mut carrier else { return Poll::Ready(()) };
        hub.wakers.borrow_mut().register(wire, cx.waker());
        match hub.turn(epoch, |turn| current.carry(turn, wire, cx)) {
            Some(Progress::Asleep) => Poll::Pending,
            Some(Progress::Busy) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Progress::Gone) | None => {
                hub.forget(epoch, wire);
                if let Some(carrier) = carrier.take() {
                    carrier.socket.close();
                }
                Poll::Ready(())
            }
        }
    })
}

impl<S: Socket> Carrier<S> {
    /// Moves what can be moved. Bytes to write and fate are looked at again after every read: see the contract
    /// of `Effect::Wake`.
    fn carry(&mut self, turn: &mut Turn<'_>, id: WireId, cx: &mut Context<'_>) -> Progress {
        let Some(mut wire) = turn.wire(id) else { return Progress::Gone };
        if wire.reads_first() && matches!(self.read(&mut wire, cx), Read::Failed) {
            wire.lost();
            return Progress::Gone;
        }
        for _ in 0..READS_PER_TURN {
            if self.write(&mut wire, cx) == Written::Some {
                return Progress::Busy;
            }
            match wire.fate() {
                Fate::Open => {}
                Fate::Finish => self.finish(&mut wire),
                Fate::Close => {
                    wire.lost();
                    return Progress::Gone;
                }
            }
            match self.read(&mut wire, cx) {
                Read::Some => {}
                // To ask for room may have cost the wire its life: see `Wire::space`.
                Read::Nothing if wire.fate() == Fate::Close => {}
                Read::Nothing => return Progress::Asleep,
                Read::Failed => {
                    wire.lost();
                    return Progress::Gone;
                }
            }
        }
        Progress::Busy
    }

    /// Writes until nothing is pending or the socket is full, or until others should have their turn.
    fn write(&mut self, wire: &mut Wire<'_>, cx: &mut Context<'_>) -> Written {
        for _ in 0..WRITES_PER_READ {
            if self.unwritable || wire.pending().is_empty() {
                return Written::All;
            }
            match self.socket.poll_write(cx, wire.pending()) {
                Poll::Ready(Ok(taken)) => wire.sent(taken),
                Poll::Ready(Err(_)) => {
                    self.unwritable = true;
                    wire.unwritable();
                }
                Poll::Pending => return Written::All,
            }
        }
        Written::Some
    }

    /// Ends our direction, once, after the last byte.
    fn finish(&mut self, wire: &mut Wire<'_>) {
        if !self.finished && (self.unwritable || wire.pending().is_empty()) {
            self.finished = true;
            self.socket.finish();
        }
    }

    /// Reads once, straight into the room that the shard lends.
    fn read(&mut self, wire: &mut Wire<'_>, cx: &mut Context<'_>) -> Read {
        if self.ended || self.socket.poll_readable(cx).is_pending() {
            return Read::Nothing;
        }
        let Some(room) = wire.space().filter(|room| !room.is_empty()) else { return Read::Nothing };
        match self.socket.poll_read(cx, room) {
            Poll::Ready(Ok(0)) => {
                self.ended = true;
                wire.ended();
                Read::Some
            }
            Poll::Ready(Ok(taken)) => {
                wire.filled(taken);
                Read::Some
            }
            Poll::Ready(Err(_)) => Read::Failed,
            Poll::Pending => Read::Nothing,
        }
    }
}

/// How writing went.
#[derive(PartialEq, Eq)]
enum Written {
    /// Everything that can be written now is.
    All,
    /// There may be more.
    Some,
}

/// How one read went.
enum Read {
    /// The shard has something new: bytes, or the peer's end.
    Some,
    /// Nothing to read, or no room for it.
    Nothing,
    /// The connection is broken.
    Failed,
}
