//! The `Targets` of a target group: addresses, and instances that `--resolve` gives an address.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::functions::Evaluator;
use super::report::quote;
use super::shape::{Item, Object};
use crate::config::{GroupState, Target, address};

/// Guide QUO-05: targets of a group.
const TARGETS_PER_GROUP_MAX: usize = 1000;

/// How a group names its targets (guide TG-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TargetType {
    Instance,
    Ip,
}

/// The family of a group's addresses (guide IP-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// What targets take from their group.
pub(super) struct Group {
    pub(super) kind: TargetType,
    pub(super) family: Family,
    /// `None` after an error.
    pub(super) port: Option<u16>,
}

/// The targets that have an address, each once.
pub(super) fn read(object: &Object<'_>, group: &Group, state: &GroupState, evaluator: &Evaluator<'_>) -> Vec<Target> {
    let items = object.items("Targets");
    if let Some(first_too_many) = items.get(TARGETS_PER_GROUP_MAX) {
        first_too_many.error(&format!("more than {TARGETS_PER_GROUP_MAX} targets in one group"));
    }
    let mut seen = BTreeSet::new();
    let mut targets = Vec::new();
    for item in &items {
        let Some(target) = read_one(item, group, state, evaluator) else {
            continue;
        };
        if seen.insert(target.address) {
            targets.push(target);
        } else {
            item.warning(&format!("{} is registered twice; it counts once", target.address));
        }
    }
    targets
}

fn read_one(item: &Item<'_>, group: &Group, state: &GroupState, evaluator: &Evaluator<'_>) -> Option<Target> {
    let object = item.object(&["AvailabilityZone", "Id", "Port", "QuicServerId"])?;
    if let Some(item) = object.get("QuicServerId") {
        item.error("only network load balancers have it");
    }
    let own_port = object.get("Port").map(|port| port.port());
    let zone = object.get("AvailabilityZone").and_then(|zone| zone.opaque()).map(str::to_owned);
    let id = object.require("Id")?;
    let place = place(&id, group.kind, evaluator)?;
    check_address(&id, place.address, group, evaluator);
    let port = place.port.or(own_port.unwrap_or(group.port))?;
    Some(Target::new(id.text()?.to_owned(), SocketAddr::new(place.address, port), zone, state))
}

/// Where a target is. A port is only there if `--resolve` gave one.
struct Place {
    address: IpAddr,
    port: Option<u16>,
}

impl Place {
    fn parse(text: &str) -> Option<Place> {
        if let Ok(address) = text.parse() {
            return Some(Place { address, port: None });
        }
        let socket: SocketAddr = text.parse().ok()?;
        Some(Place { address: socket.ip(), port: Some(socket.port()).filter(|port| *port != 0) })
    }
}

/// Guide TG-04, TG-06. An instance that nobody gives an address is left out, with a warning: it lives elsewhere.
fn place(id: &Item<'_>, kind: TargetType, evaluator: &Evaluator<'_>) -> Option<Place> {
    if let (TargetType::Instance, Some(hint)) = (kind, id.unknown()) {
        id.warning(&format!("the target is left out: nothing says the address of {hint}"));
        return None;
    }
    let text = id.text()?;
    let place = Place::parse(evaluator.resolved(text).unwrap_or(text));
    match kind {
        TargetType::Instance if place.is_none() => {
            let name = quote(text);
            id.warning(&format!("the target is left out: say where {name} is with --resolve {text}=ADDRESS"));
        }
        TargetType::Ip if place.is_none() => id.error(&format!("{} is no IP address", quote(text))),
        TargetType::Ip | TargetType::Instance => {}
    }
    place
}

fn check_address(id: &Item<'_>, address: IpAddr, group: &Group, evaluator: &Evaluator<'_>) {
    let family = if address.is_ipv4() { Family::V4 } else { Family::V6 };
    if group.kind == TargetType::Ip && family != group.family {
        let expected = if group.family == Family::V4 { "ipv4" } else { "ipv6" };
        id.error(&format!("{address} is not of the group's IpAddressType, {expected}"));
    }
    if !address::is_unicast(address) {
        id.error(&format!("{address} is not the address of one machine"));
    } else if !evaluator.inputs.allow_public_targets && !address::is_private(address) {
        id.error(&format!("{address} is outside the private ranges; --allow-public-targets allows it"));
    }
}
