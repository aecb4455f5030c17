//! The peer's frames, one at a time: in which order they may come and how long they may be, and what the short ones mean.

use super::{Connection, Event, Received, Side};
use crate::http::h2::budget::{Budget, CONTROL_MAX};
use crate::http::h2::error::{Breach, ErrorCode, Fault};
use crate::http::h2::flow::{Overflow, WINDOW_DEFAULT, WINDOW_MAX};
use crate::http::h2::frame::{self, ACK, FrameHead, FrameType, HEAD_LEN, PAYLOAD_MAX, PREFACE, PRIORITY_LEN};
use crate::http::h2::settings::{SETTING_LEN, SETTINGS_IN_FRAME_MAX};
use crate::http::h2::stream::{Past, StreamId};

use super::body::Incoming;

/// What the front of the input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The client's preface, of which so many bytes are done.
    Preface(usize),
    /// A frame.
    Frame,
    /// Payload of a DATA frame.
    Data(Incoming),
    /// So many bytes that nobody wants.
    Skip(usize),
    /// Nothing that matters any more.
    Over,
}

impl Received {
    /// More bytes are needed.
    pub(super) const MORE: Received = Received { used: 0, event: None };

    /// So many bytes, and nothing for the owner.
    pub(super) const fn quiet(used: usize) -> Received {
        Received { used, event: None }
    }
}

/// The bytes of GOAWAY before what is only for reading by humans (RFC 9113 section 6.8).
const GOAWAY_LEN: usize = 8;

impl Connection {
    pub(super) fn step(&mut self, input: &[u8]) -> Result<Received, Breach> {
        if let Some(budget) = self.budgets.overdrawn() {
            return Err(Breach::Flood(budget));
        }
        let received = match self.reading {
            Reading::Frame => self.frame(input)?,
            Reading::Data(incoming) => self.data_piece(incoming, input, 0),
            Reading::Skip(left) => self.skip(left, input.len()),
            Reading::Preface(done) => self.preface(done, input)?,
            Reading::Over => Received::quiet(input.len()),
        };
        match self.budgets.overdrawn() {
            None => Ok(received),
            Some(budget) => Err(Breach::Flood(budget)),
        }
    }

    /// "That is, the connection preface ends with the string", which every client sends first (RFC 9113 section 3.4).
    fn preface(&mut self, done: usize, input: &[u8]) -> Result<Received, Breach> {
        let expected = PREFACE.get(done..).unwrap_or_default();
        let used = expected.len().min(input.len());
        if input.get(..used) != expected.get(..used) {
            return Err(Breach::BadPreface);
        }
        self.reading = if used == expected.len() { Reading::Frame } else { Reading::Preface(done + used) };
        Ok(Received::quiet(used))
    }

    fn skip(&mut self, left: usize, at_hand: usize) -> Received {
        let used = left.min(at_hand);
        self.reading = if used == left { Reading::Frame } else { Reading::Skip(left - used) };
        Received::quiet(used)
    }

    fn skip_frame(&mut self, head: FrameHead, input: &[u8]) -> Received {
        Received::quiet(HEAD_LEN + self.skip(head.len, input.len() - HEAD_LEN).used)
    }

    fn frame(&mut self, input: &[u8]) -> Result<Received, Breach> {
        let Some(head) = FrameHead::read(input) else { return Ok(Received::MORE) };
        self.admit(&head)?;
        match head.kind {
            FrameType::Data => return self.data_frame(head, input),
            FrameType::Unknown(_) => {
                self.budgets.draw(Budget::Unknown);
                return Ok(self.skip_frame(head, input));
            }
            FrameType::GoAway => return self.goaway(head, input),
            FrameType::Priority if head.len != PRIORITY_LEN => return self.misshapen_priority(head, input),
            _ => {}
        }
        let Some(payload) = input.get(HEAD_LEN..HEAD_LEN + head.len) else { return Ok(Received::MORE) };
        let event = match head.kind {
            FrameType::Headers => self.headers(head, payload)?,
            FrameType::Continuation => self.continuation(head, payload)?,
            FrameType::WindowUpdate => self.window_update(head.stream, payload)?,
            FrameType::ResetStream => self.reset_by_peer(head.stream, payload)?,
            FrameType::Settings if head.has(ACK) => self.acknowledged(),
            FrameType::Settings => self.settings(payload)?,
            FrameType::Ping => self.ping(head.has(ACK), payload),
            FrameType::Priority => self.priority(head.stream, payload)?,
            _ => None,
        };
        Ok(Received { used: HEAD_LEN + head.len, event })
    }

    /// Whether such a frame may come now, as far as its first nine bytes say. Changes nothing, since it is asked again when
    /// the rest of the frame is there.
    fn admit(&self, head: &FrameHead) -> Result<(), Breach> {
        if head.len > PAYLOAD_MAX {
            return Err(Breach::FrameTooLong);
        }
        if self.control.pending().len() > CONTROL_MAX {
            return Err(Breach::ControlUnread);
        }
        if !self.announced && (head.kind != FrameType::Settings || head.has(ACK)) {
            return Err(Breach::NoSettings);
        }
        match (&self.block, head.kind) {
            (Some(block), FrameType::Continuation) if block.stream == head.stream => {}
            (Some(_), _) => return Err(Breach::BlockInterrupted),
            (None, FrameType::Continuation) => return Err(Breach::NothingToContinue),
            (None, _) => {}
        }
        self.admit_stream(head)?;
        self.admit_length(head)
    }

    fn admit_stream(&self, head: &FrameHead) -> Result<(), Breach> {
        let on_connection = head.stream == StreamId::CONNECTION;
        match head.kind {
            FrameType::PushPromise => Err(Breach::Push),
            FrameType::Settings | FrameType::Ping | FrameType::GoAway if !on_connection => Err(Breach::NeedsNoStream),
            FrameType::Data | FrameType::Headers | FrameType::Priority | FrameType::ResetStream if on_connection => {
                Err(Breach::NeedsStream)
            }
            _ => Ok(()),
        }
    }

    fn admit_length(&self, head: &FrameHead) -> Result<(), Breach> {
        let fits = match head.kind {
            FrameType::ResetStream | FrameType::WindowUpdate => head.len == 4,
            FrameType::Ping => head.len == 8,
            FrameType::GoAway => head.len >= GOAWAY_LEN,
            FrameType::Settings if head.has(ACK) => head.len == 0,
            FrameType::Settings if head.len > SETTINGS_IN_FRAME_MAX * SETTING_LEN => {
                return Err(Breach::Flood(Budget::Settings));
            }
            FrameType::Settings => head.len.is_multiple_of(SETTING_LEN),
            FrameType::Headers | FrameType::Continuation => return self.admit_block(head),
            // A wrong length of PRIORITY only concerns its stream.
            FrameType::Priority | FrameType::Data | FrameType::PushPromise | FrameType::Unknown(_) => true,
        };
        if fits { Ok(()) } else { Err(Breach::BadFrameSize) }
    }

    /// Nobody ever opened that stream (RFC 9113 section 5.1, "idle").
    pub(super) fn is_idle(&self, id: StreamId) -> bool {
        // Even ones would be pushes: there are none, in either direction.
        id > self.highest || !id.is_clients()
    }

    /// The state of a stream that does not live; an error if it never did.
    pub(super) fn past(&self, id: StreamId) -> Result<Past, Breach> {
        if self.is_idle(id) {
            return Err(Breach::IdleStream);
        }
        // Opened after our GOAWAY: ignored, as RFC 9113 section 6.8 says.
        if self.side == Side::Server && id > self.taken {
            return Ok(Past::ResetByUs);
        }
        Ok(self.departed.how(id))
    }

    fn settings(&mut self, payload: &[u8]) -> Result<Option<Event>, Breach> {
        self.budgets.draw(Budget::Settings);
        let before = self.peer;
        let now = before.changed(self.side, payload)?;
        let delta = i64::from(now.initial_window) - i64::from(before.initial_window);
        let mut overflow = Ok(());
        if delta != 0 {
            self.streams.each(|stream| overflow = overflow.and(stream.send.shift(delta)));
        }
        overflow.map_err(|Overflow| Breach::WindowOverflow)?;
        if now.header_table_least != before.header_table_size {
            self.encoder.resize(now.header_table_least as usize);
        }
        if now.header_table_size != now.header_table_least {
            self.encoder.resize(now.header_table_size as usize);
        }
        (self.peer, self.announced) = (now, true);
        frame::write_settings(ACK, &[], self.control.bytes());
        Ok(Some(Event::Settled))
    }

    /// From now on the peer knows our windows: those of streams are what we said instead of 65,535, and the connection's is
    /// opened to what we like. Until then it is not opened at all, so that what somebody who never acknowledges may send
    /// is bounded.
    fn acknowledged(&mut self) -> Option<Event> {
        if self.settled {
            self.budgets.draw(Budget::Settings);
            return None;
        }
        self.settled = true;
        let delta = i64::from(self.terms.initial_window) - i64::from(WINDOW_DEFAULT);
        let control = self.control.bytes();
        self.streams.each(|stream| {
            stream.receive.shift(delta);
            stream.give_credit(control);
        });
        self.departed.shift(delta);
        self.receive.widen(self.terms.connection_window);
        self.give_credit();
        None
    }

    fn ping(&mut self, answer: bool, payload: &[u8]) -> Option<Event> {
        self.budgets.draw(Budget::Pings);
        let opaque = payload.first_chunk::<8>()?;
        if answer {
            self.ping_answered(opaque);
        } else {
            frame::write_ping(ACK, *opaque, self.control.bytes());
        }
        None
    }

    fn priority(&mut self, id: StreamId, payload: &[u8]) -> Result<Option<Event>, Breach> {
        self.budgets.draw(Budget::Priorities);
        if frame::dependency(payload) != Some(id) {
            return Ok(None);
        }
        self.bad_priority(id, Fault::DependsOnItself, Breach::DependsOnItself)
    }

    /// "A PRIORITY frame with a length other than 5 octets MUST be treated as a stream error" (RFC 9113 section 6.3).
    fn misshapen_priority(&mut self, head: FrameHead, input: &[u8]) -> Result<Received, Breach> {
        self.budgets.draw(Budget::Priorities);
        let event = self.bad_priority(head.stream, Fault::BadFrameSize, Breach::BadFrameSize)?;
        Ok(Received { event, ..self.skip_frame(head, input) })
    }

    /// A stream that does not live cannot be reset, so there the fault is the connection's.
    fn bad_priority(&mut self, id: StreamId, fault: Fault, breach: Breach) -> Result<Option<Event>, Breach> {
        match self.known(id) {
            Ok(Some(_)) => Ok(self.refuse(id, fault)),
            _ => Err(breach),
        }
    }

    fn reset_by_peer(&mut self, id: StreamId, payload: &[u8]) -> Result<Option<Event>, Breach> {
        let code = ErrorCode::new(frame::word(payload).ok_or(Breach::BadFrameSize)?);
        let Some(stream) = self.known(id)? else {
            if !self.departed.may_cross(id) {
                self.budgets.draw(Budget::Strays);
            }
            self.departed.end(id, Past::ResetByPeer);
            return Ok(None);
        };
        if self.side == Side::Server && stream.is_unanswered() {
            self.budgets.draw(Budget::Resets);
        }
        self.streams.remove(id);
        self.departed.closed(id, Past::ResetByPeer);
        Ok(Some(Event::Reset { stream: id, code, fault: None }))
    }

    fn window_update(&mut self, id: StreamId, payload: &[u8]) -> Result<Option<Event>, Breach> {
        self.budgets.draw(Budget::WindowUpdates);
        // The first bit is reserved.
        let increment = frame::word(payload).ok_or(Breach::BadFrameSize)? & WINDOW_MAX;
        if id == StreamId::CONNECTION {
            if increment == 0 {
                return Err(Breach::ZeroIncrement);
            }
            // Where the window was open before, nobody waits for it.
            let was_shut = self.send.left() == 0;
            self.send.shift(i64::from(increment)).map_err(|Overflow| Breach::WindowOverflow)?;
            return Ok((was_shut && self.send.left() > 0).then_some(Event::Room(None)));
        }
        if self.known(id)?.is_none() {
            return Ok(None);
        }
        if increment == 0 {
            return Ok(self.refuse(id, Fault::ZeroIncrement));
        }
        let Some(stream) = self.streams.get_mut(id) else { return Ok(None) };
        if stream.send.shift(i64::from(increment)).is_err() {
            return Ok(self.refuse(id, Fault::WindowOverflow));
        }
        Ok((self.room(id) > 0).then_some(Event::Room(Some(id))))
    }

    fn goaway(&mut self, head: FrameHead, input: &[u8]) -> Result<Received, Breach> {
        let Some(payload) = input.get(HEAD_LEN..HEAD_LEN + GOAWAY_LEN) else { return Ok(Received::MORE) };
        self.budgets.draw(Budget::Strays);
        let last = StreamId::new(frame::word(payload).ok_or(Breach::BadFrameSize)?);
        let code = ErrorCode::new(payload.get(4..).and_then(frame::word).ok_or(Breach::BadFrameSize)?);
        let skipped = self.skip(head.len - GOAWAY_LEN, input.len() - HEAD_LEN - GOAWAY_LEN);
        self.peer_leaves(last);
        Ok(Received { used: HEAD_LEN + GOAWAY_LEN + skipped.used, event: Some(Event::GoAway { last, code }) })
    }
}
