//! Certificates of listeners: which are read and which are refused, each with its reason.

#![cfg(feature = "aws-lc")]

mod tls_support;

use proptest::prelude::*;
use rcgen::{CustomExtension, DnType, PublicKeyData, SignatureAlgorithm};
use sluicegate::time::Wall;
use sluicegate::tls::{CHAIN_CERTIFICATES_MAX, Identity, IdentityError, Provider, Terms};
use tls_support::{Authority, Kind, Made, Wish, acceptor, client, field, pem, policy, shake};

fn read(chain: &str, key: &str) -> Result<Identity, IdentityError> {
    Identity::from_pem("arn:x", chain.as_bytes(), key.as_bytes(), &Provider::aws_lc())
}

fn refused(chain: &str, key: &str) -> IdentityError {
    read(chain, key).expect_err("it is refused")
}

/// With `to` wherever `from` was.
fn with(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = der.windows(from.len()).position(|window| window == from).expect("it is in there");
    [&der[..at], to, &der[at + from.len()..]].concat()
}

/// Whether a client gets through, and what it is shown.
fn shown(identity: Identity) -> Vec<Vec<u8>> {
    let all = policy("TLS13-1-2-2021-06");
    let mut server = acceptor(&Terms::new(all, identity.into())).session();
    let mut client = client(all, "a.test");
    shake(&mut client, &mut server).unwrap();
    client.peer_chain().into_iter().map(<[u8]>::to_vec).collect()
}

#[test]
fn rsa_of_three_lengths_and_ecdsa_on_three_curves_are_served() {
    for kind in [Kind::Rsa2048, Kind::Rsa3072, Kind::Rsa4096, Kind::P256, Kind::P384, Kind::P521] {
        let made = Made::self_signed(&Wish { kind, ..Wish::default() });
        assert_eq!(shown(read(&made.chain, &made.key).unwrap()), [made.der], "{kind:?}");
    }
}

#[test]
fn ed25519_is_refused() {
    let made = Made::self_signed(&Wish { kind: Kind::Ed25519, ..Wish::default() });
    let error = refused(&made.chain, &made.key);
    assert_eq!(error, IdentityError::Ed25519);
    assert!(error.to_string().starts_with("Ed25519 keys are not supported"));
}

/// A public key of RSA with nothing behind it.
struct Modulus(Vec<u8>);

impl Modulus {
    fn of(bits: usize) -> Modulus {
        // An INTEGER does not begin with a bit that is set; the top bit of the number stands behind as many zeros as it takes.
        let mut number = vec![0xA5; bits.div_ceil(8)];
        number[0] = 1 << ((bits - 1) % 8);
        number.insert(0, 0);
        if number[1] < 0x80 {
            number.remove(0);
        }
        Modulus(field(0x30, &[field(2, &number), vec![2, 3, 1, 0, 1]].concat()))
    }
}

impl PublicKeyData for Modulus {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

#[test]
fn rsa_of_other_lengths_is_refused_and_below_2048_called_weak() {
    let root = Authority::root("Root");
    let key = Kind::Rsa2048.key().serialize_pem();
    let of = |bits| refused(&pem("CERTIFICATE", &root.sign(&Wish::default().parameters(), &Modulus::of(bits))), &key);
    for bits in [1024, 2040, 2047] {
        assert_eq!(of(bits), IdentityError::WeakKey { bits: u32::try_from(bits).unwrap() });
    }
    for bits in [2049, 2056, 3071, 3073, 4095, 4097, 8192] {
        assert_eq!(of(bits), IdentityError::KeyLength { bits: u32::try_from(bits).unwrap() });
    }
    // Of the right length, it is judged further.
    for bits in [2048, 3072, 4096] {
        assert_eq!(of(bits), IdentityError::KeyMismatch);
    }
    assert_eq!(of(1024).to_string(), "the RSA key is weak: it has 1024 bits, and 2048, 3072 or 4096 are supported");
    assert_eq!(of(8192).to_string(), "the RSA key has 8192 bits, and 2048, 3072 or 4096 are supported");
}

#[test]
fn other_curves_and_other_kinds_of_keys_are_refused() {
    let made = Made::self_signed(&Wish::default());
    let changed = |from: &[u8], to: &[u8]| refused(&pem("CERTIFICATE", &with(&made.der, from, to)), &made.key);
    let p256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let p192 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1];
    assert_eq!(changed(&p256, &p192), IdentityError::CurveUnsupported);
    let ec = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
    let other = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 9];
    assert_eq!(changed(&ec, &other), IdentityError::KeyUnsupported);
}

#[test]
fn nothing_but_x509_version_3_is_served() {
    let made = Made::self_signed(&Wish::default());
    for (number, version) in [(0, 1), (1, 2), (3, 4)] {
        let old = with(&made.der, &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, number]);
        assert_eq!(refused(&pem("CERTIFICATE", &old), &made.key), IdentityError::Version { version });
    }
    assert!(read(&made.chain, &made.key).is_ok());
}

#[test]
fn what_holds_no_certificate_or_no_key_is_told() {
    let made = Made::self_signed(&Wish::default());
    for nothing in ["", "garbage", "\u{feff}", "-----END CERTIFICATE-----"] {
        assert_eq!(refused(nothing, &made.key), IdentityError::NoCertificate);
        assert_eq!(refused(&made.chain, nothing), IdentityError::NoKey);
    }
    assert_eq!(refused("", "").to_string(), "there is no certificate in PEM");
    assert_eq!(refused(&made.chain, "").to_string(), "there is no private key in PEM");
}

#[test]
fn broken_pem_is_told_on_either_side() {
    let made = Made::self_signed(&Wish::default());
    let open = |text: &str| text.replace("-----END", "-----SEND");
    let odd = |text: &str| text.replacen("\nM", "\n*", 1);
    for broken in [open, odd] {
        assert_eq!(refused(&broken(&made.chain), &made.key), IdentityError::GarbledCertificate);
        assert_eq!(refused(&made.chain, &broken(&made.key)), IdentityError::GarbledKey);
    }
}

#[test]
fn there_is_one_key_and_it_is_not_encrypted() {
    let made = Made::self_signed(&Wish::default());
    assert_eq!(refused(&made.chain, &made.key.repeat(2)), IdentityError::SeveralKeys);
    let encrypted = made.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let error = refused(&made.chain, &encrypted);
    assert_eq!(error, IdentityError::EncryptedKey);
    assert!(error.to_string().starts_with("the private key is encrypted"));
}

#[test]
fn what_is_in_the_wrong_place_is_told() {
    let made = Made::self_signed(&Wish::default());
    let both = format!("{}{}", made.chain, made.key);
    assert_eq!(refused(&made.key, &made.chain), IdentityError::Swapped);
    assert_eq!(refused(&both, &made.key), IdentityError::KeyAmongCertificates);
    assert_eq!(refused(&made.chain, &both), IdentityError::CertificateBesideKey);
    assert_eq!(refused(&made.chain, &made.chain), IdentityError::NoKey);
    assert_eq!(refused(&made.key, &made.key), IdentityError::NoCertificate);
}

#[test]
fn a_chain_goes_from_the_certificate_to_its_root_which_may_be_left_out() {
    let root = Authority::root("Root");
    let upper = root.below("Upper");
    let lower = upper.below("Lower");
    let leaf = lower.issue(&Wish::default());
    let chain = |parts: &[&str]| read(&parts.concat(), &leaf.key);
    let (l, a, b, r) = (&leaf.pem[..], &lower.pem[..], &upper.pem[..], &root.pem[..]);
    for good in [&[l][..], &[l, a], &[l, a, b], &[l, a, b, r]] {
        assert_eq!(shown(chain(good).unwrap()).len(), good.len());
    }
    assert_eq!(leaf.chain, [l, a, b].concat());
    let wrong: [(&[&str], usize); 6] =
        [(&[l, b], 1), (&[l, r], 1), (&[l, b, a], 1), (&[l, a, r], 2), (&[r, b, a, l], 1), (&[l, a, b, r, a], 4)];
    for (bad, place) in wrong {
        assert_eq!(chain(bad).unwrap_err(), IdentityError::ChainOrder { place });
    }
}

#[test]
fn a_chain_is_shown_as_it_is_written() {
    let upper = Authority::root("Root").below("Upper");
    let leaf = upper.issue(&Wish::default());
    assert_eq!(shown(read(&leaf.chain, &leaf.key).unwrap()), [leaf.der, upper.der]);
}

#[test]
fn a_chain_has_ten_certificates_at_most() {
    let mut authority = Authority::root("0");
    for depth in 1..CHAIN_CERTIFICATES_MAX {
        authority = authority.below(&depth.to_string());
    }
    let leaf = authority.issue(&Wish::default());
    assert!(read(&leaf.chain, &leaf.key).is_ok());
    let leaf = authority.below("more").issue(&Wish::default());
    assert_eq!(refused(&leaf.chain, &leaf.key), IdentityError::ChainTooLong);
}

#[test]
fn what_is_no_certificate_is_told_by_its_place() {
    let made = Made::self_signed(&Wish::default());
    let none = pem("CERTIFICATE", &[0x30, 0]);
    assert_eq!(refused(&none, &made.key), IdentityError::NotX509 { place: 1 });
    assert_eq!(refused(&[&made.chain[..], &none].concat(), &made.key), IdentityError::NotX509 { place: 2 });
}

#[test]
fn the_key_is_the_certificates() {
    let (one, other) = (Made::self_signed(&Wish::default()), Made::self_signed(&Wish::default()));
    let rsa = Made::self_signed(&Wish { kind: Kind::Rsa2048, ..Wish::default() });
    assert!(read(&one.chain, &one.key).is_ok());
    for key in [&other.key, &rsa.key, &Kind::Ed25519.key().serialize_pem()] {
        assert_eq!(refused(&one.chain, key), IdentityError::KeyMismatch);
    }
    assert_eq!(refused(&one.chain, &other.key).to_string(), "the private key is not the certificate's");
    assert_eq!(refused(&one.chain, &pem("PRIVATE KEY", &[1, 2, 3])), IdentityError::KeyUnusable);
}

#[test]
fn a_critical_extension_that_is_not_known_is_no_matter_of_the_key() {
    let root = Authority::root("Root");
    let with = |critical: bool| {
        let mut parameters = Wish::default().parameters();
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(critical);
        parameters.custom_extensions.push(extension);
        let made = root.issue_with(&parameters, &Kind::P256.key());
        read(&made.chain, &made.key).map(drop)
    };
    assert_eq!(with(false), Ok(()));
    assert_eq!(with(true), Err(IdentityError::CertificateUnusable));
}

/// What is in the first field, and what follows it.
fn first(der: &[u8]) -> (&[u8], &[u8]) {
    let (header, length) = match der[1] {
        0x82 => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
        0x81 => (3, usize::from(der[2])),
        short => (2, usize::from(short)),
    };
    (&der[header..header + length], &der[header + length..])
}

/// A key as its kind has it, out of PKCS #8: a version, an algorithm, and then the key (RFC 5208 section 5).
fn bare(kind: Kind, key: &rcgen::KeyPair) -> Vec<u8> {
    let (fields, _) = first(key.serialized_der());
    let (_, rest) = first(fields);
    let (_, rest) = first(rest);
    let bare = first(rest).0;
    if kind != Kind::P256 {
        return bare.to_vec();
    }
    // Files of openssl name the curve inside, where PKCS #8 has named it before (RFC 5915 section 3).
    let (number, secret) = (&first(bare).0[..3], first(&first(bare).0[3..]).0);
    let curve = [0xa0, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let all = [number, &[4, 32], secret, &curve].concat();
    field(0x30, &all)
}

#[test]
fn keys_are_read_as_openssl_has_ever_written_them() {
    let root = Authority::root("Root");
    for (kind, label) in [(Kind::Rsa2048, "RSA PRIVATE KEY"), (Kind::P256, "EC PRIVATE KEY")] {
        let key = kind.key();
        let made = root.issue_with(&Wish::default().parameters(), &key);
        let parameters = pem("EC PARAMETERS", &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
        for text in [made.key.clone(), format!("{parameters}{}", pem(label, &bare(kind, &key)))] {
            let identity = read(&made.chain, &text.replace('\n', "\r\n")).expect(label);
            assert_eq!(shown(identity), [&made.der[..]]);
        }
    }
}

#[test]
fn dates_are_a_warning_at_their_edges_and_no_error() {
    let upper = Authority::root("Root").below("Upper");
    let wish = Wish { not_before: (2025, 6, 1), not_after: (2026, 6, 1), ..Wish::default() };
    let leaf = upper.issue(&wish);
    let identity = read(&leaf.chain, &leaf.key).unwrap();
    let at = |seconds: u64| identity.warnings(Wall::from_micros(seconds * 1_000_000 + 999_999));
    let (from, to) = (1_748_736_000, 1_780_272_000);
    assert_eq!(identity.not_after().seconds(), to);
    assert_eq!(at(from), [""; 0]);
    assert_eq!(at(to), [""; 0]);
    assert_eq!(at(from - 1), ["the certificate is not valid before 2025-06-01T00:00:00Z"]);
    assert_eq!(at(to + 1), ["the certificate has expired: it was valid until 2026-06-01T00:00:00Z"]);
    // Its issuer's validity is from 2025 to 2026.
    let later = "certificate 2 of the chain has expired: it was valid until 2027-01-01T00:00:00Z";
    assert_eq!(at(1_798_761_600), at(to + 1));
    assert_eq!(at(1_798_761_601), [&at(to + 1)[0], later]);
    assert_eq!(at(0)[1], "certificate 2 of the chain is not valid before 2025-01-01T00:00:00Z");
}

#[test]
fn an_expired_certificate_is_served() {
    let expired = Wish { not_before: (2020, 1, 1), not_after: (2021, 1, 1), ..Wish::default() };
    let to_come = Wish { not_before: (2030, 1, 1), not_after: (2031, 1, 1), ..Wish::default() };
    for wish in [expired, to_come] {
        let made = Made::self_signed(&wish);
        let identity = read(&made.chain, &made.key).unwrap();
        assert_eq!(identity.warnings(tls_support::NOW).len(), 1);
        assert_eq!(shown(identity), [made.der]);
    }
}

#[test]
fn names_come_from_the_certificate() {
    let made = Made::self_signed(&Wish { names: &["A.test", "*.b.test"], ..Wish::default() });
    assert_eq!(read(&made.chain, &made.key).unwrap().names(), ["a.test", "*.b.test"]);
    let mut parameters = Wish { names: &[], ..Wish::default() }.parameters();
    parameters.distinguished_name.push(DnType::CommonName, "common.test");
    let made = Authority::root("Root").issue_with(&parameters, &Kind::P256.key());
    assert_eq!(read(&made.chain, &made.key).unwrap().names(), ["common.test"]);
}

/// Whether text has anything of a key in it: a line of its PEM, or some of its bytes as Rust prints them.
fn tells(text: &str, key: &str, der: &[u8]) -> bool {
    let lines = key.lines().filter(|line| !line.starts_with("-----"));
    let numbers = der.windows(4).map(|window| format!("{window:?}").trim_matches(['[', ']']).to_owned());
    lines.map(str::to_owned).chain(numbers).any(|part| text.contains(&part))
}

#[test]
fn nothing_of_a_private_key_is_ever_told() {
    let made = Made::self_signed(&Wish::default());
    let other = Made::self_signed(&Wish::default());
    let key = Kind::P256.key();
    let der = key.serialized_der();
    let secret = key.serialize_pem();
    assert!(tells(&format!("{der:?}"), &secret, der) && tells(&secret, &secret, der));
    let own = Authority::root("Root").issue_with(&Wish::default().parameters(), &key);
    let said = format!("{:?}", read(&own.chain, &own.key).unwrap());
    assert!(said.starts_with("Identity { arn: \"arn:x\", names: [\"a.test\"]"), "{said}");
    assert!(!tells(&said, &secret, der));
    let broken = secret.replace("-----END", "-----SEND");
    let bad = secret.replacen("\nM", "\n*", 1);
    let no_dash = secret.replacen("KEY-----", "KEY----", 1);
    let twice = secret.repeat(2);
    let both = format!("{}{secret}", made.chain);
    for (chain, key) in [
        (&other.chain, &secret),
        (&made.chain, &broken),
        (&made.chain, &bad),
        (&made.chain, &no_dash),
        (&made.chain, &twice),
        (&made.chain, &both),
        (&both, &made.key),
        (&secret, &made.chain),
        (&broken, &made.key),
    ] {
        let error = refused(chain, key);
        assert!(!tells(&format!("{error} {error:?}"), &secret, der), "{error:?}");
    }
}

fn made() -> &'static Made {
    static MADE: std::sync::OnceLock<Made> = std::sync::OnceLock::new();
    MADE.get_or_init(|| Authority::root("Root").below("Upper").issue(&Wish::default()))
}

/// Text with bytes changed, taken out and put in.
fn changed(text: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let text = text.as_bytes().to_vec();
    proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 0..4).prop_map(move |changes| {
        let mut text = text.clone();
        for (at, byte, kind) in changes {
            let at = at.index(text.len());
            match kind {
                0 => text[at] = byte,
                1 => drop(text.remove(at)),
                _ => text.insert(at, byte),
            }
        }
        text
    })
}

proptest! {
    #[test]
    fn whatever_text_comes_it_is_read_or_refused(
        chain in proptest::collection::vec(any::<u8>(), 0..200),
        key in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        prop_assert!(Identity::from_pem("arn:x", &chain, &key, &Provider::aws_lc()).is_err());
    }

    #[test]
    fn whatever_was_changed_in_it_it_is_read_or_refused(
        chain in changed(&made().chain),
        key in changed(&made().key),
    ) {
        let _ = Identity::from_pem("arn:x", &chain, &key, &Provider::aws_lc());
    }

    #[test]
    fn whatever_is_in_the_parts_it_is_read_or_refused(
        der in proptest::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut near = made().der.clone();
        let at = at.index(near.len());
        near[at] = byte;
        for der in [der, near] {
            let _ = read(&pem("CERTIFICATE", &der), &made().key);
            let _ = read(&made().chain, &pem("PRIVATE KEY", &der));
        }
    }
}
