//! The rules of RFC 9113 that concern frames and streams, as transcripts: what a client sends, what a server makes of it. What
//! differs on a client is in `h2_client.rs`.

mod h2_support;

use h2_support::*;
use sluicegate::http::h2::frame::{ACK, END_HEADERS, END_STREAM, FrameType, PADDED, PREFACE, PRIORITY};
use sluicegate::http::h2::{Breach, Connection, ErrorCode, Event, Fault, Kind, Terms};

fn request(stream: u32, end: bool) -> Event {
    Event::Head { stream: id(stream), kind: Kind::Head, end }
}

fn trailers(stream: u32) -> Event {
    Event::Head { stream: id(stream), kind: Kind::Trailers, end: true }
}

/// These frames break a rule of the connection.
fn breaks(frames: &[Vec<u8>]) -> Breach {
    End::settled_server().fails(&frames.concat()).why
}

/// These frames break a rule of one stream only: it is reset with that code, and another goes on as before.
fn breaks_stream(frames: &[Vec<u8>], stream: u32, fault: Fault) {
    let code = fault.code();
    let mut server = End::settled_server();
    let events = server.sees(&frames.concat());
    assert!(server.says().contains(&Said::Reset(stream, code)), "{events:?}");
    // The owner is told, even if there never was a request, unless the stream was gone already.
    let gone = |event: &Event| matches!(event, Event::Reset { fault: None, .. });
    let told = events.contains(&Event::Reset { stream: id(stream), code, fault: Some(fault) });
    assert_eq!(told, !events.iter().any(gone), "{events:?}");
    assert!(server.side.streams() == 0, "{events:?}");
    assert_eq!(server.sees(&get(101)), [request(101, true)]);
}

// Section 3.4: the preface.

#[test]
fn a_connection_begins_with_the_preface_in_any_pieces() {
    let mut server = End::new(Connection::server(Terms::server()));
    for byte in PREFACE {
        assert_eq!(server.sees(&[byte]), []);
    }
    assert_eq!(server.sees(&settings(&[])), [Event::Settled]);
    assert_eq!(server.says(), [Said::Settings, Said::SettingsAck]);
}

#[test]
fn another_preface_is_refused_at_its_first_wrong_byte() {
    for at in 0..PREFACE.len() {
        let mut wrong = PREFACE;
        wrong[at] ^= 1;
        let mut server = End::new(Connection::server(Terms::server()));
        assert_eq!(server.feed(&wrong[..at]), (vec![], None));
        assert_eq!(server.fails(&wrong[at..=at]).why, Breach::BadPreface);
    }
}

#[test]
fn the_first_frame_is_settings() {
    for first in [ping(), get(1), settings_ack(), window_update(0, 1), frame(FrameType::Unknown(99), 0, 0, b"")] {
        let mut server = End::new(Connection::server(Terms::server()));
        assert_eq!(server.fails(&[&PREFACE[..], &first].concat()).why, Breach::NoSettings);
        let mut client = End::new(Connection::client(Terms::client()));
        client.take();
        assert_eq!(client.fails(&first).why, Breach::NoSettings);
    }
}

// Section 4: frames.

#[test]
fn frames_have_at_most_16384_bytes_of_payload() {
    let mut server = End::settled_server();
    server.sees(&post(1));
    server.side.widen(id(1), 65_536);
    assert_eq!(server.sees(&data(1, &[0; 16_384], false)).len(), 1);
    for kind in 0..=10 {
        let mut server = End::settled_server();
        let long = frame(FrameType::new(kind), 0, 1, &[0; 16_385]);
        assert_eq!(server.fails(&long[..9]).why, Breach::FrameTooLong, "{kind}");
    }
}

#[test]
fn frames_of_fixed_length_have_that_length() {
    use FrameType::{GoAway, Ping, ResetStream, Settings, WindowUpdate};
    for (kind, flags, stream, len) in [
        (ResetStream, 0, 1, 4),
        (WindowUpdate, 0, 0, 4),
        (WindowUpdate, 0, 1, 4),
        (Ping, 0, 0, 8),
        (Settings, ACK, 0, 0),
        (Settings, 0, 0, 6),
        (GoAway, 0, 0, 8),
    ] {
        let of = |len: usize| [post(1), frame(kind, flags, stream, &[0, 0, 0, 1].repeat(4)[..len])];
        End::settled_server().sees(&of(len).concat());
        let longer = (kind != GoAway).then_some(len + 1);
        for wrong in [len.checked_sub(1), longer].into_iter().flatten() {
            assert_eq!(breaks(&of(wrong)), Breach::BadFrameSize, "{kind:?} of {wrong}");
        }
    }
}

#[test]
fn frames_belong_to_a_stream_or_to_the_connection() {
    use FrameType::*;
    for (kind, payload) in [(Settings, &[][..]), (Ping, &[0; 8]), (GoAway, &[0; 8])] {
        assert_eq!(breaks(&[post(1), frame(kind, 0, 1, payload)]), Breach::NeedsNoStream, "{kind:?}");
    }
    for (kind, payload) in [(Data, &[][..]), (Headers, &[]), (Priority, &[0; 5]), (ResetStream, &[0; 4])] {
        assert_eq!(breaks(&[frame(kind, 0, 0, payload)]), Breach::NeedsStream, "{kind:?}");
    }
    assert_eq!(breaks(&[frame(Continuation, 0, 0, b"")]), Breach::NothingToContinue);
}

#[test]
fn frames_of_unknown_types_are_skipped_in_any_pieces() {
    let mut server = End::settled_server();
    let unknown = frame(FrameType::Unknown(0xfa), 0xff, 77, &[7; 16_384]);
    for piece in [unknown, get(1)].concat().chunks(1000) {
        let events = server.sees(piece);
        assert!(server.arrived.len() < 100, "it is not collected");
        assert!(events.is_empty() || events == [request(1, true)]);
    }
    assert_eq!(server.side.streams(), 1);
}

#[test]
fn unknown_flags_and_the_reserved_bit_are_ignored() {
    let mut ping = ping();
    ping[4] = 0xfe;
    ping[5] = 0x80;
    let mut server = End::settled_server();
    server.sees(&ping);
    assert_eq!(server.says(), [Said::PingAck(*b"12345678")]);
}

// Section 4.3 and 6.10: header blocks.

/// A request of these fields in so many frames.
fn scattered(stream: u32, fields: &[(&str, &str)], frames: usize) -> Vec<Vec<u8>> {
    let block = block(fields);
    let pieces: Vec<&[u8]> = block.chunks(block.len().div_ceil(frames - 1).max(1)).collect();
    (0..frames)
        .map(|at| {
            let piece = pieces.get(at).copied().unwrap_or_default();
            let kind = if at == 0 { FrameType::Headers } else { FrameType::Continuation };
            let end = if at == 0 { END_STREAM } else { 0 };
            frame(kind, end | if at == frames - 1 { END_HEADERS } else { 0 }, stream, piece)
        })
        .collect()
}

#[test]
fn a_block_may_come_in_several_frames_with_nothing_between() {
    let mut server = End::settled_server();
    let frames = scattered(1, &GET, 5);
    assert_eq!(server.sees(&frames.concat()), [request(1, true)]);
    assert_eq!(server.side.fields().len(), 4);
    assert_eq!(server.side.fields().first(b":authority"), Some(&b"a"[..]));
    for between in [
        data(1, b"", false),
        get(3),
        get(1),
        priority(1, 0),
        reset(1, ErrorCode::Cancel),
        settings(&[]),
        ping(),
        goaway(0, ErrorCode::NoError),
        window_update(0, 1),
        frame(FrameType::Unknown(11), 0, 0, b""),
        frame(FrameType::Continuation, END_HEADERS, 3, b""),
    ] {
        assert_eq!(breaks(&[frames[0].clone(), between]), Breach::BlockInterrupted);
    }
}

#[test]
fn nothing_is_continued_that_did_not_begin_or_is_complete() {
    let continuation = || frame(FrameType::Continuation, END_HEADERS, 1, &block(&GET));
    assert_eq!(breaks(&[continuation()]), Breach::NothingToContinue);
    assert_eq!(breaks(&[get(1), continuation()]), Breach::NothingToContinue);
    assert_eq!(breaks(&[post(1), data(1, b"", false), continuation()]), Breach::NothingToContinue);
    assert_eq!(breaks(&[[scattered(1, &GET, 3), vec![continuation()]].concat().concat()]), Breach::NothingToContinue);
}

#[test]
fn a_block_comes_in_at_most_sixteen_frames() {
    assert_eq!(End::settled_server().sees(&scattered(1, &GET, 16).concat()), [request(1, true)]);
    assert_eq!(breaks(&scattered(1, &GET, 17)), Breach::BlockScattered);
}

#[test]
fn a_compressed_block_has_at_most_8192_bytes() {
    let value = "v".repeat(100);
    let mut fields = GET.to_vec();
    fields.extend([("name", &value[..]); 75]);
    let len = block(&fields).len();
    let value = "v".repeat((8192 - len - 7) / 2 - 20);
    let rest = "v".repeat(8192 - len - 7 - value.len() - 7);
    fields.extend([("name", &value[..]), ("name", &rest[..])]);
    let whole = block(&fields);
    assert_eq!(whole.len(), 8192);
    for frames in [2, 3] {
        assert_eq!(End::settled_server().sees(&scattered(1, &fields, frames).concat()), [request(1, true)]);
    }
    assert_eq!(End::settled_server().sees(&headers(1, &fields, true)), [request(1, true)]);
    fields[3].1 = "ab";
    let error = End::settled_server().fails(&headers(1, &fields, true));
    assert_eq!((error.why, error.code), (Breach::BlockTooLong, ErrorCode::EnhanceYourCalm));
    for frames in [2, 3] {
        assert_eq!(breaks(&scattered(1, &fields, frames)), Breach::BlockTooLong);
    }
}

#[test]
fn a_block_that_is_too_long_is_not_waited_for() {
    let mut server = End::settled_server();
    let head = &frame(FrameType::Headers, END_HEADERS, 1, &[0; 8192 + 262])[..9];
    assert_eq!(server.fails(head).why, Breach::BlockTooLong);
    let mut server = End::settled_server();
    server.sees(&frame(FrameType::Headers, END_STREAM, 1, &block(&GET)));
    assert_eq!(server.fails(&frame(FrameType::Continuation, 0, 1, &[0; 8192])[..9]).why, Breach::BlockTooLong);
}

#[test]
fn a_list_has_at_most_65536_bytes_and_1000_fields() {
    // One field into the dynamic table, then one byte for each time it is named again.
    let bomb = |times: usize, value: usize| {
        let mut block =
            [&[0x40, 1, b'n', 127, (value - 127) as u8 & 0x7f | 0x80, ((value - 127) >> 7) as u8][..]].concat();
        block.extend(vec![b'v'; value]);
        block.extend(vec![0x80 | 62; times]);
        frame(FrameType::Headers, END_HEADERS | END_STREAM, 1, &block)
    };
    let size = 1 + 991 + 32;
    assert_eq!(65_536 % size, 0);
    assert_eq!(End::settled_server().sees(&bomb(65_536 / size - 1, 991)), [request(1, true)]);
    breaks_stream(&[bomb(65_536 / size, 991)], 1, Fault::ListTooLong);
    breaks_stream(&[bomb(8 * 65_536 / size - 1, 991)], 1, Fault::ListTooLong);
    let error = End::settled_server().fails(&bomb(8 * 65_536 / size, 991));
    assert_eq!((error.why, error.code), (Breach::ListTooLong, ErrorCode::EnhanceYourCalm));
    // Indexed from the static table: `:method: GET`, 42 bytes each.
    let many = |n| frame(FrameType::Headers, END_HEADERS | END_STREAM, 1, &vec![0x82; n]);
    assert_eq!(End::settled_server().sees(&many(1000)), [request(1, true)]);
    breaks_stream(&[many(1001)], 1, Fault::TooManyFields);
    assert_eq!(Fault::TooManyFields.code(), ErrorCode::EnhanceYourCalm);
}

#[test]
fn what_cannot_be_decompressed_ends_the_connection() {
    let error = End::settled_server().fails(&frame(FrameType::Headers, END_HEADERS, 1, &[0x80]));
    assert_eq!((error.why, error.code), (Breach::Compression, ErrorCode::CompressionError));
}

// Section 5.1: the states of streams.

#[test]
fn an_idle_stream_takes_headers_and_priority_only() {
    assert_eq!(breaks(&[data(1, b"a", true)]), Breach::IdleStream);
    assert_eq!(breaks(&[reset(1, ErrorCode::Cancel)]), Breach::IdleStream);
    assert_eq!(breaks(&[window_update(1, 1)]), Breach::IdleStream);
    let mut server = End::settled_server();
    assert_eq!(server.sees(&[priority(5, 3), get(1), priority(3, 1)].concat()), [request(1, true)]);
}

#[test]
fn after_its_end_a_stream_takes_priority_window_updates_and_a_reset() {
    let mut server = End::settled_server();
    let rest = [priority(1, 3), window_update(1, 5), reset(1, ErrorCode::Cancel)].concat();
    let events = server.sees(&[get(1), rest].concat());
    let reset = Event::Reset { stream: id(1), code: ErrorCode::Cancel, fault: None };
    assert_eq!(events, [request(1, true), Event::Room(Some(id(1))), reset]);
    breaks_stream(&[get(1), data(1, b"a", true)], 1, Fault::AfterEnd);
    breaks_stream(&[get(1), get(1)], 1, Fault::AfterEnd);
    breaks_stream(&[post(1), data(1, b"a", true), data(1, b"", true)], 1, Fault::AfterEnd);
}

/// A server that answered on stream 1, which is over.
fn answered() -> End {
    let mut server = End::settled_server();
    server.sees(&get(1));
    server.head(id(1), &[(":status", "200")], false);
    server.data(id(1), b"hello", true);
    server.take();
    assert_eq!(server.side.streams(), 0);
    server
}

#[test]
fn a_stream_that_both_ended_takes_only_what_may_have_crossed_the_end() {
    assert_eq!(answered().sees(&[priority(1, 3), window_update(1, 5), reset(1, ErrorCode::Cancel)].concat()), []);
    assert_eq!(answered().fails(&data(1, b"a", true)).why, Breach::ClosedStream);
    assert_eq!(answered().fails(&get(1)).code, ErrorCode::StreamClosed);
}

#[test]
fn a_stream_that_the_peer_reset_is_closed_for_it() {
    let gone = || [post(1), reset(1, ErrorCode::Cancel)].concat();
    breaks_stream(&[gone(), data(1, b"a", true)], 1, Fault::AfterEnd);
    breaks_stream(&[gone(), post(1)], 1, Fault::AfterEnd);
    let mut server = End::settled_server();
    server.sees(&[gone(), window_update(1, 1), reset(1, ErrorCode::Cancel), priority(1, 3)].concat());
    assert_eq!(server.says(), []);
}

#[test]
fn what_crosses_our_reset_is_dropped_up_to_the_window() {
    let mut server = End::settled_server();
    server.sees(&[post(1), data(1, b"abc", false)].concat());
    server.side.reset(id(1), ErrorCode::Cancel);
    assert_eq!(server.says(), [Said::Reset(1, ErrorCode::Cancel)]);
    let crossing = [
        data(1, &[0; 16_000], false),
        window_update(1, 1),
        data(1, &[0; 381], false),
        data(1, b"", false),
        headers(1, &[("x", "y")], false),
    ];
    assert_eq!(server.sees(&crossing.concat()), []);
    assert_eq!(server.says(), []);
    assert_eq!(server.fails(&data(1, b"a", false)).why, Breach::ResetWindowExceeded);
}

#[test]
fn the_peers_end_is_an_end_also_of_a_stream_that_we_reset() {
    for end in [data(1, b"", true), headers(1, &[("x", "y")], true)] {
        let mut server = End::settled_server();
        server.sees(&post(1));
        server.side.reset(id(1), ErrorCode::Cancel);
        assert_eq!(server.sees(&end), []);
        assert_eq!(server.fails(&data(1, b"", false)).why, Breach::ClosedStream);
    }
}

#[test]
fn a_body_that_is_dropped_keeps_its_place_in_the_input() {
    let mut server = End::settled_server();
    let body = data(1, b"abcdef", true);
    assert_eq!(server.sees(&[&post(1)[..], &body[..12]].concat()).len(), 2);
    server.side.reset(id(1), ErrorCode::Cancel);
    assert_eq!(server.sees(&[&body[12..], &get(3)].concat()), [request(3, true)]);
    assert_eq!(server.payload, b"abc");
}

#[test]
fn a_clients_streams_are_odd_and_rise() {
    assert_eq!(breaks(&[get(2)]), Breach::NotYourStream);
    assert_eq!(breaks(&[get(5), get(4)]).code(), ErrorCode::ProtocolError);
    assert_eq!(breaks(&[get(5), get(3)]), Breach::StreamsFall);
    assert_eq!(End::settled_server().sees(&[get(5), get(7), get(0x7fff_ffff)].concat()).len(), 3);
}

#[test]
fn streams_beyond_the_limit_are_refused_and_their_blocks_still_decoded() {
    let mut server = End::settled_server();
    for n in 0..128 {
        assert_eq!(server.sees(&post(2 * n + 1)).len(), 1);
    }
    // The field of the refused one is in the table for the next.
    let named = frame(FrameType::Headers, END_HEADERS, 257, b"\x40\x01x\x01y");
    assert_eq!(server.sees(&[named, data(257, b"abc", true)].concat()), []);
    assert_eq!(server.says(), [Said::Reset(257, ErrorCode::RefusedStream)]);
    server.sees(&reset(1, ErrorCode::Cancel));
    let again = frame(FrameType::Headers, END_HEADERS, 259, &[0x80 | 62]);
    assert_eq!(server.sees(&again), [request(259, false)]);
    assert_eq!(server.side.fields().first(b"x"), Some(&b"y"[..]));
}

// Section 6.1 and 6.2: padding, and priority of old.

#[test]
fn padding_is_dropped_and_may_fill_the_frame() {
    let mut server = End::settled_server();
    let padded = frame(FrameType::Headers, END_HEADERS | PADDED, 1, &[&[9][..], &block(&GET), &[0; 9]].concat());
    assert_eq!(server.sees(&padded), [request(1, false)]);
    let body = frame(FrameType::Data, PADDED, 1, &[&[2][..], b"abc", &[0; 2]].concat());
    assert_eq!(server.sees(&body), [Event::Data { stream: id(1), skip: 10, len: 3, end: false }]);
    assert_eq!(server.sees(&frame(FrameType::Data, PADDED, 1, &[3, 0, 0, 0])), []);
    let last = frame(FrameType::Data, PADDED | END_STREAM, 1, &[1, 0]);
    assert_eq!(server.sees(&last), [Event::Data { stream: id(1), skip: 10, len: 0, end: true }]);
}

#[test]
fn an_end_is_told_once_even_if_its_padding_comes_later() {
    let mut server = End::settled_server();
    let body = frame(FrameType::Data, PADDED | END_STREAM, 1, &[&[5][..], b"abc", &[0; 5]].concat());
    let events = server.sees(&[&post(1)[..], &body[..14]].concat());
    assert_eq!(events[1..], [Event::Data { stream: id(1), skip: 10, len: 3, end: true }]);
    assert_eq!(server.sees(&body[14..16]), []);
    assert_eq!(server.sees(&[&body[16..], &get(3)].concat()), [request(3, true)]);
}

#[test]
fn padding_as_long_as_the_frame_is_an_error() {
    for kind in [FrameType::Data, FrameType::Headers] {
        assert_eq!(breaks(&[post(1), frame(kind, PADDED | END_HEADERS, 1, &[4, 0, 0, 0])]), Breach::BadPadding);
        assert_eq!(breaks(&[post(1), frame(kind, PADDED, 1, &[])]), Breach::BadFrameSize);
    }
    let tight = frame(FrameType::Headers, PADDED | PRIORITY | END_HEADERS, 1, &[1, 0, 0, 0, 0, 0]);
    assert_eq!(breaks(&[tight]), Breach::BadPadding);
    assert_eq!(breaks(&[frame(FrameType::Headers, PRIORITY | END_HEADERS, 1, &[0; 4])]), Breach::BadFrameSize);
}

#[test]
fn priorities_are_not_followed_but_nothing_depends_on_itself() {
    let with = |on: u32| {
        let payload = [&on.to_be_bytes()[..], &[15], &block(&GET)].concat();
        frame(FrameType::Headers, END_HEADERS | PRIORITY | END_STREAM, 1, &payload)
    };
    assert_eq!(End::settled_server().sees(&with(0x8000_0003)), [request(1, true)]);
    breaks_stream(&[with(1)], 1, Fault::DependsOnItself);
    breaks_stream(&[with(0x8000_0001)], 1, Fault::DependsOnItself);
    breaks_stream(&[post(1), priority(1, 1)], 1, Fault::DependsOnItself);
    assert_eq!(breaks(&[priority(2, 2)]), Breach::DependsOnItself);
}

#[test]
fn a_misshapen_priority_ends_its_stream_only() {
    for len in [0, 4, 6, 1000] {
        let misshapen = || frame(FrameType::Priority, 0, 1, &vec![0; len]);
        breaks_stream(&[post(1), misshapen()], 1, Fault::BadFrameSize);
        assert_eq!(breaks(&[misshapen()]), Breach::BadFrameSize);
    }
}

#[test]
fn nobody_pushes() {
    let promise = || frame(FrameType::PushPromise, END_HEADERS, 1, &[0, 0, 0, 2]);
    assert_eq!(breaks(&[post(1), promise()]), Breach::Push);
    assert_eq!(End::asking_client().fails(&promise()).why, Breach::Push);
}

// Section 6.5 to 6.8: settings, pings, GOAWAY.

#[test]
fn settings_are_acknowledged_and_pings_answered() {
    let mut server = End::settled_server();
    assert_eq!(server.sees(&[settings(&[(0xff, 1)]), ping(), settings(&[])].concat()), [Event::Settled; 2]);
    assert_eq!(server.says(), [Said::SettingsAck, Said::PingAck(*b"12345678"), Said::SettingsAck]);
    assert_eq!(server.sees(&frame(FrameType::Ping, ACK, 0, b"whatever")), []);
    assert_eq!(server.says(), []);
}

#[test]
fn settings_out_of_range_end_the_connection() {
    assert_eq!(breaks(&[settings(&[(2, 2)])]), Breach::BadSetting);
    assert_eq!(breaks(&[settings(&[(4, 1 << 31)])]).code(), ErrorCode::FlowControlError);
    assert_eq!(breaks(&[settings(&[(5, 16_383)])]), Breach::BadSetting);
}

#[test]
fn one_frame_has_at_most_sixty_four_settings() {
    assert_eq!(End::settled_server().sees(&settings(&[(0xff, 0); 64])), [Event::Settled]);
    assert_eq!(breaks(&[settings(&[(0xff, 0); 65])]).code(), ErrorCode::EnhanceYourCalm);
}

#[test]
fn a_clients_goaway_is_told_and_its_streams_go_on() {
    let mut server = End::settled_server();
    let debug = frame(FrameType::GoAway, 0, 0, &[&[0; 8][..], &[b'x'; 9000]].concat());
    let events = server.sees(&[post(1), debug, data(1, b"a", true)].concat());
    assert_eq!(events[1], Event::GoAway { last: id(0), code: ErrorCode::NoError });
    assert_eq!(events.len(), 3);
    assert!(server.side.peer_is_leaving());
}

// Section 8.1: messages.

#[test]
fn trailers_end_the_stream() {
    let mut server = End::settled_server();
    assert_eq!(server.sees(&[post(1), data(1, b"a", false), headers(1, &[("x", "y")], true)].concat())[2], trailers(1));
    assert_eq!(server.side.fields().first(b"x"), Some(&b"y"[..]));
    breaks_stream(&[post(1), headers(1, &[("x", "y")], false)], 1, Fault::HeadInBody);
}

#[test]
fn a_body_is_as_long_as_its_content_length() {
    let with = |length: &str, end| {
        let mut fields = GET.to_vec();
        fields.push(("content-length", length));
        headers(1, &fields, end)
    };
    for good in [
        vec![with("0", true)],
        vec![with("0", false), data(1, b"", true)],
        vec![with("3", false), data(1, b"ab", false), data(1, b"c", true)],
        vec![with("3", false), data(1, b"abc", false), data(1, b"", true)],
        vec![with("3", false), data(1, b"abc", false), headers(1, &[("x", "y")], true)],
        vec![with("03", false), frame(FrameType::Data, PADDED | END_STREAM, 1, &[1, b'a', b'b', b'c', 0])],
    ] {
        let mut server = End::settled_server();
        server.sees(&good.concat());
        assert_eq!(server.says(), []);
        assert_eq!(server.side.streams(), 1);
    }
    for bad in [
        vec![with("1", true)],
        vec![with("3", false), data(1, b"abcd", false)],
        vec![with("3", false), data(1, b"ab", true)],
        vec![with("3", false), data(1, b"ab", false), data(1, b"", true)],
        vec![with("3", false), data(1, b"ab", false), headers(1, &[("x", "y")], true)],
        vec![with("0", false), data(1, b"a", false)],
        vec![with("", true)],
        vec![with("+0", true)],
        vec![with("0,0", true)],
        vec![with("18446744073709551616", false)],
    ] {
        breaks_stream(&bad, 1, Fault::ContentLength);
    }
    let several = |second| {
        let mut fields = GET.to_vec();
        fields.extend([("content-length", "2"), ("content-length", second)]);
        headers(1, &fields, false)
    };
    assert_eq!(End::settled_server().sees(&several("2")), [request(1, false)]);
    breaks_stream(&[several("3")], 1, Fault::ContentLength);
}

// In pieces.

#[test]
fn bytes_mean_the_same_wherever_they_are_cut() {
    let mut with_length = GET.to_vec();
    with_length.push(("content-length", "6"));
    let all = [
        PREFACE.to_vec(),
        settings(&[(4, 70_000)]),
        settings_ack(),
        priority(3, 0),
        headers(1, &with_length, false),
        frame(FrameType::Data, PADDED, 1, &[4, b'a', b'b', b'c', 0, 0, 0, 0]),
        scattered(3, &GET, 4).concat(),
        frame(FrameType::Unknown(0x10), 0, 0, b"something"),
        ping(),
        data(1, b"def", false),
        window_update(1, 1),
        window_update(0, 1),
        headers(1, &[("x", "y")], true),
        reset(3, ErrorCode::Cancel),
        goaway(0, ErrorCode::NoError),
        get(5),
        data(5, b"", true),
        data(1, b"", true),
        data(9, b"", true),
    ]
    .concat();
    let whole = taken(&all, &[]);
    assert_eq!(whole.2, Some(Breach::IdleStream));
    assert_eq!(whole.1, b"abcdef");
    for at in 0..all.len() {
        assert_eq!(taken(&all, &[at]), whole, "cut at {at}");
    }
    let everywhere: Vec<usize> = (0..all.len()).collect();
    assert_eq!(taken(&all, &everywhere), whole);
}

/// What a server makes of bytes that are cut there: the events with data joined, the payload, how it ended, and what it says.
fn taken(bytes: &[u8], cuts: &[usize]) -> (Vec<Event>, Vec<u8>, Option<Breach>, Vec<Said>) {
    let mut server = End::new(Connection::server(Terms::server()));
    let mut events = Vec::new();
    let mut error = None;
    let mut from = 0;
    for to in cuts.iter().copied().chain([bytes.len()]) {
        let (more, failed) = server.feed(&bytes[from..to]);
        from = to;
        for event in more {
            match (events.last_mut(), event) {
                (
                    Some(Event::Data { stream, len, end: end @ false, .. }),
                    Event::Data { stream: s, len: l, end: e, .. },
                ) if *stream == s => {
                    *len += l;
                    *end = e;
                }
                (_, Event::Data { stream, len, end, .. }) => events.push(Event::Data { stream, skip: 0, len, end }),
                (_, event) => events.push(event),
            }
        }
        if failed.is_some() {
            error = failed;
            break;
        }
    }
    (events, server.payload.clone(), error.map(|error| error.why), server.says())
}
