//! Connections over TLS, to listeners and to targets, as a shard serves them.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod secure_support;

use std::net::SocketAddr;
use std::time::Duration;

use secure_support::{Lab, config, terms};
use sluicegate::config::Protocol;
use sluicegate::shard::{Fate, Options, Shed};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";

fn target() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 7], 443))
}

#[test]
fn a_request_comes_and_its_answer_goes_over_tls() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    let client = lab.connect();
    lab.run();
    lab.says(client, GET);
    lab.run();
    assert!(
        lab.heard(client).starts_with("HTTP/1.1 200 OK\r\n"),
        "{:?} {:?}",
        lab.heard(client),
        lab.peers[client].failure
    );
    assert!(lab.heard(client).ends_with("\r\n\r\nhi"));
    assert_eq!(lab.peers.len(), 2, "one target");
    lab.says(client, GET);
    lab.run();
    assert_eq!(lab.heard(client).matches("\r\n\r\nhi").count(), 2);
    assert_eq!(lab.peers.len(), 2, "the connection to the target is used again");
}

#[test]
fn a_long_request_goes_on_when_its_target_takes_more() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Http));
    let client = lab.connect();
    lab.run();
    let size = 1 << 20;
    lab.says(client, &format!("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: {size}\r\n\r\n"));
    lab.says(client, &"x".repeat(size));
    lab.run();
    let heard = lab.heard(1);
    let (_, body) = heard.split_once("\r\n\r\n").unwrap();
    assert_eq!((body.len(), lab.peers[client].raw.len()), (size, 0));
}

#[test]
fn a_handshake_may_come_byte_by_byte() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    let client = lab.connect();
    lab.peers[client].piece = 1;
    lab.says(client, GET);
    lab.run();
    assert!(lab.heard(client).ends_with("\r\n\r\nhi"), "{:?}", lab.heard(client));
}

#[test]
fn what_is_no_tls_is_told_so_and_closed() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    let client = lab.connect_raw().unwrap();
    lab.says(client, GET);
    lab.run();
    let peer = &lab.peers[client];
    assert_eq!((peer.heard.first(), peer.fate), (Some(&21), Fate::Finish), "an alert, then the end");
    lab.pass(Duration::from_secs(5));
    lab.run();
    assert_eq!(lab.shard.census(), Default::default());
}

#[test]
fn a_handshake_has_ten_seconds() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    let client = lab.connect_raw().unwrap();
    lab.pass(Duration::from_millis(9_999));
    lab.run();
    assert_eq!(lab.peers[client].fate, Fate::Open);
    lab.pass(Duration::from_millis(1));
    lab.run();
    assert_eq!(lab.peers[client].fate, Fate::Close);
    assert_eq!(lab.shard.census(), Default::default());
}

#[test]
fn handshakes_beyond_the_limit_are_shed_until_one_is_over() {
    let mut options = Options::default();
    options.handshakes_max = 2;
    let mut lab = Lab::with(config(Some(terms()), &[target()], Protocol::Https), options);
    let first = lab.connect();
    assert!(lab.connect_raw().is_ok());
    assert_eq!(lab.connect_raw(), Err(Shed::Handshakes));
    lab.run();
    assert!(lab.peers[first].session.as_ref().unwrap().is_open());
    assert!(lab.connect_raw().is_ok());
    assert_eq!(lab.connect_raw(), Err(Shed::Handshakes));
}
