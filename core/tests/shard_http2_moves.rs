//! Requests of which nothing was sent when the connection that they wait for is gone, or takes no more of them: whatever they
//! are, another connection gets them at once, to the same target if that is still registered.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use std::net::SocketAddr;
use std::sync::Arc;

use http2_support::{End, Net, Reply, asks, call, fields, target};
use sluicegate::config::ProtocolVersion::{Grpc, Http1, Http2};
use sluicegate::config::{Config, Protocol};
use sluicegate::http::h2::{ErrorCode, StreamId, Terms, frame};
use sluicegate::shard::{DialError, Fate};
use sluicegate::target::Stickiness;

/// Connections that one request waits for at most: the first, and 16 others.
const CONNECTIONS_MAX: usize = 17;

/// More than a connection that is not read from has room for.
const UPLOAD: usize = 120_000;

/// A target that reads nothing of an upload, so that the requests behind it wait: the connection, the upload, and those.
fn blocked(net: &mut Net, client: usize) -> (usize, u32, [u32; 2]) {
    net.target_terms = Terms { initial_window: 256 * 1024, ..Terms::server() };
    net.get(client, "/first");
    net.run();
    let first = net.target();
    net.speaker(first).say(1, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
    net.lab.peers[first].takes = 0;
    let upload = net.ask(client, &asks("POST", "/upload", &[]), &[b'x'; UPLOAD], End::Open);
    net.run();
    let waiting = [
        net.get(client, "/waits"),
        net.ask(client, &asks("POST", "/waits", &[]), b"some", End::Trailers(fields(&[("x-sum", "1")]))),
    ];
    net.run();
    (first, upload, waiting)
}

/// The blocked connection is read from again: nothing but the upload was ever sent there.
fn upload_goes_on(net: &mut Net, client: usize, first: usize, upload: u32) {
    net.lab.peers[first].takes = usize::MAX;
    net.run();
    assert_eq!(net.speakers[&first].talks.keys().copied().collect::<Vec<u32>>(), [1, 3]);
    net.speaker(first).say(3, &fields(&[(":status", "200")]), b"stored", End::Plain);
    net.run();
    assert_eq!(net.talk(client, upload).text(), "stored");
}

/// Requests for these targets now.
fn reload(net: &mut Net, to: &[SocketAddr], change: impl FnOnce(&mut Config)) {
    let old = &net.lab.config.groups[0];
    let mut next = secure_support::config(Some(secure_support::terms()), to, old.protocol);
    next.groups[0].protocol_version = old.protocol_version;
    next.groups[0].attributes.stickiness = old.attributes.stickiness.clone();
    change(&mut next);
    net.lab.turn(|turn| turn.reconfigured(Arc::new(next)));
}

/// The connections that were made to that address.
fn to(net: &Net, address: SocketAddr) -> Vec<usize> {
    net.targets().into_iter().filter(|&peer| net.lab.peers[peer].address == Some(address)).collect()
}

/// The target of that connection answers everything that was asked there, by its paths.
fn answer_all(net: &mut Net, target: usize) {
    for (stream, path) in net.speakers[&target]
        .talks
        .iter()
        .filter(|(_, talk)| talk.ended)
        .map(|(stream, talk)| (*stream, talk.field(":path").unwrap().to_owned()))
        .collect::<Vec<_>>()
    {
        net.speaker(target).say(stream, &fields(&[(":status", "200")]), path.as_bytes(), End::Plain);
        net.speaker(target).talk(stream).ended = false;
    }
    net.run();
}

fn settings(of: &[(u16, u32)]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write_settings(0, of, &mut out);
    out
}

fn goaway(last: u32) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write_goaway(StreamId::new(last), ErrorCode::NoError, "", &mut out);
    out
}

/// The target says that; nothing is written in the meantime.
fn says(net: &mut Net, target: usize, bytes: &[u8]) {
    let wire = net.lab.peers[target].wire;
    let taken = net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.offer(bytes)));
    assert_eq!(taken, Some(bytes.len()));
}

/// The target's connection ends in that way.
fn breaks(net: &mut Net, target: usize, how: &str) {
    let wire = net.lab.peers[target].wire;
    match how {
        "end" => net.lab.ends(target),
        // DATA on a stream that nobody opened.
        "broken rule" => says(net, target, &[0, 0, 1, 0, 0, 0, 0, 0, 99, b'x']),
        "unwritable" => net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.unwritable())).unwrap(),
        _ => {}
    }
    net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.lost()));
    net.lab.peers[target].fate = Fate::Close;
}

#[test]
fn requests_that_wait_while_the_target_takes_leave_get_another_connection_to_it_at_once() {
    let (mut net, client) = Net::quiet(Http2);
    let (first, upload, waiting) = blocked(&mut net, client);
    net.speaker(first).out.extend(goaway(3));
    net.run();
    assert_eq!(to(&net, target(1)).len(), 2);
    let second = net.target();
    assert_eq!((net.talk(second, 3).text().as_str(), net.talk(second, 3).trailers.is_some()), ("some", true));
    answer_all(&mut net, second);
    assert!(waiting.iter().all(|&stream| net.talk(client, stream).text() == "/waits"));
    upload_goes_on(&mut net, client, first, upload);
    assert_eq!(net.lab.peers[first].fate, Fate::Close, "nothing is left to be done there");
    net.over();
}

#[test]
fn requests_that_wait_while_the_target_allows_no_more_streams_get_another_connection_to_it_at_once() {
    let (mut net, client) = Net::quiet(Http2);
    let (first, upload, waiting) = blocked(&mut net, client);
    net.speaker(first).out.extend(settings(&[(3, 0)]));
    net.run();
    assert_eq!(to(&net, target(1)).len(), 2);
    let second = net.target();
    answer_all(&mut net, second);
    assert!(waiting.iter().all(|&stream| net.talk(client, stream).text() == "/waits"));
    // It takes requests again, and is not left for that.
    net.speaker(first).out.extend(settings(&[(3, 10)]));
    upload_goes_on(&mut net, client, first, upload);
    assert!(net.is_open(first) && net.is_open(second));
    net.over();
}

/// Nothing is in progress there.
#[test]
fn a_target_that_allows_no_streams_any_more_is_left_for_another_connection() {
    let (mut net, client) = Net::quiet(Http2);
    net.get(client, "/first");
    net.run();
    let first = net.target();
    answer_all(&mut net, first);
    // Both are there before anything is written.
    let stream = net.ask(client, &asks("POST", "/next", &[]), b"some", End::Plain);
    net.speaker(first).out.extend(settings(&[(3, 0)]));
    net.run();
    assert_eq!((to(&net, target(1)).len(), net.lab.peers[first].fate), (2, Fate::Close));
    let second = net.target();
    answer_all(&mut net, second);
    assert_eq!(net.talk(client, stream).text(), "/next");
    net.over();
}

/// As often as connections may be tried, and where there is no other: no request waits for a turn that never comes.
#[test]
fn a_target_that_allows_no_streams_whenever_one_is_wanted_costs_a_502() {
    for is_registered in [true, false] {
        let (mut net, client) = Net::quiet(Http2);
        net.targets_speak = false;
        let stream = net.ask(client, &asks("POST", "/", &[]), b"some", End::Plain);
        net.run();
        if !is_registered {
            reload(&mut net, &[], |_| ());
        }
        for round in 1..=CONNECTIONS_MAX {
            assert!(net.speakers[&client].talks[&stream].heads.is_empty(), "{round}");
            assert_eq!(net.targets().len(), round);
            let target = net.target();
            says(&mut net, target, &settings(&[]));
            says(&mut net, target, &settings(&[(3, 0)]));
            net.run();
            if !is_registered {
                break;
            }
        }
        assert_eq!(net.cause(client, stream), ("502", "TargetRefusedStream"));
        assert_eq!(net.targets().len(), if is_registered { CONNECTIONS_MAX } else { 1 });
        net.over();
    }
}

#[test]
fn requests_that_wait_for_a_connection_to_a_target_that_is_deregistered_go_to_another_at_once() {
    for (what, to_targets) in [
        ("dialed", Protocol::Http),
        ("dialed", Protocol::Https),
        ("secured", Protocol::Https),
        ("greeted", Protocol::Http),
        ("greeted", Protocol::Https),
    ] {
        let mut net = Net::with(Http2, to_targets, |_, _| ());
        let client = net.client();
        net.lab.holds_dials = what == "dialed";
        net.lab.prompt = what != "secured";
        net.targets_speak = false;
        let streams = [net.get(client, "/"), net.ask(client, &asks("POST", "/", &[]), b"some", End::Plain)];
        net.run();
        reload(&mut net, &[target(2)], |_| ());
        (net.lab.holds_dials, net.lab.prompt, net.targets_speak) = (false, true, true);
        net.run();
        for stream in streams {
            assert_eq!(net.talk(client, stream).text(), "hi", "{what} {to_targets:?}");
        }
        assert_eq!(to(&net, target(2)).len(), 1, "{what} {to_targets:?}");
        for first in to(&net, target(1)) {
            assert_eq!(net.lab.peers[first].fate, Fate::Close, "{what} {to_targets:?}: nobody waits for it");
        }
        let (log, second) = (net.log(), target(2).to_string());
        assert!(log.len() == 2 && log.iter().all(|line| line.contains(&second)), "{log:?}");
        net.over();
    }
}

#[test]
fn requests_that_wait_at_a_target_that_is_deregistered_go_to_another_at_once_and_those_in_progress_stay() {
    let (mut net, client) = Net::quiet(Http2);
    let (first, upload, waiting) = blocked(&mut net, client);
    reload(&mut net, &[target(2)], |_| ());
    net.run();
    let second = net.target();
    assert_eq!((net.targets().len(), net.lab.peers[second].address), (2, Some(target(2))));
    answer_all(&mut net, second);
    assert!(waiting.iter().all(|&stream| net.talk(client, stream).text() == "/waits"));
    upload_goes_on(&mut net, client, first, upload);
    assert_eq!(net.lab.peers[first].fate, Fate::Close, "nobody will use it again");
    net.over();
}

/// Who waits for a target that takes few streams at a time, and cannot go elsewhere, gets its turn, or is told that none comes.
#[test]
fn requests_with_no_other_target_wait_for_their_turn_until_the_target_takes_leave() {
    for leaves in [false, true] {
        let (mut net, client) = Net::quiet(Http2);
        net.targets_speak = false;
        let streams: Vec<u32> = (0..5).map(|number| net.get(client, &format!("/{number}"))).collect();
        net.run();
        reload(&mut net, &[], |_| ());
        (net.targets_speak, net.target_terms) = (true, Terms { max_concurrent_streams: 2, ..Terms::server() });
        net.run();
        let target = net.target();
        assert_eq!(net.speakers[&target].talks.len(), 2);
        if leaves {
            net.speaker(target).out.extend(goaway(3));
            net.run();
            assert!(streams[2..].iter().all(|&stream| net.cause(client, stream) == ("502", "TargetWentAway")));
        }
        (0..3).for_each(|_| answer_all(&mut net, target));
        for (number, &stream) in streams.iter().enumerate().take(if leaves { 2 } else { 5 }) {
            assert_eq!(net.talk(client, stream).text(), format!("/{number}"));
        }
        assert_eq!((net.targets().len(), net.lab.peers[target].fate), (1, Fate::Close));
        net.over();
    }
}

/// Another that is in progress does not make it more likely.
#[test]
fn requests_with_no_other_target_fail_at_once_when_the_target_allows_no_more_streams() {
    let (mut net, client) = Net::quiet(Http2);
    let (first, upload, waiting) = blocked(&mut net, client);
    reload(&mut net, &[], |_| ());
    net.run();
    assert!(waiting.iter().all(|stream| net.speakers[&client].talks[stream].heads.is_empty()));
    net.speaker(first).out.extend(settings(&[(3, 1)]));
    net.run();
    assert!(waiting.iter().all(|stream| net.speakers[&client].talks[stream].heads.is_empty()), "their turn will come");
    net.speaker(first).out.extend(settings(&[(3, 0)]));
    net.run();
    assert!(waiting.iter().all(|&stream| net.cause(client, stream) == ("502", "TargetRefusedStream")));
    upload_goes_on(&mut net, client, first, upload);
    net.over();
}

#[test]
fn a_target_that_refuses_requests_of_a_deregistered_one_leaves_them_to_the_next() {
    let (mut net, client) = Net::quiet(Http2);
    net.targets_speak = false;
    let streams: Vec<u32> = (0..6).map(|_| net.get(client, "/")).collect();
    net.run();
    net.lab.refusals.insert(target(2), DialError::Refused);
    reload(&mut net, &[target(2), target(3)], |_| ());
    (net.targets_speak, net.reply) = (true, Some(Reply::plain(b"hi")));
    net.run();
    assert!(streams.iter().all(|&stream| net.talk(client, stream).text() == "hi"));
    assert_eq!(to(&net, target(3)).len(), 1);
    net.over();
}

/// Whatever the former target speaks is what the request is written in; and one group has no targets of another.
#[test]
fn requests_go_to_no_target_that_speaks_otherwise_or_is_of_another_group() {
    type Change = fn(&mut Config);
    let changes: [(&str, Change); 3] = [
        ("HTTP/1.1", |config| config.groups[0].protocol_version = Http1),
        ("gRPC", |config| config.groups[0].protocol_version = Grpc),
        ("another group", |config| config.groups[0].arn.push_str("-other")),
    ];
    for (what, change) in changes {
        let (mut net, client) = Net::quiet(Http2);
        net.targets_speak = false;
        let stream = net.get(client, "/");
        net.run();
        let first = net.target();
        reload(&mut net, &[target(2)], change);
        net.targets_speak = true;
        net.run();
        assert_eq!(net.targets(), [first], "{what}");
        answer_all(&mut net, first);
        assert_eq!(net.talk(client, stream).text(), "/", "{what}");
        net.over();
    }
}

#[test]
fn calls_go_to_another_target_of_their_group_that_speaks_grpc() {
    let mut net = Net::new(Grpc);
    net.reply = Some(Reply::of_call(b"ok"));
    net.targets_speak = false;
    let client = net.client();
    let stream = net.ask(client, &call("/s/m"), b"", End::Plain);
    net.run();
    reload(&mut net, &[target(2)], |_| ());
    net.targets_speak = true;
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((talk.text(), talk.trailers.as_ref()), ("ok".into(), Some(&fields(&[("grpc-status", "0")]))));
    let second = net.target();
    assert_eq!(net.lab.peers[second].address, Some(target(2)));
    assert_eq!(net.talk(second, 1).field("te"), Some("trailers"));
    net.over();
}

#[test]
fn a_session_is_with_the_target_that_a_request_went_to_in_the_end() {
    let mut net = Net::with(Http2, Protocol::Http, |config, _| {
        let duration = std::time::Duration::from_secs(1_000);
        config.groups[0].attributes.stickiness = Some(Stickiness::LoadBalancerCookie { duration });
    });
    net.targets_speak = false;
    let client = net.client();
    let stream = net.get(client, "/");
    net.run();
    let others: Vec<SocketAddr> = (2..8).map(target).collect();
    reload(&mut net, &others, |_| ());
    net.targets_speak = true;
    net.run();
    let cookie = |(name, value): &(String, String)| {
        (name == "set-cookie" && value.starts_with("AWSALB=")).then(|| value.split(';').next().unwrap().to_owned())
    };
    let cookie = net.talk(client, stream).head().iter().find_map(cookie).expect("a session");
    let seat = net.lab.peers[net.target()].address;
    assert_ne!(seat, Some(target(1)));
    for _ in 0..8 {
        net.ask(client, &asks("GET", "/again", &[("cookie", &cookie)]), b"", End::Plain);
        net.run();
        assert_eq!(net.lab.peers[net.target()].address, seat);
    }
    // One that asks for its target, and does not get it in the end (guide STK-21).
    net.pass_seconds(61);
    net.targets_speak = false;
    let client = net.client();
    let moved = net.ask(client, &asks("GET", "/", &[("cookie", &cookie)]), b"", End::Plain);
    net.run();
    let before = net.lab.shard.metrics().non_sticky_request_count;
    reload(&mut net, &[target(9)], |_| ());
    net.targets_speak = true;
    net.run();
    assert_eq!(net.talk(client, moved).text(), "hi");
    assert_eq!(net.lab.shard.metrics().non_sticky_request_count, before + 1);
    net.over();
}

/// RFC 9113 section 8.7.
#[test]
fn what_a_deregistered_target_did_not_look_at_goes_to_another() {
    for how in ["refusal", "goaway"] {
        let (mut net, client) = Net::quiet(Http2);
        let stream = net.ask(client, &asks("POST", "/", &[]), b"", End::Plain);
        net.run();
        let first = net.target();
        reload(&mut net, &[target(2)], |_| ());
        match how {
            "refusal" => net.speaker(first).reset(1, ErrorCode::RefusedStream),
            _ => net.speaker(first).out.extend(goaway(0)),
        }
        net.run();
        let second = net.target();
        assert_eq!(net.lab.peers[second].address, Some(target(2)), "{how}");
        answer_all(&mut net, second);
        assert_eq!(net.talk(client, stream).text(), "/");
        net.over();
    }
}

#[test]
fn requests_of_which_nothing_was_sent_survive_a_connection_that_breaks_as_soon_as_it_is_there() {
    for how in ["reset", "end", "broken rule", "unwritable", "goaway"] {
        for is_registered in [true, false] {
            let (mut net, client) = Net::quiet(Http2);
            net.targets_speak = false;
            let trailers = fields(&[("x-sum", "1")]);
            let streams = [
                net.get(client, "/get"),
                net.ask(client, &asks("POST", "/post", &[]), b"some", End::Trailers(trailers.clone())),
                net.ask(client, &asks("POST", "/more", &[]), b"so", End::Open),
            ];
            net.run();
            let first = net.target();
            says(&mut net, first, &settings(&[]));
            if !is_registered {
                // Who could go elsewhere would have gone before.
                reload(&mut net, &[], |_| ());
                reload(&mut net, &[target(2)], |_| ());
            }
            match how {
                "goaway" => says(&mut net, first, &goaway(0)),
                _ => breaks(&mut net, first, how),
            }
            net.targets_speak = true;
            net.run();
            let second = net.target();
            let address = target(if is_registered { 1 } else { 2 });
            assert_eq!((net.targets().len(), net.lab.peers[second].address), (2, Some(address)), "{how}");
            assert_eq!(net.lab.peers[first].fate, Fate::Close, "{how}");
            net.speaker(client).add(streams[2], b"me", End::Plain);
            net.run();
            for (stream, body, trailers) in [(1, "", None), (3, "some", Some(&trailers)), (5, "some", None)] {
                let talk = net.talk(second, stream);
                assert_eq!((talk.text().as_str(), talk.trailers.as_ref()), (body, trailers), "{how}");
            }
            answer_all(&mut net, second);
            for (stream, path) in streams.into_iter().zip(["/get", "/post", "/more"]) {
                assert_eq!(net.talk(client, stream).text(), path, "{how}");
            }
            let log = net.log();
            assert!(log.iter().all(|line| line.contains(" 200 200 ") && !line.contains("\"Target")), "{log:?}");
            net.over();
        }
    }
}

#[test]
fn a_request_that_was_sent_is_not_sent_again_when_its_connection_breaks_and_those_that_wait_behind_it_are() {
    for how in ["reset", "end", "broken rule"] {
        let (mut net, client) = Net::quiet(Http2);
        let (first, upload, waiting) = blocked(&mut net, client);
        breaks(&mut net, first, how);
        net.run();
        let expected = match how {
            "reset" => "TargetReset",
            "end" => "TargetClosedEarly",
            _ => "TargetBrokeHttp2",
        };
        assert_eq!(net.cause(client, upload), ("502", expected));
        let second = net.target();
        assert_eq!((net.targets().len(), net.speakers[&second].talks.len()), (2, 2), "{how}");
        answer_all(&mut net, second);
        assert!(waiting.iter().all(|&stream| net.talk(client, stream).text() == "/waits"), "{how}");
        net.over();
    }
}

#[test]
fn a_request_whose_head_was_sent_is_not_sent_again_when_its_connection_breaks() {
    for method in ["POST", "GET"] {
        let (mut net, client) = Net::quiet(Http2);
        let stream = net.ask(client, &asks(method, "/", &[]), b"", End::Plain);
        net.run();
        let first = net.target();
        breaks(&mut net, first, "reset");
        net.run();
        assert_eq!((net.cause(client, stream), net.targets().len()), (("502", "TargetReset"), 1));
        net.over();
    }
}

/// A target that accepts every connection, says what it takes, and breaks it then.
#[test]
fn a_target_that_breaks_every_connection_keeps_no_request_for_ever() {
    for (how, expected) in [("reset", "TargetReset"), ("end", "TargetClosedEarly"), ("broken rule", "TargetBrokeHttp2")]
    {
        for broken in [CONNECTIONS_MAX - 1, CONNECTIONS_MAX] {
            let (mut net, client) = Net::quiet(Http2);
            net.targets_speak = false;
            let streams = [net.get(client, "/"), net.ask(client, &asks("POST", "/", &[]), b"some", End::Plain)];
            net.run();
            for round in 1..=broken {
                assert_eq!(net.targets().len(), round, "{how}");
                assert!(streams.iter().all(|stream| net.speakers[&client].talks[stream].heads.is_empty()));
                let target = net.target();
                says(&mut net, target, &settings(&[]));
                breaks(&mut net, target, how);
                net.run();
            }
            net.targets_speak = true;
            net.run();
            assert_eq!(net.targets().len(), CONNECTIONS_MAX, "{how}");
            if broken < CONNECTIONS_MAX {
                let target = net.target();
                answer_all(&mut net, target);
            }
            for stream in streams {
                match broken < CONNECTIONS_MAX {
                    true => assert_eq!(net.talk(client, stream).text(), "/", "the last one serves it"),
                    false => assert_eq!(net.cause(client, stream), ("502", expected)),
                }
            }
            net.over();
        }
    }
}

/// One that has died without a word.
#[test]
fn requests_that_wait_for_a_connection_on_which_others_time_out_get_another() {
    let (mut net, client) = Net::quiet(Http2);
    let (first, upload, waiting) = blocked(&mut net, client);
    net.pass_seconds(30);
    let later = net.get(client, "/later");
    net.pass_seconds(29);
    assert_eq!(net.targets().len(), 1);
    net.pass_seconds(1);
    assert_eq!(net.cause(client, upload), ("504", "TargetIdle"));
    assert_eq!(to(&net, target(1)).len(), 2);
    let second = net.target();
    answer_all(&mut net, second);
    for (stream, path) in [(waiting[0], "/waits"), (waiting[1], "/waits"), (later, "/later")] {
        assert_eq!(net.talk(client, stream).text(), path);
    }
    net.lab.peers[first].takes = usize::MAX;
    net.run();
    assert_eq!(net.lab.peers[first].fate, Fate::Close);
    net.over();
}

/// It has waited for as long as an answer may take.
#[test]
fn a_request_that_times_out_while_it_waits_is_answered_and_gets_no_other_connection() {
    let (mut net, client) = Net::quiet(Http2);
    let (first, upload, waiting) = blocked(&mut net, client);
    net.pass_seconds(30);
    net.speaker(client).reset(waiting[0], ErrorCode::Cancel);
    net.speaker(client).add(upload, b"more", End::Open);
    net.pass_seconds(30);
    assert_eq!(net.cause(client, waiting[1]), ("504", "TargetIdle"));
    assert_eq!(net.targets(), [first]);
    upload_goes_on(&mut net, client, first, upload);
    net.over();
}
