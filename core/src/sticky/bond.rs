//! What a cookie says: to which group or target a client is bound, and since when.
//!
//! The texts, before they are sealed, are made so long that the value is 128 characters, as the real cookies are (`wire.md` C1).
//! Numbers are big-endian; what is not used is zero.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use super::keys::OVERHEAD;
use super::{CLOCK_SKEW, COOKIE_LIFE};
use crate::time::Wall;

/// The bytes of a sealed cookie that has 128 characters.
pub const SEALED: usize = 96;

/// A group, as cookies name it: a number that follows from its ARN, so that it is the same in every shard and after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupTag(pub u64);

impl GroupTag {
    /// The tag of the group with that ARN: FNV-1a, 64 bits. Not `Hasher`: the result must never change.
    pub fn of(arn: &str) -> Self {
        let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        GroupTag(arn.bytes().fold(0xcbf2_9ce4_8422_2325, step))
    }
}

/// A target, as cookies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its place in the group when the cookie was made: where to look first.
    pub place: u16,
}

/// What a client is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bond {
    /// When the cookie was made, in seconds since 1970.
    pub issued: u64,
    /// The group.
    pub group: GroupTag,
    /// The target; `None` in a cookie that only names a group.
    pub seat: Option<Seat>,
}

/// The bytes of a bond.
pub(super) const BOND: usize = 8 + 8 + 16 + 2 + 2;

const _: () = assert!(BOND <= SEALED - OVERHEAD, "a cookie has room for a bond");

impl Bond {
    /// Whether it still holds: it was made at most `duration` ago, and no later than now as far as clocks agree.
    pub fn holds(&self, now: Wall, duration: Duration) -> bool {
        let ahead = self.issued.saturating_sub(now.seconds());
        now.seconds().saturating_sub(self.issued) <= duration.as_secs() && ahead <= CLOCK_SKEW.as_secs()
    }

    /// Whether any duration could let it hold.
    pub fn lives(&self, now: Wall) -> bool {
        self.holds(now, COOKIE_LIFE)
    }

    /// As bytes.
    pub fn write(&self) -> [u8; BOND] {
        let mut bytes = [0; BOND];
        bytes[..8].copy_from_slice(&self.issued.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.group.0.to_be_bytes());
        if let Some(seat) = self.seat {
            let ip = match seat.address.ip() {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            bytes[16..32].copy_from_slice(&ip.octets());
            bytes[32..34].copy_from_slice(&seat.address.port().to_be_bytes());
            bytes[34..].copy_from_slice(&seat.place.to_be_bytes());
        }
        bytes
    }

    /// From the first bytes of a text. Port 0 is no target's.
    pub fn read(text: &[u8]) -> Option<Bond> {
        let (issued, rest) = text.split_first_chunk()?;
        let (group, rest) = rest.split_first_chunk()?;
        let (ip, rest) = rest.split_first_chunk::<16>()?;
        let (port, rest) = rest.split_first_chunk()?;
        let (place, _) = rest.split_first_chunk()?;
        let address = SocketAddr::new(Ipv6Addr::from(*ip).to_canonical(), u16::from_be_bytes(*port));
        let seat = Seat { address, place: u16::from_be_bytes(*place) };
        Some(Bond {
            issued: u64::from_be_bytes(*issued),
            group: GroupTag(u64::from_be_bytes(*group)),
            seat: (address.port() != 0).then_some(seat),
        })
    }
}

/// What an application cookie says, one bond per group that a client has a session with (guide L4855).
///
/// The first two bytes count them.
pub fn bonds(text: &[u8]) -> impl Iterator<Item = Bond> + '_ {
    let (count, rest) =
        text.split_first_chunk().map_or((0, &[][..]), |(count, rest)| (u16::from_be_bytes(*count), rest));
    rest.chunks_exact(BOND).take(count.into()).filter_map(Bond::read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bond(address: &str) -> Bond {
        let seat = Seat { address: address.parse().unwrap(), place: 3 };
        Bond { issued: 1_700_000_000, group: GroupTag::of("arn:a"), seat: Some(seat) }
    }

    #[test]
    fn what_is_written_is_read() {
        for address in ["10.0.0.1:80", "[2001:db8::1]:8443", "[::1]:1", "0.0.0.0:65535"] {
            assert_eq!(Bond::read(&bond(address).write()), Some(bond(address)));
        }
        let group_alone = Bond { seat: None, ..bond("10.0.0.1:80") };
        assert_eq!(Bond::read(&group_alone.write()), Some(group_alone));
    }

    #[test]
    fn too_short_a_text_says_nothing() {
        for len in 0..BOND {
            assert_eq!(Bond::read(&bond("10.0.0.1:80").write()[..len]), None);
        }
    }

    #[test]
    fn a_bond_holds_through_its_last_second() {
        let holds = |second: u64, duration| {
            bond("10.0.0.1:80").holds(Wall::from_micros(second * 1_000_000), Duration::from_secs(duration))
        };
        assert!(holds(1_700_000_000, 1) && holds(1_700_000_001, 1) && !holds(1_700_000_002, 1));
        assert!(holds(1_700_604_800, 604_800) && !holds(1_700_604_801, 604_800));
    }

    #[test]
    fn a_bond_from_the_future_holds_as_far_as_clocks_may_differ() {
        let holds = |second: u64| bond("10.0.0.1:80").holds(Wall::from_micros(second * 1_000_000), COOKIE_LIFE);
        assert!(holds(1_699_999_940) && !holds(1_699_999_939) && !holds(0));
    }

    #[test]
    fn tags_follow_from_the_arn_and_never_change() {
        assert_eq!(GroupTag::of("a").0, 0xaf63_dc4c_8601_ec8c);
        assert_ne!(GroupTag::of("arn:a"), GroupTag::of("arn:b"));
    }

    #[test]
    fn a_list_of_bonds_ends_where_it_says_or_where_the_bytes_end() {
        let mut text = vec![0, 2];
        for address in ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"] {
            text.extend_from_slice(&bond(address).write());
        }
        assert_eq!(bonds(&text).collect::<Vec<_>>(), [bond("10.0.0.1:1"), bond("10.0.0.1:2")]);
        assert_eq!(bonds(&text[..text.len() - 2 * BOND]).count(), 1);
        assert_eq!(bonds(&[9]).count() + bonds(&[]).count() + bonds(&[255, 255]).count(), 0);
    }
}
