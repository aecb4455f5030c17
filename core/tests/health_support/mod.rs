//! Shards that check targets, in virtual time: every moment at which a shard wants a turn is one at which it gets it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{Config, HealthCheck};
use sluicegate::shard::{DialError, Effect, Endpoints, Fate, ListenerId, Options, Shard, WireId};
use sluicegate::target::{Health, TargetState};
use sluicegate::time::{Mono, Now, Wall};

/// What a target does when it is checked. Whatever it says it says at once.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// These bytes, then it closes.
    Says(Vec<u8>),
    /// These bytes, and it keeps the connection open.
    SaysAndStays(Vec<u8>),
    /// It refuses connections.
    Refuses,
    /// So the attempt to connect fails.
    Fails(DialError),
    /// Nobody answers the attempt to connect.
    Absent,
    /// It resets the connection after the request.
    Resets,
}

impl Manner {
    pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    pub(crate) fn status(status: u16) -> Manner {
        Manner::says(&format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok"))
    }

    pub(crate) fn says(text: &str) -> Manner {
        Manner::Says(text.as_bytes().to_vec())
    }
}

/// A check that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) at: Mono,
    pub(crate) address: SocketAddr,
    pub(crate) shard: usize,
}

/// Shards, the targets around them, and the time.
pub(crate) struct World {
    pub(crate) shards: Vec<Option<Shard>>,
    due: Vec<Option<Mono>>,
    pub(crate) now: Mono,
    /// What each target does; all others answer 200.
    pub(crate) manners: BTreeMap<SocketAddr, Manner>,
    /// All checks so far.
    pub(crate) checks: Vec<Check>,
    /// Connections that are open or being made, by shard.
    pub(crate) open: Vec<(usize, WireId)>,
    /// The last request that a target got.
    pub(crate) asked: String,
    /// How many turns there were.
    pub(crate) turns: usize,
    /// The most checks that began in one turn.
    pub(crate) starts_max: usize,
}

impl World {
    /// One shard that has begun.
    pub(crate) fn new(config: &Arc<Config>) -> World {
        World::of(config, 1, Options::default())
    }

    /// So many shards that have begun.
    pub(crate) fn of(config: &Arc<Config>, shards: usize, options: Options) -> World {
        let mut world = World::empty(config, shards, options);
        world.begin();
        world
    }

    /// Shards that had no turn yet.
    pub(crate) fn empty(config: &Arc<Config>, shards: usize, options: Options) -> World {
        World::seeded(config, shards, options, 1)
    }

    pub(crate) fn seeded(config: &Arc<Config>, shards: usize, options: Options, seed: u64) -> World {
        let fresh = |shard| Some(Shard::new(Arc::clone(config), options.clone(), seed + shard as u64));
        World {
            shards: (0..shards).map(fresh).collect(),
            due: vec![None; shards],
            now: second(1000),
            manners: BTreeMap::new(),
            checks: Vec::new(),
            open: Vec::new(),
            asked: String::new(),
            turns: 0,
            starts_max: 0,
        }
    }

    /// The first turn of every shard.
    pub(crate) fn begin(&mut self) {
        for shard in 0..self.shards.len() {
            self.turn(shard, |_| ());
        }
    }

    /// When a shard wants its next turn.
    pub(crate) fn next(&self, shard: usize) -> Option<Mono> {
        self.due[shard]
    }

    pub(crate) fn shard(&self, shard: usize) -> &Shard {
        self.shards[shard].as_ref().expect("it lives")
    }

    /// A turn now, and what comes of it.
    pub(crate) fn turn<T>(
        &mut self,
        shard: usize,
        act: impl FnOnce(&mut sluicegate::shard::Turn<'_>) -> T,
    ) -> Option<T> {
        let micros = 1_700_000_000_000_000 + self.now.nanos() / 1000;
        let now = Now { mono: self.now, wall: Wall::from_micros(micros) };
        self.turns += 1;
        let mut turn = self.shards[shard].as_mut()?.turn(now);
        let value = act(&mut turn);
        let mut dials = Vec::new();
        let mut wakes = Vec::new();
        while let Some(effect) = turn.next_effect() {
            match effect {
                Effect::Dial { wire, address } => dials.push((wire, address)),
                Effect::Wake(wire) => wakes.push(wire),
                _ => {}
            }
        }
        self.due[shard] = turn.finish();
        self.starts_max = self.starts_max.max(dials.len());
        for (wire, address) in dials {
            self.checks.push(Check { at: self.now, address, shard });
            self.open.push((shard, wire));
            let manner = self.manners.get(&address).cloned().unwrap_or_else(|| Manner::status(200));
            self.meet(shard, wire, manner);
        }
        for wire in wakes {
            self.close_if_told(shard, wire);
        }
        Some(value)
    }

    fn meet(&mut self, shard: usize, wire: WireId, manner: Manner) {
        let dialed = match manner {
            Manner::Absent => return,
            Manner::Refuses => Err(DialError::Refused),
            Manner::Fails(error) => Err(error),
            _ => Ok(ends()),
        };
        self.turn(shard, |turn| turn.dialed(wire, dialed));
        let asked = self.turn(shard, |turn| {
            let mut wire = turn.wire(wire)?;
            let asked = String::from_utf8(wire.pending().to_vec()).expect("text");
            wire.sent(asked.len());
            Some(asked)
        });
        if let Some(asked) = asked.flatten().filter(|asked| !asked.is_empty()) {
            self.asked = asked;
        }
        match manner {
            Manner::Says(bytes) => {
                self.say(shard, wire, &bytes);
                self.end(shard, wire);
            }
            Manner::SaysAndStays(bytes) => self.say(shard, wire, &bytes),
            Manner::Resets => drop(self.turn(shard, |turn| turn.wire(wire).map(|mut wire| wire.lost()))),
            _ => {}
        }
        self.close_if_told(shard, wire);
    }

    /// A target says something.
    pub(crate) fn say(&mut self, shard: usize, wire: WireId, bytes: &[u8]) {
        self.turn(shard, |turn| turn.wire(wire).map(|mut wire| wire.offer(bytes)));
        self.close_if_told(shard, wire);
    }

    /// A target closes.
    pub(crate) fn end(&mut self, shard: usize, wire: WireId) {
        self.turn(shard, |turn| turn.wire(wire).map(|mut wire| wire.ended()));
        self.close_if_told(shard, wire);
    }

    /// Closes the socket if that is what the shard wants, as every adapter does.
    fn close_if_told(&mut self, shard: usize, id: WireId) {
        let open = self.turn_quietly(shard, |turn| match turn.wire(id) {
            Some(mut wire) if wire.fate() == Fate::Close => {
                wire.lost();
                false
            }
            Some(_) => true,
            None => false,
        });
        if open != Some(true) {
            self.open.retain(|&(of, wire)| (of, wire) != (shard, id));
        }
    }

    fn turn_quietly<T>(&mut self, shard: usize, act: impl FnOnce(&mut sluicegate::shard::Turn<'_>) -> T) -> Option<T> {
        if self.shards[shard].is_some() { self.turn(shard, act) } else { None }
    }

    /// Lets time pass until `end`, with a turn whenever a shard wants one.
    pub(crate) fn until(&mut self, end: Mono) {
        let mut idle = 0;
        loop {
            let next = (0..self.shards.len()).filter_map(|shard| Some((self.due[shard]?, shard))).min();
            let Some((due, shard)) = next.filter(|(due, _)| *due <= end) else { break };
            idle = if due <= self.now { idle + 1 } else { 0 };
            assert!(idle < 10_000, "a shard asks for one turn after the other and gets nowhere");
            self.now = self.now.max(due);
            self.turn(shard, |_| ());
        }
        self.now = self.now.max(end);
    }

    /// Lets so many seconds pass.
    pub(crate) fn pass(&mut self, seconds: u64) {
        self.until(self.now.after(Duration::from_secs(seconds)));
    }

    /// The target that a client's request goes to; `None` if there is none. The client leaves again.
    pub(crate) fn request(&mut self, shard: usize) -> Option<SocketAddr> {
        let before = self.checks.len();
        let peer = SocketAddr::from(([192, 0, 2, 1], 4711));
        let front = self.turn(shard, |turn| {
            let front = turn.accepted(ListenerId(80), Endpoints { peer, ..ends() }).expect("a listener");
            turn.wire(front).map(|mut wire| wire.offer(b"GET /request HTTP/1.1\r\nHost: a\r\n\r\n"));
            front
        })?;
        let dialed = self.checks.drain(before..).next_back().map(|check| check.address);
        self.turn(shard, |turn| turn.wire(front).map(|mut wire| wire.lost()));
        dialed
    }

    /// The targets that so many requests go to, each once, in order.
    pub(crate) fn served_by(&mut self, requests: usize) -> Vec<u16> {
        let targets: BTreeSet<u16> = (0..requests).filter_map(|_| Some(self.request(0)?.port())).collect();
        targets.into_iter().collect()
    }

    /// The shard ends without a word, as when its thread ends.
    pub(crate) fn kill(&mut self, shard: usize) {
        self.shards[shard] = None;
        self.due[shard] = None;
        self.open.retain(|&(of, _)| of != shard);
    }

    /// When a target was checked.
    pub(crate) fn times(&self, address: SocketAddr) -> Vec<Mono> {
        self.checks.iter().filter(|check| check.address == address).map(|check| check.at).collect()
    }

    pub(crate) fn reload(&mut self, old: &Arc<Config>, new: Config) -> Arc<Config> {
        let next = Arc::new(new.next(old, self.now));
        for shard in 0..self.shards.len() {
            self.turn(shard, |turn| drop(turn.reconfigured(Arc::clone(&next))));
        }
        next
    }
}

pub(crate) fn ends() -> Endpoints {
    Endpoints { peer: address(9001), local: SocketAddr::from(([10, 0, 0, 1], 4711)) }
}

pub(crate) fn second(seconds: u64) -> Mono {
    Mono::default().after(Duration::from_secs(seconds))
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 7], port))
}

/// One group of targets on those ports that is checked so.
pub(crate) fn config(ports: &[u16], check: HealthCheck) -> Config {
    let targets: Vec<SocketAddr> = ports.iter().map(|&port| address(port)).collect();
    let mut config = Config::forwarding(80, &targets);
    config.groups[0].health_check = check;
    config
}

pub(crate) fn state(config: &Config, target: usize) -> &Arc<TargetState> {
    &config.groups[0].targets[target].state
}

pub(crate) fn health(config: &Config, target: usize) -> Health {
    state(config, target).health()
}
