//! What is known of a target's health (guide HC-03, HC-09, HC-10, HC-18 to HC-23): a value that the outcome of each check
//! turns into the next. It fits into a word, so that shards share it in an atomic.
//!
//! ```text
//!                 first check begins         one success
//!   Registering ────────────────────▶ Initial ─────────▶ Healthy ◀──────────────┐ HealthyThresholdCount
//!                                        │                  │ UnhealthyThreshold │ successes in a row
//!                                        │                  ▼ Count failures     │
//!                                        └────────────▶ Unhealthy ───────────────┘
//! ```

use core::fmt;

/// What the checks of a target have said so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// In service, out of it, or not known yet.
    pub status: Status,
    /// How many checks in a row, up to the last one, said the opposite of `status`; of an `Initial` target: how many failed.
    pub streak: u8,
}

/// A target's status as far as checks decide it. `unused`, `draining` and `unavailable` follow from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Registered; no check has begun (`Elb.RegistrationInProgress`).
    Registering,
    /// Its first checks are under way (`Elb.InitialHealthChecking`).
    Initial,
    /// In service.
    Healthy,
    /// Out of service, and why the last check that failed did so.
    Unhealthy(Failure),
}

/// Why a check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The answer's status is not in the matcher (`Target.ResponseCodeMismatch`).
    CodeMismatch(u16),
    /// No answer within the timeout (`Target.Timeout`).
    Timeout,
    /// No connection, a reset, or an answer that is no HTTP (`Target.FailedHealthChecks`).
    Failed,
    /// Our own side could not carry the check out (`Elb.InternalError`).
    Internal,
}

impl Health {
    /// As a target begins.
    pub const NEW: Health = Health { status: Status::Registering, streak: 0 };

    /// In service.
    pub const HEALTHY: Health = Health { status: Status::Healthy, streak: 0 };

    /// As a word.
    pub const fn pack(self) -> u64 {
        let (kind, code) = match self.status {
            Status::Registering => (0, 0),
            Status::Initial => (1, 0),
            Status::Healthy => (2, 0),
            Status::Unhealthy(Failure::CodeMismatch(code)) => (3, code),
            Status::Unhealthy(Failure::Timeout) => (4, 0),
            Status::Unhealthy(Failure::Failed) => (5, 0),
            Status::Unhealthy(Failure::Internal) => (6, 0),
        };
        kind as u64 | (self.streak as u64) << 8 | (code as u64) << 16
    }

    /// From a word that [`pack`](Health::pack) made.
    pub const fn unpack(word: u64) -> Health {
        let code = (word >> 16) as u16;
        let status = match word as u8 {
            0 => Status::Registering,
            1 => Status::Initial,
            2 => Status::Healthy,
            3 => Status::Unhealthy(Failure::CodeMismatch(code)),
            4 => Status::Unhealthy(Failure::Timeout),
            5 => Status::Unhealthy(Failure::Failed),
            _ => Status::Unhealthy(Failure::Internal),
        };
        Health { status, streak: (word >> 8) as u8 }
    }

    /// Whether it is in service.
    pub const fn is_healthy(self) -> bool {
        matches!(self.status, Status::Healthy)
    }

    /// A check begins.
    #[must_use]
    pub const fn begun(self) -> Health {
        match self.status {
            Status::Registering => Health { status: Status::Initial, streak: 0 },
            _ => self,
        }
    }

    /// A check has ended. One success brings a new target into service (HC-03); afterwards it takes as many outcomes in a row
    /// as the thresholds say (HC-09, HC-10), of which 0 counts as 1. The reason that is told is that of the latest failure. What
    /// fails on our own side takes nobody out of service: it says nothing of the target.
    #[must_use]
    pub fn after(self, outcome: Result<(), Failure>, healthy_threshold: u8, unhealthy_threshold: u8) -> Health {
        let streak = self.streak.saturating_add(1);
        match (self.status, outcome) {
            (Status::Healthy, Err(Failure::Internal)) => self,
            (Status::Registering | Status::Initial | Status::Healthy, Ok(())) => Health::HEALTHY,
            (Status::Unhealthy(_), Ok(())) if streak >= healthy_threshold => Health::HEALTHY,
            (Status::Unhealthy(why), Ok(())) => Health { status: Status::Unhealthy(why), streak },
            (Status::Unhealthy(_), Err(why)) => Health { status: Status::Unhealthy(why), streak: 0 },
            (_, Err(why)) if streak >= unhealthy_threshold => Health { status: Status::Unhealthy(why), streak: 0 },
            (Status::Healthy, Err(_)) => Health { status: Status::Healthy, streak },
            (Status::Registering | Status::Initial, Err(_)) => Health { status: Status::Initial, streak },
        }
    }
}

impl Status {
    /// The state as `describe-target-health` names it (HC-18).
    pub const fn state(self) -> &'static str {
        match self {
            Status::Registering | Status::Initial => "initial",
            Status::Healthy => "healthy",
            Status::Unhealthy(_) => "unhealthy",
        }
    }

    /// The reason code; none while it is healthy (HC-19, HC-20, HC-23).
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Status::Registering => Some("Elb.RegistrationInProgress"),
            Status::Initial => Some("Elb.InitialHealthChecking"),
            Status::Healthy => None,
            Status::Unhealthy(why) => Some(why.reason()),
        }
    }

    /// The reason in a sentence.
    pub fn description(self) -> Option<String> {
        match self {
            Status::Registering => Some("Target registration is in progress".to_owned()),
            Status::Initial => Some("Initial health checks in progress".to_owned()),
            Status::Healthy => None,
            Status::Unhealthy(why) => Some(why.to_string()),
        }
    }
}

impl Failure {
    /// The reason code (HC-20).
    pub const fn reason(self) -> &'static str {
        match self {
            Failure::CodeMismatch(_) => "Target.ResponseCodeMismatch",
            Failure::Timeout => "Target.Timeout",
            Failure::Failed => "Target.FailedHealthChecks",
            Failure::Internal => "Elb.InternalError",
        }
    }
}

/// The description that belongs to the reason code.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::CodeMismatch(code) => write!(f, "Health checks failed with these codes: [{code}]"),
            Failure::Timeout => f.write_str("Request timed out"),
            Failure::Failed => f.write_str("Health checks failed"),
            Failure::Internal => f.write_str("Health checks failed due to an internal error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIMEOUT: Result<(), Failure> = Err(Failure::Timeout);
    const REFUSED: Result<(), Failure> = Err(Failure::Failed);

    /// A new target's health after these outcomes, with thresholds 5 and 2.
    fn after(outcomes: &[Result<(), Failure>]) -> Health {
        outcomes.iter().fold(Health::NEW.begun(), |health, &outcome| health.after(outcome, 5, 2))
    }

    #[test]
    fn one_success_brings_a_new_target_into_service_whatever_the_threshold() {
        assert_eq!(Health::NEW.status, Status::Registering);
        assert_eq!(after(&[]).status, Status::Initial);
        assert_eq!(after(&[Ok(())]), Health::HEALTHY);
        assert_eq!(after(&[TIMEOUT, Ok(())]), Health::HEALTHY);
    }

    #[test]
    fn a_target_is_out_of_service_after_as_many_failures_in_a_row_as_the_threshold_says() {
        assert_eq!(after(&[TIMEOUT]).status, Status::Initial);
        assert_eq!(after(&[TIMEOUT, TIMEOUT]).status, Status::Unhealthy(Failure::Timeout));
        let mut health = Health::HEALTHY;
        for _ in 0..6 {
            health = health.after(TIMEOUT, 5, 7);
            assert_eq!(health.status, Status::Healthy);
        }
        assert_eq!(health.after(Ok(()), 5, 7).after(TIMEOUT, 5, 7), Health { status: Status::Healthy, streak: 1 });
        assert_eq!(health.after(TIMEOUT, 5, 7).status, Status::Unhealthy(Failure::Timeout));
    }

    #[test]
    fn it_comes_back_after_as_many_successes_in_a_row_as_the_threshold_says() {
        let unhealthy = after(&[TIMEOUT, TIMEOUT]);
        let nearly = (0..4).fold(unhealthy, |health, _| health.after(Ok(()), 5, 2));
        assert_eq!(nearly, Health { status: Status::Unhealthy(Failure::Timeout), streak: 4 });
        assert_eq!(nearly.after(Ok(()), 5, 2), Health::HEALTHY);
        let again = nearly.after(REFUSED, 5, 2);
        assert_eq!(again, Health { status: Status::Unhealthy(Failure::Failed), streak: 0 });
    }

    #[test]
    fn the_reason_is_that_of_the_latest_failure() {
        let unhealthy = after(&[TIMEOUT, Err(Failure::CodeMismatch(503))]);
        assert_eq!(unhealthy.status.reason(), Some("Target.ResponseCodeMismatch"));
        let later = unhealthy.after(Ok(()), 5, 2).after(REFUSED, 5, 2);
        assert_eq!(later.status.reason(), Some("Target.FailedHealthChecks"));
    }

    #[test]
    fn states_reasons_and_descriptions_are_those_of_the_guide() {
        let told = |status: Status| (status.state(), status.reason(), status.description());
        let said = |state, reason, text: &str| (state, Some(reason), Some(text.to_owned()));
        let (initial, unhealthy) = ("initial", "unhealthy");
        for (status, expected) in [
            (Status::Registering, said(initial, "Elb.RegistrationInProgress", "Target registration is in progress")),
            (Status::Initial, said(initial, "Elb.InitialHealthChecking", "Initial health checks in progress")),
            (Status::Healthy, ("healthy", None, None)),
            (
                Status::Unhealthy(Failure::CodeMismatch(503)),
                said(unhealthy, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"),
            ),
            (Status::Unhealthy(Failure::Timeout), said(unhealthy, "Target.Timeout", "Request timed out")),
            (Status::Unhealthy(Failure::Failed), said(unhealthy, "Target.FailedHealthChecks", "Health checks failed")),
            (
                Status::Unhealthy(Failure::Internal),
                said(unhealthy, "Elb.InternalError", "Health checks failed due to an internal error"),
            ),
        ] {
            assert_eq!(told(status), expected);
        }
    }

    fn outcome() -> impl Strategy<Value = Result<(), Failure>> {
        prop_oneof![
            3 => Just(Ok(())),
            1 => Just(TIMEOUT),
            1 => Just(REFUSED),
            1 => Just(Err(Failure::Internal)),
            1 => (100..600_u16).prop_map(|code| Err(Failure::CodeMismatch(code))),
        ]
    }

    /// What the guide says, looked up in the whole history instead of carried along.
    fn by_the_book(history: &[Result<(), Failure>], healthy: usize, unhealthy: usize) -> Status {
        let mut status = Status::Initial;
        // The run of equal verdicts that ends with each outcome.
        let mut run = 0;
        let mut last = None;
        for &outcome in history {
            if (status, outcome) == (Status::Healthy, Err(Failure::Internal)) {
                continue;
            }
            run = if last == Some(outcome.is_ok()) { run + 1 } else { 1 };
            last = Some(outcome.is_ok());
            status = match (status, outcome) {
                (Status::Unhealthy(why), Ok(())) if run < healthy => Status::Unhealthy(why),
                (_, Ok(())) => Status::Healthy,
                (Status::Unhealthy(_), Err(why)) => Status::Unhealthy(why),
                (_, Err(why)) if run >= unhealthy => Status::Unhealthy(why),
                (same, Err(_)) => same,
            };
        }
        status
    }

    #[test]
    fn what_fails_on_our_own_side_takes_nobody_out_of_service() {
        let mut health = Health::HEALTHY.after(TIMEOUT, 5, 2);
        for _ in 0..20 {
            health = health.after(Err(Failure::Internal), 5, 2);
            assert!(health.is_healthy());
        }
        // It is as if there had been no such checks.
        assert!(!health.after(TIMEOUT, 5, 2).is_healthy());
        assert_eq!(
            Health::NEW.begun().after(Err(Failure::Internal), 5, 1).status,
            Status::Unhealthy(Failure::Internal)
        );
    }

    proptest! {
        #[test]
        fn the_machine_agrees_with_a_look_at_the_whole_history(
            history in prop::collection::vec(outcome(), 0..60), healthy in 2..=10_u8, unhealthy in 2..=10_u8,
        ) {
            let mut health = Health::NEW.begun();
            for (at, &outcome) in history.iter().enumerate() {
                health = health.after(outcome, healthy, unhealthy);
                let expected = by_the_book(&history[..=at], healthy.into(), unhealthy.into());
                prop_assert_eq!(health.status, expected);
                prop_assert_eq!(Health::unpack(health.pack()), health);
            }
        }
    }
}
