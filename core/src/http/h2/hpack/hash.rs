//! A number for a name or a value, found with a look at its two ends: what is repeated is found with it, then compared
//! as a whole, and what another one only resembles costs no more than not to be found.

/// Odd, and such that no two names of the static table fall together in [`static_slot`].
const FACTOR: u64 = 0x4e95_0046_4fd9_dc35;

/// Slots of the static table's names.
pub(super) const STATIC_SLOTS: usize = 256;

/// Of a name, with a seed of zero, and of a field: of its value, with its name's hash for a seed. Depends on the length,
/// and on the first and the last eight octets.
#[inline]
pub(super) const fn hash(seed: u64, octets: &[u8]) -> u64 {
    let (first, last) = match (octets.first_chunk(), octets.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => short(octets),
    };
    let mixed = (seed ^ first ^ octets.len() as u64).wrapping_mul(FACTOR);
    (mixed.rotate_left(32) ^ last).wrapping_mul(FACTOR)
}

const fn short(octets: &[u8]) -> (u64, u64) {
    match (octets.first_chunk(), octets.last_chunk()) {
        (Some(first), Some(last)) => (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64),
        _ => match *octets {
            [] => (0, 0),
            [only] => (only as u64, 0),
            [first, .., last] => (first as u64, (octets[octets.len() / 2] as u64) << 8 | last as u64),
        },
    }
}

/// Whether two are the same; most are short, and then that is quicker than a call.
#[inline]
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let len = one.len();
    if len > 32 {
        one == other
    } else if len >= 8 {
        if len <= 16 { same_ends::<8>(one, other) } else { same_ends::<16>(one, other) }
    } else if len >= 4 {
        same_ends::<4>(one, other)
    } else if len >= 2 {
        same_ends::<2>(one, other)
    } else {
        one == other
    }
}

#[inline]
fn same_ends<const LEN: usize>(one: &[u8], other: &[u8]) -> bool {
    one.first_chunk::<LEN>() == other.first_chunk() && one.last_chunk::<LEN>() == other.last_chunk()
}

/// Where a name of that hash is among the static ones, if it is one.
#[inline]
pub(super) const fn static_slot(hash: u64) -> usize {
    (hash >> 56) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_means_equal_wherever_they_differ() {
        for len in 0..70 {
            let one: Vec<u8> = (0..len).collect();
            assert!(same(&one, &one.clone()));
            for at in 0..one.len() {
                let mut other = one.clone();
                other[at] ^= 0x80;
                assert!(!same(&one, &other), "{at} of {len}");
            }
            assert!(!same(&one, &[&one[..], &[0]].concat()));
        }
    }

    #[test]
    fn a_hash_depends_on_length_ends_and_seed() {
        let of = |text: &str| hash(0, text.as_bytes());
        let all = ["", "a", "b", "aa", "ab", "abc", "acc", "abcd", "abcde", "abcdefgh", "abcdefghi", "bbcdefghi"];
        for (at, one) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| of(other) != of(one)), "{one}");
            assert_ne!(of(one), hash(1, one.as_bytes()));
        }
    }
}
