//! Every security policy against every protocol, cipher suite and kind of key: what listeners accept is what `policies --json`
//! says is served, no more and no less (guide TLS-08 to TLS-31), and their order wins (TLS-01). Clients are hellos made by
//! hand and the answers are read from the wire, so that nothing but the listener's side is a library's.

#![cfg(all(feature = "aws-lc", feature = "cli"))]

mod tls_support;

use std::sync::Arc;

use serde_json::Value;
use sluicegate::tls::{Acceptor, Policy, Provider, Terms};
use tls_support::{Hello, Kind, Made, Wish, acceptor, ciphertext};

/// Protocols by their names in `policies --json`.
const VERSIONS: [(&str, u16); 4] = [("TLSv1.3", 0x0304), ("TLSv1.2", 0x0303), ("TLSv1.1", 0x0302), ("TLSv1", 0x0301)];

/// The suites of the guide's tables, by OpenSSL's names and IANA's numbers.
const SUITES: [(&str, u16); 22] = [
    ("TLS_AES_128_GCM_SHA256", 0x1301),
    ("TLS_AES_256_GCM_SHA384", 0x1302),
    ("TLS_CHACHA20_POLY1305_SHA256", 0x1303),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B),
    ("ECDHE-RSA-AES128-GCM-SHA256", 0xC02F),
    ("ECDHE-ECDSA-AES128-SHA256", 0xC023),
    ("ECDHE-RSA-AES128-SHA256", 0xC027),
    ("ECDHE-ECDSA-AES128-SHA", 0xC009),
    ("ECDHE-RSA-AES128-SHA", 0xC013),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C),
    ("ECDHE-RSA-AES256-GCM-SHA384", 0xC030),
    ("ECDHE-ECDSA-AES256-SHA384", 0xC024),
    ("ECDHE-RSA-AES256-SHA384", 0xC028),
    ("ECDHE-RSA-AES256-SHA", 0xC014),
    ("ECDHE-ECDSA-AES256-SHA", 0xC00A),
    ("AES128-GCM-SHA256", 0x009C),
    ("AES128-SHA256", 0x003C),
    ("AES128-SHA", 0x002F),
    ("AES256-GCM-SHA384", 0x009D),
    ("AES256-SHA256", 0x003D),
    ("AES256-SHA", 0x0035),
    ("DES-CBC3-SHA", 0x000A),
];

/// Suites that no policy has: good ones, weak ones, those without any encryption or certificate.
const STRANGERS: [(&str, u16); 16] = [
    ("TLS_AES_128_CCM_SHA256", 0x1304),
    ("TLS_AES_128_CCM_8_SHA256", 0x1305),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", 0xCCA9),
    ("ECDHE-RSA-CHACHA20-POLY1305", 0xCCA8),
    ("DHE-RSA-CHACHA20-POLY1305", 0xCCAA),
    ("DHE-RSA-AES128-GCM-SHA256", 0x009E),
    ("DHE-RSA-AES256-GCM-SHA384", 0x009F),
    ("ECDHE-ECDSA-AES128-CCM", 0xC0AC),
    ("ECDHE-RSA-DES-CBC3-SHA", 0xC012),
    ("ECDHE-RSA-RC4-SHA", 0xC011),
    ("ECDHE-RSA-NULL-SHA", 0xC010),
    ("AECDH-AES128-SHA", 0xC018),
    ("ADH-AES128-GCM-SHA256", 0x00A6),
    ("PSK-AES128-GCM-SHA256", 0x00A8),
    ("RC4-SHA", 0x0005),
    ("NULL-SHA256", 0x003B),
];

const SCHEMES: &[u16] = &[0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601];

const X25519: u16 = 0x001D;
const P256: u16 = 0x0017;
const P384: u16 = 0x0018;
const X25519_MLKEM768: u16 = 0x11EC;
const P256_MLKEM768: u16 = 0x11EB;
const CURVES: &[u16] = &[X25519, P256, P384];

/// `handshake_failure`, `protocol_version` (RFC 8446 section 6.2)
const NOTHING_IN_COMMON: Answer = Answer::Alert(40);
const NO_SUCH_VERSION: Answer = Answer::Alert(70);

/// What a listener says to a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// `ServerHello`, and the group of the key exchange.
    Agreed { version: u16, suite: u16, group: u16 },
    /// `HelloRetryRequest`: a share for that group is wanted.
    Retry { suite: u16, group: u16 },
    /// A fatal alert.
    Alert(u8),
}

impl Answer {
    fn suite(self) -> Option<(u16, u16)> {
        match self {
            Answer::Agreed { version, suite, .. } => Some((version, suite)),
            Answer::Retry { suite, .. } => Some((0x0304, suite)),
            Answer::Alert(_) => None,
        }
    }

    fn group(self) -> Option<u16> {
        match self {
            Answer::Agreed { group, .. } | Answer::Retry { group, .. } => Some(group),
            Answer::Alert(_) => None,
        }
    }
}

/// Bytes of the wire, taken off the front.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(length);
        self.0 = rest;
        front
    }

    /// A number of so many bytes.
    fn number(&mut self, bytes: usize) -> usize {
        self.take(bytes).iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
    }

    fn short(&mut self) -> u16 {
        u16::try_from(self.number(2)).unwrap()
    }

    /// What comes after its length, which has so many bytes.
    fn sized(&mut self, bytes: usize) -> Wire<'a> {
        let length = self.number(bytes);
        Wire(self.take(length))
    }
}

/// Reads the records of an answer, as far as they are not encrypted.
fn read(bytes: &[u8]) -> Answer {
    let (mut records, mut messages) = (Wire(bytes), Vec::new());
    while !records.0.is_empty() {
        let kind = records.number(1);
        assert_eq!(records.number(1), 3, "not a record of TLS");
        records.take(1);
        let mut record = records.sized(2);
        match kind {
            21 if messages.is_empty() => {
                assert_eq!(record.number(1), 2, "alerts are fatal");
                return Answer::Alert(record.number(1).try_into().unwrap());
            }
            22 => messages.extend_from_slice(record.0),
            _ => break,
        }
    }
    let mut messages = Wire(&messages);
    assert_eq!(messages.number(1), 2, "a ServerHello comes first");
    let hello = messages.sized(3);
    read_hello(hello, messages)
}

fn read_hello(mut hello: Wire<'_>, mut others: Wire<'_>) -> Answer {
    let mut version = hello.short();
    let is_retry = hello.take(32) == RETRY;
    hello.sized(1);
    let suite = hello.short();
    assert_eq!(hello.number(1), 0, "nothing is compressed");
    let mut extensions = if hello.0.is_empty() { Wire(&[]) } else { hello.sized(2) };
    let mut group = None;
    while !extensions.0.is_empty() {
        match (extensions.short(), extensions.sized(2)) {
            (43, mut inside) => version = inside.short(),
            (51, mut inside) => group = Some(inside.short()),
            _ => {}
        }
    }
    // Before TLS 1.3 it is in the ServerKeyExchange, for a named curve (RFC 8422 section 5.4).
    while group.is_none() {
        if let (12, mut inside) = (others.number(1), others.sized(3)) {
            assert_eq!(inside.number(1), 3);
            group = Some(inside.short());
        }
    }
    let group = group.unwrap();
    if is_retry { Answer::Retry { suite, group } } else { Answer::Agreed { version, suite, group } }
}

/// The random of a `HelloRetryRequest` (RFC 8446 section 4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11,
    0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// A listener with one policy and one certificate.
struct Listener {
    policy: &'static Policy,
    kind: Kind,
    acceptor: Arc<Acceptor>,
}

impl Listener {
    /// Those of all policies and both kinds of keys.
    fn all() -> Vec<Listener> {
        let of = |kind| {
            let identity = Made::self_signed(&Wish { kind, ..Wish::default() }).identity("a");
            Policy::all().iter().map(move |policy| {
                let acceptor = acceptor(&Terms::new(policy, Arc::clone(&identity)));
                Listener { policy, kind, acceptor }
            })
        };
        [Kind::P256, Kind::Rsa2048].into_iter().flat_map(of).collect()
    }

    fn answer(&self, hello: &Hello<'_>) -> Answer {
        let mut session = self.acceptor.session();
        if session.feed(&hello.record()).is_ok() {
            assert!(session.is_greeted(), "the hello is whole");
            let _ = session.answer();
        }
        read(&ciphertext(&mut session))
    }

    /// Whether a suite can be had with its key.
    fn fits(&self, suite: &str) -> bool {
        let ecdsa = self.kind == Kind::P256;
        suite.starts_with("TLS_") || suite.contains("-ECDSA-") == ecdsa
    }

    /// For messages.
    fn name(&self) -> String {
        format!("{} {:?}", self.policy.name, self.kind)
    }
}

/// `policies --json`
fn told() -> Value {
    let report = sluicegate::cli::policies(None, true, &Provider::aws_lc());
    serde_json::from_str(&report.out).unwrap()
}

fn names(value: &Value) -> Vec<&str> {
    value.as_array().map(|names| names.iter().map(|name| name.as_str().unwrap()).collect()).unwrap_or_default()
}

fn number(suite: &str) -> u16 {
    SUITES.iter().find(|(name, _)| *name == suite).unwrap_or_else(|| panic!("what is {suite}?")).1
}

/// The hello of a client that speaks one version.
fn hello<'a>(version: u16, suites: &'a [u16], groups: &'a [u16]) -> Hello<'a> {
    let host = Some("a.test");
    let plain = Hello { host, suites, schemes: SCHEMES, groups, ..Hello::default() };
    match version {
        0x0304 => Hello { tls13: true, ..plain },
        _ => Hello { version, ..plain },
    }
}

/// TLS-08 to TLS-31
#[test]
fn what_is_accepted_is_what_policies_tells() {
    let told = told();
    let (mut wrong, mut accepted) = (Vec::new(), 0);
    for listener in Listener::all() {
        let served = &told[listener.policy.name]["served"];
        for (version_name, version) in VERSIONS {
            let served = names(&served[version_name]);
            for (name, suite) in SUITES.into_iter().chain(STRANGERS) {
                let expected = match served.contains(&name) && listener.fits(name) {
                    true => Ok((version, suite)),
                    false if served.is_empty() => Err(NO_SUCH_VERSION),
                    false => Err(NOTHING_IN_COMMON),
                };
                let answer = listener.answer(&hello(version, &[suite], CURVES));
                accepted += usize::from(expected.is_ok());
                if answer.suite().ok_or(answer) != expected {
                    wrong.push(format!("{} {version_name} {name}: {answer:?}, not {expected:?}", listener.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // In TLS 1.3 with either key; before, half of the suites are for one and half for the other.
    let policies = || told.as_object().unwrap().values();
    let total = |version: &str| policies().map(|told| names(&told["served"][version]).len()).sum::<usize>();
    assert_eq!(accepted, 2 * total("TLSv1.3") + total("TLSv1.2"));
    assert!(total("TLSv1.3") > 0 && total("TLSv1.2") > 0);
}

/// What the guide lists, and so what can be served, is what was tried.
#[test]
fn every_suite_of_every_policy_is_tried() {
    let told = told();
    let mut listed: Vec<&str> = Vec::new();
    for policy in told.as_object().unwrap().values() {
        for side in ["guide", "served"] {
            for (version, suites) in policy[side].as_object().unwrap() {
                assert!(VERSIONS.iter().any(|(name, _)| name == version), "{version}");
                listed.extend(names(suites));
            }
        }
    }
    listed.sort_unstable();
    listed.dedup();
    let mut tried = SUITES.map(|(name, _)| name);
    tried.sort_unstable();
    assert_eq!(listed, tried);
}

/// TLS-01
#[test]
fn the_listeners_order_of_suites_wins_over_the_clients() {
    let told = told();
    let all = SUITES.into_iter().chain(STRANGERS).map(|(_, suite)| suite);
    let (forth, back) = (all.clone().collect::<Vec<_>>(), all.rev().collect::<Vec<_>>());
    for listener in Listener::all() {
        let served = &told[listener.policy.name]["served"];
        let mut of_both = None;
        for (name, version) in VERSIONS {
            let first = names(&served[name]).into_iter().find(|suite| listener.fits(suite));
            let expected = first.map(|suite| (version, number(suite)));
            of_both = of_both.or(expected);
            for suites in [&forth, &back] {
                let answer = listener.answer(&hello(version, suites, CURVES));
                assert_eq!(answer.suite(), expected, "{} {name}", listener.name());
            }
        }
        // A client that speaks all versions, and would rather have the oldest.
        let versions = &[0x0301, 0x0302, 0x0303, 0x0304];
        let answer = listener.answer(&Hello { versions, ..hello(0x0304, &back, CURVES) });
        assert_eq!(answer.suite(), of_both, "{}", listener.name());
        assert!(of_both.is_some(), "{} serves nobody", listener.name());
    }
}

/// Clients of TLS 1.3 and later name the versions that they speak, whichever these are (RFC 8446 section 4.2.1).
#[test]
fn versions_that_are_named_as_since_tls13_are_the_same_versions() {
    let all = SUITES.map(|(_, suite)| suite);
    for listener in Listener::all() {
        for (name, version) in &VERSIONS[1..] {
            let plain = hello(*version, &all, CURVES);
            let named = Hello { version: 0x0303, versions: &[*version], ..plain.clone() };
            assert_eq!(listener.answer(&named), listener.answer(&plain), "{} {name}", listener.name());
        }
    }
}

/// Clients of TLS 1.0 and 1.1 do not say what signatures they know: that came with TLS 1.2 (RFC 5246 section 7.4.1.4.1).
#[test]
fn clients_of_old_are_told_that_they_have_nothing_in_common() {
    let all = SUITES.map(|(_, suite)| suite);
    for listener in Listener::all() {
        for version in [0x0302, 0x0301] {
            let answer = listener.answer(&Hello { schemes: &[], ..hello(version, &all, CURVES) });
            assert_eq!(answer, NOTHING_IN_COMMON, "{} {version:04x}", listener.name());
        }
    }
}

/// The groups that a policy can have, by its name: x25519 where it need not be FIPS, hybrid ones where it is post-quantum.
fn groups_of(policy: &Policy, version: u16) -> Vec<u16> {
    let (fips, hybrid) = (policy.name.contains("-FIPS-"), policy.name.contains("-PQ-"));
    let mut groups = vec![P256, P384];
    if !fips {
        groups.push(X25519);
    }
    if hybrid && version == 0x0304 {
        groups.extend([X25519_MLKEM768, P256_MLKEM768]);
    }
    groups
}

/// Groups, with some that no policy has: secp521r1, which is not served, x448, ML-KEM alone, ffdhe2048, Kyber's draft, SecP384r1MLKEM1024.
const GROUPS: [u16; 11] =
    [X25519, P256, P384, X25519_MLKEM768, P256_MLKEM768, 0x0019, 0x001E, 0x0201, 0x0100, 0x6399, 0x11ED];

#[test]
fn fips_policies_never_have_x25519_and_only_post_quantum_ones_have_hybrid_groups() {
    let all = SUITES.map(|(_, suite)| suite);
    for listener in Listener::all() {
        for version in [0x0304, 0x0303] {
            let first = listener.answer(&hello(version, &all, CURVES));
            for group in GROUPS {
                let answer = listener.answer(&hello(version, &all, &[group]));
                let name = format!("{} {version:04x} {group:04x}", listener.name());
                match first {
                    Answer::Alert(_) => assert_eq!(answer, NO_SUCH_VERSION, "{name}"),
                    _ if groups_of(listener.policy, version).contains(&group) => {
                        assert_eq!((answer.group(), answer.suite()), (Some(group), first.suite()), "{name}");
                    }
                    _ => assert_eq!(answer, NOTHING_IN_COMMON, "{name}"),
                }
            }
        }
    }
}

#[test]
fn fips_policies_never_have_chacha20() {
    for listener in Listener::all() {
        let answer = listener.answer(&hello(0x0304, &[0x1303], CURVES));
        let expected = !listener.policy.name.contains("-FIPS-") && listener.policy.name.contains("-TLS13-");
        assert_eq!(answer.suite(), expected.then_some((0x0304, 0x1303)), "{}", listener.name());
    }
}

/// A client of today: it has a hybrid share and one for x25519, and prefers the hybrid one.
#[test]
fn a_hybrid_share_is_taken_by_post_quantum_policies_alone() {
    // For ML-KEM, a key of zeros is a key.
    let hybrid = [&[0; 1184][..], &[9; 32]].concat();
    let shares = &[(X25519_MLKEM768, &hybrid[..]), (X25519, &[9; 32][..])];
    let groups = &[X25519_MLKEM768, X25519, P256, P384];
    for listener in Listener::all().into_iter().filter(|listener| listener.policy.name.contains("-TLS13-")) {
        let (version, suite) = (0x0304, 0x1301);
        let expected = match groups_of(listener.policy, version) {
            groups if groups.contains(&X25519_MLKEM768) => Answer::Agreed { version, suite, group: X25519_MLKEM768 },
            groups if groups.contains(&X25519) => Answer::Agreed { version, suite, group: X25519 },
            _ => Answer::Retry { suite, group: P256 },
        };
        let answer = listener.answer(&Hello { shares, ..hello(version, &[suite], groups) });
        assert_eq!(answer, expected, "{}", listener.name());
    }
}

/// The guide orders cipher suites only.
#[test]
fn of_groups_the_client_has_its_first() {
    let all = SUITES.map(|(_, suite)| suite);
    for listener in Listener::all() {
        for version in [0x0304, 0x0303] {
            for groups in [[X25519_MLKEM768, P384, X25519, P256], [P256, X25519, P384, X25519_MLKEM768]] {
                let answer = listener.answer(&hello(version, &all, &groups));
                let known = groups_of(listener.policy, version);
                let first = groups.into_iter().find(|group| known.contains(group));
                assert_eq!(answer.group(), answer.suite().and(first), "{} {version:04x}", listener.name());
            }
        }
    }
}
