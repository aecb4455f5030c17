//! Client certificates: what a listener asks for, and why one is refused (guide MTLS-*, CL-06).

use std::sync::Arc;

use super::engine::Algorithms;
use crate::time::Wall;

/// What a listener asks of its clients (guide MTLS-01).
#[derive(Clone, Debug, Default)]
pub enum MutualAuthentication {
    /// Nothing.
    #[default]
    Off,
    /// A certificate, if they have one; targets judge it.
    Passthrough,
    /// A certificate that the trust store vouches for.
    Verify(Arc<Verify>),
}

/// How client certificates are verified.
#[derive(Debug)]
pub struct Verify {
    /// Whose certificates are good.
    pub store: Arc<TrustStore>,
    /// Certificates that have expired are good, too (guide MTLS-03).
    pub ignore_expiry: bool,
    /// Clients are told whose certificates are good.
    pub advertise: bool,
}

/// The certificates that vouch for those of clients, and the lists of those that were revoked (guide TS-01).
#[derive(Debug, Default)]
pub struct TrustStore {}

/// Why a client certificate is refused, with the names that connection logs have (guide CL-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the guide's")]
pub enum ClientCertificateError {
    MaxChainDepthExceeded,
    MaxSizeExceeded,
    CrlHit,
    CrlProcessingError,
    Untrusted,
    NotYetValid,
    Expired,
    TypeUnsupported,
    Invalid,
    Rejected,
}

/// A client certificate that was refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the client certificate is refused: {reason:?}")]
pub struct Rejected {
    /// Why.
    pub reason: ClientCertificateError,
    /// The certificate itself, DER.
    pub leaf: Vec<u8>,
}

impl MutualAuthentication {
    /// Whether clients are asked for a certificate.
    pub fn asks(&self) -> bool {
        !matches!(self, MutualAuthentication::Off)
    }

    /// Judges a chain, DER, the client's own certificate first.
    pub(super) fn verify(&self, chain: &[&[u8]], _now: Wall, _algorithms: Algorithms) -> Result<(), Rejected> {
        match self {
            MutualAuthentication::Off | MutualAuthentication::Passthrough => Ok(()),
            MutualAuthentication::Verify(_) => {
                let leaf = chain.first().map(|leaf| leaf.to_vec()).unwrap_or_default();
                Err(Rejected { reason: ClientCertificateError::Untrusted, leaf })
            }
        }
    }

    /// The names of those who may vouch for clients, DER, if clients are to be told.
    pub(super) fn advertised(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }
}
