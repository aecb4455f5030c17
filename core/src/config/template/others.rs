//! What several resources share: names and tags.

use std::collections::BTreeSet;

use super::report::quote;
use super::shape::Object;
use crate::config::identity::NAME_LEN_MAX;

/// Guide LB-01, TG-01: up to 32 letters, digits and hyphens, no hyphen at an end.
pub(super) fn check_name(object: &Object<'_>) {
    let Some(item) = object.get("Name") else {
        return;
    };
    let Some(name) = item.sized(1..=NAME_LEN_MAX) else {
        return;
    };
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        item.error(&format!("{} has characters other than letters, digits and hyphens", quote(name)));
    }
    if name.starts_with('-') || name.ends_with('-') {
        item.error(&format!("{} begins or ends with a hyphen", quote(name)));
    }
}

/// The most tags that a resource may have.
const TAGS_MAX: usize = 50;

pub(super) fn check_tags(object: &Object<'_>) {
    let Some(list) = object.get("Tags").filter(|list| list.unknown().is_none()) else {
        return;
    };
    let items = list.items();
    if let Some(first_too_many) = items.get(TAGS_MAX) {
        first_too_many.error(&format!("more than {TAGS_MAX} tags"));
    }
    let mut keys = BTreeSet::new();
    for item in &items {
        let Some(tag) = item.object(&["Key", "Value"]) else {
            continue;
        };
        if let Some(value) = tag.get("Value").filter(|value| value.unknown().is_none()) {
            value.sized(0..=256);
        }
        let Some(key) = tag.require("Key").filter(|key| key.unknown().is_none()) else {
            continue;
        };
        if let Some(text) = key.sized(1..=128)
            && !keys.insert(text)
        {
            key.error(&format!("the tag {} is given twice", quote(text)));
        }
    }
}
