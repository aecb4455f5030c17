//! Reads computed values as the types that properties must have, and says where they are not. Every view
//! knows its path (`Web.DefaultActions[0].Type`), which leads the message.

use std::ops::RangeInclusive;

use super::report::{Sink, quote};
use super::spelling::suggestion;
use super::values::{Field, Kind, Resolved};
use crate::config::Position;

/// A value, with the path that messages name.
#[derive(Clone)]
pub(super) struct Item<'v> {
    pub(super) path: String,
    pub(super) at: Position,
    value: &'v Resolved,
    sink: &'v Sink,
}

/// A map whose keys are properties.
#[derive(Clone)]
pub(super) struct Object<'v> {
    pub(super) path: String,
    pub(super) at: Position,
    fields: &'v [Field],
    sink: &'v Sink,
}

impl<'v> Item<'v> {
    pub(super) fn new(path: &str, value: &'v Resolved, sink: &'v Sink) -> Item<'v> {
        Item { path: path.to_owned(), at: value.at, value, sink }
    }

    pub(super) fn error(&self, problem: &str) {
        self.sink.error(self.at, format!("{}: {problem}", self.path));
    }

    pub(super) fn warning(&self, problem: &str) {
        self.sink.warning(self.at, format!("{}: {problem}", self.path));
    }

    /// A text that must be known here.
    pub(super) fn text(&self) -> Option<&'v str> {
        match &self.value.kind {
            Kind::Text(text) => Some(text),
            _ => {
                self.expected("a single value");
                None
            }
        }
    }

    /// A text that only the account needs: whatever it is, it is one value.
    pub(super) fn opaque(&self) -> Option<&'v str> {
        match &self.value.kind {
            Kind::Unknown(_) => None,
            _ => self.text(),
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.value.kind, Kind::List(_))
    }

    /// The hint of a value that is not known here.
    pub(super) fn unknown(&self) -> Option<&'v str> {
        match &self.value.kind {
            Kind::Unknown(hint) => Some(hint),
            _ => None,
        }
    }

    /// `None`, after an error, if this is an ARN that only the account knows: what it names is not in the template.
    pub(super) fn must_be_ours(&self, what: &str) -> Option<()> {
        match self.unknown() {
            None => Some(()),
            Some(hint) => {
                let hint = hint.split(';').next().unwrap_or(hint);
                self.error(&format!("{what} of this template is needed here; this is {hint}"));
                None
            }
        }
    }

    /// What an ARN names, if it is something of this template.
    pub(super) fn ours<T>(&self, what: &str, find: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.must_be_ours(&format!("a {what}"))?;
        let text = self.text()?;
        let found = find(text);
        if found.is_none() {
            self.error(&format!("{} is the ARN of no {what} in this template", quote(text)));
        }
        found
    }

    /// A whole number, written as a number or as text.
    pub(super) fn number(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let text = self.text()?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        let within = number.filter(|number| range.contains(number));
        if within.is_none() {
            self.error(&format!("{} is not a whole number from {} to {}", quote(text), range.start(), range.end()));
        }
        within
    }

    /// A port, 1 to 65535.
    pub(super) fn port(&self) -> Option<u16> {
        self.number(1..=65535).and_then(|port| u16::try_from(port).ok())
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        let text = self.text()?;
        if text.eq_ignore_ascii_case("true") {
            return Some(true);
        }
        if text.eq_ignore_ascii_case("false") {
            return Some(false);
        }
        self.error(&format!("{} is neither true nor false", quote(text)));
        None
    }

    pub(super) fn one_of(&self, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text()?;
        let found = allowed.iter().find(|known| **known == text).copied();
        if found.is_none() {
            let hint = suggestion(text, allowed.iter().copied());
            self.error(&format!("{} is none of {}{hint}", quote(text), allowed.join(", ")));
        }
        found
    }

    /// A text of at most `most` characters, and at least `least`.
    pub(super) fn sized(&self, range: RangeInclusive<usize>) -> Option<&'v str> {
        let text = self.text()?;
        let length = text.chars().count();
        if range.contains(&length) {
            return Some(text);
        }
        self.error(&format!("has {length} characters; {} to {} are allowed", range.start(), range.end()));
        None
    }

    /// The items of a list; empty after an error, and for a list that only the account knows.
    pub(super) fn items(&self) -> Vec<Item<'v>> {
        match &self.value.kind {
            Kind::List(items) => {
                let item = |(index, value)| Item::new(&format!("{}[{index}]", self.path), value, self.sink);
                items.iter().enumerate().map(item).collect()
            }
            _ => {
                self.expected("a list");
                Vec::new()
            }
        }
    }

    /// A map that may have these keys.
    pub(super) fn object(&self, known: &[&str]) -> Option<Object<'v>> {
        let Kind::Map(fields) = &self.value.kind else {
            self.expected("a map");
            return None;
        };
        let object = Object { path: self.path.clone(), at: self.at, fields, sink: self.sink };
        object.refuse_others(known);
        Some(object)
    }

    fn expected(&self, what: &str) {
        match &self.value.kind {
            Kind::Failed => {}
            Kind::Unknown(hint) => self.error(&format!("{what} is needed here, and nothing says {hint}")),
            Kind::Text(_) => self.error(&format!("{what} must stand here, not a single value")),
            Kind::List(_) => self.error(&format!("{what} must stand here, not a list")),
            Kind::Map(_) => self.error(&format!("{what} must stand here, not a map")),
            Kind::Absent => self.error(&format!("{what} must stand here")),
        }
    }
}

impl<'v> Object<'v> {
    pub(super) fn error(&self, problem: &str) {
        self.sink.error(self.at, format!("{}: {problem}", self.path));
    }

    pub(super) fn warning(&self, problem: &str) {
        self.sink.warning(self.at, format!("{}: {problem}", self.path));
    }

    /// A property, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<Item<'v>> {
        let field = self.fields.iter().find(|field| field.key == name)?;
        Some(Item::new(&format!("{}.{name}", self.path), &field.value, self.sink))
    }

    /// A property that must be there.
    pub(super) fn require(&self, name: &str) -> Option<Item<'v>> {
        let item = self.get(name);
        if item.is_none() {
            self.error(&format!("{name} is missing"));
        }
        item
    }

    /// The items of a list property; none when it is not there.
    pub(super) fn items(&self, name: &str) -> Vec<Item<'v>> {
        self.get(name).map(|item| item.items()).unwrap_or_default()
    }

    /// The first of two properties that are never given together, or either spelling of one.
    pub(super) fn either(&self, name: &str, other: &str) -> Option<Item<'v>> {
        if let (Some(_), Some(second)) = (self.get(name), self.get(other)) {
            second.error(&format!("{name} is there too; only one of them may be"));
        }
        self.get(name).or_else(|| self.get(other))
    }

    fn refuse_others(&self, known: &[&str]) {
        for field in self.fields {
            if !known.contains(&field.key.as_str()) {
                let hint = suggestion(&field.key, known.iter().copied());
                let message = format!("{}: there is no property {}{hint}", self.path, quote(&field.key));
                self.sink.error(field.at, message);
            }
        }
    }
}
