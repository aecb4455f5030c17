//! The other end of a wire: a client or a target with a session of its own, or one without. What it sends can be tampered
//! with on its way.

use std::io::{Read as _, Write as _};

use rustls::{ClientConnection, Error};
use sluicegate::shard::WireId;
use sluicegate::tls::Session;

pub struct Peer {
    pub wire: WireId,
    pub end: End,
    /// On its way to the shard.
    pub raw: Vec<u8>,
    /// What it sent has been tampered with: then whatever it is told may surprise it.
    pub tampered: bool,
    /// Its session has failed.
    pub failed: bool,
    /// It has said that nothing more comes.
    closed: bool,
    /// It is a target that may have switched protocols.
    switches: bool,
    /// Plaintext that came.
    pub heard: Vec<u8>,
}

pub enum End {
    /// Without TLS.
    Plain,
    Client(Box<ClientConnection>),
    Target(Box<Session>),
}

const ROOM: usize = 32 * 1024;

/// More is not kept.
const HEARD_MAX: usize = 256 * 1024;

impl Peer {
    pub fn new(wire: WireId, end: End) -> Peer {
        Peer {
            wire,
            end,
            raw: Vec::new(),
            tampered: false,
            failed: false,
            closed: false,
            switches: false,
            heard: Vec::new(),
        }
    }

    /// Its bytes are tampered with, unless it is a target that switches protocols: the shard may say goodbye to it and go on
    /// listening, see [`Peer::hear`].
    pub fn tamper(&mut self, act: impl FnOnce(&mut Vec<u8>)) {
        self.seal();
        if !self.switches {
            self.tampered = true;
            act(&mut self.raw);
        }
    }

    /// Says something, in its session if it has one.
    pub fn speak(&mut self, bytes: &[u8]) {
        if matches!(self.end, End::Target(_)) && bytes.starts_with(b"HTTP/1.1 101") {
            if self.tampered {
                return;
            }
            self.switches = true;
        }
        match &mut self.end {
            End::Plain => self.raw.extend_from_slice(bytes),
            // Before its handshake is over, a session keeps it.
            End::Client(session) => drop(session.writer().write(bytes)),
            End::Target(session) => drop(session.encrypt(bytes)),
        }
        self.seal();
    }

    pub fn close(&mut self) {
        self.closed = true;
        match &mut self.end {
            End::Plain => {}
            End::Client(session) => session.send_close_notify(),
            End::Target(session) => session.close(),
        }
        self.seal();
    }

    /// Asks for other keys.
    pub fn renew(&mut self) {
        if let End::Client(session) = &mut self.end {
            let _ = session.refresh_traffic_keys();
        }
        self.seal();
    }

    /// Puts what the session has to say on its way.
    pub fn seal(&mut self) {
        let mut room = [0; ROOM];
        loop {
            let n = match &mut self.end {
                End::Plain => 0,
                End::Client(session) if session.wants_write() => session.write_tls(&mut &mut room[..]).unwrap_or(0),
                End::Client(_) => 0,
                End::Target(session) => session.take_ciphertext(&mut room),
            };
            if n == 0 {
                return;
            }
            self.raw.extend_from_slice(&room[..n]);
        }
    }

    pub fn hear(&mut self, bytes: &[u8]) {
        // What surprises a session that has closed fails an assertion of the library, which takes goodbyes for fatal alerts.
        if bytes.is_empty() || self.closed && self.tampered {
            return;
        }
        match &mut self.end {
            End::Plain => self.heard.extend_from_slice(bytes),
            End::Client(_) | End::Target(_) if self.failed => {}
            End::Client(session) => {
                let outcome = read(session, bytes, &mut self.heard);
                self.failed = outcome.is_err();
                let surprised = outcome.is_err_and(|error| !matches!(error, Error::AlertReceived(_)));
                assert!(!surprised || self.tampered, "a client does not understand what it is told");
            }
            End::Target(session) => {
                self.failed = open(session, bytes, &mut self.heard).is_err();
                assert!(!self.failed || self.tampered, "a target does not understand what it is told");
            }
        }
        self.heard.truncate(HEARD_MAX);
        self.seal();
    }
}

fn read(session: &mut ClientConnection, mut bytes: &[u8], heard: &mut Vec<u8>) -> Result<(), Error> {
    let mut room = [0; ROOM];
    while !bytes.is_empty() {
        if session.read_tls(&mut bytes).is_err() {
            return Ok(());
        }
        let state = session.process_new_packets()?;
        while let Ok(n @ 1..) = session.reader().read(&mut room) {
            heard.extend_from_slice(&room[..n]);
        }
        if state.peer_has_closed() {
            return Ok(());
        }
    }
    Ok(())
}

fn open(session: &mut Session, mut bytes: &[u8], heard: &mut Vec<u8>) -> Result<(), sluicegate::tls::Failure> {
    let mut room = [0; ROOM];
    while !bytes.is_empty() {
        let taken = session.feed(bytes)?;
        bytes = &bytes[taken..];
        session.answer()?;
        let mut most = ROOM;
        while most > 0 {
            most = session.take_plaintext(&mut room);
            heard.extend_from_slice(&room[..most]);
        }
    }
    Ok(())
}
