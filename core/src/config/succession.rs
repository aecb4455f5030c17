//! From one configuration to the next: what is still there keeps its state, what is gone drains.

use std::sync::Arc;

use super::{Config, GroupId, GroupState, Target, TargetGroup};
use crate::time::Mono;

impl Config {
    /// The configuration that takes over from `old` at `now`, with all that shards share carried over: of groups by ARN, of
    /// targets by group and address. Their health, counts and cursors survive.
    ///
    /// Targets that are gone drain from now on, for as long as their group says (guide DRAIN-02): their entries stay in
    /// [`TargetGroup::draining`] for as long. Targets that were gone and are back begin anew (guide SLOW-06), but for the
    /// requests that they still have.
    #[must_use]
    pub fn next(mut self, old: &Config, now: Mono) -> Config {
        self.state = Arc::clone(&old.state);
        let checks = |config: &Config, arn: &str| {
            let numbered = (0..).map(GroupId).zip(&config.groups);
            let mut checked = numbered.filter(|(_, group)| group.health_check.enabled && group.arn == arn);
            checked.any(|(id, _)| config.is_in_use(id))
        };
        for at in 0..self.groups.len() {
            let group = &mut self.groups[at];
            match old.groups.iter().find(|was| was.arn == group.arn) {
                Some(was) => group.take_over(was, now),
                None => group.targets.iter().for_each(|target| target.state.set_ramps(false)),
            }
            let arn = &self.groups[at].arn;
            if checks(&self, arn) && !checks(old, arn) {
                // Nobody has looked at them for a while, if ever: they begin as new ones.
                self.groups[at].targets.iter().for_each(|target| target.state.register());
            }
        }
        for gone in old.groups.iter().filter(|was| !self.groups.iter().any(|group| group.arn == was.arn)) {
            let deadline = now.after(gone.attributes.deregistration_delay);
            gone.targets.iter().for_each(|target| target.state.deregister(deadline));
            gone.state.changed();
        }
        self
    }
}

impl TargetGroup {
    fn take_over(&mut self, was: &TargetGroup, now: Mono) {
        self.state = Arc::clone(&was.state);
        // Guide SLOW-05: whoever joins targets that are in full service starts slowly.
        let joins =
            was.targets.iter().any(|target| target.state.health().is_healthy() && target.state.ramp().is_none());
        for target in &mut self.targets {
            let same = |other: &&Target| other.address == target.address;
            if let Some(stayed) = was.targets.iter().find(same) {
                target.state = Arc::clone(&stayed.state);
                continue;
            }
            match was.draining.iter().find(same) {
                Some(back) => {
                    back.state.register();
                    target.state = Arc::clone(&back.state);
                }
                None => *target = target.reseated(&self.state),
            }
            target.state.set_ramps(joins);
        }
        let deadline = now.after(self.attributes.deregistration_delay);
        let stays = |gone: &&Target| !self.targets.iter().any(|target| target.address == gone.address);
        for gone in was.targets.iter().filter(stays) {
            gone.state.deregister(deadline);
            self.draining.push(gone.clone());
        }
        let drains = |gone: &&Target| gone.state.drained().is_some_and(|deadline| deadline > now);
        self.draining.extend(was.draining.iter().filter(stays).filter(drains).cloned());
        self.state.changed();
    }
}

impl Target {
    /// The same target as a member of the group of that state.
    fn reseated(&self, group: &GroupState) -> Target {
        Target::new(self.id.clone(), self.address, self.zone.clone(), group)
    }
}

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;
    use core::time::Duration;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::target::Health;

    fn at(seconds: u64) -> Mono {
        Mono::default().after(Duration::from_secs(seconds))
    }

    fn config(targets: &[u16]) -> Config {
        let targets: Vec<_> = targets.iter().map(|&port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
        Config::forwarding(8080, &targets)
    }

    #[test]
    fn the_next_configuration_keeps_the_state_of_groups_and_targets_that_stay() {
        let old = config(&[1, 2]);
        old.groups[0].state.cursor.store(7, Ordering::Relaxed);
        old.groups[0].targets[1].state.set_health(Health::HEALTHY);
        let next = config(&[3, 2]).next(&old, at(1));
        let group = &next.groups[0];
        assert_eq!(group.state.cursor.load(Ordering::Relaxed), 7);
        assert!(Arc::ptr_eq(&group.targets[1].state, &old.groups[0].targets[1].state));
        assert_eq!(group.targets[1].state.health(), Health::HEALTHY);
        assert_eq!(group.targets[0].state.health(), Health::NEW);
        let mut other = config(&[1]);
        other.groups[0].arn.push('x');
        assert_eq!(other.next(&old, at(1)).groups[0].state.cursor.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_target_that_is_gone_drains_for_its_groups_delay_and_is_then_forgotten() {
        let old = config(&[1, 2]);
        let next = config(&[2]).next(&old, at(10));
        let [gone] = &next.groups[0].draining[..] else { panic!("one drains") };
        assert_eq!((gone.address.port(), gone.state.drained()), (1, Some(at(310))));
        let later = config(&[2]).next(&next, at(309));
        assert_eq!(later.groups[0].draining.len(), 1);
        assert_eq!(later.groups[0].draining[0].state.drained(), Some(at(310)));
        assert!(config(&[2]).next(&later, at(310)).groups[0].draining.is_empty());
    }

    #[test]
    fn a_target_that_comes_back_begins_anew() {
        let old = config(&[1, 2]);
        old.groups[0].targets.iter().for_each(|target| target.state.set_health(Health::HEALTHY));
        let without = config(&[2]).next(&old, at(10));
        let back = config(&[1, 2]).next(&without, at(20));
        let target = &back.groups[0].targets[0];
        assert!(Arc::ptr_eq(&target.state, &old.groups[0].targets[0].state), "it may still have requests");
        assert_eq!((target.state.health(), target.state.drained()), (Health::NEW, None));
        assert!(target.state.ramps() && back.groups[0].draining.is_empty());
    }

    #[test]
    fn the_targets_of_a_group_that_is_gone_drain_too() {
        let old = config(&[1]);
        let mut other = config(&[1]);
        other.groups[0].arn.push('x');
        let _next = other.next(&old, at(10));
        assert_eq!(old.groups[0].targets[0].state.drained(), Some(at(310)));
    }

    #[test]
    fn counts_of_new_targets_are_on_the_boards_of_the_group_that_stays() {
        let old = config(&[1]);
        let next = config(&[1, 2]).next(&old, at(1));
        let [first, second] = &next.groups[0].targets[..] else { panic!("two targets") };
        assert!(Arc::ptr_eq(&first.state.seat().board, &second.state.seat().board));
    }
}
