//! The cryptography that sessions are made of, and how much of a policy it serves: computed, never listed.

use std::sync::Arc;

use pki_types::SignatureVerificationAlgorithm;

use super::library::{CryptoProvider, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion, TLS12, TLS13};
use super::{Group, Policy, Suite, Version};

/// Signature algorithms for certificates.
pub(super) type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

/// The cryptography that sessions are made of.
#[derive(Clone, Debug)]
pub struct Provider(pub(super) Arc<CryptoProvider>);

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
        use super::library::aws_lc_rs;
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
        let same = |known: &&SupportedCipherSuite| {
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
    pub(super) fn narrowed(&self, policy: &Policy) -> Arc<CryptoProvider> {
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

    pub(super) fn versions(&self, policy: &Policy) -> Vec<&'static SupportedProtocolVersion> {
        let known: [&'static SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
        let served = |version: &&SupportedProtocolVersion| {
            version_of(version.version).is_some_and(|version| {
                policy.versions().any(|allowed| allowed == version)
                    && policy.suites(version).any(|suite| self.serves(version, suite))
            })
        };
        known.into_iter().filter(|version| served(version)).collect()
    }
}

pub(super) fn version_of(version: ProtocolVersion) -> Option<Version> {
    match version {
        ProtocolVersion::TLSv1_0 => Some(Version::Tls10),
        ProtocolVersion::TLSv1_1 => Some(Version::Tls11),
        ProtocolVersion::TLSv1_2 => Some(Version::Tls12),
        ProtocolVersion::TLSv1_3 => Some(Version::Tls13),
        _ => None,
    }
}
