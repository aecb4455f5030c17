//! What becomes of requests whose target's shared connection ends, breaks, or was never of use; and of those that a target, or
//! its rules, will not have.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use http2_support::{End, Net, Reply, asks, fields};
use sluicegate::config::Protocol;
use sluicegate::config::ProtocolVersion::Http2;
use sluicegate::http::h2::{ErrorCode, StreamId, Terms, frame};
use sluicegate::shard::Fate;

/// Bytes of an answer of which a client has taken some, and the rest lies here.
const ANSWER: usize = 20_000;

/// The target's connection breaks as a reset breaks it.
fn breaks(net: &mut Net, target: usize) {
    let wire = net.lab.peers[target].wire;
    net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.lost()));
    net.lab.peers[target].fate = Fate::Close;
}

#[test]
fn an_answer_that_came_whole_reaches_a_slow_client_however_the_connection_ends_then() {
    for how in ["reset", "end", "broken rule"] {
        let (mut net, client) = Net::quiet(Http2);
        let (whole, short) = (net.get(client, "/whole"), net.get(client, "/short"));
        net.speaker(client).stalled.extend([whole, short]);
        net.run();
        let target = net.target();
        let body = vec![b'x'; ANSWER];
        net.speaker(target).say(1, &fields(&[(":status", "200")]), &body, End::Plain);
        net.speaker(target).say(3, &fields(&[(":status", "200")]), &body, End::Open);
        net.run();
        assert!(net.talk(client, whole).body.len() < ANSWER);
        match how {
            "reset" => breaks(&mut net, target),
            "end" => net.lab.ends(target),
            // DATA on a stream that nobody opened.
            _ => net.speaker(target).out.extend([0, 0, 1, 0, 0, 0, 0, 0, 99, b'x']),
        }
        net.run();
        assert_eq!(net.lab.peers[target].fate, Fate::Close, "{how}");
        for stream in [whole, short] {
            net.speaker(client).resume(stream);
        }
        net.run();
        assert_eq!((net.talk(client, whole).body.len(), net.talk(client, whole).ended), (ANSWER, true), "{how}");
        let talk = net.talk(client, short);
        assert_eq!((talk.ended, talk.reset), (false, Some(ErrorCode::InternalError)), "{how}");
        let log = net.log();
        assert!(log.iter().any(|line| line.contains("/whole") && line.contains(" 200 200 ")), "{how}: {log:?}");
        assert!(!log.iter().any(|line| line.contains("/whole") && line.contains("\"Target")), "{how}: {log:?}");
        net.over();
    }
}

/// As in HTTP/1: whoever cannot be written to may have answered before.
#[test]
fn what_a_target_said_before_it_could_not_be_written_to_is_still_read() {
    let (mut net, client) = Net::quiet(Http2);
    let (answered, upload) = (net.get(client, "/"), net.ask(client, &asks("POST", "/", &[]), b"some", End::Open));
    net.run();
    let first = net.target();
    let wire = net.lab.peers[first].wire;
    net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.unwritable()));
    net.speaker(client).add(upload, b"more", End::Plain);
    let next = net.get(client, "/next");
    net.run();
    assert_eq!(net.targets().len(), 2, "nothing more is asked there");
    let second = net.target();
    net.speaker(second).say(1, &fields(&[(":status", "200")]), b"next", End::Plain);
    for (stream, body) in [(1, b"read"), (3, b"this")] {
        net.speaker(first).say(stream, &fields(&[(":status", "200")]), body, End::Plain);
    }
    net.run();
    breaks(&mut net, first);
    net.run();
    for (stream, text) in [(answered, "read"), (upload, "this"), (next, "next")] {
        assert_eq!(net.talk(client, stream).text(), text);
    }
    net.over();
}

#[test]
fn a_connection_that_cannot_be_written_to_and_then_ends_costs_a_502() {
    let (mut net, client) = Net::quiet(Http2);
    let stream = net.get(client, "/");
    net.run();
    let target = net.target();
    let wire = net.lab.peers[target].wire;
    net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.unwritable()));
    net.run();
    assert!(net.speakers[&client].talks[&stream].heads.is_empty());
    breaks(&mut net, target);
    net.run();
    assert_eq!(net.cause(client, stream), ("502", "TargetReset"));
    net.over();
}

#[test]
fn a_connection_that_ends_before_the_target_has_said_what_it_takes_is_told_as_what_it_was() {
    for (how, expected) in [
        ("reset", "TargetReset"),
        ("unwritable", "TargetReset"),
        ("end", "TargetClosedEarly"),
        ("another protocol", "TargetNotHttp2"),
        ("broken rule", "TargetBrokeHttp2"),
        ("broken record", "TargetTlsHandshakeFailed"),
    ] {
        for to_targets in [Protocol::Http, Protocol::Https] {
            let expected =
                if how == "broken record" && to_targets == Protocol::Http { "TargetNotHttp2" } else { expected };
            let mut net = Net::with(Http2, to_targets, |_, _| ());
            net.targets_speak = false;
            let client = net.client();
            let streams = [net.get(client, "/1"), net.get(client, "/2")];
            net.run();
            // Whatever is counted from the first request on is over, but for the answer.
            net.pass_seconds(9);
            let target = net.target();
            let wire = net.lab.peers[target].wire;
            match how {
                "reset" => breaks(&mut net, target),
                "unwritable" => net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.unwritable())).unwrap(),
                "end" => net.lab.ends(target),
                "broken record" => net.lab.peers[target].raw.extend(b"\x17\x03\x03\x00\x13this is no ciphertext"),
                "another protocol" => net.lab.says(target, "HTTP/1.1 400 Bad Request\r\n\r\n"),
                // SETTINGS of a length that there is not.
                _ => net.lab.peers[target].says.extend([0, 0, 1, 4, 0, 0, 0, 0, 0, 0]),
            }
            net.run();
            for stream in streams {
                assert_eq!(net.cause(client, stream), ("502", expected), "{how} {to_targets:?}");
            }
            net.over();
        }
    }
}

/// RFC 9113 section 6.5.2: one that gets more than it takes may end the connection, with everybody's requests.
#[test]
fn a_request_with_a_larger_head_than_its_target_takes_costs_a_502_and_the_others_nothing() {
    let lengths: Vec<usize> = (1..200).step_by(9).collect();
    let outcome = |max: u32| {
        let mut net = Net::new(Http2);
        net.target_terms = Terms { max_header_list: max, ..Terms::server() };
        net.reply = Some(Reply::plain(b"hi"));
        let client = net.client();
        let mut largest = 0;
        let statuses: Vec<bool> = lengths
            .iter()
            .map(|&len| {
                let value = "x".repeat(len);
                let stream = net.ask(client, &asks("GET", "/", &[("x-a", &value)]), b"", End::Plain);
                net.run();
                let is_served = net.talk(client, stream).status() == "200";
                assert!(is_served || net.cause(client, stream) == ("502", "TargetHeaderListLimit"));
                is_served
            })
            .collect();
        for &target in &net.targets() {
            assert!(net.speakers[&target].broken.is_none() && net.speakers[&target].goaways.is_empty());
            for talk in net.speakers[&target].talks.values() {
                let size = talk.head().iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>();
                largest = largest.max(size);
            }
        }
        assert_eq!(net.targets().len(), 1);
        net.over();
        (statuses, largest)
    };
    let (all, largest) = outcome(64 * 1024);
    assert!(all.iter().all(|served| *served));
    let largest = u32::try_from(largest).unwrap();
    assert!(outcome(largest).0.iter().all(|served| *served), "what it just takes is sent");
    let (statuses, _) = outcome(largest - 1);
    assert_eq!(statuses.iter().filter(|served| !**served).count(), 1, "{statuses:?}");
    let (statuses, most) = outcome(largest - 100);
    assert!(statuses.contains(&true) && statuses.contains(&false) && most <= largest as usize - 100);
}

#[test]
fn trailers_follow_a_request_that_takes_another_connection() {
    let (mut net, client) = Net::quiet(Http2);
    net.targets_speak = false;
    let trailers = fields(&[("x-sum", "1")]);
    let (bare, with_body) = (
        net.ask(client, &asks("POST", "/bare", &[]), b"", End::Trailers(trailers.clone())),
        net.ask(client, &asks("POST", "/body", &[]), b"some", End::Trailers(trailers.clone())),
    );
    net.run();
    let first = net.target();
    // It takes leave as it says what it takes.
    let mut says = Vec::new();
    frame::write_settings(0, &[], &mut says);
    frame::write_goaway(StreamId::CONNECTION, ErrorCode::NoError, "", &mut says);
    net.lab.peers[first].says.extend(says);
    net.targets_speak = true;
    net.run();
    let second = net.target();
    assert_ne!(first, second);
    for (stream, body) in [(1, ""), (3, "some")] {
        let talk = net.talk(second, stream);
        assert_eq!((talk.text().as_str(), talk.trailers.as_ref()), (body, Some(&trailers)));
        net.speaker(second).say(stream, &fields(&[(":status", "200")]), b"hi", End::Plain);
    }
    net.run();
    for stream in [bare, with_body] {
        assert_eq!(net.talk(client, stream).text(), "hi");
    }
    net.over();
}

/// Trailers that have left are not kept: without them it would be another request.
#[test]
fn a_request_whose_trailers_have_left_is_not_asked_again() {
    let (mut net, client) = Net::quiet(Http2);
    let stream = net.ask(client, &asks("POST", "/", &[]), b"", End::Trailers(fields(&[("x-sum", "1")])));
    net.run();
    let target = net.target();
    assert!(net.talk(target, 1).trailers.is_some());
    net.speaker(target).reset(1, ErrorCode::RefusedStream);
    net.run();
    assert_eq!(net.cause(client, stream), ("502", "TargetRefusedStream"));
    net.over();
}

/// A stream that we reset since the target broke a rule on it.
#[test]
fn an_answer_that_breaks_a_rule_of_its_stream_is_not_told_as_the_targets_reset() {
    let heads: [&[(&str, &str)]; 4] = [
        &[(":status", "200"), ("content-length", "5")],
        &[(":status", "200"), ("connection", "close")],
        &[(":status", "twice")],
        &[("x-no", "status")],
    ];
    for head in heads {
        let (mut net, client) = Net::quiet(Http2);
        let (stream, other) = (net.get(client, "/"), net.get(client, "/"));
        net.run();
        let target = net.target();
        net.speaker(target).say(1, &fields(head), b"", End::Plain);
        net.speaker(target).say(3, &fields(&[(":status", "200")]), b"hi", End::Plain);
        net.run();
        assert_eq!(net.cause(client, stream), ("502", "TargetBrokeHttp2"), "{head:?}");
        assert_eq!(net.talk(client, other).text(), "hi");
        net.over();
    }
}

/// So many fields with this value are more than a list may have once decompressed, and few bytes on the wire.
fn large_list(first: &[(&str, &str)]) -> Vec<(String, String)> {
    let value = "x".repeat(2_000);
    let mut head = fields(first);
    head.extend((0..40).map(|_| ("x-large".to_owned(), value.clone())));
    head
}

#[test]
fn an_answer_whose_head_is_too_large_costs_its_own_request_a_502_and_the_others_nothing() {
    let (mut net, client) = Net::quiet(Http2);
    let (large, other) = (net.get(client, "/large"), net.get(client, "/other"));
    net.run();
    let target = net.target();
    net.speaker(target).say(1, &large_list(&[(":status", "200")]), b"", End::Plain);
    net.speaker(target).say(3, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
    assert_eq!(net.cause(client, large), ("502", "TargetHeadTooLarge"));
    assert_eq!(net.talk(client, other).text(), "hi");
    assert!(net.is_open(target));
    net.over();
}

#[test]
fn a_request_whose_head_is_too_large_is_reset_and_told_and_the_connection_goes_on() {
    let mut net = Net::new(Http2);
    net.reply = Some(Reply::plain(b"hi"));
    let client = net.client();
    let head = large_list(&[(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")]);
    let large = net.ask(client, &head, b"", End::Plain);
    let next = net.get(client, "/");
    net.run();
    assert_eq!(net.talk(client, large).reset, Some(ErrorCode::EnhanceYourCalm));
    assert_eq!(net.talk(client, next).text(), "hi");
    let log = net.log();
    assert!(log.iter().any(|line| line.contains("\"Http2ListTooLarge\"")), "{log:?}");
    assert_eq!(log.len(), 2);
    net.over();
}
