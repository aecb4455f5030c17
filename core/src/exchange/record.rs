//! What an exchange remembers for the access log, and for deciding what to tell the client.

use crate::observe::Cause;
use crate::time::Now;

/// Facts gathered while an exchange runs; written down when it is over.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) target_keeps_alive: bool,
    pub(crate) cause: Option<Cause>,
}

impl Record {
    /// The first cause is the one that counts.
    pub(crate) fn caused(&mut self, cause: Cause) {
        self.cause.get_or_insert(cause);
    }

    /// An answer's head goes to the client now.
    pub(crate) fn responding(&mut self, now: Now, status: u16) {
        let _ = (now, status);
    }

    /// The target's final head came.
    pub(crate) fn target_responded(&mut self, now: Now, status: u16, keeps_alive: bool) {
        let _ = (now, status);
        self.target_keeps_alive = keeps_alive;
    }
}
