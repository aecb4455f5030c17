//! A client's request: from the list of its fields to the text of an HTTP/1.1 head.

use super::Malformed;
use super::checks::{self, Spelling, line};
use crate::http::grpc::is_grpc;
use crate::http::h2::fields::FieldList;
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
/// joined by `; ` (RFC 9113 section 8.2.3); `expect` is left out (`wire.md` H10). The framing comes last: where the
/// client says no `content-length`, it is `transfer-encoding: chunked` if a body follows, and `content-length: 0` if none does
/// and the method would lead one to expect it (RFC 9110 section 8.6).
///
/// `CONNECT` becomes text too: it is refused where an HTTP/1.1 client's is. So is a request without an authority.
pub fn request_head(fields: &FieldList, end: bool, out: &mut Vec<u8>) -> Result<RequestFacts, Malformed> {
    let start = out.len();
    out.reserve(fields.size());
    let written = Pseudo::take(fields).and_then(|(pseudo, rest)| pseudo.write(rest, end, out));
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
        end: bool,
        out: &mut Vec<u8>,
    ) -> Result<RequestFacts, Malformed> {
        let (method, target) = self.method_and_target()?;
        if let Some(authority) = self.authority {
            checks::authority(authority)?;
        }
        for part in [method, b" ", target, b" HTTP/1.1\r\n"] {
            out.extend_from_slice(part);
        }
        if let Some(authority) = self.authority {
            line(b"Host", authority, out);
        }
        let facts = RequestFacts { is_post: method == b"POST", is_head: method == b"HEAD", ..RequestFacts::default() };
        let mut message = Message { pseudo: self, has_host: false, has_cookies: false, facts, out };
        let mut rest = rest;
        while let Some(field) = rest.next() {
            message.field(&field, &rest)?;
        }
        message.end(method, end)
    }

    fn method_and_target(&self) -> Result<(&'a [u8], &'a [u8]), Malformed> {
        let method = self.method.ok_or(Malformed::MissingPseudo)?;
        if !crate::http::names::is_token(method) {
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
struct Message<'m, 'a> {
    pseudo: &'m Pseudo<'a>,
    has_host: bool,
    has_cookies: bool,
    facts: RequestFacts,
    out: &'m mut Vec<u8>,
}

impl<'a> Message<'_, 'a> {
    /// A field, with those behind it.
    #[inline]
    fn field(
        &mut self,
        field: &Field<'a>,
        behind: &(impl Iterator<Item = Field<'a>> + Clone),
    ) -> Result<(), Malformed> {
        let Field { name, value } = *field;
        self.facts.has_odd_name |= checks::name(name)? == Spelling::Odd;
        checks::value(value)?;
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
        line(name, value, self.out);
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
            line(b"Host", host, self.out);
        }
        Ok(())
    }

    /// The first of them with all others.
    fn cookies(&mut self, first: &[u8], behind: impl Iterator<Item = Field<'a>>) {
        if core::mem::replace(&mut self.has_cookies, true) {
            return;
        }
        self.out.extend_from_slice(b"cookie: ");
        self.out.extend_from_slice(first);
        for cookie in behind.filter(|field| field.name == b"cookie") {
            self.out.extend_from_slice(b"; ");
            self.out.extend_from_slice(cookie.value);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn end(self, method: &[u8], end: bool) -> Result<RequestFacts, Malformed> {
        match self.facts.content_length {
            Some(1..) if end => return Err(Malformed::BodyMissing),
            None if !end && method != b"CONNECT" => line(b"transfer-encoding", b"chunked", self.out),
            None if end && matches!(method, b"POST" | b"PUT" | b"PATCH") => line(b"content-length", b"0", self.out),
            _ => {}
        }
        self.out.extend_from_slice(b"\r\n");
        Ok(self.facts)
    }
}
