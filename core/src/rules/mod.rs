//! Listener rules: which action a request takes. Plain data in, a decision out; no ids beyond a group's
//! number, no time, no sockets.
//!
//! The vocabulary is the API's own: a [`Rule`] has a priority, [`Condition`]s that must all hold, and one
//! routing [`Action`]. Rules are tried in ascending priority and the first that matches decides; otherwise
//! the default action does (guide RULE-02). Values within a condition are alternatives (RULE-09).

mod action;
mod condition;
mod decide;
mod explain;
mod normalize;
mod pattern;

pub use action::{Action, FixedResponse, Forward, GroupId, Redirect, RedirectParts, RedirectProtocol, RedirectStatus, WeightedGroup};
pub use condition::{Condition, QueryPair};
pub use decide::{Decision, Rule, RuleError, Ruleset, Subject};
pub use explain::{Explanation, RuleVerdict};
pub use normalize::normalize_path;
pub use pattern::Pattern;
