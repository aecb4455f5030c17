//! Scenarios: who takes part in a world, and how badly they behave. Everything else follows from the seed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{
    Config, GroupAttributes, GroupState, HealthCheck, Listener, LoadBalancer, LoadBalancerAttributes, Protocol,
    ProtocolVersion, Target, TargetGroup,
};
use sluicegate::rules::{
    Action, Condition, FixedResponse, Forward, GroupId, Pattern, Redirect, RedirectProtocol, RedirectStatus, Rule,
    Ruleset, WeightedGroup,
};
use sluicegate::shard::{ListenerId, Options};

use super::chance::Chance;
use super::deal::client;
use super::h2::deal::{dialect, version, visit};
use super::h2::origin::{Dialect, Flaw};
use super::hostile;
use super::net::{MICROS, MILLIS, SECONDS, Time};
use super::secrecy::Secrecy;
use super::target::{Host, Nature};
use super::tls::Places;
use super::world::{Event, Weather, World};

/// The body of the fixed response.
pub(crate) const FIXED_BODY: &[u8] = b"nothing here";

/// The listener that every world has, and the one that may be taken away.
pub(super) const PORT: u16 = 80;
pub(super) const SECOND_PORT: u16 = 8080;

/// A kind of world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Everybody behaves: each client gets exactly what its target sent.
    Calm,
    /// As calm, with large bodies in both directions over narrow windows.
    Bulk,
    /// Clients send many requests ahead.
    Pipelines,
    /// WebSockets, ended by either side.
    Tunnels,
    /// Targets lie, stall, reset, babble and refuse.
    BadTargets,
    /// Clients abort, stall, send garbage, and do not read.
    BadClients,
    /// Few connections and little memory are allowed.
    Tight,
    /// The configuration changes and the shard drains while requests are in progress.
    Reload,
    /// All of it.
    Storm,
    /// Clients send whatever bytes could be read in two ways, and targets keep all that reaches them.
    Hostile,
    /// As calm, with TLS on listeners, to targets, or both.
    Sealed,
    /// TLS handshakes that fail, stop, come late or in pieces, on either side, and more of them than are allowed.
    Handshakes,
    /// As sealed, with clients and targets that speak HTTP/2 among them.
    Streams,
    /// The same with clients that give up, lie, stall, reset, break rules, and keep windows tiny or shut.
    Torrents,
    /// The same with targets that refuse and reset streams, lie, stall, break rules and go away.
    Trunks,
    /// All of it over TLS, steps of handshakes that take seconds, few connections and little memory.
    Gale,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Scenario; 16] = [
        Scenario::Calm,
        Scenario::Bulk,
        Scenario::Pipelines,
        Scenario::Tunnels,
        Scenario::BadTargets,
        Scenario::BadClients,
        Scenario::Tight,
        Scenario::Reload,
        Scenario::Storm,
        Scenario::Hostile,
        Scenario::Sealed,
        Scenario::Handshakes,
        Scenario::Gale,
        Scenario::Streams,
        Scenario::Torrents,
        Scenario::Trunks,
    ];

    pub(super) fn over_tls(self) -> bool {
        matches!(self, Scenario::Sealed | Scenario::Handshakes | Scenario::Gale) || self.over_http2()
    }

    pub(super) fn over_http2(self) -> bool {
        matches!(self, Scenario::Streams | Scenario::Torrents | Scenario::Trunks)
    }

    pub(super) fn bad_handshakes(self) -> bool {
        matches!(self, Scenario::Handshakes | Scenario::Gale)
    }

    pub(super) fn bad_targets(self) -> bool {
        matches!(self, Scenario::BadTargets | Scenario::Storm | Scenario::Tight | Scenario::Gale | Scenario::Trunks)
    }

    pub(super) fn bad_clients(self) -> bool {
        matches!(self, Scenario::BadClients | Scenario::Storm | Scenario::Tight | Scenario::Gale | Scenario::Torrents)
    }

    /// How long bodies get, the narrowest windows and the shortest segments: bytes that pass one by one are few.
    fn sizes(self, chance: &mut Chance) -> Sizes {
        let narrow = Sizes { body: 2_000, windows: &[64, 1_000, 20_000, 100_000], segments: &[7, 100, 1460, 16_000] };
        // Where many share a connection each has to get on before its timeout.
        let shared = Sizes { windows: &[500, 2_000, 20_000, 100_000], ..narrow };
        let middle = Sizes { body: 40_000, windows: &[2_000, 20_000, 100_000], segments: &[400, 1460, 16_000] };
        let wide = Sizes { body: 300_000, windows: &[10_000, 30_000, 200_000], segments: &[5_000, 16_000] };
        match self {
            Scenario::Bulk => chance.pick(&[middle, wide, wide]),
            _ if self.over_http2() => chance.pick(&[shared, shared, shared, middle, wide]),
            Scenario::Calm | Scenario::Storm | Scenario::Sealed => chance.pick(&[narrow, narrow, narrow, middle, wide]),
            _ => chance.pick(&[narrow, narrow, middle]),
        }
    }
}

/// How much goes through a world, and how finely it is cut.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) body: u64,
    windows: &'static [usize],
    segments: &'static [usize],
}

/// The world of a seed.
pub(crate) fn world(seed: u64, scenario: Scenario) -> World {
    let mut chance = Chance::new(seed ^ 0x5EED);
    if scenario == Scenario::Hostile {
        return hostile::world(seed, &mut chance);
    }
    let idle = chance.between(5, 20);
    let sizes = scenario.sizes(&mut chance);
    let mut hosts = hosts(scenario, sizes, &mut chance);
    let mut options = Options::default();
    let secrecy = scenario.over_tls().then(|| Secrecy::new(scenario, &mut hosts, &mut options, &mut chance));
    let mut config = config(&hosts, &addresses(&hosts), idle, true);
    if let Some(Secrecy { tls, places, .. }) = &secrecy {
        tls.apply(&mut config, *places);
    }
    let config = Arc::new(config);
    options.access_log = chance.one_in(2);
    options.name_causes |= scenario.over_http2();
    let is_tight = scenario == Scenario::Tight
        || scenario == Scenario::Gale && chance.one_in(3)
        || scenario == Scenario::Torrents && chance.one_in(5);
    if is_tight {
        options.connections_max = chance.between(1, 4) as usize;
        options.memory_max = chance.between(12, 60) as usize * 16 * 1024;
    }
    let weather = Weather {
        windows: sizes.windows,
        segments: sizes.segments,
        delay: chance.pick(&[100 * MICROS, 2 * MILLIS, 50 * MILLIS]),
        erratic: true,
        compute: secrecy.as_ref().map_or(0, |secrecy| secrecy.compute),
    };
    let faults = Faults { hosts: hosts.clone(), sizes };
    let mut world = World::new(seed, Arc::clone(&config), options, weather, hosts.clone());
    let clients = chance.between(1, if scenario.over_http2() { 5 } else { 8 });
    for number in 0..clients {
        let at = chance.below(2 * SECONDS);
        if scenario.over_http2() && !chance.one_in(4) {
            let visit = visit(number, scenario, &faults, idle, &mut chance);
            world.net.at(at, Event::Visit(Box::new(visit), ListenerId(PORT)));
            continue;
        }
        let plan = client(number, scenario, &faults, idle, &mut chance);
        let listener = if chance.one_in(4) { SECOND_PORT } else { PORT };
        world.net.at(at, Event::Connect(Box::new(plan), ListenerId(listener)));
    }
    let disturbs = matches!(scenario, Scenario::Storm | Scenario::Gale) && chance.one_in(3)
        || matches!(scenario, Scenario::Torrents | Scenario::Trunks) && chance.one_in(5);
    let places = secrecy.map(|secrecy| secrecy.govern(&mut world, scenario, &mut chance));
    if scenario == Scenario::Reload || disturbs {
        disturb(&mut world, &hosts, places.unwrap_or_default(), idle, &mut chance);
    }
    world.ledger.starved = is_tight;
    world.ledger.disturbed |= is_tight;
    world
}

/// How long a world may take at most: the idle timeouts that may follow each other, and then the pool's.
pub(crate) const HORIZON: Time = 3_000 * SECONDS;

fn disturb(world: &mut World, hosts: &[Host], places: Places, idle: u64, chance: &mut Chance) {
    (world.ledger.disturbed, world.ledger.deregisters) = (true, true);
    for _ in 0..chance.between(1, 3) {
        let kept: Vec<SocketAddr> = addresses(hosts).into_iter().filter(|_| !chance.one_in(3)).collect();
        let mut next = self::config(hosts, &kept, idle, !chance.one_in(2));
        if let Some(tls) = &world.tls {
            tls.apply(&mut next, places);
        }
        world.net.at(chance.below(4 * SECONDS), Event::Reconfigure(Box::new(next)));
    }
    if chance.one_in(2) {
        world.net.at(chance.below(6 * SECONDS), Event::Drain);
    }
}

// ---- targets ------------------------------------------------------------------------------------------------------

fn addresses(hosts: &[Host]) -> Vec<SocketAddr> {
    hosts.iter().map(|host| host.address).collect()
}

fn hosts(scenario: Scenario, sizes: Sizes, chance: &mut Chance) -> Vec<Host> {
    let mut hosts = Vec::new();
    for group in 0..3_usize {
        let version = if scenario.over_http2() { version(chance) } else { ProtocolVersion::Http1 };
        // Group 0 is always good, so that in every world somebody has a right to be served.
        for number in 0..chance.between(1, 3) {
            let bad = scenario.bad_targets() && group > 0 && chance.one_in(2);
            let nature = match chance.below(9) {
                _ if !bad && chance.one_in(3) => Nature::ClosesEvery(chance.between(1, 3)),
                _ if !bad => Nature::Good,
                0 => Nature::Refuses,
                1 => Nature::NeverAccepts,
                2 => Nature::Unreachable,
                3 | 4 => Nature::ClosesIdle(chance.below(50 * MILLIS)),
                5 | 6 => Nature::ResetsIdle(chance.below(50 * MILLIS)),
                _ => Nature::BabblesIdle(chance.below(50 * MILLIS)),
            };
            hosts.push(Host {
                address: SocketAddr::from(([10, 9, group as u8, number as u8 + 1], 80)),
                group,
                nature,
                accepts_after: chance.pick(&[0, 100 * MICROS, 20 * MILLIS, 3 * SECONDS]),
                piece: chance.pick(&[1, 50, 3_000, 100_000, 100_000]).max(sizes.body as usize / 200),
                gap: if chance.one_in(4) { chance.below(100 * MICROS) } else { 0 },
                http10: chance.one_in(6),
                rude: scenario.over_tls() && chance.one_in(4),
                dialect: dialect(version, bad, sizes.body, chance),
            });
        }
    }
    hosts
}

pub(super) struct Faults {
    hosts: Vec<Host>,
    pub(super) sizes: Sizes,
}

impl Faults {
    /// Whether a target of that group may end a connection before all of its last answer was read.
    pub(super) fn may_cut(&self, group: usize) -> bool {
        let cuts = |host: &Host| match host.nature {
            Nature::ResetsIdle(_) => true,
            // What is no HTTP/2 ends all streams (RFC 9113 section 5.4.1), and so answers that slow clients have yet to take.
            Nature::BabblesIdle(_) => host.dialect.is_some(),
            _ => false,
        };
        self.hosts.iter().any(|host| host.group == group && (cuts(host) || host.flaw().cuts()))
    }

    /// Whether a request may have to wait for its turn on a connection to a target of that group: it takes few streams at a
    /// time, or leaves its connections.
    pub(super) fn may_wait(&self, group: usize) -> bool {
        let is_scarce = |host: &Host| match host.dialect {
            Some(Dialect { flaw: Flaw::GoesAway(_), .. }) => true,
            Some(dialect) => dialect.manners.streams_max.is_some() || matches!(host.nature, Nature::ClosesEvery(_)),
            None => false,
        };
        self.hosts.iter().any(|host| host.group == group && is_scarce(host))
    }

    /// What the targets of that group speak.
    pub(super) fn version(&self, group: usize) -> ProtocolVersion {
        let dialect = self.hosts.iter().find(|host| host.group == group).and_then(|host| host.dialect);
        dialect.map_or(ProtocolVersion::Http1, |dialect| dialect.version)
    }

    /// Whether a target of that group may end its TLS without saying so.
    pub(super) fn may_be_rude(&self, group: usize) -> bool {
        self.hosts.iter().any(|host| host.group == group && host.rude)
    }

    /// Errors that requests to a group may end in, because of how its targets are.
    pub(super) fn of(&self, group: usize) -> Vec<u16> {
        let natures = self.hosts.iter().filter(|host| host.group == group).map(|host| host.nature);
        let flaws = self.hosts.iter().filter(|host| host.group == group).map(Host::flaw);
        let mut errors: Vec<u16> = flaws.filter_map(Flaw::error).collect();
        for nature in natures {
            match nature {
                Nature::Good | Nature::ClosesEvery(_) | Nature::Witnesses(_) => {}
                Nature::Refuses
                | Nature::Unreachable
                | Nature::ClosesIdle(_)
                | Nature::BabblesIdle(_)
                | Nature::ResetsIdle(_) => errors.push(502),
                Nature::NeverAccepts => errors.push(504),
                Nature::Fumbles(fault) => errors.extend(fault.error()),
            }
        }
        errors
    }
}

/// The configuration: three groups of the targets in `kept`, a redirect, a fixed response.
pub(crate) fn config(hosts: &[Host], kept: &[SocketAddr], idle: u64, second: bool) -> Config {
    let attributes =
        LoadBalancerAttributes { idle_timeout: Duration::from_secs(idle), ..LoadBalancerAttributes::default() };
    let groups = (0..3).map(|number| {
        let targets =
            hosts.iter().filter(|host| host.group == number && kept.contains(&host.address)).map(|host| host.address);
        let dialect = hosts.iter().find(|host| host.group == number).and_then(|host| host.dialect);
        let protocol_version = dialect.map_or(ProtocolVersion::Http1, |dialect| dialect.version);
        TargetGroup { protocol_version, ..group(&format!("g{number}"), &targets.collect::<Vec<_>>()) }
    });
    let mut config =
        Config { load_balancers: vec![balancer(attributes)], groups: groups.collect(), ..Config::default() };
    config.listeners.push(listener(PORT));
    if second {
        config.listeners.push(listener(SECOND_PORT));
    }
    config
}

pub(crate) fn balancer(attributes: LoadBalancerAttributes) -> LoadBalancer {
    LoadBalancer {
        logical_id: "Balancer".to_owned(),
        name: "sim".to_owned(),
        arn: "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/sim/0123456789abcdef".to_owned(),
        dns_name: "sim-1.us-east-1.elb.amazonaws.com".to_owned(),
        attributes,
        zones: None,
    }
}

pub(crate) fn group(name: &str, targets: &[SocketAddr]) -> TargetGroup {
    let state = Arc::new(GroupState::default());
    TargetGroup {
        logical_id: name.to_owned(),
        name: name.to_owned(),
        arn: format!("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{name}/0123456789abcdef"),
        protocol: Protocol::Http,
        protocol_version: ProtocolVersion::Http1,
        health_check: HealthCheck::disabled(),
        attributes: GroupAttributes::default(),
        targets: targets.iter().map(|&at| Target::new(at.ip().to_string(), at, None, &state)).collect(),
        draining: Vec::new(),
        state,
        position: Default::default(),
    }
}

pub(crate) fn forward(group: u32) -> Action {
    Action::Forward(Forward { groups: vec![WeightedGroup { group: GroupId(group), weight: 1 }], stickiness: None })
}

fn listener(port: u16) -> Listener {
    let rule = |priority, path: &str, action| Rule {
        name: format!("rule{priority}"),
        priority,
        conditions: vec![Condition::PathPattern(vec![Pattern::new(path)])],
        action,
    };
    let moved = Redirect {
        protocol: RedirectProtocol::Same,
        host: "#{host}".to_owned(),
        port: "#{port}".to_owned(),
        path: "/moved/#{path}".to_owned(),
        query: String::new(),
        status: RedirectStatus::Found,
    };
    let fixed = FixedResponse {
        status: 200,
        content_type: Some("text/plain".to_owned()),
        body: String::from_utf8_lossy(FIXED_BODY).into_owned(),
    };
    let rules = vec![
        rule(1, "/g1/*", forward(1)),
        rule(2, "/g2/*", forward(2)),
        rule(3, "/redirect/*", Action::Redirect(moved)),
        rule(4, "/fixed/*", Action::FixedResponse(fixed)),
    ];
    listener_with(port, Ruleset::new(rules, forward(0)).expect("the rules of the simulator are valid"))
}

pub(crate) fn listener_with(port: u16, rules: Ruleset) -> Listener {
    Listener {
        tls: None,
        logical_id: format!("Listener{port}"),
        arn: format!(
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/sim/0123456789abcdef/{port:016x}"
        ),
        load_balancer: 0,
        protocol: Protocol::Http,
        port,
        rules,
        position: Default::default(),
    }
}
