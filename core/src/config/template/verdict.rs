//! Conditions: `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` and `Condition`, each condition evaluated once.

use super::functions::{Evaluator, function_call};
use super::node::{Node, Value};
use super::report::quote;
use super::values::Kind;
use crate::config::Position;

/// What a condition comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    True,
    False,
    Unknown(String),
    Failed,
}

impl<'t> Evaluator<'t> {
    /// Evaluates every condition, so that a mistake in one is found even if nothing uses it.
    pub(super) fn check_conditions(&self) {
        for (name, entry) in &self.sections.conditions {
            self.condition(entry.at, name);
        }
    }

    /// Whether a condition of that name holds.
    pub(super) fn condition(&self, at: Position, name: &str) -> Verdict {
        let Some((&name, entry)) = self.sections.conditions.get_key_value(name) else {
            let hint = self.sink.suggestion(name, self.sections.conditions.keys().copied());
            self.fail(at, format!("there is no condition {}{hint}", quote(name)));
            return Verdict::Failed;
        };
        let known = self.conditions.borrow().get(name).cloned();
        match known {
            Some(Some(verdict)) => return verdict,
            Some(None) => {
                self.sink.error(entry.at, format!("condition {name} refers to itself"));
                return Verdict::Failed;
            }
            None => {}
        }
        self.conditions.borrow_mut().insert(name, None);
        let verdict = self.nested(at, Verdict::Failed, || self.verdict(&entry.node));
        self.conditions.borrow_mut().insert(name, Some(verdict.clone()));
        verdict
    }

    fn verdict(&self, node: &'t Node) -> Verdict {
        self.nested(node.at, Verdict::Failed, || {
            let call = node.as_map().and_then(function_call);
            let Some(call) = call else {
                return self.no_condition(node.at);
            };
            let operands: &'t [Node] = match &call.node.value {
                Value::List(operands) => operands,
                _ => std::slice::from_ref(&call.node),
            };
            match (call.key.as_str(), operands) {
                ("Fn::Equals", [a, b]) => self.equals(a, b),
                ("Fn::Not", [operand]) => negated(self.verdict(operand)),
                ("Fn::And", operands @ [_, _, ..]) => self.all(operands, Verdict::False, Verdict::True),
                ("Fn::Or", operands @ [_, _, ..]) => self.all(operands, Verdict::True, Verdict::False),
                ("Condition", [name]) => match name.as_text() {
                    Some(text) => self.condition(name.at, text),
                    None => self.no_condition(name.at),
                },
                ("Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or", _) => {
                    self.sink.error(call.at, format!("{}: wrong number of operands", call.key));
                    Verdict::Failed
                }
                _ => self.no_condition(call.at),
            }
        })
    }

    fn no_condition(&self, at: Position) -> Verdict {
        self.sink.error(at, "a condition is made of Fn::Equals, Fn::And, Fn::Or, Fn::Not and Condition".to_owned());
        Verdict::Failed
    }

    fn equals(&self, a: &'t Node, b: &'t Node) -> Verdict {
        let (a, b) = (self.eval(a), self.eval(b));
        match (&a.kind, &b.kind) {
            (Kind::Failed, _) | (_, Kind::Failed) => Verdict::Failed,
            (Kind::Unknown(hint), _) | (_, Kind::Unknown(hint)) => Verdict::Unknown(hint.clone()),
            _ if a.same_as(&b) => Verdict::True,
            _ => Verdict::False,
        }
    }

    /// `decided` as soon as one operand is it, else `otherwise`; every operand is evaluated for its mistakes.
    fn all(&self, operands: &'t [Node], decided: Verdict, otherwise: Verdict) -> Verdict {
        let verdicts: Vec<Verdict> = operands.iter().map(|operand| self.verdict(operand)).collect();
        if verdicts.contains(&decided) {
            return decided;
        }
        let undecided = verdicts.iter().find(|verdict| matches!(verdict, Verdict::Failed | Verdict::Unknown(_)));
        undecided.cloned().unwrap_or(otherwise)
    }
}

fn negated(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::True => Verdict::False,
        Verdict::False => Verdict::True,
        other => other,
    }
}
