//! Breaks the core on purpose, one named mutant at a time, and sees whether the test that must notice does.
//!
//! `mutants.tsv` says what: a name, the file, the text to find (exactly once), its replacement, and the arguments of
//! the `cargo test` that must fail. Each mutant is made in a copy of the workspace under `target/mutants`, never here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Seeds per scenario that a mutant may survive, unless `SEEDS` says otherwise.
const SEEDS: &str = "1000";

/// A test that takes longer runs in a circle: that too is noticed.
const PATIENCE: Duration = Duration::from_secs(300);

struct Mutant {
    name: String,
    file: PathBuf,
    find: String,
    replace: String,
    test: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Caught,
    CaughtByTime,
    DoesNotBuild,
    Survived,
}

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("mutants: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Tries the named mutants, or all; whether every one was caught.
fn run(names: &[String]) -> Result<bool, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the crate lies in no workspace")?;
    let table =
        fs::read_to_string(root.join("conformance/mutants.tsv")).map_err(|why| format!("mutants.tsv: {why}"))?;
    let mutants = parse(&table)?;
    if let Some(unknown) = names.iter().find(|name| mutants.iter().all(|mutant| mutant.name != **name)) {
        return Err(format!("no mutant is called {unknown}"));
    }
    let work = root.join("target/mutants");
    let tree = work.join("tree");
    let _ = fs::remove_dir_all(&tree);
    copy(root, &tree).map_err(|why| format!("copying the workspace: {why}"))?;
    let mut all_caught = true;
    let mut sound: Vec<&[String]> = Vec::new();
    for mutant in mutants.iter().filter(|mutant| names.is_empty() || names.contains(&mutant.name)) {
        if !sound.contains(&mutant.test.as_slice()) {
            let verdict = test(mutant, &tree, &work.join("target")).map_err(|why| format!("cargo: {why}"))?;
            if verdict != Verdict::Survived {
                return Err(format!("without any mutant, cargo test {} does not pass", mutant.test.join(" ")));
            }
            sound.push(&mutant.test);
        }
        let began = Instant::now();
        let verdict = attempt(mutant, &tree, &work.join("target"))?;
        let word = match verdict {
            Verdict::Caught => "caught",
            Verdict::CaughtByTime => "caught (runs in a circle)",
            Verdict::DoesNotBuild => "DOES NOT BUILD",
            Verdict::Survived => "SURVIVED",
        };
        println!("{word:<8} {} ({:.0?}): cargo test {}", mutant.name, began.elapsed(), mutant.test.join(" "));
        all_caught &= matches!(verdict, Verdict::Caught | Verdict::CaughtByTime);
    }
    Ok(all_caught)
}

/// The table: five columns between tabs; `\n`, `\t` and `\\` stand for what they usually do.
fn parse(table: &str) -> Result<Vec<Mutant>, String> {
    let lines = table.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(number, line)| mutant(line).ok_or_else(|| format!("mutants.tsv, line {}: not five columns", number + 1)))
        .collect()
}

fn mutant(line: &str) -> Option<Mutant> {
    let mut columns = line.split('\t');
    let mut next = || columns.next().map(unescape);
    let (name, file, find, replace, test) = (next()?, next()?, next()?, next()?, next()?);
    let test = test.split_whitespace().map(str::to_owned).collect();
    columns.next().is_none().then(|| Mutant { name, file: file.into(), find, replace, test })
}

fn unescape(text: &str) -> String {
    text.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace('\0', "\\")
}

fn attempt(mutant: &Mutant, tree: &Path, target: &Path) -> Result<Verdict, String> {
    let path = tree.join(&mutant.file);
    let source =
        fs::read_to_string(&path).map_err(|why| format!("{}: {}: {why}", mutant.name, mutant.file.display()))?;
    let found = source.matches(&mutant.find).count();
    if found != 1 {
        return Err(format!("{}: the text is in {} {found} times, not once", mutant.name, mutant.file.display()));
    }
    let write = |text: &str| fs::write(&path, text).map_err(|why| format!("{}: {why}", mutant.file.display()));
    write(&source.replacen(&mutant.find, &mutant.replace, 1))?;
    let verdict = test(mutant, tree, target).map_err(|why| format!("cargo: {why}"));
    write(&source)?;
    verdict
}

fn test(mutant: &Mutant, tree: &Path, target: &Path) -> io::Result<Verdict> {
    let cargo = |extra: &[&str]| {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.arg("test").args(extra).args(&mutant.test).current_dir(tree).env("CARGO_TARGET_DIR", target);
        cargo.env("SEEDS", std::env::var("SEEDS").unwrap_or_else(|_| SEEDS.to_owned()));
        cargo.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::null());
        cargo
    };
    if !cargo(&["--no-run"]).status()?.success() {
        return Ok(Verdict::DoesNotBuild);
    }
    let mut child = cargo(&[]).spawn()?;
    let began = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(Verdict::Survived),
            Some(_) => return Ok(Verdict::Caught),
            None if began.elapsed() > PATIENCE => {
                child.kill()?;
                child.wait()?;
                return Ok(Verdict::CaughtByTime);
            }
            None => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Copies the workspace without what was built and what git keeps.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let top = from.join("Cargo.lock").exists();
        if top && (name == "target" || name == ".git") {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_of_the_table_has_its_text_exactly_once() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
        let table = fs::read_to_string(root.join("conformance/mutants.tsv")).expect("the table");
        let mutants = parse(&table).expect("five columns a line");
        assert!(mutants.len() >= 20);
        for mutant in mutants {
            let source = fs::read_to_string(root.join(&mutant.file)).expect("the file");
            assert_eq!(source.matches(&mutant.find).count(), 1, "{}", mutant.name);
            assert_ne!(mutant.find, mutant.replace, "{}", mutant.name);
        }
    }

    #[test]
    fn a_line_has_five_columns_and_may_escape_line_ends() {
        let mutants = parse("# comment\n\na\tb\tx\\ny\t\t-p c --test d\n").expect("five columns");
        assert_eq!((mutants[0].find.as_str(), mutants[0].replace.as_str(), mutants[0].test.len()), ("x\ny", "", 4));
        assert!(parse("a\tb\tc\td\n").is_err());
    }
}
