//! Clients of all kinds come to a world: each gets a connection, unless nobody listens or the shard sheds it.

use std::net::SocketAddr;

use sluicegate::shard::{Endpoints, ListenerId};

use super::attacker::{Attacker, Attempt};
use super::client::{Client, Plan};
use super::fumbler::{Fumble, Fumbler};
use super::h2::browser::Browser;
use super::h2::visit::{Fault, Visit};
use super::net::Conn;
use super::scripted::Scripted;
use super::veil::Habits;
use super::world::{Peer, World};

impl World {
    pub(super) fn connect(&mut self, plan: Plan, listener: ListenerId) {
        let Some((conn, address)) = self.accept(listener) else { return };
        let is_secure = self.veil_client(conn, listener, plan.habits, false);
        let habits = if is_secure { plan.habits } else { Habits::default() };
        let mut client = Client::new(conn, address, Plan { habits, ..plan.clone() });
        for spec in plan.specs {
            let (id, is_free) = (spec.id, plan.lenient);
            self.ledger.enter(spec, address, is_secure);
            if let Some(entry) = self.ledger.entries.get_mut(&id) {
                entry.is_free = is_free;
            }
        }
        if self.sockets[conn].is_none() {
            client.over = true;
        }
        self.peers[conn] = Some(Peer::Client(Box::new(client)));
        if let Some(wire) = self.sockets[conn].as_ref().map(|socket| socket.wire) {
            self.drive(wire);
        }
        self.tick(conn);
    }

    /// A client connects that speaks HTTP/2.
    pub(super) fn visit(&mut self, visit: Visit, listener: ListenerId) {
        let Some((conn, address)) = self.accept(listener) else { return };
        let is_secure = self.veil_client(conn, listener, visit.habits, true);
        for ask in &visit.asks {
            self.ledger.enter(ask.spec.clone(), address, is_secure);
            if let Some(entry) = self.ledger.entries.get_mut(&ask.spec.id) {
                entry.is_free = visit.lenient || ask.fault != Fault::None;
            }
        }
        let mut browser = Browser::new(conn, address, visit, self.chance.fork());
        browser.line.over = self.sockets[conn].is_none();
        self.peers[conn] = Some(Peer::Browser(Box::new(browser)));
        if let Some(wire) = self.sockets[conn].as_ref().map(|socket| socket.wire) {
            self.drive(wire);
        }
        self.tick(conn);
    }

    /// A client connects that is out for mischief, or in the way of it.
    pub(super) fn attempt(&mut self, attempt: Attempt, listener: ListenerId) {
        let Some((conn, address)) = self.accept(listener) else { return };
        self.peers[conn] = Some(Peer::Attacker(Box::new(Attacker::new(conn, address, attempt))));
        if let Some(wire) = self.sockets[conn].as_ref().map(|socket| socket.wire) {
            self.drive(wire);
        }
        self.tick(conn);
    }

    /// A client connects: its connection and address, unless nobody listens or the shard sheds it.
    pub(crate) fn accept(&mut self, listener: ListenerId) -> Option<(Conn, SocketAddr)> {
        if self.unlistened.contains(&listener) {
            return None;
        }
        self.clients = self.clients.wrapping_add(1);
        let address = SocketAddr::from(([10, 1, (self.clients >> 8) as u8, self.clients as u8], 30_000));
        let local = SocketAddr::from(([127, 0, 0, 1], listener.0));
        self.note(9, || format!("{address} connects to {listener:?}"));
        let result = self.turn(|turn, _| turn.accepted(listener, Endpoints { peer: address, local }));
        match result {
            Ok(wire) => {
                let conn = self.open();
                self.install(conn, wire, true);
                Some((conn, address))
            }
            Err(why) => {
                self.note(10, || format!("{address} is shed: {why}"));
                self.shed += 1;
                None
            }
        }
    }

    /// A client that does what the test says.
    pub(crate) fn accept_scripted(&mut self, listener: ListenerId) -> Option<Conn> {
        let (conn, _) = self.accept(listener)?;
        self.peers[conn] = Some(Peer::Script(Scripted::default()));
        let wire = self.sockets[conn].as_ref().map(|socket| socket.wire)?;
        self.drive(wire);
        Some(conn)
    }

    /// A client connects that does not get through its handshake.
    pub(super) fn fumble(&mut self, fumble: Fumble, listener: ListenerId) {
        let Some((conn, address)) = self.accept(listener) else { return };
        self.net.tap(conn);
        let fumbler = Fumbler::client(conn, address, fumble, self.net.now);
        self.peers[conn] = Some(Peer::Fumbler(Box::new(fumbler)));
        self.tick(conn);
    }
}
