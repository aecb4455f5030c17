//! Bytes as a reader of transcripts wants to see them.

/// Escaped as in a transcript, a line each, cut to a readable length.
pub(super) fn bytes(bytes: &[u8]) -> String {
    const MOST: usize = 2000;
    let mut shown = String::new();
    for &byte in bytes.iter().take(MOST) {
        match byte {
            b'\r' => shown.push_str("\\r"),
            b'\n' => shown.push_str("\\n\n        "),
            b'\\' => shown.push_str("\\\\"),
            b' '..=b'~' => shown.push(char::from(byte)),
            _ => shown.push_str(&format!("\\x{byte:02x}")),
        }
    }
    if bytes.len() > MOST {
        shown.push_str(&format!("… ({} bytes in all)", bytes.len()));
    }
    shown.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_cannot_be_seen_is_escaped_and_lines_are_kept() {
        assert_eq!(super::bytes(b"a\r\n\0\\\r\n"), "a\\r\\n\n        \\x00\\\\\\r\\n");
        assert!(super::bytes(&[b'x'; 3000]).ends_with("… (3000 bytes in all)"));
    }
}
