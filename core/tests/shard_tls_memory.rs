//! What connections over TLS cost in memory while nothing happens on them.

#![cfg(all(feature = "shard", feature = "aws-lc"))]
#![allow(unsafe_code, reason = "an allocator that counts")]

mod secure_support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use secure_support::{Lab, config, terms};
use sluicegate::config::Protocol;

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(size: usize, sign: isize) {
    LIVE.with(|live| live.set(live.get() + sign * size.cast_signed()));
}

// SAFETY: every call is the system allocator's, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Of a connection, in bytes, beside what the cryptography allocates by itself. Half of it is the library's room for what comes
/// next.
const IDLE_BYTES_MAX: isize = 8 << 10;

const CONNECTIONS: usize = 256;

/// Clients that connect, ask once and say no more. What only they know is forgotten.
fn use_once(lab: &mut Lab, count: usize) {
    for _ in 0..count {
        let client = lab.connect();
        lab.says(client, "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n");
        lab.run();
        assert!(lab.heard(client).ends_with("\r\n\r\nhi"));
        lab.peers[client].session = None;
        lab.peers[client].heard = Vec::new();
    }
}

#[test]
fn an_idle_connection_over_tls_holds_less_than_8_kib() {
    let mut lab = Lab::new(config(Some(terms()), &["10.0.0.7:80".parse().unwrap()], Protocol::Http));
    lab.peers.reserve(2 * CONNECTIONS);
    use_once(&mut lab, 8);
    let before = LIVE.get();
    use_once(&mut lab, CONNECTIONS);
    let each = (LIVE.get() - before) / CONNECTIONS.cast_signed();
    assert!(each <= IDLE_BYTES_MAX, "{each} bytes");
}
