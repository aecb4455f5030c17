//! In steady state neither side of HTTP/2 allocates anything, for one request after the other as for a hundred at a time.

mod counting;
mod h2_support;

use std::collections::VecDeque;

use counting::allocations;
use h2_support::*;
use sluicegate::http::h2::{Connection, Event, StreamId, Terms};

/// Gives all those bytes to a side; how many events that were.
fn hear(side: &mut Connection, mut input: &[u8]) -> usize {
    let mut events = 0;
    while !input.is_empty() {
        let received = side.receive(input).unwrap();
        if let Some(Event::Data { stream, len, .. }) = received.event {
            side.consumed(stream, len);
        }
        events += usize::from(received.event.is_some());
        input = &input[received.used..];
    }
    events
}

/// What a side has to say besides.
fn flush(side: &mut Connection, out: &mut Vec<u8>) {
    out.extend_from_slice(side.control());
    side.control_sent(side.control().len());
}

/// Requests with bodies and their answers, so many of them under way.
fn exchange(client: &mut Connection, server: &mut Connection, at_a_time: usize, times: usize, room: &mut Room) {
    let fields = |fields: &'static [(&'static str, &'static str)]| {
        fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
    };
    for _ in 0..times {
        let stream = client.open().unwrap();
        client.write_head(stream, fields(&GET), false, &mut room.out);
        room.out.extend_from_slice(&client.data(stream, 1000, true));
        room.out.extend_from_slice(&[b'x'; 1000]);
        flush(client, &mut room.out);
        assert!(hear(server, &room.out) >= 2);
        room.out.clear();
        room.open.push_back(stream);
        if room.open.len() >= at_a_time {
            let stream = room.open.pop_front().unwrap();
            let head = [(":status", "200"), ("content-type", "text/plain")].as_slice();
            server.write_head(stream, fields(head), false, &mut room.out);
            room.out.extend_from_slice(&server.data(stream, 1000, true));
            room.out.extend_from_slice(&[b'y'; 1000]);
            flush(server, &mut room.out);
            assert!(hear(client, &room.out) >= 2);
            room.out.clear();
        }
    }
}

/// What the owner of both holds.
struct Room {
    out: Vec<u8>,
    open: VecDeque<StreamId>,
}

#[test]
fn requests_and_answers_allocate_nothing_in_steady_state() {
    for at_a_time in [1, 100] {
        let Pair { client, server } = Pair::settled();
        let (mut client, mut server) = (client.side, server.side);
        let mut room = Room { out: Vec::with_capacity(1 << 16), open: VecDeque::with_capacity(256) };
        exchange(&mut client, &mut server, at_a_time, 500, &mut room);
        let count = allocations(|| exchange(&mut client, &mut server, at_a_time, 5_000, &mut room));
        assert_eq!(count, 0, "{at_a_time} at a time");
    }
}

#[test]
fn a_connection_without_streams_is_small() {
    assert!(size_of::<Connection>() <= 1024, "{}", size_of::<Connection>());
    let count = allocations(|| drop(Connection::server(Terms::server())));
    assert!(count <= 4, "{count}");
}
