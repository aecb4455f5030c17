//! What an expression comes to. Besides texts, lists and maps there are values that only the account would
//! know (another stack's export, a foreign resource's id): they do no harm where nobody needs them.

use crate::config::Position;

/// A value, and where the expression stands that made it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resolved {
    pub(super) at: Position,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Text(String),
    List(Vec<Resolved>),
    Map(Vec<Field>),
    /// Not known here; the text says what it is and how to give it.
    Unknown(String),
    /// `AWS::NoValue`: as if it had not been written.
    Absent,
    /// An error was reported.
    Failed,
}

/// A property and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) value: Resolved,
}

impl Resolved {
    pub(super) fn text(at: Position, text: impl Into<String>) -> Resolved {
        Resolved { at, kind: Kind::Text(text.into()) }
    }

    pub(super) fn failed(at: Position) -> Resolved {
        Resolved { at, kind: Kind::Failed }
    }

    pub(super) fn unknown(at: Position, hint: impl Into<String>) -> Resolved {
        Resolved { at, kind: Kind::Unknown(hint.into()) }
    }

    /// Whether two values are equal as `Fn::Equals` sees it: wherever they stand.
    pub(super) fn same_as(&self, other: &Resolved) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Text(a), Kind::Text(b)) => a == b,
            (Kind::List(a), Kind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_as(b)),
            _ => false,
        }
    }
}
