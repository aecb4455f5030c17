//! A client and a server with bytes on their way between them, cut anywhere and as late as a script says. Both write what the
//! script says, as far as they may, and whatever one hears must be what the other said: nothing is lost, nothing comes
//! twice or late, nobody is blamed, and in the end nothing is left.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use sluicegate::http::h2::{Connection, ErrorCode, Event, Kind, Side, StreamId, Terms};

/// What happens next.
#[derive(Clone, Copy, Debug)]
pub enum Verb {
    /// The client makes a request; does it end with the head?
    Open { end: bool },
    /// The server answers; does it end with the head, is it an interim answer?
    Answer { which: u8, end: bool, interim: bool },
    /// So many bytes on a stream, as far as there is room.
    Data { side: Side, which: u8, len: u16, end: bool },
    /// Fields after the body.
    Trailers { side: Side, which: u8 },
    /// A stream is given up.
    Reset { side: Side, which: u8 },
    /// Bytes of a body were used up.
    Consume { side: Side, which: u8, len: u16 },
    /// A stream gets a larger window.
    Widen { side: Side, which: u8, window: u32 },
    /// A frame that changes the size of the peer's encoder table.
    Resize { side: Side, size: u16 },
    /// A PING.
    Ping { side: Side },
    /// A side takes no more streams.
    ShutDown { side: Side },
    /// So many bytes arrive at that side.
    Deliver { side: Side, len: u16 },
}

/// Bytes as choices; nothing but zeros when they are used up.
pub struct Script<'a>(pub &'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let (&first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        first
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn terms(&mut self, terms: Terms) -> Terms {
        Terms {
            max_concurrent_streams: u32::from(self.byte() % 16) + 1,
            initial_window: u32::from(self.word()) * 2,
            connection_window: 65_535 + u32::from(self.word()),
            ..terms
        }
    }

    fn verb(&mut self) -> Option<Verb> {
        if self.0.is_empty() {
            return None;
        }
        let choice = self.byte();
        let side = if choice & 0x80 == 0 { Side::Client } else { Side::Server };
        let (end, interim) = (choice & 0x40 != 0, choice & 0x20 != 0);
        Some(match choice & 0x1f {
            0..=3 => Verb::Open { end },
            4..=6 => Verb::Answer { which: self.byte(), end, interim },
            7..=12 => Verb::Data { side, which: self.byte(), len: self.word(), end },
            13 => Verb::Trailers { side, which: self.byte() },
            14 => Verb::Reset { side, which: self.byte() },
            15..=18 => Verb::Consume { side, which: self.byte(), len: self.word() },
            19 => Verb::Widen { side, which: self.byte(), window: u32::from(self.word()) * 4 },
            20 => Verb::Resize { side, size: self.word() % 4097 },
            21 => Verb::Ping { side },
            22 if end && interim => Verb::ShutDown { side },
            _ => Verb::Deliver { side, len: self.word() },
        })
    }
}

/// What one side has said on a stream and the other has not heard.
#[derive(Debug, Default)]
struct Speech {
    /// Heads, as the bytes sent before each and a number that its fields tell.
    heads: VecDeque<(u64, Kind, u32)>,
    /// Bytes of body that were sent, and heard.
    sent: u64,
    heard: u64,
    /// Heard, and not used up.
    held: usize,
    /// The last was said, and heard.
    ended: bool,
    end_heard: bool,
    /// The final head was said.
    final_head: bool,
}

/// What one side thinks of a stream.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
enum View {
    /// It never heard of it.
    #[default]
    Unknown,
    /// It lives.
    Open,
    /// It reset it.
    Reset(ErrorCode),
    /// It is gone by what the other did.
    Gone,
}

#[derive(Debug, Default)]
struct Stream {
    /// By the client, by the server.
    said: [Speech; 2],
    view: [View; 2],
    /// The server will never hear of it.
    ignored: bool,
}

struct End {
    connection: Connection,
    /// What it wrote besides control frames.
    out: Vec<u8>,
    /// What it has read and not taken.
    input: Vec<u8>,
    /// What is on its way to it.
    wire: Vec<u8>,
}

pub struct World {
    ends: [End; 2],
    streams: BTreeMap<StreamId, Stream>,
    next_number: u32,
}

fn at(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    }
}

/// Bodies are made of this again and again.
const LETTERS: usize = 251;

/// As often as a frame can hold it, and once more.
static BODY: [u8; 16_384 + LETTERS] = {
    let mut body = [0; 16_384 + LETTERS];
    let mut at = 0;
    while at < body.len() {
        body[at] = (at % LETTERS * 13) as u8;
        at += 1;
    }
    body
};

/// So many bytes of a body from that place on.
fn letters(stream: StreamId, side: Side, at: u64, len: usize) -> &'static [u8] {
    let first = u64::from(stream.value()) * 7 + if side == Side::Client { 0 } else { 101 };
    let from = ((first + at) % LETTERS as u64) as usize;
    &BODY[from..from + len]
}

/// Runs a script to its end, and then lets everything end.
pub fn run(bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut world = World::new(&mut script);
    while let Some(verb) = script.verb() {
        world.act(verb);
    }
    world.finish(bytes.len().is_multiple_of(2));
}

impl World {
    fn new(script: &mut Script<'_>) -> World {
        let end = |connection| End { connection, out: Vec::new(), input: Vec::new(), wire: Vec::new() };
        let client = end(Connection::client(script.terms(Terms::client())));
        let server = end(Connection::server(script.terms(Terms::server())));
        World { ends: [client, server], streams: BTreeMap::new(), next_number: 0 }
    }

    fn side(&mut self, side: Side) -> &mut Connection {
        &mut self.ends[at(side)].connection
    }

    /// One of the streams that live for that side.
    fn pick(&self, side: Side, which: u8) -> Option<StreamId> {
        let open = |stream: &&Stream| stream.view[at(side)] == View::Open;
        let count = self.streams.values().filter(open).count();
        let nth = usize::from(which) % count.max(1);
        self.streams.iter().filter(|entry| open(&entry.1)).nth(nth).map(|entry| *entry.0)
    }

    pub fn act(&mut self, verb: Verb) {
        match verb {
            Verb::Open { end } => self.open(end),
            Verb::Answer { which, end, interim } => {
                if let Some(stream) = self.pick(Side::Server, which) {
                    self.answer(stream, end, interim);
                }
            }
            Verb::Data { side, which, len, end } => {
                if let Some(stream) = self.pick(side, which) {
                    self.data(side, stream, usize::from(len), end);
                }
            }
            Verb::Trailers { side, which } => {
                if let Some(stream) = self.pick(side, which).filter(|id| self.may_send(side, *id)) {
                    self.head(side, stream, Kind::Trailers, true, ("x-end", "now"));
                }
            }
            Verb::Reset { side, which } => {
                if let Some(stream) = self.pick(side, which) {
                    self.reset(side, stream);
                }
            }
            Verb::Consume { side, which, len } => {
                if let Some(stream) = self.pick(side, which) {
                    self.consume(side, stream, usize::from(len));
                }
            }
            Verb::Widen { side, which, window } => {
                if let Some(stream) = self.pick(side, which) {
                    self.side(side).widen(stream, window);
                }
            }
            Verb::Resize { side, size } => {
                self.flush(side);
                let [a, b] = size.to_be_bytes();
                self.ends[at(other(side))].wire.extend([0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, a, b]);
            }
            Verb::Ping { side } => {
                self.flush(side);
                self.ends[at(other(side))].wire.extend([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
            }
            Verb::ShutDown { side } => self.side(side).shut_down(),
            Verb::Deliver { side, len } => self.deliver(side, usize::from(len)),
        }
        for side in [Side::Client, Side::Server] {
            self.flush(side);
        }
    }

    fn open(&mut self, end: bool) {
        let available = self.side(Side::Client).available();
        let Some(stream) = self.side(Side::Client).open() else {
            return assert_eq!(available, 0);
        };
        assert_eq!(self.side(Side::Client).available(), available - 1);
        assert!(self.streams.keys().all(|id| *id < stream), "identifiers rise");
        let mut new = Stream::default();
        new.view[0] = View::Open;
        self.streams.insert(stream, new);
        self.head(Side::Client, stream, Kind::Head, end, (":method", "POST"));
    }

    fn answer(&mut self, stream: StreamId, end: bool, interim: bool) {
        let speech = &mut self.streams.get_mut(&stream).unwrap().said[1];
        if speech.final_head {
            return;
        }
        speech.final_head = !interim;
        let status = if interim { "103" } else { "200" };
        self.head(Side::Server, stream, Kind::Head, end && !interim, (":status", status));
    }

    fn head(&mut self, side: Side, stream: StreamId, kind: Kind, end: bool, first: (&str, &str)) {
        let number = self.next_number;
        self.next_number += 1;
        let text = number.to_string();
        let some = format!("value-{}", number % 7);
        let fields = [first, ("x-number", &text), ("x-some", &some)];
        let speech = &mut self.streams.get_mut(&stream).unwrap().said[at(side)];
        speech.heads.push_back((speech.sent, kind, number));
        speech.ended |= end;
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let End { connection, out, .. } = &mut self.ends[at(side)];
        connection.write_head(stream, fields, end, out);
        self.mind_end(side, stream);
    }

    fn may_send(&mut self, side: Side, stream: StreamId) -> bool {
        let speech = &self.streams[&stream].said[at(side)];
        let begun = speech.final_head || side == Side::Client;
        let may = begun && !speech.ended;
        assert!(!may || self.side(side).may_send(stream));
        may
    }

    fn data(&mut self, side: Side, stream: StreamId, len: usize, end: bool) -> usize {
        if !self.may_send(side, stream) {
            return 0;
        }
        let len = len.min(self.side(side).room(stream));
        if len == 0 && !end {
            return 0;
        }
        let head = self.side(side).data(stream, len, end);
        let speech = &mut self.streams.get_mut(&stream).unwrap().said[at(side)];
        let from = speech.sent;
        speech.sent += len as u64;
        speech.ended = end;
        let out = &mut self.ends[at(side)].out;
        out.extend_from_slice(&head);
        out.extend_from_slice(letters(stream, side, from, len));
        self.mind_end(side, stream);
        len
    }

    fn reset(&mut self, side: Side, stream: StreamId) {
        self.side(side).reset(stream, ErrorCode::Cancel);
        self.streams.get_mut(&stream).unwrap().view[at(side)] = View::Reset(ErrorCode::Cancel);
    }

    fn consume(&mut self, side: Side, stream: StreamId, len: usize) {
        let held = &mut self.streams.get_mut(&stream).unwrap().said[at(other(side))].held;
        let len = len.min(*held);
        *held -= len;
        self.side(side).consumed(stream, len);
    }

    /// A stream that both have ended is gone for a side that knows so.
    fn mind_end(&mut self, side: Side, stream: StreamId) {
        let state = self.streams.get_mut(&stream).unwrap();
        if state.said[at(side)].ended && state.said[at(other(side))].end_heard && state.view[at(side)] == View::Open {
            state.view[at(side)] = View::Gone;
        }
    }

    /// What a side has to say goes on its way, whole frames.
    fn flush(&mut self, side: Side) {
        let End { connection, out, .. } = &mut self.ends[at(side)];
        out.extend_from_slice(connection.control());
        connection.control_sent(connection.control().len());
        let out = std::mem::take(out);
        self.ends[at(other(side))].wire.extend(out);
    }

    fn deliver(&mut self, side: Side, len: usize) {
        let end = &mut self.ends[at(side)];
        let len = len.min(end.wire.len());
        end.input.extend_from_slice(&end.wire[..len]);
        end.wire.drain(..len);
        let mut input = std::mem::take(&mut end.input);
        let mut from = 0;
        loop {
            let rest = &input[from..];
            // Whoever keeps to the rules may still do so too often; that is tested elsewhere.
            self.side(side).forgive(10_000);
            let received = match self.side(side).receive(rest) {
                Ok(received) => received,
                Err(error) => panic!("{side:?}: {error}"),
            };
            if received.used == 0 && received.event.is_none() {
                assert!(rest.len() < Connection::LOOKAHEAD);
                break;
            }
            if let Some(event) = received.event {
                self.heard(side, event, rest);
            }
            from += received.used;
        }
        input.drain(..from);
        self.ends[at(side)].input = input;
    }

    fn heard(&mut self, side: Side, event: Event, input: &[u8]) {
        match event {
            Event::Head { stream, kind, end } => self.heard_head(side, stream, kind, end),
            Event::Data { stream, skip, len, end } => {
                let state = self.streams.get_mut(&stream).expect("a stream that was opened");
                assert_eq!(state.view[at(side)], View::Open);
                let speech = &mut state.said[at(other(side))];
                assert!(input[skip..skip + len] == *letters(stream, other(side), speech.heard, len));
                speech.heard += len as u64;
                speech.held += len;
                assert!(speech.heard <= speech.sent);
                assert!(speech.heads.front().is_none_or(|head| head.0 >= speech.heard), "heads keep their place");
                self.heard_end(side, stream, end);
            }
            Event::Reset { stream, code, fault } => {
                let state = self.streams.get_mut(&stream).expect("a stream that was opened");
                assert_eq!(state.view[at(side)], View::Open);
                assert_eq!(state.view[at(other(side))], View::Reset(code), "nobody is reset for what it did");
                assert_eq!(fault, None);
                state.view[at(side)] = View::Gone;
            }
            Event::Room(Some(stream)) => assert!(self.side(side).room(stream) > 0),
            Event::Room(None) | Event::Settled => {}
            Event::GoAway { last, code } => {
                assert_eq!(code, ErrorCode::NoError);
                assert!(self.side(side).peer_is_leaving());
                if side == Side::Client {
                    for (_, state) in self.streams.range_mut((Bound::Excluded(last), Bound::Unbounded)) {
                        assert_eq!(state.view[1], View::Unknown, "what is not done was never told");
                        state.ignored = true;
                        if state.view[0] == View::Open {
                            state.view[0] = View::Gone;
                        }
                    }
                }
            }
        }
    }

    fn heard_head(&mut self, side: Side, stream: StreamId, kind: Kind, end: bool) {
        let fields = self.side(side).fields();
        let number: u32 = std::str::from_utf8(fields.first(b"x-number").unwrap()).unwrap().parse().unwrap();
        assert_eq!(fields.first(b"x-some"), Some(format!("value-{}", number % 7).as_bytes()));
        let state = self.streams.get_mut(&stream).expect("a stream that was opened");
        assert!(!state.ignored);
        if side == Side::Server && state.view[1] == View::Unknown {
            state.view[1] = View::Open;
        }
        assert_eq!(state.view[at(side)], View::Open);
        let speech = &mut state.said[at(other(side))];
        assert_eq!(speech.heads.pop_front(), Some((speech.heard, kind, number)));
        self.heard_end(side, stream, end);
    }

    fn heard_end(&mut self, side: Side, stream: StreamId, end: bool) {
        let speech = &mut self.streams.get_mut(&stream).unwrap().said[at(other(side))];
        assert!(!speech.end_heard, "an end comes once");
        if end {
            assert!(speech.ended && speech.heard == speech.sent && speech.heads.is_empty());
            speech.end_heard = true;
            self.mind_end(side, stream);
        }
    }

    /// Whatever is on its way arrives.
    fn settle(&mut self) {
        while self
            .ends
            .iter()
            .any(|end| !end.wire.is_empty() || !end.out.is_empty() || !end.connection.control().is_empty())
        {
            for side in [Side::Client, Side::Server] {
                self.flush(side);
                self.deliver(side, usize::MAX);
                self.flush(side);
            }
        }
    }

    /// Everything arrives and is used up; bodies that were begun go on; then all ends and nothing is left.
    fn finish(&mut self, by_client: bool) {
        self.settle();
        self.agree();
        for side in [Side::Client, Side::Server] {
            let goes_on = |state: &&Stream| state.view[at(side)] == View::Open && !state.said[at(side)].ended;
            let streams = self.streams.iter().filter(|entry| goes_on(&entry.1)).map(|entry| *entry.0);
            for stream in streams.take(2).collect::<Vec<_>>() {
                self.go_on(side, stream);
            }
        }
        let side = if by_client { Side::Client } else { Side::Server };
        for stream in self.streams.keys().copied().collect::<Vec<_>>() {
            if self.streams[&stream].view[at(side)] == View::Open {
                self.reset(side, stream);
            }
        }
        self.settle();
        for end in &self.ends {
            assert_eq!(end.connection.streams(), 0, "{:?}", end.connection.side());
            assert!(end.input.is_empty());
        }
        for state in self.streams.values() {
            assert!(!state.view.contains(&View::Open), "{state:?}");
        }
    }

    /// With nothing on its way both see the same streams.
    fn agree(&mut self) {
        for side in [Side::Client, Side::Server] {
            let open = self.streams.values().filter(|state| state.view[at(side)] == View::Open).count();
            assert_eq!(self.side(side).streams(), open);
        }
        for (id, state) in &self.streams {
            assert_eq!(state.view[0] == View::Open, state.view[1] == View::Open, "{id:?} {state:?}");
            for said in state.said.iter().filter(|_| state.view[0] == View::Open) {
                assert_eq!((said.sent, said.ended), (said.heard, said.end_heard), "{id:?}");
                assert!(said.heads.is_empty());
            }
        }
    }

    /// A body that may go on does, whatever was held before, as long as what comes is used up.
    fn go_on(&mut self, side: Side, stream: StreamId) {
        if self.streams[&stream].view[at(side)] != View::Open || !self.may_send(side, stream) {
            return;
        }
        for peer in [Side::Client, Side::Server] {
            self.consume_all(peer);
        }
        self.side(other(side)).widen(stream, 1000);
        self.settle();
        // More than any window.
        let mut left = 140_000;
        while left > 0 {
            let sent = self.data(side, stream, left, false);
            assert!(sent > 0, "the rest of {left} does not get through");
            left -= sent;
            self.settle();
            self.consume_all(other(side));
            self.settle();
        }
    }

    fn consume_all(&mut self, side: Side) {
        for stream in self.streams.keys().copied().collect::<Vec<_>>() {
            if self.streams[&stream].view[at(side)] == View::Open {
                self.consume(side, stream, usize::MAX);
            }
        }
    }
}
