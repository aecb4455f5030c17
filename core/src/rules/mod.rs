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
mod gate;
mod limits;
mod normalize;
mod pattern;
mod query;
mod redirect;
mod text;

pub use action::{Action, FixedResponse, Forward, GroupId, WeightedGroup};
pub use condition::{Condition, QueryPair};
pub use decide::{Decision, Rule, Ruleset, Subject};
pub use explain::{ConditionVerdict, Explanation, Outcome, RuleVerdict};
pub use limits::{
    EVALUATIONS_PER_CONDITION_MAX, EVALUATIONS_PER_RULE_MAX, FIXED_BODY_BYTES_MAX, GROUPS_PER_ACTION_MAX, PRIORITY_MAX,
    RuleError, WEIGHT_MAX, WILDCARDS_PER_RULE_MAX,
};
pub use normalize::normalize_path;
pub use pattern::Pattern;
pub use redirect::{LOCATION_BYTES_MAX, LocationTooLong, Redirect, RedirectParts, RedirectProtocol, RedirectStatus};
