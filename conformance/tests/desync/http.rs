//! HTTP as the strictest of targets reads it, written for these tests alone: what is not exactly as RFC 9112 has it is a
//! failure, since a load balancer may not pass it on.

use std::fmt;

use super::text::shown;

/// A request that a target got.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) line: Vec<u8>,
    pub(crate) fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}", shown(&self.line))?;
        for (name, value) in &self.fields {
            write!(f, " | {}: {}", shown(name), shown(value))?;
        }
        write!(f, " | {}`", shown(&self.body))
    }
}

impl Request {
    /// The values of all fields of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |field| field.0.eq_ignore_ascii_case(name)).map(|field| &field.1[..])
    }
}

/// The request that `bytes` begin with and its length, once all of it is there.
///
/// # Panics
/// When it is not one that may be sent.
pub(crate) fn request(bytes: &[u8]) -> Option<(Request, usize)> {
    let end = find(bytes, b"\r\n\r\n")? + 4;
    let mut lines = bytes[..end - 4].split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.next().expect("a line").to_vec();
    let context = || shown(&bytes[..end]);
    assert_eq!(bytes[..end].split(|&b| b == b'\n').filter(|l| l.last() != Some(&b'\r')).count(), 1, "{}", context());
    let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    assert!(words.len() == 3 && words.iter().all(|word| !word.is_empty()) && line.is_ascii(), "{}", context());
    assert!(words[0].iter().all(|&byte| is_token(byte)) && words[2] == b"HTTP/1.1", "{}", context());
    assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)), "{}", context());
    let fields: Vec<_> = lines.map(|line| field(line).unwrap_or_else(|| panic!("{}", context()))).collect();
    let mut request = Request { line, fields, body: Vec::new() };
    let framing: Vec<_> = request.all(b"content-length").chain(request.all(b"transfer-encoding")).collect();
    assert!(framing.len() <= 1, "{}", context());
    for (name, _) in &request.fields {
        let letters: Vec<u8> = name.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
        let exact = [&b"content-length"[..], b"transfer-encoding"].iter().any(|real| name.eq_ignore_ascii_case(real));
        assert!(exact || !matches!(&letters[..], b"contentlength" | b"transferencoding"), "{}", context());
    }
    let (body, len) = if request.all(b"transfer-encoding").next().is_some_and(|coding| coding == b"chunked") {
        chunks(&bytes[end..])?
    } else {
        assert_eq!(request.all(b"transfer-encoding").count(), 0, "{}", context());
        let len = request.all(b"content-length").next().map_or(0, |length| number(length, 10).expect("a length"));
        (bytes[end..].get(..len)?.to_vec(), len)
    };
    request.body = body;
    Some((request, end + len))
}

/// A name that is a token, a colon, one space, and a value without blanks at its ends and without control characters.
fn field(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let value = value.strip_prefix(b" ").unwrap_or(value);
    let visible = value.iter().all(|&byte| byte == b'\t' || byte >= b' ' && byte != 0x7f);
    let trimmed = [value.first(), value.last()].iter().all(|end| !matches!(end, Some(b' ' | b'\t')));
    let good = !name.is_empty() && name.iter().all(|&byte| is_token(byte)) && visible && trimmed;
    good.then(|| (name.to_vec(), value.to_vec()))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Content in chunks without extensions, and the length with the framing; trailers are passed over.
fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut content, mut at) = (Vec::new(), 0);
    loop {
        let end = find(&bytes[at..], b"\r\n")?;
        let size = number(&bytes[at..at + end], 16).expect("a chunk's size and nothing else");
        at += end + 2;
        if size == 0 {
            let trailers = find(&bytes[at - 2..], b"\r\n\r\n")?;
            return Some((content, at - 2 + trailers + 4));
        }
        content.extend_from_slice(bytes.get(at..at + size)?);
        assert_eq!(bytes.get(at + size..at + size + 2)?, b"\r\n");
        at += size + 2;
    }
}

fn number(digits: &[u8], radix: u32) -> Option<usize> {
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { usize::from_str_radix(digits, radix).ok() } else { None }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The status of every answer among `bytes`, and whether the last one says that it is the last.
pub(crate) fn answers(bytes: &[u8]) -> (Vec<u16>, bool) {
    let (mut statuses, mut is_last, mut rest) = (Vec::new(), false, bytes);
    while let Some(end) = find(rest, b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&rest[..end]).to_ascii_lowercase();
        statuses.push(head[9..12].parse().expect("a status"));
        is_last = head.contains("\r\nconnection: close");
        let next = find(&rest[end..], b"HTTP/1.1 ").unwrap_or(rest.len() - end);
        rest = &rest[end + next..];
    }
    (statuses, is_last)
}

#[test]
fn requests_are_read_whole_and_only_if_they_are_strict() {
    let (get, len) = request(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET").unwrap();
    assert_eq!((get.line.as_slice(), len), (&b"GET / HTTP/1.1"[..], 27));
    let post = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(request(post).unwrap().0.body, b"hello");
    assert_eq!(request(&post[..post.len() - 1]), None);
    assert_eq!(request(b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell"), None);
    for bad in [
        &b"GET  / HTTP/1.1\r\n\r\n"[..],
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET /\x80 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: y \r\n\r\n",
        b"GET / HTTP/1.1\r\nX: \x01\r\n\r\n",
        b"GET / HTTP/1.1\nX: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent_Length: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\nx",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\nx\r\n0\r\n\r\n",
    ] {
        assert!(std::panic::catch_unwind(|| request(bad)).is_err(), "{}", shown(bad));
    }
}
