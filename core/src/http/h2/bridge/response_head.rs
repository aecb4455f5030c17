//! A target's response: from the list of its fields to the text of an HTTP/1.1 head.

use super::Malformed;
use super::checks::{self, line};
use crate::http::Field;
use crate::http::h2::fields::FieldList;

/// What is known of a response besides its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFacts {
    /// 100 to 999.
    pub status: u16,
    /// The length of the body, or that of the one that a `HEAD` or a 304 tells of.
    pub content_length: Option<u64>,
}

impl ResponseFacts {
    /// Whether another head follows (1xx).
    pub fn is_interim(&self) -> bool {
        self.status < 200
    }
}

/// Appends the HTTP/1.1 head of the response that `fields` are; `end` says that no body follows. Nothing is appended if
/// they are malformed.
///
/// The fields follow as they came, in lower case and in their order. Where the target says no `content-length`,
/// `transfer-encoding: chunked` comes last, also if no body follows: that says that its end is known from elsewhere. Of a
/// status that allows no body neither is written. There is no reason phrase.
pub fn response_head(fields: &FieldList, end: bool, out: &mut Vec<u8>) -> Result<ResponseFacts, Malformed> {
    let start = out.len();
    out.reserve(fields.size());
    let written = write(fields, end, out);
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write(fields: &FieldList, end: bool, out: &mut Vec<u8>) -> Result<ResponseFacts, Malformed> {
    let mut rest = fields.iter();
    let status = status(rest.next())?;
    if end && status < 200 {
        return Err(Malformed::InterimEnd);
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.extend_from_slice(b" \r\n");
    let has_no_length = matches!(status, 100..=199 | 204);
    let mut content_length = None;
    for Field { name, value } in rest {
        field(name, value)?;
        if name == b"content-length" {
            checks::length(&mut content_length, value)?;
            if has_no_length {
                continue;
            }
        }
        line(name, value, out);
    }
    if content_length.is_none() && !has_no_length && status != 304 {
        line(b"transfer-encoding", b"chunked", out);
    }
    out.extend_from_slice(b"\r\n");
    Ok(ResponseFacts { status, content_length })
}

/// `:status` comes first and alone (RFC 9113 section 8.3.2).
fn status(first: Option<Field<'_>>) -> Result<u16, Malformed> {
    match first {
        Some(Field { name: b":status", value: &[hundreds @ b'1'..=b'9', tens, ones] })
            if tens.is_ascii_digit() && ones.is_ascii_digit() =>
        {
            let status = [hundreds, tens, ones].iter().fold(0, |sum, digit| 10 * sum + u16::from(digit - b'0'));
            // "HTTP/2 removes support for the 101 (Switching Protocols) informational status code" (section 8.6).
            if status == 101 { Err(Malformed::Status) } else { Ok(status) }
        }
        Some(Field { name: b":status", .. }) => Err(Malformed::Status),
        Some(Field { name: [b':', ..], .. }) => Err(Malformed::UnknownPseudo),
        _ => Err(Malformed::MissingPseudo),
    }
}

fn field(name: &[u8], value: &[u8]) -> Result<(), Malformed> {
    checks::name(name)?;
    checks::value(value)?;
    match name {
        b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
            Err(Malformed::ConnectionField)
        }
        b"te" if !value.eq_ignore_ascii_case(b"trailers") => Err(Malformed::Te),
        _ => Ok(()),
    }
}
