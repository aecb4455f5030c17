//! What all shards share of a group and of each of its targets. The shard that checks writes health and weights; the control
//! thread writes what is registered, and with it begins health anew; every shard counts its requests. Nobody waits for anybody.

use core::fmt;
use core::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::health::Health;
use super::seat::{Boards, Seat};
use crate::time::Mono;

/// One registered target.
#[derive(Clone)]
pub struct Target {
    /// As it was registered: an address, or an instance id.
    pub id: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// `AvailabilityZone`, if the template names one.
    pub zone: Option<String>,
    /// What all shards, and the next configuration, share of it.
    pub state: Arc<TargetState>,
}

impl Target {
    /// A target that was just registered with the group of that state.
    pub fn new(id: String, address: SocketAddr, zone: Option<String>, group: &GroupState) -> Target {
        Target { id, address, zone, state: Arc::new(TargetState::new(group)) }
    }
}

/// The state that belongs to it is not compared: two targets are equal if they were registered as the same.
impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, self.address, &self.zone) == (&other.id, other.address, &other.zone)
    }
}

impl Eq for Target {}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("id", &self.id)
            .field("address", &self.address)
            .field("zone", &self.zone)
            .finish_non_exhaustive()
    }
}

/// The state of a group that all shards share.
#[derive(Default)]
pub struct GroupState {
    /// How many times round robin has chosen among targets in full service. Least outstanding requests remembers here after
    /// whom it goes on.
    pub cursor: AtomicU64,
    /// What is due to targets that start slowly: a part of one request, of 2^64.
    pub(super) credit: AtomicU64,
    /// How many requests such targets have got.
    pub(super) slow_turns: AtomicU64,
    /// Grows whenever something changes that decides who may get requests: shards then look again.
    version: AtomicU64,
    boards: Boards,
}

impl fmt::Debug for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupState").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}

impl GroupState {
    /// Which state of affairs this is; differs as soon as anything that decides who may get requests has changed.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Something has changed that decides who may get requests.
    pub fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// The state of a target that all shards share.
pub struct TargetState {
    health: AtomicU64,
    /// When its last check began, in nanoseconds; 0 before the first.
    checked: AtomicU64,
    /// When slow start began, in nanoseconds; [`NEVER`] outside it.
    ramp: AtomicU64,
    /// Whether becoming healthy starts slow start (guide SLOW-05).
    ramps: AtomicBool,
    /// When its deregistration delay ends, in nanoseconds; [`NEVER`] while it is registered.
    drained: AtomicU64,
    /// Its share of requests under anomaly mitigation, in thousandths of that of a normal target.
    weight: AtomicU32,
    anomalous: AtomicBool,
    /// Requests that ended since anomaly detection last looked (low half), and how many of them failed (high half).
    tally: AtomicU64,
    seat: Seat,
}

/// A moment that does not come.
const NEVER: u64 = u64::MAX;

/// The weight of a target that is as good as any.
pub(crate) const PARITY: u32 = 1000;

impl TargetState {
    pub(crate) fn new(group: &GroupState) -> Self {
        TargetState {
            health: AtomicU64::new(Health::NEW.pack()),
            checked: AtomicU64::new(0),
            ramp: AtomicU64::new(NEVER),
            ramps: AtomicBool::new(false),
            drained: AtomicU64::new(NEVER),
            weight: AtomicU32::new(PARITY),
            anomalous: AtomicBool::new(false),
            tally: AtomicU64::new(0),
            seat: group.boards.seat(),
        }
    }

    /// What its checks have said.
    pub fn health(&self) -> Health {
        Health::unpack(self.health.load(Ordering::Acquire))
    }

    /// A check has begun or ended: its health becomes what `step` makes of it. Returns what it was, and is. In one step, because a
    /// target may be registered anew at the same moment.
    pub(crate) fn update_health(&self, step: impl Fn(Health) -> Health) -> (Health, Health) {
        let next = |word| Some(step(Health::unpack(word)).pack());
        let before = self.health.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        // It is never refused: `next` always gives something.
        let before = Health::unpack(before.unwrap_or_else(|same| same));
        (before, step(before))
    }

    /// Its checks say something else now. Who changes what decides about requests says so to the group
    /// ([`GroupState::changed`]).
    pub fn set_health(&self, health: Health) {
        self.health.store(health.pack(), Ordering::Release);
    }

    /// When its last check began.
    pub fn checked(&self) -> Option<Mono> {
        Some(self.checked.load(Ordering::Relaxed)).filter(|&at| at != 0).map(Mono::from_nanos)
    }

    /// A check begins.
    pub fn set_checked(&self, now: Mono) {
        self.checked.store(now.nanos().max(1), Ordering::Relaxed);
    }

    /// When slow start began, while it lasts.
    pub fn ramp(&self) -> Option<Mono> {
        moment(&self.ramp)
    }

    /// Slow start begins, or ends with `None`.
    pub fn set_ramp(&self, since: Option<Mono>) {
        self.ramp.store(since.map_or(NEVER, Mono::nanos), Ordering::Release);
    }

    /// Whether it is to start slowly once it is healthy (guide SLOW-05).
    pub fn ramps(&self) -> bool {
        self.ramps.load(Ordering::Relaxed)
    }

    /// It was registered beside healthy targets, or was healthy once already: it starts slowly from now on.
    pub fn set_ramps(&self, ramps: bool) {
        self.ramps.store(ramps, Ordering::Relaxed);
    }

    /// When its deregistration delay ends, if it was deregistered (guide DRAIN-02).
    pub fn drained(&self) -> Option<Mono> {
        moment(&self.drained)
    }

    /// It is deregistered: no new requests, and those in progress end by `deadline`.
    pub fn deregister(&self, deadline: Mono) {
        self.drained.store(deadline.nanos().min(NEVER - 1), Ordering::Release);
        self.set_ramp(None);
    }

    /// It is registered again: as a new one (guide SLOW-06), but for the requests that it still has.
    pub fn register(&self) {
        self.drained.store(NEVER, Ordering::Release);
        self.set_health(Health::NEW);
        self.set_ramp(None);
        self.set_ramps(false);
        self.checked.store(0, Ordering::Relaxed);
        self.weight.store(PARITY, Ordering::Relaxed);
        self.anomalous.store(false, Ordering::Relaxed);
        self.tally.store(0, Ordering::Relaxed);
    }

    /// Its share of requests under anomaly mitigation, in thousandths of a normal target's (1000).
    pub fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Whether its share is smaller than that of a normal target.
    pub fn is_mitigated(&self) -> bool {
        self.weight() < PARITY
    }

    /// Anomaly mitigation gives it another share.
    pub fn set_weight(&self, weight: u32) {
        self.weight.store(weight, Ordering::Relaxed);
    }

    /// Whether it fails significantly more often than its peers (guide ATW-02).
    pub fn is_anomalous(&self) -> bool {
        self.anomalous.load(Ordering::Relaxed)
    }

    /// Anomaly detection has found it so, or not.
    pub fn set_anomalous(&self, anomalous: bool) {
        self.anomalous.store(anomalous, Ordering::Relaxed);
    }

    /// A request to it has ended, with an error that anomaly detection counts or without.
    pub fn tell(&self, failed: bool) {
        self.tally.fetch_add(1 | u64::from(failed) << 32, Ordering::Relaxed);
    }

    /// Requests that have ended since this was last asked, and how many of them failed.
    pub fn take_tally(&self) -> (u32, u32) {
        let tally = self.tally.swap(0, Ordering::Relaxed);
        (tally as u32, (tally >> 32) as u32)
    }

    /// Requests in progress, in all shards.
    pub fn outstanding(&self) -> u32 {
        self.seat.count().load(Ordering::Relaxed)
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.seat
    }
}

fn moment(nanos: &AtomicU64) -> Option<Mono> {
    Some(nanos.load(Ordering::Acquire)).filter(|&at| at != NEVER).map(Mono::from_nanos)
}

/// A request in progress at a target. Counts while it lives, so that no end of an exchange, and no end of a shard, can forget
/// to give the count back.
pub struct Outstanding(Arc<TargetState>);

impl Outstanding {
    /// A request is on its way to that target.
    pub fn new(target: &Arc<TargetState>) -> Self {
        target.seat.count().fetch_add(1, Ordering::Relaxed);
        Outstanding(Arc::clone(target))
    }

    /// The target that has it.
    pub fn target(&self) -> &TargetState {
        &self.0
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.seat.count().fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outstanding")
    }
}
