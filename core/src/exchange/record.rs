//! What an exchange remembers for its line in the access log and for what is counted, and why it ended as it did.

use std::net::SocketAddr;

use super::Leg;
use crate::config::LoadBalancer;
use crate::desync::{Reading, Reason};
use crate::http::{Asked, Version};
use crate::observe::access::{ActionTaken, Draft, Kind, MatchedRule, Outcome, RequestLine, Times, Tls};
use crate::observe::{Blame, Cause, GroupMetrics};
use crate::time::{Mono, Now};

/// Facts gathered while an exchange runs; written down when it is over.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) target_keeps_alive: bool,
    /// What the client speaks.
    pub(crate) asked: Asked,
    pub(crate) cause: Option<Cause>,
    pub(crate) target: Option<SocketAddr>,
    /// Where what becomes of it is counted.
    pub(crate) column: Option<ColumnId>,
    pub(crate) rule: MatchedRule,
    pub(crate) action: Option<ActionTaken>,
    /// Why the request does not comply, if it does not (guide DSY-07).
    pub(crate) reason: Option<Reason>,
    /// What the guide has logs say even where causes are not named.
    pub(crate) error_reason: Option<&'static str>,
    created: Now,
    received_before: u64,
    sent_before: u64,
    dispatched: Option<Mono>,
    answered: Option<Mono>,
    relayed: Option<Mono>,
    elb_status: Option<u16>,
    target_status: Option<u16>,
    /// What the line needs of the request's head; nothing when no log is kept.
    pub(crate) notes: Option<Box<Notes>>,
}

/// The counters of a target group and zone, as the shard numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ColumnId(pub(crate) u32);

/// Text for a line of the log. Used again and again, so that keeping a log allocates nothing per request.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) draft: Draft,
    load_balancer: String,
}

impl Notes {
    /// Forgets the last request; remembers whose log this is.
    pub(crate) fn reset(&mut self, balancer: Option<&LoadBalancer>) {
        self.draft.reset();
        self.load_balancer.clear();
        self.load_balancer.push_str(balancer.map_or("-", LoadBalancer::resource_id));
    }
}

impl Record {
    /// A record of a request whose head begins the leg's input.
    pub(crate) fn new(now: Now, front: &Leg, unread: usize, notes: Option<Box<Notes>>) -> Self {
        Record {
            target_keeps_alive: false,
            asked: Asked::Http1,
            cause: None,
            target: None,
            column: None,
            rule: MatchedRule::NotEvaluated,
            action: None,
            reason: None,
            error_reason: None,
            created: now,
            received_before: front.received.saturating_sub(unread as u64),
            sent_before: front.sent,
            dispatched: None,
            answered: None,
            relayed: None,
            elb_status: None,
            target_status: None,
            notes,
        }
    }

    /// Whether no byte has left for the client since the request came.
    pub(crate) fn has_sent_nothing(&self, front: &Leg) -> bool {
        front.sent == self.sent_before
    }

    /// The first cause is the one that counts.
    pub(crate) fn caused(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
    }

    /// The request goes to a target now: the connection is there.
    pub(crate) fn dispatched(&mut self, now: Now) {
        self.dispatched.get_or_insert(now.mono);
    }

    /// An answer's head goes to the client now.
    pub(crate) fn responding(&mut self, now: Now, status: u16) {
        self.relayed = Some(now.mono);
        self.elb_status = Some(status);
    }

    /// The target's final head came.
    pub(crate) fn target_responded(&mut self, now: Now, status: u16, keeps_alive: bool) {
        self.answered = Some(now.mono);
        self.target_status = Some(status);
        self.target_keeps_alive = keeps_alive;
    }

    /// Whether the target failed the request, as anomaly detection sees it (guide ATW-01): it answered with a 5xx, no
    /// connection came about, or what came was no whole answer in time. `None` if the request ended before the target could
    /// show: the client left, or we had no room for it.
    pub(crate) fn target_failed(&self) -> Option<bool> {
        // A target that had to go because it was deregistered did not fail, nor one that takes no heads as large as a client's.
        let is_excused = |cause| matches!(cause, Cause::TargetDraining | Cause::TargetHeaderListLimit);
        let failed = self.cause.is_some_and(|cause| cause.blame() == Blame::Target && !is_excused(cause));
        match self.target_status {
            Some(status) => Some(failed || status >= 500),
            None => failed.then_some(true),
        }
    }

    /// Adds the target's part to what is counted of its group.
    pub(crate) fn count(&self, metrics: &mut GroupMetrics) {
        if let Some(status) = self.target_status {
            // As the access log measures it (guide MET-24).
            let time = self.answered.zip(self.dispatched).map(|(answered, dispatched)| answered.since(dispatched));
            metrics.answered(status, time);
        }
        let unconnected =
            [Cause::TargetConnectRefused, Cause::TargetConnectTimeout, Cause::TargetUnreachable, Cause::NoWayOut];
        if self.cause.is_some_and(|cause| unconnected.contains(&cause)) {
            metrics.unconnected();
        }
        let unsecured = [Cause::TargetTlsHandshakeFailed, Cause::TargetTlsHandshakeTimeout];
        if self.cause.is_some_and(|cause| unsecured.contains(&cause)) {
            metrics.unsecured();
        }
    }

    /// Appends the line of a request that is over, with the cause of its end as the error reason if that is wanted, and gives
    /// its text back for the next one. `tls` is what was negotiated with the client; without it the listener is an HTTP one.
    pub(crate) fn finish(
        self,
        now: Now,
        peer: SocketAddr,
        front: &Leg,
        tls: Option<Tls<'_>>,
        named: bool,
        out: &mut Vec<u8>,
    ) -> Option<Box<Notes>> {
        let notes = self.notes?;
        let read = front.received.saturating_sub(front.input.len() as u64);
        let outcome = Outcome {
            kind: kind(self.asked, self.target_status == Some(101), tls.is_some()),
            finished: now.wall,
            load_balancer: &notes.load_balancer,
            client: peer,
            target: self.target,
            times: Times::measure(self.created.mono, self.dispatched, self.answered, self.relayed),
            elb_status: self.elb_status,
            target_status: self.target_status,
            received_bytes: read.saturating_sub(self.received_before),
            sent_bytes: front.sent.saturating_sub(self.sent_before),
            tls,
            rule: self.rule,
            created: self.created.wall,
            actions: self.action.as_slice(),
            error_reason: self.cause.filter(|_| named).map(Cause::code).or(self.error_reason),
            classification: self.reason.map(|reason| (reason.tier().as_str(), reason.code())),
        };
        notes.draft.finish(&outcome, out);
        Some(notes)
    }
}

/// Guide AL-05.
fn kind(asked: Asked, is_websocket: bool, is_secure: bool) -> Kind {
    match (asked, is_websocket, is_secure) {
        (Asked::Http2 { .. }, ..) => Kind::H2,
        (Asked::Grpc, ..) => Kind::Grpc,
        (Asked::Http1, false, false) => Kind::Http,
        (Asked::Http1, false, true) => Kind::Https,
        (Asked::Http1, true, false) => Kind::Ws,
        (Asked::Http1, true, true) => Kind::Wss,
    }
}

/// The name of a version in a log's request line.
pub(crate) fn protocol(version: Version) -> &'static str {
    match version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    }
}

/// The request line of a head whose meaning nobody vouches for: as sent.
pub(crate) fn raw_line<'a>(reading: &Reading<'a>, asked: Asked, scheme: &'a str, port: u16) -> RequestLine<'a> {
    let request = reading.request();
    let host = request.fields.first(b"host").unwrap_or_default();
    let host = host.split(|&byte| byte == b':').next().unwrap_or_default();
    let sent = reading.sent_version().map(|version| if version.is_empty() { b"-" } else { version });
    RequestLine {
        method: request.method,
        scheme,
        host,
        port,
        uri: after_authority(request.target),
        protocol: match asked {
            Asked::Http1 => sent.unwrap_or(protocol(request.version).as_bytes()),
            Asked::Http2 { .. } | Asked::Grpc => b"HTTP/2.0",
        },
    }
}

/// Path and query of a request target, in whichever form it came.
pub(crate) fn after_authority(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let Some(scheme) = memchr::memmem::find(target, b"://") else { return target };
    let rest = &target[scheme + 3..];
    let authority = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    &rest[authority..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Wall;

    const SESSION: Tls<'static> = Tls {
        cipher: "ECDHE-RSA-AES128-GCM-SHA256",
        protocol: "TLSv1.2",
        domain_name: Some("www.example.com"),
        certificate: Some("arn:aws:acm:us-east-2:123456789012:certificate/12345678"),
    };

    /// The fields of the line of a request that a target answered with that status.
    fn logged(status: u16, tls: Option<Tls<'_>>) -> Vec<String> {
        let now = Now { mono: Mono::default(), wall: Wall::from_micros(1_530_570_180_186_641) };
        let mut record = Record::new(now, &Leg::default(), 0, Some(Box::default()));
        record.dispatched(now);
        record.target_responded(now, status, true);
        let mut out = Vec::new();
        let peer = SocketAddr::from(([192, 168, 131, 39], 2817));
        assert!(record.finish(now, peer, &Leg::default(), tls, false, &mut out).is_some());
        String::from_utf8(out).unwrap().trim_end().split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_kind_says_whether_tls_was_spoken_and_whether_it_became_a_websocket() {
        let kinds = [(200, None), (200, Some(SESSION)), (101, None), (101, Some(SESSION))];
        assert_eq!(kinds.map(|(status, tls)| logged(status, tls).remove(0)), ["http", "https", "ws", "wss"]);
    }

    #[test]
    fn cipher_protocol_domain_and_certificate_are_those_of_the_connection() {
        let [secure, resumed, unnamed, plain] = [
            Some(SESSION),
            Some(Tls { certificate: Some("session-reused"), ..SESSION }),
            Some(Tls { domain_name: None, ..SESSION }),
            None,
        ]
        .map(|tls| {
            let fields = logged(200, tls);
            [14, 15, 18, 19].map(|at: usize| fields[at].clone())
        });
        assert_eq!(
            secure,
            [
                "ECDHE-RSA-AES128-GCM-SHA256",
                "TLSv1.2",
                "\"www.example.com\"",
                "\"arn:aws:acm:us-east-2:123456789012:certificate/12345678\""
            ]
        );
        assert_eq!(resumed[2..], ["\"www.example.com\"", "\"session-reused\""]);
        assert_eq!(unnamed[2], "\"-\"");
        assert_eq!(plain, ["-", "-", "\"-\"", "\"-\""]);
    }

    #[test]
    fn a_handshake_that_failed_counts_once_under_both_names_and_as_no_connection_error() {
        for cause in [Cause::TargetTlsHandshakeFailed, Cause::TargetTlsHandshakeTimeout] {
            let mut record = Record::new(Now::default(), &Leg::default(), 0, None);
            record.caused(cause);
            let mut metrics = GroupMetrics::default();
            record.count(&mut metrics);
            let counted: Vec<_> = metrics.iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!(counted, [("TargetTLSNegotiationErrorCount", 1), ("TargetTLSTransactionErrorCount", 1)]);
            assert_eq!(record.target_failed(), Some(true), "anomaly detection is told");
        }
    }
}
