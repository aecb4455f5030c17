//! A stream of HTTP/2 as a wire of its own. Its leg speaks as HTTP/1 does, in heads as text, but for bodies, which are bare:
//! so everything that is decided of a request, and everything that happens to it, is the same for every version. Between
//! the leg and the connection the heads are translated, and ends and trailers find their places.

use core::time::Duration;
use std::sync::Arc;

use super::failover::Again;
use super::front::LINGER;
use super::speech::{Speech, Unspeakable, encoded_max};
use super::wire::{BackPhase, Front, Phase, Role, WireState};
use super::{ExchangeId, Shard, WireId};
use crate::buffer::{LARGE_PAGE, Payment, SMALL_PAGE};
use crate::exchange::{After, Exchange, Leg};
use crate::http::h1::body::Decoder;
use crate::http::h1::head::Scanner;
use crate::http::h2::{ErrorCode, Kind, StreamId, bridge};
use crate::observe::Cause;

/// What a stream's wire knows of the connection that carries it.
pub(crate) struct Carried {
    pub(super) connection: WireId,
    /// Its number, once it has one.
    pub(super) stream: Option<StreamId>,
    /// Bytes of a body that came and for which the peer has no new credit yet.
    pub(super) unreturned: usize,
    /// It is in line for its turn to speak.
    pub(super) is_ready: bool,
    /// What waits on it, as its connection has counted it.
    pub(super) holds: usize,
    /// The final head has left.
    pub(super) head_said: bool,
    /// The end has left.
    pub(super) end_said: bool,
    /// What the peer is told if it ends early.
    pub(super) farewell: ErrorCode,
    /// What else a target is told of the request.
    pub(super) manner: Manner,
    /// The head that was sent to a target, as long as nothing else was: should the target not look at it, another may.
    pub(super) head: Option<Box<[u8]>>,
    /// Bytes of the peer's body that were used up.
    credited: u64,
    /// The peer's window is a large one.
    pub(super) widened: bool,
}

/// What the head of a request does not say, or says only between neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    /// The sender takes trailers (RFC 9110 section 10.1.4).
    pub(crate) takes_trailers: bool,
    /// A field's name has characters beyond letters, digits and hyphens (`wire.md` H12).
    pub(crate) has_invalid_names: bool,
    /// The target is reached by TLS.
    pub(crate) is_secure: bool,
}

/// So much of a body waits for a peer that takes nothing of it, in bytes, and as much on the other side: with 128 streams that
/// is a megabyte.
pub(super) const STALLED_MAX: usize = SMALL_PAGE;

/// Bytes of a body after which its sender gets a larger window: so long are few, and those are mostly much longer.
const LONG_BODY: u64 = 16 * 1024;

/// The larger window, in bytes: what fits in a large page.
const LARGE_WINDOW: u32 = 64 * 1024;

/// The window that a target gets for its answer, in bytes: a page.
const ANSWER_WINDOW: u32 = 16 * 1024;

/// Streams of a client's connection beyond which targets keep the window that they begin with.
const FEW: usize = 16;

/// Streams of one connection beyond which none waits for its client's last words: half of those that there may be.
const CROWDED: usize = 64;

/// So much of its body may a client still send, or have sent, that is answered before its end, in bytes: one that sends more
/// is told at once that nobody wants it.
const LAST_WORDS_MAX: u64 = 8 * 1024;

/// How long a stream that was answered before its client had said all stays open for the rest, which is dropped.
pub(super) const LAST_WORDS: Duration = LINGER;

/// What came of a stream's turn to speak.
pub(super) enum Said {
    /// The connection has no room: the same stream goes on later.
    Full,
    /// The same of one that is yet to be opened.
    Wait,
    /// Something, or nothing that could be said now; whether there is more that can be said at once.
    Some { more: bool },
}

impl Carried {
    pub(super) fn new(connection: WireId, stream: Option<StreamId>, farewell: ErrorCode, manner: Manner) -> Carried {
        Carried {
            connection,
            stream,
            unreturned: 0,
            is_ready: false,
            holds: 0,
            head_said: false,
            end_said: false,
            farewell,
            manner,
            head: None,
            credited: 0,
            widened: false,
        }
    }

    /// Bytes of the peer's body that came.
    fn has_said(&self) -> u64 {
        self.credited + self.unreturned as u64
    }
}

impl Shard {
    /// A client's request: its stream becomes a wire, and its head what a head of HTTP/1 is.
    pub(super) fn stream_begins(&mut self, id: WireId, stream: StreamId, end: bool) {
        if self.streams_of(id).is_some_and(|streams| streams.h2.streams() > CROWDED) {
            self.cut_last_words(id);
        }
        let now = self.now.mono;
        let Shard { wires, buffers, scratch, draining, .. } = self;
        let Some(WireState { role: Role::Front(front), streams: Some(streams), .. }) = wires.get_mut(id.0) else {
            return;
        };
        scratch.clear();
        let facts = match bridge::request_head(streams.h2.fields(), end, scratch) {
            Ok(facts) => facts,
            Err(_) => {
                streams.h2.reject(stream);
                return self.record_unserved(id, Cause::Http2MalformedHead);
            }
        };
        let front = Front {
            endpoints: front.endpoints,
            port: front.port,
            listener: front.listener,
            opened: front.opened,
            keep_alive: front.keep_alive,
            idle: front.idle,
            secured: front.secured.as_ref().map(Arc::clone),
            phase: Phase::Head { scanner: Scanner::request(), since: None },
        };
        let ages = now.since(front.opened) >= front.keep_alive || front.listener.is_none() || *draining;
        let ages = ages && !streams.h2.is_shutting_down();
        let mut wire = WireState::new(Role::Front(front), now);
        if !streams.admit(buffers) || !wire.leg.input.append_alone(scratch, Payment::Metered, buffers) {
            streams.dismiss_if_empty(buffers);
            return streams.h2.reset(stream, ErrorCode::RefusedStream);
        }
        let manner =
            Manner { takes_trailers: facts.te_trailers, has_invalid_names: facts.has_odd_name, is_secure: true };
        wire.carried = Some(Carried::new(id, Some(stream), ErrorCode::InternalError, manner));
        (wire.leg.bare, wire.leg.limit) = (true, STALLED_MAX);
        (wire.leg.ended, wire.leg.received) = (end, scratch.len() as u64);
        let wire = WireId(wires.insert(wire));
        self.carried += 1;
        if let Some(streams) = self.wires.get_mut(id.0).and_then(|wire| wire.streams.as_mut()) {
            streams.insert(stream, wire);
        }
        self.rearm(wire);
        self.next_request(wire);
        if ages {
            self.shut_down(id);
        }
    }

    /// A head from a target, or trailers from either side.
    pub(super) fn stream_head(&mut self, id: WireId, wire: WireId, stream: StreamId, kind: Kind, end: bool) {
        let payment = self.input_limit(wire).map_or(Payment::Metered, |(_, payment)| payment);
        let now = self.now.mono;
        let Shard { wires, buffers, scratch, .. } = self;
        let (Some(WireState { streams: Some(streams), .. }), Some(to)) = wires.pair_mut(id.0, wire.0) else { return };
        let fields = streams.h2.fields();
        scratch.clear();
        let (read, fits) = match kind {
            Kind::Head => {
                let read = bridge::response_head(fields, end, scratch).map(drop);
                let fits = read.is_err() || to.leg.input.append_alone(scratch, payment, buffers);
                (read, fits)
            }
            Kind::Trailers => (bridge::trailer_lines(fields, &mut to.leg.trailers.received), true),
        };
        if read.is_err() || to.leg.trailers.received.len() > Decoder::LOOKAHEAD {
            streams.h2.reject(stream);
            let cause = match to.role {
                Role::Front(_) => Cause::Http2MalformedHead,
                Role::Back(_) | Role::Probe(_) | Role::Trunk(_) => Cause::TargetBrokeHttp2,
            };
            return self.stream_is_reset(wire, ErrorCode::ProtocolError, Some(cause));
        }
        to.leg.activity = now;
        to.leg.received += scratch.len() as u64;
        to.leg.ended |= end;
        self.ration_receiver(wire);
        if fits { self.touched(wire) } else { self.stream_is_starved(wire) }
    }

    /// There is no memory for what a stream's peer says: the stream ends.
    pub(super) fn stream_is_starved(&mut self, id: WireId) {
        match self.wires.get(id.0).and_then(WireState::exchange) {
            Some(exchange) => {
                self.fail(exchange, Cause::OutOfMemory);
                self.drive(exchange);
            }
            None => self.kill(id),
        }
    }

    /// Nothing more comes or goes on a stream.
    pub(super) fn stream_is_reset(&mut self, id: WireId, code: ErrorCode, cause: Option<Cause>) {
        let Some(wire) = self.wires.get(id.0) else { return };
        let is_target = matches!(wire.role, Role::Back(_));
        if is_target && wire.leg.ended {
            // A target that has answered wants no more of the request (RFC 9113 section 8.1).
            return self.stream_is_answered(id);
        }
        if let Some(exchange) = wire.exchange() {
            let is_unseen = is_target && code == ErrorCode::RefusedStream;
            if is_unseen && self.resend(id, exchange, Again::NotLookedAt) {
                return;
            }
            if let Some(cause) = cause {
                self.blame(exchange, !is_target, cause);
            }
        }
        self.lost(id);
    }

    /// Says what an exchange ends by: one that has half of its answer only if that says more than that it was cut.
    pub(super) fn blame(&mut self, exchange: ExchangeId, midway: bool, cause: Cause) {
        if let Some(exchange) = self.exchanges.get_mut(exchange).filter(|exchange| midway || exchange.awaits_head()) {
            exchange.record.caused(cause);
        }
    }

    /// Nothing more reaches a target on a stream. What it says, or has said, is still its answer.
    pub(super) fn stream_is_answered(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        wire.leg.broken = true;
        wire.leg.output.release(&mut self.buffers);
        match (wire.exchange(), &wire.role) {
            (Some(exchange), _) => self.drive(exchange),
            (None, Role::Probe(_)) => self.probe_is_unwritable(id),
            (None, _) => self.remove(id),
        }
    }

    /// What a target is told of a client's manner; one that speaks gRPC always hears that trailers are welcome.
    pub(super) fn tell_manner(&mut self, front: WireId, back: WireId, is_call: bool) {
        let takes_trailers = is_call || self.carried(front).is_some_and(|carried| carried.manner.takes_trailers);
        if let Some(carried) = self.wires.get_mut(back.0).and_then(|wire| wire.carried.as_mut()) {
            carried.manner.takes_trailers = takes_trailers;
        }
    }

    /// The connection that carries a stream.
    pub(super) fn carrier(&self, id: WireId) -> Option<WireId> {
        self.carried(id).map(|carried| carried.connection)
    }

    fn carried(&self, id: WireId) -> Option<&Carried> {
        self.wires.get(id.0)?.carried.as_ref()
    }

    /// Takes its turn: some of what the stream has to say goes to the output of its connection.
    pub(super) fn say_some(&mut self, id: WireId, stream: WireId) -> Said {
        let is_all = self.is_all_said(stream);
        let Shard { wires, buffers, scratch, fields, .. } = self;
        let (Some(connection), Some(wire)) = wires.pair_mut(id.0, stream.0) else { return Said::Some { more: false } };
        let WireState { leg: Leg { output, .. }, streams: Some(streams), .. } = connection else {
            return Said::Some { more: false };
        };
        let payment = streams.payment();
        let is_answer = matches!(wire.role, Role::Front(_));
        let WireState { leg, carried: Some(carried), .. } = wire else { return Said::Some { more: false } };
        let number = match carried.stream {
            Some(number) => number,
            None if leg.pending().is_empty() => return Said::Wait,
            None if !output.is_empty() && !output.make_room(encoded_max(leg.pending().len()), payment, buffers) => {
                return Said::Wait;
            }
            None => match streams.begin(stream) {
                Some(number) => *carried.stream.insert(number),
                None => return Said::Wait,
            },
        };
        let mut speech = Speech {
            h2: &mut streams.h2,
            out: output,
            leg,
            carried,
            number,
            payment,
            buffers,
            scratch,
            fields,
            is_all,
            is_answer,
        };
        let is_begun = speech.carried.head_said;
        let outcome = speech.speak();
        if !is_answer && !is_begun && carried.head_said {
            self.expect_answer(stream);
        }
        self.ration(stream);
        match outcome {
            Ok(0) if self.may_speak(stream) => Said::Full,
            Ok(said) => {
                self.plain_sent(stream, said);
                self.tighten(stream);
                self.ration(stream);
                self.finish_if_said(stream);
                Said::Some { more: self.may_speak(stream) }
            }
            Err(unspeakable) => {
                match unspeakable {
                    Unspeakable::Garbled => self.stream_is_unspeakable(stream, Cause::InternalError),
                    Unspeakable::TooLarge => self.stream_is_unspeakable(stream, Cause::TargetHeaderListLimit),
                    Unspeakable::Starved => self.stream_is_starved(stream),
                    Unspeakable::Torn => self.connection_is_starved(id),
                }
                Said::Some { more: false }
            }
        }
    }

    /// A target has heard a request's head: it gets a page for the answer, unless the same client asks for many.
    fn expect_answer(&mut self, stream: WireId) {
        let client = self.other_end(stream).and_then(|front| self.carrier(front));
        if client.and_then(|client| self.streams_of(client)).is_none_or(|streams| streams.h2.streams() <= FEW) {
            self.make_room_for_answer(stream);
        }
    }

    /// A client takes what its target sends.
    fn answer_is_taken(&mut self, stream: WireId) {
        let front = self.other_end(stream).and_then(|front| self.wires.get(front.0));
        if front.is_some_and(|front| front.leg.limit > STALLED_MAX) {
            self.make_room_for_answer(stream);
        }
    }

    fn make_room_for_answer(&mut self, stream: WireId) {
        let Some(&Carried { connection, stream: Some(number), .. }) = self.carried(stream) else { return };
        if let Some(streams) = self.wires.get_mut(connection.0).and_then(|wire| wire.streams.as_mut()) {
            streams.h2.widen(number, ANSWER_WINDOW);
        }
    }

    /// What is left to be said to a peer that takes nothing waits in as little memory as it needs.
    fn tighten(&mut self, id: WireId) {
        let Shard { wires, buffers, .. } = self;
        if let Some(wire) = wires.get_mut(id.0).filter(|wire| wire.leg.limit == STALLED_MAX) {
            wire.leg.output.shrink(buffers);
        }
    }

    /// What was to be said on a stream cannot be, and nothing of it was, so nobody else is concerned: it ends.
    fn stream_is_unspeakable(&mut self, id: WireId, cause: Cause) {
        let Some(wire) = self.wires.get(id.0) else { return };
        match (&wire.role, wire.exchange()) {
            (Role::Back(_), Some(exchange)) => {
                self.fail(exchange, cause);
                self.drive(exchange);
            }
            (Role::Probe(_), _) => self.probe_is_starved(id),
            _ => self.lost(id),
        }
    }

    /// Whether nothing will be added to the stream's output.
    fn is_all_said(&self, id: WireId) -> bool {
        let Some(wire) = self.wires.get(id.0) else { return false };
        match &wire.role {
            Role::Front(Front { phase: Phase::Busy(exchange), .. }) => {
                self.exchanges.get(*exchange).is_some_and(Exchange::has_answered) && !wire.leg.unfinished
            }
            Role::Back(back) => match back.phase {
                BackPhase::Busy(exchange) => self.exchanges.get(exchange).is_some_and(Exchange::has_asked),
                BackPhase::Dialing { .. } | BackPhase::Securing { .. } | BackPhase::Idle => false,
            },
            Role::Front(front) => matches!(front.phase, Phase::Answered),
            Role::Probe(_) => true,
            Role::Trunk(_) => false,
        }
    }

    /// Whether there is something that could be said at once.
    fn may_speak(&self, id: WireId) -> bool {
        let Some(WireState { leg, carried: Some(carried), .. }) = self.wires.get(id.0) else { return false };
        let Some(number) = carried.stream else { return false };
        let has_bytes = !leg.pending().is_empty();
        match (carried.head_said, has_bytes) {
            (false, _) => has_bytes,
            (true, true) => self.streams_of(carried.connection).is_some_and(|streams| streams.h2.room(number) > 0),
            (true, false) => !carried.end_said && self.is_all_said(id),
        }
    }

    /// Something about a stream has changed: what was used up of its input is credited to its peer, and if it has something to
    /// say it gets in line.
    pub(super) fn speak_up(&mut self, id: WireId) {
        self.return_credit(id);
        let Some(carried) = self.wires.get(id.0).and_then(|wire| wire.carried.as_ref()) else { return };
        let connection = carried.connection;
        if carried.stream.is_none() {
            return self.notice(connection);
        }
        if carried.is_ready || !self.may_speak(id) {
            return;
        }
        if let Some(carried) = self.wires.get_mut(id.0).and_then(|wire| wire.carried.as_mut()) {
            carried.is_ready = true;
        }
        self.enlist(connection, id);
    }

    pub(super) fn return_credit(&mut self, id: WireId) {
        let Some(WireState { leg, role, carried: Some(carried), .. }) = self.wires.get_mut(id.0) else { return };
        let is_client = matches!(role, Role::Front(_));
        let used = carried.unreturned.saturating_sub(leg.input.len());
        let (connection, Some(stream)) = (carried.connection, carried.stream) else { return };
        if used == 0 {
            return;
        }
        carried.unreturned -= used;
        carried.credited += used as u64;
        let is_long = is_client && !carried.widened && !leg.ended && carried.credited >= LONG_BODY;
        let Some(streams) = self.wires.get_mut(connection.0).and_then(|wire| wire.streams.as_mut()) else { return };
        streams.h2.consumed(stream, used);
        if is_long {
            self.widen(id, connection, stream);
        } else if !is_client {
            // Targets are near: what they send needs no larger window than a page.
            self.answer_is_taken(id);
        }
        if self.streams_of(connection).is_some_and(|streams| !streams.h2.control().is_empty()) {
            self.notice(connection);
        }
    }

    /// A long body: its sender gets a larger window, if there is memory to set aside for that.
    fn widen(&mut self, id: WireId, connection: WireId, stream: StreamId) {
        let Some(exchange) = self.wires.get(id.0).and_then(WireState::exchange) else { return };
        let Shard { wires, exchanges, buffers, .. } = self;
        let (Some(connection), Some(wire)) = wires.pair_mut(connection.0, id.0) else { return };
        let (Some(streams), Some(carried)) = (&mut connection.streams, &mut wire.carried) else { return };
        let Some(exchange) = exchanges.get_mut(exchange).filter(|exchange| exchange.admitted > 0) else { return };
        if buffers.admit(LARGE_PAGE) {
            exchange.admitted += LARGE_PAGE;
            carried.widened = true;
            streams.h2.widen(stream, LARGE_WINDOW);
        }
    }

    /// The exchange of a client's stream is over.
    pub(super) fn answered(&mut self, id: WireId, after: After) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        if after == After::Cut || wire.leg.unfinished {
            return self.remove(id);
        }
        wire.leg.discard_input(&mut self.buffers);
        if let Some(front) = wire.front_mut() {
            front.phase = Phase::Answered;
        }
        self.finish_if_said(id);
        self.speak_up(id);
    }

    /// A client's stream whose end has left is done; what its client still wanted to say is of no interest (RFC 9113 section
    /// 8.1).
    fn finish_if_said(&mut self, id: WireId) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let WireState { role: Role::Front(Front { phase: Phase::Answered, .. }), carried: Some(carried), .. } = wire
        else {
            return;
        };
        if carried.end_said {
            carried.farewell = ErrorCode::NoError;
            if wire.leg.ended || carried.has_said() > LAST_WORDS_MAX {
                return self.remove(id);
            }
            // A client that has said little may just be about to end.
            wire.leg.activity = self.now.mono;
            if let Some(front) = wire.front_mut() {
                front.phase = Phase::LastWords;
            }
            self.rearm(id);
        }
    }

    /// What a client says on a stream that is answered: nobody wants it. If it is more than a little, the client is told so.
    pub(super) fn hear_last_words(&mut self, id: WireId) {
        let Some(WireState { leg, carried: Some(carried), .. }) = self.wires.get_mut(id.0) else { return };
        leg.discard_input(&mut self.buffers);
        if carried.end_said && (leg.ended || carried.has_said() > LAST_WORDS_MAX) {
            self.remove(id);
        }
    }
}
