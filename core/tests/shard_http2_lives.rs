//! The life of a client's HTTP/2 connection: how many requests it carries, what makes it end, and how it is told.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use std::sync::Arc;
use std::time::Duration;

use http2_support::{End, Net, asks, fields, target};
use sluicegate::config::Protocol;
use sluicegate::config::ProtocolVersion::{Http1, Http2};
use sluicegate::http::h2::{ErrorCode, StreamId, frame};
use sluicegate::shard::Fate;

const LAST_OF_ALL: u32 = (1 << 31) - 1;

/// The target answers on that stream.
fn answer(net: &mut Net, stream: u32) {
    let target = net.target();
    net.speaker(target).say(stream, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
}

/// Guide LSN-04.
#[test]
fn a_client_may_have_128_streams_at_a_time_and_the_next_is_refused() {
    for version in [Http1, Http2] {
        let mut net = Net::new(version);
        (net.reply, net.lab.silent) = (None, true);
        let client = net.client();
        assert_eq!(net.speaker(client).side.available(), 128, "that is what is announced");
        let streams: Vec<u32> = (0..128).map(|_| net.get(client, "/")).collect();
        net.run();
        assert_eq!((net.streams() >= 128, net.lab.shard.census().exchanges), (true, 128));
        // A client that does not keep to it: its own count is told otherwise.
        let beyond = [asks("GET", "/", &[]), asks("GET", "/", &[])];
        let mut block = Vec::new();
        for head in &beyond {
            let number = 257 + 2 * block.len() as u32;
            block.push(number);
            let mut encoder = sluicegate::http::h2::hpack::Encoder::new();
            let mut bytes = Vec::new();
            encoder.begin(&mut bytes);
            head.iter().for_each(|(name, value)| encoder.secret(name.as_bytes(), value.as_bytes(), &mut bytes));
            let mut out = Vec::from((bytes.len() as u32).to_be_bytes());
            out.remove(0);
            out.extend([1, 5]);
            out.extend(number.to_be_bytes());
            out.extend(bytes);
            net.lab.peers[client].says.extend(out);
        }
        // What comes back is read by hand: the client's side knows nothing of these streams.
        net.speakers.remove(&client).unwrap();
        net.lab.run();
        let heard = &net.lab.peers[client].heard;
        let reset = |stream: u32| {
            let mut out = Vec::new();
            frame::write_reset(sluicegate::http::h2::StreamId::new(stream), ErrorCode::RefusedStream, &mut out);
            out
        };
        assert_eq!(heard, &[reset(257), reset(259)].concat());
        assert_eq!((streams.len(), net.lab.shard.census().exchanges), (128, 128), "the others go on");
        net.over();
    }
}

/// Guide CONN-10.
#[test]
fn after_10000_requests_a_connection_takes_no_more_and_ends() {
    let mut net = Net::with(Http2, Protocol::Http, |_, options| options.access_log = false);
    let client = net.client();
    let mut served = 0;
    for round in 0..100 {
        let streams: Vec<u32> = (0..100).map(|_| net.get(client, "/")).collect();
        if round == 99 {
            assert_eq!(net.speakers[&client].goaways, []);
        }
        net.run();
        for stream in streams {
            assert_eq!(net.talk(client, stream).text(), "hi");
            net.speaker(client).talks.remove(&stream);
            served += 1;
        }
        let target = net.target();
        net.speaker(target).talks.clear();
    }
    assert_eq!(served, 10_000);
    assert_eq!(net.speakers[&client].goaways, [(LAST_OF_ALL, ErrorCode::NoError), (19_999, ErrorCode::NoError)]);
    assert_eq!(net.lab.peers[client].fate, Fate::Finish);
    net.over();
}

/// Guide CONN-10: 8 K of a head as it is on the wire.
#[test]
fn a_head_whose_compressed_bytes_are_more_than_8_k_ends_the_connection() {
    for (bytes, served) in [(7_900, true), (8_192, false), (20_000, false)] {
        let mut net = Net::new(Http2);
        let client = net.client();
        // Bytes that Huffman's code makes longer are sent as they are.
        let value = "|".repeat(bytes);
        let stream = net.ask(client, &asks("GET", "/", &[("x-long", &value)]), b"", End::Plain);
        net.run();
        if served {
            assert_eq!(net.talk(client, stream).status(), "200");
            assert!(net.speakers[&client].goaways.is_empty());
        } else {
            assert_eq!(net.speakers[&client].goaways.len(), 1);
            assert_eq!(net.lab.peers[client].fate, Fate::Finish);
            assert!(net.targets().is_empty());
            let log = net.log();
            assert!(log[0].contains("\"Http2HeadTooLarge\""), "{log:?}");
        }
        net.over();
    }
}

/// Guide CONN-07 and CONN-08.
#[test]
fn after_the_keep_alive_time_a_request_is_served_and_the_connection_ends() {
    let mut net = Net::with(Http2, Protocol::Http, |config, _| {
        config.load_balancers[0].attributes.client_keep_alive = Duration::from_secs(100);
    });
    let client = net.client();
    for _ in 0..2 {
        net.pass_seconds(49);
        let stream = net.get(client, "/");
        net.run();
        assert_eq!((net.talk(client, stream).status(), net.speakers[&client].goaways.len()), ("200", 0));
    }
    net.pass_seconds(2);
    let stream = net.get(client, "/last");
    net.run();
    assert_eq!((net.talk(client, stream).status(), net.talk(client, stream).text().as_str()), ("200", "hi"));
    let goaways = [(LAST_OF_ALL, ErrorCode::NoError), (stream, ErrorCode::NoError)];
    assert_eq!(net.speakers[&client].goaways, goaways);
    assert_eq!(net.lab.peers[client].fate, Fate::Finish);
    net.over();
}

#[test]
fn a_connection_without_streams_for_the_idle_timeout_is_told_and_closes() {
    let mut net = Net::new(Http2);
    let client = net.client();
    let stream = net.get(client, "/");
    net.pass_seconds(59);
    assert!(net.is_open(client) && net.speakers[&client].goaways.is_empty());
    net.pass_seconds(1);
    assert_eq!(net.speakers[&client].goaways, [(stream, ErrorCode::NoError)]);
    assert_eq!(net.lab.peers[client].fate, Fate::Finish);
    net.pass_seconds(5);
    assert_eq!(net.lab.peers[client].fate, Fate::Close, "a client that does not close is not waited for");
    net.over();
}

/// `wire.md` H13.
#[test]
fn pings_are_answered_and_no_activity_so_an_idle_stream_is_reset_at_the_idle_timeout() {
    for version in [Http1, Http2] {
        let mut net = Net::new(version);
        (net.reply, net.lab.silent) = (None, true);
        let client = net.client();
        let stream = net.get(client, "/");
        net.run();
        let target = net.target();
        if version == Http1 {
            net.lab.says(target, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nsome");
        } else {
            net.speaker(target).say(1, &fields(&[(":status", "200")]), b"some", End::Open);
        }
        net.run();
        for second in 1..60 {
            let mut ping = Vec::new();
            frame::write_ping(0, [second; 8], &mut ping);
            net.lab.peers[client].says.extend(ping);
            net.pass_seconds(1);
        }
        assert_eq!(net.talk(client, stream).reset, None);
        net.pass_seconds(1);
        let talk = net.talk(client, stream);
        assert_eq!((talk.text().as_str(), talk.reset), ("some", Some(ErrorCode::InternalError)), "{version:?}");
        assert!(net.is_open(client), "the connection has its own time");
        assert_eq!(net.lab.shard.census().exchanges, 0);
        net.over();
    }
}

/// `wire.md` H13.
#[test]
fn a_ping_is_answered_at_once_and_told_to_nobody() {
    let (mut net, client) = Net::quiet(Http2);
    net.get(client, "/");
    net.run();
    let target = net.target();
    net.speakers.remove(&client);
    net.speakers.remove(&target);
    net.targets_speak = false;
    let mut ping = Vec::new();
    frame::write_ping(0, *b"12345678", &mut ping);
    net.lab.peers[client].says.extend(ping);
    net.run();
    let mut answer = Vec::new();
    frame::write_ping(frame::ACK, *b"12345678", &mut answer);
    assert_eq!(net.lab.peers[client].heard, answer);
    assert!(net.lab.peers[target].heard.is_empty());
    net.over();
}

#[test]
fn a_target_that_is_silent_for_the_idle_timeout_costs_a_504() {
    let (mut net, client) = Net::quiet(Http2);
    let stream = net.get(client, "/");
    net.pass_seconds(59);
    assert!(net.speakers[&client].talks[&stream].heads.is_empty());
    net.pass_seconds(1);
    let talk = net.talk(client, stream);
    assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("504", Some("TargetIdle")));
    assert_eq!(net.talk(net.target(), 1).reset, Some(ErrorCode::Cancel));
    net.over();
}

#[test]
fn a_client_that_stops_within_a_body_gets_a_408() {
    let (mut net, client) = Net::quiet(Http2);
    let stream = net.ask(client, &asks("POST", "/", &[]), b"some", End::Open);
    net.pass_seconds(60);
    let talk = net.talk(client, stream);
    assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("408", Some("ClientBodyStalled")));
    assert_eq!(net.talk(net.target(), 1).reset, Some(ErrorCode::Cancel));
    net.over();
}

#[test]
fn draining_lets_requests_end_that_are_in_progress_or_come_before_the_client_knows() {
    let (mut net, client) = Net::quiet(Http2);
    let before = net.get(client, "/before");
    net.run();
    net.lab.turn(|turn| turn.draining());
    // On its way while the first GOAWAY is on its way.
    let during = net.get(client, "/during");
    net.run();
    assert_eq!(net.speakers[&client].goaways[0], (LAST_OF_ALL, ErrorCode::NoError));
    assert_eq!(net.speakers[&client].goaways[1], (during, ErrorCode::NoError));
    assert_eq!(net.lab.peers[client].fate, Fate::Open);
    net.pass_seconds(5);
    answer(&mut net, 1);
    assert_eq!(net.lab.peers[client].fate, Fate::Open);
    answer(&mut net, 3);
    assert_eq!(net.talk(client, before).text(), "hi");
    assert_eq!(net.talk(client, during).text(), "hi");
    assert_eq!(net.lab.peers[client].fate, Fate::Finish);
    net.over();
}

#[test]
fn draining_ends_an_idle_connection_as_soon_as_its_client_knows_and_one_that_does_not_answer_soon_after() {
    let mut net = Net::new(Http2);
    let (client, deaf) = (net.client(), net.client());
    net.speaker(deaf).mute = true;
    net.lab.turn(|turn| turn.draining());
    net.run();
    assert_eq!(net.lab.peers[client].fate, Fate::Finish);
    assert_eq!(net.lab.peers[deaf].fate, Fate::Open);
    net.pass_seconds(1);
    assert_eq!(net.lab.peers[deaf].fate, Fate::Finish);
    net.over();
}

#[test]
fn a_listener_that_is_removed_ends_its_connections_after_their_requests() {
    let (mut net, client) = Net::quiet(Http2);
    let idle = net.client();
    let stream = net.get(client, "/");
    net.run();
    let mut next = secure_support::config(Some(secure_support::terms()), &[target(1)], Protocol::Http);
    next.groups[0].protocol_version = Http2;
    next.listeners[0].port = 444;
    net.lab.turn(|turn| turn.reconfigured(Arc::new(next)));
    net.run();
    assert_eq!(net.lab.peers[idle].fate, Fate::Finish);
    assert_eq!(net.lab.peers[client].fate, Fate::Open);
    assert_eq!(net.speakers[&client].goaways.len(), 2);
    answer(&mut net, 1);
    assert_eq!(net.talk(client, stream).text(), "hi");
    assert_eq!(net.lab.peers[client].fate, Fate::Finish);
    net.over();
}

#[test]
fn a_client_that_resets_a_stream_ends_that_request_alone() {
    for version in [Http1, Http2] {
        let mut net = Net::new(version);
        (net.reply, net.lab.silent) = (None, true);
        let client = net.client();
        let gone = net.get(client, "/gone");
        net.run();
        let first = net.target();
        let stays = net.get(client, "/stays");
        net.run();
        net.speaker(client).reset(gone, ErrorCode::Cancel);
        net.run();
        let log = net.log();
        assert!(log.len() == 1 && log[0].contains(" 460 - ") && log[0].contains("/gone"), "{log:?}");
        let second = net.target();
        if version == Http1 {
            assert_eq!(net.lab.peers[first].fate, Fate::Close);
            net.lab.says(second, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
            net.run();
        } else {
            assert_eq!(net.talk(first, 1).reset, Some(ErrorCode::Cancel));
            assert_eq!(first, second);
            answer(&mut net, 3);
        }
        assert_eq!(net.talk(client, stays).text(), "hi");
        net.over();
    }
}

#[test]
fn a_client_that_goes_ends_all_its_requests() {
    let (mut net, client) = Net::quiet(Http2);
    let other = net.client();
    for _ in 0..3 {
        net.get(client, "/");
    }
    let stays = net.get(other, "/");
    net.run();
    net.lab.ends(client);
    net.run();
    assert_eq!(net.lab.shard.census().exchanges, 1);
    assert_eq!(net.log().len(), 3);
    assert!(net.log().iter().all(|line| line.contains(" 460 - ")), "{:?}", net.log());
    let target = net.target();
    let reset: Vec<u32> =
        net.speakers[&target].talks.iter().filter(|(_, talk)| talk.reset.is_some()).map(|(id, _)| *id).collect();
    assert_eq!(reset.len(), 3);
    let left = (1..8).step_by(2).find(|stream| !reset.contains(stream)).unwrap();
    answer(&mut net, left);
    assert_eq!(net.talk(other, stays).text(), "hi");
    net.over();
}

#[test]
fn an_answer_before_the_end_of_the_request_ends_the_upload_without_an_error() {
    for version in [Http1, Http2] {
        let mut net = Net::new(version);
        (net.reply, net.lab.silent) = (None, true);
        let client = net.client();
        let stream = net.ask(client, &asks("POST", "/", &[]), &[b'x'; 9_000], End::Open);
        net.run();
        let target = net.target();
        if version == Http1 {
            net.lab.says(target, "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
        } else {
            net.speaker(target).say(1, &fields(&[(":status", "413")]), b"no", End::Plain);
        }
        net.run();
        let talk = net.talk(client, stream);
        assert_eq!((talk.status(), talk.text().as_str(), talk.ended), ("413", "no", true), "{version:?}");
        assert_eq!(talk.reset, Some(ErrorCode::NoError), "{version:?}");
        assert!(net.is_open(client));
        net.over();
    }
}

#[test]
fn what_the_balancer_answers_itself_ends_the_upload_without_an_error() {
    let mut net = Net::with(Http1, Protocol::Http, |config, _| config.groups[0].targets.clear());
    let client = net.client();
    let stream = net.ask(client, &asks("POST", "/", &[]), &[b'x'; 40_000], End::Plain);
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((talk.status(), talk.ended, talk.reset), ("503", true, Some(ErrorCode::NoError)));
    assert_eq!(net.streams(), 0);
    net.over();
}

/// Who has said little when it is answered may end it in its own way; more is not waited for.
#[test]
fn a_client_that_is_answered_early_may_still_say_a_little_and_end() {
    let mut net = Net::with(Http1, Protocol::Http, |config, _| config.groups[0].targets.clear());
    let client = net.client();
    let asked = |net: &mut Net| {
        let stream = net.ask(client, &asks("POST", "/", &[]), b"some", End::Open);
        net.run();
        let talk = net.talk(client, stream);
        assert_eq!((talk.status(), talk.ended, talk.reset), ("503", true, None));
        stream
    };
    // So often that a connection whose window did not open again would stop.
    for _ in 0..200 {
        let ends = asked(&mut net);
        net.speaker(client).add(ends, &[b'x'; 8 * 1024 - 4], End::Plain);
        net.run();
        assert_eq!((net.talk(client, ends).reset, net.streams()), (None, 0));
        assert!(net.speakers[&client].has_said_all(ends));
    }
    let goes_on = asked(&mut net);
    net.speaker(client).add(goes_on, &[b'x'; 8 * 1024 - 3], End::Open);
    net.run();
    assert_eq!((net.talk(client, goes_on).reset, net.streams()), (Some(ErrorCode::NoError), 0));
    let waits = asked(&mut net);
    net.pass_seconds(4);
    assert_eq!((net.talk(client, waits).reset, net.streams()), (None, 1));
    net.pass_seconds(1);
    assert_eq!((net.talk(client, waits).reset, net.streams()), (Some(ErrorCode::NoError), 0));
    net.over();
}

/// RFC 9113 section 8.1.1: also where nobody cares for the rest.
#[test]
fn a_client_that_is_answered_early_is_still_held_to_the_rules() {
    let mut net = Net::with(Http1, Protocol::Http, |config, _| config.groups[0].targets.clear());
    let client = net.client();
    let stream = net.ask(client, &asks("POST", "/", &[]), b"some", End::Open);
    net.run();
    // For its own side the stream is over as soon as it has said this.
    let mut speaker = net.speakers.remove(&client).unwrap();
    let (id, mut trailers) = (StreamId::new(stream), Vec::new());
    speaker.side.write_head(id, [(&b":path"[..], &b"/"[..])].into_iter(), true, &mut trailers);
    net.lab.peers[client].says.extend(trailers);
    net.lab.run();
    let mut reset = Vec::new();
    frame::write_reset(id, ErrorCode::ProtocolError, &mut reset);
    assert!(net.lab.peers[client].heard.ends_with(&reset), "{:?}", net.lab.peers[client].heard);
    assert_eq!((net.streams(), net.is_open(client)), (0, true));
    net.over();
}
