//! What handshakes cost, and what they cost others. Each program's bench `handshakes` takes this file in as a module and says
//! which program is meant.
//!
//! One shard with a processor of its own, if there is more than one, serves an HTTP and an HTTPS listener:
//!
//! - Bystanders, a connection of each kind, send requests at a steady pace, while again and again 200 clients say hello at
//!   once and are proved an RSA key. How long the bystanders wait during these bursts is told beside how long they wait
//!   between them. Hellos are made before the burst, so that the clients' share of it is small.
//! - Clients that shake hands and go, some at a time: how many handshakes the program carries out in a second of its
//!   processor time, connecting and closing included.
//!
//! Figures are printed; what is asserted is only that no bystander waits for a burst.

#![allow(clippy::print_stdout, reason = "a bench prints what it has measured")]

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::PROGRAM;
use sluicegate::tls::{Clock, Connector, Policy, Provider, Session};
use sluicegate_host::test_support::tls::{Certificate, connect_tls};
use sluicegate_host::test_support::{Running, Scratch, ScratchDirectory, Target, ask, connect, free_port};

/// Clients of a burst, all full handshakes.
const BURST: usize = 200;
const BURSTS: usize = 10;
/// From the end of a burst to the next: clients of the next one connect meanwhile.
const BETWEEN: Duration = Duration::from_millis(400);

/// Each bystander asks so often.
const PACE: Duration = Duration::from_millis(1);

/// How long handshakes are counted, and how many are in progress at a time.
const COUNTED: Duration = Duration::from_secs(4);
const AT_A_TIME: usize = 16;

/// What the median burst may add to the slowest of a bystander's requests. The aim is 5 ms; a busy machine adds its own.
const GENEROUS: Duration = Duration::from_millis(20);

/// When a request was sent, and how long its answer took.
type Sample = (Instant, Duration);

/// Measures and prints.
pub(crate) fn main() {
    // Another program than the one that was built just now may be named, such as one with other settings.
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let program = named.unwrap_or_else(|| PROGRAM.to_owned());
    let apart = thread::available_parallelism().is_ok_and(|processors| processors.get() > 1) && pin_myself();
    println!(
        "{program}, {}",
        if apart { "on a processor of its own" } else { "which shares its processor with clients" }
    );
    let target = Target::start("ok");
    bystanders(&Served::start(&program, apart, &target, &Certificate::rsa("localhost")));
    for (name, certificate) in
        [("ECDSA P-256", Certificate::new("localhost")), ("RSA 2048", Certificate::rsa("localhost"))]
    {
        handshakes(name, &Served::start(&program, apart, &target, &certificate));
    }
}

/// Whether this process now runs on the second processor only, which leaves the first one to the program.
fn pin_myself() -> bool {
    let status = Command::new("taskset").args(["-a", "-p", "-c", "1", &std::process::id().to_string()]).output();
    status.is_ok_and(|output| output.status.success())
}

/// A program that serves.
struct Served {
    running: Running,
    plain: SocketAddr,
    secure: SocketAddr,
    _files: (Scratch, ScratchDirectory),
}

impl Served {
    fn start(program: &str, apart: bool, target: &Target, certificate: &Certificate) -> Served {
        let (plain, secure) = (free_port(), free_port());
        let directory = ScratchDirectory::new(&format!("handshakes-{plain}"));
        certificate.write(&directory.0, "own");
        let file = Scratch::new(&format!("handshakes-{plain}.yaml"), &template(plain, secure, target.address));
        let mut line = if apart { vec!["-c", "0", program] } else { Vec::new() };
        line.extend(["run", file.path(), "--shards", "1", "--certificates", directory.path(), "--no-health-checks"]);
        let running = Running::start(if apart { "taskset" } else { program }, &line, 2);
        let [plain, secure] = running.addresses[..] else { panic!("two listeners") };
        Served { running, plain, secure, _files: (file, directory) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.running.signal("KILL");
    }
}

fn template(plain: u16, secure: u16, target: SocketAddr) -> String {
    let (ip, port) = (target.ip(), target.port());
    format!(
        "Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {{ Type: application, Subnets: [subnet-1, subnet-2] }}
  Plain:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: {plain}
      Protocol: HTTP
      DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}]
  Secure:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: {secure}
      Protocol: HTTPS
      SslPolicy: {POLICY}
      Certificates: [{{ CertificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/own' }}]
      DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}]
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      {{ Protocol: HTTP, Port: 80, VpcId: vpc-1, TargetType: ip, Targets: [{{ Id: {ip}, Port: {port} }}] }}
"
    )
}

const POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// How long they wait during bursts and between them.
fn bystanders(served: &Served) {
    let stop = Arc::new(AtomicBool::new(false));
    let plain = bystander(connect(served.plain), &stop);
    let secure = bystander(connect_tls(served.secure, "localhost"), &stop);
    let mut bursts = Vec::new();
    for _ in 0..BURSTS {
        let clients = Client::many(served.secure, BURST);
        thread::sleep(BETWEEN);
        bursts.push(burst(clients));
    }
    stop.store(true, Ordering::Relaxed);
    let took: Vec<Duration> = bursts.iter().map(|(begun, over)| *over - *begun).collect();
    println!("bursts of {BURST} handshakes with RSA 2048 take {:?} in the median", median(took));
    for (name, samples) in [("HTTP", plain), ("HTTPS", secure)] {
        let samples = samples.join().expect("a bystander");
        let within = |at: Instant| bursts.iter().any(|(begun, over)| at >= *begun && at < *over);
        let (with, without): (Vec<Sample>, Vec<Sample>) = samples.iter().partition(|(at, _)| within(*at));
        let slowest = bursts.iter().map(|(begun, over)| {
            let of_burst = with.iter().filter(|(at, _)| at >= begun && at < over);
            of_burst.map(|(_, took)| *took).max().unwrap_or_default()
        });
        let slowest = median(slowest.collect());
        tell(name, Waits::of(with), Waits::of(without), slowest);
        assert!(slowest < GENEROUS, "a bystander waits {slowest:?}");
    }
}

/// Asks at its pace until it is told to stop; after a slow answer, at once.
fn bystander<S: Read + Write + Send + 'static>(
    mut connection: BufReader<S>,
    stop: &Arc<AtomicBool>,
) -> JoinHandle<Vec<Sample>> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut samples = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            let (head, _) = ask(&mut connection, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let took = begun.elapsed();
            samples.push((begun, took));
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            thread::sleep(PACE.saturating_sub(took));
        }
        samples
    })
}

/// A distribution, in milliseconds.
struct Waits {
    count: usize,
    p50: f64,
    p99: f64,
    max: f64,
}

impl Waits {
    fn of(samples: Vec<Sample>) -> Waits {
        let mut times: Vec<Duration> = samples.into_iter().map(|(_, took)| took).collect();
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
        Waits { count: times.len(), p50: at(50), p99: at(99), max: at(100) }
    }
}

fn tell(name: &str, with: Waits, without: Waits, slowest: Duration) {
    println!("bystander over {name}, milliseconds     p50     p99     max   requests");
    for (when, waits) in [("during bursts", &with), ("between", &without)] {
        println!("  {when:32} {:7.3} {:7.3} {:7.3} {:10}", waits.p50, waits.p99, waits.max, waits.count);
    }
    let (p50, p99, max) = (with.p50 - without.p50, with.p99 - without.p99, with.max - without.max);
    println!("  {:32} {p50:+7.3} {p99:+7.3} {max:+7.3}", "difference");
    println!("  slowest of a burst, in the median {slowest:?}");
}

/// All clients say hello, then all finish; when that began and was over.
fn burst(mut clients: Vec<Client>) -> (Instant, Instant) {
    let begun = Instant::now();
    for client in &mut clients {
        client.stream.write_all(&client.hello).expect("sent");
    }
    for client in &mut clients {
        client.finish();
    }
    (begun, Instant::now())
}

/// A client that is connected and has its hello ready.
struct Client {
    stream: TcpStream,
    session: Session,
    hello: Vec<u8>,
}

impl Client {
    /// No two of them name the same host, so none resumes a session.
    fn many(address: SocketAddr, count: usize) -> Vec<Client> {
        let policy = Policy::named(POLICY).expect("a policy");
        let connector = Connector::new(policy, &Provider::aws_lc(), &Clock::default(), &[]).expect("a connector");
        (0..count).map(|number| Client::new(address, &connector, number)).collect()
    }

    fn new(address: SocketAddr, connector: &Connector, number: usize) -> Client {
        let mut session = connector.session(&format!("h{number}.example")).expect("a name");
        let mut hello = vec![0; 4096];
        let count = session.take_ciphertext(&mut hello);
        hello.truncate(count);
        let stream = TcpStream::connect(address).expect("somebody listens");
        stream.set_nodelay(true).expect("set");
        Client { stream, session, hello }
    }

    /// Goes on after the hello until the handshake is over.
    fn finish(&mut self) {
        let mut room = [0; 16 * 1024];
        while !self.session.is_open() {
            let count = self.stream.read(&mut room).expect("an answer");
            assert!(count > 0, "it ended within the handshake");
            let mut fed = 0;
            while fed < count && !self.session.is_open() {
                fed += self.session.feed(&room[fed..count]).expect("a handshake");
            }
        }
        while self.session.has_ciphertext() {
            let count = self.session.take_ciphertext(&mut room);
            self.stream.write_all(&room[..count]).expect("sent");
        }
    }
}

/// How many of them a second of the program's processor time is enough for.
fn handshakes(name: &str, served: &Served) {
    let (begun, before, mut count) = (Instant::now(), processor_time(served.running.id()), 0);
    while begun.elapsed() < COUNTED {
        let clients = Client::many(served.secure, AT_A_TIME);
        burst(clients);
        count += AT_A_TIME;
    }
    // The last ones are being closed.
    thread::sleep(Duration::from_millis(50));
    let spent = processor_time(served.running.id()) - before;
    let each = spent.as_secs_f64() * 1e6 / count as f64;
    println!(
        "{name}: {count} handshakes, {each:.0} microseconds each, {:.0} in a second of processor time",
        1e6 / each
    );
}

/// What all threads of a process have used.
fn processor_time(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let nanos = tasks.flatten().map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
    });
    Duration::from_nanos(nanos.sum())
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}
