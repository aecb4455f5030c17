//! What a shard is allowed, and how it presents itself: what no template says.

use crate::sticky::Secret;
use crate::tls::Provider;

/// What a shard is allowed, and how it presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Client connections at a time; further ones are shed. Default 100,000.
    pub connections_max: usize,
    /// Memory for bytes in flight, in bytes: half for admitted exchanges, 64 KiB each and as much again for each side with TLS, half for everything else. Default 2 GiB
    /// (16,384 exchanges at a time); what is not needed is not taken.
    pub memory_max: usize,
    /// Whether finished requests are written to the journal. Default no.
    pub access_log: bool,
    /// Whether every connection attempt is written to the connection log's journal. Default no.
    pub connection_log: bool,
    /// TLS handshakes with clients that may be in progress at a time; connections to HTTPS listeners beyond them are shed.
    /// Default 4,096.
    pub handshakes_max: usize,
    /// The cryptography of HTTPS. Default AWS-LC where the feature `aws-lc` is there, else none: then connections to HTTPS
    /// listeners are shed, and HTTPS targets cannot be reached.
    pub provider: Option<Provider>,
    /// What the keys of session tickets are made from. Default none: it follows from the shard's seed. Shards that serve the
    /// same clients need the same one, of random bytes.
    pub ticket_secret: Option<Secret>,
    /// Whether errors name their [`Cause`](crate::observe::Cause): in a field `X-Sluicegate-Cause` of the answer, and as the
    /// `error_reason` of the access log. Default no: the real load balancer does neither.
    pub name_causes: bool,
    /// The `Server` field of answers that the balancer makes. Default `awselb/2.0`.
    pub server_header: String,
    /// The availability zone that this node is in: what a group without cross-zone load balancing keeps to (guide XZ-02).
    /// Default none: then it uses the targets of every zone.
    pub zone: Option<String>,
    /// What the keys of stickiness cookies are made from. Default none: it follows from the shard's seed, which is as good as the
    /// seed is, and does for one shard. Shards that serve the same clients need the same one, of random bytes.
    pub cookie_secret: Option<Secret>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            connections_max: 100_000,
            memory_max: 2 << 30,
            access_log: false,
            connection_log: false,
            handshakes_max: 4096,
            #[cfg(feature = "aws-lc")]
            provider: Some(Provider::aws_lc()),
            #[cfg(not(feature = "aws-lc"))]
            provider: None,
            ticket_secret: None,
            name_causes: false,
            server_header: "awselb/2.0".to_owned(),
            zone: None,
            cookie_secret: None,
        }
    }
}
