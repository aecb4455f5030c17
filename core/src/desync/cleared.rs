//! A request that may be forwarded: the only kind that an encoder towards a target takes.

use super::notes::{Notes, Options};
use super::reading::Reading;
use super::reason::{Mode, Reason, Tier};
use super::verdict::Verdict;
use super::{Clearing, FORWARDED_ADDRESSES_MAX};
use crate::http::h1::head::REQUEST_LIMITS;
use crate::http::target::{Target, encoded_len, host_and_port};
use crate::http::{Framing, Refusal, Request, Version};

/// A head that may be forwarded. Only [`Reading::clear`] makes one, and it cannot be changed.
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
    last: Last,
    dropped_a_name: bool,
}

/// For whom a request must be the last on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Last {
    Nobody,
    /// For the target, which may not see the body.
    Target,
    /// For the client and the target.
    Both,
}

/// Why a request is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The mitigation mode does not let it through, or it has no one reading: 400.
    #[error("{0}: {text}", text = .0.describe())]
    Desync(Reason),
    /// Anything else.
    #[error(transparent)]
    Http(#[from] Refusal),
}

impl Refused {
    /// The status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Refused::Desync(_) => 400,
            Refused::Http(refusal) => refusal.status(),
        }
    }
}

impl<'a> Reading<'a> {
    /// Lets a request through, or refuses it.
    ///
    /// - What the mode does not let through, and what is Severe without one reading, is [`Refused::Desync`]: 400.
    /// - Versions from HTTP/2 on are 505, transfer codings other than `chunked` 501 (guide HDR-12).
    /// - `TRACE` is 405 (guide HDR-11), `CONNECT` is 400.
    /// - `Connection` lists at most [`CONNECTION_OPTIONS_MAX`](super::CONNECTION_OPTIONS_MAX) options.
    /// - The request line is within its limit also once its target is percent-encoded, or 414.
    /// - The request target is in origin, absolute or asterisk form ([`Target::parse`]).
    /// - HTTP/1.1 has a `Host`, nothing has two (but see [`Clearing::preserve_host`]), and each is valid; an empty one is
    ///   not. This holds beside an absolute target too (RFC 9112 section 3.2).
    /// - `X-Forwarded-For` holds at most 30 addresses, or 463 (guide HDR-07).
    pub fn clear(self, clearing: &Clearing) -> Result<Cleared<Request<'a>>, Refused> {
        if let Some(refusal) = self.refusal {
            return Err(refusal.into());
        }
        let last = self.decide(clearing.mode)?;
        let Reading { request, framing, notes, dropped_a_name, .. } = self;
        if request.method == b"TRACE" {
            return Err(Refusal::TraceRefused.into());
        }
        if notes.has_too_many_options() {
            return Err(Refusal::TooManyConnectionOptions.into());
        }
        let target = Target::parse(request.method, request.target)?;
        if is_too_long_once_encoded(&request) {
            return Err(Refusal::UriTooLong.into());
        }
        let (host, port) = host_and_port_of(&request, &target, &notes, clearing)?;
        if notes.forwarded_addresses > FORWARDED_ADDRESSES_MAX {
            return Err(Refusal::TooManyForwardedAddresses.into());
        }
        let facts = Facts { target, framing: framing?, host, port, notes, last, dropped_a_name };
        Ok(Cleared { facts, head: request })
    }

    /// The guide's matrix (DSY-03 to DSY-05); which connections close after the request.
    fn decide(&self, mode: Mode) -> Result<Last, Refused> {
        let Some(reason) = self.verdict.classification.reason() else {
            return self.framing.map(|_| Last::Nobody).map_err(Refused::Http);
        };
        let tier = reason.tier();
        if self.verdict.unreadable || tier == Tier::Severe && !mode.lets_through(tier) {
            return Err(Refused::Desync(reason));
        }
        // Not served in any mode, and so no matter of modes.
        self.framing?;
        if !mode.lets_through(tier) {
            return Err(Refused::Desync(reason));
        }
        let closes = match mode {
            Mode::Monitor => tier == Tier::Severe,
            Mode::Defensive | Mode::Strictest => tier >= Tier::Ambiguous,
        };
        Ok(match self.verdict {
            _ if closes => Last::Both,
            Verdict { end_in_doubt: true, .. } => Last::Both,
            Verdict { body_in_doubt: true, .. } => Last::Target,
            _ => Last::Nobody,
        })
    }
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

    /// Whether this must be the last request on both its connections, the client's and the target's, since others may
    /// read it differently (guide DSY-04, RFC 9112 section 6.3).
    pub fn is_last(&self) -> bool {
        self.facts.last == Last::Both
    }

    /// Whether this must be the last request on the target's connection: if it is the last one anyway, and while monitoring
    /// also if it has a body where none is expected, which not every target reads (RFC 9110 section 9.3.1).
    pub fn is_last_for_target(&self) -> bool {
        self.facts.last >= Last::Target
    }

    /// Whether a field was left out since its name is no token: nobody could be sent it.
    pub fn dropped_a_name(&self) -> bool {
        self.facts.dropped_a_name
    }

    /// Whether the client's connection persists after this request (RFC 9112 section 9.3).
    pub fn keep_alive(&self) -> bool {
        let options = self.options();
        !self.is_last() && !options.close && (self.head.version == Version::Http11 || options.keep_alive)
    }

    /// Whether the client waits for `100 Continue`: only HTTP/1.1 can (RFC 9110 section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.facts.notes.expects_continue && self.head.version == Version::Http11
    }

    /// Whether the client asks for a WebSocket: `GET` in HTTP/1.1 without a body, `Connection` lists `upgrade`, and
    /// `Upgrade` is `websocket` alone (RFC 6455 section 4.1, guide CONN-13). Other upgrades are not asked for, and
    /// none by a request after which both connections close.
    pub fn upgrade(&self) -> bool {
        !self.is_last()
            && self.facts.notes.websocket
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

    /// The bytes of all field lines as they were sent, each with its CRLF.
    pub fn field_bytes(&self) -> usize {
        let Request { head, method, target, .. } = self.head;
        let request_line = method.len() + b" ".len() + target.len() + b" HTTP/1.1\r\n".len();
        head.len().saturating_sub(request_line + b"\r\n".len())
    }

    /// Whether `Connection` lists the names of fields, which then belong to this hop.
    pub fn lists_fields(&self) -> bool {
        self.options().others
    }

    fn options(&self) -> &Options {
        &self.facts.notes.options
    }
}

/// Only long targets are looked at: no byte becomes more than three.
fn is_too_long_once_encoded(request: &Request<'_>) -> bool {
    let most = REQUEST_LIMITS.first_line.saturating_sub(request.method.len() + b"  HTTP/1.1".len());
    request.target.len() > most / 3 && encoded_len(request.target) > most
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::head::{Scan, Scanner};

    fn cleared_by<'a>(text: &'a str, clearing: &Clearing) -> Result<Cleared<Request<'a>>, Refused> {
        read(text.as_bytes()).clear(clearing)
    }

    fn read(bytes: &[u8]) -> Reading<'_> {
        match Scanner::request().scan(bytes).expect("within the limits") {
            Scan::Head { len, regular } => {
                Reading::of(&bytes[..len], regular, Box::leak(Box::default()), Box::leak(Box::default()))
            }
            Scan::More => panic!("not a whole head: {bytes:?}"),
        }
    }

    fn cleared(text: &str) -> Cleared<Request<'_>> {
        cleared_by(text, &Clearing::default()).unwrap_or_else(|refused| panic!("{text:?}: {refused}"))
    }

    fn refused(text: &str) -> Refusal {
        match cleared_by(text, &Clearing::default()) {
            Err(Refused::Http(refusal)) => refusal,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn reason(text: &str) -> Reason {
        match cleared_by(text, &Clearing::default()) {
            Err(Refused::Desync(reason)) => reason,
            other => panic!("{text:?}: {other:?}"),
        }
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
        let preserve = Clearing { preserve_host: true, ..Clearing::default() };
        assert_eq!(cleared_by(text, &preserve).unwrap().host(), b"a");
        let bad = "GET / HTTP/1.1\r\nHost: a\r\nHost: b c\r\n\r\n";
        assert_eq!(cleared_by(bad, &preserve).unwrap_err(), Refused::Http(Refusal::BadHost));
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
    fn what_has_no_one_reading_is_refused_in_every_mode() {
        for (fields, why) in [
            ("Content-Length: +5\r\n", Reason::BadContentLength),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", Reason::MultipleContentLength),
            ("Transfer-Encoding: cow\r\n", Reason::BadTransferEncoding),
            ("Transfer-Encoding: chunked\r\n x\r\n", Reason::BadTransferEncoding),
            ("X : y\r\n", Reason::BadHeader),
            ("X: a\rb\r\n", Reason::BadHeader),
        ] {
            let text = post(fields);
            for mode in Mode::ALL {
                let clearing = Clearing { mode, ..Clearing::default() };
                assert_eq!(cleared_by(&text, &clearing).unwrap_err(), Refused::Desync(why), "{fields} {mode}");
            }
        }
    }

    #[test]
    fn what_is_severe_and_still_has_one_reading_passes_in_monitor_alone_as_the_last_request() {
        for text in [
            post("X: a\0b\r\n"),
            "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            "GET / http/1.1\r\nHost: a\r\n\r\n".to_owned(),
        ] {
            let by = |mode| cleared_by(&text, &Clearing { mode, ..Clearing::default() });
            assert!(by(Mode::Monitor).unwrap().is_last(), "{text:?}");
            assert!(by(Mode::Defensive).is_err() && by(Mode::Strictest).is_err(), "{text:?}");
        }
        let framed = "POST / http/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
        let monitor = Clearing { mode: Mode::Monitor, ..Clearing::default() };
        assert_eq!(cleared_by(framed, &monitor).unwrap_err(), Refused::Desync(Reason::BadVersion));
    }

    #[test]
    fn the_ambiguous_is_the_last_request_and_the_acceptable_is_not() {
        fn by(mode: Mode, text: &str) -> Result<Cleared<Request<'_>>, Refused> {
            cleared_by(text, &Clearing { mode, ..Clearing::default() })
        }
        let acceptable = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
        let ambiguous = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
        for (text, mode, is_last) in [
            (acceptable, Mode::Monitor, false),
            (acceptable, Mode::Defensive, false),
            (ambiguous, Mode::Monitor, false),
            (ambiguous, Mode::Defensive, true),
        ] {
            let cleared = by(mode, text).unwrap();
            assert_eq!((cleared.is_last(), cleared.keep_alive()), (is_last, !is_last), "{mode} {text}");
        }
        for text in [acceptable, ambiguous] {
            assert!(matches!(by(Mode::Strictest, text), Err(Refused::Desync(_))), "{text}");
        }
    }

    #[test]
    fn nothing_follows_a_request_whose_end_is_in_doubt_whatever_the_mode() {
        let monitor = Clearing { mode: Mode::Monitor, ..Clearing::default() };
        for text in [
            post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
            post("Transfer_Encoding: chunked\r\n"),
            post("X: a\r\n b\r\n"),
            post("X: a\n"),
            "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        ] {
            assert!(cleared_by(&text, &monitor).unwrap().is_last(), "{text:?}");
        }
        assert!(!cleared_by(&post("Content-Length: 5\r\nContent-Length: 5\r\n"), &monitor).unwrap().is_last());
    }

    #[test]
    fn a_coding_that_is_not_served_comes_after_severe_reasons_and_before_others() {
        let gzip = "Transfer-Encoding: gzip\r\n";
        assert_eq!(reason(&post(&format!("{gzip}Content-Length: x\r\n"))), Reason::BadContentLength);
        let strictest = Clearing { mode: Mode::Strictest, ..Clearing::default() };
        let ambiguous = post(&format!("{gzip}Content-Length: 5\r\n"));
        assert_eq!(cleared_by(&ambiguous, &strictest).unwrap_err().status(), 501);
    }

    #[test]
    fn later_versions_are_505_and_old_ones_the_last_of_their_connection() {
        assert_eq!(refused("PRI * HTTP/2.0\r\n\r\n"), Refusal::UnsupportedVersion);
        assert_eq!(Refusal::UnsupportedVersion.status(), 505);
        let old = cleared("GET /old\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!((old.request().version, old.is_last()), (Version::Http10, true));
        assert_eq!(cleared("GET / HTTP/1.2\r\nHost: a\r\n\r\n").request().version, Version::Http11);
    }

    #[test]
    fn a_coding_that_is_not_served_is_501() {
        assert_eq!(refused(&post("Transfer-Encoding: gzip\r\n")), Refusal::UnsupportedTransferEncoding);
        assert_eq!(Refusal::UnsupportedTransferEncoding.status(), 501);
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
