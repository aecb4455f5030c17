//! A connection as the shard keeps it, and the view of it that is lent to the outside.

use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use super::attempt::Secured;
use super::checkup::probe::Probe;
use super::failover::Errand;
use super::pool::OriginId;
use super::secure::Secure;
use super::stream::Carried;
use super::streams::Streams;
use super::trunk::Trunk;
use super::{ExchangeId, Fate, Shard};
use crate::exchange::Leg;
use crate::http::h1::head::Scanner;
use crate::key::WireId;
use crate::time::Mono;

/// A listener by its declared port, which is its identity across reloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u16);

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The other side.
    pub peer: SocketAddr,
    /// Our side.
    pub local: SocketAddr,
}

/// A connection, or a stream of one.
pub(crate) struct WireState {
    pub(crate) leg: Leg,
    /// The TLS that lies between the leg and the socket, if it does.
    pub(crate) secure: Option<Box<Secure>>,
    /// The HTTP/2 that the leg's bytes are, if they are: requests and answers are on its streams.
    pub(crate) streams: Option<Box<Streams>>,
    /// What a stream is carried by: it has no socket, HTTP/2 lies between its leg and that of its connection.
    pub(crate) carried: Option<Carried>,
    pub(crate) role: Role,
    /// What the outside was last told, or saw for itself.
    pub(crate) told: Told,
    /// Nothing more happens here but the outside closing it.
    pub(crate) dead: bool,
    pub(crate) lent: Lent,
}

/// Which side of the balancer a connection is on.
pub(crate) enum Role {
    /// A client.
    Front(Front),
    /// A target.
    Back(Back),
    /// A target that is checked.
    Probe(Probe),
    /// A target's connection whose requests are on its streams.
    Trunk(Trunk),
}

impl Role {
    /// Whether the connection is still being made.
    pub(crate) fn is_dialing(&self) -> bool {
        match self {
            Role::Front(_) => false,
            Role::Back(back) => matches!(back.phase, BackPhase::Dialing { .. }),
            Role::Probe(probe) => probe.is_dialing(),
            Role::Trunk(trunk) => trunk.is_dialing(),
        }
    }
}

/// A client's connection.
pub(crate) struct Front {
    pub(crate) endpoints: Endpoints,
    pub(crate) port: ListenerId,
    /// Index into the configuration's listeners; `None` once the listener is gone.
    pub(crate) listener: Option<usize>,
    pub(crate) opened: Mono,
    /// Fixed when the connection is made (guide CONN-09).
    pub(crate) keep_alive: Duration,
    /// As it was when the connection was made, or when its last request came.
    pub(crate) idle: Duration,
    /// What its TLS is like, once it is.
    pub(crate) secured: Option<Arc<Secured>>,
    pub(crate) phase: Phase,
}

/// What a client's connection is about.
pub(crate) enum Phase {
    /// The TLS handshake is in progress; from the hello on it counts.
    Handshake { until: Mono, counted: bool },
    /// The next request's head is awaited; since when, once its first byte is there.
    Head { scanner: Scanner, since: Option<Mono> },
    /// A request is in progress.
    Busy(ExchangeId),
    /// Requests are on the streams of the connection.
    Streams,
    /// The answer of a stream is there; its end has not left yet.
    Answered,
    /// The whole answer of a stream has left; its client has not ended its request.
    LastWords,
    /// The last answer is out: what comes is dropped until the client closes, so many bytes at most.
    Lingering { left: u64, until: Mono },
}

/// A target's connection.
pub(crate) struct Back {
    pub(crate) origin: OriginId,
    pub(crate) idle: Duration,
    /// It came from the pool when so many bytes had been sent on it. As long as there are no more, whatever the target says
    /// is no answer to the request that it was taken for.
    pub(crate) reused_at: Option<u64>,
    /// What it is to do for the exchange that it serves.
    pub(crate) errand: Option<Errand>,
    pub(crate) phase: BackPhase,
}

/// What a target's connection is about.
#[derive(Clone, Copy)]
pub(crate) enum BackPhase {
    /// It is being made.
    Dialing { exchange: ExchangeId, until: Mono },
    /// It was made, and its TLS handshake is in progress.
    Securing { exchange: ExchangeId, until: Mono },
    /// It serves an exchange.
    Busy(ExchangeId),
    /// It waits in the pool.
    Idle,
}

/// Where lent room came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lent {
    /// The wire's own input.
    Own,
    /// The other leg's output: the bytes are already where they go.
    Through,
}

/// What the outside knows, so that it is woken only for news.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// The turn that last borrowed the wire.
    pub(crate) turn: u64,
    /// A wake is on its way.
    pub(crate) woken: bool,
    /// It knows of bytes to write and waits for the socket.
    pub(crate) writing: bool,
    /// It asked for room and there was none.
    pub(crate) starved: bool,
    pub(crate) fate: Fate,
}

impl WireState {
    pub(crate) fn new(role: Role, now: Mono) -> Self {
        let told = Told { turn: 0, woken: false, writing: false, starved: false, fate: Fate::Open };
        let leg = Leg { activity: now, ..Leg::default() };
        WireState { leg, secure: None, streams: None, carried: None, role, told, dead: false, lent: Lent::Own }
    }

    pub(crate) fn front(&self) -> Option<&Front> {
        if let Role::Front(front) = &self.role { Some(front) } else { None }
    }

    pub(crate) fn front_mut(&mut self) -> Option<&mut Front> {
        if let Role::Front(front) = &mut self.role { Some(front) } else { None }
    }

    pub(crate) fn back_mut(&mut self) -> Option<&mut Back> {
        if let Role::Back(back) = &mut self.role { Some(back) } else { None }
    }

    pub(crate) fn trunk_mut(&mut self) -> Option<&mut Trunk> {
        if let Role::Trunk(trunk) = &mut self.role { Some(trunk) } else { None }
    }

    /// The target that it is a connection to, unless it only checks it.
    pub(crate) fn origin(&self) -> Option<OriginId> {
        match &self.role {
            Role::Back(back) => Some(back.origin),
            Role::Trunk(trunk) => trunk.origin,
            Role::Front(_) | Role::Probe(_) => None,
        }
    }

    /// Whether the connection is still being made.
    pub(crate) fn is_dialing(&self) -> bool {
        self.role.is_dialing()
    }

    /// Whether it is being made or secured, which has deadlines of its own.
    pub(crate) fn is_being_made(&self) -> bool {
        self.is_dialing() || matches!(&self.role, Role::Back(Back { phase: BackPhase::Securing { .. }, .. }))
    }

    /// Whether nothing was sent yet of the request that it was taken from the pool for.
    pub(crate) fn has_yet_to_ask(&self) -> bool {
        matches!(&self.role, Role::Back(Back { reused_at: Some(sent), phase: BackPhase::Busy(_), .. }) if *sent == self.leg.sent)
    }

    /// Whether it is a stream of which its peer knows nothing: it has no number yet.
    pub(crate) fn has_yet_to_begin(&self) -> bool {
        self.carried.as_ref().is_some_and(|carried| carried.stream.is_none())
    }

    /// The exchange that this wire is a leg of.
    pub(crate) fn exchange(&self) -> Option<ExchangeId> {
        match &self.role {
            Role::Front(Front { phase: Phase::Busy(id), .. }) => Some(*id),
            Role::Back(Back {
                phase:
                    BackPhase::Busy(id) | BackPhase::Dialing { exchange: id, .. } | BackPhase::Securing { exchange: id, .. },
                ..
            }) => Some(*id),
            Role::Front(_) | Role::Back(_) | Role::Probe(_) | Role::Trunk(_) => None,
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let front = Front {
            endpoints: Endpoints { peer: anywhere, local: anywhere },
            port: ListenerId(80),
            listener: None,
            opened: Mono::default(),
            keep_alive: Duration::ZERO,
            idle: Duration::ZERO,
            secured: None,
            phase: Phase::Head { scanner: Scanner::request(), since: None },
        };
        WireState::new(Role::Front(front), Mono::default())
    }
}

/// A connection, lent for the length of a borrow.
///
/// After its last verb, whoever drives the socket looks at [`pending`](Wire::pending), [`space`](Wire::space) and
/// [`fate`](Wire::fate) once more before it sleeps: no wake is sent for what it could have seen.
pub struct Wire<'s> {
    pub(crate) shard: &'s mut Shard,
    pub(crate) id: WireId,
}

impl Wire<'_> {
    /// Room to read into; at least one byte. `None` only when this wire's own budget is spent, or nothing may come
    /// any more: a wake follows when there is room again. The room may be smaller than what the peer has to say.
    ///
    /// With all memory spent, a client whose request is not whole yet is given up: `None`, and its
    /// [`fate`](Wire::fate) is to close.
    pub fn space(&mut self) -> Option<&mut [u8]> {
        self.shard.space(self.id)
    }

    /// The first `n` bytes of the room that [`space`](Wire::space) lent were read.
    pub fn filled(&mut self, n: usize) {
        self.shard.filled(self.id, n);
    }

    /// As `space` and `filled` together: takes what there is room for, and says how much that was.
    pub fn offer(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            let Some(room) = self.shard.space(self.id) else { break };
            let n = room.len().min(bytes.len() - taken);
            room[..n].copy_from_slice(&bytes[taken..taken + n]);
            self.shard.filled(self.id, n);
            taken += n;
        }
        taken
    }

    /// Whether to read once before anything is written: the connection waited until now, and what its target said meanwhile,
    /// unasked, must not be taken for the answer to what is about to be written.
    pub fn reads_first(&self) -> bool {
        self.shard.wires.get(self.id.0).is_some_and(WireState::has_yet_to_ask)
    }

    /// The peer's end was read: it will send nothing more, but may still read.
    pub fn ended(&mut self) {
        self.shard.ended(self.id);
    }

    /// Bytes to write, oldest first; the same until [`sent`](Wire::sent).
    pub fn pending(&mut self) -> &[u8] {
        self.shard.pending(self.id)
    }

    /// The first `n` pending bytes were written.
    pub fn sent(&mut self, n: usize) {
        self.shard.sent(self.id, n);
    }

    /// A write failed. Reading goes on until [`ended`](Wire::ended) or [`lost`](Wire::lost): the peer may have said
    /// something before it closed.
    pub fn unwritable(&mut self) {
        self.shard.unwritable(self.id);
    }

    /// A read failed, or the socket is closed now: the wire is gone after this.
    pub fn lost(&mut self) {
        self.shard.lost(self.id);
    }

    /// What should become of the socket.
    pub fn fate(&self) -> Fate {
        self.shard.fate(self.id)
    }
}
