//! URI normalisation before a path is matched (guide COND-05).

use std::borrow::Cow;

/// The path that `path-pattern` sees.
pub fn normalize_path(path: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(path)
}
