//! The transcripts in `transcripts/host`.

use crate::run;

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
