//! Clients that keep their cookies, and where they belong (guide STK-05, STK-08, STK-15).

use std::collections::BTreeMap;

use super::Host;
use super::model::{Eligible, Membership, Model};
use super::plan::{GroupPlan, STICKY};

/// Clients of each group with sessions.
pub(crate) const CLIENTS: usize = 40;

/// A client.
#[derive(Clone, Default)]
pub(crate) struct Session {
    pub(crate) group: usize,
    /// What it sends in its `Cookie` field.
    pub(crate) cookie: Option<String>,
    /// The target that its cookie names, and in which second it was made.
    pub(crate) bond: Option<(Host, u64)>,
    /// Where it was before it moved for reasons of health.
    pub(crate) left: Option<Host>,
    /// Its cookie has lost a character on its way.
    pub(crate) garbled: bool,
}

/// Why a request with a session goes where the algorithm says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// The client has no cookie yet.
    First,
    /// The cookie is older than the duration.
    Expired,
    /// It cannot be decoded.
    Garbled,
    /// Its target is not registered any more.
    Deregistered,
    /// Its target is not healthy, while others are.
    Unhealthy,
    /// Its target refused the connection.
    Refused,
}

const CAUSES: [Cause; 6] =
    [Cause::First, Cause::Expired, Cause::Garbled, Cause::Deregistered, Cause::Unhealthy, Cause::Refused];

pub(crate) struct Sessions {
    pub(crate) all: Vec<Session>,
    /// How often each cause was named.
    causes: BTreeMap<Cause, usize>,
    /// Requests that went where they belong.
    kept: usize,
    /// Of these, while the target that the client had left was well again.
    kept_after_recovery: usize,
}

impl Sessions {
    pub(crate) fn new() -> Sessions {
        let of = |group| vec![Session { group, ..Session::default() }; CLIENTS];
        Sessions {
            all: STICKY.into_iter().flat_map(of).collect(),
            causes: BTreeMap::new(),
            kept: 0,
            kept_after_recovery: 0,
        }
    }

    /// Where the client's request belongs, or why the algorithm chooses.
    pub(crate) fn expected(
        &self,
        client: usize,
        plan: &GroupPlan,
        model: &Model,
        eligible: &Eligible,
        second: u64,
    ) -> Result<Host, Cause> {
        let session = &self.all[client];
        let (host, issued) = session.bond.ok_or(Cause::First)?;
        let duration = plan.sticky_for().expect("the group has sessions").as_secs();
        if session.garbled {
            Err(Cause::Garbled)
        } else if second - issued > duration {
            Err(Cause::Expired)
        } else if model.hosts[host].membership != Membership::Registered {
            Err(Cause::Deregistered)
        } else if !eligible.hosts.contains(&host) {
            Err(Cause::Unhealthy)
        } else {
            Ok(host)
        }
    }

    /// The client's request went where it belongs, or elsewhere, for a cause.
    pub(crate) fn went(&mut self, client: usize, belonged: Result<Host, Cause>, eligible: &Eligible) {
        let session = &mut self.all[client];
        match belonged {
            Ok(_) => {
                self.kept += 1;
                let recovered = session.left.is_some_and(|left| eligible.hosts.contains(&left));
                self.kept_after_recovery += usize::from(recovered);
            }
            Err(cause) => {
                *self.causes.entry(cause).or_default() += 1;
                let was = session.bond.map(|(host, _)| host);
                session.left = was.filter(|_| cause == Cause::Unhealthy);
            }
        }
    }

    /// The target's answer came, with a new cookie.
    pub(crate) fn answered(&mut self, client: usize, host: Host, cookie: String, second: u64) {
        let session = &mut self.all[client];
        session.cookie = Some(cookie);
        session.bond = Some((host, second));
        session.garbled = false;
        if session.left == Some(host) {
            session.left = None;
        }
    }

    /// The day is over.
    pub(crate) fn sum_up(&self) {
        for cause in CAUSES {
            assert!(self.causes.contains_key(&cause), "no session moved for {cause:?}: {:?}", self.causes);
        }
        assert!(self.kept > 1000, "{}", self.kept);
        assert!(self.kept_after_recovery > 0, "nobody stayed after a recovery");
    }
}
