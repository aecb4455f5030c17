//! What a set of rules may not be (guide RULE-03, RULE-07, RULE-08, ACT-01, ACT-04, ACT-05, RED-03), each as an error of
//! its own. Every error is found, none hides another.

use super::{Action, Condition, FixedResponse, Forward, Rule};

/// The highest priority (guide RULE-03).
pub const PRIORITY_MAX: u16 = 50_000;
/// Match evaluations per condition: "You can specify up to three match evaluations per condition" (guide RULE-08).
pub const EVALUATIONS_PER_CONDITION_MAX: usize = 3;
/// Match evaluations per rule (guide RULE-08). A `source-ip` condition may use them all (`wire.md` H19).
pub const EVALUATIONS_PER_RULE_MAX: usize = 5;
/// Wildcards per rule (guide RULE-08).
pub const WILDCARDS_PER_RULE_MAX: usize = 5;
/// Target groups per forward action (guide ACT-05).
pub const GROUPS_PER_ACTION_MAX: usize = 5;
/// The highest weight of a group (guide ACT-04).
pub const WEIGHT_MAX: u16 = 999;
/// The longest body of a fixed response, in bytes (`wire.md` W13).
pub const FIXED_BODY_BYTES_MAX: usize = 1024;

/// Why a set of rules cannot be one. `rule` is the rule's name, or `the default rule`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say it")]
pub enum RuleError {
    /// Guide RULE-03.
    #[error("priority {priority} is used by both {first} and {second}")]
    DuplicatePriority { priority: u16, first: String, second: String },
    /// Guide RULE-03.
    #[error("{rule}: priority {priority} is not between 1 and {PRIORITY_MAX}")]
    PriorityOutOfRange { rule: String, priority: u16 },
    /// Only the default rule has none (guide RULE-01).
    #[error("{rule}: a rule needs at least one condition")]
    NoConditions { rule: String },
    /// Guide RULE-07.
    #[error("{rule}: {field} may be used once in a rule, not {count} times")]
    RepeatedCondition { rule: String, field: &'static str, count: usize },
    /// A condition that nothing could fulfil.
    #[error("{rule}: {field} has no values")]
    NoValues { rule: String, field: &'static str },
    /// Guide RULE-08.
    #[error("{rule}: {field} has {count} values, at most {max} are allowed in one condition")]
    TooManyValues { rule: String, field: &'static str, count: usize, max: usize },
    /// Guide RULE-08.
    #[error(
        "{rule}: the conditions have {count} values together, at most {EVALUATIONS_PER_RULE_MAX} are allowed in a rule"
    )]
    TooManyEvaluations { rule: String, count: usize },
    /// Guide RULE-08.
    #[error(
        "{rule}: the conditions have {count} wildcards together, at most {WILDCARDS_PER_RULE_MAX} are allowed in a rule"
    )]
    TooManyWildcards { rule: String, count: usize },
    /// Guide ACT-05.
    #[error("{rule}: a forward action has 1 to {GROUPS_PER_ACTION_MAX} target groups, not {count}")]
    GroupCount { rule: String, count: usize },
    /// Guide ACT-04.
    #[error("{rule}: weight {weight} is above {WEIGHT_MAX}")]
    WeightOutOfRange { rule: String, weight: u16 },
    /// Guide ACT-01.
    #[error("{rule}: a fixed response has a status of 2xx, 4xx or 5xx, not {status}")]
    FixedStatus { rule: String, status: u16 },
    /// `wire.md` W13.
    #[error("{rule}: the body of a fixed response has {len} bytes, at most {FIXED_BODY_BYTES_MAX} are allowed")]
    FixedBodyTooLong { rule: String, len: usize },
    /// Guide RED-03.
    #[error("{rule}: a redirect must change at least one of protocol, host, port and path")]
    RedirectLoop { rule: String },
}

/// Everything that is wrong with rules sorted by priority.
pub(super) fn check(rules: &[Rule], default: &Action) -> Vec<RuleError> {
    let mut errors = Vec::new();
    check_priorities(rules, &mut errors);
    for rule in rules {
        check_conditions(rule, &mut errors);
        check_action(&rule.name, &rule.action, &mut errors);
    }
    check_action("the default rule", default, &mut errors);
    errors
}

fn check_priorities(rules: &[Rule], errors: &mut Vec<RuleError>) {
    for rule in rules.iter().filter(|rule| !(1..=PRIORITY_MAX).contains(&rule.priority)) {
        errors.push(RuleError::PriorityOutOfRange { rule: rule.name.clone(), priority: rule.priority });
    }
    for same in rules.chunk_by(|a, b| a.priority == b.priority) {
        for second in &same[1..] {
            let (priority, first) = (second.priority, same[0].name.clone());
            errors.push(RuleError::DuplicatePriority { priority, first, second: second.name.clone() });
        }
    }
}

fn check_conditions(rule: &Rule, errors: &mut Vec<RuleError>) {
    let name = || rule.name.clone();
    if rule.conditions.is_empty() {
        errors.push(RuleError::NoConditions { rule: name() });
    }
    for field in ["host-header", "path-pattern", "http-request-method", "source-ip"] {
        let count = rule.conditions.iter().filter(|condition| condition.field() == field).count();
        if count > 1 {
            errors.push(RuleError::RepeatedCondition { rule: name(), field, count });
        }
    }
    for condition in &rule.conditions {
        let (field, count, max) = (condition.field(), condition.evaluations(), values_max(condition));
        if count == 0 {
            errors.push(RuleError::NoValues { rule: name(), field });
        } else if count > max {
            errors.push(RuleError::TooManyValues { rule: name(), field, count, max });
        }
    }
    let count = rule.conditions.iter().map(Condition::evaluations).sum();
    if count > EVALUATIONS_PER_RULE_MAX {
        errors.push(RuleError::TooManyEvaluations { rule: name(), count });
    }
    let count = rule.conditions.iter().map(Condition::wildcards).sum();
    if count > WILDCARDS_PER_RULE_MAX {
        errors.push(RuleError::TooManyWildcards { rule: name(), count });
    }
}

const fn values_max(condition: &Condition) -> usize {
    match condition {
        Condition::SourceIp(_) => EVALUATIONS_PER_RULE_MAX,
        _ => EVALUATIONS_PER_CONDITION_MAX,
    }
}

fn check_action(rule: &str, action: &Action, errors: &mut Vec<RuleError>) {
    let rule = rule.to_owned();
    match action {
        Action::Forward(forward) => check_forward(rule, forward, errors),
        Action::FixedResponse(response) => check_fixed(rule, response, errors),
        Action::Redirect(redirect) if redirect.leads_to_itself() => errors.push(RuleError::RedirectLoop { rule }),
        Action::Redirect(_) => {}
    }
}

fn check_forward(rule: String, forward: &Forward, errors: &mut Vec<RuleError>) {
    let count = forward.groups.len();
    for group in forward.groups.iter().filter(|group| group.weight > WEIGHT_MAX) {
        errors.push(RuleError::WeightOutOfRange { rule: rule.clone(), weight: group.weight });
    }
    if !(1..=GROUPS_PER_ACTION_MAX).contains(&count) {
        errors.push(RuleError::GroupCount { rule, count });
    }
}

fn check_fixed(rule: String, response: &FixedResponse, errors: &mut Vec<RuleError>) {
    let (status, len) = (response.status, response.body.len());
    if !matches!(status, 200..=299 | 400..=599) {
        errors.push(RuleError::FixedStatus { rule: rule.clone(), status });
    }
    if len > FIXED_BODY_BYTES_MAX {
        errors.push(RuleError::FixedBodyTooLong { rule, len });
    }
}
