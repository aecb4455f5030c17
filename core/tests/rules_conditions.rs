//! When each of the six conditions holds.

use std::net::IpAddr;

use sluicegate::http::Field;
use sluicegate::rules::{Action, Condition, FixedResponse, Pattern, QueryPair, Rule, Ruleset, Subject};

/// A request to try conditions on.
#[derive(Clone, Copy)]
struct Request<'a> {
    method: &'a str,
    host: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    fields: &'a [(&'a str, &'a str)],
    source: &'a str,
}

const GET: Request<'static> =
    Request { method: "GET", host: "example.com", path: "/", query: None, fields: &[], source: "192.0.2.1" };

fn fixed() -> Action {
    Action::FixedResponse(FixedResponse { status: 200, content_type: None, body: String::new() })
}

fn rule(priority: u16, conditions: Vec<Condition>) -> Rule {
    Rule { name: format!("R{priority}"), priority, conditions, action: fixed() }
}

/// The priority of the rule that takes the request.
fn decide(rules: &Ruleset, request: Request<'_>) -> u16 {
    let fields: Vec<Field<'_>> =
        request.fields.iter().map(|(name, value)| Field { name: name.as_bytes(), value: value.as_bytes() }).collect();
    let subject = Subject {
        method: request.method.as_bytes(),
        host: request.host.as_bytes(),
        path: request.path.as_bytes(),
        query: request.query.map(str::as_bytes),
        fields: &fields,
        source: request.source.parse::<IpAddr>().unwrap(),
    };
    let decision = rules.decide(&subject);
    assert_eq!(rules.explain(&subject).decision, decision);
    decision.priority()
}

fn holds(condition: Condition, request: Request<'_>) -> bool {
    decide(&Ruleset::new(vec![rule(1, vec![condition])], fixed()).unwrap(), request) == 1
}

fn host(pattern: &str) -> Condition {
    Condition::HostHeader(vec![Pattern::ignoring_case(pattern)])
}

fn path(pattern: &str) -> Condition {
    Condition::PathPattern(vec![Pattern::new(pattern)])
}

fn header(name: &str, pattern: &str) -> Condition {
    Condition::HttpHeader { name: name.to_owned(), values: vec![Pattern::ignoring_case(pattern)] }
}

fn query(key: Option<&str>, value: &str) -> Condition {
    let key = key.map(Pattern::escaped_ignoring_case);
    Condition::QueryString(vec![QueryPair { key, value: Pattern::escaped_ignoring_case(value) }])
}

fn source(networks: &[&str]) -> Condition {
    Condition::SourceIp(networks.iter().map(|network| network.parse().unwrap()).collect())
}

#[test]
fn a_host_matches_in_any_case() {
    assert!(holds(host("Example.com"), Request { host: "eXAMPLE.COM", ..GET }));
    assert!(!holds(host("example.org"), GET));
}

#[test]
fn a_host_wildcard_matches_subdomains_and_not_the_domain() {
    assert!(holds(host("*.example.com"), Request { host: "test.example.com", ..GET }));
    assert!(!holds(host("*.example.com"), GET));
    assert!(holds(host("v?.example.com"), Request { host: "v1.example.com", ..GET }));
    assert!(!holds(host("v?.example.com"), Request { host: "v.example.com", ..GET }));
}

#[test]
fn hosts_ignore_case_even_if_the_pattern_was_made_to_mind_it() {
    let condition = Condition::HostHeader(vec![Pattern::new("*.Example.com")]);
    assert!(holds(condition, Request { host: "a-rather-long-name.of-a-host.EXAMPLE.com", ..GET }));
}

#[test]
fn a_path_minds_case_even_if_the_pattern_was_made_not_to() {
    assert!(holds(path("/img/*"), Request { path: "/img/picture.jpg", ..GET }));
    assert!(!holds(path("/img/*"), Request { path: "/IMG/picture.jpg", ..GET }));
    let condition = Condition::PathPattern(vec![Pattern::ignoring_case("/Img")]);
    assert!(!holds(condition.clone(), Request { path: "/img", ..GET }));
    assert!(holds(condition, Request { path: "/Img", ..GET }));
}

#[test]
fn a_path_is_compared_without_the_query() {
    assert!(holds(path("/img"), Request { path: "/img", query: Some("a=b"), ..GET }));
    assert!(!holds(path("*a=b*"), Request { path: "/img", query: Some("a=b"), ..GET }));
}

#[test]
fn a_path_is_normalised_before_it_is_compared() {
    for sent in ["/admin/x", "/%61dmin/x", "/y/../admin/x", "/y/%2e%2E/admin/./x", "/ad\x01min/x"] {
        assert!(holds(path("/admin/*"), Request { path: sent, ..GET }), "{sent}");
    }
    for sent in ["//admin/x", "/admin%2Fx", "/admin/../x"] {
        assert!(!holds(path("/admin/*"), Request { path: sent, ..GET }), "{sent}");
    }
}

#[test]
fn a_path_pattern_may_name_a_grpc_package_service_or_method() {
    let call = Request { path: "/package.service/method", ..GET };
    assert!(holds(path("/package.service/method"), call));
    assert!(holds(path("/package.service/*"), call));
    assert!(!holds(path("/package"), call));
}

#[test]
fn a_header_matches_by_name_and_value_in_any_case() {
    let request = Request { fields: &[("user-AGENT", "Mozilla/5.0 chrome/1")], ..GET };
    assert!(holds(header("User-Agent", "*Chrome*"), request));
    assert!(!holds(header("User-Agent", "Chrome"), request));
    assert!(!holds(header("Agent", "*"), request));
}

#[test]
fn fields_of_one_name_are_searched_until_one_matches() {
    let request = Request { fields: &[("X-A", "one"), ("X-B", "three"), ("x-a", "two")], ..GET };
    assert!(holds(header("X-A", "two"), request));
    assert!(!holds(header("X-A", "three"), request));
}

#[test]
fn a_header_condition_on_x_forwarded_for_sees_addresses_behind_proxies() {
    let request = Request { fields: &[("X-Forwarded-For", "203.0.113.7, 198.51.100.2")], ..GET };
    assert!(holds(header("X-Forwarded-For", "*203.0.113.7*"), request));
}

#[test]
fn rules_see_only_visible_ascii() {
    let request = Request { fields: &[("X-Key", "se\x01cr\u{e9}et")], ..GET };
    assert!(holds(header("X-Key", "secret"), request));
    assert!(holds(host("example.com"), Request { host: "exam\x7fple.com", ..GET }));
    assert!(holds(query(None, "v1"), Request { query: Some("a=v%001"), ..GET }));
    assert!(holds(header("X-Key", "two words"), Request { fields: &[("X-Key", "two words")], ..GET }));
}

#[test]
fn a_method_matches_exactly() {
    let custom = || Condition::HttpRequestMethod(vec!["GET".to_owned(), "CUSTOM-METHOD".to_owned()]);
    assert!(holds(custom(), GET));
    assert!(holds(custom(), Request { method: "CUSTOM-METHOD", ..GET }));
    assert!(!holds(custom(), Request { method: "get", ..GET }));
    assert!(!holds(Condition::HttpRequestMethod(vec!["G*".to_owned()]), GET));
}

#[test]
fn a_query_matches_by_pair_or_by_value_under_any_key() {
    let request = Request { query: Some("a=b&Version=V1&x=an-EXAMPLE-y"), ..GET };
    assert!(holds(query(Some("version"), "v1"), request));
    assert!(!holds(query(Some("version"), "b"), request));
    assert!(!holds(query(Some("other"), "v1"), request));
    assert!(holds(query(None, "*example*"), request));
    assert!(holds(query(Some("v?r*"), "?1"), request));
    assert!(!holds(query(None, "*"), GET));
}

#[test]
fn a_query_with_escapes_matches_as_sent_or_decoded() {
    let request = Request { query: Some("%76ersion=v%31"), ..GET };
    assert!(holds(query(Some("version"), "v1"), request));
    assert!(holds(query(Some("%76ersion"), "v%31"), request));
}

#[test]
fn an_escaped_wildcard_in_a_query_condition_is_an_ordinary_character() {
    assert!(holds(query(None, r"\*"), Request { query: Some("a=*"), ..GET }));
    assert!(!holds(query(None, r"\*"), Request { query: Some("a=b"), ..GET }));
}

#[test]
fn a_query_ends_where_a_fragment_begins() {
    assert!(!holds(query(Some("b"), "2"), Request { query: Some("a=1#&b=2"), ..GET }));
}

#[test]
fn a_source_lies_in_one_of_the_networks() {
    let networks = || source(&["192.0.2.0/24", "198.51.100.10/32", "2001:db8::/32"]);
    for (address, inside) in [
        ("192.0.2.0", true),
        ("192.0.2.255", true),
        ("192.0.3.0", false),
        ("198.51.100.10", true),
        ("198.51.100.11", false),
        ("2001:db8:ffff::1", true),
        ("2001:db9::1", false),
    ] {
        assert_eq!(holds(networks(), Request { source: address, ..GET }), inside, "{address}");
    }
}

#[test]
fn an_ipv4_peer_on_an_ipv6_socket_counts_as_ipv4() {
    assert!(holds(source(&["192.0.2.0/24"]), Request { source: "::ffff:192.0.2.9", ..GET }));
}

#[test]
fn a_source_condition_never_looks_at_x_forwarded_for() {
    let request = Request { fields: &[("X-Forwarded-For", "192.0.2.9")], source: "203.0.113.1", ..GET };
    assert!(!holds(source(&["192.0.2.0/24"]), request));
}

#[test]
fn values_are_alternatives_and_conditions_must_all_hold() {
    let either = Condition::PathPattern(vec![Pattern::new("/a"), Pattern::new("/b")]);
    let rules = Ruleset::new(vec![rule(1, vec![either, host("example.com")])], fixed()).unwrap();
    assert_eq!(decide(&rules, Request { path: "/a", ..GET }), 1);
    assert_eq!(decide(&rules, Request { path: "/b", ..GET }), 1);
    assert_eq!(decide(&rules, Request { path: "/c", ..GET }), 0);
    assert_eq!(decide(&rules, Request { path: "/a", host: "other.com", ..GET }), 0);
}

#[test]
fn the_lowest_priority_that_matches_decides_and_else_the_default() {
    let rules = vec![rule(30, vec![path("*")]), rule(10, vec![path("/a")]), rule(20, vec![path("/a*")])];
    let rules = Ruleset::new(rules, fixed()).unwrap();
    assert_eq!(decide(&rules, Request { path: "/a", ..GET }), 10);
    assert_eq!(decide(&rules, Request { path: "/ab", ..GET }), 20);
    assert_eq!(decide(&rules, Request { path: "/b", ..GET }), 30);
    let none = Ruleset::new(Vec::new(), fixed()).unwrap();
    assert_eq!(decide(&none, GET), 0);
}
