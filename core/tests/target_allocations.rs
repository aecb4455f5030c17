//! Choosing a target allocates nothing, by whichever algorithm.

mod counting;

use std::time::Duration;

use counting::allocations;
use sluicegate::config::Config;
use sluicegate::target::{Algorithm, Eligible, GroupAttributes, Node, Outstanding};
use sluicegate::time::Mono;

#[test]
fn choosing_and_counting_allocate_nothing() {
    let addresses: Vec<_> = (0..100).map(|n| ([127, 0, 0, 1], 9000 + n).into()).collect();
    let config = Config::forwarding(80, &addresses);
    let group = &config.groups[0];
    for target in &group.targets[..30] {
        target.state.set_ramp(Some(Mono::from_nanos(u64::from(target.address.port()))));
        target.state.set_weight(100);
    }
    let now = Mono::from_nanos(20_000_000_000);
    for algorithm in [Algorithm::RoundRobin, Algorithm::LeastOutstandingRequests, Algorithm::WeightedRandom] {
        for (anomaly_mitigation, slow_start) in [(false, Duration::ZERO), (true, Duration::from_secs(60))] {
            let attributes =
                GroupAttributes { algorithm, anomaly_mitigation, slow_start, ..GroupAttributes::default() };
            let eligible = Eligible::of(&group.targets, &attributes, false, Node::default(), now);
            let mut chance = fastrand::Rng::with_seed(1);
            let work = || {
                for _ in 0..1000 {
                    let place = eligible.choose(&group.state, now, |below| chance.u64(..below)).expect("a target");
                    drop(Outstanding::new(&group.targets[place].state));
                    assert!(eligible.has(place) && !eligible.is_outdated(now));
                }
            };
            assert_eq!(allocations(work), 0, "{attributes:?}");
        }
    }
}
