//! How targets are checked (guide HC-03 to HC-15): the settings of a group, the request that is sent, and what an answer
//! says.

use core::net::SocketAddr;
use core::time::Duration;

use crate::http::Protocol;

/// A group's health-check settings, with the guide's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// `HealthCheckEnabled`. Always true for `ip` and `instance` targets of a template; without checks every target counts as
    /// healthy and is told as `unavailable` (HC-22).
    pub enabled: bool,
    /// `HealthCheckProtocol`, default HTTP (HC-04).
    pub protocol: Protocol,
    /// `HealthCheckPort`, default `traffic-port` (HC-05).
    pub port: CheckPort,
    /// `HealthCheckPath`, with its query if it has one: 1 to 1,024 characters, default `/` (HC-06).
    pub path: String,
    /// `HealthCheckIntervalSeconds`: 5 to 300 s, default 30 (HC-08).
    pub interval: Duration,
    /// `HealthCheckTimeoutSeconds`: 2 to 120 s, default 5 (HC-07).
    pub timeout: Duration,
    /// `HealthyThresholdCount`: 2 to 10, default 5 (HC-09).
    pub healthy_threshold: u8,
    /// `UnhealthyThresholdCount`: 2 to 10, default 2 (HC-10).
    pub unhealthy_threshold: u8,
    /// `Matcher.HttpCode`, default 200 (HC-11).
    pub matcher: Matcher,
}

impl Default for HealthCheck {
    fn default() -> Self {
        HealthCheck {
            enabled: true,
            protocol: Protocol::Http,
            port: CheckPort::Traffic,
            path: "/".to_owned(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: Matcher::default(),
        }
    }
}

impl HealthCheck {
    /// No checks: every target counts as healthy.
    pub fn disabled() -> Self {
        HealthCheck { enabled: false, ..HealthCheck::default() }
    }

    /// Where a target that serves at `address` is checked.
    pub fn address(&self, address: SocketAddr) -> SocketAddr {
        match self.port {
            CheckPort::Traffic => address,
            CheckPort::Fixed(port) => SocketAddr::new(address.ip(), port),
        }
    }
}

/// Which port is checked (guide HC-05).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckPort {
    /// `traffic-port`: where each target gets its requests.
    #[default]
    Traffic,
    /// The same for all.
    Fixed(u16),
}

/// Which statuses are a success (guide HC-11): codes and ranges, ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// First and last code of each range, in the order that they were given.
    pub ranges: Vec<(u16, u16)>,
}

impl Default for Matcher {
    fn default() -> Self {
        Matcher { ranges: vec![(200, 200)] }
    }
}

impl Matcher {
    /// Whether that status is a success.
    pub fn matches(&self, status: u16) -> bool {
        self.ranges.iter().any(|&(first, last)| (first..=last).contains(&status))
    }
}
