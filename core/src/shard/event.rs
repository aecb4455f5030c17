//! What happens to a wire: bytes came, bytes left, a direction ended, the connection broke.

use super::failover::Again;
use super::wire::{Back, BackPhase, Front, Lent, Phase, Role, WireState};
use super::{Shard, WireId};
use crate::observe::Cause;

impl Shard {
    /// `n` bytes of the room that was lent were read.
    pub(crate) fn filled(&mut self, id: WireId, n: usize) {
        match self.is_secure(id) {
            false => self.plain_filled(id, n),
            true => self.sealed_filled(id, n),
        }
    }

    /// The socket's end was read.
    pub(crate) fn ended(&mut self, id: WireId) {
        match self.is_secure(id) {
            false => self.plain_ended(id),
            true => self.sealed_ended(id),
        }
    }

    /// Bytes for the socket.
    pub(crate) fn pending(&mut self, id: WireId) -> &[u8] {
        if self.wires.get(id.0).is_some_and(|wire| wire.streams.is_some()) {
            self.fill(id);
        }
        if self.is_secure(id) {
            self.seal(id);
        }
        let Some(wire) = self.wires.get(id.0) else { return &[] };
        match &wire.secure {
            Some(secure) => secure.outgoing(),
            None if wire.dead && !matches!(wire.role, Role::Trunk(_)) => &[],
            None => wire.leg.pending(),
        }
    }

    /// `n` bytes were written to the socket.
    pub(crate) fn sent(&mut self, id: WireId, n: usize) {
        match self.is_secure(id) {
            false => self.plain_sent(id, n),
            true => self.sealed_sent(id, n),
        }
    }

    fn is_secure(&self, id: WireId) -> bool {
        self.wires.get(id.0).is_some_and(|wire| wire.secure.is_some())
    }

    /// `n` bytes of plaintext came.
    pub(super) fn plain_filled(&mut self, id: WireId, n: usize) {
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

    /// The peer says nothing more.
    pub(super) fn plain_ended(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        wire.leg.ended = true;
        self.touched(id);
    }

    /// `n` bytes of plaintext left.
    pub(super) fn plain_sent(&mut self, id: WireId, n: usize) {
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
        if self.breaks_handshake(id) {
            return self.kill(id);
        }
        let exchange = self.wires.get(id.0).and_then(WireState::exchange);
        if exchange.is_some_and(|exchange| self.resend(id, exchange, Again::Closed)) {
            return;
        }
        self.unseal_output(id);
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        wire.leg.broken = true;
        wire.leg.held = 0;
        wire.leg.output.release(buffers);
        match (wire.exchange(), &wire.role) {
            (Some(exchange), _) => self.drive(exchange),
            (None, Role::Probe(_)) => self.probe_is_unwritable(id),
            (None, Role::Trunk(_)) => self.trunk_is_unwritable(id),
            (None, Role::Front(_) | Role::Back(_)) => self.kill(id),
        }
    }

    pub(crate) fn lost(&mut self, id: WireId) {
        if self.breaks_handshake(id) {
            return self.remove(id);
        }
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        wire.leg.broken = true;
        let exchange = wire.exchange();
        if let Some(exchange) = exchange
            && self.resend(id, exchange, Again::Closed)
        {
            return self.remove(id);
        }
        let Some(wire) = self.wires.get_mut(id.0) else { return };
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
            Role::Probe(_) => self.probe_lost(id),
            Role::Trunk(_) => self.trunk_is_lost(id, Cause::TargetReset),
        }
        self.remove(id);
    }

    /// Something came from the peer: bytes, or its end.
    pub(super) fn touched(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        if wire.dead {
            return;
        }
        let ended = wire.leg.ended;
        match &wire.role {
            Role::Front(Front { phase: Phase::Head { .. }, .. }) => self.next_request(id),
            Role::Front(Front { phase: Phase::Lingering { .. }, .. }) if ended => self.dismiss(id),
            Role::Front(Front { phase: Phase::Lingering { .. }, .. }) => self.linger(id),
            Role::Probe(_) => self.probe_heard(id),
            // Nothing has been said in plaintext.
            Role::Front(Front { phase: Phase::Handshake { .. }, .. })
            | Role::Back(Back { phase: BackPhase::Securing { .. }, .. }) => {}
            Role::Front(Front { phase: Phase::Streams, .. }) | Role::Trunk(_) => self.hear(id),
            Role::Front(Front { phase: Phase::Answered | Phase::LastWords, .. }) => self.hear_last_words(id),
            // A target that says something unasked, or leaves: it serves nobody any more.
            Role::Back(Back { phase: BackPhase::Idle, .. }) => self.kill(id),
            Role::Back(Back { phase: BackPhase::Busy(exchange), .. })
                if wire.has_yet_to_ask() && !wire.leg.input.is_empty() =>
            {
                let exchange = *exchange;
                self.spoke_first(id, exchange);
            }
            Role::Back(Back { phase: BackPhase::Busy(exchange), .. }) if ended && wire.has_yet_to_ask() => {
                let exchange = *exchange;
                if !self.resend(id, exchange, Again::Closed) {
                    self.drive(exchange);
                }
            }
            Role::Front(Front { phase: Phase::Busy(exchange), .. })
            | Role::Back(Back { phase: BackPhase::Busy(exchange) | BackPhase::Dialing { exchange, .. }, .. }) => {
                let exchange = *exchange;
                self.drive(exchange);
            }
        }
    }
}
