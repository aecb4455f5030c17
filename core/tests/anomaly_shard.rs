//! Anomaly mitigation from end to end: answers of targets come through a shard, a review finds the bad one, and the shard sends
//! it less (guide ATW-01 to ATW-04).

use std::net::SocketAddr;
use std::sync::Arc;

use sluicegate::config::Config;
use sluicegate::shard::{DialError, Effect, Endpoints, ListenerId, Options, Shard};
use sluicegate::target::Algorithm;
use sluicegate::target::anomaly::{PERIOD, Watch};
use sluicegate::time::{Mono, Now, Wall};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const BAD: &[u8] = b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

struct Scene {
    config: Arc<Config>,
    shard: Shard,
    watch: Watch,
    mono: Mono,
}

/// What the bad target does to its requests.
#[derive(Clone, Copy)]
enum Bad {
    Fails,
    Refuses,
    Recovered,
}

fn ends() -> Endpoints {
    Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() }
}

fn bad_target() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9003))
}

impl Scene {
    fn new(algorithm: Algorithm) -> Scene {
        let targets: Vec<_> = (9001..=9010).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
        let mut config = Config::forwarding(80, &targets);
        config.groups[0].attributes.algorithm = algorithm;
        config.groups[0].attributes.anomaly_mitigation = true;
        let config = Arc::new(config);
        let shard = Shard::new(Arc::clone(&config), Options::default(), 7);
        Scene { config, shard, watch: Watch::default(), mono: Mono::from_nanos(1) }
    }

    fn now(&self) -> Now {
        Now { mono: self.mono, wall: Wall::from_micros(0) }
    }

    /// One request; whether the bad target had it.
    fn request(&mut self, bad: Bad) -> bool {
        let mut turn = self.shard.turn(self.now());
        let client = turn.accepted(ListenerId(80), ends()).unwrap();
        turn.wire(client).unwrap().offer(REQUEST);
        let Some(Effect::Dial { wire, address }) = turn.next_effect() else { panic!("a target is dialed") };
        let is_bad = address == bad_target();
        if is_bad && matches!(bad, Bad::Refuses) {
            turn.dialed(wire, Err(DialError::Refused));
        } else {
            turn.dialed(wire, Ok(ends()));
            let mut target = turn.wire(wire).unwrap();
            {
                let all = target.pending().len();
                target.sent(all)
            };
            target.offer(if is_bad && matches!(bad, Bad::Fails) { BAD } else { GOOD });
        }
        let mut client = turn.wire(client).unwrap();
        {
            let all = client.pending().len();
            client.sent(all)
        };
        client.lost();
        if let Some(mut target) = turn.wire(wire) {
            target.lost();
        }
        while turn.next_effect().is_some() {}
        let _ = turn.finish();
        is_bad
    }

    /// Five seconds with 200 requests, and a review: how many of them the bad target had.
    fn period(&mut self, bad: Bad) -> usize {
        let had = (0..200).filter(|_| self.request(bad)).count();
        self.mono = self.mono.after(PERIOD);
        let group = &self.config.groups[0];
        if self.watch.review(&group.targets, &group.attributes, group.health_check.enabled, self.mono) {
            group.state.changed();
        }
        had
    }

    fn periods(&mut self, number: usize, bad: Bad) -> usize {
        (0..number).map(|_| self.period(bad)).sum()
    }
}

#[test]
fn a_target_that_fails_gets_a_twentieth_of_its_share_until_it_has_recovered() {
    for bad in [Bad::Fails, Bad::Refuses] {
        let mut scene = Scene::new(Algorithm::WeightedRandom);
        let before = scene.periods(10, Bad::Recovered);
        assert!((150..250).contains(&before), "{before} of 2,000 are about a tenth");
        scene.periods(10, bad);
        let during = scene.periods(10, bad);
        assert!((2..25).contains(&during), "{during} of 2,000 are about 11");
        assert!(scene.config.groups[0].targets[2].state.is_anomalous());
        scene.periods(40, Bad::Recovered);
        let after = scene.periods(10, Bad::Recovered);
        assert!((150..250).contains(&after), "{after} of 2,000 are about a tenth again");
        assert!(scene.config.groups[0].targets.iter().all(|target| !target.state.is_anomalous()));
    }
}

#[test]
fn another_algorithm_finds_it_and_goes_on_sending_it_its_share() {
    let mut scene = Scene::new(Algorithm::RoundRobin);
    scene.periods(10, Bad::Fails);
    assert!(scene.config.groups[0].targets[2].state.is_anomalous());
    assert_eq!(scene.periods(10, Bad::Fails), 200);
}
