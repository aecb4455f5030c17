//! Errors and limits in virtual time: who gets which status, and what it costs nobody.

use std::time::Duration;

use sluicegate_conformance::sim::script::{Script, target};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What a client gets whose target says `answer` and then closes.
fn answered(answer: &str, close: bool) -> String {
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, answer);
    if close {
        world.half_close(target);
    }
    let said = world.said(client);
    world.finish();
    said
}

#[test]
fn a_client_that_closes_its_side_within_a_body_gets_400() {
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    let target = world.accepts();
    world.half_close(client);
    assert!(world.said(client).starts_with("HTTP/1.1 400 Bad Request\r\n"));
    assert!(world.is_ended(target), "the target must not take half a body for a whole one");
    world.finish();
}

#[test]
fn a_client_that_leaves_before_the_answer_is_recorded_as_460() {
    let mut world = Script::start(1, |terms| terms.options.access_log = true);
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.reset(client);
    assert!(world.is_ended(target));
    world.pass(seconds(1));
    let line = world.journal();
    assert_eq!(line.split(' ').nth(8), Some("460"), "{line}");
    world.finish();
}

#[test]
fn a_client_that_leaves_while_its_answer_is_held_is_recorded_as_460_too() {
    let mut world = Script::start(1, |terms| terms.options.access_log = true);
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    world.reset(client);
    world.pass(seconds(1));
    let line = world.journal();
    assert_eq!(line.split(' ').nth(8), Some("460"), "{line}");
    assert_eq!(line.split(' ').nth(9), Some("200"), "{line}");
    world.finish();
}

#[test]
fn a_target_that_refuses_the_connection_costs_a_502() {
    let mut world = Script::start(1, |terms| terms.refusing.push(0));
    let client = world.client();
    world.send(client, GET);
    let answer = world.said(client);
    assert!(
        answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n") && answer.contains("Connection: keep-alive\r\n"),
        "{answer}"
    );
    world.finish();
}

#[test]
fn a_target_that_closes_or_resets_before_its_answer_costs_a_502() {
    for reset in [false, true] {
        let mut world = Script::start(1, |_| ());
        let client = world.client();
        world.send(client, GET);
        let target = world.accepts();
        if reset {
            world.reset(target)
        } else {
            world.half_close(target)
        }
        assert!(world.said(client).starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
        world.finish();
    }
}

#[test]
fn a_target_whose_answer_is_not_http_costs_a_502() {
    for answer in [
        "220 mail.example ESMTP\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
    ] {
        let said = answered(answer, false);
        assert!(said.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer:?}: {said:?}");
    }
}

#[test]
fn a_response_head_may_have_32_k_and_not_more() {
    let head = |len: usize| {
        let mut head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_owned();
        while head.len() + 1200 < len {
            head += &format!("X-{}: {}\r\n", head.len(), "v".repeat(1000));
        }
        let rest = len - head.len() - "X: \r\n\r\n".len();
        head + &format!("X: {}\r\n\r\n", "v".repeat(rest))
    };
    assert_eq!(head(32_768).len(), 32_768);
    assert!(answered(&head(32_768), false).starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(answered(&head(32_769), false).starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
}

#[test]
fn an_empty_group_costs_a_503() {
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.send(client, GET);
    world.answer_all(OK);
    world.said(client);
    let mut empty = Script::start(0, |_| ());
    let lonely = empty.client();
    empty.send(lonely, GET);
    assert!(empty.said(lonely).starts_with("HTTP/1.1 503 Service Temporarily Unavailable\r\n"));
    empty.finish();
    world.finish();
}

#[test]
fn a_body_that_is_cut_short_cuts_the_connection_and_never_looks_whole() {
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    world.half_close(target);
    let said = world.said(client);
    assert!(said.ends_with("4\r\nhalf\r\n") && world.is_ended(client), "{said:?}");
    world.finish();
}

#[test]
fn a_body_that_is_wrong_from_its_first_byte_costs_a_502() {
    for body in ["zz\r\n", "fffffffffffffffff\r\n"] {
        let mut world = Script::start(1, |_| ());
        let client = world.client();
        world.send(client, GET);
        let target = world.accepts();
        world.send(target, format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        let said = world.said(client);
        assert!(said.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "no byte of the target's answer has left: {said:?}");
        world.finish();
    }
}

#[test]
fn what_came_of_a_body_before_it_was_cut_short_reaches_even_a_slow_client() {
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.stop_reading(client, true);
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, "HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n");
    world.send(target, vec![b'x'; 40_000]);
    world.half_close(target);
    world.stop_reading(client, false);
    let said = world.said(client);
    assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with(&"x".repeat(40_000)), "{} bytes", said.len());
    assert!(world.is_ended(client));
    world.finish();
}

#[test]
fn a_target_that_leaves_amid_a_large_upload_costs_a_502_however_fast_the_client_sends() {
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.send(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    let target = world.accepts();
    world.stop_reading(target, true);
    world.send(client, vec![b'x'; 3_000_000]);
    world.close(target);
    let said = world.said(client);
    assert!(said.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{said:?}");
    world.finish();
}

#[test]
fn idle_clients_hold_no_memory() {
    let mut world = Script::start(1, |terms| terms.attributes.idle_timeout = seconds(4000));
    let clients: Vec<_> = (0..10_000).map(|_| world.client()).collect();
    assert_eq!((world.census().fronts, world.census().memory.lent), (10_000, 0));
    for &client in &clients[..100] {
        world.send(client, GET);
        world.answer_all(OK);
    }
    let memory = world.census().memory;
    assert_eq!((memory.lent, memory.admitted, memory.metered), (0, 0, 0));
    assert_eq!(world.census().backs, 1);
}

#[test]
fn a_large_body_passes_at_constant_memory_in_either_direction() {
    const ALL: usize = 100_000_000;
    const PIECE: usize = 500_000;
    let mut world = Script::start(1, |_| ());
    let client = world.client();
    world.send(client, format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {ALL}\r\n\r\n"));
    let target = world.accepts();
    let head = world.said(target).len() as u64;
    world.count_only(target);
    for _ in 0..ALL / PIECE {
        world.send(client, vec![b'u'; PIECE]);
    }
    assert_eq!(world.count(target), head + ALL as u64);
    world.count_only(client);
    world.send(target, format!("HTTP/1.1 200 OK\r\nContent-Length: {ALL}\r\n\r\n"));
    let head = world.count(client);
    for _ in 0..ALL / PIECE {
        world.send(target, vec![b'd'; PIECE]);
    }
    assert_eq!(world.count(client), head + ALL as u64);
    assert!(world.lent_most() <= 200_000, "{} bytes were lent", world.lent_most());
    world.finish();
}

#[test]
fn a_client_that_does_not_read_holds_its_target_back() {
    let mut world = Script::start(1, |terms| terms.narrow = true);
    let client = world.client();
    world.stop_reading(client, true);
    world.send(client, GET);
    let target = world.accepts();
    world.send(target, format!("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n{}", "d".repeat(3_000_000)));
    assert!(world.census().memory.lent <= 200_000, "{:?}", world.census());
    world.stop_reading(client, false);
    world.pass(seconds(5));
    assert!(world.count(client) > 3_000_000);
    world.finish();
}

#[test]
fn past_the_limit_of_connections_new_ones_are_shed() {
    let mut world = Script::start(1, |terms| terms.options.connections_max = 2);
    let first = world.client();
    let _second = world.client();
    assert!(world.try_client().is_none());
    assert_eq!(world.shed(), 1);
    world.close(first);
    assert!(world.try_client().is_some());
    world.finish();
}

#[test]
fn without_memory_new_requests_get_503_and_those_in_progress_end() {
    let mut world = Script::start(1, |terms| terms.options.memory_max = 256 * 1024);
    let clients: Vec<_> = (0..3).map(|_| world.client()).collect();
    for &client in &clients {
        world.send(client, GET);
    }
    assert!(world.said(clients[2]).starts_with("HTTP/1.1 503 Service Temporarily Unavailable\r\n"));
    world.answer_all(OK);
    for &client in &clients[..2] {
        assert!(world.said(client).ends_with("\r\n\r\nhi"));
    }
    world.send(clients[2], GET);
    world.answer_all(OK);
    assert!(world.said(clients[2]).ends_with("\r\n\r\nhi"), "memory came back");
    world.finish();
}

#[test]
fn a_target_that_fails_costs_only_its_own_request_and_the_client_may_go_on() {
    let mut world = Script::start(2, |_| ());
    let client = world.client();
    world.send(client, GET);
    let failing = world.accepts();
    assert!(world.said(failing).starts_with("GET / "));
    world.reset(failing);
    assert!(world.said(client).starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
    world.send(client, GET);
    assert_eq!(world.answer_all(OK), [target(1)]);
    assert!(world.said(client).ends_with("\r\n\r\nhi"));
    world.finish();
}
