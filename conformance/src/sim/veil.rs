//! TLS at a peer's end of a connection: the peer reads and writes plaintext as on any other, and its pipe carries records.
//! That is why clients, targets and all that judges them know nothing of it.

use sluicegate::tls::Session;

use super::net::{Conn, Net, Side, Stop, Time};

/// Bytes that a peer puts into one record at most.
const RECORD: usize = 16 * 1024;

/// The TLS of one peer.
#[derive(Debug)]
pub(crate) struct Veil {
    session: Session,
    habits: Habits,
    finishes_at: Time,
    /// Records that wait for room in the pipe.
    out: Vec<u8>,
    /// Bytes of the pipe that the session has not taken.
    sealed: Vec<u8>,
    /// Bytes of the pipe up to the end of the last record with plaintext.
    spoken: u64,
    failure: Option<String>,
    /// The other side ended without saying so.
    cut: bool,
}

/// How a peer treats its TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Habits {
    /// It ends without `close_notify`.
    pub(crate) rude: bool,
    /// It answers the first that it hears only so long after it began.
    pub(crate) finishes_after: Time,
}

/// What a peer's TLS came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) open: bool,
    pub(crate) resumed: bool,
    pub(crate) failure: Option<String>,
    /// The balancer ended without saying so.
    pub(crate) cut: bool,
    /// HTTP/2 was agreed on.
    pub(crate) http2: bool,
}

impl Veil {
    pub(crate) fn new(session: Session, habits: Habits, now: Time) -> Box<Veil> {
        Box::new(Veil {
            session,
            habits,
            finishes_at: now + habits.finishes_after,
            out: Vec::new(),
            sealed: Vec::new(),
            spoken: 0,
            failure: None,
            cut: false,
        })
    }

    fn verdict(&self) -> Verdict {
        Verdict {
            open: self.session.is_open(),
            resumed: self.session.negotiated().is_some_and(|negotiated| negotiated.resumed),
            failure: self.failure.clone(),
            cut: self.cut,
            http2: self.session.protocol() == Some(b"h2"),
        }
    }

    /// Plaintext; zero bytes are an end that the other side has told. Any other end is as good as a reset.
    fn read<E>(&mut self, net: &mut Net<E>, conn: Conn, room: &mut [u8]) -> Result<usize, Stop> {
        loop {
            match self.session.take_plaintext(room) {
                0 => {}
                n => return Ok(n),
            }
            if self.failure.is_some() {
                return Err(Stop::Reset);
            }
            if self.session.peer_closed() {
                return Ok(0);
            }
            self.advance(net, conn)?;
        }
    }

    /// Takes in more of the pipe. An error if there is nothing more for now, or at all.
    fn advance<E>(&mut self, net: &mut Net<E>, conn: Conn) -> Result<(), Stop> {
        if self.sealed.is_empty() {
            let mut scratch = [0; 8192];
            match net.read_raw(conn, Side::Theirs, &mut scratch)? {
                0 => {
                    self.cut = true;
                    return Err(Stop::Reset);
                }
                n => self.sealed.extend_from_slice(&scratch[..n]),
            }
        }
        match self.session.feed(&self.sealed) {
            Ok(n) => drop(self.sealed.drain(..n)),
            Err(failure) => self.failure = Some(failure.to_string()),
        }
        if self.session.is_greeted()
            && let Err(failure) = self.session.answer()
        {
            self.failure = Some(failure.to_string());
        }
        self.flush(net, conn)
    }

    /// Goes on with the handshake, and with what waits to be written.
    fn tend<E>(&mut self, net: &mut Net<E>, conn: Conn) {
        while !self.session.is_open() && self.failure.is_none() && self.advance(net, conn).is_ok() {}
        let _ = self.flush(net, conn);
    }

    fn write<E>(&mut self, net: &mut Net<E>, conn: Conn, bytes: &[u8]) -> Result<usize, Stop> {
        self.flush(net, conn)?;
        if self.failure.is_some() {
            return Err(Stop::Reset);
        }
        if !self.out.is_empty() || !self.session.is_open() {
            return if net.is_reset(conn, Side::Theirs) { Err(Stop::Reset) } else { Err(Stop::WouldBlock) };
        }
        let room = net.room(conn, Side::Theirs)?;
        let n = self.session.encrypt(&bytes[..bytes.len().min(room).min(RECORD)]);
        self.collect();
        self.spoken = net.moved(conn, Side::Theirs).1 + self.out.len() as u64;
        self.flush(net, conn)?;
        Ok(n)
    }

    fn collect(&mut self) {
        let mut scratch = [0; 4096];
        while self.session.has_ciphertext() {
            let n = self.session.take_ciphertext(&mut scratch);
            self.out.extend_from_slice(&scratch[..n]);
        }
    }

    /// Writes what waits, as far as there is room.
    fn flush<E>(&mut self, net: &mut Net<E>, conn: Conn) -> Result<(), Stop> {
        self.collect();
        if net.now < self.finishes_at && net.moved(conn, Side::Theirs).0 > 0 {
            return Ok(());
        }
        while !self.out.is_empty() && !net.is_shut(conn, Side::Theirs) {
            match net.write_raw(conn, Side::Theirs, &self.out) {
                Ok(n) => drop(self.out.drain(..n)),
                Err(Stop::WouldBlock) => return Ok(()),
                Err(Stop::Reset) => return Err(Stop::Reset),
            }
        }
        Ok(())
    }

    /// The last that is said: all of it leaves at once, since the peer does not wait for it.
    fn say_goodbye<E>(&mut self, net: &mut Net<E>, conn: Conn) {
        if !self.habits.rude && self.session.is_open() && self.failure.is_none() {
            self.session.close();
        }
        self.collect();
        net.push_raw(conn, Side::Theirs, &std::mem::take(&mut self.out));
    }
}

impl<E> Net<E> {
    /// From now on the peer's end of a connection speaks TLS.
    pub(crate) fn veil(&mut self, conn: Conn, veil: Box<Veil>) {
        self.veils[conn] = Some(veil);
        self.tend(conn);
    }

    fn veiled<R>(&mut self, conn: Conn, side: Side, act: impl FnOnce(&mut Veil, &mut Net<E>) -> R) -> Option<R> {
        if side == Side::Ours {
            return None;
        }
        let mut veil = self.veils[conn].take()?;
        let result = act(&mut veil, self);
        self.veils[conn] = Some(veil);
        Some(result)
    }

    /// What a peer's TLS came to, if it speaks any.
    pub(crate) fn verdict(&self, conn: Conn) -> Option<Verdict> {
        self.veils[conn].as_ref().map(|veil| veil.verdict())
    }

    /// How many sessions came to be, and how many of them resumed another.
    pub(super) fn sessions(&self) -> (u64, u64) {
        let open = self.veils.iter().flatten().map(|veil| veil.verdict()).filter(|verdict| verdict.open);
        open.fold((0, 0), |(open, resumed), verdict| (open + 1, resumed + u64::from(verdict.resumed)))
    }

    /// Handshakes go on whatever the peer is waiting for. When to tend it again, if that is to be.
    pub(crate) fn tend(&mut self, conn: Conn) -> Option<Time> {
        if self.is_closed(conn, Side::Theirs) {
            return None;
        }
        let now = self.now;
        self.veiled(conn, Side::Theirs, |veil, net| {
            veil.tend(net, conn);
            Some(veil.finishes_at).filter(|at| *at > now)
        })?
    }

    /// Reads into `room`; zero bytes are the end.
    pub(crate) fn read(&mut self, conn: Conn, side: Side, room: &mut [u8]) -> Result<usize, Stop> {
        match self.veiled(conn, side, |veil, net| veil.read(net, conn, room)) {
            Some(result) => result,
            None => self.read_raw(conn, side, room),
        }
    }

    /// Writes as much of `bytes` as there is room for, or less.
    pub(crate) fn write(&mut self, conn: Conn, side: Side, bytes: &[u8]) -> Result<usize, Stop> {
        match self.veiled(conn, side, |veil, net| veil.write(net, conn, bytes)) {
            Some(result) => result,
            None => self.write_raw(conn, side, bytes),
        }
    }

    /// Says that no more will be written.
    pub(crate) fn shut(&mut self, conn: Conn, side: Side) {
        if !self.is_shut(conn, side) {
            self.veiled(conn, side, |veil, net| veil.say_goodbye(net, conn));
        }
        if self.is_torn(conn, side) {
            self.overheard.get_or_insert(format!("conn {conn} ended in the middle of a record"));
        }
        self.shut_raw(conn, side);
    }

    /// Closes; with unread bytes that is a reset.
    pub(crate) fn close(&mut self, conn: Conn, side: Side) {
        if !self.is_shut(conn, side) {
            self.veiled(conn, side, |veil, net| veil.say_goodbye(net, conn));
        }
        self.close_raw(conn, side);
    }

    /// Whether the other end has yet to read something that the end `side` has said.
    pub(crate) fn is_unheard(&self, conn: Conn, side: Side) -> bool {
        match &self.veils[conn] {
            Some(veil) if side == Side::Theirs => self.moved(conn, Side::Ours).0 < veil.spoken,
            _ => self.unread(conn, side.other()) > 0,
        }
    }
}
