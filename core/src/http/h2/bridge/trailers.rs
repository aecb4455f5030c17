//! Trailers, both ways.

use memchr::memchr;

use super::Malformed;
use super::checks::{self, line};
use super::response_fields::push_lower;
use crate::http::Field;
use crate::http::h1::encode::may_trail;
use crate::http::h2::fields::FieldList;

/// Appends trailers as lines, each with its CRLF, without the empty line that would end them. Nothing is appended if they
/// are malformed: pseudo-header fields are not allowed here (RFC 9113 section 8.1), nor are fields of the connection's.
///
/// What may not be taken from trailers is left out (RFC 9110 section 6.5.1).
pub fn trailer_lines(fields: &FieldList, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    let written = fields.iter().try_for_each(|field| trailer_line(&field, out));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn trailer_line(field: &Field<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Field { name, value } = *field;
    if name.first() == Some(&b':') {
        return Err(Malformed::UnknownPseudo);
    }
    checks::name(name)?;
    checks::value(value)?;
    match name {
        b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
            return Err(Malformed::ConnectionField);
        }
        _ if may_trail(name) => line(name, value, out),
        _ => {}
    }
    Ok(())
}

/// Puts trailers, given as lines, into `out` instead of what was there, with names in lower case. What may not be taken
/// from trailers is left out (RFC 9110 section 6.5.1), and so is what is no field.
pub fn trailer_fields(lines: &[u8], out: &mut FieldList) {
    out.clear();
    for line in lines.split(|&byte| byte == b'\n') {
        let Some((name, value)) = memchr(b':', line).and_then(|at| Some((line.get(..at)?, line.get(at + 1..)?))) else {
            continue;
        };
        let value = value.trim_ascii();
        if crate::http::names::is_token(name) && checks::value(value).is_ok() && may_trail(name) {
            push_lower(name, value, out);
        }
    }
}
