//! Actions of rules and listeners (guide ACT-*, RULE-04, RULE-05): in their order, one routing action at the end.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::redirect;
use super::report::quote;
use super::shape::{Item, Object};
use crate::config::{Protocol, ProtocolVersion};
use crate::rules::{Action, FixedResponse, Forward, GroupId, WeightedGroup};
use crate::target::Stickiness;

/// Guide QUO-04, ACT-05: groups of one forward action.
const GROUPS_PER_ACTION_MAX: usize = 5;

/// Bytes of a fixed response's body (`wire.md` W13).
const BODY_LEN_MAX: usize = 1024;

/// The content types a fixed response may have (`wire.md` W13).
const CONTENT_TYPES: &[&str] = &["text/plain", "text/css", "text/html", "application/javascript", "application/json"];

const TYPES: &[&str] =
    &["forward", "redirect", "fixed-response", "authenticate-oidc", "authenticate-cognito", "jwt-validation"];

const KNOWN: &[&str] = &[
    "AuthenticateCognitoConfig",
    "AuthenticateOidcConfig",
    "FixedResponseConfig",
    "ForwardConfig",
    "JwtValidationConfig",
    "Order",
    "RedirectConfig",
    "TargetGroupArn",
    "Type",
];

/// Where an action stands: what its listener speaks, as far as that could be read, and the groups it may name.
pub(super) struct Where<'g> {
    pub(super) protocol: Option<Protocol>,
    pub(super) port: Option<u16>,
    pub(super) groups: &'g Groups,
}

/// The target groups of the template by ARN.
pub(super) type Groups = BTreeMap<String, Group>;

/// What actions must know of a target group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) id: GroupId,
    /// The cookie that its targets are sticky by.
    pub(super) cookie: Option<Cookie>,
    pub(super) version: ProtocolVersion,
}

/// Whose cookie makes the targets of a group sticky.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    LoadBalancer,
    Application,
}

impl Cookie {
    pub(super) fn of(stickiness: &Stickiness) -> Cookie {
        match stickiness {
            Stickiness::LoadBalancerCookie { .. } => Cookie::LoadBalancer,
            Stickiness::ApplicationCookie { .. } => Cookie::Application,
        }
    }
}

/// The routing action of a list of actions; `None` after an error.
pub(super) fn read_all(list: &Item<'_>, place: &Where<'_>) -> Option<Action> {
    let items = list.items();
    let mut actions: Vec<Read<'_>> = items.iter().filter_map(|item| read(item, place)).collect();
    if actions.len() != items.len() {
        return None;
    }
    check_forward_alone(&actions, place);
    if actions.iter().any(|action| !action.supported) {
        return None;
    }
    check_orders(&actions);
    actions.sort_by_key(|action| action.order);
    let Some(last) = actions.pop() else {
        if list.unknown().is_none() {
            list.error("exactly one of forward, redirect and fixed-response is needed");
        }
        return None;
    };
    for other in &actions {
        other.item.error("a list of actions has exactly one of forward, redirect and fixed-response, as its last");
    }
    last.action
}

/// An action of a list.
struct Read<'v> {
    item: Item<'v>,
    order: u32,
    written: bool,
    supported: bool,
    action: Option<Action>,
}

/// Guide RULE-06: `forward` to targets that speak HTTP/2 or gRPC is the only action of its rule.
fn check_forward_alone(actions: &[Read<'_>], place: &Where<'_>) {
    let newer = |group: &WeightedGroup| {
        let known = place.groups.values().find(|known| known.id == group.group)?;
        Some(known.version).filter(|version| *version != ProtocolVersion::Http1)
    };
    let mut forwards = actions.iter().filter_map(|read| match &read.action {
        Some(Action::Forward(forward)) => forward.groups.iter().find_map(newer),
        _ => None,
    });
    if let Some(version) = forwards.next_back() {
        let forward = |read: &&Read<'_>| matches!(read.action, Some(Action::Forward(_)));
        for other in actions.iter().filter(|read| !forward(read)) {
            let version = version.name();
            other.item.error(&format!("a rule that forwards to {version} targets has no other action than forward"));
        }
    }
}

/// Each place in the order is taken once.
fn check_orders(actions: &[Read<'_>]) {
    let mut orders = BTreeSet::new();
    for action in actions.iter().filter(|action| action.written) {
        if !orders.insert(action.order) {
            action.item.error(&format!("another action has the order {} too", action.order));
        }
    }
}

fn read<'v>(item: &Item<'v>, place: &Where<'_>) -> Option<Read<'v>> {
    let object = item.object(KNOWN)?;
    let order = object.get("Order").map(|order| order.number(1..=50_000));
    let kind_item = object.require("Type")?;
    let kind = kind_item.one_of(TYPES)?;
    refuse_other_configs(&object, kind);
    let action = match kind {
        "forward" => forward(&object, place).map(Action::Forward),
        "redirect" => {
            object.require("RedirectConfig").and_then(|config| redirect::read(&config, place)).map(Action::Redirect)
        }
        "fixed-response" => {
            object.require("FixedResponseConfig").and_then(|config| fixed(&config)).map(Action::FixedResponse)
        }
        _ => {
            kind_item.error(&format!("{kind} actions are not supported yet"));
            None
        }
    };
    let (written, supported) = (order.is_some(), matches!(kind, "forward" | "redirect" | "fixed-response"));
    Some(Read { item: item.clone(), order: order.flatten().unwrap_or(u32::MAX), written, supported, action })
}

fn refuse_other_configs(object: &Object<'_>, kind: &str) {
    let own: &[&str] = match kind {
        "forward" => &["ForwardConfig", "TargetGroupArn"],
        "redirect" => &["RedirectConfig"],
        "fixed-response" => &["FixedResponseConfig"],
        "authenticate-oidc" => &["AuthenticateOidcConfig"],
        "authenticate-cognito" => &["AuthenticateCognitoConfig"],
        _ => &["JwtValidationConfig"],
    };
    for name in KNOWN.iter().filter(|name| !matches!(**name, "Order" | "Type") && !own.contains(name)) {
        if let Some(item) = object.get(name) {
            item.error(&format!("does not belong to a {kind} action"));
        }
    }
}

fn forward(object: &Object<'_>, place: &Where<'_>) -> Option<Forward> {
    let short = object.get("TargetGroupArn");
    let Some(config) = object.get("ForwardConfig") else {
        let Some(arn) = short else {
            object.error("a forward action needs TargetGroupArn or ForwardConfig");
            return None;
        };
        let group = group(&arn, place)?.id;
        return Some(Forward { groups: vec![WeightedGroup { group, weight: 1 }], stickiness: None });
    };
    let (groups, stickiness) = forward_config(&config, place).unzip();
    if let Some(arn) = short {
        let named = group(&arn, place)?.id;
        let same = groups.as_ref().is_none_or(|groups| matches!(&groups[..], [only] if only.group == named));
        if !same {
            arn.error("ForwardConfig is there too, and does not name this group alone");
        }
    }
    Some(Forward { groups: groups?, stickiness: stickiness? })
}

fn forward_config(config: &Item<'_>, place: &Where<'_>) -> Option<(Vec<WeightedGroup>, Option<Duration>)> {
    let config = config.object(&["TargetGroupStickinessConfig", "TargetGroups"])?;
    let sticky = stickiness(&config);
    let list = config.require("TargetGroups")?;
    let items = list.items();
    if items.is_empty() && list.unknown().is_none() {
        list.error("a forward action needs at least one target group");
    }
    if let Some(first_too_many) = items.get(GROUPS_PER_ACTION_MAX) {
        first_too_many.error(&format!("a forward action can name {GROUPS_PER_ACTION_MAX} target groups"));
    }
    let mut seen = BTreeSet::new();
    let mut groups = Vec::new();
    let mut versions = BTreeSet::new();
    for item in &items {
        let Some((weighted, Group { cookie, version, .. })) = weighted(item, place) else {
            continue;
        };
        versions.insert(version.name());
        if !seen.insert(weighted.group) {
            item.error("this forward action names the group twice");
        }
        if items.len() > 1 {
            check_cookie(item, cookie, sticky);
        }
        groups.push(weighted);
    }
    if !groups.is_empty() && groups.iter().all(|group| group.weight == 0) {
        list.warning("every weight is 0: no request can be forwarded");
    }
    if versions.len() > 1 {
        list.warning(
            "the groups differ in ProtocolVersion: the same request is served by one and gets a 464 from another",
        );
    }
    (groups.len() == items.len() && !groups.is_empty()).then_some((groups, sticky))
}

/// What it takes that targets stay sticky behind a choice of groups (guide ACT-09, STK-18).
fn check_cookie(item: &Item<'_>, cookie: Option<Cookie>, sticky: Option<Duration>) {
    if cookie.is_some() && sticky.is_none() {
        item.error("its targets are sticky, so TargetGroupStickinessConfig must be enabled");
    } else if cookie == Some(Cookie::Application) {
        item.warning(
            "its targets are sticky by an application's cookie, which does not work with several target groups",
        );
    }
}

/// For how long requests stay with the group they first got (guide ACT-10).
fn stickiness(config: &Object<'_>) -> Option<Duration> {
    let object = config.get("TargetGroupStickinessConfig")?.object(&["DurationSeconds", "Enabled"])?;
    let enabled = object.get("Enabled").and_then(|item| item.boolean()).unwrap_or(false);
    let duration = object.get("DurationSeconds").map(|duration| duration.number(1..=604_800));
    if enabled && duration.is_none() {
        object.error("DurationSeconds is missing");
    }
    // After an error any duration will do.
    let seconds = duration.flatten().unwrap_or(1);
    enabled.then(|| Duration::from_secs(seconds.into()))
}

/// A group with its weight, 0 to 999 (guide ACT-04).
fn weighted(item: &Item<'_>, place: &Where<'_>) -> Option<(WeightedGroup, Group)> {
    let object = item.object(&["TargetGroupArn", "Weight"])?;
    let weight = object.get("Weight").map_or(Some(1), |weight| weight.number(0..=999));
    let group = group(&object.require("TargetGroupArn")?, place)?;
    Some((WeightedGroup { group: group.id, weight: u16::try_from(weight?).ok()? }, group))
}

/// Guide PV-06: HTTP/2 comes by HTTPS listeners alone, so nothing on others could be forwarded to targets that speak it.
fn group(arn: &Item<'_>, place: &Where<'_>) -> Option<Group> {
    let group = arn.ours("target group", |text| place.groups.get(text).copied())?;
    if group.version != ProtocolVersion::Http1 && place.protocol == Some(Protocol::Http) {
        let version = group.version.name();
        arn.error(&format!(
            "its ProtocolVersion is {version}, and only HTTPS listeners forward to such targets; make the listener \
             HTTPS, or the group HTTP1"
        ));
    }
    Some(group)
}

/// Guide ACT-01, ACT-02.
fn fixed(item: &Item<'_>) -> Option<FixedResponse> {
    let object = item.object(&["ContentType", "MessageBody", "StatusCode"])?;
    let status = object.require("StatusCode").and_then(|item| fixed_status(&item));
    let content_type = match object.get("ContentType") {
        Some(item) => Some(item.one_of(CONTENT_TYPES)?.to_owned()),
        None => None,
    };
    let body = match object.get("MessageBody") {
        Some(item) => fixed_body(&item)?,
        None => String::new(),
    };
    Some(FixedResponse { status: status?, content_type, body })
}

fn fixed_status(item: &Item<'_>) -> Option<u16> {
    let text = item.text()?;
    let three_digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let status = text.parse().ok().filter(|status| three_digits && matches!(status, 200..=299 | 400..=599));
    if status.is_none() {
        item.error(&format!("{} is no status from 200 to 299 or 400 to 599", quote(text)));
    }
    status
}

fn fixed_body(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    if text.len() > BODY_LEN_MAX {
        item.error(&format!("has {} bytes; at most {BODY_LEN_MAX} are allowed", text.len()));
        return None;
    }
    Some(text.to_owned())
}
