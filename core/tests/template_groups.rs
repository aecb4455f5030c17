//! What a template says of its target groups: health checks, attributes, and what may not stand together.

mod template_support;

use core::time::Duration;

use sluicegate::config::{GroupAttributes, HealthCheck, Protocol, TargetGroup};
use sluicegate::target::{Algorithm, CheckKind, CheckPort, Matcher, MinimumHealthy, Stickiness};
use template_support::*;

const ALGORITHM: &str = "load_balancing.algorithm.type";
const ANOMALY_MITIGATION: &str = "load_balancing.algorithm.anomaly_mitigation";
const SLOW_START: &str = "slow_start.duration_seconds";
const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
const STICKY: &str = "stickiness.enabled";
const STICKY_TYPE: &str = "stickiness.type";
const COOKIE_NAME: &str = "stickiness.app_cookie.cookie_name";
const DNS: &str = "target_group_health.dns_failover.minimum_healthy_targets";
const ROUTING: &str = "target_group_health.unhealthy_state_routing.minimum_healthy_targets";

/// A template with one more group, of these properties.
fn group(properties: &str) -> String {
    with_resource("TargetGroup", &format!("{{ Protocol: HTTP, Port: 1, TargetType: ip, {properties} }}"))
}

/// A template with one more group, of these attributes.
fn attributes(given: &[(&str, &str)]) -> String {
    group(&attribute_list(given))
}

fn attribute_list(given: &[(&str, &str)]) -> String {
    let items: Vec<String> = given.iter().map(|(key, value)| format!("{{ Key: {key}, Value: \"{value}\" }}")).collect();
    format!("TargetGroupAttributes: [{}]", items.join(", "))
}

fn loaded(text: &str) -> TargetGroup {
    let loaded = load(text);
    assert!(loaded.warnings.is_empty(), "{:?}", lines(&loaded.warnings));
    loaded.config.groups.into_iter().nth(1).expect("the group")
}

fn warnings(text: &str) -> Vec<String> {
    lines(&load(text).warnings)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn a_group_that_says_nothing_has_the_guides_defaults() {
    let group = loaded(&group(""));
    assert_eq!(group.health_check, HealthCheck::default());
    assert_eq!(group.attributes, GroupAttributes::default());
    let check = group.health_check;
    assert!(check.enabled);
    assert_eq!((check.protocol, check.port, check.path.as_str()), (Protocol::Http, CheckPort::Traffic, "/"));
    assert_eq!((check.interval, check.timeout), (seconds(30), seconds(5)));
    assert_eq!((check.healthy_threshold, check.unhealthy_threshold), (5, 2));
    assert_eq!(check.matcher.ranges, [(200, 200)]);
    let attributes = group.attributes;
    assert_eq!((attributes.algorithm, attributes.anomaly_mitigation), (Algorithm::RoundRobin, false));
    assert_eq!((attributes.slow_start, attributes.deregistration_delay), (seconds(0), seconds(300)));
    assert_eq!((attributes.cross_zone, attributes.stickiness), (true, None));
    let one = MinimumHealthy { count: Some(1), percentage: None };
    assert_eq!((attributes.dns_failover, attributes.unhealthy_state_routing), (one, one));
}

#[test]
fn health_check_properties_are_stored() {
    let check = loaded(&group(
        "HealthCheckEnabled: true, HealthCheckProtocol: HTTPS, HealthCheckPort: 8081, HealthCheckPath: '/up?deep=1',
         HealthCheckIntervalSeconds: 7, HealthCheckTimeoutSeconds: '6', HealthyThresholdCount: 3, UnhealthyThresholdCount: 4,
         Matcher: { HttpCode: '200,301-302, 404' }",
    ))
    .health_check;
    let expected = HealthCheck {
        enabled: true,
        kind: CheckKind::Http,
        protocol: Protocol::Https,
        port: CheckPort::Fixed(8081),
        path: "/up?deep=1".to_owned(),
        interval: seconds(7),
        timeout: seconds(6),
        healthy_threshold: 3,
        unhealthy_threshold: 4,
        matcher: Matcher { ranges: vec![(200, 200), (301, 302), (404, 404)] },
    };
    assert_eq!(check, expected);
}

#[test]
fn every_edge_of_a_health_checks_ranges_is_stored_as_it_is() {
    for (interval, timeout, threshold) in [(5, 4, 2), (300, 120, 10), (5, 2, 10)] {
        let check = loaded(&group(&format!(
            "HealthCheckIntervalSeconds: {interval}, HealthCheckTimeoutSeconds: {timeout}, \
             HealthyThresholdCount: {threshold}, UnhealthyThresholdCount: {threshold}, HealthCheckProtocol: HTTP, \
             HealthCheckPort: traffic-port, Matcher: {{ HttpCode: 200-499 }}"
        )))
        .health_check;
        assert_eq!((check.interval, check.timeout), (seconds(interval), seconds(timeout)));
        assert_eq!((check.healthy_threshold, check.unhealthy_threshold), (threshold, threshold));
        assert_eq!([199, 200, 499, 500].map(|status| check.matcher.matches(status)), [false, true, true, false]);
        assert_eq!((check.protocol, check.port), (Protocol::Http, CheckPort::Traffic));
    }
}

#[test]
fn a_check_is_over_before_the_next_one_begins_also_where_defaults_say_how_long_it_takes() {
    for (good, bad, at, message) in [
        (
            "HealthCheckIntervalSeconds: 11, HealthCheckTimeoutSeconds: 10",
            "HealthCheckIntervalSeconds: 10, HealthCheckTimeoutSeconds: 10",
            "HealthCheckTimeoutSeconds",
            "the timeout of 10 s must be less than the interval of 10 s",
        ),
        (
            "HealthCheckIntervalSeconds: 6",
            "HealthCheckIntervalSeconds: 5",
            "HealthCheckIntervalSeconds",
            "the interval of 5 s must be more than the timeout, which is 5 s unless HealthCheckTimeoutSeconds says less",
        ),
        (
            "HealthCheckTimeoutSeconds: 29",
            "HealthCheckTimeoutSeconds: 30",
            "HealthCheckTimeoutSeconds",
            "the timeout of 30 s must be less than the interval, which is 30 s unless HealthCheckIntervalSeconds says more",
        ),
    ] {
        boundary(&group(good), &group(bad), &format!("Other.{at}: {message}"));
    }
    let place = errors(&group("HealthCheckIntervalSeconds: 5"));
    assert!(place[0].starts_with("t.yaml:11:"), "{place:?}");
}

#[test]
fn a_check_that_cannot_be_disabled_says_what_can_be_done() {
    let found = errors(&group("HealthCheckEnabled: false"));
    assert!(found.len() == 1 && found[0].contains("instance and ip targets cannot be disabled"), "{found:?}");
    assert!(found[0].contains("Other.HealthCheckEnabled") && found[0].contains("--no-health-checks"), "{found:?}");
}

#[test]
fn https_targets_and_checks_are_served() {
    let mut config = load(&group("HealthCheckProtocol: HTTPS")).config;
    assert!(config.unserved().is_empty());
    config.disable_health_checks();
    assert!(config.unserved().is_empty() && config.groups.iter().all(|group| !group.health_check.enabled));
}

#[test]
fn attributes_are_stored() {
    let group = loaded(&attributes(&[
        (ALGORITHM, "weighted_random"),
        (ANOMALY_MITIGATION, "on"),
        ("deregistration_delay.timeout_seconds", "0"),
        (CROSS_ZONE, "false"),
        (&format!("{DNS}.count"), "3"),
        (&format!("{DNS}.percentage"), "60"),
        (&format!("{ROUTING}.count"), "2"),
        (&format!("{ROUTING}.percentage"), "50"),
    ]));
    let expected = GroupAttributes {
        algorithm: Algorithm::WeightedRandom,
        anomaly_mitigation: true,
        slow_start: Duration::ZERO,
        deregistration_delay: Duration::ZERO,
        cross_zone: false,
        stickiness: None,
        dns_failover: MinimumHealthy { count: Some(3), percentage: Some(60) },
        unhealthy_state_routing: MinimumHealthy { count: Some(2), percentage: Some(50) },
    };
    assert_eq!(group.attributes, expected);
    let delay =
        loaded(&attributes(&[("deregistration_delay.timeout_seconds", "3600")])).attributes.deregistration_delay;
    assert_eq!(delay, seconds(3600));
}

#[test]
fn an_algorithm_is_one_of_three_and_round_robin_by_default() {
    for (value, algorithm) in [
        ("round_robin", Algorithm::RoundRobin),
        ("least_outstanding_requests", Algorithm::LeastOutstandingRequests),
        ("weighted_random", Algorithm::WeightedRandom),
    ] {
        assert_eq!(loaded(&attributes(&[(ALGORITHM, value)])).attributes.algorithm, algorithm);
    }
    assert_eq!(loaded(&attributes(&[])).attributes.algorithm, Algorithm::RoundRobin);
    boundary(
        &attributes(&[]),
        &attributes(&[(ALGORITHM, "random")]),
        "none of round_robin, least_outstanding_requests",
    );
}

#[test]
fn slow_start_is_off_or_from_30_to_900_seconds() {
    for (value, span) in [("0", 0), ("30", 30), ("900", 900)] {
        assert_eq!(loaded(&attributes(&[(SLOW_START, value)])).attributes.slow_start, seconds(span));
    }
    assert_eq!(loaded(&attributes(&[])).attributes.slow_start, Duration::ZERO);
    for bad in ["1", "29", "901", "+30"] {
        boundary(&attributes(&[]), &attributes(&[(SLOW_START, bad)]), "neither 0 nor a whole number from 30 to 900");
    }
}

#[test]
fn slow_start_needs_round_robin() {
    let both = |algorithm, span| attributes(&[(SLOW_START, span), (ALGORITHM, algorithm)]);
    for algorithm in ["least_outstanding_requests", "weighted_random"] {
        boundary(&both("round_robin", "30"), &both(algorithm, "30"), "slow start needs");
        load(&both(algorithm, "0"));
    }
    let found = errors(&both("weighted_random", "30"));
    assert!(found[0].starts_with("t.yaml:11:") && found[0].contains("TargetGroupAttributes[0].Value"), "{found:?}");
}

#[test]
fn anomaly_mitigation_needs_weighted_random() {
    let both = |algorithm, mitigation| attributes(&[(ALGORITHM, algorithm), (ANOMALY_MITIGATION, mitigation)]);
    for algorithm in ["round_robin", "least_outstanding_requests"] {
        boundary(&both("weighted_random", "on"), &both(algorithm, "on"), "to be weighted_random");
        load(&both(algorithm, "off"));
    }
    boundary(&attributes(&[]), &attributes(&[(ANOMALY_MITIGATION, "on")]), "to be weighted_random");
    assert!(!loaded(&both("weighted_random", "off")).attributes.anomaly_mitigation);
}

#[test]
fn stickiness_is_off_by_default_and_by_the_load_balancers_cookie_unless_the_type_says_otherwise() {
    let sticky = |more: &[(&str, &str)]| loaded(&attributes(more)).attributes.stickiness;
    assert_eq!(sticky(&[]), None);
    assert_eq!(sticky(&[(STICKY, "false"), (STICKY_TYPE, "app_cookie"), (COOKIE_NAME, "S")]), None);
    let balancer = |span| Some(Stickiness::LoadBalancerCookie { duration: seconds(span) });
    assert_eq!(sticky(&[(STICKY, "true")]), balancer(86_400));
    assert_eq!(sticky(&[(STICKY, "true"), (STICKY_TYPE, "lb_cookie")]), balancer(86_400));
    let application = |span| {
        let (name, duration) = ("SESSION".to_owned(), seconds(span));
        Some(Stickiness::ApplicationCookie { name, duration })
    };
    assert_eq!(sticky(&[(STICKY, "true"), (STICKY_TYPE, "app_cookie"), (COOKIE_NAME, "SESSION")]), application(86_400));
    boundary(&attributes(&[(STICKY, "true")]), &attributes(&[(STICKY, "on")]), "neither true nor false");
    boundary(
        &attributes(&[(STICKY_TYPE, "lb_cookie")]),
        &attributes(&[(STICKY_TYPE, "source_ip")]),
        "none of lb_cookie, app_cookie",
    );
}

#[test]
fn a_load_balancers_cookie_holds_from_one_second_to_seven_days() {
    const KEY: &str = "stickiness.lb_cookie.duration_seconds";
    for span in [1, 604_800] {
        let group = loaded(&attributes(&[(STICKY, "true"), (KEY, &span.to_string())]));
        assert_eq!(group.attributes.stickiness, Some(Stickiness::LoadBalancerCookie { duration: seconds(span) }));
    }
    for bad in ["0", "604801"] {
        boundary(&attributes(&[]), &attributes(&[(KEY, bad)]), "from 1 to 604800");
    }
}

#[test]
fn an_applications_cookie_holds_from_one_second_to_seven_days() {
    const KEY: &str = "stickiness.app_cookie.duration_seconds";
    let given = [(STICKY, "true"), (STICKY_TYPE, "app_cookie"), (COOKIE_NAME, "S")];
    for span in [1, 604_800] {
        let group = loaded(&attributes(&[&given[..], &[(KEY, &span.to_string())]].concat()));
        let expected = Stickiness::ApplicationCookie { name: "S".to_owned(), duration: seconds(span) };
        assert_eq!(group.attributes.stickiness, Some(expected));
    }
    for bad in ["0", "604801"] {
        boundary(&attributes(&[]), &attributes(&[(KEY, bad)]), "from 1 to 604800");
    }
}

#[test]
fn an_applications_cookie_has_a_name_that_is_not_the_load_balancers() {
    let named = |name: &str| attributes(&[(COOKIE_NAME, name)]);
    for (good, bad) in
        [("AWSAL", "AWSALB"), ("awsalb", "AWSALBAPP"), ("XAWSALB", "AWSALBAPP-0"), ("aWSALBTG", "AWSALBTG")]
    {
        boundary(&named(good), &named(bad), "are the load balancer's own");
    }
}

#[test]
fn a_cookies_name_is_a_token() {
    let named = |name: &str| attributes(&[(COOKIE_NAME, name)]);
    let every = "!#$%&'*+-.^_`|~09azAZ";
    let group = loaded(&attributes(&[(STICKY, "true"), (STICKY_TYPE, "app_cookie"), (COOKIE_NAME, every)]));
    let expected = Stickiness::ApplicationCookie { name: every.to_owned(), duration: seconds(86_400) };
    assert_eq!(group.attributes.stickiness, Some(expected));
    for separator in
        "()<>@,;:/[]?={} é".chars().map(String::from).chain(["\\\"", "\\\\", "\\t", "\\u007f"].map(String::from))
    {
        boundary(&named("ab"), &named(&format!("a{separator}b")), "a cookie's name cannot have");
    }
    boundary(&named("a"), &named(""), "has 0 characters");
    boundary(&named(&"a".repeat(1024)), &named(&"a".repeat(1025)), "1025 characters");
}

#[test]
fn stickiness_by_an_applications_cookie_needs_its_name() {
    let sticky = |more: &[(&str, &str)]| attributes(&[&[(STICKY_TYPE, "app_cookie")], more].concat());
    boundary(
        &sticky(&[(STICKY, "true"), (COOKIE_NAME, "S")]),
        &sticky(&[(STICKY, "true")]),
        "needs the name of a cookie, in `stickiness.app_cookie.cookie_name`",
    );
    load(&sticky(&[(STICKY, "false")]));
    load(&sticky(&[]));
    // A wrong name is one mistake, not also a missing one.
    assert_eq!(errors(&sticky(&[(STICKY, "true"), (COOKIE_NAME, "a b")])).len(), 1);
}

#[test]
fn targets_are_not_sticky_while_cross_zone_load_balancing_is_off() {
    let both = |cross_zone, sticky| attributes(&[(CROSS_ZONE, cross_zone), (STICKY, sticky)]);
    boundary(
        &both("true", "true"),
        &both("false", "true"),
        "cannot be sticky while `load_balancing.cross_zone.enabled`",
    );
    load(&both("use_load_balancer_configuration", "true"));
    load(&both("false", "false"));
    let application = |cross_zone| {
        attributes(&[(STICKY, "true"), (STICKY_TYPE, "app_cookie"), (COOKIE_NAME, "S"), (CROSS_ZONE, cross_zone)])
    };
    boundary(&application("true"), &application("false"), "cannot be sticky");
}

#[test]
fn a_group_follows_the_load_balancer_in_cross_zone_load_balancing_unless_it_says_otherwise() {
    let cross_zone = |given: &[(&str, &str)]| loaded(&attributes(given)).attributes.cross_zone;
    assert!(cross_zone(&[]) && cross_zone(&[(CROSS_ZONE, "use_load_balancer_configuration")]));
    assert!(cross_zone(&[(CROSS_ZONE, "true")]) && !cross_zone(&[(CROSS_ZONE, "false")]));
    boundary(
        &attributes(&[]),
        &attributes(&[(CROSS_ZONE, "off")]),
        "none of true, false, use_load_balancer_configuration",
    );
    let balancer = |value: &str| {
        with_resource(
            "LoadBalancer",
            &format!("{{ LoadBalancerAttributes: [{{ Key: {CROSS_ZONE}, Value: {value} }}] }}"),
        )
    };
    boundary(&balancer("true"), &balancer("false"), "none of true");
}

#[test]
fn a_target_of_all_zones_cannot_be_in_a_group_without_cross_zone_load_balancing() {
    let target = |cross_zone: &str, zone: &str| {
        group(&format!(
            "Targets: [{{ Id: 10.0.0.1, AvailabilityZone: {zone} }}], {}",
            attribute_list(&[(CROSS_ZONE, cross_zone)])
        ))
    };
    boundary(&target("false", "us-east-1a"), &target("false", "all"), "a target of all zones cannot be in a group");
    let found = errors(&target("false", "all"));
    assert!(found[0].contains("Other.Targets[0].AvailabilityZone"), "{found:?}");
    assert_eq!(loaded(&target("true", "all")).targets[0].zone, None);
    assert_eq!(loaded(&target("true", "us-east-1a")).targets[0].zone.as_deref(), Some("us-east-1a"));
    assert_eq!(loaded(&target("false", "us-east-1a")).targets[0].zone.as_deref(), Some("us-east-1a"));
    boundary(&target("true", "z"), &target("true", "''"), "has 0 characters");
}

#[test]
fn a_target_whose_zone_is_not_known_is_a_warning_in_a_group_without_cross_zone_load_balancing() {
    let target = |cross_zone: &str, zone: &str| {
        group(&format!("Targets: [{{ Id: 10.0.0.1{zone} }}], {}", attribute_list(&[(CROSS_ZONE, cross_zone)])))
    };
    for (zone, hint) in
        [("", "AvailabilityZone says it"), (", AvailabilityZone: !Select [0, !GetAZs '']", "Fn::GetAZs")]
    {
        assert_eq!(warnings(&target("true", zone)), [""; 0]);
        let found = warnings(&target("false", zone));
        assert!(found.len() == 1 && found[0].contains(hint) && found[0].contains("--zone"), "{found:?}");
    }
}

#[test]
fn a_zone_leaves_dns_before_requests_go_to_targets_that_are_not_healthy() {
    for part in ["count", "percentage"] {
        let both = |dns: &str, routing: &str| {
            attributes(&[(&format!("{DNS}.{part}"), dns), (&format!("{ROUTING}.{part}"), routing)])
        };
        boundary(&both("50", "50"), &both("49", "50"), "49 is less than the 50 of");
        boundary(&both("100", "99"), &both("1", "2"), "1 is less than the 2 of");
        let found = errors(&both("49", "50"));
        assert!(found[0].contains("TargetGroupAttributes[0].Value") && found[0].contains(DNS), "{found:?}");
        // What is off is no threshold.
        assert_eq!(warnings(&both("off", "50")), [""; 0]);
    }
    assert_eq!(
        warnings(&attributes(&[(&format!("{DNS}.percentage"), "50"), (&format!("{ROUTING}.percentage"), "off")])),
        [""; 0]
    );
    assert_eq!(
        warnings(&attributes(&[(&format!("{DNS}.count"), "2"), (&format!("{ROUTING}.percentage"), "50")])),
        [""; 0]
    );
}

#[test]
fn a_threshold_above_one_that_only_a_default_stands_against_is_a_warning() {
    let routing = |count: &str| warnings(&attributes(&[(&format!("{ROUTING}.count"), count)]));
    assert_eq!(routing("1"), [""; 0]);
    let found = routing("2");
    assert!(found.len() == 1 && found[0].contains("dns_failover") && found[0].contains("1 unless"), "{found:?}");
}

#[test]
fn a_threshold_that_is_off_is_none() {
    let stored = |given: &[(&str, &str)]| loaded(&attributes(given)).attributes;
    let off = stored(&[(&format!("{DNS}.count"), "off"), (&format!("{DNS}.percentage"), "off")]);
    assert_eq!(off.dns_failover, MinimumHealthy { count: None, percentage: None });
    assert_eq!(off.unhealthy_state_routing, MinimumHealthy::default());
    let edges = stored(&[(&format!("{DNS}.count"), "1000"), (&format!("{DNS}.percentage"), "100")]);
    assert_eq!(edges.dns_failover, MinimumHealthy { count: Some(1000), percentage: Some(100) });
}

#[test]
fn nothing_that_is_served_is_called_unserved() {
    let given = [
        (STICKY, "true"),
        (STICKY_TYPE, "app_cookie"),
        (COOKIE_NAME, "S"),
        ("stickiness.app_cookie.duration_seconds", "60"),
        ("stickiness.lb_cookie.duration_seconds", "60"),
        (SLOW_START, "60"),
        ("deregistration_delay.timeout_seconds", "60"),
    ];
    assert_eq!(warnings(&attributes(&given)), [""; 0]);
    assert_eq!(warnings(&attributes(&[(ALGORITHM, "weighted_random"), (ANOMALY_MITIGATION, "on")])), [""; 0]);
}
