//! Bytes as the tables here have them: text with escapes.

/// Reads text with escapes.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        rest = escape(after, &mut bytes)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// One escape, after its backslash; the text behind it.
fn escape<'t>(text: &'t str, bytes: &mut Vec<u8>) -> Result<&'t str, String> {
    let mut chars = text.chars();
    match chars.next() {
        Some('r') => bytes.push(b'\r'),
        Some('n') => bytes.push(b'\n'),
        Some('t') => bytes.push(b'\t'),
        Some('0') => bytes.push(0),
        Some('s') => bytes.push(b' '),
        Some('\\') => bytes.push(b'\\'),
        Some('x') => {
            let byte = text.get(1..3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            bytes.push(byte.ok_or("\\x needs two digits")?);
            return Ok(&text[3..]);
        }
        Some('(') => {
            let (inside, rest) = text[1..].split_once(')').ok_or("\\( without )")?;
            let (count, what) = inside.split_once('*').ok_or("\\( without *")?;
            let count: usize = count.parse().map_err(|_| format!("`{count}` is no number"))?;
            let what = self::bytes(what)?;
            bytes.extend((0..count).flat_map(|_| what.iter().copied()));
            return Ok(rest);
        }
        _ => return Err("a backslash before none of r n t 0 s x ( \\".to_owned()),
    }
    Ok(chars.as_str())
}

/// Bytes as text with escapes, at most some of them.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 400;
    let text = bytes.iter().take(MOST).map(|&byte| match byte {
        b'\r' => "\\r".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        other => format!("\\x{other:02x}"),
    });
    let more = if bytes.len() > MOST { "…" } else { "" };
    text.collect::<String>() + more
}

#[test]
fn escapes_are_bytes_and_bytes_are_shown_with_escapes() {
    assert_eq!(bytes(r"a\r\n\t\0\s\\\xffb").as_deref(), Ok(&b"a\r\n\t\0 \\\xffb"[..]));
    assert_eq!(bytes(r"\(3*X: y\r\n)z").as_deref(), Ok(&b"X: y\r\nX: y\r\nX: y\r\nz"[..]));
    for bad in [r"\", r"\q", r"\x1", r"\xzz", r"\(3*a", r"\(3a)", r"\(x*a)"] {
        assert!(bytes(bad).is_err(), "{bad}");
    }
    let odd = b"a\r\n\t\0 \\\xff";
    assert_eq!(bytes(&shown(odd)).as_deref(), Ok(&odd[..]));
}
