//! A request that no target has looked at is not lost with the connection it was meant for: when a target refuses the
//! connection, another target of the group gets the request; when a connection turns out to be closed, or takes no more
//! streams, another connection to the same target does, or to another of the group if that one was deregistered. Once a byte
//! is out, nothing is sent twice, unless the target itself has said that it did not look at it.

use smallvec::SmallVec;

use super::choice::Chosen;
use super::doors::BackEnd;
use super::pool::OriginId;
use super::session::seat;
use super::wire::{BackPhase, Role, WireState};
use super::{ExchangeId, Shard, WireId};
use crate::buffer::{Buffer, Payment};
use crate::config::ProtocolVersion;
use crate::exchange::Exchange;
use crate::observe::Cause;
use crate::rules::GroupId;
use crate::target::Outstanding;
use crate::time::Mono;

/// Targets that one request is offered to at most. With so many refusing, more would hardly help.
const TARGETS_MAX: usize = 8;

/// How often a request that waits takes another connection, since the one it waits for takes no more or is gone. A target that
/// ends every connection at once must not keep requests for ever.
const MOVED_MAX: u8 = 16;

/// What a connection to a target is to do for an exchange, kept so that another can do it instead.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    chosen: Chosen,
    /// Which configuration the choice was made in.
    config: u64,
    /// Which TLS targets are reached with, if with any.
    back_end: BackEnd,
    /// Targets that refused before this one, by their places in the group.
    refused: SmallVec<[u32; TARGETS_MAX]>,
    /// It was sent before, to a target that did not look at it.
    repeated: bool,
    /// How often it went to another connection because the one it waited for took no more, or was gone.
    moved: u8,
}

impl Errand {
    pub(crate) fn new(chosen: Chosen, config: u64, back_end: BackEnd) -> Self {
        Errand { chosen, config, back_end, refused: SmallVec::new(), repeated: false, moved: 0 }
    }

    /// Counts another attempt; whether that is one too many.
    fn is_spent(&mut self, again: Again) -> bool {
        match again {
            // As often as connections wait in the pool: a new one is not renewed.
            Again::Closed => false,
            Again::NoRoom => {
                self.moved += 1;
                self.moved > MOVED_MAX
            }
            Again::NotLookedAt => core::mem::replace(&mut self.repeated, true),
        }
    }
}

/// Why a request is sent again, on another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// A connection from the pool ended, and nothing was sent on it.
    Closed,
    /// The connection takes no more streams, or is gone, and this one has not been opened: nothing was sent on it.
    NoRoom,
    /// The target has said that it has not looked at the request, nor will (RFC 9113 section 8.7), and all that was sent of it
    /// is known.
    NotLookedAt,
}

/// What is still to be sent of a request.
struct Unsent {
    output: Buffer,
    /// Of a stream: they follow the output.
    trailers: Vec<u8>,
    /// Until when another connection may be tried.
    until: Option<Mono>,
}

impl Shard {
    /// A target could not be reached: offers the request to another one, if there is one. `false` if the exchange has to fail.
    pub(crate) fn fail_over(&mut self, id: WireId, exchange: ExchangeId, cause: Cause) -> bool {
        if !matches!(cause, Cause::TargetConnectRefused | Cause::TargetUnreachable) {
            return false;
        }
        let Some(errand) = self.wires.get_mut(id.0).and_then(WireState::back_mut).and_then(|back| back.errand.take())
        else {
            return false;
        };
        let Some(next) = self.next_errand(errand) else { return false };
        self.count_unconnected(exchange);
        let Some(unsent) = self.take_unsent(id) else { return false };
        self.remove(id);
        self.send_by_another(exchange, next, unsent)
    }

    /// The request goes to the same target on another connection, or to another one if its own was deregistered; this
    /// connection is done with it. `false` if that cannot be: it is still this one's.
    pub(crate) fn resend(&mut self, id: WireId, exchange: ExchangeId, again: Again) -> bool {
        if !self.may_resend(id, exchange, again) {
            return false;
        }
        let Some(back) = self.wires.get_mut(id.0).and_then(WireState::back_mut) else { return false };
        let origin = back.origin;
        let Some(mut errand) = back.errand.clone() else { return false };
        if errand.is_spent(again) {
            return false;
        }
        let stays = self.pool.is_registered(origin);
        let was_sticky = errand.chosen.sticky;
        if !stays {
            let Some(next) = self.new_errand(exchange, origin, errand) else { return false };
            errand = next;
        }
        if again == Again::NotLookedAt && !self.take_back(id) {
            return false;
        }
        let Some(unsent) = self.take_unsent(id) else { return false };
        if let Some(back) = self.wires.get_mut(id.0).and_then(WireState::back_mut) {
            back.phase = BackPhase::Idle;
        }
        self.kill(id);
        if stays {
            self.send_to(exchange, origin, errand, unsent);
            return true;
        }
        self.metrics.non_sticky_request_count += u64::from(was_sticky);
        if !self.send_by_another(exchange, errand, unsent) {
            self.lose_target(exchange);
        }
        true
    }

    /// Whether no target has looked at the request, and all of it is known.
    fn may_resend(&self, id: WireId, exchange: ExchangeId, again: Again) -> bool {
        let Some(wire) = self.wires.get(id.0) else { return false };
        match again {
            Again::Closed => wire.has_yet_to_ask(),
            Again::NoRoom => wire.has_yet_to_begin(),
            Again::NotLookedAt => {
                let head = wire.carried.as_ref().and_then(|carried| carried.head.as_ref());
                let awaits_head = self.exchanges.get(exchange).is_some_and(Exchange::awaits_head);
                head.is_some() && wire.leg.input.is_empty() && awaits_head
            }
        }
    }

    /// What was sent on a stream is to be sent once more. `false` if it is not known any more, or there is no memory for it.
    fn take_back(&mut self, id: WireId) -> bool {
        let Shard { wires, buffers, .. } = self;
        let Some(WireState { leg, carried: Some(carried), .. }) = wires.get_mut(id.0) else { return false };
        let Some(head) = carried.head.take() else { return false };
        let mut output = Buffer::default();
        let fits = output.append(&head, Payment::Admitted, buffers)
            && output.append(leg.output.bytes(), Payment::Admitted, buffers);
        if fits {
            core::mem::swap(&mut leg.output, &mut output);
        }
        output.release(buffers);
        fits
    }

    /// The same errand for another target of the group that has not refused yet.
    fn next_errand(&mut self, mut errand: Errand) -> Option<Errand> {
        errand.refused.push(u32::try_from(errand.chosen.target).ok()?);
        if errand.config != self.generation || errand.refused.len() >= TARGETS_MAX {
            return None;
        }
        let Shard { choices, config, options, now, chance, metrics, .. } = self;
        let refused = |target: usize| errand.refused.iter().any(|&other| other as usize == target);
        let chosen =
            choices.choose_another(config, errand.chosen, refused, options.zone.as_deref(), now.mono, chance)?;
        metrics.non_sticky_request_count += u64::from(errand.chosen.sticky);
        Some(Errand { chosen, ..errand })
    }

    /// The same errand for a target that the group has now, chosen anew since its own was deregistered. It has to speak what
    /// the former spoke: the request is written for that.
    fn new_errand(&mut self, id: ExchangeId, former: OriginId, errand: Errand) -> Option<Errand> {
        let exchange = self.exchanges.get(id)?;
        let arn = self.columns.group(exchange.record.column?)?;
        let number = self.config.groups.iter().position(|group| group.arn == arn)?;
        let version = self.config.groups.get(number)?.protocol_version;
        if exchange.facts.is_call != (version == ProtocolVersion::Grpc) {
            return None;
        }
        let Shard { choices, config, options, now, chance, .. } = self;
        let group = GroupId(u32::try_from(number).ok()?);
        let chosen = choices.choose_anew(config, group, options.zone.as_deref(), now.mono, chance)?;
        let origin = self.pool.route(group, chosen.target, errand.back_end)?;
        let speaks = |origin| self.pool.place(origin).map(|place| (place.http2, place.tls.is_some()));
        if speaks(origin)? != speaks(former)? {
            return None;
        }
        Some(Errand { chosen, config: self.generation, refused: SmallVec::new(), ..errand })
    }

    /// The target of the exchange could not be reached, and another gets the request.
    fn count_unconnected(&mut self, exchange: ExchangeId) {
        let Some(exchange) = self.exchanges.get(exchange) else { return };
        if let Some(target) = &exchange.target {
            target.target().tell(true);
        }
        if let Some(metrics) = exchange.record.column.and_then(|column| self.columns.get_mut(column)) {
            metrics.unconnected();
        }
    }

    /// Takes from a connection what was not sent yet.
    fn take_unsent(&mut self, id: WireId) -> Option<Unsent> {
        let WireState { leg, role: Role::Back(back), .. } = self.wires.get_mut(id.0)? else { return None };
        let until = match back.phase {
            BackPhase::Dialing { until, .. } => Some(until),
            BackPhase::Securing { .. } | BackPhase::Busy(_) | BackPhase::Idle => None,
        };
        let trailers = core::mem::take(&mut leg.trailers.pending);
        Some(Unsent { output: core::mem::take(&mut leg.output), trailers, until })
    }

    fn send_by_another(&mut self, id: ExchangeId, errand: Errand, mut unsent: Unsent) -> bool {
        let chosen = errand.chosen;
        let place = self.destination(chosen, errand.back_end);
        let (Some((origin, target)), Some(exchange)) = (place, self.exchanges.get_mut(id)) else {
            unsent.output.release(&mut self.buffers);
            return false;
        };
        exchange.record.target = self.pool.address(origin);
        exchange.record.column = self.columns.of(chosen);
        exchange.target = Some(target);
        if let (Some(session), Some(seat)) = (&mut exchange.session, seat(&self.config, chosen)) {
            session.move_to(seat);
        }
        self.send_to(id, origin, errand, unsent);
        true
    }

    /// Sends what was not sent yet on another connection to that target.
    fn send_to(&mut self, id: ExchangeId, origin: OriginId, errand: Errand, unsent: Unsent) {
        let Unsent { mut output, trailers, until } = unsent;
        let Some(&Exchange { idle, front, facts, .. }) = self.exchanges.get(id) else {
            return output.release(&mut self.buffers);
        };
        let back = self.connect(origin, idle);
        self.tell_manner(front, back, facts.is_call);
        if let Some(exchange) = self.exchanges.get_mut(id) {
            exchange.back = Some(back);
        }
        if let Some(wire) = self.wires.get_mut(back.0) {
            wire.leg.output = output;
            wire.leg.trailers.pending = trailers;
        }
        self.engage(back, id, errand);
        if let (Some(until), Some(back)) = (until, self.wires.get_mut(back.0).and_then(WireState::back_mut))
            && let BackPhase::Dialing { until: at_most, .. } = &mut back.phase
        {
            // However many are tried: connecting takes no longer than it may take with one.
            *at_most = until;
        }
        self.rearm(back);
        self.rearm(front);
        self.notice(back);
        self.drive(id);
    }

    /// The connections of a chosen target, and a request in progress there.
    pub(crate) fn destination(&self, chosen: Chosen, back_end: BackEnd) -> Option<(OriginId, Outstanding)> {
        let target = self.config.group(chosen.group)?.targets.get(chosen.target)?;
        Some((self.pool.route(chosen.group, chosen.target, back_end)?, Outstanding::new(&target.state)))
    }
}
