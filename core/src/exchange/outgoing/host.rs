//! The `Host` that a target sees (guide HOST-01 to HOST-05, `wire.md` H5 and H6).

use crate::desync::Cleared;
use crate::http::Request;
use crate::http::names::Known;

use super::super::lines::line;
use super::Terms;

/// Preserved: each of the client's as it came. Otherwise one: the authority of an absolute target, else the client's,
/// else our own name; in lower case; with a port exactly if the listener's is not a default one, the client's own if it
/// sent one.
pub(super) fn write(cleared: &Cleared<Request<'_>>, terms: &Terms<'_>, out: &mut Vec<u8>) {
    if terms.attributes.preserve_host_header && cleared.sent_host().is_some() {
        return preserved(cleared.request(), out);
    }
    let host = if cleared.host().is_empty() { terms.dns_name.as_bytes() } else { cleared.host() };
    out.extend_from_slice(b"Host: ");
    let start = out.len();
    out.extend_from_slice(host);
    if let Some(written) = out.get_mut(start..) {
        written.make_ascii_lowercase();
    }
    if !matches!(terms.listener_port, 80 | 443) {
        out.push(b':');
        out.extend_from_slice(cleared.port().unwrap_or(itoa::Buffer::new().format(terms.listener_port).as_bytes()));
    }
    out.extend_from_slice(b"\r\n");
}

fn preserved(request: &Request<'_>, out: &mut Vec<u8>) {
    request
        .fields
        .iter()
        .filter(|field| Known::of(field.name) == Known::Host)
        .for_each(|field| line(field.name, field.value, out));
}
