//! What a command has to say.

/// The outcome of a command that only reads and writes text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For standard output.
    pub out: String,
    /// For standard error: errors and warnings, a line each.
    pub err: String,
    /// The exit code.
    pub code: u8,
}

impl Report {
    /// All is well.
    pub(super) fn success(out: String, err: String) -> Report {
        Report { out, err, code: 0 }
    }

    /// Something is wrong with what was given.
    pub(super) fn failure(err: String) -> Report {
        Report { out: String::new(), err, code: 1 }
    }
}
