//! Which deadline a wire has at the moment, and what happens when it is due.

use super::timer::Deadline;
use super::wire::{Front, Phase, Role, WireState};
use super::{Effect, Shard, TIMERS_PER_TURN, WireId};
use crate::observe::Cause;
use crate::time::Mono;

impl Shard {
    /// Sets the alarm of a wire for its present deadline.
    pub(crate) fn rearm(&mut self, id: WireId) {
        if let Some((at, _)) = self.deadline_of(id) {
            self.timers.arm(id, at);
        }
    }

    /// Handles what is due, `most` alarms at most.
    pub(crate) fn ring(&mut self, most: usize) {
        debug_assert!(most <= TIMERS_PER_TURN);
        for _ in 0..most {
            let Some(id) = self.timers.rung(self.now.mono) else { return };
            match self.deadline_of(id) {
                Some((at, deadline)) if at <= self.now.mono => self.due(id, deadline),
                Some((at, _)) => self.timers.arm(id, at),
                None => {}
            }
        }
    }

    fn deadline_of(&self, id: WireId) -> Option<(Mono, Deadline)> {
        let wire = self.wires.get(id.0).filter(|wire| !wire.dead)?;
        match &wire.role {
            Role::Front(Front { phase: Phase::Busy(exchange), .. }) => {
                let exchange = self.exchanges.get(*exchange)?;
                let drained = exchange.drained().map(|at| (at, Deadline::Drained));
                let back = exchange.back.and_then(|back| self.wires.get(back.0));
                if back.is_some_and(WireState::is_being_made) {
                    // Connecting has a deadline of its own.
                    return drained;
                }
                let activity = back.map_or(wire.leg.activity, |back| wire.leg.activity.max(back.leg.activity));
                let idle = activity.after(exchange.idle);
                Some(drained.filter(|(at, _)| *at <= idle).unwrap_or((idle, Deadline::Exchange)))
            }
            Role::Front(front) => match &wire.streams {
                Some(streams) => Some((front.streams_deadline(streams, wire.leg.activity), Deadline::Streams)),
                None => front.deadline(wire.leg.activity),
            },
            Role::Back(back) => back.deadline(wire.leg.activity),
            Role::Probe(probe) => Some(probe.deadline()),
            Role::Trunk(trunk) => trunk.deadline(wire.streams.as_deref()),
        }
    }

    fn due(&mut self, id: WireId, deadline: Deadline) {
        let exchange = self.wires.get(id.0).and_then(WireState::exchange);
        let is_stream = self.wires.get(id.0).is_some_and(|wire| wire.carried.is_some());
        let is_trunk = self.wires.get(id.0).is_some_and(|wire| matches!(wire.role, Role::Trunk(_)));
        if let (Deadline::RequestHead | Deadline::Exchange | Deadline::Drained, Some(wire)) =
            (deadline, self.wires.get_mut(id.0))
        {
            // An answer follows, and the client has the whole idle timeout to take it.
            wire.leg.activity = self.now.mono;
        }
        match (deadline, exchange) {
            (Deadline::KeepAlive | Deadline::Pooled, _) => self.dismiss(id),
            (Deadline::Linger, _) => self.kill(id),
            (Deadline::Streams, _) => self.streams_are_quiet(id),
            (Deadline::ClientHandshake, _) => self.client_handshake_is_late(id),
            (Deadline::Connect, _) if is_trunk => self.trunk_is_lost(id, Cause::TargetConnectTimeout),
            (Deadline::TargetHandshake, _) if is_trunk => self.trunk_is_lost(id, Cause::TargetTlsHandshakeTimeout),
            (Deadline::TargetHandshake, Some(exchange)) if is_stream => {
                self.dial_failed(id, exchange, Cause::TargetTlsHandshakeTimeout);
            }
            (Deadline::TargetHandshake, _) => self.target_is_not_secured(id, Cause::TargetTlsHandshakeTimeout),
            (Deadline::Check, _) => self.probe_is_late(id),
            (Deadline::RequestHead, _) => self.refuse(id, Cause::ClientIdle),
            (Deadline::Connect, Some(exchange)) => {
                if !is_stream {
                    self.effects.push(Effect::Wake(id));
                }
                self.dial_failed(id, exchange, Cause::TargetConnectTimeout);
            }
            (Deadline::Exchange, Some(exchange)) => {
                let trunk = self.exchanges.get(exchange).and_then(|it| Some((self.carrier(it.back?)?, it.idle)));
                self.with(exchange, |exchange, front, back, cx| exchange.idle_for_too_long(front, back, cx));
                self.drive(exchange);
                if let Some((trunk, idle)) = trunk {
                    self.suspect_trunk(trunk, idle);
                }
            }
            (Deadline::Drained, Some(exchange)) => self.drained_out(exchange),
            (Deadline::Connect | Deadline::Exchange | Deadline::Drained, None) => {}
        }
        self.rearm(id);
    }
}
