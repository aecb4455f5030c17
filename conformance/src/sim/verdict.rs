//! Answers that the balancer makes itself: whether they are as they should be, and whether somebody gave a reason for them.

use super::spec::{Course, Ledger, Spec};

/// Such an answer, as its client got it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own<'a> {
    pub(super) status: u16,
    pub(super) server: Option<&'a str>,
    pub(super) cause: Option<&'a str>,
    pub(super) location: Option<&'a str>,
    /// The head of its request may have taken longer than a head may.
    pub(super) is_slow: bool,
}

impl Own<'_> {
    /// Counts it, or says what is wrong about it.
    pub(super) fn judge(self, spec: &Spec, ledger: &mut Ledger) -> Result<(), String> {
        let Own { status, server, cause, location, is_slow } = self;
        if server != Some("awselb/2.0") {
            return Err(format!("{status} comes neither from a target nor from the balancer"));
        }
        match (cause, status) {
            (Some("TargetTlsHandshakeFailed"), 502) => ledger.unsecured[0] += 1,
            (Some("TargetTlsHandshakeTimeout"), 504) => ledger.unsecured[1] += 1,
            (Some(cause), _) if cause.starts_with("TargetTls") => return Err(format!("{status} because of {cause}")),
            _ => {}
        }
        let expected = match spec.course {
            Course::Redirect => {
                status == 302 && location.is_some_and(|to| to.ends_with(&format!("/moved/redirect/{:x}", spec.id)))
            }
            Course::Fixed => status == 200,
            _ => false,
        };
        if !expected {
            *ledger.refused.entry(status).or_default() += 1;
        }
        if expected
            || spec.errors.contains(&status)
            || ledger.disturbed && status == 503
            || self.waited_in_vain(spec, ledger)
            || ledger.starved && matches!(status, 408 | 502 | 504)
            || ledger.slow && status == 504
            || is_slow && status == 408
        {
            return Ok(());
        }
        let (method, path, manner) = (spec.method, spec.path(), spec.manner);
        Err(format!("{status} ({cause:?}) for {method} {path} ({manner:?}), which nobody gave a reason for"))
    }

    /// No further connection is made to a target that was deregistered: a request that waits there for its turn, since its group
    /// has no other, gets none if the target leaves that connection, or if those before it take too long. No target has seen it.
    fn waited_in_vain(&self, spec: &Spec, ledger: &Ledger) -> bool {
        let is_unseen = ledger.entries.get(&spec.id).is_some_and(|entry| !entry.seen);
        let is_end_of_wait =
            matches!((self.status, self.cause), (502, Some("TargetWentAway")) | (504, Some("TargetIdle")));
        ledger.deregisters && spec.may_wait && is_unseen && is_end_of_wait
    }
}
