//! How a connection ends (RFC 9113 section 6.8): in two steps so that no request is lost, at once when we give up, or by the
//! peer's fault.
//!
//! ```text
//!         shut_down                    PING answered, or shut_down again
//!     No ──────────▶ Announced ───────────────────────────────────────────▶ Left
//!          GOAWAY(2^31-1), PING           GOAWAY(last that was taken)
//! ```

use super::receive::Reading;
use super::{Connection, Side};
use crate::http::h2::error::{Breach, ConnectionError, ErrorCode};
use crate::http::h2::frame;
use crate::http::h2::stream::StreamId;

/// How far we are with leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Streams are taken or opened.
    No,
    /// The peer was told to open no more; what it opened before it read that is still taken.
    Announced,
    /// No new stream is taken.
    Left,
}

/// What the PING between the two GOAWAY frames carries.
const FAREWELL: [u8; 8] = *b"farewell";

/// Requests that are still taken after the limit was announced, while the PING is not answered: those that a client with
/// 128 streams at a time may have under way, twice. One that ignores the announcement gets no further.
const REQUESTS_UNDER_WAY: u32 = 256;

impl Connection {
    /// Ends the connection without losing a request: the peer is told to open no more streams, and those that it opened before
    /// it read that are still taken; when its answer shows that there are no more, or at the second call, it learns which one
    /// was the last. Streams in progress go on. The owner closes when there are none.
    pub fn shut_down(&mut self) {
        match (self.leaving, self.side) {
            (Leaving::No, Side::Server) => {
                self.leaving = Leaving::Announced;
                frame::write_goaway(StreamId::MAX, ErrorCode::NoError, "", self.control.bytes());
                frame::write_ping(0, FAREWELL, self.control.bytes());
            }
            // A server opens no streams, so there is nothing to wait for.
            (Leaving::No | Leaving::Announced, _) => self.leave(ErrorCode::NoError, ""),
            (Leaving::Left, _) => {}
        }
    }

    /// Ends the connection at once: what the peer sends from now on is dropped.
    pub fn give_up(&mut self, code: ErrorCode) {
        self.leave(code, "");
        self.reading = Reading::Over;
    }

    fn leave(&mut self, code: ErrorCode, text: &str) {
        self.leaving = Leaving::Left;
        frame::write_goaway(self.taken, code, text, self.control.bytes());
    }

    /// Whether we told the peer to open no more streams, or give up.
    pub fn is_shutting_down(&self) -> bool {
        self.leaving != Leaving::No
    }

    /// Whether new streams are ignored: the second step is done.
    pub fn has_left(&self) -> bool {
        self.leaving == Leaving::Left
    }

    /// Whether the peer said that it takes no more streams.
    pub fn peer_is_leaving(&self) -> bool {
        self.peer_is_leaving
    }

    /// The peer broke a rule that concerns all streams.
    pub(super) fn fail(&mut self, breach: Breach) -> ConnectionError {
        let error = ConnectionError::from(breach);
        self.leave(error.code, &breach.to_string());
        self.failed = Some(error);
        error
    }

    pub(super) fn ping_answered(&mut self, opaque: &[u8; 8]) {
        if *opaque == FAREWELL && self.leaving == Leaving::Announced {
            self.leave(ErrorCode::NoError, "");
        }
    }

    /// One more request was taken: perhaps it is the last but for those under way (guide CONN-10).
    pub(super) fn mind_requests_max(&mut self) {
        let beyond = self.requests.saturating_sub(self.terms.requests_max);
        if self.requests >= self.terms.requests_max && self.leaving == Leaving::No
            || beyond >= REQUESTS_UNDER_WAY && self.leaving == Leaving::Announced
        {
            self.shut_down();
        }
    }

    /// The peer takes no streams above `last`: ours above it are gone.
    pub(super) fn peer_leaves(&mut self, last: StreamId) {
        self.peer_is_leaving = true;
        if self.side == Side::Client {
            while self.streams.last().is_some_and(|id| id > last) {
                self.streams.last().map(|id| self.streams.remove(id));
            }
        }
    }
}
