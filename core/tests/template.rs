//! What templates of every shape come to.

mod template_support;

use core::time::Duration;

use sluicegate::config::template::Inputs;
use sluicegate::config::{DesyncMitigationMode, Protocol, XffHeaderProcessing};
use sluicegate::rules::{Action, Condition, GroupId, RedirectProtocol, RedirectStatus};
use template_support::*;

const MICROSERVICES: &str = include_str!("../../examples/microservices.yaml");
const BLUE_GREEN: &str = include_str!("../../examples/blue-green.yaml");
const HTTPS_REDIRECT: &str = include_str!("../../examples/https-redirect.yaml");
const HOST_ROUTING: &str = include_str!("../../examples/host-routing.yaml");
const VPC_EC2: &str = include_str!("../../examples/stack-vpc-ec2.yaml");
const ECS_SERVICE: &str = include_str!("../../examples/stack-ecs-service.yaml");
const CLASSIC: &str = include_str!("../../examples/stack-classic.json");

fn params(list: &[(&str, &str)]) -> Inputs {
    Inputs { parameters: pairs(list), ..Inputs::default() }
}

/// The body that the first rule of `template` answers with: one way to see what an expression comes to.
fn evaluated_with(sections: &str, expression: &str, inputs: &Inputs) -> String {
    let actions =
        format!("[{{ Type: fixed-response, FixedResponseConfig: {{ StatusCode: 200, MessageBody: {expression} }} }}]");
    let text = format!("{sections}\n{}", with_actions(&actions));
    let loaded = load_with(&text, inputs);
    match &loaded.config.listeners[0].rules.rules()[0].action {
        Action::FixedResponse(fixed) => fixed.body.clone(),
        other => panic!("{other:?}"),
    }
}

fn evaluated(expression: &str) -> String {
    evaluated_with("", expression, &Inputs::default())
}

#[test]
fn microservices_are_told_apart_by_path() {
    let loaded = load(MICROSERVICES);
    let config = &loaded.config;
    assert!(loaded.warnings.is_empty());
    assert_eq!(config.listeners[0].port, 80);
    let priorities: Vec<u16> = config.listeners[0].rules.rules().iter().map(|rule| rule.priority).collect();
    assert_eq!(priorities, [10, 20, 30]);
    let addresses: Vec<String> = config.groups.iter().map(|group| group.targets[0].address.to_string()).collect();
    assert_eq!(addresses, ["127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"]);
    assert_eq!(config.load_balancers[0].attributes.idle_timeout, Duration::from_secs(30));
    assert!(config.load_balancers[0].attributes.drop_invalid_header_fields);
}

#[test]
fn blue_and_green_share_by_weight_until_green_has_none() {
    let weights = |inputs: &Inputs| match load_with(BLUE_GREEN, inputs).config.listeners[0].rules.default_action() {
        Action::Forward(forward) => forward.groups.iter().map(|group| (group.group, group.weight)).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(weights(&Inputs::default()), [(GroupId(0), 90), (GroupId(1), 10)]);
    assert_eq!(weights(&params(&[("GreenPercent", "0")])), [(GroupId(0), 90)]);
}

#[test]
fn a_redirect_to_https_needs_no_target() {
    let loaded = load(HTTPS_REDIRECT);
    let Action::Redirect(redirect) = loaded.config.listeners[0].rules.default_action() else { panic!("a redirect") };
    assert_eq!((redirect.protocol, redirect.status), (RedirectProtocol::Https, RedirectStatus::MovedPermanently));
    let parts = [&redirect.host, &redirect.port, &redirect.path, &redirect.query].map(String::as_str);
    assert_eq!(parts, ["#{host}", "443", "/#{path}", "#{query}"]);
    assert!(loaded.config.groups.is_empty());
}

#[test]
fn hosts_follow_a_parameter() {
    let loaded = load_with(HOST_ROUTING, &params(&[("Domain", "example.org")]));
    let Condition::HostHeader(hosts) = &loaded.config.listeners[0].rules.rules()[1].conditions[0] else {
        panic!("hosts")
    };
    let hosts: Vec<&str> = hosts.iter().map(sluicegate::rules::Pattern::as_str).collect();
    assert_eq!(hosts, ["example.org", "www.example.org"]);
    assert!(loaded.config.load_balancers[0].attributes.preserve_host_header);
}

#[test]
fn a_stack_with_a_network_and_machines_loads_as_it_is() {
    let inputs = Inputs {
        resolve: pairs(&[("FirstMachine", "127.0.0.1:9001"), ("SecondMachine", "127.0.0.1")]),
        ..params(&[("ImageId", "ami-1")])
    };
    let loaded = load_with(VPC_EC2, &inputs);
    let addresses: Vec<String> =
        loaded.config.groups[0].targets.iter().map(|target| target.address.to_string()).collect();
    assert_eq!(addresses, ["127.0.0.1:9001", "127.0.0.1:80"]);
    assert_eq!(loaded.config.load_balancers[0].attributes.idle_timeout, Duration::from_secs(15));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let without = load_with(VPC_EC2, &params(&[("ImageId", "ami-1")]));
    assert!(without.config.groups[0].targets.is_empty());
    assert_eq!(without.warnings.len(), 2);
    assert!(without.warnings[0].message.contains("--resolve FirstMachine="), "{:?}", without.warnings);
}

#[test]
fn a_stack_with_imports_loads_without_them() {
    let given = [("NetworkStack", "net"), ("Image", "web:1"), ("LocalTask", "127.0.0.1"), ("ContainerPort", "9001")];
    let loaded = load_with(ECS_SERVICE, &params(&given));
    assert_eq!(loaded.config.groups[0].targets[0].address.to_string(), "127.0.0.1:9001");
    assert_eq!(loaded.config.listeners.len(), 1);
    assert!(loaded.config.unserved().is_empty());
}

#[test]
fn https_listeners_without_certificates_are_read_and_listed_as_unserved_with_their_place() {
    let given = [
        ("NetworkStack", "net"),
        ("Image", "web:1"),
        ("CertificateArn", "arn:aws:acm:us-east-1:000000000000:certificate/c"),
        ("Hosts", "a.example.com, b.example.com"),
    ];
    let config = load_with(ECS_SERVICE, &params(&given)).config;
    assert_eq!(config.listeners[1].protocol, Protocol::Https);
    let unserved = config.unserved();
    assert_eq!(unserved.len(), 1);
    let line = ECS_SERVICE.lines().position(|line| line.starts_with("  HttpsListener:")).expect("the listener") + 1;
    assert_eq!((unserved[0].position.line as usize, unserved[0].position.column), (line, 3));
    assert_eq!(config.listeners[0].rules.rules()[0].conditions.len(), 2);
    let https_group = with_resource("TargetGroup", "{ Protocol: HTTPS, Port: 443 }");
    assert!(load(&https_group).config.unserved().is_empty());
}

#[test]
fn json_in_long_form_with_tabs_loads_as_it_is() {
    let inputs = Inputs {
        resolve: pairs(&[("i-0123456789abcdef0", "127.0.0.1:9001")]),
        ..params(&[("VpcId", "vpc-1"), ("Subnets", "subnet-1,subnet-2")])
    };
    let loaded = load_with(CLASSIC, &inputs);
    assert_eq!(loaded.config.groups[0].targets[0].address.to_string(), "127.0.0.1:9001");
    assert!(loaded.config.load_balancers[0].dns_name.starts_with("internal-"));
    let Action::FixedResponse(fixed) = &loaded.config.listeners[0].rules.rules()[0].action else { panic!("fixed") };
    assert_eq!((fixed.status, fixed.body.as_str()), (403, "{\"error\":\"closed\"}"));
    let Condition::PathPattern(paths) = &loaded.config.listeners[0].rules.rules()[0].conditions[0] else {
        panic!("a path")
    };
    assert_eq!(paths[0].as_str(), "/admin/*");
}

#[test]
fn functions_come_to_what_cloudformation_says() {
    for (expression, value) in [
        ("plain", "plain"),
        ("!Ref AWS::Region", "us-east-1"),
        ("{ Ref: AWS::StackName }", "local"),
        ("!Sub '${AWS::Partition}-${AWS::AccountId}'", "aws-000000000000"),
        ("!Sub 'a ${!B} $C $ {D}'", "a ${B} $C $ {D}"),
        ("!Sub ['${A}${B}', { A: x, B: !Ref AWS::Region }]", "xus-east-1"),
        ("{ 'Fn::Sub': '${AWS::URLSuffix}' }", "amazonaws.com"),
        ("!Join ['-', [a, !Ref AWS::Region, c]]", "a-us-east-1-c"),
        ("!Join ['', []]", ""),
        ("!Select [1, [a, b]]", "b"),
        ("!Select ['0', !Split ['|', 'x|y']]", "x"),
        ("!Join [',', !Split ['.', 'a.b.c']]", "a,b,c"),
        ("!GetAtt Group.TargetGroupName", "Group-"),
        ("!GetAtt [Web, DNSName]", "Web-"),
        ("!Sub '${Web.LoadBalancerFullName}'", "app/Web-"),
        (
            "{ 'Fn::GetAtt': [Http, ListenerArn] }",
            "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/Web-",
        ),
        ("!Ref Group", "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/Group-"),
    ] {
        let found = evaluated(expression);
        let exact = found == value || (value.ends_with('-') && found.starts_with(value));
        assert!(exact, "{expression}: {found}");
    }
}

#[test]
fn conditions_and_mappings_choose_values() {
    let sections = "
Parameters:
  Stage: { Type: String, Default: live }
  Sizes: { Type: List<Number>, Default: '1, 2' }
Mappings:
  M: { live: { Word: strong, List: [p, q] }, test: { Word: weak } }
Conditions:
  Live: !Equals [!Ref Stage, live]
  Not: !Not [!Condition Live]
  Both: !And [!Condition Live, !Not [!Condition Not]]
  Any: !Or [!Condition Not, !Equals [a, b], !Equals [!Select [0, !Ref Sizes], '1']]
  Map: !Equals [!FindInMap [M, !Ref Stage, Word], strong]
";
    for (expression, value) in [
        ("!If [Live, a, b]", "a"),
        ("!If [Not, a, b]", "b"),
        ("!If [Both, a, b]", "a"),
        ("!If [Any, a, b]", "a"),
        ("{ 'Fn::If': [Map, !If [Not, x, y], b] }", "y"),
        ("!FindInMap [M, live, Word]", "strong"),
        ("!Select [1, !FindInMap [M, !Ref Stage, List]]", "q"),
        ("!FindInMap [M, none, Word, { DefaultValue: d }]", "d"),
        ("!Select [1, !Ref Sizes]", "2"),
        ("!Join ['+', !Ref Sizes]", "1+2"),
    ] {
        assert_eq!(evaluated_with(sections, expression, &Inputs::default()), value, "{expression}");
    }
    assert_eq!(evaluated_with(sections, "!If [Live, a, b]", &params(&[("Stage", "test")])), "b");
}

#[test]
fn imports_and_resolutions_give_what_only_the_account_knows() {
    let inputs = Inputs {
        imports: pairs(&[("net-Vpc", "vpc-9")]),
        resolve: pairs(&[("Vpc", "vpc-1"), ("Node.PrivateIp", "127.0.0.9"), ("Stored", "kept")]),
        ..Inputs::default()
    };
    let sections = "Parameters:\n  Stored: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /path }\n";
    assert_eq!(evaluated_with(sections, "!ImportValue net-Vpc", &inputs), "vpc-9");
    assert_eq!(evaluated_with(sections, "!Ref Stored", &inputs), "kept");
    let foreign = with(
        "  Vpc: { Type: AWS::EC2::VPC }
  Node: { Type: AWS::EC2::Instance }
  Other:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Protocol: HTTP, Port: 1, VpcId: !Ref Vpc, TargetType: ip, Targets: [{ Id: !GetAtt Node.PrivateIp }] }
",
    );
    let loaded = load_with(&foreign, &inputs);
    assert_eq!(loaded.config.groups[1].targets[0].address.to_string(), "127.0.0.9:1");
    assert!(errors(&foreign)[0].contains("--resolve Node.PrivateIp=VALUE"));
}

#[test]
fn no_value_takes_the_property_away() {
    let text =
        with_resource("TargetGroup", "{ Protocol: HTTP, Port: 1, Name: !Ref AWS::NoValue, Tags: [!Ref AWS::NoValue] }");
    assert!(load(&text).config.groups[1].name.starts_with("Other-"));
}

#[test]
fn a_resource_whose_condition_is_false_does_not_exist() {
    let text = format!(
        "Conditions: {{ Never: !Equals [a, b], Always: !Equals [a, a] }}\n{}",
        with(
            "  Gone:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Condition: Never\n    Properties: { Nonsense: 1 }\n  There:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Condition: Always\n    Properties: { Protocol: HTTP, Port: 1 }\n"
        )
    );
    let config = load(&text).config;
    assert_eq!(config.groups.len(), 2);
    assert_eq!(config.groups[1].logical_id, "There");
}

#[test]
fn numbers_and_booleans_may_be_written_as_texts() {
    let text = with_resource(
        "TargetGroup",
        "{ Protocol: HTTP, Port: '81', HealthCheckEnabled: 'True', HealthCheckIntervalSeconds: '20', TargetType: ip, Targets: [{ Id: 10.0.0.1, Port: '82' }], TargetGroupAttributes: [{ Key: slow_start.duration_seconds, Value: 0 }] }",
    );
    assert_eq!(load(&text).config.groups[1].targets[0].address.to_string(), "10.0.0.1:82");
}

#[test]
fn attributes_have_the_guides_defaults_and_take_what_is_given() {
    let attributes = |list: &str| {
        let text = format!(
            "Resources:\n  Web:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties: {{ LoadBalancerAttributes: [{list}] }}"
        );
        load(&text).config.load_balancers[0].attributes.clone()
    };
    assert_eq!(attributes(""), Default::default());
    let given = attributes(
        "{ Key: idle_timeout.timeout_seconds, Value: 4000 }, { Key: client_keep_alive.seconds, Value: '60' },
         { Key: routing.http.desync_mitigation_mode, Value: monitor }, { Key: routing.http.drop_invalid_header_fields.enabled, Value: true },
         { Key: routing.http.preserve_host_header.enabled, Value: true }, { Key: routing.http.x_amzn_tls_version_and_cipher_suite.enabled, Value: true },
         { Key: routing.http.xff_client_port.enabled, Value: true }, { Key: routing.http.xff_header_processing.mode, Value: remove },
         { Key: routing.http2.enabled, Value: false }",
    );
    assert_eq!((given.idle_timeout.as_secs(), given.client_keep_alive.as_secs()), (4000, 60));
    assert_eq!(given.desync_mitigation_mode, DesyncMitigationMode::Monitor);
    assert_eq!(given.xff_header_processing, XffHeaderProcessing::Remove);
    assert!(given.drop_invalid_header_fields && given.preserve_host_header && given.tls_version_and_cipher_suite);
    assert!(given.xff_client_port && !given.http2);
}

#[test]
fn conditions_are_read_in_both_forms_and_both_spellings() {
    let forms = [
        (
            "{ Field: host-header, Values: [a.example.com] }",
            "{ Field: host-header, HostHeaderConfig: { Values: [a.example.com] } }",
        ),
        ("{ Field: path-pattern, Values: [/a] }", "{ Field: path-pattern, PathPatternConfig: { Values: [/a] } }"),
        (
            "{ Field: http-request-method, Values: [GET] }",
            "{ Field: http-request-method, HttpRequestMethodConfig: { Values: [GET] } }",
        ),
        (
            "{ Field: source-ip, Values: [10.0.0.0/8] }",
            "{ Field: source-ip, SourceIpConfig: { Values: [10.0.0.0/8] } }",
        ),
        (
            "{ Field: http-header, HTTPHeaderConfig: { HTTPHeaderName: User-Agent, Values: ['*Chrome*'] } }",
            "{ Field: http-header, HttpHeaderConfig: { HttpHeaderName: User-Agent, Values: ['*Chrome*'] } }",
        ),
    ];
    let condition = |text: &str| {
        load(&with_conditions(&format!("[{text}]"))).config.listeners[0].rules.rules()[0].conditions[0].clone()
    };
    for (short, long) in forms {
        assert_eq!(condition(short), condition(long));
    }
    let Condition::QueryString(query) = condition(
        r"{ Field: query-string, QueryStringConfig: { Values: [{ Key: v, Value: '1' }, { Value: 'a\*b*' }] } }",
    ) else {
        panic!("a query")
    };
    assert_eq!(query[0].key.as_ref().map(|key| key.as_str().to_owned()), Some("v".to_owned()));
    assert!(query[1].key.is_none());
    assert_eq!(query[1].value.as_str(), r"a\*b*");
}

#[test]
fn actions_go_by_their_order_and_a_group_may_serve_several_listeners() {
    let text = with(
        "  Second:\n    Type: AWS::ElasticLoadBalancingV2::Listener\n    Properties: { LoadBalancerArn: !GetAtt Web.LoadBalancerArn, Port: 81, Protocol: HTTP, DefaultActions: [{ Type: forward, Order: 50000, ForwardConfig: { TargetGroups: [{ TargetGroupArn: !Ref Group }] }, TargetGroupArn: !Ref Group }] }\n",
    );
    let config = load(&text).config;
    let Action::Forward(forward) = config.listeners[1].rules.default_action() else { panic!("a forward") };
    assert_eq!((forward.groups[0].group, forward.groups[0].weight), (GroupId(0), 1));
    assert_ne!(config.listeners[0].arn, config.listeners[1].arn);
}

#[test]
fn identities_survive_a_reload_that_changes_other_things() {
    let before = load(MICROSERVICES).config;
    let after = load(&MICROSERVICES.replace("Port: 9002", "Port: 9102").replace("Priority: 10", "Priority: 11")).config;
    let arns = |config: &sluicegate::config::Config| {
        let groups = config.groups.iter().map(|group| group.arn.clone());
        groups.chain(config.listeners.iter().map(|listener| listener.arn.clone())).collect::<Vec<_>>()
    };
    assert_eq!(arns(&before), arns(&after));
    before.groups[1].state.cursor.store(5, std::sync::atomic::Ordering::Relaxed);
    let next = after.next(&before, sluicegate::time::Mono::default());
    assert_eq!(next.groups[1].state.cursor.load(std::sync::atomic::Ordering::Relaxed), 5);
    let other_stack = Inputs { stack_name: "other".to_owned(), ..Inputs::default() };
    assert_ne!(arns(&before), arns(&load_with(MICROSERVICES, &other_stack).config));
    let resource = before.load_balancers[0].resource_id();
    assert!(resource.starts_with("app/front/") && resource.len() == "app/front/".len() + 16, "{resource}");
}

#[test]
fn things_that_change_nothing_here_are_ignored() {
    let text = with(
        "  Other:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    DependsOn: Http
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Metadata: { anything: !Ref Nowhere }
    Properties: { Protocol: HTTP, Port: 1 }
  Foreign:
    Type: AWS::S3::Bucket
    Properties: { Name: !Ref Nowhere, Unknown: !GetAtt Missing.Thing }
Outputs:
  Url: { Value: !Sub 'http://${Web.DNSName}/${Nowhere}' }
",
    );
    assert_eq!(load(&text).config.groups.len(), 2);
}

#[test]
fn certificates_tls_and_trust_stores_are_read() {
    let text = with(
        "  Https:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Web
      Port: 443
      Protocol: HTTPS
      SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06
      Certificates: [{ CertificateArn: !Ref Certificate }]
      MutualAuthentication: { Mode: verify, TrustStoreArn: !Ref Trust, IgnoreClientCertificateExpiry: false, AdvertiseTrustStoreCaNames: 'on' }
      ListenerAttributes: [{ Key: routing.http.response.server.enabled, Value: false }]
      DefaultActions: [{ Type: forward, TargetGroupArn: !Ref Group }]
  Certificate: { Type: AWS::CertificateManager::Certificate }
  More: { Type: AWS::ElasticLoadBalancingV2::ListenerCertificate, Properties: { ListenerArn: !Ref Https, Certificates: [{ CertificateArn: arn:aws:acm:us-east-1:000000000000:certificate/x }] } }
  Trust: { Type: AWS::ElasticLoadBalancingV2::TrustStore, Properties: { Name: trust, CaCertificatesBundleS3Bucket: b, CaCertificatesBundleS3Key: k } }
  Revoked: { Type: AWS::ElasticLoadBalancingV2::TrustStoreRevocation, Properties: { TrustStoreArn: !Ref Trust, RevocationContents: [{ S3Bucket: b, S3Key: k, RevocationType: CRL }] } }
",
    );
    let loaded = load(&text);
    assert_eq!(loaded.config.listeners[1].protocol, Protocol::Https);
    assert_eq!(loaded.warnings.len(), 1, "{:?}", loaded.warnings);
}
