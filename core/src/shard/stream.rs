//! A stream of HTTP/2 as a wire of its own. Its leg speaks as HTTP/1 does, in heads as text, but for bodies, which are bare:
//! so everything that is decided of a request, and everything that happens to it, is the same for every version. Between
//! the leg and the connection the heads are translated, and ends and trailers find their places.

use core::time::Duration;
use std::sync::Arc;

use super::front::LINGER;
use super::streams::frame_room;
use super::wire::{BackPhase, Front, Phase, Role, WireState};
use super::{Shard, WireId};
use crate::buffer::{Buffer, Buffers, LARGE_PAGE, PAGE, Payment};
use crate::exchange::{After, Exchange, Leg, WINDOW};
use crate::http::FieldRoom;
use crate::http::h1::body::Decoder;
use crate::http::h1::head::{Scanner, parse_request, parse_response};
use crate::http::h2::{Connection, ErrorCode, FieldList, Kind, StreamId, bridge};
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
    /// The final head has left.
    head_said: bool,
    /// The end has left.
    end_said: bool,
    /// What the peer is told if it ends early.
    farewell: ErrorCode,
    /// What else a target is told of the request.
    pub(super) manner: Manner,
    /// The head that was sent to a target, as long as nothing else was: should the target not look at it, another may.
    head: Option<Box<[u8]>>,
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

/// So much of a body waits for a peer that takes nothing of it, in bytes: with 128 streams that is a megabyte.
pub(super) const STALLED_MAX: usize = 8 * 1024;

/// Bytes in the output of a connection from which on its peer counts as one that takes nothing.
const BACKLOG: usize = 2 * PAGE;

/// Bytes of a body after which its sender gets a larger window: so long are few, and those are mostly much longer.
const LONG_BODY: u64 = 16 * 1024;

/// The larger window, in bytes: what fits in a large page.
const LARGE_WINDOW: u32 = 64 * 1024;

/// Streams of one connection beyond which none waits for its client's last words: half of those that there may be.
const CROWDED: usize = 64;

/// What a head ends with.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

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
            head_said: false,
            end_said: false,
            farewell,
            manner,
            head: None,
            credited: 0,
            widened: false,
        }
    }

    /// All that was sent of the request, if that is its head and no more.
    pub(super) fn take_head(&mut self) -> Option<Box<[u8]>> {
        self.head.take()
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
                streams.h2.reset(stream, ErrorCode::ProtocolError);
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
        if !streams.admit(buffers) || !wire.leg.input.append(scratch, Payment::Metered, buffers) {
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
                let fits = read.is_err() || to.leg.input.append(scratch, payment, buffers);
                (read, fits)
            }
            Kind::Trailers => (bridge::trailer_lines(fields, &mut to.leg.trailers.received), true),
        };
        if read.is_err() || to.leg.trailers.received.len() > Decoder::LOOKAHEAD {
            streams.h2.reset(stream, ErrorCode::ProtocolError);
            return self.stream_is_reset(wire, ErrorCode::ProtocolError);
        }
        to.leg.activity = now;
        to.leg.received += scratch.len() as u64;
        to.leg.ended |= end;
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
    pub(super) fn stream_is_reset(&mut self, id: WireId, code: ErrorCode) {
        let Some(wire) = self.wires.get_mut(id.0) else { return };
        let whole = wire.leg.ended;
        if let Some(exchange) = wire.exchange().filter(|_| whole && matches!(wire.role, Role::Back(_))) {
            // A target that has answered wants no more of the request (RFC 9113 section 8.1).
            wire.leg.broken = true;
            wire.leg.output.release(&mut self.buffers);
            return self.drive(exchange);
        }
        if let (Role::Back(_), Some(exchange), ErrorCode::RefusedStream) = (&wire.role, wire.exchange(), code)
            && self.repeat(id, exchange)
        {
            return;
        }
        let Some(wire) = self.wires.get(id.0) else { return };
        if let (Role::Back(_), Some(exchange)) = (&wire.role, wire.exchange())
            && let Some(exchange) = self.exchanges.get_mut(exchange).filter(|exchange| exchange.awaits_head())
        {
            let refused = code == ErrorCode::RefusedStream;
            exchange.record.caused(if refused { Cause::TargetRefusedStream } else { Cause::TargetResetStream });
        }
        self.lost(id);
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
        let outcome = speech.speak();
        speech.limit();
        match outcome {
            Ok(0) if self.may_speak(stream) => Said::Full,
            Ok(said) => {
                self.plain_sent(stream, said);
                self.finish_if_said(stream);
                Said::Some { more: self.may_speak(stream) }
            }
            Err(Unspeakable::Garbled) => {
                // Nothing was said of it, so nobody else is concerned.
                self.stream_is_garbled(stream);
                Said::Some { more: false }
            }
            Err(Unspeakable::Starved) => {
                self.stream_is_starved(stream);
                Said::Some { more: false }
            }
        }
    }

    /// What was to be said on a stream is no head of HTTP/1: it ends.
    fn stream_is_garbled(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(id.0) else { return };
        match (&wire.role, wire.exchange()) {
            (Role::Back(_), Some(exchange)) => {
                self.fail(exchange, Cause::InternalError);
                self.drive(exchange);
            }
            (Role::Probe(_), _) => self.probe_is_starved(id),
            _ => self.remove(id),
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
        // Targets are near: what they send needs no large window.
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
        let talks = !streams.h2.control().is_empty();
        if is_long {
            self.widen(id, connection, stream);
        }
        if talks {
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
            if wire.leg.ended || carried.credited > 0 || carried.unreturned > 0 {
                return self.remove(id);
            }
            // A client that has not begun its body may just be about to end without one.
            wire.leg.activity = self.now.mono;
            if let Some(front) = wire.front_mut() {
                front.phase = Phase::LastWords;
            }
            self.rearm(id);
        }
    }

    /// What a client says on a stream that is answered: nobody wants it. If it is not the end, the client is told so.
    pub(super) fn hear_last_words(&mut self, id: WireId) {
        let Some(WireState { leg, carried: Some(carried), .. }) = self.wires.get_mut(id.0) else { return };
        leg.discard_input(&mut self.buffers);
        if carried.end_said {
            self.remove(id);
        }
    }

    /// A stream's wire is gone.
    pub(super) fn forget_carried(&mut self, id: WireId, carried: &Carried) {
        self.uncarry(carried.connection, id, carried.stream, carried.farewell);
    }
}

/// What would have to be said cannot be.
enum Unspeakable {
    /// It is no head.
    Garbled,
    /// There is no memory for it. Nothing of it was said.
    Starved,
}

/// One turn of one stream.
struct Speech<'a> {
    h2: &'a mut Connection,
    out: &'a mut Buffer,
    leg: &'a mut Leg,
    carried: &'a mut Carried,
    number: StreamId,
    payment: Payment,
    buffers: &'a mut Buffers,
    scratch: &'a mut Vec<u8>,
    fields: &'a mut FieldList,
    is_all: bool,
    is_answer: bool,
}

impl Speech<'_> {
    /// Says what it can; how many bytes of the stream's output that were.
    fn speak(&mut self) -> Result<usize, Unspeakable> {
        let mut said = 0;
        while !self.carried.head_said && said < self.leg.pending().len() {
            match self.say_head(said)? {
                0 => return Ok(said),
                n => said += n,
            }
        }
        if self.carried.head_said && !self.carried.end_said {
            said += self.say_body(said);
            self.say_end(said)?;
        }
        Ok(said)
    }

    /// Says the head that begins at that byte, with the end if nothing follows.
    fn say_head(&mut self, at: usize) -> Result<usize, Unspeakable> {
        let bytes = &self.leg.pending()[at..];
        // It was written here: whatever it has grown to, it ends where its first empty line does.
        let Some(len) = memchr::memmem::find(bytes, END_OF_HEAD).map(|at| at + END_OF_HEAD.len()) else {
            return Err(Unspeakable::Garbled);
        };
        if !has_room(self.out, encoded_max(len), self.payment, self.buffers)? {
            return Ok(0);
        }
        let end = self.is_all && self.leg.output.len() == at + len && self.leg.trailers.pending.is_empty();
        let mut room = FieldRoom::default();
        self.scratch.clear();
        let is_final = if self.is_answer {
            let Ok(response) = parse_response(&bytes[..len], &mut room) else { return Err(Unspeakable::Garbled) };
            let is_final = response.status >= 200;
            bridge::response_fields(&response, self.fields);
            self.h2.write_head(self.number, pairs(self.fields), end && is_final, self.scratch);
            is_final
        } else {
            let Ok(request) = parse_request(&bytes[..len], &mut room) else { return Err(Unspeakable::Garbled) };
            let Manner { is_secure, takes_trailers, .. } = self.carried.manner;
            let scheme = if is_secure { "https" } else { "http" };
            if request.method == b"HEAD" {
                self.h2.expects_no_body(self.number);
            }
            bridge::request_fields(&request, scheme, takes_trailers, self.fields);
            self.h2.write_head(self.number, pairs(self.fields), end, self.scratch);
            self.carried.head = Some(bytes[..len].into());
            true
        };
        (self.carried.head_said, self.carried.end_said) = (is_final, end && is_final);
        append(self.out, self.scratch, self.payment, self.buffers);
        Ok(len)
    }

    /// As much as the peer takes now may wait for it; a little, where it takes nothing.
    fn limit(&mut self) {
        let room = if self.out.len() < BACKLOG { self.h2.window(self.number) } else { 0 };
        self.leg.limit = room.clamp(STALLED_MAX, WINDOW);
    }

    /// Says a piece of the body that begins at that byte.
    fn say_body(&mut self, at: usize) -> usize {
        let left = self.leg.pending().len() - at;
        if left == 0 {
            return 0;
        }
        let room = self.h2.room(self.number);
        let free = self.out.free(LARGE_PAGE, self.payment, self.buffers);
        let len = left.min(room).min(frame_room(free));
        if len == 0 {
            self.out.release_if_empty(self.buffers);
            return 0;
        }
        let end = self.is_all && len == left && self.leg.held == 0 && self.leg.trailers.pending.is_empty();
        self.carried.head = None;
        let header = self.h2.data(self.number, len, end);
        let payload = &self.leg.pending()[at..at + len];
        let fits = self.out.append(&header, self.payment, self.buffers)
            && self.out.append(payload, self.payment, self.buffers);
        debug_assert!(fits, "there was room for the frame");
        self.carried.end_said = end;
        len
    }

    /// Says the end, if nothing is left before it.
    fn say_end(&mut self, at: usize) -> Result<(), Unspeakable> {
        if self.carried.end_said || !self.is_all || self.leg.output.len() > at {
            return Ok(());
        }
        if !has_room(self.out, encoded_max(self.leg.trailers.pending.len()), self.payment, self.buffers)? {
            return Ok(());
        }
        let trailers = core::mem::take(&mut self.leg.trailers.pending);
        self.scratch.clear();
        if trailers.is_empty() {
            self.scratch.extend_from_slice(&self.h2.data(self.number, 0, true));
        } else {
            bridge::trailer_fields(&trailers, self.fields);
            self.h2.write_head(self.number, pairs(self.fields), true, self.scratch);
        }
        self.carried.end_said = true;
        append(self.out, self.scratch, self.payment, self.buffers);
        Ok(())
    }
}

/// The most bytes that frames with a head, or trailers, of so many bytes of text have. A field costs HPACK three bytes more
/// than its name and value, and six if they are long; text costs four (RFC 7541 sections 5.1 and 6.2).
const fn encoded_max(len: usize) -> usize {
    len + len / 32 + 64
}

/// Whether there is room for so many bytes now. There will be once others have left, unless there are none.
fn has_room(out: &mut Buffer, n: usize, payment: Payment, buffers: &mut Buffers) -> Result<bool, Unspeakable> {
    match out.make_room(n, payment, buffers) {
        true => Ok(true),
        false if out.is_empty() => Err(Unspeakable::Starved),
        false => Ok(false),
    }
}

fn append(out: &mut Buffer, bytes: &[u8], payment: Payment, buffers: &mut Buffers) {
    let fits = out.append(bytes, payment, buffers);
    debug_assert!(fits, "room was made for it");
}

fn pairs(fields: &FieldList) -> impl Iterator<Item = (&[u8], &[u8])> {
    fields.iter().map(|field| (field.name, field.value))
}
