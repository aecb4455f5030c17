//! Whatever happens to a connection, it has a deadline until it is gone.

use std::sync::Arc;

use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, Fate, ListenerId, Options, Shard, WireId};
use sluicegate::time::{Mono, Now, Wall};

fn at(seconds: u64) -> Now {
    Now { mono: Mono::from_nanos(seconds * 1_000_000_000), wall: Wall::from_micros(seconds * 1_000_000) }
}

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

fn shard() -> (Shard, WireId) {
    let config = Arc::new(Config::forwarding(80, &["127.0.0.1:9001".parse().unwrap()]));
    let mut shard = Shard::new(config, Options::default(), 1);
    let mut turn = shard.turn(at(0));
    let front = turn.accepted(ListenerId(80), ends()).unwrap();
    let _ = turn.finish();
    (shard, front)
}

/// Whether the shard, called whenever it asks for it, gives the connection up by that second.
fn is_given_up_by(shard: &mut Shard, wire: WireId, second: u64) -> bool {
    let mut now = at(62);
    while now.mono <= at(second).mono {
        let mut turn = shard.turn(now);
        if turn.wire(wire).is_none_or(|wire| wire.fate() == Fate::Close) {
            return true;
        }
        while turn.next_effect().is_some() {}
        let Some(next) = turn.finish() else { return false };
        now = Now { mono: next.max(now.mono), wall: now.wall };
    }
    false
}

#[test]
fn a_client_that_does_not_read_its_error_is_given_up_even_if_its_alarm_rang_while_its_target_was_dialed() {
    let (mut shard, front) = shard();
    let mut turn = shard.turn(at(55));
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(turn.wire(front).unwrap().offer(head), head.len());
    assert!(matches!(turn.next_effect(), Some(Effect::Dial { .. })));
    let _ = turn.finish();
    // Its idle timeout since it connected: nothing is due while only connecting has a deadline.
    let _ = shard.turn(at(61)).finish();
    let mut turn = shard.turn(at(62));
    let mut wire = turn.wire(front).unwrap();
    assert_eq!(wire.offer(b"no chunk"), 8);
    assert!(wire.pending().starts_with(b"HTTP/1.1 400 "));
    let _ = turn.finish();
    assert!(is_given_up_by(&mut shard, front, 62 + 60));
}
