//! Which load balancer uses which groups, and in which zones.

use super::{Config, Listener, LoadBalancer, Target, TargetGroup};
use crate::rules::{Action, GroupId};
use crate::target::Node;

impl Listener {
    fn may_forward_to(&self, group: GroupId) -> bool {
        let uses = |action: &Action| match action {
            Action::Forward(forward) => forward.groups.iter().any(|weighted| weighted.group == group),
            Action::Redirect(_) | Action::FixedResponse(_) => false,
        };
        uses(self.rules.default_action()) || self.rules.rules().iter().any(|rule| uses(&rule.action))
    }
}

impl Config {
    /// The load balancer whose listeners forward to that group; `None` if nobody uses it (guide TG-09: there is at most one).
    pub fn user_of(&self, group: GroupId) -> Option<&LoadBalancer> {
        self.load_balancers.get(self.number_of_user(group)?)
    }

    /// Whether a rule or default action of a listener forwards to that group (guide HC-02): with whatever weight.
    pub fn is_in_use(&self, group: GroupId) -> bool {
        self.number_of_user(group).is_some()
    }

    /// The groups in use, each with what tells which of its targets are in zones that are enabled.
    pub(crate) fn groups_in_use(&self) -> impl Iterator<Item = (&TargetGroup, Node<'_>)> {
        self.groups.iter().zip(self.users()).filter_map(|(group, user)| {
            let balancer = self.load_balancers.get(user?)?;
            Some((group, Node { zone: None, enabled: balancer.zones.as_deref() }))
        })
    }

    /// All nodes together of the load balancer that uses a group.
    pub(super) fn node_of(&self, group: GroupId) -> Node<'_> {
        Node { zone: None, enabled: self.enabled_zones(group) }
    }

    /// The targets that are checked: of groups that are in use and have checks enabled, and in zones that are (guide HC-02).
    pub(crate) fn checked_targets(&self) -> impl Iterator<Item = (&TargetGroup, &Target)> {
        let checked = self.groups_in_use().filter(|(group, _)| group.health_check.enabled);
        checked.flat_map(|(group, node)| {
            let reached = group.targets.iter().filter(move |target| node.reaches(target, true));
            reached.map(move |target| (group, target))
        })
    }

    /// The groups that a load balancer's listeners forward to.
    pub fn groups_of(&self, load_balancer: usize) -> impl Iterator<Item = (GroupId, &TargetGroup)> {
        let groups = (0..).map(GroupId).zip(&self.groups).zip(self.users());
        groups.filter(move |(_, user)| *user == Some(load_balancer)).map(|(group, _)| group)
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

    /// The number of the load balancer that uses each group, found in one walk over all rules.
    fn users(&self) -> Vec<Option<usize>> {
        let mut users = vec![None; self.groups.len()];
        for listener in &self.listeners {
            let rules = listener.rules.rules().iter().map(|rule| &rule.action);
            for action in rules.chain([listener.rules.default_action()]) {
                let Action::Forward(forward) = action else { continue };
                for weighted in &forward.groups {
                    if let Some(user) = users.get_mut(weighted.group.0 as usize) {
                        user.get_or_insert(listener.load_balancer);
                    }
                }
            }
        }
        users
    }

    pub(super) fn number_of_user(&self, group: GroupId) -> Option<usize> {
        Some(self.listeners.iter().find(|listener| listener.may_forward_to(group))?.load_balancer)
    }

    /// Whether a listener forwards to that group of this configuration.
    #[cfg(feature = "shard")]
    pub(crate) fn forwards_to(&self, listener: &Listener, group: &TargetGroup) -> bool {
        let number = (0..).map(GroupId).zip(&self.groups).find(|(_, known)| core::ptr::eq(*known, group));
        number.is_some_and(|(number, _)| listener.may_forward_to(number))
    }
}
