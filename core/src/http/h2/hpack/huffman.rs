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
