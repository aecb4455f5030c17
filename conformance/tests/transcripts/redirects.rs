//! The transcripts in `transcripts/redirects`.

use crate::run;

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
