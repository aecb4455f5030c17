//! Frames payload as a body. What goes between two hops is framed anew by us, never copied (RFC 9112 section 6.1).

use memchr::memchr;

use crate::http::Framing;
use crate::http::names::Known;

/// The chunk that ends a chunked body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Frames payload as a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoder {
    /// No body, or it was ended.
    None,
    /// So many bytes are still to go; never 0.
    Length(u64),
    /// Chunks, then trailers.
    Chunked,
    /// Payload as it is, then close.
    UntilClose,
}

impl Encoder {
    /// For a body framed so.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::None | Framing::Length(0) => Encoder::None,
            Framing::Length(length) => Encoder::Length(length),
            Framing::Chunked => Encoder::Chunked,
            Framing::UntilClose => Encoder::UntilClose,
        }
    }

    /// Whether nothing more may be written: the length is exhausted, or the body was ended.
    pub fn is_done(&self) -> bool {
        matches!(self, Encoder::None)
    }

    /// Payload bytes that surely fit into `free` bytes as one [`Encoder::data`], with room kept for an end without
    /// trailers.
    pub fn payload_room(&self, free: usize) -> usize {
        match self {
            Encoder::None => 0,
            Encoder::Length(left) => usize::try_from(*left).unwrap_or(usize::MAX).min(free),
            Encoder::Chunked => free.saturating_sub(hex_digits(free) + 4 + LAST_CHUNK.len()),
            Encoder::UntilClose => free,
        }
    }

    /// What goes around `len` bytes of payload: the first `.1` bytes of `.0` before, `.2` after them. For a caller
    /// that writes payload into a slice of its own; call [`Encoder::count`] when it is written.
    pub fn frame(&self, len: usize) -> ([u8; 18], usize, &'static [u8]) {
        match self {
            Encoder::Chunked if len > 0 => {
                let (prefix, used) = chunk_prefix(len);
                (prefix, used, b"\r\n")
            }
            _ => ([0; 18], 0, b""),
        }
    }

    /// `len` bytes of payload were written. More than a length has left is a mistake of the caller.
    pub fn count(&mut self, len: usize) {
        debug_assert!(self.may_take(len), "{len} bytes of payload for {self:?}");
        if let Encoder::Length(left) = self {
            *left = left.saturating_sub(len as u64);
            if *left == 0 {
                *self = Encoder::None;
            }
        }
    }

    /// Appends `payload`, framed. Empty payload appends nothing (an empty chunk would end the body). In release, what
    /// exceeds a length is dropped.
    pub fn data(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        debug_assert!(self.may_take(payload.len()), "{} bytes of payload for {self:?}", payload.len());
        let fits = match self {
            Encoder::None => 0,
            Encoder::Length(left) => usize::try_from(*left).unwrap_or(usize::MAX),
            Encoder::Chunked | Encoder::UntilClose => usize::MAX,
        };
        let payload = payload.get(..fits).unwrap_or(payload);
        let (prefix, used, suffix) = self.frame(payload.len());
        out.extend_from_slice(prefix.get(..used).unwrap_or_default());
        out.extend_from_slice(payload);
        out.extend_from_slice(suffix);
        self.count(payload.len());
    }

    /// Appends the end of the body: for chunks the last chunk and those of the `trailers` that may be forwarded, given
    /// raw as [`super::body::Step::Trailers`] delimits them. Other framings have no trailers and append nothing. The
    /// body is then over, and ending it again appends nothing: end it with the trailers when they come, and without
    /// any when it is done.
    pub fn end(&mut self, trailers: &[u8], out: &mut Vec<u8>) {
        debug_assert!(!matches!(self, Encoder::Length(_)), "ended while {self:?}");
        if *self == Encoder::Chunked {
            out.extend_from_slice(b"0\r\n");
            passing_trailers(trailers, out);
            out.extend_from_slice(b"\r\n");
        }
        *self = Encoder::None;
    }

    fn may_take(&self, len: usize) -> bool {
        match self {
            Encoder::None => len == 0,
            Encoder::Length(left) => len as u64 <= *left,
            Encoder::Chunked | Encoder::UntilClose => true,
        }
    }
}

/// Appends those of the trailer lines that may be passed on.
pub fn passing_trailers(trailers: &[u8], out: &mut Vec<u8>) {
    trailer_lines(trailers).filter(|line| is_forwarded(line)).for_each(|line| out.extend_from_slice(line));
}

fn hex_digits(len: usize) -> usize {
    (usize::BITS - (len | 1).leading_zeros()).div_ceil(4) as usize
}

fn chunk_prefix(len: usize) -> ([u8; 18], usize) {
    let digits = hex_digits(len);
    let mut prefix = [0; 18];
    for (place, byte) in prefix.iter_mut().take(digits).enumerate() {
        let value = len >> (4 * (digits - 1 - place)) & 0xf;
        *byte = b"0123456789abcdef".get(value).copied().unwrap_or_default();
    }
    for (byte, end) in prefix.iter_mut().skip(digits).zip(*b"\r\n") {
        *byte = end;
    }
    (prefix, digits + 2)
}

/// The lines of a trailer section, each with its CRLF.
fn trailer_lines(section: &[u8]) -> impl Iterator<Item = &[u8]> {
    section.split_inclusive(|&byte| byte == b'\n').filter(|line| line.len() > 2 && line.ends_with(b"\r\n"))
}

fn is_forwarded(line: &[u8]) -> bool {
    memchr(b':', line).and_then(|at| line.get(..at)).is_some_and(may_trail)
}

/// Whether a field of that name may be a trailer. Fields that steer framing, routing, authentication, or what a body means
/// are not taken from one (RFC 9110 section 6.5.1), nor are those that a load balancer vouches for.
pub(crate) fn may_trail(name: &[u8]) -> bool {
    const NEVER: [&[u8]; 22] = [
        b"authorization",
        b"proxy-authorization",
        b"www-authenticate",
        b"proxy-authenticate",
        b"authentication-info",
        b"proxy-authentication-info",
        b"cookie",
        b"set-cookie",
        b"content-encoding",
        b"content-type",
        b"content-range",
        b"trailer",
        b"cache-control",
        b"max-forwards",
        b"range",
        b"age",
        b"date",
        b"expires",
        b"location",
        b"retry-after",
        b"vary",
        b"forwarded",
    ];
    let ours = |prefix: &[u8]| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    Known::of(name) == Known::Other
        && !ours(b"x-forwarded-")
        && !ours(b"x-amzn-")
        && !ours(b"if-")
        && !NEVER.iter().any(|never| name.eq_ignore_ascii_case(never))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::h1::body::{Decoder, Step};

    fn encoded(framing: Framing, pieces: &[&str], trailers: &str) -> String {
        let mut out = Vec::new();
        let mut body = Encoder::new(framing);
        pieces.iter().for_each(|piece| body.data(piece.as_bytes(), &mut out));
        body.end(trailers.as_bytes(), &mut out);
        body.end(b"X: late\r\n", &mut out);
        assert!(body.is_done());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn payload_is_framed_as_asked() {
        assert_eq!(encoded(Framing::Length(5), &["ab", "", "cde"], "A: b\r\n"), "abcde");
        assert_eq!(encoded(Framing::UntilClose, &["ab", "cde"], "A: b\r\n"), "abcde");
        assert_eq!(encoded(Framing::None, &[], ""), "");
        assert_eq!(encoded(Framing::Length(0), &[], ""), "");
        assert_eq!(
            encoded(Framing::Chunked, &["ab", "", "0123456789abcdef"], ""),
            "2\r\nab\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn trailers_that_may_be_forwarded_are() {
        assert_eq!(
            encoded(Framing::Chunked, &[], "Digest: x\r\ngrpc-status:0\r\n"),
            "0\r\nDigest: x\r\ngrpc-status:0\r\n\r\n"
        );
    }

    #[test]
    fn trailers_that_steer_something_are_dropped() {
        for name in [
            "Content-Length",
            "Transfer-Encoding",
            "transfer_encoding",
            "Host",
            "Connection",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "Authorization",
            "Cookie",
            "Set-Cookie",
            "Content-Type",
            "Content-Encoding",
            "X-Forwarded-For",
            "x-forwarded-host",
            "X-Amzn-Trace-Id",
            "x-amzn-oidc-data",
            "If-Match",
            "Cache-Control",
            "Range",
        ] {
            assert_eq!(
                encoded(Framing::Chunked, &[], &format!("{name}: x\r\nA: b\r\n")),
                "0\r\nA: b\r\n\r\n",
                "{name}"
            );
        }
    }

    #[test]
    fn payload_that_room_promises_fits_with_its_end() {
        for free in (0..300).chain([4095, 4096, 4106, 4107, 4108, 65535, 65536, 65545, 65546]) {
            let body = Encoder::new(Framing::Chunked);
            let room = body.payload_room(free);
            if room > 0 {
                let (_, prefix, suffix) = body.frame(room);
                assert!(prefix + room + suffix.len() + LAST_CHUNK.len() <= free, "{room} in {free}");
                assert!(room + 15 >= free.saturating_sub(4), "{room} in {free} wastes too much");
            }
        }
        assert_eq!(Encoder::new(Framing::Length(10)).payload_room(100), 10);
        assert_eq!(Encoder::new(Framing::Length(100)).payload_room(10), 10);
        assert_eq!(Encoder::new(Framing::UntilClose).payload_room(10), 10);
        assert_eq!(Encoder::new(Framing::None).payload_room(10), 0);
    }

    #[test]
    fn a_chunk_line_has_as_many_digits_as_its_size_needs() {
        for (len, line) in
            [(1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (255, "ff\r\n"), (256, "100\r\n"), (65536, "10000\r\n")]
        {
            let (prefix, used, suffix) = Encoder::Chunked.frame(len);
            assert_eq!((&prefix[..used], suffix), (line.as_bytes(), &b"\r\n"[..]));
        }
        let (prefix, used, _) = Encoder::Chunked.frame(usize::MAX);
        assert_eq!(&prefix[..used], b"ffffffffffffffff\r\n");
        assert_eq!(Encoder::Chunked.frame(0).1, 0);
        assert_eq!(Encoder::UntilClose.frame(5).1, 0);
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same() {
        let text = encoded(Framing::Chunked, &["hello", " ", "world"], "A: b\r\n");
        let (mut body, mut rest, mut payload) = (Decoder::new(Framing::Chunked), text.as_bytes(), Vec::new());
        while !body.is_done() {
            match body.step(rest).unwrap() {
                Step::More => panic!("cut off"),
                Step::Data { skip, len } => {
                    payload.extend_from_slice(&rest[skip..skip + len]);
                    rest = &rest[skip + len..];
                }
                Step::Trailers { skip, len } => {
                    assert_eq!(&rest[skip..skip + len], b"A: b\r\n");
                    rest = &rest[skip + len..];
                }
                Step::Done { skip } => rest = &rest[skip..],
            }
        }
        assert_eq!((payload.as_slice(), rest), (&b"hello world"[..], &b""[..]));
    }
}
