//! Certificates, keys, bundles and revocation lists of strangers. The first byte says what the rest is, see [`Kind`]. Whatever
//! it is, it is read or refused, and what targets and logs are told of it stays on its line.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    RevokedCertParams, SerialNumber, SigningKey as _, date_time_ymd,
};
use sluicegate::time::Wall;
use sluicegate::tls::{Certificate, Identity, MutualAuthentication, Presented, Provider, TrustStore, Verify};

/// What an input is. What is made from a model, and signed again, comes where strangers' bytes rarely do.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A certificate, DER.
    Certificate,
    /// A chain and a key, PEM, with a zero byte in between. Where one is empty, a good one is there.
    Identity,
    /// A bundle and files with revocation lists, with zero bytes in between; an empty bundle is a good one.
    TrustStore,
    /// A field's number, and what is put in its place in a client's certificate.
    Client,
    /// The same in a CA's certificate.
    Authority,
    /// The same in a revocation list.
    List,
    /// Octets to be changed in a client's certificate: two bytes say where, and one is the new one.
    Edited,
}

const KINDS: [Kind; 7] =
    [Kind::Certificate, Kind::Identity, Kind::TrustStore, Kind::Client, Kind::Authority, Kind::List, Kind::Edited];

const CERTIFICATES_OF_A_BUNDLE_MAX: usize = 25;

/// Long before everything, in its time, and long after it.
const TIMES: [Wall; 3] = [Wall::from_micros(0), Wall::from_micros(1_800_000_000_000_000), Wall::from_micros(u64::MAX)];

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else { return };
    let models = &*MODELS;
    match KINDS[usize::from(kind) % KINDS.len()] {
        Kind::Certificate => check_certificate(rest, models),
        Kind::Identity => {
            let (chain, key) = halves(rest);
            let chain = if chain.is_empty() { models.chain.as_bytes() } else { chain };
            check_identity(chain, if key.is_empty() { models.key.as_bytes() } else { key });
        }
        Kind::TrustStore => {
            let (bundle, lists) = halves(rest);
            let lists: Vec<&[u8]> = lists.split(|byte| *byte == 0).collect();
            check_store(if bundle.is_empty() { models.bundle.as_bytes() } else { bundle }, &lists);
        }
        Kind::Client => {
            let der = models.with_field(&models.client, rest);
            check_certificate(&der, models);
            check_identity(pem(&der).as_bytes(), models.key.as_bytes());
        }
        Kind::Authority => {
            let der = models.with_field(&models.authority, rest);
            check_certificate(&der, models);
            check_store(pem(&der).as_bytes(), &[&models.list]);
            check_identity([models.chain.as_bytes(), pem(&der).as_bytes()].concat().as_slice(), models.key.as_bytes());
        }
        Kind::List => {
            let der = models.with_field(&models.list, rest);
            check_store(models.bundle.as_bytes(), &[&der, &models.list]);
        }
        Kind::Edited => {
            let mut der = models.client.clone();
            for edit in rest.chunks_exact(3) {
                let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) % der.len();
                der[at] = edit[2];
            }
            check_certificate(&der, models);
        }
    }
});

/// What is before the first zero byte, and what is after it.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    (&bytes[..at], bytes.get(at + 1..).unwrap_or_default())
}

fn check_certificate(der: &[u8], models: &Models) {
    if let Ok(certificate) = Certificate::parse(der) {
        assert_eq!(certificate.der, der);
        assert_eq!(certificate.is_self_issued(), certificate.is_issued_by(&certificate));
        assert!(Certificate::parse(&der[..der.len() - 1]).is_err(), "a part of it is one, too");
        assert!(Certificate::parse(&[der, &[0]].concat()).is_err(), "with something after it, too");
        for name in &certificate.names {
            assert!(!name.bytes().any(|byte| byte.is_ascii_uppercase()), "{name:?}");
        }
    }
    for mode in [&MutualAuthentication::Off, &MutualAuthentication::Passthrough, &models.verify] {
        for chain in [&[der][..], &[der, &models.authority], &[&models.client, der]] {
            check_presented(&Presented::new(chain, mode), chain, mode);
        }
    }
}

/// What is told is printable ASCII, field by field; a chain that is passed through is there to the octet.
fn check_presented(presented: &Presented, chain: &[&[u8]], mode: &MutualAuthentication) {
    let Presented { lines, subject, validity, serial } = presented;
    for text in [subject, validity, serial] {
        assert!(text.bytes().all(is_printable), "{text:?}");
    }
    let fields: Vec<(&str, &str)> = presented.fields().collect();
    let again: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    assert_eq!(lines, again.as_bytes(), "the lines are the fields");
    for (name, value) in &fields {
        assert!(name.starts_with("X-Amzn-Mtls-Clientcert"), "{name:?}");
        assert!(value.bytes().all(is_printable), "{value:?}");
    }
    match mode {
        MutualAuthentication::Off => assert!(fields.is_empty()),
        MutualAuthentication::Passthrough => {
            let told: String = fields.iter().map(|(_, value)| *value).collect();
            let shown: String = chain.iter().map(|der| pem(der)).collect();
            assert_eq!(told.replace("%20", " ").replace("%0A", "\n"), shown);
        }
        MutualAuthentication::Verify(_) => {
            let expected = if Certificate::parse(chain[0]).is_ok() { 5 } else { 0 };
            assert_eq!(fields.len(), expected, "{fields:?}");
        }
    }
}

fn check_identity(chain: &[u8], key: &[u8]) {
    match Identity::from_pem("arn:aws:acm:eu-central-1:000000000000:certificate/fuzz", chain, key, &Provider::aws_lc())
    {
        Ok(identity) => {
            for name in identity.names().iter().filter(|name| !name.starts_with("*.")) {
                let name = name.strip_suffix('.').unwrap_or(name);
                assert!(identity.is_for(name), "{name:?} of {identity:?}");
            }
            check_sentences(TIMES.iter().flat_map(|now| identity.warnings(*now)));
        }
        Err(error) => check_sentences([error.to_string()]),
    }
}

fn check_store<L: AsRef<[u8]>>(bundle: &[u8], lists: &[L]) {
    match TrustStore::new("fuzz", bundle, lists, &Provider::aws_lc()) {
        Ok(store) => {
            assert!((1..=CERTIFICATES_OF_A_BUNDLE_MAX).contains(&store.certificates()), "{store:?}");
            check_sentences(TIMES.iter().flat_map(|now| store.warnings(*now)));
        }
        Err(error) => check_sentences([error.to_string()]),
    }
}

/// They are shown to operators, on a line each.
fn check_sentences(sentences: impl IntoIterator<Item = String>) {
    for sentence in sentences {
        assert!(!sentence.is_empty() && !sentence.contains(char::is_control), "{sentence:?}");
    }
}

fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

/// Good ones of everything. Their keys are made when the target starts, so that none is kept in a file.
struct Models {
    ca_key: KeyPair,
    /// A server's chain and its key, PEM.
    chain: String,
    key: String,
    bundle: String,
    /// DER.
    client: Vec<u8>,
    authority: Vec<u8>,
    list: Vec<u8>,
    verify: MutualAuthentication,
}

static MODELS: LazyLock<Models> = LazyLock::new(Models::new);

impl Models {
    fn new() -> Models {
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut ca = parameters("ca");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = ca.self_signed(&ca_key).unwrap().der().to_vec();
        let issuer = Issuer::from_params(&ca, &ca_key);
        let client = parameters("client.example").signed_by(&key, &issuer).unwrap().der().to_vec();
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[1]),
            revocation_time: date_time_ymd(2023, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2023, 1, 1),
            next_update: date_time_ymd(2033, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&issuer).unwrap().der().to_vec();
        let bundle = pem(&authority);
        let store = TrustStore::new("fuzz", bundle.as_bytes(), &[&list], &Provider::aws_lc()).unwrap();
        let verify = Verify { store: Arc::new(store), ignore_expiry: false, advertise: true };
        let verify = MutualAuthentication::Verify(Arc::new(verify));
        let (chain, key) = (pem(&client), key.serialize_pem());
        drop(issuer);
        let models = Models { ca_key, chain, key, bundle, client, authority, list, verify };
        check_identity(models.chain.as_bytes(), models.key.as_bytes());
        models
    }

    /// One of them with something else in the place of a field, or after the last, and signed again.
    fn with_field(&self, der: &[u8], what: &[u8]) -> Vec<u8> {
        let [contents, algorithm, ..] = parts(der)[..] else { return Vec::new() };
        let mut fields = parts(contents);
        if let Some((&number, with)) = what.split_first() {
            match fields.get_mut(usize::from(number)) {
                Some(field) => *field = with,
                None => fields.push(with),
            }
        }
        let contents = field(0x30, &fields.concat());
        let signature = self.ca_key.sign(&contents).unwrap();
        let signature = field(3, &[&[0][..], &signature].concat());
        field(0x30, &[&contents[..], algorithm, &signature].concat())
    }
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new([name.to_owned(), format!("*.{name}")]).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2040, 1, 1);
    parameters.serial_number = Some(SerialNumber::from_slice(&[0x42, 1]));
    parameters
}

/// A field, DER.
fn field(tag: u8, inside: &[u8]) -> Vec<u8> {
    let length = inside.len().to_be_bytes();
    let length = &length[length.iter().position(|octet| *octet > 0).unwrap_or(7)..];
    let header = match length {
        [short @ 0..0x80] => vec![tag, *short],
        long => [&[tag, 0x80 | long.len() as u8], long].concat(),
    };
    [&header, inside].concat()
}

/// The fields inside of a good one, DER, each with its header.
fn parts(sequence: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut parts) = (&sequence[header(sequence).0..], Vec::new());
    while !rest.is_empty() {
        let (header, inside) = header(rest);
        let (part, after) = rest.split_at(header + inside);
        parts.push(part);
        rest = after;
    }
    parts
}

/// How long the header is, and what is inside.
fn header(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ 0..0x80 => (2, usize::from(short)),
        long => {
            let octets = usize::from(long & 0x7f);
            (2 + octets, der[2..2 + octets].iter().fold(0, |all, octet| all << 8 | usize::from(*octet)))
        }
    }
}

fn pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in der.chunks(48) {
        for octets in line.chunks(3) {
            let all = (0..3).fold(0, |all, at| all << 8 | usize::from(octets.get(at).copied().unwrap_or(0)));
            let column = |at| if at <= octets.len() { char::from(ALPHABET[all >> (18 - 6 * at) & 63]) } else { '=' };
            out.extend((0..4).map(column));
        }
        out.push('\n');
    }
    out + "-----END CERTIFICATE-----\n"
}
