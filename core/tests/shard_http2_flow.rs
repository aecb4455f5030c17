//! Bodies on HTTP/2: whole in both directions, held where somebody does not read, and never more in memory than their windows.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use http2_support::{End, Net, Reply, asks, bytes, fields};
use sluicegate::config::Protocol;
use sluicegate::config::ProtocolVersion::{Http1, Http2};
use sluicegate::http::h2::{ErrorCode, StreamId, Terms, frame};

const MIB: usize = 1024 * 1024;

/// More than all windows and pages on the way hold.
const LONG: usize = 200 * 1024;

/// What a stream may hold of an answer that nobody reads, in bytes: its window from the target, and a large page.
const EXCHANGE_MAX: usize = (16 + 80) * 1024;

/// What a client here takes of an answer before it has looked at it, in bytes.
const CLIENTS_WINDOW: u32 = Terms::client().initial_window;

/// All memory that bytes in flight may cost so far.
fn lent(net: &Net) -> usize {
    net.lab.shard.census().memory.lent
}

#[test]
fn ten_megabytes_come_down_whole() {
    for (version, to_targets) in [(Http1, Protocol::Http), (Http2, Protocol::Http), (Http2, Protocol::Https)] {
        let body = bytes(10 * MIB);
        let mut net = Net::with(version, to_targets, |_, _| ());
        net.reply = Some(Reply { end: End::Trailers(fields(&[("x-sum", "1")])), ..Reply::plain(&body) });
        net.lab.answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n"[..], &body].concat();
        let client = net.client();
        let stream = net.get(client, "/");
        net.run();
        let talk = net.talk(client, stream);
        assert!(talk.body == body && talk.ended, "{version:?}: {} bytes", talk.body.len());
        assert_eq!(talk.trailers.is_some(), version == Http2);
        net.over();
    }
}

#[test]
fn ten_megabytes_go_up_whole() {
    for (version, to_targets) in [(Http1, Protocol::Http), (Http2, Protocol::Http), (Http2, Protocol::Https)] {
        let body = bytes(10 * MIB);
        let mut net = Net::with(version, to_targets, |_, _| ());
        net.lab.silent = true;
        let client = net.client();
        let head = asks("POST", "/", &[("content-length", "10485760")]);
        let stream = net.ask(client, &head, &body, End::Plain);
        net.run();
        let target = net.target();
        if version == Http1 {
            assert!(net.lab.peers[target].heard.ends_with(&body));
            net.lab.says(target, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
            net.run();
        } else {
            assert!(net.talk(target, 1).body == body);
        }
        assert_eq!(net.talk(client, stream).text(), "hi", "{version:?}");
        net.over();
    }
}

#[test]
fn both_directions_at_once_do_not_wait_for_each_other() {
    let body = bytes(MIB);
    let mut net = Net::new(Http2);
    net.reply = None;
    let client = net.client();
    let stream = net.ask(client, &asks("POST", "/", &[]), &body, End::Open);
    net.run();
    let target = net.target();
    net.speaker(target).say(1, &fields(&[(":status", "200")]), &body, End::Open);
    net.run();
    assert!(net.talk(target, 1).body == body && net.talk(client, stream).body == body);
    for _ in 0..3 {
        net.speaker(client).add(stream, b"ping", End::Open);
        net.run();
        assert!(net.talk(target, 1).body.ends_with(b"ping"));
        net.speaker(target).add(1, b"pong", End::Open);
        net.run();
        assert!(net.talk(client, stream).body.ends_with(b"pong"));
        net.speaker(client).add(stream, b"!", End::Open);
        net.speaker(target).add(1, b"!", End::Open);
        net.run();
    }
    net.speaker(client).add(stream, b"", End::Plain);
    net.run();
    assert!(net.talk(target, 1).ended && !net.talk(client, stream).ended);
    net.speaker(target).add(1, b"", End::Trailers(fields(&[("grpc-status", "0")])));
    net.run();
    assert!(net.talk(client, stream).ended);
    net.over();
}

#[test]
fn one_that_does_not_read_among_128_streams_stalls_no_other_and_costs_no_more_than_its_window() {
    let body = bytes(LONG);
    for version in [Http1, Http2] {
        let mut net = Net::new(version);
        net.reply = Some(Reply::plain(&body));
        net.lab.answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 204800\r\n\r\n"[..], &body].concat();
        let client = net.client();
        let slow = net.get(client, "/slow");
        net.speaker(client).stalled.insert(slow);
        net.run();
        let others: Vec<u32> = (0..127).map(|_| net.get(client, "/")).collect();
        net.run();
        for stream in others {
            assert!(net.talk(client, stream).body == body, "{version:?}");
        }
        assert_eq!(net.talk(client, slow).body.len(), CLIENTS_WINDOW as usize, "its window");
        assert!(lent(&net) <= 256 * 1024, "{version:?}: {} bytes", lent(&net));
        net.speaker(client).resume(slow);
        net.run();
        assert!(net.talk(client, slow).body == body);
        net.over();
    }
}

#[test]
fn clients_that_read_nothing_cost_no_more_than_their_streams_windows() {
    let body = bytes(LONG);
    let mut net = Net::new(Http2);
    net.reply = Some(Reply::plain(&body));
    let client = net.client();
    let streams: Vec<u32> = (0..128).map(|_| net.get(client, "/")).collect();
    net.speaker(client).stalled.extend(&streams);
    net.run();
    let census = net.lab.shard.census();
    assert_eq!((census.exchanges, net.streams()), (128, 256));
    assert!(census.memory.lent <= 129 * EXCHANGE_MAX, "{census:?}");
    for stream in &streams {
        net.speaker(client).resume(*stream);
    }
    net.run();
    assert!(streams.iter().all(|stream| net.talk(client, *stream).body == body));
    net.over();
}

#[test]
fn a_client_that_does_not_read_its_socket_holds_up_nobody_else() {
    let body = bytes(LONG);
    let mut net = Net::new(Http2);
    net.reply = Some(Reply::plain(&body));
    let (stuck, reader) = (net.client(), net.client());
    net.client_terms = Terms::client();
    let stuck_streams: Vec<u32> = (0..16).map(|_| net.get(stuck, "/")).collect();
    net.run();
    assert!(stuck_streams.iter().all(|stream| net.talk(stuck, *stream).ended));
    net.lab.peers[stuck].takes = 0;
    let held: Vec<u32> = (0..16).map(|_| net.get(stuck, "/")).collect();
    net.run();
    let before = lent(&net);
    let stream = net.get(reader, "/");
    net.run();
    assert!(net.talk(reader, stream).body == body, "another client of the same connection to the target");
    assert!(before <= 18 * EXCHANGE_MAX, "{before} bytes");
    net.lab.peers[stuck].takes = 1000;
    net.run();
    assert!(held.iter().all(|stream| net.talk(stuck, *stream).body == body));
    net.over();
}

/// A target that takes nothing: no more than a window of each body is taken from the client.
#[test]
fn what_a_target_does_not_take_its_client_keeps() {
    let body = bytes(MIB);
    let mut net = Net::new(Http2);
    net.reply = None;
    net.target_terms = Terms { initial_window: 1000, ..Terms::server() };
    let client = net.client();
    net.get(client, "/first");
    net.run();
    let target = net.target();
    net.speaker(target).stalled.extend([3, 5]);
    let slow = [
        net.ask(client, &asks("POST", "/", &[]), &body, End::Plain),
        net.ask(client, &asks("PUT", "/", &[("content-length", "1048576")]), &body, End::Plain),
    ];
    net.run();
    let free = net.ask(client, &asks("POST", "/", &[]), &body, End::Plain);
    net.run();
    assert!(net.talk(target, 7).body == body, "another stream is not held up");
    for (stream, there) in slow.into_iter().zip([3, 5]) {
        assert_eq!(net.talk(target, there).body.len(), 1000);
        assert!(!net.speakers[&client].has_said_all(stream));
    }
    assert!(lent(&net) < 256 * 1024, "{} bytes", lent(&net));
    let _ = free;
    for there in [3, 5] {
        net.speaker(target).resume(there);
    }
    net.run();
    assert!(net.talk(target, 3).body == body && net.talk(target, 5).body == body);
    net.over();
}

#[test]
fn what_a_target_of_http1_does_not_take_its_client_keeps() {
    let body = bytes(MIB);
    let mut net = Net::new(Http1);
    net.lab.silent = true;
    let client = net.client();
    let stream = net.ask(client, &asks("POST", "/", &[]), b"", End::Open);
    net.run();
    let target = net.target();
    net.lab.peers[target].takes = 0;
    net.speaker(client).add(stream, &body, End::Plain);
    net.run();
    assert!(!net.speakers[&client].has_said_all(stream));
    assert!(lent(&net) < 256 * 1024, "{} bytes", lent(&net));
    net.lab.peers[target].takes = usize::MAX;
    net.run();
    assert!(net.speakers[&client].has_said_all(stream));
    assert!(net.lab.peers[target].heard.ends_with(b"\r\n0\r\n\r\n"));
    net.over();
}

fn settings(window: u32) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write_settings(0, &[(4, window)], &mut out);
    out
}

/// RFC 9113 section 6.9.2: a change concerns the streams that are there.
#[test]
fn windows_that_change_midway_lose_nothing_in_either_direction() {
    let body = bytes(MIB);
    let mut net = Net::new(Http2);
    net.reply = None;
    net.target_terms = Terms { initial_window: 65_535, ..Terms::server() };
    net.client_terms = Terms { initial_window: 65_535, ..Terms::client() };
    let client = net.client();
    let stream = net.ask(client, &asks("POST", "/", &[]), &body[..100_000], End::Open);
    net.run();
    let target = net.target();
    net.speaker(target).say(1, &fields(&[(":status", "200")]), &body[..100_000], End::Open);
    net.run();
    let steps = [0, 1, 65_535, 100, 40_000, 0, 30_000];
    for (at, window) in steps.into_iter().enumerate() {
        net.speaker(client).out.extend(settings(window));
        net.speaker(target).out.extend(settings(window));
        net.run();
        let part = 100_000 + at * 100_000..200_000 + at * 100_000;
        net.speaker(client).add(stream, &body[part.clone()], End::Open);
        net.speaker(target).add(1, &body[part], End::Open);
        net.run();
    }
    for end in [client, target] {
        net.speaker(end).out.extend(settings(65_535));
    }
    net.speaker(client).add(stream, &body[800_000..], End::Plain);
    net.run();
    net.speaker(target).add(1, &body[800_000..], End::Plain);
    net.run();
    assert_eq!((net.talk(target, 1).body.len(), net.talk(client, stream).body.len()), (MIB, MIB));
    assert!(net.talk(target, 1).body == body && net.talk(client, stream).body == body);
    assert!(net.talk(target, 1).ended && net.talk(client, stream).ended);
    net.over();
}

#[test]
fn a_stream_that_ends_in_the_middle_gives_its_memory_back_and_the_connection_its_window() {
    let body = bytes(LONG);
    let mut net = Net::new(Http2);
    net.reply = Some(Reply::plain(&body));
    let client = net.client();
    // More than the window of the connection, were it not given back.
    for _ in 0..200 {
        let stream = net.get(client, "/");
        net.speaker(client).stalled.insert(stream);
        net.run();
        assert_eq!(net.talk(client, stream).body.len(), CLIENTS_WINDOW as usize);
        net.speaker(client).reset(stream, ErrorCode::Cancel);
        net.pass_seconds(1);
        assert_eq!((net.streams(), net.lab.shard.census().exchanges), (0, 0));
    }
    let stream = net.get(client, "/");
    net.run();
    assert!(net.talk(client, stream).body == body);
    net.over();
}

#[test]
fn requests_that_there_is_no_memory_for_are_refused_or_get_a_503_and_nothing_is_left_behind() {
    for version in [Http1, Http2] {
        for kib in [300, 600, 1_000, 2_000, 4_000] {
            let body = bytes(LONG);
            let mut net = Net::with(version, Protocol::Http, |_, options| options.memory_max = kib * 1024);
            net.reply = Some(Reply::plain(&body));
            net.lab.answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 204800\r\n\r\n"[..], &body].concat();
            let client = net.client();
            let streams: Vec<u32> = (0..40).map(|_| net.get(client, "/")).collect();
            net.run();
            let mut served = 0;
            for stream in streams {
                let Some(talk) = net.speakers[&client].talks.get(&stream) else { continue };
                match talk.heads.last().map(|_| talk.status().to_owned()).as_deref() {
                    Some("200") if talk.ended => {
                        assert!(talk.body == body);
                        served += 1;
                    }
                    Some("200") => assert!(talk.reset.is_some() || !net.is_open(client), "{version:?} {kib}: {stream}"),
                    Some(status) => assert_eq!(status, "503", "{version:?} {kib}"),
                    None => assert!(talk.reset.is_some() || !net.is_open(client), "{version:?} {kib}: {stream}"),
                }
            }
            assert!(kib < 1_000 || served > 0, "{version:?} {kib}: {served}");
            let census = net.lab.shard.census();
            assert!(census.memory.lent <= kib * 1024, "{census:?}");
            net.over();
        }
    }
}

/// Memory is set aside with the first stream, on both sides, and for nothing that is no request.
#[test]
fn a_connection_is_paid_for_from_its_first_stream_on_and_without_streams_costs_nothing() {
    let mut net = Net::new(Http2);
    net.reply = None;
    let client = net.client();
    let admitted = |net: &Net| net.lab.shard.census().memory.admitted;
    assert_eq!(admitted(&net), 0);
    net.ask(client, &asks("GET", "/", &[("connection", "close")]), b"", End::Plain);
    net.run();
    assert_eq!(admitted(&net), 0, "it is malformed");
    let stream = net.get(client, "/");
    net.run();
    assert_eq!(admitted(&net), (64 + 2 * 96) * 1024, "the exchange, and a connection on each side");
    net.speaker(client).reset(stream, sluicegate::http::h2::ErrorCode::Cancel);
    net.run();
    assert_eq!(admitted(&net), 0);
    net.over();
}

/// A client that takes nothing at all from its first request on, and then all. A head is read to its end whatever its length.
#[test]
fn clients_whose_windows_are_shut_cost_little_for_each_stream_and_get_their_answers_later() {
    let body = bytes(50_000);
    for (version, length, head, most) in
        [(Http1, true, 100, 8), (Http1, false, 100, 8), (Http1, true, 6_000, 20), (Http2, true, 100, 20)]
    {
        let mut net = Net::new(version);
        net.reply = Some(Reply::plain(&body));
        let framing = if length { "Content-Length: 50000" } else { "Connection: close" };
        let head = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n{framing}\r\n\r\n", "x".repeat(head));
        net.lab.answer = [head.as_bytes(), &body].concat();
        net.client_terms = Terms { initial_window: 0, ..Terms::client() };
        let client = net.client();
        let streams: Vec<u32> = (0..128).map(|_| net.get(client, "/")).collect();
        net.run();
        assert!(streams.iter().all(|stream| net.talk(client, *stream).body.is_empty()));
        assert!(lent(&net) <= 128 * most * 1024 + 2 * MIB / 16, "{version:?}: {} bytes", lent(&net));
        for stream in &streams {
            net.speaker(client).side.widen(StreamId::new(*stream), 1 << 20);
        }
        net.run();
        if !length {
            for target in net.targets() {
                net.lab.ends(target);
            }
            net.run();
        }
        for stream in streams {
            let talk = net.talk(client, stream);
            assert!(talk.body == body && talk.ended, "{version:?} {length}: {} bytes", talk.body.len());
        }
        net.over();
    }
}

/// Its windows are wide open: only that nothing leaves shows what it is.
#[test]
fn a_client_that_takes_nothing_from_its_socket_costs_little_for_each_stream() {
    let body = bytes(LONG);
    for version in [Http1, Http2] {
        let mut net = Net::new(version);
        net.reply = Some(Reply::plain(&body));
        net.lab.answer = [&b"HTTP/1.1 200 OK\r\nContent-Length: 204800\r\n\r\n"[..], &body].concat();
        net.client_terms = Terms { initial_window: 1 << 24, ..Terms::client() };
        let client = net.client();
        net.run();
        net.lab.peers[client].takes = 0;
        let streams: Vec<u32> = (0..128).map(|_| net.get(client, "/")).collect();
        net.run();
        let most = if version == Http1 { 2 * MIB } else { 4 * MIB };
        assert!(lent(&net) <= most, "{version:?}: {} bytes", lent(&net));
        net.lab.peers[client].takes = usize::MAX;
        net.run();
        assert!(streams.iter().all(|stream| net.talk(client, *stream).body == body), "{version:?}");
        net.over();
    }
}

/// Of a client that has sixteen answers coming already, others begin with a small window.
#[test]
fn a_target_has_a_whole_window_for_an_answer_unless_its_client_asks_for_many() {
    let mut net = Net::new(Http2);
    net.reply = None;
    net.client_terms = Terms { initial_window: 65_535, ..Terms::client() };
    let client = net.client();
    for many in [16, 2] {
        for _ in 0..many {
            net.get(client, "/");
        }
        net.run();
    }
    let target = net.target();
    let windows: Vec<usize> = (0..18).map(|at| net.speaker(target).side.window(StreamId::new(2 * at + 1))).collect();
    assert_eq!(windows[..16], [16 * 1024; 16]);
    assert_eq!(windows[16..], [4 * 1024; 2]);
    // Its client takes what comes first.
    net.speaker(target).say(33, &fields(&[(":status", "200")]), &bytes(4 * 1024), End::Open);
    net.run();
    assert_eq!(net.speaker(target).side.window(StreamId::new(33)), 16 * 1024);
    let other = net.client();
    net.get(other, "/");
    net.run();
    assert_eq!(net.speaker(target).side.window(StreamId::new(37)), 16 * 1024, "another client's");
}

/// It takes all that comes, so every answer may have a full window, until suddenly it takes nothing.
#[test]
fn a_client_that_stops_in_the_middle_of_many_answers_costs_no_more_than_what_may_wait_on_a_connection() {
    let body = bytes(LONG);
    let (begun, rest) = body.split_at(1_000);
    for chunked in [false, true] {
        let mut net = Net::new(Http1);
        net.lab.silent = true;
        net.client_terms = Terms { initial_window: 1 << 24, ..Terms::client() };
        let client = net.client();
        let streams: Vec<u32> = (0..128).map(|_| net.get(client, "/")).collect();
        net.run();
        let framing = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 204800" };
        for target in net.targets() {
            net.lab.says(target, &format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
            net.lab.peers[target].says.extend_from_slice(&framed(begun, chunked));
            net.run();
        }
        assert!(streams.iter().all(|stream| net.talk(client, *stream).body == begun));
        net.lab.peers[client].takes = 0;
        for target in net.targets() {
            net.lab.peers[target].says.extend_from_slice(&framed(rest, chunked));
            net.run();
        }
        assert!(lent(&net) <= 3 * MIB / 2, "{chunked}: {} bytes", lent(&net));
        net.lab.peers[client].takes = usize::MAX;
        for target in net.targets() {
            net.lab.says(target, if chunked { "0\r\n\r\n" } else { "" });
        }
        net.run();
        assert!(streams.iter().all(|stream| net.talk(client, *stream).body == body), "{chunked}");
        net.over();
    }
}

/// A piece of a body as it is sent.
fn framed(piece: &[u8], chunked: bool) -> Vec<u8> {
    if chunked { [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat() } else { piece.to_vec() }
}

/// Trailers need no room among the bytes of a body: their peer takes them whatever its window is.
#[test]
fn long_trailers_reach_a_client_that_takes_no_more_of_the_body() {
    for len in [10, 2_000, 4_000, 4_100, 8_000] {
        let mut net = Net::new(Http1);
        net.lab.silent = true;
        net.client_terms = Terms { initial_window: 1_500, ..Terms::client() };
        let client = net.client();
        let stream = net.get(client, "/");
        net.speaker(client).stalled.insert(stream);
        net.run();
        let target = net.target();
        net.lab.says(target, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        net.lab.says(target, &format!("5dc\r\n{}\r\n", "x".repeat(1_500)));
        net.run();
        assert_eq!(net.talk(client, stream).body.len(), 1_500);
        let value = "y".repeat(len);
        net.lab.says(target, &format!("0\r\nX-Sum: {value}\r\n\r\n"));
        net.run();
        let talk = net.talk(client, stream);
        assert_eq!(talk.trailers.as_ref().map(|fields| fields[0].1.len()), Some(len));
        net.over();
    }
}
