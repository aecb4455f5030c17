//! A response for a client that speaks HTTP/2: from the head that was written for it to a list of fields.

use crate::http::Response;
use crate::http::h2::fields::FieldList;
use crate::http::names::Known;

/// Puts the fields of `response` into `out` instead of what was there, in the order in which they are to be sent:
/// `:status`, then the fields with names in lower case.
///
/// What belongs to an HTTP/1.1 connection or frames an HTTP/1.1 body is left out (RFC 9113 section 8.2.2), and so is the
/// length of a body that the status does not allow (RFC 9110 section 8.6).
pub fn response_fields(response: &Response<'_>, out: &mut FieldList) {
    out.clear();
    out.push(b":status", itoa::Buffer::new().format(response.status).as_bytes());
    let has_no_length = matches!(response.status, 100..=199 | 204);
    for field in response.fields.iter() {
        match Known::of(field.name) {
            Known::Connection | Known::Upgrade | Known::TransferEncoding | Known::OneHop => {}
            Known::ContentLength if has_no_length => {}
            _ => push_lower(field.name, field.value, out),
        }
    }
}

/// Appends a field with its name in lower case.
#[inline]
pub(super) fn push_lower(name: &[u8], value: &[u8], out: &mut FieldList) {
    let name_end = out.used() + name.len();
    for (to, byte) in out.room(name.len()).iter_mut().zip(name) {
        *to = byte.to_ascii_lowercase();
    }
    out.grow(name.len());
    out.append(value);
    out.close(name_end);
}
