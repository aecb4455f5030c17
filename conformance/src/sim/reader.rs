//! Small strict readers of HTTP/1 messages, for the checkers. They share nothing with the core's codec, so that both
//! would have to be wrong in the same way.

/// Which way messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
}

/// A message's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    /// The value of the first field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.fields.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub(crate) fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
    }

    /// The n-th word of the first line.
    pub(crate) fn word(&self, n: usize) -> &str {
        self.line.splitn(3, ' ').nth(n).unwrap_or("")
    }

    pub(crate) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or(0)
    }
}

/// How a body was framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Head(Head, Framing),
    Body(Vec<u8>),
    /// The message is over.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    UntilClose,
    Finishing,
    Raw,
}

/// Reads messages from bytes that come in pieces.
#[derive(Debug)]
pub(crate) struct Reader {
    kind: Kind,
    bytes: Vec<u8>,
    start: usize,
    state: State,
}

impl Reader {
    pub(crate) fn new(kind: Kind) -> Self {
        Reader { kind, bytes: Vec::new(), start: 0, state: State::Head }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.start));
        self.bytes.extend_from_slice(bytes);
    }

    /// From now on bytes mean nothing: they are all body.
    pub(crate) fn raw(&mut self) {
        self.state = State::Raw;
    }

    /// Nothing has begun that is not over.
    pub(crate) fn is_between(&self) -> bool {
        matches!(self.state, State::Head | State::Raw) && self.start == self.bytes.len()
    }

    /// The sender closed: whether that is a proper end of what was being read.
    pub(crate) fn ended(&mut self) -> bool {
        let proper = self.is_between() || self.state == State::UntilClose && self.start == self.bytes.len();
        if self.state == State::UntilClose {
            self.state = State::Finishing;
        }
        proper
    }

    /// The next piece, if a whole one is there. `bodiless`: the response is to a HEAD request.
    pub(crate) fn next(&mut self, bodiless: bool) -> Result<Option<Piece>, String> {
        match self.state {
            State::Head => self.head(bodiless),
            State::Length(0) | State::Finishing => {
                self.state = State::Head;
                Ok(Some(Piece::End))
            }
            State::Length(left) => Ok(self.body(left).map(|(body, left)| {
                self.state = State::Length(left);
                body
            })),
            State::Chunk(0) => {
                self.state = State::ChunkEnd;
                self.next(bodiless)
            }
            State::Chunk(left) => Ok(self.body(left).map(|(body, left)| {
                self.state = State::Chunk(left);
                body
            })),
            State::UntilClose | State::Raw => Ok(self.body(u64::MAX).map(|(body, _)| body)),
            State::ChunkSize => {
                let Some(line) = self.line()? else { return Ok(None) };
                let size =
                    u64::from_str_radix(&line, 16).map_err(|_| format!("the chunk size {line:?} is no number"))?;
                self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
                self.next(bodiless)
            }
            State::ChunkEnd => match self.line()? {
                None => Ok(None),
                Some(line) if line.is_empty() => {
                    self.state = State::ChunkSize;
                    self.next(bodiless)
                }
                Some(line) => Err(format!("{line:?} where a chunk should end")),
            },
            State::Trailers => match self.line()? {
                None => Ok(None),
                Some(line) if line.is_empty() => {
                    self.state = State::Head;
                    Ok(Some(Piece::End))
                }
                Some(line) => {
                    field(&line)?;
                    self.next(bodiless)
                }
            },
        }
    }

    fn body(&mut self, most: u64) -> Option<(Piece, u64)> {
        let n = (self.bytes.len() - self.start).min(usize::try_from(most).unwrap_or(usize::MAX));
        if n == 0 {
            return None;
        }
        let body = self.bytes[self.start..self.start + n].to_vec();
        self.start += n;
        Some((Piece::Body(body), most - n as u64))
    }

    /// A line without its CRLF; an LF without CR is an error.
    fn line(&mut self) -> Result<Option<String>, String> {
        let rest = &self.bytes[self.start..];
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else { return Ok(None) };
        let line = rest[..end].strip_suffix(b"\r").ok_or("a line ends in LF alone")?;
        if line.contains(&b'\r') || line.contains(&0) {
            return Err("a line holds CR or NUL".to_owned());
        }
        let line = String::from_utf8_lossy(line).into_owned();
        self.start += end + 1;
        Ok(Some(line))
    }

    fn head(&mut self, bodiless: bool) -> Result<Option<Piece>, String> {
        let rest = &self.bytes[self.start..];
        if !rest.windows(4).any(|four| four == b"\r\n\r\n") {
            return if rest.len() > 200_000 { Err("a head without end".to_owned()) } else { Ok(None) };
        }
        let line = self.line()?.unwrap_or_default();
        check_first_line(self.kind, &line)?;
        let mut head = Head { line, fields: Vec::new() };
        while let Some(line) = self.line()? {
            if line.is_empty() {
                break;
            }
            head.fields.push(field(&line)?);
        }
        let framing = framing(self.kind, &head, bodiless)?;
        let interim = self.kind == Kind::Response && head.status() < 200;
        self.state = match framing {
            _ if interim => State::Head,
            Framing::None => State::Finishing,
            Framing::Length(n) => State::Length(n),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
        Ok(Some(Piece::Head(head, framing)))
    }
}

fn check_first_line(kind: Kind, line: &str) -> Result<(), String> {
    let bad = || Err(format!("the first line {line:?} is malformed"));
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    match (kind, words.as_slice()) {
        (Kind::Request, [method, target, version]) => {
            let token =
                !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            if !token || target.is_empty() || *version != "HTTP/1.1" { bad() } else { Ok(()) }
        }
        (Kind::Response, [version, status, ..]) => {
            let digits = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
            if *version != "HTTP/1.1" || !digits { bad() } else { Ok(()) }
        }
        _ => bad(),
    }
}

fn field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("the field line {line:?} has no colon"))?;
    let token =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte));
    if token {
        Ok((name.to_owned(), value.trim().to_owned()))
    } else {
        Err(format!("the field name {name:?} is no token"))
    }
}

fn framing(kind: Kind, head: &Head, bodiless: bool) -> Result<Framing, String> {
    let lengths: Vec<&str> = head.all("content-length").collect();
    let codings: Vec<&str> = head.all("transfer-encoding").collect();
    if lengths.len() > 1 || codings.len() > 1 || !lengths.is_empty() && !codings.is_empty() {
        return Err(format!("{} lengths and {} codings in one head", lengths.len(), codings.len()));
    }
    let length = match lengths.first() {
        Some(text) => Some(text.parse::<u64>().map_err(|_| format!("the length {text:?} is no number"))?),
        None => None,
    };
    if codings.first().is_some_and(|coding| !coding.eq_ignore_ascii_case("chunked")) {
        return Err(format!("the coding {:?}", codings[0]));
    }
    if kind == Kind::Response && (bodiless || matches!(head.status(), 100..200 | 204 | 304)) {
        return Ok(Framing::None);
    }
    Ok(match (length, codings.is_empty(), kind) {
        (Some(0), ..) => Framing::None,
        (Some(n), ..) => Framing::Length(n),
        (None, false, _) => Framing::Chunked,
        (None, true, Kind::Request) => Framing::None,
        (None, true, Kind::Response) => Framing::UntilClose,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(kind: Kind, bytes: &[u8], step: usize) -> Result<(usize, Vec<u8>, usize), String> {
        let mut reader = Reader::new(kind);
        let (mut heads, mut body, mut ends) = (0, Vec::new(), 0);
        for piece in bytes.chunks(step) {
            reader.feed(piece);
            while let Some(piece) = reader.next(false)? {
                match piece {
                    Piece::Head(..) => heads += 1,
                    Piece::Body(bytes) => body.extend(bytes),
                    Piece::End => ends += 1,
                }
            }
        }
        Ok((heads, body, ends))
    }

    #[test]
    fn two_answers_are_read_whole_and_byte_by_byte() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n";
        for step in [1, 2, 7, bytes.len()] {
            assert_eq!(pieces(Kind::Response, bytes, step), Ok((2, b"abcde".to_vec(), 2)));
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_an_error() {
        for bytes in [
            &b"HTTP/1.1 200 OK\nContent-Length: 3\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent Length: 3\r\n\r\n",
            b"HTTP/1.0 200 OK\r\n\r\n",
        ] {
            assert!(pieces(Kind::Response, bytes, bytes.len()).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
