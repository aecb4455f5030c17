//! Where targets are: addresses that the operator gives to instances, and the zones that a load balancer is enabled in.

mod template_support;

use sluicegate::config::template::{Inputs, Loaded};
use template_support::*;

fn instances(list: &[&str]) -> Inputs {
    Inputs { instances: list.iter().map(|text| text.parse().expect("an instance")).collect(), ..Inputs::default() }
}

/// Addresses of the targets of the second group.
fn addresses(loaded: &Loaded) -> Vec<String> {
    loaded.config.groups[1].targets.iter().map(|target| target.address.to_string()).collect()
}

fn machines(targets: &str) -> String {
    with(&format!(
        "  Machine: {{ Type: AWS::EC2::Instance }}
  Other:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {{ Protocol: HTTP, Port: 1, Targets: {targets} }}
"
    ))
}

#[test]
fn instances_are_where_the_operator_says() {
    let text = machines("[{ Id: i-1 }, { Id: i-2, Port: 2 }, { Id: i-3 }, { Id: i-4, Port: 4 }]");
    let inputs = Inputs {
        resolve: pairs(&[("i-1", "10.0.0.1"), ("i-2", "[fd00::2]:9")]),
        ..instances(&["i-4=10.0.0.4", "i-1=10.0.0.9:7", "i-1=10.0.0.8:8"])
    };
    let loaded = load_with(&text, &inputs);
    assert_eq!(addresses(&loaded), ["10.0.0.8:8", "[fd00::2]:9", "10.0.0.4:4"]);
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
fn an_instance_of_the_template_goes_by_its_name_there() {
    let text = machines("[{ Id: !Ref Machine, Port: 81 }]");
    let loaded = load_with(&text, &instances(&["Machine=127.0.0.1"]));
    assert_eq!(addresses(&loaded), ["127.0.0.1:81"]);
    assert_eq!(loaded.config.groups[1].targets[0].id, "Machine");
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let with_id = Inputs { resolve: pairs(&[("Machine", "i-7")]), ..instances(&["i-7=127.0.0.1:9"]) };
    assert_eq!(addresses(&load_with(&text, &with_id)), ["127.0.0.1:9"]);
    let found = lines(&load(&text).warnings);
    assert!(found.len() == 1 && found[0].contains("--instance Machine=ADDR[:PORT]"), "{found:?}");
}

#[test]
fn an_instance_that_no_target_is_is_a_warning() {
    let text = machines("[{ Id: i-1 }]");
    assert_eq!(lines(&load_with(&text, &instances(&["i-1=127.0.0.1"])).warnings), [""; 0]);
    let found = lines(&load_with(&text, &instances(&["i-1=127.0.0.1", "i-2=127.0.0.1"])).warnings);
    assert_eq!(found, ["t.yaml:1:1: --instance `i-2`: no target is that instance"]);
}

/// A load balancer with these properties, and subnets in two zones that are known and one that is not.
fn balancer(properties: &str) -> String {
    format!(
        "Parameters:
  Ids: {{ Type: 'List<AWS::EC2::Subnet::Id>', Default: 'subnet-1, subnet-2' }}
  Far: {{ Type: String, Default: us-east-1c }}
Conditions: {{ Yes: !Equals [a, a], No: !Equals [a, b] }}
Resources:
  Web: {{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {{ {properties} }} }}
  A: {{ Type: AWS::EC2::Subnet, Properties: {{ AvailabilityZone: us-east-1a }} }}
  B: {{ Type: AWS::EC2::Subnet, Properties: {{ AvailabilityZone: !Sub '${{AWS::Region}}b' }} }}
  C: {{ Type: AWS::EC2::Subnet, Properties: {{ AvailabilityZone: !Ref Far }} }}
  Unknown: {{ Type: AWS::EC2::Subnet, Properties: {{ AvailabilityZone: !Select [0, !GetAZs ''] }} }}
  Bare: {{ Type: AWS::EC2::Subnet }}
  Stored: {{ Type: AWS::EC2::Subnet, Properties: {{ AvailabilityZone: '{{{{resolve:ssm:zone}}}}' }} }}
  Vpc: {{ Type: AWS::EC2::VPC, Properties: {{ AvailabilityZone: us-east-1x }} }}
  Http:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {{ LoadBalancerArn: !Ref Web, Port: 80, Protocol: HTTP, DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}] }}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      Protocol: HTTP
      Port: 8080
      TargetType: ip
      Targets:
        - {{ Id: 127.0.0.1, AvailabilityZone: !GetAtt A.AvailabilityZone }}
        - {{ Id: 127.0.0.2, AvailabilityZone: us-east-1c }}
        - {{ Id: 127.0.0.3 }}
        - {{ Id: 127.0.0.4, AvailabilityZone: all }}
"
    )
}

fn zones_with(properties: &str, inputs: &Inputs) -> Option<Vec<String>> {
    load_with(&balancer(properties), inputs).config.load_balancers.remove(0).zones
}

#[test]
fn a_load_balancer_is_enabled_in_the_zones_of_its_subnets_where_all_of_them_are_known() {
    for (properties, zones) in [
        ("Subnets: [!Ref A, !Ref B]", Some(&["us-east-1a", "us-east-1b"][..])),
        ("Subnets: [!Ref C, !GetAtt A.SubnetId]", Some(&["us-east-1c", "us-east-1a"])),
        ("Subnets: [!GetAtt [B, SubnetId]]", Some(&["us-east-1b"])),
        ("SubnetMappings: [{ SubnetId: !Ref A }, { SubnetId: !Ref B }]", Some(&["us-east-1a", "us-east-1b"])),
        ("Subnets: [!Ref A, !Ref A]", Some(&["us-east-1a"])),
        ("Subnets: [!Ref A, !Ref AWS::NoValue, !If [Yes, !Ref B, !Ref Bare]]", Some(&["us-east-1a", "us-east-1b"])),
        ("Subnets: !If [No, [!Ref Bare], [!If [No, !Ref B, !Ref AWS::NoValue], !Ref A]]", Some(&["us-east-1a"])),
        ("", None),
        ("Subnets: []", None),
        ("Subnets: [!Ref A, !Ref Unknown]", None),
        ("Subnets: [!Ref A, !Ref Bare]", None),
        ("Subnets: [!Ref A, !Ref Stored]", None),
        ("Subnets: [!Ref A, !Ref Vpc]", None),
        ("Subnets: [!Ref A, subnet-1]", None),
        ("Subnets: [!GetAtt A.VpcId]", None),
        ("Subnets: [!ImportValue net-Subnet]", None),
        ("Subnets: !Ref Ids", None),
        ("Subnets: !Split [',', !ImportValue net-Subnets]", None),
    ] {
        let zones = zones.map(|zones| zones.iter().map(|zone| (*zone).to_owned()).collect());
        assert_eq!(zones_with(properties, &Inputs::default()), zones, "{properties}");
    }
}

#[test]
fn the_operator_may_say_the_zone_of_a_subnet() {
    let inputs = Inputs {
        resolve: pairs(&[
            ("Unknown.AvailabilityZone", "us-east-1d"),
            ("A.AvailabilityZone", "us-east-1e"),
            ("subnet-1.AvailabilityZone", "us-east-1f"),
        ]),
        ..Inputs::default()
    };
    let zones = zones_with("Subnets: [!Ref A, !Ref Unknown, subnet-1]", &inputs).expect("known");
    assert_eq!(zones, ["us-east-1e", "us-east-1d", "us-east-1f"]);
    assert_eq!(zones_with("Subnets: [!Ref A, subnet-2]", &inputs), None);
}

#[test]
fn a_target_in_a_zone_that_is_not_enabled_is_a_warning() {
    let found = |properties: &str| lines(&load(&balancer(properties)).warnings);
    let warnings = found("Subnets: [!Ref A, !Ref B]");
    let text = balancer("Subnets: [!Ref A, !Ref B]");
    let line = text.lines().position(|line| line.contains("127.0.0.2")).expect("the target") + 1;
    assert_eq!(
        warnings,
        [format!(
            "t.yaml:{line}:11: Group: target 127.0.0.2:8080 gets no requests: it is in `us-east-1c`, and Web is enabled in \
             us-east-1a, us-east-1b only"
        )]
    );
    assert_eq!(found("Subnets: [!Ref A, !Ref C]"), [""; 0]);
    assert_eq!(found("Subnets: [!Ref A, !Ref Unknown]"), [""; 0]);
}

#[test]
fn targets_are_in_the_zone_that_the_template_says_and_all_is_none() {
    let group = &load(&balancer("")).config.groups[0];
    let zones: Vec<Option<&str>> = group.targets.iter().map(|target| target.zone.as_deref()).collect();
    assert_eq!(zones, [Some("us-east-1a"), Some("us-east-1c"), None, None]);
}
