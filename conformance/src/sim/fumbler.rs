//! Peers whose TLS comes to nothing: they say what is no handshake, or not all of one, or nothing at all. A client of
//! that kind is told so, if that can be, and is closed in time; a target costs the requests that were for it.

use std::net::SocketAddr;

use super::chance::Chance;
use super::net::{Conn, MICROS, MILLIS, Net, SECONDS, Side, Stop, Time};
use super::tls::Tls;

/// How long a client may take over its handshake, and then to close after it was told that it is over.
const PATIENCE: Time = (10 + 5) * SECONDS;

/// What the network and late timers may add.
const LATENESS: Time = SECONDS;

/// What is said, and how it ends.
#[derive(Clone, Debug)]
pub(crate) struct Fumble {
    says: Vec<u8>,
    piece: usize,
    gap: Time,
    then: Then,
    /// Whoever hears it knows at once that it is no TLS.
    is_no_tls: bool,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Waits,
    Half,
    Close,
    Reset,
}

/// How a target fails in its handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It reads, and never says anything.
    Hangs,
    /// It speaks HTTP.
    Babbles,
    /// It closes at once, or resets.
    Closes,
    Resets,
    /// It answers the hello so late.
    Slow(Time),
}

impl Fault {
    pub(super) fn any(chance: &mut Chance) -> Fault {
        match chance.below(6) {
            0 => Fault::Hangs,
            1 => Fault::Babbles,
            2 => Fault::Closes,
            3 => Fault::Resets,
            4 => Fault::Slow(chance.between(1, 9_000) * MILLIS),
            _ => Fault::Slow(chance.between(11_000, 20_000) * MILLIS),
        }
    }

    /// What its requests are answered with.
    pub(super) fn error(self) -> Option<u16> {
        match self {
            Fault::Babbles | Fault::Closes | Fault::Resets => Some(502),
            Fault::Slow(span) if span < 10 * SECONDS => None,
            Fault::Hangs | Fault::Slow(_) => Some(504),
        }
    }
}

impl Fumble {
    /// What a target with that fault does; nothing special if it only takes its time.
    pub(super) fn of(fault: Fault) -> Option<Fumble> {
        let (says, then): (&[u8], Then) = match fault {
            Fault::Hangs => (b"", Then::Waits),
            Fault::Babbles => (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", Then::Waits),
            Fault::Closes => (b"", Then::Close),
            Fault::Resets => (b"", Then::Reset),
            Fault::Slow(_) => return None,
        };
        Some(Fumble { says: says.to_vec(), piece: 4096, gap: 0, then, is_no_tls: false })
    }

    /// What a client does.
    pub(super) fn any(tls: &mut Tls, chance: &mut Chance) -> Fumble {
        let hello = tls.hello();
        let mut is_no_tls = false;
        let says = match chance.below(7) {
            0 => {
                let mut garbage: Vec<u8> = (0..chance.size(64 * 1024)).map(|_| chance.next() as u8).collect();
                if chance.one_in(2) {
                    garbage.splice(..0, [22, 3, 1, chance.next() as u8, chance.next() as u8]);
                }
                garbage
            }
            1 => {
                is_no_tls = true;
                b"GET / HTTP/1.1\r\nHost: one.example\r\n\r\n".to_vec()
            }
            2 => hello[..chance.below(hello.len() as u64) as usize].to_vec(),
            3 => {
                let mut hello = hello;
                let at = chance.below(hello.len() as u64) as usize;
                hello[at] ^= 1 << chance.below(8);
                hello
            }
            4 => Vec::new(),
            5 => hello,
            _ => [hello, (0..chance.between(1, 2000)).map(|_| chance.next() as u8).collect()].concat(),
        };
        Fumble {
            piece: chance.pick(&[1, 20, 1_000, 100_000]).max(says.len() / 500),
            gap: chance.pick(&[0, 0, 100 * MICROS, 5 * MILLIS]),
            then: chance.pick(&[Then::Waits, Then::Waits, Then::Half, Then::Close, Then::Reset]),
            says,
            is_no_tls,
        }
    }
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Fumbler {
    conn: Conn,
    pub(crate) address: SocketAddr,
    fumble: Fumble,
    began: Time,
    sent: usize,
    not_before: Time,
    /// The first byte that came.
    heard: Option<u8>,
    mute: bool,
    is_client: bool,
    over: bool,
}

impl Fumbler {
    pub(super) fn client(conn: Conn, address: SocketAddr, fumble: Fumble, began: Time) -> Fumbler {
        let is_client = true;
        Fumbler {
            conn,
            address,
            fumble,
            began,
            sent: 0,
            not_before: 0,
            heard: None,
            mute: false,
            is_client,
            over: false,
        }
    }

    pub(super) fn target(conn: Conn, address: SocketAddr, fumble: Fumble, began: Time) -> Fumbler {
        Fumbler { is_client: false, ..Fumbler::client(conn, address, fumble, began) }
    }

    /// Reads and writes what can be read and written. The time of the next tick, if there has to be one.
    pub(super) fn tick<E>(&mut self, net: &mut Net<E>) -> Result<Option<Time>, String> {
        self.read(net)?;
        while !self.over && !self.mute && self.sent < self.fumble.says.len() {
            if net.now < self.not_before {
                return Ok(Some(self.not_before));
            }
            let rest = &self.fumble.says[self.sent..];
            match net.write(self.conn, Side::Theirs, &rest[..rest.len().min(self.fumble.piece)]) {
                Ok(n) => {
                    self.sent += n;
                    self.not_before = net.now + self.fumble.gap;
                }
                Err(Stop::WouldBlock) => return Ok(None),
                Err(Stop::Reset) => self.mute = true,
            }
        }
        if !self.over {
            match self.fumble.then {
                Then::Waits => {}
                Then::Half => net.shut(self.conn, Side::Theirs),
                Then::Close => net.close(self.conn, Side::Theirs),
                Then::Reset => net.reset(self.conn, Side::Theirs),
            }
            self.mute = true;
            self.over = matches!(self.fumble.then, Then::Close | Then::Reset);
        }
        Ok(None)
    }

    fn read<E>(&mut self, net: &mut Net<E>) -> Result<(), String> {
        let mut scratch = [0; 4096];
        while !self.over {
            let clean = match net.read(self.conn, Side::Theirs, &mut scratch) {
                Ok(0) => true,
                Ok(_) => {
                    self.heard.get_or_insert(scratch[0]);
                    continue;
                }
                Err(Stop::WouldBlock) => return Ok(()),
                Err(Stop::Reset) => false,
            };
            self.over = true;
            net.close(self.conn, Side::Theirs);
            self.judge(clean, net.now)?;
        }
        Ok(())
    }

    fn judge(&self, clean: bool, now: Time) -> Result<(), String> {
        if self.is_client && now - self.began > PATIENCE + LATENESS {
            return Err("a handshake that came to nothing was ended too late".to_owned());
        }
        // An alert (RFC 8446 section 6).
        if self.is_client && clean && self.fumble.is_no_tls && self.mute && self.heard != Some(21) {
            return Err(format!("plain HTTP was answered with {:?}", self.heard));
        }
        Ok(())
    }

    /// The world is over.
    pub(super) fn satisfied(&self) -> Result<(), String> {
        if self.over || !self.is_client { Ok(()) } else { Err(format!("{} still waits", self.situation())) }
    }

    pub(super) fn situation(&self) -> String {
        let Fumble { says, then, .. } = &self.fumble;
        format!(
            "{} has said {} of {} bytes that are no handshake, and then {then:?}",
            self.address,
            self.sent,
            says.len()
        )
    }
}
