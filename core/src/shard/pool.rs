//! Connections to targets that wait for their next request. The latest one in is the first one out, so that the
//! others can grow old and close.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::WireId;
use super::doors::BackEnd;
use crate::config::{Config, Protocol, ProtocolVersion};
use crate::key::{Key, Slab};
use crate::rules::GroupId;

/// A target's address as the pool knows it. One that is stale names no other address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OriginId(Key);

/// Where connections go and what they are: no two kinds are mistaken for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    /// Which TLS is spoken, if any is.
    pub(crate) tls: Option<BackEnd>,
    /// Whether HTTP/2 is spoken: requests are then streams of a connection that is shared.
    pub(crate) http2: bool,
}

pub(crate) struct Pool {
    origins: Slab<Origin>,
    /// Every origin, by its place.
    by_place: BTreeMap<Place, OriginId>,
    /// By group and target: one for each kind of TLS, all the same for targets without.
    by_target: Vec<Vec<[OriginId; BackEnd::ALL.len()]>>,
}

struct Origin {
    place: Place,
    idle: Vec<WireId>,
    /// Connections that are shared, whether or not requests are in progress on them.
    trunks: Vec<WireId>,
    /// How many requests the target takes on one of these, as far as it has said.
    streams_max: Option<usize>,
    /// A group of the present configuration has this target.
    registered: bool,
    /// A connection is for it; known only while it is decided who retires.
    held: bool,
}

impl Default for Pool {
    fn default() -> Self {
        Pool { origins: Slab::new(), by_place: BTreeMap::new(), by_target: Vec::new() }
    }
}

impl Pool {
    /// Numbers the targets of a configuration; known addresses keep their numbers and their connections.
    pub(crate) fn learn(&mut self, config: &Config) {
        for id in self.by_place.values() {
            if let Some(origin) = self.origins.get_mut(id.0) {
                origin.registered = false;
            }
        }
        self.by_target = config
            .groups
            .iter()
            .map(|group| {
                let secure = group.protocol == Protocol::Https;
                let http2 = group.protocol_version != ProtocolVersion::Http1;
                let place = |address, back_end| Place { address, tls: secure.then_some(back_end), http2 };
                let places = |address| BackEnd::ALL.map(|back_end| place(address, back_end));
                group.targets.iter().map(|target| places(target.address).map(|place| self.origin(place))).collect()
            })
            .collect();
    }

    fn origin(&mut self, place: Place) -> OriginId {
        if let Some(&known) = self.by_place.get(&place) {
            if let Some(origin) = self.origins.get_mut(known.0) {
                origin.registered = true;
            }
            return known;
        }
        let id = OriginId(self.origins.insert(Origin {
            place,
            idle: Vec::new(),
            trunks: Vec::new(),
            streams_max: None,
            registered: true,
            held: false,
        }));
        self.by_place.insert(place, id);
        id
    }

    /// Forgets the origins that no group has any more, unless a connection is for them: that of a request in progress may be
    /// used again if its target comes back. `held` are the origins of all connections.
    pub(crate) fn retire(&mut self, held: impl Iterator<Item = OriginId>) {
        let Pool { origins, by_place, .. } = self;
        for id in held {
            if let Some(origin) = origins.get_mut(id.0) {
                origin.held = true;
            }
        }
        by_place.retain(|_, id| {
            let Some(origin) = origins.get_mut(id.0) else { return false };
            let held = core::mem::take(&mut origin.held);
            let stays = held || origin.registered || !origin.idle.is_empty();
            if !stays {
                origins.remove(id.0);
            }
            stays
        });
    }

    /// The origin of a group's target, by its place in the group.
    pub(crate) fn route(&self, group: GroupId, target: usize, back_end: BackEnd) -> Option<OriginId> {
        Some(self.by_target.get(group.0 as usize)?.get(target)?[back_end as usize])
    }

    /// Where the connections of an origin go.
    pub(crate) fn place(&self, origin: OriginId) -> Option<Place> {
        self.origins.get(origin.0).map(|origin| origin.place)
    }

    pub(crate) fn address(&self, origin: OriginId) -> Option<SocketAddr> {
        self.place(origin).map(|place| place.address)
    }

    /// Whether a request may still be sent there.
    pub(crate) fn is_registered(&self, origin: OriginId) -> bool {
        self.origins.get(origin.0).is_some_and(|origin| origin.registered)
    }

    /// A connection for the next request, if one waits.
    pub(crate) fn take(&mut self, origin: OriginId) -> Option<WireId> {
        self.origins.get_mut(origin.0)?.idle.pop()
    }

    /// The shared connections of an origin that may take another request.
    pub(crate) fn trunks(&self, origin: OriginId) -> &[WireId] {
        self.origins.get(origin.0).map_or(&[], |origin| &origin.trunks)
    }

    pub(crate) fn add_trunk(&mut self, origin: OriginId, trunk: WireId) {
        if let Some(origin) = self.origins.get_mut(origin.0) {
            origin.trunks.push(trunk);
        }
    }

    /// No request goes to that connection any more.
    pub(crate) fn remove_trunk(&mut self, origin: OriginId, trunk: WireId) {
        if let Some(origin) = self.origins.get_mut(origin.0) {
            origin.trunks.retain(|&other| other != trunk);
        }
    }

    pub(crate) fn streams_max(&self, origin: OriginId) -> Option<usize> {
        self.origins.get(origin.0)?.streams_max
    }

    pub(crate) fn set_streams_max(&mut self, origin: OriginId, streams: usize) {
        if let Some(origin) = self.origins.get_mut(origin.0) {
            origin.streams_max = Some(streams);
        }
    }

    /// Every shared connection that may take another request.
    pub(crate) fn all_trunks(&self) -> impl Iterator<Item = &WireId> {
        self.all().flat_map(|origin| &origin.trunks)
    }

    /// Shared connections whose target no group has any more.
    pub(crate) fn stray_trunks(&self) -> Vec<WireId> {
        self.all().filter(|origin| !origin.registered).flat_map(|origin| origin.trunks.iter().copied()).collect()
    }

    /// A connection that may serve another request.
    pub(crate) fn put(&mut self, origin: OriginId, wire: WireId) {
        if let Some(origin) = self.origins.get_mut(origin.0) {
            origin.idle.push(wire);
        }
    }

    /// A waiting connection is gone.
    pub(crate) fn forget(&mut self, origin: OriginId, wire: WireId) {
        if let Some(origin) = self.origins.get_mut(origin.0) {
            origin.idle.retain(|&idle| idle != wire);
        }
    }

    /// How many connections wait.
    pub(crate) fn idle(&self) -> usize {
        self.all().map(|origin| origin.idle.len()).sum()
    }

    /// Connections whose target no group has any more.
    pub(crate) fn strays(&self) -> Vec<WireId> {
        self.all().filter(|origin| !origin.registered).flat_map(|origin| origin.idle.iter().copied()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Origin> {
        self.by_place.values().filter_map(|id| self.origins.get(id.0))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Options, Shard};
    use super::*;
    use crate::time::Now;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 7], port))
    }

    fn config(port: u16) -> Config {
        Config::forwarding(80, &[address(port)])
    }

    fn wire() -> WireId {
        WireId(Slab::new().insert(()))
    }

    /// The pool learns of one target alone, while there are connections for the origins in `held`.
    fn learn(pool: &mut Pool, port: u16, held: &[OriginId]) -> OriginId {
        pool.learn(&config(port));
        pool.retire(held.iter().copied());
        pool.route(GroupId(0), 0, BackEnd::Default).expect("the only target")
    }

    #[test]
    fn origins_are_as_many_as_the_targets_and_the_connections_to_former_ones() {
        let mut pool = Pool::default();
        let first = learn(&mut pool, 1, &[]);
        for port in 2..2000 {
            let present = learn(&mut pool, port, &[first]);
            assert!(present.0.slot() < 3, "numbers are used again");
            assert_eq!((pool.origins.len(), pool.by_place.len()), (2, 2));
            assert_eq!((pool.address(first), pool.address(present)), (Some(address(1)), Some(address(port))));
        }
        learn(&mut pool, 2000, &[]);
        assert_eq!((pool.origins.len(), pool.by_place.len()), (1, 1));
    }

    #[test]
    fn reloads_with_other_addresses_cost_a_shard_nothing_that_stays() {
        let mut shard = Shard::new(Arc::new(config(1)), Options::default(), 1);
        for port in 2..2000 {
            let mut turn = shard.turn(Now::default());
            drop(turn.reconfigured(Arc::new(config(port))));
            let _ = turn.finish();
            let present = shard.pool.route(GroupId(0), 0, BackEnd::Default).expect("the only target");
            assert!(present.0.slot() < 2 && shard.pool.origins.len() == 1);
        }
    }

    #[test]
    fn who_comes_back_while_a_connection_is_for_it_is_the_same_origin_and_else_another() {
        let mut pool = Pool::default();
        let first = learn(&mut pool, 1, &[]);
        let other = learn(&mut pool, 2, &[first]);
        assert_eq!(learn(&mut pool, 1, &[first, other]), first);
        // Being held once does not count for the next time.
        learn(&mut pool, 2, &[]);
        assert_ne!(learn(&mut pool, 1, &[]), first);
    }

    #[test]
    fn an_origin_that_is_stale_never_stands_for_the_one_that_has_its_number_now() {
        let mut pool = Pool::default();
        let former = learn(&mut pool, 1, &[]);
        learn(&mut pool, 2, &[]);
        let present = learn(&mut pool, 3, &[]);
        assert_eq!(former.0.slot(), present.0.slot());
        assert!(!pool.is_registered(former) && pool.address(former).is_none());
        pool.put(former, wire());
        assert_eq!((pool.idle(), pool.take(present)), (0, None));
        pool.put(present, wire());
        pool.forget(former, wire());
        assert_eq!((pool.take(former), pool.take(present)), (None, Some(wire())));
    }

    #[test]
    fn an_origin_stays_while_a_connection_waits_there() {
        let mut pool = Pool::default();
        let former = learn(&mut pool, 1, &[]);
        pool.put(former, wire());
        learn(&mut pool, 2, &[]);
        assert_eq!(pool.strays(), [wire()]);
        pool.forget(former, wire());
        learn(&mut pool, 2, &[]);
        assert!(pool.strays().is_empty() && pool.address(former).is_none());
    }
}
