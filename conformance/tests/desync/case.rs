//! The table of cases, read: `conformance/desync/cases.txt`, which explains its own format.

use std::fmt;

use sluicegate::desync::{Reason, Tier};

use super::text;

/// One request, and what becomes of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Its line in the file.
    pub(crate) line: usize,
    pub(crate) section: String,
    /// What the client sends.
    pub(crate) bytes: Vec<u8>,
    /// `None` if the head is over a limit.
    pub(crate) verdict: Option<Verdict>,
    /// In monitor, defensive and strictest.
    pub(crate) outcomes: [Outcome; 3],
    /// What the target gets, if it gets anything.
    pub(crate) wanted: Vec<Wanted>,
    /// The body is not sent.
    pub(crate) head_only: bool,
    /// The row of the departures that says why the library says otherwise.
    pub(crate) departs: Option<String>,
}

/// How a head is classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) tier: Tier,
    pub(crate) reason: Option<Reason>,
    pub(crate) header: Option<Vec<u8>>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Routed; both connections stay open.
    Kept,
    /// Routed; the client's connection ends, the target's stays open.
    Ends,
    /// Routed; the target's connection closes, the client's stays open.
    Target,
    /// Routed; both connections close.
    Both,
    /// Routed as long as it was good.
    Cut,
    /// Answered so.
    Status(u16),
}

/// What the target gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Line(Vec<u8>),
    /// This field and no other of its name.
    Field(Vec<u8>, Vec<u8>),
    /// No field of that name.
    No(Vec<u8>),
    Body(Vec<u8>),
}

const TABLE: &str = include_str!("../../desync/cases.txt");

/// Every case of the table.
pub(crate) fn all() -> Vec<Case> {
    read(TABLE).unwrap_or_else(|fault| panic!("desync/cases.txt: {fault}"))
}

fn read(table: &str) -> Result<Vec<Case>, String> {
    let mut reader = Reader::default();
    for (number, line) in (1..).zip(table.lines()) {
        reader.line(number, line).map_err(|fault| format!("line {number}: {fault}: {line}"))?;
    }
    reader.finish().map_err(|fault| format!("at the end: {fault}"))?;
    Ok(reader.cases)
}

#[derive(Default)]
struct Reader {
    cases: Vec<Case>,
    section: String,
    /// A request whose verdict has not come yet, and its line.
    pending: Option<(usize, String)>,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(section) = line.strip_prefix("== ") {
            self.section = section.to_owned();
            return self.finish();
        }
        if let Some(text) = line.strip_prefix("> ") {
            self.pending.get_or_insert((number, String::new())).1.push_str(text);
            return Ok(());
        }
        if let Some(text) = line.strip_prefix("= ") {
            let case = self.case(text)?;
            self.cases.push(case);
            return Ok(());
        }
        let text = line.strip_prefix("  ").ok_or("neither > nor = nor two blanks")?;
        self.finish()?;
        self.cases.last_mut().ok_or("before the first case")?.more(text)
    }

    fn case(&mut self, text: &str) -> Result<Case, String> {
        let (line, sent) = self.pending.take().ok_or("a verdict without a request")?;
        let (verdict, outcomes) = text.rsplit_once(": ").ok_or("no colon")?;
        Ok(Case {
            line,
            section: self.section.clone(),
            bytes: text::bytes(&sent)?,
            verdict: if verdict == "over a limit" { None } else { Some(verdict_of(verdict)?) },
            outcomes: outcomes_of(outcomes)?,
            wanted: Vec::new(),
            head_only: false,
            departs: None,
        })
    }

    fn finish(&self) -> Result<(), String> {
        self.pending.as_ref().map_or(Ok(()), |(line, _)| Err(format!("the request of line {line} has no verdict")))
    }
}

impl Case {
    fn more(&mut self, text: &str) -> Result<(), String> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "line" => self.wanted.push(Wanted::Line(text::bytes(rest)?)),
            "field" => {
                let (name, value) = rest.split_once(':').ok_or("no colon")?;
                let value = value.strip_prefix(' ').unwrap_or(value);
                self.wanted.push(Wanted::Field(text::bytes(name)?, text::bytes(value)?));
            }
            "no" => self.wanted.push(Wanted::No(text::bytes(rest)?)),
            "body" => self.wanted.push(Wanted::Body(text::bytes(rest)?)),
            "head" if rest == "only" => self.head_only = true,
            "departs" => self.departs = Some(rest.to_owned()),
            _ => return Err(format!("`{word}` means nothing")),
        }
        Ok(())
    }
}

fn verdict_of(text: &str) -> Result<Verdict, String> {
    let (words, header) = match text.split_once(" of ") {
        Some((words, header)) => (words, Some(text::bytes(header)?)),
        None if text.ends_with(" of") => (&text[..text.len() - 3], Some(Vec::new())),
        None => (text, None),
    };
    let (tier, reason) = words.split_once(' ').unwrap_or((words, ""));
    let tiers = [Tier::Compliant, Tier::Acceptable, Tier::Ambiguous, Tier::Severe];
    let tier = tiers.into_iter().find(|known| known.as_str() == tier).ok_or(format!("no tier `{tier}`"))?;
    let reason = match reason {
        "" => None,
        code => Some(reason_of(code).ok_or(format!("no reason `{code}`"))?),
    };
    Ok(Verdict { tier, reason, header })
}

/// The reason of that code.
pub(crate) fn reason_of(code: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.code() == code)
}

fn outcomes_of(text: &str) -> Result<[Outcome; 3], String> {
    let words: Vec<Outcome> = text.split(' ').map(outcome_of).collect::<Result<_, _>>()?;
    match *words.as_slice() {
        [always] => Ok([always; 3]),
        [monitor, defensive, strictest] => Ok([monitor, defensive, strictest]),
        _ => Err("one outcome or three".to_owned()),
    }
}

fn outcome_of(word: &str) -> Result<Outcome, String> {
    Ok(match word {
        "kept" => Outcome::Kept,
        "ends" => Outcome::Ends,
        "target" => Outcome::Target,
        "both" => Outcome::Both,
        "cut" => Outcome::Cut,
        status => Outcome::Status(status.parse().map_err(|_| format!("no outcome `{status}`"))?),
    })
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.tier)?;
        if let Some(reason) = self.reason {
            write!(f, " {reason}")?;
        }
        match &self.header {
            Some(header) => write!(f, " of {}", text::shown(header)),
            None => Ok(()),
        }
    }
}

#[test]
fn a_table_is_read_as_it_explains_itself() {
    let table = "# c\n== S\n> GET /\\r\n> \\n\n= Severe BadUri: 400 both kept\n  line a b\n  field X:\n  body\n> x\n= over a limit: 414\n";
    let cases = read(table).unwrap();
    assert_eq!((cases[0].line, cases[0].section.as_str(), &cases[0].bytes[..]), (3, "S", &b"GET /\r\n"[..]));
    let verdict = Verdict { tier: Tier::Severe, reason: Some(Reason::BadUri), header: None };
    assert_eq!(cases[0].verdict, Some(verdict));
    assert_eq!(cases[0].outcomes, [Outcome::Status(400), Outcome::Both, Outcome::Kept]);
    let field = Wanted::Field(b"X".to_vec(), Vec::new());
    assert_eq!(cases[0].wanted, [Wanted::Line(b"a b".to_vec()), field, Wanted::Body(Vec::new())]);
    assert_eq!((&cases[1].verdict, cases[1].outcomes[2]), (&None, Outcome::Status(414)));
    assert_eq!(verdict_of("Ambiguous EmptyHeader of").unwrap().header, Some(Vec::new()));
    for bad in [
        "x",
        "= Severe: 400",
        "> x\n== S",
        "> x\n= Sever: 400",
        "> x\n= Severe: 400 400",
        "  line x",
        "> x\n= Compliant: kep",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
