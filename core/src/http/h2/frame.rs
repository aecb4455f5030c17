//! Frames (RFC 9113 sections 4 and 6) as they lie on the wire: the nine bytes at the front of each, what pads them, and the
//! short ones written whole. What a frame means is decided elsewhere.

use super::error::{Breach, ErrorCode};
use super::stream::StreamId;

/// Bytes of a frame before its payload (RFC 9113 section 4.1).
pub const HEAD_LEN: usize = 9;

/// The longest payload that is taken, in bytes: the least that one may announce (RFC 9113 section 4.2). Larger frames let one
/// stream keep the others waiting, so we neither ask for them nor send them.
pub const PAYLOAD_MAX: usize = 16_384;

/// What a client sends first (RFC 9113 section 3.4).
pub const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The last frame of a stream in this direction (DATA, HEADERS).
pub const END_STREAM: u8 = 0x1;
/// The answer to a SETTINGS or PING frame.
pub const ACK: u8 = 0x1;
/// The last frame of a header block (HEADERS, CONTINUATION).
pub const END_HEADERS: u8 = 0x4;
/// The payload begins with the length of the padding at its end (DATA, HEADERS).
pub const PADDED: u8 = 0x8;
/// HEADERS carries a priority.
pub const PRIORITY: u8 = 0x20;

/// The types of frames (RFC 9113 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameType {
    /// Part of a body.
    Data,
    /// The front of a header block.
    Headers,
    /// Advice that nobody follows any more.
    Priority,
    /// The end of a stream by force.
    ResetStream,
    /// What a side takes.
    Settings,
    /// Refused here.
    PushPromise,
    /// A question that is answered by itself.
    Ping,
    /// No more streams.
    GoAway,
    /// More may be sent.
    WindowUpdate,
    /// More of a header block.
    Continuation,
    /// Skipped (RFC 9113 section 5.5).
    Unknown(u8),
}

impl FrameType {
    /// The type that stands for this number.
    pub const fn new(number: u8) -> Self {
        match number {
            0 => FrameType::Data,
            1 => FrameType::Headers,
            2 => FrameType::Priority,
            3 => FrameType::ResetStream,
            4 => FrameType::Settings,
            5 => FrameType::PushPromise,
            6 => FrameType::Ping,
            7 => FrameType::GoAway,
            8 => FrameType::WindowUpdate,
            9 => FrameType::Continuation,
            other => FrameType::Unknown(other),
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            FrameType::Data => 0,
            FrameType::Headers => 1,
            FrameType::Priority => 2,
            FrameType::ResetStream => 3,
            FrameType::Settings => 4,
            FrameType::PushPromise => 5,
            FrameType::Ping => 6,
            FrameType::GoAway => 7,
            FrameType::WindowUpdate => 8,
            FrameType::Continuation => 9,
            FrameType::Unknown(number) => number,
        }
    }
}

/// The front of a frame (RFC 9113 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Bytes of payload that follow; 24 bits.
    pub len: usize,
    /// Which frame it is.
    pub kind: FrameType,
    /// What the bits mean depends on the type.
    pub flags: u8,
    /// 0 if the frame is about the connection.
    pub stream: StreamId,
}

impl FrameHead {
    /// The front of the input as a frame's; `None` if it is not all there. The reserved bit is ignored.
    #[inline]
    pub fn read(input: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = *input.first_chunk::<HEAD_LEN>()?;
        Some(FrameHead {
            len: u32::from_be_bytes([0, a, b, c]) as usize,
            kind: FrameType::new(kind),
            flags,
            stream: StreamId::new(u32::from_be_bytes(stream)),
        })
    }

    /// The bytes on the wire.
    #[inline]
    pub fn write(self) -> [u8; HEAD_LEN] {
        debug_assert!(self.len < 1 << 24, "a length has 24 bits");
        let [_, a, b, c] = (self.len as u32).to_be_bytes();
        let [d, e, f, g] = self.stream.value().to_be_bytes();
        [a, b, c, self.kind.number(), self.flags, d, e, f, g]
    }

    /// Whether that bit is set.
    pub const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// What is left of a HEADERS payload when padding and priority are taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The front of the header block, or all of it.
    pub block: &'a [u8],
    /// The stream that this one is said to depend on.
    pub depends_on: Option<StreamId>,
}

/// Takes padding and priority off the payload of a HEADERS frame (RFC 9113 section 6.2).
pub fn headers_payload(head: FrameHead, mut payload: &[u8]) -> Result<Fragment<'_>, Breach> {
    let mut padding = 0;
    if head.has(PADDED) {
        let (&length, rest) = payload.split_first().ok_or(Breach::BadFrameSize)?;
        (padding, payload) = (usize::from(length), rest);
    }
    let mut depends_on = None;
    if head.has(PRIORITY) {
        let (priority, rest) = payload.split_at_checked(PRIORITY_LEN).ok_or(Breach::BadFrameSize)?;
        depends_on = dependency(priority);
        payload = rest;
    }
    let end = payload.len().checked_sub(padding).ok_or(Breach::BadPadding)?;
    Ok(Fragment { block: payload.get(..end).unwrap_or_default(), depends_on })
}

/// Bytes of a priority (RFC 9113 section 6.3).
pub const PRIORITY_LEN: usize = 5;

/// The stream that a priority names; `None` only if the bytes are not all there.
pub fn dependency(priority: &[u8]) -> Option<StreamId> {
    word(priority).map(StreamId::new)
}

/// The first four bytes as a number.
#[inline]
pub fn word(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Appends a frame of one number: RST_STREAM or WINDOW_UPDATE.
fn write_word(kind: FrameType, stream: StreamId, number: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&FrameHead { len: 4, kind, flags: 0, stream }.write());
    out.extend_from_slice(&number.to_be_bytes());
}

/// Appends RST_STREAM.
pub fn write_reset(stream: StreamId, code: ErrorCode, out: &mut Vec<u8>) {
    write_word(FrameType::ResetStream, stream, code.number(), out);
}

/// Appends WINDOW_UPDATE.
pub fn write_window_update(stream: StreamId, increment: u32, out: &mut Vec<u8>) {
    write_word(FrameType::WindowUpdate, stream, increment, out);
}

/// Appends SETTINGS with these values, or its acknowledgement.
pub fn write_settings(flags: u8, settings: &[(u16, u32)], out: &mut Vec<u8>) {
    let len = settings.len() * super::settings::SETTING_LEN;
    out.extend_from_slice(&FrameHead { len, kind: FrameType::Settings, flags, stream: StreamId::CONNECTION }.write());
    for (name, value) in settings {
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends PING, or its acknowledgement.
pub fn write_ping(flags: u8, opaque: [u8; 8], out: &mut Vec<u8>) {
    out.extend_from_slice(&FrameHead { len: 8, kind: FrameType::Ping, flags, stream: StreamId::CONNECTION }.write());
    out.extend_from_slice(&opaque);
}

/// Appends GOAWAY with a text for whoever debugs the peer.
pub fn write_goaway(last: StreamId, code: ErrorCode, text: &str, out: &mut Vec<u8>) {
    let len = 8 + text.len();
    out.extend_from_slice(&FrameHead { len, kind: FrameType::GoAway, flags: 0, stream: StreamId::CONNECTION }.write());
    out.extend_from_slice(&last.value().to_be_bytes());
    out.extend_from_slice(&code.number().to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}
