//! Both sides of every limit that a template is held to.

mod template_support;

use sluicegate::config::template::Inputs;
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
fn load_balancer_names_are_short_and_plain() {
    let named = |name: &str| with_resource("LoadBalancer", &format!("{{ Name: '{name}' }}"));
    boundary(&named(&"a".repeat(32)), &named(&"a".repeat(33)), "33 characters");
    boundary(&named("a-b"), &named("a_b"), "other than letters, digits and hyphens");
    boundary(&named("a-b"), &named("a-"), "begins or ends with a hyphen");
    boundary(&named("a-b"), &named("-a"), "begins or ends with a hyphen");
    boundary(&named("internals"), &named("internal-s"), "may not begin with `internal-`");
    let two = |other: &str| {
        format!(
            "{}  Third: {{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {{ Name: {other} }} }}\n",
            named("same")
        )
    };
    boundary(&two("other"), &two("same"), "has the name `same` too");
}

#[test]
fn load_balancer_properties_take_the_values_of_the_guide() {
    let with_property = |property: &str| with_resource("LoadBalancer", &format!("{{ {property} }}"));
    for (good, bad, message) in [
        ("Scheme: internal", "Scheme: external", "none of internet-facing, internal"),
        ("IpAddressType: dualstack-without-public-ipv4", "IpAddressType: ipv6", "none of ipv4, dualstack"),
        ("Type: application", "Type: classic", "none of application"),
        ("Subnets: [a]", "Subnets: [a], SubnetMappings: [{ SubnetId: a }]", "only one of them may be"),
        (
            "SubnetMappings: [{ SubnetId: a }]",
            "SubnetMappings: [{ SubnetId: a, AllocationId: b }]",
            "not a property of application",
        ),
    ] {
        boundary(&with_property(good), &with_property(bad), message);
    }
    let tags = |count| with_property(&format!("Tags: {}", list(count, |i| format!("{{ Key: k{i}, Value: v }}"))));
    boundary(&tags(50), &tags(51), "more than 50 tags");
    let key = |length| with_property(&format!("Tags: [{{ Key: {}, Value: v }}]", "k".repeat(length)));
    boundary(&key(128), &key(129), "129 characters");
}

#[test]
fn load_balancer_attributes_have_ranges() {
    let attribute = |key: &str, value: &str| {
        with_resource("LoadBalancer", &format!("{{ LoadBalancerAttributes: [{{ Key: {key}, Value: '{value}' }}] }}"))
    };
    for (key, good, bad) in [
        ("idle_timeout.timeout_seconds", &["1", "4000"][..], &["0", "4001", "", "x", "-1", "1.5"][..]),
        ("client_keep_alive.seconds", &["60", "604800"], &["59", "604801"]),
        ("routing.http.desync_mitigation_mode", &["monitor", "defensive", "strictest"], &["off"]),
        ("routing.http.xff_header_processing.mode", &["append", "preserve", "remove"], &["keep"]),
        ("routing.http.xff_client_port.enabled", &["true", "false"], &["yes"]),
        ("routing.http.drop_invalid_header_fields.enabled", &["true"], &["1"]),
        ("routing.http.preserve_host_header.enabled", &["true"], &["1"]),
        ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", &["true"], &["1"]),
        ("routing.http2.enabled", &["false"], &["0"]),
        ("waf.fail_open.enabled", &["true"], &["0"]),
        ("deletion_protection.enabled", &["true"], &["0"]),
        ("ipv6.deny_all_igw_traffic", &["true"], &["0"]),
        ("load_balancing.cross_zone.enabled", &["true"], &["false"]),
        ("access_logs.s3.enabled", &["false"], &["true"]),
        ("access_logs.s3.prefix", &["logs"], &["a/AWSLogs"]),
        ("dns_record.client_routing_policy", &[], &["x"]),
    ] {
        good.iter().for_each(|value| drop(load(&attribute(key, value))));
        for value in bad {
            assert_eq!(errors(&attribute(key, value)).len(), 1, "{key} {value}");
        }
    }
    let keys = ["idle_timeout.timeout_seconds", "idle_timeout.timeout_seconds"];
    let twice = with_resource(
        "LoadBalancer",
        &format!("{{ LoadBalancerAttributes: {} }}", list(2, |i| format!("{{ Key: {}, Value: 5 }}", keys[i]))),
    );
    assert!(errors(&twice)[0].contains("given twice"));
    let logged = "{ LoadBalancerAttributes: [{ Key: access_logs.s3.enabled, Value: true }, { Key: access_logs.s3.bucket, Value: b }] }";
    assert_eq!(load(&with_resource("LoadBalancer", logged)).warnings.len(), 2);
    let some = |count: usize| {
        let keys = [
            "access_logs.s3.bucket",
            "access_logs.s3.prefix",
            "connection_logs.s3.bucket",
            "connection_logs.s3.prefix",
            "health_check_logs.s3.bucket",
            "health_check_logs.s3.prefix",
            "ipv6.deny_all_igw_traffic",
            "zonal_shift.config.enabled",
            "deletion_protection.enabled",
            "access_logs.s3.enabled",
            "connection_logs.s3.enabled",
            "health_check_logs.s3.enabled",
            "load_balancing.cross_zone.enabled",
            "routing.http.drop_invalid_header_fields.enabled",
            "routing.http.preserve_host_header.enabled",
            "routing.http.xff_client_port.enabled",
            "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
            "routing.http2.enabled",
            "waf.fail_open.enabled",
            "idle_timeout.timeout_seconds",
            "client_keep_alive.seconds",
        ];
        let value = |key: &str| {
            if key.contains("seconds") { "100" } else { "true" }
        };
        with_resource(
            "LoadBalancer",
            &format!(
                "{{ LoadBalancerAttributes: {} }}",
                list(count, |i| format!("{{ Key: {}, Value: {} }}", keys[i], value(keys[i])))
            ),
        )
    };
    boundary(&some(20), &some(21), "more than 20 attributes");
}

#[test]
fn listeners_speak_http_or_https_on_a_port() {
    let listener = |properties: &str| {
        with_resource(
            "Listener",
            &format!(
                "{{ LoadBalancerArn: !Ref Web, DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}], {properties} }}"
            ),
        )
    };
    let tls = "Protocol: HTTPS, Port: 443";
    for (good, bad, message) in [
        ("Protocol: HTTP, Port: 1", "Protocol: HTTP, Port: 0", "from 1 to 65535"),
        ("Protocol: HTTP, Port: 65535", "Protocol: HTTP, Port: 65536", "from 1 to 65535"),
        ("Protocol: HTTP, Port: 81", "Protocol: TCP, Port: 81", "neither HTTP nor HTTPS"),
        ("Protocol: HTTP, Port: 81", "Protocol: HTTP", "Port is missing"),
        ("Protocol: HTTP, Port: 81", "Port: 81", "Protocol is missing"),
        (
            "Protocol: HTTP, Port: 81",
            "Protocol: HTTP, Port: 81, Certificates: [{ CertificateArn: c }]",
            "has no certificates",
        ),
        (
            "Protocol: HTTP, Port: 81, Certificates: [{ CertificateArn: !Ref AWS::NoValue }]",
            "Protocol: HTTP, Port: 81, SslPolicy: p",
            "has no SslPolicy",
        ),
        ("Protocol: HTTP, Port: 81", "Protocol: HTTP, Port: 81, AlpnPolicy: [None]", "only network load balancers"),
    ] {
        boundary(&listener(good), &listener(bad), message);
    }
    let certificate = format!("{tls}, Certificates: [{{ CertificateArn: c }}]");
    boundary(&listener(&certificate), &listener(tls), "needs Certificates");
    boundary(
        &listener(&certificate),
        &listener(&format!("{tls}, Certificates: [{{ CertificateArn: c }}, {{ CertificateArn: d }}]")),
        "exactly one certificate",
    );
    boundary(
        &listener(&format!("{certificate}, MutualAuthentication: {{ Mode: passthrough }}")),
        &listener(&format!("{certificate}, MutualAuthentication: {{ Mode: verify }}")),
        "needs TrustStoreArn",
    );
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
                "{{ LoadBalancerArn: !Ref Web, Port: 443, Protocol: HTTPS, Certificates: [{{ CertificateArn: c }}], DefaultActions: [{{ Type: redirect, RedirectConfig: {{ Protocol: {protocol}, Path: /a, StatusCode: HTTP_301 }} }}] }}"
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
    assert_eq!(load(&forward("[{ TargetGroupArn: !Ref G0, Weight: 0 }]", "")).warnings.len(), 2);
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
fn target_group_properties_have_ranges() {
    let group =
        |properties: &str| with_resource("TargetGroup", &format!("{{ Protocol: HTTP, Port: 1, {properties} }}"));
    for (good, bad, message) in [
        ("HealthCheckIntervalSeconds: 5", "HealthCheckIntervalSeconds: 4", "from 5 to 300"),
        ("HealthCheckIntervalSeconds: 300", "HealthCheckIntervalSeconds: 301", "from 5 to 300"),
        ("HealthCheckTimeoutSeconds: 2", "HealthCheckTimeoutSeconds: 1", "from 2 to 120"),
        ("HealthCheckTimeoutSeconds: 120", "HealthCheckTimeoutSeconds: 121", "from 2 to 120"),
        (
            "HealthCheckIntervalSeconds: 11, HealthCheckTimeoutSeconds: 10",
            "HealthCheckIntervalSeconds: 10, HealthCheckTimeoutSeconds: 10",
            "must be less",
        ),
        ("HealthyThresholdCount: 2", "HealthyThresholdCount: 1", "from 2 to 10"),
        ("UnhealthyThresholdCount: 10", "UnhealthyThresholdCount: 11", "from 2 to 10"),
        ("HealthCheckPort: traffic-port", "HealthCheckPort: other", "from 1 to 65535"),
        ("HealthCheckPort: 65535", "HealthCheckPort: 65536", "from 1 to 65535"),
        ("HealthCheckPath: /a", "HealthCheckPath: a", "begin with a slash"),
        ("HealthCheckProtocol: HTTPS", "HealthCheckProtocol: TCP", "none of HTTP, HTTPS"),
        ("Matcher: { HttpCode: '200,202' }", "Matcher: { HttpCode: 199 }", "no list of codes"),
        ("Matcher: { HttpCode: 200-499 }", "Matcher: { HttpCode: 200-500 }", "no list of codes"),
        ("Matcher: { HttpCode: 301 }", "Matcher: { HttpCode: 300-200 }", "no list of codes"),
        ("TargetControlPort: 65535", "TargetControlPort: 65536", "from 1 to 65535"),
        ("TargetType: instance", "TargetType: alb", "only network load balancers"),
        ("TargetType: ip", "TargetType: node", "none of instance, ip"),
        ("ProtocolVersion: HTTP1", "ProtocolVersion: HTTP3", "none of HTTP1"),
        ("Name: abc", "Name: a.b", "other than letters"),
    ] {
        boundary(&group(good), &group(bad), message);
    }
    boundary(
        &with_resource("TargetGroup", "{ Protocol: HTTP, Port: 65535 }"),
        &with_resource("TargetGroup", "{ Protocol: HTTP, Port: 65536 }"),
        "from 1 to 65535",
    );
    boundary(
        &with_resource("TargetGroup", "{ Protocol: HTTPS, Port: 1 }"),
        &with_resource("TargetGroup", "{ Protocol: TLS, Port: 1 }"),
        "neither HTTP nor HTTPS",
    );
    boundary(
        &group(&format!("HealthCheckPath: /{}", "a".repeat(1023))),
        &group(&format!("HealthCheckPath: /{}", "a".repeat(1024))),
        "1025 characters",
    );
}

#[test]
fn target_group_attributes_have_ranges() {
    let attribute = |key: &str, value: &str| {
        with_resource(
            "TargetGroup",
            &format!("{{ Protocol: HTTP, Port: 1, TargetGroupAttributes: [{{ Key: {key}, Value: '{value}' }}] }}"),
        )
    };
    for (key, good, bad) in [
        ("deregistration_delay.timeout_seconds", &["0", "3600"][..], &["3601"][..]),
        ("stickiness.lb_cookie.duration_seconds", &["1", "604800"], &["0", "604801"]),
        ("stickiness.app_cookie.duration_seconds", &["1", "604800"], &["0", "604801"]),
        ("stickiness.type", &["lb_cookie", "app_cookie"], &["source_ip"]),
        ("stickiness.app_cookie.cookie_name", &["SESSION"], &["AWSALB", "AWSALBTGX"]),
        ("slow_start.duration_seconds", &["0", "30", "900"], &["1", "29", "901"]),
        (
            "load_balancing.algorithm.type",
            &["round_robin", "least_outstanding_requests", "weighted_random"],
            &["random"],
        ),
        ("load_balancing.algorithm.anomaly_mitigation", &["off"], &["on", "maybe"]),
        ("load_balancing.cross_zone.enabled", &["true", "use_load_balancer_configuration"], &["maybe"]),
        ("target_group_health.dns_failover.minimum_healthy_targets.count", &["off", "1", "1000"], &["0"]),
        ("target_group_health.dns_failover.minimum_healthy_targets.percentage", &["off", "100"], &["0", "101"]),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", &["1"], &["0", "off"]),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            &["off", "1", "100"],
            &["101"],
        ),
        ("lambda.multi_value_headers.enabled", &[], &["true"]),
    ] {
        good.iter().for_each(|value| drop(load(&attribute(key, value))));
        for value in bad {
            assert_eq!(errors(&attribute(key, value)).len(), 1, "{key} {value}");
        }
    }
}

#[test]
fn targets_are_addresses_of_the_groups_family() {
    let group = |kind: &str, targets: &str| {
        with_resource(
            "TargetGroup",
            &format!("{{ Protocol: HTTP, Port: 1, TargetType: ip, {kind}Targets: {targets} }}"),
        )
    };
    let v6 = "IpAddressType: ipv6, ";
    boundary(
        &group("", "[{ Id: 10.0.0.1 }]"),
        &group("", "[{ Id: 'fd00::1' }]"),
        "not of the group's IpAddressType, ipv4",
    );
    boundary(
        &group(v6, "[{ Id: 'fd00::1' }]"),
        &group(v6, "[{ Id: 10.0.0.1 }]"),
        "not of the group's IpAddressType, ipv6",
    );
    boundary(&group("", "[{ Id: 10.0.0.1 }]"), &group("", "[{ Id: example.com }]"), "is no IP address");
    boundary(
        &group("", "[{ Id: 10.0.0.1, Port: 65535 }]"),
        &group("", "[{ Id: 10.0.0.1, Port: 0 }]"),
        "from 1 to 65535",
    );
    boundary(&group("", "[{ Id: 127.0.0.1 }]"), &group("", "[{ Id: 0.0.0.0 }]"), "not the address of one machine");
    boundary(&group("", "[{ Id: 127.0.0.1 }]"), &group("", "[{ Id: 8.8.8.8 }]"), "outside the private ranges");
    let public = Inputs { allow_public_targets: true, ..Inputs::default() };
    load_with(&group("", "[{ Id: 8.8.8.8 }]"), &public);
    assert_eq!(errors_with(&group("", "[{ Id: 224.0.0.1 }]"), &public).len(), 1);
    let twice = load(&group("", "[{ Id: 10.0.0.1 }, { Id: 10.0.0.1, Port: 1 }, { Id: 10.0.0.1, Port: 2 }]"));
    assert_eq!((twice.config.groups[1].targets.len(), twice.warnings.len()), (2, 1));
    let many = |count: usize| group("", &list(count, |i| format!("{{ Id: 10.0.{}.{} }}", i / 250, i % 250)));
    boundary(&many(1000), &many(1001), "more than 1000 targets");
}

#[test]
fn instances_are_where_the_operator_says() {
    let text = with_resource(
        "TargetGroup",
        "{ Protocol: HTTP, Port: 1, Targets: [{ Id: i-1 }, { Id: i-2, Port: 2 }, { Id: i-3 }] }",
    );
    let inputs = Inputs { resolve: pairs(&[("i-1", "10.0.0.1"), ("i-2", "[fd00::2]:9")]), ..Inputs::default() };
    let loaded = load_with(&text, &inputs);
    let addresses: Vec<String> =
        loaded.config.groups[1].targets.iter().map(|target| target.address.to_string()).collect();
    assert_eq!(addresses, ["10.0.0.1:1", "[fd00::2]:9"]);
    assert!(loaded.warnings[0].message.contains("--resolve i-3=ADDRESS"), "{:?}", loaded.warnings);
    let public = Inputs { resolve: pairs(&[("i-1", "8.8.8.8")]), ..Inputs::default() };
    assert_eq!(errors_with(&text, &public).len(), 1);
}

#[test]
fn a_load_balancer_has_a_number_of_everything() {
    let listeners = |count: usize| {
        with(&(1..count).map(|i| format!("  L{i}: {{ Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {{ LoadBalancerArn: !Ref Web, Port: {}, Protocol: HTTP, DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}] }} }}\n", 1000 + i)).collect::<String>())
    };
    boundary(&listeners(50), &listeners(51), "can have 50 listeners; this one has 51");
    let groups = |count: usize, targets: usize| {
        let group = |i: usize| {
            format!(
                "  G{i}: {{ Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {{ Protocol: HTTP, Port: 1, TargetType: ip, Targets: {} }} }}\n",
                list(targets, |j| format!("{{ Id: 10.0.0.1, Port: {} }}", j + 1))
            )
        };
        let rule = |i: usize| {
            format!(
                "  R{i}: {{ Type: AWS::ElasticLoadBalancingV2::ListenerRule, Properties: {{ ListenerArn: !Ref Http, Priority: {}, Conditions: [{{ Field: path-pattern, Values: [/a] }}], Actions: [{{ Type: forward, TargetGroupArn: !Ref G{i} }}] }} }}\n",
                i + 1
            )
        };
        with(&(0..count).map(|i| group(i) + &rule(i)).collect::<String>())
    };
    boundary(&groups(99, 0), &groups(100, 0), "can have 100 target groups; this one has 101");
    boundary(&groups(3, 333), &groups(4, 333), "can have 1000 targets; this one has 1333");
}

#[test]
fn a_group_has_one_load_balancer_and_ipv6_needs_dualstack() {
    let second = |arn: &str| {
        format!(
            "  Web2: {{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer }}\n  L2: {{ Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {{ LoadBalancerArn: !Ref Web2, Port: 81, Protocol: HTTP, DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref {arn} }}] }} }}\n  Group2: {{ Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {{ Protocol: HTTP, Port: 1 }} }}\n"
        )
    };
    boundary(&with(&second("Group2")), &with(&second("Group")), "a target group has one load balancer");
    let v6 = |kind: &str| {
        with_actions("[{ Type: forward, TargetGroupArn: !Ref Six }]")
            .replace("LoadBalancer }", &format!("LoadBalancer, Properties: {{ IpAddressType: {kind} }} }}"))
            + "  Six: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Protocol: HTTP, Port: 1, TargetType: ip, IpAddressType: ipv6 } }\n"
    };
    boundary(&v6("dualstack"), &v6("ipv4"), "need a dualstack load balancer");
}
