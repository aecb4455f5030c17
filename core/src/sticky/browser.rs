//! Which clients need to be told that a cookie may be sent from another site (guide STK-17).

use memchr::memmem;

use crate::http::Fields;

/// The first version of Chromium that keeps cookies to their own site unless they say otherwise.
const FIRST_VERSION: u32 = 80;

/// Whether an application cookie for this request needs `SameSite=None; Secure`: it is a cross-origin request, and its browser is
/// Chromium of version 80 or later.
pub fn wants_same_site(fields: Fields<'_>) -> bool {
    fields.first(b"origin").is_some() && fields.first(b"user-agent").is_some_and(is_strict_chromium)
}

fn is_strict_chromium(user_agent: &[u8]) -> bool {
    let version = |name: &[u8]| {
        let at = memmem::find(user_agent, name)?;
        user_agent.get(at + name.len()..).map(number)
    };
    [&b"Chrome/"[..], b"Chromium/"].into_iter().filter_map(version).any(|version| version >= FIRST_VERSION)
}

/// The number that the bytes begin with. More digits than any version has do not matter any more.
fn number(bytes: &[u8]) -> u32 {
    let digits = bytes.iter().take(6).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, &digit| number * 10 + u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Field;

    #[test]
    fn chromium_is_strict_from_version_80_on() {
        for (user_agent, strict) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.87 Safari/537.36",
                true,
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.130 Safari/537.36",
                false,
            ),
            ("Chromium/80", true),
            ("Ubuntu Chromium/79.0 Chrome/79.0", false),
            ("Chromium/131.0 Chrome/79.0", true),
            ("Chrome/123456789012345678901234567890", true),
            ("Chrome/", false),
            ("Chrome/x80", false),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", false),
            ("", false),
        ] {
            assert_eq!(is_strict_chromium(user_agent.as_bytes()), strict, "{user_agent}");
        }
    }

    #[test]
    fn only_a_request_from_another_origin_is_told() {
        let origin = Field { name: b"Origin", value: b"https://a.example" };
        let chromium = Field { name: b"User-Agent", value: b"Chrome/100.0" };
        assert!(wants_same_site(Fields(&[origin, chromium])));
        assert!(!wants_same_site(Fields(&[chromium])));
        assert!(!wants_same_site(Fields(&[origin])));
    }
}
