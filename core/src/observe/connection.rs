//! One line of the connection log for each connection that a client attempts (guide CL-01 to CL-06): 15 fields between spaces,
//! the guide's eleven and the four that were added after them (`wire.md` L1). Facts in, bytes out; when a line is due is
//! decided by who drives the connection.
//!
//! What is known from captures (`wire.md` L2 to L4): a connection to an HTTP listener has dashes in all fields of TLS, the
//! status among them; the subject is in quotes even where it is a dash; the name of the key exchange is that of its group.
//!
//! Choices where the guide is silent: latency is cut off at the millisecond; an IPv6 address has no brackets, since its port
//! is a field of its own; the subject is escaped as the access log escapes text.

use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use super::field::{Line, put_ip, put_number, put_seconds};
use crate::http::date::iso_date;
use crate::time::Wall;
use crate::tls::{Group, Suite, Version};

/// Why a connection failed that failed for no client certificate (guide CL-06).
pub const UNMAPPED: &str = "UnmappedConnectionError";

/// A connection that a client attempted.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// When it was established, or failed.
    pub time: Wall,
    /// The TCP peer.
    pub client: SocketAddr,
    /// The listener's port, as requests see it.
    pub listener_port: u16,
    /// What became of its TLS; `None` on HTTP listeners.
    pub tls: Option<Handshake<'a>>,
    /// What tells it from all others, by chance.
    pub trace: TraceId,
    /// `app/NAME/16hex`
    pub load_balancer: &'a str,
    /// The address of ours that the client reached.
    pub node: IpAddr,
}

/// What is known of a handshake when it has ended.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// What was agreed on, if it came that far.
    pub negotiated: Option<(Version, &'static Suite)>,
    /// The group of the key exchange, if there was one.
    pub group: Option<&'static Group>,
    /// The client's own certificate, if mutual TLS asked for one and it could be read.
    pub certificate: Option<Certificate<'a>>,
    /// How long it took, or why it came to nothing: a code of the guide's list (guide CL-06).
    pub outcome: Result<Duration, &'a str>,
}

/// What a line says of a client's certificate. Text of a certificate is the client's: nothing in it ends a field.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    /// `CN=amazondomains.com,O=endEntity`
    pub subject: &'a str,
    /// `NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z`
    pub validity: &'a str,
    /// `FEF257372D5C14D4`
    pub serial_number: &'a str,
}

/// `conn_trace_id`: `TID_` and 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

impl Attempt<'_> {
    /// Appends the line, with its line end.
    pub fn finish(&self, out: &mut Vec<u8>) {
        let Attempt { time, client, listener_port, tls, trace, load_balancer, node } = *self;
        let mut line = Line { out };
        line.raw(&iso_date(time));
        line.with(|out| put_ip(out, client.ip()));
        line.with(|out| put_number(out, u64::from(client.port())));
        line.with(|out| put_number(out, u64::from(listener_port)));
        put_tls(tls.as_ref(), &mut line);
        line.with(|out| trace.put(out));
        line.plain(tls.and_then(|tls| tls.group).map(|group| group.name));
        line.plain(Some(load_balancer));
        line.with(|out| put_ip(out, node));
        line.end();
    }
}

/// Fields 5 to 11.
fn put_tls(tls: Option<&Handshake<'_>>, line: &mut Line<'_>) {
    let negotiated = tls.and_then(|tls| tls.negotiated);
    line.plain(negotiated.map(|(version, _)| version.name()));
    line.plain(negotiated.map(|(_, suite)| suite.name));
    match tls.map(|tls| tls.outcome) {
        Some(Ok(latency)) => line.with(|out| put_seconds(out, Some(latency))),
        Some(Err(_)) | None => line.plain(None),
    }
    let certificate = tls.and_then(|tls| tls.certificate);
    line.quoted_text(certificate.map(|certificate| certificate.subject));
    line.plain(certificate.map(|certificate| certificate.validity));
    line.plain(certificate.map(|certificate| certificate.serial_number));
    match tls.map(|tls| tls.outcome) {
        Some(Ok(_)) => line.plain(Some("Success")),
        Some(Err(code)) => line.with(|out| {
            out.extend_from_slice(b"Failed:");
            out.extend_from_slice(code.as_bytes());
        }),
        None => line.plain(None),
    }
}

impl TraceId {
    fn put(self, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        out.extend_from_slice(b"TID_");
        for byte in self.0 {
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}
