//! Where the bytes that a peer sends are read to: into the wire's own input, or, where no framing lies between, straight into
//! the output of the leg that they go to.

use super::stream::STALLED_MAX;
use super::wire::{Back, BackPhase, Front, Lent, Phase, Role, WireState};
use super::{ExchangeId, Shard, WireId};
use crate::buffer::{LARGE_PAGE, PAGE, Payment, SMALL_PAGE};
use crate::exchange::{Exchange, WINDOW};
use crate::observe::Cause;
use crate::tls::Failure;

/// Bytes that a client may send ahead while its request is being answered.
const PIPELINED_BYTES_MAX: usize = 64 * 1024;

impl Shard {
    /// Room to read into; see [`super::Wire::space`].
    pub(crate) fn space(&mut self, id: WireId) -> Option<&mut [u8]> {
        match self.wires.get(id.0)?.secure {
            None => self.plain_space(id),
            Some(_) => self.sealed_space(id),
        }
    }

    /// Room for plaintext.
    pub(super) fn plain_space(&mut self, id: WireId) -> Option<&mut [u8]> {
        let lent = self.lending(id)?;
        let wire = self.wires.get_mut(id.0)?;
        wire.lent = lent;
        wire.told.starved = true;
        self.ration_receiver(id);
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
            self.shed(id);
            return None;
        }
        let WireState { leg, told, .. } = self.wires.get_mut(id.0)?;
        told.starved = false;
        Some(leg.input.tail_mut(free))
    }

    /// There is no room. Where that is because memory is spent, it is told at once, so that work in progress can go on: a
    /// client whose request is not whole is closed, a request whose answer cannot be read gets a 503.
    pub(super) fn shed(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(id.0) else { return };
        match &wire.role {
            Role::Front(Front { phase: Phase::Head { .. } | Phase::Streams, .. }) => self.kill(id),
            Role::Front(Front { phase: Phase::Handshake { .. }, .. }) => {
                self.handshake_failed(id, &Failure::Shed);
                self.kill(id);
            }
            Role::Back(Back { phase: BackPhase::Busy(exchange), .. }) if wire.leg.input.len() < WINDOW => {
                let exchange = *exchange;
                if self.exchanges.get(exchange).is_some_and(Exchange::awaits_head) {
                    self.fail(exchange, Cause::OutOfMemory);
                    self.drive(exchange);
                }
            }
            Role::Probe(_) => self.probe_is_starved(id),
            Role::Front(_) | Role::Back(_) => {}
            Role::Trunk(_) => self.connection_is_starved(id),
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
        if wire.dead || wire.leg.ended || wire.is_dialing() {
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
    pub(super) fn input_limit(&self, id: WireId) -> Option<(usize, Payment)> {
        let wire = self.wires.get(id.0)?;
        if let Some(streams) = &wire.streams {
            return Some((LARGE_PAGE, streams.payment()));
        }
        if wire.carried.as_ref().is_some_and(|carried| carried.widened) {
            return Some((LARGE_PAGE, Payment::Reserved));
        }
        match &wire.role {
            Role::Front(Front { phase: Phase::Head { .. }, .. }) => Some((LARGE_PAGE, Payment::Metered)),
            Role::Front(Front { phase: Phase::Busy(exchange), .. }) => {
                let admitted = self.exchanges.get(*exchange)?.admitted;
                Some((PIPELINED_BYTES_MAX, if admitted > 0 { Payment::Admitted } else { Payment::Metered }))
            }
            Role::Front(Front {
                phase:
                    Phase::Lingering { .. } | Phase::Handshake { .. } | Phase::Streams | Phase::Answered | Phase::LastWords,
                ..
            })
            | Role::Trunk(_) => Some((PAGE, Payment::Metered)),
            Role::Back(Back { phase: BackPhase::Busy(exchange), .. })
                if self.is_stalled(*exchange, wire.leg.input.len()) =>
            {
                Some((SMALL_PAGE, Payment::Admitted))
            }
            Role::Back(_) => Some((WINDOW, Payment::Admitted)),
            Role::Probe(_) => Some((LARGE_PAGE, Payment::Aside)),
        }
    }

    /// Whether the client takes nothing, so that what its target says waits there: so many bytes wait here already. A head
    /// is read to its end all the same.
    fn is_stalled(&self, exchange: ExchangeId, held: usize) -> bool {
        let Some(exchange) = self.exchanges.get(exchange) else { return false };
        let Some(WireState { leg, .. }) = self.wires.get(exchange.front.0) else { return false };
        match leg.output.len() >= leg.limit {
            true => leg.bare && !exchange.awaits_head(),
            false => leg.limit <= STALLED_MAX && held < SMALL_PAGE,
        }
    }

    pub(crate) fn has_space(&mut self, id: WireId) -> bool {
        let has = self.would_lend(id);
        self.give_back(id);
        if let Some(wire) = self.wires.get_mut(id.0) {
            wire.told.starved = true;
        }
        has
    }

    /// Whether there is room: of a wire with TLS, room for what waits to be let through, or for more from the socket.
    fn would_lend(&mut self, id: WireId) -> bool {
        match self.wires.get(id.0).and_then(|wire| wire.secure.as_ref()) {
            Some(secure) if !secure.stuck => secure.session.is_some() && secure.has_room(),
            Some(_) | None => self.plain_space(id).is_some(),
        }
    }

    /// Takes back room that was lent and not used.
    pub(crate) fn give_back(&mut self, id: WireId) {
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        wire.leg.input.release_if_empty(buffers);
        if let Some(secure) = &mut wire.secure {
            secure.sealed.release_if_empty(buffers);
        }
        let lent = core::mem::replace(&mut wire.lent, Lent::Own);
        if lent == Lent::Own && self.carried == 0 {
            return;
        }
        let Some(other) = self.other_end(id) else { return };
        let Shard { wires, buffers, .. } = self;
        if lent == Lent::Through
            && let Some(other) = wires.get_mut(other.0)
        {
            other.leg.output.release_if_empty(buffers);
        }
        self.ration(other);
    }
}
