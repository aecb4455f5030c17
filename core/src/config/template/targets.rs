//! The `Targets` of a target group: addresses, and instances that `--instance` or `--resolve` gives an address.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::functions::Evaluator;
use super::report::quote;
use super::shape::{Item, Object};
use crate::config::{GroupState, Position, Target, address};

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
    /// Whether the nodes of every zone use its targets.
    pub(super) cross_zone: bool,
}

/// The targets that have an address, each once, and where each stands.
pub(super) fn read(
    object: &Object<'_>,
    group: &Group,
    state: &GroupState,
    evaluator: &Evaluator<'_>,
) -> (Vec<Target>, Vec<Position>) {
    let items = object.items("Targets");
    if let Some(first_too_many) = items.get(TARGETS_PER_GROUP_MAX) {
        first_too_many.error(&format!("more than {TARGETS_PER_GROUP_MAX} targets in one group"));
    }
    let mut seen = BTreeSet::new();
    let (mut targets, mut places) = (Vec::new(), Vec::new());
    for item in &items {
        let Some(target) = read_one(item, group, state, evaluator) else {
            continue;
        };
        if seen.insert(target.address) {
            targets.push(target);
            places.push(item.at);
        } else {
            item.warning(&format!("{} is registered twice; it counts once", target.address));
        }
    }
    (targets, places)
}

fn read_one(item: &Item<'_>, group: &Group, state: &GroupState, evaluator: &Evaluator<'_>) -> Option<Target> {
    let object = item.object(&["AvailabilityZone", "Id", "Port", "QuicServerId"])?;
    if let Some(item) = object.get("QuicServerId") {
        item.error("only network load balancers have it");
    }
    let own_port = object.get("Port").map(|port| port.port());
    let zone = zone(&object, group);
    let id = object.require("Id")?;
    let place = place(&id, group.kind, evaluator)?;
    check_address(&id, place.address, group, evaluator);
    let port = place.port.or(own_port.unwrap_or(group.port))?;
    Some(Target::new(id.text()?.to_owned(), SocketAddr::new(place.address, port), zone, state))
}

/// The zone that a target is in, if anything says so. `all` is none: every node may use it, and a group without cross-zone
/// load balancing cannot have such a target (guide XZ-05).
fn zone(object: &Object<'_>, group: &Group) -> Option<String> {
    let item = object.get("AvailabilityZone");
    let zone = item.as_ref().filter(|zone| zone.unknown().is_none()).map(|zone| zone.sized(1..=ZONE_LEN_MAX));
    match (zone, &item) {
        (Some(zone @ Some("all")), Some(item)) if !group.cross_zone => {
            item.error("a target of all zones cannot be in a group whose `load_balancing.cross_zone.enabled` is false");
            zone.map(str::to_owned)
        }
        (Some(zone), _) => zone.filter(|zone| *zone != "all").map(str::to_owned),
        (None, _) if group.cross_zone => None,
        (None, Some(item)) => {
            item.warning(&format!("{NO_ZONE}; nothing says {}", item.unknown().unwrap_or_default()));
            None
        }
        (None, None) => {
            object.warning(&format!("{NO_ZONE}; AvailabilityZone says it"));
            None
        }
    }
}

/// Far more than the names of zones have.
const ZONE_LEN_MAX: usize = 64;

const NO_ZONE: &str = "the group has no cross-zone load balancing, so a node with a --zone does not use a target \
                       whose zone is not known";

/// Where a target is. A port is only there if a flag gave one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    address: IpAddr,
    port: Option<u16>,
}

/// Where an instance is that a template names (`--instance ID=ADDR[:PORT]`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `i-…`, or the name of a resource whose `Ref` stands for it.
    pub id: String,
    /// Its address.
    pub address: IpAddr,
    /// Its port, whatever the template says; `None`: as the template says.
    pub port: Option<u16>,
}

impl FromStr for Instance {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Instance, Self::Err> {
        let parts = text.split_once('=').filter(|(id, _)| !id.is_empty());
        let (id, place) = parts.ok_or("it has to look like ID=ADDR or ID=ADDR:PORT")?;
        if place.parse().is_ok_and(|socket: SocketAddr| socket.port() == 0) {
            return Err("a port is 1 to 65535");
        }
        let bracketed = place.strip_prefix('[').and_then(|place| place.strip_suffix(']'));
        let found = match bracketed {
            Some(six) => six.parse().ok().map(|address: Ipv6Addr| Place { address: address.into(), port: None }),
            None => Place::parse(place),
        };
        let Place { address, port } = found.ok_or("what follows the = is no IP address, with a port or without")?;
        Ok(Instance { id: id.to_owned(), address, port })
    }
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
    if let (TargetType::Instance, Some(instance)) = (kind, evaluator.instance(text)) {
        return Some(Place { address: instance.address, port: instance.port });
    }
    let place = Place::parse(evaluator.resolved(text).unwrap_or(text));
    match kind {
        TargetType::Instance if place.is_none() => {
            let name = quote(text);
            id.warning(&format!("the target is left out: say where {name} is with --instance {text}=ADDR[:PORT]"));
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
