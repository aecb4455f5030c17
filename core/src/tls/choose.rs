//! Which certificate of the list a client is shown: of those for the host it names, the best that it can use (guide CERT-03,
//! CERT-05). A pure function of the certificates and of what the client said; where it finds none, the default certificate
//! is shown (guide CERT-02).

use core::cmp::Reverse;

use super::certificate::{Certificate, Curve, PublicKey};
use super::policy::{Suite, Version};

/// What a client said, as far as it decides.
#[derive(Clone, Debug, Default)]
pub(super) struct Offer<'a> {
    /// The host that it wants (SNI).
    pub server_name: Option<&'a str>,
    /// The signatures that it can verify, by their numbers (IANA).
    pub schemes: Vec<u16>,
    /// The suites that it and the listener have in common, by their numbers.
    pub suites: Vec<u16>,
    /// The groups that it knows, by their numbers, if it says so.
    pub groups: Option<Vec<u16>>,
}

/// Things by their numbers.
pub(super) fn numbers<T: Copy + Into<u16>>(things: &[T]) -> Vec<u16> {
    things.iter().map(|thing| (*thing).into()).collect()
}

/// The place in the list of the certificate for a client; `None` if none is for the host that it names. If it can use none of
/// those that are, it is the best all the same, so that the handshake fails for the true reason.
pub(super) fn choose<'c>(list: impl Iterator<Item = &'c Certificate>, offer: &Offer<'_>) -> Option<usize> {
    let host = offer.server_name?;
    let fitting = list.enumerate().filter(|(_, certificate)| is_for(certificate, host));
    // Of equals the first in the list.
    let best = fitting.max_by_key(|(at, certificate)| (offer.can_use(certificate), rank(certificate), Reverse(*at)));
    best.map(|(at, _)| at)
}

/// Whether a certificate is for a host.
pub(super) fn is_for(certificate: &Certificate, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    certificate.names.iter().any(|name| covers(name, host))
}

/// Whether a name in a certificate is for a host. An asterisk is the whole of the leftmost label and stands for one label
/// (guide CERT-05). A name without one is not preferred: the guide's criteria are all there are.
fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        None => name.eq_ignore_ascii_case(host),
        Some(parent) => host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && !rest.is_empty() && rest.eq_ignore_ascii_case(parent)),
    }
}

/// The guide's criteria in their order, the greater the better: ECDSA over RSA, SHA over MD5, the longest key, the validity
/// that ends last.
fn rank(certificate: &Certificate) -> impl Ord {
    let ecdsa = matches!(certificate.key, PublicKey::Ecdsa(_));
    (ecdsa, certificate.signature.hash.is_sha(), key_bits(certificate.key), certificate.not_after)
}

fn key_bits(key: PublicKey) -> u32 {
    match key {
        PublicKey::Rsa { bits } => bits,
        PublicKey::Ecdsa(Curve::P256) => 256,
        PublicKey::Ecdsa(Curve::P384) => 384,
        PublicKey::Ecdsa(Curve::P521) => 521,
        PublicKey::Ecdsa(Curve::Other) | PublicKey::Ed25519 | PublicKey::Other => 0,
    }
}

impl Offer<'_> {
    /// Whether the client can finish a handshake with that certificate.
    fn can_use(&self, certificate: &Certificate) -> bool {
        let schemes = if self.has_tls13() { schemes_13(certificate.key) } else { schemes_12(certificate.key) };
        schemes.iter().any(|scheme| self.schemes.contains(scheme))
            && (self.has_tls13() || self.has_suite_for(certificate.key) && self.has_group_for(certificate.key))
    }

    /// Whether it will be TLS 1.3, where suites say nothing of certificates.
    fn has_tls13(&self) -> bool {
        self.common_suites().any(|suite| suite.is_of(Version::Tls13))
    }

    /// Before TLS 1.3, a suite says with what kind of key the server signs.
    fn has_suite_for(&self, key: PublicKey) -> bool {
        let kind = match key {
            PublicKey::Rsa { .. } => "ECDHE-RSA-",
            PublicKey::Ecdsa(_) => "ECDHE-ECDSA-",
            PublicKey::Ed25519 | PublicKey::Other => return false,
        };
        self.common_suites().any(|suite| suite.name.starts_with(kind))
    }

    /// Before TLS 1.3, the groups are the curves that certificates may have, too (RFC 8422 section 5.1).
    fn has_group_for(&self, key: PublicKey) -> bool {
        let group = match key {
            PublicKey::Ecdsa(Curve::P256) => 0x0017,
            PublicKey::Ecdsa(Curve::P384) => 0x0018,
            PublicKey::Ecdsa(Curve::P521) => 0x0019,
            _ => return true,
        };
        self.groups.as_ref().is_none_or(|groups| groups.contains(&group))
    }

    fn common_suites(&self) -> impl Iterator<Item = &'static Suite> {
        self.suites.iter().filter_map(|id| Suite::numbered(*id))
    }
}

/// `rsa_pss_rsae_sha256`, `_sha384`, `_sha512`, and then those of PKCS #1, which TLS 1.3 does not have.
const RSA: [u16; 6] = [0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601];

/// What a key can sign with in TLS 1.3 (RFC 8446 section 4.2.3).
fn schemes_13(key: PublicKey) -> &'static [u16] {
    match key {
        PublicKey::Rsa { .. } => &RSA[..3],
        other => schemes_12(other),
    }
}

/// What a key can sign with in TLS 1.2. Each curve has one hash there, too: nothing else is offered by the cryptography below.
fn schemes_12(key: PublicKey) -> &'static [u16] {
    match key {
        PublicKey::Rsa { .. } => &RSA,
        PublicKey::Ecdsa(Curve::P256) => &[0x0403],
        PublicKey::Ecdsa(Curve::P384) => &[0x0503],
        PublicKey::Ecdsa(Curve::P521) => &[0x0603],
        PublicKey::Ecdsa(Curve::Other) | PublicKey::Ed25519 | PublicKey::Other => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Wall;
    use crate::tls::certificate::{Hash, Signature, SignatureScheme};

    const RSA_2048: PublicKey = PublicKey::Rsa { bits: 2048 };
    const RSA_4096: PublicKey = PublicKey::Rsa { bits: 4096 };
    const P256: PublicKey = PublicKey::Ecdsa(Curve::P256);
    const P384: PublicKey = PublicKey::Ecdsa(Curve::P384);
    const P521: PublicKey = PublicKey::Ecdsa(Curve::P521);

    /// Everything that a client of today offers.
    fn all() -> Offer<'static> {
        Offer {
            server_name: Some("a.test"),
            schemes: vec![0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601],
            suites: vec![0x1301, 0x1302, 0xC02B, 0xC02F],
            groups: Some(vec![0x001D, 0x0017, 0x0018, 0x0019]),
        }
    }

    fn certificate(names: &[&str], key: PublicKey) -> Certificate {
        Certificate {
            der: Vec::new(),
            version: 3,
            serial: vec![1],
            signature: Signature { scheme: SignatureScheme::Rsa, hash: Hash::Sha256 },
            issuer: Vec::new(),
            subject: Vec::new(),
            not_before: Wall::default(),
            not_after: Wall::from_micros(1),
            key,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn of(keys: &[PublicKey]) -> Vec<Certificate> {
        keys.iter().map(|key| certificate(&["a.test"], *key)).collect()
    }

    fn named(names: &[&str], host: &str) -> Option<usize> {
        let list: Vec<Certificate> = names.iter().map(|name| certificate(&[name], P256)).collect();
        choose(list.iter(), &Offer { server_name: Some(host), ..all() })
    }

    #[test]
    fn without_a_host_or_without_a_match_none_is_chosen() {
        let list = of(&[P256]);
        assert_eq!(choose(list.iter(), &Offer { server_name: None, ..all() }), None);
        assert_eq!(choose(list.iter(), &Offer { server_name: Some("b.test"), ..all() }), None);
        assert_eq!(choose([].iter(), &all()), None);
        assert_eq!(choose(list.iter(), &all()), Some(0));
    }

    #[test]
    fn the_only_match_is_chosen_whatever_it_is_worth() {
        let list = [certificate(&["b.test", "c.test"], P521), certificate(&["x.test", "a.test"], RSA_2048)];
        assert_eq!(choose(list.iter(), &all()), Some(1));
        assert_eq!(choose(list.iter(), &Offer { schemes: Vec::new(), ..all() }), Some(1));
    }

    #[test]
    fn hosts_are_compared_without_case_and_without_a_last_dot() {
        assert_eq!(named(&["a.test"], "A.TeSt"), Some(0));
        assert_eq!(named(&["a.test"], "a.test."), Some(0));
        assert_eq!(named(&["*.b.test"], "X.B.test."), Some(0));
        assert_eq!(named(&["a.test"], "a.test.."), None);
        assert_eq!(named(&["a.test"], "a.tes"), None);
        assert_eq!(named(&["a.test"], "ba.test"), None);
    }

    #[test]
    fn an_asterisk_stands_for_one_label_and_not_for_none_or_two() {
        assert_eq!(named(&["*.example.com"], "corp.example.com"), Some(0));
        assert_eq!(named(&["*.example.com"], "images.example.com"), Some(0));
        for host in ["test.login.example.com", "example.com", ".example.com", "corp.example.org", "corpexample.com"] {
            assert_eq!(named(&["*.example.com"], host), None, "{host}");
        }
    }

    #[test]
    fn an_asterisk_elsewhere_stands_for_nothing() {
        for name in ["corp.*.com", "c*.example.com", "*corp.example.com", "*", "*.", "corp.example.*"] {
            assert_eq!(named(&[name], "corp.example.com"), None, "{name}");
        }
        assert_eq!(named(&["*."], "a."), None);
    }

    #[test]
    fn a_name_without_asterisk_is_not_preferred() {
        assert_eq!(named(&["*.a.test", "b.a.test"], "b.a.test"), Some(0));
        assert_eq!(named(&["b.a.test", "*.a.test"], "b.a.test"), Some(0));
    }

    #[test]
    fn ecdsa_comes_before_rsa_whatever_else_speaks_for_rsa() {
        for keys in [[RSA_4096, P256], [P256, RSA_4096]] {
            let mut list = of(&keys);
            let ecdsa = keys.iter().position(|key| *key == P256);
            let rsa = keys.iter().position(|key| *key == RSA_4096).unwrap();
            list[rsa].not_after = Wall::from_micros(9);
            list[1 - rsa].signature.hash = Hash::Md5;
            assert_eq!(choose(list.iter(), &all()), ecdsa);
        }
    }

    #[test]
    fn sha_comes_before_md5_whatever_the_length_of_keys() {
        for sha in [0, 1] {
            let mut list = of(&[RSA_4096, RSA_4096]);
            list[sha].key = RSA_2048;
            list[1 - sha].signature.hash = Hash::Md5;
            list[1 - sha].not_after = Wall::from_micros(9);
            assert_eq!(choose(list.iter(), &all()), Some(sha));
            list[sha].signature.hash = Hash::Sha1;
            assert_eq!(choose(list.iter(), &all()), Some(sha));
        }
    }

    #[test]
    fn all_of_sha_are_alike() {
        let mut list = of(&[RSA_2048, RSA_2048]);
        list[0].signature.hash = Hash::Sha1;
        list[1].signature.hash = Hash::Sha512;
        assert_eq!(choose(list.iter(), &all()), Some(0));
    }

    #[test]
    fn longer_keys_come_before_longer_validity() {
        for (short, long) in [(RSA_2048, RSA_4096), (P256, P384), (P384, P521)] {
            let mut list = of(&[short, long]);
            list[0].not_after = Wall::from_micros(9);
            assert_eq!(choose(list.iter(), &all()), Some(1));
            list.reverse();
            assert_eq!(choose(list.iter(), &all()), Some(0));
        }
    }

    #[test]
    fn of_equals_the_one_that_is_valid_longest_and_then_the_first() {
        let mut list = of(&[P256, P256, P256]);
        assert_eq!(choose(list.iter(), &all()), Some(0));
        list[1].not_after = Wall::from_micros(2);
        list[2].not_after = Wall::from_micros(2);
        assert_eq!(choose(list.iter(), &all()), Some(1));
    }

    #[test]
    fn in_tls_13_a_certificate_needs_a_signature_that_the_client_verifies() {
        let list = of(&[RSA_2048, P256, P384, P521]);
        let with = |schemes: &[u16]| choose(list.iter(), &Offer { schemes: schemes.to_vec(), ..all() });
        assert_eq!(with(&[0x0403, 0x0503, 0x0603, 0x0804]), Some(3));
        assert_eq!(with(&[0x0403, 0x0503, 0x0804]), Some(2));
        assert_eq!(with(&[0x0403, 0x0804]), Some(1));
        for rsa in [0x0804, 0x0805, 0x0806] {
            assert_eq!(with(&[rsa]), Some(0));
        }
        // Only PKCS #1: TLS 1.3 does not sign so, and none can be used.
        assert_eq!(with(&[0x0401]), Some(3));
        // With suites of TLS 1.2 alone, it does.
        let suites = vec![0xC02B, 0xC02F];
        assert_eq!(choose(list.iter(), &Offer { schemes: vec![0x0401], suites, ..all() }), Some(0));
    }

    #[test]
    fn in_tls_12_a_certificate_needs_a_suite_of_its_kind() {
        let list = of(&[RSA_2048, P256]);
        let with = |suites: &[u16]| choose(list.iter(), &Offer { suites: suites.to_vec(), ..all() });
        assert_eq!(with(&[0xC02F, 0xC030]), Some(0));
        assert_eq!(with(&[0xC02F, 0xC02C]), Some(1));
        assert_eq!(with(&[0xC02B]), Some(1));
        // Those that exchange keys without signing are not served.
        assert_eq!(with(&[0x009C]), Some(1));
        // What nobody knows says nothing.
        assert_eq!(with(&[0x0A0A, 0xC02F]), Some(0));
        // A suite of TLS 1.3 makes it TLS 1.3, where the others say nothing.
        assert_eq!(with(&[0x1301, 0xC02F]), Some(1));
    }

    #[test]
    fn in_tls_12_a_certificate_needs_its_curve_among_the_groups() {
        let list = of(&[RSA_2048, P256, P384, P521]);
        let with = |suites: &[u16], groups: Option<&[u16]>| {
            let (suites, groups) = (suites.to_vec(), groups.map(<[u16]>::to_vec));
            choose(list.iter(), &Offer { suites, groups, ..all() })
        };
        let tls12 = &[0xC02B, 0xC02F];
        assert_eq!(with(tls12, Some(&[0x0017, 0x0018, 0x0019])), Some(3));
        assert_eq!(with(tls12, Some(&[0x0017, 0x0018])), Some(2));
        assert_eq!(with(tls12, Some(&[0x0017])), Some(1));
        assert_eq!(with(tls12, Some(&[0x001D])), Some(0));
        assert_eq!(with(tls12, None), Some(3));
        // TLS 1.3 has schemes for that.
        assert_eq!(with(&[0x1301], Some(&[0x001D])), Some(3));
    }

    #[test]
    fn if_none_can_be_used_it_is_the_best_all_the_same() {
        let list = of(&[RSA_2048, RSA_4096, P256]);
        assert_eq!(choose(list.iter(), &Offer { schemes: Vec::new(), ..all() }), Some(2));
        assert_eq!(choose(list.iter(), &Offer { suites: Vec::new(), ..all() }), Some(2));
    }
}
