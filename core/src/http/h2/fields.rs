//! A decoded list of header fields: names and values one after the other in one buffer that is used again and again.

use crate::http::Field;

/// Header fields in order, pseudo-header fields included.
#[derive(Clone, Debug, Default)]
pub struct FieldList {
    bytes: Vec<u8>,
    /// Where the name of each field and its value end.
    ends: Vec<(u32, u32)>,
}

impl FieldList {
    /// An empty list, which has allocated nothing.
    pub fn new() -> Self {
        FieldList::default()
    }

    /// Forgets the fields, and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Appends a field.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(name);
        let name_end = self.bytes.len() as u32;
        self.bytes.extend_from_slice(value);
        self.ends.push((name_end, self.bytes.len() as u32));
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |&(name_end, end)| {
            let name = self.bytes.get(start..name_end as usize).unwrap_or_default();
            let value = self.bytes.get(name_end as usize..end as usize).unwrap_or_default();
            start = end as usize;
            Field { name, value }
        })
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The size of the list (RFC 9113 section 6.5.2): names, values, and 32 bytes for each field.
    pub fn size(&self) -> usize {
        self.bytes.len() + 32 * self.ends.len()
    }
}
