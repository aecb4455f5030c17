//! The chunked coding, read strictly (RFC 9112 section 7.1). Its looseness is what request smuggling lives on: here
//! a size is hexadecimal digits only, every line ends in CRLF and in nothing else, extensions are bounded and dropped.
//!
//! ```text
//!           ┌────────────────────────────────────────┐
//!           ▼                                        │ CRLF
//!         Size ──size > 0──▶ Payload ──all of it──▶ AfterPayload
//!           └───size = 0──▶ Trailers ──lines──▶ End ──CRLF──▶ done
//! ```

use memchr::memchr;

use super::body::Step;

/// The largest chunk: what fits the signed 64 bits that most others hold a length in.
pub const CHUNK_MAX: u64 = i64::MAX as u64;

/// The longest chunk line (size and extensions) in bytes, without its CRLF. Real extensions have tens of bytes.
pub const CHUNK_LINE_MAX: usize = 256;

/// All extensions of one body in bytes: a body of one-byte chunks must not carry more extension than payload for
/// ever. The same as Go's net/http forgives.
pub const EXTENSIONS_MAX: usize = 16 * 1024;

/// The trailer section in bytes, without the empty line that ends it; a quarter of what a response head may have.
pub const TRAILERS_MAX: usize = 8 * 1024;

/// The trailer fields of one body.
pub const TRAILER_FIELDS_MAX: usize = 64;

/// The chunked coding was violated; what follows cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Garbled {
    /// A chunk line that does not begin with 1 to 16 hexadecimal digits.
    #[error("a chunk does not begin with its size in 1 to 16 hexadecimal digits")]
    BadSize,
    /// A chunk larger than [`CHUNK_MAX`].
    #[error("a chunk is larger than 2^63 - 1 bytes")]
    TooLarge,
    /// Something other than an extension after the size, or a control character in it.
    #[error("a chunk size is followed by something that is no chunk extension")]
    BadExtension,
    /// A chunk line that ends in LF alone.
    #[error("a chunk line or a trailer line ends in LF without CR")]
    BareLineFeed,
    /// A chunk line beyond [`CHUNK_LINE_MAX`], or extensions beyond [`EXTENSIONS_MAX`].
    #[error("chunk extensions take more than 256 bytes in a line or 16384 bytes in a body")]
    LongExtensions,
    /// Not CRLF after the payload of a chunk.
    #[error("the payload of a chunk is not followed by CRLF")]
    NoLineEnd,
    /// Trailers that are no fields, or more than [`TRAILER_FIELDS_MAX`].
    #[error("the trailer section is not a list of at most 64 fields")]
    BadTrailers,
    /// Trailers beyond [`TRAILERS_MAX`].
    #[error("the trailer section is longer than 8192 bytes")]
    LongTrailers,
}

/// Reads the chunked coding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunked {
    state: State,
    /// Bytes of extensions so far.
    extensions: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a chunk line, of which `seen` bytes hold no LF.
    Size { seen: usize },
    /// So many bytes of payload are left.
    Payload { left: u64 },
    /// Before the CRLF after a chunk's payload.
    AfterPayload,
    /// In the trailers: a line begins at `line`, and up to `seen` no LF follows.
    Trailers { line: usize, seen: usize },
    /// Before the empty line after trailers, which is known to be there.
    End,
    /// The first violation.
    Failed(Garbled),
}

impl Chunked {
    pub(super) fn new() -> Chunked {
        Chunked { state: State::Size { seen: 0 }, extensions: 0 }
    }

    pub(super) fn is_past_payload(&self) -> bool {
        matches!(self.state, State::Trailers { .. } | State::End)
    }

    pub(super) fn step(&mut self, input: &[u8]) -> Result<Step, Garbled> {
        let step = self.steps(input);
        if let Err(garbled) = step {
            self.state = State::Failed(garbled);
        }
        step
    }

    /// Passes over framing until there is payload, an end, or too little input.
    fn steps(&mut self, input: &[u8]) -> Result<Step, Garbled> {
        let mut skip = 0;
        loop {
            let rest = input.get(skip..).unwrap_or_default();
            let framing = match self.state {
                State::Size { seen } => self.size(rest, seen)?,
                State::AfterPayload => self.after_payload(rest)?,
                State::Payload { left } if !rest.is_empty() => return Ok(self.payload(skip, rest.len(), left)),
                State::Payload { .. } => None,
                State::Trailers { line, seen } => match self.trailers(rest, line, seen)? {
                    None => None,
                    Some(0) => return Ok(Step::Done { skip: skip + 2 }),
                    Some(len) => return Ok(Step::Trailers { skip, len }),
                },
                State::End if rest.len() >= 2 => return Ok(Step::Done { skip: skip + 2 }),
                State::End => None,
                State::Failed(garbled) => return Err(garbled),
            };
            match framing {
                Some(passed) => skip += passed,
                None if skip > 0 => return Ok(Step::Data { skip, len: 0 }),
                None => return Ok(Step::More),
            }
        }
    }

    fn payload(&mut self, skip: usize, available: usize, left: u64) -> Step {
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(available);
        let left = left - len as u64;
        self.state = if left == 0 { State::AfterPayload } else { State::Payload { left } };
        Step::Data { skip, len }
    }

    fn size(&mut self, rest: &[u8], seen: usize) -> Result<Option<usize>, Garbled> {
        // Refused at the first byte, so that a sender of rubbish does not have to be waited for.
        if rest.first().is_some_and(|first| !first.is_ascii_hexdigit()) {
            return Err(Garbled::BadSize);
        }
        let window = rest.get(..CHUNK_LINE_MAX + 2).unwrap_or(rest);
        let Some(at) = window.get(seen..).and_then(|new| memchr(b'\n', new)) else {
            return self.unfinished_size(window);
        };
        let line = window.get(..seen + at).and_then(|line| line.strip_suffix(b"\r")).ok_or(Garbled::BareLineFeed)?;
        let (size, extension) = chunk_line(line)?;
        self.extensions += extension;
        if self.extensions > EXTENSIONS_MAX {
            return Err(Garbled::LongExtensions);
        }
        self.state = if size == 0 { State::Trailers { line: 0, seen: 0 } } else { State::Payload { left: size } };
        Ok(Some(line.len() + 2))
    }

    fn unfinished_size(&mut self, line: &[u8]) -> Result<Option<usize>, Garbled> {
        if line.len() == CHUNK_LINE_MAX + 2 {
            return Err(Garbled::LongExtensions);
        }
        self.state = State::Size { seen: line.len() };
        Ok(None)
    }

    /// "chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF"
    fn after_payload(&mut self, rest: &[u8]) -> Result<Option<usize>, Garbled> {
        match rest {
            [b'\r', b'\n', ..] => {
                self.state = State::Size { seen: 0 };
                Ok(Some(2))
            }
            [] | [b'\r'] => Ok(None),
            _ => Err(Garbled::NoLineEnd),
        }
    }

    /// The length of the trailer section, once its last line and the empty line after it are there.
    fn trailers(&mut self, rest: &[u8], mut line: usize, mut seen: usize) -> Result<Option<usize>, Garbled> {
        let window = rest.get(..TRAILERS_MAX + 2).unwrap_or(rest);
        while let Some(at) = window.get(seen..).and_then(|new| memchr(b'\n', new)) {
            let end = seen + at;
            let content =
                window.get(line..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Garbled::BareLineFeed)?;
            if content.is_empty() {
                check_trailers(window.get(..=end).unwrap_or_default())?;
                self.state = State::End;
                return Ok(Some(line));
            }
            (line, seen) = (end + 1, end + 1);
        }
        if window.len() == TRAILERS_MAX + 2 {
            return Err(Garbled::LongTrailers);
        }
        self.state = State::Trailers { line, seen: window.len() };
        Ok(None)
    }
}

/// "chunk-ext = *( BWS ";" BWS chunk-ext-name [ … ] )": the size, and the length of the extensions.
fn chunk_line(line: &[u8]) -> Result<(u64, usize), Garbled> {
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (size, extension) = line.split_at_checked(digits).unwrap_or_default();
    let begins_well = extension.is_empty() || extension.trim_ascii_start().starts_with(b";");
    if extension.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t') || !begins_well {
        return Err(Garbled::BadExtension);
    }
    Ok((chunk_size(size)?, extension.len()))
}

/// "chunk-size = 1*HEXDIG"
fn chunk_size(digits: &[u8]) -> Result<u64, Garbled> {
    if !(1..=16).contains(&digits.len()) {
        return Err(Garbled::BadSize);
    }
    let size = digits.iter().fold(0u64, |size, &digit| size << 4 | u64::from(hex_value(digit)));
    if size > CHUNK_MAX { Err(Garbled::TooLarge) } else { Ok(size) }
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

/// `section` ends with its empty line.
fn check_trailers(section: &[u8]) -> Result<(), Garbled> {
    let mut room = [httparse::EMPTY_HEADER; TRAILER_FIELDS_MAX];
    match section {
        b"\r\n" => Ok(()),
        _ => match httparse::parse_headers(section, &mut room) {
            Ok(httparse::Status::Complete((len, _))) if len == section.len() => Ok(()),
            _ => Err(Garbled::BadTrailers),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Framing;
    use crate::http::h1::body::Decoder;

    /// What came of a body: payload, trailers, and how many bytes were consumed.
    type Outcome = Result<(Vec<u8>, Vec<u8>, usize), Garbled>;

    /// Feeds `bytes` in pieces of `piece`; `None` if they end before the body does.
    fn feed(bytes: &[u8], piece: usize) -> Option<Outcome> {
        let mut body = Decoder::new(Framing::Chunked);
        let (mut payload, mut trailers, mut from, mut to) = (Vec::new(), Vec::new(), 0, 0);
        loop {
            match body.step(&bytes[from..to]) {
                Err(garbled) => {
                    assert_eq!(body.step(b"0\r\n\r\n"), Err(garbled), "a failed body stays failed");
                    return Some(Err(garbled));
                }
                Ok(Step::More) if to == bytes.len() => return None,
                Ok(Step::More) => to = bytes.len().min(to + piece),
                Ok(Step::Data { skip, len }) => {
                    payload.extend_from_slice(&bytes[from + skip..from + skip + len]);
                    from += skip + len;
                }
                Ok(Step::Trailers { skip, len }) => {
                    trailers.extend_from_slice(&bytes[from + skip..from + skip + len]);
                    from += skip + len;
                }
                Ok(Step::Done { skip }) => {
                    assert!(body.is_done());
                    return Some(Ok((payload, trailers, from + skip)));
                }
            }
        }
    }

    fn decode(text: &str) -> Option<Outcome> {
        let whole = feed(text.as_bytes(), usize::MAX / 2);
        for piece in [1, 2, 3, 7] {
            assert_eq!(feed(text.as_bytes(), piece), whole, "in pieces of {piece}: {text:?}");
        }
        whole
    }

    fn good(text: &str) -> (String, String) {
        let (payload, trailers, consumed) = decode(text).expect("whole").expect("good");
        assert_eq!(consumed, text.len(), "{text:?}");
        let left_over = format!("{text}GET / HTTP/1.1\r\n");
        assert_eq!(decode(&left_over).expect("whole").expect("good").2, text.len(), "{text:?} with bytes left over");
        (String::from_utf8(payload).unwrap(), String::from_utf8(trailers).unwrap())
    }

    fn bad(text: &str) -> Garbled {
        decode(text).expect("decided").expect_err(text)
    }

    #[test]
    fn chunks_give_their_payload() {
        assert_eq!(good("0\r\n\r\n").0, "");
        assert_eq!(good("3\r\nabc\r\n0\r\n\r\n").0, "abc");
        assert_eq!(good("3\r\nabc\r\n00\r\n\r\n").0, "abc");
        assert_eq!(good("A\r\n0123456789\r\n1\r\n\n\r\n0000000000000000\r\n\r\n").0, "0123456789\n");
        assert_eq!(good("000000000000000a\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n").0, "\r\n0\r\n\r\n0\r\n");
    }

    #[test]
    fn extensions_are_dropped() {
        assert_eq!(good("3;a=b\r\nabc\r\n0;c=\"d;e\"\r\n\r\n").0, "abc");
        assert_eq!(good("3 \t;a\r\nabc\r\n0\r\n\r\n").0, "abc");
    }

    #[test]
    fn trailers_are_handed_out_without_the_empty_line() {
        assert_eq!(good("1\r\na\r\n0\r\nA: b\r\nC: d\r\n\r\n"), ("a".into(), "A: b\r\nC: d\r\n".into()));
        let mut body = Decoder::new(Framing::Chunked);
        assert_eq!(body.step(b"0\r\nA: b\r\n\r\nGET"), Ok(Step::Trailers { skip: 3, len: 6 }));
        assert_eq!(body.step(b"\r\nGET"), Ok(Step::Done { skip: 2 }));
    }

    #[test]
    fn a_size_is_hexadecimal_digits_and_nothing_else() {
        for size in ["", " 3", "+3", "-3", "_3", "g", "\r", ";a"] {
            assert_eq!(bad(&format!("{size}\r\nabc\r\n0\r\n\r\n")), Garbled::BadSize, "{size:?}");
        }
        for size in ["3 ", "3\t", "0x3", "3x", "3,", "3\0", "3\r"] {
            assert_eq!(bad(&format!("{size}\r\nabc\r\n0\r\n\r\n")), Garbled::BadExtension, "{size:?}");
        }
        assert_eq!(bad("00000000000000001\r\na\r\n0\r\n\r\n"), Garbled::BadSize);
        assert_eq!(bad("X"), Garbled::BadSize);
        assert_eq!(bad("\n"), Garbled::BadSize);
    }

    #[test]
    fn a_chunk_of_2_to_the_63_bytes_is_too_large() {
        assert_eq!(decode("7fffffffffffffff\r\nabc"), None);
        assert_eq!(bad("8000000000000000\r\nabc"), Garbled::TooLarge);
        assert_eq!(bad("ffffffffffffffff\r\nabc"), Garbled::TooLarge);
    }

    #[test]
    fn chunk_lines_end_in_crlf_and_hold_no_control_characters() {
        assert_eq!(bad("3\nabc\r\n0\r\n\r\n"), Garbled::BareLineFeed);
        assert_eq!(bad("3;\nXX\r\nabc\r\n0\r\n\r\n"), Garbled::BareLineFeed);
        for ext in [";\0", ";a\rb", ";\x1b", ";\x7f", ";\r"] {
            assert_eq!(bad(&format!("3{ext}\r\nabc\r\n0\r\n\r\n")), Garbled::BadExtension, "{ext:?}");
        }
    }

    #[test]
    fn payload_is_followed_by_crlf_and_nothing_else() {
        for end in ["\n", "\r", "", "XX", "\rX", " \r\n"] {
            assert_eq!(bad(&format!("3\r\nabc{end}0\r\n\r\n")), Garbled::NoLineEnd, "{end:?}");
        }
    }

    #[test]
    fn a_chunk_line_at_its_limit_passes_and_one_byte_more_does_not() {
        let line = |len: usize| format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(len - 2));
        assert_eq!(good(&line(CHUNK_LINE_MAX)).0, "a");
        assert_eq!(bad(&line(CHUNK_LINE_MAX + 1)), Garbled::LongExtensions);
        assert_eq!(bad(&format!("1;{}", "x".repeat(CHUNK_LINE_MAX))), Garbled::LongExtensions);
    }

    #[test]
    fn extensions_have_a_budget_for_the_whole_body() {
        let chunk = format!("1;{}\r\na\r\n", "x".repeat(127));
        let body = |extra: &str| format!("{}0{extra}\r\n\r\n", chunk.repeat(EXTENSIONS_MAX / 128));
        assert_eq!(good(&body("")).0.len(), EXTENSIONS_MAX / 128);
        assert_eq!(bad(&body(";")), Garbled::LongExtensions);
    }

    #[test]
    fn trailers_are_fields_with_lines_that_end_in_crlf() {
        assert_eq!(bad("0\r\nA: b\n\r\n"), Garbled::BareLineFeed);
        assert_eq!(bad("0\r\n\n"), Garbled::BareLineFeed);
        for section in ["A : b\r\n", "A\r\n", ": b\r\n", "A: b\r\n c\r\n", "A: b\rc\r\n", "A: \0\r\n", "\r\r\n"] {
            assert_eq!(bad(&format!("0\r\n{section}\r\n")), Garbled::BadTrailers, "{section:?}");
        }
    }

    #[test]
    fn trailers_at_their_limit_pass_and_one_byte_more_does_not() {
        let body = |len: usize| format!("0\r\nA: {}\r\n\r\n", "x".repeat(len - 5));
        assert_eq!(good(&body(TRAILERS_MAX)).1.len(), TRAILERS_MAX);
        assert_eq!(bad(&body(TRAILERS_MAX + 1)), Garbled::LongTrailers);
        assert_eq!(good(&format!("0\r\n{}\r\n", "A:b\r\n".repeat(TRAILER_FIELDS_MAX))).1.len(), 5 * TRAILER_FIELDS_MAX);
        assert_eq!(bad(&format!("0\r\n{}\r\n", "A:b\r\n".repeat(TRAILER_FIELDS_MAX + 1))), Garbled::BadTrailers);
    }
}
