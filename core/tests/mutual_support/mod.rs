//! For tests of mutual TLS: CAs, client certificates of every kind, revocation lists, and handshakes in memory.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    PublicKeyData, RevokedCertParams, SerialNumber, SigningKey as _, date_time_ymd,
};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use sluicegate::time::Wall;
use sluicegate::tls::{
    Acceptor, Clock, Failure, Identity, MutualAuthentication, Policy, Presented, Provider, Session, Terms,
    TicketKeeper, TrustStore, Verify, Version,
};

/// 2023-11-14T22:13:20Z, when everything here happens.
pub(crate) const NOW: Wall = Wall::from_micros(1_700_000_000_000_000);

pub(crate) fn provider() -> Provider {
    aws_lc_rs::default_provider().into()
}

/// A certificate that is valid from 2020 to 2030, with a number of its own.
pub(crate) fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2030, 1, 1);
    parameters.serial_number = Some(SerialNumber::from_slice(&[0x42, 1]));
    parameters
}

/// One who signs certificates.
pub(crate) struct Ca {
    pub(crate) parameters: CertificateParams,
    pub(crate) key: KeyPair,
    pub(crate) der: Vec<u8>,
}

pub(crate) fn ca_parameters(name: &str) -> CertificateParams {
    let mut parameters = parameters(name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

impl Ca {
    pub(crate) fn root(name: &str) -> Ca {
        Ca::root_of(ca_parameters(name), KeyPair::generate().unwrap())
    }

    pub(crate) fn root_of(parameters: CertificateParams, key: KeyPair) -> Ca {
        let der = parameters.self_signed(&key).unwrap().der().to_vec();
        Ca { parameters, key, der }
    }

    /// A CA below this one.
    pub(crate) fn below(&self, parameters: CertificateParams) -> Ca {
        let key = KeyPair::generate().unwrap();
        let der = self.signs(&parameters, &key);
        Ca { parameters, key, der }
    }

    pub(crate) fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.parameters, &self.key)
    }

    pub(crate) fn signs(&self, parameters: &CertificateParams, key: &impl PublicKeyData) -> Vec<u8> {
        parameters.signed_by(key, &self.issuer()).unwrap().der().to_vec()
    }

    /// A client of that name.
    pub(crate) fn client(&self, name: &str) -> Client {
        self.client_of(parameters(name))
    }

    pub(crate) fn client_of(&self, parameters: CertificateParams) -> Client {
        let key = KeyPair::generate().unwrap();
        Client { chain: vec![self.signs(&parameters, &key)], key }
    }

    /// What `contents` is the signed part of, signed: a certificate or a list.
    pub(crate) fn seals(&self, contents: &[u8]) -> Vec<u8> {
        let signature = self.key.sign(contents).unwrap();
        let signature = field(3, &[&[0][..], &signature].concat());
        field(0x30, &[contents, &algorithm(), &signature].concat())
    }

    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    /// The certificate of one of its clients with other contents: each field may be changed.
    pub(crate) fn reseals(&self, der: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
        let mut fields: Vec<Vec<u8>> = parts(parts(der)[0]).into_iter().map(<[u8]>::to_vec).collect();
        change(&mut fields);
        self.seals(&field(0x30, &fields.concat()))
    }

    /// A list of revoked numbers, DER.
    pub(crate) fn revokes(&self, numbers: &[&[u8]]) -> Vec<u8> {
        let revoked = |number: &&[u8]| RevokedCertParams {
            serial_number: SerialNumber::from_slice(number),
            revocation_time: date_time_ymd(2023, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        self.lists(CertificateRevocationListParams {
            this_update: date_time_ymd(2023, 1, 1),
            next_update: date_time_ymd(2024, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: numbers.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        })
    }

    pub(crate) fn lists(&self, parameters: CertificateRevocationListParams) -> Vec<u8> {
        parameters.signed_by(&self.issuer()).unwrap().der().to_vec()
    }
}

/// A chain, the client's own certificate first, and its key.
pub(crate) struct Client {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: KeyPair,
}

impl Client {
    /// It presents that certificate, too.
    pub(crate) fn with(mut self, der: &[u8]) -> Client {
        self.chain.push(der.to_vec());
        self
    }
}

pub(crate) fn store(cas: &[&Ca], lists: &[Vec<u8>]) -> Arc<TrustStore> {
    let bundle: String = cas.iter().map(|ca| ca.pem()).collect();
    Arc::new(TrustStore::new("store", bundle.as_bytes(), lists, &provider()).unwrap())
}

pub(crate) fn verify(store: &Arc<TrustStore>) -> MutualAuthentication {
    let verify = Verify { store: Arc::clone(store), ignore_expiry: false, advertise: false };
    MutualAuthentication::Verify(Arc::new(verify))
}

pub(crate) fn ignoring_expiry(store: &Arc<TrustStore>) -> MutualAuthentication {
    let verify = Verify { store: Arc::clone(store), ignore_expiry: true, advertise: false };
    MutualAuthentication::Verify(Arc::new(verify))
}

/// DER of that tag.
pub(crate) fn field(tag: u8, inside: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let length = inside.len().to_be_bytes();
    match length.iter().position(|octet| *octet != 0) {
        None => out.push(0),
        Some(7) if length[7] < 0x80 => out.push(length[7]),
        Some(from) => {
            out.push(0x80 + u8::try_from(8 - from).unwrap());
            out.extend_from_slice(&length[from..]);
        }
    }
    out.extend_from_slice(inside);
    out
}

/// What is inside of a sequence, DER: its fields, each with its header.
pub(crate) fn parts(sequence: &[u8]) -> Vec<&[u8]> {
    let length = |der: &[u8]| match der[1] {
        short @ 0..0x80 => 2 + usize::from(short),
        long => {
            let octets = usize::from(long & 0x7f);
            2 + octets + der[2..2 + octets].iter().fold(0, |all, octet| all << 8 | usize::from(*octet))
        }
    };
    let header = if sequence[1] < 0x80 { 2 } else { 2 + usize::from(sequence[1] & 0x7f) };
    let mut rest = &sequence[header..];
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, after) = rest.split_at(length(rest));
        parts.push(part);
        rest = after;
    }
    parts
}

/// The algorithm of what [`Ca::seals`].
pub(crate) fn algorithm() -> Vec<u8> {
    field(0x30, &field(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]))
}

/// A name that is a common name.
pub(crate) fn common_name(name: &str) -> Vec<u8> {
    field(0x30, &field(0x31, &field(0x30, &[field(6, &[0x55, 4, 3]), field(12, name.as_bytes())].concat())))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let all = (0..3).fold(0usize, |all, at| all << 8 | usize::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let character = if at <= chunk.len() { ALPHABET[all >> (18 - 6 * at) & 63] } else { b'=' };
            out.push(char::from(character));
        }
    }
    out
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let mut out = format!("-----BEGIN {label}-----\n");
    let base64 = base64(der);
    for line in base64.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).unwrap());
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// What has exactly that length: made with more or less of something until it has, since signatures differ in length.
pub(crate) fn of_length<T>(length: usize, make: impl Fn(usize) -> T, measure: impl Fn(&T) -> usize) -> T {
    let mut amount = length - 400;
    for _ in 0..1000 {
        let made = make(amount);
        match measure(&made) {
            exact if exact == length => return made,
            other => amount = amount + length - other,
        }
    }
    panic!("nothing has {length} bytes");
}

/// A client's certificate with every place where `from` is made `to`.
pub(crate) fn replaced(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = der.to_vec();
    let places: Vec<usize> = (0..der.len()).filter(|at| der[*at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        out[at..at + to.len()].copy_from_slice(to);
    }
    out
}

/// What came of a handshake.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What the server's end says.
    pub(crate) result: Result<(), Failure>,
    /// What targets would be told.
    pub(crate) presented: Presented,
    /// The names of CAs that the client was told.
    pub(crate) hints: Vec<Vec<u8>>,
    /// The client was asked for a certificate.
    pub(crate) asked: bool,
    /// Tickets that the client got.
    pub(crate) tickets: u32,
}

/// A handshake of TLS 1.2 and one of TLS 1.3: in both, what the connection log would say.
pub(crate) fn verdict(mutual: &MutualAuthentication, client: &Client) -> &'static str {
    let [one, other] = [Version::Tls12, Version::Tls13].map(|version| {
        let outcome = handshake(mutual, Some(client), version);
        match outcome.result {
            Ok(()) => "Success",
            Err(Failure::ClientCertificate(rejected)) => {
                assert_eq!(rejected.leaf, client.chain[0]);
                rejected.reason.code()
            }
            Err(other) => panic!("{other:?}"),
        }
    });
    assert_eq!(one, other);
    one
}

pub(crate) fn handshake(mutual: &MutualAuthentication, client: Option<&Client>, version: Version) -> Outcome {
    let shows = Arc::new(Shows { client: client.map(certified), asked: Mutex::default() });
    let mut client = ClientConnection::new(Arc::new(config(&shows, version)), "a.test".try_into().unwrap()).unwrap();
    let acceptor = Arc::new(acceptor(mutual));
    let mut server = acceptor.session();
    let mut result = Ok(());
    for _ in 0..8 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        if result.is_ok() {
            result = take(&mut server, &bytes);
        }
        let mut room = [0; 0x8000];
        loop {
            let n = server.take_ciphertext(&mut room);
            if n == 0 {
                break;
            }
            let mut rest = &room[..n];
            while !rest.is_empty() {
                client.read_tls(&mut rest).unwrap();
                if client.process_new_packets().is_err() {
                    break;
                }
            }
        }
    }
    if result.is_ok() {
        assert!(server.is_open());
    }
    let asked = shows.asked.lock().unwrap().clone();
    Outcome {
        presented: Presented::new(&server.peer_chain(), mutual),
        result,
        hints: asked.clone().unwrap_or_default(),
        asked: asked.is_some(),
        tickets: client.tls13_tickets_received(),
    }
}

fn take(server: &mut Session, mut bytes: &[u8]) -> Result<(), Failure> {
    while !bytes.is_empty() {
        let taken = server.feed(bytes)?;
        bytes = &bytes[taken..];
        server.answer()?;
    }
    Ok(())
}

#[derive(Debug)]
struct Keeper;

impl TicketKeeper for Keeper {
    fn lifetime(&self) -> u32 {
        3600
    }

    fn seal(&self, inside: &[u8]) -> Option<Vec<u8>> {
        Some(inside.to_vec())
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        Some(ticket.to_vec())
    }
}

fn acceptor(mutual: &MutualAuthentication) -> Acceptor {
    let key = KeyPair::generate().unwrap();
    let mut own = parameters("a.test");
    own.subject_alt_names = vec![rcgen::SanType::DnsName("a.test".try_into().unwrap())];
    let chain = own.self_signed(&key).unwrap().pem();
    let identity = Identity::from_pem("arn", chain.as_bytes(), key.serialize_pem().as_bytes(), &provider()).unwrap();
    let policy = Policy::named("ELBSecurityPolicy-TLS13-1-2-2021-06").unwrap();
    let terms = Terms { mutual: mutual.clone(), ..Terms::new(policy, Arc::new(identity)) };
    let clock = Clock::default();
    clock.set(NOW);
    Acceptor::new(&terms, &provider(), &clock, Some(Arc::new(Keeper)), &[]).unwrap()
}

fn config(shows: &Arc<Shows>, version: Version) -> ClientConfig {
    let versions = match version {
        Version::Tls12 => [&rustls::version::TLS12],
        _ => [&rustls::version::TLS13],
    };
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_client_cert_resolver(Arc::clone(shows) as Arc<dyn ResolvesClientCert>)
}

fn certified(client: &Client) -> Arc<CertifiedKey> {
    let key = PrivateKeyDer::Pkcs8(client.key.serialize_der().into());
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).unwrap();
    Arc::new(CertifiedKey::new(client.chain.iter().map(|der| CertificateDer::from(der.clone())).collect(), key))
}

/// Shows a certificate whatever it is, and notes what it was asked.
#[derive(Debug)]
struct Shows {
    client: Option<Arc<CertifiedKey>>,
    asked: Mutex<Option<Vec<Vec<u8>>>>,
}

impl ResolvesClientCert for Shows {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.asked.lock().unwrap() = Some(hints.iter().map(|hint| hint.to_vec()).collect());
        self.client.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
