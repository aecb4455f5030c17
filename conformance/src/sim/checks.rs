//! The checkers of a world: what must hold at every moment, and what must be left when everybody has gone.

use std::collections::BTreeMap;
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
                Peer::Target(_) | Peer::Origin(_) | Peer::Script(_) => {}
            }
        }
        self.check_log()?;
        let census = self.shard.census();
        let memory = census.memory;
        if (census.fronts, census.handshakes, census.backs, census.pooled, census.probes) != (0, 0, 0, 0, 0)
            || (census.exchanges, census.streams) != (0, 0)
            || (memory.lent, memory.admitted, memory.metered) != (0, 0, 0)
        {
            return Err(format!("after the end there is still {census:?}"));
        }
        let targets = self.config.groups.iter().flat_map(|group| &group.targets);
        if let Some(busy) = targets.into_iter().find(|target| target.state.outstanding() > 0) {
            return Err(format!("after the end {} still has {} requests", busy.address, busy.state.outstanding()));
        }
        if let Some(deadline) = self.deadline {
            return Err(format!("after the end there is a deadline at {deadline}"));
        }
        Ok(())
    }

    /// Where there is a log, each request that a target has seen has one line in it, and none has two.
    fn check_log(&self) -> Result<(), String> {
        if !self.logs || self.shard.census().journal_dropped > 0 {
            return Ok(());
        }
        let log = String::from_utf8_lossy(&self.journal);
        let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
        for line in log.lines() {
            let url = line.split('"').nth(1).and_then(|request| request.split(' ').nth(1));
            *lines.entry(url.and_then(|url| url.rsplit('/').next()).unwrap_or("")).or_default() += 1;
        }
        for (id, entry) in &self.ledger.entries {
            let count = lines.get(&format!("{id:x}")[..]).copied().unwrap_or(0);
            if count > 1 || entry.seen && count == 0 {
                return Err(format!("{} has {count} lines in the log", entry.spec.path()));
            }
        }
        Ok(())
    }

    /// What everybody is in the middle of.
    pub(crate) fn situation(&self) -> String {
        let mut out = String::new();
        for peer in self.peers.iter().flatten() {
            match peer {
                Peer::Client(client) if !client.over => drop(writeln!(out, "  {}", client.situation())),
                Peer::Browser(browser) if !browser.line.over => drop(writeln!(out, "  {}", browser.situation())),
                Peer::Target(target) if !target.over => drop(writeln!(out, "  {}", target.situation())),
                Peer::Origin(origin) if !origin.line.over => drop(writeln!(out, "  {}", origin.situation())),
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
