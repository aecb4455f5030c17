//! The dynamic table (RFC 7541 section 2.3.2): the fields that were sent lately, newest first, as many as fit.

use crate::http::h2::fields::OVERHEAD;

/// Entries in order, and their octets one behind the other. What was dropped stays in front until more than half of it
/// is that; so a table of any size takes at most about twice as much, and moves each octet once on average.
pub(super) struct Table {
    octets: Vec<u8>,
    /// Oldest first.
    entries: Vec<Entry>,
    /// How many of the entries were dropped.
    dropped: usize,
    /// As RFC 7541 section 4.1 counts it.
    size: usize,
    size_max: usize,
}

/// What a table has room for at first: the fields of an ordinary head.
const OCTETS_FIRST: usize = 1024;
const ENTRIES_FIRST: usize = 32;

/// Where an entry is among the octets: from `start` to `end`, its name up to `name_end`.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) start: u32,
    pub(super) name_end: u32,
    pub(super) end: u32,
}

impl Entry {
    fn move_by(&mut self, octets: u32) {
        self.start -= octets;
        self.name_end -= octets;
        self.end -= octets;
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    #[inline]
    pub(super) fn name_len(self) -> usize {
        (self.name_end - self.start) as usize
    }
}

impl Table {
    pub(super) const fn new(size_max: usize) -> Table {
        Table { octets: Vec::new(), entries: Vec::new(), dropped: 0, size: 0, size_max }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.dropped
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn size_max(&self) -> usize {
        self.size_max
    }

    pub(super) fn memory(&self) -> usize {
        self.octets.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Where the entry is; 0 is the newest.
    #[inline]
    pub(super) fn entry(&self, index: usize) -> Option<Entry> {
        let live = self.entries.get(self.dropped..)?;
        live.get(live.len().wrapping_sub(index + 1)).copied()
    }

    /// The octets of an entry, or of several that follow each other.
    #[inline]
    pub(super) fn octets(&self, start: u32, end: u32) -> &[u8] {
        self.octets.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Name and value in one piece, and the length of the name; 0 is the newest.
    #[inline]
    pub(super) fn field(&self, index: usize) -> Option<(&[u8], usize)> {
        let entry = self.entry(index)?;
        Some((self.octets(entry.start, entry.end), entry.name_len()))
    }

    /// Makes room for that size, and never takes more from now on.
    pub(super) fn resize(&mut self, size_max: usize) {
        self.size_max = size_max;
        self.drop_to(size_max);
    }

    /// Adds a field in front; the oldest go until it fits. One that is larger than the table empties it, and is not
    /// there afterwards (RFC 7541 section 4.4).
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        let len = name.len() + value.len();
        let Some(left) = self.size_max.checked_sub(len + OVERHEAD) else { return self.drop_to(0) };
        self.drop_to(left);
        if self.octets.len() + len > self.octets.capacity() || self.entries.len() == self.entries.capacity() {
            self.make_room();
        }
        let start = self.octets.len() as u32;
        self.entries.push(Entry { start, name_end: start + name.len() as u32, end: start + len as u32 });
        self.octets.extend_from_slice(name);
        self.octets.extend_from_slice(value);
        self.size += len + OVERHEAD;
    }

    #[inline]
    fn drop_to(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.entries.get(self.dropped) else { break };
            self.size -= oldest.len() + OVERHEAD;
            self.dropped += 1;
        }
    }

    /// Instead of growing, forgets what was dropped if that is half of all.
    #[cold]
    fn make_room(&mut self) {
        if self.octets.capacity() == 0 {
            self.octets.reserve_exact(OCTETS_FIRST.min(self.size_max));
            self.entries.reserve_exact(ENTRIES_FIRST.min(self.size_max / OVERHEAD));
            return;
        }
        let start = self.entries.get(self.dropped).map_or(self.octets.len(), |oldest| oldest.start as usize);
        if 2 * start >= self.octets.len() || 2 * self.dropped >= self.entries.len() {
            self.octets.drain(..start);
            self.entries.drain(..self.dropped);
            self.entries.iter_mut().for_each(|entry| entry.move_by(start as u32));
            self.dropped = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A table as RFC 7541 section 4 describes it, without regard to cost.
    struct Plain(VecDeque<(Vec<u8>, Vec<u8>)>, usize);

    impl Plain {
        fn size(&self) -> usize {
            self.0.iter().map(|(name, value)| name.len() + value.len() + OVERHEAD).sum()
        }

        fn drop_to(&mut self, size: usize) {
            while self.size() > size {
                self.0.pop_back();
            }
        }

        fn insert(&mut self, name: &[u8], value: &[u8]) {
            let Some(left) = self.1.checked_sub(name.len() + value.len() + OVERHEAD) else { return self.0.clear() };
            self.drop_to(left);
            self.0.push_front((name.to_vec(), value.to_vec()));
        }
    }

    #[test]
    fn it_holds_what_a_plain_one_holds_in_no_more_memory_than_it_may() {
        let mut random = fastrand::Rng::with_seed(7541);
        for round in 0..24 {
            let size_max = [0, 31, 32, 100, 4096, 65_536][round % 6];
            let (mut table, mut plain) = (Table::new(size_max), Plain(VecDeque::new(), size_max));
            for step in 0..400 {
                if random.usize(..50) == 0 {
                    let size = random.usize(..=size_max);
                    table.resize(size);
                    plain.1 = size;
                    plain.drop_to(size);
                }
                let longest = [1, 20, 100, 5000][random.usize(..4)];
                let name = vec![step as u8; random.usize(..longest)];
                let value = vec![!step as u8; random.usize(..longest)];
                table.insert(&name, &value);
                plain.insert(&name, &value);
                assert_eq!((table.size(), table.len()), (plain.size(), plain.0.len()));
                let some = random.usize(1..=20);
                for (index, (name, value)) in plain.0.iter().enumerate().skip(some % 3).step_by(some) {
                    assert_eq!(table.field(index), Some((&[&name[..], value].concat()[..], name.len())));
                }
                assert_eq!(table.field(plain.0.len()), None);
                assert!(table.memory() <= 4 * size_max + 400, "{} of {size_max}", table.memory());
            }
        }
    }
}
