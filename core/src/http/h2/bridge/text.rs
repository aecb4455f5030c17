//! The text of a head while it is written. Room for all of it is made at once, so that a line costs little more than its
//! bytes.

/// What is appended to a buffer.
#[derive(Debug)]
pub(super) struct Text<'o> {
    /// Written up to `end`; what lies behind is room.
    out: &'o mut Vec<u8>,
    end: usize,
}

impl<'o> Text<'o> {
    /// Behind what is in `out`, with room for `len` bytes, and more if more come.
    pub(super) fn new(out: &'o mut Vec<u8>, len: usize) -> Text<'o> {
        let end = out.len();
        out.resize(end + len, 0);
        Text { out, end }
    }

    /// Appends bytes.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.room(bytes.len()).copy_from_slice(bytes);
    }

    /// Appends `name: value` and CRLF.
    #[inline]
    pub(super) fn line(&mut self, name: &[u8], value: &[u8]) {
        let line = self.room(name.len() + value.len() + 4);
        let (to_name, rest) = line.split_at_mut(name.len());
        to_name.copy_from_slice(name);
        let (to_value, line_end) = rest.split_at_mut(value.len() + 2);
        if let Some((colon, to_value)) = to_value.split_first_chunk_mut() {
            *colon = *b": ";
            to_value.copy_from_slice(value);
        }
        line_end.copy_from_slice(b"\r\n");
    }

    /// Nothing more comes.
    pub(super) fn finish(self) {
        self.out.truncate(self.end);
    }

    #[inline]
    fn room(&mut self, len: usize) -> &mut [u8] {
        let (start, end) = (self.end, self.end + len);
        if end > self.out.len() {
            self.widen(end);
        }
        self.end = end;
        self.out.get_mut(start..end).unwrap_or_default()
    }

    #[cold]
    fn widen(&mut self, end: usize) {
        self.out.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_behind_what_was_there_however_much_was_expected() {
        for expected in [0, 1, 20, 100] {
            let mut out = b"before ".to_vec();
            let mut text = Text::new(&mut out, expected);
            text.put(b"A\r\n");
            text.line(b"b", b"c d");
            text.line(b"e", b"");
            text.put(b"");
            text.finish();
            assert_eq!(out, b"before A\r\nb: c d\r\ne: \r\n");
        }
    }
}
