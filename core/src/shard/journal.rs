//! Finished lines on their way to the files of the logs. Whole lines, in the order in which what they tell ended; past the
//! ceiling of a log its lines are dropped and counted, so that neither a request nor a handshake waits for a disk, and a
//! flood of one log's lines costs the other none.

use super::Shard;

/// Bytes of one log that may wait to be written.
const JOURNAL_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Log {
    /// A line per request (guide AL-01).
    Access,
    /// A line per connection attempt (guide CL-01).
    Connection,
}

impl Log {
    /// Every log.
    pub const ALL: [Log; 2] = [Log::Access, Log::Connection];
}

/// The lines of every log.
#[derive(Debug, Default)]
pub(crate) struct Journals {
    access: JournalState,
    connection: JournalState,
}

impl Journals {
    pub(crate) fn of(&self, log: Log) -> &JournalState {
        match log {
            Log::Access => &self.access,
            Log::Connection => &self.connection,
        }
    }

    pub(crate) fn of_mut(&mut self, log: Log) -> &mut JournalState {
        match log {
            Log::Access => &mut self.access,
            Log::Connection => &mut self.connection,
        }
    }

    /// Lines that were dropped, of all logs.
    pub(crate) fn dropped(&self) -> u64 {
        Log::ALL.into_iter().map(|log| self.of(log).dropped).sum()
    }
}

/// The lines of one log.
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
}

/// The journal of one log as the outside sees it.
pub struct Journal<'s> {
    state: &'s mut JournalState,
}

impl<'s> Journal<'s> {
    pub(crate) fn new(shard: &'s mut Shard, log: Log) -> Self {
        let state = shard.journals.of_mut(log);
        state.announced = false;
        Journal { state }
    }

    /// Whole lines, oldest first.
    pub fn pending(&self) -> &[u8] {
        &self.state.lines[self.state.written..]
    }

    /// The first `n` of those bytes have been taken.
    pub fn sent(&mut self, n: usize) {
        let journal = &mut *self.state;
        journal.written = (journal.written + n).min(journal.lines.len());
        if journal.written == journal.lines.len() {
            journal.lines.clear();
            journal.written = 0;
        }
    }

    /// Lines of this log that were dropped since the shard began, because nobody took them.
    pub fn dropped(&self) -> u64 {
        self.state.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::{JOURNAL_BYTES_MAX, Journals, Log};

    #[test]
    fn a_flood_of_one_logs_lines_costs_the_other_none() {
        let mut journals = Journals::default();
        let line = [b'x'; 1024];
        for _ in 0..JOURNAL_BYTES_MAX / line.len() + 3 {
            journals.of_mut(Log::Access).line(|out| out.extend_from_slice(&line));
        }
        assert!(journals.of_mut(Log::Connection).line(|out| out.extend_from_slice(b"kept\n")), "it is told of once");
        assert!(!journals.of_mut(Log::Connection).line(|out| out.extend_from_slice(b"too\n")));
        assert_eq!((journals.of(Log::Access).dropped, journals.of(Log::Connection).dropped), (3, 0));
        assert_eq!(journals.of(Log::Connection).lines, b"kept\ntoo\n");
        assert_eq!(journals.dropped(), 3);
    }
}
