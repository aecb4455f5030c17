//! Target-group health (guide TGH-01 to TGH-10, XZ-07), whether zones are ready for clients, and the gauges that tell of it
//! (MET-20, MET-25, MET-28).

mod target_support;

use sluicegate::config::{Config, GroupAttributes, HealthCheck, HostCounts, ZoneStates};
use sluicegate::rules::GroupId;
use sluicegate::target::health::Status;
use sluicegate::target::{Algorithm, Health, MinimumHealthy};
use target_support::{Shards, UNHEALTHY, config, config_of, with_another_group};

const GROUP: GroupId = GroupId(0);

fn dns(count: Option<u32>, percentage: Option<u8>, cross_zone: bool) -> GroupAttributes {
    GroupAttributes { dns_failover: MinimumHealthy { count, percentage }, cross_zone, ..GroupAttributes::default() }
}

fn set(config: &Config, group: usize, targets: &[usize], health: Health) {
    targets.iter().for_each(|&target| config.groups[group].targets[target].state.set_health(health));
    config.groups[group].state.changed();
}

fn hurt(config: &Config, targets: &[usize]) {
    set(config, 0, targets, UNHEALTHY);
}

fn heal(config: &Config, targets: &[usize]) {
    set(config, 0, targets, Health::HEALTHY);
}

/// Ready or not, whether because all zones are out, and the numbers of the groups that lack healthy targets.
fn readiness(config: &Config, zone: Option<&str>) -> (bool, bool, Vec<(usize, usize, usize)>) {
    let readiness = config.readiness(0, zone);
    let numbers = readiness.breaches.iter().map(|health| (health.healthy, health.registered, health.needed_for_dns));
    (readiness.is_ready(), readiness.fails_open, numbers.collect())
}

const READY: (bool, bool, Vec<(usize, usize, usize)>) = (true, false, Vec::new());

#[test]
fn the_worked_example_of_the_guide() {
    let half = MinimumHealthy { count: None, percentage: Some(50) };
    let attributes = |cross_zone| GroupAttributes {
        dns_failover: half,
        unhealthy_state_routing: half,
        cross_zone,
        ..GroupAttributes::default()
    };
    let zones = [["A"; 10], ["B"; 10]].concat();
    let ill = [10, 11, 12, 13, 14, 15];
    let (in_a, in_b, well): (Vec<usize>, Vec<usize>, Vec<usize>) =
        ((0..10).collect(), (10..20).collect(), (0..20).filter(|target| !ill.contains(target)).collect());

    for (cross_zone, zone, ready, served) in [
        (false, "A", READY, &in_a),
        (false, "B", (false, false, vec![(4, 10, 5)]), &in_b),
        (true, "A", READY, &well),
        (true, "B", READY, &well),
    ] {
        let mut shards = Shards::new(2, Some(zone), config(&zones, attributes(cross_zone)));
        shards.hurt(&ill);
        assert_eq!(readiness(&shards.config, Some(zone)), ready, "zone {zone}, cross-zone {cross_zone}");
        let counts = shards.counts(served.len() * 10, &mut fastrand::Rng::with_seed(1));
        let expected: Vec<usize> = (0..20).map(|target| if served.contains(&target) { 10 } else { 0 }).collect();
        assert_eq!(counts, expected, "zone {zone}, cross-zone {cross_zone}");
        let health = shards.config.group_health(GROUP, Some(zone)).expect("the group");
        let numbers = (health.healthy, health.registered, health.needed_for_routing);
        assert_eq!(
            numbers,
            if cross_zone {
                (14, 20, 10)
            } else if zone == "A" {
                (10, 10, 5)
            } else {
                (4, 10, 5)
            }
        );
        assert_eq!(health.suffices_for_routing(), zone == "A" || cross_zone);
    }
}

#[test]
fn by_default_one_healthy_target_is_enough() {
    let config = config(&["a", "a", "b", "b"], GroupAttributes::default());
    hurt(&config, &[0, 1, 2]);
    assert_eq!(readiness(&config, Some("a")), READY);
    assert!(config.group_health(GROUP, None).is_some_and(|health| health.suffices_for_routing()));
    hurt(&config, &[3]);
    let health = config.group_health(GROUP, Some("a")).expect("the group");
    assert!(!health.suffices_for_dns() && !health.suffices_for_routing());
    assert_eq!(readiness(&config, Some("a")), (true, true, vec![(0, 4, 1)]), "all zones are out, so all are in");
}

#[test]
fn a_zone_is_out_below_the_count_or_the_percentage_of_its_own_targets() {
    let zones = [["a"; 5], ["b"; 5]].concat();
    for (count, percentage, healthy, needed) in [
        (Some(3), None, 3, None),
        (Some(3), None, 2, Some(3)),
        (None, Some(60), 3, None),
        (None, Some(60), 2, Some(3)),
        (None, Some(61), 3, Some(4)),
        (Some(4), Some(20), 3, Some(4)),
        (Some(1), Some(80), 3, Some(4)),
        (Some(1), Some(80), 4, None),
        (None, Some(100), 5, None),
        (None, Some(100), 4, Some(5)),
    ] {
        let config = config(&zones, dns(count, percentage, false));
        hurt(&config, &Vec::from_iter(healthy..5));
        let expected = needed.map_or(READY, |needed| (false, false, vec![(healthy, 5, needed)]));
        assert_eq!(readiness(&config, Some("a")), expected, "{count:?} {percentage:?}");
        assert_eq!(readiness(&config, Some("b")), READY);
    }
}

#[test]
fn with_cross_zone_load_balancing_the_targets_of_all_zones_count() {
    let zones = [["a"; 5], ["b"; 5]].concat();
    let config = config(&zones, dns(Some(4), Some(50), true));
    hurt(&config, &[0, 1, 2, 3, 4]);
    assert_eq!(readiness(&config, Some("a")), READY);
    hurt(&config, &[5]);
    for zone in ["a", "b"] {
        assert_eq!(readiness(&config, Some(zone)), (true, true, vec![(4, 10, 5)]));
    }
}

#[test]
fn a_zone_without_a_healthy_target_of_its_own_is_out_whatever_the_thresholds() {
    let config = config(&["a", "a", "b"], dns(None, None, false));
    hurt(&config, &[0]);
    assert_eq!(readiness(&config, Some("a")), READY);
    hurt(&config, &[1]);
    assert_eq!(readiness(&config, Some("a")), (false, false, vec![(0, 2, 1)]));
    assert_eq!(readiness(&config, Some("b")), READY);
    assert_eq!(readiness(&config, Some("c")), (false, false, vec![(0, 0, 1)]), "a zone without targets");
    heal(&config, &[0]);
    assert_eq!(readiness(&config, Some("a")), READY);
}

#[test]
fn thresholds_that_are_off_take_no_zone_out_with_cross_zone_load_balancing() {
    let config = config(&["a", "b"], dns(None, None, true));
    hurt(&config, &[0, 1]);
    assert_eq!(readiness(&config, Some("a")), READY);
}

#[test]
fn if_all_zones_are_out_all_are_ready_again() {
    let config = config(&["a", "a", "b", "b", "c"], dns(Some(2), None, false));
    // Zone c never has two, b loses one, a is the last.
    assert_eq!(readiness(&config, Some("c")), (false, false, vec![(1, 1, 2)]));
    hurt(&config, &[2]);
    assert_eq!(readiness(&config, Some("b")), (false, false, vec![(1, 2, 2)]));
    assert_eq!(readiness(&config, Some("a")), READY);
    hurt(&config, &[0]);
    for (zone, numbers) in [("a", (1, 2, 2)), ("b", (1, 2, 2)), ("c", (1, 1, 2))] {
        assert_eq!(readiness(&config, Some(zone)), (true, true, vec![numbers]));
    }
    heal(&config, &[2]);
    assert_eq!(readiness(&config, Some("b")), READY);
    assert_eq!(readiness(&config, Some("a")), (false, false, vec![(1, 2, 2)]));
}

#[test]
fn a_node_without_a_zone_counts_all_targets_and_is_alone() {
    let config = config(&["a", "b", "b"], dns(Some(2), None, false));
    hurt(&config, &[0]);
    assert_eq!(readiness(&config, None), READY);
    hurt(&config, &[1]);
    assert_eq!(readiness(&config, None), (true, true, vec![(1, 3, 2)]));
}

#[test]
fn one_group_that_lacks_healthy_targets_takes_the_zone_out_for_all_groups() {
    let local = || dns(Some(1), None, false);
    let config = with_another_group(config(&["a", "b"], local()), config(&["a", "b"], local()));
    set(&config, 1, &[0], UNHEALTHY);
    let readiness = config.readiness(0, Some("a"));
    assert!(!readiness.is_ready());
    assert_eq!(readiness.breaches.len(), 1);
    assert_eq!(readiness.breaches[0].group.logical_id, "TargetsOther");
    // Each group takes another zone out: all are out, and all ready.
    set(&config, 0, &[1], UNHEALTHY);
    for (zone, group) in [("a", "TargetsOther"), ("b", "Targets")] {
        let readiness = config.readiness(0, Some(zone));
        assert!(readiness.is_ready() && readiness.fails_open);
        assert_eq!(readiness.breaches.iter().map(|health| &*health.group.logical_id).collect::<Vec<_>>(), [group]);
    }
}

#[test]
fn groups_that_no_listener_of_the_load_balancer_uses_do_not_matter() {
    let mut config =
        with_another_group(config_of(1, GroupAttributes::default()), config_of(1, GroupAttributes::default()));
    set(&config, 1, &[0], UNHEALTHY);
    assert_eq!(config.readiness(0, None).breaches.len(), 1);
    config.listeners.pop();
    assert!(config.readiness(0, None).breaches.is_empty());
    assert!(config.user_of(GroupId(1)).is_none() && config.user_of(GROUP).is_some());
    config.listeners.clear();
    hurt(&config, &[0]);
    assert!(config.readiness(0, None).breaches.is_empty(), "no group is used, none lacks anything");
}

#[test]
fn a_group_without_targets_is_not_healthy() {
    for (count, percentage, needed) in [(Some(1), None, Some(1)), (None, Some(50), Some(1)), (None, None, None)] {
        let config =
            with_another_group(config_of(1, GroupAttributes::default()), config_of(0, dns(count, percentage, true)));
        let needs: Vec<usize> =
            config.readiness(0, Some("a")).breaches.iter().map(|health| health.needed_for_dns).collect();
        assert_eq!(needs, Vec::from_iter(needed), "{count:?} {percentage:?}");
    }
}

#[test]
fn without_checks_all_targets_are_in_service() {
    let mut config = config(&["a", "b"], dns(Some(2), Some(100), true));
    hurt(&config, &[0, 1]);
    config.groups[0].health_check = HealthCheck::disabled();
    assert_eq!(readiness(&config, Some("a")), READY);
    assert_eq!(config.host_counts(GROUP, None), HostCounts::default());
}

#[test]
fn targets_of_zones_that_are_not_enabled_get_nothing_and_are_not_counted() {
    let build = || {
        let mut config = config(&["a", "b", "c", "c"], dns(Some(2), None, true));
        config.load_balancers[0].zones = Some(vec!["a".to_owned(), "b".to_owned()]);
        config
    };
    let mut shards = Shards::new(2, Some("a"), build());
    assert_eq!(shards.counts(40, &mut fastrand::Rng::with_seed(1)), [20, 20, 0, 0]);
    assert_eq!(shards.config.zones(0), ["a", "b"]);
    shards.hurt(&[1]);
    assert_eq!(shards.counts(40, &mut fastrand::Rng::with_seed(1)), [40, 0, 0, 0]);
    assert_eq!(readiness(&shards.config, Some("a")), (true, true, vec![(1, 2, 2)]));
    shards.hurt(&[0]);
    assert_eq!(shards.counts(40, &mut fastrand::Rng::with_seed(1)), [20, 20, 0, 0]);
    assert_eq!(
        shards.config.host_counts(GROUP, None).health.map(|health| (health.healthy, health.unhealthy)),
        Some((0, 2))
    );
    let mut open = build();
    open.load_balancers[0].zones = None;
    shards.reload(open);
    assert_eq!(shards.counts(40, &mut fastrand::Rng::with_seed(1)), [0, 0, 20, 20]);
    assert_eq!(shards.config.zones(0), ["a", "b", "c"]);
}

#[test]
fn deregistered_targets_count_no_more() {
    let config = config_of(4, dns(None, Some(50), true));
    hurt(&config, &[0, 1, 2]);
    assert_eq!(readiness(&config, Some("a")), (true, true, vec![(1, 4, 2)]));
    config.groups[0].targets[0].state.deregister(sluicegate::time::Mono::from_nanos(1));
    config.groups[0].targets[1].state.deregister(sluicegate::time::Mono::from_nanos(1));
    assert_eq!(readiness(&config, Some("a")), READY);
    assert_eq!(config.host_counts(GROUP, None).health.map(|health| (health.healthy, health.unhealthy)), Some((1, 1)));
}

#[test]
fn the_states_of_zones_are_counted_for_dns_and_for_routing() {
    let attributes = GroupAttributes {
        dns_failover: MinimumHealthy { count: Some(2), percentage: None },
        ..dns(Some(2), None, false)
    };
    let config = config(&["a", "a", "b", "b", "c", "c"], attributes);
    let states = |zone| {
        let ZoneStates { healthy_dns, unhealthy_dns, healthy_routing, unhealthy_routing } =
            config.zone_states(GROUP, zone);
        [healthy_dns, unhealthy_dns, healthy_routing, unhealthy_routing]
    };
    assert_eq!(states(None), [3, 0, 3, 0]);
    hurt(&config, &[0, 2, 3]);
    assert_eq!(states(Some("a")), [0, 1, 1, 0]);
    assert_eq!(states(Some("b")), [0, 1, 0, 1]);
    assert_eq!(states(Some("c")), [1, 0, 1, 0]);
    assert_eq!(states(None), [1, 2, 2, 1]);
    heal(&config, &[0, 2]);
    assert_eq!(states(None), [2, 1, 3, 0]);
}

#[test]
fn without_zones_there_is_one_state() {
    let mut config = config_of(2, GroupAttributes::default());
    config.groups[0].targets.iter_mut().for_each(|target| target.zone = None);
    let one = ZoneStates { healthy_dns: 1, healthy_routing: 1, ..ZoneStates::default() };
    assert_eq!(config.zone_states(GROUP, None), one);
    hurt(&config, &[0, 1]);
    let none = ZoneStates { unhealthy_dns: 1, unhealthy_routing: 1, ..ZoneStates::default() };
    assert_eq!(config.zone_states(GROUP, None), none);
}

#[test]
fn hosts_are_counted_by_group_and_zone() {
    let config = config(&["a", "a", "a", "b", "b"], GroupAttributes::default());
    let health = |zone| config.host_counts(GROUP, zone).health.map(|health| (health.healthy, health.unhealthy));
    assert_eq!((health(None), health(Some("a")), health(Some("b"))), (Some((5, 0)), Some((3, 0)), Some((2, 0))));
    hurt(&config, &[0, 3]);
    set(&config, 0, &[1], Health { status: Status::Initial, streak: 1 });
    set(&config, 0, &[4], Health::NEW);
    assert_eq!((health(None), health(Some("a")), health(Some("b"))), (Some((1, 2)), Some((1, 1)), Some((0, 1))));
    assert_eq!(health(Some("c")), Some((0, 0)));
}

#[test]
fn hosts_with_anomalies_and_those_that_get_less_for_it_are_counted() {
    for (algorithm, anomaly_mitigation, mitigated) in [
        (Algorithm::WeightedRandom, true, (2, 1)),
        (Algorithm::WeightedRandom, false, (0, 0)),
        (Algorithm::RoundRobin, true, (0, 0)),
    ] {
        let attributes = GroupAttributes { algorithm, anomaly_mitigation, ..GroupAttributes::default() };
        let config = config(&["a", "a", "b", "b"], attributes);
        let targets = &config.groups[0].targets;
        let counts = |zone| config.host_counts(GROUP, zone);
        assert_eq!((counts(None).anomalous, counts(None).mitigated), (0, 0));
        targets[0].state.set_anomalous(true);
        targets[0].state.set_weight(100);
        // One that recovers: normal, and not yet back at parity.
        targets[2].state.set_weight(999);
        targets[3].state.set_anomalous(true);
        assert_eq!((counts(None).anomalous, counts(None).mitigated), (2, mitigated.0), "{algorithm:?}");
        assert_eq!((counts(Some("a")).anomalous, counts(Some("a")).mitigated), (1, mitigated.1));
        assert_eq!(counts(Some("c")).anomalous, 0);
    }
}
