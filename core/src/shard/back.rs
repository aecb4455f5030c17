//! The targets' side: connections are made, serve one exchange after the other, and wait in the pool in between.

use core::time::Duration;

use super::failover::Errand;
use super::pool::OriginId;
use super::timer::Deadline;
use super::wire::{Back, BackPhase, Role, WireState};
use super::{DialError, Effect, Endpoints, ExchangeId, Shard, WireId};
use crate::exchange::Parting;
use crate::observe::Cause;
use crate::time::Mono;

/// How long a target may take to accept a connection (guide CONN-11).
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Shard {
    /// A connection to that target: from the pool, or a new one.
    pub(crate) fn connect(&mut self, origin: OriginId, idle: Duration) -> WireId {
        let place = self.pool.place(origin);
        if let Some(place) = place.filter(|place| place.http2) {
            return self.connect_stream(origin, place, idle);
        }
        if let Some(waiting) = self.pool.take(origin) {
            return waiting;
        }
        let back = Back { origin, idle, reused_at: None, errand: None, phase: BackPhase::Idle };
        let mut wire = WireState::new(Role::Back(back), self.now.mono);
        wire.secure = place.and_then(|place| self.secure_for(place));
        WireId(self.wires.insert(wire))
    }

    /// The connection serves an exchange from now on; a new one is dialed first.
    pub(crate) fn engage(&mut self, id: WireId, exchange: ExchangeId, errand: Errand) {
        let until = self.now.mono.after(CONNECT_TIMEOUT);
        let now = self.now.mono;
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        if wire.carried.is_some() {
            return self.engage_stream(id, exchange, errand);
        }
        let sent = wire.leg.sent;
        let fresh = wire.leg.received == 0 && sent == 0;
        wire.leg.activity = now;
        let Some(back) = wire.back_mut() else { return };
        back.reused_at = (!fresh).then_some(sent);
        back.errand = Some(errand);
        let origin = back.origin;
        if !fresh && let Some(exchange) = self.exchanges.get_mut(exchange) {
            exchange.record.dispatched(self.now);
        }
        back.phase = if fresh { BackPhase::Dialing { exchange, until } } else { BackPhase::Busy(exchange) };
        if fresh && let Some(address) = self.pool.address(origin) {
            self.effects.push(Effect::Dial { wire: id, address });
            self.rearm(id);
        }
    }

    pub(crate) fn dialed(&mut self, id: WireId, result: Result<Endpoints, DialError>) {
        let now = self.now.mono;
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        match wire.role {
            Role::Probe(_) => return self.probe_dialed(id, result.map(drop)),
            Role::Trunk(_) => return self.trunk_dialed(id, result.map(drop)),
            Role::Front(_) | Role::Back(_) => {}
        }
        if result.is_ok() && wire.secure.is_some() {
            return self.secure_target(id);
        }
        let Some(back) = wire.back_mut() else { return };
        let BackPhase::Dialing { exchange, .. } = back.phase else { return };
        match result {
            Ok(_) => {
                back.phase = BackPhase::Busy(exchange);
                wire.leg.activity = now;
                if let Some(exchange) = self.exchanges.get_mut(exchange) {
                    exchange.record.dispatched(self.now);
                    let front = exchange.front;
                    self.rearm(front);
                }
                self.notice(id);
            }
            Err(error) => self.dial_failed(id, exchange, cause_of(error)),
        }
    }

    pub(crate) fn dial_failed(&mut self, id: WireId, exchange: ExchangeId, cause: Cause) {
        if self.fail_over(id, exchange, cause) {
            return;
        }
        self.remove(id);
        let Some(failed) = self.exchanges.get_mut(exchange) else { return };
        failed.back = None;
        self.fail(exchange, cause);
        self.answer_is_due(exchange);
        self.drive(exchange);
    }

    /// A target said something on a connection from the pool before the request was sent on it: that is no answer to it.
    pub(crate) fn spoke_first(&mut self, id: WireId, exchange: ExchangeId) {
        if let Some(back) = self.wires.get_mut(id.0).and_then(WireState::back_mut) {
            back.phase = BackPhase::Idle;
        }
        self.kill(id);
        if let Some(failed) = self.exchanges.get_mut(exchange) {
            failed.back = None;
        }
        self.fail(exchange, Cause::TargetSpokeFirst);
        self.drive(exchange);
    }

    /// The deregistration delay of the exchange's target is over (guide DRAIN-05).
    pub(crate) fn drained_out(&mut self, exchange: ExchangeId) {
        let back = self.exchanges.get_mut(exchange).and_then(|exchange| exchange.back.take());
        self.fail(exchange, Cause::TargetDraining);
        if let Some(back) = back {
            self.part(back, Parting::Close);
        }
        self.drive(exchange);
    }

    /// The client's alarm may have passed while only connecting had a deadline; its answer has one again.
    pub(super) fn answer_is_due(&mut self, exchange: ExchangeId) {
        let Some(front) = self.exchanges.get(exchange).map(|exchange| exchange.front) else { return };
        if let Some(wire) = self.wires.get_mut(front.0) {
            wire.leg.activity = self.now.mono;
        }
        self.rearm(front);
    }

    /// The exchange is through with its connection.
    pub(crate) fn part(&mut self, id: WireId, parting: Parting) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let is_stream = wire.carried.is_some();
        let Role::Back(back) = &mut wire.role else { return };
        match (back.phase, parting) {
            (BackPhase::Dialing { exchange, .. } | BackPhase::Securing { exchange, .. }, _) if is_stream => {
                self.remove(id);
                self.answer_is_due(exchange);
            }
            // Its connection goes on.
            (_, _) if is_stream => self.remove(id),
            (BackPhase::Dialing { exchange, .. }, _) => {
                // Nobody waits for it any more: whoever dials finds the wire gone.
                self.remove(id);
                self.effects.push(Effect::Wake(id));
                self.answer_is_due(exchange);
            }
            (BackPhase::Securing { exchange, .. }, _) => {
                back.phase = BackPhase::Idle;
                self.kill(id);
                self.answer_is_due(exchange);
            }
            (_, Parting::Reuse) if self.pool.is_registered(back.origin) => {
                back.phase = BackPhase::Idle;
                self.pool.put(back.origin, id);
                self.rearm(id);
            }
            // Also when its target was removed meanwhile: nobody would ever take it.
            (_, Parting::Reuse | Parting::Close) => {
                back.phase = BackPhase::Idle;
                self.dismiss(id);
            }
        }
    }
}

impl Back {
    /// When this connection has to be looked at, and why.
    pub(crate) fn deadline(&self, activity: Mono) -> Option<(Mono, Deadline)> {
        match self.phase {
            BackPhase::Dialing { until, .. } => Some((until, Deadline::Connect)),
            BackPhase::Securing { until, .. } => Some((until, Deadline::TargetHandshake)),
            BackPhase::Idle => Some((activity.after(self.idle), Deadline::Pooled)),
            BackPhase::Busy(_) => None,
        }
    }
}

pub(super) fn cause_of(error: DialError) -> Cause {
    match error {
        DialError::Refused => Cause::TargetConnectRefused,
        DialError::TimedOut => Cause::TargetConnectTimeout,
        DialError::Unreachable => Cause::TargetUnreachable,
        DialError::Local => Cause::NoWayOut,
    }
}
