//! Bodies as a server with quirks reads them.

use super::lenient::{Fields, Reader, digits, unsigned};
use super::quirks::{AfterData, Sizes, Trailers};
use super::{Framing, Seen, Stop, rejected};

impl Reader<'_> {
    /// The body behind a head. Trailers may add to its fields.
    pub(super) fn body(&mut self, seen: &mut Seen, fields: &mut Fields) -> Result<(), Stop> {
        match seen.framing {
            Framing::None => Ok(()),
            Framing::Length(length) => self.data(length, seen),
            Framing::Chunked => {
                self.chunks(seen)?;
                self.trailers(seen, fields)
            }
        }
    }

    fn data(&mut self, length: u64, seen: &mut Seen) -> Result<(), Stop> {
        let rest = self.rest();
        let there = rest.len().min(usize::try_from(length).unwrap_or(usize::MAX));
        seen.body.extend_from_slice(&rest[..there]);
        self.at += there;
        if there as u64 == length { Ok(()) } else { Err(Stop::More) }
    }

    fn chunks(&mut self, seen: &mut Seen) -> Result<(), Stop> {
        loop {
            let start = self.at;
            let line = self.line(self.quirks.chunk_lf, self.quirks.chunk_cr)?;
            let size = match self.quirks.sizes {
                Sizes::Exact => exact_size(line),
                Sizes::Strtol => loose_size(line, false),
                Sizes::Wrapping => loose_size(line, true),
            };
            match size {
                None => return rejected(start, "not the size of a chunk"),
                Some(0) => return Ok(()),
                Some(size) => self.data(size, seen)?,
            }
            self.after_data()?;
        }
    }

    fn after_data(&mut self) -> Result<(), Stop> {
        let rest = self.rest();
        self.at += match (self.quirks.after_data, rest) {
            (AfterData::RestOfLine, _) => match rest.iter().position(|&byte| byte == b'\n') {
                Some(lf) => lf + 1,
                None => return Err(Stop::More),
            },
            (_, [] | [b'\r']) | (AfterData::TwoBytes, [_]) => return Err(Stop::More),
            (_, [b'\r', b'\n', ..]) | (AfterData::TwoBytes, [_, _, ..]) => 2,
            (AfterData::LfToo, [b'\n', ..]) => 1,
            (AfterData::Optional, _) => 0,
            (AfterData::Crlf | AfterData::LfToo, _) => return rejected(self.at, "not the end of a chunk"),
        };
        Ok(())
    }

    fn trailers(&mut self, seen: &mut Seen, fields: &mut Fields) -> Result<(), Stop> {
        let mut trailers = Fields::new();
        self.fields(&mut trailers)?;
        if self.quirks.trailers == Trailers::Merged && !trailers.is_empty() {
            fields.append(&mut trailers);
            if let Some(host) = self.host_again(fields) {
                seen.host = host;
            }
        }
        Ok(())
    }
}

fn exact_size(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let extension = line[end..].trim_ascii_start();
    let follows = line.len() == end || extension.first() == Some(&b';');
    if follows { digits(line, 16) } else { None }
}

fn loose_size(line: &[u8], wraps: bool) -> Option<u64> {
    let text = unsigned(line);
    let text = match text {
        [b'0', b'x' | b'X', rest @ ..] => rest,
        text => text,
    };
    if !wraps {
        return Some(digits(text, 16).unwrap_or(if begins_with_digit(text) { u64::MAX } else { 0 }));
    }
    let digits = text.iter().map_while(|&byte| char::from(byte).to_digit(16));
    Some(u64::from(digits.fold(0u32, |sum, digit| sum.wrapping_mul(16).wrapping_add(digit))))
}

fn begins_with_digit(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_hexdigit)
}
