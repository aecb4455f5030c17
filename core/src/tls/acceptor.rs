//! What makes sessions of the connections that come to a listener.

use std::sync::Arc;

use super::choose::{Offer, choose, numbers};
use super::judges::ClientJudge;
use super::library::{
    CertifiedKey, ClientCertVerifier, ClientHello, DistinguishedName, NoServerSessionStorage, ProducesTickets,
    ResolvesServerCert, ServerConfig,
};
use super::{Clock, Identity, MutualAuthentication, Provider, Session, Terms, TicketKeeper};

/// Makes sessions of the connections that come to a listener.
#[derive(Debug)]
pub struct Acceptor {
    /// One for each certificate, the default one first.
    doors: Vec<Door>,
    /// What clients are asked for.
    pub(super) mutual: MutualAuthentication,
}

#[derive(Debug)]
pub(super) struct Door {
    pub(super) identity: Arc<Identity>,
    config: Arc<ServerConfig>,
    /// The same, saying nothing of protocols.
    mute: Arc<ServerConfig>,
}

impl Door {
    /// How a client is served. One that asks for none of our protocols is told of none and served all the same, as
    /// application load balancers do.
    pub(super) fn config(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        let offered = &self.config.alpn_protocols;
        let common = hello.alpn().is_none_or(|mut asked| asked.any(|one| offered.iter().any(|own| own == one)));
        Arc::clone(if common { &self.config } else { &self.mute })
    }
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
            config.session_storage = Arc::new(NoServerSessionStorage {});
            match &keeper {
                Some(keeper) => config.ticketer = Arc::new(Tickets(Arc::clone(keeper))),
                None => config.send_tls13_tickets = 0,
            }
            let mute = Arc::new(config.clone());
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Some(Door { identity: Arc::clone(identity), config: Arc::new(config), mute })
        };
        let doors = core::iter::once(default).chain(&terms.list).map(door).collect::<Option<Vec<Door>>>()?;
        Some(Acceptor { doors, mutual: terms.mutual.clone() })
    }

    /// The session of a connection that has just come.
    pub fn session(self: &Arc<Self>) -> Session {
        Session::of_client(Arc::clone(self))
    }

    /// Which certificate a client is shown.
    pub(super) fn choose(&self, hello: &ClientHello<'_>) -> &Door {
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

/// Shows one certificate to everybody: it has been chosen before.
#[derive(Debug)]
struct Chosen(Arc<CertifiedKey>);

impl ResolvesServerCert for Chosen {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
