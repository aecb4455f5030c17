//! The fields of one HTTP/2 head, in one buffer that is used again for the next: each name, and right behind it its
//! value. Whether they make sense as a head is not asked here.

use core::fmt;

use crate::http::Field;

/// What each field counts for beside its octets (RFC 9113 section 6.5.2, RFC 7541 section 4.1).
pub const OVERHEAD: usize = 32;

/// Bytes of the buffer that stay for the next head: those of an ordinary one. A list that was larger is rare, and there
/// may be as many lists as there are connections.
const KEPT_MAX: usize = 4096;

/// Fields that stay likewise.
const KEPT_FIELDS_MAX: usize = 64;

/// Names and values, in the order they came.
#[derive(Clone, Default)]
pub struct FieldList {
    /// Written up to `used`; what lies behind is room.
    bytes: Vec<u8>,
    used: usize,
    spans: Vec<Span>,
}

/// Where a field ends; it begins where the one before it does.
#[derive(Clone, Copy)]
struct Span {
    name_end: u32,
    end: u32,
}

impl FieldList {
    /// An empty list.
    pub const fn new() -> FieldList {
        FieldList { bytes: Vec::new(), used: 0, spans: Vec::new() }
    }

    /// Forgets all fields. Memory of an ordinary head's size is kept for the next.
    pub fn clear(&mut self) {
        self.used = 0;
        self.spans.clear();
        if self.bytes.len() > KEPT_MAX {
            self.bytes.truncate(KEPT_MAX);
            self.bytes.shrink_to(KEPT_MAX);
        }
        self.spans.shrink_to(KEPT_FIELDS_MAX);
    }

    /// Adds a field behind the others.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.append(name);
        let name_end = self.used;
        self.append(value);
        self.close(name_end);
    }

    /// The fields in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { bytes: &self.bytes[..self.used], start: 0, spans: self.spans.iter() }
    }

    /// The value of the first field of that name; names compare octet by octet, since in HTTP/2 they are lower case.
    pub fn first(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|field| field.name == name).map(|field| field.value)
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes of memory that it holds.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.spans.capacity() * size_of::<Span>()
    }

    /// What a receiver that limits the size of lists counts: every octet, and [`OVERHEAD`] for each field.
    pub fn size(&self) -> usize {
        self.used + self.spans.len() * OVERHEAD
    }
}

/// How a decoder writes a field: it appends name and value, then closes the field.
impl FieldList {
    /// Where the next octet goes.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    /// What was written from `start` on.
    pub(super) fn since(&self, start: usize) -> &[u8] {
        &self.bytes[start..self.used]
    }

    /// Writes octets of the field that is being written.
    #[inline]
    pub(super) fn append(&mut self, octets: &[u8]) {
        if let Some(room) = self.bytes[self.used..].get_mut(..octets.len()) {
            room.copy_from_slice(octets);
            self.used += octets.len();
        } else {
            self.append_wider(octets);
        }
    }

    /// Forgets all fields and keeps all memory, for a list that is not to be kept.
    pub(super) fn rewind(&mut self) {
        self.used = 0;
        self.spans.clear();
    }

    /// Closes a field from `start` on before its octets are appended; returns its end.
    #[inline]
    pub(super) fn close_ahead(&mut self, start: u32, name: usize, len: usize) -> u32 {
        let end = start + len as u32;
        self.spans.push(Span { name_end: start + name as u32, end });
        end
    }

    #[cold]
    fn append_wider(&mut self, octets: &[u8]) {
        self.room(octets.len())[..octets.len()].copy_from_slice(octets);
        self.used += octets.len();
    }

    /// At least `len` octets behind what was written. What is written there counts once [`FieldList::grow`] says so.
    #[inline]
    pub(super) fn room(&mut self, len: usize) -> &mut [u8] {
        let end = self.used + len;
        if end > self.bytes.len() {
            self.bytes.resize(end.next_multiple_of(256).max(2 * self.bytes.len()), 0);
        }
        &mut self.bytes[self.used..]
    }

    /// That many octets of the [`FieldList::room`] were written.
    #[inline]
    pub(super) fn grow(&mut self, len: usize) {
        self.used += len;
        debug_assert!(self.used <= self.bytes.len());
    }

    /// What was appended since the last field is one, and `name_end` is where its value begins.
    #[inline]
    pub(super) fn close(&mut self, name_end: usize) {
        self.spans.push(Span { name_end: name_end as u32, end: self.used as u32 });
    }
}

impl<'a> IntoIterator for &'a FieldList {
    type Item = Field<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for FieldList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |octets: &[u8]| octets.escape_ascii().to_string();
        f.debug_list().entries(self.iter().map(|field| (text(field.name), text(field.value)))).finish()
    }
}

/// The fields of a [`FieldList`] in order.
#[derive(Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    start: usize,
    spans: core::slice::Iter<'a, Span>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let Span { name_end, end } = *self.spans.next()?;
        let name = &self.bytes[self.start..name_end as usize];
        let value = &self.bytes[name_end as usize..end as usize];
        self.start = end as usize;
        Some(Field { name, value })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_there_as_they_were_pushed() {
        let mut list = FieldList::new();
        assert!(list.is_empty() && list.size() == 0 && list.iter().next().is_none());
        list.push(b"cookie", b"a=1");
        list.push(b"x", b"");
        list.push(b"cookie", b"b=2");
        let fields: Vec<_> = list.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(fields, [(&b"cookie"[..], &b"a=1"[..]), (b"x", b""), (b"cookie", b"b=2")]);
        assert_eq!((list.len(), list.iter().len(), list.size()), (3, 3, 9 + 1 + 9 + 3 * 32));
        assert_eq!(
            (list.first(b"cookie"), list.first(b"x"), list.first(b"Cookie")),
            (Some(&b"a=1"[..]), Some(&b""[..]), None)
        );
        assert_eq!(format!("{list:?}"), r#"[("cookie", "a=1"), ("x", ""), ("cookie", "b=2")]"#);
    }

    #[test]
    fn memory_of_an_ordinary_head_is_kept_and_of_a_large_one_is_not() {
        let mut list = FieldList::new();
        (0..60).for_each(|_| list.push(&[b'n'; 20], &[b'v'; 40]));
        let memory = list.memory();
        list.clear();
        assert_eq!((list.len(), list.size(), list.memory()), (0, 0, memory));
        (0..500).for_each(|_| list.push(&[b'n'; 20], &[b'v'; 40]));
        assert!(list.memory() > 30_000);
        list.clear();
        assert!(list.memory() <= KEPT_MAX + KEPT_FIELDS_MAX * size_of::<Span>(), "{}", list.memory());
        list.push(b"again", b"1");
        assert_eq!(list.first(b"again"), Some(&b"1"[..]));
    }
}
