//! Least outstanding requests (guide ALG-03): the target with the fewest requests in progress in all shards. Equals take
//! turns. The counts of a group lie side by side on its [`Board`]s, so that looking at all of them is a walk through a few
//! cache lines; it ends early at a target that has none.

use core::fmt;
use core::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

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

/// The stretch with the lowest count so far.
struct Lowest<'f> {
    count: u32,
    counts: &'f Counts,
    places: &'f [u16],
    /// The number of its first target.
    first: usize,
}

type Counts = [AtomicU32; SEATS];

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
        let mut lowest = None;
        self.search(start..number, &mut lowest);
        self.search(0..start, &mut lowest);
        let at = lowest?.place();
        last.store(at as u64 + 1, Ordering::Relaxed);
        self.targets.get(at).copied()
    }

    /// Looks at those of these numbers, unless one without any request is known.
    fn search<'f>(&'f self, range: Range<usize>, lowest: &mut Option<Lowest<'f>>) {
        let mut from = range.start;
        for (board, end) in &self.boards {
            let end = range.end.min(*end);
            if from < end {
                let counts = board.counts();
                for places in self.places[from..end].chunks(STRETCH) {
                    if lowest.as_ref().is_some_and(|lowest| lowest.count == 0) {
                        return;
                    }
                    let count = least(counts, places);
                    if lowest.as_ref().is_none_or(|lowest| count < lowest.count) {
                        *lowest = Some(Lowest { count, counts, places, first: from });
                    }
                    from += places.len();
                }
            }
        }
    }
}

impl Lowest<'_> {
    /// The number of the first that has it. Other shards may have changed it since: then it is somebody near.
    fn place(&self) -> usize {
        let has_it = |&place: &u16| count(self.counts, place) <= self.count;
        self.first + self.places.iter().position(has_it).unwrap_or_default()
    }
}

/// The lowest of the counts at those places.
fn least(counts: &Counts, places: &[u16]) -> u32 {
    match places.try_into() {
        Ok(whole) => least_of_all(counts, whole),
        Err(_) => places.iter().map(|&place| count(counts, place)).fold(u32::MAX, u32::min),
    }
}

/// The lowest of a whole stretch: in four rows, none of which waits for another, and without a branch. Counts are atomics, which
/// the compiler takes one by one, so that this is as good as it gets.
fn least_of_all(counts: &Counts, places: &[u16; STRETCH]) -> u32 {
    let at = |number: usize| count(counts, places[number]);
    let row = |first: usize| at(first).min(at(first + 1)).min(at(first + 2)).min(at(first + 3));
    row(0).min(row(4)).min(row(8).min(row(12)))
}

fn count(counts: &Counts, place: u16) -> u32 {
    counts[usize::from(place) % SEATS].load(Ordering::Relaxed)
}

impl fmt::Debug for Fewest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fewest").field("targets", &self.targets).finish_non_exhaustive()
    }
}
