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
    let mut len = decode_most(&mut bits, room)?;
    bits.fill();
    while !bits.are_padding() {
        let (octet, length) = bits.symbol()?;
        bits.skip(length);
        *room.get_mut(len).ok_or(Why::BadPadding)? = octet;
        len += 1;
        bits.fill();
    }
    out.grow(len);
    Ok(())
}

/// Octets that are decoded between two looks at what is left: so many short codes are in a word for certain.
const STRIDE: usize = 7;

/// Decodes as long as whole words can be read, and never the last octets.
#[inline]
fn decode_most(bits: &mut Bits<'_>, room: &mut [u8]) -> Result<usize, Why> {
    let mut len = 0;
    while bits.fill_fast() {
        let Some(octets) = room.get_mut(len..).and_then(|room| room.first_chunk_mut()) else { break };
        let short = decode_short(bits, octets);
        len += short;
        if short < STRIDE && bits.fill_fast() {
            let (octet, length) = long_symbol((bits.word >> 32) as u32)?;
            bits.skip(length);
            *room.get_mut(len).ok_or(Why::BadPadding)? = octet;
            len += 1;
        }
    }
    Ok(len)
}

/// Decodes short codes up to the next long one; returns how many.
#[inline]
fn decode_short(bits: &mut Bits<'_>, octets: &mut [u8; STRIDE]) -> usize {
    for (at, next) in octets.iter_mut().enumerate() {
        let (octet, length) = SHORT[(bits.word >> (64 - SHORT_BITS)) as usize];
        if length == 0 {
            return at;
        }
        *next = octet;
        bits.skip(length.into());
    }
    STRIDE
}

/// The next bits of a code, from the highest of a word down. Behind the last one, bits are zero.
struct Bits<'a> {
    word: u64,
    /// How many bits of the word are there.
    count: u32,
    rest: &'a [u8],
}

impl Bits<'_> {
    /// At least 56 bits are there then, unless the end is near.
    #[inline]
    fn fill_fast(&mut self) -> bool {
        let Some(octets) = self.rest.first_chunk() else { return false };
        self.word |= u64::from_be_bytes(*octets) >> self.count;
        let octets = (63 - self.count) / 8;
        self.count += 8 * octets;
        self.rest = &self.rest[octets as usize..];
        true
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let Some((&octet, rest)) = self.rest.split_first() else { break };
            self.word |= u64::from(octet) << (56 - self.count);
            self.count += 8;
            self.rest = rest;
        }
    }

    /// Whether all that is left is padding: fewer than eight bits, all of them set (RFC 7541 section 5.2).
    fn are_padding(&self) -> bool {
        self.count < 8 && self.rest.is_empty() && self.word.leading_ones() == self.count
    }

    /// The next octet and the length of its code, all of which must be there.
    fn symbol(&self) -> Result<(u8, u32), Why> {
        let (octet, length) = SHORT[(self.word >> (64 - SHORT_BITS)) as usize];
        let (octet, length) =
            if length > 0 { (octet, u32::from(length)) } else { long_symbol((self.word >> 32) as u32)? };
        if length > self.count { Err(Why::BadPadding) } else { Ok((octet, length)) }
    }

    #[inline]
    fn skip(&mut self, length: u32) {
        self.word <<= length;
        self.count -= length;
    }
}

/// The octet whose code `bits` begins with, and how long that is.
fn long_symbol(bits: u32) -> Result<(u8, u32), Why> {
    let found = LONG.iter().find(|long| u64::from(bits) < long.beyond);
    let long = found.ok_or(Why::EndOfString)?;
    let at = usize::from(long.at) + (bits.wrapping_sub(long.first) >> (32 - long.bits)) as usize;
    let symbol = LONG_SYMBOLS.get(at).copied().unwrap_or(EOS as u16);
    Ok((u8::try_from(symbol).map_err(|_| Why::EndOfString)?, long.bits))
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
