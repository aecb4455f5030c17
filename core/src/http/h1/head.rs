//! Finds the end of a head, parses it, decides how its body is framed.

use crate::http::{BadResponse, Framing, Refusal, Request, Response};

/// Finds the end of a head in bytes that arrive in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanner {}

/// What a [`Scanner`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The head is not complete.
    More,
    /// The first `len` bytes are a head of `lines` lines, the first line included and the empty line not.
    Head {
        /// Bytes, with the final empty line.
        len: usize,
        /// The request or status line and the field lines.
        lines: usize,
    },
}

impl Scanner {
    /// For a request head.
    pub const fn request() -> Self {
        Scanner {}
    }

    /// For a response head.
    pub const fn response() -> Self {
        Scanner {}
    }

    /// Looks at what has arrived since the last call. `bytes` starts with the head, and only grows between calls.
    pub fn scan(&mut self, _bytes: &[u8]) -> Result<Scan, Refusal> {
        Ok(Scan::More)
    }

    /// [`Scanner::scan`] for the head of a response.
    pub fn scan_response(&mut self, _bytes: &[u8]) -> Result<Scan, BadResponse> {
        Ok(Scan::More)
    }
}

/// Parses the head that [`Scan::Head`] delimits.
pub fn parse_request(_head: &[u8], _lines: usize) -> Result<Request<'_>, Refusal> {
    Err(Refusal::Malformed)
}

/// Parses the head that [`Scan::Head`] delimits.
pub fn parse_response(_head: &[u8], _lines: usize) -> Result<Response<'_>, BadResponse> {
    Err(BadResponse::Malformed)
}

/// How the body of a response ends.
pub fn response_framing(_response: &Response<'_>, _to_head: bool) -> Result<Framing, BadResponse> {
    Err(BadResponse::Malformed)
}
