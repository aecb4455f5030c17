//! The static table (RFC 7541 Appendix A): what both ends know from the start.

use super::hash::{STATIC_SLOTS, hash, static_slot};

/// How many entries there are; the dynamic table's begin behind them, at 62.
pub(super) const LEN: usize = 61;

/// Index 1 is the first.
pub(super) const ENTRIES: [(&str, &str); LEN] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// The entry at `index`, name and value in one piece, and the length of its name. An index from 1 to [`LEN`].
#[inline]
pub(super) fn entry(index: usize) -> Option<(&'static [u8], usize)> {
    let Span { start, name, len } = *SPANS.get(index.wrapping_sub(1))?;
    Some((&TEXT[usize::from(start)..][..usize::from(len)], usize::from(name)))
}

/// The first index of that name, whose hash is `hash`.
#[inline]
pub(super) fn name(name: &[u8], hash: u64) -> Option<usize> {
    let index = slot(hash);
    let (field, len) = entry(index)?;
    super::hash::same(field.get(..len)?, name).then_some(index)
}

/// The index of the only name that may have that hash; zero if none has.
#[inline]
pub(super) fn slot(hash: u64) -> usize {
    usize::from(NAMES[static_slot(hash)])
}

/// The index of a field whose name is first at `index`.
pub(super) fn field(mut index: usize, name: &[u8], value: &[u8]) -> Option<usize> {
    loop {
        let (field, len) = entry(index)?;
        let (its_name, its_value) = field.split_at(len);
        if its_name != name {
            return None;
        }
        if its_value == value && !value.is_empty() {
            return Some(index);
        }
        index += 1;
    }
}

/// Where an entry lies in [`TEXT`].
#[derive(Clone, Copy)]
struct Span {
    start: u16,
    name: u8,
    len: u8,
}

/// All entries one behind the other, so that each is copied at once.
static TEXT: [u8; text_len()] = text();

static SPANS: [Span; LEN] = spans();

/// The first index of the name whose hash belongs there, or zero.
static NAMES: [u8; STATIC_SLOTS] = names();

const fn names() -> [u8; STATIC_SLOTS] {
    let mut names = [0; STATIC_SLOTS];
    let mut at = LEN;
    while at > 0 {
        at -= 1;
        let slot = static_slot(hash(0, ENTRIES[at].0.as_bytes()));
        let there = names[slot] as usize;
        assert!(there == 0 || same(ENTRIES[there - 1].0, ENTRIES[at].0), "two names in one slot");
        names[slot] = at as u8 + 1;
    }
    names
}

pub(super) const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

const fn text_len() -> usize {
    let (mut at, mut len) = (0, 0);
    while at < LEN {
        len += ENTRIES[at].0.len() + ENTRIES[at].1.len();
        at += 1;
    }
    len
}

const fn text() -> [u8; text_len()] {
    let mut text = [0; text_len()];
    let (mut at, mut end) = (0, 0);
    while at < LEN {
        end = put(&mut text, end, ENTRIES[at].0.as_bytes());
        end = put(&mut text, end, ENTRIES[at].1.as_bytes());
        at += 1;
    }
    text
}

const fn put(text: &mut [u8], start: usize, octets: &[u8]) -> usize {
    let mut at = 0;
    while at < octets.len() {
        text[start + at] = octets[at];
        at += 1;
    }
    start + at
}

const fn spans() -> [Span; LEN] {
    let mut spans = [Span { start: 0, name: 0, len: 0 }; LEN];
    let (mut at, mut start) = (0, 0);
    while at < LEN {
        let name = ENTRIES[at].0.len();
        let len = name + ENTRIES[at].1.len();
        spans[at] = Span { start: start as u16, name: name as u8, len: len as u8 };
        start += len;
        at += 1;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_at_its_index_and_each_name_is_found() {
        for (at, (name, value)) in ENTRIES.iter().enumerate() {
            assert_eq!(entry(at + 1), Some((&[name.as_bytes(), value.as_bytes()].concat()[..], name.len())));
            let first = ENTRIES.iter().position(|entry| entry.0 == *name).map(|at| at + 1);
            assert_eq!(super::name(name.as_bytes(), hash(0, name.as_bytes())), first);
            let found = field(first.unwrap(), name.as_bytes(), value.as_bytes());
            assert_eq!(found, (!value.is_empty()).then_some(at + 1));
        }
        assert_eq!((entry(0), entry(LEN + 1)), (None, None));
    }

    #[test]
    fn other_names_are_not_found() {
        for name in ["", "x", "server2", "content-lengtg", ":statuz", "set-cookiE"] {
            assert_eq!(super::name(name.as_bytes(), hash(0, name.as_bytes())), None, "{name}");
        }
    }
}
