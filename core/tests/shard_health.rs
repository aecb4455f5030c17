//! Health checks, as targets and requests notice them: when each begins, what it asks, what its outcome changes.

mod health_support;

use std::sync::Arc;

use health_support::{Manner, World, address, config, health, second};
use sluicegate::config::HealthCheck;
use sluicegate::target::health::{Failure, Status};

fn default() -> HealthCheck {
    HealthCheck::default()
}

#[test]
fn a_new_target_is_checked_at_once_and_one_success_brings_it_into_service() {
    let config = Arc::new(config(&[9001], default()));
    let world = World::new(&config);
    assert_eq!(world.times(address(9001)), [second(1000)]);
    assert_eq!(health(&config, 0).status, Status::Healthy);
    let census = world.shard(0).census();
    assert_eq!((census.probes, census.backs, census.memory.lent), (0, 0, 0));
    assert!(world.open.is_empty(), "the connection is closed");
}

#[test]
fn two_failures_in_a_row_take_a_target_out_of_service() {
    let config = Arc::new(config(&[9001], default()));
    let mut world = World::new(&config);
    world.manners.insert(address(9001), Manner::status(503));
    world.pass(31);
    assert_eq!((health(&config, 0).status, world.checks.len()), (Status::Healthy, 2));
    world.pass(30);
    assert_eq!(health(&config, 0).status, Status::Unhealthy(Failure::CodeMismatch(503)));
}
