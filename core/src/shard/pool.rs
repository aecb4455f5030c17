//! Connections to targets that wait for their next request. The latest one in is the first one out, so that the
//! others can grow old and close.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::WireId;
use crate::config::Config;
use crate::rules::GroupId;

/// A target's address as the pool knows it: a small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OriginId(u32);

#[derive(Debug, Default)]
pub(crate) struct Pool {
    origins: Vec<Origin>,
    by_address: BTreeMap<SocketAddr, OriginId>,
    by_target: Vec<Vec<OriginId>>,
}

#[derive(Debug)]
struct Origin {
    address: SocketAddr,
    idle: Vec<WireId>,
    /// A group of the present configuration has this target.
    registered: bool,
}

impl Pool {
    /// Numbers the targets of a configuration; known addresses keep their numbers and their connections.
    pub(crate) fn learn(&mut self, config: &Config) {
        for origin in &mut self.origins {
            origin.registered = false;
        }
        self.by_target = config
            .groups
            .iter()
            .map(|group| group.targets.iter().map(|target| self.origin(target.address)).collect())
            .collect();
    }

    fn origin(&mut self, address: SocketAddr) -> OriginId {
        if let Some(&known) = self.by_address.get(&address) {
            if let Some(origin) = self.origins.get_mut(known.0 as usize) {
                origin.registered = true;
            }
            return known;
        }
        let id = OriginId(u32::try_from(self.origins.len()).unwrap_or(u32::MAX));
        self.origins.push(Origin { address, idle: Vec::new(), registered: true });
        self.by_address.insert(address, id);
        id
    }

    /// The origin of a group's target, by its place in the group.
    pub(crate) fn route(&self, group: GroupId, target: usize) -> Option<OriginId> {
        self.by_target.get(group.0 as usize)?.get(target).copied()
    }

    pub(crate) fn address(&self, origin: OriginId) -> Option<SocketAddr> {
        self.origins.get(origin.0 as usize).map(|origin| origin.address)
    }

    /// Whether a request may still be sent there.
    pub(crate) fn is_registered(&self, origin: OriginId) -> bool {
        self.origins.get(origin.0 as usize).is_some_and(|origin| origin.registered)
    }

    /// A connection for the next request, if one waits.
    pub(crate) fn take(&mut self, origin: OriginId) -> Option<WireId> {
        self.origins.get_mut(origin.0 as usize)?.idle.pop()
    }

    /// A connection that may serve another request.
    pub(crate) fn put(&mut self, origin: OriginId, wire: WireId) {
        if let Some(origin) = self.origins.get_mut(origin.0 as usize) {
            origin.idle.push(wire);
        }
    }

    /// A waiting connection is gone.
    pub(crate) fn forget(&mut self, origin: OriginId, wire: WireId) {
        if let Some(origin) = self.origins.get_mut(origin.0 as usize) {
            origin.idle.retain(|&idle| idle != wire);
        }
    }

    /// How many connections wait.
    pub(crate) fn idle(&self) -> usize {
        self.origins.iter().map(|origin| origin.idle.len()).sum()
    }

    /// Connections whose target no group has any more.
    pub(crate) fn strays(&self) -> Vec<WireId> {
        let strays = self.origins.iter().filter(|origin| !origin.registered);
        strays.flat_map(|origin| origin.idle.iter().copied()).collect()
    }
}
