//! A world: one shard, its adapter, the simulated network, and everybody who uses it.
//!
//! The adapter here does what the boundary's contract says and nothing beyond: a wire's socket is driven when it
//! becomes readable or writable, when `Effect::Wake` names the wire, and right after it was accepted or dialed. No
//! wire is ever looked at just in case, so a wake that is forgotten shows as a hang.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::Config;
use sluicegate::shard::{Census, DialError, Effect, Endpoints, Job, ListenerId, Log, Options, Shard, WireId};
use sluicegate::time::{Mono, Now, Wall};

use super::attacker::{Attacker, Attempt};
use super::chance::{Chance, mix};
use super::client::{Client, Plan};
use super::fumbler::{Fumble, Fumbler};
use super::h2::browser::Browser;
use super::h2::origin::Origin;
use super::h2::visit::Visit;
use super::net::{Arrival, Conn, Happening, MICROS, MILLIS, Manners, Net, Readiness, SECONDS, Side, Time};
use super::run::lines_shown;
use super::scripted::Scripted;
use super::socket::{Outcome, Socket, pump};
use super::spec::Ledger;
use super::target::{Host, Nature, Target};
use super::tls::Tls;
use super::witness::Witness;

/// 2026-01-01T00:00:00Z, in microseconds: what the wall clock says when a world begins.
const EPOCH_MICROS: u64 = 1_767_225_600_000_000;

/// What is scheduled besides arrivals.
#[derive(Debug)]
pub(crate) enum Event {
    Connect(Box<Plan>, ListenerId),
    Visit(Box<Visit>, ListenerId),
    Attempt(Box<Attempt>, ListenerId),
    Fumble(Box<Fumble>, ListenerId),
    Drive(WireId),
    Dialed(WireId, Result<usize, DialError>),
    Tick(Conn),
    Journal(Log),
    /// A step of a handshake is fetched, to be carried out.
    Compute(WireId),
    /// It was carried out.
    Computed(u64),
    Reconfigure(Box<Config>),
    Drain,
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(super) enum Peer {
    Client(Box<Client>),
    Browser(Box<Browser>),
    Target(Box<Target>),
    Origin(Box<Origin>),
    Script(Scripted),
    Attacker(Box<Attacker>),
    Witness(Box<Witness>),
    Fumbler(Box<Fumbler>),
}

/// How the network of a world behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) windows: &'static [usize],
    pub(crate) segments: &'static [usize],
    pub(crate) delay: Time,
    /// Whether the adapter itself is erratic: short turns, late timers and wakes, `offer` instead of `space`.
    pub(crate) erratic: bool,
    /// The longest time that a step of a handshake takes.
    pub(crate) compute: Time,
}

/// One shard in its world.
pub(crate) struct World {
    pub(crate) shard: Shard,
    pub(super) config: Arc<Config>,
    pub(crate) net: Net<Event>,
    pub(crate) ledger: Ledger,
    pub(super) chance: Chance,
    pub(super) weather: Weather,
    hosts: Vec<Host>,
    pub(super) unlistened: Vec<ListenerId>,
    pub(crate) drained: u64,
    pub(crate) journal: Vec<u8>,
    pub(crate) connections: Vec<u8>,
    journals_due: [bool; 2],
    pub(super) sockets: Vec<Option<Socket>>,
    pub(super) peers: Vec<Option<Peer>>,
    wires: Vec<Vec<(WireId, Conn)>>,
    dialing: Vec<WireId>,
    pub(super) deadline: Option<Time>,
    /// The peers' TLS, where there is any.
    pub(super) tls: Option<Tls>,
    /// Steps of handshakes that are being carried out, by number.
    pub(super) jobs: BTreeMap<u64, Job>,
    pub(super) jobs_fetched: u64,
    timer_late: Time,
    effects: Vec<Effect>,
    pub(super) clients: u16,
    pub(super) idle: Time,
    pub(super) memory_max: usize,
    pub(super) handshakes_max: usize,
    /// There is an access log.
    pub(super) logs: bool,
    pub(crate) lent_most: usize,
    pub(crate) shed: u64,
    /// Scripted targets: an address that tests accept connections at.
    pub(crate) accepted: Vec<(SocketAddr, Conn)>,
    scripted: Vec<SocketAddr>,
    hash: u64,
    pub(super) events: u64,
    pub(super) wakes: u64,
    pub(super) turns_now: (Time, u64),
    checked_at: Time,
    pub(crate) told: Option<VecDeque<String>>,
    failure: Option<String>,
}

impl World {
    pub(crate) fn new(seed: u64, config: Arc<Config>, options: Options, weather: Weather, hosts: Vec<Host>) -> Self {
        let mut chance = Chance::new(seed);
        let idle = config.load_balancers.iter().map(|lb| lb.attributes.idle_timeout).max().unwrap_or_default();
        World {
            memory_max: options.memory_max,
            handshakes_max: options.handshakes_max,
            logs: options.access_log,
            shard: Shard::new(Arc::clone(&config), options, chance.next()),
            config,
            net: Net::new(chance.fork()),
            ledger: Ledger::default(),
            weather,
            hosts,
            unlistened: Vec::new(),
            drained: 0,
            journal: Vec::new(),
            connections: Vec::new(),
            journals_due: [false; 2],
            sockets: Vec::new(),
            peers: Vec::new(),
            wires: Vec::new(),
            dialing: Vec::new(),
            deadline: None,
            tls: None,
            jobs: BTreeMap::new(),
            jobs_fetched: 0,
            timer_late: 0,
            effects: Vec::new(),
            clients: 0,
            idle: idle.as_nanos() as Time,
            lent_most: 0,
            shed: 0,
            accepted: Vec::new(),
            scripted: Vec::new(),
            hash: seed,
            events: 0,
            wakes: 0,
            turns_now: (0, 0),
            checked_at: 0,
            told: None,
            failure: None,
            chance,
        }
    }

    /// Connections to this address are accepted and left to the test.
    pub(crate) fn script_target(&mut self, address: SocketAddr) {
        self.scripted.push(address);
    }

    pub(crate) fn census(&self) -> Census {
        self.shard.census()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn now(&self) -> Now {
        Now { mono: Mono::from_nanos(self.net.now), wall: Wall::from_micros(EPOCH_MICROS + self.net.now / MICROS) }
    }

    /// A number that depends on everything that happened.
    pub(crate) fn hash(&self) -> u64 {
        mix(self.hash ^ self.net.traffic)
    }

    pub(super) fn note(&mut self, what: u64, line: impl FnOnce() -> String) {
        self.hash = mix(self.hash ^ mix(self.net.now) ^ what);
        if let Some(told) = &mut self.told {
            if told.len() >= lines_shown() {
                told.pop_front();
            }
            let at = Duration::from_nanos(self.net.now);
            told.push_back(format!("{at:>12.3?}  {}", line()));
        }
    }

    pub(super) fn fail(&mut self, what: String) {
        self.note(99, || format!("FAILED: {what}"));
        self.failure.get_or_insert(what);
    }

    // ---- the run ----------------------------------------------------------------------------------------------

    /// Runs until nothing is scheduled and no deadline is left, or until `horizon`.
    pub(crate) fn run(&mut self, horizon: Time) -> Result<(), String> {
        while self.failure.is_none() && self.step(horizon) {}
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// The next event or deadline up to `horizon`; `false` if there is none.
    pub(crate) fn step(&mut self, horizon: Time) -> bool {
        let ring = self.deadline.map(|at| at.max(self.net.now) + self.timer_late);
        let event = self.net.next_at();
        match (event, ring) {
            (Some(event), ring) if event <= horizon && ring.is_none_or(|ring| event <= ring) => {
                self.advance_to(event);
                if let Some(happening) = self.net.take() {
                    self.events += 1;
                    self.happen(happening);
                }
            }
            (_, Some(ring)) if ring <= horizon => {
                self.advance_to(ring);
                self.events += 1;
                self.note(1, || "the timer rings".to_owned());
                self.turn(|_, _| ());
            }
            _ => return false,
        }
        self.check_circles();
        if let Some(what) = self.net.overheard.take() {
            self.fail(what);
        }
        true
    }

    /// Lets time pass without anything happening in it.
    pub(crate) fn advance_to(&mut self, at: Time) {
        self.net.now = self.net.now.max(at);
        if let Some(tls) = &self.tls {
            tls.clock.set(self.now().wall);
        }
        if self.net.now > self.checked_at + SECONDS {
            self.checked_at = self.net.now;
            self.check_deadlines();
        }
    }

    fn happen(&mut self, happening: Happening<Event>) {
        match happening {
            Happening::Arrives(conn, side, what) => self.arrives(conn, side, what),
            Happening::Other(Event::Connect(plan, listener)) => self.connect(*plan, listener),
            Happening::Other(Event::Visit(visit, listener)) => self.visit(*visit, listener),
            Happening::Other(Event::Attempt(attempt, listener)) => self.attempt(*attempt, listener),
            Happening::Other(Event::Fumble(fumble, listener)) => self.fumble(*fumble, listener),
            Happening::Other(Event::Drive(wire)) => self.drive(wire),
            Happening::Other(Event::Dialed(wire, result)) => self.dialed(wire, result),
            Happening::Other(Event::Tick(conn)) => self.tick(conn),
            Happening::Other(Event::Journal(log)) => self.take_journal(log),
            Happening::Other(Event::Compute(wire)) => self.compute(wire),
            Happening::Other(Event::Computed(number)) => self.computed(number),
            Happening::Other(Event::Reconfigure(config)) => {
                self.note(2, || "reconfigured".to_owned());
                let next = Arc::new(config.next(&self.config, self.now().mono));
                self.config = Arc::clone(&next);
                self.turn(move |turn, _| drop(turn.reconfigured(next)));
            }
            Happening::Other(Event::Drain) => {
                self.note(3, || "draining".to_owned());
                self.turn(|turn, _| turn.draining());
            }
        }
    }

    fn arrives(&mut self, conn: Conn, side: Side, what: Arrival) {
        let (kind, size) = match &what {
            Arrival::Bytes(bytes) => (1, bytes.len() as u64),
            Arrival::End => (2, 0),
            Arrival::Reset => (3, 0),
            Arrival::Room => (4, 0),
        };
        self.note(mix(conn as u64) ^ mix(kind + 10 * side as u64) ^ size, || {
            let what = match &what {
                Arrival::Bytes(bytes) => {
                    format!("{} bytes {:?}", bytes.len(), String::from_utf8_lossy(&bytes[..bytes.len().min(48)]))
                }
                other => format!("{other:?}"),
            };
            format!("conn {conn}: {side:?} gets {what}")
        });
        let Readiness { readable, writable } = self.net.arrive(conn, side, what);
        if side == Side::Theirs {
            return self.tick(conn);
        }
        let Some(socket) = self.sockets.get_mut(conn).and_then(Option::as_mut) else { return };
        socket.readable |= readable;
        socket.writable |= writable;
        let wire = socket.wire;
        if readable || writable {
            self.drive(wire);
        }
    }

    // ---- the adapter ------------------------------------------------------------------------------------------

    /// One turn of the shard; its effects are carried out after it is finished.
    pub(super) fn turn<R>(&mut self, verbs: impl FnOnce(&mut sluicegate::shard::Turn<'_>, &mut Net<Event>) -> R) -> R {
        let now = self.now();
        let mut turn = self.shard.turn(now);
        let result = verbs(&mut turn, &mut self.net);
        while let Some(effect) = turn.next_effect() {
            self.effects.push(effect);
        }
        self.deadline = turn.finish().map(Mono::nanos);
        self.timer_late = if self.weather.erratic { self.chance.below(MILLIS) } else { 0 };
        self.check_memory();
        for effect in std::mem::take(&mut self.effects) {
            self.carry_out(effect);
        }
        result
    }

    fn carry_out(&mut self, effect: Effect) {
        let soon = if self.weather.erratic && self.chance.one_in(3) { self.chance.below(50 * MICROS) } else { 0 };
        let at = self.net.now + soon;
        match effect {
            Effect::Wake(wire) => {
                self.wakes += 1;
                self.note(20 + wire.slot() as u64, || format!("wake {wire:?}"));
                self.net.at(at, Event::Drive(wire));
            }
            Effect::Dial { wire, address } => self.dial(wire, address),
            Effect::Compute(wire) => self.net.at(at, Event::Compute(wire)),
            Effect::Unlisten(listener) => {
                self.note(5, || format!("unlisten {listener:?}"));
                self.unlistened.push(listener);
            }
            Effect::Journal(log) => {
                let slow = if self.weather.erratic { self.chance.below(SECONDS) } else { 0 };
                if !std::mem::replace(self.journal_due(log), true) {
                    self.net.at(at + slow, Event::Journal(log));
                }
            }
            Effect::Drained => self.drained += 1,
        }
    }

    fn dial(&mut self, wire: WireId, address: SocketAddr) {
        self.note(6, || format!("dial {address} for {wire:?}"));
        self.dialing.push(wire);
        if self.scripted.contains(&address) {
            let at = self.net.now + 100 * MICROS;
            self.hosts.push(Host {
                address,
                group: 0,
                nature: Nature::Good,
                accepts_after: 0,
                piece: 0,
                gap: 0,
                http10: false,
                rude: false,
                dialect: None,
            });
            return self.net.at(at, Event::Dialed(wire, Ok(self.hosts.len() - 1)));
        }
        let Some(index) = self.hosts.iter().position(|host| host.address == address) else {
            return self.net.at(self.net.now + 100 * MICROS, Event::Dialed(wire, Err(DialError::Refused)));
        };
        let at = self.net.now + self.hosts[index].accepts_after;
        let result = match self.hosts[index].nature {
            Nature::Refuses => Err(DialError::Refused),
            Nature::Unreachable => Err(DialError::Unreachable),
            Nature::NeverAccepts => return,
            _ => Ok(index),
        };
        self.net.at(at, Event::Dialed(wire, result));
    }

    fn dialed(&mut self, wire: WireId, result: Result<usize, DialError>) {
        let Some(place) = self.dialing.iter().position(|dialing| *dialing == wire) else { return };
        self.dialing.swap_remove(place);
        self.note(7, || format!("dialed {wire:?}: {result:?}"));
        let host = match result {
            Err(error) => return self.turn(|turn, _| turn.dialed(wire, Err(error))),
            Ok(host) => self.hosts[host].clone(),
        };
        let conn = self.open();
        self.install(conn, wire, false);
        if self.scripted.contains(&host.address) {
            self.accepted.push((host.address, conn));
            self.peers[conn] = Some(Peer::Script(Scripted::default()));
        } else if let Nature::Witnesses(terms) = host.nature {
            let witness = Witness::new(conn, terms, self.chance.fork());
            self.peers[conn] = Some(Peer::Witness(Box::new(witness)));
        } else if let Some(fumble) = host.fault().and_then(Fumble::of) {
            let fumbler = Fumbler::target(conn, host.address, fumble, self.net.now);
            self.peers[conn] = Some(Peer::Fumbler(Box::new(fumbler)));
            self.net.tap(conn);
        } else if let Some(dialect) = host.dialect {
            let origin = Origin::new(conn, host.clone(), dialect, self.net.now, self.chance.fork());
            self.peers[conn] = Some(Peer::Origin(Box::new(origin)));
            self.veil_target(conn, &host);
        } else {
            self.peers[conn] = Some(Peer::Target(Box::new(Target::new(conn, host.clone(), self.net.now))));
            self.veil_target(conn, &host);
        }
        let local = SocketAddr::from(([127, 0, 0, 1], 40_000));
        self.turn(|turn, _| turn.dialed(wire, Ok(Endpoints { peer: host.address, local })));
        self.drive(wire);
    }

    pub(super) fn open(&mut self) -> Conn {
        let (erratic, weather) = (self.weather.erratic, self.weather);
        let manners = Manners {
            window: self.chance.pick(weather.windows),
            segment: self.chance.pick(weather.segments),
            delay: weather.delay,
            reset_drops: erratic && self.chance.one_in(2),
        };
        let conn = self.net.open(manners);
        self.sockets.push(None);
        self.peers.push(None);
        conn
    }

    pub(super) fn install(&mut self, conn: Conn, wire: WireId, front: bool) {
        let stash = (self.weather.erratic && self.chance.one_in(4)).then(Vec::new);
        let socket = Socket {
            wire,
            readable: true,
            writable: true,
            ended: false,
            unwritable: false,
            shut: false,
            front,
            stash,
            moved_at: self.net.now,
            moved: (0, 0),
        };
        self.sockets[conn] = Some(socket);
        if self.wires.len() <= wire.slot() {
            self.wires.resize_with(wire.slot() + 1, Vec::new);
        }
        self.wires[wire.slot()].push((wire, conn));
    }

    fn socket_of(&self, wire: WireId) -> Option<Conn> {
        self.wires.get(wire.slot())?.iter().find(|(id, _)| *id == wire).map(|(_, conn)| *conn)
    }

    /// Drives one socket until neither side can do anything, or, in an erratic world, for a little while.
    pub(super) fn drive(&mut self, wire: WireId) {
        let Some(conn) = self.socket_of(wire) else {
            // A wake for a wire that is being dialed: it is gone, and nobody waits for it any more.
            if let Some(place) = self.dialing.iter().position(|dialing| *dialing == wire) {
                let gone = self.turn(|turn, _| turn.wire(wire).is_none());
                if gone && self.chance.one_in(2) {
                    self.dialing.swap_remove(place);
                }
            }
            return;
        };
        let Some(mut socket) = self.sockets[conn].take() else { return };
        let rounds = if self.weather.erratic && self.chance.one_in(4) { self.chance.between(1, 2) } else { 10_000 };
        let offer_most = self.chance.between(1, 4096) as usize;
        let open = self.turn(|turn, net| pump(turn, net, conn, &mut socket, rounds, offer_most));
        let moved = self.net.moved(conn, Side::Ours);
        if moved != socket.moved {
            (socket.moved, socket.moved_at) = (moved, self.net.now);
        }
        let census = self.told.is_some().then(|| self.shard.census());
        self.note(mix(moved.0) ^ mix(moved.1 + 1) ^ 8, || {
            format!("drove {wire:?} (conn {conn}): {open:?}, read and wrote {moved:?} so far, {census:?}")
        });
        match open {
            Outcome::Closed => {
                self.wires[wire.slot()].retain(|(id, _)| *id != wire);
            }
            Outcome::Sleeps => self.sockets[conn] = Some(socket),
            Outcome::Yields => {
                self.sockets[conn] = Some(socket);
                let at = self.net.now + self.chance.below(20 * MICROS);
                self.net.at(at, Event::Drive(wire));
            }
        }
    }

    /// Whether the lines of a log will be taken anyway.
    fn journal_due(&mut self, log: Log) -> &mut bool {
        let [access, connection] = &mut self.journals_due;
        match log {
            Log::Access => access,
            Log::Connection => connection,
        }
    }

    fn take_journal(&mut self, log: Log) {
        *self.journal_due(log) = false;
        let most = if self.weather.erratic { self.chance.between(1, 300) as usize } else { usize::MAX };
        let (lines, left) = self.turn(|turn, _| {
            let mut journal = turn.journal(log);
            let lines = journal.pending()[..journal.pending().len().min(most)].to_vec();
            journal.sent(lines.len());
            (lines, !journal.pending().is_empty())
        });
        match log {
            Log::Access => self.journal.extend(lines),
            Log::Connection => self.connections.extend(lines),
        }
        if left && !std::mem::replace(self.journal_due(log), true) {
            let at = self.net.now + self.chance.below(MILLIS);
            self.net.at(at, Event::Journal(log));
        }
    }

    // ---- peers ------------------------------------------------------------------------------------------------

    pub(crate) fn scripted(&mut self, conn: Conn) -> Option<&mut Scripted> {
        if let Some(Some(Peer::Script(scripted))) = self.peers.get_mut(conn) { Some(scripted) } else { None }
    }

    /// The peer of a connection has something to do.
    pub(crate) fn tick(&mut self, conn: Conn) {
        let Some(mut peer) = self.peers[conn].take() else { return };
        if let Some(at) = self.net.tend(conn) {
            self.net.at(at, Event::Tick(conn));
        }
        let again = match &mut peer {
            Peer::Client(client) => client
                .tick(&mut self.net, &mut self.ledger)
                .map_err(|what| format!("client {}: {what}", client.address)),
            Peer::Browser(browser) => browser
                .tick(&mut self.net, &mut self.ledger)
                .map_err(|what| format!("browser {}: {what}", browser.address)),
            Peer::Target(target) if target.over => Ok(None),
            Peer::Target(target) => target
                .tick(&mut self.net, &mut self.ledger)
                .map_err(|what| format!("target, conn {}: {what}", target.conn)),
            Peer::Origin(origin) => origin
                .tick(&mut self.net, &mut self.ledger)
                .map_err(|what| format!("origin, conn {}: {what}", origin.line.conn)),
            Peer::Attacker(attacker) => attacker
                .tick(&mut self.net, &mut self.ledger)
                .map_err(|what| format!("client {}: {what}", attacker.address)),
            Peer::Witness(witness) => {
                witness.tick(&mut self.net).map_err(|what| format!("target, conn {}: {what}", witness.conn))
            }
            Peer::Fumbler(fumbler) => {
                fumbler.tick(&mut self.net).map_err(|what| format!("{}: {what}", fumbler.address))
            }
            Peer::Script(scripted) => {
                scripted.tick(conn, &mut self.net);
                Ok(None)
            }
        };
        self.peers[conn] = Some(peer);
        match again {
            Ok(Some(at)) => self.net.at(at.max(self.net.now + 1), Event::Tick(conn)),
            Ok(None) => {}
            Err(what) => self.fail(what),
        }
    }
}
