//! What goes wrong on connections over TLS, and what the peer gets to know of it.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod secure_support;

use std::sync::Arc;
use std::time::Duration;

use secure_support::{Lab, config, identity, terms};
use sluicegate::config::Protocol;
use sluicegate::shard::Fate;
use sluicegate::tls::{MutualAuthentication, Terms, TrustStore, Verify};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// Clients need a certificate, and nobody vouches for any.
fn demanding() -> Terms {
    let verify = Verify { store: Arc::new(TrustStore::default()), ignore_expiry: false, advertise: false };
    Terms { mutual: MutualAuthentication::Verify(Arc::new(verify)), ..terms() }
}

#[test]
fn a_client_whose_request_crosses_its_refusal_is_told_why() {
    let mut lab = Lab::new(config(Some(demanding()), &[], Protocol::Http));
    lab.connector = lab.connector.showing(&identity("client.example"));
    let client = lab.connect();
    lab.prompt = false;
    for _ in 0..2 {
        lab.run();
        assert!(lab.compute());
    }
    // It takes the handshake for done, and what it sends crosses what it is told.
    lab.says(client, GET);
    lab.run();
    let failure = lab.peers[client].failure.as_deref().unwrap_or_default();
    assert!(failure.contains("fatal alert"), "{failure:?}");
    assert_eq!(lab.peers[client].fate, Fate::Finish);
    lab.pass(Duration::from_secs(5));
    lab.run();
    assert_eq!(lab.shard.census(), Default::default());
}

#[test]
fn what_a_refused_client_goes_on_to_send_is_dropped_up_to_a_limit() {
    for (more, fate) in [(16 * 1024, Fate::Finish), (16 * 1024 + 1, Fate::Close)] {
        let mut lab = Lab::new(config(Some(terms()), &[], Protocol::Http));
        let client = lab.connect_raw().unwrap();
        lab.says(client, GET);
        lab.run();
        assert_eq!(lab.peers[client].fate, Fate::Finish, "it is no TLS");
        lab.says(client, &"x".repeat(more));
        lab.run();
        assert_eq!(lab.peers[client].fate, fate, "{more} bytes");
        assert_eq!(lab.shard.census().memory, Default::default());
    }
}

#[test]
fn what_makes_no_sense_after_the_goodbye_does_no_harm() {
    let mut lab = Lab::new(config(Some(terms()), &[([10, 0, 0, 7], 80).into()], Protocol::Http));
    let client = lab.connect();
    lab.run();
    lab.says(client, &GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    lab.run();
    assert!(lab.peers[client].session.as_ref().unwrap().peer_closed());
    assert_eq!(lab.peers[client].fate, Fate::Finish);
    lab.peers[client].session = None;
    lab.says(client, "\x17\x03\x03\0\x20 no record of this session, whatever");
    lab.run();
    lab.ends(client);
    lab.run();
    assert_eq!(lab.peers[client].fate, Fate::Close);
}
