//! Sessions allocate nothing once everything has been used before, whatever cookies come.

mod counting;
mod sticky_support;

use std::sync::Arc;

use counting::allocations;
use sluicegate::config::Config;
use sluicegate::shard::{Effect, ListenerId, Options, Shard, WireId};
use sluicegate::sticky::Secret;
use sluicegate::time::{Mono, Now, Wall};
use sticky_support::*;

/// One client and one target, each on a connection that stays.
struct Pair {
    shard: Shard,
    front: WireId,
    back: Option<WireId>,
    clock: u64,
}

impl Pair {
    fn new(config: Config) -> Pair {
        let mut options = Options::default();
        options.cookie_secret = Some(Secret::new([1; 32]));
        let mut shard = Shard::new(Arc::new(config), options, 1);
        let mut turn = shard.turn(at(0));
        let front = turn.accepted(ListenerId(80), ends(80)).unwrap();
        let _ = turn.finish();
        Pair { shard, front, back: None, clock: 0 }
    }

    fn exchange(&mut self, request: &[u8], answer: &[u8]) {
        self.clock += 100;
        let mut turn = self.shard.turn(at(self.clock));
        assert_eq!(turn.wire(self.front).unwrap().offer(request), request.len());
        while let Some(effect) = turn.next_effect() {
            if let Effect::Dial { wire, .. } = effect {
                turn.dialed(wire, Ok(ends(80)));
                self.back = Some(wire);
            }
        }
        let mut back = turn.wire(self.back.expect("a request goes to the target")).unwrap();
        while !back.pending().is_empty() {
            let sent = back.pending().len();
            back.sent(sent);
        }
        assert_eq!(back.offer(answer), answer.len());
        let mut front = turn.wire(self.front).unwrap();
        while !front.pending().is_empty() {
            let received = front.pending().len();
            front.sent(received);
        }
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
    }
}

fn at(micros: u64) -> Now {
    Now { mono: Mono::from_nanos(micros * 1000), wall: Wall::from_micros(START * 1_000_000 + micros) }
}

fn in_steady_state(config: Config, cookies: &str) -> usize {
    let mut pair = Pair::new(config);
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{cookies}\r\n");
    let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: app=1\r\nContent-Length: 0\r\n\r\n";
    for _ in 0..10 {
        pair.exchange(request.as_bytes(), answer.as_bytes());
    }
    allocations(|| {
        for _ in 0..50 {
            pair.exchange(request.as_bytes(), answer.as_bytes());
        }
    })
}

fn by_cookie() -> Config {
    config(&[Group { targets: 1, weight: 1, stickiness: lb_cookie(60) }], Some(60))
}

fn by_application() -> Config {
    config(&[Group { targets: 1, weight: 1, stickiness: app_cookie("app", 60) }], None)
}

#[test]
fn issuing_and_honouring_cookies_allocates_nothing_in_steady_state() {
    let first = World::new(by_cookie()).get("");
    let cookies = format!("Cookie: {}; {}\r\n", first.pair("AWSALB"), first.pair("AWSALBTG"));
    assert_eq!(in_steady_state(by_cookie(), ""), 0);
    assert_eq!(in_steady_state(by_cookie(), &cookies), 0);
}

#[test]
fn sessions_of_applications_allocate_nothing_in_steady_state() {
    let answer = "HTTP/1.1 200 OK\r\nSet-Cookie: app=1\r\nContent-Length: 0\r\n\r\n";
    let first = World::new(by_application()).ask(80, "", answer);
    let cookies = format!("Cookie: app=1; {}\r\n", first.pair("AWSALBAPP-0"));
    assert_eq!(in_steady_state(by_application(), ""), 0);
    assert_eq!(in_steady_state(by_application(), &cookies), 0);
}

#[test]
fn hostile_cookies_allocate_nothing_either() {
    let full = "A".repeat(4000);
    let parts: String = (0..4).map(|part| format!("Cookie: AWSALBAPP-{part}={full}\r\n")).collect();
    let junk = format!("AWSALB={}", "A".repeat(128));
    for cookies in [
        format!("Cookie: {}\r\n", ";".repeat(15_900)),
        format!("Cookie: {}\r\n", "AWSALB".repeat(2_600)),
        format!("Cookie: {}\r\n", "AWSALB=;".repeat(1_900)).repeat(4),
        format!("Cookie: {}\r\n", (junk + "; ").repeat(110)).repeat(4),
        format!("Cookie: app=1\r\n{parts}"),
        format!("Cookie: app=1; AWSALBAPP-0={}\r\n", "A".repeat(15_000)),
    ] {
        assert_eq!(in_steady_state(by_cookie(), &cookies), 0, "{cookies:.40}");
        assert_eq!(in_steady_state(by_application(), &cookies), 0, "{cookies:.40}");
    }
}
