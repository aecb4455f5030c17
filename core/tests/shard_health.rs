//! Health checks, as targets notice them: when each begins, what it asks, how it is judged, and that nothing is left of it.

mod health_support;

use std::sync::Arc;
use std::time::Duration;

use health_support::{Manner, World, address, config, ends, health, second, seconds};
use sluicegate::config::{Config, HealthCheck};
use sluicegate::shard::{DialError, Options};
use sluicegate::target::health::{Failure, Status};
use sluicegate::target::{CheckPort, Health, Matcher};
use sluicegate::time::Mono;

fn check() -> HealthCheck {
    HealthCheck::default()
}

/// A world with one target that behaves so from its first check on.
fn meeting(manner: Manner, check: HealthCheck) -> (Arc<Config>, World) {
    let mut config = config(&[9001], check);
    // One failure is an outcome.
    config.groups[0].health_check.unhealthy_threshold = 1;
    let config = Arc::new(config);
    let mut world = World::empty(&config, 1, Options::default());
    world.manners.insert(address(9001), manner);
    world.begin();
    (config, world)
}

/// What the first check of a target that behaves so comes to. Nothing is left of it then.
fn first_outcome(manner: Manner) -> Status {
    let (config, mut world) = meeting(manner, check());
    world.pass(5);
    assert_eq!(world.checks.len(), 1);
    nothing_is_left(&world);
    health(&config, 0).status
}

fn nothing_is_left(world: &World) {
    assert!(world.open.is_empty(), "{:?}", world.open);
    let census = world.shard(0).census();
    assert_eq!((census.fronts, census.backs, census.probes, census.exchanges), (0, 0, 0, 0));
    assert_eq!((census.memory.lent, census.memory.metered, census.memory.admitted), (0, 0, 0));
}

#[test]
fn a_new_target_is_checked_at_once_and_one_success_brings_it_into_service() {
    let config = Arc::new(config(&[9001], check()));
    assert_eq!(health(&config, 0), Health::NEW);
    let world = World::new(&config);
    assert_eq!(world.times(address(9001)), [second(1000)]);
    assert_eq!(health(&config, 0), Health::HEALTHY);
    nothing_is_left(&world);
}

#[test]
fn a_target_is_initial_from_its_first_check_on() {
    let (config, _world) = meeting(Manner::Absent, check());
    assert_eq!(health(&config, 0).status, Status::Initial);
}

#[test]
fn the_check_is_the_request_that_captures_of_the_real_load_balancer_show() {
    let settings = HealthCheck { path: "/health?deep=1".to_owned(), port: CheckPort::Fixed(81), ..check() };
    let (_, world) = meeting(Manner::status(200), settings);
    let expected = "GET /health?deep=1 HTTP/1.1\r\nHost: 10.0.0.7:81\r\nConnection: close\r\n\
        User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n";
    assert_eq!(world.asked, expected);
    assert_eq!(world.checks[0].address, address(81));
}

#[test]
fn every_check_has_a_connection_of_its_own_that_is_closed_after_it() {
    let (_, mut world) = meeting(Manner::SaysAndStays(Manner::OK.to_vec()), check());
    nothing_is_left(&world);
    world.pass(100);
    assert_eq!(world.checks.len(), 4);
    nothing_is_left(&world);
}

#[test]
fn the_second_check_follows_after_a_random_part_of_the_interval_and_all_others_after_exactly_one() {
    let mut seconds_after = Vec::new();
    for seed in 0..200 {
        let config = Arc::new(config(&[9001], check()));
        let mut world = World::seeded(&config, 1, Options::default(), seed);
        world.begin();
        world.pass(200);
        let times = world.times(address(9001));
        let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        assert!(gaps.len() >= 6 && gaps[1..].iter().all(|&gap| gap == seconds(30)), "{gaps:?}");
        assert!((seconds(15)..=seconds(30)).contains(&gaps[0]), "{gaps:?}");
        seconds_after.push(gaps[0].as_secs());
    }
    assert!((15..30).all(|second| seconds_after.contains(&second)), "{seconds_after:?}");
}

#[test]
fn equal_seeds_give_equal_times() {
    let times = || {
        let config = Arc::new(config(&[9001, 9002], check()));
        let mut world = World::new(&config);
        world.pass(100);
        world.checks
    };
    assert_eq!(times(), times());
}

#[test]
fn how_long_an_answer_takes_does_not_move_the_next_check() {
    let settings = HealthCheck { interval: seconds(5), timeout: seconds(4), ..check() };
    let (config, mut world) = meeting(Manner::SaysAndStays(Vec::new()), settings);
    world.pass(5);
    assert_eq!(health(&config, 0).status, Status::Unhealthy(Failure::Timeout));
    let second = world.times(address(9001))[1];
    world.pass(60);
    let times = world.times(address(9001));
    assert!((1..times.len()).all(|n| times[n] == second.after(seconds(5) * (n as u32 - 1))), "{times:?}");
}

#[test]
fn a_check_that_takes_longer_than_the_interval_does_not_hold_up_the_next() {
    let settings = HealthCheck { interval: seconds(5), timeout: seconds(12), ..check() };
    let (_, mut world) = meeting(Manner::Absent, settings);
    world.pass(30);
    assert!((6..=8).contains(&world.checks.len()), "{:?}", world.checks);
    assert!((2..=3).contains(&world.open.len()), "{:?}", world.open);
}

#[test]
fn a_turn_that_comes_late_does_not_move_the_checks_after_it() {
    let (_, mut world) = meeting(Manner::status(200), check());
    let planned = world.next(0).expect("a time");
    world.until(Mono::from_nanos(planned.nanos() - 5_000_000_001));
    let due = loop {
        let due = world.next(0).expect("a time");
        world.now = due;
        world.turn(0, |_| ());
        if world.checks.len() == 2 {
            break due;
        }
    };
    // Nobody calls the shard for 33 s.
    world.now = due.after(seconds(33));
    world.turn(0, |_| ());
    assert_eq!(world.checks.len(), 3);
    world.until(due.after(seconds(60)));
    assert_eq!(world.checks[3].at, due.after(seconds(60)));
    // Nor for nearly ten intervals: they are not made up for, and no check follows another at once.
    let late = due.after(seconds(360 - 1));
    world.now = late;
    world.turn(0, |_| ());
    assert_eq!(world.checks.len(), 5);
    world.until(late.after(seconds(30)));
    assert_eq!(world.times(address(9001))[5..], [late.after(seconds(30))]);
}

#[test]
fn an_answer_within_the_timeout_is_one_and_at_its_end_it_is_not() {
    for (early, expected) in [(1, Status::Healthy), (0, Status::Unhealthy(Failure::Timeout))] {
        let (config, mut world) = meeting(Manner::SaysAndStays(Vec::new()), check());
        let (shard, wire) = world.open[0];
        let end = second(1000 + 5);
        world.now = Mono::from_nanos(end.nanos() - early);
        world.say(shard, wire, Manner::OK);
        assert_eq!(health(&config, 0).status, expected);
        world.pass(1);
        nothing_is_left(&world);
    }
}

#[test]
fn the_timeout_counts_from_the_beginning_of_the_connection_attempt() {
    let (config, mut world) = meeting(Manner::Absent, check());
    let (shard, wire) = world.open[0];
    world.pass(4);
    world.turn(shard, |turn| turn.dialed(wire, Ok(ends())));
    world.until(Mono::from_nanos(second(1005).nanos() - 1));
    assert_eq!(health(&config, 0).status, Status::Initial);
    world.until(second(1005));
    assert_eq!(health(&config, 0).status, Status::Unhealthy(Failure::Timeout));
    nothing_is_left(&world);
}

#[test]
fn a_head_that_is_not_whole_by_the_end_of_the_timeout_is_no_answer() {
    assert_eq!(
        first_outcome(Manner::SaysAndStays(b"HTTP/1.1 200 OK\r\nA: b\r\n".to_vec())),
        Status::Unhealthy(Failure::Timeout)
    );
}

#[test]
fn a_target_that_cannot_be_reached_or_says_nothing_that_makes_sense_has_failed() {
    let failed = Status::Unhealthy(Failure::Failed);
    for manner in [
        Manner::Fails(DialError::Refused),
        Manner::Fails(DialError::Unreachable),
        Manner::Resets,
        Manner::says(""),
        Manner::says("HTTP/1.1 200 OK\r\nA: b\r\n"),
        Manner::says("nonsense\r\n\r\n"),
        Manner::says("HTTP/2.0 200 OK\r\n\r\n"),
        Manner::says("HTTP/1.1 99 X\r\n\r\n"),
        Manner::says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        Manner::says("HTTP/1.1 100 Continue\r\n\r\n"),
        Manner::says("SSH-2.0-OpenSSH_9.9\r\n"),
    ] {
        assert_eq!(first_outcome(manner.clone()), failed, "{manner:?}");
    }
    assert_eq!(first_outcome(Manner::Fails(DialError::TimedOut)), Status::Unhealthy(Failure::Timeout));
    assert_eq!(first_outcome(Manner::Absent), Status::Unhealthy(Failure::Timeout));
    assert_eq!(first_outcome(Manner::Fails(DialError::Local)), Status::Unhealthy(Failure::Internal));
}

#[test]
fn the_status_of_the_final_answer_decides() {
    let mismatch = |code| Status::Unhealthy(Failure::CodeMismatch(code));
    for (text, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Status::Healthy),
        ("HTTP/1.0 200 OK\r\n\r\nuntil the end", Status::Healthy),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", Status::Healthy),
        (
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            Status::Healthy,
        ),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 X\r\n\r\n", mismatch(500)),
        ("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", mismatch(201)),
        ("HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", mismatch(301)),
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", mismatch(101)),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", mismatch(503)),
    ] {
        assert_eq!(first_outcome(Manner::says(text)), expected, "{text}");
        // Byte by byte it is the same.
        let (config, mut world) = meeting(Manner::SaysAndStays(Vec::new()), check());
        let (shard, wire) = world.open[0];
        for byte in text.bytes() {
            world.say(shard, wire, &[byte]);
        }
        assert_eq!(health(&config, 0).status, expected, "{text}");
    }
}

#[test]
fn the_matcher_says_what_a_success_is() {
    let settings = HealthCheck { matcher: Matcher { ranges: vec![(200, 299), (301, 301)] }, ..check() };
    for (status, expected) in [(299, Status::Healthy), (301, Status::Healthy)] {
        let (config, _) = meeting(Manner::status(status), settings.clone());
        assert_eq!(health(&config, 0).status, expected);
    }
    let (config, _) = meeting(Manner::status(300), settings);
    assert_eq!(health(&config, 0).status, Status::Unhealthy(Failure::CodeMismatch(300)));
}

#[test]
fn a_head_at_its_limit_is_an_answer_and_a_longer_one_is_none() {
    for (over, expected) in [(0, Status::Healthy), (1, Status::Unhealthy(Failure::Failed))] {
        let mut head = b"HTTP/1.1 200 OK\r\nA: ".to_vec();
        head.resize(32 * 1024 - 4 + over, b'a');
        head.extend_from_slice(b"\r\n\r\n");
        assert_eq!(first_outcome(Manner::Says(head)), expected);
    }
}

#[test]
fn the_outcome_is_known_with_the_head_and_the_rest_is_read_so_that_nobody_sees_a_reset() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n";
    let (config, mut world) = meeting(Manner::SaysAndStays(head.as_bytes().to_vec()), check());
    assert_eq!((health(&config, 0), world.open.len()), (Health::HEALTHY, 1));
    let (shard, wire) = world.open[0];
    world.say(shard, wire, &[b'x'; 59_999]);
    assert_eq!(world.open.len(), 1);
    assert_eq!(world.shard(0).census().memory.lent, 0, "what is dropped takes no memory");
    world.say(shard, wire, b"x");
    nothing_is_left(&world);
}

#[test]
fn a_chunked_body_ends_with_its_last_chunk() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel";
    let (_, mut world) = meeting(Manner::SaysAndStays(head.as_bytes().to_vec()), check());
    let (shard, wire) = world.open[0];
    world.say(shard, wire, b"lo\r\n0\r\n");
    assert_eq!(world.open.len(), 1);
    world.say(shard, wire, b"\r\n");
    nothing_is_left(&world);
}

#[test]
fn a_body_without_end_is_cut_off_and_one_that_is_never_sent_is_not_waited_for() {
    let head = Manner::SaysAndStays(b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
    let (_, mut world) = meeting(head.clone(), check());
    let (shard, wire) = world.open[0];
    world.say(shard, wire, &[b'x'; 64 * 1024]);
    assert_eq!(world.open.len(), 1);
    world.say(shard, wire, b"x");
    nothing_is_left(&world);

    let (config, mut world) = meeting(head, check());
    world.until(Mono::from_nanos(second(1005).nanos() - 1));
    assert_eq!(world.open.len(), 1);
    world.until(second(1005));
    nothing_is_left(&world);
    assert_eq!(health(&config, 0), Health::HEALTHY, "it has answered in time");
}

#[test]
fn an_answer_counts_also_when_the_target_would_not_read_the_request() {
    let (config, mut world) = meeting(Manner::SaysAndStays(Vec::new()), check());
    let (shard, wire) = world.open[0];
    world.turn(shard, |turn| turn.wire(wire).map(|mut wire| wire.unwritable()));
    assert_eq!(health(&config, 0).status, Status::Initial);
    world.say(shard, wire, Manner::OK);
    assert_eq!(health(&config, 0).status, Status::Healthy);
    nothing_is_left(&world);
}

#[test]
fn a_connection_that_breaks_after_the_answer_changes_nothing() {
    let (config, mut world) = meeting(Manner::SaysAndStays(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()), check());
    let (shard, wire) = world.open[0];
    world.turn(shard, |turn| turn.wire(wire).map(|mut wire| wire.lost()));
    assert_eq!(health(&config, 0), Health::HEALTHY);
    assert_eq!(world.shard(0).census().probes, 0);
}

#[test]
fn as_many_failures_as_the_threshold_says_take_a_target_out_and_as_many_successes_bring_it_back() {
    let config = Arc::new(config(&[9001], HealthCheck { unhealthy_threshold: 3, healthy_threshold: 4, ..check() }));
    let mut world = World::new(&config);
    let statuses = |world: &mut World, manner: Manner, checks: usize| -> Vec<&'static str> {
        world.manners.insert(address(9001), manner);
        let mut statuses = Vec::new();
        for _ in 0..checks {
            let before = world.checks.len();
            while world.checks.len() == before {
                world.pass(1);
            }
            statuses.push(health(&config, 0).status.state());
        }
        statuses
    };
    assert_eq!(statuses(&mut world, Manner::status(500), 3), ["healthy", "healthy", "unhealthy"]);
    let (up, down) = ("healthy", "unhealthy");
    assert_eq!(statuses(&mut world, Manner::status(200), 3), [down, down, down]);
    assert_eq!(statuses(&mut world, Manner::Refuses, 1), [down]);
    assert_eq!(health(&config, 0).status, Status::Unhealthy(Failure::Failed), "the latest failure is told");
    let mut statuses = |manner, checks| statuses(&mut world, manner, checks);
    assert_eq!(statuses(Manner::status(200), 4), [down, down, down, up]);
}

#[test]
fn without_checks_nothing_is_dialed_and_nobody_is_woken() {
    let config = Arc::new(config(&[9001], HealthCheck::disabled()));
    let mut world = World::new(&config);
    assert_eq!(world.next(0), None);
    world.pass(1000);
    assert!(world.checks.is_empty());
    assert_eq!(health(&config, 0), Health::NEW);
}

#[test]
fn a_shard_with_little_to_do_is_seldom_woken() {
    let config = Arc::new(config(&[9001], HealthCheck { interval: seconds(300), ..check() }));
    let mut world = World::new(&config);
    world.pass(300);
    world.turns = 0;
    world.pass(600);
    // Two checks of a handful of turns each, and one look at errors every five seconds.
    assert!(world.turns <= 2 * 10 + 600 / 5, "{}", world.turns);
}

#[test]
fn a_thousand_targets_are_checked_within_a_second_and_never_more_than_a_few_of_them_at_once() {
    let ports: Vec<u16> = (10_001..=11_000).collect();
    let config = Arc::new(config(&ports, check()));
    let mut world = World::new(&config);
    world.until(second(1000));
    assert_eq!((world.checks.len(), world.starts_max), (5, 5));
    world.pass(1);
    assert_eq!((world.checks.len(), world.starts_max), (1000, 5));
    assert!((0..1000).all(|target| health(&config, target).is_healthy()));
    // The second time round they have spread.
    world.starts_max = 0;
    world.pass(60);
    assert!(world.checks.len() >= 2000);
    assert!(world.starts_max <= 2, "{}", world.starts_max);
    nothing_is_left(&world);
}

#[test]
fn interim_answers_without_end_are_a_failure() {
    let answer = |interims: usize| "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(interims) + "HTTP/1.1 200 OK\r\n\r\n";
    assert_eq!(first_outcome(Manner::says(&answer(16))), Status::Healthy);
    assert_eq!(first_outcome(Manner::says(&answer(17))), Status::Unhealthy(Failure::Failed));
}
