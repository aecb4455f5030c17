//! What an operator said, after it was read and cross-checked: load balancers with their attributes,
//! listeners with their rules, target groups with their targets. Immutable; a reload makes a new one.
//!
//! The shapes and names are the API's own. [`template`] reads them from CloudFormation files.
//!
//! What shards share has identity across reloads: each [`TargetGroup`] holds an `Arc` slot, and
//! [`Config::next`] carries the slots of groups that are still there from the old configuration to the new.

pub mod attributes;
#[cfg(feature = "template")]
pub mod template;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use attributes::{DesyncMitigationMode, LoadBalancerAttributes, XffHeaderProcessing};

use crate::rules::{GroupId, Ruleset};

/// A whole configuration: everything that a shard needs to know.
#[derive(Debug, Default)]
pub struct Config {
    /// The load balancers of the template, in its order.
    pub load_balancers: Vec<LoadBalancer>,
    /// Every listener of every load balancer, in template order. No two share a port.
    pub listeners: Vec<Listener>,
    /// Every target group; a [`GroupId`] is an index into this list.
    pub groups: Vec<TargetGroup>,
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
}

impl LoadBalancer {
    /// `app/NAME/16hex`, as access logs name it (guide AL-07).
    pub fn resource_id(&self) -> &str {
        self.arn.split_once("loadbalancer/").map_or(self.arn.as_str(), |(_, id)| id)
    }
}

/// What a listener speaks (guide LSN-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Protocol {
    /// `http` or `https`, as in URLs and `X-Forwarded-Proto`.
    pub const fn scheme(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
        }
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
    /// The rules and the default action.
    pub rules: Ruleset,
}

/// What targets of a group speak. Only HTTP/1.1 is served so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolVersion {
    /// `HTTP1`
    Http1,
    /// `HTTP2`
    Http2,
    /// `GRPC`
    Grpc,
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
    /// The registered targets.
    pub targets: Vec<Target>,
    /// What all shards, and the next configuration, share of this group.
    pub slot: Arc<GroupSlot>,
}

/// One registered target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// `AvailabilityZone`, if the template names one.
    pub zone: Option<String>,
}

/// The state of a group that all shards share.
#[derive(Debug, Default)]
pub struct GroupSlot {
    /// How many times round robin has chosen.
    pub cursor: AtomicU64,
}

impl Config {
    /// The configuration with the groups' slots of `old` carried over, by ARN: their cursors and counts survive.
    #[must_use]
    pub fn next(mut self, old: &Config) -> Config {
        for group in &mut self.groups {
            if let Some(was) = old.groups.iter().find(|was| was.arn == group.arn) {
                group.slot = Arc::clone(&was.slot);
            }
        }
        self
    }

    /// The group of that number.
    pub fn group(&self, id: GroupId) -> Option<&TargetGroup> {
        self.groups.get(id.0 as usize)
    }

    /// The smallest configuration: one listener that forwards everything to `targets`
    /// (`run --listen ADDR:PORT --target ADDR:PORT`).
    pub fn forwarding(port: u16, targets: &[SocketAddr]) -> Config {
        todo_forwarding(port, targets)
    }
}

/// Whether a target may have this address without the operator saying so (guide TG-05): loopback and the
/// private ranges may, others need a flag.
pub fn is_private(address: IpAddr) -> bool {
    let _ = address;
    false
}
fn todo_forwarding(_: u16, _: &[SocketAddr]) -> Config {
    Config::default()
}
