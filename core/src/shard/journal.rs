//! Finished lines on their way to a file. Whole lines, in the order requests ended; past the ceiling lines are dropped
//! and counted, so that a request never waits for a disk.

use super::Shard;

/// Bytes that may wait to be written.
const JOURNAL_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct JournalState {
    lines: Vec<u8>,
    written: usize,
    announced: bool,
    dropped: u64,
}

impl JournalState {
    /// Appends what `write` writes as one line. `true` if the outside has to be told.
    pub(crate) fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        if self.lines.len() - self.written >= JOURNAL_BYTES_MAX {
            self.dropped += 1;
            return false;
        }
        write(&mut self.lines);
        !core::mem::replace(&mut self.announced, true)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// The journal as the outside sees it.
pub struct Journal<'s> {
    shard: &'s mut Shard,
}

impl<'s> Journal<'s> {
    pub(crate) fn new(shard: &'s mut Shard) -> Self {
        shard.journal.announced = false;
        Journal { shard }
    }

    /// Whole lines, oldest first.
    pub fn pending(&self) -> &[u8] {
        &self.shard.journal.lines[self.shard.journal.written..]
    }

    /// The first `n` of those bytes have been taken.
    pub fn sent(&mut self, n: usize) {
        let journal = &mut self.shard.journal;
        journal.written = (journal.written + n).min(journal.lines.len());
        if journal.written == journal.lines.len() {
            journal.lines.clear();
            journal.written = 0;
        }
    }

    /// Lines that were dropped since the shard began, because nobody took them.
    pub fn dropped(&self) -> u64 {
        self.shard.journal.dropped()
    }
}
