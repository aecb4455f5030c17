//! What `docs/desync.md` shows of the classifier, word for word, so that it compiles and does what is said.

use sluicegate::desync::{Clearing, Mode, Reading, Refused, Sent, Tier, classify, classify_head};
use sluicegate::http::h1::head::{Scan, Scanner};
use sluicegate::http::{Field, FieldRoom};

/// A head as bytes.
fn of_bytes() {
    let head = b"GET /a b HTTP/1.1\r\nHost: example.com\r\n\r\n";
    let found = classify_head(head).expect("no limit is exceeded").expect("the head is whole");
    assert_eq!(found.tier(), Tier::Acceptable);
    assert_eq!(found.reason().map(|reason| reason.code()), Some("SpaceInUri"));
}

/// A head that your own parser has split. It sees what the parser shows: not how lines ended, nor what it left out.
fn of_parts() {
    let fields = [Field { name: b"Host", value: b"a" }, Field { name: b"Content_Length", value: b"5" }];
    let found = classify(&Sent { method: b"POST", target: b"/", version: b"HTTP/1.1", fields: &fields });
    assert_eq!(found.tier(), Tier::Ambiguous);
    assert_eq!(found.header(), Some(&b"Content_Length"[..]));
}

/// The whole way: what may be forwarded in a mode, and whether anything may follow it.
fn all_the_way() -> Result<(), Refused> {
    let bytes = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let Scan::Head { len, regular } = Scanner::request().scan(bytes)? else { panic!("not whole") };
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(&bytes[..len], regular, &mut mended, &mut room);
    let cleared = reading.clear(&Clearing { mode: Mode::Defensive, preserve_host: false })?;
    assert!(cleared.is_last());
    Ok(())
}

#[test]
fn the_document_shows_what_works() {
    of_bytes();
    of_parts();
    assert_eq!(all_the_way(), Ok(()));
}
