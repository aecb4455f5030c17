//! Whatever a client puts into its cookies, its request goes where one without cookies could have gone.

mod sticky_support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sluicegate::sticky::Secret;
use sticky_support::*;

/// Five groups: by the load balancer's cookie, the same without weight, by the application's cookie, not sticky, and sticky with
/// no target in service but one.
fn groups() -> Vec<Group> {
    vec![
        Group { targets: 3, weight: 2, stickiness: lb_cookie(60) },
        Group { targets: 3, weight: 0, stickiness: lb_cookie(60) },
        Group { targets: 3, weight: 1, stickiness: app_cookie("app", 60) },
        Group { targets: 2, weight: 1, stickiness: None },
        Group { targets: 2, weight: 1, stickiness: lb_cookie(604_800) },
    ]
}

fn world(secret: u8) -> World {
    let world = World::with_secret(config(&groups(), Some(60)), Some(Secret::new([secret; 32])), secret.into());
    world.set_healthy(0, 2, false);
    world.set_healthy(1, 1, false);
    world.set_healthy(4, 1, false);
    world
}

/// What a request without cookies may get, by the port that it comes to.
fn allowed(port: u16) -> BTreeSet<SocketAddr> {
    let healthy: [&[usize]; 5] = [&[1, 3], &[2, 3], &[1, 2, 3], &[1, 2], &[2]];
    let groups: &[usize] = match port {
        80 => &[0, 2, 3, 4],
        8000 => &[0],
        8001 => &[1],
        8002 => &[2],
        8003 => &[3],
        _ => &[4],
    };
    groups.iter().flat_map(|&group| healthy[group].iter().map(move |&target| address(group, target))).collect()
}

/// Cookies that a balancer with that secret made at that time, with every target in service.
fn issued(secret: u8, at: u64) -> Vec<(String, String)> {
    let mut groups = groups();
    // It had a weight then.
    groups[1].weight = 2;
    let mut world = World::with_secret(config(&groups, Some(60)), Some(Secret::new([secret; 32])), secret.into());
    world.now = at;
    let sets = "HTTP/1.1 200 OK\r\nSet-Cookie: app=1\r\nContent-Length: 0\r\n\r\n";
    let mut values = BTreeSet::new();
    for port in [80, 80, 80, 80, 80, 80, 80, 80, 8000, 8000, 8000, 8001, 8001, 8001, 8002, 8002, 8002, 8004, 8004] {
        let response = world.ask(port, "", sets);
        let set = response.set_cookies().into_iter().filter(|set| set.starts_with("AWSALB"));
        values.extend(set.filter_map(|set| {
            let (name, value) = set.split(';').next()?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        }));
    }
    values.into_iter().collect()
}

#[derive(Clone, Debug)]
enum Value {
    /// One that was issued, by its number among those of one origin; under its own name.
    Whole(usize, usize),
    /// The same under another name.
    Issued(usize, usize),
    /// The same with a bit of a character changed.
    Flipped(usize, usize, usize, u8),
    /// The same, cut.
    Cut(usize, usize),
    /// Anything that a field may hold.
    Junk(String),
    Long(usize),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => any::<usize>().prop_map(|which| Value::Whole(0, which)),
        2 => (1..4_usize, any::<usize>()).prop_map(|(origin, which)| Value::Whole(origin, which)),
        2 => (0..4_usize, any::<usize>()).prop_map(|(origin, which)| Value::Issued(origin, which)),
        2 => (any::<usize>(), 0..128_usize, 0..6_u8).prop_map(|(which, place, bit)| Value::Flipped(0, which, place, bit)),
        1 => (any::<usize>(), 0..128_usize).prop_map(|(which, len)| Value::Cut(which, len)),
        1 => "[ -~]{0,200}".prop_map(Value::Junk),
        1 => (0..16_000_usize).prop_map(Value::Long),
    ]
}

const NAMES: [&str; 9] = [
    "AWSALB",
    "AWSALBCORS",
    "AWSALBTG",
    "AWSALBTGCORS",
    "AWSALBAPP-0",
    "AWSALBAPP-1",
    "AWSALBAPP-2",
    "AWSALBAPP-3",
    "app",
];

/// Ours, too old, from the future, and another balancer's.
fn origins() -> &'static [Vec<(String, String)>; 4] {
    static ORIGINS: OnceLock<[Vec<(String, String)>; 4]> = OnceLock::new();
    ORIGINS
        .get_or_init(|| [issued(1, START), issued(1, START - 10 * DAY), issued(1, START + 2 * DAY), issued(2, START)])
}

fn written(name: &str, value: &Value, origins: &[Vec<(String, String)>; 4]) -> String {
    let issued = |origin: usize, which: usize| &origins[origin][which % origins[origin].len()];
    let value = match value {
        Value::Whole(origin, which) => {
            let (name, value) = issued(*origin, *which);
            return format!("{name}={value}");
        }
        Value::Issued(origin, which) => issued(*origin, *which).1.clone(),
        Value::Flipped(origin, which, place, bit) => {
            let mut bytes = issued(*origin, *which).1.clone().into_bytes();
            bytes[place % 128] ^= 1 << bit;
            String::from_utf8_lossy(&bytes).replace(['\u{fffd}', '\0', '\r', '\n'], "x")
        }
        Value::Cut(which, len) => issued(0, *which).1[..*len].to_owned(),
        Value::Junk(text) => text.clone(),
        Value::Long(len) => "A".repeat(*len),
    };
    format!("{name}={value}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn a_request_goes_where_one_without_cookies_could(
        fields in prop::collection::vec(prop::collection::vec((0..NAMES.len(), value()), 0..6), 0..4),
        port in prop::sample::select(vec![80_u16, 80, 80, 80, 8000, 8001, 8002, 8003, 8004]),
    ) {
        let origins = origins();
        let line = |cookies: &Vec<(usize, Value)>| {
            let pairs = cookies.iter().map(|(name, value)| written(NAMES[*name], value, origins));
            // No more than a field may have.
            let text: String = pairs.collect::<Vec<_>>().join("; ").chars().take(16_000).collect();
            format!("Cookie: {text}\r\n")
        };
        let lines: String = fields.iter().map(line).collect();
        let mut world = world(1);
        for _ in 0..3 {
            let response = world.ask(port, &lines, OK);
            let target = response.target.expect("a target gets it");
            prop_assert!(allowed(port).contains(&target), "{target} on {port}");
        }
    }
}

#[test]
fn cookies_that_are_good_are_granted_in_that_world() {
    let mut granted = 0;
    for (_, value) in issued(1, START) {
        for port in [8000, 8001, 8002, 8004] {
            let mut world = world(1);
            let before = world.not_sticky();
            world.ask(port, &format!("Cookie: AWSALB={value}; app=1; AWSALBAPP-0={value}\r\n"), OK);
            granted += usize::from(world.not_sticky() == before);
        }
    }
    assert!(granted >= 8, "{granted}");
}
