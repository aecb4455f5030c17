//! HPACK (RFC 7541): how HTTP/2 writes the fields of a head in few octets.
//!
//! Each direction of a connection has one [`Encoder`] at the one end and one [`Decoder`] at the other, and between them
//! tables that must stay equal. So blocks are decoded in the order they were encoded, every one of them, whatever
//! becomes of its stream; and a decoder that met a broken block is of no use any more, nor is its connection. One that met a
//! list that is too large is: the table is kept right although the list is not kept.
//!
//! What a decoder takes is bounded: its table by what was announced, the list by [`Limits`], and its time by the length
//! of the block and [`DRAINED_TIMES`] the size of the list together.

mod choice;
mod decoder;
mod encoder;
mod hash;
mod huffman;
mod integer;
mod seen;
mod statics;
mod table;

pub use decoder::{DRAINED_TIMES, DecodeError, Decoder, Limits, Why};
pub use encoder::Encoder;

/// How large a dynamic table is until SETTINGS_HEADER_TABLE_SIZE says otherwise (RFC 9113 section 6.5.2).
pub const TABLE_SIZE_DEFAULT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h2::fields::FieldList;

    #[test]
    fn what_is_encoded_is_decoded() {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(TABLE_SIZE_DEFAULT));
        let mut list = FieldList::new();
        let fields: [(&[u8], &[u8]); 4] =
            [(b":status", b"200"), (b"server", b"nginx/1.27"), (b"x-a", b"\x00\xff~"), (b"set-cookie", b"a=b")];
        for _ in 0..3 {
            let mut block = Vec::new();
            encoder.begin(&mut block);
            fields.iter().for_each(|(name, value)| encoder.field(name, value, &mut block));
            encoder.secret(b"authorization", b"x", &mut block);
            decoder.decode(&block, &Limits::default(), &mut list).unwrap();
            let decoded: Vec<_> = list.iter().map(|field| (field.name, field.value)).collect();
            assert_eq!(decoded[..4], fields);
            assert_eq!(decoded[4..], [(&b"authorization"[..], &b"x"[..])]);
        }
    }
}
