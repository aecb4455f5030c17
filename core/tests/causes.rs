//! Errors name their cause where the operator asks for it, and nowhere else.

use std::sync::Arc;

use sluicegate::config::Config;
use sluicegate::shard::{Endpoints, ListenerId, Log, Options, Shard};
use sluicegate::time::{Mono, Now, Wall};

/// What a client gets for a malformed request, and the line of the log.
fn refused(name_causes: bool) -> (String, String) {
    let mut options = Options::default();
    (options.name_causes, options.access_log) = (name_causes, true);
    let config = Arc::new(Config::forwarding(80, &["127.0.0.1:9001".parse().unwrap()]));
    let mut shard = Shard::new(config, options, 1);
    let mut turn = shard.turn(Now { mono: Mono::default(), wall: Wall::from_micros(1_700_000_000_000_000) });
    let ends = Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() };
    let wire = turn.accepted(ListenerId(80), ends).unwrap();
    let mut wire = turn.wire(wire).unwrap();
    wire.offer(b"GET / HTTP/1.1\r\n\r\n");
    let answer = String::from_utf8_lossy(wire.pending()).into_owned();
    wire.sent(answer.len());
    let line = String::from_utf8_lossy(turn.journal(Log::Access).pending()).into_owned();
    let _ = turn.finish();
    (answer, line)
}

#[test]
fn an_error_names_its_cause_when_asked_to() {
    let (answer, line) = refused(true);
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains("\r\nX-Sluicegate-Cause: BadHost\r\n\r\n<html>"), "{answer}");
    assert!(line.contains(" \"BadHost\" "), "{line}");
}

#[test]
fn an_error_names_no_cause_unless_asked_to() {
    let (answer, line) = refused(false);
    assert!(!answer.contains("Cause"), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n\r\n<html>"), "{answer}");
    assert!(!line.contains("BadHost"), "{line}");
}
