//! What is configured, and how that changes in the course of the day.

use std::time::Duration;

use sluicegate::config::{Config, GroupState, HealthCheck, Listener, TargetGroup};
use sluicegate::rules::{Action, Forward, GroupId, Ruleset, WeightedGroup};
use sluicegate::target::{Algorithm, CheckPort, GroupAttributes, Matcher, MinimumHealthy, Stickiness, Target};

use super::{GROUPS, HOSTS, Host, TARGETS, address, group_of, seconds};

/// Groups by what is special about them.
pub(crate) const SLOW: [usize; 2] = [2, 3];
pub(crate) const SWITCHED: usize = 4;
pub(crate) const STICKY: [usize; 2] = [5, 6];
pub(crate) const MITIGATED: usize = 9;
pub(crate) const ZONAL: usize = 12;
pub(crate) const BY_COUNT: usize = 13;
pub(crate) const BY_SHARE: usize = 14;
pub(crate) const PAUSED: usize = 18;
pub(crate) const UNCHECKED: usize = 19;

/// The zones that the load balancer is enabled in.
pub(crate) const ZONES: [&str; 2] = ["a", "b"];

/// One configuration.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) groups: Vec<GroupPlan>,
}

/// One group of it.
#[derive(Clone)]
pub(crate) struct GroupPlan {
    pub(crate) targets: Vec<Host>,
    pub(crate) check: HealthCheck,
    pub(crate) attributes: GroupAttributes,
    /// A listener forwards to it.
    pub(crate) in_use: bool,
}

impl Plan {
    /// As the day begins.
    pub(crate) fn new() -> Plan {
        Plan { groups: (0..GROUPS).map(group).collect() }
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::forwarding(1, &[]);
        config.load_balancers[0].zones = Some(ZONES.map(str::to_owned).to_vec());
        config.groups.clear();
        config.listeners.clear();
        for (number, plan) in self.groups.iter().enumerate() {
            config.groups.push(plan.group(number));
            if plan.in_use {
                config.listeners.push(listener(number));
            }
        }
        config
    }
}

/// The port whose listener forwards to a group.
pub(crate) fn port(group: usize) -> u16 {
    8000 + group as u16
}

/// The zone of a machine, where zones matter: two of them are where the load balancer is not enabled.
pub(crate) fn zone(host: Host) -> Option<&'static str> {
    if group_of(host) != ZONAL {
        return None;
    }
    match host % HOSTS {
        48 | 49 => Some("c"),
        place => Some(ZONES[place % 2]),
    }
}

fn group(number: usize) -> GroupPlan {
    use Algorithm::{LeastOutstandingRequests, RoundRobin, WeightedRandom};
    let algorithm = match number {
        6 | 7 | 8 | 16 => LeastOutstandingRequests,
        9..=12 | 17 => WeightedRandom,
        _ => RoundRobin,
    };
    let mut attributes = GroupAttributes { algorithm, ..GroupAttributes::default() };
    let (interval, timeout, rise, fall) = match number {
        1 => (300, 10, 3, 2),
        3 | 11 => (270, 5, 2, 3),
        8 => (240, 4, 5, 2),
        15 => (150, 2, 10, 5),
        16 => (300, 30, 2, 3),
        17 => (300, 120, 4, 2),
        _ => (300, 5, 2, 2),
    };
    let ranges = match number {
        10 => vec![(200, 299)],
        16 => vec![(200, 200), (204, 204), (301, 302)],
        17 => vec![(200, 499)],
        _ => vec![(200, 200)],
    };
    let check = HealthCheck {
        enabled: number != UNCHECKED,
        port: if number % 4 == 1 { CheckPort::Fixed(9000) } else { CheckPort::Traffic },
        path: format!("/health/{number}"),
        interval: seconds(interval),
        timeout: seconds(timeout),
        healthy_threshold: rise,
        unhealthy_threshold: fall,
        matcher: Matcher { ranges },
        ..HealthCheck::default()
    };
    match number {
        2 => attributes.slow_start = seconds(900),
        3 => attributes.slow_start = seconds(600),
        5 => attributes.stickiness = Some(Stickiness::LoadBalancerCookie { duration: seconds(1800) }),
        6 => attributes.stickiness = Some(Stickiness::LoadBalancerCookie { duration: seconds(86_400) }),
        MITIGATED => attributes.anomaly_mitigation = true,
        ZONAL => attributes.cross_zone = false,
        BY_COUNT => attributes.unhealthy_state_routing = MinimumHealthy { count: Some(30), percentage: None },
        BY_SHARE => attributes.unhealthy_state_routing = MinimumHealthy { count: Some(1), percentage: Some(61) },
        _ => {}
    }
    if attributes.unhealthy_state_routing != MinimumHealthy::default() {
        // DNS failover comes no later (guide TGH-07).
        attributes.dns_failover = attributes.unhealthy_state_routing;
    }
    let targets = (0..TARGETS).map(|place| number * HOSTS + place).collect();
    GroupPlan { targets, check, attributes, in_use: true }
}

impl GroupPlan {
    fn group(&self, number: usize) -> TargetGroup {
        let [mut group] = <[TargetGroup; 1]>::try_from(Config::forwarding(1, &[]).groups).expect("one group");
        group.logical_id = format!("Group{number}");
        group.name = format!("group-{number}");
        group.arn = format!("{}-{number}", group.arn);
        group.health_check = self.check.clone();
        group.attributes = self.attributes.clone();
        group.targets = self.targets.iter().map(|&host| target(host, &group.state)).collect();
        group
    }

    pub(crate) fn sticky_for(&self) -> Option<Duration> {
        match self.attributes.stickiness {
            Some(Stickiness::LoadBalancerCookie { duration }) => Some(duration),
            _ => None,
        }
    }
}

fn target(host: Host, group: &GroupState) -> Target {
    Target::new(address(host).ip().to_string(), address(host), zone(host).map(str::to_owned), group)
}

fn listener(group: usize) -> Listener {
    let [mut listener] =
        <[Listener; 1]>::try_from(Config::forwarding(port(group), &[]).listeners).expect("one listener");
    let groups = vec![WeightedGroup { group: GroupId(group as u32), weight: 1 }];
    let action = Action::Forward(Forward { groups, stickiness: None });
    listener.rules = Ruleset::new(Vec::new(), action).expect("one action is a set of rules");
    listener
}
