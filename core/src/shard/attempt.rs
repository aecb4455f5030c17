//! What is known of a client's connection once it is established, or has failed: remembered for its requests, counted, and
//! written to the connection log.

use std::sync::Arc;

use super::journal::Log;
use super::wire::{Endpoints, Front, Phase, WireState};
use super::{Effect, Shard, WireId};
use crate::config::{Config, Listener, LoadBalancer};
use crate::observe::access::Tls;
use crate::observe::connection::{Attempt, Certificate, Handshake, TraceId, UNMAPPED};
use crate::tls::{Failure, MutualAuthentication, Negotiated, Presented, Session};

/// What stands in the access log for the certificate of a session that was resumed (guide CERT-10).
const REUSED: &str = "session-reused";

/// What a client's handshake came to.
pub(crate) struct Secured {
    pub(crate) negotiated: Negotiated,
    /// The host that the client named, if a certificate is for it.
    domain_name: Option<Box<str>>,
    /// The ARN of the certificate that it was shown.
    certificate: Box<str>,
    /// What targets are told of the client's certificate.
    pub(crate) client_certificate: Box<[u8]>,
    /// What the client was asked for.
    asked: Asked,
}

/// What a client was asked for, without what it was verified with: a connection must not keep that alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Any,
    Verified,
}

impl Asked {
    fn of(mutual: &MutualAuthentication) -> Asked {
        match mutual {
            MutualAuthentication::Off => Asked::Nothing,
            MutualAuthentication::Passthrough => Asked::Any,
            MutualAuthentication::Verify(_) => Asked::Verified,
        }
    }
}

impl Front {
    /// Whether a connection that is open may go on under another configuration of its listener: it has TLS if that has, and
    /// its client was asked for the same. Others close as those of a listener that is gone.
    pub(super) fn suits(&self, listener: &Listener) -> bool {
        match (&self.secured, &listener.tls) {
            (Some(secured), Some(terms)) => secured.asked == Asked::of(&terms.mutual),
            (None, None) => true,
            // The handshake is in progress: it is looked at when that is over.
            (None, Some(_)) => matches!(self.phase, Phase::Handshake { .. }),
            (Some(_), None) => false,
        }
    }
}

impl Secured {
    fn new(session: &Session, negotiated: Negotiated, presented: Option<&Presented>) -> Secured {
        let shown = session.identity();
        let is_for = |name: &&str| shown.is_some_and(|identity| identity.is_for(name));
        Secured {
            negotiated,
            domain_name: session.server_name().filter(is_for).map(Into::into),
            certificate: if negotiated.resumed { REUSED } else { shown.map_or("-", |identity| &identity.arn) }.into(),
            client_certificate: presented.map(|presented| presented.lines.as_slice().into()).unwrap_or_default(),
            asked: Asked::of(session.mutual()),
        }
    }

    /// For a line of the access log.
    pub(crate) fn logged(&self) -> Tls<'_> {
        Tls {
            cipher: self.negotiated.suite.name,
            protocol: self.negotiated.version.name(),
            domain_name: self.domain_name.as_deref(),
            certificate: Some(&self.certificate),
        }
    }
}

impl Shard {
    /// A client's handshake went well.
    pub(super) fn secured(&mut self, id: WireId) {
        let now = self.now;
        let Some(WireState { role: super::wire::Role::Front(front), secure: Some(secure), .. }) =
            self.wires.get_mut(id.0)
        else {
            return;
        };
        let Some(session) = secure.session.as_mut() else { return };
        let Some(negotiated) = session.negotiated() else { return };
        let presented = session.take_presented();
        let secured = Secured::new(session, negotiated, presented.as_ref());
        session.forget_listener();
        let handshake = Handshake {
            negotiated: Some((negotiated.version, negotiated.suite)),
            group: negotiated.group,
            certificate: presented.as_ref().map(certificate),
            outcome: Ok(now.mono.since(front.opened)),
        };
        let (endpoints, port) = (front.endpoints, front.port.0);
        front.secured = Some(Arc::new(secured));
        // The listener may have changed since the handshake began.
        let listeners = &self.config.listeners;
        front.listener =
            front.listener.filter(|&index| listeners.get(index).is_some_and(|listener| front.suits(listener)));
        self.log_attempt(endpoints, port, Some(handshake));
    }

    /// A client's handshake came to nothing (guide MTLS-11).
    pub(super) fn not_secured(&mut self, id: WireId, failure: &Failure) {
        self.metrics.client_tls_negotiation_error_count += 1;
        let Some(wire) = self.wires.get(id.0) else { return };
        let Some(front) = wire.front().filter(|_| self.options.connection_log) else { return };
        let session = wire.secure.as_ref().and_then(|secure| secure.session.as_ref());
        let negotiated = session.and_then(|session| session.negotiated());
        let refused = match failure {
            Failure::ClientCertificate(rejected) => Some(rejected),
            _ => None,
        };
        let presented = refused.filter(|rejected| !rejected.leaf.is_empty()).map(|rejected| {
            // What the log tells is the same in every mode.
            Presented::new(&[&rejected.leaf], &MutualAuthentication::Off)
        });
        let handshake = Handshake {
            negotiated: negotiated.map(|negotiated| (negotiated.version, negotiated.suite)),
            group: negotiated.and_then(|negotiated| negotiated.group),
            certificate: presented.as_ref().map(certificate),
            outcome: Err(refused.map_or(UNMAPPED, |rejected| rejected.reason.code())),
        };
        let (endpoints, port) = (front.endpoints, front.port.0);
        self.log_attempt(endpoints, port, Some(handshake));
    }

    /// Writes a line of the connection log, if one is kept.
    pub(super) fn log_attempt(&mut self, endpoints: Endpoints, port: u16, tls: Option<Handshake<'_>>) {
        let Shard { options, config, chance, journals, effects, now, .. } = self;
        if !options.connection_log {
            return;
        }
        let attempt = Attempt {
            time: now.wall,
            client: endpoints.peer,
            listener_port: port,
            tls,
            trace: TraceId(chance.u128(..).to_be_bytes()),
            load_balancer: balancer_of(config, port).map_or("-", LoadBalancer::resource_id),
            node: endpoints.local.ip(),
        };
        if journals.of_mut(Log::Connection).line(|out| attempt.finish(out)) {
            effects.push(Effect::Journal(Log::Connection));
        }
    }
}

fn certificate(presented: &Presented) -> Certificate<'_> {
    let Presented { subject, validity, serial, .. } = presented;
    Certificate { subject, validity, serial_number: serial }
}

fn balancer_of(config: &Config, port: u16) -> Option<&LoadBalancer> {
    let listener = config.listeners.iter().find(|listener| listener.port == port)?;
    config.load_balancers.get(listener.load_balancer)
}
