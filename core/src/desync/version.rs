//! What the version in a request line comes to (RFC 9112 section 2.3).

use crate::http::Version;
use crate::http::h1::head::content_length;
use crate::http::h1::loose::trim_blanks;

/// What a version is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// HTTP/1.0 or HTTP/1.1.
    Known(Version),
    /// HTTP/0.9, by name or by leaving the version out.
    Old,
    /// HTTP/1.2 to HTTP/1.9: "the highest version that the recipient knows of that major version" (RFC 9110 section 2.5).
    Later,
    /// HTTP/2 and later: not on a connection like this.
    Unsupported,
    /// Anything else.
    Malformed,
}

impl Spoken {
    /// Reads a version; blanks around it are passed over.
    pub(super) fn of(version: &[u8]) -> Spoken {
        match trim_blanks(version) {
            b"HTTP/1.1" => Spoken::Known(Version::Http11),
            b"HTTP/1.0" => Spoken::Known(Version::Http10),
            b"" | b"HTTP/0.9" => Spoken::Old,
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'2'..=b'9'] => Spoken::Later,
            other if asks_for_two_or_more(other) => Spoken::Unsupported,
            _ => Spoken::Malformed,
        }
    }

    /// What it is treated as.
    pub(super) fn version(self) -> Version {
        match self {
            Spoken::Known(version) => version,
            Spoken::Later => Version::Http11,
            Spoken::Old | Spoken::Unsupported | Spoken::Malformed => Version::Http10,
        }
    }
}

/// `HTTP/2`, `HTTP/2.0`, `HTTP/3`, …
fn asks_for_two_or_more(version: &[u8]) -> bool {
    let Some(numbers) = version.strip_prefix(b"HTTP/") else { return false };
    let mut numbers = numbers.split(|&byte| byte == b'.');
    let major = numbers.next().and_then(content_length);
    let minor = numbers.next().is_none_or(|minor| content_length(minor).is_some());
    matches!(major, Some(2..)) && minor && numbers.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_by_their_exact_spelling() {
        for (text, spoken) in [
            ("HTTP/1.1", Spoken::Known(Version::Http11)),
            (" HTTP/1.0\t", Spoken::Known(Version::Http10)),
            ("", Spoken::Old),
            ("HTTP/0.9", Spoken::Old),
            ("HTTP/1.2", Spoken::Later),
            ("HTTP/1.9", Spoken::Later),
            ("HTTP/2", Spoken::Unsupported),
            ("HTTP/2.0", Spoken::Unsupported),
            ("HTTP/10.1", Spoken::Unsupported),
            ("HTTP/1", Spoken::Malformed),
            ("HTTP/1.10", Spoken::Malformed),
            ("HTTP/1.a", Spoken::Malformed),
            ("HTTP/0.8", Spoken::Malformed),
            ("HTTP/2x", Spoken::Malformed),
            ("HTTP/2.0.0", Spoken::Malformed),
            ("HTTP/ 1.1", Spoken::Malformed),
            ("http/1.1", Spoken::Malformed),
            ("XTTP/1.1", Spoken::Malformed),
            ("HTTP/1.1\r", Spoken::Malformed),
            ("x", Spoken::Malformed),
        ] {
            assert_eq!(Spoken::of(text.as_bytes()), spoken, "{text:?}");
        }
    }
}
