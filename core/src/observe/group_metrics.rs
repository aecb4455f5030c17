//! What is counted for a target group and one zone of its targets, under the names that CloudWatch gives it. As with
//! [`Metrics`](super::Metrics), each shard counts for itself, numbers only ever grow, and readers add the shards up.

use core::ops::AddAssign;
use core::time::Duration;

use super::response_time::ResponseTimes;

/// The counters of a target group in one zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMetrics {
    /// `RequestCount` (MET-18): requests for which a target was chosen.
    pub request_count: u64,
    /// `HTTPCode_Target_2XX_Count` to `HTTPCode_Target_5XX_Count` (MET-21): responses of targets by the class of their final
    /// status. 101 has no class here, as it has none in CloudWatch.
    pub http_code_target_count: [u64; 4],
    /// `TargetConnectionErrorCount` (MET-23): connections to targets that did not come about.
    pub target_connection_error_count: u64,
    /// `TargetTLSNegotiationErrorCount`, which the guide calls `TargetTLSTransactionErrorCount` (MET-08): connections to targets
    /// that came about, and whose TLS handshake did not.
    pub target_tls_negotiation_error_count: u64,
    /// `UnhealthyRoutingRequestCount` (MET-25): requests that were routed to any target because too few are healthy.
    pub unhealthy_routing_request_count: u64,
    /// `TargetResponseTime` (MET-24): `target_processing_time` of the access log.
    pub target_response_time: ResponseTimes,
}

impl GroupMetrics {
    /// Every counter but the response time: CloudWatch's name of it, and how far it has come.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, u64)> {
        let GroupMetrics {
            request_count,
            http_code_target_count: [code_2xx, code_3xx, code_4xx, code_5xx],
            target_connection_error_count,
            target_tls_negotiation_error_count,
            unhealthy_routing_request_count,
            target_response_time: _,
        } = *self;
        [
            ("RequestCount", request_count),
            ("HTTPCode_Target_2XX_Count", code_2xx),
            ("HTTPCode_Target_3XX_Count", code_3xx),
            ("HTTPCode_Target_4XX_Count", code_4xx),
            ("HTTPCode_Target_5XX_Count", code_5xx),
            ("TargetConnectionErrorCount", target_connection_error_count),
            // One counter under both of its names: readers of either find it.
            ("TargetTLSNegotiationErrorCount", target_tls_negotiation_error_count),
            ("TargetTLSTransactionErrorCount", target_tls_negotiation_error_count),
            ("UnhealthyRoutingRequestCount", unhealthy_routing_request_count),
        ]
        .into_iter()
    }

    /// `RequestCountPerTarget` (MET-22): so many requests divided by the healthy targets, or by all if none is healthy. `None`
    /// of a group without targets.
    pub fn request_count_per_target(requests: u64, healthy: usize, registered: usize) -> Option<f64> {
        let targets = if healthy == 0 { registered } else { healthy };
        (targets > 0).then(|| requests as f64 / targets as f64)
    }

    /// A target was chosen for a request.
    pub fn chosen(&mut self, fails_open: bool) {
        self.request_count += 1;
        self.unhealthy_routing_request_count += u64::from(fails_open);
    }

    /// A target answered, with that final status, after so long.
    pub fn answered(&mut self, status: u16, time: Option<Duration>) {
        let class = usize::from(status / 100).checked_sub(2);
        if let Some(count) = class.and_then(|class| self.http_code_target_count.get_mut(class)) {
            *count += 1;
        }
        if let Some(time) = time {
            self.target_response_time.record(time);
        }
    }

    /// No connection to a target came about.
    pub fn unconnected(&mut self) {
        self.target_connection_error_count += 1;
    }

    /// A connection to a target came about, its TLS handshake did not.
    pub fn unsecured(&mut self) {
        self.target_tls_negotiation_error_count += 1;
    }
}

impl AddAssign<&GroupMetrics> for GroupMetrics {
    fn add_assign(&mut self, other: &GroupMetrics) {
        let GroupMetrics {
            request_count,
            http_code_target_count,
            target_connection_error_count,
            target_tls_negotiation_error_count,
            unhealthy_routing_request_count,
            target_response_time,
        } = other;
        let add = |sum: &mut u64, count: &u64| *sum = sum.saturating_add(*count);
        add(&mut self.request_count, request_count);
        self.http_code_target_count.iter_mut().zip(http_code_target_count).for_each(|(sum, count)| add(sum, count));
        add(&mut self.target_connection_error_count, target_connection_error_count);
        add(&mut self.target_tls_negotiation_error_count, target_tls_negotiation_error_count);
        add(&mut self.unhealthy_routing_request_count, unhealthy_routing_request_count);
        self.target_response_time += target_response_time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_counts_for_its_class_and_101_for_none() {
        let mut metrics = GroupMetrics::default();
        for status in [200, 299, 304, 404, 499, 499, 500, 599, 503, 502, 101, 199, 600, 999] {
            metrics.answered(status, None);
        }
        assert_eq!(metrics.http_code_target_count, [2, 1, 3, 4]);
    }

    #[test]
    fn requests_per_target_are_those_of_healthy_targets_or_of_all_if_none_is_healthy() {
        let per_target = GroupMetrics::request_count_per_target;
        assert_eq!(per_target(90, 3, 10), Some(30.0));
        assert_eq!(per_target(90, 0, 10), Some(9.0));
        assert_eq!((per_target(1, 2, 2), per_target(0, 2, 2)), (Some(0.5), Some(0.0)));
        assert_eq!(per_target(0, 0, 0), None);
    }

    #[test]
    fn shards_add_up_counter_by_counter_and_do_not_wrap() {
        let mut shards = [GroupMetrics::default(), GroupMetrics::default()];
        let mut expected = Vec::new();
        for (shard, times) in shards.iter_mut().zip([1, 10]) {
            (0..times).for_each(|_| shard.chosen(true));
            for status in [200, 300, 300, 400, 400, 400, 500] {
                (0..times).for_each(|_| shard.answered(status, Some(Duration::from_millis(5))));
            }
            shard.unconnected();
            (0..3).for_each(|_| shard.unsecured());
        }
        for (name, count) in [
            ("RequestCount", 11),
            ("HTTPCode_Target_2XX_Count", 11),
            ("HTTPCode_Target_3XX_Count", 22),
            ("HTTPCode_Target_4XX_Count", 33),
            ("HTTPCode_Target_5XX_Count", 11),
            ("TargetConnectionErrorCount", 2),
            ("TargetTLSNegotiationErrorCount", 6),
            ("TargetTLSTransactionErrorCount", 6),
            ("UnhealthyRoutingRequestCount", 11),
        ] {
            expected.push((name, count));
        }
        let mut sum = GroupMetrics::default();
        shards.iter().for_each(|shard| sum += shard);
        assert_eq!(sum.iter().collect::<Vec<_>>(), expected);
        assert_eq!(sum.target_response_time.count(), 77);
        sum += &GroupMetrics { request_count: u64::MAX, ..GroupMetrics::default() };
        assert_eq!((sum.request_count, sum.target_connection_error_count), (u64::MAX, 2));
    }
}
