//! The door to targets. A request gets through it as [`Cleared`], which is what an encoder towards a target takes, or
//! is refused: an unchecked request cannot be forwarded.
//!
//! Bytes become a [`Reading`], the one way that a request is understood here, with a [`Classification`] of how others may
//! understand it: a [`Tier`] and a [`Reason`] of the guide's. The [`Mode`] decides what may pass. What passes is written
//! anew from its reading and never copied, so that nobody behind can read it in another way. `docs/desync.md` has the
//! decisions as a table, and how they differ from those of the library that the guide names.
//!
//! ```
//! use sluicegate::desync::{Clearing, Reading, Reason};
//! use sluicegate::http::FieldRoom;
//! use sluicegate::http::h1::head::{Scan, Scanner};
//!
//! let bytes = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
//! let Ok(Scan::Head { len, regular }) = Scanner::request().scan(bytes) else { panic!("a whole head") };
//! let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
//! let reading = Reading::of(&bytes[..len], regular, &mut mended, &mut room);
//! assert_eq!(reading.classification().reason(), Some(Reason::BothTeClPresent));
//! let cleared = reading.clear(&Clearing::default()).unwrap();
//! assert!(cleared.is_last());
//! ```

mod body_fields;
mod classify;
mod cleared;
mod coding;
mod mend;
mod notes;
mod reading;
mod reason;
mod verdict;
mod version;

pub use classify::{Sent, classify};
pub use cleared::{Cleared, Facts, Head, Refused};
pub use reading::{Reading, classify_head};
pub use reason::{Mode, Reason, Tier};
pub use verdict::Classification;

/// The most addresses that `X-Forwarded-For` may hold, over all its fields (guide HDR-07).
pub const FORWARDED_ADDRESSES_MAX: usize = 30;

/// The most options that `Connection` may list, over all its fields, empty ones included. A sender needs two or three;
/// each is compared with each field, so their number is bounded.
pub const CONNECTION_OPTIONS_MAX: usize = 32;

/// What the door needs to know of the load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clearing {
    /// `routing.http.desync_mitigation_mode` (guide LB-15).
    pub mode: Mode,
    /// `routing.http.preserve_host_header.enabled`: several Host fields are then let through (guide HOST-05).
    pub preserve_host: bool,
}
