//! The bytes of HTTP/1: where a head ends ([`scan`]), what it says ([`head`]), and bodies ([`body`]: decoding in
//! [`chunked`], encoding in [`encode`]). How lines go from one head to another is in `lines`.

pub mod body;
pub mod chunked;
pub mod encode;
pub mod head;
pub(crate) mod lines;
pub mod scan;
