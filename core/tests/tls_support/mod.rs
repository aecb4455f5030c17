//! What tests of TLS share: authorities, certificates with names, dates and keys of every kind, sessions of both sides that shake
//! hands in memory, and hellos made by hand for clients that can do little.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData, RsaKeySize};
use sluicegate::time::Wall;
use sluicegate::tls::{Acceptor, Clock, Connector, Failure, Identity, Policy, Provider, Session, Terms};

/// 2026-01-01T00:00:00Z, when certificates that say nothing else are valid.
pub(crate) const NOW: Wall = Wall::from_micros(1_767_225_600_000_000);

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    P256,
    P384,
    P521,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    Ed25519,
}

impl Kind {
    /// A key. Those of RSA take long to make: there is one of each length.
    pub(crate) fn key(self) -> KeyPair {
        static MADE: Mutex<BTreeMap<Kind, String>> = Mutex::new(BTreeMap::new());
        let rsa = |size| {
            let mut made = MADE.lock().unwrap();
            let make = || KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).unwrap().serialize_pem();
            KeyPair::from_pem(made.entry(self).or_insert_with(make)).unwrap()
        };
        match self {
            Kind::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
            Kind::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
            Kind::P521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap(),
            Kind::Rsa2048 => rsa(RsaKeySize::_2048),
            Kind::Rsa3072 => rsa(RsaKeySize::_3072),
            Kind::Rsa4096 => rsa(RsaKeySize::_4096),
            Kind::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
        }
    }
}

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub(crate) struct Wish<'a> {
    /// Hosts (alternative names); the first is the common name, too.
    pub(crate) names: &'a [&'a str],
    /// Its key.
    pub(crate) kind: Kind,
    /// Year, month, day: valid from its first second.
    pub(crate) not_before: (i32, u8, u8),
    /// Year, month, day: valid until its first second.
    pub(crate) not_after: (i32, u8, u8),
}

impl Default for Wish<'_> {
    fn default() -> Self {
        Wish { names: &["a.test"], kind: Kind::P256, not_before: (2025, 1, 1), not_after: (2027, 1, 1) }
    }
}

impl Wish<'_> {
    /// As parameters, to ask for more.
    pub(crate) fn parameters(&self) -> CertificateParams {
        let names: Vec<String> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, *self.names.first().unwrap_or(&"nobody"));
        let day = |(year, month, day)| rcgen::date_time_ymd(year, month, day);
        (parameters.not_before, parameters.not_after) = (day(self.not_before), day(self.not_after));
        parameters
    }
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// The certificate, DER.
    pub(crate) der: Vec<u8>,
    /// The certificate alone, PEM.
    pub(crate) pem: String,
    /// It and those of its issuers, without the root; PEM.
    pub(crate) chain: String,
    /// Its key as in PKCS #8, PEM.
    pub(crate) key: String,
}

impl Made {
    /// A certificate signed with its own key.
    pub(crate) fn self_signed(wish: &Wish<'_>) -> Made {
        let key = wish.kind.key();
        let der = wish.parameters().self_signed(&key).unwrap().der().to_vec();
        let certificate = pem("CERTIFICATE", &der);
        Made { der, pem: certificate.clone(), chain: certificate, key: key.serialize_pem() }
    }

    /// As a listener has it, under `arn:NAME`.
    pub(crate) fn identity(&self, name: &str) -> Arc<Identity> {
        let provider = Provider::aws_lc();
        let arn = format!("arn:{name}");
        Arc::new(Identity::from_pem(&arn, self.chain.as_bytes(), self.key.as_bytes(), &provider).unwrap())
    }
}

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, DER.
    pub(crate) der: Vec<u8>,
    /// Its own certificate, PEM.
    pub(crate) pem: String,
    /// Its own and those above it, without the root; PEM.
    pub(crate) chain: String,
}

impl Authority {
    /// A root of that name.
    pub(crate) fn root(name: &str) -> Authority {
        let (parameters, key) = (Self::parameters(name), Kind::P256.key());
        let der = parameters.self_signed(&key).unwrap().der().to_vec();
        let pem = pem("CERTIFICATE", &der);
        Authority { issuer: Issuer::new(parameters, key), der, pem, chain: String::new() }
    }

    /// An authority below this one.
    pub(crate) fn below(&self, name: &str) -> Authority {
        let (parameters, key) = (Self::parameters(name), Kind::P256.key());
        let der = parameters.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        let pem = pem("CERTIFICATE", &der);
        let chain = format!("{pem}{}", self.chain);
        Authority { issuer: Issuer::new(parameters, key), der, pem, chain }
    }

    fn parameters(name: &str) -> CertificateParams {
        let mut parameters = Wish::default().parameters();
        parameters.subject_alt_names.clear();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters
    }

    /// A certificate as wished, with a new key.
    pub(crate) fn issue(&self, wish: &Wish<'_>) -> Made {
        self.issue_with(&wish.parameters(), &wish.kind.key())
    }

    /// A certificate with those parameters for that key.
    pub(crate) fn issue_with(&self, parameters: &CertificateParams, key: &KeyPair) -> Made {
        let der = self.sign(parameters, key);
        let pem = pem("CERTIFICATE", &der);
        let chain = format!("{pem}{}", self.chain);
        Made { der, pem, chain, key: key.serialize_pem() }
    }

    /// The certificate of a public key of which nobody may have the private one, DER.
    pub(crate) fn sign(&self, parameters: &CertificateParams, key: &impl PublicKeyData) -> Vec<u8> {
        parameters.signed_by(key, &self.issuer).unwrap().der().to_vec()
    }

    /// Who signs, for lists of what was revoked.
    pub(crate) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }
}

/// A field of DER around what is in it.
pub(crate) fn field(tag: u8, inside: &[u8]) -> Vec<u8> {
    let length = match inside.len() {
        short @ 0..0x80 => vec![u8::try_from(short).unwrap()],
        length @ 0x80..0x100 => vec![0x81, u8::try_from(length).unwrap()],
        length => [&[0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
    };
    [&[tag][..], &length, inside].concat()
}

/// PEM around bytes.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let mut lines = String::new();
    for line in der.chunks(48) {
        for three in line.chunks(3) {
            let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for at in 0..4 {
                let six = (bits >> (18 - 6 * at)) & 63;
                let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
                lines.push(if at <= three.len() { char::from(digits[six as usize]) } else { '=' });
            }
        }
        lines.push('\n');
    }
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

/// The policy of that name, without what all names begin with.
pub(crate) fn policy(name: &str) -> &'static Policy {
    Policy::named(&format!("ELBSecurityPolicy-{name}")).unwrap()
}

/// The clock of sessions, at [`NOW`].
pub(crate) fn clock() -> Clock {
    let clock = Clock::default();
    clock.set(NOW);
    clock
}

/// A listener without tickets that asks for no protocol.
pub(crate) fn acceptor(terms: &Terms) -> Arc<Acceptor> {
    Arc::new(Acceptor::new(terms, &Provider::aws_lc(), &clock(), None, &[]).unwrap())
}

/// A client that names the host that it wants.
pub(crate) fn client(policy: &Policy, host: &str) -> Session {
    let connector = Connector::new(policy, &Provider::aws_lc(), &clock(), &[]).unwrap();
    connector.naming_hosts().session(host).unwrap()
}

/// A client that names none.
pub(crate) fn nameless_client(policy: &Policy) -> Session {
    Connector::new(policy, &Provider::aws_lc(), &clock(), &[]).unwrap().session("a.test").unwrap()
}

/// Which side failed, and why.
#[derive(Debug)]
pub(crate) enum Broken {
    Client(Failure),
    Server(Failure),
    /// Neither has anything to say, and one of them waits.
    Stalled,
}

/// Carries bytes between two sessions until both are open, and all that is on its way then.
pub(crate) fn shake(client: &mut Session, server: &mut Session) -> Result<(), Broken> {
    loop {
        let there = carry(client, server).map_err(Broken::Server)?;
        if server.is_greeted() {
            server.answer().map_err(Broken::Server)?;
        }
        let back = carry(server, client).map_err(Broken::Client)?;
        if !there && !back {
            return if client.is_open() && server.is_open() { Ok(()) } else { Err(Broken::Stalled) };
        }
    }
}

/// Carries what one has for the other; whether there was something.
pub(crate) fn carry(from: &mut Session, to: &mut Session) -> Result<bool, Failure> {
    let bytes = ciphertext(from);
    let mut rest = &bytes[..];
    while !rest.is_empty() && !to.is_greeted() {
        let taken = to.feed(rest)?;
        rest = &rest[taken..];
        if taken == 0 {
            break;
        }
    }
    Ok(!bytes.is_empty())
}

/// All that a session has for its peer.
pub(crate) fn ciphertext(session: &mut Session) -> Vec<u8> {
    let (mut all, mut room) = (Vec::new(), vec![0; 16 * 1024]);
    while session.has_ciphertext() {
        let n = session.take_ciphertext(&mut room);
        all.extend_from_slice(&room[..n]);
    }
    all
}

/// A hello made by hand, for clients that can do no more than it says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hello<'a> {
    pub(crate) host: Option<&'a str>,
    pub(crate) suites: &'a [u16],
    pub(crate) schemes: &'a [u16],
    pub(crate) groups: &'a [u16],
    /// Speaks TLS 1.3, with a share for x25519 if `shares` has none.
    pub(crate) tls13: bool,
    /// The version of clients from before TLS 1.3; that of TLS 1.2 if it is 0.
    pub(crate) version: u16,
    /// The versions that it speaks, for those that say it as since TLS 1.3.
    pub(crate) versions: &'a [u16],
    /// Groups and what it has for them.
    pub(crate) shares: &'a [(u16, &'a [u8])],
}

impl Hello<'_> {
    /// The record that it comes in.
    pub(crate) fn record(&self) -> Vec<u8> {
        let mut extensions = Vec::new();
        let mut extension =
            |id: u16, inside: Vec<u8>| extensions.extend([&id.to_be_bytes()[..], &long(&inside)].concat());
        if let Some(host) = self.host {
            extension(0, long(&[&[0][..], &long(host.as_bytes())].concat()));
        }
        extension(10, long(&numbers(self.groups)));
        extension(11, vec![1, 0]);
        if !self.schemes.is_empty() {
            extension(13, long(&numbers(self.schemes)));
        }
        let versions = if self.tls13 && self.versions.is_empty() { &[0x0304] } else { self.versions };
        if !versions.is_empty() {
            let versions = numbers(versions);
            extension(43, [&[u8::try_from(versions.len()).unwrap()][..], &versions].concat());
        }
        if self.tls13 {
            let shares = if self.shares.is_empty() { &[(0x001D, &[9; 32][..])] } else { self.shares };
            let share = |(group, share): &(u16, &[u8])| [&group.to_be_bytes()[..], &long(share)].concat();
            extension(51, long(&shares.iter().flat_map(share).collect::<Vec<u8>>()));
        }
        let suites = long(&numbers(self.suites));
        let version = if self.version == 0 { 0x0303 } else { self.version };
        let body = [&version.to_be_bytes()[..], &[7; 32], &[0], &suites, &[1, 0], &long(&extensions)].concat();
        let handshake = [&[1, 0][..], &long(&body)].concat();
        [&[22, 3, 1][..], &long(&handshake)].concat()
    }
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// With its length before it, in two bytes.
fn long(inside: &[u8]) -> Vec<u8> {
    [&u16::try_from(inside.len()).unwrap().to_be_bytes()[..], inside].concat()
}
