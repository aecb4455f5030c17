//! One line of the access log for each request (guide AL-05 to AL-27): 29 fields between spaces, in the guide's order.
//!
//! What the line needs from the request's head is gathered in a [`Draft`] while the head is there; the rest is an
//! [`Outcome`], known when the response has been sent or the WebSocket is closed. A draft is used again and again and then
//! allocates nothing.
//!
//! Choices where the guide is silent: text in quotes is escaped as `\xHH` wherever a byte could end the field or the line; a
//! request that could not be read is `"- http://HOST:PORT- -"` with the load balancer's own name; an IPv6 address
//! stands in brackets. What a later capability will fill is `-`.

use core::ops::Range;
use core::time::Duration;
use std::net::SocketAddr;

use super::field::{Line, put_address, put_escaped, put_number, put_number_or_dash, put_seconds};
use crate::http::date::iso_date;
use crate::time::{Mono, Wall};

/// "If the string is longer than 8 KB, it is truncated" (guide AL-16).
pub const USER_AGENT_BYTES_MAX: usize = 8192;

/// What a draft keeps for the next request; a rare long URL does not stay in memory.
const DRAFT_BYTES_KEPT: usize = 4096;

/// The parts of a line that come from the request's head and from the decision, already escaped.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    text: Vec<u8>,
    request: Range<usize>,
    user_agent: Range<usize>,
    target_group: Range<usize>,
    trace_id: Range<usize>,
    redirect_url: Range<usize>,
}

/// The request line as logs have it: `METHOD scheme://host:port/uri protocol` (guide AL-15).
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// As sent.
    pub method: &'a [u8],
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The host name without a port, as sent; empty if there was none.
    pub host: &'a [u8],
    /// The listener's port, as requests see it.
    pub port: u16,
    /// Path and query as sent; of an absolute target, what follows its authority.
    pub uri: &'a [u8],
    /// `HTTP/1.1`, or `HTTP/2.0`, as logs call what names itself HTTP/2; otherwise as sent.
    pub protocol: &'a [u8],
}

impl Draft {
    /// An empty draft, which has allocated nothing.
    pub fn new() -> Draft {
        Draft::default()
    }

    /// Forgets what was gathered, and keeps a little memory for the next request.
    pub fn reset(&mut self) {
        let mut text = core::mem::take(&mut self.text);
        text.clear();
        text.shrink_to(DRAFT_BYTES_KEPT);
        *self = Draft { text, ..Draft::default() };
    }

    /// The request line of a request that could be read.
    pub fn request(&mut self, line: &RequestLine<'_>) {
        let RequestLine { method, scheme, host, port, uri, protocol } = *line;
        self.request = self.gather(|text| {
            put_escaped(text, method);
            put_origin(text, scheme, host, port);
            put_escaped(text, uri);
            text.push(b' ');
            put_escaped(text, protocol);
        });
    }

    /// The request line of a request that could not be read; `host` is the load balancer's name.
    pub fn unreadable(&mut self, scheme: &str, host: &str, port: u16) {
        self.request = self.gather(|text| {
            text.push(b'-');
            put_origin(text, scheme, host.as_bytes(), port);
            text.extend_from_slice(b"- -");
        });
    }

    /// The `User-Agent` field's value.
    pub fn user_agent(&mut self, value: &[u8]) {
        let value = &value[..value.len().min(USER_AGENT_BYTES_MAX)];
        self.user_agent = self.gather(|text| put_escaped(text, value));
    }

    /// The `X-Amzn-Trace-Id` that the target gets.
    pub fn trace_id(&mut self, value: &[u8]) {
        self.trace_id = self.gather(|text| put_escaped(text, value));
    }

    /// The ARN of the target group that was chosen.
    pub fn target_group(&mut self, arn: &str) {
        self.target_group = self.gather(|text| put_escaped(text, arn.as_bytes()));
    }

    /// The `Location` of a redirect.
    pub fn redirect_url(&mut self, url: &[u8]) {
        self.redirect_url = self.gather(|text| put_escaped(text, url));
    }

    /// Appends the line, with its line end.
    pub fn finish(&self, outcome: &Outcome<'_>, out: &mut Vec<u8>) {
        let mut line = Line { out };
        outcome.put_connection(&mut line);
        outcome.put_result(&mut line);
        line.quoted(self.part(&self.request));
        line.quoted(self.part(&self.user_agent));
        line.plain(outcome.tls.map(|tls| tls.cipher));
        line.plain(outcome.tls.map(|tls| tls.protocol));
        line.raw(self.part(&self.target_group));
        line.quoted(self.part(&self.trace_id));
        line.quoted_text(outcome.tls.and_then(|tls| tls.domain_name));
        line.quoted_text(outcome.tls.and_then(|tls| tls.certificate));
        outcome.put_decision(&mut line);
        line.quoted(self.part(&self.redirect_url));
        outcome.put_verdicts(&mut line);
        line.end();
    }

    fn gather(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.text.len();
        write(&mut self.text);
        start..self.text.len()
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// What is known at the end.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// What kind of request or connection it was.
    pub kind: Kind,
    /// When the response was finished; of a WebSocket, when it was closed (guide AL-06).
    pub finished: Wall,
    /// `app/NAME/16hex` (guide AL-07).
    pub load_balancer: &'a str,
    /// The TCP peer (guide AL-08).
    pub client: SocketAddr,
    /// The target the request was sent to, if any (guide AL-09, AL-25).
    pub target: Option<SocketAddr>,
    /// How long the three parts took.
    pub times: Times,
    /// The status of the response to the client, or the one that stands for why there is none (460).
    pub elb_status: Option<u16>,
    /// The status of the target's response, if there was one (guide AL-13, AL-25).
    pub target_status: Option<u16>,
    /// Bytes from the client, with the head; of a WebSocket, of the whole connection (guide AL-14).
    pub received_bytes: u64,
    /// Bytes to the client, with the head; of a WebSocket, of the whole connection (guide AL-14).
    pub sent_bytes: u64,
    /// What was negotiated on an HTTPS listener.
    pub tls: Option<Tls<'a>>,
    /// Which rule took the request.
    pub rule: MatchedRule,
    /// When the head of the request was received (guide AL-22).
    pub created: Wall,
    /// What was done, in that order (guide AL-23).
    pub actions: &'a [ActionTaken],
    /// A code of the guide's list (guide AL-24).
    pub error_reason: Option<&'a str>,
    /// The desync class and its reason, unless the request is compliant (guide AL-26).
    pub classification: Option<(&'a str, &'a str)>,
}

/// The kind of request or connection (guide AL-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the guide's")]
pub enum Kind {
    Http,
    Https,
    H2,
    Grpc,
    Ws,
    Wss,
}

/// `request_processing_time`, `target_processing_time` and `response_processing_time` (guide AL-10 to AL-12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// From the request's arrival until it was sent to a target.
    pub request: Option<Duration>,
    /// From then until the target began to answer.
    pub target: Option<Duration>,
    /// From then until the answer began to be sent to the client.
    pub response: Option<Duration>,
}

impl Times {
    /// Measures a request that arrived, was sent to a target, was answered by it, and whose answer began to be relayed.
    ///
    /// All three are absent unless the target answered: the guide sets them to -1 "if the load balancer can't
    /// dispatch the request to a target" and "if the registered target does not respond before the idle timeout". An
    /// answer that could not be relayed (the client was gone) has no third part.
    pub fn measure(arrived: Mono, sent: Option<Mono>, answered: Option<Mono>, relayed: Option<Mono>) -> Times {
        let (Some(sent), Some(answered)) = (sent, answered) else {
            return Times::default();
        };
        Times {
            request: Some(sent.since(arrived)),
            target: Some(answered.since(sent)),
            response: relayed.map(|relayed| relayed.since(answered)),
        }
    }
}

/// What TLS adds to a line (guide AL-17, AL-19, AL-20).
#[derive(Clone, Copy, Debug)]
pub struct Tls<'a> {
    /// OpenSSL's name of the cipher suite.
    pub cipher: &'a str,
    /// `TLSv1.2` or `TLSv1.3`
    pub protocol: &'a str,
    /// The SNI domain, if it matched a certificate.
    pub domain_name: Option<&'a str>,
    /// The ARN of the certificate, or `session-reused`.
    pub certificate: Option<&'a str>,
}

/// Which rule took the request (guide AL-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchedRule {
    /// The request did not get that far: `-`
    NotEvaluated,
    /// An error while evaluating: `-1`
    Failed,
    /// The default rule: `0`
    Default,
    /// The priority of the rule.
    Priority(u16),
}

/// An action that was taken (guide AL-23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the guide's")]
pub enum ActionTaken {
    Authenticate,
    FixedResponse,
    Forward,
    Redirect,
    Waf,
    WafFailed,
}

impl Outcome<'_> {
    /// Fields 1 to 5: what, when, where, between whom.
    fn put_connection(&self, line: &mut Line<'_>) {
        line.raw(self.kind.name().as_bytes());
        line.raw(&iso_date(self.finished));
        line.plain(Some(self.load_balancer));
        line.with(|out| put_address(out, Some(self.client)));
        line.with(|out| put_address(out, self.target));
    }

    /// Fields 6 to 12: times, statuses, sizes.
    fn put_result(&self, line: &mut Line<'_>) {
        for span in [self.times.request, self.times.target, self.times.response] {
            line.with(|out| put_seconds(out, span));
        }
        line.with(|out| put_number_or_dash(out, self.elb_status));
        line.with(|out| put_number_or_dash(out, self.target_status));
        line.with(|out| put_number(out, self.received_bytes));
        line.with(|out| put_number(out, self.sent_bytes));
    }

    /// Fields 21 to 23: the rule, the moment of the request, the actions.
    fn put_decision(&self, line: &mut Line<'_>) {
        match self.rule {
            MatchedRule::NotEvaluated => line.raw(b"-"),
            MatchedRule::Failed => line.raw(b"-1"),
            MatchedRule::Default => line.raw(b"0"),
            MatchedRule::Priority(priority) => line.with(|out| put_number(out, u64::from(priority))),
        }
        line.raw(&iso_date(self.created));
        line.in_quotes(|out| {
            for (at, action) in self.actions.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(action.name().as_bytes());
            }
        });
    }

    /// Fields 25 to 29: the error, the target again as a list of one, the class.
    fn put_verdicts(&self, line: &mut Line<'_>) {
        line.quoted_text(self.error_reason);
        line.in_quotes(|out| put_address(out, self.target));
        line.in_quotes(|out| put_number_or_dash(out, self.target_status));
        line.quoted_text(self.classification.map(|(class, _)| class));
        line.quoted_text(self.classification.map(|(_, reason)| reason));
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Http => "http",
            Kind::Https => "https",
            Kind::H2 => "h2",
            Kind::Grpc => "grpc",
            Kind::Ws => "ws",
            Kind::Wss => "wss",
        }
    }
}

impl ActionTaken {
    const fn name(self) -> &'static str {
        match self {
            ActionTaken::Authenticate => "authenticate",
            ActionTaken::FixedResponse => "fixed-response",
            ActionTaken::Forward => "forward",
            ActionTaken::Redirect => "redirect",
            ActionTaken::Waf => "waf",
            ActionTaken::WafFailed => "waf-failed",
        }
    }
}

/// ` http://host:port`
fn put_origin(text: &mut Vec<u8>, scheme: &str, host: &[u8], port: u16) {
    text.push(b' ');
    text.extend_from_slice(scheme.as_bytes());
    text.extend_from_slice(b"://");
    put_escaped(text, host);
    text.push(b':');
    put_number(text, u64::from(port));
}
