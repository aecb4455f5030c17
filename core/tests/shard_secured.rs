//! What is told of TLS: to targets, in the access log, in the connection log, and in the counters.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod secure_support;
mod tls_support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use secure_support::{Lab, config, policy, terms};
use sluicegate::config::{Config, Protocol};
use sluicegate::shard::{Fate, Log, Options};
use sluicegate::tls::{Connector, Identity, MutualAuthentication, Provider, Terms, TrustStore, Verify};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a.example\r\nX-Amzn-Mtls-Clientcert-Subject: CN=forged\r\n\r\n";

fn target() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 7], 80))
}

fn logging() -> Options {
    let mut options = Options::default();
    options.access_log = true;
    options.connection_log = true;
    options
}

/// A CA and a client's certificate of it.
struct Clients {
    bundle: String,
    client: Identity,
}

impl Clients {
    fn new() -> Clients {
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name.push(DnType::OrganizationName, "ca");
        let root = ca.self_signed(&ca_key).unwrap();
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, "client");
        parameters.serial_number = Some(rcgen::SerialNumber::from_slice(&[3, 0xa5, 0xb1]));
        let leaf = parameters.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap();
        let provider = Provider::aws_lc();
        let client =
            Identity::from_pem("client", leaf.pem().as_bytes(), key.serialize_pem().as_bytes(), &provider).unwrap();
        Clients { bundle: root.pem(), client }
    }

    fn verify(&self) -> MutualAuthentication {
        let store = TrustStore::new::<&[u8]>("store", self.bundle.as_bytes(), &[], &Provider::aws_lc()).unwrap();
        MutualAuthentication::Verify(Arc::new(Verify {
            store: Arc::new(store),
            ignore_expiry: false,
            advertise: false,
        }))
    }
}

fn with_mutual(mutual: MutualAuthentication) -> Config {
    config(Some(Terms { mutual, ..terms() }), &[target()], Protocol::Http)
}

fn connector(lab: &Lab) -> Connector {
    Connector::new(policy("TLS13-1-2-2021-06"), &Provider::aws_lc(), &lab.clock, &[]).unwrap()
}

fn log(lab: &mut Lab, log: Log) -> Vec<String> {
    let lines = lab.turn(|turn| String::from_utf8_lossy(turn.journal(log).pending()).into_owned());
    lines.lines().map(str::to_owned).collect()
}

/// What the target got for a request of a client with, or without, a certificate.
fn asked(lab: &mut Lab, connector: &Connector) -> String {
    lab.silent = true;
    let client = lab.connect();
    lab.peers[client].session = connector.session("a.example");
    lab.run();
    lab.says(client, GET);
    lab.run();
    lab.heard(lab.peers.len() - 1)
}

#[test]
fn a_target_is_told_of_a_certificate_that_was_verified_and_nothing_that_the_client_says_of_it() {
    let clients = Clients::new();
    let mut lab = Lab::with(with_mutual(clients.verify()), logging());
    let connector = connector(&lab).showing(&clients.client);
    let heard = asked(&mut lab, &connector);
    let lines: Vec<&str> = heard.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("X-Forwarded-Port")).unwrap();
    assert_eq!(lines[at + 1], "X-Amzn-Mtls-Clientcert-Serial-Number: 03A5B1");
    assert_eq!(lines[at + 2], "X-Amzn-Mtls-Clientcert-Issuer: O=ca,CN=rcgen self signed cert");
    assert_eq!(lines[at + 3], "X-Amzn-Mtls-Clientcert-Subject: CN=client");
    assert!(lines[at + 4].starts_with("X-Amzn-Mtls-Clientcert-Validity: NotBefore="));
    assert!(lines[at + 5].starts_with("X-Amzn-Mtls-Clientcert-Leaf: -----BEGIN%20CERTIFICATE-----%0A"));
    assert!(lines[at + 6].starts_with("Host: "));
    assert!(!heard.contains("forged"));
    let [line] = &log(&mut lab, Log::Connection)[..] else { panic!("one line") };
    let fields: Vec<&str> = line.split(' ').collect();
    assert_eq!(&fields[3..6], ["443", "TLSv1.3", "TLS_AES_128_GCM_SHA256"]);
    assert_eq!((fields[7], fields[9], fields[10]), ("\"CN=client\"", "03A5B1", "Success"));
    assert_eq!(fields.len(), 15);
}

#[test]
fn a_chain_is_passed_on_as_it_came_and_a_client_without_one_goes_on() {
    let clients = Clients::new();
    let mut lab = Lab::new(with_mutual(MutualAuthentication::Passthrough));
    let with = connector(&lab).showing(&clients.client);
    let heard = asked(&mut lab, &with);
    assert!(heard.contains("\r\nX-Amzn-Mtls-Clientcert: -----BEGIN%20CERTIFICATE-----%0A"), "{heard}");
    assert!(!heard.contains("Clientcert-Subject"));
    let without = connector(&lab);
    let heard = asked(&mut lab, &without);
    assert!(heard.starts_with("GET /a ") && !heard.contains("Mtls"), "{heard}");
}

#[test]
fn a_client_that_cannot_be_verified_is_refused_logged_and_counted() {
    let (clients, strangers) = (Clients::new(), Clients::new());
    for (shown, expected) in
        [(Some(&strangers.client), "Failed:ClientCertificateUntrusted"), (None, "Failed:UnmappedConnectionError")]
    {
        let mut lab = Lab::with(with_mutual(clients.verify()), logging());
        let mut connector = connector(&lab);
        if let Some(shown) = shown {
            connector = connector.showing(shown);
        }
        let client = lab.connect();
        lab.peers[client].session = connector.session("a.example");
        lab.run();
        lab.says(client, GET);
        lab.run();
        assert!(lab.peers[client].failure.is_some(), "an alert");
        assert_eq!(lab.peers.len(), 1, "no target hears of it");
        let [line] = &log(&mut lab, Log::Connection)[..] else { panic!("one line") };
        let fields: Vec<&str> = line.split(' ').collect();
        assert_eq!((fields[6], fields[10]), ("-", expected), "{line}");
        let subject = if shown.is_some() { "\"CN=client\"" } else { "\"-\"" };
        assert_eq!(fields[7], subject);
        assert_eq!(lab.shard.metrics().client_tls_negotiation_error_count, 1);
        assert!(log(&mut lab, Log::Access).is_empty());
    }
}

/// Nobody gets by a listener that verifies because it did not when the handshake began.
#[test]
fn a_reload_in_a_handshake_lets_nobody_past_what_the_listener_asks_now() {
    let (clients, strangers) = (Clients::new(), Clients::new());
    let mut lab = Lab::new(with_mutual(MutualAuthentication::Passthrough));
    let connector = connector(&lab).showing(&strangers.client);
    lab.silent = true;
    let client = lab.connect();
    lab.peers[client].session = connector.session("a.example");
    lab.prompt = false;
    lab.run();
    assert!(lab.compute(), "the hello is answered");
    let verifying = Arc::new(with_mutual(clients.verify()));
    lab.turn(|turn| drop(turn.reconfigured(verifying)));
    lab.prompt = true;
    lab.says(client, GET);
    lab.run();
    assert_eq!((lab.peers.len(), lab.peers[client].fate), (1, Fate::Finish), "no target hears of it");
    assert_eq!(lab.heard(client), "");
}

#[test]
fn the_access_log_tells_version_suite_name_and_certificate_and_that_a_session_was_reused() {
    let mut lab = Lab::with(config(Some(terms()), &[target()], Protocol::Http), logging());
    let connector = connector(&lab).naming_hosts();
    for _ in 0..2 {
        for name in ["localhost", "elsewhere"] {
            let client = lab.connect();
            lab.peers[client].session = connector.session(name);
            lab.run();
            lab.says(client, GET);
            lab.run();
        }
    }
    let tls: Vec<String> = log(&mut lab, Log::Access)
        .iter()
        .map(|line| {
            let quoted: Vec<&str> = line.split('"').collect();
            let plain: Vec<&str> = quoted[4].split_whitespace().collect();
            format!("{} {} {} {} {}", &line[..5], plain[0], plain[1], quoted[7], quoted[9])
        })
        .collect();
    let arn = "arn:aws:acm:eu-central-1:000000000000:certificate/localhost";
    assert_eq!(
        tls,
        [
            format!("https TLS_AES_128_GCM_SHA256 TLSv1.3 localhost {arn}"),
            format!("https TLS_AES_128_GCM_SHA256 TLSv1.3 - {arn}"),
            "https TLS_AES_128_GCM_SHA256 TLSv1.3 localhost session-reused".to_owned(),
            "https TLS_AES_128_GCM_SHA256 TLSv1.3 - session-reused".to_owned(),
        ]
    );
}

#[test]
fn every_attempt_has_one_line_whatever_becomes_of_it() {
    let mut lab = Lab::with(config(Some(terms()), &[target()], Protocol::Http), logging());
    let good = lab.connect();
    lab.run();
    let garbage = lab.connect_raw().unwrap();
    lab.says(garbage, "hello");
    lab.run();
    let leaves = lab.connect_raw().unwrap();
    lab.ends(leaves);
    let broken = lab.connect_raw().unwrap();
    let wire = lab.peers[broken].wire;
    lab.turn(|turn| turn.wire(wire).unwrap().lost());
    let late = lab.connect_raw().unwrap();
    lab.pass(Duration::from_secs(10));
    lab.run();
    assert_eq!(lab.peers[late].fate, Fate::Close);
    lab.says(good, GET);
    lab.run();
    let verdicts: Vec<String> =
        log(&mut lab, Log::Connection).iter().map(|line| line.split(' ').nth(10).unwrap().to_owned()).collect();
    let failed = "Failed:UnmappedConnectionError";
    assert_eq!(verdicts, ["Success", failed, failed, failed, failed]);
    assert_eq!(lab.shard.metrics().client_tls_negotiation_error_count, 4);
    // Plain listeners, too.
    let mut lab = Lab::with(config(None, &[target()], Protocol::Http), logging());
    lab.connect_raw().unwrap();
    let [line] = &log(&mut lab, Log::Connection)[..] else { panic!("one line") };
    assert_eq!(line.split(' ').skip(3).take(8).collect::<Vec<_>>().join(" "), "443 - - - \"-\" - - -");
}

#[test]
fn version_and_suite_are_told_to_targets_where_the_attribute_says_so() {
    for told in [false, true] {
        let mut config = config(Some(terms()), &[target()], Protocol::Http);
        config.load_balancers[0].attributes.tls_version_and_cipher_suite = told;
        let mut lab = Lab::new(config);
        let connector = connector(&lab);
        let heard = asked(&mut lab, &connector);
        let lines = "\r\nx-amzn-tls-version: TLSv1.3\r\nx-amzn-tls-cipher-suite: TLS_AES_128_GCM_SHA256\r\n";
        assert_eq!(heard.contains(lines), told, "{heard}");
    }
}
