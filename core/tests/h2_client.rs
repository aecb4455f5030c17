//! HTTP/2 from a client's side: which streams it opens, what answers it takes, and where the rules for it are others.

mod h2_support;

use h2_support::*;
use sluicegate::http::h2::frame::{END_HEADERS, END_STREAM, FrameType};
use sluicegate::http::h2::{Breach, Connection, ErrorCode, Event, Fault, Kind, Terms};

fn head(stream: u32, kind: Kind, end: bool) -> Event {
    Event::Head { stream: id(stream), kind, end }
}

fn status(stream: u32, status: &str, end: bool) -> Vec<u8> {
    headers(stream, &[(":status", status)], end)
}

fn breaks(frames: &[Vec<u8>]) -> Breach {
    End::asking_client().fails(&frames.concat()).why
}

fn breaks_stream(client: &mut End, frames: &[Vec<u8>], fault: Fault) {
    let events = client.sees(&frames.concat());
    let code = fault.code();
    assert_eq!(events.last(), Some(&Event::Reset { stream: id(1), code, fault: Some(fault) }), "{events:?}");
    assert_eq!(client.says(), [Said::Reset(1, code)]);
    assert_eq!(client.side.streams(), 0);
}

#[test]
fn a_client_opens_nothing_before_it_knows_the_servers_settings() {
    let mut client = End::new(Connection::client(Terms::client()));
    assert_eq!((client.side.available(), client.side.open()), (0, None));
    client.sees(&settings(&[(3, 2)]));
    assert_eq!(client.side.available(), 2);
    for (n, left) in [(1, 1), (3, 0)] {
        let stream = client.side.open().unwrap();
        assert_eq!(stream, id(n));
        client.head(stream, &GET, true);
        assert_eq!(client.side.available(), left);
    }
    assert_eq!(client.side.open(), None);
    client.sees(&status(1, "200", true));
    assert_eq!(client.side.available(), 1);
    client.sees(&settings(&[(3, 0)]));
    assert_eq!(client.side.available(), 0);
    client.sees(&settings(&[(3, u32::MAX)]));
    assert_eq!(client.side.available(), 127);
}

#[test]
fn a_server_opens_nothing() {
    let mut server = End::settled_server();
    assert_eq!((server.side.available(), server.side.open()), (0, None));
}

#[test]
fn the_preface_goes_first_and_the_first_settings_refuse_pushes() {
    let mut client = Connection::client(Terms::client());
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert!(client.control().starts_with(preface));
    assert_eq!(client.control()[24..33], [0, 0, 24, 4, 0, 0, 0, 0, 0]);
    assert_eq!(client.control()[33..39], [0, 2, 0, 0, 0, 0]);
    // In any pieces.
    client.control_sent(10);
    assert!(client.control().starts_with(&preface[10..]));
}

#[test]
fn a_head_takes_along_what_was_to_be_said_before_it() {
    let mut client = End::new(Connection::client(Terms::client()));
    client.sees(&settings(&[(1, 0)]));
    let stream = client.side.open().unwrap();
    client.head(stream, &GET, true);
    assert!(client.out.starts_with(b"PRI"));
    assert!(client.side.control().is_empty());
    client.side.reset(stream, ErrorCode::Cancel);
    let all = client.take();
    let all = said(&all[24..]);
    assert!(
        matches!(
            all[..],
            [Said::Settings, Said::SettingsAck, Said::Headers(1, _, 5), Said::Reset(1, ErrorCode::Cancel)]
        ),
        "{all:?}"
    );
}

#[test]
fn a_long_head_is_split_by_what_the_server_takes() {
    let mut client = End::settled_client();
    let value = "\u{1}".repeat(9_000);
    let stream = client.side.open().unwrap();
    client.head(stream, &[(":path", "/"), ("a", &value), ("b", &value), ("c", &value), ("d", &value)], true);
    let all = client.says();
    let Said::Headers(1, 16_384, END_STREAM) = all[0] else { panic!("{all:?}") };
    let Said::Continuation(1, 16_384, 0) = all[1] else { panic!("{all:?}") };
    let Said::Continuation(1, _, END_HEADERS) = all[2] else { panic!("{all:?}") };
    assert_eq!(all.len(), 3);
}

#[test]
fn a_stream_whose_head_was_not_written_is_unknown_to_the_server() {
    let mut client = End::settled_client();
    let stream = client.side.open().unwrap();
    assert_eq!(client.side.room(stream), 0);
    client.side.reset(stream, ErrorCode::Cancel);
    assert_eq!(client.says(), []);
    assert_eq!(client.side.open(), Some(id(3)));
    for frame in [status(3, "200", true), data(3, b"", true), reset(3, ErrorCode::Cancel), window_update(3, 1)] {
        let mut client = End::settled_client();
        client.side.open().unwrap();
        client.side.reset(id(1), ErrorCode::Cancel);
        client.side.open().unwrap();
        assert_eq!(client.fails(&frame).why, Breach::IdleStream);
    }
}

#[test]
fn a_server_opens_no_streams() {
    for stream in [2, 3, 4] {
        assert_eq!(breaks(&[status(stream, "200", true)]), Breach::IdleStream);
        assert_eq!(breaks(&[data(stream, b"", true)]), Breach::IdleStream);
        assert_eq!(breaks(&[reset(stream, ErrorCode::Cancel)]), Breach::IdleStream);
        assert_eq!(breaks(&[window_update(stream, 1)]), Breach::IdleStream);
    }
    assert_eq!(End::asking_client().sees(&priority(2, 0)), []);
}

#[test]
fn a_server_may_not_allow_pushes() {
    assert_eq!(breaks(&[settings(&[(2, 1)])]), Breach::BadSetting);
    assert_eq!(End::asking_client().sees(&settings(&[(2, 0)])), [Event::Settled]);
}

/// An answer whose compressed head has so many bytes, in frames of that length.
fn long_answer(len: usize, frame_len: usize) -> Vec<u8> {
    let value = "v".repeat(100);
    let mut block = block(&[(":status", "200")]);
    while len - block.len() > 240 {
        block.extend(h2_support::block(&[("name", &value)]));
    }
    let value = "v".repeat((len - block.len()) / 2 - 7);
    block.extend(h2_support::block(&[("name", &value)]));
    let value = "v".repeat(len - block.len() - 7);
    block.extend(h2_support::block(&[("name", &value)]));
    assert_eq!(block.len(), len);
    let last = block.chunks(frame_len).count() - 1;
    let frames = block.chunks(frame_len).enumerate().map(|(n, piece)| {
        let kind = if n == 0 { FrameType::Headers } else { FrameType::Continuation };
        frame(kind, if n == last { END_HEADERS } else { 0 }, 1, piece)
    });
    frames.collect::<Vec<_>>().concat()
}

#[test]
fn the_head_of_an_answer_may_be_longer_than_that_of_a_request() {
    for frame_len in [16_384, 4_000] {
        let answer = long_answer(32_768, frame_len);
        assert_eq!(End::asking_client().sees(&answer), [head(1, Kind::Head, false)]);
        for piece in [1, 1000] {
            let mut client = End::asking_client();
            let events: Vec<Event> = answer.chunks(piece).flat_map(|piece| client.sees(piece)).collect();
            assert_eq!(events, [head(1, Kind::Head, false)]);
        }
        breaks_stream(&mut End::asking_client(), &[long_answer(32_769, frame_len)], Fault::BlockTooLong);
    }
}

#[test]
fn the_head_of_an_answer_that_is_too_long_is_read_up_to_four_times_its_limit() {
    // Beyond 64 KiB the list is too long as well.
    breaks_stream(&mut End::asking_client(), &[long_answer(40_000, 16_384)], Fault::BlockTooLong);
    breaks_stream(&mut End::asking_client(), &[long_answer(131_072, 16_384)], Fault::ListTooLong);
    assert_eq!(breaks(&[long_answer(131_073, 16_384)]), Breach::BlockTooLong);
    // However long it is, it comes in few frames.
    assert_eq!(breaks(&[long_answer(60_000, 3_500)]), Breach::BlockScattered);
}

#[test]
fn interim_answers_come_before_the_final_one() {
    let mut client = End::asking_client();
    let all = [
        status(1, "103", false),
        status(1, "100", false),
        status(1, "200", false),
        data(1, b"x", false),
        headers(1, &[("grpc-status", "0")], true),
    ];
    let data = Event::Data { stream: id(1), skip: 9, len: 1, end: false };
    let interim = head(1, Kind::Head, false);
    assert_eq!(client.sees(&all.concat()), [interim, interim, interim, data, head(1, Kind::Trailers, true)]);
}

#[test]
fn an_interim_answer_ends_nothing() {
    breaks_stream(&mut End::asking_client(), &[status(1, "103", true)], Fault::InterimEnds);
}

#[test]
fn after_a_final_answer_headers_are_trailers_and_end_the_stream() {
    for second in ["100", "200"] {
        let frames = [status(1, "200", false), status(1, second, false)];
        breaks_stream(&mut End::asking_client(), &frames, Fault::HeadInBody);
    }
}

#[test]
fn data_before_an_answer_is_none() {
    breaks_stream(&mut End::asking_client(), &[data(1, b"x", false)], Fault::BodyBeforeHead);
    let frames = [status(1, "100", false), data(1, b"x", false)];
    breaks_stream(&mut End::asking_client(), &frames, Fault::BodyBeforeHead);
}

#[test]
fn an_answer_has_the_length_that_it_says() {
    let long = |length: &str, end| headers(1, &[(":status", "200"), ("content-length", length)], end);
    assert_eq!(End::asking_client().sees(&[long("1", false), data(1, b"x", true)].concat()).len(), 2);
    for bad in [
        vec![long("1", true)],
        vec![long("x", false)],
        vec![long("1", false), data(1, b"xy", false)],
        vec![long("2", false), data(1, b"x", true)],
        vec![long("2", false), headers(1, &[("x", "y")], true)],
    ] {
        breaks_stream(&mut End::asking_client(), &bad, Fault::ContentLength);
    }
}

#[test]
fn answers_to_head_and_of_204_and_304_have_no_body_whatever_they_say() {
    let long = |status: &str, end| headers(1, &[(":status", status), ("content-length", "5")], end);
    for (to_head, status) in [(true, "200"), (false, "204"), (false, "304")] {
        let asking = || {
            let mut client = End::asking_client();
            if to_head {
                client.side.expects_no_body(id(1));
            }
            client
        };
        assert_eq!(asking().sees(&long(status, true)), [head(1, Kind::Head, true)]);
        assert_eq!(asking().sees(&[long(status, false), data(1, b"", true)].concat()).len(), 2);
        let frames = [long(status, false), data(1, b"hello", true)];
        breaks_stream(&mut asking(), &frames, Fault::ContentLength);
    }
    breaks_stream(&mut End::asking_client(), &[long("200", true)], Fault::ContentLength);
}

#[test]
fn an_answer_whose_stream_is_given_up_within_its_head_is_dropped() {
    for (status, end) in [("103", 0), ("200", 0), ("200", END_STREAM)] {
        let mut client = End::asking_client();
        let block = block(&[(":status", status)]);
        client.sees(&frame(FrameType::Headers, end, 1, &block[..4]));
        client.side.reset(id(1), ErrorCode::Cancel);
        assert_eq!(client.sees(&frame(FrameType::Continuation, END_HEADERS, 1, &block[4..])), []);
        assert_eq!(client.says(), [Said::Reset(1, ErrorCode::Cancel)]);
    }
}

#[test]
fn a_server_may_answer_before_the_request_is_over() {
    let mut client = End::asking_client();
    assert_eq!(client.sees(&status(1, "200", true)), [head(1, Kind::Head, true)]);
    assert_eq!(client.side.streams(), 1);
    client.data(id(1), b"rest", false);
    let reset = Event::Reset { stream: id(1), code: ErrorCode::NoError, fault: None };
    assert_eq!(client.sees(&frame(FrameType::ResetStream, 0, 1, &[0; 4])), [reset]);
    assert_eq!(client.side.room(id(1)), 0);
    assert!(!client.side.may_send(id(1)));
}

#[test]
fn after_its_end_a_server_says_nothing_more_on_a_stream() {
    let over = || [status(1, "200", true)].concat();
    breaks_stream(&mut End::asking_client(), &[over(), data(1, b"x", true)], Fault::AfterEnd);
    breaks_stream(&mut End::asking_client(), &[over(), status(1, "200", true)], Fault::AfterEnd);
    let done = || {
        let mut client = End::asking_client();
        client.data(id(1), b"", true);
        client.sees(&over());
        assert_eq!(client.side.streams(), 0);
        client.take();
        client
    };
    assert_eq!(done().fails(&data(1, b"x", true)).why, Breach::ClosedStream);
    assert_eq!(done().fails(&status(1, "200", true)).why, Breach::ClosedStream);
    assert_eq!(done().sees(&[window_update(1, 1), reset(1, ErrorCode::NoError)].concat()), []);
}

#[test]
fn whatever_crosses_a_reset_is_dropped_even_long_after() {
    let mut client = End::settled_client();
    for n in 0..1000 {
        let stream = client.side.open().unwrap();
        client.head(stream, &GET, true);
        client.side.reset(stream, ErrorCode::Cancel);
        client.take();
        assert_eq!(stream, id(2 * n + 1));
    }
    for stream in [1, 1999] {
        let late = [status(stream, "200", false), data(stream, b"x", true), reset(stream, ErrorCode::Cancel)];
        assert_eq!(client.sees(&late.concat()), []);
    }
    assert_eq!(client.says(), []);
}

#[test]
fn our_table_follows_what_the_server_allows() {
    let mut client = End::settled_client();
    let mut server = End::settled_server();
    for (size, stream) in [(4096, 1), (0, 3), (100, 5), (65_536, 7)] {
        client.sees(&settings(&[(1, size)]));
        client.side.open().unwrap();
        client.head(id(stream), &[(":path", "/"), ("name", "value"), ("other", "value")], true);
        let mut request = client.take();
        request.drain(..9); // The acknowledgement.
        // A decoder that announced 4096 takes whatever is smaller; what is larger is not used.
        assert_eq!(server.sees(&request), [head(stream, Kind::Head, true)]);
        assert_eq!(server.side.fields().first(b"other"), Some(&b"value"[..]));
    }
}

#[test]
fn each_size_of_the_table_is_told_at_the_next_head_and_the_least_between_too() {
    let cases = [
        (vec![(1, 0)], vec![0x20]),
        (vec![(1, 30)], vec![0x3e]),
        (vec![(1, 0), (1, 30)], vec![0x20, 0x3e]),
        (vec![(1, 30), (1, 0)], vec![0x20]),
        (vec![(3, 10)], vec![]),
    ];
    for (announced, updates) in cases {
        let mut client = End::asking_client();
        client.sees(&settings(&announced));
        client.take();
        let stream = client.side.open().unwrap();
        client.head(stream, &[(":method", "GET")], true);
        // `:method: GET` is the second entry of the static table.
        assert_eq!(client.take()[9..], [&updates[..], &[0x82]].concat(), "{announced:?}");
    }
}
