//! Every test of the repository, by name, found in the source the way the compiler finds it: from each
//! package's roots along `mod` declarations. A file that no `mod` reaches holds no test.
//!
//! Tests that a macro makes from its arguments are not seen; tests written out inside one (`proptest!`) are.
//! Conditional compilation is ignored: a test behind a feature exists.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::lexer::{Token, tokens};

/// Whether a test runs when all tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Always.
    Always,
    /// Only when asked for: `#[ignore]`.
    OnlyWhenAsked,
}

/// The tests of a repository by name (`guide.tsv` says how they are named).
#[derive(Debug, Default)]
pub struct Tests(pub BTreeMap<String, Runs>);

impl Tests {
    /// Reads all packages directly under `root`.
    ///
    /// # Errors
    /// When a directory or a file cannot be read.
    pub fn of_repository(root: &Path) -> io::Result<Tests> {
        let mut found = Tests::default();
        for directory in children(root)? {
            let manifest = directory.join("Cargo.toml");
            if let Some(package) = fs::read_to_string(manifest).ok().as_deref().and_then(package_name) {
                found.read_package(package, &directory)?;
            }
        }
        Ok(found)
    }

    /// The full name of the test that `name` means: itself, or, in the same package, the only test whose path
    /// ends with the rest of it. `-` and `_` in package names are the same.
    ///
    /// # Errors
    /// A sentence that says why there is no such test, or which ones it could be.
    pub fn resolve(&self, name: &str) -> Result<&str, String> {
        let (package, path) = name.split_once("::").ok_or_else(|| format!("`{name}` names no package"))?;
        let package = package.replace('_', "-");
        let exact = format!("{package}::{path}");
        if let Some((known, _)) = self.0.get_key_value(&exact) {
            return Ok(known);
        }
        let (start, end) = (format!("{package}::"), format!("::{path}"));
        let like = self.0.keys().filter(|known| known.starts_with(&start) && known.ends_with(&end));
        match like.collect::<Vec<_>>().as_slice() {
            [only] => Ok(only),
            [] => Err(format!("no test `{exact}`")),
            several => Err(format!("`{name}` could be any of {several:?}")),
        }
    }

    fn read_package(&mut self, package: &str, directory: &Path) -> io::Result<()> {
        for root in ["src/lib.rs", "src/main.rs"] {
            self.read_file(&directory.join(root), package)?;
        }
        for (folder, name) in [("src/bin", "bin"), ("tests", "tests")] {
            for entry in children(&directory.join(folder))? {
                let file = if entry.is_dir() { entry.join("main.rs") } else { entry.clone() };
                if file.extension().is_some_and(|extension| extension == "rs") {
                    self.read_file(&file, &format!("{package}::{name}::{}", stem(&entry)))?;
                }
            }
        }
        Ok(())
    }

    /// Reads `file` as the module `path`, and the modules that it declares. A file that is not there is none.
    fn read_file(&mut self, file: &Path, path: &str) -> io::Result<()> {
        if !file.is_file() {
            return Ok(());
        }
        let text = fs::read_to_string(file)?;
        let module = scan(&tokens(&text));
        for (name, runs) in module.tests {
            self.0.insert(format!("{path}::{name}"), runs);
        }
        for child in module.files {
            let place = child.place(file);
            self.read_file(&place, &format!("{path}::{}", child.name))?;
        }
        Ok(())
    }
}

/// What one file says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Module {
    /// Its tests, named from the file's module on.
    tests: Vec<(String, Runs)>,
    /// The modules it declares in other files.
    files: Vec<Child>,
}

/// `mod name;`, perhaps with a path, perhaps inside inline modules.
#[derive(Debug, PartialEq, Eq)]
struct Child {
    /// `outer::inner`
    name: String,
    /// The value of `#[path = "…"]`.
    path: Option<String>,
}

impl Child {
    fn place(&self, declared_in: &Path) -> PathBuf {
        let folder = declared_in.parent().unwrap_or(Path::new(""));
        if let Some(path) = &self.path {
            return folder.join(path);
        }
        let relative = self.name.replace("::", "/");
        let bases = [folder.to_owned(), folder.join(stem(declared_in))];
        let owned = if is_root(declared_in) { &bases[0] } else { &bases[1] };
        let flat = owned.join(format!("{relative}.rs"));
        if flat.is_file() { flat } else { owned.join(relative).join("mod.rs") }
    }
}

/// Whether the modules that a file declares lie beside it: crate roots and `mod.rs`. Each file directly in
/// `tests/` or `src/bin/` is a root.
fn is_root(file: &Path) -> bool {
    let folder = file.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    matches!(stem(file).as_str(), "mod" | "lib" | "main") || matches!(folder, Some("tests" | "bin"))
}

/// Where the scan is: what was opened, and what the next item carries.
#[derive(Default)]
struct Scan {
    module: Module,
    /// Open braces; `Some` for those of inline modules.
    open: Vec<Option<String>>,
    test: bool,
    ignored: bool,
    path: Option<String>,
}

fn scan(tokens: &[Token<'_>]) -> Module {
    let mut scan = Scan::default();
    let mut rest = tokens;
    while !rest.is_empty() {
        let taken = scan.step(rest);
        rest = &rest[taken..];
    }
    scan.module
}

impl Scan {
    /// Takes one item's beginning, attribute, brace or other token; says how many tokens that was.
    fn step(&mut self, rest: &[Token<'_>]) -> usize {
        use Token::{Sign, Word};
        match rest {
            [Sign('#'), Sign('['), ..] => return self.attribute(&rest[2..]) + 2,
            [Word("mod"), Word(name), Sign('{'), ..] => {
                self.open.push(Some((*name).to_owned()));
                self.forget();
                return 3;
            }
            [Word("mod"), Word(name), Sign(';'), ..] => {
                let (name, path) = (self.named(name), self.path.take());
                self.module.files.push(Child { name, path });
                self.forget();
            }
            [Word("fn"), Word(name), ..] => {
                if self.test {
                    let runs = if self.ignored { Runs::OnlyWhenAsked } else { Runs::Always };
                    self.module.tests.push((self.named(name), runs));
                }
                self.forget();
            }
            [Sign('{'), ..] => self.open.push(None),
            [Sign('}'), ..] => drop(self.open.pop()),
            _ => {}
        }
        1
    }

    /// Reads an attribute after its `#[`; says how many tokens it has, with the closing bracket.
    fn attribute(&mut self, rest: &[Token<'_>]) -> usize {
        match rest {
            [Token::Word("test"), ..] => self.test = true,
            [Token::Word("ignore"), ..] => self.ignored = true,
            [Token::Word("path"), Token::Sign('='), Token::Text(path), ..] => {
                self.path = Some(path.trim_matches('"').to_owned());
            }
            _ => {}
        }
        let mut depth = 1;
        for (at, token) in rest.iter().enumerate() {
            match token {
                Token::Sign('[') => depth += 1,
                Token::Sign(']') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        rest.len()
    }

    fn named(&self, name: &str) -> String {
        let modules = self.open.iter().flatten().map(String::as_str);
        modules.chain([name]).collect::<Vec<_>>().join("::")
    }

    /// An item has begun: what was said of it does not hold for the next.
    fn forget(&mut self) {
        (self.test, self.ignored, self.path) = (false, false, None);
    }
}

/// The value of the first `name = "…"` in a manifest that has a `[package]`.
fn package_name(manifest: &str) -> Option<&str> {
    let (_, package) = manifest.split_once("[package]")?;
    let line = package.lines().find(|line| line.starts_with("name"))?;
    line.split('"').nth(1)
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The entries of a directory in order; none if there is no such directory.
fn children(directory: &Path) -> io::Result<Vec<PathBuf>> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut found =
        fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(source: &str) -> Vec<(String, Runs)> {
        scan(&tokens(source)).tests
    }

    #[test]
    fn a_test_is_named_by_the_modules_around_it() {
        let source = "fn no() {} mod tests { struct X { y: u8 } #[test] fn yes() { if true { } } mod deep { #[test] #[should_panic(expected = \"[\")] fn also() {} } #[test] fn last() {} }";
        let expected = ["tests::yes", "tests::deep::also", "tests::last"];
        assert_eq!(names(source), expected.map(|name| (name.to_owned(), Runs::Always)));
    }

    #[test]
    fn an_ignored_test_is_told_apart() {
        let source = "#[test] #[ignore = \"slow\"] fn slow() {} #[test] fn fast() {}";
        assert_eq!(names(source), [("slow".to_owned(), Runs::OnlyWhenAsked), ("fast".to_owned(), Runs::Always)]);
    }

    #[test]
    fn a_test_in_a_comment_or_a_string_is_none() {
        assert_eq!(names("// #[test] fn a() {}\nconst B: &str = \"#[test] fn b() {}\";"), []);
    }

    #[test]
    fn a_test_written_out_inside_a_macro_is_seen() {
        let source = "mod tests { proptest! { #![x] #[test] fn holds(a in 0..9u8) { } } }";
        assert_eq!(names(source), [("tests::holds".to_owned(), Runs::Always)]);
    }

    #[test]
    fn modules_in_other_files_are_followed_with_their_paths() {
        let source = "pub mod a; #[cfg(test)] #[path = \"b_tests.rs\"] mod b; mod c { mod d; }";
        let child = |name: &str, path: Option<&str>| Child { name: name.into(), path: path.map(Into::into) };
        assert_eq!(
            scan(&tokens(source)).files,
            [child("a", None), child("b", Some("b_tests.rs")), child("c::d", None)]
        );
    }

    #[test]
    fn a_manifest_without_a_package_names_none() {
        assert_eq!(package_name("[workspace]\nname = \"x\"\n"), None);
        assert_eq!(package_name("[package]\nname = \"x-y\"\n"), Some("x-y"));
    }

    #[test]
    fn a_name_resolves_exactly_or_by_its_only_ending() {
        let all = ["a-b::x::tests::one", "a-b::y::tests::one", "a-b::y::tests::two", "c::y::tests::two"];
        let tests = Tests(all.map(|name| (name.to_owned(), Runs::Always)).into());
        assert_eq!(tests.resolve("a_b::x::tests::one"), Ok("a-b::x::tests::one"));
        assert_eq!(tests.resolve("a-b::two"), Ok("a-b::y::tests::two"));
        assert!(tests.resolve("a-b::one").is_err_and(|why| why.contains("could be any")));
        assert!(tests.resolve("a-b::three").is_err_and(|why| why.contains("no test")));
        assert!(tests.resolve("a-b::wo").is_err(), "an ending is whole segments");
    }

    #[test]
    fn this_repository_holds_this_test() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let tests = Tests::of_repository(&root).expect("the repository can be read");
        let name = "sluicegate-conformance::source::tests::this_repository_holds_this_test";
        assert_eq!(tests.0.get(name), Some(&Runs::Always));
    }
}
