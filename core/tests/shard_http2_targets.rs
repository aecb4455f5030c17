//! Targets that speak HTTP/2: what they do to streams and connections, and what clients get of it.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use std::sync::Arc;
use std::time::Duration;

use http2_support::{End, Net, Reply, asks, call, fields, target};
use sluicegate::config::ProtocolVersion::{Grpc, Http2};
use sluicegate::config::{Config, Protocol};
use sluicegate::http::h2::{ErrorCode, Terms, frame};
use sluicegate::shard::{DialError, Fate};
use sluicegate::tls::{Acceptor, Provider};

const CODES: [ErrorCode; 13] = [
    ErrorCode::ProtocolError,
    ErrorCode::InternalError,
    ErrorCode::FlowControlError,
    ErrorCode::SettingsTimeout,
    ErrorCode::StreamClosed,
    ErrorCode::FrameSizeError,
    ErrorCode::RefusedStream,
    ErrorCode::Cancel,
    ErrorCode::CompressionError,
    ErrorCode::ConnectError,
    ErrorCode::EnhanceYourCalm,
    ErrorCode::InadequateSecurity,
    ErrorCode::Http11Required,
];

#[test]
fn a_target_that_resets_a_stream_before_it_answers_costs_a_502_and_the_other_streams_nothing() {
    for code in CODES {
        let (mut net, client) = Net::quiet(Http2);
        let (reset, other) = (net.get(client, "/reset"), net.get(client, "/other"));
        net.run();
        let target = net.target();
        net.speaker(target).reset(1, code);
        net.run();
        if code == ErrorCode::RefusedStream {
            // It was asked once more, as it may be, and not again.
            net.speaker(target).reset(5, code);
            net.run();
        }
        let cause = if code == ErrorCode::RefusedStream { "TargetRefusedStream" } else { "TargetResetStream" };
        let talk = net.talk(client, reset);
        assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("502", Some(cause)), "{code:?}");
        net.speaker(target).say(3, &fields(&[(":status", "200")]), b"hi", End::Plain);
        net.run();
        assert_eq!(net.talk(client, other).text(), "hi");
        let log = net.log();
        assert!(log[0].contains(&format!(" \"{cause}\" ")) && log[0].contains(" 502 - "), "{}", log[0]);
        net.over();
    }
}

#[test]
fn a_target_that_resets_a_stream_in_its_answer_ends_the_clients_stream_and_no_other() {
    for code in CODES {
        let (mut net, client) = Net::quiet(Http2);
        let (reset, other) = (net.get(client, "/reset"), net.get(client, "/other"));
        net.run();
        let target = net.target();
        net.speaker(target).say(1, &fields(&[(":status", "200")]), b"some", End::Open);
        net.run();
        net.speaker(target).reset(1, code);
        net.speaker(target).say(3, &fields(&[(":status", "200")]), b"hi", End::Plain);
        net.run();
        let talk = net.talk(client, reset);
        assert_eq!((talk.text().as_str(), talk.ended, talk.reset), ("some", false, Some(ErrorCode::InternalError)));
        assert!(net.talk(client, other).ended && net.is_open(client));
        net.over();
    }
}

/// RFC 9113 section 8.1.
#[test]
fn a_target_that_answers_early_and_wants_no_more_ends_the_clients_upload() {
    let (mut net, client) = Net::quiet(Http2);
    let stream = net.ask(client, &asks("POST", "/", &[]), &[b'x'; 9_000], End::Open);
    net.run();
    let target = net.target();
    net.speaker(target).say(1, &fields(&[(":status", "413")]), b"no", End::Plain);
    net.run();
    net.speaker(target).reset(1, ErrorCode::NoError);
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((talk.status(), talk.text().as_str(), talk.ended), ("413", "no", true));
    assert_eq!(talk.reset, Some(ErrorCode::NoError));
    assert_eq!(net.streams(), 0);
    let next = net.get(client, "/next");
    net.run();
    net.speaker(target).say(3, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
    assert_eq!(net.talk(client, next).text(), "hi");
    net.over();
}

#[test]
fn a_request_that_was_refused_unseen_is_asked_once_more_with_its_body_if_nothing_of_that_had_left() {
    let (mut net, client) = Net::quiet(Http2);
    let (plain, begun) = (net.get(client, "/plain"), net.ask(client, &asks("POST", "/begun", &[]), b"some", End::Open));
    net.run();
    let target = net.target();
    for stream in [1, 3] {
        net.speaker(target).reset(stream, ErrorCode::RefusedStream);
    }
    net.run();
    assert_eq!(net.talk(client, begun).field("x-sluicegate-cause"), Some("TargetRefusedStream"));
    net.speaker(target).say(5, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
    assert_eq!(net.talk(client, plain).text(), "hi");
    net.over();
}

/// RFC 9113 section 6.8.
#[test]
fn requests_beyond_the_last_stream_of_a_goaway_are_asked_once_more_and_those_before_it_get_their_answers() {
    let (mut net, client) = Net::quiet(Http2);
    let streams = [net.get(client, "/1"), net.get(client, "/2"), net.get(client, "/3")];
    net.run();
    let first = net.target();
    let mut goaway = Vec::new();
    frame::write_goaway(sluicegate::http::h2::StreamId::new(3), ErrorCode::NoError, "", &mut goaway);
    net.speaker(first).out.extend(goaway);
    net.run();
    // They and new requests take a new connection, those in progress go on.
    let later = net.get(client, "/4");
    net.run();
    assert_eq!(net.targets().len(), 2);
    let second = net.target();
    for stream in [1, 3] {
        net.speaker(second).say(stream, &fields(&[(":status", "200")]), b"new", End::Plain);
    }
    for stream in [1, 3] {
        net.speaker(first).say(stream, &fields(&[(":status", "200")]), b"old", End::Plain);
    }
    net.run();
    assert!([later, streams[2]].iter().all(|stream| net.talk(client, *stream).text() == "new"));
    assert!(streams[..2].iter().all(|stream| net.talk(client, *stream).text() == "old"));
    assert_eq!(net.lab.peers[first].fate, Fate::Close, "nothing is left to be done there");
    net.over();
}

#[test]
fn a_connection_that_breaks_ends_what_is_in_progress_there_and_nothing_else() {
    let (mut net, client) = Net::quiet(Http2);
    let (waiting, begun) = (net.get(client, "/waiting"), net.get(client, "/begun"));
    net.run();
    let target = net.target();
    net.speaker(target).say(3, &fields(&[(":status", "200")]), b"some", End::Open);
    net.run();
    let wire = net.lab.peers[target].wire;
    net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.lost()));
    net.lab.peers[target].fate = Fate::Close;
    net.run();
    assert_eq!(net.talk(client, waiting).status(), "502");
    assert_eq!(net.talk(client, begun).reset, Some(ErrorCode::InternalError));
    let next = net.get(client, "/next");
    net.run();
    let target = net.target();
    net.speaker(target).say(1, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
    assert_eq!(net.talk(client, next).text(), "hi");
    net.over();
}

#[test]
fn a_target_takes_as_many_streams_at_a_time_as_it_says_and_further_connections_the_rest() {
    for (max, connections) in [(1, 12), (2, 6), (5, 3), (100, 1)] {
        let mut net = Net::new(Http2);
        net.target_terms = Terms { max_concurrent_streams: max, ..Terms::server() };
        net.reply = None;
        let client = net.client();
        let streams: Vec<u32> = (0..12).map(|_| net.get(client, "/")).collect();
        net.run();
        let targets = net.targets();
        assert_eq!(targets.len(), connections, "with {max} at a time");
        let mut asked = 0;
        for &target in &targets {
            let heard: Vec<u32> = net.speakers[&target].talks.keys().copied().collect();
            assert!(heard.len() <= max as usize, "{heard:?} with {max}");
            asked += heard.len();
            for stream in heard {
                assert_eq!(net.talk(target, stream).reset, None);
                net.speaker(target).say(stream, &fields(&[(":status", "200")]), b"hi", End::Plain);
            }
        }
        assert_eq!(asked, 12, "with {max} at a time");
        net.run();
        assert!(streams.iter().all(|stream| net.talk(client, *stream).text() == "hi"));
        // Connections are used again.
        net.reply = Some(Reply::plain(b"again"));
        let stream = net.get(client, "/");
        net.run();
        assert_eq!((net.talk(client, stream).text().as_str(), net.targets().len()), ("again", connections));
        net.over();
    }
}

#[test]
fn a_target_that_takes_no_streams_costs_a_502_and_no_connection_after_another() {
    let mut net = Net::new(Http2);
    net.target_terms = Terms { max_concurrent_streams: 0, ..Terms::server() };
    let client = net.client();
    let streams = [net.get(client, "/"), net.get(client, "/")];
    net.run();
    for stream in streams {
        let talk = net.talk(client, stream);
        assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("502", Some("TargetRefusedStream")));
    }
    assert!(net.targets().len() <= 2, "{} connections", net.targets().len());
    net.over();
}

#[test]
fn a_target_that_allows_fewer_streams_later_gets_no_more_than_that() {
    let (mut net, client) = Net::quiet(Http2);
    net.get(client, "/");
    net.run();
    let first = net.target();
    net.speaker(first).out.extend({
        let mut out = Vec::new();
        frame::write_settings(0, &[(3, 2)], &mut out);
        out
    });
    net.run();
    let streams: Vec<u32> = (0..4).map(|_| net.get(client, "/")).collect();
    net.run();
    let open = |net: &Net, peer: usize| net.speakers[&peer].talks.len();
    assert_eq!(open(&net, first), 2);
    let total: usize = net.targets().iter().map(|&peer| open(&net, peer)).sum();
    assert_eq!((total, streams.len()), (5, 4));
    net.over();
}

#[test]
fn a_target_whose_tls_agrees_on_no_http2_costs_a_502() {
    for protocols in [&[][..], &[&b"http/1.1"[..]]] {
        for (version, head) in [(Http2, asks("GET", "/", &[])), (Grpc, call("/s/m"))] {
            let mut net = Net::with(version, Protocol::Https, |_, _| ());
            let terms = secure_support::terms();
            let acceptor = Acceptor::new(&terms, &Provider::aws_lc(), &net.lab.clock, None, protocols);
            net.lab.acceptor = acceptor.map(Arc::new);
            let client = net.client();
            let stream = net.ask(client, &head, b"", End::Plain);
            net.run();
            let log = net.log();
            assert!(log[0].contains(" 502 - ") && log[0].contains("\"TargetNotHttp2\""), "{}", log[0]);
            let talk = net.talk(client, stream);
            assert_eq!(talk.status(), "502");
            assert_eq!(talk.field("grpc-status"), (version == Grpc).then_some("14"));
            net.over();
        }
    }
}

#[test]
fn a_target_that_says_nothing_has_ten_seconds_and_then_it_is_a_504() {
    for to_targets in [Protocol::Http, Protocol::Https] {
        let mut net = Net::with(Http2, to_targets, |_, _| ());
        let client = net.client();
        net.targets_speak = false;
        let streams = [net.get(client, "/"), net.get(client, "/")];
        net.pass_seconds(9);
        assert!(streams.iter().all(|stream| net.speakers[&client].talks[stream].heads.is_empty()));
        net.pass_seconds(1);
        for stream in streams {
            let talk = net.talk(client, stream);
            assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("504", Some("TargetConnectTimeout")));
        }
        assert_eq!(net.targets().len(), 1, "both waited for the same connection");
        net.over();
    }
}

/// The idle timeout may be shorter than the time that a connection takes.
#[test]
fn a_request_that_waited_for_its_connection_has_the_whole_idle_timeout_from_then_on() {
    let mut net = Net::with(Http2, Protocol::Http, |config, _| {
        config.load_balancers[0].attributes.idle_timeout = Duration::from_secs(5);
    });
    (net.reply, net.targets_speak) = (None, false);
    let client = net.client();
    let [served, silent] = [net.get(client, "/served"), net.get(client, "/silent")];
    net.pass_seconds(8);
    // The turn in which its SETTINGS come ends before anything is written.
    let target = net.target();
    let wire = net.lab.peers[target].wire;
    let taken = net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.offer(&[0, 0, 0, 4, 0, 0, 0, 0, 0])));
    assert_eq!(taken, Some(9));
    net.targets_speak = true;
    net.pass_seconds(4);
    net.speaker(target).say(1, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
    assert_eq!(net.talk(client, served).text(), "hi");
    assert!(net.speakers[&client].talks[&silent].heads.is_empty());
    net.pass_seconds(1);
    let talk = net.talk(client, silent);
    assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("504", Some("TargetIdle")));
    net.over();
}

/// RFC 9113 section 3.4: what it takes is said right after the handshake.
#[test]
fn a_target_has_ten_seconds_to_say_what_it_takes_from_the_end_of_its_handshake_on() {
    let mut net = Net::with(Http2, Protocol::Https, |_, _| ());
    let client = net.client();
    (net.targets_speak, net.lab.prompt) = (false, false);
    let stream = net.get(client, "/");
    net.pass_seconds(5);
    net.lab.prompt = true;
    net.pass_seconds(9);
    assert!(net.speakers[&client].talks[&stream].heads.is_empty());
    net.pass_seconds(1);
    let talk = net.talk(client, stream);
    assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("504", Some("TargetConnectTimeout")));
    net.over();
}

#[test]
fn what_a_target_of_http1_says_is_no_http2_and_costs_a_502() {
    let (mut net, client) = Net::quiet(Http2);
    net.targets_speak = false;
    let stream = net.get(client, "/");
    net.run();
    let target = net.target();
    net.lab.says(target, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    net.run();
    assert_eq!(net.talk(client, stream).status(), "502");
    net.over();
}

#[test]
fn a_connection_is_shared_by_clients_and_their_requests_keep_apart() {
    let (mut net, first) = Net::quiet(Http2);
    let second = net.client();
    let asked = [net.get(first, "/1"), net.get(second, "/2")];
    net.run();
    assert_eq!(net.targets().len(), 1);
    let target = net.target();
    for stream in [1, 3] {
        let path = net.talk(target, stream).field(":path").unwrap().to_owned();
        net.speaker(target).say(stream, &fields(&[(":status", "200")]), path.as_bytes(), End::Plain);
    }
    net.run();
    assert_eq!(net.talk(first, asked[0]).text(), "/1");
    assert_eq!(net.talk(second, asked[1]).text(), "/2");
    assert_eq!(net.lab.shard.census().pooled, 1);
    net.over();
}

#[test]
fn a_connection_without_streams_for_the_idle_timeout_closes_and_not_before() {
    for to_targets in [Protocol::Http, Protocol::Https] {
        let mut net = Net::with(Http2, to_targets, |_, _| ());
        let client = net.client();
        net.get(client, "/");
        net.run();
        let target = net.target();
        net.pass_seconds(59);
        assert_eq!(net.lab.peers[target].fate, Fate::Open);
        net.pass_seconds(1);
        assert_eq!(net.lab.peers[target].fate, Fate::Close);
        assert_eq!(net.speakers[&target].goaways.len(), 1, "it is told");
        assert_eq!(net.lab.shard.census().backs, 0);
        net.over();
    }
}

fn moved(config: &Config, to: &[std::net::SocketAddr]) -> Arc<Config> {
    let mut next = secure_support::config(Some(secure_support::terms()), to, Protocol::Http);
    next.groups[0].protocol_version = config.groups[0].protocol_version;
    Arc::new(next)
}

#[test]
fn requests_in_progress_end_at_a_target_that_was_removed_and_new_ones_go_elsewhere() {
    let (mut net, client) = Net::quiet(Http2);
    let old = net.get(client, "/old");
    net.run();
    let first = net.target();
    let next = moved(&net.lab.config, &[target(2)]);
    net.lab.turn(|turn| turn.reconfigured(next));
    let new = net.get(client, "/new");
    net.run();
    let second = net.target();
    assert_eq!(net.lab.peers[second].address, Some(target(2)));
    net.speaker(first).say(1, &fields(&[(":status", "200")]), b"old", End::Plain);
    net.speaker(second).say(1, &fields(&[(":status", "200")]), b"new", End::Plain);
    net.run();
    assert_eq!((net.talk(client, old).text(), net.talk(client, new).text()), ("old".into(), "new".into()));
    assert_eq!(net.lab.peers[first].fate, Fate::Close, "nobody will use it again");
    assert_eq!(net.lab.peers[second].fate, Fate::Open);
    net.over();
}

#[test]
fn a_target_that_refuses_connections_leaves_its_requests_to_another() {
    let mut net = Net::with(Http2, Protocol::Http, |config, _| {
        *config = secure_support::config(Some(secure_support::terms()), &[target(1), target(2)], Protocol::Http);
        config.groups[0].protocol_version = Http2;
    });
    net.lab.refusals.insert(target(1), DialError::Refused);
    let client = net.client();
    let streams: Vec<u32> = (0..6).map(|_| net.get(client, "/")).collect();
    net.run();
    for stream in streams {
        assert_eq!(net.talk(client, stream).text(), "hi");
    }
    assert!(net.targets().iter().all(|&peer| net.lab.peers[peer].address == Some(target(2))));
    net.over();
}

#[test]
fn a_target_alone_that_cannot_be_reached_costs_an_error() {
    for (error, status) in [(DialError::Refused, "502"), (DialError::Unreachable, "502"), (DialError::TimedOut, "504")]
    {
        let mut net = Net::new(Http2);
        net.lab.refusals.insert(target(1), error);
        let client = net.client();
        let streams = [net.get(client, "/"), net.get(client, "/")];
        net.run();
        assert!(streams.iter().all(|stream| net.talk(client, *stream).status() == status), "{error:?}");
        net.over();
    }
}

/// What a call of gRPC gets that fails (`wire.md` W8): no page for humans.
#[test]
fn a_call_that_fails_gets_the_status_of_grpc_for_it() {
    let expected = |net: &Net, client: usize, stream: u32, status: &str, what: &str| {
        let talk = net.talk(client, stream);
        assert_eq!((talk.status(), talk.field("content-length")), (status, Some("0")), "{what}");
        assert_eq!((talk.field("grpc-status"), talk.field("grpc-message")), (Some("14"), Some("unavailable")));
        assert!(talk.ended && talk.body.is_empty() && talk.trailers.is_none(), "{what}: {talk:?}");
    };
    for (error, status) in [(DialError::Refused, "502"), (DialError::TimedOut, "504")] {
        let mut net = Net::new(Grpc);
        net.lab.refusals.insert(target(1), error);
        let client = net.client();
        let stream = net.ask(client, &call("/s/m"), b"", End::Plain);
        net.run();
        expected(&net, client, stream, status, "no connection");
        net.over();
    }
    let mut net = Net::with(Grpc, Protocol::Http, |config, _| config.groups[0].targets.clear());
    let client = net.client();
    let stream = net.ask(client, &call("/s/m"), b"", End::Plain);
    net.run();
    expected(&net, client, stream, "503", "no targets");
    net.over();
    for what in ["reset", "goaway", "silence"] {
        let mut net = Net::new(Grpc);
        net.reply = None;
        let client = net.client();
        let stream = net.ask(client, &call("/s/m"), b"", End::Plain);
        net.run();
        let target = net.target();
        match what {
            "reset" => net.speaker(target).reset(1, ErrorCode::InternalError),
            "goaway" => {
                let mut out = Vec::new();
                let none = sluicegate::http::h2::StreamId::CONNECTION;
                frame::write_goaway(none, ErrorCode::NoError, "", &mut out);
                net.speaker(target).out.extend(out.iter());
                net.run();
                // The connection that the request took then is no better.
                let target = net.target();
                net.speaker(target).out.extend(out);
            }
            _ => net.pass_seconds(60),
        }
        net.run();
        expected(&net, client, stream, if what == "silence" { "504" } else { "502" }, what);
        net.over();
    }
}

#[test]
fn a_target_that_breaks_the_rules_of_http2_is_told_and_costs_a_502() {
    for to_targets in [Protocol::Http, Protocol::Https] {
        let mut net = Net::with(Http2, to_targets, |_, _| ());
        net.reply = None;
        let client = net.client();
        let stream = net.get(client, "/");
        net.run();
        let target = net.target();
        // DATA on a stream that nobody opened.
        net.speaker(target).out.extend([0, 0, 1, 0, 0, 0, 0, 0, 99, b'x']);
        net.run();
        let talk = net.talk(client, stream);
        assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("502", Some("TargetBrokeHttp2")));
        if to_targets == Protocol::Http {
            assert_eq!(net.speakers[&target].goaways, [(0, ErrorCode::ProtocolError)]);
        }
        assert_eq!(net.lab.peers[target].fate, Fate::Close);
        net.over();
    }
}

/// A target that closes every connection as soon as it is made keeps no request for ever.
#[test]
fn a_target_that_takes_leave_of_every_connection_at_once_costs_a_502_after_some_of_them() {
    let (mut net, client) = Net::quiet(Http2);
    net.reply = None;
    let stream = net.get(client, "/");
    let mut goaway = Vec::new();
    frame::write_goaway(sluicegate::http::h2::StreamId::CONNECTION, ErrorCode::NoError, "", &mut goaway);
    net.farewell = Some(goaway);
    net.run();
    let talk = net.talk(client, stream);
    assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("502", Some("TargetWentAway")));
    assert!((2..=17).contains(&net.targets().len()), "{} connections", net.targets().len());
    net.over();
}

/// A connection on which nothing comes any more gets no further requests.
#[test]
fn a_connection_that_has_died_without_a_word_is_given_up_after_the_first_request_that_times_out() {
    let (mut net, client) = Net::quiet(Http2);
    let first = net.get(client, "/first");
    net.run();
    net.pass_seconds(60);
    net.run();
    assert_eq!(net.talk(client, first).status(), "504");
    let client = net.client();
    let second = net.get(client, "/second");
    net.run();
    assert_eq!(net.targets().len(), 2, "another connection");
    let target = net.target();
    net.speaker(target).say(1, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
    assert_eq!(net.talk(client, second).text(), "hi");
    net.over();
}
