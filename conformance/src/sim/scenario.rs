//! Scenarios: who takes part in a world, and how badly they behave. Everything else follows from the seed.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{
    Config, GroupSlot, Listener, LoadBalancer, LoadBalancerAttributes, Protocol, ProtocolVersion, TargetGroup,
};
use sluicegate::rules::{
    Action, Condition, FixedResponse, Forward, GroupId, Pattern, Redirect, RedirectProtocol, RedirectStatus, Rule,
    Ruleset, WeightedGroup,
};
use sluicegate::shard::{ListenerId, Options};

use super::chance::Chance;
use super::client::{Pace, Plan, Step};
use super::net::{MICROS, MILLIS, SECONDS, Time};
use super::reader::Framing;
use super::spec::{Course, Ender, Flow, Manner, Spec, stream};
use super::target::{Host, Nature};
use super::world::{Event, Weather, World};

/// The body of the fixed response.
pub(crate) const FIXED_BODY: &[u8] = b"nothing here";

/// The listener that every world has, and the one that may be taken away.
const PORT: u16 = 80;
const SECOND_PORT: u16 = 8080;

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
}

impl Scenario {
    /// Every scenario.
    pub const ALL: [Scenario; 9] = [
        Scenario::Calm,
        Scenario::Bulk,
        Scenario::Pipelines,
        Scenario::Tunnels,
        Scenario::BadTargets,
        Scenario::BadClients,
        Scenario::Tight,
        Scenario::Reload,
        Scenario::Storm,
    ];

    fn bad_targets(self) -> bool {
        matches!(self, Scenario::BadTargets | Scenario::Storm | Scenario::Tight)
    }

    fn bad_clients(self) -> bool {
        matches!(self, Scenario::BadClients | Scenario::Storm | Scenario::Tight)
    }

    /// How long bodies get, the narrowest windows and the shortest segments: bytes that pass one by one are few.
    fn sizes(self, chance: &mut Chance) -> Sizes {
        let narrow = Sizes { body: 2_000, windows: &[64, 1_000, 20_000, 100_000], segments: &[7, 100, 1460, 16_000] };
        let middle = Sizes { body: 40_000, windows: &[2_000, 20_000, 100_000], segments: &[400, 1460, 16_000] };
        let wide = Sizes { body: 300_000, windows: &[10_000, 30_000, 200_000], segments: &[5_000, 16_000] };
        match self {
            Scenario::Bulk => chance.pick(&[middle, wide, wide]),
            Scenario::Calm | Scenario::Storm => chance.pick(&[narrow, narrow, narrow, middle, wide]),
            _ => chance.pick(&[narrow, narrow, middle]),
        }
    }
}

/// How much goes through a world, and how finely it is cut.
#[derive(Clone, Copy)]
struct Sizes {
    body: u64,
    windows: &'static [usize],
    segments: &'static [usize],
}

/// The world of a seed.
pub(crate) fn world(seed: u64, scenario: Scenario) -> World {
    let mut chance = Chance::new(seed ^ 0x5EED);
    let idle = chance.between(5, 20);
    let sizes = scenario.sizes(&mut chance);
    let hosts = hosts(scenario, sizes, &mut chance);
    let config = Arc::new(config(&hosts, &addresses(&hosts), idle, true));
    let mut options = Options::default();
    options.access_log = chance.one_in(2);
    if scenario == Scenario::Tight {
        options.connections_max = chance.between(1, 4) as usize;
        options.memory_max = chance.between(8, 40) as usize * 16 * 1024;
    }
    let weather = Weather {
        windows: sizes.windows,
        segments: sizes.segments,
        delay: chance.pick(&[100 * MICROS, 2 * MILLIS, 50 * MILLIS]),
        erratic: true,
    };
    let faults = Faults { hosts: hosts.clone(), sizes };
    let mut world = World::new(seed, Arc::clone(&config), options, weather, hosts.clone());
    let clients = chance.between(1, 8);
    for number in 0..clients {
        let plan = client(number, scenario, &faults, idle, &mut chance);
        let listener = if chance.one_in(4) { SECOND_PORT } else { PORT };
        let at = chance.below(2 * SECONDS);
        world.net.at(at, Event::Connect(Box::new(plan), ListenerId(listener)));
    }
    if matches!(scenario, Scenario::Reload) || scenario == Scenario::Storm && chance.one_in(3) {
        disturb(&mut world, &config, &hosts, idle, &mut chance);
    }
    world.ledger.starved = scenario == Scenario::Tight;
    world.ledger.disturbed |= world.ledger.starved;
    world
}

/// How long a world may take at most: the idle timeouts that may follow each other, and then the pool's.
pub(crate) const HORIZON: Time = 3_000 * SECONDS;

fn disturb(world: &mut World, config: &Config, hosts: &[Host], idle: u64, chance: &mut Chance) {
    world.ledger.disturbed = true;
    let mut last = None;
    for _ in 0..chance.between(1, 3) {
        let kept: Vec<SocketAddr> = addresses(hosts).into_iter().filter(|_| !chance.one_in(3)).collect();
        let next = self::config(hosts, &kept, idle, !chance.one_in(2)).next(last.as_deref().unwrap_or(config));
        let next = Arc::new(next);
        world.net.at(chance.below(4 * SECONDS), Event::Reconfigure(Arc::clone(&next)));
        last = Some(next);
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
            });
        }
    }
    hosts
}

struct Faults {
    hosts: Vec<Host>,
    sizes: Sizes,
}

impl Faults {
    /// Errors that requests to a group may end in, because of how its targets are.
    fn of(&self, group: usize) -> Vec<u16> {
        let natures = self.hosts.iter().filter(|host| host.group == group).map(|host| host.nature);
        let mut errors = Vec::new();
        for nature in natures {
            match nature {
                Nature::Good | Nature::ClosesEvery(_) => {}
                Nature::Refuses
                | Nature::Unreachable
                | Nature::ClosesIdle(_)
                | Nature::BabblesIdle(_)
                | Nature::ResetsIdle(_) => errors.push(502),
                Nature::NeverAccepts => errors.push(504),
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
        group(&format!("g{number}"), &targets.collect::<Vec<_>>())
    });
    let mut config =
        Config { load_balancers: vec![balancer(attributes)], listeners: Vec::new(), groups: groups.collect() };
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
    }
}

pub(crate) fn group(name: &str, targets: &[SocketAddr]) -> TargetGroup {
    TargetGroup {
        logical_id: name.to_owned(),
        name: name.to_owned(),
        arn: format!("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/{name}/0123456789abcdef"),
        protocol: Protocol::Http,
        protocol_version: ProtocolVersion::Http1,
        targets: targets.iter().map(|&address| sluicegate::config::Target { address, zone: None }).collect(),
        slot: Arc::new(GroupSlot::default()),
        position: Default::default(),
    }
}

pub(crate) fn forward(group: u32) -> Action {
    Action::Forward(Forward { groups: vec![WeightedGroup { group: GroupId(group), weight: 1 }] })
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

// ---- requests -----------------------------------------------------------------------------------------------------

fn spec(id: u64, scenario: Scenario, faults: &Faults, chance: &mut Chance) -> Spec {
    let course = match chance.below(12) {
        0 => Course::Redirect,
        1 => Course::Fixed,
        _ => Course::Group(chance.below(3) as usize),
    };
    let method = chance.pick(&["GET", "GET", "POST", "PUT", "HEAD", "PURGE"]);
    let http10 = chance.one_in(8);
    let has_body = matches!(method, "POST" | "PUT") || chance.one_in(10);
    // What nobody wants is read for the connection's sake only up to a limit.
    let most = if let Course::Group(_) = course { faults.sizes.body } else { 30_000 };
    let body = if has_body { chance.size(most) } else { 0 };
    let framing = match chance.below(2) {
        _ if !has_body => Framing::None,
        0 if !http10 => Framing::Chunked,
        _ => Framing::Length(body),
    };
    let status = chance.pick(&[200, 200, 200, 404, 500, 204, 304]);
    let answer = chance.size(faults.sizes.body);
    let answer_framing = match chance.below(4) {
        _ if matches!(status, 204 | 304) => Framing::None,
        0 if method != "HEAD" => Framing::UntilClose,
        1 => Framing::Chunked,
        _ => Framing::Length(answer),
    };
    let mut spec = Spec {
        id,
        course,
        method,
        http10,
        close: chance.one_in(8),
        expects: has_body && !http10 && chance.one_in(4),
        framing,
        body,
        trailers: chance.one_in(3),
        status,
        answer_framing,
        answer,
        interims: if chance.one_in(6) { chance.between(1, 4) as u8 } else { 0 },
        think: chance.pick(&[0, 0, 100 * MICROS, 10 * MILLIS, SECONDS]),
        announces_close: chance.one_in(10),
        manner: manner(scenario, chance),
        errors: Vec::new(),
        may_be_cut: false,
    };
    settle(&mut spec, faults);
    spec
}

fn manner(scenario: Scenario, chance: &mut Chance) -> Manner {
    match chance.below(40) {
        0..=2 => Manner::Early,
        _ if !scenario.bad_targets() => Manner::Proper,
        3 => Manner::EarlyClose,
        4 | 5 => Manner::Short,
        6 => Manner::ShortStall,
        7 => Manner::Long,
        8 => Manner::Garbage,
        9 => Manner::Oversized,
        10 => Manner::ResetFirst,
        11 | 12 => Manner::ResetMidway,
        13 => Manner::CloseFirst,
        14 => Manner::Silent,
        15 => Manner::Deaf,
        16 => Manner::BadChunks,
        _ => Manner::Proper,
    }
}

/// What may come of a request, given what everybody does with it.
fn settle(spec: &mut Spec, faults: &Faults) {
    let Course::Group(group) = spec.course else {
        spec.manner = Manner::Proper;
        return;
    };
    spec.errors = faults.of(group);
    match spec.manner {
        Manner::EarlyClose | Manner::Long => spec.announces_close = true,
        Manner::Short | Manner::ShortStall | Manner::ResetMidway | Manner::BadChunks => {
            spec.method = if spec.method == "HEAD" { "GET" } else { spec.method };
            spec.status = 200;
            spec.answer = spec.answer.max(2);
            spec.answer_framing = match (spec.manner, spec.answer_framing) {
                (Manner::BadChunks, _) | (_, Framing::Chunked) => Framing::Chunked,
                _ => Framing::Length(spec.answer),
            };
        }
        _ => {}
    }
    if spec.manner == Manner::Long {
        spec.answer_framing = if spec.has_answer_body() { Framing::Length(spec.answer) } else { spec.answer_framing };
    }
    let (errors, cut): (&[u16], bool) = match spec.manner {
        Manner::Proper | Manner::Early | Manner::Long => (&[], false),
        // What was read before the reset may be lost with it.
        Manner::EarlyClose => (&[502], spec.body > 0),
        Manner::Short | Manner::ResetMidway | Manner::BadChunks => (&[502], true),
        Manner::ShortStall => (&[504], true),
        Manner::Garbage | Manner::Oversized | Manner::ResetFirst | Manner::CloseFirst => (&[502], false),
        Manner::Silent => (&[504], false),
        Manner::Deaf => (&[504, 408], false),
    };
    spec.errors.extend_from_slice(errors);
    spec.may_be_cut = cut;
}

// ---- clients ------------------------------------------------------------------------------------------------------

fn client(number: u64, scenario: Scenario, faults: &Faults, idle: u64, chance: &mut Chance) -> Plan {
    let piece = chance.pick(&[1, 20, 1_000, 100_000, 100_000]).max(faults.sizes.body as usize / 200);
    let gap = if chance.one_in(3) { chance.below(100 * MICROS) } else { 0 };
    let mut plan = Plan { steps: VecDeque::new(), specs: Vec::new(), pace: Pace { piece, gap }, lenient: false };
    if chance.one_in(6) {
        plan.steps.push_back(Step::ReadSlowly(
            (chance.between(1, 5_000) as usize).max(faults.sizes.body as usize / 200),
            chance.below(200 * MICROS),
        ));
    }
    if scenario == Scenario::Tunnels || chance.one_in(15) {
        tunnel(&mut plan, number * 1000 + 1, faults, scenario, chance);
        return plan;
    }
    let requests = chance.between(1, if scenario == Scenario::Pipelines { 12 } else { 5 });
    let ahead = if scenario == Scenario::Pipelines { chance.between(2, 12) } else { chance.pick(&[1, 1, 1, 3]) };
    for nth in 0..requests {
        let mut spec = spec(number * 1000 + nth + 1, scenario, faults, chance);
        if matches!(spec.course, Course::Redirect | Course::Fixed) && spec.framing != Framing::None {
            // Whoever is answered here may be cut off while it still sends.
            spec.may_be_cut = true;
        }
        if (nth + 1) % ahead != 0 {
            spec.expects = false;
        }
        request(&mut plan, &spec, nth);
        plan.specs.push(spec);
        if (nth + 1) % ahead == 0 {
            plan.steps.push_back(Step::Answers(nth + 1));
            if chance.one_in(3) {
                plan.steps.push_back(Step::Pause(chance.below(100 * MILLIS)));
            }
        }
    }
    ending(&mut plan, requests, scenario, idle, chance);
    plan
}

fn request(plan: &mut Plan, spec: &Spec, nth: u64) {
    let host = format!("h{nth}.example");
    plan.steps.push_back(Step::Begin(spec.id));
    let mut head = spec.head(&host);
    if spec.expects {
        plan.steps.push_back(Step::Send(head));
        plan.steps.push_back(Step::Continue);
        plan.steps.push_back(Step::Send(spec.framed_body()));
    } else {
        head.extend(spec.framed_body());
        plan.steps.push_back(Step::Send(head));
    }
}

fn ending(plan: &mut Plan, requests: u64, scenario: Scenario, idle: u64, chance: &mut Chance) {
    if scenario.bad_clients() && chance.one_in(2) {
        return misbehave(plan, requests, idle, chance);
    }
    match chance.below(5) {
        0 => {
            // The sending side closes right after the last request: the answers must still come.
            plan.steps.push_back(Step::Half);
            plan.steps.push_back(Step::Answers(requests));
        }
        1 => {
            plan.steps.push_back(Step::Answers(requests));
            plan.steps.push_back(Step::Half);
        }
        2 => plan.steps.push_back(Step::Answers(requests)),
        _ => {
            plan.steps.push_back(Step::Answers(requests));
            plan.steps.push_back(Step::Close);
        }
    }
}

fn misbehave(plan: &mut Plan, requests: u64, idle: u64, chance: &mut Chance) {
    let bad = |id: u64, errors: &[u16]| Spec {
        id,
        course: Course::Bad,
        method: "GET",
        http10: false,
        close: true,
        expects: false,
        framing: Framing::None,
        body: 0,
        trailers: false,
        status: 400,
        answer_framing: Framing::None,
        answer: 0,
        interims: 0,
        think: 0,
        announces_close: false,
        manner: Manner::Proper,
        errors: errors.to_vec(),
        may_be_cut: false,
    };
    let last = plan.specs.last().map_or(900, |spec| spec.id) + 500;
    let send = |plan: &mut Plan, bytes: Vec<u8>, errors: &[u16]| {
        plan.steps.push_back(Step::Begin(last));
        plan.steps.push_back(Step::Send(bytes));
        plan.specs.push(bad(last, errors));
    };
    match chance.below(9) {
        0 => {
            plan.lenient = true;
            plan.steps.push_back(Step::Pause(chance.below(20 * MILLIS)));
            plan.steps.push_back(Step::Reset);
        }
        1 => {
            plan.lenient = true;
            // Leaves in the middle of whatever it was doing.
            plan.steps.truncate(chance.between(1, plan.steps.len() as u64) as usize);
            plan.steps.push_back(if chance.one_in(2) { Step::Reset } else { Step::Close });
        }
        2 => {
            plan.lenient = true;
            plan.steps.push_front(Step::ReadNothing);
            plan.steps.retain(|step| !matches!(step, Step::Answers(_) | Step::Continue));
            plan.steps.push_back(Step::Pause((3 * idle + 100) * SECONDS));
            plan.steps.push_back(Step::Reset);
        }
        3 => {
            let garbage: &[&[u8]] = &[
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
                b"GET / HTTP/1.1\nHost: a\n\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                b"GET /\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
                b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
            ];
            let bytes = chance.pick(garbage).to_vec();
            send(plan, bytes, &[400, 405, 501, 505]);
        }
        4 => {
            let line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(17_000));
            send(plan, line.into_bytes(), &[414]);
        }
        5 => {
            let mut head = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
            while head.len() < 70_000 {
                head.extend(format!("X-{}: {}\r\n", head.len(), "v".repeat(1_000)).into_bytes());
            }
            head.extend_from_slice(b"\r\n");
            send(plan, head, &[400]);
        }
        6 => {
            // Begins a head and falls silent.
            send(plan, b"GET / HTTP/1.1\r\nHo".to_vec(), &[408]);
        }
        7 => {
            // Begins a body and falls silent, or closes its side.
            let head =
                format!("POST /g0/{last:x} HTTP/1.1\r\nHost: a\r\nX-Mark: {last:x}\r\nContent-Length: 100\r\n\r\n");
            let mut bytes = head.into_bytes();
            bytes.extend(stream(last, Flow::Up, 0, 50));
            plan.steps.push_back(Step::Begin(last));
            plan.steps.push_back(Step::Send(bytes));
            let half = chance.one_in(2);
            let mut spec = bad(last, if half { &[400] } else { &[408] });
            spec.course = Course::Group(0);
            spec.method = "POST";
            (spec.framing, spec.body) = (Framing::Length(100), 100);
            plan.specs.push(spec);
            if half {
                plan.steps.push_back(Step::Half);
            }
        }
        _ => {
            // Stays connected without a word; it is closed without one.
            plan.steps.push_back(Step::Answers(requests));
            plan.steps.push_back(Step::Gone);
        }
    }
}

fn tunnel(plan: &mut Plan, id: u64, faults: &Faults, scenario: Scenario, chance: &mut Chance) {
    let group = chance.below(3) as usize;
    let (up, down) = (chance.size(faults.sizes.body), chance.size(faults.sizes.body));
    let ender = chance.pick(&[Ender::Client, Ender::ClientHalf, Ender::Target]);
    let mut spec = spec(id, scenario, faults, chance);
    spec.course = Course::Socket { group, up, down, ender };
    (spec.method, spec.http10, spec.framing, spec.body) = ("GET", false, Framing::None, 0);
    (spec.status, spec.manner, spec.interims, spec.expects, spec.close) = (101, Manner::Proper, 0, false, false);
    (spec.errors, spec.may_be_cut) = (faults.of(group), false);
    let fair = spec.errors.is_empty();
    plan.lenient |= !fair;
    plan.steps.push_back(Step::Begin(id));
    plan.steps.push_back(Step::Send(spec.head("ws.example")));
    plan.steps.push_back(Step::Continue);
    plan.steps.push_back(Step::Send(stream(id, Flow::Up, 0, up)));
    match ender {
        Ender::Client => {
            plan.steps.push_back(Step::Socket);
            plan.steps.push_back(Step::Half);
        }
        Ender::ClientHalf => plan.steps.push_back(Step::Half),
        Ender::Target => {}
    }
    plan.specs.push(spec);
}
