//! `Ref` and `Fn::GetAtt`: what the names in a template stand for.

use super::functions::Evaluator;
use super::node::{Node, Value};
use super::report::quote;
use super::values::{Kind, Resolved};
use crate::config::Position;

impl<'t> Evaluator<'t> {
    pub(super) fn reference(&self, at: Position, argument: &'t Node) -> Resolved {
        match argument.as_text() {
            Some(name) => self.refer(at, name),
            None => self.fail(at, "Ref takes one name".to_owned()),
        }
    }

    /// What `Ref` gives for a name.
    pub(super) fn refer(&self, at: Position, name: &'t str) -> Resolved {
        if let Some(kind) = self.parameters.get(name) {
            return self.charged(Resolved { at, kind: kind.clone() });
        }
        if let Some(kind) = self.pseudo(at, name) {
            return Resolved { at, kind };
        }
        match self.sections.resources.get(name) {
            Some(entry) => self.refer_resource(at, entry),
            None => {
                let names = self.sections.resources.keys().chain(self.parameters.keys()).copied();
                let hint = self.sink.suggestion(name, names);
                self.fail(at, format!("there is no parameter or resource {}{hint}", quote(name)))
            }
        }
    }

    fn pseudo(&self, at: Position, name: &str) -> Option<Kind> {
        let inputs = self.inputs;
        let text = match name {
            "AWS::AccountId" => inputs.account.clone(),
            "AWS::Region" => inputs.region.clone(),
            "AWS::StackName" => inputs.stack_name.clone(),
            "AWS::StackId" => {
                format!("arn:aws:cloudformation:{}:{}:stack/{}/0", inputs.region, inputs.account, inputs.stack_name)
            }
            "AWS::Partition" => "aws".to_owned(),
            "AWS::URLSuffix" => "amazonaws.com".to_owned(),
            "AWS::NotificationARNs" => return Some(Kind::List(Vec::new())),
            "AWS::NoValue" => return Some(Kind::Absent),
            _ => return None,
        };
        Some(self.charged(Resolved::text(at, text)).kind)
    }

    pub(super) fn get_att(&self, at: Position, argument: &'t Node) -> Resolved {
        match &argument.value {
            Value::Text(path) => match path.split_once('.') {
                Some((name, attribute)) => self.attribute(at, name, attribute),
                None => self.fail(at, "Fn::GetAtt takes a resource and an attribute".to_owned()),
            },
            Value::List(parts) => {
                let [name, attribute] = &parts[..] else {
                    return self.fail(at, "Fn::GetAtt takes a resource and an attribute".to_owned());
                };
                let Some(name) = name.as_text() else {
                    return self.fail(name.at, "Fn::GetAtt: the resource must be a plain name".to_owned());
                };
                match self.eval(attribute).kind {
                    Kind::Text(attribute) => self.attribute(at, name, &attribute),
                    Kind::Failed => Resolved::failed(at),
                    _ => self.fail(attribute.at, "Fn::GetAtt: the attribute must be a name".to_owned()),
                }
            }
            _ => self.fail(at, "Fn::GetAtt takes a resource and an attribute".to_owned()),
        }
    }

    /// What `Fn::GetAtt` gives.
    pub(super) fn attribute(&self, at: Position, name: &'t str, attribute: &str) -> Resolved {
        match self.sections.resources.get(name) {
            Some(entry) => self.attribute_of(at, entry, attribute),
            None => {
                let hint = self.sink.suggestion(name, self.sections.resources.keys().copied());
                self.fail(at, format!("there is no resource {}{hint}", quote(name)))
            }
        }
    }
}
