//! Redirects (guide RED-*): where a request is sent instead.
//!
//! A `Location` is `protocol://host:port/path?query`, with the port always there and the host in lower case (`wire.md`
//! W7). Configured text and what the request had both go through the same sieve: what RFC 3986 does not allow
//! in that place is percent-encoded, so nothing that a client sends can end the line, begin another field, or make a
//! fragment. A `%` stays, since the text is taken to be encoded already (`wire.md` H18).

use crate::http::target::percent_encode;

/// A redirect (guide RED-*). Every part may hold the keywords `#{protocol}`, `#{host}`, `#{port}`, `#{path}`
/// and `#{query}` as far as the guide allows them there; elsewhere they are text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `#{protocol}` by default.
    pub protocol: RedirectProtocol,
    /// `#{host}` by default.
    pub host: String,
    /// `#{port}` by default; otherwise 1 to 65535.
    pub port: String,
    /// `/#{path}` by default; starts with a slash.
    pub path: String,
    /// `#{query}` by default; without the question mark.
    pub query: String,
    /// 301 or 302.
    pub status: RedirectStatus,
}

/// The scheme a redirect leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectProtocol {
    /// `#{protocol}`: the scheme of the request.
    Same,
    /// `HTTP`
    Http,
    /// `HTTPS`
    Https,
}

/// Permanent or temporary (guide RED-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectStatus {
    /// `HTTP_301`
    MovedPermanently,
    /// `HTTP_302`
    Found,
}

impl RedirectStatus {
    /// 301 or 302.
    pub const fn code(self) -> u16 {
        match self {
            RedirectStatus::MovedPermanently => 301,
            RedirectStatus::Found => 302,
        }
    }
}

/// The parts of the request that a redirect may reuse.
#[derive(Clone, Copy, Debug)]
pub struct RedirectParts<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The host name without a port, as sent. A request without one gets the load balancer's name.
    pub host: &'a [u8],
    /// The listener's port, as requests see it.
    pub port: u16,
    /// The path as sent, with its leading slash.
    pub path: &'a [u8],
    /// The query as sent, without the question mark; empty if there was none.
    pub query: &'a [u8],
}

/// The URL would be longer than [`LOCATION_BYTES_MAX`]: the answer is 507 (guide RED-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the redirect URL is longer than {LOCATION_BYTES_MAX} bytes")]
pub struct LocationTooLong;

/// The longest `Location` in bytes: "HTTP_Redirect_Url_Limit_Exceeded_Count … larger than 8K" (guide RED-12).
pub const LOCATION_BYTES_MAX: usize = 8192;

impl Redirect {
    /// Appends the URL to `out`, or leaves `out` as it was.
    pub fn location(&self, parts: &RedirectParts<'_>, out: &mut Vec<u8>) -> Result<(), LocationTooLong> {
        let start = out.len();
        self.write(parts, out);
        if out.len() - start > LOCATION_BYTES_MAX {
            out.truncate(start);
            return Err(LocationTooLong);
        }
        Ok(())
    }

    /// Whether protocol, host, port and path are all those of the request (guide RED-03).
    pub fn leads_to_itself(&self) -> bool {
        self.protocol == RedirectProtocol::Same
            && self.host.eq_ignore_ascii_case(Keyword::Host.text())
            && self.port == Keyword::Port.text()
            && self.path == "/#{path}"
    }

    fn write(&self, parts: &RedirectParts<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.protocol {
            RedirectProtocol::Same => parts.scheme.as_bytes(),
            RedirectProtocol::Http => b"http",
            RedirectProtocol::Https => b"https",
        });
        out.extend_from_slice(b"://");
        expand(&self.host, Place::Host, parts, out);
        out.push(b':');
        expand(&self.port, Place::Port, parts, out);
        if !self.path.starts_with('/') {
            out.push(b'/');
        }
        expand(&self.path, Place::Path, parts, out);
        let mark = out.len();
        out.push(b'?');
        expand(&self.query, Place::Query, parts, out);
        if out.len() == mark + 1 {
            out.truncate(mark);
        }
    }
}

/// A component of the URL.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Host,
    Port,
    Path,
    Query,
}

/// What stands for a part of the request (guide RED-09).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keyword {
    Protocol,
    Host,
    Port,
    Path,
    Query,
}

impl Keyword {
    const fn text(self) -> &'static str {
        match self {
            Keyword::Protocol => "#{protocol}",
            Keyword::Host => "#{host}",
            Keyword::Port => "#{port}",
            Keyword::Path => "#{path}",
            Keyword::Query => "#{query}",
        }
    }

    /// "`#{host}` - Retains the domain. Use in the hostname, path, and query components", and so on.
    const fn allowed_in(place: Place) -> &'static [Keyword] {
        match place {
            Place::Host => &[Keyword::Host],
            Place::Port => &[Keyword::Port],
            Place::Path => &[Keyword::Host, Keyword::Port, Keyword::Path],
            Place::Query => &[Keyword::Protocol, Keyword::Host, Keyword::Port, Keyword::Path, Keyword::Query],
        }
    }
}

/// Appends a template with its keywords replaced, once: what a keyword stands for is not searched again.
fn expand(template: &str, place: Place, parts: &RedirectParts<'_>, out: &mut Vec<u8>) {
    let mut rest = template;
    while let Some(next) = rest.chars().next() {
        let found = Keyword::allowed_in(place).iter().find(|keyword| rest.starts_with(keyword.text()));
        match found {
            Some(keyword) => {
                put_part(*keyword, place, parts, out);
                rest = &rest[keyword.text().len()..];
            }
            None => {
                let (bytes, after) = rest.split_at(next.len_utf8());
                bytes.bytes().for_each(|byte| put(byte, place, false, out));
                rest = after;
            }
        }
    }
}

fn put_part(keyword: Keyword, place: Place, parts: &RedirectParts<'_>, out: &mut Vec<u8>) {
    let mut port = itoa::Buffer::new();
    let bytes = match keyword {
        Keyword::Protocol => parts.scheme.as_bytes(),
        Keyword::Host => parts.host,
        Keyword::Port => port.format(parts.port).as_bytes(),
        Keyword::Path => parts.path.strip_prefix(b"/").unwrap_or(parts.path),
        Keyword::Query => parts.query,
    };
    let lower = keyword == Keyword::Host;
    let literal = lower && bytes.starts_with(b"[");
    for &byte in bytes {
        let byte = if lower { byte.to_ascii_lowercase() } else { byte };
        put(byte, place, literal, out);
    }
}

/// Appends a byte, percent-encoded if it must not stand there. `ip_literal`: brackets and colons may be in a host.
fn put(byte: u8, place: Place, ip_literal: bool, out: &mut Vec<u8>) {
    let byte = if place == Place::Host { byte.to_ascii_lowercase() } else { byte };
    if may_stand(byte, place, ip_literal) {
        out.push(byte);
    } else {
        percent_encode(byte, out);
    }
}

/// RFC 3986 sections 3.2.2 to 3.4, and brackets in paths and queries, where clients send them bare.
const fn may_stand(byte: u8, place: Place, ip_literal: bool) -> bool {
    let anywhere = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'%');
    let delimiter = matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=');
    match place {
        Place::Port => byte.is_ascii_digit(),
        Place::Host => anywhere || delimiter || ip_literal && matches!(byte, b'[' | b']' | b':'),
        Place::Path => anywhere || delimiter || matches!(byte, b':' | b'@' | b'/' | b'[' | b']'),
        Place::Query => anywhere || delimiter || matches!(byte, b':' | b'@' | b'/' | b'?' | b'[' | b']'),
    }
}
