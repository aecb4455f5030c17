//! `AWS::ElasticLoadBalancingV2::Listener` (guide LSN-*).

use super::action::{self, Groups, Where};
use super::certificate::Certificates;
use super::others::check_tags;
use super::report::quote;
use super::shape::Item;
use super::{attributes, terms};
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
    pub(super) terms: Option<terms::Read<'v>>,
    pub(super) default_action: Option<Action>,
}

pub(super) fn read<'v>(properties: &Item<'v>, groups: &Groups, certificates: &Certificates<'v>) -> Read<'v> {
    let Some(object) = properties.object(KNOWN) else {
        return Read::default();
    };
    let protocol = object.require("Protocol").and_then(|item| protocol(&item));
    let port_item = object.require("Port");
    let port = port_item.as_ref().and_then(Item::port);
    let terms = terms::read(&object, protocol, certificates);
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
        terms,
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
