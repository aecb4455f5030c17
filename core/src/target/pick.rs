//! The algorithms (guide ALG-01): which of the eligible targets gets the next request. No lock, no allocation; what they
//! remember is in [`GroupState`], so that all shards together keep to them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::attributes::{Algorithm, GroupAttributes};
use super::fewest::Fewest;
use super::ramp::Ramp;
use super::state::{GroupState, PARITY, Target};
use crate::time::Mono;

/// An algorithm, with what it has to know of the eligible targets.
#[derive(Debug, Default)]
pub(super) enum Pick {
    /// Round robin (ALG-02).
    #[default]
    Turns,
    /// Round robin while some start slowly (SLOW-02).
    Ramp(Ramp),
    /// Least outstanding requests (ALG-03).
    Fewest(Fewest),
    /// Weighted random while all weigh the same (ALG-05).
    Chance,
    /// Weighted random by the weights of anomaly mitigation (ATW-03): the sums of the weights up to each target.
    Weights(Vec<u64>),
}

impl Pick {
    /// The group's algorithm for the eligible ones of `targets`, and until when it is right.
    pub(super) fn among(
        eligible: &[u32],
        targets: &[Target],
        attributes: &GroupAttributes,
        now: Mono,
    ) -> (Pick, Option<Mono>) {
        match attributes.algorithm {
            Algorithm::RoundRobin => match Ramp::among(eligible, targets, attributes.slow_start, now) {
                Some((ramp, until)) => (Pick::Ramp(ramp), Some(until)),
                None => (Pick::Turns, None),
            },
            Algorithm::LeastOutstandingRequests => (Pick::Fewest(Fewest::among(eligible, targets)), None),
            Algorithm::WeightedRandom if attributes.mitigates() => (weighted(eligible, targets), None),
            Algorithm::WeightedRandom => (Pick::Chance, None),
        }
    }

    pub(super) fn choose(
        &self,
        eligible: &[u32],
        group: &GroupState,
        now: Mono,
        below: impl FnOnce(u64) -> u64,
    ) -> Option<u32> {
        match self {
            Pick::Turns => next_in_turn(eligible, &group.cursor),
            Pick::Ramp(ramp) => ramp.choose(group, now),
            Pick::Fewest(fewest) => fewest.choose(&group.cursor),
            Pick::Chance if eligible.is_empty() => None,
            Pick::Chance => nth(eligible, below(eligible.len() as u64)),
            Pick::Weights(sums) => {
                let point = below(*sums.last()?);
                eligible.get(sums.partition_point(|&sum| sum <= point)).copied()
            }
        }
    }
}

/// Sums to search, if the weights differ and there are any.
fn weighted(eligible: &[u32], targets: &[Target]) -> Pick {
    let weights = || eligible.iter().map(|&place| targets[place as usize].state.weight());
    if weights().all(|weight| weight == PARITY) || weights().all(|weight| weight == 0) {
        return Pick::Chance;
    }
    let sums = weights().scan(0, |sum, weight| {
        *sum += u64::from(weight);
        Some(*sum)
    });
    Pick::Weights(sums.collect())
}

/// The one whose turn it is. The counter belongs to the group: all shards together go round once before one is chosen again.
pub(super) fn next_in_turn(list: &[u32], turns: &AtomicU64) -> Option<u32> {
    if list.is_empty() {
        return None;
    }
    nth(list, turns.fetch_add(1, Ordering::Relaxed))
}

/// The one with that number, counting round and round.
fn nth(list: &[u32], number: u64) -> Option<u32> {
    let place = number.checked_rem(list.len() as u64)?;
    list.get(usize::try_from(place).ok()?).copied()
}
