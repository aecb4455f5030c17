//! The head that goes back to a client.

use crate::http::{Framing, Response, Version};

/// How a body that came framed as `framing` is framed towards a client of that version.
pub fn framing_towards(_client: Version, framing: Framing) -> Framing {
    framing
}

/// Appends the head for a client to `out`.
pub fn write_response(_response: &Response<'_>, _framing: Framing, _keep_alive: bool, _out: &mut Vec<u8>) {}
