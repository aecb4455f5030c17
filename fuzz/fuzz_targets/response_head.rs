//! A response head is found the same however it arrives, and what goes on to a client is again one whole response head.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::exchange::incoming::{framing_towards, write_response};
use sluicegate::http::FieldRoom;
use sluicegate::http::h1::head::{Scan, Scanner, parse_response, response_framing};
use sluicegate::http::{BadResponse, Framing, Version};

fuzz_target!(|input: (u8, bool, bool, &[u8])| {
    let (piece, to_head, keep_alive, bytes) = (usize::from(input.0).max(1), input.1, input.2, input.3);
    let whole = Scanner::response().scan_response(bytes);
    assert_eq!(in_pieces(bytes, piece), whole);
    let Ok(Scan::Head { len, .. }) = whole else { return };
    let mut room = FieldRoom::default();
    let Ok(response) = parse_response(&bytes[..len], &mut room) else { return };
    let Ok(framing) = response_framing(&response, to_head) else { return };
    for version in [Version::Http10, Version::Http11] {
        let towards = framing_towards(version, framing);
        let mut out = Vec::new();
        write_response(&response, towards, keep_alive, &mut out);
        // What is added may exceed the limit that the target kept.
        if out.len() > 32 * 1024 {
            continue;
        }
        let Ok(Scan::Head { len, .. }) = Scanner::response().scan_response(&out) else { panic!("not a head") };
        assert_eq!(len, out.len());
        let mut room2 = FieldRoom::default();
        let again = parse_response(&out, &mut room2).expect("a response");
        assert_eq!(again.status, response.status);
        assert_eq!(response_framing(&again, to_head), Ok(towards));
        let final_head = !(100..200).contains(&again.status);
        assert_eq!(
            again.fields.items(b"connection").any(|option| option.eq_ignore_ascii_case(b"keep-alive")),
            final_head && keep_alive && towards != Framing::UntilClose
        );
    }
});

fn in_pieces(bytes: &[u8], piece: usize) -> Result<Scan, BadResponse> {
    let mut scanner = Scanner::response();
    let mut to = 0;
    loop {
        match scanner.scan_response(&bytes[..to]) {
            Ok(Scan::More) if to < bytes.len() => to = bytes.len().min(to + piece),
            found => return found,
        }
    }
}
