//! Requests in progress, counted for each target in a place of its own on a board of its group. Boards keep the counts of
//! many targets side by side, so that the lowest of a thousand is found in a few cache lines.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts on one board: more than a group may have targets (guide QUO-05), so that most groups never need another.
pub(crate) const SEATS: usize = 1024;

/// Counts side by side.
pub(crate) struct Board {
    counts: Box<[AtomicU32; SEATS]>,
    taken: Box<[AtomicBool; SEATS]>,
}

/// A target's place on a board; free again once nobody refers to the target any more.
pub(crate) struct Seat {
    pub(crate) board: Arc<Board>,
    pub(crate) place: u16,
}

/// The boards of a group.
#[derive(Default)]
pub(crate) struct Boards(Mutex<Vec<Arc<Board>>>);

impl Board {
    fn new() -> Self {
        Board {
            counts: Box::new([const { AtomicU32::new(0) }; SEATS]),
            taken: Box::new([const { AtomicBool::new(false) }; SEATS]),
        }
    }

    /// All counts, by place.
    pub(crate) fn counts(&self) -> &[AtomicU32; SEATS] {
        &self.counts
    }

    fn sit(self: &Arc<Self>) -> Option<Seat> {
        let free =
            |taken: &AtomicBool| taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok();
        let place = self.taken.iter().position(free)?;
        Some(Seat { board: Arc::clone(self), place: u16::try_from(place).ok()? })
    }
}

impl Boards {
    /// A place for another target. Called when a configuration is read, never for a request.
    pub(crate) fn seat(&self) -> Seat {
        let mut boards = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(seat) = boards.iter().find_map(Board::sit) {
                return seat;
            }
            boards.push(Arc::new(Board::new()));
        }
    }
}

impl Seat {
    pub(crate) fn count(&self) -> &AtomicU32 {
        &self.board.counts[usize::from(self.place) % SEATS]
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.board.taken[usize::from(self.place) % SEATS].store(false, Ordering::Release);
    }
}
