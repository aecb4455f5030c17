//! Both sides of every limit that a template is held to.

mod template_support;

use sluicegate::config::template::Inputs;
use template_support::*;

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
    let arn = "arn:aws:acm:us-east-1:000000000000:certificate/c";
    for (good, bad, message) in [
        ("Protocol: HTTP, Port: 1", "Protocol: HTTP, Port: 0", "from 1 to 65535"),
        ("Protocol: HTTP, Port: 65535", "Protocol: HTTP, Port: 65536", "from 1 to 65535"),
        ("Protocol: HTTP, Port: 81", "Protocol: TCP, Port: 81", "neither HTTP nor HTTPS"),
        ("Protocol: HTTP, Port: 81", "Protocol: HTTP", "Port is missing"),
        ("Protocol: HTTP, Port: 81", "Port: 81", "Protocol is missing"),
        (
            "Protocol: HTTP, Port: 81",
            "Protocol: HTTP, Port: 81, Certificates: [{ CertificateArn: arn:aws:acm:us-east-1:000000000000:certificate/c }]",
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
    let certificate = format!("{tls}, Certificates: [{{ CertificateArn: {arn} }}]");
    boundary(&listener(&certificate), &listener(tls), "needs Certificates");
    boundary(
        &listener(&certificate),
        &listener(&format!("{tls}, Certificates: [{{ CertificateArn: {arn} }}, {{ CertificateArn: {arn}2 }}]")),
        "exactly one certificate",
    );
    boundary(
        &listener(&format!("{certificate}, MutualAuthentication: {{ Mode: passthrough }}")),
        &listener(&format!("{certificate}, MutualAuthentication: {{ Mode: verify }}")),
        "needs TrustStoreArn",
    );
}

#[test]
fn target_group_properties_have_ranges() {
    let group =
        |properties: &str| with_resource("TargetGroup", &format!("{{ Protocol: HTTP, Port: 1, {properties} }}"));
    for (good, bad, message) in [
        (
            "HealthCheckIntervalSeconds: 5, HealthCheckTimeoutSeconds: 4",
            "HealthCheckIntervalSeconds: 4, HealthCheckTimeoutSeconds: 3",
            "from 5 to 300",
        ),
        ("HealthCheckIntervalSeconds: 300", "HealthCheckIntervalSeconds: 301", "from 5 to 300"),
        ("HealthCheckTimeoutSeconds: 2", "HealthCheckTimeoutSeconds: 1", "from 2 to 120"),
        (
            "HealthCheckIntervalSeconds: 300, HealthCheckTimeoutSeconds: 120",
            "HealthCheckIntervalSeconds: 300, HealthCheckTimeoutSeconds: 121",
            "from 2 to 120",
        ),
        ("HealthyThresholdCount: 2", "HealthyThresholdCount: 1", "from 2 to 10"),
        ("HealthyThresholdCount: 10", "HealthyThresholdCount: 11", "from 2 to 10"),
        ("UnhealthyThresholdCount: 2", "UnhealthyThresholdCount: 1", "from 2 to 10"),
        ("UnhealthyThresholdCount: 10", "UnhealthyThresholdCount: 11", "from 2 to 10"),
        ("HealthCheckPort: traffic-port", "HealthCheckPort: other", "from 1 to 65535"),
        ("HealthCheckPort: 1", "HealthCheckPort: 0", "from 1 to 65535"),
        ("HealthCheckPort: 65535", "HealthCheckPort: 65536", "from 1 to 65535"),
        ("HealthCheckPath: /a", "HealthCheckPath: a", "begin with a slash"),
        ("HealthCheckPath: '/~'", "HealthCheckPath: '/ '", "percent-encoding"),
        ("HealthCheckPath: '/!?a=b'", "HealthCheckPath: \"/\\r\\nX: y\"", "percent-encoding"),
        ("HealthCheckPath: '/a%23b'", "HealthCheckPath: '/a#b'", "a fragment is never sent"),
        ("HealthCheckPath: /%C3%A9", "HealthCheckPath: /é", "percent-encoding"),
        ("HealthCheckProtocol: HTTPS", "HealthCheckProtocol: TCP", "none of HTTP, HTTPS"),
        ("HealthCheckEnabled: true", "HealthCheckEnabled: false", "cannot be disabled"),
        ("Matcher: { HttpCode: 200 }", "Matcher: { HttpCode: 199 }", "no list of codes"),
        ("Matcher: { HttpCode: 499 }", "Matcher: { HttpCode: 500 }", "no list of codes"),
        ("Matcher: { HttpCode: '200,202' }", "Matcher: { HttpCode: '200,' }", "no list of codes"),
        ("Matcher: { HttpCode: 200-499 }", "Matcher: { HttpCode: 200-500 }", "no list of codes"),
        ("Matcher: { HttpCode: 200-200 }", "Matcher: { HttpCode: 201-200 }", "no list of codes"),
        ("Matcher: { HttpCode: 301 }", "Matcher: { HttpCode: +301 }", "no list of codes"),
        ("Matcher: {}", "Matcher: { HttpCode: '' }", "no list of codes"),
        ("Matcher: {}", "Matcher: { GrpcCode: 0 }", "only groups of ProtocolVersion GRPC have it"),
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
        ("deregistration_delay.timeout_seconds", &["0", "3600"][..], &["3601", "-1"][..]),
        ("stickiness.lb_cookie.duration_seconds", &["1", "604800"], &["0", "604801"]),
        ("stickiness.app_cookie.duration_seconds", &["1", "604800"], &["0", "604801"]),
        ("stickiness.type", &["lb_cookie", "app_cookie"], &["source_ip"]),
        ("stickiness.enabled", &["true", "false", "True"], &["yes"]),
        ("slow_start.duration_seconds", &["0", "30", "900"], &["1", "29", "901"]),
        (
            "load_balancing.algorithm.type",
            &["round_robin", "least_outstanding_requests", "weighted_random"],
            &["random"],
        ),
        ("load_balancing.algorithm.anomaly_mitigation", &["off"], &["on", "maybe"]),
        ("load_balancing.cross_zone.enabled", &["true", "false", "use_load_balancer_configuration"], &["maybe"]),
        (
            "target_group_health.dns_failover.minimum_healthy_targets.count",
            &["off", "1", "1000"],
            &["0", "1001", "Off"],
        ),
        ("target_group_health.dns_failover.minimum_healthy_targets.percentage", &["off", "1", "100"], &["0", "101"]),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
            &["1", "1000"],
            &["0", "1001", "off"],
        ),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            &["off", "1", "100"],
            &["0", "101"],
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
        "{ Protocol: HTTP, Port: 1, Targets: [{ Id: i-1 }, { Id: i-2, Port: 2 }, { Id: i-3 }, { Id: i-4, Port: 4 }] }",
    );
    let instances = |list: &[&str]| Inputs {
        instances: list.iter().map(|text| text.parse().expect("an instance")).collect(),
        ..Inputs::default()
    };
    let inputs = Inputs {
        resolve: pairs(&[("i-1", "10.0.0.1"), ("i-2", "[fd00::2]:9")]),
        ..instances(&["i-4=10.0.0.4", "i-1=10.0.0.9:7", "i-1=10.0.0.8:8"])
    };
    let loaded = load_with(&text, &inputs);
    let addresses: Vec<String> =
        loaded.config.groups[1].targets.iter().map(|target| target.address.to_string()).collect();
    assert_eq!(addresses, ["10.0.0.8:8", "[fd00::2]:9", "10.0.0.4:4"]);
    let ids: Vec<&str> = loaded.config.groups[1].targets.iter().map(|target| target.id.as_str()).collect();
    assert_eq!(ids, ["i-1", "i-2", "i-4"]);
    let found = lines(&loaded.warnings);
    assert!(found.len() == 1 && found[0].contains("--instance i-3=ADDR[:PORT]"), "{found:?}");
    for public in [
        Inputs { resolve: pairs(&[("i-1", "8.8.8.8")]), ..Inputs::default() },
        instances(&["i-1=8.8.8.8"]),
        instances(&["i-1=0.0.0.0"]),
    ] {
        assert_eq!(errors_with(&text, &public).len(), 1);
    }
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
