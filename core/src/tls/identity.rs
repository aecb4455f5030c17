//! A certificate with its key, as a listener shows it to clients.

use super::Provider;
use super::engine::Certified;

/// A certificate chain and its key.
#[derive(Debug)]
pub struct Identity {
    /// `arn:aws:acm:REGION:ACCOUNT:certificate/NAME`
    pub arn: String,
    certified: Certified,
}

/// Why a certificate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no certificate in what should hold one.
    #[error("there is no certificate in PEM")]
    NoCertificate,
    /// There is no private key in what should hold one.
    #[error("there is no private key in PEM")]
    NoKey,
    /// The key is of no kind that can be used.
    #[error("the private key is of no kind that can be used")]
    KeyUnsupported,
    /// The certificate is for another key.
    #[error("the private key is not the certificate's")]
    KeyMismatch,
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    Unsupported,
    Mismatch,
}

impl From<KeyError> for IdentityError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Unsupported => IdentityError::KeyUnsupported,
            KeyError::Mismatch => IdentityError::KeyMismatch,
        }
    }
}

impl Identity {
    /// Reads a chain, the certificate itself first, and its key, both PEM.
    pub fn from_pem(arn: &str, chain: &[u8], key: &[u8], provider: &Provider) -> Result<Identity, IdentityError> {
        use pki_types::pem::PemObject;
        use pki_types::{CertificateDer, PrivateKeyDer};
        let chain: Vec<Vec<u8>> =
            CertificateDer::pem_slice_iter(chain).filter_map(Result::ok).map(|der| der.as_ref().to_vec()).collect();
        if chain.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| IdentityError::NoKey)?;
        let certified = Certified::new(chain, key, provider)?;
        Ok(Identity { arn: arn.to_owned(), certified })
    }

    pub(super) fn certified(&self) -> &Certified {
        &self.certified
    }
}
