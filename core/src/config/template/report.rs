//! What is wrong with a template, and where.

use std::cell::{Cell, RefCell};

use super::spelling::suggestion;
use crate::config::Position;

/// One mistake, or one warning: shown as `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{position}: {message}")]
#[non_exhaustive]
pub struct TemplateError {
    /// The name that the [`Source`](super::Source) was given.
    pub file: String,
    /// Line and column, from 1.
    pub position: Position,
    /// What is wrong, led by the resource and property it concerns.
    pub message: String,
}

/// Collects what is found while everything else is still being read.
pub(super) struct Sink {
    file: String,
    errors: RefCell<Vec<(Position, String)>>,
    warnings: RefCell<Vec<(Position, String)>>,
    bytes: Cell<usize>,
    /// How many names may still be compared to find one that was meant.
    comparisons: Cell<usize>,
}

/// How many bytes of messages one reading gives: far above what a person reads.
const REPORT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many names one reading compares to suggest others: about a second. Real templates need a few thousand.
const COMPARISONS_MAX: usize = 1_000_000;

impl Sink {
    pub(super) fn new(file: &str) -> Sink {
        Sink {
            file: file.to_owned(),
            errors: RefCell::default(),
            warnings: RefCell::default(),
            bytes: Cell::new(0),
            comparisons: Cell::new(COMPARISONS_MAX),
        }
    }

    pub(super) fn error(&self, at: Position, message: String) {
        self.keep(&self.errors, at, message);
    }

    pub(super) fn warning(&self, at: Position, message: String) {
        self.keep(&self.warnings, at, message);
    }

    /// [`suggestion`] from as many names as the template has, while that takes no time to speak of.
    pub(super) fn suggestion<'k>(&self, name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
        let left = self.comparisons.get();
        let mut compared = 0;
        let hint = suggestion(name, known.into_iter().take(left).inspect(|_| compared += 1));
        self.comparisons.set(left - compared);
        hint
    }

    /// Whether anything was wrong so far.
    pub(super) fn has_errors(&self) -> bool {
        !self.errors.borrow().is_empty()
    }

    fn keep(&self, list: &RefCell<Vec<(Position, String)>>, at: Position, message: String) {
        let bytes = self.bytes.get().saturating_add(message.len());
        if bytes > REPORT_BYTES_MAX && !list.borrow().is_empty() {
            return;
        }
        self.bytes.set(bytes);
        list.borrow_mut().push((at, one_line(message)));
    }

    /// Errors and warnings, by position, each once: a value that is used twice is evaluated twice.
    pub(super) fn finish(self) -> (Vec<TemplateError>, Vec<TemplateError>) {
        let file = self.file;
        let list = |found: RefCell<Vec<(Position, String)>>| {
            let mut found = found.into_inner();
            found.sort();
            found.dedup();
            let with_file = |(position, message)| TemplateError { file: file.clone(), position, message };
            found.into_iter().map(with_file).collect::<Vec<_>>()
        };
        (list(self.errors), list(self.warnings))
    }
}

/// A message is one line on a terminal and steers nothing there, whatever names it repeats.
fn one_line(message: String) -> String {
    if !message.contains(char::is_control) {
        return message;
    }
    let mut line = String::with_capacity(message.len());
    for char in message.chars() {
        if char.is_control() { line.extend(char.escape_debug()) } else { line.push(char) }
    }
    line
}

/// A text from a template as messages show it: quoted, without control characters, not too long. What has a private key
/// in it is not shown, however it came to where it is looked at.
pub(super) fn quote(text: &str) -> String {
    if text.contains("PRIVATE KEY") {
        return "a private key".to_owned();
    }
    let shown: String = text.chars().take(QUOTED_CHARS_MAX).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(QUOTED_CHARS_MAX).is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}

const QUOTED_CHARS_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_control_characters_stays_within_its_line() {
        let sink = Sink::new("t");
        sink.error(Position { line: 1, column: 1 }, "a\n\u{1b}[2Jé`\"`: wrong".to_owned());
        let (errors, _) = sink.finish();
        assert_eq!(errors[0].to_string(), "t:1:1: a\\n\\u{1b}[2Jé`\"`: wrong");
    }
    #[test]
    fn suggestions_end_when_too_many_names_were_compared() {
        let sink = Sink::new("t");
        let names: Vec<String> = (0..COMPARISONS_MAX / 2).map(|n| format!("Name{n}")).collect();
        let suggest = |known: &[String]| sink.suggestion("Nam0", known.iter().map(String::as_str));
        assert_eq!(suggest(&names), "; did you mean `Name0`?");
        assert_eq!(suggest(&names), "; did you mean `Name0`?");
        assert_eq!(suggest(&names), "");
    }
}
