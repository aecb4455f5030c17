//! Clients and targets of HTTP/2 that do anything at any time, by seeds: whatever an answer is, it is the right one or visibly
//! none, and nothing is left behind. `SEED=7` repeats one.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod http2_support;
mod secure_support;

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use http2_support::{End, Net, asks, field, fields, target};
use sluicegate::config::Protocol;
use sluicegate::config::ProtocolVersion::Http2;
use sluicegate::http::h2::{ErrorCode, StreamId, Terms, frame};
use sluicegate::shard::Fate;

const CODES: [ErrorCode; 4] =
    [ErrorCode::Cancel, ErrorCode::RefusedStream, ErrorCode::InternalError, ErrorCode::NoError];

struct Storm {
    net: Net,
    chance: Rng,
    clients: Vec<usize>,
    /// What each request is to be answered with, by its path.
    bodies: BTreeMap<String, Vec<u8>>,
    /// Requests by client and stream.
    asked: BTreeMap<(usize, u32), String>,
    served: usize,
}

fn body(chance: &mut Rng) -> Vec<u8> {
    let len = *chance.choice(&[0, 1, 100, 16_384, 16_385, 70_000]).unwrap();
    let first = chance.u8(..);
    (0..len).map(|at: usize| first.wrapping_add((at % 251) as u8)).collect()
}

impl Storm {
    fn new(seed: u64) -> Storm {
        let mut chance = Rng::with_seed(seed);
        let to_targets = if chance.bool() { Protocol::Http } else { Protocol::Https };
        let memory = *chance.choice(&[1_000, 4_000, 100_000]).unwrap() * 1024;
        let mut net = Net::with(Http2, to_targets, |_, options| {
            (options.memory_max, options.access_log) = (memory, false);
        });
        net.reply = None;
        net.target_terms = Terms {
            max_concurrent_streams: *chance.choice(&[1, 2, 10, 128]).unwrap(),
            initial_window: *chance.choice(&[1_000, 16_384, 65_535]).unwrap(),
            ..Terms::server()
        };
        net.client_terms =
            Terms { initial_window: *chance.choice(&[1_000, 16_384, 65_535]).unwrap(), ..Terms::client() };
        Storm { net, chance, clients: Vec::new(), bodies: BTreeMap::new(), asked: BTreeMap::new(), served: 0 }
    }

    fn step(&mut self) {
        match self.chance.u8(..100) {
            0..4 if self.clients.len() < 4 => self.joins(),
            4..34 => self.asks(),
            34..64 => self.answers(),
            64..70 => self.client_resets(),
            70..76 => self.target_resets(),
            76..80 => self.stalls(),
            80..84 => self.resumes(),
            84..87 => self.resizes(),
            87..88 => self.target_leaves(),
            88..89 => self.target_breaks(),
            89..90 => self.client_leaves(),
            90..91 => self.reloads(),
            91..95 => self.trickles(),
            95..98 => self.net.pass_seconds(1),
            98 => self.net.pass_seconds(20),
            _ => {}
        }
        if self.chance.bool() {
            self.net.run();
        }
        self.check();
    }

    fn joins(&mut self) {
        let client = self.net.client();
        self.clients.push(client);
    }

    fn some_client(&mut self) -> Option<usize> {
        let open: Vec<usize> = self.clients.iter().copied().filter(|&client| self.net.is_open(client)).collect();
        self.chance.choice(open)
    }

    fn asks(&mut self) {
        let Some(client) = self.some_client() else { return };
        if self.net.speakers[&client].side.available() == 0 {
            return;
        }
        let path = format!("/{}", self.bodies.len());
        self.bodies.insert(path.clone(), body(&mut self.chance));
        let stream = if self.chance.bool() {
            self.net.get(client, &path)
        } else {
            let sent = body(&mut self.chance);
            let end = self.chance.choice([End::Plain, End::Open, End::Trailers(fields(&[("x-up", "1")]))]).unwrap();
            self.net.ask(client, &asks("POST", &path, &[]), &sent, end)
        };
        self.asked.insert((client, stream), path);
    }

    /// A stream of a target that was asked on it and has not answered.
    fn some_question(&mut self) -> Option<(usize, u32)> {
        let open = self.net.targets().into_iter().filter(|&target| self.net.is_open(target));
        let all: Vec<(usize, u32)> = open
            .filter(|target| self.net.speakers.contains_key(target))
            .flat_map(|target| {
                let talks = &self.net.speakers[&target].talks;
                talks
                    .iter()
                    .filter(|(_, talk)| talk.reset.is_none() && !talk.heads.is_empty())
                    .map(move |(id, _)| (target, *id))
            })
            .collect();
        self.chance.choice(all)
    }

    fn answers(&mut self) {
        let Some((target, stream)) = self.some_question() else { return };
        let path = self.net.talk(target, stream).field(":path").unwrap().to_owned();
        let body = self.bodies[&path].clone();
        let length = body.len().to_string();
        let mut head = fields(&[(":status", "200"), ("x-path", &path)]);
        if self.chance.bool() {
            head.push(("content-length".to_owned(), length));
        }
        let end = self.chance.choice([End::Plain, End::Trailers(fields(&[("x-path", &path)]))]).unwrap();
        self.net.speaker(target).say(stream, &head, &body, end);
        // It has answered: its heads are not needed any more.
        self.net.speaker(target).talk(stream).heads.clear();
    }

    fn client_resets(&mut self) {
        let open: Vec<(usize, u32)> = self.asked.keys().copied().collect();
        let Some((client, stream)) = self.chance.choice(open) else { return };
        let code = *self.chance.choice(&CODES).unwrap();
        let talk = &self.net.speakers[&client].talks[&stream];
        if self.net.is_open(client) && talk.reset.is_none() {
            self.net.speaker(client).reset(stream, code);
        }
    }

    fn target_resets(&mut self) {
        let Some((target, stream)) = self.some_question() else { return };
        let code = *self.chance.choice(&CODES).unwrap();
        self.net.speaker(target).reset(stream, code);
    }

    fn some_speaker(&mut self) -> Option<usize> {
        let open: Vec<usize> = self.net.speakers.keys().copied().filter(|&peer| self.net.is_open(peer)).collect();
        self.chance.choice(open)
    }

    fn stalls(&mut self) {
        let Some(peer) = self.some_speaker() else { return };
        let speaker = self.net.speaker(peer);
        let streams: Vec<u32> = speaker.talks.iter().filter(|(_, talk)| !talk.ended).map(|(id, _)| *id).collect();
        if let Some(stream) = self.chance.choice(streams) {
            self.net.speaker(peer).stalled.insert(stream);
        }
        if self.chance.u8(..3) == 0 {
            self.net.lab.peers[peer].takes = 0;
        }
    }

    fn resumes(&mut self) {
        for peer in self.net.speakers.keys().copied().collect::<Vec<_>>() {
            self.net.lab.peers[peer].takes = usize::MAX;
            for stream in self.net.speaker(peer).stalled.clone() {
                self.net.speaker(peer).resume(stream);
            }
        }
    }

    /// Never more than was announced first, so that the peer's own count holds.
    fn resizes(&mut self) {
        let Some(peer) = self.some_speaker() else { return };
        let is_target = self.net.lab.peers[peer].target;
        let most = if is_target { self.net.target_terms } else { self.net.client_terms }.initial_window;
        for window in [self.chance.u32(..most), most] {
            let mut out = Vec::new();
            frame::write_settings(0, &[(4, window)], &mut out);
            self.net.speaker(peer).out.extend(out);
            if self.chance.bool() {
                self.net.run();
            }
        }
    }

    fn target_leaves(&mut self) {
        let Some((target, stream)) = self.some_question() else { return };
        let last = *self.chance.choice(&[0, stream, (1 << 31) - 1]).unwrap();
        let mut out = Vec::new();
        frame::write_goaway(StreamId::new(last), ErrorCode::NoError, "", &mut out);
        self.net.speaker(target).out.extend(out);
    }

    fn target_breaks(&mut self) {
        let open: Vec<usize> = self.net.targets().into_iter().filter(|&target| self.net.is_open(target)).collect();
        let Some(target) = self.chance.choice(open) else { return };
        if self.chance.bool() {
            return self.net.lab.ends(target);
        }
        let wire = self.net.lab.peers[target].wire;
        self.net.lab.turn(|turn| turn.wire(wire).map(|mut wire| wire.lost()));
        self.net.lab.peers[target].fate = Fate::Close;
    }

    fn client_leaves(&mut self) {
        if let Some(client) = self.some_client() {
            self.net.lab.ends(client);
            self.net.run();
            self.asked.retain(|(other, _), _| *other != client);
        }
    }

    /// Another target, or the same one again.
    fn reloads(&mut self) {
        let protocol = self.net.lab.config.groups[0].protocol;
        let number = self.chance.u8(1..4);
        let mut next = secure_support::config(Some(secure_support::terms()), &[target(number)], protocol);
        next.groups[0].protocol_version = Http2;
        self.net.lab.turn(|turn| turn.reconfigured(Arc::new(next)));
    }

    fn trickles(&mut self) {
        let Some(peer) = self.some_speaker() else { return };
        self.net.lab.peers[peer].piece = *self.chance.choice(&[300, 5_000, usize::MAX]).unwrap();
    }

    /// What came of an answer is what was said for its path, and whole if it ended.
    fn check(&mut self) {
        let Storm { net, bodies, asked, served, .. } = self;
        asked.retain(|(client, stream), path| {
            let talk = &net.speakers[client].talks[stream];
            let Some(head) = talk.heads.last() else { return talk.reset.is_none() && net.is_open(*client) };
            if field(head, ":status") != Some("200") {
                return false;
            }
            assert_eq!(field(head, "x-path"), Some(path.as_str()));
            assert!(bodies[path].starts_with(&talk.body));
            if talk.ended {
                assert_eq!(talk.body.len(), bodies[path].len(), "{path}");
                *served += 1;
            }
            !talk.ended && talk.reset.is_none() && net.is_open(*client)
        });
    }

    fn ends(mut self) -> usize {
        for peer in 0..self.net.lab.peers.len() {
            (self.net.lab.peers[peer].piece, self.net.lab.peers[peer].takes) = (usize::MAX, usize::MAX);
        }
        loop {
            self.resumes();
            self.net.run();
            if self.some_question().is_none() {
                break;
            }
            self.answers();
        }
        self.check();
        assert!(self.asked.is_empty(), "nothing came of {:?}", self.asked);
        let served = self.served;
        self.net.over();
        served
    }
}

/// One storm for so many worlds of the simulator.
const STORM: u64 = 20;

#[test]
fn whatever_clients_and_targets_do_answers_are_right_or_visibly_none_and_nothing_is_left() {
    let seeds = match std::env::var("SEED").map(|seed| seed.parse()) {
        Ok(Ok(seed)) => seed..seed + 1,
        // A storm takes as long as some worlds of the simulator, whose seeds these are.
        _ => 0..std::env::var("SEEDS").map_or(20, |seeds| seeds.parse::<u64>().unwrap() / STORM),
    };
    let mut served = 0;
    for seed in seeds.clone() {
        println!("SEED={seed}");
        let mut storm = Storm::new(seed);
        for _ in 0..300 {
            storm.step();
        }
        served += storm.ends();
    }
    println!("{served} answers");
    assert!(served as u64 > (seeds.end - seeds.start) * 10, "{served} answers");
}
