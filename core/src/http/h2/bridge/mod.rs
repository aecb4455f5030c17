//! Heads between HTTP/2 and HTTP/1.1. All that the load balancer decides, it decides about heads as HTTP/1.1 has them;
//! what speaks HTTP/2 on either side gets and gives lists of fields. This is where one becomes the other:
//!
//! ```text
//!   client ── FieldList ── request_head ──▶ text … text ── request_fields ──▶ FieldList ── target
//!          ◀─ FieldList ── response_fields ── text … text ◀── response_head ── FieldList ──
//! ```
//!
//! and trailers alike ([`trailer_lines`], [`trailer_fields`]). Only heads are text: bodies are carried as they are, and
//! their end is known from the stream. So a body whose length nobody says is `Transfer-Encoding: chunked` in the text,
//! which is how HTTP/1.1 says "until its end", and nothing in HTTP/2.
//!
//! Lists that come from outside are checked first (RFC 9113 section 8): whatever a list holds, the text made of it is
//! one head with the method, path, authority and fields of the list, or there is none and the list is [`Malformed`].
//! Nothing here is kept between two calls, and nothing is allocated beyond what the output needs.

mod checks;
mod malformed;
mod request_fields;
mod request_head;
mod response_fields;
mod response_head;
mod text;
mod trailers;

pub use malformed::Malformed;
pub use request_fields::request_fields;
pub use request_head::{RequestFacts, request_head};
pub use response_fields::response_fields;
pub use response_head::{ResponseFacts, response_head};
pub use trailers::{trailer_fields, trailer_lines};
