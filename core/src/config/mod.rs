//! What an operator said, after it was read and cross-checked: load balancers with their attributes,
//! listeners with their rules, target groups with their targets. Immutable; a reload makes a new one.
//!
//! The shapes and names are the API's own. [`template`] reads them from CloudFormation files.
//!
//! What shards share has identity across reloads: each [`TargetGroup`] and each [`Target`] holds its state in an `Arc`, and
//! [`Config::next`] carries the states of those that are still there, or not long gone, from the old configuration to the new.

mod address;
pub mod attributes;
mod describe;
mod identity;
mod position;
mod readiness;
mod state;
mod succession;
#[cfg(feature = "template")]
pub mod template;
mod trust_store;
mod usage;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub use address::is_private;
pub use attributes::{DesyncMitigationMode, LoadBalancerAttributes, XffHeaderProcessing};
pub use describe::{AnomalyDetection, TargetHealth, TargetHealthDescription};
pub use position::Position;
pub use readiness::{GroupHealth, Healths, HostCounts, Readiness, ZoneStates};
pub use state::{Checking, ConfigState};
pub use trust_store::{Revocation, S3Object, TrustStore};

pub use crate::http::Protocol;
use crate::http::{Asked, Mismatch};
pub use crate::target::{GroupAttributes, GroupState, HealthCheck, Target};

use crate::rules::{Action, Forward, GroupId, Ruleset, WeightedGroup};
use crate::tls::Terms;
use identity::Identity;

/// A whole configuration: everything that a shard needs to know.
#[derive(Debug, Default)]
pub struct Config {
    /// The load balancers of the template, in its order.
    pub load_balancers: Vec<LoadBalancer>,
    /// Every listener of every load balancer, in template order. No two share a port.
    pub listeners: Vec<Listener>,
    /// Every target group; a [`GroupId`] is an index into this list.
    pub groups: Vec<TargetGroup>,
    /// Every trust store, whether a listener verifies with it or not.
    pub trust_stores: Vec<TrustStore>,
    /// Groups that are gone, for as long as a target of theirs drains: they get nothing, but may come back.
    pub departed: Vec<TargetGroup>,
    /// What all shards, and the next configuration, share.
    pub state: Arc<ConfigState>,
}

/// A load balancer: a name and its attributes.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// The resource's name in the template (`Resources` key).
    pub logical_id: String,
    /// The `Name` property, or one made from the logical id.
    pub name: String,
    /// `arn:aws:elasticloadbalancing:…:loadbalancer/app/NAME/16hex`
    pub arn: String,
    /// `NAME-NUMBER.REGION.elb.amazonaws.com`; the Host of an HTTP/1.0 request that had none (`wire.md` H5).
    pub dns_name: String,
    /// How it behaves.
    pub attributes: LoadBalancerAttributes,
    /// The availability zones that it is enabled in: targets in other zones get nothing (guide TG-13). `None`: not known, so
    /// every zone counts as enabled.
    pub zones: Option<Vec<String>>,
}

impl LoadBalancer {
    /// `app/NAME/16hex`, as access logs name it (guide AL-07).
    pub fn resource_id(&self) -> &str {
        let resource = self.arn.rsplit(':').next().unwrap_or_default();
        resource.strip_prefix("loadbalancer/").unwrap_or(&self.arn)
    }
}

/// A listener: a port, a protocol, and rules.
#[derive(Debug)]
pub struct Listener {
    /// The resource's name in the template.
    pub logical_id: String,
    /// `arn:aws:elasticloadbalancing:…:listener/app/NAME/LB16/L16`
    pub arn: String,
    /// Index into [`Config::load_balancers`].
    pub load_balancer: usize,
    /// What clients speak to it.
    pub protocol: Protocol,
    /// The port that requests see: in `Host`, `X-Forwarded-Port`, redirects and logs (1 to 65535).
    pub port: u16,
    /// What TLS is like on it; on HTTPS listeners alone.
    pub tls: Option<Terms>,
    /// The rules and the default action.
    pub rules: Ruleset,
    /// Where the template declares it.
    pub position: Position,
}

/// What targets of a group speak (guide PV-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolVersion {
    /// `HTTP1`
    Http1,
    /// `HTTP2`
    Http2,
    /// `GRPC`
    Grpc,
}

impl ProtocolVersion {
    /// As templates name it.
    pub const fn name(self) -> &'static str {
        match self {
            ProtocolVersion::Http1 => "HTTP1",
            ProtocolVersion::Http2 => "HTTP2",
            ProtocolVersion::Grpc => "GRPC",
        }
    }

    /// Whether requests that come so can go to these targets: the guide's matrix (PV-02 to PV-04).
    pub const fn takes(self, asked: Asked) -> Result<(), Mismatch> {
        match (asked, self) {
            (Asked::Http1, ProtocolVersion::Http1) => Ok(()),
            (Asked::Http1, ProtocolVersion::Http2 | ProtocolVersion::Grpc) => Err(Mismatch::NeedsHttp2),
            (Asked::Http2 { .. }, ProtocolVersion::Http1 | ProtocolVersion::Http2) => Ok(()),
            (Asked::Http2 { post: true }, ProtocolVersion::Grpc) => Ok(()),
            (Asked::Http2 { post: false }, ProtocolVersion::Grpc) => Err(Mismatch::NeedsPost),
            (Asked::Grpc, ProtocolVersion::Http1) => Err(Mismatch::GrpcNotServed),
            (Asked::Grpc, ProtocolVersion::Http2 | ProtocolVersion::Grpc) => Ok(()),
        }
    }
}

/// A target group.
#[derive(Debug)]
pub struct TargetGroup {
    /// The resource's name in the template.
    pub logical_id: String,
    /// The `Name` property, or one made from the logical id.
    pub name: String,
    /// `arn:aws:elasticloadbalancing:…:targetgroup/NAME/16hex`
    pub arn: String,
    /// What its targets speak: HTTP or HTTPS.
    pub protocol: Protocol,
    /// What version of it.
    pub protocol_version: ProtocolVersion,
    /// How its targets are checked.
    pub health_check: HealthCheck,
    /// How requests are spread over them.
    pub attributes: GroupAttributes,
    /// The registered targets.
    pub targets: Vec<Target>,
    /// Targets that were deregistered not long ago: no new requests, but those in progress may end (guide DRAIN-02).
    pub draining: Vec<Target>,
    /// Where the template declares it.
    pub position: Position,
    /// What all shards, and the next configuration, share of this group.
    pub state: Arc<GroupState>,
}

impl Config {
    /// The group of that number.
    pub fn group(&self, id: GroupId) -> Option<&TargetGroup> {
        self.groups.get(id.0 as usize)
    }

    /// The smallest configuration: one HTTP listener that forwards everything to `targets`
    /// (`run --listen ADDR:PORT --target ADDR:PORT`). The names and ARNs do not depend on the targets, so the
    /// group keeps its state when they change. Targets are not checked unless the group's
    /// [`health_check`](TargetGroup::health_check) is changed.
    pub fn forwarding(port: u16, targets: &[SocketAddr]) -> Config {
        let identity = Identity { region: "local", account: "000000000000", stack: "run" };
        let name = "sluicegate";
        let arn = identity.load_balancer_arn("LoadBalancer", name);
        let state = Arc::new(GroupState::default());
        let group = TargetGroup {
            logical_id: "Targets".to_owned(),
            name: "targets".to_owned(),
            arn: identity.group_arn("Targets", "targets"),
            protocol: Protocol::Http,
            protocol_version: ProtocolVersion::Http1,
            health_check: HealthCheck::disabled(),
            attributes: GroupAttributes::default(),
            targets: targets.iter().map(|&at| Target::new(at.ip().to_string(), at, None, &state)).collect(),
            draining: Vec::new(),
            position: Position::default(),
            state,
        };
        let listener = Listener {
            logical_id: "Listener".to_owned(),
            arn: identity.listener_arn("Listener", &arn),
            load_balancer: 0,
            protocol: Protocol::Http,
            port,
            tls: None,
            rules: forward_everything(),
            position: Position::default(),
        };
        let load_balancer = LoadBalancer {
            logical_id: "LoadBalancer".to_owned(),
            name: name.to_owned(),
            arn,
            dns_name: identity.dns_name("LoadBalancer", name, false),
            attributes: LoadBalancerAttributes::default(),
            zones: None,
        };
        Config {
            load_balancers: vec![load_balancer],
            listeners: vec![listener],
            groups: vec![group],
            trust_stores: Vec::new(),
            departed: Vec::new(),
            state: Arc::default(),
        }
    }

    /// Checks no target: all count as healthy (`run --no-health-checks`).
    pub fn disable_health_checks(&mut self) {
        self.groups.iter_mut().for_each(|group| group.health_check.enabled = false);
    }

    /// HTTPS listeners that cannot be served, because nobody said where their certificates are. A program refuses to run while
    /// this is not empty; `check` still accepts the template.
    pub fn unserved(&self) -> Vec<Unserved> {
        let without = |listener: &&Listener| {
            let certificate = listener.tls.as_ref().and_then(|terms| terms.default.as_ref());
            listener.protocol == Protocol::Https && certificate.is_none()
        };
        let unserved = |listener: &Listener| Unserved {
            position: listener.position,
            what: format!("{}: no certificate is loaded: {WHERE_CERTIFICATES_ARE}", listener.logical_id),
        };
        let mut all: Vec<Unserved> = self.listeners.iter().filter(without).map(unserved).collect();
        all.sort_by_key(|unserved| unserved.position);
        all
    }

    /// The targets that are listeners of this very configuration (guide TG-07), when each listener is bound to
    /// all of `bind` on its port plus `port_offset`: forwarding to them would go round in circles.
    pub fn own_listener_targets(&self, bind: &[IpAddr], port_offset: u16) -> Vec<OwnListenerTarget> {
        let mut found = Vec::new();
        for group in &self.groups {
            for target in &group.targets {
                let is_own = |listener: &&Listener| {
                    listener.port.checked_add(port_offset) == Some(target.address.port())
                        && bind.iter().any(|&bind| address::reaches(bind, target.address.ip()))
                };
                if let Some(listener) = self.listeners.iter().find(is_own) {
                    found.push(OwnListenerTarget {
                        group: group.logical_id.clone(),
                        address: target.address,
                        listener: listener.logical_id.clone(),
                        position: group.position,
                    });
                }
            }
        }
        found
    }
}

/// How to say it.
const WHERE_CERTIFICATES_ARE: &str =
    "say where certificates are with --certificates DIR or --certificate NAME=CHAIN.pem,KEY.pem";

/// Something that a template declares and this build cannot serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unserved {
    /// Where it is declared.
    pub position: Position,
    /// What it is, in a sentence that names the resource.
    pub what: String,
}

/// A target that is one of our own listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnListenerTarget {
    /// The group that registers it.
    pub group: String,
    /// The target.
    pub address: SocketAddr,
    /// The listener that it is.
    pub listener: String,
    /// Where the group is declared.
    pub position: Position,
}

fn forward_everything() -> Ruleset {
    let group = WeightedGroup { group: GroupId(0), weight: 1 };
    let action = Action::Forward(Forward { groups: vec![group], stickiness: None });
    match Ruleset::new(Vec::new(), action) {
        Ok(rules) => rules,
        // Without rules nothing can contradict anything.
        Err(_) => unreachable!("an empty set of rules is always one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn forwarding_sends_everything_on_one_port_to_its_targets() {
        let config = Config::forwarding(8080, &[address("127.0.0.1:9001"), address("[::1]:9002")]);
        let [listener] = &config.listeners[..] else { panic!("one listener") };
        assert_eq!((listener.port, listener.protocol), (8080, Protocol::Http));
        assert!(listener.rules.rules().is_empty());
        let expected =
            Action::Forward(Forward { groups: vec![WeightedGroup { group: GroupId(0), weight: 1 }], stickiness: None });
        assert_eq!(listener.rules.default_action(), &expected);
        let group = config.group(GroupId(0)).expect("the group");
        assert_eq!(group.targets[1].address, address("[::1]:9002"));
        assert!(config.group(GroupId(1)).is_none());
        assert!(config.load_balancers[0].resource_id().starts_with("app/sluicegate/"));
        assert!(config.unserved().is_empty());
    }

    #[test]
    fn https_listeners_are_served_once_they_have_a_certificate() {
        let mut config = Config::forwarding(443, &[address("127.0.0.1:9001")]);
        config.groups[0].protocol = Protocol::Https;
        config.groups[0].health_check = HealthCheck { protocol: Protocol::Https, ..HealthCheck::default() };
        assert!(config.unserved().is_empty());
        config.listeners[0].protocol = Protocol::Https;
        let [unserved] = &config.unserved()[..] else { panic!("one thing is not served") };
        assert_eq!(
            unserved.what,
            "Listener: no certificate is loaded: say where certificates are with --certificates DIR or --certificate NAME=CHAIN.pem,KEY.pem"
        );
    }

    #[test]
    fn a_target_that_is_our_own_listener_is_found_after_the_port_offset() {
        let config =
            Config::forwarding(80, &[address("127.0.0.1:8080"), address("127.0.0.1:80"), address("10.0.0.9:8080")]);
        let bind = |text: &str| [text.parse::<IpAddr>().expect("an address")];
        let found = |bind: &[IpAddr], offset| {
            config.own_listener_targets(bind, offset).into_iter().map(|own| own.address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(&bind("127.0.0.1"), 8000), ["127.0.0.1:8080"]);
        assert_eq!(found(&bind("127.0.0.1"), 0), ["127.0.0.1:80"]);
        assert_eq!(found(&bind("10.0.0.9"), 8000), ["10.0.0.9:8080"]);
        assert_eq!(found(&bind("0.0.0.0"), 8000), ["127.0.0.1:8080"]);
        assert!(found(&bind("127.0.0.2"), 8000).is_empty());
        assert!(found(&bind("127.0.0.1"), 65535).is_empty());
    }
}
