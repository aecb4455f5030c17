//! A request for a target that speaks HTTP/2: from the head that was written for it to a list of fields.

use super::response_fields::push_lower;
use crate::http::Request;
use crate::http::h2::fields::FieldList;
use crate::http::names::Known;

/// Puts the fields of `request` into `out` instead of what was there, in the order in which they are to be sent: `:method`,
/// `:scheme`, `:authority` from the (first) `Host`, `:path`, then the other fields with names in lower case, and
/// `te: trailers` last if wanted.
///
/// `request` is a head that the load balancer wrote: its target is in origin form, or `*`. What belongs to an HTTP/1.1
/// connection or frames an HTTP/1.1 body is left out (RFC 9113 section 8.2.2).
pub fn request_fields(request: &Request<'_>, scheme: &str, te_trailers: bool, out: &mut FieldList) {
    out.clear();
    out.push(b":method", request.method);
    out.push(b":scheme", scheme.as_bytes());
    if let Some(host) = request.fields.first(b"host") {
        out.push(b":authority", host);
    }
    out.push(b":path", request.target);
    for field in request.fields.iter() {
        match Known::of(field.name) {
            Known::Host | Known::Connection | Known::Upgrade | Known::TransferEncoding | Known::OneHop => {}
            _ => push_lower(field.name, field.value, out),
        }
    }
    if te_trailers {
        out.push(b"te", b"trailers");
    }
}
