//! The four forms of a request target (RFC 9112 section 3.2).
