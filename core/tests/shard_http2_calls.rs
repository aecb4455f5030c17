//! Calls of gRPC and streams that stay open, and what is odd but allowed.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use http2_support::{End, Net, Reply, asks, call, fields, target};
use sluicegate::config::Protocol;
use sluicegate::config::ProtocolVersion::{Grpc, Http1, Http2};
use sluicegate::http::h2::{ErrorCode, StreamId, frame};
use sluicegate::shard::Fate;
use sluicegate::target::Algorithm;

const OK: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/grpc")];

/// A message of gRPC.
fn message(text: &str) -> Vec<u8> {
    [&[0], &(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat()
}

fn over() -> End {
    End::Trailers(fields(&[("grpc-status", "0"), ("grpc-message", "")]))
}

/// A call under way: the client, its stream, the target.
fn calling(body: &[u8], end: End) -> (Net, usize, u32, usize) {
    let mut net = Net::new(Grpc);
    net.reply = None;
    let client = net.client();
    let stream = net.ask(client, &call("/p.S/M"), body, end);
    net.run();
    let target = net.target();
    (net, client, stream, target)
}

/// Guide PV-07.
#[test]
fn a_unary_call_is_one_message_each_way() {
    let (mut net, client, stream, target) = calling(&message("ask"), End::Plain);
    assert_eq!((net.talk(target, 1).body.clone(), net.talk(target, 1).ended), (message("ask"), true));
    net.speaker(target).say(1, &fields(&OK), &message("answer"), over());
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((&talk.body, talk.heads.clone()), (&message("answer"), vec![fields(&OK)]));
    assert_eq!(talk.trailers, Some(fields(&[("grpc-status", "0"), ("grpc-message", "")])));
    net.over();
}

/// Guide PV-07: each message arrives when it is sent, however long the stream stays.
#[test]
fn a_server_may_stream_messages_for_as_long_as_it_likes() {
    let (mut net, client, stream, target) = calling(&message("ask"), End::Plain);
    net.speaker(target).say(1, &fields(&OK), b"", End::Open);
    net.run();
    assert_eq!(net.talk(client, stream).heads.len(), 1, "the head does not wait for a message");
    let mut sent: Vec<u8> = Vec::new();
    for at in 0..10 {
        net.pass_seconds(50);
        let next = message(&format!("message {at}"));
        sent.extend_from_slice(&next);
        net.speaker(target).add(1, &next, End::Open);
        net.run();
        assert_eq!(net.talk(client, stream).body, sent);
    }
    net.speaker(target).add(1, b"", over());
    net.run();
    assert!(net.talk(client, stream).ended && net.talk(client, stream).trailers.is_some());
    net.over();
}

/// Guide PV-07 and PV-08.
#[test]
fn a_client_may_stream_messages_for_as_long_as_it_likes() {
    for version in [Grpc, Http2, Http1] {
        let mut net = Net::new(version);
        (net.reply, net.lab.silent) = (None, true);
        let client = net.client();
        let head = if version == Http1 { asks("POST", "/p.S/M", &[]) } else { call("/p.S/M") };
        let stream = net.ask(client, &head, b"", End::Open);
        net.run();
        let target = net.target();
        let mut sent: Vec<u8> = Vec::new();
        for at in 0..10 {
            net.pass_seconds(50);
            let next = message(&format!("message {at}"));
            sent.extend_from_slice(&next);
            net.speaker(client).add(stream, &next, End::Open);
            net.run();
            match version {
                Http1 => assert!(net.lab.peers[target].heard.ends_with(&[&next[..], b"\r\n"].concat())),
                _ => assert_eq!(net.talk(target, 1).body, sent),
            }
        }
        net.speaker(client).add(stream, b"", End::Plain);
        net.run();
        match version {
            Http1 => {
                assert!(net.lab.peers[target].heard.ends_with(b"\r\n0\r\n\r\n"));
                net.lab.says(target, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
            _ => net.speaker(target).say(1, &fields(&OK), &message("answer"), over()),
        }
        net.run();
        assert!(net.talk(client, stream).ended);
        net.over();
    }
}

/// Guide PV-07.
#[test]
fn both_may_stream_messages_in_any_order() {
    let (mut net, client, stream, target) = calling(b"", End::Open);
    net.speaker(target).say(1, &fields(&OK), b"", End::Open);
    let (mut up, mut down): (Vec<u8>, Vec<u8>) = Default::default();
    for at in 0..20 {
        net.pass_seconds(30);
        let next = message(&format!("message {at}"));
        if at % 3 == 0 {
            down.extend_from_slice(&next);
            net.speaker(target).add(1, &next, End::Open);
        } else {
            up.extend_from_slice(&next);
            net.speaker(client).add(stream, &next, End::Open);
        }
        net.run();
        assert_eq!((&net.talk(target, 1).body, &net.talk(client, stream).body), (&up, &down));
    }
    net.speaker(client).add(stream, b"", End::Plain);
    net.run();
    assert!(net.talk(target, 1).ended);
    net.speaker(target).add(1, &message("last"), over());
    net.run();
    assert!(net.talk(client, stream).ended && net.talk(client, stream).body.ends_with(b"last"));
    net.over();
}

#[test]
fn an_answer_that_is_trailers_alone_stays_one_head() {
    let (mut net, client, stream, target) = calling(&message("ask"), End::Plain);
    let head = [&OK[..], &[("grpc-status", "12"), ("grpc-message", "no such method")]].concat();
    net.speaker(target).say(1, &fields(&head), b"", End::Plain);
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((talk.heads.clone(), talk.ended, talk.trailers.is_none()), (vec![fields(&head)], true, true));
    net.over();
}

#[test]
fn a_call_that_its_client_cancels_is_cancelled_at_the_target() {
    let (mut net, client, stream, target) = calling(&message("ask"), End::Open);
    net.speaker(target).say(1, &fields(&OK), &message("one"), End::Open);
    net.run();
    net.speaker(client).reset(stream, ErrorCode::Cancel);
    net.run();
    assert_eq!(net.talk(target, 1).reset, Some(ErrorCode::Cancel));
    assert_eq!(net.lab.shard.census().exchanges, 0);
    let log = net.log();
    assert!(log[0].starts_with("grpc "), "{}", log[0]);
    net.over();
}

/// Guide ALG-04.
#[test]
fn each_stream_counts_as_a_request_of_its_target() {
    let mut net = Net::with(Http2, Protocol::Http, |config, _| {
        *config = secure_support::config(Some(secure_support::terms()), &[target(1), target(2)], Protocol::Http);
        config.groups[0].protocol_version = Http2;
        config.groups[0].attributes.algorithm = Algorithm::LeastOutstandingRequests;
    });
    net.reply = None;
    let client = net.client();
    for _ in 0..20 {
        net.get(client, "/");
        net.run();
    }
    let targets = net.targets();
    assert_eq!(targets.len(), 2, "a connection each");
    let open = |net: &Net, peer: usize| net.speakers[&peer].talks.len();
    assert_eq!((open(&net, targets[0]), open(&net, targets[1])), (10, 10));
    // Where requests end, the next ones go.
    for stream in (1..20).step_by(2) {
        net.speaker(targets[0]).say(stream, &fields(&[(":status", "200")]), b"", End::Plain);
    }
    net.run();
    for _ in 0..10 {
        net.get(client, "/");
        net.run();
    }
    assert_eq!((open(&net, targets[0]), open(&net, targets[1])), (20, 10));
    net.over();
}

#[test]
fn heads_of_answers_may_be_as_large_as_those_of_targets_that_speak_http1() {
    for bytes in [7_000, 12_000, 30_000] {
        let value = "|".repeat(bytes / 3);
        let mut net = Net::new(Http1);
        net.lab.silent = true;
        let client = net.client();
        let stream = net.get(client, "/");
        net.run();
        let peer = net.target();
        net.lab.says(
            peer,
            &format!("HTTP/1.1 200 OK\r\nA: {value}\r\nB: {value}\r\nC: {value}\r\nContent-Length: 0\r\n\r\n"),
        );
        net.run();
        assert_eq!(net.talk(client, stream).field("c"), Some(value.as_str()));
        net.over();
        let mut net = Net::new(Http2);
        net.reply = Some(Reply {
            head: fields(&[(":status", "200"), ("a", &value), ("b", &value), ("c", &value)]),
            ..Reply::plain(b"hi")
        });
        let client = net.client();
        let stream = net.get(client, "/");
        net.run();
        let talk = net.talk(client, stream);
        assert_eq!((talk.status(), talk.field("c")), ("200", Some(value.as_str())), "{bytes} bytes");
        net.over();
    }
}

#[test]
fn connect_and_trace_are_refused_and_options_for_all_is_asked() {
    for version in [Http1, Http2] {
        let mut net = Net::new(version);
        (net.lab.silent, net.reply) = (true, Some(Reply::plain(b"hi")));
        let client = net.client();
        let connect =
            net.ask(client, &fields(&[(":method", "CONNECT"), (":authority", "a.example:443")]), b"", End::Plain);
        let trace = net.ask(client, &asks("TRACE", "/", &[]), b"", End::Plain);
        net.run();
        let status = net.talk(client, connect).status().to_owned();
        assert!(["400", "405", "501"].contains(&status.as_str()), "{status}");
        assert_eq!(net.talk(client, trace).status(), "405");
        assert!(net.targets().is_empty());
        net.ask(client, &asks("OPTIONS", "*", &[]), b"", End::Plain);
        net.run();
        let peer = net.target();
        match version {
            Http1 => assert!(net.lab.heard(peer).starts_with("OPTIONS * HTTP/1.1\r\n")),
            _ => assert_eq!(net.talk(peer, 1).field(":path"), Some("*")),
        }
    }
}

#[test]
fn a_target_that_closes_a_waiting_connection_costs_nothing() {
    for how in ["goaway", "end", "lost"] {
        let mut net = Net::new(Http2);
        let client = net.client();
        net.get(client, "/");
        net.run();
        let first = net.target();
        match how {
            "goaway" => {
                let mut out = Vec::new();
                frame::write_goaway(StreamId::new(1), ErrorCode::NoError, "", &mut out);
                net.speaker(first).out.extend(out);
            }
            "end" => net.lab.ends(first),
            _ => {
                let wire = net.lab.peers[first].wire;
                net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.lost()));
                net.lab.peers[first].fate = Fate::Close;
            }
        }
        // At the same time.
        let stream = net.get(client, "/again");
        net.run();
        let later = net.get(client, "/later");
        net.run();
        assert_eq!(net.talk(client, later).text(), "hi", "{how}");
        let talk = net.talk(client, stream);
        assert_eq!(talk.text(), "hi", "{how}");
        assert_eq!(net.targets().len(), 2);
        assert_eq!(net.lab.peers[first].fate, Fate::Close);
        net.over();
    }
}

#[test]
fn a_client_that_says_nothing_after_its_handshake_is_told_goodbye_at_the_idle_timeout() {
    for says in [&b""[..], b"PRI * HTTP/2.0\r\n"] {
        let mut net = Net::new(Http2);
        let peer = net.lab.connect_raw().unwrap();
        net.lab.peers[peer].session = net.connector.session("lab.example");
        net.run();
        net.lab.peers[peer].says.extend(says);
        net.pass_seconds(59);
        assert!(net.is_open(peer));
        net.pass_seconds(1);
        assert_eq!(net.lab.peers[peer].fate, Fate::Finish);
        net.over();
    }
}

#[test]
fn what_is_no_http2_ends_the_connection() {
    let mut net = Net::new(Http2);
    let peer = net.lab.connect_raw().unwrap();
    net.lab.peers[peer].session = net.connector.session("lab.example");
    net.run();
    net.lab.says(peer, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    net.run();
    assert_eq!(net.lab.peers[peer].fate, Fate::Finish);
    assert!(net.log()[0].contains("\"Http2ProtocolError\""), "{:?}", net.log());
    net.over();
}

/// Guide LSN-04.
#[test]
fn a_listener_without_tls_speaks_no_http2() {
    let mut net = Net::with(Http1, Protocol::Http, |config, _| {
        config.listeners[0].protocol = Protocol::Http;
        config.listeners[0].tls = None;
    });
    let preface = net.lab.connect_raw().unwrap();
    net.lab.says(preface, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let upgrade = net.lab.connect_raw().unwrap();
    net.lab.says(
        upgrade,
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n",
    );
    net.run();
    assert!(net.lab.heard(preface).starts_with("HTTP/1.1 505 "), "{}", net.lab.heard(preface));
    assert!(net.lab.heard(upgrade).starts_with("HTTP/1.1 200 OK\r\n"), "{}", net.lab.heard(upgrade));
    net.over();
}

/// Guide LSN-04: nothing is pushed to clients, because targets may push nothing.
#[test]
fn a_target_that_pushes_breaks_the_rules() {
    let (mut net, client, stream, target) = calling(&message("ask"), End::Plain);
    net.speaker(target).out.extend([0, 0, 4, 5, 4, 0, 0, 0, 1, 0, 0, 0, 2]);
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("502", Some("TargetBrokeHttp2")));
    net.over();
}

/// Guide DRAIN-05.
#[test]
fn a_stream_is_ended_when_the_deregistration_delay_of_its_target_is_over() {
    let (mut net, client, stream, peer) = calling(&message("ask"), End::Plain);
    let quick = net.ask(client, &call("/p.S/M"), b"", End::Plain);
    net.run();
    let mut next = secure_support::config(Some(secure_support::terms()), &[target(2)], Protocol::Http);
    next.groups[0].protocol_version = Grpc;
    // 300 seconds.
    let next = next.next(&net.lab.config, net.lab.now);
    net.lab.turn(|turn| turn.reconfigured(std::sync::Arc::new(next)));
    net.pass_seconds(30);
    net.speaker(peer).say(3, &fields(&OK), &message("answer"), over());
    net.run();
    assert!(net.talk(client, quick).ended, "those in progress may end");
    net.speaker(peer).say(1, &fields(&OK), b"", End::Open);
    for _ in 0..5 {
        net.pass_seconds(50);
        net.speaker(peer).add(1, &message("still there"), End::Open);
        net.run();
    }
    assert_eq!(net.talk(client, stream).reset, None);
    net.pass_seconds(20);
    assert_eq!(net.talk(client, stream).reset, Some(ErrorCode::InternalError));
    assert_eq!(net.talk(peer, 1).reset, Some(ErrorCode::Cancel));
    net.over();
}
