//! The world of request smuggling: clients that send any bytes at all, a few good ones among them, and targets that keep
//! all they get. In half of the worlds the targets behave; there every good client must be served.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use sluicegate::config::{Config, DesyncMitigationMode, XffHeaderProcessing};
use sluicegate::shard::{ListenerId, Options};

use super::attack;
use super::attacker::{Attempt, Step};
use super::chance::Chance;
use super::net::{MICROS, MILLIS, SECONDS};
use super::scenario::{PORT, SECOND_PORT, config};
use super::target::{Host, Nature};
use super::witness::{Terms, digest};
use super::world::{Event, Weather, World};

const MODES: [DesyncMitigationMode; 3] =
    [DesyncMitigationMode::Monitor, DesyncMitigationMode::Defensive, DesyncMitigationMode::Strictest];

/// The world of a seed.
pub(super) fn world(seed: u64, chance: &mut Chance) -> World {
    let terms = Terms { honest: chance.one_in(2), names_clients: !chance.one_in(4), mode: chance.pick(&MODES) };
    let hosts = hosts(terms, chance);
    let config = Arc::new(configured(&hosts, terms, chance));
    let mut options = Options::default();
    options.access_log = chance.one_in(2);
    let weather = Weather {
        windows: &[64, 300, 1_000, 20_000],
        segments: &[7, 100, 1460],
        delay: chance.pick(&[100 * MICROS, 2 * MILLIS]),
        erratic: true,
        compute: 0,
    };
    let mut world = World::new(seed, config, options, weather, hosts);
    for number in 0..chance.between(2, 8) {
        let attempt = if chance.one_in(3) { good(number, terms, chance) } else { bad(chance) };
        let listener = if chance.one_in(4) { SECOND_PORT } else { PORT };
        let at = chance.below(2 * SECONDS);
        world.net.at(at, Event::Attempt(Box::new(attempt), ListenerId(listener)));
    }
    world
}

fn configured(hosts: &[Host], terms: Terms, chance: &mut Chance) -> Config {
    let addresses: Vec<SocketAddr> = hosts.iter().map(|host| host.address).collect();
    let mut config = config(hosts, &addresses, chance.between(5, 20), true);
    let attributes = &mut config.load_balancers[0].attributes;
    attributes.desync_mitigation_mode = terms.mode;
    attributes.drop_invalid_header_fields = chance.one_in(4);
    attributes.xff_client_port = chance.one_in(4);
    if !terms.names_clients {
        attributes.xff_header_processing = chance.pick(&[XffHeaderProcessing::Preserve, XffHeaderProcessing::Remove]);
    }
    config
}

/// Few targets, so that whoever comes next finds the connections of whoever was there before.
fn hosts(terms: Terms, chance: &mut Chance) -> Vec<Host> {
    let host = |group: usize| Host {
        address: SocketAddr::from(([10, 9, group as u8, 1], 80)),
        group,
        nature: Nature::Witnesses(terms),
        accepts_after: 0,
        piece: 0,
        gap: 0,
        http10: false,
        rude: false,
        dialect: None,
    };
    (0..3).filter(|group| *group == 0 || chance.one_in(2)).map(host).collect()
}

fn bad(chance: &mut Chance) -> Attempt {
    let mut steps = VecDeque::new();
    for _ in 0..chance.between(1, 2) {
        let bytes = attack::stream(chance);
        let cut = if chance.one_in(3) { chance.below(bytes.len() as u64 + 1) as usize } else { bytes.len() };
        let (first, rest) = bytes.split_at(cut);
        steps.push_back(Step::Send(first.to_vec()));
        steps.push_back(match chance.below(3) {
            0 => Step::Hear,
            1 => Step::Pause(chance.below(50 * MILLIS)),
            _ => Step::Pause(chance.below(SECONDS)),
        });
        steps.push_back(Step::Send(rest.to_vec()));
    }
    match chance.below(10) {
        0 => steps.extend([Step::Pause(chance.below(100 * MILLIS)), Step::Reset]),
        1 => steps.extend([Step::Pause(chance.below(100 * MILLIS)), Step::Close]),
        2..=4 => steps.push_back(Step::Half),
        5 => {
            // Leaves before everything was sent.
            steps.truncate(chance.between(1, steps.len() as u64) as usize);
            steps.push_back(if chance.one_in(2) { Step::Reset } else { Step::Close });
        }
        _ => {}
    }
    Attempt { steps, good: None, served: false, ..attempt(chance) }
}

/// Requests with one reading, one after the other or at once.
fn good(number: u64, terms: Terms, chance: &mut Chance) -> Attempt {
    let (mut steps, mut asked) = (VecDeque::new(), Vec::new());
    let pipelined = chance.one_in(3);
    for nth in 0..chance.between(1, 5) {
        let path = format!("/good/{number}/{nth}");
        let body: Vec<u8> = (0..chance.size(400)).map(|_| chance.next() as u8).collect();
        let (framing, framed) = match chance.below(3) {
            0 => (String::new(), Vec::new()),
            1 => (format!("Content-Length: {}\r\n", body.len()), body.clone()),
            _ => {
                let framed = [format!("{:X}\r\n", body.len() + 1).as_bytes(), &body, b"!\r\n0\r\n\r\n"].concat();
                ("Transfer-Encoding: chunked\r\n".to_owned(), framed)
            }
        };
        let read = match framing.as_bytes() {
            [b'T', ..] => [&body[..], b"!"].concat(),
            _ => framed.clone(),
        };
        asked.push((path.clone(), digest(&read)));
        let method =
            if framing.is_empty() { chance.pick(&["GET", "HEAD", "POST"]) } else { chance.pick(&["POST", "PUT"]) };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: good.example\r\n{framing}\r\n");
        steps.push_back(Step::Send([head.as_bytes(), &framed].concat()));
        if !pipelined {
            steps.push_back(Step::Pause(chance.below(100 * MILLIS)));
        }
    }
    Attempt { steps, good: Some(asked), served: terms.honest, ..attempt(chance) }
}

fn attempt(chance: &mut Chance) -> Attempt {
    Attempt {
        steps: VecDeque::new(),
        piece: chance.pick(&[1, 10, 100, 2_000, 100_000]),
        gap: chance.pick(&[0, 0, 100 * MICROS, MILLIS]),
        chance: chance.fork(),
        good: None,
        served: false,
    }
}
