//! What waits on all streams of a connection, so that a peer that takes nothing has little waiting for it, however many
//! streams it opens, while one that takes everything has full windows on each.

use super::stream::STALLED_MAX;
use super::streams::Streams;
use super::wire::WireState;
use super::{Shard, WireId};
use crate::exchange::WINDOW;
use crate::http::h2::StreamId;

/// Pages, in bytes, that may wait on the streams of one connection before each gets no more than [`STALLED_MAX`]: three that
/// move as fast as they can, or sixteen whose answers begin. Others get theirs once these have left.
const BACKLOG_MAX: usize = 256 * 1024;

/// The pages that wait on the streams of one connection, in bytes.
#[derive(Debug, Default)]
pub(super) struct Backlog(usize);

impl Backlog {
    /// What waits on one of the streams has changed.
    fn change(&mut self, before: usize, now: usize) {
        self.0 = self.0.saturating_sub(before).saturating_add(now);
    }

    /// A stream is gone, with all that waited on it.
    pub(super) fn forget(&mut self, held: usize) {
        self.change(held, 0);
    }
}

impl Streams {
    /// So much may wait on a stream: what its peer takes now, and a little where it takes nothing.
    fn allowance(&self, stream: Option<StreamId>, output: usize) -> usize {
        let Some(stream) = stream.filter(|_| self.backlog.0.saturating_add(output) < BACKLOG_MAX) else {
            return STALLED_MAX;
        };
        self.h2.window(stream).clamp(STALLED_MAX, WINDOW)
    }
}

impl Shard {
    /// Counts what waits on a stream, here and at the wire that it comes from, and says how much may.
    pub(super) fn ration(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(id.0) else { return };
        let Some(connection) = wire.carried.as_ref().map(|carried| carried.connection) else { return };
        let source = self.other_end(id).and_then(|other| self.wires.get(other.0));
        let waits = wire.leg.output.page_size() + source.map_or(0, |source| source.leg.input.page_size());
        let (Some(connection), Some(wire)) = self.wires.pair_mut(connection.0, id.0) else { return };
        let (Some(streams), Some(carried)) = (&mut connection.streams, &mut wire.carried) else { return };
        streams.backlog.change(core::mem::replace(&mut carried.holds, waits), waits);
        let limit = streams.allowance(carried.stream, connection.leg.output.page_size());
        // An answer that is held until it is whole was promised room for all of it.
        wire.leg.limit = if wire.leg.held > 0 { limit.max(wire.leg.limit) } else { limit };
    }

    /// As [`Shard::ration`], for the stream that a wire's bytes go to, if they go to one. A shard that only serves HTTP/1 has
    /// nothing to look up.
    pub(super) fn ration_receiver(&mut self, from: WireId) {
        if self.carried > 0
            && let Some(to) = self.other_end(from)
        {
            self.ration(to);
        }
    }

    /// The wire that what comes from this one goes to.
    pub(super) fn other_end(&self, id: WireId) -> Option<WireId> {
        let exchange = self.wires.get(id.0).and_then(WireState::exchange)?;
        self.exchanges.get(exchange)?.other(id)
    }
}
