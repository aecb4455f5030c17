//! Counters, under the names that CloudWatch gives them; what CloudWatch does not count says so. They only ever grow; how much they grew in a minute is for
//! whoever reads them. Each shard counts for itself, and readers add the shards up.

use core::ops::AddAssign;

/// Declares the counters once: the field, its name, its unit and the statement of the guide, what is counted.
macro_rules! metrics {
    ($($field:ident, $name:literal, $origin:literal, $text:literal;)*) => {
        /// What is counted, in all load balancers of a shard together.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Metrics {
            $(
                #[doc = concat!("`", $name, "` (", $origin, "): ", $text)]
                pub $field: u64,
            )*
        }

        impl Metrics {
            /// Every counter: its name, and how far it has come. Exporters need no list of their own.
            pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, u64)> {
                [$(($name, self.$field)),*].into_iter()
            }
        }

        impl AddAssign for Metrics {
            fn add_assign(&mut self, other: Metrics) {
                let Metrics { $($field),* } = other;
                $(self.$field = self.$field.saturating_add($field);)*
            }
        }
    };
}

metrics! {
    client_tls_negotiation_error_count, "ClientTLSNegotiationErrorCount", "Count; MET-07",
        "connections of clients to HTTPS listeners whose handshake came to nothing: nothing in common, a client certificate that was refused, no TLS at all, no end in time, or a client that left.";
    desync_mitigation_mode_non_compliant_request_count, "DesyncMitigationMode_NonCompliant_Request_Count", "Count; MET-10, DSY-06",
        "requests that do not keep to RFC 9112 in every point, routed or not, in every desync mitigation mode.";
    dropped_invalid_header_request_count, "DroppedInvalidHeaderRequestCount", "Count; MET-11",
        "requests of which a header field with an invalid name was dropped before they were routed: because `routing.http.drop_invalid_header_fields.enabled` is true, or because the name is no token, which is never forwarded.";
    forwarded_invalid_header_request_count, "ForwardedInvalidHeaderRequestCount", "Count; MET-11",
        "requests that were routed with a header field whose name is invalid, because `routing.http.drop_invalid_header_fields.enabled` is false.";
    grpc_request_count, "GrpcRequestCount", "Count; MET-12",
        "requests of gRPC clients for which a target was chosen.";
    handshakes_shed_count, "HandshakesShedCount", "Count; not in CloudWatch",
        "connections of clients to HTTPS listeners that were not taken because too many handshakes were in progress.";
    http2_abuse_count, "Http2AbuseCount", "Count; not in CloudWatch",
        "connections that were ended because the peer, a client or a target, asked more of HTTP/2 than its requests need: a budget was used up.";
    http2_request_count, "Http2RequestCount", "Count; not in CloudWatch",
        "requests of HTTP/2 clients for which a target was chosen, those of gRPC included.";
    non_sticky_request_count, "NonStickyRequestCount", "Count; STK-21",
        "requests to a group with sticky sessions for which a target was chosen as if there were none: without a cookie, or with one that was not valid, had expired, or named a target that may get no requests.";
    request_count, "RequestCount", "Count; MET-18",
        "requests for which a target was chosen.";
    rule_evaluations, "RuleEvaluations", "Count; MET-19",
        "rules whose conditions were compared with a request, up to and with the one that took it; the default action is none.";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(first: u64, second: u64, third: u64) -> Metrics {
        Metrics {
            desync_mitigation_mode_non_compliant_request_count: first,
            dropped_invalid_header_request_count: second,
            forwarded_invalid_header_request_count: third,
            ..Metrics::default()
        }
    }

    #[test]
    fn each_counter_is_told_under_its_name() {
        let metrics = Metrics {
            client_tls_negotiation_error_count: 6,
            grpc_request_count: 8,
            handshakes_shed_count: 7,
            http2_abuse_count: 9,
            http2_request_count: 10,
            request_count: 4,
            rule_evaluations: 5,
            ..counted(1, 2, 3)
        };
        let told: Vec<_> = metrics.iter().collect();
        let expected = [
            ("ClientTLSNegotiationErrorCount", 6),
            ("DesyncMitigationMode_NonCompliant_Request_Count", 1),
            ("DroppedInvalidHeaderRequestCount", 2),
            ("ForwardedInvalidHeaderRequestCount", 3),
            ("GrpcRequestCount", 8),
            ("HandshakesShedCount", 7),
            ("Http2AbuseCount", 9),
            ("Http2RequestCount", 10),
            ("NonStickyRequestCount", 0),
            ("RequestCount", 4),
            ("RuleEvaluations", 5),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_field_is_named_as_its_counter_in_snake_case() {
        let shown = format!("{:?}", counted(1, 2, 3));
        for (name, value) in counted(1, 2, 3).iter() {
            assert!(shown.contains(&format!("{}: {value}", snake_case(name))), "{name} in {shown}");
        }
    }

    #[test]
    fn nothing_is_counted_at_first() {
        assert!(Metrics::default().iter().all(|(_, value)| value == 0));
    }

    #[test]
    fn shards_add_up_counter_by_counter_and_do_not_wrap() {
        let mut sum = Metrics::default();
        for one in [counted(1, 20, 300), counted(4, 50, 600)] {
            sum += one;
        }
        assert_eq!(sum, counted(5, 70, 900));
        sum += counted(u64::MAX, 0, 0);
        assert_eq!(sum, counted(u64::MAX, 70, 900));
    }

    /// A word begins with a capital after or before a small letter, so that `TLS` is one.
    fn snake_case(name: &str) -> String {
        let letters: Vec<char> = name.chars().collect();
        let mut snake = String::new();
        for (at, letter) in letters.iter().enumerate() {
            let is_small = |at: usize| letters.get(at).is_some_and(char::is_ascii_lowercase);
            let begins = letter.is_ascii_uppercase() && at > 0 && (is_small(at - 1) || is_small(at + 1));
            if begins && !snake.ends_with('_') {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        snake
    }
}
