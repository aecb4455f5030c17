//! `explain`: what would happen to a request, told by the code that decides about real ones.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use super::{Report, load};
use crate::config::template::{Inputs, Source};
use crate::config::{Config, Listener};
use crate::desync::{Clearing, Reading, Reason, Refused};
use crate::exchange::outgoing::{Terms, write_request};
use crate::http::h1::head::{Scan, Scanner};
use crate::http::{FieldRoom, Refusal};
use crate::rules::{Action, ConditionVerdict, Explanation, Outcome, RedirectParts, RuleVerdict, Subject};
use crate::time::Wall;

/// A request to explain.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The port of the listener that gets it.
    pub listener: u16,
    /// `GET`, …
    pub method: &'a str,
    /// `http://host/path?query`, or `/path?query` alone.
    pub url: &'a str,
    /// Whole header lines, `Name: value`. A Host among them replaces the URL's.
    pub headers: &'a [String],
    /// Who sends it.
    pub source: IpAddr,
    /// When; printed into the trace id that a target would see.
    pub wall: Wall,
    /// Answer in JSON.
    pub json: bool,
}

/// Tells which rule takes a request, why each other does or does not, and what the target would receive.
pub fn explain(source: Source<'_>, inputs: &Inputs, question: &Question<'_>) -> Report {
    let (config, warnings) = match load(source, inputs) {
        Ok(loaded) => loaded,
        Err(errors) => return Report::failure(errors),
    };
    let Some(listener) = config.listeners.iter().find(|listener| listener.port == question.listener) else {
        return Report::failure(no_such_listener(source.name, &config, question.listener));
    };
    let head = request_head(question);
    match answer(&config, listener, question, &head) {
        Ok(answer) if question.json => Report::success(format!("{:#}\n", answer.to_json()), warnings),
        Ok(answer) => Report::success(answer.to_text(), warnings),
        Err(refusal) => Report { err: warnings, ..refused(refusal, question.json) },
    }
}

/// Everything there is to say.
struct Answer<'c> {
    config: &'c Config,
    listener: &'c Listener,
    explanation: Explanation<'c>,
    /// Where a redirect leads.
    location: Option<String>,
    /// The head for a target, when it would be forwarded.
    forwarded: Option<Vec<u8>>,
}

fn answer<'c>(
    config: &'c Config,
    listener: &'c Listener,
    question: &Question<'_>,
    head: &[u8],
) -> Result<Answer<'c>, Refused> {
    let Scan::Head { len, lines, regular } = Scanner::request().scan(head)? else {
        return Err(Refused::Http(Refusal::HeadTooLarge));
    };
    // An empty line within what was given ends the head early: more than one request.
    if len < head.len() {
        return Err(Refused::Desync(Reason::EmptyHeader));
    }
    let default = crate::config::LoadBalancerAttributes::default();
    let balancer = config.load_balancers.get(listener.load_balancer);
    let attributes = balancer.map_or(&default, |balancer| &balancer.attributes);
    let clearing = Clearing { mode: attributes.desync_mitigation_mode, preserve_host: attributes.preserve_host_header };
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let cleared = Reading::of(&head[..len], lines, regular, &mut mended, &mut room).clear(&clearing)?;
    let subject = Subject {
        method: cleared.request().method,
        host: cleared.host(),
        path: cleared.target().path,
        query: cleared.target().query,
        fields: cleared.request().fields.0,
        source: question.source,
    };
    let explanation = listener.rules.explain(&subject);
    let forwarded = matches!(explanation.decision.action, Action::Forward(_)).then(|| {
        let terms = Terms {
            attributes,
            scheme: listener.protocol.scheme(),
            listener_port: listener.port,
            client: SocketAddr::new(question.source, 0),
            dns_name: balancer.map_or("", |balancer| balancer.dns_name.as_str()),
            wall: question.wall,
            entropy: [0; 12],
        };
        let mut out = Vec::new();
        write_request(&cleared, &terms, &mut out);
        out
    });
    let name = balancer.map_or("", |balancer| balancer.dns_name.as_str());
    let location = redirect_location(listener, &subject, name, explanation.decision.action);
    Ok(Answer { config, listener, explanation, location, forwarded })
}

fn no_such_listener(name: &str, config: &Config, port: u16) -> String {
    let ports: Vec<String> = config.listeners.iter().map(|listener| listener.port.to_string()).collect();
    let ports = if ports.is_empty() { "there are none".to_owned() } else { ports.join(", ") };
    format!("{name}: no listener has port {port} (listeners: {ports})\n")
}

/// The bytes that a client would send. They are not looked at here: what is wrong with them is for the data
/// path to say.
fn request_head(question: &Question<'_>) -> Vec<u8> {
    let after_scheme = question.url.split_once("://").map(|(_, rest)| rest);
    let (host, target) = match after_scheme {
        Some(rest) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        None => ("localhost", question.url),
    };
    let slash = if target.starts_with('/') || target == "*" { "" } else { "/" };
    let mut head = format!("{} {slash}{target} HTTP/1.1\r\n", question.method);
    let is_host = |line: &String| line.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("host"));
    if !question.headers.iter().any(is_host) {
        let _ = write!(head, "Host: {host}\r\n");
    }
    for line in question.headers {
        let _ = write!(head, "{line}\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn refused(refusal: Refused, json: bool) -> Report {
    let status = refusal.status();
    let out = if json {
        format!("{:#}\n", json!({ "refused": { "status": status, "reason": refusal.to_string() } }))
    } else {
        format!("refused with {status} before any rule is tried: {refusal}\n")
    };
    Report { out, ..Report::default() }
}

fn redirect_location(listener: &Listener, subject: &Subject<'_>, name: &str, action: &Action) -> Option<String> {
    let Action::Redirect(redirect) = action else { return None };
    let parts = RedirectParts {
        scheme: listener.protocol.scheme(),
        host: if subject.host.is_empty() { name.as_bytes() } else { subject.host },
        port: listener.port,
        path: subject.path,
        query: subject.query.unwrap_or_default(),
    };
    let mut location = Vec::new();
    Some(match redirect.location(&parts, &mut location) {
        Ok(()) => String::from_utf8_lossy(&location).into_owned(),
        Err(too_long) => too_long.to_string(),
    })
}

impl Answer<'_> {
    fn to_text(&self) -> String {
        let mut text =
            format!("listener {} (port {})\n{}", self.listener.logical_id, self.listener.port, self.explanation);
        match self.explanation.decision.action {
            Action::Forward(forward) => {
                for weighted in &forward.groups {
                    let _ = writeln!(text, "  to {} with weight {}", self.group_name(weighted.group), weighted.weight);
                }
            }
            Action::Redirect(_) => {
                let _ = writeln!(text, "  to {}", self.location.as_deref().unwrap_or_default());
            }
            Action::FixedResponse(response) => {
                let kind = response.content_type.as_deref().unwrap_or("no content type");
                let _ = writeln!(text, "  {kind}, {} bytes", response.body.len());
            }
        }
        if let Some(head) = &self.forwarded {
            text.push_str("the target would receive:\n");
            for line in String::from_utf8_lossy(head).trim_end().lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }

    fn to_json(&self) -> Value {
        let rules: Vec<Value> = self.explanation.rules.iter().map(rule_json).collect();
        let decision = &self.explanation.decision;
        let head = self.forwarded.as_ref().map(|head| String::from_utf8_lossy(head).into_owned());
        json!({
            "listener": { "name": self.listener.logical_id, "port": self.listener.port },
            "rules": rules,
            "decision": {
                "rule": decision.rule.map(|rule| &rule.name),
                "priority": decision.priority(),
                "action": self.action_json(decision.action),
            },
            "target_receives": head,
        })
    }

    fn action_json(&self, action: &Action) -> Value {
        match action {
            Action::Forward(forward) => {
                let group = |weighted: &crate::rules::WeightedGroup| json!({ "name": self.group_name(weighted.group), "weight": weighted.weight });
                json!({ "type": "forward", "groups": forward.groups.iter().map(group).collect::<Vec<_>>() })
            }
            Action::Redirect(redirect) => {
                json!({ "type": "redirect", "status": redirect.status.code(), "location": self.location })
            }
            Action::FixedResponse(response) => json!({
                "type": "fixed-response",
                "status": response.status,
                "content_type": response.content_type,
                "body": response.body,
            }),
        }
    }

    fn group_name(&self, id: crate::rules::GroupId) -> &str {
        self.config.group(id).map_or("?", |group| group.logical_id.as_str())
    }
}

fn rule_json(verdict: &RuleVerdict<'_>) -> Value {
    let outcome = match verdict.outcome {
        Outcome::Taken => "taken",
        Outcome::Shadowed => "shadowed",
        Outcome::NoMatch => "no-match",
    };
    let conditions: Vec<Value> = verdict.conditions.iter().map(condition_json).collect();
    json!({
        "name": verdict.rule.name,
        "priority": verdict.rule.priority,
        "outcome": outcome,
        "conditions": conditions,
    })
}

fn condition_json(verdict: &ConditionVerdict<'_>) -> Value {
    json!({
        "field": verdict.condition.field(),
        "holds": verdict.held(),
        "matched": verdict.matched.as_ref().map(|(_, value)| value),
        "saw": verdict.saw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn question(url: &str) -> Question<'_> {
        let source = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        Question { listener: 80, method: "GET", url, headers: &[], source, wall: Wall::from_micros(0), json: false }
    }

    fn told(question: &Question<'_>) -> Report {
        explain(Source { name: "t.yaml", text: TEMPLATE }, &Inputs::default(), question)
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
        let headers = ["Host: b.example".to_owned()];
        let report = told(&Question { headers: &headers, ..question("http://a.example/old") });
        assert!(report.out.contains("to http://b.example:80/new"), "{}", report.out);
    }

    #[test]
    fn what_the_data_path_refuses_is_refused_with_its_status() {
        let report = told(&Question { method: "TRACE", ..question("/") });
        assert!(report.out.starts_with("refused with 405 "), "{}", report.out);
        let headers = ["A: b\r\n\r\nGET /smuggled HTTP/1.1".to_owned()];
        let report = told(&Question { headers: &headers, ..question("/") });
        assert!(report.out.starts_with("refused with 400 "), "{}", report.out);
    }

    #[test]
    fn a_port_without_a_listener_is_an_error_that_names_those_there_are() {
        let report = told(&Question { listener: 81, ..question("/") });
        assert_eq!(report.code, 1);
        assert_eq!(report.err, "t.yaml: no listener has port 81 (listeners: 80)\n");
    }
}
