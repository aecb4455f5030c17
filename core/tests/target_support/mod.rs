//! Shards that share a configuration, in virtual time: each request is asked of one of them, and is known by the target that
//! it reached. Health is set from outside; no shard checks.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{Checking, Config, GroupAttributes, HealthCheck, TargetGroup};
use sluicegate::rules::{Action, Forward, GroupId, Ruleset, WeightedGroup};
use sluicegate::shard::{Effect, Endpoints, ListenerId, Options, Shard, WireId};
use sluicegate::target::Health;
use sluicegate::target::health::{Failure, Status};
use sluicegate::time::{Mono, Now, Wall};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Some shards, and the right to check, which none of them gets.
pub(crate) struct Shards {
    pub(crate) config: Arc<Config>,
    pub(crate) now: Mono,
    shards: Vec<Shard>,
    _checking: Checking,
}

/// A request that is in progress at a target.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) target: usize,
    shard: usize,
    front: WireId,
    back: WireId,
}

impl Shards {
    pub(crate) fn new(number: usize, zone: Option<&str>, config: Config) -> Shards {
        let config = Arc::new(config);
        let checking = Checking::take(&config.state).expect("nobody checks");
        let mut options = Options::default();
        options.zone = zone.map(str::to_owned);
        let shard = |seed: usize| Shard::new(Arc::clone(&config), options.clone(), seed as u64);
        let shards = (0..number).map(shard).collect();
        Shards { config, now: Mono::from_nanos(1_000_000_000), shards, _checking: checking }
    }

    pub(crate) fn number(&self) -> usize {
        self.shards.len()
    }

    pub(crate) fn group(&self) -> &TargetGroup {
        &self.config.groups[0]
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.now = self.now.after(span);
    }

    /// Another configuration, from now on.
    pub(crate) fn reload(&mut self, config: Config) {
        self.config = Arc::new(config.next(&self.config, self.now));
        let now = self.clock();
        for shard in &mut self.shards {
            let mut turn = shard.turn(now);
            let _ = turn.reconfigured(Arc::clone(&self.config));
            while turn.next_effect().is_some() {}
            let _ = turn.finish();
        }
    }

    /// Asks a shard on port 80; the answer's status if no target gets the request.
    pub(crate) fn try_ask(&mut self, shard: usize) -> Result<Asked, u16> {
        self.try_ask_on(80, shard)
    }

    pub(crate) fn try_ask_on(&mut self, port: u16, shard: usize) -> Result<Asked, u16> {
        let now = self.clock();
        let mut turn = self.shards[shard].turn(now);
        let front = turn.accepted(ListenerId(port), ends()).expect("a free place");
        turn.wire(front).unwrap().offer(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut dialed = None;
        while let Some(effect) = turn.next_effect() {
            if let Effect::Dial { wire, address } = effect {
                turn.dialed(wire, Ok(ends()));
                dialed = Some((wire, usize::from(address.port()) % 1000));
            }
        }
        let asked = match dialed {
            Some((back, target)) => Ok(Asked { target, shard, front, back }),
            None => {
                let mut wire = turn.wire(front).unwrap();
                let head = String::from_utf8_lossy(wire.pending()).into_owned();
                Err(head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"))
            }
        };
        let _ = turn.finish();
        asked
    }

    pub(crate) fn ask(&mut self, shard: usize) -> Asked {
        self.try_ask(shard).expect("a target")
    }

    /// Asks, and lets the target answer at once.
    pub(crate) fn serve(&mut self, shard: usize) -> usize {
        let asked = self.ask(shard);
        self.answer(asked)
    }

    /// The target answers; its number.
    pub(crate) fn answer(&mut self, asked: Asked) -> usize {
        let now = self.clock();
        let Asked { target, shard, front, back } = asked;
        let mut turn = self.shards[shard].turn(now);
        let mut wire = turn.wire(back).unwrap();
        let request = wire.pending().len();
        wire.sent(request);
        wire.offer(ANSWER);
        let mut wire = turn.wire(front).unwrap();
        assert!(wire.pending().starts_with(b"HTTP/1.1 200 OK\r\n"));
        let answer = wire.pending().len();
        wire.sent(answer);
        for wire in [front, back] {
            if let Some(mut wire) = turn.wire(wire) {
                wire.lost();
            }
        }
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        target
    }

    /// How many of so many requests, spread over the shards by chance, each target gets.
    pub(crate) fn counts(&mut self, requests: usize, chance: &mut fastrand::Rng) -> Vec<usize> {
        let mut counts = vec![0; self.group().targets.len()];
        for _ in 0..requests {
            let shard = chance.usize(..self.number());
            counts[self.serve(shard)] += 1;
        }
        counts
    }

    pub(crate) fn heal(&self, targets: &[usize]) {
        self.set(targets, Health::HEALTHY);
    }

    pub(crate) fn hurt(&self, targets: &[usize]) {
        self.set(targets, UNHEALTHY);
    }

    fn set(&self, targets: &[usize], health: Health) {
        targets.iter().for_each(|&target| self.group().targets[target].state.set_health(health));
        self.group().state.changed();
    }

    fn clock(&self) -> Now {
        Now { mono: self.now, wall: Wall::from_micros(1_700_000_000_000_000 + self.now.nanos() / 1000) }
    }
}

pub(crate) const UNHEALTHY: Health = Health { status: Status::Unhealthy(Failure::Timeout), streak: 0 };

/// One group with one healthy target for each zone that is named; their health is known.
pub(crate) fn config(zones: &[&str], attributes: GroupAttributes) -> Config {
    let addresses: Vec<_> = (0..zones.len()).map(|n| ([127, 0, 0, 1], 9000 + n as u16).into()).collect();
    let mut config = Config::forwarding(80, &addresses);
    let group = &mut config.groups[0];
    group.health_check = HealthCheck::default();
    group.attributes = attributes;
    for (target, zone) in group.targets.iter_mut().zip(zones) {
        target.zone = Some((*zone).to_owned());
        target.state.set_health(Health::HEALTHY);
    }
    config
}

/// So many targets in one zone.
pub(crate) fn config_of(targets: usize, attributes: GroupAttributes) -> Config {
    config(&vec!["a"; targets], attributes)
}

/// Adds the group and the listener of another configuration, for port 81, to the same load balancer.
pub(crate) fn with_another_group(mut config: Config, other: Config) -> Config {
    let [mut group]: [TargetGroup; 1] = other.groups.try_into().expect("one group");
    group.arn.push_str("-other");
    group.logical_id.push_str("Other");
    let group_id = GroupId(config.groups.len() as u32);
    config.groups.push(group);
    let [mut listener]: [_; 1] = other.listeners.try_into().expect("one listener");
    listener.port = 80 + group_id.0 as u16;
    listener.logical_id.push_str("Other");
    let groups = vec![WeightedGroup { group: group_id, weight: 1 }];
    let action = Action::Forward(Forward { groups, stickiness: None });
    listener.rules = Ruleset::new(Vec::new(), action).expect("no rules");
    config.listeners.push(listener);
    config
}

/// The difference between the most and the least.
pub(crate) fn spread(counts: &[usize]) -> usize {
    counts.iter().max().unwrap() - counts.iter().min().unwrap()
}

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}
