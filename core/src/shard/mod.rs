//! A stand-in for the load balancer: every client is joined to the first target, byte for byte.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::Config;
use crate::time::{Mono, Now};

/// Stub options.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Stub.
    pub connections_max: usize,
    /// Stub.
    pub memory_max: usize,
    /// Stub.
    pub access_log: bool,
    /// Stub.
    pub server_header: String,
}

impl Default for Options {
    fn default() -> Self {
        Options { connections_max: 100_000, memory_max: 1 << 30, access_log: false, server_header: "awselb/2.0".into() }
    }
}

/// A listener's declared port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerId(pub u16);

/// A wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireId {
    slot: u32,
    generation: u32,
}

impl WireId {
    /// Dense index.
    pub fn slot(self) -> usize {
        self.slot as usize
    }
}

/// Both ends.
#[derive(Clone, Copy, Debug)]
pub struct Endpoints {
    /// Theirs.
    pub peer: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// Full.
    Connections,
}

/// Why a dial failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialError {
    /// RST.
    Refused,
    /// No answer.
    TimedOut,
    /// No route.
    Unreachable,
    /// Our own lack.
    Local,
}

/// What to do with the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Go on.
    Open,
    /// Half-close.
    Finish,
    /// Close.
    Close,
}

/// Work for the adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Connect.
    Dial {
        /// For.
        wire: WireId,
        /// To.
        address: SocketAddr,
    },
    /// Look again.
    Wake(WireId),
    /// Stop accepting.
    Unlisten(ListenerId),
    /// Log bytes wait.
    Journal,
    /// All done.
    Drained,
}

struct Pipe {
    generation: u32,
    used: bool,
    other: u32,
    out: Vec<u8>,
    end: bool,
    close: bool,
    listener: u16,
}

/// Stub.
pub struct Shard {
    config: Arc<Config>,
    pipes: Vec<Pipe>,
    free: Vec<u32>,
    effects: VecDeque<Effect>,
    room: Vec<u8>,
    borrowed: Option<u32>,
    draining: bool,
    open: usize,
    log: Vec<u8>,
    access_log: bool,
}

impl Shard {
    /// Stub.
    pub fn new(config: Arc<Config>, options: Options, _seed: u64) -> Shard {
        Shard {
            config,
            pipes: Vec::new(),
            free: Vec::new(),
            effects: VecDeque::new(),
            room: vec![0; 16384],
            borrowed: None,
            draining: false,
            open: 0,
            log: Vec::new(),
            access_log: options.access_log,
        }
    }

    /// Stub.
    pub fn turn(&mut self, _now: Now) -> Turn<'_> {
        Turn { shard: self }
    }

    fn make(&mut self, listener: u16) -> u32 {
        self.open += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.pipes.push(Pipe { generation: 0, used: false, other: u32::MAX, out: Vec::new(), end: false, close: false, listener });
            self.pipes.len() as u32 - 1
        });
        let pipe = &mut self.pipes[slot as usize];
        pipe.generation += 1;
        pipe.used = true;
        pipe.other = u32::MAX;
        pipe.end = false;
        pipe.close = false;
        slot
    }

    fn id(&self, slot: u32) -> WireId {
        WireId { slot, generation: self.pipes[slot as usize].generation }
    }

    fn free(&mut self, slot: u32) {
        let other = self.pipes[slot as usize].other;
        self.pipes[slot as usize].used = false;
        self.pipes[slot as usize].out = Vec::new();
        self.free.push(slot);
        self.open -= 1;
        if other != u32::MAX && self.pipes[other as usize].used {
            self.pipes[other as usize].other = u32::MAX;
            self.pipes[other as usize].close = true;
            let id = self.id(other);
            self.effects.push_back(Effect::Wake(id));
        }
        if self.access_log {
            self.log.extend_from_slice(b"http one line\n");
            self.effects.push_back(Effect::Journal);
        }
        if self.draining && self.open == 0 {
            self.effects.push_back(Effect::Drained);
        }
    }
}

/// Stub.
pub struct Turn<'a> {
    shard: &'a mut Shard,
}

/// Stub.
pub struct Wire<'a> {
    shard: &'a mut Shard,
    slot: u32,
}

/// Stub.
pub struct Journal<'a> {
    shard: &'a mut Shard,
}

impl Journal<'_> {
    /// Whole lines.
    pub fn pending(&self) -> &[u8] {
        &self.shard.log
    }
    /// Taken.
    pub fn sent(&mut self, n: usize) {
        self.shard.log.drain(..n);
    }
}

impl Turn<'_> {
    /// Stub.
    pub fn accepted(&mut self, listener: ListenerId, _endpoints: Endpoints) -> Result<WireId, Shed> {
        let client = self.shard.make(listener.0);
        let upstream = self.shard.make(0);
        self.shard.pipes[client as usize].other = upstream;
        self.shard.pipes[upstream as usize].other = client;
        let wire = self.shard.id(upstream);
        match self.shard.config.groups.first().and_then(|group| group.targets.first()) {
            Some(target) => self.shard.effects.push_back(Effect::Dial { wire, address: target.address }),
            None => self.shard.free(upstream),
        }
        Ok(self.shard.id(client))
    }
    /// Stub.
    pub fn dialed(&mut self, wire: WireId, result: Result<Endpoints, DialError>) {
        if result.is_err() && self.wire(wire).is_some() {
            self.shard.free(wire.slot);
        }
    }
    /// Stub.
    pub fn wire(&mut self, id: WireId) -> Option<Wire<'_>> {
        let pipe = self.shard.pipes.get(id.slot())?;
        if !pipe.used || pipe.generation != id.generation {
            return None;
        }
        self.shard.borrowed = Some(id.slot);
        Some(Wire { shard: self.shard, slot: id.slot })
    }
    /// Stub.
    pub fn reconfigured(&mut self, config: Arc<Config>) -> Arc<Config> {
        let old = std::mem::replace(&mut self.shard.config, config);
        for listener in &old.listeners {
            if !self.shard.config.listeners.iter().any(|now| now.port == listener.port) {
                self.shard.effects.push_back(Effect::Unlisten(ListenerId(listener.port)));
            }
        }
        old
    }
    /// Stub.
    pub fn draining(&mut self) {
        self.shard.draining = true;
        for listener in &self.shard.config.listeners {
            self.shard.effects.push_back(Effect::Unlisten(ListenerId(listener.port)));
        }
        if self.shard.open == 0 {
            self.shard.effects.push_back(Effect::Drained);
        }
    }
    /// Stub.
    pub fn journal(&mut self) -> Journal<'_> {
        Journal { shard: self.shard }
    }
    /// Stub.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.shard.effects.pop_front()
    }
    /// Stub.
    #[must_use]
    pub fn finish(self) -> Option<Mono> {
        self.shard.borrowed = None;
        None
    }
}

impl Wire<'_> {
    fn pipe(&self) -> &Pipe {
        &self.shard.pipes[self.slot as usize]
    }
    fn other(&mut self) -> Option<&mut Pipe> {
        let other = self.pipe().other;
        self.shard.pipes.get_mut(other as usize)
    }
    fn wake_other(&mut self) {
        let other = self.pipe().other;
        if other != u32::MAX {
            let id = self.shard.id(other);
            self.shard.effects.push_back(Effect::Wake(id));
        }
    }
    /// Stub.
    pub fn space(&mut self) -> Option<&mut [u8]> {
        let room = 65536usize.saturating_sub(self.other().map_or(0, |other| other.out.len()));
        let room = room.min(16384);
        (room > 0).then(|| &mut self.shard.room[..room])
    }
    /// Stub.
    pub fn filled(&mut self, n: usize) {
        let bytes = self.shard.room[..n].to_vec();
        assert!(!bytes.starts_with(b"PANIC"), "the stub was asked to panic");
        self.offer(&bytes);
    }
    /// Stub.
    pub fn offer(&mut self, bytes: &[u8]) -> usize {
        let mut wake = false;
        if let Some(other) = self.other() {
            wake = other.out.is_empty();
            other.out.extend_from_slice(bytes);
        }
        if wake {
            self.wake_other();
        }
        bytes.len()
    }
    /// Stub.
    pub fn ended(&mut self) {
        match self.other() {
            Some(other) => other.end = true,
            None => self.shard.pipes[self.slot as usize].close = true,
        }
        self.wake_other();
    }
    /// Stub.
    pub fn pending(&self) -> &[u8] {
        &self.pipe().out
    }
    /// Stub.
    pub fn sent(&mut self, n: usize) {
        let full = self.pipe().out.len() >= 65536;
        self.shard.pipes[self.slot as usize].out.drain(..n);
        if full {
            self.wake_other();
        }
    }
    /// Stub.
    pub fn unwritable(&mut self) {
        self.shard.pipes[self.slot as usize].out.clear();
    }
    /// Stub.
    pub fn lost(&mut self) {
        self.shard.free(self.slot);
    }
    /// Stub.
    pub fn fate(&self) -> Fate {
        let pipe = self.pipe();
        if pipe.close && pipe.out.is_empty() {
            Fate::Close
        } else if pipe.end {
            Fate::Finish
        } else {
            Fate::Open
        }
    }
}
