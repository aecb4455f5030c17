//! What targets are told of a client's certificate, to the byte (guide MTLS-05 to MTLS-10).

mod mutual_support;

use mutual_support::{Ca, base64, handshake, parameters, pem, store, verify};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, SerialNumber, date_time_ymd};
use sluicegate::tls::{MutualAuthentication, Presented, Version};

fn named(parts: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in parts {
        name.push(kind.clone(), *value);
    }
    name
}

/// The root of the guide's examples.
fn root() -> Ca {
    let mut parameters = mutual_support::ca_parameters("");
    parameters.distinguished_name = named(&[
        (DnType::CountryName, "US"),
        (DnType::StateOrProvinceName, "Washington"),
        (DnType::LocalityName, "Seattle"),
        (DnType::OrganizationName, "mTLS"),
        (DnType::OrganizationalUnitName, "rootCA"),
        (DnType::CommonName, "rootcamtls.com"),
    ]);
    Ca::root_of(parameters, rcgen::KeyPair::generate().unwrap())
}

macro_rules! at_01_50_17 {
    ($day:expr) => {
        $day.replace_hour(1).unwrap().replace_minute(50).unwrap().replace_second(17).unwrap()
    };
}

/// The client of the guide's examples.
fn client() -> CertificateParams {
    let mut parameters = parameters("");
    parameters.distinguished_name = named(&[
        (DnType::CountryName, "US"),
        (DnType::StateOrProvinceName, "Washington"),
        (DnType::OrganizationName, "mTLS"),
        (DnType::OrganizationalUnitName, "client-3"),
        (DnType::CommonName, "client_.com"),
    ]);
    parameters.serial_number = Some(SerialNumber::from_slice(&[0x03, 0xa5, 0xb1]));
    parameters.not_before = at_01_50_17!(date_time_ymd(2023, 9, 21));
    parameters.not_after = at_01_50_17!(date_time_ymd(2024, 9, 20));
    parameters
}

/// PEM as a URL would have it, from PEM as files have it.
fn encoded(ders: &[&[u8]]) -> String {
    let text: String = ders.iter().map(|der| pem("CERTIFICATE", der)).collect();
    text.replace(' ', "%20").replace('\n', "%0A")
}

#[test]
fn targets_are_told_five_things_of_a_certificate_that_was_verified() {
    let root = root();
    let client = root.client_of(client());
    let verify = verify(&store(&[&root], &[]));
    let expected = format!(
        "X-Amzn-Mtls-Clientcert-Serial-Number: 03A5B1\r\n\
         X-Amzn-Mtls-Clientcert-Issuer: CN=rootcamtls.com,OU=rootCA,O=mTLS,L=Seattle,ST=Washington,C=US\r\n\
         X-Amzn-Mtls-Clientcert-Subject: CN=client_.com,OU=client-3,O=mTLS,ST=Washington,C=US\r\n\
         X-Amzn-Mtls-Clientcert-Validity: NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z\r\n\
         X-Amzn-Mtls-Clientcert-Leaf: {}\r\n",
        encoded(&[&client.chain[0]])
    );
    for version in [Version::Tls12, Version::Tls13] {
        let presented = handshake(&verify, Some(&client), version).presented;
        assert_eq!(String::from_utf8(presented.lines.clone()).unwrap(), expected);
        assert_eq!(presented.subject, "CN=client_.com,OU=client-3,O=mTLS,ST=Washington,C=US");
        assert_eq!(presented.validity, "NotBefore=2023-09-21T01:50:17Z;NotAfter=2024-09-20T01:50:17Z");
        assert_eq!(presented.serial, "03A5B1");
    }
}

#[test]
fn targets_are_passed_the_whole_chain_as_the_client_presents_it() {
    let root = root();
    let middle = root.below(mutual_support::ca_parameters("middle"));
    let client = middle.client_of(client()).with(&middle.der).with(&root.der);
    let expected = format!("X-Amzn-Mtls-Clientcert: {}\r\n", encoded(&[&client.chain[0], &middle.der, &root.der]));
    for version in [Version::Tls12, Version::Tls13] {
        let presented = handshake(&MutualAuthentication::Passthrough, Some(&client), version).presented;
        assert_eq!(String::from_utf8(presented.lines).unwrap(), expected);
        assert_eq!(presented.serial, "03A5B1");
    }
}

#[test]
fn the_letters_plus_equals_and_slash_stay_as_they_are() {
    // Of so many certificates, some hold each of them.
    let root = root();
    let all: String = (0..40).map(|_| encoded(&[&root.client_of(client()).chain[0]])).collect();
    for letter in ['+', '/', '='] {
        assert!(all.contains(letter), "{letter}");
    }
    let client = root.client_of(client());
    let lines =
        String::from_utf8(Presented::new(&[&client.chain[0]], &MutualAuthentication::Passthrough).lines).unwrap();
    let value = lines.strip_prefix("X-Amzn-Mtls-Clientcert: ").unwrap().strip_suffix("\r\n").unwrap();
    let pem: Vec<&str> = value.split("%0A").collect();
    assert_eq!((pem[0], pem[pem.len() - 2]), ("-----BEGIN%20CERTIFICATE-----", "-----END%20CERTIFICATE-----"));
    assert_eq!(pem[1..pem.len() - 2].concat(), base64(&client.chain[0]));
    assert!(pem[1..pem.len() - 3].iter().all(|line| line.len() == 64));
    assert_eq!(pem[pem.len() - 1], "");
}

#[test]
fn names_and_values_can_be_had_one_by_one() {
    let root = root();
    let client = root.client_of(client());
    let presented = Presented::new(&[&client.chain[0]], &verify(&store(&[&root], &[])));
    let names: Vec<&str> = presented.fields().map(|(name, _)| name).collect();
    let of = ["Serial-Number", "Issuer", "Subject", "Validity", "Leaf"];
    assert_eq!(names, of.map(|name| format!("X-Amzn-Mtls-Clientcert-{name}")));
    let whole: String = presented.fields().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    assert_eq!(whole.as_bytes(), presented.lines);
    assert_eq!(presented.fields().nth(3), Some((names[3], &presented.validity[..])));
}

#[test]
fn a_subject_cannot_end_its_header() {
    let root = root();
    let mut evil = parameters("");
    evil.distinguished_name =
        named(&[(DnType::CommonName, "a\r\nX-Admin: yes\r\n\r\n"), (DnType::OrganizationName, "é,\"")]);
    let mut name = DistinguishedName::new();
    name.push(DnType::from_oid(&[1, 2, 3]), DnValue::Utf8String("b\r\n".to_owned()));
    let mut other = parameters("");
    other.distinguished_name = name;
    let presented =
        |parameters| Presented::new(&[&root.client_of(parameters).chain[0]], &verify(&store(&[&root], &[])));
    let evil = presented(evil);
    assert_eq!(evil.subject, "O=\\C3\\A9\\,\\\",CN=a\\0D\\0AX-Admin: yes\\0D\\0A\\0D\\0A");
    assert_eq!(presented(other).subject, "1.2.3=#0C03620D0A");
    assert_eq!(evil.lines.iter().filter(|byte| **byte == b'\n').count(), 5);
}

#[test]
fn of_a_certificate_that_was_refused_the_log_can_say_the_same() {
    let client = root().client_of(client());
    let presented = Presented::new(&[&client.chain[0]], &MutualAuthentication::Off);
    assert_eq!((presented.serial.as_str(), presented.lines.len()), ("03A5B1", 0));
    assert_eq!(presented.subject, "CN=client_.com,OU=client-3,O=mTLS,ST=Washington,C=US");
    assert_eq!(Presented::new(&[b"garbage"], &MutualAuthentication::Off), Presented::default());
    assert_eq!(Presented::new(&[], &MutualAuthentication::Passthrough), Presented::default());
}
