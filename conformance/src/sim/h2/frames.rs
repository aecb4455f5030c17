//! Frames of HTTP/2 (RFC 9113 section 4) for simulated peers: taken from the front of what came, and written. Header blocks
//! are written in the plainest way that there is, or by the core's encoder; they are read by its decoder.

use sluicegate::http::h2::FieldList;
use sluicegate::http::h2::hpack::{Decoder, Encoder, Limits};

use crate::sim::chance::Chance;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;

pub(super) const NO_ERROR: u32 = 0;
pub(super) const PROTOCOL_ERROR: u32 = 1;
pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const CANCEL: u32 = 8;

/// The longest payload that anybody may send here: nobody announces more.
const PAYLOAD_MAX: usize = 16_384;

/// Frames that one header block is spread over at most.
const BLOCK_FRAMES: u64 = 5;

/// Fields in their order.
pub(super) type Fields = Vec<(String, String)>;

/// The value of the first field of that name.
pub(super) fn field<'f>(fields: &'f [(String, String)], name: &str) -> Option<&'f str> {
    fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// One frame as it came.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload as numbers of four bytes.
    pub(super) fn words(&self) -> Vec<u32> {
        self.payload.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word)).collect()
    }
}

/// Takes a frame from the front, once it is whole.
pub(super) fn take(input: &mut Vec<u8>) -> Result<Option<Frame>, String> {
    let Some(&[a, b, c, kind, flags, s @ ..]) = input.first_chunk::<9>() else { return Ok(None) };
    let (len, stream) = (u32::from_be_bytes([0, a, b, c]) as usize, u32::from_be_bytes(s));
    if len > PAYLOAD_MAX || stream >> 31 != 0 {
        return Err(format!("a frame of type {kind} with {len} bytes on stream {stream}"));
    }
    if input.len() < 9 + len {
        return Ok(None);
    }
    let payload = input[9..9 + len].to_vec();
    input.drain(..9 + len);
    Ok(Some(Frame { kind, flags, stream, payload }))
}

/// Appends a frame.
pub(super) fn put(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Appends a frame whose payload may be padded; so many bytes that padding is.
pub(super) fn put_padded(frame: (u8, u8, u32), payload: &[u8], padding: Option<u8>, out: &mut Vec<u8>) -> usize {
    let (kind, flags, stream) = frame;
    let Some(padding) = padding else {
        put(kind, flags, stream, payload, out);
        return 0;
    };
    let padded = [&[padding], payload, &vec![0; usize::from(padding)]].concat();
    put(kind, flags | PADDED, stream, &padded, out);
    usize::from(padding) + 1
}

/// Appends a header block in HEADERS, and in CONTINUATION frames as chance wants it.
pub(super) fn put_block(stream: u32, end: bool, block: &[u8], scatter: Option<&mut Chance>, out: &mut Vec<u8>) {
    let frames = scatter.map_or(1, |chance| chance.between(1, BLOCK_FRAMES));
    let longest = block.len().div_ceil(frames as usize).max(1);
    let mut pieces = block.chunks(longest).enumerate().peekable();
    while let Some((number, piece)) = pieces.next() {
        let last = if pieces.peek().is_none() { END_HEADERS } else { 0 };
        let (kind, ends) = if number == 0 { (HEADERS, u8::from(end)) } else { (CONTINUATION, 0) };
        put(kind, ends | last, stream, piece, out);
    }
}

/// How an end of a connection compresses, and reads what is compressed.
pub(super) struct Hpack {
    encoder: Option<Encoder>,
    decoder: Decoder,
    list: FieldList,
}

impl std::fmt::Debug for Hpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hpack")
    }
}

impl Hpack {
    /// `table` is what the other end is told of the table's size.
    pub(super) fn new(plain: bool, table: u32) -> Hpack {
        let encoder = (!plain).then(Encoder::new);
        Hpack { encoder, decoder: Decoder::new(table as usize), list: FieldList::new() }
    }

    pub(super) fn encode(&mut self, fields: &[(String, String)]) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(encoder) = &mut self.encoder {
            encoder.begin(&mut out);
            fields.iter().for_each(|(name, value)| encoder.field(name.as_bytes(), value.as_bytes(), &mut out));
            return out;
        }
        for (name, value) in fields {
            // A literal that is put into no table (RFC 7541 section 6.2.2), or, every other length, into it (6.2.1).
            out.push(if value.len() % 2 == 0 { 0 } else { 0x40 });
            string(name, &mut out);
            string(value, &mut out);
        }
        out
    }

    pub(super) fn decode(&mut self, block: &[u8]) -> Result<Fields, String> {
        let limits = Limits::default();
        self.decoder.decode(block, &limits, &mut self.list).map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(self.list.iter().map(|field| (text(field.name), text(field.value))).collect())
    }
}

/// A string that is not Huffman-coded (RFC 7541 section 5.2).
fn string(text: &str, out: &mut Vec<u8>) {
    let mut len = text.len();
    if len < 127 {
        out.push(len as u8);
    } else {
        out.push(127);
        len -= 127;
        while len >= 128 {
            out.push((len % 128) as u8 | 128);
            len /= 128;
        }
        out.push(len as u8);
    }
    out.extend_from_slice(text.as_bytes());
}
