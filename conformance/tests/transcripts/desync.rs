//! The transcripts in `transcripts/desync`.

use crate::run;

#[test]
fn acceptable_is_routed_and_nothing_closes() {
    run("desync/acceptable-is-routed-and-nothing-closes");
}

#[test]
fn ambiguous_is_routed_and_both_close() {
    run("desync/ambiguous-is-routed-and-both-close");
}

#[test]
fn folds_are_joined() {
    run("desync/folds-are-joined");
}

#[test]
fn identity_is_as_if_absent() {
    run("desync/identity-is-as-if-absent");
}

#[test]
fn lines_that_end_in_lf_alone() {
    run("desync/lines-that-end-in-lf-alone");
}

#[test]
fn look_alikes_never_pass() {
    run("desync/look-alikes-never-pass");
}

#[test]
fn monitor_closes_where_the_end_is_in_doubt() {
    run("desync/monitor-closes-where-the-end-is-in-doubt");
}

#[test]
fn monitor_lets_ambiguous_requests_keep_their_connections() {
    run("desync/monitor-lets-ambiguous-requests-keep-their-connections");
}

#[test]
fn monitor_refuses_what_has_no_one_reading() {
    run("desync/monitor-refuses-what-has-no-one-reading");
}

#[test]
fn monitor_routes_severe_requests_with_one_reading() {
    run("desync/monitor-routes-severe-requests-with-one-reading");
}

#[test]
fn names_that_are_no_tokens_are_left_out() {
    run("desync/names-that-are-no-tokens-are-left-out");
}

#[test]
fn old_and_odd_versions() {
    run("desync/old-and-odd-versions");
}

#[test]
fn severe_is_refused() {
    run("desync/severe-is-refused");
}

#[test]
fn strictest_lets_only_compliant_requests_through() {
    run("desync/strictest-lets-only-compliant-requests-through");
}

#[test]
fn targets_are_percent_encoded() {
    run("desync/targets-are-percent-encoded");
}

#[test]
fn the_log_has_class_and_reason() {
    run("desync/the-log-has-class-and-reason");
}

#[test]
fn monitor_leaves_a_target_that_may_not_see_a_body() {
    run("desync/monitor-leaves-a-target-that-may-not-see-a-body");
}

#[test]
fn ambiguous_upgrades_are_not_asked_for() {
    run("desync/ambiguous-upgrades-are-not-asked-for");
}
