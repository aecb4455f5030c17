//! The bytes of HTTP/1: where a head ends ([`scan`]), what it says ([`head`]), and bodies ([`body`]: decoding in
//! [`chunked`], encoding in [`encode`]). What does not follow the grammar is split by [`loose`].

pub mod body;
pub mod chunked;
pub mod encode;
pub mod head;
pub mod loose;
pub mod scan;
