//! What is written down about a request: why it ended as it did ([`Cause`]), and its line in the access log
//! ([`access`]). Nothing here writes to a file; lines are appended to buffers.

pub mod access;
mod cause;
mod field;
mod refused;

pub use cause::{Blame, Cause};
