//! The zones that a load balancer is enabled in (guide TG-13): those of its subnets, where the template has them or a flag
//! gives them. A subnet that nobody knows the zone of makes the zones unknown.

use super::functions::{Evaluator, function_call};
use super::node::{Entry, Node, Value};
use super::values::Kind;
use super::verdict::Verdict;

const SUBNET: &str = "AWS::EC2::Subnet";
const ZONE: &str = "AvailabilityZone";

/// The zones of a load balancer, each once; `None` if one of them is not known.
pub(super) fn enabled<'t>(id: &str, evaluator: &Evaluator<'t>) -> Option<Vec<String>> {
    let properties = evaluator.sections.resources.get(id)?.node.get("Properties")?;
    let (list, is_mapping) = match properties.get("Subnets") {
        Some(list) => (list, false),
        None => (properties.get("SubnetMappings")?, true),
    };
    let mut zones = Vec::new();
    for item in items(list, evaluator)? {
        let subnet = if is_mapping { item.get("SubnetId")? } else { item };
        let zone = zone(chosen(subnet, evaluator)?, evaluator)?;
        if !zones.contains(&zone) {
            zones.push(zone);
        }
    }
    (!zones.is_empty()).then_some(zones)
}

/// What a template says a subnet's zone is, if it says so in plain words.
pub(super) fn written<'t>(entry: &'t Entry, attribute: &str) -> Option<&'t str> {
    let node = zone_node(entry).filter(|_| attribute == ZONE)?;
    node.as_text().filter(|text| !text.contains("{{resolve:"))
}

/// The items of a list, those behind `Fn::If` too; `AWS::NoValue` is none.
fn items<'t>(list: &'t Node, evaluator: &Evaluator<'t>) -> Option<Vec<&'t Node>> {
    let Value::List(items) = &chosen(list, evaluator)?.value else {
        return None;
    };
    let chosen = items.iter().map(|item| chosen(item, evaluator)).collect::<Option<Vec<_>>>()?;
    Some(chosen.into_iter().filter(|item| reference(item) != Some("AWS::NoValue")).collect())
}

/// The node that `Fn::If` chooses, or the node itself.
fn chosen<'t>(node: &'t Node, evaluator: &Evaluator<'t>) -> Option<&'t Node> {
    let mut node = node;
    // Every round goes deeper into a tree of bounded depth.
    while let Some(call) = node.as_map().and_then(function_call).filter(|call| call.key == "Fn::If") {
        let Value::List(arguments) = &call.node.value else { return None };
        let [condition, when_true, when_false] = &arguments[..] else { return None };
        node = match evaluator.condition(condition.at, condition.as_text()?) {
            Verdict::True => when_true,
            Verdict::False => when_false,
            Verdict::Unknown(_) | Verdict::Failed => return None,
        };
    }
    Some(node)
}

/// The zone of a subnet: as `--resolve` says, or as the subnet's resource does.
fn zone<'t>(subnet: &'t Node, evaluator: &Evaluator<'t>) -> Option<String> {
    let own = reference(subnet).and_then(|name| evaluator.sections.resources.get(name).copied());
    let name = match own {
        Some(entry) => entry.key.clone(),
        None => text(subnet, evaluator)?,
    };
    if let Some(zone) = evaluator.resolved(&format!("{name}.{ZONE}")) {
        return Some(zone.to_owned());
    }
    text(zone_node(own?)?, evaluator).filter(|zone| !zone.is_empty())
}

fn zone_node(entry: &Entry) -> Option<&Node> {
    let is_subnet = entry.node.get("Type").and_then(Node::as_text) == Some(SUBNET);
    entry.node.get("Properties").filter(|_| is_subnet)?.get(ZONE)
}

/// The name that `Ref`, or `Fn::GetAtt` of the id, refers to.
fn reference(node: &Node) -> Option<&str> {
    let call = node.as_map().and_then(function_call)?;
    match (call.key.as_str(), &call.node.value) {
        ("Ref", Value::Text(name)) => Some(name),
        ("Fn::GetAtt", Value::Text(path)) => path.strip_suffix(".SubnetId"),
        ("Fn::GetAtt", Value::List(path)) => match &path[..] {
            [name, attribute] if attribute.as_text() == Some("SubnetId") => name.as_text(),
            _ => None,
        },
        _ => None,
    }
}

fn text<'t>(node: &'t Node, evaluator: &Evaluator<'t>) -> Option<String> {
    match evaluator.eval(node).kind {
        Kind::Text(text) => Some(text),
        _ => None,
    }
}
