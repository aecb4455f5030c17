//! The classifier beside `http_desync_guardian`, the library that the guide names (DSY-08): over requests of every day and all
//! that is one step away from them, both say the same, but for the departures of `conformance/desync/departures.tsv`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use sluicegate::desync::classify_head;

use super::case::all;
use super::departures::{Disagreement, Row, rows};
use super::guardian::{Found, Split, ask};
use super::mutants::{BASES, several, single};
use super::text::shown;

/// What both said of many heads.
#[derive(Debug, Default)]
struct Tally {
    heads: u64,
    /// By the row that explains them.
    departures: BTreeMap<&'static str, u64>,
    unexplained: Vec<String>,
}

impl Tally {
    /// Asks both about the head that `bytes` begin with, if it is whole; the row that explains why they disagree.
    fn see(&mut self, bytes: &[u8], rows: &[Row]) -> Option<&'static str> {
        let (split, len) = Split::of(bytes)?;
        let head = &bytes[..len];
        self.heads += 1;
        let found = classify_head(bytes).ok().flatten().expect("a whole head");
        let (ours, theirs) = (Found { tier: found.tier(), reason: found.reason() }, ask(head, &split));
        if ours == theirs {
            return None;
        }
        let disagreement = Disagreement { split, theirs, ours };
        let Some(row) = rows.iter().find(|row| (row.holds)(&disagreement)) else {
            self.unexplained.push(format!("they: {}, we: {}: {}", told(theirs), told(ours), shown(head)));
            return Some("unexplained");
        };
        *self.departures.entry(row.id).or_default() += 1;
        Some(row.id)
    }

    fn add(&mut self, other: Tally) {
        self.heads += other.heads;
        self.unexplained.extend(other.unexplained);
        for (id, count) in other.departures {
            *self.departures.entry(id).or_default() += count;
        }
    }
}

fn told(found: Found) -> String {
    found.reason.map_or(found.tier.to_string(), |reason| format!("{} {reason}", found.tier))
}

/// Heads with several steps at once.
const SEVERAL: usize = 24_000;

#[test]
fn mutants_of_everyday_requests_are_classified_as_the_library_does() {
    let rows = rows();
    let tally = Mutex::new(Tally::default());
    let next = Mutex::new(BASES.iter());
    let work = || {
        let mut mine = Tally::default();
        while let Some(base) = { next.lock().expect("no panic").next() } {
            let mut chance = fastrand::Rng::with_seed(base.len() as u64);
            single(base.as_bytes(), |mutant| drop(mine.see(mutant, &rows)));
            for _ in 0..SEVERAL / BASES.len() {
                mine.see(&several(base.as_bytes(), &mut chance), &rows);
            }
        }
        tally.lock().expect("no panic").add(mine);
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let tally = tally.into_inner().expect("no panic");
    let departures: u64 = tally.departures.values().sum();
    let share = departures as f64 * 100.0 / tally.heads as f64;
    println!("{} heads, {departures} departures: {share:.3} %", tally.heads);
    for row in &rows {
        println!("{:>8}  {}", tally.departures.get(row.id).unwrap_or(&0), row.id);
    }
    let some: Vec<_> = tally.unexplained.iter().take(20).map(String::as_str).collect();
    assert!(some.is_empty(), "{} without a row\n{}", tally.unexplained.len(), some.join("\n"));
    assert!(share < 2.0, "{share:.3} % depart");
    for row in &rows {
        assert!(tally.departures.contains_key(row.id), "no mutant is of the row {}", row.id);
    }
}

#[test]
fn every_case_of_the_table_says_whether_the_library_agrees() {
    let rows = rows();
    for case in all().iter().filter(|case| case.verdict.is_some()) {
        let mut tally = Tally::default();
        let row = tally.see(&case.bytes, &rows);
        assert_eq!(row, case.departs.as_deref(), "cases.txt:{}: {:?}", case.line, tally.unexplained);
    }
    for row in &rows {
        let of = |case: &super::case::Case| case.departs.as_deref() == Some(row.id);
        assert!(all().iter().any(of), "no case shows the row {}", row.id);
    }
}
