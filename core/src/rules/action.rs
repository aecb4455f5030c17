//! What a rule does with a request: forward, redirect, or answer at once.

use core::time::Duration;

use super::Redirect;
use crate::http::answer::Answer;

/// A target group's number within its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// The routing action of a rule (guide RULE-04: exactly one, and last).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the request to a target of a group.
    Forward(Forward),
    /// Answer 301 or 302 with a `Location` made from the request.
    Redirect(Redirect),
    /// Answer with a configured status and body.
    FixedResponse(FixedResponse),
}

/// Where to forward to (guide ACT-04, ACT-05): 1 to 5 groups, with weights 0 to 999.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The groups in template order.
    pub groups: Vec<WeightedGroup>,
    /// For how long clients stay with the group that they first got (`TargetGroupStickinessConfig`, guide ACT-06, ACT-10):
    /// 1 to 604,800 s; `None` is off, the default.
    pub stickiness: Option<Duration>,
}

impl Forward {
    /// Whether [`choose`](Forward::choose) can give that group: it is one of them, and has a weight.
    pub fn may_choose(&self, id: GroupId) -> bool {
        self.groups.iter().any(|group| group.group == id && group.weight > 0)
    }

    /// One of the groups, each with the share weight / sum (guide ACT-04). `below(n)` must give a number from 0 to
    /// `n - 1` by chance; it is asked only if more than one group has a weight.
    ///
    /// `None` if no group has any weight: there is nowhere to send the request, and the answer is 503.
    pub fn choose(&self, below: impl FnOnce(u32) -> u32) -> Option<GroupId> {
        let mut weighted = self.groups.iter().filter(|group| group.weight > 0);
        let first = weighted.next()?;
        if weighted.next().is_none() {
            return Some(first.group);
        }
        let sum: u32 = self.groups.iter().map(|group| u32::from(group.weight)).sum();
        let mut left = below(sum) % sum;
        for group in &self.groups {
            match left.checked_sub(u32::from(group.weight)) {
                Some(less) => left = less,
                None => return Some(group.group),
            }
        }
        None
    }
}

/// One of a forward action's groups, and its share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightedGroup {
    /// Which group.
    pub group: GroupId,
    /// 0 to 999; the share is this weight over the sum of all.
    pub weight: u16,
}

/// An answer from configuration (guide ACT-01).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedResponse {
    /// 2xx, 4xx or 5xx.
    pub status: u16,
    /// One of the five allowed types (`wire.md` W13), `None` when the template names none.
    pub content_type: Option<String>,
    /// At most 1,024 bytes.
    pub body: String,
}

impl FixedResponse {
    /// What is sent.
    pub fn answer(&self) -> Answer<'_> {
        Answer::fixed(self.status, self.content_type.as_deref(), &self.body)
    }
}
