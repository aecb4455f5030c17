//! The four forms of a request target (RFC 9112 section 3.2).

use super::Refusal;

/// Which form a request target has. The authority form belongs to `CONNECT`, which is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `/path?query`
    Origin,
    /// `http://authority/path?query`
    Absolute,
    /// `*`, with `OPTIONS` only.
    Asterisk,
}

/// A request target, taken apart; the parts are as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// How it was written.
    pub form: Form,
    /// `host [":" port]` of the absolute form.
    pub authority: Option<&'a [u8]>,
    /// From the first slash; `/` if the absolute form has none, `*` in the asterisk form.
    pub path: &'a [u8],
    /// What follows the first `?`.
    pub query: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// Takes the request target of a `method` request apart.
    pub fn parse(_method: &[u8], _target: &'a [u8]) -> Result<Target<'a>, Refusal> {
        Err(Refusal::BadTarget)
    }
}

/// Splits `host [":" port]`.
pub fn host_and_port(_authority: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    None
}
