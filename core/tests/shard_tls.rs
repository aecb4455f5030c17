//! Connections over TLS, to listeners and to targets, as a shard serves them.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod secure_support;
mod tls_support;

use std::net::SocketAddr;
use std::time::Duration;

use secure_support::{Lab, config, identity, terms};
use sluicegate::config::{HealthCheck, Protocol};
use sluicegate::shard::{Fate, Options};
use sluicegate::tls::{Acceptor, Identity, Provider, Terms};
use tls_support::{Hello, Made, Wish};

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
fn tls_on_a_plain_port_is_answered_at_once() {
    let mut lab = Lab::new(config(None, &[target()], Protocol::Http));
    let client = lab.connect_raw().unwrap();
    let hello = Hello { tls13: true, suites: &[0x1301], groups: &[0x001D], ..Hello::default() };
    lab.peers[client].says = hello.record();
    lab.run();
    assert!(lab.heard(client).starts_with("HTTP/1.1 400 "), "{:?}", lab.heard(client));
    assert_eq!(lab.peers[client].fate, Fate::Finish);
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
fn handshakes_beyond_the_limit_are_shed_and_connections_that_say_nothing_are_none() {
    let mut options = Options::default();
    options.handshakes_max = 2;
    let mut lab = Lab::with(config(Some(terms()), &[target()], Protocol::Https), options);
    lab.prompt = false;
    let silent: Vec<usize> = (0..9).map(|_| lab.connect_raw().unwrap()).collect();
    let clients: Vec<usize> = (0..3).map(|_| lab.connect()).collect();
    lab.run();
    assert_eq!(
        clients.iter().map(|&peer| lab.peers[peer].fate).collect::<Vec<_>>(),
        [Fate::Open, Fate::Open, Fate::Close]
    );
    assert_eq!(lab.shard.metrics().handshakes_shed_count, 1);
    assert!(silent.iter().all(|&peer| lab.peers[peer].fate == Fate::Open));
    lab.prompt = true;
    lab.run();
    let more = asked(&mut lab);
    assert!(lab.heard(more).ends_with("hi"), "those that are over count no more");
    assert_eq!(lab.shard.metrics().handshakes_shed_count, 1);
}

/// A client that has sent a request and waits.
fn asked(lab: &mut Lab) -> usize {
    let client = lab.connect();
    lab.run();
    lab.says(client, GET);
    lab.run();
    client
}

#[test]
fn a_target_that_is_no_tls_server_is_a_502_that_names_its_cause() {
    let mut options = Options::default();
    options.name_causes = true;
    let mut lab = Lab::with(config(Some(terms()), &[target()], Protocol::Https), options);
    lab.acceptor = None;
    lab.silent = true;
    let client = asked(&mut lab);
    let target = lab.peers.len() - 1;
    lab.says(target, "HTTP/1.1 400 Bad Request\r\n\r\n");
    lab.run();
    let heard = lab.heard(client);
    assert!(heard.starts_with("HTTP/1.1 502 "), "{heard}");
    assert!(heard.contains("X-Sluicegate-Cause: TargetTlsHandshakeFailed\r\n"), "{heard}");
    assert_eq!(lab.peers[target].fate, Fate::Close);
    let (_, _, counted) = lab.shard.group_metrics().next().expect("counted");
    assert_eq!(counted.target_tls_negotiation_error_count, 1);
}

#[test]
fn a_target_that_leaves_in_its_handshake_is_a_502() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    lab.acceptor = None;
    lab.silent = true;
    let client = asked(&mut lab);
    lab.ends(1);
    lab.run();
    assert!(lab.heard(client).starts_with("HTTP/1.1 502 "), "{}", lab.heard(client));
}

#[test]
fn a_target_has_ten_seconds_for_its_handshake_and_then_it_is_a_504() {
    let mut options = Options::default();
    options.name_causes = true;
    let mut lab = Lab::with(config(Some(terms()), &[target()], Protocol::Https), options);
    lab.acceptor = None;
    lab.silent = true;
    let client = asked(&mut lab);
    lab.pass(Duration::from_millis(9_999));
    lab.run();
    assert_eq!(lab.heard(client), "");
    lab.pass(Duration::from_millis(1));
    lab.run();
    let heard = lab.heard(client);
    assert!(heard.starts_with("HTTP/1.1 504 ") && heard.contains("TargetTlsHandshakeTimeout"), "{heard}");
}

#[test]
fn an_answer_without_length_is_whole_only_if_the_target_says_that_it_is_over() {
    for (says_so, end) in [(true, "0\r\n\r\n"), (false, "3\r\nhal\r\n")] {
        let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
        lab.answer = b"HTTP/1.1 200 OK\r\n\r\nhal".to_vec();
        let client = asked(&mut lab);
        if says_so {
            lab.peers[1].session.as_mut().unwrap().close();
            lab.run();
        }
        lab.ends(1);
        lab.run();
        let heard = lab.heard(client);
        assert!(heard.ends_with(end), "{heard}");
        let session = lab.peers[client].session.as_ref().unwrap();
        assert!(!says_so || !session.peer_closed(), "the connection goes on");
    }
}

#[test]
fn a_client_is_told_that_nothing_more_comes_unless_its_answer_was_cut() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    let client = lab.connect();
    lab.run();
    lab.says(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    lab.run();
    assert!(lab.heard(client).ends_with("hi"));
    assert!(lab.peers[client].session.as_ref().unwrap().peer_closed());

    // An idle one, when its time is over.
    let idle = asked(&mut lab);
    lab.pass(Duration::from_secs(60));
    lab.run();
    assert!(lab.peers[idle].session.as_ref().unwrap().peer_closed());

    // Half an answer.
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    lab.answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"[..], &[b'x'; 50_000]].concat();
    let cut = asked(&mut lab);
    lab.pass(Duration::from_secs(60));
    lab.run();
    assert!(lab.heard(cut).len() > 40_000);
    assert_eq!(lab.peers[cut].fate, Fate::Finish);
    assert!(!lab.peers[cut].session.as_ref().unwrap().peer_closed(), "a cut answer does not look whole");
}

#[test]
fn sessions_are_resumed_with_clients_and_with_targets() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    let resumed = |lab: &Lab, peer: usize| lab.peers[peer].session.as_ref().unwrap().negotiated().unwrap().resumed;
    let first = asked(&mut lab);
    assert!(!resumed(&lab, first) && !resumed(&lab, 1));
    // The target's connection is not used again, so the next request needs another one.
    lab.ends(1);
    lab.run();
    let second = asked(&mut lab);
    assert!(resumed(&lab, second), "with its client");
    assert_eq!(lab.heard(second).matches("hi").count(), 1);
}

#[test]
fn what_a_session_holds_of_a_configuration_is_gone_after_its_handshake() {
    let terms = terms();
    let identity = std::sync::Arc::downgrade(terms.default.as_ref().unwrap());
    let mut lab = Lab::new(config(Some(terms), &[target()], Protocol::Https));
    let client = asked(&mut lab);
    let other = config(Some(secure_support::terms()), &[target()], Protocol::Https);
    lab.config = std::sync::Arc::new(other);
    let new = std::sync::Arc::clone(&lab.config);
    lab.turn(|turn| drop(turn.reconfigured(new)));
    lab.says(client, GET);
    lab.run();
    assert_eq!(lab.heard(client).matches("hi").count(), 2, "the open connection goes on");
    assert_eq!(identity.strong_count(), 0);
}

#[test]
fn nothing_is_left_when_everybody_has_gone() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    for _ in 0..3 {
        asked(&mut lab);
        lab.connect_raw().unwrap();
    }
    // One whose step is never carried out before it leaves, and one whose step comes back too late.
    lab.prompt = false;
    let late = lab.connect();
    lab.run();
    let wire = lab.peers[late].wire;
    let job = lab.turn(|turn| turn.job(wire)).expect("a step");
    lab.turn(|turn| turn.wire(wire).unwrap().lost());
    lab.turn(|turn| turn.computed(job));
    lab.prompt = true;
    lab.turn(|turn| turn.draining());
    for _ in 0..70 {
        lab.pass(Duration::from_secs(10));
        lab.run();
    }
    assert_eq!(lab.shard.census(), Default::default());
}

#[test]
fn a_slow_reader_of_a_long_answer_holds_back_its_target_and_gets_all_of_it() {
    let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
    let body = vec![b'x'; 3_000_000];
    lab.answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"[..], &body].concat();
    let client = lab.connect();
    lab.run();
    lab.says(client, GET);
    lab.peers[client].takes = 0;
    lab.run();
    assert!(lab.shard.census().memory.lent < 600 * 1024, "{:?}", lab.shard.census().memory);
    lab.peers[client].takes = usize::MAX;
    lab.run();
    assert_eq!(lab.heard(client).len(), lab.heard(client).find("\r\n\r\n").unwrap() + 4 + body.len());
}

/// Answers handshakes as a target with that policy and certificate.
fn targets(lab: &mut Lab, policy: &str, identity: std::sync::Arc<Identity>) {
    let terms = Terms::new(secure_support::policy(policy), identity);
    lab.acceptor = Acceptor::new(&terms, &Provider::aws_lc(), &lab.clock, None, &[]).map(std::sync::Arc::new);
}

#[test]
fn targets_are_offered_tls_1_3_behind_a_listener_that_has_it_and_else_not() {
    for (listener, target_policy, reached) in [
        ("TLS13-1-2-2021-06", "TLS13-1-3-2021-06", true),
        ("TLS13-1-2-2021-06", "TLS-1-2-2017-01", true),
        ("2016-08", "TLS13-1-3-2021-06", false),
        ("2016-08", "TLS-1-2-2017-01", true),
    ] {
        let terms = Terms::new(secure_support::policy(listener), identity("localhost"));
        let mut lab = Lab::new(config(Some(terms), &[target()], Protocol::Https));
        targets(&mut lab, target_policy, identity("target"));
        let client = asked(&mut lab);
        let status = if reached { "HTTP/1.1 200" } else { "HTTP/1.1 502" };
        assert!(lab.heard(client).starts_with(status), "{listener} {target_policy}: {}", lab.heard(client));
    }
}

#[test]
fn a_listener_without_tls_reaches_its_targets_over_tls_too() {
    let mut lab = Lab::new(config(None, &[target()], Protocol::Https));
    targets(&mut lab, "TLS-1-2-2017-01", identity("target"));
    let client = lab.connect_raw().unwrap();
    lab.says(client, GET);
    lab.run();
    assert!(lab.heard(client).ends_with("hi"));
}

#[test]
fn no_certificate_of_a_target_is_refused() {
    let expired = Made::self_signed(&Wish { not_after: (2001, 1, 1), not_before: (2000, 1, 1), ..Wish::default() });
    for identity in [identity("somebody.else"), expired.identity("expired")] {
        let mut lab = Lab::new(config(Some(terms()), &[target()], Protocol::Https));
        targets(&mut lab, "TLS13-1-2-2021-06", identity);
        let client = asked(&mut lab);
        assert!(lab.heard(client).ends_with("hi"), "{}", lab.heard(client));
    }
}

/// Two listeners with policies of their own in front of one group: what they may reuse of each other is nothing.
#[test]
fn connections_with_one_policy_serve_no_request_that_asks_for_another() {
    let mut config = config(Some(terms()), &[target()], Protocol::Https);
    let mut other = secure_support::config(Some(terms()), &[target()], Protocol::Https).listeners.remove(0);
    other.port = 8443;
    other.tls = Some(Terms::new(secure_support::policy("2016-08"), identity("localhost")));
    config.listeners.push(other);
    let mut lab = Lab::new(config);
    asked(&mut lab);
    assert_eq!(lab.shard.census().pooled, 1);
    lab.listener = sluicegate::shard::ListenerId(8443);
    asked(&mut lab);
    assert_eq!(lab.shard.census().pooled, 2);
    asked(&mut lab);
    assert_eq!(lab.shard.census().pooled, 2);
}

#[test]
fn targets_are_checked_over_tls() {
    for (speaks_tls, healthy) in [(true, true), (false, false)] {
        let mut config = config(Some(terms()), &[target()], Protocol::Https);
        config.groups[0].health_check = HealthCheck { protocol: Protocol::Https, ..HealthCheck::default() };
        let mut lab = Lab::new(config);
        if !speaks_tls {
            lab.acceptor = None;
        }
        lab.run();
        lab.pass(Duration::from_secs(120));
        lab.run();
        let mut told = String::new();
        for _ in 0..4 {
            lab.pass(Duration::from_secs(30));
            lab.run();
            let state = lab.config.target_health(sluicegate::rules::GroupId(0), lab.now);
            told = format!("{state:?}");
        }
        assert_eq!(told.contains("state: \"healthy\""), healthy, "{told}");
    }
}

#[test]
fn each_side_with_tls_has_as_much_memory_set_aside_as_an_exchange_without() {
    let admitted = |terms: Option<Terms>, to_targets| {
        let mut lab = Lab::new(config(terms, &[target()], to_targets));
        lab.silent = true;
        let client = if lab.config.listeners[0].tls.is_some() { lab.connect() } else { lab.connect_raw().unwrap() };
        lab.run();
        lab.says(client, GET);
        lab.run();
        lab.shard.census().memory.admitted
    };
    let plain = admitted(None, Protocol::Http);
    assert_eq!(plain, 64 * 1024);
    assert_eq!(admitted(Some(terms()), Protocol::Http), 2 * plain);
    assert_eq!(admitted(Some(terms()), Protocol::Https), 3 * plain);
}
