//! Two connections and the bytes between them.
#![allow(dead_code, missing_docs, unreachable_pub)]

use sluicegate::http::h2::{Connection, ConnectionError, Event, StreamId, Terms};

/// One side, and what it has to say.
pub struct End {
    pub side: Connection,
    pub out: Vec<u8>,
    /// What arrived and was not taken.
    pub arrived: Vec<u8>,
    /// The payload of all data events.
    pub payload: Vec<u8>,
}

impl End {
    pub fn new(side: Connection) -> End {
        End { side, out: Vec::new(), arrived: Vec::new(), payload: Vec::new() }
    }

    pub fn server() -> End {
        End::new(Connection::server(Terms::server()))
    }

    pub fn client() -> End {
        End::new(Connection::client(Terms::client()))
    }

    pub fn head(&mut self, stream: StreamId, fields: &[(&str, &str)], end: bool) {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        self.side.write_head(stream, fields, end, &mut self.out);
    }

    pub fn data(&mut self, stream: StreamId, payload: &[u8], end: bool) {
        let head = self.side.data(stream, payload.len(), end);
        self.out.extend_from_slice(&head);
        self.out.extend_from_slice(payload);
    }

    /// All that is to be sent.
    pub fn take(&mut self) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.out);
        out.extend_from_slice(self.side.control());
        self.side.control_sent(self.side.control().len());
        out
    }

    /// Takes bytes; what they meant, and the error if there was one.
    pub fn feed(&mut self, bytes: &[u8]) -> (Vec<Event>, Option<ConnectionError>) {
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
                        assert!(input.len() < Connection::LOOKAHEAD);
                        break None;
                    }
                    from += received.used;
                }
            }
        };
        self.arrived.drain(..from);
        (events, error)
    }

    pub fn sees(&mut self, bytes: &[u8]) -> Vec<Event> {
        let (events, error) = self.feed(bytes);
        assert_eq!(error, None);
        events
    }
}

pub struct Pair {
    pub client: End,
    pub server: End,
}

impl Pair {
    pub fn new() -> Pair {
        Pair { client: End::client(), server: End::server() }
    }

    /// Both know and have acknowledged each other's settings.
    pub fn settled() -> Pair {
        let mut pair = Pair::new();
        for _ in 0..3 {
            pair.server_sees();
            pair.client_sees();
        }
        pair
    }

    pub fn server_sees(&mut self) -> Vec<Event> {
        let bytes = self.client.take();
        self.server.sees(&bytes)
    }

    pub fn client_sees(&mut self) -> Vec<Event> {
        let bytes = self.server.take();
        self.client.sees(&bytes)
    }
}
