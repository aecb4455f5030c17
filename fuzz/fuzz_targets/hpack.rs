//! Header blocks of strangers, several on one connection: whatever they are, they are decoded or refused, within the memory that
//! tables and lists may take, and what was decoded arrives again through our encoder. And fields that are made of the same octets,
//! with tables that change their sizes, arrive as they were sent.
//!
//! The first octet of an input says what it is, see [`Kind`]; blocks are parted by the two octets [`PARTED`].
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::http::h2::fields::FieldList;
use sluicegate::http::h2::hpack::{DRAINED_TIMES, DecodeError, Decoder, Encoder, Limits, TABLE_SIZE_DEFAULT, Why};

/// What an input is.
enum Kind {
    /// Blocks, with limits as they are.
    Blocks,
    /// Blocks, with a small table and small limits.
    Small,
    /// One block whose only field has all of it for its Huffman code.
    Huffman,
    /// Lines of `name:value` to send; one of `#` and a number resizes the table, an empty one begins a block.
    Fields,
}

const KINDS: [Kind; 4] = [Kind::Blocks, Kind::Small, Kind::Huffman, Kind::Fields];

const PARTED: &[u8] = &[0xff, 0xa5];

const SMALL_TABLE: usize = 100;
const SMALL: Limits = Limits { list_size: 400, fields: 5 };

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else { return };
    match KINDS[usize::from(kind) % KINDS.len()] {
        Kind::Blocks => receive(rest, TABLE_SIZE_DEFAULT, &Limits::default()),
        Kind::Small => receive(rest, SMALL_TABLE, &SMALL),
        Kind::Huffman => {
            let block = [&[0x00, 1, b'x'], &length(0x80, rest.len())[..], rest].concat();
            receive(&block, TABLE_SIZE_DEFAULT, &Limits::default());
        }
        Kind::Fields => send(rest),
    }
});

fn receive(blocks: &[u8], table_max: usize, limits: &Limits) {
    let (mut decoder, mut list) = (Decoder::new(table_max), FieldList::new());
    // One that takes all that the other reads: they agree on what every block means, for their tables are the same.
    let (mut lenient, mut all) = (Decoder::new(table_max), FieldList::new());
    let all_limits = Limits { list_size: limits.list_size * DRAINED_TIMES, fields: usize::MAX };
    let mut further = Connection::new();
    let mut failed = false;
    for block in parts(blocks) {
        let result = decoder.decode(block, limits, &mut list);
        assert!(decoder.table_size() <= table_max, "the table holds {}", decoder.table_size());
        assert!(decoder.memory() <= 4 * table_max + 400, "the table takes {}", decoder.memory());
        // One string more than the limit may be there for a moment.
        assert!(list.memory() <= 4 * (limits.list_size + 2 * block.len()) + 8192, "the list takes {}", list.memory());
        assert!(list.size() <= limits.list_size && list.len() <= limits.fields);
        assert_eq!(list.size(), list.iter().map(|field| field.name.len() + field.value.len() + 32).sum::<usize>());
        assert_eq!(list.len(), list.iter().count());
        if failed {
            assert_eq!(result, Err(DecodeError::Compression(Why::Failed)), "a decoder that failed goes on");
            assert!(list.is_empty());
            continue;
        }
        let lenient_result = lenient.decode(block, &all_limits, &mut all);
        failed = matches!(result, Err(DecodeError::Compression(_) | DecodeError::Bomb));
        assert!(failed || decoder.table_size() == lenient.table_size());
        match result {
            Ok(()) => {
                assert!(list.iter().eq(all.iter()), "both take the same");
                further.carry(&list);
            }
            Err(DecodeError::ListTooLarge { size }) => {
                assert!(list.is_empty() && lenient_result.is_ok());
                assert!(size == all.size() && size > limits.list_size);
            }
            Err(DecodeError::TooManyFields { size }) => {
                assert!(list.is_empty() && lenient_result.is_ok());
                assert!(size == all.size() && size <= limits.list_size && all.len() > limits.fields);
            }
            Err(error @ (DecodeError::Compression(_) | DecodeError::Bomb)) => {
                assert!(list.is_empty() && lenient_result.is_err());
                assert_ne!(error, DecodeError::Compression(Why::Failed));
            }
        }
    }
}

fn send(lines: &[u8]) {
    let mut connection = Connection::new();
    let mut list = FieldList::new();
    for line in lines.split(|octet| *octet == b'\n') {
        if let Some(size) = line.strip_prefix(b"#") {
            connection.encoder.resize(size.iter().fold(0, |all, octet| all * 7 % 5000 + usize::from(*octet)));
        } else if line.is_empty() {
            connection.carry(&list);
            list.clear();
        } else {
            let at = line.iter().skip(1).position(|octet| *octet == b':').map_or(line.len(), |at| at + 1);
            list.push(&line[..at], line.get(at + 1..).unwrap_or_default());
        }
    }
    connection.carry(&list);
}

/// From our encoder to our decoder.
struct Connection {
    encoder: Encoder,
    decoder: Decoder,
    list: FieldList,
}

impl Connection {
    fn new() -> Connection {
        Connection { encoder: Encoder::new(), decoder: Decoder::new(TABLE_SIZE_DEFAULT), list: FieldList::new() }
    }

    /// Twice, since the second time is another for an encoder.
    fn carry(&mut self, fields: &FieldList) {
        for _ in 0..2 {
            let mut block = Vec::new();
            self.encoder.begin(&mut block);
            fields.iter().for_each(|field| self.encoder.field(field.name, field.value, &mut block));
            let limits = Limits { list_size: usize::MAX, fields: usize::MAX };
            self.decoder.decode(&block, &limits, &mut self.list).expect("what we encoded is good");
            assert!(self.list.iter().eq(fields.iter()), "what arrived is not what was sent");
            // The shortest field that has to be spelled out, and two lengths of five octets.
            assert!(block.len() <= fields.size() + 12, "{} octets for {}", block.len(), fields.size());
        }
    }
}

fn parts(blocks: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(blocks);
    std::iter::from_fn(move || {
        let now = rest?;
        let at = now.windows(PARTED.len()).position(|octets| octets == PARTED);
        rest = at.map(|at| &now[at + PARTED.len()..]);
        Some(&now[..at.unwrap_or(now.len())])
    })
}

/// A string's length (RFC 7541 section 5.2).
fn length(pattern: u8, length: usize) -> Vec<u8> {
    if length < 0x7f {
        return vec![pattern | length as u8];
    }
    let mut octets = vec![pattern | 0x7f];
    let mut left = length - 0x7f;
    while left >= 0x80 {
        octets.push(left as u8 | 0x80);
        left >>= 7;
    }
    octets.push(left as u8);
    octets
}
