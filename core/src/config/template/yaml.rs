//! YAML into nodes. The short forms of functions (`!Sub …`) become their long forms (`Fn::Sub: …`), so that
//! everything behind this file knows one form only. Aliases are refused, as CloudFormation refuses them; that
//! also bounds the tree by the text.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::TEMPLATE_DEPTH_MAX;
use super::node::{Entry, Malformed, Node, Value};
use super::report::quote;
use crate::config::Position;

pub(super) fn parse(text: &str) -> Result<Node, Malformed> {
    let last = Position { line: 1, column: 1 };
    let end = within(text, Position { line: u32::MAX, column: 1 });
    let mut reader = Reader { parser: Parser::new_from_str(text), text, last, end };
    reader.document()
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    text: &'t str,
    last: Position,
    /// Where the text ends. The parser sees a line behind it where the last one has no line end.
    end: Position,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Node, Malformed> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (Event::StreamEnd | Event::DocumentEnd, at) => {
                    return Err(malformed(at, "the template is empty"));
                }
                (event, at) => {
                    let root = self.node(event, at, 0)?;
                    self.end()?;
                    return Ok(root);
                }
            }
        }
    }

    /// Nothing may follow the document, not even another one.
    fn end(&mut self) -> Result<(), Malformed> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentEnd | Event::Nothing, _) => {}
                (_, at) => {
                    return Err(malformed(at, "a template is one document; here begins another"));
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Position), Malformed> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.last = position(&span.start).min(self.end);
                Ok((event, self.last))
            }
            Some(Err(error)) => Err(scan_error(&error, self.text)),
            None => Err(malformed(self.last, "the template ends in the middle")),
        }
    }

    fn node(&mut self, event: Event<'t>, at: Position, depth: usize) -> Result<Node, Malformed> {
        if depth > TEMPLATE_DEPTH_MAX {
            return Err(malformed(at, &format!("nested more than {TEMPLATE_DEPTH_MAX} deep")));
        }
        match event {
            Event::Scalar(text, style, _, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Text(text.into_owned()) };
                tagged(tag.as_deref(), Node { at, value })
            }
            Event::SequenceStart(_, tag) => {
                let value = Value::List(self.items(depth)?);
                tagged(tag.as_deref(), Node { at, value })
            }
            Event::MappingStart(_, tag) => {
                let value = Value::Map(self.entries(depth)?);
                tagged(tag.as_deref(), Node { at, value })
            }
            Event::Alias(_) => {
                Err(malformed(at, "YAML aliases are not read, as in CloudFormation; write the value out"))
            }
            _ => Err(malformed(at, "a value is missing here")),
        }
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Malformed> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, at) => items.push(self.node(event, at, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Malformed> {
        let mut entries = Vec::new();
        loop {
            let (key, at) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(key, _, _, None), at) => (key.into_owned(), at),
                (_, at) => return Err(malformed(at, "a key must be a plain text")),
            };
            let (event, value_at) = self.next()?;
            let node = self.node(event, value_at, depth + 1)?;
            entries.push(Entry { key, at, node });
        }
    }
}

/// A node with a tag of ours is a call of the function that the tag names.
fn tagged(tag: Option<&Tag>, node: Node) -> Result<Node, Malformed> {
    let Some(tag) = tag else { return Ok(node) };
    if tag.handle != "!" {
        // `!!str` and its kind only say what a scalar is; scalars stay text here anyway.
        return Ok(node);
    }
    if tag.suffix.is_empty() {
        return Ok(node);
    }
    let Some(key) = long_form(&tag.suffix) else {
        return Err(malformed(node.at, &format!("there is no function {}", quote(&format!("!{}", tag.suffix)))));
    };
    let at = node.at;
    Ok(Node { at, value: Value::Map(vec![Entry { key, at, node }]) })
}

fn long_form(short: &str) -> Option<String> {
    match short {
        "Ref" | "Condition" => Some(short.to_owned()),
        "And" | "Base64" | "Cidr" | "Equals" | "FindInMap" | "GetAtt" | "GetAZs" | "If" | "ImportValue" | "Join"
        | "Length" | "Not" | "Or" | "Select" | "Split" | "Sub" | "ToJsonString" | "Transform" | "Contains"
        | "EachMemberEquals" | "EachMemberIn" | "RefAll" | "ValueOf" | "ValueOfAll" => Some(format!("Fn::{short}")),
        _ => None,
    }
}

fn scan_error(error: &ScanError, text: &str) -> Malformed {
    malformed(within(text, position(error.marker())), &format!("this is not YAML: {}", error.info()))
}

fn malformed(at: Position, message: &str) -> Malformed {
    Malformed { at, message: message.to_owned() }
}

fn position(marker: &Marker) -> Position {
    let line = u32::try_from(marker.line()).unwrap_or(u32::MAX);
    let column = u32::try_from(marker.col()).unwrap_or(u32::MAX).saturating_add(1);
    Position { line, column }
}

/// `at`, or the nearest place before it that the text has: the parser counts some columns in bytes, and lines that are
/// not there. LF, CR and both together end a line.
fn within(text: &str, at: Position) -> Position {
    let (mut line, mut rest) = (1, text);
    while line < at.line
        && let Some(next) = behind_line(rest)
    {
        (line, rest) = (line + 1, next);
    }
    let width = rest.split(['\n', '\r']).next().unwrap_or_default().chars().count();
    let last = u32::try_from(width).unwrap_or(u32::MAX).saturating_add(1);
    Position { line, column: if line < at.line { last } else { at.column.min(last) } }
}

fn behind_line(text: &str) -> Option<&str> {
    let (_, behind) = text.split_at(text.find(['\n', '\r'])?);
    behind.strip_prefix("\r\n").or_else(|| behind.strip_prefix(['\n', '\r']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_stands_no_further_than_the_end_of_its_line_and_of_the_text() {
        for (text, line, column) in [
            ("a: {", 1, 5),
            ("a: {\n", 2, 1),
            ("a:\r\n - {", 2, 5),
            ("a:\r - {", 2, 5),
            ("é: [\n x", 2, 3),
            ("# é", 1, 4),
            ("%ééé\0\na: b", 1, 6),
            ("", 1, 1),
        ] {
            let at = parse(text).expect_err(text).at;
            assert_eq!((at.line, at.column), (line, column), "{text:?}");
        }
    }
}
