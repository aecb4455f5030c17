//! Settings (RFC 9113 section 6.5): what we announce ([`Terms`]), and what the peer did ([`Settings`]).

use super::connection::Side;
use super::error::Breach;
use super::flow::{WINDOW_DEFAULT, WINDOW_MAX};
use super::frame::{self, PAYLOAD_MAX};

/// Bytes of one setting (RFC 9113 section 6.5.1).
pub const SETTING_LEN: usize = 6;

/// The most settings in one frame: ten times those that exist. More are a flood (CVE-2019-9515).
pub const SETTINGS_IN_FRAME_MAX: usize = 64;

/// The most fields in one header list. HTTP/1 heads may have 1,000, so what one door lets in the other does too.
pub const FIELDS_MAX: usize = 1_000;

const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;
/// RFC 9218 section 2.1.
const NO_RFC7540_PRIORITIES: u16 = 9;

/// What we announce, and what we hold the peer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Streams at a time: a server announces it and refuses what is beyond it; a client opens no more, even if it might.
    pub max_concurrent_streams: u32,
    /// Bytes that the peer may send on a stream before we take the first ones (see [`widen`](super::Connection::widen)).
    pub initial_window: u32,
    /// Bytes that may be under way on all streams together. They are credited as they come, so this only bounds what is in
    /// the network; what lies in memory is bounded by the windows of the streams. Not below 65,535, which is what the
    /// peer begins with.
    pub connection_window: u32,
    /// Bytes of a decompressed header list, 32 more for each field (RFC 9113 section 6.5.2).
    pub max_header_list: u32,
    /// Bytes of a compressed header block.
    pub max_header_block: usize,
    /// Bytes of one that is longer, and is read all the same for what it puts into the table: so it ends its stream, and not
    /// the connection. Nothing if less than `max_header_block`.
    pub max_drained_block: usize,
    /// Requests on one connection; then it is shut down in two steps.
    pub requests_max: u32,
}

impl Terms {
    /// Towards clients, as the guide says (LSN-04, CONN-10).
    pub const fn server() -> Self {
        Terms {
            max_concurrent_streams: 128,
            initial_window: 16 * 1024,
            connection_window: 1024 * 1024,
            max_header_list: 64 * 1024,
            max_header_block: 8 * 1024,
            // The guide asks for GOAWAY (CONN-10).
            max_drained_block: 0,
            requests_max: 10_000,
        }
    }

    /// Towards targets. Their heads may be as long as in HTTP/1, where 32 KiB are served. One that is longer should not end what
    /// other clients have under way on the same connection, so four times that is read. Ours are the only requests there, so
    /// their number is limited by the identifiers alone. Clients that take nothing of many answers make it worth beginning
    /// with a small window, which costs nothing to widen.
    pub const fn client() -> Self {
        Terms {
            initial_window: 4 * 1024,
            max_header_block: 32 * 1024,
            max_drained_block: 128 * 1024,
            requests_max: u32::MAX,
            ..Terms::server()
        }
    }

    /// The longest header block that is read.
    pub(super) fn block_read_max(&self) -> usize {
        self.max_header_block.max(self.max_drained_block)
    }

    /// Appends the SETTINGS frame that announces them. Pushes are refused; frames have their default size; priorities are
    /// not followed, so nobody need send them (RFC 9218 section 2.1).
    pub(crate) fn announce(&self, side: Side, out: &mut Vec<u8>) {
        let of_side = match side {
            Side::Server => (MAX_CONCURRENT_STREAMS, self.max_concurrent_streams),
            Side::Client => (ENABLE_PUSH, 0),
        };
        let settings = [
            of_side,
            (INITIAL_WINDOW_SIZE, self.initial_window),
            (MAX_HEADER_LIST_SIZE, self.max_header_list),
            (NO_RFC7540_PRIORITIES, 1),
        ];
        frame::write_settings(0, &settings, out);
    }
}

impl Default for Terms {
    fn default() -> Self {
        Terms::server()
    }
}

/// What the peer announced, or the defaults (RFC 9113 section 6.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of the dynamic table that our encoder may use.
    pub header_table_size: u32,
    /// The least of them in the same frame: the encoder must say that the table was that small (RFC 7541 section 4.2).
    pub header_table_least: u32,
    /// Streams that we may open at a time.
    pub max_concurrent_streams: u32,
    /// What each stream's window begins with.
    pub initial_window: u32,
    /// The longest payload that the peer takes.
    pub max_frame: usize,
    /// The longest header list that the peer wants; advice.
    pub max_header_list: u32,
}

impl Settings {
    /// Before the peer said anything.
    pub const DEFAULT: Settings = Settings {
        header_table_size: 4096,
        header_table_least: 4096,
        max_concurrent_streams: u32::MAX,
        initial_window: WINDOW_DEFAULT,
        max_frame: PAYLOAD_MAX,
        max_header_list: u32::MAX,
    };

    /// These, changed by the payload of a SETTINGS frame from the other side. What is unknown is ignored
    /// (RFC 9113 section 6.5.2).
    pub fn changed(mut self, ours: Side, payload: &[u8]) -> Result<Settings, Breach> {
        self.header_table_least = self.header_table_size;
        let (settings, rest) = payload.as_chunks::<SETTING_LEN>();
        if !rest.is_empty() {
            return Err(Breach::BadFrameSize);
        }
        for &[a, b, value @ ..] in settings {
            self.change(ours, u16::from_be_bytes([a, b]), u32::from_be_bytes(value))?;
        }
        Ok(self)
    }

    fn change(&mut self, ours: Side, name: u16, value: u32) -> Result<(), Breach> {
        match name {
            HEADER_TABLE_SIZE => {
                self.header_table_size = value;
                self.header_table_least = self.header_table_least.min(value);
            }
            // "A client MUST treat receipt of a SETTINGS frame with SETTINGS_ENABLE_PUSH set to 1 as a connection error".
            ENABLE_PUSH if value > 1 || (value == 1 && ours == Side::Client) => return Err(Breach::BadSetting),
            MAX_CONCURRENT_STREAMS => self.max_concurrent_streams = value,
            INITIAL_WINDOW_SIZE if value > WINDOW_MAX => return Err(Breach::InitialWindowTooLarge),
            INITIAL_WINDOW_SIZE => self.initial_window = value,
            MAX_FRAME_SIZE if !(1 << 14..1 << 24).contains(&value) => return Err(Breach::BadSetting),
            MAX_FRAME_SIZE => self.max_frame = value as usize,
            MAX_HEADER_LIST_SIZE => self.max_header_list = value,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(ours: Side, settings: &[(u16, u32)]) -> Result<Settings, Breach> {
        let mut frame = Vec::new();
        frame::write_settings(0, settings, &mut frame);
        Settings::DEFAULT.changed(ours, &frame[frame::HEAD_LEN..])
    }

    #[test]
    fn the_last_value_counts_and_the_unknown_is_ignored() {
        let expected = Settings {
            header_table_size: 200,
            header_table_least: 100,
            max_concurrent_streams: 7,
            initial_window: 1,
            max_frame: 20_000,
            max_header_list: 5,
        };
        let sent = [(1, 100), (1, 200), (3, 7), (4, 9), (4, 1), (5, 20_000), (6, 5), (2, 0), (0xfafa, 1)];
        assert_eq!(changed(Side::Server, &sent), Ok(expected));
        assert_eq!(changed(Side::Client, &[]), Ok(Settings::DEFAULT));
    }

    #[test]
    fn values_out_of_range_are_told_apart() {
        for (setting, breach) in [
            ((2, 2), Breach::BadSetting),
            ((4, 1 << 31), Breach::InitialWindowTooLarge),
            ((5, (1 << 14) - 1), Breach::BadSetting),
            ((5, 1 << 24), Breach::BadSetting),
        ] {
            assert_eq!(changed(Side::Server, &[setting]), Err(breach), "{setting:?}");
        }
        for setting in [(2, 1), (4, (1 << 31) - 1), (5, 1 << 14), (5, (1 << 24) - 1), (3, 0), (1, u32::MAX)] {
            assert!(changed(Side::Server, &[setting]).is_ok(), "{setting:?}");
        }
        assert_eq!(changed(Side::Client, &[(2, 1)]), Err(Breach::BadSetting));
        assert_eq!(Settings::DEFAULT.changed(Side::Server, &[0; 7]), Err(Breach::BadFrameSize));
    }

    #[test]
    fn each_side_announces_what_concerns_it() {
        let terms = |side| {
            let mut out = Vec::new();
            Terms::default().announce(side, &mut out);
            out[frame::HEAD_LEN..].to_vec()
        };
        let client = Settings::DEFAULT.changed(Side::Client, &terms(Side::Server)).unwrap();
        assert_eq!(client.max_concurrent_streams, 128);
        assert_eq!(client.initial_window, 16_384);
        assert_eq!(client.max_header_list, 65_536);
        let server = Settings::DEFAULT.changed(Side::Server, &terms(Side::Client)).unwrap();
        assert_eq!(server.max_concurrent_streams, u32::MAX);
        assert!(terms(Side::Client).starts_with(&[0, 2, 0, 0, 0, 0]));
    }
}
