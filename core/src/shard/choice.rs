//! Which target gets a request: of the groups that a rule forwards to one by weight, of the group one by its algorithm. Who is
//! eligible is remembered from request to request, until the group says that something has changed.

use super::session::Wish;
use crate::config::{Config, TargetGroup};
use crate::observe::Cause;
use crate::rules::{Forward, GroupId};
use crate::target::{Eligible, Node};
use crate::time::Mono;

/// A target that was chosen, by its place in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) group: GroupId,
    pub(crate) target: usize,
    /// Too few targets were healthy: it may be one that is not (guide TGH-02).
    pub(crate) fails_open: bool,
    /// A cookie asked for it.
    pub(crate) sticky: bool,
}

/// How often another target is drawn before the list is searched for one.
const DRAWS: usize = 4;

/// Why none was chosen, and in which group.
pub(crate) type Nobody<'c> = (Cause, Option<&'c TargetGroup>);

/// Who is eligible in each group, as far as it was asked.
#[derive(Debug, Default)]
pub(crate) struct Choices(Vec<Option<(u64, Eligible)>>);

impl Choices {
    /// Groups have other numbers now.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// The target that a request goes to. What its cookies wish is granted only where a request without cookies could go.
    pub(crate) fn choose<'c>(
        &mut self,
        config: &'c Config,
        forward: &Forward,
        zone: Option<&str>,
        now: Mono,
        chance: &mut fastrand::Rng,
        wish: &mut Wish<'_>,
    ) -> Result<Chosen, Nobody<'c>> {
        let by_weight = || forward.choose(|total| chance.u32(..total));
        let wished = wish.group().filter(|&id| forward.may_choose(id));
        let id = wished.or_else(by_weight).ok_or((Cause::NoWeight, None))?;
        let group = config.group(id).ok_or((Cause::NoTargets, None))?;
        let eligible = self.eligible(config, id, group, zone, now);
        let wished = wish.target(id, group).filter(|&target| eligible.has(target));
        let by_turn = || eligible.choose(&group.state, now, |total| chance.u64(..total));
        let target = wished.or_else(by_turn).ok_or((Cause::NoTargets, Some(group)))?;
        Ok(Chosen { group: id, target, fails_open: eligible.fails_open, sticky: wished.is_some() })
    }

    /// A target of that group for a request whose own was deregistered before anything was sent to it.
    pub(crate) fn choose_anew(
        &mut self,
        config: &Config,
        id: GroupId,
        zone: Option<&str>,
        now: Mono,
        chance: &mut fastrand::Rng,
    ) -> Option<Chosen> {
        let group = config.group(id)?;
        let eligible = self.eligible(config, id, group, zone, now);
        let target = eligible.choose(&group.state, now, |total| chance.u64(..total))?;
        Some(Chosen { group: id, target, fails_open: eligible.fails_open, sticky: false })
    }

    /// Another target of the same group by chance, none of those that `refused` names.
    pub(crate) fn choose_another(
        &mut self,
        config: &Config,
        chosen: Chosen,
        refused: impl Fn(usize) -> bool,
        zone: Option<&str>,
        now: Mono,
        chance: &mut fastrand::Rng,
    ) -> Option<Chosen> {
        let group = config.group(chosen.group)?;
        let eligible = self.eligible(config, chosen.group, group, zone, now);
        let other = |target: &usize| !refused(*target);
        // Not by the algorithm: whoever fell together with this one may stand beside it, and has as few requests.
        let mut by_chance = || eligible.targets().nth(chance.usize(..eligible.targets().len().max(1)));
        let target = (0..DRAWS).filter_map(|_| by_chance()).find(other).or_else(|| eligible.targets().find(other))?;
        Some(Chosen { target, fails_open: eligible.fails_open, sticky: false, ..chosen })
    }

    fn eligible(
        &mut self,
        config: &Config,
        id: GroupId,
        group: &TargetGroup,
        zone: Option<&str>,
        now: Mono,
    ) -> &Eligible {
        let number = id.0 as usize;
        if self.0.len() <= number {
            self.0.resize_with(number + 1, || None);
        }
        let version = group.state.version();
        let known = &mut self.0[number];
        if known.as_ref().is_none_or(|(seen, eligible)| *seen != version || eligible.is_outdated(now)) {
            let checked = group.health_check.enabled;
            let node = Node { zone, enabled: config.enabled_zones(id) };
            *known = Some((version, Eligible::of(&group.targets, &group.attributes, checked, node, now)));
        }
        // It is there: it was made just now if it was not.
        &known.get_or_insert_with(Default::default).1
    }
}
