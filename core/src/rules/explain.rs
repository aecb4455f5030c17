//! Why a request takes the rule that it takes.

/// Stub.
#[derive(Clone, Debug)]
pub struct Explanation;
/// Stub.
#[derive(Clone, Debug)]
pub struct RuleVerdict;
