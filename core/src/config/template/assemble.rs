//! Joins what the resources say into a configuration: listeners to load balancers, rules to listeners, actions
//! to groups, certificates and trust stores to listeners; and holds the whole to the quotas (guide QUO-02 to QUO-05,
//! QUO-07, MTLS-12).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::{Cookie, Groups, Where};
use super::certificate::Certificates;
use super::functions::Evaluator;
use super::report::quote;
use super::resources::{Resource, Type};
use super::shape::Item;
use super::targets::Family;
use super::{listener, load_balancer, mutual_authentication, rule, ssl_policy, target_group, terms, trust_store};
use crate::config::{Config, Listener, Position, Protocol};
use crate::rules::{Action, GroupId, Rule, Ruleset};
use crate::tls::{MutualAuthentication, Terms, TrustStore, Verify};

/// Guide QUO-03.
const LISTENERS_PER_LOAD_BALANCER_MAX: usize = 50;

/// Guide QUO-07, without default rules.
const RULES_PER_LOAD_BALANCER_MAX: usize = 100;

/// Guide QUO-04.
const GROUPS_PER_LOAD_BALANCER_MAX: usize = 100;

/// Guide QUO-05.
const TARGETS_PER_LOAD_BALANCER_MAX: usize = 1000;

/// Guide CERT-12: certificates of a load balancer besides the default ones of its listeners.
const CERTIFICATES_PER_LOAD_BALANCER_MAX: usize = 25;

/// Guide MTLS-12.
const VERIFYING_LISTENERS_PER_LOAD_BALANCER_MAX: usize = 2;

/// Makes what can be made; every mistake is in the evaluator's sink.
pub(super) fn assemble<'r, 't>(resources: &'r [Resource<'t>], evaluator: &'r Evaluator<'t>) -> Config {
    let mut assembly = Assembly::new(resources, evaluator);
    assembly.read_groups();
    assembly.check_instances();
    assembly.read_load_balancers();
    assembly.read_server_certificates();
    assembly.read_trust_stores();
    assembly.read_listeners();
    assembly.read_listener_certificates();
    assembly.read_rules();
    assembly.check_quotas();
    assembly.finish()
}

struct Assembly<'r, 't> {
    resources: &'r [Resource<'t>],
    evaluator: &'r Evaluator<'t>,
    groups: Vec<target_group::Read>,
    group_ids: Groups,
    load_balancers: Vec<load_balancer::Read>,
    certificates: Certificates<'r>,
    /// By ARN.
    trust_stores: BTreeMap<&'r str, Arc<TrustStore>>,
    listeners: Vec<Draft<'r, 't>>,
}

/// A listener that still gathers its rules and certificates.
struct Draft<'r, 't> {
    resource: &'r Resource<'t>,
    read: listener::Read<'r>,
    load_balancer: Option<usize>,
    terms: Option<Terms>,
    /// The ARNs of its certificate list.
    certificate_list: BTreeSet<&'r str>,
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
            certificates: Certificates::new(evaluator.inputs.keyring.as_ref()),
            trust_stores: BTreeMap::new(),
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

    fn read_server_certificates(&mut self) {
        let mut names = BTreeMap::new();
        for (resource, properties) in self.of(Type::ServerCertificate) {
            self.claim_name(&mut names, resource, "server certificate");
            self.certificates.add_own(resource, &properties);
        }
    }

    fn read_trust_stores(&mut self) {
        let keyring = self.certificates.keyring();
        let (mut names, mut drafts) = (BTreeMap::new(), Vec::new());
        for (resource, properties) in self.of(Type::TrustStore) {
            self.claim_name(&mut names, resource, "trust store");
            if drafts.len() == trust_store::STORES_MAX {
                properties.error(&format!("more than {} trust stores", trust_store::STORES_MAX));
            }
            drafts.push(trust_store::read(resource, &properties, keyring));
        }
        for (_, properties) in self.of(Type::TrustStoreRevocation) {
            if let Some((revocation, arn)) = trust_store::revocation(&properties)
                && let Some(draft) =
                    ours(&arn, "a trust store", |text| drafts.iter_mut().find(|draft| draft.arn == text))
            {
                draft.revoke(&revocation, keyring);
            }
        }
        // Those that are too many are not loaded.
        let finish = |(number, draft): (usize, trust_store::Draft<'r>)| {
            (draft.arn, draft.finish(keyring.filter(|_| number < trust_store::STORES_MAX)))
        };
        self.trust_stores = drafts.into_iter().enumerate().map(finish).collect();
    }

    fn read_listeners(&mut self) {
        let mut ports = BTreeMap::new();
        for (resource, properties) in self.of(Type::Listener) {
            let read = listener::read(&properties, &self.group_ids, &self.certificates);
            let terms = read.terms.as_ref().map(|read| self.terms(read));
            let load_balancer = read.load_balancer_arn.as_ref().and_then(|arn| self.load_balancer(arn));
            if let (Some(port), Some(item)) = (read.port, &read.port_item)
                && let Some(other) = ports.insert(port, resource.id)
            {
                item.error(&format!("port {port} is the port of the listener {other} already"));
            }
            self.listeners.push(Draft {
                resource,
                read,
                load_balancer,
                terms,
                certificate_list: BTreeSet::new(),
                priorities: BTreeMap::new(),
                rules: Vec::new(),
                rule_count: 0,
            });
        }
    }

    /// Terms whose certificate list is empty still.
    fn terms(&mut self, read: &terms::Read<'_>) -> Terms {
        let mutual = match &read.mutual {
            mutual_authentication::Read::Off => MutualAuthentication::Off,
            mutual_authentication::Read::Passthrough => MutualAuthentication::Passthrough,
            mutual_authentication::Read::Verify { store, ignore_expiry, advertise } => {
                let find = |text: &str| self.trust_stores.get(text).cloned();
                // After an error nobody is trusted.
                let store = store.as_ref().and_then(|arn| ours(arn, "a trust store", find)).unwrap_or_default();
                let verify = Verify { store, ignore_expiry: *ignore_expiry, advertise: *advertise };
                MutualAuthentication::Verify(Arc::new(verify))
            }
        };
        let default = read.certificate.as_ref().and_then(|arn| self.certificates.load(arn));
        Terms { policy: read.policy.policy, default, list: Vec::new(), mutual }
    }

    /// Guide CERT-01, CERT-04: further certificates of a listener; its default one may be among them.
    fn read_listener_certificates(&mut self) {
        for (_, properties) in self.of(Type::ListenerCertificate) {
            let Some(object) = properties.object(&["Certificates", "ListenerArn"]) else {
                continue;
            };
            let listener = object.require("ListenerArn");
            let number = listener.as_ref().and_then(|arn| self.listener(arn));
            let Some(list) = object.require("Certificates") else {
                continue;
            };
            let Some(draft) = number.and_then(|number| self.listeners.get_mut(number)) else {
                continue;
            };
            if let (Some(Protocol::Http), Some(arn)) = (draft.read.protocol, &listener) {
                arn.error("an HTTP listener has no certificates");
            }
            if list.unknown().is_none() || self.certificates.keyring().is_some() {
                draft.add_certificates(&list, &mut self.certificates);
            }
        }
    }

    fn load_balancer(&self, arn: &Item<'_>) -> Option<usize> {
        let find = |text: &str| self.load_balancers.iter().position(|read| read.load_balancer.arn == text);
        ours(arn, "a load balancer", find)
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
        let find = |text: &str| self.listeners.iter().position(|draft| draft.resource.named.arn == text);
        ours(arn, "a listener", find)
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
            let certificates: BTreeSet<&str> =
                listeners.iter().flat_map(|draft| draft.further_certificates()).collect();
            let verifying = listeners.iter().filter(|draft| draft.verifies()).count();
            limit(certificates.len(), CERTIFICATES_PER_LOAD_BALANCER_MAX, "certificates besides default ones");
            limit(verifying, VERIFYING_LISTENERS_PER_LOAD_BALANCER_MAX, "listeners that verify client certificates");
            ssl_policy::check_mixture(listeners.iter().filter_map(|draft| draft.policy()));
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

impl<'r> Draft<'r, '_> {
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

    /// Adds to its list what is not there yet.
    fn add_certificates(&mut self, list: &Item<'r>, certificates: &mut Certificates<'r>) {
        for arn in certificates.arns(list) {
            let Some(text) = arn.opaque() else { continue };
            if !self.certificate_list.insert(text) {
                arn.warning("the certificate is in the list of this listener already");
            } else if let (Some(identity), Some(terms)) = (certificates.load(&arn), &mut self.terms) {
                terms.list.push(identity);
            }
        }
    }

    /// The certificates of its list that are not its default one.
    fn further_certificates(&self) -> impl Iterator<Item = &'r str> {
        let default = self.read.terms.as_ref().and_then(|read| read.certificate.as_ref()?.opaque());
        self.certificate_list.iter().copied().filter(move |arn| Some(*arn) != default)
    }

    fn verifies(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| matches!(terms.mutual, MutualAuthentication::Verify(_)))
    }

    /// Its name and its security policy.
    fn policy(&self) -> Option<(&str, &ssl_policy::Read<'r>)> {
        self.read.terms.as_ref().map(|read| (self.resource.id, &read.policy))
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
        Some(Listener { logical_id, arn, load_balancer, protocol, port, tls: self.terms, rules, position })
    }
}

/// What an ARN names, if it is something of this template.
fn ours<T>(arn: &Item<'_>, what: &str, find: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    arn.must_be_ours(what)?;
    let text = arn.text()?;
    let found = find(text);
    if found.is_none() {
        let what = what.trim_start_matches("a ");
        arn.error(&format!("{} is the ARN of no {what} in this template", quote(text)));
    }
    found
}
