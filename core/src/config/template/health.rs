//! The health-check properties of a target group (guide HC-04 to HC-11), and whether they agree with each other.

use core::time::Duration;

use super::report::quote;
use super::shape::{Item, Object};
use crate::config::{HealthCheck, Protocol, ProtocolVersion};
use crate::target::{CheckKind, CheckPort, Matcher};

/// The codes that a matcher may name (guide HC-11), and how it says so.
struct Codes {
    name: &'static str,
    range: core::ops::RangeInclusive<u16>,
    digits: core::ops::RangeInclusive<usize>,
    example: &'static str,
}

const HTTP_CODES: Codes =
    Codes { name: "HttpCode", range: 200..=499, digits: 3..=3, example: "`200,202` or `200-299`" };

const GRPC_CODES: Codes = Codes { name: "GrpcCode", range: 0..=99, digits: 1..=2, example: "`0,1` or `0-5`" };

/// What could be read, and the guide's defaults for the rest; errors were reported.
pub(super) fn read(object: &Object<'_>, version: ProtocolVersion) -> HealthCheck {
    let default = if version == ProtocolVersion::Grpc { HealthCheck::grpc() } else { HealthCheck::default() };
    refuse_disabled(object);
    let (interval, timeout) = times(object, &default);
    let threshold = |name: &str, default: u8| {
        let given = object.get(name).and_then(|item| item.number(2..=10));
        given.and_then(|count| u8::try_from(count).ok()).unwrap_or(default)
    };
    HealthCheck {
        enabled: true,
        kind: default.kind,
        protocol: object.get("HealthCheckProtocol").and_then(|item| protocol(&item)).unwrap_or(default.protocol),
        port: object.get("HealthCheckPort").and_then(|item| port(&item)).unwrap_or(default.port),
        path: object.get("HealthCheckPath").and_then(|item| path(&item, default.kind)).unwrap_or(default.path),
        interval,
        timeout,
        healthy_threshold: threshold("HealthyThresholdCount", default.healthy_threshold),
        unhealthy_threshold: threshold("UnhealthyThresholdCount", default.unhealthy_threshold),
        matcher: matcher(object, default.kind).unwrap_or(default.matcher),
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
fn path(item: &Item<'_>, kind: CheckKind) -> Option<String> {
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
    if kind == CheckKind::Grpc && !is_method(text) {
        item.error("the targets speak gRPC, so a method is called: write its path like `/package.service/method`");
        return None;
    }
    Some(text.to_owned())
}

/// A service and a method (guide HC-06). A service of no package is one, too.
fn is_method(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(&parts[..], ["", service, method] if !service.is_empty() && !method.is_empty()) && !path.contains('?')
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

fn matcher(object: &Object<'_>, kind: CheckKind) -> Option<Matcher> {
    let matcher = object.get("Matcher")?.object(&["GrpcCode", "HttpCode"])?;
    let (codes, others) = match kind {
        CheckKind::Http => (&HTTP_CODES, &GRPC_CODES),
        CheckKind::Grpc => (&GRPC_CODES, &HTTP_CODES),
    };
    if let Some(item) = matcher.get(others.name) {
        item.error(match kind {
            CheckKind::Http => "only groups of ProtocolVersion GRPC have it; others name statuses in HttpCode",
            CheckKind::Grpc => "the targets speak gRPC, so their codes decide: name them in GrpcCode",
        });
    }
    let item = matcher.get(codes.name)?;
    let text = item.text()?;
    let ranges: Option<Vec<(u16, u16)>> = text.split(',').map(|part| codes.read(part)).collect();
    if ranges.is_none() {
        let (least, most, example) = (codes.range.start(), codes.range.end(), codes.example);
        item.error(&format!("{} is no list of codes and ranges from {least} to {most}, like {example}", quote(text)));
    }
    ranges.map(|ranges| Matcher { ranges })
}

impl Codes {
    /// First and last of `200` or of `200-299`.
    fn read(&self, part: &str) -> Option<(u16, u16)> {
        match part.split_once('-') {
            None => self.code(part).map(|code| (code, code)),
            Some((first, last)) => self.code(first).zip(self.code(last)).filter(|(first, last)| first <= last),
        }
    }

    fn code(&self, text: &str) -> Option<u16> {
        let text = text.trim();
        let is_number = self.digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|code| is_number && self.range.contains(code))
    }
}
