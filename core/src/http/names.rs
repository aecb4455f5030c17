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
    /// Punctuation aside, `Transfer-Encoding` or `Content-Length`, yet neither.
    FramingLookAlike,
    /// Any other.
    Other,
}

impl Known {
    /// What `name` means; names compare without regard to ASCII case.
    #[inline]
    pub fn of(name: &[u8]) -> Known {
        let Some((known, spelled)) = candidate(name) else { return Known::unlisted(name) };
        if name.eq_ignore_ascii_case(spelled) { known } else { Known::unlisted(name) }
    }

    fn unlisted(name: &[u8]) -> Known {
        match name {
            [b'x' | b'X', _, _, _, _, _, _, _, _, _, _, ..] if is_reserved(name) => Known::Reserved,
            [first, ..] if name.len() > 12 && may_imitate(*first) && imitates_framing(name) => Known::FramingLookAlike,
            _ => Known::Other,
        }
    }
}

/// The one name of that length and first letter that is acted upon.
fn candidate(name: &[u8]) -> Option<(Known, &'static [u8])> {
    let first = name.first()?.to_ascii_lowercase();
    Some(match (name.len(), first) {
        (2, b't') => (Known::OneHop, b"te"),
        (4, b'h') => (Known::Host, b"host"),
        (6, b'e') => (Known::Expect, b"expect"),
        (7, b'u') => (Known::Upgrade, b"upgrade"),
        (10, b'c') => (Known::Connection, b"connection"),
        (10, b'k') => (Known::OneHop, b"keep-alive"),
        (14, b'c') => (Known::ContentLength, b"content-length"),
        (14, b'h') => (Known::OneHop, b"http2-settings"),
        (15, b'x') if name.get(2).is_some_and(|third| third | 0x20 == b'f') => {
            (Known::ForwardedFor, b"x-forwarded-for")
        }
        (15, b'x') => (Known::TraceId, b"x-amzn-trace-id"),
        (16, b'p') => (Known::OneHop, b"proxy-connection"),
        (16, b'x') => (Known::ForwardedOther, b"x-forwarded-port"),
        (17, b't') => (Known::TransferEncoding, b"transfer-encoding"),
        (17, b'x') => (Known::ForwardedOther, b"x-forwarded-proto"),
        _ => return None,
    })
}

fn is_reserved(name: &[u8]) -> bool {
    const RESERVED: [&[u8]; 3] = [b"x-amzn-oidc-", b"x-amzn-mtls-", b"x-amzn-tls-"];
    RESERVED.iter().any(|prefix| name.get(..prefix.len()).is_some_and(|start| same_but_punctuation(start, prefix)))
}

fn same_but_punctuation(name: &[u8], pattern: &[u8]) -> bool {
    name.iter().zip(pattern).all(|(&is, &wanted)| match wanted {
        b'-' => !is.is_ascii_alphanumeric(),
        letter => is.eq_ignore_ascii_case(&letter),
    })
}

fn may_imitate(first: u8) -> bool {
    matches!(first | 0x20, b't' | b'c') || !first.is_ascii_alphanumeric()
}

fn imitates_framing(name: &[u8]) -> bool {
    let is = |wanted: &[u8]| {
        name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).eq(wanted.iter().copied())
    };
    is(b"transferencoding") || is(b"contentlength")
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
        for name in [
            "Transfer_Encoding",
            "transfer.encoding",
            "TransferEncoding",
            "Transfer--Encoding",
            "-Transfer-Encoding",
            "Content_Length",
            "contentlength",
            "Content-Length-",
            "_content-length",
        ] {
            assert_eq!(Known::of(name.as_bytes()), Known::FramingLookAlike, "{name}");
        }
    }
}
