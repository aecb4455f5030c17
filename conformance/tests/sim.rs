//! Seeds through every scenario of the simulator. `SEED=…` replays one, `SEEDS=n` sets how many.

use sluicegate_conformance::sim::{Scenario, run, seeds};

/// Seeds per scenario; sixteen scenarios make 4,000 worlds.
const SEEDS: u64 = 250;

fn all(scenario: Scenario) {
    let (mut answered, mut refused, mut shed, mut sessions, mut resumed) = (0, 0, 0, 0, 0);
    for seed in seeds(SEEDS) {
        match run(seed, scenario) {
            Ok(report) => {
                answered += report.answered;
                refused += report.refused;
                shed += report.shed;
                sessions += report.sessions;
                resumed += report.resumed;
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    println!("{scenario:?}: {answered} answers, {refused} errors, {shed} connections shed");
    println!("{sessions} TLS sessions, {resumed} of them resumed");
}

#[test]
fn calm_worlds_give_every_client_exactly_what_its_target_sent() {
    all(Scenario::Calm);
}

#[test]
fn bulk_bodies_pass_narrow_windows_in_both_directions() {
    all(Scenario::Bulk);
}

#[test]
fn pipelines_are_answered_in_order() {
    all(Scenario::Pipelines);
}

#[test]
fn tunnels_carry_every_byte_both_ways() {
    all(Scenario::Tunnels);
}

#[test]
fn badtargets_cost_their_own_requests_and_no_others() {
    all(Scenario::BadTargets);
}

#[test]
fn badclients_cost_nobody_else_anything() {
    all(Scenario::BadClients);
}

#[test]
fn tight_limits_shed_new_work_and_finish_the_old() {
    all(Scenario::Tight);
}

#[test]
fn reload_and_drain_lose_no_answer_in_progress() {
    all(Scenario::Reload);
}

#[test]
fn storm_of_everything_at_once() {
    all(Scenario::Storm);
}

#[test]
fn hostile_bytes_reach_targets_in_one_reading_or_not_at_all() {
    all(Scenario::Hostile);
}

#[test]
fn sealed_worlds_give_every_client_exactly_what_its_target_sent() {
    all(Scenario::Sealed);
}

#[test]
fn handshakes_that_fail_cost_their_own_connections_and_no_others() {
    all(Scenario::Handshakes);
}

#[test]
fn gale_of_everything_at_once_over_tls() {
    all(Scenario::Gale);
}

#[test]
fn streams_give_every_client_exactly_what_its_target_sent() {
    all(Scenario::Streams);
}

#[test]
fn torrents_of_bad_requests_cost_nobody_else_anything() {
    all(Scenario::Torrents);
}

#[test]
fn trunks_that_break_cost_their_own_requests_and_no_others() {
    all(Scenario::Trunks);
}

#[test]
fn the_same_seed_is_the_same_world_to_the_last_event() {
    for scenario in Scenario::ALL {
        for seed in 1..6 {
            let (once, again) = (run(seed, scenario), run(seed, scenario));
            let hashes =
                [once, again].map(|result| result.map(|report| report.hash).map_err(|failure| failure.to_string()));
            assert_eq!(hashes[0], hashes[1], "{scenario:?}");
        }
    }
}

#[test]
fn other_seeds_are_other_worlds() {
    let hashes =
        (1..9).map(|seed| run(seed, Scenario::Calm).map(|report| report.hash).map_err(|failure| failure.to_string()));
    let hashes: std::collections::BTreeSet<_> = hashes.collect();
    assert_eq!(hashes.len(), 8);
}

#[test]
fn a_seed_puts_the_same_bytes_on_every_wire_again_and_another_one_does_not() {
    let traffic = |seed| match run(seed, Scenario::Sealed) {
        Ok(report) => {
            assert!(report.sessions > 0, "seed {seed}");
            report.traffic
        }
        Err(failure) => panic!("{failure}"),
    };
    let once: Vec<u64> = (1..9).map(traffic).collect();
    let again: Vec<u64> = (1..9).map(traffic).collect();
    assert_eq!(once, again);
    let others: std::collections::BTreeSet<_> = once.into_iter().collect();
    assert_eq!(others.len(), 8);
}

#[test]
fn some_sessions_are_resumed() {
    let resumed = (1..30).map(|seed| match run(seed, Scenario::Sealed) {
        Ok(report) => report.resumed,
        Err(failure) => panic!("{failure}"),
    });
    assert!(resumed.sum::<u64>() > 0);
}

#[test]
fn handshakes_of_targets_fail_with_a_502_or_are_late_with_a_504() {
    let [mut failed, mut late] = [0, 0];
    for seed in 1..40 {
        match run(seed, Scenario::Handshakes) {
            Ok(report) => {
                failed += report.unsecured[0];
                late += report.unsecured[1];
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(failed > 0 && late > 0, "{failed} failed, {late} were late");
}
