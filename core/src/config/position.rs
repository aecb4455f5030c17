//! A place in a template, so that what is wrong with a resource can be said where it stands.

/// A place in a text: line and column, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1; 0 when the thing comes from no template.
    pub line: u32,
    /// The column in characters, from 1; 0 when the thing comes from no template.
    pub column: u32,
}

impl core::fmt::Display for Position {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
