//! The connection of one check: dialed, asked, judged by the head of its answer, closed. It has nothing to do with requests:
//! it is in no pool, in no log, and in no count of theirs.

use std::sync::Arc;

use super::super::pool::Place;
use super::super::timer::Deadline;
use super::super::wire::{Role, WireState};
use super::super::{DialError, Effect, Shard, WireId};
use super::schedule::TargetKey;
use crate::buffer::Payment;
use crate::exchange::INTERIM_MAX;
use crate::http::FieldRoom;
use crate::http::h1::body::{Decoder, Step};
use crate::http::h1::head::{Scan, Scanner, parse_response, response_framing};
use crate::observe::Cause;
use crate::target::health::{Failure, Health};
use crate::target::{CheckKind, GRPC_MESSAGE, HealthCheck, TargetState};
use crate::time::Mono;

/// Bytes of an answer's body that are read and dropped, so that a server which is still writing sees no reset. A page that
/// tells how a server is has less.
const REST_BYTES_MAX: u64 = 64 * 1024;

/// Where gRPC says what became of a call: behind the body, or in the head of an answer without one.
const GRPC_STATUS: &[u8] = b"grpc-status";

/// A check in progress.
pub(crate) struct Probe {
    /// Who is checked.
    pub(super) target: Arc<TargetState>,
    /// Where, and with which TLS (guide HC-16).
    place: Place,
    /// How, as it was said when the check began (guide HC-24).
    pub(super) check: Arc<HealthCheck>,
    /// When it ends as a failure, or, if it has its outcome, ends.
    until: Mono,
    phase: ProbePhase,
}

/// How far a check has come.
enum ProbePhase {
    /// The connection is being made.
    Dialing,
    /// The head of the answer is awaited.
    Asked { scanner: Scanner, interims: u8 },
    /// A call of gRPC is answered; its outcome comes behind the body, of which so many bytes at most are dropped.
    Called { status: u16, left: u64 },
    /// The outcome is known; what is left of the answer is read and dropped, so many bytes at most.
    Leaving { body: Decoder, left: u64 },
}

/// What the bytes of an answer have come to.
enum Heard {
    More,
    /// The head of the answer to a call is so long; its outcome follows.
    Call {
        status: u16,
        len: usize,
    },
    /// The head is so long; the rest is its body.
    Answer {
        outcome: Result<(), Failure>,
        len: usize,
        body: Decoder,
    },
}

impl Probe {
    pub(super) fn new(target: Arc<TargetState>, place: Place, check: Arc<HealthCheck>, now: Mono) -> Probe {
        let until = now.after(check.timeout);
        Probe { target, place, check, until, phase: ProbePhase::Dialing }
    }

    pub(super) fn target_key(&self) -> TargetKey {
        Arc::as_ptr(&self.target)
    }

    /// When this connection has to be looked at, and why.
    pub(crate) fn deadline(&self) -> (Mono, Deadline) {
        (self.until, Deadline::Check)
    }

    pub(crate) fn is_dialing(&self) -> bool {
        matches!(self.phase, ProbePhase::Dialing)
    }

    fn awaits_outcome(&self) -> bool {
        !matches!(self.phase, ProbePhase::Leaving { .. })
    }

    fn awaits_answer(&self) -> bool {
        matches!(self.phase, ProbePhase::Asked { .. } | ProbePhase::Called { .. })
    }

    /// Looks for the head of the final answer; interim ones are skipped. Returns how many bytes they were.
    fn hear(&mut self, mut input: &[u8], bare: bool) -> (usize, Result<Heard, Failure>) {
        let mut skipped = 0;
        loop {
            let ProbePhase::Asked { scanner, interims } = &mut self.phase else { return (skipped, Ok(Heard::More)) };
            let len = match scanner.scan_response(input) {
                Ok(Scan::More) => return (skipped, Ok(Heard::More)),
                Ok(Scan::Head { len, .. }) => len,
                Err(_) => return (skipped, Err(Failure::Failed)),
            };
            let mut room = FieldRoom::default();
            let Ok(response) = parse_response(&input[..len], &mut room) else { return (skipped, Err(Failure::Failed)) };
            if !matches!(response.status, 100 | 102..=199) {
                let Ok(framing) = response_framing(&response, false) else { return (skipped, Err(Failure::Failed)) };
                let status = response.status;
                let outcome = match (self.check.kind, response.fields.first(GRPC_STATUS)) {
                    (CheckKind::Http, _) => self.check.judge(status),
                    (CheckKind::Grpc, None) if status == 200 => return (skipped, Ok(Heard::Call { status, len })),
                    (CheckKind::Grpc, code) => self.check.judge_call(status, code),
                };
                let body = if bare { Decoder::UntilClose } else { Decoder::new(framing) };
                return (skipped, Ok(Heard::Answer { outcome, len, body }));
            }
            *interims += 1;
            if *interims > INTERIM_MAX {
                return (skipped, Err(Failure::Failed));
            }
            *scanner = Scanner::response();
            skipped += len;
            input = &input[len..];
        }
    }
}

impl Shard {
    /// Begins a check.
    pub(super) fn probe(&mut self, probe: Probe) {
        let place = probe.place;
        probe.target.update_health(Health::begun);
        if place.http2 {
            let is_call = probe.check.kind == CheckKind::Grpc;
            let wire = self.connect_check(Role::Probe(probe), place, is_call);
            self.checkups.probes += 1;
            return self.rearm(wire);
        }
        let secure = self.secure_for(place);
        let wire = WireState { secure, ..WireState::new(Role::Probe(probe), self.now.mono) };
        let wire = WireId(self.wires.insert(wire));
        self.checkups.probes += 1;
        self.effects.push(Effect::Dial { wire, address: place.address });
        self.rearm(wire);
    }

    /// The connection of a check was made, or not.
    pub(crate) fn probe_dialed(&mut self, id: WireId, result: Result<(), DialError>) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let Role::Probe(probe) = &mut wire.role else { return };
        if !probe.is_dialing() {
            return;
        }
        if let Err(error) = result {
            self.conclude_check(id, Err(failure_of(error)));
            return self.remove(id);
        }
        probe.phase = ProbePhase::Asked { scanner: Scanner::response(), interims: 0 };
        self.scratch.clear();
        probe.check.write_request(probe.place.address, &mut self.scratch);
        if probe.check.kind == CheckKind::Grpc {
            self.scratch.extend_from_slice(GRPC_MESSAGE);
        }
        if wire.leg.output.append(&self.scratch, Payment::Aside, &mut self.buffers) {
            self.notice(id);
        } else {
            self.end_check(id, Err(Failure::Internal));
        }
    }

    /// No connection for the check came about, or none of use.
    pub(crate) fn probe_has_no_connection(&mut self, id: WireId, cause: Cause) {
        let failure = match cause {
            Cause::TargetConnectTimeout | Cause::TargetTlsHandshakeTimeout => Failure::Timeout,
            Cause::NoWayOut | Cause::OutOfMemory => Failure::Internal,
            _ => Failure::Failed,
        };
        self.conclude_check(id, Err(failure));
        self.remove(id);
    }

    /// Something came from the target that is checked: bytes, or its end.
    pub(crate) fn probe_heard(&mut self, id: WireId) {
        let Some(WireState { leg, role: Role::Probe(probe), .. }) = self.wires.get_mut(id.0) else { return };
        if !probe.awaits_answer() {
            return self.leave(id);
        }
        if let ProbePhase::Called { .. } = probe.phase {
            return self.hear_call(id);
        }
        let (skipped, heard) = probe.hear(leg.input.bytes(), leg.bare);
        leg.input.consume(skipped, &mut self.buffers);
        match heard {
            Ok(Heard::More) if leg.ended => self.end_check(id, Err(Failure::Failed)),
            Ok(Heard::More) => {}
            Ok(Heard::Call { status, len }) => {
                leg.input.consume(len, &mut self.buffers);
                probe.phase = ProbePhase::Called { status, left: REST_BYTES_MAX };
                self.hear_call(id);
            }
            Ok(Heard::Answer { outcome, len, body }) => {
                leg.input.consume(len, &mut self.buffers);
                probe.phase = ProbePhase::Leaving { body, left: REST_BYTES_MAX };
                self.conclude_check(id, outcome);
                self.leave(id);
            }
            Err(failure) => self.end_check(id, Err(failure)),
        }
    }

    /// Drops what came of the body of a call's answer; behind it comes what became of the call.
    fn hear_call(&mut self, id: WireId) {
        let Some(WireState { leg, role: Role::Probe(probe), .. }) = self.wires.get_mut(id.0) else { return };
        let ProbePhase::Called { status, left } = &mut probe.phase else { return };
        let status = *status;
        match left.checked_sub(leg.discard_input(&mut self.buffers) as u64) {
            Some(rest) => *left = rest,
            None => return self.end_check(id, Err(Failure::Failed)),
        }
        if leg.ended {
            let lines = leg.trailers.received.split(|&byte| byte == b'\n');
            let code = lines.filter_map(|line| line.strip_prefix(GRPC_STATUS)?.strip_prefix(b":")).next();
            let outcome = probe.check.judge_call(status, code.map(<[u8]>::trim_ascii));
            self.end_check(id, outcome);
        }
    }

    /// Drops what came of an answer's body, and closes after its end.
    fn leave(&mut self, id: WireId) {
        let Some(WireState { leg, role: Role::Probe(probe), .. }) = self.wires.get_mut(id.0) else { return };
        let ProbePhase::Leaving { body, left } = &mut probe.phase else { return };
        let over = loop {
            let dropped = match body.step(leg.input.bytes()) {
                Ok(Step::More) => break leg.ended,
                Ok(Step::Done { .. }) | Err(_) => break true,
                Ok(Step::Data { skip, len } | Step::Trailers { skip, len }) => skip + len,
            };
            leg.input.consume(dropped, &mut self.buffers);
            match left.checked_sub(dropped as u64) {
                Some(rest) => *left = rest,
                None => break true,
            }
        };
        if over {
            self.kill(id);
        }
    }

    /// The check's time is over.
    pub(crate) fn probe_is_late(&mut self, id: WireId) {
        let Some(Role::Probe(probe)) = self.wires.get(id.0).map(|wire| &wire.role) else { return };
        match probe.phase {
            ProbePhase::Leaving { .. } => self.kill(id),
            ProbePhase::Asked { .. } | ProbePhase::Called { .. } | ProbePhase::Dialing => {
                self.end_check(id, Err(Failure::Timeout))
            }
        }
    }

    /// There is no memory for the answer of a check.
    pub(crate) fn probe_is_starved(&mut self, id: WireId) {
        match self.wires.get(id.0).map(|wire| &wire.role) {
            Some(Role::Probe(probe)) if probe.awaits_answer() => self.end_check(id, Err(Failure::Internal)),
            _ => self.hang_up(id),
        }
    }

    /// The connection of a check broke.
    pub(crate) fn probe_lost(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(id.0).filter(|wire| !wire.dead) else { return };
        if matches!(&wire.role, Role::Probe(probe) if probe.awaits_outcome()) {
            self.conclude_check(id, Err(Failure::Failed));
        }
    }

    /// Nothing more can be written: while the answer is awaited that is no outcome yet, for it may have been sent already.
    pub(crate) fn probe_is_unwritable(&mut self, id: WireId) {
        if !matches!(self.wires.get(id.0).map(|wire| &wire.role), Some(Role::Probe(probe)) if probe.awaits_answer()) {
            self.kill(id);
        }
    }

    /// No TLS came about with the target that is checked, or it broke.
    pub(crate) fn probe_is_not_secured(&mut self, id: WireId) {
        match self.wires.get(id.0).map(|wire| &wire.role) {
            Some(Role::Probe(probe)) if probe.awaits_answer() => self.end_check(id, Err(Failure::Failed)),
            _ => self.kill(id),
        }
    }

    /// Ends the checks, without an outcome, that `unwanted` says nobody wants any more.
    pub(super) fn abandon_probes(&mut self, unwanted: impl Fn(&Probe) -> bool) {
        for key in self.wires.keys() {
            if matches!(self.wires.get(key).map(|wire| &wire.role), Some(Role::Probe(probe)) if unwanted(probe)) {
                self.hang_up(WireId(key));
            }
        }
    }

    /// The check has this outcome, and its connection is of no use any more.
    fn end_check(&mut self, id: WireId, outcome: Result<(), Failure>) {
        self.conclude_check(id, outcome);
        self.hang_up(id);
    }

    fn hang_up(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let is_stream = wire.carried.is_some();
        let Role::Probe(probe) = &mut wire.role else { return };
        if probe.is_dialing() && !is_stream {
            // Whoever dials finds the wire gone.
            self.remove(id);
            return self.effects.push(Effect::Wake(id));
        }
        probe.phase = ProbePhase::Leaving { body: Decoder::Empty, left: 0 };
        self.kill(id);
    }
}

fn failure_of(error: DialError) -> Failure {
    match error {
        DialError::TimedOut => Failure::Timeout,
        DialError::Refused | DialError::Unreachable => Failure::Failed,
        DialError::Local => Failure::Internal,
    }
}
