//! A listener that still gathers its rules and certificates: they are resources of their own, and stand anywhere.

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::Certificates;
use super::report::Sink;
use super::resources::Resource;
use super::shape::Item;
use super::{listener, mutual_authentication, rule, ssl_policy};
use crate::config::{Listener, Protocol};
use crate::rules::{Action, GroupId, Rule, Ruleset};
use crate::tls::{MutualAuthentication, Terms};

/// What is known of it so far.
pub(super) struct Draft<'r, 't> {
    pub(super) resource: &'r Resource<'t>,
    pub(super) read: listener::Read<'r>,
    pub(super) load_balancer: Option<usize>,
    pub(super) terms: Option<Terms>,
    /// The ARNs of its certificate list.
    certificate_list: BTreeSet<&'r str>,
    priorities: BTreeMap<u16, String>,
    rules: Vec<Rule>,
    pub(super) rule_count: usize,
}

impl<'r, 't> Draft<'r, 't> {
    pub(super) fn new(
        resource: &'r Resource<'t>,
        read: listener::Read<'r>,
        load_balancer: Option<usize>,
    ) -> Draft<'r, 't> {
        Draft {
            resource,
            read,
            load_balancer,
            terms: None,
            certificate_list: BTreeSet::new(),
            priorities: BTreeMap::new(),
            rules: Vec::new(),
            rule_count: 0,
        }
    }

    pub(super) fn add(&mut self, id: &str, read: rule::Read<'_>) {
        self.rule_count = self.rule_count.saturating_add(1);
        let Some((priority, item)) = read.priority else {
            return;
        };
        if let Some(other) = self.priorities.get(&priority) {
            item.error(&format!("{other} has the priority {priority} too"));
            return;
        }
        self.priorities.insert(priority, id.to_owned());
        if let (Some(conditions), Some(action)) = (read.conditions, read.action) {
            self.rules.push(Rule { name: id.to_owned(), priority, conditions, action });
        }
    }

    /// Adds to its list what is not there yet.
    pub(super) fn add_certificates(&mut self, arns: &[Item<'r>], certificates: &mut Certificates<'r>) {
        for arn in arns {
            let Some(text) = arn.opaque() else { continue };
            if !self.certificate_list.insert(text) {
                arn.warning("the certificate is in the list of this listener already");
            } else if let (Some(identity), Some(terms)) = (certificates.load(arn), &mut self.terms) {
                terms.list.push(identity);
            }
        }
    }

    /// The certificates of its list that are not its default one.
    pub(super) fn further_certificates(&self) -> impl Iterator<Item = &'r str> {
        let default = self.read.terms.as_ref().and_then(|read| read.certificate.as_ref()?.opaque());
        self.certificate_list.iter().copied().filter(move |arn| Some(*arn) != default)
    }

    /// The ARN of the trust store that it verifies with.
    pub(super) fn trust_store(&self) -> Option<&'r str> {
        match &self.read.terms.as_ref()?.mutual {
            mutual_authentication::Read::Verify { store, .. } => store.as_ref()?.opaque(),
            mutual_authentication::Read::Off | mutual_authentication::Read::Passthrough => None,
        }
    }

    pub(super) fn verifies(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| matches!(terms.mutual, MutualAuthentication::Verify(_)))
    }

    /// Its name and its security policy.
    pub(super) fn policy(&self) -> Option<(&str, &ssl_policy::Read<'r>)> {
        self.read.terms.as_ref().map(|read| (self.resource.id, &read.policy))
    }

    /// The groups that its actions name.
    pub(super) fn groups(&self) -> impl Iterator<Item = GroupId> {
        let actions = self.rules.iter().map(|rule| &rule.action).chain(&self.read.default_action);
        let groups = actions.filter_map(|action| match action {
            Action::Forward(forward) => Some(&forward.groups),
            Action::Redirect(_) | Action::FixedResponse(_) => None,
        });
        groups.flatten().map(|weighted| weighted.group)
    }

    pub(super) fn finish(self, sink: &Sink) -> Option<Listener> {
        let protocol: Protocol = self.read.protocol?;
        let (port, load_balancer, default) = (self.read.port?, self.load_balancer?, self.read.default_action?);
        let rules = match Ruleset::new(self.rules, default) {
            Ok(rules) => rules,
            // What a set of rules checks by itself was checked above, where its place in the file was known.
            Err(_) if sink.has_errors() => return None,
            Err(errors) => {
                for error in errors {
                    sink.error(self.resource.at, format!("{}: {error}", self.resource.id));
                }
                return None;
            }
        };
        let logical_id = self.resource.id.to_owned();
        let (arn, position) = (self.resource.named.arn.clone(), self.resource.at);
        Some(Listener { logical_id, arn, load_balancer, protocol, port, tls: self.terms, rules, position })
    }
}
