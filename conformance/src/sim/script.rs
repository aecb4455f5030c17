//! Tests of single behaviours, as transcripts: the test plays the clients and the targets itself, and says when time
//! passes. The balancer and its adapter are the same as in every other world.
//!
//! ```
//! use sluicegate_conformance::sim::script::Script;
//!
//! let mut world = Script::start(1, |_| ());
//! let client = world.client();
//! world.send(client, "GET /a HTTP/1.1\r\nHost: example.com\r\n\r\n");
//! let target = world.accepts();
//! assert!(world.said(target).starts_with("GET /a HTTP/1.1\r\n"));
//! world.send(target, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
//! assert!(world.said(client).ends_with("\r\n\r\nhi"));
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{Config, GroupAttributes, LoadBalancerAttributes};
use sluicegate::shard::{Census, ListenerId, Options};

use super::net::{MICROS, MILLIS, SECONDS, Side};
use super::target::{Host, Nature};
use super::world::{Event, Weather, World};

/// The port of the listener that every script has.
const PORT: u16 = 80;

/// Somebody at the other end of a connection: a client, or a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(usize);

/// What a test may set before its world begins.
#[derive(Debug)]
pub struct Terms {
    /// The load balancer's attributes.
    pub attributes: LoadBalancerAttributes,
    /// The target group's attributes.
    pub group: GroupAttributes,
    /// The shard's options.
    pub options: Options,
    /// Targets (by number) that refuse every connection.
    pub refusing: Vec<usize>,
    /// Targets that never answer an attempt to connect.
    pub unresponsive: Vec<usize>,
    /// Whether sockets take 4 K before their peers read, instead of 64 K.
    pub narrow: bool,
}

/// A world whose peers the test plays.
pub struct Script {
    world: World,
    taken: usize,
    attributes: LoadBalancerAttributes,
    group: GroupAttributes,
}

/// The address of a target by its number.
pub fn target(number: usize) -> SocketAddr {
    SocketAddr::from(([10, 9, 0, number as u8 + 1], 80))
}

fn config(attributes: &LoadBalancerAttributes, group: &GroupAttributes, targets: usize) -> Config {
    let addresses: Vec<SocketAddr> = (0..targets).map(target).collect();
    let mut config = Config::forwarding(PORT, &addresses);
    config.load_balancers[0].attributes = attributes.clone();
    config.groups[0].attributes = group.clone();
    config
}

impl Script {
    /// A world with one listener that forwards everything to so many targets, in one group.
    pub fn start(targets: usize, set: impl FnOnce(&mut Terms)) -> Script {
        let mut terms = Terms {
            attributes: LoadBalancerAttributes::default(),
            group: GroupAttributes::default(),
            options: Options::default(),
            refusing: Vec::new(),
            unresponsive: Vec::new(),
            narrow: false,
        };
        set(&mut terms);
        let config = config(&terms.attributes, &terms.group, targets);
        let windows: &'static [usize] = if terms.narrow { &[4_096] } else { &[65_536] };
        let weather = Weather { windows, segments: &[65_536], delay: 100 * MICROS, erratic: false, compute: 0 };
        let mut hosts = Vec::new();
        for (numbers, nature) in [(&terms.refusing, Nature::Refuses), (&terms.unresponsive, Nature::NeverAccepts)] {
            for &number in numbers {
                hosts.push(Host {
                    address: target(number),
                    group: 0,
                    nature,
                    accepts_after: 0,
                    piece: 1,
                    gap: 0,
                    http10: false,
                    rude: false,
                    dialect: None,
                });
            }
        }
        let mut world = World::new(1, Arc::new(config), terms.options, weather, hosts);
        for number in (0..targets).filter(|n| !terms.refusing.contains(n) && !terms.unresponsive.contains(n)) {
            world.script_target(target(number));
        }
        Script { world, taken: 0, attributes: terms.attributes, group: terms.group }
    }

    /// A client connects.
    ///
    /// # Panics
    /// If it is refused.
    pub fn client(&mut self) -> Peer {
        self.try_client().expect("the connection is accepted")
    }

    /// A client connects; `None` if nobody listens any more or the connection is shed.
    pub fn try_client(&mut self) -> Option<Peer> {
        let conn = self.world.accept_scripted(ListenerId(PORT));
        self.settle();
        conn.map(Peer)
    }

    /// The next connection that the balancer has made to a target.
    ///
    /// # Panics
    /// If there is none.
    pub fn accepts(&mut self) -> Peer {
        self.try_accepts().expect("a connection to a target")
    }

    /// As [`Script::accepts`]; `None` if there is none.
    pub fn try_accepts(&mut self) -> Option<Peer> {
        let (_, conn) = *self.world.accepted.get(self.taken)?;
        self.taken += 1;
        Some(Peer(conn))
    }

    /// Sends bytes, and lets them arrive.
    pub fn send(&mut self, peer: Peer, bytes: impl AsRef<[u8]>) {
        self.peer(peer).to_send.extend(bytes.as_ref());
        self.world.tick(peer.0);
        self.settle();
    }

    /// What a peer has read since it was last asked.
    pub fn said(&mut self, peer: Peer) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.peer(peer).received)).into_owned()
    }

    /// How many bytes a peer has read in all.
    pub fn count(&mut self, peer: Peer) -> u64 {
        self.peer(peer).count
    }

    /// Requests in progress at a target, by its number.
    pub fn outstanding(&self, target: usize) -> u32 {
        self.world.config().groups[0].targets[target].state.outstanding()
    }

    /// From now on a peer's bytes are only counted.
    pub fn count_only(&mut self, peer: Peer) {
        self.peer(peer).counts_only = true;
    }

    /// From now on a peer reads nothing, or reads again.
    pub fn stop_reading(&mut self, peer: Peer, stop: bool) {
        self.peer(peer).refuses_to_read = stop;
        self.world.tick(peer.0);
        self.settle();
    }

    /// Closes a peer's sending side, after what it still has to send.
    pub fn half_close(&mut self, peer: Peer) {
        self.peer(peer).half_after = true;
        self.world.tick(peer.0);
        self.settle();
    }

    /// Closes a peer's connection.
    pub fn close(&mut self, peer: Peer) {
        self.world.net.close(peer.0, Side::Theirs);
        self.settle();
    }

    /// Resets a peer's connection.
    pub fn reset(&mut self, peer: Peer) {
        self.world.net.reset(peer.0, Side::Theirs);
        self.settle();
    }

    /// Whether a peer has read the end, or was reset.
    pub fn is_ended(&mut self, peer: Peer) -> bool {
        let peer = self.peer(peer);
        peer.ended || peer.reset
    }

    /// Whether a peer was reset.
    pub fn is_reset(&mut self, peer: Peer) -> bool {
        self.peer(peer).reset
    }

    /// Lets time pass.
    pub fn pass(&mut self, span: Duration) {
        let until = self.world.net.now + span.as_nanos() as u64;
        self.run(until);
        self.world.advance_to(until);
    }

    /// The configuration changes: other attributes, another number of targets; without a listener if there are none.
    pub fn reconfigure(&mut self, targets: usize, set: impl FnOnce(&mut LoadBalancerAttributes)) {
        set(&mut self.attributes);
        let mut next = config(&self.attributes, &self.group, targets);
        if targets == 0 {
            next.listeners.clear();
        }
        self.world.net.at(0, Event::Reconfigure(Box::new(next)));
        self.settle();
    }

    /// The shard is to end.
    pub fn drain(&mut self) {
        self.world.net.at(0, Event::Drain);
        self.settle();
    }

    /// Whether the shard has said that the last client is gone, once.
    pub fn is_drained(&self) -> bool {
        self.world.drained == 1
    }

    /// What the shard holds.
    pub fn census(&self) -> Census {
        self.world.census()
    }

    /// The most memory that was ever lent, in bytes.
    pub fn lent_most(&self) -> usize {
        self.world.lent_most
    }

    /// The access log so far.
    pub fn journal(&self) -> String {
        String::from_utf8_lossy(&self.world.journal).into_owned()
    }

    /// The lines of the connection log that were taken so far.
    pub fn connection_log(&self) -> String {
        String::from_utf8_lossy(&self.world.connections).into_owned()
    }

    /// Connections that were shed.
    pub fn shed(&self) -> u64 {
        self.world.shed
    }

    /// Every target that has read something answers with `answer`; which targets that were.
    pub fn answer_all(&mut self, answer: &str) -> Vec<SocketAddr> {
        let accepted = self.world.accepted.clone();
        let mut served = Vec::new();
        for (address, conn) in accepted {
            if !self.said(Peer(conn)).is_empty() {
                self.send(Peer(conn), answer);
                served.push(address);
            }
        }
        served
    }

    fn peer(&mut self, peer: Peer) -> &mut super::scripted::Scripted {
        self.world.scripted(peer.0).expect("a peer of this world")
    }

    /// Everything that is on its way arrives.
    fn settle(&mut self) {
        let until = self.world.net.now + 50 * MILLIS;
        self.run(until);
    }

    fn run(&mut self, until: u64) {
        if let Err(what) = self.world.run(until) {
            panic!("{what}");
        }
    }

    /// Runs until nothing is left to happen, and checks that nothing is left behind.
    ///
    /// # Panics
    /// If something is.
    pub fn finish(mut self) {
        let until = self.world.net.now + 10_000 * SECONDS;
        self.run(until);
        if let Err(what) = self.world.check_end() {
            panic!("{what}");
        }
    }
}
