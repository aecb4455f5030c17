//! HTTP/2 between the bytes of a connection and its streams, each of which is a wire of its own: what the peer sends is handed
//! on to them, and what they have to say is taken from them, in turn, when the socket has room.
//!
//! ```text
//!   connection's input ──receive──▶ heads, pieces of bodies ──▶ input of a stream (HTTP/1 heads, bare bodies)
//!   connection's output ◀── frames ◀── control, then streams in turn ◀── output of a stream
//! ```

use core::time::Duration;
use std::collections::VecDeque;

use super::backlog::Backlog;
use super::front::{DRAIN_GRACE, LINGER};
use super::stream::{Carried, Said};
use super::wire::{Front, Phase, Role, WireState};
use super::{Shard, WireId};
use crate::buffer::{Buffers, LARGE_PAGE, Outside, PAGE, Payment, TLS_ADMISSION};
use crate::exchange::UNWANTED_BYTES_MAX;
use crate::http::h2::{Connection, ConnectionError, ErrorCode, Event, Kind, Received, StreamId};
use crate::observe::Cause;
use crate::time::Mono;

/// What a connection with streams is entitled to, in bytes: a page for each direction, and its TLS.
const CONNECTION_ADMISSION: usize = 2 * PAGE + TLS_ADMISSION;

/// The HTTP/2 of one connection.
pub(crate) struct Streams {
    pub(super) h2: Connection,
    /// Those that have a number, in its order.
    numbered: Vec<(StreamId, WireId)>,
    /// Those that wait for one.
    pub(super) waiting: VecDeque<WireId>,
    /// Those that have something to say, in turn. Some may be gone.
    ready: VecDeque<WireId>,
    pub(super) backlog: Backlog,
    /// It is for a check.
    pub(super) is_aside: bool,
    /// What is set aside for the connection while it has streams.
    admitted: usize,
    /// What has come of a head whose end has not.
    gathered: Outside,
    /// Since when it has had no stream.
    pub(super) idle_since: Mono,
    /// When the client was told that the connection will end.
    announced: Mono,
    /// When the peer last said anything.
    heard: Mono,
    /// Until when time was credited to the connection's budgets.
    forgiven: Mono,
}

impl Streams {
    pub(super) fn new(h2: Connection, now: Mono) -> Box<Streams> {
        Box::new(Streams {
            h2,
            numbered: Vec::new(),
            waiting: VecDeque::new(),
            ready: VecDeque::new(),
            backlog: Backlog::default(),
            is_aside: false,
            admitted: 0,
            gathered: Outside::default(),
            idle_since: now,
            announced: now,
            heard: now,
            forgiven: now,
        })
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.numbered.is_empty() && self.waiting.is_empty()
    }

    /// The client was told that the connection will end, and not yet after which stream.
    fn is_announced(&self) -> bool {
        self.h2.is_shutting_down() && !self.h2.has_left()
    }

    /// What is set aside pays for the connection's pages; those of a check never take what requests need.
    pub(super) fn payment(&self) -> Payment {
        match self.admitted {
            0 if self.is_aside => Payment::Aside,
            0 => Payment::Metered,
            _ => Payment::Admitted,
        }
    }

    /// Whether the peer has said nothing for so long.
    pub(super) fn is_silent(&self, now: Mono, idle: Duration) -> bool {
        now.since(self.heard) >= idle
    }

    /// Whether a write would find something to write.
    pub(super) fn has_something_to_say(&self) -> bool {
        !self.h2.control().is_empty() || !self.ready.is_empty() || self.may_begin_another()
    }

    fn may_begin_another(&self) -> bool {
        !self.waiting.is_empty() && self.h2.available() > 0
    }

    fn wire(&self, stream: StreamId) -> Option<WireId> {
        let at = self.numbered.binary_search_by_key(&stream, |(stream, _)| *stream).ok()?;
        Some(self.numbered[at].1)
    }

    /// A stream that waited is opened now.
    pub(super) fn begin(&mut self, wire: WireId) -> Option<StreamId> {
        let stream = self.h2.open()?;
        self.waiting.retain(|other| *other != wire);
        self.insert(stream, wire);
        Some(stream)
    }

    /// A stream that its peer opened, or that has just got its number.
    pub(super) fn insert(&mut self, stream: StreamId, wire: WireId) {
        let at = self.numbered.partition_point(|(other, _)| *other < stream);
        self.numbered.insert(at, (stream, wire));
    }

    fn remove(&mut self, wire: WireId, stream: Option<StreamId>) {
        match stream.map(|stream| self.numbered.binary_search_by_key(&stream, |(stream, _)| *stream)) {
            Some(Ok(at)) => drop(self.numbered.remove(at)),
            Some(Err(_)) => {}
            None => self.waiting.retain(|other| *other != wire),
        }
    }

    /// Everyone, in the order that they came.
    pub(super) fn all(&self) -> Vec<WireId> {
        self.numbered.iter().map(|(_, wire)| *wire).chain(self.waiting.iter().copied()).collect()
    }

    /// Those beyond that number.
    fn beyond(&self, last: StreamId) -> Vec<WireId> {
        self.numbered.iter().filter(|(stream, _)| *stream > last).map(|(_, wire)| *wire).collect()
    }

    /// Sets memory aside for a connection that gets its first stream. `false` if there is none.
    pub(super) fn admit(&mut self, buffers: &mut Buffers) -> bool {
        if self.is_aside {
            return true;
        }
        if self.admitted == 0 && buffers.admit(CONNECTION_ADMISSION) {
            self.admitted = CONNECTION_ADMISSION;
        }
        self.admitted > 0
    }

    pub(super) fn dismiss(&mut self, buffers: &mut Buffers) {
        buffers.dismiss(core::mem::take(&mut self.admitted));
    }

    /// A head whose end has not come is on the account. `false` if there is no memory for it.
    fn meter_gathered(&mut self, buffers: &mut Buffers) -> bool {
        let payment = if self.is_aside { Payment::Aside } else { Payment::Metered };
        self.gathered.set(self.h2.gathered(), payment, buffers)
    }

    pub(super) fn dismiss_if_empty(&mut self, buffers: &mut Buffers) {
        if self.is_empty() {
            self.dismiss(buffers);
        }
    }
}

impl Shard {
    /// Takes in what came on a connection with streams.
    pub(super) fn hear(&mut self, id: WireId) {
        self.forgive(id);
        loop {
            let Shard { wires, buffers, .. } = self;
            let Some(WireState { leg, streams: Some(streams), dead: false, .. }) = wires.get_mut(id.0) else { return };
            let Received { used, event } = match streams.h2.receive(leg.input.bytes()) {
                Ok(received) => received,
                Err(error) => return self.breach(id, &error),
            };
            if !streams.meter_gathered(buffers) {
                return self.connection_is_starved(id);
            }
            if let Some(Event::Data { stream, skip, len, end }) = event {
                let to = streams.wire(stream);
                self.pass_data(id, to, skip, len, used, end);
                continue;
            }
            leg.input.consume(used, buffers);
            match event {
                Some(event) => self.happened(id, event),
                None if used == 0 => break,
                None => {}
            }
        }
        if self.wires.get(id.0).is_some_and(|wire| wire.leg.ended) {
            return self.peer_has_closed(id);
        }
        self.bow_out_if_done(id);
        self.notice(id);
    }

    /// Nobody says more on any stream, or reads: a peer of HTTP/2 does not close one direction alone.
    fn peer_has_closed(&mut self, id: WireId) {
        match self.wires.get(id.0).map(|wire| &wire.role) {
            Some(Role::Trunk(_)) => self.trunk_is_lost(id, Cause::TargetClosedEarly),
            _ => self.kill(id),
        }
    }

    /// Time that has passed is credited to the budgets.
    fn forgive(&mut self, id: WireId) {
        let now = self.now.mono;
        let Some(streams) = self.wires.get_mut(id.0).and_then(|wire| wire.streams.as_mut()) else { return };
        streams.heard = now;
        let seconds = now.since(streams.forgiven).as_secs();
        if seconds > 0 {
            streams.forgiven = now;
            streams.h2.forgive(u32::try_from(seconds).unwrap_or(u32::MAX));
        }
    }

    /// A piece of a body.
    fn pass_data(&mut self, id: WireId, to: Option<WireId>, skip: usize, len: usize, used: usize, end: bool) {
        let payment = to.and_then(|to| self.input_limit(to)).map_or(Payment::Metered, |(_, payment)| payment);
        let now = self.now.mono;
        let Shard { wires, buffers, .. } = self;
        let Some(to) = to else {
            if let Some(connection) = wires.get_mut(id.0) {
                connection.leg.input.consume(used, buffers);
            }
            return;
        };
        let (Some(connection), Some(stream)) = wires.pair_mut(id.0, to.0) else { return };
        let piece = &connection.leg.input.bytes()[skip..skip + len];
        let fits = stream.leg.input.append(piece, payment, buffers);
        stream.leg.activity = now;
        stream.leg.received += len as u64;
        stream.leg.ended |= end;
        if let Some(carried) = &mut stream.carried {
            carried.unreturned += len;
        }
        connection.leg.input.consume(used, buffers);
        if !fits {
            return self.stream_is_starved(to);
        }
        self.ration_receiver(to);
        self.touched(to);
        self.return_credit(to);
    }

    fn happened(&mut self, id: WireId, event: Event) {
        let is_front = self.wires.get(id.0).is_some_and(|wire| wire.front().is_some());
        match event {
            Event::Head { stream, kind, end } => self.head_has_come(id, stream, kind, end, is_front),
            Event::Reset { stream, code, fault } => {
                let cause = match fault {
                    // A client that resets has gone, and that is all.
                    None => (!is_front).then_some(Cause::of_reset(code)),
                    Some(fault) if is_front => Some(Cause::of_clients_stream(fault)),
                    Some(fault) => Some(Cause::of_targets_stream(fault)),
                };
                match (self.stream_of(id, stream), cause) {
                    (Some(wire), cause) => self.stream_is_reset(wire, code, cause),
                    // It never became a request.
                    (None, Some(cause)) if is_front => self.record_unserved(id, cause),
                    (None, _) => {}
                }
            }
            Event::Room(Some(stream)) => {
                if let Some(wire) = self.stream_of(id, stream) {
                    self.speak_up(wire);
                }
            }
            Event::Room(None) => self.all_speak_up(id),
            Event::Settled => {
                self.trunk_is_settled(id);
                self.all_speak_up(id);
            }
            Event::GoAway { last, .. } if !is_front => {
                let beyond = self.streams_of(id).map_or_else(Vec::new, |streams| streams.beyond(last));
                self.trunk_leaves(id, beyond, Cause::TargetWentAway);
            }
            // A client that leaves ends its streams itself.
            Event::GoAway { .. } | Event::Data { .. } => {}
        }
    }

    fn head_has_come(&mut self, id: WireId, stream: StreamId, kind: Kind, end: bool, is_front: bool) {
        match (kind, self.stream_of(id, stream)) {
            (Kind::Head, _) if is_front => self.stream_begins(id, stream, end),
            (_, Some(wire)) => self.stream_head(id, wire, stream, kind, end),
            (_, None) => {}
        }
        // A large list is not kept for as long as the connection says nothing.
        if let Some(streams) = self.wires.get_mut(id.0).and_then(|wire| wire.streams.as_mut()) {
            streams.h2.forget_fields();
        }
    }

    pub(super) fn streams_of(&self, id: WireId) -> Option<&Streams> {
        self.wires.get(id.0)?.streams.as_deref()
    }

    fn stream_of(&self, id: WireId, stream: StreamId) -> Option<WireId> {
        self.streams_of(id)?.wire(stream)
    }

    fn all_speak_up(&mut self, id: WireId) {
        for wire in self.streams_of(id).map_or_else(Vec::new, Streams::all) {
            self.speak_up(wire);
        }
    }

    /// Whether the first or another stream can be taken: memory is set aside for the connection.
    pub(super) fn admit_streams(&mut self, id: WireId) -> bool {
        let Shard { wires, buffers, .. } = self;
        wires.get_mut(id.0).and_then(|wire| wire.streams.as_mut()).is_some_and(|streams| streams.admit(buffers))
    }

    /// A stream has something to say: it gets its turn when the socket has room.
    pub(super) fn enlist(&mut self, id: WireId, stream: WireId) {
        self.line_up(id, |streams| streams.ready.push_back(stream));
        self.notice(id);
    }

    fn line_up(&mut self, id: WireId, change: impl FnOnce(&mut Streams)) {
        if let Some(streams) = self.wires.get_mut(id.0).and_then(|wire| wire.streams.as_mut()) {
            change(streams);
        }
    }

    /// Puts what is to be said where the socket takes it from, as far as there is room.
    pub(super) fn fill(&mut self, id: WireId) {
        if self.wires.get(id.0).is_none_or(|wire| wire.leg.broken) {
            return;
        }
        self.say_control(id);
        while let Some(stream) = self.whose_turn(id) {
            match self.say_some(id, stream) {
                // No memory to say it with: it is not said.
                Said::Full if self.wires.get(id.0).is_some_and(|wire| wire.leg.output.is_empty()) => {
                    return self.connection_is_starved(id);
                }
                // The first in turn the next time.
                Said::Full => return self.line_up(id, |streams| streams.ready.push_front(stream)),
                Said::Wait => return,
                Said::Some { more: true } => self.line_up(id, |streams| streams.ready.push_back(stream)),
                Said::Some { more: false } => {
                    if let Some(carried) = self.wires.get_mut(stream.0).and_then(|wire| wire.carried.as_mut()) {
                        carried.is_ready = false;
                    }
                    self.speak_up(stream);
                }
            }
            self.say_control(id);
        }
    }

    /// There is no memory for what a connection carries.
    pub(super) fn connection_is_starved(&mut self, id: WireId) {
        match self.wires.get(id.0).map(|wire| &wire.role) {
            Some(Role::Trunk(_)) => self.trunk_is_lost(id, Cause::OutOfMemory),
            _ => self.kill(id),
        }
    }

    /// The next stream in turn; those that are yet to be opened come first.
    fn whose_turn(&mut self, id: WireId) -> Option<WireId> {
        let streams = self.wires.get_mut(id.0).filter(|wire| !wire.dead)?.streams.as_mut()?;
        match streams.waiting.front() {
            Some(&next) if streams.h2.available() > 0 => Some(next),
            _ => streams.ready.pop_front(),
        }
    }

    pub(super) fn say_control(&mut self, id: WireId) {
        let Shard { wires, buffers, .. } = self;
        let Some(WireState { leg, streams: Some(streams), dead: false, .. }) = wires.get_mut(id.0) else { return };
        let payment = streams.payment();
        while !streams.h2.control().is_empty() {
            let Some(room) = leg.output.room(LARGE_PAGE, payment, buffers) else { return };
            let n = room.len().min(streams.h2.control().len());
            room[..n].copy_from_slice(&streams.h2.control()[..n]);
            leg.output.filled(n);
            streams.h2.control_sent(n);
        }
        leg.output.release_if_empty(buffers);
    }

    /// A stream is gone: its peer is told, if the stream goes on for it.
    pub(super) fn uncarry(&mut self, stream: WireId, carried: &Carried) {
        let now = self.now.mono;
        let id = carried.connection;
        let Shard { wires, buffers, .. } = self;
        let Some(wire) = wires.get_mut(id.0) else { return };
        let Some(streams) = &mut wire.streams else { return };
        streams.remove(stream, carried.stream);
        streams.backlog.forget(carried.holds);
        if let Some(number) = carried.stream {
            streams.h2.reset(number, carried.farewell);
        }
        if streams.is_empty() {
            streams.dismiss(buffers);
            streams.ready.clear();
            streams.idle_since = now;
            // What is left in its pages is paid for by nobody else.
            wire.leg.input.meter(buffers);
            wire.leg.output.meter(buffers);
            if let Some(secure) = &mut wire.secure {
                secure.meter(buffers);
            }
            self.rearm(id);
            self.bow_out_if_done(id);
        }
        self.notice(id);
    }

    /// The peer broke a rule that the whole connection stands on, or used up a budget: it is told, and all streams end.
    fn breach(&mut self, id: WireId, error: &ConnectionError) {
        if self.wires.get(id.0).is_some_and(|wire| wire.front().is_none()) {
            return self.trunk_is_broken(id, Cause::of_target(error.why));
        }
        self.record_breach(id, error);
        self.go_quiet(id);
    }

    /// No more streams: those in progress go on, the client is told in two steps (RFC 9113 section 6.8).
    pub(super) fn shut_down(&mut self, id: WireId) {
        let now = self.now.mono;
        if let Some(streams) = self.wires.get_mut(id.0).and_then(|wire| wire.streams.as_mut()) {
            if !streams.h2.is_shutting_down() {
                streams.announced = now;
            }
            streams.h2.shut_down();
        }
        self.rearm(id);
        self.bow_out_if_done(id);
        self.notice(id);
    }

    /// A connection that has said its last goes.
    pub(super) fn bow_out_if_done(&mut self, id: WireId) {
        let Some(wire) = self.wires.get(id.0).filter(|wire| !wire.dead) else { return };
        let Some(streams) = wire.streams.as_ref().filter(|streams| streams.is_empty()) else { return };
        match wire.role {
            Role::Front(_) if streams.h2.has_left() || streams.h2.peer_is_leaving() => self.bow_out(id),
            Role::Trunk(ref trunk) if trunk.leaves => self.dismiss(id),
            _ => {}
        }
    }

    /// The client is told that no stream is taken any more, then the connection closes.
    pub(super) fn bow_out(&mut self, id: WireId) {
        self.give_up(id);
        self.go_quiet(id);
    }

    /// The peer is told that nothing more is to be expected, if it does not know.
    pub(super) fn give_up(&mut self, id: WireId) {
        if let Some(streams) = self.wires.get_mut(id.0).and_then(|wire| wire.streams.as_mut())
            && !streams.h2.has_left()
        {
            streams.h2.give_up(ErrorCode::NoError);
        }
    }

    /// All streams of a client end; what the connection has to say still leaves, then it closes.
    fn go_quiet(&mut self, id: WireId) {
        let until = self.now.mono.after(LINGER);
        self.say_control(id);
        self.drop_streams(id);
        let Some(WireState { leg, role: Role::Front(front), .. }) = self.wires.get_mut(id.0) else { return };
        front.phase = Phase::Lingering { left: UNWANTED_BYTES_MAX, until };
        leg.input.release(&mut self.buffers);
        if leg.ended && leg.output.is_empty() {
            return self.dismiss(id);
        }
        self.rearm(id);
        self.notice(id);
    }

    /// Streams that only wait for their client's end make room for others.
    pub(super) fn cut_last_words(&mut self, id: WireId) {
        for stream in self.streams_of(id).map_or_else(Vec::new, Streams::all) {
            if matches!(
                self.wires.get(stream.0).and_then(WireState::front),
                Some(Front { phase: Phase::LastWords, .. })
            ) {
                self.remove(stream);
            }
        }
    }

    /// The connection has no streams any more: they are as good as lost. What a target has answered to its end is still for
    /// its clients.
    pub(super) fn drop_streams(&mut self, id: WireId) {
        let Shard { wires, buffers, .. } = self;
        let Some(mut streams) = wires.get_mut(id.0).and_then(|wire| wire.streams.take()) else { return };
        streams.dismiss(buffers);
        streams.gathered.release(buffers);
        for stream in streams.all() {
            match self.wires.get(stream.0) {
                Some(WireState { role: Role::Back(_), leg, .. }) if leg.ended => self.stream_is_answered(stream),
                Some(wire) if wire.is_being_made() => self.stream_fails(stream, Cause::TargetReset),
                _ => self.lost(stream),
            }
        }
    }

    /// A client's connection has had no stream for the idle timeout, or has taken nothing of what is to be said for that long.
    pub(super) fn streams_are_quiet(&mut self, id: WireId) {
        let now = self.now.mono;
        let Some(WireState { leg, streams: Some(streams), .. }) = self.wires.get_mut(id.0) else { return };
        match (streams.is_empty(), leg.output.is_empty()) {
            _ if streams.is_announced() && streams.announced.after(DRAIN_GRACE) <= now => self.shut_down(id),
            (true, _) => self.bow_out(id),
            (false, true) => leg.activity = now,
            (false, false) => self.kill(id),
        }
    }
}

impl Front {
    /// When a client's connection with streams has to be looked at.
    pub(super) fn streams_deadline(&self, streams: &Streams, activity: Mono) -> Mono {
        let quiet = match streams.is_empty() {
            true => streams.idle_since.after(self.idle),
            // Streams have deadlines of their own; this is for a client that reads nothing at all.
            false => activity.after(self.idle),
        };
        if streams.is_announced() { quiet.min(streams.announced.after(DRAIN_GRACE)) } else { quiet }
    }
}
