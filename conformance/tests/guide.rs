//! The table of the guide's statements is whole, and every test that it names exists.

use std::fs;
use std::path::Path;

use sluicegate_conformance::ledger::Ledger;
use sluicegate_conformance::score::faults;
use sluicegate_conformance::source::Tests;

#[test]
fn every_statement_is_there_and_every_named_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("conformance/guide.tsv")).expect("the table");
    let ledger = Ledger::read(&text).expect("a table without bad lines");
    let tests = Tests::of_repository(&root).expect("the source");
    let faults = faults(&ledger, &tests);
    assert!(faults.is_empty(), "guide.tsv:\n{}", faults.join("\n"));
}
