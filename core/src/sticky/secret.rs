//! What the keys of cookies are made from.

use core::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

/// 32 bytes that only those who serve the same clients know. Shards with the same secret honour each other's cookies.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Takes random bytes; whoever can guess them can make cookies.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Secret(bytes)
    }

    /// A secret that is as good as the seed: 64 bits at most.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Secret(derive(&seed.to_be_bytes(), b"sluicegate secret from a seed"))
    }

    /// The key of that period.
    pub(super) fn key(&self, period: u64) -> [u8; 32] {
        let mut info = *b"sluicegate cookie key \0\0\0\0\0\0\0\0";
        info[22..].copy_from_slice(&period.to_be_bytes());
        derive(&self.0, &info)
    }
}

impl Secret {
    /// The key of session tickets of that period.
    pub(crate) fn ticket_key(&self, period: u64) -> [u8; 32] {
        let mut info = *b"sluicegate ticket key \0\0\0\0\0\0\0\0";
        info[22..].copy_from_slice(&period.to_be_bytes());
        derive(&self.0, &info)
    }
}

/// HKDF-SHA256 without a salt (RFC 5869 section 3.1): what comes in is random already.
fn derive(from: &[u8], info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    // It fails only for more than 255 blocks of output.
    let derived = Hkdf::<Sha256>::new(None, from).expand(info, &mut out);
    debug_assert!(derived.is_ok(), "32 bytes can always be derived");
    out
}

/// Never shows what it is.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Some(Secret::new([7; 32]))), "Some(Secret)");
    }

    #[test]
    fn each_period_each_secret_and_each_seed_has_a_key_of_its_own() {
        let (one, other) = (Secret::new([1; 32]), Secret::new([2; 32]));
        assert_eq!(one.key(5), Secret::new([1; 32]).key(5));
        assert_ne!(one.key(5), one.key(6));
        assert_ne!(one.key(5), one.key(5 + 256));
        assert_ne!(one.key(5), other.key(5));
        assert_ne!(Secret::from_seed(1), Secret::from_seed(2));
    }

    /// Test case 3 of RFC 5869, appendix A: without salt and info.
    #[test]
    fn keys_are_derived_as_the_rfc_says() {
        let key = derive(&[0x0b; 22], b"");
        assert_eq!(key[..8], [0x8d, 0xa4, 0xe7, 0x75, 0xa5, 0x63, 0xc1, 0x8f]);
    }
}
