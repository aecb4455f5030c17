//! What stands before each rule: one comparison of eight bytes that nearly every request fails which the rule does not
//! take, so that a hundred rules cost little more than a walk over a hundred small structs.
//!
//! A gate only ever says "surely not". Behind an open one the rule itself is asked, so gates change no decision. Which eight
//! bytes a gate looks at is chosen when the rules are read: those of the host's or path's ends that tell the rule
//! from most others.

use super::condition::View;
use super::pattern::EndsPattern;
use super::text::WORDS;
use super::{Condition, Pattern, Rule};

/// The gates of a set of rules, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gates {
    gates: Vec<Gate>,
    host: bool,
    path: bool,
}

/// The ends of the host, then those of the path; zero where no gate looks.
pub(super) type Both = [u64; 2 * WORDS];

/// One word of [`Both`] and what it must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gate {
    word: usize,
    mask: u64,
    value: u64,
}

/// What a rule demands of each word of [`Both`].
#[derive(Clone, Copy, Default)]
struct Demands {
    masks: Both,
    values: Both,
}

impl Gate {
    #[inline]
    pub(super) fn is_open(&self, ends: &Both) -> bool {
        ends[self.word % ends.len()] & self.mask == self.value
    }
}

impl Gates {
    pub(super) fn before(rules: &[Rule]) -> Gates {
        let demands: Vec<Demands> = rules.iter().map(Demands::of).collect();
        let gates: Vec<Gate> = demands.iter().map(|own| own.best_gate(&demands)).collect();
        let looks = |at: usize| gates.iter().any(|gate| gate.mask != 0 && gate.word / WORDS == at);
        Gates { host: looks(0), path: looks(1), gates }
    }

    pub(super) fn iter(&self) -> core::slice::Iter<'_, Gate> {
        self.gates.iter()
    }

    /// What the gates look at. The path is normalised here if any gate looks at it.
    pub(super) fn ends(&self, view: &View<'_>) -> Both {
        let mut both = [0; 2 * WORDS];
        let (host, path) = both.split_at_mut(WORDS);
        if self.host {
            host.copy_from_slice(&view.host().ends);
        }
        if self.path {
            path.copy_from_slice(&view.path().ends);
        }
        both
    }
}

impl Demands {
    fn of(rule: &Rule) -> Demands {
        let mut demands = Demands::default();
        for condition in &rule.conditions {
            match condition {
                Condition::HostHeader(values) => demands.add(0, values),
                Condition::PathPattern(values) => demands.add(WORDS, values),
                _ => {}
            }
        }
        demands
    }

    /// The bits in which all of the alternatives agree.
    fn add(&mut self, start: usize, alternatives: &[Pattern]) {
        let Some((first, others)) = alternatives.split_first() else { return };
        let EndsPattern { masks, values } = first.ends();
        for at in 0..WORDS {
            let (mut mask, value) = (masks[at], values[at]);
            for other in others.iter().map(Pattern::ends) {
                mask &= other.masks[at] & !(other.values[at] ^ value);
            }
            (self.masks[start + at], self.values[start + at]) = (mask, value & mask);
        }
    }

    /// The word whose demand the fewest other rules' requests would meet; of equals, the one that demands most.
    fn best_gate(&self, all: &[Demands]) -> Gate {
        let met_by = |word: usize, other: &&Demands| {
            (self.values[word] ^ other.values[word]) & self.masks[word] & other.masks[word] == 0
        };
        let cost = |word: &usize| {
            let met = all.iter().filter(|other| met_by(*word, other)).count();
            (met, u64::BITS - self.masks[*word].count_ones())
        };
        let word = (0..2 * WORDS).min_by_key(cost).unwrap_or_default();
        Gate { word, mask: self.masks[word], value: self.values[word] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Action, FixedResponse};

    fn rule(conditions: Vec<Condition>) -> Rule {
        let action = Action::FixedResponse(FixedResponse { status: 200, content_type: None, body: String::new() });
        Rule { name: String::new(), priority: 1, conditions, action }
    }

    fn path(patterns: &[&str]) -> Condition {
        Condition::PathPattern(patterns.iter().map(|pattern| Pattern::new(pattern)).collect())
    }

    #[test]
    fn a_gate_looks_where_rules_differ() {
        let rules: Vec<Rule> = (10..40).map(|at| rule(vec![path(&[&format!("/services/v1/{at}/*")])])).collect();
        let gates = Gates::before(&rules);
        assert!(gates.iter().all(|gate| gate.word == WORDS + 1));
        assert!(gates.path && !gates.host);
    }

    #[test]
    fn a_gate_demands_only_what_all_alternatives_have() {
        let gates = Gates::before(&[rule(vec![path(&["/ab*", "/ac*"])])]);
        let ends = |text: &str| {
            let mut both = [0; 2 * WORDS];
            both[WORDS] = text.bytes().rev().fold(0, |word, byte| word << 8 | u64::from(byte));
            both
        };
        let gate = gates.gates[0];
        assert!(gate.is_open(&ends("/ab")) && gate.is_open(&ends("/acx")));
        assert!(!gate.is_open(&ends("/b")));
    }

    #[test]
    fn a_rule_without_host_and_path_has_an_open_gate() {
        let gates = Gates::before(&[rule(vec![Condition::HttpRequestMethod(vec!["GET".to_owned()])])]);
        assert!(gates.gates[0].is_open(&[7; 2 * WORDS]));
        assert!(!gates.host && !gates.path);
    }
}
