//! Targets that fail more often than their peers (guide ATW-01 to ATW-04): found by comparing, and sent less while it lasts.

use core::time::Duration;

use super::attributes::GroupAttributes;
use super::state::Target;
use crate::time::Mono;

/// How often errors are compared and weights adjusted (guide ATW-04).
pub const PERIOD: Duration = Duration::from_secs(5);

/// What the shard that checks remembers of a group's errors.
#[derive(Debug, Default)]
pub struct Watch {}

impl Watch {
    /// Takes what has been counted since the last time, once every [`PERIOD`]; `true` if a weight has changed.
    pub fn review(&mut self, _targets: &[Target], _attributes: &GroupAttributes, _now: Mono) -> bool {
        false
    }
}
