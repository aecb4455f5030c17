//! What is written for a target is exactly one request head, framed as it was cleared, and clears again.
#![no_main]

use std::net::{IpAddr, SocketAddr};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sluicegate::config::{LoadBalancerAttributes, XffHeaderProcessing};
use sluicegate::desync::{Clearing, Mode, Reading, Refused, Tier};
use sluicegate::exchange::outgoing::{Terms, write_request};
use sluicegate::http::FieldRoom;
use sluicegate::http::h1::head::{REQUEST_LIMITS, Scan, Scanner, parse_request};
use sluicegate::http::target::write_encoded;
use sluicegate::http::{Refusal, Version};
use sluicegate::time::Wall;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    ip: IpAddr,
    ports: (u16, u16),
    mode: u8,
    preserve_host: bool,
    client_port: bool,
    drop_invalid: bool,
    micros: u64,
    head: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Ok(Scan::Head { len, regular }) = Scanner::request().scan(input.head) else { return };
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(&input.head[..len], regular, &mut mended, &mut room);
    let clearing = Clearing { mode: Mode::Monitor, preserve_host: input.preserve_host };
    let Ok(cleared) = reading.clear(&clearing) else { return };
    let attributes = attributes(&input);
    let terms = Terms {
        attributes: &attributes,
        scheme: "http",
        listener_port: input.ports.0,
        tls: None,
        client_certificate: b"",
        client: SocketAddr::new(input.ip, input.ports.1),
        dns_name: "name.example",
        wall: Wall::from_micros(input.micros),
        entropy: [7; 12],
    };
    let mut out = Vec::new();
    let forwarded = write_request(&cleared, &terms, &mut out);
    assert!(!out[forwarded.trace].is_empty());
    // Fields that are joined into one may be longer than one may come; a page has room for all of it.
    assert!(out.len() <= 80 * 1024);
    if out.len() > REQUEST_LIMITS.head || out.split(|&byte| byte == b'\n').any(|line| line.len() > 16 * 1024) {
        return;
    }
    let Ok(Scan::Head { len, regular: true }) = Scanner::request().scan(&out) else { panic!("not a head") };
    assert_eq!(len, out.len());
    let mut room2 = FieldRoom::default();
    let again = parse_request(&out, &mut room2).expect("a request");
    assert_eq!((again.method, again.version), (cleared.request().method, Version::Http11));
    for name in [&b"expect"[..], b"te", b"keep-alive", b"x-amzn-oidc-data", b"x_amzn_mtls_clientcert"] {
        assert_eq!(again.fields.first(name), None);
    }
    for name in [&b"x-amzn-trace-id"[..], b"x-forwarded-proto", b"x-forwarded-port"] {
        assert_eq!(again.fields.all(name).count(), 1);
    }
    assert_eq!(again.fields.first(b"connection").is_some(), cleared.upgrade() || cleared.is_last_for_target());
    assert!(again.target.iter().all(u8::is_ascii_graphic));
    // A body of a GET is odd in any form.
    let (mut mended, mut room3) = (Vec::new(), FieldRoom::default());
    let read_again = Reading::of(&out, true, &mut mended, &mut room3);
    let tier = read_again.classification().tier();
    assert!(tier == Tier::Compliant || matches!(again.method, b"GET" | b"HEAD") && tier < Tier::Severe);
    match read_again.clear(&clearing) {
        Ok(second) => {
            assert_eq!(second.framing(), cleared.framing());
            assert_eq!(second.target().path, encoded(cleared.target().path));
            assert_eq!(second.target().query, cleared.target().query.map(encoded).as_deref());
            assert!(!second.host().is_empty() && !second.lists_fields());
            assert_eq!(second.keep_alive(), cleared.upgrade() || !cleared.is_last_for_target());
        }
        // The client's address was the 31st.
        Err(refused) => assert_eq!(refused, Refused::Http(Refusal::TooManyForwardedAddresses)),
    }
});

fn encoded(part: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_encoded(part, &mut out);
    out
}

fn attributes(input: &Input<'_>) -> LoadBalancerAttributes {
    LoadBalancerAttributes {
        preserve_host_header: input.preserve_host,
        xff_client_port: input.client_port,
        drop_invalid_header_fields: input.drop_invalid,
        xff_header_processing: match input.mode % 3 {
            0 => XffHeaderProcessing::Append,
            1 => XffHeaderProcessing::Preserve,
            _ => XffHeaderProcessing::Remove,
        },
        ..LoadBalancerAttributes::default()
    }
}
