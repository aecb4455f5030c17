//! What goes wrong: the codes that both sides tell each other (RFC 9113 section 7), and for every rule that a peer can break its
//! code and a sentence: a [`Breach`] ends the connection, a [`Fault`] one stream.

use super::budget::Budget;

/// Why a stream or a connection ends (RFC 9113 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Nothing is wrong.
    NoError,
    /// A rule without a code of its own was broken.
    ProtocolError,
    /// The sender's own fault.
    InternalError,
    /// More data than the window allowed.
    FlowControlError,
    /// Settings were not acknowledged in time.
    SettingsTimeout,
    /// A frame on a stream whose sender had ended it.
    StreamClosed,
    /// A frame too long or too short for what it is.
    FrameSizeError,
    /// Nothing was done for this stream: it may be tried again.
    RefusedStream,
    /// The sender lost interest in the stream.
    Cancel,
    /// The header compression of this connection is out of step.
    CompressionError,
    /// What a CONNECT request leads to is gone.
    ConnectError,
    /// The peer costs more than it is worth.
    EnhanceYourCalm,
    /// The TLS of this connection is too weak.
    InadequateSecurity,
    /// HTTP/1.1 is wanted instead.
    Http11Required,
    /// Something this list does not know; means the same as an internal error (RFC 9113 section 7).
    Other(u32),
}

impl ErrorCode {
    /// The code that stands for this number.
    pub const fn new(number: u32) -> Self {
        match number {
            0 => ErrorCode::NoError,
            1 => ErrorCode::ProtocolError,
            2 => ErrorCode::InternalError,
            3 => ErrorCode::FlowControlError,
            4 => ErrorCode::SettingsTimeout,
            5 => ErrorCode::StreamClosed,
            6 => ErrorCode::FrameSizeError,
            7 => ErrorCode::RefusedStream,
            8 => ErrorCode::Cancel,
            9 => ErrorCode::CompressionError,
            10 => ErrorCode::ConnectError,
            11 => ErrorCode::EnhanceYourCalm,
            12 => ErrorCode::InadequateSecurity,
            13 => ErrorCode::Http11Required,
            other => ErrorCode::Other(other),
        }
    }

    /// The number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            ErrorCode::NoError => 0,
            ErrorCode::ProtocolError => 1,
            ErrorCode::InternalError => 2,
            ErrorCode::FlowControlError => 3,
            ErrorCode::SettingsTimeout => 4,
            ErrorCode::StreamClosed => 5,
            ErrorCode::FrameSizeError => 6,
            ErrorCode::RefusedStream => 7,
            ErrorCode::Cancel => 8,
            ErrorCode::CompressionError => 9,
            ErrorCode::ConnectError => 10,
            ErrorCode::EnhanceYourCalm => 11,
            ErrorCode::InadequateSecurity => 12,
            ErrorCode::Http11Required => 13,
            ErrorCode::Other(number) => number,
        }
    }

    /// Whether a stream that we reset with this code was the peer's fault, rather than our wish or our lack of room.
    pub(crate) const fn blames_peer(self) -> bool {
        matches!(
            self,
            ErrorCode::ProtocolError
                | ErrorCode::FlowControlError
                | ErrorCode::StreamClosed
                | ErrorCode::FrameSizeError
                | ErrorCode::CompressionError
                | ErrorCode::EnhanceYourCalm
        )
    }
}

/// The connection is over, by the peer's fault: a GOAWAY with this code is in [`Connection::control`](super::Connection::control),
/// and after it nothing more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct ConnectionError {
    /// What the peer is told.
    pub code: ErrorCode,
    /// Which rule it broke.
    pub why: Breach,
}

impl From<Breach> for ConnectionError {
    fn from(why: Breach) -> Self {
        ConnectionError { code: why.code(), why }
    }
}

/// The rule that the peer broke. The sentence goes into the GOAWAY frame too, for whoever looks at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// RFC 9113 section 3.4.
    #[error("the connection does not begin with the client's preface")]
    BadPreface,
    /// RFC 9113 section 3.4.
    #[error("the first frame is not SETTINGS")]
    NoSettings,
    /// RFC 9113 section 4.2.
    #[error("a frame is longer than 16384 bytes")]
    FrameTooLong,
    /// RFC 9113 section 4.2.
    #[error("a frame is too short or too long for its type")]
    BadFrameSize,
    /// RFC 9113 section 6.1.
    #[error("the padding is as long as the frame or longer")]
    BadPadding,
    /// RFC 9113 sections 6.1, 6.2, 6.3, 6.4.
    #[error("a frame that belongs to a stream came without one")]
    NeedsStream,
    /// RFC 9113 sections 6.5, 6.7, 6.8.
    #[error("a frame that belongs to the connection came on a stream")]
    NeedsNoStream,
    /// RFC 9113 section 6.2: nothing may come between HEADERS and its CONTINUATION frames.
    #[error("a header block is not continued by the next frame")]
    BlockInterrupted,
    /// RFC 9113 section 6.10.
    #[error("CONTINUATION without a header block to continue")]
    NothingToContinue,
    /// RFC 9113 section 5.1.1: even on a server, above what we opened on a client.
    #[error("a stream was opened with an identifier that is not the peer's to use")]
    NotYourStream,
    /// RFC 9113 section 5.1.1.
    #[error("a stream was opened with a lower identifier than one before")]
    StreamsFall,
    /// RFC 9113 section 5.1.
    #[error("a frame came on a stream that is idle")]
    IdleStream,
    /// RFC 9113 section 5.1.
    #[error("a frame came on a stream after its end")]
    ClosedStream,
    /// RFC 7540 section 5.3.1.
    #[error("a stream depends on itself")]
    DependsOnItself,
    /// RFC 9113 section 8.4: nobody may push here, we said so as a client and clients never may.
    #[error("a push was promised")]
    Push,
    /// RFC 9113 section 6.5.2.
    #[error("a setting has a value that it may not have")]
    BadSetting,
    /// RFC 9113 section 6.5.2.
    #[error("the initial window is larger than 2^31 - 1")]
    InitialWindowTooLarge,
    /// RFC 9113 section 6.9.1.
    #[error("a flow-control window grew beyond 2^31 - 1")]
    WindowOverflow,
    /// RFC 9113 section 6.9.
    #[error("the connection's window was opened by 0 bytes")]
    ZeroIncrement,
    /// RFC 9113 section 6.9.1.
    #[error("more data came than the connection's window allowed")]
    WindowExceeded,
    /// RFC 9113 section 6.9.1, for a stream that was reset before.
    #[error("more data came on a reset stream than its window had allowed")]
    ResetWindowExceeded,
    /// RFC 9113 section 4.3.
    #[error("a header block cannot be decompressed")]
    Compression,
    /// Beyond [`Terms::max_header_block`](super::Terms::max_header_block) and what is drained; for clients guide CONN-10.
    #[error("a compressed header block is longer than is taken")]
    BlockTooLong,
    /// Beyond [`DRAINED_TIMES`](super::hpack::DRAINED_TIMES) what our SETTINGS_MAX_HEADER_LIST_SIZE says.
    #[error("a header list is many times as long as the settings allow")]
    ListTooLong,
    /// Beyond [`BLOCK_FRAMES_MAX`](super::budget::BLOCK_FRAMES_MAX).
    #[error("a header block is spread over too many frames")]
    BlockScattered,
    /// Beyond [`CONTROL_MAX`](super::budget::CONTROL_MAX).
    #[error("the peer asks for more answers than it reads")]
    ControlUnread,
    /// One of the budgets is overdrawn.
    #[error("too many {0} for the work that is done here")]
    Flood(Budget),
}

impl Breach {
    /// The code that the rule asks for.
    pub const fn code(self) -> ErrorCode {
        match self {
            Breach::BadPreface
            | Breach::NoSettings
            | Breach::BadPadding
            | Breach::NeedsStream
            | Breach::NeedsNoStream
            | Breach::BlockInterrupted
            | Breach::NothingToContinue
            | Breach::NotYourStream
            | Breach::StreamsFall
            | Breach::IdleStream
            | Breach::DependsOnItself
            | Breach::Push
            | Breach::BadSetting
            | Breach::ZeroIncrement => ErrorCode::ProtocolError,
            Breach::FrameTooLong | Breach::BadFrameSize => ErrorCode::FrameSizeError,
            Breach::ClosedStream => ErrorCode::StreamClosed,
            Breach::InitialWindowTooLarge
            | Breach::WindowOverflow
            | Breach::WindowExceeded
            | Breach::ResetWindowExceeded => ErrorCode::FlowControlError,
            Breach::Compression => ErrorCode::CompressionError,
            // Within the rules, but more than we are willing to do: the guide (CONN-10) asks for GOAWAY and leaves the
            // code open; this is the one that says so (RFC 9113 sections 7 and 10.5.1).
            Breach::BlockTooLong
            | Breach::ListTooLong
            | Breach::BlockScattered
            | Breach::ControlUnread
            | Breach::Flood(_) => ErrorCode::EnhanceYourCalm,
        }
    }
}

/// The rule of one stream that the peer broke: that stream is reset for it, and the others go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// RFC 9113 section 8.1.
    #[error("a body begins before its head")]
    BodyBeforeHead,
    /// RFC 9113 section 5.1.
    #[error("data or a head comes after the end of the stream")]
    AfterEnd,
    /// RFC 9113 section 8.1.1: no number, several that differ, or other than what the body has.
    #[error("content-length is not the length of the body")]
    ContentLength,
    /// RFC 9113 section 8.1.
    #[error("an interim answer ends the stream")]
    InterimEnds,
    /// RFC 9113 section 8.1.
    #[error("a head comes within a body")]
    HeadInBody,
    /// RFC 9113 section 6.9.1.
    #[error("more data came than the stream's window allowed")]
    WindowExceeded,
    /// RFC 9113 section 6.9.1.
    #[error("the stream's window grew beyond 2^31 - 1")]
    WindowOverflow,
    /// RFC 9113 section 6.9.
    #[error("the stream's window was opened by 0 bytes")]
    ZeroIncrement,
    /// RFC 7540 section 5.3.1.
    #[error("the stream depends on itself")]
    DependsOnItself,
    /// RFC 9113 section 6.3.
    #[error("a PRIORITY frame is too short or too long")]
    BadFrameSize,
    /// Beyond [`Terms::max_header_block`](super::Terms::max_header_block), where one that is longer is read.
    #[error("a compressed head is longer than is taken")]
    BlockTooLong,
    /// Beyond what our SETTINGS_MAX_HEADER_LIST_SIZE says (RFC 9113 section 10.5.1).
    #[error("a head is longer than the settings allow")]
    ListTooLong,
    /// Beyond [`FIELDS_MAX`](super::settings::FIELDS_MAX).
    #[error("a head has too many fields")]
    TooManyFields,
}

impl Fault {
    /// The code that the rule asks for.
    pub const fn code(self) -> ErrorCode {
        match self {
            Fault::BodyBeforeHead
            | Fault::ContentLength
            | Fault::InterimEnds
            | Fault::HeadInBody
            | Fault::ZeroIncrement
            | Fault::DependsOnItself => ErrorCode::ProtocolError,
            Fault::AfterEnd => ErrorCode::StreamClosed,
            Fault::WindowExceeded | Fault::WindowOverflow => ErrorCode::FlowControlError,
            Fault::BadFrameSize => ErrorCode::FrameSizeError,
            Fault::BlockTooLong | Fault::ListTooLong | Fault::TooManyFields => ErrorCode::EnhanceYourCalm,
        }
    }

    /// Whether nothing is wrong but the size of a head.
    pub const fn is_head_too_large(self) -> bool {
        matches!(self, Fault::BlockTooLong | Fault::ListTooLong | Fault::TooManyFields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_numbers_are_one_to_one() {
        for number in 0..20 {
            assert_eq!(ErrorCode::new(number).number(), number);
        }
        assert_eq!(ErrorCode::new(13), ErrorCode::Http11Required);
        assert_eq!(ErrorCode::new(14), ErrorCode::Other(14));
    }

    #[test]
    fn an_error_says_what_was_wrong() {
        let error = ConnectionError::from(Breach::Flood(Budget::Pings));
        assert_eq!(error.code, ErrorCode::EnhanceYourCalm);
        assert_eq!(error.to_string(), "too many PING frames for the work that is done here");
    }
}
