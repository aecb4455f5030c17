//! Whoever owns a side of HTTP/2: takes what it hears, answers or asks by the number of a stream, and keeps count of what must
//! hold whatever the peer sends.

use std::collections::BTreeMap;

use sluicegate::http::h2::budget::CONTROL_MAX;
use sluicegate::http::h2::frame::{FrameHead, FrameType, HEAD_LEN, PAYLOAD_MAX, PREFACE};
use sluicegate::http::h2::{Connection, ConnectionError, ErrorCode, Event, Kind, Side, StreamId};

/// What came of some bytes.
pub struct Outcome {
    pub events: Vec<Event>,
    pub payload: Vec<u8>,
    pub fields: Vec<u8>,
    pub said: Vec<u8>,
    pub error: Option<ConnectionError>,
}

/// Bytes of a body are used up by so many.
const GULP: usize = 4096;

#[derive(Default)]
struct Stream {
    held: usize,
    answered: bool,
    ended: bool,
}

struct Owner {
    connection: Connection,
    streams: BTreeMap<StreamId, Stream>,
    outcome: Outcome,
}

impl Outcome {
    /// The same wherever the bytes were cut; only windows may be opened earlier.
    pub fn agrees_with(&self, other: &Outcome) {
        assert_eq!(self.events, other.events);
        assert_eq!(self.error, other.error);
        assert!(self.payload == other.payload, "the payload differs");
        assert!(self.fields == other.fields, "the fields differ");
    }
}

/// Gives a side those bytes in pieces of that length.
pub fn run(mut connection: Connection, bytes: &[u8], piece: usize) -> Outcome {
    let mut outcome =
        Outcome { events: Vec::new(), payload: Vec::new(), fields: Vec::new(), said: Vec::new(), error: None };
    outcome.said.extend_from_slice(connection.control());
    connection.control_sent(connection.control().len());
    let mut owner = Owner { connection, streams: BTreeMap::new(), outcome };
    let mut input = Vec::new();
    for piece in bytes.chunks(piece) {
        input.extend_from_slice(piece);
        let used = owner.take(&input);
        input.drain(..used);
        assert!(input.len() < Connection::LOOKAHEAD || owner.outcome.error.is_some());
        if owner.outcome.error.is_some() {
            break;
        }
    }
    owner.check();
    owner.outcome
}

impl Owner {
    fn take(&mut self, input: &[u8]) -> usize {
        let mut from = 0;
        loop {
            self.ask();
            let rest = &input[from..];
            let received = self.connection.receive(rest);
            assert!(self.connection.control().len() <= CONTROL_MAX + 4096);
            match received {
                Ok(received) => {
                    assert!(received.used <= rest.len());
                    if let Some(event) = received.event {
                        self.heard(event, &rest[..received.used]);
                    }
                    if received.used == 0 && received.event.is_none() {
                        return from;
                    }
                    from += received.used;
                }
                Err(error) => {
                    assert_eq!(error.code, error.why.code());
                    assert_eq!(self.connection.receive(rest), Err(error));
                    self.outcome.error = Some(error);
                    self.outcome.said.extend_from_slice(self.connection.control());
                    return from;
                }
            }
        }
    }

    /// A client makes requests as it may, up to eight at a time.
    fn ask(&mut self) {
        while self.streams.len() < 8 {
            let Some(stream) = self.connection.open() else { return };
            let number = stream.value() / 2;
            if number % 3 == 0 {
                self.connection.expects_no_body(stream);
            }
            let fields: [(&[u8], &[u8]); 2] = [(b":method", b"GET"), (b":path", b"/")];
            self.connection.write_head(stream, fields.into_iter(), number % 2 == 0, &mut self.outcome.said);
            self.streams.insert(stream, Stream { answered: true, ..Stream::default() });
        }
    }

    fn heard(&mut self, event: Event, input: &[u8]) {
        match event {
            Event::Head { stream, kind, end } => {
                for field in self.connection.fields().iter() {
                    self.outcome.fields.extend_from_slice(field.name);
                    self.outcome.fields.extend_from_slice(field.value);
                }
                if self.connection.side() == Side::Server && kind == Kind::Head {
                    assert!(self.streams.insert(stream, Stream::default()).is_none());
                    assert!(self.streams.keys().all(|id| *id <= stream), "identifiers rise");
                    self.connection.widen(stream, (stream.value() % 64) * 1024);
                }
                self.outcome.events.push(event);
                self.ended(stream, end);
            }
            Event::Data { stream, skip, len, end } => {
                self.outcome.payload.extend_from_slice(&input[skip..skip + len]);
                self.join(stream, len, end);
                let state = self.streams.get_mut(&stream).expect("a stream that lives");
                assert!(!state.ended, "nothing comes after the end");
                state.held += len;
                while state.held >= GULP {
                    state.held -= GULP;
                    self.connection.consumed(stream, GULP);
                }
                self.ended(stream, end);
            }
            Event::Reset { stream, code, fault } => {
                self.outcome.events.push(event);
                assert!(fault.is_none_or(|fault| fault.code() == code));
                let never_began = fault.is_some() && self.connection.side() == Side::Server;
                assert!(self.streams.remove(&stream).is_some() || never_began, "a stream that lives");
                assert!(!self.connection.may_send(stream));
            }
            Event::Room(Some(stream)) => {
                self.outcome.events.push(event);
                assert!(self.connection.room(stream) > 0);
                self.send(stream);
            }
            Event::Room(None) | Event::Settled => {
                self.outcome.events.push(event);
                for stream in self.streams.keys().copied().collect::<Vec<_>>() {
                    self.send(stream);
                }
            }
            Event::GoAway { last, .. } => {
                self.outcome.events.push(event);
                if self.connection.side() == Side::Client {
                    self.streams.retain(|id, _| *id <= last);
                }
            }
        }
        assert!(self.streams.len() <= 128);
        self.check();
    }

    /// Pieces of a body count as one.
    fn join(&mut self, stream: StreamId, len: usize, end: bool) {
        if let Some(Event::Data { stream: last, len: so_far, end: over @ false, .. }) = self.outcome.events.last_mut() {
            if *last == stream {
                *so_far += len;
                *over = end;
                return;
            }
        }
        self.outcome.events.push(Event::Data { stream, skip: 0, len, end });
    }

    fn ended(&mut self, stream: StreamId, end: bool) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.ended = end;
        }
        let server = self.connection.side() == Side::Server;
        match stream.value() / 2 % 4 {
            0 if server => self.answer(stream, false),
            1 if server && end => self.answer(stream, true),
            2 if end => self.reset(stream),
            _ => {}
        }
        self.forget(stream);
    }

    fn answer(&mut self, stream: StreamId, end: bool) {
        let Some(state) = self.streams.get_mut(&stream) else { return };
        if !std::mem::replace(&mut state.answered, true) {
            let fields: [(&[u8], &[u8]); 2] = [(b":status", b"200"), (b"server", b"x")];
            self.connection.write_head(stream, fields.into_iter(), end, &mut self.outcome.said);
            self.send(stream);
        }
    }

    /// One frame as long as may be, then the end.
    fn send(&mut self, stream: StreamId) {
        if !self.streams.get(&stream).is_some_and(|state| state.answered) || !self.connection.may_send(stream) {
            return;
        }
        let room = self.connection.room(stream);
        if room > 0 {
            self.flush();
            let end = stream.value() / 2 % 8 == 0;
            let head = self.connection.data(stream, room, end);
            self.outcome.said.extend_from_slice(&head);
            self.outcome.said.resize(self.outcome.said.len() + room, b'x');
            self.forget(stream);
        }
    }

    fn reset(&mut self, stream: StreamId) {
        if self.streams.remove(&stream).is_some() {
            self.connection.reset(stream, ErrorCode::Cancel);
        }
    }

    /// What both have ended is gone.
    fn forget(&mut self, stream: StreamId) {
        if self.streams.get(&stream).is_some_and(|state| state.ended && state.answered)
            && !self.connection.may_send(stream)
        {
            self.streams.remove(&stream);
        }
    }

    /// In the same order wherever the input was cut.
    fn flush(&mut self) {
        self.outcome.said.extend_from_slice(self.connection.control());
        self.connection.control_sent(self.connection.control().len());
    }

    fn check(&mut self) {
        self.flush();
        if self.outcome.error.is_none() {
            assert_eq!(self.connection.streams(), self.streams.len());
        }
    }
}

/// Whether bytes are whole frames that a peer takes.
pub fn well_framed(said: &[u8]) {
    let mut rest = said.strip_prefix(&PREFACE).unwrap_or(said);
    while let Some(head) = FrameHead::read(rest) {
        assert!(head.len <= PAYLOAD_MAX);
        assert!(!matches!(head.kind, FrameType::Unknown(_) | FrameType::PushPromise | FrameType::Priority));
        rest = &rest[HEAD_LEN + head.len..];
    }
    assert!(rest.is_empty());
}
