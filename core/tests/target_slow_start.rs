//! Slow start (guide SLOW-02): shares of requests that grow in a straight line, in virtual time, through shards that share a
//! configuration.

mod target_support;

use std::time::Duration;

use sluicegate::config::GroupAttributes;
use sluicegate::target::Algorithm;
use target_support::{Shards, config_of, spread};

const DURATION: Duration = Duration::from_secs(60);

fn slow() -> GroupAttributes {
    GroupAttributes { slow_start: DURATION, ..GroupAttributes::default() }
}

/// Starts a target now.
fn start(shards: &Shards, target: usize) {
    shards.group().targets[target].state.set_ramp(Some(shards.now));
    shards.group().state.changed();
}

/// What each target gets of so many requests that are spread evenly over a time.
fn over(shards: &mut Shards, span: Duration, requests: u32, chance: &mut fastrand::Rng) -> Vec<usize> {
    let mut counts = vec![0; shards.group().targets.len()];
    let pause = span / requests / 2;
    for _ in 0..requests {
        shards.wait(pause);
        counts[shards.serve(chance.usize(..shards.number()))] += 1;
        shards.wait(span / requests - pause);
    }
    counts
}

#[test]
fn the_share_of_a_target_that_starts_grows_in_a_straight_line() {
    for number in [1, 2, 4] {
        let mut shards = Shards::new(number, None, config_of(5, slow()));
        let mut chance = fastrand::Rng::with_seed(1);
        start(&shards, 2);
        for tenth in 0..10 {
            let counts = over(&mut shards, DURATION / 10, 2000, &mut chance);
            let full = [counts[0], counts[1], counts[3], counts[4]];
            assert!(spread(&full) <= 1, "those in full service share evenly: {counts:?}");
            let share = counts[2] as f64 / (full.iter().sum::<usize>() as f64 / 4.0);
            let line = (tenth as f64 + 0.5) / 10.0;
            println!(
                "{number} shards, {:3} % to {:3} %: {:4} requests, share {share:.3}",
                tenth * 10,
                tenth * 10 + 10,
                counts[2]
            );
            // One request more or less is 0.002 to 0.0025 of a share, the line's bend within a tenth less than 0.001.
            assert!((share - line).abs() < 0.004, "{share} instead of {line}");
        }
        let after = over(&mut shards, DURATION, 2000, &mut chance);
        assert_eq!(after, [400; 5], "then it has its full share");
    }
}

#[test]
fn a_target_that_begins_gets_nothing_and_one_that_is_done_gets_everything_that_is_its_own() {
    let mut shards = Shards::new(2, None, config_of(3, slow()));
    let mut chance = fastrand::Rng::with_seed(2);
    start(&shards, 0);
    assert_eq!(shards.counts(1000, &mut chance), [0, 500, 500]);
    shards.wait(DURATION - Duration::from_nanos(1));
    let counts = shards.counts(3000, &mut chance);
    assert!(spread(&counts) <= 2, "{counts:?}");
    shards.wait(Duration::from_nanos(1));
    let order: Vec<usize> = (0..9).map(|_| shards.serve(chance.usize(..2))).collect();
    assert!(order.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 3), "all in turn, since it is over: {order:?}");
}

#[test]
fn several_that_start_have_shares_by_the_time_since_they_began() {
    let mut shards = Shards::new(4, None, config_of(6, slow()));
    let mut chance = fastrand::Rng::with_seed(3);
    start(&shards, 1);
    shards.wait(DURATION / 4);
    start(&shards, 4);
    shards.wait(DURATION / 4);
    start(&shards, 5);
    shards.wait(DURATION / 4);
    // 3/4, 1/2 and 1/4 of a share beside three whole ones: 4.5 altogether.
    let counts = shards.counts(9000, &mut chance);
    for (target, expected) in [2000_usize, 1500, 2000, 2000, 1000, 500].into_iter().enumerate() {
        assert!(counts[target].abs_diff(expected) <= 4, "{counts:?}");
    }
    shards.wait(DURATION / 4);
    // The first is done: 1, 3/4 and 1/2 beside three: 5.25.
    let counts = shards.counts(10_500, &mut chance);
    for (target, expected) in [2000_usize, 2000, 2000, 2000, 1500, 1000].into_iter().enumerate() {
        assert!(counts[target].abs_diff(expected) <= 4, "{counts:?}");
    }
}

#[test]
fn those_that_begin_together_share_evenly() {
    let mut shards = Shards::new(2, None, config_of(6, slow()));
    let mut chance = fastrand::Rng::with_seed(4);
    [1, 3, 5].into_iter().for_each(|target| start(&shards, target));
    shards.wait(DURATION / 2);
    let counts = shards.counts(4501, &mut chance);
    assert!(spread(&[counts[1], counts[3], counts[5]]) <= 1 && spread(&[counts[0], counts[2], counts[4]]) <= 1);
    assert!(counts[1].abs_diff(500) <= 1 && counts[0].abs_diff(1000) <= 1, "{counts:?}");
}

#[test]
fn if_all_start_they_share_by_what_each_has_reached() {
    let mut shards = Shards::new(2, None, config_of(3, slow()));
    let mut chance = fastrand::Rng::with_seed(5);
    start(&shards, 0);
    shards.wait(DURATION / 2);
    start(&shards, 1);
    shards.hurt(&[2]);
    // Nobody else is there: the one that began first gets all as long as the other's share is nothing.
    assert_eq!(shards.counts(100, &mut chance), [100, 0, 0]);
    shards.wait(DURATION / 4);
    let counts = shards.counts(4000, &mut chance);
    assert!(counts[0].abs_diff(3000) <= 4 && counts[1].abs_diff(1000) <= 4, "{counts:?}");
}

#[test]
fn if_all_begin_at_this_very_moment_they_share_evenly() {
    let mut shards = Shards::new(2, None, config_of(4, slow()));
    (0..4).for_each(|target| start(&shards, target));
    assert_eq!(shards.counts(400, &mut fastrand::Rng::with_seed(6)), [100; 4]);
}

#[test]
fn a_start_that_another_shard_has_dated_a_little_later_counts_as_nothing_yet() {
    let mut shards = Shards::new(2, None, config_of(3, slow()));
    let soon = shards.now.after(Duration::from_millis(1));
    start(&shards, 1);
    shards.group().targets[0].state.set_ramp(Some(soon));
    shards.group().state.changed();
    assert_eq!(shards.counts(100, &mut fastrand::Rng::with_seed(7)), [0, 0, 100]);
    shards.hurt(&[2]);
    assert_eq!(shards.counts(100, &mut fastrand::Rng::with_seed(7)), [50, 50, 0]);
    shards.wait(Duration::from_micros(500));
    assert_eq!(shards.counts(100, &mut fastrand::Rng::with_seed(7)), [0, 100, 0]);
}

#[test]
fn only_round_robin_with_slow_start_looks_at_starts() {
    for attributes in [
        GroupAttributes { slow_start: Duration::ZERO, ..slow() },
        GroupAttributes { algorithm: Algorithm::LeastOutstandingRequests, ..slow() },
    ] {
        let mut shards = Shards::new(2, None, config_of(4, attributes));
        start(&shards, 3);
        assert_eq!(shards.counts(400, &mut fastrand::Rng::with_seed(8)), [100; 4]);
    }
}

#[test]
fn a_reload_that_shortens_the_duration_ends_starts_that_are_older() {
    let mut shards = Shards::new(2, None, config_of(2, slow()));
    let mut chance = fastrand::Rng::with_seed(9);
    start(&shards, 1);
    shards.wait(DURATION / 2);
    let counts = shards.counts(300, &mut chance);
    assert!(counts[1].abs_diff(100) <= 1, "{counts:?}");
    shards.reload(config_of(2, GroupAttributes { slow_start: DURATION / 2, ..slow() }));
    assert_eq!(shards.counts(300, &mut chance), [150, 150]);
    shards.reload(config_of(2, GroupAttributes { slow_start: DURATION * 2, ..slow() }));
    let counts = shards.counts(500, &mut chance);
    assert!(counts[1].abs_diff(100) <= 1, "{counts:?}");
}

#[test]
fn a_start_that_is_over_early_or_begins_anew_counts_from_the_next_request_on() {
    let mut shards = Shards::new(2, None, config_of(2, slow()));
    let mut chance = fastrand::Rng::with_seed(10);
    start(&shards, 1);
    shards.wait(DURATION / 3);
    shards.group().targets[1].state.set_ramp(None);
    shards.group().state.changed();
    assert_eq!(shards.counts(100, &mut chance), [50, 50]);
    start(&shards, 1);
    assert_eq!(shards.counts(100, &mut chance), [100, 0]);
}
