//! Connections to targets that speak HTTP/2: shared by the requests of all clients, each on a stream of its own. A stream is
//! asked for before there is a connection, and waits until the target has said how many it takes.

use core::time::Duration;

use super::back::CONNECT_TIMEOUT;
use super::failover::{Again, Errand};
use super::handshake::TARGET_HANDSHAKE_TIMEOUT;
use super::pool::{OriginId, Place};
use super::stream::{Carried, Manner, STALLED_MAX};
use super::streams::Streams;
use super::timer::Deadline;
use super::wire::{Back, BackPhase, Role, WireState};
use super::{DialError, Effect, ExchangeId, Shard, WireId};
use crate::buffer::Buffer;
use crate::http::h2::{Connection, ErrorCode, Terms};
use crate::observe::Cause;
use crate::time::Mono;

/// Streams that a target is thought to take on one connection before it has said how many: as many as RFC 9113 section 6.5.2
/// wants everybody to take.
const STREAMS_EXPECTED: usize = 100;

/// What both sides call HTTP/2 where TLS is spoken (ALPN, RFC 9113 section 3.2).
pub(super) const ALPN: &[u8] = b"h2";

/// A connection to a target that speaks HTTP/2.
pub(crate) struct Trunk {
    /// Nobody's but a check's, if there is none.
    pub(super) origin: Option<OriginId>,
    idle: Duration,
    phase: TrunkPhase,
    /// It takes no more streams.
    pub(super) leaves: bool,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TrunkPhase {
    /// It is being made.
    Dialing { until: Mono },
    /// Its TLS handshake is in progress.
    Securing { until: Mono },
    /// The target has not said yet what it takes.
    Greeting { until: Mono },
    /// Requests go through.
    Open,
}

impl Trunk {
    pub(super) fn is_dialing(&self) -> bool {
        matches!(self.phase, TrunkPhase::Dialing { .. })
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase == TrunkPhase::Open
    }

    /// When this connection has to be looked at, and why.
    pub(super) fn deadline(&self, streams: Option<&Streams>) -> Option<(Mono, Deadline)> {
        match self.phase {
            TrunkPhase::Dialing { until } | TrunkPhase::Greeting { until } => Some((until, Deadline::Connect)),
            TrunkPhase::Securing { until } => Some((until, Deadline::TargetHandshake)),
            // Streams have deadlines of their own.
            TrunkPhase::Open => streams
                .filter(|streams| streams.is_empty())
                .map(|streams| (streams.idle_since.after(self.idle), Deadline::Pooled)),
        }
    }
}

impl Shard {
    /// A stream to that target: on a connection that takes another, or on a new one.
    pub(super) fn connect_stream(&mut self, origin: OriginId, place: Place, idle: Duration) -> WireId {
        let open = self.pool.trunks(origin).iter().copied().find(|&trunk| self.takes_another(trunk, origin));
        let trunk = open.unwrap_or_else(|| {
            let trunk = self.lay(Some(origin), place, idle);
            self.pool.add_trunk(origin, trunk);
            trunk
        });
        let role = Role::Back(Back { origin, idle, reused_at: None, errand: None, phase: BackPhase::Idle });
        let manner = Manner { is_secure: place.tls.is_some(), ..Manner::default() };
        self.join(trunk, role, manner)
    }

    /// A connection of its own for a check.
    pub(super) fn connect_check(&mut self, role: Role, place: Place, is_call: bool) -> WireId {
        let trunk = self.lay(None, place, Duration::ZERO);
        let manner = Manner { takes_trailers: is_call, is_secure: place.tls.is_some(), ..Manner::default() };
        self.join(trunk, role, manner)
    }

    fn takes_another(&self, trunk: WireId, origin: OriginId) -> bool {
        let Some(WireState { role: Role::Trunk(trunk), streams: Some(streams), dead: false, .. }) =
            self.wires.get(trunk.0)
        else {
            return false;
        };
        let room = match trunk.is_open() {
            true => streams.h2.available(),
            false => self.pool.streams_max(origin).unwrap_or(STREAMS_EXPECTED),
        };
        !trunk.leaves && streams.waiting.len() < room
    }

    /// Begins a new connection.
    fn lay(&mut self, origin: Option<OriginId>, place: Place, idle: Duration) -> WireId {
        let now = self.now.mono;
        let until = now.after(CONNECT_TIMEOUT);
        // That of a check serves nothing else.
        let trunk = Trunk { origin, idle, phase: TrunkPhase::Dialing { until }, leaves: origin.is_none() };
        let mut wire = WireState::new(Role::Trunk(trunk), now);
        wire.secure = self.secure_for(place);
        let mut streams = Streams::new(Connection::client(Terms::client()), now);
        streams.is_aside = origin.is_none();
        wire.streams = Some(streams);
        let id = WireId(self.wires.insert(wire));
        self.effects.push(Effect::Dial { wire: id, address: place.address });
        self.rearm(id);
        id
    }

    /// Another stream, which waits for its turn to be opened.
    fn join(&mut self, trunk: WireId, role: Role, manner: Manner) -> WireId {
        self.carried += usize::from(!matches!(role, Role::Probe(_)));
        let mut wire = WireState::new(role, self.now.mono);
        (wire.leg.bare, wire.leg.limit) = (true, STALLED_MAX);
        wire.carried = Some(Carried::new(trunk, None, ErrorCode::Cancel, manner));
        let id = WireId(self.wires.insert(wire));
        if let Some(streams) = self.wires.get_mut(trunk.0).and_then(|wire| wire.streams.as_mut()) {
            streams.waiting.push_back(id);
        }
        // Before other requests have taken what is left: without its connection none of them gets anywhere.
        self.admit_streams(trunk);
        id
    }

    /// The stream serves an exchange from now on, as soon as its connection is there.
    pub(super) fn engage_stream(&mut self, id: WireId, exchange: ExchangeId, errand: Errand) {
        let Some(trunk) = self.wires.get(id.0).and_then(|wire| wire.carried.as_ref()).map(|carried| carried.connection)
        else {
            return;
        };
        let phase = match self.wires.get_mut(trunk.0).and_then(WireState::trunk_mut).map(|trunk| trunk.phase) {
            Some(TrunkPhase::Open) => BackPhase::Busy(exchange),
            Some(TrunkPhase::Securing { until }) => BackPhase::Securing { exchange, until },
            Some(TrunkPhase::Dialing { until } | TrunkPhase::Greeting { until }) => {
                BackPhase::Dialing { exchange, until }
            }
            None => return,
        };
        if let Some(back) = self.wires.get_mut(id.0).and_then(WireState::back_mut) {
            back.errand = Some(errand);
            back.phase = phase;
        }
        match (phase, self.exchanges.get_mut(exchange)) {
            (BackPhase::Busy(_), Some(exchange)) => exchange.record.dispatched(self.now),
            _ => self.rearm(id),
        }
    }

    pub(super) fn trunk_dialed(&mut self, id: WireId, result: Result<(), DialError>) {
        let Some(WireState { role: Role::Trunk(trunk), secure, .. }) = self.wires.get_mut(id.0) else { return };
        if !trunk.is_dialing() {
            return;
        }
        match result {
            Err(error) => self.trunk_is_lost(id, super::back::cause_of(error)),
            Ok(()) if secure.is_some() => {
                let until = self.now.mono.after(TARGET_HANDSHAKE_TIMEOUT);
                trunk.phase = TrunkPhase::Securing { until };
                self.members_wait(id, |exchange| BackPhase::Securing { exchange, until });
                self.rearm(id);
                self.notice(id);
            }
            Ok(()) => self.greet(id),
        }
    }

    /// A connection is secured: it is of use if the target has agreed to speak HTTP/2.
    pub(super) fn trunk_is_secured(&mut self, id: WireId) {
        let agreed = self.wires.get(id.0).and_then(|wire| wire.secure.as_ref()?.session.as_ref()?.protocol());
        if agreed == Some(ALPN) { self.greet(id) } else { self.trunk_is_lost(id, Cause::TargetNotHttp2) }
    }

    fn greet(&mut self, id: WireId) {
        let until = self.now.mono.after(CONNECT_TIMEOUT);
        let Some(trunk) = self.wires.get_mut(id.0).and_then(WireState::trunk_mut) else { return };
        trunk.phase = TrunkPhase::Greeting { until };
        self.members_wait(id, |exchange| BackPhase::Dialing { exchange, until });
        self.rearm(id);
        self.notice(id);
    }

    /// Whoever waits for the connection waits for this, and no longer for what came before.
    fn members_wait(&mut self, id: WireId, until: impl Fn(ExchangeId) -> BackPhase) {
        for wire in self.members_of(id) {
            if let Some(Back { phase, .. }) = self.wires.get_mut(wire.0).and_then(WireState::back_mut)
                && let BackPhase::Dialing { exchange, .. } | BackPhase::Securing { exchange, .. } = *phase
            {
                *phase = until(exchange);
                self.rearm(wire);
            }
        }
    }

    /// The target has said what it takes.
    pub(super) fn trunk_is_settled(&mut self, id: WireId) {
        let Some(WireState { role: Role::Trunk(trunk), streams: Some(streams), .. }) = self.wires.get_mut(id.0) else {
            return;
        };
        let streams_max = streams.h2.streams_max();
        // None at all is for a while, or for this connection.
        if let Some(origin) = trunk.origin.filter(|_| !trunk.leaves && streams_max > 0) {
            self.pool.set_streams_max(origin, streams_max);
        }
        let is_new = matches!(trunk.phase, TrunkPhase::Greeting { .. });
        if is_new {
            trunk.phase = TrunkPhase::Open;
            // All who waited for it may have left.
            let is_wanted = self.streams_of(id).is_some_and(|streams| !streams.is_empty());
            if is_wanted && !self.admit_streams(id) {
                return self.trunk_is_lost(id, Cause::OutOfMemory);
            }
            for wire in self.members_of(id) {
                self.stream_may_begin(wire);
            }
        }
        self.move_surplus(id, is_new);
        self.rearm(id);
    }

    /// The connection of a stream is there.
    fn stream_may_begin(&mut self, id: WireId) {
        if let Some(wire) = self.wires.get_mut(id.0) {
            // However long that took: the target has the whole idle timeout to answer.
            wire.leg.activity = self.now.mono;
        }
        match self.wires.get_mut(id.0).map(|wire| &mut wire.role) {
            Some(Role::Back(Back { phase, .. })) => {
                let (BackPhase::Dialing { exchange, .. } | BackPhase::Securing { exchange, .. }) = *phase else {
                    return;
                };
                *phase = BackPhase::Busy(exchange);
                if let Some(exchange) = self.exchanges.get_mut(exchange) {
                    exchange.record.dispatched(self.now);
                    let front = exchange.front;
                    self.rearm(front);
                }
            }
            Some(Role::Probe(_)) => self.probe_dialed(id, Ok(())),
            _ => {}
        }
    }

    /// Streams for which the target has no room go to other connections. Where they cannot, they wait for their turn, or fail if
    /// none will come; and a target that takes none on a new connection would not take them on another.
    fn move_surplus(&mut self, id: WireId, is_new: bool) {
        let Some(streams) = self.streams_of(id) else { return };
        let room = streams.h2.available();
        let surplus: Vec<WireId> = streams.waiting.iter().copied().skip(room).collect();
        let is_wanted = !streams.is_empty();
        let is_free = streams.waiting.len() == self.members_of(id).len();
        let takes_none = room == 0 && (is_free || streams.h2.streams_max() == 0);
        for wire in surplus {
            let is_gone = !(is_new && takes_none) && self.moves_on(wire);
            if !is_gone && takes_none {
                self.stream_fails(wire, Cause::TargetRefusedStream);
            }
        }
        if takes_none && is_free && is_wanted {
            self.retire_trunk(id);
        }
    }

    /// The request of a stream that has not been opened goes to another connection: no target has seen anything of it. `false`
    /// if that cannot be.
    fn moves_on(&mut self, id: WireId) -> bool {
        let exchange = self.wires.get(id.0).and_then(WireState::exchange);
        exchange.is_some_and(|exchange| self.resend(id, exchange, Again::NoRoom))
    }

    /// No connection came about, or none of use, or it is gone.
    pub(super) fn trunk_is_lost(&mut self, id: WireId, cause: Cause) {
        self.pool_forgets_trunk(id);
        self.blame_members(id, cause, false);
        if self.wires.get(id.0).is_some_and(WireState::is_dialing) {
            self.remove(id);
            // Whoever dials finds the wire gone.
            return self.effects.push(Effect::Wake(id));
        }
        self.kill(id);
    }

    /// Requests that wait for the connection fail by this cause, and those that have no answer will; those with half of one
    /// too, if that says more than that it was cut. Those that have yet to be sent go elsewhere.
    fn blame_members(&mut self, id: WireId, cause: Cause, midway: bool) {
        for wire in self.members_of(id) {
            match self.wires.get(wire.0) {
                Some(state) if state.is_being_made() => self.stream_fails(wire, cause),
                Some(state) if matches!(state.role, Role::Back(_)) && state.has_yet_to_begin() => {
                    if !self.moves_on(wire) {
                        self.stream_fails(wire, cause);
                    }
                }
                Some(state) if !state.leg.ended => {
                    if let Some(exchange) = state.exchange() {
                        self.blame(exchange, midway, cause);
                    }
                }
                // It is whole.
                Some(_) | None => {}
            }
        }
    }

    pub(super) fn stream_fails(&mut self, id: WireId, cause: Cause) {
        match self.wires.get(id.0) {
            Some(WireState { role: Role::Probe(_), .. }) => self.probe_has_no_connection(id, cause),
            Some(wire) => match wire.exchange() {
                Some(exchange) => self.dial_failed(id, exchange, cause),
                None => self.remove(id),
            },
            None => {}
        }
    }

    /// The target broke a rule of HTTP/2.
    pub(super) fn trunk_is_broken(&mut self, id: WireId, cause: Cause) {
        self.pool_forgets_trunk(id);
        self.blame_members(id, cause, true);
        self.hang_up_trunk(id);
    }

    /// Closes a connection. Its target is told why, if that can be said in a word (RFC 9113 section 5.4.1).
    fn hang_up_trunk(&mut self, id: WireId) {
        self.say_control(id);
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let mut last_words = Buffer::default();
        match &wire.secure {
            None => last_words = core::mem::take(&mut wire.leg.output),
            Some(secure) if secure.session.is_some() => {
                self.seal(id);
                self.say_goodbye(id);
            }
            // TLS is in the middle of what it read.
            Some(_) => {}
        }
        self.kill(id);
        if let Some(wire) = self.wires.get_mut(id.0) {
            wire.leg.output = last_words;
        }
    }

    /// A connection to a target that nobody needs any more. `false` if it is none.
    pub(super) fn dismiss_trunk(&mut self, id: WireId) -> bool {
        match self.wires.get_mut(id.0).and_then(WireState::trunk_mut).map(|trunk| trunk.phase) {
            Some(TrunkPhase::Dialing { .. }) => {
                self.remove(id);
                // Whoever dials finds the wire gone.
                self.effects.push(Effect::Wake(id));
            }
            Some(TrunkPhase::Open) => {
                self.give_up(id);
                self.hang_up_trunk(id);
            }
            Some(TrunkPhase::Securing { .. } | TrunkPhase::Greeting { .. }) => self.kill(id),
            None => return false,
        }
        true
    }

    /// Nothing more reaches the target. What it has said before is still to be read, up to its end.
    pub(super) fn trunk_is_unwritable(&mut self, id: WireId) {
        if !self.is_open_trunk(id) {
            return self.trunk_is_lost(id, Cause::TargetReset);
        }
        self.trunk_leaves(id, Vec::new(), Cause::TargetReset);
        for wire in self.members_of(id) {
            self.stream_is_answered(wire);
        }
    }

    /// No further request gets onto a connection, and those that have yet to be sent go elsewhere if they can; else they wait for
    /// their turn, as what is in progress there goes on.
    pub(super) fn retire_trunk(&mut self, id: WireId) {
        self.shut_trunk(id);
        for wire in self.waiting_for(id) {
            self.moves_on(wire);
        }
        self.bow_out_if_done(id);
    }

    fn shut_trunk(&mut self, id: WireId) {
        self.pool_forgets_trunk(id);
        if let Some(trunk) = self.wires.get_mut(id.0).and_then(WireState::trunk_mut) {
            trunk.leaves = true;
        }
    }

    /// The target takes no more streams on that connection: those in progress go on, but for those that it will never answer.
    pub(super) fn trunk_leaves(&mut self, id: WireId, beyond: Vec<WireId>, cause: Cause) {
        self.shut_trunk(id);
        for wire in beyond {
            let exchange = self.wires.get(wire.0).and_then(WireState::exchange);
            if exchange.is_some_and(|exchange| self.resend(wire, exchange, Again::NotLookedAt)) {
                continue;
            }
            if let Some(exchange) = exchange.and_then(|exchange| self.exchanges.get_mut(exchange)) {
                exchange.record.caused(cause);
            }
            self.lost(wire);
        }
        for wire in self.waiting_for(id) {
            if !self.moves_on(wire) {
                self.stream_fails(wire, cause);
            }
        }
        self.bow_out_if_done(id);
    }

    /// A target has not answered a request in time. If it has said nothing at all for as long, whatever comes on that
    /// connection may never reach it.
    pub(super) fn suspect_trunk(&mut self, trunk: WireId, idle: Duration) {
        let now = self.now.mono;
        if self.streams_of(trunk).is_some_and(|streams| streams.is_silent(now, idle)) {
            self.retire_trunk(trunk);
        }
    }

    /// Shared connections without requests.
    pub(super) fn idle_trunks(&self) -> usize {
        let is_idle = |trunk: &&WireId| self.streams_of(**trunk).is_some_and(Streams::is_empty);
        self.pool.all_trunks().filter(is_idle).count()
    }

    fn is_open_trunk(&self, id: WireId) -> bool {
        matches!(self.wires.get(id.0).map(|wire| &wire.role), Some(Role::Trunk(trunk)) if trunk.is_open())
    }

    fn members_of(&self, id: WireId) -> Vec<WireId> {
        self.streams_of(id).map_or_else(Vec::new, Streams::all)
    }

    /// Streams that have yet to be opened.
    fn waiting_for(&self, id: WireId) -> Vec<WireId> {
        self.streams_of(id).map_or_else(Vec::new, |streams| streams.waiting.iter().copied().collect())
    }

    pub(super) fn pool_forgets_trunk(&mut self, id: WireId) {
        if let Some(Role::Trunk(Trunk { origin: Some(origin), .. })) = self.wires.get(id.0).map(|wire| &wire.role) {
            self.pool.remove_trunk(*origin, id);
        }
    }
}
