//! The two clocks of the machine, as the core takes them.

use rustix::time::{ClockId, Timespec, clock_gettime};
use sluicegate::time::{Mono, Now, Wall};

/// Reads both clocks. The monotonic side counts from the machine's start, so the times of all threads compare.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock(());

impl Clock {
    /// The machine's clocks.
    pub fn new() -> Clock {
        Clock(())
    }

    /// Both clocks. Neither is a system call. A wall clock before 1970 reads as 1970.
    pub fn now(&self) -> Now {
        let mono = nanos(clock_gettime(ClockId::Monotonic));
        let wall = nanos(clock_gettime(ClockId::Realtime)) / 1000;
        Now { mono: Mono::from_nanos(mono), wall: Wall::from_micros(wall) }
    }
}

/// Plain arithmetic: the standard library's clock types cost three times as much, at every turn.
fn nanos(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}
