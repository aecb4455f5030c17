//! Rust source as words and signs, without comments, strings and blanks. Not a parser: it knows just
//! enough never to take a word inside a comment, a string or a character for code.

/// One word or sign of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// An identifier, a keyword or a number.
    Word(&'a str),
    /// Any other visible character: `{`, `#`, `:`, …
    Sign(char),
    /// A string literal of any kind, with its quotes, prefix and hashes.
    Text(&'a str),
}

/// The words, signs and strings of `source`, in order. Unfinished comments and strings end with the source.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut rest = source;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (token, length) = next(rest, first);
        found.extend(token);
        rest = &rest[length..];
    }
    found
}

/// What `rest`, which starts with `first`, begins with: a token unless it is blank or comment, and its length.
fn next(rest: &str, first: char) -> (Option<Token<'_>>, usize) {
    if rest.starts_with("//") {
        return (None, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (None, block_comment(rest));
    }
    if let Some(length) = string(rest) {
        return (Some(Token::Text(&rest[..length])), length);
    }
    if is_word(first) {
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        return (Some(Token::Word(&rest[..length])), length);
    }
    if first == '\'' {
        return (None, quoted(rest));
    }
    let visible = !first.is_whitespace();
    (visible.then_some(Token::Sign(first)), first.len_utf8())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of the string literal that `rest` begins with, if it does: plain, byte, C, or raw.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|tail| {
            tail.starts_with('"') || prefix.ends_with('r') && tail.trim_start_matches('#').starts_with('"')
        })
    })?;
    let tail = &rest[prefix.len()..];
    let hashes = tail.len() - tail.trim_start_matches('#').len();
    let body = prefix.len() + hashes + 1;
    let length = if prefix.ends_with('r') {
        let end = format!("\"{}", "#".repeat(hashes));
        rest[body..].find(&end).map(|at| body + at + end.len())
    } else {
        closing(&rest[body..], b'"').map(|at| body + at + 1)
    };
    Some(length.unwrap_or(rest.len()))
}

/// Where `quote` stands in `text` without a backslash before it.
fn closing(text: &str, quote: u8) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == quote && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// The length of a character literal, or of the `'` of a lifetime.
fn quoted(rest: &str) -> usize {
    let mut chars = rest[1..].chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => 1 + closing(&rest[1..], b'\'').map_or(rest.len() - 1, |at| at + 1),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<&str> {
        let word = |token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        };
        tokens(source).into_iter().filter_map(word).collect()
    }

    #[test]
    fn comments_and_strings_hold_no_words() {
        for hidden in [
            "// fn no\n",
            "/* fn /* no */ no */",
            "\"fn \\\" no\"",
            "b\"no\"",
            "c\"no\"",
            "r\"no\\\"",
            "r#\"no \" no\"#",
            "br##\"no \"# no\"##",
            "'n'",
            "'\\''",
            "'\\u{6e}'",
            "'\"'",
        ] {
            assert_eq!(words(&format!("one {hidden} two")), ["one", "two"], "{hidden}");
        }
    }

    #[test]
    fn a_lifetime_does_not_open_a_character() {
        assert_eq!(words("fn f<'a>(x: &'a str) { g('b') }"), ["fn", "f", "a", "x", "a", "str", "g"]);
    }

    #[test]
    fn unfinished_strings_and_comments_end_with_the_source() {
        for open in ["\"abc", "r#\"abc\"", "/* abc", "// abc", "'\\", "'", "b\"\\"] {
            tokens(open);
        }
    }

    #[test]
    fn signs_keep_their_order() {
        assert_eq!(
            tokens("#[test] {}"),
            [
                Token::Sign('#'),
                Token::Sign('['),
                Token::Word("test"),
                Token::Sign(']'),
                Token::Sign('{'),
                Token::Sign('}')
            ]
        );
    }
}
