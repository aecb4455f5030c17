//! How many instructions it takes to choose a target among 10, 100 and 1,000, by each algorithm: while all are idle, while all
//! have a request in progress, and while one alone has none. No sockets, no shard; what remains is the algorithm.

#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use gungraun::prelude::*;
use sluicegate::config::Config;
use sluicegate::target::{Algorithm, Eligible, GroupAttributes, Node, Outstanding};
use sluicegate::time::Mono;

const NOW: Mono = Mono::from_nanos(20_000_000_000);

/// A group, who of it is eligible, and the requests in progress.
struct Group {
    config: Config,
    eligible: Eligible,
    _in_progress: Vec<Outstanding>,
}

fn group(targets: u16, attributes: &GroupAttributes, busy: impl Fn(u16) -> bool) -> Group {
    let addresses: Vec<_> = (0..targets).map(|n| ([127, 0, 0, 1], 9000 + n).into()).collect();
    let config = Config::forwarding(80, &addresses);
    let targets = &config.groups[0].targets;
    for (target, number) in targets.iter().zip(0_u64..) {
        // A third starts slowly, a tenth has little weight: what is not asked for is not looked at.
        target.state.set_ramp((number % 3 == 0).then(|| Mono::from_nanos(number * 10_000_000)));
        target.state.set_weight(if number % 10 == 0 { 100 } else { 1000 });
    }
    let in_progress = targets.iter().zip(0..).filter(|&(_, number)| busy(number));
    let in_progress = in_progress.map(|(target, _)| Outstanding::new(&target.state)).collect();
    let eligible = Eligible::of(targets, attributes, false, Node::default(), NOW);
    Group { eligible, _in_progress: in_progress, config }
}

fn algorithm(algorithm: Algorithm) -> GroupAttributes {
    GroupAttributes { algorithm, ..GroupAttributes::default() }
}

fn in_turn(targets: u16) -> Group {
    group(targets, &algorithm(Algorithm::RoundRobin), |_| false)
}

fn slowly(targets: u16) -> Group {
    group(targets, &GroupAttributes { slow_start: Duration::from_secs(60), ..GroupAttributes::default() }, |_| false)
}

fn by_chance(targets: u16) -> Group {
    group(targets, &algorithm(Algorithm::WeightedRandom), |_| false)
}

fn by_weight(targets: u16) -> Group {
    let attributes = GroupAttributes { anomaly_mitigation: true, ..algorithm(Algorithm::WeightedRandom) };
    group(targets, &attributes, |_| false)
}

fn all_idle(targets: u16) -> Group {
    group(targets, &algorithm(Algorithm::LeastOutstandingRequests), |_| false)
}

fn all_busy(targets: u16) -> Group {
    group(targets, &algorithm(Algorithm::LeastOutstandingRequests), |_| true)
}

/// The one that is found last.
fn one_idle(targets: u16) -> Group {
    group(targets, &algorithm(Algorithm::LeastOutstandingRequests), |number| number + 1 != targets)
}

#[library_benchmark]
#[benches::round_robin(args = [10, 100, 1000], setup = in_turn)]
#[benches::slow_start(args = [10, 100, 1000], setup = slowly)]
#[benches::random(args = [10, 100, 1000], setup = by_chance)]
#[benches::weights(args = [10, 100, 1000], setup = by_weight)]
#[benches::fewest_of_idle(args = [10, 100, 1000], setup = all_idle)]
#[benches::fewest_of_busy(args = [10, 100, 1000], setup = all_busy)]
#[benches::fewest_is_the_last(args = [10, 100, 1000], setup = one_idle)]
fn pick(group: Group) -> Group {
    let state = &group.config.groups[0].state;
    black_box(black_box(&group.eligible).choose(black_box(state), NOW, |below| below / 2));
    group
}

library_benchmark_group!(name = picking, benchmarks = pick);
main!(library_benchmark_groups = picking);
