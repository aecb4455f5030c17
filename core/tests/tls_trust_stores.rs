//! Trust stores: what may be in one, and the sentence for each thing that may not (guide TS-01, TS-04, TS-07).

mod mutual_support;

use std::time::Instant;

use mutual_support::{
    Ca, NOW, algorithm, ca_parameters, common_name, field, of_length, parameters, pem, provider, store, verdict, verify,
};
use rcgen::{BasicConstraints, CustomExtension, DnType, IsCa, KeyPair, SerialNumber, date_time_ymd};
use sluicegate::tls::TrustStore;

fn load(bundle: &str, lists: &[Vec<u8>]) -> Result<TrustStore, String> {
    TrustStore::new("store", bundle.as_bytes(), lists, &provider()).map_err(|error| error.to_string())
}

fn refused(bundle: &str, lists: &[Vec<u8>]) -> String {
    load(bundle, lists).unwrap_err()
}

/// A list with so many entries, whose numbers have 16 octets.
fn list_of(ca: &Ca, name: &str, entries: u32) -> Vec<u8> {
    let date = field(0x17, b"230101000000Z");
    let mut all = Vec::with_capacity(35 * entries as usize);
    for at in 0..entries {
        let number = [&[1; 12][..], &at.wrapping_mul(2_654_435_761).to_be_bytes()].concat();
        all.extend(field(0x30, &[field(2, &number), date.clone()].concat()));
    }
    ca.seals(&field(0x30, &[field(2, &[1]), algorithm(), common_name(name), date, field(0x30, &all)].concat()))
}

#[test]
fn a_store_knows_its_name_and_what_is_in_it() {
    let (one, other) = (Ca::root("one"), Ca::root("other"));
    let store = store(&[&one, &other], &[one.revokes(&[&[1], &[2]]), other.revokes(&[&[1]])]);
    assert_eq!((store.name(), store.certificates(), store.revoked_entries()), ("store", 2, 3));
    assert_eq!(store.warnings(NOW), [""; 0]);
    assert!(format!("{store:?}").starts_with("TrustStore { name: \"store\", certificates: 2, entries: 3"));
}

#[test]
fn comments_blank_lines_and_other_blocks_stand_between_certificates() {
    let (one, other) = (Ca::root("one"), Ca::root("other"));
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let text = format!("# The first one\n{}\n\n{parameters}\r\nsubject: other\n{}# End", one.pem(), other.pem());
    assert_eq!(load(&text, &[]).unwrap().certificates(), 2);
    let windows = text.replace('\n', "\r\n");
    assert_eq!(load(&windows, &[]).unwrap().certificates(), 2);
    assert_eq!(load(text.trim_end_matches("# End").trim_end(), &[]).unwrap().certificates(), 2);
}

#[test]
fn a_bundle_has_at_least_one_certificate_in_pem() {
    let sentence = "there is no certificate in the CA bundle, which has to be PEM";
    assert_eq!(refused("", &[]), sentence);
    assert_eq!(refused("# nothing here\n", &[]), sentence);
    let der = TrustStore::new::<&[u8]>("store", &Ca::root("one").der, &[], &provider());
    assert_eq!(der.unwrap_err().to_string(), sentence);
    let torn = Ca::root("one").pem().replace("-----END", "");
    assert!(refused(&torn, &[]).starts_with("the CA bundle is damaged: "));
    let odd = Ca::root("one").pem().replacen("MII", "M!I", 1).replacen("MIH", "M!H", 1);
    assert!(refused(&odd, &[]).starts_with("the CA bundle is damaged: "), "{odd}");
}

#[test]
fn a_bundle_has_at_most_25_certificates() {
    let pem = Ca::root("one").pem();
    assert_eq!(load(&pem.repeat(25), &[]).unwrap().certificates(), 25);
    assert_eq!(refused(&pem.repeat(26), &[]), "the CA bundle has 26 certificates, more than 25");
}

#[test]
fn a_certificate_of_a_bundle_has_at_most_16_kb() {
    let bundle = |length| {
        let make = |extra| {
            let mut long = ca_parameters("root");
            long.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 2, 3], vec![7; extra])];
            Ca::root_of(long, KeyPair::generate().unwrap())
        };
        Ca::root("one").pem() + &of_length(length, make, |ca| ca.der.len()).pem()
    };
    assert!(load(&bundle(16_384), &[]).is_ok());
    let sentence = "certificate 2 of the CA bundle has 16385 bytes, more than 16384";
    assert_eq!(refused(&bundle(16_385), &[]), sentence);
}

#[test]
fn only_ca_certificates_are_in_a_bundle() {
    let root = Ca::root("root");
    let of = |is_ca| {
        let mut parameters = parameters("name");
        parameters.is_ca = is_ca;
        root.pem() + &pem("CERTIFICATE", &root.signs(&parameters, &root.key))
    };
    assert_eq!(refused(&of(IsCa::NoCa), &[]), "certificate 2 of the CA bundle is not a CA's");
    assert_eq!(refused(&of(IsCa::ExplicitNoCa), &[]), "certificate 2 of the CA bundle is not a CA's");
    assert!(load(&of(IsCa::Ca(BasicConstraints::Constrained(0))), &[]).is_ok());
    let garbage = pem("CERTIFICATE", &[1, 2, 3]);
    assert_eq!(refused(&garbage, &[]), "certificate 1 of the CA bundle cannot be read");
}

#[test]
fn the_subjects_of_a_bundle_fit_into_what_clients_are_told() {
    let named = |length: usize| {
        let mut long = ca_parameters("root");
        long.distinguished_name.push(DnType::OrganizationName, "x".repeat(length));
        Ca::root_of(long, KeyPair::generate().unwrap()).pem()
    };
    // Two names of 5,000 bytes: 36 of each are for what is around the letters.
    let fits = named(4_964);
    assert!(load(&fits.repeat(2), &[]).is_ok());
    let sentence = "the subjects of the CA bundle have 10001 bytes together, more than 10000";
    assert_eq!(refused(&(fits + &named(4_965)), &[]), sentence);
}

#[test]
fn lists_are_pem_or_der_and_one_file_may_hold_several() {
    let (one, other) = (Ca::root("one"), Ca::root("other"));
    let bundle = one.pem() + &other.pem();
    let text = |ca: &Ca, numbers: &[&[u8]]| pem("X509 CRL", &ca.revokes(numbers));
    let both = format!("# both\n{}\n{}", text(&one, &[&[1]]), text(&other, &[&[2], &[3]]));
    assert_eq!(load(&bundle, &[both.clone().into_bytes()]).unwrap().revoked_entries(), 3);
    assert_eq!(load(&bundle, &[one.revokes(&[&[1]])]).unwrap().revoked_entries(), 1);
    assert_eq!(load(&bundle, &[]).unwrap().revoked_entries(), 0);
    // The second of them is torn: nothing may be missing without a word.
    let torn = both.as_bytes()[..both.len() - 30].to_vec();
    assert_eq!(refused(&bundle, &[torn]), "revocation list 1 is no certificate revocation list in PEM or DER");
    let garbage = vec![b"garbage".to_vec()];
    assert_eq!(refused(&bundle, &garbage), "revocation list 1 is no certificate revocation list in PEM or DER");
    let lists = [one.revokes(&[]), bundle.clone().into_bytes()];
    assert_eq!(refused(&bundle, &lists), "revocation list 2 is no certificate revocation list in PEM or DER");
}

#[test]
fn a_store_has_at_most_30_lists() {
    let root = Ca::root("root");
    let list = pem("X509 CRL", &root.revokes(&[&[1]]));
    assert_eq!(load(&root.pem(), &vec![list.clone().into_bytes(); 30]).unwrap().revoked_entries(), 30);
    assert_eq!(load(&root.pem(), &[list.repeat(30).into_bytes()]).unwrap().revoked_entries(), 30);
    let sentence = "there are 31 revocation lists, more than 30";
    assert_eq!(refused(&root.pem(), &vec![list.clone().into_bytes(); 31]), sentence);
    assert_eq!(refused(&root.pem(), &[list.repeat(31).into_bytes()]), sentence);
}

#[test]
fn a_file_with_lists_has_at_most_50_mb() {
    let root = Ca::root("root");
    let mut file = pem("X509 CRL", &root.revokes(&[&[1]])).into_bytes();
    file.resize(50 * 1024 * 1024, b'\n');
    assert_eq!(load(&root.pem(), &[file.clone()]).unwrap().revoked_entries(), 1);
    file.push(b'\n');
    let sentence = "file 1 of the revocation lists has 52428801 bytes, more than 52428800";
    assert_eq!(refused(&root.pem(), &[file]), sentence);
}

#[test]
fn all_lists_have_at_most_500_000_entries_and_are_read_within_two_seconds() {
    let root = Ca::root("root");
    let most = [list_of(&root, "root", 499_999), root.revokes(&[&[1]])];
    let begun = Instant::now();
    let store = load(&root.pem(), &most).unwrap();
    let took = begun.elapsed();
    println!("500,000 entries in {took:?}");
    // Without optimization nothing follows from how long it takes.
    assert!(cfg!(debug_assertions) || took.as_millis() < 2_000, "{took:?}");
    assert_eq!(store.revoked_entries(), 500_000);
    let sentence = "the revocation lists have 500001 entries together, more than 500000";
    assert_eq!(refused(&root.pem(), &[&most[..], &[root.revokes(&[&[2]])]].concat()), sentence);

    let verify = verify(&std::sync::Arc::new(store));
    let client = |number: &[u8]| {
        let mut parameters = parameters("client");
        parameters.serial_number = Some(SerialNumber::from_slice(number));
        verdict(&verify, &root.client_of(parameters))
    };
    let last = 499_998u32.wrapping_mul(2_654_435_761).to_be_bytes();
    assert_eq!(client(&[&[1; 12][..], &last].concat()), "ClientCertificateCrlHit");
    assert_eq!(client(&[&[1; 11][..], &last].concat()), "Success");
}

#[test]
fn a_list_is_signed_by_a_ca_of_the_bundle() {
    let (one, other) = (Ca::root("one"), Ca::root("other"));
    let stranger = "revocation list 1 is not issued by any CA of the bundle";
    assert_eq!(refused(&one.pem(), &[other.revokes(&[&[1]])]), stranger);
    let forged = "revocation list 1 has a signature that is not its issuer's";
    assert_eq!(refused(&one.pem(), &[Ca::root("one").revokes(&[&[1]])]), forged);
    let mut changed = one.revokes(&[&[0x41, 0x42, 0x43]]);
    let at = (0..changed.len()).find(|at| changed[*at..].starts_with(&[0x41, 0x42, 0x43])).unwrap();
    changed[at] = 0x40;
    assert_eq!(refused(&one.pem(), &[changed]), forged);
    // Two CAs of one name: one of them signed it.
    let namesake = Ca::root("one");
    assert!(load(&(namesake.pem() + &one.pem()), &[one.revokes(&[&[1]])]).is_ok());
    // The intermediate is in the bundle, so its list counts.
    let middle = one.below(ca_parameters("middle"));
    assert!(load(&(one.pem() + &middle.pem()), &[middle.revokes(&[&[1]])]).is_ok());
    assert_eq!(refused(&one.pem(), &[middle.revokes(&[&[1]])]), stranger);
}

#[test]
fn lists_are_signed_with_any_key_of_a_ca() {
    for algorithm in [
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_RSA_SHA512,
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P521_SHA512,
    ] {
        let root = Ca::root_of(ca_parameters("root"), KeyPair::generate_for(algorithm).unwrap());
        assert!(load(&root.pem(), &[root.revokes(&[&[1]])]).is_ok(), "{algorithm:?}");
    }
}

#[test]
fn a_delta_list_is_refused_in_a_sentence() {
    let root = Ca::root("root");
    let date = field(0x17, b"230101000000Z");
    let with = |id: u8, value: &[u8]| {
        let extension = field(0x30, &[field(6, &[0x55, 0x1d, id]), field(1, &[0xff]), field(4, value)].concat());
        let extensions = field(0xa0, &field(0x30, &extension));
        root.seals(&field(0x30, &[field(2, &[1]), algorithm(), common_name("root"), date.clone(), extensions].concat()))
    };
    let delta = "revocation list 1 is a delta list, which is not supported: give the whole list";
    assert_eq!(refused(&root.pem(), &[with(27, &[2, 1, 1])]), delta);
    let indirect = "revocation list 1 is an indirect list, which is not supported: give each issuer's own list";
    assert_eq!(refused(&root.pem(), &[with(28, &[0x30, 3, 0x84, 1, 0xff])]), indirect);
    let unknown = "revocation list 1 has a critical extension that is not supported";
    assert_eq!(refused(&root.pem(), &[with(99, &[5, 0])]), unknown);
}

#[test]
fn what_an_operator_should_know_is_told_as_of_a_time() {
    let mut old = ca_parameters("root");
    old.not_after = date_time_ymd(2023, 6, 1);
    let root = Ca::root_of(old, KeyPair::generate().unwrap());
    let store = store(&[&root], &[root.revokes(&[])]);
    let at = |seconds: u64| store.warnings(sluicegate::time::Wall::from_micros(seconds * 1_000_000));
    let (expired, future) = (
        "certificate 1 of the CA bundle has expired and vouches for nobody",
        "revocation list 1 is from the future; it is used all the same",
    );
    let stale = "revocation list 1 has expired; what it revokes stays revoked";
    assert_eq!(at(1_672_531_199), [future]);
    assert_eq!(at(1_672_531_200), [""; 0]);
    assert_eq!(at(1_685_577_600), [""; 0]);
    assert_eq!(at(1_685_577_601), [expired]);
    assert_eq!(at(1_704_067_201), [expired, stale]);
}

proptest::proptest! {
    #[test]
    fn a_damaged_bundle_or_list_is_read_or_refused(
        at: proptest::sample::Index,
        other: proptest::sample::Index,
        byte: u8,
        bytes: Vec<u8>,
    ) {
        std::thread_local!(static FILES: (Vec<u8>, Vec<u8>) = {
            let root = Ca::root("root");
            (root.pem().into_bytes(), root.revokes(&[&[1], &[2]]))
        });
        let (mut bundle, mut list) = FILES.with(Clone::clone);
        let _ = TrustStore::new("a", &bytes, &[&bytes], &provider());
        let _ = TrustStore::new("a", &bundle, &[&bytes], &provider());
        let at_list = other.index(list.len());
        list[at_list] = byte;
        let _ = TrustStore::new("a", &bundle, &[&list], &provider());
        let at_bundle = at.index(bundle.len());
        bundle[at_bundle] = byte;
        let _ = TrustStore::new("a", &bundle, &[&list], &provider());
    }
}
