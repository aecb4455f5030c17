//! `TargetGroupAttributes`: what they say together, and what may not stand together. Ranges are in the table of `attributes`.

use core::time::Duration;

use super::attributes::{self, Attributes};
use super::shape::Object;
use crate::config::GroupAttributes;
use crate::target::{Algorithm, MinimumHealthy, Stickiness};

const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";
const ALGORITHM: &str = "load_balancing.algorithm.type";
const ANOMALY_MITIGATION: &str = "load_balancing.algorithm.anomaly_mitigation";
const SLOW_START: &str = "slow_start.duration_seconds";
const STICKINESS: &str = "stickiness.enabled";
const COOKIE_NAME: &str = "stickiness.app_cookie.cookie_name";

/// What could be read, and the guide's defaults for the rest; errors were reported.
pub(super) fn read(object: &Object<'_>) -> GroupAttributes {
    let given = attributes::read(&object.items("TargetGroupAttributes"), attributes::TARGET_GROUP);
    let read = model(&given);
    if let Some(item) = given.get("lambda.multi_value_headers.enabled") {
        item.error("only groups with functions as targets have it");
    }
    check_algorithm(&given, &read);
    check_stickiness(&given, &read);
    for part in ["count", "percentage"] {
        check_thresholds(&given, part);
    }
    read
}

fn model(given: &Attributes<'_>) -> GroupAttributes {
    let default = GroupAttributes::default();
    let seconds = |key: &str, default| given.number(key).map_or(default, Duration::from_secs);
    GroupAttributes {
        algorithm: match given.text(ALGORITHM) {
            Some("least_outstanding_requests") => Algorithm::LeastOutstandingRequests,
            Some("weighted_random") => Algorithm::WeightedRandom,
            _ => default.algorithm,
        },
        anomaly_mitigation: given.text(ANOMALY_MITIGATION) == Some("on"),
        slow_start: seconds(SLOW_START, default.slow_start),
        deregistration_delay: seconds("deregistration_delay.timeout_seconds", default.deregistration_delay),
        // The load balancer's own setting, which the third value stands for, is always on (XZ-01).
        cross_zone: given.text(CROSS_ZONE) != Some("false"),
        stickiness: stickiness(given),
        dns_failover: minimum(given, DNS_FAILOVER),
        unhealthy_state_routing: minimum(given, ROUTING),
    }
}

/// `None` while it is not enabled, and after an error.
fn stickiness(given: &Attributes<'_>) -> Option<Stickiness> {
    let day = Duration::from_secs(86_400);
    let duration = |key: &str| given.number(key).map_or(day, Duration::from_secs);
    if given.flag(STICKINESS) != Some(true) {
        return None;
    }
    if given.text("stickiness.type") == Some("app_cookie") {
        let name = given.text(COOKIE_NAME).unwrap_or_default().to_owned();
        return Some(Stickiness::ApplicationCookie {
            name,
            duration: duration("stickiness.app_cookie.duration_seconds"),
        });
    }
    Some(Stickiness::LoadBalancerCookie { duration: duration("stickiness.lb_cookie.duration_seconds") })
}

/// What slow start and anomaly mitigation need (guide SLOW-07, ATW-03).
fn check_algorithm(given: &Attributes<'_>, read: &GroupAttributes) {
    if let Some(item) = given.get(ANOMALY_MITIGATION)
        && read.anomaly_mitigation
        && read.algorithm != Algorithm::WeightedRandom
    {
        item.error(&format!("needs `{ALGORITHM}` to be weighted_random"));
    }
    if let Some(item) = given.get(SLOW_START)
        && !read.slow_start.is_zero()
        && read.algorithm != Algorithm::RoundRobin
    {
        item.error(&format!("slow start needs `{ALGORITHM}` to be round_robin"));
    }
}

/// Guide STK-04, XZ-04.
fn check_stickiness(given: &Attributes<'_>, read: &GroupAttributes) {
    let Some(item) = given.get(STICKINESS).filter(|_| read.stickiness.is_some()) else {
        return;
    };
    if let Some(Stickiness::ApplicationCookie { .. }) = read.stickiness
        && !given.was_given(COOKIE_NAME)
    {
        item.error(&format!("stickiness of the type app_cookie needs the name of a cookie, in `{COOKIE_NAME}`"));
    }
    if !read.cross_zone {
        item.error(&format!("targets cannot be sticky while `{CROSS_ZONE}` is false"));
    }
}

const DNS_FAILOVER: &str = "target_group_health.dns_failover.minimum_healthy_targets";
const ROUTING: &str = "target_group_health.unhealthy_state_routing.minimum_healthy_targets";

fn minimum(given: &Attributes<'_>, action: &str) -> MinimumHealthy {
    let default = MinimumHealthy::default();
    // `off` is no number.
    let threshold = |part: &str| given.get(&format!("{action}.{part}")).map(|item| item.opaque()?.parse::<u32>().ok());
    let percentage = threshold("percentage").map(|given| given.and_then(|percentage| u8::try_from(percentage).ok()));
    MinimumHealthy {
        count: threshold("count").unwrap_or(default.count),
        percentage: percentage.unwrap_or(default.percentage),
    }
}

/// A zone must leave DNS before, or when, requests go to targets that are not healthy (guide TGH-07). A threshold that is off
/// is none, so there is nothing to compare it with.
fn check_thresholds(given: &Attributes<'_>, part: &str) {
    let (dns_key, routing_key) = (format!("{DNS_FAILOVER}.{part}"), format!("{ROUTING}.{part}"));
    let Some((routing, least)) = given.get(&routing_key).zip(given.number(&routing_key)) else {
        return;
    };
    match (given.get(&dns_key), given.number(&dns_key)) {
        (Some(dns), Some(threshold)) if threshold < least => {
            dns.error(&format!("{threshold} is less than the {least} of `{routing_key}`"));
        }
        (None, _) if part == "count" && least > 1 && !given.was_given(&dns_key) => {
            routing.warning(&format!("more than `{dns_key}`, which is 1 unless it is given"));
        }
        _ => {}
    }
}
