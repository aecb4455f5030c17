//! Least outstanding requests (guide ALG-03): the target with the fewest requests in progress in all shards. Equals take
//! turns. The counts of a group lie side by side on its [`Board`]s, so that looking at all of them is a walk through a few
//! cache lines; it ends early at a target that has none.

use core::fmt;
use core::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::seat::{Board, SEATS};
use super::state::Target;

/// Counts that are compared at a stretch, before anything is decided. Each stretch begins anew, so that the processor works at
/// several at a time.
const STRETCH: usize = 16;

/// The eligible targets by where their counts are.
#[derive(Default)]
pub(super) struct Fewest {
    /// Their places in the group.
    targets: Vec<u32>,
    /// Their places on the board, in the same order.
    places: Vec<u16>,
    /// Whose board it is, up to which of them.
    boards: Vec<(Arc<Board>, usize)>,
}

/// The lowest count so far, and who has it.
struct Lowest {
    count: u32,
    at: usize,
}

impl Fewest {
    pub(super) fn among(eligible: &[u32], targets: &[Target]) -> Fewest {
        let seat = |place: u32| targets[place as usize].state.seat();
        let mut fewest = Fewest::default();
        let mut rest: Vec<u32> = eligible.to_vec();
        while let Some(&first) = rest.first() {
            let board = Arc::clone(&seat(first).board);
            let (here, others): (Vec<u32>, Vec<u32>) =
                rest.iter().partition(|&&place| Arc::ptr_eq(&seat(place).board, &board));
            fewest.places.extend(here.iter().map(|&place| seat(place).place));
            fewest.targets.extend(here);
            fewest.boards.push((board, fewest.targets.len()));
            rest = others;
        }
        fewest
    }

    /// The next target. `last` is where the last one was chosen: who comes after it is asked first, so that equals take turns.
    /// Shards that choose at the same moment may choose the same one.
    pub(super) fn choose(&self, last: &AtomicU64) -> Option<u32> {
        let number = self.places.len();
        let start = usize::try_from(last.load(Ordering::Relaxed).checked_rem(number as u64)?).ok()?;
        let mut lowest = Lowest { count: u32::MAX, at: start };
        self.search(start..number, &mut lowest);
        self.search(0..start, &mut lowest);
        last.store(lowest.at as u64 + 1, Ordering::Relaxed);
        self.targets.get(lowest.at).copied()
    }

    fn search(&self, range: Range<usize>, lowest: &mut Lowest) {
        let mut from = range.start;
        for (board, end) in &self.boards {
            let end = range.end.min(*end);
            if from < end && lowest.count > 0 {
                lowest.search(board.counts(), &self.places[from..end], from);
                from = end;
            }
        }
    }
}

impl Lowest {
    /// Looks at the counts at those places, of which the first is number `at`.
    fn search(&mut self, counts: &[std::sync::atomic::AtomicU32; SEATS], places: &[u16], at: usize) {
        let count = |place: &u16| counts[usize::from(*place) % SEATS].load(Ordering::Relaxed);
        for (number, stretch) in places.chunks(STRETCH).enumerate() {
            let least = stretch.iter().map(count).fold(u32::MAX, u32::min);
            if least < self.count {
                // Other shards may have changed it since: then it is somebody near.
                let offset = stretch.iter().position(|place| count(place) <= least).unwrap_or_default();
                *self = Lowest { count: least, at: at + number * STRETCH + offset };
                if least == 0 {
                    return;
                }
            }
        }
    }
}

impl fmt::Debug for Fewest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fewest").field("targets", &self.targets).finish_non_exhaustive()
    }
}
