//! Which rule takes a request: the data path's decision. [`Ruleset::explain`] calls the same code.

use std::net::IpAddr;

use super::condition::View;
use super::gate::Gates;
use super::{Action, Condition, RuleError, limits};
use crate::http::Field;

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
    gates: Gates,
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
    /// The request's header fields, in order (`&request.fields.0`).
    pub fields: &'a [Field<'a>],
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
    /// How many rules were tried: up to and with the one that matched, or all. The default action is none of them.
    pub evaluated: usize,
}

impl<'r> Decision<'r> {
    /// The rule's priority, 0 for the default rule (guide AL-21).
    pub fn priority(&self) -> u16 {
        self.rule.map_or(0, |rule| rule.priority)
    }
}

impl Rule {
    #[inline]
    fn takes(&self, view: &View<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.held_by(view).is_some())
    }
}

impl Ruleset {
    /// Sorts rules by priority; refuses what cannot be a set of rules, naming everything that is wrong.
    ///
    /// What is checked is what the types leave open: priorities, how many conditions, values, wildcards and groups there
    /// are, weights, fixed responses, redirects to themselves. Which characters and how many of them a value may have
    /// is the template reader's concern, since it knows the place in the file.
    pub fn new(mut rules: Vec<Rule>, default: Action) -> Result<Ruleset, Vec<RuleError>> {
        rules.sort_by_key(|rule| rule.priority);
        let errors = limits::check(&rules, &default);
        if !errors.is_empty() {
            return Err(errors);
        }
        rules.iter_mut().flat_map(|rule| &mut rule.conditions).for_each(Condition::settle_case);
        Ok(Ruleset { gates: Gates::before(&rules), rules, default })
    }

    /// The first rule in ascending priority whose conditions all hold, else the default action (guide RULE-02).
    ///
    /// Allocates nothing unless the request holds escapes, dot segments or bytes that rules do not see, or a query of more
    /// than four pairs is asked for.
    pub fn decide(&self, subject: &Subject<'_>) -> Decision<'_> {
        let view = View::new(subject);
        let ends = self.gates.ends(&view);
        let mut rules = self.gates.iter().zip(&self.rules);
        self.decision(rules.position(|(gate, rule)| gate.is_open(&ends) && rule.takes(&view)))
    }

    /// The rules in the order they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What happens when no rule matches.
    pub fn default_action(&self) -> &Action {
        &self.default
    }

    /// The decision for the rule at that place, or for none.
    pub(super) fn decision(&self, at: Option<usize>) -> Decision<'_> {
        let rule = at.and_then(|at| self.rules.get(at));
        let action = rule.map_or(&self.default, |rule| &rule.action);
        Decision { rule, action, evaluated: at.map_or(self.rules.len(), |at| at + 1) }
    }
}
