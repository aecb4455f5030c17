//! The bytes and rules of HTTP/2 (RFC 9113).

pub mod bridge;
pub mod fields;
