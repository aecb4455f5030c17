//! A shard whose clients and targets speak TLS, all in memory and in virtual time.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{Config, Protocol};
use sluicegate::shard::{DialError, Effect, Endpoints, Fate, Job, ListenerId, Options, Shard, Shed, WireId};
use sluicegate::time::{Mono, Now, Wall};
use sluicegate::tls::{Acceptor, Clock, Connector, Identity, Policy, Provider, Session, Terms};

/// What the tests take for the present: certificates made for them are valid then.
pub(crate) const WALL: u64 = 1_800_000_000;

pub(crate) fn wall() -> Wall {
    Wall::from_micros(WALL * 1_000_000)
}

/// A certificate for `name` that signs itself, ECDSA P-256.
pub(crate) fn identity(name: &str) -> Arc<Identity> {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let arn = format!("arn:aws:acm:eu-central-1:000000000000:certificate/{name}");
    let (cert, key) = (cert.pem(), signing_key.serialize_pem());
    Arc::new(Identity::from_pem(&arn, cert.as_bytes(), key.as_bytes(), &Provider::aws_lc()).unwrap())
}

pub(crate) fn terms() -> Terms {
    Terms::new(policy("TLS13-1-2-2021-06"), identity("localhost"))
}

pub(crate) fn policy(name: &str) -> &'static Policy {
    Policy::named(&format!("ELBSecurityPolicy-{name}")).unwrap()
}

/// One listener on port 443 with those terms, which forwards to `targets`.
pub(crate) fn config(terms: Option<Terms>, targets: &[SocketAddr], to_targets: Protocol) -> Config {
    let mut config = Config::forwarding(443, targets);
    config.listeners[0].protocol = if terms.is_some() { Protocol::Https } else { Protocol::Http };
    config.listeners[0].tls = terms;
    config.groups[0].protocol = to_targets;
    config
}

/// The other end of a wire.
pub(crate) struct Peer {
    pub(crate) wire: WireId,
    /// It answers.
    pub(crate) target: bool,
    /// Where it was dialed.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) session: Option<Session>,
    /// Plaintext that came.
    pub(crate) heard: Vec<u8>,
    /// Plaintext to be said.
    pub(crate) says: Vec<u8>,
    /// Bytes for the shard, as they are on the wire.
    pub(crate) raw: Vec<u8>,
    /// Bytes of the shard that a peer without session got.
    pub(crate) fate: Fate,
    pub(crate) failure: Option<String>,
    /// So many bytes at a time.
    pub(crate) piece: usize,
    /// It reads so many bytes at a time.
    pub(crate) takes: usize,
}

/// A shard, its peers and the time.
pub(crate) struct Lab {
    pub(crate) shard: Shard,
    pub(crate) now: Mono,
    pub(crate) due: Option<Mono>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) jobs: VecDeque<WireId>,
    /// Jobs are carried out at once.
    pub(crate) prompt: bool,
    pub(crate) acceptor: Option<Arc<Acceptor>>,
    pub(crate) connector: Connector,
    pub(crate) dials: Vec<(WireId, SocketAddr)>,
    /// Targets that cannot be reached.
    pub(crate) refusals: BTreeMap<SocketAddr, DialError>,
    /// Targets accept nothing for the moment.
    pub(crate) holds_dials: bool,
    pub(crate) answer: Vec<u8>,
    /// Targets say nothing by themselves.
    pub(crate) silent: bool,
    pub(crate) clock: Clock,
    port: u16,
    pub(crate) listener: ListenerId,
    pub(crate) config: Arc<Config>,
}

impl Lab {
    pub(crate) fn new(config: Config) -> Lab {
        Lab::with(config, Options::default())
    }

    pub(crate) fn with(config: Config, options: Options) -> Lab {
        let clock = Clock::default();
        clock.set(wall());
        let provider = Provider::aws_lc();
        let connector = Connector::new(policy("TLS13-1-2-2021-06"), &provider, &clock, &[]).unwrap();
        let secure = config.groups[0].protocol == Protocol::Https;
        let acceptor = Acceptor::new(&terms(), &provider, &clock, None, &[]).filter(|_| secure).map(Arc::new);
        let listener = ListenerId(config.listeners[0].port);
        let config = Arc::new(config);
        let mut lab = Lab {
            shard: Shard::new(Arc::clone(&config), options, 7),
            config,
            now: Mono::default(),
            due: None,
            peers: Vec::new(),
            jobs: VecDeque::new(),
            prompt: true,
            acceptor,
            connector,
            dials: Vec::new(),
            refusals: BTreeMap::new(),
            holds_dials: false,
            silent: false,
            answer: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_vec(),
            clock,
            port: 1000,
            listener,
        };
        lab.turn(|_| ());
        lab
    }

    pub(crate) fn now(&self) -> Now {
        Now { mono: self.now, wall: Wall::from_micros(wall().micros() + self.now.nanos() / 1000) }
    }

    pub(crate) fn turn<R>(&mut self, act: impl FnOnce(&mut sluicegate::shard::Turn<'_>) -> R) -> R {
        let now = self.now();
        let mut turn = self.shard.turn(now);
        let result = act(&mut turn);
        let effects: Vec<Effect> = std::iter::from_fn(|| turn.next_effect()).collect();
        self.due = turn.finish();
        for effect in effects {
            match effect {
                Effect::Dial { wire, address } => self.dials.push((wire, address)),
                Effect::Compute(wire) => self.jobs.push_back(wire),
                Effect::Wake(_) | Effect::Unlisten(_) | Effect::Journal(_) | Effect::Drained => {}
            }
        }
        result
    }

    pub(crate) fn endpoints(port: u16) -> Endpoints {
        Endpoints { peer: ([192, 0, 2, 1], port).into(), local: ([127, 0, 0, 1], 443).into() }
    }

    pub(crate) fn connect_raw(&mut self) -> Result<usize, Shed> {
        self.port += 1;
        let (port, listener) = (self.port, self.listener);
        let wire = self.turn(|turn| turn.accepted(listener, Lab::endpoints(port)))?;
        self.peers.push(Peer {
            wire,
            target: false,
            address: None,
            session: None,
            heard: Vec::new(),
            says: Vec::new(),
            raw: Vec::new(),
            fate: Fate::Open,
            failure: None,
            piece: usize::MAX,
            takes: usize::MAX,
        });
        Ok(self.peers.len() - 1)
    }

    /// A client that speaks TLS.
    pub(crate) fn connect(&mut self) -> usize {
        let peer = self.connect_raw().unwrap();
        self.peers[peer].session = self.connector.session("lab.example");
        peer
    }

    /// Lets everything happen that can happen now.
    pub(crate) fn run(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            for peer in 0..self.peers.len() {
                moved |= self.exchange_bytes(peer);
            }
            while self.prompt && self.compute() {
                moved = true;
            }
            while let Some((wire, address)) = self.dials.pop_if(|_| !self.holds_dials) {
                self.dialed(wire, address);
                moved = true;
            }
            if !moved {
                return;
            }
        }
        panic!("it never rests");
    }

    fn dialed(&mut self, wire: WireId, address: SocketAddr) {
        if let Some(&error) = self.refusals.get(&address) {
            return self.turn(|turn| turn.dialed(wire, Err(error)));
        }
        self.turn(|turn| turn.dialed(wire, Ok(Lab::endpoints(1))));
        let session = self.acceptor.as_ref().map(Acceptor::session);
        self.peers.push(Peer {
            wire,
            target: true,
            address: Some(address),
            session,
            heard: Vec::new(),
            says: Vec::new(),
            raw: Vec::new(),
            fate: Fate::Open,
            failure: None,
            piece: usize::MAX,
            takes: usize::MAX,
        });
    }

    /// Carries out one job, if there is one.
    pub(crate) fn compute(&mut self) -> bool {
        let Some(wire) = self.jobs.pop_front() else { return false };
        let job: Option<Job> = self.turn(|turn| turn.job(wire));
        if let Some(mut job) = job {
            job.run();
            self.turn(|turn| turn.computed(job));
        }
        true
    }

    /// Moves bytes between a peer and its wire; whether any moved.
    fn exchange_bytes(&mut self, peer: usize) -> bool {
        let wire = self.peers[peer].wire;
        if self.peers[peer].fate == Fate::Close {
            return false;
        }
        self.peers[peer].seal();
        let (piece, takes) = (self.peers[peer].piece, self.peers[peer].takes);
        let raw = std::mem::take(&mut self.peers[peer].raw);
        let before = self.peers[peer].fate;
        let (taken, got, fate) = self.turn(|turn| {
            let Some(mut wire) = turn.wire(wire) else { return (0, Vec::new(), Fate::Close) };
            let taken = wire.offer(&raw[..raw.len().min(piece)]);
            let got = wire.pending();
            let got = got[..got.len().min(takes)].to_vec();
            if !got.is_empty() {
                wire.sent(got.len());
            }
            let fate = wire.fate();
            if fate == Fate::Close {
                wire.lost();
            }
            (taken, got, fate)
        });
        let peer = &mut self.peers[peer];
        peer.raw = raw[taken..].to_vec();
        peer.fate = fate;
        peer.hear(&got);
        if peer.target && !self.silent && peer.heard.ends_with(b"\r\n\r\n") && peer.heard.starts_with(b"GET") {
            peer.heard.clear();
            peer.says.extend_from_slice(&self.answer);
        }
        taken > 0 || !got.is_empty() || fate != before
    }

    /// A peer ends without a word.
    pub(crate) fn ends(&mut self, peer: usize) {
        let wire = self.peers[peer].wire;
        self.turn(|turn| turn.wire(wire).map(|mut wire| wire.ended()));
    }

    /// Time passes, and the shard gets every turn that it wants.
    pub(crate) fn pass(&mut self, span: Duration) {
        let end = self.now.after(span);
        while let Some(due) = self.due.filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.turn(|_| ());
        }
        self.now = end;
        self.turn(|_| ());
    }

    pub(crate) fn says(&mut self, peer: usize, text: &str) {
        self.peers[peer].says.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn heard(&self, peer: usize) -> String {
        String::from_utf8_lossy(&self.peers[peer].heard).into_owned()
    }
}

impl Peer {
    fn seal(&mut self) {
        let Some(session) = &mut self.session else { return self.raw.append(&mut self.says) };
        if session.is_open() {
            let n = session.encrypt(&self.says);
            self.says.drain(..n);
        }
        let mut room = vec![0; 64 * 1024];
        while session.has_ciphertext() {
            let n = session.take_ciphertext(&mut room);
            self.raw.extend_from_slice(&room[..n]);
        }
    }

    fn hear(&mut self, mut got: &[u8]) {
        let Some(session) = &mut self.session else { return self.heard.extend_from_slice(got) };
        let mut room = vec![0; 64 * 1024];
        loop {
            if session.is_greeted()
                && let Err(failure) = session.answer()
            {
                self.failure.get_or_insert(failure.to_string());
                return;
            }
            match session.feed(got) {
                Ok(n) => got = &got[n..],
                Err(failure) => {
                    self.failure.get_or_insert(failure.to_string());
                    return;
                }
            }
            let n = session.take_plaintext(&mut room);
            self.heard.extend_from_slice(&room[..n]);
            if got.is_empty() && n == 0 && !session.is_greeted() {
                return;
            }
        }
    }
}
