//! What a new configuration means for connections that are there already.

use std::sync::Arc;

use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, Fate, ListenerId, Options, Shard};
use sluicegate::time::{Mono, Now, Wall};

fn now() -> Now {
    Now { mono: Mono::from_nanos(1_000_000_000), wall: Wall::from_micros(1_000_000) }
}

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

fn forwarding_to(target: &str) -> Arc<Config> {
    Arc::new(Config::forwarding(80, &[target.parse().unwrap()]))
}

#[test]
fn a_removed_target_finishes_its_answer_and_is_not_kept_for_another_request() {
    let mut shard = Shard::new(forwarding_to("127.0.0.1:9001"), Options::default(), 1);
    let mut turn = shard.turn(now());
    let front = turn.accepted(ListenerId(80), ends()).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(turn.wire(front).unwrap().offer(request), request.len());
    let Some(Effect::Dial { wire: back, .. }) = turn.next_effect() else { panic!("no target is dialed") };
    turn.dialed(back, Ok(ends()));
    let mut wire = turn.wire(back).unwrap();
    let sent = wire.pending().len();
    wire.sent(sent);
    drop(turn.reconfigured(forwarding_to("127.0.0.1:9002")));
    let mut wire = turn.wire(back).unwrap();
    assert_eq!(wire.offer(b"HTTP/1.1 204 No Content\r\n\r\n"), 27);
    assert_eq!(wire.fate(), Fate::Close);
    assert!(turn.wire(front).unwrap().pending().starts_with(b"HTTP/1.1 204 "));
    let _ = turn.finish();
    assert_eq!(shard.census().pooled, 0);
}
