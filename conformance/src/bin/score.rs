//! Prints how many statements of the guide are proved, per area and in total, and what is wrong with the
//! table; names further tests for statements. Reads the repository it was built in, or `--root DIR`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sluicegate_conformance::ledger::Ledger;
use sluicegate_conformance::score::{Score, faults};
use sluicegate_conformance::source::Tests;

const USAGE: &str = "\
usage: score [--root DIR] [--check | --list | --add ID=TEST … | --import FILE]
  (nothing)      print the score; report faults
  --check        the same, and exit 1 if there is a fault
  --list         print every test of the repository by its name
  --add ID=TEST  name one more test for a statement, which is thereby proved
  --import FILE  the same for every line `ID<TAB>TEST` of FILE (`-`: standard input); others are reported
A TEST may be shortened to its package and as much of its end as is unique.";

enum Command {
    Print { strict: bool },
    List,
    Add(Vec<(String, String)>),
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|(root, command)| run(&root, command)) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("score: {why}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<(PathBuf, Command), String> {
    let mut root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::Print { strict: false };
    let mut pairs = Vec::new();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value\n{USAGE}"));
        match arg.as_str() {
            "--check" => command = Command::Print { strict: true },
            "--list" => command = Command::List,
            "--root" => root = value()?.into(),
            "--add" => pairs.push(pair(&value()?, '=')?),
            "--import" => pairs.extend(import(&value()?)?),
            _ => return Err(format!("`{arg}` is not understood\n{USAGE}")),
        }
    }
    if !pairs.is_empty() {
        command = Command::Add(pairs);
    }
    Ok((root, command))
}

/// Statement and test of `ID=TEST` or of a line `ID<TAB>TEST`.
fn pair(text: &str, between: char) -> Result<(String, String), String> {
    let (id, test) = text.split_once(between).ok_or_else(|| format!("`{text}` is not ID{between}TEST"))?;
    Ok((id.trim().to_owned(), test.trim().to_owned()))
}

fn import(file: &str) -> Result<Vec<(String, String)>, String> {
    let text = if file == "-" { std::io::read_to_string(std::io::stdin()) } else { fs::read_to_string(file) };
    let text = text.map_err(|why| format!("{file}: {why}"))?;
    text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).map(|line| pair(line, '\t')).collect()
}

fn run(root: &Path, command: Command) -> Result<ExitCode, String> {
    let file = root.join("conformance/guide.tsv");
    let text = fs::read_to_string(&file).map_err(|why| format!("{}: {why}", file.display()))?;
    let mut ledger = Ledger::read(&text).map_err(|errors| errors.join("\n"))?;
    let tests = Tests::of_repository(root).map_err(|why| why.to_string())?;
    match command {
        Command::Print { strict } => Ok(print(&ledger, &tests, strict)),
        Command::List => {
            tests.0.keys().for_each(|name| println!("{name}"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Add(pairs) => {
            let refused = add(&mut ledger, &tests, &pairs);
            fs::write(&file, ledger.to_string()).map_err(|why| format!("{}: {why}", file.display()))?;
            refused.iter().for_each(|why| eprintln!("not added: {why}"));
            println!("{} added, {} not", pairs.len() - refused.len(), refused.len());
            Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn print(ledger: &Ledger, tests: &Tests, strict: bool) -> ExitCode {
    print!("{}", Score(ledger));
    let faults = faults(ledger, tests);
    faults.iter().for_each(|fault| eprintln!("guide.tsv: {fault}"));
    if strict && !faults.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Names the tests that exist; returns why others were left out.
fn add(ledger: &mut Ledger, tests: &Tests, pairs: &[(String, String)]) -> Vec<String> {
    let each = pairs.iter().map(|(id, test)| ledger.prove(id, tests.resolve(test)?));
    each.filter_map(Result::err).collect()
}
