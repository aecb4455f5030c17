//! Writes header blocks. What comes again is one octet; what does not costs little to find out.

use super::choice::Choice;
use super::hash::{both, hash};
use super::seen::{NOWHERE, Seen, Sight};
use super::table::Table;
use super::{TABLE_SIZE_DEFAULT, huffman, integer, statics};
use crate::http::h2::fields::OVERHEAD;

/// The most that a table of ours takes, however much the peer offers: what is sent again and again on one connection
/// fits into it, and there may be as many tables as there are connections.
const TABLE_SIZE_MAX: usize = TABLE_SIZE_DEFAULT;

/// Remembers as many fields as a table can hold entries.
const FIELD_PAIRS: usize = TABLE_SIZE_MAX / OVERHEAD / 2;

/// Names that are in no static table; a connection sees few.
const NAME_PAIRS: usize = 16;

/// What the first entry is called: [`Seen`] knows entries of the static table by their index, and those of the dynamic
/// one by the numbers behind.
const FIRST: u32 = statics::LEN as u32 + 1;

/// One direction of a connection, at its sending end.
pub struct Encoder {
    table: Table,
    /// The smallest size since the last block, and the last, if the table's was changed.
    resized: Option<(usize, usize)>,
    /// What the next entry will be called.
    next: u32,
    seen: Box<(Seen<FIELD_PAIRS>, Seen<NAME_PAIRS>)>,
}

/// A field that is in no table, as far as can be seen.
struct Missing<'a> {
    name: &'a [u8],
    name_hash: u64,
    value: &'a [u8],
    field_hash: u64,
    sight: Sight,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new()
    }
}

impl Encoder {
    /// With a table of the size that holds until the peer says otherwise.
    pub fn new() -> Encoder {
        let seen = Box::new((Seen::new(), Seen::new()));
        Encoder { table: Table::new(TABLE_SIZE_DEFAULT), resized: None, next: FIRST, seen }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE; the next block says what was made of it (RFC 7541 section 4.2).
    pub fn resize(&mut self, max: usize) {
        let max = max.min(TABLE_SIZE_MAX);
        let smallest = self.resized.map_or(max, |(smallest, _)| smallest.min(max));
        self.resized = Some((smallest, max));
    }

    /// Begins a block. Every block that was begun must reach the peer, whole and in this order.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let Some((smallest, last)) = self.resized.take() else { return };
        // What is smaller than the table is has made the peer drop entries, whatever came later.
        if smallest < last && smallest < self.table.size_max() {
            self.set_size(smallest, out);
        }
        if last != self.table.size_max() {
            self.set_size(last, out);
        }
    }

    fn set_size(&mut self, size: usize, out: &mut Vec<u8>) {
        self.table.resize(size);
        integer::write(0x20, 5, size, out);
    }

    /// Writes a field; the name is in lower case. Credentials and cookies are written as [`Encoder::secret`] does.
    #[inline]
    pub fn field(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        let name_hash = hash(name);
        if let Some((index, choice)) = Choice::to_spell_out(name, name_hash) {
            return spell_out(choice.pattern(), index, name, value, out);
        }
        let field_hash = both(name_hash, hash(value));
        let sight = self.seen.0.look(field_hash);
        match self.index(sight) {
            Some(index) if self.holds(index, name, value) => integer::write(0x80, 7, index, out),
            _ => self.missing(&Missing { name, name_hash, value, field_hash, sight }, out),
        }
    }

    /// Writes a field that nobody on the way may put into a table (RFC 7541 section 7.1.3).
    pub fn secret(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        let index = statics::name(name, hash(name)).unwrap_or(0);
        spell_out(Choice::Secret.pattern(), index, name, value, out);
    }

    /// The index of what was seen, if it is in a table still.
    #[inline]
    fn index(&self, sight: Sight) -> Option<usize> {
        match sight {
            Sight::New | Sight::At(NOWHERE) => None,
            Sight::At(place @ ..FIRST) => Some(place as usize),
            Sight::At(place) => {
                let age = self.next.wrapping_sub(place) as usize;
                (age <= self.table.len()).then_some(statics::LEN + age)
            }
        }
    }

    #[inline]
    fn entry(&self, index: usize) -> Option<(&[u8], usize)> {
        match index.checked_sub(statics::LEN + 1) {
            Some(index) => self.table.field(index),
            None => statics::entry(index),
        }
    }

    #[inline]
    fn holds(&self, index: usize, name: &[u8], value: &[u8]) -> bool {
        let Some((field, len)) = self.entry(index) else { return false };
        let (its_name, its_value) = field.split_at(len);
        its_name == name && its_value == value
    }

    #[inline(never)]
    fn missing(&mut self, field: &Missing<'_>, out: &mut Vec<u8>) {
        let known = statics::name(field.name, field.name_hash);
        if let Some(index) = known.and_then(|index| statics::field(index, field.name, field.value)) {
            self.seen.0.note(field.field_hash, index as u32);
            return integer::write(0x80, 7, index, out);
        }
        let name = if known.is_some() { Sight::New } else { self.seen.1.look(field.name_hash) };
        let index = known.or_else(|| self.index(name).filter(|index| self.is_called(*index, field.name))).unwrap_or(0);
        if self.deserves_entry(field, Choice::of(known), name) {
            introduce(index, field.name, field.value, out);
            self.insert(field, known.is_some());
        } else {
            spell_out(Choice::Never.pattern(), index, field.name, field.value, out);
            self.remember(field, index > 0);
        }
    }

    fn is_called(&self, index: usize, name: &[u8]) -> bool {
        self.entry(index).is_some_and(|(field, len)| &field[..len] == name)
    }

    /// What only resembles an entry does not: one that changes in its middle each time would drive all others out.
    fn deserves_entry(&self, field: &Missing<'_>, choice: Choice, name: Sight) -> bool {
        let size = field.name.len() + field.value.len() + OVERHEAD;
        let comes_again = |sight| sight != Sight::New && self.index(sight).is_none();
        let resembles = self.index(field.sight).is_some();
        size <= self.table.size_max() / 4 * 3
            && !resembles
            && (choice == Choice::AtOnce || comes_again(field.sight) || comes_again(name))
    }

    fn insert(&mut self, field: &Missing<'_>, name_is_static: bool) {
        self.table.insert(field.name, field.value);
        self.seen.0.note(field.field_hash, self.next);
        if !name_is_static {
            self.seen.1.note(field.name_hash, self.next);
        }
        self.next += 1;
        if self.next == u32::MAX {
            self.forget();
        }
    }

    /// Numbers begin again, so nothing may be known by an old one. That happens after days, if ever.
    fn forget(&mut self) {
        *self.seen = (Seen::new(), Seen::new());
        self.next = FIRST;
    }

    fn remember(&mut self, field: &Missing<'_>, name_is_in_table: bool) {
        let oldest = self.next - self.table.len() as u32;
        self.seen.0.glimpse(field.field_hash, oldest);
        if !name_is_in_table {
            self.seen.1.glimpse(field.name_hash, oldest);
        }
    }
}

/// A literal that goes into the table (RFC 7541 section 6.2.1). It is written once, so it is worth to make it short.
fn introduce(name_index: usize, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    integer::write(0x40, 6, name_index, out);
    if name_index == 0 {
        short_string(name, out);
    }
    short_string(value, out);
}

/// A literal that does not go into the table (RFC 7541 sections 6.2.2 and 6.2.3). Huffman coding takes ten times as long
/// as copying, each time, and saves a quarter of the octets.
fn spell_out(pattern: u8, name_index: usize, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    integer::write(pattern, 4, name_index, out);
    if name_index == 0 {
        string(name, out);
    }
    string(value, out);
}

fn string(string: &[u8], out: &mut Vec<u8>) {
    integer::write(0, 7, string.len(), out);
    out.extend_from_slice(string);
}

fn short_string(octets: &[u8], out: &mut Vec<u8>) {
    let len = huffman::encoded_len(octets);
    if len < octets.len() {
        integer::write(0x80, 7, len, out);
        huffman::encode(octets, out);
    } else {
        string(octets, out);
    }
}
