//! Health checks: who makes them, when each is due, what their outcomes change. One shard of all that serve a configuration
//! has the right to check; the others ask for it about once a second, so that another one goes on when its holder is gone.
//!
//! ```text
//!   schedule ── due ──▶ probe: dial ─▶ request ─▶ head of the answer ──▶ outcome ──▶ health, slow start
//! ```

mod outcome;
pub(crate) mod probe;
mod schedule;

use core::time::Duration;
use std::collections::BTreeMap;

use super::Shard;
use crate::config::{Checking, Config, TargetGroup};
use crate::target::anomaly::{PERIOD, Watch};
use crate::time::Mono;
use schedule::Schedule;

/// Checks that begin in one turn; the rest follow in the next, which is due at once. Requests never wait for more.
pub(crate) const STARTS_PER_TURN: usize = 32;

/// Targets whose errors are compared in one turn, but for the rest of a group.
const REVIEWED_PER_TURN: usize = 500;

/// How long the right to check may lie idle when its holder is gone.
const RETRY: Duration = Duration::from_secs(1);

/// What a shard knows about checks.
#[derive(Default)]
pub(crate) struct Checkups {
    /// Something is to be checked or reviewed, by whichever shard has the right to.
    wanted: bool,
    right: Option<Checking>,
    /// When this shard asks for the right again.
    retry: Mono,
    schedule: Schedule,
    /// When errors are compared the next time.
    review: Mono,
    /// What is remembered of the errors of each group in use, in their order, with the group's ARN.
    watches: Vec<(String, Watch)>,
    /// How many of them were compared in this round.
    reviewed: usize,
    /// Connections of checks.
    pub(crate) probes: usize,
}

impl Checkups {
    /// When something is to be done, if ever.
    pub(crate) fn next(&self) -> Option<Mono> {
        match &self.right {
            _ if !self.wanted => None,
            None => Some(self.retry),
            Some(_) => Some(self.schedule.next().map_or(self.review, |due| due.min(self.review))),
        }
    }

    /// Another configuration: targets that stay keep their times, whatever is new is due at once.
    pub(crate) fn learn(&mut self, config: &Config, now: Mono) {
        let is_wanted = |group: &TargetGroup| group.health_check.enabled || group.attributes.anomaly_mitigation;
        self.wanted = config.groups_in_use().any(|(group, _)| is_wanted(group));
        self.right.take_if(|right| !self.wanted || !right.is_of(&config.state));
        self.retry = now;
        match self.right {
            Some(_) => self.plan(config, now),
            None => self.schedule = Schedule::default(),
        }
    }

    /// Nothing is checked by this shard any more.
    fn stop(&mut self) {
        *self = Checkups { probes: self.probes, ..Checkups::default() };
    }

    fn plan(&mut self, config: &Config, now: Mono) {
        self.schedule = Schedule::new(config, &self.schedule, now);
        let mut known: BTreeMap<String, Watch> = core::mem::take(&mut self.watches).into_iter().collect();
        let watch = |group: &TargetGroup| (group.arn.clone(), known.remove(&group.arn).unwrap_or_default());
        self.watches = config.groups_in_use().map(|(group, _)| group).map(watch).collect();
        self.reviewed = 0;
    }

    /// Whether this shard checks; it takes the right if nobody has it.
    fn has_right(&mut self, config: &Config, now: Mono) -> bool {
        if self.right.is_none() {
            self.right = Checking::take(&config.state);
            self.retry = now.after(RETRY);
            if self.right.is_some() {
                self.review = now.after(PERIOD);
                self.plan(config, now);
            }
        }
        self.right.is_some()
    }

    /// Compares errors, if it is time: those of so many targets in a turn, then goes on in the next, which is due at once.
    fn review(&mut self, config: &Config, now: Mono) {
        if now < self.review {
            return;
        }
        let mut targets = 0;
        let groups = config.groups_in_use().map(|(group, _)| group);
        for (group, (_, watch)) in groups.zip(&mut self.watches).skip(self.reviewed) {
            if targets >= REVIEWED_PER_TURN {
                return;
            }
            targets += group.targets.len().max(1);
            self.reviewed += 1;
            if watch.review(&group.targets, &group.attributes, group.health_check.enabled, now) {
                group.state.changed();
            }
        }
        self.reviewed = 0;
        self.review = now.after(PERIOD);
    }
}

impl Shard {
    /// Begins the checks that are due, so many at most, and compares errors from time to time.
    pub(crate) fn check_up(&mut self) {
        let now = self.now.mono;
        if self.checkups.next().is_none_or(|due| due > now) || !self.checkups.has_right(&self.config, now) {
            return;
        }
        self.checkups.review(&self.config, now);
        for _ in 0..STARTS_PER_TURN {
            let Some(probe) = self.checkups.schedule.begin(now, &mut self.chance) else { return };
            self.probe(probe);
        }
    }

    /// The shard ends: checks in progress end without an outcome, and another shard may check.
    pub(crate) fn stop_checks(&mut self) {
        self.checkups.stop();
        self.abandon_probes(|_| true);
    }

    /// Ends the checks of targets that are checked no more.
    pub(crate) fn drop_stray_probes(&mut self) {
        if self.checkups.probes > 0 {
            let wanted = self.checkups.schedule.targets();
            self.abandon_probes(|probe| !wanted.contains(&probe.target_key()));
        }
    }
}
