//! Whatever happens to a connection, it has a deadline until it is gone.

use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, Fate, ListenerId, Options, Shard, WireId};
use sluicegate::time::{Mono, Now, Wall};

fn at(seconds: u64) -> Now {
    Now { mono: Mono::from_nanos(seconds * 1_000_000_000), wall: Wall::from_micros(seconds * 1_000_000) }
}

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

fn config(idle: u64) -> Arc<Config> {
    let mut config = Config::forwarding(80, &["127.0.0.1:9001".parse().unwrap()]);
    config.load_balancers[0].attributes.idle_timeout = Duration::from_secs(idle);
    Arc::new(config)
}

fn shard() -> (Shard, WireId) {
    let mut shard = Shard::new(config(60), Options::default(), 1);
    let mut turn = shard.turn(at(0));
    let front = turn.accepted(ListenerId(80), ends()).unwrap();
    let _ = turn.finish();
    (shard, front)
}

/// When the shard, called whenever it asks for it, gives the connection up.
fn is_given_up_at(shard: &mut Shard, wire: WireId, mut now: Now) -> Option<Mono> {
    loop {
        let mut turn = shard.turn(now);
        if turn.wire(wire).is_none_or(|wire| wire.fate() == Fate::Close) {
            return Some(now.mono);
        }
        while turn.next_effect().is_some() {}
        now.mono = turn.finish()?.max(now.mono);
    }
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
    assert_eq!(is_given_up_at(&mut shard, front, at(62)), Some(at(62 + 60).mono));
}

#[test]
fn an_idle_timeout_that_a_new_configuration_changed_counts_from_the_next_request_on() {
    for idle in [5, 4000] {
        let (mut shard, front) = shard();
        let mut turn = shard.turn(at(40));
        drop(turn.reconfigured(config(idle)));
        let _ = turn.finish();
        let mut turn = shard.turn(at(57));
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(turn.wire(front).unwrap().offer(request), request.len());
        let Some(Effect::Dial { wire: back, .. }) = turn.next_effect() else { panic!("no target is dialed") };
        turn.dialed(back, Ok(ends()));
        let _ = turn.finish();
        let _ = shard.turn(at(61)).finish();
        let mut turn = shard.turn(at(61));
        let mut wire = turn.wire(back).unwrap();
        let sent = wire.pending().len();
        wire.sent(sent);
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(wire.offer(answer), answer.len());
        let mut wire = turn.wire(front).unwrap();
        let sent = wire.pending().len();
        wire.sent(sent);
        let _ = turn.finish();
        assert_eq!(is_given_up_at(&mut shard, front, at(61)), Some(at(61 + idle).mono), "{idle} s");
    }
}

#[test]
fn an_empty_line_after_a_request_does_not_begin_another() {
    let (mut shard, front) = shard();
    let mut turn = shard.turn(at(1));
    assert_eq!(turn.wire(front).unwrap().offer(b"\r\n"), 2);
    let _ = turn.finish();
    let mut turn = shard.turn(at(61));
    let mut wire = turn.wire(front).unwrap();
    assert_eq!(wire.pending(), b"", "it closes silently");
    assert_eq!(wire.fate(), Fate::Close);
    let _ = turn.finish();
}

#[test]
fn the_first_byte_of_a_request_line_begins_a_request() {
    let (mut shard, front) = shard();
    let mut turn = shard.turn(at(1));
    assert_eq!(turn.wire(front).unwrap().offer(b"\r\nG"), 3);
    let _ = turn.finish();
    let mut turn = shard.turn(at(61));
    assert!(turn.wire(front).unwrap().pending().starts_with(b"HTTP/1.1 408 "));
    let _ = turn.finish();
}
