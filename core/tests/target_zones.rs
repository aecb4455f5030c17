//! Zones (guide XZ-02, XZ-03, TG-13) and thresholds of routing (TGH-01 to TGH-03, TGH-06, TGH-08, HC-17): who of a group gets
//! requests, as they come through shards that share a configuration.

mod target_support;

use sluicegate::config::{Config, GroupAttributes, HealthCheck};
use sluicegate::target::{Algorithm, Eligible, MinimumHealthy, Node};
use sluicegate::time::Mono;
use target_support::{Asked, Shards, config, config_of};

fn local() -> GroupAttributes {
    GroupAttributes { cross_zone: false, ..GroupAttributes::default() }
}

fn needs(count: Option<u32>, percentage: Option<u8>) -> GroupAttributes {
    GroupAttributes { unhealthy_state_routing: MinimumHealthy { count, percentage }, ..GroupAttributes::default() }
}

/// Who gets requests: all targets that 60 requests reach.
fn served(shards: &mut Shards) -> Vec<usize> {
    let counts = shards.counts(60, &mut fastrand::Rng::with_seed(1));
    counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(target, _)| target).collect()
}

/// Who may get requests, and whether that is because too few are healthy.
fn eligible(config: &Config, node: Node<'_>) -> (Vec<usize>, bool) {
    let group = &config.groups[0];
    let checked = group.health_check.enabled;
    let eligible = Eligible::of(&group.targets, &group.attributes, checked, node, Mono::default());
    let who = (0..group.targets.len()).filter(|&target| eligible.has(target)).collect();
    (who, eligible.fails_open)
}

#[test]
fn a_node_uses_the_targets_of_its_zone_alone_without_cross_zone_load_balancing() {
    for (attributes, zone, expected) in [
        (local(), Some("a"), vec![0, 2]),
        (local(), Some("b"), vec![1]),
        (local(), None, vec![0, 1, 2]),
        (GroupAttributes::default(), Some("a"), vec![0, 1, 2]),
        (GroupAttributes::default(), Some("c"), vec![0, 1, 2]),
    ] {
        for shards in [1, 2, 4] {
            let mut shards = Shards::new(shards, zone, config(&["a", "b", "a"], attributes.clone()));
            assert_eq!(served(&mut shards), expected, "{attributes:?} {zone:?}");
        }
    }
}

#[test]
fn every_request_of_a_zone_without_targets_costs_a_503() {
    let mut shards = Shards::new(2, Some("c"), config(&["a", "b"], local()));
    for n in 0..20 {
        assert_eq!(shards.try_ask(n % 2).map(|asked: Asked| asked.target), Err(503));
    }
    shards.reload(config(&["a", "b", "c"], local()));
    assert_eq!(served(&mut shards), [2]);
    shards.reload(config(&["a", "b"], local()));
    assert_eq!(shards.try_ask(0).map(|asked| asked.target), Err(503));
}

#[test]
fn a_zone_whose_targets_are_all_ill_uses_them_and_not_those_of_other_zones() {
    let mut shards = Shards::new(2, Some("b"), config(&["a", "b", "b"], local()));
    shards.hurt(&[1]);
    assert_eq!(served(&mut shards), [2]);
    shards.hurt(&[2]);
    assert_eq!(served(&mut shards), [1, 2]);
    shards.heal(&[1]);
    assert_eq!(served(&mut shards), [1]);
}

#[test]
fn targets_of_zones_that_are_not_enabled_get_nothing() {
    let mut config = config(&["a", "b", "c", ""], GroupAttributes::default());
    config.groups[0].targets[3].zone = None;
    let zones = ["a".to_owned(), "b".to_owned()];
    let node = |zone, enabled| Node { zone, enabled };
    assert_eq!(eligible(&config, node(Some("a"), Some(&zones[..]))), (vec![0, 1, 3], false));
    assert_eq!(eligible(&config, node(None, Some(&zones[..1]))), (vec![0, 3], false));
    assert_eq!(eligible(&config, node(None, None)), (vec![0, 1, 2, 3], false));
    // Not even if all others are ill.
    for target in [0, 1, 3] {
        config.groups[0].targets[target].state.set_health(target_support::UNHEALTHY);
    }
    assert_eq!(eligible(&config, node(None, Some(&zones[..]))), (vec![0, 1, 3], true));
    assert_eq!(eligible(&config, node(None, None)), (vec![2], false));
    assert_eq!(eligible(&config, node(None, Some(&[]))), (vec![3], true));
}

#[test]
fn all_ill_means_all_get_requests_by_the_algorithm_until_one_is_well() {
    for algorithm in [Algorithm::RoundRobin, Algorithm::LeastOutstandingRequests, Algorithm::WeightedRandom] {
        let attributes = GroupAttributes { algorithm, ..GroupAttributes::default() };
        for shards in [1, 2, 4] {
            let mut shards = Shards::new(shards, None, config_of(4, attributes.clone()));
            assert_eq!(served(&mut shards), [0, 1, 2, 3]);
            shards.hurt(&[0, 1, 3]);
            assert_eq!(served(&mut shards), [2]);
            shards.hurt(&[2]);
            let counts = shards.counts(80, &mut fastrand::Rng::with_seed(1));
            match algorithm {
                Algorithm::WeightedRandom => assert!(counts.iter().all(|count| (5..40).contains(count)), "{counts:?}"),
                _ => assert_eq!(counts, [20; 4]),
            }
            shards.heal(&[3]);
            assert_eq!(served(&mut shards), [3]);
        }
    }
}

#[test]
fn targets_that_were_never_checked_get_requests_while_nobody_is_healthy() {
    let mut fresh = config_of(3, GroupAttributes::default());
    for target in &mut fresh.groups[0].targets {
        target.state.set_health(sluicegate::target::Health::NEW);
    }
    let mut shards = Shards::new(2, None, fresh);
    assert_eq!(served(&mut shards), [0, 1, 2]);
    shards.heal(&[1]);
    assert_eq!(served(&mut shards), [1]);
}

#[test]
fn without_checks_everybody_is_healthy() {
    let mut unchecked = config_of(3, needs(Some(3), Some(100)));
    unchecked.groups[0].health_check = HealthCheck::disabled();
    unchecked.groups[0].targets[0].state.set_health(target_support::UNHEALTHY);
    assert_eq!(eligible(&unchecked, Node::default()), (vec![0, 1, 2], false));
}

#[test]
fn routing_fails_open_below_the_count() {
    let mut shards = Shards::new(2, None, config_of(5, needs(Some(3), None)));
    shards.hurt(&[0, 4]);
    assert_eq!(served(&mut shards), [1, 2, 3]);
    assert!(!eligible(&shards.config, Node::default()).1);
    shards.hurt(&[2]);
    assert_eq!(served(&mut shards), [0, 1, 2, 3, 4]);
    assert!(eligible(&shards.config, Node::default()).1);
    shards.heal(&[4]);
    assert_eq!(served(&mut shards), [1, 3, 4]);
}

#[test]
fn routing_fails_open_below_the_percentage_of_registered_targets() {
    let mut shards = Shards::new(2, None, config_of(10, needs(None, Some(40))));
    shards.hurt(&[0, 1, 2, 3, 4, 5]);
    assert_eq!(served(&mut shards), [6, 7, 8, 9]);
    shards.hurt(&[6]);
    assert_eq!(served(&mut shards).len(), 10);
    // 3 of 7 are enough: the others are not registered any more.
    shards.reload(config_of(7, needs(None, Some(40))));
    shards.heal(&[0, 1, 2]);
    assert_eq!(served(&mut shards), [0, 1, 2]);
}

#[test]
fn either_threshold_is_enough_to_fail_open() {
    for (count, percentage, healthy, fails_open) in [
        (Some(2), Some(50), 5, false),
        (Some(6), Some(50), 5, true),
        (Some(2), Some(51), 5, true),
        (Some(6), Some(60), 6, false),
        (Some(7), Some(60), 6, true),
        (None, None, 1, false),
        (None, None, 0, true),
        (None, Some(1), 0, true),
        (Some(1), None, 1, false),
    ] {
        let config = config_of(10, needs(count, percentage));
        let ill = &config.groups[0].targets[healthy..];
        ill.iter().for_each(|target| target.state.set_health(target_support::UNHEALTHY));
        let expected = if fails_open { 10 } else { healthy };
        let (who, open) = eligible(&config, Node::default());
        assert_eq!((who.len(), open), (expected, fails_open), "{count:?} {percentage:?} {healthy}");
    }
}

#[test]
fn thresholds_are_of_the_zone_without_cross_zone_load_balancing_and_of_all_zones_with_it() {
    let zones = ["a", "a", "a", "a", "b", "b", "b", "b"];
    for (cross_zone, in_a, in_b) in
        [(false, vec![0, 1, 2, 3], vec![4, 5, 6, 7]), (true, vec![0, 1, 2, 3, 7], vec![0, 1, 2, 3, 7])]
    {
        for (zone, expected) in [("a", in_a), ("b", in_b)] {
            let attributes = GroupAttributes { cross_zone, ..needs(Some(2), Some(50)) };
            let mut shards = Shards::new(2, Some(zone), config(&zones, attributes));
            shards.hurt(&[4, 5, 6]);
            assert_eq!(served(&mut shards), expected, "{zone}, cross-zone {cross_zone}");
        }
    }
}

#[test]
fn who_was_deregistered_since_the_list_was_made_gets_nothing_more() {
    let shards = Shards::new(1, None, config_of(3, GroupAttributes::default()));
    let group = shards.group();
    group.targets[1].state.deregister(Mono::from_nanos(1));
    assert_eq!(eligible(&shards.config, Node::default()), (vec![0, 2], false));
    // They are not registered: of the two, one is half.
    group.targets[0].state.set_health(target_support::UNHEALTHY);
    let mut attributes = needs(None, Some(50));
    let of = |attributes: &GroupAttributes| {
        Eligible::of(&group.targets, attributes, true, Node::default(), Mono::default()).fails_open
    };
    assert!(!of(&attributes));
    attributes.unhealthy_state_routing.percentage = Some(51);
    assert!(of(&attributes));
    // All have left, and the configuration that says who serves instead is on its way: no request is lost.
    group.targets.iter().for_each(|target| target.state.deregister(Mono::from_nanos(1)));
    assert_eq!(eligible(&shards.config, Node::default()), (vec![1, 2], false));
}
