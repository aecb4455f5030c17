//! A template as a tree of nodes that know their places, before any function is evaluated. Scalars stay the
//! text they were: what is a number is decided where a number is needed.

use std::collections::BTreeSet;

use super::report::{Sink, quote};
use super::{TEMPLATE_BYTES_MAX, json, yaml};
use crate::config::Position;

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) node: Node,
}

/// Why a text is no tree.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) at: Position,
    pub(super) message: String,
}

impl Node {
    pub(super) fn as_map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// `a map`, `a list`, …, as messages say it.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Text(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

/// Parses a template; `None` after an error was reported.
pub(super) fn parse(text: &str, sink: &Sink) -> Option<Node> {
    if text.len() > TEMPLATE_BYTES_MAX {
        let message = format!("the template has {} bytes; at most {TEMPLATE_BYTES_MAX} are read", text.len());
        sink.error(Position { line: 1, column: 1 }, message);
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match parse_either(text) {
        Ok(root) => {
            refuse_duplicate_keys(&root, sink);
            Some(root)
        }
        Err(malformed) => {
            sink.error(malformed.at, malformed.message);
            None
        }
    }
}

/// What begins with a brace is JSON, and may also be YAML in flow style.
fn parse_either(text: &str) -> Result<Node, Malformed> {
    if !text.trim_start().starts_with('{') {
        return yaml::parse(text);
    }
    json::parse(text).or_else(|not_json| yaml::parse(text).map_err(|_| not_json))
}

/// A key that stands twice would hide one of its values.
fn refuse_duplicate_keys(node: &Node, sink: &Sink) {
    match &node.value {
        Value::Map(entries) => {
            let mut seen = BTreeSet::new();
            for entry in entries {
                if !seen.insert(entry.key.as_str()) {
                    sink.error(entry.at, format!("the key {} stands twice in this map", quote(&entry.key)));
                }
                refuse_duplicate_keys(&entry.node, sink);
            }
        }
        Value::List(items) => items.iter().for_each(|item| refuse_duplicate_keys(item, sink)),
        Value::Null | Value::Text(_) => {}
    }
}
