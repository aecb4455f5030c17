//! Heads of HTTP/2 that are made to cost much: those that grow when they are decompressed, and those that come in pieces.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use http2_support::{End, Net, fields};
use sluicegate::config::Protocol;
use sluicegate::config::ProtocolVersion::Http2;
use sluicegate::http::h2::budget::REPETITION;
use sluicegate::http::h2::frame::{END_HEADERS, END_STREAM, FrameHead, FrameType, PAYLOAD_MAX};
use sluicegate::http::h2::{ErrorCode, StreamId};
use sluicegate::shard::Fate;
use sluicegate::target::HealthCheck;

/// A target of HTTP/2 that answers by hand.
fn quiet(memory_max: usize) -> (Net, usize) {
    Net::with(Http2, Protocol::Http, |_, options| options.memory_max = memory_max).hushed()
}

const PLENTY: usize = 64 * 1024 * 1024;

fn frame(kind: FrameType, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let head = FrameHead { len: payload.len(), kind, flags, stream: StreamId::new(stream) };
    [&head.write()[..], payload].concat()
}

/// An answer that is a head alone, with the field that is in the table so many times, or spelled out so that it gets there.
fn answer(stream: u32, times: usize) -> Vec<u8> {
    let mut block = vec![0x88];
    if times == 0 {
        block.extend([0x40, 1, b'n', 0x7f, 0x80, 0x1d]);
        block.extend([b'v'; 3_839]);
    }
    block.extend(vec![0xbe; times]);
    frame(FrameType::Headers, END_HEADERS | END_STREAM, stream, &block)
}

#[test]
fn a_target_whose_heads_name_a_field_again_and_again_loses_its_connection_and_others_serve_on() {
    let (mut net, client) = quiet(PLENTY);
    let waiting = net.get(client, "/waiting");
    net.run();
    let target = net.target();
    // Each is 27 KiB, which is within the limits of a head, and 22 beyond what is usual.
    let most = usize::from(REPETITION.max) / 22;
    let mut answered = 0;
    for n in 0..=most + 1 {
        let stream = net.get(client, "/bomb");
        net.run();
        let last = *net.speakers[&target].talks.keys().last().expect("it was asked");
        net.speaker(target).out.extend(answer(last, if n == 0 { 0 } else { 7 }));
        // What it has said by hand its own end knows nothing of.
        net.speaker(target).side.reset(StreamId::new(last), ErrorCode::NoError);
        let unsaid = net.speaker(target).side.control().len();
        net.speaker(target).side.control_sent(unsaid);
        net.run();
        let talk = net.talk(client, stream);
        answered += usize::from(talk.status() == "200");
        if n > most {
            assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("502", Some("TargetHeadFlood")));
        }
    }
    assert_eq!(answered, most + 1);
    // The others on that connection fail with it, and it is told why.
    let talk = net.talk(client, waiting);
    assert_eq!((talk.status(), talk.field("x-sluicegate-cause")), ("502", Some("TargetHeadFlood")));
    assert_eq!(net.lab.peers[target].fate, Fate::Close);
    assert_eq!(net.speakers[&target].goaways.last().map(|(_, code)| *code), Some(ErrorCode::EnhanceYourCalm));
    let log = net.log();
    assert_eq!(log.iter().filter(|line| line.contains("\"TargetHeadFlood\"") && line.contains(" 502 ")).count(), 2);
    let next = net.get(client, "/next");
    net.run();
    let second = net.target();
    assert_ne!(second, target);
    net.speaker(second).say(1, &fields(&[(":status", "200")]), b"hi", End::Plain);
    net.run();
    assert_eq!(net.talk(client, next).text(), "hi");
    net.over();
}

/// The frames of an answer whose value has so many bytes, so many of the block in each.
fn pieces(stream: u32, value: usize, each: usize) -> Vec<Vec<u8>> {
    let rest = value - 127;
    // A literal that is not for the table.
    let mut block = vec![0x88, 0x10, 1, b'n', 0x7f];
    block.extend([rest as u8 | 0x80, (rest >> 7) as u8 | 0x80, (rest >> 14) as u8]);
    block.resize(block.len() + value, b'v');
    let last = block.chunks(each).count() - 1;
    let frame = |(n, piece): (usize, &[u8])| {
        let (kind, end) = if n == 0 { (FrameType::Headers, END_STREAM) } else { (FrameType::Continuation, 0) };
        frame(kind, if n == last { END_HEADERS | end } else { end }, stream, piece)
    };
    block.chunks(each).enumerate().map(frame).collect()
}

#[test]
fn what_has_come_of_a_head_is_on_the_account_until_its_end_comes_or_its_connection_goes() {
    for full in [1, 2, 7] {
        for is_ended in [true, false] {
            let (mut net, client) = quiet(PLENTY);
            let stream = net.get(client, "/");
            net.run();
            let target = net.target();
            let before = net.lab.shard.census().memory;
            let mut frames = pieces(1, full * PAYLOAD_MAX, PAYLOAD_MAX);
            let last = frames.pop().unwrap();
            for (n, piece) in frames.into_iter().enumerate() {
                net.speaker(target).out.extend(piece);
                net.run();
                let now = net.lab.shard.census().memory;
                assert_eq!((now.metered, now.lent), (before.metered + (n + 1) * PAYLOAD_MAX, before.lent));
            }
            match is_ended {
                true => net.speaker(target).out.extend(last),
                false => net.lab.ends(target),
            }
            net.run();
            assert_eq!(net.lab.shard.census().memory.metered, before.metered);
            // Of up to 32 K it is an answer.
            assert_eq!(net.talk(client, stream).status(), if full == 1 && is_ended { "200" } else { "502" });
            net.over();
        }
    }
}

/// Clients that say most of a head and not its end, until no more of that is held: how many of so many are still there.
fn half_heads(net: &mut Net, clients: usize) -> usize {
    let peers: Vec<usize> = (0..clients).map(|_| net.client()).collect();
    for &peer in &peers {
        net.speaker(peer).out.extend(frame(FrameType::Headers, END_STREAM, 1, &[0x82; 8_000]));
        net.run();
        let memory = net.lab.shard.census().memory;
        assert!(memory.metered <= MEMORY / 2, "{memory:?}");
    }
    peers.iter().filter(|&&peer| net.is_open(peer)).count()
}

const MEMORY: usize = 1024 * 1024;

#[test]
fn heads_that_do_not_end_take_no_more_memory_than_there_is_however_many_clients_send_them() {
    let (mut net, _) = quiet(MEMORY);
    let open = half_heads(&mut net, 100);
    // A page is needed to read each, too.
    assert!((40..=MEMORY / 2 / 8_000).contains(&open), "{open} are held");
    assert_eq!(net.lab.shard.census().memory.metered, open * 8_000);
    net.over();
}

#[test]
fn where_memory_is_spent_a_target_whose_head_comes_in_pieces_loses_its_connection() {
    for (value, is_lost) in [(14_000, false), (100_000, true)] {
        let (mut net, client) = quiet(MEMORY);
        let stream = net.get(client, "/");
        net.run();
        let target = net.target();
        half_heads(&mut net, 55);
        let room = MEMORY / 2 - net.lab.shard.census().memory.metered;
        assert!((20_000..90_000).contains(&room), "{room}");
        net.speaker(target).out.extend(pieces(1, value, 7_000).concat());
        net.run();
        let log = net.log();
        assert_eq!(log.iter().any(|line| line.contains("\"OutOfMemory\"")), is_lost, "{log:?}");
        assert_eq!(net.lab.peers[target].fate == Fate::Close, is_lost);
        assert_eq!(net.talk(client, stream).status(), if is_lost { "502" } else { "200" });
        net.over();
    }
}

#[test]
fn the_answer_to_a_check_that_comes_in_pieces_takes_no_more_than_the_share_of_checks() {
    for (memory, is_read) in [(MEMORY, false), (2 * MEMORY, true)] {
        let mut net = Net::with(Http2, Protocol::Http, |config, options| {
            config.groups[0].health_check = HealthCheck::default();
            options.memory_max = memory;
        });
        net.reply = None;
        net.run();
        let target = net.target();
        let mut frames = pieces(1, 100_000, 7_000);
        frames.pop();
        net.speaker(target).out.extend(frames.concat());
        net.run();
        assert_eq!(net.is_open(target), is_read);
        assert_eq!(net.lab.shard.census().memory.metered, if is_read { 14 * 7_000 } else { 0 });
    }
}
