//! One side of one HTTP/2 connection: takes the peer's bytes and says what they meant ([`Connection::receive`]), and writes what
//! we have to say. How a request looks and what is done about it is not known here; bodies only pass by.
//!
//! What comes in is read in [`receive`](self), header blocks in `headers`, bodies in `body`; what goes out is written in `send`;
//! how a connection ends is in `ending`.

mod body;
mod control;
mod ending;
mod headers;
mod receive;
mod send;

use self::control::Control;
use self::ending::Leaving;
use self::headers::Block;
use self::receive::Reading;
use super::budget::Budgets;
use super::error::{ConnectionError, ErrorCode, Fault};
use super::fields::FieldList;
use super::flow::{ReceiveWindow, SendWindow, WINDOW_DEFAULT, WINDOW_MAX};
use super::frame::{HEAD_LEN, PAYLOAD_MAX, PREFACE};
use super::hpack::{Decoder, Encoder};
use super::settings::{Settings, Terms};
use super::stream::{Departed, StreamId, Streams};

/// Which side of a connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The peer opens streams.
    Server,
    /// We do.
    Client,
}

/// One side of one connection.
pub struct Connection {
    side: Side,
    terms: Terms,
    reading: Reading,
    /// A header block whose last frame is still to come.
    block: Option<Block>,
    /// The bytes of that block so far; empty if the block came in one frame.
    collected: Vec<u8>,
    fields: FieldList,
    decoder: Decoder,
    encoder: Encoder,
    /// What the peer announced, or what holds until it does.
    peer: Settings,
    /// The peer announced its settings.
    announced: bool,
    /// The peer acknowledged our settings: from now on it keeps to them.
    settled: bool,
    streams: Streams,
    departed: Departed,
    /// The highest stream that the peer opened (server) or that we opened (client).
    highest: StreamId,
    /// The highest stream of the peer that was not turned away: what GOAWAY names.
    taken: StreamId,
    /// Requests that were begun on this connection.
    requests: u32,
    send: SendWindow,
    receive: ReceiveWindow,
    control: Control,
    budgets: Budgets,
    leaving: Leaving,
    peer_is_leaving: bool,
    failed: Option<ConnectionError>,
}

/// What the front of the input was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// So many bytes are done with. 0 without an event: more bytes are needed first.
    pub used: usize,
    /// What they meant to the owner, if anything.
    pub event: Option<Event>,
}

/// What a peer's frame means to the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A header list is in [`Connection::fields`].
    Head {
        /// Whose it is; new on a server, if `kind` is [`Kind::Head`].
        stream: StreamId,
        /// What it is.
        kind: Kind,
        /// Nothing more comes on this stream.
        end: bool,
    },
    /// A piece of a body.
    Data {
        /// Whose it is.
        stream: StreamId,
        /// Where it begins in the input.
        skip: usize,
        /// Its length; may be 0 at the end. Tell [`Connection::consumed`] when so much was used up.
        len: usize,
        /// Nothing more comes on this stream.
        end: bool,
    },
    /// The stream is gone: the peer reset it, or we did because the peer broke a rule on it.
    Reset {
        /// Which one. One that the owner has not heard of, if the rule was broken by the head of its request.
        stream: StreamId,
        /// What the one told the other.
        code: ErrorCode,
        /// The rule that the peer broke, if it was we who reset the stream; none if the peer did.
        fault: Option<Fault>,
    },
    /// The peer takes more on that stream, or on any.
    Room(Option<StreamId>),
    /// The peer's settings changed: [`Connection::available`] and [`Connection::room`] of every stream may have.
    Settled,
    /// The peer takes no more streams. Ours above `last` are gone and may be tried elsewhere.
    GoAway {
        /// The highest stream that the peer has done or will do anything about.
        last: StreamId,
        /// Why.
        code: ErrorCode,
    },
}

/// What a header list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request, or an answer, be it final or interim.
    Head,
    /// Fields after the body.
    Trailers,
}

impl Connection {
    /// The most bytes that [`Connection::receive`] ever waits for: all of one frame.
    pub const LOOKAHEAD: usize = HEAD_LEN + PAYLOAD_MAX;

    /// The side that takes requests. Its SETTINGS are in [`Connection::control`] at once.
    pub fn server(terms: Terms) -> Self {
        Connection::new(Side::Server, terms)
    }

    /// The side that makes requests. Its preface and SETTINGS are in [`Connection::control`] at once.
    pub fn client(terms: Terms) -> Self {
        Connection::new(Side::Client, terms)
    }

    fn new(side: Side, mut terms: Terms) -> Self {
        terms.initial_window = terms.initial_window.min(WINDOW_MAX);
        let mut control = Control::default();
        let reading = match side {
            Side::Server => Reading::Preface(0),
            Side::Client => {
                control.bytes().extend_from_slice(&PREFACE);
                Reading::Frame
            }
        };
        terms.announce(side, control.bytes());
        Connection {
            side,
            terms,
            reading,
            block: None,
            collected: Vec::new(),
            fields: FieldList::new(),
            decoder: Decoder::new(Settings::DEFAULT.header_table_size as usize),
            encoder: Encoder::new(),
            peer: Settings::DEFAULT,
            announced: false,
            settled: false,
            streams: Streams::default(),
            departed: Departed::default(),
            highest: StreamId::CONNECTION,
            taken: StreamId::CONNECTION,
            requests: 0,
            send: SendWindow::new(WINDOW_DEFAULT),
            receive: ReceiveWindow::new(WINDOW_DEFAULT, WINDOW_DEFAULT),
            control,
            budgets: Budgets::default(),
            leaving: Leaving::No,
            peer_is_leaving: false,
            failed: None,
        }
    }

    /// Takes a prefix of `input`, which begins with the first byte that was not used, and says what it meant: one frame or a
    /// piece of one. Where it needs more than is there, it uses nothing and says nothing; it never waits for more than
    /// [`Connection::LOOKAHEAD`] bytes. After an error, every further call is the same error.
    pub fn receive(&mut self, input: &[u8]) -> Result<Received, ConnectionError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.step(input).map_err(|breach| self.fail(breach))
    }

    /// The header list of the last [`Event::Head`].
    pub fn fields(&self) -> &FieldList {
        &self.fields
    }

    /// The owner has read the header list: memory beyond that of an ordinary one is given back.
    pub fn forget_fields(&mut self) {
        self.fields.clear();
    }

    /// Bytes of memory that a head holds whose end has not come: those of its frames but for the last, at most as many as
    /// the longest block that is read has.
    pub fn gathered(&self) -> usize {
        self.collected.capacity()
    }

    /// What is to be sent besides heads and data, whole frames: settings, acknowledgements, PING answers, WINDOW_UPDATE,
    /// RST_STREAM, GOAWAY. What was written by [`write_head`](Connection::write_head) before goes first: see there.
    pub fn control(&self) -> &[u8] {
        self.control.pending()
    }

    /// The first `n` bytes of [`Connection::control`] were taken.
    pub fn control_sent(&mut self, n: usize) {
        self.control.sent(n);
    }

    /// How many streams live.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Which side we are.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The owner's clock says that so many seconds went by: what a peer may cost recovers with time. Whole seconds, so call
    /// it at most once in each.
    pub fn forgive(&mut self, seconds: u32) {
        self.budgets.forgive(seconds);
    }
}

impl core::fmt::Debug for Connection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connection")
            .field("side", &self.side)
            .field("streams", &self.streams.len())
            .field("highest", &self.highest)
            .field("leaving", &self.leaving)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
