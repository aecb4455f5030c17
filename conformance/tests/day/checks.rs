//! Checks as the network sees them: each begins when it should, meets what its machine does at that moment, and is closed.

use std::net::SocketAddr;

use sluicegate::shard::{DialError, Turn, Wire, WireId};

use super::model::{Why, judged};
use super::weather::Truth;
use super::world::{Check, Day, Event, Live, RETRY, close_if_told, ends};
use super::{Host, group_of, host_at, seconds};

impl Day {
    /// A check begins. Nobody else is checking the target, and it is time (guide HC-01, HC-08).
    pub(crate) fn check(&mut self, node: usize, turn: &mut Turn<'_>, wire: WireId, address: SocketAddr) {
        let host = host_at(address);
        let group = group_of(host);
        let check = &self.plan.groups[group].check;
        let (interval, timeout) = (check.interval, check.timeout);
        assert_eq!(address, check.address(super::address(host)));
        assert!(self.model.is_checked(&self.plan, host), "{}: {host} is checked", self.clock_text());
        assert!(self.checks[host].is_none(), "{}: {host} is checked twice at a time", self.clock_text());
        if let Some(last) = self.model.hosts[host].checked {
            let gap = self.now.since(last);
            let least = if self.model.hosts[host].checks == 1 { interval / 2 } else { interval - RETRY };
            assert!(least <= gap && gap <= interval + RETRY, "{}: {host} after {gap:?}", self.clock_text());
        }
        self.checked += 1;
        self.model.begun(host, self.now);
        self.news.push(host);
        let (dialed, said) = self.manner(host);
        let pending = match dialed {
            None => true,
            Some(Err(error)) => {
                turn.dialed(wire, Err(error));
                false
            }
            Some(Ok(())) => {
                turn.dialed(wire, Ok(ends()));
                let mut wire = turn.wire(wire).expect("it was dialed");
                let length = wire.pending().len();
                assert!(wire.pending().starts_with(b"GET /health/"));
                wire.sent(length);
                match said {
                    Said::Later(_) => true,
                    said => {
                        say(&mut wire, said);
                        false
                    }
                }
            }
        };
        if pending {
            self.serial += 1;
            let serial = self.serial;
            self.checks[host] = Some(Check { node, wire, serial });
            self.set_live(node, wire, Some(Live::Check(host)));
            self.plan_event(self.now.after(timeout), Event::Timeout(host, serial));
            if let Said::Later(delay) = said {
                self.plan_event(self.now.after(seconds(delay)), Event::Answer(host, serial));
            }
            return;
        }
        let outcome = match dialed {
            Some(Err(DialError::TimedOut)) => Err(Why::Timeout),
            Some(Err(DialError::Local)) => Err(Why::Internal),
            Some(Err(_)) => Err(Why::Failed),
            _ => match said {
                Said::Status(status) => judged(&self.plan.groups[group].check.matcher, status),
                _ => Err(Why::Failed),
            },
        };
        close_if_told(turn, wire);
        assert!(turn.wire(wire).is_none(), "the connection of a check that is over is closed: {said:?} {dialed:?}");
        self.concluded(host, outcome);
    }

    /// What a machine does to a check that begins now.
    pub(crate) fn manner(&mut self, host: Host) -> (Option<Result<(), DialError>>, Said) {
        let check = &self.plan.groups[group_of(host)].check;
        let success = check.matcher.ranges[self.chance.usize(..check.matcher.ranges.len())].0;
        let timeout = check.timeout.as_secs();
        let said = match self.weather.truths[host] {
            Truth::Refuses => return (Some(Err(DialError::Refused)), Said::Nothing),
            Truth::Unreachable => return (Some(Err(DialError::Unreachable)), Said::Nothing),
            Truth::NoSockets => return (Some(Err(DialError::Local)), Said::Nothing),
            Truth::Absent { given_up: true } => return (Some(Err(DialError::TimedOut)), Said::Nothing),
            Truth::Absent { given_up: false } => return (None, Said::Nothing),
            Truth::Up => Said::Status(success),
            Truth::Lazy => Said::Later(self.chance.u64(1..timeout)),
            Truth::Hangs => Said::Later(timeout + self.chance.u64(1..60)),
            Truth::Says(status) => Said::Status(status),
            Truth::Resets => Said::Reset,
            Truth::Closes => Said::Nothing,
            Truth::Babbles => Said::Nonsense,
        };
        (Some(Ok(())), said)
    }

    pub(crate) fn late_answer(&mut self, host: Host, serial: u64) {
        let Some(check) = self.checks[host].take_if(|check| check.serial == serial) else { return };
        let matcher = &self.plan.groups[group_of(host)].check.matcher;
        let success = matcher.ranges[0].0;
        self.turn(check.node, |day, turn| {
            let mut wire = turn.wire(check.wire).expect("the check is in progress");
            say(&mut wire, Said::Status(success));
            close_if_told(turn, check.wire);
            assert!(turn.wire(check.wire).is_none(), "the connection of a check that is over is closed");
            day.set_live(check.node, check.wire, None);
            day.concluded(host, Ok(()));
        });
    }

    pub(crate) fn timeout(&mut self, host: Host, serial: u64) {
        if let Some(check) = self.checks[host].take_if(|check| check.serial == serial) {
            assert_eq!(self.live_at(check.node, check.wire), None, "{}: {host} is late", self.clock_text());
            self.concluded(host, Err(Why::Timeout));
            self.verify(host);
        }
    }

    pub(crate) fn concluded(&mut self, host: Host, outcome: Result<(), Why>) {
        if self.model.heard(&self.plan, host, outcome, self.now) {
            let group = group_of(host);
            self.shares.close(self.plan.groups[group].attributes.algorithm, group);
        }
        self.news.push(host);
    }
}

/// What a machine says to a check.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said {
    Status(u16),
    /// The right thing, after so many seconds.
    Later(u64),
    Nonsense,
    Nothing,
    Reset,
}

fn say(wire: &mut Wire<'_>, said: Said) {
    match said {
        Said::Status(status) => {
            let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            wire.offer(text.as_bytes());
        }
        Said::Nonsense => {
            wire.offer(b"220 mail ready\r\n");
            wire.ended();
        }
        Said::Nothing | Said::Later(_) => wire.ended(),
        Said::Reset => wire.lost(),
    }
}
