//! What the findings about a request come to.

use super::reason::{Reason, Tier};

/// How far a request is from complying, why, and by which header field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classification<'a> {
    found: Option<(Reason, Option<&'a [u8]>)>,
}

impl<'a> Classification<'a> {
    /// The highest tier of all that was found.
    pub fn tier(&self) -> Tier {
        self.reason().map_or(Tier::Compliant, Reason::tier)
    }

    /// The first reason of that tier; `None` if the request complies.
    pub fn reason(&self) -> Option<Reason> {
        self.found.map(|(reason, _)| reason)
    }

    /// The name, as sent, of the header field to blame, if it is one. A line without a name stands for itself.
    pub fn header(&self) -> Option<&'a [u8]> {
        self.found.and_then(|(_, header)| header)
    }

    /// The same, with the header as a part of `head`, which it is a part of.
    pub(super) fn within<'h>(&self, head: &'h [u8]) -> Classification<'h> {
        let found = self.found.map(|(reason, header)| (reason, header.and_then(|part| part_of(head, part))));
        Classification { found }
    }
}

/// `part` as a part of `whole`, which lives longer, if it is one.
fn part_of<'w>(whole: &'w [u8], part: &[u8]) -> Option<&'w [u8]> {
    // Of something that is not within this is a place beyond the end.
    let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    whole.get(start..)?.get(..part.len())
}

/// The findings so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict<'a> {
    pub(super) classification: Classification<'a>,
    /// Something Severe was found that leaves no one reading: it is not forwarded in any mode.
    pub(super) unreadable: bool,
    /// Others may see the end of this request elsewhere: nothing may follow it on either connection, whatever the mode
    /// (RFC 9112 sections 6.1 and 6.3).
    pub(super) end_in_doubt: bool,
    /// A target may not see its body, and take it for the next request: nothing may follow it there, whatever the mode
    /// (RFC 9110 section 9.3.1).
    pub(super) body_in_doubt: bool,
}

impl<'a> Verdict<'a> {
    /// Takes note of a finding. What is Severe leaves no one reading.
    pub(super) fn note(&mut self, reason: Reason, header: Option<&'a [u8]>) {
        self.unreadable |= reason.tier() == Tier::Severe;
        self.note_readable(reason, header);
    }

    /// Takes note of a finding that still leaves one reading.
    pub(super) fn note_readable(&mut self, reason: Reason, header: Option<&'a [u8]>) {
        self.end_in_doubt |= matches!(reason, Reason::BothTeClPresent | Reason::SuspiciousHeader | Reason::EmptyHeader);
        self.body_in_doubt |=
            matches!(reason, Reason::UndefinedContentLengthSemantics | Reason::UndefinedTransferEncodingSemantics);
        if reason.tier() > self.classification.tier() {
            self.classification.found = Some((reason, header));
        }
    }

    /// Others may see the end of this request elsewhere.
    pub(super) fn doubt_its_end(&mut self) {
        self.end_in_doubt = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_of_the_highest_tier_wins() {
        let mut verdict = Verdict::default();
        assert_eq!(verdict.classification.tier(), Tier::Compliant);
        verdict.note(Reason::SpaceInUri, None);
        verdict.note(Reason::SuspiciousHeader, Some(b"a"));
        verdict.note(Reason::BothTeClPresent, Some(b"b"));
        assert_eq!(verdict.classification.reason(), Some(Reason::SuspiciousHeader));
        assert_eq!(verdict.classification.header(), Some(&b"a"[..]));
        assert!(!verdict.unreadable && verdict.end_in_doubt);
        verdict.note_readable(Reason::BadHeader, None);
        assert_eq!((verdict.classification.tier(), verdict.unreadable), (Tier::Severe, false));
        verdict.note(Reason::BadUri, None);
        assert_eq!((verdict.classification.reason(), verdict.unreadable), (Some(Reason::BadHeader), true));
    }

    #[test]
    fn a_header_is_found_again_in_the_head_that_it_came_from() {
        let head = b"GET / HTTP/1.1\r\nA: b".to_vec();
        let found = Classification { found: Some((Reason::EmptyHeader, Some(&head[16..17]))) };
        assert_eq!(found.within(&head).header(), Some(&b"A"[..]));
        let elsewhere = Classification { found: Some((Reason::EmptyHeader, Some(b"A"))) };
        assert_eq!(elsewhere.within(&head).header(), None);
    }
}
