//! A request head is found and judged the same however it arrives, and nothing in it survives that must not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::desync::{Clearing, clear};
use sluicegate::http::Refusal;
use sluicegate::http::FieldRoom;
use sluicegate::http::h1::head::{Scan, Scanner, parse_request};

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = (usize::from(input.0).max(1), input.1);
    let whole = Scanner::request().scan(bytes);
    assert_eq!(in_pieces(bytes, piece), whole);
    let Ok(Scan::Head { len, lines }) = whole else { return };
    let head = &bytes[..len];
    assert!(head.ends_with(b"\r\n\r\n"));
    let mut room = FieldRoom::default();
    let Ok(request) = parse_request(head, lines, &mut room) else { return };
    assert_eq!(request.fields.iter().count(), lines - 1);
    for field in request.fields.iter() {
        assert!(!field.name.is_empty() && !field.name.iter().any(|&byte| byte <= b' ' || byte == b':' || byte >= 127));
        assert!(!field.value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    }
    for preserve_host in [false, true] {
        match clear(request.clone(), &Clearing { preserve_host }) {
            Err(refusal) => assert!(matches!(refusal.status(), 400 | 405 | 463 | 501)),
            Ok(cleared) => assert!(cleared.host().is_ascii() && !cleared.target().path.is_empty()),
        }
    }
});

fn in_pieces(bytes: &[u8], piece: usize) -> Result<Scan, Refusal> {
    let mut scanner = Scanner::request();
    let mut to = 0;
    loop {
        match scanner.scan(&bytes[..to]) {
            Ok(Scan::More) if to < bytes.len() => to = bytes.len().min(to + piece),
            found => return found,
        }
    }
}
