//! What becomes of a wire, and when the outside has to be told: it is woken for news, once, and for nothing else.

use super::wire::{Back, BackPhase, Phase, Role};
use super::{Effect, Fate, Shard, WireId};
use crate::exchange::Exchange;

impl Shard {
    /// Nothing more is wanted of a wire: the outside is to close it.
    pub(crate) fn kill(&mut self, id: WireId) {
        if self.wires.get(id.0).is_some_and(|wire| wire.carried.is_some()) {
            // A stream has no outside.
            return self.remove(id);
        }
        self.pool_forgets_trunk(id);
        self.drop_streams(id);
        let Shard { wires, buffers, pool, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        wire.dead = true;
        wire.leg.clear(buffers);
        if let Some(secure) = &mut wire.secure {
            secure.give_up(buffers);
        }
        if let Role::Back(Back { origin, phase: BackPhase::Idle, .. }) = wire.role {
            pool.forget(origin, id);
        }
        self.notice(id);
    }

    /// As [`kill`](Shard::kill), of a wire whose peer has got all that it was to get, and is told so where that can be told.
    pub(crate) fn dismiss(&mut self, id: WireId) {
        if self.dismiss_trunk(id) {
            return;
        }
        self.say_goodbye(id);
        if !self.see_off(id) {
            self.kill(id);
        }
    }

    /// A wire is gone.
    pub(crate) fn remove(&mut self, id: WireId) {
        self.pool_forgets_trunk(id);
        self.drop_streams(id);
        let Some(mut wire) = self.wires.remove(id.0) else { return };
        wire.leg.clear(&mut self.buffers);
        if let Some(secure) = &mut wire.secure {
            secure.clear(&mut self.buffers);
        }
        if let Some(carried) = &wire.carried {
            match wire.role {
                Role::Probe(_) => self.checkups.probes -= 1,
                Role::Front(_) | Role::Back(_) | Role::Trunk(_) => self.carried -= 1,
            }
            return self.uncarry(id, carried);
        }
        match wire.role {
            Role::Trunk(_) => {}
            Role::Back(back) => self.pool.forget(back.origin, id),
            Role::Probe(_) => self.checkups.probes -= 1,
            Role::Front(front) => {
                self.fronts -= 1;
                self.handshakes -= usize::from(Shard::is_counted(&front));
                self.drained_if_empty();
            }
        }
    }

    /// See [`super::Wire::fate`].
    pub(crate) fn fate(&self, id: WireId) -> Fate {
        let Some(wire) = self.wires.get(id.0) else { return Fate::Close };
        if wire.dead {
            return Fate::Close;
        }
        let through = wire.secure.as_ref().is_none_or(|secure| secure.is_through());
        if through && wire.secure.as_ref().is_some_and(|secure| secure.leaves) {
            return Fate::Close;
        }
        if through && self.is_finished(id) { Fate::Finish } else { Fate::Open }
    }

    /// Whether nothing more will be said on a wire, and all that was to be said has left.
    pub(super) fn is_finished(&self, id: WireId) -> bool {
        let Some(wire) = self.wires.get(id.0) else { return false };
        let finished = match &wire.role {
            Role::Front(front) => matches!(front.phase, Phase::Lingering { .. }),
            Role::Back(Back { phase: BackPhase::Busy(exchange), .. }) => {
                self.exchanges.get(*exchange).is_some_and(Exchange::upload_is_over)
            }
            Role::Back(_) | Role::Probe(_) | Role::Trunk(_) => false,
        };
        finished && wire.leg.output.is_empty()
    }

    /// Wakes the outside if a wire has news for it.
    pub(crate) fn notice(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(id.0) else { return };
        if wire.carried.is_some() {
            return self.speak_up(id);
        }
        if wire.told.woken || wire.told.turn == self.turn || wire.is_dialing() {
            return;
        }
        let goodbye = wire.secure.as_ref().is_some_and(|secure| !secure.is_through()) && self.is_finished(id);
        let writable = !wire.told.writing && !wire.dead && (goodbye || wire.has_pending());
        // What is stuck waits for room, whether or not the socket does.
        let waits = wire.told.starved || wire.secure.as_ref().is_some_and(|secure| secure.stuck);
        let news = writable || self.fate(id) != wire.told.fate || waits && self.has_space(id);
        if news && let Some(wire) = self.wires.get_mut(id.0) {
            wire.told.woken = true;
            self.effects.push(Effect::Wake(id));
        }
    }
}
