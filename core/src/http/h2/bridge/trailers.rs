//! Trailers, both ways.

use memchr::memchr;

use super::Malformed;
use super::checks::{self, line};
use super::response_fields::push_lower;
use crate::http::Field;
use crate::http::h1::encode::may_trail;
use crate::http::h2::fields::FieldList;
use crate::http::names::is_token;

/// Appends trailers as lines, each with its CRLF, without the empty line that would end them. Nothing is appended if they
/// are malformed: pseudo-header fields are not allowed here (RFC 9113 section 8.1), nor are fields of the connection's.
///
/// What may not be taken from trailers is left out (RFC 9110 section 6.5.1).
pub fn trailer_lines(fields: &FieldList, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let start = out.len();
    let written = fields.iter().try_for_each(|field| trailer_line(&field, out));
    if written.is_err() {
        out.truncate(start);
    }
    written
}

fn trailer_line(field: &Field<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Field { name, value } = *field;
    if name.first() == Some(&b':') {
        return Err(Malformed::UnknownPseudo);
    }
    checks::name(name)?;
    checks::value(value)?;
    match name {
        b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
            return Err(Malformed::ConnectionField);
        }
        _ if may_trail(name) => line(name, value, out),
        _ => {}
    }
    Ok(())
}

/// Puts trailers, given as lines, into `out` instead of what was there, with names in lower case. What may not be taken
/// from trailers is left out (RFC 9110 section 6.5.1), and so is what is no field.
pub fn trailer_fields(lines: &[u8], out: &mut FieldList) {
    out.clear();
    for line in lines.split(|&byte| byte == b'\n') {
        let Some((name, value)) = memchr(b':', line).and_then(|at| Some((line.get(..at)?, line.get(at + 1..)?))) else {
            continue;
        };
        let value = value.trim_ascii();
        if is_token(name) && checks::value(value).is_ok() && may_trail(name) {
            push_lower(name, value, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&str, &str)]) -> FieldList {
        let mut list = FieldList::new();
        fields.iter().for_each(|(name, value)| list.push(name.as_bytes(), value.as_bytes()));
        list
    }

    fn lines(fields: &[(&str, &str)]) -> Result<String, Malformed> {
        let mut out = b"before".to_vec();
        let written = trailer_lines(&list(fields), &mut out);
        let text = String::from_utf8_lossy(&out).into_owned();
        let text = text.strip_prefix("before").expect("what was there stays").to_owned();
        assert!(written.is_ok() || text.is_empty(), "nothing is left of what is malformed: {text:?}");
        written.map(|()| text)
    }

    fn fields(lines: &str) -> Vec<(String, String)> {
        let mut fields = list(&[("left", "over")]);
        trailer_fields(lines.as_bytes(), &mut fields);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        fields.iter().map(|field| (text(field.name), text(field.value))).collect()
    }

    fn is(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn trailers_pass_both_ways() {
        let grpc = [("grpc-status", "0"), ("grpc-message", ""), ("x_y", "caf\u{e9}")];
        let text = "grpc-status: 0\r\ngrpc-message: \r\nx_y: caf\u{e9}\r\n";
        assert_eq!(lines(&grpc).as_deref(), Ok(text));
        assert_eq!(fields(text), is(&grpc));
        assert_eq!(lines(&[]).as_deref(), Ok(""));
        assert_eq!(fields(""), is(&[]));
        assert_eq!(fields("Grpc-Status:7\r\nX-Y:  a b \t\r\n"), is(&[("grpc-status", "7"), ("x-y", "a b")]));
    }

    #[test]
    fn what_steers_something_is_left_out_of_trailers() {
        for name in ["content-length", "host", "te", "expect", "authorization", "set-cookie", "x-forwarded-for", "date"]
        {
            assert_eq!(lines(&[("a", "b"), (name, "5"), ("c", "d")]).as_deref(), Ok("a: b\r\nc: d\r\n"), "{name}");
            assert_eq!(fields(&format!("A: b\r\n{name}: 5\r\nc: d\r\n")), is(&[("a", "b"), ("c", "d")]), "{name}");
        }
        let connection =
            "Connection: x\r\nTransfer-Encoding: chunked\r\nKeep-Alive: x\r\nUpgrade: x\r\nProxy-Connection: x\r\n";
        assert_eq!(fields(connection), is(&[]));
    }

    #[test]
    fn trailers_that_break_the_rules_of_fields_are_malformed() {
        for (name, value, expected) in [
            (":status", "200", Malformed::UnknownPseudo),
            (":path", "/", Malformed::UnknownPseudo),
            ("Grpc-Status", "0", Malformed::Name),
            ("", "0", Malformed::Name),
            ("a:b", "0", Malformed::Name),
            ("a", "b\r\nc: d", Malformed::Value),
            ("a", " b", Malformed::Blanks),
            ("connection", "close", Malformed::ConnectionField),
            ("keep-alive", "5", Malformed::ConnectionField),
            ("proxy-connection", "x", Malformed::ConnectionField),
            ("transfer-encoding", "chunked", Malformed::ConnectionField),
            ("upgrade", "x", Malformed::ConnectionField),
        ] {
            assert_eq!(lines(&[("grpc-status", "0"), (name, value)]), Err(expected), "{name}: {value}");
        }
    }

    #[test]
    fn lines_that_are_no_fields_are_left_out() {
        for line in ["no colon", ": b", "a b: c", "a : b", " a: b", "a: b\0c", "a: b\x7f", "a: b\rc", ":path: /"] {
            assert_eq!(fields(&format!("x: y\r\n{line}\r\nz: w\r\n")), is(&[("x", "y"), ("z", "w")]), "{line:?}");
        }
    }
}
