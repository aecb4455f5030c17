//! A request head is found and judged the same however it arrives, and nothing in it survives that must not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::desync::{Clearing, Mode, Reading, Tier};
use sluicegate::http::h1::head::{Scan, Scanner};
use sluicegate::http::{FieldRoom, Refusal};

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = (usize::from(input.0).max(1), input.1);
    let whole = Scanner::request().scan(bytes);
    assert_eq!(in_pieces(bytes, piece), whole);
    let Ok(Scan::Head { len, regular }) = whole else { return };
    let head = &bytes[..len];
    assert!(head.ends_with(b"\n"));
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(head, regular, &mut mended, &mut room);
    let fields = reading.request().fields;
    assert!(fields.iter().count() < head.split(|&byte| byte == b'\n').count());
    for field in fields.iter() {
        assert!(!field.name.is_empty() && !field.name.iter().any(|&byte| byte <= b' ' || byte == b':' || byte >= 127));
        // A Host is not mended: what is wrong with it is why it is refused.
        if !field.is(b"host") {
            assert!(!field.value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'));
            assert_eq!(field.value.trim_ascii().len(), field.value.len());
        }
    }
    let tier = reading.classification().tier();
    for mode in Mode::ALL {
        for preserve_host in [false, true] {
            match reading.clone().clear(&Clearing { mode, preserve_host }) {
                Err(refused) => assert!(matches!(refused.status(), 400 | 405 | 463 | 501 | 505)),
                Ok(cleared) => {
                    assert!(mode.lets_through(tier));
                    assert!(cleared.host().is_ascii() && !cleared.target().path.is_empty());
                    let closes = tier >= Tier::Ambiguous && (mode != Mode::Monitor || tier == Tier::Severe);
                    assert!(cleared.is_last() || !closes);
                }
            }
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
