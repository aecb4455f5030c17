//! Where events on wires become progress of exchanges.

use super::{Effect, ExchangeId, Log, Shard, WireId};
use crate::exchange::{Context, Exchange, Leg};
use crate::observe::Cause;

impl Shard {
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
        self.part_from_target(id);
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
        let Shard {
            wires,
            exchanges,
            buffers,
            scratch,
            dates,
            options,
            config,
            now,
            draining,
            sessions,
            cookies,
            chance,
            ..
        } = self;
        let exchange = exchanges.get_mut(id)?;
        let (front, back) = match exchange.back {
            Some(back) => wires.pair_mut(exchange.front.0, back.0),
            None => (wires.get_mut(exchange.front.0), None),
        };
        let front = front?;
        let closing = *draining || front.front().is_none_or(|front| front.listener.is_none());
        let keys = &mut sessions.keys;
        let mut cx = Context { now: *now, buffers, scratch, dates, options, config, closing, keys, chance, cookies };
        Some(f(exchange, &mut front.leg, back.map(|back| &mut back.leg), &mut cx))
    }

    pub(crate) fn fail(&mut self, id: ExchangeId, cause: Cause) {
        self.with(id, |exchange, front, _, cx| exchange.fail(cause, front, cx));
    }

    pub(crate) fn lose_target(&mut self, id: ExchangeId) {
        self.with(id, |exchange, front, _, cx| {
            exchange.back = None;
            exchange.target_is_lost(front, cx);
        });
        self.drive(id);
    }

    /// A request whose target has nothing more to do with it is in progress there no longer, however slowly its client reads.
    fn part_from_target(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get_mut(id).filter(|exchange| exchange.back.is_none()) else { return };
        if let (Some(target), Some(failed)) = (exchange.target.take(), exchange.record.target_failed()) {
            target.target().tell(failed);
        }
    }

    /// Adds what became of a request that a target had, or should have had, to the counters of its group.
    fn count_outcome(&mut self, exchange: &Exchange) {
        if let Some(metrics) = exchange.record.column.and_then(|column| self.columns.get_mut(column)) {
            exchange.record.count(metrics);
        }
    }

    /// Writes down what became of an exchange that is over.
    fn conclude(&mut self, id: ExchangeId, front: WireId) {
        let Some(mut exchange) = self.exchanges.remove(id) else { return };
        self.sessions.give_back(exchange.session.take());
        self.count_outcome(&exchange);
        let Shard { wires, buffers, journals, notes, effects, now, options, .. } = self;
        if exchange.admitted > 0 {
            buffers.dismiss(exchange.admitted);
            if let Some(wire) = wires.get_mut(front.0) {
                // What the client sent ahead stays, and nothing is set aside for it any more.
                wire.leg.input.meter(buffers);
            }
        }
        let wire = wires.get(front.0);
        let Some((leg, front)) = wire.and_then(|wire| Some((&wire.leg, wire.front()?))) else { return };
        if exchange.record.notes.is_some() {
            let mut used = None;
            let named = options.name_causes;
            let tls = front.secured.as_ref().map(|secured| secured.logged());
            let journal = journals.of_mut(Log::Access);
            if journal.line(|out| used = exchange.record.finish(*now, front.endpoints.peer, leg, tls, named, out)) {
                effects.push(Effect::Journal(Log::Access));
            }
            notes.extend(used);
        }
    }
}
