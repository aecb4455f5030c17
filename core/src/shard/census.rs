//! What a shard holds at a moment. When nothing is in flight everything but the pool is zero: that is how tests
//! find leaks.

use super::Shard;
use crate::buffer::Account;

/// Counts of what is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// Client connections.
    pub fronts: usize,
    /// Of these, with a TLS handshake in progress.
    pub handshakes: usize,
    /// Connections to targets, those being dialed included.
    pub backs: usize,
    /// Of these, waiting in the pool.
    pub pooled: usize,
    /// Connections of health checks, those being dialed included.
    pub probes: usize,
    /// Streams of HTTP/2, on both sides.
    pub streams: usize,
    /// Requests in progress.
    pub exchanges: usize,
    /// Memory for bytes in flight.
    pub memory: Account,
    /// Log lines that were dropped, of all logs.
    pub journal_dropped: u64,
}

impl Census {
    pub(crate) fn take(shard: &Shard) -> Census {
        Census {
            fronts: shard.fronts,
            handshakes: shard.handshakes,
            backs: shard.wires.len() - shard.fronts - shard.checkups.probes - shard.carried,
            probes: shard.checkups.probes,
            pooled: shard.pool.idle() + shard.idle_trunks(),
            streams: shard.carried,
            exchanges: shard.exchanges.len(),
            memory: shard.buffers.account(),
            journal_dropped: shard.journals.dropped(),
        }
    }
}
