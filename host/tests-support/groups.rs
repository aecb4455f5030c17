//! What both programs have to do with a group of targets while several threads serve: choose among them as one, check them
//! once for all, and keep to the healthy ones, over real sockets. Each program's tests take this file in as a module, as they
//! do with `program.rs`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{PROGRAM, skip};
use sluicegate_host::test_support::{Running, Scratch, ask, connect, free_port};

/// How long a test waits for something that has to come; checks come every five seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many connections are spread over so many shards that each shard has one, all but certainly.
const CLIENTS: usize = 32;
const SHARDS: &str = "4";

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const SLOW: &str = "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Targets that answer with their number. What they answer checks with can be changed; `/slow` waits until it is let go.
struct Fleet {
    targets: Vec<Arc<Answers>>,
    addresses: Vec<SocketAddr>,
    events: Receiver<Event>,
    /// When each target was checked.
    checks: BTreeMap<usize, Vec<Instant>>,
}

/// How one target answers.
struct Answers {
    number: usize,
    health: AtomicU16,
    is_let_go: Mutex<bool>,
    let_go: Condvar,
}

/// What a target is asked for.
#[derive(Clone, Copy, PartialEq)]
enum Event {
    Check(usize, Instant),
    Slow(usize),
}

impl Fleet {
    /// So many targets, which answer checks with that status.
    fn start(number: usize, health: u16) -> Fleet {
        let (tell, events) = channel();
        let answers = |number| Answers {
            number,
            health: AtomicU16::new(health),
            is_let_go: Mutex::new(false),
            let_go: Condvar::new(),
        };
        let targets: Vec<_> = (0..number).map(answers).map(Arc::new).collect();
        let addresses = targets.iter().map(|target| target.listen(&tell)).collect();
        Fleet { targets, addresses, events, checks: BTreeMap::new() }
    }

    fn set_health(&self, target: usize, status: u16) {
        self.targets[target].health.store(status, Ordering::SeqCst);
    }

    fn let_go(&self, target: usize) {
        *self.targets[target].is_let_go.lock().expect("nobody panics with it") = true;
        self.targets[target].let_go.notify_all();
    }

    /// The next event, if one comes until then.
    fn event(&mut self, until: Instant) -> Option<Event> {
        let event = match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => panic!("the targets are gone"),
        };
        if let Event::Check(target, at) = event {
            self.checks.entry(target).or_default().push(at);
        }
        Some(event)
    }

    /// How often a target was checked up to now.
    fn checks(&mut self, target: usize) -> usize {
        while self.event(Instant::now()).is_some() {}
        self.checks.get(&target).map_or(0, Vec::len)
    }

    /// Waits until a target was checked so often.
    fn wait_for_checks(&mut self, target: usize, number: usize) {
        let until = Instant::now() + PATIENCE;
        while self.checks(target) < number {
            assert!(self.event(until).is_some(), "target {target} has been checked {} times only", self.checks(target));
        }
    }

    /// Waits until somebody holds a slow request: who.
    fn wait_for_slow(&mut self) -> usize {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Event::Slow(target) = self.event(until).expect("a slow request") {
                return target;
            }
        }
    }

    /// A template with one listener that forwards to a group of these targets, which has these properties too.
    fn template(&self, port: u16, properties: &str) -> String {
        let targets: String =
            self.addresses.iter().map(|at| format!("{{ Id: {}, Port: {} }}, ", at.ip(), at.port())).collect();
        format!(
            "Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {{ Type: application, Subnets: [subnet-1, subnet-2] }}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      {{ Protocol: HTTP, Port: 80, VpcId: vpc-1, TargetType: ip, Targets: [{targets}], HealthCheckPath: /health, {properties} }}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: {port}
      Protocol: HTTP
      DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}]
"
        )
    }

    /// The program, with several shards, in front of these targets.
    fn serve(&self, properties: &str) -> Served {
        let port = free_port();
        let file = Scratch::new(&format!("group-{port}.yaml"), &self.template(port, properties));
        let running = Running::start(PROGRAM, &["run", file.path(), "--shards", SHARDS], 1);
        Served { running, _file: file }
    }
}

impl Answers {
    /// Listens, and tells what it is asked for; a thread for each connection.
    fn listen(self: &Arc<Answers>, tell: &Sender<Event>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let (answers, tell) = (Arc::clone(self), tell.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, tell) = (Arc::clone(&answers), tell.clone());
                thread::spawn(move || answers.serve(stream, &tell));
            }
        });
        address
    }

    fn serve(&self, stream: TcpStream, tell: &Sender<Event>) -> Result<()> {
        let mut input = BufReader::new(stream);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if input.read_line(&mut head)? == 0 {
                    return Ok(());
                }
            }
            let status = match head.split(' ').nth(1) {
                Some("/health") => {
                    let status = self.health.load(Ordering::SeqCst);
                    let _ = tell.send(Event::Check(self.number, Instant::now()));
                    status
                }
                Some("/slow") => {
                    let _ = tell.send(Event::Slow(self.number));
                    self.wait();
                    200
                }
                _ => 200,
            };
            let body = self.number.to_string();
            let answer = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            input.get_mut().write_all(answer.as_bytes())?;
        }
    }

    fn wait(&self) {
        let let_go = self.is_let_go.lock().expect("nobody panics with it");
        let _ = self.let_go.wait_timeout_while(let_go, PATIENCE, |let_go| !*let_go);
    }
}

/// A program that serves a group.
struct Served {
    running: Running,
    _file: Scratch,
}

impl Served {
    fn connect(&self) -> BufReader<TcpStream> {
        connect(self.running.addresses[0])
    }

    /// How the targets are, as it tells it on SIGUSR1, once it says so of so many of them.
    fn described(&mut self, text: &str, times: usize) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            self.running.signal("USR1");
            let line = self.running.line();
            if line.matches(text).count() == times {
                return line;
            }
            assert!(Instant::now() < until, "it does not say {times} times {text}: {line}");
        }
    }
}

/// Clients on connections that stay, which all shards have some of.
struct Clients(Vec<BufReader<TcpStream>>);

impl Clients {
    fn new(served: &Served) -> Clients {
        Clients((0..CLIENTS).map(|_| served.connect()).collect())
    }

    /// Who answers, asked once on each connection, one after the other: how often each.
    fn ask(&mut self) -> BTreeMap<usize, usize> {
        let answers = self.0.iter_mut().map(|connection| target_of(ask(connection, GET)));
        answers.fold(BTreeMap::new(), |mut counts, target| {
            *counts.entry(target).or_default() += 1;
            counts
        })
    }
}

/// Which target it was that answered.
fn target_of((head, body): (String, String)) -> usize {
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.parse().expect("a target's number")
}

#[test]
fn round_robin_is_even_over_all_connections_of_all_shards() {
    if skip() {
        return;
    }
    let fleet = Fleet::start(4, 200);
    let mut served = fleet.serve("");
    served.described("\"State\":\"healthy\"", 4);
    // No multiple of the number of targets, neither of one connection's requests nor of all.
    let numbers: Vec<usize> = (0..CLIENTS).map(|number| 10 + number % 3).collect();
    let clients: Vec<JoinHandle<Vec<usize>>> = numbers
        .iter()
        .map(|&number| {
            let mut connection = served.connect();
            thread::spawn(move || (0..number).map(|_| target_of(ask(&mut connection, GET))).collect())
        })
        .collect();
    let mut counts = [0; 4];
    for client in clients {
        client.join().expect("a client").into_iter().for_each(|target| counts[target] += 1);
    }
    let (fewest, most) = (counts.iter().min().expect("four"), counts.iter().max().expect("four"));
    assert_eq!(counts.iter().sum::<usize>(), numbers.iter().sum::<usize>());
    assert!(most - fewest <= 1, "{counts:?}");
}

#[test]
fn a_target_that_holds_a_request_gets_no_other_while_others_have_none() {
    if skip() {
        return;
    }
    let mut fleet = Fleet::start(4, 200);
    let algorithm = "{ Key: load_balancing.algorithm.type, Value: least_outstanding_requests }";
    let mut served = fleet.serve(&format!("TargetGroupAttributes: [{algorithm}]"));
    served.described("\"State\":\"healthy\"", 4);
    let mut slow = served.connect();
    let slow = thread::spawn(move || target_of(ask(&mut slow, SLOW)));
    let busy = fleet.wait_for_slow();

    let mut clients = Clients::new(&served);
    for _ in 0..3 {
        let counts = clients.ask();
        assert!(!counts.contains_key(&busy) && counts.len() == 3, "target {busy} is busy: {counts:?}");
    }
    fleet.let_go(busy);
    assert_eq!(slow.join().expect("an answer"), busy);
    let counts = clients.ask();
    assert_eq!(counts.len(), 4, "target {busy} is free again: {counts:?}");
}

/// Two targets fail their first check, so both get requests. Then one of them answers as it should; the other one goes on
/// failing until it is told to be unhealthy, and comes back. That is the shortest way through all states.
#[test]
fn a_target_that_fails_its_checks_gets_no_requests_from_any_shard_until_it_passes_them_again() {
    if skip() {
        return;
    }
    const WELL: usize = 0;
    const SICK: usize = 1;
    let mut fleet = Fleet::start(2, 503);
    let mut served = fleet.serve(
        "HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 2, HealthyThresholdCount: 2, UnhealthyThresholdCount: 2",
    );
    let mut clients = Clients::new(&served);
    fleet.wait_for_checks(WELL, 1);
    fleet.wait_for_checks(SICK, 1);
    let both = BTreeMap::from([(WELL, CLIENTS / 2), (SICK, CLIENTS / 2)]);
    assert_eq!(clients.ask(), both, "nobody is known to be healthy yet");

    fleet.set_health(WELL, 200);
    let port = fleet.addresses[SICK].port();
    let of_the_sick_one = format!(
        "{{\"Target\":{{\"Id\":\"127.0.0.1\",\"Port\":{port}}},\"HealthCheckPort\":\"{port}\",\"TargetHealth\":"
    );
    fleet.wait_for_checks(WELL, 2);
    fleet.wait_for_checks(SICK, 2);
    let told = "{\"State\":\"unhealthy\",\"Reason\":\"Target.ResponseCodeMismatch\",\
         \"Description\":\"Health checks failed with these codes: [503]\"}";
    served.described(&format!("{of_the_sick_one}{told}"), 1);
    served.described("\"State\":\"healthy\"", 1);
    for _ in 0..3 {
        assert_eq!(clients.ask(), BTreeMap::from([(WELL, CLIENTS)]));
    }

    fleet.set_health(SICK, 200);
    fleet.wait_for_checks(SICK, 4);
    served.described(&format!("{of_the_sick_one}{{\"State\":\"healthy\"}}"), 1);
    assert_eq!(clients.ask(), both);

    // As many checks as the thresholds say, and no more: the shards check as one.
    assert_eq!(fleet.checks(SICK), 4);
    let times = &fleet.checks[&SICK];
    // The second one comes after half an interval at least, the others after a whole one each. It may have begun late.
    let between = times[3].duration_since(times[0]);
    assert!(between > Duration::from_secs(11), "{between:?}");
}
