//! The oracle: whether all readers see the same in a stream.

use std::fmt;

use super::{Ending, Framing, Quirks, Reading, Seen, lenient, strict};

/// Two readers see different things in one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The reader that differs from the strict one, or the strict one itself if it rejects the stream.
    pub reader: &'static str,
    /// Which request of the stream, from 0.
    pub request: usize,
    /// About where in the stream.
    pub at: usize,
    /// What differs.
    pub what: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Disagreement { reader, request, at, what } = self;
        write!(f, "the reader \"{reader}\", request {request}, at byte {at}: {what}")
    }
}

impl std::error::Error for Disagreement {}

/// What everybody sees in `stream`: the requests in order, of which the last may be unfinished.
///
/// # Errors
/// The strict reader rejects it, or a lenient one sees something else. Of a reader that ignores bodies less is asked,
/// as the module says.
pub fn agree(stream: &[u8]) -> Result<Vec<Seen>, Disagreement> {
    let strictly = strict::read(stream);
    if let Ending::Rejected { at, why } = strictly.ending {
        let request = strictly.requests.iter().filter(|seen| seen.whole).count();
        let what = format!("{why}, near {}", excerpt(stream, at));
        return Err(Disagreement { reader: "strict", request, at, what });
    }
    let marked = lenient::Marked::new(stream);
    for quirks in Quirks::all_variants() {
        let loosely = lenient::read_marked(&marked, quirks);
        if let Some((request, at, what)) = difference(&strictly, &loosely, quirks) {
            let what = format!("{what}, near {}", excerpt(stream, at));
            return Err(Disagreement { reader: quirks.name, request, at, what });
        }
    }
    Ok(strictly.requests)
}

/// Whether a request with a body on `GET` or `HEAD` is the last of its stream, if there is one: a target that takes its
/// body for the next request is then alone with it.
///
/// # Errors
/// Another request follows it.
pub fn bodies_come_last(seen: &[Seen]) -> Result<(), Disagreement> {
    match seen.iter().position(Seen::may_be_ignored) {
        Some(request) if request + 1 < seen.len() => Err(Disagreement {
            reader: "no bodies on GET and HEAD",
            request,
            at: seen[request].head_end,
            what: "a request follows one with a body on GET or HEAD".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The number of the request, the place, and what it is.
fn difference(strict: &Reading, other: &Reading, quirks: &Quirks) -> Option<(usize, usize, String)> {
    let ignores = quirks.bodies == super::quirks::Bodies::NotOfGetAndHead;
    let compared = strict.requests.iter().position(|seen| ignores && seen.may_be_ignored());
    for (number, seen) in strict.requests.iter().enumerate() {
        let Some(theirs) = other.requests.get(number) else {
            return Some((number, seen.start, format!("it does not see {}, {:?}", brief(seen), other.ending)));
        };
        if !same_head(seen, theirs) || Some(number) != compared && !same_body(seen, theirs) {
            return Some((number, seen.start, format!("{} is {} to it", brief(seen), brief(theirs))));
        }
        if Some(number) == compared {
            return None;
        }
    }
    let number = strict.requests.len();
    match other.requests.get(number) {
        Some(more) => Some((number, more.start, format!("it sees {} as well", brief(more)))),
        None if other.ending != strict.ending => {
            let at = strict.requests.last().map_or(0, |seen| seen.end);
            Some((number, at, format!("it ends {:?}, not {:?}", other.ending, strict.ending)))
        }
        None => None,
    }
}

fn same_head(one: &Seen, other: &Seen) -> bool {
    let head = |seen: &Seen| (seen.start, seen.head_end);
    head(one) == head(other) && one.method == other.method && one.target == other.target && one.host == other.host
}

/// A length of 0 is as good as none.
fn same_body(one: &Seen, other: &Seen) -> bool {
    let framing = |seen: &Seen| if seen.has_body() { seen.framing } else { Framing::None };
    (one.whole, one.end) == (other.whole, other.end) && framing(one) == framing(other) && one.body == other.body
}

fn brief(seen: &Seen) -> String {
    let Seen { method, target, host, framing, body, start, head_end, end, whole } = seen;
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let what = format!("{} {} for {:?}", text(method), text(target), text(host));
    let ending = if *whole { "" } else { ", unfinished" };
    format!("[{what}, {framing:?}, {} bytes of body, {start}..{head_end}..{end}{ending}]", body.len())
}

fn excerpt(stream: &[u8], at: usize) -> String {
    let from = at.saturating_sub(60);
    let upto = stream.len().min(at + 100);
    format!("\"{}\"", stream.get(from..upto).unwrap_or_default().escape_ascii())
}
