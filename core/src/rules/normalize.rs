//! URI normalisation before a path is matched: "The rule evaluation is performed only after URI normalization
//! occurs" (guide COND-05). It changes what rules see, never what is forwarded (COND-06).
//!
//! The guide does not say what is normalised. These steps are taken, in this order:
//!
//! 1. `%XX` of an unreserved character (letters, digits, `-._~`) becomes that character; the hexadecimal
//!    digits of every other `%xx` become upper case (RFC 3986 sections 6.2.2.1 and 6.2.2.2). Once, not again.
//! 2. The segments `.` and `..` are resolved (RFC 3986 section 5.2.4); nothing leads above the root.
//! 3. Bytes that rules do not see (control characters and whatever is not ASCII, guide RULE-10) are left out: last, since
//!    a target gets them percent-encoded, and to it they are part of a segment and of no escape.
//! 4. An empty path is `/` (RFC 3986 section 6.2.3).
//!
//! All of them are equivalences that the RFC grants, so a request cannot pass by `/admin/*` as `/%61dmin/x` or
//! `/x/../admin/x`. Two that it does not grant are not made: `//` stays, since an empty segment is a segment,
//! and `%2F` stays, since an encoded slash is data and not a separator. A target may see either differently;
//! rules which protect something should name what is allowed and refuse the rest. A path that does not begin with a
//! slash (`*`) keeps its dots.

use std::borrow::Cow;

use super::text::is_visible;

/// The path that `path-pattern` sees. Borrows unless there is something to change.
pub fn normalize_path(path: &[u8]) -> Cow<'_, [u8]> {
    if path.is_empty() {
        return Cow::Borrowed(b"/");
    }
    if is_normal(path) {
        return Cow::Borrowed(path);
    }
    let decoded = decode_unreserved(path);
    let mut normal = if decoded.starts_with(b"/") { remove_dot_segments(&decoded) } else { decoded };
    normal.retain(|&byte| is_visible(byte));
    Cow::Owned(if normal.is_empty() { b"/".to_vec() } else { normal })
}

/// Whether there is surely nothing to do: no escape, no byte to leave out, no segment that begins with a dot.
fn is_normal(path: &[u8]) -> bool {
    let mut before = 0;
    for &byte in path {
        let dot_segment = byte == b'.' && before == b'/';
        if !is_visible(byte) || byte == b'%' || dot_segment {
            return false;
        }
        before = byte;
    }
    true
}

fn decode_unreserved(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, after @ ..] = rest {
        rest = after;
        match percent_encoded(byte, after) {
            Some(octet) => {
                rest = &after[2..];
                if is_unreserved(octet) {
                    decoded.push(octet);
                } else {
                    decoded.extend([b'%', after[0].to_ascii_uppercase(), after[1].to_ascii_uppercase()]);
                }
            }
            None => decoded.push(*byte),
        }
    }
    decoded
}

/// The octet that `%` and the two digits after it stand for.
pub(super) fn percent_encoded(byte: &u8, after: &[u8]) -> Option<u8> {
    let [high, low, ..] = after else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    (*byte == b'%').then_some(())?;
    Some(digit(*high)? << 4 | digit(*low)?)
}

/// RFC 3986 section 2.3.
pub(super) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 section 5.2.4, for a path that begins with a slash.
fn remove_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<u8> = Vec::with_capacity(path.len());
    let mut segments = path.split(|&byte| byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." => {}
            b".." => kept.truncate(kept.iter().rposition(|&byte| byte == b'/').unwrap_or(0)),
            _ => {
                kept.push(b'/');
                kept.extend_from_slice(segment);
                continue;
            }
        }
        if last {
            kept.push(b'/');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(path: &str) -> String {
        String::from_utf8(normalize_path(path.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn an_ordinary_path_is_borrowed() {
        for path in ["/", "/img/picture.jpg", "/a//b/", "/a...b/x.", "*"] {
            assert!(matches!(normalize_path(path.as_bytes()), Cow::Borrowed(_)), "{path}");
            assert_eq!(normal(path), path);
        }
    }

    #[test]
    fn escapes_of_unreserved_characters_are_decoded_once_and_others_get_upper_case_digits() {
        assert_eq!(normal("/%61dmin%2d%2E%5f%7e"), "/admin-._~");
        assert_eq!(normal("/a%2fb%3a%c3%a9"), "/a%2Fb%3A%C3%A9");
        assert_eq!(normal("/%2561"), "/%2561");
        assert_eq!(normal("/%%361"), "/%61");
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert_eq!(normal("/%"), "/%");
        assert_eq!(normal("/%4"), "/%4");
        assert_eq!(normal("/%zz%+1"), "/%zz%+1");
    }

    #[test]
    fn dot_segments_are_resolved_and_never_lead_above_the_root() {
        assert_eq!(normal("/a/b/c/./../../g"), "/a/g");
        assert_eq!(normal("/.."), "/");
        assert_eq!(normal("/../../x"), "/x");
        assert_eq!(normal("/a/."), "/a/");
        assert_eq!(normal("/a/.."), "/");
        assert_eq!(normal("/a/b/.."), "/a/");
        assert_eq!(normal("/."), "/");
        assert_eq!(normal("/x/%2e%2E/admin"), "/admin");
        assert_eq!(normal("/.hidden/..x/..."), "/.hidden/..x/...");
    }

    #[test]
    fn empty_segments_and_encoded_slashes_are_kept() {
        assert_eq!(normal("//a///b//"), "//a///b//");
        assert_eq!(normal("/a//../b"), "/a/b");
        assert_eq!(normal("/a%2F../b"), "/a%2F../b");
    }

    #[test]
    fn bytes_that_rules_do_not_see_are_left_out_last() {
        assert_eq!(&*normalize_path(b"/ad\x01min\x7f/\xff"), b"/admin/");
        assert_eq!(&*normalize_path(b"/x/.\x09./admin"), b"/x/../admin");
        assert_eq!(&*normalize_path(b"/x/\x80../admin%6\xff1"), b"/x/../admin%61");
        assert_eq!(&*normalize_path(b"\x01"), b"/");
    }

    #[test]
    fn an_empty_path_is_the_root_and_an_asterisk_is_itself() {
        assert_eq!(normal(""), "/");
        assert_eq!(normal("*"), "*");
    }

    #[test]
    fn normalising_dots_twice_changes_nothing_more() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let body: String =
                (0..random.usize(..12)).map(|_| ["/", ".", "a", "%41", "%2f"][random.usize(..5)]).collect();
            let once = normal(&format!("/{body}"));
            assert_eq!(normal(&once), once);
            assert!(once.starts_with('/') && !once.contains("/./") && !once.contains("/../"), "{body} {once}");
        }
    }
}
