//! What happens in the course of the day: machines go and come, clients ask, configurations and shards are replaced.

use std::sync::Arc;

use sluicegate::rules::GroupId;
use sluicegate::shard::WireId;
use sluicegate::target::Algorithm;
use sluicegate::time::Mono;

use super::model::Membership;
use super::plan::{MITIGATED, PAUSED, SLOW, STICKY, SWITCHED};
use super::sessions::CLIENTS;
use super::weather::Truth;
use super::world::{Day, Event, Live, close_if_told};
use super::{GROUPS, HOSTS, Host, TARGETS, at, group_of, host_at, seconds};

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
    /// What will happen of itself.
    pub(crate) fn foresee(&mut self) {
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

    pub(crate) fn flap(&mut self, host: Host) {
        if self.weather.sick == Some(host) {
            return self.plan_event(self.now.after(seconds(600)), Event::Flap(host));
        }
        let storm = self.storms[group_of(host)];
        if self.now < storm {
            let wait = self.chance.u64(1..2400);
            return self.plan_event(storm.after(seconds(wait)), Event::Flap(host));
        }
        let lasts = self.weather.flap(host);
        self.plan_event(self.now.after(seconds(lasts)), Event::Flap(host));
        self.close_pooled(host);
    }

    pub(crate) fn storm(&mut self, group: usize, percent: u8) {
        for host in group * HOSTS..(group + 1) * HOSTS {
            if self.weather.strikes(host, percent) {
                self.close_pooled(host);
                let lasts = self.chance.u64(2400..4800);
                self.plan_event(self.now.after(seconds(lasts)), Event::Flap(host));
            }
        }
        self.storms[group] = self.now.after(seconds(2400));
        // Until it is over many want to be served.
        (1200..2400).step_by(300).for_each(|wait| self.plan_event(self.now.after(seconds(wait)), Event::Rush(group)));
    }

    /// A machine that changes closes its idle connections.
    pub(crate) fn close_pooled(&mut self, host: Host) {
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

    pub(crate) fn burst(&mut self, group: usize) {
        self.rush(group);
        let most = if SLOW.contains(&group) { 600 } else { 1800 };
        let pause = self.chance.u64(most / 6..most);
        self.plan_event(self.now.after(seconds(pause)), Event::Burst(group));
    }

    /// Many requests for a group, if anything forwards to it.
    pub(crate) fn rush(&mut self, group: usize) {
        let takes_long = self.plan.groups[group].attributes.algorithm == Algorithm::LeastOutstandingRequests;
        if !self.plan.groups[group].in_use {
            return;
        }
        for _ in 0..self.chance.usize(15..45) {
            let node = self.some_node().expect("a node");
            let takes = if takes_long || self.chance.u8(..) < 8 { self.chance.u64(0..50) } else { 0 };
            self.ask(node, group, None, takes);
        }
    }

    /// Anomaly mitigation notices that requests to one target fail, and sends it fewer (guide ATW-03, ATW-04).
    pub(crate) fn sick(&mut self, times: u32) {
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

    pub(crate) fn visit(&mut self, client: usize) {
        let group = self.sessions.all[client].group;
        if let Some(node) = self.some_node() {
            self.ask(node, group, Some(client), 0);
        }
        // Most come again soon; some only when their session is over.
        let pause = if self.chance.u8(..) < 20 { self.chance.u64(1800..4000) } else { self.chance.u64(100..1500) };
        self.plan_event(self.now.after(seconds(pause)), Event::Visit(client));
    }

    /// A node that takes requests.
    pub(crate) fn some_node(&mut self) -> Option<usize> {
        let first = self.chance.usize(..2);
        [first, 1 - first].into_iter().find(|&node| self.nodes[node].shard.is_some() && !self.nodes[node].drained)
    }

    pub(crate) fn is_mitigating(&self, group: usize) -> bool {
        group == MITIGATED && self.config.groups[group].targets.iter().any(|target| target.state.is_mitigated())
    }

    pub(crate) fn reload(&mut self, change: Change) {
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
                // There are no sockets for the first checks of one of them.
                self.weather.truths[group * HOSTS + TARGETS] = Truth::NoSockets;
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

    pub(crate) fn learn_places(&mut self) {
        for group in &self.config.groups {
            for (place, target) in group.targets.iter().enumerate() {
                self.places[host_at(target.address)] = place;
            }
        }
    }

    /// A shard ends as when its thread ends: what it was doing is gone.
    pub(crate) fn die(&mut self, node: usize) {
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

    pub(crate) fn drain(&mut self, node: usize) {
        self.turn(node, |_, turn| turn.draining());
        self.nodes[node].drained = true;
        self.abandon_checks(node);
        self.plan_event(self.now.after(seconds(200)), Event::Replace(node));
    }

    pub(crate) fn abandon_checks(&mut self, node: usize) {
        for check in &mut self.checks {
            check.take_if(|check| check.node == node);
        }
    }
}
