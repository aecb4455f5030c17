//! The limits of listener rules in templates: priorities, conditions and actions, each on both sides.

mod template_support;

use sluicegate::rules::Action;
use template_support::*;

fn host(text: &str) -> String {
    with_conditions(&format!("[{{ Field: host-header, Values: ['{text}'] }}]"))
}

fn path(text: &str) -> String {
    with_conditions(&format!("[{{ Field: path-pattern, Values: ['{}'] }}]", text.replace('\'', "''")))
}

fn fixed(config: &str) -> String {
    with_actions(&format!("[{{ Type: fixed-response, FixedResponseConfig: {config} }}]"))
}

fn redirect(config: &str) -> String {
    with_actions(&format!("[{{ Type: redirect, RedirectConfig: {{ StatusCode: HTTP_301, {config} }} }}]"))
}

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    let items: Vec<String> = (0..count).map(item).collect();
    format!("[{}]", items.join(", "))
}

#[test]
fn priorities_are_in_range_and_unique() {
    let rule = |name: &str, priority: &str| {
        format!(
            "  {name}: {{ Type: AWS::ElasticLoadBalancingV2::ListenerRule, Properties: {{ ListenerArn: !Ref Http, Priority: {priority}, Conditions: [{{ Field: path-pattern, Values: [/a] }}], Actions: [{{ Type: forward, TargetGroupArn: !Ref Group }}] }} }}\n"
        )
    };
    boundary(&with(&rule("A", "1")), &with(&rule("A", "0")), "from 1 to 50000");
    boundary(&with(&rule("A", "'50000'")), &with(&rule("A", "50001")), "from 1 to 50000");
    boundary(
        &with(&(rule("A", "7") + &rule("B", "8"))),
        &with(&(rule("A", "7") + &rule("B", "7"))),
        "A has the priority 7 too",
    );
    let many = |count: usize| with(&(1..=count).map(|i| rule(&format!("R{i}"), &i.to_string())).collect::<String>());
    boundary(&many(100), &many(101), "can have 100 rules; this one has 101");
}

#[test]
fn a_rule_has_a_number_of_values_and_wildcards() {
    let header = |values: usize, text: &str| {
        format!(
            "{{ Field: http-header, HttpHeaderConfig: {{ HttpHeaderName: X, Values: {} }} }}",
            list(values, |_| format!("'{text}'"))
        )
    };
    let rule = |conditions: &[String]| with_conditions(&format!("[{}]", conditions.join(", ")));
    boundary(&rule(&[header(3, "a")]), &rule(&[header(4, "a")]), "a condition can have 3 values; this one has 4");
    boundary(
        &rule(&[header(3, "a"), header(2, "a")]),
        &rule(&[header(3, "a"), header(3, "a")]),
        "5 values in all its conditions; this one has 6",
    );
    boundary(&rule(&[header(1, "*?*?*")]), &rule(&[header(2, "*?*")]), "5 wildcard characters; this one has 6");
    let query = |text: &str| {
        rule(&[format!(
            "{{ Field: query-string, QueryStringConfig: {{ Values: [{{ Key: '{text}', Value: '{text}' }}] }} }}"
        )])
    };
    boundary(&query(r"**\*\?"), &query(r"***\*\?"), "5 wildcard characters; this one has 6");
    let networks = |count: usize| {
        rule(&[format!("{{ Field: source-ip, Values: {} }}", list(count, |i| format!("10.0.0.{i}/32")))])
    };
    load(&networks(5));
    assert_eq!(errors(&networks(6)).len(), 2);
}

#[test]
fn a_rule_has_one_of_each_field_but_several_headers_and_queries() {
    for field in [
        "{ Field: host-header, Values: [a.b] }",
        "{ Field: path-pattern, Values: [/a] }",
        "{ Field: http-request-method, Values: [GET] }",
        "{ Field: source-ip, Values: [10.0.0.0/8] }",
    ] {
        boundary(
            &with_conditions(&format!("[{field}]")),
            &with_conditions(&format!("[{field}, {field}]")),
            "a rule can have one",
        );
    }
    let header = "{ Field: http-header, HttpHeaderConfig: { HttpHeaderName: X, Values: [a] } }";
    let query = "{ Field: query-string, QueryStringConfig: { Values: [{ Value: a }] } }";
    load(&with_conditions(&format!("[{header}, {header}, {query}, {query}]")));
    boundary(&with_conditions(&format!("[{query}]")), &with_conditions("[]"), "at least one condition");
    boundary(
        &with_conditions(&format!("[{query}]")),
        &with_conditions("[{ Field: path-pattern, Values: [] }]"),
        "at least one value",
    );
    boundary(
        &with_conditions(&format!("[{query}]")),
        &with_conditions("[{ Field: colour, Values: [red] }]"),
        "none of host-header",
    );
}

#[test]
fn host_patterns_have_a_dot_and_letters_at_the_end() {
    for good in ["example.com", "*.example.com", "a-b.C9.example.com", "?.x.org", "*.*"] {
        if good != "*.*" {
            load(&host(good));
        }
    }
    for (bad, message) in [
        ("localhost", "has no `.`"),
        ("example.c0m", "letters after the last"),
        ("*.*", "letters after the last"),
        ("a b.com", "not allowed"),
        ("a/b.com", "not allowed"),
        ("ä.com", "not allowed"),
    ] {
        boundary(&host("a.com"), &host(bad), message);
    }
    boundary(&host(&format!("{}.com", "a".repeat(124))), &host(&format!("{}.com", "a".repeat(125))), "129 characters");
    for console_only in ["a_b.example.com", "a;b.example.com"] {
        assert_eq!(load(&host(console_only)).warnings.len(), 1);
    }
}

#[test]
fn path_patterns_have_their_characters() {
    load(&path("/AZaz09_-.$/~\"'@:+&*?"));
    for bad in ["/a b", "/a%20", "/a#b", "/a=b", "/ä"] {
        boundary(&path("/a"), &path(bad), "not allowed");
    }
    boundary(&path(&format!("/{}", "a".repeat(127))), &path(&format!("/{}", "a".repeat(128))), "129 characters");
    boundary(&path("/"), &path(""), "0 characters");
}

#[test]
fn header_names_and_values_are_bounded_and_never_host() {
    let header = |name: &str, value: &str| {
        with_conditions(&format!(
            "[{{ Field: http-header, HttpHeaderConfig: {{ HttpHeaderName: '{name}', Values: ['{value}'] }} }}]"
        ))
    };
    boundary(&header(&"x".repeat(40), "a"), &header(&"x".repeat(41), "a"), "41 characters");
    boundary(&header("X-A", &"a".repeat(128)), &header("X-A", &"a".repeat(129)), "129 characters");
    boundary(&header("X-A", "a b"), &header("X*", "a"), "not allowed");
    boundary(&header("Hosts", "a"), &header("hOST", "a"), "cannot name Host");
    boundary(&header("X-A", "~"), &header("X-A", "ü"), "not allowed");
    let control =
        with_conditions("[{ Field: http-header, HttpHeaderConfig: { HttpHeaderName: X, Values: [\"a\\tb\"] } }]");
    assert!(errors(&control)[0].contains("not allowed"));
    let wrong_config = with_conditions("[{ Field: path-pattern, Values: [/a], HostHeaderConfig: { Values: [a.b] } }]");
    assert!(errors(&wrong_config)[0].contains("does not belong to the field path-pattern"));
}

#[test]
fn methods_are_capitals_and_queries_are_bounded() {
    let method = |text: &str| {
        with_conditions(&format!(
            "[{{ Field: http-request-method, HttpRequestMethodConfig: {{ Values: ['{text}'] }} }}]"
        ))
    };
    boundary(&method(&"A".repeat(40)), &method(&"A".repeat(41)), "41 characters");
    boundary(&method("MY-OWN_METHOD"), &method("get"), "not allowed");
    boundary(&method("GET"), &method("G*"), "not allowed");
    let query = |key: &str, value: &str| {
        with_conditions(&format!(
            "[{{ Field: query-string, QueryStringConfig: {{ Values: [{{ Key: '{key}', Value: '{value}' }}] }} }}]"
        ))
    };
    let (fits, long) = ("a".repeat(128), "a".repeat(129));
    boundary(&query(&fits, &fits), &query(&long, "a"), "129 characters");
    boundary(&query("a", &fits), &query("a", &long), "129 characters");
}

#[test]
fn sources_are_networks() {
    let source =
        |text: &str| with_conditions(&format!("[{{ Field: source-ip, SourceIpConfig: {{ Values: ['{text}'] }} }}]"));
    for good in ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128", "255.255.255.254/32"] {
        load(&source(good));
    }
    for bad in ["10.0.0.1", "10.0.0.0/33", "300.0.0.0/8", "2001:db8::/129", "example.com"] {
        boundary(&source("10.0.0.0/8"), &source(bad), "no network in CIDR form");
    }
    boundary(&source("10.0.0.0/8"), &source("255.255.255.255/32"), "cannot be a source");
}

#[test]
fn a_list_of_actions_has_one_routing_action() {
    let forward = "{ Type: forward, TargetGroupArn: !Ref Group }";
    boundary(&with_actions(&format!("[{forward}]")), &with_actions("[]"), "exactly one of forward");
    boundary(
        &with_actions(&format!("[{forward}]")),
        &with_actions(&format!("[{forward}, {forward}]")),
        "exactly one of forward",
    );
    let ordered =
        |order: &str| with_actions(&format!("[{{ Type: forward, TargetGroupArn: !Ref Group, Order: {order} }}]"));
    boundary(&ordered("50000"), &ordered("50001"), "from 1 to 50000");
    boundary(&ordered("1"), &ordered("0"), "from 1 to 50000");
    boundary(
        &ordered("1"),
        &with_actions("[{ Type: forward, TargetGroupArn: !Ref Group, RedirectConfig: { StatusCode: HTTP_301 } }]"),
        "does not belong to a forward action",
    );
    boundary(&ordered("1"), &with_actions("[{ Type: forward }]"), "needs TargetGroupArn or ForwardConfig");
    boundary(&ordered("1"), &with_actions("[{ Type: teleport }]"), "none of forward");
}

#[test]
fn fixed_responses_have_a_status_a_type_and_a_short_body() {
    for good in ["200", "299", "400", "499", "500", "599"] {
        load(&fixed(&format!("{{ StatusCode: {good} }}")));
    }
    for bad in ["199", "300", "399", "600", "2XX", "0200", "x"] {
        boundary(&fixed("{ StatusCode: 200 }"), &fixed(&format!("{{ StatusCode: {bad} }}")), "is no status");
    }
    for good in ["text/plain", "text/css", "text/html", "application/javascript", "application/json"] {
        load(&fixed(&format!("{{ StatusCode: 200, ContentType: {good} }}")));
    }
    boundary(&fixed("{ StatusCode: 200 }"), &fixed("{ StatusCode: 200, ContentType: text/xml }"), "none of text/plain");
    let body = |text: &str| fixed(&format!("{{ StatusCode: 200, MessageBody: '{text}' }}"));
    boundary(&body(&"a".repeat(1024)), &body(&"a".repeat(1025)), "has 1025 bytes");
    boundary(&body(&"ü".repeat(512)), &body(&"ü".repeat(513)), "has 1026 bytes");
    boundary(&fixed("{ StatusCode: 200 }"), &fixed("{ MessageBody: a }"), "StatusCode is missing");
}

#[test]
fn redirects_follow_their_grammar() {
    let status = |status: &str| {
        with_actions(&format!("[{{ Type: redirect, RedirectConfig: {{ Protocol: HTTPS, StatusCode: {status} }} }}]"))
    };
    boundary(&status("HTTP_301"), &status("HTTP_303"), "none of HTTP_301, HTTP_302");
    boundary(&status("HTTP_302"), &status("301"), "none of HTTP_301, HTTP_302");
    for (good, bad, message) in [
        ("Port: 1", "Port: 0", "from 1 to 65535"),
        ("Port: 65535", "Port: 65536", "from 1 to 65535"),
        ("Port: '#{port}', Path: /a", "Port: '#{host}'", "from 1 to 65535"),
        ("Host: www.example.com", "Host: example", "has no `.`"),
        ("Host: 'www.#{host}'", "Host: 'www.#{path}'", "`#{path}` cannot stand here"),
        ("Host: '#{host}', Path: /a", "Host: '#{host}.#{host}'", "more than once"),
        ("Path: '/#{host}/#{port}/#{path}'", "Path: '/#{protocol}'", "`#{protocol}` cannot stand here"),
        ("Path: /a", "Path: a", "does not begin with a slash"),
        ("Path: '/x/#{path}'", "Path: '/#{query}'", "`#{query}` cannot stand here"),
        ("Path: '/x/#{path}'", "Path: '/x/#{paths}'", "a keyword that does not exist"),
        ("Path: '/x/#{path}'", "Path: '/x/{path}'", "not allowed"),
        ("Path: '/*?;@'", "Path: '/a b'", "not allowed"),
        (
            "Path: /a, Query: '#{protocol}&#{host}&#{port}&#{path}&#{query}'",
            "Path: /a, Query: '#{user}'",
            "a keyword that does not exist",
        ),
        ("Path: /a, Query: ''", "Path: /a, Query: 'a b'", "not allowed"),
        ("Protocol: HTTPS", "Protocol: FTP", "none of HTTP, HTTPS"),
        ("Protocol: HTTPS", "Protocol: '#{protocol}'", "at least one of Protocol, Host, Port and Path must change"),
        ("Protocol: HTTP, Port: 81", "Protocol: HTTP, Port: 80", "must change"),
        ("Port: 443", "Query: a=b", "must change"),
        ("Path: /a", "Host: '#{host}', Path: '/#{path}', Query: '#{query}'", "must change"),
    ] {
        boundary(&redirect(good), &redirect(bad), message);
    }
    let sized = |property: &str, prefix: &str, length: usize| {
        redirect(&format!("Port: 81, {property}: '{prefix}{}'", "a".repeat(length - prefix.len())))
    };
    boundary(&sized("Host", "a.", 128), &sized("Host", "a.", 129), "129 characters");
    boundary(&sized("Path", "/", 128), &sized("Path", "/", 129), "129 characters");
    boundary(&sized("Query", "", 128), &sized("Query", "", 129), "129 characters");
}

#[test]
fn https_never_redirects_to_http() {
    let listener = |protocol: &str| {
        with_resource(
            "Listener",
            &format!(
                "{{ LoadBalancerArn: !Ref Web, Port: 443, Protocol: HTTPS, Certificates: [{{ CertificateArn: arn:aws:acm:us-east-1:000000000000:certificate/c }}], DefaultActions: [{{ Type: redirect, RedirectConfig: {{ Protocol: {protocol}, Path: /a, StatusCode: HTTP_301 }} }}] }}"
            ),
        )
    };
    boundary(&listener("HTTPS"), &listener("HTTP"), "from HTTPS to HTTP is not allowed");
}

/// A rule that forwards to these groups, and enough groups to name.
fn forward(groups: &str, stickiness: &str) -> String {
    let text = with_actions(&format!("[{{ Type: forward, ForwardConfig: {{ TargetGroups: {groups}{stickiness} }} }}]"));
    let more: String = (0..6).map(|i| format!("  G{i}: {{ Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {{ Protocol: HTTP, Port: 1 }} }}\n")).collect();
    let sticky = "  Sticky: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Protocol: HTTP, Port: 1, TargetGroupAttributes: [{ Key: stickiness.enabled, Value: true }] } }\n";
    text + &more + sticky
}

#[test]
fn forwards_name_one_to_five_groups_once_with_weights() {
    let groups = |count| forward(&list(count, |i| format!("{{ TargetGroupArn: !Ref G{i} }}")), "");
    boundary(&groups(5), &groups(6), "can name 5 target groups");
    boundary(&groups(1), &groups(0), "at least one target group");
    let weight = |weight: &str| {
        forward(&format!("[{{ TargetGroupArn: !Ref G0, Weight: {weight} }}, {{ TargetGroupArn: !Ref G1 }}]"), "")
    };
    boundary(&weight("999"), &weight("1000"), "from 0 to 999");
    boundary(&weight("'0'"), &weight("-1"), "from 0 to 999");
    boundary(
        &groups(2),
        &forward("[{ TargetGroupArn: !Ref G0 }, { TargetGroupArn: !Ref G0 }]", ""),
        "names the group twice",
    );
    boundary(&groups(1), &forward("[{ TargetGroupArn: arn:other }]", ""), "the ARN of no target group");
    let idle = load(&forward("[{ TargetGroupArn: !Ref G0, Weight: 0 }]", "")).warnings;
    assert!(idle.len() == 1 && idle[0].message.contains("every weight is 0"), "{idle:?}");
    let both = with_actions(
        "[{ Type: forward, TargetGroupArn: !Ref Group, ForwardConfig: { TargetGroups: [{ TargetGroupArn: !Ref Group }] } }]",
    );
    let different = forward("[{ TargetGroupArn: !Ref G0 }, { TargetGroupArn: !Ref G1 }]", "")
        .replace("forward, ForwardConfig", "forward, TargetGroupArn: !Ref Group, ForwardConfig");
    boundary(&both, &different, "does not name this group alone");
}

#[test]
fn sticky_groups_need_a_sticky_forward() {
    let duration = |seconds: &str| {
        forward(
            "[{ TargetGroupArn: !Ref G0 }]",
            &format!(", TargetGroupStickinessConfig: {{ Enabled: true, DurationSeconds: {seconds} }}"),
        )
    };
    boundary(&duration("1"), &duration("0"), "from 1 to 604800");
    boundary(&duration("604800"), &duration("604801"), "from 1 to 604800");
    let mixed = "[{ TargetGroupArn: !Ref Sticky }, { TargetGroupArn: !Ref G0 }]";
    boundary(
        &forward(mixed, ", TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 60 }"),
        &forward(mixed, ", TargetGroupStickinessConfig: { Enabled: false }"),
        "must be enabled",
    );
    load(&forward("[{ TargetGroupArn: !Ref Sticky }]", ""));
}

#[test]
fn a_forward_to_several_groups_may_keep_a_client_with_the_group_it_first_got() {
    let kept = |stickiness: &str| {
        let text = forward("[{ TargetGroupArn: !Ref G0 }, { TargetGroupArn: !Ref G1 }]", stickiness);
        match &load(&text).config.listeners[0].rules.rules()[0].action {
            Action::Forward(forward) => forward.stickiness.map(|span| span.as_secs()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(kept(""), None);
    assert_eq!(kept(", TargetGroupStickinessConfig: { Enabled: false, DurationSeconds: 60 }"), None);
    assert_eq!(kept(", TargetGroupStickinessConfig: { DurationSeconds: 60 }"), None);
    assert_eq!(kept(", TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 60 }"), Some(60));
    boundary(
        &forward("[{ TargetGroupArn: !Ref G0 }]", ", TargetGroupStickinessConfig: { Enabled: false }"),
        &forward("[{ TargetGroupArn: !Ref G0 }]", ", TargetGroupStickinessConfig: { Enabled: true }"),
        "DurationSeconds is missing",
    );
}

#[test]
fn stickiness_by_an_applications_cookie_is_a_warning_in_a_forward_to_several_groups() {
    let by = |kind: &str, groups: &str| {
        let keys = "{ Key: stickiness.enabled, Value: true }";
        let cookie = format!(
            "{keys}, {{ Key: stickiness.type, Value: {kind} }}, {{ Key: stickiness.app_cookie.cookie_name, Value: S }}"
        );
        let text = forward(groups, ", TargetGroupStickinessConfig: { Enabled: true, DurationSeconds: 60 }");
        lines(&load(&text.replace(keys, &cookie)).warnings)
    };
    let several = "[{ TargetGroupArn: !Ref G0 }, { TargetGroupArn: !Ref Sticky }]";
    let warnings = by("app_cookie", several);
    assert!(
        warnings.len() == 1
            && warnings[0].contains("TargetGroups[1]: its targets are sticky by an application's cookie"),
        "{warnings:?}"
    );
    let without = forward(several, "").replace(
        "{ Key: stickiness.enabled, Value: true }",
        "{ Key: stickiness.enabled, Value: true }, { Key: stickiness.type, Value: app_cookie }, \
         { Key: stickiness.app_cookie.cookie_name, Value: S }",
    );
    assert!(errors(&without).len() == 1 && errors(&without)[0].contains("must be enabled"));
    assert_eq!(by("lb_cookie", several), [""; 0]);
    assert_eq!(by("app_cookie", "[{ TargetGroupArn: !Ref Sticky }]"), [""; 0]);
}
