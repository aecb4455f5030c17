//! Which protocol is agreed on (ALPN, RFC 7301): ours if the client asks for it, and none if it asks for others alone. It is
//! served then all the same, as behind application load balancers.

#![cfg(feature = "aws-lc")]

mod tls_support;

use std::sync::Arc;

use sluicegate::tls::{Acceptor, Connector, Provider, Terms};
use tls_support::{Kind, Made, Wish, clock, policy, shake};

/// What is agreed on, as both sides see it, by a listener that offers HTTP/1.1 and a client that asks for those.
fn agreed(policy_name: &str, asked: &[&[u8]]) -> Option<Vec<u8>> {
    let (policy, provider) = (policy(policy_name), Provider::aws_lc());
    let terms = Terms::new(policy, Made::self_signed(&Wish { kind: Kind::P256, ..Wish::default() }).identity("a"));
    let acceptor = Arc::new(Acceptor::new(&terms, &provider, &clock(), None, &[b"http/1.1"]).unwrap());
    let connector = Connector::new(policy, &provider, &clock(), asked).unwrap();
    let (mut client, mut server) = (connector.session("a.test").unwrap(), acceptor.session());
    shake(&mut client, &mut server).unwrap();
    assert_eq!(client.protocol(), server.protocol());
    server.protocol().map(<[u8]>::to_vec)
}

const POLICIES: [&str; 2] = ["TLS13-1-3-2021-06", "2016-08"];

#[test]
fn a_protocol_that_both_have_is_agreed_on() {
    for policy in POLICIES {
        for asked in [&[&b"http/1.1"[..]][..], &[b"h2", b"http/1.1"], &[b"http/1.1", b"http/1.0"]] {
            assert_eq!(agreed(policy, asked).as_deref(), Some(&b"http/1.1"[..]), "{policy} {asked:?}");
        }
    }
}

#[test]
fn a_client_that_asks_for_others_alone_or_for_none_is_served_without_one() {
    for policy in POLICIES {
        for asked in [&[][..], &[&b"http/1.0"[..]], &[b"h2"], &[b"HTTP/1.1", b"http/1"], &[b"acme-tls/1"]] {
            assert_eq!(agreed(policy, asked), None, "{policy} {asked:?}");
        }
    }
}
