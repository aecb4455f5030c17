//! What `explain` tells of a request is what then happens to it: random requests go both ways, through `explain` and through
//! a whole shard, and the rule, the answer and the head that a target receives have to agree.

#![cfg(all(feature = "cli", feature = "shard"))]

use std::sync::Arc;

use sluicegate::cli::{Asked, Question, explain};
use sluicegate::config::Config;
use sluicegate::config::template::{Inputs, Source, read};
use sluicegate::shard::{Effect, Endpoints, ListenerId, Log, Options, Shard};
use sluicegate::time::{Mono, Now, Wall};

const TEMPLATE: &str = "
Resources:
  Lb:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: { Subnets: [a, b] }
  One:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Protocol: HTTP, Port: 9001, VpcId: v, TargetType: ip, Targets: [{ Id: 127.0.0.1 }] }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      { LoadBalancerArn: !Ref Lb, Port: 8080, Protocol: HTTP, DefaultActions: [{ Type: forward, TargetGroupArn: !Ref One }] }
  Path:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 10
      Conditions: [{ Field: path-pattern, Values: ['/a/*', '*.png'] }, { Field: host-header, Values: ['*.example.com'] }]
      Actions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '210' } }]
  Header:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 20
      Conditions: [{ Field: http-header, HttpHeaderConfig: { HttpHeaderName: X-Beta, Values: ['y?s', '1*'] } }]
      Actions: [{ Type: redirect, RedirectConfig: { StatusCode: HTTP_302, Host: 'beta.#{host}', Port: '81', Query: 'q=#{query}' } }]
  Query:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 30
      Conditions:
        - { Field: query-string, QueryStringConfig: { Values: [{ Key: v, Value: '2*' }, { Value: beta }] } }
        - { Field: http-request-method, HttpRequestMethodConfig: { Values: [GET, PURGE] } }
      Actions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '211' } }]
  Source:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 40
      Conditions: [{ Field: source-ip, SourceIpConfig: { Values: ['192.0.2.0/25', '2001:db8::/32'] } }]
      Actions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '212' } }]
";

const WALL: Wall = Wall::from_micros(1_700_000_000_000_000);

struct Request {
    method: &'static str,
    host: &'static str,
    path: String,
    headers: Vec<String>,
    source: &'static str,
}

fn random(chance: &mut fastrand::Rng) -> Request {
    let mut pick = |from: &[&'static str]| from[chance.usize(..from.len())];
    let path = format!(
        "{}{}{}{}",
        pick(&["/", "/a/", "/a", "/%61/", "/b/../a/", "/A/", "//a/"]),
        pick(&["", "x", "cat.png", "x%2fy", "./z"]),
        pick(&["", "", "?", "?v=2", "?v=20&w", "?w=beta", "?v=%32", "?V=2&x=1", "?q=a?b"]),
        pick(&["", "", "&k=v"]),
    );
    let mut headers = Vec::new();
    for header in [
        pick(&["", "", "X-Beta: yes", "x-beta: 1", "X-Beta: no", "X-Beta:"]),
        pick(&["", "X-Forwarded-For: 198.51.100.1, 192.0.2.9", "Cookie: a=b", "x-amzn-oidc-data: forged"]),
        pick(&["", "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678", "Connection: close", "TE: trailers"]),
    ] {
        if !header.is_empty() {
            headers.push(header.to_owned());
        }
    }
    Request {
        method: pick(&["GET", "POST", "PURGE", "HEAD"]),
        host: pick(&["www.example.com", "example.com", "WWW.EXAMPLE.COM", "other.example", "www.example.com:8080"]),
        path,
        headers,
        source: pick(&["192.0.2.1", "192.0.2.200", "2001:db8::7", "198.51.100.1", "::ffff:192.0.2.5"]),
    }
}

impl Request {
    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.path, self.host);
        for header in &self.headers {
            head += &format!("{header}\r\n");
        }
        (head + "\r\n").into_bytes()
    }
}

/// What the shard does: its own answer, or the head for the target; and the rule, as the log has it.
fn through_the_shard(shard: &mut Shard, source: &str, request: &[u8]) -> (Option<String>, Option<String>, String) {
    let mut turn = shard.turn(Now { mono: Mono::default(), wall: WALL });
    let ends = Endpoints {
        peer: (source.parse::<std::net::IpAddr>().unwrap(), 0).into(),
        local: ([127, 0, 0, 1], 8080).into(),
    };
    let client = turn.accepted(ListenerId(8080), ends).unwrap();
    turn.wire(client).unwrap().offer(request);
    let mut received = None;
    while let Some(effect) = turn.next_effect() {
        if let Effect::Dial { wire, .. } = effect {
            turn.dialed(wire, Ok(ends));
            received = Some(String::from_utf8_lossy(turn.wire(wire).unwrap().pending()).into_owned());
            turn.wire(wire).unwrap().lost();
        }
    }
    let mut wire = turn.wire(client).unwrap();
    let answer = String::from_utf8_lossy(wire.pending()).into_owned();
    wire.sent(answer.len());
    if let Some(mut wire) = turn.wire(client) {
        wire.lost();
    }
    let mut journal = turn.journal(Log::Access);
    let line = String::from_utf8_lossy(journal.pending()).into_owned();
    journal.sent(line.len());
    let _ = turn.finish();
    let rule = line.rsplit("Z \"").nth(1).and_then(|before| before.rsplit(' ').nth(1)).unwrap_or("?").to_owned();
    (received.is_none().then_some(answer), received, rule)
}

/// Targets are not checked: only requests go to them here.
fn configuration(source: Source<'_>) -> Config {
    let mut config = read(source, &Inputs::default()).unwrap().config;
    config.disable_health_checks();
    config
}

#[test]
fn what_explain_tells_is_what_happens() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut chance = fastrand::Rng::with_seed(seed);
    let config = configuration(Source { name: "t.yaml", text: TEMPLATE });
    let mut options = Options::default();
    options.access_log = true;
    let mut shard = Shard::new(Arc::new(config), options, 1);
    let mut rules = std::collections::BTreeSet::new();
    for round in 0..400 {
        let request = random(&mut chance);
        let url = format!("http://{}{}", request.host, request.path);
        let mut headers = vec![format!("Host: {}", request.host)];
        headers.extend(request.headers.iter().cloned());
        let question = Question {
            listener: 8080,
            request: Asked::Composed { method: request.method, url: &url, headers: &headers },
            source: request.source.parse().unwrap(),
            wall: WALL,
            json: true,
        };
        let report = explain(Source { name: "t.yaml", text: TEMPLATE }, &Inputs::default(), &question);
        assert_eq!(report.code, 0, "{}", report.err);
        let told: serde_json::Value = serde_json::from_str(&report.out).unwrap();
        let (answer, received, rule) = through_the_shard(&mut shard, request.source, &request.bytes());
        let context = format!("SEED={seed}, round {round}: {url} {headers:?}\n{}\n{answer:?}", report.out);
        assert_eq!(told["decision"]["priority"].to_string(), rule, "{context}");
        assert_eq!(without_chance(told["target_receives"].as_str()), without_chance(received.as_deref()), "{context}");
        if let Some(answer) = answer {
            let status = &told["decision"]["action"]["status"];
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{context}");
            if let Some(location) = told["decision"]["action"]["location"].as_str() {
                assert!(answer.contains(&format!("\r\nLocation: {location}\r\n")), "{context}");
            }
        }
        rules.insert(rule);
    }
    assert_eq!(rules.len(), 5, "every rule and the default were taken: {rules:?}");
}

/// A head without what chance put into it: the random part of the trace id.
fn without_chance(head: Option<&str>) -> Option<String> {
    let lines = head?.split("\r\n").map(|line| {
        if line.starts_with("X-Amzn-Trace-Id: ") {
            line.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect()
        } else {
            line.to_owned()
        }
    });
    Some(lines.collect::<Vec<_>>().join("\n"))
}

/// What may stand in place of the regular part before it.
const ODD_METHODS: &[&str] = &["POST", "POST", "HEAD", "TRACE", "PURGE", "G\u{e9}T", ""];
const ODD_TARGETS: &[&str] =
    &["/?v=2", "/a/b c.png", "/\x01", "/\u{e9}", "/\0", "http://www.example.com/a/", "*", "a", " /a/"];
const ODD_VERSIONS: &[&str] = &[" HTTP/1.1 ", " HTTP/1.0", " HTTP/1.2", " HTTP/2.0", "", " X"];
const ODD_LINES: &[&str] = &[
    "Host: a",
    "Host: a b",
    "X-Beta: y\x01s",
    "X-Beta: y\0s",
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: 5",
    "Content-Length: +5",
    "Content-Length: 6",
    "Content_Length: 7",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: x",
    "Transfer-Encoding : chunked",
    "X: a\r\n b",
    "no colon",
    ": no name",
    "X(: a",
    "X_Y: a",
    "X : a",
    "X\r: a",
];

/// A head of which some parts are odd.
fn odd(chance: &mut fastrand::Rng) -> Vec<u8> {
    let mut or = |regular: &'static str, odd: &[&'static str]| match chance.u8(..6) {
        0 => odd[chance.usize(..odd.len())],
        _ => regular,
    };
    let mut head = or("", &["\r\n", "\r\n\r\n", "\n"]).to_owned();
    for part in [
        or("GET", ODD_METHODS),
        or(" ", &["  ", "\t"]),
        or("/a/x.png", ODD_TARGETS),
        or(" HTTP/1.1", ODD_VERSIONS),
        or("\r\n", &["\n"]),
        or("Host: www.example.com\r\n", &[""]),
    ] {
        head += part;
    }
    for line in [or("X-Beta: yes", ODD_LINES), or("X: y", ODD_LINES), or("X: y", ODD_LINES)] {
        head += line;
        head += or("\r\n", &["\r\n", "\r\n", "\n"]);
    }
    (head + "\r\n").into_bytes()
}

#[test]
fn what_explain_tells_of_odd_requests_is_what_happens_in_every_mode() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut seen = std::collections::BTreeSet::new();
    for mode in ["monitor", "defensive", "strictest"] {
        let attribute =
            format!("LoadBalancerAttributes: [{{ Key: routing.http.desync_mitigation_mode, Value: {mode} }}]");
        let template = TEMPLATE.replace("Subnets: [a, b]", &format!("Subnets: [a, b], {attribute}"));
        let source = Source { name: "t.yaml", text: &template };
        let mut options = Options::default();
        options.access_log = true;
        let mut shard = Shard::new(Arc::new(configuration(source)), options, 1);
        for round in 0..500 {
            let bytes = odd(&mut chance);
            let asked = Asked::Raw { name: "r", bytes: &bytes, crlf: false };
            let from = "198.51.100.1";
            let question =
                Question { listener: 8080, request: asked, source: from.parse().unwrap(), wall: WALL, json: true };
            let report = explain(source, &Inputs::default(), &question);
            let context = format!(
                "SEED={seed}, {mode}, round {round}: {:?}\n{}{}",
                bytes.escape_ascii().to_string(),
                report.out,
                report.err
            );
            let told: serde_json::Value = serde_json::from_str(&report.out).expect(&context);
            let (answer, received, rule) = through_the_shard(&mut shard, from, &bytes);
            assert_eq!(told["mode"], mode, "{context}");
            let fate = &told["outcome"][mode];
            assert_eq!(fate["routed"] == true, told["refused"].is_null(), "{context}");
            let status = match (&told["refused"]["status"], &told["decision"]["action"]["status"]) {
                (serde_json::Value::Null, by_rule) => by_rule,
                (refused, _) => refused,
            };
            let tier = told["classification"]["tier"].as_str().expect(&context).to_owned();
            seen.insert((mode, tier, fate["routed"] == true, fate["closes"] == true));
            assert_eq!(
                told["decision"]["priority"].as_u64().map_or("-".to_owned(), |number| number.to_string()),
                rule,
                "{context}"
            );
            assert_eq!(
                without_chance(told["target_receives"].as_str()),
                without_chance(received.as_deref()),
                "{context}"
            );
            match (answer, received) {
                (Some(answer), None) => {
                    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{context}\n{answer}")
                }
                (_, received) => {
                    let closes = received.is_some_and(|head| head.contains("\r\nConnection: close\r\n"));
                    assert_eq!(fate["target_closes"] == true, closes, "{context}");
                }
            }
        }
    }
    // Of the tiers in each mode: Compliant is routed, the rest as the guide has it (DSY-03 to DSY-05).
    for expected in [
        ("monitor", "Ambiguous", true, false),
        ("monitor", "Ambiguous", true, true),
        ("monitor", "Severe", true, true),
        ("defensive", "Compliant", true, false),
        ("defensive", "Acceptable", true, false),
        ("defensive", "Acceptable", true, true),
        ("defensive", "Ambiguous", true, true),
        ("defensive", "Severe", false, false),
        ("strictest", "Compliant", true, false),
        ("strictest", "Acceptable", false, false),
    ] {
        let (mode, tier, routed, closes) = expected;
        assert!(seen.contains(&(mode, tier.to_owned(), routed, closes)), "{expected:?} not in {seen:?}");
    }
    for (mode, tier, routed, closes) in &seen {
        assert!(!(*routed && *mode == "strictest" && tier != "Compliant"), "{mode} {tier}");
        assert!(!(*routed && *mode == "defensive" && tier == "Severe"), "{mode} {tier}");
        assert!(!(*routed && *mode == "defensive" && tier == "Ambiguous" && !closes), "{mode} {tier}");
    }
}
