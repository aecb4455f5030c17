//! Load-balancer attributes (guide LB-08 to LB-22): each key, its default and its range.

use core::time::Duration;

pub use crate::desync::Mode as DesyncMitigationMode;

/// What a load balancer's attributes say, with the guide's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerAttributes {
    /// `idle_timeout.timeout_seconds`: 1 to 4000 s, default 60 (LB-13).
    pub idle_timeout: Duration,
    /// `client_keep_alive.seconds`: 60 to 604800 s, default 3600 (LB-11).
    pub client_keep_alive: Duration,
    /// `routing.http.desync_mitigation_mode`, default defensive (LB-15).
    pub desync_mitigation_mode: DesyncMitigationMode,
    /// `routing.http.drop_invalid_header_fields.enabled`, default false (LB-16): drop fields whose name is not `[-A-Za-z0-9]+`.
    pub drop_invalid_header_fields: bool,
    /// `routing.http.preserve_host_header.enabled`, default false (LB-17).
    pub preserve_host_header: bool,
    /// `routing.http.x_amzn_tls_version_and_cipher_suite.enabled`, default false (LB-18).
    pub tls_version_and_cipher_suite: bool,
    /// `routing.http.xff_client_port.enabled`, default false (LB-19).
    pub xff_client_port: bool,
    /// `routing.http.xff_header_processing.mode`, default append (LB-20).
    pub xff_header_processing: XffHeaderProcessing,
    /// `routing.http2.enabled`, default true (LB-21).
    pub http2: bool,
}

impl Default for LoadBalancerAttributes {
    fn default() -> Self {
        LoadBalancerAttributes {
            idle_timeout: Duration::from_secs(60),
            client_keep_alive: Duration::from_secs(3600),
            desync_mitigation_mode: DesyncMitigationMode::Defensive,
            drop_invalid_header_fields: false,
            preserve_host_header: false,
            tls_version_and_cipher_suite: false,
            xff_client_port: false,
            xff_header_processing: XffHeaderProcessing::Append,
            http2: true,
        }
    }
}

/// What happens to a client's `X-Forwarded-For` (guide HDR-01 to HDR-03).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XffHeaderProcessing {
    /// Add the client's address at the end.
    Append,
    /// Leave it as it came; absent stays absent.
    Preserve,
    /// Drop it.
    Remove,
}
