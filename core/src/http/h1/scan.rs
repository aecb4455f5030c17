//! Finds the end of a head in bytes that arrive in pieces, and measures its lines against their limits. What the
//! lines say is for [`super::head`].

use memchr::memchr;

use crate::http::{BadResponse, Refusal};

/// The limits of a head, in bytes. What is exactly at its limit passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The request or status line, without its CRLF.
    pub first_line: usize,
    /// Each field line (name, colon, blanks and value), without its CRLF.
    pub field_line: usize,
    /// The whole head, with every CRLF, the final empty line, and an empty line before it.
    pub head: usize,
}

/// What clients may send (guide QUO-08).
pub const REQUEST_LIMITS: Limits = Limits { first_line: 16 * 1024, field_line: 16 * 1024, head: 64 * 1024 };

/// What targets may send (guide QUO-08): only the whole has a limit.
pub const RESPONSE_LIMITS: Limits = Limits { first_line: 32 * 1024, field_line: 32 * 1024, head: 32 * 1024 };

/// The most fields that a head may have. What is made of each takes more memory than the shortest line, of four bytes:
/// a head of nothing else must not cost megabytes. No sender of good faith comes near it.
pub const FIELDS_MAX: usize = 1000;

/// What a TLS connection begins with (RFC 8446 section 5.1), and no request: methods are tokens.
const TLS_HANDSHAKE: [u8; 2] = [22, 3];

/// Finds the end of a head in bytes that arrive in pieces; looks at each byte about once, however small the pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanner {
    side: Side,
    /// Bytes looked at; no line ends in them after `line`.
    seen: u32,
    /// Where the line begins that is not complete.
    line: u32,
    /// Complete lines, without an empty one before the first.
    lines: u32,
    regular: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

/// What a [`Scanner`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The head is not complete.
    More,
    /// The first `len` bytes are a head.
    Head {
        /// Bytes, with the final empty line and with empty lines before the head if there are any.
        len: usize,
        /// Every line ends in CRLF, and at most one empty line came before. What else is wrong is not looked at.
        regular: bool,
    },
}

impl Scanner {
    /// For a request head.
    pub const fn request() -> Self {
        Scanner { side: Side::Request, seen: 0, line: 0, lines: 0, regular: true }
    }

    /// For a response head.
    pub const fn response() -> Self {
        Scanner { side: Side::Response, seen: 0, line: 0, lines: 0, regular: true }
    }

    /// Looks at what has arrived since the last call. `bytes` always starts where the head does and only grows
    /// between calls; what follows the head is not looked at. After [`Scan::Head`] or an error, begin anew.
    ///
    /// A limit is noticed as soon as it cannot be kept any more, with or without a line's end. Empty lines before a
    /// request line are passed over, and a line may end in LF alone (RFC 9112 section 2.2); but then, and after more than
    /// one empty line, the head is not `regular`. Of a response both are refused.
    ///
    /// A client that speaks TLS is refused at its first bytes: what it says has no lines, and it waits for an answer.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Scan, Refusal> {
        if self.seen < 2 && bytes.starts_with(&TLS_HANDSHAKE) {
            return Err(Refusal::SpeaksTls);
        }
        self.advance(bytes).map_err(|fault| match fault {
            Fault::FirstLine => long_request_line(bytes.get(self.line as usize..).unwrap_or_default()),
            Fault::FieldLine => Refusal::FieldTooLarge,
            Fault::Fields => Refusal::TooManyFields,
            // The first two are faults of responses only.
            Fault::BareLineFeed | Fault::BlankLines | Fault::Head => Refusal::HeadTooLarge,
        })
    }

    /// [`Scanner::scan`] for the head of a response.
    pub fn scan_response(&mut self, bytes: &[u8]) -> Result<Scan, BadResponse> {
        self.advance(bytes).map_err(|fault| match fault {
            Fault::BareLineFeed => BadResponse::BareLineFeed,
            Fault::BlankLines => BadResponse::LeadingBlankLines,
            Fault::Fields => BadResponse::TooManyFields,
            Fault::FirstLine | Fault::FieldLine | Fault::Head => BadResponse::HeadTooLarge,
        })
    }

    fn limits(&self) -> &'static Limits {
        match self.side {
            Side::Request => &REQUEST_LIMITS,
            Side::Response => &RESPONSE_LIMITS,
        }
    }

    fn advance(&mut self, bytes: &[u8]) -> Result<Scan, Fault> {
        // No head is longer than its limit, so nothing beyond is ever looked at and every position fits 32 bits.
        let bytes = bytes.get(..self.limits().head).unwrap_or(bytes);
        if self.seen == 0 && is_plain_head(bytes) {
            return Ok(Scan::Head { len: bytes.len(), regular: true });
        }
        while let Some(at) = bytes.get(self.seen as usize..).and_then(|new| memchr(b'\n', new)) {
            let end = self.seen as usize + at;
            let empty = self.complete_line(bytes, end)?;
            self.seen = end as u32 + 1;
            self.line = self.seen;
            if empty && self.lines > 0 {
                return Ok(Scan::Head { len: self.seen as usize, regular: self.regular });
            }
            self.lines += u32::from(!empty);
        }
        self.seen = bytes.len() as u32;
        self.check_line(unfinished(bytes.get(self.line as usize..).unwrap_or_default()))?;
        if bytes.len() < self.limits().head { Ok(Scan::More) } else { Err(Fault::Head) }
    }

    /// Whether the line that ends with the LF at `end` is empty.
    #[inline]
    fn complete_line(&mut self, bytes: &[u8], end: usize) -> Result<bool, Fault> {
        let line = bytes.get(self.line as usize..end).unwrap_or_default();
        let line = match line.split_last() {
            Some((b'\r', line)) => line,
            _ => self.without_carriage_return(line)?,
        };
        if line.is_empty() && self.lines == 0 {
            return self.blank_before_head();
        }
        self.check_line(line.len())?;
        if self.lines as usize >= LINES_MAX && !line.is_empty() { Err(Fault::Fields) } else { Ok(line.is_empty()) }
    }

    fn without_carriage_return<'l>(&mut self, line: &'l [u8]) -> Result<&'l [u8], Fault> {
        self.regular = false;
        if self.side == Side::Request { Ok(line) } else { Err(Fault::BareLineFeed) }
    }

    fn blank_before_head(&mut self) -> Result<bool, Fault> {
        self.regular &= self.line == 0;
        if self.side == Side::Request { Ok(true) } else { Err(Fault::BlankLines) }
    }

    #[inline]
    fn check_line(&self, len: usize) -> Result<(), Fault> {
        match self.lines {
            0 if len > self.limits().first_line => Err(Fault::FirstLine),
            1.. if len > self.limits().field_line => Err(Fault::FieldLine),
            _ => Ok(()),
        }
    }
}

/// Heads up to so many bytes have neither a line that is too long nor, of three bytes at least each, too many lines.
const PLAIN_MAX: usize = 3 * LINES_MAX;

/// How many bytes are looked at in one go.
const STRIDE: usize = 32;

/// Whether `bytes` are one head from end to end, and too few to break any limit. That is what usually arrives, and it is
/// seen in one pass of wide steps, without a look at each line: every LF ends a line with CR, and none but the last an
/// empty one.
fn is_plain_head(bytes: &[u8]) -> bool {
    let [first, second, .., b'\r', b'\n', b'\r', b'\n'] = bytes else { return false };
    let ends_with_lines = *first != b'\n' && *second != b'\n' && bytes.len() <= PLAIN_MAX;
    let inner = bytes.get(..bytes.len() - 2).unwrap_or_default();
    ends_with_lines && line_feeds_end_lines(inner)
}

/// Whether every LF from the third byte on has a CR before it, and no LF before that.
fn line_feeds_end_lines(bytes: &[u8]) -> bool {
    let mut odd = false;
    let mut at = 0;
    while let Some(window) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        odd |= has_odd_line_feed::<{ STRIDE + 2 }>(window);
        at += STRIDE;
    }
    // The last window may overlap the one before.
    !odd && match bytes.last_chunk() {
        Some(window) => !has_odd_line_feed::<{ STRIDE + 2 }>(window),
        None => bytes.windows(3).all(|window| !is_odd(window[0], window[1], window[2])),
    }
}

/// Without a way out of the loop, and of a fixed length, so that it is one of vectors.
fn has_odd_line_feed<const N: usize>(window: &[u8; N]) -> bool {
    (2..N).fold(false, |odd, at| odd | is_odd(window[at - 2], window[at - 1], window[at]))
}

fn is_odd(before_that: u8, before: u8, byte: u8) -> bool {
    (byte == b'\n') & ((before != b'\r') | (before_that == b'\n'))
}

#[derive(Clone, Copy)]
enum Fault {
    BareLineFeed,
    BlankLines,
    FirstLine,
    FieldLine,
    Fields,
    Head,
}

/// [`FIELDS_MAX`] and the request or status line.
const LINES_MAX: usize = FIELDS_MAX + 1;

/// The length of a line whose LF has not arrived: a CR at its end may be that of its CRLF.
fn unfinished(line: &[u8]) -> usize {
    line.strip_suffix(b"\r").unwrap_or(line).len()
}

/// Which part makes a request line too long: the longest one is blamed.
fn long_request_line(bytes: &[u8]) -> Refusal {
    let line = bytes.get(..REQUEST_LIMITS.first_line + 1).unwrap_or(bytes);
    let mut parts = line.splitn(3, |&byte| byte == b' ').map(<[u8]>::len);
    let (method, target, version) = (parts.next(), parts.next(), parts.next());
    if target > method.max(version) { Refusal::UriTooLong } else { Refusal::RequestLineTooLong }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    fn whole(bytes: &[u8]) -> Result<Scan, Refusal> {
        Scanner::request().scan(bytes)
    }

    fn byte_by_byte(bytes: &[u8]) -> Result<Scan, Refusal> {
        let mut scanner = Scanner::request();
        for end in 0..=bytes.len() {
            match scanner.scan(&bytes[..end]) {
                Ok(Scan::More) => {}
                found => return found,
            }
        }
        Ok(Scan::More)
    }

    fn both(text: &str) -> Result<Scan, Refusal> {
        let (whole, single) = (whole(text.as_bytes()), byte_by_byte(text.as_bytes()));
        assert_eq!(whole, single);
        whole
    }

    fn line_of(len: usize) -> String {
        format!("GET /{} HTTP/1.1", "a".repeat(len - 14))
    }

    fn head(len: usize) -> Result<Scan, Refusal> {
        Ok(Scan::Head { len, regular: true })
    }

    #[test]
    fn a_head_ends_at_the_first_empty_line_and_the_rest_is_left_over() {
        assert_eq!(both(GET), head(27));
        assert_eq!(both(&format!("{GET}{GET}")), head(27));
        assert_eq!(both(&format!("{GET}\n\n\0")), head(27));
        assert_eq!(both(&GET[..26]), Ok(Scan::More));
        assert_eq!(both(""), Ok(Scan::More));
        assert_eq!(both("GET / HTTP/1.0\r\n\r\n"), head(18));
    }

    #[test]
    fn empty_lines_before_a_request_are_passed_over_and_more_than_one_is_not_regular() {
        assert_eq!(both(&format!("\r\n{GET}")), head(29));
        assert_eq!(both(&format!("\r\n\r\n{GET}")), Ok(Scan::Head { len: 31, regular: false }));
        assert_eq!(both(&format!("\n{GET}")), Ok(Scan::Head { len: 28, regular: false }));
        assert_eq!(
            Scanner::response().scan_response(b"\r\nHTTP/1.1 200 OK\r\n\r\n"),
            Err(BadResponse::LeadingBlankLines)
        );
        assert_eq!(both(&"\r\n".repeat(32 * 1024)), Err(Refusal::HeadTooLarge));
        assert_eq!(both(&"\r\n".repeat(32 * 1024 - 1)), Ok(Scan::More));
    }

    #[test]
    fn lines_may_end_in_lf_alone_but_are_then_not_regular() {
        for (text, len) in [
            ("GET / HTTP/1.1\nHost: a\n\nx", 24),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", 26),
            ("GET / HTTP/1.1\r\nHost: a\r\n\nX: y\r\n\r\n", 26),
        ] {
            assert_eq!(both(text), Ok(Scan::Head { len, regular: false }), "{text:?}");
        }
        assert_eq!(both("GET / HTTP/1.1\n"), Ok(Scan::More));
        assert_eq!(Scanner::response().scan_response(b"HTTP/1.1 200 OK\n"), Err(BadResponse::BareLineFeed));
    }

    #[test]
    fn a_request_line_at_its_limit_passes_and_one_byte_more_is_414() {
        let at = format!("{}\r\nHost: a\r\n\r\n", line_of(16 * 1024));
        assert_eq!(both(&at), head(at.len()));
        assert_eq!(both(&format!("{}\r\n", line_of(16 * 1024 + 1))), Err(Refusal::UriTooLong));
        assert_eq!(both(&line_of(16 * 1024 + 1)), Err(Refusal::UriTooLong));
        assert_eq!(both(&line_of(16 * 1024)), Ok(Scan::More));
        assert_eq!(both(&format!("{}\r", line_of(16 * 1024))), Ok(Scan::More));
        assert_eq!(Refusal::UriTooLong.status(), 414);
    }

    #[test]
    fn a_request_line_that_is_too_long_for_another_reason_is_400() {
        let long = "a".repeat(16 * 1024);
        for line in [format!("{long} / HTTP/1.1\r\n"), format!("GET / HTTP/1.1{long}"), long + "a"] {
            assert_eq!(both(&line), Err(Refusal::RequestLineTooLong));
        }
        assert_eq!(Refusal::RequestLineTooLong.status(), 400);
    }

    #[test]
    fn a_field_line_at_its_limit_passes_and_one_byte_more_is_400() {
        let start = "GET / HTTP/1.1\r\nX: ";
        let at = format!("{start}{}\r\n\r\n", "x".repeat(16 * 1024 - 3));
        assert_eq!(both(&at), head(at.len()));
        assert_eq!(both(&format!("{start}{}", "x".repeat(16 * 1024 - 2))), Err(Refusal::FieldTooLarge));
        assert_eq!(both(&format!("{start}{}\r\n", "x".repeat(16 * 1024 - 2))), Err(Refusal::FieldTooLarge));
        assert_eq!(Refusal::FieldTooLarge.status(), 400);
    }

    fn head_of(len: usize) -> String {
        let mut head = String::from("GET / HTTP/1.1\r\n");
        while head.len() + 2 + 10_000 < len {
            head += &format!("X: {}\r\n", "x".repeat(8000));
        }
        let left = len - head.len() - 2;
        head += &format!("X: {}\r\n\r\n", "x".repeat(left - 5));
        head
    }

    #[test]
    fn a_head_at_its_limit_passes_and_one_byte_more_is_400() {
        let at = head_of(64 * 1024);
        assert_eq!(at.len(), 64 * 1024);
        assert!(matches!(both(&at), Ok(Scan::Head { len: 65536, .. })));
        assert_eq!(both(&at[..at.len() - 1]), Ok(Scan::More));
        let over = head_of(64 * 1024 + 1);
        assert_eq!(both(&over), Err(Refusal::HeadTooLarge));
        // The last byte within the limit is already proof, so a buffer of that size never fills up in silence.
        assert_eq!(both(&over[..64 * 1024]), Err(Refusal::HeadTooLarge));
        assert_eq!(Refusal::HeadTooLarge.status(), 400);
    }

    #[test]
    fn a_response_head_at_its_limit_passes_and_one_byte_more_is_bad() {
        let of = |len: usize| format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(len - 24));
        let at = of(32 * 1024);
        assert_eq!(Scanner::response().scan_response(at.as_bytes()).ok(), head(32768).ok());
        assert_eq!(Scanner::response().scan_response(of(32 * 1024 + 1).as_bytes()), Err(BadResponse::HeadTooLarge));
        assert_eq!(Scanner::response().scan_response(&at.as_bytes()[..32767]), Ok(Scan::More));
    }

    #[test]
    fn a_head_may_have_a_thousand_fields_and_one_more_is_too_many() {
        let fields = |count: usize| format!("X:{}\r\n", count % 10).repeat(count);
        let request = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", fields(count));
        assert!(matches!(both(&request(FIELDS_MAX)), Ok(Scan::Head { .. })));
        assert!(matches!(whole((request(FIELDS_MAX) + "body").as_bytes()), Ok(Scan::Head { .. })));
        assert_eq!(both(&request(FIELDS_MAX + 1)), Err(Refusal::TooManyFields));
        assert_eq!(whole((request(FIELDS_MAX + 1) + "body").as_bytes()), Err(Refusal::TooManyFields));
        assert_eq!(Refusal::TooManyFields.status(), 400);
        let response = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", fields(count));
        let scan = |head: String| Scanner::response().scan_response(head.as_bytes());
        assert!(matches!(scan(response(FIELDS_MAX)), Ok(Scan::Head { .. })));
        assert_eq!(scan(response(FIELDS_MAX + 1)), Err(BadResponse::TooManyFields));
    }

    #[test]
    fn a_client_that_speaks_tls_is_refused_at_its_first_bytes() {
        let mut scanner = Scanner::request();
        assert_eq!(scanner.scan(&[22]), Ok(Scan::More));
        assert_eq!(scanner.scan(&[22, 3]), Err(Refusal::SpeaksTls));
        assert_eq!(both("\u{16}\u{3}\u{1}"), Err(Refusal::SpeaksTls));
        assert_eq!(Refusal::SpeaksTls.status(), 400);
        for other in ["\u{15}\u{3}", "\u{16}E", "\u{17}\u{3}", "G\u{16}", ""] {
            assert_eq!(both(other), Ok(Scan::More), "{other:?}");
        }
        assert_eq!(Scanner::response().scan_response(&[22]), Ok(Scan::More));
    }

    #[test]
    fn bytes_after_a_complete_head_do_not_count_against_its_limit() {
        let text = format!("{GET}{}", "b".repeat(100_000));
        assert_eq!(whole(text.as_bytes()), head(27));
    }
}
