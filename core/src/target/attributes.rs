//! What the attributes of a target group say (guide L4049 to L4107): each with its default and its range.

use core::time::Duration;

/// The attributes of a group, with the guide's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupAttributes {
    /// `load_balancing.algorithm.type`, default round robin (ALG-01).
    pub algorithm: Algorithm,
    /// `load_balancing.algorithm.anomaly_mitigation`, default off (ATW-03); only with [`Algorithm::WeightedRandom`].
    pub anomaly_mitigation: bool,
    /// `slow_start.duration_seconds`: 30 to 900 s; 0 is off, the default (SLOW-01).
    pub slow_start: Duration,
    /// `deregistration_delay.timeout_seconds`: 0 to 3600 s, default 300 (DRAIN-01).
    pub deregistration_delay: Duration,
    /// `load_balancing.cross_zone.enabled`; a load balancer's own setting is always on (XZ-01), so off only where the group says so.
    pub cross_zone: bool,
    /// `stickiness.*`; `None` while `stickiness.enabled` is false, the default (STK-01).
    pub stickiness: Option<Stickiness>,
    /// `target_group_health.dns_failover.minimum_healthy_targets.*` (TGH-04, TGH-05).
    pub dns_failover: MinimumHealthy,
    /// `target_group_health.unhealthy_state_routing.minimum_healthy_targets.*` (TGH-02, TGH-03).
    pub unhealthy_state_routing: MinimumHealthy,
}

impl Default for GroupAttributes {
    fn default() -> Self {
        GroupAttributes {
            algorithm: Algorithm::RoundRobin,
            anomaly_mitigation: false,
            slow_start: Duration::ZERO,
            deregistration_delay: Duration::from_secs(300),
            cross_zone: true,
            stickiness: None,
            dns_failover: MinimumHealthy::default(),
            unhealthy_state_routing: MinimumHealthy::default(),
        }
    }
}

impl GroupAttributes {
    /// Whether targets with anomalies get fewer requests (guide ATW-03).
    pub fn mitigates(&self) -> bool {
        self.anomaly_mitigation && self.algorithm == Algorithm::WeightedRandom
    }
}

/// How the next target is chosen (guide ALG-01).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// `round_robin`: one after the other (ALG-02).
    #[default]
    RoundRobin,
    /// `least_outstanding_requests`: the one with the fewest requests in progress (ALG-03).
    LeastOutstandingRequests,
    /// `weighted_random`: by chance, evenly, or by the weights of anomaly mitigation (ALG-05, ATW-03).
    WeightedRandom,
}

/// How clients stay with a target (guide STK-01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stickiness {
    /// `lb_cookie`: by the load balancer's cookie alone, for so long: 1 to 604,800 s, default 86,400 (STK-02).
    LoadBalancerCookie {
        /// `stickiness.lb_cookie.duration_seconds`
        duration: Duration,
    },
    /// `app_cookie`: as soon as the target sets a cookie of that name (STK-12).
    ApplicationCookie {
        /// `stickiness.app_cookie.cookie_name`
        name: String,
        /// `stickiness.app_cookie.duration_seconds`: 1 to 604,800 s, default 86,400 (STK-03).
        duration: Duration,
    },
}

/// How many targets must be healthy (guide TGH-01 to TGH-06): below either threshold the action is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinimumHealthy {
    /// `….count`; `None` is `off`. Default 1.
    pub count: Option<u32>,
    /// `….percentage`, 1 to 100; `None` is `off`, the default.
    pub percentage: Option<u8>,
}

impl Default for MinimumHealthy {
    fn default() -> Self {
        MinimumHealthy { count: Some(1), percentage: None }
    }
}

impl MinimumHealthy {
    /// How many of so many registered targets must be healthy. Of two thresholds both must hold (guide TGH-06).
    pub fn needed(self, registered: usize) -> usize {
        let count = self.count.map_or(0, |count| count as usize);
        // No target at all is no percentage of anything: it does not suffice.
        let share = self.percentage.map_or(0, |percentage| (registered * usize::from(percentage)).div_ceil(100).max(1));
        count.max(share)
    }
}
