//! Who of a group may get a request at the moment: a list that each shard makes for itself, and makes again when the group's
//! [version](super::GroupState::version) says that something has changed.

use std::sync::atomic::Ordering;

use super::attributes::GroupAttributes;
use super::state::{GroupState, Target};
use crate::time::Mono;

/// The targets of a group that may get requests, as one node of one zone sees them.
#[derive(Debug, Default)]
pub struct Eligible {
    /// Their places in the group.
    targets: Vec<u32>,
    /// Too few are healthy: all get requests (guide TGH-02, HC-17).
    pub fails_open: bool,
}

impl Eligible {
    /// Looks at every target of the group: `checked` tells whether its health is known at all, `zone` is that of this node.
    pub fn of(
        targets: &[Target],
        attributes: &GroupAttributes,
        checked: bool,
        zone: Option<&str>,
        _now: Mono,
    ) -> Eligible {
        let here = |target: &Target| attributes.cross_zone || zone.is_none() || target.zone.as_deref() == zone;
        let healthy = |target: &Target| !checked || target.state.health().is_healthy();
        let places = |wanted: &dyn Fn(&Target) -> bool| -> Vec<u32> {
            let all = targets.iter().enumerate().filter(|(_, target)| here(target) && wanted(target));
            all.filter_map(|(place, _)| u32::try_from(place).ok()).collect()
        };
        let (all, in_service) = (places(&|_| true), places(&healthy));
        let fails_open = !attributes.unhealthy_state_routing.holds(in_service.len(), all.len());
        Eligible { targets: if fails_open { all } else { in_service }, fails_open }
    }

    /// The place in the group of the target whose turn it is; `None` when there is none (guide ERR-19, XZ-03).
    pub fn choose(&self, group: &GroupState) -> Option<usize> {
        // The cursor belongs to the group: all shards together go round once before a target is chosen again.
        let turn = group.cursor.fetch_add(1, Ordering::Relaxed);
        let number = u64::try_from(self.targets.len()).ok()?;
        let place = usize::try_from(turn.checked_rem(number)?).ok()?;
        self.targets.get(place).map(|&target| target as usize)
    }

    /// The places of all of them, in the group's order.
    pub fn targets(&self) -> impl Iterator<Item = usize> {
        self.targets.iter().map(|&target| target as usize)
    }

    /// Whether a target, by its place in the group, may get requests.
    pub fn has(&self, target: usize) -> bool {
        u32::try_from(target).is_ok_and(|target| self.targets.binary_search(&target).is_ok())
    }
}
