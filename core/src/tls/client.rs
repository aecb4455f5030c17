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

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

    use super::*;
    use crate::tls::Provider;

    #[test]
    fn codes_are_the_guides() {
        use ClientCertificateError::*;
        let codes = [
            (MaxChainDepthExceeded, "ClientCertificateMaxChainDepthExceeded"),
            (MaxSizeExceeded, "ClientCertificateMaxSizeExceeded"),
            (CrlHit, "ClientCertificateCrlHit"),
            (CrlProcessingError, "ClientCertificateCrlProcessingError"),
            (Untrusted, "ClientCertificateUntrusted"),
            (NotYetValid, "ClientCertificateNotYetValid"),
            (Expired, "ClientCertificateExpired"),
            (TypeUnsupported, "ClientCertificateTypeUnsupported"),
            (Invalid, "ClientCertificateInvalid"),
            (Rejected, "ClientCertificateRejected"),
        ];
        for (error, code) in codes {
            assert_eq!(error.code(), code);
            assert_eq!(code, format!("ClientCertificate{error:?}"));
        }
    }

    #[test]
    fn a_store_that_holds_nothing_vouches_for_nobody() {
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::default().self_signed(&key).unwrap().der().to_vec();
        let verify = Verify { store: Arc::default(), ignore_expiry: false, advertise: true };
        let mutual = MutualAuthentication::Verify(Arc::new(verify));
        let rejected = mutual.verify(&[&leaf], Wall::from_micros(1_700_000_000_000_000)).unwrap_err();
        assert_eq!((rejected.reason, rejected.leaf), (ClientCertificateError::Untrusted, leaf));
        let rejected = mutual.verify(&[], Wall::default()).unwrap_err();
        assert_eq!((rejected.reason, rejected.leaf), (ClientCertificateError::Invalid, Vec::new()));
        assert_eq!(mutual.advertised(), Vec::<Vec<u8>>::new());
    }

    /// A CA and a chain below it, and a mode in which it is verified.
    fn chain() -> (MutualAuthentication, [Vec<u8>; 2]) {
        let (keys, mut ca) = ([(); 3].map(|()| KeyPair::generate().unwrap()), CertificateParams::default());
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = ca.self_signed(&keys[0]).unwrap();
        let issuer = Issuer::from_params(&ca, &keys[0]);
        let mut below = ca.clone();
        below.distinguished_name.push(rcgen::DnType::OrganizationName, "middle");
        let middle = below.signed_by(&keys[1], &issuer).unwrap().der().to_vec();
        let leaf = CertificateParams::default().signed_by(&keys[2], &Issuer::from_params(&below, &keys[1])).unwrap();
        let provider = Provider::aws_lc();
        let store = TrustStore::new::<&[u8]>("a", root.pem().as_bytes(), &[], &provider).unwrap();
        let verify = Verify { store: Arc::new(store), ignore_expiry: true, advertise: false };
        (MutualAuthentication::Verify(Arc::new(verify)), [leaf.der().to_vec(), middle])
    }

    proptest::proptest! {
        #[test]
        fn chains_that_were_tampered_with_are_refused(
            which in 0..2usize,
            at: proptest::sample::Index,
            change in 1..=255u8,
        ) {
            std::thread_local!(static CHAIN: (MutualAuthentication, [Vec<u8>; 2]) = chain());
            CHAIN.with(|(mutual, chain)| {
                let mut chain = chain.clone();
                let verify = |chain: &[Vec<u8>; 2]| {
                    mutual.verify(&[&chain[0], &chain[1]], Wall::from_micros(1_700_000_000_000_000))
                };
                assert!(verify(&chain).is_ok());
                let at = at.index(chain[which].len());
                chain[which][at] ^= change;
                assert!(verify(&chain).is_err(), "{at}");
            });
        }
    }
}
