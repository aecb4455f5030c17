//! RFC 9112 to the letter, and nothing that it merely lets a recipient forgive.

use super::{Framing, Reading, Seen, Stop, read_all, rejected};

/// Reads a stream of requests.
///
/// - Every line ends in CRLF; there is no other CR or LF, and of the control characters only HTAB.
/// - `token SP target SP HTTP/1.1` or `HTTP/1.0`; the target is visible ASCII, in one of the four forms, without a fragment.
/// - Fields are `token ":" OWS value OWS`. There are no folds.
/// - HTTP/1.1 has exactly one `Host`, HTTP/1.0 at most one; it is a host and perhaps a port.
/// - There is at most one `Content-Length`, of digits; `Transfer-Encoding` is `chunked`, once, never beside a length or in
///   HTTP/1.0.
/// - Nothing follows a request that says `Connection: close`.
/// - Chunks are as their grammar says, and no field in their trailers steers framing or routing.
pub fn read(stream: &[u8]) -> Reading {
    let mut closed = false;
    read_all(stream, |at, requests| {
        if closed {
            return rejected(at, BEHIND_THE_LAST);
        }
        let mut cursor = Cursor { stream, at };
        let (head, closes) = cursor.head()?;
        closed = closes;
        requests.push(head);
        if let Some(seen) = requests.last_mut() {
            cursor.body(seen)?;
            (seen.whole, seen.end) = (true, cursor.at);
        }
        Ok(cursor.at)
    })
}

struct Cursor<'a> {
    stream: &'a [u8],
    at: usize,
}

/// The fields of a head that its meaning depends on.
#[derive(Default)]
struct Noted<'a> {
    hosts: Vec<&'a [u8]>,
    lengths: Vec<&'a [u8]>,
    codings: Vec<&'a [u8]>,
    closes: bool,
}

/// RFC 9112 section 9.6.
const BEHIND_THE_LAST: &str = "bytes behind a request that says it is the last";

impl<'a> Cursor<'a> {
    /// A line without its CRLF.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let start = self.at;
        let rest = self.stream.get(start..).unwrap_or_default();
        for (offset, &byte) in rest.iter().enumerate() {
            let at = start + offset;
            match (byte, rest.get(offset + 1)) {
                (b'\r', Some(b'\n')) => {
                    self.at = at + 2;
                    return Ok(&rest[..offset]);
                }
                (b'\r', None) => return Err(Stop::More),
                (b'\r', Some(_)) => return rejected(at, "CR without LF"),
                (b'\n', _) => return rejected(at, "LF without CR"),
                (b'\t' | b' '..=b'~' | 0x80..=0xff, _) => {}
                _ => return rejected(at, "a control character"),
            }
        }
        Err(Stop::More)
    }

    /// The head, and whether the connection ends with this request.
    fn head(&mut self) -> Result<(Seen, bool), Stop> {
        let start = self.at;
        let (method, target, old) = request_line(self.line()?, start)?;
        let mut noted = Noted::default();
        loop {
            let at = self.at;
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = field(line, at)?;
            match name.to_ascii_lowercase().as_slice() {
                b"host" => noted.hosts.push(value),
                b"content-length" => noted.lengths.push(value),
                b"transfer-encoding" => noted.codings.push(value),
                b"connection" => noted.closes |= lists_close(value),
                _ => {}
            }
        }
        let host = noted.host(old, start)?;
        let seen = Seen {
            method: method.to_vec(),
            target: target.to_vec(),
            host: authority(target).unwrap_or(host).to_vec(),
            framing: noted.framing(old, start)?,
            body: Vec::new(),
            start,
            head_end: self.at,
            end: self.at,
            whole: false,
        };
        Ok((seen, noted.closes))
    }

    fn body(&mut self, seen: &mut Seen) -> Result<(), Stop> {
        match seen.framing {
            Framing::None => Ok(()),
            Framing::Length(length) => self.take(length, &mut seen.body),
            Framing::Chunked => self.chunks(&mut seen.body),
        }
    }

    fn take(&mut self, length: u64, body: &mut Vec<u8>) -> Result<(), Stop> {
        let rest = self.stream.get(self.at..).unwrap_or_default();
        match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(whole) => {
                body.extend_from_slice(whole);
                self.at += whole.len();
                Ok(())
            }
            None => {
                body.extend_from_slice(rest);
                Err(Stop::More)
            }
        }
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> Result<(), Stop> {
        loop {
            let at = self.at;
            match chunk_size(self.line()?, at)? {
                0 => return self.trailers(),
                size => self.take(size, body)?,
            }
            match self.stream.get(self.at..).unwrap_or_default() {
                [b'\r', b'\n', ..] => self.at += 2,
                [] | [b'\r'] => return Err(Stop::More),
                _ => return rejected(self.at, "no CRLF after the data of a chunk"),
            }
        }
    }

    fn trailers(&mut self) -> Result<(), Stop> {
        loop {
            let at = self.at;
            let line = self.line()?;
            if line.is_empty() {
                return Ok(());
            }
            let (name, _) = field(line, at)?;
            if STEERING.iter().any(|steering| name.eq_ignore_ascii_case(steering.as_bytes())) {
                return rejected(at, STEERING_TRAILER);
            }
        }
    }
}

const STEERING_TRAILER: &str = "a trailer that steers framing or routing";

/// RFC 9110 section 6.5.1: not in a trailer.
const STEERING: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "authorization",
];

/// "request-line = method SP request-target SP HTTP-version"; whether the version is HTTP/1.0.
fn request_line(line: &[u8], at: usize) -> Result<(&[u8], &[u8], bool), Stop> {
    let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let [method, target, version] = words.as_slice() else {
        return rejected(at, "a request line that is not three words");
    };
    if !is_token(method) {
        return rejected(at, "a method that is no token");
    }
    if !target.iter().all(u8::is_ascii_graphic) || target.contains(&b'#') {
        return rejected(at, "a request target with a byte that it may not have");
    }
    let origin = target.starts_with(b"/");
    let asterisk = *target == b"*" && *method == b"OPTIONS";
    if !(origin || asterisk || authority(target).is_some() || *method == b"CONNECT") {
        return rejected(at, "a request target in none of the four forms");
    }
    match *version {
        b"HTTP/1.1" => Ok((method, target, false)),
        b"HTTP/1.0" => Ok((method, target, true)),
        _ => rejected(at, "a version other than HTTP/1.1 and HTTP/1.0"),
    }
}

/// What stands between `scheme://` and the path.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let scheme = target.iter().position(|&byte| byte == b':')?;
    let after = target.get(scheme..)?.strip_prefix(b"://")?;
    let is_scheme = target.first()?.is_ascii_alphabetic()
        && target.iter().take(scheme).all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    let end = after.iter().position(|byte| b"/?".contains(byte)).unwrap_or(after.len());
    if is_scheme { after.get(..end) } else { None }
}

/// "field-line = field-name ":" OWS field-value OWS"
fn field(line: &[u8], at: usize) -> Result<(&[u8], &[u8]), Stop> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return rejected(at, "a folded line, or a blank before the first field");
    }
    let Some(colon) = line.iter().position(|&byte| byte == b':') else {
        return rejected(at, "a field without a colon");
    };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return rejected(at, "a field name that is no token");
    }
    Ok((name, value.trim_ascii()))
}

impl<'a> Noted<'a> {
    fn host(&self, old: bool, at: usize) -> Result<&'a [u8], Stop> {
        match self.hosts.as_slice() {
            [] if old => Ok(b""),
            [] => rejected(at, "no Host in HTTP/1.1"),
            [host] if is_host(host) => Ok(host),
            [_] => rejected(at, "a Host that is none"),
            _ => rejected(at, "several Host fields"),
        }
    }

    fn framing(&self, old: bool, at: usize) -> Result<Framing, Stop> {
        match (self.lengths.as_slice(), self.codings.as_slice()) {
            ([], []) => Ok(Framing::None),
            ([length], []) => match decimal(length) {
                Some(length) => Ok(Framing::Length(length)),
                None => rejected(at, "a Content-Length that is no number"),
            },
            ([], [_]) if old => rejected(at, "Transfer-Encoding in HTTP/1.0"),
            ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            ([], [_]) => rejected(at, "a Transfer-Encoding other than chunked"),
            (_, []) => rejected(at, "several Content-Length fields"),
            ([], _) => rejected(at, "several Transfer-Encoding fields"),
            _ => rejected(at, "Content-Length beside Transfer-Encoding"),
        }
    }
}

fn lists_close(value: &[u8]) -> bool {
    value.split(|&byte| byte == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

/// "uri-host [ ":" port ]" (RFC 3986 section 3.2.2); a name may be empty.
fn is_host(value: &[u8]) -> bool {
    if let Some(rest) = value.strip_prefix(b"[") {
        let Some(close) = rest.iter().position(|&byte| byte == b']') else { return false };
        let inside =
            rest[..close].iter().all(|byte| byte.is_ascii_alphanumeric() || b":._~-!$&'()*+,;=".contains(byte));
        return close > 0 && inside && is_port(&rest[close + 1..]);
    }
    let end = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
    is_name(&value[..end]) && is_port(&value[end..])
}

fn is_name(name: &[u8]) -> bool {
    let mut rest = name;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            [byte, rest @ ..] if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) => rest,
            _ => return false,
        }
    }
}

fn is_port(rest: &[u8]) -> bool {
    rest.is_empty() || rest.strip_prefix(b":").is_some_and(|port| port.iter().all(u8::is_ascii_digit))
}

/// "chunk-size [ chunk-ext ]"
fn chunk_size(line: &[u8], at: usize) -> Result<u64, Stop> {
    let digits = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let size = std::str::from_utf8(&line[..digits]).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match size {
        None => rejected(at, "a chunk without a size"),
        Some(_) if !is_extension(&line[digits..]) => rejected(at, "a chunk size that something else follows"),
        Some(size) => Ok(size),
    }
}

/// "*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )"
fn is_extension(text: &[u8]) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        match after_extension(rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

fn after_extension(text: &[u8]) -> Option<&[u8]> {
    let rest = after_token(text.trim_ascii_start().strip_prefix(b";")?.trim_ascii_start())?;
    let Some(value) = rest.trim_ascii_start().strip_prefix(b"=") else { return Some(rest) };
    let value = value.trim_ascii_start();
    after_quoted(value).or_else(|| after_token(value))
}

fn after_token(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|&byte| !is_token(&[byte])).unwrap_or(text.len());
    if end > 0 { text.get(end..) } else { None }
}

/// "DQUOTE *( qdtext / quoted-pair ) DQUOTE"
fn after_quoted(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text.strip_prefix(b"\"")?;
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', _, after @ ..] | [_, after @ ..] => after,
            [] => return None,
        }
    }
}

/// "1*tchar"
fn is_token(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}
