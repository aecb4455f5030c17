//! Both sides of HTTP/2 with each other: what one writes the other takes for the same.

mod h2_support;

use h2_support::Pair;
use sluicegate::http::h2::{Event, Kind};

#[test]
fn a_request_and_its_answer_pass_with_bodies_and_trailers() {
    let mut pair = Pair::settled();
    let id = pair.client.side.open().unwrap();
    pair.client.head(id, &[(":method", "POST"), (":path", "/a"), ("content-length", "3")], false);
    pair.client.data(id, b"abc", true);
    let seen = pair.server_sees();
    assert_eq!(seen[0], Event::Head { stream: id, kind: Kind::Head, end: false });
    assert_eq!(seen[1], Event::Data { stream: id, skip: 9, len: 3, end: true });
    pair.server.head(id, &[(":status", "200")], false);
    pair.server.data(id, b"hello", false);
    pair.server.head(id, &[("grpc-status", "0")], true);
    assert_eq!(
        pair.client_sees(),
        [
            Event::Head { stream: id, kind: Kind::Head, end: false },
            Event::Data { stream: id, skip: 9, len: 5, end: false },
            Event::Head { stream: id, kind: Kind::Trailers, end: true },
        ]
    );
    assert_eq!((pair.client.side.streams(), pair.server.side.streams()), (0, 0));
}
