//! What is written down about a request: why it ended as it did ([`Cause`]), its line in the access log ([`access`]), that
//! of its connection in the connection log ([`connection`]), and what is counted ([`Metrics`], [`GroupMetrics`]). Nothing here writes to a file; lines are appended to buffers.

pub mod access;
mod breach;
mod cause;
pub mod connection;
mod field;
mod group_metrics;
mod metrics;
mod refused;
mod response_time;

pub use cause::{Blame, Cause};
pub use group_metrics::GroupMetrics;
pub use metrics::Metrics;
pub use response_time::ResponseTimes;
