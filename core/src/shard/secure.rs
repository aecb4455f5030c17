//! TLS between a socket and the plaintext that the rest of the shard sees. What the peer sends is kept sealed until there is
//! room for what is inside; what goes to the peer is sealed when the socket asks for it. Everything below works on a wire
//! with TLS as on one without.
//!
//! ```text
//!   socket ──filled──▶ sealed ──feed──▶ session ──▶ leg.input, or straight to the other leg
//!   socket ◀─pending── outgoing ◀────── session ◀── leg.output
//! ```

use super::wire::{Role, WireState};
use super::{Shard, WireId};
use crate::buffer::{Buffer, Buffers, LARGE_PAGE, PAGE, Payment, RECORDS_OVERHEAD};
use crate::tls::{Failure, Session};

/// The most plaintext that fits in a record, in bytes (RFC 8446 section 5.1). Records are moved away one by one, so that the
/// library needs memory for one.
const RECORD: usize = 16 * 1024;

/// The TLS of one wire.
pub(crate) struct Secure {
    /// Away while a job of it is carried out.
    pub(super) session: Option<Box<Session>>,
    /// From the socket, not opened yet.
    pub(super) sealed: Buffer,
    /// For the socket.
    outgoing: Buffer,
    pub(super) stage: Stage,
    /// The socket's end was read.
    pub(super) ended: bool,
    /// There is more inside than there was room for.
    pub(super) stuck: bool,
    /// The peer was told that nothing more comes.
    said_goodbye: bool,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The handshake is in progress; a job of it may be waiting to be fetched.
    Handshake { job_waits: bool },
    /// Plaintext flows.
    Open,
    /// It came to nothing; there may be an alert for the peer still.
    Failed,
}

impl Secure {
    pub(super) fn new(session: Session) -> Box<Secure> {
        Box::new(Secure {
            session: Some(Box::new(session)),
            sealed: Buffer::default(),
            outgoing: Buffer::default(),
            stage: Stage::Handshake { job_waits: false },
            ended: false,
            stuck: false,
            said_goodbye: false,
        })
    }

    /// Moves what the session has for the peer to where the socket takes it from, as far as there is room.
    pub(super) fn drain(&mut self, payment: Payment, buffers: &mut Buffers) {
        let Some(session) = &mut self.session else { return };
        while session.has_ciphertext() {
            let Some(room) = self.outgoing.room(LARGE_PAGE, payment, buffers) else { break };
            let n = session.take_ciphertext(room);
            self.outgoing.filled(n);
            if n == 0 {
                break;
            }
        }
        self.outgoing.release_if_empty(buffers);
    }

    /// Seals some of `plaintext` for the socket; how much.
    fn seal(&mut self, plaintext: &[u8], payment: Payment, buffers: &mut Buffers) -> usize {
        let mut sealed = 0;
        while sealed < plaintext.len() {
            let Some(session) = &mut self.session else { break };
            let record = &plaintext[sealed..plaintext.len().min(sealed + RECORD)];
            let n = session.encrypt(record);
            self.drain(payment, buffers);
            sealed += n;
            if n == 0 {
                break;
            }
        }
        sealed
    }

    fn has_something_to_say(&self) -> bool {
        !self.outgoing.is_empty() || self.session.as_ref().is_some_and(|session| session.has_ciphertext())
    }

    /// Room for the next bytes from the socket.
    pub(super) fn has_room(&self) -> bool {
        self.sealed.len() < PAGE
    }

    /// Nothing is left to say, and the peer knows.
    pub(super) fn is_through(&self) -> bool {
        !self.has_something_to_say() && (self.said_goodbye || self.stage != Stage::Open)
    }

    /// Nothing more is wanted of it; only a goodbye still leaves.
    pub(super) fn give_up(&mut self, buffers: &mut Buffers) {
        self.sealed.release(buffers);
        if !self.said_goodbye {
            self.outgoing.release(buffers);
        }
    }

    pub(super) fn clear(&mut self, buffers: &mut Buffers) {
        self.sealed.release(buffers);
        self.outgoing.release(buffers);
    }

    pub(super) fn outgoing(&self) -> &[u8] {
        self.outgoing.bytes()
    }
}

impl WireState {
    /// Whether a write would find something to write, after what is to be said was sealed.
    pub(super) fn has_pending(&self) -> bool {
        let Some(secure) = &self.secure else { return !self.dead && !self.leg.pending().is_empty() };
        secure.has_something_to_say() || !self.dead && secure.stage == Stage::Open && !self.leg.pending().is_empty()
    }
}

impl Shard {
    /// Room for what the socket has to say.
    pub(super) fn sealed_space(&mut self, id: WireId) -> Option<&mut [u8]> {
        let (_, payment) = self.input_limit(id)?;
        let Shard { wires, buffers, .. } = self;
        let wire = wires.get_mut(id.0)?;
        let secure = wire.secure.as_mut()?;
        if wire.dead || secure.ended || wire.role.is_dialing() {
            return None;
        }
        let free = secure.sealed.free(PAGE, payment, buffers);
        if free == 0 {
            wire.told.starved = true;
            if secure.sealed.is_empty() {
                self.shed(id);
            }
            return None;
        }
        let secure = self.wires.get_mut(id.0)?.secure.as_mut()?;
        Some(secure.sealed.tail_mut(free))
    }

    pub(super) fn sealed_filled(&mut self, id: WireId, n: usize) {
        let now = self.now.mono;
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let Some(secure) = &mut wire.secure else { return };
        secure.sealed.filled(n);
        wire.leg.activity = now;
        self.unseal(id);
    }

    pub(super) fn sealed_ended(&mut self, id: WireId) {
        let Some(secure) = self.wires.get_mut(id.0).and_then(|wire| wire.secure.as_mut()) else { return };
        secure.ended = true;
        self.unseal(id);
    }

    /// Opens what came, as far as there is room for what is inside.
    pub(super) fn unseal(&mut self, id: WireId) {
        loop {
            let Shard { wires, buffers, .. } = self;
            let Some(wire) = wires.get_mut(id.0).filter(|wire| !wire.dead) else { return };
            let Some(secure) = &mut wire.secure else { return };
            if let Stage::Handshake { .. } = secure.stage {
                return self.shake(id);
            }
            let Some(session) = &mut secure.session else { return };
            // What waits inside comes first: the session takes no more before.
            let waited = session.has_plaintext();
            let fed = if waited { Ok(0) } else { session.feed(secure.sealed.bytes()) };
            let closed = session.peer_closed();
            match fed {
                Ok(n) => secure.sealed.consume(n, buffers),
                Err(failure) => return self.session_failed(id, &failure),
            }
            secure.sealed.release_if_empty(buffers);
            let fed = fed.unwrap_or(0);
            if !self.let_through(id) {
                return;
            }
            let Some(wire) = self.wires.get_mut(id.0).filter(|wire| !wire.dead) else { return };
            let Some(secure) = &mut wire.secure else { return };
            if closed && !wire.leg.ended {
                return self.plain_ended(id);
            }
            if secure.sealed.is_empty() || fed == 0 && !waited {
                break;
            }
        }
        self.end_if_nothing_is_left(id);
    }

    /// Passes on what was opened. `false` if there was no room for all of it, or the wire is gone.
    fn let_through(&mut self, id: WireId) -> bool {
        let Some(mut session) = self.wires.get_mut(id.0).and_then(|wire| wire.secure.as_mut()?.session.take()) else {
            return false;
        };
        let mut all = true;
        while session.has_plaintext() {
            let Some(room) = self.plain_space(id) else {
                all = false;
                break;
            };
            let n = session.take_plaintext(room);
            if n == 0 {
                break;
            }
            self.plain_filled(id, n);
        }
        self.give_back(id);
        let Some(wire) = self.wires.get_mut(id.0) else { return false };
        let alive = !wire.dead;
        let Some(secure) = &mut wire.secure else { return false };
        secure.session = Some(session);
        secure.stuck = !all;
        if !all {
            wire.told.starved = true;
        }
        all && alive
    }

    /// The socket's end counts once everything before it was opened.
    pub(super) fn end_if_nothing_is_left(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0).filter(|wire| !wire.dead) else { return };
        let Some(secure) = &wire.secure else { return };
        if secure.ended && !secure.stuck && secure.stage != (Stage::Handshake { job_waits: true }) && !wire.leg.ended {
            // Whoever did not say so may have been cut off (RFC 8446 section 6.1).
            wire.leg.truncated = true;
            self.plain_ended(id);
        }
    }

    /// Bytes for the socket, sealed on demand.
    pub(super) fn seal(&mut self, id: WireId) {
        let payment = self.input_limit(id).map_or(Payment::Metered, |(_, payment)| payment);
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        let Some(secure) = &mut wire.secure else { return };
        secure.drain(payment, buffers);
        if !secure.outgoing.is_empty() || wire.dead || secure.stage != Stage::Open {
            return;
        }
        let pending = wire.leg.pending();
        if pending.is_empty() {
            if self.is_finished(id) {
                self.say_goodbye(id);
            }
            return;
        }
        let room = if pending.len() > PAGE - RECORDS_OVERHEAD {
            secure.outgoing.bulk_room(LARGE_PAGE, payment, buffers)
        } else {
            secure.outgoing.room(PAGE, payment, buffers)
        };
        let (Some(room), true) = (room.map(|room| room.len()), secure.session.is_some()) else {
            // No memory to say it with: it is not said.
            return self.kill(id);
        };
        let most = pending.len().min(room.saturating_sub(RECORDS_OVERHEAD));
        let n = secure.seal(&pending[..most], payment, buffers);
        self.plain_sent(id, n);
    }

    /// Tells the peer that nothing more comes, once.
    pub(super) fn say_goodbye(&mut self, id: WireId) {
        let Shard { wires, buffers, .. } = self;
        let Some(secure) = wires.get_mut(id.0).and_then(|wire| wire.secure.as_mut()) else { return };
        if secure.stage == Stage::Open && !core::mem::replace(&mut secure.said_goodbye, true) {
            if let Some(session) = &mut secure.session {
                session.close();
            }
            secure.drain(Payment::Metered, buffers);
        }
    }

    pub(super) fn sealed_sent(&mut self, id: WireId, n: usize) {
        let now = self.now.mono;
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        let Some(secure) = &mut wire.secure else { return };
        secure.outgoing.consume(n, buffers);
        wire.leg.activity = now;
        if secure.stuck {
            self.unseal(id);
        }
    }

    /// A session that was open is broken: nothing more can be understood.
    fn session_failed(&mut self, id: WireId, _: &Failure) {
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        if let Some(secure) = &mut wire.secure {
            secure.sealed.release(buffers);
            secure.stage = Stage::Failed;
            secure.ended = true;
        }
        match &self.wires.get(id.0).map(|wire| (&wire.role, wire.exchange())) {
            Some((Role::Back(_), Some(exchange))) => {
                let exchange = *exchange;
                self.lose_target(exchange);
                self.kill(id);
            }
            Some((Role::Front(_) | Role::Back(_), _)) => self.unwritable(id),
            Some((Role::Probe(_), _)) => self.probe_is_not_secured(id),
            None => {}
        }
    }
}
