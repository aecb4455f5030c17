//! The request that is asked about, as bytes: composed of a URL and header lines, or raw as a client would send it. They
//! are not judged here: what is wrong with them is for the data path to say.

use std::borrow::Cow;
use std::fmt::Write;

/// The request that is asked about.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// One that is composed of its parts.
    Composed {
        /// `GET`, …
        method: &'a str,
        /// `http://host/path?query`, or `/path?query` alone.
        url: &'a str,
        /// Whole header lines, `Name: value`. A Host among them replaces the URL's.
        headers: &'a [String],
    },
    /// One that is there byte for byte: a head, and whatever follows it.
    Raw {
        /// What messages call it.
        name: &'a str,
        /// At most [`RAW_BYTES_MAX`].
        bytes: &'a [u8],
        /// Read the lines of its head as if they ended in CRLF.
        crlf: bool,
    },
}

/// The most of a raw request that is read, in bytes: a head may have 64 K, and of a body nothing but its length is told.
pub const RAW_BYTES_MAX: usize = 1024 * 1024;

impl<'a> Asked<'a> {
    /// What a client would send.
    ///
    /// # Errors
    ///
    /// It is too long: a sentence for the operator.
    pub(super) fn bytes(&self) -> Result<Cow<'a, [u8]>, String> {
        match *self {
            Asked::Composed { method, url, headers } => Ok(Cow::Owned(composed(method, url, headers))),
            Asked::Raw { name, bytes, .. } if bytes.len() > RAW_BYTES_MAX => {
                Err(format!("{name}: it is longer than the {RAW_BYTES_MAX} bytes that are read of a request\n"))
            }
            Asked::Raw { bytes, crlf: true, .. } => Ok(Cow::Owned(with_crlf(bytes))),
            Asked::Raw { bytes, .. } => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// What to say when the head does not end.
    pub(super) fn unfinished(&self) -> String {
        match self {
            Asked::Composed { .. } => "the head of the request does not end\n".to_owned(),
            Asked::Raw { name, bytes, .. } => {
                let count = bytes.len();
                format!(
                    "{name}: the head does not end: an empty line must follow its last line ({count} bytes were read)\n"
                )
            }
        }
    }
}

fn composed(method: &str, url: &str, headers: &[String]) -> Vec<u8> {
    let after_scheme = url.split_once("://").map(|(_, rest)| rest);
    let (host, target) = match after_scheme {
        Some(rest) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        None => ("localhost", url),
    };
    let slash = if target.starts_with('/') || target == "*" { "" } else { "/" };
    let mut head = format!("{method} {slash}{target} HTTP/1.1\r\n");
    let is_host = |line: &String| line.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("host"));
    if !headers.iter().any(is_host) {
        let _ = write!(head, "Host: {host}\r\n");
    }
    for line in headers {
        let _ = write!(head, "{line}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// The bytes with CRLF at the end of every line of the head, up to the first empty line that follows a line which is not.
/// What comes behind stays: it is counted, and a client would send it so.
pub(super) fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let (mut rest, mut begun) = (bytes, false);
    while let Some(end) = memchr::memchr(b'\n', rest) {
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        rest = &rest[end + 1..];
        if line.is_empty() && begun {
            break;
        }
        begun |= !line.is_empty();
    }
    out.extend_from_slice(rest);
    out
}

/// How many lines of a head end in LF alone.
pub(super) fn bare_line_feeds(head: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', head).filter(|&at| at == 0 || head[at - 1] != b'\r').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_head_get_their_ends_and_the_body_stays() {
        for (from, to) in [
            ("GET / HTTP/1.1\nHost: a\n\nb\nc\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\nb\nc\r\n"),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n\n"),
            ("\n\nGET /\n\n\n", "\r\n\r\nGET /\r\n\r\n\n"),
            ("GET /\nHost: a", "GET /\r\nHost: a"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8(with_crlf(from.as_bytes())).unwrap(), to, "{from:?}");
        }
    }

    #[test]
    fn lines_without_cr_are_counted() {
        for (head, count) in [("a\r\n\r\n", 0), ("a\n\n", 2), ("a\r\nb\n\r\n", 1), ("\n", 1), ("", 0)] {
            assert_eq!(bare_line_feeds(head.as_bytes()), count, "{head:?}");
        }
    }

    #[test]
    fn a_raw_request_has_a_limit() {
        let bytes = vec![b'a'; RAW_BYTES_MAX + 1];
        let raw = |bytes| Asked::Raw { name: "r", bytes, crlf: false };
        assert!(raw(&bytes[1..]).bytes().is_ok());
        let error = raw(&bytes).bytes().expect_err("too long");
        assert_eq!(error, "r: it is longer than the 1048576 bytes that are read of a request\n");
    }
}
