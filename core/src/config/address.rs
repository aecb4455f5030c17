//! Which addresses a target may have (guide TG-05), and which addresses reach the balancer itself (TG-07).

#![cfg_attr(not(feature = "template"), allow(dead_code, reason = "the template reader alone needs all of it"))]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a target may have this address without the operator saying so (guide TG-05): 10/8, 172.16/12,
/// 192.168/16 and 100.64/10 as in the guide; beyond it loopback, IPv4 link-local and IPv6 unique-local
/// addresses, so that a load balancer can be tried out on one machine.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local() || is_shared(v4),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

/// 100.64.0.0/10, the space that carriers share (RFC 6598).
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0b1100_0000 == 64
}

/// Whether something can listen there at all: not unspecified, multicast or broadcast.
pub(crate) fn is_unicast(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4 != Ipv4Addr::UNSPECIFIED && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => v6 != Ipv6Addr::UNSPECIFIED && !v6.is_multicast(),
    }
}

/// Whether a connection to `target` arrives at a listener bound to `bind`: the same address, or the listener
/// takes every address and the target is this machine.
pub(super) fn reaches(bind: IpAddr, target: IpAddr) -> bool {
    let (bind, target) = (bind.to_canonical(), target.to_canonical());
    let local = target.is_loopback() || target.is_unspecified();
    bind == target || (bind.is_unspecified() && local) || (target.is_unspecified() && bind.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn private_ranges_are_private_up_to_both_of_their_edges() {
        for inside in [
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.1",
            "::1",
            "fc00::1",
            "fdff:ffff::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_private(ip(inside)), "{inside}");
        }
        for outside in [
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "::2",
            "fbff::1",
            "fe00::1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "0.0.0.0",
        ] {
            assert!(!is_private(ip(outside)), "{outside}");
        }
    }

    #[test]
    fn a_listener_is_reached_by_its_own_address_and_an_open_one_by_this_machines() {
        assert!(reaches(ip("127.0.0.1"), ip("127.0.0.1")));
        assert!(reaches(ip("0.0.0.0"), ip("127.0.0.2")));
        assert!(reaches(ip("::"), ip("127.0.0.1")));
        assert!(reaches(ip("127.0.0.1"), ip("0.0.0.0")));
        assert!(reaches(ip("10.0.0.1"), ip("::ffff:10.0.0.1")));
        assert!(!reaches(ip("127.0.0.1"), ip("127.0.0.2")));
        assert!(!reaches(ip("0.0.0.0"), ip("10.0.0.1")));
        assert!(!reaches(ip("10.0.0.1"), ip("10.0.0.2")));
    }
}
