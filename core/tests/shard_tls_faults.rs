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
fn a_client_that_is_refused_after_it_has_sent_its_request_is_told_why() {
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
    assert!(failure.contains("AlertReceived") || failure.contains("alert"), "{failure:?}");
    assert_eq!(lab.peers[client].fate, Fate::Finish);
    lab.pass(Duration::from_secs(5));
    lab.run();
    assert_eq!(lab.shard.census(), Default::default());
}
