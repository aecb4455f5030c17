//! Requests of which no byte has left yet, in virtual time: they are not lost with the connection they were meant for. What was
//! sent is never sent twice.

use std::time::Duration;

use sluicegate_conformance::sim::script::Script;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn a_target_that_refuses_is_passed_over_for_another() {
    let mut world = Script::start(3, |terms| terms.refusing = vec![0, 1]);
    let client = world.client();
    for _ in 0..6 {
        world.send(client, GET);
        let target = world.accepts();
        assert_eq!(world.said(target).matches("GET / HTTP/1.1\r\n").count(), 1);
        world.send(target, OK);
        assert!(world.said(client).ends_with("\r\n\r\nhi"));
        world.close(target);
    }
    assert_eq!((world.census().exchanges, world.census().backs), (0, 0));
}

#[test]
fn when_all_refuse_the_answer_is_502() {
    let mut world = Script::start(3, |terms| terms.refusing = vec![0, 1, 2]);
    let client = world.client();
    for _ in 0..3 {
        world.send(client, GET);
        assert!(world.said(client).starts_with("HTTP/1.1 502 "));
    }
    assert_eq!((world.census().exchanges, world.census().backs), (0, 0));
}

#[test]
fn a_body_goes_to_the_other_target_whole_and_in_order() {
    let mut world = Script::start(2, |terms| terms.refusing = vec![0]);
    let client = world.client();
    let body = "0123456789".repeat(3000);
    world.send(client, format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    let target = world.accepts();
    let mut got = String::new();
    for _ in 0..100 {
        got += &world.said(target);
        world.pass(Duration::from_millis(1));
    }
    assert!(got.starts_with("POST / HTTP/1.1\r\n") && got.ends_with(&format!("\r\n\r\n{body}")), "{} bytes", got.len());
    world.send(target, OK);
    assert!(world.said(client).ends_with("\r\n\r\nhi"));
}

#[test]
fn a_target_that_does_not_answer_the_dial_is_not_passed_over() {
    let mut world = Script::start(2, |terms| terms.unresponsive = vec![0]);
    let client = world.client();
    world.send(client, GET);
    world.pass(seconds(9));
    assert_eq!(world.said(client), "");
    world.pass(seconds(2));
    assert!(world.said(client).starts_with("HTTP/1.1 504 "));
    assert!(world.try_accepts().is_none());
}

#[test]
fn a_request_that_was_sent_is_never_sent_again() {
    let mut world = Script::start(2, |_| ());
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    assert!(world.said(target).starts_with("GET / "));
    world.reset(target);
    assert!(world.said(client).starts_with("HTTP/1.1 502 "));
    assert!(world.try_accepts().is_none(), "it was sent once more");
}

#[test]
fn targets_that_fell_together_are_not_walked_through_one_after_the_other() {
    let mut world = Script::start(20, |terms| terms.refusing = (0..12).collect());
    let client = world.client();
    let mut lost = 0;
    for _ in 0..100 {
        world.send(client, GET);
        lost += usize::from(world.answer_all(OK).is_empty());
        world.said(client);
    }
    // Eight draws of twenty, twelve of them dead: four in a thousand find nobody.
    assert!(lost <= 3, "{lost} of 100 requests found nobody");
}
