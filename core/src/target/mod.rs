//! Which target of a group gets a request.

use std::sync::atomic::Ordering;

use crate::config::TargetGroup;

/// The next target in turn, by its place in the group; `None` for an empty group (guide ERR-19). The cursor belongs to
/// the group, not to a shard: all shards together go round once before a target is chosen again.
pub fn round_robin(group: &TargetGroup) -> Option<usize> {
    let turn = group.slot.cursor.fetch_add(1, Ordering::Relaxed);
    let targets = u64::try_from(group.targets.len()).ok()?;
    usize::try_from(turn.checked_rem(targets)?).ok()
}
