//! HTTP/2 (RFC 9113): how its bytes are read and written.

pub mod fields;
pub mod hpack;
