//! The transcripts in `transcripts/websocket`.

use crate::run;

#[test]
fn bytes_right_behind_101() {
    run("websocket/bytes-right-behind-101");
}

#[test]
fn bytes_right_behind_the_request() {
    run("websocket/bytes-right-behind-the-request");
}

#[test]
fn client_half_closes() {
    run("websocket/client-half-closes");
}

#[test]
fn client_resets() {
    run("websocket/client-resets");
}

#[test]
fn idle_timeout() {
    run("websocket/idle-timeout");
}

#[test]
fn keep_alive_age_ends_no_tunnel() {
    run("websocket/keep-alive-age-ends-no-tunnel");
}

#[test]
fn megabyte_both_ways() {
    run("websocket/megabyte-both-ways");
}

#[test]
fn not_over_http_1_0() {
    run("websocket/not-over-http-1-0");
}

#[test]
fn other_upgrades_are_ignored() {
    run("websocket/other-upgrades-are-ignored");
}

#[test]
fn refused_by_the_target() {
    run("websocket/refused-by-the-target");
}

#[test]
fn rules_come_first() {
    run("websocket/rules-come-first");
}

#[test]
fn target_closes() {
    run("websocket/target-closes");
}

#[test]
fn tunnel() {
    run("websocket/tunnel");
}
