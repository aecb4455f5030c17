//! The transcripts in `transcripts/headers`.

use crate::run;

#[test]
fn bytes_beyond_ascii() {
    run("headers/bytes-beyond-ascii");
}

#[test]
fn forwarded_for_is_appended() {
    run("headers/forwarded-for-is-appended");
}

#[test]
fn forwarded_for_is_preserved() {
    run("headers/forwarded-for-is-preserved");
}

#[test]
fn forwarded_for_is_removed() {
    run("headers/forwarded-for-is-removed");
}

#[test]
fn forwarded_for_of_ipv6() {
    run("headers/forwarded-for-of-ipv6");
}

#[test]
fn forwarded_for_of_ipv6_with_the_port() {
    run("headers/forwarded-for-of-ipv6-with-the-port");
}

#[test]
fn forwarded_for_with_the_port() {
    run("headers/forwarded-for-with-the-port");
}

#[test]
fn invalid_names_are_dropped() {
    run("headers/invalid-names-are-dropped");
}

#[test]
fn invalid_names_are_forwarded() {
    run("headers/invalid-names-are-forwarded");
}

#[test]
fn listing_strips_nothing_of_others() {
    run("headers/listing-strips-nothing-of-others");
}

#[test]
fn more_than_thirty_addresses() {
    run("headers/more-than-thirty-addresses");
}

#[test]
fn of_one_hop_to_the_client() {
    run("headers/of-one-hop-to-the-client");
}

#[test]
fn of_one_hop_to_the_target() {
    run("headers/of-one-hop-to-the-target");
}

#[test]
fn preserve_overrides_the_port() {
    run("headers/preserve-overrides-the-port");
}

#[test]
fn proto_and_port_are_ours() {
    run("headers/proto-and-port-are-ours");
}

#[test]
fn reason_may_be_missing() {
    run("headers/reason-may-be-missing");
}

#[test]
fn remove_overrides_the_port() {
    run("headers/remove-overrides-the-port");
}

#[test]
fn reserved_for_the_balancer() {
    run("headers/reserved-for-the-balancer");
}

#[test]
fn targets_of_requests_pass() {
    run("headers/targets-of-requests-pass");
}

#[test]
fn trace_is_made() {
    run("headers/trace-is-made");
}

#[test]
fn trace_is_not_in_the_answer() {
    run("headers/trace-is-not-in-the-answer");
}

#[test]
fn trace_keeps_its_root() {
    run("headers/trace-keeps-its-root");
}

#[test]
fn trace_keeps_other_fields() {
    run("headers/trace-keeps-other-fields");
}

#[test]
fn trace_method_is_refused() {
    run("headers/trace-method-is-refused");
}

#[test]
fn trace_of_large_heads_is_short() {
    run("headers/trace-of-large-heads-is-short");
}

#[test]
fn trace_renews_self() {
    run("headers/trace-renews-self");
}

#[test]
fn unsupported_transfer_coding() {
    run("headers/unsupported-transfer-coding");
}

#[test]
fn values_are_trimmed() {
    run("headers/values-are-trimmed");
}

#[test]
fn what_a_client_gets() {
    run("headers/what-a-client-gets");
}

#[test]
fn what_a_target_gets() {
    run("headers/what-a-target-gets");
}
