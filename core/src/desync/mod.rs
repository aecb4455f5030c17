//! The door to targets. A request gets through it as [`Cleared`], which is what an encoder towards a target takes, or
//! is refused: an unchecked request cannot be forwarded.
//!
//! For now it opens for the safe subset alone: requests that have one reading, whoever reads them. Telling the
//! tolerable ones among the others apart, by mitigation mode, is not done yet; they are refused.

mod coding;
mod notes;

use crate::http::target::{Target, host_and_port};
use crate::http::{Framing, Refusal, Request, Version};
use notes::Notes;

/// The most addresses that `X-Forwarded-For` may hold, over all its fields (guide HDR-07).
pub const FORWARDED_ADDRESSES_MAX: usize = 30;

/// The most options that `Connection` may list, over all its fields. A sender needs two or three; each is compared
/// with each field, so their number is bounded.
pub const CONNECTION_OPTIONS_MAX: usize = 32;

/// What the door needs to know of the load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clearing {
    /// `routing.http.preserve_host_header.enabled`: several Host fields are then let through (guide HOST-05).
    pub preserve_host: bool,
}

/// A head that may be forwarded. Only [`clear`] makes one, and it cannot be changed.
#[derive(Clone, Debug)]
pub struct Cleared<H: Head> {
    head: H,
    facts: H::Facts,
}

/// Heads that can be cleared: what is known of one once it is.
pub trait Head {
    /// Found out once, when it is cleared.
    type Facts: Clone + core::fmt::Debug;
}

impl<'a> Head for Request<'a> {
    type Facts = Facts<'a>;
}

/// What is known of a cleared request.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    target: Target<'a>,
    framing: Framing,
    /// Empty if the request names none.
    host: &'a [u8],
    /// The port beside that host.
    port: Option<&'a [u8]>,
    notes: Notes<'a>,
}

/// Lets a request through that has one reading, and refuses every other.
///
/// - `TRACE` is 405 (guide HDR-11), `CONNECT` is 400.
/// - The request target is in origin, absolute or asterisk form ([`Target::parse`]).
/// - HTTP/1.1 has a `Host`, nothing has two (but see [`Clearing::preserve_host`]), and each is valid; an empty one is
///   not. This holds beside an absolute target too (RFC 9112 section 3.2).
/// - There is at most one `Content-Length`, of digits, and none beside `Transfer-Encoding`.
/// - `Transfer-Encoding` is `chunked` alone, or `identity` alone, which is as good as absent; in HTTP/1.1 only. Other
///   well-formed codings are 501 (guide HDR-12), unless `chunked` stands before or twice among them.
/// - No name imitates `Content-Length` or `Transfer-Encoding`.
/// - `X-Forwarded-For` holds at most 30 addresses, or 463 (guide HDR-07).
pub fn clear<'a>(request: Request<'a>, clearing: &Clearing) -> Result<Cleared<Request<'a>>, Refusal> {
    if request.method == b"TRACE" {
        return Err(Refusal::TraceRefused);
    }
    let target = Target::parse(request.method, request.target)?;
    let notes = Notes::take(&request)?;
    let (host, port) = host_and_port_of(&request, &target, &notes, clearing)?;
    let framing = framing(&request, &notes)?;
    if notes.forwarded_addresses > FORWARDED_ADDRESSES_MAX {
        return Err(Refusal::TooManyForwardedAddresses);
    }
    Ok(Cleared { facts: Facts { target, framing, host, port, notes }, head: request })
}

impl<'a> Cleared<Request<'a>> {
    /// The head as it was parsed.
    pub fn request(&self) -> &Request<'a> {
        &self.head
    }

    /// Its target, taken apart.
    pub fn target(&self) -> &Target<'a> {
        &self.facts.target
    }

    /// How its body is framed: [`Framing::None`], [`Framing::Length`] (0 if the client said so) or
    /// [`Framing::Chunked`].
    pub fn framing(&self) -> Framing {
        self.facts.framing
    }

    /// The host name for rules, as sent, without a port: that of an absolute target, else of the first `Host`; empty
    /// if an HTTP/1.0 request has neither. An IPv6 address has its brackets.
    pub fn host(&self) -> &'a [u8] {
        self.facts.host
    }

    /// The port beside [`Cleared::host`], as sent.
    pub fn port(&self) -> Option<&'a [u8]> {
        self.facts.port
    }

    /// The first `Host` as sent, with its port.
    pub fn sent_host(&self) -> Option<&'a [u8]> {
        self.facts.notes.host
    }

    /// Whether the client's connection persists after this request (RFC 9112 section 9.3).
    pub fn keep_alive(&self) -> bool {
        let options = self.options();
        !options.close && (self.head.version == Version::Http11 || options.keep_alive)
    }

    /// Whether the client waits for `100 Continue`: only HTTP/1.1 can (RFC 9110 section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.facts.notes.expects_continue && self.head.version == Version::Http11
    }

    /// Whether the client asks for a WebSocket: `GET` in HTTP/1.1 without a body, `Connection` lists `upgrade`, and
    /// `Upgrade` is `websocket` alone (RFC 6455 section 4.1, guide CONN-13). Other upgrades are not asked for.
    pub fn upgrade(&self) -> bool {
        self.facts.notes.websocket
            && self.options().upgrade
            && self.head.method == b"GET"
            && self.head.version == Version::Http11
            && matches!(self.facts.framing, Framing::None | Framing::Length(0))
    }

    /// Whether the method is `HEAD`.
    pub fn is_head(&self) -> bool {
        self.head.method == b"HEAD"
    }

    /// The value of the first `X-Amzn-Trace-Id` that is not empty.
    pub fn trace(&self) -> Option<&'a [u8]> {
        self.facts.notes.trace
    }

    /// Whether `X-Forwarded-For` came with at least one address.
    pub fn was_forwarded(&self) -> bool {
        self.facts.notes.forwarded_addresses > 0
    }

    /// The bytes of all field lines, as `name: value` and CRLF.
    pub fn field_bytes(&self) -> usize {
        self.facts.notes.field_bytes
    }

    /// Whether `Connection` lists the names of fields, which then belong to this hop.
    pub fn lists_fields(&self) -> bool {
        self.options().others
    }

    fn options(&self) -> &notes::Options {
        &self.facts.notes.options
    }
}

fn host_and_port_of<'a>(
    request: &Request<'a>,
    target: &Target<'a>,
    notes: &Notes<'a>,
    clearing: &Clearing,
) -> Result<(&'a [u8], Option<&'a [u8]>), Refusal> {
    match notes.hosts {
        0 if request.version == Version::Http11 => return Err(Refusal::NoHost),
        2.. if !clearing.preserve_host => return Err(Refusal::SeveralHosts),
        2.. => {
            request.fields.all(b"host").try_for_each(|host| host_and_port(host).map(drop).ok_or(Refusal::BadHost))?
        }
        _ => {}
    }
    let sent = match notes.host {
        Some(value) => Some(host_and_port(value).ok_or(Refusal::BadHost)?),
        None => None,
    };
    let authority = target.authority.and_then(host_and_port);
    Ok(authority.or(sent).unwrap_or_default())
}

fn framing(request: &Request<'_>, notes: &Notes<'_>) -> Result<Framing, Refusal> {
    match (notes.codings, notes.lengths) {
        (0, 0) => Ok(Framing::None),
        (0, 1) => notes.length.map(Framing::Length).ok_or(Refusal::BadContentLength),
        (0, _) => Err(Refusal::ConflictingLength),
        _ if request.version == Version::Http10 => Err(Refusal::BadTransferEncoding),
        (_, 0) => coding::framing(request.fields.all(b"transfer-encoding")),
        _ => Err(Refusal::ConflictingLength),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::head::{Scan, Scanner, parse_request};

    fn cleared_by<'a>(text: &'a str, clearing: &Clearing) -> Result<Cleared<Request<'a>>, Refusal> {
        match Scanner::request().scan(text.as_bytes())? {
            Scan::Head { len, lines } => {
                clear(parse_request(&text.as_bytes()[..len], lines, Box::leak(Box::default()))?, clearing)
            }
            Scan::More => panic!("not a whole head: {text:?}"),
        }
    }

    fn cleared(text: &str) -> Cleared<Request<'_>> {
        cleared_by(text, &Clearing::default()).unwrap_or_else(|refusal| panic!("{text:?}: {refusal}"))
    }

    fn refused(text: &str) -> Refusal {
        cleared_by(text, &Clearing::default()).expect_err(text)
    }

    fn post(fields: &str) -> String {
        format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    }

    #[test]
    fn trace_is_405_and_connect_400() {
        assert_eq!(refused("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), Refusal::TraceRefused);
        assert_eq!(Refusal::TraceRefused.status(), 405);
        assert_eq!(refused("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"), Refusal::ConnectRefused);
        assert_eq!(Refusal::ConnectRefused.status(), 400);
        assert_eq!(cleared("trace / HTTP/1.1\r\nHost: a\r\n\r\n").request().method, b"trace");
    }

    #[test]
    fn http_1_1_needs_a_host_and_http_1_0_does_not() {
        assert_eq!(refused("GET / HTTP/1.1\r\n\r\n"), Refusal::NoHost);
        assert_eq!(refused("GET http://a/ HTTP/1.1\r\n\r\n"), Refusal::NoHost);
        assert_eq!(cleared("GET / HTTP/1.0\r\n\r\n").host(), b"");
        assert_eq!(cleared("GET http://a:1/ HTTP/1.0\r\n\r\n").host(), b"a");
    }

    #[test]
    fn the_host_for_rules_has_no_port_and_the_authority_wins() {
        assert_eq!(cleared("GET / HTTP/1.1\r\nHost: A.example:80\r\n\r\n").host(), b"A.example");
        assert_eq!(cleared("GET http://b:1/ HTTP/1.1\r\nHost: a\r\n\r\n").host(), b"b");
        assert_eq!(cleared("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").host(), b"[::1]");
    }

    #[test]
    fn a_bad_host_is_refused_even_beside_an_absolute_target() {
        for host in ["", "a b", "a,b", "a/b", "u@a", "a:x", "a\t", "é"] {
            for target in ["/", "http://b/"] {
                let text = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                if host == "a\t" {
                    assert_eq!(cleared(&text).request().fields.first(b"host"), Some(&b"a"[..]));
                } else {
                    assert_eq!(refused(&text), Refusal::BadHost, "{host:?}");
                }
            }
        }
    }

    #[test]
    fn several_hosts_pass_only_while_they_are_preserved() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nHost: b\r\n\r\n";
        assert_eq!(refused(text), Refusal::SeveralHosts);
        let preserve = Clearing { preserve_host: true };
        assert_eq!(cleared_by(text, &preserve).unwrap().host(), b"a");
        let bad = "GET / HTTP/1.1\r\nHost: a\r\nHost: b c\r\n\r\n";
        assert_eq!(cleared_by(bad, &preserve).unwrap_err(), Refusal::BadHost);
    }

    #[test]
    fn a_body_is_framed_by_one_length_or_chunked() {
        assert_eq!(cleared(&post("")).framing(), Framing::None);
        assert_eq!(cleared(&post("Content-Length: 0\r\n")).framing(), Framing::Length(0));
        assert_eq!(cleared(&post("Content-Length: 18446744073709551615\r\n")).framing(), Framing::Length(u64::MAX));
        assert_eq!(cleared(&post("transfer-encoding: CHUNKED\r\n")).framing(), Framing::Chunked);
        assert_eq!(cleared(&post("Transfer-Encoding: identity\r\n")).framing(), Framing::None);
        assert_eq!(cleared("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n").framing(), Framing::Length(3));
    }

    #[test]
    fn a_bad_length_is_refused() {
        for value in ["", "+5", "-5", "5,5", "5 5", "0x5", "5.0", "\"5\"", "18446744073709551616", "x"] {
            assert_eq!(refused(&post(&format!("Content-Length: {value}\r\n"))), Refusal::BadContentLength, "{value}");
        }
    }

    #[test]
    fn two_lengths_are_refused_even_if_they_agree() {
        for fields in [
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\ncontent-length: 6\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
        ] {
            assert_eq!(refused(&post(fields)), Refusal::ConflictingLength, "{fields}");
        }
    }

    #[test]
    fn transfer_encoding_in_http_1_0_is_refused() {
        for value in ["chunked", "identity", "gzip"] {
            let text = format!("POST / HTTP/1.0\r\nTransfer-Encoding: {value}\r\n\r\n");
            assert_eq!(refused(&text), Refusal::BadTransferEncoding);
        }
    }

    #[test]
    fn a_coding_that_is_not_served_is_501() {
        assert_eq!(refused(&post("Transfer-Encoding: gzip\r\n")), Refusal::UnsupportedTransferEncoding);
        assert_eq!(Refusal::UnsupportedTransferEncoding.status(), 501);
    }

    #[test]
    fn imitations_of_framing_fields_are_refused() {
        for name in ["Transfer_Encoding", "Content.Length", "Content_Length"] {
            assert_eq!(refused(&post(&format!("{name}: 5\r\n"))), Refusal::LookAlikeFraming, "{name}");
        }
    }

    #[test]
    fn thirty_forwarded_addresses_pass_and_one_more_is_463() {
        let field = |count: usize| format!("X-Forwarded-For: {}\r\n", ["1.2.3.4"; 30][..count].join(", "));
        assert!(cleared(&post(&field(30))).was_forwarded());
        assert_eq!(refused(&post(&(field(30) + &field(1)))), Refusal::TooManyForwardedAddresses);
        assert_eq!(refused(&post(&(field(15) + "X: y\r\n" + &field(16)))), Refusal::TooManyForwardedAddresses);
        assert!(!cleared(&post("X-Forwarded-For: , \r\n")).was_forwarded());
        assert_eq!(Refusal::TooManyForwardedAddresses.status(), 463);
    }

    #[test]
    fn a_connection_lists_at_most_32_options() {
        let field = |count: usize| format!("Connection: {}\r\n", ["a"; 40][..count].join(","));
        assert!(cleared(&post(&field(32))).lists_fields());
        assert_eq!(refused(&post(&field(33))), Refusal::TooManyConnectionOptions);
        assert_eq!(refused(&post(&(field(20) + &field(13)))), Refusal::TooManyConnectionOptions);
        assert!(!cleared(&post("Connection: keep-alive, close, Upgrade, TE, ,\r\n")).lists_fields());
    }

    #[test]
    fn connections_persist_as_version_and_options_say() {
        for (version, options, persists) in [
            ("1.1", "", true),
            ("1.1", "X, Close", false),
            ("1.1", "keep-alive, close", false),
            ("1.0", "", false),
            ("1.0", "Keep-Alive", true),
            ("1.0", "keep-alive, close", false),
        ] {
            let text = format!("GET / HTTP/{version}\r\nHost: a\r\nConnection: {options}\r\n\r\n");
            assert_eq!(cleared(&text).keep_alive(), persists, "{version} {options}");
        }
    }

    #[test]
    fn only_http_1_1_expects_100() {
        assert!(cleared(&post("Expect: 100-Continue\r\n")).expects_continue());
        assert!(!cleared(&post("Expect: x 100-continue\r\n")).expects_continue());
        assert!(!cleared("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue());
    }

    #[test]
    fn a_websocket_is_asked_for_by_a_get_without_a_body() {
        let ask = |line: &str, fields: &str| cleared(&format!("{line}\r\nHost: a\r\n{fields}\r\n")).upgrade();
        let both = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
        assert!(ask("GET / HTTP/1.1", both));
        assert!(!ask("POST / HTTP/1.1", both));
        assert!(!ask("GET / HTTP/1.0", both));
        assert!(!ask("GET / HTTP/1.1", "Upgrade: websocket\r\n"));
        assert!(!ask("GET / HTTP/1.1", "Connection: upgrade\r\n"));
        assert!(!ask("GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n"));
        assert!(!ask("GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n"));
        assert!(!ask("GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n"));
        assert!(!ask("GET / HTTP/1.1", &format!("{both}Content-Length: 5\r\n")));
    }
}
