//! The health-check properties of a target group (guide HC-04 to HC-11), and whether they agree with each other.

use core::time::Duration;

use super::report::quote;
use super::shape::{Item, Object};
use crate::config::{HealthCheck, Protocol};
use crate::target::{CheckPort, Matcher};

/// The statuses that a matcher may name (guide HC-11).
const CODES: core::ops::RangeInclusive<u16> = 200..=499;

/// What could be read, and the guide's defaults for the rest; errors were reported.
pub(super) fn read(object: &Object<'_>) -> HealthCheck {
    let default = HealthCheck::default();
    refuse_disabled(object);
    let (interval, timeout) = times(object, &default);
    let threshold = |name: &str, default: u8| {
        let given = object.get(name).and_then(|item| item.number(2..=10));
        given.and_then(|count| u8::try_from(count).ok()).unwrap_or(default)
    };
    HealthCheck {
        enabled: true,
        protocol: object.get("HealthCheckProtocol").and_then(|item| protocol(&item)).unwrap_or(default.protocol),
        port: object.get("HealthCheckPort").and_then(|item| port(&item)).unwrap_or(default.port),
        path: object.get("HealthCheckPath").and_then(|item| path(&item)).unwrap_or(default.path),
        interval,
        timeout,
        healthy_threshold: threshold("HealthyThresholdCount", default.healthy_threshold),
        unhealthy_threshold: threshold("UnhealthyThresholdCount", default.unhealthy_threshold),
        matcher: matcher(object).unwrap_or(default.matcher),
    }
}

/// Only groups of functions can be without checks, and they are not served.
fn refuse_disabled(object: &Object<'_>) {
    if let Some(item) = object.get("HealthCheckEnabled")
        && item.boolean() == Some(false)
    {
        item.error(
            "the health checks of instance and ip targets cannot be disabled; run --no-health-checks does without",
        );
    }
}

fn protocol(item: &Item<'_>) -> Option<Protocol> {
    match item.one_of(&["HTTP", "HTTPS"])? {
        "HTTPS" => Some(Protocol::Https),
        _ => Some(Protocol::Http),
    }
}

fn port(item: &Item<'_>) -> Option<CheckPort> {
    match item.text()? {
        "traffic-port" => Some(CheckPort::Traffic),
        _ => item.port().map(CheckPort::Fixed),
    }
}

/// It goes into a request line as it is, so nothing may stand in it that ends one.
fn path(item: &Item<'_>) -> Option<String> {
    let text = item.sized(1..=1024)?;
    if !text.starts_with('/') {
        item.error("must begin with a slash");
        return None;
    }
    if text.contains('#') {
        item.error("has a `#`: a fragment is never sent; write %23 for the character");
        return None;
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        item.error("has characters that a path cannot have; write them in percent-encoding");
        return None;
    }
    Some(text.to_owned())
}

/// Interval and timeout, in this order. A check must be over before the next one begins.
fn times(object: &Object<'_>, default: &HealthCheck) -> (Duration, Duration) {
    let seconds =
        |item: &Item<'_>, least, most| item.number(least..=most).map(|count| Duration::from_secs(count.into()));
    let items = (object.get("HealthCheckIntervalSeconds"), object.get("HealthCheckTimeoutSeconds"));
    let interval = items.0.as_ref().map_or(Some(default.interval), |item| seconds(item, 5, 300));
    let timeout = items.1.as_ref().map_or(Some(default.timeout), |item| seconds(item, 2, 120));
    let (Some(interval), Some(timeout)) = (interval, timeout) else {
        return (default.interval, default.timeout);
    };
    if timeout >= interval {
        let (interval, timeout) = (interval.as_secs(), timeout.as_secs());
        match items {
            (Some(_), Some(item)) => {
                item.error(&format!("the timeout of {timeout} s must be less than the interval of {interval} s"));
            }
            (Some(item), None) => item.error(&format!(
                "the interval of {interval} s must be more than the timeout, which is {timeout} s unless \
                 HealthCheckTimeoutSeconds says less"
            )),
            (None, Some(item)) => item.error(&format!(
                "the timeout of {timeout} s must be less than the interval, which is {interval} s unless \
                 HealthCheckIntervalSeconds says more"
            )),
            // The defaults agree.
            (None, None) => {}
        }
    }
    (interval, timeout)
}

fn matcher(object: &Object<'_>) -> Option<Matcher> {
    let matcher = object.get("Matcher")?.object(&["GrpcCode", "HttpCode"])?;
    if let Some(item) = matcher.get("GrpcCode") {
        item.error("only GRPC target groups have it, and they are not supported yet");
    }
    let item = matcher.get("HttpCode")?;
    let codes = item.text()?;
    let ranges: Option<Vec<(u16, u16)>> = codes.split(',').map(codes_of).collect();
    if ranges.is_none() {
        let (least, most) = (CODES.start(), CODES.end());
        item.error(&format!(
            "{} is no list of codes and ranges from {least} to {most}, like `200,202` or `200-299`",
            quote(codes)
        ));
    }
    ranges.map(|ranges| Matcher { ranges })
}

/// First and last of `200` or of `200-299`.
fn codes_of(part: &str) -> Option<(u16, u16)> {
    let code = |text: &str| {
        let text = text.trim();
        let three_digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|code| three_digits && CODES.contains(code))
    };
    match part.split_once('-') {
        None => code(part).map(|code| (code, code)),
        Some((first, last)) => code(first).zip(code(last)).filter(|(first, last)| first <= last),
    }
}
