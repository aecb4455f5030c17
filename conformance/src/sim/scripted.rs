//! Peers that a test plays.

use std::collections::VecDeque;

use super::net::{Conn, Net, Side, Stop};

/// A peer that does what a test tells it to.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    pub(crate) to_send: VecDeque<u8>,
    pub(crate) received: Vec<u8>,
    pub(crate) count: u64,
    pub(crate) counts_only: bool,
    pub(crate) refuses_to_read: bool,
    pub(crate) half_after: bool,
    pub(crate) ended: bool,
    pub(crate) reset: bool,
}

impl Scripted {
    pub(super) fn tick<E>(&mut self, conn: Conn, net: &mut Net<E>) {
        if net.is_closed(conn, Side::Theirs) {
            return;
        }
        while !self.to_send.is_empty() {
            let n = net.write(conn, Side::Theirs, self.to_send.make_contiguous());
            match n {
                Ok(n) => drop(self.to_send.drain(..n)),
                Err(_) => break,
            }
        }
        if self.half_after && self.to_send.is_empty() {
            net.shut(conn, Side::Theirs);
        }
        let mut scratch = [0; 16_384];
        while !self.refuses_to_read && !self.ended && !self.reset {
            match net.read(conn, Side::Theirs, &mut scratch) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    self.count += n as u64;
                    if !self.counts_only {
                        self.received.extend_from_slice(&scratch[..n]);
                    }
                }
                Err(Stop::Reset) => self.reset = true,
                Err(Stop::WouldBlock) => break,
            }
        }
    }
}
