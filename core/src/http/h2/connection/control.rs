//! The control frames that wait to be sent: one buffer that is reused, with what was sent of it.

/// Bytes of room that are kept for the next frames: a quiet connection holds no more.
const KEPT: usize = 1024;

/// Bytes that wait.
#[derive(Debug, Default)]
pub(super) struct Control {
    bytes: Vec<u8>,
    sent: usize,
}

impl Control {
    /// What waits.
    pub(super) fn pending(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// To append frames to.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The first `n` bytes that waited are gone.
    pub(super) fn sent(&mut self, n: usize) {
        debug_assert!(n <= self.pending().len(), "more was sent than there was");
        self.sent += n;
        if self.sent >= self.bytes.len() {
            self.clear();
        }
    }

    /// All that waits goes there.
    pub(super) fn drain_into(&mut self, out: &mut Vec<u8>) {
        if !self.bytes.is_empty() {
            out.extend_from_slice(self.pending());
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.sent = 0;
    }
}
