//! A client's bytes through a whole shard to targets that keep all they get. The first byte chooses the desync mitigation
//! mode, how the rest is cut, how the targets answer, and whether they are checked meanwhile. Whatever the bytes: all readers see the same in what reaches
//! a target, a connection that was spoiled is not used again, the next client is served as if nothing had been, and
//! nothing is left over.
#![no_main]

#[allow(dead_code, unused_imports, unreachable_pub)]
#[path = "../../conformance/src/readers/mod.rs"]
mod readers;

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use readers::{Seen, agree, bodies_come_last, strict};
use sluicegate::config::{Config, DesyncMitigationMode, HealthCheck};
use sluicegate::shard::{Effect, Endpoints, Fate, ListenerId, Options, Shard, Turn, WireId};
use sluicegate::target::CheckPort;
use sluicegate::time::{Mono, Now, Wall};

const MODES: [DesyncMitigationMode; 3] =
    [DesyncMitigationMode::Monitor, DesyncMitigationMode::Defensive, DesyncMitigationMode::Strictest];

/// Bytes that arrive at once.
const PIECES: [usize; 6] = [usize::MAX, 1, 2, 7, 31, 200];

/// So many pieces at most, or an execution takes too long.
const PIECES_MAX: usize = 100;

/// How targets answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// When a request is whole.
    Proper,
    /// When its head is there, but for the last byte, which comes when the request is whole.
    Early,
    /// Without a length, and then they close.
    Close,
    /// As they should; and when nothing is asked, they go on.
    Babble,
    /// With more than the answer.
    Excess,
}

const MANNERS: [Manner; 5] = [Manner::Proper, Manner::Early, Manner::Close, Manner::Babble, Manner::Excess];

/// What nobody asked for.
const BABBLE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbabble";

const CHECK_PORT: u16 = 9999;

/// The only thing that may ever be said on a connection of a check.
const CHECK: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:9999\r\nConnection: close\r\n\
    User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n";

const VICTIM: &[u8] = b"GET /victim HTTP/1.1\r\nHost: v.example\r\n\r\n";

fuzz_target!(|data: &[u8]| {
    let Some((&choice, bytes)) = data.split_first() else { return };
    let choice = usize::from(choice);
    let (mode, piece, manner) = (MODES[choice % 3], PIECES[choice / 3 % 6], MANNERS[choice / 18 % 5]);
    let mut world = World::new(mode, manner, choice / 90 % 2 == 1, hash(data));
    let attacker = world.connect();
    for piece in bytes.chunks(piece.clamp(bytes.len() / PIECES_MAX + 1, bytes.len() + 1)) {
        world.say(attacker, piece);
    }
    world.serve_a_victim();
    world.leave(attacker);
    world.serve_a_victim();
    world.end();
    world.check_streams(mode);
    world.check_nothing_is_left();
});

struct Client {
    wire: WireId,
    /// Nobody can guess it: it depends on every byte of the input. By it a head that the balancer wrote is known.
    address: Ipv6Addr,
    received: Vec<u8>,
    over: bool,
}

struct Target {
    wire: WireId,
    /// It is a health check's.
    is_check: bool,
    stream: Vec<u8>,
    /// Where the request at hand begins, and whether it was answered.
    begun: usize,
    answered: bool,
    to_say: Vec<u8>,
    /// The end of the answer, for when the request is whole.
    withheld: Vec<u8>,
    ends: bool,
    /// From here on no request may begin.
    spoiled_at: Option<usize>,
    over: bool,
}

struct World {
    shard: Shard,
    manner: Manner,
    secret: u64,
    nanos: u64,
    clients: Vec<Client>,
    targets: Vec<Target>,
    dials: Vec<(WireId, SocketAddr)>,
}

impl World {
    fn new(mode: DesyncMitigationMode, manner: Manner, checked: bool, secret: u64) -> World {
        let mut config = Config::forwarding(80, &[([127, 0, 0, 1], 9000).into()]);
        config.load_balancers[0].attributes.desync_mitigation_mode = mode;
        // Checks go to a port of their own: so they are told from requests, whatever these look like.
        let port = CheckPort::Fixed(CHECK_PORT);
        config.groups[0].health_check = HealthCheck { enabled: checked, port, ..HealthCheck::default() };
        let mut options = Options::default();
        (options.connections_max, options.memory_max, options.access_log) = (8, 1 << 22, true);
        let shard = Shard::new(Arc::new(config), options, 7);
        World { shard, manner, secret, nanos: 0, clients: Vec::new(), targets: Vec::new(), dials: Vec::new() }
    }

    fn connect(&mut self) -> usize {
        let number = self.clients.len();
        let secret = u128::from(self.secret) << 32 | 0x2001_0db8 << 96 | number as u128 + 1;
        let address = Ipv6Addr::from_bits(secret);
        let mut turn = self.shard.turn(now(self.nanos));
        let wire = turn.accepted(ListenerId(80), ends(SocketAddr::from((address, 4711)))).expect("there is room");
        let _ = turn.finish();
        self.clients.push(Client { wire, address, received: Vec::new(), over: false });
        number
    }

    /// A client sends, as long as somebody listens.
    fn say(&mut self, client: usize, mut bytes: &[u8]) {
        let mut refused = false;
        while !bytes.is_empty() {
            let mut turn = self.shard.turn(now(self.nanos));
            let Some(mut wire) = turn.wire(self.clients[client].wire) else { return };
            let taken = wire.offer(bytes);
            bytes = &bytes[taken..];
            self.dials.extend(finish(turn));
            self.settle();
            if taken == 0 && std::mem::replace(&mut refused, true) {
                return;
            }
            refused &= taken == 0;
        }
    }

    /// Everybody reads and answers until nothing moves.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let mut turn = self.shard.turn(now(self.nanos));
            let mut moved = false;
            for (wire, address) in self.dials.drain(..) {
                moved = true;
                turn.dialed(wire, Ok(ends(address)));
                self.targets.push(Target::new(wire, address.port() == CHECK_PORT));
            }
            for client in self.clients.iter_mut().filter(|client| !client.over) {
                let read = drain(&mut turn, client.wire, &mut client.received);
                client.over = read.is_none();
                moved |= read != Some(false);
            }
            for target in &mut self.targets {
                moved |= target.tick(&mut turn, self.manner);
            }
            self.dials = finish(turn);
            if !moved && self.dials.is_empty() {
                return;
            }
        }
        panic!("it goes on for ever");
    }

    /// Whoever comes next gets its own answer.
    fn serve_a_victim(&mut self) {
        let victim = self.connect();
        self.say(victim, VICTIM);
        let received = String::from_utf8_lossy(&self.clients[victim].received);
        assert!(received.starts_with("HTTP/1.1 200 OK\r\n"), "the next client gets {received:?}");
        for client in &self.clients {
            let received = String::from_utf8_lossy(&client.received);
            for line in received.lines().filter_map(|line| line.strip_prefix("X-For: ")) {
                assert!(line.contains(&client.address.to_string()), "{received:?} comes to {}", client.address);
            }
        }
    }

    fn check_streams(&self, mode: DesyncMitigationMode) {
        for check in self.targets.iter().filter(|target| target.is_check) {
            assert_eq!(check.stream.escape_ascii().to_string(), CHECK.escape_ascii().to_string());
        }
        for target in self.targets.iter().filter(|target| !target.is_check) {
            let text = target.stream.escape_ascii();
            let seen = agree(&target.stream).unwrap_or_else(|fault| panic!("{fault}, of \"{text}\""));
            for request in &seen {
                let heads = |from, upto| self.heads(&target.stream[from..upto]);
                let (head, body) = (heads(request.start, request.head_end), heads(request.head_end, request.end));
                assert_eq!((head, body), (1, 0), "the balancer's heads in \"{text}\"");
                let spoiled = target.spoiled_at.is_some_and(|at| request.start >= at);
                assert!(!spoiled, "a request on a spoiled connection: \"{text}\"");
            }
            match mode {
                DesyncMitigationMode::Monitor | DesyncMitigationMode::Defensive => {
                    bodies_come_last(&seen).unwrap_or_else(|fault| panic!("{fault}, of \"{text}\""));
                }
                DesyncMitigationMode::Strictest => {
                    assert!(!seen.iter().any(Seen::may_be_ignored), "a body on GET or HEAD: \"{text}\"");
                }
            }
        }
    }

    /// How many heads the balancer began in these bytes.
    fn heads(&self, bytes: &[u8]) -> usize {
        let text = String::from_utf8_lossy(bytes);
        self.clients.iter().map(|client| text.matches(&client.address.to_string()).count()).sum()
    }

    /// A client closes its side.
    fn leave(&mut self, client: usize) {
        let mut turn = self.shard.turn(now(self.nanos));
        if let Some(mut wire) = turn.wire(self.clients[client].wire) {
            wire.ended();
        }
        self.dials.extend(finish(turn));
        self.settle();
    }

    /// Time passes, and then everybody is gone.
    fn end(&mut self) {
        for _ in 0..4 {
            self.nanos += Duration::from_secs(50).as_nanos() as u64;
            self.settle();
        }
        let wires: Vec<WireId> = self
            .clients
            .iter()
            .map(|client| client.wire)
            .chain(self.targets.iter().map(|target| target.wire))
            .collect();
        let mut turn = self.shard.turn(now(self.nanos));
        for id in wires {
            if let Some(mut wire) = turn.wire(id) {
                wire.lost();
            }
        }
        let dials = finish(turn);
        assert!(dials.is_empty(), "a connection for nobody");
    }

    fn check_nothing_is_left(&self) {
        let census = self.shard.census();
        assert_eq!((census.fronts, census.backs, census.probes, census.exchanges), (0, 0, 0, 0), "{census:?}");
        assert_eq!((census.memory.lent, census.memory.admitted, census.memory.metered), (0, 0, 0), "{census:?}");
    }
}

impl Target {
    fn new(wire: WireId, is_check: bool) -> Target {
        Target {
            wire,
            is_check,
            stream: Vec::new(),
            begun: 0,
            answered: false,
            to_say: Vec::new(),
            withheld: Vec::new(),
            ends: false,
            spoiled_at: None,
            over: false,
        }
    }

    /// Reads, thinks, speaks; whether anything moved.
    fn tick(&mut self, turn: &mut Turn<'_>, manner: Manner) -> bool {
        if self.over {
            return false;
        }
        let Some(read) = drain(turn, self.wire, &mut self.stream) else {
            self.over = true;
            return true;
        };
        let said = self.answer(manner);
        let spoke = self.speak(turn);
        let babbled = manner == Manner::Babble && self.babble(turn);
        read || said || spoke || babbled
    }

    /// Puts what there is to say to the request at hand; whether there is anything.
    fn answer(&mut self, manner: Manner) -> bool {
        let rest = &self.stream[self.begun..];
        let Some(seen) = strict::read(rest).requests.into_iter().next() else { return false };
        let due = !self.answered && (seen.whole || manner == Manner::Early);
        if due {
            self.answered = true;
            self.to_say.extend(answer(&seen, &rest[..seen.head_end], manner));
            self.ends |= manner == Manner::Close;
            if !seen.whole {
                self.withheld.extend(self.to_say.pop());
                self.spoiled_at = Some(self.begun + 1);
            }
            if manner == Manner::Excess {
                self.to_say.extend_from_slice(BABBLE);
                self.spoiled_at = Some(self.begun + seen.end);
            }
        }
        if self.answered && seen.whole {
            self.to_say.append(&mut self.withheld);
            self.begun += seen.end;
            self.answered = false;
        }
        due
    }

    /// Offers what is to be said; babbles where nothing was asked.
    fn speak(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(mut wire) = turn.wire(self.wire) else { return false };
        let taken = wire.offer(&self.to_say);
        self.to_say.drain(..taken);
        if self.to_say.is_empty() && std::mem::take(&mut self.ends) {
            wire.ended();
            return true;
        }
        taken > 0
    }

    /// Says something that nobody asked for, once, when the connection waits for its next request.
    fn babble(&mut self, turn: &mut Turn<'_>) -> bool {
        let idle = self.begun == self.stream.len() && self.begun > 0 && self.to_say.is_empty();
        let Some(mut wire) = turn.wire(self.wire).filter(|_| idle) else {
            return false;
        };
        if !wire.pending().is_empty() || self.spoiled_at.is_some() || wire.offer(BABBLE) == 0 {
            return false;
        }
        self.spoiled_at = Some(self.stream.len());
        true
    }
}

fn answer(seen: &Seen, head: &[u8], manner: Manner) -> Vec<u8> {
    let text = String::from_utf8_lossy(head);
    let client = text.lines().find_map(|line| line.strip_prefix("X-Forwarded-For: ")).unwrap_or("nobody");
    let framing = if manner == Manner::Close { "Connection: close" } else { "Content-Length: 2" };
    let body = if seen.method == b"HEAD" { "" } else { "hi" };
    let last = client.rsplit(", ").next().unwrap_or(client);
    format!("HTTP/1.1 200 OK\r\nX-For: {last}\r\n{framing}\r\n\r\n{body}").into_bytes()
}

/// What is pending is taken; whether there was anything. `None` if the connection is gone, or should be.
fn drain(turn: &mut Turn<'_>, id: WireId, into: &mut Vec<u8>) -> Option<bool> {
    let mut wire = turn.wire(id)?;
    let n = wire.pending().len();
    if n > 0 {
        into.extend_from_slice(wire.pending());
        wire.sent(n);
    }
    match wire.fate() {
        Fate::Open => Some(n > 0),
        // Whoever has been told so closes, too.
        Fate::Finish | Fate::Close => {
            wire.lost();
            None
        }
    }
}

/// The turn's end: the connections that are to be made.
fn finish(mut turn: Turn<'_>) -> Vec<(WireId, SocketAddr)> {
    let mut dials = Vec::new();
    while let Some(effect) = turn.next_effect() {
        if let Effect::Dial { wire, address } = effect {
            dials.push((wire, address));
        }
    }
    let _ = turn.finish();
    dials
}

fn ends(peer: SocketAddr) -> Endpoints {
    Endpoints { peer, local: ([127, 0, 0, 1], 80).into() }
}

fn now(nanos: u64) -> Now {
    Now { mono: Mono::from_nanos(nanos), wall: Wall::from_micros(1_700_000_000_000_000 + nanos / 1000) }
}

fn hash(data: &[u8]) -> u64 {
    data.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
