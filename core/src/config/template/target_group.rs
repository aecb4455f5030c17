//! `AWS::ElasticLoadBalancingV2::TargetGroup` (guide TG-*, IP-05).

use std::sync::Arc;

use super::functions::Evaluator;
use super::others::{check_name, check_tags};
use super::report::quote;
use super::resources::Resource;
use super::shape::{Item, Object};
use super::targets::{self, Family, TargetType};
use super::{group_attributes, health};
use crate::config::{GroupAttributes, HealthCheck, Position, Protocol, ProtocolVersion, TargetGroup};

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
    /// Where each of its targets stands.
    pub(super) places: Vec<Position>,
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
        places: Vec::new(),
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
    let version = version(object);
    read.group.protocol_version = version;
    read.group.health_check = health::read(object, version);
    read.group.attributes = group_attributes::read(object);
    if let Some(control) = object.get("TargetControlPort").filter(|item| item.port().is_some()) {
        control.warning("read, but not served yet");
    }
    let Some(kind) = target_type(object) else {
        return;
    };
    read.group.protocol = protocol(object).unwrap_or(Protocol::Http);
    let port = object.require("Port").and_then(|item| item.port());
    let ipv6 = object.get("IpAddressType").and_then(|item| item.one_of(&["ipv4", "ipv6"])) == Some("ipv6");
    read.family = if ipv6 { Family::V6 } else { Family::V4 };
    let cross_zone = read.group.attributes.cross_zone;
    let group = targets::Group { kind, family: read.family, port, cross_zone };
    (read.group.targets, read.places) = targets::read(object, &group, &read.group.state, evaluator);
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

/// Guide PV-01; only `instance` and `ip` targets have one (PV-06).
fn version(object: &Object<'_>) -> ProtocolVersion {
    let Some(item) = object.get("ProtocolVersion") else {
        return ProtocolVersion::Http1;
    };
    let version = match item.one_of(&["HTTP1", "HTTP2", "GRPC"]) {
        Some("HTTP2") => ProtocolVersion::Http2,
        Some("GRPC") => ProtocolVersion::Grpc,
        _ => ProtocolVersion::Http1,
    };
    let kind = object.get("TargetType").and_then(|item| item.text());
    if let (ProtocolVersion::Http2 | ProtocolVersion::Grpc, Some(kind @ ("lambda" | "alb"))) = (version, kind) {
        item.error(&format!("{} is for instance and ip targets, not for {kind}", version.name()));
    }
    version
}
