//! The head that goes to a target: what the client sent, without what belongs to its hop, behind what the load
//! balancer vouches for. The order is that of `wire.md` H8: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Port, what is
//! told of the client's certificate, Host, X-Amzn-Trace-Id, then the client's fields in the client's order. What TLS was
//! negotiated stands before Host: no capture shows its place. Bodies are framed elsewhere.

mod forwarded;
mod host;
mod trace;

use core::net::SocketAddr;
use core::ops::Range;

use smallvec::SmallVec;

use super::lines::{Lines, line};
use crate::config::{LoadBalancerAttributes, XffHeaderProcessing};
use crate::desync::{CONNECTION_OPTIONS_MAX, Cleared};
use crate::http::names::Known;
use crate::http::target::{Form, write_encoded};
use crate::http::{Field, Framing, Request};
use crate::time::Wall;
use crate::tls::{Suite, Version};

/// What the head of a forwarded request depends on besides the client's.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// How the load balancer treats heads.
    pub attributes: &'a LoadBalancerAttributes,
    /// What the client speaks to the listener: `http` or `https`.
    pub scheme: &'static str,
    /// The port that requests see.
    pub listener_port: u16,
    /// What was negotiated with the client; `None` on HTTP listeners.
    pub tls: Option<(Version, &'static Suite)>,
    /// What is told of the client's certificate: whole lines of `X-Amzn-Mtls-*`, each with its CRLF, or nothing.
    pub client_certificate: &'a [u8],
    /// The client. An IPv4 address in IPv6 clothes is printed as IPv4.
    pub client: SocketAddr,
    /// The Host of a request that has none (`wire.md` H5).
    pub dns_name: &'a str,
    /// When the request came; printed into a trace id.
    pub wall: Wall,
    /// Chance, for a trace id.
    pub entropy: [u8; 12],
}

/// Where things are in the head that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The value of `X-Amzn-Trace-Id`, as a range of `out`.
    pub trace: Range<usize>,
    /// Whether a field went on whose name has other characters than letters, digits and hyphens.
    pub has_invalid_names: bool,
    /// Whether a field was left out for its name.
    pub dropped_invalid_names: bool,
}

/// Appends the head for a target to `out`, with the empty line that ends it. Asks for memory only if `out` has too
/// little.
///
/// The request line keeps the method; the target is in origin form (the path and query of an absolute one; `*`
/// stays), with what may not stand in one percent-encoded; the version is HTTP/1.1. The framing is ours: one
/// `Content-Length` or `Transfer-Encoding: chunked` where the client had it, none without a body. There is no
/// `Connection`, except for a WebSocket, whose `Connection: upgrade` and `Upgrade: websocket` come last, and for a request
/// that must be the last on its connection, which ends in `Connection: close`.
///
/// What is not passed on: `Connection` and the fields it lists (but see `may_be_listed`), `Keep-Alive`,
/// `Proxy-Connection`, `TE`, `Upgrade`, `HTTP2-Settings`, `Expect` (`wire.md` H10), whatever looks like
/// `Content-Length` or `Transfer-Encoding` and is neither, the fields that only the load
/// balancer may set (`x-amzn-oidc-*`, `x-amzn-mtls-*`, `x-amzn-tls-*`, and what a target may take for them), and with
/// `drop_invalid_header_fields` names with other characters than letters, digits and hyphens (guide LB-16).
pub fn write_request(cleared: &Cleared<Request<'_>>, terms: &Terms<'_>, out: &mut Vec<u8>) -> Forwarded {
    let request = cleared.request();
    out.reserve(cleared.field_bytes() + request.target.len() + terms.client_certificate.len() + LEAD_BYTES);
    request_line(cleared, out);
    if terms.attributes.xff_header_processing == XffHeaderProcessing::Append {
        forwarded::append(cleared, terms, out);
    }
    forwarded::proto_and_port(terms, out);
    out.extend_from_slice(terms.client_certificate);
    if terms.attributes.tls_version_and_cipher_suite {
        negotiated(terms, out);
    }
    host::write(cleared, terms, out);
    let trace = trace::write(cleared, terms, out);
    // Seldom is more listed than what is dropped on every hop anyway.
    let mut passing = if cleared.lists_fields() {
        client_fields(cleared, terms, &listed(cleared), out)
    } else {
        client_fields(cleared, terms, &[], out)
    };
    passing.dropped_invalid_names |= cleared.dropped_a_name();
    if cleared.upgrade() {
        out.extend_from_slice(b"Connection: upgrade\r\nUpgrade: websocket\r\n");
    } else if cleared.is_last_for_target() {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    let Passing { has_invalid_names, dropped_invalid_names, .. } = passing;
    Forwarded { trace, has_invalid_names, dropped_invalid_names }
}

/// What the lead needs at most, roughly: one allocation at most, if the client's names are of usual length.
const LEAD_BYTES: usize = 512;

fn request_line(cleared: &Cleared<Request<'_>>, out: &mut Vec<u8>) {
    let (request, target) = (cleared.request(), cleared.target());
    out.extend_from_slice(request.method);
    out.push(b' ');
    if target.form == Form::Absolute {
        write_encoded(target.path, out);
        if let Some(query) = target.query {
            out.push(b'?');
            write_encoded(query, out);
        }
    } else {
        write_encoded(request.target, out);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Version and cipher suite, in OpenSSL's spelling (guide LB-18).
fn negotiated(terms: &Terms<'_>, out: &mut Vec<u8>) {
    let Some((version, suite)) = terms.tls else { return };
    line(b"x-amzn-tls-version", version.name().as_bytes(), out);
    line(b"x-amzn-tls-cipher-suite", suite.name.as_bytes(), out);
}

/// What was seen of the client's fields on their way.
#[derive(Default)]
struct Passing {
    has_length: bool,
    has_coding: bool,
    has_invalid_names: bool,
    dropped_invalid_names: bool,
}

fn client_fields(cleared: &Cleared<Request<'_>>, terms: &Terms<'_>, listed: &[&[u8]], out: &mut Vec<u8>) -> Passing {
    let mut passing = Passing::default();
    let mut lines = Lines::new(cleared.request().head, out);
    for field in cleared.request().fields.iter() {
        passing.client_field(cleared, terms, listed, field, &mut lines);
    }
    lines.flush();
    passing
}

/// What `Connection` lists.
#[cold]
fn listed<'a>(cleared: &Cleared<Request<'a>>) -> SmallVec<[&'a [u8]; CONNECTION_OPTIONS_MAX]> {
    cleared.request().fields.items(b"connection").collect()
}

impl Passing {
    #[inline]
    fn client_field(
        &mut self,
        cleared: &Cleared<Request<'_>>,
        terms: &Terms<'_>,
        listed: &[&[u8]],
        field: &Field<'_>,
        lines: &mut Lines<'_, '_>,
    ) {
        match Known::of(field.name) {
            Known::Other if is_listed(field.name, listed) => {}
            Known::Other if is_valid_name(field.name) => lines.pass(field),
            Known::Other if terms.attributes.drop_invalid_header_fields => self.dropped_invalid_names = true,
            Known::Other => {
                self.has_invalid_names = true;
                lines.pass(field);
            }
            Known::ContentLength => self.content_length(field.name, cleared.framing(), lines),
            Known::TransferEncoding if cleared.framing() == Framing::Chunked => self.chunked(field.name, lines),
            Known::ForwardedFor if terms.attributes.xff_header_processing == XffHeaderProcessing::Preserve => {
                lines.pass(field);
            }
            Known::TransferEncoding | Known::LengthLookAlike | Known::CodingLookAlike => {}
            Known::Host | Known::Connection | Known::Upgrade | Known::Expect | Known::OneHop => {}
            Known::ForwardedFor | Known::ForwardedOther | Known::TraceId | Known::Reserved => {}
        }
    }

    /// Once, however often it came.
    fn chunked(&mut self, name: &[u8], lines: &mut Lines<'_, '_>) {
        if !core::mem::replace(&mut self.has_coding, true) {
            lines.write(name, b"chunked");
        }
    }

    /// Once, however often it came.
    fn content_length(&mut self, name: &[u8], framing: Framing, lines: &mut Lines<'_, '_>) {
        let first = !core::mem::replace(&mut self.has_length, true);
        if let (Framing::Length(length), true) = (framing, first) {
            lines.write(name, itoa::Buffer::new().format(length).as_bytes());
        }
    }
}

/// Whether the client's `Connection` names that field and it may be lost by it (RFC 9110 section 7.6.1).
#[inline]
fn is_listed(name: &[u8], listed: &[&[u8]]) -> bool {
    listed.iter().any(|option| option.eq_ignore_ascii_case(name)) && may_be_listed(name)
}

/// Listing must not strip what is meant for the end of the chain: who asks (`Authorization`, `Cookie`), where a request
/// came from (`Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `X-Amzn-*`) and what its content is (`Content-*`). A
/// client could otherwise make an earlier hop's words disappear.
fn may_be_listed(name: &[u8]) -> bool {
    let begins = |prefix: &[u8]| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    const KEPT: [&[u8]; 7] =
        [b"authorization", b"cookie", b"forwarded", b"x-forwarded-", b"x-real-ip", b"x-amzn-", b"content-"];
    !KEPT.into_iter().any(begins)
}

/// `[-A-Za-z0-9]+` (guide LB-16). Asked of every field, so without a way out of the loop.
#[inline]
fn is_valid_name(name: &[u8]) -> bool {
    const VALID: [bool; 256] = {
        let mut valid = [false; 256];
        let mut at = 0;
        while at < valid.len() {
            valid[at] = (at as u8).is_ascii_alphanumeric() || at as u8 == b'-';
            at += 1;
        }
        valid
    };
    name.iter().fold(true, |all, &byte| all & VALID[usize::from(byte)])
}
