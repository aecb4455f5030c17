//! A server that forgives whatever its [`Quirks`] say. Heads are read here, bodies in `body`.

use super::quirks::{
    Bare, Bodies, Both, Codings, Controls, Folds, Hosts, Names, Numbers, OldCodings, Quirks, Versions, Which, Words,
};
use super::{Framing, Reading, Seen, Stop, read_all, rejected};

/// Reads a stream of requests, as a server with those quirks does.
pub fn read(stream: &[u8], quirks: &Quirks) -> Reading {
    read_marked(&Marked::new(stream), quirks)
}

/// A stream, and where its control characters are other than HTAB: only there a line may end.
pub(super) struct Marked<'a> {
    stream: &'a [u8],
    marks: Vec<usize>,
}

impl<'a> Marked<'a> {
    pub(super) fn new(stream: &'a [u8]) -> Self {
        let odd = |&at: &usize| stream[at].is_ascii_control() && stream[at] != b'\t';
        Marked { stream, marks: (0..stream.len()).filter(odd).collect() }
    }
}

/// As [`read`], for one stream and many readers.
pub(super) fn read_marked(marked: &Marked<'_>, quirks: &Quirks) -> Reading {
    let Marked { stream, ref marks } = *marked;
    read_all(stream, |at, requests| {
        let mut reader = Reader { stream, marks, at, quirks };
        if quirks.leading_lines {
            reader.skip_empty_lines();
            if reader.at == stream.len() {
                return Ok(reader.at);
            }
        }
        let (head, mut fields) = reader.head()?;
        requests.push(head);
        if let Some(seen) = requests.last_mut() {
            reader.body(seen, &mut fields)?;
            (seen.whole, seen.end) = (true, reader.at);
        }
        Ok(reader.at)
    })
}

/// A place in a stream, and how to read on from there.
pub(super) struct Reader<'a> {
    stream: &'a [u8],
    marks: &'a [usize],
    pub(super) at: usize,
    pub(super) quirks: &'a Quirks,
}

/// Names and values, as far as they are understood.
pub(super) type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A request line, taken apart.
struct Line {
    method: Vec<u8>,
    target: Vec<u8>,
    version: Version,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Ancient,
    Old,
    Usual,
}

impl<'a> Reader<'a> {
    pub(super) fn rest(&self) -> &'a [u8] {
        self.stream.get(self.at..).unwrap_or_default()
    }

    /// The next line, without whatever ended it.
    pub(super) fn line(&mut self, lf: Bare, cr: Bare) -> Result<&'a [u8], Stop> {
        let start = self.at;
        let first = self.marks.partition_point(|&mark| mark < start);
        for &mark in &self.marks[first..] {
            let bare = match (self.stream[mark], self.stream.get(mark + 1)) {
                (b'\r', Some(b'\n')) => {
                    self.at = mark + 2;
                    return Ok(&self.stream[start..mark]);
                }
                (b'\r', None) => return Err(Stop::More),
                (b'\r', Some(_)) => cr,
                (b'\n', _) => lf,
                _ if self.quirks.controls == Controls::Refused => Bare::Refused,
                _ => Bare::IsData,
            };
            match bare {
                Bare::Refused => return rejected(mark, "a control character in a line"),
                Bare::IsData => {}
                Bare::EndsLine => {
                    self.at = mark + 1;
                    return Ok(&self.stream[start..mark]);
                }
            }
        }
        Err(Stop::More)
    }

    pub(super) fn head_line(&mut self) -> Result<&'a [u8], Stop> {
        self.line(self.quirks.bare_lf, self.quirks.bare_cr)
    }

    fn skip_empty_lines(&mut self) {
        loop {
            self.at += match self.rest() {
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] if self.quirks.bare_lf == Bare::EndsLine => 1,
                [b'\r', _, ..] if self.quirks.bare_cr == Bare::EndsLine => 1,
                _ => return,
            }
        }
    }

    fn head(&mut self) -> Result<(Seen, Fields), Stop> {
        let start = self.at;
        let line = self.request_line()?;
        let mut fields = Fields::new();
        if line.version != Version::Ancient {
            self.fields(&mut fields)?;
        }
        let framing = match line.version {
            Version::Ancient => Framing::None,
            _ => self.framing(&fields, line.version, start)?,
        };
        let ignored = self.quirks.bodies == Bodies::NotOfGetAndHead && matches!(&line.method[..], b"GET" | b"HEAD");
        let seen = Seen {
            host: self.host(&fields, &line, start)?,
            method: line.method,
            target: line.target,
            framing: if ignored { Framing::None } else { framing },
            body: Vec::new(),
            start,
            head_end: self.at,
            end: self.at,
            whole: false,
        };
        Ok((seen, fields))
    }

    fn request_line(&mut self) -> Result<Line, Stop> {
        let start = self.at;
        let text = self.head_line()?;
        let words: Vec<&[u8]> = match self.quirks.words {
            Words::Three => text.split(|&byte| byte == b' ').collect(),
            Words::AtBlanks => text.split(|&byte| is_blank(byte)).filter(|word| !word.is_empty()).take(3).collect(),
            Words::LastIsVersion => around_the_target(text.trim_ascii()),
        };
        let (method, target, version) = match words.as_slice() {
            [method, target, version] => (*method, *target, self.version(version)),
            [method, target] if self.quirks.versions == Versions::OldToo => (*method, *target, Some(Version::Ancient)),
            _ => return rejected(start, "not the words of a request line"),
        };
        let Some(version) = version else { return rejected(start, "an unknown version") };
        let is_uri_byte = |byte: u8| matches!(byte, b'!'..=b'"' | b'$'..=b'~');
        let is_target = !target.is_empty() && target.iter().all(|&byte| is_uri_byte(byte));
        if self.quirks.words == Words::Three && !(is_token(method) && is_target) {
            return rejected(start, "a method or target that is none");
        }
        Ok(Line { method: method.to_vec(), target: target.to_vec(), version })
    }

    fn version(&self, word: &[u8]) -> Option<Version> {
        match (word, self.quirks.versions) {
            (b"HTTP/1.1", _) => Some(Version::Usual),
            (b"HTTP/1.0", _) => Some(Version::Old),
            (_, Versions::Any | Versions::OldToo) => Some(Version::Usual),
            _ => None,
        }
    }

    /// Lines up to an empty one, which are taken for fields.
    pub(super) fn fields(&mut self, fields: &mut Fields) -> Result<(), Stop> {
        loop {
            let start = self.at;
            let line = self.head_line()?;
            let blank = line.iter().all(|byte| b" \t".contains(byte));
            if line.is_empty() || blank && self.quirks.blank_line_ends_head {
                return Ok(());
            }
            if !b" \t".contains(&line[0]) {
                self.field(line, start, fields)?;
                continue;
            }
            match (self.quirks.folds, fields.last_mut()) {
                (Folds::Refused, _) => return rejected(start, "a fold"),
                (Folds::Dropped, _) => {}
                (Folds::Joined, Some((_, value))) => {
                    let space: &[u8] = if value.is_empty() { b"" } else { b" " };
                    value.extend_from_slice(space);
                    value.extend_from_slice(line.trim_ascii());
                }
                (Folds::Joined, None) | (Folds::OwnField, _) if blank => {}
                (Folds::Joined, None) | (Folds::OwnField, _) => self.field(line.trim_ascii(), start, fields)?,
            }
        }
    }

    fn field(&self, line: &[u8], at: usize, fields: &mut Fields) -> Result<(), Stop> {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            return if self.quirks.without_colon { Ok(()) } else { rejected(at, "no colon") };
        };
        if self.quirks.names == Names::Exact && !is_token(name) {
            return rejected(at, "no name");
        }
        let value = match self.quirks.controls {
            Controls::NulEnds => value.split(|&byte| byte == 0).next().unwrap_or_default(),
            Controls::Refused | Controls::Kept => value,
        };
        fields.push((name.to_vec(), value.trim_ascii().to_vec()));
        Ok(())
    }

    fn all<'f>(&self, fields: &'f Fields, wanted: &str) -> Vec<&'f [u8]> {
        let found = fields.iter().filter(|(name, _)| self.is(name, wanted.as_bytes()));
        found.map(|(_, value)| value.as_slice()).collect()
    }

    /// Whether a name counts as the one that is `wanted`, which is in lower case.
    fn is(&self, name: &[u8], wanted: &[u8]) -> bool {
        let hyphenated = |odd: fn(u8) -> bool| {
            let bytes = name.iter().map(|&byte| if odd(byte) { b'-' } else { byte.to_ascii_lowercase() });
            bytes.eq(wanted.iter().copied())
        };
        let filtered = |counts: fn(u8) -> bool| {
            let bytes = |text| lower(text).filter(move |&byte| counts(byte));
            bytes(name).eq(bytes(wanted))
        };
        match self.quirks.names {
            Names::Exact => name.eq_ignore_ascii_case(wanted),
            Names::Trimmed => name.trim_ascii().eq_ignore_ascii_case(wanted),
            Names::FirstWord => {
                name.split(|&byte| is_blank(byte)).next().is_some_and(|word| lower(word).eq(lower(wanted)))
            }
            Names::Underscores => hyphenated(|byte| byte == b'_'),
            Names::Punctuation => hyphenated(|byte| !byte.is_ascii_alphanumeric()),
            Names::Alphanumerics if wanted == b"host" => name.eq_ignore_ascii_case(wanted),
            Names::Alphanumerics => filtered(|byte| byte.is_ascii_alphanumeric()),
            Names::Visible => filtered(|byte| byte > b' ' && byte != 0x7f),
        }
    }

    fn framing(&self, fields: &Fields, version: Version, at: usize) -> Result<Framing, Stop> {
        let lengths = self.all(fields, "content-length");
        let codings = self.all(fields, "transfer-encoding");
        let chunked = match (codings.is_empty(), version, self.quirks.old_codings) {
            (true, ..) | (_, Version::Old, OldCodings::Ignored) => false,
            (_, Version::Old, OldCodings::Refused) => return rejected(at, "a coding in HTTP/1.0"),
            _ => self.means_chunks(&codings, at)?,
        };
        let length = match (self.quirks.lengths, lengths.as_slice()) {
            (_, []) => None,
            (Which::Only, [_, _, ..]) => return rejected(at, "several lengths"),
            (Which::Last, [.., length]) | (_, [length, ..]) => Some(self.number(length, at)?),
        };
        match (chunked, length, self.quirks.both) {
            (true, Some(_), Both::Refused) => rejected(at, "a length beside chunks"),
            (_, Some(length), Both::Length) | (false, Some(length), _) => Ok(Framing::Length(length)),
            (true, ..) => Ok(Framing::Chunked),
            (false, None, _) => Ok(Framing::None),
        }
    }

    fn means_chunks(&self, codings: &[&[u8]], at: usize) -> Result<bool, Stop> {
        let is_chunked = |item: &[u8]| item.trim_ascii().eq_ignore_ascii_case(b"chunked");
        let list = codings.join(&b","[..]);
        let mut items = list.split(|&byte| byte == b',');
        Ok(match self.quirks.codings {
            Codings::Exact if codings.len() == 1 && codings[0].eq_ignore_ascii_case(b"chunked") => true,
            Codings::Exact => return rejected(at, "another coding than chunked"),
            Codings::LowerCase => list == b"chunked",
            Codings::Contains => list.to_ascii_lowercase().windows(7).any(|window| window == b"chunked"),
            Codings::FirstItem => items.next().is_some_and(is_chunked),
            Codings::LastItem => items.next_back().is_some_and(is_chunked),
            Codings::AnyItem => items.any(is_chunked),
            Codings::FirstField => codings.first().is_some_and(|coding| is_chunked(coding)),
            Codings::LastField => codings.last().is_some_and(|coding| is_chunked(coding)),
        })
    }

    fn number(&self, text: &[u8], at: usize) -> Result<u64, Stop> {
        let number = match self.quirks.numbers {
            Numbers::Digits if text.iter().all(u8::is_ascii_digit) => digits(text, 10),
            Numbers::Digits => None,
            Numbers::Strtol => digits(unsigned(text), 10).or(Some(0)),
            Numbers::StrtolAnyBase => match unsigned(text) {
                [b'0', b'x' | b'X', hex @ ..] => digits(hex, 16).or(Some(0)),
                octal @ [b'0', ..] => digits(octal, 8),
                decimal => digits(decimal, 10).or(Some(0)),
            },
        };
        number.map_or_else(|| rejected(at, "a length that is no number"), Ok)
    }

    fn host(&self, fields: &Fields, line: &Line, at: usize) -> Result<Vec<u8>, Stop> {
        let hosts = self.all(fields, "host");
        let host = match (self.quirks.hosts, hosts.as_slice()) {
            (Hosts::First, hosts) => hosts.first(),
            (Hosts::Last, hosts) => hosts.last(),
            (Hosts::Only, [] | [_]) if authority(&line.target).is_some() || line.version != Version::Usual => {
                hosts.first()
            }
            (Hosts::Only, [host]) => Some(host),
            (Hosts::Only, _) => return rejected(at, "not one Host"),
        };
        let host = host.copied().unwrap_or_default();
        let absolute = if self.quirks.hosts == Hosts::Only { authority(&line.target) } else { None };
        Ok(absolute.unwrap_or(host).to_vec())
    }

    /// The host, once there are the trailers, too.
    pub(super) fn host_again(&self, fields: &Fields) -> Option<Vec<u8>> {
        let hosts = self.all(fields, "host");
        let host = if self.quirks.hosts == Hosts::First { hosts.first() } else { hosts.last() };
        host.map(|host| host.to_vec())
    }
}

fn lower(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    text.iter().map(u8::to_ascii_lowercase)
}

/// The method, everything up to the last word, and that.
fn around_the_target(text: &[u8]) -> Vec<&[u8]> {
    let first = text.iter().position(|&byte| byte == b' ');
    let last = text.iter().rposition(|&byte| byte == b' ');
    match (first, last) {
        (Some(first), Some(last)) if first < last => vec![&text[..first], &text[first + 1..last], &text[last + 1..]],
        _ => Vec::new(),
    }
}

fn authority(target: &[u8]) -> Option<&[u8]> {
    let scheme = target.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    let (scheme, rest) = target.split_at(scheme);
    let rest = rest.strip_prefix(b"://").filter(|_| scheme.first().is_some_and(u8::is_ascii_alphabetic))?;
    rest.split(|byte| b"/?".contains(byte)).next()
}

/// What `isspace` says.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Without blanks and a sign in front.
pub(super) fn unsigned(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|&&byte| is_blank(byte)).count();
    let text = &text[blanks..];
    text.strip_prefix(b"+").unwrap_or(text)
}

/// The number that `text` begins with, if it begins with one and that fits.
pub(super) fn digits(text: &[u8], base: u32) -> Option<u64> {
    let digits = text.iter().map_while(|&byte| char::from(byte).to_digit(base));
    digits.map(u64::from).try_fold(None, |sum: Option<u64>, digit| {
        let sum = sum.unwrap_or(0).checked_mul(u64::from(base))?.checked_add(digit)?;
        Some(Some(sum))
    })?
}

fn is_token(word: &[u8]) -> bool {
    let is_tchar = |&byte: &u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => true,
        other => b"!#$%&'*+-.^_`|~".contains(&other),
    };
    !word.is_empty() && word.iter().all(is_tchar)
}
