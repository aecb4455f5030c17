//! What is said about a template with a mistake in it, and where. Every row is a whole message.

mod template_support;

use sluicegate::config::template::{Inputs, Source, read};
use template_support::*;

/// Templates whose first eight lines are [`with`]'s; what is written here begins on line 9.
#[test]
fn mistakes_are_reported_with_line_column_and_resource() {
    let mut wrong = Vec::new();
    for (more, expected) in [
        // Properties and types
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocl: HTTP, Port: 1, Protocol: HTTP }",
            "t.yaml:11:19: T: there is no property `Protocl`; did you mean `Protocol`?",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGrup",
            "t.yaml:10:11: T: there is no type `AWS::ElasticLoadBalancingV2::TargetGrup`; did you mean `TargetGroup`?",
        ),
        ("  T:\n    Tpe: x", "t.yaml:9:3: T: the resource has no Type"),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Propertys: {}\n    Properties: { Protocol: HTTP, Port: 1 }",
            "t.yaml:11:5: T: a resource has no `Propertys`; did you mean `Properties`?",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP }",
            "t.yaml:11:17: T: Port is missing",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: }",
            "t.yaml:11:35: T: Port has no value",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: [1] }",
            "t.yaml:11:41: T.Port: a single value must stand here, not a list",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Targets: x }",
            "t.yaml:11:53: T.Targets: a list must stand here, not a single value",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Targets: [x] }",
            "t.yaml:11:54: T.Targets[0]: a map must stand here, not a single value",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, TargetGroupAttributes: [{ Key: stickines.enabled, Value: true }] }",
            "t.yaml:11:75: T.TargetGroupAttributes[0].Key: there is no attribute `stickines.enabled`; did you mean `stickiness.enabled`?",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, HealthCheckEnabled: maybe }",
            "t.yaml:11:64: T.HealthCheckEnabled: `maybe` is neither true nor false",
        ),
        // References
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: !Ref Prt }",
            "t.yaml:11:41: T: there is no parameter or resource `Prt`",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Name: !Sub 'a${Grup}' }",
            "t.yaml:11:50: T: there is no parameter or resource `Grup`; did you mean `Group`?",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Name: !GetAtt Group.Nme }",
            "t.yaml:11:50: T: Group has no attribute `Nme`",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Name: !If [Nope, a, b] }",
            "t.yaml:11:55: T: there is no condition `Nope`",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: !ImportValue p }",
            "t.yaml:11:41: T.Port: a single value is needed here, and nothing says what another stack exports as `p`; give it with --import p=VALUE",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Name: !Select [2, [a, b]] }",
            "t.yaml:11:50: T: Fn::Select: the list has 2 items, numbered from 0, and none of that number",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Name: !FindInMap [M, a, b] }",
            "t.yaml:11:50: T: Fn::FindInMap: the mappings have nothing at `M`, `a`, `b`",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Name: !Sub 'x${y' }",
            "t.yaml:11:50: T: Fn::Sub: `${` without `}` in `x${y`",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Name: !Join [a] }",
            "t.yaml:11:50: T: Fn::Join takes a list of 2 arguments",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Protocol: HTTP, Port: 1, Name: !Nope x }",
            "t.yaml:11:50: there is no function `!Nope`",
        ),
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Condition: Nope\n    Properties: { Protocol: HTTP, Port: 1 }",
            "t.yaml:11:16: T: there is no condition `Nope`",
        ),
        // What belongs together
        (
            "  R:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties: { ListenerArn: arn:x, Priority: 1, Conditions: [{ Field: path-pattern, Values: [/a] }], Actions: [{ Type: forward, TargetGroupArn: !Ref Group }] }",
            "t.yaml:11:32: R.ListenerArn: `arn:x` is the ARN of no listener in this template",
        ),
        (
            "  R:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties: { ListenerArn: !ImportValue l, Priority: 1, Conditions: [{ Field: path-pattern, Values: [/a] }], Actions: [{ Type: forward, TargetGroupArn: !Ref Group }] }",
            "t.yaml:11:32: R.ListenerArn: a listener of this template is needed here; this is what another stack exports as `l`",
        ),
        (
            "  R:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties: { ListenerArn: !Ref Http, Priority: 1, Conditions: [{ Field: path-pattern, Values: [/a] }], Actions: [{ Type: forward, TargetGroupArn: !Ref Web }] }",
            "TargetGroupArn: `arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/Web-",
        ),
        (
            "  L:\n    Type: AWS::ElasticLoadBalancingV2::Listener\n    Properties: { LoadBalancerArn: !Ref Web, Port: 80, Protocol: HTTP, DefaultActions: [{ Type: forward, TargetGroupArn: !Ref Group }] }",
            "t.yaml:11:52: L.Port: port 80 is the port of the listener Http already",
        ),
        (
            "  L:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties: { Type: network }",
            "t.yaml:11:25: L.Type: not an application load balancer",
        ),
        (
            "  L:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties: { Type: gateway }",
            "t.yaml:11:25: L.Type: not an application load balancer",
        ),
        // Not supported yet
        (
            "  T:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { TargetType: lambda }",
            "t.yaml:11:31: T.TargetType: functions as targets are not supported yet",
        ),
        (
            "  R:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties: { ListenerArn: !Ref Http, Priority: 1, Conditions: [{ Field: path-pattern, Values: [/a] }], Actions: [{ Type: jwt-validation }] }",
            "R.Actions[0].Type: jwt-validation actions are not supported yet",
        ),
        (
            "  R:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties: { ListenerArn: !Ref Http, Priority: 1, Transforms: [], Conditions: [{ Field: path-pattern, Values: [/a] }], Actions: [{ Type: forward, TargetGroupArn: !Ref Group }] }",
            "t.yaml:11:68: R.Transforms: transforms are not supported yet",
        ),
        (
            "  R:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties: { ListenerArn: !Ref Http, Priority: 1, Conditions: [{ Field: path-pattern, RegexValues: [a] }], Actions: [{ Type: forward, TargetGroupArn: !Ref Group }] }",
            "t.yaml:11:105: R.Conditions[0].RegexValues: regular expressions are not supported yet",
        ),
    ] {
        let found = errors(&with(more));
        let matching = if expected.starts_with("t.yaml") {
            found == [expected]
        } else {
            found.len() == 1 && found[0].contains(expected)
        };
        if !matching {
            wrong.push(format!("expected {expected}\ngot {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_template_that_is_none_says_why() {
    for (text, expected) in [
        ("", "t.yaml:1:1: the template is empty"),
        ("# only a comment\n", "the template is empty"),
        ("hello", "t.yaml:1:1: a template is a map of sections; this is a single value"),
        ("- a", "t.yaml:1:1: a template is a map of sections; this is a list"),
        ("Parameters: {}", "t.yaml:1:1: the template has no section `Resources`"),
        ("Resources: []", "t.yaml:1:12: Resources must be a map; this is a list"),
        ("Resources: {}\nResorces: {}", "t.yaml:2:1: there is no section `Resorces`; did you mean `Resources`?"),
        ("Resources: {}\nResources: {}", "t.yaml:2:1: the key `Resources` stands twice in this map"),
        (
            "AWSTemplateFormatVersion: 2011-01-01\nResources: {}",
            "t.yaml:1:27: AWSTemplateFormatVersion: the only version is 2010-09-09",
        ),
        (
            "Resources: &a {}\nOutputs: *a",
            "t.yaml:2:10: YAML aliases are not read, as in CloudFormation; write the value out",
        ),
        ("Resources: {}\n---\nResources: {}", "t.yaml:2:1: a template is one document; here begins another"),
        ("a: b: c", "t.yaml:1:5: this is not YAML: mapping values are not allowed in this context"),
        ("{\n\t\"Resources\": {}\n", "t.yaml:3:1: this is not JSON: `}` must stand here"),
        ("{\"Resources\": {}} x", "t.yaml:1:19: a template is one value; something follows it here"),
        ("{\"Resources\": {\"a\": \"\\ud800\"}}", "this is not JSON"),
        ("{\"Resources\": {\"a\": ]}}", "t.yaml:1:21: this is not JSON: a value must stand here"),
    ] {
        let found = errors(text);
        assert!(found.len() == 1 && found[0].contains(expected), "expected {expected}\ngot {found:#?}\n{text}");
    }
}

#[test]
fn parameters_are_held_to_what_the_template_says() {
    let errors_of = |parameter: &str, given: &[(&str, &str)]| {
        let text = format!("Parameters:\n  P: {parameter}\n{}", with(""));
        errors_with(&text, &Inputs { parameters: pairs(given), ..Inputs::default() })
    };
    for (parameter, good, bad, expected) in [
        (
            "{ Type: String }",
            "x",
            None,
            "t.yaml:2:3: parameter P: has no value and no default; give it with --param P=VALUE",
        ),
        ("{ Type: Number }", "8.5", Some("x"), "parameter P: must be a number; it is `x`"),
        ("{ Type: Number, MinValue: 1, MaxValue: 5 }", "5", Some("6"), "parameter P: must be 1 to 5; it is `6`"),
        ("{ Type: Number, MinValue: 1, MaxValue: 5 }", "1", Some("0"), "parameter P: must be 1 to 5; it is `0`"),
        ("{ Type: String, MaxLength: 2 }", "ab", Some("abc"), "parameter P: has 3 characters; at most 2 are allowed"),
        ("{ Type: String, MinLength: 2 }", "ab", Some("a"), "parameter P: has 1 characters; at least 2 are allowed"),
        ("{ Type: String, AllowedValues: [a, b] }", "b", Some("c"), "parameter P: must be one of a, b; it is `c`"),
        (
            "{ Type: String, AllowedPattern: '[a-z]+' }",
            "abc",
            Some("abc1"),
            "parameter P: must match `[a-z]+`; it is `abc1`",
        ),
        ("{ Type: List<Number> }", "1, 2", Some("1,x"), "parameter P: must be a number; it is `x`"),
        ("{ Default: x }", "x", Some("y"), "parameter P: has no Type"),
        (
            "{ Type: String, Defalt: x }",
            "x",
            Some("y"),
            "t.yaml:2:22: parameter P: there is no `Defalt`; did you mean `Default`?",
        ),
    ] {
        if !expected.contains("no Type") && !expected.contains("Defalt") {
            assert_eq!(errors_of(parameter, &[("P", good)]), Vec::<String>::new(), "{parameter}");
        }
        let given: Vec<(&str, &str)> = bad.iter().map(|bad| ("P", *bad)).collect();
        let found = errors_of(parameter, &given);
        assert!(found.len() == 1 && found[0].contains(expected), "{parameter}: {found:?}");
    }
    let unknown = errors_of("{ Type: String, Default: x }", &[("Q", "1")]);
    assert_eq!(unknown, ["t.yaml:1:1: --param Q: the template has no parameter `Q`"]);
}

#[test]
fn a_pattern_that_is_not_understood_is_a_warning() {
    let text = format!("Parameters:\n  P: {{ Type: String, Default: x, AllowedPattern: '(?=x).*' }}\n{}", with(""));
    let loaded = load(&text);
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].to_string().starts_with("t.yaml:2:"), "{:?}", loaded.warnings);
}

#[test]
fn no_error_hides_another_and_all_come_by_position() {
    let text = with(
        "  A:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Protocol: TCP, Port: 0, Colour: red, Name: !Ref Nowhere }
  B:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Http
      Priority: 50001
      Conditions: [{ Field: host-header, Values: [nodot] }, { Field: source-ip, Values: [10.0.0.1] }]
      Actions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: 302, ContentType: text/xml } }]
  C:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: { LoadBalancerArn: x, Port: 80, DefaultActions: [] }
",
    );
    let found = errors(&text);
    let places: Vec<&str> = found.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(
        places,
        [
            "t.yaml:11:29",
            "t.yaml:11:40",
            "t.yaml:11:43",
            "t.yaml:11:62",
            "t.yaml:16:17",
            "t.yaml:17:51",
            "t.yaml:17:90",
            "t.yaml:18:76",
            "t.yaml:18:94",
            "t.yaml:21:17",
            "t.yaml:21:36",
            "t.yaml:21:45",
            "t.yaml:21:65",
        ],
        "{found:#?}"
    );
}

#[test]
fn circles_are_errors_and_end() {
    let circle = with(
        "  A: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Protocol: HTTP, Port: 1, Name: !GetAtt B.TargetGroupName } }
  B: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Protocol: HTTP, Port: 1, Name: !GetAtt A.TargetGroupName } }
",
    );
    let found = errors(&circle);
    assert!(found.iter().any(|line| line.contains("A and B refer to each other in a circle")), "{found:?}");
    let own = with(
        "  A: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Protocol: HTTP, Port: 1, Tags: [{ Key: k, Value: !Ref A }] } }\n",
    );
    assert!(errors(&own)[0].contains("A and A refer to each other"), "{:?}", errors(&own));
    let conditions = format!("Conditions: {{ A: !Condition B, B: !Not [!Condition A] }}\n{}", with(""));
    assert!(errors(&conditions)[0].contains("refers to itself"), "{:?}", errors(&conditions));
    let long: String = (0..3000).map(|i| format!("  C{i}: !Condition C{}\n", i + 1)).collect();
    let found = errors(&format!("Conditions:\n{long}  C3000: !Equals [a, a]\n{}", with("")));
    assert!(found.iter().any(|line| line.contains("too deep")), "{found:?}");
}

#[test]
fn templates_that_blow_up_are_refused() {
    let wide = format!("{}\nDescription: '{}'", with(""), "x".repeat(1024 * 1024));
    assert!(errors(&wide)[0].contains("at most 1048576 are read"), "{:?}", errors(&wide));
    let fits = format!("{}\nDescription: '", with(""));
    load(&format!("{fits}{}'", "x".repeat(1024 * 1024 - fits.len() - 1)));
    for open in ["[", "{\"a\":", "- ", "{a: "] {
        let found = errors(&format!("Resources: {}", open.repeat(500)));
        assert!(!found.is_empty());
        let found = errors(&open.repeat(500));
        assert!(found.len() == 1, "{found:?}");
    }
    let deep = |levels: usize| format!("Metadata: {}{}\n{}", "[".repeat(levels), "]".repeat(levels), with(""));
    boundary(&deep(64), &deep(65), "nested more than 64 deep");
    let many = "${P}".repeat(5000);
    let huge = format!(
        "Parameters: {{ P: {{ Type: String, Default: '{}' }} }}\n{}",
        "p".repeat(4000),
        with_resource("LoadBalancer", &format!("{{ Tags: [{{ Key: k, Value: !Sub '{many}' }}] }}"))
    );
    assert!(errors(&huge)[0].contains("bytes of values"), "{:?}", errors(&huge)[0].len());
}

#[test]
fn errors_name_the_file_that_was_given() {
    let errors = read(Source { name: "dir/other.json", text: "{" }, &Inputs::default()).expect_err("an error");
    assert_eq!(errors[0].to_string(), "dir/other.json:1:2: this is not JSON: a key in double quotes must stand here");
    assert_eq!((errors[0].position.line, errors[0].position.column), (1, 2));
}
