//! Client certificates: what a listener asks for, and why one is refused (guide MTLS-*, CL-06).

use std::sync::Arc;

use webpki::Error;

use super::certificate::{Certificate, Curve, PublicKey};
use super::trust::{CERTIFICATE_MAX, TrustStore, is_supported};
use crate::time::Wall;

/// Certificates that a client may present, its own among them (guide TS-07). The CA of the trust store where they lead to
/// does not count, unless the client presents it, too.
const CHAIN_DEPTH_MAX: usize = 4;

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

impl ClientCertificateError {
    /// As connection logs have it, after `Failed:`.
    pub fn code(self) -> &'static str {
        match self {
            ClientCertificateError::MaxChainDepthExceeded => "ClientCertificateMaxChainDepthExceeded",
            ClientCertificateError::MaxSizeExceeded => "ClientCertificateMaxSizeExceeded",
            ClientCertificateError::CrlHit => "ClientCertificateCrlHit",
            ClientCertificateError::CrlProcessingError => "ClientCertificateCrlProcessingError",
            ClientCertificateError::Untrusted => "ClientCertificateUntrusted",
            ClientCertificateError::NotYetValid => "ClientCertificateNotYetValid",
            ClientCertificateError::Expired => "ClientCertificateExpired",
            ClientCertificateError::TypeUnsupported => "ClientCertificateTypeUnsupported",
            ClientCertificateError::Invalid => "ClientCertificateInvalid",
            ClientCertificateError::Rejected => "ClientCertificateRejected",
        }
    }
}

impl From<Error> for ClientCertificateError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "the library's list is long and grows")]
    fn from(error: Error) -> Self {
        match error {
            Error::CertExpired { .. } => ClientCertificateError::Expired,
            Error::CertNotValidYet { .. } => ClientCertificateError::NotYetValid,
            Error::CertRevoked => ClientCertificateError::CrlHit,
            Error::UnknownRevocationStatus => ClientCertificateError::CrlProcessingError,
            Error::UnsupportedCertVersion
            | Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => ClientCertificateError::TypeUnsupported,
            Error::UnknownIssuer
            | Error::InvalidSignatureForPublicKey
            | Error::EndEntityUsedAsCa
            | Error::CertDistrusted
            | Error::MaximumPathBuildCallsExceeded
            | Error::MaximumPathDepthExceeded
            | Error::MaximumSignatureChecksExceeded => ClientCertificateError::Untrusted,
            _ => ClientCertificateError::Invalid,
        }
    }
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
    pub(super) fn verify(&self, chain: &[&[u8]], now: Wall) -> Result<(), Rejected> {
        let judged = match self {
            MutualAuthentication::Off => Ok(()),
            MutualAuthentication::Passthrough => read(chain).map(drop),
            MutualAuthentication::Verify(verify) => verify.judge(chain, now),
        };
        let leaf = || chain.first().map(|leaf| leaf.to_vec()).unwrap_or_default();
        judged.map_err(|reason| Rejected { reason, leaf: leaf() })
    }

    /// The names of those who may vouch for clients, DER, if clients are to be told.
    pub(super) fn advertised(&self) -> Vec<Vec<u8>> {
        match self {
            MutualAuthentication::Verify(verify) if verify.advertise => verify.store.subjects(),
            _ => Vec::new(),
        }
    }
}

impl Verify {
    fn judge(&self, chain: &[&[u8]], now: Wall) -> Result<(), ClientCertificateError> {
        let certificates = read(chain)?;
        // What the bundle holds is trusted as it is: a root that signed itself with an old algorithm does no harm.
        let strange = certificates.iter().filter(|one| !self.store.holds(&one.der));
        if strange.into_iter().any(|one| !is_key_supported(one.key) || !is_supported(one.signature)) {
            return Err(ClientCertificateError::TypeUnsupported);
        }
        match self.vouched(chain, now, now) {
            Err(ClientCertificateError::Expired) if self.ignore_expiry => self.was_good(chain, &certificates, now),
            judged => judged,
        }
    }

    fn vouched(&self, chain: &[&[u8]], time: Wall, now: Wall) -> Result<(), ClientCertificateError> {
        Ok(self.store.vouches(chain, time, now, self.ignore_expiry)?)
    }

    /// Whether there was a time at which a chain that has expired was good. If so, it was good when one of its certificates was
    /// about to expire. What else is wrong with it is wrong at every time.
    fn was_good(&self, chain: &[&[u8]], certificates: &[Certificate], now: Wall) -> Result<(), ClientCertificateError> {
        for time in certificates.iter().map(|one| one.not_after).filter(|end| *end < now) {
            match self.vouched(chain, time, now) {
                Err(ClientCertificateError::Expired | ClientCertificateError::NotYetValid) => {}
                judged => return judged,
            }
        }
        Err(ClientCertificateError::Expired)
    }
}

/// What holds in both modes: so many certificates, so long, and all of them X.509v3 (guide MTLS-02, TS-07).
fn read(chain: &[&[u8]]) -> Result<Vec<Certificate>, ClientCertificateError> {
    if chain.len() > CHAIN_DEPTH_MAX {
        return Err(ClientCertificateError::MaxChainDepthExceeded);
    }
    if chain.iter().any(|der| der.len() > CERTIFICATE_MAX) {
        return Err(ClientCertificateError::MaxSizeExceeded);
    }
    let read = chain.iter().map(|der| Certificate::parse(der)).collect::<Result<Vec<Certificate>, _>>();
    let read = read.map_err(|_| ClientCertificateError::Invalid)?;
    if read.iter().any(|one| one.version != 3) {
        return Err(ClientCertificateError::TypeUnsupported);
    }
    Ok(read)
}

/// Guide MTLS-02: RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521.
fn is_key_supported(key: PublicKey) -> bool {
    match key {
        PublicKey::Rsa { bits } => (2048..=8192).contains(&bits),
        PublicKey::Ecdsa(curve) => curve != Curve::Other,
        PublicKey::Ed25519 | PublicKey::Other => false,
    }
}
