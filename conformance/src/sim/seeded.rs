//! Cryptography whose chance is a seed: two worlds of one seed send the same bytes, signatures and keys included. For the
//! simulator and nothing else: whoever knows the seed knows every secret.
//!
//! Ciphers and hashes are those of the programs. Key exchange is ECDH over P-256 with scalars from the seed, and
//! signatures are ECDSA over P-256 with the nonce that follows from key and message (RFC 6979).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey as Ecdsa};
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use p256::{PublicKey, SecretKey};
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, SharedSecret, SupportedKxGroup,
    aws_lc_rs,
};
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, NamedGroup, PeerMisbehaved, SignatureAlgorithm, SignatureScheme};
use sluicegate::tls::Provider;

use super::chance::Chance;

/// The cryptography of one world. It is small, and stays until the process ends: the library below wants it so.
pub(super) fn provider(chance: Chance) -> Provider {
    let source: &'static Source = Box::leak(Box::new(Source(Mutex::new(chance))));
    let group: &'static P256 = Box::leak(Box::new(P256(source)));
    CryptoProvider {
        cipher_suites: aws_lc_rs::ALL_CIPHER_SUITES.to_vec(),
        kx_groups: vec![group],
        secure_random: source,
        key_provider: &Keys,
        ..aws_lc_rs::default_provider()
    }
    .into()
}

/// All the chance of a world's cryptography.
struct Source(Mutex<Chance>);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl Source {
    fn draw(&self, room: &mut [u8]) {
        let mut chance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for bytes in room.chunks_mut(8) {
            bytes.copy_from_slice(&chance.next().to_le_bytes()[..bytes.len()]);
        }
    }

    /// A scalar that is neither zero nor too large, which the first try is but once in 2^32.
    fn secret(&self) -> SecretKey {
        let mut scalar = [0; 32];
        loop {
            self.draw(&mut scalar);
            if let Ok(secret) = SecretKey::from_slice(&scalar) {
                return secret;
            }
        }
    }
}

impl SecureRandom for Source {
    fn fill(&self, room: &mut [u8]) -> Result<(), GetRandomFailed> {
        self.draw(room);
        Ok(())
    }
}

#[derive(Debug)]
struct P256(&'static Source);

impl SupportedKxGroup for P256 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let secret = self.0.secret();
        let public = secret.public_key().to_sec1_bytes().into_vec();
        Ok(Box::new(Exchange { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

struct Exchange {
    secret: SecretKey,
    public: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = PublicKey::from_sec1_bytes(peer).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared = self.secret.diffie_hellman(&peer);
        Ok(SharedSecret::from(&shared.raw_secret_bytes()[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

#[derive(Debug)]
struct Keys;

impl KeyProvider for Keys {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let secret = SecretKey::from_pkcs8_der(der.secret_der());
        let secret = secret.map_err(|_| Error::General("the simulator's keys are of P-256, in PKCS #8".to_owned()))?;
        let spki = secret.public_key().to_public_key_der();
        let spki = spki.map_err(|_| Error::General("a key without a public part".to_owned()))?.into_vec();
        Ok(Arc::new(Key { ecdsa: Arc::new(Ecdsa::from(&secret)), spki }))
    }
}

#[derive(Debug)]
struct Key {
    ecdsa: Arc<Ecdsa>,
    spki: Vec<u8>,
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let fits = offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
        fits.then(|| Box::new(Hand(Arc::clone(&self.ecdsa))) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(&self.spki[..]))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

/// Signs one handshake.
#[derive(Debug)]
struct Hand(Arc<Ecdsa>);

impl Signer for Hand {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature: DerSignature = self.0.sign(message);
        Ok(signature.as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}
