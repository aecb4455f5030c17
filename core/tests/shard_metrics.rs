//! What a shard counts of requests that do not comply and of header fields with invalid names (guide DSY-06, MET-10,
//! MET-11), whatever the mode and the attribute say (guide LB-23).

use std::sync::Arc;

use sluicegate::config::{Config, DesyncMitigationMode};
use sluicegate::shard::{Endpoints, ListenerId, Options, Shard};
use sluicegate::time::{Mono, Now, Wall};

const COMPLIANT: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ACCEPTABLE: &str = "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n";
const AMBIGUOUS: &str = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";
const SEVERE: &str = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n";
const UNDERSCORE: &str = "GET / HTTP/1.1\r\nHost: a\r\nX_Y: z\r\n\r\n";
const NO_TOKEN: &str = "GET / HTTP/1.1\r\nHost: a\r\nX(Y: z\r\n\r\n";

fn shard(mode: DesyncMitigationMode, drop_invalid: bool) -> Shard {
    let mut config = Config::forwarding(80, &["127.0.0.1:9001".parse().unwrap()]);
    for balancer in &mut config.load_balancers {
        balancer.attributes.desync_mitigation_mode = mode;
        balancer.attributes.drop_invalid_header_fields = drop_invalid;
    }
    Shard::new(Arc::new(config), Options::default(), 1)
}

/// The counters after each of these requests came on a connection of its own.
fn counted(mode: DesyncMitigationMode, drop_invalid: bool, requests: &[&str]) -> [u64; 3] {
    let mut shard = shard(mode, drop_invalid);
    let now = Now { mono: Mono::from_nanos(0), wall: Wall::from_micros(0) };
    let ends = Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() };
    for request in requests {
        let mut turn = shard.turn(now);
        let client = turn.accepted(ListenerId(80), ends).unwrap();
        turn.wire(client).unwrap().offer(request.as_bytes());
        let _ = turn.finish();
    }
    let mut counters = shard.metrics().iter().map(|(_, value)| value);
    std::array::from_fn(|_| counters.next().unwrap())
}

#[test]
fn requests_that_do_not_comply_are_counted_in_every_mode_routed_or_not() {
    for mode in DesyncMitigationMode::ALL {
        let [counted, ..] = counted(mode, false, &[COMPLIANT, ACCEPTABLE, AMBIGUOUS, SEVERE, COMPLIANT, UNDERSCORE]);
        assert_eq!(counted, 3, "{mode}");
    }
}

#[test]
fn requests_with_invalid_names_are_counted_as_forwarded_or_as_dropped() {
    let mode = DesyncMitigationMode::Defensive;
    let both = [COMPLIANT, UNDERSCORE, UNDERSCORE];
    assert_eq!(counted(mode, false, &both), [0, 0, 2]);
    assert_eq!(counted(mode, true, &both), [0, 2, 0]);
}

#[test]
fn a_name_that_is_no_token_is_dropped_and_counted_so_whatever_the_attribute_says() {
    for drop_invalid in [false, true] {
        assert_eq!(counted(DesyncMitigationMode::Defensive, drop_invalid, &[NO_TOKEN]), [1, 1, 0]);
    }
}

#[test]
fn refused_requests_count_for_their_class_and_not_for_their_names() {
    let refused = "GET / HTTP/1.1\r\nHost: a\r\nX_Y: z\r\nContent-Length: x\r\n\r\n";
    assert_eq!(counted(DesyncMitigationMode::Defensive, false, &[refused]), [1, 0, 0]);
}

#[test]
fn the_mode_and_the_attribute_do_not_depend_on_each_other() {
    for mode in DesyncMitigationMode::ALL {
        assert_eq!(counted(mode, true, &[UNDERSCORE, SEVERE]), [1, 1, 0], "{mode}");
        assert_eq!(counted(mode, false, &[UNDERSCORE, SEVERE]), [1, 0, 1], "{mode}");
    }
}
