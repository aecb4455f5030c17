//! The forms of a request target (RFC 9112 section 3.2), and of `host [":" port]`. Nothing is decoded or normalised:
//! what a rule compares is decided there.

use core::net::Ipv6Addr;

use memchr::memchr;

use super::Refusal;

/// Which form a request target has. The authority form belongs to `CONNECT`, which is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`
    Origin,
    /// `http://authority/path?query`
    Absolute,
    /// `*`, with `OPTIONS` only.
    Asterisk,
}

/// A request target, taken apart; the parts are as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// How it was written.
    pub form: Form,
    /// `host [":" port]` of the absolute form; valid by [`host_and_port`].
    pub authority: Option<&'a [u8]>,
    /// From the first slash; `/` if the absolute form has none, `*` in the asterisk form.
    pub path: &'a [u8],
    /// What follows the first `?`; empty if nothing does.
    pub query: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// Takes the request target of a `method` request apart.
    ///
    /// Refuses `CONNECT` whatever its target ([`Refusal::ConnectRefused`]), a fragment, a scheme other than `http`
    /// and `https`, an authority with user information, `*` without `OPTIONS`, and anything else
    /// ([`Refusal::BadTarget`]).
    pub fn parse(method: &[u8], target: &'a [u8]) -> Result<Target<'a>, Refusal> {
        if method == b"CONNECT" {
            return Err(Refusal::ConnectRefused);
        }
        if memchr(b'#', target).is_some() {
            return Err(Refusal::BadTarget);
        }
        match target {
            [b'/', ..] => Ok(Target::of(Form::Origin, None, target)),
            b"*" if method == b"OPTIONS" => Ok(Target::of(Form::Asterisk, None, target)),
            _ => absolute(target).ok_or(Refusal::BadTarget),
        }
    }

    fn of(form: Form, authority: Option<&'a [u8]>, path_and_query: &'a [u8]) -> Target<'a> {
        let (path, query) = match memchr(b'?', path_and_query) {
            Some(at) => (path_and_query.get(..at).unwrap_or_default(), path_and_query.get(at + 1..)),
            None => (path_and_query, None),
        };
        Target { form, authority, path: if path.is_empty() { b"/" } else { path }, query }
    }
}

/// Appends a request target, or a part of one, with everything percent-encoded that may not stand in a URI whatever
/// it means (RFC 3986 section 2.1): spaces, control characters, and what is not ASCII. The rest stays as it is.
#[inline]
pub fn write_encoded(bytes: &[u8], out: &mut Vec<u8>) {
    // Without a way out of the loop, so that it is one of vectors.
    if !bytes.iter().fold(false, |odd, byte| odd | !byte.is_ascii_graphic()) {
        out.extend_from_slice(bytes);
    } else {
        encode(bytes, out);
    }
}

#[cold]
fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        if byte.is_ascii_graphic() {
            out.push(byte);
        } else {
            percent_encode(byte, out);
        }
    }
}

/// Appends `%` and the byte as two hexadecimal digits in upper case (RFC 3986 section 2.1).
pub(crate) fn percent_encode(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

/// How many bytes [`write_encoded`] writes.
pub fn encoded_len(bytes: &[u8]) -> usize {
    bytes.len() + 2 * bytes.iter().filter(|byte| !byte.is_ascii_graphic()).count()
}

fn absolute(target: &[u8]) -> Option<Target<'_>> {
    let after = after_scheme(target, b"http://").or_else(|| after_scheme(target, b"https://"))?;
    let end = after.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(after.len());
    let (authority, path_and_query) = after.split_at_checked(end)?;
    host_and_port(authority)?;
    Some(Target::of(Form::Absolute, Some(authority), path_and_query))
}

fn after_scheme<'a>(target: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (start, after) = target.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(after)
}

/// Splits `host [":" port]` into the host (an IPv6 address with its brackets) and the digits of the port.
///
/// Stricter than RFC 3986 section 3.2.2, so that nothing that another reader could take apart differently gets
/// through: a name is letters, digits, `-`, `.`, `_` and `~` (no percent-encoding, no sub-delimiters, no user
/// information), a port is 1 to 5 digits up to 65535. An empty port (`host:`) is no port.
pub fn host_and_port(authority: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let end = host_end(authority)?;
    let (host, rest) = authority.split_at_checked(end)?;
    match rest {
        [] | [b':'] => Some((host, None)),
        [b':', port @ ..] => is_port(port).then_some((host, Some(port))),
        _ => None,
    }
}

fn host_end(authority: &[u8]) -> Option<usize> {
    if let [b'[', rest @ ..] = authority {
        let close = memchr(b']', rest)?;
        let address = core::str::from_utf8(rest.get(..close)?).ok()?;
        return address.parse::<Ipv6Addr>().ok().map(|_| close + 2);
    }
    let end = authority.iter().position(|&byte| !HOST_BYTES[usize::from(byte)]).unwrap_or(authority.len());
    (end > 0).then_some(end)
}

/// Which bytes a host name may consist of.
const HOST_BYTES: [bool; 256] = {
    let mut bytes = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = matches!(at as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~');
        at += 1;
    }
    bytes
};

fn is_port(digits: &[u8]) -> bool {
    let value = |sum: u32, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'));
    digits.len() <= 5 && digits.iter().try_fold(0, value).is_some_and(|port| port <= 65535)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(target: &str) -> Result<Target<'_>, Refusal> {
        Target::parse(b"GET", target.as_bytes())
    }

    #[test]
    fn the_origin_form_splits_at_the_first_question_mark() {
        let target = get("/a/b?x=1?y").unwrap();
        assert_eq!((target.form, target.authority), (Form::Origin, None));
        assert_eq!((target.path, target.query), (&b"/a/b"[..], Some(&b"x=1?y"[..])));
        assert_eq!(get("/a?").unwrap().query, Some(&b""[..]));
        assert_eq!(get("/a").unwrap().query, None);
        assert_eq!(get("//host/a").unwrap().path, b"//host/a");
    }

    #[test]
    fn the_absolute_form_gives_its_authority_and_at_least_a_slash() {
        for (target, authority, path, query) in [
            ("http://a.example/x?y", "a.example", "/x", Some("y")),
            ("HTTPS://a.example:8443/", "a.example:8443", "/", None),
            ("http://a.example", "a.example", "/", None),
            ("http://a.example?y", "a.example", "/", Some("y")),
            ("http://[2001:db8::1]:80/x", "[2001:db8::1]:80", "/x", None),
        ] {
            let got = get(target).unwrap();
            assert_eq!(got.form, Form::Absolute);
            assert_eq!(got.authority, Some(authority.as_bytes()), "{target}");
            assert_eq!((got.path, got.query), (path.as_bytes(), query.map(str::as_bytes)), "{target}");
        }
    }

    #[test]
    fn the_asterisk_goes_with_options_alone() {
        let target = Target::parse(b"OPTIONS", b"*").unwrap();
        assert_eq!((target.form, target.path, target.query), (Form::Asterisk, &b"*"[..], None));
        assert_eq!(get("*"), Err(Refusal::BadTarget));
        assert_eq!(Target::parse(b"OPTIONS", b"*?"), Err(Refusal::BadTarget));
    }

    #[test]
    fn targets_in_no_served_form_are_refused() {
        for target in [
            "",
            "foo",
            "a.example:443",
            "/a#b",
            "http://a/#b",
            "ftp://a/",
            "ws://a/",
            "http:///x",
            "http://",
            "http://u@a/",
            "http://u:p@a/",
            "http://a:x/",
            "http://a b/",
            "http:/a",
        ] {
            assert_eq!(get(target), Err(Refusal::BadTarget), "{target}");
        }
        assert_eq!(Target::parse(b"CONNECT", b"a.example:443"), Err(Refusal::ConnectRefused));
        assert_eq!(Target::parse(b"CONNECT", b"/"), Err(Refusal::ConnectRefused));
    }

    #[test]
    fn what_may_not_stand_in_a_uri_is_percent_encoded() {
        let encoded = |bytes: &[u8]| {
            let mut out = b"x".to_vec();
            write_encoded(bytes, &mut out);
            assert_eq!(out.len(), 1 + encoded_len(bytes));
            String::from_utf8(out).unwrap()
        };
        assert_eq!(encoded(b"/a%20b?c={d}|\"<e>"), "x/a%20b?c={d}|\"<e>");
        assert_eq!(encoded(b"/a b\t\x00\x1f\x7f\xc3\xa9\xff~"), "x/a%20b%09%00%1F%7F%C3%A9%FF~");
    }

    #[test]
    fn a_host_splits_from_its_port() {
        for (authority, host, port) in [
            ("a", "a", None),
            ("a.example:80", "a.example", Some("80")),
            ("a:", "a", None),
            ("a:65535", "a", Some("65535")),
            ("127.0.0.1:8080", "127.0.0.1", Some("8080")),
            ("[::1]", "[::1]", None),
            ("[2001:DB8::1]:443", "[2001:DB8::1]", Some("443")),
            ("_dmarc.x-y.example~", "_dmarc.x-y.example~", None),
        ] {
            assert_eq!(
                host_and_port(authority.as_bytes()),
                Some((host.as_bytes(), port.map(str::as_bytes))),
                "{authority}"
            );
        }
    }

    #[test]
    fn odd_hosts_and_ports_are_refused() {
        for authority in [
            "",
            ":80",
            "a b",
            "a,b",
            "a/b",
            "u@a",
            "a\tb",
            "a%20",
            "é",
            "a:b",
            "a:65536",
            "a:000080",
            "a:99999999999999999999",
            "a:8 0",
            "a:80:80",
            "a:+8",
            "::1",
            "[::1",
            "[]",
            "[::1]x",
            "[fe80::1%1]",
            "[v1.a]",
            "[1.2.3.4]",
            "a[::1]",
            "a\\b",
            "*",
        ] {
            assert_eq!(host_and_port(authority.as_bytes()), None, "{authority}");
        }
        assert_eq!(host_and_port(b"a\xff"), None);
        assert_eq!(host_and_port(b"a\0"), None);
    }
}
