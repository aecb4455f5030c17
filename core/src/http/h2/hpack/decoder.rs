//! Reads header blocks: strict about every rule, since a peer that breaks one would have another table than ours.

use super::{huffman, integer, statics};
use crate::http::h2::fields::{FieldList, OVERHEAD};
use crate::http::h2::hpack::table::Table;

/// How much a list may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// As [`FieldList::size`] counts; what we announce as SETTINGS_MAX_HEADER_LIST_SIZE.
    pub list_size: usize,
    /// The most fields.
    pub fields: usize,
}

impl Default for Limits {
    /// What a head may have in HTTP/1 (guide QUO-08): 64 KiB and 1000 fields. Browsers send each cookie as a field of its
    /// own and may have 180 of them.
    fn default() -> Limits {
        Limits { list_size: 64 * 1024, fields: crate::http::h1::head::FIELDS_MAX }
    }
}

/// A list may be so many times as large as its limit, and its block is still read for what it puts into the table. That is
/// eight times what it costs to read one of the largest that are taken, and more than any block becomes that was not made
/// to become much.
pub const DRAINED_TIMES: usize = 8;

/// Why there is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// COMPRESSION_ERROR (RFC 9113 section 4.3). The rest of the block was not read, so what it would have put into the table is
    /// not there, and the decoder is of no use any more.
    #[error("a header block breaks the rules of HPACK: {0}")]
    Compression(Why),
    /// ENHANCE_YOUR_CALM: few octets became very many, even [`DRAINED_TIMES`] as many as may be. The decoder is of no use any
    /// more, likewise.
    #[error("a list of fields is many times as large as announced")]
    Bomb,
    /// The block was read to its end and its list dropped. The table is as it must be: the next block can be decoded.
    #[error("a list of fields is larger than announced")]
    ListTooLarge {
        /// As [`FieldList::size`] would have counted it.
        size: usize,
    },
    /// The same.
    #[error("a list has too many fields")]
    TooManyFields {
        /// As [`FieldList::size`] counts it.
        size: usize,
    },
}

impl DecodeError {
    /// Whether the table is not as it must be, so that no block can be decoded any more.
    const fn is_final(self) -> bool {
        matches!(self, DecodeError::Compression(_) | DecodeError::Bomb)
    }
}

/// Which rule of RFC 7541 a block breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// A field's representation goes on behind the end.
    #[error("it ends within a field")]
    Truncated,
    /// Section 5.1.
    #[error("an integer is too large")]
    IntegerTooLarge,
    /// Section 2.3.3: index 0, or one behind the end of the dynamic table.
    #[error("an index is in neither table")]
    NoSuchEntry,
    /// Section 5.2: a string ends with more than seven bits of padding, or padding that is not the begin of EOS.
    #[error("a Huffman string is badly padded")]
    BadPadding,
    /// Section 5.2.
    #[error("a Huffman string contains EOS")]
    EndOfString,
    /// Section 4.2: a change of the table's size that is not at the beginning of the block.
    #[error("the table is resized behind a field")]
    LateResize,
    /// Section 4.2: the smallest size and the last one are all there is to say.
    #[error("the table is resized more than twice")]
    TooManyResizes,
    /// Section 6.3.
    #[error("the table is resized beyond what was announced")]
    ResizeTooLarge,
    /// An earlier block broke a rule.
    #[error("an earlier one was not decoded")]
    Failed,
}

impl From<Why> for DecodeError {
    fn from(why: Why) -> DecodeError {
        DecodeError::Compression(why)
    }
}

/// One direction of a connection, at its receiving end.
pub struct Decoder {
    table: Table,
    /// What was announced.
    table_max: usize,
    failed: bool,
}

/// Changes of the table's size that a block may begin with (RFC 7541 section 4.2).
const RESIZES_MAX: usize = 2;

/// How the newest entry of the dynamic table is written, and the last one that takes one octet.
const FIRST_ENTRY: u8 = 0x80 | (statics::LEN as u8 + 1);
const LAST_ENTRY: u8 = 0xfe;

impl Decoder {
    /// `table_max` is what is announced as SETTINGS_HEADER_TABLE_SIZE, and stays so. Less than
    /// [`TABLE_SIZE_DEFAULT`](super::TABLE_SIZE_DEFAULT) is for peers that know before their first block, which in
    /// HTTP/2 they cannot.
    pub fn new(table_max: usize) -> Decoder {
        Decoder { table: Table::new(table_max.min(super::TABLE_SIZE_DEFAULT)), table_max, failed: false }
    }

    /// The size of the table now, as RFC 7541 section 4.1 counts it.
    pub fn table_size(&self) -> usize {
        self.table.size()
    }

    /// Bytes of memory that it holds: no more than four times `table_max`, and some hundreds.
    pub fn memory(&self) -> usize {
        self.table.memory()
    }

    /// Decodes a whole block; `out` then has its fields and no others, or none if there is an error.
    pub fn decode(&mut self, block: &[u8], limits: &Limits, out: &mut FieldList) -> Result<(), DecodeError> {
        out.clear();
        if self.failed {
            return Err(Why::Failed.into());
        }
        let result = self.resizes(block).map_err(DecodeError::from).and_then(|rest| self.fields(rest, limits, out));
        if let Err(error) = result {
            self.failed = error.is_final();
            out.clear();
        }
        result
    }

    /// The changes of the table's size at the beginning of a block.
    fn resizes<'b>(&mut self, mut block: &'b [u8]) -> Result<&'b [u8], Why> {
        let mut count = 0;
        while let Some((&first @ 0x20..=0x3f, rest)) = block.split_first() {
            let (size, rest) = integer::read(first, 5, rest)?;
            if size > self.table_max {
                return Err(Why::ResizeTooLarge);
            }
            if count == RESIZES_MAX {
                return Err(Why::TooManyResizes);
            }
            self.table.resize(size);
            count += 1;
            block = rest;
        }
        Ok(block)
    }

    fn fields(&mut self, mut block: &[u8], limits: &Limits, out: &mut FieldList) -> Result<(), DecodeError> {
        let mut room = Room(limits.list_size);
        while let Some((&first, rest)) = block.split_first() {
            let read = match first {
                FIRST_ENTRY..=LAST_ENTRY => self.entries(block, &mut room, out),
                0x80.. => self.indexed(first, rest, &mut room, out),
                _ => self.spelled_out(first, rest, &mut room, out),
            };
            block = match read {
                Ok(rest) => rest,
                Err(Stop::Full) => return self.drain(block, room, limits, out),
                Err(Stop::Broken(why)) => return Err(why.into()),
            };
        }
        // No sooner: the size of the list bounds them, too.
        if out.len() > limits.fields { Err(DecodeError::TooManyFields { size: out.size() }) } else { Ok(()) }
    }

    /// The list is too large by the field that the block goes on with: no field is kept any more, but for the table.
    #[cold]
    #[inline(never)]
    fn drain(
        &mut self,
        mut block: &[u8],
        room: Room,
        limits: &Limits,
        scratch: &mut FieldList,
    ) -> Result<(), DecodeError> {
        let more = limits.list_size.saturating_mul(DRAINED_TIMES - 1);
        let mut room = Room(room.0.saturating_add(more));
        while let Some((&first, rest)) = block.split_first() {
            let read = match first {
                0x80.. => self.passed_over(first, rest, &mut room),
                _ => {
                    scratch.rewind();
                    self.spelled_out(first, rest, &mut room, scratch)
                }
            };
            block = read.map_err(|stop| match stop {
                Stop::Full => DecodeError::Bomb,
                Stop::Broken(why) => why.into(),
            })?;
        }
        Err(DecodeError::ListTooLarge { size: limits.list_size.saturating_add(more) - room.0 })
    }

    /// A field that is in a table and only counted.
    fn passed_over<'b>(&self, first: u8, rest: &'b [u8], room: &mut Room) -> Result<&'b [u8], Stop> {
        let (index, rest) = integer::read(first, 7, rest)?;
        room.take(self.field(index)?.0.len())?;
        Ok(rest)
    }

    /// A field that is not in a table. Whether it goes there: never to be indexed and just not now are the same, since on
    /// the other side of a load balancer the field's name decides.
    #[inline(always)]
    fn spelled_out<'b>(
        &mut self,
        first: u8,
        rest: &'b [u8],
        room: &mut Room,
        out: &mut FieldList,
    ) -> Result<&'b [u8], Stop> {
        match first {
            0x40.. => {
                let start = out.used();
                let (name_end, rest) = self.literal(first, 6, rest, room, out)?;
                let (name, value) = out.since(start).split_at(name_end - start);
                self.table.insert(name, value);
                Ok(rest)
            }
            0x20.. => Err(Why::LateResize.into()),
            _ => Ok(self.literal(first, 4, rest, room, out)?.1),
        }
    }

    /// Fields that are in the dynamic table, up to the next that is not. Those that came one after the other come so
    /// again, and are copied at once. If there is no room for all of them, no room is taken.
    #[inline(never)]
    fn entries<'b>(&self, mut block: &'b [u8], all_room: &mut Room, out: &mut FieldList) -> Result<&'b [u8], Stop> {
        let mut room = Room(all_room.0);
        let (mut start, mut end, mut ahead) = (0, 0, out.used() as u32);
        while let Some((&first @ FIRST_ENTRY..=LAST_ENTRY, rest)) = block.split_first() {
            let entry = self.table.entry(usize::from(first - FIRST_ENTRY)).ok_or(Why::NoSuchEntry)?;
            room.take(entry.len())?;
            if entry.start != end {
                out.append(self.table.octets(start, end));
                start = entry.start;
            }
            end = entry.end;
            ahead = out.close_ahead(ahead, entry.name_len(), entry.len());
            block = rest;
        }
        out.append(self.table.octets(start, end));
        *all_room = room;
        Ok(block)
    }

    /// A field that is in a table, wherever (RFC 7541 section 6.1).
    fn indexed<'b>(&self, first: u8, rest: &'b [u8], room: &mut Room, out: &mut FieldList) -> Result<&'b [u8], Stop> {
        let (index, rest) = integer::read(first, 7, rest)?;
        let (field, name) = self.field(index)?;
        room.take(field.len())?;
        let start = out.used();
        out.append(field);
        out.close(start + name);
        Ok(rest)
    }

    /// A field whose value is spelled out, and perhaps its name; returns where the name ends.
    fn literal<'b>(
        &self,
        first: u8,
        bits: u32,
        rest: &'b [u8],
        room: &mut Room,
        out: &mut FieldList,
    ) -> Result<(usize, &'b [u8]), Stop> {
        let start = out.used();
        let (index, mut rest) = integer::read(first, bits, rest)?;
        if index == 0 {
            rest = string(rest, out)?;
        } else {
            let (field, name) = self.field(index)?;
            // Before the name is copied: it may be long where the block is not.
            Room(room.0).take(name)?;
            out.append(&field[..name]);
        }
        let name_end = out.used();
        let rest = string(rest, out)?;
        room.take(out.used() - start)?;
        out.close(name_end);
        Ok((name_end, rest))
    }

    #[inline]
    fn field(&self, index: usize) -> Result<(&[u8], usize), Why> {
        let field = match index.checked_sub(statics::LEN + 1) {
            Some(index) => self.table.field(index),
            None => statics::entry(index),
        };
        field.ok_or(Why::NoSuchEntry)
    }
}

/// Why a field is not read; nothing was done about it, neither in the table nor to the room.
enum Stop {
    /// There is no room for it.
    Full,
    /// It breaks a rule.
    Broken(Why),
}

impl From<Why> for Stop {
    fn from(why: Why) -> Stop {
        Stop::Broken(why)
    }
}

/// How much more the list may hold.
struct Room(usize);

impl Room {
    /// A field of so many octets.
    #[inline]
    fn take(&mut self, octets: usize) -> Result<(), Stop> {
        self.0 = self.0.checked_sub(octets + OVERHEAD).ok_or(Stop::Full)?;
        Ok(())
    }
}

/// Reads a string (RFC 7541 section 5.2) into the list's field.
fn string<'b>(block: &'b [u8], out: &mut FieldList) -> Result<&'b [u8], Why> {
    let (&first, rest) = block.split_first().ok_or(Why::Truncated)?;
    let (len, rest) = integer::read(first, 7, rest)?;
    let (string, rest) = rest.split_at_checked(len).ok_or(Why::Truncated)?;
    if first & 0x80 == 0 {
        out.append(string);
    } else {
        huffman::decode(string, out)?;
    }
    Ok(rest)
}
