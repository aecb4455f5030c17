//! The bytes of a transcript: text, escapes, and `\(…)`.

use super::pattern::{Kind, Pattern, Piece};

/// Reads text with escapes.
///
/// # Errors
/// What is wrong with it.
pub(super) fn pattern(text: &str) -> Result<Pattern, String> {
    let mut pattern = Pattern::default();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        pattern.push_bytes(before.as_bytes());
        rest = escape(after, &mut pattern)?;
    }
    pattern.push_bytes(rest.as_bytes());
    pattern.0.retain(|piece| *piece != Piece::Exactly(Vec::new()));
    Ok(pattern)
}

/// Reads text in which nothing may vary.
///
/// # Errors
/// What is wrong with it.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    pattern(text)?.into_bytes().ok_or_else(|| "what is sent cannot vary".to_owned())
}

/// One escape, after its backslash; the text behind it.
fn escape<'t>(text: &'t str, pattern: &mut Pattern) -> Result<&'t str, String> {
    let mut chars = text.chars();
    let byte = match chars.next() {
        Some('r') => b'\r',
        Some('n') => b'\n',
        Some('t') => b'\t',
        Some('0') => 0,
        Some('s') => b' ',
        Some('\\') => b'\\',
        Some('x') => {
            let digits = text.get(1..3).ok_or("\\x needs two digits")?;
            pattern.push_bytes(&[u8::from_str_radix(digits, 16).map_err(|_| "\\x needs two digits")?]);
            return Ok(&text[3..]);
        }
        Some('(') => {
            let (what, rest) = text[1..].split_once(')').ok_or("\\( without )")?;
            special(what, pattern)?;
            return Ok(rest);
        }
        _ => return Err("a backslash before none of r n t 0 s x ( \\".to_owned()),
    };
    pattern.push_bytes(&[byte]);
    Ok(chars.as_str())
}

/// The inside of `\(…)`.
fn special(what: &str, pattern: &mut Pattern) -> Result<(), String> {
    if let Some(name) = what.strip_prefix('=') {
        pattern.0.push(Piece::Same(name.to_owned()));
        return Ok(());
    }
    if let Some((count, text)) = what.split_once('*') {
        pattern.push_bytes(text.repeat(number(count)?).as_bytes());
        return Ok(());
    }
    let words: Vec<&str> = what.split(' ').collect();
    match words.as_slice() {
        ["forwarded"] => pattern.push_bytes(FORWARDED),
        ["traced"] => {
            pattern.push_bytes(b"X-Amzn-Trace-Id: Root=");
            pattern.0.push(Piece::Some(Kind::Id, None));
            pattern.push_bytes(b"\r\n");
        }
        ["page", code, connection @ ("close" | "keep-alive")] => page(code, connection, pattern)?,
        ["fixed", code, text @ ..] => fixed(code, &text.join(" "), pattern)?,
        ["counted", len] => pattern.push_bytes(&counted(number(len)?)),
        ["counted", len, "in", "chunks", "of", size] => {
            pattern.push_bytes(&chunked(&counted(number(len)?), number(size)?))
        }
        ["chunks", "counted", len] => pattern.0.push(Piece::Chunks(counted(number(len)?))),
        ["chunks", text @ ..] => pattern.0.push(Piece::Chunks(text.join(" ").into_bytes())),
        [kind] => pattern.0.push(Piece::Some(kind_of(kind)?, None)),
        [kind, "as", name] => pattern.0.push(Piece::Some(kind_of(kind)?, Some((*name).to_owned()))),
        _ => return Err(format!("\\({what}) means nothing")),
    }
    Ok(())
}

const FORWARDED: &[u8] = b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Port: 80\r\n";

fn kind_of(word: &str) -> Result<Kind, String> {
    match word {
        "date" => Ok(Kind::Date),
        "id" => Ok(Kind::Id),
        "digits" => Ok(Kind::Digits),
        "word" => Ok(Kind::Word),
        "any" => Ok(Kind::Any),
        _ => Err(format!("\\({word}) means nothing")),
    }
}

fn number(word: &str) -> Result<usize, String> {
    const MOST: usize = 10_000_000;
    word.parse()
        .ok()
        .filter(|&number| number > 0 && number <= MOST)
        .ok_or(format!("`{word}` is not a number from 1 to {MOST}"))
}

/// `0000000 0000001 0000002 …`, cut to `len` bytes: what is lost, doubled or swapped shows.
fn counted(len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|count| format!("{count:07} ").into_bytes()).collect();
    bytes.truncate(len);
    bytes
}

fn chunked(payload: &[u8], size: usize) -> Vec<u8> {
    let chunk = |chunk: &[u8]| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
    payload.chunks(size).flat_map(chunk).chain(*b"0\r\n").collect()
}

/// The error pages, written here from the captures and not from the code under test.
fn page(code: &str, connection: &str, pattern: &mut Pattern) -> Result<(), String> {
    let reason = match code {
        "400" => " Bad Request",
        "405" => " Not Allowed",
        "408" => " Request Time-out",
        "414" => " Request-URI Too Large",
        "463" => "",
        "501" => " Not Implemented",
        "502" => " Bad Gateway",
        "503" => " Service Temporarily Unavailable",
        "504" => " Gateway Time-out",
        "505" => " HTTP Version Not Supported",
        "507" => " Insufficient Storage",
        _ => return Err(format!("there is no page for {code}")),
    };
    let title = format!("{code}{reason}");
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    let status_line = if reason.is_empty() { format!("{code} ") } else { title };
    pattern.push_bytes(format!("HTTP/1.1 {status_line}\r\nServer: awselb/2.0\r\nDate: ").as_bytes());
    pattern.0.push(Piece::Some(Kind::Date, None));
    let rest = format!(
        "\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
        body.len()
    );
    pattern.push_bytes(rest.as_bytes());
    Ok(())
}

/// A fixed response of plain text, as the templates here have it.
fn fixed(code: &str, text: &str, pattern: &mut Pattern) -> Result<(), String> {
    let reason = match code {
        "200" => "OK",
        "404" => "Not Found",
        _ => return Err(format!("there is no fixed response {code}")),
    };
    pattern.push_bytes(format!("HTTP/1.1 {code} {reason}\r\nServer: awselb/2.0\r\nDate: ").as_bytes());
    pattern.0.push(Piece::Some(Kind::Date, None));
    let rest = "\r\nContent-Type: text/plain\r\nContent-Length: ";
    pattern.push_bytes(format!("{rest}{}\r\nConnection: keep-alive\r\n\r\n{text}", text.len()).as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(bytes(r"a\r\n\t\0\s\\\xffb").as_deref(), Ok(&b"a\r\n\t\0 \\\xffb"[..]));
        assert_eq!(bytes("").as_deref(), Ok(&b""[..]));
        for bad in [r"\", r"\q", r"\x1", r"\xzz", r"\(date", r"\(nothing)", r"\(0*a)", r"\(page 299 close)"] {
            assert!(pattern(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_sent_cannot_vary() {
        assert!(bytes(r"\(date)").is_err());
        assert!(pattern(r"\(date)").is_ok());
    }

    #[test]
    fn long_bodies_are_written_short() {
        assert_eq!(bytes(r"\(3*ab)").as_deref(), Ok(&b"ababab"[..]));
        assert_eq!(bytes(r"\(counted 19)").as_deref(), Ok(&b"0000000 0000001 000"[..]));
        assert_eq!(bytes(r"\(counted 5 in chunks of 4)").as_deref(), Ok(&b"4\r\n0000\r\n1\r\n0\r\n0\r\n"[..]));
    }

    #[test]
    fn places_that_vary_may_have_names() {
        let named = Piece::Some(Kind::Id, Some("t".to_owned()));
        assert_eq!(pattern(r"\(id as t)\(=t)"), Ok(Pattern(vec![named, Piece::Same("t".to_owned())])));
        assert_eq!(pattern(r"\(chunks a b)"), Ok(Pattern(vec![Piece::Chunks(b"a b".to_vec())])));
    }
}
