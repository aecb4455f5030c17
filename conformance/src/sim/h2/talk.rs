//! One end of an HTTP/2 connection as a simulated peer has it: holds the balancer to every rule of RFC 9113 that can be seen
//! in what it sends, and writes what the peer has to say. It shares nothing with the core's connection but the codec of header
//! blocks.

use std::collections::{BTreeMap, VecDeque};

use super::frames::{
    self, ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, Fields, Frame, GOAWAY, HEADERS, Hpack, NO_ERROR,
    PADDED, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, field,
};
use crate::sim::chance::Chance;

/// What a client says first (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What windows begin with, and the largest that there are (RFC 9113 sections 6.5.2 and 6.9.1).
const WINDOW: i64 = 65_535;
const WINDOW_MAX: i64 = (1 << 31) - 1;

/// Which end of the connection the peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

/// What a peer announces, and how it writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    pub(crate) window: u32,
    pub(crate) streams_max: Option<u32>,
    pub(crate) table: Option<u32>,
    /// It writes header blocks in the plainest way, without Huffman coding.
    pub(crate) plain: bool,
    /// It spreads header blocks over frames.
    pub(crate) scatters: bool,
    /// It pads some frames.
    pub(crate) pads: bool,
}

/// What the balancer said, as far as it is of interest. What is against the rules never gets here.
#[derive(Debug)]
pub(super) enum Heard {
    Head {
        stream: u32,
        fields: Fields,
        end: bool,
    },
    Trailers {
        stream: u32,
        fields: Fields,
    },
    Data {
        stream: u32,
        bytes: Vec<u8>,
        end: bool,
    },
    Reset {
        stream: u32,
        code: u32,
    },
    GoAway {
        last: u32,
        code: u32,
    },
    /// An answer to the last PING.
    Pong,
}

#[derive(Debug)]
pub(super) struct Talk {
    role: Role,
    input: Vec<u8>,
    pub(super) out: Vec<u8>,
    chance: Chance,
    manners: Manners,
    hpack: Hpack,
    /// Bytes of the client's preface that have come.
    preface: usize,
    /// The balancer has announced what it takes.
    pub(super) is_greeted: bool,
    block: Option<(u32, bool, Vec<u8>)>,
    lanes: BTreeMap<u32, Lane>,
    /// The highest stream that was opened.
    pub(super) highest: u32,
    /// What it may send on the connection, and on streams to come.
    granted: i64,
    initial: i64,
    /// Initial windows that were announced and not acknowledged yet.
    announced: VecDeque<i64>,
    /// What we may send on the connection, and on streams to come.
    credit: i64,
    their_initial: i64,
    their_streams_max: u32,
    pings: VecDeque<u64>,
    last_of_goaway: Option<u32>,
    /// Bytes that were received and not granted again, by stream.
    owed: BTreeMap<u32, u32>,
    /// The smallest window that was announced.
    least_window: u32,
}

/// One stream.
#[derive(Debug, Default)]
struct Lane {
    head: bool,
    /// Nothing may come any more.
    over: Option<Over>,
    we_ended: bool,
    we_reset: bool,
    granted: i64,
    credit: i64,
    declared: Option<u64>,
    got: u64,
    no_body: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Ended,
    Reset,
}

impl Talk {
    pub(super) fn new(role: Role, manners: Manners, chance: Chance) -> Talk {
        let mut talk = Talk {
            role,
            input: Vec::new(),
            out: if role == Role::Client { PREFACE.to_vec() } else { Vec::new() },
            chance,
            manners,
            hpack: Hpack::new(manners.plain, manners.table.unwrap_or(4096)),
            preface: if role == Role::Client { PREFACE.len() } else { 0 },
            is_greeted: false,
            block: None,
            lanes: BTreeMap::new(),
            highest: 0,
            granted: WINDOW,
            initial: WINDOW,
            announced: VecDeque::new(),
            credit: WINDOW,
            their_initial: WINDOW,
            their_streams_max: u32::MAX,
            pings: VecDeque::new(),
            last_of_goaway: None,
            owed: BTreeMap::new(),
            least_window: manners.window,
        };
        let push = if role == Role::Client { Some((2, 0)) } else { None };
        let table = manners.table.map(|size| (1, size));
        let streams = manners.streams_max.map(|streams| (3, streams));
        let settings: Vec<(u16, u32)> = [push, table, streams].into_iter().flatten().collect();
        talk.settings(manners.window, &settings);
        talk
    }

    // ---- what comes -------------------------------------------------------------------------------------------

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Whether everything that came was whole frames.
    pub(super) fn is_between_frames(&self) -> bool {
        self.input.is_empty() && self.block.is_none()
    }

    /// The next that is of interest.
    pub(super) fn next(&mut self) -> Result<Option<Heard>, String> {
        let n = (PREFACE.len() - self.preface).min(self.input.len());
        if self.input[..n] != PREFACE[self.preface..self.preface + n] {
            return Err("the connection does not begin with the preface".to_owned());
        }
        self.input.drain(..n);
        self.preface += n;
        while self.preface == PREFACE.len() {
            let Some(frame) = frames::take(&mut self.input)? else { return Ok(None) };
            let brief = format!("{:?}", (frame.kind, frame.flags, frame.stream, frame.payload.len()));
            if let Some(heard) = self.frame(frame).map_err(|what| format!("{what}: {brief}"))? {
                return Ok(Some(heard));
            }
        }
        Ok(None)
    }

    fn frame(&mut self, frame: Frame) -> Result<Option<Heard>, String> {
        if !self.is_greeted && frame.kind != SETTINGS {
            return Err("the first frame is not SETTINGS".to_owned());
        }
        if self.block.is_some() != (frame.kind == CONTINUATION) {
            return Err("a header block is interrupted, or there is none".to_owned());
        }
        let of_stream = matches!(frame.kind, DATA | HEADERS | RST_STREAM | CONTINUATION);
        if of_stream && frame.stream == 0 || matches!(frame.kind, SETTINGS | PING | GOAWAY) && frame.stream != 0 {
            return Err("a frame on a stream where it does not belong".to_owned());
        }
        match frame.kind {
            DATA => self.data(frame).map(Some),
            HEADERS => self.headers(frame),
            CONTINUATION => self.continuation(&frame),
            RST_STREAM => self.was_reset(&frame),
            SETTINGS => self.heard_settings(&frame),
            PING => self.heard_ping(&frame),
            GOAWAY => self.heard_goaway(&frame),
            WINDOW_UPDATE => self.heard_credit(&frame).map(|()| None),
            _ => Err("a frame that nobody asked for".to_owned()),
        }
    }

    /// The stream of a frame, unless nothing may come on it; `None` if it is one that we have reset.
    fn lane(&mut self, stream: u32) -> Result<Option<&mut Lane>, String> {
        match self.lanes.get_mut(&stream) {
            Some(lane) if lane.we_reset => Ok(None),
            Some(Lane { over: Some(over), .. }) => Err(format!("stream {stream} goes on after it was {over:?}")),
            Some(lane) => Ok(Some(lane)),
            None => Err(format!("stream {stream} was never opened")),
        }
    }

    fn data(&mut self, frame: Frame) -> Result<Heard, String> {
        let Frame { stream, ref payload, .. } = frame;
        let (len, end) = (payload.len() as i64, frame.has(END_STREAM));
        if frame.has(PADDED) {
            return Err("the balancer pads".to_owned());
        }
        self.granted -= len;
        if self.granted < 0 {
            return Err(format!("{} bytes beyond the connection's window", -self.granted));
        }
        let Some(lane) = self.lane(stream)? else {
            return Ok(Heard::Data { stream, bytes: frame.payload, end: false });
        };
        if !lane.head {
            return Err("DATA before a final head".to_owned());
        }
        lane.granted -= len;
        lane.got += len as u64;
        if len > 0 && lane.granted < 0 {
            return Err(format!("{} bytes beyond the stream's window", -lane.granted));
        }
        if end {
            lane.end()?;
        }
        Ok(Heard::Data { stream, bytes: frame.payload, end })
    }

    fn headers(&mut self, frame: Frame) -> Result<Option<Heard>, String> {
        if frame.flags & !(END_STREAM | END_HEADERS) != 0 {
            return Err("padding or a priority".to_owned());
        }
        let end = frame.has(END_STREAM);
        self.block = Some((frame.stream, end, frame.payload.clone()));
        if frame.has(END_HEADERS) { self.block_is_whole() } else { Ok(None) }
    }

    fn continuation(&mut self, frame: &Frame) -> Result<Option<Heard>, String> {
        let Some((stream, _, block)) = &mut self.block else { return Err("nothing to continue".to_owned()) };
        if *stream != frame.stream {
            return Err("another stream's block is continued".to_owned());
        }
        block.extend_from_slice(&frame.payload);
        if frame.has(END_HEADERS) { self.block_is_whole() } else { Ok(None) }
    }

    fn block_is_whole(&mut self) -> Result<Option<Heard>, String> {
        let Some((stream, end, block)) = self.block.take() else { return Ok(None) };
        let fields = self.hpack.decode(&block)?;
        if self.role == Role::Server && stream > self.highest {
            self.opened(stream)?;
        }
        let role = self.role;
        let Some(lane) = self.lane(stream)? else { return Ok(None) };
        let is_trailers = lane.head;
        let status = check_fields(role, is_trailers, &fields)?;
        if is_trailers {
            if !end {
                return Err("trailers that end nothing".to_owned());
            }
            lane.end()?;
            return Ok(Some(Heard::Trailers { stream, fields }));
        }
        lane.head = status >= 200;
        if !lane.head && end {
            return Err("an interim answer is the end".to_owned());
        }
        if lane.head {
            lane.declared = field(&fields, "content-length").and_then(|length| length.parse().ok());
            lane.no_body |= matches!(status, 204 | 304);
        }
        if end {
            lane.end()?;
        }
        Ok(Some(Heard::Head { stream, fields, end }))
    }

    /// The balancer opens a stream of ours.
    fn opened(&mut self, stream: u32) -> Result<(), String> {
        let most = self.manners.streams_max.filter(|_| self.announced.is_empty());
        if stream.is_multiple_of(2) || most.is_some_and(|most| self.open_streams() >= most as usize) {
            return Err(format!("stream {stream} beside {} others", self.open_streams()));
        }
        self.highest = stream;
        self.lanes.insert(stream, Lane { granted: self.initial, credit: self.their_initial, ..Lane::default() });
        Ok(())
    }

    /// Streams that live.
    pub(super) fn open_streams(&self) -> usize {
        let lives =
            |lane: &&Lane| !lane.we_reset && lane.over != Some(Over::Reset) && (lane.over.is_none() || !lane.we_ended);
        self.lanes.values().filter(lives).count()
    }

    fn was_reset(&mut self, frame: &Frame) -> Result<Option<Heard>, String> {
        let &[code] = &frame.words()[..] else { return Err("a reset of another length".to_owned()) };
        let stream = frame.stream;
        let Some(lane) = self.lanes.get_mut(&stream) else { return Err("an idle stream is reset".to_owned()) };
        // What has ended may still be reset, once, by an end that does not want the rest of what it is sent.
        if lane.over == Some(Over::Reset) {
            return Err("a stream is reset twice".to_owned());
        }
        lane.over = Some(Over::Reset);
        Ok((!lane.we_reset).then_some(Heard::Reset { stream, code }))
    }

    fn heard_settings(&mut self, frame: &Frame) -> Result<Option<Heard>, String> {
        if frame.has(ACK) {
            let Some(initial) = self.announced.pop_front() else {
                return Err("SETTINGS are acknowledged twice".to_owned());
            };
            self.regrant(self.announced.iter().copied().fold(initial, i64::max));
            return if frame.payload.is_empty() {
                Ok(None)
            } else {
                Err("an acknowledgement with a payload".to_owned())
            };
        }
        self.is_greeted = true;
        let (settings, rest) = frame.payload.as_chunks::<6>();
        if !rest.is_empty() {
            return Err("SETTINGS of another length".to_owned());
        }
        for &[a, b, value @ ..] in settings {
            let value = u32::from_be_bytes(value);
            match u16::from_be_bytes([a, b]) {
                3 => self.their_streams_max = value,
                4 if i64::from(value) > WINDOW_MAX => return Err("too large a window".to_owned()),
                4 => {
                    let change = i64::from(value) - std::mem::replace(&mut self.their_initial, i64::from(value));
                    self.lanes.values_mut().for_each(|lane| lane.credit += change);
                }
                5 if !(1 << 14..1 << 24).contains(&value) => return Err("a bad frame size".to_owned()),
                _ => {}
            }
        }
        frames::put(SETTINGS, ACK, 0, &[], &mut self.out);
        Ok(None)
    }

    fn heard_ping(&mut self, frame: &Frame) -> Result<Option<Heard>, String> {
        let Some(&bytes) = frame.payload.first_chunk::<8>().filter(|_| frame.payload.len() == 8) else {
            return Err("PING of another length".to_owned());
        };
        if !frame.has(ACK) {
            frames::put(PING, ACK, 0, &bytes, &mut self.out);
            return Ok(None);
        }
        match self.pings.pop_front() {
            Some(ours) if ours.to_be_bytes() == bytes => Ok(self.pings.is_empty().then_some(Heard::Pong)),
            _ => Err("an answer to another PING".to_owned()),
        }
    }

    fn heard_goaway(&mut self, frame: &Frame) -> Result<Option<Heard>, String> {
        let &[last, code, ..] = &frame.words()[..] else { return Err("GOAWAY is too short".to_owned()) };
        if self.last_of_goaway.is_some_and(|before| last > before) {
            return Err(format!("GOAWAY takes up stream {last} again"));
        }
        self.last_of_goaway = Some(last);
        Ok(Some(Heard::GoAway { last, code }))
    }

    fn heard_credit(&mut self, frame: &Frame) -> Result<(), String> {
        let &[more] = &frame.words()[..] else { return Err("WINDOW_UPDATE of another length".to_owned()) };
        let window = if frame.stream == 0 {
            &mut self.credit
        } else {
            match self.lanes.get_mut(&frame.stream) {
                Some(lane) if lane.over == Some(Over::Reset) => {
                    return Err("credit on a stream that was reset".to_owned());
                }
                Some(lane) => &mut lane.credit,
                None => return Err("credit on an idle stream".to_owned()),
            }
        };
        *window += i64::from(more);
        if more == 0 || *window > WINDOW_MAX { Err(format!("credit of {more}")) } else { Ok(()) }
    }

    // ---- what is said -----------------------------------------------------------------------------------------

    /// What the balancer may have under way on each stream, from its acknowledgement on; more is allowed at once.
    pub(super) fn settings(&mut self, window: u32, others: &[(u16, u32)]) {
        let mut payload = Vec::new();
        for (name, value) in others.iter().chain([&(4, window)]) {
            payload.extend_from_slice(&name.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        frames::put(SETTINGS, 0, 0, &payload, &mut self.out);
        self.announced.push_back(i64::from(window));
        self.least_window = self.least_window.min(window);
        self.regrant(i64::from(window).max(self.initial));
    }

    fn regrant(&mut self, initial: i64) {
        let change = initial - std::mem::replace(&mut self.initial, initial);
        self.lanes.values_mut().for_each(|lane| lane.granted += change);
    }

    /// Whether all SETTINGS have been acknowledged, and all PINGs answered.
    pub(super) fn is_settled(&self) -> bool {
        self.announced.is_empty() && self.pings.is_empty()
    }

    /// Whether another stream may be opened.
    pub(super) fn may_open(&self) -> bool {
        self.last_of_goaway.is_none() && self.open_streams() < self.their_streams_max as usize
    }

    /// Opens a stream with a request.
    pub(super) fn open(&mut self, fields: &[(String, String)], end: bool) -> u32 {
        let stream = if self.highest == 0 { 1 } else { self.highest + 2 };
        self.highest = stream;
        let no_body = field(fields, ":method") == Some("HEAD");
        let lane = Lane { granted: self.initial, credit: self.their_initial, no_body, ..Lane::default() };
        self.lanes.insert(stream, lane);
        self.head(stream, fields, end);
        stream
    }

    pub(super) fn head(&mut self, stream: u32, fields: &[(String, String)], end: bool) {
        let block = self.hpack.encode(fields);
        let scatter = self.manners.scatters.then_some(&mut self.chance);
        frames::put_block(stream, end, &block, scatter, &mut self.out);
        self.said_end(stream, end);
    }

    /// Bytes of a body that may be sent on a stream now.
    pub(super) fn room(&self, stream: u32) -> usize {
        match self.lanes.get(&stream) {
            Some(lane) if lane.over != Some(Over::Reset) && !lane.we_ended && !lane.we_reset => {
                lane.credit.min(self.credit).clamp(0, 16_384) as usize
            }
            _ => 0,
        }
    }

    /// A piece of a body, no longer than there is room for.
    pub(super) fn say(&mut self, stream: u32, bytes: &[u8], end: bool) {
        let room = self.room(stream);
        let pads = self.manners.pads && self.chance.one_in(3) && room > bytes.len() + 40;
        let padding = pads.then(|| self.chance.below(30) as u8);
        let flags = if end { END_STREAM } else { 0 };
        let more = frames::put_padded((DATA, flags, stream), bytes, padding, &mut self.out);
        let len = (bytes.len() + more) as i64;
        self.credit -= len;
        if let Some(lane) = self.lanes.get_mut(&stream) {
            lane.credit -= len;
        }
        self.said_end(stream, end);
    }

    fn said_end(&mut self, stream: u32, end: bool) {
        if let Some(lane) = self.lanes.get_mut(&stream) {
            lane.we_ended |= end;
        }
    }

    pub(super) fn reset(&mut self, stream: u32, code: u32) {
        frames::put(RST_STREAM, 0, stream, &code.to_be_bytes(), &mut self.out);
        if let Some(lane) = self.lanes.get_mut(&stream) {
            lane.we_reset = true;
        }
    }

    /// So many bytes were received; they are granted again together with others, when they are half of a window.
    pub(super) fn credit(&mut self, stream: u32, bytes: u32) {
        let least = if stream == 0 { WINDOW as u32 / 4 } else { self.least_window / 2 };
        let owed = self.owed.entry(stream).or_default();
        *owed += bytes;
        if *owed > 0 && *owed >= least {
            let more = std::mem::take(owed);
            self.grant(stream, more);
        }
    }

    /// The balancer may send so many more bytes on a stream, or on the connection (0).
    fn grant(&mut self, stream: u32, more: u32) {
        let window = match self.lanes.get_mut(&stream) {
            _ if stream == 0 => &mut self.granted,
            Some(Lane { over: None, we_reset: false, granted, .. }) => granted,
            _ => return,
        };
        *window += i64::from(more);
        frames::put(WINDOW_UPDATE, 0, stream, &more.to_be_bytes(), &mut self.out);
    }

    pub(super) fn ping(&mut self) {
        let ping = self.chance.next();
        self.pings.push_back(ping);
        frames::put(PING, 0, 0, &ping.to_be_bytes(), &mut self.out);
    }

    pub(super) fn goaway(&mut self, last: u32) {
        let payload = [last.to_be_bytes(), NO_ERROR.to_be_bytes()].concat();
        frames::put(GOAWAY, 0, 0, &payload, &mut self.out);
    }

    /// Something that no peer may say.
    pub(super) fn blunder(&mut self) {
        let stream = self.highest + 2;
        match self.chance.below(6) {
            0 => frames::put(RST_STREAM, 0, stream, &CANCEL.to_be_bytes(), &mut self.out),
            1 => frames::put(DATA, 0, 0, b"nobody's", &mut self.out),
            2 => frames::put(WINDOW_UPDATE, 0, 0, &[0; 4], &mut self.out),
            3 => frames::put(SETTINGS, 0, 0, &[0; 5], &mut self.out),
            4 => frames::put(CONTINUATION, END_HEADERS, stream, &[], &mut self.out),
            _ => frames::put(HEADERS, END_HEADERS | END_STREAM, stream | 1, &[0xff; 40], &mut self.out),
        }
    }

    /// Something that means nothing: a priority, or a frame of a type that nobody knows.
    pub(super) fn noise(&mut self) {
        if self.role == Role::Client && self.chance.one_in(2) {
            let stream = self.highest + 2 * self.chance.below(3) as u32 + 101;
            return frames::put(PRIORITY, 0, stream | 1, &[0, 0, 0, 0, 16], &mut self.out);
        }
        let (kind, len) = (self.chance.between(0x20, 0xff) as u8, self.chance.below(50) as usize);
        frames::put(kind, 0xff, 0, &vec![7; len], &mut self.out);
    }
}

impl Lane {
    /// Its last frame has come: the body is as long as it was said to be.
    fn end(&mut self) -> Result<(), String> {
        self.over = Some(Over::Ended);
        match self.declared {
            _ if self.no_body && self.got > 0 => Err("a body where there is none".to_owned()),
            Some(declared) if !self.no_body && declared != self.got => {
                Err(format!("{} bytes of a body of {declared}", self.got))
            }
            _ => Ok(()),
        }
    }
}

/// What fields must be (RFC 9113 sections 8.2 and 8.3); the status of an answer's, and 200 for others.
fn check_fields(role: Role, is_trailers: bool, fields: &[(String, String)]) -> Result<u16, String> {
    let pseudo: Vec<&str> =
        fields.iter().map(|(name, _)| name.as_str()).take_while(|name| name.starts_with(':')).collect();
    let mut sorted = pseudo.clone();
    sorted.sort_unstable();
    let expected: &[&str] = match role {
        _ if is_trailers => &[],
        Role::Client => &[":status"],
        Role::Server => &[":authority", ":method", ":path", ":scheme"],
    };
    if sorted != expected {
        return Err(format!("pseudo-header fields {pseudo:?}"));
    }
    for (name, value) in &fields[pseudo.len()..] {
        let odd = name.is_empty() || name.bytes().any(|byte| byte == b':' || byte.is_ascii_uppercase() || byte <= b' ');
        let bad =
            matches!(&name[..], "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade")
                || name == "te" && value != "trailers"
                || value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
                || value.trim() != value;
        if odd || bad {
            return Err(format!("the field {name:?}: {value:?}"));
        }
    }
    if fields.iter().filter(|(name, _)| name == "content-length").count() > 1 {
        return Err("two lengths".to_owned());
    }
    let status = field(fields, ":status").map_or(Some(200), |status| status.parse().ok());
    status.filter(|status| (100..600).contains(status) && *status != 101).ok_or_else(|| "a bad status".to_owned())
}
