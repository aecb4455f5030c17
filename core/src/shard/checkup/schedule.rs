//! When each target is checked: a new one at once, then after a random part of its interval, so that targets which were
//! registered together are not checked together for ever, then every interval, whatever the answers take (guide HC-08).

use core::time::Duration;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use super::super::doors::BackEnd;
use super::super::pool::Place;
use super::probe::Probe;
use crate::config::{Config, Protocol, ProtocolVersion, TargetGroup};
use crate::target::{HealthCheck, TargetState};
use crate::time::Mono;

/// No interval is shorter, whatever a configuration says: checks must not take all of a thread's time.
const INTERVAL_MIN: Duration = Duration::from_millis(1);

/// All targets that are checked, and when.
#[derive(Default)]
pub(super) struct Schedule {
    visits: Vec<Visit>,
    /// Each visit once, by its next time; ties in the order of the configuration, so that runs repeat exactly.
    queue: BinaryHeap<Reverse<(Mono, u32)>>,
}

/// One target's checks.
struct Visit {
    target: Arc<TargetState>,
    place: Place,
    /// Its group's settings.
    check: Arc<HealthCheck>,
    due: Mono,
}

/// Tells targets apart, and names the same one in every configuration.
pub(super) type TargetKey = *const TargetState;

impl Schedule {
    /// The targets of a configuration. Who was in `former` is checked no later than planned there, and sooner only for a
    /// shorter interval; whoever another shard has checked before is due an interval after that.
    pub(super) fn new(config: &Config, former: &Schedule, now: Mono) -> Schedule {
        let planned: BTreeMap<TargetKey, Mono> = former.visits.iter().map(|visit| (visit.key(), visit.due)).collect();
        let mut settings: Option<(*const TargetGroup, Arc<HealthCheck>, Option<BackEnd>, bool)> = None;
        let mut visits = Vec::new();
        for (group, target) in config.checked_targets() {
            // One copy of its settings for all targets of a group, which follow each other.
            let known = settings.take_if(|(of, ..)| core::ptr::eq(*of, group));
            let (_, check, back_end, http2) = settings.insert(known.unwrap_or_else(|| {
                let secure = group.health_check.protocol == Protocol::Https;
                let back_end = secure.then(|| BackEnd::in_checks(config, group));
                let http2 = group.protocol_version != ProtocolVersion::Http1;
                (group, Arc::new(group.health_check.clone()), back_end, http2)
            }));
            let due = match (target.state.checked(), planned.get(&Arc::as_ptr(&target.state))) {
                (None, _) => now,
                (Some(at), None) => at.after(interval(check)),
                (Some(at), Some(&planned)) => planned.min(at.after(interval(check))),
            };
            let place = Place { address: check.address(target.address), tls: *back_end, http2: *http2 };
            visits.push(Visit { target: Arc::clone(&target.state), place, check: Arc::clone(check), due });
        }
        let queue = (0..).zip(&visits).map(|(number, visit)| Reverse((visit.due, number))).collect();
        Schedule { visits, queue }
    }

    /// How many targets are checked.
    pub(super) fn len(&self) -> usize {
        self.visits.len()
    }

    /// When the next check is due.
    pub(super) fn next(&self) -> Option<Mono> {
        self.queue.peek().map(|&Reverse((due, _))| due)
    }

    /// The next check, if it is due; the one after it is planned.
    pub(super) fn begin(&mut self, now: Mono, chance: &mut fastrand::Rng) -> Option<Probe> {
        let Reverse((_, number)) = *self.queue.peek().filter(|Reverse((due, _))| *due <= now)?;
        self.queue.pop();
        let visit = self.visits.get_mut(number as usize)?;
        let is_first = visit.target.checked().is_none();
        visit.due = if is_first { now.after(visit.second(chance)) } else { visit.following(now) };
        self.queue.push(Reverse((visit.due, number)));
        visit.target.set_checked(now);
        Some(Probe::new(Arc::clone(&visit.target), visit.place, Arc::clone(&visit.check), now))
    }

    /// Who is checked.
    pub(super) fn targets(&self) -> BTreeSet<TargetKey> {
        self.visits.iter().map(Visit::key).collect()
    }
}

impl Visit {
    fn key(&self) -> TargetKey {
        Arc::as_ptr(&self.target)
    }

    /// How long after the first check the second one follows: between half an interval and a whole one. Any sooner, and a
    /// target that is still starting would fail twice at once.
    fn second(&self, chance: &mut fastrand::Rng) -> Duration {
        let half = interval(&self.check) / 2;
        let nanos = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX);
        half + Duration::from_nanos(chance.u64(..=nanos))
    }

    /// An interval after it was due, not after it was made; but a check that comes very late is not followed at once by the
    /// next one, and those that were missed are left out.
    fn following(&self, now: Mono) -> Mono {
        let interval = interval(&self.check);
        let next = self.due.after(interval);
        if next.since(now) >= interval / 2 { next } else { now.after(interval) }
    }
}

fn interval(check: &HealthCheck) -> Duration {
    check.interval.max(INTERVAL_MIN)
}
