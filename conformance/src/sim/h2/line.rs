//! What peers that speak HTTP/2 have in common, whichever end they are: bytes go between the net and what is said, at the
//! peer's pace, credit is given when it is due, and it goes on until nothing moves. What is heard and what is said is the
//! peer's own affair.

use super::talk::{Heard, Talk};
use crate::sim::client::Pace;
use crate::sim::net::{Conn, Net, Side, Stop, Time};
use crate::sim::spec::Ledger;

/// Bytes that wait to be written, beyond which no more is said.
const OUT_MAX: usize = 20_000;

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) conn: Conn,
    pub(super) talk: Talk,
    pace: Pace,
    /// Bytes that were received, by stream, and when they are credited.
    owed: Vec<(Time, u32, u32)>,
    not_before: Time,
    alarm: Option<Time>,
    pub(crate) over: bool,
}

/// Whoever is at that end.
pub(super) trait Peer {
    fn line(&mut self) -> &mut Line;

    /// Whether it reads now.
    fn reads(&self, _now: Time) -> bool {
        true
    }

    /// Whether what it has to say is never written.
    fn is_mute(&self) -> bool {
        false
    }

    /// Bytes have come.
    fn reached<E>(&self, _net: &Net<E>) -> Result<(), String> {
        Ok(())
    }

    fn hear<E>(&mut self, heard: Heard, net: &Net<E>, ledger: &mut Ledger) -> Result<(), String>;

    /// The balancer has ended the connection; cleanly, if it did not reset it.
    fn ended(&mut self, clean: bool, ledger: &Ledger) -> Result<(), String>;

    /// Says what there is to say.
    fn speak(&mut self, now: Time, ledger: &mut Ledger);

    /// Does with the connection whatever it does, once all is written that could be.
    fn act<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger);
}

impl Line {
    pub(super) fn new(conn: Conn, talk: Talk, pace: Pace) -> Line {
        Line { conn, talk, pace, owed: Vec::new(), not_before: 0, alarm: None, over: false }
    }

    /// Whether that time has come; if not, it is when the peer is to be called again.
    pub(super) fn is_due(&mut self, now: Time, at: Time) -> bool {
        if now < at {
            self.alarm = Some(self.alarm.map_or(at, |other| other.min(at)));
        }
        now >= at
    }

    /// So many bytes came on a stream, or on any (0), which are credited then.
    pub(super) fn owe(&mut self, at: Time, stream: u32, bytes: usize) {
        self.owed.push((at, stream, bytes as u32));
    }

    /// Whether enough waits to be written.
    pub(super) fn is_full(&self) -> bool {
        self.talk.out.len() >= OUT_MAX
    }

    pub(super) fn reset<E>(&mut self, net: &mut Net<E>) {
        net.reset(self.conn, Side::Theirs);
        self.over = true;
    }

    pub(super) fn close<E>(&mut self, net: &mut Net<E>) {
        net.close(self.conn, Side::Theirs);
        self.over = true;
    }

    fn give_credit(&mut self, now: Time) {
        while let Some(&(at, stream, bytes)) = self.owed.first() {
            if !self.is_due(now, at) {
                return;
            }
            self.owed.remove(0);
            self.talk.credit(stream, bytes);
        }
    }

    fn write<E>(&mut self, net: &mut Net<E>) {
        while !self.talk.out.is_empty() && self.is_due(net.now, self.not_before) {
            let piece = self.talk.out.len().min(self.pace.piece);
            match net.write(self.conn, Side::Theirs, &self.talk.out[..piece]) {
                Ok(n) => {
                    self.talk.out.drain(..n);
                    self.not_before = net.now + self.pace.gap;
                }
                // Whoever cannot write any more still reads what there is.
                Err(Stop::Reset) => self.talk.out.clear(),
                Err(Stop::WouldBlock) => return,
            }
        }
    }
}

/// A peer is called: no time is set at which it is to be called again.
pub(super) fn wake(peer: &mut impl Peer) {
    peer.line().alarm = None;
}

/// All that a peer does now; when it is to be called again.
pub(super) fn run<E>(peer: &mut impl Peer, net: &mut Net<E>, ledger: &mut Ledger) -> Result<Option<Time>, String> {
    while !peer.line().over {
        let conn = peer.line().conn;
        let before = net.moved(conn, Side::Theirs);
        if peer.reads(net.now) {
            read(peer, net, ledger)?;
        }
        if peer.line().over {
            break;
        }
        peer.line().give_credit(net.now);
        peer.speak(net.now, ledger);
        flush(peer, net);
        peer.act(net, ledger);
        if before == net.moved(conn, Side::Theirs) {
            break;
        }
    }
    let line = peer.line();
    Ok(line.alarm.filter(|_| !line.over))
}

/// Writes as much as the net takes and the pace allows.
pub(super) fn flush<E>(peer: &mut impl Peer, net: &mut Net<E>) {
    if peer.is_mute() {
        peer.line().talk.out.clear();
    }
    peer.line().write(net);
}

fn read<E>(peer: &mut impl Peer, net: &mut Net<E>, ledger: &mut Ledger) -> Result<(), String> {
    let mut scratch = [0; 8192];
    while !peer.line().over {
        match net.read(peer.line().conn, Side::Theirs, &mut scratch) {
            Ok(0) => ended(peer, net, true, ledger)?,
            Ok(n) => {
                peer.reached(net)?;
                peer.line().talk.feed(&scratch[..n]);
                while let Some(heard) = peer.line().talk.next()? {
                    peer.hear(heard, net, ledger)?;
                }
            }
            Err(Stop::WouldBlock) => return Ok(()),
            Err(Stop::Reset) => ended(peer, net, false, ledger)?,
        }
    }
    Ok(())
}

fn ended<E>(peer: &mut impl Peer, net: &mut Net<E>, clean: bool, ledger: &Ledger) -> Result<(), String> {
    let verdict = net.verdict(peer.line().conn);
    peer.line().close(net);
    match verdict.and_then(|verdict| verdict.failure) {
        Some(failure) => Err(format!("its TLS has failed: {failure}")),
        None => peer.ended(clean, ledger),
    }
}
