//! Where certificates, keys and lists are kept that a configuration only names. The core reads no files: whoever embeds it says
//! what is in them.

use core::fmt;
use std::sync::Arc;

use super::Provider;
use crate::time::Wall;

/// Finds what a configuration names. An error is one sentence, without a full stop, for the operator.
pub trait Vault: fmt::Debug + Send + Sync {
    /// The certificate of that ARN.
    fn certificate(&self, arn: &str) -> Result<Pem, String>;

    /// An object, as `s3://BUCKET/KEY` names it, in that version or the latest.
    fn object(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Vec<u8>, String>;
}

/// A certificate as files have it.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    /// The certificate itself, then those that lead to its root; PEM.
    pub chain: Vec<u8>,
    /// Its private key; PEM.
    pub key: Vec<u8>,
}

impl fmt::Debug for Pem {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pem").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

/// What it takes to read certificates.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// Where they are.
    pub vault: Arc<dyn Vault>,
    /// The cryptography that their keys must be of use to.
    pub provider: Provider,
    /// The present, which decides whether one has expired.
    pub now: Wall,
}
