//! Where events on wires become progress of exchanges, and progress becomes wakes.

use super::timer::Deadline;
use super::wire::{Back, BackPhase, Front, Lent, Phase, Role, WireState};
use super::{Effect, ExchangeId, Fate, Shard, TIMERS_PER_TURN, WireId};
use crate::buffer::{LARGE_PAGE, PAGE, Payment};
use crate::exchange::{Context, Exchange, Leg, WINDOW};
use crate::observe::Cause;
use crate::time::Mono;

/// Bytes that a client may send ahead while its request is being answered.
const PIPELINED_BYTES_MAX: usize = 64 * 1024;

impl Shard {
    // ---- what happens to a wire -------------------------------------------------------------------------------

    /// Room to read into; see [`super::Wire::space`].
    pub(crate) fn space(&mut self, id: WireId) -> Option<&mut [u8]> {
        let lent = self.lending(id)?;
        let wire = self.wires.get_mut(id.0)?;
        wire.lent = lent;
        wire.told.starved = true;
        match lent {
            Lent::Own => self.own_space(id),
            Lent::Through => self.space_at_the_other_leg(id),
        }
    }

    fn own_space(&mut self, id: WireId) -> Option<&mut [u8]> {
        let (limit, payment) = self.input_limit(id)?;
        let Shard { wires, buffers, .. } = self;
        let free = wires.get_mut(id.0)?.leg.input.free(limit, payment, buffers);
        if free == 0 {
            self.shed_if_new(id);
            return None;
        }
        let WireState { leg, told, .. } = self.wires.get_mut(id.0)?;
        told.starved = false;
        Some(leg.input.tail_mut(free))
    }

    /// Memory is spent: a client whose request is not whole yet is closed, so that work in progress can go on.
    fn shed_if_new(&mut self, id: WireId) {
        let front = self.wires.get(id.0).and_then(WireState::front);
        if let Some(Front { phase: Phase::Head { .. }, .. }) = front {
            self.kill(id);
        }
    }

    fn space_at_the_other_leg(&mut self, id: WireId) -> Option<&mut [u8]> {
        let Shard { wires, exchanges, buffers, .. } = self;
        let exchange = exchanges.get_mut(wires.get(id.0)?.exchange()?)?;
        let (from, to) = wires.pair_mut(id.0, exchange.other(id)?.0);
        let room = exchange.relay_from(id)?.room(&mut to?.leg, buffers)?;
        from?.told.starved = false;
        Some(room)
    }

    /// Whether bytes may be read straight to where they go. `None`: nothing may come any more.
    fn lending(&mut self, id: WireId) -> Option<Lent> {
        let wire = self.wires.get(id.0)?;
        if wire.dead
            || wire.leg.ended
            || matches!(&wire.role, Role::Back(Back { phase: BackPhase::Dialing { .. }, .. }))
        {
            return None;
        }
        let lends = wire.leg.input.is_empty()
            && wire
                .exchange()
                .and_then(|exchange| self.exchanges.get_mut(exchange)?.relay_from(id)?.lends())
                .is_some_and(|most| most > 0);
        Some(if lends { Lent::Through } else { Lent::Own })
    }

    /// How much a wire may keep for itself, and who pays.
    fn input_limit(&self, id: WireId) -> Option<(usize, Payment)> {
        match &self.wires.get(id.0)?.role {
            Role::Front(Front { phase: Phase::Head { .. }, .. }) => Some((LARGE_PAGE, Payment::Metered)),
            Role::Front(Front { phase: Phase::Busy(exchange), .. }) => {
                let admitted = self.exchanges.get(*exchange)?.admitted;
                Some((PIPELINED_BYTES_MAX, if admitted { Payment::Admitted } else { Payment::Metered }))
            }
            Role::Front(Front { phase: Phase::Lingering { .. }, .. }) => Some((PAGE, Payment::Metered)),
            Role::Back(_) => Some((WINDOW, Payment::Admitted)),
        }
    }

    /// `n` bytes of the room that was lent were read.
    pub(crate) fn filled(&mut self, id: WireId, n: usize) {
        let now = self.now.mono;
        let Shard { wires, exchanges, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        wire.leg.activity = now;
        wire.leg.received += n as u64;
        match wire.lent {
            Lent::Own => wire.leg.input.filled(n),
            Lent::Through => {
                let exchange = wire.exchange().and_then(|exchange| exchanges.get_mut(exchange));
                if let Some(exchange) = exchange
                    && let Some(other) = exchange.other(id)
                    && let Some(to) = wires.get_mut(other.0)
                    && let Some(relay) = exchange.relay_from(id)
                {
                    relay.lent(n, &mut to.leg);
                }
            }
        }
        self.touched(id);
    }

    pub(crate) fn ended(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        wire.leg.ended = true;
        self.touched(id);
    }

    pub(crate) fn sent(&mut self, id: WireId, n: usize) {
        let now = self.now.mono;
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        wire.leg.activity = now;
        wire.leg.sent += n as u64;
        wire.leg.output.consume(n, buffers);
        if let Some(exchange) = wire.exchange()
            && self.exchanges.get(exchange).is_some_and(|exchange| exchange.waits_for_room(id))
        {
            self.drive(exchange);
        }
    }

    pub(crate) fn unwritable(&mut self, id: WireId) {
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        wire.leg.broken = true;
        wire.leg.held = 0;
        wire.leg.output.release(buffers);
        match wire.exchange() {
            Some(exchange) => self.drive(exchange),
            None => self.kill(id),
        }
    }

    pub(crate) fn lost(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        wire.leg.broken = true;
        let exchange = wire.exchange();
        match &wire.role {
            Role::Front(_) => {
                if let Some(exchange) = exchange {
                    self.drive(exchange);
                }
            }
            Role::Back(_) => {
                if let Some(exchange) = exchange {
                    self.lose_target(exchange);
                }
            }
        }
        self.remove(id);
    }

    /// Something came from the peer: bytes, or its end.
    fn touched(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        if wire.dead {
            return;
        }
        let ended = wire.leg.ended;
        match &wire.role {
            Role::Front(Front { phase: Phase::Head { .. }, .. }) => self.next_request(id),
            Role::Front(Front { phase: Phase::Lingering { .. }, .. }) if ended => self.kill(id),
            Role::Front(Front { phase: Phase::Lingering { .. }, .. }) => self.linger(id),
            // A target that says something unasked, or leaves: it serves nobody any more.
            Role::Back(Back { phase: BackPhase::Idle, .. }) => self.kill(id),
            Role::Front(Front { phase: Phase::Busy(exchange), .. })
            | Role::Back(Back { phase: BackPhase::Busy(exchange) | BackPhase::Dialing { exchange, .. }, .. }) => {
                let exchange = *exchange;
                self.drive(exchange);
            }
        }
    }

    // ---- exchanges --------------------------------------------------------------------------------------------

    /// Lets an exchange advance, and does what it then wants done.
    pub(crate) fn drive(&mut self, id: ExchangeId) {
        let Some((advance, front, back)) = self.with(id, |exchange, front, back, cx| {
            let advance = exchange.advance(front, back, cx);
            (advance, exchange.front, exchange.back)
        }) else {
            return;
        };
        if let (Some(parting), Some(back)) = (advance.parting, back) {
            if let Some(exchange) = self.exchanges.get_mut(id) {
                exchange.back = None;
            }
            self.part(back, parting);
        }
        if let Some(after) = advance.over {
            self.conclude(id, front);
            self.next(front, after);
        }
        self.notice(front);
        if let Some(back) = back {
            self.notice(back);
        }
    }

    /// Runs `f` on an exchange, its legs, and what it works with.
    pub(crate) fn with<R>(
        &mut self,
        id: ExchangeId,
        f: impl FnOnce(&mut Exchange, &mut Leg, Option<&mut Leg>, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let Shard { wires, exchanges, buffers, scratch, dates, options, config, now, draining, .. } = self;
        let exchange = exchanges.get_mut(id)?;
        let (front, back) = match exchange.back {
            Some(back) => wires.pair_mut(exchange.front.0, back.0),
            None => (wires.get_mut(exchange.front.0), None),
        };
        let front = front?;
        let closing = *draining || front.front().is_none_or(|front| front.listener.is_none());
        let mut cx = Context { now: *now, buffers, scratch, dates, options, config, closing };
        Some(f(exchange, &mut front.leg, back.map(|back| &mut back.leg), &mut cx))
    }

    pub(crate) fn fail(&mut self, id: ExchangeId, cause: Cause) {
        self.with(id, |exchange, front, _, cx| exchange.fail(cause, front, cx));
    }

    fn lose_target(&mut self, id: ExchangeId) {
        self.with(id, |exchange, front, _, cx| {
            exchange.back = None;
            exchange.target_is_lost(front, cx);
        });
        self.drive(id);
    }

    /// Writes down what became of an exchange that is over.
    fn conclude(&mut self, id: ExchangeId, front: WireId) {
        let Some(exchange) = self.exchanges.remove(id) else { return };
        let Shard { wires, buffers, journal, notes, effects, now, options, .. } = self;
        if exchange.admitted {
            buffers.dismiss();
            if let Some(wire) = wires.get_mut(front.0) {
                // What the client sent ahead stays, and nothing is set aside for it any more.
                wire.leg.input.meter(buffers);
            }
        }
        let wire = wires.get(front.0);
        let Some((leg, endpoints)) = wire.and_then(|wire| Some((&wire.leg, wire.front()?.endpoints))) else { return };
        if exchange.record.notes.is_some() {
            let mut used = None;
            let named = options.name_causes;
            if journal.line(|out| used = exchange.record.finish(*now, endpoints.peer, leg, named, out)) {
                effects.push(Effect::Journal);
            }
            notes.extend(used);
        }
    }

    // ---- wires ------------------------------------------------------------------------------------------------

    /// Nothing more is wanted of a wire: the outside is to close it.
    pub(crate) fn kill(&mut self, id: WireId) {
        let Shard { wires, buffers, pool, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        wire.dead = true;
        wire.leg.clear(buffers);
        if let Role::Back(Back { origin, phase: BackPhase::Idle, .. }) = wire.role {
            pool.forget(origin, id);
        }
        self.notice(id);
    }

    /// A wire is gone.
    pub(crate) fn remove(&mut self, id: WireId) {
        let Some(mut wire) = self.wires.remove(id.0) else { return };
        wire.leg.clear(&mut self.buffers);
        match wire.role {
            Role::Back(back) => self.pool.forget(back.origin, id),
            Role::Front(_) => {
                self.fronts -= 1;
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
        let finished = match &wire.role {
            Role::Front(front) => matches!(front.phase, Phase::Lingering { .. }),
            Role::Back(Back { phase: BackPhase::Busy(exchange), .. }) => {
                self.exchanges.get(*exchange).is_some_and(Exchange::upload_is_over)
            }
            Role::Back(_) => false,
        };
        if finished && wire.leg.output.is_empty() { Fate::Finish } else { Fate::Open }
    }

    /// Wakes the outside if a wire has news for it.
    pub(crate) fn notice(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(id.0) else { return };
        if wire.told.woken || wire.told.turn == self.turn {
            return;
        }
        if matches!(&wire.role, Role::Back(Back { phase: BackPhase::Dialing { .. }, .. })) {
            return;
        }
        let writable = !wire.told.writing && !wire.dead && !wire.leg.pending().is_empty();
        let news = writable || self.fate(id) != wire.told.fate || wire.told.starved && self.has_space(id);
        if news && let Some(wire) = self.wires.get_mut(id.0) {
            wire.told.woken = true;
            self.effects.push(Effect::Wake(id));
        }
    }

    fn has_space(&mut self, id: WireId) -> bool {
        let has = self.space(id).is_some();
        self.give_back(id);
        if let Some(wire) = self.wires.get_mut(id.0) {
            wire.told.starved = true;
        }
        has
    }

    /// Takes back room that was lent and not used.
    pub(crate) fn give_back(&mut self, id: WireId) {
        let Shard { wires, exchanges, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        wire.leg.input.release_if_empty(buffers);
        if core::mem::replace(&mut wire.lent, Lent::Own) == Lent::Own {
            return;
        }
        let other = wire.exchange().and_then(|exchange| exchanges.get(exchange)?.other(id));
        if let Some(other) = other.and_then(|other| wires.get_mut(other.0)) {
            other.leg.output.release_if_empty(buffers);
        }
    }

    // ---- time -------------------------------------------------------------------------------------------------

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
                let back = exchange.back.and_then(|back| self.wires.get(back.0));
                if matches!(
                    back,
                    Some(WireState { role: Role::Back(Back { phase: BackPhase::Dialing { .. }, .. }), .. })
                ) {
                    // Connecting has a deadline of its own.
                    return None;
                }
                let activity = back.map_or(wire.leg.activity, |back| wire.leg.activity.max(back.leg.activity));
                Some((activity.after(exchange.idle), Deadline::Exchange))
            }
            Role::Front(front) => front.deadline(wire.leg.activity),
            Role::Back(back) => back.deadline(wire.leg.activity),
        }
    }

    fn due(&mut self, id: WireId, deadline: Deadline) {
        let exchange = self.wires.get(id.0).and_then(WireState::exchange);
        if let (Deadline::RequestHead | Deadline::Exchange, Some(wire)) = (deadline, self.wires.get_mut(id.0)) {
            // An answer follows, and the client has the whole idle timeout to take it.
            wire.leg.activity = self.now.mono;
        }
        match (deadline, exchange) {
            (Deadline::KeepAlive | Deadline::Pooled | Deadline::Linger, _) => self.kill(id),
            (Deadline::RequestHead, _) => self.refuse(id, Cause::ClientIdle),
            (Deadline::Connect, Some(exchange)) => {
                self.effects.push(Effect::Wake(id));
                self.dial_failed(id, exchange, Cause::TargetConnectTimeout);
            }
            (Deadline::Exchange, Some(exchange)) => {
                self.with(exchange, |exchange, front, back, cx| exchange.idle_for_too_long(front, back, cx));
                self.drive(exchange);
            }
            (Deadline::Connect | Deadline::Exchange, None) => {}
        }
        self.rearm(id);
    }
}
