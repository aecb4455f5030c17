//! Where the classifier departs from `http_desync_guardian` on purpose: the rows of `conformance/desync/departures.tsv`, each
//! with the predicate that says whether a disagreement is of its kind. A predicate holds only where the head has what the row is
//! about and the verdicts differ in the way that the row says.

use http_desync_guardian::http_token_utils::{CL, TE, TokenSimilarity, determine_similarity};
use sluicegate::desync::{Reason, Tier};

use super::guardian::{Found, Split, is_fold};

/// A head on which the two disagree.
pub(crate) struct Disagreement<'a> {
    pub(crate) split: Split<'a>,
    pub(crate) theirs: Found,
    pub(crate) ours: Found,
}

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    /// The columns as they stand: the input, their verdict, ours, the sections, and why.
    pub(crate) columns: [&'static str; 5],
    pub(crate) holds: Predicate,
}

type Predicate = fn(&Disagreement<'_>) -> bool;

const TABLE: &str = include_str!("../../desync/departures.tsv");

/// The predicates, by the names of their rows.
const PREDICATES: &[(&str, Predicate)] = &[
    ("version-sorts-high", version_sorts_high),
    ("version-2", version_2),
    ("padded-version", padded_version),
    ("old-version-framing", old_version_framing),
    ("no-method", no_method),
    ("no-uri", no_uri),
    ("fold-of-framing", fold_of_framing),
    ("empty-length", empty_length),
    ("coding-parameters", coding_parameters),
    ("chunked-not-last", chunked_not_last),
    ("chunked-apart", chunked_apart),
    ("identity-beside-another", identity_beside_another),
    ("identity-alone", identity_alone),
    ("blank-before-colon", blank_before_colon),
    ("blank-before-first-field", blank_before_first_field),
    ("fold-of-host", fold_of_host),
    ("fold-of-content-type", fold_of_content_type),
    ("no-colon-framing", no_colon_framing),
    ("fold-of-no-field", fold_of_no_field),
    ("last-line-feed-alone", last_line_feed_alone),
    ("empty-lines-first", empty_lines_first),
    ("look-alike-missed", look_alike_missed),
    ("look-alike-of-nothing", look_alike_of_nothing),
    ("line-before-field", line_before_field),
];

/// Every row, each with its predicate.
pub(crate) fn rows() -> Vec<Row> {
    let rows: Vec<Row> = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(row).collect();
    assert!(rows.len() <= 40, "no more than 40 departures");
    assert_eq!(rows.len(), PREDICATES.len(), "a row for every predicate");
    rows
}

fn row(line: &'static str) -> Row {
    let (id, columns) = line.split_once('\t').unwrap_or((line, ""));
    let columns: Vec<&str> = columns.split('\t').collect();
    let columns = <[&str; 5]>::try_from(columns).unwrap_or_else(|_| panic!("departures.tsv: not six columns: {line}"));
    let named = PREDICATES.iter().find(|(name, _)| *name == id);
    Row { id, columns, holds: named.unwrap_or_else(|| panic!("departures.tsv: no predicate {id}")).1 }
}

impl<'a> Disagreement<'a> {
    fn ours_is(&self, reasons: &[Reason]) -> bool {
        self.ours.reason.is_some_and(|reason| reasons.contains(&reason))
    }

    fn theirs_is(&self, reasons: &[Reason]) -> bool {
        self.theirs.reason.is_some_and(|reason| reasons.contains(&reason))
    }

    /// What stands behind the last space of the request line, but for blanks at its end.
    fn last_word(&self) -> &'a [u8] {
        let line = trim(self.split.request_line);
        line.rsplit(|&byte| byte == b' ').next().unwrap_or_default()
    }

    /// Every name and value, lines that continue others included if they look like a field.
    fn names_and_values(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.split.lines.iter().filter_map(|line| {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let name = if is_fold(line) { trim(&line[..colon]) } else { &line[..colon] };
            Some((name, trim(&line[colon + 1..])))
        })
    }

    fn values_of(&self, words: Words) -> impl Iterator<Item = &'a [u8]> {
        self.names_and_values().filter(move |(name, _)| words.are_in(name)).map(|(_, value)| value)
    }

    /// The transfer codings, in order, with their parameters.
    fn codings(&self) -> Vec<Vec<u8>> {
        let values = self.values_of(Words::TransferEncoding);
        values.flat_map(|value| value.split(|&byte| byte == b',')).map(|item| trim(item).to_ascii_lowercase()).collect()
    }

    /// Lines that continue another, each with the line that it continues, if there is one.
    fn folds(&self) -> impl Iterator<Item = (Option<&'a [u8]>, &'a [u8])> {
        let mut before = None;
        self.split.lines.iter().filter_map(move |&line| {
            if is_fold(line) {
                return Some((before, line));
            }
            before = Some(line);
            None
        })
    }
}

/// The names that decide where a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    ContentLength,
    TransferEncoding,
}

impl Words {
    const BOTH: [Words; 2] = [Words::ContentLength, Words::TransferEncoding];

    /// Whether the letters and digits of a name are these two words, with one more between them at most.
    fn are_in(self, name: &[u8]) -> bool {
        let (first, second) = match self {
            Words::ContentLength => ("content", "length"),
            Words::TransferEncoding => ("transfer", "encoding"),
        };
        // Two characters that become ASCII letters when they are made large.
        let text = String::from_utf8_lossy(name).replace('\u{17f}', "s").replace('\u{131}', "i");
        let letters: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let between = letters.strip_prefix(first).and_then(|rest| rest.strip_suffix(second));
        between.is_some_and(|between| between.len() <= 1)
    }

    fn similarity(self, name: &[u8]) -> TokenSimilarity {
        determine_similarity(if self == Words::ContentLength { CL } else { TE }, name)
    }
}

fn frames(name: &[u8]) -> bool {
    Words::BOTH.iter().any(|words| words.are_in(name))
}

/// The name of a line: up to its colon, or all of it.
fn name_of(line: &[u8]) -> &[u8] {
    line.split(|&byte| byte == b':').next().unwrap_or_default()
}

fn trim(bytes: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = bytes.iter().position(|byte| !blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}

/// Reasons that come of the values of framing fields.
const SEVERE_FRAMING: &[Reason] = &[
    Reason::BadContentLength,
    Reason::BadTransferEncoding,
    Reason::MultipleContentLength,
    Reason::MultipleTransferEncodingChunked,
];
const DOUBTFUL_FRAMING: &[Reason] = &[
    Reason::BothTeClPresent,
    Reason::DuplicateContentLength,
    Reason::GetHeadZeroContentLength,
    Reason::UndefinedContentLengthSemantics,
    Reason::UndefinedTransferEncodingSemantics,
];

fn is_two_or_more(version: &[u8]) -> bool {
    let version = String::from_utf8_lossy(version);
    let Some(numbers) = version.strip_prefix("HTTP/") else { return false };
    let (major, minor) = numbers.split_once('.').unwrap_or((numbers, "0"));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(major) && digits(minor) && !minor.is_empty() && major.parse().is_ok_and(|major: u64| major >= 2)
}

fn version_sorts_high(it: &Disagreement<'_>) -> bool {
    let version = it.last_word();
    it.theirs.tier == Tier::Compliant
        && it.ours.tier == Tier::Severe
        && version >= b"HTTP/2"
        && !is_two_or_more(version)
}

fn version_2(it: &Disagreement<'_>) -> bool {
    it.theirs.tier == Tier::Compliant && it.ours.tier == Tier::Severe && is_two_or_more(it.last_word())
}

/// Compared as text, a blank changes which version it is.
fn padded_version(it: &Disagreement<'_>) -> bool {
    let line = it.split.request_line;
    let padded = trim(it.last_word()).len() < it.last_word().len() || line.ends_with(b" ") || line.ends_with(b"\t");
    let of_versions = [Reason::UndefinedContentLengthSemantics, Reason::UndefinedTransferEncodingSemantics];
    padded && (it.theirs_is(&of_versions) || it.ours_is(&of_versions) || it.ours_is(SEVERE_FRAMING))
}

/// In an old version the framing fields are looked at no further.
fn old_version_framing(it: &Disagreement<'_>) -> bool {
    let version = trim(it.last_word());
    let old = version <= b"HTTP/1.0" || it.split.words().is_none();
    old && it.ours_is(SEVERE_FRAMING)
        && !it.theirs_is(SEVERE_FRAMING)
        && it.names_and_values().any(|(name, _)| frames(name))
}

fn no_method(it: &Disagreement<'_>) -> bool {
    it.split.request_line.starts_with(b" ") && it.ours_is(&[Reason::BadMethod])
}

fn no_uri(it: &Disagreement<'_>) -> bool {
    let words = it.split.request_line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    words.count() <= 2 && it.ours_is(&[Reason::BadUri])
}

fn empty_length(it: &Disagreement<'_>) -> bool {
    it.ours_is(&[Reason::BadContentLength]) && it.values_of(Words::ContentLength).any(<[u8]>::is_empty)
}

fn coding_parameters(it: &Disagreement<'_>) -> bool {
    let has_parameters = |coding: &Vec<u8>| {
        let name = trim(coding.split(|&byte| byte == b';').next().unwrap_or_default());
        coding.contains(&b';') && matches!(name, b"chunked" | b"identity")
    };
    it.ours_is(&[Reason::BadTransferEncoding]) && it.codings().iter().any(has_parameters)
}

fn chunked_not_last(it: &Disagreement<'_>) -> bool {
    let codings = it.codings();
    let at = codings.iter().position(|coding| coding == b"chunked");
    it.ours_is(&[Reason::BadTransferEncoding]) && at.is_some_and(|at| at + 1 < codings.len())
}

fn chunked_apart(it: &Disagreement<'_>) -> bool {
    let count = it.codings().iter().filter(|coding| coding.as_slice() == b"chunked").count();
    it.ours_is(&[Reason::MultipleTransferEncodingChunked]) && count > 1
}

fn identity_beside_another(it: &Disagreement<'_>) -> bool {
    let codings = it.codings();
    let identity = codings.iter().any(|coding| coding == b"identity");
    it.ours_is(&[Reason::BadTransferEncoding]) && identity && codings.len() > 1
}

fn identity_alone(it: &Disagreement<'_>) -> bool {
    it.ours_is(&[Reason::UndefinedTransferEncodingSemantics]) && it.codings() == [b"identity"]
}

fn blank_before_colon(it: &Disagreement<'_>) -> bool {
    let blank = |(name, _): (&[u8], &[u8])| trim(name).len() < name.len() && matches!(name.last(), Some(b' ' | b'\t'));
    it.ours_is(&[Reason::BadHeader]) && it.split.fields().any(blank)
}

fn blank_before_first_field(it: &Disagreement<'_>) -> bool {
    let decides = |name: &[u8]| frames(name) || name.eq_ignore_ascii_case(b"host");
    let first = it.split.lines.iter().take_while(|line| is_fold(line));
    it.ours_is(&[Reason::BadHeader]) && first.into_iter().any(|line| decides(trim(name_of(line))))
}

fn fold_of_framing(it: &Disagreement<'_>) -> bool {
    let of_framing = |(before, _): (Option<&[u8]>, &[u8])| before.is_some_and(|line| frames(name_of(line)));
    it.ours_is(&[Reason::BadContentLength, Reason::BadTransferEncoding]) && it.folds().any(of_framing)
}

fn fold_of_host(it: &Disagreement<'_>) -> bool {
    let host =
        |(before, _): (Option<&[u8]>, &[u8])| before.is_some_and(|line| name_of(line).eq_ignore_ascii_case(b"host"));
    it.ours_is(&[Reason::BadHeader]) && it.folds().any(host)
}

/// Under `Content-Type` a fold and all that is in it goes unseen.
fn fold_of_content_type(it: &Disagreement<'_>) -> bool {
    let unseen = |(before, _): (Option<&[u8]>, &[u8])| {
        before.is_some_and(|line| name_of(line).eq_ignore_ascii_case(b"content-type") && line.contains(&b':'))
    };
    let ours = it.ours_is(&[Reason::EmptyHeader, Reason::SuspiciousHeader]) || it.ours_is(SEVERE_FRAMING);
    it.folds().any(unseen) && ours
}

/// To them a line without a colon is a field without a value.
fn no_colon_framing(it: &Disagreement<'_>) -> bool {
    let names_framing = |line: &&[u8]| !is_fold(line) && !line.contains(&b':') && frames(line);
    it.theirs_is(SEVERE_FRAMING) && it.split.lines.iter().any(names_framing)
}

/// To them a fold behind a line without a colon continues the field before that line.
fn fold_of_no_field(it: &Disagreement<'_>) -> bool {
    let of_none = |(before, _): (Option<&[u8]>, &[u8])| before.is_some_and(|line| !line.contains(&b':'));
    it.theirs_is(SEVERE_FRAMING) && it.ours_is(&[Reason::EmptyHeader]) && it.folds().any(of_none)
}

fn last_line_feed_alone(it: &Disagreement<'_>) -> bool {
    it.split.ends_bare && it.ours_is(&[Reason::EmptyHeader])
}

/// To them a head ends at an empty line, even before it begins.
fn empty_lines_first(it: &Disagreement<'_>) -> bool {
    it.split.blanks > 0 && it.split.bare | (it.split.blanks > 1) && it.theirs_is(&[Reason::EmptyHeader])
}

fn look_alike_missed(it: &Disagreement<'_>) -> bool {
    let missed = |name: &[u8]| {
        Words::BOTH.iter().any(|words| words.are_in(name) && words.similarity(name) == TokenSimilarity::Distant)
    };
    let ours = it.ours_is(&[Reason::SuspiciousHeader]) || it.ours_is(SEVERE_FRAMING) || it.ours_is(DOUBTFUL_FRAMING);
    ours && it.names_and_values().any(|(name, _)| missed(name))
}

fn look_alike_of_nothing(it: &Disagreement<'_>) -> bool {
    let nothing = |name: &[u8]| {
        Words::BOTH.iter().any(|words| !words.are_in(name) && words.similarity(name) != TokenSimilarity::Distant)
    };
    let theirs =
        it.theirs_is(&[Reason::SuspiciousHeader]) || it.theirs_is(SEVERE_FRAMING) || it.theirs_is(DOUBTFUL_FRAMING);
    theirs && it.names_and_values().any(|(name, _)| nothing(name))
}

/// They look at how lines are written before they look at any field.
fn line_before_field(it: &Disagreement<'_>) -> bool {
    let of_lines = [Reason::EmptyHeader, Reason::NonCompliantHeader];
    !it.split.is_plain() && it.ours.tier == it.theirs.tier && it.theirs_is(&of_lines)
}
