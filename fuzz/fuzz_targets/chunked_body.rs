//! A chunked body means the same however it arrives, and what it means survives being encoded and decoded again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluicegate::http::Framing;
use sluicegate::http::h1::body::{Decoder, Encoder, Garbled, Step};

/// How a body came out: its payload and trailers so far, and why it ended if it did.
#[derive(Debug, PartialEq)]
struct Outcome {
    payload: Vec<u8>,
    trailers: Vec<u8>,
    end: Option<Result<usize, Garbled>>,
}

fuzz_target!(|input: (Vec<u8>, &[u8])| {
    let (pieces, bytes) = input;
    let whole = decode(bytes, &[]);
    let split = decode(bytes, &pieces);
    // Cut off or garbled, one of them may have looked further ahead; the payload before is the same.
    assert_eq!(split.end, whole.end);
    assert_eq!(split.payload, whole.payload);
    assert_eq!(split.trailers, whole.trailers);
    let Some(Ok(_)) = whole.end else { return };
    let mut encoder = Encoder::new(Framing::Chunked);
    let mut out = Vec::new();
    let mut rest = &whole.payload[..];
    for &piece in &pieces {
        let (now, later) = rest.split_at(rest.len().min(usize::from(piece)));
        encoder.data(now, &mut out);
        rest = later;
    }
    encoder.data(rest, &mut out);
    encoder.end(&whole.trailers, &mut out);
    let again = decode(&out, &pieces);
    assert_eq!(again.end, Some(Ok(out.len())));
    assert_eq!(again.payload, whole.payload);
    // Filtered once, trailers pass unchanged.
    let mut twice = Vec::new();
    Encoder::new(Framing::Chunked).end(&again.trailers, &mut twice);
    assert_eq!(twice, [b"0\r\n", &again.trailers[..], b"\r\n"].concat());
});

fn decode(bytes: &[u8], pieces: &[u8]) -> Outcome {
    let mut body = Decoder::new(Framing::Chunked);
    let mut pieces = pieces.iter().map(|&piece| usize::from(piece).max(1));
    let (mut from, mut to) = (0, 0);
    let mut outcome = Outcome { payload: Vec::new(), trailers: Vec::new(), end: None };
    loop {
        match body.step(&bytes[from..to]) {
            Ok(Step::More) if to == bytes.len() => return outcome,
            Ok(Step::More) => to = bytes.len().min(to.saturating_add(pieces.next().unwrap_or(bytes.len()))),
            Ok(Step::Data { skip, len }) => {
                assert!(skip + len > 0, "a step forward");
                outcome.payload.extend_from_slice(&bytes[from + skip..from + skip + len]);
                from += skip + len;
            }
            Ok(Step::Trailers { skip, len }) => {
                outcome.trailers.extend_from_slice(&bytes[from + skip..from + skip + len]);
                from += skip + len;
            }
            Ok(Step::Done { skip }) => {
                outcome.end = Some(Ok(from + skip));
                return outcome;
            }
            Err(garbled) => {
                outcome.end = Some(Err(garbled));
                return outcome;
            }
        }
    }
}
