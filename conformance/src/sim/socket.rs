//! A socket task, as an adapter has it: write, read, look at the fate, and sleep when nothing moves.

use sluicegate::shard::{Fate, Turn, Wire, WireId};

use super::net::{Conn, Net, Side, Stop, Time};

/// A socket as the adapter holds it.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) wire: WireId,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) ended: bool,
    pub(super) unwritable: bool,
    pub(super) shut: bool,
    pub(super) front: bool,
    /// Bytes that were read and not taken yet, for a socket that is read with `offer`.
    pub(super) stash: Option<Vec<u8>>,
    pub(super) moved_at: Time,
    pub(super) moved: (u64, u64),
}

/// How driving a socket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Sleeps,
    Yields,
    Closed,
}

/// The socket task: write, read, look at the fate; once more as long as something moved.
pub(super) fn pump<E>(
    turn: &mut Turn<'_>,
    net: &mut Net<E>,
    conn: Conn,
    socket: &mut Socket,
    rounds: u64,
    offer_most: usize,
) -> Outcome {
    let Some(mut wire) = turn.wire(socket.wire) else {
        net.close(conn, Side::Ours);
        return Outcome::Closed;
    };
    for _ in 0..rounds {
        let mut moved = false;
        if socket.writable && !socket.unwritable && !wire.pending().is_empty() {
            moved = true;
            match net.write(conn, Side::Ours, wire.pending()) {
                Ok(n) => wire.sent(n),
                Err(Stop::WouldBlock) => socket.writable = false,
                Err(Stop::Reset) => {
                    socket.unwritable = true;
                    wire.unwritable();
                }
            }
        }
        match read(&mut wire, net, conn, socket, offer_most) {
            Ok(some) => moved |= some,
            Err(Stop::WouldBlock) => socket.readable = false,
            Err(Stop::Reset) => {
                wire.lost();
                net.close(conn, Side::Ours);
                return Outcome::Closed;
            }
        }
        match wire.fate() {
            Fate::Open => {}
            Fate::Finish if socket.shut => {}
            Fate::Finish => {
                socket.shut = true;
                if !socket.unwritable {
                    net.shut(conn, Side::Ours);
                }
            }
            Fate::Close => {
                // What it still has to say is a goodbye, which leaves if there is room for it.
                while socket.writable && !socket.unwritable && !wire.pending().is_empty() {
                    match net.write(conn, Side::Ours, wire.pending()) {
                        Ok(n) => wire.sent(n),
                        Err(_) => socket.writable = false,
                    }
                }
                net.close(conn, Side::Ours);
                wire.lost();
                return Outcome::Closed;
            }
        }
        if !moved {
            return Outcome::Sleeps;
        }
    }
    Outcome::Yields
}

/// Reads once, if there is room; whether something moved.
fn read<E>(
    wire: &mut Wire<'_>,
    net: &mut Net<E>,
    conn: Conn,
    socket: &mut Socket,
    offer_most: usize,
) -> Result<bool, Stop> {
    if let Some(stash) = &mut socket.stash {
        if stash.is_empty() && socket.readable && !socket.ended {
            let mut scratch = vec![0; offer_most];
            let n = net.read(conn, Side::Ours, &mut scratch)?;
            if n == 0 {
                socket.ended = true;
                wire.ended();
                return Ok(true);
            }
            stash.extend_from_slice(&scratch[..n]);
        }
        let taken = if stash.is_empty() { 0 } else { wire.offer(stash) };
        stash.drain(..taken);
        return Ok(taken > 0);
    }
    if !socket.readable || socket.ended {
        return Ok(false);
    }
    let Some(room) = wire.space() else { return Ok(false) };
    match net.read(conn, Side::Ours, room)? {
        0 => {
            socket.ended = true;
            wire.ended();
        }
        n => wire.filled(n),
    }
    Ok(true)
}
