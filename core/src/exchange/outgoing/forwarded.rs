//! `X-Forwarded-For`, `-Proto` and `-Port`: where a request came from (guide HDR-01 to HDR-09).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};
use std::io::Write;

use crate::desync::Cleared;
use crate::http::Request;

use super::Terms;

/// One `X-Forwarded-For`: what the client's fields hold, joined in their order, and the client's address at the end.
pub(super) fn append(cleared: &Cleared<Request<'_>>, terms: &Terms<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"X-Forwarded-For: ");
    if cleared.was_forwarded() {
        for value in cleared.request().fields.all(b"x-forwarded-for").filter(|value| !value.is_empty()) {
            out.extend_from_slice(value);
            out.extend_from_slice(b", ");
        }
    }
    address(terms, cleared.was_forwarded(), out);
    out.extend_from_slice(b"\r\n");
}

/// What the client spoke, and to which port; whatever the client says of it.
pub(super) fn proto_and_port(terms: &Terms<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"X-Forwarded-Proto: ");
    out.extend_from_slice(terms.scheme.as_bytes());
    out.extend_from_slice(b"\r\nX-Forwarded-Port: ");
    decimal(terms.listener_port, out);
    out.extend_from_slice(b"\r\n");
}

/// An IPv6 address has brackets before a port (guide HDR-04) and behind other addresses (guide HDR-05).
fn address(terms: &Terms<'_>, behind_others: bool, out: &mut Vec<u8>) {
    let port = terms.attributes.xff_client_port;
    match terms.client.ip().to_canonical() {
        IpAddr::V4(ip) => dotted(ip, out),
        IpAddr::V6(ip) if port || behind_others => text(format_args!("[{ip}]"), out),
        IpAddr::V6(ip) => text(format_args!("{ip}"), out),
    }
    if port {
        out.push(b':');
        decimal(terms.client.port(), out);
    }
}

/// Writing to a `Vec` cannot fail.
fn text(text: fmt::Arguments<'_>, out: &mut Vec<u8>) {
    let _ = out.write_fmt(text);
}

fn dotted(ip: Ipv4Addr, out: &mut Vec<u8>) {
    let [a, b, c, d] = ip.octets();
    decimal(a, out);
    for octet in [b, c, d] {
        out.push(b'.');
        decimal(octet, out);
    }
}

fn decimal(number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
