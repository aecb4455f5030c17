//! HTTP/2 (RFC 9113) as bytes in and bytes out: a [`Connection`] is one side of one connection, and has no socket, no clock and
//! no body of anybody in it. How its heads become those of HTTP/1.1 and the other way round is in [`bridge`].

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

pub use connection::{Connection, Event, Kind, Received};
pub use error::{Breach, ConnectionError, ErrorCode};
pub use settings::Terms;
pub use stream::StreamId;
