//! What a peer did to an HTTP/2 connection, or to one of its streams, that had to be ended, as causes that operators know.

use super::Cause;
use crate::http::h2::budget::Budget;
use crate::http::h2::{Breach, ErrorCode, Fault};

impl Cause {
    /// A client broke a rule or used up a budget.
    pub const fn of_client(breach: Breach) -> Cause {
        match breach {
            Breach::BlockTooLong => Cause::Http2HeadTooLarge,
            Breach::ListTooLong => Cause::Http2ListTooLarge,
            Breach::BlockScattered => Cause::Http2ContinuationFlood,
            Breach::ControlUnread => Cause::Http2AnswersUnread,
            Breach::Flood(budget) => Cause::of_flood(budget),
            _ => Cause::Http2ProtocolError,
        }
    }

    /// A target did. What does not begin as HTTP/2 most likely is not.
    pub const fn of_target(breach: Breach) -> Cause {
        match breach {
            Breach::NoSettings | Breach::FrameTooLong => Cause::TargetNotHttp2,
            Breach::BlockTooLong | Breach::ListTooLong => Cause::TargetHeadTooLarge,
            Breach::Flood(Budget::Repetition) => Cause::TargetHeadFlood,
            Breach::Flood(Budget::Interims) => Cause::TooManyInterimResponses,
            _ => Cause::TargetBrokeHttp2,
        }
    }

    /// A client broke a rule of one stream.
    pub const fn of_clients_stream(fault: Fault) -> Cause {
        match fault {
            Fault::ContentLength => Cause::Http2BodyMismatch,
            Fault::BlockTooLong => Cause::Http2HeadTooLarge,
            Fault::ListTooLong | Fault::TooManyFields => Cause::Http2ListTooLarge,
            _ => Cause::Http2ProtocolError,
        }
    }

    /// A target did.
    pub const fn of_targets_stream(fault: Fault) -> Cause {
        if fault.is_head_too_large() { Cause::TargetHeadTooLarge } else { Cause::TargetBrokeHttp2 }
    }

    /// A target reset a stream.
    pub const fn of_reset(code: ErrorCode) -> Cause {
        match code {
            ErrorCode::RefusedStream => Cause::TargetRefusedStream,
            _ => Cause::TargetResetStream,
        }
    }

    const fn of_flood(budget: Budget) -> Cause {
        match budget {
            Budget::Resets => Cause::Http2ResetFlood,
            Budget::Pings => Cause::Http2PingFlood,
            Budget::Settings => Cause::Http2SettingsFlood,
            Budget::Priorities => Cause::Http2PriorityFlood,
            Budget::Unknown => Cause::Http2UnknownFrameFlood,
            Budget::WindowUpdates => Cause::Http2WindowUpdateFlood,
            Budget::EmptyData => Cause::Http2EmptyDataFlood,
            Budget::Strays => Cause::Http2StrayFrameFlood,
            Budget::TinyData => Cause::Http2TinyWindows,
            Budget::Expansion => Cause::Http2HeadFlood,
            // Clients do not answer.
            Budget::Interims | Budget::Repetition => Cause::Http2ProtocolError,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::h2::ErrorCode;
    use crate::observe::Blame;

    const BUDGETS: [Budget; 10] = [
        Budget::Resets,
        Budget::Pings,
        Budget::Settings,
        Budget::Priorities,
        Budget::Unknown,
        Budget::WindowUpdates,
        Budget::EmptyData,
        Budget::Strays,
        Budget::TinyData,
        Budget::Expansion,
    ];

    #[test]
    fn every_budget_and_limit_that_a_client_crosses_has_a_cause_of_its_own() {
        let limits = [Breach::BlockTooLong, Breach::ListTooLong, Breach::BlockScattered, Breach::ControlUnread];
        let breaches: Vec<Breach> = limits.into_iter().chain(BUDGETS.map(Breach::Flood)).collect();
        let causes: BTreeSet<Cause> = breaches.iter().map(|&breach| Cause::of_client(breach)).collect();
        assert_eq!(causes.len(), breaches.len());
        for breach in breaches {
            let cause = Cause::of_client(breach);
            assert_eq!(breach.code(), ErrorCode::EnhanceYourCalm);
            assert_eq!((cause.blame(), cause.status()), (Blame::Client, None), "{cause:?}");
            assert!(!matches!(cause, Cause::Http2ProtocolError), "{breach:?}");
        }
    }

    #[test]
    fn a_rule_that_is_no_limit_is_one_cause_whichever_it_is() {
        for breach in [Breach::BadPreface, Breach::ClosedStream, Breach::Compression, Breach::WindowOverflow] {
            assert_eq!(Cause::of_client(breach), Cause::Http2ProtocolError);
            assert_eq!(Cause::of_target(breach), Cause::TargetBrokeHttp2);
        }
        assert_eq!(Cause::of_client(Breach::Flood(Budget::Interims)), Cause::Http2ProtocolError);
    }

    #[test]
    fn a_stream_that_is_reset_for_its_head_has_the_cause_of_that() {
        for (fault, of_client) in [
            (Fault::BlockTooLong, Cause::Http2HeadTooLarge),
            (Fault::ListTooLong, Cause::Http2ListTooLarge),
            (Fault::TooManyFields, Cause::Http2ListTooLarge),
        ] {
            assert!(fault.is_head_too_large());
            assert_eq!(Cause::of_clients_stream(fault), of_client);
            assert_eq!(Cause::of_targets_stream(fault), Cause::TargetHeadTooLarge);
        }
        assert_eq!(Cause::of_clients_stream(Fault::ContentLength), Cause::Http2BodyMismatch);
        assert_eq!(Cause::of_targets_stream(Fault::ContentLength), Cause::TargetBrokeHttp2);
        for fault in [Fault::WindowExceeded, Fault::AfterEnd, Fault::InterimEnds] {
            assert!(!fault.is_head_too_large());
            assert_eq!(Cause::of_clients_stream(fault), Cause::Http2ProtocolError);
            assert_eq!(Cause::of_targets_stream(fault), Cause::TargetBrokeHttp2);
        }
    }

    #[test]
    fn whatever_a_target_does_costs_the_client_a_502() {
        let limits = [Breach::NoSettings, Breach::BlockTooLong, Breach::ListTooLong, Breach::ControlUnread];
        for breach in limits.into_iter().chain(BUDGETS.map(Breach::Flood)) {
            let cause = Cause::of_target(breach);
            assert_eq!((cause.blame(), cause.status()), (Blame::Target, Some(502)), "{cause:?}");
        }
        assert_eq!(Cause::of_target(Breach::NoSettings), Cause::TargetNotHttp2);
        assert_eq!(Cause::of_target(Breach::Flood(Budget::Interims)), Cause::TooManyInterimResponses);
        assert_eq!(Cause::of_target(Breach::Flood(Budget::Repetition)), Cause::TargetHeadFlood);
        assert_eq!(Cause::of_target(Breach::BlockTooLong), Cause::TargetHeadTooLarge);
    }
}
