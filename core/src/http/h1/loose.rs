//! Splits a request head that does not follow the grammar, and says how it was written. Nothing is judged or mended
//! here; [`crate::desync`] does that.

use memchr::memchr;

/// A request head as it was sent, whatever that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose<'a> {
    /// Up to the first space; perhaps empty.
    pub method: &'a [u8],
    /// Between the first space and the last, without spaces at its ends; perhaps empty.
    pub target: &'a [u8],
    /// More than one space stood before or behind the target.
    pub spaces: bool,
    /// After the last space, with blanks that stood behind it; empty if there is none.
    pub version: &'a [u8],
    /// Lines before the request line other than one CRLF, or an empty line at the end of the head that is LF alone.
    pub odd_blank_lines: bool,
    /// The request line ends in LF alone.
    pub bare_line_feed: bool,
    /// What follows the request line.
    pub lines: Vec<Line<'a>>,
}

/// A line after the request line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// What it looks like.
    pub kind: Kind<'a>,
    /// It ends in LF alone.
    pub bare_line_feed: bool,
}

/// What a line after the request line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// There is a colon in it.
    Field {
        /// Up to the colon, as it is.
        name: &'a [u8],
        /// After it, without blanks at its ends.
        value: &'a [u8],
    },
    /// It begins with a blank: it continues the line before ("obs-fold" of RFC 9112 section 5.2). Without blanks at its
    /// ends.
    Fold(&'a [u8]),
    /// It has no colon.
    NoColon(&'a [u8]),
}

impl<'a> Loose<'a> {
    /// Splits `head`, which ends with an empty line.
    pub fn split(head: &'a [u8]) -> Loose<'a> {
        let mut lines = head.split_inclusive(|&byte| byte == b'\n').map(Ended::new);
        let mut blanks = 0;
        let mut odd_blank_lines = false;
        let first = loop {
            match lines.next() {
                Some(line) if line.content.is_empty() => {
                    blanks += 1;
                    odd_blank_lines |= blanks > 1 || line.bare;
                }
                line => break line.unwrap_or_default(),
            }
        };
        let mut loose = Loose::request_line(first);
        loose.odd_blank_lines = odd_blank_lines;
        for line in lines {
            if line.content.is_empty() {
                loose.odd_blank_lines |= line.bare;
                break;
            }
            loose.lines.push(Line { kind: Kind::of(line.content), bare_line_feed: line.bare });
        }
        loose
    }

    fn request_line(line: Ended<'a>) -> Loose<'a> {
        let (method, rest) = split_at(line.content, memchr(b' ', line.content));
        let (before, version) = last_word(rest);
        let target = trim(before, b" ");
        // One space separates; the one behind the target is not in `before`.
        let spaces = target.len() < before.len();
        let (odd_blank_lines, lines) = (false, Vec::new());
        Loose { method, target, spaces, version, odd_blank_lines, bare_line_feed: line.bare, lines }
    }
}

/// What stands before the version, and the version. A single word is a version if it begins like one.
fn last_word(rest: &[u8]) -> (&[u8], &[u8]) {
    let end = trim(rest, b" \t");
    let padding = rest.len() - trim_end(rest, b" \t").len();
    match end.iter().rposition(|&byte| byte == b' ') {
        Some(_) => {
            let before_padding = &rest[..rest.len() - padding];
            let at = before_padding.iter().rposition(|&byte| byte == b' ').unwrap_or_default();
            split_at(rest, Some(at))
        }
        None if end.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"http/")) => (b"", rest),
        None => (rest, b""),
    }
}

/// What is before the byte at that place and what is behind it.
fn split_at(bytes: &[u8], at: Option<usize>) -> (&[u8], &[u8]) {
    let Some((before, [_, after @ ..])) = at.and_then(|at| bytes.split_at_checked(at)) else { return (bytes, b"") };
    (before, after)
}

impl<'a> Kind<'a> {
    fn of(line: &'a [u8]) -> Kind<'a> {
        match (line.first(), memchr(b':', line)) {
            (Some(b' ' | b'\t'), _) => Kind::Fold(trim_blanks(line)),
            (_, None) => Kind::NoColon(line),
            (_, at) => {
                let (name, value) = split_at(line, at);
                Kind::Field { name, value: trim_blanks(value) }
            }
        }
    }
}

/// A line without its end.
#[derive(Default)]
struct Ended<'a> {
    content: &'a [u8],
    bare: bool,
}

impl<'a> Ended<'a> {
    fn new(line: &'a [u8]) -> Self {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match line.strip_suffix(b"\r") {
            Some(content) => Ended { content, bare: false },
            None => Ended { content: line, bare: true },
        }
    }
}

/// Without spaces and tabs at its ends: "OWS" of RFC 9110 section 5.6.3, and nothing more.
pub fn trim_blanks(bytes: &[u8]) -> &[u8] {
    trim(bytes, b" \t")
}

fn trim<'a>(bytes: &'a [u8], these: &[u8]) -> &'a [u8] {
    let bytes = trim_end(bytes, these);
    let start = bytes.iter().position(|byte| !these.contains(byte)).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

fn trim_end<'a>(bytes: &'a [u8], these: &[u8]) -> &'a [u8] {
    let end = bytes.iter().rposition(|byte| !these.contains(byte)).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line: &str) -> (String, String, String, bool) {
        let text = format!("{line}\r\n\r\n");
        let loose = Loose::split(text.as_bytes());
        let string = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (string(loose.method), string(loose.target), string(loose.version), loose.spaces)
    }

    #[test]
    fn a_request_line_is_split_at_its_first_and_its_last_space() {
        for (sent, method, target, version, spaces) in [
            ("GET / HTTP/1.1", "GET", "/", "HTTP/1.1", false),
            ("GET  / HTTP/1.1", "GET", "/", "HTTP/1.1", true),
            ("GET /  HTTP/1.1", "GET", "/", "HTTP/1.1", true),
            ("GET /a b c HTTP/1.1", "GET", "/a b c", "HTTP/1.1", false),
            ("GET / HTTP/1.1 ", "GET", "/", "HTTP/1.1 ", false),
            ("GET / HTTP/1.1\t", "GET", "/", "HTTP/1.1\t", false),
            ("GET / \tHTTP/1.1", "GET", "/", "\tHTTP/1.1", false),
            (" GET / HTTP/1.1", "", "GET /", "HTTP/1.1", false),
            ("GET / x", "GET", "/", "x", false),
        ] {
            let expected = (method.to_owned(), target.to_owned(), version.to_owned(), spaces);
            assert_eq!(line(sent), expected, "{sent:?}");
        }
    }

    #[test]
    fn what_is_missing_in_a_request_line_is_empty() {
        for (sent, method, target, version) in [
            ("GET", "GET", "", ""),
            ("GET /", "GET", "/", ""),
            ("GET / ", "GET", "/", ""),
            ("GET HTTP/1.1", "GET", "", "HTTP/1.1"),
            ("GET http/1.1 ", "GET", "", "http/1.1 "),
            ("GET  HTTP/1.1", "GET", "", " HTTP/1.1"),
            ("GET ", "GET", "", ""),
        ] {
            let (found_method, found_target, found_version, _) = line(sent);
            assert_eq!((found_method.as_str(), found_target.as_str()), (method, target), "{sent:?}");
            assert_eq!(found_version, version, "{sent:?}");
        }
    }

    #[test]
    fn lines_are_told_apart_by_how_they_begin_and_by_their_colon() {
        let loose = Loose::split(b"GET / HTTP/1.1\nA : b \n\tc: d \r\nno colon\r\n: x\r\n \r\n\r\nrest");
        assert!(loose.bare_line_feed && !loose.odd_blank_lines);
        let expected = [
            (Kind::Field { name: b"A ", value: b"b" }, true),
            (Kind::Fold(b"c: d"), false),
            (Kind::NoColon(b"no colon"), false),
            (Kind::Field { name: b"", value: b"x" }, false),
            (Kind::Fold(b""), false),
        ];
        assert_eq!(loose.lines, expected.map(|(kind, bare_line_feed)| Line { kind, bare_line_feed }));
    }

    #[test]
    fn empty_lines_are_odd_unless_they_are_one_crlf_before_and_one_after() {
        for (sent, odd) in [
            ("GET / HTTP/1.1\r\n\r\n", false),
            ("\r\nGET / HTTP/1.1\r\n\r\n", false),
            ("\r\n\r\nGET / HTTP/1.1\r\n\r\n", true),
            ("\nGET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\n\n", true),
        ] {
            assert_eq!(Loose::split(sent.as_bytes()).odd_blank_lines, odd, "{sent:?}");
        }
    }

    #[test]
    fn carriage_returns_within_a_line_stay_in_it() {
        let loose = Loose::split(b"GET / HTTP/1.1\r\r\nA: b\rc\r\r\n\r\n");
        assert_eq!(loose.version, b"HTTP/1.1\r");
        assert_eq!(loose.lines[0].kind, Kind::Field { name: b"A", value: b"b\rc\r" });
    }
}
