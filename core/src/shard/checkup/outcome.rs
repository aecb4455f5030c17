//! What the outcome of a check changes: the target's health, who may get requests, and whether it starts slowly (guide SLOW-03
//! to SLOW-06).

use std::sync::Arc;

use super::super::wire::Role;
use super::super::{Shard, WireId};
use crate::config::{GroupAttributes, GroupState, Target};
use crate::target::TargetState;
use crate::target::health::Failure;
use crate::time::Mono;

impl Shard {
    /// The check on that wire has ended so.
    pub(super) fn conclude_check(&mut self, id: WireId, outcome: Result<(), Failure>) {
        let Some(Role::Probe(probe)) = self.wires.get(id.0).map(|wire| &wire.role) else { return };
        let target = &probe.target;
        if target.drained().is_some() {
            // It was deregistered in the meantime.
            return;
        }
        let (healthy, unhealthy) = (probe.check.healthy_threshold, probe.check.unhealthy_threshold);
        let (before, after) = target.update_health(|health| health.after(outcome, healthy, unhealthy));
        if before.is_healthy() == after.is_healthy() {
            return;
        }
        let has = |group: &&crate::config::TargetGroup| group.targets.iter().any(|other| is(other, target));
        if let Some(group) = self.config.groups.iter().find(has) {
            turned(target, &group.targets, &group.attributes, &group.state, self.now.mono);
        }
    }
}

/// A target went into service, or out of it.
fn turned(target: &Arc<TargetState>, all: &[Target], attributes: &GroupAttributes, group: &GroupState, now: Mono) {
    let starts_slowly = target.health().is_healthy() && !attributes.slow_start.is_zero() && target.ramps();
    let mut others = all.iter().filter(|other| !is(other, target));
    let ramps = starts_slowly && others.any(|other| serves_fully(&other.state, attributes, now));
    target.set_ramp(ramps.then_some(now));
    if target.health().is_healthy() {
        // Whoever comes back after a failure starts slowly, also if it did not when it was registered (SLOW-03).
        target.set_ramps(true);
    }
    group.changed();
}

/// Whether it is healthy and not in slow start (guide SLOW-05).
fn serves_fully(target: &TargetState, attributes: &GroupAttributes, now: Mono) -> bool {
    target.health().is_healthy() && target.ramp().is_none_or(|since| since.after(attributes.slow_start) <= now)
}

fn is(target: &Target, state: &Arc<TargetState>) -> bool {
    Arc::ptr_eq(&target.state, state)
}
