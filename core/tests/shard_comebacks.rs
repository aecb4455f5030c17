//! Targets and groups that leave with one reload and come back with another, and addresses that never come back: a request in
//! progress keeps its target, and no connection ever serves another target than its own.

use std::net::SocketAddr;
use std::sync::Arc;

use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, Fate, ListenerId, Options, Shard, WireId};
use sluicegate::time::{Mono, Now, Wall};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn at(seconds: u64) -> Now {
    Now { mono: Mono::from_nanos(seconds * 1_000_000_000), wall: Wall::from_micros(seconds * 1_000_000) }
}

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// One group with one target.
fn config(port: u16) -> Config {
    let mut config = Config::forwarding(80, &[address(port)]);
    config.load_balancers[0].attributes.idle_timeout = std::time::Duration::from_secs(4000);
    config
}

/// The same, with another group in place of that one.
fn elsewhere(port: u16) -> Config {
    let mut config = config(port);
    config.groups[0].arn.push('x');
    config
}

/// A shard, and the configuration that it has.
struct World {
    shard: Shard,
    config: Arc<Config>,
    now: Now,
}

impl World {
    fn new(config: Config) -> World {
        let config = Arc::new(config);
        World { shard: Shard::new(Arc::clone(&config), Options::default(), 1), config, now: at(1) }
    }

    fn reload(&mut self, next: Config) {
        self.config = Arc::new(next.next(&self.config, self.now.mono));
        let mut turn = self.shard.turn(self.now);
        drop(turn.reconfigured(Arc::clone(&self.config)));
        let _ = turn.finish();
    }

    fn client(&mut self) -> WireId {
        let mut turn = self.shard.turn(self.now);
        let client = turn.accepted(ListenerId(80), ends()).unwrap();
        let _ = turn.finish();
        client
    }

    /// A client's request, and the connection that is made for it, with its address; `None` if one from the pool has it.
    fn request(&mut self, client: WireId) -> Option<(WireId, SocketAddr)> {
        let mut turn = self.shard.turn(self.now);
        assert_eq!(turn.wire(client).unwrap().offer(REQUEST), REQUEST.len());
        let mut dialed = None;
        while let Some(effect) = turn.next_effect() {
            if let Effect::Dial { wire, address } = effect {
                dialed = Some((wire, address));
            }
        }
        let _ = turn.finish();
        dialed
    }

    fn dialed(&mut self, target: WireId) {
        let mut turn = self.shard.turn(self.now);
        turn.dialed(target, Ok(ends()));
        let mut wire = turn.wire(target).unwrap();
        let sent = wire.pending().len();
        wire.sent(sent);
        let _ = turn.finish();
    }

    /// The target answers, and the client has it. What is then to become of the target's connection.
    fn answer(&mut self, target: WireId, client: WireId) -> Fate {
        let mut turn = self.shard.turn(self.now);
        turn.wire(target).unwrap().offer(ANSWER);
        let mut wire = turn.wire(client).unwrap();
        assert!(wire.pending().ends_with(b"\r\n\r\nok"), "{}", String::from_utf8_lossy(wire.pending()));
        let sent = wire.pending().len();
        wire.sent(sent);
        let fate = turn.wire(target).unwrap().fate();
        let _ = turn.finish();
        fate
    }

    /// Time goes by, and the shard is called whenever it asks for it.
    fn pass_until(&mut self, end: Now) {
        while let Some(due) = self.shard.turn(self.now).finish().filter(|due| *due <= end.mono) {
            self.now.mono = due.max(self.now.mono);
        }
        self.now = end;
        let _ = self.shard.turn(end).finish();
    }

    fn said(&mut self, client: WireId) -> String {
        let mut turn = self.shard.turn(self.now);
        let said = String::from_utf8_lossy(turn.wire(client).unwrap().pending()).into_owned();
        let _ = turn.finish();
        said
    }
}

#[test]
fn a_request_at_a_target_whose_group_was_gone_for_a_moment_is_not_cut() {
    for comes_back in [true, false] {
        let mut world = World::new(config(1));
        let client = world.client();
        let (target, _) = world.request(client).unwrap();
        world.dialed(target);
        world.now = at(2);
        world.reload(elsewhere(2));
        world.now = at(3);
        world.reload(if comes_back { config(1) } else { elsewhere(2) });
        world.pass_until(at(301));
        assert_eq!(world.said(client), "", "the delay is not over");
        world.pass_until(at(310));
        if comes_back {
            assert_eq!(world.config.groups[0].targets[0].state.outstanding(), 1, "its request counts as before");
            assert_eq!(world.answer(target, client), Fate::Open);
            assert_eq!(world.config.groups[0].targets[0].state.outstanding(), 0);
            assert_eq!(world.shard.census().pooled, 1, "its connection may be used again");
        } else {
            assert!(world.said(client).starts_with("HTTP/1.1 502 "));
        }
    }
}

#[test]
fn a_connection_to_a_former_target_never_serves_one_that_came_later() {
    for is_dialing in [true, false] {
        let mut world = World::new(config(1));
        let client = world.client();
        let (target, _) = world.request(client).unwrap();
        if !is_dialing {
            world.dialed(target);
        }
        for port in 2..40 {
            world.reload(config(port));
        }
        if is_dialing {
            world.dialed(target);
        }
        assert_eq!(world.answer(target, client), Fate::Close, "nobody will ever use it again");
        assert_eq!(world.shard.census().pooled, 0);
        let (_, dialed) = world.request(client).expect("a new connection");
        assert_eq!(dialed, address(39));
    }
}

#[test]
fn a_connection_whose_target_left_and_came_back_among_others_is_used_again() {
    let mut world = World::new(config(1));
    let client = world.client();
    let (target, _) = world.request(client).unwrap();
    world.dialed(target);
    for port in (2..40).chain([1]) {
        world.reload(config(port));
    }
    assert_eq!(world.answer(target, client), Fate::Open);
    assert_eq!(world.shard.census().pooled, 1);
    assert!(world.request(client).is_none(), "it comes from the pool");
}
