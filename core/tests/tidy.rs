//! What prose cannot hold: the core has no clock, no socket, no file, no thread and no chance of its own; its
//! modules use only what lies below them; every file says what it is and stays short. Each fault is reported
//! as `file:line: sentence`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules of the core from the ground up, and what each may use. To draw an arrow, change this table;
/// it can only point to a line above.
const LAYERS: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("key", &[]),
    ("buffer", &[]),
    ("http", &["time"]),
    ("desync", &["http"]),
    ("rules", &["http"]),
    ("target", &["time", "http"]),
    ("tls", &["time"]),
    ("config", &["time", "http", "desync", "rules", "target", "tls"]),
    ("observe", &["time", "http", "desync", "tls"]),
    ("sticky", &["time", "http"]),
    ("options", &["observe", "sticky", "tls"]),
    (
        "exchange",
        &[
            "time", "key", "buffer", "options", "http", "desync", "rules", "config", "target", "observe", "sticky",
            "tls",
        ],
    ),
    (
        "shard",
        &[
            "time", "key", "buffer", "options", "http", "desync", "rules", "config", "target", "observe", "sticky",
            "tls", "exchange",
        ],
    ),
    ("pump", &["time", "key", "buffer", "config", "shard"]),
    ("cli", &["time", "http", "desync", "rules", "config", "target", "tls", "exchange"]),
];

/// What the core may not name, as paths or parts of them, and what to do instead.
const FORBIDDEN: &[(&[&str], &str)] = &[
    (&["Instant"], "time is given as `time::Now`"),
    (&["SystemTime"], "time is given as `time::Now`"),
    (&["TcpStream"], "sockets are the adapter's"),
    (&["TcpListener"], "sockets are the adapter's"),
    (&["UdpSocket"], "sockets are the adapter's"),
    (&["UnixStream"], "sockets are the adapter's"),
    (&["UnixListener"], "sockets are the adapter's"),
    (&["UnixDatagram"], "sockets are the adapter's"),
    (&["ToSocketAddrs"], "names are resolved by the adapter"),
    (&["std", "fs"], "files are the adapter's; take bytes"),
    (&["std", "thread"], "threads are the adapter's; emit a job"),
    (&["thread_local"], "state belongs to a shard or a slot"),
    (&["std", "env"], "settings are arguments"),
    (&["std", "process"], "the process is the adapter's"),
    (&["io", "stdin"], "streams are the adapter's"),
    (&["io", "stdout"], "streams are the adapter's"),
    (&["io", "stderr"], "streams are the adapter's"),
    (&["println"], "streams are the adapter's"),
    (&["eprintln"], "streams are the adapter's"),
    (&["RandomState"], "chance comes from the shard's entropy"),
    (&["DefaultHasher"], "use a hash of our own"),
    (&["HashMap"], "its order is random; use `Vec` or `BTreeMap`"),
    (&["HashSet"], "its order is random; use `Vec` or `BTreeSet`"),
    (&["Rng", "new"], "chance comes from the shard's entropy"),
    (&["Rng", "default"], "chance comes from the shard's entropy"),
    (&["getrandom"], "chance comes from the shard's entropy"),
    (&["tokio"], "no runtime in the core"),
    (&["async_io"], "no runtime in the core"),
    (&["smol"], "no runtime in the core"),
    (&["glommio"], "no runtime in the core"),
    (&["mio"], "no runtime in the core"),
    (&["libc"], "no operating system in the core"),
];

/// Packages that bring a runtime or its sockets: never below the core, whatever its features.
const RUNTIMES: &[&str] = &[
    "async-executor",
    "async-io",
    "async-net",
    "async-std",
    "glommio",
    "hyper",
    "io-uring",
    "mio",
    "monoio",
    "nix",
    "polling",
    "signal-hook",
    "smol",
    "socket2",
    "tokio",
    "tokio-util",
];

/// Packages that speak to the operating system; only the feature `cli` may bring them.
const SYSTEM: &[&str] = &["getrandom", "libc", "rustix", "windows-sys"];

/// Lines that are not tests, in one file.
const LINES_MAX: usize = 600;

#[test]
fn the_core_names_no_clock_socket_file_thread_or_chance() {
    report(sources(&core().join("src")).iter().flat_map(forbidden));
}

#[test]
fn modules_use_only_what_lies_below_them() {
    report(sources(&core().join("src")).iter().flat_map(arrows));
}

#[test]
fn the_table_of_layers_points_only_downwards() {
    for (at, (module, uses)) in LAYERS.iter().enumerate() {
        for used in *uses {
            assert!(LAYERS[..at].iter().any(|(lower, _)| lower == used), "{module} uses {used}, not below it");
        }
    }
}

#[test]
fn the_tls_library_is_named_in_one_file() {
    let named = |source: &&Source| words(&source.code).iter().any(|word| word.1 == "rustls");
    let sources = sources(&core().join("src"));
    let files: Vec<String> = sources.iter().filter(named).map(|source| source.path.display().to_string()).collect();
    assert_eq!(files, ["tls/library.rs"]);
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let silent = |file: &&Source| !file.text.starts_with("//!");
    report(workspace().iter().filter(silent).map(|file| file.fault(1, "does not open with `//!`")));
}

#[test]
fn no_file_grows_past_its_limit() {
    let long = |file: &&Source| file.code.lines().count() > LINES_MAX;
    let sentence = format!("has more than {LINES_MAX} lines before its tests");
    report(workspace().iter().filter(long).map(|file| file.fault(LINES_MAX, &sentence)));
}

#[test]
fn nothing_is_left_to_be_done_later() {
    report(workspace().iter().flat_map(unfinished));
}

#[test]
fn no_runtime_and_without_flags_no_system_lies_below_the_core() {
    let whole = dependencies(&["--all-features"]);
    let lean = dependencies(&["--no-default-features", "--features", "template,shard,pump"]);
    let of = |tree: &[String], names: &[&str]| -> Vec<String> {
        tree.iter().filter(|name| names.contains(&name.as_str())).cloned().collect()
    };
    assert_eq!(of(&whole, RUNTIMES), [""; 0]);
    assert_eq!(of(&lean, SYSTEM), [""; 0]);
}

#[test]
fn the_checks_see_what_they_forbid() {
    let core = |text: &str| Source::new(PathBuf::from("http/h1/head.rs"), text.to_owned());
    for bad in [
        "use std::time::Instant;",
        "use std::{fs, io};",
        "fn f() { std::thread::sleep(d) }",
        "use std::net::{IpAddr, TcpStream as S};",
        "println!(\"\")",
        "let r = fastrand::Rng::new();",
    ] {
        assert_eq!(forbidden(&core(bad)).len(), 1, "{bad}");
    }
    for good in [
        "// std::fs",
        "\"std::fs\"",
        "r#\"std::fs \" \"#",
        "/* /* */ std::fs */",
        "fs::x; std::net::IpAddr",
        "let c = '\"'; // std::fs \"",
        "#[cfg(test)]\nmod tests {\n use std::fs;\n}",
    ] {
        assert_eq!(forbidden(&core(good)), [""; 0], "{good}");
    }
    for bad in [
        "use crate::shard::Shard;",
        "use crate::{time::Now, shard};",
        "fn f(x: &crate::config::Config) {}",
        "use super::super::super::rules::Rule;",
        "use crate::Shard;",
    ] {
        assert_eq!(arrows(&core(bad)).len(), 1, "{bad}");
    }
    for good in ["use crate::time::{Now, Wall};", "use super::{body, super::Field};", "use crate::http::*;"] {
        assert_eq!(arrows(&core(good)), [""; 0], "{good}");
    }
    assert_eq!(unfinished(&core(concat!("fn f() { to", "do!() } // FIX", "ME"))).len(), 2);
}

/// One source file: as it is, and with comments, strings and tests left out.
struct Source {
    /// From the directory it was looked for in.
    path: PathBuf,
    text: String,
    /// Has as many lines as `text` has before its tests.
    code: String,
}

impl Source {
    fn new(path: PathBuf, text: String) -> Source {
        let mut code = blanked(&text);
        if let Some(at) = code.find("#[cfg(test)]\nmod tests {") {
            code.truncate(at);
        }
        Source { path, text, code }
    }

    fn fault(&self, line: usize, sentence: &str) -> String {
        format!("{}:{line}: {sentence}", self.path.display())
    }

    /// The modules that lead to this file: `http`, `h1`, `head`.
    fn modules(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let names = path.iter().map(|part| part.to_string_lossy().into_owned());
        names.filter(|name| name != "mod" && name != "lib").collect()
    }
}

fn forbidden(file: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, path) in paths(&words(&file.code)) {
        for (name, instead) in FORBIDDEN {
            if path.windows(name.len()).any(|part| part == *name) {
                faults.push(file.fault(line, &format!("`{}`: {instead}", path.join("::"))));
            }
        }
    }
    faults
}

fn arrows(file: &Source) -> Vec<String> {
    let modules = file.modules();
    let Some(own) = modules.first() else { return Vec::new() };
    let Some((_, uses)) = LAYERS.iter().find(|(name, _)| name == own) else {
        return vec![file.fault(1, &format!("`{own}` is not in the table of layers"))];
    };
    let wrong = |used: &&str| used != own && !uses.contains(used);
    paths(&words(&file.code))
        .iter()
        .filter_map(|(line, path)| from_crate(path, modules.len()).filter(wrong).map(|used| (line, used)))
        .map(|(line, used)| file.fault(*line, &format!("`{own}` may not use `crate::{used}`")))
        .collect()
}

/// The name right below the crate that `path` begins with, seen from a module `depth` levels down.
fn from_crate<'a>(path: &[&'a str], depth: usize) -> Option<&'a str> {
    if path.first() == Some(&"crate") {
        return path.get(1).copied();
    }
    let ups = path.iter().take_while(|&&name| name == "super").count();
    if ups > 0 && ups == depth { path.get(ups).copied() } else { None }
}

fn unfinished(file: &Source) -> Vec<String> {
    let marks = [concat!("FIX", "ME"), concat!("XX", "X")];
    let macros = [concat!("to", "do"), concat!("unimpl", "emented"), "dbg"];
    let said = words(&file.text).into_iter().filter(|(_, word)| marks.contains(word));
    let code = words(&file.code);
    let called = code.windows(2).filter(|pair| macros.contains(&pair[0].1) && pair[1].1 == "!");
    said.chain(called.map(|pair| pair[0]))
        .map(|(line, word)| file.fault(line, &format!("`{word}` is left in it")))
        .collect()
}

/// `text` with comments, strings and characters replaced by blanks; lines stay where they are.
fn blanked(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let hidden = hidden(rest, code.chars().next_back());
        if hidden == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        code.extend(rest[..hidden].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[hidden..];
    }
    code
}

/// How many bytes of a comment, a string or a character `rest` begins with.
fn hidden(rest: &str, before: Option<char>) -> usize {
    let hashes = rest.len().saturating_sub(rest.trim_start_matches(['r', 'b', 'c', '#']).len());
    let raw = rest[..hashes].trim_end_matches('#').ends_with('r') && rest[hashes..].starts_with('"');
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment(rest)
    } else if raw && !before.is_some_and(in_word) {
        let end = format!("\"{}", "#".repeat(rest[..hashes].matches('#').count()));
        rest[hashes + 1..].find(&end).map_or(rest.len(), |at| hashes + 1 + at + end.len())
    } else if rest.starts_with('"') {
        closing(rest, '"')
    } else if rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'') && rest.starts_with('\'') {
        closing(rest, '\'')
    } else {
        0
    }
}

/// The length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of the literal that `rest` begins with, up to the next `quote` without a backslash.
fn closing(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = rest.char_indices().skip(1).find(|&(_, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// Words and signs with their lines, from 1.
fn words(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
            let length = if word > 0 { word } else { first.len_utf8() };
            found.push((number + 1, &rest[..length]));
            rest = rest[length..].trim_start();
        }
    }
    found
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

type Located<'a> = (usize, Vec<&'a str>);

/// Every path in the code, `a::{b, c::d}` as `a::b` and `a::c::d`.
fn paths<'a>(words: &[(usize, &'a str)]) -> Vec<Located<'a>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        at = path(words, at, &[], &mut found);
    }
    found
}

/// Reads the path at `at`, which stands below `above`; returns where it ends.
fn path<'a>(words: &[(usize, &'a str)], mut at: usize, above: &[&'a str], found: &mut Vec<Located<'a>>) -> usize {
    let is = |at: usize, sign: &str| words.get(at).is_some_and(|(_, word)| *word == sign);
    let (line, first) = words[at];
    at += 1;
    if !first.starts_with(in_word) {
        return at;
    }
    let mut name = above.to_vec();
    name.push(first);
    while is(at, ":") && is(at + 1, ":") {
        match words.get(at + 2) {
            Some((_, "{")) => {
                at += 3;
                while at < words.len() && !is(at, "}") {
                    at = path(words, at, &name, found);
                }
                return at + 1;
            }
            Some((_, word)) if word.starts_with(in_word) => name.push(word),
            _ => break,
        }
        at += 3;
    }
    found.push((line, name));
    at
}

/// Names of the packages that the core is built with.
fn dependencies(features: &[&str]) -> Vec<String> {
    let tree = |more: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(core()).args(["tree", "-p", "sluicegate", "-e", "normal", "--prefix", "none"]);
        cargo.args(features).args(more).output().expect("cargo runs")
    };
    let offline = tree(&["--offline"]);
    let output = if offline.status.success() { offline } else { tree(&[]) };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo writes UTF-8");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Every source file of every package beside this one.
fn workspace() -> Vec<Source> {
    sources(&core().join(".."))
}

fn core() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All `.rs` files below `root`, in order, without what is hidden or was built (cargo tags that directory).
fn sources(root: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    collect(root, &mut files);
    files.sort();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("a source file");
        Source::new(file.strip_prefix(root).expect("found below").to_owned(), text)
    };
    files.into_iter().map(read).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !path.join("CACHEDIR.TAG").exists() {
            collect(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

fn report(faults: impl Iterator<Item = String>) {
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
