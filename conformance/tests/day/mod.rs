//! The parts of the simulated day.
//!
//! ```text
//!   plan ── configurations ──▶ shards ◀── world: time, network ──▶ weather: what each target does
//!                                            │ outcomes, choices
//!                                            ▼
//!                              model: states, reasons, who is eligible;  shares;  sessions
//! ```

mod changes;
mod checks;
mod model;
mod plan;
mod requests;
mod sessions;
mod shares;
mod told;
mod weather;
mod world;

pub(crate) use world::Day;

use std::net::SocketAddr;
use std::time::Duration;

use sluicegate::time::Mono;

/// Target groups, and targets of each.
pub(crate) const GROUPS: usize = 20;
pub(crate) const TARGETS: usize = 50;

/// Machines there are for each group: some are registered later in the day.
pub(crate) const HOSTS: usize = 64;

/// A machine, by its number: group times [`HOSTS`] and place.
pub(crate) type Host = usize;

pub(crate) fn group_of(host: Host) -> usize {
    host / HOSTS
}

/// Where a machine serves.
pub(crate) fn address(host: Host) -> SocketAddr {
    SocketAddr::from(([10, 0, group_of(host) as u8, (host % HOSTS) as u8 + 1], 8000))
}

/// Who is at an address, whatever the port.
pub(crate) fn host_at(address: SocketAddr) -> Host {
    let SocketAddr::V4(address) = address else { panic!("nobody is at {address}") };
    let [10, 0, group, place] = address.ip().octets() else { panic!("nobody is at {address}") };
    usize::from(group) * HOSTS + usize::from(place) - 1
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So long after the day began.
pub(crate) fn at(since: u64) -> Mono {
    BEGIN.after(seconds(since))
}

/// When the day begins, on the monotonic clock; its end is 86,400 s later.
pub(crate) const BEGIN: Mono = Mono::from_nanos(1_000_000_000_000);
pub(crate) const DAY: u64 = 86_400;
