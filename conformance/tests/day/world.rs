//! The shards, the time, and the network between them and the machines.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use fastrand::Rng;
use sluicegate::config::{Config, TargetHealth};
use sluicegate::rules::GroupId;
use sluicegate::shard::{DialError, Effect, Endpoints, Fate, Options, Shard, Turn, WireId};
use sluicegate::sticky::Secret;
use sluicegate::target::Algorithm;
use sluicegate::time::{Mono, Now, Wall};

use super::model::{ALL, Membership, Model, Told, Why, judged};
use super::plan::{MITIGATED, PAUSED, Plan, STICKY, SWITCHED, ZONES};
use super::requests::{Asking, Request};
use super::sessions::{CLIENTS, Sessions};
use super::shares::Shares;
use super::weather::{Truth, Weather};
use super::{BEGIN, DAY, GROUPS, HOSTS, Host, TARGETS, at, group_of, host_at, seconds};

/// The second since 1970 in which the day begins: a cookie key is changed in its course.
const FIRST_SECOND: u64 = 1_700_000_000;

/// A day.
pub(crate) struct Day {
    seed: u64,
    pub(crate) chance: Rng,
    pub(crate) now: Mono,
    pub(crate) plan: Plan,
    config: Arc<Config>,
    /// All that were replaced, for the sake of their targets' states.
    former: Vec<Arc<Config>>,
    pub(crate) model: Model,
    pub(crate) weather: Weather,
    pub(crate) shares: Shares,
    pub(crate) sessions: Sessions,
    nodes: [Node; 2],
    events: BinaryHeap<Reverse<(Mono, u64, Event)>>,
    serial: u64,
    /// The check of each machine that has no outcome yet.
    checks: Vec<Option<Check>>,
    pub(crate) requests: Vec<Option<Request>>,
    pub(crate) asking: Option<Asking>,
    /// Machines about which something was learned in this turn.
    news: Vec<Host>,
    /// What was last told of each.
    told: Vec<Option<Told>>,
    /// Where each is in its group.
    places: Vec<usize>,
    pub(crate) asked: usize,
    pub(crate) failed_open: usize,
    checked: usize,
    transitions: usize,
    /// Requests to the machine that is sick.
    pub(crate) nursed: usize,
}

/// A shard and its connections to machines.
struct Node {
    shard: Option<Shard>,
    due: Option<Mono>,
    /// By slot.
    wires: Vec<Option<(WireId, Live)>>,
    drained: bool,
}

/// What a connection to a machine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Live {
    Check(Host),
    Back { host: Host, request: Option<usize> },
}

/// A check without an outcome.
struct Check {
    node: usize,
    wire: WireId,
    serial: u64,
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
    /// Many requests for a group.
    Burst(usize),
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

/// How configurations differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Targets of a group go.
    Remove(usize),
    /// Some of them come back, and others are new.
    Add(usize),
    /// Another algorithm.
    Switch,
    /// A group loses its listener, or gets it back.
    Pause,
    Resume,
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
            news: Vec::new(),
            told: vec![None; GROUPS * HOSTS],
            places: vec![0; GROUPS * HOSTS],
            asked: 0,
            failed_open: 0,
            checked: 0,
            transitions: 0,
            nursed: 0,
        };
        day.learn_places();
        day.foresee();
        day
    }

    /// What will happen of itself.
    fn foresee(&mut self) {
        for host in 0..GROUPS * HOSTS {
            let first = self.weather.first(host);
            self.plan_event(at(first), Event::Flap(host));
        }
        for (hour, group, percent) in [
            (2, 13, 60),
            (5, 14, 60),
            (7, 0, 100),
            (9, 12, 100),
            (11, 5, 50),
            (14, 7, 100),
            (17, 13, 100),
            (20, 17, 80),
        ] {
            self.plan_event(at(hour * 3600 + 77), Event::Storm(group, percent));
        }
        for group in 0..GROUPS {
            self.plan_event(at(60 + 7 * group as u64), Event::Burst(group));
        }
        for client in 0..2 * CLIENTS {
            let first = self.chance.u64(60..1200);
            self.plan_event(at(first), Event::Visit(client));
        }
        for (second, change) in [
            (3 * 3600, Change::Remove(3)),
            (3 * 3600 + 150, Change::Add(3)),
            (4 * 3600, Change::Remove(STICKY[0])),
            (4 * 3600 + 200, Change::Remove(STICKY[1])),
            (5 * 3600, Change::Add(STICKY[0])),
            (6 * 3600, Change::Switch),
            (8 * 3600, Change::Pause),
            (9 * 3600, Change::Resume),
            (10 * 3600, Change::Remove(7)),
            (10 * 3600 + 100, Change::Add(7)),
            (13 * 3600, Change::Remove(0)),
            (19 * 3600, Change::Add(0)),
        ] {
            self.plan_event(at(second + 13), Event::Reload(change));
        }
        self.plan_event(at(12 * 3600 + 5), Event::Die(0));
        self.plan_event(at(16 * 3600 + 5), Event::Drain(1));
        self.plan_event(at(15 * 3600), Event::Sick(0));
        self.plan_event(at(900), Event::Audit);
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

    fn begin(&mut self, node: usize) {
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

    // ---- turns

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
                Effect::Unlisten(_) | Effect::Journal => {}
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
            Some(state) => {
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

    fn live_at(&self, node: usize, wire: WireId) -> Option<Live> {
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

    // ---- checks

    /// A check begins. Nobody else is checking the target, and it is time (guide HC-01, HC-08).
    fn check(&mut self, node: usize, turn: &mut Turn<'_>, wire: WireId, address: std::net::SocketAddr) {
        let host = host_at(address);
        let group = group_of(host);
        let check = &self.plan.groups[group].check;
        let (interval, timeout) = (check.interval, check.timeout);
        assert_eq!(address, check.address(super::address(host)));
        assert!(self.model.is_checked(&self.plan, host), "{}: {host} is checked", self.clock_text());
        assert!(self.checks[host].is_none(), "{}: {host} is checked twice at a time", self.clock_text());
        if let Some(last) = self.model.hosts[host].checked {
            let gap = self.now.since(last);
            let least = if self.model.hosts[host].checks == 1 { interval / 2 } else { interval - RETRY };
            assert!(least <= gap && gap <= interval + RETRY, "{}: {host} after {gap:?}", self.clock_text());
        }
        self.checked += 1;
        self.model.begun(host, self.now);
        self.news.push(host);
        let (dialed, said) = self.manner(host);
        let pending = match dialed {
            None => true,
            Some(Err(error)) => {
                turn.dialed(wire, Err(error));
                false
            }
            Some(Ok(())) => {
                turn.dialed(wire, Ok(ends()));
                let mut wire = turn.wire(wire).expect("it was dialed");
                let length = wire.pending().len();
                assert!(wire.pending().starts_with(b"GET /health/"));
                wire.sent(length);
                match said {
                    Said::Later(_) => true,
                    said => {
                        say(&mut wire, said);
                        false
                    }
                }
            }
        };
        if pending {
            self.serial += 1;
            let serial = self.serial;
            self.checks[host] = Some(Check { node, wire, serial });
            self.set_live(node, wire, Some(Live::Check(host)));
            self.plan_event(self.now.after(timeout), Event::Timeout(host, serial));
            if let Said::Later(delay) = said {
                self.plan_event(self.now.after(seconds(delay)), Event::Answer(host, serial));
            }
            return;
        }
        let outcome = match dialed {
            Some(Err(DialError::TimedOut)) => Err(Why::Timeout),
            Some(Err(DialError::Local)) => Err(Why::Internal),
            Some(Err(_)) => Err(Why::Failed),
            _ => match said {
                Said::Status(status) => judged(&self.plan.groups[group].check.matcher, status),
                _ => Err(Why::Failed),
            },
        };
        close_if_told(turn, wire);
        assert!(turn.wire(wire).is_none(), "the connection of a check that is over is closed: {said:?} {dialed:?}");
        self.concluded(host, outcome);
    }

    /// What a machine does to a check that begins now.
    fn manner(&mut self, host: Host) -> (Option<Result<(), DialError>>, Said) {
        let check = &self.plan.groups[group_of(host)].check;
        let success = check.matcher.ranges[self.chance.usize(..check.matcher.ranges.len())].0;
        let timeout = check.timeout.as_secs();
        let said = match self.weather.truths[host] {
            Truth::Refuses => return (Some(Err(DialError::Refused)), Said::Nothing),
            Truth::Unreachable => return (Some(Err(DialError::Unreachable)), Said::Nothing),
            Truth::NoSockets => return (Some(Err(DialError::Local)), Said::Nothing),
            Truth::Absent { given_up: true } => return (Some(Err(DialError::TimedOut)), Said::Nothing),
            Truth::Absent { given_up: false } => return (None, Said::Nothing),
            Truth::Up => Said::Status(success),
            Truth::Lazy => Said::Later(self.chance.u64(1..timeout)),
            Truth::Hangs => Said::Later(timeout + self.chance.u64(1..60)),
            Truth::Says(status) => Said::Status(status),
            Truth::Resets => Said::Reset,
            Truth::Closes => Said::Nothing,
            Truth::Babbles => Said::Nonsense,
        };
        (Some(Ok(())), said)
    }

    fn late_answer(&mut self, host: Host, serial: u64) {
        let Some(check) = self.checks[host].take_if(|check| check.serial == serial) else { return };
        let matcher = &self.plan.groups[group_of(host)].check.matcher;
        let success = matcher.ranges[0].0;
        self.turn(check.node, |day, turn| {
            let mut wire = turn.wire(check.wire).expect("the check is in progress");
            say(&mut wire, Said::Status(success));
            close_if_told(turn, check.wire);
            assert!(turn.wire(check.wire).is_none(), "the connection of a check that is over is closed");
            day.set_live(check.node, check.wire, None);
            day.concluded(host, Ok(()));
        });
    }

    fn timeout(&mut self, host: Host, serial: u64) {
        if let Some(check) = self.checks[host].take_if(|check| check.serial == serial) {
            assert_eq!(self.live_at(check.node, check.wire), None, "{}: {host} is late", self.clock_text());
            self.concluded(host, Err(Why::Timeout));
            self.verify(host);
        }
    }

    fn concluded(&mut self, host: Host, outcome: Result<(), Why>) {
        if self.model.heard(&self.plan, host, outcome, self.now) {
            let group = group_of(host);
            self.shares.close(self.plan.groups[group].attributes.algorithm, group);
        }
        self.news.push(host);
    }

    // ---- what is told

    /// What is told of a target is what the model says; everything about its group is compared when something has changed.
    fn verify(&mut self, host: Host) {
        let told = self.model.told(&self.plan, host, self.now);
        if self.told[host] == Some(told) {
            let state = &self.config.groups[group_of(host)].targets[self.places[host]].state;
            let is = state.health().status;
            assert_eq!((is.state(), is.reason().unwrap_or("")), told, "{}: {host}", self.clock_text());
            return;
        }
        self.transitions += 1;
        self.compare(group_of(host));
    }

    /// Compares everything that is told of a group.
    fn compare(&mut self, group: usize) {
        let all = self.config.target_health(GroupId(group as u32), self.now);
        let mut described = 0;
        for target in &all {
            let host = host_at((target.id.parse::<std::net::IpAddr>().expect("an address"), target.port).into());
            let expected = self.model.told(&self.plan, host, self.now);
            let TargetHealth { state, reason, description } = &target.health;
            let said = (*state, reason.unwrap_or(""));
            assert_eq!(said, expected, "{}: {host} {:?}", self.clock_text(), self.model.hosts[host]);
            if let super::model::State::Unhealthy { why: Why::Code(code), .. } = self.model.hosts[host].state
                && said.0 == "unhealthy"
            {
                let text = format!("Health checks failed with these codes: [{code}]");
                assert_eq!(description.as_deref(), Some(text.as_str()));
            }
            self.seen(host, expected);
            described += 1;
        }
        let there = |host: &Host| self.model.told(&self.plan, *host, self.now).1 != "Target.NotRegistered";
        let hosts = group * HOSTS..(group + 1) * HOSTS;
        assert_eq!(described, hosts.filter(there).count(), "{}: group {group}", self.clock_text());
    }

    fn seen(&mut self, host: Host, told: Told) {
        if self.told[host].replace(told) != Some(told) {
            *self.model.seen.entry(told).or_default() += 1;
        }
    }

    /// Compares everything, also what is told of those who are no targets, and whether anybody was forgotten.
    fn audit(&mut self) {
        for group in 0..GROUPS {
            self.compare(group);
        }
        for host in 0..GROUPS * HOSTS {
            let known = &self.model.hosts[host];
            if let (true, Some(last)) = (self.model.is_checked(&self.plan, host), known.checked) {
                let most = self.plan.groups[group_of(host)].check.interval + RETRY;
                assert!(self.now.since(last) <= most, "{}: {host} is not checked any more", self.clock_text());
            }
            let told = self.model.told(&self.plan, host, self.now);
            if told.1 == "Target.NotRegistered" {
                let id = super::address(host).ip().to_string();
                let group = GroupId(group_of(host) as u32);
                let said = self.config.target_health_of(group, &id, 8000, self.now).health;
                assert_eq!((said.state, said.reason.unwrap_or("")), told);
                self.seen(host, told);
            } else if let Membership::Registered = known.membership {
                let state = &self.config.groups[group_of(host)].targets[self.places[host]].state;
                assert_eq!(state.outstanding(), known.outstanding, "{}: {host}", self.clock_text());
            }
        }
    }

    // ---- events

    fn flap(&mut self, host: Host) {
        if self.weather.sick == Some(host) {
            return self.plan_event(self.now.after(seconds(600)), Event::Flap(host));
        }
        let lasts = self.weather.flap(host);
        self.plan_event(self.now.after(seconds(lasts)), Event::Flap(host));
        self.close_pooled(host);
    }

    fn storm(&mut self, group: usize, percent: u8) {
        for host in group * HOSTS..(group + 1) * HOSTS {
            if self.weather.strikes(host, percent) {
                self.close_pooled(host);
                // Its next flap, whenever that was to be, brings it back.
                let lasts = self.chance.u64(2400..4800);
                self.plan_event(self.now.after(seconds(lasts)), Event::Flap(host));
            }
        }
    }

    /// A machine that changes closes its idle connections.
    fn close_pooled(&mut self, host: Host) {
        for node in 0..2 {
            let idle = |entry: &Option<(WireId, Live)>| match entry {
                Some((wire, Live::Back { host: of, request: None })) if *of == host => Some(*wire),
                _ => None,
            };
            let wires: Vec<WireId> = self.nodes[node].wires.iter().filter_map(idle).collect();
            for id in wires {
                self.settle(node);
                self.turn(node, |day, turn| {
                    if let Some(mut wire) = turn.wire(id) {
                        wire.ended();
                    }
                    close_if_told(turn, id);
                    day.set_live(node, id, None);
                });
            }
        }
    }

    fn burst(&mut self, group: usize) {
        let takes_long = self.plan.groups[group].attributes.algorithm == Algorithm::LeastOutstandingRequests;
        if self.plan.groups[group].in_use {
            for _ in 0..self.chance.usize(15..60) {
                let Some(node) = self.some_node() else { continue };
                let takes = if takes_long || self.chance.u8(..) < 8 { self.chance.u64(0..50) } else { 0 };
                self.ask(node, group, None, takes);
            }
        }
        let pause = self.chance.u64(300..1800);
        self.plan_event(self.now.after(seconds(pause)), Event::Burst(group));
    }

    /// Anomaly mitigation notices that requests to one target fail, and sends it fewer (guide ATW-03, ATW-04).
    fn sick(&mut self, times: u32) {
        if times == 0 {
            let eligible = self.model.eligible(&self.plan, MITIGATED, 0);
            let well = |host: &&Host| self.weather.truths[**host] == Truth::Up;
            self.weather.sick = eligible.hosts.iter().find(well).copied();
        }
        if times == 50 {
            self.nursed = 0;
        }
        for _ in 0..40 {
            let node = self.some_node().expect("a node");
            self.ask(node, MITIGATED, None, 0);
        }
        if times < 99 {
            return self.plan_event(self.now.after(seconds(5)), Event::Sick(times + 1));
        }
        let place = self.places[self.weather.sick.expect("somebody is")];
        let told = &self.config.target_health(GroupId(MITIGATED as u32), self.now)[place];
        assert!(told.anomaly.is_some_and(|anomaly| anomaly.is_anomalous && anomaly.mitigation_in_effect), "{told:?}");
        let share = 50 * 40 / TARGETS;
        assert!(self.nursed < share / 2, "{} requests went to a sick target, whose share is {share}", self.nursed);
        self.weather.sick = None;
    }

    fn visit(&mut self, client: usize) {
        let group = self.sessions.all[client].group;
        if let Some(node) = self.some_node() {
            self.ask(node, group, Some(client), 0);
        }
        // Most come again soon; some only when their session is over.
        let pause = if self.chance.u8(..) < 20 { self.chance.u64(1800..4000) } else { self.chance.u64(100..1500) };
        self.plan_event(self.now.after(seconds(pause)), Event::Visit(client));
    }

    /// A node that takes requests.
    fn some_node(&mut self) -> Option<usize> {
        let first = self.chance.usize(..2);
        [first, 1 - first].into_iter().find(|&node| self.nodes[node].shard.is_some() && !self.nodes[node].drained)
    }

    pub(crate) fn is_mitigating(&self, group: usize) -> bool {
        group == MITIGATED && self.config.groups[group].targets.iter().any(|target| target.state.is_mitigated())
    }

    fn reload(&mut self, change: Change) {
        match change {
            Change::Remove(group) => {
                let delay = self.plan.groups[group].attributes.deregistration_delay;
                let until = self.now.after(delay);
                // They are told as draining for the whole delay, and not a moment longer.
                self.plan_event(Mono::from_nanos(until.nanos() - 1), Event::Look);
                self.plan_event(until, Event::Look);
                for _ in 0..5 {
                    let targets = &mut self.plan.groups[group].targets;
                    let host = targets.remove(self.chance.usize(..targets.len()));
                    self.model.deregister(host, until);
                    self.checks[host] = None;
                }
            }
            Change::Add(group) => {
                let back = |host: &Host| matches!(self.model.hosts[*host].membership, Membership::Leaves(_));
                let mut hosts: Vec<Host> = (group * HOSTS..(group + 1) * HOSTS).filter(back).take(3).collect();
                hosts.extend((0..3).map(|more| group * HOSTS + TARGETS + more));
                let joins = self.model.serves_fully(&self.plan, hosts[0], self.now);
                for &host in &hosts {
                    self.model.register(host, joins);
                }
                self.plan.groups[group].targets.extend(hosts);
            }
            Change::Switch => {
                self.shares.close(Algorithm::RoundRobin, SWITCHED);
                self.plan.groups[SWITCHED].attributes.algorithm = Algorithm::LeastOutstandingRequests;
            }
            Change::Pause => {
                self.plan.groups[PAUSED].in_use = false;
                (PAUSED * HOSTS..(PAUSED + 1) * HOSTS).for_each(|host| self.checks[host] = None);
            }
            Change::Resume => {
                self.plan.groups[PAUSED].in_use = true;
                let targets = self.plan.groups[PAUSED].targets.clone();
                targets.into_iter().for_each(|host| self.model.register(host, false));
            }
        }
        if let Change::Remove(group) | Change::Add(group) = change {
            self.shares.close(self.plan.groups[group].attributes.algorithm, group);
        }
        let next = Arc::new(self.plan.config().next(&self.config, self.now));
        self.former.push(core::mem::replace(&mut self.config, next));
        self.learn_places();
        self.audit();
        for node in 0..2 {
            let config = Arc::clone(&self.config);
            self.turn(node, |_, turn| drop(turn.reconfigured(config)));
        }
        self.audit();
    }

    fn learn_places(&mut self) {
        for group in &self.config.groups {
            for (place, target) in group.targets.iter().enumerate() {
                self.places[host_at(target.address)] = place;
            }
        }
    }

    /// A shard ends as when its thread ends: what it was doing is gone.
    fn die(&mut self, node: usize) {
        self.nodes[node].shard = None;
        self.nodes[node].due = None;
        self.nodes[node].wires.clear();
        self.abandon_checks(node);
        for request in &mut self.requests {
            if let Some(lost) = request.take_if(|request| request.node == node) {
                self.model.hosts[lost.host].outstanding -= 1;
            }
        }
        self.plan_event(self.now.after(seconds(30)), Event::Replace(node));
    }

    fn drain(&mut self, node: usize) {
        self.turn(node, |_, turn| turn.draining());
        self.nodes[node].drained = true;
        self.abandon_checks(node);
        self.plan_event(self.now.after(seconds(200)), Event::Replace(node));
    }

    fn abandon_checks(&mut self, node: usize) {
        for check in &mut self.checks {
            check.take_if(|check| check.node == node);
        }
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
        self.shares.sum_up();
        self.sessions.sum_up();
        println!(
            "seed {}: {} checks, {} requests ({} while failing open), {} transitions {:?}, deviations {:.2}, rounds {}",
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

    // ---- time

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
const RETRY: std::time::Duration = seconds(1);

/// What a machine says to a check.
#[derive(Clone, Copy, Debug)]
enum Said {
    Status(u16),
    /// The right thing, after so many seconds.
    Later(u64),
    Nonsense,
    Nothing,
    Reset,
}

fn say(wire: &mut sluicegate::shard::Wire<'_>, said: Said) {
    match said {
        Said::Status(status) => {
            let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            wire.offer(text.as_bytes());
        }
        Said::Nonsense => {
            wire.offer(b"220 mail ready\r\n");
            wire.ended();
        }
        Said::Nothing | Said::Later(_) => wire.ended(),
        Said::Reset => wire.lost(),
    }
}

/// Closes the socket if that is what the shard wants, as every adapter does.
fn close_if_told(turn: &mut Turn<'_>, wire: WireId) {
    if let Some(mut wire) = turn.wire(wire)
        && wire.fate() == Fate::Close
    {
        wire.lost();
    }
}

pub(crate) fn ends() -> Endpoints {
    Endpoints { peer: ([10, 0, 0, 1], 8000).into(), local: ([10, 0, 255, 1], 4711).into() }
}
