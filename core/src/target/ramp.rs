//! Slow start (guide SLOW-02): a target that became healthy not long ago gets a share of requests that grows in a straight
//! line, from nothing to that of the others.
//!
//! A target that has been starting for `r` of the duration weighs `r`, one in full service weighs 1. Each request adds what
//! all that start weigh, as a part of what everybody weighs, to a credit of the group; whenever that makes a whole, the request
//! goes to one of those that start, otherwise to the next of the others in turn. So shares are even among all shards at any
//! moment, and nothing has to be updated as time goes by.

use core::time::Duration;
use std::sync::atomic::Ordering;

use super::pick::next_in_turn;
use super::state::{GroupState, Target};
use crate::time::Mono;

/// The golden ratio's part behind the point, of 2^64: its multiples spread evenly over the range, however many are taken.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Targets in full service, and targets that start slowly.
#[derive(Debug)]
pub(super) struct Ramp {
    full: Vec<u32>,
    /// In the order in which they began.
    slow: Vec<Slow>,
    /// When the first of them began.
    first: Mono,
    /// How long each start takes, in microseconds.
    duration: u64,
}

/// A target that starts slowly.
#[derive(Debug)]
struct Slow {
    target: u32,
    /// When it began, in microseconds since the first.
    since: u64,
    /// How many began up to this one, and the sum of their `since`.
    number: u64,
    sum: u64,
}

impl Slow {
    /// The time that has passed since their starts for all up to this one together, `elapsed` after the first start.
    fn passed(&self, elapsed: u64) -> u64 {
        self.number.saturating_mul(elapsed).saturating_sub(self.sum)
    }
}

impl Ramp {
    /// How requests are shared until the first of the starts is over, and when that is; `None` if no target starts slowly.
    pub(super) fn among(eligible: &[u32], targets: &[Target], duration: Duration, now: Mono) -> Option<(Ramp, Mono)> {
        let since = |place: u32| targets[place as usize].state.ramp().filter(|since| since.after(duration) > now);
        let mut starts: Vec<(Mono, u32)> = eligible.iter().filter_map(|&place| Some((since(place)?, place))).collect();
        starts.sort_unstable();
        let &(first, _) = starts.first()?;
        let mut sum = 0;
        let slow = starts.iter().zip(1..).map(|(&(start, target), number)| {
            let since = micros(start.since(first));
            sum += since;
            Slow { target, since, number, sum }
        });
        let slow = slow.collect();
        let full = eligible.iter().copied().filter(|&place| since(place).is_none()).collect();
        Some((Ramp { full, slow, first, duration: micros(duration) }, first.after(duration)))
    }

    pub(super) fn choose(&self, group: &GroupState, now: Mono) -> Option<u32> {
        let elapsed = micros(now.since(self.first)).min(self.duration);
        let begun = &self.slow[..self.slow.partition_point(|slow| slow.since <= elapsed)];
        let passed = begun.last().map_or(0, |last| last.passed(elapsed));
        let full = self.duration.saturating_mul(self.full.len() as u64);
        if full == 0 {
            return self.one_that_starts(begun, elapsed, passed, group);
        }
        let whole = u128::from(full) + u128::from(passed);
        let share = u64::try_from((u128::from(passed) << 64) / whole).unwrap_or(u64::MAX);
        let credit = group.credit.fetch_add(share, Ordering::Relaxed);
        match credit.checked_add(share) {
            Some(_) => next_in_turn(&self.full, &group.cursor),
            None => self.one_that_starts(begun, elapsed, passed, group),
        }
    }

    /// One of those that start, each with the share of the time that has passed since it began.
    fn one_that_starts(&self, begun: &[Slow], elapsed: u64, passed: u64, group: &GroupState) -> Option<u32> {
        let turn = group.slow_turns.fetch_add(1, Ordering::Relaxed);
        let together = self.slow.last().is_some_and(|last| last.since == 0);
        if together || passed == 0 {
            let place = turn.checked_rem(self.slow.len() as u64)?;
            return self.slow.get(usize::try_from(place).ok()?).map(|slow| slow.target);
        }
        let point = (u128::from(turn.wrapping_mul(GOLDEN)) * u128::from(passed)) >> 64;
        let place = begun.partition_point(|slow| u128::from(slow.passed(elapsed)) <= point);
        begun.get(place).map(|slow| slow.target)
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
