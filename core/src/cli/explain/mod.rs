//! `explain`: what would happen to a request, told by the code that decides about real ones.
//!
//! `asked` makes the bytes that a client would send, `judged` and `body` say how they are read, `answer` what the rules make
//! of them; `text` and `json` are two ways to say it.

mod answer;
mod asked;
mod body;
mod json;
mod judged;
mod text;

use std::net::IpAddr;

pub use asked::{Asked, RAW_BYTES_MAX};

use super::{Report, load};
use crate::config::template::{Inputs, Source};
use crate::config::{Config, Listener, LoadBalancer, LoadBalancerAttributes};
use crate::desync::{Clearing, Mode, Reading, Refused};
use crate::http::FieldRoom;
use crate::http::h1::head::{Scan, Scanner};
use crate::time::Wall;
use answer::Answer;
use body::Body;
use judged::Judged;

/// What an operator wants to know.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The port of the listener that gets the request.
    pub listener: u16,
    /// The request.
    pub request: Asked<'a>,
    /// Who sends it.
    pub source: IpAddr,
    /// When; printed into the trace id that a target would see.
    pub wall: Wall,
    /// Answer in JSON.
    pub json: bool,
}

/// Tells how a request is classified, which rule takes it, why each other does or does not, and what the target would
/// receive.
pub fn explain(source: Source<'_>, inputs: &Inputs, question: &Question<'_>) -> Report {
    let (config, warnings) = match load(source, inputs) {
        Ok(loaded) => loaded,
        Err(errors) => return Report::failure(errors),
    };
    let Some(listener) = config.listeners.iter().find(|listener| listener.port == question.listener) else {
        return Report::failure(no_such_listener(source.name, &config, question.listener));
    };
    match tell(&Place::of(&config, listener), question) {
        Ok(told) if question.json => Report::success(format!("{:#}\n", told.to_json()), warnings),
        Ok(told) => Report::success(told.to_text(), warnings),
        Err(line) => Report::failure(line),
    }
}

/// Where the request arrives.
struct Place<'c> {
    config: &'c Config,
    listener: &'c Listener,
    balancer: Option<&'c LoadBalancer>,
    attributes: LoadBalancerAttributes,
}

/// Everything there is to say.
struct Told<'c> {
    listener: &'c Listener,
    /// Of the load balancer.
    mode: Mode,
    /// `None`: the head is over a limit, and was not looked into.
    judged: Option<Judged>,
    /// What follows the head; only of raw requests.
    body: Option<Body>,
    /// What is likely to be a mistake of the operator's.
    hint: Option<String>,
    answer: Result<Answer<'c>, Refused>,
}

/// `Err` is a line for the operator: what was given is no request.
fn tell<'c>(place: &Place<'c>, question: &Question<'_>) -> Result<Told<'c>, String> {
    let bytes = question.request.bytes()?;
    let told =
        |answer| Told { listener: place.listener, mode: place.mode(), judged: None, body: None, hint: None, answer };
    let (len, regular) = match Scanner::request().scan(&bytes) {
        Ok(Scan::Head { len, regular }) => (len, regular),
        Ok(Scan::More) => return Err(question.request.unfinished()),
        Err(refusal) => return Ok(told(Err(refusal.into()))),
    };
    let (head, rest) = bytes.split_at(len);
    let raw = matches!(question.request, Asked::Raw { .. });
    if !raw && !rest.is_empty() {
        return Err("the head of the request ends early: there is an empty line in what was given (--raw explains bytes as they are)\n"
            .to_owned());
    }
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(head, regular, &mut mended, &mut room);
    let clearing = place.clearing(place.mode());
    Ok(Told {
        judged: Some(Judged::of(&reading, place)),
        body: raw.then(|| Body::read(reading.framing(), rest)),
        hint: if raw { judged::hint(head) } else { None },
        ..told(reading.clear(&clearing).map(|cleared| Answer::of(&cleared, place, question)))
    })
}

impl<'c> Place<'c> {
    fn of(config: &'c Config, listener: &'c Listener) -> Place<'c> {
        let balancer = config.load_balancers.get(listener.load_balancer);
        let attributes = balancer.map(|balancer| balancer.attributes.clone()).unwrap_or_default();
        Place { config, listener, balancer, attributes }
    }

    fn mode(&self) -> Mode {
        self.attributes.desync_mitigation_mode
    }

    fn clearing(&self, mode: Mode) -> Clearing {
        Clearing { mode, preserve_host: self.attributes.preserve_host_header }
    }

    fn dns_name(&self) -> &'c str {
        self.balancer.map_or("", |balancer| balancer.dns_name.as_str())
    }
}

fn no_such_listener(name: &str, config: &Config, port: u16) -> String {
    let ports: Vec<String> = config.listeners.iter().map(|listener| listener.port.to_string()).collect();
    let ports = if ports.is_empty() { "there are none".to_owned() } else { ports.join(", ") };
    format!("{name}: no listener has port {port} (listeners: {ports})\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::net::Ipv4Addr;

    const TEMPLATE: &str = r##"
Resources:
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: { Type: application, Subnets: [subnet-1, subnet-2] }
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Protocol: HTTP, Port: 80, VpcId: vpc-1, TargetType: ip, Targets: [{ Id: 10.0.0.1, Port: 80 }] }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: "404" } }]
  ShopRule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 7
      Conditions: [{ Field: path-pattern, PathPatternConfig: { Values: [/shop*] } }]
      Actions: [{ Type: forward, TargetGroupArn: !Ref Group }]
  MovedRule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 8
      Conditions: [{ Field: path-pattern, PathPatternConfig: { Values: [/old] } }]
      Actions: [{ Type: redirect, RedirectConfig: { StatusCode: HTTP_302, Path: /new } }]
"##;

    fn asking(request: Asked<'_>) -> Question<'_> {
        let source = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        Question { listener: 80, request, source, wall: Wall::from_micros(0), json: false }
    }

    fn question(url: &str) -> Question<'_> {
        asking(Asked::Composed { method: "GET", url, headers: &[] })
    }

    fn with_header<'a>(url: &'a str, header: &'a String) -> Question<'a> {
        asking(Asked::Composed { method: "GET", url, headers: std::slice::from_ref(header) })
    }

    fn told(question: &Question<'_>) -> Report {
        explain(Source { name: "t.yaml", text: TEMPLATE }, &Inputs::default(), question)
    }

    fn raw(text: &str) -> Report {
        told(&asking(Asked::Raw { name: "r.http", bytes: text.as_bytes(), crlf: false }))
    }

    fn raw_json(text: &str) -> Value {
        let request = Asked::Raw { name: "r.http", bytes: text.as_bytes(), crlf: false };
        let report = told(&Question { json: true, ..asking(request) });
        serde_json::from_str(&report.out).expect("JSON")
    }

    fn raw_in(mode: &str, text: &str) -> Report {
        let attributes = format!(
            "Subnets: [subnet-1, subnet-2], \
             LoadBalancerAttributes: [{{ Key: routing.http.desync_mitigation_mode, Value: {mode} }}]"
        );
        let template = TEMPLATE.replace("Subnets: [subnet-1, subnet-2]", &attributes);
        let request = Asked::Raw { name: "r.http", bytes: text.as_bytes(), crlf: false };
        explain(Source { name: "t.yaml", text: &template }, &Inputs::default(), &asking(request))
    }

    #[test]
    fn a_forwarded_request_is_shown_as_the_target_would_receive_it() {
        let report = told(&question("http://shop.example/shop/cart?id=1"));
        assert_eq!((report.code, report.err.as_str()), (0, ""));
        for part in ["rule ShopRule (priority 7) takes the request", "to Group", "  GET /shop/cart?id=1 HTTP/1.1"] {
            assert!(report.out.contains(part), "{part} in {}", report.out);
        }
        assert!(report.out.contains("X-Forwarded-For: 192.0.2.1"), "{}", report.out);
        assert!(report.out.contains("Host: shop.example"), "{}", report.out);
    }

    #[test]
    fn a_redirect_says_where_and_the_default_action_what() {
        assert!(told(&question("http://a.example/old")).out.contains("to http://a.example:80/new"));
        let default = told(&question("/other"));
        assert!(default.out.contains("no rule matches, the default action: fixed-response (404)"), "{}", default.out);
        assert!(!default.out.contains("the target would receive"), "{}", default.out);
    }

    #[test]
    fn json_says_the_same() {
        let report = told(&Question { json: true, ..question("/shop") });
        let value: Value = serde_json::from_str(&report.out).expect("JSON");
        assert_eq!(value["decision"]["rule"], "ShopRule");
        assert_eq!(value["decision"]["action"]["groups"][0]["name"], "Group");
        assert_eq!(value["rules"][1]["outcome"], "no-match");
        assert!(value["target_receives"].as_str().is_some_and(|head| head.starts_with("GET /shop HTTP/1.1\r\n")));
    }

    #[test]
    fn a_given_host_replaces_the_one_of_the_url() {
        let report = told(&with_header("http://a.example/old", &"Host: b.example".to_owned()));
        assert!(report.out.contains("to http://b.example:80/new"), "{}", report.out);
    }

    #[test]
    fn what_the_data_path_refuses_is_refused_with_its_status() {
        let report = told(&asking(Asked::Composed { method: "TRACE", url: "/", headers: &[] }));
        assert!(report.out.starts_with("refused with 405 "), "{}", report.out);
        assert!(report.out.contains("  monitor: refused with 405\n"), "{}", report.out);
    }

    #[test]
    fn a_header_that_ends_the_head_is_a_mistake_of_who_asks() {
        let smuggled = "A: b\r\n\r\nGET /smuggled HTTP/1.1".to_owned();
        let report = told(&with_header("/", &smuggled));
        assert_eq!((report.code, report.out.as_str()), (1, ""));
        assert!(report.err.contains("the head of the request ends early"), "{}", report.err);
    }

    #[test]
    fn a_connection_that_closes_for_the_target_alone_is_told_so() {
        let bytes = b"GET /shop HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
        let report = told(&asking(Asked::Raw { name: "r.http", bytes, crlf: false }));
        assert!(report.out.contains("  monitor: routed, then the target's connection closes\n"), "{}", report.out);
        assert!(report.out.contains("  defensive (the load balancer's mode): routed, then both connections close\n"));
    }

    #[test]
    fn a_terminal_is_shown_no_control_characters() {
        let header = "Y: \u{9b}2J".to_owned();
        let report = told(&with_header("/shop", &header));
        assert!(report.out.contains("  Y: \\u{9b}2J\n"), "{}", report.out);
    }

    #[test]
    fn a_port_without_a_listener_is_an_error_that_names_those_there_are() {
        let report = told(&Question { listener: 81, ..question("/") });
        assert_eq!(report.code, 1);
        assert_eq!(report.err, "t.yaml: no listener has port 81 (listeners: 80)\n");
    }
    const BOTH: &str = "POST /shop HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";

    #[test]
    fn a_raw_request_is_classified_then_explained_as_any_other() {
        let report = raw(BOTH);
        assert_eq!((report.code, report.err.as_str()), (0, ""));
        let expected = "listener Listener (port 80)
classification: Ambiguous, BothTeClPresent: There are both Transfer-Encoding and Content-Length.
  header: \"Content-Length\"
  defensive (the load balancer's mode): routed, then both connections close
  monitor: routed, then both connections close
  strictest: refused with 400
body: 3 bytes in chunks
rule ShopRule (priority 7) takes the request
";
        let explained = report.out.strip_prefix(expected).unwrap_or_else(|| panic!("{}", report.out));
        let received = "the target would receive:\n  POST /shop HTTP/1.1\n  X-Forwarded-For: 192.0.2.1\n";
        assert!(explained.contains(received), "{explained}");
        assert!(explained.ends_with("  Transfer-Encoding: chunked\n  Connection: close\n"), "{explained}");
        assert!(!explained.contains("Content-Length"), "{explained}");
    }

    #[test]
    fn what_is_composed_and_what_is_raw_is_told_in_the_same_words() {
        let header = "X_Y: z".to_owned();
        let composed = told(&with_header("http://a.example/shop?x=1", &header));
        assert_eq!(raw("GET /shop?x=1 HTTP/1.1\r\nHost: a.example\r\nX_Y: z\r\n\r\n"), composed);
        let classified = "listener Listener (port 80)
classification: Compliant
  defensive (the load balancer's mode): routed
  monitor: routed
  strictest: routed
";
        assert!(composed.out.starts_with(classified), "{}", composed.out);
    }

    #[test]
    fn the_mode_of_the_load_balancer_decides_and_comes_first() {
        let severe = "GET /shop HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
        let refused = "refused with 400 before any rule is tried: BadHeader: ";
        let defensive = raw(severe);
        assert!(defensive.out.starts_with(refused), "{}", defensive.out);
        assert!(defensive.out.contains("\nclassification: Severe, BadHeader\n"), "{}", defensive.out);
        let fates = "  header: \"X\"
  defensive (the load balancer's mode): refused with 400
  monitor: routed, then both connections close
  strictest: refused with 400
";
        assert!(defensive.out.ends_with(fates), "{}", defensive.out);
        let monitor = raw_in("monitor", severe);
        assert!(monitor.out.starts_with("listener Listener (port 80)\n"), "{}", monitor.out);
        assert!(monitor.out.contains("  monitor (the load balancer's mode): routed, then"), "{}", monitor.out);
        assert!(monitor.out.contains("the target would receive:\n"), "{}", monitor.out);
        let blank = raw("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n");
        assert!(blank.out.contains("\n  header: \"X \"\n"), "{}", blank.out);
        let strictest = raw_in("strictest", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        assert!(strictest.out.starts_with("refused with 400 "), "{}", strictest.out);
        assert!(strictest.out.contains("\n  defensive: routed\n"), "{}", strictest.out);
    }

    #[test]
    fn the_header_to_blame_is_shown_without_what_a_terminal_would_obey() {
        let report = raw("GET / HTTP/1.1\r\nHost: a\r\nX\x1b[2J\u{e9}: b\r\n\r\n");
        assert!(report.out.contains("  header: \"X\\x1b[2J\\xc3\\xa9\"\n"), "{}", report.out);
    }

    #[test]
    fn line_ends_of_an_editor_are_named_as_such_and_can_be_mended() {
        let edited = "POST /shop HTTP/1.1\nHost: a\nContent-Length: 2\n\na\n";
        let report = raw(edited);
        let hint = "\n  hint: 4 of the 4 lines of the head end in LF alone, as editors write them, and not in CRLF: hence \
                    EmptyHeader; with --crlf it is Compliant\n";
        assert!(report.out.contains(hint), "{}", report.out);
        let mended = told(&asking(Asked::Raw { name: "r.http", bytes: edited.as_bytes(), crlf: true }));
        assert_eq!(mended, raw("POST /shop HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na\n"));
        assert!(mended.out.contains("classification: Compliant\n") && !mended.out.contains("hint"), "{}", mended.out);
        assert!(mended.out.contains("body: 2 bytes by Content-Length\n"), "{}", mended.out);
    }

    #[test]
    fn the_hint_tells_what_is_wrong_besides_the_line_ends() {
        let hint = |text: &str| raw_json(text)["hint"].as_str().map(str::to_owned);
        let partly = hint("GET / HTTP/1.1\r\nHost: a\n\r\n").expect("a hint");
        assert!(partly.starts_with("1 of the 3 lines of the head "), "{partly}");
        assert!(partly.ends_with(": hence NonCompliantHeader; with --crlf it is Compliant"), "{partly}");
        let besides = hint("GET / HTTP/1.1\nHost: a\nContent-Length: 1\r\n\r\na").expect("a hint");
        assert!(
            besides.ends_with("CRLF; with --crlf it is still Ambiguous, UndefinedContentLengthSemantics"),
            "{besides}"
        );
        assert_eq!(hint("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), None);
    }

    #[test]
    fn what_is_no_whole_head_or_too_long_is_an_error_of_the_operator() {
        let cut = raw("GET / HTTP/1.1\r\nHost: a\r\n");
        let said = "r.http: the head does not end: an empty line must follow its last line (25 bytes were read)\n";
        assert_eq!((cut.code, cut.out.as_str(), cut.err.as_str()), (1, "", said));
        assert_eq!(raw("").code, 1);
        let long = raw(&format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{}", "x".repeat(RAW_BYTES_MAX)));
        assert_eq!((long.code, long.out.as_str()), (1, ""));
        assert!(long.err.starts_with("r.http: it is longer than "), "{}", long.err);
    }

    #[test]
    fn a_head_over_its_limits_is_refused_unclassified() {
        let report = raw(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(16 * 1024)));
        assert_eq!(report.code, 0);
        assert!(report.out.starts_with("refused with 414 "), "{}", report.out);
        assert!(!report.out.contains("classification"), "{}", report.out);
    }

    #[test]
    fn what_follows_the_head_is_counted() {
        let body = |text: &str| raw_json(text)["body"].clone();
        let body_of = body("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcdeGET /");
        assert_eq!(body_of["framing"], "content-length");
        assert_eq!((&body_of["length"], &body_of["present"], &body_of["left_over"]), (&5.into(), &5.into(), &5.into()));
        let short = body("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
        assert_eq!((&short["whole"], &short["present"]), (&false.into(), &3.into()));
        let garbled = body(&BOTH.replace("3\r\nabc", "3\nabc"));
        assert!(garbled["problem"].as_str().is_some_and(|why| why.contains("LF without CR")), "{garbled}");
        let unknown = body("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\nabc");
        assert_eq!((&unknown["framing"], &unknown["present"]), (&Value::Null, &3.into()));
    }

    #[test]
    fn json_has_the_classification_and_the_outcome_in_every_mode() {
        let value = raw_json(BOTH);
        assert_eq!(value["mode"], "defensive");
        let classification = &value["classification"];
        assert_eq!(
            (&classification["tier"], &classification["reason"]),
            (&"Ambiguous".into(), &"BothTeClPresent".into())
        );
        assert_eq!(classification["header"], "Content-Length");
        assert_eq!(classification["description"], "There are both Transfer-Encoding and Content-Length.");
        for mode in ["monitor", "defensive"] {
            assert_eq!(
                value["outcome"][mode],
                serde_json::json!({ "routed": true, "closes": true, "target_closes": true }),
                "{mode}"
            );
        }
        assert_eq!(value["outcome"]["strictest"]["status"], 400);
        assert_eq!(value["decision"]["rule"], "ShopRule");
        let refused = raw_json("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n");
        assert_eq!(
            (&refused["refused"]["status"], &refused["classification"]["tier"]),
            (&400.into(), &"Severe".into())
        );
        assert_eq!(refused["outcome"]["monitor"]["routed"], false);
        assert!(refused["decision"].is_null() && refused["hint"].is_null());
        assert_eq!(raw_json("GET / HTTP/1.1\r\nHost: a\r\n\r\n")["classification"]["reason"], Value::Null);
    }
}
