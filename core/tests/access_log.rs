//! Access log lines as the guide's samples have them, and what may not break them.

use std::time::Duration;

use sluicegate::observe::access::{
    ActionTaken, Draft, Kind, MatchedRule, Outcome, RequestLine, Times, Tls, USER_AGENT_BYTES_MAX,
};
use sluicegate::time::{Mono, Wall};

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067";

fn line(draft: &Draft, outcome: &Outcome<'_>) -> String {
    let mut out = b"earlier\n".to_vec();
    draft.finish(outcome, &mut out);
    String::from_utf8(out).unwrap().strip_prefix("earlier\n").unwrap().to_owned()
}

/// Splits a line as readers do: at spaces, except between quotes.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for char in line.strip_suffix('\n').unwrap().chars() {
        match char {
            '"' => quoted = !quoted,
            ' ' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(char),
        }
    }
    assert!(!quoted, "{line}");
    fields
}

fn millis(request: u64, target: u64, response: u64) -> Times {
    let span = |millis| Some(Duration::from_millis(millis));
    Times { request: span(request), target: span(target), response: span(response) }
}

/// The guide's example of an HTTP entry.
fn http() -> Outcome<'static> {
    Outcome {
        kind: Kind::Http,
        finished: Wall::from_micros(1_530_570_180_186_641),
        load_balancer: "app/my-loadbalancer/50dc6c495c0c9188",
        client: "192.168.131.39:2817".parse().unwrap(),
        target: Some("10.0.0.1:80".parse().unwrap()),
        times: millis(0, 1, 0),
        elb_status: Some(200),
        target_status: Some(200),
        received_bytes: 34,
        sent_bytes: 366,
        tls: None,
        rule: MatchedRule::Default,
        created: Wall::from_micros(1_530_570_168_364_000),
        actions: &[ActionTaken::Forward],
        error_reason: None,
        classification: None,
    }
}

fn get<'a>(scheme: &'a str, host: &'a str, port: u16) -> RequestLine<'a> {
    RequestLine { method: b"GET", scheme, host: host.as_bytes(), port, uri: b"/", protocol: b"HTTP/1.1" }
}

fn draft(line: &RequestLine<'_>, agent: &str, trace: &str) -> Draft {
    let mut draft = Draft::new();
    draft.request(line);
    draft.user_agent(agent.as_bytes());
    draft.trace_id(trace.as_bytes());
    draft.target_group(GROUP);
    draft
}

fn http_draft() -> Draft {
    draft(&get("http", "www.example.com", 80), "curl/7.46.0", "Root=1-58337262-36d228ad5d99923122bbe354")
}

#[test]
fn an_http_request_is_the_guides_example() {
    assert_eq!(
        line(&http_draft(), &http()),
        "http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 \
         0.000 0.001 0.000 200 200 34 366 \"GET http://www.example.com:80/ HTTP/1.1\" \"curl/7.46.0\" - - \
         arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 \
         \"Root=1-58337262-36d228ad5d99923122bbe354\" \"-\" \"-\" 0 2018-07-02T22:22:48.364000Z \"forward\" \"-\" \"-\" \
         \"10.0.0.1:80\" \"200\" \"-\" \"-\"\n"
    );
}

#[test]
fn an_https_request_is_the_guides_example() {
    let certificate = "arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012";
    let outcome = Outcome {
        kind: Kind::Https,
        times: millis(86, 48, 37),
        received_bytes: 0,
        sent_bytes: 57,
        tls: Some(Tls {
            cipher: "ECDHE-RSA-AES128-GCM-SHA256",
            protocol: "TLSv1.2",
            domain_name: Some("www.example.com"),
            certificate: Some(certificate),
        }),
        rule: MatchedRule::Priority(1),
        actions: &[ActionTaken::Authenticate, ActionTaken::Forward],
        ..http()
    };
    let request = get("https", "www.example.com", 443);
    assert_eq!(
        line(&draft(&request, "curl/7.46.0", "Root=1-58337281-1d84f3d73c47ec4e58577259"), &outcome),
        "https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 \
         0.086 0.048 0.037 200 200 0 57 \"GET https://www.example.com:443/ HTTP/1.1\" \"curl/7.46.0\" \
         ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 \
         arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 \
         \"Root=1-58337281-1d84f3d73c47ec4e58577259\" \"www.example.com\" \
         \"arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012\" \
         1 2018-07-02T22:22:48.364000Z \"authenticate,forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"-\" \"-\"\n"
    );
}

#[test]
fn a_stream_of_http2_is_the_guides_example() {
    let outcome = Outcome {
        kind: Kind::H2,
        client: "10.0.1.252:48160".parse().unwrap(),
        target: Some("10.0.0.66:9000".parse().unwrap()),
        times: millis(0, 2, 0),
        received_bytes: 5,
        sent_bytes: 257,
        tls: Some(Tls {
            cipher: "ECDHE-RSA-AES128-GCM-SHA256",
            protocol: "TLSv1.2",
            domain_name: None,
            certificate: None,
        }),
        rule: MatchedRule::Priority(1),
        actions: &[ActionTaken::Redirect],
        ..http()
    };
    let request = RequestLine { protocol: b"HTTP/2.0", ..get("https", "10.0.2.105", 773) };
    let mut draft = draft(&request, "curl/7.46.0", "Root=1-58337327-72bd00b0343d75b906739c42");
    draft.redirect_url(b"https://example.com:80/");
    assert_eq!(
        line(&draft, &outcome),
        "h2 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 10.0.1.252:48160 10.0.0.66:9000 \
         0.000 0.002 0.000 200 200 5 257 \"GET https://10.0.2.105:773/ HTTP/2.0\" \"curl/7.46.0\" \
         ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 \
         arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 \
         \"Root=1-58337327-72bd00b0343d75b906739c42\" \"-\" \"-\" 1 2018-07-02T22:22:48.364000Z \"redirect\" \
         \"https://example.com:80/\" \"-\" \"10.0.0.66:9000\" \"200\" \"-\" \"-\"\n"
    );
}

#[test]
fn a_websocket_is_the_guides_example() {
    let outcome = Outcome {
        kind: Kind::Ws,
        client: "10.0.0.140:40914".parse().unwrap(),
        target: Some("10.0.1.192:8010".parse().unwrap()),
        times: millis(1, 3, 0),
        elb_status: Some(101),
        target_status: Some(101),
        received_bytes: 218,
        sent_bytes: 587,
        rule: MatchedRule::Priority(1),
        ..http()
    };
    let mut draft = Draft::new();
    draft.request(&get("http", "10.0.0.30", 80));
    draft.target_group(GROUP);
    draft.trace_id(b"Root=1-58337364-23a8c76965a2ef7629b185e3");
    assert_eq!(
        line(&draft, &outcome),
        "ws 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 10.0.0.140:40914 10.0.1.192:8010 \
         0.001 0.003 0.000 101 101 218 587 \"GET http://10.0.0.30:80/ HTTP/1.1\" \"-\" - - \
         arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 \
         \"Root=1-58337364-23a8c76965a2ef7629b185e3\" \"-\" \"-\" 1 2018-07-02T22:22:48.364000Z \"forward\" \"-\" \"-\" \
         \"10.0.1.192:8010\" \"101\" \"-\" \"-\"\n"
    );
}

#[test]
fn a_request_that_could_not_be_read_has_its_line_too() {
    let outcome = Outcome {
        target: None,
        times: Times::default(),
        elb_status: Some(400),
        target_status: None,
        rule: MatchedRule::NotEvaluated,
        actions: &[],
        ..http()
    };
    let mut draft = Draft::new();
    draft.unreadable("http", "my-lb-1.eu-west-1.elb.amazonaws.com", 80);
    let line = line(&draft, &outcome);
    assert_eq!(
        line,
        "http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 - -1 -1 -1 400 - 34 366 \
         \"- http://my-lb-1.eu-west-1.elb.amazonaws.com:80- -\" \"-\" - - - \"-\" \"-\" \"-\" - 2018-07-02T22:22:48.364000Z \
         \"-\" \"-\" \"-\" \"-\" \"-\" \"-\" \"-\"\n"
    );
    assert_eq!(fields(&line).len(), 29);
}

#[test]
fn a_redirect_logs_its_url_and_its_action() {
    let outcome = Outcome { target: None, actions: &[ActionTaken::Waf, ActionTaken::Redirect], ..http() };
    let mut draft = http_draft();
    draft.redirect_url(b"https://example.com:443/?a=\"b\"");
    let fields = fields(&line(&draft, &outcome));
    assert_eq!(fields[22], "waf,redirect");
    assert_eq!(fields[23], r"https://example.com:443/?a=\x22b\x22");
}

#[test]
fn every_kind_and_every_action_has_the_guides_name() {
    let kinds = [Kind::Http, Kind::Https, Kind::H2, Kind::Grpc, Kind::Ws, Kind::Wss];
    let names = kinds.map(|kind| fields(&line(&http_draft(), &Outcome { kind, ..http() })).remove(0));
    assert_eq!(names, ["http", "https", "h2", "grpc", "ws", "wss"]);
    use ActionTaken::*;
    let actions = &[Waf, WafFailed, Authenticate, FixedResponse, Forward, Redirect];
    let all = fields(&line(&http_draft(), &Outcome { actions, ..http() }));
    assert_eq!(all[22], "waf,waf-failed,authenticate,fixed-response,forward,redirect");
}

#[test]
fn the_rule_is_a_priority_zero_minus_one_or_a_dash() {
    let rule = |rule| fields(&line(&http_draft(), &Outcome { rule, ..http() })).remove(20);
    assert_eq!(rule(MatchedRule::Priority(50_000)), "50000");
    assert_eq!(rule(MatchedRule::Default), "0");
    assert_eq!(rule(MatchedRule::Failed), "-1");
    assert_eq!(rule(MatchedRule::NotEvaluated), "-");
}

#[test]
fn class_reason_and_error_code_are_the_last_of_29_fields() {
    let outcome = Outcome {
        classification: Some(("Ambiguous", "BothTeClPresent")),
        error_reason: Some("AWSALBTGCookieInvalid"),
        ..http()
    };
    let fields = fields(&line(&http_draft(), &outcome));
    assert_eq!(fields.len(), 29);
    assert_eq!(fields[24], "AWSALBTGCookieInvalid");
    assert_eq!(fields[27..], ["Ambiguous", "BothTeClPresent"]);
}

#[test]
fn an_end_without_any_status_is_a_dash() {
    let outcome = Outcome { elb_status: None, target_status: None, target: None, ..http() };
    let fields = fields(&line(&http_draft(), &outcome));
    assert_eq!([&fields[4], &fields[8], &fields[9], &fields[25], &fields[26]], ["-"; 5]);
}

#[test]
fn a_user_agent_is_cut_at_8_kilobytes() {
    let mut draft = Draft::new();
    draft.user_agent(&vec![b'a'; USER_AGENT_BYTES_MAX]);
    assert_eq!(fields(&line(&draft, &http()))[13].len(), 8192);
    draft.reset();
    draft.user_agent(&vec![b'a'; USER_AGENT_BYTES_MAX + 1]);
    assert_eq!(fields(&line(&draft, &http()))[13].len(), 8192);
}

#[test]
fn nothing_that_a_client_sends_makes_another_field_or_line() {
    let every: Vec<u8> = (0..=255).collect();
    let mut draft = Draft::new();
    draft.request(&RequestLine { method: &every, host: &every, uri: &every, ..get("http", "", 80) });
    draft.user_agent(&every);
    draft.trace_id(&every);
    draft.redirect_url(&every);
    let line = line(&draft, &http());
    assert_eq!(fields(&line).len(), 29);
    assert_eq!(line.bytes().filter(|byte| byte.is_ascii_control()).count(), 1);
}

#[test]
fn the_uri_is_logged_as_it_was_sent() {
    let mut draft = Draft::new();
    draft.request(&RequestLine { uri: b"/a/../%61?q=%20#x", ..get("http", "Example.COM", 8080) });
    assert_eq!(fields(&line(&draft, &http()))[12], "GET http://Example.COM:8080/a/../%61?q=%20#x HTTP/1.1");
}

#[test]
fn a_draft_that_was_reset_remembers_nothing() {
    let mut draft = http_draft();
    draft.redirect_url(b"https://x/");
    draft.reset();
    assert_eq!(line(&draft, &http()), line(&Draft::new(), &http()));
}

#[test]
fn times_are_measured_between_arrival_dispatch_answer_and_relay() {
    let at = |millis: u64| Mono::from_nanos(millis * 1_000_000);
    assert_eq!(Times::measure(at(5), Some(at(7)), Some(at(10)), Some(at(14))), millis(2, 3, 4));
    assert_eq!(Times::measure(at(5), Some(at(7)), Some(at(10)), None).response, None);
}

#[test]
fn times_are_minus_one_without_a_dispatch_or_without_an_answer() {
    let at = |millis: u64| Mono::from_nanos(millis * 1_000_000);
    assert_eq!(Times::measure(at(5), None, None, None), Times::default());
    assert_eq!(Times::measure(at(5), Some(at(7)), None, None), Times::default());
    let outcome = Outcome { times: Times::default(), ..http() };
    assert_eq!(fields(&line(&http_draft(), &outcome))[5..8], ["-1", "-1", "-1"]);
}
