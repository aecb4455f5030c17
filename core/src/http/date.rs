//! Dates as HTTP and logs write them.

/// x
#[derive(Default)]
pub struct DateCache([u8;29]);
impl DateCache { /// x
 pub fn imf(&mut self, _: crate::time::Wall) -> &[u8;29] { &self.0 } }
