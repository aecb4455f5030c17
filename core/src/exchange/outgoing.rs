//! The head that goes to a target.

use core::net::SocketAddr;
use core::ops::Range;

use crate::config::LoadBalancerAttributes;
use crate::desync::Cleared;
use crate::http::Request;
use crate::time::Wall;

/// What the head of a forwarded request depends on besides the client's.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// How the load balancer treats heads.
    pub attributes: &'a LoadBalancerAttributes,
    /// What the client speaks to the listener: `http` or `https`.
    pub scheme: &'static str,
    /// The port that requests see.
    pub listener_port: u16,
    /// The client.
    pub client: SocketAddr,
    /// The Host of a request that has none (`wire.md` H5).
    pub dns_name: &'a str,
    /// When the request came; printed into a trace id.
    pub wall: Wall,
    /// Chance, for a trace id.
    pub entropy: [u8; 12],
}

/// Where things are in the head that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The value of `X-Amzn-Trace-Id`, as a range of `out`.
    pub trace: Range<usize>,
}

/// Appends the head for a target to `out`.
pub fn write_request(_cleared: &Cleared<Request<'_>>, _terms: &Terms<'_>, out: &mut Vec<u8>) -> Forwarded {
    Forwarded { trace: out.len()..out.len() }
}
