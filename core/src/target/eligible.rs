//! Who of a group may get a request at the moment: a list that each shard makes for itself, and makes again when the group's
//! [version](super::GroupState::version) says that something has changed, or when a slow start is over.

use super::attributes::GroupAttributes;
use super::node::Node;
use super::pick::Pick;
use super::state::{GroupState, Target};
use crate::time::Mono;

/// The targets of a group that may get requests, as one node sees them, and what chooses among them.
#[derive(Debug, Default)]
pub struct Eligible {
    /// Their places in the group, in ascending order.
    targets: Vec<u32>,
    /// Too few are healthy: all get requests (guide TGH-02, HC-17).
    pub fails_open: bool,
    pick: Pick,
    /// When it ceases to be true, though nothing is changed: a slow start is over then.
    until: Option<Mono>,
}

impl Eligible {
    /// Looks at every target of the group: `checked` tells whether its health is known at all.
    pub fn of(targets: &[Target], attributes: &GroupAttributes, checked: bool, node: Node<'_>, now: Mono) -> Eligible {
        let here = registered(targets, attributes, node);
        let healthy = |&place: &u32| !checked || targets[place as usize].state.health().is_healthy();
        let in_service: Vec<u32> = here.iter().copied().filter(healthy).collect();
        // Nobody healthy never suffices, even if both thresholds are off (guide HC-17).
        let needed = attributes.unhealthy_state_routing.needed(here.len()).max(1);
        let fails_open = in_service.len() < needed && !here.is_empty();
        let eligible = if fails_open { here } else { in_service };
        let (pick, until) = Pick::among(&eligible, targets, attributes, now);
        Eligible { targets: eligible, fails_open, pick, until }
    }

    /// Whether the list has to be made again at that moment, though the group has not changed.
    pub fn is_outdated(&self, now: Mono) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// The place in the group of the target that gets the next request; `None` when there is none (guide ERR-19, XZ-03).
    /// `below(n)` must give a number from 0 to `n - 1` by chance; only the algorithms by chance ask for it.
    pub fn choose(&self, group: &GroupState, now: Mono, below: impl FnOnce(u64) -> u64) -> Option<usize> {
        self.pick.choose(&self.targets, group, now, below).map(|place| place as usize)
    }

    /// The places of all of them, in the group's order.
    pub fn targets(&self) -> impl ExactSizeIterator<Item = usize> {
        self.targets.iter().map(|&target| target as usize)
    }

    /// Whether a target, by its place in the group, may get requests.
    pub fn has(&self, target: usize) -> bool {
        u32::try_from(target).is_ok_and(|target| self.targets.binary_search(&target).is_ok())
    }
}

/// The places of the targets that the node may use if they are well. Those that were deregistered since the configuration was
/// made are left out, unless all were: the next configuration is about to say who serves instead, and until then they do.
fn registered(targets: &[Target], attributes: &GroupAttributes, node: Node<'_>) -> Vec<u32> {
    let reached = |target: &Target| node.reaches(target, attributes.cross_zone);
    let places = |wanted: &dyn Fn(&Target) -> bool| -> Vec<u32> {
        let wanted = targets.iter().enumerate().filter(|(_, target)| wanted(target));
        wanted.filter_map(|(place, _)| u32::try_from(place).ok()).collect()
    };
    let stay = places(&|target| reached(target) && target.state.drained().is_none());
    if stay.is_empty() { places(&reached) } else { stay }
}
