//! Flow control (RFC 9113 sections 5.2 and 6.9): how much we may send, and how much the peer may. The same two windows serve
//! a stream and the connection.

/// The largest window that there may be (RFC 9113 section 6.9.1).
pub const WINDOW_MAX: u32 = (1 << 31) - 1;

/// Every window before anybody said anything (RFC 9113 section 6.9.2).
pub const WINDOW_DEFAULT: u32 = 65_535;

/// A window grew beyond [`WINDOW_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// The peer sent more than its window allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded;

/// What we may send. Negative after the peer made its initial window smaller than what we had sent
/// (RFC 9113 section 6.9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendWindow(i64);

impl SendWindow {
    /// A window of so many bytes.
    pub const fn new(bytes: u32) -> Self {
        SendWindow(bytes as i64)
    }

    /// Bytes that may be sent now.
    #[inline]
    pub fn left(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// So many bytes were sent.
    #[inline]
    pub fn debit(&mut self, bytes: usize) {
        self.0 -= bytes as i64;
    }

    /// The peer takes so many bytes more; a change of its initial window may also be negative.
    pub fn shift(&mut self, bytes: i64) -> Result<(), Overflow> {
        self.0 += bytes;
        if self.0 > i64::from(WINDOW_MAX) { Err(Overflow) } else { Ok(()) }
    }
}

/// What the peer may send. The window is opened again by as much as was used up, but not in driblets.
///
/// ```text
///     ┌──────────────── size ────────────────┐
///     │ held         │ to be given │ left    │
///     └──────────────┴─────────────┴─────────┘
///       with whoever   used up       the peer
///       uses it        already       may send
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveWindow {
    /// What the peer may still send, as it knows it.
    left: i64,
    /// What the window is to be while nothing is held.
    size: i64,
    /// Received and not yet used up.
    held: i64,
}

impl ReceiveWindow {
    /// A window that the peer takes for `left`, and that is to be `size` bytes.
    pub const fn new(left: u32, size: u32) -> Self {
        ReceiveWindow { left: left as i64, size: size as i64, held: 0 }
    }

    /// A frame of so many bytes came, of which so many are payload that somebody must use up before the window is opened
    /// again.
    #[inline]
    pub fn receive(&mut self, frame: usize, payload: usize) -> Result<(), Exceeded> {
        self.left -= frame as i64;
        self.held += payload as i64;
        // A frame without payload may come whatever the window is (RFC 9113 section 6.9.1).
        if self.left < 0 && frame > 0 { Err(Exceeded) } else { Ok(()) }
    }

    /// So many bytes of payload were used up.
    #[inline]
    pub fn consumed(&mut self, bytes: usize) {
        self.held -= bytes as i64;
        debug_assert!(self.held >= 0, "more was used up than had come");
        self.held = self.held.max(0);
    }

    /// The window is to be this large from now on, if it is not larger.
    pub fn widen(&mut self, size: u32) {
        self.size = self.size.max(i64::from(size.min(WINDOW_MAX)));
    }

    /// The peer learnt that every window is larger or smaller than it thought.
    pub fn shift(&mut self, bytes: i64) {
        self.left += bytes;
    }

    /// What the peer may still send; negative if it thought that it might send more.
    pub const fn left(self) -> i64 {
        self.left
    }

    /// What to open the window by, if at least half of it would be opened: so a WINDOW_UPDATE frame costs little for
    /// what it brings, and a fast sender never waits for one.
    #[inline]
    pub fn credit(&mut self) -> Option<u32> {
        let missing = self.size - self.left - self.held;
        if missing <= 0 || missing < self.size / 2 {
            return None;
        }
        let credit = u32::try_from(missing).unwrap_or(WINDOW_MAX).min(WINDOW_MAX);
        self.left += i64::from(credit);
        Some(credit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_window_may_fall_below_nothing_and_come_back() {
        let mut window = SendWindow::new(WINDOW_DEFAULT);
        window.debit(65_535);
        assert_eq!(window.left(), 0);
        assert_eq!(window.shift(100 - 65_535), Ok(()));
        assert_eq!(window.left(), 0);
        assert_eq!(window.shift(65_435), Ok(()));
        assert_eq!(window.left(), 0);
        assert_eq!(window.shift(1), Ok(()));
        assert_eq!(window.left(), 1);
    }

    #[test]
    fn no_send_window_grows_beyond_its_limit() {
        let mut window = SendWindow::new(WINDOW_DEFAULT);
        assert_eq!(window.shift(i64::from(WINDOW_MAX - WINDOW_DEFAULT)), Ok(()));
        assert_eq!(window.left(), WINDOW_MAX as usize);
        assert_eq!(window.shift(1), Err(Overflow));
    }

    #[test]
    fn a_receive_window_opens_by_halves_as_bytes_are_used_up() {
        let mut window = ReceiveWindow::new(1000, 1000);
        assert_eq!(window.receive(600, 600), Ok(()));
        assert_eq!(window.credit(), None);
        window.consumed(499);
        assert_eq!(window.credit(), None);
        window.consumed(1);
        assert_eq!(window.credit(), Some(500));
        assert_eq!(window.left(), 900);
        assert_eq!(window.receive(900, 0), Ok(()));
        assert_eq!(window.credit(), Some(900));
        assert_eq!(window.receive(901, 0), Err(Exceeded));
    }

    #[test]
    fn a_wider_window_is_opened_at_once_and_never_narrowed() {
        let mut window = ReceiveWindow::new(1000, 1000);
        window.widen(4000);
        assert_eq!(window.credit(), Some(3000));
        window.widen(10);
        assert_eq!(window.credit(), None);
        assert_eq!(window.left(), 4000);
    }

    #[test]
    fn a_window_that_the_peer_knew_as_larger_opens_when_it_learns_better() {
        let mut window = ReceiveWindow::new(WINDOW_DEFAULT, 16_384);
        assert_eq!(window.receive(60_000, 60_000), Ok(()));
        window.consumed(60_000);
        assert_eq!(window.credit(), Some(10_849));
        window.shift(16_384 - 65_535);
        assert_eq!(window.left(), -32_767);
        assert_eq!(window.clone().receive(0, 0), Ok(()));
        assert_eq!(window.clone().receive(1, 1), Err(Exceeded));
        assert_eq!(window.credit(), Some(49_151));
        assert_eq!(window.left(), 16_384);
    }
}
