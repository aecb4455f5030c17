//! What a template says of the versions that targets speak: HTTP1, HTTP2 and GRPC groups, which listeners and rules may
//! forward to them, and how they are checked.

mod template_support;

use sluicegate::config::{HealthCheck, ProtocolVersion, TargetGroup};
use sluicegate::http::{Asked, Mismatch};
use sluicegate::target::{CheckKind, Matcher};
use template_support::*;

/// A template with a listener whose protocol is this, and whose default action forwards to a group of these properties.
fn template(listener: &str, group: &str, actions: &str) -> String {
    let secure = match listener {
        "HTTPS" => "Certificates: [{ CertificateArn: !Ref Cert }],",
        _ => "",
    };
    format!(
        "Resources:
  Web: {{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer }}
  Cert: {{ Type: AWS::CertificateManager::Certificate, Properties: {{ DomainName: example.com }} }}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {{ LoadBalancerArn: !Ref Web, Port: 443, Protocol: {listener}, {secure} DefaultActions: {actions} }}
  Old:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {{ Protocol: HTTP, Port: 8080, TargetType: ip, Targets: [{{ Id: 127.0.0.1 }}] }}
  New:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {{ Protocol: HTTP, Port: 8081, Targets: [{{ Id: 127.0.0.1 }}], {group} }}
"
    )
}

const TO_NEW: &str = "[{ Type: forward, TargetGroupArn: !Ref New }]";

fn group(properties: &str) -> String {
    template("HTTPS", &format!("TargetType: ip, {properties}"), TO_NEW)
}

fn loaded(properties: &str) -> TargetGroup {
    let loaded = load(&group(properties));
    assert!(loaded.warnings.is_empty(), "{:?}", lines(&loaded.warnings));
    loaded.config.groups.into_iter().nth(1).expect("the group")
}

fn one_error(text: &str) -> String {
    let found = errors(text);
    assert_eq!(found.len(), 1, "{found:#?}\n{text}");
    found.into_iter().next().unwrap_or_default()
}

#[test]
fn a_group_speaks_http1_unless_it_says_http2_or_grpc() {
    for (properties, version) in [
        ("", ProtocolVersion::Http1),
        ("ProtocolVersion: HTTP1", ProtocolVersion::Http1),
        ("ProtocolVersion: HTTP2", ProtocolVersion::Http2),
        ("ProtocolVersion: GRPC", ProtocolVersion::Grpc),
    ] {
        assert_eq!(loaded(properties).protocol_version, version, "{properties}");
    }
    for wrong in ["HTTP/2", "gRPC", "H2", "HTTP3", "http2"] {
        let error = one_error(&group(&format!("ProtocolVersion: {wrong}")));
        assert!(error.contains("New.ProtocolVersion") && error.contains("none of HTTP1, HTTP2, GRPC"), "{error}");
    }
}

#[test]
fn the_matrix_says_which_requests_a_group_takes() {
    use ProtocolVersion::{Grpc, Http1, Http2};
    for (asked, version, expected) in [
        (Asked::Http1, Http1, Ok(())),
        (Asked::Http2 { post: false }, Http1, Ok(())),
        (Asked::Http2 { post: true }, Http1, Ok(())),
        (Asked::Grpc, Http1, Err(Mismatch::GrpcNotServed)),
        (Asked::Http1, Http2, Err(Mismatch::NeedsHttp2)),
        (Asked::Http2 { post: false }, Http2, Ok(())),
        (Asked::Http2 { post: true }, Http2, Ok(())),
        (Asked::Grpc, Http2, Ok(())),
        (Asked::Http1, Grpc, Err(Mismatch::NeedsHttp2)),
        (Asked::Http2 { post: false }, Grpc, Err(Mismatch::NeedsPost)),
        (Asked::Http2 { post: true }, Grpc, Ok(())),
        (Asked::Grpc, Grpc, Ok(())),
    ] {
        assert_eq!(version.takes(asked), expected, "{asked:?} to {}", version.name());
    }
}

#[test]
fn only_https_listeners_forward_to_http2_and_grpc_groups() {
    let new = |version: &str| format!("TargetType: ip, ProtocolVersion: {version}");
    for version in ["HTTP2", "GRPC"] {
        load(&template("HTTPS", &new(version), TO_NEW));
        let expected = format!(
            "t.yaml:6:124: Listener.DefaultActions[0].TargetGroupArn: its ProtocolVersion is {version}, and only HTTPS \
             listeners forward to such targets; make the listener HTTPS, or the group HTTP1"
        );
        assert_eq!(one_error(&template("HTTP", &new(version), TO_NEW)), expected);
        let weighted = "[{ Type: forward, ForwardConfig: { TargetGroups: [{ TargetGroupArn: !Ref New }] } }]";
        assert!(one_error(&template("HTTP", &new(version), weighted)).contains("only HTTPS listeners"));
        let rule = format!(
            "{}  Rule:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties: {{ ListenerArn: !Ref \
             Listener, Priority: 1, Conditions: [{{ Field: path-pattern, Values: [/a] }}], Actions: {TO_NEW} }}\n",
            template("HTTP", &new(version), "[{ Type: forward, TargetGroupArn: !Ref Old }]")
        );
        let error = one_error(&rule);
        assert!(error.contains("Rule.Actions[0].TargetGroupArn") && error.contains("only HTTPS listeners"), "{error}");
        let secure = "Port: 443, Protocol: HTTPS, Certificates: [{ CertificateArn: !Ref Cert }], ";
        load(&rule.replace("Port: 443, Protocol: HTTP, ", secure));
    }
    load(&template("HTTP", &new("HTTP1"), TO_NEW));
}

#[test]
fn only_instance_and_ip_targets_speak_http2_or_grpc() {
    for version in ["HTTP2", "GRPC"] {
        for kind in ["lambda", "alb"] {
            let text = template("HTTPS", &format!("TargetType: {kind}, ProtocolVersion: {version}"), TO_NEW);
            let expected = format!("{version} is for instance and ip targets, not for {kind}");
            let found = errors(&text);
            assert!(found.iter().any(|error| error.contains("New.ProtocolVersion") && error.ends_with(&expected)));
        }
        let text =
            group(&format!("ProtocolVersion: {version}")).replacen("TargetType: ip, P", "TargetType: instance, P", 1);
        assert!(errors(&text).iter().all(|error| !error.contains("ProtocolVersion")), "{:?}", errors(&text));
    }
}

#[test]
fn forward_is_the_only_action_of_a_rule_with_an_http2_or_grpc_group() {
    let authenticated = |group: &str| {
        format!(
            "[{{ Type: authenticate-oidc, Order: 1 }}, {{ Type: forward, Order: 2, TargetGroupArn: !Ref {group} }}]"
        )
    };
    for version in ["HTTP2", "GRPC"] {
        let new = format!("TargetType: ip, ProtocolVersion: {version}");
        let expected = format!(
            "Listener.DefaultActions[0]: a rule that forwards to {version} targets has no other action than forward"
        );
        let alone = |actions: &str| {
            let found = errors(&template("HTTPS", &new, actions));
            found.iter().filter(|error| error.ends_with(&expected)).count()
        };
        assert_eq!(alone(&authenticated("New")), 1);
        assert_eq!(alone(&authenticated("Old")), 0);
        let redirect = "{ Type: redirect, RedirectConfig: { StatusCode: HTTP_301, Host: example.com } }";
        assert_eq!(alone(&format!("[{redirect}, {{ Type: forward, TargetGroupArn: !Ref New }}]")), 1);
        assert_eq!(alone(&format!("[{redirect}]")), 0);
    }
}

#[test]
fn groups_of_one_action_that_speak_different_versions_are_warned_of() {
    let both = "[{ Type: forward, ForwardConfig: { TargetGroups: [{ TargetGroupArn: !Ref New }, { TargetGroupArn: !Ref Old }] } }]";
    let warnings = |version: &str| {
        lines(&load(&template("HTTPS", &format!("TargetType: ip, ProtocolVersion: {version}"), both)).warnings)
    };
    assert!(warnings("HTTP1").is_empty());
    let [warning] = &warnings("GRPC")[..] else { panic!("one warning") };
    assert!(warning.contains("the groups differ in ProtocolVersion"), "{warning}");
}

#[test]
fn a_grpc_group_is_checked_by_a_call_whose_code_decides() {
    let check = loaded("ProtocolVersion: GRPC").health_check;
    assert_eq!(check, HealthCheck::grpc());
    assert_eq!((check.kind, check.path.as_str()), (CheckKind::Grpc, "/AWS.ALB/healthcheck"));
    assert_eq!(check.matcher.ranges, [(12, 12)]);
    for version in ["HTTP1", "HTTP2"] {
        let check = loaded(&format!("ProtocolVersion: {version}")).health_check;
        assert_eq!((check.kind, check.path.as_str()), (CheckKind::Http, "/"));
        assert_eq!(check.matcher.ranges, [(200, 200)]);
    }
    let check = loaded(
        "ProtocolVersion: GRPC, HealthCheckPath: /grpc.health.v1.Health/Check, Matcher: { GrpcCode: '0, 5-7,99' }, \
         HealthCheckProtocol: HTTPS, HealthyThresholdCount: 2, UnhealthyThresholdCount: 3",
    )
    .health_check;
    assert_eq!(check.path, "/grpc.health.v1.Health/Check");
    assert_eq!(check.matcher, Matcher { ranges: vec![(0, 0), (5, 7), (99, 99)] });
    assert_eq!((check.healthy_threshold, check.unhealthy_threshold), (2, 3));
}

#[test]
fn the_path_of_a_call_is_that_of_a_service_and_a_method() {
    let path = |path: &str| group(&format!("ProtocolVersion: GRPC, HealthCheckPath: '{path}'"));
    for good in ["/package.service/method", "/Service/Method", "/a.b.c.D/e"] {
        load(&path(good));
    }
    for bad in ["/", "/package.service", "/package.service/", "//method", "/a/b/c", "/a/b?c=d", "/a/b/"] {
        let error = one_error(&path(bad));
        assert!(
            error.ends_with(
                "New.HealthCheckPath: the targets speak gRPC, so a method is called: write its path like \
                 `/package.service/method`"
            ),
            "{bad}: {error}"
        );
    }
    assert!(one_error(&path("a/b")).contains("must begin with a slash"));
    load(&group("ProtocolVersion: HTTP2, HealthCheckPath: '/a?b=c'"));
}

#[test]
fn codes_of_grpc_are_0_to_99_and_those_of_http_200_to_499() {
    let grpc = |codes: &str| group(&format!("ProtocolVersion: GRPC, Matcher: {{ GrpcCode: '{codes}' }}"));
    for (good, bad) in
        [("0", "-1"), ("99", "100"), ("0-99", "0-100"), ("0,1", "0,"), ("5-5", "6-5"), ("12", "012"), ("1", "+1")]
    {
        boundary(
            &grpc(good),
            &grpc(bad),
            &format!("New.Matcher.GrpcCode: `{bad}` is no list of codes and ranges from 0 to 99, like `0,1` or `0-5`"),
        );
    }
    boundary(
        &group("ProtocolVersion: GRPC, Matcher: { GrpcCode: 0 }"),
        &group("ProtocolVersion: GRPC, Matcher: { HttpCode: 200 }"),
        "New.Matcher.HttpCode: the targets speak gRPC, so their codes decide: name them in GrpcCode",
    );
    for version in ["HTTP1", "HTTP2"] {
        boundary(
            &group(&format!("ProtocolVersion: {version}, Matcher: {{ HttpCode: 200-499 }}")),
            &group(&format!("ProtocolVersion: {version}, Matcher: {{ GrpcCode: 0 }}")),
            "New.Matcher.GrpcCode: only groups of ProtocolVersion GRPC have it; others name statuses in HttpCode",
        );
    }
}
