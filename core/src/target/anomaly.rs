//! Targets that fail more often than their peers (guide ATW-01 to ATW-04): found by comparing, and sent less while it lasts.
//! Driven by the shard that checks, once every [`PERIOD`] for each group. Why it is right to accuse and to release is in
//! `docs/anomalies.md`.
//!
//! ```text
//!              fails more often than the group, beyond any doubt
//!   normal ────────────────────────────────────────────────────────▶ anomalous
//!   weight + 100 a review ◀─────────────────────────────────────── weight / 2 a review
//!              its requests since then say so, or it had none for long
//! ```

mod evidence;
mod window;

use core::time::Duration;
use std::sync::{Arc, Weak};

use super::attributes::GroupAttributes;
use super::state::{PARITY, Target, TargetState};
use crate::time::Mono;
use evidence::{Suspicion, surprise};
use window::{Count, Window};

/// How often errors are compared and weights adjusted (guide ATW-04).
pub const PERIOD: Duration = Duration::from_secs(5);

/// Fewer healthy targets are not compared (guide ATW-01).
const HEALTHY_MIN: usize = 3;

/// How likely one review of a group may accuse anybody while all targets fail equally often. A day has 17,280 reviews.
const FALSE_ACCUSATION: f64 = 1e-7;

/// A target whose share of errors is less than this above the group's is left alone, however sure the difference is: to move
/// its requests elsewhere would spare clients fewer errors than the load may cost.
const EXCESS_MIN: f64 = 0.01;

/// The share of requests that keeps probing a target, in thousandths of a normal target's.
const FLOOR: u32 = 50;

/// By how much the weight of a target grows in one review, from the floor to parity in ten reviews.
const STEP: u32 = 100;

/// What the shard that checks remembers of a group's errors. Results and weights are in the targets' shared state, so that
/// another shard can go on with a new `Watch`.
#[derive(Debug, Default)]
pub struct Watch {
    seen: Vec<Seen>,
    /// The present bucket of every window, and when it began.
    bucket: usize,
    since: Option<Mono>,
}

/// What is remembered of one target.
#[derive(Debug)]
struct Seen {
    target: Weak<TargetState>,
    /// As the last review found it.
    healthy: bool,
    window: Window,
    suspicion: Option<Suspicion>,
}

impl Watch {
    /// A memory that begins now: what was counted of these targets before is dropped, since nobody knows over how long a time.
    pub fn begin(targets: &[Target]) -> Watch {
        for target in targets {
            target.state.take_tally();
        }
        Watch::default()
    }

    /// Takes what has been counted since the last time, once every [`PERIOD`]; `true` if a result or a weight has changed:
    /// the caller then says so to the group ([`GroupState::changed`](super::GroupState::changed)). `checked` tells whether
    /// the group's health checks are enabled; without them every target counts as healthy.
    pub fn review(&mut self, targets: &[Target], attributes: &GroupAttributes, checked: bool, now: Mono) -> bool {
        let fresh: Vec<Count> = targets.iter().map(|target| Count::of(target.state.take_tally())).collect();
        self.judge(targets, &fresh, checked, now);
        self.publish(targets, attributes)
    }

    fn judge(&mut self, targets: &[Target], fresh: &[Count], checked: bool, now: Mono) {
        self.follow(targets);
        self.believe(targets, now);
        self.advance(now);
        self.seen.iter_mut().zip(fresh).for_each(|(seen, fresh)| seen.window.add(self.bucket, *fresh));
        for (seen, target) in self.seen.iter_mut().zip(targets) {
            seen.healthy = !checked || target.state.health().is_healthy();
        }
        if self.healthy() < HEALTHY_MIN {
            self.seen.iter_mut().for_each(|seen| seen.suspicion = None);
        } else {
            self.release(fresh, now);
            self.accuse(now);
        }
    }

    fn healthy(&self) -> usize {
        self.seen.iter().filter(|seen| seen.healthy).count()
    }

    /// Makes the memory that of these targets, in their order.
    fn follow(&mut self, targets: &[Target]) {
        let is_of = |seen: &Seen, target: &Target| core::ptr::eq(seen.target.as_ptr(), Arc::as_ptr(&target.state));
        if self.seen.len() == targets.len() && self.seen.iter().zip(targets).all(|(seen, target)| is_of(seen, target)) {
            return;
        }
        let mut before = core::mem::take(&mut self.seen);
        let mut recall = |target: &Target| {
            let at = before.iter().position(|seen| is_of(seen, target));
            at.map_or_else(|| Seen::new(target), |at| before.swap_remove(at))
        };
        self.seen = targets.iter().map(&mut recall).collect();
    }

    /// Turns every window to the bucket of `now`.
    fn advance(&mut self, now: Mono) {
        let Some(since) = self.since else {
            self.since = Some(now);
            return;
        };
        // To the nearest: a review is never on the dot.
        let ahead = now.since(since) + PERIOD / 2;
        let periods = u32::try_from(ahead.as_nanos() / PERIOD.as_nanos()).unwrap_or(u32::MAX);
        self.since = Some(since.after(PERIOD.saturating_mul(periods)));
        for _ in 0..periods.min(window::BUCKETS as u32) {
            self.bucket = (self.bucket + 1) % window::BUCKETS;
            self.seen.iter_mut().for_each(|seen| seen.window.clear(self.bucket));
        }
    }

    /// Shared state is the truth: what was reset there, or inherited from another shard, is believed.
    fn believe(&mut self, targets: &[Target], now: Mono) {
        for (seen, target) in self.seen.iter_mut().zip(targets) {
            match (target.state.is_anomalous(), &seen.suspicion) {
                (true, None) => seen.suspicion = Some(Suspicion::inherited(now)),
                (false, Some(_)) => *seen = Seen::new(target),
                (true, Some(_)) | (false, None) => {}
            }
        }
    }

    /// Those whose requests since they were accused fail no more often than others', and those that had none for long. The
    /// errors for which they were accused are forgotten with it.
    fn release(&mut self, fresh: &[Count], now: Mono) {
        if self.seen.iter().all(|seen| seen.suspicion.is_none()) {
            return;
        }
        let peers = self.seen.iter().filter(|seen| seen.healthy && seen.suspicion.is_none());
        let peers: Count = peers.map(|seen| seen.window.sum()).sum();
        for (seen, &fresh) in self.seen.iter_mut().zip(fresh) {
            let Some(suspicion) = &mut seen.suspicion else { continue };
            suspicion.hear(fresh, peers, now);
            if suspicion.is_refuted(now) {
                (seen.suspicion, seen.window) = (None, Window::default());
            }
        }
    }

    /// Those of the healthy whose errors in the window cannot be chance.
    fn accuse(&mut self, now: Mono) {
        let group: Window = self.seen.iter().filter(|seen| seen.healthy).map(|seen| &seen.window).sum();
        if group.sum().failed == 0 {
            // Most of the time there is nothing to explain.
            return;
        }
        let doubt = (self.healthy() as f64 / FALSE_ACCUSATION).ln();
        for seen in self.seen.iter_mut().filter(|seen| seen.healthy) {
            let (count, expected) = (seen.window.sum(), seen.window.expected(&group));
            let (share, usual) = (count.share(), expected / count.requests.max(1) as f64);
            if share - usual < EXCESS_MIN || surprise(count, expected) < doubt {
                continue;
            }
            match &mut seen.suspicion {
                Some(suspicion) => suspicion.worsen(usual, share),
                None => seen.suspicion = Some(Suspicion::new(usual, share, now)),
            }
        }
    }

    /// Writes results and weights into the shared state; `true` if any differs from before.
    fn publish(&self, targets: &[Target], attributes: &GroupAttributes) -> bool {
        let accused = self.seen.iter().filter(|seen| seen.suspicion.is_some()).count();
        // Where half of a group fails, that half is no exception, and the other half may not bear the load of all.
        let spares = accused * 2 < self.healthy();
        let mut changed = false;
        for (seen, Target { state, .. }) in self.seen.iter().zip(targets) {
            let (anomalous, before) = (seen.suspicion.is_some(), state.weight());
            let weight = match (attributes.mitigates(), anomalous && spares) {
                (false, _) => PARITY,
                (true, true) => (before / 2).max(FLOOR),
                (true, false) => before.saturating_add(STEP).min(PARITY),
            };
            changed |= weight != before || anomalous != state.is_anomalous();
            state.set_anomalous(anomalous);
            state.set_weight(weight);
        }
        changed
    }
}

impl Seen {
    fn new(target: &Target) -> Seen {
        Seen { target: Arc::downgrade(&target.state), healthy: false, window: Window::default(), suspicion: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::target::{Algorithm, GroupState, Health};

    fn targets(number: u16) -> Vec<Target> {
        let group = GroupState::default();
        (0..number).map(|port| Target::new(String::new(), ([127, 0, 0, 1], port).into(), None, &group)).collect()
    }

    /// Few, many and all that a tally can hold.
    fn tally() -> impl Strategy<Value = (u32, u32)> {
        let number = || prop_oneof![Just(0), Just(1), 0..20_u32, any::<u32>(), Just(u32::MAX)];
        (number(), number())
    }

    proptest! {
        #[test]
        fn whatever_is_counted_weights_stay_in_their_range(
            reviews in proptest::collection::vec((proptest::collection::vec((tally(), any::<bool>()), 5), 0..700_u64, any::<bool>()), 1..40),
        ) {
            let (targets, mut watch, mut now) = (targets(5), Watch::default(), Mono::default());
            let attributes = GroupAttributes {
                algorithm: Algorithm::WeightedRandom,
                anomaly_mitigation: true,
                ..GroupAttributes::default()
            };
            for (tallies, seconds, checked) in reviews {
                now = now.after(Duration::from_secs(seconds));
                for ((_, healthy), target) in tallies.iter().zip(&targets) {
                    target.state.set_health(if *healthy { Health::HEALTHY } else { Health::NEW });
                }
                let fresh: Vec<Count> = tallies.into_iter().map(|(tally, _)| Count::of(tally)).collect();
                watch.judge(&targets, &fresh, checked, now);
                watch.publish(&targets, &attributes);
                prop_assert!(targets.iter().all(|target| (FLOOR..=PARITY).contains(&target.state.weight())));
            }
        }
    }

    #[test]
    fn the_widest_counts_are_compared_as_any() {
        let (targets, mut watch) = (targets(3), Watch::default());
        for _ in 0..3 * window::BUCKETS {
            let fresh = [(u32::MAX, u32::MAX), (u32::MAX, 0), (u32::MAX, u32::MAX / 100)].map(Count::of);
            watch.judge(&targets, &fresh, false, Mono::default());
        }
        watch.publish(&targets, &GroupAttributes::default());
        let results = targets.iter().map(|target| target.state.is_anomalous());
        assert_eq!(results.collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn all_of_all_failed_and_none_of_none_accuse_nobody() {
        for tally in [(0, 0), (7, 7), (u32::MAX, u32::MAX), (0, u32::MAX)] {
            let (targets, mut watch) = (targets(3), Watch::default());
            watch.judge(&targets, &[Count::of(tally); 3], false, Mono::default());
            assert!(!watch.publish(&targets, &GroupAttributes::default()), "{tally:?}");
        }
    }

    #[test]
    fn a_window_is_a_minute_whether_reviews_come_early_late_or_not_at_all() {
        // So often a review, each with one request: what the window holds after two minutes and a half.
        for (every, held) in [(1, 57..=60), (5, 12..=12), (9, 6..=7), (59, 1..=2), (61, 1..=1)] {
            let (targets, mut watch, mut now) = (targets(3), Watch::default(), Mono::default());
            let mut most = 0;
            for _ in 0..150 / every + 1 {
                now = now.after(Duration::from_secs(every));
                watch.judge(&targets, &[Count::of((1, 0)); 3], false, now);
                most = watch.seen[0].window.sum().requests;
            }
            assert!(held.contains(&most), "every {every} s: {most}");
        }
    }
}
