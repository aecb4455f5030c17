//! One side of HTTP/2 with frames written by hand, or two sides and the bytes between them.

#![allow(dead_code, reason = "each test file uses a part of it")]

use sluicegate::http::h2::frame::{self, END_HEADERS, END_STREAM, FrameHead, FrameType, HEAD_LEN};
use sluicegate::http::h2::{Connection, ConnectionError, ErrorCode, Event, StreamId, Terms};

pub(crate) const fn id(number: u32) -> StreamId {
    StreamId::new(number)
}

/// A frame as a peer may send it, right or wrong.
pub(crate) fn frame(kind: FrameType, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let head = FrameHead { len: payload.len(), kind, flags, stream: id(stream) };
    [&head.write()[..], payload].concat()
}

/// A header block without compression: literals that are never indexed (RFC 7541 section 6.2.3).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        for (first, text) in [(Some(0x10), name), (None, value)] {
            block.extend(first);
            assert!(text.len() < 127, "a length of one byte");
            block.push(text.len() as u8);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

pub(crate) const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")];

/// A request, or anything else of that stream.
pub(crate) fn headers(stream: u32, fields: &[(&str, &str)], end: bool) -> Vec<u8> {
    let end = if end { END_STREAM } else { 0 };
    frame(FrameType::Headers, END_HEADERS | end, stream, &block(fields))
}

/// A request without a body.
pub(crate) fn get(stream: u32) -> Vec<u8> {
    headers(stream, &GET, true)
}

/// A request whose body is to come.
pub(crate) fn post(stream: u32) -> Vec<u8> {
    headers(stream, &GET, false)
}

pub(crate) fn data(stream: u32, payload: &[u8], end: bool) -> Vec<u8> {
    frame(FrameType::Data, if end { END_STREAM } else { 0 }, stream, payload)
}

pub(crate) fn reset(stream: u32, code: ErrorCode) -> Vec<u8> {
    frame(FrameType::ResetStream, 0, stream, &code.number().to_be_bytes())
}

pub(crate) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(FrameType::WindowUpdate, 0, stream, &increment.to_be_bytes())
}

pub(crate) fn priority(stream: u32, on: u32) -> Vec<u8> {
    frame(FrameType::Priority, 0, stream, &[&on.to_be_bytes()[..], &[15]].concat())
}

pub(crate) fn ping() -> Vec<u8> {
    frame(FrameType::Ping, 0, 0, b"12345678")
}

pub(crate) fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write_settings(0, settings, &mut out);
    out
}

pub(crate) fn settings_ack() -> Vec<u8> {
    frame(FrameType::Settings, frame::ACK, 0, b"")
}

pub(crate) fn goaway(last: u32, code: ErrorCode) -> Vec<u8> {
    frame(FrameType::GoAway, 0, 0, &[last.to_be_bytes(), code.number().to_be_bytes()].concat())
}

/// What a side said, frame by frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Settings,
    SettingsAck,
    Ping([u8; 8]),
    PingAck([u8; 8]),
    WindowUpdate(u32, u32),
    Reset(u32, ErrorCode),
    GoAway(u32, ErrorCode),
    /// Stream, length, end.
    Data(u32, usize, bool),
    /// Stream, length, flags.
    Headers(u32, usize, u8),
    Continuation(u32, usize, u8),
}

/// Reads what a side sent; it must be whole frames.
pub(crate) fn said(mut bytes: &[u8]) -> Vec<Said> {
    let mut said = Vec::new();
    while let Some(head) = FrameHead::read(bytes) {
        let payload = &bytes[HEAD_LEN..HEAD_LEN + head.len];
        bytes = &bytes[HEAD_LEN + head.len..];
        let word = |at| frame::word(&payload[at..]).unwrap();
        let stream = head.stream.value();
        let ack = head.has(frame::ACK);
        said.push(match head.kind {
            FrameType::Settings if ack => Said::SettingsAck,
            FrameType::Settings => Said::Settings,
            FrameType::Ping if ack => Said::PingAck(payload.try_into().unwrap()),
            FrameType::Ping => Said::Ping(payload.try_into().unwrap()),
            FrameType::WindowUpdate => Said::WindowUpdate(stream, word(0)),
            FrameType::ResetStream => Said::Reset(stream, ErrorCode::new(word(0))),
            FrameType::GoAway => Said::GoAway(word(0), ErrorCode::new(word(4))),
            FrameType::Data => Said::Data(stream, head.len, head.has(END_STREAM)),
            FrameType::Headers => Said::Headers(stream, head.len, head.flags),
            FrameType::Continuation => Said::Continuation(stream, head.len, head.flags),
            other => panic!("nobody here sends {other:?}"),
        });
    }
    assert_eq!(bytes, b"", "whole frames");
    said
}

/// One side, and what it has to say.
pub(crate) struct End {
    pub(crate) side: Connection,
    pub(crate) out: Vec<u8>,
    /// What arrived and was not taken.
    pub(crate) arrived: Vec<u8>,
    /// The payload of all data events.
    pub(crate) payload: Vec<u8>,
}

impl End {
    pub(crate) fn new(side: Connection) -> End {
        End { side, out: Vec::new(), arrived: Vec::new(), payload: Vec::new() }
    }

    /// A server whose client has sent its preface and its settings.
    pub(crate) fn server() -> End {
        End::server_with(Terms::server())
    }

    pub(crate) fn server_with(terms: Terms) -> End {
        let mut end = End::new(Connection::server(terms));
        assert_eq!(end.sees(&[&frame::PREFACE[..], &settings(&[])].concat()), [Event::Settled]);
        assert_eq!(end.says(), [Said::Settings, Said::SettingsAck]);
        end
    }

    /// A server whose settings were acknowledged too.
    pub(crate) fn settled_server() -> End {
        let mut end = End::server();
        assert_eq!(end.sees(&settings_ack()), []);
        assert_eq!(end.says(), [Said::WindowUpdate(0, (1 << 20) - 65_535)]);
        end
    }

    /// A client whose server has sent its settings and acknowledged the client's.
    pub(crate) fn settled_client() -> End {
        let mut end = End::new(Connection::client(Terms::client()));
        assert_eq!(end.sees(&[settings(&[]), settings_ack()].concat()), [Event::Settled]);
        let said_first = end.take();
        assert!(said_first.starts_with(&frame::PREFACE));
        assert_eq!(
            said(&said_first[frame::PREFACE.len()..]),
            [Said::Settings, Said::SettingsAck, Said::WindowUpdate(0, (1 << 20) - 65_535)]
        );
        end
    }

    /// A client with a request under way, whose body may still come.
    pub(crate) fn asking_client() -> End {
        let mut end = End::settled_client();
        assert_eq!(end.side.open(), Some(id(1)));
        end.head(id(1), &GET, false);
        end.take();
        end
    }

    pub(crate) fn head(&mut self, stream: StreamId, fields: &[(&str, &str)], end: bool) {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        self.side.write_head(stream, fields, end, &mut self.out);
    }

    pub(crate) fn data(&mut self, stream: StreamId, payload: &[u8], end: bool) {
        let head = self.side.data(stream, payload.len(), end);
        self.out.extend_from_slice(&head);
        self.out.extend_from_slice(payload);
    }

    /// All that is to be sent.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.out);
        out.extend_from_slice(self.side.control());
        self.side.control_sent(self.side.control().len());
        out
    }

    /// All that is to be sent, as frames.
    pub(crate) fn says(&mut self) -> Vec<Said> {
        said(&self.take())
    }

    /// Takes bytes; what they meant, and the error if there was one.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> (Vec<Event>, Option<ConnectionError>) {
        self.arrived.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut from = 0;
        let error = loop {
            let input = &self.arrived[from..];
            match self.side.receive(input) {
                Err(error) => break Some(error),
                Ok(received) => {
                    if let Some(Event::Data { skip, len, .. }) = received.event {
                        self.payload.extend_from_slice(&input[skip..skip + len]);
                    }
                    events.extend(received.event);
                    if received.used == 0 && received.event.is_none() {
                        assert!(input.len() < Connection::LOOKAHEAD, "no more than that is waited for");
                        break None;
                    }
                    from += received.used;
                }
            }
        };
        self.arrived.drain(..from);
        (events, error)
    }

    /// Takes bytes that break no rule of the connection.
    pub(crate) fn sees(&mut self, bytes: &[u8]) -> Vec<Event> {
        let (events, error) = self.feed(bytes);
        assert_eq!(error, None, "after {events:?}");
        events
    }

    /// Takes bytes that break a rule of the connection: says so in a GOAWAY, and keeps to it.
    pub(crate) fn fails(&mut self, bytes: &[u8]) -> ConnectionError {
        let (events, error) = self.feed(bytes);
        let error = error.unwrap_or_else(|| panic!("nothing is wrong with {events:?}"));
        let last = self.says().pop();
        assert!(matches!(last, Some(Said::GoAway(_, code)) if code == error.code), "{last:?} for {error}");
        assert_eq!(self.side.receive(b""), Err(error));
        assert!(self.side.control().is_empty(), "it is said once");
        error
    }
}

pub(crate) struct Pair {
    pub(crate) client: End,
    pub(crate) server: End,
}

impl Pair {
    pub(crate) fn new() -> Pair {
        Pair {
            client: End::new(Connection::client(Terms::client())),
            server: End::new(Connection::server(Terms::server())),
        }
    }

    /// Both know and have acknowledged each other's settings.
    pub(crate) fn settled() -> Pair {
        let mut pair = Pair::new();
        for _ in 0..3 {
            pair.server_sees();
            pair.client_sees();
        }
        pair
    }

    pub(crate) fn server_sees(&mut self) -> Vec<Event> {
        let bytes = self.client.take();
        self.server.sees(&bytes)
    }

    pub(crate) fn client_sees(&mut self) -> Vec<Event> {
        let bytes = self.server.take();
        self.client.sees(&bytes)
    }
}
