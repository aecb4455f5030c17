//! Handshakes: their expensive steps are jobs that are carried out between turns, so that no other connection waits for
//! them; their outcome begins the plaintext life of a wire, or ends it.

use core::net::SocketAddr;
use core::time::Duration;

use super::front::LINGER;
use super::pool::Place;
use super::secure::{Secure, Stage};
use super::streams::Streams;
use super::trunk::ALPN;
use super::wire::{Back, BackPhase, Front, Phase, Role, WireState};
use super::{Effect, Shard, WireId};
use crate::buffer::{PAGE, Payment};
use crate::http::h1::head::Scanner;
use crate::http::h2::{Connection, Terms};
use crate::observe::Cause;
use crate::tls::{Failure, Session};

/// How long a client may take over its handshake. As long as a target may take.
pub(super) const CLIENT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a target may take over its handshake (guide CONN-11).
pub(super) const TARGET_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A step of a handshake: some hundred microseconds of arithmetic. It may be run on any thread.
#[must_use = "run it, then say `computed`"]
pub struct Job {
    wire: WireId,
    session: Box<Session>,
    bytes: Vec<u8>,
    fed: usize,
    answered: bool,
    outcome: Result<(), Failure>,
}

impl Job {
    /// Does the work.
    pub fn run(&mut self) {
        if self.session.is_greeted() {
            self.outcome = self.session.answer();
            self.answered = true;
        }
        while self.outcome.is_ok() && self.fed < self.bytes.len() && !self.session.is_open() {
            match self.session.feed(&self.bytes[self.fed..]) {
                Ok(0) => break,
                Ok(n) => self.fed += n,
                Err(failure) => self.outcome = Err(failure),
            }
        }
        if self.outcome.is_ok() && self.session.is_open() {
            self.session.present();
        }
    }
}

impl Shard {
    /// Goes on with a handshake: what costs little is done at once, the rest becomes a job.
    pub(super) fn shake(&mut self, id: WireId) {
        let limit = self.opening_limit(id);
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        let Some(secure) = &mut wire.secure else { return };
        if secure.stage != (Stage::Handshake { job_waits: false }) {
            return;
        }
        while secure.session.as_ref().is_some_and(|session| session.awaits_hello()) {
            let openable = secure.openable(limit);
            let Some(session) = secure.session.as_mut().filter(|_| openable > 0) else { break };
            match session.feed(&secure.sealed.bytes()[..openable]) {
                Ok(n) => secure.opened(n, buffers),
                Err(failure) => return self.handshake_failed(id, &failure),
            }
        }
        let is_greeted = secure.session.as_ref().is_some_and(|session| session.is_greeted());
        if is_greeted && !self.count_handshake(id) {
            self.handshake_failed(id, &Failure::Shed);
            return self.kill(id);
        }
        let Shard { wires, buffers, effects, .. } = self;
        let Some(secure) = wires.get_mut(id.0).and_then(|wire| wire.secure.as_mut()) else { return };
        if is_greeted || secure.openable(limit) > 0 {
            secure.stage = Stage::Handshake { job_waits: true };
            return effects.push(Effect::Compute(id));
        }
        secure.sealed.release_if_empty(buffers);
        if secure.ended {
            self.handshake_failed(id, &Failure::Left);
        }
    }

    /// A client's hello is there: from now on its handshake costs something. `false` if too many do.
    fn count_handshake(&mut self, id: WireId) -> bool {
        let Some(front) = self.wires.get_mut(id.0).and_then(WireState::front_mut) else { return true };
        let Phase::Handshake { counted, .. } = &mut front.phase else { return true };
        if self.handshakes >= self.options.handshakes_max {
            self.metrics.handshakes_shed_count += 1;
            return false;
        }
        self.handshakes += usize::from(!core::mem::replace(counted, true));
        true
    }

    /// The step that [`Effect::Compute`] announced.
    pub(super) fn job(&mut self, id: WireId) -> Option<Job> {
        let limit = self.opening_limit(id);
        let wire = self.wires.get_mut(id.0).filter(|wire| !wire.dead)?;
        let secure = wire.secure.as_mut().filter(|secure| secure.stage == Stage::Handshake { job_waits: true })?;
        let session = secure.session.take()?;
        let bytes = secure.sealed.bytes()[..secure.openable(limit)].to_vec();
        Some(Job { wire: id, session, bytes, fed: 0, answered: false, outcome: Ok(()) })
    }

    /// A step was carried out.
    pub(super) fn computed(&mut self, job: Job) {
        let Job { wire: id, session, fed, outcome, answered, .. } = job;
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0).filter(|wire| !wire.dead) else { return };
        let Some(secure) = &mut wire.secure else { return };
        secure.opened(fed.min(secure.sealed.len()), buffers);
        let open = session.is_open();
        secure.session = Some(session);
        if secure.stage != (Stage::Handshake { job_waits: true }) {
            // It has failed meanwhile.
            return;
        }
        secure.stage = Stage::Handshake { job_waits: false };
        match outcome {
            Err(failure) => self.handshake_failed(id, &failure),
            Ok(()) if open => self.handshake_is_done(id),
            // Another step would do as little.
            Ok(()) if fed == 0 && !answered => self.handshake_failed(id, &Failure::Left),
            Ok(()) => self.shake(id),
        }
        self.notice(id);
    }

    fn handshake_is_done(&mut self, id: WireId) {
        let now = self.now;
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let Some(secure) = &mut wire.secure else { return };
        secure.stage = Stage::Open;
        wire.leg.activity = now.mono;
        match &mut wire.role {
            Role::Front(front) => {
                self.handshakes -= usize::from(Shard::is_counted(front));
                let speaks_http2 = secure.session.as_ref().is_some_and(|session| session.protocol() == Some(ALPN));
                if speaks_http2 {
                    front.phase = Phase::Streams;
                    wire.streams = Some(Streams::new(Connection::server(Terms::server()), now.mono));
                } else {
                    front.phase = Phase::Head { scanner: Scanner::request(), since: None };
                }
                self.secured(id);
            }
            Role::Back(back) => {
                if let BackPhase::Securing { exchange, .. } = back.phase {
                    back.phase = BackPhase::Busy(exchange);
                    if let Some(exchange) = self.exchanges.get_mut(exchange) {
                        exchange.record.dispatched(now);
                        let front = exchange.front;
                        self.rearm(front);
                    }
                }
            }
            Role::Probe(_) => {}
            Role::Trunk(_) => self.trunk_is_secured(id),
        }
        self.rearm(id);
        self.unseal(id);
        self.catch_up(id);
    }

    /// What happened during the handshake of a client happens to its connection now: a reload, or the end of the shard.
    fn catch_up(&mut self, id: WireId) {
        let Some(front) = self.wires.get(id.0).and_then(WireState::front) else { return };
        match front.listener {
            None => self.close_if_idle(id),
            Some(_) if self.draining => self.hurry_if_idle(id),
            Some(_) => {}
        }
    }

    /// The handshake came to nothing: the peer is told why, as far as TLS can tell, then the connection closes.
    pub(super) fn handshake_failed(&mut self, id: WireId, failure: &Failure) {
        let now = self.now.mono;
        if self.wires.get(id.0).is_some_and(|wire| wire.front().is_some()) {
            self.not_secured(id, failure);
        }
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        let Some(secure) = &mut wire.secure else { return };
        secure.stage = Stage::Failed;
        secure.sealed.release(buffers);
        secure.drain(Payment::Metered, buffers);
        let ended = secure.ended;
        match &mut wire.role {
            Role::Front(front) => {
                self.handshakes -= usize::from(Shard::is_counted(front));
                front.phase = Phase::Lingering { left: PAGE as u64, until: now.after(LINGER) };
                if ended {
                    return self.dismiss(id);
                }
                self.rearm(id);
                self.notice(id);
            }
            Role::Back(Back { phase: BackPhase::Securing { .. }, .. }) => {
                self.target_is_not_secured(id, Cause::TargetTlsHandshakeFailed);
            }
            Role::Back(_) => self.kill(id),
            Role::Probe(_) => self.probe_is_not_secured(id),
            Role::Trunk(_) => self.trunk_is_lost(id, Cause::TargetTlsHandshakeFailed),
        }
    }

    /// The connection broke. `true` if its handshake was in progress, which has failed now.
    pub(super) fn breaks_handshake(&mut self, id: WireId) -> bool {
        let Some(wire) = self.wires.get(id.0).filter(|wire| !wire.dead && !wire.is_dialing()) else { return false };
        let shaking = matches!(wire.secure.as_ref().map(|secure| secure.stage), Some(Stage::Handshake { .. }));
        if shaking {
            self.handshake_failed(id, &Failure::Left);
        }
        shaking
    }

    /// A client has not finished its handshake in time.
    pub(super) fn client_handshake_is_late(&mut self, id: WireId) {
        self.handshake_failed(id, &Failure::Late);
        self.kill(id);
    }

    /// The connection to a target is there, and of no use.
    pub(super) fn target_is_not_secured(&mut self, id: WireId, cause: Cause) {
        let Some(back) = self.wires.get_mut(id.0).and_then(WireState::back_mut) else { return };
        let BackPhase::Securing { exchange, .. } = back.phase else { return };
        back.phase = BackPhase::Idle;
        self.kill(id);
        if let Some(failed) = self.exchanges.get_mut(exchange) {
            failed.back = None;
        }
        self.fail(exchange, cause);
        self.answer_is_due(exchange);
        self.drive(exchange);
    }

    /// The TLS of a new connection to that place, if it has any.
    pub(super) fn secure_for(&self, place: Place) -> Option<Box<Secure>> {
        let session = self.doors.connect(place.tls?, place.http2, &name_of(place.address))?;
        Some(Secure::new(session))
    }

    /// A connection that was just made to a target is secured next.
    pub(super) fn secure_target(&mut self, id: WireId) {
        let until = self.now.mono.after(TARGET_HANDSHAKE_TIMEOUT);
        if let Some(Back { phase, .. }) = self.wires.get_mut(id.0).and_then(WireState::back_mut)
            && let BackPhase::Dialing { exchange, .. } = *phase
        {
            *phase = BackPhase::Securing { exchange, until };
            self.rearm(id);
        }
        self.notice(id);
    }

    /// Whether that client's connection counts as a handshake in progress.
    pub(super) fn is_counted(front: &Front) -> bool {
        matches!(front.phase, Phase::Handshake { counted: true, .. })
    }
}

/// What sessions with a target are remembered by: a host name that is never sent.
fn name_of(address: SocketAddr) -> String {
    let plain = |byte: char| if byte.is_ascii_alphanumeric() { byte } else { '-' };
    format!("t{}.target", address.to_string().chars().map(plain).collect::<String>())
}
