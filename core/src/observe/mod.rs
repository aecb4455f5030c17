//! What is written down about a request: why it ended as it did ([`Cause`]), its line in the access log ([`access`]),
//! and what is counted ([`Metrics`]). Nothing here writes to a file; lines are appended to buffers.

pub mod access;
mod cause;
mod field;
mod metrics;
mod refused;

pub use cause::{Blame, Cause};
pub use metrics::Metrics;
