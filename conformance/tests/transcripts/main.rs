//! Every transcript, in memory: a test for each file. One module for each folder.

mod answers;
mod bodies;
mod desync;
mod errors;
mod headers;
mod host;
mod keep_alive;
mod redirects;
mod rules;
mod sticky;
mod websocket;

use std::path::Path;

use sluicegate_conformance::source::Tests;
use sluicegate_conformance::transcript::{Transcript, memory, names};

fn run(name: &str) {
    let played = Transcript::load(name).and_then(|transcript| memory::run(&transcript));
    if let Err(what) = played {
        panic!("{name}: {what}");
    }
}

/// The test of a file: `answers/400` is `answers::status_400`, since no name in Rust begins with a digit.
fn test_of(name: &str) -> String {
    let (folder, file) = name.split_once('/').expect("a folder and a file");
    let digit = file.starts_with(|c: char| c.is_ascii_digit());
    let path = format!("{folder}::{}{file}", if digit { "status_" } else { "" });
    format!("sluicegate-conformance::tests::transcripts::{}", path.replace('-', "_"))
}

#[test]
fn every_file_has_its_test_and_every_test_its_file() {
    let tests = Tests::of_repository(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).expect("the source");
    let wanted: Vec<String> = names().expect("the directory").iter().map(|name| test_of(name)).collect();
    for test in &wanted {
        assert!(tests.0.contains_key(test), "no test {test}");
    }
    let here = tests.0.keys().filter(|test| test.starts_with("sluicegate-conformance::tests::transcripts::"));
    assert_eq!(here.count(), wanted.len() + 2, "a test here has no file");
}

#[test]
fn every_transcript_names_statements_that_there_are() {
    let table = include_str!("../../guide.tsv");
    let of_the_wire = |id: &str| id.starts_with(['H', 'W']) && id[1..].parse::<u8>().is_ok();
    for name in names().expect("the directory") {
        let transcript = Transcript::load(&name).unwrap_or_else(|what| panic!("{what}"));
        for id in &transcript.proves {
            let known = of_the_wire(id) || table.lines().any(|line| line.split('\t').next() == Some(id));
            assert!(known, "{name}: there is no statement {id}");
        }
    }
}
