//! Cryptography that costs little and repeats: an input does the same whenever it is run. Keys are exchanged and servers sign
//! without secrecy; records, and what clients sign, are the real thing.

use std::cell::Cell;
use std::sync::Arc;

use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, SharedSecret, SupportedKxGroup,
    aws_lc_rs,
};
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, NamedGroup, PeerMisbehaved, SignatureAlgorithm, SignatureScheme};

pub fn cryptography() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: aws_lc_rs::ALL_CIPHER_SUITES.to_vec(),
        kx_groups: vec![&Open],
        secure_random: &Counted,
        key_provider: &Keys,
        ..aws_lc_rs::default_provider()
    }
}

thread_local! {
    static CHANCE: Cell<u64> = const { Cell::new(0) };
}

/// Every input begins with the same chance.
pub fn begin() {
    CHANCE.set(0);
}

#[derive(Debug)]
struct Counted;

impl SecureRandom for Counted {
    fn fill(&self, room: &mut [u8]) -> Result<(), GetRandomFailed> {
        for bytes in room.chunks_mut(8) {
            let next = CHANCE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            CHANCE.set(next);
            let mixed = (next ^ next >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bytes.copy_from_slice(&mixed.to_le_bytes()[..bytes.len()]);
        }
        Ok(())
    }
}

/// Looks like X25519. What both share is what everybody saw.
#[derive(Debug)]
struct Open;

const KEY: usize = 32;

impl SupportedKxGroup for Open {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut own = [0; KEY];
        Counted.fill(&mut own)?;
        Ok(Box::new(Exchange(own)))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange([u8; KEY]);

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; KEY] = peer.try_into().map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let shared: Vec<u8> = self.0.iter().zip(peer).map(|(one, other)| one ^ other).collect();
        Ok(SharedSecret::from(&shared[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.0
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

#[derive(Debug)]
struct Keys;

impl KeyProvider for Keys {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let real = aws_lc_rs::default_provider().key_provider.load_private_key(der)?;
        Ok(Arc::new(Key(real)))
    }
}

#[derive(Debug)]
struct Key(Arc<dyn SigningKey>);

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = self.0.choose_scheme(offered)?.scheme();
        Some(Box::new(Hand(scheme)))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.0.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

#[derive(Debug)]
struct Hand(SignatureScheme);

impl Signer for Hand {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(vec![0x5a; 71])
    }

    fn scheme(&self) -> SignatureScheme {
        self.0
    }
}
