//! What is told of targets, as `describe-target-health` tells it (guide HC-18 to HC-23, DRAIN-03): from the configuration and
//! the state that shards share, at a moment.

use std::borrow::Cow;

use super::{Config, GroupId, Target, TargetGroup};
use crate::target::Node;
use crate::target::health::Status;
use crate::time::Mono;

/// One target and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealthDescription {
    /// As it was registered.
    pub id: String,
    /// The port of its requests.
    pub port: u16,
    /// Its availability zone, if one was named.
    pub zone: Option<String>,
    /// Where it is checked; `None` of a target that is not registered.
    pub health_check_port: Option<u16>,
    /// In which state it is, and why.
    pub health: TargetHealth,
    /// How it compares to its peers; only of targets that may get requests.
    pub anomaly: Option<AnomalyDetection>,
}

/// A state with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// `initial`, `healthy`, `unhealthy`, `unused`, `draining` or `unavailable` (HC-18).
    pub state: &'static str,
    /// The reason code; `None` while it is healthy (HC-23).
    pub reason: Option<&'static str>,
    /// The reason in a sentence.
    pub description: Option<Cow<'static, str>>,
}

/// What anomaly detection says of a target (guide ATW-02, ATW-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnomalyDetection {
    /// It fails significantly more often than its peers.
    pub is_anomalous: bool,
    /// It gets less than a normal target because of that.
    pub mitigation_in_effect: bool,
}

impl Config {
    /// How the targets of a group are: the registered ones, then those whose deregistration delay is not over.
    pub fn target_health(&self, group: GroupId, now: Mono) -> Vec<TargetHealthDescription> {
        let Some(known) = self.group(group) else { return Vec::new() };
        let node = self.is_in_use(group).then(|| self.node_of(group));
        let registered = known.targets.iter().map(|target| known.registered(target, node));
        registered.chain(known.leaving(now)).collect()
    }

    /// The groups that are gone, each with its targets whose deregistration delay is not over.
    pub fn departed_target_health(
        &self,
        now: Mono,
    ) -> impl Iterator<Item = (&TargetGroup, Vec<TargetHealthDescription>)> {
        let told = self.departed.iter().map(move |group| (group, group.leaving(now).collect::<Vec<_>>()));
        told.filter(|(_, targets)| !targets.is_empty())
    }

    /// How one target is, by what it was registered as: one that is not registered is `unused` (HC-21).
    pub fn target_health_of(&self, group: GroupId, id: &str, port: u16, now: Mono) -> TargetHealthDescription {
        let known = self.target_health(group, now).into_iter().find(|target| target.id == id && target.port == port);
        known.unwrap_or_else(|| TargetHealthDescription {
            id: id.to_owned(),
            port,
            zone: None,
            health_check_port: None,
            health: TargetHealth::NOT_REGISTERED,
            anomaly: None,
        })
    }
}

impl TargetGroup {
    /// `node` is that of the load balancer, if one uses the group.
    fn registered(&self, target: &Target, node: Option<Node<'_>>) -> TargetHealthDescription {
        let is_reached = node.is_some_and(|node| node.reaches(target, true));
        let health = match node {
            None => TargetHealth::NOT_IN_USE,
            Some(_) if !is_reached => TargetHealth::ZONE_NOT_ENABLED,
            Some(_) if !self.health_check.enabled => TargetHealth::UNCHECKED,
            Some(_) => TargetHealth::of(target.state.health().status),
        };
        let mitigates = self.attributes.mitigates();
        let anomaly = is_reached.then(|| AnomalyDetection {
            is_anomalous: target.state.is_anomalous(),
            mitigation_in_effect: mitigates && target.state.is_mitigated(),
        });
        self.told(target, health, anomaly)
    }

    fn leaving(&self, now: Mono) -> impl Iterator<Item = TargetHealthDescription> {
        let drains = move |target: &&Target| target.state.drained().is_some_and(|deadline| deadline > now);
        self.draining.iter().filter(drains).map(|target| self.told(target, TargetHealth::DRAINING, None))
    }

    fn told(
        &self,
        target: &Target,
        health: TargetHealth,
        anomaly: Option<AnomalyDetection>,
    ) -> TargetHealthDescription {
        TargetHealthDescription {
            id: target.id.clone(),
            port: target.address.port(),
            zone: target.zone.clone(),
            health_check_port: Some(self.health_check.address(target.address).port()),
            health,
            anomaly,
        }
    }
}

impl TargetHealth {
    const NOT_REGISTERED: TargetHealth =
        because("unused", "Target.NotRegistered", "Target is not registered to the target group");
    const NOT_IN_USE: TargetHealth = because(
        "unused",
        "Target.NotInUse",
        "Target group is not configured to receive traffic from the load balancer",
    );
    const ZONE_NOT_ENABLED: TargetHealth = because(
        "unused",
        "Target.NotInUse",
        "Target is in an Availability Zone that is not enabled for the load balancer",
    );
    const DRAINING: TargetHealth =
        because("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress");
    const UNCHECKED: TargetHealth = because("unavailable", "Target.HealthCheckDisabled", "Health checks are disabled");

    fn of(status: Status) -> TargetHealth {
        TargetHealth {
            state: status.state(),
            reason: status.reason(),
            description: status.description().map(Cow::Owned),
        }
    }
}

const fn because(state: &'static str, reason: &'static str, description: &'static str) -> TargetHealth {
    TargetHealth { state, reason: Some(reason), description: Some(Cow::Borrowed(description)) }
}

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;
    use core::time::Duration;

    use super::*;
    use crate::config::HealthCheck;
    use crate::rules::{Action, Forward, Ruleset, WeightedGroup};
    use crate::target::CheckPort;

    const PARITY: u32 = 1000;

    use crate::target::health::{Failure, Health};

    const GROUP: GroupId = GroupId(0);

    fn at(seconds: u64) -> Mono {
        Mono::default().after(Duration::from_secs(seconds))
    }

    fn config(ports: &[u16]) -> Config {
        let targets: Vec<_> = ports.iter().map(|&port| SocketAddr::from(([10, 0, 0, 7], port))).collect();
        let mut config = Config::forwarding(80, &targets);
        config.groups[0].health_check = HealthCheck::default();
        config
    }

    fn told(config: &Config, now: Mono) -> Vec<(u16, &'static str, Option<&'static str>)> {
        let told = config.target_health(GROUP, now).into_iter();
        told.map(|target| (target.port, target.health.state, target.health.reason)).collect()
    }

    #[test]
    fn a_checked_target_is_as_its_checks_say() {
        let config = config(&[1]);
        let target = &config.groups[0].targets[0];
        let unhealthy = Health { status: Status::Unhealthy(Failure::CodeMismatch(503)), streak: 0 };
        for (health, state, reason) in [
            (Health::NEW, "initial", Some("Elb.RegistrationInProgress")),
            (Health::NEW.begun(), "initial", Some("Elb.InitialHealthChecking")),
            (Health::HEALTHY, "healthy", None),
            (unhealthy, "unhealthy", Some("Target.ResponseCodeMismatch")),
        ] {
            target.state.set_health(health);
            assert_eq!(told(&config, at(1)), [(1, state, reason)]);
        }
        let [target] = &config.target_health(GROUP, at(1))[..] else { panic!("one target") };
        assert_eq!(target.health.description.as_deref(), Some("Health checks failed with these codes: [503]"));
        assert_eq!((&*target.id, target.health_check_port), ("10.0.0.7", Some(1)));
    }

    #[test]
    fn the_port_of_its_checks_is_told_beside_that_of_its_requests() {
        let mut config = config(&[9000]);
        config.groups[0].health_check.port = CheckPort::Fixed(81);
        let [target] = &config.target_health(GROUP, at(1))[..] else { panic!("one target") };
        assert_eq!((target.port, target.health_check_port), (9000, Some(81)));
    }

    #[test]
    fn without_checks_targets_are_unavailable() {
        let mut config = config(&[1]);
        config.groups[0].health_check = HealthCheck::disabled();
        assert_eq!(told(&config, at(1)), [(1, "unavailable", Some("Target.HealthCheckDisabled"))]);
        let text = config.target_health(GROUP, at(1)).remove(0).health.description;
        assert_eq!(text.as_deref(), Some("Health checks are disabled"));
    }

    #[test]
    fn targets_of_a_group_that_no_listener_forwards_to_are_unused() {
        let mut config = config(&[1]);
        config.groups[0].targets[0].state.set_health(Health::HEALTHY);
        let elsewhere = WeightedGroup { group: GroupId(7), weight: 1 };
        let action = Action::Forward(Forward { groups: vec![elsewhere], stickiness: None });
        config.listeners[0].rules = Ruleset::new(Vec::new(), action).expect("no rules contradict each other");
        assert!(!config.is_in_use(GROUP));
        assert_eq!(told(&config, at(1)), [(1, "unused", Some("Target.NotInUse"))]);
        let target = config.target_health(GROUP, at(1)).remove(0);
        let text = "Target group is not configured to receive traffic from the load balancer";
        assert_eq!((target.health.description.as_deref(), target.anomaly), (Some(text), None));
    }

    #[test]
    fn targets_in_zones_that_are_not_enabled_are_unused() {
        let mut config = config(&[1, 2, 3]);
        config.load_balancers[0].zones = Some(vec!["a".to_owned()]);
        config.groups[0].targets[0].zone = Some("a".to_owned());
        config.groups[0].targets[1].zone = Some("b".to_owned());
        let initial = |port| (port, "initial", Some("Elb.RegistrationInProgress"));
        assert_eq!(told(&config, at(1)), [initial(1), (2, "unused", Some("Target.NotInUse")), initial(3)]);
        let unused = config.target_health(GROUP, at(1)).remove(1);
        let text = "Target is in an Availability Zone that is not enabled for the load balancer";
        assert_eq!((unused.health.description.as_deref(), unused.anomaly), (Some(text), None));
    }

    #[test]
    fn a_removed_target_is_draining_until_its_delay_is_over_and_then_not_registered() {
        let config = config(&[2]).next(&config(&[1, 2]), at(10));
        let draining = (1, "draining", Some("Target.DeregistrationInProgress"));
        assert_eq!(told(&config, at(10))[1..], [draining]);
        assert_eq!(told(&config, at(310 - 1))[1..], [draining]);
        assert_eq!(told(&config, at(310)).len(), 1);
        let health = |now| config.target_health_of(GROUP, "10.0.0.7", 1, now).health;
        assert_eq!((health(at(309)).state, health(at(310)).state), ("draining", "unused"));
        assert_eq!(health(at(309)).description.as_deref(), Some("Target deregistration is in progress"));
        assert_eq!(health(at(310)).reason, Some("Target.NotRegistered"));
        assert_eq!(health(at(310)).description.as_deref(), Some("Target is not registered to the target group"));
    }

    #[test]
    fn the_targets_of_a_group_that_is_gone_are_draining_until_their_delay_is_over() {
        let mut other = config(&[9]);
        other.groups[0].arn.push('x');
        let old = config(&[1, 2]);
        let arn = old.groups[0].arn.clone();
        let config = other.next(&old, at(10));
        assert_eq!(told(&config, at(10)), [(9, "initial", Some("Elb.RegistrationInProgress"))]);
        let departed = |now| config.departed_target_health(now).map(|(group, told)| (group.arn.clone(), told));
        let [(group, targets)] = &departed(at(309)).collect::<Vec<_>>()[..] else { panic!("one group is gone") };
        assert_eq!(*group, arn);
        assert_eq!(
            targets.iter().map(|target| (target.port, target.health.state)).collect::<Vec<_>>(),
            [(1, "draining"), (2, "draining")]
        );
        assert_eq!(departed(at(310)).count(), 0);
    }

    #[test]
    fn a_target_is_found_by_what_it_was_registered_as() {
        let config = config(&[1]);
        let state = |id, port| config.target_health_of(GROUP, id, port, at(1)).health.state;
        assert_eq!([state("10.0.0.7", 1), state("10.0.0.7", 2), state("10.0.0.8", 1)], ["initial", "unused", "unused"]);
    }

    #[test]
    fn mitigation_is_in_effect_while_it_is_on_and_a_target_gets_less_than_its_peers() {
        let mut config = config(&[1]);
        let state = std::sync::Arc::clone(&config.groups[0].targets[0].state);
        state.set_anomalous(true);
        let anomaly = |config: &Config| {
            let anomaly = config.target_health(GROUP, at(1)).remove(0).anomaly.expect("it is in use");
            (anomaly.is_anomalous, anomaly.mitigation_in_effect)
        };
        assert_eq!(anomaly(&config), (true, false));
        state.set_weight(PARITY - 1);
        assert_eq!(anomaly(&config), (true, false), "it is off");
        config.groups[0].attributes.anomaly_mitigation = true;
        assert_eq!(anomaly(&config), (true, false), "the algorithm takes no weights");
        config.groups[0].attributes.algorithm = crate::target::Algorithm::WeightedRandom;
        assert_eq!(anomaly(&config), (true, true));
        state.set_anomalous(false);
        assert_eq!(anomaly(&config), (false, true), "it gets its share back bit by bit");
        state.set_weight(PARITY);
        assert_eq!(anomaly(&config), (false, false));
    }
}
