//! Parameters: what each has for a value, and whether it may.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::{Regex, RegexBuilder};

use super::Inputs;
use super::node::{Entry, Node, Value};
use super::report::{Sink, quote};
use super::sections::Sections;
use super::spelling::suggestion;
use super::values::Kind;
use crate::config::Position;

/// A parameter's value: text, a list of texts, unknown, or failed.
pub(super) type Parameters<'t> = BTreeMap<&'t str, Kind>;

const KNOWN: [&str; 10] = [
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
];

/// Gives every parameter its value, from `inputs` or its default.
pub(super) fn read<'t>(sections: &Sections<'t>, inputs: &Inputs, sink: &Sink) -> Parameters<'t> {
    for (name, _) in &inputs.parameters {
        if !sections.parameters.contains_key(name.as_str()) {
            let hint = suggestion(name, sections.parameters.keys().copied());
            let message = format!("--param {name}: the template has no parameter {}{hint}", quote(name));
            sink.error(Position { line: 1, column: 1 }, message);
        }
    }
    sections.parameters.iter().map(|(name, entry)| (*name, value(entry, inputs, sink))).collect()
}

fn value(entry: &Entry, inputs: &Inputs, sink: &Sink) -> Kind {
    let parameter = Parameter { name: &entry.key, at: entry.at, node: &entry.node, sink };
    parameter.check_keys();
    let Some(kind) = parameter.node.get("Type").and_then(Node::as_text) else {
        parameter.error("has no Type");
        return Kind::Failed;
    };
    let given = inputs.parameters.iter().rfind(|(name, _)| *name == entry.key).map(|(_, value)| value.as_str());
    if kind.starts_with("AWS::SSM::Parameter::") {
        return parameter.stored(inputs);
    }
    let Some(text) = given.or_else(|| parameter.default()) else {
        parameter.error(&format!("has no value and no default; give it with --param {}=VALUE", entry.key));
        return Kind::Failed;
    };
    parameter.typed(kind, text)
}

struct Parameter<'p> {
    name: &'p str,
    at: Position,
    node: &'p Node,
    sink: &'p Sink,
}

/// What each item of a parameter's value is held to, made ready once for all of them.
struct Held<'p> {
    /// `AllowedValues`, in template order.
    listed: Option<Vec<&'p str>>,
    /// The same, to look one up.
    known: BTreeSet<&'p str>,
    /// `AllowedPattern`, if it can be checked.
    pattern: Option<(&'p str, Regex)>,
}

impl<'p> Parameter<'p> {
    fn check_keys(&self) {
        for entry in self.node.as_map().unwrap_or_default() {
            if entry.key != "Type" && !KNOWN.contains(&entry.key.as_str()) {
                let hint = suggestion(&entry.key, KNOWN.into_iter().chain(["Type"]));
                let message = format!("parameter {}: there is no {}{hint}", self.name, quote(&entry.key));
                self.sink.error(entry.at, message);
            }
        }
    }

    fn default(&self) -> Option<&'p str> {
        match &self.node.get("Default")?.value {
            Value::Text(text) => Some(text),
            Value::Null => Some(""),
            _ => None,
        }
    }

    /// A parameter whose value lives in the parameter store: its own text is only a key there.
    fn stored(&self, inputs: &Inputs) -> Kind {
        let resolved = inputs.resolve.iter().rfind(|(name, _)| name == self.name);
        let hint = || format!("the stored parameter {}; give it with --resolve {}=VALUE", self.name, self.name);
        resolved.map_or_else(|| Kind::Unknown(hint()), |(_, value)| Kind::Text(value.clone()))
    }

    fn typed(&self, kind: &str, text: &str) -> Kind {
        let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
        let element = kind.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>')).unwrap_or(kind);
        let held = self.held();
        if !is_list {
            return if self.allowed(&held, element, text) { Kind::Text(text.to_owned()) } else { Kind::Failed };
        }
        let items: Vec<&str> = if text.is_empty() { Vec::new() } else { text.split(',').map(str::trim).collect() };
        let refused = items.iter().filter(|item| !self.allowed(&held, element, item)).count();
        let item = |text: &str| super::values::Resolved::text(self.at, text);
        if refused == 0 { Kind::List(items.into_iter().map(item).collect()) } else { Kind::Failed }
    }

    /// Every check is made, so that all that is wrong is said.
    fn allowed(&self, held: &Held<'p>, kind: &str, text: &str) -> bool {
        let number = kind != "Number" || text.trim().parse::<f64>().is_ok();
        if !number {
            self.error(&format!("must be a number; it is {}", quote(text)));
        }
        let listed = self.listed(held, text);
        let sized = self.sized(text);
        let ranged = !number || self.ranged(text);
        let matching = self.matching(held, text);
        number && listed && sized && ranged && matching
    }

    /// Patterns that this kind of regular expression cannot say are not checked, and the operator is told.
    fn held(&self) -> Held<'p> {
        let listed = match self.node.get("AllowedValues").map(|node| &node.value) {
            Some(Value::List(allowed)) => {
                let text_of = |node: &'p Node| if node.value == Value::Null { Some("") } else { node.as_text() };
                Some(allowed.iter().filter_map(text_of).collect())
            }
            _ => None,
        };
        let pattern = self.node.get("AllowedPattern").and_then(|node| {
            let pattern = node.as_text()?;
            let compiled = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(PATTERN_BYTES_MAX).build();
            if compiled.is_err() {
                let message = format!("parameter {}: AllowedPattern is not understood and not checked", self.name);
                self.sink.warning(node.at, message);
            }
            Some((pattern, compiled.ok()?))
        });
        Held { known: listed.iter().flatten().copied().collect(), listed, pattern }
    }

    fn listed(&self, held: &Held<'p>, text: &str) -> bool {
        let Some(values) = &held.listed else { return true };
        let listed = held.known.contains(text);
        if !listed {
            let more = if values.len() > VALUES_SHOWN_MAX { ", …" } else { "" };
            let some = values.iter().take(VALUES_SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
            self.error(&format!("must be one of {some}{more}; it is {}", quote(text)));
        }
        listed
    }

    fn sized(&self, text: &str) -> bool {
        let length = text.chars().count() as f64;
        let (least, most) = (self.limit("MinLength"), self.limit("MaxLength"));
        let fits = least.is_none_or(|least| length >= least) && most.is_none_or(|most| length <= most);
        if !fits {
            self.error(&format!("has {length} characters; {} are allowed", range(least, most)));
        }
        fits
    }

    fn ranged(&self, text: &str) -> bool {
        let (least, most) = (self.limit("MinValue"), self.limit("MaxValue"));
        if least.is_none() && most.is_none() {
            return true;
        }
        let number = text.trim().parse::<f64>().ok();
        let fits = number.is_some_and(|number| least.is_none_or(|l| number >= l) && most.is_none_or(|m| number <= m));
        if !fits {
            self.error(&format!("must be {}; it is {}", range(least, most), quote(text)));
        }
        fits
    }

    fn matching(&self, held: &Held<'p>, text: &str) -> bool {
        let Some((pattern, regex)) = &held.pattern else { return true };
        let matching = regex.is_match(text);
        if !matching {
            self.error(&format!("must match {}; it is {}", quote(pattern), quote(text)));
        }
        matching
    }

    fn limit(&self, key: &str) -> Option<f64> {
        self.node.get(key)?.as_text()?.parse().ok()
    }

    fn error(&self, problem: &str) {
        self.sink.error(self.at, format!("parameter {}: {problem}", self.name));
    }
}

/// How many of `AllowedValues` a message shows.
const VALUES_SHOWN_MAX: usize = 40;

/// The most memory that a compiled `AllowedPattern` may take, in bytes; it bounds the time of a match too.
const PATTERN_BYTES_MAX: usize = 64 * 1024;

fn range(least: Option<f64>, most: Option<f64>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "any".to_owned(),
    }
}
