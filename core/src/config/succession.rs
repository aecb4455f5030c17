//! From one configuration to the next: what is still there keeps its state, what is gone drains.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Config, GroupState, Target, TargetGroup};
use crate::time::Mono;

impl Config {
    /// The configuration that takes over from `old` at `now`, with all that shards share carried over: of groups by ARN, of
    /// targets by group and address. Their health, counts and cursors survive. Revocation lists keep their ids.
    ///
    /// Targets that are gone drain from now on, for as long as their group says (guide DRAIN-02): their entries stay in
    /// [`TargetGroup::draining`] for as long, and those of groups that are gone in [`Config::departed`]. Targets that were
    /// gone and are back, with their group or without, begin anew (guide SLOW-06), but for the requests that they still have.
    #[must_use]
    pub fn next(mut self, old: &Config, now: Mono) -> Config {
        self.state = Arc::clone(&old.state);
        for group in &mut self.groups {
            match old.groups.iter().chain(&old.departed).find(|was| was.arn == group.arn) {
                Some(was) => group.take_over(was, now),
                None => group.targets.iter().for_each(|target| target.state.set_ramps(false)),
            }
        }
        for store in &mut self.trust_stores {
            if let Some(was) = old.trust_stores.iter().find(|was| was.arn == store.arn) {
                store.take_over(was);
            }
        }
        self.begin_unchecked(old);
        let is_gone = |was: &&TargetGroup| !self.groups.iter().any(|group| group.arn == was.arn);
        let departed = old.groups.iter().chain(&old.departed).filter(is_gone).map(|gone| gone.depart(now));
        self.departed = departed.filter(|gone| !gone.draining.is_empty()).collect();
        self
    }

    /// Targets that are to be checked again after a while without are new ones: what was known of them is out of date.
    fn begin_unchecked(&self, old: &Config) {
        let before: BTreeSet<_> = old.checked_targets().map(|(_, target)| Arc::as_ptr(&target.state)).collect();
        let again =
            |target: &&Target| !before.contains(&Arc::as_ptr(&target.state)) && target.state.checked().is_some();
        for (_, target) in self.checked_targets() {
            if again(&target) {
                target.state.register();
            }
        }
    }
}

impl TargetGroup {
    fn take_over(&mut self, was: &TargetGroup, now: Mono) {
        self.state = Arc::clone(&was.state);
        // A slow start that is over stays over, whatever duration is said from now on (guide SLOW-04).
        let is_over = |since: Mono| since.after(was.attributes.slow_start) <= now;
        for target in was.targets.iter().filter(|target| target.state.ramp().is_some_and(is_over)) {
            target.state.set_ramp(None);
        }
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
        self.draining.extend(was.draining.iter().filter(stays).filter(drains(now)).cloned());
        self.state.changed();
    }

    /// What is left of a group that is gone: its targets, for as long as they drain.
    fn depart(&self, now: Mono) -> TargetGroup {
        let deadline = now.after(self.attributes.deregistration_delay);
        self.targets.iter().for_each(|target| target.state.deregister(deadline));
        self.state.changed();
        TargetGroup {
            logical_id: self.logical_id.clone(),
            name: self.name.clone(),
            arn: self.arn.clone(),
            protocol: self.protocol,
            protocol_version: self.protocol_version,
            health_check: self.health_check.clone(),
            attributes: self.attributes.clone(),
            targets: Vec::new(),
            draining: self.targets.iter().chain(&self.draining).filter(drains(now)).cloned().collect(),
            position: self.position,
            state: Arc::clone(&self.state),
        }
    }
}

/// Whose deregistration delay is not over.
fn drains(now: Mono) -> impl Fn(&&Target) -> bool {
    move |target| target.state.drained().is_some_and(|deadline| deadline > now)
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
    use crate::target::{Health, Outstanding};

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
    fn a_slow_start_that_is_over_stays_over_and_its_target_is_in_full_service() {
        let slow = |targets: &[u16], seconds| {
            let mut config = config(targets);
            config.groups[0].attributes.slow_start = Duration::from_secs(seconds);
            config
        };
        for (seconds, began, stays) in [(30, 70, false), (30, 71, true), (0, 100, false)] {
            let old = slow(&[1], seconds);
            old.groups[0].targets[0].state.set_health(Health::HEALTHY);
            old.groups[0].targets[0].state.set_ramp(Some(at(began)));
            let next = slow(&[1, 2], 900).next(&old, at(100));
            let [first, second] = &next.groups[0].targets[..] else { panic!("two targets") };
            assert_eq!(first.state.ramp(), stays.then_some(at(began)));
            assert_eq!(second.state.ramps(), !stays, "it joins one that is in full service, or none");
        }
    }

    /// A configuration whose only group is another one.
    fn elsewhere() -> Config {
        let mut other = config(&[9]);
        other.groups[0].arn.push('x');
        other
    }

    fn left(config: &Config) -> Vec<(u16, Option<Mono>)> {
        let targets = config.departed.iter().flat_map(|group| &group.draining);
        targets.map(|target| (target.address.port(), target.state.drained())).collect()
    }

    #[test]
    fn the_targets_of_a_group_that_is_gone_drain_too_and_are_then_forgotten() {
        let one_drains = config(&[1]).next(&config(&[1, 2]), at(5));
        let gone = elsewhere().next(&one_drains, at(10));
        assert_eq!(left(&gone), [(1, Some(at(310))), (2, Some(at(305)))]);
        assert!(gone.departed[0].targets.is_empty());
        let later = elsewhere().next(&gone, at(305));
        assert_eq!(left(&later), [(1, Some(at(310)))], "leaving once does not begin again");
        assert!(elsewhere().next(&later, at(310)).departed.is_empty());
    }

    #[test]
    fn a_group_without_a_delay_is_forgotten_at_once() {
        let mut old = config(&[1]);
        old.groups[0].attributes.deregistration_delay = Duration::ZERO;
        let next = elsewhere().next(&old, at(10));
        assert!(next.departed.is_empty());
        assert_eq!(old.groups[0].targets[0].state.drained(), Some(at(10)));
        assert!(!Arc::ptr_eq(&config(&[1]).next(&next, at(10)).groups[0].state, &old.groups[0].state));
    }

    #[test]
    fn the_targets_of_a_group_that_comes_back_keep_their_requests_and_begin_anew() {
        let old = config(&[1, 2]);
        old.groups[0].targets.iter().for_each(|target| target.state.set_health(Health::HEALTHY));
        let request = Outstanding::new(&old.groups[0].targets[0].state);
        // It is gone for two reloads.
        let gone = elsewhere().next(&elsewhere().next(&old, at(2)), at(3));
        let back = config(&[1, 3]).next(&gone, at(4));
        let (was, group) = (&old.groups[0], &back.groups[0]);
        assert!(Arc::ptr_eq(&group.state, &was.state) && Arc::ptr_eq(&group.targets[0].state, &was.targets[0].state));
        let state = &group.targets[0].state;
        assert_eq!((state.health(), state.drained(), state.outstanding()), (Health::NEW, None, 1));
        assert!(group.targets.iter().all(|target| !target.state.ramps()), "nobody is in full service");
        let [leaving] = &group.draining[..] else { panic!("one did not come back") };
        assert_eq!((leaving.address.port(), leaving.state.drained()), (2, Some(at(302))));
        assert_eq!(left(&back), [(9, Some(at(304)))], "now the other group is gone");
        drop(request);
        assert_eq!(state.outstanding(), 0);
    }

    #[test]
    fn a_group_that_comes_back_once_its_targets_have_drained_is_a_new_one() {
        for (seconds, same) in [(309, true), (310, false)] {
            let old = config(&[1]);
            let gone = elsewhere().next(&old, at(10));
            let back = config(&[1]).next(&elsewhere().next(&gone, at(seconds)), at(seconds));
            assert_eq!(Arc::ptr_eq(&back.groups[0].state, &old.groups[0].state), same);
            assert_eq!(back.groups[0].targets[0].state.drained(), None);
        }
    }

    #[test]
    fn counts_of_new_targets_are_on_the_boards_of_the_group_that_stays() {
        let old = config(&[1]);
        let next = config(&[1, 2]).next(&old, at(1));
        let [first, second] = &next.groups[0].targets[..] else { panic!("two targets") };
        assert!(Arc::ptr_eq(&first.state.seat().board, &second.state.seat().board));
    }
}
