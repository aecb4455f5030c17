//! What is written for a target is exactly one request head, framed as it was cleared, and clears again.
#![no_main]

use std::net::{IpAddr, SocketAddr};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sluicegate::config::{LoadBalancerAttributes, XffHeaderProcessing};
use sluicegate::desync::{Clearing, clear};
use sluicegate::exchange::outgoing::{Terms, write_request};
use sluicegate::http::FieldRoom;
use sluicegate::http::h1::head::{REQUEST_LIMITS, Scan, Scanner, parse_request};
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
    let Ok(Scan::Head { len, lines }) = Scanner::request().scan(input.head) else { return };
    let mut room = FieldRoom::default();
    let Ok(request) = parse_request(&input.head[..len], lines, &mut room) else { return };
    let clearing = Clearing { preserve_host: input.preserve_host };
    let Ok(cleared) = clear(request, &clearing) else { return };
    let attributes = attributes(&input);
    let terms = Terms {
        attributes: &attributes,
        scheme: "http",
        listener_port: input.ports.0,
        client: SocketAddr::new(input.ip, input.ports.1),
        dns_name: "name.example",
        wall: Wall::from_micros(input.micros),
        entropy: [7; 12],
    };
    let mut out = Vec::new();
    let forwarded = write_request(&cleared, &terms, &mut out);
    assert!(!out[forwarded.trace].is_empty());
    if out.len() > REQUEST_LIMITS.head || out.split(|&byte| byte == b'\n').any(|line| line.len() > 16 * 1024) {
        return;
    }
    let Ok(Scan::Head { len, lines }) = Scanner::request().scan(&out) else { panic!("not a head") };
    assert_eq!(len, out.len());
    let mut room2 = FieldRoom::default();
    let again = parse_request(&out, lines, &mut room2).expect("a request");
    assert_eq!((again.method, again.version), (cleared.request().method, Version::Http11));
    for name in [&b"expect"[..], b"te", b"keep-alive", b"x-amzn-oidc-data", b"x_amzn_mtls_clientcert"] {
        assert_eq!(again.fields.first(name), None);
    }
    for name in [&b"x-amzn-trace-id"[..], b"x-forwarded-proto", b"x-forwarded-port"] {
        assert_eq!(again.fields.all(name).count(), 1);
    }
    assert_eq!(again.fields.first(b"connection").is_some(), cleared.upgrade());
    match clear(again, &clearing) {
        Ok(second) => {
            assert_eq!(second.framing(), cleared.framing());
            assert_eq!(second.target().path, cleared.target().path);
            assert_eq!(second.target().query, cleared.target().query);
            assert!(!second.host().is_empty() && !second.lists_fields() && second.keep_alive());
        }
        // The client's address was the 31st.
        Err(refusal) => assert_eq!(refusal, Refusal::TooManyForwardedAddresses),
    }
});

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
