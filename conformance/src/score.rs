//! The table held against the source: is every statement there, does every named test exist, and how many
//! statements are proved.

use std::collections::BTreeSet;
use std::fmt;

use crate::ledger::{Ledger, Row, State};
use crate::source::{Runs, Tests};

/// The areas of the guide in its order, with what they are about and how many statements each has. They are
/// numbered from 01 without gaps.
pub const AREAS: [(&str, &str, usize); 38] = [
    ("LB", "load balancer", 26),
    ("DSY", "desync mitigation", 27),
    ("HOST", "host header", 5),
    ("WAF", "web application firewall", 8),
    ("IP", "address types", 6),
    ("MAP", "resource map", 6),
    ("CONN", "connections", 15),
    ("LSN", "listeners", 7),
    ("RULE", "listener rules", 12),
    ("COND", "rule conditions", 14),
    ("ACT", "rule actions", 11),
    ("RED", "redirects", 13),
    ("CERT", "certificates", 12),
    ("TLS", "TLS policies", 31),
    ("MTLS", "mutual TLS", 12),
    ("TS", "trust stores", 7),
    ("AUTH", "authentication", 30),
    ("HDR", "headers", 12),
    ("TRC", "trace ids", 7),
    ("TG", "target groups", 16),
    ("PV", "protocol versions", 9),
    ("ALG", "algorithms", 6),
    ("ATW", "target weights", 7),
    ("SLOW", "slow start", 7),
    ("DRAIN", "deregistration", 7),
    ("HC", "health checks", 26),
    ("TGH", "group health", 12),
    ("XZ", "cross-zone", 7),
    ("STK", "stickiness", 21),
    ("LAM", "functions as targets", 17),
    ("AL", "access logs", 29),
    ("CL", "connection logs", 6),
    ("MET", "metrics", 28),
    ("CT", "audit of the API", 2),
    ("ERR", "error answers", 25),
    ("QUO", "quotas", 9),
    ("TAG", "tags", 4),
    ("OPS", "operations", 14),
];

/// Everything that is wrong with the table; empty when nothing is.
pub fn faults(ledger: &Ledger, tests: &Tests) -> Vec<String> {
    let mut faults = ids_out_of_order(ledger);
    for row in &ledger.rows {
        faults.extend(row_faults(row, tests).into_iter().map(|fault| format!("{}: {fault}", row.id)));
    }
    faults
}

/// Missing, repeated, unknown and misplaced ids.
fn ids_out_of_order(ledger: &Ledger) -> Vec<String> {
    let expected: Vec<String> = AREAS
        .iter()
        .flat_map(|(area, _, count)| (1..=*count).map(move |number| format!("{area}-{number:02}")))
        .collect();
    let known: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for row in &ledger.rows {
        if !known.contains(row.id.as_str()) {
            faults.push(format!("{}: the guide has no such statement", row.id));
        }
        if !seen.insert(row.id.as_str()) {
            faults.push(format!("{}: there twice", row.id));
        }
    }
    faults.extend(known.difference(&seen).map(|id| format!("{id}: missing")));
    if faults.is_empty() && !ledger.rows.iter().map(|row| &row.id).eq(&expected) {
        faults.push("the statements are not in the order of the guide".to_owned());
    }
    faults
}

fn row_faults(row: &Row, tests: &Tests) -> Vec<String> {
    let mut faults = Vec::new();
    if !matches!(row.plane.as_str(), "D" | "C" | "M") {
        faults.push(format!("`{}` is not a plane", row.plane));
    }
    match (row.state, row.tests.is_empty()) {
        (State::Proved, true) => faults.push("proved by no test".to_owned()),
        (State::Open | State::Excluded, false) => faults.push("names tests but is not proved".to_owned()),
        _ => {}
    }
    if row.state != State::Proved && row.note.is_empty() {
        faults.push("says not why".to_owned());
    }
    for name in &row.tests {
        match tests.0.get(name) {
            Some(Runs::Always) => {}
            Some(Runs::OnlyWhenAsked) => faults.push(format!("test `{name}` is ignored")),
            None => faults.push(format!("no test `{name}`")),
        }
    }
    faults
}

/// How many statements are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Proved by tests.
    pub proved: usize,
    /// Not proved yet.
    pub open: usize,
    /// Not applicable.
    pub excluded: usize,
}

impl Count {
    fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Count {
        rows.fold(Count::default(), |mut count, row| {
            match row.state {
                State::Proved => count.proved += 1,
                State::Open => count.open += 1,
                State::Excluded => count.excluded += 1,
            }
            count
        })
    }
}

/// The score of a table, printed as one line per area and a total.
#[derive(Debug)]
pub struct Score<'a>(pub &'a Ledger);

impl Score<'_> {
    /// Of all statements.
    pub fn total(&self) -> Count {
        Count::of(self.0.rows.iter())
    }

    /// Of one area.
    pub fn area(&self, area: &str) -> Count {
        Count::of(self.0.rows.iter().filter(|row| row.area() == area))
    }
}

impl fmt::Display for Score<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<32} {:>6} {:>6} {:>8}", "area", "proved", "open", "excluded")?;
        for (area, about, _) in AREAS {
            line(f, &format!("{area:<6}{about}"), self.area(area))?;
        }
        line(f, "all statements of the guide", self.total())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, count: Count) -> fmt::Result {
    let Count { proved, open, excluded } = count;
    writeln!(f, "{name:<32} {proved:>6} {open:>6} {excluded:>8}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A complete table in which nothing is proved.
    fn blank() -> Ledger {
        let row = |area: &str, number| format!("{area}-{number:02}\tD\topen\tx\t\tlater\n");
        let text: String = AREAS.iter().flat_map(|(area, _, count)| (1..=*count).map(move |n| row(area, n))).collect();
        Ledger::read(&text).expect("a table")
    }

    fn known() -> Tests {
        let tests = [("p::tests::runs", Runs::Always), ("p::tests::slow", Runs::OnlyWhenAsked)];
        Tests(tests.map(|(name, runs)| (name.to_owned(), runs)).into())
    }

    #[test]
    fn the_guide_has_513_statements() {
        assert_eq!(AREAS.iter().map(|(_, _, count)| count).sum::<usize>(), 513);
    }

    #[test]
    fn a_complete_table_whose_tests_exist_has_no_fault() {
        let mut ledger = blank();
        ledger.prove("RULE-02", "p::tests::runs").unwrap();
        assert_eq!(faults(&ledger, &known()), [""; 0]);
        assert_eq!(Score(&ledger).total(), Count { proved: 1, open: 512, excluded: 0 });
        assert_eq!(Score(&ledger).area("RULE"), Count { proved: 1, open: 11, excluded: 0 });
    }

    #[test]
    fn a_named_test_must_exist_and_run() {
        let mut ledger = blank();
        ledger.prove("RULE-02", "p::tests::gone").unwrap();
        ledger.prove("RULE-03", "p::tests::slow").unwrap();
        assert_eq!(
            faults(&ledger, &known()),
            ["RULE-02: no test `p::tests::gone`", "RULE-03: test `p::tests::slow` is ignored"]
        );
    }

    #[test]
    fn a_missing_a_repeated_and_an_unknown_id_are_faults() {
        let mut ledger = blank();
        ledger.rows[0].id = "LB-02".to_owned();
        ledger.rows[2].id = "LB-99".to_owned();
        let found = faults(&ledger, &known());
        assert_eq!(
            found,
            ["LB-02: there twice", "LB-99: the guide has no such statement", "LB-01: missing", "LB-03: missing"]
        );
    }

    #[test]
    fn the_order_is_the_guides() {
        let mut ledger = blank();
        ledger.rows.swap(3, 4);
        assert_eq!(faults(&ledger, &known()), ["the statements are not in the order of the guide"]);
    }

    #[test]
    fn proved_needs_a_test_and_anything_else_needs_a_reason_and_no_test() {
        let mut ledger = blank();
        ledger.rows[0].state = State::Proved;
        ledger.rows[1].tests.push("p::tests::runs".to_owned());
        ledger.rows[2].note.clear();
        ledger.rows[3].plane = "X".to_owned();
        assert_eq!(
            faults(&ledger, &known()),
            [
                "LB-01: proved by no test",
                "LB-02: names tests but is not proved",
                "LB-03: says not why",
                "LB-04: `X` is not a plane"
            ]
        );
    }
}
