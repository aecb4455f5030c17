//! The TLS of a world's wires: who speaks it, how long the steps of its handshakes take, and who fails in them.

use sluicegate::config::Protocol;
use sluicegate::shard::{ListenerId, Options, WireId};

use super::chance::Chance;
use super::fumbler::{Fault, Fumble};
use super::net::{Conn, MICROS, MILLIS, SECONDS, Time};
use super::scenario::{PORT, SECOND_PORT, Scenario};
use super::target::{Host, Nature};
use super::tls::{Places, Tls};
use super::veil::{Habits, Veil};
use super::world::{Event, World};

/// The TLS of a world, before it begins.
pub(super) struct Secrecy {
    pub(super) tls: Tls,
    pub(super) places: Places,
    pub(super) compute: Time,
}

impl Secrecy {
    pub(super) fn new(scenario: Scenario, hosts: &mut [Host], options: &mut Options, chance: &mut Chance) -> Secrecy {
        let (mut tls, mut places) = (Tls::new(chance.fork()), Places::new(chance));
        if scenario.over_http2() {
            places = places.with_listener();
        }
        options.provider = Some(tls.provider.clone());
        options.connection_log = chance.one_in(2);
        if scenario.bad_handshakes() {
            options.name_causes = true;
            if chance.one_in(3) {
                options.handshakes_max = chance.between(1, 3) as usize;
            }
            for host in hosts.iter_mut().filter(|host| host.group > 0 && places.groups[host.group]) {
                if chance.one_in(2) {
                    host.nature = Nature::Fumbles(Fault::any(chance));
                }
            }
        }
        if scenario == Scenario::Trunks {
            for host in hosts.iter_mut().filter(|host| host.group > 0 && places.groups[host.group]) {
                if chance.one_in(6) {
                    host.nature = Nature::Fumbles(Fault::any(chance));
                }
            }
        }
        if chance.one_in(4) {
            tls.check_targets(chance);
        }
        let quick = chance.pick(&[0, 300 * MICROS, 20 * MILLIS]);
        let compute = if scenario == Scenario::Gale && chance.one_in(3) { 12 * SECONDS } else { quick };
        Secrecy { tls, places, compute }
    }

    /// Hands its TLS to a world, and sends it clients that do not get through their handshakes.
    pub(super) fn govern(self, world: &mut World, scenario: Scenario, chance: &mut Chance) -> Places {
        let Secrecy { mut tls, places, compute } = self;
        let fumblers = if scenario.bad_handshakes() { chance.below(5) } else { 0 };
        for _ in 0..fumblers {
            let port = if places.listens(PORT) { PORT } else { SECOND_PORT };
            if places.listens(port) {
                let fumble = Fumble::any(&mut tls, chance);
                world.net.at(chance.below(2 * SECONDS), Event::Fumble(Box::new(fumble), ListenerId(port)));
            }
        }
        if tls.checks() {
            // Checks never end by themselves.
            world.net.at(200 * SECONDS, Event::Drain);
        }
        world.ledger.slow = compute > SECONDS;
        // Beyond the limit of handshakes a client is closed once its hello is there, whoever it is.
        world.ledger.disturbed |= world.ledger.slow || world.handshakes_max < 4;
        world.tls = Some(tls);
        places
    }
}

impl World {
    pub(super) fn compute(&mut self, wire: WireId) {
        self.note(11, || format!("a step of the handshake of {wire:?} is fetched"));
        let Some(mut job) = self.turn(|turn, _| turn.job(wire)) else { return };
        job.run();
        let took = self.chance.below(self.weather.compute + 1);
        self.jobs_fetched += 1;
        self.jobs.insert(self.jobs_fetched, job);
        self.net.at(self.net.now + took, Event::Computed(self.jobs_fetched));
    }

    pub(super) fn computed(&mut self, number: u64) {
        self.note(12, || format!("step {number} of a handshake is done"));
        let Some(job) = self.jobs.remove(&number) else { return };
        self.turn(|turn, _| turn.computed(job));
    }

    /// A client of an HTTPS listener speaks TLS; whether it does.
    pub(super) fn veil_client(&mut self, conn: Conn, listener: ListenerId, habits: Habits, browses: bool) -> bool {
        let listener = self.config.listeners.iter().find(|one| one.port == listener.0);
        let session = match (&mut self.tls, listener) {
            (Some(tls), Some(listener)) if listener.protocol == Protocol::Https && browses => tls.browser(),
            (Some(tls), Some(listener)) if listener.protocol == Protocol::Https => tls.client(),
            _ => return false,
        };
        self.net.tap(conn);
        let now = self.net.now;
        self.net.veil(conn, Veil::new(session, habits, now));
        true
    }

    /// A target of an HTTPS group speaks TLS.
    pub(super) fn veil_target(&mut self, conn: Conn, host: &Host) {
        let (Some(tls), Some(group)) = (&mut self.tls, self.config.groups.get(host.group)) else { return };
        if group.protocol == Protocol::Https {
            let session = tls.target(host.dialect.is_some());
            self.net.tap(conn);
            let finishes_after = if let Some(Fault::Slow(span)) = host.fault() { span } else { 0 };
            let now = self.net.now;
            self.net.veil(conn, Veil::new(session, Habits { rude: host.rude, finishes_after }, now));
        }
    }
}
