//! Judges the parts of a request head, however it was split: the decision table of `docs/desync.md`.

use super::body_fields::BodyFields;
use super::reason::Reason;
use super::verdict::{Classification, Verdict};
use super::version::Spoken;
use crate::http::Field;
use crate::http::h1::loose::trim_blanks;
use crate::http::names::{Known, is_token};

/// A request head as some parser split it: nothing needs to have been checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent<'a> {
    /// `GET`
    pub method: &'a [u8],
    /// The request target.
    pub target: &'a [u8],
    /// All of it: `HTTP/1.1`; empty if there is none.
    pub version: &'a [u8],
    /// Names up to the colon, as they are; values with or without blanks at their ends.
    pub fields: &'a [Field<'a>],
}

/// Classifies a request head that is split already (guide DSY-01). Allocates nothing.
///
/// ```
/// use sluicegate::desync::{Reason, Sent, Tier, classify};
/// use sluicegate::http::Field;
///
/// let fields = [
///     Field { name: b"Host", value: b"example.com" },
///     Field { name: b"Transfer-Encoding", value: b"chunked" },
///     Field { name: b"Content-Length", value: b"5" },
/// ];
/// let sent = Sent { method: b"POST", target: b"/", version: b"HTTP/1.1", fields: &fields };
/// let classification = classify(&sent);
/// assert_eq!(classification.tier(), Tier::Ambiguous);
/// assert_eq!(classification.reason(), Some(Reason::BothTeClPresent));
/// assert_eq!(classification.header(), Some(&b"Content-Length"[..]));
/// ```
pub fn classify<'a>(sent: &Sent<'a>) -> Classification<'a> {
    let mut judge = Judge::default();
    for field in sent.fields {
        judge.field(field.name, Known::of_any(field.name), trim_blanks(field.value));
    }
    judge.request_line(sent.method, sent.target, sent.version);
    judge.verdict.classification
}

/// Judges the parts of a head in their order: every field, then the request line.
#[derive(Debug, Default)]
pub(super) struct Judge<'a> {
    pub(super) verdict: Verdict<'a>,
    pub(super) body: BodyFields<'a>,
    /// A field was dropped since its name is no token.
    pub(super) dropped_a_name: bool,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on.
    Pass,
    /// It goes on with a space for every control character in its value.
    Clean,
    /// It does not.
    Drop,
}

impl<'a> Judge<'a> {
    /// A field whose name means `known`; its value is without blanks at its ends.
    pub(super) fn field(&mut self, name: &'a [u8], known: Known, value: &[u8]) -> Fate {
        let is_token = self.name(name);
        let clean = self.value(name, value, known);
        self.body.take(known, name, value);
        let looks_alike = matches!(known, Known::LengthLookAlike | Known::CodingLookAlike);
        if looks_alike {
            self.verdict.note(Reason::SuspiciousHeader, Some(name));
        }
        self.dropped_a_name |= !is_token;
        match known {
            _ if looks_alike || !is_token => Fate::Drop,
            // What is wrong with a Host is not mended: it is refused for it.
            Known::Host => Fate::Pass,
            _ if clean => Fate::Pass,
            _ => Fate::Clean,
        }
    }

    /// Whether it is a token (RFC 9110 section 5.1), right before its colon (RFC 9112 section 5.1).
    fn name(&mut self, name: &'a [u8]) -> bool {
        if is_token(name) {
            return true;
        }
        if name.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            self.verdict.note(Reason::BadHeader, Some(name));
        } else if matches!(trim_blanks(name), [] | [b':', ..]) {
            self.verdict.note(Reason::EmptyHeader, Some(name).filter(|name| !name.is_empty()));
        } else if name.ends_with(b" ") || name.ends_with(b"\t") {
            self.verdict.note(Reason::BadHeader, Some(name));
        } else {
            self.verdict.note(Reason::NonCompliantHeader, Some(name));
        }
        false
    }

    /// Whether there are no control characters in a value (RFC 9110 section 5.5).
    fn value(&mut self, name: &'a [u8], value: &[u8], known: Known) -> bool {
        let mut clean = true;
        for &byte in value.iter().filter(|&&byte| is_control(byte)) {
            clean = false;
            match byte {
                // "… or replace each of those characters with SP": NUL ends nothing for anybody but its value.
                0 if !decides(known) => self.verdict.note_readable(Reason::BadHeader, Some(name)),
                0 | b'\r' | b'\n' => self.verdict.note(Reason::BadHeader, Some(name)),
                _ => self.verdict.note(Reason::NonCompliantHeader, Some(name)),
            }
        }
        clean
    }

    /// The request line, once all fields are judged.
    pub(super) fn request_line(&mut self, method: &[u8], target: &[u8], version: &[u8]) -> Spoken {
        let spoken = Spoken::of(version);
        self.body.judge(method, spoken, &mut self.verdict);
        if !is_token(method) {
            self.verdict.note(Reason::BadMethod, None);
        }
        self.version(version, spoken);
        self.target(target);
        spoken
    }

    fn version(&mut self, version: &[u8], spoken: Spoken) {
        let padded = trim_blanks(version).len() < version.len();
        match spoken {
            // Nothing in this request depends on its version: whatever it is, there is one reading.
            Spoken::Malformed if self.body.is_empty() && version.iter().all(u8::is_ascii_graphic) => {
                self.verdict.note_readable(Reason::BadVersion, None);
            }
            Spoken::Malformed | Spoken::Unsupported => self.verdict.note(Reason::BadVersion, None),
            Spoken::Old => {
                self.verdict.note(Reason::NonCompliantVersion, None);
                self.verdict.doubt_its_end();
            }
            Spoken::Known(_) if !padded => {}
            Spoken::Known(_) | Spoken::Later => self.verdict.note(Reason::NonCompliantVersion, None),
        }
    }

    fn target(&mut self, target: &[u8]) {
        if target.is_empty() {
            self.verdict.note(Reason::BadUri, None);
        }
        for &byte in target.iter().filter(|&&byte| is_control(byte) || matches!(byte, b' ' | b'\t')) {
            match byte {
                0 => self.verdict.note_readable(Reason::BadUri, None),
                b'\r' | b'\n' => self.verdict.note(Reason::BadUri, None),
                b' ' => self.verdict.note(Reason::SpaceInUri, None),
                _ => self.verdict.note(Reason::AmbiguousUri, None),
            }
        }
    }
}

/// Control characters but the tab.
pub(super) fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// Whether a field decides where a request ends or where it goes.
pub(super) fn decides(known: Known) -> bool {
    use Known::{CodingLookAlike, ContentLength, Host, LengthLookAlike, TransferEncoding};
    matches!(known, ContentLength | TransferEncoding | LengthLookAlike | CodingLookAlike | Host)
}
