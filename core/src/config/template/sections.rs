//! A template's top level: which sections it has, and what they name.

use std::collections::BTreeMap;

use super::node::{Entry, Node, Value};
use super::report::{Sink, quote};
use super::spelling::suggestion;

/// The sections of a template, with their entries by name.
pub(super) struct Sections<'t> {
    pub(super) parameters: BTreeMap<&'t str, &'t Entry>,
    pub(super) mappings: BTreeMap<&'t str, &'t Entry>,
    pub(super) conditions: BTreeMap<&'t str, &'t Entry>,
    pub(super) resources: BTreeMap<&'t str, &'t Entry>,
    /// The resources in the template's order.
    pub(super) resource_order: Vec<&'t Entry>,
}

const KNOWN: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
];

impl<'t> Sections<'t> {
    /// `None` after an error was reported: without resources there is nothing to go on with.
    pub(super) fn find(root: &'t Node, sink: &Sink) -> Option<Sections<'t>> {
        let Some(entries) = root.as_map() else {
            sink.error(root.at, format!("a template is a map of sections; this is {}", root.kind()));
            return None;
        };
        for entry in entries {
            check_section(entry, sink);
        }
        let Some(resources) = entries.iter().find(|entry| entry.key == "Resources") else {
            sink.error(root.at, "the template has no section `Resources`".to_owned());
            return None;
        };
        let resource_order: Vec<&Entry> = resources.node.as_map().unwrap_or_default().iter().collect();
        Some(Sections {
            parameters: by_name(root, "Parameters"),
            mappings: by_name(root, "Mappings"),
            conditions: by_name(root, "Conditions"),
            resources: by_name(root, "Resources"),
            resource_order,
        })
    }
}

fn check_section(entry: &Entry, sink: &Sink) {
    match entry.key.as_str() {
        "AWSTemplateFormatVersion" if entry.node.as_text() != Some("2010-09-09") => {
            sink.error(entry.node.at, "AWSTemplateFormatVersion: the only version is 2010-09-09".to_owned());
        }
        "Transform" => {
            sink.warning(entry.at, "Transform: macros are not run; resources are read as they stand".to_owned())
        }
        section @ ("Parameters" | "Mappings" | "Conditions" | "Resources")
            if !matches!(entry.node.value, Value::Map(_) | Value::Null) =>
        {
            sink.error(entry.node.at, format!("{section} must be a map; this is {}", entry.node.kind()));
        }
        other if !KNOWN.contains(&other) => {
            let hint = suggestion(other, KNOWN);
            sink.error(entry.at, format!("there is no section {}{hint}", quote(other)));
        }
        _ => {}
    }
}

fn by_name<'t>(root: &'t Node, section: &str) -> BTreeMap<&'t str, &'t Entry> {
    let entries = root.get(section).and_then(Node::as_map).unwrap_or_default();
    entries.iter().map(|entry| (entry.key.as_str(), entry)).collect()
}
