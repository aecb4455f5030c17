//! The ordinary request allocates nothing where it is decided, answered and logged, nor does its connection where that is.

mod counting;

use std::net::IpAddr;

use counting::allocations;
use sluicegate::http::Field;
use sluicegate::http::answer::{Answer, Context, SERVER};
use sluicegate::http::date::DateCache;
use sluicegate::observe::access::{ActionTaken, Draft, Kind, MatchedRule, Outcome, RequestLine, Times};
use sluicegate::observe::connection::{Attempt, Certificate, Handshake, TraceId};
use sluicegate::rules::{
    Action, Condition, FixedResponse, Pattern, QueryPair, Redirect, RedirectParts, RedirectProtocol, RedirectStatus,
    Rule, Ruleset, Subject,
};
use sluicegate::time::Wall;
use sluicegate::tls::{Group, Suite, Version};

fn rules() -> Ruleset {
    let query =
        QueryPair { key: Some(Pattern::escaped_ignoring_case("v")), value: Pattern::escaped_ignoring_case("2*") };
    let conditions = [
        Condition::HostHeader(vec![Pattern::ignoring_case("*.a-long-domain-name.example.com")]),
        Condition::PathPattern(vec![Pattern::new("/a/*/b/*/c")]),
        Condition::HttpHeader {
            name: "User-Agent".to_owned(),
            values: vec![Pattern::ignoring_case("*Chrome*Safari*")],
        },
        Condition::HttpRequestMethod(vec!["PUT".to_owned()]),
        Condition::QueryString(vec![query]),
        Condition::SourceIp(vec!["10.0.0.0/8".parse().unwrap()]),
    ];
    let rule = |(at, condition)| Rule {
        name: String::new(),
        priority: at as u16 + 1,
        conditions: vec![condition],
        action: fixed(),
    };
    Ruleset::new(conditions.into_iter().enumerate().map(rule).collect(), fixed()).unwrap()
}

fn fixed() -> Action {
    Action::FixedResponse(FixedResponse { status: 200, content_type: None, body: String::new() })
}

#[test]
fn deciding_allocates_nothing() {
    let rules = rules();
    let fields = [Field { name: b"user-agent", value: b"curl/8.0" }];
    let subject = Subject {
        method: b"GET",
        host: b"www.example.com",
        path: b"/a/x/b/y/d",
        query: Some(b"v=1&w=2&x=3"),
        fields: &fields,
        source: IpAddr::from([192, 0, 2, 1]),
    };
    let counted = allocations(|| assert_eq!(rules.decide(&subject).rule, None));
    assert_eq!(counted, 0);
    let odd = Subject { path: b"/%61", ..subject };
    assert!(allocations(|| assert_eq!(rules.decide(&odd).rule, None)) > 0, "the counter counts");
}

#[test]
fn answering_allocates_nothing_but_the_output() {
    let redirect = Redirect {
        protocol: RedirectProtocol::Https,
        host: "#{host}".to_owned(),
        port: "443".to_owned(),
        path: "/#{path}".to_owned(),
        query: "#{query}".to_owned(),
        status: RedirectStatus::Found,
    };
    let parts = RedirectParts { scheme: "http", host: b"a.b", port: 80, path: b"/x", query: b"y" };
    let mut dates = DateCache::default();
    let (mut location, mut out) = (Vec::with_capacity(1024), Vec::with_capacity(4096));
    let counted = allocations(|| {
        redirect.location(&parts, &mut location).unwrap();
        let date = dates.imf(Wall::from_micros(5_000_000));
        let context = Context { server: SERVER, date, keep_alive: true, head_only: false };
        Answer::redirect(302, &location).write(&mut out, &context);
        Answer::error(503).write(&mut out, &context);
    });
    assert_eq!(counted, 0);
}

#[test]
fn a_draft_that_is_used_again_allocates_nothing() {
    let outcome = Outcome {
        kind: Kind::Http,
        finished: Wall::from_micros(1),
        load_balancer: "app/a/b",
        client: "[2001:db8::1]:5".parse().unwrap(),
        target: Some("10.0.0.1:80".parse().unwrap()),
        times: Times::default(),
        elb_status: Some(200),
        target_status: Some(200),
        received_bytes: 1,
        sent_bytes: 2,
        tls: None,
        rule: MatchedRule::Default,
        created: Wall::from_micros(1),
        actions: &[ActionTaken::Forward],
        error_reason: None,
        classification: None,
    };
    let line = RequestLine { method: b"GET", scheme: "http", host: b"a.b", port: 80, uri: b"/", protocol: b"HTTP/1.1" };
    let (mut draft, mut out) = (Draft::new(), Vec::with_capacity(4096));
    let mut log = || {
        draft.reset();
        draft.request(&line);
        draft.user_agent(b"curl/8.0");
        draft.trace_id(b"Root=1-2-3");
        draft.target_group("arn:aws:elasticloadbalancing:x");
        draft.finish(&outcome, &mut out);
    };
    log();
    assert_eq!(allocations(log), 0);
}

#[test]
fn a_line_of_the_connection_log_allocates_nothing_but_the_output() {
    let validity = "NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z";
    let handshake = Handshake {
        negotiated: Suite::numbered(0x1301).map(|suite| (Version::Tls13, suite)),
        group: Group::numbered(0x001D),
        certificate: Some(Certificate { subject: "CN=\"a\"", validity, serial_number: "03A5B1" }),
        outcome: Ok(core::time::Duration::from_millis(4)),
    };
    let attempt = Attempt {
        time: Wall::from_micros(1),
        client: "[2001:db8::1]:5".parse().unwrap(),
        listener_port: 443,
        tls: Some(handshake),
        trace: TraceId([7; 16]),
        load_balancer: "app/a/b",
        node: "2001:db8::2".parse().unwrap(),
    };
    let mut out = Vec::with_capacity(4096);
    assert_eq!(allocations(|| attempt.finish(&mut out)), 0);
    assert!(!out.is_empty());
}
