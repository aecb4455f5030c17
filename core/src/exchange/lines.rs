//! Writes field lines into another head: what passes unchanged is copied as it was sent, neighbours in one go. Which
//! fields pass is decided by those who write.

use core::ops::Range;

use crate::http::Field;

/// Field lines on their way from a head to another.
///
/// A line that was sent as `name: value` and CRLF, with exactly one space, is copied with its neighbours; any other is
/// written so anew. Either way the same bytes come out.
#[derive(Debug)]
pub(crate) struct Lines<'h, 'o> {
    head: &'h [u8],
    /// What is to be copied from `head` before anything else is written.
    run: Range<usize>,
    out: &'o mut Vec<u8>,
}

impl<'h, 'o> Lines<'h, 'o> {
    /// From `head`, which the fields borrow from, to the end of `out`.
    pub(crate) fn new(head: &'h [u8], out: &'o mut Vec<u8>) -> Self {
        Lines { head, run: 0..0, out }
    }

    /// A field of the head, unchanged.
    #[inline(always)]
    pub(crate) fn pass(&mut self, field: &Field<'_>) {
        match as_sent(self.head, field) {
            Some(line) if line.start == self.run.end => self.run.end = line.end,
            Some(line) => {
                self.flush();
                self.run = line;
            }
            None => self.write(field.name, field.value),
        }
    }

    /// A line of our own.
    pub(crate) fn write(&mut self, name: &[u8], value: &[u8]) {
        line(name, value, self.flush());
    }

    /// Copies what is left. Returns where everything was written to.
    pub(crate) fn flush(&mut self) -> &mut Vec<u8> {
        let run = core::mem::take(&mut self.run);
        self.out.extend_from_slice(self.head.get(run).unwrap_or_default());
        self.out
    }
}

/// Appends `name: value` and CRLF.
#[inline]
pub(crate) fn line(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Where in `head` the line of `field` is, if its bytes are exactly what [`line`] would write.
#[inline]
fn as_sent(head: &[u8], field: &Field<'_>) -> Option<Range<usize>> {
    let (name, value) = (field.name, field.value);
    // Of something that is not within the head this is a place beyond its end.
    let start = name.as_ptr().addr().wrapping_sub(head.as_ptr().addr());
    let line = head.get(start..)?.get(..name.len() + value.len() + 4)?;
    let (upto_value, rest) = line.split_at_checked(name.len() + 2)?;
    let exact = rest.as_ptr() == value.as_ptr() && upto_value.ends_with(b": ") && rest.ends_with(b"\r\n");
    exact.then_some(start..start + line.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::head::parse_request;

    /// The head's fields, each unchanged but for those named `own`, and the runs that were copied for it.
    fn passed(head: &str) -> String {
        let request = parse_request(head.as_bytes(), Box::leak(Box::default())).unwrap();
        let mut out = Vec::new();
        let mut to = Lines::new(request.head, &mut out);
        for field in request.fields.iter() {
            match field.name {
                b"own" => to.write(b"ours", b"1"),
                b"gone" => {}
                _ => to.pass(field),
            }
        }
        to.flush();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_come_out_in_order_with_one_space_however_they_were_sent() {
        for (sent, expected) in [
            ("A: b\r\nC: d\r\n", "A: b\r\nC: d\r\n"),
            ("A:b\r\nC:  d\r\nE: f \r\nG:\th\r\n", "A: b\r\nC: d\r\nE: f\r\nG: h\r\n"),
            ("A: \r\nB:\r\nC:   \r\nD: \r\n", "A: \r\nB: \r\nC: \r\nD: \r\n"),
            ("A: b\r\nown: x\r\nC: d\r\n", "A: b\r\nours: 1\r\nC: d\r\n"),
            ("A: b\r\ngone: x\r\nC: d\r\nE: f\r\ngone: y\r\n", "A: b\r\nC: d\r\nE: f\r\n"),
            ("gone: x\r\nA: b\r\nC:d\r\nE: f\r\nown: y\r\n", "A: b\r\nC: d\r\nE: f\r\nours: 1\r\n"),
            ("", ""),
        ] {
            assert_eq!(passed(&format!("GET / HTTP/1.1\r\n{sent}\r\n")), expected, "{sent:?}");
        }
    }

    #[test]
    fn only_exact_lines_are_copied_as_they_were_sent() {
        let exact = |sent: &str| {
            let head = format!("GET / HTTP/1.1\r\n{sent}\r\n\r\n");
            let request = parse_request(head.as_bytes(), Box::leak(Box::default())).unwrap();
            let line = as_sent(request.head, &request.fields.0[0]);
            line.map(|line| head[line].to_owned())
        };
        assert_eq!(exact("A: b"), Some("A: b\r\n".to_owned()));
        assert_eq!(exact("A: "), Some("A: \r\n".to_owned()));
        for sent in ["A:b", "A:\tb", "A:  b", "A: b ", "A: b\t", "A:", "A:  "] {
            assert_eq!(exact(sent), None, "{sent:?}");
        }
    }

    #[test]
    fn fields_that_are_not_of_the_head_are_written() {
        let mut out = Vec::new();
        Lines::new(b"X: elsewhere\r\n", &mut out).pass(&Field { name: b"A", value: b"b" });
        assert_eq!(out, b"A: b\r\n");
    }
}
