//! HTTP/2 in a world: peers that speak it, on either side of the balancer, and hold it to its rules.
//!
//! - `frames` are what goes over the wire, `talk` is one end of a connection and all rules that the balancer has to keep.
//! - `line` is what both kinds of peers have in common: how the bytes go between a talk and the net.
//! - `browser` is a client with many requests at a time, which `visit` lists, `origin` a target of a group whose protocol version is HTTP2 or GRPC.
//! - `deal` makes them up.

pub(super) mod browser;
pub(super) mod deal;
mod frames;
mod line;
pub(super) mod origin;
mod talk;
pub(super) mod visit;
