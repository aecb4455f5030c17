//! A shard with targets that answer whatever the test says, and clients that send whatever it says: one request at a time, at a
//! time of the test's choice.

#![allow(dead_code, reason = "each test uses its part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{Checking, Config, GroupAttributes, GroupState, HealthCheck, Target, TargetGroup};
use sluicegate::rules::{Action, Forward, GroupId, Ruleset, WeightedGroup};
use sluicegate::shard::{DialError, Effect, Endpoints, ListenerId, Log, Options, Shard, WireId};
use sluicegate::sticky::Secret;
use sluicegate::target::health::{Failure, Health, Status};
use sluicegate::target::{Algorithm, Stickiness};
use sluicegate::time::{Mono, Now, Wall};

pub(crate) const DAY: u64 = 86_400;

/// The first second of a day, so that tests know when keys change.
pub(crate) const START: u64 = 20_000 * DAY;

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nServer: t\r\nContent-Length: 0\r\n\r\n";

/// A group of targets 10.0.G.1:80, 10.0.G.2:80, and so on.
pub(crate) struct Group {
    pub(crate) targets: usize,
    pub(crate) weight: u16,
    pub(crate) stickiness: Option<Stickiness>,
}

pub(crate) fn lb_cookie(seconds: u64) -> Option<Stickiness> {
    Some(Stickiness::LoadBalancerCookie { duration: Duration::from_secs(seconds) })
}

pub(crate) fn app_cookie(name: &str, seconds: u64) -> Option<Stickiness> {
    Some(Stickiness::ApplicationCookie { name: name.to_owned(), duration: Duration::from_secs(seconds) })
}

/// One listener on port 80 that forwards everything to these groups (a rule takes five), and one on port 8000 + G to each group alone.
pub(crate) fn config(groups: &[Group], rule: Option<u64>) -> Config {
    let mut config = Config::forwarding(80, &[]);
    let template = config.groups.pop().expect("a group");
    let weighted = |(id, group): (usize, &Group)| WeightedGroup { group: GroupId(id as u32), weight: group.weight };
    for (number, group) in groups.iter().enumerate() {
        let state = Arc::new(GroupState::default());
        let targets = (1..=group.targets).map(|last| {
            let target = Target::new(last.to_string(), address(number, last), None, &state);
            target.state.set_health(Health::HEALTHY);
            target
        });
        config.groups.push(TargetGroup {
            arn: format!("{}-{number}", template.arn),
            health_check: HealthCheck::default(),
            attributes: GroupAttributes { stickiness: group.stickiness.clone(), ..GroupAttributes::default() },
            targets: targets.collect(),
            draining: Vec::new(),
            state: Arc::clone(&state),
            logical_id: format!("Group{number}"),
            name: format!("group{number}"),
            protocol: template.protocol,
            protocol_version: template.protocol_version,
            position: template.position,
        });
    }
    let all = groups.iter().enumerate().take(5).map(weighted).collect();
    config.listeners[0].rules = forward(all, rule);
    for number in 0..groups.len() {
        let mut alone = Config::forwarding(8000 + number as u16, &[]).listeners.remove(0);
        alone.rules = forward(vec![WeightedGroup { group: GroupId(number as u32), weight: 1 }], None);
        config.listeners.push(alone);
    }
    config
}

fn forward(groups: Vec<WeightedGroup>, stickiness: Option<u64>) -> Ruleset {
    let forward = Forward { groups, stickiness: stickiness.map(Duration::from_secs) };
    Ruleset::new(Vec::new(), Action::Forward(forward)).expect("no rules contradict nothing")
}

pub(crate) fn address(group: usize, target: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, group as u8, target as u8], 80))
}

/// A group of three targets with `AWSALB`.
pub(crate) fn three(seconds: u64) -> Config {
    config(&[Group { targets: 3, weight: 1, stickiness: lb_cookie(seconds) }], None)
}

pub(crate) struct World {
    pub(crate) shard: Shard,
    pub(crate) config: Arc<Config>,
    /// Seconds.
    pub(crate) now: u64,
    /// A target that accepts no new connection.
    pub(crate) refuses: Option<SocketAddr>,
    /// Nobody checks the targets: their health is what the test says.
    checking: Option<Checking>,
    ticks: u64,
    backs: Vec<(WireId, SocketAddr)>,
}

/// What became of a request.
pub(crate) struct Outcome {
    /// The target that got it, and the head that it got.
    pub(crate) target: Option<SocketAddr>,
    pub(crate) forwarded: String,
    pub(crate) response: String,
    pub(crate) front: WireId,
    pub(crate) back: Option<WireId>,
    /// The line of the access log.
    pub(crate) line: String,
}

impl World {
    pub(crate) fn new(config: Config) -> World {
        World::with_secret(config, Some(Secret::new([1; 32])), 1)
    }

    pub(crate) fn with_secret(config: Config, secret: Option<Secret>, seed: u64) -> World {
        let mut options = Options::default();
        options.cookie_secret = secret;
        World::with_options(Arc::new(config), options, seed)
    }

    pub(crate) fn in_zone(config: Arc<Config>, zone: &str) -> World {
        let mut options = Options::default();
        options.cookie_secret = Some(Secret::new([1; 32]));
        options.zone = Some(zone.to_owned());
        World::with_options(config, options, 1)
    }

    fn with_options(config: Arc<Config>, mut options: Options, seed: u64) -> World {
        options.access_log = true;
        let checking = Checking::take(&config.state);
        let shard = Shard::new(Arc::clone(&config), options, seed);
        World { shard, config, now: START, refuses: None, checking, ticks: 0, backs: Vec::new() }
    }

    pub(crate) fn reconfigure(&mut self, config: Config) {
        self.config = Arc::new(config);
        self.checking = Checking::take(&self.config.state);
        let now = self.time();
        let mut turn = self.shard.turn(now);
        let _ = turn.reconfigured(Arc::clone(&self.config));
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
    }

    /// Another moment of the same second; wall and monotonic clock go together.
    fn time(&mut self) -> Now {
        self.ticks += 1;
        let micros = self.now * 1_000_000 + self.ticks % 900_000;
        Now { mono: Mono::from_nanos(self.now * 1_000_000_000 + self.ticks * 1000), wall: Wall::from_micros(micros) }
    }

    pub(crate) fn set_healthy(&self, group: usize, target: usize, healthy: bool) {
        let group = &self.config.groups[group];
        let unhealthy = Health { status: Status::Unhealthy(Failure::Timeout), streak: 0 };
        group.targets[target - 1].state.set_health(if healthy { Health::HEALTHY } else { unhealthy });
        group.state.changed();
    }

    /// `GET /` with these further fields to the listener on port 80, answered by the target with a plain 200.
    pub(crate) fn get(&mut self, fields: &str) -> Outcome {
        self.ask(80, fields, OK)
    }

    /// The same with some cookies.
    pub(crate) fn get_with(&mut self, cookies: &str) -> Outcome {
        self.get(&format!("Cookie: {cookies}\r\n"))
    }

    pub(crate) fn ask(&mut self, port: u16, fields: &str, answer: &str) -> Outcome {
        self.send(port, &format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"), answer)
    }

    /// A request on a connection of its own; the target's answer, unless the balancer answers itself.
    pub(crate) fn send(&mut self, port: u16, request: &str, answer: &str) -> Outcome {
        let now = self.time();
        let ends = ends(port);
        let mut turn = self.shard.turn(now);
        let front = turn.accepted(ListenerId(port), ends).expect("room for a connection");
        let mut rest = request.as_bytes();
        while !rest.is_empty() {
            let taken = turn.wire(front).expect("the client").offer(rest);
            assert!(taken > 0, "the request is taken");
            rest = &rest[taken..];
        }
        while let Some(effect) = turn.next_effect() {
            if let Effect::Dial { wire, address } = effect {
                self.backs.push((wire, address));
                let refused = self.refuses == Some(address);
                turn.dialed(wire, if refused { Err(DialError::Refused) } else { Ok(ends) });
            }
        }
        let mut asked = None;
        for &(wire, address) in &self.backs {
            if let Some(mut back) = turn.wire(wire)
                && !back.pending().is_empty()
            {
                let forwarded = String::from_utf8_lossy(back.pending()).into_owned();
                back.sent(forwarded.len());
                assert_eq!(back.offer(answer.as_bytes()), answer.len());
                asked = Some((wire, address, forwarded));
            }
        }
        let mut response = String::new();
        let mut wire = turn.wire(front).expect("the client");
        loop {
            let pending = wire.pending().len();
            if pending == 0 {
                break;
            }
            response.push_str(&String::from_utf8_lossy(wire.pending()));
            wire.sent(pending);
        }
        let mut journal = turn.journal(Log::Access);
        let line = String::from_utf8_lossy(journal.pending()).into_owned();
        let written = line.len();
        journal.sent(written);
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        let (back, target, forwarded) = match asked {
            Some((wire, address, forwarded)) => (Some(wire), Some(address), forwarded),
            None => (None, None, String::new()),
        };
        Outcome { target, forwarded, response, front, back, line }
    }

    /// Bytes from the client to the target of a connection that was upgraded, and back; what came out at both ends.
    pub(crate) fn through(&mut self, tunnel: &Outcome, there: &str, back: &str) -> (String, String) {
        let now = self.time();
        let mut turn = self.shard.turn(now);
        let ends = [tunnel.front, tunnel.back.expect("a target")];
        let mut carry = |from: WireId, to: WireId, bytes: &str| {
            assert_eq!(turn.wire(from).expect("one end").offer(bytes.as_bytes()), bytes.len());
            let mut to = turn.wire(to).expect("the other end");
            let came = String::from_utf8_lossy(to.pending()).into_owned();
            to.sent(came.len());
            came
        };
        let came = (carry(ends[0], ends[1], there), carry(ends[1], ends[0], back));
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        came
    }

    /// How often round robin has chosen in that group.
    pub(crate) fn cursor(&self, group: usize) -> u64 {
        self.config.groups[group].state.cursor.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(crate) fn not_sticky(&self) -> u64 {
        self.shard.metrics().non_sticky_request_count
    }
}

impl Outcome {
    /// The head's lines after the status line.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let head = self.response.split("\r\n\r\n").next().unwrap_or_default();
        head.split("\r\n").skip(1).collect()
    }

    /// The `Set-Cookie` lines' values.
    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        self.lines().into_iter().filter_map(|line| line.strip_prefix("Set-Cookie: ")).collect()
    }

    /// The value that a cookie of that name was set to.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let of = |set: &&str| set.split_once('=').is_some_and(|(named, _)| named == name);
        let set = self.set_cookies().into_iter().find(of)?;
        set.split_once('=')?.1.split(';').next()
    }

    /// As a client sends it back.
    pub(crate) fn pair(&self, name: &str) -> String {
        format!("{name}={}", self.cookie(name).expect("the cookie is set"))
    }

    pub(crate) fn last(&self) -> u8 {
        match self.target.expect("a target got it").ip() {
            std::net::IpAddr::V4(ip) => ip.octets()[3],
            std::net::IpAddr::V6(_) => 0,
        }
    }

    pub(crate) fn group(&self) -> u8 {
        match self.target.expect("a target got it").ip() {
            std::net::IpAddr::V4(ip) => ip.octets()[2],
            std::net::IpAddr::V6(_) => 0,
        }
    }
}

pub(crate) fn ends(port: u16) -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: SocketAddr::from(([127, 0, 0, 1], port)) }
}

pub(crate) fn algorithm(config: &mut Config, algorithm: Algorithm) {
    config.groups[0].attributes.algorithm = algorithm;
}
