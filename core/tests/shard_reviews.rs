//! Comparing the errors of many targets takes several turns, so that no request waits for all of it.

use std::sync::Arc;

use sluicegate::config::{Config, GroupAttributes, GroupState, HealthCheck, Target, TargetGroup};
use sluicegate::rules::{Action, Forward, GroupId, Ruleset, WeightedGroup};
use sluicegate::shard::{Options, Shard};
use sluicegate::target::Algorithm;
use sluicegate::time::{Mono, Now, Wall};

fn at(seconds: u64) -> Now {
    Now { mono: Mono::from_nanos(seconds * 1_000_000_000), wall: Wall::from_micros(seconds * 1_000_000) }
}

/// A rule that forwards to five groups of so many targets, whose anomalies are mitigated.
fn config(targets: u16) -> Config {
    let mut config = Config::forwarding(80, &[]);
    let attributes = GroupAttributes {
        algorithm: Algorithm::WeightedRandom,
        anomaly_mitigation: true,
        ..GroupAttributes::default()
    };
    let group = |number: u32| {
        let state = Arc::new(GroupState::default());
        let target = |port| Target::new(port.to_string(), ([127, 0, 0, 1], port).into(), None, &state);
        let targets = (0..targets).map(|place| target(1 + place)).collect();
        TargetGroup {
            logical_id: format!("Group{number}"),
            name: format!("group{number}"),
            arn: format!("arn:aws:elasticloadbalancing:local:000000000000:targetgroup/group{number}/0123456789abcdef"),
            protocol: config.groups[0].protocol,
            protocol_version: config.groups[0].protocol_version,
            health_check: HealthCheck::disabled(),
            attributes: attributes.clone(),
            targets,
            draining: Vec::new(),
            position: Default::default(),
            state,
        }
    };
    let groups = (0..5).map(group).collect();
    let weighted = (0..5).map(|number| WeightedGroup { group: GroupId(number), weight: 1 }).collect();
    let action = Action::Forward(Forward { groups: weighted, stickiness: None });
    config.listeners[0].rules = Ruleset::new(Vec::new(), action).expect("a set of rules");
    config.groups = groups;
    config
}

/// How many turns at that moment it takes until nothing is due any more, and what is due then.
fn turns(shard: &mut Shard, now: Now) -> (usize, Option<Mono>) {
    for number in 1.. {
        let next = shard.turn(now).finish();
        if next.is_none_or(|next| next > now.mono) {
            return (number, next);
        }
    }
    unreachable!("it ends")
}

#[test]
fn errors_of_five_hundred_targets_are_compared_in_a_turn_and_all_of_them_every_five_seconds() {
    for (targets, expected) in [(50, 1), (600, 5)] {
        let mut shard = Shard::new(Arc::new(config(targets)), Options::default(), 1);
        assert_eq!(turns(&mut shard, at(0)).1, Some(at(5).mono));
        assert_eq!(turns(&mut shard, at(5)), (expected, Some(at(10).mono)), "{targets} targets in each group");
        assert_eq!(turns(&mut shard, at(10)), (expected, Some(at(15).mono)), "{targets} targets in each group");
    }
}
