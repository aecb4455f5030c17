//! Wildcard patterns over bytes: `*` for any run of bytes, `?` for exactly one.
//!
//! A pattern is the runs between its stars. The first run is bound to the start of the text, the last to
//! its end, and each one between is taken where it first fits: with only `*` and `?` the leftmost place is
//! never worse than a later one, so nothing is ever tried twice. The work is at most text times pattern.

use std::borrow::Cow;

use super::text::{Ends, Text, WINDOW, WORDS};

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    ignore_case: bool,
    wildcards: usize,
    /// The shortest text that can match.
    len_min: usize,
    /// There is no star: only texts of exactly `len_min` bytes match.
    exact_len: bool,
    /// What a text's ends must be.
    ends: EndsPattern,
    /// Length and ends already say everything.
    ends_suffice: bool,
    /// The runs between the stars; in lower case if case does not matter. Never empty.
    runs: Vec<Run>,
}

/// Which bits of a text's ends count, and their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EndsPattern {
    pub(super) masks: Ends,
    pub(super) values: Ends,
}

/// What stands between two stars.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    units: Box<[Unit]>,
    /// The same, if there is no `?` in it.
    literal: Option<Box<[u8]>>,
}

/// One byte of a run: that byte, or any (`?`).
type Unit = Option<u8>;

/// What a pattern's text is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    One,
    Run,
}

impl Pattern {
    /// Compiles a pattern that minds case.
    pub fn new(source: &str) -> Pattern {
        Pattern::compile(source, tokens(source.as_bytes()), false)
    }

    /// Compiles a pattern that does not mind ASCII case.
    pub fn ignoring_case(source: &str) -> Pattern {
        Pattern::compile(source, tokens(source.as_bytes()), true)
    }

    /// Compiles a pattern that does not mind ASCII case, in which a backslash makes the `*`, `?` or backslash
    /// after it an ordinary byte (`query-string`, `wire.md` H17). Before anything else it stands for itself.
    pub fn escaped_ignoring_case(source: &str) -> Pattern {
        Pattern::compile(source, escaped_tokens(source.as_bytes()), true)
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        let bytes = Cow::Borrowed(text);
        self.matches_text(&if self.ignore_case { Text::folded(bytes) } else { Text::exact(bytes) })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// How many wildcards it holds (guide RULE-08 allows five in a rule).
    pub fn wildcards(&self) -> usize {
        self.wildcards
    }

    /// Like [`Pattern::matches`], for a text that was folded if and only if case does not matter here.
    #[inline]
    pub(super) fn matches_text(&self, text: &Text<'_>) -> bool {
        self.may_match(text) && (self.ends_suffice || self.runs_match(text.bytes()))
    }

    pub(super) fn ignore_case(&mut self) {
        if !self.ignore_case {
            *self = Pattern::ignoring_case(&self.source);
        }
    }

    pub(super) fn mind_case(&mut self) {
        if self.ignore_case {
            *self = Pattern::new(&self.source);
        }
    }

    #[inline]
    fn may_match(&self, text: &Text<'_>) -> bool {
        let len_fits = if self.exact_len { text.len == self.len_min } else { text.len >= self.len_min };
        len_fits && self.ends.fit(&text.ends)
    }

    /// What every text that matches has at its ends.
    pub(super) fn ends(&self) -> &EndsPattern {
        &self.ends
    }

    fn runs_match(&self, text: &[u8]) -> bool {
        let [first, rest @ ..] = &self.runs[..] else {
            return text.is_empty();
        };
        let [between @ .., last] = rest else {
            return text.len() == first.len() && self.run_fits(first, text);
        };
        let Some(middle) = text.len().checked_sub(last.len()).filter(|&end| end >= first.len()) else {
            return false;
        };
        let (front, back) = text.split_at(middle);
        let (start, mut rest) = front.split_at(first.len());
        if !self.run_fits(first, start) || !self.run_fits(last, back) {
            return false;
        }
        for run in between {
            let Some(at) = self.find_run(run, rest) else {
                return false;
            };
            rest = &rest[at + run.len()..];
        }
        true
    }

    /// Where a run first fits.
    fn find_run(&self, run: &Run, text: &[u8]) -> Option<usize> {
        text.windows(run.len()).position(|window| self.run_fits(run, window))
    }

    /// Whether a run fits bytes of the same length.
    fn run_fits(&self, run: &Run, bytes: &[u8]) -> bool {
        match &run.literal {
            Some(literal) if self.ignore_case => literal.eq_ignore_ascii_case(bytes),
            Some(literal) => **literal == *bytes,
            None => run.units.iter().zip(bytes).all(|(unit, byte)| match unit {
                None => true,
                Some(wanted) if self.ignore_case => *wanted == byte.to_ascii_lowercase(),
                Some(wanted) => wanted == byte,
            }),
        }
    }

    fn compile(source: &str, tokens: Vec<Token>, ignore_case: bool) -> Pattern {
        let wildcards = tokens.iter().filter(|token| !matches!(token, Token::Byte(_))).count();
        let runs = runs_of(&tokens, ignore_case);
        let len_min = runs.iter().map(Run::len).sum();
        let exact_len = runs.len() == 1;
        let (first, last) = (&runs[0], &runs[runs.len() - 1]);
        let ends_suffice = match runs.len() {
            1 => len_min <= 2 * WINDOW,
            2 => first.len() <= WINDOW && last.len() <= WINDOW,
            _ => false,
        };
        let ends = EndsPattern::over(first, last);
        Pattern { source: source.to_owned(), ignore_case, wildcards, len_min, exact_len, ends, ends_suffice, runs }
    }
}

impl Run {
    fn new(units: Box<[Unit]>) -> Run {
        Run { literal: units.iter().copied().collect(), units }
    }

    fn len(&self) -> usize {
        self.units.len()
    }
}

impl EndsPattern {
    fn over(first: &Run, last: &Run) -> EndsPattern {
        let mut ends = EndsPattern::default();
        for (at, unit) in first.units.iter().take(WINDOW).enumerate() {
            ends.set(at / 8, at % 8, *unit);
        }
        for (at, unit) in last.units.iter().rev().take(WINDOW).enumerate() {
            ends.set(WORDS / 2 + at / 8, at % 8, *unit);
        }
        ends
    }

    fn set(&mut self, word: usize, byte: usize, unit: Unit) {
        if let Some(value) = unit {
            self.masks[word] |= 0xff << (8 * byte);
            self.values[word] |= u64::from(value) << (8 * byte);
        }
    }

    #[inline]
    fn fit(&self, ends: &Ends) -> bool {
        let each = self.masks.iter().zip(&self.values).zip(ends);
        each.fold(0, |differences, ((mask, value), word)| differences | (word & mask ^ value)) == 0
    }
}

/// The runs between the stars. Runs that are empty count only at the two ends.
fn runs_of(tokens: &[Token], ignore_case: bool) -> Vec<Run> {
    let unit = |token: &Token| match token {
        Token::Byte(byte) if ignore_case => Some(byte.to_ascii_lowercase()),
        Token::Byte(byte) => Some(*byte),
        Token::One | Token::Run => None,
    };
    let all: Vec<Run> =
        tokens.split(|&token| token == Token::Run).map(|run| Run::new(run.iter().map(unit).collect())).collect();
    let last = all.len() - 1;
    let kept = |&(at, ref run): &(usize, Run)| at == 0 || at == last || run.len() > 0;
    all.into_iter().enumerate().filter(kept).map(|(_, run)| run).collect()
}

fn tokens(source: &[u8]) -> Vec<Token> {
    source.iter().map(|&byte| wildcard(byte)).collect()
}

fn escaped_tokens(source: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(source.len());
    let mut rest = source;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'\\', [escaped @ (b'*' | b'?' | b'\\'), later @ ..]) => {
                tokens.push(Token::Byte(*escaped));
                rest = later;
            }
            _ => tokens.push(wildcard(*byte)),
        }
    }
    tokens
}

fn wildcard(byte: u8) -> Token {
    match byte {
        b'*' => Token::Run,
        b'?' => Token::One,
        _ => Token::Byte(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern).matches(text.as_bytes())
    }

    /// The textbook definition, which may take exponential time.
    fn oracle(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => oracle(rest, text) || !text.is_empty() && oracle(pattern, &text[1..]),
            ([b'?', rest @ ..], [_, after @ ..]) => oracle(rest, after),
            ([want, rest @ ..], [have, after @ ..]) => want == have && oracle(rest, after),
            _ => false,
        }
    }

    #[test]
    fn a_pattern_without_wildcards_matches_only_itself() {
        assert!(matches("/img", "/img"));
        assert!(!matches("/img", "/img/"));
        assert!(!matches("/img", "/im"));
        assert!(!matches("/img", "/IMG"));
        assert!(matches("", ""));
        assert!(!matches("", "a"));
    }

    #[test]
    fn a_star_matches_any_run_even_an_empty_one() {
        assert!(matches("/img/*", "/img/"));
        assert!(matches("/img/*", "/img/a/b"));
        assert!(!matches("/img/*", "/img"));
        assert!(matches("*.example.com", ".example.com"));
        assert!(matches("/img/*/pics", "/img/a/b/pics"));
        assert!(!matches("/img/*/pics", "/img/pics"));
        assert!(matches("a*a", "aa"));
        assert!(!matches("a*a", "a"));
        assert!(matches("**", ""));
    }

    #[test]
    fn a_question_mark_matches_exactly_one_byte() {
        assert!(matches("/v?/x", "/v1/x"));
        assert!(!matches("/v?/x", "/v/x"));
        assert!(!matches("/v?/x", "/v12/x"));
        assert!(!matches("?", ""));
        assert!(matches("?*", "ab"));
        assert!(!matches("?*", ""));
    }

    #[test]
    fn patterns_longer_than_the_windows_are_compared_to_the_end() {
        let long = "/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";
        assert!(matches(long, long));
        for at in 0..long.len() {
            let mut other = long.as_bytes().to_vec();
            other[at] = b'!';
            assert!(!Pattern::new(long).matches(&other), "byte {at}");
            assert!(!Pattern::new(&format!("{long}*")).matches(&other), "byte {at}");
            assert!(!Pattern::new(&format!("*{long}")).matches(&other), "byte {at}");
        }
    }

    #[test]
    fn ignoring_case_ignores_it_on_both_sides_and_for_ascii_only() {
        let pattern = Pattern::ignoring_case("*.Example.COM");
        assert!(pattern.matches(b"TEST.example.com"));
        assert!(pattern.matches(b"a-name-that-is-longer-than-one-window.EXAMPLE.com"));
        assert!(!Pattern::ignoring_case("[").matches(b"{"));
        assert!(!Pattern::ignoring_case("@").matches(b"`"));
        let long = Pattern::ignoring_case("*Chrome*Safari*");
        assert!(long.matches(b"x CHROME y safari z"));
        assert!(!long.matches(b"x safari y chrome z"));
    }

    #[test]
    fn a_backslash_makes_wildcards_and_itself_ordinary_where_escapes_are_asked_for() {
        let star = Pattern::escaped_ignoring_case(r"a\*b");
        assert!(star.matches(b"A*b"));
        assert!(!star.matches(b"axb"));
        assert_eq!(star.wildcards(), 0);
        assert!(Pattern::escaped_ignoring_case(r"\?").matches(b"?"));
        assert!(!Pattern::escaped_ignoring_case(r"\?").matches(b"x"));
        assert!(Pattern::escaped_ignoring_case(r"\\*").matches(br"\anything"));
        assert!(Pattern::escaped_ignoring_case(r"\n").matches(br"\n"));
        assert!(Pattern::escaped_ignoring_case("a\\").matches(b"a\\"));
        assert!(Pattern::new(r"\*").matches(br"\abc"));
    }

    #[test]
    fn every_wildcard_is_counted() {
        assert_eq!(Pattern::new("a*b?c**").wildcards(), 4);
        assert_eq!(Pattern::new("abc").wildcards(), 0);
    }

    #[test]
    fn every_pattern_agrees_with_the_definition() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..200_000 {
            let mut draw = |alphabet: &[u8], max: usize| -> Vec<u8> {
                (0..random.usize(..=max)).map(|_| alphabet[random.usize(..alphabet.len())]).collect()
            };
            let (pattern, text) = (draw(b"ab*?", 9), draw(b"ab", 12));
            let source = String::from_utf8(pattern.clone()).unwrap();
            assert_eq!(Pattern::new(&source).matches(&text), oracle(&pattern, &text), "{source} on {text:?}");
        }
    }

    #[test]
    fn patterns_and_texts_around_the_window_size_agree_with_the_definition() {
        let mut random = fastrand::Rng::with_seed(8);
        for _ in 0..20_000 {
            let text: Vec<u8> = (0..random.usize(12..40)).map(|_| b"abcd"[random.usize(..4)]).collect();
            let mut pattern = text.clone();
            for _ in 0..random.usize(..4) {
                let at = random.usize(..pattern.len());
                let cut = random.usize(..=2.min(pattern.len() - at - 1));
                let put = b"*?a"[random.usize(..3)];
                pattern.splice(at..at + cut, [put]);
            }
            let source = String::from_utf8(pattern.clone()).unwrap();
            assert_eq!(Pattern::new(&source).matches(&text), oracle(&pattern, &text), "{source} on {text:?}");
        }
    }

    #[test]
    fn the_worst_pattern_takes_time_proportional_to_the_text() {
        let pattern = Pattern::new(&format!("{}b", "a*".repeat(63)));
        assert!(!pattern.matches(&vec![b'a'; 64 * 1024]));
        let runs = Pattern::new(&format!("*{}b*", "a?".repeat(62)));
        assert!(!runs.matches(&vec![b'a'; 64 * 1024]));
    }
}
