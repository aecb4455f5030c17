//! Everything between "this rule forwards to that group" and "this target gets the request": who is healthy, who may get
//! requests, whose turn it is.
//!
//! ```text
//!   HealthCheck ──outcomes──▶ Health ─┐
//!   zones, thresholds ────────────────┼─▶ Eligible ──algorithm──▶ the next target
//!   deregistered, slow start, weights ┘
//! ```
//!
//! What all shards share is in [`GroupState`] and [`TargetState`]: atomics, written by whoever learns something, read by
//! everyone. All shards must be given the same monotonic clock, because moments are kept there.

pub mod anomaly;
pub mod attributes;
pub mod check;
mod eligible;
mod fewest;
pub mod health;
mod node;
mod pick;
mod ramp;
mod seat;
mod state;

pub use attributes::{Algorithm, GroupAttributes, MinimumHealthy, Stickiness};
pub use check::{CheckKind, CheckPort, GRPC_MESSAGE, GRPC_PATH_DEFAULT, HealthCheck, Matcher};
pub use eligible::Eligible;
pub use health::Health;
pub use node::Node;
pub use state::{GroupState, Outstanding, Target, TargetState};
