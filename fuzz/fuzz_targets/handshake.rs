//! Any order of what can happen around TLS handshakes: clients and targets with real sessions whose bytes come in pieces, late,
//! tampered with or not at all, jobs that are carried out at once, late, twice or never, time, configurations. Four bytes of
//! the input are one verb, see [`World::step`].
//!
//! Nothing panics; whose bytes nobody touched understands what it is told; and when time has passed nothing is left over,
//! no handshake either.
#![no_main]

#[path = "handshake/cheap.rs"]
mod cheap;
#[path = "handshake/models.rs"]
mod models;
#[path = "handshake/peer.rs"]
mod peer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use models::{MODELS, PORTS, Plan};
use peer::{End, Peer};
use rustls::{ClientConfig, ClientConnection};
use sluicegate::config::{Config, Protocol};
use sluicegate::shard::{DialError, Effect, Endpoints, Fate, Job, ListenerId, Log, Options, Shard, Turn, Wire, WireId};
use sluicegate::time::{Mono, Now, Wall};
use sluicegate::tls::{Acceptor, Clock, Terms};

/// What a peer may say, as plaintext.
const PHRASES: [&[u8]; 12] = [
    b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"POST /b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /c HTTP/1.1\r\nHost: a.example\r\nContent-Length: 70000\r\n\r\n",
    b"GET /d HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n",
    b"\0",
    &[b'x'; 30_000],
];

const CONNECTIONS_MAX: usize = 8;
const HANDSHAKES_MAX: usize = 5;

/// So many verbs at most, or an execution takes too long.
const VERBS_MAX: usize = 200;

/// Longer than anything waits.
const LONG: Duration = Duration::from_secs(4 * 3600);

/// A target is checked by so many connections at a time: one that ends while the next one begins.
const PROBES_OF_A_TARGET_MAX: usize = 2;
const TARGETS_MAX: u8 = 3;

fuzz_target!(|data: &[u8]| {
    let mut world = World::new();
    let mut rest = data;
    for _ in 0..VERBS_MAX {
        let Some((verb, after)) = rest.split_first_chunk() else { break };
        rest = &after[world.step(*verb, after).min(after.len())..];
        world.check();
    }
    world.end();
    world.check_nothing_is_left();
});

struct World {
    shard: Shard,
    config: Arc<Config>,
    clients: Vec<Arc<ClientConfig>>,
    /// What targets answer with.
    acceptor: Arc<Acceptor>,
    peers: Vec<Peer>,
    /// And whether TLS is to be spoken.
    dials: Vec<(WireId, bool)>,
    /// Announced steps, and those that were fetched.
    announced: Vec<WireId>,
    jobs: Vec<Job>,
    nanos: u64,
    due: Option<Mono>,
}

impl World {
    fn new() -> World {
        cheap::begin();
        let clock = Clock::default();
        clock.set(now(0).wall);
        let terms = Terms::new(sluicegate::tls::Policy::default_for_listeners(), Arc::clone(&MODELS.identity));
        let acceptor = Acceptor::new(&terms, &MODELS.provider, &clock, None, &[]).expect("it can be served");
        let config = Arc::new(MODELS.config(Plan::from_bytes(2, 0)));
        let mut options = Options::default();
        (options.connections_max, options.handshakes_max) = (CONNECTIONS_MAX, HANDSHAKES_MAX);
        (options.memory_max, options.access_log, options.connection_log) = (1 << 20, true, true);
        options.provider = Some(MODELS.provider.clone());
        World {
            shard: Shard::new(Arc::clone(&config), options, 7),
            config,
            clients: MODELS.clients(),
            acceptor: Arc::new(acceptor),
            peers: Vec::new(),
            dials: Vec::new(),
            announced: Vec::new(),
            jobs: Vec::new(),
            nanos: 0,
            due: None,
        }
    }

    /// One verb: what, to which, and two numbers. Returns how many of the following bytes belong to it.
    fn step(&mut self, [what, which, a, b]: [u8; 4], following: &[u8]) -> usize {
        let long = usize::from(a) * 256 + usize::from(b);
        match what % 22 {
            0 => self.connect(PORTS[usize::from(which) % PORTS.len()], usize::from(a)),
            1 => self.carry(which, if a == 0 { usize::MAX } else { usize::from(a) }),
            2 => self.tamper(which, |raw| {
                let at = long % raw.len().max(1);
                raw.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= which | 1);
            }),
            3 => {
                let bytes = &following[..following.len().min(usize::from(a))];
                self.tamper(which, |raw| raw.extend_from_slice(bytes));
                return bytes.len();
            }
            4 => self.with(which, |peer| {
                let phrase = PHRASES[usize::from(a) % PHRASES.len()];
                peer.speak(&phrase[..phrase.len().saturating_sub(usize::from(b))]);
            }),
            5 => self.take(which, if a == 0 { usize::MAX } else { long }),
            6 => self.with(which, Peer::close),
            7 => self.on_wire(which, |mut wire| wire.ended()),
            8 => self.on_wire(which, |mut wire| wire.unwritable()),
            9 => self.on_wire(which, |mut wire| wire.lost()),
            10 => self.fetch(which),
            11 => drop(pick(&mut self.jobs, which).map(Job::run)),
            12 => self.give_back(which),
            13 => drop(take(&mut self.jobs, which)),
            14 => self.dialed(which, a % 4 > 0),
            15 => self.wait(Duration::from_millis(long as u64)),
            16 => self.reconfigure(Plan::from_bytes(a, b)),
            17 => self.turn(|turn| turn.draining()),
            18 => self.turn(|turn| {
                let mut journal = turn.journal(if a % 2 == 0 { Log::Access } else { Log::Connection });
                let n = journal.pending().len();
                journal.sent(n);
            }),
            19 => self.settle(),
            20 => self.tamper(which, |raw| {
                let from = usize::from(a).min(raw.len());
                drop(raw.drain(from..raw.len().min(from + usize::from(b))));
            }),
            _ => self.with(which, Peer::renew),
        }
        0
    }

    /// Does something in a turn of its own, and then what every adapter does.
    fn turn<R>(&mut self, act: impl FnOnce(&mut Turn<'_>) -> R) -> R {
        let secure = self.config.groups[0].protocol == Protocol::Https;
        let mut turn = self.shard.turn(now(self.nanos));
        let result = act(&mut turn);
        // What is to be closed is closed.
        for peer in &self.peers {
            if let Some(mut wire) = turn.wire(peer.wire).filter(|wire| wire.fate() == Fate::Close) {
                wire.lost();
            }
        }
        while let Some(effect) = turn.next_effect() {
            match effect {
                Effect::Dial { wire, .. } => self.dials.push((wire, secure)),
                Effect::Compute(wire) => self.announced.push(wire),
                Effect::Wake(_) | Effect::Unlisten(_) | Effect::Journal(_) | Effect::Drained => {}
            }
        }
        self.due = turn.finish();
        result
    }

    fn with(&mut self, which: u8, act: impl FnOnce(&mut Peer)) {
        if let Some(peer) = pick(&mut self.peers, which) {
            act(peer);
        }
    }

    fn tamper(&mut self, which: u8, act: impl FnOnce(&mut Vec<u8>)) {
        self.with(which, |peer| peer.tamper(act));
    }

    fn on_wire(&mut self, which: u8, act: impl FnOnce(Wire<'_>)) {
        if let Some(id) = pick(&mut self.peers, which).map(|peer| peer.wire) {
            self.turn(|turn| turn.wire(id).map(act));
        }
    }

    fn connect(&mut self, port: u16, kind: usize) {
        let Ok(wire) = self.turn(|turn| turn.accepted(ListenerId(port), ends(4711))) else { return };
        let name = if kind % 3 == 0 { "localhost" } else { "other.example" };
        let session = self.clients.get(kind / 3 % (self.clients.len() + 1)).filter(|_| port != 80).map(|config| {
            let name = name.try_into().expect("it is a name");
            ClientConnection::new(Arc::clone(config), name).expect("it can be begun")
        });
        let mut peer = Peer::new(wire, session.map_or(End::Plain, |session| End::Client(Box::new(session))));
        peer.seal();
        self.peers.push(peer);
    }

    /// Bytes of a peer come to the shard.
    fn carry(&mut self, which: u8, upto: usize) {
        let Some(at) = self.peers.len().checked_sub(1).map(|last| usize::from(which) % (last + 1)) else { return };
        self.carry_at(at, upto);
    }

    fn carry_at(&mut self, at: usize, upto: usize) -> bool {
        let (id, raw) = (self.peers[at].wire, std::mem::take(&mut self.peers[at].raw));
        let taken = self.turn(|turn| turn.wire(id).map(|mut wire| wire.offer(&raw[..raw.len().min(upto)])));
        self.peers[at].raw = raw[taken.unwrap_or(raw.len())..].to_vec();
        taken.is_some_and(|taken| taken > 0)
    }

    /// Bytes of the shard come to a peer.
    fn take(&mut self, which: u8, upto: usize) {
        let Some(at) = self.peers.len().checked_sub(1).map(|last| usize::from(which) % (last + 1)) else { return };
        self.take_at(at, upto);
    }

    fn take_at(&mut self, at: usize, upto: usize) -> bool {
        let id = self.peers[at].wire;
        let got = self.turn(|turn| {
            let Some(mut wire) = turn.wire(id) else { return Vec::new() };
            let pending = wire.pending();
            let got = pending[..pending.len().min(upto)].to_vec();
            if !got.is_empty() {
                wire.sent(got.len());
            }
            got
        });
        self.peers[at].hear(&got);
        !got.is_empty()
    }

    fn fetch(&mut self, which: u8) {
        let Some(wire) = take(&mut self.announced, which) else { return };
        if let Some(job) = self.turn(|turn| turn.job(wire)) {
            self.jobs.push(job);
        }
    }

    /// Whether it was run or not.
    fn give_back(&mut self, which: u8) {
        if let Some(job) = take(&mut self.jobs, which) {
            self.turn(|turn| turn.computed(job));
        }
    }

    fn dialed(&mut self, which: u8, well: bool) {
        let Some((wire, secure)) = take(&mut self.dials, which) else { return };
        self.turn(|turn| turn.dialed(wire, if well { Ok(ends(9000)) } else { Err(DialError::Refused) }));
        if well {
            let end = if secure { End::Target(Box::new(self.acceptor.session())) } else { End::Plain };
            self.peers.push(Peer::new(wire, end));
        }
    }

    fn wait(&mut self, span: Duration) {
        let end = self.nanos + span.as_nanos() as u64;
        let mut turns = 0;
        while let Some(due) = self.due.map(Mono::nanos).filter(|due| *due <= end) {
            self.nanos = self.nanos.max(due);
            self.turn(|_| ());
            turns += 1;
            assert!(turns < 100_000, "time stands still");
        }
        self.nanos = end;
        self.turn(|_| ());
    }

    fn reconfigure(&mut self, plan: Plan) {
        let mono = now(self.nanos).mono;
        self.config = Arc::new(MODELS.config(plan).next(&self.config, mono));
        let config = Arc::clone(&self.config);
        drop(self.turn(|turn| turn.reconfigured(config)));
    }

    /// Everything moves until nothing does.
    fn settle(&mut self) {
        for _ in 0..5_000 {
            let mut moved = false;
            while !self.announced.is_empty() {
                self.fetch(0);
            }
            while let Some(mut job) = self.jobs.pop() {
                job.run();
                self.turn(|turn| turn.computed(job));
                moved = true;
            }
            while !self.dials.is_empty() {
                self.dialed(0, true);
                moved = true;
            }
            for at in 0..self.peers.len() {
                moved |= self.take_at(at, usize::MAX);
                moved |= self.carry_at(at, usize::MAX);
            }
            if !moved && self.announced.is_empty() {
                return;
            }
        }
        panic!("it goes on for ever");
    }

    fn check(&self) {
        let census = self.shard.census();
        assert!(census.fronts <= CONNECTIONS_MAX && census.exchanges <= census.fronts, "{census:?}");
        assert!(census.probes <= usize::from(TARGETS_MAX) * PROBES_OF_A_TARGET_MAX, "{census:?}");
        assert!(census.memory.metered <= 1 << 19 && census.memory.admitted <= 1 << 19, "{census:?}");
    }

    /// Nobody does anything any more, and time passes.
    fn end(&mut self) {
        self.reconfigure(Plan::from_bytes(2, 0));
        self.wait(LONG);
    }

    fn check_nothing_is_left(&mut self) {
        let census = self.shard.census();
        assert_eq!((census.fronts, census.backs, census.probes, census.exchanges), (0, 0, 0, 0), "{census:?}");
        assert_eq!(census.handshakes, 0, "a handshake is left over");
        assert_eq!((census.memory.lent, census.memory.admitted, census.memory.metered), (0, 0, 0), "{census:?}");
        let outstanding = self.config.groups[0].targets.iter().map(|target| target.state.outstanding()).sum::<u32>();
        assert_eq!(outstanding, 0);
        // Jobs that come back now are nobody's.
        while !self.jobs.is_empty() {
            self.give_back(0);
        }
    }
}

impl Plan {
    fn from_bytes(a: u8, b: u8) -> Plan {
        Plan {
            targets: a % (TARGETS_MAX + 1),
            checked: a & 4 > 0,
            secure_targets: a & 8 > 0,
            old: a & 16 > 0,
            closed: b & 15,
        }
    }
}

fn pick<T>(things: &mut [T], which: u8) -> Option<&mut T> {
    let at = usize::from(which) % things.len().max(1);
    things.get_mut(at)
}

fn take<T>(things: &mut Vec<T>, which: u8) -> Option<T> {
    let at = usize::from(which) % things.len().max(1);
    (at < things.len()).then(|| things.remove(at))
}

fn ends(port: u16) -> Endpoints {
    Endpoints { peer: SocketAddr::from(([192, 0, 2, 1], port)), local: ([127, 0, 0, 1], 443).into() }
}

fn now(nanos: u64) -> Now {
    Now { mono: Mono::from_nanos(nanos), wall: Wall::from_micros(1_800_000_000_000_000 + nanos / 1000) }
}
