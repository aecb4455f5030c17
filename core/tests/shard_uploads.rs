//! A target that stops reading in the middle of an upload, and the client that goes on sending meanwhile.

use std::sync::Arc;

use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, ListenerId, Options, Shard};
use sluicegate::time::{Mono, Now, Wall};

fn now(millis: u64) -> Now {
    Now { mono: Mono::from_nanos(millis * 1_000_000), wall: Wall::from_micros(1_700_000_000_000_000 + millis * 1000) }
}

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

/// What the client is told when it sends as much as is taken between the failed write and the news of the reset.
fn answer_to(length: usize, news: Option<&[u8]>) -> String {
    let config = Arc::new(Config::forwarding(80, &["127.0.0.1:9001".parse().unwrap()]));
    let mut shard = Shard::new(config, Options::default(), 1);
    let mut turn = shard.turn(now(0));
    let front = turn.accepted(ListenerId(80), ends()).unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    turn.wire(front).unwrap().offer(head.as_bytes());
    let back = loop {
        match turn.next_effect() {
            Some(Effect::Dial { wire, .. }) => break wire,
            Some(_) => {}
            None => panic!("a request goes to the target"),
        }
    };
    turn.dialed(back, Ok(ends()));
    let _ = turn.finish();

    let mut turn = shard.turn(now(1));
    turn.wire(back).unwrap().unwritable();
    let _ = turn.finish();
    let mut left = length;
    for step in 2..100 {
        let mut turn = shard.turn(now(step));
        let mut wire = turn.wire(front).expect("the client's connection lives until it is answered");
        left -= wire.offer(&vec![b'x'; left.min(65_536)]);
        let _ = turn.finish();
    }

    let mut turn = shard.turn(now(100));
    let mut wire = turn.wire(back).expect("the target may still say something");
    match news {
        Some(news) => assert_eq!(wire.offer(news), news.len()),
        None => wire.lost(),
    }
    let said = String::from_utf8_lossy(turn.wire(front).unwrap().pending()).into_owned();
    let _ = turn.finish();
    said
}

#[test]
fn a_client_that_sends_on_after_its_target_left_is_told_so() {
    for length in [10_000, 1_000_000, 4_000_000] {
        assert!(answer_to(length, None).starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{length}");
    }
}

#[test]
fn an_answer_that_was_on_its_way_when_the_target_stopped_reading_still_arrives() {
    for length in [10_000, 1_000_000, 4_000_000] {
        let answer = answer_to(length, Some(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"));
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{length}: {answer:?}");
        assert!(answer.contains("Connection: close\r\n") && answer.ends_with("\r\n\r\nno"), "{answer:?}");
    }
}
