//! What a shard wants done that needs the operating system, and how it answers.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::{ListenerId, Log, WireId};

/// Something to do outside. Exhaustive on purpose: an adapter must know them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Connect to `address`, then say [`dialed`](super::Turn::dialed). Give up when the wire is gone.
    Dial {
        /// The wire that the connection will be.
        wire: WireId,
        /// The target.
        address: SocketAddr,
    },
    /// Something changed on a wire: it has bytes to write, or room to read into, or another fate.
    Wake(WireId),
    /// Accept what is waiting, then close this listening socket.
    Unlisten(ListenerId),
    /// A step of a TLS handshake is to be done: fetch it with [`job`](super::Turn::job), [`run`](super::Job::run) it outside
    /// the turn, one at a time and others in between, then say [`computed`](super::Turn::computed).
    Compute(WireId),
    /// The journal of a log has lines to write.
    Journal(Log),
    /// The shard was draining, and the last client has gone.
    Drained,
}

/// What should become of a wire's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Go on.
    Open,
    /// Everything is written: shut down the writing side (once), go on reading.
    Finish,
    /// Close the socket now, then say [`lost`](super::Wire::lost). What is pending is a goodbye, and is written before that,
    /// as far as the socket takes it at once.
    Close,
}

/// Why a connection was not taken. The caller closes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Shed {
    /// The limit of client connections is reached ([`Options::connections_max`](super::Options)).
    #[error("the limit of client connections is reached")]
    Connections,
    /// The listener speaks TLS, and there is no certificate or no cryptography to do it with.
    #[error("the listener cannot speak TLS")]
    NoTls,
    /// The configuration has no such listener any more.
    #[error("no listener has this port any more")]
    NoListener,
}

/// Why a target could not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// It refused, or reset while connecting: 502.
    #[error("connection refused")]
    Refused,
    /// The operating system gave up waiting: 504.
    #[error("connection timed out")]
    TimedOut,
    /// There is no way to it (an ICMP error, no route): 502.
    #[error("unreachable")]
    Unreachable,
    /// Our own side failed: out of file descriptors or ports: 502.
    #[error("no local resources to connect with")]
    Local,
}

/// Effects in the order they arose.
#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) queue: VecDeque<Effect>,
}

impl Effects {
    pub(crate) fn push(&mut self, effect: Effect) {
        self.queue.push_back(effect);
    }
}
