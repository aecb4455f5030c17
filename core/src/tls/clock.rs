//! The wall clock of sessions: they ask for the time, and are told what the turn was told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pki_types::UnixTime;

use super::library::TimeProvider;
use crate::time::Wall;

/// The wall clock as sessions see it: set by whoever is given the time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// It is that time now.
    pub fn set(&self, now: Wall) {
        self.0.store(now.micros(), Ordering::Relaxed);
    }

    /// What time it is.
    pub fn now(&self) -> Wall {
        Wall::from_micros(self.0.load(Ordering::Relaxed))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(core::time::Duration::from_secs(self.now().seconds())))
    }
}
