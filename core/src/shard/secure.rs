//! TLS between a socket and the plaintext that the rest of the shard sees. What the peer sends is kept sealed until there is
//! room for what is inside; what goes to the peer is sealed when the socket asks for it. Everything below works on a wire
//! with TLS as on one without.
//!
//! ```text
//!   socket ──filled──▶ sealed ──feed──▶ session ──▶ leg.input, or straight to the other leg
//!   socket ◀─pending── outgoing ◀────── session ◀── leg.output
//! ```

use super::failover::Again;
use super::front::LINGER;
use super::wire::{BackPhase, Front, Phase, Role, WireState};
use super::{Shard, WireId};
use crate::buffer::{Buffer, Buffers, LARGE_PAGE, PAGE, Payment, RECORDS_OVERHEAD};
use crate::exchange::UNWANTED_BYTES_MAX;
use crate::observe::Cause;
use crate::tls::Session;

/// The most plaintext that fits in a record, in bytes (RFC 8446 section 5.1). Records are moved away one by one, so that the
/// library needs memory for one.
const RECORD: usize = 16 * 1024;

/// A record's type, version and length (RFC 8446 section 5.1).
const RECORD_HEADER: usize = 5;

/// The longest record that anybody may send (RFC 5246 section 6.2.3), in bytes.
const RECORD_BYTES_MAX: usize = RECORD_HEADER + (1 << 14) + 2048;

/// What a peer may say without any plaintext in it, in bytes: tickets and new keys take far less.
const FRUITLESS_BYTES_MAX: usize = 32 * 1024;

/// The TLS of one wire.
pub(crate) struct Secure {
    /// Away while a job of it is carried out.
    pub(super) session: Option<Box<Session>>,
    /// From the socket, not opened yet.
    pub(super) sealed: Buffer,
    /// For the socket.
    outgoing: Buffer,
    /// Bytes at the front of the leg's output that are sealed in `outgoing`. They stay there until they have left: what is
    /// sealed is not sent.
    inside: usize,
    /// Bytes to come of a record that the session has the beginning of.
    rest: usize,
    /// Bytes that were opened since plaintext last came out.
    fruitless: usize,
    pub(super) stage: Stage,
    /// The socket's end was read.
    pub(super) ended: bool,
    /// There is more inside than there was room for.
    pub(super) stuck: bool,
    /// The peer was told that nothing more comes.
    said_goodbye: bool,
    /// The connection closes once all is said.
    pub(super) leaves: bool,
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
            inside: 0,
            rest: 0,
            fruitless: 0,
            stage: Stage::Handshake { job_waits: false },
            ended: false,
            stuck: false,
            said_goodbye: false,
            leaves: false,
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

    /// Nobody needs to know any more what the peer says.
    fn is_deaf(&self) -> bool {
        self.said_goodbye || self.stage == Stage::Failed
    }

    /// Drops what came, if nobody will open it; how much.
    pub(super) fn discard(&mut self, buffers: &mut Buffers) -> usize {
        if !self.is_deaf() {
            return 0;
        }
        let dropped = self.sealed.len();
        self.sealed.release(buffers);
        dropped
    }

    /// Nothing more is wanted of it; only a goodbye still leaves.
    pub(super) fn give_up(&mut self, buffers: &mut Buffers) {
        self.sealed.release(buffers);
        self.inside = 0;
        if !self.said_goodbye {
            self.outgoing.release(buffers);
        }
    }

    /// How much of what came is to be opened now: whole records, so that what is half there is kept, and accounted for, here and
    /// not in the session. A record that does not fit is given to the session in pieces, where its exchange has paid for that;
    /// and so is what is no record at all, to be refused.
    pub(super) fn openable(&self, limit: usize) -> usize {
        let bytes = self.sealed.bytes();
        let mut whole = self.rest.min(bytes.len());
        while whole < bytes.len() {
            match record_len(&bytes[whole..]) {
                Record::Len(len) if len <= bytes.len() - whole => whole += len,
                Record::Len(_) | Record::Short if whole == 0 && bytes.len() >= limit => return bytes.len(),
                Record::Len(_) | Record::Short => return whole,
                Record::None => return bytes.len(),
            }
        }
        whole
    }

    /// The session took the first `n` bytes of what came.
    pub(super) fn opened(&mut self, n: usize, buffers: &mut Buffers) {
        let bytes = self.sealed.bytes();
        let mut end = self.rest;
        while end < n {
            match bytes.get(end..).map(record_len) {
                Some(Record::Len(len)) => end += len,
                Some(Record::Short | Record::None) | None => end = n,
            }
        }
        self.rest = end - n;
        self.sealed.consume(n, buffers);
        self.sealed.release_if_empty(buffers);
    }

    /// So much of the plaintext has surely left.
    fn credit(&mut self) -> usize {
        let waits =
            self.outgoing.len() + usize::from(self.session.as_ref().is_some_and(|session| session.has_ciphertext()));
        // At least one byte, so that everybody sees that something has; the last one when all have.
        let left = match waits {
            0 => self.inside,
            _ => self.inside.saturating_sub(waits).max(1).min(self.inside.saturating_sub(1)),
        };
        self.inside -= left;
        left
    }

    /// Its pages are no longer paid for by what they were taken for.
    pub(super) fn meter(&mut self, buffers: &mut Buffers) {
        self.sealed.meter(buffers);
        self.outgoing.meter(buffers);
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
        let streams = self.streams.as_ref().is_some_and(|streams| streams.has_something_to_say()) && !self.leg.broken;
        let Some(secure) = &self.secure else { return !self.dead && (streams || !self.leg.pending().is_empty()) };
        let is_open = !self.dead && secure.stage == Stage::Open;
        secure.has_something_to_say() || is_open && (streams || self.leg.pending().len() > secure.inside)
    }
}

impl Shard {
    /// Room for what the socket has to say.
    pub(super) fn sealed_space(&mut self, id: WireId) -> Option<&mut [u8]> {
        if self.has_outgrown(id) {
            self.unseal(id);
        }
        let (_, payment) = self.input_limit(id)?;
        let Shard { wires, buffers, .. } = self;
        let wire = wires.get_mut(id.0)?;
        let secure = wire.secure.as_mut()?;
        if wire.dead || secure.ended || wire.role.is_dialing() {
            return None;
        }
        let free = secure.sealed.free(sealed_limit(payment), payment, buffers);
        if free == 0 {
            wire.told.starved = true;
            if secure.sealed.len() < sealed_limit(payment) && !secure.stuck {
                // There should be room: it is memory that is not there.
                self.shed(id);
            }
            return None;
        }
        let wire = self.wires.get_mut(id.0)?;
        wire.told.starved = false;
        Some(wire.secure.as_mut()?.sealed.tail_mut(free))
    }

    /// How much of a record may wait before the session gets pieces of it.
    pub(super) fn opening_limit(&self, id: WireId) -> usize {
        self.input_limit(id).map_or(PAGE, |(_, payment)| sealed_limit(payment))
    }

    /// Whether a part of a record waits that is now to be opened in pieces: an exchange has begun since it came, and more than
    /// the page that it pays for is there already.
    fn has_outgrown(&self, id: WireId) -> bool {
        let limit = self.opening_limit(id);
        let secure = self.wires.get(id.0).and_then(|wire| wire.secure.as_ref());
        secure.is_some_and(|secure| secure.stage == Stage::Open && !secure.stuck && secure.sealed.len() >= limit)
    }

    pub(super) fn sealed_filled(&mut self, id: WireId, n: usize) {
        let now = self.now.mono;
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let Some(secure) = &mut wire.secure else { return };
        secure.sealed.filled(n);
        let begun = matches!(&wire.role, Role::Front(Front { phase: Phase::Head { since: Some(_), .. }, .. }));
        if begun || wire.exchange().is_some() {
            // Elsewhere only plaintext counts: a peer that says nothing must not seem to.
            wire.leg.activity = now;
        }
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
            let limit = self.opening_limit(id);
            let Shard { wires, buffers, .. } = self;
            let Some(wire) = wires.get_mut(id.0).filter(|wire| !wire.dead) else { return };
            let is_client = wire.front().is_some();
            let Some(secure) = &mut wire.secure else { return };
            if let Stage::Handshake { .. } = secure.stage {
                return self.shake(id);
            }
            if is_client && secure.is_deaf() {
                // What crosses an alert or a goodbye is dropped: closed at once, the client would not get to read them.
                self.linger(id);
                break;
            }
            let openable = secure.openable(limit);
            let Some(session) = &mut secure.session else { return };
            // What waits inside comes first: the session takes no more before.
            let waits = session.has_plaintext();
            let fed = if waits { Ok(0) } else { session.feed(&secure.sealed.bytes()[..openable]) };
            let closed = session.peer_closed();
            let fed = match fed {
                Ok(n) => n,
                Err(_) => return self.session_failed(id),
            };
            secure.fruitless = if session.has_plaintext() { 0 } else { secure.fruitless + fed };
            secure.opened(fed, buffers);
            if secure.fruitless > FRUITLESS_BYTES_MAX {
                return self.session_failed(id);
            }
            if !self.let_through(id) {
                return;
            }
            let Some(wire) = self.wires.get_mut(id.0).filter(|wire| !wire.dead) else { return };
            let Some(secure) = &mut wire.secure else { return };
            if closed && !wire.leg.ended {
                return self.plain_ended(id);
            }
            if secure.sealed.is_empty() || fed == 0 && !waits {
                break;
            }
        }
        self.end_if_nothing_is_left(id);
    }

    /// Passes on what was opened. `false` if there was no room for all of it, or the wire is gone.
    fn let_through(&mut self, id: WireId) -> bool {
        let Some(wire) = self.wires.get_mut(id.0) else { return false };
        // Whether the socket waits for room is another question than whether there was room for plaintext.
        let starved = wire.told.starved;
        let Some(mut session) = wire.secure.as_mut().and_then(|secure| secure.session.take()) else { return false };
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
        if secure.said_goodbye && !wire.leg.unfinished {
            // It was to be said while the session was here.
            session.close();
        }
        secure.session = Some(session);
        if secure.said_goodbye {
            secure.drain(Payment::Metered, &mut self.buffers);
        }
        secure.stuck = !all;
        wire.told.starved = starved || !all;
        all && alive
    }

    /// The socket's end counts once everything before it was opened.
    fn end_if_nothing_is_left(&mut self, id: WireId) {
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
        if secure.has_something_to_say() || secure.inside > 0 || wire.dead || secure.stage != Stage::Open {
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
            return self.connection_is_starved(id);
        };
        let most = pending.len().min(room.saturating_sub(RECORDS_OVERHEAD));
        secure.inside = secure.seal(&pending[..most], payment, buffers);
    }

    /// Tells the peer that nothing more comes, once.
    pub(super) fn say_goodbye(&mut self, id: WireId) {
        let Shard { wires, buffers, .. } = self;
        let Some(WireState { secure: Some(secure), leg, .. }) = wires.get_mut(id.0) else { return };
        if secure.stage == Stage::Open && !core::mem::replace(&mut secure.said_goodbye, true) {
            if let Some(session) = secure.session.as_mut().filter(|_| !leg.unfinished) {
                session.close();
            }
            secure.drain(Payment::Metered, buffers);
        }
    }

    /// A client that is to be closed gets what it is told still: without that its last answer may look cut off. `false` if
    /// there is nothing to tell.
    pub(super) fn see_off(&mut self, id: WireId) -> bool {
        let until = self.now.mono.after(LINGER);
        let Shard { wires, buffers, .. } = self;
        let Some(WireState { secure: Some(secure), role: Role::Front(front), leg, dead: false, .. }) =
            wires.get_mut(id.0)
        else {
            return false;
        };
        if leg.broken || !secure.has_something_to_say() {
            return false;
        }
        leg.clear(buffers);
        (secure.inside, secure.leaves) = (0, true);
        front.phase = Phase::Lingering { left: UNWANTED_BYTES_MAX, until };
        self.rearm(id);
        self.notice(id);
        true
    }

    pub(super) fn sealed_sent(&mut self, id: WireId, n: usize) {
        let now = self.now.mono;
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        let Some(secure) = &mut wire.secure else { return };
        secure.outgoing.consume(n, buffers);
        wire.leg.activity = now;
        let credit = if wire.dead { 0 } else { secure.credit() };
        if credit > 0 {
            self.plain_sent(id, credit);
        }
        if self.wires.get(id.0).and_then(|wire| wire.secure.as_ref()).is_some_and(|secure| secure.stuck) {
            self.unseal(id);
        }
    }

    /// Nothing more reaches the peer: what was sealed for it is as if it had not been.
    pub(super) fn unseal_output(&mut self, id: WireId) {
        let Shard { wires, buffers, .. } = self;
        if let Some(secure) = wires.get_mut(id.0).and_then(|wire| wire.secure.as_mut()) {
            secure.inside = 0;
            secure.outgoing.release(buffers);
        }
    }

    /// A session that was open is broken: nothing more can be understood. The peer is told, as far as TLS can tell.
    fn session_failed(&mut self, id: WireId) {
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        if let Some(secure) = &mut wire.secure {
            secure.sealed.release(buffers);
            secure.drain(Payment::Metered, buffers);
            secure.stage = Stage::Failed;
            secure.ended = true;
            secure.said_goodbye = true;
        }
        match (&wire.role, wire.exchange()) {
            (Role::Back(_), Some(exchange)) => {
                if self.resend(id, exchange, Again::Closed) {
                    return;
                }
                if let Some(back) = self.wires.get_mut(id.0).and_then(WireState::back_mut) {
                    back.phase = BackPhase::Idle;
                }
                self.lose_target(exchange);
                self.kill(id);
            }
            (Role::Front(_), Some(exchange)) => {
                wire.leg.broken = true;
                wire.leg.held = 0;
                wire.leg.output.release(buffers);
                self.drive(exchange);
            }
            (Role::Trunk(trunk), _) => {
                let cause = if trunk.is_open() { Cause::TargetReset } else { Cause::TargetTlsHandshakeFailed };
                self.trunk_is_lost(id, cause);
            }
            (Role::Front(_) | Role::Back(_), _) => self.kill(id),
            (Role::Probe(_), _) => self.probe_is_not_secured(id),
        }
    }
}

/// What bytes begin with.
enum Record {
    /// A record of that length, its header included.
    Len(usize),
    /// A record whose header is not whole.
    Short,
    /// No record.
    None,
}

fn record_len(bytes: &[u8]) -> Record {
    // Of the types there are (RFC 8446 section 5.1), and of a version that begins with 3.
    if !bytes.first().is_some_and(|kind| (20..=23).contains(kind)) || bytes.get(1).is_some_and(|major| *major != 3) {
        return Record::None;
    }
    let Some(&[_, _, _, high, low]) = bytes.get(..RECORD_HEADER) else { return Record::Short };
    let len = RECORD_HEADER + usize::from(u16::from_be_bytes([high, low]));
    if len <= RECORD_BYTES_MAX { Record::Len(len) } else { Record::None }
}

/// How much of what came may wait to be opened: a page where the exchange has paid for it, and else a whole record.
fn sealed_limit(payment: Payment) -> usize {
    if payment == Payment::Admitted { PAGE } else { RECORD_BYTES_MAX }
}
