//! A target's response: from the list of its fields to the text of an HTTP/1.1 head.

use super::Malformed;
use super::checks;
use super::text::Text;
use crate::http::Field;
use crate::http::h2::fields::FieldList;

/// What is known of a response besides its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFacts {
    /// 100 to 999.
    pub status: u16,
    /// The length of the body, or that of the one that a `HEAD` or a 304 tells of.
    pub content_length: Option<u64>,
}

impl ResponseFacts {
    /// Whether another head follows (1xx).
    pub fn is_interim(&self) -> bool {
        self.status < 200
    }
}

/// Appends the HTTP/1.1 head of the response that `fields` are; `end` says that no body follows. Nothing is appended if
/// they are malformed.
///
/// The fields follow as they came, in lower case and in their order. Where the target says no `content-length`,
/// `transfer-encoding: chunked` comes last, also if no body follows: that says that its end is known from elsewhere. Of a
/// status that allows no body neither is written. There is no reason phrase.
pub fn response_head(fields: &FieldList, end: bool, out: &mut Vec<u8>) -> Result<ResponseFacts, Malformed> {
    let start = out.len();
    // What counts for each field is more than a line adds to it.
    let mut text = Text::new(out, fields.size());
    let written = write(fields, end, &mut text);
    text.finish();
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn write(fields: &FieldList, end: bool, text: &mut Text<'_>) -> Result<ResponseFacts, Malformed> {
    let clean = !checks::has_controls(fields.since(0));
    let mut rest = fields.iter();
    let status = status(rest.next())?;
    if end && status < 200 {
        return Err(Malformed::InterimEnd);
    }
    text.put(b"HTTP/1.1 ");
    text.put(itoa::Buffer::new().format(status).as_bytes());
    text.put(b" \r\n");
    let has_no_length = matches!(status, 100..=199 | 204);
    let mut content_length = None;
    for Field { name, value } in rest {
        field(name, value, clean)?;
        if name == b"content-length" {
            checks::length(&mut content_length, value)?;
            if has_no_length {
                continue;
            }
        }
        text.line(name, value);
    }
    if content_length.is_none() && !has_no_length && status != 304 {
        text.line(b"transfer-encoding", b"chunked");
    }
    text.put(b"\r\n");
    Ok(ResponseFacts { status, content_length })
}

/// `:status` comes first and alone (RFC 9113 section 8.3.2).
fn status(first: Option<Field<'_>>) -> Result<u16, Malformed> {
    match first {
        Some(Field { name: b":status", value: &[hundreds @ b'1'..=b'9', tens, ones] })
            if tens.is_ascii_digit() && ones.is_ascii_digit() =>
        {
            let status = [hundreds, tens, ones].iter().fold(0, |sum, digit| 10 * sum + u16::from(digit - b'0'));
            // "HTTP/2 removes support for the 101 (Switching Protocols) informational status code" (section 8.6).
            if status == 101 { Err(Malformed::Status) } else { Ok(status) }
        }
        Some(Field { name: b":status", .. }) => Err(Malformed::Status),
        Some(Field { name: [b':', ..], .. }) => Err(Malformed::UnknownPseudo),
        _ => Err(Malformed::MissingPseudo),
    }
}

#[inline]
fn field(name: &[u8], value: &[u8], clean: bool) -> Result<(), Malformed> {
    checks::name(name)?;
    checks::value_in(clean, value)?;
    match name {
        b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
            Err(Malformed::ConnectionField)
        }
        b"te" if !value.eq_ignore_ascii_case(b"trailers") => Err(Malformed::Te),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(fields: &[(&str, &str)], end: bool) -> Result<(String, ResponseFacts), Malformed> {
        let mut list = FieldList::new();
        fields.iter().for_each(|(name, value)| list.push(name.as_bytes(), value.as_bytes()));
        let mut out = b"before".to_vec();
        let facts = response_head(&list, end, &mut out);
        let text = String::from_utf8_lossy(&out).into_owned();
        let text = text.strip_prefix("before").expect("what was there stays").to_owned();
        assert!(facts.is_ok() || text.is_empty(), "nothing is left of what is malformed: {text:?}");
        facts.map(|facts| (text, facts))
    }

    fn text(fields: &[(&str, &str)], end: bool) -> String {
        made(fields, end).expect("a head").0
    }

    #[test]
    fn a_response_becomes_the_head_that_an_http1_target_would_have_sent() {
        let fields =
            [(":status", "200"), ("content-length", "5"), ("set-cookie", "a=b"), ("set-cookie", "c=d"), ("x", "")];
        let expected =
            "HTTP/1.1 200 \r\ncontent-length: 5\r\nset-cookie: a=b\r\nset-cookie: c=d\r\nx: \r\n\r\n".to_owned();
        let facts = ResponseFacts { status: 200, content_length: Some(5) };
        assert_eq!(made(&fields, false), Ok((expected, facts)));
    }

    #[test]
    fn a_body_without_a_length_ends_with_its_stream_also_if_there_is_none() {
        let expected = "HTTP/1.1 200 \r\na: b\r\ntransfer-encoding: chunked\r\n\r\n";
        for end in [false, true] {
            assert_eq!(text(&[(":status", "200"), ("a", "b")], end), expected);
            // An answer to HEAD says what it likes of the body that is not there.
            assert_eq!(
                text(&[(":status", "200"), ("content-length", "5")], end),
                "HTTP/1.1 200 \r\ncontent-length: 5\r\n\r\n"
            );
        }
    }

    #[test]
    fn a_status_without_a_body_has_no_framing() {
        for status in ["204", "304"] {
            assert_eq!(text(&[(":status", status), ("a", "b")], true), format!("HTTP/1.1 {status} \r\na: b\r\n\r\n"));
        }
        let length = |status| text(&[(":status", status), ("content-length", "5")], true);
        assert_eq!(length("204"), "HTTP/1.1 204 \r\n\r\n");
        assert_eq!(length("304"), "HTTP/1.1 304 \r\ncontent-length: 5\r\n\r\n");
        assert_eq!(text(&[(":status", "103"), ("content-length", "5")], false), "HTTP/1.1 103 \r\n\r\n");
    }

    #[test]
    fn an_interim_answer_does_not_end_its_stream() {
        for status in ["100", "103", "199"] {
            let (text, facts) = made(&[(":status", status), ("link", "</a>")], false).unwrap();
            assert_eq!(text, format!("HTTP/1.1 {status} \r\nlink: </a>\r\n\r\n"));
            assert!(facts.is_interim());
            assert_eq!(made(&[(":status", status)], true), Err(Malformed::InterimEnd));
        }
        assert!(!made(&[(":status", "200")], true).unwrap().1.is_interim());
    }

    #[test]
    fn the_status_comes_first_and_once_and_has_three_digits() {
        for good in ["100", "200", "599", "999"] {
            assert_eq!(made(&[(":status", good)], false).unwrap().1.status.to_string(), good);
        }
        for bad in ["", "20", "2000", "099", "000", "2 0", "+20", "20a", "101"] {
            assert_eq!(made(&[(":status", bad)], false), Err(Malformed::Status), "{bad}");
        }
        assert_eq!(made(&[], false), Err(Malformed::MissingPseudo));
        assert_eq!(made(&[("a", "b")], false), Err(Malformed::MissingPseudo));
        assert_eq!(made(&[("a", "b"), (":status", "200")], false), Err(Malformed::MissingPseudo));
        assert_eq!(made(&[(":path", "/"), (":status", "200")], false), Err(Malformed::UnknownPseudo));
        assert_eq!(made(&[(":status", "200"), (":status", "200")], false), Err(Malformed::LatePseudo));
        assert_eq!(made(&[(":status", "200"), (":path", "/")], false), Err(Malformed::LatePseudo));
    }

    #[test]
    fn fields_follow_the_rules_of_requests() {
        for (name, value, expected) in [
            ("A", "b", Malformed::Name),
            ("a b", "b", Malformed::Name),
            ("", "b", Malformed::Name),
            ("a", "b\r\nc: d", Malformed::Value),
            ("a", "b\0", Malformed::Value),
            ("a", " b", Malformed::Blanks),
            ("a", "b\t", Malformed::Blanks),
            ("connection", "close", Malformed::ConnectionField),
            ("keep-alive", "timeout=5", Malformed::ConnectionField),
            ("proxy-connection", "close", Malformed::ConnectionField),
            ("transfer-encoding", "chunked", Malformed::ConnectionField),
            ("upgrade", "h2c", Malformed::ConnectionField),
            ("te", "gzip", Malformed::Te),
            ("content-length", "x", Malformed::ContentLength),
        ] {
            assert_eq!(made(&[(":status", "200"), (name, value)], false), Err(expected), "{name}: {value}");
        }
        let twice = [(":status", "200"), ("content-length", "5"), ("content-length", "5")];
        assert_eq!(made(&twice, false), Err(Malformed::ContentLength));
        // What a target calls its fields is its affair.
        let odd = [(":status", "204"), ("x_y.z", "caf\u{e9}")];
        assert_eq!(text(&odd, true), "HTTP/1.1 204 \r\nx_y.z: caf\u{e9}\r\n\r\n");
    }
}
