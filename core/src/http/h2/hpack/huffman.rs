//! The Huffman code of HPACK's strings (RFC 7541 section 5.2, Appendix B).
//!
//! The code is canonical: shorter codes come first, those of one length follow each other in the order of their octets.
//! So the length of each octet's code is all there is to know; codes and tables are computed from it by the compiler.

use super::Why;
use crate::http::h2::fields::FieldList;

/// Bits of the code of each octet, and last that of EOS, which no string may contain.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

const EOS: usize = 256;

/// The longest code, that of EOS.
const BITS_MAX: u32 = 30;

/// The shortest codes: a string is at most 8/5 of its encoding.
const BITS_MIN: usize = 5;

/// Codes up to that length are found by their first bits at once; there are none of nine bits.
const SHORT_BITS: u32 = 8;

/// Lengths in which there are codes longer than [`SHORT_BITS`]: 10 to 15, 19 to 28 and 30.
const LONG_LENGTHS: usize = 17;

/// The code of each octet in the lower bits.
const CODES: [u32; 257] = codes();

/// The code of each octet, and its length.
static ENCODING: [(u32, u8); EOS] = encoding();

/// The octet and the length of its code for the first eight bits of what is to come; a length of zero where the code is
/// longer than that.
static SHORT: [(u8, u8); 1 << SHORT_BITS] = short();

/// What there is for each length above [`SHORT_BITS`], the shortest first.
static LONG: [Long; LONG_LENGTHS] = long();

/// The octets (and EOS) whose codes are longer than [`SHORT_BITS`], in the order of their codes.
static LONG_SYMBOLS: [u16; 257] = long_symbols();

/// Codes of one length. Comparing happens in the upper bits of a word.
#[derive(Clone, Copy)]
struct Long {
    bits: u32,
    /// The first code, and the first word behind the last.
    first: u32,
    beyond: u64,
    /// Where the symbol of the first code is in [`LONG_SYMBOLS`].
    at: u16,
}

/// Decodes all of `code` into the list's field.
pub(super) fn decode(code: &[u8], out: &mut FieldList) -> Result<(), Why> {
    let room = out.room(code.len() * 8 / BITS_MIN + STRIDE);
    let mut bits = Bits { word: 0, count: 0, rest: code };
    let mut len = 0;
    loop {
        bits.fill();
        let next = room.get_mut(len..).and_then(|room| room.first_chunk_mut());
        let next = next.ok_or(Why::BadPadding)?;
        let full = bits.count >= SHORT_BITS * STRIDE as u32;
        let short = if full { decode_short::<true>(&mut bits, next) } else { decode_short::<false>(&mut bits, next) };
        len += short;
        if short == STRIDE {
            continue;
        }
        if bits.count < BITS_MAX {
            bits.fill();
        }
        if bits.are_padding() {
            break;
        }
        *room.get_mut(len).ok_or(Why::BadPadding)? = decode_long(&mut bits)?;
        len += 1;
    }
    out.grow(len);
    Ok(())
}

/// Octets that are decoded between two looks at what is left: so many short codes are in a word for certain.
const STRIDE: usize = 7;

/// Decodes short codes up to the next long one, or up to the end; returns how many. If the word is full it has bits for
/// all of them.
#[inline]
fn decode_short<const FULL: bool>(bits: &mut Bits<'_>, octets: &mut [u8; STRIDE]) -> usize {
    for (at, next) in octets.iter_mut().enumerate() {
        let (octet, length) = SHORT[(bits.word >> (64 - SHORT_BITS)) as usize];
        if length == 0 || (!FULL && u32::from(length) > bits.count) {
            return at;
        }
        *next = octet;
        bits.skip(length.into());
    }
    STRIDE
}

/// Decodes a long code.
#[inline]
fn decode_long(bits: &mut Bits<'_>) -> Result<u8, Why> {
    let word = (bits.word >> 32) as u32;
    let long = LONG.iter().find(|long| u64::from(word) < long.beyond).ok_or(Why::EndOfString)?;
    // A short code is not taken for a long one: there would be less of it than it takes.
    if long.bits > bits.count || word < long.first {
        return Err(Why::BadPadding);
    }
    bits.skip(long.bits);
    let at = usize::from(long.at) + ((word - long.first) >> (32 - long.bits)) as usize;
    let symbol = LONG_SYMBOLS.get(at).copied().unwrap_or(EOS as u16);
    u8::try_from(symbol).map_err(|_| Why::EndOfString)
}

/// The next bits of a code, from the highest of a word down. Behind the last, all bits are set, as those of padding are.
struct Bits<'a> {
    word: u64,
    /// How many bits of the word are of the code.
    count: u32,
    rest: &'a [u8],
}

impl Bits<'_> {
    /// Afterwards there are at least 56, or all that are left.
    #[inline]
    fn fill(&mut self) {
        let next = self.rest.first_chunk().copied().unwrap_or_else(|| last(self.rest));
        self.word |= u64::from_be_bytes(next) >> self.count;
        let octets = ((63 - self.count) / 8).min(self.rest.len() as u32);
        self.count += 8 * octets;
        self.rest = &self.rest[octets as usize..];
    }

    /// Whether all that is left is padding: fewer than eight bits, all of them set (RFC 7541 section 5.2).
    fn are_padding(&self) -> bool {
        self.count < 8 && self.rest.is_empty() && self.word.leading_ones() >= self.count
    }

    #[inline]
    fn skip(&mut self, length: u32) {
        self.word <<= length;
        self.count -= length;
    }
}

/// The last octets of a code, and padding.
fn last(rest: &[u8]) -> [u8; 8] {
    let mut octets = [0xff; 8];
    octets.iter_mut().zip(rest).for_each(|(octet, code)| *octet = *code);
    octets
}

/// How many octets `string` takes.
pub(super) fn encoded_len(string: &[u8]) -> usize {
    string.iter().map(|octet| usize::from(LENGTHS[usize::from(*octet)])).sum::<usize>().div_ceil(8)
}

/// Writes `string`, padded to whole octets.
pub(super) fn encode(string: &[u8], out: &mut Vec<u8>) {
    let (mut word, mut count) = (0u64, 0);
    for octet in string {
        let (code, length) = ENCODING[usize::from(*octet)];
        word = word << length | u64::from(code);
        count += u32::from(length);
        if count >= 32 {
            count -= 32;
            out.extend_from_slice(&((word >> count) as u32).to_be_bytes());
        }
    }
    let padded = (word << 32 | 0xffff_ffff) >> count;
    out.extend_from_slice(&(padded as u32).to_be_bytes()[..count.div_ceil(8) as usize]);
}

const fn codes() -> [u32; 257] {
    let mut codes = [0; 257];
    let (mut bits, mut next) = (1, 0);
    while bits <= BITS_MAX {
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as u32 == bits {
                codes[symbol] = next;
                next += 1;
            }
            symbol += 1;
        }
        next <<= 1;
        bits += 1;
    }
    codes
}

const fn encoding() -> [(u32, u8); EOS] {
    let mut encoding = [(0, 0); EOS];
    let mut symbol = 0;
    while symbol < EOS {
        encoding[symbol] = (CODES[symbol], LENGTHS[symbol]);
        symbol += 1;
    }
    encoding
}

const fn short() -> [(u8, u8); 1 << SHORT_BITS] {
    let mut short = [(0, 0); 1 << SHORT_BITS];
    let mut symbol = 0;
    while symbol < EOS {
        let length = LENGTHS[symbol] as u32;
        if length <= SHORT_BITS {
            let free = SHORT_BITS - length;
            let mut at = 0;
            while at < 1 << free {
                short[((CODES[symbol] << free) + at) as usize] = (symbol as u8, length as u8);
                at += 1;
            }
        }
        symbol += 1;
    }
    short
}

const fn long() -> [Long; LONG_LENGTHS] {
    let mut long = [Long { bits: 0, first: 0, beyond: 0, at: 0 }; LONG_LENGTHS];
    let (mut bits, mut at, mut length) = (SHORT_BITS + 1, 0, 0);
    while bits <= BITS_MAX {
        let (mut symbol, mut count, mut first) = (0, 0, 0);
        while symbol < 257 {
            if LENGTHS[symbol] as u32 == bits {
                if count == 0 {
                    first = CODES[symbol];
                }
                count += 1;
            }
            symbol += 1;
        }
        if count > 0 {
            let beyond = (first as u64 + count as u64) << (32 - bits);
            long[length] = Long { bits, first: first << (32 - bits), beyond, at };
            length += 1;
            at += count;
        }
        bits += 1;
    }
    assert!(length == LONG_LENGTHS, "every length has its place");
    assert!(long[LONG_LENGTHS - 1].beyond == 1 << 32, "the code is complete");
    long
}

const fn long_symbols() -> [u16; 257] {
    let mut symbols = [EOS as u16; 257];
    let (mut bits, mut at) = (SHORT_BITS + 1, 0);
    while bits <= BITS_MAX {
        let mut symbol = 0;
        while symbol < 257 {
            if LENGTHS[symbol] as u32 == bits {
                symbols[at] = symbol as u16;
                at += 1;
            }
            symbol += 1;
        }
        bits += 1;
    }
    symbols
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn encoded(string: &[u8]) -> Vec<u8> {
        let mut out = vec![7];
        encode(string, &mut out);
        assert_eq!(out.len(), 1 + encoded_len(string));
        out.split_off(1)
    }

    fn decoded(code: &[u8]) -> Result<Vec<u8>, Why> {
        let mut list = FieldList::new();
        list.append(b"before");
        decode(code, &mut list)?;
        Ok(list.since(6).to_vec())
    }

    #[test]
    fn codes_are_those_of_appendix_b() {
        // Some of each length.
        for (symbol, code, length) in [
            (b'0' as usize, 0x0, 5),
            (b't' as usize, 0x9, 5),
            (b' ' as usize, 0x14, 6),
            (b'u' as usize, 0x2d, 6),
            (b':' as usize, 0x5c, 7),
            (b'z' as usize, 0x7b, 7),
            (b'&' as usize, 0xf8, 8),
            (b'Z' as usize, 0xfd, 8),
            (b'!' as usize, 0x3f8, 10),
            (b'?' as usize, 0x3fc, 10),
            (b'\'' as usize, 0x7fa, 11),
            (b'#' as usize, 0xffa, 12),
            (0, 0x1ff8, 13),
            (b'~' as usize, 0x1ffd, 13),
            (b'^' as usize, 0x3ffc, 14),
            (b'<' as usize, 0x7ffc, 15),
            (b'\\' as usize, 0x7fff0, 19),
            (128, 0xfffe6, 20),
            (153, 0x1fffdc, 21),
            (129, 0x3fffd2, 22),
            (1, 0x7fffd8, 23),
            (9, 0xffffea, 24),
            (199, 0x1ffffec, 25),
            (192, 0x3ffffe0, 26),
            (203, 0x7ffffde, 27),
            (2, 0xfffffe2, 28),
            (249, 0xffffffe, 28),
            (10, 0x3ffffffc, 30),
            (13, 0x3ffffffd, 30),
            (22, 0x3ffffffe, 30),
            (EOS, 0x3fffffff, 30),
        ] {
            assert_eq!((CODES[symbol], LENGTHS[symbol]), (code, length), "{symbol}");
        }
    }

    #[test]
    fn no_code_begins_another_and_no_bits_are_without_one() {
        let shares: u64 = LENGTHS.iter().map(|length| 1 << (BITS_MAX - u32::from(*length))).sum();
        assert_eq!(shares, 1 << BITS_MAX);
        let mut starts: Vec<u32> = (0..257).map(|at| CODES[at] << (32 - u32::from(LENGTHS[at]))).collect();
        starts.sort_unstable();
        assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn examples_of_appendix_c() {
        assert_eq!(encoded(b"www.example.com"), b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff");
        assert_eq!(encoded(b"no-cache"), b"\xa8\xeb\x10\x64\x9c\xbf");
        assert_eq!(encoded(b"302"), b"\x64\x02");
    }

    #[test]
    fn each_octet_comes_back_at_each_place_among_others() {
        for octet in 0..=255 {
            for before in 0..18 {
                for behind in [0, 1, 2, 7, 8, 9, 30] {
                    let string = [&vec![b'a'; before][..], &[octet], &vec![b'X'; behind]].concat();
                    assert_eq!(decoded(&encoded(&string)).as_deref(), Ok(&string[..]));
                }
            }
        }
    }

    #[test]
    fn every_two_octets_come_back() {
        for pair in 0..=u16::MAX {
            let string = pair.to_be_bytes();
            assert_eq!(decoded(&encoded(&string)).as_deref(), Ok(&string[..]));
        }
    }

    /// Symbols by their codes and the lengths of those.
    type Plain = BTreeMap<(u32, u8), usize>;

    fn plain() -> Plain {
        (0..257).map(|symbol| ((CODES[symbol], LENGTHS[symbol]), symbol)).collect()
    }

    /// What a reader does that takes one bit after the other.
    fn decoded_by_bits(code: &[u8], plain: &Plain) -> Result<Vec<u8>, Why> {
        let (mut string, mut bits, mut length) = (Vec::new(), 0_u32, 0);
        for at in 0..code.len() * 8 {
            bits = bits << 1 | u32::from(code[at / 8] >> (7 - at % 8) & 1);
            length += 1;
            if let Some(symbol) = plain.get(&(bits, length)) {
                string.push(u8::try_from(*symbol).map_err(|_| Why::EndOfString)?);
                (bits, length) = (0, 0);
            }
        }
        let padding = length < 8 && bits == (1 << length) - 1;
        if padding { Ok(string) } else { Err(Why::BadPadding) }
    }

    #[test]
    fn any_octets_are_read_as_one_bit_after_the_other() {
        let (plain, mut random) = (plain(), fastrand::Rng::with_seed(7541));
        for round in 0..20_000 {
            let mut code: Vec<u8> = (0..random.usize(..24)).map(|_| random.u8(..)).collect();
            // Long codes and padding are rare among random ones.
            for octet in &mut code {
                *octet |= if random.bool() { 0 } else { [0xff, 0xf0, 0xfe, 0x3f][random.usize(..4)] };
            }
            assert_eq!(decoded(&code), decoded_by_bits(&code, &plain), "{round}: {code:x?}");
        }
    }

    #[test]
    fn all_short_codes_are_read_as_one_bit_after_the_other() {
        let plain = plain();
        for code in 0..=u16::MAX {
            let code = code.to_be_bytes();
            assert_eq!(decoded(&code), decoded_by_bits(&code, &plain), "{code:x?}");
            assert_eq!(decoded(&code[1..]), decoded_by_bits(&code[1..], &plain));
        }
    }
}
