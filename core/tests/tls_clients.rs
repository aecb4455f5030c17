//! Clients that show certificates: who is let in under which mode, and with which code others are refused (guide MTLS-*,
//! CL-06). Real handshakes, each in TLS 1.2 and 1.3.

mod mutual_support;

use std::sync::Arc;

use mutual_support::{
    Ca, Client, NOW, algorithm, ca_parameters, common_name, field, handshake, ignoring_expiry, of_length, parameters,
    parts, pem, provider, replaced, store, verdict, verify,
};
use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, KeyPair, KeyUsagePurpose,
    NameConstraints, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm, date_time_ymd,
};
use sluicegate::tls::{Failure, MutualAuthentication, TrustStore, Verify, Version};

const UNTRUSTED: &str = "ClientCertificateUntrusted";
const EXPIRED: &str = "ClientCertificateExpired";
const NOT_YET_VALID: &str = "ClientCertificateNotYetValid";
const CRL_HIT: &str = "ClientCertificateCrlHit";
const UNSUPPORTED: &str = "ClientCertificateTypeUnsupported";
const INVALID: &str = "ClientCertificateInvalid";

const BOTH: [Version; 2] = [Version::Tls12, Version::Tls13];

fn valid(mut parameters: CertificateParams, from: i32, until: i32) -> CertificateParams {
    parameters.not_before = date_time_ymd(from, 1, 1);
    parameters.not_after = date_time_ymd(until, 1, 1);
    parameters
}

fn numbered(mut parameters: CertificateParams, number: &[u8]) -> CertificateParams {
    parameters.serial_number = Some(SerialNumber::from_slice(number));
    parameters
}

#[test]
fn clients_that_the_trust_store_vouches_for_are_let_in() {
    let root = Ca::root("root");
    let middle = root.below(ca_parameters("middle"));
    let verify = verify(&store(&[&root], &[]));
    assert_eq!(verdict(&verify, &root.client("client")), "Success");
    assert_eq!(verdict(&verify, &middle.client("client").with(&middle.der)), "Success");
    // The root may come along, in any place but the first.
    assert_eq!(verdict(&verify, &middle.client("client").with(&root.der).with(&middle.der)), "Success");
    // Without what leads to the root there is no way.
    assert_eq!(verdict(&verify, &middle.client("client")), UNTRUSTED);
}

#[test]
fn every_certificate_of_the_bundle_vouches_whether_it_is_a_root_or_not() {
    let root = Ca::root("root");
    let middle = root.below(ca_parameters("middle"));
    let verify = verify(&store(&[&middle], &[]));
    assert_eq!(verdict(&verify, &middle.client("client")), "Success");
    assert_eq!(verdict(&verify, &root.client("client")), UNTRUSTED);
}

#[test]
fn a_client_without_a_certificate_is_refused_where_they_are_verified_and_goes_on_where_they_are_passed_on() {
    let verify = verify(&store(&[&Ca::root("root")], &[]));
    for version in BOTH {
        let outcome = handshake(&verify, None, version);
        assert!(outcome.asked && matches!(outcome.result, Err(Failure::NoClientCertificate)), "{outcome:?}");
        let outcome = handshake(&MutualAuthentication::Passthrough, None, version);
        assert!(outcome.asked && outcome.result.is_ok(), "{outcome:?}");
        assert_eq!(outcome.presented.lines, b"");
        let outcome = handshake(&MutualAuthentication::Off, None, version);
        assert!(!outcome.asked && outcome.result.is_ok(), "{outcome:?}");
    }
}

#[test]
fn whoever_signed_it_a_certificate_is_passed_on() {
    let outdated = valid(parameters("client"), 2020, 2021);
    let client = Ca::root("unknown").client_of(outdated);
    assert_eq!(verdict(&MutualAuthentication::Passthrough, &client), "Success");
    for version in BOTH {
        let outcome = handshake(&MutualAuthentication::Passthrough, Some(&client), version);
        assert_eq!(outcome.presented.subject, "CN=client");
        assert!(outcome.presented.lines.starts_with(b"X-Amzn-Mtls-Clientcert: -----BEGIN%20CERTIFICATE-----%0A"));
    }
}

#[test]
fn a_certificate_that_has_expired_is_refused_unless_expiry_is_ignored() {
    let root = Ca::root("root");
    let store = store(&[&root], &[]);
    let client = root.client_of(valid(parameters("client"), 2020, 2021));
    assert_eq!(verdict(&verify(&store), &client), EXPIRED);
    assert_eq!(verdict(&ignoring_expiry(&store), &client), "Success");
    assert_eq!(verdict(&ignoring_expiry(&store), &root.client("client")), "Success");
}

#[test]
fn validity_ends_with_its_last_second() {
    let root = Ca::root("root");
    let verify = verify(&store(&[&root], &[]));
    let until = |second| {
        let mut parameters = parameters("client");
        parameters.not_after = date_time_ymd(2023, 11, 14).replace_hour(22).unwrap().replace_minute(13).unwrap();
        parameters.not_after = parameters.not_after.replace_second(second).unwrap();
        root.client_of(parameters)
    };
    assert_eq!(NOW.seconds() % 60, 20);
    assert_eq!(verdict(&verify, &until(20)), "Success");
    assert_eq!(verdict(&verify, &until(19)), EXPIRED);
}

#[test]
fn ignoring_expiry_ignores_nothing_else() {
    let root = Ca::root("root");
    let store = store(&[&root], &[root.revokes(&[&[5]])]);
    let old = |name: &str| valid(parameters(name), 2020, 2021);
    let ignoring = ignoring_expiry(&store);
    assert_eq!(verdict(&ignoring, &Ca::root("other").client_of(old("client"))), UNTRUSTED);
    // One who only has the name of the CA.
    assert_eq!(verdict(&ignoring, &Ca::root("root").client_of(old("client"))), UNTRUSTED);
    assert_eq!(verdict(&ignoring, &root.client_of(numbered(old("client"), &[5]))), CRL_HIT);
    let mut server = old("client");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    assert_eq!(verdict(&ignoring, &root.client_of(server)), INVALID);
    assert_eq!(verdict(&ignoring, &root.client_of(valid(parameters("client"), 2024, 2025))), NOT_YET_VALID);
}

#[test]
fn ignoring_expiry_is_for_whole_chains_that_were_good_once() {
    let root = Ca::root("root");
    let ignoring = ignoring_expiry(&store(&[&root], &[]));
    let chain = |middle: (i32, i32), leaf: (i32, i32)| {
        let middle = root.below(valid(ca_parameters("middle"), middle.0, middle.1));
        middle.client_of(valid(parameters("client"), leaf.0, leaf.1)).with(&middle.der)
    };
    assert_eq!(verdict(&ignoring, &chain((2020, 2021), (2020, 2030))), "Success");
    assert_eq!(verdict(&ignoring, &chain((2020, 2030), (2020, 2021))), "Success");
    assert_eq!(verdict(&ignoring, &chain((2020, 2022), (2019, 2021))), "Success");
    assert_eq!(verdict(&ignoring, &chain((2019, 2021), (2020, 2022))), "Success");
    // At no time were both of them good.
    assert_eq!(verdict(&ignoring, &chain((2022, 2030), (2020, 2021))), EXPIRED);
    assert_eq!(verdict(&ignoring, &chain((2020, 2021), (2022, 2023))), EXPIRED);
}

#[test]
fn a_ca_that_has_expired_vouches_for_nobody_unless_expiry_is_ignored() {
    let old = Ca::root_of(valid(ca_parameters("root"), 2020, 2021), KeyPair::generate().unwrap());
    let young = Ca::root_of(valid(ca_parameters("young"), 2024, 2025), KeyPair::generate().unwrap());
    let store = store(&[&old, &young], &[]);
    assert_eq!(verdict(&verify(&store), &old.client("client")), EXPIRED);
    assert_eq!(verdict(&ignoring_expiry(&store), &old.client("client")), "Success");
    assert_eq!(verdict(&verify(&store), &young.client("client")), NOT_YET_VALID);
    assert_eq!(verdict(&ignoring_expiry(&store), &young.client("client")), NOT_YET_VALID);
    assert_eq!(store.warnings(NOW), ["certificate 1 of the CA bundle has expired and vouches for nobody"]);
}

#[test]
fn a_certificate_that_is_not_yet_valid_is_refused() {
    let root = Ca::root("root");
    let middle = root.below(valid(ca_parameters("middle"), 2024, 2030));
    let verify = verify(&store(&[&root], &[]));
    assert_eq!(verdict(&verify, &root.client_of(valid(parameters("client"), 2024, 2025))), NOT_YET_VALID);
    assert_eq!(verdict(&verify, &middle.client("client").with(&middle.der)), NOT_YET_VALID);
}

#[test]
fn whom_nobody_vouches_for_is_untrusted() {
    let root = Ca::root("root");
    let verify = verify(&store(&[&root], &[]));
    assert_eq!(verdict(&verify, &Ca::root("other").client("client")), UNTRUSTED);
    // The same name, another key.
    assert_eq!(verdict(&verify, &Ca::root("root").client("client")), UNTRUSTED);
    // A certificate of its own making.
    let key = KeyPair::generate().unwrap();
    let chain = vec![parameters("client").self_signed(&key).unwrap().der().to_vec()];
    assert_eq!(verdict(&verify, &Client { chain, key }), UNTRUSTED);
    // One whom a client, not a CA, signed for.
    let false_ca = root.below(parameters("false"));
    assert_eq!(verdict(&verify, &false_ca.client("client").with(&false_ca.der)), UNTRUSTED);
}

#[test]
fn what_is_revoked_is_refused_wherever_it_is_in_the_chain() {
    let root = Ca::root("root");
    let middle = root.below(numbered(ca_parameters("middle"), &[7]));
    let leaf = || middle.client_of(numbered(parameters("client"), &[9])).with(&middle.der);
    let judged = |cas: &[&Ca], lists: &[Vec<u8>]| verdict(&verify(&store(cas, lists)), &leaf());
    assert_eq!(judged(&[&root], &[root.revokes(&[])]), "Success");
    assert_eq!(judged(&[&root], &[root.revokes(&[&[9]])]), "Success");
    assert_eq!(judged(&[&root], &[root.revokes(&[&[7]])]), CRL_HIT);
    assert_eq!(judged(&[&root, &middle], &[middle.revokes(&[&[9]])]), CRL_HIT);
    assert_eq!(judged(&[&root, &middle], &[middle.revokes(&[&[7]])]), "Success");
    // The bundle holds what its own root has revoked: that vouches for nobody any more.
    assert_eq!(judged(&[&middle, &root], &[root.revokes(&[&[7]])]), CRL_HIT);
    // The second list counts as the first one does.
    assert_eq!(judged(&[&root], &[root.revokes(&[&[1]]), root.revokes(&[&[7]])]), CRL_HIT);
}

#[test]
fn a_list_that_has_expired_still_revokes() {
    let root = Ca::root("root");
    let list = rcgen::CertificateRevocationListParams {
        this_update: date_time_ymd(2021, 1, 1),
        next_update: date_time_ymd(2022, 1, 1),
        crl_number: SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: vec![rcgen::RevokedCertParams {
            serial_number: SerialNumber::from_slice(&[5]),
            revocation_time: date_time_ymd(2021, 1, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let store = store(&[&root], &[root.revokes(&[]), root.lists(list)]);
    assert_eq!(verdict(&verify(&store), &root.client_of(numbered(parameters("client"), &[5]))), CRL_HIT);
    assert_eq!(verdict(&verify(&store), &root.client_of(numbered(parameters("client"), &[6]))), "Success");
    assert_eq!(store.warnings(NOW), ["revocation list 2 has expired; what it revokes stays revoked"]);
}

#[test]
fn a_certificate_with_a_negative_number_cannot_be_revoked() {
    let root = Ca::root("root");
    // 133 and -123 have the same octets, but for one that says which of them it is.
    let positive = root.client_of(numbered(parameters("client"), &[0x85]));
    let key = KeyPair::from_pem(&positive.key.serialize_pem()).unwrap();
    let der = root.reseals(&positive.chain[0], |fields| {
        assert_eq!(fields[1], field(2, &[0, 0x85]));
        fields[1] = field(2, &[0x85]);
    });
    let negative = Client { chain: vec![der], key };
    // A list of both: loading it does not fail, and the negative number does no harm.
    let list = list_of(&root, &[field(2, &[0, 0x85]), field(2, &[0x85])]);
    let store = store(&[&root], &[list]);
    assert_eq!(store.revoked_entries(), 2);
    assert_eq!(verdict(&verify(&store), &positive), CRL_HIT);
    assert_eq!(verdict(&verify(&store), &negative), "Success");
    // Nor does it revoke the one that has its octets.
    let only_negative = mutual_support::store(&[&root], &[list_of(&root, &[field(2, &[0x85])])]);
    assert_eq!(verdict(&verify(&only_negative), &positive), "Success");
}

/// A list of encoded numbers.
fn list_of(ca: &Ca, numbers: &[Vec<u8>]) -> Vec<u8> {
    let date = field(0x17, b"230101000000Z");
    let entries: Vec<u8> = numbers.iter().flat_map(|number| field(0x30, &[&number[..], &date].concat())).collect();
    let contents = [field(2, &[1]), algorithm(), common_name("root"), date, field(0x30, &entries)].concat();
    ca.seals(&field(0x30, &contents))
}

#[test]
fn a_certificate_whose_number_no_list_can_hold_is_refused_where_there_is_a_list() {
    let root = Ca::root("root");
    let long = || root.client_of(numbered(parameters("client"), &[1; 21]));
    let most = || root.client_of(numbered(parameters("client"), &[0xff; 20]));
    let without = verify(&store(&[&root], &[]));
    assert_eq!(verdict(&without, &long()), "Success");
    let with = verify(&store(&[&root], &[root.revokes(&[&[5]])]));
    assert_eq!(verdict(&with, &long()), "ClientCertificateCrlProcessingError");
    assert_eq!(verdict(&with, &most()), "Success");
    let listed = verify(&store(&[&root], &[root.revokes(&[&[0xff; 20]])]));
    assert_eq!(verdict(&listed, &most()), CRL_HIT);
}

/// A client with a certificate of version 1, which has neither a field that says so nor extensions.
fn version_1(ca: &Ca) -> Client {
    let mut client = ca.client("client");
    client.chain[0] = ca.reseals(&client.chain[0], |fields| {
        assert_eq!(fields.remove(0), field(0xa0, &field(2, &[2])));
        fields.truncate(6);
    });
    client
}

#[test]
fn certificates_of_version_1_are_refused_in_both_modes() {
    let root = Ca::root("root");
    let client = version_1(&root);
    assert_eq!(verdict(&verify(&store(&[&root], &[])), &client), UNSUPPORTED);
    assert_eq!(verdict(&MutualAuthentication::Passthrough, &client), UNSUPPORTED);
    let error = TrustStore::new::<&[u8]>("a", pem("CERTIFICATE", &client.chain[0]).as_bytes(), &[], &provider());
    assert_eq!(error.unwrap_err().to_string(), "certificate 1 of the CA bundle is no X.509v3 certificate");
}

/// An RSA key of so many bits that nobody has the other half of.
struct Rsa(Vec<u8>);

impl Rsa {
    fn new(bits: usize) -> Rsa {
        let mut modulus = vec![0xa5; bits.div_ceil(8)];
        modulus[0] = match bits % 8 {
            0 => 0xff,
            some => 0xff >> (8 - some),
        };
        if modulus[0] >= 0x80 {
            modulus.insert(0, 0);
        }
        Rsa(field(0x30, &[field(2, &modulus), field(2, &[1, 0, 1])].concat()))
    }
}

impl PublicKeyData for Rsa {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

#[test]
fn rsa_keys_have_2048_to_8192_bits() {
    let root = Ca::root("root");
    let verify = verify(&store(&[&root], &[]));
    let supported = |bits| {
        let chain = vec![root.signs(&parameters("client"), &Rsa::new(bits))];
        let client = Client { chain, key: KeyPair::generate().unwrap() };
        let results = BOTH.map(|version| match handshake(&verify, Some(&client), version).result {
            Err(Failure::ClientCertificate(rejected)) => {
                assert_eq!(rejected.reason.code(), UNSUPPORTED);
                false
            }
            // Its certificate is good, only that it does not have the key.
            Err(Failure::Other(_)) => true,
            other => panic!("{other:?}"),
        });
        assert_eq!(results[0], results[1]);
        results[0]
    };
    assert!(!supported(1024));
    assert!(!supported(2047));
    assert!(supported(2048));
    assert!(supported(8192));
    assert!(!supported(8193));
}

#[test]
fn elliptic_keys_are_on_three_curves() {
    let root = Ca::root("root");
    let verify = verify(&store(&[&root], &[]));
    let judged = |algorithm| {
        let key = KeyPair::generate_for(algorithm).unwrap();
        verdict(&verify, &Client { chain: vec![root.signs(&parameters("client"), &key)], key })
    };
    assert_eq!(judged(&rcgen::PKCS_ECDSA_P256_SHA256), "Success");
    assert_eq!(judged(&rcgen::PKCS_ECDSA_P384_SHA384), "Success");
    assert_eq!(judged(&rcgen::PKCS_ECDSA_P521_SHA512), "Success");
    assert_eq!(judged(&rcgen::PKCS_RSA_SHA256), "Success");
    assert_eq!(judged(&rcgen::PKCS_ED25519), UNSUPPORTED);
    // secp256k1
    let mut client = root.client("client");
    let p256 = [0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    client.chain[0] = replaced(&client.chain[0], &p256, &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1]);
    assert_eq!(verdict(&verify, &client), UNSUPPORTED);
}

#[test]
fn certificates_are_signed_with_sha_256_or_better() {
    let judged = |algorithm| {
        let root = Ca::root_of(ca_parameters("root"), KeyPair::generate_for(algorithm).unwrap());
        verdict(&verify(&store(&[&root], &[])), &root.client("client"))
    };
    assert_eq!(judged(&rcgen::PKCS_RSA_SHA256), "Success");
    assert_eq!(judged(&rcgen::PKCS_RSA_SHA384), "Success");
    assert_eq!(judged(&rcgen::PKCS_RSA_SHA512), "Success");
    assert_eq!(judged(&rcgen::PKCS_ECDSA_P384_SHA384), "Success");
    assert_eq!(judged(&rcgen::PKCS_ECDSA_P521_SHA512), "Success");
    assert_eq!(judged(&rcgen::PKCS_ED25519), UNSUPPORTED);
    let root = Ca::root_of(ca_parameters("root"), KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap());
    let mut client = root.client("client");
    let sha_1 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];
    client.chain[0] = replaced(&client.chain[0], &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11], &sha_1);
    assert_eq!(verdict(&verify(&store(&[&root], &[])), &client), UNSUPPORTED);
}

#[test]
fn certificates_may_be_signed_with_rsassa_pss() {
    use rustls::SignatureScheme as Scheme;
    use rustls::pki_types::{PrivateKeyDer, alg_id};
    let root = Ca::root_of(ca_parameters("root"), KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap());
    let verify = verify(&store(&[&root], &[]));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = provider.key_provider.load_private_key(PrivateKeyDer::Pkcs8(root.key.serialize_der().into())).unwrap();
    for (scheme, id) in [
        (Scheme::RSA_PSS_SHA256, alg_id::RSA_PSS_SHA256),
        (Scheme::RSA_PSS_SHA384, alg_id::RSA_PSS_SHA384),
        (Scheme::RSA_PSS_SHA512, alg_id::RSA_PSS_SHA512),
    ] {
        let algorithm = field(0x30, id.as_ref());
        let mut client = root.client("client");
        let mut fields: Vec<Vec<u8>> = parts(parts(&client.chain[0])[0]).into_iter().map(<[u8]>::to_vec).collect();
        fields[2] = algorithm.clone();
        let contents = field(0x30, &fields.concat());
        let signature = key.choose_scheme(&[scheme]).unwrap().sign(&contents).unwrap();
        let signature = field(3, &[&[0][..], &signature].concat());
        client.chain[0] = field(0x30, &[contents, algorithm, signature].concat());
        assert_eq!(verdict(&verify, &client), "Success", "{scheme:?}");
        *client.chain[0].last_mut().unwrap() ^= 1;
        assert_eq!(verdict(&verify, &client), UNTRUSTED, "{scheme:?}");
    }
}

#[test]
fn a_root_that_the_bundle_holds_may_have_signed_itself_with_anything() {
    let mut root = Ca::root_of(ca_parameters("root"), KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap());
    let client = root.client("client");
    let sha_1 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];
    root.der = replaced(&root.der, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11], &sha_1);
    assert_eq!(verdict(&verify(&store(&[&root], &[])), &client.with(&root.der)), "Success");
}

#[test]
fn a_client_presents_at_most_four_certificates() {
    let root = Ca::root("root");
    let one = root.below(ca_parameters("one"));
    let two = one.below(ca_parameters("two"));
    let three = two.below(ca_parameters("three"));
    let four = three.below(ca_parameters("four"));
    let verify = verify(&store(&[&root], &[]));
    let leaf = || three.client("client").with(&three.der).with(&two.der).with(&one.der);
    assert_eq!(verdict(&verify, &leaf()), "Success");
    assert_eq!(verdict(&MutualAuthentication::Passthrough, &leaf()), "Success");
    let deep = || four.client("client").with(&four.der).with(&three.der).with(&two.der).with(&one.der);
    assert_eq!(verdict(&verify, &deep()), "ClientCertificateMaxChainDepthExceeded");
    assert_eq!(verdict(&verify, &leaf().with(&root.der)), "ClientCertificateMaxChainDepthExceeded");
    assert_eq!(verdict(&MutualAuthentication::Passthrough, &deep()), "ClientCertificateMaxChainDepthExceeded");
}

#[test]
fn a_certificate_has_at_most_16_kb() {
    let root = Ca::root("root");
    let verify = verify(&store(&[&root], &[]));
    let client = |length| {
        let make = |extra| {
            let mut long = parameters("client");
            long.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 2, 3], vec![7; extra])];
            root.client_of(long)
        };
        of_length(length, make, |client| client.chain[0].len())
    };
    for (length, expected) in [(16_384, "Success"), (16_385, "ClientCertificateMaxSizeExceeded")] {
        assert_eq!(verdict(&verify, &client(length)), expected);
        assert_eq!(verdict(&MutualAuthentication::Passthrough, &client(length)), expected);
    }
}

#[test]
fn what_is_no_certificate_or_not_for_clients_is_invalid() {
    let root = Ca::root("root");
    let verify = verify(&store(&[&root], &[]));
    let mut client = root.client("client");
    client.chain[0].pop();
    assert_eq!(verdict(&verify, &client), INVALID);
    assert_eq!(verdict(&MutualAuthentication::Passthrough, &client), INVALID);
    let with = |usages: &[ExtendedKeyUsagePurpose]| {
        let mut parameters = parameters("client");
        parameters.extended_key_usages = usages.to_vec();
        verdict(&verify, &root.client_of(parameters))
    };
    assert_eq!(with(&[ExtendedKeyUsagePurpose::ServerAuth]), INVALID);
    assert_eq!(with(&[ExtendedKeyUsagePurpose::ClientAuth]), "Success");
    assert_eq!(with(&[ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]), "Success");
}

#[test]
fn a_ca_is_no_client_though_the_bundle_holds_it() {
    let root = Ca::root("root");
    let verify = verify(&store(&[&root], &[]));
    let key = KeyPair::from_pem(&root.key.serialize_pem()).unwrap();
    assert_eq!(verdict(&verify, &Client { chain: vec![root.der.clone()], key }), INVALID);
}

#[test]
fn names_that_a_ca_may_not_vouch_for_are_invalid() {
    let root = Ca::root("root");
    let mut limited = ca_parameters("middle");
    limited.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("a.test".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let middle = root.below(limited);
    let verify = verify(&store(&[&root], &[]));
    let named = |host: &str| {
        let mut parameters = parameters("client");
        parameters.subject_alt_names = vec![SanType::DnsName(host.try_into().unwrap())];
        verdict(&verify, &middle.client_of(parameters).with(&middle.der))
    };
    assert_eq!(named("x.a.test"), "Success");
    assert_eq!(named("x.b.test"), INVALID);
}

#[test]
fn clients_are_told_whose_certificates_are_good_if_that_is_wanted() {
    let (one, other) = (Ca::root("one"), Ca::root("other"));
    let again = Ca::root("one");
    let store = store(&[&one, &other, &again], &[]);
    let told = |advertise| {
        let verify = Verify { store: Arc::clone(&store), ignore_expiry: false, advertise };
        let verify = MutualAuthentication::Verify(Arc::new(verify));
        BOTH.map(|version| handshake(&verify, Some(&one.client("client")), version).hints)
    };
    for hints in told(true) {
        assert_eq!(hints, [common_name("one"), common_name("other")]);
    }
    assert_eq!(told(false), [Vec::<Vec<u8>>::new(), Vec::new()]);
}

#[test]
fn sessions_are_not_resumed_in_either_mode() {
    let root = Ca::root("root");
    let client = root.client("client");
    let tickets = |mutual| handshake(&mutual, Some(&client), Version::Tls13).tickets;
    assert!(tickets(MutualAuthentication::Off) > 0);
    assert_eq!(tickets(MutualAuthentication::Passthrough), 0);
    assert_eq!(tickets(verify(&store(&[&root], &[]))), 0);
}

#[test]
fn a_client_without_the_key_is_refused_in_every_mode() {
    let root = Ca::root("root");
    let thief = || Client { key: KeyPair::generate().unwrap(), ..root.client("client") };
    for mutual in [MutualAuthentication::Passthrough, verify(&store(&[&root], &[]))] {
        for version in BOTH {
            let result = handshake(&mutual, Some(&thief()), version).result;
            assert!(matches!(result, Err(Failure::Other(_))), "{result:?}");
        }
    }
}

#[test]
fn a_ca_may_be_renewed_under_its_name() {
    let key = KeyPair::generate().unwrap();
    let old = Ca::root_of(valid(ca_parameters("root"), 2015, 2021), KeyPair::from_pem(&key.serialize_pem()).unwrap());
    let new = Ca::root_of(ca_parameters("root"), key);
    assert_eq!(verdict(&verify(&store(&[&old, &new], &[])), &old.client("client")), "Success");
    assert_eq!(verdict(&verify(&store(&[&old], &[])), &new.client("client")), EXPIRED);
}

#[test]
fn a_list_needs_a_ca_that_may_sign_lists() {
    let mut mute = ca_parameters("root");
    mute.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let mute = Ca::root_of(mute, KeyPair::generate().unwrap());
    let open = Ca {
        parameters: ca_parameters("root"),
        key: KeyPair::from_pem(&mute.key.serialize_pem()).unwrap(),
        der: Vec::new(),
    };
    let result = TrustStore::new("a", mute.pem().as_bytes(), &[open.revokes(&[])], &provider());
    let sentence = "revocation list 1 is issued by a CA whose certificate does not allow it to sign lists";
    assert_eq!(result.unwrap_err().to_string(), sentence);
}
