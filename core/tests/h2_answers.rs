//! What a target's heads may grow to when they are decompressed: those of honest targets draw nothing, whatever they are, and
//! those that name a field again and again draw until the connection ends.

mod h2_support;

use h2_support::*;
use sluicegate::http::h2::budget::{self, Budget};
use sluicegate::http::h2::frame::{END_HEADERS, END_STREAM, FrameType};
use sluicegate::http::h2::{Breach, ErrorCode};

/// More than anybody needs to be sure.
const FLOOD: u32 = 20_000;

/// A client whose target has put fields into the table, of so many bytes as it counts them (RFC 7541 section 4.1).
fn with_table(sizes: &[usize]) -> End {
    let mut block = vec![0x88];
    for len in sizes.iter().map(|size| size - 33) {
        block.extend([0x40, 1, b'n']);
        match len.checked_sub(127) {
            Some(rest) => block.extend([0x7f, rest as u8 | 0x80, (rest >> 7) as u8]),
            None => block.push(len as u8),
        }
        block.extend(vec![b'v'; len]);
    }
    let mut client = End::settled_client();
    assert_eq!(answers(&mut client, 1, head(&block)), (1, None));
    client
}

/// An answer that is a head alone.
fn head(block: &[u8]) -> impl Fn(u32) -> Vec<u8> {
    |stream| frame(FrameType::Headers, END_HEADERS | END_STREAM, stream, block)
}

/// How many answers a client gets, of so many that it asks for, and what ends them.
fn answers(client: &mut End, most: u32, frames: impl Fn(u32) -> Vec<u8>) -> (u32, Option<Breach>) {
    for n in 0..most {
        let stream = client.side.open().expect("the connection goes on");
        client.head(stream, &GET, true);
        client.take();
        if let (_, Some(error)) = client.feed(&frames(stream.value())) {
            assert_eq!(error.code, ErrorCode::EnhanceYourCalm);
            return (n, Some(error.why));
        }
    }
    (most, None)
}

/// What an honest target may do: 4 KiB of fields in one byte each, and any number of others as they are.
#[test]
fn answers_whose_fields_come_once_draw_nothing_however_many_and_well_compressed_they_are() {
    let mut client = with_table(&[159; 25]);
    let indexed: Vec<u8> = [0x88].into_iter().chain((62..62 + 25).map(|index| 0x80 | index)).collect();
    assert_eq!(answers(&mut client, FLOOD, head(&indexed)), (FLOOD, None));
    let value = "v".repeat(100);
    let large = [indexed, block(&[("x-name", value.as_str()); 120])].concat();
    assert_eq!(answers(&mut client, FLOOD, head(&large)), (FLOOD, None));
}

#[test]
fn answers_whose_fields_come_again_and_again_draw_by_the_kib_that_they_are_beyond_the_usual() {
    let flood = Some(Breach::Flood(Budget::Repetition));
    // Beside the 42 of `:status: 200`: 4 KiB and twice what the block took are usual, and less than a KiB is not counted.
    let (below, beyond) = ([0x88, 0xbe, 0xbe, 0xbe], [0x88, 0xbe, 0xbe]);
    assert_eq!([42 + 3 * 1_695, 42 + 2 * 2_542], [4_096 + 2 * 4 + 1_023, 4_096 + 2 * 3 + 1_024]);
    assert_eq!(answers(&mut with_table(&[1_695]), FLOOD, head(&below)), (FLOOD, None));
    let max = u32::from(budget::REPETITION.max);
    assert_eq!(answers(&mut with_table(&[2_542]), FLOOD, head(&beyond)), (max, flood));
    // One of 60 KB draws as much as 54 of those.
    let bomb = [&[0x88][..], &[0xbe; 15]].concat();
    assert_eq!(answers(&mut with_table(&[4_000]), FLOOD, head(&bomb)), (max / 54, flood));
    // With time it comes back: a page that makes a mistake may be asked for that often, for ever.
    let (mut client, a_second) = (with_table(&[4_000]), u32::from(budget::REPETITION.second) / 54);
    for _ in 0..100 {
        assert_eq!(answers(&mut client, a_second, head(&bomb)), (a_second, None));
        client.side.forgive(1);
    }
    assert_eq!(answers(&mut client, FLOOD, head(&bomb)).1, flood);
}

#[test]
fn trailers_and_interim_answers_draw_as_answers_do() {
    let ok = |stream, end| headers(stream, &[(":status", "200")], end);
    let trailers = |n| [ok(n, false), head(&[0xbe; 15])(n)].concat();
    let interim = |n| {
        let bomb = [&[0x08, 3][..], b"103", &[0xbe; 15]].concat();
        [frame(FrameType::Headers, END_HEADERS, n, &bomb), ok(n, true)].concat()
    };
    let most = (u32::from(budget::REPETITION.max) / 54, Some(Breach::Flood(Budget::Repetition)));
    assert_eq!(answers(&mut with_table(&[4_000]), FLOOD, trailers), most);
    assert_eq!(answers(&mut with_table(&[4_000]), FLOOD, interim), most);
}
