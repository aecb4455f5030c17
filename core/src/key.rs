//! Ids that cannot be stale: a slot number and the generation of its tenant. A key outlives what it named
//! without harm, since the slot's next tenant has another generation.

use core::fmt;

/// Names one tenant of a slab.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key {
    slot: u32,
    generation: u32,
}

impl Key {
    /// A small dense number, reused after the tenant has gone; good for side tables.
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot, self.generation)
    }
}

/// Names a connection within its shard; harmless when stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireId(pub(crate) Key);

impl WireId {
    /// A small dense number for side tables; reused once the wire is gone.
    pub const fn slot(self) -> usize {
        self.0.slot()
    }
}

/// Tenants in numbered slots; freed slots are used again, latest first.
pub(crate) struct Slab<T> {
    entries: Vec<Entry<T>>,
    vacant: Vec<u32>,
}

struct Entry<T> {
    generation: u32,
    tenant: Option<T>,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Slab { entries: Vec::new(), vacant: Vec::new() }
    }

    /// How many tenants there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.vacant.len()
    }

    pub(crate) fn insert(&mut self, tenant: T) -> Key {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(Entry { generation: 0, tenant: None });
            u32::try_from(self.entries.len() - 1).expect("fewer than four billion slots")
        });
        let entry = &mut self.entries[slot as usize];
        entry.tenant = Some(tenant);
        Key { slot, generation: entry.generation }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.entries.get_mut(key.slot())?;
        if entry.generation != key.generation {
            return None;
        }
        let tenant = entry.tenant.take()?;
        entry.generation = entry.generation.wrapping_add(1);
        self.vacant.push(key.slot);
        Some(tenant)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let entry = self.entries.get(key.slot())?;
        if entry.generation == key.generation { entry.tenant.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.entries.get_mut(key.slot())?;
        if entry.generation == key.generation { entry.tenant.as_mut() } else { None }
    }

    /// Two different tenants at once; `None` for those that are gone. The same key twice yields nothing.
    pub(crate) fn pair_mut(&mut self, a: Key, b: Key) -> (Option<&mut T>, Option<&mut T>) {
        if a.slot() == b.slot() {
            return (self.get_mut(a), None);
        }
        // Slots are never taken away, so both exist.
        match self.entries.get_disjoint_mut([a.slot(), b.slot()]) {
            Ok([x, y]) => (tenant_of(x, a.generation), tenant_of(y, b.generation)),
            Err(_) => (None, None),
        }
    }

    /// Every tenant's key, in slot order.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let occupied = self.entries.iter().enumerate().filter(|(_, entry)| entry.tenant.is_some());
        occupied.map(|(slot, entry)| Key { slot: slot as u32, generation: entry.generation }).collect()
    }
}

fn tenant_of<T>(entry: &mut Entry<T>, generation: u32) -> Option<&mut T> {
    if entry.generation == generation { entry.tenant.as_mut() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_finds_nothing_after_its_slot_was_reused() {
        let mut slab = Slab::new();
        let first = slab.insert('a');
        assert_eq!(slab.remove(first), Some('a'));
        let second = slab.insert('b');
        assert_eq!(first.slot(), second.slot());
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&'b'));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn a_pair_is_lent_only_when_both_are_there_and_different() {
        let mut slab = Slab::new();
        let (a, b) = (slab.insert(1), slab.insert(2));
        assert_eq!(slab.pair_mut(a, b), (Some(&mut 1), Some(&mut 2)));
        assert_eq!(slab.pair_mut(a, a), (Some(&mut 1), None));
        slab.remove(b);
        assert_eq!(slab.pair_mut(a, b), (Some(&mut 1), None));
    }
}
