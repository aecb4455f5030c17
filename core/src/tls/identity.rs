//! A certificate with its key, as a listener shows it to clients: what is read and what is refused (guide CERT-06, CERT-07).
//! What has expired is served all the same, with a warning: a configuration that was good must not end a service by itself.

use core::fmt;
use core::time::Duration;

use pki_types::PrivateKeyDer;

use super::Provider;
use super::certificate::{Certificate, Curve, PublicKey};
use super::certified::Certified;
use super::choose::is_for;
use super::pem::{self, BadPem, Sections};
use crate::time::Wall;

/// A certificate chain and its key.
pub struct Identity {
    /// `arn:aws:acm:REGION:ACCOUNT:certificate/NAME`
    pub arn: String,
    certificate: Certificate,
    issuers: Vec<Certificate>,
    certified: Certified,
}

/// A chain has at most so many certificates. Few have more than four; every client gets them all.
pub const CHAIN_CERTIFICATES_MAX: usize = 10;

/// Why a certificate cannot be used. Nothing of a private key is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no certificate in what should hold one.
    #[error("there is no certificate in PEM")]
    NoCertificate,
    /// There is no private key in what should hold one.
    #[error("there is no private key in PEM")]
    NoKey,
    /// What should hold certificates is broken.
    #[error("the PEM of the certificate cannot be read: a part of it has no end or is not Base64")]
    GarbledCertificate,
    /// What should hold a private key is broken.
    #[error("the PEM of the private key cannot be read: a part of it has no end or is not Base64")]
    GarbledKey,
    /// There is more than one private key.
    #[error("there are several private keys, and the certificate has one")]
    SeveralKeys,
    /// The private key wants a passphrase.
    #[error("the private key is encrypted, and nobody is there to be asked for its passphrase")]
    EncryptedKey,
    /// Each is where the other should be.
    #[error("the certificate and the private key are in each other's place")]
    Swapped,
    /// A private key is where certificates should be.
    #[error("there is a private key among the certificates, which everybody may see")]
    KeyAmongCertificates,
    /// Certificates are where only the private key should be.
    #[error("there is a certificate beside the private key; the chain belongs to the certificate")]
    CertificateBesideKey,
    /// The chain is longer than any.
    #[error("the chain has more than {CHAIN_CERTIFICATES_MAX} certificates")]
    ChainTooLong,
    /// A part of the chain is no certificate.
    #[error("certificate {place} of the chain is no X.509 certificate")]
    NotX509 {
        /// Which, from 1.
        place: usize,
    },
    /// The chain has another order.
    #[error(
        "certificate {place} of the chain was not issued by the one that follows it; \
         the server's own comes first, then each one's issuer"
    )]
    ChainOrder {
        /// Which, from 1.
        place: usize,
    },
    /// The certificate is of an old version.
    #[error("the certificate has version {version} of X.509, and only version 3 can be served")]
    Version {
        /// Which.
        version: u8,
    },
    /// It has an Ed25519 key.
    #[error("Ed25519 keys are not supported; RSA with 2048, 3072 or 4096 bits and ECDSA are")]
    Ed25519,
    /// It has a key that can be found out.
    #[error("the RSA key is weak: it has {bits} bits, and 2048, 3072 or 4096 are supported")]
    WeakKey {
        /// Its length.
        bits: u32,
    },
    /// It has a key of a length that the guide does not name.
    #[error("the RSA key has {bits} bits, and 2048, 3072 or 4096 are supported")]
    KeyLength {
        /// Its length.
        bits: u32,
    },
    /// It has a key on another curve.
    #[error("the key's curve is not supported; P-256, P-384 and P-521 are")]
    CurveUnsupported,
    /// It has a key of another kind.
    #[error("the certificate's key is neither for RSA nor for ECDSA")]
    KeyUnsupported,
    /// The private key is broken, or of no kind that is known.
    #[error("the private key cannot be used: it is broken or of no kind that is known")]
    KeyUnusable,
    /// The certificate is for another key.
    #[error("the private key is not the certificate's")]
    KeyMismatch,
    /// The certificate demands that something be understood that is not.
    #[error("the certificate cannot be used: it is broken or has a critical extension that is not known")]
    CertificateUnusable,
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    Unsupported,
    Mismatch,
    /// It is the certificate that cannot be used.
    Certificate,
}

impl From<KeyError> for IdentityError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unsupported => IdentityError::KeyUnusable,
            KeyError::Mismatch => IdentityError::KeyMismatch,
            KeyError::Certificate => IdentityError::CertificateUnusable,
        }
    }
}

impl Identity {
    /// Reads a chain, the certificate itself first, and its key, both PEM. Keys are as in PKCS #8, PKCS #1 or SEC 1.
    pub fn from_pem(arn: &str, chain: &[u8], key: &[u8], provider: &Provider) -> Result<Identity, IdentityError> {
        let (chain, key) = sorted(pem::read(chain), pem::read(key))?;
        let chain = parsed(&chain)?;
        check_order(&chain)?;
        let der = chain.iter().map(|certificate| certificate.der.clone()).collect();
        let mut chain = chain.into_iter();
        let certificate = chain.next().ok_or(IdentityError::NoCertificate)?;
        check_version_and_key(&certificate)?;
        let certified = Certified::new(der, key, provider)?;
        Ok(Identity { arn: arn.to_owned(), certificate, issuers: chain.collect(), certified })
    }

    /// What the certificate says.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The hosts that it is for, in small letters, with `*.` before those that stand for many.
    pub fn names(&self) -> &[String] {
        &self.certificate.names
    }

    /// Whether it is for a host, as clients name it (guide CERT-05).
    pub fn is_for(&self, host: &str) -> bool {
        is_for(&self.certificate, host)
    }

    /// The last second in which it is valid.
    pub fn not_after(&self) -> Wall {
        self.certificate.not_after
    }

    /// What is wrong with it at a time, although it is served: one sentence each, without a full stop.
    pub fn warnings(&self, now: Wall) -> Vec<String> {
        let own = validity("the certificate".to_owned(), &self.certificate, now);
        let issuers = self.issuers.iter().enumerate();
        let issuers = issuers.filter_map(|(at, it)| validity(format!("certificate {} of the chain", at + 2), it, now));
        own.into_iter().chain(issuers).collect()
    }

    pub(super) fn certified(&self) -> &Certified {
        &self.certified
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity { arn, certificate, issuers, certified: _ } = self;
        f.debug_struct("Identity")
            .field("arn", arn)
            .field("names", &certificate.names)
            .field("not_after", &certificate.not_after)
            .field("issuers", &issuers.len())
            .finish_non_exhaustive()
    }
}

type Found = Result<Sections, BadPem>;

/// The chain and the one key, each from where it belongs.
fn sorted(chain: Found, key: Found) -> Result<(Vec<Vec<u8>>, PrivateKeyDer<'static>), IdentityError> {
    let encrypted = [&chain, &key].iter().any(|found| matches!(found, Err(BadPem::Encrypted)));
    if encrypted {
        return Err(IdentityError::EncryptedKey);
    }
    let chain = chain.map_err(|_| IdentityError::GarbledCertificate)?;
    let mut key = key.map_err(|_| IdentityError::GarbledKey)?;
    let has = |found: &Sections| (!found.certificates.is_empty(), !found.keys.is_empty());
    match (has(&chain), has(&key)) {
        ((false, true), (true, false)) => Err(IdentityError::Swapped),
        ((false, _), _) => Err(IdentityError::NoCertificate),
        (_, (_, false)) => Err(IdentityError::NoKey),
        ((_, true), _) => Err(IdentityError::KeyAmongCertificates),
        (_, (true, _)) => Err(IdentityError::CertificateBesideKey),
        _ if key.keys.len() > 1 => Err(IdentityError::SeveralKeys),
        _ if chain.certificates.len() > CHAIN_CERTIFICATES_MAX => Err(IdentityError::ChainTooLong),
        _ => Ok((chain.certificates, key.keys.pop().ok_or(IdentityError::NoKey)?)),
    }
}

fn parsed(chain: &[Vec<u8>]) -> Result<Vec<Certificate>, IdentityError> {
    let one =
        |(at, der): (usize, &Vec<u8>)| Certificate::parse(der).map_err(|_| IdentityError::NotX509 { place: at + 1 });
    chain.iter().enumerate().map(one).collect()
}

/// Clients may insist on it (RFC 5246 section 7.4.2). That the last one is a root is not asked: they have it.
fn check_order(chain: &[Certificate]) -> Result<(), IdentityError> {
    match chain.windows(2).position(|pair| !pair[0].is_issued_by(&pair[1])) {
        Some(at) => Err(IdentityError::ChainOrder { place: at + 1 }),
        None => Ok(()),
    }
}

/// Only the server's own: what its issuers have is between them and the clients (guide CERT-06).
fn check_version_and_key(certificate: &Certificate) -> Result<(), IdentityError> {
    match certificate.key {
        _ if certificate.version != 3 => Err(IdentityError::Version { version: certificate.version }),
        PublicKey::Rsa { bits: 2048 | 3072 | 4096 } => Ok(()),
        PublicKey::Rsa { bits } if bits < 2048 => Err(IdentityError::WeakKey { bits }),
        PublicKey::Rsa { bits } => Err(IdentityError::KeyLength { bits }),
        PublicKey::Ecdsa(Curve::Other) => Err(IdentityError::CurveUnsupported),
        PublicKey::Ecdsa(_) => Ok(()),
        PublicKey::Ed25519 => Err(IdentityError::Ed25519),
        PublicKey::Other => Err(IdentityError::KeyUnsupported),
    }
}

/// What is wrong with its dates. It is valid from the first second to the last, both included (RFC 5280 section 4.1.2.5).
fn validity(what: String, certificate: &Certificate, now: Wall) -> Option<String> {
    if now.seconds() < certificate.not_before.seconds() {
        return Some(format!("{what} is not valid before {}", date(certificate.not_before)));
    }
    (now.seconds() > certificate.not_after.seconds())
        .then(|| format!("{what} has expired: it was valid until {}", date(certificate.not_after)))
}

/// `2026-11-21T15:13:54Z`
fn date(wall: Wall) -> String {
    let date = der::DateTime::from_unix_duration(Duration::from_secs(wall.seconds()));
    date.map_or_else(|_| format!("{} s", wall.seconds()), |date| date.to_string())
}
