//! Where a node of a load balancer stands: which zone it is in, and in which zones its load balancer is enabled. That decides
//! which targets it sends requests to at all, whatever their health.

use super::state::Target;

/// A node of a load balancer, or all of them together while no zone is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Node<'a> {
    /// The zone that it is in; `None` if it serves every zone.
    pub zone: Option<&'a str>,
    /// The zones that its load balancer is enabled in; `None` if that is every zone.
    pub enabled: Option<&'a [String]>,
}

impl Node<'_> {
    /// Whether requests that come to this node may go to that target, if its group has cross-zone load balancing or has not
    /// (guide XZ-02, TG-13). A target without a zone is in no zone in particular: nodes of one zone alone do not use it.
    pub fn reaches(&self, target: &Target, cross_zone: bool) -> bool {
        let near = cross_zone || self.zone.is_none_or(|zone| is_in(target, zone));
        let enabled =
            target.zone.is_none() || self.enabled.is_none_or(|zones| zones.iter().any(|zone| is_in(target, zone)));
        near && enabled
    }
}

fn is_in(target: &Target, zone: &str) -> bool {
    target.zone.as_deref() == Some(zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::GroupState;

    fn target(zone: Option<&str>) -> Target {
        Target::new("t".to_owned(), ([127, 0, 0, 1], 80).into(), zone.map(str::to_owned), &GroupState::default())
    }

    #[test]
    fn a_node_without_cross_zone_load_balancing_keeps_to_its_zone() {
        let node = Node { zone: Some("a"), enabled: None };
        let reached = |zone, cross_zone| node.reaches(&target(zone), cross_zone);
        assert!(reached(Some("a"), false) && !reached(Some("b"), false) && !reached(None, false));
        assert!([Some("a"), Some("b"), None].into_iter().all(|zone| reached(zone, true)));
        assert!([Some("a"), Some("b"), None].into_iter().all(|zone| Node::default().reaches(&target(zone), false)));
    }

    #[test]
    fn targets_of_zones_that_are_not_enabled_are_never_reached() {
        let zones = ["a".to_owned(), "b".to_owned()];
        let node = Node { zone: Some("a"), enabled: Some(&zones) };
        let reached = |zone, cross_zone| node.reaches(&target(zone), cross_zone);
        assert!(reached(Some("a"), true) && reached(Some("b"), true) && reached(None, true));
        assert!(!reached(Some("c"), true) && !reached(Some("c"), false) && !reached(Some("b"), false));
        let nowhere = Node { zone: Some("c"), enabled: Some(&zones) };
        assert!(!nowhere.reaches(&target(Some("c")), false));
    }
}
