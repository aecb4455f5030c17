//! A connection from the pool that its target spoke on unasked serves nobody, in whichever order a turn learns of things.

use std::net::SocketAddr;
use std::sync::Arc;

use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, Fate, ListenerId, Options, Shard, WireId};
use sluicegate::time::{Mono, Now, Wall};

const NOW: Now = Now { mono: Mono::from_nanos(0), wall: Wall::from_micros(0) };
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const STALE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale";

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

/// A shard with a client that has sent a request, and a new connection to the target that nothing was sent on.
fn shard_with_a_new_connection() -> (Shard, WireId, WireId) {
    let config = Config::forwarding(80, &["127.0.0.1:9001".parse().unwrap()]);
    let mut shard = Shard::new(Arc::new(config), Options::default(), 1);
    let mut turn = shard.turn(NOW);
    let client = turn.accepted(ListenerId(80), ends()).unwrap();
    turn.wire(client).unwrap().offer(REQUEST);
    let Some(Effect::Dial { wire: target, .. }) = turn.next_effect() else { panic!("nothing is dialed") };
    turn.dialed(target, Ok(ends()));
    let _ = turn.finish();
    (shard, client, target)
}

/// The same once the client was served, and the connection to the target waits in the pool.
fn shard_with_a_pooled_connection() -> (Shard, WireId, WireId) {
    let (mut shard, client, target) = shard_with_a_new_connection();
    let mut turn = shard.turn(NOW);
    send_all(&mut turn.wire(target).unwrap());
    turn.wire(target).unwrap().offer(ANSWER);
    send_all(&mut turn.wire(client).unwrap());
    let _ = turn.finish();
    assert_eq!(shard.census().pooled, 1);
    (shard, client, target)
}

fn send_all(wire: &mut sluicegate::shard::Wire<'_>) {
    let all = wire.pending().len();
    wire.sent(all);
}

#[test]
fn what_came_before_the_request_was_sent_is_no_answer_to_it() {
    let (mut shard, client, target) = shard_with_a_pooled_connection();
    let mut turn = shard.turn(NOW);
    turn.wire(client).unwrap().offer(REQUEST);
    assert!(turn.wire(target).unwrap().reads_first(), "the connection has waited");
    turn.wire(target).unwrap().offer(STALE);
    assert_eq!(turn.wire(target).unwrap().fate(), Fate::Close);
    let mut wire = turn.wire(client).unwrap();
    let answer = String::from_utf8_lossy(wire.pending()).into_owned();
    assert!(answer.starts_with("HTTP/1.1 502 ") && !answer.contains("stale"), "{answer}");
    turn.wire(target).unwrap().lost();
    let _ = turn.finish();
    assert_eq!((shard.census().backs, shard.census().pooled), (0, 0));
}

#[test]
fn what_comes_once_the_request_is_sent_is_its_answer() {
    let (mut shard, client, target) = shard_with_a_pooled_connection();
    let mut turn = shard.turn(NOW);
    turn.wire(client).unwrap().offer(REQUEST);
    send_all(&mut turn.wire(target).unwrap());
    assert!(!turn.wire(target).unwrap().reads_first());
    turn.wire(target).unwrap().offer(ANSWER);
    assert!(turn.wire(client).unwrap().pending().starts_with(b"HTTP/1.1 200 OK\r\n"));
    let _ = turn.finish();
}

#[test]
fn a_new_connection_is_written_to_at_once() {
    let (mut shard, _, target) = shard_with_a_new_connection();
    let mut turn = shard.turn(NOW);
    let mut wire = turn.wire(target).unwrap();
    assert!(!wire.reads_first() && !wire.pending().is_empty());
    let _ = turn.finish();
}

#[test]
fn a_connection_that_ended_while_it_waited_costs_its_next_request_nothing() {
    for (lost, port) in [(false, 9001), (true, 9001), (false, 9002), (true, 9002)] {
        let (mut shard, client, target) = shard_with_a_pooled_connection();
        let mut turn = shard.turn(NOW);
        turn.wire(client).unwrap().offer(REQUEST);
        // Whose target is another now, or still the same.
        let next = SocketAddr::from(([127, 0, 0, 1], port));
        drop(turn.reconfigured(Arc::new(Config::forwarding(80, &[next]))));
        let mut wire = turn.wire(target).unwrap();
        assert!(wire.reads_first());
        if lost {
            wire.lost();
        } else {
            wire.ended();
            assert_eq!(turn.wire(target).unwrap().fate(), Fate::Close);
            turn.wire(target).unwrap().lost();
        }
        let mut dialed = None;
        while let Some(effect) = turn.next_effect() {
            if let Effect::Dial { wire, address } = effect {
                dialed = Some(wire);
                assert_eq!(address, next);
            }
        }
        let fresh = dialed.expect("another connection");
        turn.dialed(fresh, Ok(ends()));
        let mut wire = turn.wire(fresh).unwrap();
        assert!(wire.pending().starts_with(b"GET / HTTP/1.1\r\n"));
        send_all(&mut wire);
        wire.offer(ANSWER);
        assert!(turn.wire(client).unwrap().pending().starts_with(b"HTTP/1.1 200 OK\r\n"));
        let _ = turn.finish();
        assert_eq!(shard.census().backs, 1);
    }
}

#[test]
fn a_connection_that_ends_once_something_was_sent_on_it_costs_a_502() {
    let (mut shard, client, target) = shard_with_a_pooled_connection();
    let mut turn = shard.turn(NOW);
    turn.wire(client).unwrap().offer(REQUEST);
    let mut wire = turn.wire(target).unwrap();
    wire.sent(1);
    wire.ended();
    assert!(turn.wire(client).unwrap().pending().starts_with(b"HTTP/1.1 502 "));
    while let Some(effect) = turn.next_effect() {
        assert!(!matches!(effect, Effect::Dial { .. }), "it was sent once more");
    }
    let _ = turn.finish();
}
