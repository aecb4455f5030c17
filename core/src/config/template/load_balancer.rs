//! `AWS::ElasticLoadBalancingV2::LoadBalancer` (guide LB-*).

use core::time::Duration;

use super::attributes::{self, Attributes};
use super::functions::Evaluator;
use super::others::{check_name, check_tags};
use super::resources::Resource;
use super::shape::{Item, Object};
use super::zones;
use crate::config::{DesyncMitigationMode, LoadBalancer, LoadBalancerAttributes, XffHeaderProcessing};

const KNOWN: &[&str] = &[
    "EnableCapacityReservationProvisionStabilize",
    "EnablePrefixForIpv6SourceNat",
    "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
    "IpAddressType",
    "Ipv4IpamPoolId",
    "LoadBalancerAttributes",
    "MinimumLoadBalancerCapacity",
    "Name",
    "Scheme",
    "SecurityGroups",
    "SubnetMappings",
    "Subnets",
    "Tags",
    "Type",
];

/// The API's own limit of attributes in one call.
const ATTRIBUTES_MAX: usize = 20;

/// A load balancer, and whether it takes IPv6 (guide IP-06).
pub(super) struct Read {
    pub(super) load_balancer: LoadBalancer,
    pub(super) dualstack: bool,
}

/// What could be read; errors were reported.
pub(super) fn read<'t>(resource: &Resource<'t>, properties: &Item<'_>, evaluator: &Evaluator<'t>) -> Read {
    let object = properties.object(KNOWN);
    let attributes = object.as_ref().map(read_attributes).unwrap_or_default();
    let dualstack = object.as_ref().is_some_and(|object| {
        check(object);
        object.get("IpAddressType").and_then(|item| item.opaque()).is_some_and(|kind| kind.starts_with("dualstack"))
    });
    let load_balancer = LoadBalancer {
        logical_id: resource.id.to_owned(),
        name: resource.named.name.clone(),
        arn: resource.named.arn.clone(),
        dns_name: resource.named.dns_name.clone(),
        attributes,
        zones: zones::enabled(resource.id, evaluator),
    };
    Read { load_balancer, dualstack }
}

fn check(object: &Object<'_>) {
    check_load_balancer_name(object);
    if let Some(kind) = object.get("Type")
        && let Some("network" | "gateway") = kind.opaque()
    {
        kind.error("not an application load balancer");
    } else if let Some(kind) = object.get("Type") {
        kind.one_of(&["application"]);
    }
    object.get("Scheme").map(|item| item.one_of(&["internet-facing", "internal"]));
    object.get("IpAddressType").map(|item| item.one_of(&["ipv4", "dualstack", "dualstack-without-public-ipv4"]));
    object.either("Subnets", "SubnetMappings");
    for name in ["Subnets", "SecurityGroups"] {
        check_identifiers(object, name);
    }
    check_mappings(object);
    check_rest(object);
    check_tags(object);
}

fn check_load_balancer_name(object: &Object<'_>) {
    check_name(object);
    if let Some(name) = object.get("Name")
        && name.opaque().is_some_and(|text| text.starts_with("internal-"))
    {
        name.error("a load balancer's name may not begin with `internal-`");
    }
}

/// A list of ids that mean nothing here, or something that only the account knows.
fn check_identifiers(object: &Object<'_>, name: &str) {
    if let Some(list) = object.get(name).filter(|list| list.unknown().is_none()) {
        list.items().iter().for_each(|item| {
            item.opaque();
        });
    }
}

fn check_mappings(object: &Object<'_>) {
    for mapping in object.items("SubnetMappings") {
        let known = ["AllocationId", "IPv6Address", "PrivateIPv4Address", "SourceNatIpv6Prefix", "SubnetId"];
        if let Some(mapping) = mapping.object(&known) {
            mapping.require("SubnetId").map(|id| id.opaque());
            for name in &known[..4] {
                if let Some(item) = mapping.get(name) {
                    item.error("not a property of application load balancers");
                }
            }
        }
    }
}

fn check_rest(object: &Object<'_>) {
    if let Some(capacity) = object.get("MinimumLoadBalancerCapacity").and_then(|item| item.object(&["CapacityUnits"])) {
        capacity.require("CapacityUnits").map(|units| units.number(0..=u32::MAX));
    }
    object.get("EnableCapacityReservationProvisionStabilize").map(|item| item.boolean());
    object.get("Ipv4IpamPoolId").map(|item| item.opaque());
    for name in ["EnablePrefixForIpv6SourceNat", "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] {
        if let Some(item) = object.get(name) {
            item.error("not a property of application load balancers");
        }
    }
}

fn read_attributes(object: &Object<'_>) -> LoadBalancerAttributes {
    let items = object.items("LoadBalancerAttributes");
    if let Some(first_too_many) = items.get(ATTRIBUTES_MAX) {
        first_too_many.error(&format!("more than {ATTRIBUTES_MAX} attributes"));
    }
    let given = attributes::read(&items, attributes::LOAD_BALANCER);
    for log in ["access_logs", "connection_logs", "health_check_logs"] {
        given.requires(&format!("{log}.s3.enabled"), &format!("{log}.s3.bucket"));
        refuse_reserved_prefix(&given, &format!("{log}.s3.prefix"));
    }
    model(&given)
}

/// Guide LB-10.
fn refuse_reserved_prefix(given: &Attributes<'_>, key: &str) {
    if let Some(item) = given.get(key)
        && item.opaque().is_some_and(|text| text.contains("AWSLogs"))
    {
        item.error("the prefix may not contain `AWSLogs`");
    }
}

fn model(given: &Attributes<'_>) -> LoadBalancerAttributes {
    let default = LoadBalancerAttributes::default();
    let seconds = |key: &str, default| given.number(key).map_or(default, Duration::from_secs);
    let flag = |key: &str, default| given.flag(key).unwrap_or(default);
    LoadBalancerAttributes {
        idle_timeout: seconds("idle_timeout.timeout_seconds", default.idle_timeout),
        client_keep_alive: seconds("client_keep_alive.seconds", default.client_keep_alive),
        desync_mitigation_mode: match given.text("routing.http.desync_mitigation_mode") {
            Some("monitor") => DesyncMitigationMode::Monitor,
            Some("strictest") => DesyncMitigationMode::Strictest,
            _ => default.desync_mitigation_mode,
        },
        drop_invalid_header_fields: flag(
            "routing.http.drop_invalid_header_fields.enabled",
            default.drop_invalid_header_fields,
        ),
        preserve_host_header: flag("routing.http.preserve_host_header.enabled", default.preserve_host_header),
        tls_version_and_cipher_suite: flag(
            "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
            default.tls_version_and_cipher_suite,
        ),
        xff_client_port: flag("routing.http.xff_client_port.enabled", default.xff_client_port),
        xff_header_processing: match given.text("routing.http.xff_header_processing.mode") {
            Some("preserve") => XffHeaderProcessing::Preserve,
            Some("remove") => XffHeaderProcessing::Remove,
            _ => default.xff_header_processing,
        },
        http2: flag("routing.http2.enabled", default.http2),
    }
}
