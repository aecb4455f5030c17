//! Writes header blocks.

use super::{TABLE_SIZE_DEFAULT, huffman, integer, statics, table::Table};

/// The most that a table of ours takes, however much the peer offers: what is sent again and again on one connection
/// fits into it, and there may be as many tables as there are connections.
const TABLE_SIZE_MAX: usize = TABLE_SIZE_DEFAULT;

/// One direction of a connection, at its sending end.
pub struct Encoder {
    table: Table,
    /// The smallest size since the last block, and the last, if the table's was changed.
    resized: Option<(usize, usize)>,
}

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new()
    }
}

impl Encoder {
    /// With a table of the size that holds until the peer says otherwise.
    pub fn new() -> Encoder {
        Encoder { table: Table::new(TABLE_SIZE_DEFAULT), resized: None }
    }

    /// The peer's SETTINGS_HEADER_TABLE_SIZE; the next block says what was made of it (RFC 7541 section 4.2).
    pub fn resize(&mut self, max: usize) {
        let max = max.min(TABLE_SIZE_MAX);
        let smallest = self.resized.map_or(max, |(smallest, _)| smallest.min(max));
        self.resized = Some((smallest, max));
    }

    /// Begins a block. Every block must be begun, and then reach the peer, in this order.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let Some((smallest, last)) = self.resized.take() else { return };
        if smallest < last {
            self.table.resize(smallest);
            integer::write(0x20, 5, smallest, out);
        }
        if smallest < last || last != self.table.size_max() {
            self.table.resize(last);
            integer::write(0x20, 5, last, out);
        }
    }

    /// Writes a field; the name is in lower case.
    pub fn field(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        let found = statics::ENTRIES.iter().position(|entry| entry.0.as_bytes() == name && entry.1.as_bytes() == value);
        match found {
            Some(at) => integer::write(0x80, 7, at + 1, out),
            None => self.literal(0, name, value, out),
        }
    }

    /// Writes a field that nobody on the way may index, either (RFC 7541 section 7.1.3).
    pub fn secret(&mut self, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        self.literal(0x10, name, value, out);
    }

    fn literal(&mut self, pattern: u8, name: &[u8], value: &[u8], out: &mut Vec<u8>) {
        let index = statics::ENTRIES.iter().position(|entry| entry.0.as_bytes() == name).map_or(0, |at| at + 1);
        integer::write(pattern, 4, index, out);
        if index == 0 {
            string(name, out);
        }
        string(value, out);
    }
}

fn string(string: &[u8], out: &mut Vec<u8>) {
    let len = huffman::encoded_len(string);
    if len < string.len() {
        integer::write(0x80, 7, len, out);
        huffman::encode(string, out);
    } else {
        integer::write(0, 7, string.len(), out);
        out.extend_from_slice(string);
    }
}
