//! Why a request takes the rule that it takes: every rule in the order they are tried, every condition of each, and what
//! the request had there. Made by the functions that decide, and read by people (`Display`) or turned into JSON.

use std::fmt;

use super::condition::View;
use super::query::without_fragment;
use super::{Action, Condition, Decision, Rule, Ruleset, Subject};

/// What was found for each rule, and the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'r> {
    /// Every rule, in ascending priority.
    pub rules: Vec<RuleVerdict<'r>>,
    /// What happens to the request.
    pub decision: Decision<'r>,
}

/// What was found for one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVerdict<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// What became of it.
    pub outcome: Outcome,
    /// Its conditions, in template order.
    pub conditions: Vec<ConditionVerdict<'r>>,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It takes the request.
    Taken,
    /// It would take the request, but one with a lower priority number does.
    Shadowed,
    /// At least one of its conditions does not hold.
    NoMatch,
}

/// What was found for one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionVerdict<'r> {
    /// The condition.
    pub condition: &'r Condition,
    /// The first configured value that matched, as an index and as it was written; `None`: the condition does not hold.
    pub matched: Option<(usize, String)>,
    /// What the request had: the host, the normalised path, the fields of that name, the method, the pairs of the
    /// query or the peer's address. Quotes, backslashes and bytes that are not printable
    /// ASCII are escaped as in a byte string of Rust.
    pub saw: Vec<String>,
}

impl ConditionVerdict<'_> {
    /// Whether the condition holds.
    pub fn held(&self) -> bool {
        self.matched.is_some()
    }
}

impl Ruleset {
    /// Tries every rule on a request, also those after the one that takes it.
    pub fn explain(&self, subject: &Subject<'_>) -> Explanation<'_> {
        let view = View::new(subject);
        let mut rules: Vec<_> = self.rules().iter().map(|rule| verdict(rule, &view)).collect();
        let taken = rules.iter().position(|verdict| verdict.outcome == Outcome::Shadowed);
        if let Some(verdict) = taken.and_then(|at| rules.get_mut(at)) {
            verdict.outcome = Outcome::Taken;
        }
        Explanation { rules, decision: self.decision(taken) }
    }
}

fn verdict<'r>(rule: &'r Rule, view: &View<'_>) -> RuleVerdict<'r> {
    let conditions: Vec<_> = rule.conditions.iter().map(|condition| condition_verdict(condition, view)).collect();
    let matches = conditions.iter().all(ConditionVerdict::held);
    RuleVerdict { rule, outcome: if matches { Outcome::Shadowed } else { Outcome::NoMatch }, conditions }
}

fn condition_verdict<'r>(condition: &'r Condition, view: &View<'_>) -> ConditionVerdict<'r> {
    let index = condition.held_by(view);
    let written = |index| condition.value(index).map(|value| value.into_owned()).unwrap_or_default();
    ConditionVerdict { condition, matched: index.map(|index| (index, written(index))), saw: saw(condition, view) }
}

fn saw(condition: &Condition, view: &View<'_>) -> Vec<String> {
    let subject = view.subject;
    match condition {
        Condition::HostHeader(_) => vec![printable(subject.host)],
        Condition::PathPattern(_) => vec![printable(view.path().bytes())],
        Condition::HttpHeader { name, .. } => {
            let fields = subject.fields.iter().filter(|field| field.is(name.as_bytes()));
            fields.map(|field| printable(field.value)).collect()
        }
        Condition::HttpRequestMethod(_) => vec![printable(subject.method)],
        Condition::QueryString(_) => {
            let pairs = without_fragment(subject.query.unwrap_or_default()).split(|&byte| byte == b'&');
            pairs.filter(|pair| !pair.is_empty()).map(printable).collect()
        }
        Condition::SourceIp(_) => vec![view.source().to_string()],
    }
}

fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules.iter().try_for_each(|verdict| write!(out, "{verdict}"))?;
        match self.decision.rule {
            Some(rule) => write!(out, "decision: rule {} (priority {})", rule.name, rule.priority)?,
            None => write!(out, "decision: no rule matches, the default action")?,
        }
        writeln!(out, ": {}", Kind(self.decision.action))
    }
}

impl fmt::Display for RuleVerdict<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            Outcome::Taken => "takes the request",
            Outcome::Shadowed => "would match, but an earlier rule takes the request",
            Outcome::NoMatch => "does not match",
        };
        writeln!(out, "rule {} (priority {}) {outcome}", self.rule.name, self.rule.priority)?;
        self.conditions.iter().try_for_each(|verdict| writeln!(out, "  {verdict}"))
    }
}

impl fmt::Display for ConditionVerdict<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.held() { '+' } else { '-' };
        write!(out, "{sign} {}", self.condition.field())?;
        if let Condition::HttpHeader { name, .. } = self.condition {
            write!(out, " {name}")?;
        }
        match &self.matched {
            Some((_, value)) => write!(out, ": {} matches \"{value}\"", Quoted(&self.saw)),
            None => {
                let wanted: Vec<String> = (0..).map_while(|at| self.condition.value(at).map(Into::into)).collect();
                write!(out, ": {} does not match {}", Quoted(&self.saw), Quoted(&wanted))
            }
        }
    }
}

/// An action in a few words.
struct Kind<'a>(&'a Action);

impl fmt::Display for Kind<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Action::Forward(_) => out.write_str("forward"),
            Action::Redirect(redirect) => write!(out, "redirect ({})", redirect.status.code()),
            Action::FixedResponse(response) => write!(out, "fixed-response ({})", response.status),
        }
    }
}

/// Strings in quotes, or `nothing`.
struct Quoted<'a>(&'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0 else {
            return out.write_str("nothing");
        };
        write!(out, "\"{first}\"")?;
        rest.iter().try_for_each(|value| write!(out, ", \"{value}\""))
    }
}
