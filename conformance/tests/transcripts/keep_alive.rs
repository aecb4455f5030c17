//! The transcripts in `transcripts/keep-alive`.

use crate::run;

#[test]
fn after_an_error_of_a_target() {
    run("keep-alive/after-an-error-of-a-target");
}

#[test]
fn an_idle_old_connection_counts_its_age_while_idle() {
    run("keep-alive/an-idle-old-connection-counts-its-age-while-idle");
}

#[test]
fn answer_longer_than_it_says() {
    run("keep-alive/answer-longer-than-it-says");
}

#[test]
fn answers_here_and_from_targets_in_order() {
    run("keep-alive/answers-here-and-from-targets-in-order");
}

#[test]
fn blank_line_before_a_request() {
    run("keep-alive/blank-line-before-a-request");
}

#[test]
fn client_asks_to_close() {
    run("keep-alive/client-asks-to-close");
}

#[test]
fn client_half_closes() {
    run("keep-alive/client-half-closes");
}

#[test]
fn connections_to_targets_are_shared() {
    run("keep-alive/connections-to-targets-are-shared");
}

#[test]
fn http_1_0_closes() {
    run("keep-alive/http-1-0-closes");
}

#[test]
fn http_1_0_keeps_alive_when_asked() {
    run("keep-alive/http-1-0-keeps-alive-when-asked");
}

#[test]
fn idle_client_connection_closes() {
    run("keep-alive/idle-client-connection-closes");
}

#[test]
fn idle_target_connection_closes() {
    run("keep-alive/idle-target-connection-closes");
}

#[test]
fn idle_timeout_is_configurable() {
    run("keep-alive/idle-timeout-is-configurable");
}

#[test]
fn limits_are_those_at_connecting() {
    run("keep-alive/limits-are-those-at-connecting");
}

#[test]
fn many_at_once() {
    run("keep-alive/many-at-once");
}

#[test]
fn old_connections_end_after_one_more_request() {
    run("keep-alive/old-connections-end-after-one-more-request");
}

#[test]
fn pipelined_behind_a_body() {
    run("keep-alive/pipelined-behind-a-body");
}

#[test]
fn pipelined_behind_a_close() {
    run("keep-alive/pipelined-behind-a-close");
}

#[test]
fn pipelined_requests() {
    run("keep-alive/pipelined-requests");
}

#[test]
fn request_in_single_bytes() {
    run("keep-alive/request-in-single-bytes");
}

#[test]
fn target_asks_to_close() {
    run("keep-alive/target-asks-to-close");
}

#[test]
fn target_closes_a_waiting_connection() {
    run("keep-alive/target-closes-a-waiting-connection");
}

#[test]
fn target_closes_as_the_request_comes() {
    run("keep-alive/target-closes-as-the-request-comes");
}

#[test]
fn target_says_something_unasked() {
    run("keep-alive/target-says-something-unasked");
}

#[test]
fn target_speaks_http_1_0() {
    run("keep-alive/target-speaks-http-1-0");
}

#[test]
fn two_clients_at_once() {
    run("keep-alive/two-clients-at-once");
}
