//! The bytes of HTTP/1: heads ([`head`]) and bodies ([`body`]).

pub mod body;
pub mod head;
