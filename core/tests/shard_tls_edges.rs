//! Last moments of a client's connection: of its handshake, on both sides of it, and of its last answer.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod secure_support;

use std::net::SocketAddr;
use std::time::Duration;

use secure_support::{Lab, config, terms};
use sluicegate::config::Protocol;
use sluicegate::shard::{Fate, Options};

/// A client that says the last of its handshake so late, and then asks for something: what it hears, and what becomes of it.
fn finishes_after(span: Duration) -> (String, Fate) {
    let target = SocketAddr::from(([10, 0, 0, 7], 80));
    let mut lab = Lab::new(config(Some(terms()), &[target], Protocol::Http));
    let client = lab.connect_raw().unwrap();
    let mut session = lab.connector.session("lab.example").unwrap();
    let mut room = vec![0; 16 * 1024];
    let n = session.take_ciphertext(&mut room);
    lab.peers[client].raw = room[..n].to_vec();
    lab.run();
    let flight = std::mem::take(&mut lab.peers[client].heard);
    assert_eq!(session.feed(&flight).unwrap(), flight.len());
    assert!(session.is_open(), "the rest of the handshake is the client's");
    lab.pass(span);
    lab.acceptor = None;
    lab.peers[client].session = Some(session);
    lab.says(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    lab.run();
    (lab.heard(client), lab.peers[client].fate)
}

#[test]
fn a_client_that_finishes_its_handshake_in_time_is_served() {
    let (heard, fate) = finishes_after(Duration::from_millis(9_999));
    assert!(heard.ends_with("\r\n\r\nhi"), "{heard:?}");
    assert_eq!(fate, Fate::Open);
}

#[test]
fn a_client_that_finishes_its_handshake_too_late_is_not() {
    assert_eq!(finishes_after(Duration::from_millis(10_001)), (String::new(), Fate::Close));
    assert_eq!(finishes_after(Duration::from_millis(10_000)), (String::new(), Fate::Close));
}

#[test]
fn a_client_may_take_its_time_over_the_last_record_of_an_answer() {
    let target = SocketAddr::from(([10, 0, 0, 7], 80));
    let mut lab = Lab::new(config(Some(terms()), &[target], Protocol::Http));
    lab.acceptor = None;
    lab.silent = true;
    let client = lab.connect();
    lab.run();
    lab.says(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    lab.run();
    // The client reads one byte of its answer, and then nothing for longer than anybody waits after an answer.
    let (client_wire, target_wire) = (lab.peers[client].wire, lab.peers[client + 1].wire);
    let answer = lab.answer.clone();
    let mut got = lab.turn(|turn| {
        assert_eq!(turn.wire(target_wire).unwrap().offer(&answer), answer.len());
        let mut wire = turn.wire(client_wire).unwrap();
        let first = wire.pending()[..1].to_vec();
        wire.sent(1);
        first
    });
    lab.pass(Duration::from_secs(6));
    got.extend(lab.turn(|turn| {
        let mut wire = turn.wire(client_wire).expect("it is still there");
        assert_eq!(wire.fate(), Fate::Open);
        let mut rest = Vec::new();
        while !wire.pending().is_empty() {
            rest.extend_from_slice(wire.pending());
            let n = wire.pending().len();
            wire.sent(n);
        }
        assert_eq!(wire.fate(), Fate::Finish);
        rest
    }));
    let session = lab.peers[client].session.as_mut().unwrap();
    let (mut heard, mut room, mut rest) = (Vec::new(), vec![0; 4096], &got[..]);
    while !rest.is_empty() {
        let fed = session.feed(rest).unwrap();
        rest = &rest[fed..];
        let n = session.take_plaintext(&mut room);
        heard.extend_from_slice(&room[..n]);
    }
    assert!(heard.ends_with(b"\r\n\r\nhi") && session.peer_closed(), "{:?}", String::from_utf8_lossy(&heard));
}

#[test]
fn a_handshake_that_memory_ends_counts_no_longer() {
    let target = SocketAddr::from(([10, 0, 0, 7], 80));
    let mut options = Options::default();
    // Not a page for anything.
    options.memory_max = 0;
    let mut lab = Lab::with(config(Some(terms()), &[target], Protocol::Http), options);
    let client = lab.connect_raw().unwrap();
    lab.peers[client].raw = vec![22, 3, 1];
    lab.run();
    assert_eq!(lab.peers[client].fate, Fate::Close);
    assert_eq!(lab.shard.census(), Default::default());
}
