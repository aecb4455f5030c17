//! A client's request: from the list of its fields to the text of an HTTP/1.1 head.

use super::Malformed;
use super::checks::{self, Spelling};
use super::text::Text;
use crate::http::grpc::is_grpc;
use crate::http::h2::fields::FieldList;
use crate::http::names::is_token;
use crate::http::{Asked, Field};

/// What is known of a request besides its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// `content-type` says `application/grpc`, of whatever coding.
    pub is_grpc: bool,
    /// The method is `POST`.
    pub is_post: bool,
    /// The method is `HEAD`: the answer has no body.
    pub is_head: bool,
    /// The client asks for trailers, as gRPC does: `te: trailers`. Say so to a target that speaks HTTP/2.
    pub te_trailers: bool,
    /// The name of a field has other characters than letters, digits and hyphens: that gets a 400 (`wire.md` H12).
    pub has_odd_name: bool,
    /// The length of the body, if the client says it.
    pub content_length: Option<u64>,
}

impl RequestFacts {
    /// What the client speaks, as the choice of targets sees it. gRPC knows no method but `POST`.
    pub fn asked(&self) -> Asked {
        match self {
            RequestFacts { is_grpc: true, is_post: true, .. } => Asked::Grpc,
            RequestFacts { is_post, .. } => Asked::Http2 { post: *is_post },
        }
    }
}

/// Appends the HTTP/1.1 head of the request that `fields` are; `end` says that no body follows. Nothing is appended if
/// they are malformed.
///
/// `Host` comes first, from `:authority`; a `host` beside it must name the same, and is left out. The other fields follow
/// as they came, in lower case and in their order, but for these: all `cookie` fields become one where the first was,
/// joined by `; ` (RFC 9113 section 8.2.3), without empty ones; `expect` is left out (`wire.md` H10). The framing comes last: where the
/// client says no `content-length`, it is `transfer-encoding: chunked` if a body follows, and `content-length: 0` if none does
/// and the method would lead one to expect it (RFC 9110 section 8.6).
///
/// `CONNECT` becomes text too: it is refused where an HTTP/1.1 client's is. So is a request without an authority.
pub fn request_head(fields: &FieldList, end: bool, out: &mut Vec<u8>) -> Result<RequestFacts, Malformed> {
    let start = out.len();
    let clean = !checks::has_controls(fields.since(0));
    // What counts for each field is more than a line adds to it.
    let mut text = Text::new(out, fields.size());
    let written = Pseudo::take(fields).and_then(|(pseudo, rest)| pseudo.write(rest, clean, end, &mut text));
    text.finish();
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// The pseudo-header fields of a request (section 8.3.1).
#[derive(Default)]
struct Pseudo<'a> {
    method: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
}

impl<'a> Pseudo<'a> {
    /// Takes them from the front of the list, and returns the other fields.
    fn take(fields: &'a FieldList) -> Result<(Self, impl Iterator<Item = Field<'a>> + Clone), Malformed> {
        let mut pseudo = Pseudo::default();
        let mut rest = fields.iter();
        loop {
            let ahead = rest.clone();
            match rest.next() {
                Some(Field { name: name @ [b':', ..], value }) => pseudo.field(name, value)?,
                _ => return Ok((pseudo, ahead)),
            }
        }
    }

    fn field(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), Malformed> {
        let slot = match name {
            b":method" => &mut self.method,
            b":scheme" => &mut self.scheme,
            b":authority" => &mut self.authority,
            b":path" => &mut self.path,
            _ => return Err(Malformed::UnknownPseudo),
        };
        checks::once(slot, value)
    }

    fn write(
        &self,
        rest: impl Iterator<Item = Field<'a>> + Clone,
        clean: bool,
        end: bool,
        text: &mut Text<'_>,
    ) -> Result<RequestFacts, Malformed> {
        let (method, target) = self.method_and_target()?;
        if let Some(authority) = self.authority {
            checks::authority(authority)?;
        }
        for part in [method, b" ", target, b" HTTP/1.1\r\n"] {
            text.put(part);
        }
        if let Some(authority) = self.authority {
            text.line(b"Host", authority);
        }
        let facts = RequestFacts { is_post: method == b"POST", is_head: method == b"HEAD", ..RequestFacts::default() };
        let mut message = Message { pseudo: self, clean, has_host: false, has_cookies: false, facts, text };
        let mut rest = rest;
        while let Some(field) = rest.next() {
            message.field(&field, &rest)?;
        }
        message.end(method, end)
    }

    fn method_and_target(&self) -> Result<(&'a [u8], &'a [u8]), Malformed> {
        let method = self.method.ok_or(Malformed::MissingPseudo)?;
        if !is_token(method) {
            return Err(Malformed::Method);
        }
        if method == b"CONNECT" {
            return match self {
                Pseudo { scheme: None, path: None, authority: Some(authority), .. } => Ok((method, authority)),
                _ => Err(Malformed::Connect),
            };
        }
        let scheme = self.scheme.ok_or(Malformed::MissingPseudo)?;
        if !scheme.eq_ignore_ascii_case(b"https") && !scheme.eq_ignore_ascii_case(b"http") {
            return Err(Malformed::Scheme);
        }
        let path = self.path.ok_or(Malformed::MissingPseudo)?;
        let is_target = path.first() == Some(&b'/') || path == b"*" && method == b"OPTIONS";
        if !is_target {
            return Err(Malformed::Path);
        }
        checks::path(path)?;
        Ok((method, path))
    }
}

/// The fields of a request on their way into the text.
struct Message<'m, 'o, 'a> {
    pseudo: &'m Pseudo<'a>,
    /// Nowhere in the list is a control character.
    clean: bool,
    has_host: bool,
    has_cookies: bool,
    facts: RequestFacts,
    text: &'m mut Text<'o>,
}

impl<'a> Message<'_, '_, 'a> {
    /// A field, with those behind it.
    #[inline]
    fn field(
        &mut self,
        field: &Field<'a>,
        behind: &(impl Iterator<Item = Field<'a>> + Clone),
    ) -> Result<(), Malformed> {
        let Field { name, value } = *field;
        self.facts.has_odd_name |= checks::name(name)? == Spelling::Odd;
        checks::value_in(self.clean, value)?;
        match name {
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
                return Err(Malformed::ConnectionField);
            }
            b"host" => return self.host(value),
            b"expect" => return Ok(()),
            b"cookie" => {
                self.cookies(value, behind.clone());
                return Ok(());
            }
            b"te" if value.eq_ignore_ascii_case(b"trailers") => self.facts.te_trailers = true,
            b"te" => return Err(Malformed::Te),
            b"content-length" => checks::length(&mut self.facts.content_length, value)?,
            b"content-type" => self.facts.is_grpc |= is_grpc(value),
            _ => {}
        }
        self.text.line(name, value);
        Ok(())
    }

    /// Of use only where there is no `:authority`.
    fn host(&mut self, host: &[u8]) -> Result<(), Malformed> {
        checks::authority(host)?;
        let scheme = self.pseudo.scheme.unwrap_or_default();
        let differs = self.pseudo.authority.is_some_and(|one| !checks::is_same_authority(one, host, scheme));
        if differs || core::mem::replace(&mut self.has_host, true) {
            return Err(Malformed::TwoAuthorities);
        }
        if self.pseudo.authority.is_none() {
            self.text.line(b"Host", host);
        }
        Ok(())
    }

    /// The first that says something, with all others that do.
    fn cookies(&mut self, first: &[u8], behind: impl Iterator<Item = Field<'a>>) {
        if first.is_empty() || core::mem::replace(&mut self.has_cookies, true) {
            return;
        }
        self.text.put(b"cookie: ");
        self.text.put(first);
        for cookie in behind.filter(|field| field.name == b"cookie" && !field.value.is_empty()) {
            self.text.put(b"; ");
            self.text.put(cookie.value);
        }
        self.text.put(b"\r\n");
    }

    fn end(self, method: &[u8], end: bool) -> Result<RequestFacts, Malformed> {
        match self.facts.content_length {
            Some(1..) if end => return Err(Malformed::BodyMissing),
            None if !end && method != b"CONNECT" => self.text.line(b"transfer-encoding", b"chunked"),
            None if end && matches!(method, b"POST" | b"PUT" | b"PATCH") => self.text.line(b"content-length", b"0"),
            _ => {}
        }
        self.text.put(b"\r\n");
        Ok(self.facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&str, &str)]) -> FieldList {
        let mut list = FieldList::new();
        fields.iter().for_each(|(name, value)| list.push(name.as_bytes(), value.as_bytes()));
        list
    }

    /// The text behind what was there already.
    fn made(fields: &FieldList, end: bool) -> Result<(String, RequestFacts), Malformed> {
        let mut out = b"before".to_vec();
        let facts = request_head(fields, end, &mut out);
        let text = String::from_utf8_lossy(&out).into_owned();
        let text = text.strip_prefix("before").expect("what was there stays").to_owned();
        assert!(facts.is_ok() || text.is_empty(), "nothing is left of what is malformed: {text:?}");
        facts.map(|facts| (text, facts))
    }

    fn with(method: &str, more: &[(&str, &str)]) -> FieldList {
        let pseudo = [(":method", method), (":scheme", "https"), (":authority", "example.com"), (":path", "/a?b=c")];
        list(&[&pseudo[..], more].concat())
    }

    /// The lines behind `Host`, of a request without a body.
    fn lines(method: &str, more: &[(&str, &str)]) -> Result<String, Malformed> {
        let (text, _) = made(&with(method, more), true)?;
        let start = format!("{method} /a?b=c HTTP/1.1\r\nHost: example.com\r\n");
        Ok(text.strip_prefix(&start).and_then(|rest| rest.strip_suffix("\r\n")).expect("the frame").to_owned())
    }

    fn get(more: &[(&str, &str)]) -> Result<String, Malformed> {
        lines("GET", more)
    }

    #[test]
    fn a_request_becomes_the_head_that_an_http1_client_would_have_sent() {
        let fields = with("GET", &[("user-agent", "curl/8"), ("accept", "*/*"), ("x-empty", "")]);
        let expected =
            "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nuser-agent: curl/8\r\naccept: */*\r\nx-empty: \r\n\r\n";
        assert_eq!(made(&fields, true), Ok((expected.to_owned(), RequestFacts::default())));
    }

    #[test]
    fn pseudo_header_fields_may_come_in_any_order_but_first() {
        let pseudo = [(":path", "/"), (":authority", "a"), (":scheme", "http"), (":method", "GET")];
        assert_eq!(made(&list(&pseudo), true).unwrap().0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        for at in 0..4 {
            let mut late = pseudo.to_vec();
            late.insert(at, ("x", "y"));
            let refused = made(&list(&late), true).unwrap_err();
            assert!(matches!(refused, Malformed::LatePseudo | Malformed::MissingPseudo), "{late:?}");
        }
        assert_eq!(get(&[("x", "y"), (":path", "/")]), Err(Malformed::LatePseudo));
        assert_eq!(get(&[("x", "y"), (":unknown", "/")]), Err(Malformed::LatePseudo));
    }

    #[test]
    fn each_pseudo_header_field_comes_once_and_only_those_of_requests_do() {
        let pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")];
        for at in 0..4 {
            let twice = [&pseudo[..], &pseudo[at..=at]].concat();
            assert_eq!(made(&list(&twice), true), Err(Malformed::RepeatedPseudo), "{twice:?}");
            let other = [&pseudo[..], &[(pseudo[at].0, "other")]].concat();
            assert_eq!(made(&list(&other), true), Err(Malformed::RepeatedPseudo), "{other:?}");
        }
        for name in [":status", ":protocol", ":", ":Path", ":host", ":method "] {
            let more = [&pseudo[..], &[(name, "200")]].concat();
            assert_eq!(made(&list(&more), true), Err(Malformed::UnknownPseudo), "{name}");
        }
    }

    #[test]
    fn method_scheme_and_path_are_needed_and_the_authority_may_be_in_host() {
        let pseudo = [(":method", "GET"), (":scheme", "https"), (":path", "/")];
        for at in 0..3 {
            let mut less = pseudo.to_vec();
            less.remove(at);
            assert_eq!(made(&list(&less), true), Err(Malformed::MissingPseudo), "{less:?}");
        }
        assert_eq!(made(&list(&[]), true), Err(Malformed::MissingPseudo));
        // The text without a Host is refused where an HTTP/1.1 client's is.
        assert_eq!(made(&list(&pseudo), true).unwrap().0, "GET / HTTP/1.1\r\n\r\n");
        let host = [&pseudo[..], &[("a", "b"), ("host", "a.example:8443"), ("c", "d")]].concat();
        let expected = "GET / HTTP/1.1\r\na: b\r\nHost: a.example:8443\r\nc: d\r\n\r\n";
        assert_eq!(made(&list(&host), true).unwrap().0, expected);
    }

    #[test]
    fn a_host_beside_the_authority_names_the_same_or_the_request_is_malformed() {
        let both = |scheme, authority, host| {
            let fields =
                [(":method", "GET"), (":scheme", scheme), (":authority", authority), (":path", "/"), ("host", host)];
            made(&list(&fields), true).map(|(text, _)| text)
        };
        for (scheme, authority, host) in [
            ("https", "a.example", "a.example"),
            ("https", "a.example", "A.Example"),
            ("https", "a.example", "a.example:443"),
            ("https", "a.example:443", "a.example"),
            ("http", "a.example:80", "a.example"),
            ("https", "a.example:8443", "a.EXAMPLE:8443"),
            ("https", "[::1]:443", "[::1]"),
        ] {
            let expected = format!("GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n");
            assert_eq!(both(scheme, authority, host), Ok(expected), "{authority} and {host}");
        }
        for (scheme, authority, host) in [
            ("https", "a.example", "b.example"),
            ("https", "a.example", "a.example:80"),
            ("http", "a.example", "a.example:443"),
            ("https", "a.example:8443", "a.example"),
            ("https", "a.example", "a.example."),
            ("https", "a.example:443", "a.example:0443"),
        ] {
            assert_eq!(both(scheme, authority, host), Err(Malformed::TwoAuthorities), "{authority} and {host}");
        }
        assert_eq!(get(&[("host", "example.com"), ("host", "example.com")]), Err(Malformed::TwoAuthorities));
        let without = [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", "a"), ("host", "a")];
        assert_eq!(made(&list(&without), true), Err(Malformed::TwoAuthorities));
    }

    #[test]
    fn an_authority_is_nothing_that_could_be_read_as_more() {
        let authority = |text: &str| {
            let fields = [(":method", "GET"), (":scheme", "https"), (":authority", text), (":path", "/")];
            made(&list(&fields), true).map(drop)
        };
        for good in ["a", "a.example:8443", "[2001:db8::1]:443", "A.EXAMPLE", "a:", "a_b", "a,b", "a%20b"] {
            assert_eq!(authority(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            " ",
            "a b",
            " a",
            "a ",
            "a\tb",
            "a/b",
            "a/",
            "a?b",
            "a#b",
            "user@a",
            "u:p@a",
            "a\\b",
            "a\r\nX: y",
            "a\0",
            "a\x7f",
            "caf\u{e9}",
        ] {
            assert_eq!(authority(bad), Err(Malformed::Authority), "{bad:?}");
            let host = [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", bad)];
            let refused = made(&list(&host), true).unwrap_err();
            assert!(matches!(refused, Malformed::Authority | Malformed::Value | Malformed::Blanks), "{bad:?}");
        }
    }

    #[test]
    fn a_path_begins_with_a_slash_and_fits_between_two_spaces() {
        let path = |method: &str, path: &[u8]| {
            let mut fields = list(&[(":method", method), (":scheme", "https"), (":authority", "a")]);
            fields.push(b":path", path);
            made(&fields, true).map(|(text, _)| text)
        };
        for good in ["/", "//b.example/", "/a?b#c", "/%20", "/caf\u{e9}", "/\\", "/:method", "/HTTP/1.1"] {
            let expected = format!("GET {good} HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(path("GET", good.as_bytes()), Ok(expected), "{good}");
        }
        assert_eq!(path("OPTIONS", b"*").unwrap(), "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
        for bad in ["", "a", "*", "*a", "http://a/", "https://a/", " /", "?a", "a/b"] {
            assert_eq!(path("GET", bad.as_bytes()), Err(Malformed::Path), "{bad:?}");
        }
        assert_eq!(path("OPTIONS", b"*?"), Err(Malformed::Path));
        for byte in 0..=u8::MAX {
            let fits = byte > b' ' && byte != 0x7f;
            assert_eq!(path("GET", &[b'/', byte]).is_ok(), fits, "{byte:#x}");
            assert_eq!(path("GET", &[b'/', b'a', byte, b'b']).is_ok(), fits, "{byte:#x}");
        }
    }

    #[test]
    fn a_method_is_a_token_and_a_scheme_is_one_of_two() {
        let fields = |method: &str, scheme: &str| {
            list(&[(":method", method), (":scheme", scheme), (":authority", "a"), (":path", "/")])
        };
        for method in ["GET", "get", "PROPFIND", "X-Y!", "TRACE"] {
            assert!(made(&fields(method, "https"), true).is_ok(), "{method}");
        }
        for method in ["", " GET", "GET ", "GET /", "GET\r\n", "G\0", "G:", "G\u{e9}"] {
            assert_eq!(made(&fields(method, "https"), true), Err(Malformed::Method), "{method:?}");
        }
        for scheme in ["http", "https", "HTTPS"] {
            assert!(made(&fields("GET", scheme), true).is_ok(), "{scheme}");
        }
        for scheme in ["", "ftp", "https ", "https:", "httpss", "ws"] {
            assert_eq!(made(&fields("GET", scheme), true), Err(Malformed::Scheme), "{scheme:?}");
        }
    }

    #[test]
    fn connect_becomes_text_that_is_refused_where_an_http1_clients_is() {
        let connect = list(&[(":method", "CONNECT"), (":authority", "a:443")]);
        for end in [false, true] {
            assert_eq!(made(&connect, end).unwrap().0, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
        }
        for fields in [
            list(&[(":method", "CONNECT")]),
            list(&[(":method", "CONNECT"), (":scheme", "https"), (":authority", "a"), (":path", "/")]),
            list(&[(":method", "CONNECT"), (":authority", "a"), (":path", "/")]),
            list(&[(":method", "CONNECT"), (":authority", "a"), (":scheme", "https")]),
        ] {
            assert_eq!(made(&fields, true), Err(Malformed::Connect), "{fields:?}");
        }
        let extended = list(&[(":method", "CONNECT"), (":authority", "a"), (":protocol", "websocket")]);
        assert_eq!(made(&extended, true), Err(Malformed::UnknownPseudo));
    }

    #[test]
    fn a_name_is_a_token_in_lower_case() {
        for byte in 0..=u8::MAX {
            for name in [vec![byte], vec![b'x', byte], vec![b'x', byte, b'y']] {
                let mut fields = with("GET", &[]);
                fields.push(&name, b"v");
                let plain = byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                let odd = b"!#$%&'*+.^_`|~".contains(&byte);
                let got = made(&fields, true).map(|(_, facts)| facts.has_odd_name);
                match () {
                    () if plain || odd => assert_eq!(got, Ok(odd), "{name:?}"),
                    () if name.first() == Some(&b':') => {
                        let refused = got.unwrap_err();
                        assert!(matches!(refused, Malformed::UnknownPseudo | Malformed::LatePseudo));
                    }
                    () => assert_eq!(got, Err(Malformed::Name), "{name:?}"),
                }
            }
        }
        assert_eq!(get(&[("", "v")]), Err(Malformed::Name));
        assert_eq!(get(&[("Accept", "v")]), Err(Malformed::Name));
    }

    #[test]
    fn a_value_has_no_control_characters_and_no_blanks_at_its_ends() {
        for byte in 0..=u8::MAX {
            let value = |value: &[u8]| {
                let mut fields = with("GET", &[]);
                fields.push(b"x", value);
                made(&fields, true).map(drop)
            };
            let control = byte != b'\t' && byte.is_ascii_control();
            let inside = if control { Err(Malformed::Value) } else { Ok(()) };
            assert_eq!(value(&[b'a', byte, b'b']), inside, "{byte:#x}");
            let blank = matches!(byte, b' ' | b'\t');
            let outside = if blank { Err(Malformed::Blanks) } else { inside };
            for value in [value(&[byte]), value(&[byte, b'a']), value(&[b'a', byte])] {
                assert_eq!(value, outside, "{byte:#x}");
            }
        }
    }

    #[test]
    fn fields_of_the_connection_are_malformed() {
        for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
            for value in ["", "close", "trailers", "chunked"] {
                assert_eq!(get(&[(name, value)]), Err(Malformed::ConnectionField), "{name}");
            }
        }
        for value in ["", "gzip", "trailers, gzip", "trailers;q=1", "trailer"] {
            assert_eq!(get(&[("te", value)]), Err(Malformed::Te), "{value}");
        }
        for value in ["trailers", "Trailers"] {
            let (_, facts) = made(&with("GET", &[("te", value)]), true).unwrap();
            assert!(facts.te_trailers);
        }
        assert!(!made(&with("GET", &[]), true).unwrap().1.te_trailers);
    }

    #[test]
    fn cookies_become_one_again_in_their_order() {
        for (fields, expected) in [
            (&[("cookie", "a=b")][..], "cookie: a=b\r\n"),
            (
                &[("cookie", "a=b"), ("x", "y"), ("cookie", "c=d"), ("cookie", "e=f")],
                "cookie: a=b; c=d; e=f\r\nx: y\r\n",
            ),
            (&[("cookie", "a=b; c=d"), ("cookie", "e=f")], "cookie: a=b; c=d; e=f\r\n"),
            (&[("cookie", ""), ("x", "y"), ("cookie", "a=b"), ("cookie", "")], "x: y\r\ncookie: a=b\r\n"),
            (&[("cookie", "")], ""),
            (&[("cookie2", "a"), ("cookie", "b"), ("cookie2", "c")], "cookie2: a\r\ncookie: b\r\ncookie2: c\r\n"),
        ] {
            assert_eq!(get(fields).as_deref(), Ok(expected));
        }
        assert_eq!(get(&[("cookie", "a=b"), ("cookie", "c\r\nX: y")]), Err(Malformed::Value));
        assert_eq!(get(&[("cookie", "a=b"), ("Cookie", "c")]), Err(Malformed::Name));
    }

    #[test]
    fn expect_is_not_passed_on() {
        assert_eq!(get(&[("a", "b"), ("expect", "100-continue"), ("c", "d")]).unwrap(), "a: b\r\nc: d\r\n");
    }

    #[test]
    fn the_framing_of_the_text_is_that_of_the_stream() {
        let framed = |method: &str, more: &[(&str, &str)], end| {
            let (text, facts) = made(&with(method, more), end)?;
            let lines = text.split_once("example.com\r\n").expect("a host").1.strip_suffix("\r\n").expect("an end");
            Ok::<_, Malformed>((lines.to_owned(), facts.content_length))
        };
        let chunked = "transfer-encoding: chunked\r\n".to_owned();
        let length = |text: &str| format!("content-length: {text}\r\n");
        for method in ["GET", "POST", "DELETE", "QUERY"] {
            assert_eq!(framed(method, &[], false), Ok((chunked.clone(), None)), "{method}");
            for end in [false, true] {
                assert_eq!(framed(method, &[("content-length", "0")], end), Ok((length("0"), Some(0))));
            }
            assert_eq!(framed(method, &[("content-length", "5")], false), Ok((length("5"), Some(5))));
            assert_eq!(framed(method, &[("content-length", "5")], true), Err(Malformed::BodyMissing));
        }
        for method in ["GET", "HEAD", "DELETE", "OPTIONS", "QUERY"] {
            assert_eq!(framed(method, &[], true), Ok((String::new(), None)), "{method}");
        }
        for method in ["POST", "PUT", "PATCH"] {
            assert_eq!(framed(method, &[], true), Ok((length("0"), None)), "{method}");
        }
    }

    #[test]
    fn a_content_length_is_one_number() {
        let length = |values: &[&str]| {
            let fields: Vec<_> = values.iter().map(|value| ("content-length", *value)).collect();
            made(&with("POST", &fields), false).map(|(_, facts)| facts.content_length)
        };
        assert_eq!(length(&["18446744073709551615"]), Ok(Some(u64::MAX)));
        for bad in ["", "+5", "-1", "5, 5", "0x5", "5.0", "18446744073709551616", "five"] {
            assert_eq!(length(&[bad]), Err(Malformed::ContentLength), "{bad}");
        }
        for twice in [["5", "5"], ["5", "6"], ["0", "0"]] {
            assert_eq!(length(&twice), Err(Malformed::ContentLength), "{twice:?}");
        }
    }

    #[test]
    fn what_the_client_asks_is_told() {
        let facts = |method: &str, content_type: &str| {
            made(&with(method, &[("content-type", content_type)]), false).expect("a head").1
        };
        for (method, content_type, asked) in [
            ("POST", "application/grpc", Asked::Grpc),
            ("POST", "application/grpc+proto", Asked::Grpc),
            ("POST", "application/grpc;charset=utf-8", Asked::Grpc),
            ("POST", "Application/GRPC", Asked::Grpc),
            ("POST", "application/grpc-web", Asked::Http2 { post: true }),
            ("POST", "application/grpc-web+proto", Asked::Http2 { post: true }),
            ("POST", "application/grpcx", Asked::Http2 { post: true }),
            ("POST", "application/json", Asked::Http2 { post: true }),
            ("GET", "application/grpc", Asked::Http2 { post: false }),
            ("post", "application/grpc", Asked::Http2 { post: false }),
        ] {
            assert_eq!(facts(method, content_type).asked(), asked, "{method} {content_type}");
        }
        assert!(facts("HEAD", "").is_head && !facts("GET", "").is_head);
    }
}
