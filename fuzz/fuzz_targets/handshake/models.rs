//! What is made once: certificates with their keys, what listeners ask, and clients of every kind.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SerialNumber, date_time_ymd};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use sluicegate::config::{Config, HealthCheck, Listener, Protocol};
use sluicegate::tls::{Identity, MutualAuthentication, Policy, Provider, Terms, TrustStore, Verify};

use crate::cheap;

pub static MODELS: LazyLock<Models> = LazyLock::new(Models::new);

/// Three of HTTPS, which ask clients for nothing, for a certificate that is verified, and for any; and one of HTTP.
pub const PORTS: [u16; 4] = [443, 444, 445, 80];

pub struct Models {
    pub provider: Provider,
    pub identity: Arc<Identity>,
    other: Arc<Identity>,
    verify: MutualAuthentication,
    /// Clients with both versions, the older one, a certificate that is vouched for, another's, and none at all.
    clients: Vec<Arc<ClientConfig>>,
}

/// What a configuration is like.
#[derive(Clone, Copy)]
pub struct Plan {
    pub targets: u8,
    pub checked: bool,
    pub secure_targets: bool,
    /// Without TLS 1.3.
    pub old: bool,
    /// One bit for each port that has no listener.
    pub closed: u8,
}

impl Models {
    fn new() -> Models {
        let provider = Provider::from(cheap::cryptography());
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = parameters("ca.example");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let bundle = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::from_params(&ca, &ca_key);
        let store = TrustStore::new("store", bundle.as_bytes(), &[] as &[Vec<u8>], &provider).unwrap();
        let verify = Verify { store: Arc::new(store), ignore_expiry: false, advertise: true };
        let identity = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let chain = parameters(name).self_signed(&key).unwrap().pem();
            let arn = format!("arn:aws:acm:eu-central-1:000000000000:certificate/{name}");
            let key = key.serialize_pem();
            Arc::new(Identity::from_pem(&arn, chain.as_bytes(), key.as_bytes(), &provider).unwrap())
        };
        let shown = |chain: &[Vec<u8>], key: &KeyPair| {
            let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
            let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).unwrap();
            Arc::new(CertifiedKey::new(chain.iter().cloned().map(CertificateDer::from).collect(), key))
        };
        let key = KeyPair::generate().unwrap();
        let good = parameters("good.example").signed_by(&key, &issuer).unwrap().der().to_vec();
        let strange = parameters("strange.example").self_signed(&key).unwrap().der().to_vec();
        let clients = [
            client(None, false),
            client(None, true),
            client(Some(shown(&[good.clone()], &key)), false),
            client(Some(shown(&[good], &key)), true),
            client(Some(shown(&[strange], &key)), false),
            client(Some(shown(&[vec![0x30, 0x03, 1, 2, 3]], &key)), true),
        ];
        Models {
            identity: identity("localhost"),
            other: identity("other.example"),
            verify: MutualAuthentication::Verify(Arc::new(verify)),
            clients: clients.into_iter().map(Arc::new).collect(),
            provider,
        }
    }

    /// The clients of one input: what they remember of sessions, nobody else does.
    pub fn clients(&self) -> Vec<Arc<ClientConfig>> {
        let anew = |config: &Arc<ClientConfig>| {
            let mut config = ClientConfig::clone(config);
            config.resumption = Resumption::in_memory_sessions(8);
            Arc::new(config)
        };
        self.clients.iter().map(anew).collect()
    }

    pub fn config(&self, plan: Plan) -> Config {
        let targets: Vec<SocketAddr> =
            (0..u16::from(plan.targets)).map(|n| ([127, 0, 0, 1], 9000 + n).into()).collect();
        let mut config = Config::forwarding(443, &targets);
        config.groups[0].protocol = if plan.secure_targets { Protocol::Https } else { Protocol::Http };
        let interval = Duration::from_secs(5);
        config.groups[0].health_check = HealthCheck {
            enabled: plan.checked,
            protocol: config.groups[0].protocol,
            interval,
            ..HealthCheck::default()
        };
        config.listeners.clear();
        for (at, port) in PORTS.into_iter().enumerate().filter(|(at, _)| plan.closed >> at & 1 == 0) {
            let Some(listener) = Config::forwarding(port, &[]).listeners.pop() else { continue };
            let tls = self.terms(at, plan.old);
            let protocol = if tls.is_some() { Protocol::Https } else { Protocol::Http };
            config.listeners.push(Listener { protocol, tls, arn: format!("{}{at}", listener.arn), ..listener });
        }
        config
    }

    fn terms(&self, at: usize, old: bool) -> Option<Terms> {
        let mutual = match at {
            0 => MutualAuthentication::Off,
            1 => self.verify.clone(),
            2 => MutualAuthentication::Passthrough,
            _ => return None,
        };
        let policy = if old { "ELBSecurityPolicy-TLS-1-2-2017-01" } else { "ELBSecurityPolicy-TLS13-1-2-2021-06" };
        let policy = Policy::named(policy)?;
        let list = vec![Arc::clone(&self.other)];
        Some(Terms { list, mutual, ..Terms::new(policy, Arc::clone(&self.identity)) })
    }
}

fn parameters(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(2040, 1, 1);
    parameters.serial_number = Some(SerialNumber::from_slice(&[0x42, 1]));
    parameters
}

fn client(shown: Option<Arc<CertifiedKey>>, old: bool) -> ClientConfig {
    let versions: &[_] = if old { &[&TLS12] } else { &[&TLS13, &TLS12] };
    let builder = ClientConfig::builder_with_provider(Arc::new(cheap::cryptography()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody));
    let mut config = match shown {
        Some(shown) => builder.with_client_cert_resolver(Arc::new(Shows(shown))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

/// Shows a certificate whatever it is.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
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
