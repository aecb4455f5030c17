//! A turn: the shard at one moment, with the verbs that happen to it.

use std::sync::Arc;

use super::front::DRAIN_GRACE;
use super::handshake::CLIENT_HANDSHAKE_TIMEOUT;
use super::secure::Secure;
use super::wire::{Front, Phase, Role, WireState};
use super::{DialError, Effect, Endpoints, Job, Journal, ListenerId, Log, Shard, Shed, Wire, WireId};
use crate::config::{Config, LoadBalancer, Protocol};
use crate::http::h1::head::Scanner;
use crate::time::Mono;

/// The shard at one moment. Say what happened, take the effects, [`finish`](Turn::finish), and only then act on them.
#[must_use = "finish the turn: it says when the next one is due"]
pub struct Turn<'s> {
    shard: &'s mut Shard,
}

impl<'s> Turn<'s> {
    pub(crate) fn new(shard: &'s mut Shard) -> Self {
        Turn { shard }
    }

    /// A client connected.
    ///
    /// # Errors
    /// [`Shed`] when it is not taken, and why; the caller closes the socket.
    pub fn accepted(&mut self, listener: ListenerId, endpoints: Endpoints) -> Result<WireId, Shed> {
        self.shard.accept(listener, endpoints)
    }

    /// An [`Effect::Dial`] was carried out. Afterwards the wire is driven like any other if it is still there.
    pub fn dialed(&mut self, wire: WireId, result: Result<Endpoints, DialError>) {
        self.shard.dialed(wire, result);
    }

    /// A connection, if it is still there.
    pub fn wire(&mut self, id: WireId) -> Option<Wire<'_>> {
        if self.shard.borrow(id) { Some(Wire { shard: self.shard, id }) } else { None }
    }

    /// From now on requests are decided by `config`. Those in progress end as they began. The old configuration is
    /// returned, so that it can be dropped where that costs no request time.
    pub fn reconfigured(&mut self, config: Arc<Config>) -> Arc<Config> {
        self.shard.reconfigure(config)
    }

    /// The shard is to end: listeners close, answers in progress are the last on their connections. Idle clients have a
    /// moment to send a request that may be on its way already; it is answered, and is the last.
    /// [`Effect::Drained`] follows when all clients have gone.
    pub fn draining(&mut self) {
        self.shard.drain();
    }

    /// The step of a handshake that [`Effect::Compute`] announced, if its connection is still there.
    pub fn job(&mut self, wire: WireId) -> Option<Job> {
        self.shard.job(wire)
    }

    /// A step of a handshake was carried out.
    pub fn computed(&mut self, job: Job) {
        self.shard.computed(job);
    }

    /// Lines for a log.
    pub fn journal(&mut self, log: Log) -> Journal<'_> {
        Journal::new(self.shard, log)
    }

    /// The next thing to do outside.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.shard.effects.queue.pop_front()
    }

    /// Ends the turn: when the next one is due at the latest, if ever.
    #[must_use = "the next turn is due by then"]
    pub fn finish(self) -> Option<Mono> {
        self.shard.settle();
        [self.shard.timers.next(), self.shard.checkups.next()].into_iter().flatten().min()
    }
}

impl Shard {
    fn accept(&mut self, port: ListenerId, endpoints: Endpoints) -> Result<WireId, Shed> {
        if self.fronts >= self.options.connections_max {
            return Err(Shed::Connections);
        }
        let (index, balancer) = listener_of(&self.config, port).ok_or(Shed::NoListener)?;
        let (keep_alive, idle) = (balancer.attributes.client_keep_alive, balancer.attributes.idle_timeout);
        let secure = self.door(index)?;
        let phase = match secure {
            Some(_) => Phase::Handshake { until: self.now.mono.after(CLIENT_HANDSHAKE_TIMEOUT), counted: false },
            None => Phase::Head { scanner: Scanner::request(), since: None },
        };
        let front = Front {
            endpoints,
            port,
            listener: Some(index),
            opened: self.now.mono,
            keep_alive,
            idle: if self.draining { DRAIN_GRACE } else { idle },
            secured: None,
            phase,
        };
        let is_plain = secure.is_none();
        let wire = WireState { secure, ..WireState::new(Role::Front(front), self.now.mono) };
        let id = WireId(self.wires.insert(wire));
        self.fronts += 1;
        self.rearm(id);
        if is_plain {
            self.log_attempt(endpoints, port.0, None);
        }
        Ok(id)
    }

    /// What a new connection to that listener begins with: a session, if it speaks TLS.
    fn door(&self, listener: usize) -> Result<Option<Box<Secure>>, Shed> {
        if self.config.listeners[listener].protocol == Protocol::Http {
            return Ok(None);
        }
        let session = self.doors.accept(listener).ok_or(Shed::NoTls)?;
        Ok(Some(Secure::new(session)))
    }

    fn borrow(&mut self, id: WireId) -> bool {
        let turn = self.turn;
        let Some(wire) = self.wires.get_mut(id.0) else { return false };
        if wire.is_dialing() {
            return true;
        }
        wire.told.woken = false;
        if wire.told.turn != turn {
            wire.told.turn = turn;
            wire.told.starved = false;
            let stuck = wire.secure.as_ref().is_some_and(|secure| secure.stuck);
            self.borrowed.push(id);
            if stuck {
                self.unseal(id);
            }
        }
        self.wires.get(id.0).is_some()
    }

    /// Notes what the outside saw of the wires that it borrowed, and takes back memory that it did not use.
    fn settle(&mut self) {
        while let Some(id) = self.borrowed.pop() {
            self.give_back(id);
            let fate = self.fate(id);
            let Some(wire) = self.wires.get_mut(id.0) else { continue };
            wire.told.fate = fate;
            wire.told.writing = wire.has_pending();
        }
    }

    fn reconfigure(&mut self, config: Arc<Config>) -> Arc<Config> {
        let old = self.adopt(config);
        for listener in &old.listeners {
            if listener_of(&self.config, ListenerId(listener.port)).is_none() {
                self.effects.push(Effect::Unlisten(ListenerId(listener.port)));
            }
        }
        for id in self.wires.keys() {
            let Some(front) = self.wires.get_mut(id).and_then(WireState::front_mut) else { continue };
            let listener = listener_of(&self.config, front.port);
            front.listener =
                listener.filter(|&(index, _)| front.suits(&self.config.listeners[index])).map(|(index, _)| index);
            if front.listener.is_none() {
                self.close_if_idle(WireId(id));
            }
            // Its target may have been deregistered: then it has another deadline.
            self.rearm(WireId(id));
        }
        for stray in self.pool.strays() {
            self.kill(stray);
        }
        for stray in self.pool.stray_trunks() {
            self.retire_trunk(stray);
        }
        self.retire_origins();
        self.drop_stray_probes();
        old
    }

    /// Former targets that no connection is for are forgotten, however many there were.
    fn retire_origins(&mut self) {
        let Shard { wires, pool, .. } = self;
        let live = wires.keys().into_iter().filter_map(|id| wires.get(id)).filter(|wire| !wire.dead);
        pool.retire(live.filter_map(WireState::origin));
    }

    fn drain(&mut self) {
        if core::mem::replace(&mut self.draining, true) {
            return;
        }
        for index in 0..self.config.listeners.len() {
            self.effects.push(Effect::Unlisten(ListenerId(self.config.listeners[index].port)));
        }
        for id in self.wires.keys() {
            self.hurry_if_idle(WireId(id));
        }
        self.stop_checks();
        self.drained_if_empty();
    }

    pub(crate) fn drained_if_empty(&mut self) {
        if self.draining && self.fronts == 0 {
            self.effects.push(Effect::Drained);
        }
    }
}

fn listener_of(config: &Config, port: ListenerId) -> Option<(usize, &LoadBalancer)> {
    let index = config.listeners.iter().position(|listener| listener.port == port.0)?;
    let balancer = config.load_balancers.get(config.listeners[index].load_balancer)?;
    Some((index, balancer))
}
