//! How many instructions one whole exchange through the shard takes, in memory: a request comes in on a client's connection
//! that is kept, goes out on a pooled one, its answer comes back. No sockets, no runtime: what remains is the core.

#![allow(missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use gungraun::prelude::*;
use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, ListenerId, Log, Options, Shard, WireId};
use sluicegate::time::{Mono, Now, Wall};

const SMALL: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const BROWSER: &[u8] = b"GET /api/v1/users/12345?fields=name,email&page=2 HTTP/1.1\r\n\
    Host: shop.example.com\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://shop.example.com/checkout\r\n\
    Cookie: session=0123456789abcdef; theme=dark\r\n\
    Connection: keep-alive\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Cache-Control: max-age=0\r\n\
    X-Request-Id: 7f9c2ba4e88f827d\r\n\
    \r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello, world";

/// A shard with a client's connection and a pooled one to the target, after some requests.
struct Warm {
    shard: Shard,
    front: WireId,
    back: WireId,
    request: &'static [u8],
    nanos: u64,
}

fn warm(request: &'static [u8], access_log: bool) -> Warm {
    let mut options = Options::default();
    options.access_log = access_log;
    let config = Arc::new(Config::forwarding(8080, &[([127, 0, 0, 1], 9001).into()]));
    let mut shard = Shard::new(config, options, 1);
    let mut turn = shard.turn(now(0));
    let front = turn.accepted(ListenerId(8080), ends()).expect("a free place");
    turn.wire(front).expect("it is there").offer(request);
    let Some(Effect::Dial { wire: back, .. }) = turn.next_effect() else { panic!("a target is dialed") };
    turn.dialed(back, Ok(ends()));
    let _ = turn.finish();
    let mut warm = Warm { shard, front, back, request, nanos: 1 };
    warm.answer();
    for _ in 0..3 {
        warm.exchange();
    }
    warm
}

impl Warm {
    fn exchange(&mut self) -> usize {
        self.nanos += 1_000;
        let mut turn = self.shard.turn(now(self.nanos));
        turn.wire(self.front).expect("it is there").offer(self.request);
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        self.answer()
    }

    fn answer(&mut self) -> usize {
        let mut turn = self.shard.turn(now(self.nanos + 1));
        let mut back = turn.wire(self.back).expect("it is there");
        let n = back.pending().len();
        back.sent(n);
        back.offer(ANSWER);
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        let mut turn = self.shard.turn(now(self.nanos + 2));
        let mut front = turn.wire(self.front).expect("it is there");
        let n = front.pending().len();
        front.sent(n);
        let mut journal = turn.journal(Log::Access);
        let lines = journal.pending().len();
        journal.sent(lines);
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        n
    }
}

fn ends() -> Endpoints {
    Endpoints { peer: ([192, 0, 2, 1], 4711).into(), local: ([127, 0, 0, 1], 8080).into() }
}

fn now(nanos: u64) -> Now {
    Now { mono: Mono::from_nanos(nanos), wall: Wall::from_micros(1_700_000_000_000_000 + nanos / 1000) }
}

#[library_benchmark]
#[bench::smallest(warm(SMALL, false))]
#[bench::get_with_12_fields(warm(BROWSER, false))]
#[bench::get_with_12_fields_and_a_log(warm(BROWSER, true))]
fn whole(mut warm: Warm) -> Warm {
    black_box(warm.exchange());
    warm
}

library_benchmark_group!(name = exchange, benchmarks = whole);
main!(library_benchmark_groups = exchange);
