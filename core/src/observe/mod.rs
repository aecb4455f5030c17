//! What is written down about a request.

pub mod cause {
    //! stub
    /// x
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[allow(missing_docs)]
    pub enum Cause { MalformedRequest, ClientClosedEarly, ClientIdle, ClientGone, BodyGarbled, NoTargets, NoWeight, OutOfMemory, TargetConnectRefused, TargetConnectTimeout, TargetUnreachable, TargetReset, TargetClosedEarly, TargetHeadMalformed, TargetIdle, TargetBodyShort, TargetBodyGarbled, UnexpectedUpgrade, TooManyInterimResponses, RedirectTooLong, RuleRedirect, RuleFixedResponse }
    impl Cause { /// x
        pub fn status(self) -> Option<u16> { None }
        /// x
        pub fn blames_target(self) -> bool { false } }
    impl From<crate::http::refusal::Refusal> for Cause { fn from(_: crate::http::refusal::Refusal) -> Self { Cause::MalformedRequest } }
    impl From<crate::http::refusal::BadResponse> for Cause { fn from(_: crate::http::refusal::BadResponse) -> Self { Cause::MalformedRequest } }
}
