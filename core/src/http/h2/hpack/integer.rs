//! Integers as HPACK writes them (RFC 7541 section 5.1): in the low bits of an octet that means something else above
//! them, and if they do not fit, seven bits an octet behind it, the least significant first.

use super::Why;

/// Octets behind the first. What four of them hold is more than any length or index can be here (2^28 octets), so an
/// integer that is longer, or has more zeros in front of it, is meant to harm.
const OCTETS_MAX: usize = 4;

/// The integer whose first octet is `first`, with `bits` bits of it, and what follows it in `rest`.
#[inline]
pub(super) fn read(first: u8, bits: u32, rest: &[u8]) -> Result<(usize, &[u8]), Why> {
    let mask = (1 << bits) - 1;
    let value = usize::from(first) & mask;
    if value < mask { Ok((value, rest)) } else { read_more(mask, rest) }
}

fn read_more(mut value: usize, rest: &[u8]) -> Result<(usize, &[u8]), Why> {
    for (at, &octet) in rest.iter().take(OCTETS_MAX).enumerate() {
        value += usize::from(octet & 0x7f) << (7 * at);
        if octet < 0x80 {
            return Ok((value, &rest[at + 1..]));
        }
    }
    Err(if rest.len() < OCTETS_MAX { Why::Truncated } else { Why::IntegerTooLarge })
}

/// Writes `value` with `bits` bits of the first octet, whose others are those of `pattern`.
#[inline]
pub(super) fn write(pattern: u8, bits: u32, value: usize, out: &mut Vec<u8>) {
    let mask = (1 << bits) - 1;
    if value < mask { out.push(pattern | value as u8) } else { write_more(pattern, mask, value, out) }
}

fn write_more(pattern: u8, mask: usize, value: usize, out: &mut Vec<u8>) {
    out.push(pattern | mask as u8);
    let mut left = value - mask;
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(bits: u32, value: usize) -> Vec<u8> {
        let mut out = Vec::new();
        write(0, bits, value, &mut out);
        out
    }

    #[test]
    fn the_examples_of_appendix_c_1() {
        assert_eq!(written(5, 10), [10]);
        assert_eq!(written(5, 1337), [31, 154, 10]);
        assert_eq!(written(8, 42), [42]);
    }

    #[test]
    fn what_is_written_is_read_on_both_sides_of_each_length() {
        for bits in 4..8 {
            let mask = (1 << bits) - 1;
            let edges = [0, mask, mask + 0x80, mask + 0x4000, mask + 0x20_0000, mask + 0x0fff_ffff];
            for value in edges.iter().flat_map(|edge: &usize| [edge.saturating_sub(1), *edge, edge + 1]) {
                let octets = written(bits, value);
                let result = read(octets[0], bits, &octets[1..]);
                if value > mask + 0x0fff_ffff {
                    assert_eq!(result, Err(Why::IntegerTooLarge));
                    continue;
                }
                assert_eq!(result, Ok((value, &[][..])), "{value} in {bits} bits");
                let more = [&octets[1..], &[7]].concat();
                assert_eq!(read(octets[0], bits, &more), Ok((value, &[7][..])));
                if octets.len() > 1 {
                    assert_eq!(read(octets[0], bits, &octets[1..octets.len() - 1]), Err(Why::Truncated));
                }
            }
        }
    }

    #[test]
    fn four_octets_that_all_go_on_are_too_many_and_three_are_not_all() {
        assert_eq!(read(0x7f, 7, &[0x80; 4]), Err(Why::IntegerTooLarge));
        assert_eq!(read(0x7f, 7, &[0x80; 3]), Err(Why::Truncated));
    }

    #[test]
    fn what_is_above_the_prefix_is_not_read() {
        assert_eq!(read(0b1110_1010, 5, &[]), Ok((10, &[][..])));
        let mut out = Vec::new();
        write(0b0110_0000, 5, 10, &mut out);
        assert_eq!(out, [0b0110_1010]);
    }
}
