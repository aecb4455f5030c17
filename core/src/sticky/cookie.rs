//! Cookies as bytes: finding a name among those of a request (RFC 6265 section 4.2), values as base64, and the `Set-Cookie` lines
//! of a response (`wire.md` C1, C2, C6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::{memchr, memmem};

use super::bond::SEALED;
use crate::http::date::HttpDate;
use crate::http::{Field, Fields};

/// The cookie of a target, and its twin for cross-origin requests.
pub const TARGET: [&str; 2] = ["AWSALB", "AWSALBCORS"];

/// The cookie of a group, and its twin.
pub const GROUP: [&str; 2] = ["AWSALBTG", "AWSALBTGCORS"];

/// The parts of the cookie that goes with an application's own (guide STK-16).
pub const APPLICATION: [&str; 4] = ["AWSALBAPP-0", "AWSALBAPP-1", "AWSALBAPP-2", "AWSALBAPP-3"];

/// The characters of a part that another one follows. With its name and attributes it stays below the 4,096 bytes that every
/// browser takes (RFC 6265 section 6.1).
pub const PART_CHARS: usize = 4000;

/// The characters of a value that has no parts.
pub const VALUE_CHARS: usize = SEALED / 3 * 4;

/// The values of every cookie of that name, in order. Names compare byte by byte; nothing is decoded or unquoted.
pub fn values<'a>(fields: Fields<'a>, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
    let lines = fields.0.iter().filter(|field| field.is(b"cookie")).map(|field| field.value);
    lines.flat_map(move |line| memmem::find_iter(line, name).filter_map(move |at| value_at(line, at, name.len())))
}

/// The value of the cookie whose name is there, if that is a name and not a part of something else.
fn value_at(line: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    let (before, rest) = line.split_at_checked(at)?;
    let begins = matches!(before.trim_ascii_end().last(), None | Some(b';'));
    let value = rest.get(len..)?.strip_prefix(b"=").filter(|_| begins)?;
    let end = memchr(b';', value).unwrap_or(value.len());
    Some(value[..end].trim_ascii())
}

/// Whether a `Set-Cookie` field sets a cookie of that name.
pub fn sets(field: &Field<'_>, name: &str) -> bool {
    let set = || field.value.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii();
    field.is(b"set-cookie") && set() == name.as_bytes()
}

/// The bytes of a value that has no parts.
pub fn decode(value: &[u8]) -> Option<[u8; SEALED]> {
    let mut sealed = [0; SEALED];
    if value.len() != VALUE_CHARS {
        return None;
    }
    (STANDARD.decode_slice(value, &mut sealed) == Ok(SEALED)).then_some(sealed)
}

/// Puts the parts of an application cookie together, each the one that comes in that place among those of its name. A part that
/// is not full is the last one, so that a client may still have others of a longer cookie.
pub fn join(fields: Fields<'_>, place: usize, sealed: &mut Vec<u8>) -> Option<()> {
    sealed.clear();
    for name in APPLICATION {
        let part = values(fields, name).nth(place).filter(|part| part.len() <= PART_CHARS)?;
        let start = sealed.len();
        sealed.resize(start + part.len().div_ceil(4) * 3, 0);
        let decoded = STANDARD.decode_slice(part, sealed.get_mut(start..)?).ok()?;
        sealed.truncate(start + decoded);
        if part.len() < PART_CHARS {
            return Some(());
        }
    }
    None
}

/// What follows `Path=/` in a cookie that other sites may cause to be sent, and in one that they may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The browser decides.
    Unsaid,
    /// `SameSite=None`.
    Any,
    /// `SameSite=None; Secure`.
    AnySecurely,
}

/// Appends a `Set-Cookie` line.
pub fn set(name: &str, value: &[u8], expires: &HttpDate, site: Site, out: &mut Vec<u8>) {
    let site: &[u8] = match site {
        Site::Unsaid => b"",
        Site::Any => b"; SameSite=None",
        Site::AnySecurely => b"; SameSite=None; Secure",
    };
    for part in [b"Set-Cookie: ", name.as_bytes(), b"=", value, b"; Expires=", expires, b"; Path=/", site, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Appends the line of a cookie, and that of its twin for cross-origin requests (guide STK-06, ACT-07).
pub fn set_both(names: [&str; 2], sealed: &[u8; SEALED], expires: &HttpDate, secure: bool, out: &mut Vec<u8>) {
    let mut value = [0; VALUE_CHARS];
    let encoded = STANDARD.encode_slice(sealed, &mut value);
    debug_assert_eq!(encoded, Ok(VALUE_CHARS));
    set(names[0], &value, expires, Site::Unsaid, out);
    set(names[1], &value, expires, if secure { Site::AnySecurely } else { Site::Any }, out);
}

/// Appends the lines of an application cookie, in as many parts as it takes.
pub fn set_parts(sealed: &[u8], expires: &HttpDate, site: Site, out: &mut Vec<u8>) {
    let mut value = [0; PART_CHARS];
    for (name, part) in APPLICATION.into_iter().zip(sealed.chunks(PART_CHARS / 4 * 3)) {
        let len = STANDARD.encode_slice(part, &mut value).unwrap_or_default();
        set(name, &value[..len], expires, site, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&str], name: &'static str) -> Vec<String> {
        let fields: Vec<_> = lines.iter().map(|line| Field { name: b"cookie", value: line.as_bytes() }).collect();
        let found = values(Fields(&fields), name).map(|value| String::from_utf8_lossy(value).into_owned());
        found.collect()
    }

    #[test]
    fn a_cookie_is_found_wherever_it_stands() {
        for line in
            ["AWSALB=v", "a=b; AWSALB=v", "a=b;AWSALB=v;c=d", "AWSALB=v; c=d", " \tAWSALB=v \t; c", "a;; AWSALB=v;"]
        {
            assert_eq!(found(&[line], "AWSALB"), ["v"], "{line:?}");
        }
        assert_eq!(found(&["a=b", "c=d; AWSALB=v", "AWSALB=w; AWSALB="], "AWSALB"), ["v", "w", ""]);
    }

    #[test]
    fn what_only_looks_like_the_name_is_none() {
        for line in [
            "AWSALBCORS=v",
            "xAWSALB=v",
            "x AWSALB=v",
            "x=AWSALB=v",
            "AWSALB",
            "AWSALB =v",
            "awsalb=v",
            "x=\"; y\"AWSALB=v",
            "AWSALBAWSALB=v",
            "AWSALB;=v",
            "",
        ] {
            assert_eq!(found(&[line], "AWSALB"), [""; 0], "{line:?}");
        }
        assert_eq!(found(&["x=\"a; AWSALB=v\""], "AWSALB"), ["v\""], "quotes mean nothing");
    }

    #[test]
    fn other_fields_hold_no_cookies() {
        let fields = [Field { name: b"Set-Cookie", value: b"AWSALB=v" }, Field { name: b"COOKIE", value: b"AWSALB=w" }];
        assert_eq!(values(Fields(&fields), "AWSALB").collect::<Vec<_>>(), [b"w"]);
    }

    #[test]
    fn values_are_exactly_as_long_as_ours_and_plain_base64() {
        let good = [b'A'; 128];
        assert_eq!(decode(&good), Some([0; 96]));
        for bad in [&[b'A'; 127][..], &[b'A'; 129], &[b'A'; 132], b"", &[b'%'; 128], &[b'-'; 128], &[b'='; 128]] {
            assert_eq!(decode(bad), None);
        }
        let mut padded = good;
        padded[127] = b'=';
        assert_eq!(decode(&padded), None);
    }

    #[test]
    fn a_set_cookie_field_is_known_by_its_name_alone() {
        let sets = |value: &str| sets(&Field { name: b"SET-cookie", value: value.as_bytes() }, "app");
        for value in ["app=1", "app=", " app =1; Path=/", "app", "app=1; Max-Age=0", "app=a=b"] {
            assert!(sets(value), "{value}");
        }
        for value in ["App=1", "xapp=1", "app2=1", "a=app=1", "x; app=1", ""] {
            assert!(!sets(value), "{value}");
        }
        assert!(!super::sets(&Field { name: b"cookie", value: b"app=1" }, "app"));
    }

    #[test]
    fn what_was_set_in_parts_is_joined() {
        for len in [96_usize, 99, 2997, 3003, 5997, 6003, 9000 + 3, 11_985] {
            let sealed: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let mut lines = Vec::new();
            set_parts(&sealed, b"Thu, 01 Jan 1970 00:00:00 GMT", Site::Unsaid, &mut lines);
            let lines = String::from_utf8(lines).unwrap();
            let sent: Vec<&str> =
                lines.split("\r\n").filter_map(|line| line.strip_prefix("Set-Cookie: ")?.split("; ").next()).collect();
            assert_eq!(sent.len(), len.div_ceil(3000));
            assert!(lines.lines().all(|line| line.len() - "Set-Cookie: ".len() <= 4096));
            let stale = ["AWSALBAPP-3=AAAA"];
            let cookies = if sent.len() < 4 { [&sent[..], &stale].concat() } else { sent }.join("; ");
            let mut joined = Vec::new();
            join(Fields(&[Field { name: b"cookie", value: cookies.as_bytes() }]), 0, &mut joined).unwrap();
            assert_eq!(joined, sealed);
        }
    }

    #[test]
    fn parts_that_are_missing_too_long_or_no_base64_are_not_joined() {
        let full = "A".repeat(PART_CHARS);
        let four = APPLICATION.map(|name| format!("{name}={full}")).join("; ");
        for bad in [
            String::new(),
            format!("AWSALBAPP-0={full}"),
            format!("AWSALBAPP-0={full}; AWSALBAPP-2=AAAA"),
            format!("AWSALBAPP-0={full}AAAA"),
            "AWSALBAPP-1=AAAA".to_owned(),
            "AWSALBAPP-0=A%3D".to_owned(),
            "AWSALBAPP-0=AAA".to_owned(),
            four,
        ] {
            let fields = [Field { name: b"cookie", value: bad.as_bytes() }];
            assert_eq!(join(Fields(&fields), 0, &mut Vec::new()), None, "{bad:.40}");
        }
    }
}
