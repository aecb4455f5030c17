//! A vault in memory, certificates that are made when a test needs them, and templates that name them.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer, KeyIdMethod, KeyPair,
    RevokedCertParams, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use sluicegate::config::template::Inputs;
use sluicegate::config::{Config, Listener};
use sluicegate::time::Wall;
use sluicegate::tls::{Identity, Keyring, Pem, Provider, Terms, Vault};

use crate::template_support::{errors_with, lines, load_with, with};

/// What `Ref` of an ACM certificate of that name is, and any other of that account.
pub fn arn(name: &str) -> String {
    format!("arn:aws:acm:us-east-1:000000000000:certificate/{name}")
}

/// Midday of 21 November 2026.
pub const NOW: Wall = Wall::from_micros(1_795_262_400_000_000);

/// Holds what it was given, and notes what it is asked for.
#[derive(Debug, Default)]
pub struct Shelf {
    certificates: BTreeMap<String, Pem>,
    objects: BTreeMap<String, Vec<u8>>,
    pub asked: Mutex<Vec<String>>,
}

impl Shelf {
    /// A shelf with a certificate under each of these names.
    pub fn with(names: &[&str]) -> Shelf {
        names.iter().fold(Shelf::default(), |shelf, name| shelf.certificate(&arn(name), pem("shop.example")))
    }

    #[must_use]
    pub fn certificate(mut self, arn: &str, pem: Pem) -> Shelf {
        self.certificates.insert(arn.to_owned(), pem);
        self
    }

    #[must_use]
    pub fn object(mut self, place: &str, bytes: impl AsRef<[u8]>) -> Shelf {
        self.objects.insert(place.to_owned(), bytes.as_ref().to_vec());
        self
    }

    /// Inputs that know this shelf, and the shelf to look at afterwards.
    pub fn inputs(self) -> (Inputs, Arc<Shelf>) {
        let shelf = Arc::new(self);
        let keyring = Keyring { vault: Arc::clone(&shelf) as Arc<dyn Vault>, provider: Provider::aws_lc(), now: NOW };
        (Inputs { keyring: Some(keyring), ..Inputs::default() }, shelf)
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

impl Vault for Shelf {
    fn certificate(&self, arn: &str) -> Result<Pem, String> {
        self.asked.lock().expect("nobody panicked").push(arn.to_owned());
        self.certificates.get(arn).cloned().ok_or_else(|| "no file has this certificate".to_owned())
    }

    fn object(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Vec<u8>, String> {
        let version = version.map(|version| format!("?{version}")).unwrap_or_default();
        let place = format!("s3://{bucket}/{key}{version}");
        self.asked.lock().expect("nobody panicked").push(place.clone());
        self.objects.get(&place).cloned().ok_or_else(|| format!("{place} is not there"))
    }
}

/// A certificate for a host, signed by itself.
pub fn pem(host: &str) -> Pem {
    pem_of(host, &rcgen::PKCS_ECDSA_P256_SHA256, |_| {})
}

/// The same with a key of that kind, and whatever else is special about it.
pub fn pem_of(host: &str, algorithm: &'static SignatureAlgorithm, special: impl FnOnce(&mut CertificateParams)) -> Pem {
    let key = KeyPair::generate_for(algorithm).expect("a key");
    let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a host");
    special(&mut params);
    let certificate = params.self_signed(&key).expect("a certificate");
    Pem { chain: certificate.pem().into_bytes(), key: key.serialize_pem().into_bytes() }
}

/// A CA that vouches for clients.
pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    /// One whose certificate is valid until the first day of that year.
    pub fn until(year: i32) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no host");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(year, 1, 1);
        Authority { params, key: KeyPair::generate().expect("a key") }
    }

    pub fn bundle(&self) -> Vec<u8> {
        self.params.self_signed(&self.key).expect("a certificate").pem().into_bytes()
    }

    /// A list of revoked numbers, DER, that is good until the first day of that year.
    pub fn revokes(&self, numbers: &[u8], year: i32) -> Vec<u8> {
        let revoked = |number: &u8| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[*number]),
            revocation_time: date_time_ymd(2025, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: numbers.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&Issuer::from_params(&self.params, &self.key)).expect("a list").der().to_vec()
    }
}

/// [`with`] an HTTPS listener `Https` on port 443, whose properties begin on line 11 and end with these.
pub fn https(properties: &str) -> String {
    https_and(properties, "")
}

/// The same with more resources.
pub fn https_and(properties: &str, more: &str) -> String {
    with(&format!("{}{more}", listener("Https", 443, properties)))
}

/// Three lines of an HTTPS listener; it forwards to `Group`.
pub fn listener(name: &str, port: u16, properties: &str) -> String {
    format!(
        "  {name}:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {{ LoadBalancerArn: !Ref Web, Port: {port}, Protocol: HTTPS, DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}], {properties} }}
"
    )
}

/// An HTTPS listener with the certificate `main`, and these properties.
pub fn secured(properties: &str) -> String {
    https(&format!("Certificates: [{{ CertificateArn: '{}' }}], {properties}", arn("main")))
}

pub fn certificate(name: &str) -> String {
    format!("Certificates: [{{ CertificateArn: '{}' }}]", arn(name))
}

/// A `ListenerCertificate` of `Https` with these certificates.
pub fn list(name: &str, certificates: &[String]) -> String {
    let entries: Vec<String> = certificates.iter().map(|arn| format!("{{ CertificateArn: '{arn}' }}")).collect();
    format!(
        "  {name}: {{ Type: AWS::ElasticLoadBalancingV2::ListenerCertificate, Properties: {{ ListenerArn: !Ref Https, Certificates: [{}] }} }}\n",
        entries.join(", ")
    )
}

pub fn main_inputs() -> Inputs {
    Shelf::with(&["main"]).inputs().0
}

pub fn terms<'c>(config: &'c Config, name: &str) -> &'c Terms {
    let found = |listener: &&Listener| listener.logical_id == name;
    let listener = config.listeners.iter().find(found).expect("the listener");
    listener.tls.as_ref().expect("an HTTPS listener")
}

pub fn arns(identities: &[Arc<Identity>]) -> Vec<&str> {
    identities.iter().map(|identity| identity.arn.as_str()).collect()
}

/// That `good` loads without a warning and that `bad` gives exactly this error.
#[track_caller]
pub fn edge(inputs: &Inputs, good: &str, bad: &str, message: &str) {
    assert_eq!(lines(&load_with(good, inputs).warnings), [""; 0]);
    assert_eq!(errors_with(bad, inputs), [message], "{bad}");
}

/// A server certificate of the template; its texts are indented as literal blocks.
pub fn server_certificate(properties: &str, pem: &Pem) -> String {
    let block = |name: &str, text: &[u8]| {
        let text = String::from_utf8_lossy(text).replace('\n', "\n        ");
        format!("      {name}: |\n        {}\n", text.trim_end())
    };
    let (body, key) = (block("CertificateBody", &pem.chain), block("PrivateKey", &pem.key));
    format!("  Cert:\n    Type: AWS::IAM::ServerCertificate\n    Properties:\n{properties}{body}{key}")
}
