//! Connection log lines as the guide's samples have them, with the four fields that came later, and what may not break them.

use std::time::Duration;

use sluicegate::observe::connection::{Attempt, Certificate, Handshake, TraceId, UNMAPPED};
use sluicegate::time::Wall;
use sluicegate::tls::{Group, Suite, Version};

const TRACE: TraceId = TraceId(0x3180_a730_13c8_ca4b_ac2f_7311_59d4_b0fe_u128.to_be_bytes());

fn line(attempt: &Attempt<'_>) -> String {
    let mut out = b"earlier\n".to_vec();
    attempt.finish(&mut out);
    String::from_utf8(out).unwrap().strip_prefix("earlier\n").unwrap().to_owned()
}

/// Splits a line as readers do: at spaces, except between quotes.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for char in line.strip_suffix('\n').unwrap().chars() {
        match char {
            '"' => quoted = !quoted,
            ' ' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(char),
        }
    }
    assert!(!quoted, "{line}");
    fields
}

/// The certificate of the guide's examples.
const CERTIFICATE: Certificate<'static> = Certificate {
    subject: "CN=amazondomains.com,O=endEntity,L=Seattle,ST=Washington,C=US",
    validity: "NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z",
    serial_number: "FEF257372D5C14D4",
};

fn handshake() -> Handshake<'static> {
    Handshake {
        negotiated: Some((Version::Tls12, Suite::numbered(0xC02F).unwrap())),
        group: Group::numbered(0x0017),
        certificate: Some(CERTIFICATE),
        outcome: Ok(Duration::from_micros(4_036_900)),
    }
}

/// The guide's example of a connection that was established.
fn attempt(tls: Option<Handshake<'static>>) -> Attempt<'static> {
    Attempt {
        time: Wall::from_micros(1_696_439_115_514_108),
        client: "203.0.113.1:36280".parse().unwrap(),
        listener_port: 443,
        tls,
        trace: TRACE,
        load_balancer: "app/my-loadbalancer/50dc6c495c0c9188",
        node: "172.160.1.192".parse().unwrap(),
    }
}

fn failing(code: &'static str) -> Attempt<'static> {
    attempt(Some(Handshake { outcome: Err(code), ..handshake() }))
}

#[test]
fn a_connection_with_mutual_tls_is_the_guides_example() {
    assert_eq!(
        line(&attempt(Some(handshake()))),
        "2023-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 4.036 \
         \"CN=amazondomains.com,O=endEntity,L=Seattle,ST=Washington,C=US\" \
         NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z FEF257372D5C14D4 Success \
         TID_3180a73013c8ca4bac2f731159d4b0fe secp256r1 app/my-loadbalancer/50dc6c495c0c9188 172.160.1.192\n"
    );
}

/// Its code is that of the guide's table; the example abbreviates it.
#[test]
fn a_connection_whose_certificate_is_refused_is_the_guides_example() {
    assert_eq!(
        line(&failing("ClientCertificateUntrusted")),
        "2023-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 - \
         \"CN=amazondomains.com,O=endEntity,L=Seattle,ST=Washington,C=US\" \
         NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z FEF257372D5C14D4 Failed:ClientCertificateUntrusted \
         TID_3180a73013c8ca4bac2f731159d4b0fe secp256r1 app/my-loadbalancer/50dc6c495c0c9188 172.160.1.192\n"
    );
}

#[test]
fn a_connection_without_client_certificate_has_three_dashes_for_it() {
    let tls = Handshake {
        negotiated: Some((Version::Tls13, Suite::numbered(0x1301).unwrap())),
        group: Group::numbered(0x11EC),
        certificate: None,
        outcome: Ok(Duration::ZERO),
    };
    assert_eq!(
        line(&attempt(Some(tls))),
        "2023-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.3 TLS_AES_128_GCM_SHA256 0.000 \"-\" - - Success \
         TID_3180a73013c8ca4bac2f731159d4b0fe X25519MLKEM768 app/my-loadbalancer/50dc6c495c0c9188 172.160.1.192\n"
    );
}

#[test]
fn a_connection_to_an_http_listener_has_dashes_for_all_of_tls() {
    assert_eq!(
        line(&Attempt { listener_port: 80, ..attempt(None) }),
        "2023-10-04T17:05:15.514108Z 203.0.113.1 36280 80 - - - \"-\" - - - TID_3180a73013c8ca4bac2f731159d4b0fe - \
         app/my-loadbalancer/50dc6c495c0c9188 172.160.1.192\n"
    );
}

#[test]
fn a_handshake_that_agreed_on_nothing_has_only_its_status() {
    let tls = Handshake { negotiated: None, group: None, certificate: None, outcome: Err(UNMAPPED) };
    assert_eq!(
        line(&attempt(Some(tls))),
        "2023-10-04T17:05:15.514108Z 203.0.113.1 36280 443 - - - \"-\" - - Failed:UnmappedConnectionError \
         TID_3180a73013c8ca4bac2f731159d4b0fe - app/my-loadbalancer/50dc6c495c0c9188 172.160.1.192\n"
    );
}

#[test]
fn latency_is_seconds_with_milliseconds_and_a_dash_on_failure() {
    let latency = |outcome| fields(&line(&attempt(Some(Handshake { outcome, ..handshake() })))).remove(6);
    assert_eq!(latency(Ok(Duration::from_micros(999))), "0.000");
    assert_eq!(latency(Ok(Duration::from_micros(1000))), "0.001");
    assert_eq!(latency(Ok(Duration::from_millis(12_037))), "12.037");
    assert_eq!(latency(Err(UNMAPPED)), "-");
}

#[test]
fn addresses_have_neither_brackets_nor_ports() {
    let (client, node) = ("[2001:db8::1]:36280".parse().unwrap(), "2001:db8::2".parse().unwrap());
    let six = fields(&line(&Attempt { client, node, ..attempt(None) }));
    assert_eq!([&six[1], &six[2], &six[14]], ["2001:db8::1", "36280", "2001:db8::2"]);
    let (client, node) = ("[::ffff:203.0.113.1]:36280".parse().unwrap(), "::ffff:10.0.0.1".parse().unwrap());
    let four = fields(&line(&Attempt { client, node, ..attempt(None) }));
    assert_eq!([&four[1], &four[2], &four[14]], ["203.0.113.1", "36280", "10.0.0.1"]);
}

#[test]
fn a_trace_id_is_32_small_digits_with_zeros_in_front() {
    let mut bytes = [0; 16];
    (bytes[1], bytes[15]) = (0x0f, 0xa0);
    let trace = fields(&line(&Attempt { trace: TraceId(bytes), ..attempt(None) })).remove(11);
    assert_eq!(trace, "TID_000f00000000000000000000000000a0");
}

#[test]
fn nothing_in_a_subject_makes_another_field_or_line() {
    let subject: String = ('\0'..='\u{ff}').collect();
    let certificate = Some(Certificate { subject: &subject, ..CERTIFICATE });
    let mut out = Vec::new();
    Attempt { tls: Some(Handshake { certificate, ..handshake() }), ..attempt(None) }.finish(&mut out);
    let line = String::from_utf8(out).unwrap();
    let fields = fields(&line);
    assert_eq!(fields.len(), 15);
    assert!(fields[7].contains(r" !\x22#$%&'()*+,-./0"), "{line}");
    assert_eq!(line.bytes().filter(|byte| byte.is_ascii_control()).count(), 1);
    assert!(line.is_ascii());
}

#[test]
fn every_line_has_15_fields() {
    let attempts = [attempt(None), attempt(Some(handshake())), failing(UNMAPPED)];
    assert!(attempts.iter().all(|attempt| fields(&line(attempt)).len() == 15));
}
