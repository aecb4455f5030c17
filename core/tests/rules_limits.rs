//! What a set of rules may not be, on both sides of each limit.

use sluicegate::rules::{
    Action, Condition, FixedResponse, Forward, GroupId, Pattern, Redirect, RedirectProtocol, RedirectStatus, Rule,
    RuleError, Ruleset, WeightedGroup,
};

fn fixed(status: u16, body_len: usize) -> Action {
    Action::FixedResponse(FixedResponse { status, content_type: None, body: "x".repeat(body_len) })
}

fn forward(weights: &[u16]) -> Action {
    let group = |(at, &weight)| WeightedGroup { group: GroupId(at as u32), weight };
    Action::Forward(Forward { groups: weights.iter().enumerate().map(group).collect(), stickiness: None })
}

fn paths(patterns: &[&str]) -> Condition {
    Condition::PathPattern(patterns.iter().map(|pattern| Pattern::new(pattern)).collect())
}

fn header(patterns: &[&str]) -> Condition {
    let values = patterns.iter().map(|pattern| Pattern::ignoring_case(pattern)).collect();
    Condition::HttpHeader { name: "X-A".to_owned(), values }
}

fn sources(count: usize) -> Condition {
    Condition::SourceIp((0..count).map(|at| format!("10.0.0.{at}/32").parse().unwrap()).collect())
}

fn rule(priority: u16, conditions: Vec<Condition>) -> Rule {
    Rule { name: format!("R{priority}"), priority, conditions, action: fixed(200, 0) }
}

fn messages(rules: Vec<Rule>, default: Action) -> Vec<String> {
    Ruleset::new(rules, default).err().unwrap_or_default().iter().map(RuleError::to_string).collect()
}

fn conditions(conditions: Vec<Condition>) -> Vec<String> {
    messages(vec![rule(1, conditions)], fixed(200, 0))
}

fn action(action: Action) -> Vec<String> {
    messages(Vec::new(), action)
}

#[test]
fn priorities_lie_between_1_and_50000() {
    let priority = |priority| messages(vec![rule(priority, vec![paths(&["/"])])], fixed(200, 0));
    assert!(priority(1).is_empty() && priority(50_000).is_empty());
    assert_eq!(priority(0), ["R0: priority 0 is not between 1 and 50000"]);
    assert_eq!(priority(50_001), ["R50001: priority 50001 is not between 1 and 50000"]);
}

#[test]
fn a_priority_belongs_to_one_rule() {
    let named = |name: &str, priority| Rule { name: name.to_owned(), ..rule(priority, vec![paths(&["/"])]) };
    let rules = vec![named("A", 5), named("B", 6), named("C", 5), named("D", 5)];
    assert_eq!(
        messages(rules, fixed(200, 0)),
        ["priority 5 is used by both A and C", "priority 5 is used by both A and D"]
    );
}

#[test]
fn a_rule_has_conditions_and_each_has_values() {
    assert_eq!(conditions(vec![]), ["R1: a rule needs at least one condition"]);
    assert_eq!(conditions(vec![paths(&[])]), ["R1: path-pattern has no values"]);
}

#[test]
fn host_path_method_and_source_occur_once_others_repeatedly() {
    let host = || Condition::HostHeader(vec![Pattern::ignoring_case("a.b")]);
    let method = || Condition::HttpRequestMethod(vec!["GET".to_owned()]);
    assert_eq!(conditions(vec![host(), host()]), ["R1: host-header may be used once in a rule, not 2 times"]);
    assert_eq!(conditions(vec![paths(&["/"]), paths(&["/"])]).len(), 1);
    assert_eq!(conditions(vec![method(), method()]).len(), 1);
    assert_eq!(conditions(vec![sources(1), sources(1)]).len(), 1);
    assert!(conditions(vec![header(&["a"]), header(&["b"]), host(), method()]).is_empty());
}

#[test]
fn a_condition_has_at_most_three_values_and_a_source_five() {
    assert!(conditions(vec![paths(&["/a", "/b", "/c"])]).is_empty());
    assert_eq!(
        conditions(vec![paths(&["/a", "/b", "/c", "/d"])]),
        ["R1: path-pattern has 4 values, at most 3 are allowed in one condition"]
    );
    assert!(conditions(vec![sources(5)]).is_empty());
    assert_eq!(conditions(vec![sources(6)]).len(), 2);
}

#[test]
fn a_rule_has_at_most_five_values() {
    assert!(conditions(vec![header(&["a", "b", "c"]), header(&["d", "e"])]).is_empty());
    assert_eq!(
        conditions(vec![header(&["a", "b", "c"]), header(&["d", "e", "f"])]),
        ["R1: the conditions have 6 values together, at most 5 are allowed in a rule"]
    );
}

#[test]
fn a_rule_has_at_most_five_wildcards() {
    assert!(conditions(vec![paths(&["*?*"]), header(&["?*"])]).is_empty());
    assert_eq!(
        conditions(vec![paths(&["*?*"]), header(&["?**"])]),
        ["R1: the conditions have 6 wildcards together, at most 5 are allowed in a rule"]
    );
}

#[test]
fn a_forward_action_has_one_to_five_groups() {
    assert_eq!(action(forward(&[])), ["the default rule: a forward action has 1 to 5 target groups, not 0"]);
    assert!(action(forward(&[1])).is_empty());
    assert!(action(forward(&[1; 5])).is_empty());
    assert_eq!(action(forward(&[1; 6])).len(), 1);
}

#[test]
fn a_weight_is_at_most_999() {
    assert!(action(forward(&[0, 999])).is_empty());
    assert_eq!(action(forward(&[1000, 1])), ["the default rule: weight 1000 is above 999"]);
}

#[test]
fn a_fixed_response_is_2xx_4xx_or_5xx() {
    for status in [200, 299, 400, 499, 500, 599] {
        assert!(action(fixed(status, 0)).is_empty(), "{status}");
    }
    for status in [0, 199, 300, 399, 600] {
        assert_eq!(action(fixed(status, 0)).len(), 1, "{status}");
    }
}

#[test]
fn the_body_of_a_fixed_response_has_at_most_1024_bytes() {
    assert!(action(fixed(200, 1024)).is_empty());
    assert_eq!(action(fixed(200, 1025)).len(), 1);
}

#[test]
fn a_redirect_changes_protocol_host_port_or_path() {
    let same = Redirect {
        protocol: RedirectProtocol::Same,
        host: "#{host}".to_owned(),
        port: "#{port}".to_owned(),
        path: "/#{path}".to_owned(),
        query: "a=b".to_owned(),
        status: RedirectStatus::Found,
    };
    assert_eq!(
        action(Action::Redirect(same.clone())),
        ["the default rule: a redirect must change at least one of protocol, host, port and path"]
    );
    let changes = [
        Redirect { protocol: RedirectProtocol::Https, ..same.clone() },
        Redirect { host: "example.com".to_owned(), ..same.clone() },
        Redirect { port: "8080".to_owned(), ..same.clone() },
        Redirect { path: "/new/#{path}".to_owned(), ..same },
    ];
    for redirect in changes {
        assert!(action(Action::Redirect(redirect)).is_empty());
    }
}

#[test]
fn every_error_is_reported_none_hides_another() {
    let rules = vec![rule(0, vec![]), rule(7, vec![paths(&[])]), rule(7, vec![paths(&["/a"; 6])])];
    assert_eq!(messages(rules, forward(&[1000; 6])).len(), 1 + 1 + 1 + 1 + 2 + 6 + 1);
}
