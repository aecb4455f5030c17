//! Heads of HTTP/2 that are not taken although they can be read: their streams end, the others and the tables go on.

mod h2_support;

use h2_support::*;
use sluicegate::http::h2::budget::Budget;
use sluicegate::http::h2::frame::{END_HEADERS, END_STREAM, FrameType};
use sluicegate::http::h2::{Breach, ErrorCode, Event, Fault, Kind};

fn head(stream: u32, kind: Kind, end: bool) -> Event {
    Event::Head { stream: id(stream), kind, end }
}

fn request(stream: u32, end: bool) -> Event {
    head(stream, Kind::Head, end)
}

#[test]
fn a_head_that_is_too_large_ends_its_stream_and_the_table_stays_right() {
    // The last field goes into the table, far behind the limit of the list.
    let large = |stream, end| {
        let block = [&[0x82; 2000][..], &[0x40, 1, b'n', 1, b'v']].concat();
        frame(FrameType::Headers, END_HEADERS | end, stream, &block)
    };
    let fault = |stream| {
        let fault = Fault::ListTooLong;
        Event::Reset { stream: id(stream), code: fault.code(), fault: Some(fault) }
    };
    let next = |stream, known| {
        let block = [&block(&GET)[..], known].concat();
        frame(FrameType::Headers, END_HEADERS | END_STREAM, stream, &block)
    };
    for end in [0, END_STREAM] {
        let mut server = End::settled_server();
        assert_eq!(
            server.sees(&[post(1), large(3, end), next(5, &[0x80 | 62])].concat()),
            [request(1, false), fault(3), request(5, true)]
        );
        assert_eq!(server.side.fields().first(b"n"), Some(&b"v"[..]));
        assert_eq!(server.says(), [Said::Reset(3, ErrorCode::EnhanceYourCalm)]);
        assert_eq!(server.side.streams(), 2);
        // Trailers too; what crosses the reset is dropped.
        assert_eq!(server.sees(&large(1, END_STREAM)), [fault(1)]);
        assert!(server.side.fields().is_empty());
        server.take();
        let late = server.feed(&[data(3, b"x", true), next(7, &[0x80 | 63])].concat());
        match end {
            0 => assert_eq!(late, (vec![request(7, true)], None)),
            _ => assert_eq!(late.1.map(|error| error.why), Some(Breach::ClosedStream)),
        }
    }
}

#[test]
fn a_request_that_never_began_is_told_as_a_fault_and_nothing_else_of_it_is() {
    let mut server = End::settled_server();
    let mut fields = GET.to_vec();
    fields.push(("content-length", "7"));
    let fault = Fault::ContentLength;
    let reset = Event::Reset { stream: id(1), code: fault.code(), fault: Some(fault) };
    assert_eq!(server.sees(&headers(1, &fields, true)), [reset]);
    assert_eq!(server.says(), [Said::Reset(1, ErrorCode::ProtocolError)]);
    assert!(server.side.fields().is_empty(), "nobody reads its list, so it is not kept");
    fields[4].1 = "x";
    let reset = Event::Reset { stream: id(3), code: fault.code(), fault: Some(fault) };
    let late = [data(3, b"late", false), window_update(3, 5), data(3, b"r", true)];
    assert_eq!(server.sees(&[headers(3, &fields, false), late.concat()].concat()), [reset]);
    // One beyond those that there may be breaks no rule of its own.
    let mut full = End::settled_server();
    (0..128).for_each(|n| assert_eq!(full.sees(&get(2 * n + 1)).len(), 1));
    assert_eq!(full.sees(&get(257)), []);
}

/// An answer of so many fields that are a byte each, and one behind them that goes into the table.
fn many_fields(stream: u32, count: usize) -> Vec<u8> {
    let block = [&block(&[(":status", "200")])[..], &vec![0x82; count], &[0x40, 1, b'n', 1, b'v']].concat();
    frame(FrameType::Headers, END_HEADERS, stream, &block)
}

#[test]
fn an_answer_whose_head_is_too_large_ends_no_other_stream() {
    let mut client = End::asking_client();
    client.side.open();
    client.head(id(3), &GET, true);
    client.take();
    let fault = |stream, fault: Fault| Event::Reset { stream: id(stream), code: fault.code(), fault: Some(fault) };
    assert_eq!(client.sees(&many_fields(1, 999)), [fault(1, Fault::TooManyFields)]);
    assert!(client.side.fields().is_empty());
    // What was on its way is dropped; the table is as the target believes it is.
    assert_eq!(client.sees(&data(1, b"body", true)), []);
    let known = [&block(&[(":status", "200")])[..], &[0x80 | 62]].concat();
    assert_eq!(client.sees(&frame(FrameType::Headers, END_HEADERS, 3, &known)), [head(3, Kind::Head, false)]);
    assert_eq!(client.side.fields().first(b"n"), Some(&b"v"[..]));
    // Trailers are heads too.
    assert_eq!(
        client.sees(&frame(FrameType::Headers, END_HEADERS | END_STREAM, 3, &[0x82; 2_000])),
        [fault(3, Fault::ListTooLong)]
    );
    assert_eq!(client.says(), [Said::Reset(1, ErrorCode::EnhanceYourCalm), Said::Reset(3, ErrorCode::EnhanceYourCalm)]);
    assert_eq!(End::asking_client().sees(&many_fields(1, 998)), [head(1, Kind::Head, false)]);
}

/// The fields of an answer, so many of them alike.
fn fields(count: usize, value: &str) -> Vec<(&str, &str)> {
    [(":status", "200")].into_iter().chain(vec![("x-name", value); count]).collect()
}

/// What a client sees that asks for the same page again and again, as often as that, or until it ends the connection.
fn asks(most: u32, page: impl Fn(u32) -> Vec<u8>) -> (u32, Option<Breach>) {
    let mut client = End::settled_client();
    for n in 0..most {
        let stream = client.side.open().expect("the connection goes on");
        client.head(stream, &GET, true);
        client.take();
        let (events, error) = client.feed(&page(stream.value()));
        if let Some(error) = error {
            return (n, Some(error.why));
        }
        let too_large = |fault: &Fault| fault.is_head_too_large();
        assert!(
            matches!(&events[..], [Event::Reset { fault: Some(fault), .. }] if too_large(fault)),
            "{n}: {events:?}"
        );
        let memory = client.side.fields().memory();
        assert!(memory < 8 * 1024, "{n}: {memory}");
    }
    (most, None)
}

#[test]
fn a_page_with_too_large_a_head_may_be_asked_for_as_often_as_clients_like() {
    let page = |fields: Vec<(&str, &str)>| {
        let block = block(&fields);
        let mut frames: Vec<(FrameType, Vec<u8>)> =
            block.chunks(16_384).map(|piece| (FrameType::Continuation, piece.to_vec())).collect();
        frames[0].0 = FrameType::Headers;
        let last = frames.len() - 1;
        move |stream| {
            let flags = |n| if n == last { END_HEADERS } else { 0 };
            let whole = frames.iter().enumerate().map(|(n, (kind, piece))| frame(*kind, flags(n), stream, piece));
            whole.collect::<Vec<_>>().concat()
        }
    };
    let long = "v".repeat(100);
    for fields in [fields(400, &long), fields(600, &long), fields(1_001, "value of a field")] {
        assert_eq!(asks(1_000, page(fields)), (1_000, None));
    }
}

#[test]
fn a_target_whose_heads_were_made_to_grow_loses_its_connection() {
    // Each of 82 KiB, of which 74 are beyond what is usual.
    assert_eq!(asks(1_000, |stream| many_fields(stream, 2_000)), (55, Some(Breach::Flood(Budget::Repetition))));
    // 615 KiB at once are beyond what is read.
    assert_eq!(asks(1_000, |stream| many_fields(stream, 15_000)), (0, Some(Breach::ListTooLong)));
}

#[test]
fn a_large_list_is_held_no_longer_than_it_is_read() {
    let mut server = End::settled_server();
    let large = [&block(&GET)[..], &[0x40, 1, b'n', 0x7f, 0x80, 0x1d], &[b'v'; 3_839], &[0xbe; 14]].concat();
    server.sees(&frame(FrameType::Headers, END_HEADERS | END_STREAM, 1, &large));
    let fields = server.side.fields();
    assert!(fields.size() > 56 * 1024 && fields.memory() > 56 * 1024, "{}", fields.memory());
    server.side.forget_fields();
    let fields = server.side.fields();
    assert!(fields.is_empty() && fields.memory() < 8 * 1024, "{}", fields.memory());
}

#[test]
fn of_a_head_whose_end_has_not_come_as_much_is_held_as_has_come() {
    for (piece, frames) in [(1, 15), (999, 7), (16_384, 8)] {
        let mut client = End::asking_client();
        assert_eq!(client.side.gathered(), 0);
        for n in 0..frames {
            let kind = if n == 0 { FrameType::Headers } else { FrameType::Continuation };
            client.sees(&frame(kind, 0, 1, &vec![0x82; piece]));
            assert_eq!(client.side.gathered(), (n + 1) * piece);
        }
        // The last may be a bit too much; it is held no longer even so.
        let _ = client.feed(&frame(FrameType::Continuation, END_HEADERS, 1, b""));
        assert_eq!(client.side.gathered(), 0);
    }
}
