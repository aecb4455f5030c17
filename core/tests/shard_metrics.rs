//! What a shard counts: of requests that do not comply and of header fields with invalid names (guide DSY-06, MET-10,
//! MET-11), whatever the mode and the attribute say (guide LB-23); of requests, rules, answers, connection errors and
//! response times for each target group and zone (MET-18 to MET-25); and what anomaly detection is told (ATW-01).

use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{Config, DesyncMitigationMode, HealthCheck};
use sluicegate::observe::GroupMetrics;
use sluicegate::rules::{Action, Condition, FixedResponse, Rule, Ruleset};
use sluicegate::shard::{DialError, Effect, Endpoints, ListenerId, Log, Options, Shard, WireId};
use sluicegate::target::{Health, MinimumHealthy};
use sluicegate::time::{Mono, Now, Wall};

const COMPLIANT: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ACCEPTABLE: &str = "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n";
const AMBIGUOUS: &str = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
const SEVERE: &str = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n";
const UNDERSCORE: &str = "GET / HTTP/1.1\r\nHost: a\r\nX_Y: z\r\n\r\n";
const NO_TOKEN: &str = "GET / HTTP/1.1\r\nHost: a\r\nX(Y: z\r\n\r\n";

fn shard(mode: DesyncMitigationMode, drop_invalid: bool) -> Shard {
    let mut config = Config::forwarding(80, &["127.0.0.1:9001".parse().unwrap()]);
    for balancer in &mut config.load_balancers {
        balancer.attributes.desync_mitigation_mode = mode;
        balancer.attributes.drop_invalid_header_fields = drop_invalid;
    }
    Shard::new(Arc::new(config), Options::default(), 1)
}

/// The counters of heads, after each of these requests came on a connection of its own: those that do not comply, and those with
/// an invalid name that was dropped, or forwarded.
fn counted(mode: DesyncMitigationMode, drop_invalid: bool, requests: &[&str]) -> [u64; 3] {
    let mut shard = shard(mode, drop_invalid);
    let now = Now { mono: Mono::from_nanos(0), wall: Wall::from_micros(0) };
    let ends = Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() };
    for request in requests {
        let mut turn = shard.turn(now);
        let client = turn.accepted(ListenerId(80), ends).unwrap();
        turn.wire(client).unwrap().offer(request.as_bytes());
        let _ = turn.finish();
    }
    let metrics = shard.metrics();
    [
        metrics.desync_mitigation_mode_non_compliant_request_count,
        metrics.dropped_invalid_header_request_count,
        metrics.forwarded_invalid_header_request_count,
    ]
}

#[test]
fn requests_that_do_not_comply_are_counted_in_every_mode_routed_or_not() {
    for mode in DesyncMitigationMode::ALL {
        let [counted, ..] = counted(mode, false, &[COMPLIANT, ACCEPTABLE, AMBIGUOUS, SEVERE, COMPLIANT, UNDERSCORE]);
        assert_eq!(counted, 3, "{mode}");
    }
}

#[test]
fn requests_with_invalid_names_are_counted_as_forwarded_or_as_dropped() {
    let mode = DesyncMitigationMode::Defensive;
    let both = [COMPLIANT, UNDERSCORE, UNDERSCORE];
    assert_eq!(counted(mode, false, &both), [0, 0, 2]);
    assert_eq!(counted(mode, true, &both), [0, 2, 0]);
}

#[test]
fn a_name_that_is_no_token_is_dropped_and_counted_so_whatever_the_attribute_says() {
    for drop_invalid in [false, true] {
        assert_eq!(counted(DesyncMitigationMode::Defensive, drop_invalid, &[NO_TOKEN]), [1, 1, 0]);
    }
}

#[test]
fn refused_requests_count_for_their_class_and_not_for_their_names() {
    let refused = "GET / HTTP/1.1\r\nHost: a\r\nX_Y: z\r\nContent-Length: x\r\n\r\n";
    assert_eq!(counted(DesyncMitigationMode::Defensive, false, &[refused]), [1, 0, 0]);
}

#[test]
fn the_mode_and_the_attribute_do_not_depend_on_each_other() {
    for mode in DesyncMitigationMode::ALL {
        assert_eq!(counted(mode, true, &[UNDERSCORE, SEVERE]), [1, 1, 0], "{mode}");
        assert_eq!(counted(mode, false, &[UNDERSCORE, SEVERE]), [1, 0, 1], "{mode}");
    }
}

/// A shard between clients and targets whose behaviour is told beforehand.
struct Scene {
    config: Arc<Config>,
    shard: Shard,
    millis: u64,
}

/// What becomes of a request once it was sent to its target.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// The target answers with this after so many milliseconds, then closes.
    Answers(&'static str, u64),
    /// The dial fails.
    Unconnected(DialError),
    /// The dial is never answered.
    NeverConnected,
    /// The connection breaks after the target sent this.
    Breaks(&'static str),
    /// The target sends this, and nothing more.
    Stalls(&'static str),
    /// The client closes after the target sent this.
    ClientLeaves(&'static str),
    /// The client closes while the target is dialed.
    ClientLeavesEarly,
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const SHORT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

/// Targets in these zones, on 127.0.0.1 from port 9001.
fn zoned(zones: &[Option<&str>]) -> Config {
    let addresses: Vec<_> = (9001..).zip(zones).map(|(port, _)| ([127, 0, 0, 1], port).into()).collect();
    let mut config = Config::forwarding(80, &addresses);
    for (target, zone) in config.groups[0].targets.iter_mut().zip(zones) {
        target.zone = zone.map(str::to_owned);
    }
    config
}

impl Scene {
    fn new(config: Config, options: Options) -> Scene {
        let config = Arc::new(config);
        Scene { shard: Shard::new(Arc::clone(&config), options, 1), config, millis: 0 }
    }

    fn one_target() -> Scene {
        Scene::new(zoned(&[None]), Options::default())
    }

    fn now(&self) -> Now {
        Now { mono: Mono::from_nanos(self.millis * 1_000_000), wall: Wall::from_micros(self.millis * 1000) }
    }

    /// A request on a new connection: the client, and the target's connection if one is dialed.
    fn ask(&mut self, request: &str) -> (WireId, Option<WireId>) {
        let mut turn = self.shard.turn(self.now());
        let client = turn.accepted(ListenerId(80), ends()).unwrap();
        turn.wire(client).unwrap().offer(request.as_bytes());
        let mut dialed = None;
        while let Some(effect) = turn.next_effect() {
            if let Effect::Dial { wire, .. } = effect {
                dialed = Some(wire);
            }
        }
        let _ = turn.finish();
        (client, dialed)
    }

    fn say(&mut self, target: WireId, bytes: &str) {
        let mut turn = self.shard.turn(self.now());
        if turn.wire(target).is_some_and(|wire| wire.fate() == sluicegate::shard::Fate::Open) {
            let mut wire = turn.wire(target).unwrap();
            let sent = wire.pending().len();
            wire.sent(sent);
            wire.offer(bytes.as_bytes());
        }
        let _ = turn.finish();
    }

    fn connect(&mut self, target: WireId) {
        let mut turn = self.shard.turn(self.now());
        turn.dialed(target, Ok(ends()));
        let _ = turn.finish();
    }

    fn lose(&mut self, wire: WireId) {
        let mut turn = self.shard.turn(self.now());
        if let Some(mut wire) = turn.wire(wire) {
            wire.lost();
        }
        let _ = turn.finish();
    }

    /// Lets time pass until nothing is due any more, while the client reads all that it gets.
    fn settle(&mut self, client: WireId) {
        for _ in 0..100 {
            let mut turn = self.shard.turn(self.now());
            if let Some(mut wire) = turn.wire(client) {
                let sent = wire.pending().len();
                if sent > 0 {
                    wire.sent(sent);
                }
            }
            while turn.next_effect().is_some() {}
            let due = turn.finish();
            let Some(due) = due else { return };
            self.millis = self.millis.max(due.nanos().div_ceil(1_000_000));
        }
    }

    /// A request with that fate, to its end.
    fn exchange(&mut self, request: &str, fate: Fate) {
        let (client, target) = self.ask(request);
        let target = target.expect("a target is dialed");
        match fate {
            Fate::NeverConnected => {}
            Fate::Unconnected(error) => {
                let mut turn = self.shard.turn(self.now());
                turn.dialed(target, Err(error));
                let _ = turn.finish();
            }
            Fate::ClientLeavesEarly => self.lose(client),
            Fate::Answers(answer, millis) => {
                // Connecting takes its time too.
                self.millis += 2;
                self.connect(target);
                self.millis += millis;
                self.say(target, answer);
                let mut turn = self.shard.turn(self.now());
                if let Some(mut wire) = turn.wire(client) {
                    let sent = wire.pending().len();
                    wire.sent(sent);
                }
                let _ = turn.finish();
                self.lose(target);
            }
            Fate::Breaks(answer) | Fate::Stalls(answer) | Fate::ClientLeaves(answer) => {
                self.connect(target);
                self.say(target, answer);
                match fate {
                    Fate::Breaks(_) => self.lose(target),
                    Fate::ClientLeaves(_) => self.lose(client),
                    _ => {}
                }
            }
        }
        self.settle(client);
        assert_eq!(self.shard.census().exchanges, 0, "{fate:?}");
    }

    /// The counters of the only column.
    fn counts(&self) -> &GroupMetrics {
        let mut all = self.shard.group_metrics();
        let (_, _, counts) = all.next().expect("a column");
        assert!(all.next().is_none());
        counts
    }

    fn count(&self, name: &str) -> u64 {
        let found = self.counts().iter().find(|(known, _)| *known == name);
        found.unwrap_or_else(|| panic!("{name}")).1
    }
}

#[test]
fn requests_count_once_a_target_was_chosen_and_not_before() {
    let mut scene = Scene::one_target();
    for fate in [Fate::Answers(OK, 1), Fate::Unconnected(DialError::Refused), Fate::ClientLeavesEarly] {
        scene.exchange(COMPLIANT, fate);
    }
    scene.ask(SEVERE);
    assert_eq!((scene.count("RequestCount"), scene.shard.metrics().request_count), (3, 3));

    let mut config = zoned(&[None]);
    let fixed = Action::FixedResponse(FixedResponse { status: 200, content_type: None, body: String::new() });
    config.listeners[0].rules = Ruleset::new(Vec::new(), fixed).unwrap();
    let mut scene = Scene::new(config, Options::default());
    scene.ask(COMPLIANT);
    assert_eq!((scene.count("RequestCount"), scene.shard.metrics().request_count), (0, 0));

    let mut scene = Scene::new(zoned(&[]), Options::default());
    scene.ask(COMPLIANT);
    assert_eq!((scene.shard.group_metrics().count(), scene.shard.metrics().request_count), (0, 0));
}

#[test]
fn rules_are_counted_up_to_and_with_the_one_that_matches() {
    let methods =
        |methods: &[&str]| vec![Condition::HttpRequestMethod(methods.iter().map(|&m| m.to_owned()).collect())];
    let fixed = || Action::FixedResponse(FixedResponse { status: 200, content_type: None, body: String::new() });
    let rule = |priority, method: &[&str]| Rule {
        name: String::new(),
        priority,
        conditions: methods(method),
        action: fixed(),
    };
    let mut config = zoned(&[None]);
    let rules = vec![rule(10, &["GET"]), rule(20, &["PUT", "POST"]), rule(30, &["DELETE"])];
    config.listeners[0].rules = Ruleset::new(rules, fixed()).unwrap();
    let mut scene = Scene::new(config, Options::default());
    for (method, more) in [("GET", 1), ("POST", 2), ("DELETE", 3), ("OPTIONS", 3), ("GET", 1)] {
        let before = scene.shard.metrics().rule_evaluations;
        scene.ask(&format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(scene.shard.metrics().rule_evaluations - before, more, "{method}");
    }
    scene.ask(SEVERE);
    assert_eq!(scene.shard.metrics().rule_evaluations, 10, "a refused request meets no rule");
}

#[test]
fn answers_of_targets_count_by_class_and_those_of_the_balancer_do_not() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n",
    ];
    let mut scene = Scene::one_target();
    for answer in answers {
        scene.exchange(COMPLIANT, Fate::Answers(answer, 1));
    }
    for fate in [Fate::Breaks(""), Fate::Stalls(""), Fate::Unconnected(DialError::Refused), Fate::ClientLeaves("")] {
        scene.exchange(COMPLIANT, fate);
    }
    assert_eq!(scene.counts().http_code_target_count, [2, 1, 1, 3]);
    assert_eq!(scene.count("HTTPCode_Target_5XX_Count"), 3);
}

#[test]
fn a_switch_of_protocols_is_a_request_of_no_class() {
    let mut scene = Scene::one_target();
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n";
    scene.exchange(UPGRADE, Fate::Answers(switch, 7));
    assert_eq!((scene.count("RequestCount"), scene.counts().http_code_target_count), (1, [0; 4]));
    assert_eq!(scene.counts().target_response_time.count(), 1);
}

#[test]
fn connections_that_do_not_come_about_are_counted_and_those_that_break_are_not() {
    let mut scene = Scene::one_target();
    let errors = [DialError::Refused, DialError::TimedOut, DialError::Unreachable, DialError::Local];
    for (number, error) in (1..).zip(errors) {
        scene.exchange(COMPLIANT, Fate::Unconnected(error));
        assert_eq!(scene.count("TargetConnectionErrorCount"), number, "{error:?}");
    }
    scene.exchange(COMPLIANT, Fate::NeverConnected);
    assert_eq!(scene.count("TargetConnectionErrorCount"), 5);
    for fate in [Fate::Breaks(""), Fate::Stalls(""), Fate::ClientLeavesEarly, Fate::Answers(OK, 1)] {
        scene.exchange(COMPLIANT, fate);
    }
    assert_eq!(scene.count("TargetConnectionErrorCount"), 5);
}

#[test]
fn the_response_time_is_the_target_processing_time_of_the_log() {
    let mut options = Options::default();
    options.access_log = true;
    let mut scene = Scene::new(zoned(&[None]), options);
    let mut logged = Duration::ZERO;
    for millis in [3, 250, 1, 40] {
        scene.exchange(COMPLIANT, Fate::Answers(OK, millis));
        let mut turn = scene.shard.turn(scene.now());
        let mut journal = turn.journal(Log::Access);
        let line = String::from_utf8(journal.pending().to_vec()).unwrap();
        journal.sent(line.len());
        let _ = turn.finish();
        logged += Duration::from_secs_f64(line.split(' ').nth(6).unwrap().parse().unwrap());
    }
    // No answer, no time.
    scene.exchange(COMPLIANT, Fate::Breaks(""));
    scene.exchange(COMPLIANT, Fate::Unconnected(DialError::Refused));
    let times = &scene.counts().target_response_time;
    assert_eq!((times.count(), times.sum()), (4, Duration::from_millis(294)));
    assert_eq!(times.sum(), logged);
    let p99 = times.percentile(99.0).unwrap().as_secs_f64();
    assert!((0.246..0.254).contains(&p99), "{p99}");
}

#[test]
fn requests_that_go_anywhere_because_too_few_are_healthy_are_counted() {
    let mut config = zoned(&[None, None]);
    config.groups[0].health_check = HealthCheck::default();
    config.groups[0].attributes.unhealthy_state_routing = MinimumHealthy { count: Some(2), percentage: None };
    let mut scene = Scene::new(config, Options::default());
    for (healthy, counted) in [(0, 1), (1, 2), (2, 2)] {
        let group = &scene.config.groups[0];
        group.targets.iter().take(healthy).for_each(|target| target.state.set_health(Health::HEALTHY));
        group.state.changed();
        scene.exchange(COMPLIANT, Fate::Answers(OK, 1));
        assert_eq!(scene.count("UnhealthyRoutingRequestCount"), counted, "{healthy} healthy");
    }
}

#[test]
fn each_zone_of_a_group_has_its_own_counters() {
    let mut scene = Scene::new(zoned(&[Some("a"), Some("b"), None, Some("a")]), Options::default());
    for _ in 0..8 {
        scene.exchange(COMPLIANT, Fate::Answers(OK, 1));
    }
    let arn = scene.config.groups[0].arn.as_str();
    let counts = |(group, zone, counts): (&str, Option<&str>, &GroupMetrics)| {
        assert_eq!(group, arn);
        (zone.map(str::to_owned), counts.request_count, counts.http_code_target_count[0])
    };
    let told: Vec<_> = scene.shard.group_metrics().map(counts).collect();
    assert_eq!(told, [(Some("a".to_owned()), 4, 4), (Some("b".to_owned()), 2, 2), (None, 2, 2)]);
}

#[test]
fn counters_survive_a_reload_also_those_of_a_request_in_progress() {
    let mut scene = Scene::new(zoned(&[Some("a")]), Options::default());
    scene.exchange(COMPLIANT, Fate::Answers(OK, 1));
    let (_, target) = scene.ask(COMPLIANT);
    scene.connect(target.unwrap());
    // The same group with other targets in other places, behind one that is new.
    let mut next = zoned(&[Some("b"), Some("a")]);
    let mut other = zoned(&[Some("a")]).groups.remove(0);
    other.arn.push('x');
    next.groups.push(other);
    let old = Arc::clone(&scene.config);
    let mut turn = scene.shard.turn(scene.now());
    turn.reconfigured(Arc::new(next.next(&old, Mono::default())));
    let _ = turn.finish();
    let (target, mut told) = (target.unwrap(), Vec::new());
    scene.say(target, OK);
    scene.lose(target);
    for (group, zone, counts) in scene.shard.group_metrics() {
        let own = group == old.groups[0].arn;
        told.push((own, zone.unwrap_or_default(), counts.request_count));
    }
    assert_eq!(told, [(true, "a", 2), (true, "b", 0), (false, "a", 0)]);
}

#[test]
fn anomaly_detection_is_told_once_of_each_request_that_a_target_had() {
    const ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const ABSENT: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (well, failed, nothing) = ((1, 0), (1, 1), (0, 0));
    let mut scene = Scene::one_target();
    for (fate, told) in [
        (Fate::Answers(OK, 1), well),
        (Fate::Answers(ABSENT, 1), well),
        (Fate::Answers(ERROR, 1), failed),
        (Fate::Unconnected(DialError::Refused), failed),
        (Fate::Unconnected(DialError::TimedOut), failed),
        (Fate::NeverConnected, failed),
        // A connection that breaks, or an answer that is none or not whole, is no success.
        (Fate::Breaks(""), failed),
        (Fate::Breaks(SHORT), failed),
        (Fate::Answers("SSH-2.0\r\n\r\n", 1), failed),
        (Fate::Stalls(""), failed),
        (Fate::Stalls(SHORT), failed),
        // Whose client left is judged by what it had said until then.
        (Fate::ClientLeavesEarly, nothing),
        (Fate::ClientLeaves(""), nothing),
        (Fate::ClientLeaves(SHORT), well),
        (Fate::ClientLeaves("HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nabc"), failed),
    ] {
        scene.exchange(COMPLIANT, fate);
        assert_eq!(scene.config.groups[0].targets[0].state.take_tally(), told, "{fate:?}");
    }
}

#[test]
fn a_target_that_had_to_go_has_not_failed() {
    let mut scene = Scene::one_target();
    let (client, target) = scene.ask(COMPLIANT);
    scene.connect(target.unwrap());
    scene.say(target.unwrap(), "");
    let old = Arc::clone(&scene.config);
    let mut next = zoned(&[]);
    next.groups[0].attributes.deregistration_delay = Duration::from_secs(5);
    let now = scene.now();
    let mut turn = scene.shard.turn(now);
    turn.reconfigured(Arc::new(next.next(&old, now.mono)));
    let _ = turn.finish();
    scene.settle(client);
    assert_eq!(scene.shard.census().exchanges, 0);
    assert_eq!(old.groups[0].targets[0].state.take_tally(), (0, 0));
}

#[test]
fn a_request_that_we_have_no_room_for_is_no_failure_of_its_target() {
    let mut options = Options::default();
    options.memory_max = 0;
    let mut scene = Scene::new(zoned(&[None]), options);
    let (_, target) = scene.ask(COMPLIANT);
    assert_eq!(target, None);
    assert_eq!(scene.config.groups[0].targets[0].state.take_tally(), (0, 0));
}
