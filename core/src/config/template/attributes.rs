//! Attributes: lists of `Key` and `Value` on load balancers, target groups and listeners. One table says for
//! each key of each kind which values it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::report::quote;
use super::shape::Item;
use super::spelling::suggestion;

/// What values a key takes.
#[derive(Clone, Copy)]
pub(super) enum Takes {
    /// `true` or `false`.
    Boolean,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A whole number in a range.
    Number(u32, u32),
    /// 0, or a whole number in a range.
    ZeroOr(u32, u32),
    /// `off`, or a whole number in a range.
    OffOr(u32, u32),
    /// Any text of at most 1,024 characters.
    Text,
    /// The name of a cookie that is not the load balancer's own (guide STK-04).
    CookieName,
}

/// A table row: the key, what it takes, and the value that changes nothing, for keys that are only stored.
pub(super) struct Known {
    key: &'static str,
    takes: Takes,
    /// `None`: this build does what the attribute says. `Some(default)`: it does not, and any other value is
    /// worth a warning.
    unserved: Option<&'static str>,
}

const fn served(key: &'static str, takes: Takes) -> Known {
    Known { key, takes, unserved: None }
}

const fn stored(key: &'static str, takes: Takes, default: &'static str) -> Known {
    Known { key, takes, unserved: Some(default) }
}

/// Guide LB-08 to LB-22, and the keys that came later.
pub(super) const LOAD_BALANCER: &[Known] = &[
    served("deletion_protection.enabled", Takes::Boolean),
    served("load_balancing.cross_zone.enabled", Takes::OneOf(&["true"])),
    stored("access_logs.s3.enabled", Takes::Boolean, "false"),
    served("access_logs.s3.bucket", Takes::Text),
    served("access_logs.s3.prefix", Takes::Text),
    stored("connection_logs.s3.enabled", Takes::Boolean, "false"),
    served("connection_logs.s3.bucket", Takes::Text),
    served("connection_logs.s3.prefix", Takes::Text),
    stored("health_check_logs.s3.enabled", Takes::Boolean, "false"),
    served("health_check_logs.s3.bucket", Takes::Text),
    served("health_check_logs.s3.prefix", Takes::Text),
    served("ipv6.deny_all_igw_traffic", Takes::Boolean),
    served("zonal_shift.config.enabled", Takes::Boolean),
    served("idle_timeout.timeout_seconds", Takes::Number(1, 4000)),
    served("client_keep_alive.seconds", Takes::Number(60, 604_800)),
    served("routing.http.desync_mitigation_mode", Takes::OneOf(&["monitor", "defensive", "strictest"])),
    served("routing.http.drop_invalid_header_fields.enabled", Takes::Boolean),
    served("routing.http.preserve_host_header.enabled", Takes::Boolean),
    served("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", Takes::Boolean),
    served("routing.http.xff_client_port.enabled", Takes::Boolean),
    served("routing.http.xff_header_processing.mode", Takes::OneOf(&["append", "preserve", "remove"])),
    served("routing.http2.enabled", Takes::Boolean),
    served("waf.fail_open.enabled", Takes::Boolean),
];

/// Keys that other kinds of load balancers have.
pub(super) const NOT_APPLICATION: &[&str] =
    &["dns_record.client_routing_policy", "secondary_ips.auto_assigned.per_subnet"];

/// The attributes of target groups with `instance` or `ip` targets, and of lambda groups.
pub(super) const TARGET_GROUP: &[Known] = &[
    served("deregistration_delay.timeout_seconds", Takes::Number(0, 3600)),
    served("stickiness.enabled", Takes::Boolean),
    served("stickiness.type", Takes::OneOf(&["lb_cookie", "app_cookie"])),
    served("stickiness.lb_cookie.duration_seconds", Takes::Number(1, 604_800)),
    served("stickiness.app_cookie.cookie_name", Takes::CookieName),
    served("stickiness.app_cookie.duration_seconds", Takes::Number(1, 604_800)),
    served("load_balancing.cross_zone.enabled", Takes::OneOf(&["true", "false", "use_load_balancer_configuration"])),
    served(
        "load_balancing.algorithm.type",
        Takes::OneOf(&["round_robin", "least_outstanding_requests", "weighted_random"]),
    ),
    served("load_balancing.algorithm.anomaly_mitigation", Takes::OneOf(&["on", "off"])),
    served("slow_start.duration_seconds", Takes::ZeroOr(30, 900)),
    served("target_group_health.dns_failover.minimum_healthy_targets.count", Takes::OffOr(1, TARGETS_MAX)),
    served("target_group_health.dns_failover.minimum_healthy_targets.percentage", Takes::OffOr(1, 100)),
    served("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", Takes::Number(1, TARGETS_MAX)),
    served("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", Takes::OffOr(1, 100)),
    served("lambda.multi_value_headers.enabled", Takes::Boolean),
];

/// Guide QUO-05: targets of a group.
const TARGETS_MAX: u32 = 1000;

const fn header(key: &'static str) -> Known {
    stored(key, Takes::Text, "")
}

/// The attributes of listeners.
pub(super) const LISTENER: &[Known] = &[
    header("routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name"),
    header("routing.http.request.x_amzn_mtls_clientcert_issuer.header_name"),
    header("routing.http.request.x_amzn_mtls_clientcert_subject.header_name"),
    header("routing.http.request.x_amzn_mtls_clientcert_validity.header_name"),
    header("routing.http.request.x_amzn_mtls_clientcert_leaf.header_name"),
    header("routing.http.request.x_amzn_mtls_clientcert.header_name"),
    header("routing.http.request.x_amzn_tls_version.header_name"),
    header("routing.http.request.x_amzn_tls_cipher_suite.header_name"),
    stored("routing.http.response.server.enabled", Takes::Boolean, "true"),
    header("routing.http.response.strict_transport_security.header_value"),
    header("routing.http.response.access_control_allow_origin.header_value"),
    header("routing.http.response.access_control_allow_methods.header_value"),
    header("routing.http.response.access_control_allow_headers.header_value"),
    header("routing.http.response.access_control_allow_credentials.header_value"),
    header("routing.http.response.access_control_expose_headers.header_value"),
    header("routing.http.response.access_control_max_age.header_value"),
    header("routing.http.response.content_security_policy.header_value"),
    header("routing.http.response.x_content_type_options.header_value"),
    header("routing.http.response.x_frame_options.header_value"),
];

/// Attributes that were given, by key. Values that only the account knows are there without a text.
pub(super) struct Attributes<'v> {
    given: BTreeMap<&'static str, Item<'v>>,
    /// Also those whose value is wrong.
    named: BTreeSet<&'static str>,
}

/// Reads and checks a list of attributes.
pub(super) fn read<'v>(items: &[Item<'v>], table: &'static [Known]) -> Attributes<'v> {
    let (mut given, mut named) = (BTreeMap::new(), BTreeSet::new());
    for item in items {
        let Some((known, value)) = read_one(item, table) else {
            continue;
        };
        if !named.insert(known.key) {
            item.error(&format!("the attribute `{}` is given twice", known.key));
        }
        if known.check(&value) {
            given.insert(known.key, value);
        }
    }
    Attributes { given, named }
}

fn read_one<'v>(item: &Item<'v>, table: &'static [Known]) -> Option<(&'static Known, Item<'v>)> {
    let object = item.object(&["Key", "Value"])?;
    let key_item = object.require("Key")?;
    let key = key_item.text()?;
    let Some(known) = table.iter().find(|known| known.key == key) else {
        let problem = if NOT_APPLICATION.contains(&key) {
            format!("the attribute {} is not one of application load balancers", quote(key))
        } else {
            format!("there is no attribute {}{}", quote(key), suggestion(key, table.iter().map(|known| known.key)))
        };
        key_item.error(&problem);
        return None;
    };
    let mut value = object.require("Value")?;
    value.path = format!("{} ({key})", value.path);
    Some((known, value))
}

impl Known {
    fn check(&self, value: &Item<'_>) -> bool {
        let valid = match self.takes {
            Takes::Boolean => value.boolean().is_some(),
            Takes::OneOf(allowed) => value.one_of(allowed).is_some(),
            Takes::Number(least, most) => value.number(least..=most).is_some(),
            Takes::ZeroOr(least, most) => word_or(value, "0", least..=most),
            Takes::OffOr(least, most) => word_or(value, "off", least..=most),
            Takes::Text => value.unknown().is_some() || value.sized(0..=1024).is_some(),
            Takes::CookieName => cookie_name(value),
        };
        if let (true, Some(default)) = (valid, self.unserved)
            && value.opaque().is_none_or(|given| !given.eq_ignore_ascii_case(default))
        {
            value.warning("read, but not served yet");
        }
        valid
    }
}

fn word_or(value: &Item<'_>, word: &str, range: RangeInclusive<u32>) -> bool {
    let Some(text) = value.text() else {
        return false;
    };
    let number = text.parse().ok().filter(|number| range.contains(number));
    if text == word || number.is_some() {
        return true;
    }
    value.error(&format!(
        "{} is neither {word} nor a whole number from {} to {}",
        quote(text),
        range.start(),
        range.end()
    ));
    false
}

/// A cookie's name is a token (RFC 6265 section 4.1.1, RFC 9110 section 5.6.2).
fn cookie_name(value: &Item<'_>) -> bool {
    let Some(name) = value.sized(1..=1024) else {
        return false;
    };
    if name.starts_with("AWSALB") {
        value.error("names that begin with `AWSALB` are the load balancer's own");
        return false;
    }
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if let Some(wrong) = name.chars().find(|char| !u8::try_from(*char).is_ok_and(token)) {
        value.error(&format!("a cookie's name cannot have {}", quote(&wrong.to_string())));
        return false;
    }
    true
}

impl<'v> Attributes<'v> {
    /// Whether the key stands in the template, even if what it says is wrong.
    pub(super) fn was_given(&self, key: &str) -> bool {
        self.named.contains(key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Item<'v>> {
        self.given.get(key)
    }

    pub(super) fn text(&self, key: &str) -> Option<&'v str> {
        self.get(key)?.opaque()
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.text(key).map(|text| text.eq_ignore_ascii_case("true"))
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.text(key)?.parse().ok()
    }

    /// What `switch` turns on needs `needed` too.
    pub(super) fn requires(&self, switch: &str, needed: &str) {
        if let (Some(true), Some(item), None) = (self.flag(switch), self.get(switch), self.get(needed)) {
            item.error(&format!("needs the attribute `{needed}`"));
        }
    }
}
