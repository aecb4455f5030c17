//! Joins what the resources say into a configuration: listeners to load balancers, rules to listeners, actions
//! to groups, certificates and trust stores to listeners; and holds the whole to the quotas (guide QUO-02 to QUO-05,
//! QUO-07, MTLS-12).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::{Cookie, Group, Groups, Where};
use super::certificate::Certificates;
use super::draft::Draft;
use super::functions::Evaluator;
use super::report::quote;
use super::resources::{Resource, Type};
use super::shape::Item;
use super::targets::Family;
use super::{listener, load_balancer, mutual_authentication, rule, ssl_policy, target_group, terms, trust_store};
use crate::config::{Config, Position, Protocol, TrustStore};
use crate::rules::GroupId;
use crate::tls::{MutualAuthentication, Terms, Verify};

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
    assembly.read_listeners();
    assembly.read_trust_stores();
    assembly.make_terms();
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
    trust_stores: Vec<TrustStore>,
    listeners: Vec<Draft<'r, 't>>,
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
            trust_stores: Vec::new(),
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
            let version = read.group.protocol_version;
            self.group_ids.insert(read.group.arn.clone(), Group { id: GroupId(number), cookie, version });
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

    fn read_listeners(&mut self) {
        let mut ports = BTreeMap::new();
        for (resource, properties) in self.of(Type::Listener) {
            let read = listener::read(&properties, &self.group_ids, &self.certificates);
            let load_balancer = read.load_balancer_arn.as_ref().and_then(|arn| self.load_balancer(arn));
            if let (Some(port), Some(item)) = (read.port, &read.port_item)
                && let Some(other) = ports.insert(port, resource.id)
            {
                item.error(&format!("port {port} is the port of the listener {other} already"));
            }
            self.listeners.push(Draft::new(resource, read, load_balancer));
        }
    }

    fn read_trust_stores(&mut self) {
        let mut names = BTreeMap::new();
        let mut drafts = trust_store::Drafts::new(self.certificates.keyring());
        for (resource, properties) in self.of(Type::TrustStore) {
            self.claim_name(&mut names, resource, "trust store");
            drafts.add(resource, &properties);
        }
        self.of(Type::TrustStoreRevocation).for_each(|(_, properties)| drafts.revoke(&properties));
        let used = self.listeners.iter().filter_map(Draft::trust_store).collect();
        self.trust_stores = drafts.finish(&used);
    }

    fn make_terms(&mut self) {
        let mut listeners = core::mem::take(&mut self.listeners);
        for draft in &mut listeners {
            draft.terms = draft.read.terms.as_ref().map(|read| self.terms(read));
        }
        self.listeners = listeners;
    }

    /// Terms whose certificate list is empty still.
    fn terms(&mut self, read: &terms::Read<'_>) -> Terms {
        let mutual = match &read.mutual {
            mutual_authentication::Read::Off => MutualAuthentication::Off,
            mutual_authentication::Read::Passthrough => MutualAuthentication::Passthrough,
            mutual_authentication::Read::Verify { store, ignore_expiry, advertise } => {
                let find = |text: &str| self.trust_stores.iter().find(|store| store.arn == text);
                let contents = |arn: &Item<'_>| arn.ours("trust store", find).map(|store| Arc::clone(&store.contents));
                // After an error nobody is trusted.
                let store = store.as_ref().and_then(contents).unwrap_or_default();
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
            let arns = object.require("Certificates").map(|list| self.certificates.arns(&list)).unwrap_or_default();
            let Some(arn) = object.require("ListenerArn") else {
                continue;
            };
            let Some(draft) = self.listener(&arn).and_then(|number| self.listeners.get_mut(number)) else {
                continue;
            };
            match draft.read.protocol {
                Some(Protocol::Http) => arn.error("an HTTP listener has no certificates"),
                _ => draft.add_certificates(&arns, &mut self.certificates),
            }
        }
    }

    fn load_balancer(&self, arn: &Item<'_>) -> Option<usize> {
        let find = |text: &str| self.load_balancers.iter().position(|read| read.load_balancer.arn == text);
        arn.ours("load balancer", find)
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
        arn.ours("listener", find)
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
            trust_stores: self.trust_stores,
            departed: Vec::new(),
            state: Arc::default(),
        }
    }
}
