//! The dynamic table (RFC 7541 section 2.3.2): the fields that were sent lately, newest first, as many as fit.

use std::collections::VecDeque;

use crate::http::h2::fields::OVERHEAD;

/// Entries in order, and their octets one behind the other in one buffer, which is at most about twice the size of the
/// table: what was dropped is moved away when it is half of the buffer.
pub(super) struct Table {
    bytes: Vec<u8>,
    /// The position of the first byte among all that were ever there, modulo 2^32.
    base: u32,
    /// Oldest first.
    entries: VecDeque<Entry>,
    /// As RFC 7541 section 4.1 counts it.
    size: usize,
    size_max: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    start: u32,
    name: u32,
    len: u32,
}

impl Table {
    pub(super) fn new(size_max: usize) -> Table {
        Table { bytes: Vec::new(), base: 0, entries: VecDeque::new(), size: 0, size_max }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    pub(super) fn size_max(&self) -> usize {
        self.size_max
    }

    /// Name and value in one piece, and the length of the name; 0 is the newest.
    #[inline]
    pub(super) fn entry(&self, index: usize) -> Option<(&[u8], usize)> {
        let at = self.entries.len().checked_sub(index + 1)?;
        let Entry { start, name, len } = *self.entries.get(at)?;
        let start = start.wrapping_sub(self.base) as usize;
        Some((&self.bytes[start..start + len as usize], name as usize))
    }

    /// Makes room for that size, and never takes more from now on.
    pub(super) fn resize(&mut self, size_max: usize) {
        self.size_max = size_max;
        self.evict_to(size_max);
    }

    /// Adds a field in front; the oldest go until it fits. One that is larger than the table empties it, and is not
    /// there afterwards (RFC 7541 section 4.4).
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        let len = name.len() + value.len();
        let Some(left) = self.size_max.checked_sub(len + OVERHEAD) else {
            self.evict_to(0);
            return;
        };
        self.evict_to(left);
        self.make_room(len);
        let start = self.base.wrapping_add(self.bytes.len() as u32);
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        self.entries.push_back(Entry { start, name: name.len() as u32, len: len as u32 });
        self.size += len + OVERHEAD;
    }

    fn evict_to(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.size -= oldest.len as usize + OVERHEAD;
        }
    }

    /// Moves what is there to the front before the buffer would grow, if that gains as much as it moves.
    fn make_room(&mut self, len: usize) {
        if self.bytes.len() + len <= self.bytes.capacity() {
            return;
        }
        let live = self.size - self.entries.len() * OVERHEAD;
        let dead = self.bytes.len() - live;
        if dead >= live {
            self.bytes.copy_within(dead.., 0);
            self.bytes.truncate(live);
            self.base = self.base.wrapping_add(dead as u32);
        }
    }
}
