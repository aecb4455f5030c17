//! One request and its answer.

pub mod incoming;
pub mod outgoing;
