//! Parses a head whose end is known, and decides how the body of a response is framed (RFC 9112 section 6.3). How a
//! request is framed is decided at the door to the targets ([`crate::desync`]), where two readings are refused.

use core::mem::MaybeUninit;

use httparse::{Error, Header, ParserConfig, Status};

use crate::http::names::Known;
use crate::http::{BadResponse, Field, FieldRoom, Fields, Framing, Request, Response, Version};

pub use super::scan::{FIELDS_MAX, Limits, REQUEST_LIMITS, RESPONSE_LIMITS, Scan, Scanner};

/// What httparse does not take: bare CR, NUL, folded lines, blanks before a colon, names that are no tokens, other
/// versions than 1.0 and 1.1, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request head does not follow the grammar of HTTP/1")]
pub struct Irregular;

/// Parses the regular head that [`Scan::Head`] delimits: `head` is its `len` bytes. The fields are put
/// into `room`; nothing is allocated for up to 32 of them. Heads that are [`Irregular`], or whose lines are, can still
/// be split: [`super::loose`].
pub fn parse_request<'r, 'a: 'r>(head: &'a [u8], room: &'r mut FieldRoom<'a>) -> Result<Request<'r>, Irregular> {
    let line = parse_request_line_and_fields(head, room)?;
    Ok(line.with(Fields(&room.0)))
}

/// The request line of a regular head.
pub(crate) struct RequestLine<'a> {
    head: &'a [u8],
    method: &'a [u8],
    target: &'a [u8],
    version: Version,
}

struct StatusLine<'a> {
    version: Version,
    status: u16,
    reason: &'a [u8],
}

impl<'a> RequestLine<'a> {
    /// The request with these fields, which are those of the same head.
    #[inline]
    pub(crate) fn with<'r>(self, fields: Fields<'r>) -> Request<'r>
    where
        'a: 'r,
    {
        let RequestLine { head, method, target, version } = self;
        Request { head, method, target, version, fields }
    }
}

/// [`parse_request`] with the fields left in `room`, which can be used otherwise if the head is irregular.
pub(crate) fn parse_request_line_and_fields<'a>(
    head: &'a [u8],
    room: &mut FieldRoom<'a>,
) -> Result<RequestLine<'a>, Irregular> {
    match request_into(head, &mut [const { MaybeUninit::uninit() }; ON_STACK], room) {
        Err(Error::TooManyHeaders) => request_into(head, &mut table_for(head), room),
        parsed => parsed,
    }
    .map_err(|_| Irregular)
}

/// Parses the head of a response that [`Scan::Head`] delimits, likewise.
pub fn parse_response<'r, 'a: 'r>(head: &'a [u8], room: &'r mut FieldRoom<'a>) -> Result<Response<'r>, BadResponse> {
    let parsed = match response_into(head, &mut [const { MaybeUninit::uninit() }; ON_STACK], room) {
        Err(Error::TooManyHeaders) => response_into(head, &mut table_for(head), room),
        parsed => parsed,
    };
    match parsed {
        Ok(StatusLine { status: ..100, .. }) => Err(BadResponse::BadStatus),
        Ok(StatusLine { version, status, reason }) => {
            Ok(Response { head, version, status, reason, fields: Fields(&room.0) })
        }
        Err(Error::Version) => Err(BadResponse::BadVersion),
        Err(_) => Err(BadResponse::Malformed),
    }
}

/// How the body of a response ends; `to_head` says that it answers a `HEAD` request (RFC 9112 section 6.3).
///
/// `1xx`, 204, 304 and answers to `HEAD` have no body. A response whose length can be read in two ways is bad, even
/// if it has no body: a length beside `Transfer-Encoding`, lengths that differ, a coding other than `chunked` once, any
/// coding in HTTP/1.0. A `Content-Length` that is repeated unchanged counts once; `identity` is as good as absent.
pub fn response_framing(response: &Response<'_>, to_head: bool) -> Result<Framing, BadResponse> {
    let mut length = None;
    let mut chunked = None;
    for field in response.fields.iter() {
        match Known::of(field.name) {
            Known::ContentLength => length = Some(one_length(length, field.value)?),
            Known::TransferEncoding => chunked = Some(one_coding(chunked, field.value)?),
            _ => {}
        }
    }
    if chunked.is_some() && response.version == Version::Http10 {
        return Err(BadResponse::BadTransferEncoding);
    }
    if chunked.is_some() && length.is_some() {
        return Err(BadResponse::ConflictingLength);
    }
    Ok(match (length, chunked) {
        _ if to_head || matches!(response.status, 100..=199 | 204 | 304) => Framing::None,
        (_, Some(true)) => Framing::Chunked,
        (Some(length), _) => Framing::Length(length),
        _ => Framing::UntilClose,
    })
}

/// A `Content-Length`: digits, and a number below 2^64 (RFC 9110 section 8.6). Lists are not taken.
pub fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

fn one_length(before: Option<u64>, value: &[u8]) -> Result<u64, BadResponse> {
    let length = content_length(value).ok_or(BadResponse::BadContentLength)?;
    if before.is_some_and(|before| before != length) { Err(BadResponse::ConflictingLength) } else { Ok(length) }
}

/// Whether the coding is `chunked`.
fn one_coding(before: Option<bool>, value: &[u8]) -> Result<bool, BadResponse> {
    let chunked = value.eq_ignore_ascii_case(b"chunked");
    let known = chunked || value.eq_ignore_ascii_case(b"identity");
    if known && before.is_none() { Ok(chunked) } else { Err(BadResponse::BadTransferEncoding) }
}

fn request_into<'a>(
    head: &'a [u8],
    table: &mut [MaybeUninit<Header<'a>>],
    room: &mut FieldRoom<'a>,
) -> Result<RequestLine<'a>, Error> {
    let mut parsed = httparse::Request::new(&mut []);
    match ParserConfig::default().parse_request_with_uninit_headers(&mut parsed, head, table)? {
        Status::Complete(len) if len == head.len() => {}
        _ => return Err(Error::NewLine),
    }
    fields(parsed.headers, room);
    Ok(RequestLine {
        head,
        method: parsed.method.ok_or(Error::Token)?.as_bytes(),
        target: parsed.path.ok_or(Error::Token)?.as_bytes(),
        version: version(parsed.version).ok_or(Error::Version)?,
    })
}

fn response_into<'a>(
    head: &'a [u8],
    table: &mut [MaybeUninit<Header<'a>>],
    room: &mut FieldRoom<'a>,
) -> Result<StatusLine<'a>, Error> {
    let mut parsed = httparse::Response::new(&mut []);
    match ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, head, table)? {
        Status::Complete(len) if len == head.len() => {}
        _ => return Err(Error::NewLine),
    }
    fields(parsed.headers, room);
    Ok(StatusLine {
        version: version(parsed.version).ok_or(Error::Version)?,
        status: parsed.code.ok_or(Error::Status)?,
        reason: parsed.reason.unwrap_or_default().as_bytes(),
    })
}

fn fields<'a>(parsed: &[Header<'a>], room: &mut FieldRoom<'a>) {
    room.0.clear();
    room.0.extend(parsed.iter().map(|header| Field { name: header.name.as_bytes(), value: header.value }));
}

/// A table that has room for all fields of a head: no more than it has lines.
fn table_for<'a>(head: &[u8]) -> Vec<MaybeUninit<Header<'a>>> {
    vec![MaybeUninit::uninit(); memchr::memchr_iter(b'\n', head).count()]
}

fn version(minor: Option<u8>) -> Option<Version> {
    match minor? {
        0 => Some(Version::Http10),
        1 => Some(Version::Http11),
        _ => None,
    }
}

/// Heads of so many fields are parsed without asking for memory; that of a browser has a dozen or two.
const ON_STACK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn leaked<'a>() -> &'a mut FieldRoom<'a> {
        Box::leak(Box::default())
    }

    fn request(text: &str) -> Result<Request<'_>, Irregular> {
        match Scanner::request().scan(text.as_bytes()).expect("within the limits") {
            Scan::Head { len, .. } => parse_request(&text.as_bytes()[..len], leaked()),
            Scan::More => panic!("not a whole head: {text:?}"),
        }
    }

    fn response(text: &str) -> Result<Response<'_>, BadResponse> {
        match Scanner::response().scan_response(text.as_bytes())? {
            Scan::Head { len, .. } => parse_response(&text.as_bytes()[..len], leaked()),
            Scan::More => panic!("not a whole head: {text:?}"),
        }
    }

    fn framing(status: u16, fields: &str, to_head: bool) -> Result<Framing, BadResponse> {
        let text = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
        response_framing(&response(&text).unwrap(), to_head)
    }

    #[test]
    fn a_request_keeps_order_case_and_duplicates_of_its_fields() {
        let got = request("PURGE /a?b HTTP/1.1\r\nhOST: a\r\nX-A:  1 \r\nx-a:2\r\nE:\r\n\r\nleft over").unwrap();
        assert_eq!((got.method, got.target, got.version), (&b"PURGE"[..], &b"/a?b"[..], Version::Http11));
        let fields: Vec<_> = got.fields.iter().map(|field| (field.name, field.value)).collect();
        let expected: [(&[u8], &[u8]); 4] = [(b"hOST", b"a"), (b"X-A", b"1"), (b"x-a", b"2"), (b"E", b"")];
        assert_eq!(fields, expected);
    }

    #[test]
    fn an_empty_line_before_a_request_changes_nothing() {
        assert_eq!(request("\r\nGET / HTTP/1.0\r\nA: b\r\n\r\n").unwrap().version, Version::Http10);
    }

    #[test]
    fn heads_of_any_number_of_lines_are_parsed() {
        for count in [0, 1, 31, 32, 33, 62, 63, 64, 65, 500] {
            let text = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(count));
            assert_eq!(request(&text).unwrap().fields.iter().count(), count);
            let text = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(count));
            assert_eq!(response(&text).unwrap().fields.iter().count(), count);
        }
    }

    #[test]
    fn what_breaks_the_grammar_of_a_request_is_irregular() {
        for text in [
            "GET /\r\n\r\n",
            "GET\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1 \r\n\r\n",
            "G@T / HTTP/1.1\r\n\r\n",
            "GET /a b HTTP/1.1\r\n\r\n",
            "GET /\t HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nA : b\r\n\r\n",
            "GET / HTTP/1.1\r\n A: b\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\0\r\n\r\n",
            "GET / HTTP/1.1\r\n: b\r\n\r\n",
            "GET / HTTP/1.1\r\nA\r\n\r\n",
            "GET / HTTP/1.1\r\nA(: b\r\n\r\n",
            "GET / HTTP/1.1\r\nA: \x01\r\n\r\n",
            "GET / HTTP/1.1\r\r\n\r\n",
            "GET /\0 HTTP/1.1\r\n\r\n",
            " GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.2\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET / http/1.1\r\n\r\n",
        ] {
            assert_eq!(request(text), Err(Irregular), "{text:?}");
        }
    }

    #[test]
    fn a_response_keeps_status_reason_and_fields() {
        let got = response("HTTP/1.0 404 Not Here\r\nA: b\r\n\r\nbody").unwrap();
        assert_eq!((got.version, got.status, got.reason), (Version::Http10, 404, &b"Not Here"[..]));
        assert_eq!(response("HTTP/1.1 200\r\n\r\n").unwrap().reason, b"");
        assert_eq!(response("HTTP/1.1 999 X\r\n\r\n").unwrap().status, 999);
        assert_eq!(response("HTTP/1.1 100 X\r\n\r\n").unwrap().status, 100);
    }

    #[test]
    fn what_breaks_the_grammar_of_a_response_is_bad() {
        assert_eq!(response("HTTP/1.1 099 X\r\n\r\n"), Err(BadResponse::BadStatus));
        assert_eq!(response("HTTP/2.0 200 X\r\n\r\n"), Err(BadResponse::BadVersion));
        for text in [
            "HTTP/1.1 20 X\r\n\r\n",
            "HTTP/1.1 2000 X\r\n\r\n",
            "HTTP/1.1 200 X\r\nA : b\r\n\r\n",
            "HTTP/1.1 200 X\r\nA: b\r\n c\r\n\r\n",
            "HTTP/1.1 200 X\r\nA: \0\r\n\r\n",
        ] {
            assert_eq!(response(text), Err(BadResponse::Malformed), "{text:?}");
        }
        assert!(response("nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn a_response_is_framed_by_its_fields() {
        assert_eq!(framing(200, "Content-Length: 5\r\n", false), Ok(Framing::Length(5)));
        assert_eq!(framing(200, "Content-Length: 5\r\nContent-Length: 5\r\n", false), Ok(Framing::Length(5)));
        assert_eq!(framing(200, "Transfer-Encoding: Chunked\r\n", false), Ok(Framing::Chunked));
        assert_eq!(framing(200, "Transfer-Encoding: identity\r\n", false), Ok(Framing::UntilClose));
        assert_eq!(framing(200, "", false), Ok(Framing::UntilClose));
    }

    #[test]
    fn answers_without_a_body_have_none_whatever_they_say() {
        for status in [100, 101, 199, 204, 304] {
            assert_eq!(framing(status, "Content-Length: 5\r\n", false), Ok(Framing::None), "{status}");
        }
        assert_eq!(framing(200, "Content-Length: 5\r\n", true), Ok(Framing::None));
        assert_eq!(framing(200, "Transfer-Encoding: chunked\r\n", true), Ok(Framing::None));
        assert_eq!(framing(205, "Content-Length: 5\r\n", false), Ok(Framing::Length(5)));
    }

    #[test]
    fn a_response_with_two_readings_is_bad() {
        assert_eq!(
            framing(200, "Content-Length: 5\r\nContent-Length: 6\r\n", false),
            Err(BadResponse::ConflictingLength)
        );
        assert_eq!(
            framing(200, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", false),
            Err(BadResponse::ConflictingLength)
        );
        assert_eq!(
            framing(304, "Content-Length: 5\r\nContent-Length: 6\r\n", false),
            Err(BadResponse::ConflictingLength)
        );
        for value in ["", "+5", "5, 5", "0x5", "5 5", "-1", "18446744073709551616"] {
            assert_eq!(
                framing(200, &format!("Content-Length: {value}\r\n"), false),
                Err(BadResponse::BadContentLength),
                "{value}"
            );
        }
        assert_eq!(framing(200, "Content-Length: 18446744073709551615\r\n", false), Ok(Framing::Length(u64::MAX)));
        for fields in [
            "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: \r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert_eq!(framing(200, fields, false), Err(BadResponse::BadTransferEncoding), "{fields}");
        }
        let old = response("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        assert_eq!(response_framing(&old, false), Err(BadResponse::BadTransferEncoding));
    }
}
