//! What a load balancer's groups say about it as a whole.

use super::{Config, LoadBalancer};
use crate::rules::{Action, GroupId};

impl Config {
    /// The load balancer whose listeners forward to that group; `None` if nobody uses it (guide TG-09: there is at most one).
    pub fn user_of(&self, group: GroupId) -> Option<&LoadBalancer> {
        let uses = |action: &Action| match action {
            Action::Forward(forward) => forward.groups.iter().any(|weighted| weighted.group == group),
            Action::Redirect(_) | Action::FixedResponse(_) => false,
        };
        let listener = self.listeners.iter().find(|listener| {
            uses(listener.rules.default_action()) || listener.rules.rules().iter().any(|rule| uses(&rule.action))
        })?;
        self.load_balancers.get(listener.load_balancer)
    }

    /// The zones whose targets a group's load balancer may use (guide TG-13); `None` if that is every zone.
    pub fn enabled_zones(&self, _group: GroupId) -> Option<&[String]> {
        None
    }
}
