//! Short ways to read templates in tests.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]

use sluicegate::config::template::{Inputs, Loaded, Source, TemplateError, read};

pub fn load_with(text: &str, inputs: &Inputs) -> Loaded {
    match read(Source { name: "t.yaml", text }, inputs) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("{}\n{text}", lines(&errors).join("\n")),
    }
}

pub fn load(text: &str) -> Loaded {
    load_with(text, &Inputs::default())
}

pub fn errors_with(text: &str, inputs: &Inputs) -> Vec<String> {
    match read(Source { name: "t.yaml", text }, inputs) {
        Ok(_) => Vec::new(),
        Err(errors) => lines(&errors),
    }
}

pub fn errors(text: &str) -> Vec<String> {
    errors_with(text, &Inputs::default())
}

pub fn lines(errors: &[TemplateError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

pub fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A load balancer, an HTTP listener `Http` on port 80 and an `ip` group `Group`; `more` follows among the resources.
pub fn with(more: &str) -> String {
    format!(
        "Resources:
  Web: {{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer }}
  Http:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {{ LoadBalancerArn: !Ref Web, Port: 80, Protocol: HTTP, DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}] }}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {{ Protocol: HTTP, Port: 8080, TargetType: ip, Targets: [{{ Id: 127.0.0.1 }}] }}
{more}"
    )
}

/// [`with`] a rule of these conditions (in YAML's flow style) that answers 200.
pub fn with_conditions(conditions: &str) -> String {
    with_rule(conditions, "[{ Type: fixed-response, FixedResponseConfig: { StatusCode: 200 } }]")
}

/// [`with`] a rule of these actions.
pub fn with_actions(actions: &str) -> String {
    with_rule("[{ Field: path-pattern, Values: [/x] }]", actions)
}

pub fn with_rule(conditions: &str, actions: &str) -> String {
    with(&format!(
        "  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties: {{ ListenerArn: !Ref Http, Priority: 1, Conditions: {conditions}, Actions: {actions} }}
"
    ))
}

/// [`with`] another resource of our own, its properties in flow style.
pub fn with_resource(kind: &str, properties: &str) -> String {
    with(&format!("  Other:\n    Type: AWS::ElasticLoadBalancingV2::{kind}\n    Properties: {properties}\n"))
}

/// That `good` loads, and that `bad` gives exactly one error, which contains `message`.
pub fn boundary(good: &str, bad: &str, message: &str) {
    load(good);
    let found = errors(bad);
    assert!(
        found.len() == 1 && found[0].contains(message),
        "expected one error with {message:?}, got {found:#?}\n{bad}"
    );
}
