//! Why a head is not served: [`Refusal`] is the client's fault and knows the status it deserves,
//! [`BadResponse`] is the target's and is always a 502. How the answer looks is not decided here. Requests that others
//! may read differently are another matter, that of [`crate::desync`].

/// What is wrong with a request. [`Refusal::status`] is what the client gets; its connection then closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request line is over its limit and the target is the reason (guide ERR-09).
    #[error("the request target makes the request line longer than 16384 bytes")]
    UriTooLong,
    /// The request line is over its limit and the method or version is the reason (guide ERR-02).
    #[error("the request line is longer than 16384 bytes, and not because of its target")]
    RequestLineTooLong,
    /// A TLS record where a request was expected.
    #[error("the client speaks TLS on a port that does not")]
    SpeaksTls,
    /// One field line is over its limit (guide ERR-02, QUO-08).
    #[error("a header field line is longer than 16384 bytes")]
    FieldTooLarge,
    /// All of the head is over its limit (guide ERR-02, QUO-08).
    #[error("the request head is longer than 65536 bytes")]
    HeadTooLarge,
    /// More fields than [`FIELDS_MAX`](super::h1::head::FIELDS_MAX).
    #[error("the request head has more than 1000 fields")]
    TooManyFields,
    /// A major version of 2 or more on a connection that speaks HTTP/1 (guide ERR-21).
    #[error("the request asks for HTTP/2 or later on an HTTP/1 connection")]
    UnsupportedVersion,
    /// HTTP/1.1 without `Host` (RFC 9112 section 3.2).
    #[error("an HTTP/1.1 request has no Host field")]
    NoHost,
    /// More than one `Host` while the Host field is not preserved (RFC 9112 section 3.2).
    #[error("the request has more than one Host field")]
    SeveralHosts,
    /// A `Host` that is not `host [":" port]`.
    #[error("the Host field is not a host name or address with an optional port")]
    BadHost,
    /// A well-formed coding other than `chunked` and `identity` (guide HDR-12, ERR-14).
    #[error("the request uses a transfer coding other than chunked")]
    UnsupportedTransferEncoding,
    /// `TRACE` (guide HDR-11, ERR-06).
    #[error("TRACE is not allowed")]
    TraceRefused,
    /// `CONNECT`: there is no authority to connect to behind a load balancer.
    #[error("CONNECT is not served")]
    ConnectRefused,
    /// A request target in none of the served forms.
    #[error("the request target is not in origin, absolute or asterisk form")]
    BadTarget,
    /// More than 30 addresses in `X-Forwarded-For` (guide HDR-07, ERR-11).
    #[error("X-Forwarded-For holds more than 30 addresses")]
    TooManyForwardedAddresses,
    /// More connection options than a sane sender lists.
    #[error("the Connection field lists more than 32 options")]
    TooManyConnectionOptions,
}

impl Refusal {
    /// The status of the answer: 400, 405, 414, 463, 501 or 505.
    pub const fn status(self) -> u16 {
        match self {
            Refusal::UriTooLong => 414,
            Refusal::UnsupportedVersion => 505,
            Refusal::UnsupportedTransferEncoding => 501,
            Refusal::TraceRefused => 405,
            Refusal::TooManyForwardedAddresses => 463,
            _ => 400,
        }
    }
}

/// What is wrong with a target's response head; the client gets a 502 (guide ERR-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadResponse {
    /// Not the grammar of RFC 9112 sections 4 and 5.
    #[error("the response head does not follow the grammar of HTTP/1")]
    Malformed,
    /// A line that ends in LF alone.
    #[error("a line of the response head ends in LF without CR")]
    BareLineFeed,
    /// An empty line where the status line should be.
    #[error("an empty line before the status line")]
    LeadingBlankLines,
    /// All of the head is over its limit (guide ERR-17, QUO-08).
    #[error("the response head is longer than 32768 bytes")]
    HeadTooLarge,
    /// More fields than [`FIELDS_MAX`](super::h1::head::FIELDS_MAX).
    #[error("the response head has more than 1000 fields")]
    TooManyFields,
    /// Neither `HTTP/1.0` nor `HTTP/1.1`.
    #[error("the response speaks neither HTTP/1.0 nor HTTP/1.1")]
    BadVersion,
    /// A status below 100.
    #[error("the status code of the response is below 100")]
    BadStatus,
    /// Not digits, or too many of them.
    #[error("the Content-Length of the response is not a decimal number below 2^64")]
    BadContentLength,
    /// Lengths that differ, or a length beside a transfer coding.
    #[error("the response gives the length of its body in two ways")]
    ConflictingLength,
    /// Anything but `chunked`, once.
    #[error("the Transfer-Encoding of the response is not just chunked")]
    BadTransferEncoding,
}
