//! Targets that are deregistered, in virtual time: what they have goes on, what is new goes elsewhere, and in the end the
//! deregistration delay is over (guide DRAIN-*).

use std::time::Duration;

use sluicegate_conformance::sim::script::{Peer, Script};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Two targets, of which the second has a request of a client when it is deregistered; nothing is idle before the delay is over.
fn deregistered(delay: u64, request: &str) -> (Script, Peer, Peer) {
    let mut world = Script::start(2, |terms| {
        terms.group.deregistration_delay = seconds(delay);
        terms.attributes.idle_timeout = seconds(4000);
    });
    let other = world.client();
    world.send(other, GET);
    let first = world.accepts();
    world.send(first, OK);
    let client = world.client();
    world.send(client, request);
    let second = world.accepts();
    world.said(second);
    world.reconfigure(1, |_| ());
    (world, client, second)
}

#[test]
fn a_request_in_flight_may_end_and_no_new_one_comes() {
    let (mut world, client, target) = deregistered(300, GET);
    let other = world.client();
    for _ in 0..4 {
        world.send(other, GET);
        assert_eq!(world.said(target), "", "a new request went to a target that is deregistered");
        world.pass(seconds(1));
    }
    world.send(target, OK);
    assert!(world.said(client).ends_with("\r\n\r\nhi"));
    assert!(world.is_ended(target), "nobody will ever use this connection again");
}

#[test]
fn the_delay_ends_a_request_with_502_and_not_a_moment_earlier() {
    let (mut world, client, target) = deregistered(300, GET);
    world.pass(seconds(299));
    assert!(!world.is_ended(target) && world.said(client).is_empty());
    world.pass(seconds(2));
    assert!(world.is_ended(target));
    let answer = world.said(client);
    assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n") && answer.contains("keep-alive"), "{answer}");
    // The connection lives on, and its next request goes elsewhere.
    world.send(client, GET);
    assert_eq!(world.census().exchanges, 1);
}

#[test]
fn a_delay_of_zero_ends_requests_at_once() {
    let (mut world, client, target) = deregistered(0, GET);
    world.pass(seconds(0));
    assert!(world.is_ended(target));
    assert!(world.said(client).starts_with("HTTP/1.1 502 "));
}

#[test]
fn a_body_under_way_is_cut_when_the_delay_is_over() {
    let (mut world, client, target) = deregistered(30, GET);
    world.send(target, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbegin");
    world.pass(seconds(29));
    world.send(target, "more");
    assert!(world.said(client).ends_with("beginmore") && !world.is_ended(client));
    world.pass(seconds(2));
    assert!(world.is_ended(target) && world.is_ended(client));
}

#[test]
fn a_websocket_stays_until_the_delay_is_over() {
    let (mut world, client, target) = deregistered(30, UPGRADE);
    world.send(target, SWITCH);
    world.said(client);
    world.pass(seconds(29));
    world.send(client, "ping");
    world.send(target, "pong");
    assert_eq!((world.said(target).as_str(), world.said(client).as_str()), ("ping", "pong"));
    world.pass(seconds(2));
    assert!(world.is_ended(target) && world.is_ended(client));
}

#[test]
fn a_target_that_closes_before_the_delay_is_over_costs_its_client_a_502() {
    let (mut world, client, target) = deregistered(300, GET);
    world.pass(seconds(10));
    world.close(target);
    assert!(world.said(client).starts_with("HTTP/1.1 502 "));
}

#[test]
fn a_target_without_requests_is_left_at_once() {
    let mut world = Script::start(2, |_| ());
    let client = world.client();
    let mut targets = Vec::new();
    for _ in 0..2 {
        world.send(client, GET);
        let target = world.accepts();
        world.send(target, OK);
        targets.push(target);
    }
    assert_eq!(world.census().pooled, 2);
    world.reconfigure(1, |_| ());
    assert_eq!(world.census().pooled, 1);
    assert!(world.is_ended(targets[1]) && !world.is_ended(targets[0]));
}

#[test]
fn a_target_that_is_registered_again_in_time_keeps_what_it_has() {
    let (mut world, client, target) = deregistered(30, GET);
    world.pass(seconds(20));
    world.reconfigure(2, |_| ());
    world.pass(seconds(20));
    assert!(!world.is_ended(target));
    world.send(target, OK);
    assert!(world.said(client).ends_with("\r\n\r\nhi"));
    assert_eq!(world.census().pooled, 2, "its connection may be used again");
}

#[test]
fn a_target_that_is_still_being_dialed_is_given_up_when_the_delay_is_over() {
    let mut world = Script::start(2, |terms| {
        terms.group.deregistration_delay = seconds(3);
        terms.unresponsive = vec![1];
    });
    let other = world.client();
    world.send(other, GET);
    let client = world.client();
    world.send(client, GET);
    world.reconfigure(1, |_| ());
    world.pass(seconds(2));
    assert_eq!(world.said(client), "");
    world.pass(seconds(2));
    assert!(world.said(client).starts_with("HTTP/1.1 502 "));
    assert_eq!(world.census().backs, 1);
}

#[test]
fn a_request_that_its_target_has_answered_is_in_progress_there_no_longer() {
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.stop_reading(client, true);
    world.send(client, GET);
    let target = world.accepts();
    assert_eq!(world.outstanding(0), 1);
    let long = "x".repeat(100_000);
    world.send(target, format!("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{long}"));
    assert_eq!((world.census().exchanges, world.outstanding(0)), (1, 0), "the client has yet to read its answer");
    world.stop_reading(client, false);
    assert_eq!(world.census().exchanges, 0);
}
