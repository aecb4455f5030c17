//! Which rule takes a request: the data path's decision. `explain` calls the same code.

use std::net::IpAddr;

use super::{Action, Condition};

/// A rule with its conditions and its routing action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The resource's name in the template, for messages.
    pub name: String,
    /// 1 to 50000, unique within the listener (guide RULE-03).
    pub priority: u16,
    /// All must hold (guide RULE-09).
    pub conditions: Vec<Condition>,
    /// What then happens.
    pub action: Action,
}

/// The rules of one listener, in the order they are tried, and its default action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    rules: Vec<Rule>,
    default: Action,
}

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// As sent.
    pub method: &'a [u8],
    /// The host name without a port: the authority of an absolute target, else the first Host field; may be empty.
    pub host: &'a [u8],
    /// The path as sent, from its first slash, without query or fragment.
    pub path: &'a [u8],
    /// What follows the first `?`, without it; `None` when there is no question mark.
    pub query: Option<&'a [u8]>,
    /// The request's header fields.
    pub fields: &'a [crate::http::Field<'a>],
    /// The address of the TCP peer; never taken from a header (guide COND-12).
    pub source: IpAddr,
}

/// The answer: which rule, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'r> {
    /// The rule that matched; `None` means the default action.
    pub rule: Option<&'r Rule>,
    /// What to do.
    pub action: &'r Action,
}

impl<'r> Decision<'r> {
    /// The rule's priority, 0 for the default rule (guide AL-21).
    pub fn priority(&self) -> u16 {
        self.rule.map_or(0, |rule| rule.priority)
    }
}

/// Why a set of rules cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Two rules of a listener have the same priority (guide RULE-03).
    #[error("priority {priority} is used by both {first} and {second}")]
    DuplicatePriority {
        /// The priority they share.
        priority: u16,
        /// The rule that has it already.
        first: String,
        /// The rule that wants it too.
        second: String,
    },
}

impl Ruleset {
    /// Sorts rules by priority; refuses what cannot be a set of rules.
    pub fn new(mut rules: Vec<Rule>, default: Action) -> Result<Ruleset, Vec<RuleError>> {
        rules.sort_by_key(|rule| rule.priority);
        Ok(Ruleset { rules, default })
    }

    /// The first rule in ascending priority whose conditions all hold, else the default action (guide RULE-02).
    pub fn decide(&self, subject: &Subject<'_>) -> Decision<'_> {
        let _ = subject;
        Decision { rule: None, action: &self.default }
    }

    /// The rules in the order they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What happens when no rule matches.
    pub fn default_action(&self) -> &Action {
        &self.default
    }
}
