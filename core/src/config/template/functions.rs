//! Intrinsic functions: computes what a node says. Errors are reported once and travel on as `Failed`;
//! what only the account knows travels on as `Unknown` until somebody needs it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::Inputs;
use super::node::{Entry, Node, Value};
use super::parameters::Parameters;
use super::report::{Sink, quote};
use super::resources;
use super::sections::Sections;
use super::values::{Field, Kind, Resolved};
use super::verdict::Verdict;
use crate::config::Position;
use crate::config::identity::Identity;

/// How many bytes all values of a template may come to: a template can name a long value many times.
const EVALUATED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How deeply evaluation may nest: one expression, plus conditions and names that lead to others.
const EVALUATION_DEPTH_MAX: usize = 160;

/// Evaluates expressions of one template with one set of inputs.
pub(super) struct Evaluator<'t> {
    pub(super) sections: &'t Sections<'t>,
    pub(super) inputs: &'t Inputs,
    pub(super) sink: &'t Sink,
    pub(super) parameters: Parameters<'t>,
    /// Finished conditions; `None` while one is being evaluated.
    pub(super) conditions: RefCell<BTreeMap<&'t str, Option<Verdict>>>,
    /// The same for names of our own resources.
    pub(super) names: RefCell<BTreeMap<&'t str, Option<resources::Named>>>,
    /// Which resource is being read, and which resources were referred to from where.
    pub(super) reading: Cell<Option<&'t str>>,
    pub(super) references: RefCell<Vec<(&'t str, &'t str, Position)>>,
    depth: Cell<usize>,
    spent: Cell<usize>,
}

impl<'t> Evaluator<'t> {
    pub(super) fn new(
        sections: &'t Sections<'t>,
        inputs: &'t Inputs,
        parameters: Parameters<'t>,
        sink: &'t Sink,
    ) -> Self {
        Evaluator {
            sections,
            inputs,
            sink,
            parameters,
            conditions: RefCell::default(),
            names: RefCell::default(),
            reading: Cell::new(None),
            references: RefCell::default(),
            depth: Cell::new(0),
            spent: Cell::new(0),
        }
    }

    pub(super) fn identity(&self) -> Identity<'t> {
        Identity { region: &self.inputs.region, account: &self.inputs.account, stack: &self.inputs.stack_name }
    }

    /// Computes a node.
    pub(super) fn eval(&self, node: &'t Node) -> Resolved {
        self.nested(node.at, Resolved::failed(node.at), || self.eval_value(node))
    }

    fn eval_value(&self, node: &'t Node) -> Resolved {
        match &node.value {
            Value::Null => self.fail(node.at, "a value is missing here".to_owned()),
            Value::Text(text) if text.contains("{{resolve:") => {
                Resolved::unknown(node.at, format!("the dynamic reference {}", quote(text)))
            }
            Value::Text(text) => self.charged(Resolved::text(node.at, text.as_str())),
            Value::List(items) => Resolved { at: node.at, kind: Kind::List(self.items(items)) },
            Value::Map(entries) => match function_call(entries) {
                Some(call) => self.call(call),
                None => Resolved { at: node.at, kind: Kind::Map(self.fields(entries)) },
            },
        }
    }

    fn items(&self, items: &'t [Node]) -> Vec<Resolved> {
        items.iter().map(|item| self.eval(item)).filter(|item| item.kind != Kind::Absent).collect()
    }

    fn fields(&self, entries: &'t [Entry]) -> Vec<Field> {
        let field = |entry: &'t Entry| {
            let value = match entry.node.value {
                Value::Null => self.fail(entry.at, format!("{} has no value", entry.key)),
                _ => self.eval(&entry.node),
            };
            Field { key: entry.key.clone(), at: entry.at, value }
        };
        entries.iter().map(field).filter(|field| field.value.kind != Kind::Absent).collect()
    }

    fn call(&self, call: &'t Entry) -> Resolved {
        let (at, argument) = (call.at, &call.node);
        match call.key.as_str() {
            "Ref" => self.reference(at, argument),
            "Fn::GetAtt" => self.get_att(at, argument),
            "Fn::Sub" => self.substitute(at, argument),
            "Fn::Join" => self.join(at, argument),
            "Fn::Select" => self.select(at, argument),
            "Fn::Split" => self.split(at, argument),
            "Fn::If" => self.either(at, argument),
            "Fn::FindInMap" => self.find_in_map(at, argument),
            "Fn::ImportValue" => self.import(at, argument),
            name @ ("Fn::Base64" | "Fn::Cidr" | "Fn::GetAZs" | "Fn::Length" | "Fn::ToJsonString") => {
                Resolved::unknown(at, format!("what {name} gives, which is not computed here"))
            }
            name @ ("Fn::Transform" | "Fn::ForEach") => self.fail(at, format!("{name}: macros are not run")),
            name => self.fail(at, format!("{name} cannot stand here")),
        }
    }

    fn join(&self, at: Position, argument: &'t Node) -> Resolved {
        let Some([delimiter, list]) = self.arguments(at, "Fn::Join", argument) else {
            return Resolved::failed(at);
        };
        let (delimiter, list) = (self.eval(delimiter), self.eval(list));
        let parts = match self.texts(&list, "Fn::Join") {
            Ok(parts) => parts,
            Err(kind) => return Resolved { at, kind },
        };
        match self.one_text(&delimiter, "Fn::Join") {
            Ok(delimiter) => self.joined(at, &parts, delimiter),
            Err(kind) => Resolved { at, kind },
        }
    }

    fn joined(&self, at: Position, parts: &[&str], delimiter: &str) -> Resolved {
        let length = parts.iter().map(|part| part.len().saturating_add(delimiter.len())).fold(0, usize::saturating_add);
        if !self.charge(at, length) {
            return Resolved::failed(at);
        }
        Resolved::text(at, parts.join(delimiter))
    }

    fn split(&self, at: Position, argument: &'t Node) -> Resolved {
        let Some([delimiter, source]) = self.arguments(at, "Fn::Split", argument) else {
            return Resolved::failed(at);
        };
        let (delimiter, source) = (self.eval(delimiter), self.eval(source));
        let parts = self.one_text(&delimiter, "Fn::Split").and_then(|delimiter| {
            let source = self.one_text(&source, "Fn::Split")?;
            let parts: Vec<&str> = if delimiter.is_empty() { vec![source] } else { source.split(delimiter).collect() };
            let weight = parts.len().saturating_mul(size_of::<Resolved>()).saturating_add(source.len());
            if !self.charge(at, weight) {
                return Err(Kind::Failed);
            }
            Ok(parts.into_iter().map(|part| Resolved::text(at, part)).collect())
        });
        Resolved { at, kind: parts.map_or_else(|kind| kind, Kind::List) }
    }

    fn select(&self, at: Position, argument: &'t Node) -> Resolved {
        let Some([index, list]) = self.arguments(at, "Fn::Select", argument) else {
            return Resolved::failed(at);
        };
        let (index, list) = (self.eval(index), self.eval(list));
        let index = match self.one_text(&index, "Fn::Select") {
            Ok(text) => text.trim().parse::<usize>().ok(),
            Err(kind) => return Resolved { at, kind },
        };
        let items = match list.kind {
            Kind::List(items) => items,
            Kind::Unknown(_) | Kind::Failed => {
                return Resolved { at, kind: list.kind };
            }
            _ => return self.fail(at, "Fn::Select takes a number and a list".to_owned()),
        };
        let length = items.len();
        match index.and_then(|index| items.into_iter().nth(index)) {
            Some(item) => Resolved { at, kind: item.kind },
            None => self
                .fail(at, format!("Fn::Select: the list has {length} items, numbered from 0, and none of that number")),
        }
    }

    fn either(&self, at: Position, argument: &'t Node) -> Resolved {
        let Some([condition, when_true, when_false]) = self.arguments(at, "Fn::If", argument) else {
            return Resolved::failed(at);
        };
        let Some(name) = condition.as_text() else {
            return self.fail(condition.at, "Fn::If: the first argument must be the name of a condition".to_owned());
        };
        match self.condition(condition.at, name) {
            Verdict::True => self.eval(when_true),
            Verdict::False => self.eval(when_false),
            Verdict::Unknown(hint) => Resolved::unknown(at, hint),
            Verdict::Failed => Resolved::failed(at),
        }
    }

    fn find_in_map(&self, at: Position, argument: &'t Node) -> Resolved {
        let Value::List(arguments) = &argument.value else {
            return self.fail(at, "Fn::FindInMap takes a mapping and two keys".to_owned());
        };
        let (keys, default) = match &arguments[..] {
            [map, first, second] => ([map, first, second], None),
            [map, first, second, options] => ([map, first, second], options.get("DefaultValue")),
            _ => return self.fail(at, "Fn::FindInMap takes a mapping and two keys".to_owned()),
        };
        let [map, first, second] = keys.map(|key| self.eval(key));
        let path = self.one_text(&map, "Fn::FindInMap").and_then(|map| {
            Ok([map, self.one_text(&first, "Fn::FindInMap")?, self.one_text(&second, "Fn::FindInMap")?])
        });
        let [map, first, second] = match path {
            Ok(path) => path,
            Err(kind) => return Resolved { at, kind },
        };
        let found = self.sections.mappings.get(map).and_then(|entry| entry.node.get(first)?.get(second));
        match found.or(default) {
            Some(node) => Resolved { at, kind: self.eval(node).kind },
            None => {
                let place = [map, first, second].map(quote).join(", ");
                self.fail(at, format!("Fn::FindInMap: the mappings have nothing at {place}"))
            }
        }
    }

    fn import(&self, at: Position, argument: &'t Node) -> Resolved {
        let name = self.eval(argument);
        let name = match self.one_text(&name, "Fn::ImportValue") {
            Ok(name) => name,
            Err(kind) => return Resolved { at, kind },
        };
        match self.inputs.imports.iter().rfind(|(export, _)| export == name) {
            Some((_, value)) => self.charged(Resolved::text(at, value.as_str())),
            None => {
                let hint = format!("what another stack exports as {}; give it with --import {name}=VALUE", quote(name));
                Resolved::unknown(at, hint)
            }
        }
    }

    fn arguments<const N: usize>(&self, at: Position, function: &str, node: &'t Node) -> Option<[&'t Node; N]> {
        if let Value::List(arguments) = &node.value
            && let Ok(arguments) = arguments.iter().collect::<Vec<_>>().try_into()
        {
            return Some(arguments);
        }
        self.fail(at, format!("{function} takes a list of {N} arguments"));
        None
    }

    pub(super) fn one_text<'v>(&self, value: &'v Resolved, function: &str) -> Result<&'v str, Kind> {
        match &value.kind {
            Kind::Text(text) => Ok(text),
            Kind::Unknown(hint) => Err(Kind::Unknown(hint.clone())),
            Kind::Failed => Err(Kind::Failed),
            Kind::List(_) | Kind::Map(_) | Kind::Absent => {
                Err(self.fail(value.at, format!("{function}: a single value must stand here")).kind)
            }
        }
    }

    fn texts<'v>(&self, value: &'v Resolved, function: &str) -> Result<Vec<&'v str>, Kind> {
        match &value.kind {
            Kind::List(items) => items.iter().map(|item| self.one_text(item, function)).collect(),
            Kind::Unknown(hint) => Err(Kind::Unknown(hint.clone())),
            Kind::Failed => Err(Kind::Failed),
            Kind::Text(_) | Kind::Map(_) | Kind::Absent => {
                Err(self.fail(value.at, format!("{function}: a list must stand here")).kind)
            }
        }
    }

    pub(super) fn fail(&self, at: Position, message: String) -> Resolved {
        let message = match self.reading.get() {
            Some(resource) => format!("{resource}: {message}"),
            None => message,
        };
        self.sink.error(at, message);
        Resolved::failed(at)
    }

    /// The value, if there is still room for it.
    pub(super) fn charged(&self, value: Resolved) -> Resolved {
        let bytes = match &value.kind {
            Kind::Text(text) => text.len(),
            Kind::List(items) => items.len().saturating_mul(2 * size_of::<Resolved>()),
            _ => 0,
        };
        if self.charge(value.at, bytes) { value } else { Resolved::failed(value.at) }
    }

    /// Whether `bytes` more fit; the first time they do not is an error.
    pub(super) fn charge(&self, at: Position, bytes: usize) -> bool {
        let before = self.spent.get();
        let after = before.saturating_add(bytes);
        self.spent.set(after);
        if after > EVALUATED_BYTES_MAX && before <= EVALUATED_BYTES_MAX {
            self.fail(at, format!("the template comes to more than {EVALUATED_BYTES_MAX} bytes of values"));
        }
        after <= EVALUATED_BYTES_MAX
    }

    /// Runs `step` one level deeper, if there is a level left.
    pub(super) fn nested<T>(&self, at: Position, too_deep: T, step: impl FnOnce() -> T) -> T {
        let depth = self.depth.get();
        if depth >= EVALUATION_DEPTH_MAX {
            self.fail(at, "this leads too deep: names or conditions form too long a chain".to_owned());
            return too_deep;
        }
        self.depth.set(depth + 1);
        let result = step();
        self.depth.set(depth);
        result
    }
}

/// A map with one key that names a function is a call of it.
pub(super) fn function_call(entries: &[Entry]) -> Option<&Entry> {
    match entries {
        [call] if call.key == "Ref" || call.key == "Condition" || call.key.starts_with("Fn::") => Some(call),
        _ => None,
    }
}
