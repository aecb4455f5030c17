//! The algorithms (guide ALG-01 to ALG-05) as requests through shards that share a configuration see them.

mod target_support;

use std::sync::Arc;

use sluicegate::config::GroupAttributes;
use sluicegate::target::Algorithm;
use target_support::{Shards, config_of, spread, with_another_group};

const SHARDS: [usize; 3] = [1, 2, 4];

fn attributes(algorithm: Algorithm) -> GroupAttributes {
    GroupAttributes { algorithm, ..GroupAttributes::default() }
}

#[test]
fn round_robin_goes_round_exactly_across_all_shards() {
    for shards in SHARDS {
        let mut shards = Shards::new(shards, None, config_of(7, attributes(Algorithm::RoundRobin)));
        let mut chance = fastrand::Rng::with_seed(1);
        let order: Vec<usize> = (0..700).map(|_| shards.serve(chance.usize(..shards.number()))).collect();
        for (number, target) in order.iter().enumerate() {
            assert_eq!(*target, (order[0] + number) % 7, "request {number}");
        }
    }
}

#[test]
fn round_robin_is_even_over_those_that_are_healthy() {
    let mut shards = Shards::new(4, None, config_of(6, attributes(Algorithm::RoundRobin)));
    let mut chance = fastrand::Rng::with_seed(2);
    shards.counts(3, &mut chance);
    shards.hurt(&[1, 4]);
    assert_eq!(shards.counts(400, &mut chance), [100, 0, 100, 100, 0, 100]);
    let part = shards.counts(403, &mut chance);
    assert!(spread(&[part[0], part[2], part[3], part[5]]) == 1, "{part:?}");
}

#[test]
fn every_group_goes_round_by_itself() {
    let robin = || attributes(Algorithm::RoundRobin);
    let mut shards = Shards::new(2, None, with_another_group(config_of(3, robin()), config_of(5, robin())));
    let mut chance = fastrand::Rng::with_seed(3);
    let mut next = [0, 0];
    for _ in 0..300 {
        let group = chance.usize(..2);
        let asked = shards.try_ask_on(80 + group as u16, chance.usize(..2)).expect("a target");
        assert_eq!(shards.answer(asked), next[group] % [3, 5][group]);
        next[group] += 1;
    }
}

#[test]
fn least_outstanding_requests_chooses_the_lowest_count_of_all_shards_together() {
    for shards in SHARDS {
        let mut shards = Shards::new(shards, None, config_of(20, attributes(Algorithm::LeastOutstandingRequests)));
        let mut chance = fastrand::Rng::with_seed(4);
        let mut in_progress = Vec::new();
        let mut counts = [0; 20];
        for step in 0..3000 {
            let grows = if step % 600 < 300 { 0.7 } else { 0.3 };
            if chance.f64() < grows || in_progress.is_empty() {
                let lowest = counts.iter().min().copied().unwrap();
                let asked = shards.ask(chance.usize(..shards.number()));
                assert_eq!(counts[asked.target], lowest, "step {step}: {counts:?}");
                counts[asked.target] += 1;
                in_progress.push(asked);
            } else {
                let asked = in_progress.swap_remove(chance.usize(..in_progress.len()));
                counts[shards.answer(asked)] -= 1;
            }
            let told: Vec<u32> = shards.group().targets.iter().map(|target| target.state.outstanding()).collect();
            assert_eq!(told, counts);
        }
    }
}

#[test]
fn least_outstanding_requests_lets_equals_take_turns() {
    let mut shards = Shards::new(2, None, config_of(40, attributes(Algorithm::LeastOutstandingRequests)));
    let mut chance = fastrand::Rng::with_seed(5);
    assert_eq!(shards.counts(400, &mut chance), [10; 40]);
    // Two neighbours and one far away are idle, the others are not: each gets a third.
    let mut busy: Vec<_> = (0..40).map(|_| shards.ask(0)).collect();
    for idle in [3, 4, 30] {
        let asked = busy.swap_remove(busy.iter().position(|asked| asked.target == idle).unwrap());
        shards.answer(asked);
    }
    let counts = shards.counts(300, &mut chance);
    assert_eq!((counts[3], counts[4], counts[30]), (100, 100, 100));
    // All have one request, and keep what they get: each gets one more.
    busy.extend((0..3).map(|_| shards.ask(1)));
    let mut again: Vec<usize> = (0..40).map(|n| shards.ask(n % 2)).map(|asked| asked.target).collect();
    again.sort_unstable();
    assert_eq!(again, Vec::from_iter(0..40));
}

#[test]
fn least_outstanding_requests_asks_only_those_that_are_healthy() {
    let mut shards = Shards::new(2, None, config_of(4, attributes(Algorithm::LeastOutstandingRequests)));
    shards.hurt(&[0, 2]);
    let mut targets: Vec<usize> = (0..10).map(|n| shards.ask(n % 2).target).collect();
    targets.sort_unstable();
    assert_eq!(targets, [1, 1, 1, 1, 1, 3, 3, 3, 3, 3]);
    shards.heal(&[0]);
    assert_eq!((0..5).map(|n| shards.ask(n % 2).target).collect::<Vec<_>>(), [0; 5]);
}

#[test]
fn weighted_random_is_even_by_chance() {
    let mut shards = Shards::new(2, None, config_of(10, attributes(Algorithm::WeightedRandom)));
    let mut chance = fastrand::Rng::with_seed(6);
    let counts = shards.counts(20_000, &mut chance);
    // 2000 each; the standard deviation is 42.
    assert!(counts.iter().all(|count| (1800..2200).contains(count)), "{counts:?}");
    let order: Vec<usize> = (0..100).map(|_| shards.serve(0)).collect();
    let in_turn = order.windows(2).filter(|pair| pair[1] == (pair[0] + 1) % 10).count();
    assert!(in_turn < 30, "by chance, not in turn: {order:?}");
}

#[test]
fn weights_decide_while_anomalies_are_mitigated_and_not_otherwise() {
    let mitigating = GroupAttributes { anomaly_mitigation: true, ..attributes(Algorithm::WeightedRandom) };
    for (attributes, decides) in [
        (mitigating.clone(), true),
        (attributes(Algorithm::WeightedRandom), false),
        (GroupAttributes { algorithm: Algorithm::RoundRobin, ..mitigating }, false),
    ] {
        let mut shards = Shards::new(2, None, config_of(5, attributes));
        let mut chance = fastrand::Rng::with_seed(7);
        let even = shards.counts(5000, &mut chance);
        assert!(even.iter().all(|count| (850..1150).contains(count)), "{even:?}");
        shards.group().targets[1].state.set_weight(100);
        shards.group().targets[3].state.set_weight(0);
        shards.group().state.changed();
        let counts = shards.counts(31_000, &mut chance);
        if decides {
            assert!(counts[3] == 0 && (900..1100).contains(&counts[1]), "{counts:?}");
            assert!([0, 2, 4].iter().all(|&n| (9600..10_400).contains(&counts[n])), "{counts:?}");
        } else {
            assert!(counts.iter().all(|count| (5900..6500).contains(count)), "{counts:?}");
        }
    }
}

#[test]
fn without_any_weight_all_are_equal() {
    let attributes = GroupAttributes { anomaly_mitigation: true, ..attributes(Algorithm::WeightedRandom) };
    let mut shards = Shards::new(1, None, config_of(4, attributes));
    shards.group().targets.iter().for_each(|target| target.state.set_weight(0));
    shards.group().state.changed();
    let counts = shards.counts(4000, &mut fastrand::Rng::with_seed(8));
    assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
}

#[test]
fn the_algorithm_changes_while_requests_are_in_progress_and_their_counts_remain() {
    let mut shards = Shards::new(2, None, config_of(3, attributes(Algorithm::RoundRobin)));
    let asked: Vec<_> = (0..5).map(|n| shards.ask(n % 2)).collect();
    assert_eq!(asked.iter().map(|asked| asked.target).collect::<Vec<_>>(), [0, 1, 2, 0, 1]);
    shards.reload(config_of(3, attributes(Algorithm::LeastOutstandingRequests)));
    assert_eq!(shards.ask(0).target, 2, "it has one, the others have two");
    shards.reload(config_of(3, attributes(Algorithm::RoundRobin)));
    let counts = shards.counts(300, &mut fastrand::Rng::with_seed(9));
    assert_eq!(counts, [100; 3]);
    shards.reload(config_of(3, attributes(Algorithm::WeightedRandom)));
    assert!(spread(&shards.counts(300, &mut fastrand::Rng::with_seed(9))) > 1);
    assert_eq!(shards.group().targets.iter().map(|target| target.state.outstanding()).sum::<u32>(), 6);
    assert_eq!(Arc::strong_count(&shards.config), 3);
}

#[test]
fn a_health_that_changes_decides_about_the_next_request_of_every_shard() {
    for algorithm in [Algorithm::RoundRobin, Algorithm::LeastOutstandingRequests, Algorithm::WeightedRandom] {
        let mut shards = Shards::new(4, None, config_of(2, attributes(algorithm)));
        shards.counts(20, &mut fastrand::Rng::with_seed(10));
        for round in 0..10 {
            let (well, ill) = (round % 2, 1 - round % 2);
            shards.heal(&[well]);
            shards.hurt(&[ill]);
            for shard in 0..4 {
                assert_eq!(shards.serve(shard), well, "{algorithm:?}, round {round}, shard {shard}");
            }
        }
    }
}
