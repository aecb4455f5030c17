//! What makes sessions of connections to targets, and of any other to a server.

use std::sync::Arc;

use pki_types::ServerName;

use super::judges::AnyTarget;
use super::library::{ClientConfig, ClientConnection, Resumption, SingleCertAndKey};
use super::{Clock, Identity, Policy, Provider, Session};

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

    /// Its sessions show the peer this certificate, if it asks for one; load balancers show targets none.
    pub fn showing(mut self, identity: &Identity) -> Connector {
        let shown = SingleCertAndKey::from(Arc::clone(&identity.certified().0));
        Arc::make_mut(&mut self.config).client_auth_cert_resolver = Arc::new(shown);
        self
    }

    /// The session of a connection that has just been made. Sessions with one name resume each other; it goes nowhere else.
    pub fn session(&self, name: &str) -> Option<Session> {
        let name = ServerName::try_from(name.to_owned()).ok()?;
        let connection = ClientConnection::new(Arc::clone(&self.config), name).ok()?;
        Some(Session::of_target(connection))
    }
}
