//! A keep-alive request through the whole shard allocates nothing once everything has been used before.

mod counting;

use std::sync::Arc;

use counting::allocations;
use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, ListenerId, Log, Options, Shard, WireId};
use sluicegate::time::{Mono, Now, Wall};

const REQUEST: &[u8] = b"GET /api/v1/users/12345?fields=name HTTP/1.1\r\nHost: shop.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: */*\r\nCookie: session=0123456789abcdef; theme=dark\r\n\r\n";
const UPLOAD: &[u8] =
    b"POST /upload HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const LENGTH: &[u8] = b"HTTP/1.1 200 OK\r\nServer: t\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nServer: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";

fn now(micros: u64) -> Now {
    Now { mono: Mono::from_nanos(micros * 1000), wall: Wall::from_micros(1_700_000_000_000_000 + micros) }
}

struct Pair {
    shard: Shard,
    front: WireId,
    back: Option<WireId>,
    clock: u64,
}

impl Pair {
    fn new(access_log: bool) -> Pair {
        let mut options = Options::default();
        options.access_log = access_log;
        let config = Arc::new(Config::forwarding(80, &["127.0.0.1:9001".parse().unwrap()]));
        let mut shard = Shard::new(config, options, 1);
        let mut turn = shard.turn(now(0));
        let front = turn.accepted(ListenerId(80), ends()).unwrap();
        let _ = turn.finish();
        Pair { shard, front, back: None, clock: 0 }
    }

    /// One request and its answer; the bytes that the client got.
    fn exchange(&mut self, request: &[u8], answer: &[u8]) -> usize {
        self.clock += 100;
        let mut turn = self.shard.turn(now(self.clock));
        assert_eq!(turn.wire(self.front).unwrap().offer(request), request.len());
        while let Some(effect) = turn.next_effect() {
            match effect {
                Effect::Dial { wire, .. } => {
                    turn.dialed(wire, Ok(ends()));
                    self.back = Some(wire);
                }
                Effect::Wake(wire) => assert_eq!(Some(wire), self.back),
                effect => panic!("{effect:?}"),
            }
        }
        let _ = turn.finish();

        let mut turn = self.shard.turn(now(self.clock + 1));
        let mut back = turn.wire(self.back.expect("a request goes to the target")).unwrap();
        let sent = back.pending().len();
        assert!(sent > 0);
        back.sent(sent);
        assert_eq!(back.offer(answer), answer.len());
        assert_eq!(turn.next_effect(), Some(Effect::Wake(self.front)));
        let _ = turn.finish();

        let mut turn = self.shard.turn(now(self.clock + 2));
        let mut front = turn.wire(self.front).unwrap();
        let received = front.pending().len();
        front.sent(received);
        let mut journal = turn.journal(Log::Access);
        let written = journal.pending().len();
        journal.sent(written);
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        received
    }
}

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

fn in_steady_state(access_log: bool, request: &[u8], answer: &[u8]) -> usize {
    let mut pair = Pair::new(access_log);
    for _ in 0..10 {
        assert!(pair.exchange(request, answer) > answer.len() / 2);
    }
    allocations(|| {
        for _ in 0..100 {
            pair.exchange(request, answer);
        }
    })
}

#[test]
fn a_request_allocates_nothing_in_steady_state() {
    assert_eq!(in_steady_state(false, REQUEST, LENGTH), 0);
}

#[test]
fn chunks_in_both_directions_allocate_nothing_in_steady_state() {
    assert_eq!(in_steady_state(false, UPLOAD, CHUNKED), 0);
}

#[test]
fn keeping_a_log_allocates_nothing_in_steady_state() {
    assert_eq!(in_steady_state(true, REQUEST, LENGTH), 0);
}

#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}
