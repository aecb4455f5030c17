//! HTTP as the rest of the crate sees it: heads as fields over borrowed bytes, and how a body is framed.
//! How the bytes of HTTP/1 are read and written is in [`h1`], those of HTTP/2 in [`h2`].
//!
//! Nothing here owns what it parsed: a [`Request`] or [`Response`] borrows the bytes of its head. Order, case
//! and duplicates of fields are kept as they came, since a balancer must forward them so.

pub mod answer;
mod asked;
pub mod date;
pub mod grpc;
pub mod h1;
pub mod h2;
pub mod names;
pub mod refusal;
pub mod target;

pub use asked::{Asked, Mismatch};
pub use refusal::{BadResponse, Refusal};

use smallvec::SmallVec;

/// The two HTTP/1 versions that are served. Anything else is refused while parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `HTTP/1.0`
    Http10,
    /// `HTTP/1.1`
    Http11,
}

/// What a listener speaks (guide LSN-01).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Protocol {
    /// `http` or `https`, as in URLs and `X-Forwarded-Proto`.
    pub const fn scheme(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Https => "https",
        }
    }
}

/// One header field: the name as sent, and the value without surrounding blanks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// A token (RFC 9110 section 5.1), in the sender's case.
    pub name: &'a [u8],
    /// Never contains CR, LF or NUL (RFC 9110 section 5.5).
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether this field has that name; names compare without regard to ASCII case.
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Room for the fields of one head, which the caller lends to the parser: a parsed head is then a few words that are
/// cheap to pass on. Up to 32 fields live in it; more, up to the limit, on the heap.
#[derive(Clone, Debug, Default)]
pub struct FieldRoom<'a>(pub(crate) SmallVec<[Field<'a>; 32]>);

/// Header fields in the order they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a>(pub &'a [Field<'a>]);

impl<'a> Fields<'a> {
    /// The fields in order.
    pub fn iter(&self) -> core::slice::Iter<'a, Field<'a>> {
        self.0.iter()
    }

    /// The value of the first field of that name.
    pub fn first(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The values of every field of that name, in order.
    pub fn all<'s>(&'s self, name: &'s [u8]) -> impl Iterator<Item = &'a [u8]> + 's {
        self.0.iter().filter(move |field| field.is(name)).map(|field| field.value)
    }

    /// The items of a comma-separated list field (`Connection`, …) over all fields of that name, in order, empty ones
    /// included (RFC 9110 section 5.6.1).
    pub fn items<'s>(&'s self, name: &'s [u8]) -> impl Iterator<Item = &'a [u8]> + 's {
        self.all(name).flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
    }
}

/// The head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The bytes that all the rest borrows from.
    pub head: &'a [u8],
    /// A token; `GET`, `PURGE`, … (case matters, RFC 9110 section 9.1).
    pub method: &'a [u8],
    /// The request target as sent; see [`target::Target`].
    pub target: &'a [u8],
    /// What the client speaks.
    pub version: Version,
    /// Header fields in order.
    pub fields: Fields<'a>,
}

/// The head of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The bytes that all the rest borrows from.
    pub head: &'a [u8],
    /// What the target speaks.
    pub version: Version,
    /// 100 to 999.
    pub status: u16,
    /// The reason phrase as sent; may be empty.
    pub reason: &'a [u8],
    /// Header fields in order.
    pub fields: Fields<'a>,
}

/// How the end of a body is found (RFC 9112 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body, whatever the fields say.
    None,
    /// Exactly so many bytes.
    Length(u64),
    /// Chunks, then trailers.
    Chunked,
    /// Until the sender closes; responses only.
    UntilClose,
}
