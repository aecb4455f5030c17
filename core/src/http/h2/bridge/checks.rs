//! What names, values and authorities may consist of. Each check looks at all bytes without a way out of its loop, so
//! that it is one of vectors: almost everything passes.

use super::Malformed;
use crate::http::h1::head::content_length;
use crate::http::names::is_token;
use crate::http::target::host_and_port;

/// How a name is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Letters in lower case, digits and hyphens.
    Plain,
    /// A token in lower case with other characters too.
    Odd,
}

/// RFC 9113 section 8.2.1 forbids capitals; what is no token is no name anywhere (RFC 9110 section 5.1).
#[inline]
pub(super) fn name(name: &[u8]) -> Result<Spelling, Malformed> {
    let plain = name.iter().fold(true, |all, byte| all & matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if plain && !name.is_empty() { Ok(Spelling::Plain) } else { odd_name(name) }
}

#[cold]
fn odd_name(name: &[u8]) -> Result<Spelling, Malformed> {
    if name.first() == Some(&b':') {
        Err(Malformed::LatePseudo)
    } else if is_token(name) && !name.iter().any(u8::is_ascii_uppercase) {
        Ok(Spelling::Odd)
    } else {
        Err(Malformed::Name)
    }
}

/// No control characters but tabs, and no blanks at either end.
#[inline]
pub(super) fn value(value: &[u8]) -> Result<(), Malformed> {
    let has_controls = value.iter().fold(false, |any, &byte| any | (byte < b' ') & (byte != b'\t') | (byte == 0x7f));
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if has_controls {
        Err(Malformed::Value)
    } else if is_blank(value.first()) | is_blank(value.last()) {
        Err(Malformed::Blanks)
    } else {
        Ok(())
    }
}

/// What a request line can carry between its spaces.
pub(super) fn path(path: &[u8]) -> Result<(), Malformed> {
    let has_ends = path.iter().fold(false, |any, &byte| any | (byte <= b' ') | (byte == 0x7f));
    if has_ends { Err(Malformed::Path) } else { Ok(()) }
}

/// Nothing that ends an authority, and no user information (section 8.3.1). Whether it is a host is asked later.
pub(super) fn authority(authority: &[u8]) -> Result<(), Malformed> {
    let ends = |byte: &u8| !byte.is_ascii_graphic() || matches!(byte, b'/' | b'?' | b'#' | b'@' | b'\\');
    if authority.is_empty() || authority.iter().any(ends) { Err(Malformed::Authority) } else { Ok(()) }
}

/// Whether two authorities are one: hosts compare without regard to case, and a port may be left out if it is the scheme's.
pub(super) fn is_same_authority(one: &[u8], other: &[u8], scheme: &[u8]) -> bool {
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    let default: &[u8] = if scheme.eq_ignore_ascii_case(b"https") { b"443" } else { b"80" };
    match (host_and_port(one), host_and_port(other)) {
        (Some((one, one_port)), Some((other, other_port))) => {
            one.eq_ignore_ascii_case(other) && one_port.unwrap_or(default) == other_port.unwrap_or(default)
        }
        _ => false,
    }
}

/// Takes over a `content-length`, of which there may be one (RFC 9110 section 8.6).
pub(super) fn length(known: &mut Option<u64>, value: &[u8]) -> Result<(), Malformed> {
    let length = content_length(value).ok_or(Malformed::ContentLength)?;
    if known.replace(length).is_some() { Err(Malformed::ContentLength) } else { Ok(()) }
}

/// Takes over a pseudo-header field, of which there may be one of each (section 8.3).
pub(super) fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8]) -> Result<(), Malformed> {
    if slot.replace(value).is_some() { Err(Malformed::RepeatedPseudo) } else { Ok(()) }
}

/// Appends `name: value` and CRLF.
#[inline]
pub(super) fn line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
