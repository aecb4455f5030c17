//! Target-group health (guide TGH-01 to TGH-10): whether enough targets of a group are healthy in a zone, and whether a zone of
//! a load balancer is fit for new clients. Everything is looked up in shared state when it is asked; nothing happens here.
//!
//! What AWS answers with DNS is for others to do here: whoever sends clients to the nodes asks each whether it is ready.

use super::{Config, TargetGroup};
use crate::rules::GroupId;
use crate::target::health::Status;
use crate::target::{MinimumHealthy, Node, Target};

/// How many targets of a group are healthy, as the node of a zone counts them: those of its zone, or those of all zones if the
/// group has cross-zone load balancing (guide TGH-08).
#[derive(Clone, Copy, Debug)]
pub struct GroupHealth<'c> {
    /// The group.
    pub group: &'c TargetGroup,
    /// Targets in service.
    pub healthy: usize,
    /// Registered targets, in service or not.
    pub registered: usize,
    /// Below so many healthy targets the zone is taken out of DNS (TGH-04, TGH-05, XZ-07).
    pub needed_for_dns: usize,
    /// Below so many healthy targets all targets get requests (TGH-02, TGH-03, HC-17).
    pub needed_for_routing: usize,
}

impl GroupHealth<'_> {
    /// Whether the group lets the zone be in DNS.
    pub fn suffices_for_dns(&self) -> bool {
        self.healthy >= self.needed_for_dns
    }

    /// Whether healthy targets alone get requests.
    pub fn suffices_for_routing(&self) -> bool {
        self.healthy >= self.needed_for_routing
    }
}

/// Whether a zone of a load balancer is fit for new clients, and why not.
#[derive(Clone, Debug)]
pub struct Readiness<'c> {
    /// The groups that have too few healthy targets: each of them takes the zone out (guide TGH-09).
    pub breaches: Vec<GroupHealth<'c>>,
    /// Every zone of the load balancer is out, so that all are used again (TGH-09).
    pub fails_open: bool,
}

impl Readiness<'_> {
    /// Whether clients may be sent here.
    pub fn is_ready(&self) -> bool {
        self.breaches.is_empty() || self.fails_open
    }
}

/// In how many zones a group has enough healthy targets, and in how many it has not (guide MET-25).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ZoneStates {
    /// `HealthyStateDNS`
    pub healthy_dns: usize,
    /// `UnhealthyStateDNS`
    pub unhealthy_dns: usize,
    /// `HealthyStateRouting`
    pub healthy_routing: usize,
    /// `UnhealthyStateRouting`
    pub unhealthy_routing: usize,
}

/// How many targets of a group are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostCounts {
    /// `HealthyHostCount` and `UnHealthyHostCount` (guide MET-20); `None` if they are not checked. Targets whose first checks
    /// are still under way are neither.
    pub health: Option<Healths>,
    /// `AnomalousHostCount` (MET-28)
    pub anomalous: usize,
    /// `MitigatedHostCount`: those that get fewer requests than others because of that (MET-28).
    pub mitigated: usize,
}

/// How many targets are in service, and how many are out of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Healths {
    /// `HealthyHostCount`
    pub healthy: usize,
    /// `UnHealthyHostCount`
    pub unhealthy: usize,
}

impl Config {
    /// Whether the zone of that number's load balancer is ready for clients; without a zone, all of them together as one.
    pub fn readiness(&self, load_balancer: usize, zone: Option<&str>) -> Readiness<'_> {
        let breaches = self.breaches(load_balancer, zone);
        let is_out = |other: &str| Some(other) == zone || !self.breaches(load_balancer, Some(other)).is_empty();
        let others_are_out = || zone.is_none() || self.zones(load_balancer).into_iter().all(is_out);
        let fails_open = !breaches.is_empty() && others_are_out();
        Readiness { breaches, fails_open }
    }

    fn breaches(&self, load_balancer: usize, zone: Option<&str>) -> Vec<GroupHealth<'_>> {
        let healths = self.groups_of(load_balancer).filter_map(|(id, _)| self.group_health(id, zone));
        healths.filter(|health| !health.suffices_for_dns()).collect()
    }

    /// How many targets of a group are healthy as the node of that zone counts them, and how many it needs.
    pub fn group_health(&self, id: GroupId, zone: Option<&str>) -> Option<GroupHealth<'_>> {
        let group = self.group(id)?;
        let attributes = &group.attributes;
        let node = Node { zone, enabled: self.enabled_zones(id) };
        let registered: Vec<&Target> = registered(group, node, attributes.cross_zone).collect();
        let healthy = registered.iter().filter(|target| group.is_in_service(target)).count();
        let needed = |minimum: MinimumHealthy| minimum.needed(registered.len());
        // Without healthy targets in a zone that has to do with its own, the zone is out whatever the thresholds (XZ-07).
        let alone = usize::from(!attributes.cross_zone);
        Some(GroupHealth {
            group,
            healthy,
            registered: registered.len(),
            needed_for_dns: needed(attributes.dns_failover).max(alone),
            // While nobody is healthy all get requests, whatever the thresholds (HC-17).
            needed_for_routing: needed(attributes.unhealthy_state_routing).max(1),
        })
    }

    /// In how many zones a group is as healthy as it has to be: of one zone, or of all that its load balancer has.
    pub fn zone_states(&self, group: GroupId, zone: Option<&str>) -> ZoneStates {
        let all = || self.number_of_user(group).map(|user| self.zones(user)).unwrap_or_default();
        let zones = zone.map_or_else(all, |zone| vec![zone]);
        let mut states = ZoneStates::default();
        let mut count = |zone| {
            let Some(health) = self.group_health(group, zone) else { return };
            let (dns, routing) = (health.suffices_for_dns(), health.suffices_for_routing());
            states.healthy_dns += usize::from(dns);
            states.unhealthy_dns += usize::from(!dns);
            states.healthy_routing += usize::from(routing);
            states.unhealthy_routing += usize::from(!routing);
        };
        if zones.is_empty() {
            // No zones are told: there is one, without a name.
            count(None);
        }
        zones.into_iter().for_each(|zone| count(Some(zone)));
        states
    }

    /// How many targets of a group are what, in one zone or in all.
    pub fn host_counts(&self, id: GroupId, zone: Option<&str>) -> HostCounts {
        let Some(group) = self.group(id) else { return HostCounts::default() };
        let node = Node { zone, enabled: self.enabled_zones(id) };
        let count =
            |wanted: &dyn Fn(&Target) -> bool| registered(group, node, false).filter(|target| wanted(target)).count();
        let status = |target: &Target| target.state.health().status;
        let healths = || Healths {
            healthy: count(&|target| status(target) == Status::Healthy),
            unhealthy: count(&|target| matches!(status(target), Status::Unhealthy(_))),
        };
        let mitigated = |target: &Target| group.attributes.mitigates() && target.state.is_mitigated();
        HostCounts {
            health: group.health_check.enabled.then(healths),
            anomalous: count(&|target| target.state.is_anomalous()),
            mitigated: count(&mitigated),
        }
    }
}

impl TargetGroup {
    fn is_in_service(&self, target: &Target) -> bool {
        !self.health_check.enabled || target.state.health().is_healthy()
    }
}

/// The targets that a node may use if they are well.
fn registered<'c>(group: &'c TargetGroup, node: Node<'c>, cross_zone: bool) -> impl Iterator<Item = &'c Target> {
    let here = move |target: &&Target| target.state.drained().is_none() && node.reaches(target, cross_zone);
    group.targets.iter().filter(here)
}
