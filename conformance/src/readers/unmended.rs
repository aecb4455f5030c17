//! What the balancer does not mend yet, and is therefore not held against it. Each of these is to become `false`, and
//! then to go.

/// A request with a body on `GET` or `HEAD` does not cost the target's connection in mode `defensive`, and is not refused in
/// mode `strictest` (guide DSY-26, DSY-27): [`super::bodies_come_last`] is left out.
pub const BODIES_ON_GET: bool = true;

/// A request target in UTF-8 is forwarded as it is. The readers let its bytes pass, which no URI may have (RFC 3986).
pub const BYTES_IN_TARGETS: bool = true;
