//! What is told of targets, against what the model says of them (guide HC-18 to HC-23, DRAIN-03).

use sluicegate::config::TargetHealth;
use sluicegate::rules::GroupId;

use super::model::{Membership, State, Told, Why};
use super::world::{Day, RETRY};
use super::{GROUPS, HOSTS, Host, address, group_of, host_at};

impl Day {
    /// What is told of a target is what the model says; everything about its group is compared when something has changed.
    pub(crate) fn verify(&mut self, host: Host) {
        let told = self.model.told(&self.plan, host, self.now);
        if self.told[host] == Some(told) {
            let state = &self.config.groups[group_of(host)].targets[self.places[host]].state;
            let is = state.health().status;
            assert_eq!((is.state(), is.reason().unwrap_or("")), told, "{}: {host}", self.clock_text());
            return;
        }
        self.transitions += 1;
        self.compare(group_of(host));
    }

    /// Compares everything that is told of a group.
    pub(crate) fn compare(&mut self, group: usize) {
        let all = self.config.target_health(GroupId(group as u32), self.now);
        let mut described = 0;
        for target in &all {
            let host = host_at((target.id.parse::<std::net::IpAddr>().expect("an address"), target.port).into());
            let expected = self.model.told(&self.plan, host, self.now);
            let TargetHealth { state, reason, description } = &target.health;
            let said = (*state, reason.unwrap_or(""));
            assert_eq!(said, expected, "{}: {host} {:?}", self.clock_text(), self.model.hosts[host]);
            if let State::Unhealthy { why: Why::Code(code), .. } = self.model.hosts[host].state
                && said.0 == "unhealthy"
            {
                let text = format!("Health checks failed with these codes: [{code}]");
                assert_eq!(description.as_deref(), Some(text.as_str()));
            }
            self.seen(host, expected);
            described += 1;
        }
        let there = |host: &Host| self.model.told(&self.plan, *host, self.now).1 != "Target.NotRegistered";
        let hosts = group * HOSTS..(group + 1) * HOSTS;
        assert_eq!(described, hosts.filter(there).count(), "{}: group {group}", self.clock_text());
    }

    pub(crate) fn seen(&mut self, host: Host, told: Told) {
        if self.told[host].replace(told) != Some(told) {
            *self.model.seen.entry(told).or_default() += 1;
        }
    }

    /// Compares everything, also what is told of those who are no targets, and whether anybody was forgotten.
    pub(crate) fn audit(&mut self) {
        for group in 0..GROUPS {
            self.compare(group);
        }
        for host in 0..GROUPS * HOSTS {
            let known = &self.model.hosts[host];
            if let (true, Some(last)) = (self.model.is_checked(&self.plan, host), known.checked) {
                let most = self.plan.groups[group_of(host)].check.interval + RETRY;
                assert!(self.now.since(last) <= most, "{}: {host} is not checked any more", self.clock_text());
            }
            let told = self.model.told(&self.plan, host, self.now);
            if told.1 == "Target.NotRegistered" {
                if known.membership == Membership::Never && host % HOSTS + 1 < HOSTS {
                    // One stranger of each group is enough.
                    continue;
                }
                let id = address(host).ip().to_string();
                let group = GroupId(group_of(host) as u32);
                let said = self.config.target_health_of(group, &id, 8000, self.now).health;
                assert_eq!((said.state, said.reason.unwrap_or("")), told);
                self.seen(host, told);
            } else if let Membership::Registered = known.membership {
                let state = &self.config.groups[group_of(host)].targets[self.places[host]].state;
                assert_eq!(state.outstanding(), known.outstanding, "{}: {host}", self.clock_text());
            }
        }
    }
}
