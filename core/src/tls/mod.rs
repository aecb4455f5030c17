//! TLS as bytes in, bytes out: security policies, certificates by name, client certificates, sessions.
//!
//! [`Policy`] is what the guide says; a [`Provider`] is the cryptography that serves some of it. An [`Identity`] is a
//! certificate with its key; [`Terms`] are what an operator asks of a listener; an [`Acceptor`] makes a [`Session`] of
//! each connection that comes to it, a [`Connector`] one of each that is made.
//!
//! The library below is named in `library` alone.

mod acceptor;
mod certificate;
mod certified;
mod choose;
mod client;
mod clock;
mod connector;
mod crl;
mod dn;
mod facts;
mod identity;
mod judges;
mod library;
mod pem;
mod policy;
mod presented;
mod provider;
mod session;
mod trust;
mod vault;

pub use acceptor::Acceptor;
pub use certificate::{
    CERTIFICATE_BYTES_MAX, Certificate, Curve, Hash, NotX509, PublicKey, Signature, SignatureScheme,
};
pub use client::{ClientCertificateError, MutualAuthentication, Rejected, Verify};
pub use clock::Clock;
pub use connector::Connector;
pub use crl::ListError;
pub use facts::{Failure, Negotiated, TicketKeeper};
pub use identity::{CHAIN_CERTIFICATES_MAX, Identity, IdentityError};
pub use policy::{Group, Policy, Suite, Version};
pub use presented::Presented;
pub use provider::Provider;
pub use session::Session;
pub use trust::{TrustStore, TrustStoreError};
pub use vault::{Keyring, Pem, Vault};

use std::sync::Arc;

/// What an operator asks of an HTTPS listener.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Its security policy.
    pub policy: &'static Policy,
    /// The certificate for clients that name no host, or one that no certificate of the list is for (guide CERT-02).
    /// `None` where certificates were not looked for: such a listener cannot be served.
    pub default: Option<Arc<Identity>>,
    /// Further certificates, for the hosts that they name.
    pub list: Vec<Arc<Identity>>,
    /// What it asks of clients.
    pub mutual: MutualAuthentication,
}

impl Terms {
    /// A listener with one certificate that asks nothing of its clients.
    pub fn new(policy: &'static Policy, default: Arc<Identity>) -> Terms {
        Terms { policy, default: Some(default), list: Vec::new(), mutual: MutualAuthentication::Off }
    }
}
