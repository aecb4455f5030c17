//! The door to targets.

use crate::http::target::Target;
use crate::http::{Framing, Refusal, Request};

/// What the door needs to know of the load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clearing {
    /// `routing.http.preserve_host_header.enabled`: several Host fields are then let through (guide HOST-05).
    pub preserve_host: bool,
}

/// A head that may be forwarded.
#[derive(Clone, Debug)]
pub struct Cleared<H> {
    head: H,
}

/// Lets a request through that has one reading, and refuses every other.
pub fn clear<'a>(_request: Request<'a>, _clearing: &Clearing) -> Result<Cleared<Request<'a>>, Refusal> {
    Err(Refusal::Malformed)
}

impl<'a> Cleared<Request<'a>> {
    /// The head as it was parsed.
    pub fn request(&self) -> &Request<'a> {
        &self.head
    }
    /// Its target, taken apart.
    pub fn target(&self) -> &Target<'a> {
        unimplemented!()
    }
    /// How its body is framed.
    pub fn framing(&self) -> Framing {
        unimplemented!()
    }
    /// The host name without port, for rules.
    pub fn host(&self) -> &'a [u8] {
        unimplemented!()
    }
    /// Whether the client's connection persists (RFC 9112 section 9.3).
    pub fn keep_alive(&self) -> bool {
        unimplemented!()
    }
    /// Whether the client waits for `100 Continue`.
    pub fn expects_continue(&self) -> bool {
        unimplemented!()
    }
    /// Whether the client asks for a WebSocket.
    pub fn upgrade(&self) -> bool {
        unimplemented!()
    }
    /// Whether the method is `HEAD`.
    pub fn is_head(&self) -> bool {
        unimplemented!()
    }
}
