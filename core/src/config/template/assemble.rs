//! Joins what the resources say into a configuration: listeners to load balancers, rules to listeners, actions
//! to groups; and holds the whole to the quotas (guide QUO-03 to QUO-05, QUO-07).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::{Cookie, Groups, Where};
use super::functions::Evaluator;
use super::report::quote;
use super::resources::{Resource, Type};
use super::shape::Item;
use super::targets::Family;
use super::{listener, load_balancer, others, rule, target_group};
use crate::config::{Config, Listener, Position, Protocol};
use crate::rules::{Action, GroupId, Rule, Ruleset};

/// Guide QUO-03.
const LISTENERS_PER_LOAD_BALANCER_MAX: usize = 50;

/// Guide QUO-07, without default rules.
const RULES_PER_LOAD_BALANCER_MAX: usize = 100;

/// Guide QUO-04.
const GROUPS_PER_LOAD_BALANCER_MAX: usize = 100;

/// Guide QUO-05.
const TARGETS_PER_LOAD_BALANCER_MAX: usize = 1000;

/// Makes what can be made; every mistake is in the evaluator's sink.
pub(super) fn assemble<'r, 't>(resources: &'r [Resource<'t>], evaluator: &'r Evaluator<'t>) -> Config {
    let mut assembly = Assembly::new(resources, evaluator);
    assembly.read_groups();
    assembly.check_instances();
    assembly.read_load_balancers();
    assembly.read_listeners();
    assembly.read_rules();
    assembly.check_rest();
    assembly.check_quotas();
    assembly.finish()
}

struct Assembly<'r, 't> {
    resources: &'r [Resource<'t>],
    evaluator: &'r Evaluator<'t>,
    groups: Vec<target_group::Read>,
    group_ids: Groups,
    load_balancers: Vec<load_balancer::Read>,
    listeners: Vec<Draft<'r, 't>>,
}

/// A listener that still gathers its rules.
struct Draft<'r, 't> {
    resource: &'r Resource<'t>,
    read: listener::Read<'r>,
    load_balancer: Option<usize>,
    priorities: BTreeMap<u16, String>,
    rules: Vec<Rule>,
    rule_count: usize,
}

impl<'r, 't> Assembly<'r, 't> {
    fn new(resources: &'r [Resource<'t>], evaluator: &'r Evaluator<'t>) -> Assembly<'r, 't> {
        Assembly {
            resources,
            evaluator,
            groups: Vec::new(),
            group_ids: Groups::new(),
            load_balancers: Vec::new(),
            listeners: Vec::new(),
        }
    }

    fn of(&self, kind: Type) -> impl Iterator<Item = (&'r Resource<'t>, Item<'r>)> + use<'r, 't> {
        let sink = self.evaluator.sink;
        let ours = self.resources.iter().filter(move |resource| resource.kind == kind);
        ours.map(move |resource| (resource, Item::new(resource.id, &resource.properties, sink)))
    }

    fn read_groups(&mut self) {
        let mut names = BTreeMap::new();
        for (resource, properties) in self.of(Type::TargetGroup) {
            let read = target_group::read(resource, &properties, self.evaluator);
            self.claim_name(&mut names, resource, "target group");
            let number = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
            let cookie = read.group.attributes.stickiness.as_ref().map(Cookie::of);
            self.group_ids.insert(read.group.arn.clone(), (GroupId(number), cookie));
            self.groups.push(read);
        }
    }

    /// A flag that no target needs is most likely a slip.
    fn check_instances(&self) {
        let targets = || self.groups.iter().flat_map(|read| &read.group.targets);
        for instance in &self.evaluator.inputs.instances {
            if !targets().any(|target| target.id == instance.id) {
                let start = Position { line: 1, column: 1 };
                let message = format!("--instance {}: no target is that instance", quote(&instance.id));
                self.evaluator.sink.warning(start, message);
            }
        }
    }

    fn read_load_balancers(&mut self) {
        let mut names = BTreeMap::new();
        for (resource, properties) in self.of(Type::LoadBalancer) {
            self.load_balancers.push(load_balancer::read(resource, &properties, self.evaluator));
            self.claim_name(&mut names, resource, "load balancer");
        }
    }

    /// Guide LB-01, TG-01: names are unique.
    fn claim_name<'n>(&self, names: &mut BTreeMap<&'n str, &'n str>, resource: &'n Resource<'_>, what: &str) {
        if let Some(other) = names.insert(&resource.named.name, resource.id) {
            let name = quote(&resource.named.name);
            let message = format!("{}: the {what} {other} has the name {name} too", resource.id);
            self.evaluator.sink.error(resource.at, message);
        }
    }

    fn read_listeners(&mut self) {
        let mut ports = BTreeMap::new();
        for (resource, properties) in self.of(Type::Listener) {
            let read = listener::read(&properties, &self.group_ids);
            let load_balancer = read.load_balancer_arn.as_ref().and_then(|arn| self.load_balancer(arn));
            if let (Some(port), Some(item)) = (read.port, &read.port_item)
                && let Some(other) = ports.insert(port, resource.id)
            {
                item.error(&format!("port {port} is the port of the listener {other} already"));
            }
            let (priorities, rules) = (BTreeMap::new(), Vec::new());
            self.listeners.push(Draft { resource, read, load_balancer, priorities, rules, rule_count: 0 });
        }
    }

    fn load_balancer(&self, arn: &Item<'_>) -> Option<usize> {
        arn.must_be_ours("a load balancer")?;
        let text = arn.text()?;
        let found = self.load_balancers.iter().position(|read| read.load_balancer.arn == text);
        if found.is_none() {
            arn.error(&format!("{} is the ARN of no load balancer in this template", quote(text)));
        }
        found
    }

    fn read_rules(&mut self) {
        for (resource, properties) in self.of(Type::ListenerRule) {
            let Some(object) = rule::object(&properties) else {
                continue;
            };
            let number = object.require("ListenerArn").and_then(|arn| self.listener(&arn));
            let draft = number.and_then(|number| self.listeners.get_mut(number));
            let place = Where {
                protocol: draft.as_ref().and_then(|draft| draft.read.protocol),
                port: draft.as_ref().and_then(|draft| draft.read.port),
                groups: &self.group_ids,
            };
            let read = rule::read(&object, &place);
            if let Some(draft) = draft {
                draft.add(resource.id, read);
            }
        }
    }

    fn listener(&self, arn: &Item<'_>) -> Option<usize> {
        arn.must_be_ours("a listener")?;
        let text = arn.text()?;
        let found = self.listeners.iter().position(|draft| draft.resource.named.arn == text);
        if found.is_none() {
            arn.error(&format!("{} is the ARN of no listener in this template", quote(text)));
        }
        found
    }

    fn check_rest(&self) {
        self.of(Type::ListenerCertificate).for_each(|(_, properties)| others::check_listener_certificate(&properties));
        self.of(Type::TrustStore).for_each(|(_, properties)| others::check_trust_store(&properties));
        self.of(Type::TrustStoreRevocation).for_each(|(_, properties)| others::check_revocation(&properties));
    }

    fn check_quotas(&self) {
        let mut owner = BTreeMap::new();
        for (resource, number) in self.of(Type::LoadBalancer).map(|(resource, _)| resource).zip(0..) {
            let listeners: Vec<&Draft<'_, '_>> =
                self.listeners.iter().filter(|draft| draft.load_balancer == Some(number)).collect();
            let groups: BTreeSet<GroupId> = listeners.iter().flat_map(|draft| draft.groups()).collect();
            let targets: usize =
                groups.iter().filter_map(|id| self.group(*id)).map(|read| read.group.targets.len()).sum();
            let rules: usize = listeners.iter().map(|draft| draft.rule_count).sum();
            let limit = |count: usize, most: usize, what: &str| {
                if count > most {
                    let message =
                        format!("{}: a load balancer can have {most} {what}; this one has {count}", resource.id);
                    self.evaluator.sink.error(resource.at, message);
                }
            };
            limit(listeners.len(), LISTENERS_PER_LOAD_BALANCER_MAX, "listeners");
            limit(rules, RULES_PER_LOAD_BALANCER_MAX, "rules");
            limit(groups.len(), GROUPS_PER_LOAD_BALANCER_MAX, "target groups");
            limit(targets, TARGETS_PER_LOAD_BALANCER_MAX, "targets");
            if listeners.is_empty() {
                let message = format!("{}: the load balancer has no listener, so nothing reaches it", resource.id);
                self.evaluator.sink.warning(resource.at, message);
            }
            self.check_groups(resource, number, &groups, &mut owner);
        }
    }

    /// Guide LSN-05 (a group has one load balancer) and IP-06 (IPv6 targets need a dualstack one).
    fn check_groups(
        &self,
        resource: &'r Resource<'t>,
        number: usize,
        groups: &BTreeSet<GroupId>,
        owner: &mut BTreeMap<GroupId, &'r str>,
    ) {
        let dualstack = self.load_balancers.get(number).is_some_and(|read| read.dualstack);
        let zones = self.load_balancers.get(number).and_then(|read| read.load_balancer.zones.as_deref());
        for &id in groups {
            let Some(read) = self.group(id) else { continue };
            if let Some(other) = owner.insert(id, resource.id) {
                let message = format!(
                    "{}: both {other} and {} forward to it; a target group has one load balancer",
                    read.group.logical_id, resource.id
                );
                self.evaluator.sink.error(read.group.position, message);
            }
            self.check_zones(resource, zones, read);
            if read.family == Family::V6 && !dualstack {
                let message = format!(
                    "{}: ipv6 targets need a dualstack load balancer; {} is not one",
                    read.group.logical_id, resource.id
                );
                self.evaluator.sink.error(read.group.position, message);
            }
        }
    }

    /// Guide TG-13: targets in zones that are not enabled get nothing.
    fn check_zones(&self, resource: &Resource<'_>, zones: Option<&[String]>, read: &target_group::Read) {
        let Some(zones) = zones else { return };
        for (target, &place) in read.group.targets.iter().zip(&read.places) {
            if let Some(zone) = target.zone.as_ref().filter(|zone| !zones.contains(zone)) {
                let (group, address) = (&read.group.logical_id, target.address);
                let message = format!(
                    "{group}: target {address} gets no requests: it is in {}, and {} is enabled in {} only",
                    quote(zone),
                    resource.id,
                    zones.join(", ")
                );
                self.evaluator.sink.warning(place, message);
            }
        }
    }

    fn group(&self, id: GroupId) -> Option<&target_group::Read> {
        self.groups.get(usize::try_from(id.0).ok()?)
    }

    /// Listeners with a hole in them are left out; an error says why.
    fn finish(self) -> Config {
        if self.load_balancers.is_empty() {
            let at = Position { line: 1, column: 1 };
            self.evaluator
                .sink
                .warning(at, "the template has no load balancer, so there is nothing to serve".to_owned());
        }
        let sink = self.evaluator.sink;
        let listeners = self.listeners.into_iter().filter_map(|draft| draft.finish(sink)).collect();
        Config {
            load_balancers: self.load_balancers.into_iter().map(|read| read.load_balancer).collect(),
            listeners,
            groups: self.groups.into_iter().map(|read| read.group).collect(),
            departed: Vec::new(),
            state: Arc::default(),
        }
    }
}

impl Draft<'_, '_> {
    fn add(&mut self, id: &str, read: rule::Read<'_>) {
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

    /// The groups that its actions name.
    fn groups(&self) -> impl Iterator<Item = GroupId> {
        let actions = self.rules.iter().map(|rule| &rule.action).chain(&self.read.default_action);
        let groups = actions.filter_map(|action| match action {
            Action::Forward(forward) => Some(&forward.groups),
            Action::Redirect(_) | Action::FixedResponse(_) => None,
        });
        groups.flatten().map(|weighted| weighted.group)
    }

    fn finish(self, sink: &super::report::Sink) -> Option<Listener> {
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
        Some(Listener { logical_id, arn, load_balancer, protocol, port, tls: None, rules, position })
    }
}
