//! What is told of HTTP/2 and gRPC in the access log and in the counters, and of clients that use up a budget.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use http2_support::{End, Net, Reply, asks, call, fields};
use sluicegate::config::Protocol;
use sluicegate::config::ProtocolVersion::{Grpc, Http1, Http2};
use sluicegate::http::h2::frame::{self, FrameHead, FrameType};
use sluicegate::http::h2::{ErrorCode, StreamId};
use sluicegate::shard::Fate;

/// Splits a line as readers do: at spaces, except between quotes.
fn columns(line: &str) -> Vec<String> {
    let (mut columns, mut quoted) = (vec![String::new()], false);
    for char in line.chars() {
        match char {
            '"' => quoted = !quoted,
            ' ' if !quoted => columns.push(String::new()),
            _ => columns.last_mut().unwrap().push(char),
        }
    }
    columns
}

const TYPE: usize = 0;
const TARGET: usize = 4;
const ELB_STATUS: usize = 8;
const TARGET_STATUS: usize = 9;
const RECEIVED: usize = 10;
const SENT: usize = 11;
const REQUEST: usize = 12;
const CIPHER: usize = 14;
const ERROR: usize = 24;

/// Guide AL-05.
#[test]
fn the_log_tells_http2_from_grpc_and_what_was_asked() {
    for (version, head, kind, request) in [
        (Http1, asks("GET", "/a?b=c", &[]), "h2", "GET https://a.example:443/a?b=c HTTP/2.0"),
        (Http2, asks("PUT", "/a", &[]), "h2", "PUT https://a.example:443/a HTTP/2.0"),
        (Http2, call("/p.S/M"), "grpc", "POST https://a.example:443/p.S/M HTTP/2.0"),
        (Grpc, call("/p.S/M"), "grpc", "POST https://a.example:443/p.S/M HTTP/2.0"),
        (Grpc, asks("POST", "/p.S/M", &[]), "h2", "POST https://a.example:443/p.S/M HTTP/2.0"),
    ] {
        let mut net = Net::new(version);
        let client = net.client();
        net.ask(client, &head, b"", End::Plain);
        net.run();
        let line = columns(&net.log()[0]);
        assert_eq!((line[TYPE].as_str(), line[REQUEST].as_str()), (kind, request), "{version:?}");
        assert_eq!((line[TARGET].as_str(), line[ELB_STATUS].as_str()), ("10.0.0.1:80", "200"));
        assert_eq!(line[TARGET_STATUS], "200");
        assert!(line[CIPHER].starts_with("TLS_AES_") || line[CIPHER].contains("AES"), "{}", line[CIPHER]);
        net.over();
    }
}

/// Guide AL-14: what came and went of this request, not of its connection.
#[test]
fn the_log_tells_the_bytes_of_each_request_on_its_own() {
    for version in [Http1, Http2] {
        let mut net = Net::new(version);
        let long = vec![b'x'; 50_000];
        net.reply = Some(Reply::plain(&long));
        net.lab.answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n"[..], &long].concat();
        let client = net.client();
        for _ in 0..2 {
            net.get(client, "/");
            net.run();
        }
        for line in net.log() {
            let line = columns(&line);
            let number = |at: usize| line[at].parse::<usize>().unwrap();
            assert!((20..300).contains(&number(RECEIVED)), "{version:?}: {}", line[RECEIVED]);
            assert!((50_000..50_300).contains(&number(SENT)), "{version:?}: {}", line[SENT]);
        }
        net.over();
    }
    let mut net = Net::new(Http2);
    let client = net.client();
    net.ask(client, &asks("POST", "/", &[]), &[b'x'; 30_000], End::Plain);
    net.run();
    let received: usize = columns(&net.log()[0])[RECEIVED].parse().unwrap();
    assert!((30_000..30_300).contains(&received), "{received}");
    net.over();
}

/// Guide MET-12.
#[test]
fn requests_of_grpc_are_counted_over_http2_alone() {
    let mut net = Net::new(Grpc);
    net.reply = Some(Reply::of_call(b""));
    let client = net.client();
    for _ in 0..3 {
        net.ask(client, &call("/p.S/M"), b"", End::Plain);
        net.run();
    }
    net.ask(client, &asks("POST", "/", &[]), b"", End::Plain);
    net.ask(client, &asks("GET", "/", &[]), b"", End::Plain);
    net.run();
    let metrics = net.lab.shard.metrics();
    assert_eq!((metrics.grpc_request_count, metrics.http2_request_count, metrics.request_count), (3, 4, 4));
    net.over();
    let mut net = Net::new(Http1);
    let client = net.plain_client();
    net.lab.says(client, "GET / HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n\r\n");
    net.run();
    let metrics = net.lab.shard.metrics();
    assert_eq!((metrics.grpc_request_count, metrics.http2_request_count, metrics.request_count), (0, 0, 1));
    net.over();
}

#[test]
fn what_is_not_for_its_group_is_told_with_its_cause() {
    for (version, head, kind, cause) in
        [(Http1, call("/p.S/M"), "grpc", "GrpcNotServed"), (Grpc, asks("GET", "/", &[]), "h2", "NeedsPost")]
    {
        let mut net = Net::new(version);
        let client = net.client();
        net.ask(client, &head, b"", End::Plain);
        net.run();
        let line = columns(&net.log()[0]);
        assert_eq!((line[TYPE].as_str(), line[ELB_STATUS].as_str(), line[ERROR].as_str()), (kind, "464", cause));
        assert_eq!((line[TARGET].as_str(), line[TARGET_STATUS].as_str()), ("-", "-"));
        net.over();
    }
}

/// `wire.md` H12.
#[test]
fn a_field_name_with_other_characters_gets_a_400() {
    for (name, status) in [("x-a1", "200"), ("x_a", "400"), ("x.a", "400"), ("x!", "400")] {
        let mut net = Net::new(Http2);
        let client = net.client();
        let stream = net.ask(client, &asks("GET", "/", &[(name, "1")]), b"", End::Plain);
        net.run();
        assert_eq!(net.talk(client, stream).status(), status, "{name}");
        let error = columns(&net.log()[0])[ERROR].clone();
        assert_eq!(error == "Http2FieldName", status == "400", "{error}");
        assert!(net.is_open(client));
        net.over();
    }
}

#[test]
fn a_malformed_head_resets_its_stream_and_is_told() {
    let cases: [&[(&str, &str)]; 4] = [
        &[(":method", "GET"), (":scheme", "https"), (":authority", "a")],
        &[(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/"), ("connection", "close")],
        &[(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/"), ("X-Upper", "1")],
        &[(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/"), ("te", "gzip")],
    ];
    for head in cases {
        let mut net = Net::new(Http2);
        let client = net.client();
        let stream = net.ask(client, &fields(head), b"", End::Plain);
        let next = net.get(client, "/");
        net.run();
        assert_eq!(net.talk(client, stream).reset, Some(ErrorCode::ProtocolError), "{head:?}");
        assert_eq!(net.talk(client, next).text(), "hi");
        let log = net.log();
        assert_eq!((log.len(), columns(&log[0])[ERROR].as_str()), (2, "Http2MalformedHead"));
        net.over();
    }
}

/// What a client does wrong behind its head, where its stream is reset, and not what its leaving would be.
#[test]
fn a_body_or_trailers_that_break_the_rules_are_told_for_what_they_are() {
    let long = asks("POST", "/", &[("content-length", "5")]);
    let cases = [
        (&long, End::Plain, "Http2BodyMismatch"),
        (&long, End::Trailers(fields(&[("x-a", "1")])), "Http2BodyMismatch"),
        (&asks("POST", "/", &[]), End::Trailers(fields(&[(":path", "/")])), "Http2MalformedHead"),
        (&asks("POST", "/", &[]), End::Trailers(fields(&[("connection", "close")])), "Http2MalformedHead"),
    ];
    for (head, end, cause) in cases {
        let mut net = Net::new(Http2);
        net.reply = None;
        let client = net.client();
        let stream = net.ask(client, head, b"some", End::Open);
        net.run();
        net.speaker(client).add(stream, b"", end);
        net.run();
        assert_eq!(net.talk(client, stream).reset, Some(ErrorCode::ProtocolError), "{cause}");
        assert_eq!(net.talk(net.target(), 1).reset, Some(ErrorCode::Cancel), "{cause}");
        assert_eq!(columns(&net.log()[0])[ERROR], cause);
        net.over();
    }
}

fn frames(count: usize, write: impl Fn(usize, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    (0..count).for_each(|at| write(at, &mut out));
    out
}

/// What the last GOAWAY among these frames says.
fn goaway(mut heard: &[u8]) -> Option<ErrorCode> {
    let mut said = None;
    while let Some(head) = FrameHead::read(heard) {
        let (frame, rest) = heard.split_at(frame::HEAD_LEN + head.len);
        if head.kind == FrameType::GoAway {
            said = frame::word(&frame[frame::HEAD_LEN + 4..]).map(ErrorCode::new);
        }
        heard = rest;
    }
    said
}

/// So many frames are too many: the client is told to be calm, the log why, and the counter counts.
fn overdraws(what: &str, prepare: impl Fn(&mut Net, usize) -> Vec<u8>) {
    let mut net = Net::new(Http2);
    net.reply = None;
    let (client, other) = (net.client(), net.client());
    let stream = net.get(other, "/");
    net.run();
    let bytes = prepare(&mut net, client);
    // Its own side would not put up with it either.
    net.speakers.remove(&client);
    net.lab.peers[client].says.extend(bytes);
    net.run();
    assert_eq!(goaway(&net.lab.peers[client].heard), Some(ErrorCode::EnhanceYourCalm), "{what}");
    assert_eq!(net.lab.peers[client].fate, Fate::Finish, "{what}");
    let log = net.log();
    assert!(log.iter().any(|line| columns(line)[ERROR] == what), "{what}: {log:?}");
    assert_eq!(net.lab.shard.metrics().http2_abuse_count, 1);
    let target = net.target();
    net.speaker(target).say(1, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
    assert_eq!(net.talk(other, stream).text(), "hi", "others know nothing of it");
    net.over();
}

#[test]
fn clients_that_use_up_a_budget_are_told_to_be_calm_and_the_log_says_which() {
    overdraws("Http2PingFlood", |_, _| frames(1000, |_, out| frame::write_ping(0, [0; 8], out)));
    overdraws("Http2SettingsFlood", |_, _| frames(1000, |_, out| frame::write_settings(0, &[(4, 65_535)], out)));
    overdraws("Http2WindowUpdateFlood", |_, _| {
        frames(10_000, |_, out| frame::write_window_update(StreamId::CONNECTION, 1, out))
    });
    overdraws("Http2UnknownFrameFlood", |_, _| frames(1000, |_, out| out.extend([0, 0, 0, 0xfa, 0, 0, 0, 0, 0])));
    overdraws("Http2PriorityFlood", |_, _| {
        frames(1000, |_, out| out.extend([0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 15]))
    });
    overdraws("Http2EmptyDataFlood", |net, client| {
        let stream = net.ask(client, &asks("POST", "/", &[]), b"", End::Open);
        net.run();
        frames(1000, |_, out| {
            out.extend([0, 0, 0, 0, 0]);
            out.extend(stream.to_be_bytes());
        })
    });
}

/// CVE-2025-8671: what makes us reset costs as much as resetting.
#[test]
fn a_client_whose_heads_or_trailers_break_the_rules_again_and_again_is_told_to_be_calm() {
    let bad = fields(&[(":path", "/x")]);
    for whole in [true, false] {
        let mut net = Net::new(Http2);
        net.reply = None;
        let client = net.client();
        for _ in 0..200 {
            if net.speakers[&client].side.available() == 0 {
                break;
            }
            match whole {
                true => drop(net.ask(client, &bad, b"", End::Plain)),
                false => drop(net.ask(client, &asks("POST", "/", &[]), b"some", End::Trailers(bad.clone()))),
            }
            net.run();
        }
        let told = net.speakers[&client].goaways.last().map(|(_, code)| *code);
        assert_eq!(told, Some(ErrorCode::EnhanceYourCalm), "heads: {whole}");
        let log = net.log();
        assert!(log.iter().any(|line| columns(line)[ERROR] == "Http2ResetFlood"));
        assert!((90..=110).contains(&log.len()), "{}", log.len());
        net.over();
    }
}

/// CVE-2023-44487.
#[test]
fn a_client_that_cancels_stream_after_stream_is_told_to_be_calm_and_its_requests_end_at_the_target() {
    let mut net = Net::new(Http2);
    net.reply = None;
    let client = net.client();
    for _ in 0..200 {
        if net.speakers[&client].side.available() == 0 {
            break;
        }
        let stream = net.get(client, "/");
        net.speaker(client).reset(stream, ErrorCode::Cancel);
        net.run();
    }
    assert_eq!(net.speakers[&client].goaways.last().map(|(_, code)| *code), Some(ErrorCode::EnhanceYourCalm));
    let log = net.log();
    assert!(log.iter().any(|line| columns(line)[ERROR] == "Http2ResetFlood"));
    assert!((90..=110).contains(&log.len()), "{}", log.len());
    assert_eq!((net.streams(), net.lab.shard.census().exchanges), (0, 0));
    net.over();
}

#[test]
fn a_client_that_cancels_now_and_then_is_served_on() {
    let mut net = Net::with(Http2, Protocol::Http, |_, options| options.access_log = false);
    let client = net.client();
    for _ in 0..300 {
        net.reply = None;
        let stream = net.get(client, "/");
        net.run();
        net.speaker(client).reset(stream, ErrorCode::Cancel);
        net.reply = Some(Reply::plain(b"hi"));
        net.pass_seconds(1);
        let served = net.get(client, "/");
        net.run();
        assert_eq!(net.talk(client, served).text(), "hi");
    }
    assert!(net.speakers[&client].goaways.is_empty());
    net.over();
}
