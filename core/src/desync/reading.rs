//! The one reading of a request, and what speaks against it: made of the bytes of its head, before anything is decided.

use super::body_fields::BodyFields;
use super::classify::Judge;
use super::mend::mend;
use super::notes::Notes;
use super::reason::Reason;
use super::verdict::{Classification, Verdict};
use super::version::Spoken;
use crate::http::h1::head::{Scan, Scanner, parse_request_line_and_fields};
use crate::http::h1::loose::Loose;
use crate::http::{FieldRoom, Fields, Framing, Refusal, Request};

/// A request as it is understood, with what was found about it. [`Reading::clear`] decides whether it may be forwarded.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    pub(super) request: Request<'a>,
    pub(super) verdict: Verdict<'a>,
    pub(super) framing: Result<Framing, Refusal>,
    pub(super) notes: Notes<'a>,
    /// What stands in the way in every mode, whatever the verdict.
    pub(super) refusal: Option<Refusal>,
    /// A field was left out since its name is no token.
    pub(super) dropped_a_name: bool,
    version: Option<&'a [u8]>,
}

impl<'r> Reading<'r> {
    /// Reads the head that [`Scan::Head`] delimits: `head` is its `len` bytes, `regular` comes with them.
    ///
    /// What follows the grammar is parsed by httparse, and nothing is allocated for up to 32 fields. Anything else is
    /// split and mended as far as it can be; what had to be written anew is in `mended`.
    pub fn of<'a: 'r>(
        head: &'a [u8],
        regular: bool,
        mended: &'a mut Vec<u8>,
        room: &'r mut FieldRoom<'a>,
    ) -> Reading<'r> {
        if regular && let Ok(line) = parse_request_line_and_fields(head, room) {
            return Reading::of_regular(line.with(Fields(&room.0)));
        }
        Reading::of_loose(head, mended, room)
    }

    /// The reading of a head that [`parse_request`](crate::http::h1::head::parse_request) took, and whose lines are regular.
    #[inline(always)]
    fn of_regular(request: Request<'r>) -> Reading<'r> {
        let mut reading = Reading::unjudged(request);
        let mut body = BodyFields::default();
        reading.notes.take(&request.fields, &mut body);
        if !body.is_empty() {
            reading.framing = body.framing();
            body.judge(request.method, Spoken::Known(request.version), &mut reading.verdict);
        }
        reading
    }

    #[inline(always)]
    fn unjudged(request: Request<'r>) -> Reading<'r> {
        let (verdict, notes) = (Verdict::default(), Notes::default());
        let framing = Ok(Framing::None);
        Reading { request, verdict, framing, notes, refusal: None, dropped_a_name: false, version: None }
    }

    fn of_loose<'a: 'r>(head: &'a [u8], mended: &'a mut Vec<u8>, room: &'r mut FieldRoom<'a>) -> Reading<'r> {
        let loose = Loose::split(head);
        let mut judge = Judge::default();
        if loose.odd_blank_lines {
            judge.verdict.note(Reason::EmptyHeader, None);
        }
        if loose.bare_line_feed {
            judge.verdict.note(Reason::NonCompliantHeader, None);
            judge.verdict.doubt_its_end();
        }
        let too_large = mend(&loose, &mut judge, mended, room);
        let spoken = judge.request_line(loose.method, loose.target, loose.version);
        if loose.spaces {
            judge.verdict.note(Reason::SpaceInUri, None);
        }
        // The rest of the request line may well be what seems to be the next line.
        if loose.version.is_empty() && loose.bare_line_feed && !loose.lines.is_empty() {
            judge.verdict.note(Reason::BadUri, None);
        }
        let unsupported = (spoken == Spoken::Unsupported).then_some(Refusal::UnsupportedVersion);
        let Judge { verdict, body, dropped_a_name } = judge;
        let fields = Fields(&room.0);
        let mut notes = Notes::default();
        notes.take(&fields, &mut BodyFields::default());
        let request = Request { head, method: loose.method, target: loose.target, version: spoken.version(), fields };
        let refusal = unsupported.or(too_large);
        let (framing, version) = (body.framing(), Some(loose.version));
        Reading { request, verdict, framing, notes, refusal, dropped_a_name, version }
    }

    /// What was found (guide DSY-01).
    pub fn classification(&self) -> Classification<'r> {
        self.verdict.classification
    }

    /// The request as it is understood. Its fields are mended, but for Host; method and target are as sent, whatever they are.
    pub fn request(&self) -> &Request<'r> {
        &self.request
    }

    /// The version as sent, of a head that does not follow the grammar; empty if there is none.
    pub fn sent_version(&self) -> Option<&'r [u8]> {
        self.version
    }

    /// How the body ends, if that has one reading and its coding is served.
    pub fn framing(&self) -> Option<Framing> {
        self.framing.ok().filter(|_| !self.verdict.unreadable)
    }
}

/// Classifies the request head that `bytes` begin with (guide DSY-01), whatever follows it; `None` if it is not whole.
/// Nothing is allocated if it is compliant and has no more than 32 fields.
///
/// # Errors
///
/// The head is longer than one may be, or has too many fields.
///
/// ```
/// use sluicegate::desync::{Reason, classify_head};
///
/// let head = b"GET / HTTP/1.1\r\nHost: example.com\r\nTransfer_Encoding: chunked\r\n\r\n";
/// let classification = classify_head(head).unwrap().unwrap();
/// assert_eq!(classification.reason(), Some(Reason::SuspiciousHeader));
/// assert_eq!(classification.header(), Some(&b"Transfer_Encoding"[..]));
/// assert_eq!(classify_head(&head[..40]).unwrap(), None);
/// ```
pub fn classify_head(bytes: &[u8]) -> Result<Option<Classification<'_>>, Refusal> {
    let Scan::Head { len, regular } = Scanner::request().scan(bytes)? else { return Ok(None) };
    let head = bytes.get(..len).unwrap_or_default();
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let reading = Reading::of(head, regular, &mut mended, &mut room);
    Ok(Some(reading.classification().within(head)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desync::{Sent, Tier, classify};

    fn reading(bytes: &[u8]) -> Reading<'_> {
        match Scanner::request().scan(bytes).expect("within the limits") {
            Scan::Head { len, regular } => {
                Reading::of(&bytes[..len], regular, Box::leak(Box::default()), Box::leak(Box::default()))
            }
            Scan::More => panic!("not a whole head: {bytes:?}"),
        }
    }

    fn with(fields: &str) -> String {
        format!("POST /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    }

    fn fields_of(text: &str) -> Vec<(String, String)> {
        let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = reading(text.as_bytes()).request().fields;
        fields.iter().skip(1).map(|field| (string(field.name), string(field.value))).collect()
    }

    fn told(fields: &str) -> (Option<Reason>, Vec<(String, String)>) {
        let text = with(fields);
        (reading(text.as_bytes()).classification().reason(), fields_of(&text))
    }

    fn is(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_fold_is_joined_by_one_space() {
        assert_eq!(told("A: b\r\n  c\r\n\td \r\n"), (Some(Reason::EmptyHeader), is(&[("A", "b c d")])));
        assert_eq!(told("A:\r\n b\r\nC: d\r\n"), (Some(Reason::EmptyHeader), is(&[("A", "b"), ("C", "d")])));
        assert_eq!(told("A: b\r\n \r\nC: d\r\n"), (Some(Reason::EmptyHeader), is(&[("A", "b"), ("C", "d")])));
        assert_eq!(told("Content-Type: a;\r\n b=c\r\n").0, Some(Reason::EmptyHeader));
    }

    #[test]
    fn lines_that_are_no_fields_are_left_out_with_their_folds() {
        assert_eq!(told("A: b\r\nno colon\r\n c\r\nC: d\r\n").1, is(&[("A", "b"), ("C", "d")]));
        assert_eq!(told(": b\r\nC: d\r\n"), (Some(Reason::EmptyHeader), is(&[("C", "d")])));
        assert_eq!(told("A(: b\r\n c\r\nC: d\r\n").1, is(&[("C", "d")]));
        assert_eq!(told("A(: b\r\nC: d\r\n").0, Some(Reason::NonCompliantHeader));
        let before = "GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n";
        assert_eq!(reading(before.as_bytes()).request().fields.0.len(), 1);
        assert_eq!(reading(before.as_bytes()).classification().reason(), Some(Reason::EmptyHeader));
    }

    #[test]
    fn folds_of_what_decides_are_severe() {
        for (fields, reason) in [
            ("Transfer-Encoding:\r\n chunked\r\n", Reason::BadTransferEncoding),
            ("Content-Length: 5\r\n \r\n", Reason::BadContentLength),
            ("Content_Length: 5\r\n \r\n", Reason::BadContentLength),
        ] {
            assert_eq!(told(fields).0, Some(reason), "{fields:?}");
        }
        let host = "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n";
        assert_eq!(reading(host.as_bytes()).classification().reason(), Some(Reason::BadHeader));
        for name in ["Host", "content-length", "Transfer_Encoding"] {
            let first = format!("GET / HTTP/1.1\r\n {name}: 5\r\nX: a\r\n\r\n");
            assert_eq!(reading(first.as_bytes()).classification().reason(), Some(Reason::BadHeader), "{name}");
        }
    }

    #[test]
    fn a_fold_that_some_take_for_a_field_of_its_own_is_judged_as_one() {
        assert_eq!(told("A: b\r\n Transfer-Encoding: cow\r\n").0, Some(Reason::BadTransferEncoding));
        let text = with("A: b\r\n Transfer-Encoding: chunked\r\n");
        let reading = reading(text.as_bytes());
        assert_eq!((reading.classification().tier(), reading.framing()), (Tier::Ambiguous, Some(Framing::None)));
    }

    #[test]
    fn control_characters_in_values_become_spaces() {
        assert_eq!(told("A: \x01b\x7fc\x0b\r\n"), (Some(Reason::NonCompliantHeader), is(&[("A", "b c")])));
        assert_eq!(told("A: b\0c\r\n"), (Some(Reason::BadHeader), is(&[("A", "b c")])));
        assert_eq!(told("A: b\tc\u{e9}\r\n"), (None, is(&[("A", "b\tc\u{e9}")])));
    }

    #[test]
    fn a_joined_field_is_no_longer_than_a_line_may_be() {
        let joined = |len: usize| with(&format!("A: {}\r\n b\r\n", "x".repeat(len - 5)));
        assert_eq!(reading(joined(16 * 1024).as_bytes()).refusal, None);
        let over = joined(16 * 1024 + 1).replace("\r\n\r\n", "\r\nContent-Length: +5\r\n\r\n");
        let over = reading(over.as_bytes());
        assert_eq!(over.refusal, Some(Refusal::FieldTooLarge));
        // The rest is read all the same.
        assert_eq!(over.classification().reason(), Some(Reason::BadContentLength));
        assert_eq!(over.request().fields.first(b"content-length"), Some(&b"+5"[..]));
    }

    #[test]
    fn line_ends_and_empty_lines_are_told() {
        let reason = |text: &str| reading(text.as_bytes()).classification().reason();
        assert_eq!(reason("GET / HTTP/1.1\nHost: a\r\n\r\n"), Some(Reason::NonCompliantHeader));
        assert_eq!(reason("GET / HTTP/1.1\r\nHost: a\n\r\n"), Some(Reason::NonCompliantHeader));
        assert_eq!(reason("GET / HTTP/1.1\r\nHost: a\r\n\n"), Some(Reason::EmptyHeader));
        assert_eq!(reason("GET /a\nb HTTP/1.1\r\nHost: a\r\n\r\n"), Some(Reason::BadUri));
        assert_eq!(reason("GET /a\n\n"), Some(Reason::EmptyHeader));
        assert_eq!(reason("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), None);
        assert_eq!(reason("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Some(Reason::EmptyHeader));
    }

    #[test]
    fn the_header_to_blame_is_named_as_it_was_sent() {
        for (fields, header) in [
            ("Content-Length: 5\r\ncontent-LENGTH: 6\r\n", "content-LENGTH"),
            ("X-One: 1\r\nTransfer_Encoding: chunked\r\n", "Transfer_Encoding"),
            ("X-One : 1\r\n", "X-One "),
            ("X: a\r\n b\r\n", "X"),
            ("no colon\r\n", "no colon"),
        ] {
            let text = with(fields);
            let classification = classify_head(text.as_bytes()).unwrap().unwrap();
            assert_eq!(classification.header(), Some(header.as_bytes()), "{fields:?}");
        }
    }

    #[test]
    fn a_head_that_is_split_already_is_classified_alike() {
        for fields in [
            "",
            "Content-Length: 5\r\n",
            "Transfer_Encoding: x\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        ] {
            let text = with(fields);
            let read = reading(text.as_bytes());
            let request = read.request();
            let sent =
                Sent { method: request.method, target: request.target, version: b"HTTP/1.1", fields: request.fields.0 };
            assert_eq!(classify(&sent), read.classification(), "{fields:?}");
        }
    }
}
