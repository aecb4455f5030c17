//! HTTP/2 (RFC 9113) as bytes in and bytes out: a [`Connection`] is one side of one connection and has no socket, no clock and
//! nobody's body in it. How its heads become those of HTTP/1.1, which all decisions are made about, is in [`bridge`].
//!
//! # How it is driven
//!
//! Give [`Connection::receive`] what was read; it takes one frame, or a piece of one, and says in an [`Event`] what that meant.
//! Write heads with [`Connection::write_head`] and DATA frames with [`Connection::data`] into a buffer of your own. Send that
//! buffer, then what [`Connection::control`] holds. When bytes of a body were used up say so ([`Connection::consumed`]): this,
//! and nothing else, lets the peer send more on that stream. A server that answers everybody alike:
//!
//! ```
//! use sluicegate::http::h2::{Connection, ConnectionError, ErrorCode, Event, Kind, StreamId, Terms};
//!
//! struct Server {
//!     connection: Connection,
//!     /// What was read and not taken yet.
//!     input: Vec<u8>,
//!     /// What is to be written.
//!     output: Vec<u8>,
//! }
//!
//! impl Server {
//!     /// After each read. An error's GOAWAY is in `output` like all the rest: write it, then close.
//!     fn read(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
//!         self.input.extend_from_slice(bytes);
//!         let mut taken = 0;
//!         let end = loop {
//!             match self.connection.receive(&self.input[taken..]) {
//!                 Ok(received) if received.used == 0 && received.event.is_none() => break Ok(()),
//!                 Ok(received) => {
//!                     taken += received.used;
//!                     if let Some(event) = received.event {
//!                         self.heard(event);
//!                     }
//!                 }
//!                 Err(error) => break Err(error),
//!             }
//!         };
//!         self.input.drain(..taken);
//!         self.output.extend_from_slice(self.connection.control());
//!         self.connection.control_sent(self.connection.control().len());
//!         end
//!     }
//!
//!     fn heard(&mut self, event: Event) {
//!         match event {
//!             Event::Head { stream, kind: Kind::Head, .. } => self.answer(stream),
//!             // Nobody wants the body, so it is used up at once.
//!             Event::Data { stream, len, .. } => self.connection.consumed(stream, len),
//!             // Trailers; streams that are gone; and this server never waits for room.
//!             Event::Head { .. } | Event::Reset { .. } | Event::Room(_) | Event::Settled | Event::GoAway { .. } => {}
//!         }
//!     }
//!
//!     fn answer(&mut self, stream: StreamId) {
//!         assert!(self.connection.fields().first(b":path").is_some());
//!         let fields: [(&[u8], &[u8]); 2] = [(b":status", b"200"), (b"content-type", b"text/plain")];
//!         self.connection.write_head(stream, fields.into_iter(), false, &mut self.output);
//!         let body = b"hello";
//!         if self.connection.room(stream) < body.len() {
//!             return self.connection.reset(stream, ErrorCode::InternalError);
//!         }
//!         let head = self.connection.data(stream, body.len(), true);
//!         self.output.extend_from_slice(&head);
//!         self.output.extend_from_slice(body);
//!     }
//! }
//!
//! // A client is the same thing from the other side. Here it only keeps what it is told last.
//! let mut server =
//!     Server { connection: Connection::server(Terms::server()), input: Vec::new(), output: Vec::new() };
//! let mut client = Connection::client(Terms::client());
//! server.read(client.control()).unwrap();
//! client.control_sent(client.control().len());
//!
//! fn heard(client: &mut Connection, mut input: &[u8]) -> (Option<Event>, Vec<u8>) {
//!     let (mut last, mut body) = (None, Vec::new());
//!     while !input.is_empty() {
//!         let received = client.receive(input).unwrap();
//!         if let Some(Event::Data { skip, len, .. }) = received.event {
//!             body.extend_from_slice(&input[skip..skip + len]);
//!         }
//!         last = received.event.or(last);
//!         input = &input[received.used..];
//!     }
//!     (last, body)
//! }
//!
//! assert_eq!(heard(&mut client, &server.output).0, Some(Event::Settled));
//! server.output.clear();
//!
//! let stream = client.open().unwrap();
//! let mut request = Vec::new();
//! let fields: [(&[u8], &[u8]); 4] =
//!     [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"example.com"), (b":path", b"/")];
//! client.write_head(stream, fields.into_iter(), true, &mut request);
//! server.read(&request).unwrap();
//!
//! let (last, body) = heard(&mut client, &server.output);
//! assert!(matches!(last, Some(Event::Data { len: 5, end: true, .. })));
//! assert_eq!(client.fields().first(b":status"), Some(&b"200"[..]));
//! assert_eq!(body, b"hello");
//! ```
//!
//! # What a peer can do to it
//!
//! Every byte that it holds has a limit: a header block and its list ([`Terms`]), control frames that wait
//! ([`budget::CONTROL_MAX`]), the streams that live and those that are remembered ([`stream`]). Every frame that costs work and
//! leads to nothing draws on a [`budget`]. Bodies are never held: what may be under way of each is its window, which its owner
//! opens.
//!
//! # What it does not know
//!
//! What a field means, except `content-length`, which DATA must agree with, and `:status` to tell interim answers from final
//! ones. Whether a request is well-formed beyond that (RFC 9113 sections 8.2 and 8.3) is for whoever reads the fields to say,
//! with [`Connection::reset`]. How long anything may take is for whoever has a clock.

pub mod bridge;
pub mod budget;
pub mod connection;
pub mod error;
pub mod fields;
pub mod flow;
pub mod frame;
pub mod hpack;
pub mod settings;
pub mod stream;

pub use connection::{Connection, Event, Kind, Received, Side};
pub use error::{Breach, ConnectionError, ErrorCode, Fault};
pub use fields::FieldList;
pub use settings::Terms;
pub use stream::StreamId;
