//! What makes a list of fields malformed (RFC 9113 section 8.1.1). Its stream is reset with PROTOCOL_ERROR.

/// The rule that a head or trailers broke. A request or response that did is never forwarded in any part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A name that is empty, is no token, or has capitals (section 8.2.1).
    #[error("the name of a field is no token in lower case")]
    Name,
    /// A control character in a value (RFC 9110 section 5.5).
    #[error("the value of a field contains a control character")]
    Value,
    /// A blank at an end of a value (section 8.2.1).
    #[error("the value of a field begins or ends with a blank")]
    Blanks,
    /// `connection`, `keep-alive`, `proxy-connection`, `transfer-encoding` or `upgrade` (section 8.2.2).
    #[error("a field of the connection's is among those of a message")]
    ConnectionField,
    /// A `te` other than `trailers` (section 8.2.2).
    #[error("TE says something other than trailers")]
    Te,
    /// A pseudo-header field that is not one of this kind of head (section 8.3).
    #[error("a pseudo-header field is unknown or stands where it may not")]
    UnknownPseudo,
    /// A pseudo-header field after another field (section 8.3).
    #[error("a pseudo-header field stands behind another field")]
    LatePseudo,
    /// A pseudo-header field that came twice (section 8.3).
    #[error("a pseudo-header field came twice")]
    RepeatedPseudo,
    /// A request without `:method`, `:scheme` or `:path`, a response without `:status` (section 8.3).
    #[error("a pseudo-header field is missing")]
    MissingPseudo,
    /// A `:method` that is no token.
    #[error("the method is no token")]
    Method,
    /// A `:scheme` other than `http` and `https`.
    #[error("the scheme is neither http nor https")]
    Scheme,
    /// A `:path` that is empty, does not begin with a slash (`*` of OPTIONS aside), or has bytes that end a target.
    #[error("the path is empty, does not begin with a slash, or contains spaces or control characters")]
    Path,
    /// An `:authority` or `host` that is empty, or has bytes that end an authority, or user information.
    #[error("the authority is empty, or contains what is no part of one")]
    Authority,
    /// `host` and `:authority` name two hosts, or `host` came twice (section 8.3.1).
    #[error("there is more than one authority")]
    TwoAuthorities,
    /// CONNECT with `:scheme` or `:path`, or without `:authority` (section 8.5).
    #[error("CONNECT has a scheme or a path, or no authority")]
    Connect,
    /// A `content-length` that is no number below 2^64, or came twice.
    #[error("the content length is not one decimal number below 2^64")]
    ContentLength,
    /// A `content-length` other than 0, and no body (section 8.1.1).
    #[error("a body was announced, and there is none")]
    BodyMissing,
    /// A `:status` that is not three digits from 100, or is 101 (section 8.6).
    #[error("the status is not one of HTTP/2")]
    Status,
    /// An interim answer (1xx) that ends its stream (section 8.1).
    #[error("an interim answer ends the stream")]
    InterimEnd,
}
