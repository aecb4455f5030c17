//! Any order of the verbs that the boundary has, with any bytes: nothing panics, and when every connection is gone nothing is
//! left over. Targets may be checked meanwhile.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sluicegate::config::{Config, HealthCheck};
use sluicegate::shard::{DialError, Effect, Endpoints, Fate, ListenerId, Log, Options, Shard, WireId};
use sluicegate::time::{Mono, Now, Wall};

#[derive(Arbitrary, Debug)]
enum Verb {
    Accept,
    Dialed { which: u8, well: bool },
    Offer { which: u8, bytes: Vec<u8> },
    Say { which: u8, what: u8, upto: u8 },
    Send { which: u8, upto: u16 },
    Ended { which: u8 },
    Unwritable { which: u8 },
    Lost { which: u8 },
    Wait { millis: u16 },
    Reconfigure { targets: u8, checked: bool },
    Drain,
    Journal { connections: bool },
}

/// A check takes no longer than the interval, and ends in the turn in which the next one begins.
const PROBES_OF_A_TARGET_MAX: usize = 2;

/// What a random byte string rarely says.
const PHRASES: [&[u8]; 14] = [
    b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"POST /b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello",
    b"PUT /c HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 70000\r\nExpect: 100-continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
];

struct World {
    config: Arc<Config>,
    wires: Vec<WireId>,
    dials: Vec<WireId>,
    nanos: u64,
}

fuzz_target!(|input: (bool, Vec<Verb>)| {
    let (checked, verbs) = input;
    let mut options = Options::default();
    (options.connections_max, options.memory_max, options.access_log) = (8, 1 << 20, true);
    let config = Arc::new(config(2, checked));
    let mut shard = Shard::new(Arc::clone(&config), options, 7);
    let mut world = World { config, wires: Vec::new(), dials: Vec::new(), nanos: 0 };
    for verb in &verbs {
        world.step(&mut shard, verb);
        let census = shard.census();
        assert!(census.fronts <= 8 && census.exchanges <= census.fronts);
        assert!(census.probes <= 4 * PROBES_OF_A_TARGET_MAX);
        assert!(census.memory.metered <= 1 << 19 && census.memory.admitted <= 1 << 19);
    }
    world.end(&mut shard);
    let census = shard.census();
    assert_eq!((census.fronts, census.backs, census.probes, census.exchanges), (0, 0, 0, 0), "{census:?}");
    let outstanding = world.config.groups[0].targets.iter().map(|target| target.state.outstanding()).sum::<u32>();
    assert_eq!(outstanding, 0);
    assert_eq!((census.memory.lent, census.memory.admitted, census.memory.metered), (0, 0, 0), "{census:?}");
});

impl World {
    fn step(&mut self, shard: &mut Shard, verb: &Verb) {
        if let Verb::Wait { millis } = verb {
            self.nanos += Duration::from_millis(u64::from(*millis)).as_nanos() as u64;
        }
        let wires = self.wires.clone();
        let pick = |which: u8| wires.get(usize::from(which) % wires.len().max(1)).copied();
        let mut turn = shard.turn(now(self.nanos));
        match verb {
            Verb::Accept => self.wires.extend(turn.accepted(ListenerId(80), ends()).ok()),
            Verb::Dialed { which, well } if !self.dials.is_empty() => {
                let wire = self.dials.swap_remove(usize::from(*which) % self.dials.len());
                turn.dialed(wire, if *well { Ok(ends()) } else { Err(DialError::Refused) });
                self.wires.push(wire);
            }
            Verb::Offer { which, bytes } => {
                if let Some(mut wire) = pick(*which).and_then(|id| turn.wire(id)) {
                    wire.offer(bytes);
                }
            }
            Verb::Say { which, what, upto } => {
                let phrase = PHRASES[usize::from(*what) % PHRASES.len()];
                if let Some(mut wire) = pick(*which).and_then(|id| turn.wire(id)) {
                    wire.offer(&phrase[..phrase.len().min(usize::from(*upto).max(1) * 4)]);
                }
            }
            Verb::Send { which, upto } => {
                if let Some(mut wire) = pick(*which).and_then(|id| turn.wire(id)) {
                    let n = wire.pending().len().min(usize::from(*upto));
                    if n > 0 {
                        wire.sent(n);
                    }
                }
            }
            Verb::Ended { which } => drop(pick(*which).and_then(|id| turn.wire(id)).map(|mut wire| wire.ended())),
            Verb::Unwritable { which } => {
                if let Some(mut wire) = pick(*which).and_then(|id| turn.wire(id)) {
                    wire.unwritable();
                }
            }
            Verb::Lost { which } => drop(pick(*which).and_then(|id| turn.wire(id)).map(|mut wire| wire.lost())),
            Verb::Reconfigure { targets, checked } => {
                let next = config(u16::from(targets % 4), *checked).next(&self.config, now(self.nanos).mono);
                self.config = Arc::new(next);
                drop(turn.reconfigured(Arc::clone(&self.config)));
            }
            Verb::Drain => turn.draining(),
            Verb::Journal { connections } => {
                let mut journal = turn.journal(if *connections { Log::Connection } else { Log::Access });
                let n = journal.pending().len();
                journal.sent(n);
            }
            Verb::Dialed { .. } | Verb::Wait { .. } => {}
        }
        while let Some(effect) = turn.next_effect() {
            if let Effect::Dial { wire, .. } = effect {
                self.dials.push(wire);
            }
        }
        // What is to be closed is closed, as every adapter does.
        for id in self.wires.clone() {
            if let Some(mut wire) = turn.wire(id)
                && wire.fate() == Fate::Close
            {
                wire.lost();
            }
        }
        let _ = turn.finish();
    }

    /// Every dial fails, every connection breaks.
    fn end(&mut self, shard: &mut Shard) {
        for _ in 0..2 {
            let mut turn = shard.turn(now(self.nanos));
            for wire in self.dials.drain(..) {
                turn.dialed(wire, Err(DialError::TimedOut));
            }
            for id in self.wires.drain(..) {
                if let Some(mut wire) = turn.wire(id) {
                    wire.lost();
                }
            }
            while let Some(effect) = turn.next_effect() {
                if let Effect::Dial { wire, .. } = effect {
                    self.dials.push(wire);
                }
            }
            let _ = turn.finish();
        }
    }
}

fn config(targets: u16, checked: bool) -> Config {
    let targets: Vec<_> = (0..targets).map(|n| ([127, 0, 0, 1], 9000 + n).into()).collect();
    let mut config = Config::forwarding(80, &targets);
    let interval = Duration::from_secs(5);
    config.groups[0].health_check = HealthCheck { enabled: checked, interval, ..HealthCheck::default() };
    config
}

fn ends() -> Endpoints {
    Endpoints { peer: ([192, 0, 2, 1], 4711).into(), local: ([127, 0, 0, 1], 80).into() }
}

fn now(nanos: u64) -> Now {
    Now { mono: Mono::from_nanos(nanos), wall: Wall::from_micros(1_700_000_000_000_000 + nanos / 1000) }
}
