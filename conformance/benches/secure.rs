//! How many instructions TLS takes, in memory: of handshakes by what proves the server, by version, full and resumed; of
//! exchanges on an open connection, beside the same without TLS; of long answers and long requests, where every byte that is
//! copied counts as one. Only what the shard does is counted: the client's share, keys and certificates are not. Keys are new
//! at every start, and so is what is signed: counts of handshakes differ by some percent from run to run, and limits leave
//! room for that.

#![allow(missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use gungraun::prelude::*;
use gungraun::{Callgrind, EntryPoint, EventKind};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use sluicegate::config::{Config, Protocol};
use sluicegate::shard::{Effect, Endpoints, ListenerId, Options, Shard, Turn, WireId};
use sluicegate::time::{Mono, Now, Wall};
use sluicegate::tls::{Clock, Connector, Identity, Policy, Provider, Session, Terms};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 12\r\n\r\nhello, world";

const TLS_1_3: &str = "ELBSecurityPolicy-TLS13-1-3-2021-06";
const TLS_1_2: &str = "ELBSecurityPolicy-TLS-1-2-2017-01";

/// What proves the server.
#[derive(Clone, Copy)]
enum Key {
    P256,
    Rsa2048,
}

/// A shard with an HTTPS or HTTP listener, a client, and a target.
struct Lab {
    shard: Shard,
    connector: Connector,
    /// Without it the client speaks plainly.
    session: Option<Session>,
    front: Option<WireId>,
    back: Option<WireId>,
    /// Came from the client, as it is on the wire, and how much of it was taken.
    came: Vec<u8>,
    taken: usize,
    /// For the client.
    gone: Vec<u8>,
    /// From the target.
    answer: &'static [u8],
    /// What was sent to the target.
    asked: usize,
    nanos: u64,
}

/// In a box, so that moving it is not counted.
type Case = Box<Lab>;

impl Lab {
    fn new(key: Option<Key>, policy: &str) -> Case {
        let policy = Policy::named(policy).expect("a policy");
        let (provider, clock) = (Provider::aws_lc(), Clock::default());
        clock.set(now(0).wall);
        let mut config = Config::forwarding(443, &[([127, 0, 0, 1], 9001).into()]);
        if let Some(key) = key {
            config.listeners[0].protocol = Protocol::Https;
            config.listeners[0].tls = Some(Terms::new(policy, identity(key)));
        }
        Box::new(Lab {
            shard: Shard::new(Arc::new(config), Options::default(), 1),
            connector: Connector::new(policy, &provider, &clock, &[]).expect("something is served"),
            session: None,
            front: None,
            back: None,
            came: Vec::with_capacity(2 << 20),
            taken: 0,
            gone: Vec::with_capacity(2 << 20),
            answer: ANSWER,
            asked: 0,
            nanos: 0,
        })
    }

    /// With a client whose handshake is over.
    fn open(key: Option<Key>) -> Case {
        let mut lab = Lab::new(key, TLS_1_3);
        lab.begin(key.is_some());
        lab.accept();
        lab.shake_hands(Lab::shake);
        lab
    }

    /// A client that has not connected yet.
    fn begin(&mut self, secure: bool) {
        self.session = secure.then(|| self.connector.session("lab.example").expect("a name"));
        self.come();
    }

    fn turn<T>(&mut self, act: impl FnOnce(&mut Turn<'_>) -> T) -> T {
        self.nanos += 1_000;
        let mut turn = self.shard.turn(now(self.nanos));
        let value = act(&mut turn);
        let mut jobs = Vec::new();
        let mut dialed = None;
        while let Some(effect) = turn.next_effect() {
            match effect {
                Effect::Compute(wire) => jobs.push(wire),
                Effect::Dial { wire, .. } => dialed = Some(wire),
                _ => {}
            }
        }
        if let Some(wire) = dialed {
            turn.dialed(wire, Ok(ends()));
            self.back = Some(wire);
        }
        let _ = turn.finish();
        for wire in jobs {
            self.compute(wire);
        }
        value
    }

    fn compute(&mut self, wire: WireId) {
        let job = self.turn(|turn| turn.job(wire));
        let Some(mut job) = job else { return };
        job.run();
        self.turn(|turn| turn.computed(job));
    }

    fn accept(&mut self) {
        self.front = self.turn(|turn| turn.accepted(ListenerId(443), ends()).ok());
    }

    /// What the balancer does with what the client said.
    fn shake(&mut self) {
        self.hear();
        self.say();
    }

    /// Takes what came from the client, as far as there is room.
    fn hear(&mut self) {
        let (front, came) = (self.front.expect("it connected"), core::mem::take(&mut self.came));
        let from = self.taken;
        self.taken += self.turn(|turn| turn.wire(front).expect("it is there").offer(&came[from..]));
        self.came = came;
        if self.taken == self.came.len() {
            self.came.clear();
            self.taken = 0;
        }
    }

    /// Gives away what is for the client.
    fn say(&mut self) {
        let (front, mut gone) = (self.front.expect("it connected"), core::mem::take(&mut self.gone));
        self.turn(|turn| {
            let mut wire = turn.wire(front).expect("it is there");
            loop {
                let pending = wire.pending();
                gone.extend_from_slice(pending);
                match pending.len() {
                    0 => break,
                    n => wire.sent(n),
                }
            }
        });
        self.gone = gone;
    }

    /// The target takes what is for it, and says what it has to say, as far as there is room.
    fn target(&mut self, answers: bool) {
        let (Some(back), mut answer) = (self.back, self.answer) else { return };
        let asked = self.turn(|turn| {
            let mut wire = turn.wire(back).expect("it is there");
            let asked = wire.pending().len();
            wire.sent(asked);
            let taken = if answers { wire.offer(answer) } else { 0 };
            answer = &answer[taken..];
            asked
        });
        self.asked += asked;
        self.answer = answer;
    }

    /// The client's handshake; the balancer's share is `serve`.
    fn shake_hands(&mut self, serve: fn(&mut Lab)) {
        for _ in 0..3 {
            serve(self);
            self.take();
            self.come();
        }
        assert!(self.session.as_ref().is_none_or(Session::is_open), "a handshake");
    }

    /// What the client has to say comes in.
    fn come(&mut self) {
        let Some(session) = &mut self.session else { return };
        let mut room = [0; 32 * 1024];
        while session.has_ciphertext() {
            let n = session.take_ciphertext(&mut room);
            self.came.extend_from_slice(&room[..n]);
        }
    }

    /// The client reads what is for it; how much there is in it.
    fn take(&mut self) -> usize {
        let gone = core::mem::take(&mut self.gone);
        let Some(session) = &mut self.session else { return gone.len() };
        let (mut fed, mut heard, mut room) = (0, 0, vec![0; 32 * 1024]);
        while fed < gone.len() {
            fed += session.feed(&gone[fed..]).expect("good records");
            while session.has_plaintext() {
                heard += session.take_plaintext(&mut room);
            }
        }
        heard
    }

    /// The client asks something; what it says comes in.
    fn ask(&mut self, request: &[u8]) {
        let Some(session) = &mut self.session else { return self.came.extend_from_slice(request) };
        let mut said = 0;
        while said < request.len() {
            let n = session.encrypt(&request[said..(said + 16 * 1024).min(request.len())]);
            said += n;
            let mut room = [0; 32 * 1024];
            while session.has_ciphertext() {
                let n = session.take_ciphertext(&mut room);
                self.came.extend_from_slice(&room[..n]);
            }
        }
    }

    /// A request that came goes to the target, and its answer to the client.
    fn exchange(&mut self) {
        while !self.came.is_empty() {
            self.hear();
            self.target(self.came.is_empty());
        }
        while !self.answer.is_empty() {
            self.target(true);
            self.say();
        }
        self.say();
    }
}

/// The one function that is counted.
#[inline(never)]
fn counted(lab: &mut Lab, act: fn(&mut Lab)) {
    act(black_box(lab));
}

fn identity(key: Key) -> Arc<Identity> {
    let key = match key {
        Key::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        Key::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
    };
    let key = key.expect("a key");
    let certificate = CertificateParams::new(["lab.example".to_owned()]).expect("a name").self_signed(&key);
    let chain = certificate.expect("signed").pem();
    let arn = "arn:aws:acm:us-east-1:123456789012:certificate/lab";
    let identity = Identity::from_pem(arn, chain.as_bytes(), key.serialize_pem().as_bytes(), &Provider::aws_lc());
    Arc::new(identity.expect("a good one"))
}

fn ends() -> Endpoints {
    Endpoints { peer: ([192, 0, 2, 1], 4711).into(), local: ([127, 0, 0, 1], 443).into() }
}

fn now(nanos: u64) -> Now {
    Now { mono: Mono::from_nanos(nanos), wall: Wall::from_micros(1_790_000_000_000_000 + nanos / 1000) }
}

/// A client that is about to connect. There was one before it: what is made at the first use was made, and if a session is to
/// be `resumed`, it was that one's.
fn connecting(key: Key, policy: &str, resumed: bool) -> Case {
    let mut lab = Lab::new(Some(key), policy);
    lab.begin(true);
    lab.accept();
    lab.shake_hands(Lab::shake);
    if !resumed {
        let (policy, clock) = (Policy::named(policy).expect("a policy"), Clock::default());
        clock.set(now(0).wall);
        lab.connector = Connector::new(policy, &Provider::aws_lc(), &clock, &[]).expect("something is served");
    }
    lab.came.clear();
    lab.begin(true);
    lab
}

/// An open connection on which requests were answered.
fn used(key: Option<Key>) -> Case {
    let mut lab = Lab::open(key);
    for _ in 0..3 {
        lab.ask(REQUEST);
        lab.answer = ANSWER;
        lab.exchange();
        lab.take();
    }
    lab
}

fn asking(key: Option<Key>) -> Case {
    let mut lab = used(key);
    lab.ask(REQUEST);
    lab.answer = ANSWER;
    lab
}

/// A long answer is about to come.
fn downloading(key: Option<Key>, size: usize) -> Case {
    let mut lab = used(key);
    lab.ask(REQUEST);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
    lab.answer = [head.as_bytes(), &vec![b'x'; size]].concat().leak();
    lab
}

/// A long request has come.
fn uploading(key: Option<Key>, size: usize) -> Case {
    let mut lab = used(key);
    let head = format!("POST / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: {size}\r\n\r\n");
    lab.ask(&[head.as_bytes(), &vec![b'x'; size]].concat());
    lab.answer = ANSWER;
    lab.asked = 0;
    lab
}

/// More instructions than that fail the run.
fn limited(most: u64) -> LibraryBenchmarkConfig {
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(
        Callgrind::default()
            .entry_point(EntryPoint::Custom("secure::counted".to_owned()))
            .hard_limits([(EventKind::Ir, most)]),
    );
    config
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

#[library_benchmark]
#[bench::tls_1_3_p256(args = (connecting(Key::P256, TLS_1_3, false)), config = limited(1_250_000))]
#[bench::tls_1_3_p256_resumed(args = (connecting(Key::P256, TLS_1_3, true)), config = limited(1_150_000))]
#[bench::tls_1_3_rsa_2048(args = (connecting(Key::Rsa2048, TLS_1_3, false)), config = limited(7_900_000))]
#[bench::tls_1_3_rsa_2048_resumed(args = (connecting(Key::Rsa2048, TLS_1_3, true)), config = limited(1_150_000))]
#[bench::tls_1_2_p256(args = (connecting(Key::P256, TLS_1_2, false)), config = limited(950_000))]
#[bench::tls_1_2_p256_resumed(args = (connecting(Key::P256, TLS_1_2, true)), config = limited(220_000))]
#[bench::tls_1_2_rsa_2048(args = (connecting(Key::Rsa2048, TLS_1_2, false)), config = limited(7_600_000))]
#[bench::tls_1_2_rsa_2048_resumed(args = (connecting(Key::Rsa2048, TLS_1_2, true)), config = limited(220_000))]
fn handshake(mut lab: Case) -> Case {
    counted(&mut lab, Lab::accept);
    lab.shake_hands(|lab| counted(lab, Lab::shake));
    lab
}

#[library_benchmark]
#[bench::plain(args = (asking(None)), config = limited(12_300))]
#[bench::secure(args = (asking(Some(Key::P256))), config = limited(19_200))]
fn exchange(mut lab: Case) -> Case {
    counted(&mut lab, Lab::exchange);
    assert!(lab.take() > ANSWER.len());
    lab
}

#[library_benchmark]
#[bench::plain_16_kib(args = (downloading(None, 16 * KIB)), config = limited(176_000))]
#[bench::secure_16_kib(args = (downloading(Some(Key::P256), 16 * KIB)), config = limited(300_000))]
#[bench::plain_1_mib(args = (downloading(None, MIB)), config = limited(3_200_000))]
#[bench::secure_1_mib(args = (downloading(Some(Key::P256), MIB)), config = limited(8_500_000))]
fn download(mut lab: Case) -> Case {
    let size = lab.answer.len();
    counted(&mut lab, Lab::exchange);
    assert!(lab.take() >= size);
    lab
}

#[library_benchmark]
#[bench::plain_16_kib(args = (uploading(None, 16 * KIB)), config = limited(160_000))]
#[bench::secure_16_kib(args = (uploading(Some(Key::P256), 16 * KIB)), config = limited(270_000))]
#[bench::plain_1_mib(args = (uploading(None, MIB)), config = limited(1_340_000))]
#[bench::secure_1_mib(args = (uploading(Some(Key::P256), MIB)), config = limited(7_600_000))]
fn upload(mut lab: Case) -> Case {
    counted(&mut lab, Lab::exchange);
    assert!(lab.asked > 16 * KIB);
    lab
}

library_benchmark_group!(name = secure, benchmarks = [handshake, exchange, download, upload]);
main!(library_benchmark_groups = secure);
