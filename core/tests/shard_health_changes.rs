//! What health checks change, and what changes them: who gets requests, slow start, reloads, shards that come and go, memory.

mod health_support;

use std::sync::Arc;

use health_support::{Manner, World, address, config, ends, health, second, seconds, state};
use sluicegate::buffer::PAGE;
use sluicegate::config::{Config, HealthCheck};
use sluicegate::rules::{Action, Forward, GroupId, Ruleset, WeightedGroup};
use sluicegate::shard::{Log, Options};
use sluicegate::target::Health;
use sluicegate::target::health::{Failure, Status};
use sluicegate::time::Mono;

fn check() -> HealthCheck {
    HealthCheck { interval: seconds(10), ..HealthCheck::default() }
}

/// Every target of the group has been checked again when this has passed.
const ROUND: u64 = 11;

fn unhealthy_on_the_first_failure(ports: &[u16]) -> Config {
    config(ports, HealthCheck { unhealthy_threshold: 1, healthy_threshold: 1, ..check() })
}

// Who gets requests.

#[test]
fn only_healthy_targets_get_requests_and_all_do_when_none_is_healthy() {
    let config = Arc::new(unhealthy_on_the_first_failure(&[9001, 9002, 9003]));
    let mut world = World::new(&config);
    assert_eq!(world.served_by(9), [9001, 9002, 9003]);
    for (port, left) in [(9001, &[9002, 9003][..]), (9002, &[9003]), (9003, &[9001, 9002, 9003])] {
        world.manners.insert(address(port), Manner::status(500));
        world.pass(ROUND);
        assert_eq!(world.served_by(9), left);
    }
    world.manners.clear();
    world.pass(ROUND);
    assert_eq!(world.served_by(9), [9001, 9002, 9003]);
}

#[test]
fn targets_whose_first_check_is_under_way_get_requests_only_while_there_is_no_healthy_one() {
    let config = Arc::new(config(&[9001, 9002], check()));
    let mut world = World::empty(&config, 1, Options::default());
    world.manners.insert(address(9001), Manner::Absent);
    world.manners.insert(address(9002), Manner::Absent);
    world.begin();
    let [(_, first), (_, _)] = world.open[..] else { panic!("two checks") };
    assert_eq!(world.served_by(4), [9001, 9002]);
    world.turn(0, |turn| turn.dialed(first, Ok(ends())));
    world.say(0, first, Manner::OK);
    assert_eq!(world.served_by(4), [9001]);
}

#[test]
fn a_registered_target_gets_requests_as_soon_as_its_first_check_has_passed() {
    let old = Arc::new(config(&[9001], check()));
    let mut world = World::new(&old);
    world.pass(60);
    world.manners.insert(address(9002), Manner::SaysAndStays(Vec::new()));
    let new = world.reload(&old, config(&[9001, 9002], check()));
    world.turn(0, |_| ());
    assert_eq!((world.times(address(9002)), health(&new, 1).status), (vec![second(1060)], Status::Initial));
    assert_eq!(world.served_by(4), [9001]);
    let (shard, wire) = *world.open.last().expect("its check");
    world.say(shard, wire, Manner::OK);
    assert_eq!(world.served_by(4), [9001, 9002]);
}

#[test]
fn checks_are_in_no_log() {
    let config = Arc::new(config(&[9001], check()));
    let mut options = Options::default();
    options.access_log = true;
    let mut world = World::of(&config, 1, options);
    world.pass(100);
    assert!(world.checks.len() >= 10);
    let lines = |world: &mut World| {
        world.turn(0, |turn| turn.journal(Log::Access).pending().iter().filter(|&&byte| byte == b'\n').count())
    };
    assert_eq!(lines(&mut world), Some(0));
    world.request(0);
    assert_eq!(lines(&mut world), Some(1));
}

// Slow start.

fn slow(ports: &[u16]) -> Config {
    let mut config = unhealthy_on_the_first_failure(ports);
    config.groups[0].attributes.slow_start = seconds(60);
    config
}

#[test]
fn targets_that_are_registered_together_do_not_start_slowly() {
    let config = Arc::new(slow(&[9001, 9002]));
    let mut world = World::new(&config);
    world.pass(ROUND);
    assert!((0..2).all(|target| health(&config, target).is_healthy() && state(&config, target).ramp().is_none()));
}

#[test]
fn a_target_that_joins_healthy_ones_starts_slowly_from_the_moment_it_is_healthy() {
    let old = Arc::new(slow(&[9001]));
    let mut world = World::new(&old);
    world.pass(100);
    world.manners.insert(address(9002), Manner::SaysAndStays(Vec::new()));
    let new = world.reload(&old, slow(&[9001, 9002]));
    world.turn(0, |_| ());
    world.pass(2);
    assert_eq!(state(&new, 1).ramp(), None);
    let (shard, wire) = *world.open.last().expect("its check");
    world.say(shard, wire, Manner::OK);
    assert_eq!(state(&new, 1).ramp(), Some(second(1102)));
    assert_eq!(state(&new, 0).ramp(), None);
}

#[test]
fn slow_start_ends_with_a_failure_and_begins_anew_with_the_next_success() {
    let config = Arc::new(slow(&[9001, 9002]));
    let mut world = World::new(&config);
    let second_target = state(&config, 1);
    for _ in 0..2 {
        world.manners.insert(address(9002), Manner::status(500));
        world.pass(ROUND);
        assert_eq!((second_target.health().is_healthy(), second_target.ramp()), (false, None));
        world.manners.clear();
        world.pass(ROUND);
        let since = second_target.ramp().expect("it starts slowly");
        assert_eq!(Some(&since), world.times(address(9002)).last(), "it is healthy since that check");
    }
}

#[test]
fn slow_start_needs_another_target_that_is_healthy_and_not_itself_starting_slowly() {
    let config = Arc::new(slow(&[9001, 9002]));
    let mut world = World::new(&config);
    for port in [9001, 9002] {
        world.manners.insert(address(port), Manner::status(500));
    }
    world.pass(ROUND);
    world.manners.clear();
    world.pass(ROUND);
    let ramps = || [0, 1].map(|target| state(&config, target).ramp().is_some());
    // Neither was healthy when the first of them became so; the second then joined the first.
    let first = ramps().iter().position(|ramps| !ramps).expect("one does not");
    let other = 1 - first;
    assert!(ramps()[other]);
    // The first fails and comes back while the other still starts slowly: nobody is in full service, so it does not.
    world.manners.insert(address(9001 + first as u16), Manner::status(500));
    world.pass(ROUND);
    world.manners.clear();
    world.pass(ROUND);
    assert!(health(&config, first).is_healthy());
    assert_eq!(state(&config, first).ramp(), None);
    // Once the other's time is over, it is.
    world.pass(60);
    world.manners.insert(address(9001 + first as u16), Manner::status(500));
    world.pass(ROUND);
    world.manners.clear();
    world.pass(ROUND);
    assert!(state(&config, first).ramp().is_some());
}

#[test]
fn slow_start_that_is_switched_on_leaves_healthy_targets_alone() {
    let old = Arc::new(unhealthy_on_the_first_failure(&[9001, 9002]));
    let mut world = World::new(&old);
    world.pass(100);
    let new = world.reload(&old, slow(&[9001, 9002]));
    world.pass(100);
    assert!((0..2).all(|target| health(&new, target).is_healthy() && state(&new, target).ramp().is_none()));
}

#[test]
fn without_slow_start_nobody_starts_slowly() {
    let config = Arc::new(unhealthy_on_the_first_failure(&[9001, 9002]));
    let mut world = World::new(&config);
    world.manners.insert(address(9002), Manner::status(500));
    world.pass(ROUND);
    world.manners.clear();
    world.pass(ROUND);
    assert!(health(&config, 1).is_healthy() && state(&config, 1).ramp().is_none());
}

#[test]
fn a_target_that_is_registered_again_starts_slowly_again() {
    let first = Arc::new(slow(&[9001, 9002]));
    let mut world = World::new(&first);
    world.pass(100);
    let without = world.reload(&first, slow(&[9001]));
    let back = world.reload(&without, slow(&[9001, 9002]));
    assert_eq!((health(&back, 1), state(&back, 1).ramp()), (Health::NEW, None));
    world.turn(0, |_| ());
    assert_eq!(state(&back, 1).ramp(), Some(world.now));
}

// Reloads.

#[test]
fn a_reload_changes_neither_health_nor_times_of_targets_that_stay() {
    let times = |reloads: bool| {
        let mut current = Arc::new(config(&[9001], check()));
        let mut world = World::new(&current);
        for _ in 0..50 {
            world.pass(1);
            if reloads {
                current = world.reload(&current, config(&[9001], check()));
                assert_eq!(health(&current, 0), Health::HEALTHY);
            }
        }
        world.times(address(9001))
    };
    assert_eq!(times(true), times(false));
}

#[test]
fn new_settings_hold_from_the_next_check_on() {
    let old = Arc::new(config(&[9001], HealthCheck { unhealthy_threshold: 1, ..check() }));
    let mut world = World::empty(&old, 1, Options::default());
    world.manners.insert(address(9001), Manner::SaysAndStays(Vec::new()));
    world.begin();
    let settings = HealthCheck { path: "/new".to_owned(), timeout: seconds(2), unhealthy_threshold: 1, ..check() };
    let new = world.reload(&old, config(&[9001], settings));
    assert!(world.asked.starts_with("GET / "));
    // The check in progress has its five seconds.
    world.until(Mono::from_nanos(second(1005).nanos() - 1));
    assert_eq!(health(&new, 0).status, Status::Initial);
    world.until(second(1005));
    assert_eq!(health(&new, 0).status, Status::Unhealthy(Failure::Timeout));
    world.pass(10);
    assert!(world.asked.starts_with("GET /new "), "{}", world.asked);
}

#[test]
fn a_shorter_interval_is_kept_at_once_and_a_longer_one_from_the_next_check_on() {
    for (before, after, within) in [(300, 10, 10), (10, 300, 10)] {
        let settings = |interval| HealthCheck { interval: seconds(interval), ..check() };
        let old = Arc::new(config(&[9001], settings(before)));
        let mut world = World::new(&old);
        world.pass(601);
        let last = *world.times(address(9001)).last().expect("it was checked");
        world.reload(&old, config(&[9001], settings(after)));
        world.turn(0, |_| ());
        world.pass(700);
        let times = world.times(address(9001));
        let at = times.iter().position(|&at| at == last).expect("it is there");
        let latest = last.after(seconds(within)).max(second(1601));
        assert!(times[at + 1] <= latest, "{before} to {after}: {last:?} {times:?}");
        assert_eq!(times[at + 2].since(times[at + 1]), seconds(after));
    }
}

#[test]
fn the_check_of_a_target_that_is_removed_ends_and_changes_nothing() {
    for dialing in [true, false] {
        let old = Arc::new(config(&[9001, 9002], HealthCheck { unhealthy_threshold: 1, ..check() }));
        let mut world = World::empty(&old, 1, Options::default());
        let silent = if dialing { Manner::Absent } else { Manner::SaysAndStays(b"HTTP/1.1 2".to_vec()) };
        world.manners.insert(address(9001), silent);
        world.begin();
        assert_eq!(world.shard(0).census().probes, 1);
        let new = world.reload(&old, config(&[9002], HealthCheck { unhealthy_threshold: 1, ..check() }));
        let census = world.shard(0).census();
        assert_eq!((census.probes, census.backs, census.memory.lent), (0, 0, 0));
        assert!(world.open.is_empty());
        world.pass(100);
        assert_eq!(health(&old, 0).status, Status::Initial);
        assert_eq!(world.times(address(9001)).len(), 1);
        assert!(health(&new, 0).is_healthy());
    }
}

#[test]
fn an_outcome_that_comes_after_the_removal_was_decided_changes_nothing() {
    let old = Arc::new(config(&[9001], HealthCheck { unhealthy_threshold: 1, ..check() }));
    let mut world = World::empty(&old, 1, Options::default());
    world.manners.insert(address(9001), Manner::SaysAndStays(Vec::new()));
    world.begin();
    // The next configuration is there, and the shard has not heard of it yet.
    let _next = config(&[9002], check()).next(&old, world.now);
    let (shard, wire) = world.open[0];
    world.say(shard, wire, Manner::OK);
    assert_eq!(health(&old, 0).status, Status::Initial);
}

/// The listener of `config` forwards to the group of that number, which need not exist.
fn forwarding_to(mut config: Config, group: u32) -> Config {
    let action =
        Action::Forward(Forward { groups: vec![WeightedGroup { group: GroupId(group), weight: 0 }], stickiness: None });
    config.listeners[0].rules = Ruleset::new(Vec::new(), action).expect("no rules contradict each other");
    config
}

#[test]
fn only_groups_that_a_listener_forwards_to_are_checked_with_whatever_weight() {
    let unused = Arc::new(forwarding_to(config(&[9001], check()), 7));
    let mut world = World::new(&unused);
    world.pass(100);
    assert_eq!((world.checks.len(), world.next(0)), (0, None));
    // It comes into use.
    let used = world.reload(&unused, forwarding_to(config(&[9001], check()), 0));
    world.pass(100);
    assert_eq!(world.times(address(9001))[0], second(1100));
    assert!(health(&used, 0).is_healthy());
    // And leaves it.
    let checks = world.checks.len();
    let unused = world.reload(&used, forwarding_to(config(&[9001], check()), 7));
    world.pass(100);
    assert_eq!((world.checks.len(), world.next(0)), (checks, None));
    // Back in use it begins anew.
    world.manners.insert(address(9001), Manner::Absent);
    let used = world.reload(&unused, forwarding_to(config(&[9001], check()), 0));
    assert_eq!(health(&used, 0), Health::NEW);
    world.turn(0, |_| ());
    assert_eq!((health(&used, 0).status, world.checks.len()), (Status::Initial, checks + 1));
}

#[test]
fn targets_in_zones_that_are_not_enabled_are_not_checked_until_they_are() {
    let in_zones = |enabled: &[&str]| {
        let mut config = config(&[9001, 9002, 9003], check());
        config.load_balancers[0].zones = Some(enabled.iter().map(|&zone| zone.to_owned()).collect());
        config.groups[0].targets[0].zone = Some("a".to_owned());
        config.groups[0].targets[1].zone = Some("b".to_owned());
        config
    };
    let one = Arc::new(in_zones(&["a"]));
    let mut world = World::new(&one);
    world.pass(100);
    let checks = |world: &World| [9001, 9002, 9003].map(|port| world.times(address(port)).len());
    let [a, b, nowhere] = checks(&world);
    assert!(a >= 10 && b == 0 && nowhere >= 10);
    let both = world.reload(&one, in_zones(&["a", "b"]));
    world.pass(100);
    assert_eq!(world.times(address(9002))[0], second(1100));
    assert!(health(&both, 1).is_healthy());
    // It is not enabled any more, and then it is again: what was known is out of date.
    let one = world.reload(&both, in_zones(&["a"]));
    let before = checks(&world)[1];
    world.pass(100);
    assert_eq!(checks(&world)[1], before);
    let both = world.reload(&one, in_zones(&["a", "b"]));
    assert_eq!((health(&both, 0), health(&both, 1)), (Health::HEALTHY, Health::NEW));
    world.turn(0, |_| ());
    assert_eq!(checks(&world)[1], before + 1);
}

#[test]
fn checks_that_are_switched_off_end_and_begin_anew_when_they_are_switched_on() {
    let on = Arc::new(config(&[9001], check()));
    let mut world = World::empty(&on, 1, Options::default());
    world.manners.insert(address(9001), Manner::Absent);
    world.begin();
    let off = world.reload(&on, config(&[9001], HealthCheck::disabled()));
    assert_eq!(world.shard(0).census().probes, 0);
    world.pass(100);
    assert_eq!((world.checks.len(), world.next(0)), (1, None));
    world.manners.clear();
    let on = world.reload(&off, config(&[9001], check()));
    world.turn(0, |_| ());
    assert_eq!(health(&on, 0), Health::HEALTHY);
}

// Shards that come and go.

#[test]
fn one_shard_checks_for_all() {
    let config = Arc::new(config(&[9001, 9002], check()));
    let mut world = World::of(&config, 3, Options::default());
    world.pass(100);
    assert!(world.checks.len() >= 20);
    assert!(world.checks.iter().all(|check| check.shard == world.checks[0].shard));
    assert!(world.times(address(9001)).windows(2).all(|pair| pair[1].since(pair[0]) >= seconds(5)));
}

#[test]
fn another_shard_goes_on_within_a_second_when_the_one_that_checks_is_gone() {
    for offset in 0..10 {
        let config = Arc::new(config(&[9001], check()));
        let mut world = World::of(&config, 2, Options::default());
        world.pass(100 + offset);
        let holder = world.checks[0].shard;
        let last = *world.times(address(9001)).last().expect("it was checked");
        let gone = world.now;
        world.kill(holder);
        let before = world.checks.len();
        world.pass(20);
        let [first, second, ..] = world.checks[before..] else { panic!("it is not checked any more") };
        assert_eq!(first.shard, 1 - holder);
        // When it would have been anyway, but for the second without anybody.
        let due = last.after(seconds(10));
        assert!(first.at >= due && first.at <= due.max(gone.after(seconds(1))), "{gone:?} {last:?} {:?}", first.at);
        assert_eq!(second.at, due.after(seconds(10)));
    }
}

#[test]
fn a_shard_that_drains_hands_the_checks_over_and_keeps_nothing() {
    let config = Arc::new(config(&[9001, 9002], check()));
    let mut world = World::empty(&config, 2, Options::default());
    world.manners.insert(address(9001), Manner::Absent);
    world.manners.insert(address(9002), Manner::SaysAndStays(b"HTTP".to_vec()));
    world.begin();
    let holder = world.checks[0].shard;
    assert_eq!(world.shard(holder).census().probes, 2);
    world.turn(holder, |turn| turn.draining());
    let census = world.shard(holder).census();
    assert_eq!((census.probes, census.memory.lent), (0, 0));
    assert!(world.open.is_empty());
    world.manners.clear();
    world.pass(100);
    assert!(world.checks[2..].iter().all(|check| check.shard == 1 - holder));
    assert!((0..2).all(|target| health(&config, target).is_healthy()));
    // A new configuration does not make it check again.
    world.reload(&config, config_again());
    assert_eq!(world.next(holder), None);
}

fn config_again() -> Config {
    config(&[9001, 9002, 9003], check())
}

#[test]
fn a_configuration_that_shares_nothing_with_the_former_one_is_checked_from_the_start() {
    let old = Arc::new(config(&[9001], check()));
    let mut world = World::new(&old);
    let new = Arc::new(config(&[9001], check()));
    world.turn(0, |turn| drop(turn.reconfigured(Arc::clone(&new))));
    world.turn(0, |_| ());
    assert_eq!((health(&new, 0), world.checks.len()), (Health::HEALTHY, 2));
    // The right to check the old one is free again.
    assert!(sluicegate::config::Checking::take(&old.state).is_some());
    assert!(sluicegate::config::Checking::take(&new.state).is_none());
}

// Memory.

#[test]
fn checks_have_their_share_of_memory_and_leave_the_rest_to_requests() {
    let ports: Vec<u16> = (9001..=9010).collect();
    let config = Arc::new(config(&ports, HealthCheck { unhealthy_threshold: 1, ..check() }));
    let mut options = Options::default();
    // One page in sixteen is for checks: four of 64.
    options.memory_max = 64 * PAGE;
    let mut world = World::empty(&config, 1, options);
    for &port in &ports {
        world.manners.insert(address(port), Manner::SaysAndStays(b"HTTP/1.1 200".to_vec()));
    }
    world.begin();
    world.pass(1);
    let statuses: Vec<Status> = (0..10).map(|target| health(&config, target).status).collect();
    let starved = statuses.iter().filter(|&&status| status == Status::Unhealthy(Failure::Internal)).count();
    assert_eq!((starved, world.open.len()), (6, 4), "{statuses:?}");
    assert_eq!(world.shard(0).census().memory.metered, 4 * PAGE);
    // A request is served all the same.
    world.manners.insert(address(9001), Manner::status(200));
    let served = (0..10).filter(|_| world.request(0).is_some()).count();
    assert_eq!(served, 10);
    world.until(world.now.after(core::time::Duration::from_millis(4010)));
    assert_eq!(world.shard(0).census().memory.lent, 0);
}

// Errors are compared.

#[test]
fn the_shard_that_checks_compares_errors_every_five_seconds_and_says_what_it_found() {
    let mut config = config(&[9001, 9002, 9003], check());
    config.groups[0].attributes.algorithm = sluicegate::target::Algorithm::WeightedRandom;
    config.groups[0].attributes.anomaly_mitigation = true;
    let config = Arc::new(config);
    let mut world = World::of(&config, 2, Options::default());
    world.pass(1);
    let group = &config.groups[0];
    for (target, failed) in [(0, false), (1, false), (2, true)] {
        (0..10_000).for_each(|_| state(&config, target).tell(failed));
    }
    let version = group.state.version();
    world.until(Mono::from_nanos(second(1005).nanos() - 1));
    assert_eq!((group.state.version(), state(&config, 2).is_anomalous()), (version, false));
    world.until(second(1005));
    assert!(group.state.version() > version);
    assert!(state(&config, 2).is_anomalous() && state(&config, 2).weight() < 1000);
    assert!(!state(&config, 0).is_anomalous() && state(&config, 0).weight() == 1000);
    // The mitigation goes on from one look to the next, and is told.
    let weight = state(&config, 2).weight();
    world.pass(5);
    assert!(state(&config, 2).weight() < weight);
    let told = config.target_health(GroupId(0), world.now).remove(2).anomaly.expect("it is in use");
    assert!(told.is_anomalous && told.mitigation_in_effect);
}

#[test]
fn what_is_known_of_errors_outlives_a_reload() {
    let mitigating = || {
        let mut config = config(&[9001, 9002, 9003], HealthCheck::disabled());
        config.groups[0].attributes.algorithm = sluicegate::target::Algorithm::WeightedRandom;
        config.groups[0].attributes.anomaly_mitigation = true;
        config
    };
    // Without checks, too, errors are compared while they decide about requests.
    let old = Arc::new(mitigating());
    let mut world = World::new(&old);
    for (target, failed) in [(0, false), (1, false), (2, true)] {
        (0..10_000).for_each(|_| state(&old, target).tell(failed));
    }
    world.pass(5);
    assert!(state(&old, 2).is_anomalous());
    let weight = state(&old, 2).weight();
    let new = world.reload(&old, mitigating());
    world.pass(5);
    assert!(state(&new, 2).is_anomalous() && state(&new, 2).weight() < weight);
    assert!(world.checks.is_empty());
}
