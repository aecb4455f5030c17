//! What the guide says follows from what the network does: in which state each target is and why, and who may get a request.

use std::collections::BTreeMap;
use std::rc::Rc;

use sluicegate::target::Matcher;
use sluicegate::time::Mono;

use super::plan::{GroupPlan, Plan, ZONES, zone};
use super::{GROUPS, HOSTS, Host, group_of};

/// What the checks of a target say (guide HC-18 to HC-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// No check has begun.
    Registering,
    /// None has succeeded, and not yet enough have failed.
    Initial { failures: u8 },
    /// In service; so many checks in a row have failed.
    Healthy { failures: u8 },
    /// Out of service, since the latest failure for this reason; so many checks in a row have succeeded.
    Unhealthy { why: Why, successes: u8 },
}

/// Why a check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Code(u16),
    Timeout,
    Failed,
    Internal,
}

/// Whether a machine is a target at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Never,
    Registered,
    /// It was deregistered, and its delay ends then.
    Leaves(Mono),
}

/// What the model knows of one machine.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) membership: Membership,
    pub(crate) state: State,
    /// When its last check began, and how many began since it was registered.
    pub(crate) checked: Option<Mono>,
    pub(crate) checks: usize,
    /// Requests in progress.
    pub(crate) outstanding: u32,
    /// When its slow start began, and whether it starts slowly the next time that it becomes healthy (guide SLOW-03, SLOW-05).
    ramp: Option<Mono>,
    ramps: bool,
}

/// Who may get a request of a group at one node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Eligible {
    pub(crate) hosts: Vec<Host>,
    pub(crate) fails_open: bool,
}

pub(crate) struct Model {
    pub(crate) hosts: Vec<Known>,
    /// By group and by zone of the node, while nothing has changed.
    eligible: Vec<[Option<Rc<Eligible>>; 2]>,
    /// How often each state and reason was seen.
    pub(crate) seen: BTreeMap<(&'static str, &'static str), usize>,
}

const STRANGER: Known = Known {
    membership: Membership::Never,
    state: State::Registering,
    checked: None,
    checks: 0,
    outstanding: 0,
    ramp: None,
    ramps: false,
};

impl State {
    /// The outcome of a check. One success brings a new target into service (HC-03); otherwise it takes as many in a row as
    /// the thresholds say (HC-09, HC-10).
    fn after(self, outcome: Result<(), Why>, rise: u8, fall: u8) -> State {
        match (self, outcome) {
            (State::Unhealthy { why, successes }, Ok(())) if successes + 1 < rise => {
                State::Unhealthy { why, successes: successes + 1 }
            }
            (_, Ok(())) => State::Healthy { failures: 0 },
            // What fails on the load balancer's own side says nothing of a target that is in service.
            (State::Healthy { .. }, Err(Why::Internal)) => self,
            (State::Unhealthy { .. }, Err(why)) => State::Unhealthy { why, successes: 0 },
            (State::Healthy { failures } | State::Initial { failures }, Err(why)) if failures + 1 >= fall => {
                State::Unhealthy { why, successes: 0 }
            }
            (State::Healthy { failures }, Err(_)) => State::Healthy { failures: failures + 1 },
            (State::Initial { failures }, Err(_)) => State::Initial { failures: failures + 1 },
            (State::Registering, Err(_)) => panic!("a check ended before it began"),
        }
    }

    pub(crate) fn is_healthy(self) -> bool {
        matches!(self, State::Healthy { .. })
    }

    fn told(self) -> Told {
        match self {
            State::Registering => ("initial", "Elb.RegistrationInProgress"),
            State::Initial { .. } => ("initial", "Elb.InitialHealthChecking"),
            State::Healthy { .. } => ("healthy", ""),
            State::Unhealthy { why: Why::Code(_), .. } => ("unhealthy", "Target.ResponseCodeMismatch"),
            State::Unhealthy { why: Why::Timeout, .. } => ("unhealthy", "Target.Timeout"),
            State::Unhealthy { why: Why::Failed, .. } => ("unhealthy", "Target.FailedHealthChecks"),
            State::Unhealthy { why: Why::Internal, .. } => ("unhealthy", "Elb.InternalError"),
        }
    }
}

/// A state and its reason code; no reason is the empty one.
pub(crate) type Told = (&'static str, &'static str);

/// What is to occur in the course of a day. `Target.InvalidState` and `Target.IpUnusable` are about instances and their networks,
/// of which a load balancer that is given addresses knows nothing.
pub(crate) const ALL: [Told; 11] = [
    ("initial", "Elb.RegistrationInProgress"),
    ("initial", "Elb.InitialHealthChecking"),
    ("healthy", ""),
    ("unhealthy", "Target.ResponseCodeMismatch"),
    ("unhealthy", "Target.Timeout"),
    ("unhealthy", "Target.FailedHealthChecks"),
    ("unhealthy", "Elb.InternalError"),
    ("unused", "Target.NotRegistered"),
    ("unused", "Target.NotInUse"),
    ("draining", "Target.DeregistrationInProgress"),
    ("unavailable", "Target.HealthCheckDisabled"),
];

impl Model {
    pub(crate) fn new(plan: &Plan) -> Model {
        let mut model = Model {
            hosts: vec![STRANGER; GROUPS * HOSTS],
            eligible: vec![[None, None]; GROUPS],
            seen: BTreeMap::new(),
        };
        plan.groups.iter().flat_map(|group| &group.targets).for_each(|&host| model.register(host, false));
        model
    }

    /// It is registered, as a new one (guide TG-14, SLOW-06), but for the requests that it still has.
    /// `ramps` tells whether it joins a target in full service.
    pub(crate) fn register(&mut self, host: Host, ramps: bool) {
        let outstanding = self.hosts[host].outstanding;
        self.hosts[host] = Known { membership: Membership::Registered, outstanding, ramps, ..STRANGER };
        self.changed(group_of(host));
    }

    /// It is deregistered (guide DRAIN-02, DRAIN-03).
    pub(crate) fn deregister(&mut self, host: Host, until: Mono) {
        self.hosts[host].membership = Membership::Leaves(until);
        self.changed(group_of(host));
    }

    /// A check begins.
    pub(crate) fn begun(&mut self, host: Host, now: Mono) {
        let known = &mut self.hosts[host];
        known.checked = Some(now);
        known.checks += 1;
        if known.state == State::Registering {
            known.state = State::Initial { failures: 0 };
        }
    }

    /// A check has ended; whether the target went into service or out of it.
    pub(crate) fn heard(&mut self, plan: &Plan, host: Host, outcome: Result<(), Why>, now: Mono) -> bool {
        let check = &plan.groups[group_of(host)].check;
        let before = self.hosts[host].state;
        let after = before.after(outcome, check.healthy_threshold, check.unhealthy_threshold);
        self.hosts[host].state = after;
        let turned = before.is_healthy() != after.is_healthy();
        if turned {
            let ramps = after.is_healthy() && self.hosts[host].ramps && self.serves_fully(plan, host, now);
            self.hosts[host].ramp = ramps.then_some(now);
            self.hosts[host].ramps |= after.is_healthy();
            self.changed(group_of(host));
        }
        turned
    }

    /// Whether the group of a machine has another target that is healthy and not in slow start.
    pub(crate) fn serves_fully(&self, plan: &Plan, host: Host, now: Mono) -> bool {
        let full = |&other: &Host| {
            other != host && self.hosts[other].state.is_healthy() && self.ramped(plan, other, now).is_none()
        };
        plan.groups[group_of(host)].targets.iter().any(full)
    }

    /// The part of its slow start that is over, while it lasts (guide SLOW-02).
    pub(crate) fn ramped(&self, plan: &Plan, host: Host, now: Mono) -> Option<f64> {
        let duration = plan.groups[group_of(host)].attributes.slow_start;
        let passed = now.since(self.hosts[host].ramp?);
        (passed < duration).then(|| passed.as_secs_f64() / duration.as_secs_f64())
    }

    /// Somebody else may be eligible now.
    pub(crate) fn changed(&mut self, group: usize) {
        self.eligible[group] = [None, None];
    }

    /// Who may get a request at a node of that zone: its healthy targets, or all if they are fewer than the thresholds say
    /// (guide HC-17, TGH-02, TGH-03, TGH-06, TGH-08).
    pub(crate) fn eligible(&mut self, plan: &Plan, group: usize, node: usize) -> Rc<Eligible> {
        if let Some(known) = &self.eligible[group][node] {
            return Rc::clone(known);
        }
        let found = Rc::new(self.find(plan, group, ZONES[node]));
        Rc::clone(self.eligible[group][node].insert(found))
    }

    fn find(&self, plan: &Plan, group: usize, node: &str) -> Eligible {
        let GroupPlan { targets, check, attributes, .. } = &plan.groups[group];
        let reached = |host: &Host| {
            let zone = zone(*host);
            is_enabled(*host) && (attributes.cross_zone || zone.is_none_or(|zone| zone == node))
        };
        let here: Vec<Host> = targets.iter().copied().filter(reached).collect();
        let healthy: Vec<Host> =
            here.iter().copied().filter(|&host| !check.enabled || self.hosts[host].state.is_healthy()).collect();
        let minimum = attributes.unhealthy_state_routing;
        let count = minimum.count.unwrap_or(1) as usize;
        // At least so many percent, of whole targets.
        let too_few = |percentage: u8| healthy.len() * 100 < here.len() * usize::from(percentage);
        let fails_open = healthy.len() < count.max(1) || minimum.percentage.is_some_and(too_few);
        Eligible { hosts: if fails_open { here } else { healthy }, fails_open }
    }

    /// What `describe-target-health` is to say of a machine.
    pub(crate) fn told(&self, plan: &Plan, host: Host, now: Mono) -> Told {
        let GroupPlan { check, in_use, .. } = &plan.groups[group_of(host)];
        match self.hosts[host].membership {
            Membership::Leaves(until) if now < until => ("draining", "Target.DeregistrationInProgress"),
            Membership::Never | Membership::Leaves(_) => ("unused", "Target.NotRegistered"),
            Membership::Registered if !in_use || !is_enabled(host) => ("unused", "Target.NotInUse"),
            Membership::Registered if !check.enabled => ("unavailable", "Target.HealthCheckDisabled"),
            Membership::Registered => self.hosts[host].state.told(),
        }
    }

    /// Whether a machine is to be checked (guide HC-02).
    pub(crate) fn is_checked(&self, plan: &Plan, host: Host) -> bool {
        let GroupPlan { check, in_use, .. } = &plan.groups[group_of(host)];
        self.hosts[host].membership == Membership::Registered && *in_use && check.enabled && is_enabled(host)
    }
}

/// Whether it is in a zone that is enabled (guide TG-13).
fn is_enabled(host: Host) -> bool {
    zone(host).is_none_or(|zone| ZONES.contains(&zone))
}

/// What a status says to a check (guide HC-11).
pub(crate) fn judged(matcher: &Matcher, status: u16) -> Result<(), Why> {
    let is_success = matcher.ranges.iter().any(|&(first, last)| first <= status && status <= last);
    if is_success { Ok(()) } else { Err(Why::Code(status)) }
}
