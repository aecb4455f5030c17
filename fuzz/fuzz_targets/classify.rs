//! Whatever bytes begin with is classified the same however it arrives and whoever asks; what complies, httparse takes too;
//! and what is let through, in whatever mode, complies once it is written for a target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::config::LoadBalancerAttributes;
use sluicegate::desync::{Cleared, Clearing, Mode, Reading, Reason, Sent, Tier, classify, classify_head};
use sluicegate::exchange::outgoing::{Terms, write_request};
use sluicegate::http::h1::head::{REQUEST_LIMITS, Scan, Scanner, parse_request};
use sluicegate::http::{FieldRoom, Framing, Refusal, Request, Version};
use sluicegate::time::Wall;

fuzz_target!(|bytes: &[u8]| {
    let whole = Scanner::request().scan(bytes);
    for piece in [1, 2 + bytes.len() % 61] {
        assert_eq!(in_pieces(bytes, piece), whole);
    }
    let Ok(Scan::Head { len, regular }) = whole else {
        assert!(!matches!(classify_head(bytes), Ok(Some(_))));
        return;
    };
    let head = &bytes[..len];
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(head, regular, &mut mended, &mut room);
    let classification = classify_head(bytes).ok().flatten().expect("a whole head");
    assert_eq!(classification, reading.classification());
    assert_eq!(classify_head(head).ok().flatten(), Some(classification));
    assert_eq!(classification.reason().map_or(Tier::Compliant, Reason::tier), classification.tier());
    if let Some(header) = classification.header() {
        assert!(head.windows(header.len().max(1)).any(|part| part.starts_with(header)));
    }
    if regular {
        as_split_by_httparse(head);
    }
    if classification.tier() == Tier::Compliant {
        complies(head, &reading);
    }
    for mode in Mode::ALL {
        for preserve_host in [false, true] {
            if let Ok(cleared) = reading.clone().clear(&Clearing { mode, preserve_host }) {
                assert!(mode.lets_through(classification.tier()));
                complies_once_written(&cleared);
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

/// What another parser split is classified as what it was split from.
fn as_split_by_httparse(head: &[u8]) {
    let mut room = FieldRoom::default();
    let Ok(request) = parse_request(head, &mut room) else { return };
    assert_eq!(
        Some(of_parts(&request)),
        classify_head(head).ok().flatten().map(|found| (found.tier(), found.reason()))
    );
}

fn of_parts(request: &Request<'_>) -> (Tier, Option<Reason>) {
    let version: &[u8] = if request.version == Version::Http11 { b"HTTP/1.1" } else { b"HTTP/1.0" };
    let found = classify(&Sent { method: request.method, target: request.target, version, fields: request.fields.0 });
    (found.tier(), found.reason())
}

/// The strict parser takes it, but for bytes beyond ASCII in its request line, and nothing is unclear about its body.
fn complies(head: &[u8], reading: &Reading<'_>) {
    let mut masked = head.to_vec();
    let end = head.iter().skip(2).position(|&byte| byte == b'\n').map_or(0, |at| at + 2);
    masked[..end].iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'a');
    let mut room = FieldRoom::default();
    let request = parse_request(&masked, &mut room).expect("a head that complies");
    let (lengths, codings) =
        (request.fields.all(b"content-length").count(), request.fields.all(b"transfer-encoding").count());
    assert!(lengths <= 1 && (codings == 0 || lengths == 0));
    assert!(codings == 0 || request.version == Version::Http11);
    match reading.framing() {
        Some(Framing::Length(_)) => assert_eq!((lengths, codings), (1, 0)),
        Some(Framing::Chunked) => assert!(codings > 0),
        Some(framing) => assert_eq!((framing, lengths, codings), (Framing::None, 0, 0)),
        None => assert!(codings > 0),
    }
}

/// What a target gets has one reading, and nothing odd but what the client wants to be so: a body of a `GET`.
fn complies_once_written(cleared: &Cleared<Request<'_>>) {
    let terms = Terms {
        attributes: &LoadBalancerAttributes::default(),
        scheme: "http",
        listener_port: 80,
        tls: None,
        client_certificate: b"",
        client: ([192, 0, 2, 1], 4711).into(),
        dns_name: "name.example",
        wall: Wall::from_micros(0),
        entropy: [7; 12],
    };
    let mut out = Vec::new();
    write_request(cleared, &terms, &mut out);
    // What is added may exceed the limits that the client kept.
    if out.len() > REQUEST_LIMITS.head || out.split(|&byte| byte == b'\n').any(|line| line.len() > 16 * 1024) {
        return;
    }
    let Ok(Scan::Head { len, regular: true }) = Scanner::request().scan(&out) else { panic!("not a head") };
    assert_eq!(len, out.len());
    let mut room = FieldRoom::default();
    let again = parse_request(&out, &mut room).expect("a strict head");
    let reason = classify_head(&out).ok().flatten().expect("a whole head").reason();
    let of_a_body = matches!(
        reason,
        Some(
            Reason::GetHeadZeroContentLength
                | Reason::UndefinedContentLengthSemantics
                | Reason::UndefinedTransferEncodingSemantics
        )
    );
    assert!(reason.is_none() || of_a_body && matches!(again.method, b"GET" | b"HEAD"), "{reason:?}");
    let framing = again.fields.all(b"content-length").chain(again.fields.all(b"transfer-encoding")).count();
    assert_eq!(framing, usize::from(cleared.framing() != Framing::None));
}
