//! JSON (RFC 8259) into nodes with places. YAML parsers read most JSON, but not surrogate pairs in escapes,
//! nor every place a tab or a line break may stand.

use super::TEMPLATE_DEPTH_MAX;
use super::node::{Entry, Malformed, Node, Value};
use crate::config::Position;

pub(super) fn parse(text: &str) -> Result<Node, Malformed> {
    let mut reader = Reader { rest: text.chars(), line: 1, column: 1 };
    let root = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(root),
        Some(_) => Err(reader.malformed("a template is one value; something follows it here")),
    }
}

struct Reader<'t> {
    rest: std::str::Chars<'t>,
    line: u32,
    column: u32,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, Malformed> {
        self.skip_space();
        if depth > TEMPLATE_DEPTH_MAX {
            return Err(self.malformed(&format!("nested more than {TEMPLATE_DEPTH_MAX} deep")));
        }
        let at = self.here();
        let value = match self.peek() {
            Some('{') => Value::Map(self.entries(depth)?),
            Some('[') => Value::List(self.items(depth)?),
            Some('"') => Value::Text(self.string()?),
            Some(_) => self.word()?,
            None => return Err(self.malformed("the template ends in the middle")),
        };
        Ok(Node { at, value })
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Malformed> {
        self.next();
        let mut entries = Vec::new();
        self.skip_space();
        if self.take('}') {
            return Ok(entries);
        }
        loop {
            self.skip_space();
            let at = self.here();
            if self.peek() != Some('"') {
                return Err(self.malformed("this is not JSON: a key in double quotes must stand here"));
            }
            let key = self.string()?;
            self.skip_space();
            self.expect(':')?;
            let node = self.value(depth + 1)?;
            entries.push(Entry { key, at, node });
            self.skip_space();
            if !self.take(',') {
                self.expect('}')?;
                return Ok(entries);
            }
        }
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Malformed> {
        self.next();
        let mut items = Vec::new();
        self.skip_space();
        if self.take(']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if !self.take(',') {
                self.expect(']')?;
                return Ok(items);
            }
        }
    }

    fn string(&mut self) -> Result<String, Malformed> {
        self.next();
        let mut text = String::new();
        loop {
            // Before it is taken: behind a line end begins another line.
            if self.peek().is_some_and(|char| char < ' ') {
                return Err(self.malformed("this is not JSON: a control character stands in a string"));
            }
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape()?),
                Some(char) => text.push(char),
                None => return Err(self.malformed("this is not JSON: a string does not end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Malformed> {
        match self.next() {
            Some(char @ ('"' | '\\' | '/')) => Ok(char),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('u') => self.unicode(),
            _ => Err(self.malformed("this is not JSON: there is no such escape")),
        }
    }

    /// `\uXXXX`, or two of them that make a surrogate pair.
    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.hex4()?;
        let code = match first {
            0xd800..=0xdbff => {
                self.expect('\\')?;
                self.expect('u')?;
                let second = self.hex4()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(self.malformed("this is not JSON: half a surrogate pair"));
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.malformed("this is not JSON: half a surrogate pair"))
    }

    fn hex4(&mut self) -> Result<u32, Malformed> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|char| char.to_digit(16));
            code = code * 16
                + digit.ok_or_else(|| self.malformed("this is not JSON: four hex digits must follow `\\u`"))?;
        }
        Ok(code)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<Value, Malformed> {
        let mut word = String::new();
        let start = self.here();
        while let Some(char) = self.peek().filter(|char| char.is_ascii_alphanumeric() || "+-.".contains(*char)) {
            word.push(char);
            self.next();
        }
        match word.as_str() {
            "null" => Ok(Value::Null),
            "true" | "false" => Ok(Value::Text(word)),
            number
                if number.starts_with(|char: char| char == '-' || char.is_ascii_digit())
                    && number.parse::<f64>().is_ok() =>
            {
                Ok(Value::Text(word))
            }
            _ => Err(Malformed { at: start, message: "this is not JSON: a value must stand here".to_owned() }),
        }
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|char| matches!(char, ' ' | '\t' | '\r' | '\n')) {
            self.next();
        }
    }

    fn expect(&mut self, char: char) -> Result<(), Malformed> {
        if self.take(char) {
            Ok(())
        } else {
            Err(self.malformed(&format!("this is not JSON: `{char}` must stand here")))
        }
    }

    fn take(&mut self, char: char) -> bool {
        let there = self.peek() == Some(char);
        if there {
            self.next();
        }
        there
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.rest.next()?;
        // Lines end as they do in YAML: in LF, CR, or both together.
        if char == '\n' || char == '\r' && self.peek() != Some('\n') {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else if char != '\r' {
            self.column = self.column.saturating_add(1);
        }
        Some(char)
    }

    fn here(&self) -> Position {
        Position { line: self.line, column: self.column }
    }

    fn malformed(&self, message: &str) -> Malformed {
        Malformed { at: self.here(), message: message.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_lf_in_cr_and_in_both_together() {
        for text in ["[\n\n x", "[\r\r x", "[\r\n\r\n x", "[\n\r x", "[\r\n\r x"] {
            let at = parse(text).expect_err(text).at;
            assert_eq!((at.line, at.column), (3, 2), "{text:?}");
        }
    }

    #[test]
    fn a_mistake_stands_within_its_line() {
        for (text, column) in [("[\"ab\ncd\"]", 5), ("[\"ab\r\ncd\"]", 5), ("[\"a\\\r\n\"]", 5), ("[\"a\tb\"]", 4)] {
            let at = parse(text).expect_err(text).at;
            assert_eq!((at.line, at.column), (1, column), "{text:?}");
        }
    }
}
