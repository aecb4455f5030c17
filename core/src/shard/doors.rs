//! How connections become TLS: an acceptor for each HTTPS listener of the present configuration, and a connector for each
//! policy that targets are reached with.

use std::sync::Arc;

use super::tickets::Tickets;
use super::trunk::ALPN;
use crate::config::{Config, Listener, TargetGroup};
use crate::options::Options;
use crate::sticky::Secret;
use crate::tls::{Acceptor, Clock, Connector, Policy, Session};

/// What clients that ask are offered (ALPN), the best first; the first of them only with `routing.http2.enabled` (guide LB-21).
const PROTOCOLS: [&[u8]; 2] = [ALPN, b"http/1.1"];

/// Which policy a target is reached with: it follows from the listener's (guide TLS-05).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BackEnd {
    /// That of listeners without TLS 1.3, or without TLS.
    Default,
    /// That of listeners with TLS 1.3.
    Tls13,
}

impl BackEnd {
    pub(crate) const ALL: [BackEnd; 2] = [BackEnd::Default, BackEnd::Tls13];

    /// Behind that listener.
    pub(crate) fn behind(listener: &Listener) -> BackEnd {
        match &listener.tls {
            Some(terms) if terms.policy.has_tls13() => BackEnd::Tls13,
            _ => BackEnd::Default,
        }
    }

    /// In checks of a group's targets: one for all, the best of those that requests come with.
    pub(crate) fn in_checks(config: &Config, group: &TargetGroup) -> BackEnd {
        let in_front = config.listeners.iter().filter(|listener| config.forwards_to(listener, group));
        in_front.map(BackEnd::behind).max().unwrap_or(BackEnd::Default)
    }

    fn policy(self) -> &'static Policy {
        Policy::back_end(self == BackEnd::Tls13)
    }
}

/// The acceptors and connectors of a shard.
pub(crate) struct Doors {
    pub(super) clock: Clock,
    secret: Secret,
    /// By listener; nothing for those without TLS.
    acceptors: Vec<Option<Arc<Acceptor>>>,
    /// By [`BackEnd`]; each remembers sessions, so it outlives configurations.
    connectors: [Option<Connector>; 2],
    /// The same for targets that speak HTTP/2.
    trunk_connectors: [Option<Connector>; 2],
}

impl Doors {
    pub(super) fn new(secret: Secret, options: &Options) -> Doors {
        let clock = Clock::default();
        let connector = |back_end: BackEnd, protocols| {
            let provider = options.provider.as_ref()?;
            Connector::new(back_end.policy(), provider, &clock, protocols)
        };
        let connectors = BackEnd::ALL.map(|back_end| connector(back_end, &[]));
        let trunk_connectors = BackEnd::ALL.map(|back_end| connector(back_end, &[ALPN]));
        Doors { clock, secret, acceptors: Vec::new(), connectors, trunk_connectors }
    }

    /// Takes over the listeners of a configuration.
    pub(super) fn learn(&mut self, config: &Config, options: &Options, chance: &mut fastrand::Rng) {
        let mut door = |listener: &Listener| {
            let (terms, provider) = (listener.tls.as_ref()?, options.provider.as_ref()?);
            let tickets = Tickets::new(self.secret.clone(), self.clock.clone(), &listener.arn, chance);
            let http2 =
                config.load_balancers.get(listener.load_balancer).is_some_and(|balancer| balancer.attributes.http2);
            let protocols = if http2 { &PROTOCOLS[..] } else { &PROTOCOLS[1..] };
            Acceptor::new(terms, provider, &self.clock, Some(Arc::new(tickets)), protocols).map(Arc::new)
        };
        self.acceptors = config.listeners.iter().map(&mut door).collect();
    }

    /// The session of a client's connection to a listener.
    pub(super) fn accept(&self, listener: usize) -> Option<Session> {
        Some(self.acceptors.get(listener)?.as_ref()?.session())
    }

    /// The session of a connection to a target; targets of one name resume each other's.
    pub(super) fn connect(&self, back_end: BackEnd, http2: bool, name: &str) -> Option<Session> {
        let connectors = if http2 { &self.trunk_connectors } else { &self.connectors };
        connectors[back_end as usize].as_ref()?.session(name)
    }
}
