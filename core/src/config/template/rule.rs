//! `AWS::ElasticLoadBalancingV2::ListenerRule` (guide RULE-*).

use super::action::{self, Where};
use super::condition;
use super::others::check_tags;
use super::shape::{Item, Object};
use crate::rules::{Action, Condition};

const KNOWN: &[&str] = &["Actions", "Conditions", "ListenerArn", "Priority", "Tags", "Transforms"];

/// A rule's properties, before it is known which listener it belongs to.
pub(super) fn object<'v>(properties: &Item<'v>) -> Option<Object<'v>> {
    properties.object(KNOWN)
}

/// What could be read of a rule; what could not was reported.
pub(super) struct Read<'v> {
    pub(super) priority: Option<(u16, Item<'v>)>,
    pub(super) conditions: Option<Vec<Condition>>,
    pub(super) action: Option<Action>,
}

pub(super) fn read<'v>(object: &Object<'v>, place: &Where<'_>) -> Read<'v> {
    check_tags(object);
    if let Some(transforms) = object.get("Transforms") {
        transforms.error("transforms are not supported yet");
    }
    // Guide RULE-03.
    let priority = object.require("Priority").and_then(|item| {
        let number = item.number(1..=50_000)?;
        Some((u16::try_from(number).ok()?, item))
    });
    let conditions = object.require("Conditions").map(|list| condition::read_all(&list));
    let action = object.require("Actions").and_then(|list| action::read_all(&list, place));
    Read { priority, conditions, action }
}
