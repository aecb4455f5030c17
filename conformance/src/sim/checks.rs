//! The checkers of a world: what must hold at every moment, and what must be left when everybody has gone.

use std::fmt::Write as _;

use super::net::SECONDS;
use super::world::{Peer, World};

/// Wakes that may come for each event, on average. An event concerns one wire, which concerns at most one other.
const WAKES_PER_EVENT: u64 = 4;

/// Turns at one instant, after which the world is taken to run in a circle.
const TURNS_AT_ONCE: u64 = 20_000;

impl World {
    pub(super) fn check_memory(&mut self) {
        let memory = self.shard.census().memory;
        self.lent_most = self.lent_most.max(memory.lent);
        if memory.lent > self.memory_max {
            self.fail(format!("{} bytes of memory lent, {} is the ceiling", memory.lent, self.memory_max));
        }
        let handshakes = self.shard.census().handshakes;
        if handshakes > self.handshakes_max {
            self.fail(format!("{handshakes} handshakes in progress, {} are allowed", self.handshakes_max));
        }
    }

    pub(super) fn check_circles(&mut self) {
        if self.turns_now.0 != self.net.now {
            self.turns_now = (self.net.now, 0);
        }
        self.turns_now.1 += 1;
        if self.turns_now.1 > TURNS_AT_ONCE {
            self.fail("the world runs in a circle".to_owned());
        }
        if self.wakes > 1000 + WAKES_PER_EVENT * self.events {
            self.fail(format!("{} wakes for {} events", self.wakes, self.events));
        }
    }

    /// No connection outlives its deadline: silence on a client's socket ends.
    pub(super) fn check_deadlines(&mut self) {
        let longest = 3 * self.idle + 90 * SECONDS;
        let now = self.net.now;
        let old =
            self.sockets.iter().flatten().find(|socket| socket.front && now.saturating_sub(socket.moved_at) > longest);
        if let Some(wire) = old.map(|socket| socket.wire) {
            self.fail(format!("{wire:?} has been silent for more than {} s", longest / SECONDS));
        }
        let browsers = self.peers.iter().flatten().filter_map(|peer| match peer {
            Peer::Browser(browser) => Some(browser),
            _ => None,
        });
        if let Some(browser) = browsers.into_iter().find(|browser| browser.silence(now) > longest) {
            self.fail(format!("a stream has been silent for too long: {}", browser.situation()));
        }
    }

    /// Everything is over: nothing may be left.
    pub(crate) fn check_end(&mut self) -> Result<(), String> {
        for peer in self.peers.iter().flatten() {
            match peer {
                Peer::Client(client) => client.satisfied()?,
                Peer::Browser(browser) => browser.satisfied()?,
                Peer::Attacker(attacker) => attacker.satisfied()?,
                Peer::Witness(witness) => witness.testify()?,
                Peer::Fumbler(fumbler) => fumbler.satisfied()?,
                Peer::Target(_) | Peer::Script(_) => {}
            }
        }
        let census = self.shard.census();
        let memory = census.memory;
        if (census.fronts, census.handshakes, census.backs, census.pooled, census.probes) != (0, 0, 0, 0, 0)
            || (census.exchanges, census.streams) != (0, 0)
            || (memory.lent, memory.admitted, memory.metered) != (0, 0, 0)
        {
            return Err(format!("after the end there is still {census:?}"));
        }
        if let Some(deadline) = self.deadline {
            return Err(format!("after the end there is a deadline at {deadline}"));
        }
        Ok(())
    }

    /// What everybody is in the middle of.
    pub(crate) fn situation(&self) -> String {
        let mut out = String::new();
        for peer in self.peers.iter().flatten() {
            match peer {
                Peer::Client(client) if !client.over => drop(writeln!(out, "  {}", client.situation())),
                Peer::Browser(browser) if !browser.over => drop(writeln!(out, "  {}", browser.situation())),
                Peer::Target(target) if !target.over => drop(writeln!(out, "  {}", target.situation())),
                Peer::Attacker(attacker) if !attacker.over => drop(writeln!(out, "  {}", attacker.situation())),
                Peer::Witness(witness) if !witness.over => drop(writeln!(out, "  {}", witness.situation())),
                Peer::Fumbler(fumbler) => drop(writeln!(out, "  {}", fumbler.situation())),
                _ => {}
            }
        }
        let _ = writeln!(out, "  {:?}", self.shard.census());
        out
    }
}
