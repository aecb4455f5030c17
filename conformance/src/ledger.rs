//! The table `guide.tsv`: every statement of the guide, and what proves it. Reading, changing and writing
//! it; whether it is right is for [`crate::score`].

use std::fmt;

/// The columns, in order.
const COLUMNS: [&str; 6] = ["id", "plane", "state", "text", "tests", "note"];

/// What is known of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Tests prove it.
    Proved,
    /// No test proves it yet; the note says what is missing.
    Open,
    /// It does not apply to this program; the note says why.
    Excluded,
}

impl State {
    /// The word in the table.
    pub const fn word(self) -> &'static str {
        match self {
            State::Proved => "proved",
            State::Open => "open",
            State::Excluded => "excluded",
        }
    }

    fn read(word: &str) -> Option<State> {
        [State::Proved, State::Open, State::Excluded].into_iter().find(|state| state.word() == word)
    }
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// `AREA-NN`
    pub id: String,
    /// `D`ata, `C`ontrol or `M`onitoring.
    pub plane: String,
    /// Proved, open or excluded.
    pub state: State,
    /// The statement in a few words.
    pub text: String,
    /// Names of tests; some if and only if it is proved.
    pub tests: Vec<String>,
    /// Why not, or why not yet.
    pub note: String,
}

impl Row {
    /// The letters before the number: `RULE` of `RULE-02`.
    pub fn area(&self) -> &str {
        self.id.rsplit_once('-').map_or(self.id.as_str(), |(area, _)| area)
    }

    fn read(line: &str) -> Result<Row, String> {
        let cells: Vec<&str> = line.split('\t').collect();
        let &[id, plane, state, text, tests, note] = cells.as_slice() else {
            return Err(format!("{} columns instead of {}", cells.len(), COLUMNS.len()));
        };
        let state = State::read(state).ok_or_else(|| format!("`{state}` is not a state"))?;
        Ok(Row {
            id: id.to_owned(),
            plane: plane.to_owned(),
            state,
            text: text.to_owned(),
            tests: tests.split_whitespace().map(str::to_owned).collect(),
            note: note.to_owned(),
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { id, plane, state, text, tests, note } = self;
        write!(f, "{id}\t{plane}\t{}\t{text}\t{}\t{note}", state.word(), tests.join(" "))
    }
}

/// The whole table, with the comment above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    comment: Vec<String>,
    /// The statements in the order of the guide.
    pub rows: Vec<Row>,
}

impl Ledger {
    /// Reads a table.
    ///
    /// # Errors
    /// Every line that is not a row, with its number.
    pub fn read(text: &str) -> Result<Ledger, Vec<String>> {
        let mut ledger = Ledger { comment: Vec::new(), rows: Vec::new() };
        let mut errors = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') || line == COLUMNS.join("\t") {
                ledger.comment.push(line.to_owned());
                continue;
            }
            match Row::read(line) {
                Ok(row) => ledger.rows.push(row),
                Err(why) => errors.push(format!("line {}: {why}", number + 1)),
            }
        }
        if errors.is_empty() { Ok(ledger) } else { Err(errors) }
    }

    /// Names one more test for a statement, which is thereby proved.
    ///
    /// # Errors
    /// When there is no such statement.
    pub fn prove(&mut self, id: &str, test: &str) -> Result<(), String> {
        let row = self.rows.iter_mut().find(|row| row.id == id);
        let row = row.ok_or_else(|| format!("no statement `{id}`"))?;
        if !row.tests.iter().any(|known| known == test) {
            row.tests.push(test.to_owned());
        }
        if row.state != State::Proved {
            row.state = State::Proved;
            row.note.clear();
        }
        Ok(())
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.comment.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "# why\nid\tplane\tstate\ttext\ttests\tnote\nA-01\tD\topen\tone\t\tlater\nA-02\tC\tproved\ttwo\tp::a p::b\t\n";

    #[test]
    fn a_table_is_written_as_it_was_read() {
        assert_eq!(Ledger::read(TABLE).map(|ledger| ledger.to_string()), Ok(TABLE.to_owned()));
    }

    #[test]
    fn every_bad_line_is_reported_with_its_number() {
        let errors = Ledger::read("A-01\tD\topen\tx\t\t\nA-02\tD\tdone\tx\t\t\nA-03\n").unwrap_err();
        assert_eq!(errors, ["line 2: `done` is not a state", "line 3: 1 columns instead of 6"]);
    }

    #[test]
    fn proving_a_statement_drops_the_note_and_keeps_each_test_once() {
        let mut ledger = Ledger::read(TABLE).unwrap();
        for test in ["p::c", "p::c", "p::d"] {
            ledger.prove("A-01", test).unwrap();
        }
        assert_eq!(ledger.rows[0].to_string(), "A-01\tD\tproved\tone\tp::c p::d\t");
        assert_eq!(ledger.prove("B-01", "p::c"), Err("no statement `B-01`".to_owned()));
    }

    #[test]
    fn proving_again_keeps_the_note_of_a_proved_statement() {
        let mut ledger = Ledger::read("A-01\tD\tproved\tone\tp::a\tHTTP/1 half\n").unwrap();
        ledger.prove("A-01", "p::b").unwrap();
        assert_eq!(ledger.rows[0].note, "HTTP/1 half");
    }
}
