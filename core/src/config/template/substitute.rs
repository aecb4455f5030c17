//! `Fn::Sub`: a text with `${Name}`, `${Name.Attribute}` and `${!literal}` in it.

use std::collections::BTreeMap;

use super::functions::Evaluator;
use super::node::{Node, Value};
use super::report::quote;
use super::values::{Kind, Resolved};
use crate::config::Position;

impl<'t> Evaluator<'t> {
    pub(super) fn substitute(&self, at: Position, argument: &'t Node) -> Resolved {
        let mut own = BTreeMap::new();
        let text = match &argument.value {
            Value::Text(text) => text,
            Value::List(parts) => match &parts[..] {
                [text, variables] if text.as_text().is_some() && variables.as_map().is_some() => {
                    for entry in variables.as_map().unwrap_or_default() {
                        own.insert(entry.key.as_str(), self.eval(&entry.node));
                    }
                    text.as_text().unwrap_or_default()
                }
                _ => {
                    return self.fail(at, "Fn::Sub takes a text, or a list of a text and a map".to_owned());
                }
            },
            _ => {
                return self.fail(at, "Fn::Sub takes a text, or a list of a text and a map".to_owned());
            }
        };
        self.substituted(at, text, &own)
    }

    /// Goes on after a part that failed or is unknown, to find the mistakes behind it.
    fn substituted(&self, at: Position, text: &'t str, own: &BTreeMap<&str, Resolved>) -> Resolved {
        let mut made = String::new();
        let mut spoilt = None;
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            made.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                return self.fail(at, format!("Fn::Sub: `${{` without `}}` in {}", quote(text)));
            };
            match self.part(at, name, own) {
                Kind::Text(part) if self.charge(at, part.len()) => made.push_str(&part),
                Kind::Failed => spoilt = Some(Kind::Failed),
                Kind::Unknown(hint) => spoilt = spoilt.or(Some(Kind::Unknown(hint))),
                Kind::Text(_) => return Resolved::failed(at),
                Kind::Absent | Kind::List(_) | Kind::Map(_) => {
                    self.fail(at, format!("Fn::Sub: {} is not a single value", quote(name)));
                    spoilt = Some(Kind::Failed);
                }
            }
            rest = behind;
        }
        made.push_str(rest);
        match spoilt {
            Some(kind) => Resolved { at, kind },
            None if made.contains("{{resolve:") => {
                Resolved::unknown(at, format!("the dynamic reference {}", quote(&made)))
            }
            None => self.charged(Resolved::text(at, made)),
        }
    }

    fn part(&self, at: Position, name: &'t str, own: &BTreeMap<&str, Resolved>) -> Kind {
        if let Some(literal) = name.strip_prefix('!') {
            return Kind::Text(format!("${{{literal}}}"));
        }
        if let Some(value) = own.get(name) {
            return value.kind.clone();
        }
        match name.split_once('.') {
            Some((resource, attribute)) => self.attribute(at, resource, attribute).kind,
            None => self.refer(at, name).kind,
        }
    }
}
