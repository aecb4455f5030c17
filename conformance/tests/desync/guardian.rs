//! `http_desync_guardian`, the library that the guide names, asked about a whole head.
//!
//! It has two doors. Its raw one takes bytes, and its request line has a hole: whatever stands behind the last space is the
//! version. Its parsed one takes what an embedder's parser split, and sees nothing of lines. So:
//!
//! - A head whose every line is one thing only (a request line of three words, fields with a colon, CR LF at the
//!   end of each) is split here, by RFC 9112 sections 3 and 5 and by none of the code under test, and goes through the parsed
//!   door. Method and version are the first and the last word, so that inner spaces are the target's, as in theirs.
//! - Any other head goes through the raw door: lines that end in LF alone, folds, lines without a colon, empty lines
//!   before, request lines of fewer words. What only that door finds has no code in the guide; [`Found`] says which of ours it is
//!   held against.
//!
//! The one empty line that RFC 9112 section 2.2 wants passed over is passed over first. Bytes behind the head are not shown to
//! either.

use http_desync_guardian::ClassificationReason as Theirs;
use http_desync_guardian::RequestSafetyTier;
use http_desync_guardian::request_analyzer::{HttpHeader, HttpRequestData, RequestAnalysisResult};
use sluicegate::desync::{Reason, Tier};

/// What the library finds, in the guide's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub(crate) tier: Tier,
    /// `None` if it complies, or if the guide has no such code.
    pub(crate) reason: Option<Reason>,
}

/// A request head, split for the parsed door and for those who explain a departure.
#[derive(Clone, Debug)]
pub(crate) struct Split<'a> {
    /// Empty lines before the request line.
    pub(crate) blanks: usize,
    pub(crate) request_line: &'a [u8],
    /// The lines after it, without their ends.
    pub(crate) lines: Vec<&'a [u8]>,
    /// A line, empty ones included, ends in LF alone.
    pub(crate) bare: bool,
    /// The last empty line is LF alone.
    pub(crate) ends_bare: bool,
}

impl<'a> Split<'a> {
    /// The head that `bytes` begin with and its length: up to the first empty line behind a line that is not empty.
    pub(crate) fn of(bytes: &'a [u8]) -> Option<(Split<'a>, usize)> {
        let (mut blanks, mut bare, mut len) = (0, false, 0);
        let mut lines: Vec<&[u8]> = Vec::new();
        for raw in bytes.split_inclusive(|&byte| byte == b'\n') {
            let line = raw.strip_suffix(b"\n")?;
            let (line, is_bare) = line.strip_suffix(b"\r").map_or((line, true), |line| (line, false));
            len += raw.len();
            bare |= is_bare;
            match (line.is_empty(), lines.is_empty()) {
                (true, true) => blanks += 1,
                (true, false) => {
                    let request_line = lines.remove(0);
                    return Some((Split { blanks, request_line, lines, bare, ends_bare: is_bare }, len));
                }
                _ => lines.push(line),
            }
        }
        None
    }

    /// Method, target and version, if there are two spaces at least, none at the start, and more than blanks behind the last.
    pub(crate) fn words(&self) -> Option<[&'a [u8]; 3]> {
        let line = self.request_line;
        let first = line.iter().position(|&byte| byte == b' ')?;
        let last = line.iter().rposition(|&byte| byte == b' ')?;
        let whole = first > 0 && first < last && line[last..].iter().any(|byte| !matches!(byte, b' ' | b'\t'));
        whole.then(|| [&line[..first], &line[first + 1..last], &line[last + 1..]])
    }

    /// Names and values of all lines that have a colon and do not begin with a blank.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.lines.iter().filter(|line| !is_fold(line)).filter_map(|line| split_field(line))
    }

    /// Whether the parsed door is the one to ask.
    pub(crate) fn is_plain(&self) -> bool {
        let each_is_a_field = self.lines.iter().all(|line| !is_fold(line) && line.contains(&b':'));
        !self.bare && self.blanks <= 1 && self.words().is_some() && each_is_a_field
    }
}

/// Whether a line continues the one before.
pub(crate) fn is_fold(line: &[u8]) -> bool {
    matches!(line.first(), Some(b' ' | b'\t'))
}

fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    Some((&line[..colon], &line[colon + 1..]))
}

/// What the library says of `head`, which is `split` so.
pub(crate) fn ask(head: &[u8], split: &Split<'_>) -> Found {
    match split.words() {
        Some([method, uri, version]) if split.is_plain() => {
            let headers = split.fields().map(|(name, value)| HttpHeader::new(name, value)).collect();
            let mut request = HttpRequestData { method, version, uri, headers };
            found(request.analyze_parsed_request(), split)
        }
        _ if split.blanks == 1 && head.starts_with(b"\r\n") => {
            found(HttpRequestData::analyze_raw_request(&head[2..]), split)
        }
        _ => found(HttpRequestData::analyze_raw_request(head), split),
    }
}

fn found(result: RequestAnalysisResult, split: &Split<'_>) -> Found {
    let tier = match result.tier {
        RequestSafetyTier::Compliant => Tier::Compliant,
        RequestSafetyTier::Acceptable => Tier::Acceptable,
        RequestSafetyTier::Ambiguous => Tier::Ambiguous,
        RequestSafetyTier::Severe => Tier::Severe,
    };
    let reason = match result.reason {
        Theirs::Compliant => None,
        Theirs::EmptyHeader => Some(Reason::EmptyHeader),
        Theirs::SuspiciousHeader => Some(Reason::SuspiciousHeader),
        Theirs::NonCompliantHeader => Some(Reason::NonCompliantHeader),
        Theirs::BadHeader => Some(Reason::BadHeader),
        Theirs::AmbiguousUri => Some(Reason::AmbiguousUri),
        Theirs::SpaceInUri => Some(Reason::SpaceInUri),
        Theirs::BadUri => Some(Reason::BadUri),
        Theirs::NonCompliantVersion => Some(Reason::NonCompliantVersion),
        Theirs::BadVersion => Some(Reason::BadVersion),
        Theirs::GetHeadZeroContentLength => Some(Reason::GetHeadZeroContentLength),
        Theirs::UndefinedContentLengthSemantics => Some(Reason::UndefinedContentLengthSemantics),
        Theirs::MultipleContentLength => Some(Reason::MultipleContentLength),
        Theirs::DuplicateContentLength => Some(Reason::DuplicateContentLength),
        Theirs::BadContentLength => Some(Reason::BadContentLength),
        Theirs::UndefinedTransferEncodingSemantics => Some(Reason::UndefinedTransferEncodingSemantics),
        Theirs::MultipleTransferEncodingChunked => Some(Reason::MultipleTransferEncodingChunked),
        Theirs::BadTransferEncoding => Some(Reason::BadTransferEncoding),
        Theirs::BothTeClPresent => Some(Reason::BothTeClPresent),
        Theirs::BadMethod => Some(Reason::BadMethod),
        // The six that only the raw door finds.
        Theirs::NonCrLfLineTermination => Some(Reason::NonCompliantHeader),
        Theirs::MultilineHeader | Theirs::MissingHeaderColon => Some(Reason::EmptyHeader),
        // To the raw door an empty line before the request is a request line without anything in it.
        Theirs::MissingUri if split.blanks > 0 => Some(Reason::EmptyHeader),
        Theirs::MissingUri => None,
        Theirs::PartialHeaderLine | Theirs::MissingLastEmptyLine => panic!("a whole head was asked about"),
    };
    Found { tier, reason }
}
