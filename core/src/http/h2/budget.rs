//! What a peer may cost without doing anything useful. Every frame that is cheap to send and leads to nothing draws on a
//! budget; requests that end, data that moves and time fill it up again. Each budget is far above what honest peers need and
//! far below what hurts; one that is overdrawn ends the connection with ENHANCE_YOUR_CALM (RFC 9113 section 10.5).

/// Header blocks are at most so many frames. An honest sender splits at 16 KiB, which no block of 8 KiB reaches; more are a
/// CONTINUATION flood (CVE-2024-27316).
pub const BLOCK_FRAMES_MAX: usize = 16;

/// Bytes of control frames that wait for the peer to read. One answer to each of 128 streams is below 2 KiB; a peer that
/// asks and does not read (CVE-2019-9512, CVE-2019-9515) gets no more than this.
pub const CONTROL_MAX: usize = 16 * 1024;

/// DATA frames below so many bytes, because the peer opens its window by no more, draw on [`Budget::TinyData`].
pub const TINY_DATA: usize = 64;

/// What draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Budget {
    /// Requests that the peer cancelled before they were answered (CVE-2023-44487), made us reset (CVE-2025-8671), or opened
    /// beyond its limit.
    Resets,
    /// PING frames (CVE-2019-9512).
    Pings,
    /// SETTINGS frames (CVE-2019-9515).
    Settings,
    /// PRIORITY frames (CVE-2019-9513).
    Priorities,
    /// Frames of unknown types.
    Unknown,
    /// WINDOW_UPDATE frames.
    WindowUpdates,
    /// DATA frames without payload that end nothing (CVE-2019-9518).
    EmptyData,
    /// Frames on streams that are gone.
    Strays,
    /// Interim answers of a target (1xx).
    Interims,
    /// DATA frames of ours that the peer's window kept below [`TINY_DATA`] (CVE-2019-9511).
    TinyData,
    /// KiB that requests take once they are decompressed, beyond what is usual (CVE-2016-6581).
    Expansion,
    /// The same of answers.
    Repetition,
}

impl core::fmt::Display for Budget {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Budget::Resets => "cancelled or faulty streams",
            Budget::Pings => "PING frames",
            Budget::Settings => "SETTINGS frames",
            Budget::Priorities => "PRIORITY frames",
            Budget::Unknown => "frames of unknown types",
            Budget::WindowUpdates => "WINDOW_UPDATE frames",
            Budget::EmptyData => "DATA frames without payload",
            Budget::Strays => "frames on closed streams",
            Budget::Interims => "interim responses",
            Budget::TinyData => "windows of a few bytes",
            Budget::Expansion => "KiB in decompressed heads",
            Budget::Repetition => "KiB of repeated fields in decompressed heads",
        })
    }
}

/// How much a budget is, what draws on it, and what fills it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// May be drawn at once.
    pub max: u16,
    /// What one frame or stream draws; more than 1 where others give back less than one.
    pub cost: u16,
    /// Comes back every second (see [`Connection::forgive`](super::Connection::forgive)).
    pub second: u16,
    /// Comes back with a request that begins on a server, an answer that begins on a client.
    pub begun: u16,
    /// Comes back with a stream that ended in order on both sides.
    pub ended: u16,
    /// Comes back with a DATA frame that we sent and that no window kept tiny: what the peer receives makes it say things.
    pub sent: u16,
    /// Comes back with a DATA frame that carried payload.
    pub received: u16,
}

const NOTHING: Allowance = Allowance { max: 0, cost: 1, second: 0, begun: 0, ended: 0, sent: 0, received: 0 };

/// Browsers cancel some 60 images at once; callers of gRPC give up a call now and then. Below the 128 streams that may be
/// open: nobody has more requests let through by cancelling than by waiting. In quarters of a stream, so that cancelling one
/// of five requests goes on for ever.
pub const RESETS: Allowance = Allowance { max: 400, cost: 4, second: 16, ended: 1, ..NOTHING };

/// A caller of gRPC pings every 10 seconds at most, and once per round trip while it receives data, to measure.
pub const PINGS: Allowance = Allowance { max: 100, second: 2, begun: 1, sent: 1, ..NOTHING };

/// Once at the beginning; gRPC then doubles its window up to eight times.
pub const SETTINGS: Allowance = Allowance { max: 32, second: 1, ..NOTHING };

/// Browsers of old send a handful at the beginning, and then one or two with each request.
pub const PRIORITIES: Allowance = Allowance { max: 200, second: 10, begun: 4, ..NOTHING };

/// PRIORITY_UPDATE (RFC 9218) comes once or twice with each request, frames that mean nothing (GREASE) now and then.
pub const UNKNOWN: Allowance = Allowance { max: 200, second: 10, begun: 4, ..NOTHING };

/// At worst two for each DATA frame that we send, one for each message in it, and one for each stream when it opens. They may
/// all come at once, for messages on many streams: as many as 64 on each of 128.
pub const WINDOW_UPDATES: Allowance = Allowance { max: 8_192, second: 50, begun: 4, sent: 4, ..NOTHING };

/// Nobody needs them; some flush with them.
pub const EMPTY_DATA: Allowance = Allowance { max: 100, second: 1, received: 1, ..NOTHING };

/// What crosses our end of a stream on its way: at worst a few frames for each of 128 streams.
pub const STRAYS: Allowance = Allowance { max: 400, second: 20, begun: 4, ..NOTHING };

/// One or two with each answer; some send one every few seconds to show that they are at work.
pub const INTERIMS: Allowance = Allowance { max: 100, second: 2, begun: 4, ..NOTHING };

/// Where a window ends there may be a rest of a few bytes, once in a window.
pub const TINY_DATAS: Allowance = Allowance { max: 100, second: 2, begun: 1, sent: 1, ..NOTHING };

/// A head of up to 4 KiB, and twice what it took compressed, is usual: of large cookies that are repeated 8 KiB, on each of 128
/// streams at once. A few bytes that stand for 64 KiB are not, if it goes on: each such head is held until its request has
/// left.
pub const EXPANSION: Allowance = Allowance { max: 768, second: 64, ended: 16, ..NOTHING };

/// Any number of answers is honest, as long as requests come. But what stands for much is in the table, which is 4 KiB, and
/// nobody names what is there twice in a head: so the answers of honest targets draw nothing, however many, large and well
/// compressed they are. An answer of 900 fields costs as much time as twenty ordinary ones, and is then beyond by 44 KiB:
/// a hundred at once and twenty in a second are no matter, since some page may name a field again and again by mistake, and
/// its connection is that of many clients. It may well go on for ever at 0.5 % of a processor.
pub const REPETITION: Allowance = Allowance { max: 4_096, second: 1_024, ..NOTHING };

/// So much of a decompressed head is usual whatever it took compressed, in bytes: what the table has.
const USUAL_HEAD: usize = 4 * KIB;

const KIB: usize = 1024;

/// Small messages are about so long, in bytes: gRPC puts 5 before each.
const MESSAGE_BYTES: usize = 8;

/// In the order of [`Budget`].
const ALL: [Allowance; 12] = [
    RESETS,
    PINGS,
    SETTINGS,
    PRIORITIES,
    UNKNOWN,
    WINDOW_UPDATES,
    EMPTY_DATA,
    STRAYS,
    INTERIMS,
    TINY_DATAS,
    EXPANSION,
    REPETITION,
];

/// A power of two, so that filling all up is a few instructions.
const PLACES: usize = 16;

/// One column of the table above.
const fn column(which: usize) -> [u16; PLACES] {
    let mut column = [0; PLACES];
    let mut at = 0;
    while at < ALL.len() {
        let row = ALL[at];
        column[at] = match which {
            0 => row.max,
            1 => row.cost,
            2 => row.second,
            3 => row.begun,
            4 => row.ended,
            5 => row.sent,
            _ => row.received,
        };
        at += 1;
    }
    column
}

const MAX: [u16; PLACES] = column(0);
const COST: [u16; PLACES] = column(1);
const SECOND: [u16; PLACES] = column(2);
const BEGUN: [u16; PLACES] = column(3);
const ENDED: [u16; PLACES] = column(4);
const SENT: [u16; PLACES] = column(5);
const RECEIVED: [u16; PLACES] = column(6);

/// What one connection has drawn.
#[derive(Clone, Debug, Default)]
pub struct Budgets {
    drawn: [u16; PLACES],
    overdrawn: Option<Budget>,
}

impl Budgets {
    /// One frame or stream more.
    #[inline]
    pub fn draw(&mut self, budget: Budget) {
        let at = budget as usize;
        if let (Some(drawn), Some(max), Some(cost)) = (self.drawn.get_mut(at), MAX.get(at), COST.get(at)) {
            *drawn = drawn.saturating_add(*cost);
            if *drawn > *max {
                self.overdrawn = Some(budget);
            }
        }
    }

    /// A head of so many bytes took so many compressed: what it is beyond the usual draws on that budget, by the KiB.
    #[inline]
    pub fn expanded(&mut self, budget: Budget, compressed: usize, size: usize) {
        let beyond = size.saturating_sub(USUAL_HEAD.saturating_add(compressed.saturating_mul(2)));
        if beyond < KIB {
            return;
        }
        let at = budget as usize;
        if let (Some(drawn), Some(max)) = (self.drawn.get_mut(at), MAX.get(at)) {
            *drawn = drawn.saturating_add(u16::try_from(beyond / KIB).unwrap_or(u16::MAX));
            if *drawn > *max {
                self.overdrawn = Some(budget);
            }
        }
    }

    /// The budget that did not last, if there is one. It stays so, whatever is filled up later.
    #[inline]
    pub fn overdrawn(&self) -> Option<Budget> {
        self.overdrawn
    }

    #[inline]
    fn fill(&mut self, by: &[u16; PLACES]) {
        for (drawn, by) in self.drawn.iter_mut().zip(by) {
            *drawn = drawn.saturating_sub(*by);
        }
    }

    /// A request or an answer began.
    pub fn begun(&mut self) {
        self.fill(&BEGUN);
    }

    /// A stream ended in order.
    pub fn ended(&mut self) {
        self.fill(&ENDED);
    }

    /// A DATA frame was sent, with so many bytes. A peer that gets many small messages in one may tell of its window after
    /// each.
    pub fn sent(&mut self, len: usize) {
        self.fill(&SENT);
        if let Some(drawn) = self.drawn.get_mut(Budget::WindowUpdates as usize) {
            *drawn = drawn.saturating_sub(u16::try_from(len / MESSAGE_BYTES).unwrap_or(u16::MAX));
        }
    }

    /// A DATA frame with payload was received.
    pub fn received(&mut self) {
        self.fill(&RECEIVED);
    }

    /// So many seconds went by.
    pub fn forgive(&mut self, seconds: u32) {
        let seconds = u16::try_from(seconds).unwrap_or(u16::MAX);
        for (drawn, by) in self.drawn.iter_mut().zip(SECOND) {
            *drawn = drawn.saturating_sub(by.saturating_mul(seconds));
        }
    }
}
