//! What becomes of a session: what was agreed on, why it failed, and what is kept to resume it.

use core::fmt;

use super::{Group, Rejected, Suite, Version};

/// Why a session came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// What the peer says is no TLS.
    #[error("not TLS")]
    NotTls,
    /// The client's certificate was refused.
    #[error(transparent)]
    ClientCertificate(#[from] Rejected),
    /// The peer left in the middle of the handshake.
    #[error("the peer left")]
    Left,
    /// Too many handshakes are in progress.
    #[error("too many handshakes are in progress")]
    Shed,
    /// The handshake took too long.
    #[error("the handshake took too long")]
    Late,
    /// The client showed no certificate and should have.
    #[error("the client showed no certificate")]
    NoClientCertificate,
    /// Anything else, in the library's words.
    #[error("{0}")]
    Other(String),
}

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The version.
    pub version: Version,
    /// The cipher suite.
    pub suite: &'static Suite,
    /// The group of the key exchange; `None` where an earlier session was resumed without one.
    pub group: Option<&'static Group>,
    /// An earlier session was resumed.
    pub resumed: bool,
}

/// Seals the state of sessions into tickets that clients keep, and opens them again.
pub trait TicketKeeper: fmt::Debug + Send + Sync {
    /// How long a ticket can be opened, in seconds.
    fn lifetime(&self) -> u32;

    /// A ticket with that inside; `None` if there is to be none.
    fn seal(&self, inside: &[u8]) -> Option<Vec<u8>>;

    /// What is inside a ticket, if it is one of ours and not too old. Whatever a stranger sends comes here.
    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>>;
}
