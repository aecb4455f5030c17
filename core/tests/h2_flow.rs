//! Flow control (RFC 9113 sections 5.2 and 6.9) from a server's side: what it sends keeps to the client's windows, and what it
//! takes to its own.

mod h2_support;

use h2_support::*;
use sluicegate::http::h2::frame::{FrameType, PADDED};
use sluicegate::http::h2::{Breach, Connection, ErrorCode, Event, Fault, Terms};

/// What the peer may send on a stream before anybody said anything.
const DEFAULT: usize = 65_535;

/// A server that is about to send a body on stream 1.
fn answering(server: End) -> End {
    let mut server = server;
    server.sees(&get(1));
    server.head(id(1), &[(":status", "200")], false);
    server.take();
    server
}

/// Sends as much as may be sent on that stream, and says how much that was.
fn sends(server: &mut End, stream: u32) -> usize {
    let mut sent = 0;
    loop {
        let room = server.side.room(id(stream));
        if room == 0 {
            server.take();
            return sent;
        }
        sent += room;
        server.data(id(stream), &vec![b'x'; room], false);
    }
}

#[test]
fn a_frame_carries_at_most_16384_bytes_even_if_the_peer_takes_more() {
    let mut server = answering(End::settled_server());
    assert_eq!(server.side.room(id(1)), 16_384);
    server.sees(&settings(&[(5, 1 << 20)]));
    assert_eq!(server.side.room(id(1)), 16_384);
}

#[test]
fn a_stream_sends_what_its_window_allows_and_the_rest_when_it_opens() {
    let mut server = answering(End::settled_server());
    server.sees(&window_update(0, 1 << 20));
    assert_eq!(sends(&mut server, 1), DEFAULT);
    assert_eq!(server.sees(&window_update(1, 7)), [Event::Room(Some(id(1)))]);
    assert_eq!(sends(&mut server, 1), 7);
    // An end needs no room.
    server.data(id(1), b"", true);
    assert_eq!(server.says(), [Said::Data(1, 0, true)]);
}

#[test]
fn all_streams_share_the_connections_window() {
    let mut server = answering(End::settled_server());
    server.sees(&get(3));
    server.head(id(3), &[(":status", "200")], false);
    assert_eq!(sends(&mut server, 1), DEFAULT);
    assert_eq!(server.side.room(id(3)), 0);
    assert_eq!(server.sees(&window_update(3, 100)), []);
    assert_eq!(server.sees(&window_update(0, 1000)), [Event::Room(None)]);
    assert_eq!((server.side.room(id(1)), server.side.room(id(3))), (0, 1000));
}

#[test]
fn a_smaller_initial_window_takes_back_what_was_given_also_below_nothing() {
    let mut server = answering(End::settled_server());
    server.sees(&window_update(0, 1 << 20));
    assert_eq!(sends(&mut server, 1), DEFAULT);
    assert_eq!(server.sees(&settings(&[(4, 3)])), [Event::Settled]);
    assert_eq!(server.sees(&window_update(1, 65_532)), []);
    assert_eq!(server.side.room(id(1)), 0);
    assert_eq!(server.sees(&window_update(1, 2)), [Event::Room(Some(id(1)))]);
    assert_eq!(server.side.room(id(1)), 2);
    assert_eq!(server.sees(&settings(&[(4, 2)])), [Event::Settled]);
    assert_eq!(server.side.room(id(1)), 1);
    server.sees(&get(3));
    server.head(id(3), &[(":status", "200")], false);
    assert_eq!(server.side.room(id(3)), 2);
}

#[test]
fn windows_beyond_their_limit_are_errors_of_the_stream_or_the_connection() {
    let most = (1 << 31) - 1;
    let to_most = most - DEFAULT as u32;
    let mut server = answering(End::settled_server());
    server.sees(&[window_update(0, to_most), window_update(1, to_most)].concat());
    let reset = Event::Reset { stream: id(1), code: ErrorCode::FlowControlError, fault: Some(Fault::WindowOverflow) };
    assert_eq!(server.sees(&window_update(1, 1)), [reset]);
    assert_eq!(server.says(), [Said::Reset(1, ErrorCode::FlowControlError)]);
    assert_eq!(server.fails(&window_update(0, 1)).code, ErrorCode::FlowControlError);
    let mut server = answering(End::settled_server());
    server.sees(&window_update(1, to_most));
    server.sees(&settings(&[(4, DEFAULT as u32)]));
    assert_eq!(server.fails(&settings(&[(4, DEFAULT as u32 + 1)])).code, ErrorCode::FlowControlError);
}

#[test]
fn a_window_is_not_opened_by_nothing() {
    let mut server = answering(End::settled_server());
    let reset = Event::Reset { stream: id(1), code: ErrorCode::ProtocolError, fault: Some(Fault::ZeroIncrement) };
    assert_eq!(server.sees(&window_update(1, 0)), [reset]);
    assert_eq!(server.sees(&window_update(1, 0)), []);
    assert_eq!(server.fails(&window_update(0, 1 << 31)).why, Breach::ZeroIncrement);
}

/// Sends a body of so many bytes on that stream.
fn body(stream: u32, len: usize) -> Vec<u8> {
    vec![b'x'; len].chunks(16_384).flat_map(|piece| data(stream, piece, false)).collect()
}

#[test]
fn until_it_acknowledges_a_client_may_send_the_default_on_a_stream_and_in_all() {
    let mut server = End::server();
    server.sees(&[post(1), post(3), body(1, DEFAULT)].concat());
    server.side.consumed(id(1), 40_000);
    assert_eq!(server.says(), []);
    assert_eq!(server.fails(&data(3, b"x", false)).why, Breach::WindowExceeded);
    let mut server = End::server();
    server.sees(&[post(1), post(3), body(1, DEFAULT - 10), body(3, 10)].concat());
    server.side.consumed(id(1), DEFAULT - 10);
    // The stream's window is opened, the connection's is not.
    assert!(matches!(server.says()[..], [Said::WindowUpdate(1, _)]));
    assert_eq!(server.fails(&data(3, b"x", false)).code, ErrorCode::FlowControlError);
}

#[test]
fn with_its_acknowledgement_a_client_has_the_windows_that_were_announced() {
    let mut server = End::server();
    server.sees(&[post(1), post(3), body(1, 20_000), body(3, 10_000)].concat());
    assert_eq!(server.sees(&settings_ack()), []);
    // What came is credited too.
    assert_eq!(server.says(), [Said::WindowUpdate(0, (1 << 20) - 65_535 + 30_000)]);
    server.sees(&body(3, 6_384));
    server.side.consumed(id(1), 20_000);
    assert_eq!(server.says(), [Said::WindowUpdate(1, 20_000)]);
    server.sees(&[body(1, 16_384), post(5), body(5, 16_384)].concat());
    for stream in [1, 3, 5] {
        let reset =
            Event::Reset { stream: id(stream), code: ErrorCode::FlowControlError, fault: Some(Fault::WindowExceeded) };
        assert!(server.sees(&data(stream, b"x", false)).contains(&reset), "{stream}");
    }
}

#[test]
fn a_stream_with_a_window_below_nothing_may_still_end() {
    let mut server = End::server();
    server.sees(&[post(1), post(3), body(1, 30_000), body(3, 30_000)].concat());
    server.side.reset(id(3), ErrorCode::Cancel);
    let ends = [settings_ack(), data(1, b"", false), data(1, b"", true), data(3, b"", false), data(3, b"", true)];
    assert!(matches!(server.sees(&ends.concat())[..], [Event::Data { len: 0, end: true, .. }]));
}

#[test]
fn a_stream_that_was_reset_before_it_knew_our_windows_has_them_too() {
    let mut server = End::server();
    server.sees(&post(1));
    server.side.reset(id(1), ErrorCode::Cancel);
    server.sees(&settings_ack());
    assert_eq!(server.sees(&[body(1, 16_384), data(1, b"", false)].concat()), []);
    assert_eq!(server.fails(&data(1, b"x", false)).why, Breach::ResetWindowExceeded);
}

#[test]
fn a_streams_window_opens_by_halves_as_its_body_is_used_up_and_not_after_its_end() {
    let mut server = End::settled_server();
    server.sees(&[post(1), body(1, 16_384)].concat());
    server.side.consumed(id(1), 8_191);
    assert_eq!(server.says(), []);
    server.side.consumed(id(1), 1);
    assert_eq!(server.says(), [Said::WindowUpdate(1, 8_192)]);
    server.sees(&[body(1, 8_192), data(1, b"", true)].concat());
    server.side.consumed(id(1), 16_384);
    server.side.widen(id(1), 1 << 20);
    assert_eq!(server.says(), []);
}

#[test]
fn one_streams_window_may_be_widened() {
    let mut server = End::settled_server();
    server.sees(&[post(1), post(3)].concat());
    server.side.widen(id(1), 65_536);
    assert_eq!(server.says(), [Said::WindowUpdate(1, 49_152)]);
    server.sees(&[body(1, 65_536), body(3, 16_384)].concat());
    server.side.consumed(id(1), 32_768);
    assert_eq!(server.says(), [Said::WindowUpdate(1, 32_768)]);
    server.side.widen(id(1), 1000);
    server.side.consumed(id(1), 32_768);
    assert_eq!(server.says(), [Said::WindowUpdate(1, 32_768)]);
    // Before the acknowledgement the peer has a larger one anyway.
    let mut server = End::server();
    server.sees(&post(1));
    server.side.widen(id(1), 65_536);
    assert_eq!(server.says(), []);
    server.sees(&settings_ack());
    assert!(server.says().contains(&Said::WindowUpdate(1, 49_152)));
}

#[test]
fn no_window_of_ours_is_opened_beyond_what_there_may_be() {
    let most = (1 << 31) - 1;
    let mut server = End::settled_server();
    server.sees(&post(1));
    server.side.widen(id(1), u32::MAX);
    assert_eq!(server.says(), [Said::WindowUpdate(1, most - 16_384)]);
    let terms = Terms { initial_window: u32::MAX, connection_window: u32::MAX, ..Terms::server() };
    let mut server = End::server_with(terms);
    let mut client = End::new(Connection::client(Terms::client()));
    let announced = Connection::server(terms).control().to_vec();
    assert_eq!(client.sees(&announced), [Event::Settled]);
    server.sees(&settings_ack());
    assert_eq!(server.says(), [Said::WindowUpdate(0, most - 65_535)]);
}

#[test]
fn the_connections_window_opens_as_bytes_come_however_slow_one_stream_is() {
    let mut server = End::settled_server();
    let mut opened = 0;
    for stream in (1..257).step_by(2) {
        server.sees(&[post(stream), body(stream, 16_384)].concat());
        for said in server.says() {
            let Said::WindowUpdate(0, by) = said else { panic!("{said:?}") };
            opened += by;
        }
    }
    assert_eq!(opened, 128 * 16_384);
}

#[test]
fn padding_is_credited_without_being_used_up() {
    let mut server = End::settled_server();
    server.sees(&post(1));
    let padded = |payload: usize| {
        let mut bytes = vec![b'x'; 1 + payload + 255];
        bytes[0] = 255;
        frame(FrameType::Data, PADDED, 1, &bytes)
    };
    for _ in 0..31 {
        server.sees(&padded(0));
        assert_eq!(server.says(), []);
    }
    server.sees(&padded(256));
    assert_eq!(server.says(), [Said::WindowUpdate(1, 32 * 256)]);
    let mut server = End::settled_server();
    server.sees(&post(1));
    // But it counts against the window.
    server.sees(&body(1, 16_384 - 255));
    let events = server.sees(&padded(0));
    assert_eq!(
        events,
        [Event::Reset { stream: id(1), code: ErrorCode::FlowControlError, fault: Some(Fault::WindowExceeded) }]
    );
}

#[test]
fn what_is_dropped_is_credited_to_the_connection() {
    let mut server = End::settled_server();
    let mut credited = 0;
    for n in 0..64 {
        let stream = 2 * n + 1;
        server.sees(&post(stream));
        server.side.reset(id(stream), ErrorCode::Cancel);
        assert_eq!(server.sees(&body(stream, 16_384)), []);
        for said in server.says() {
            if let Said::WindowUpdate(0, by) = said {
                credited += by;
            }
        }
    }
    assert_eq!(credited, 64 * 16_384);
}
