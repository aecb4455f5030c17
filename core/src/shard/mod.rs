//! The load balancer of one thread: every connection, pooled connection, exchange and timer, and nothing that
//! blocks. Driven by verbs on a [`Turn`]; what needs the operating system comes out as [`Effect`]s.
//!
//! ```text
//!   accepted ─▶ front wire ── head ──▶ rules ──▶ exchange ◀──▶ back wire ◀─ dialed ◀─ Effect::Dial
//!                   ▲  fate, pending, space                        │
//!                   └───────────── Effect::Wake ───────────────────┘── whole answer read ──▶ pool
//! ```
//!
//! A shard is `Send`; run one per thread. All it shares with others are the atomics of groups and targets in the configuration.

mod attempt;
mod back;
mod backlog;
mod breach;
mod census;
mod checkup;
mod choice;
mod columns;
mod deadline;
mod doors;
mod drive;
mod effect;
mod event;
mod failover;
mod front;
mod handshake;
mod journal;
mod plan;
mod pool;
mod room;
mod secure;
mod session;
mod speech;
mod stream;
mod streams;
mod tickets;
mod timer;
mod trunk;
mod turn;
mod wake;
mod wire;

pub use census::Census;
pub use effect::{DialError, Effect, Fate, Shed};
pub use handshake::Job;
pub use journal::{Journal, Log};
pub use turn::Turn;
pub use wire::{Endpoints, ListenerId, Wire};

pub use crate::key::WireId;
pub use crate::options::Options;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::buffer::Buffers;
use crate::config::Config;
use crate::exchange::Exchange;
use crate::exchange::record::Notes;
use crate::http::date::DateCache;
use crate::http::h2::FieldList;
use crate::key::{Key, Slab};
use crate::observe::{GroupMetrics, Metrics};
use crate::sticky::Secret;
use crate::time::Now;
use checkup::Checkups;
use choice::Choices;
use columns::Columns;
use doors::Doors;
use effect::Effects;
use journal::Journals;
use pool::Pool;
use session::Sessions;
use timer::Timers;
use wire::WireState;

/// Names an exchange within its shard.
pub(crate) type ExchangeId = Key;

/// One thread's load balancer.
pub struct Shard {
    options: Options,
    config: Arc<Config>,
    /// How many configurations there were: what was chosen in another one means nothing now.
    generation: u64,
    wires: Slab<WireState>,
    exchanges: Slab<Exchange>,
    pool: Pool,
    choices: Choices,
    sessions: Sessions,
    checkups: Checkups,
    doors: Doors,
    timers: Timers,
    buffers: Buffers,
    journals: Journals,
    metrics: Metrics,
    columns: Columns,
    dates: DateCache,
    chance: fastrand::Rng,
    scratch: Vec<u8>,
    location: Vec<u8>,
    cookies: Vec<u8>,
    #[allow(clippy::vec_box, reason = "exchanges hold them boxed, and give them back so")]
    notes: Vec<Box<Notes>>,
    effects: Effects,
    borrowed: Vec<WireId>,
    fields: FieldList,
    fronts: usize,
    /// Streams, which are wires without a socket.
    carried: usize,
    /// Of these, with a TLS handshake in progress.
    handshakes: usize,
    draining: bool,
    now: Now,
    turn: u64,
}

impl Shard {
    /// A shard with nothing to do. `seed` is all the chance there is: equal seeds and equal verbs give equal effects.
    pub fn new(config: Arc<Config>, options: Options, seed: u64) -> Shard {
        let buffers = Buffers::new(options.memory_max);
        let secret = options.cookie_secret.clone().unwrap_or_else(|| Secret::from_seed(seed));
        let doors = Doors::new(options.ticket_secret.clone().unwrap_or_else(|| Secret::from_seed(!seed)), &options);
        let mut shard = Shard {
            options,
            config: Arc::new(Config::default()),
            generation: 0,
            wires: Slab::new(),
            exchanges: Slab::new(),
            pool: Pool::default(),
            choices: Choices::default(),
            sessions: Sessions::new(secret),
            checkups: Checkups::default(),
            doors,
            timers: Timers::default(),
            buffers,
            journals: Journals::default(),
            metrics: Metrics::default(),
            columns: Columns::default(),
            dates: DateCache::default(),
            chance: fastrand::Rng::with_seed(seed),
            scratch: Vec::with_capacity(crate::buffer::PAGE),
            location: Vec::new(),
            cookies: Vec::new(),
            notes: Vec::new(),
            effects: Effects { queue: VecDeque::new() },
            borrowed: Vec::new(),
            fields: FieldList::new(),
            fronts: 0,
            carried: 0,
            handshakes: 0,
            draining: false,
            now: Now::default(),
            turn: 0,
        };
        shard.adopt(config);
        shard
    }

    /// Begins a turn: time enters here and nowhere else, and what is due by then happens first.
    pub fn turn(&mut self, now: Now) -> Turn<'_> {
        // A clock that runs backwards is the caller's mistake; deadlines must not.
        debug_assert!(now.mono >= self.now.mono, "the monotonic clock went backwards");
        self.now = Now { mono: now.mono.max(self.now.mono), wall: now.wall };
        self.doors.clock.set(now.wall);
        self.turn += 1;
        self.ring(TIMERS_PER_TURN);
        self.check_up();
        Turn::new(self)
    }

    /// What is in use: for tests, and for whoever watches.
    pub fn census(&self) -> Census {
        Census::take(self)
    }

    /// What has been counted since the shard began.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What has been counted for each target group and zone of its targets: the group's ARN, the zone if the targets have one,
    /// and the counters. Groups of former configurations are among them.
    pub fn group_metrics(&self) -> impl Iterator<Item = (&str, Option<&str>, &GroupMetrics)> {
        self.columns.iter()
    }

    /// Takes over a configuration: numbers for its targets; the old one is returned.
    fn adopt(&mut self, config: Arc<Config>) -> Arc<Config> {
        self.pool.learn(&config);
        self.columns.learn(&config);
        self.choices.forget();
        self.sessions.learn(&config);
        self.doors.learn(&config, &self.options, &mut self.chance);
        self.generation += 1;
        if !self.draining {
            self.checkups.learn(&config, self.now.mono);
        }
        core::mem::replace(&mut self.config, config)
    }
}

/// Alarms handled in one turn; the rest follow in the next, which is due at once.
const TIMERS_PER_TURN: usize = 1024;
