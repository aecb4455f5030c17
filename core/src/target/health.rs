//! What is known of a target's health (guide HC-03, HC-09, HC-10, HC-18 to HC-23): a value that the outcome of each check
//! turns into the next. It fits into a word, so that shards share it in an atomic.

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
}
