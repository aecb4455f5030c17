//! What checks of a thousand targets cost the requests of the thread that makes them. Each program's bench `checks` takes this
//! file in as a module and says which program is meant.
//!
//! One shard serves a steady load and checks 1,000 targets in 20 groups, each every five seconds; beside it runs the same
//! without checks. Both are measured in turn, from fresh starts, and compared within each repetition:
//!
//! - at the start, when all targets are due at once,
//! - while checks are spread over the interval,
//! - after each of some reloads that replace the targets of all groups but the one that serves the load, so that 950 are due at
//!   once. Without checks the reloads are the same.
//!
//! Everything runs on one machine, so what answers the checks takes processor time from the load too: what is measured is
//! more than what the checks cost the program. Figures are printed; what is asserted is only that no request waits for
//! a round of checks.

#![allow(clippy::print_stdout, reason = "a bench prints what it has measured")]

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::PROGRAM;
use sluicegate_host::test_support::{Running, Scratch, ask, connect, free_port};

const GROUPS: usize = 20;
const TARGETS_PER_GROUP: usize = 50;

const CLIENTS: u32 = 4;
/// Each client asks so often: 1,000 requests a second in all.
const PACE: Duration = Duration::from_millis(4);

const REPETITIONS: usize = 3;
/// A whole interval of checks and more.
const STEADY: Duration = Duration::from_secs(6);
const RELOADS: u32 = 5;
/// How long after a start or a reload requests count as its own: checks that are all due are over by then.
const BURST: Duration = Duration::from_millis(300);
/// From one reload to the next.
const BETWEEN_RELOADS: Duration = Duration::from_millis(600);

/// In milliseconds: so much more with checks is no noise of a busy machine, but a request that waits for a round of checks.
const GENEROUS: f64 = 20.0;

/// When a request was to be sent, and how long its answer took from then on.
type Sample = (Instant, Duration);

/// Measures and prints.
pub(crate) fn main() {
    // Another program than the one that was built just now may be named, such as one with other settings.
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let program = named.unwrap_or_else(|| PROGRAM.to_owned());
    let targets = Targets::start();
    println!("{program}: 99th percentiles in milliseconds with checks, without, and the difference");
    let mut differences: [Vec<f64>; 3] = Default::default();
    for repetition in 0..REPETITIONS {
        // Who goes first takes turns.
        let first = measure(&program, &targets, repetition % 2 == 0);
        let second = measure(&program, &targets, repetition % 2 != 0);
        let (with, without) = if repetition % 2 == 0 { (first, second) } else { (second, first) };
        print!("{:2}", repetition + 1);
        for (number, name) in ["start", "spread", "reloads"].into_iter().enumerate() {
            let (with, without) = (with.p99[number], without.p99[number]);
            print!("   {name} {with:.3} {without:.3} {:+.3}", with - without);
            differences[number].push(with - without);
        }
        println!("   {}", with.checks);
        assert_eq!(without.checks.total, 0);
    }
    let [start, spread, reloads] = differences.map(median);
    println!("median of the differences: start {start:+.3}   spread {spread:+.3}   reloads {reloads:+.3}");
    for more in [start, spread, reloads] {
        assert!(more < GENEROUS, "requests wait {more} ms longer with checks");
    }
}

/// What one run of the program has shown.
struct Run {
    /// At the start, while checks are spread, and after reloads.
    p99: [f64; 3],
    checks: Checks,
}

/// How many checks arrived.
#[derive(Default)]
struct Checks {
    total: usize,
    start: usize,
    a_second: usize,
    /// Within the time that counts as a reload's own, in the reload that had the fewest.
    reload: usize,
}

impl std::fmt::Display for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Checks { start, a_second, reload, .. } = self;
        write!(f, "checks: {start} at the start, {a_second} a second, {reload} or more by reload")
    }
}

fn measure(program: &str, targets: &Targets, with_checks: bool) -> Run {
    let port = free_port();
    let file = Scratch::new(&format!("checks-{port}.yaml"), &targets.template(port, 1));
    let mut arguments = vec!["run", file.path(), "--shards", "1"];
    arguments.extend((!with_checks).then_some("--no-health-checks"));
    let before = targets.checks();
    let started = Instant::now();
    let mut running = Running::start(program, &arguments, 1);
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS).map(|number| client(running.addresses[0], number, &stop)).collect();
    thread::sleep(BURST);
    let at_start = targets.checks() - before;

    let spread = Instant::now();
    let spread_before = targets.checks();
    thread::sleep(STEADY);
    let spread_over = Instant::now();
    let a_second = (targets.checks() - spread_before) as f64 / spread.elapsed().as_secs_f64();

    let mut reloads = Vec::new();
    let mut fewest = usize::MAX;
    for number in 0..RELOADS {
        std::fs::write(&file.0, targets.template(port, 2 + number % 2)).expect("written");
        let before = targets.checks();
        reloads.push(Instant::now());
        running.signal("HUP");
        running.read_addresses(1);
        thread::sleep(BURST);
        fewest = fewest.min(targets.checks() - before);
        thread::sleep(BETWEEN_RELOADS - BURST);
    }
    stop.store(true, Ordering::Relaxed);
    let samples: Vec<Sample> = clients.into_iter().flat_map(|client| client.join().expect("a client")).collect();
    let p99 = |counts: &dyn Fn(Instant) -> bool| {
        percentile_99(samples.iter().filter(|(at, _)| counts(*at)).map(|(_, took)| *took).collect())
    };
    let is_of = |begun: Instant, at: Instant| at >= begun && at < begun + BURST;
    Run {
        p99: [
            p99(&|at| at >= started && at < spread),
            p99(&|at| at >= spread && at < spread_over),
            p99(&|at| reloads.iter().any(|&reload| is_of(reload, at))),
        ],
        checks: Checks {
            total: targets.checks() - before,
            start: at_start,
            a_second: a_second.round() as usize,
            reload: fewest,
        },
    }
}

/// Asks at its pace until it is told to stop. A request that is late because the one before it took long counts from when it
/// was due.
fn client(address: SocketAddr, number: u32, stop: &Arc<AtomicBool>) -> JoinHandle<Vec<Sample>> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut samples = Vec::new();
        let mut connection = connect(address);
        let mut due = Instant::now() + PACE * number / CLIENTS;
        while !stop.load(Ordering::Relaxed) {
            let wait = due.saturating_duration_since(Instant::now());
            let begun = if wait.is_zero() {
                due
            } else {
                thread::sleep(wait);
                Instant::now()
            };
            let (head, _) = ask(&mut connection, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
            samples.push((begun, begun.elapsed()));
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            if head.contains("Connection: close") {
                connection = connect(address);
            }
            due += PACE;
        }
        samples
    })
}

/// In milliseconds.
fn percentile_99(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let at = times.len() * 99 / 100;
    times.get(at).expect("requests were answered").as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A thousand loopback addresses. One socket serves the requests of all; the checks of each group have a port of their own and
/// a thread that answers them one after the other.
struct Targets {
    port: u16,
    check_ports: Vec<u16>,
    checks: Arc<AtomicUsize>,
}

impl Targets {
    fn start() -> Targets {
        let checks = Arc::new(AtomicUsize::new(0));
        let check_ports = (0..GROUPS).map(|_| answer_checks(Arc::clone(&checks))).collect();
        Targets { port: answer_requests(), check_ports, checks }
    }

    /// How many have arrived.
    fn checks(&self) -> usize {
        self.checks.load(Ordering::Relaxed)
    }

    /// A template with all groups; another `edition` has other targets in all of them but the first, which the listener forwards
    /// to by default.
    fn template(&self, port: u16, edition: u32) -> String {
        let mut text = format!(
            "Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {{ Type: application, Subnets: [subnet-1, subnet-2] }}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: {port}
      Protocol: HTTP
      DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group0 }}]
"
        );
        for (group, check_port) in self.check_ports.iter().enumerate() {
            text += &self.group(group, *check_port, if group == 0 { 0 } else { edition });
            if group > 0 {
                text += &rule(group);
            }
        }
        text
    }

    fn group(&self, group: usize, check_port: u16, edition: u32) -> String {
        let target = |number| format!("{{ Id: 127.{}.{group}.{}, Port: {} }}", edition + 1, number + 1, self.port);
        let targets: Vec<String> = (0..TARGETS_PER_GROUP).map(target).collect();
        format!(
            "  Group{group}:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Protocol: HTTP
      Port: 80
      VpcId: vpc-1
      TargetType: ip
      HealthCheckPort: {check_port}
      HealthCheckIntervalSeconds: 5
      HealthCheckTimeoutSeconds: 2
      TargetGroupAttributes: [{{ Key: deregistration_delay.timeout_seconds, Value: 0 }}]
      Targets: [{}]
",
            targets.join(", ")
        )
    }
}

/// A rule that brings a group into use.
fn rule(group: usize) -> String {
    format!(
        "  Rule{group}:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: {group}
      Conditions: [{{ Field: path-pattern, Values: [/group-{group}] }}]
      Actions: [{{ Type: forward, TargetGroupArn: !Ref Group{group} }}]
"
    )
}

/// Serves every loopback address on one port.
fn every_address() -> (TcpListener, u16) {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    (listener, port)
}

fn answer_checks(checks: Arc<AtomicUsize>) -> u16 {
    let (listener, port) = every_address();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            checks.fetch_add(1, Ordering::Relaxed);
            let _ = answer_one(&mut BufReader::new(stream), "Connection: close\r\n");
        }
    });
    port
}

/// A thread for each connection; there are as many as targets that serve the load, and some more.
fn answer_requests() -> u16 {
    let (listener, port) = every_address();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                while answer_one(&mut stream, "").is_ok_and(|answered| answered) {}
            });
        }
    });
    port
}

/// Whether there was a request to answer.
fn answer_one(stream: &mut BufReader<TcpStream>, field: &str) -> Result<bool> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Ok(false);
        }
    }
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{field}\r\nok");
    stream.get_mut().write_all(answer.as_bytes())?;
    Ok(true)
}
