//! Resources: which are ours, what they are called, and what `Ref` and `Fn::GetAtt` give for them. Foreign
//! resources are skipped, and stand for what `--resolve` says.

use std::collections::{BTreeMap, BTreeSet};

use super::functions::Evaluator;
use super::node::{Entry, Node};
use super::report::quote;
use super::spelling::suggestion;
use super::values::{Kind, Resolved};
use super::verdict::Verdict;
use super::{Instance, zones};
use crate::config::Position;

const PREFIX: &str = "AWS::ElasticLoadBalancingV2::";

/// The one type of another service that is read: the certificate itself stands in the template.
const SERVER_CERTIFICATE: &str = "AWS::IAM::ServerCertificate";

/// A foreign type, but what `Ref` gives for it is a certificate's ARN, and a certificate is found by its ARN's last part.
const CERTIFICATE: &str = "AWS::CertificateManager::Certificate";

/// The resource types that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    LoadBalancer,
    Listener,
    ListenerRule,
    ListenerCertificate,
    TargetGroup,
    TrustStore,
    TrustStoreRevocation,
    ServerCertificate,
}

impl Type {
    const ALL: [(&'static str, Type); 7] = [
        ("LoadBalancer", Type::LoadBalancer),
        ("Listener", Type::Listener),
        ("ListenerRule", Type::ListenerRule),
        ("ListenerCertificate", Type::ListenerCertificate),
        ("TargetGroup", Type::TargetGroup),
        ("TrustStore", Type::TrustStore),
        ("TrustStoreRevocation", Type::TrustStoreRevocation),
    ];

    fn of(entry: &Entry) -> Option<Type> {
        let name = entry.node.get("Type")?.as_text()?;
        if name == SERVER_CERTIFICATE {
            return Some(Type::ServerCertificate);
        }
        let name = name.strip_prefix(PREFIX)?;
        Type::ALL.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

/// One of our resources, with its properties computed.
pub(super) struct Resource<'t> {
    pub(super) id: &'t str,
    pub(super) at: Position,
    pub(super) kind: Type,
    pub(super) named: Named,
    pub(super) properties: Resolved,
}

/// What a resource is called.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) dns_name: String,
}

/// Every resource of ours that its condition lets exist, in template order.
pub(super) fn collect<'t>(evaluator: &Evaluator<'t>) -> Vec<Resource<'t>> {
    let resources = evaluator.sections.resource_order.iter().filter_map(|entry| evaluator.resource(entry)).collect();
    evaluator.refuse_circles();
    resources
}

impl<'t> Evaluator<'t> {
    fn resource(&self, entry: &'t Entry) -> Option<Resource<'t>> {
        let kind = self.check_type(entry)?;
        for part in entry.node.as_map().unwrap_or_default() {
            if !PARTS.contains(&part.key.as_str()) {
                let hint = suggestion(&part.key, PARTS);
                self.sink.error(part.at, format!("{}: a resource has no {}{hint}", entry.key, quote(&part.key)));
            }
        }
        self.reading.set(Some(&entry.key));
        let exists = self.exists(entry);
        if exists != Some(true) {
            self.reading.set(None);
            return None;
        }
        let properties = match entry.node.get("Properties") {
            Some(properties) if properties.value != super::node::Value::Null => self.eval(properties),
            _ => Resolved { at: entry.at, kind: Kind::Map(Vec::new()) },
        };
        let named = self.named(entry, kind);
        self.reading.set(None);
        Some(Resource { id: &entry.key, at: entry.at, kind, named, properties })
    }

    /// The type, if it is one of ours; a foreign type is no error.
    fn check_type(&self, entry: &'t Entry) -> Option<Type> {
        let Some(type_node) = entry.node.get("Type") else {
            // `Fn::ForEach::Name` stands among the resources and is none.
            if !entry.key.starts_with("Fn::") {
                self.sink.error(entry.at, format!("{}: the resource has no Type", entry.key));
            } else {
                self.sink.error(entry.at, format!("{}: macros are not run", quote(&entry.key)));
            }
            return None;
        };
        let kind = Type::of(entry);
        let name = type_node.as_text().unwrap_or_default();
        if let (None, Some(ours)) = (kind, name.strip_prefix(PREFIX)) {
            let hint = suggestion(ours, Type::ALL.iter().map(|(known, _)| *known));
            self.sink.error(type_node.at, format!("{}: there is no type {}{hint}", entry.key, quote(name)));
        }
        kind
    }

    /// Whether the resource's condition lets it exist; `None` after an error.
    fn exists(&self, entry: &'t Entry) -> Option<bool> {
        let Some(condition) = entry.node.get("Condition") else {
            return Some(true);
        };
        let Some(name) = condition.as_text() else {
            self.sink.error(condition.at, format!("{}: Condition takes the name of a condition", entry.key));
            return None;
        };
        match self.condition(condition.at, name) {
            Verdict::True => Some(true),
            Verdict::False => Some(false),
            Verdict::Failed => None,
            Verdict::Unknown(hint) => {
                self.sink.error(condition.at, format!("{}: condition {name} needs {hint}", entry.key));
                None
            }
        }
    }

    /// What `Ref` gives for a resource.
    pub(super) fn refer_resource(&self, at: Position, entry: &'t Entry) -> Resolved {
        let name = entry.key.as_str();
        match self.referable(at, entry) {
            Referable::Ours(Type::ServerCertificate) => {
                self.charged(Resolved::text(at, self.named(entry, Type::ServerCertificate).name))
            }
            Referable::Ours(kind) => self.charged(Resolved::text(at, self.named(entry, kind).arn)),
            Referable::Foreign => match self.resolved(name) {
                Some(value) => self.charged(Resolved::text(at, value)),
                // Whoever says where it is need not say its id.
                None if self.instance(name).is_some() => self.charged(Resolved::text(at, name)),
                None if is_certificate(entry) => {
                    self.charged(Resolved::text(at, self.identity().certificate_arn(name)))
                }
                None => Resolved::unknown(at, unknown_resource(entry)),
            },
            Referable::No(kind) => Resolved { at, kind },
        }
    }

    /// What `Fn::GetAtt` gives for a resource.
    pub(super) fn attribute_of(&self, at: Position, entry: &'t Entry, attribute: &str) -> Resolved {
        let name = entry.key.as_str();
        let path = format!("{name}.{attribute}");
        match self.referable(at, entry) {
            Referable::Ours(kind) => self.own_attribute(at, entry, kind, attribute),
            Referable::Foreign => match self.resolved(&path).or_else(|| zones::written(entry, attribute)) {
                Some(value) => self.charged(Resolved::text(at, value)),
                None => Resolved::unknown(at, format!("{path}; say what it is with --resolve {path}=VALUE")),
            },
            Referable::No(kind) => Resolved { at, kind },
        }
    }

    fn own_attribute(&self, at: Position, entry: &'t Entry, kind: Type, attribute: &str) -> Resolved {
        let named = self.named(entry, kind);
        let after = |mark: &str| named.arn.split_once(mark).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        let text = match (kind, attribute) {
            (Type::LoadBalancer, "LoadBalancerArn")
            | (Type::Listener, "ListenerArn")
            | (Type::ListenerRule, "RuleArn")
            | (Type::TargetGroup, "TargetGroupArn")
            | (Type::TrustStore, "TrustStoreArn") => named.arn,
            (Type::ServerCertificate, "Arn") => named.arn,
            (Type::LoadBalancer, "DNSName") => named.dns_name,
            (Type::LoadBalancer, "LoadBalancerName") | (Type::TargetGroup, "TargetGroupName") => named.name,
            (Type::LoadBalancer, "LoadBalancerFullName") => after("loadbalancer/"),
            (Type::TargetGroup, "TargetGroupFullName") => {
                format!("targetgroup/{}", after("targetgroup/"))
            }
            (Type::ListenerRule, "IsDefault") => "false".to_owned(),
            (Type::LoadBalancer, "CanonicalHostedZoneID")
            | (Type::ListenerCertificate, "Id")
            | (Type::TargetGroup, "LoadBalancerArns")
            | (Type::TrustStore, "Status" | "NumberOfCaCertificates")
            | (Type::TrustStoreRevocation, "RevocationId" | "TrustStoreRevocations") => {
                return Resolved::unknown(at, format!("{}.{attribute}, which has no meaning here", entry.key));
            }
            _ => {
                return self.fail(at, format!("{} has no attribute {}", entry.key, quote(attribute)));
            }
        };
        self.charged(Resolved::text(at, text))
    }

    fn referable(&self, at: Position, entry: &'t Entry) -> Referable {
        let Some(kind) = Type::of(entry) else {
            return Referable::Foreign;
        };
        if let Some(from) = self.reading.get() {
            self.references.borrow_mut().push((from, &entry.key, at));
        }
        match self.exists(entry) {
            Some(true) => Referable::Ours(kind),
            None => Referable::No(Kind::Failed),
            Some(false) => {
                let problem = format!("{} does not exist, because its condition is false", entry.key);
                Referable::No(self.fail(at, problem).kind)
            }
        }
    }

    /// What `--resolve` says a name stands for.
    pub(super) fn resolved(&self, name: &str) -> Option<&'t str> {
        self.inputs.resolve.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Where `--instance` says that an instance is.
    pub(super) fn instance(&self, id: &str) -> Option<&'t Instance> {
        self.inputs.instances.iter().rfind(|instance| instance.id == id)
    }

    /// The names of one of our resources; they follow from its properties, so a circle is possible.
    fn named(&self, entry: &'t Entry, kind: Type) -> Named {
        let id = entry.key.as_str();
        let known = self.names.borrow().get(id).cloned();
        match known {
            Some(Some(named)) => return named,
            // A circle; `refuse_circles` says so.
            Some(None) => return Named::default(),
            None => {}
        }
        self.names.borrow_mut().insert(id, None);
        let reader = self.reading.replace(Some(id));
        let named = self.nested(entry.at, Named::default(), || self.make_names(entry, kind));
        self.reading.set(reader);
        self.names.borrow_mut().insert(id, Some(named.clone()));
        named
    }

    fn make_names(&self, entry: &'t Entry, kind: Type) -> Named {
        let identity = self.identity();
        let id = entry.key.as_str();
        let property = |name: &str| self.property(entry, name);
        let name = || property("Name").unwrap_or_else(|| identity.generated_name(id));
        match kind {
            Type::LoadBalancer => {
                let name = name();
                let internal = property("Scheme").as_deref() == Some("internal");
                let dns_name = identity.dns_name(id, &name, internal);
                Named { arn: identity.load_balancer_arn(id, &name), dns_name, name }
            }
            Type::TargetGroup => {
                let name = name();
                Named { arn: identity.group_arn(id, &name), name, ..Named::default() }
            }
            Type::TrustStore => {
                let name = name();
                Named { arn: identity.trust_store_arn(id, &name), name, ..Named::default() }
            }
            Type::ServerCertificate => {
                let name = property("ServerCertificateName").unwrap_or_else(|| identity.generated_name(id));
                let path = property("Path").unwrap_or_else(|| "/".to_owned());
                Named { arn: identity.server_certificate_arn(&path, &name), name, ..Named::default() }
            }
            Type::Listener => {
                let parent = property("LoadBalancerArn").unwrap_or_default();
                Named { arn: identity.listener_arn(id, &parent), ..Named::default() }
            }
            Type::ListenerRule => {
                let parent = property("ListenerArn").unwrap_or_default();
                Named { arn: identity.rule_arn(id, &parent), ..Named::default() }
            }
            Type::ListenerCertificate | Type::TrustStoreRevocation => Named { arn: id.to_owned(), ..Named::default() },
        }
    }

    fn property(&self, entry: &'t Entry, name: &str) -> Option<String> {
        let node: &'t Node = entry.node.get("Properties")?.get(name)?;
        match self.eval(node).kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Resources that need each other cannot be made in any order. Takes away resources that need nothing that
    /// is left, until nothing changes; what then remains is in a circle or needs one, and the same the other
    /// way round leaves only the circles and what lies between them.
    fn refuse_circles(&self) {
        let references = self.references.borrow();
        let needing = remaining(references.iter().map(|(from, to, _)| (*from, *to)));
        let needed = remaining(references.iter().map(|(from, to, _)| (*to, *from)));
        let circular = |id: &str| needing.contains(id) && needed.contains(id);
        for (from, to, at) in references.iter().filter(|(from, to, _)| circular(from) && circular(to)) {
            self.sink.error(*at, format!("{from} and {to} refer to each other in a circle"));
        }
    }
}

/// What is left of the nodes of a graph when those without outgoing edges are taken away again and again.
fn remaining<'t>(edges: impl Iterator<Item = (&'t str, &'t str)>) -> BTreeSet<&'t str> {
    let mut outgoing: BTreeMap<&str, usize> = BTreeMap::new();
    let mut incoming: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in edges {
        *outgoing.entry(from).or_default() += 1;
        outgoing.entry(to).or_default();
        incoming.entry(to).or_default().push(from);
    }
    let mut done: Vec<&str> = outgoing.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
    while let Some(id) = done.pop() {
        outgoing.remove(id);
        for from in incoming.remove(id).unwrap_or_default() {
            if let Some(count) = outgoing.get_mut(from) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    done.push(from);
                }
            }
        }
    }
    outgoing.into_keys().collect()
}

fn is_certificate(entry: &Entry) -> bool {
    entry.node.get("Type").and_then(Node::as_text) == Some(CERTIFICATE)
}

/// What `Ref` of a foreign resource is, and which flag gives it.
fn unknown_resource(entry: &Entry) -> String {
    let name = &entry.key;
    let instance = match entry.node.get("Type").and_then(Node::as_text) {
        Some("AWS::EC2::Instance") => format!("where it is with --instance {name}=ADDR[:PORT], or "),
        _ => String::new(),
    };
    format!("the resource {name}; say {instance}what it is with --resolve {name}=VALUE")
}

/// What may be said about a resource that something refers to.
enum Referable {
    Ours(Type),
    Foreign,
    No(Kind),
}

const PARTS: [&str; 10] = [
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Description",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];
