//! The transcripts in `transcripts/answers`.

use crate::run;

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
