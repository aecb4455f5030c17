//! What a client speaks, as the choice of targets sees it (guide PV-02 to PV-05), and why targets cannot be asked so.

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// In HTTP/1.0 or 1.1.
    Http1,
    /// In HTTP/2.
    Http2 {
        /// The method is `POST`, the only one that gRPC knows.
        post: bool,
    },
    /// In gRPC: `POST` in HTTP/2 with a content type of its own.
    Grpc,
}

/// Targets do not speak what the client does: 464 (guide PV-05, ERR-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// HTTP/1.1 to targets that speak HTTP/2 or gRPC.
    #[error("the request came in HTTP/1.1, the targets speak HTTP/2")]
    NeedsHttp2,
    /// HTTP/2 without `POST` to targets that speak gRPC.
    #[error("the request is no POST, the targets speak gRPC")]
    NeedsPost,
    /// gRPC to targets that speak HTTP/1.1.
    #[error("the request is gRPC, the targets speak HTTP/1.1")]
    GrpcNotServed,
}
