//! A whole load balancer in memory, one client, and targets that read strictly: what becomes of the bytes that the client
//! sends.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use sluicegate::config::{Config, DesyncMitigationMode};
use sluicegate::desync::Mode;
use sluicegate::shard::{Effect, Endpoints, Fate, ListenerId, Log, Options, Shard, Turn, WireId};
use sluicegate::time::{Mono, Now, Wall};

use super::http::{self, Request};
use super::text::shown;

/// What became of it.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Happened {
    /// What the client got.
    pub(crate) answers: Vec<u8>,
    /// Nothing more will be served on the client's connection.
    pub(crate) client_is_closed: bool,
    /// The connections to targets, in the order they were made.
    pub(crate) targets: Vec<Target>,
    /// Of the first line of the access log, the last two fields.
    pub(crate) logged: String,
    /// How many requests were counted as non-compliant.
    pub(crate) counted: u64,
}

/// A connection to a target.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// The whole requests that it got, each of which it answers.
    pub(crate) requests: Vec<Request>,
    /// What came after them.
    pub(crate) rest: Vec<u8>,
    pub(crate) is_closed: bool,
}

/// Sends `bytes` to a load balancer, so many at a time.
pub(crate) fn send(bytes: &[u8], piece: usize, mode: Mode) -> Happened {
    let mut play = Play::new(mode);
    for piece in bytes.chunks(piece) {
        play.unsent.extend_from_slice(piece);
        while play.step() {}
    }
    play.finish()
}

impl fmt::Debug for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let closed = if self.client_is_closed { " and the end" } else { "" };
        write!(f, "the client got {}{closed}", shown(&self.answers))?;
        for target in &self.targets {
            let closed = if target.is_closed { " and the end" } else { "" };
            write!(f, "; a target got {:?} and {}{closed}", target.requests, shown(&target.rest))?;
        }
        Ok(())
    }
}

struct Play {
    shard: Shard,
    client: WireId,
    unsent: Vec<u8>,
    dials: Vec<WireId>,
    targets: BTreeMap<usize, (WireId, Target)>,
    happened: Happened,
}

const NOW: Now = Now { mono: Mono::from_nanos(0), wall: Wall::from_micros(1_700_000_000_000_000) };

fn ends() -> Endpoints {
    Endpoints { peer: SocketAddr::from(([192, 0, 2, 1], 4711)), local: SocketAddr::from(([127, 0, 0, 1], 80)) }
}

fn mitigation(mode: Mode) -> DesyncMitigationMode {
    match mode {
        Mode::Monitor => DesyncMitigationMode::Monitor,
        Mode::Defensive => DesyncMitigationMode::Defensive,
        Mode::Strictest => DesyncMitigationMode::Strictest,
    }
}

impl Play {
    fn new(mode: Mode) -> Play {
        let mut config = Config::forwarding(80, &[SocketAddr::from(([127, 0, 0, 1], 9001))]);
        config.load_balancers[0].attributes.desync_mitigation_mode = mitigation(mode);
        let mut options = Options::default();
        options.access_log = true;
        let mut shard = Shard::new(Arc::new(config), options, 1);
        let mut turn = shard.turn(NOW);
        let client = turn.accepted(ListenerId(80), ends()).expect("a listener");
        let _ = turn.finish();
        let (unsent, dials, targets) = (Vec::new(), Vec::new(), BTreeMap::new());
        Play { shard, client, unsent, dials, targets, happened: Happened::default() }
    }

    /// Everything that can move now; whether anything did.
    fn step(&mut self) -> bool {
        let mut turn = self.shard.turn(NOW);
        for wire in self.dials.drain(..) {
            turn.dialed(wire, Ok(ends()));
            self.targets.insert(self.targets.len(), (wire, Target::default()));
        }
        let mut moved = carry_client(&mut turn, self.client, &mut self.unsent, &mut self.happened);
        for (wire, target) in self.targets.values_mut() {
            moved |= carry_target(&mut turn, *wire, target);
        }
        while let Some(effect) = turn.next_effect() {
            if let Effect::Dial { wire, .. } = effect {
                self.dials.push(wire);
                moved = true;
            }
        }
        let _ = turn.finish();
        moved
    }

    /// The client leaves, so that every line of the log is written.
    fn finish(mut self) -> Happened {
        let mut turn = self.shard.turn(NOW);
        for (wire, target) in self.targets.values_mut() {
            target.is_closed = turn.wire(*wire).is_none_or(|wire| wire.fate() != Fate::Open);
        }
        self.happened.client_is_closed = turn.wire(self.client).is_none_or(|wire| wire.fate() != Fate::Open);
        if let Some(mut wire) = turn.wire(self.client) {
            wire.lost();
        }
        self.happened.logged = classification(turn.journal(Log::Access).pending());
        let _ = turn.finish();
        self.happened.counted = self.shard.metrics().desync_mitigation_mode_non_compliant_request_count;
        self.happened.targets = self.targets.into_values().map(|(_, target)| target).collect();
        self.happened
    }
}

fn classification(log: &[u8]) -> String {
    let log = String::from_utf8_lossy(log);
    let fields: Vec<&str> = log.lines().next().unwrap_or_default().rsplitn(3, ' ').collect();
    if let [reason, tier, _] = fields[..] { format!("{tier} {reason}") } else { String::new() }
}

fn carry_client(turn: &mut Turn<'_>, client: WireId, unsent: &mut Vec<u8>, happened: &mut Happened) -> bool {
    let Some(mut wire) = turn.wire(client) else { return false };
    let taken = wire.offer(unsent);
    unsent.drain(..taken);
    let n = wire.pending().len();
    happened.answers.extend_from_slice(wire.pending());
    wire.sent(n);
    taken + n > 0
}

/// The target answers each request once it is whole.
fn carry_target(turn: &mut Turn<'_>, id: WireId, target: &mut Target) -> bool {
    let Some(mut wire) = turn.wire(id) else { return false };
    if wire.fate() == Fate::Close {
        target.is_closed = true;
        wire.lost();
        return true;
    }
    let n = wire.pending().len();
    target.rest.extend_from_slice(wire.pending());
    wire.sent(n);
    while let Some((request, len)) = http::request(&target.rest) {
        target.rest.drain(..len);
        let body: &[u8] = if request.line.starts_with(b"HEAD ") { b"" } else { b"ok" };
        target.requests.push(request);
        wire.offer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        wire.offer(body);
    }
    n > 0
}
