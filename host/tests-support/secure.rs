//! What both programs have to do with TLS: certificates by name, from files that may change while the program serves.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{PROGRAM, skip};
use sluicegate_host::test_support::tls::{Certificate, connect_tls};
use sluicegate_host::test_support::{Running, Scratch, ScratchDirectory, Target, ask, connect, free_port, get, output};

/// The promise: a change is served within so long.
const PROMISE: Duration = Duration::from_secs(5);

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A template with an HTTPS listener that has that certificate.
fn template(port: u16, certificate: &str, target: SocketAddr) -> String {
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
      Protocol: HTTPS
      SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06
      Certificates: [{{ CertificateArn: {certificate} }}]
      DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}]
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      {{ Protocol: HTTP, Port: 80, VpcId: vpc-1, TargetType: ip, Targets: [{{ Id: {}, Port: {} }}] }}
",
        target.ip(),
        target.port()
    )
}

const ARN: &str = "arn:aws:acm:us-east-1:123456789012:certificate/shop";

/// A program that serves HTTPS with a certificate of a directory.
struct Shop {
    target: Target,
    template: Scratch,
    directory: ScratchDirectory,
    port: u16,
}

impl Shop {
    fn new(name: &str, certificate: &Certificate) -> Shop {
        let (target, port) = (Target::start("shop"), free_port());
        let directory = ScratchDirectory::new(&format!("secure-{name}-{port}"));
        certificate.write(&directory.0, "shop");
        let template = Scratch::new(&format!("secure-{name}-{port}.yaml"), &template(port, ARN, target.address));
        Shop { target, template, directory, port }
    }

    fn run(&self) -> Running {
        let line = ["run", self.template.path(), "--shards", "2", "--certificates", self.directory.path()];
        Running::start(PROGRAM, &line, 1)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.0.join(name), text).expect("written");
    }
}

/// The certificate that a new connection is shown.
fn shown(address: SocketAddr) -> Vec<u8> {
    let mut connection = connect_tls(address, "localhost");
    assert_eq!(ask(&mut connection, REQUEST).1, "shop");
    connection.get_ref().certificate()
}

/// Waits until that certificate is shown, and then until both shards show it: connections are spread over them by chance.
fn wait_until_shown(running: &Running, certificate: &Certificate) {
    let begun = Instant::now();
    while shown(running.addresses[0]) != certificate.der {
        assert!(begun.elapsed() < PROMISE, "it is not shown within the time promised");
    }
    let mut in_a_row = 0;
    while in_a_row < 20 {
        in_a_row = if shown(running.addresses[0]) == certificate.der { in_a_row + 1 } else { 0 };
        assert!(begun.elapsed() < 2 * PROMISE, "a shard does not show it");
    }
}

fn end(running: Running) -> String {
    running.signal("TERM");
    let (code, err) = running.ended();
    assert_eq!(code, 0, "{err}");
    err
}

#[test]
fn https_is_served_with_the_certificate_that_the_template_names() {
    if skip() {
        return;
    }
    let certificate = Certificate::new("localhost");
    let shop = Shop::new("named", &certificate);
    let running = shop.run();
    let mut connection = connect_tls(running.addresses[0], "localhost");
    for _ in 0..3 {
        let (head, body) = ask(&mut connection, REQUEST);
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert_eq!(body, "shop");
    }
    assert_eq!(connection.get_ref().certificate(), certificate.der);
    drop(connection);
    end(running);
}

#[test]
fn a_certificate_that_is_replaced_is_shown_to_new_connections_and_open_ones_go_on() {
    if skip() {
        return;
    }
    let (old, new) = (Certificate::new("localhost"), Certificate::new("localhost"));
    let shop = Shop::new("replaced", &old);
    let mut running = shop.run();
    let mut open = connect_tls(running.addresses[0], "localhost");
    assert_eq!(ask(&mut open, REQUEST).1, "shop");
    new.write(&shop.directory.0, "shop");
    wait_until_shown(&running, &new);
    running.wait_for_stderr("certificates reloaded");
    assert_eq!(ask(&mut open, REQUEST).1, "shop");
    assert_eq!(open.get_ref().certificate(), old.der);
    drop(open);
    end(running);
}

#[test]
fn a_request_in_flight_goes_on_while_the_certificate_is_replaced() {
    if skip() {
        return;
    }
    let (old, new) = (Certificate::new("localhost"), Certificate::new("localhost"));
    let shop = Shop::new("in-flight", &old);
    let mut running = shop.run();
    let mut open = connect_tls(running.addresses[0], "localhost");
    let asked = std::thread::spawn(move || ask(&mut open, "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    shop.target.wait_for_slow();
    new.write(&shop.directory.0, "shop");
    running.wait_for_stderr("certificates reloaded");
    shop.target.release();
    assert_eq!(asked.join().expect("an answer").1, "shop");
    end(running);
}

#[test]
fn a_certificate_that_is_broken_changes_nothing_is_told_once_and_may_be_mended() {
    if skip() {
        return;
    }
    let (old, new) = (Certificate::new("localhost"), Certificate::new("localhost"));
    let shop = Shop::new("broken", &old);
    let mut running = shop.run();
    shop.write("shop.pem", "nothing of a certificate");
    running.wait_for_stderr("certificates not reloaded, nothing has changed");
    assert_eq!(shown(running.addresses[0]), old.der);
    // More than two looks later it has not been told again, as the end shows.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(shown(running.addresses[0]), old.der);
    // A chain without its key is broken, too, until the key comes.
    shop.write("shop.pem", &new.chain);
    running.wait_for_stderr("certificates not reloaded, nothing has changed");
    assert_eq!(shown(running.addresses[0]), old.der);
    shop.write("shop.key", &new.key);
    wait_until_shown(&running, &new);
    let err = end(running);
    assert_eq!(err.matches("certificates not reloaded").count(), 2, "{err}");
    assert_eq!(err.matches("certificates reloaded").count(), 1, "{err}");
    assert!(err.contains(".yaml:") && err.contains("there is no certificate in PEM"), "{err}");
}

#[test]
fn a_certificate_whose_file_is_gone_stays() {
    if skip() {
        return;
    }
    let old = Certificate::new("localhost");
    let shop = Shop::new("gone", &old);
    let mut running = shop.run();
    std::fs::remove_file(shop.directory.0.join("shop.key")).expect("removed");
    running.wait_for_stderr("certificates not reloaded, nothing has changed");
    assert_eq!(shown(running.addresses[0]), old.der);
    shop.write("shop.key", &old.key);
    running.wait_for_stderr("certificates reloaded");
    let err = end(running);
    assert!(err.contains(&format!("there is no file {}/shop.key", shop.directory.path())), "{err}");
}

#[test]
fn hup_serves_new_certificates_at_once_and_a_changed_template_only_then() {
    if skip() {
        return;
    }
    let [old, new, other] = ["localhost"; 3].map(Certificate::new);
    let shop = Shop::new("hup", &old);
    let mut running = shop.run();
    // Files that change do not make it read the template, too.
    other.write(&shop.directory.0, "other");
    let renamed = template(shop.port, &ARN.replace("shop", "other"), shop.target.address);
    std::fs::write(&shop.template.0, renamed).expect("written");
    new.write(&shop.directory.0, "shop");
    wait_until_shown(&running, &new);
    running.signal("HUP");
    running.read_addresses(1);
    wait_until_shown(&running, &other);
    end(running);
}

#[test]
fn a_template_from_standard_input_has_its_certificates_read_again_by_hup() {
    if skip() {
        return;
    }
    let (old, new) = (Certificate::new("localhost"), Certificate::new("localhost"));
    let shop = Shop::new("stdin", &old);
    let script =
        format!("exec {PROGRAM} run - --shards 2 --certificates {} < {}", shop.directory.path(), shop.template.path());
    let mut running = Running::start("sh", &["-c", &script], 1);
    new.write(&shop.directory.0, "shop");
    running.signal("HUP");
    running.wait_for_stderr("certificates reloaded");
    wait_until_shown(&running, &new);
    end(running);
}

#[test]
fn a_certificate_given_by_itself_is_served() {
    if skip() {
        return;
    }
    let certificate = Certificate::new("localhost");
    let shop = Shop::new("by-itself", &Certificate::new("localhost"));
    certificate.write(&shop.directory.0, "own");
    let directory = shop.directory.path();
    let given = format!("shop={directory}/own.pem,{directory}/own.key");
    let line = ["run", shop.template.path(), "--shards", "2", "--certificates", directory, "--certificate", &given];
    let running = Running::start(PROGRAM, &line, 1);
    assert_eq!(shown(running.addresses[0]), certificate.der);
    end(running);
}

#[test]
fn without_its_certificate_nothing_starts_and_the_line_says_what_to_do() {
    if skip() {
        return;
    }
    let shop = Shop::new("without", &Certificate::new("localhost"));
    let path = shop.template.path();
    let hint = "no certificate files were given: --certificates DIR or --certificate NAME=CHAIN.pem,KEY.pem";
    let missing = format!("there is no file {path}.d/shop.pem for {ARN}");
    let (directory, port) = (format!("{path}.d"), shop.port.to_string());
    for (line, said) in [
        (&["run", path][..], hint),
        (&["run", path, "--certificates", &directory], &missing),
        (&["check", path, "--certificates", &directory], &missing),
        (&["explain", path, "--listener", &port, "/", "--certificates", &directory], &missing),
    ] {
        let ended = output(PROGRAM, line);
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{err}");
        assert!(err.contains(said) && err.starts_with(&format!("{path}:")), "{err}");
    }
    let checked = output(PROGRAM, &["check", path]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn a_private_key_that_others_may_read_is_served_and_told() {
    use std::os::unix::fs::PermissionsExt;
    if skip() {
        return;
    }
    let shop = Shop::new("open-key", &Certificate::new("localhost"));
    let key = shop.directory.0.join("shop.key");
    let line = ["check", shop.template.path(), "--certificates", shop.directory.path()];
    let warned = |mode| {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).expect("changed");
        let checked = output(PROGRAM, &line);
        assert_eq!(checked.status.code(), Some(0));
        String::from_utf8_lossy(&checked.stderr)
            .contains("shop.key: warning: others may read or change this private key")
    };
    assert_eq!((warned(0o644), warned(0o600)), (true, false));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("changed");
    let err = end(shop.run());
    assert!(err.contains("shop.key: warning: "), "{err}");
}

#[test]
fn every_attempt_to_connect_is_a_line_in_the_connection_log() {
    if skip() {
        return;
    }
    let shop = Shop::new("log", &Certificate::new("localhost"));
    let log = Scratch::new(&format!("connections-{}.log", shop.port), "");
    let line = ["run", shop.template.path(), "--certificates", shop.directory.path(), "--connection-log", log.path()];
    let running = Running::start(PROGRAM, &line, 1);
    shown(running.addresses[0]);
    // Plain HTTP on a TLS port comes to nothing.
    use std::io::{Read, Write};
    let mut plain = connect(running.addresses[0]);
    plain.get_mut().write_all(REQUEST.as_bytes()).expect("written");
    let _ = plain.read_to_end(&mut Vec::new());
    end(running);
    let text = std::fs::read_to_string(&log.0).expect("a log");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.lines().any(|line| line.contains(" TLSv1.3 TLS_AES_128_GCM_SHA256 ")), "{text}");
}

#[test]
fn the_demo_answers_over_https_with_the_same_rules() {
    if skip() {
        return;
    }
    let line = ["demo", "--listen", "127.0.0.1:0", "--listen-https", "127.0.0.1:0"];
    let mut running = Running::start(PROGRAM, &line, 2);
    let [plain, secure] = running.addresses[..] else { panic!("two listeners") };
    assert_eq!(get(plain, "/health").1, "all is well");
    let ask = |request: &str| ask(&mut connect_tls(secure, "localhost"), request);
    assert_eq!(ask("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").1, "all is well");
    let (_, body) = ask("GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(body.starts_with("api-1") && body.contains("\nX-Forwarded-Proto: https\n"), "{body}");
    assert!(body.contains(&format!("\nX-Forwarded-Port: {}\n", secure.port())), "{body}");
    let mut hints = String::new();
    while !hints.ends_with("Stop with Ctrl-C.\n") {
        hints += &running.line();
    }
    assert!(hints.contains(&format!("curl -ik https://{secure}/ ")), "{hints}");
}

#[test]
fn the_demo_says_in_a_line_that_its_https_port_is_taken_or_the_other_ones() {
    if skip() {
        return;
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("bound").to_string();
    let demo = |listen: &str, secure: &str| {
        let ended = output(PROGRAM, &["demo", "--listen", listen, "--listen-https", secure]);
        let err = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!((ended.status.code(), err.lines().count()), (Some(1), 1), "{err}");
        err
    };
    assert!(demo("127.0.0.1:0", &taken).contains(&format!("cannot listen on {taken} (listener SecureListener): ")));
    let same = format!("127.0.0.1:{}", free_port());
    assert!(demo(&same, &same).contains("--listen and --listen-https need different ports"));
}

#[test]
fn policies_tells_the_same_in_both_programs() {
    let told = output(PROGRAM, &["policies", "--json"]);
    let expected = sluicegate::cli::policies(None, true, &sluicegate::tls::Provider::aws_lc());
    assert_eq!((told.status.code(), String::from_utf8_lossy(&told.stdout).into_owned()), (Some(0), expected.out));
    let unknown = output(PROGRAM, &["policies", "ELBSecurityPolicy-2016-8"]);
    let err = String::from_utf8_lossy(&unknown.stderr);
    assert_eq!((unknown.status.code(), err.lines().count()), (Some(1), 1), "{err}");
    assert!(err.contains("did you mean `ELBSecurityPolicy-2016-08`?"), "{err}");
}
