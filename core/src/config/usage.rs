//! Which load balancer uses which groups, and in which zones.

use super::{Config, LoadBalancer, TargetGroup};
use crate::rules::{Action, GroupId};

impl Config {
    /// The load balancer whose listeners forward to that group; `None` if nobody uses it (guide TG-09: there is at most one).
    pub fn user_of(&self, group: GroupId) -> Option<&LoadBalancer> {
        self.load_balancers.get(self.number_of_user(group)?)
    }

    /// The groups that a load balancer's listeners forward to.
    pub fn groups_of(&self, load_balancer: usize) -> impl Iterator<Item = (GroupId, &TargetGroup)> {
        let groups = (0..).map(GroupId).zip(&self.groups);
        groups.filter(move |&(id, _)| self.number_of_user(id) == Some(load_balancer))
    }

    /// The zones that the load balancer of a group is enabled in (guide TG-13); `None` if that is every zone.
    pub fn enabled_zones(&self, group: GroupId) -> Option<&[String]> {
        self.user_of(group)?.zones.as_deref()
    }

    /// The zones that a load balancer has nodes in: those that it is enabled in, or else those that its targets name, in
    /// alphabetical order.
    pub fn zones(&self, load_balancer: usize) -> Vec<&str> {
        let enabled = self.load_balancers.get(load_balancer).and_then(|balancer| balancer.zones.as_deref());
        let mut zones: Vec<&str> = match enabled {
            Some(zones) => zones.iter().map(String::as_str).collect(),
            None => {
                let targets = self.groups_of(load_balancer).flat_map(|(_, group)| &group.targets);
                targets.filter_map(|target| target.zone.as_deref()).collect()
            }
        };
        zones.sort_unstable();
        zones.dedup();
        zones
    }

    pub(super) fn number_of_user(&self, group: GroupId) -> Option<usize> {
        let uses = |action: &Action| match action {
            Action::Forward(forward) => forward.groups.iter().any(|weighted| weighted.group == group),
            Action::Redirect(_) | Action::FixedResponse(_) => false,
        };
        let listener = self.listeners.iter().find(|listener| {
            uses(listener.rules.default_action()) || listener.rules.rules().iter().any(|rule| uses(&rule.action))
        })?;
        Some(listener.load_balancer)
    }
}
