//! Seals and opens the contents of cookies: AES-256-GCM-SIV under a key that changes every day (guide STK-10).
//!
//! ```text
//!   byte 0       1 .. 13      13 .. n-16           n-16 .. n
//!   key number   nonce        the text, encrypted  tag
//!   (low byte)
//! ```
//!
//! The key number and the [`Kind`] are authenticated with the text. The newest key seals. A cookie lives for seven days, so it
//! may come back under any of the last eight keys, and under the next one from a node whose clock is a little ahead.

use core::time::Duration;

use aes_gcm_siv::aead::inout::InOutBuf;
use aes_gcm_siv::{AeadInOut, Aes256GcmSiv, KeyInit};

use super::{CLOCK_SKEW, COOKIE_LIFE, Secret};
use crate::time::Wall;

/// How long a key seals.
pub const PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// Keys that open: as many as the life of a cookie touches.
const OPENING: u64 = COOKIE_LIFE.as_secs() / PERIOD.as_secs() + 1;

/// Those, and that of a clock that is ahead: all have a place of their own, so that nobody can have keys made again and again.
const PLACES: usize = OPENING as usize + 1;

const NONCE: usize = 12;
const TAG: usize = 16;

/// By how much sealing makes a text longer, in bytes.
pub const OVERHEAD: usize = 1 + NONCE + TAG;

/// Which cookie it is; authenticated, so that none passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `AWSALB` and `AWSALBCORS`, which have the same value.
    Target,
    /// `AWSALBTG` and `AWSALBTGCORS`.
    Group,
    /// `AWSALBAPP-0` and those that follow.
    Application,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Kind::Target => 1,
            Kind::Group => 2,
            Kind::Application => 3,
        }
    }
}

/// The keys made from a secret, each when it is first needed.
pub struct Keys {
    secret: Secret,
    made: [Option<Box<(u64, Aes256GcmSiv)>>; PLACES],
}

impl core::fmt::Debug for Keys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// The keys of that secret.
    pub fn new(secret: Secret) -> Self {
        Keys { secret, made: [const { None }; PLACES] }
    }

    /// Seals in place: `room` begins with 13 bytes and ends with 16 that are overwritten; the text is between them.
    pub fn seal(&mut self, kind: Kind, now: Wall, nonce: [u8; NONCE], room: &mut [u8]) {
        let number = period(now);
        let Some((number_byte, nonce_room, text, tag_room)) = parts(room) else { return };
        *number_byte = number as u8;
        nonce_room.copy_from_slice(&nonce);
        let associated = [kind.byte(), *number_byte];
        let sealed = self.key(number).encrypt_inout_detached(&nonce.into(), &associated, InOutBuf::from(text));
        // It fails only for more than 64 GiB.
        debug_assert!(sealed.is_ok(), "a cookie can always be sealed");
        if let Ok(tag) = sealed {
            tag_room.copy_from_slice(&tag);
        }
    }

    /// Opens in place; what was sealed, if it was sealed with one of our keys as that kind and nothing was changed.
    pub fn open<'r>(&mut self, kind: Kind, now: Wall, room: &'r mut [u8]) -> Option<&'r [u8]> {
        let (number_byte, nonce, text, tag) = parts(room)?;
        let number = opening(*number_byte, now)?;
        let associated = [kind.byte(), *number_byte];
        let (nonce, tag): (&[u8; NONCE], &[u8; TAG]) = (&*nonce, &*tag);
        let buffer = InOutBuf::from(&mut *text);
        self.key(number).decrypt_inout_detached(nonce.into(), &associated, buffer, tag.into()).ok()?;
        Some(text)
    }

    fn key(&mut self, number: u64) -> &Aes256GcmSiv {
        let Keys { secret, made } = self;
        let make = || (number, Aes256GcmSiv::new(&secret.key(number).into()));
        let place = &mut made[(number % PLACES as u64) as usize];
        let held = place.get_or_insert_with(|| Box::new(make()));
        if held.0 != number {
            **held = make();
        }
        &held.1
    }
}

/// The text in a room where it was opened.
pub fn text(room: &[u8]) -> &[u8] {
    room.get(OVERHEAD - TAG..room.len().saturating_sub(TAG)).unwrap_or_default()
}

/// The number of the key that seals at that moment.
fn period(now: Wall) -> u64 {
    now.seconds() / PERIOD.as_secs()
}

/// The number of the key with that low byte, if it may open at that moment.
fn opening(low: u8, now: Wall) -> Option<u64> {
    let newest = period(Wall::from_micros(now.micros().saturating_add(CLOCK_SKEW.as_secs() * 1_000_000)));
    let age = (newest as u8).wrapping_sub(low);
    let number = newest.checked_sub(age.into())?;
    (number + OPENING > period(now)).then_some(number)
}

type Parts<'r> = (&'r mut u8, &'r mut [u8; NONCE], &'r mut [u8], &'r mut [u8; TAG]);

fn parts(room: &mut [u8]) -> Option<Parts<'_>> {
    let (number, rest) = room.split_first_mut()?;
    let (nonce, rest) = rest.split_first_chunk_mut()?;
    let (text, tag) = rest.split_last_chunk_mut()?;
    Some((number, nonce, text, tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    /// The first second of a day.
    const START: u64 = 20_000 * DAY;

    fn at(second: u64) -> Wall {
        Wall::from_micros(second * 1_000_000)
    }

    fn keys() -> Keys {
        Keys::new(Secret::new([9; 32]))
    }

    fn sealed(keys: &mut Keys, kind: Kind, second: u64) -> Vec<u8> {
        let mut room = vec![0; 13];
        room.extend_from_slice(b"what it says");
        room.extend_from_slice(&[0; 16]);
        keys.seal(kind, at(second), [5; 12], &mut room);
        room
    }

    fn opens(keys: &mut Keys, kind: Kind, second: u64, room: &[u8]) -> bool {
        let mut room = room.to_vec();
        let text = keys.open(kind, at(second), &mut room);
        assert!(text.is_none_or(|text| text == b"what it says"));
        text.is_some()
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_secret_only() {
        let room = sealed(&mut keys(), Kind::Target, START);
        assert!(!room.windows(4).any(|part| part == b"what"));
        assert!(opens(&mut keys(), Kind::Target, START, &room));
        assert!(!opens(&mut Keys::new(Secret::new([8; 32])), Kind::Target, START, &room));
    }

    #[test]
    fn a_kind_does_not_open_as_another() {
        let kinds = [Kind::Target, Kind::Group, Kind::Application];
        for kind in kinds {
            let room = sealed(&mut keys(), kind, START);
            for other in kinds {
                assert_eq!(opens(&mut keys(), other, START, &room), kind == other);
            }
        }
    }

    #[test]
    fn no_bit_may_change_and_no_byte_be_missing() {
        let mut keys = keys();
        let room = sealed(&mut keys, Kind::Target, START);
        for bit in 0..room.len() * 8 {
            let mut changed = room.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!opens(&mut keys, Kind::Target, START, &changed), "bit {bit}");
        }
        for len in 0..room.len() {
            assert!(!opens(&mut keys, Kind::Target, START, &room[..len]), "{len} bytes");
        }
        let mut longer = room.clone();
        longer.push(0);
        assert!(!opens(&mut keys, Kind::Target, START, &longer));
    }

    #[test]
    fn a_key_seals_for_a_day_and_opens_for_as_long_as_cookies_live() {
        let mut keys = keys();
        let room = sealed(&mut keys, Kind::Target, START);
        assert_eq!(room[0], 20_000_u64 as u8);
        assert_eq!(sealed(&mut keys, Kind::Target, START + DAY - 1)[0], room[0]);
        assert_eq!(sealed(&mut keys, Kind::Target, START + DAY)[0], room[0] + 1);
        for age in 0..=7 {
            assert!(opens(&mut keys, Kind::Target, START + age * DAY, &room), "{age} days");
        }
        assert!(opens(&mut keys, Kind::Target, START + 8 * DAY - 1, &room));
        for age in [8, 9, 255, 256, 257] {
            assert!(!opens(&mut keys, Kind::Target, START + age * DAY, &room), "{age} days");
        }
    }

    #[test]
    fn a_clock_that_is_a_minute_ahead_is_forgiven() {
        let mut keys = keys();
        let room = sealed(&mut keys, Kind::Target, START);
        assert!(opens(&mut keys, Kind::Target, START - 60, &room));
        assert!(!opens(&mut keys, Kind::Target, START - 61, &room));
        assert!(!opens(&mut keys, Kind::Target, 0, &room));
    }

    #[test]
    fn every_key_that_may_open_has_a_place_of_its_own() {
        let mut keys = keys();
        let end_of_day = START + 8 * DAY - 1;
        for day in 0..=8 {
            let room = sealed(&mut keys, Kind::Target, START + day * DAY);
            assert!(opens(&mut keys, Kind::Target, end_of_day, &room), "day {day}");
        }
        let made = |keys: &Keys| keys.made.iter().flatten().map(|made| made.0).collect::<Vec<_>>();
        assert_eq!(made(&keys).len(), PLACES);
    }
}
