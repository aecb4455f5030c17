//! `AWS::ElasticLoadBalancingV2::TargetGroup` (guide TG-*, IP-05).

use std::sync::Arc;

use super::attributes::{self, Attributes};
use super::functions::Evaluator;
use super::others::{check_name, check_tags};
use super::report::quote;
use super::resources::Resource;
use super::shape::{Item, Object};
use super::targets::{self, Family, TargetType};
use crate::config::{GroupAttributes, HealthCheck, Protocol, ProtocolVersion, TargetGroup};

const KNOWN: &[&str] = &[
    "HealthCheckEnabled",
    "HealthCheckIntervalSeconds",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "IpAddressType",
    "Matcher",
    "Name",
    "Port",
    "Protocol",
    "ProtocolVersion",
    "Tags",
    "TargetControlPort",
    "TargetGroupAttributes",
    "TargetType",
    "Targets",
    "UnhealthyThresholdCount",
    "VpcId",
];

/// A group, and what the actions that name it must know.
pub(super) struct Read {
    pub(super) group: TargetGroup,
    pub(super) family: Family,
    pub(super) sticky: bool,
}

/// What could be read; errors were reported.
pub(super) fn read(resource: &Resource<'_>, properties: &Item<'_>, evaluator: &Evaluator<'_>) -> Read {
    let mut read = Read {
        group: TargetGroup {
            logical_id: resource.id.to_owned(),
            name: resource.named.name.clone(),
            arn: resource.named.arn.clone(),
            protocol: Protocol::Http,
            protocol_version: ProtocolVersion::Http1,
            health_check: HealthCheck::default(),
            attributes: GroupAttributes::default(),
            targets: Vec::new(),
            draining: Vec::new(),
            position: resource.at,
            state: Arc::default(),
        },
        family: Family::V4,
        sticky: false,
    };
    if let Some(object) = properties.object(KNOWN) {
        fill(&mut read, &object, evaluator);
    }
    read
}

fn fill(read: &mut Read, object: &Object<'_>, evaluator: &Evaluator<'_>) {
    check_name(object);
    check_tags(object);
    object.get("VpcId").map(|item| item.opaque());
    check_version(object);
    check_health(object);
    if let Some(control) = object.get("TargetControlPort").filter(|item| item.port().is_some()) {
        control.warning("read, but not served yet");
    }
    read.sticky = check_attributes(object);
    let Some(kind) = target_type(object) else {
        return;
    };
    read.group.protocol = protocol(object).unwrap_or(Protocol::Http);
    let port = object.require("Port").and_then(|item| item.port());
    let ipv6 = object.get("IpAddressType").and_then(|item| item.one_of(&["ipv4", "ipv6"])) == Some("ipv6");
    read.family = if ipv6 { Family::V6 } else { Family::V4 };
    let group = targets::Group { kind, family: read.family, port };
    read.group.targets = targets::read(object, &group, &read.group.state, evaluator);
}

/// `None` for types that are not served, after an error.
fn target_type(object: &Object<'_>) -> Option<TargetType> {
    let Some(item) = object.get("TargetType") else {
        return Some(TargetType::Instance);
    };
    match item.one_of(&["instance", "ip", "lambda", "alb"])? {
        "instance" => Some(TargetType::Instance),
        "ip" => Some(TargetType::Ip),
        "lambda" => {
            item.error("functions as targets are not supported yet");
            None
        }
        _ => {
            item.error("only network load balancers have targets of that type");
            None
        }
    }
}

fn protocol(object: &Object<'_>) -> Option<Protocol> {
    let item = object.require("Protocol")?;
    match item.text()? {
        "HTTP" => Some(Protocol::Http),
        "HTTPS" => Some(Protocol::Https),
        other => {
            item.error(&format!("{} is neither HTTP nor HTTPS, as application load balancers need", quote(other)));
            None
        }
    }
}

fn check_version(object: &Object<'_>) {
    let Some(item) = object.get("ProtocolVersion") else {
        return;
    };
    if let Some(version @ ("HTTP2" | "GRPC")) = item.one_of(&["HTTP1", "HTTP2", "GRPC"]) {
        item.error(&format!("{version} targets are not supported yet"));
    }
}

fn check_health(object: &Object<'_>) {
    object.get("HealthCheckEnabled").map(|item| item.boolean());
    object.get("HealthCheckProtocol").map(|item| item.one_of(&["HTTP", "HTTPS"]));
    if let Some(port) = object.get("HealthCheckPort")
        && port.text().is_some_and(|text| text != "traffic-port")
    {
        port.port();
    }
    if let Some(path) = object.get("HealthCheckPath")
        && path.sized(1..=1024).is_some_and(|text| !text.starts_with('/'))
    {
        path.error("must begin with a slash");
    }
    let seconds = |name: &str, least, most| object.get(name).and_then(|item| item.number(least..=most));
    let interval = seconds("HealthCheckIntervalSeconds", 5, 300);
    let timeout = seconds("HealthCheckTimeoutSeconds", 2, 120);
    if let (Some(interval), Some(timeout), Some(item)) = (interval, timeout, object.get("HealthCheckTimeoutSeconds"))
        && timeout >= interval
    {
        item.error(&format!("the timeout of {timeout} s must be less than the interval of {interval} s"));
    }
    for name in ["HealthyThresholdCount", "UnhealthyThresholdCount"] {
        object.get(name).map(|item| item.number(2..=10));
    }
    check_matcher(object);
}

fn check_matcher(object: &Object<'_>) {
    let Some(matcher) = object.get("Matcher").and_then(|item| item.object(&["GrpcCode", "HttpCode"])) else {
        return;
    };
    if let Some(item) = matcher.get("GrpcCode") {
        item.error("only GRPC target groups have it, and they are not supported yet");
    }
    if let Some(item) = matcher.get("HttpCode")
        && let Some(codes) = item.text()
        && !codes.split(',').all(is_code_range)
    {
        item.error(&format!(
            "{} is no list of codes and ranges from 200 to 499, like `200,202` or `200-299`",
            quote(codes)
        ));
    }
}

fn is_code_range(part: &str) -> bool {
    let code = |text: &str| text.trim().parse().ok().filter(|code: &u16| (200..=499).contains(code));
    match part.split_once('-') {
        None => code(part).is_some(),
        Some((first, last)) => code(first).zip(code(last)).is_some_and(|(first, last)| first <= last),
    }
}

/// Whether targets are sticky.
fn check_attributes(object: &Object<'_>) -> bool {
    let given = attributes::read(&object.items("TargetGroupAttributes"), attributes::TARGET_GROUP);
    if let Some(item) = given.get("lambda.multi_value_headers.enabled") {
        item.error("only groups with functions as targets have it");
    }
    if let Some(item) = given.get("load_balancing.algorithm.anomaly_mitigation")
        && item.opaque() == Some("on")
        && given.text("load_balancing.algorithm.type") != Some("weighted_random")
    {
        item.error("needs `load_balancing.algorithm.type` to be weighted_random");
    }
    check_cookie(&given);
    given.flag("stickiness.enabled") == Some(true)
}

fn check_cookie(given: &Attributes<'_>) {
    if let Some(item) = given.get("stickiness.app_cookie.cookie_name")
        && item.opaque().is_some_and(|name| name.starts_with("AWSALB"))
    {
        item.error("names that begin with `AWSALB` are the load balancer's own");
    }
    if given.text("stickiness.type") == Some("app_cookie") {
        given.requires("stickiness.enabled", "stickiness.app_cookie.cookie_name");
    }
}
