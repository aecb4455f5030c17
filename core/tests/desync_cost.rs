//! No head costs much more than its bytes: what is found out about a line is not found out again for each other line.

use std::time::{Duration, Instant};

use sluicegate::config::LoadBalancerAttributes;
use sluicegate::desync::{Clearing, Reading};
use sluicegate::exchange::outgoing::{Terms, write_request};
use sluicegate::http::FieldRoom;
use sluicegate::http::h1::head::{Scan, Scanner};
use sluicegate::time::Wall;

/// The shortest of some times that reading a head takes, and writing it for a target if it is let through.
fn cost(head: &str) -> Duration {
    let once = |_| {
        let begun = Instant::now();
        read_and_write(head.as_bytes());
        begun.elapsed()
    };
    (0..7).map(once).min().unwrap_or_default()
}

fn read_and_write(bytes: &[u8]) {
    let Ok(Scan::Head { len, regular }) = Scanner::request().scan(bytes) else { panic!("a whole head") };
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(&bytes[..len], regular, &mut mended, &mut room);
    let Ok(cleared) = reading.clear(&Clearing::default()) else { return };
    let terms = Terms {
        attributes: &LoadBalancerAttributes::default(),
        scheme: "http",
        listener_port: 80,
        tls: None,
        client_certificate: b"",
        client: ([192, 0, 2, 1], 4711).into(),
        dns_name: "a.example",
        wall: Wall::from_micros(0),
        entropy: [0; 12],
    };
    write_request(&cleared, &terms, &mut Vec::new());
}

/// Both heads are of about as many bytes and lines. Quadratic work was a factor of a thousand.
fn assert_alike(dear: &str, cheap: &str) {
    assert!(dear.len().abs_diff(cheap.len()) < 1000, "{} and {} bytes", dear.len(), cheap.len());
    let (dear, cheap) = (cost(dear), cost(cheap));
    assert!(dear < cheap * 25, "{dear:?} where {cheap:?} is ordinary");
}

#[test]
fn folds_do_not_cost_their_field_again() {
    let head = |field: String, line: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n{}\r\n", line.repeat(990));
    for name in ["!", "("] {
        let long = name.repeat(15_000);
        assert_alike(&head(format!("{long}: b"), " \r\n"), &head(format!("a: {}", "b".repeat(15_000)), " \r\n"));
        assert_alike(&head(long, " \r\n"), &head(format!("a: {}", "b".repeat(15_000)), " \r\n"));
    }
}

#[test]
fn what_connection_lists_is_not_taken_apart_for_each_field() {
    let head = |value: String| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: zz,{value}\r\nConnection: {value}\r\n{}\r\n",
            "a:\r\n".repeat(990)
        )
    };
    assert_alike(&head(",".repeat(15_000)), &head("x".repeat(15_000)));
    let ordinary =
        format!("GET / HTTP/1.1\r\nHost: a\r\nB: {0}\r\nB: {0}\r\n{1}\r\n", "x".repeat(15_000), "a:\r\n".repeat(990));
    assert_alike(&head("x".repeat(15_000)), &ordinary);
}
