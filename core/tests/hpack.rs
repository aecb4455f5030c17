//! HPACK as RFC 7541 has it: the blocks of its Appendix C, and both sides of each rule that a block can break.

use sluicegate::http::h2::fields::FieldList;
use sluicegate::http::h2::hpack::{DRAINED_TIMES, DecodeError, Decoder, Encoder, Limits, TABLE_SIZE_DEFAULT, Why};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

fn fields(text: &[(&str, &str)]) -> Fields {
    text.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn decode_with(decoder: &mut Decoder, limits: &Limits, block: &[u8]) -> Result<Fields, DecodeError> {
    let mut list = FieldList::new();
    decoder.decode(block, limits, &mut list)?;
    assert_eq!(list.len(), list.iter().count());
    assert_eq!(list.size(), list.iter().map(|field| field.name.len() + field.value.len() + 32).sum::<usize>());
    Ok(list.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect())
}

fn decode(block: &[u8]) -> Result<Fields, DecodeError> {
    decode_with(&mut Decoder::new(TABLE_SIZE_DEFAULT), &Limits::default(), block)
}

fn broken(block: &[u8]) -> Why {
    match decode(block) {
        Err(DecodeError::Compression(why)) => why,
        other => panic!("{block:x?} is {other:?}"),
    }
}

/// A field that is spelled out, `x: y`, and not put into the table.
const LITERAL: &[u8] = &[0x00, 1, b'x', 1, b'y'];

/// A field without a name whose value is that often `octet`.
fn filler(pattern: u8, octet: u8, len: usize) -> Vec<u8> {
    let mut block = vec![pattern, 0, 0x7f];
    let mut left = len - 0x7f;
    while left >= 0x80 {
        block.push(left as u8 | 0x80);
        left >>= 7;
    }
    block.push(left as u8);
    block.extend(vec![octet; len]);
    block
}

/// Blocks that follow each other, what they mean, and the size of the table behind each.
/// A block in hexadecimal, its fields, and the size of the table after it.
type Block<'a> = (&'a str, &'a [(&'a str, &'a str)], usize);

fn appendix(table: usize, blocks: &[Block<'_>]) {
    let mut decoder = Decoder::new(table);
    for (block, meaning, size) in blocks {
        assert_eq!(decode_with(&mut decoder, &Limits::default(), &hex(block)).unwrap(), fields(meaning), "{block}");
        assert_eq!(decoder.table_size(), *size, "{block}");
    }
}

#[test]
fn single_fields_of_appendix_c_2_are_decoded() {
    let custom = "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572";
    appendix(4096, &[(custom, &[("custom-key", "custom-header")], 55)]);
    appendix(4096, &[("040c 2f73 616d 706c 652f 7061 7468", &[(":path", "/sample/path")], 0)]);
    appendix(4096, &[("1008 7061 7373 776f 7264 0673 6563 7265 74", &[("password", "secret")], 0)]);
    appendix(4096, &[("82", &[(":method", "GET")], 0)]);
}

const REQUEST_1: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
const REQUEST_2: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "www.example.com"),
    ("cache-control", "no-cache"),
];
const REQUEST_3: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "https"),
    (":path", "/index.html"),
    (":authority", "www.example.com"),
    ("custom-key", "custom-value"),
];

#[test]
fn requests_of_appendix_c_3_are_decoded() {
    let first = "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d";
    let second = "8286 84be 5808 6e6f 2d63 6163 6865";
    let third = "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65";
    appendix(4096, &[(first, REQUEST_1, 57), (second, REQUEST_2, 110), (third, REQUEST_3, 164)]);
}

#[test]
fn requests_of_appendix_c_4_are_decoded() {
    let first = "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff";
    let second = "8286 84be 5886 a8eb 1064 9cbf";
    let third = "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf";
    appendix(4096, &[(first, REQUEST_1, 57), (second, REQUEST_2, 110), (third, REQUEST_3, 164)]);
}

const ANSWER_1: &[(&str, &str)] = &[
    (":status", "302"),
    ("cache-control", "private"),
    ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
    ("location", "https://www.example.com"),
];
const ANSWER_2: &[(&str, &str)] = &[
    (":status", "307"),
    ("cache-control", "private"),
    ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
    ("location", "https://www.example.com"),
];
const ANSWER_3: &[(&str, &str)] = &[
    (":status", "200"),
    ("cache-control", "private"),
    ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
    ("location", "https://www.example.com"),
    ("content-encoding", "gzip"),
    ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
];

#[test]
fn answers_of_appendix_c_5_are_decoded_while_a_small_table_drops_entries() {
    let first = "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 \
        3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d";
    let second = "4803 3330 37c1 c0bf";
    let third = "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 \
        7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 \
        3630 303b 2076 6572 7369 6f6e 3d31";
    appendix(256, &[(first, ANSWER_1, 222), (second, ANSWER_2, 222), (third, ANSWER_3, 215)]);
}

#[test]
fn answers_of_appendix_c_6_are_decoded_while_a_small_table_drops_entries() {
    let first = "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad \
        1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
    let second = "4883 640e ffc1 c0bf";
    let third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 \
        e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
    appendix(256, &[(first, ANSWER_1, 222), (second, ANSWER_2, 222), (third, ANSWER_3, 215)]);
}

#[test]
fn integers_of_appendix_c_1_are_sizes_of_the_table() {
    // With a prefix of five bits, as a change of the table's size has it: 10 and 1337.
    assert_eq!(decode(&[0x2a]).unwrap(), []);
    assert_eq!(decode(&[0x3f, 0x9a, 0x0a]).unwrap(), []);
}

#[test]
fn a_block_of_nothing_is_a_list_of_nothing() {
    assert_eq!(decode(&[]).unwrap(), []);
}

#[test]
fn an_integer_may_have_four_octets_behind_the_first() {
    // Index 1 of a name, with zeros in front.
    assert_eq!(decode(&[0x0f, 0x80, 0x80, 0x80, 0x00, 0]).unwrap(), fields(&[("accept-charset", "")]));
    assert_eq!(broken(&[0x0f, 0x80, 0x80, 0x80, 0x80, 0x00, 0]), Why::IntegerTooLarge);
    assert_eq!(broken(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), Why::IntegerTooLarge);
    assert_eq!(broken(&[0xff, 0xff, 0xff, 0xff, 0x7f]), Why::NoSuchEntry);
}

#[test]
fn a_block_that_ends_within_a_field_is_broken_wherever_it_ends() {
    for whole in [
        &[0x40, 1, b'x', 1, b'y'][..],
        &[0x10, 1, b'x', 1, b'y'],
        LITERAL,
        &[0x04, 3, b'/', b'a', b'b'],
        &[0x0f, 0x00, 0x7f, 0x00, 1],
        &[0x41, 0x84, 0x1c, 0x64, 0x49, 0x1f],
    ] {
        for end in 1..whole.len() {
            assert_eq!(broken(&whole[..end]), Why::Truncated, "{:x?}", &whole[..end]);
        }
    }
    assert_eq!(broken(&[0xff]), Why::Truncated);
    assert_eq!(broken(&[0xff, 0x80]), Why::Truncated);
    assert_eq!(broken(&[0x3f, 0x80]), Why::Truncated);
}

#[test]
fn index_zero_is_none_and_the_static_table_ends_at_61() {
    assert_eq!(broken(&[0x80]), Why::NoSuchEntry);
    assert_eq!(decode(&[0x81]).unwrap(), fields(&[(":authority", "")]));
    assert_eq!(decode(&[0x80 | 61]).unwrap(), fields(&[("www-authenticate", "")]));
    assert_eq!(broken(&[0x80 | 62]), Why::NoSuchEntry);
}

#[test]
fn the_dynamic_table_ends_behind_its_oldest_entry() {
    let insert = [0x40, 1, b'x', 1, b'y'];
    assert_eq!(decode(&[&insert[..], &[0x80 | 62]].concat()).unwrap().len(), 2);
    assert_eq!(broken(&[&insert[..], &[0x80 | 63]].concat()), Why::NoSuchEntry);
    // As a name likewise.
    assert_eq!(decode(&[&insert[..], &[0x40 | 62, 0]].concat()).unwrap().len(), 2);
    assert_eq!(broken(&[&insert[..], &[0x7f, 0x00, 0]].concat()), Why::NoSuchEntry);
    assert_eq!(broken(&[&insert[..], &[0x0f, 62 - 15 + 1, 0]].concat()), Why::NoSuchEntry);
}

#[test]
fn what_is_in_front_is_newest() {
    let block = hex("4001 6101 31 4001 6201 32 bf be");
    assert_eq!(decode(&block).unwrap(), fields(&[("a", "1"), ("b", "2"), ("a", "1"), ("b", "2")]));
}

#[test]
fn literals_that_are_not_to_be_indexed_leave_the_table_as_it_is() {
    for pattern in [0x00, 0x10] {
        let mut decoder = Decoder::new(4096);
        let block = [pattern, 1, b'x', 1, b'y'];
        assert_eq!(decode_with(&mut decoder, &Limits::default(), &block).unwrap(), fields(&[("x", "y")]));
        assert_eq!(decoder.table_size(), 0);
    }
}

/// A literal `x` whose value has that code.
fn huffman(code: &[u8]) -> Vec<u8> {
    [&[0x00, 1, b'x', 0x80 | code.len() as u8], code].concat()
}

#[test]
fn padding_is_less_than_an_octet_of_ones() {
    // `0` has five zeros as its code, `X` is 1111_1100, `&` is 1111_1000.
    assert_eq!(decode(&huffman(&[0b0000_0111])).unwrap(), fields(&[("x", "0")]));
    assert_eq!(decode(&huffman(&[0b1111_1000])).unwrap(), fields(&[("x", "&")]));
    assert_eq!(decode(&huffman(&[])).unwrap(), fields(&[("x", "")]));
    // Seven bits of it, behind `0` and two blanks of six bits each; eight, behind two `0` and a blank.
    assert_eq!(decode(&huffman(&[0b0000_0010, 0b1000_1010, 0b0111_1111])).unwrap(), fields(&[("x", "0  ")]));
    assert_eq!(decode(&huffman(&[0b0000_0000, 0b0001_0100])).unwrap(), fields(&[("x", "00 ")]));
    assert_eq!(broken(&huffman(&[0b0000_0000, 0b0001_0100, 0b1111_1111])), Why::BadPadding);
    for code in [&[0b0000_0110][..], &[0b0000_0000], &[0b0000_0011], &[0b1111_1111], &[0b1111_1000, 0b1111_1111]] {
        assert_eq!(broken(&huffman(code)), Why::BadPadding, "{code:x?}");
    }
    // Also behind so many that they are read a word at a time.
    for good in 0..40 {
        let code = [&vec![0b1111_1000; good][..], &[0b1111_1111]].concat();
        assert_eq!(decode(&huffman(&code[..good])).unwrap()[0].1, vec![b'&'; good]);
        assert_eq!(broken(&huffman(&code)), Why::BadPadding, "{good}");
    }
}

#[test]
fn no_string_contains_eos() {
    assert_eq!(broken(&huffman(&[0xff, 0xff, 0xff, 0xff])), Why::EndOfString);
    assert_eq!(broken(&huffman(&[0xff, 0xff, 0xff, 0xfc])), Why::EndOfString);
    assert_eq!(broken(&huffman(&[0xff, 0xff, 0xff])), Why::BadPadding);
    // The last code before it, of thirty bits, too: that of 22.
    assert_eq!(decode(&huffman(&[0xff, 0xff, 0xff, 0b1111_1011])).unwrap(), fields(&[("x", "\u{16}")]));
    for good in 0..40 {
        let code = [&vec![0b1111_1000; good][..], &[0xff; 4], &[0xf8; 12]].concat();
        assert_eq!(broken(&huffman(&code)), Why::EndOfString, "{good}");
    }
}

#[test]
fn the_table_is_resized_at_the_beginning_of_a_block_only() {
    assert_eq!(decode(&[&[0x20][..], LITERAL].concat()).unwrap(), fields(&[("x", "y")]));
    assert_eq!(broken(&[LITERAL, &[0x20]].concat()), Why::LateResize);
    assert_eq!(broken(&[0x82, 0x3f, 0xe1, 0x1f]), Why::LateResize);
}

#[test]
fn the_table_is_resized_up_to_what_was_announced() {
    assert_eq!(decode(&[0x3f, 0xe1, 0x1f]).unwrap(), []);
    assert_eq!(broken(&[0x3f, 0xe2, 0x1f]), Why::ResizeTooLarge);
    assert_eq!(broken(&[0x3f, 0xff, 0xff, 0xff, 0x7f]), Why::ResizeTooLarge);
    let mut larger = Decoder::new(8192);
    assert!(decode_with(&mut larger, &Limits::default(), &[0x3f, 0xe1, 0x3f]).is_ok());
    assert!(decode_with(&mut larger, &Limits::default(), &[0x3f, 0xe2, 0x3f]).is_err());
}

#[test]
fn a_larger_table_than_usual_must_be_asked_for() {
    let field = filler(0x40, b'x', 2048);
    let mut decoder = Decoder::new(8192);
    decode_with(&mut decoder, &Limits::default(), &[&field[..], &field].concat()).unwrap();
    assert_eq!(decoder.table_size(), 2048 + 32);
    decode_with(&mut decoder, &Limits::default(), &[&[0x3f, 0xe1, 0x3f], &field[..], &field].concat()).unwrap();
    assert_eq!(decoder.table_size(), 3 * (2048 + 32));
}

#[test]
fn the_table_is_resized_twice_at_most() {
    assert_eq!(decode(&[0x20, 0x3f, 0xe1, 0x1f]).unwrap(), []);
    assert_eq!(broken(&[0x20, 0x20, 0x20]), Why::TooManyResizes);
}

#[test]
fn a_smaller_table_drops_the_oldest() {
    let mut decoder = Decoder::new(4096);
    let limits = Limits::default();
    decode_with(&mut decoder, &limits, &hex("4001 6101 31 4001 6201 32")).unwrap();
    assert_eq!(decoder.table_size(), 68);
    // 67 octets: one of the two.
    assert_eq!(decode_with(&mut decoder, &limits, &[0x3f, 67 - 31, 0x80 | 62]).unwrap(), fields(&[("b", "2")]));
    assert_eq!(decoder.table_size(), 34);
    assert_eq!(decode_with(&mut decoder, &limits, &[0x20]).unwrap(), []);
    assert_eq!(decoder.table_size(), 0);
}

#[test]
fn an_entry_that_fills_the_table_is_there_and_one_that_is_larger_empties_it() {
    for (value, size) in [(64 - 32 - 1, 64), (64 - 32, 0)] {
        let mut decoder = Decoder::new(64);
        decode_with(&mut decoder, &Limits::default(), &[0x40, 1, b'a', 0]).unwrap();
        assert_eq!(decoder.table_size(), 33);
        let block = [&[0x40, 1, b'b', value], &vec![b'x'; value.into()][..]].concat();
        assert_eq!(decode_with(&mut decoder, &Limits::default(), &block).unwrap().len(), 1);
        assert_eq!(decoder.table_size(), size);
    }
}

#[test]
fn a_name_may_be_of_the_entry_that_goes_for_it() {
    // RFC 7541 section 4.4.
    let mut decoder = Decoder::new(70);
    let limits = Limits::default();
    decode_with(&mut decoder, &limits, &hex("4003 616263 03 313233")).unwrap();
    let again = decode_with(&mut decoder, &limits, &hex("7e 03 343536 be")).unwrap();
    assert_eq!(again, fields(&[("abc", "456"), ("abc", "456")]));
}

#[test]
fn a_list_of_exactly_the_limit_passes() {
    let limits = Limits::default();
    assert_eq!(limits.list_size, 65_536);
    // Fifteen that fill the table, and what is left.
    let block = |more: u8| {
        let (entry, last) = (filler(0x40, b'x', 4096 - 32), filler(0x00, b'y', 4096 - 32 + usize::from(more)));
        [&entry[..], &[0x80 | 62; 14], &last].concat()
    };
    let mut list = FieldList::new();
    Decoder::new(4096).decode(&block(0), &limits, &mut list).unwrap();
    assert_eq!(list.size(), 65_536);
    let result = Decoder::new(4096).decode(&block(1), &limits, &mut list);
    assert_eq!(result, Err(DecodeError::ListTooLarge { size: 65_537 }));
    assert!(list.is_empty());
}

#[test]
fn a_list_is_too_large_by_an_indexed_field_and_by_a_name_too() {
    let limits = Limits { list_size: 2 * 42, fields: 10 };
    let decode = |block: &[u8]| decode_with(&mut Decoder::new(4096), &limits, block);
    // `:method: GET` counts 42.
    assert!(decode(&[0x82, 0x82]).is_ok());
    assert_eq!(decode(&[0x82, 0x82, 0x82]), Err(DecodeError::ListTooLarge { size: 3 * 42 }));
    // `:method` alone 39.
    assert!(decode(&[0x82, 0x02, 3, b'P', b'U', b'T']).is_ok());
    assert_eq!(decode(&[0x82, 0x02, 4, b'P', b'O', b'S', b'T']), Err(DecodeError::ListTooLarge { size: 85 }));
    // A rule that is broken there is a broken rule all the same.
    assert_eq!(decode(&[0x82, 0x82, 0x02]), Err(DecodeError::Compression(Why::Truncated)));
}

#[test]
fn a_list_of_so_many_fields_passes_and_of_one_more_does_not() {
    let limits = Limits { list_size: 65_536, fields: 1000 };
    assert_eq!(limits, Limits::default());
    let decode = |count| decode_with(&mut Decoder::new(4096), &limits, &vec![0x84; count]).map(|fields| fields.len());
    assert_eq!(decode(1000), Ok(1000));
    assert_eq!(decode(1001), Err(DecodeError::TooManyFields { size: 1001 * 38 }));
}

#[test]
fn a_decoder_that_met_a_broken_block_decodes_no_more() {
    let small = Limits { list_size: 41, fields: 10 };
    let mut list = FieldList::new();
    // The first field is good; the last block is nine times what may be.
    for (limits, block) in [(Limits::default(), &[0x82, 0x80][..]), (small, &[0x82, 0x80]), (small, &[0x82; 9])] {
        let mut decoder = Decoder::new(4096);
        list.push(b"before", b"");
        decoder.decode(block, &limits, &mut list).unwrap_err();
        assert!(list.is_empty(), "nothing of it is there");
        list.push(b"before", b"");
        let again = decoder.decode(&[0x82], &Limits::default(), &mut list);
        assert_eq!(again, Err(DecodeError::Compression(Why::Failed)));
        assert!(list.is_empty());
    }
}

#[test]
fn a_decoder_that_met_a_list_too_large_goes_on_with_the_right_table() {
    let small = Limits { list_size: 3 * 34, fields: 2 };
    // Each of one octet of name and one of value, and all into the table.
    let fields = |n: usize| (0..n).flat_map(|at| [0x40, 1, b'n', 1, b'0' + at as u8]).collect::<Vec<_>>();
    for (n, expected) in [
        (2, None),
        (3, Some(DecodeError::TooManyFields { size: 102 })),
        (4, Some(DecodeError::ListTooLarge { size: 136 })),
        (9, Some(DecodeError::ListTooLarge { size: 306 })),
    ] {
        let (mut decoder, mut list) = (Decoder::new(4096), FieldList::new());
        assert_eq!(decoder.decode(&fields(n), &small, &mut list).err(), expected);
        assert_eq!(list.is_empty(), expected.is_some());
        assert_eq!(decoder.table_size(), 34 * n);
        let all: Vec<u8> = (0..n as u8).map(|at| 0x80 | (62 + at)).collect();
        let known = decode_with(&mut decoder, &Limits::default(), &all).unwrap();
        let newest_first = (0..n as u8).rev().map(|at| (vec![b'n'], vec![b'0' + at]));
        assert_eq!(known, newest_first.collect::<Vec<_>>());
    }
}

#[test]
fn a_list_is_read_to_its_end_up_to_eight_times_its_limit() {
    let limits = Limits { list_size: 42, fields: 1000 };
    let decode = |count: usize, more: &[u8]| {
        let mut decoder = Decoder::new(4096);
        let first = decode_with(&mut decoder, &limits, &[&vec![0x82; count][..], more].concat()).unwrap_err();
        (first, decode_with(&mut decoder, &limits, &[0x82]).is_ok())
    };
    assert_eq!(DRAINED_TIMES, 8);
    assert_eq!(decode(8, &[]), (DecodeError::ListTooLarge { size: 8 * 42 }, true));
    assert_eq!(decode(7, &[0x00, 1, b'x', 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]).0, DecodeError::ListTooLarge { size: 8 * 42 });
    assert_eq!(decode(7, &[0x00, 1, b'x', 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), (DecodeError::Bomb, false));
    assert_eq!(decode(9, &[]), (DecodeError::Bomb, false));
    // Each field counts once, also of a run from the dynamic table in the middle of which the limit is.
    let run = [&[0x40, 1, b'n', 8][..], &[b'v'; 8], &[0x80 | 62; 6]].concat();
    let limits_of_run = Limits { list_size: 3 * 41, ..limits };
    let result = decode_with(&mut Decoder::new(4096), &limits_of_run, &run);
    assert_eq!(result, Err(DecodeError::ListTooLarge { size: 7 * 41 }));
    // What breaks a rule there breaks it.
    for (more, why) in [(&[0x20][..], Why::LateResize), (&[0xff, 0], Why::NoSuchEntry), (&[0x40], Why::Truncated)] {
        assert_eq!(decode(3, more), (DecodeError::Compression(why), false));
    }
}

#[test]
fn few_octets_that_mean_many_stop_at_the_limit() {
    // An entry of 4000 octets, then again and again.
    let block = [&filler(0x40, b'x', 4000)[..], &[0x80 | 62; 12_000]].concat();
    let (mut decoder, mut list) = (Decoder::new(4096), FieldList::new());
    assert_eq!(decoder.decode(&block, &Limits::default(), &mut list), Err(DecodeError::Bomb));
    assert!(list.is_empty());
    assert!(list.memory() <= 2 * 65_536, "{}", list.memory());
    assert!(decoder.memory() <= 3 * 4096, "{}", decoder.memory());
}

#[test]
fn memory_of_a_large_list_is_given_back() {
    let (mut decoder, mut list) = (Decoder::new(4096), FieldList::new());
    let block = filler(0x00, b'x', 20_000);
    decoder.decode(&block, &Limits::default(), &mut list).unwrap();
    assert!(list.memory() > 20_000);
    decoder.decode(&[0x82], &Limits::default(), &mut list).unwrap();
    assert_eq!(list.iter().map(|field| field.value).collect::<Vec<_>>(), [b"GET"]);
    assert!(list.memory() <= 5 * 1024, "{}", list.memory());
}

/// Blocks that an encoder made of these fields, one after the other.
fn encode(encoder: &mut Encoder, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    encoder.begin(&mut block);
    fields.iter().for_each(|(name, value)| encoder.field(name.as_bytes(), value.as_bytes(), &mut block));
    block
}

#[test]
fn what_comes_again_is_one_octet() {
    let mut encoder = Encoder::new();
    let answer = [(":status", "200"), ("server", "nginx"), ("content-type", "text/html"), ("vary", "accept")];
    assert_eq!(encode(&mut encoder, &answer)[0], 0x88);
    assert_eq!(encode(&mut encoder, &answer), [0x88, 0x80 | 64, 0x80 | 63, 0x80 | 62]);
}

#[test]
fn what_is_new_each_time_gets_no_entry_and_what_comes_again_does() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    let mut sent = |fields: &[(&str, &str)]| {
        let block = encode(&mut encoder, fields);
        decode_with(&mut decoder, &Limits::default(), &block).unwrap();
        (block.len(), decoder.table_size())
    };
    // A name of the static table: spelled out, then with an entry, then that.
    assert_eq!(sent(&[("etag", "\"1\"")]), (6, 0));
    assert_eq!(sent(&[("etag", "\"2\"")]), (6, 0));
    assert_eq!(sent(&[("etag", "\"2\"")]).1, 39);
    assert_eq!(sent(&[("etag", "\"2\"")]), (1, 39));
    // Another name gets an entry once it comes again, so that it is not spelled out any more.
    assert_eq!(sent(&[("x-id", "1")]), (8, 39));
    assert_eq!(sent(&[("x-id", "2")]).1, 39 + 37);
    assert_eq!(sent(&[("x-id", "3")]), (4, 39 + 37));
    assert_eq!(sent(&[("x-id", "2")]), (1, 39 + 37));
}

#[test]
fn credentials_cookies_and_lengths_are_never_in_the_table() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    for (name, pattern) in [
        ("authorization", 0x10),
        ("proxy-authorization", 0x10),
        ("cookie", 0x10),
        ("set-cookie", 0x10),
        ("content-length", 0x00),
        ("content-range", 0x00),
        ("range", 0x00),
    ] {
        for _ in 0..3 {
            let block = encode(&mut encoder, &[(name, "1")]);
            assert_eq!(block[0] & 0xf0, pattern, "{name}");
            assert_eq!(decode_with(&mut decoder, &Limits::default(), &block).unwrap(), fields(&[(name, "1")]));
        }
    }
    for _ in 0..3 {
        let mut block = Vec::new();
        encoder.begin(&mut block);
        encoder.secret(b"x-key", b"k", &mut block);
        assert_eq!(block, b"\x10\x05x-key\x01k");
        decode_with(&mut decoder, &Limits::default(), &block).unwrap();
    }
    assert_eq!(decoder.table_size(), 0);
}

#[test]
fn what_is_spelled_out_is_as_it_is_and_what_enters_the_table_is_short() {
    let value = "aaaaaaaa";
    let mut encoder = Encoder::new();
    // Eight codes of five bits, once.
    assert_eq!(encode(&mut encoder, &[("server", value)]), [&[0x40 | 54, 0x80 | 5][..], &hex("18c6318c63")].concat());
    assert_eq!(encode(&mut encoder, &[("server", value)]), [0x80 | 62]);
    for _ in 0..2 {
        let block = encode(&mut encoder, &[("set-cookie", value)]);
        assert_eq!(block, [&[0x1f, 55 - 15, 8][..], value.as_bytes()].concat());
    }
}

#[test]
fn a_value_that_changes_only_within_does_not_drive_others_out() {
    let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new(4096));
    for nonce in 0..100 {
        let policy = format!("default-src 'self'; script-src 'nonce-{nonce:08}'; object-src 'none'");
        let block = encode(&mut encoder, &[("server", "x"), ("content-security-policy", &policy)]);
        decode_with(&mut decoder, &Limits::default(), &block).unwrap();
    }
    // `server`, and the first of the others for its name.
    assert!(decoder.table_size() < 39 + 200, "{}", decoder.table_size());
}

#[test]
fn an_encoder_says_what_became_of_its_table() {
    let sizes = |wishes: &[usize]| {
        let mut encoder = Encoder::new();
        wishes.iter().for_each(|size| encoder.resize(*size));
        encode(&mut encoder, &[])
    };
    assert!(sizes(&[]).is_empty());
    assert!(sizes(&[4096]).is_empty());
    // More than it needs: it keeps what it has.
    assert!(sizes(&[65_536]).is_empty());
    assert_eq!(sizes(&[0]), [0x20]);
    assert_eq!(sizes(&[100]), [0x3f, 69]);
    assert_eq!(sizes(&[100, 4096]), [0x3f, 69, 0x3f, 0xe1, 0x1f]);
    // Of several the smallest, then the last.
    assert_eq!(sizes(&[200, 0, 100]), [0x20, 0x3f, 69]);
    assert_eq!(sizes(&[200, 100]), [0x3f, 69]);
    assert!(sizes(&[8192, 4096]).is_empty());
}

#[test]
fn a_resized_table_is_said_once() {
    let mut encoder = Encoder::new();
    encoder.resize(0);
    assert_eq!(encode(&mut encoder, &[("server", "x")])[0], 0x20);
    assert_eq!(encode(&mut encoder, &[("server", "x")]), b"\x0f\x27\x01x");
}
