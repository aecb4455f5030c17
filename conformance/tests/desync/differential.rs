//! The classifier beside `http_desync_guardian`, the library that the guide names (DSY-08): over requests of every day and all
//! that is one step away from them, both say the same, but for the departures of `conformance/desync/departures.tsv`.

use std::collections::BTreeMap;
use std::sync::Mutex;

use sluicegate::desync::classify_head;

use super::case::{Case, all};
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
    /// Takes note of what both say of the head that `bytes` begin with, if it is whole.
    fn see(&mut self, bytes: &[u8], rows: &[Row]) {
        let Some((split, len)) = Split::of(bytes) else { return };
        self.heads += 1;
        let Some(disagreement) = disagreement(bytes, split, len) else { return };
        match rows.iter().find(|row| (row.holds)(&disagreement)) {
            Some(row) => *self.departures.entry(row.id).or_default() += 1,
            None => self.unexplained.push(format!("{}: {}", told(&disagreement), shown(&bytes[..len]))),
        }
    }

    fn add(&mut self, other: Tally) {
        self.heads += other.heads;
        self.unexplained.extend(other.unexplained);
        for (id, count) in other.departures {
            *self.departures.entry(id).or_default() += count;
        }
    }
}

/// Asks both about the head that is the first `len` of `bytes`.
fn disagreement<'a>(bytes: &'a [u8], split: Split<'a>, len: usize) -> Option<Disagreement<'a>> {
    let found = classify_head(bytes).ok().flatten().expect("a whole head");
    let (ours, theirs) = (Found { tier: found.tier(), reason: found.reason() }, ask(&bytes[..len], &split));
    (ours != theirs).then_some(Disagreement { split, theirs, ours })
}

fn told(disagreement: &Disagreement<'_>) -> String {
    let told = |found: Found| found.reason.map_or(found.tier.to_string(), |reason| format!("{} {reason}", found.tier));
    format!("they: {}, we: {}", told(disagreement.theirs), told(disagreement.ours))
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
            single(base.as_bytes(), |mutant| mine.see(mutant, &rows));
            for _ in 0..SEVERAL / BASES.len() {
                mine.see(&several(base.as_bytes(), &mut chance), &rows);
            }
        }
        tally.lock().expect("no panic").add(mine);
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(BASES.len());
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
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
    let faults: Vec<String> =
        all().iter().filter(|case| case.verdict.is_some()).filter_map(|case| fault(case, &rows)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for row in &rows {
        let of = |case: &Case| case.departs.as_deref() == Some(row.id);
        assert!(all().iter().any(of), "no case shows the row {}", row.id);
    }
}

fn fault(case: &Case, rows: &[Row]) -> Option<String> {
    let (split, len) = Split::of(&case.bytes).expect("a whole head");
    let row = case.departs.as_ref().map(|id| (id, rows.iter().find(|row| row.id == id)));
    let fault = match (disagreement(&case.bytes, split, len), row) {
        (None, None) => return None,
        (None, Some(_)) => "the library agrees".to_owned(),
        (Some(disagreement), None) => told(&disagreement),
        (Some(_), Some((id, None))) => format!("there is no row {id}"),
        (Some(disagreement), Some((_, Some(row)))) if (row.holds)(&disagreement) => return None,
        (Some(disagreement), Some((id, _))) => format!("not of the row {id}: {}", told(&disagreement)),
    };
    Some(format!("cases.txt:{}: {fault}", case.line))
}
