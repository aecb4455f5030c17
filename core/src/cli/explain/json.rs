//! The answer for programs.

use serde_json::{Map, Value, json};

use super::Told;
use super::answer::Answer;
use super::body::{Body, End};
use super::judged::{Fate, Judged};
use crate::rules::{Action, ConditionVerdict, Outcome, RuleVerdict, WeightedGroup};

impl Told<'_> {
    pub(super) fn to_json(&self) -> Value {
        let mut value = Map::new();
        let mut put = |key: &str, part: Value| drop(value.insert(key.to_owned(), part));
        put("listener", json!({ "name": self.listener.logical_id, "port": self.listener.port }));
        if let Err(refused) = self.answer {
            put("refused", json!({ "status": refused.status(), "reason": refused.to_string() }));
        }
        put("mode", json!(self.mode.as_str()));
        if let Some(judged) = &self.judged {
            put("classification", classification_json(judged));
            put("outcome", judged.fates.iter().map(|(mode, fate)| (mode.to_string(), fate_json(*fate))).collect());
        }
        if let Some(hint) = &self.hint {
            put("hint", json!(hint));
        }
        if let Some(body) = &self.body {
            put("body", body_json(body));
        }
        if let Ok(answer) = &self.answer {
            put("rules", answer.explanation.rules.iter().map(rule_json).collect());
            put("decision", decision_json(answer));
            put("target_receives", json!(answer.forwarded.as_deref().map(String::from_utf8_lossy)));
        }
        Value::Object(value)
    }
}

fn classification_json(judged: &Judged) -> Value {
    json!({
        "tier": judged.tier.as_str(),
        "reason": judged.reason.map(|reason| reason.code()),
        "header": judged.header,
        "description": judged.reason.map(|reason| reason.describe()),
    })
}

fn fate_json(fate: Fate) -> Value {
    match fate {
        Fate::Routed => json!({ "routed": true, "closes": false, "target_closes": false }),
        Fate::RoutedAsTheTargetsLast => json!({ "routed": true, "closes": false, "target_closes": true }),
        Fate::RoutedAsTheLast => json!({ "routed": true, "closes": true, "target_closes": true }),
        Fate::Refused(refused) => {
            json!({ "routed": false, "status": refused.status(), "reason": refused.to_string() })
        }
    }
}

fn body_json(body: &Body) -> Value {
    let problem = match body.end {
        End::Garbled(garbled) => Some(garbled.to_string()),
        _ => None,
    };
    json!({
        "framing": body.framing_name(),
        "length": body.length(),
        "present": body.present,
        "whole": matches!(body.end, End::Whole { .. }),
        "left_over": body.left_over(),
        "problem": problem,
    })
}

fn decision_json(answer: &Answer<'_>) -> Value {
    let decision = &answer.explanation.decision;
    json!({
        "rule": decision.rule.map(|rule| &rule.name),
        "priority": decision.priority(),
        "action": action_json(answer, decision.action),
    })
}

fn action_json(answer: &Answer<'_>, action: &Action) -> Value {
    match action {
        Action::Forward(forward) => {
            let group = |weighted: &WeightedGroup| json!({ "name": answer.group_name(weighted.group), "weight": weighted.weight });
            json!({ "type": "forward", "groups": forward.groups.iter().map(group).collect::<Vec<_>>() })
        }
        Action::Redirect(redirect) => {
            json!({ "type": "redirect", "status": redirect.status.code(), "location": answer.location })
        }
        Action::FixedResponse(response) => json!({
            "type": "fixed-response",
            "status": response.status,
            "content_type": response.content_type,
            "body": response.body,
        }),
    }
}

fn rule_json(verdict: &RuleVerdict<'_>) -> Value {
    let outcome = match verdict.outcome {
        Outcome::Taken => "taken",
        Outcome::Shadowed => "shadowed",
        Outcome::NoMatch => "no-match",
    };
    let conditions: Vec<Value> = verdict.conditions.iter().map(condition_json).collect();
    json!({
        "name": verdict.rule.name,
        "priority": verdict.rule.priority,
        "outcome": outcome,
        "conditions": conditions,
    })
}

fn condition_json(verdict: &ConditionVerdict<'_>) -> Value {
    json!({
        "field": verdict.condition.field(),
        "holds": verdict.held(),
        "matched": verdict.matched.as_ref().map(|(_, value)| value),
        "saw": verdict.saw,
    })
}
