//! The transcripts in `transcripts/errors`.

use crate::run;

#[test]
fn bytes_keep_a_connection_busy() {
    run("errors/bytes-keep-a-connection-busy");
}

#[test]
fn chunks_of_a_request_garbled() {
    run("errors/chunks-of-a-request-garbled");
}

#[test]
fn chunks_of_a_response_garbled() {
    run("errors/chunks-of-a-response-garbled");
}

#[test]
fn client_gone_is_460_in_the_log() {
    run("errors/client-gone-is-460-in-the-log");
}

#[test]
fn client_idle_in_its_body() {
    run("errors/client-idle-in-its-body");
}

#[test]
fn client_idle_in_its_head() {
    run("errors/client-idle-in-its-head");
}

#[test]
fn client_leaves_in_its_body() {
    run("errors/client-leaves-in-its-body");
}

#[test]
fn client_leaves_in_its_head() {
    run("errors/client-leaves-in-its-head");
}

#[test]
fn client_resets_while_the_target_works() {
    run("errors/client-resets-while-the-target-works");
}

#[test]
fn client_that_lingers() {
    run("errors/client-that-lingers");
}

#[test]
fn field_too_large() {
    run("errors/field-too-large");
}

#[test]
fn group_is_empty() {
    run("errors/group-is-empty");
}

#[test]
fn head_that_never_ends() {
    run("errors/head-that-never-ends");
}

#[test]
fn head_too_large() {
    run("errors/head-too-large");
}

#[test]
fn malformed_requests() {
    run("errors/malformed-requests");
}

#[test]
fn malformed_responses() {
    run("errors/malformed-responses");
}

#[test]
fn of_targets_pass() {
    run("errors/of-targets-pass");
}

#[test]
fn redirect_too_long() {
    run("errors/redirect-too-long");
}

#[test]
fn request_line_too_long() {
    run("errors/request-line-too-long");
}

#[test]
fn response_head_too_large() {
    run("errors/response-head-too-large");
}

#[test]
fn target_closes_within_a_long_body() {
    run("errors/target-closes-within-a-long-body");
}

#[test]
fn target_closes_within_a_short_body() {
    run("errors/target-closes-within-a-short-body");
}

#[test]
fn target_closes_within_its_head() {
    run("errors/target-closes-within-its-head");
}

#[test]
fn target_closes_without_an_answer() {
    run("errors/target-closes-without-an-answer");
}

#[test]
fn target_does_not_answer_the_connection() {
    run("errors/target-does-not-answer-the-connection");
}

#[test]
fn target_finishes_slowly() {
    run("errors/target-finishes-slowly");
}

#[test]
fn target_is_silent() {
    run("errors/target-is-silent");
}

#[test]
fn target_refuses() {
    run("errors/target-refuses");
}

#[test]
fn target_resets_without_an_answer() {
    run("errors/target-resets-without-an-answer");
}
