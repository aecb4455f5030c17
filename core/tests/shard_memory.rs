//! What too little memory may cost, and that every page is accounted for.

use std::sync::Arc;

use sluicegate::buffer::PAGE;
use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, ListenerId, Options, Shard, WireId};
use sluicegate::time::{Mono, Now, Wall};

fn now() -> Now {
    Now { mono: Mono::from_nanos(1_000_000_000), wall: Wall::from_micros(1_000_000) }
}

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

/// A client and the target that its first request goes to.
struct Pair {
    shard: Shard,
    front: WireId,
    back: WireId,
}

impl Pair {
    fn new(memory_max: usize, request: &[u8]) -> Pair {
        let config = Arc::new(Config::forwarding(80, &["127.0.0.1:9001".parse().unwrap()]));
        let mut options = Options::default();
        options.memory_max = memory_max;
        let mut shard = Shard::new(config, options, 1);
        let mut turn = shard.turn(now());
        let front = turn.accepted(ListenerId(80), ends()).unwrap();
        assert_eq!(turn.wire(front).unwrap().offer(request), request.len());
        let Some(Effect::Dial { wire: back, .. }) = turn.next_effect() else { panic!("no target is dialed") };
        turn.dialed(back, Ok(ends()));
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        let mut pair = Pair { shard, front, back };
        pair.heard(back);
        pair
    }

    fn say(&mut self, wire: WireId, bytes: &[u8]) {
        let mut turn = self.shard.turn(now());
        assert_eq!(turn.wire(wire).unwrap().offer(bytes), bytes.len());
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
    }

    fn heard(&mut self, wire: WireId) -> String {
        let mut turn = self.shard.turn(now());
        let mut wire = turn.wire(wire).unwrap();
        let mut heard = Vec::new();
        while !wire.pending().is_empty() {
            heard.extend_from_slice(wire.pending());
            let sent = wire.pending().len();
            wire.sent(sent);
        }
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        String::from_utf8(heard).unwrap()
    }
}

#[test]
fn an_upgrade_whose_head_finds_no_room_is_answered_503_and_makes_no_tunnel() {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut pair = Pair::new(8 * PAGE, request);
    // It just fits where it is read to, but not with a blank behind each colon where it is written to.
    let mut head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade:websocket\r\n".to_vec();
    head.extend(std::iter::repeat_n(format!("a:{}\r\n", "b".repeat(197)), 81).collect::<String>().bytes());
    head.extend_from_slice(b"\r\n");
    assert!(head.len() < PAGE && head.len() + 81 > PAGE, "{}", head.len());
    head.extend_from_slice(b"tunnel");
    pair.say(pair.back, &head);
    let heard = pair.heard(pair.front);
    assert!(heard.starts_with("HTTP/1.1 503 "), "{:?}", heard.get(..40));
    assert!(!heard.contains("tunnel"));
}

#[test]
fn what_a_client_sent_ahead_is_metered_once_nothing_is_set_aside_for_its_request_any_more() {
    let mut pair = Pair::new(1 << 20, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    pair.say(pair.front, b"G");
    let memory = pair.shard.census().memory;
    assert_eq!((memory.lent, memory.metered), (PAGE, 0));
    pair.say(pair.back, b"HTTP/1.1 204 No Content\r\n\r\n");
    assert!(pair.heard(pair.front).starts_with("HTTP/1.1 204 "));
    let memory = pair.shard.census().memory;
    assert_eq!((memory.lent, memory.metered, memory.admitted), (PAGE, PAGE, 0));
    pair.say(pair.front, b"ET / HTTP/1.1\r\nHost: a\r\n\r\n");
    pair.heard(pair.back);
    let memory = pair.shard.census().memory;
    assert_eq!((memory.lent, memory.metered), (0, 0));
}
