//! Wires that are carried when the shard wakes them, or when their socket is ready for what they asked it for, and never
//! else: so do the tasks of a runtime. However little sockets hold, and however jobs, peers and wires take turns, nobody
//! waits for ever.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod secure_support;

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;

use fastrand::Rng;
use secure_support::{Lab, config, policy, terms, wall};
use sluicegate::config::Protocol;
use sluicegate::shard::{Effect, Fate, ListenerId, Options, Shard, Turn, Wire, WireId};
use sluicegate::time::{Mono, Now};
use sluicegate::tls::{Acceptor, Clock, Connector, Provider, Session};

const SEEDS: u64 = 30;

/// Rounds in which nothing happens although chance let everybody have a turn: nothing will.
const STILL_ROUNDS_MAX: usize = 100;

const ROUNDS_MAX: usize = 100_000;

#[test]
fn nobody_waits_for_ever_with_tls_on_both_sides() {
    nobody_waits_for_ever(true, true);
}

#[test]
fn nobody_waits_for_ever_with_tls_to_clients() {
    nobody_waits_for_ever(true, false);
}

#[test]
fn nobody_waits_for_ever_with_tls_to_targets() {
    nobody_waits_for_ever(false, true);
}

#[test]
fn nobody_waits_for_ever_without_tls() {
    nobody_waits_for_ever(false, false);
}

/// What the tests above would say of a shard that forgets to wake.
#[test]
fn who_does_not_hear_that_it_is_woken_waits_for_ever() {
    for (front, back) in [(true, true), (true, false), (false, true), (false, false)] {
        assert!((0..SEEDS).any(|seed| served(seed, front, back, true).is_err()), "TLS: {front}, {back}");
    }
}

fn nobody_waits_for_ever(front: bool, back: bool) {
    let failed: Vec<String> = (0..SEEDS).filter_map(|seed| served(seed, front, back, false).err()).collect();
    assert_eq!(failed, [""; 0]);
}

/// Lets two clients get what they ask for; `front` and `back` are with TLS. If they do not, how the world looks then.
fn served(seed: u64, front: bool, back: bool, deaf: bool) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::drawn(&mut rng);
    let mut world = World::new(rng, &plan, front, back);
    world.deaf = deaf;
    let mut still = 0;
    for _ in 0..ROUNDS_MAX {
        let moved = world.round();
        if !moved && world.all_are_served(&plan) {
            return Ok(());
        }
        still = if moved { 0 } else { still + 1 };
        if still > STILL_ROUNDS_MAX {
            break;
        }
    }
    Err(format!("seed {seed}: {}, {:?}, {:?}", plan.name(), world.shard.census(), world.ends))
}

/// What is asked and answered.
struct Plan {
    /// Bytes of a request's body.
    body: usize,
    /// Bytes of an answer's body.
    answer_body: usize,
    answer: Vec<u8>,
    /// Requests of each client, which does not wait for answers.
    requests: usize,
    /// Bytes that a socket takes before it is full.
    holds: usize,
}

impl Plan {
    fn drawn(rng: &mut Rng) -> Plan {
        let answer_body = [2, 20_000, 50_000][rng.usize(..3)];
        let answer = if rng.bool() { whole(answer_body) } else { chunked(answer_body, rng) };
        Plan {
            body: [0, 3, 20_000, 50_000][rng.usize(..4)],
            answer_body,
            answer: answer.into_bytes(),
            requests: rng.usize(1..4),
            holds: [3000, 9000, 30_000, 1_000_000][rng.usize(..4)],
        }
    }

    fn asked(&self) -> Vec<u8> {
        let head = format!("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: {}\r\n\r\n", self.body);
        (head + &"y".repeat(self.body)).repeat(self.requests).into_bytes()
    }

    fn name(&self) -> String {
        let Plan { body, answer_body, answer: _, requests, holds } = self;
        format!("{requests} requests of {body} bytes, answers of {answer_body}, sockets of {holds}")
    }
}

fn whole(body: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n{}", "x".repeat(body))
}

fn chunked(body: usize, rng: &mut Rng) -> String {
    let mut text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    let mut left = body;
    while left > 0 {
        let n = left.min(rng.usize(1..9000));
        text += &format!("{n:x}\r\n{}\r\n", "x".repeat(n));
        left -= n;
    }
    text + "0\r\n\r\n"
}

/// A shard and everybody's ends.
struct World {
    shard: Shard,
    /// Wires with their ends, in the order they came.
    ends: Vec<(WireId, End)>,
    jobs: VecDeque<WireId>,
    dials: Vec<WireId>,
    rng: Rng,
    acceptor: Option<Arc<Acceptor>>,
    answer: Vec<u8>,
    holds: usize,
    /// The wire that is being carried; it may be woken meanwhile.
    carried: Option<WireId>,
    woken_meanwhile: bool,
    /// Nobody hears that it is woken.
    deaf: bool,
}

impl World {
    fn new(rng: Rng, plan: &Plan, front: bool, back: bool) -> World {
        let provider = Provider::aws_lc();
        let clock = Clock::default();
        clock.set(wall());
        let connector = Connector::new(policy("TLS13-1-2-2021-06"), &provider, &clock, &[]).unwrap();
        let target = SocketAddr::from(([10, 0, 0, 7], 443));
        let config = config(front.then(terms), &[target], if back { Protocol::Https } else { Protocol::Http });
        let mut world = World {
            shard: Shard::new(Arc::new(config), Options::default(), 7),
            ends: Vec::new(),
            jobs: VecDeque::new(),
            dials: Vec::new(),
            rng,
            acceptor: Acceptor::new(&terms(), &provider, &clock, None, &[]).filter(|_| back).map(Arc::new),
            answer: plan.answer.clone(),
            holds: plan.holds,
            carried: None,
            woken_meanwhile: false,
            deaf: false,
        };
        for port in [1000, 1001] {
            let session = front.then(|| connector.session("a.example").unwrap());
            let wire = world.turn(|turn| turn.accepted(ListenerId(443), Lab::endpoints(port))).unwrap();
            world.ends.push((wire, End { says: plan.asked(), ..End::new(session, false, plan.holds) }));
        }
        world
    }

    fn turn<R>(&mut self, act: impl FnOnce(&mut Turn<'_>) -> R) -> R {
        let mut turn = self.shard.turn(Now { mono: Mono::default(), wall: wall() });
        let result = act(&mut turn);
        let effects: Vec<Effect> = std::iter::from_fn(|| turn.next_effect()).collect();
        let _ = turn.finish();
        for effect in effects {
            match effect {
                Effect::Dial { wire, .. } => self.dials.push(wire),
                Effect::Compute(wire) => self.jobs.push_back(wire),
                Effect::Wake(wire) if !self.deaf => self.wake(wire),
                _ => {}
            }
        }
        result
    }

    fn wake(&mut self, wire: WireId) {
        if self.carried == Some(wire) {
            self.woken_meanwhile = true;
        } else if let Some((_, end)) = self.ends.iter_mut().find(|(id, _)| *id == wire) {
            end.woken = true;
        }
    }

    /// Everybody has a turn, if chance wills; whether anything happened.
    fn round(&mut self) -> bool {
        let mut moved = self.peers_and_wires();
        if self.rng.bool() {
            moved |= self.compute();
        }
        moved | self.dialed()
    }

    fn peers_and_wires(&mut self) -> bool {
        let mut moved = false;
        for at in 0..self.ends.len() {
            let end = &mut self.ends[at].1;
            if !end.gone && self.rng.u8(..3) > 0 {
                moved |= end.hears(&mut self.rng);
                end.answers(&self.answer);
                moved |= end.speaks(&mut self.rng);
            }
            if end.woken && !end.gone && self.rng.u8(..3) > 0 {
                self.carry(at);
                moved = true;
            }
        }
        moved
    }

    /// Carries a wire as its task would, with as much at a time as chance wills.
    fn carry(&mut self, at: usize) {
        let (id, empty) = (self.ends[at].0, End::new(None, false, 0));
        let mut end = std::mem::replace(&mut self.ends[at].1, empty);
        (end.woken, end.wants_read, end.wants_write) = (false, false, false);
        let (written, read) = (self.rng.usize(1..40_000), self.rng.usize(1..40_000));
        (self.carried, self.woken_meanwhile) = (Some(id), false);
        let again = self.turn(|turn| match turn.wire(id) {
            Some(mut wire) => end.carries(&mut wire, written, read),
            None => end.goes(),
        });
        self.carried = None;
        end.woken = again || self.woken_meanwhile;
        self.ends[at].1 = end;
    }

    /// Carries out a job of the shard; others may have their turns before its outcome is told.
    fn compute(&mut self) -> bool {
        let Some(wire) = self.jobs.pop_front() else { return false };
        if let Some(mut job) = self.turn(|turn| turn.job(wire)) {
            job.run();
            if self.rng.bool() {
                self.peers_and_wires();
            }
            self.turn(|turn| turn.computed(job));
        }
        true
    }

    fn dialed(&mut self) -> bool {
        let Some(wire) = self.dials.pop() else { return false };
        self.turn(|turn| turn.dialed(wire, Ok(Lab::endpoints(1))));
        let session = self.acceptor.as_ref().map(Acceptor::session);
        self.ends.push((wire, End::new(session, true, self.holds)));
        true
    }

    fn all_are_served(&self, plan: &Plan) -> bool {
        self.ends.iter().map(|(_, end)| end).filter(|end| !end.target).all(|end| {
            let heads = String::from_utf8_lossy(&end.heard).matches("HTTP/1.1 200 OK\r\n").count();
            let body = end.heard.iter().filter(|byte| **byte == b'x').count();
            heads == plan.requests && body == plan.requests * plan.answer_body
        })
    }
}

/// A peer, the socket between it and the shard, and the task that carries the wire.
struct End {
    session: Option<Session>,
    target: bool,
    to_shard: VecDeque<u8>,
    from_shard: VecDeque<u8>,
    /// Bytes that the socket takes in each direction.
    holds: usize,
    /// What the peer has to say still.
    says: Vec<u8>,
    /// What the peer has read and not opened yet.
    unopened: Vec<u8>,
    heard: Vec<u8>,
    /// The task is to run.
    woken: bool,
    wants_read: bool,
    wants_write: bool,
    /// The wire is closed.
    gone: bool,
}

impl End {
    fn new(session: Option<Session>, target: bool, holds: usize) -> End {
        End {
            session,
            target,
            to_shard: VecDeque::new(),
            from_shard: VecDeque::new(),
            holds,
            says: Vec::new(),
            unopened: Vec::new(),
            heard: Vec::new(),
            woken: true,
            wants_read: false,
            wants_write: false,
            gone: false,
        }
    }

    /// The task: writes and reads until the socket is not ready; whether it wants to run again all the same.
    fn carries(&mut self, wire: &mut Wire<'_>, written_max: usize, read_max: usize) -> bool {
        for _ in 0..2 {
            if !self.writes(wire, written_max) {
                return true;
            }
            if wire.fate() == Fate::Close {
                wire.lost();
                return self.goes();
            }
            if !self.reads(wire, read_max) && wire.fate() != Fate::Close {
                return false;
            }
        }
        true
    }

    /// Writes a few times; whether nothing more can be written now.
    fn writes(&mut self, wire: &mut Wire<'_>, most: usize) -> bool {
        for _ in 0..3 {
            let pending = wire.pending();
            if pending.is_empty() {
                return true;
            }
            let room = self.holds.saturating_sub(self.from_shard.len()).min(most);
            if room == 0 {
                self.wants_write = true;
                return true;
            }
            let n = pending.len().min(room);
            self.from_shard.extend(&pending[..n]);
            wire.sent(n);
        }
        false
    }

    /// Reads once; whether there was anything, and room for it.
    fn reads(&mut self, wire: &mut Wire<'_>, most: usize) -> bool {
        if self.to_shard.is_empty() {
            self.wants_read = true;
            return false;
        }
        let Some(room) = wire.space() else { return false };
        let most = room.len().min(most);
        let n = self.to_shard.read(&mut room[..most]).unwrap();
        wire.filled(n);
        true
    }

    fn goes(&mut self) -> bool {
        self.gone = true;
        false
    }

    /// The peer reads some of what came; whether anything had.
    fn hears(&mut self, rng: &mut Rng) -> bool {
        let mut got = vec![0; self.from_shard.len().min(rng.usize(1..30_000))];
        self.from_shard.read_exact(&mut got).unwrap();
        self.unopened.extend_from_slice(&got);
        self.woken |= self.wants_write && !got.is_empty();
        let Some(session) = &mut self.session else {
            self.heard.append(&mut self.unopened);
            return !got.is_empty();
        };
        let mut room = vec![0; 65_536];
        loop {
            if session.is_greeted() {
                session.answer().unwrap();
            }
            let fed = session.feed(&self.unopened).unwrap();
            self.unopened.drain(..fed);
            let opened = session.take_plaintext(&mut room);
            self.heard.extend_from_slice(&room[..opened]);
            if fed == 0 && opened == 0 && !session.is_greeted() {
                return !got.is_empty();
            }
        }
    }

    /// A target has an answer to every request that is whole.
    fn answers(&mut self, answer: &[u8]) {
        while let Some(len) = request_len(&self.heard).filter(|len| self.target && *len <= self.heard.len()) {
            self.heard.drain(..len);
            self.says.extend_from_slice(answer);
        }
    }

    /// The peer writes some of what it has to say; whether the socket took anything.
    fn speaks(&mut self, rng: &mut Rng) -> bool {
        let room = self.holds.saturating_sub(self.to_shard.len());
        let before = self.to_shard.len();
        match &mut self.session {
            None => self.to_shard.extend(self.says.drain(..self.says.len().min(room))),
            Some(_) if room == 0 => {}
            Some(session) => {
                if session.is_open() {
                    let most = self.says.len().min(rng.usize(1..20_000));
                    let n = session.encrypt(&self.says[..most]);
                    self.says.drain(..n);
                }
                let mut sealed = vec![0; 20_000];
                while session.has_ciphertext() {
                    let n = session.take_ciphertext(&mut sealed);
                    self.to_shard.extend(&sealed[..n]);
                }
            }
        }
        self.woken |= self.wants_read && !self.to_shard.is_empty();
        self.to_shard.len() > before
    }
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = if self.target { "target" } else { "client" };
        write!(f, "{name}: {} bytes to say, {} heard", self.says.len(), self.heard.len())?;
        write!(f, ", {} to the shard, {} from it", self.to_shard.len(), self.from_shard.len())?;
        write!(f, ", wants to read {}, to write {}, gone {}", self.wants_read, self.wants_write, self.gone)
    }
}

/// How long the request is that `bytes` begin with, once its head is whole.
fn request_len(bytes: &[u8]) -> Option<usize> {
    let head = bytes[..bytes.len().min(2000)].windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: ")).map(|len| len.parse::<usize>());
    Some(head + body.map_or(0, Result::unwrap))
}
