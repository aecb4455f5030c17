//! The field names that a load balancer acts upon, found with one look at the length. What is done about them is
//! decided by those who ask.

/// What a field name means to a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// `Host`
    Host,
    /// `Content-Length`
    ContentLength,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Connection`
    Connection,
    /// `Upgrade`
    Upgrade,
    /// `Expect`
    Expect,
    /// A field that belongs to one hop: `Keep-Alive`, `Proxy-Connection`, `TE`, `HTTP2-Settings`
    /// (RFC 9110 section 7.6.1).
    OneHop,
    /// `X-Forwarded-For`
    ForwardedFor,
    /// `X-Forwarded-Proto` or `X-Forwarded-Port`, which always are what the load balancer saw.
    ForwardedOther,
    /// `X-Amzn-Trace-Id`
    TraceId,
    /// `x-amzn-oidc-*`, `x-amzn-mtls-*`, `x-amzn-tls-*`: targets trust them, so clients may not send them. Any
    /// punctuation passes for the hyphens, since what runs behind a target may not tell them apart.
    Reserved,
    /// Punctuation aside, `Content-Length`, yet not it.
    LengthLookAlike,
    /// Punctuation aside, `Transfer-Encoding`, yet not it.
    CodingLookAlike,
    /// Any other.
    Other,
}

impl Known {
    /// What `name` means; names compare without regard to ASCII case.
    #[inline]
    pub fn of(name: &[u8]) -> Known {
        let Some(&first) = name.first() else { return Known::Other };
        let lengths = LENGTHS[usize::from(first)];
        if lengths >> name.len().min(LONG) & 1 == 0 { Known::Other } else { Known::among_likely(name) }
    }

    /// What any bytes in the place of a name mean, tokens or not. The letters and digits among them count, without
    /// regard to case; between the two words there may be one more.
    pub fn of_any(name: &[u8]) -> Known {
        match Known::of(name) {
            Known::Other => Known::look_alike(name),
            known => known,
        }
    }

    fn look_alike(name: &[u8]) -> Known {
        if spells(name, b"transfer", b"encoding") {
            Known::CodingLookAlike
        } else if spells(name, b"content", b"length") {
            Known::LengthLookAlike
        } else {
            Known::Other
        }
    }

    // The usual spelling of the most usual names first.
    fn among_likely(name: &[u8]) -> Known {
        match name.len() {
            2 if is(name, b"te") => Known::OneHop,
            4 if name == b"Host" || is(name, b"host") => Known::Host,
            6 if is(name, b"expect") => Known::Expect,
            7 if is(name, b"upgrade") => Known::Upgrade,
            10 if is(name, b"connection") => Known::Connection,
            10 if is(name, b"keep-alive") => Known::OneHop,
            14 if name == b"Content-Length" || is(name, b"content-length") => Known::ContentLength,
            14 if is(name, b"http2-settings") => Known::OneHop,
            15 if is(name, b"x-forwarded-for") => Known::ForwardedFor,
            15 if is(name, b"x-amzn-trace-id") => Known::TraceId,
            16 if is(name, b"x-forwarded-port") => Known::ForwardedOther,
            16 if is(name, b"proxy-connection") => Known::OneHop,
            17 if name == b"Transfer-Encoding" || is(name, b"transfer-encoding") => Known::TransferEncoding,
            17 if is(name, b"x-forwarded-proto") => Known::ForwardedOther,
            SHORTEST_RESERVED.. if is_reserved(name) => Known::Reserved,
            SHORTEST_IMITATION.. if may_imitate(name) => Known::look_alike(name),
            _ => Known::Other,
        }
    }
}

/// Names of so many bytes and more are looked up as if they had this many.
const LONG: usize = 31;

/// By first byte, the lengths that names which are not [`Known::Other`] may have: bit `n` for `n` bytes. Most names of
/// most heads need no more than a look at it.
const LENGTHS: [u32; 256] = {
    const fn from(shortest: usize) -> u32 {
        u32::MAX << shortest
    }
    let mut lengths = [0; 256];
    let mut first = 0;
    while first < lengths.len() {
        lengths[first] = match (first as u8).to_ascii_lowercase() {
            b'c' => 1 << 10 | from(SHORTEST_IMITATION),
            b'e' => 1 << 6,
            b'h' => 1 << 4 | 1 << 14,
            b'k' => 1 << 10,
            b'p' => 1 << 16,
            b't' => 1 << 2 | from(SHORTEST_IMITATION),
            b'u' => 1 << 7,
            b'x' => from(SHORTEST_RESERVED),
            other if other.is_ascii_alphanumeric() => 0,
            _ => from(SHORTEST_IMITATION),
        };
        first += 1;
    }
    lengths
};

/// `x-amzn-tls-`
const SHORTEST_RESERVED: usize = 11;

/// `contentlength`
const SHORTEST_IMITATION: usize = 13;

/// Whether `name` is `spelled` in any case. Of 8 to 24 bytes the first, middle and last eight are compared.
#[inline(always)]
pub(crate) fn is<const N: usize>(name: &[u8], spelled: &[u8; N]) -> bool {
    let Ok(name) = <&[u8; N]>::try_from(name) else { return false };
    match (eights(name), eights(spelled)) {
        (Some(name), Some(spelled)) if N <= 24 => name.map(lower) == spelled,
        _ => name.eq_ignore_ascii_case(spelled),
    }
}

#[inline(always)]
fn eights<const N: usize>(name: &[u8; N]) -> Option<[u64; 3]> {
    let middle = name.get(name.len().checked_sub(8)? / 2..)?;
    Some([name.first_chunk()?, middle.first_chunk()?, name.last_chunk()?].map(|eight| u64::from_le_bytes(*eight)))
}

/// [`u8::to_ascii_lowercase`] of each byte: those from `A` on, less those beyond `Z`, get the bit that makes them small.
#[inline(always)]
pub(crate) fn lower(eight: u64) -> u64 {
    const fn each(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    let low = eight & each(0x7f);
    let from_a = low + each(0x80 - b'A');
    let beyond_z = low + each(0x7f - b'Z');
    let large = (from_a ^ beyond_z) & !eight & each(0x80);
    eight | large >> 2
}

/// "token" of RFC 9110 section 5.6.2.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_reserved(name: &[u8]) -> bool {
    const RESERVED: [&[u8]; 3] = [b"x-amzn-oidc-", b"x-amzn-mtls-", b"x-amzn-tls-"];
    matches!(name, [b'x' | b'X', _, b'a' | b'A', ..])
        && RESERVED
            .iter()
            .any(|prefix| name.get(..prefix.len()).is_some_and(|start| same_but_punctuation(start, prefix)))
}

fn same_but_punctuation(name: &[u8], pattern: &[u8]) -> bool {
    name.iter().zip(pattern).all(|(&is, &wanted)| match wanted {
        b'-' => !is.is_ascii_alphanumeric(),
        letter => is.eq_ignore_ascii_case(&letter),
    })
}

/// Most names are told apart by two letters, such as those of `Cache-Control`.
fn may_imitate(name: &[u8]) -> bool {
    match name {
        [first, second, ..] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
            matches!([first | 0x20, second | 0x20], [b't', b'r'] | [b'c', b'o'])
        }
        _ => true,
    }
}

/// Whether the letters of `name` are those of the two words.
fn spells(name: &[u8], first: &[u8], second: &[u8]) -> bool {
    let mut letters = Letters(name);
    if !first.iter().all(|&wanted| letters.next() == Some(wanted)) {
        return false;
    }
    let one_later = Letters(letters.0).skip(1);
    letters.eq(second.iter().copied()) || one_later.eq(second.iter().copied())
}

/// The letters and digits of a name in lower case, and the two letters beyond ASCII that become ASCII ones when case is
/// folded: U+017F, a long s, and U+0131, an i without its dot.
struct Letters<'a>(&'a [u8]);

impl Iterator for Letters<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            let (letter, rest) = match self.0 {
                [] => return None,
                [0xc5, 0xbf, rest @ ..] => (b's', rest),
                [0xc4, 0xb1, rest @ ..] => (b'i', rest),
                [byte, rest @ ..] => (byte.to_ascii_lowercase(), rest),
            };
            self.0 = rest;
            if letter.is_ascii_alphanumeric() {
                return Some(letter);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_acted_upon_is_known_in_any_case() {
        let names: [(&str, Known); 16] = [
            ("Host", Known::Host),
            ("Content-Length", Known::ContentLength),
            ("Transfer-Encoding", Known::TransferEncoding),
            ("Connection", Known::Connection),
            ("Upgrade", Known::Upgrade),
            ("Expect", Known::Expect),
            ("Keep-Alive", Known::OneHop),
            ("Proxy-Connection", Known::OneHop),
            ("TE", Known::OneHop),
            ("HTTP2-Settings", Known::OneHop),
            ("X-Forwarded-For", Known::ForwardedFor),
            ("X-Forwarded-Proto", Known::ForwardedOther),
            ("X-Forwarded-Port", Known::ForwardedOther),
            ("X-Amzn-Trace-Id", Known::TraceId),
            ("X-Amzn-Oidc-Data", Known::Reserved),
            ("X-Amzn-Tls-Version", Known::Reserved),
        ];
        for (name, known) in names {
            assert_eq!(Known::of(name.as_bytes()), known, "{name}");
            assert_eq!(Known::of(name.to_ascii_lowercase().as_bytes()), known, "{name}");
            assert_eq!(Known::of(name.to_ascii_uppercase().as_bytes()), known, "{name}");
        }
    }

    #[test]
    fn eight_bytes_at_a_time_become_small_as_one_does() {
        for byte in 0..=u8::MAX {
            let eight = [byte, b'Z', 0, byte, 0xff, b'a', byte, 0x7f];
            assert_eq!(
                lower(u64::from_le_bytes(eight)),
                u64::from_le_bytes(eight.map(|byte| byte.to_ascii_lowercase()))
            );
        }
    }

    #[test]
    fn a_name_that_differs_in_any_one_byte_is_not_known() {
        for name in ["content-length", "transfer-encoding", "x-forwarded-for", "x-forwarded-proto", "connection", "te"]
        {
            for at in 0..name.len() {
                for other in [b'0', b'q', b'\r', name.as_bytes()[at] ^ 0x80, name.as_bytes()[at] ^ 0x10] {
                    let mut bytes = name.as_bytes().to_vec();
                    bytes[at] = other;
                    let known = Known::of(&bytes);
                    let unknown = matches!(known, Known::Other | Known::LengthLookAlike | Known::CodingLookAlike);
                    assert!(unknown, "{bytes:?}: {known:?}");
                }
            }
        }
    }

    #[test]
    fn names_that_differ_in_a_letter_or_by_length_are_others() {
        for name in [
            "Hosts",
            "Hose",
            "",
            "x",
            "Accept-Language",
            "Accept-Encoding",
            "Content-Type",
            "X-Forwarded-Fox",
            "Content-Lengthy",
            "x-amzn-tl",
        ] {
            assert_eq!(Known::of(name.as_bytes()), Known::Other, "{name}");
        }
    }

    #[test]
    fn reserved_names_are_known_with_any_punctuation() {
        for name in ["x_amzn_oidc_data", "X.Amzn.Mtls.Clientcert", "x-amzn_tls-version", "x-amzn-mtls-", "x-amzn-tls-"]
        {
            assert_eq!(Known::of(name.as_bytes()), Known::Reserved, "{name}");
        }
    }

    #[test]
    fn imitations_of_framing_fields_are_known() {
        for (name, known) in [
            ("Transfer_Encoding", Known::CodingLookAlike),
            ("transfer.encoding", Known::CodingLookAlike),
            ("TransferEncoding", Known::CodingLookAlike),
            ("Transfer--Encoding", Known::CodingLookAlike),
            ("-Transfer-Encoding", Known::CodingLookAlike),
            ("TransferXEncoding", Known::CodingLookAlike),
            ("Content_Length", Known::LengthLookAlike),
            ("contentlength", Known::LengthLookAlike),
            ("Content-Length-", Known::LengthLookAlike),
            ("_content-length", Known::LengthLookAlike),
        ] {
            assert_eq!(Known::of(name.as_bytes()), known, "{name}");
            assert_eq!(Known::of_any(name.as_bytes()), known, "{name}");
        }
        for name in ["X-Transfer-Encoding", "Transfer-Encodings", "TransferXYEncoding", "Content-Lengthy"] {
            assert_eq!(Known::of_any(name.as_bytes()), Known::Other, "{name}");
        }
    }

    #[test]
    fn imitations_that_are_no_tokens_are_known_where_any_bytes_may_come() {
        for name in [
            "Transfer Encoding",
            "\u{b}Transfer-Encoding",
            "Transfer-Encoding\u{a0}",
            "T r a n s f e r-Encoding",
            "Tran\u{1}sfer-Encoding",
            "Tran\u{17f}fer-Encoding",
            "Tran\u{17f}fer\u{2010}Encod\u{131}ng",
        ] {
            assert_eq!(Known::of_any(name.as_bytes()), Known::CodingLookAlike, "{name}");
        }
        assert_eq!(Known::of_any(b"Content\x7fLength"), Known::LengthLookAlike);
        assert_eq!(Known::of_any(b"host"), Known::Host);
    }
}
