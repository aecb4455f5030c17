//! The two clocks of the machine, as the core takes them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sluicegate::time::{Mono, Now, Wall};

/// Reads both clocks. All threads of a program use copies of one, so that their monotonic times compare.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock whose monotonic side begins now.
    pub fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// Both clocks. A wall clock before 1970 reads as 1970.
    pub fn now(&self) -> Now {
        let mono = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
        Now { mono: Mono::from_nanos(mono), wall: Wall::from_micros(wall) }
    }
}
