//! Answers that the balancer makes itself, byte for byte as `wire.md` 2.1 has them.

/// Stub.
pub struct Answer<'a>(pub &'a str);
/// Stub.
pub struct Context<'a> { /// x
 pub server: &'a str, /// x
 pub date: &'a [u8;29], /// x
 pub keep_alive: bool, /// x
 pub head_only: bool, /// x
 pub version: super::Version }
impl<'a> Answer<'a> {
 /// x
 pub fn error(_: u16) -> Self { Answer("") }
 /// x
 pub fn redirect(_: u16, _: &'a [u8]) -> Self { Answer("") }
 /// x
 pub fn fixed(_: &'a crate::rules::FixedResponse) -> Self { Answer("") }
 /// x
 pub fn status(&self) -> u16 { 0 }
 /// x
 pub fn write(&self, _: &mut Vec<u8>, _: &Context<'_>) {}
}
