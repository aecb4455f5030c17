//! What both programs have to do while targets come, go and die under load, over real sockets. Each program's tests take this
//! file in as a module, as they do with `program.rs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use super::{PROGRAM, skip};
use sluicegate_host::test_support::{Running, Scratch, ask, connect, free_port};

const GET: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A template with one listener that forwards to a group of these targets.
fn template(port: u16, targets: &[SocketAddr]) -> String {
    let targets: String = targets.iter().map(|at| format!("{{ Id: {}, Port: {} }}, ", at.ip(), at.port())).collect();
    format!(
        "Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {{ Type: application, Subnets: [subnet-1, subnet-2] }}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {{ Protocol: HTTP, Port: 80, VpcId: vpc-1, TargetType: ip, Targets: [{targets}] }}
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

/// A template that answers by itself: run by a program, it is a target in a process of its own.
fn answering(port: u16) -> String {
    format!(
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
      DefaultActions:
        - {{ Type: fixed-response, FixedResponseConfig: {{ StatusCode: '200', ContentType: text/plain, MessageBody: here }} }}
"
    )
}

/// A target that answers each request with the length of its body, and after an upgrade says everything back.
fn target() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut input = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if input.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        if head.contains("Upgrade: websocket\r\n") {
            let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
            input.get_mut().write_all(switch.as_bytes())?;
            let mut bytes = [0; 64];
            loop {
                let n = input.read(&mut bytes)?;
                if n == 0 {
                    return Ok(());
                }
                input.get_mut().write_all(&bytes[..n])?;
            }
        }
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
        input.read_exact(&mut body)?;
        let answer = body.len().to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        input.get_mut().write_all(head.as_bytes())?;
    }
}

/// Clients that ask one request after the other on a connection each, and open another when theirs is closed.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(address: SocketAddr, clients: usize) -> Load {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = |_| {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            thread::spawn(move || {
                let mut failures = Vec::new();
                let mut connection = connect(address);
                while !stop.load(Ordering::Relaxed) {
                    let (head, _) = ask(&mut connection, GET);
                    asked.fetch_add(1, Ordering::Relaxed);
                    if !head.starts_with("HTTP/1.1 200 ") {
                        failures.push(head.clone());
                    }
                    if head.contains("Connection: close") {
                        connection = connect(address);
                    }
                }
                failures
            })
        };
        Load { clients: (0..clients).map(client).collect(), stop, asked }
    }

    /// Waits until so many more requests were answered.
    fn wait_for(&self, more: usize) {
        let until = self.asked.load(Ordering::Relaxed) + more;
        while self.asked.load(Ordering::Relaxed) < until {
            assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client has given up");
            thread::yield_now();
        }
    }

    /// By client, what else than 200 it got.
    fn end(self) -> Vec<Vec<String>> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().map(|client| client.join().expect("a client")).collect()
    }
}

#[test]
fn hup_under_load_loses_neither_a_body_on_its_way_nor_an_idle_client_nor_a_websocket() {
    if skip() {
        return;
    }
    let (one, two, port) = (target(), target(), free_port());
    let file = Scratch::new(&format!("under-load-{port}.yaml"), &template(port, &[one, two]));
    let mut running = Running::start(PROGRAM, &["run", file.path(), "--shards", "2"], 1);
    let address = running.addresses[0];
    let load = Load::start(address, 4);
    load.wait_for(100);

    let mut idle = connect(address);
    assert_eq!(ask(&mut idle, GET).1, "0");
    // Two of each: one is on the target that goes.
    let mut uploads = [connect(address), connect(address)];
    for upload in &mut uploads {
        upload.get_mut().write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").expect("written");
        upload.get_mut().write_all(&[b'x'; 50_000]).expect("written");
    }
    let mut tunnels = [connect(address), connect(address)];
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    for tunnel in &mut tunnels {
        assert!(ask(tunnel, upgrade).0.starts_with("HTTP/1.1 101 "));
    }

    for targets in [&[one][..], &[one, two], &[two], &[one, two]] {
        std::fs::write(&file.0, template(port, targets)).expect("written");
        running.signal("HUP");
        running.read_addresses(1);
        load.wait_for(100);
    }

    for upload in &mut uploads {
        upload.get_mut().write_all(&[b'x'; 49_999]).expect("written");
        assert_eq!(ask(upload, "x").1, "100000");
    }
    for tunnel in &mut tunnels {
        tunnel.get_mut().write_all(b"are you there").expect("written");
        let mut echo = [0; 13];
        tunnel.read_exact(&mut echo).expect("the tunnel is open");
        assert_eq!(&echo, b"are you there");
    }
    assert_eq!(ask(&mut idle, GET).1, "0");
    let failures: Vec<_> = load.end().into_iter().flatten().collect();
    assert!(failures.is_empty(), "{failures:?}");
    drop(tunnels);
    running.signal("TERM");
    let (code, err) = running.ended();
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_target_that_is_killed_under_load_costs_no_more_than_the_requests_that_it_had() {
    if skip() {
        return;
    }
    let process = |_| {
        let port = free_port();
        let file = Scratch::new(&format!("target-{port}.yaml"), &answering(port));
        Running::start(PROGRAM, &["run", file.path(), "--shards", "1"], 1)
    };
    let mut targets: Vec<Running> = (0..3).map(process).collect();
    let addresses: Vec<SocketAddr> = targets.iter().map(|target| target.addresses[0]).collect();
    let port = free_port();
    let file = Scratch::new(&format!("killed-{port}.yaml"), &template(port, &addresses));
    let running = Running::start(PROGRAM, &["run", file.path(), "--shards", "2", "--name-causes"], 1);
    let load = Load::start(running.addresses[0], 8);
    load.wait_for(300);
    // The end of a process that is killed: SIGKILL.
    drop(targets.remove(0));
    load.wait_for(1000);
    for failures in load.end() {
        // The one that was under way; and perhaps one more, if the dying process's socket still accepted while it was torn down.
        assert!(failures.len() <= 2, "one client lost more than the requests that it had under way: {failures:?}");
        let had_it = |answer: &String| answer.contains(": TargetReset") || answer.contains(": TargetClosedEarly");
        assert!(failures.iter().all(had_it), "lost without having been sent: {failures:?}");
    }
}

#[test]
fn a_full_disk_behind_standard_error_does_not_end_the_program_at_a_reload() {
    if skip() {
        return;
    }
    let port = free_port();
    let file = Scratch::new(&format!("full-{port}.yaml"), &template(port, &[target()]));
    let script = format!("exec {PROGRAM} run {} --shards 1 2>/dev/full", file.path());
    let mut running = Running::start("sh", &["-c", &script], 1);
    let address = running.addresses[0];
    running.signal("HUP");
    running.read_addresses(1);
    std::fs::write(&file.0, "Resources: {").expect("written");
    running.signal("HUP");
    let mut connection = connect(address);
    (0..50).for_each(|_| assert_eq!(ask(&mut connection, GET).1, "0"));
    running.signal("TERM");
    assert_eq!(running.ended().0, 0);
}

#[test]
fn a_log_on_a_pipe_that_nobody_reads_does_not_keep_the_program_from_ending() {
    if skip() {
        return;
    }
    let port = free_port();
    let file = Scratch::new(&format!("unread-{port}.yaml"), &template(port, &[target()]));
    let running = Running::start(PROGRAM, &["run", file.path(), "--shards", "1", "--access-log", "-"], 1);
    let mut connection = connect(running.addresses[0]);
    // A pipe takes 64 KiB; a line has more than 300 bytes.
    (0..400).for_each(|_| assert_eq!(ask(&mut connection, GET).1, "0"));
    running.signal("TERM");
    assert_eq!(running.ended().0, 0);
}
