//! Health checks of targets that speak HTTP/2 or gRPC: what they ask, how they are judged, and that nothing is left of them.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use std::sync::Arc;

use http2_support::{End, Fields, Net, Reply, field, fields, target};
use sluicegate::config::Protocol;
use sluicegate::config::ProtocolVersion::{self, Grpc, Http2};
use sluicegate::http::h2::{ErrorCode, Terms};
use sluicegate::shard::DialError;
use sluicegate::target::health::{Failure, Status};
use sluicegate::target::{Health, HealthCheck, Matcher};
use sluicegate::tls::{Acceptor, Provider};

/// A shard that checks one target of that version; one failure is an outcome.
fn checking(version: ProtocolVersion, protocol: Protocol, matcher: Option<(u16, u16)>) -> Net {
    let mut net = Net::with(version, protocol, |config, _| {
        let check = &mut config.groups[0].health_check;
        *check = if version == Grpc { HealthCheck::grpc() } else { HealthCheck::default() };
        (check.protocol, check.unhealthy_threshold) = (protocol, 1);
        if let Some(range) = matcher {
            check.matcher = Matcher { ranges: vec![range] };
        }
    });
    net.reply = None;
    net
}

fn health(net: &Net) -> Health {
    net.lab.config.groups[0].targets[0].state.health()
}

fn failed(failure: Failure) -> Status {
    Status::Unhealthy(failure)
}

/// What the check comes to that gets this answer.
fn judged(version: ProtocolVersion, matcher: Option<(u16, u16)>, reply: Reply) -> Status {
    let mut net = checking(version, Protocol::Http, matcher);
    net.reply = Some(reply);
    net.run();
    let status = health(&net).status;
    let census = net.lab.shard.census();
    assert_eq!((census.probes, census.backs, census.streams, census.exchanges), (0, 0, 0, 0));
    assert_eq!(census.memory, Default::default());
    assert!(net.log().is_empty());
    status
}

fn reply(head: &[(&str, &str)], body: &[u8], trailers: Option<&[(&str, &str)]>) -> Reply {
    let end = trailers.map_or(End::Plain, |trailers| End::Trailers(fields(trailers)));
    Reply { head: fields(head), body: body.to_vec(), end }
}

fn asked(version: ProtocolVersion, protocol: Protocol) -> (Fields, Vec<u8>) {
    let mut net = checking(version, protocol, None);
    net.run();
    let target = net.target();
    let talk = net.talk(target, 1);
    assert!(talk.ended);
    (talk.head().clone(), talk.body.clone())
}

#[test]
fn a_check_of_http2_asks_for_the_path_on_a_stream() {
    for (protocol, scheme) in [(Protocol::Http, "http"), (Protocol::Https, "https")] {
        let (head, body) = asked(Http2, protocol);
        let port = if protocol == Protocol::Http { "10.0.0.1" } else { "10.0.0.1:80" };
        let expected = [
            (":method", "GET"),
            (":scheme", scheme),
            (":authority", port),
            (":path", "/"),
            ("user-agent", "ELB-HealthChecker/2.0"),
            ("accept-encoding", "gzip, compressed"),
        ];
        assert_eq!((head, body.len()), (fields(&expected), 0));
    }
}

/// Guide HC-06.
#[test]
fn a_check_of_grpc_calls_the_method_that_the_guide_names() {
    for (protocol, scheme) in [(Protocol::Http, "http"), (Protocol::Https, "https")] {
        let (head, body) = asked(Grpc, protocol);
        assert_eq!(field(&head, ":method"), Some("POST"));
        assert_eq!((field(&head, ":path"), field(&head, ":scheme")), (Some("/AWS.ALB/healthcheck"), Some(scheme)));
        assert_eq!((field(&head, "content-type"), field(&head, "te")), (Some("application/grpc"), Some("trailers")));
        assert_eq!(body, [0; 5], "an empty message");
    }
}

/// Guide HC-11.
#[test]
fn a_check_of_http2_is_judged_by_the_status() {
    let answers = |status: &str, body: &[u8]| reply(&[(":status", status)], body, None);
    assert_eq!(judged(Http2, None, answers("200", b"")), Status::Healthy);
    assert_eq!(judged(Http2, None, answers("200", &[b'x'; 100_000])), Status::Healthy);
    assert_eq!(judged(Http2, None, answers("204", b"")), failed(Failure::CodeMismatch(204)));
    assert_eq!(judged(Http2, Some((200, 299)), answers("204", b"")), Status::Healthy);
    assert_eq!(judged(Http2, None, answers("500", b"no")), failed(Failure::CodeMismatch(500)));
}

/// Guide PV-09 and HC-11.
#[test]
fn a_check_of_grpc_is_judged_by_grpc_status_in_the_trailers_or_in_a_head_alone() {
    let ok: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/grpc")];
    let trailers = |code| judged(Grpc, Some((0, 12)), reply(ok, b"\0\0\0\0\0", Some(&[("grpc-status", code)])));
    for code in ["0", "5", "12"] {
        assert_eq!(trailers(code), Status::Healthy, "{code}");
    }
    assert_eq!(trailers("13"), failed(Failure::CodeMismatch(13)));
    let head = |code| judged(Grpc, Some((12, 12)), reply(&[ok, &[("grpc-status", code)]].concat(), b"", None));
    assert_eq!(head("12"), Status::Healthy);
    assert_eq!(head("0"), failed(Failure::CodeMismatch(0)));
    // The default is 12: a server that is there need not know the method.
    assert_eq!(judged(Grpc, None, reply(ok, b"", Some(&[("grpc-status", "12")]))), Status::Healthy);
    assert_eq!(judged(Grpc, None, reply(ok, b"", Some(&[("grpc-status", "0")]))), failed(Failure::CodeMismatch(0)));
}

#[test]
fn an_answer_without_grpc_status_is_a_failure() {
    let ok: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/grpc")];
    for matcher in [(0, 99), (200, 200)] {
        assert_eq!(judged(Grpc, Some(matcher), reply(ok, b"", None)), failed(Failure::Failed));
        assert_eq!(judged(Grpc, Some(matcher), reply(ok, b"hello", None)), failed(Failure::Failed));
        assert_eq!(judged(Grpc, Some(matcher), reply(ok, b"hello", Some(&[("x", "0")]))), failed(Failure::Failed));
        let garbled = reply(ok, b"hello", Some(&[("grpc-status", "zero")]));
        assert_eq!(judged(Grpc, Some(matcher), garbled), failed(Failure::Failed));
    }
    let not_found = reply(&[(":status", "404")], b"", Some(&[("grpc-status", "0")]));
    assert_eq!(judged(Grpc, Some((0, 99)), not_found), failed(Failure::CodeMismatch(404)));
}

#[test]
fn a_check_that_is_not_answered_in_time_fails_wherever_it_stands() {
    for stands in ["no settings", "no answer", "no end", "no connection"] {
        for version in [Http2, Grpc] {
            let mut net = checking(version, Protocol::Http, Some((0, 299)));
            net.targets_speak = stands != "no settings";
            net.lab.holds_dials = stands == "no connection";
            net.run();
            if stands == "no end" {
                let target = net.target();
                let head = if version == Grpc { "200" } else { "100" };
                net.speaker(target).say(1, &fields(&[(":status", head)]), b"", End::Open);
                net.run();
            }
            let timeout = net.lab.config.groups[0].health_check.timeout.as_secs();
            net.pass_seconds(timeout - 1);
            assert_eq!(health(&net).status, Status::Initial, "{stands}");
            net.pass_seconds(1);
            assert_eq!(health(&net).status, failed(Failure::Timeout), "{stands} {version:?}");
            net.lab.holds_dials = false;
            net.run();
            let census = net.lab.shard.census();
            assert_eq!((census.probes, census.backs, census.memory.lent), (0, 0, 0), "{stands}: {census:?}");
            assert_eq!(census.memory, Default::default(), "{stands}");
        }
    }
}

#[test]
fn a_check_fails_if_its_stream_is_reset_or_there_is_no_connection_of_use() {
    let mut net = checking(Http2, Protocol::Http, None);
    net.run();
    let peer = net.target();
    net.speaker(peer).reset(1, ErrorCode::RefusedStream);
    net.run();
    assert_eq!(health(&net).status, failed(Failure::Failed));
    assert_eq!(net.lab.shard.census(), Default::default());

    // The dial is held until the refusal is known.
    let mut net = checking(Http2, Protocol::Http, None);
    net.lab.refusals.insert(target(1), DialError::Refused);
    net.run();
    assert_eq!(health(&net).status, failed(Failure::Failed));
    assert_eq!(net.lab.shard.census(), Default::default());

    let mut net = checking(Http2, Protocol::Http, None);
    net.target_terms = Terms { max_concurrent_streams: 0, ..Terms::server() };
    net.run();
    assert_eq!(health(&net).status, failed(Failure::Failed));
    assert_eq!(net.lab.shard.census(), Default::default());

    let mut net = checking(Http2, Protocol::Http, None);
    net.targets_speak = false;
    net.run();
    let peer = net.target();
    net.lab.says(peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    net.run();
    assert_eq!(health(&net).status, failed(Failure::Failed));
    assert_eq!(net.lab.shard.census(), Default::default());
}

/// Guide HC-16.
#[test]
fn checks_over_tls_need_http2_to_be_agreed_on_and_no_certificate_that_is_valid() {
    let mut net = checking(Http2, Protocol::Https, None);
    net.reply = Some(Reply::plain(b"ok"));
    net.run();
    assert_eq!(health(&net).status, Status::Healthy);
    assert_eq!(net.lab.shard.census(), Default::default());
    let mut net = checking(Grpc, Protocol::Https, Some((0, 0)));
    net.reply = Some(Reply::of_call(b""));
    net.run();
    assert_eq!(health(&net).status, Status::Healthy);
    let mut net = checking(Http2, Protocol::Https, None);
    let terms = secure_support::terms();
    net.lab.acceptor = Acceptor::new(&terms, &Provider::aws_lc(), &net.lab.clock, None, &[]).map(Arc::new);
    net.run();
    assert_eq!(health(&net).status, failed(Failure::Failed));
    assert_eq!(net.lab.shard.census(), Default::default());
}

#[test]
fn checks_have_connections_of_their_own() {
    let mut net = checking(Http2, Protocol::Http, None);
    net.reply = Some(Reply::plain(b"ok"));
    let client = net.client();
    let stream = net.get(client, "/");
    net.run();
    assert_eq!(net.talk(client, stream).text(), "ok");
    assert_eq!(net.targets().len(), 2, "one for the check, one for the request");
    assert_eq!(net.lab.shard.census().pooled, 1);
}

/// As in HTTP/1: whoever cannot be written to may have answered before, or it has failed.
#[test]
fn a_check_whose_connection_cannot_be_written_to_is_judged_by_what_is_read() {
    for answers in [true, false] {
        let mut net = checking(Http2, Protocol::Http, None);
        net.run();
        let target = net.target();
        let wire = net.lab.peers[target].wire;
        net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.unwritable()));
        assert_eq!((health(&net).status, net.lab.shard.census().probes), (Status::Initial, 1));
        if answers {
            net.speaker(target).say(1, &fields(&[(":status", "200")]), b"", End::Plain);
            net.run();
        } else {
            net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.lost()));
        }
        assert_eq!(health(&net).status, if answers { Status::Healthy } else { failed(Failure::Failed) });
        assert_eq!(net.lab.shard.census().probes, 0);
    }
}
