//! Least outstanding requests (guide ALG-03): the target with the fewest requests in progress in all shards. Equals take
//! turns. The counts of a group lie side by side on its [`Board`]s, so that looking at all of them is a walk through a few
//! cache lines; it ends early at a target that has none.

use core::fmt;
use core::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::seat::{Board, Seat};
use super::state::Target;

/// Counts that are compared at a stretch, before anything is decided.
const STRETCH: usize = 16;

/// The eligible targets in the order of their counts.
#[derive(Default)]
pub(super) struct Fewest {
    /// Their places in the group.
    targets: Vec<u32>,
    runs: Vec<Run>,
}

/// Eligible targets whose counts are neighbours.
struct Run {
    board: Arc<Board>,
    /// Where on the board the first one's count is.
    place: usize,
    /// Which of the eligible targets they are.
    numbers: Range<usize>,
}

/// The stretch with the lowest count so far.
struct Lowest<'f> {
    count: u32,
    counts: &'f [AtomicU32],
    /// The number of its first target.
    first: usize,
}

impl Fewest {
    pub(super) fn among(eligible: &[u32], targets: &[Target]) -> Fewest {
        let seat = |target: u32| targets[target as usize].state.seat();
        let mut boards: Vec<&Arc<Board>> = Vec::new();
        let mut seated = |&target: &u32| {
            let Seat { board, place } = seat(target);
            let known = boards.iter().position(|known| Arc::ptr_eq(known, board));
            let number = known.unwrap_or_else(|| {
                boards.push(board);
                boards.len() - 1
            });
            (number, *place, target)
        };
        let mut order: Vec<(usize, u16, u32)> = eligible.iter().map(&mut seated).collect();
        order.sort_unstable();
        let targets: Vec<u32> = order.into_iter().map(|(_, _, target)| target).collect();
        Fewest { runs: runs(targets.iter().map(|&target| seat(target))), targets }
    }

    /// The next target. `last` is where the last one was chosen: who comes after it is asked first, so that equals take turns.
    /// Shards that choose at the same moment may choose the same one.
    pub(super) fn choose(&self, last: &AtomicU64) -> Option<u32> {
        let number = self.targets.len();
        let start = usize::try_from(last.load(Ordering::Relaxed).checked_rem(number as u64)?).ok()?;
        let mut lowest = None;
        self.search(start..number, &mut lowest);
        self.search(0..start, &mut lowest);
        let at = lowest?.number();
        last.store(at as u64 + 1, Ordering::Relaxed);
        self.targets.get(at).copied()
    }

    /// Looks at the targets of these numbers, stretch by stretch, until one without any request is known.
    fn search<'f>(&'f self, range: Range<usize>, lowest: &mut Option<Lowest<'f>>) {
        let mut first = range.start;
        let runs = self.runs.get(self.runs.partition_point(|run| run.numbers.end <= first)..).unwrap_or_default();
        for run in runs {
            for counts in run.counts(first..range.end).chunks(STRETCH) {
                if lowest.as_ref().is_some_and(|lowest| lowest.count == 0) {
                    return;
                }
                let count = least(counts);
                if lowest.as_ref().is_none_or(|lowest| count < lowest.count) {
                    *lowest = Some(Lowest { count, counts, first });
                }
                first += counts.len();
            }
        }
    }
}

fn runs<'s>(seats: impl Iterator<Item = &'s Seat>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, seat) in seats.enumerate() {
        match runs.last_mut() {
            Some(run) if run.goes_on_with(seat) => run.numbers.end += 1,
            _ => runs.push(Run::beginning_with(seat, number)),
        }
    }
    runs
}

impl Run {
    fn beginning_with(seat: &Seat, number: usize) -> Run {
        Run { board: Arc::clone(&seat.board), place: usize::from(seat.place), numbers: number..number + 1 }
    }

    fn goes_on_with(&self, seat: &Seat) -> bool {
        Arc::ptr_eq(&self.board, &seat.board) && self.place + self.numbers.len() == usize::from(seat.place)
    }

    /// The counts of those targets of the run whose numbers are in the range.
    fn counts(&self, range: Range<usize>) -> &[AtomicU32] {
        let from = range.start.max(self.numbers.start);
        let number = range.end.min(self.numbers.end).saturating_sub(from);
        let place = self.place + (from - self.numbers.start);
        self.board.counts().get(place..place + number).unwrap_or_default()
    }
}

impl Lowest<'_> {
    /// The number of the first that has it. Other shards may have changed it since: then it is somebody near.
    fn number(&self) -> usize {
        self.first + self.counts.iter().position(|it| count(it) <= self.count).unwrap_or_default()
    }
}

/// The lowest of some counts.
fn least(counts: &[AtomicU32]) -> u32 {
    match counts.try_into() {
        Ok(stretch) => least_of_stretch(stretch),
        Err(_) => counts.iter().map(count).fold(u32::MAX, u32::min),
    }
}

/// The lowest of a whole stretch: in four rows, none of which waits for another, and without a branch. The compiler takes
/// atomics one by one: a few instructions for each are as good as it gets.
fn least_of_stretch(counts: &[AtomicU32; STRETCH]) -> u32 {
    let at = |place: usize| count(&counts[place]);
    let row = |first: usize| at(first).min(at(first + 1)).min(at(first + 2)).min(at(first + 3));
    row(0).min(row(4)).min(row(8).min(row(12)))
}

fn count(count: &AtomicU32) -> u32 {
    count.load(Ordering::Relaxed)
}

impl fmt::Debug for Fewest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fewest").field("targets", &self.targets).finish_non_exhaustive()
    }
}
