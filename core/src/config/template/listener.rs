//! `AWS::ElasticLoadBalancingV2::Listener` (guide LSN-*).

use super::action::{self, Groups, Where};
use super::attributes;
use super::others::{check_certificates, check_tags};
use super::report::quote;
use super::shape::{Item, Object};
use crate::config::Protocol;
use crate::rules::Action;

const KNOWN: &[&str] = &[
    "AlpnPolicy",
    "Certificates",
    "DefaultActions",
    "ListenerAttributes",
    "LoadBalancerArn",
    "MutualAuthentication",
    "Port",
    "Protocol",
    "SslPolicy",
    "Tags",
];

/// What could be read of a listener; what could not was reported.
#[derive(Default)]
pub(super) struct Read<'v> {
    pub(super) load_balancer_arn: Option<Item<'v>>,
    pub(super) protocol: Option<Protocol>,
    pub(super) port: Option<u16>,
    pub(super) port_item: Option<Item<'v>>,
    pub(super) default_action: Option<Action>,
}

pub(super) fn read<'v>(properties: &Item<'v>, groups: &Groups) -> Read<'v> {
    let Some(object) = properties.object(KNOWN) else {
        return Read::default();
    };
    let protocol = object.require("Protocol").and_then(|item| protocol(&item));
    let port_item = object.require("Port");
    let port = port_item.as_ref().and_then(Item::port);
    check_tls(&object, protocol);
    check_tags(&object);
    attributes::read(&object.items("ListenerAttributes"), attributes::LISTENER);
    if let Some(item) = object.get("AlpnPolicy") {
        item.error("only network load balancers have it");
    }
    let place = Where { protocol, port, groups };
    let actions = object.require("DefaultActions");
    Read {
        load_balancer_arn: object.require("LoadBalancerArn"),
        protocol,
        port,
        port_item,
        default_action: actions.and_then(|actions| action::read_all(&actions, &place)),
    }
}

/// Guide LSN-01.
fn protocol(item: &Item<'_>) -> Option<Protocol> {
    match item.text()? {
        "HTTP" => Some(Protocol::Http),
        "HTTPS" => Some(Protocol::Https),
        other => {
            item.error(&format!("{} is neither HTTP nor HTTPS, as application load balancers need", quote(other)));
            None
        }
    }
}

/// Guide LSN-03: an HTTPS listener has exactly one certificate of its own; an HTTP listener has none.
fn check_tls(object: &Object<'_>, protocol: Option<Protocol>) {
    let certificates = object.get("Certificates").filter(|list| list.unknown().is_none());
    let count = certificates.as_ref().map(check_certificates);
    match (protocol, &certificates, count) {
        (Some(Protocol::Https), None, _) if object.get("Certificates").is_none() => {
            object.error("an HTTPS listener needs Certificates");
        }
        (Some(Protocol::Https), Some(list), Some(count)) if count != 1 => {
            list.error("exactly one certificate stands here; others belong into a ListenerCertificate");
        }
        (Some(Protocol::Http), Some(list), Some(count)) if count > 0 => {
            list.error("an HTTP listener has no certificates")
        }
        _ => {}
    }
    if let Some(policy) = object.get("SslPolicy") {
        policy.opaque();
        if protocol == Some(Protocol::Http) {
            policy.error("an HTTP listener has no SslPolicy");
        }
    }
    if let Some(item) = object.get("MutualAuthentication") {
        check_mutual(&item, protocol);
    }
}

fn check_mutual(item: &Item<'_>, protocol: Option<Protocol>) {
    let known = ["AdvertiseTrustStoreCaNames", "IgnoreClientCertificateExpiry", "Mode", "TrustStoreArn"];
    let Some(object) = item.object(&known) else {
        return;
    };
    let mode = object.get("Mode").and_then(|mode| mode.one_of(&["off", "passthrough", "verify"]));
    object.get("AdvertiseTrustStoreCaNames").map(|item| item.one_of(&["on", "off"]));
    object.get("IgnoreClientCertificateExpiry").map(|item| item.boolean());
    object.get("TrustStoreArn").map(|item| item.opaque());
    if mode == Some("verify") && object.get("TrustStoreArn").is_none() {
        object.error("the mode verify needs TrustStoreArn");
    }
    if protocol == Some(Protocol::Http) && matches!(mode, Some("passthrough" | "verify")) {
        item.error("an HTTP listener has no client certificates");
    }
}
