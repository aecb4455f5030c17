//! Whatever a client sends, a server of HTTP/2 makes the same of it wherever it is cut, tells of no stream twice, holds no more
//! than it may and says nothing but whole frames. The first byte chooses how the connection begins, the second the cuts.
#![no_main]

#[path = "h2/owner.rs"]
mod owner;

use libfuzzer_sys::fuzz_target;
use sluicegate::http::h2::frame::PREFACE;
use sluicegate::http::h2::{Connection, Terms};

/// Settings of a client and its acknowledgement of ours.
const SETTLED: [u8; 18] = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];

fuzz_target!(|bytes: &[u8]| {
    let [how, piece, bytes @ ..] = bytes else { return };
    let begin = match how % 4 {
        0 => [&PREFACE[..], &SETTLED].concat(),
        1 => [&PREFACE[..], &SETTLED[..9]].concat(),
        2 => PREFACE.to_vec(),
        _ => Vec::new(),
    };
    let bytes = [&begin, bytes].concat();
    let terms = Terms { requests_max: if how & 4 == 0 { 10_000 } else { 3 }, ..Terms::server() };
    let whole = owner::run(Connection::server(terms), &bytes, usize::MAX);
    owner::well_framed(&whole.said);
    let cut = owner::run(Connection::server(terms), &bytes, usize::from(*piece) + 1);
    owner::well_framed(&cut.said);
    whole.agrees_with(&cut);
});
