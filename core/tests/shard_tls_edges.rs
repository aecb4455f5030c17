//! The last moment of a client's handshake, on both sides of it.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod secure_support;

use std::net::SocketAddr;
use std::time::Duration;

use secure_support::{Lab, config, terms};
use sluicegate::config::Protocol;
use sluicegate::shard::Fate;

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
    let target = lab.peers.len() - 1;
    if target != client {
        let answer = lab.answer.clone();
        lab.says(target, &String::from_utf8(answer).unwrap());
        lab.run();
    }
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
