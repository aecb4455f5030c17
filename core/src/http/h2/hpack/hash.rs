//! A number for a name or a value, found with a look at its two ends: what is repeated is found with it, then compared
//! as a whole, and what another one only resembles costs no more than not to be found.

/// Odd, and such that no two names of the static table fall together in [`static_slot`].
const FACTOR: u64 = 0x4e95_0046_4fd9_dc35;

/// Slots of the static table's names.
pub(super) const STATIC_SLOTS: usize = 256;

/// Depends on the length, and on the first and the last eight octets.
#[inline]
pub(super) const fn hash(octets: &[u8]) -> u64 {
    let (first, last) = match (octets.first_chunk(), octets.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => short(octets),
    };
    let mixed = (first ^ octets.len() as u64).wrapping_mul(FACTOR);
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

/// Of a name's hash and a value's, that of the field.
#[inline]
pub(super) const fn both(name: u64, value: u64) -> u64 {
    (name.rotate_left(29) ^ value).wrapping_mul(FACTOR)
}

/// Where a name of that hash is among the static ones, if it is one.
#[inline]
pub(super) const fn static_slot(hash: u64) -> usize {
    (hash >> 56) as usize
}
