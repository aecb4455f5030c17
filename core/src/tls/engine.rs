//! Sessions, on rustls: the only file that knows it. Its buffered API is wrapped as `feed`, `take_plaintext`, `encrypt`, so
//! that the rest of the core sees bytes and facts.

use core::fmt;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, ClientConnection, Resumption};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{
    Accepted, Acceptor as HelloReader, ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert,
    ServerConfig,
};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, Connection, DigitallySignedStruct, DistinguishedName, Error, HandshakeKind, InvalidMessage,
    OtherError, ProtocolVersion, SignatureScheme, SupportedProtocolVersion,
};

use super::choose::{Offer, choose, numbers};
use super::identity::KeyError;
use super::{
    Failure, Group, Identity, MutualAuthentication, Negotiated, Policy, Rejected, Suite, Terms, TicketKeeper, Version,
};
use crate::time::Wall;

/// Signature algorithms for certificates.
pub(super) type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

/// The cryptography that sessions are made of.
#[derive(Clone, Debug)]
pub struct Provider(Arc<CryptoProvider>);

impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Provider {}

impl From<CryptoProvider> for Provider {
    fn from(provider: CryptoProvider) -> Self {
        Provider(Arc::new(provider))
    }
}

impl Provider {
    /// AWS-LC, which the programs use. Its chance is the system's.
    #[cfg(feature = "aws-lc")]
    pub fn aws_lc() -> Provider {
        use rustls::crypto::aws_lc_rs;
        static ONCE: std::sync::OnceLock<Provider> = std::sync::OnceLock::new();
        let make = || {
            let cipher_suites = aws_lc_rs::ALL_CIPHER_SUITES.to_vec();
            let kx_groups = aws_lc_rs::ALL_KX_GROUPS.to_vec();
            CryptoProvider { cipher_suites, kx_groups, ..aws_lc_rs::default_provider() }.into()
        };
        ONCE.get_or_init(make).clone()
    }

    /// Whether this cryptography can do a suite of that version.
    pub fn serves(&self, version: Version, suite: &Suite) -> bool {
        let same = |known: &&rustls::SupportedCipherSuite| {
            u16::from(known.suite()) == suite.id && version_of(known.version().version) == Some(version)
        };
        self.0.cipher_suites.iter().any(|known| same(&known))
    }

    /// Whether this cryptography can do a group.
    pub fn serves_group(&self, group: &Group) -> bool {
        self.0.kx_groups.iter().any(|known| u16::from(known.name()) == group.id)
    }

    /// Whether anything of a policy can be served.
    pub fn serves_any(&self, policy: &Policy) -> bool {
        policy.versions().any(|version| policy.suites(version).any(|suite| self.serves(version, suite)))
    }

    /// The same without the suites of some versions.
    #[must_use]
    pub fn without(&self, versions: &[Version]) -> Provider {
        let mut less = (*self.0).clone();
        less.cipher_suites
            .retain(|known| !version_of(known.version().version).is_some_and(|one| versions.contains(&one)));
        less.into()
    }

    /// The algorithms that it can verify certificates and lists with.
    pub(super) fn algorithms(&self) -> Algorithms {
        self.0.signature_verification_algorithms.all
    }

    /// The part of it that a policy allows, in the policy's order.
    fn narrowed(&self, policy: &Policy) -> Arc<CryptoProvider> {
        let mut narrowed = (*self.0).clone();
        let suites = policy.versions().flat_map(|version| policy.suites(version)).filter_map(|suite| {
            self.0.cipher_suites.iter().find(|known| u16::from(known.suite()) == suite.id).copied()
        });
        narrowed.cipher_suites = suites.collect();
        let groups = policy
            .groups()
            .filter_map(|group| self.0.kx_groups.iter().find(|known| u16::from(known.name()) == group.id).copied());
        narrowed.kx_groups = groups.collect();
        Arc::new(narrowed)
    }

    fn versions(&self, policy: &Policy) -> Vec<&'static SupportedProtocolVersion> {
        let known: [&'static SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
        let served = |version: &&SupportedProtocolVersion| {
            version_of(version.version).is_some_and(|version| {
                policy.versions().any(|allowed| allowed == version)
                    && policy.suites(version).any(|suite| self.serves(version, suite))
            })
        };
        known.into_iter().filter(|version| served(version)).collect()
    }
}

fn version_of(version: ProtocolVersion) -> Option<Version> {
    match version {
        ProtocolVersion::TLSv1_0 => Some(Version::Tls10),
        ProtocolVersion::TLSv1_1 => Some(Version::Tls11),
        ProtocolVersion::TLSv1_2 => Some(Version::Tls12),
        ProtocolVersion::TLSv1_3 => Some(Version::Tls13),
        _ => None,
    }
}

/// The wall clock as sessions see it: set by whoever is given the time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// It is that time now.
    pub fn set(&self, now: Wall) {
        self.0.store(now.micros(), Ordering::Relaxed);
    }

    /// What time it is.
    pub fn now(&self) -> Wall {
        Wall::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(core::time::Duration::from_secs(self.now().seconds())))
    }
}

/// A certificate chain with a key that fits it.
pub(super) struct Certified(Arc<CertifiedKey>);

impl fmt::Debug for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certified").finish_non_exhaustive()
    }
}

impl Certified {
    pub(super) fn new(
        chain: Vec<Vec<u8>>,
        key: PrivateKeyDer<'static>,
        provider: &Provider,
    ) -> Result<Certified, KeyError> {
        let key = provider.0.key_provider.load_private_key(key).map_err(|_| KeyError::Unsupported)?;
        let certified = CertifiedKey::new(chain.into_iter().map(CertificateDer::from).collect(), key);
        certified.keys_match().map_err(|error| match error {
            Error::InconsistentKeys(_) => KeyError::Mismatch,
            _ => KeyError::Certificate,
        })?;
        Ok(Certified(Arc::new(certified)))
    }
}

/// Shows one certificate to everybody: it has been chosen before.
#[derive(Debug)]
struct Chosen(Arc<CertifiedKey>);

impl ResolvesServerCert for Chosen {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Tickets(Arc<dyn TicketKeeper>);

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.seal(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.open(cipher)
    }
}

/// Judges client certificates as a listener asks.
#[derive(Debug)]
struct ClientJudge {
    mutual: MutualAuthentication,
    known: WebPkiSupportedAlgorithms,
    advertised: Vec<DistinguishedName>,
}

impl ClientCertVerifier for ClientJudge {
    fn client_auth_mandatory(&self) -> bool {
        matches!(self.mutual, MutualAuthentication::Verify(_))
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.advertised
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain: Vec<&[u8]> = core::iter::once(leaf).chain(others).map(AsRef::as_ref).collect();
        let now = Wall::from_micros(now.as_secs().saturating_mul(1_000_000));
        match self.mutual.verify(&chain, now) {
            Ok(()) => Ok(ClientCertVerified::assertion()),
            Err(rejected) => Err(CertificateError::Other(OtherError(Arc::new(rejected))).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.known.supported_schemes()
    }
}

/// Takes every target for what it says it is: its certificate is not validated (guide TG-11), and what it signs proves
/// nothing without one.
#[derive(Debug)]
struct AnyTarget(Vec<SignatureScheme>);

impl ServerCertVerifier for AnyTarget {
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
        self.0.clone()
    }
}

/// Makes sessions of the connections that come to a listener.
#[derive(Debug)]
pub struct Acceptor {
    /// One for each certificate, the default one first.
    doors: Vec<Door>,
}

#[derive(Debug)]
struct Door {
    identity: Arc<Identity>,
    config: Arc<ServerConfig>,
}

impl Acceptor {
    /// `None` if the listener has no certificate, or its policy leaves nothing that the provider serves. With a ticket
    /// keeper, sessions can be resumed, unless clients show certificates (guide MTLS-04). `protocols` are offered to
    /// clients that ask for one (ALPN).
    pub fn new(
        terms: &Terms,
        provider: &Provider,
        clock: &Clock,
        keeper: Option<Arc<dyn TicketKeeper>>,
        protocols: &[&[u8]],
    ) -> Option<Acceptor> {
        let default = terms.default.as_ref()?;
        let narrowed = provider.narrowed(terms.policy);
        let versions = provider.versions(terms.policy);
        let keeper = keeper.filter(|_| !terms.mutual.asks());
        let judge = terms.mutual.asks().then(|| {
            let advertised = terms.mutual.advertised().into_iter().map(DistinguishedName::from).collect();
            let known = provider.0.signature_verification_algorithms;
            Arc::new(ClientJudge { mutual: terms.mutual.clone(), known, advertised })
        });
        let door = |identity: &Arc<Identity>| {
            let builder = ServerConfig::builder_with_details(Arc::clone(&narrowed), Arc::new(clock.clone()))
                .with_protocol_versions(&versions)
                .ok()?;
            let builder = match &judge {
                Some(judge) => builder.with_client_cert_verifier(Arc::clone(judge) as Arc<dyn ClientCertVerifier>),
                None => builder.with_no_client_auth(),
            };
            let chosen = Chosen(Arc::clone(&identity.certified().0));
            let mut config = builder.with_cert_resolver(Arc::new(chosen));
            config.ignore_client_order = true;
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            config.session_storage = Arc::new(NoServerSessionStorage {});
            match &keeper {
                Some(keeper) => config.ticketer = Arc::new(Tickets(Arc::clone(keeper))),
                None => config.send_tls13_tickets = 0,
            }
            Some(Door { identity: Arc::clone(identity), config: Arc::new(config) })
        };
        let doors = core::iter::once(default).chain(&terms.list).map(door).collect::<Option<Vec<Door>>>()?;
        Some(Acceptor { doors })
    }

    /// The session of a connection that has just come.
    pub fn session(self: &Arc<Self>) -> Session {
        Session {
            stage: Stage::Hello(HelloReader::default(), Arc::clone(self)),
            identity: None,
            plaintext: 0,
            peer_closed: false,
        }
    }

    /// Which certificate a client is shown.
    fn choose(&self, hello: &ClientHello<'_>) -> &Door {
        let served = &self.doors[0].config.crypto_provider().cipher_suites;
        let mut offer = Offer {
            server_name: hello.server_name(),
            schemes: numbers(hello.signature_schemes()),
            suites: numbers(hello.cipher_suites()),
            groups: hello.named_groups().map(numbers),
        };
        offer.suites.retain(|id| served.iter().any(|suite| u16::from(suite.suite()) == *id));
        let list = self.doors[1..].iter().map(|door| door.identity.certificate());
        &self.doors[choose(list, &offer).map_or(0, |at| at + 1)]
    }
}

/// Makes sessions of connections to targets.
#[derive(Debug)]
pub struct Connector {
    config: Arc<ClientConfig>,
}

/// Sessions with targets that are remembered, to be resumed: one for each of so many.
const SESSIONS_REMEMBERED: usize = 1024;

impl Connector {
    /// `None` if the policy leaves nothing that the provider serves.
    pub fn new(policy: &Policy, provider: &Provider, clock: &Clock, protocols: &[&[u8]]) -> Option<Connector> {
        let schemes = provider.0.signature_verification_algorithms.supported_schemes();
        let narrowed = provider.narrowed(policy);
        let mut config = ClientConfig::builder_with_details(narrowed, Arc::new(clock.clone()))
            .with_protocol_versions(&provider.versions(policy))
            .ok()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyTarget(schemes)))
            .with_no_client_auth();
        config.enable_sni = false;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        config.resumption = Resumption::in_memory_sessions(SESSIONS_REMEMBERED);
        Some(Connector { config: Arc::new(config) })
    }

    /// Its sessions tell the peer the name that they are for (SNI), as clients do; load balancers do not tell targets.
    pub fn naming_hosts(mut self) -> Connector {
        Arc::make_mut(&mut self.config).enable_sni = true;
        self
    }

    /// The session of a connection that has just been made. Sessions with one name resume each other; it goes nowhere else.
    pub fn session(&self, name: &str) -> Option<Session> {
        let name = ServerName::try_from(name.to_owned()).ok()?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name).ok()?;
        Some(Session { stage: Stage::Open(connection.into()), identity: None, plaintext: 0, peer_closed: false })
    }
}

/// One connection's TLS.
pub struct Session {
    stage: Stage,
    identity: Option<Arc<Identity>>,
    /// Bytes of plaintext that wait to be taken.
    plaintext: usize,
    peer_closed: bool,
}

enum Stage {
    /// A client's hello is awaited.
    Hello(HelloReader, Arc<Acceptor>),
    /// It is there, and answering it costs something.
    Greeted(Box<Accepted>, Arc<Acceptor>),
    /// Handshake and traffic.
    Open(Connection),
    /// It failed; what is left to tell the peer.
    Failed(Vec<u8>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
                Failure::NotTls
            }
            Error::NoCertificatesPresented => Failure::NoClientCertificate,
            Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => {
                match other.downcast_ref::<Rejected>() {
                    Some(rejected) => Failure::ClientCertificate(rejected.clone()),
                    None => Failure::Other(other.to_string()),
                }
            }
            other => Failure::Other(other.to_string()),
        }
    }
}

impl Session {
    /// Takes in what the peer sent; returns how much of it, at least one byte while there is no plaintext to take out.
    /// Nothing is taken while a hello is to be answered: see [`Session::is_greeted`].
    ///
    /// # Errors
    /// The session has failed. There may be something to tell the peer still.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        match &mut self.stage {
            Stage::Hello(..) => self.read_hello(bytes),
            Stage::Greeted(..) => Ok(0),
            Stage::Open(connection) => feed(connection, bytes, &mut self.plaintext, &mut self.peer_closed),
            Stage::Failed(_) => Ok(bytes.len()),
        }
    }

    fn read_hello(&mut self, mut bytes: &[u8]) -> Result<usize, Failure> {
        let all = bytes.len();
        let Stage::Hello(reader, acceptor) = &mut self.stage else { return Ok(0) };
        while !bytes.is_empty() {
            if reader.read_tls(&mut bytes).is_err() {
                return self.fail(Vec::new(), Failure::Other("the hello is too long".to_owned()));
            }
            match reader.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    let acceptor = Arc::clone(acceptor);
                    self.stage = Stage::Greeted(Box::new(accepted), acceptor);
                    break;
                }
                Err((error, mut alert)) => {
                    let mut last = Vec::new();
                    let _ = alert.write_all(&mut last);
                    return self.fail(last, error.into());
                }
            }
        }
        Ok(all - bytes.len())
    }

    fn fail(&mut self, last: Vec<u8>, failure: Failure) -> Result<usize, Failure> {
        self.stage = Stage::Failed(last);
        Err(failure)
    }

    /// Whether a client's hello is awaited: until it is there, feeding costs next to nothing.
    pub fn awaits_hello(&self) -> bool {
        matches!(self.stage, Stage::Hello(..))
    }

    /// Whether a client's hello is there and waits to be [answered](Session::answer).
    pub fn is_greeted(&self) -> bool {
        matches!(self.stage, Stage::Greeted(..))
    }

    /// Answers a client's hello: chooses a certificate, exchanges keys, signs. This is what a handshake costs.
    ///
    /// # Errors
    /// As for [`Session::feed`].
    pub fn answer(&mut self) -> Result<(), Failure> {
        match core::mem::replace(&mut self.stage, Stage::Failed(Vec::new())) {
            Stage::Greeted(accepted, acceptor) => {
                let door = acceptor.choose(&accepted.client_hello());
                self.identity = Some(Arc::clone(&door.identity));
                match accepted.into_connection(Arc::clone(&door.config)) {
                    Ok(connection) => {
                        self.stage = Stage::Open(connection.into());
                        // What came with the hello has been read already.
                        self.feed(&[]).map(drop)
                    }
                    Err((error, mut alert)) => {
                        let mut last = Vec::new();
                        let _ = alert.write_all(&mut last);
                        self.fail(last, error.into()).map(drop)
                    }
                }
            }
            other => {
                self.stage = other;
                Ok(())
            }
        }
    }

    /// Moves plaintext into `room`; how much.
    pub fn take_plaintext(&mut self, room: &mut [u8]) -> usize {
        match &mut self.stage {
            Stage::Open(connection) => {
                let n = connection.reader().read(room).unwrap_or(0);
                self.plaintext = self.plaintext.saturating_sub(n);
                n
            }
            _ => 0,
        }
    }

    /// Whether there is plaintext to take.
    pub fn has_plaintext(&self) -> bool {
        self.plaintext > 0
    }

    /// Encrypts some of `plaintext`; how much.
    pub fn encrypt(&mut self, plaintext: &[u8]) -> usize {
        match &mut self.stage {
            Stage::Open(connection) if !connection.is_handshaking() => {
                connection.writer().write(plaintext).unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Whether there is something for the peer.
    pub fn has_ciphertext(&self) -> bool {
        match &self.stage {
            Stage::Open(connection) => connection.wants_write(),
            Stage::Failed(last) => !last.is_empty(),
            Stage::Hello(..) | Stage::Greeted(..) => false,
        }
    }

    /// Moves what is for the peer into `room`; how much.
    pub fn take_ciphertext(&mut self, mut room: &mut [u8]) -> usize {
        match &mut self.stage {
            Stage::Open(connection) => connection.write_tls(&mut room).unwrap_or(0),
            Stage::Failed(last) => {
                let n = room.len().min(last.len());
                room[..n].copy_from_slice(&last[..n]);
                last.drain(..n);
                n
            }
            Stage::Hello(..) | Stage::Greeted(..) => 0,
        }
    }

    /// Whether the handshake is over and went well.
    pub fn is_open(&self) -> bool {
        matches!(&self.stage, Stage::Open(connection) if !connection.is_handshaking())
    }

    /// Tells the peer that nothing more will come (`close_notify`).
    pub fn close(&mut self) {
        if let Stage::Open(connection) = &mut self.stage {
            connection.send_close_notify();
        }
    }

    /// Whether the peer has told so.
    pub fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// What was agreed on, as far as the handshake has come.
    pub fn negotiated(&self) -> Option<Negotiated> {
        let Stage::Open(connection) = &self.stage else { return None };
        let suite = Suite::numbered(u16::from(connection.negotiated_cipher_suite()?.suite()))?;
        Some(Negotiated {
            version: version_of(connection.protocol_version()?)?,
            suite,
            group: connection.negotiated_key_exchange_group().and_then(|group| Group::numbered(group.name().into())),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    /// The host that the client named (SNI).
    pub fn server_name(&self) -> Option<&str> {
        match &self.stage {
            Stage::Open(Connection::Server(connection)) => connection.server_name(),
            _ => None,
        }
    }

    /// The protocol that was agreed on (ALPN).
    pub fn protocol(&self) -> Option<&[u8]> {
        match &self.stage {
            Stage::Open(connection) => connection.alpn_protocol(),
            _ => None,
        }
    }

    /// The certificate that the client was shown, unless a session was resumed.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref()
    }

    /// The chain that the peer showed, DER, its own certificate first.
    pub fn peer_chain(&self) -> Vec<&[u8]> {
        let Stage::Open(connection) = &self.stage else { return Vec::new() };
        connection.peer_certificates().unwrap_or_default().iter().map(AsRef::as_ref).collect()
    }
}

/// Feeds a connection as long as it gives out nothing that has to be taken first.
fn feed(
    connection: &mut Connection,
    bytes: &[u8],
    plaintext: &mut usize,
    peer_closed: &mut bool,
) -> Result<usize, Failure> {
    let mut rest = bytes;
    loop {
        let before = rest.len();
        if !rest.is_empty() && connection.read_tls(&mut rest).is_err() {
            return Ok(bytes.len() - rest.len());
        }
        let state = connection.process_new_packets()?;
        *peer_closed |= state.peer_has_closed();
        *plaintext = state.plaintext_bytes_to_read();
        if *peer_closed {
            // Nothing that follows means anything.
            return Ok(bytes.len());
        }
        if *plaintext > 0 || rest.is_empty() || rest.len() == before {
            return Ok(bytes.len() - rest.len());
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("open", &self.is_open()).finish_non_exhaustive()
    }
}
