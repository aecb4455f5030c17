//! Anomaly detection and mitigation in simulated groups (guide ATW-01 to ATW-04): how fast one bad target is found, that nobody
//! is accused without reason, what becomes of its share of the requests. Every number comes from a seed.

use std::net::SocketAddr;

use sluicegate::config::Config;
use sluicegate::target::anomaly::{PERIOD, Watch};
use sluicegate::target::{Algorithm, GroupAttributes, Health, Target};
use sluicegate::time::Mono;

const PARITY: u32 = 1000;
const FLOOR: u32 = 50;

/// A group with its requests, in virtual time.
struct World {
    targets: Vec<Target>,
    /// How often each target fails.
    rates: Vec<f64>,
    attributes: GroupAttributes,
    watch: Watch,
    chance: fastrand::Rng,
    now: Mono,
    /// Requests that each target has had.
    served: Vec<u64>,
}

impl World {
    fn new(number: u16, rate: f64, seed: u64) -> World {
        let addresses: Vec<_> = (1..=number).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
        let targets = Config::forwarding(80, &addresses).groups.remove(0).targets;
        let rates = vec![rate; targets.len()];
        let served = vec![0; targets.len()];
        let attributes = GroupAttributes {
            algorithm: Algorithm::WeightedRandom,
            anomaly_mitigation: true,
            ..GroupAttributes::default()
        };
        let chance = fastrand::Rng::with_seed(seed);
        World { targets, rates, attributes, watch: Watch::default(), chance, now: Mono::from_nanos(1), served }
    }

    /// A period with so many requests, spread by weight, and the review that ends it.
    fn period(&mut self, requests: u64) -> bool {
        let weights = self.weights();
        let total = weights.iter().sum::<u32>();
        for _ in 0..requests {
            let mut ticket = self.chance.u32(..total);
            let mut target = 0;
            while ticket >= weights[target] {
                ticket -= weights[target];
                target += 1;
            }
            self.served[target] += 1;
            self.targets[target].state.tell(self.chance.f64() < self.rates[target]);
        }
        self.review()
    }

    fn periods(&mut self, number: usize, requests: u64) {
        for _ in 0..number {
            self.period(requests);
        }
    }

    fn review(&mut self) -> bool {
        self.now = self.now.after(PERIOD);
        self.watch.review(&self.targets, &self.attributes, false, self.now)
    }

    fn anomalous(&self) -> Vec<usize> {
        (0..self.targets.len()).filter(|&target| self.targets[target].state.is_anomalous()).collect()
    }

    fn weights(&self) -> Vec<u32> {
        self.targets.iter().map(|target| target.state.weight()).collect()
    }

    /// Reviews until these and only these are anomalous; at most `most`.
    fn until(&mut self, wanted: &[usize], requests: u64, most: usize) -> Option<usize> {
        (1..=most).find(|_| {
            self.period(requests);
            self.anomalous() == wanted
        })
    }
}

/// How many requests the bad target of ten has had when it is found, in the median and at most, of 100 groups that begin with
/// it, or in which it begins to fail after a good minute. Each target has about ten requests between reviews.
fn found_after(rate: f64, good_minute: bool) -> (u64, u64) {
    let needed = |seed| {
        let mut world = World::new(10, 0.01, seed);
        for _ in 0..if good_minute { 12 } else { 0 } {
            world.period(100);
        }
        assert_eq!(world.anomalous(), [0; 0]);
        let before = world.served[3];
        world.rates[3] = rate;
        world.until(&[3], 100, 1000).unwrap_or_else(|| panic!("seed {seed}: not found"));
        world.served[3] - before
    };
    let mut needed: Vec<u64> = (0..100).map(needed).collect();
    needed.sort_unstable();
    println!("{rate} against 0.01, after a good minute {good_minute}: median {}, at most {}", needed[50], needed[99]);
    (needed[50], needed[99])
}

#[test]
fn one_bad_target_of_ten_is_found_within_a_few_requests() {
    let bounds = [
        (1.0, false, 15, 25),
        (1.0, true, 25, 40),
        (0.5, false, 40, 80),
        (0.5, true, 50, 80),
        (0.2, false, 140, 500),
        (0.2, true, 140, 500),
    ];
    for (rate, good_minute, median, most) in bounds {
        let (half, all) = found_after(rate, good_minute);
        assert!(half <= median && all <= most, "{rate} {good_minute}: {half}, {all}");
    }
}

#[test]
fn nobody_is_accused_while_all_fail_equally_often() {
    // 20,000 reviews at one in ten million each: all four together promise less than one accusation in a hundred runs.
    for (seed, rate) in [0.0, 0.01, 0.1, 0.5].into_iter().enumerate() {
        let mut world = World::new(10, rate, seed as u64);
        for review in 0..20_000 {
            let requests = world.chance.u64(..100);
            assert!(!world.period(requests), "{rate}, review {review}: {:?}", world.anomalous());
        }
    }
}

#[test]
fn the_share_of_a_bad_target_falls_to_the_floor_and_returns_to_parity_step_by_step() {
    let mut world = World::new(10, 0.01, 1);
    world.rates[3] = 0.5;
    world.until(&[3], 1000, 10).expect("it is found");
    let mut falling = vec![world.weights()[3]];
    while falling.last() != Some(&FLOOR) {
        assert!(world.period(1000));
        falling.push(world.weights()[3]);
    }
    assert_eq!(falling, [500, 250, 125, 62, 50]);
    assert!(!world.period(1000), "nothing changes on the floor");
    let before = world.served[3];
    world.period(10_000);
    let probes = world.served[3] - before;
    assert!((40..=75).contains(&probes), "{probes} of 10,000 are 50 in 9,050");
    assert!(world.weights().iter().enumerate().all(|(target, &weight)| target == 3 || weight == PARITY));

    world.rates[3] = 0.01;
    let reviews = world.until(&[], 1000, 100).expect("it is released");
    println!("released after {reviews} reviews of 1,000 requests");
    assert!(reviews <= 12, "{reviews}");
    let mut rising = vec![world.weights()[3]];
    while rising.last() != Some(&PARITY) {
        assert!(world.period(1000));
        rising.push(world.weights()[3]);
    }
    assert_eq!(rising, [150, 250, 350, 450, 550, 650, 750, 850, 950, 1000]);
    assert!(!world.period(1000), "and nothing changes at parity");
}

#[test]
fn a_target_that_goes_on_failing_is_not_released() {
    // A day of reviews for each rate; a release is allowed once in a thousand requests that the target still gets.
    for (seed, rate) in [0.1, 0.2, 0.5, 1.0].into_iter().enumerate() {
        let mut world = World::new(10, 0.01, seed as u64);
        world.rates[3] = rate;
        world.until(&[3], 1000, 100).expect("it is found");
        let (mut releases, before) = (0, world.served[3]);
        for _ in 0..17_280 {
            let was = !world.anomalous().is_empty();
            world.period(100);
            releases += u64::from(was && world.anomalous().is_empty());
        }
        let heard = world.served[3] - before;
        println!("{rate}: {releases} releases in {heard} requests of a day");
        assert!(releases <= heard / 1000, "{rate}: {releases} in {heard}");
    }
}

#[test]
fn two_bad_targets_of_ten_are_both_found_and_nobody_else() {
    for seed in 0..50 {
        let mut world = World::new(10, 0.01, seed);
        (world.rates[2], world.rates[7]) = (0.5, 0.5);
        let reviews = world.until(&[2, 7], 200, 20).unwrap_or_else(|| panic!("seed {seed}"));
        assert!(reviews <= 6, "seed {seed}: {reviews}");
        for _ in 0..12 {
            world.period(200);
            assert_eq!(world.anomalous(), [2, 7], "seed {seed}");
        }
        assert_eq!((world.weights()[2], world.weights()[7]), (FLOOR, FLOOR));
    }
}

#[test]
fn half_of_a_group_is_no_exception_and_keeps_its_requests() {
    let mut world = World::new(10, 0.01, 1);
    world.rates[..4].fill(0.9);
    world.until(&[0, 1, 2, 3], 1000, 20).expect("they are found");
    world.periods(10, 1000);
    assert_eq!(world.weights()[..5], [FLOOR, FLOOR, FLOOR, FLOOR, PARITY], "fewer than half are spared");
    world.rates[4] = 0.9;
    world.until(&[0, 1, 2, 3, 4], 1000, 20).expect("the fifth is found");
    world.periods(10, 1000);
    assert_eq!(world.weights(), [PARITY; 10], "the others could not bear it");
    assert_eq!(world.anomalous(), [0, 1, 2, 3, 4], "the result tells nevertheless");
}

#[test]
fn in_low_traffic_nobody_is_accused_of_a_handful_of_errors() {
    let mut world = World::new(3, 0.0, 1);
    // Seven errors in a row within a minute prove nothing yet, where others were spared.
    for _ in 0..7 {
        world.targets[0].state.tell(true);
        (1..3).for_each(|target| (0..2).for_each(|_| world.targets[target].state.tell(false)));
        world.review();
        assert_eq!(world.anomalous(), [0; 0]);
    }
    // The only target that has requests has nobody to be compared with.
    for _ in 0..100 {
        world.targets[0].state.tell(true);
        world.review();
        assert_eq!(world.anomalous(), [0; 0]);
    }
}

#[test]
fn no_requests_are_no_evidence_until_five_minutes_have_passed() {
    let mut world = World::new(10, 0.01, 1);
    world.rates[3] = 1.0;
    world.until(&[3], 1000, 10).expect("it is found");
    for _ in 0..59 {
        world.review();
        assert_eq!(world.anomalous(), [3]);
    }
    assert!(world.review());
    assert_eq!((world.anomalous().len(), world.weights()[3]), (0, FLOOR + 100), "the benefit of the doubt, gradually");
    world.period(1000);
    assert_eq!(world.anomalous(), [3], "and it is found again at once");
}

#[test]
fn a_few_good_answers_do_not_release() {
    let mut world = World::new(10, 0.0, 1);
    world.rates[3] = 1.0;
    world.until(&[3], 1000, 10).expect("it is found");
    world.periods(13, 0);
    for answers in 1..=10 {
        world.targets.iter().for_each(|target| target.state.tell(false));
        (0..100).for_each(|_| world.targets[0].state.tell(false));
        world.review();
        assert_eq!(world.anomalous().len(), usize::from(answers < 10), "{answers}");
    }
}

#[test]
fn detection_is_always_on_and_mitigation_only_as_the_attributes_say() {
    let mut world = World::new(10, 0.01, 1);
    world.rates[3] = 0.5;
    for (algorithm, on) in
        [(Algorithm::RoundRobin, true), (Algorithm::LeastOutstandingRequests, true), (Algorithm::WeightedRandom, false)]
    {
        (world.attributes.algorithm, world.attributes.anomaly_mitigation) = (algorithm, on);
        world.periods(12, 1000);
        assert_eq!((world.anomalous(), world.weights()), (vec![3], vec![PARITY; 10]), "{algorithm:?}");
    }
    world.attributes.anomaly_mitigation = true;
    world.periods(5, 1000);
    assert_eq!(world.weights()[3], FLOOR);
    world.attributes.anomaly_mitigation = false;
    assert!(world.period(1000));
    assert_eq!((world.anomalous(), world.weights()), (vec![3], vec![PARITY; 10]), "back at once");
}

#[test]
fn fewer_than_three_healthy_targets_are_all_normal() {
    let mut world = World::new(4, 0.01, 1);
    let review = |healthy: usize, world: &mut World| {
        for (place, target) in world.targets.iter().enumerate() {
            target.state.set_health(if place < healthy { Health::HEALTHY } else { Health::NEW });
            (0..100).for_each(|_| target.state.tell(place == 0));
        }
        world.now = world.now.after(PERIOD);
        world.watch.review(&world.targets, &world.attributes, true, world.now);
        world.anomalous()
    };
    for (healthy, found) in [(2, vec![]), (3, vec![0]), (2, vec![]), (4, vec![0]), (0, vec![])] {
        assert_eq!(review(healthy, &mut world), found, "{healthy} healthy");
        assert_eq!(world.targets[0].state.health().is_healthy(), healthy > 0, "a result is no health");
    }
    // Without health checks nothing is known of anybody's health, and all count.
    world.period(1000);
    world.rates[0] = 1.0;
    world.until(&[0], 1000, 2).expect("it is found");
}

#[test]
fn a_target_is_remembered_wherever_it_stands_and_forgotten_when_it_is_gone() {
    let mut world = World::new(10, 0.01, 1);
    world.rates[3] = 0.5;
    world.until(&[3], 1000, 10).expect("it is found");
    world.targets.reverse();
    world.rates.reverse();
    world.periods(5, 1000);
    assert_eq!((world.anomalous(), world.weights()[6]), (vec![6], FLOOR));
    let gone = world.targets.remove(6);
    world.rates.remove(6);
    world.period(1000);
    assert_eq!(world.anomalous(), [0; 0]);
    gone.state.register();
    world.targets.push(gone);
    world.rates.push(0.01);
    world.served.push(0);
    for _ in 0..12 {
        world.period(1000);
        assert_eq!((world.anomalous(), world.weights()), (vec![], vec![PARITY; 10]), "it begins anew");
    }
}

#[test]
fn another_shard_goes_on_where_the_last_one_stopped() {
    let mut world = World::new(10, 0.01, 1);
    world.rates[3] = 0.2;
    world.until(&[3], 1000, 10).expect("it is found");
    world.periods(5, 1000);
    world.watch = Watch::default();
    for _ in 0..100 {
        world.period(1000);
        assert_eq!((world.anomalous(), world.weights()[3]), (vec![3], FLOOR));
    }
    world.watch = Watch::default();
    world.rates[3] = 0.01;
    let reviews = world.until(&[], 1000, 100).expect("it is released");
    assert!(reviews <= 15, "{reviews}");
}

#[test]
fn a_difference_too_small_to_matter_is_left_alone() {
    for (rate, found) in [(0.015, false), (0.025, true)] {
        let mut world = World::new(10, 0.01, 1);
        world.rates[3] = rate;
        for _ in 0..24 {
            world.period(50_000);
        }
        assert_eq!(!world.anomalous().is_empty(), found, "{rate}");
    }
}

#[test]
fn who_joins_while_all_fail_is_not_accused_of_it() {
    let mut world = World::new(11, 0.0, 1);
    let late = world.targets.pop().expect("the last one");
    for _ in 0..11 {
        world.period(1000);
    }
    world.targets.push(late);
    world.rates.fill(1.0);
    world.period(1000);
    assert_eq!(world.anomalous(), [0; 0], "in that bucket all failed alike");
}
