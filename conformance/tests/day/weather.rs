//! What each machine does at the moment, and for how long: the truth that checks are to find out.

use fastrand::Rng;

use super::{GROUPS, HOSTS, Host};

/// What a machine does when it is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    /// It answers at once.
    Up,
    /// It answers, but takes some seconds, within the timeout of its checks.
    Lazy,
    /// It answers with this status.
    Says(u16),
    /// It refuses connections.
    Refuses,
    /// There is no way to it.
    Unreachable,
    /// Nobody answers the attempt to connect; the system gives up at once, or never.
    Absent { given_up: bool },
    /// It takes connections and does not answer its checks in time.
    Hangs,
    /// It resets the connection after the request.
    Resets,
    /// It closes the connection after the request.
    Closes,
    /// What it says is no HTTP.
    Babbles,
    /// We have no sockets left when we want to connect to it.
    NoSockets,
}

impl Truth {
    pub(crate) fn is_up(self) -> bool {
        matches!(self, Truth::Up | Truth::Lazy)
    }

    /// One of the ways to be down.
    fn down(chance: &mut Rng) -> Truth {
        match chance.u8(0..16) {
            0 => Truth::Says(500),
            1 | 2 => Truth::Says(503),
            // A success where the matcher says so.
            3 => Truth::Says(404),
            4 => Truth::Says(302),
            5 | 6 => Truth::Refuses,
            7 => Truth::Unreachable,
            8 => Truth::Absent { given_up: true },
            9 | 10 => Truth::Absent { given_up: false },
            11 | 12 => Truth::Hangs,
            13 => Truth::Resets,
            14 => {
                if chance.bool() {
                    Truth::Closes
                } else {
                    Truth::Babbles
                }
            }
            _ => Truth::NoSockets,
        }
    }
}

/// How all machines are.
pub(crate) struct Weather {
    pub(crate) truths: Vec<Truth>,
    /// A machine whose checks succeed while all its requests fail.
    pub(crate) sick: Option<Host>,
    chance: Rng,
}

impl Weather {
    pub(crate) fn new(seed: u64) -> Weather {
        Weather { truths: vec![Truth::Up; GROUPS * HOSTS], sick: None, chance: Rng::with_seed(seed) }
    }

    /// It changes; for how many seconds it will stay so. Some groups are calmer than others.
    pub(crate) fn flap(&mut self, host: Host) -> u64 {
        let was = self.truths[host];
        let (up, down) = match super::group_of(host) {
            0 | 1 => (200_000, 4000),
            7 | 10 => (40_000, 3000),
            2 | 3 => (30_000, 2500),
            _ => (16_000, 2500),
        };
        self.truths[host] = match was.is_up() {
            true => Truth::down(&mut self.chance),
            false if self.chance.u8(..) < 40 => Truth::Lazy,
            false => Truth::Up,
        };
        self.span(if was.is_up() { down } else { up })
    }

    /// When a machine that is up from the beginning flaps for the first time.
    pub(crate) fn first(&mut self, host: Host) -> u64 {
        self.truths[host] = Truth::down(&mut self.chance);
        self.flap(host)
    }

    /// Most or all machines go down with it for a while; whether this one does.
    pub(crate) fn strikes(&mut self, host: Host, percent: u8) -> bool {
        let struck = self.chance.u8(0..100) < percent;
        if struck {
            // Our own lack of sockets takes nobody out of service.
            let down = Truth::down(&mut self.chance);
            self.truths[host] = if down == Truth::NoSockets { Truth::Hangs } else { down };
        }
        struck
    }

    /// A random span of that length on average, 1 s at least.
    fn span(&mut self, mean: u64) -> u64 {
        let part = -(1.0 - self.chance.f64()).ln();
        (mean as f64 * part) as u64 + 1
    }
}
