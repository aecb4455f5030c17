//! The shards, the time, and the network between them and the machines.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use sluicegate::config::Config;
use sluicegate::shard::{Effect, Endpoints, Fate, Options, Shard, Turn, WireId};
use sluicegate::sticky::Secret;
use sluicegate::time::{Mono, Now, Wall};

use super::changes::Change;
use super::model::{ALL, Model, Told};
use super::plan::{BY_COUNT, BY_SHARE, Plan, ZONAL, ZONES};
use super::requests::{Asking, Request};
use super::sessions::Sessions;
use super::shares::Shares;
use super::weather::Weather;
use super::{BEGIN, DAY, GROUPS, HOSTS, Host, at, host_at, seconds};

/// The second since 1970 in which the day begins: a cookie key is changed in its course.
const FIRST_SECOND: u64 = 1_700_000_000;

/// A day.
pub(crate) struct Day {
    pub(crate) seed: u64,
    pub(crate) chance: Rng,
    pub(crate) now: Mono,
    pub(crate) plan: Plan,
    pub(crate) config: Arc<Config>,
    /// All that were replaced, for the sake of their targets' states.
    pub(crate) former: Vec<Arc<Config>>,
    pub(crate) model: Model,
    pub(crate) weather: Weather,
    pub(crate) shares: Shares,
    pub(crate) sessions: Sessions,
    pub(crate) nodes: [Node; 2],
    pub(crate) events: BinaryHeap<Reverse<(Mono, u64, Event)>>,
    pub(crate) serial: u64,
    /// The check of each machine that has no outcome yet.
    pub(crate) checks: Vec<Option<Check>>,
    pub(crate) requests: Vec<Option<Request>>,
    pub(crate) asking: Option<Asking>,
    /// Until when nothing changes in each group, because of a calamity.
    pub(crate) storms: Vec<Mono>,
    /// Machines about which something was learned in this turn.
    pub(crate) news: Vec<Host>,
    /// What was last told of each.
    pub(crate) told: Vec<Option<Told>>,
    /// Where each is in its group.
    pub(crate) places: Vec<usize>,
    pub(crate) asked: usize,
    /// Requests while a group failed open, by group.
    pub(crate) failed_open: Vec<usize>,
    pub(crate) checked: usize,
    pub(crate) transitions: usize,
    /// Requests to the machine that is sick.
    pub(crate) nursed: usize,
}

/// A shard and its connections to machines.
pub(crate) struct Node {
    pub(crate) shard: Option<Shard>,
    pub(crate) due: Option<Mono>,
    /// By slot.
    pub(crate) wires: Vec<Option<(WireId, Live)>>,
    pub(crate) drained: bool,
}

/// What a connection to a machine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Live {
    Check(Host),
    Back { host: Host, request: Option<usize> },
}

/// A check without an outcome.
pub(crate) struct Check {
    pub(crate) node: usize,
    pub(crate) wire: WireId,
    pub(crate) serial: u64,
}

/// What happens of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A machine goes up or down.
    Flap(Host),
    /// A calamity strikes so many percent of a group.
    Storm(usize, u8),
    /// A machine answers a check.
    Answer(Host, u64),
    /// The timeout of a check ends.
    Timeout(Host, u64),
    /// Many requests for a group, again and again, or once.
    Burst(usize),
    Rush(usize),
    /// A client comes again.
    Visit(usize),
    /// A target is through with a request.
    Finish(usize),
    /// Another configuration.
    Reload(Change),
    /// A shard ends, without a word or in order, and another takes its place.
    Die(usize),
    Drain(usize),
    Replace(usize),
    /// Everything that is told is compared; again and again, or once.
    Audit,
    Look,
    /// A machine of the group with mitigation falls sick; so many times requests were made since.
    Sick(u32),
}

impl Day {
    pub(crate) fn new(seed: u64) -> Day {
        let plan = Plan::new();
        let config = Arc::new(plan.config());
        let node = || Node { shard: None, due: None, wires: Vec::new(), drained: false };
        let mut day = Day {
            seed,
            chance: Rng::with_seed(seed),
            now: BEGIN,
            model: Model::new(&plan),
            plan,
            config,
            former: Vec::new(),
            weather: Weather::new(seed ^ 0x5eed),
            shares: Shares::new(),
            sessions: Sessions::new(),
            nodes: [node(), node()],
            events: BinaryHeap::new(),
            serial: 0,
            checks: (0..GROUPS * HOSTS).map(|_| None).collect(),
            requests: Vec::new(),
            asking: None,
            storms: vec![BEGIN; GROUPS],
            news: Vec::new(),
            told: vec![None; GROUPS * HOSTS],
            places: vec![0; GROUPS * HOSTS],
            asked: 0,
            failed_open: vec![0; GROUPS],
            checked: 0,
            transitions: 0,
            nursed: 0,
        };
        day.learn_places();
        day.foresee();
        day
    }

    /// Lives through the day, and looks what is left of it.
    pub(crate) fn live(mut self) {
        self.audit();
        for node in 0..2 {
            self.begin(node);
        }
        self.until(at(DAY));
        self.end();
    }

    pub(crate) fn begin(&mut self, node: usize) {
        let mut options = Options::default();
        options.zone = Some(ZONES[node].to_owned());
        options.cookie_secret = Some(Secret::new([7; 32]));
        let seed = self.chance.u64(..);
        self.nodes[node] = Node {
            shard: Some(Shard::new(Arc::clone(&self.config), options, seed)),
            due: Some(self.now),
            wires: Vec::new(),
            drained: false,
        };
    }

    /// Lets time pass: to the next event, or the next turn that a shard wants.
    fn until(&mut self, end: Mono) {
        loop {
            let event = self.events.peek().map(|Reverse((time, ..))| *time);
            let due = self.nodes.iter().filter_map(|node| node.due).min();
            let Some(next) = [event, due].into_iter().flatten().min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            for node in 0..2 {
                self.settle(node);
            }
            while let Some(&Reverse((time, _, event))) = self.events.peek() {
                if time > self.now {
                    break;
                }
                self.events.pop();
                self.happens(event);
            }
        }
        self.now = end;
    }

    pub(crate) fn plan_event(&mut self, time: Mono, event: Event) {
        self.serial += 1;
        self.events.push(Reverse((time, self.serial, event)));
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Flap(host) => self.flap(host),
            Event::Storm(group, percent) => self.storm(group, percent),
            Event::Answer(host, serial) => self.late_answer(host, serial),
            Event::Timeout(host, serial) => self.timeout(host, serial),
            Event::Burst(group) => self.burst(group),
            Event::Rush(group) => self.rush(group),
            Event::Visit(client) => self.visit(client),
            Event::Finish(number) => self.finish(number),
            Event::Reload(change) => self.reload(change),
            Event::Die(node) => self.die(node),
            Event::Drain(node) => self.drain(node),
            Event::Replace(node) => self.begin(node),
            Event::Look => self.audit(),
            Event::Sick(times) => self.sick(times),
            Event::Audit => {
                self.audit();
                self.plan_event(self.now.after(seconds(900)), Event::Audit);
            }
        }
    }

    /// Gives a shard the turns that are due.
    pub(crate) fn settle(&mut self, node: usize) {
        let mut turns = 0;
        while self.nodes[node].due.is_some_and(|due| due <= self.now) {
            self.turn(node, |_, _| ());
            turns += 1;
            assert!(turns < 10_000, "a shard asks for one turn after the other and gets nowhere");
        }
    }

    pub(crate) fn turn(&mut self, node: usize, act: impl FnOnce(&mut Day, &mut Turn<'_>)) {
        let Some(mut shard) = self.nodes[node].shard.take() else { return };
        let mut turn = shard.turn(self.clock());
        self.effects(node, &mut turn);
        act(self, &mut turn);
        self.effects(node, &mut turn);
        self.nodes[node].due = turn.finish();
        self.nodes[node].shard = Some(shard);
        for host in core::mem::take(&mut self.news) {
            self.verify(host);
        }
    }

    /// Does what the shard wants done.
    pub(crate) fn effects(&mut self, node: usize, turn: &mut Turn<'_>) {
        while let Some(effect) = turn.next_effect() {
            match effect {
                Effect::Dial { wire, address } => {
                    let host = host_at(address);
                    if self.asking.is_some() {
                        self.connects(node, turn, wire, host);
                    } else {
                        self.check(node, turn, wire, address);
                    }
                }
                Effect::Wake(wire) => self.woken(node, turn, wire),
                Effect::Drained => self.nodes[node].drained = true,
                Effect::Compute(wire) => {
                    if let Some(mut job) = turn.job(wire) {
                        job.run();
                        turn.computed(job);
                    }
                }
                Effect::Unlisten(_) | Effect::Journal(_) => {}
            }
        }
    }

    /// Something is new on a connection: it is to be closed, or has a request to send.
    fn woken(&mut self, node: usize, turn: &mut Turn<'_>, wire: WireId) {
        let Some(live) = self.live_at(node, wire) else { return };
        let close = match turn.wire(wire) {
            None => true,
            Some(mut state) if state.fate() == Fate::Close => {
                state.lost();
                true
            }
            Some(mut state) => {
                let reused = !state.pending().is_empty() && self.asking.is_some();
                if let (true, Live::Back { host, request: None }) = (reused, live) {
                    self.reused(node, turn, wire, host);
                }
                false
            }
        };
        if close {
            self.set_live(node, wire, None);
            if let Live::Back { request: Some(request), .. } = live {
                self.cut(request);
            }
        }
    }

    pub(crate) fn live_at(&self, node: usize, wire: WireId) -> Option<Live> {
        let (known, live) = (*self.nodes[node].wires.get(wire.slot())?)?;
        (known == wire).then_some(live)
    }

    pub(crate) fn set_live(&mut self, node: usize, wire: WireId, live: Option<Live>) {
        let wires = &mut self.nodes[node].wires;
        if wires.len() <= wire.slot() {
            wires.resize(wire.slot() + 1, None);
        }
        wires[wire.slot()] = live.map(|live| (wire, live));
    }

    /// The day is over: nothing is left of it.
    fn end(mut self) {
        self.audit();
        self.events.retain(|Reverse((_, _, event))| matches!(event, Event::Finish(_) | Event::Timeout(..)));
        for node in 0..2 {
            self.turn(node, |_, turn| turn.draining());
            self.abandon_checks(node);
        }
        self.until(at(DAY + 600));
        for node in &self.nodes {
            let census = node.shard.as_ref().expect("it lives").census();
            assert_eq!((census.fronts, census.probes, census.exchanges), (0, 0, 0), "{census:?}");
            assert_eq!(census.backs, census.pooled, "{census:?}");
            assert_eq!((census.memory.lent, census.memory.metered, census.memory.admitted), (0, 0, 0), "{census:?}");
        }
        for config in self.former.iter().chain([&self.config]) {
            for target in config.groups.iter().flat_map(|group| group.targets.iter().chain(&group.draining)) {
                assert_eq!(target.state.outstanding(), 0, "{target:?}");
            }
        }
        for told in ALL {
            assert!(self.model.seen.contains_key(&told), "nobody was {told:?}");
        }
        for group in [0, 7, ZONAL, BY_COUNT, BY_SHARE] {
            assert!(self.failed_open[group] > 50, "group {group} never failed open: {:?}", self.failed_open);
        }
        self.shares.sum_up();
        self.sessions.sum_up();
        println!(
            "seed {}: {} checks, {} requests ({:?} while failing open), {} transitions {:?}, deviations {:.2}, rounds {}",
            self.seed,
            self.checked,
            self.asked,
            self.failed_open,
            self.transitions,
            self.model.seen,
            self.shares.deviations(),
            self.shares.rounds
        );
    }

    fn clock(&self) -> Now {
        let since = self.now.since(BEGIN).as_nanos() as u64;
        Now { mono: self.now, wall: Wall::from_micros(FIRST_SECOND * 1_000_000 + since / 1000) }
    }

    pub(crate) fn second(&self) -> u64 {
        self.clock().wall.seconds()
    }

    /// For messages: which day it is, and how late.
    pub(crate) fn clock_text(&self) -> String {
        format!("SEED={} at {:?}", self.seed, self.now.since(BEGIN))
    }
}

/// How long checks may stop when the shard that makes them is gone.
pub(crate) const RETRY: Duration = seconds(1);

/// Closes the socket if that is what the shard wants, as every adapter does.
pub(crate) fn close_if_told(turn: &mut Turn<'_>, wire: WireId) {
    if let Some(mut wire) = turn.wire(wire)
        && wire.fate() == Fate::Close
    {
        wire.lost();
    }
}

pub(crate) fn ends() -> Endpoints {
    Endpoints { peer: ([10, 0, 0, 1], 8000).into(), local: ([10, 0, 255, 1], 4711).into() }
}
