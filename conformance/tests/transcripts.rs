//! Every transcript, in memory: a test for each file.

use std::path::Path;

use sluicegate_conformance::source::Tests;
use sluicegate_conformance::transcript::{Transcript, memory, names};

fn run(name: &str) {
    let played = Transcript::load(name).and_then(|transcript| memory::run(&transcript));
    if let Err(what) = played {
        panic!("{name}: {what}");
    }
}

/// The test of a file: `answers/400` is `answers::status_400`, since no name in Rust begins with a digit.
fn test_of(name: &str) -> String {
    let (folder, file) = name.split_once('/').expect("a folder and a file");
    let digit = file.starts_with(|c: char| c.is_ascii_digit());
    let path = format!("{folder}::{}{file}", if digit { "status_" } else { "" });
    format!("sluicegate-conformance::tests::transcripts::{}", path.replace('-', "_"))
}

#[test]
fn every_file_has_its_test_and_every_test_its_file() {
    let tests = Tests::of_repository(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the source");
    let wanted: Vec<String> = names().expect("the directory").iter().map(|name| test_of(name)).collect();
    for test in &wanted {
        assert!(tests.0.contains_key(test), "no test {test}");
    }
    let here = tests.0.keys().filter(|test| test.starts_with("sluicegate-conformance::tests::transcripts::"));
    assert_eq!(here.count(), wanted.len() + 2, "a test here has no file");
}

#[test]
fn every_transcript_names_statements_that_there_are() {
    let table = include_str!("../guide.tsv");
    let of_the_wire = |id: &str| id.starts_with(['H', 'W']) && id[1..].parse::<u8>().is_ok();
    for name in names().expect("the directory") {
        let transcript = Transcript::load(&name).unwrap_or_else(|what| panic!("{what}"));
        for id in &transcript.proves {
            let known = of_the_wire(id) || table.lines().any(|line| line.split('\t').next() == Some(id));
            assert!(known, "{name}: there is no statement {id}");
        }
    }
}

mod answers {
    use super::run;

    #[test]
    fn status_400() {
        run("answers/400");
    }

    #[test]
    fn status_408() {
        run("answers/408");
    }

    #[test]
    fn status_463() {
        run("answers/463");
    }

    #[test]
    fn status_501() {
        run("answers/501");
    }

    #[test]
    fn status_502() {
        run("answers/502");
    }

    #[test]
    fn status_503() {
        run("answers/503");
    }

    #[test]
    fn status_504() {
        run("answers/504");
    }

    #[test]
    fn error_to_head() {
        run("answers/error-to-head");
    }

    #[test]
    fn error_to_http_1_0() {
        run("answers/error-to-http-1-0");
    }
}

mod bodies {
    use super::run;

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
}

mod errors {
    use super::run;

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
}

mod headers {
    use super::run;

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
}

mod host {
    use super::run;

    #[test]
    fn authority_of_an_absolute_target_wins() {
        run("host/authority-of-an-absolute-target-wins");
    }

    #[test]
    fn default_ports_are_stripped() {
        run("host/default-ports-are-stripped");
    }

    #[test]
    fn names_become_lower_case() {
        run("host/names-become-lower-case");
    }

    #[test]
    fn no_port_is_added_on_443() {
        run("host/no-port-is-added-on-443");
    }

    #[test]
    fn other_ports_are_appended() {
        run("host/other-ports-are-appended");
    }

    #[test]
    fn preserved_as_it_came() {
        run("host/preserved-as-it-came");
    }

    #[test]
    fn several_are_preserved() {
        run("host/several-are-preserved");
    }

    #[test]
    fn several_are_refused() {
        run("host/several-are-refused");
    }
}

mod keep_alive {
    use super::run;

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
}

mod redirects {
    use super::run;

    #[test]
    fn absolute_target() {
        run("redirects/absolute-target");
    }

    #[test]
    fn close() {
        run("redirects/close");
    }

    #[test]
    fn found() {
        run("redirects/found");
    }

    #[test]
    fn keywords() {
        run("redirects/keywords");
    }

    #[test]
    fn longest_url() {
        run("redirects/longest-url");
    }

    #[test]
    fn no_header_injection() {
        run("redirects/no-header-injection");
    }

    #[test]
    fn of_a_post() {
        run("redirects/of-a-post");
    }

    #[test]
    fn parts_that_stay() {
        run("redirects/parts-that-stay");
    }

    #[test]
    fn to_head() {
        run("redirects/to-head");
    }

    #[test]
    fn to_https() {
        run("redirects/to-https");
    }
}

mod rules {
    use super::run;

    #[test]
    fn fixed_response_of_json() {
        run("rules/fixed-response-of-json");
    }

    #[test]
    fn fixed_response_to_head() {
        run("rules/fixed-response-to-head");
    }

    #[test]
    fn forwarded_for_as_a_field() {
        run("rules/forwarded-for-as-a-field");
    }

    #[test]
    fn forwarding_keeps_the_path() {
        run("rules/forwarding-keeps-the-path");
    }

    #[test]
    fn header_fields() {
        run("rules/header-fields");
    }

    #[test]
    fn host_names() {
        run("rules/host-names");
    }

    #[test]
    fn host_of_an_absolute_target() {
        run("rules/host-of-an-absolute-target");
    }

    #[test]
    fn host_wildcards() {
        run("rules/host-wildcards");
    }

    #[test]
    fn lowest_priority_first() {
        run("rules/lowest-priority-first");
    }

    #[test]
    fn methods() {
        run("rules/methods");
    }

    #[test]
    fn paths() {
        run("rules/paths");
    }

    #[test]
    fn paths_are_normalised() {
        run("rules/paths-are-normalised");
    }

    #[test]
    fn paths_without_their_query() {
        run("rules/paths-without-their-query");
    }

    #[test]
    fn query_strings() {
        run("rules/query-strings");
    }

    #[test]
    fn query_strings_with_literal_stars() {
        run("rules/query-strings-with-literal-stars");
    }

    #[test]
    fn source_addresses() {
        run("rules/source-addresses");
    }

    #[test]
    fn source_addresses_of_others() {
        run("rules/source-addresses-of-others");
    }

    #[test]
    fn two_groups() {
        run("rules/two-groups");
    }

    #[test]
    fn values_or_conditions_and() {
        run("rules/values-or-conditions-and");
    }

    #[test]
    fn weight_zero_gets_nothing() {
        run("rules/weight-zero-gets-nothing");
    }
}

mod websocket {
    use super::run;

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
}
