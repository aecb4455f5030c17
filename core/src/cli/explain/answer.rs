//! What the rules make of a request that is let through, and what its target would receive.

use std::net::SocketAddr;

use super::{Place, Question};
use crate::config::Config;
use crate::desync::Cleared;
use crate::exchange::outgoing::{Terms, write_request};
use crate::http::Request;
use crate::rules::{Action, Explanation, GroupId, RedirectParts, Subject};

/// Where a request goes.
pub(super) struct Answer<'c> {
    config: &'c Config,
    pub(super) explanation: Explanation<'c>,
    /// Where a redirect leads.
    pub(super) location: Option<String>,
    /// The head for a target, when it would be forwarded.
    pub(super) forwarded: Option<Vec<u8>>,
}

impl<'c> Answer<'c> {
    pub(super) fn of(cleared: &Cleared<Request<'_>>, place: &Place<'c>, question: &Question<'_>) -> Answer<'c> {
        let subject = Subject {
            method: cleared.request().method,
            host: cleared.host(),
            path: cleared.target().path,
            query: cleared.target().query,
            fields: cleared.request().fields.0,
            source: question.source,
        };
        let explanation = place.listener.rules.explain(&subject);
        let action = explanation.decision.action;
        let forwarded = matches!(action, Action::Forward(_)).then(|| forwarded(cleared, place, question));
        let location = location(place, &subject, action);
        Answer { config: place.config, explanation, location, forwarded }
    }

    pub(super) fn group_name(&self, id: GroupId) -> &str {
        self.config.group(id).map_or("?", |group| group.logical_id.as_str())
    }
}

fn forwarded(cleared: &Cleared<Request<'_>>, place: &Place<'_>, question: &Question<'_>) -> Vec<u8> {
    let terms = Terms {
        attributes: &place.attributes,
        scheme: place.listener.protocol.scheme(),
        listener_port: place.listener.port,
        tls: None,
        client_certificate: b"",
        client: SocketAddr::new(question.source, 0),
        dns_name: place.dns_name(),
        wall: question.wall,
        entropy: [0; 12],
    };
    let mut out = Vec::new();
    write_request(cleared, &terms, &mut out);
    out
}

fn location(place: &Place<'_>, subject: &Subject<'_>, action: &Action) -> Option<String> {
    let Action::Redirect(redirect) = action else { return None };
    let parts = RedirectParts {
        scheme: place.listener.protocol.scheme(),
        host: if subject.host.is_empty() { place.dns_name().as_bytes() } else { subject.host },
        port: place.listener.port,
        path: subject.path,
        query: subject.query.unwrap_or_default(),
    };
    let mut location = Vec::new();
    Some(match redirect.location(&parts, &mut location) {
        Ok(()) => String::from_utf8_lossy(&location).into_owned(),
        Err(too_long) => too_long.to_string(),
    })
}
