//! Answers that the balancer makes itself: errors, redirects, fixed responses. Byte for byte as `wire.md` 2.1 has them;
//! where it is silent, the shape of the nearest one that it has.
//!
//! The order of the fields is `Server`, `Date`, `Content-Type`, `Content-Length`, `Connection`, `Location` (W1).
//! The status line always says `HTTP/1.1`, the version of the one who answers (RFC 9110 section 6.2), also to a client
//! that speaks 1.0. A 405 has no `Allow`, unlike RFC 9110 section 15.5.6 wants, since the load balancer that we
//! behave as sends none; only TRACE is refused so, and never depends on the resource.

use super::date::HttpDate;

/// What to answer. Borrows what comes from configuration or from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    status: u16,
    reason: &'a str,
    body: Body<'a>,
    location: Option<&'a [u8]>,
    cause: Option<&'static str>,
}

/// What an answer is written with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The `Server` field's value; [`SERVER`] by default.
    pub server: &'a str,
    /// Now.
    pub date: &'a HttpDate,
    /// Whether `Connection` says `keep-alive` or `close`.
    pub keep_alive: bool,
    /// The request was HEAD: the fields are those of the body, which is not sent.
    pub head_only: bool,
}

/// The field that names the cause of an error, where the operator wants that; no other load balancer sends it.
pub const CAUSE_FIELD: &str = "X-Sluicegate-Cause";

/// What the load balancer calls itself unless configured otherwise.
pub const SERVER: &str = "awselb/2.0";

/// What a fixed response is whose configuration names no content type.
pub const FIXED_CONTENT_TYPE_DEFAULT: &str = "text/plain";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body<'a> {
    /// The HTML page that shows status and reason.
    Page,
    /// Nothing, and it says so.
    Nothing,
    /// Nothing; what gRPC clients look at is in the fields (`wire.md` W8).
    Grpc,
    /// Configured.
    Text { content_type: &'a str, text: &'a str },
}

impl<'a> Answer<'a> {
    /// An error, or the outcome of an abnormal end: a page with the status and its reason.
    pub fn error(status: u16) -> Answer<'static> {
        // Clients that saw a 464 saw neither a type nor a page.
        let body = if status == 464 { Body::Nothing } else { Body::Page };
        Answer { status, reason: error_reason(status), body, location: None, cause: None }
    }

    /// An error for a client that speaks gRPC. That a target could not be reached or did not answer (502, 503 and 504) it
    /// is told as a status of gRPC's, 14, on which clients may try again (`wire.md` W8).
    pub fn grpc_error(status: u16) -> Answer<'static> {
        match status {
            502..=504 => Answer { body: Body::Grpc, ..Answer::error(status) },
            _ => Answer::error(status),
        }
    }

    /// A redirect, 301 or 302. Bytes that no URL has are left out of `location`;
    /// [`crate::rules::Redirect::location`] writes none.
    pub fn redirect(status: u16, location: &'a [u8]) -> Answer<'a> {
        Answer { status, reason: standard_reason(status), body: Body::Page, location: Some(location), cause: None }
    }

    /// A fixed response (guide ACT-01). Without a content type it is [`FIXED_CONTENT_TYPE_DEFAULT`].
    pub fn fixed(status: u16, content_type: Option<&'a str>, body: &'a str) -> Answer<'a> {
        let content_type = content_type.unwrap_or(FIXED_CONTENT_TYPE_DEFAULT);
        let body = Body::Text { content_type, text: body };
        Answer { status, reason: standard_reason(status), body, location: None, cause: None }
    }

    /// The same answer, which names why it is given in a field of ours, [`CAUSE_FIELD`].
    #[must_use]
    pub fn because(self, cause: Option<&'static str>) -> Answer<'a> {
        Answer { cause, ..self }
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Appends the whole answer.
    pub fn write(&self, out: &mut Vec<u8>, context: &Context<'_>) {
        out.extend_from_slice(b"HTTP/1.1 ");
        put_status(out, self.status);
        // The space belongs to the status line even if there is no reason (RFC 9112 section 4).
        out.push(b' ');
        out.extend_from_slice(self.reason.as_bytes());
        put_field(out, "Server", context.server.as_bytes());
        put_field(out, "Date", context.date);
        if !self.is_bodiless() {
            self.put_content_fields(out);
        }
        put_field(out, "Connection", if context.keep_alive { b"keep-alive" } else { b"close" });
        if let Some(location) = self.location {
            put_field(out, "Location", location);
        }
        if self.body == Body::Grpc {
            put_field(out, "grpc-status", b"14");
            put_field(out, "grpc-message", b"unavailable");
        }
        if let Some(cause) = self.cause {
            put_field(out, CAUSE_FIELD, cause.as_bytes());
        }
        out.extend_from_slice(b"\r\n\r\n");
        if !self.is_bodiless() && !context.head_only {
            self.put_body(out);
        }
    }

    /// RFC 9110: these have no content (sections 15.3.5 and 15.4.5), and the first of them no length either.
    fn is_bodiless(&self) -> bool {
        matches!(self.status, 204 | 304)
    }

    fn put_content_fields(&self, out: &mut Vec<u8>) {
        let (content_type, len) = match self.body {
            Body::Page => (Some("text/html"), self.page_len()),
            Body::Nothing | Body::Grpc => (None, 0),
            Body::Text { .. } if self.status == 205 => (Some(FIXED_CONTENT_TYPE_DEFAULT), 0),
            Body::Text { content_type, text } => (Some(content_type), text.len()),
        };
        if let Some(content_type) = content_type {
            put_field(out, "Content-Type", content_type.as_bytes());
        }
        put_field(out, "Content-Length", itoa::Buffer::new().format(len).as_bytes());
    }

    fn put_body(&self, out: &mut Vec<u8>) {
        match self.body {
            Body::Page => {
                out.extend_from_slice(PAGE[0]);
                self.put_title(out);
                out.extend_from_slice(PAGE[1]);
                self.put_title(out);
                out.extend_from_slice(PAGE[2]);
            }
            // RFC 9110 section 15.3.6: a 205 has no content, and says so by its length.
            Body::Text { .. } if self.status == 205 => {}
            Body::Nothing | Body::Grpc => {}
            Body::Text { text, .. } => out.extend_from_slice(text.as_bytes()),
        }
    }

    fn page_len(&self) -> usize {
        PAGE.iter().map(|piece| piece.len()).sum::<usize>() + 2 * self.title_len()
    }

    /// `404 Not Found`, or only `463`.
    fn put_title(&self, out: &mut Vec<u8>) {
        put_status(out, self.status);
        if !self.reason.is_empty() {
            out.push(b' ');
            out.extend_from_slice(self.reason.as_bytes());
        }
    }

    fn title_len(&self) -> usize {
        if self.reason.is_empty() { 3 } else { 4 + self.reason.len() }
    }
}

/// The page around its two titles (`wire.md` W2).
const PAGE: [&[u8]; 3] = [
    b"<html>\r\n<head><title>",
    b"</title></head>\r\n<body>\r\n<center><h1>",
    b"</h1></center>\r\n</body>\r\n</html>\r\n",
];

/// Three digits.
fn put_status(out: &mut Vec<u8>, status: u16) {
    let digit = |number: u16| b'0' + (number % 10) as u8;
    out.extend([digit(status / 100), digit(status / 10), digit(status)]);
}

/// The end of the line before, and a field. Control bytes are left out of the value, whoever made it.
fn put_field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    if value.iter().any(u8::is_ascii_control) {
        out.extend(value.iter().filter(|byte| !byte.is_ascii_control()));
    } else {
        out.extend_from_slice(value);
    }
}

/// The reasons of errors, which differ from the standard's in places (`wire.md` W3). 460, 463, 464 and 561 have none (W9).
fn error_reason(status: u16) -> &'static str {
    match status {
        405 => "Not Allowed",
        408 => "Request Time-out",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        other => standard_reason(other),
    }
}

/// The reason phrases of RFC 9110 section 15, and of the registered codes beyond; empty for others.
fn standard_reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::date::http_date;
    use crate::time::Wall;

    const HEAD: &str = "Server: awselb/2.0\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

    fn written(answer: &Answer<'_>, keep_alive: bool, head_only: bool) -> String {
        let date = http_date(Wall::from_micros(784_111_777_000_000));
        let mut out = b"before ".to_vec();
        answer.write(&mut out, &Context { server: SERVER, date: &date, keep_alive, head_only });
        String::from_utf8(out).unwrap().strip_prefix("before ").unwrap().to_owned()
    }

    fn body_len(status: u16) -> usize {
        let text = written(&Answer::error(status), false, false);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        body.len()
    }

    #[test]
    fn an_error_has_the_bytes_of_the_captures() {
        assert_eq!(
            written(&Answer::error(503), false, false),
            format!(
                "HTTP/1.1 503 Service Temporarily Unavailable\r\n{HEAD}Content-Type: text/html\r\nContent-Length: 162\r\n\
                 Connection: close\r\n\r\n\
                 <html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n\
                 <center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n"
            )
        );
    }

    #[test]
    fn bodies_have_the_lengths_of_the_captures() {
        let lengths = [(400, 122), (403, 118), (408, 132), (500, 142), (501, 130), (502, 122), (503, 162), (504, 132)];
        for (status, len) in lengths {
            assert_eq!(body_len(status), len, "{status}");
        }
    }

    #[test]
    fn statuses_of_the_load_balancer_alone_have_no_reason() {
        for status in [460, 463, 561] {
            let text = written(&Answer::error(status), true, false);
            assert!(text.starts_with(&format!("HTTP/1.1 {status} \r\nServer")), "{text}");
            assert!(text.contains(&format!("<h1>{status}</h1>")));
            assert_eq!(body_len(status), 98);
        }
    }

    #[test]
    fn a_464_has_neither_a_reason_nor_a_page() {
        let expected = format!("HTTP/1.1 464 \r\n{HEAD}Content-Length: 0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(written(&Answer::error(464), true, false), expected);
        assert_eq!(written(&Answer::error(464), true, true), expected);
    }

    #[test]
    fn a_grpc_client_is_told_in_fields_that_its_target_is_unavailable() {
        for (status, reason) in
            [(502, "Bad Gateway"), (503, "Service Temporarily Unavailable"), (504, "Gateway Time-out")]
        {
            let expected = format!(
                "HTTP/1.1 {status} {reason}\r\n{HEAD}Content-Length: 0\r\nConnection: keep-alive\r\n\
                 grpc-status: 14\r\ngrpc-message: unavailable\r\n\r\n"
            );
            assert_eq!(written(&Answer::grpc_error(status), true, false), expected);
        }
        for status in [400, 460, 464, 500, 501, 505] {
            assert_eq!(Answer::grpc_error(status), Answer::error(status));
        }
    }

    #[test]
    fn every_error_status_of_the_guide_has_its_reason() {
        let reasons = [
            (400, "Bad Request"),
            (401, "Unauthorized"),
            (403, "Forbidden"),
            (405, "Not Allowed"),
            (408, "Request Time-out"),
            (413, "Request Entity Too Large"),
            (414, "Request-URI Too Large"),
            (500, "Internal Server Error"),
            (501, "Not Implemented"),
            (502, "Bad Gateway"),
            (503, "Service Temporarily Unavailable"),
            (504, "Gateway Time-out"),
            (505, "HTTP Version Not Supported"),
            (507, "Insufficient Storage"),
        ];
        for (status, reason) in reasons {
            let text = written(&Answer::error(status), false, false);
            assert!(text.starts_with(&format!("HTTP/1.1 {status} {reason}\r\n")), "{text}");
        }
    }

    #[test]
    fn a_refused_method_is_answered_without_allow() {
        assert!(!written(&Answer::error(405), true, false).contains("Allow:"));
    }

    #[test]
    fn a_redirect_has_its_location_last_and_a_page() {
        let answer = Answer::redirect(301, b"https://example.com:443/");
        let text = written(&answer, true, false);
        assert!(text.starts_with(&format!(
            "HTTP/1.1 301 Moved Permanently\r\n{HEAD}Content-Type: text/html\r\nContent-Length: 134\r\n\
             Connection: keep-alive\r\nLocation: https://example.com:443/\r\n\r\n<html>\r\n"
        )));
        assert_eq!(text.split_once("\r\n\r\n").unwrap().1.len(), 134);
        assert!(written(&Answer::redirect(302, b"x"), true, false).contains("\r\nContent-Length: 110\r\n"));
    }

    #[test]
    fn no_value_can_end_its_line() {
        let text = written(&Answer::redirect(302, b"http://a/\r\nSet-Cookie: b\0"), true, false);
        assert!(text.contains("\r\nLocation: http://a/Set-Cookie: b\r\n\r\n"));
    }

    #[test]
    fn a_fixed_response_has_its_type_its_body_and_the_standard_reason() {
        let response = Answer::fixed(503, Some("application/json"), "{}");
        assert_eq!(
            written(&response, true, false),
            format!(
                "HTTP/1.1 503 Service Unavailable\r\n{HEAD}Content-Type: application/json\r\nContent-Length: 2\r\n\
                 Connection: keep-alive\r\n\r\n{{}}"
            )
        );
        assert!(written(&Answer::fixed(299, None, ""), true, false).starts_with("HTTP/1.1 299 \r\n"));
    }

    #[test]
    fn a_fixed_response_without_a_type_is_plain_text() {
        let text = written(&Answer::fixed(200, None, "hello"), true, false);
        assert!(text.contains("\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"));
    }

    #[test]
    fn head_gets_the_fields_of_the_body_but_not_the_body() {
        let text = written(&Answer::error(502), true, true);
        assert!(text.contains("\r\nContent-Length: 122\r\n"));
        assert!(text.ends_with("\r\nConnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn no_content_means_no_body_and_no_length() {
        let text = written(&Answer::fixed(204, Some("text/plain"), "x"), true, false);
        assert_eq!(text, format!("HTTP/1.1 204 No Content\r\n{HEAD}Connection: keep-alive\r\n\r\n"));
        let reset = written(&Answer::fixed(205, None, "x"), true, false);
        assert!(reset.contains("Content-Length: 0\r\n") && reset.ends_with("\r\n\r\n"));
    }
}
