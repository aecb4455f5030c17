//! Connections in virtual time: keep-alive, idle timeouts, half-closes, pools, tunnels, reloads.

use std::time::Duration;

use sluicegate::target::Algorithm;
use sluicegate_conformance::sim::script::{Script, target};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn idle(n: u64) -> Script {
    Script::start(1, |terms| terms.attributes.idle_timeout = seconds(n))
}

#[test]
fn a_request_takes_a_connection_of_the_client_and_another_to_the_target() {
    let mut world = idle(60);
    let client = world.client();
    assert!(world.try_accepts().is_none(), "nothing is dialed before a request has come");
    world.send(client, GET);
    let target = world.accepts();
    assert!(world.said(target).starts_with("GET / HTTP/1.1\r\n"));
    world.send(target, OK);
    assert!(world.said(client).ends_with("\r\n\r\nhi"));
    assert_eq!((world.census().fronts, world.census().backs), (1, 1));
    world.finish();
}

#[test]
fn both_connections_serve_one_request_after_the_other() {
    let mut world = idle(60);
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    for _ in 0..3 {
        assert!(world.said(target).starts_with("GET / HTTP/1.1\r\n"));
        world.send(target, OK);
        assert!(world.said(client).contains("Connection: keep-alive\r\n"));
        world.send(client, GET);
    }
    assert!(world.try_accepts().is_none(), "the pooled connection was taken");
    world.finish();
}

#[test]
fn an_idle_keep_alive_connection_closes_silently_at_the_timeout_and_not_before() {
    let mut world = idle(30);
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, OK);
    world.said(client);
    world.pass(seconds(29));
    assert!(!world.is_ended(client) && !world.is_ended(target));
    world.pass(seconds(2));
    assert!(world.is_ended(client) && world.is_ended(target), "neither side moved a byte for 30 s");
    assert_eq!(world.said(client), "", "no 408 before a byte of a request");
    world.finish();
}

#[test]
fn bytes_in_either_direction_keep_both_connections_from_being_idle() {
    let mut world = idle(10);
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    for _ in 0..5 {
        world.pass(seconds(8));
        world.send(target, "more");
    }
    assert!(!world.is_ended(client) && world.said(client).ends_with("moremoremoremoremore"));
    world.close(target);
    world.finish();
}

#[test]
fn a_client_that_stops_within_a_head_or_a_body_gets_408() {
    for request in ["GET / HTTP/1.1\r\nHo", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"] {
        let mut world = idle(10);
        let client = world.client();
        world.send(client, request);
        world.pass(seconds(9));
        assert_eq!(world.said(client), "");
        world.pass(seconds(2));
        let answer = world.said(client);
        assert!(
            answer.starts_with("HTTP/1.1 408 Request Time-out\r\n") && answer.contains("Connection: close\r\n"),
            "{answer}"
        );
        assert!(world.is_ended(client));
        world.finish();
    }
}

#[test]
fn a_target_that_is_silent_for_the_idle_timeout_costs_a_504() {
    let mut world = idle(10);
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.pass(seconds(9));
    assert_eq!(world.said(client), "");
    world.pass(seconds(2));
    assert!(world.said(client).starts_with("HTTP/1.1 504 Gateway Time-out\r\n"));
    assert!(world.is_ended(target), "what it still says is for nobody");
    world.finish();
}

#[test]
fn a_pooled_connection_that_breaks_under_a_request_costs_a_502_and_no_second_try() {
    let mut world = idle(60);
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, OK);
    world.said(client);
    world.said(target);
    world.send(client, GET);
    assert!(world.said(target).starts_with("GET / "), "the request went out on the pooled connection");
    world.reset(target);
    assert!(world.said(client).starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
    assert!(world.try_accepts().is_none(), "a request is never sent twice");
    world.finish();
}

#[test]
fn a_pooled_connection_that_its_target_closes_is_not_used_again() {
    let mut world = idle(60);
    let client = world.client();
    world.send(client, GET);
    let first = world.accepts();
    world.send(first, OK);
    world.half_close(first);
    assert_eq!(world.census().pooled, 0);
    world.send(client, GET);
    let second = world.accepts();
    world.send(second, OK);
    assert_eq!(world.said(client).matches("200 OK").count(), 2);
    world.finish();
}

#[test]
fn unasked_bytes_on_a_pooled_connection_end_it_and_reach_nobody() {
    let mut world = idle(60);
    let client = world.client();
    world.send(client, GET);
    let first = world.accepts();
    world.send(first, OK);
    world.said(client);
    world.send(first, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    assert!(world.is_ended(first));
    world.send(client, GET);
    let second = world.accepts();
    world.send(second, OK);
    assert!(world.said(client).ends_with("\r\n\r\nhi"));
    world.finish();
}

#[test]
fn after_the_keep_alive_age_one_more_request_is_served_and_the_answer_says_close() {
    let mut world = Script::start(1, |terms| {
        terms.attributes.client_keep_alive = seconds(60);
        terms.attributes.idle_timeout = seconds(4000);
    });
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, OK);
    assert!(world.said(client).contains("Connection: keep-alive\r\n"));
    world.pass(seconds(58));
    world.send(client, GET);
    world.send(target, OK);
    assert!(
        world.said(client).contains("Connection: keep-alive\r\n"),
        "59 s: requests do not reset the age, nor has it come"
    );
    world.pass(seconds(3));
    assert!(!world.is_ended(client), "the age alone closes nothing");
    world.send(client, GET);
    world.send(target, OK);
    let last = world.said(client);
    assert!(last.contains("Connection: close\r\n") && last.ends_with("\r\n\r\nhi"), "{last}");
    assert!(world.is_ended(client));
    world.finish();
}

#[test]
fn the_age_runs_while_the_connection_is_idle() {
    let mut world = Script::start(1, |terms| {
        terms.attributes.client_keep_alive = seconds(60);
        terms.attributes.idle_timeout = seconds(4000);
    });
    let client = world.client();
    world.pass(seconds(61));
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, OK);
    assert!(world.said(client).contains("Connection: close\r\n"));
    world.finish();
}

#[test]
fn a_connection_keeps_the_age_limit_that_it_began_with() {
    let mut world = Script::start(1, |terms| {
        terms.attributes.client_keep_alive = seconds(3600);
        terms.attributes.idle_timeout = seconds(4000);
    });
    let old = world.client();
    world.reconfigure(1, |attributes| attributes.client_keep_alive = seconds(60));
    let new = world.client();
    world.pass(seconds(100));
    let mut said = Vec::new();
    for client in [old, new] {
        world.send(client, GET);
        world.answer_all(OK);
        said.push(world.said(client));
    }
    assert!(said[0].contains("Connection: keep-alive\r\n") && said[1].contains("Connection: close\r\n"), "{said:?}");
    world.finish();
}

#[test]
fn a_target_that_does_not_accept_within_ten_seconds_costs_a_504() {
    let mut world = Script::start(1, |terms| terms.unresponsive.push(0));
    let client = world.client();
    world.send(client, GET);
    world.pass(Duration::from_millis(9_900));
    assert_eq!(world.said(client), "");
    world.pass(Duration::from_millis(200));
    assert!(world.said(client).starts_with("HTTP/1.1 504 Gateway Time-out\r\n"));
    world.finish();
}

#[test]
fn the_connect_timeout_is_ten_seconds_even_if_the_idle_timeout_is_shorter() {
    let mut world = Script::start(1, |terms| {
        terms.unresponsive.push(0);
        terms.attributes.idle_timeout = seconds(2);
    });
    let client = world.client();
    world.send(client, GET);
    world.pass(seconds(9));
    assert_eq!(world.said(client), "");
    world.pass(seconds(2));
    assert!(world.said(client).starts_with("HTTP/1.1 504 Gateway Time-out\r\n"));
    world.finish();
}

#[test]
fn a_target_that_promises_more_than_it_sends_is_waited_for_and_then_costs_a_504() {
    let mut world = idle(10);
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    world.pass(seconds(9));
    assert_eq!(world.said(client), "", "a short answer is held until it is whole");
    world.pass(seconds(2));
    assert!(world.said(client).starts_with("HTTP/1.1 504 Gateway Time-out\r\n"));
    world.finish();
}

#[test]
fn an_upgrade_makes_a_tunnel_that_carries_anything_both_ways() {
    let mut world = idle(10);
    let client = world.client();
    world.send(client, UPGRADE);
    let target = world.accepts();
    let head = world.said(target);
    assert!(
        head.starts_with("GET /chat HTTP/1.1\r\n") && head.to_lowercase().contains("\r\nupgrade: websocket\r\n"),
        "{head}"
    );
    world.send(target, format!("{SWITCH}down"));
    let answer = world.said(client);
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\ndown"), "{answer}");
    world.send(client, "GET / HTTP/1.1\r\n\r\n");
    assert_eq!(world.said(target), "GET / HTTP/1.1\r\n\r\n", "what looks like a request is not one any more");
    for _ in 0..3 {
        world.pass(seconds(8));
        world.send(target, "tick");
        assert_eq!(world.said(client), "tick");
    }
    world.close(client);
    assert!(world.is_ended(target));
    world.finish();
}

#[test]
fn a_tunnel_without_a_byte_for_the_idle_timeout_closes() {
    let mut world = idle(10);
    let client = world.client();
    world.send(client, UPGRADE);
    let target = world.accepts();
    world.send(target, SWITCH);
    world.said(client);
    world.pass(seconds(9));
    assert!(!world.is_ended(client));
    world.pass(seconds(2));
    assert!(world.is_ended(client) && world.is_ended(target));
    assert_eq!(world.said(client), "");
    world.finish();
}

#[test]
fn a_tunnel_stays_with_its_target_while_the_configuration_changes() {
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.send(client, UPGRADE);
    let first = world.accepts();
    world.send(first, SWITCH);
    world.said(client);
    world.reconfigure(2, |_| ());
    world.send(client, "still");
    assert!(world.said(first).ends_with("still"));
    world.close(client);
    world.finish();
}

#[test]
fn a_half_closed_tunnel_still_carries_the_other_half() {
    let mut world = idle(10);
    let client = world.client();
    world.send(client, UPGRADE);
    let target = world.accepts();
    world.send(target, SWITCH);
    world.said(client);
    world.send(client, "last words");
    world.half_close(client);
    assert!(world.said(target).ends_with("last words") && world.is_ended(target));
    world.send(target, "and mine");
    assert_eq!(world.said(client), "and mine");
    world.close(target);
    assert!(world.is_ended(client));
    world.finish();
}

#[test]
fn a_client_that_half_closes_after_its_request_still_gets_the_answer() {
    let mut world = idle(60);
    let client = world.client();
    world.send(client, GET);
    world.half_close(client);
    let target = world.accepts();
    world.pass(seconds(5));
    world.send(target, OK);
    assert!(world.said(client).ends_with("\r\n\r\nhi") && world.is_ended(client));
    world.finish();
}

#[test]
fn requests_sent_ahead_of_a_half_close_are_all_answered() {
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.send(client, GET.repeat(3));
    world.half_close(client);
    let target = world.accepts();
    for n in 1..=3 {
        assert!(world.said(target).starts_with("GET / "), "request {n}");
        world.send(target, format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{n}"));
        let said = world.said(client);
        assert_eq!(said.contains("Connection: close\r\n"), n == 3, "{said:?}");
        assert!(said.ends_with(&n.to_string()) && world.is_ended(client) == (n == 3), "{said:?}");
    }
    world.finish();
}

#[test]
fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let mut world = idle(60);
    let client = world.client();
    world.send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n");
    let target = world.accepts();
    world.send(target, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let answer = world.said(client);
    assert!(answer.contains("Connection: close\r\n") && answer.ends_with("\r\n\r\nno"), "{answer}");
    world.send(client, vec![b'x'; 100_000]);
    assert!(!world.is_reset(client), "what it still sends is read and dropped for a while");
    assert_eq!(world.census().pooled, 0, "the target did not get the whole request");
    world.pass(seconds(10));
    world.finish();
}

#[test]
fn a_client_that_never_stops_sending_after_its_answer_is_cut_off() {
    let mut world = idle(60);
    let client = world.client();
    world.send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n");
    let target = world.accepts();
    world.send(target, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    world.send(client, vec![b'x'; 3_000_000]);
    assert_eq!(world.census().fronts, 0, "after a megabyte nobody reads on");
    world.finish();
}

#[test]
fn a_client_that_asks_whether_to_go_on_is_told_so_at_once() {
    let mut world = idle(60);
    let client = world.client();
    world.send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(world.said(client), "HTTP/1.1 100 Continue\r\n\r\n");
    let target = world.accepts();
    assert!(!world.said(target).to_lowercase().contains("expect"));
    world.send(client, "body");
    world.send(target, OK);
    assert!(world.said(client).starts_with("HTTP/1.1 200 OK\r\n"));
    world.finish();
}

#[test]
fn equal_targets_get_equal_shares() {
    let mut world = Script::start(4, |_| ());
    let client = world.client();
    let mut counts = [0; 4];
    for _ in 0..400 {
        world.send(client, GET);
        let served = world.answer_all(OK);
        let number = (0..4).position(|n| served == [target(n)]).expect("one target serves");
        counts[number] += 1;
    }
    assert_eq!(counts, [100; 4]);
    world.finish();
}

#[test]
fn a_reload_lets_a_request_end_as_it_began_and_closes_connections_of_targets_that_left() {
    let mut world = Script::start(2, |_| ());
    let (busy, idle) = (world.client(), world.client());
    world.send(idle, GET);
    let first = world.accepts();
    world.send(first, OK);
    world.send(busy, GET);
    let second = world.accepts();
    assert!(world.said(first).starts_with("GET ") && world.said(second).starts_with("GET "));
    world.reconfigure(1, |_| ());
    world.send(second, OK);
    assert!(world.said(busy).ends_with("\r\n\r\nhi"));
    assert!(!world.is_ended(busy) && !world.is_ended(idle));
    assert!(world.is_ended(second), "its target has left: nobody will use it again");
    for _ in 0..4 {
        world.send(idle, GET);
        assert_eq!(world.answer_all(OK), [target(0)]);
    }
    world.finish();
}

#[test]
fn a_listener_that_is_removed_finishes_what_is_in_progress_and_takes_nobody_new() {
    let mut world = Script::start(1, |_| ());
    let (busy, idle) = (world.client(), world.client());
    world.send(busy, GET);
    let target = world.accepts();
    world.reconfigure(0, |_| ());
    assert!(world.is_ended(idle) && !world.is_ended(busy));
    assert!(world.try_client().is_none());
    world.send(target, OK);
    let last = world.said(busy);
    assert!(last.contains("Connection: close\r\n") && last.ends_with("hi"), "{last}");
    world.finish();
}

#[test]
fn draining_ends_idle_clients_within_a_second_and_busy_ones_after_their_answer() {
    let mut world = Script::start(1, |_| ());
    let (busy, idle) = (world.client(), world.client());
    world.send(busy, GET);
    let target = world.accepts();
    world.drain();
    assert!(world.try_client().is_none());
    world.pass(Duration::from_millis(900));
    assert!(!world.is_ended(idle));
    world.pass(Duration::from_millis(200));
    assert!(world.is_ended(idle) && !world.is_ended(busy) && !world.is_drained());
    world.send(target, OK);
    let last = world.said(busy);
    assert!(last.contains("Connection: close\r\n") && last.ends_with("hi"), "{last}");
    world.close(busy);
    world.pass(seconds(10));
    assert!(world.is_drained());
    world.finish();
}

#[test]
fn a_request_that_was_on_its_way_when_draining_began_is_answered() {
    let mut world = Script::start(1, |_| ());
    let (fresh, kept) = (world.client(), world.client());
    world.send(kept, GET);
    let target = world.accepts();
    world.send(target, OK);
    assert!(world.said(kept).ends_with("hi"));
    world.drain();
    for client in [fresh, kept] {
        world.send(client, GET);
        world.answer_all(OK);
        let said = world.said(client);
        assert!(said.contains("Connection: close\r\n") && said.ends_with("hi"), "{said}");
    }
    world.finish();
}

#[test]
fn pipelined_requests_are_answered_in_order_and_never_sent_ahead_to_a_target() {
    let mut world = Script::start(2, |_| ());
    let client = world.client();
    world.send(client, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    let first = world.accepts();
    assert!(world.try_accepts().is_none(), "the second waits for the first one's answer");
    assert!(world.said(first).starts_with("GET /1 "));
    world.send(first, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    let second = world.accepts();
    assert!(world.said(second).starts_with("GET /2 "));
    world.send(second, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo");
    let said = world.said(client);
    assert!(said.find("one") < said.find("two") && said.ends_with("two"), "{said}");
    world.finish();
}

#[test]
fn one_connection_to_a_target_serves_many_clients_one_after_the_other() {
    let mut world = idle(60);
    let first = world.client();
    world.send(first, GET);
    let target = world.accepts();
    world.send(target, OK);
    let second = world.client();
    world.send(second, GET);
    world.send(target, OK);
    assert!(world.said(second).ends_with("\r\n\r\nhi") && world.try_accepts().is_none());
    world.finish();
}

#[test]
fn the_target_of_a_websocket_is_the_one_with_the_fewest_requests_and_the_tunnel_is_one_of_them() {
    let mut world = Script::start(3, |terms| terms.group.algorithm = Algorithm::LeastOutstandingRequests);
    let mut tunnels = Vec::new();
    for _ in 0..2 {
        let client = world.client();
        world.send(client, UPGRADE);
        let target = world.accepts();
        assert!(world.said(target).starts_with("GET /chat "));
        world.send(target, SWITCH);
        assert!(world.said(client).starts_with("HTTP/1.1 101 "));
        tunnels.push(client);
    }
    assert_eq!((0..3).map(|target| world.outstanding(target)).sum::<u32>(), 2);
    let free = (0..3).find(|&target| world.outstanding(target) == 0).expect("the tunnels are at two targets");
    let client = world.client();
    for _ in 0..6 {
        world.send(client, GET);
        assert_eq!(world.answer_all(OK), [target(free)]);
    }
    for tunnel in tunnels {
        world.reset(tunnel);
    }
    assert_eq!((0..3).map(|target| world.outstanding(target)).sum::<u32>(), 0);
}
