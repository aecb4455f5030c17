//! What a request's head leads to: it is read, cleared, decided by the rules, and written anew for its target, all before
//! anything of the connection changes.

use core::time::Duration;
use std::net::SocketAddr;

use super::choice::{Chosen, Nobody};
use super::front::LINGER;
use super::session::Wish;
use super::wire::{Front, WireState};
use super::{Shard, WireId};
use crate::buffer::Buffer;
use crate::config::{Config, Listener, LoadBalancer, ProtocolVersion};
use crate::desync::{Cleared, Clearing, Reading};
use crate::exchange::outgoing::{Terms, write_request};
use crate::exchange::record::{Notes, Record, raw_line};
use crate::exchange::{Facts, Leg};
use crate::http::grpc::is_grpc;
use crate::http::{Asked, FieldRoom, Framing, Protocol, Request, Version};
use crate::observe::Cause;
use crate::observe::access::{ActionTaken, Draft, MatchedRule};
use crate::rules::{Action, FixedResponse, Redirect, RedirectParts, Subject};
use crate::sticky::Session;
use crate::time::Now;

/// The reason that logs give for a cookie for the group that came URL-encoded (guide ACT-08).
const GROUP_COOKIE_INVALID: &str = "AWSALBTGCookieInvalid";

/// What a head leads to: everything that has to be known once its bytes are gone.
pub(super) struct Plan {
    pub(super) facts: Facts,
    pub(super) framing: Framing,
    pub(super) expects_continue: bool,
    pub(super) idle: Duration,
    pub(super) record: Record,
    /// What the response of a target tells the client to remember.
    pub(super) session: Option<Box<Session>>,
    pub(super) course: Course,
}

/// The course that a request takes.
pub(super) enum Course {
    /// To a target. The outgoing head is in the shard's scratch.
    Forward(Chosen),
    /// A redirect; the `Location` is kept by the shard.
    Redirect { status: u16 },
    /// The fixed response of the rule with that priority, or of the default action.
    Fixed { listener: usize, priority: u16 },
    /// An error of that cause.
    Refuse(Cause),
}

impl Shard {
    /// Reads the head and decides. Nothing of the connection changes here; what must outlive the head is copied.
    pub(super) fn plan(&mut self, id: WireId, input: &Buffer, len: usize, regular: bool) -> Plan {
        let mut notes = self.new_notes(id);
        let Shard {
            wires, config, choices, sessions, options, chance, scratch, location, now, draining, metrics, ..
        } = self;
        let Some((leg, front)) = wires.get(id.0).and_then(|wire| Some((&wire.leg, wire.front()?))) else {
            return Plan::refusing(Cause::InternalError, front_idle(None), Record::new(*now, &Leg::default(), 0, None));
        };
        let (listener, balancer) = front.served_by(config);
        let scheme = listener.map_or("http", |(_, listener)| listener.protocol.scheme());
        let carried = wires.get(id.0).and_then(|wire| wire.carried.as_ref());
        let mut record = Record::new(*now, leg, input.len(), None);
        let refusing = |cause, notes, mut record: Record| {
            record.notes = notes;
            Plan::refusing(cause, front.idle, record)
        };
        let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
        let reading = Reading::of(&input.bytes()[..len], regular, &mut mended, &mut room);
        record.asked = if carried.is_some() { asked(reading.request()) } else { Asked::Http1 };
        note(&mut notes, |draft| {
            draft.request(&raw_line(&reading, record.asked, scheme, front.port.0));
            draft.user_agent(reading.request().fields.first(b"user-agent").unwrap_or_default());
        });
        record.reason = reading.classification().reason();
        metrics.desync_mitigation_mode_non_compliant_request_count += u64::from(record.reason.is_some());
        let (Some((index, listener)), Some(balancer)) = (listener, balancer) else {
            // The listener was removed while this connection lived on: its next request has nowhere to go.
            return refusing(Cause::NoTargets, notes, record);
        };
        if carried.is_some_and(|carried| carried.manner.has_invalid_names) {
            return refusing(Cause::Http2FieldName, notes, record);
        }
        let attributes = &balancer.attributes;
        let clearing =
            Clearing { mode: attributes.desync_mitigation_mode, preserve_host: attributes.preserve_host_header };
        let cleared = match reading.clear(&clearing) {
            Ok(cleared) => cleared,
            Err(refusal) => return refusing(refusal.into(), notes, record),
        };
        let aged = now.mono.since(front.opened) >= front.keep_alive;
        let mut facts = Facts {
            version: cleared.request().version,
            is_head: cleared.is_head(),
            upgrade: cleared.upgrade(),
            keep_alive: cleared.keep_alive() && !aged && !*draining && carried.is_none(),
            is_last_for_target: cleared.is_last_for_target(),
            is_call: false,
        };
        let decision = listener.rules.decide(&subject(&cleared, front.endpoints.peer));
        metrics.rule_evaluations += decision.evaluated as u64;
        record.rule = decision.rule.map_or(MatchedRule::Default, |rule| MatchedRule::Priority(rule.priority));
        record.action = Some(taken(decision.action));
        let mut session = None;
        let course = match decision.action {
            Action::FixedResponse(_) => Course::Fixed { listener: index, priority: decision.priority() },
            Action::Redirect(redirect) => {
                redirected(redirect, &redirect_parts(&cleared, listener, balancer), location, &mut notes)
            }
            Action::Forward(forward) => {
                let mut wish = Wish::new(sessions, forward, cleared.request().fields, now.wall);
                let choice = choices.choose(config, forward, options.zone.as_deref(), now.mono, chance, &mut wish);
                let choice = choice.and_then(|chosen| speak_the_same(config, chosen, record.asked));
                if wish.group_is_garbled {
                    record.error_reason = Some(GROUP_COOKIE_INVALID);
                }
                match choice {
                    Err((cause, group)) => {
                        facts.is_call = group.is_some_and(|group| group.protocol_version == ProtocolVersion::Grpc);
                        note(&mut notes, |draft| draft.target_group(group.map_or("-", |group| &group.arn)));
                        Course::Refuse(cause)
                    }
                    Ok(chosen) => {
                        if let Some(group) = config.group(chosen.group) {
                            facts.is_call = group.protocol_version == ProtocolVersion::Grpc;
                            metrics.http2_request_count += u64::from(record.asked != Asked::Http1);
                            metrics.grpc_request_count += u64::from(record.asked == Asked::Grpc);
                            metrics.non_sticky_request_count += u64::from(wish.is_not_granted(chosen, group));
                            session = wish.session(chosen, group, listener.protocol == Protocol::Https);
                        }
                        scratch.clear();
                        let terms = outgoing_terms(front, listener, balancer, *now, chance);
                        let forwarded = write_request(&cleared, &terms, scratch);
                        metrics.dropped_invalid_header_request_count += u64::from(forwarded.dropped_invalid_names);
                        metrics.forwarded_invalid_header_request_count += u64::from(forwarded.has_invalid_names);
                        note(&mut notes, |draft| {
                            draft.target_group(config.group(chosen.group).map_or("-", |group| &group.arn));
                            draft.trace_id(scratch.get(forwarded.trace.clone()).unwrap_or_default());
                        });
                        Course::Forward(chosen)
                    }
                }
            }
        };
        record.notes = notes;
        let expects_continue = cleared.expects_continue() && facts.version == Version::Http11 && carried.is_none();
        Plan {
            facts,
            framing: cleared.framing(),
            expects_continue,
            idle: balancer.attributes.idle_timeout,
            record,
            session,
            course,
        }
    }

    /// Room for the next line of the log, if one is kept.
    pub(crate) fn new_notes(&mut self, id: WireId) -> Option<Box<Notes>> {
        if !self.options.access_log {
            return None;
        }
        let mut notes = self.notes.pop().unwrap_or_default();
        let front = self.wires.get(id.0).and_then(WireState::front);
        notes.reset(front.and_then(|front| front.served_by(&self.config).1));
        Some(notes)
    }
}

/// How a request of HTTP/2 asks.
fn asked(request: &Request<'_>) -> Asked {
    let post = request.method == b"POST";
    let is_call = post && request.fields.first(b"content-type").is_some_and(is_grpc);
    if is_call { Asked::Grpc } else { Asked::Http2 { post } }
}

/// The target, if it speaks what the client does (guide PV-02 to PV-05).
fn speak_the_same(config: &Config, chosen: Chosen, asked: Asked) -> Result<Chosen, Nobody<'_>> {
    match config.group(chosen.group).map(|group| (group, group.protocol_version.takes(asked))) {
        Some((group, Err(mismatch))) => Err((mismatch.into(), Some(group))),
        Some((_, Ok(()))) | None => Ok(chosen),
    }
}

/// What the rules look at.
fn subject<'s>(cleared: &'s Cleared<Request<'_>>, peer: SocketAddr) -> Subject<'s> {
    let target = cleared.target();
    let request = cleared.request();
    Subject {
        method: request.method,
        host: cleared.host(),
        path: target.path,
        query: target.query,
        fields: request.fields.0,
        source: peer.ip(),
    }
}

fn taken(action: &Action) -> ActionTaken {
    match action {
        Action::FixedResponse(_) => ActionTaken::FixedResponse,
        Action::Redirect(_) => ActionTaken::Redirect,
        Action::Forward(_) => ActionTaken::Forward,
    }
}

/// Writes the `Location`, if it is not too long.
fn redirected(
    redirect: &Redirect,
    parts: &RedirectParts<'_>,
    location: &mut Vec<u8>,
    notes: &mut Option<Box<Notes>>,
) -> Course {
    location.clear();
    if redirect.location(parts, location).is_err() {
        return Course::Refuse(Cause::RedirectTooLong);
    }
    note(notes, |draft| draft.redirect_url(location));
    Course::Redirect { status: redirect.status.code() }
}

fn outgoing_terms<'s>(
    front: &'s Front,
    listener: &Listener,
    balancer: &'s LoadBalancer,
    now: Now,
    chance: &mut fastrand::Rng,
) -> Terms<'s> {
    let secured = front.secured.as_deref();
    Terms {
        attributes: &balancer.attributes,
        scheme: listener.protocol.scheme(),
        listener_port: listener.port,
        tls: secured.map(|secured| (secured.negotiated.version, secured.negotiated.suite)),
        client_certificate: secured.map_or(b"", |secured| &secured.client_certificate),
        client: front.endpoints.peer,
        dns_name: &balancer.dns_name,
        wall: now.wall,
        entropy: entropy(chance),
    }
}

fn redirect_parts<'s>(
    cleared: &'s Cleared<Request<'_>>,
    listener: &Listener,
    balancer: &'s LoadBalancer,
) -> RedirectParts<'s> {
    let host = cleared.host();
    RedirectParts {
        scheme: listener.protocol.scheme(),
        host: if host.is_empty() { balancer.dns_name.as_bytes() } else { host },
        port: listener.port,
        path: cleared.target().path,
        query: cleared.target().query.unwrap_or_default(),
    }
}

pub(super) fn fixed_response(config: &Config, listener: usize, priority: u16) -> Option<&FixedResponse> {
    let rules = &config.listeners.get(listener)?.rules;
    let rule = rules.rules().iter().find(|rule| rule.priority == priority);
    let action = rule.map_or(rules.default_action(), |rule| &rule.action);
    if let Action::FixedResponse(fixed) = action { Some(fixed) } else { None }
}

impl Plan {
    /// An error, after which nothing more is understood of what the client sends.
    pub(super) fn refusing(cause: Cause, idle: Duration, record: Record) -> Plan {
        let facts = Facts {
            version: Version::Http11,
            is_head: false,
            upgrade: false,
            keep_alive: false,
            is_last_for_target: true,
            is_call: false,
        };
        Plan {
            facts,
            framing: Framing::UntilClose,
            expects_continue: false,
            idle,
            record,
            session: None,
            course: Course::Refuse(cause),
        }
    }
}

pub(super) fn note(notes: &mut Option<Box<Notes>>, write: impl FnOnce(&mut Draft)) {
    if let Some(notes) = notes {
        write(&mut notes.draft);
    }
}

pub(super) fn front_idle(front: Option<&Front>) -> Duration {
    front.map_or(LINGER, |front| front.idle)
}

pub(super) fn dns_name(balancer: Option<&LoadBalancer>) -> &str {
    balancer.map_or("-", |balancer| balancer.dns_name.as_str())
}

fn entropy(chance: &mut fastrand::Rng) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&chance.u64(..).to_be_bytes());
    bytes[8..].copy_from_slice(&chance.u32(..).to_be_bytes());
    bytes
}
