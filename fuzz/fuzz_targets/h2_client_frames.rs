//! Whatever a server sends, a client of HTTP/2 makes the same of it wherever it is cut, hears of no stream that it did not open,
//! holds no more than it may and says nothing but whole frames. The first byte chooses how the connection begins, the second the cuts.
#![no_main]

#[path = "h2/owner.rs"]
mod owner;

use libfuzzer_sys::fuzz_target;
use sluicegate::http::h2::{Connection, Terms};

/// Settings of a server and its acknowledgement of ours.
const SETTLED: [u8; 18] = [0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];

fuzz_target!(|bytes: &[u8]| {
    let [how, piece, bytes @ ..] = bytes else { return };
    let begin = match how % 4 {
        0 | 3 => &SETTLED[..],
        1 => &SETTLED[..9],
        _ => &[],
    };
    let bytes = [begin, bytes].concat();
    let whole = owner::run(Connection::client(Terms::client()), &bytes, usize::MAX);
    owner::well_framed(&whole.said);
    let cut = owner::run(Connection::client(Terms::client()), &bytes, usize::from(*piece) + 1);
    owner::well_framed(&cut.said);
    whole.agrees_with(&cut);
});
