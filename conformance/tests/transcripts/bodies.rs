//! The transcripts in `transcripts/bodies`.

use crate::run;

#[test]
fn status_204_has_no_body() {
    run("bodies/204-has-no-body");
}

#[test]
fn status_204_with_a_length() {
    run("bodies/204-with-a-length");
}

#[test]
fn status_304_has_no_body() {
    run("bodies/304-has-no-body");
}

#[test]
fn status_304_keeps_its_length() {
    run("bodies/304-keeps-its-length");
}

#[test]
fn both_directions_at_once() {
    run("bodies/both-directions-at-once");
}

#[test]
fn chunk_extensions_end_here() {
    run("bodies/chunk-extensions-end-here");
}

#[test]
fn chunked_request_with_trailers() {
    run("bodies/chunked-request-with-trailers");
}

#[test]
fn chunked_response_for_http_1_0() {
    run("bodies/chunked-response-for-http-1-0");
}

#[test]
fn chunked_response_in_pieces() {
    run("bodies/chunked-response-in-pieces");
}

#[test]
fn chunked_response_with_trailers() {
    run("bodies/chunked-response-with-trailers");
}

#[test]
fn client_leaves_in_the_answer() {
    run("bodies/client-leaves-in-the-answer");
}

#[test]
fn early_answer() {
    run("bodies/early-answer");
}

#[test]
fn early_hints() {
    run("bodies/early-hints");
}

#[test]
fn empty_chunked_both_ways() {
    run("bodies/empty-chunked-both-ways");
}

#[test]
fn expect_answered_here() {
    run("bodies/expect-answered-here");
}

#[test]
fn expect_continue() {
    run("bodies/expect-continue");
}

#[test]
fn expect_from_http_1_0() {
    run("bodies/expect-from-http-1-0");
}

#[test]
fn head_has_no_body() {
    run("bodies/head-has-no-body");
}

#[test]
fn head_of_a_chunked_answer() {
    run("bodies/head-of-a-chunked-answer");
}

#[test]
fn head_until_close() {
    run("bodies/head-until-close");
}

#[test]
fn length_is_not_reached() {
    run("bodies/length-is-not-reached");
}

#[test]
fn length_zero() {
    run("bodies/length-zero");
}

#[test]
fn long_body_falls_silent() {
    run("bodies/long-body-falls-silent");
}

#[test]
fn methods() {
    run("bodies/methods");
}

#[test]
fn no_interim_for_http_1_0() {
    run("bodies/no-interim-for-http-1-0");
}

#[test]
fn one_megabyte_down() {
    run("bodies/one-megabyte-down");
}

#[test]
fn one_megabyte_down_in_chunks() {
    run("bodies/one-megabyte-down-in-chunks");
}

#[test]
fn one_megabyte_down_until_close() {
    run("bodies/one-megabyte-down-until-close");
}

#[test]
fn one_megabyte_up() {
    run("bodies/one-megabyte-up");
}

#[test]
fn one_megabyte_up_in_chunks() {
    run("bodies/one-megabyte-up-in-chunks");
}

#[test]
fn options_asterisk() {
    run("bodies/options-asterisk");
}

#[test]
fn response_until_close() {
    run("bodies/response-until-close");
}

#[test]
fn response_until_close_for_http_1_0() {
    run("bodies/response-until-close-for-http-1-0");
}

#[test]
fn response_until_close_is_cut() {
    run("bodies/response-until-close-is-cut");
}

#[test]
fn seventeen_interims() {
    run("bodies/seventeen-interims");
}

#[test]
fn target_half_closes_after_its_answer() {
    run("bodies/target-half-closes-after-its-answer");
}

#[test]
fn target_says_100_too() {
    run("bodies/target-says-100-too");
}

#[test]
fn trailers_for_http_1_0() {
    run("bodies/trailers-for-http-1-0");
}

#[test]
fn unwanted_large_body() {
    run("bodies/unwanted-large-body");
}

#[test]
fn unwanted_small_body() {
    run("bodies/unwanted-small-body");
}

#[test]
fn with_a_length() {
    run("bodies/with-a-length");
}
