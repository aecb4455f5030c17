//! `docs/desync.md` says what there is: the reasons, the modes, the departures, and code that compiles.

use sluicegate::desync::{Mode, Reason, Tier};

use super::departures::rows;

const DOC: &str = include_str!("../../../docs/desync.md");
const SNIPPET: &str = include_str!("snippet.rs");

/// The rows of the table below the heading, each with its cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let section = DOC.split("\n## ").find(|section| section.lines().next() == Some(heading));
    let lines = section.expect("a section").lines().filter(|line| line.starts_with("| ")).skip(1);
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_reasons_are_those_that_there_are() {
    let table = table("Reasons");
    assert_eq!(table.len(), Reason::ALL.len());
    for (row, reason) in table.iter().zip(Reason::ALL) {
        let code = format!("`{reason}`");
        assert_eq!(row[..3], [code.as_str(), reason.tier().as_str(), reason.describe()]);
        assert!(row.len() == 4 && row[3].ends_with('.'), "{reason}: what is forwarded instead");
    }
}

#[test]
fn the_modes_are_those_that_there_are() {
    let table = table("Modes");
    assert_eq!(table.len(), Mode::ALL.len());
    for (row, mode) in table.iter().zip(Mode::ALL) {
        assert_eq!(row[0], mode.as_str());
        let tiers = [Tier::Compliant, Tier::Acceptable, Tier::Ambiguous, Tier::Severe];
        for (cell, tier) in row[1..].iter().zip(tiers) {
            assert_eq!(cell.starts_with("routed"), mode.lets_through(tier), "{mode} {tier}");
            assert!(cell.starts_with("routed") || *cell == "400", "{mode} {tier}");
        }
    }
    let default = format!(
        "\n{}{} is the default.",
        &Mode::default().as_str()[..1].to_uppercase(),
        &Mode::default().as_str()[1..]
    );
    assert!(DOC.contains(&default));
}

#[test]
fn the_departures_are_those_that_are_tested() {
    let rows: Vec<Vec<&str>> = rows().iter().map(|row| row.columns.to_vec()).collect();
    assert_eq!(table("Where it departs from http_desync_guardian"), rows);
}

#[test]
fn the_code_is_the_one_that_is_run() {
    let (_, code) = SNIPPET.split_once("\n\n").expect("code behind the first line");
    let (code, _) = code.split_once("\n#[test]").expect("a test behind it");
    assert!(DOC.contains(&format!("```rust\n{}\n```\n", code.trim_end())));
}
