//! How a log line and its single fields are written: text that cannot break the line, seconds, addresses.

use core::time::Duration;
use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

/// Appends text for a quoted field. What could end the field or the line, or is not ASCII, becomes `\xHH`: the double
/// quote, the backslash, control characters and bytes above 0x7e. So a reader that looks for the next quote, as most do,
/// is always right, and the original bytes can be told.
pub(super) fn put_escaped(out: &mut Vec<u8>, text: &[u8]) {
    // Nearly all text is plain; asked without an early exit, sixteen bytes are looked at at a time.
    if text.iter().fold(true, |plain, &byte| plain & is_plain(byte)) {
        return out.extend_from_slice(text);
    }
    let mut plain = 0;
    for (at, &byte) in text.iter().enumerate() {
        if is_plain(byte) {
            continue;
        }
        out.extend_from_slice(&text[plain..at]);
        out.extend([b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        plain = at + 1;
    }
    out.extend_from_slice(&text[plain..]);
}

fn is_plain(byte: u8) -> bool {
    (byte.wrapping_sub(b' ') <= b'~' - b' ') & (byte != b'"') & (byte != b'\\')
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// `0.001`: seconds with three decimals, cut off; `-1` if there is nothing to measure.
pub(super) fn put_seconds(out: &mut Vec<u8>, span: Option<Duration>) {
    let Some(span) = span else {
        return out.extend_from_slice(b"-1");
    };
    put_number(out, span.as_secs());
    let millis = span.subsec_millis();
    let digit = |number: u32| b'0' + (number % 10) as u8;
    out.extend([b'.', digit(millis / 100), digit(millis / 10), digit(millis)]);
}

/// A number, or `-`.
pub(super) fn put_number_or_dash(out: &mut Vec<u8>, number: Option<u16>) {
    match number {
        Some(number) => put_number(out, u64::from(number)),
        None => out.push(b'-'),
    }
}

pub(super) fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// `10.0.0.1:80`, `[2001:db8::1]:80`; an IPv4 address that came over an IPv6 socket is written as IPv4. `-` if none.
pub(super) fn put_address(out: &mut Vec<u8>, address: Option<SocketAddr>) {
    let Some(address) = address else {
        return out.push(b'-');
    };
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => put_ip(out, ip.into()),
        IpAddr::V6(ip) => {
            out.push(b'[');
            put_ip(out, ip.into());
            out.push(b']');
        }
    }
    out.push(b':');
    put_number(out, u64::from(address.port()));
}

/// `10.0.0.1`, `2001:db8::1`; an IPv4 address in IPv6 clothes is written as IPv4.
pub(super) fn put_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            for (at, octet) in ip.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                put_number(out, u64::from(octet));
            }
        }
        // Writing into a vector does not fail.
        IpAddr::V6(ip) => drop(write!(Sink(out), "{ip}")),
    }
}

/// A line in the making: each field is written with the space after it.
pub(super) struct Line<'o> {
    pub(super) out: &'o mut Vec<u8>,
}

impl Line<'_> {
    pub(super) fn with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(self.out);
        self.out.push(b' ');
    }

    /// A field that is escaped already, and a dash if it is empty.
    pub(super) fn raw(&mut self, text: &[u8]) {
        self.with(|out| out.extend_from_slice(if text.is_empty() { b"-" } else { text }));
    }

    /// A field without quotes, from configuration or a table.
    pub(super) fn plain(&mut self, text: Option<&str>) {
        self.with(|out| put_escaped(out, text.unwrap_or("-").as_bytes()));
    }

    /// A field in quotes that is escaped already.
    pub(super) fn quoted(&mut self, text: &[u8]) {
        self.in_quotes(|out| out.extend_from_slice(text));
    }

    /// A field in quotes.
    pub(super) fn quoted_text(&mut self, text: Option<&str>) {
        self.in_quotes(|out| put_escaped(out, text.unwrap_or_default().as_bytes()));
    }

    /// Quotes around what is written, or around a dash if that is nothing.
    pub(super) fn in_quotes(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.push(b'"');
        let start = self.out.len();
        write(self.out);
        if self.out.len() == start {
            self.out.push(b'-');
        }
        self.out.extend_from_slice(b"\" ");
    }

    /// The line end instead of the last space.
    pub(super) fn end(self) {
        self.out.pop();
        self.out.push(b'\n');
    }
}

struct Sink<'a>(&'a mut Vec<u8>);

impl Write for Sink<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_backslashes_controls_and_non_ascii_are_escaped() {
        let text = b"a b\"c\\d\r\n\x00\x7f\xc3\xa9~";
        assert_eq!(put(|out| put_escaped(out, text)), r"a b\x22c\x5Cd\x0D\x0A\x00\x7F\xC3\xA9~");
        assert_eq!(put(|out| put_escaped(out, b"")), "");
    }

    #[test]
    fn seconds_have_three_decimals_and_nothing_measured_is_minus_one() {
        let seconds = |micros| put(|out| put_seconds(out, Some(Duration::from_micros(micros))));
        assert_eq!(seconds(0), "0.000");
        assert_eq!(seconds(999), "0.000");
        assert_eq!(seconds(86_000), "0.086");
        assert_eq!(seconds(61_200_999), "61.200");
        assert_eq!(put(|out| put_seconds(out, None)), "-1");
    }

    #[test]
    fn addresses_are_written_with_their_ports() {
        let address = |text: &str| put(|out| put_address(out, Some(text.parse().unwrap())));
        assert_eq!(address("192.168.131.39:2817"), "192.168.131.39:2817");
        assert_eq!(address("[2001:db8::1]:443"), "[2001:db8::1]:443");
        assert_eq!(address("[::ffff:10.0.0.1]:80"), "10.0.0.1:80");
        assert_eq!(put(|out| put_address(out, None)), "-");
    }
}
