//! What a shard counts for each target group and zone: one column for both together, which a configuration after the other
//! goes on with as long as the group has the same ARN.

use std::collections::BTreeMap;

use crate::config::{Config, TargetGroup};
use crate::exchange::record::ColumnId;
use crate::observe::GroupMetrics;

use super::choice::Chosen;

/// All columns, also those of groups that are gone: requests may still be in progress there, and sums must not shrink.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    columns: Vec<Column>,
    /// The columns of each group, by its ARN: one for each zone.
    of_groups: BTreeMap<String, Vec<ColumnId>>,
    by_target: Vec<Vec<ColumnId>>,
}

#[derive(Debug)]
struct Column {
    group: String,
    zone: Option<String>,
    metrics: GroupMetrics,
}

impl Columns {
    /// Finds the columns for the targets of a configuration.
    pub(crate) fn learn(&mut self, config: &Config) {
        self.by_target = config.groups.iter().map(|group| self.of_group(group)).collect();
    }

    fn of_group(&mut self, group: &TargetGroup) -> Vec<ColumnId> {
        // A group has many targets in few zones.
        let mut zones: Vec<(Option<&str>, ColumnId)> = Vec::new();
        let column = |zone| {
            if let Some((_, known)) = zones.iter().find(|(known, _)| *known == zone) {
                return *known;
            }
            let column = self.column(&group.arn, zone);
            zones.push((zone, column));
            column
        };
        group.targets.iter().map(|target| target.zone.as_deref()).map(column).collect()
    }

    fn column(&mut self, group: &str, zone: Option<&str>) -> ColumnId {
        let known = self.of_groups.get(group).map_or(&[][..], Vec::as_slice);
        let is_it = |id: &&ColumnId| self.columns.get(id.0 as usize).is_some_and(|it| it.zone.as_deref() == zone);
        if let Some(known) = known.iter().find(is_it) {
            return *known;
        }
        let id = ColumnId(u32::try_from(self.columns.len()).unwrap_or(u32::MAX));
        let metrics = GroupMetrics::default();
        self.columns.push(Column { group: group.to_owned(), zone: zone.map(str::to_owned), metrics });
        self.of_groups.entry(group.to_owned()).or_default().push(id);
        id
    }

    /// The column of a target that was chosen.
    pub(crate) fn of(&self, chosen: Chosen) -> Option<ColumnId> {
        self.by_target.get(chosen.group.0 as usize)?.get(chosen.target).copied()
    }

    /// The ARN of the group that it is for.
    pub(crate) fn group(&self, column: ColumnId) -> Option<&str> {
        self.columns.get(column.0 as usize).map(|column| column.group.as_str())
    }

    /// What is counted there.
    pub(crate) fn get_mut(&mut self, column: ColumnId) -> Option<&mut GroupMetrics> {
        self.columns.get_mut(column.0 as usize).map(|column| &mut column.metrics)
    }

    /// The group's ARN, the zone, and what is counted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>, &GroupMetrics)> {
        self.columns.iter().map(|column| (column.group.as_str(), column.zone.as_deref(), &column.metrics))
    }
}
