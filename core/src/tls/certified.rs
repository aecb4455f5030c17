//! A certificate chain together with the key that fits it.

use core::fmt;
use std::sync::Arc;

use pki_types::{CertificateDer, PrivateKeyDer};

use super::Provider;
use super::identity::KeyError;
use super::library::{CertifiedKey, Error};

/// A certificate chain with a key that fits it.
pub(super) struct Certified(pub(super) Arc<CertifiedKey>);

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
