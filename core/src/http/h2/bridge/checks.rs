//! What names, values and authorities may consist of. Almost everything passes: loops look at all bytes without a way out,
//! so that they are ones of vectors, and names are looked at eight bytes at a time.

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
    if is_plain(name) { Ok(Spelling::Plain) } else { odd_name(name) }
}

/// Of up to 8 bytes the first and last four are looked at, of more the first, every further and the last eight.
#[inline]
fn is_plain(name: &[u8]) -> bool {
    if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        let between = name.chunks_exact(8).skip(1).fold(0, |odd, eight| odd | odd_bytes(word(eight)));
        odd_bytes(u64::from_le_bytes(*first)) | between | odd_bytes(u64::from_le_bytes(*last)) == 0
    } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let both = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
        odd_bytes(both) == 0
    } else {
        !name.is_empty() && name.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    }
}

fn word(eight: &[u8]) -> u64 {
    eight.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// The high bit of each byte that is no small letter, no digit and no hyphen.
#[inline]
fn odd_bytes(eight: u64) -> u64 {
    const HIGH: u64 = each(0x80);
    const fn each(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    // Without the high bits no sum reaches into the next byte; with one a byte is odd anyway.
    let low = eight & !HIGH;
    let within = |first: u8, last: u8| (low + each(0x80 - first)) & !(low + each(0x7f - last));
    let is_hyphen = HIGH - (low ^ each(b'-'));
    (eight | !(within(b'a', b'z') | within(b'0', b'9') | is_hyphen)) & HIGH
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

/// Whether there are control characters but tabs. It is asked of all names and values of a list at once.
pub(super) fn has_controls(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |any, &byte| any | (byte < b' ') & (byte != b'\t') | (byte == 0x7f))
}

/// No control characters but tabs, and no blanks at either end.
pub(super) fn value(value: &[u8]) -> Result<(), Malformed> {
    if has_controls(value) { Err(Malformed::Value) } else { ends(value) }
}

/// [`value`] in a list of which it is known that it has no control characters, if it is `clean`.
#[inline]
pub(super) fn value_in(clean: bool, text: &[u8]) -> Result<(), Malformed> {
    if clean { ends(text) } else { value(text) }
}

#[inline]
fn ends(value: &[u8]) -> Result<(), Malformed> {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if is_blank(value.first()) | is_blank(value.last()) { Err(Malformed::Blanks) } else { Ok(()) }
}

/// What a request line can carry between its spaces.
pub(super) fn path(path: &[u8]) -> Result<(), Malformed> {
    let has_ends = path.iter().fold(false, |any, &byte| any | (byte <= b' ') | (byte == 0x7f));
    if has_ends { Err(Malformed::Path) } else { Ok(()) }
}

/// Nothing that ends an authority, and no user information (section 8.3.1). Whether it is a host is asked later.
pub(super) fn authority(authority: &[u8]) -> Result<(), Malformed> {
    const ENDS: [bool; 256] = {
        let mut ends = [true; 256];
        let mut byte = b'!';
        while byte <= b'~' {
            ends[byte as usize] = matches!(byte, b'/' | b'?' | b'#' | b'@' | b'\\');
            byte += 1;
        }
        ends
    };
    let has_ends = authority.iter().fold(false, |any, &byte| any | ENDS[usize::from(byte)]);
    if authority.is_empty() || has_ends { Err(Malformed::Authority) } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_if_each_of_its_bytes_is_wherever_it_stands() {
        for len in 1..30 {
            let plain: Vec<u8> = b"az09-".iter().copied().cycle().take(len).collect();
            assert_eq!(name(&plain), Ok(Spelling::Plain), "{len}");
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut other = plain.clone();
                    other[at] = byte;
                    let is = byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                    assert_eq!(is_plain(&other), is, "{len} {at} {byte:#x}");
                }
            }
        }
        assert!(!is_plain(b""));
    }
}
