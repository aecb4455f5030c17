//! `X-Amzn-Trace-Id` (guide TRC-01 to TRC-06, `wire.md` H20): a `Root` that stays with a request for all of its way, and
//! a `Self` that each load balancer makes anew.

use core::ops::Range;

use crate::desync::Cleared;
use crate::http::Request;

use super::Terms;

/// Beyond so many bytes of field lines only a `Root` is sent (guide TRC-05).
pub(super) const FIELD_BYTES_MAX: usize = 7 * 1024;

/// Writes the field; gives where its value is.
///
/// None came: a new `Root`. `Self` came: its value is replaced where it stands, and a second one dropped. Only `Root`
/// came: `Self` is put first. Neither came, but other fields: a new `Root` is put first. All else stays as it is. With
/// more than [`FIELD_BYTES_MAX`] of fields: the client's `Root` if it is well-formed, else a new one, alone.
pub(super) fn write(cleared: &Cleared<Request<'_>>, terms: &Terms<'_>, out: &mut Vec<u8>) -> Range<usize> {
    out.extend_from_slice(b"X-Amzn-Trace-Id: ");
    let start = out.len();
    match cleared.trace() {
        Some(value) if cleared.field_bytes() > FIELD_BYTES_MAX => root_alone(value, terms, out),
        Some(value) => updated(value, terms, out),
        None => made(b"Root=", terms, out),
    }
    let end = out.len();
    out.extend_from_slice(b"\r\n");
    start..end
}

fn updated(value: &[u8], terms: &Terms<'_>, out: &mut Vec<u8>) {
    if fields(value).any(is_self) {
        return replaced(value, terms, out);
    }
    let has_root = fields(value).any(|field| root(field).is_some());
    made(if has_root { b"Self=" } else { b"Root=" }, terms, out);
    out.push(b';');
    out.extend_from_slice(value);
}

fn replaced(value: &[u8], terms: &Terms<'_>, out: &mut Vec<u8>) {
    let (mut first, mut done) = (true, false);
    for field in fields(value) {
        let ours = is_self(field);
        if ours && done {
            continue;
        }
        if !first {
            out.push(b';');
        }
        if ours {
            made(b"Self=", terms, out)
        } else {
            out.extend_from_slice(field)
        }
        (first, done) = (false, done || ours);
    }
}

fn root_alone(value: &[u8], terms: &Terms<'_>, out: &mut Vec<u8>) {
    match fields(value).find_map(root).filter(|id| is_well_formed(id)) {
        Some(id) => {
            out.extend_from_slice(b"Root=");
            out.extend_from_slice(id);
        }
        None => made(b"Root=", terms, out),
    }
}

fn fields(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b';')
}

fn is_self(field: &[u8]) -> bool {
    field.trim_ascii_start().get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"self="))
}

fn root(field: &[u8]) -> Option<&[u8]> {
    let (name, id) = field.trim_ascii().split_at_checked(5)?;
    name.eq_ignore_ascii_case(b"root=").then_some(id)
}

/// `1-8HEX-24HEX`
fn is_well_formed(id: &[u8]) -> bool {
    let mut parts = id.splitn(3, |&byte| byte == b'-');
    let mut hex =
        |len: usize| parts.next().is_some_and(|part| part.len() == len && part.iter().all(u8::is_ascii_hexdigit));
    id.starts_with(b"1-") && hex(1) && hex(8) && hex(24)
}

/// `NAME=1-8HEX-24HEX`, the seconds of now and chance.
fn made(name: &[u8; 5], terms: &Terms<'_>, out: &mut Vec<u8>) {
    // 32 bits of seconds last until 2106; the format has no more room.
    let seconds = (terms.wall.seconds() as u32).to_be_bytes();
    let mut made = *b"NAME=1-SSSSSSSS-CCCCCCCCCCCCCCCCCCCCCCCC";
    made[..5].copy_from_slice(name);
    hex(&seconds, &mut made[7..15]);
    hex(&terms.entropy, &mut made[16..]);
    out.extend_from_slice(&made);
}

fn hex(bytes: &[u8], digits: &mut [u8]) {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'a' - 10 + half };
    let (pairs, _) = digits.as_chunks_mut();
    pairs.iter_mut().zip(bytes).for_each(|(pair, byte)| *pair = [digit(byte >> 4), digit(byte & 15)]);
}
