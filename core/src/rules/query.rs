//! A query as `query-string` conditions see it (guide COND-11, `wire.md` H17): what follows the first `?`, up to a
//! `#`, is pairs between `&`; a pair's key ends at its first `=`. Without `=` the value is empty. Empty pairs are
//! passed over.
//!
//! A key or value is compared as it was sent, and if it holds an escape, percent-decoded as well; one match
//! is enough. So `a%62c` cannot pass by a rule for `abc`, and a rule written with escapes still works. A `+` is
//! a plus, since only forms mean a space by it.

use std::borrow::Cow;

use super::Pattern;
use super::normalize::percent_encoded;
use super::text::{Text, visible};

/// One pair of a request's query.
pub(super) struct Pair<'a> {
    pub(super) key: Part<'a>,
    pub(super) value: Part<'a>,
}

/// A key or a value: as sent, and decoded if that differs.
pub(super) struct Part<'a> {
    sent: Text<'a>,
    decoded: Option<Text<'a>>,
}

pub(super) fn pairs(query: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    without_fragment(query).split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &pair[pair.len()..]),
        };
        Pair { key: Part::new(key), value: Part::new(value) }
    })
}

pub(super) fn without_fragment(query: &[u8]) -> &[u8] {
    memchr::memchr(b'#', query).map_or(query, |at| &query[..at])
}

impl<'a> Part<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let decoded = memchr::memchr(b'%', bytes).map(|_| Text::folded(Cow::Owned(decode(bytes))));
        Part { sent: Text::folded(visible(bytes)), decoded }
    }

    /// The pattern must be one that ignores case.
    pub(super) fn matches(&self, pattern: &Pattern) -> bool {
        pattern.matches_text(&self.sent) || self.decoded.as_ref().is_some_and(|text| pattern.matches_text(text))
    }
}

fn decode(bytes: &[u8]) -> Vec<u8> {
    let bytes = visible(bytes);
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = &*bytes;
    while let [byte, after @ ..] = rest {
        let octet = percent_encoded(byte, after);
        rest = if octet.is_some() { &after[2..] } else { after };
        decoded.push(octet.unwrap_or(*byte));
    }
    visible(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &str) -> Vec<(String, String)> {
        let text =
            |part: &Part<'_>| String::from_utf8_lossy(part.decoded.as_ref().unwrap_or(&part.sent).bytes()).into_owned();
        pairs(query.as_bytes()).map(|pair| (text(&pair.key), text(&pair.value))).collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn pairs_are_split_at_ampersands_and_at_the_first_equals_sign() {
        assert_eq!(shown("a=1&b=2=3&&c&=d"), [pair("a", "1"), pair("b", "2=3"), pair("c", ""), pair("", "d")]);
        assert_eq!(shown(""), []);
    }

    #[test]
    fn a_query_ends_at_a_number_sign() {
        assert_eq!(shown("a=1#&b=2"), [pair("a", "1")]);
    }

    #[test]
    fn escapes_are_decoded_and_what_rules_do_not_see_is_left_out() {
        assert_eq!(shown("%61%3D=%c3%a9%00x+y%2"), [pair("a=", "x+y%2")]);
    }

    #[test]
    fn a_part_matches_as_sent_or_decoded() {
        let part = Part::new(b"A%20b");
        assert!(part.matches(&Pattern::escaped_ignoring_case("a b")));
        assert!(part.matches(&Pattern::escaped_ignoring_case("a%20B")));
        assert!(!part.matches(&Pattern::escaped_ignoring_case("ab")));
    }
}
