//! What may wait on the streams of a connection shrinks and grows with what waits on all of them; no answer is stuck for that.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use http2_support::{Net, bytes};
use sluicegate::config::ProtocolVersion::Http1;
use sluicegate::http::h2::{Terms, frame};

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
const INITIAL_WINDOW_SIZE: u16 = 4;

fn quiet(window: u32) -> Net {
    let mut net = Net::new(Http1);
    net.lab.silent = true;
    net.client_terms = Terms { initial_window: window, ..Terms::client() };
    net
}

/// A short answer of known length is held until it is whole. Halfway, others of the same client take all that may wait.
#[test]
fn an_answer_that_is_held_still_gets_room_for_all_of_it_when_others_wait() {
    let body = bytes(10_000);
    let mut net = quiet(16 * 1024);
    let client = net.client();
    let good = net.get(client, "/good");
    net.run();
    let target = net.target();
    net.lab.says(target, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n");
    net.lab.peers[target].says.extend_from_slice(&body[..5_000]);
    net.run();
    let streams: Vec<u32> = (0..100).map(|_| net.get(client, "/")).collect();
    net.speaker(client).stalled.extend(&streams);
    net.run();
    for other in net.targets().into_iter().filter(|other| *other != target) {
        net.lab.says(other, "HTTP/1.1 200 OK\r\nContent-Length: 204800\r\n\r\n");
        net.lab.peers[other].says.extend_from_slice(&bytes(200 * 1024));
    }
    net.run();
    net.lab.peers[target].says.extend_from_slice(&body[5_000..]);
    net.run();
    assert!(net.talk(client, good).body == body && net.talk(client, good).ended);
}

#[test]
fn an_answer_that_is_held_leaves_though_its_client_makes_its_windows_smaller() {
    let body = bytes(4_800);
    let mut net = quiet(16_000);
    let client = net.client();
    let good = net.get(client, "/good");
    net.run();
    let target = net.target();
    net.lab.says(target, "HTTP/1.1 200 OK\r\nContent-Length: 4800\r\n\r\n");
    net.lab.peers[target].says.extend_from_slice(&body[..4_200]);
    net.run();
    let mut settings = Vec::new();
    frame::write_settings(0, &[(INITIAL_WINDOW_SIZE, 3_000)], &mut settings);
    net.speaker(client).out.extend(settings);
    net.run();
    net.lab.peers[target].says.extend_from_slice(&body[4_200..]);
    net.run();
    assert_eq!(net.talk(client, good).body, body[..3_000]);
}

/// Eight answers pause after all that came has left. The sockets of their targets are not looked at meanwhile.
#[test]
fn what_has_left_does_not_count_against_other_streams() {
    let mut net = quiet(1 << 24);
    let client = net.client();
    for _ in 0..9 {
        net.get(client, "/");
    }
    net.run();
    let targets = net.targets();
    for target in &targets {
        net.lab.says(*target, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    }
    net.run();
    let at_client = net.lab.peers[client].wire;
    let room = |net: &mut Net| {
        let wire = net.lab.peers[targets[8]].wire;
        net.lab.turn(|turn| turn.wire(wire).and_then(|mut wire| wire.space().map(|room| room.len())))
    };
    let before = room(&mut net);
    for target in &targets[..8] {
        let wire = net.lab.peers[*target].wire;
        net.lab.turn(|turn| turn.wire(wire).expect("a target's").offer(&bytes(70 * 1024)));
        net.lab.turn(|turn| {
            let mut wire = turn.wire(at_client).expect("the client's");
            while !wire.pending().is_empty() {
                let n = wire.pending().len();
                wire.sent(n);
            }
        });
    }
    assert_eq!(net.lab.shard.census().memory.lent, 0, "all has left");
    assert_eq!(room(&mut net), before);
}

/// The interim answer alone is more than may wait, and a good part of the final head has come with it.
#[test]
fn a_long_head_behind_a_long_interim_one_is_read_whatever_its_client_takes() {
    for window in [65_535, 1_000] {
        let mut net = quiet(window);
        let client = net.client();
        let stream = net.get(client, "/");
        net.run();
        let target = net.target();
        let (link, long) = ("l".repeat(4_900), "h".repeat(7_000));
        net.lab.says(target, &format!("HTTP/1.1 103 Early Hints\r\nLink: {link}\r\n\r\n"));
        net.lab.says(target, &format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: {long}\r\nX-B: {long}\r\n\r\nhi"));
        net.run();
        let talk = net.talk(client, stream);
        assert_eq!(talk.heads.iter().map(|head| head[0].1.as_str()).collect::<Vec<_>>(), ["103", "200"], "{window}");
        assert_eq!(talk.text(), "hi");
        net.over();
    }
}
