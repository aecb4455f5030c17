//! What an encoder sent lately, by hash: a small memory that forgets, so that looking something up takes the same few
//! steps always. It may be wrong; what it finds is compared before it is used.

/// Pairs of slots. What falls on a pair drives out what is older there.
pub(super) struct Seen<const PAIRS: usize>([[Slot; 2]; PAIRS]);

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u32,
    place: u32,
}

/// What is known about a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing, or no more.
    New,
    /// It was noted with that place last.
    At(u32),
}

/// The place of what is in no table, but was sent. Lower than all others, so that it is driven out first.
pub(super) const NOWHERE: u32 = 0;

impl<const PAIRS: usize> Seen<PAIRS> {
    pub(super) const fn new() -> Seen<PAIRS> {
        Seen([[Slot { hash: 0, place: NOWHERE }; 2]; PAIRS])
    }

    #[inline]
    pub(super) fn look(&self, hash: u64) -> Sight {
        let [one, other] = &self.0[pair::<PAIRS>(hash)];
        let tag = tag(hash);
        if one.hash == tag {
            Sight::At(one.place)
        } else if other.hash == tag {
            Sight::At(other.place)
        } else {
            Sight::New
        }
    }

    /// Notes where that is which has this hash; places grow with time.
    pub(super) fn note(&mut self, hash: u64, place: u32) {
        *self.slot_for(hash) = Slot { hash: tag(hash), place };
    }

    /// Notes that it was sent, unless that would drive out what is known of an entry: `oldest` is the place of the
    /// oldest entry there is.
    pub(super) fn glimpse(&mut self, hash: u64, oldest: u32) {
        let slot = self.slot_for(hash);
        if slot.place < oldest {
            *slot = Slot { hash: tag(hash), place: NOWHERE };
        }
    }

    /// Its own, or the older one.
    fn slot_for(&mut self, hash: u64) -> &mut Slot {
        let [one, other] = &mut self.0[pair::<PAIRS>(hash)];
        let tag = tag(hash);
        if one.hash == tag || (other.hash != tag && one.place <= other.place) { one } else { other }
    }
}

/// The upper half; the pair is found by bits below it, and not by the lowest, which depend on few octets.
#[inline]
fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[inline]
fn pair<const PAIRS: usize>(hash: u64) -> usize {
    (hash >> 24) as usize % PAIRS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes that fall on one pair.
    const A: u64 = 1 << 32;
    const B: u64 = 2 << 32;
    const C: u64 = 3 << 32;

    #[test]
    fn two_share_a_pair_and_the_third_drives_out_the_older() {
        let mut seen = Seen::<4>::new();
        assert_eq!(seen.look(A), Sight::New);
        seen.note(A, 62);
        seen.note(B, 63);
        assert_eq!((seen.look(A), seen.look(B)), (Sight::At(62), Sight::At(63)));
        seen.note(A, 64);
        seen.note(C, 65);
        assert_eq!((seen.look(A), seen.look(B), seen.look(C)), (Sight::At(64), Sight::New, Sight::At(65)));
    }

    #[test]
    fn what_was_only_sent_drives_out_no_entry_that_is_there() {
        let mut seen = Seen::<4>::new();
        seen.note(A, 62);
        seen.note(B, 63);
        seen.glimpse(C, 62);
        assert_eq!((seen.look(A), seen.look(C)), (Sight::At(62), Sight::New));
        // Once the older is no more, it does.
        seen.glimpse(C, 63);
        assert_eq!((seen.look(A), seen.look(B), seen.look(C)), (Sight::New, Sight::At(63), Sight::At(NOWHERE)));
    }
}
