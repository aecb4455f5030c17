//! The transcripts in `transcripts/rules`.

use crate::run;

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
