//! HTTP/2 (RFC 9113): how its bytes are read and written, and how its heads become those of HTTP/1.1.

pub mod bridge;
pub mod fields;
pub mod hpack;
