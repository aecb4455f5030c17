//! The client's side: from the bytes of a head to an exchange under way, and from its end to the next request.

use core::time::Duration;

use super::choice::Chosen;
use super::doors::BackEnd;
use super::failover::Errand;
use super::plan::{Course, Plan, dns_name, fixed_response, front_idle, note};
use super::pool::OriginId;
use super::stream::LAST_WORDS;
use super::timer::Deadline;
use super::wire::{Front, Phase, WireState};
use super::{ExchangeId, Shard, WireId};
use crate::buffer::{ADMISSION, LARGE_PAGE, Payment, TLS_ADMISSION};
use crate::config::{Config, Listener, LoadBalancer};
use crate::exchange::record::{ColumnId, Record};
use crate::exchange::{After, Exchange, UNWANTED_BYTES_MAX, Upload};
use crate::http::answer::Answer;
use crate::http::h1::head::{Scan, Scanner};
use crate::observe::Cause;
use crate::time::Mono;

/// How long a head may take beyond the idle timeout, however steadily its bytes trickle: a client that sends a byte
/// now and then must not hold a connection for days.
const HEAD_GRACE: Duration = Duration::from_secs(60);

/// How long a client may take to close its side after the last answer. As nginx's `lingering_timeout`.
pub(super) const LINGER: Duration = Duration::from_secs(5);

/// How long a client that has no request in progress when draining begins may still send one. Closed at once it would lose
/// what is on its way; this is longer than a request travels, and shorter than anybody waits for a program to end.
pub(crate) const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// Sent at once when a client asks whether to go on (`wire.md` H10).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

impl Shard {
    /// Takes the next request from a client's input, if a whole head is there.
    pub(crate) fn next_request(&mut self, id: WireId) {
        let now = self.now.mono;
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let WireState { leg, role: super::wire::Role::Front(front), .. } = wire else { return };
        let Phase::Head { scanner, since } = &mut front.phase else { return };
        match scanner.scan(leg.input.bytes()) {
            Ok(Scan::Head { len, regular }) => self.begin(id, len, regular),
            Ok(Scan::More) if leg.ended => self.last_head_is_missing(id),
            Ok(Scan::More) => {
                if since.is_none() && !is_blank(leg.input.bytes()) {
                    *since = Some(now);
                }
            }
            Err(refusal) => self.refuse(id, Cause::from(refusal)),
        }
    }

    /// The client closed its side between requests, or in the middle of a head.
    fn last_head_is_missing(&mut self, id: WireId) {
        let partial = self.wires.get(id.0).is_some_and(|wire| !is_blank(wire.leg.input.bytes()));
        if partial { self.refuse(id, Cause::ClientClosedEarly) } else { self.dismiss(id) }
    }

    /// A whole head is there: decides its course and sets out on it.
    fn begin(&mut self, id: WireId, len: usize, regular: bool) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let input = core::mem::take(&mut wire.leg.input);
        let plan = self.plan(id, &input, len, regular);
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        wire.leg.input = input;
        wire.leg.input.consume(len, &mut self.buffers);
        self.set_out(id, plan);
    }

    fn set_out(&mut self, front: WireId, plan: Plan) {
        match plan.course {
            Course::Forward(chosen) => self.forward(front, plan, chosen),
            Course::Redirect { .. } | Course::Fixed { .. } | Course::Refuse(_) => self.answer_here(front, plan),
        }
    }

    /// Sends the outgoing head, which is in the scratch, to a target.
    fn forward(&mut self, front: WireId, plan: Plan, chosen: Chosen) {
        let listener = self.wires.get(front.0).and_then(|wire| wire.front()?.served_by(&self.config).0);
        let back_end = listener.map_or(BackEnd::Default, |(_, listener)| BackEnd::behind(listener));
        let Some((origin, target)) = self.destination(chosen, back_end) else {
            return self.answer_here(front, Plan { course: Course::Refuse(Cause::NoTargets), ..plan });
        };
        let column = self.count_request(chosen);
        let admitted = self.entitlement(front, origin);
        if !self.buffers.admit(admitted) {
            return self.answer_here(front, Plan { course: Course::Refuse(Cause::OutOfMemory), ..plan });
        }
        let Plan { facts, framing, expects_continue, idle, mut record, session, .. } = plan;
        record.target = self.pool.address(origin);
        record.column = column;
        let back = self.connect(origin, idle);
        self.tell_manner(front, back, facts.is_call);
        let (Some(from), Some(to)) = (self.wires.get(front.0), self.wires.get(back.0)) else { return };
        let upload = Upload::relaying(framing, &from.leg, &to.leg);
        let streams = !matches!(upload, Upload::Done) || to.leg.bare;
        let mut exchange = Exchange::forwarded(front, back, target, facts, idle, upload, record);
        exchange.session = session;
        exchange.admitted = admitted;
        let id = self.exchanges.insert(exchange);
        self.engage(back, id, Errand::new(chosen, self.generation, back_end));
        self.occupy(front, id);
        if expects_continue {
            self.say(front, CONTINUE);
        }
        let head = core::mem::take(&mut self.scratch);
        let said = self.say(back, &head);
        let too_large = head.len() > LARGE_PAGE;
        self.scratch = head;
        if !said {
            // What is added can make it too large, such as a client's chain of certificates.
            self.fail(id, if too_large { Cause::RequestHeadTooLarge } else { Cause::OutOfMemory });
        }
        if streams || !said {
            self.drive(id);
        } else {
            self.notice(back);
        }
    }

    /// How much memory an exchange between these two needs at least.
    fn entitlement(&self, front: WireId, origin: OriginId) -> usize {
        let front = self.wires.get(front.0).is_some_and(|wire| wire.secure.is_some());
        // The TLS of a shared connection is that connection's.
        let back = self.pool.place(origin).is_some_and(|place| place.tls.is_some() && !place.http2);
        ADMISSION + TLS_ADMISSION * (usize::from(front) + usize::from(back))
    }

    /// A target was chosen, whatever becomes of the request now (guide MET-18).
    fn count_request(&mut self, chosen: Chosen) -> Option<ColumnId> {
        self.metrics.request_count += 1;
        let column = self.columns.of(chosen)?;
        self.columns.get_mut(column)?.chosen(chosen.fails_open);
        Some(column)
    }

    /// Answers without a target.
    fn answer_here(&mut self, front: WireId, plan: Plan) {
        let mut facts = plan.facts;
        if plan.expects_continue {
            // Whether the client now sends its body or not is anybody's guess: the connection cannot be kept.
            facts.keep_alive = false;
        }
        let Some(wire) = self.wires.get(front.0) else { return };
        let upload = Upload::unwanted(plan.framing, &wire.leg);
        let exchange = Exchange::answered_here(front, facts, plan.idle, upload, plan.record);
        let id = self.exchanges.insert(exchange);
        self.occupy(front, id);
        match plan.course {
            Course::Refuse(cause) => self.fail(id, cause),
            Course::Redirect { status } => {
                let location = core::mem::take(&mut self.location);
                self.with(id, |exchange, front, _, cx| {
                    exchange.answer(&Answer::redirect(status, &location), front, cx)
                });
                self.location = location;
            }
            Course::Fixed { listener, priority } => {
                self.with(id, |exchange, front, _, cx| match fixed_response(cx.config, listener, priority) {
                    Some(fixed) => exchange.answer(&fixed.answer(), front, cx),
                    None => exchange.fail(Cause::NoTargets, front, cx),
                });
            }
            Course::Forward(_) => {}
        }
        self.drive(id);
    }

    /// A head that could not be made sense of: an error, and the connection ends with it.
    pub(crate) fn refuse(&mut self, front: WireId, cause: Cause) {
        let mut notes = self.new_notes(front);
        let Some(wire) = self.wires.get(front.0) else { return };
        let idle = front_idle(wire.front());
        if let Some(Front { port, .. }) = wire.front() {
            let balancer = wire.front().and_then(|front| front.served_by(&self.config).1);
            note(&mut notes, |draft| draft.unreadable("http", dns_name(balancer), port.0));
        }
        let record = Record::new(self.now, &wire.leg, wire.leg.input.len(), notes);
        self.answer_here(front, Plan::refusing(cause, idle, record));
    }

    /// An exchange is over: the client's connection goes on as the answer said.
    pub(crate) fn next(&mut self, id: WireId, after: After) {
        let now = self.now.mono;
        let closing = self.draining;
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        if wire.carried.is_some() {
            return self.answered(id, after);
        }
        let ended = wire.leg.ended;
        let has_input = !wire.leg.input.is_empty();
        let Some(front) = wire.front_mut() else { return };
        let gone = closing || front.listener.is_none();
        match after {
            After::Cut => self.kill(id),
            After::Close if ended => self.dismiss(id),
            After::Close => {
                front.phase = Phase::Lingering { left: UNWANTED_BYTES_MAX, until: now.after(LINGER) };
                wire.leg.discard_input(&mut self.buffers);
            }
            After::KeepAlive if !has_input && (ended || gone) => self.dismiss(id),
            After::KeepAlive => {
                // Its alarm is still set, for its idle timeout at the latest.
                front.phase = Phase::Head { scanner: Scanner::request(), since: None };
                if has_input || ended {
                    self.next_request(id);
                }
                return;
            }
        }
        self.rearm(id);
    }

    /// Bytes from a client that is to close: dropped, up to a limit.
    pub(crate) fn linger(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let sealed = wire.secure.as_mut().map_or(0, |secure| secure.discard(&mut self.buffers));
        let dropped = (sealed + wire.leg.discard_input(&mut self.buffers)) as u64;
        let Some(Front { phase: Phase::Lingering { left, .. }, .. }) = wire.front_mut() else { return };
        match left.checked_sub(dropped) {
            Some(rest) => *left = rest,
            None => self.kill(id),
        }
    }

    /// The shard is draining: an idle client has a moment for a request that is on its way.
    pub(crate) fn hurry_if_idle(&mut self, id: WireId) {
        let now = self.now.mono;
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        if wire.streams.is_some() && wire.front().is_some() {
            return self.shut_down(id);
        }
        if let super::wire::Role::Front(front) = &mut wire.role
            && matches!(front.phase, Phase::Head { since: None, .. })
        {
            front.idle = front.idle.min(DRAIN_GRACE);
            wire.leg.activity = now;
            self.rearm(id);
        }
    }

    pub(crate) fn close_if_idle(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(id.0) else { return };
        if wire.streams.is_some() && wire.front().is_some() {
            return self.shut_down(id);
        }
        let idle = matches!(wire.front(), Some(Front { phase: Phase::Head { since: None, .. }, .. }));
        if idle {
            self.dismiss(id);
        }
    }

    /// The connection is about that exchange from now on, and takes over its idle timeout, which a new configuration may
    /// have changed. Its alarm is set for the former one at the latest, and only has to move for a shorter one.
    fn occupy(&mut self, front_id: WireId, exchange: ExchangeId) {
        let Shard { wires, exchanges, .. } = self;
        let Some(front) = wires.get_mut(front_id.0).and_then(WireState::front_mut) else { return };
        front.phase = Phase::Busy(exchange);
        let idle = exchanges.get(exchange).map_or(front.idle, |exchange| exchange.idle);
        let before = core::mem::replace(&mut front.idle, idle);
        if idle < before {
            self.rearm(front_id);
        }
    }

    fn say(&mut self, wire: WireId, bytes: &[u8]) -> bool {
        let Shard { wires, buffers, .. } = self;
        wires.get_mut(wire.0).is_some_and(|wire| wire.leg.output.append_alone(bytes, Payment::Admitted, buffers))
    }
}

impl Front {
    /// The listener and load balancer that this connection's next request is decided by.
    pub(super) fn served_by<'c>(
        &self,
        config: &'c Config,
    ) -> (Option<(usize, &'c Listener)>, Option<&'c LoadBalancer>) {
        let listener = self.listener.and_then(|index| Some((index, config.listeners.get(index)?)));
        (listener, listener.and_then(|(_, listener)| config.load_balancers.get(listener.load_balancer)))
    }

    /// When this connection has to be looked at, and why.
    pub(crate) fn deadline(&self, activity: Mono) -> Option<(Mono, Deadline)> {
        match self.phase {
            Phase::Head { since: None, .. } => Some((activity.after(self.idle), Deadline::KeepAlive)),
            Phase::Head { since: Some(since), .. } => {
                let at_most = since.after(self.idle).after(HEAD_GRACE);
                Some((activity.after(self.idle).min(at_most), Deadline::RequestHead))
            }
            Phase::Lingering { until, .. } => Some((until, Deadline::Linger)),
            Phase::Handshake { until, .. } => Some((until, Deadline::ClientHandshake)),
            Phase::Answered => Some((activity.after(self.idle), Deadline::Linger)),
            Phase::LastWords => Some((activity.after(LAST_WORDS), Deadline::Linger)),
            Phase::Busy(_) | Phase::Streams => None,
        }
    }
}

/// Whether no request has begun: an empty line that a client sends after its last one is none (RFC 9112 section 2.2).
fn is_blank(input: &[u8]) -> bool {
    matches!(input, b"" | b"\r" | b"\r\n")
}
