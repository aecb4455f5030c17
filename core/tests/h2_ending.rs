//! How connections of HTTP/2 end: in two steps without losing a request, at a number of requests, at once, by a fault.

mod h2_support;

use h2_support::*;
use sluicegate::http::h2::frame::{ACK, END_HEADERS, END_STREAM, FrameType};
use sluicegate::http::h2::{Breach, ErrorCode, Event, Kind, Terms};

const NEVER: u32 = (1 << 31) - 1;

/// The answer to a PING of ours.
fn answer(said: &[Said]) -> Vec<u8> {
    let opaque = said.iter().find_map(|said| if let Said::Ping(opaque) = said { Some(opaque) } else { None });
    frame(FrameType::Ping, ACK, 0, opaque.unwrap())
}

fn request(stream: u32) -> Event {
    Event::Head { stream: id(stream), kind: Kind::Head, end: true }
}

#[test]
fn a_server_leaves_in_two_steps_and_loses_no_request() {
    let mut server = End::settled_server();
    server.sees(&get(1));
    server.side.shut_down();
    let said = server.says();
    assert!(matches!(said[..], [Said::GoAway(NEVER, ErrorCode::NoError), Said::Ping(_)]), "{said:?}");
    assert!(server.side.is_shutting_down() && !server.side.has_left());
    // Sent before the client read that.
    assert_eq!(server.sees(&get(3)), [request(3)]);
    assert_eq!(server.sees(&frame(FrameType::Ping, ACK, 0, b"another1")), []);
    assert_eq!(server.says(), []);
    assert_eq!(server.sees(&answer(&said)), []);
    assert_eq!(server.says(), [Said::GoAway(3, ErrorCode::NoError)]);
    assert!(server.side.has_left());
    // Whoever opens one now knew better: all of it is ignored.
    let late = [post(5), data(5, b"x", false), window_update(5, 1), reset(5, ErrorCode::Cancel), get(7)];
    assert_eq!(server.sees(&late.concat()), []);
    assert_eq!(server.says(), []);
    // Streams in progress go on.
    server.head(id(1), &[(":status", "204")], true);
    server.head(id(3), &[(":status", "204")], true);
    assert_eq!(server.side.streams(), 0);
    assert_eq!(server.sees(&answer(&said)), []);
    assert_eq!(server.says().len(), 2);
}

#[test]
fn a_server_need_not_wait_for_the_answer() {
    let mut server = End::settled_server();
    server.sees(&get(1));
    for _ in 0..3 {
        server.side.shut_down();
    }
    let said = server.says();
    assert!(
        matches!(said[..], [Said::GoAway(NEVER, _), Said::Ping(_), Said::GoAway(1, ErrorCode::NoError)]),
        "{said:?}"
    );
    assert_eq!(server.sees(&[get(3), answer(&said)].concat()), []);
    assert_eq!(server.says(), []);
}

#[test]
fn blocks_of_ignored_requests_are_still_decompressed() {
    let mut server = End::settled_server();
    server.sees(&post(1));
    server.side.shut_down();
    server.side.shut_down();
    server.sees(&frame(FrameType::Headers, 5, 3, b"\x40\x01x\x01y"));
    server.sees(&frame(FrameType::Headers, 5, 1, &[0x80 | 62]));
    assert_eq!(server.side.fields().first(b"x"), Some(&b"y"[..]));
}

#[test]
fn a_request_whose_head_is_not_complete_when_the_last_is_named_is_ignored() {
    let mut server = End::settled_server();
    server.sees(&frame(FrameType::Headers, END_STREAM, 1, &block(&GET)[..5]));
    server.side.shut_down();
    server.side.shut_down();
    assert_eq!(server.sees(&frame(FrameType::Continuation, END_HEADERS, 1, &block(&GET)[5..])), []);
    assert!(matches!(server.says()[..], [_, _, Said::GoAway(0, ErrorCode::NoError)]));
    assert_eq!(server.side.streams(), 0);
}

#[test]
fn after_so_many_requests_a_connection_ends() {
    let mut server = End::server_with(Terms { requests_max: 10, ..Terms::server() });
    let mut serve = |n: u32| {
        let events = server.sees(&get(2 * n + 1));
        if events.is_empty() {
            return (false, server.says());
        }
        server.head(id(2 * n + 1), &[(":status", "204")], true);
        let mut said = server.says();
        said.retain(|said| !matches!(said, Said::Headers(..)));
        (true, said)
    };
    for n in 0..9 {
        assert_eq!(serve(n), (true, vec![]));
    }
    let (taken, said) = serve(9);
    assert!(taken && matches!(said[..], [Said::GoAway(NEVER, ErrorCode::NoError), Said::Ping(_)]), "{said:?}");
    // Somebody who neither stops nor answers.
    for n in 10..265 {
        assert_eq!(serve(n), (true, vec![]), "{n}");
    }
    assert_eq!(serve(265), (true, vec![Said::GoAway(531, ErrorCode::NoError)]));
    assert_eq!(serve(266), (false, vec![]));
}

#[test]
fn whoever_gives_up_says_so_and_hears_nothing_more() {
    let mut server = End::settled_server();
    server.sees(&post(1));
    server.side.give_up(ErrorCode::InternalError);
    assert_eq!(server.says(), [Said::GoAway(1, ErrorCode::InternalError)]);
    assert_eq!(server.sees(&[data(1, b"x", true), get(3), b"garbage".repeat(1000)].concat()), []);
    assert_eq!(server.says(), []);
}

#[test]
fn a_fault_is_told_with_its_code_its_sentence_and_the_last_stream() {
    let mut server = End::settled_server();
    server.sees(&get(7));
    let error = server.feed(&get(5)).1.unwrap();
    assert_eq!(error.why, Breach::StreamsFall);
    let said = server.take();
    assert!(said.ends_with(error.to_string().as_bytes()));
    assert_eq!(h2_support::said(&said), [Said::GoAway(7, ErrorCode::ProtocolError)]);
    assert_eq!(server.side.receive(&get(9)), Err(error));
    assert!(server.side.is_shutting_down());
}

#[test]
fn a_client_leaves_in_one_step_and_opens_nothing_more() {
    let mut client = End::asking_client();
    assert!(client.side.available() > 0);
    client.side.shut_down();
    assert_eq!(client.says(), [Said::GoAway(0, ErrorCode::NoError)]);
    assert_eq!((client.side.available(), client.side.open()), (0, None));
    assert_eq!(client.sees(&headers(1, &[(":status", "200")], false)).len(), 1);
}

#[test]
fn a_client_loses_only_the_streams_that_the_server_did_not_take() {
    let mut client = End::asking_client();
    let second = client.side.open().unwrap();
    client.head(second, &GET, true);
    assert_eq!(client.sees(&goaway(NEVER, ErrorCode::NoError)).len(), 1);
    assert_eq!((client.side.streams(), client.side.available()), (2, 0));
    let event = Event::GoAway { last: id(1), code: ErrorCode::NoError };
    assert_eq!(client.sees(&goaway(1, ErrorCode::NoError)), [event]);
    assert_eq!(client.side.streams(), 1);
    assert!(client.side.peer_is_leaving() && client.side.open().is_none());
    client.take();
    assert_eq!(client.sees(&headers(1, &[(":status", "200")], true)).len(), 1);
    // What the server should not say any more is not worth an error.
    assert_eq!(client.sees(&headers(3, &[(":status", "200")], true)), []);
    client.side.reset(second, ErrorCode::Cancel);
    assert_eq!(client.says(), []);
}
