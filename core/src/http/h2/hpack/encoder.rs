//! Writes header blocks. What comes again is one octet; what does not costs little to find out.

use super::choice::Choice;
use super::hash::{hash, same};
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

/// Fields of a block that are looked for first where they were before; those behind them are found, too.
const COURSE: usize = 32;

/// What the first entry is called: [`Seen`] knows entries of the static table by their index, and those of the dynamic
/// one by the numbers behind.
const FIRST: u32 = statics::LEN as u32 + 1;

/// What is spelled out always has no place, but its name's index behind this. No entry is called so.
const SPELLED_OUT: u32 = u32::MAX - statics::LEN as u32;

/// One direction of a connection, at its sending end.
pub struct Encoder {
    table: Table,
    /// The smallest size since the last block, and the last, if the table's was changed.
    resized: Option<(usize, usize)>,
    /// What the next entry will be called.
    next: u32,
    /// The places of the fields in the block before, if they have one: heads on one connection are much alike, so each
    /// field is most likely the one that was there before.
    course: [u32; COURSE],
    /// How many fields the block has so far.
    at: usize,
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
        Encoder {
            table: Table::new(TABLE_SIZE_DEFAULT),
            resized: None,
            next: FIRST,
            course: [NOWHERE; COURSE],
            at: 0,
            seen,
        }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE; the next block says what was made of it (RFC 7541 section 4.2).
    pub fn resize(&mut self, max: usize) {
        let max = max.min(TABLE_SIZE_MAX);
        let smallest = self.resized.map_or(max, |(smallest, _)| smallest.min(max));
        self.resized = Some((smallest, max));
    }

    /// Begins a block. Every block that was begun must reach the peer, whole and in this order.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        self.at = 0;
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
        let at = self.at;
        self.at += 1;
        let place = self.course.get(at).copied().unwrap_or(NOWHERE);
        match self.index_of(place, name, value) {
            Some(index) => integer::write(0x80, 7, index, out),
            None => self.stray(at, place, name, value, out),
        }
    }

    /// Writes a field that is in no table, or is not the one that was there in the block before.
    #[inline(never)]
    fn stray(&mut self, at: usize, place: u32, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        if spell_out_again(place, name, value, out) {
            return;
        }
        let place = self.find(name, value, out);
        if let Some(course) = self.course.get_mut(at) {
            *course = place;
        }
    }

    /// Writes a field that may be anywhere; returns its place.
    fn find(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) -> u32 {
        let name_hash = hash(0, name);
        if let Some((index, choice)) = Choice::to_spell_out(name, name_hash) {
            spell_out(choice.pattern(), index, name, value, out);
            return SPELLED_OUT + index as u32;
        }
        let field_hash = hash(name_hash, value);
        let sight = self.seen.0.look(field_hash);
        if let Sight::At(place) = sight
            && let Some(index) = self.index_of(place, name, value)
        {
            integer::write(0x80, 7, index, out);
            return place;
        }
        self.missing(&Missing { name, name_hash, value, field_hash, sight }, out)
    }

    /// Writes a field that nobody on the way may put into a table (RFC 7541 section 7.1.3).
    pub fn secret(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        let index = statics::name(name, hash(0, name)).unwrap_or(0);
        spell_out(Choice::Secret.pattern(), index, name, value, out);
    }

    /// The index of that field, if it is what has this place and is there still.
    #[inline(always)]
    fn index_of(&self, place: u32, name: &[u8], value: &[u8]) -> Option<usize> {
        let ((field, name_len), index) = if place < FIRST {
            (statics::entry(place as usize)?, place as usize)
        } else {
            let age = self.age(place);
            (self.table.field(age)?, FIRST as usize + age)
        };
        let (its_name, its_value) = field.split_at_checked(name_len)?;
        (same(its_name, name) && same(its_value, value)).then_some(index)
    }

    /// How many entries were inserted after that of this place.
    #[inline]
    fn age(&self, place: u32) -> usize {
        self.next.wrapping_sub(place).wrapping_sub(1) as usize
    }

    /// The index of what was seen, if it is in a table still.
    fn index(&self, sight: Sight) -> Option<usize> {
        match sight {
            Sight::New | Sight::At(NOWHERE) => None,
            Sight::At(place @ ..FIRST) => Some(place as usize),
            Sight::At(place) => {
                let age = self.age(place);
                (age < self.table.len()).then_some(FIRST as usize + age)
            }
        }
    }

    /// Returns the place it has now.
    fn missing(&mut self, field: &Missing<'_>, out: &mut Vec<u8>) -> u32 {
        let known = statics::name(field.name, field.name_hash);
        if let Some(index) = known.and_then(|index| statics::field(index, field.name, field.value)) {
            self.seen.0.note(field.field_hash, index as u32);
            integer::write(0x80, 7, index, out);
            return index as u32;
        }
        let name = if known.is_some() { Sight::New } else { self.seen.1.look(field.name_hash) };
        let index = known.or_else(|| self.index(name).filter(|index| self.is_called(*index, field.name))).unwrap_or(0);
        if self.deserves_entry(field, Choice::of(known), name) {
            introduce(index, field.name, field.value, out);
            self.insert(field, known.is_some())
        } else {
            spell_out(Choice::Never.pattern(), index, field.name, field.value, out);
            self.remember(field, index > 0);
            NOWHERE
        }
    }

    /// Whether the entry there has that name; only for the dynamic table, since static names are known.
    fn is_called(&self, index: usize, name: &[u8]) -> bool {
        let field = index.checked_sub(FIRST as usize).and_then(|age| self.table.field(age));
        field.is_some_and(|(field, len)| &field[..len] == name)
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

    fn insert(&mut self, field: &Missing<'_>, name_is_static: bool) -> u32 {
        if self.next == SPELLED_OUT {
            self.forget();
        }
        let place = self.next;
        self.next += 1;
        self.table.insert(field.name, field.value);
        self.seen.0.note(field.field_hash, place);
        if !name_is_static {
            self.seen.1.note(field.name_hash, place);
        }
        place
    }

    /// Numbers begin again, so nothing is known by an old one. That happens after days, if ever.
    fn forget(&mut self) {
        *self.seen = (Seen::new(), Seen::new());
        self.course = [NOWHERE; COURSE];
        self.next = FIRST;
    }

    fn remember(&mut self, field: &Missing<'_>, name_is_in_table: bool) {
        let oldest = self.next.saturating_sub(self.table.len() as u32);
        self.seen.0.glimpse(field.field_hash, oldest);
        if !name_is_in_table {
            self.seen.1.glimpse(field.name_hash, oldest);
        }
    }
}

/// Writes a field that was spelled out in the block before, too, if it has the name of that one.
#[inline]
fn spell_out_again(place: u32, name: &[u8], value: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(index) = place.checked_sub(SPELLED_OUT) else { return false };
    let Some((field, len)) = statics::entry(index as usize) else { return false };
    let is_it = field.get(..len).is_some_and(|its_name| same(its_name, name));
    if is_it {
        spell_out(Choice::of(Some(index as usize)).pattern(), index as usize, name, value, out);
    }
    is_it
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
#[inline]
fn spell_out(pattern: u8, name_index: usize, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    // Most names are so far behind in the static table, and most values so short.
    if let Some(second @ ..0x80) = name_index.checked_sub(0x0f)
        && value.len() < 0x7f
    {
        out.extend_from_slice(&[pattern | 0x0f, second as u8, value.len() as u8]);
        out.extend_from_slice(value);
    } else {
        spell_out_any(pattern, name_index, name, value, out);
    }
}

#[inline(never)]
fn spell_out_any(pattern: u8, name_index: usize, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h2::fields::FieldList;
    use crate::http::h2::hpack::{Decoder, Limits};

    /// A connection from one end to the other.
    struct Pair(Encoder, Decoder, FieldList);

    impl Pair {
        fn new() -> Pair {
            Pair(Encoder::new(), Decoder::new(TABLE_SIZE_DEFAULT), FieldList::new())
        }

        /// Sends these fields, looks whether they arrive, and returns how many octets they took.
        fn send(&mut self, fields: &[(&str, &str)]) -> usize {
            let Pair(encoder, decoder, list) = self;
            let mut block = Vec::new();
            encoder.begin(&mut block);
            fields.iter().for_each(|(name, value)| encoder.field(name.as_bytes(), value.as_bytes(), &mut block));
            decoder.decode(&block, &Limits::default(), list).unwrap();
            let text = |octets| str::from_utf8(octets).unwrap();
            let arrived: Vec<_> = list.iter().map(|field| (text(field.name), text(field.value))).collect();
            assert_eq!(arrived, fields);
            assert_eq!(decoder.table_size(), encoder.table.size());
            block.len()
        }
    }

    #[test]
    fn numbers_of_entries_begin_again_while_the_table_is_full() {
        let mut pair = Pair::new();
        // More entries than there are numbers below the first.
        for entry in 0..200 {
            let value = entry.to_string();
            pair.send(&[("server", &value)]);
        }
        assert!(pair.0.table.len() as u32 > FIRST);
        pair.0.next = SPELLED_OUT - 2;
        for entry in 0..200 {
            let value = format!("again {entry}");
            pair.send(&[("server", &value), ("x-a", "never twice the same")]);
            assert_eq!(pair.send(&[("server", &value)]), 1);
            pair.send(&[("vary", "*"), ("server", &value)]);
        }
        assert!(pair.0.next < FIRST + 300);
    }

    #[test]
    fn what_is_behind_or_moves_is_found_as_well() {
        let mut pair = Pair::new();
        let values: Vec<String> = (0..COURSE + 8).map(|number| format!("{number}")).collect();
        let fields: Vec<(&str, &str)> = values.iter().map(|value| ("vary", &value[..])).collect();
        pair.send(&fields);
        let (forwards, backwards): (Vec<_>, Vec<_>) = (fields[1..].to_vec(), fields.iter().rev().copied().collect());
        for fields in [fields, forwards, backwards] {
            // Some were driven out where others fall on the same pair.
            assert!(pair.send(&fields) < fields.len() + 12);
            assert!(pair.send(&fields) < fields.len() + 4);
        }
    }

    #[test]
    fn a_field_that_is_nearly_as_large_as_the_table_has_no_entry() {
        let mut pair = Pair::new();
        let (large, larger) = ("x".repeat(3072 - 32 - 6), "x".repeat(3072 - 32 - 5));
        pair.send(&[("server", &larger)]);
        assert_eq!(pair.0.table.size(), 0);
        pair.send(&[("server", &large)]);
        assert_eq!(pair.0.table.size(), 3072);
    }

    #[test]
    fn a_table_of_nothing_gets_no_entries() {
        let mut pair = Pair::new();
        pair.0.resize(0);
        for _ in 0..3 {
            pair.send(&[("server", "x"), (":status", "200"), ("x-a", "1"), ("set-cookie", "")]);
        }
        assert_eq!(pair.0.table.len(), 0);
    }

    #[test]
    fn values_that_are_spelled_out_may_be_long_and_names_unknown() {
        let mut pair = Pair::new();
        for len in [0, 1, 126, 127, 128, 300, 20_000] {
            let value = "v".repeat(len);
            for name in ["set-cookie", "content-length", "location", "x", "cookie"] {
                pair.send(&[(name, &value)]);
            }
            let mut block = Vec::new();
            pair.0.secret(b"x-secret", value.as_bytes(), &mut block);
            pair.1.decode(&block, &Limits::default(), &mut pair.2).unwrap();
            assert_eq!(pair.2.first(b"x-secret"), Some(value.as_bytes()));
        }
    }

    #[test]
    fn every_static_entry_with_a_value_is_one_octet() {
        for (at, (name, value)) in statics::ENTRIES.iter().enumerate().filter(|(_, entry)| !entry.1.is_empty()) {
            let mut block = Vec::new();
            Encoder::new().field(name.as_bytes(), value.as_bytes(), &mut block);
            assert_eq!(block, [0x80 | (at as u8 + 1)]);
        }
    }

    #[test]
    fn every_static_name_is_an_index() {
        for (name, _) in statics::ENTRIES {
            let mut block = Vec::new();
            Encoder::new().field(name.as_bytes(), b"?", &mut block);
            assert!(block.len() <= 4, "{name}: {block:x?}");
            Pair::new().send(&[(name, "?"), (name, "")]);
        }
    }
}
