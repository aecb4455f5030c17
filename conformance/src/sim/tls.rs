//! The TLS of a world: the terms of its listeners, and the sessions of its clients and targets.

use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{Config, HealthCheck, Protocol, ProtocolVersion};
use sluicegate::tls::{Acceptor, Clock, Connector, Identity, Policy, Provider, Session, Terms, Version};

use super::certificate::identity;
use super::chance::Chance;
use super::scenario::PORT;
use super::seeded;
use super::target::HEALTH;

/// Hosts that clients name, one of which no certificate is for.
const HOSTS: [&str; 3] = ["one.example", "two.example", "three.example"];

/// Where in a world there is TLS.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    first: bool,
    second: bool,
    pub(super) groups: [bool; 3],
}

impl Places {
    /// At least one of the listeners, or the targets of the first group.
    pub(super) fn new(chance: &mut Chance) -> Places {
        let first = !chance.one_in(4);
        Places {
            first,
            second: chance.one_in(2),
            groups: [!first || chance.one_in(2), chance.one_in(2), chance.one_in(2)],
        }
    }

    /// The first listener is one of them.
    pub(super) fn with_listener(self) -> Places {
        Places { first: true, ..self }
    }

    pub(super) fn listens(self, port: u16) -> bool {
        if port == PORT { self.first } else { self.second }
    }
}

/// What the peers of a world make their sessions with.
#[derive(Debug)]
pub(crate) struct Tls {
    /// The peers' clock.
    pub(super) clock: Clock,
    pub(super) provider: Provider,
    connectors: Vec<Connector>,
    /// Those of clients that ask for HTTP/2.
    browsers: Vec<Connector>,
    acceptors: Vec<Arc<Acceptor>>,
    /// Those of targets that speak HTTP/2.
    origins: Vec<Arc<Acceptor>>,
    identities: Vec<Arc<Identity>>,
    checked_every: Option<Duration>,
    chance: Chance,
}

impl Tls {
    pub(super) fn new(mut chance: Chance) -> Tls {
        let clock = Clock::default();
        let provider = seeded::provider(chance.fork());
        let old = provider.without(&[Version::Tls13]);
        let identities: Vec<_> = (0..2).map(|n| identity(HOSTS[n], n as u8, &provider)).collect();
        let connector = |provider: &Provider, protocols: &[&[u8]]| {
            let connector = Connector::new(policy("TLS13-1-2-2021-06"), provider, &clock, protocols);
            connector.expect("the policy can be served").naming_hosts()
        };
        let acceptor = |provider: &Provider, protocols: &[&[u8]]| {
            let terms = Terms::new(policy("TLS13-1-2-2021-06"), Arc::clone(&identities[0]));
            Arc::new(Acceptor::new(&terms, provider, &clock, None, protocols).expect("the policy can be served"))
        };
        Tls {
            connectors: vec![connector(&provider, &[]), connector(&provider, &[]), connector(&old, &[])],
            browsers: vec![connector(&provider, &[b"h2", b"http/1.1"]), connector(&old, &[b"h2"])],
            acceptors: vec![acceptor(&provider, &[]), acceptor(&old, &[])],
            origins: vec![acceptor(&provider, &[b"http/1.1", b"h2"]), acceptor(&old, &[b"h2"])],
            clock,
            provider,
            identities,
            checked_every: None,
            chance,
        }
    }

    /// The listeners and groups of those places speak TLS from now on.
    pub(super) fn apply(&self, config: &mut Config, places: Places) {
        for listener in config.listeners.iter_mut().filter(|listener| places.listens(listener.port)) {
            let terms = Terms::new(policy("TLS13-1-2-Res-2021-06"), Arc::clone(&self.identities[0]));
            listener.protocol = Protocol::Https;
            listener.tls = Some(Terms { list: vec![Arc::clone(&self.identities[1])], ..terms });
        }
        for (_, group) in config.groups.iter_mut().enumerate().filter(|(number, _)| places.groups[*number]) {
            group.protocol = Protocol::Https;
        }
        for group in &mut config.groups {
            if let Some(interval) = self.checked_every.filter(|_| group.protocol_version != ProtocolVersion::Grpc) {
                let path = HEALTH.to_owned();
                group.health_check = HealthCheck { protocol: group.protocol, path, interval, ..HealthCheck::default() };
            }
        }
    }

    /// The session of another client. Clients of one kind resume each other's.
    pub(super) fn client(&mut self) -> Session {
        self.session(|tls| &tls.connectors)
    }

    /// The session of another client that asks for HTTP/2.
    pub(super) fn browser(&mut self) -> Session {
        self.session(|tls| &tls.browsers)
    }

    fn session(&mut self, of: impl Fn(&Tls) -> &[Connector]) -> Session {
        let (connector, host) = (self.chance.below(of(self).len() as u64), self.chance.pick(&HOSTS));
        of(self)[connector as usize].session(host).expect("a good name")
    }

    /// The targets' health is checked from now on.
    pub(super) fn check_targets(&mut self, chance: &mut Chance) {
        self.checked_every = Some(Duration::from_secs(chance.between(20, 40)));
    }

    /// Whether it is.
    pub(super) fn checks(&self) -> bool {
        self.checked_every.is_some()
    }

    /// What a client says first.
    pub(super) fn hello(&mut self) -> Vec<u8> {
        let mut session = self.client();
        let mut room = vec![0; 4096];
        let n = session.take_ciphertext(&mut room);
        room.truncate(n);
        room
    }

    /// The session of another connection to a target.
    pub(super) fn target(&mut self, http2: bool) -> Session {
        let acceptors = if http2 { &self.origins } else { &self.acceptors };
        acceptors[self.chance.below(acceptors.len() as u64) as usize].session()
    }
}

fn policy(name: &str) -> &'static Policy {
    Policy::named(&format!("ELBSecurityPolicy-{name}")).expect("a policy of the guide")
}
