//! How many instructions the fields of a head take on their way into octets and out of them (HPACK), counted by Callgrind:
//! at first, and again on the same connection. The limits are what they must not get back to.

#![allow(missing_docs)]

use gungraun::prelude::*;

use decoder::decoding;
use encoder::encoding;

mod decoder {
    //! Blocks as another encoder wrote them: everything Huffman coded, everything put into the table.

    use std::hint::black_box;

    use gungraun::prelude::*;
    use gungraun::{Callgrind, EventKind};
    use sluicegate::http::h2::fields::FieldList;
    use sluicegate::http::h2::hpack::{Decoder, Limits, TABLE_SIZE_DEFAULT};

    /// 17 fields of a browser, at first and again.
    const BROWSER: [&str; 2] = [
        "8287418c44e7ad72f91d35d055c87a7f44a06075998ee162d416c4301132d37fe4a62d12220a87497e8b48cd47c56398\
        b00b7ab5d07f66a281b0dae053fafc087ed4ce6aadf2a7979c89c6bed4b3bdc0b405c1fda988a4ea76040080010054c2\
        6b0b29fcb01680b83f53b0497ca589d34d1f43aeba0c41a4c7a98f33a69a3fdf9a68fa1d75d0620d263d4c79a68fbed0\
        0177febe58f9fbed00177b51932d4b62bbf45abefb4005ddfa90bf7da002ecff50929bd9abfa5242cb40d25fa523b3e9\
        4f684c9f73989d29ad171861139eb5cbe474d7415721e96093949d4f6a7f60914150831ea8001132d36e3af3e38c9216\
        5f60884ce5a4b0483b3aff4092b6b9ac1c8558d520a4b6c2ad617b5a54251f810f408a4148b4a549275a42a13f8690e4\
        b692d49f408a4148b4a549275a93c85f86a87dcd30d25f408a4148b4a549275906497f8840e92ac7b0d31aaf4086aec3\
        1ec327d785b6007d286f4082497f864d833505b11f",
        "8287cccbcac9c8c7c6c5c4c3c2c1c0bfbe",
    ];

    /// 9 fields of a gRPC client.
    const GRPC: [&str; 2] = [
        "838644956272d141fc1eca245f15852a4b631b87eb1968a0ff418e9ac29525b172f91d35d055c87a7f408e9acac8b0c8\
        42d6958b510f21aa9b913485a9264fafa5242cb40d25fa526f66af7aa49acac8b57e9339ea602bbcdae1526b2b22c461\
        b65702e053faa0d55be7ed424e94d62fef4082497f864d833505b11f5f8b1d75d0620d263d4c4d656440899acac8b24d\
        494f6a7f8469f7dfa7",
        "8386c4c3c2c1c0bfbe",
    ];

    /// 9 fields of an answer.
    const ANSWER: [&str; 2] = [
        "887689aa6355e580ae2757676196c361be941054d27eea08026d4082e05bb8c814c5a37f5f961d75d0620d263d4c7441\
        eafb50938ec415305a99567b5c830b6c8b7b8b84842d695b05443c86aa6f628bfe5c76300c32b4b37293f9588eaec377\
        1a4bf4a523f2b0e62c0e0377af4150831ea8001132d36e3af3e38c92165fb5358d33c0c7da98d29af55547afb5371496\
        d85fb5370e92ee324b0671f9",
        "88c5c4c3c2c1c0bfbe",
    ];

    /// The code of eight `~`.
    const TILDES: &[u8] = &[0xff, 0xef, 0xff, 0x7f, 0xfb, 0xff, 0xdf, 0xfe, 0xff, 0xf7, 0xff, 0xbf, 0xfd];

    /// In a box, so that moving it is not counted.
    type Case = Box<(Decoder, FieldList, Vec<u8>)>;

    fn hex(text: &str) -> Vec<u8> {
        let octet = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
        (0..text.len()).step_by(2).map(octet).collect()
    }

    /// Memory is there, as it is on a connection that had a request.
    fn list() -> FieldList {
        let mut list = FieldList::new();
        (0..20).for_each(|_| list.push(&[b'x'; 100], b""));
        list
    }

    fn first(blocks: [&str; 2]) -> Case {
        Box::new((Decoder::new(TABLE_SIZE_DEFAULT), list(), hex(blocks[0])))
    }

    fn again(blocks: [&str; 2]) -> Case {
        let mut case = first(blocks);
        let (decoder, list, block) = &mut *case;
        decoder.decode(block, &Limits::default(), list).expect("a good block");
        *block = hex(blocks[1]);
        case
    }

    /// 4 KiB of a value with this code, again and again.
    fn value(code: &[u8]) -> Case {
        let code = code.repeat(4096 / code.len());
        let len = code.len() - 0x7f;
        let mut case = first(["", ""]);
        case.2 = [&[0x00, 0x01, b'x', 0xff, len as u8 | 0x80, (len >> 7) as u8], &code[..]].concat();
        case
    }

    /// More instructions than that fail the run.
    fn limited(instructions: u64) -> LibraryBenchmarkConfig {
        let mut config = LibraryBenchmarkConfig::default();
        config.tool(Callgrind::default().hard_limits([(EventKind::Ir, instructions)]));
        config
    }

    #[library_benchmark]
    #[bench::browser_first(args = (first(BROWSER)), config = limited(357 * 65))]
    #[bench::browser_again(args = (again(BROWSER)), config = limited(17 * 70))]
    #[bench::grpc_first(args = (first(GRPC)), config = limited(153 * 65))]
    #[bench::grpc_again(args = (again(GRPC)), config = limited(9 * 70))]
    #[bench::answer_first(args = (first(ANSWER)), config = limited(156 * 65))]
    #[bench::answer_again(args = (again(ANSWER)), config = limited(9 * 70))]
    #[bench::codes_of_5_bits(args = (value(&[0; 5])), config = limited(4096 * 65))]
    #[bench::codes_of_10_bits(args = (value(&[0xfe, 0x3f, 0x8f, 0xe3, 0xf8])), config = limited(4096 * 65))]
    #[bench::codes_of_13_bits(args = (value(TILDES)), config = limited(4096 * 65))]
    #[bench::codes_of_28_bits(args = (value(&[0xff, 0xff, 0xfe, 0x2f, 0xff, 0xff, 0xe2])), config = limited(4096 * 65))]
    fn decode(mut case: Case) -> Case {
        let (decoder, list, block) = &mut *case;
        let result = decoder.decode(black_box(block), &Limits::default(), list);
        black_box(result).expect("a good block");
        case
    }

    library_benchmark_group!(name = decoding, benchmarks = [decode]);
}

mod encoder {
    //! Heads as they are sent to clients and to targets.

    use std::hint::black_box;

    use gungraun::prelude::*;
    use gungraun::{Callgrind, EventKind};
    use sluicegate::http::h2::hpack::Encoder;

    type Fields = &'static [(&'static str, &'static str)];
    type Case = Box<(Encoder, Fields, Vec<u8>)>;

    const ANSWER: Fields = &[
        (":status", "200"),
        ("server", "nginx/1.27.3"),
        ("date", "Fri, 21 Nov 2025 10:15:30 GMT"),
        ("content-type", "application/json; charset=utf-8"),
        ("content-length", "1532"),
        ("vary", "Accept-Encoding"),
        ("etag", "\"67b0a1f4-5fc\""),
        ("cache-control", "private, max-age=60"),
        ("set-cookie", "session=0123456789abcdef; Path=/; HttpOnly; Secure; SameSite=Lax"),
    ];
    const BROWSER: Fields = &[
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "shop.example.com"),
        (":path", "/api/v1/users/12345?fields=name,email&page=2"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-GB,en;q=0.7,de;q=0.3"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("cookie", "session=0123456789abcdef; theme=dark"),
        ("sec-fetch-mode", "navigate"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
        ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678"),
    ];
    const GRPC: Fields = &[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/helloworld.Greeter/SayHello"),
        (":authority", "greeter.example.com"),
        ("grpc-accept-encoding", "identity, deflate, gzip"),
        ("user-agent", "grpc-python/1.85.1 grpc-c/53.0.0 (linux; chttp2)"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-timeout", "4999m"),
    ];

    fn write(encoder: &mut Encoder, fields: Fields, out: &mut Vec<u8>) {
        encoder.begin(out);
        fields.iter().for_each(|(name, value)| encoder.field(name.as_bytes(), value.as_bytes(), out));
    }

    fn first(fields: Fields) -> Case {
        Box::new((Encoder::new(), fields, Vec::with_capacity(4096)))
    }

    fn again(fields: Fields) -> Case {
        let mut case = first(fields);
        let (encoder, _, out) = &mut *case;
        // What gets an entry only when it is seen again has one by then.
        for _ in 0..8 {
            write(encoder, fields, out);
            out.clear();
        }
        case
    }

    fn limited(instructions: u64) -> LibraryBenchmarkConfig {
        let mut config = LibraryBenchmarkConfig::default();
        config.tool(Callgrind::default().hard_limits([(EventKind::Ir, instructions)]));
        config
    }

    #[library_benchmark]
    #[bench::answer_first(first(ANSWER))]
    #[bench::answer_again(args = (again(ANSWER)), config = limited(9 * 120))]
    #[bench::browser_first(first(BROWSER))]
    #[bench::browser_again(args = (again(BROWSER)), config = limited(14 * 120))]
    #[bench::grpc_first(first(GRPC))]
    #[bench::grpc_again(args = (again(GRPC)), config = limited(9 * 120))]
    fn encode(mut case: Case) -> Case {
        let (encoder, fields, out) = &mut *case;
        write(encoder, black_box(fields), out);
        case
    }

    library_benchmark_group!(name = encoding, benchmarks = [encode]);
}

main!(library_benchmark_groups = [decoding, encoding]);
