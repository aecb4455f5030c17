//! What both programs have to do, over real sockets. Each program's tests take this file in as a module and say which
//! program is meant: `PROGRAM` is its path, and `skip` tells whether it cannot run on this machine.

use super::{PROGRAM, skip};
use sluicegate_host::test_support::{Running, Scratch, Target, ask, connect, free_port, get, output, output_of};

/// A template with listeners on the given ports, all forwarding to `target`, and a fixed answer on `/fixed`.
fn template(ports: &[u16], target: std::net::SocketAddr) -> String {
    let mut text = format!(
        "Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {{ Type: application, Subnets: [subnet-1, subnet-2] }}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      {{ Protocol: HTTP, Port: 80, VpcId: vpc-1, TargetType: ip, Targets: [{{ Id: {}, Port: {} }}] }}
",
        target.ip(),
        target.port()
    );
    for port in ports {
        text += &format!(
            "  Listener{port}:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: {port}
      Protocol: HTTP
      DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}]
"
        );
    }
    text
}

fn forward(target: &Target) -> Running {
    let target = target.address.to_string();
    Running::start(PROGRAM, &["run", "--listen", "127.0.0.1:0", "--target", &target, "--shards", "2"], 1)
}

#[test]
fn requests_reach_a_target_and_answers_come_back_on_a_connection_that_stays() {
    if skip() {
        return;
    }
    let target = Target::start("one");
    let running = forward(&target);
    let mut connection = connect(running.addresses[0]);
    for _ in 0..20 {
        let (head, body) = ask(&mut connection, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(body, "one");
    }
}

#[test]
fn a_target_that_refuses_gives_502() {
    if skip() {
        return;
    }
    let target = format!("127.0.0.1:{}", free_port());
    let running = Running::start(PROGRAM, &["run", "--listen", "127.0.0.1:0", "--target", &target], 1);
    let (head, _) = get(running.addresses[0], "/");
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
}

#[test]
fn term_lets_a_running_request_finish_and_accepts_nothing_new() {
    if skip() {
        return;
    }
    let target = Target::start("slow");
    let running = forward(&target);
    let address = running.addresses[0];
    let mut connection = connect(address);
    let asked = std::thread::spawn(move || ask(&mut connection, "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    target.wait_for_slow();
    running.signal("TERM");
    while std::net::TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    target.release();
    assert_eq!(asked.join().expect("an answer").1, "slow");
    let (code, err) = running.ended();
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_second_signal_stops_at_once() {
    if skip() {
        return;
    }
    let target = Target::start("slow");
    let running = forward(&target);
    let mut connection = connect(running.addresses[0]);
    use std::io::{Read, Write};
    connection.get_mut().write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("written");
    target.wait_for_slow();
    running.signal("TERM");
    while std::net::TcpStream::connect(running.addresses[0]).is_ok() {
        std::thread::yield_now();
    }
    running.signal("TERM");
    let (code, err) = running.ended();
    assert_eq!(code, 1);
    assert!(err.contains("stopping at once"), "{err}");
    // The connection is closed, one way or the other.
    assert!(matches!(connection.read(&mut [0; 1]), Ok(0) | Err(_)));
}

#[test]
fn hup_serves_the_template_as_it_is_now_and_keeps_connections() {
    if skip() {
        return;
    }
    let (one, two) = (Target::start("one"), Target::start("two"));
    let (stays, goes, comes) = (free_port(), free_port(), free_port());
    let file = Scratch::new(&format!("reload-{stays}.yaml"), &template(&[stays, goes], one.address));
    let mut running = Running::start(PROGRAM, &["run", file.path(), "--shards", "2"], 2);
    let mut connection = connect(running.addresses[0]);
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(ask(&mut connection, request).1, "one");

    std::fs::write(&file.0, template(&[stays, comes], two.address)).expect("written");
    running.signal("HUP");
    let addresses = running.read_addresses(2);
    assert_eq!(get(addresses[1], "/").1, "two");
    while std::net::TcpStream::connect(running.addresses[1]).is_ok() {
        std::thread::yield_now();
    }
    assert_eq!(ask(&mut connection, request).1, "two");
    running.signal("TERM");
    assert_eq!(running.ended().0, 0);
}

/// What the program tells of its targets, once it says `text` of them.
fn described(running: &mut Running, text: &str) -> String {
    // Each signal is one line; a target's first check takes a moment.
    for _ in 0..10_000 {
        running.signal("USR1");
        let line = running.line();
        assert!(line.starts_with("{\"TargetGroups\":[{") && line.ends_with("]}\n"), "{line}");
        if line.contains(text) {
            return line;
        }
    }
    panic!("it never says {text}");
}

#[test]
fn usr1_tells_how_every_target_is_also_after_a_reload() {
    if skip() {
        return;
    }
    let (one, two) = (Target::start("one"), Target::start("two"));
    let port = free_port();
    let file = Scratch::new(&format!("described-{port}.yaml"), &template(&[port], one.address));
    let mut running = Running::start(PROGRAM, &["run", file.path(), "--shards", "2"], 1);
    let line = described(&mut running, "\"State\":\"healthy\"");
    assert!(line.contains(&format!("{{\"Id\":\"127.0.0.1\",\"Port\":{}}}", one.address.port())), "{line}");

    std::fs::write(&file.0, template(&[port], two.address)).expect("written");
    running.signal("HUP");
    running.read_addresses(1);
    let line = described(&mut running, "\"State\":\"healthy\"");
    assert!(line.contains(&format!("\"Port\":{}}}", two.address.port())), "{line}");
    assert!(line.contains("\"State\":\"draining\",\"Reason\":\"Target.DeregistrationInProgress\""), "{line}");
    assert_eq!(get(running.addresses[0], "/").1, "two");
    running.signal("TERM");
    assert_eq!(running.ended().0, 0);
}

#[test]
fn signals_are_obeyed_also_when_nobody_reads_standard_output() {
    if skip() {
        return;
    }
    let port = free_port();
    let targets: Vec<String> = (1..=1000).map(|port| format!("{{ Id: 127.0.0.1, Port: {port} }}")).collect();
    let plain = template(&[port], ([127, 0, 0, 1], 1).into());
    let many = plain.replace("{ Id: 127.0.0.1, Port: 1 }", &targets.join(", "));
    let file = Scratch::new(&format!("unread-{port}.yaml"), &many);
    let mut running = Running::start(PROGRAM, &["run", file.path(), "--shards", "2", "--no-health-checks"], 1);
    let _hurry = running.hurry();
    let length = described(&mut running, "\"Port\":1000}").len();
    assert!(length > 65_536, "a pipe holds {length} bytes");

    // From here on nobody reads.
    for _ in 0..10 {
        running.signal("USR1");
        running.signal("HUP");
        running.wait_for_stderr("reloaded");
    }
    running.signal("TERM");
    let (code, err) = running.ended();
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("a report was dropped"), "{err}");
}

#[test]
fn hup_with_a_mistake_in_the_template_changes_nothing_and_says_why() {
    if skip() {
        return;
    }
    let target = Target::start("one");
    let port = free_port();
    let file = Scratch::new(&format!("broken-{port}.yaml"), &template(&[port], target.address));
    let mut running = Running::start(PROGRAM, &["run", file.path()], 1);
    std::fs::write(&file.0, "Resources:\n  Listener:\n    Type: AWS::ElasticLoadBalancingV2::Listener\n")
        .expect("written");
    // Signals of two kinds may overtake each other, so the second is sent after the first was obeyed.
    running.signal("HUP");
    running.wait_for_stderr("reload refused, nothing has changed");
    assert_eq!(get(running.addresses[0], "/").1, "one");
    running.signal("TERM");
    let (code, err) = running.ended();
    assert_eq!(code, 0, "{err}");
    assert!(err.contains(&format!("broken-{port}.yaml:2:3:")), "{err}");
}

#[test]
fn a_template_with_mistakes_starts_nothing_and_check_says_the_same() {
    let file = Scratch::new(
        &format!("bad-{}.yaml", free_port()),
        "Resources:\n  Listener:\n    Type: AWS::ElasticLoadBalancingV2::Listener\n",
    );
    let (run, check) = (output(PROGRAM, &["run", file.path()]), output(PROGRAM, &["check", file.path()]));
    assert_eq!((run.status.code(), check.status.code()), (Some(1), Some(1)));
    assert_eq!(String::from_utf8_lossy(&run.stderr), String::from_utf8_lossy(&check.stderr));
    assert!(check.stderr.starts_with(file.path().as_bytes()), "{}", String::from_utf8_lossy(&check.stderr));
}

#[test]
fn a_port_that_is_taken_is_one_line_and_exit_code_1() {
    if skip() {
        return;
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let output = output(PROGRAM, &["demo", "--listen", &address, "--listen-https", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains(&address), "{err}");
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    assert_eq!(output(PROGRAM, &["run"]).status.code(), Some(2));
    assert_eq!(output(PROGRAM, &["fly"]).status.code(), Some(2));
}

#[test]
fn help_is_the_same_in_both_programs() {
    for command in [
        &["--help"][..],
        &["run", "--help"],
        &["check", "--help"],
        &["explain", "--help"],
        &["demo", "--help"],
        &["policies", "--help"],
    ] {
        let answer = output(PROGRAM, command);
        assert_eq!(answer.status.code(), Some(0));
        let line = std::iter::once("sluicegate").chain(command.iter().copied());
        let help = sluicegate::cli::parse(line).expect_err("help").to_string();
        assert_eq!(String::from_utf8_lossy(&answer.stdout), help);
    }
}

#[test]
fn every_request_is_a_line_in_the_access_log_when_the_program_has_ended() {
    if skip() {
        return;
    }
    let target = Target::start("one");
    let log = Scratch::new(&format!("access-{}.log", target.address.port()), "");
    let to = target.address.to_string();
    let line = ["run", "--listen", "127.0.0.1:0", "--target", &to, "--shards", "2", "--access-log", log.path()];
    let running = Running::start(PROGRAM, &line, 1);
    for path in ["/a", "/b", "/c"] {
        assert_eq!(get(running.addresses[0], path).1, "one");
    }
    running.signal("TERM");
    assert_eq!(running.ended().0, 0);
    let text = std::fs::read_to_string(&log.0).expect("a log");
    assert_eq!(text.lines().count(), 3, "{text}");
    assert!(["/a ", "/b ", "/c "].iter().all(|path| text.contains(path)), "{text}");
}

#[test]
fn the_demo_answers_every_request_that_it_suggests() {
    if skip() {
        return;
    }
    let running = Running::start(PROGRAM, &["demo", "--listen", "127.0.0.1:0", "--listen-https", "127.0.0.1:0"], 2);
    let address = running.addresses[0];
    assert!(get(address, "/").1.starts_with("shop-"));
    assert!(get(address, "/api/orders").1.starts_with("api-1"));
    let ask = |request: &str| ask(&mut connect(address), request);
    assert!(ask("GET / HTTP/1.1\r\nHost: api.example\r\n\r\n").1.starts_with("api-1"));
    assert!(ask("GET / HTTP/1.1\r\nHost: x\r\nX-Beta: yes\r\n\r\n").1.starts_with("api-1"));
    let (head, _) = get(address, "/old/page?x=1");
    assert!(head.starts_with("HTTP/1.1 301 "), "{head}");
    assert!(head.contains("/new/old/page?x=1"), "{head}");
    assert_eq!(get(address, "/health").1, "all is well");
}

#[test]
fn clients_and_targets_may_each_be_on_either_family() {
    if skip() {
        return;
    }
    let (four, six) = (Target::start("four"), Target::start_on("six", "[::1]:0"));
    for (target, name) in [(&four, "four"), (&six, "six")] {
        let target = target.address.to_string();
        for listen in ["127.0.0.1:0", "[::1]:0"] {
            let running = Running::start(PROGRAM, &["run", "--listen", listen, "--target", &target], 1);
            let (head, body) = get(running.addresses[0], "/");
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            assert_eq!(body, name);
        }
    }
}

#[test]
fn a_template_listens_on_every_address_that_it_is_bound_to() {
    if skip() {
        return;
    }
    let target = Target::start("one");
    let scratch = Scratch::new("both-families.yaml", &template(&[free_port()], target.address));
    let running = Running::start(PROGRAM, &["run", scratch.path(), "--bind", "127.0.0.1", "--bind", "::1"], 2);
    assert!(running.addresses.iter().any(std::net::SocketAddr::is_ipv6), "{:?}", running.addresses);
    for &address in &running.addresses {
        assert_eq!(get(address, "/").1, "one");
    }
}

#[test]
fn a_target_that_is_our_own_listener_is_refused() {
    if skip() {
        return;
    }
    let port = free_port();
    let own = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let scratch = Scratch::new("own-listener.yaml", &template(&[port], own));
    let refused = output(PROGRAM, &["run", scratch.path()]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("own-listener.yaml:") && said.contains(&own.to_string()), "{said}");
}

#[test]
fn an_instance_is_where_the_flag_says_and_a_flag_that_says_nothing_is_refused() {
    if skip() {
        return;
    }
    let target = Target::start("machine");
    let text = template(&[free_port()], target.address).replace("TargetType: ip", "TargetType: instance");
    let text = text.replace(&format!("Id: 127.0.0.1, Port: {}", target.address.port()), "Id: i-0123456789abcdef0");
    let scratch = Scratch::new("instance.yaml", &text);
    let flag = format!("i-0123456789abcdef0={}", target.address);
    let running = Running::start(PROGRAM, &["run", scratch.path(), "--no-health-checks", "--instance", &flag], 1);
    assert_eq!(get(running.addresses[0], "/").1, "machine");
    let refused = output(PROGRAM, &["run", scratch.path(), "--instance", "i-0123456789abcdef0"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("it has to look like ID=ADDR"));
}

#[test]
fn a_node_without_a_zone_is_told_which_groups_need_one_at_start_and_at_reload() {
    if skip() {
        return;
    }
    let target = Target::start("one");
    let (port, own) = (free_port(), format!("Id: {}", target.address.ip()));
    let zonal = |value: &str| {
        let attribute =
            format!("TargetGroupAttributes: [{{ Key: load_balancing.cross_zone.enabled, Value: {value} }}]");
        let text = template(&[port], target.address).replace(&own, &format!("AvailabilityZone: a, {own}"));
        text.replace("VpcId: vpc-1", &format!("VpcId: vpc-1, {attribute}"))
    };
    let file = Scratch::new(&format!("zone-{port}.yaml"), &zonal("false"));
    let mut running = Running::start(PROGRAM, &["run", file.path(), "--no-health-checks"], 1);
    running.wait_for_stderr("warning: Group: cross-zone load balancing is off");
    assert_eq!(get(running.addresses[0], "/").1, "one");
    running.signal("HUP");
    running.wait_for_stderr("warning: Group: cross-zone load balancing is off");
    running.wait_for_stderr("reloaded");
    running.signal("TERM");
    assert_eq!(running.ended().0, 0);
    for line in [&["run", file.path(), "--zone", "b"], &["run", file.path(), "--zone", "a"]] {
        let running = Running::start(PROGRAM, &[&line[..], &["--no-health-checks"]].concat(), 1);
        let expected = if line[3] == "a" { "HTTP/1.1 200 " } else { "HTTP/1.1 503 " };
        assert!(get(running.addresses[0], "/").0.starts_with(expected), "{line:?}");
        running.signal("TERM");
        let (code, err) = running.ended();
        assert_eq!((code, err.contains("no target is in the zone b")), (0, line[3] == "b"), "{err}");
    }
}

#[test]
fn a_public_target_needs_a_flag() {
    if skip() {
        return;
    }
    let public = std::net::SocketAddr::from(([198, 51, 100, 7], 80));
    let scratch = Scratch::new("public-target.yaml", &template(&[free_port()], public));
    let refused = output(PROGRAM, &["check", scratch.path()]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("--allow-public-targets"), "{said}");
    let allowed = output(PROGRAM, &["check", scratch.path(), "--allow-public-targets"]);
    assert_eq!(allowed.status.code(), Some(0), "{}", String::from_utf8_lossy(&allowed.stderr));
}

#[test]
fn errors_name_their_cause_on_request() {
    if skip() {
        return;
    }
    let target = format!("127.0.0.1:{}", free_port());
    let running = Running::start(PROGRAM, &["run", "--listen", "127.0.0.1:0", "--target", &target, "--name-causes"], 1);
    let (head, _) = get(running.addresses[0], "/");
    assert!(head.contains("\r\nX-Sluicegate-Cause: TargetConnectRefused\r\n"), "{head}");
}

/// The byte 0xe9 is no UTF-8: what clients send need not be text.
const RAW: &[u8] =
    b"POST /caf\xe9 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

#[test]
fn a_raw_request_is_explained_from_a_file_and_from_standard_input() {
    let template = Scratch::new("explain-raw.yaml", &template(&[80], ([127, 0, 0, 1], 9001).into()));
    let request = Scratch::new("explain-raw.http", "");
    std::fs::write(&request.0, RAW).expect("written");
    let line = |raw| ["explain", template.path(), "--listener", "80", "--raw", raw];
    let from_file = output(PROGRAM, &line(request.path()));
    let said = String::from_utf8_lossy(&from_file.stdout);
    assert_eq!((from_file.status.code(), &from_file.stderr[..]), (Some(0), &b""[..]), "{said}");
    for part in [
        "classification: Ambiguous, BothTeClPresent: ",
        "  defensive (the load balancer's mode): routed, then both connections close\n",
        "  POST /caf%E9 HTTP/1.1\n",
        "  Connection: close\n",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let from_stdin = output_of(PROGRAM, &line("-"), RAW);
    let (code, err) = (from_stdin.status.code(), String::from_utf8_lossy(&from_stdin.stderr));
    assert_eq!((code, &*err), (Some(0), ""));
    assert_eq!(without_trace(&String::from_utf8_lossy(&from_stdin.stdout)), without_trace(&said));
}

/// A trace id says when it was made.
fn without_trace(said: &str) -> String {
    said.lines().filter(|line| !line.contains("X-Amzn-Trace-Id")).fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn a_raw_request_from_an_editor_is_read_with_crlf_on_request() {
    let template = Scratch::new("explain-crlf.yaml", &template(&[80], ([127, 0, 0, 1], 9001).into()));
    let line = ["explain", template.path(), "--listener", "80", "--raw", "-", "--crlf"];
    let edited = b"GET / HTTP/1.1\nHost: a\n\n";
    let as_it_is = output_of(PROGRAM, &line[..6], edited);
    let said = String::from_utf8_lossy(&as_it_is.stdout);
    assert!(said.contains("with --crlf it is Compliant"), "{said}");
    let mended = output_of(PROGRAM, &line, edited);
    let said = String::from_utf8_lossy(&mended.stdout);
    assert!(said.contains("classification: Compliant\n"), "{said}");
}

#[test]
fn a_raw_request_that_cannot_be_read_is_one_line_and_exit_code_1() {
    let template = Scratch::new("explain-cut.yaml", &template(&[80], ([127, 0, 0, 1], 9001).into()));
    let line = |raw| ["explain", template.path(), "--listener", "80", "--raw", raw];
    let long = [RAW, &vec![b'x'; 1024 * 1024]].concat();
    for (what, answer) in [
        ("<stdin>: the head does not end", output_of(PROGRAM, &line("-"), &RAW[..20])),
        ("<stdin>: it is longer than the 1048576 bytes", output_of(PROGRAM, &line("-"), &long)),
        ("/nowhere/at-all: ", output(PROGRAM, &line("/nowhere/at-all"))),
    ] {
        let err = String::from_utf8_lossy(&answer.stderr);
        assert_eq!((answer.status.code(), err.lines().count()), (Some(1), 1), "{err}");
        assert!(err.contains(what) && answer.stdout.is_empty(), "{err}");
    }
    let both = output_of(PROGRAM, &["explain", "-", "--listener", "80", "--raw", "-"], RAW);
    assert_eq!(both.status.code(), Some(2));
}

/// A template whose one group keeps clients with their targets.
fn sticky_template(port: u16, targets: [&Target; 2]) -> String {
    let listed = targets.map(|target| format!("{{ Id: {}, Port: {} }}", target.address.ip(), target.address.port()));
    let attribute = |key: &str, value: &str| format!("{{ Key: stickiness.{key}, Value: {value} }}");
    let attributes = [attribute("enabled", "true"), attribute("type", "lb_cookie")].join(", ");
    let plain = template(&[port], targets[0].address);
    let (before, after) = plain.split_once("Targets: [").expect("the targets");
    let (_, after) = after.split_once(']').expect("their end");
    format!("{before}TargetGroupAttributes: [{attributes}], Targets: [{}]{after}", listed.join(", "))
}

/// Who answers some requests with that cookie, each on a connection of its own, so that every shard gets some.
fn answers(running: &Running, cookie: &str) -> std::collections::BTreeSet<String> {
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n");
    (0..20).map(|_| ask(&mut connect(running.addresses[0]), &request).1).collect()
}

#[test]
fn with_a_key_file_clients_stay_with_their_targets_when_the_program_starts_again() {
    if skip() {
        return;
    }
    let targets = [Target::start("one"), Target::start("two")];
    let port = free_port();
    let file = Scratch::new(&format!("sticky-{port}.yaml"), &sticky_template(port, [&targets[0], &targets[1]]));
    // Not there yet.
    let key = Scratch(std::env::temp_dir().join(format!("sluicegate-{port}.key")));
    let arguments = ["run", file.path(), "--shards", "2", "--no-health-checks"];
    let with_key = [&arguments[..], &["--key-file", key.path()]].concat();

    let running = Running::start(PROGRAM, &with_key, 1);
    let (head, name) = get(running.addresses[0], "/");
    let set = head.lines().find_map(|line| line.strip_prefix("Set-Cookie: AWSALB=")).expect("a cookie");
    let cookie = format!("AWSALB={}", set.split(';').next().expect("its value"));
    assert_eq!(answers(&running, &cookie), [name.clone()].into(), "in every shard");
    running.signal("TERM");
    assert_eq!(running.ended().0, 0);

    let again = Running::start(PROGRAM, &with_key, 1);
    assert_eq!(answers(&again, &cookie), [name].into());
    again.signal("TERM");
    assert_eq!(again.ended().0, 0);

    let without = Running::start(PROGRAM, &arguments, 1);
    assert_eq!(answers(&without, &cookie).len(), 2, "its key is another one");
}

#[test]
fn a_key_file_that_is_none_is_one_line_and_exit_code_1() {
    if skip() {
        return;
    }
    let target = Target::start("one");
    let key = Scratch::new("no.key", "secret\n");
    let target = target.address.to_string();
    let run = ["run", "--listen", "127.0.0.1:0", "--target", &target, "--key-file", key.path()];
    let ended = output(PROGRAM, &run);
    let err = String::from_utf8_lossy(&ended.stderr);
    assert_eq!((ended.status.code(), err.lines().count()), (Some(1), 1), "{err}");
    assert!(err.contains(key.path()), "{err}");
}
