//! Independent readers of HTTP/1 requests. Whatever bytes a client sends, what leaves towards a target must be read the
//! same by everybody: request smuggling lives on two readings of one stream. Here are many readers, and [`agree`]
//! says whether they see the same.
//!
//! - [`strict`] reads RFC 9112 to the letter and rejects the first byte that is not covered by it.
//! - [`lenient`] reads as a sloppy server does; each way of being sloppy is a switch of [`Quirks`].
//! - [`agree`] holds the strict reader against every variant of the lenient one.
//!
//! They are written for this purpose and share no code with the balancer, nor with each other: to be blind to the same
//! thing, all of them would have to be wrong in the same way.
//!
//! # What agreement means
//!
//! The strict reader accepts every byte. Each variant sees the same requests: method, target, host, body, where each
//! begins, where its head ends, where it ends. If the stream ends within a request (the upload was cut off), it ends
//! there for all, behind the same head.
//!
//! # Readers that ignore bodies
//!
//! A `GET` or `HEAD` with a body is legal to forward (RFC 9110 section 9.3.1), and some servers take no notice of that
//! body: its bytes are the next request to them ("CL.0"). No form of the request mends that. So those readers must
//! agree up to the head of the first such request, and nothing is asked of them behind it. What takes the sting out
//! is that nobody else's request follows on the connection: [`bodies_come_last`] checks that a request with a body on
//! `GET` or `HEAD` is the last of its stream. It holds where the balancer closes the target's connection after it (guide
//! DSY-04, DSY-26, DSY-27: modes `monitor` and `defensive`); in mode `strictest` there is none at all. Bodies
//! on other methods are none of this: a server that ignores the body of a `POST` is broken for everybody, and closing
//! after each would be the end of kept connections.
//!
//! # What is not asked
//!
//! Readers that legal requests break, whoever forwards them: that do not know `chunked` in HTTP/1.1, or trailers; that
//! keep a length in 32 bits; that end a line at what Unicode calls one (`0x85` in a value).

mod agree;
mod body;
pub mod lenient;
pub mod quirks;
pub mod strict;

pub use agree::{Disagreement, agree, bodies_come_last};
pub use quirks::Quirks;

/// How a reader takes a body to be framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// A request as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The first word of the request line.
    pub method: Vec<u8>,
    /// The request target.
    pub target: Vec<u8>,
    /// The authority of an absolute target, else the value of `Host`; empty if there is neither.
    pub host: Vec<u8>,
    /// How the body is framed.
    pub framing: Framing,
    /// The body without its framing, as far as it was read.
    pub body: Vec<u8>,
    /// Where the request line begins in the stream.
    pub start: usize,
    /// Where the head is over.
    pub head_end: usize,
    /// Where the request is over, or where reading it ended.
    pub end: usize,
    /// Whether it is there to its end.
    pub whole: bool,
}

impl Seen {
    /// Whether bytes follow the head which belong to this request.
    pub fn has_body(&self) -> bool {
        !matches!(self.framing, Framing::None | Framing::Length(0))
    }

    /// Whether some servers take what follows the head for the next request: a body on `GET` or `HEAD`.
    pub fn may_be_ignored(&self) -> bool {
        self.has_body() && matches!(&self.method[..], b"GET" | b"HEAD")
    }
}

/// How a reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Behind a whole request, or the stream is empty.
    Clean,
    /// Within a request: more is awaited. If its head was whole, it is the last one seen.
    Incomplete,
    /// Something that this reader refuses.
    Rejected {
        /// Where in the stream.
        at: usize,
        /// Why.
        why: &'static str,
    },
}

/// What a reader made of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The requests in order; all but the last are whole.
    pub requests: Vec<Seen>,
    /// How it ended.
    pub ending: Ending,
}

/// Why a reader cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    More,
    Rejected { at: usize, why: &'static str },
}

fn rejected<T>(at: usize, why: &'static str) -> Result<T, Stop> {
    Err(Stop::Rejected { at, why })
}

/// Takes requests off `stream` until it is over or the reader stops.
fn read_all(stream: &[u8], mut next: impl FnMut(usize, &mut Vec<Seen>) -> Result<usize, Stop>) -> Reading {
    let mut requests = Vec::new();
    let mut at = 0;
    while at < stream.len() {
        match next(at, &mut requests) {
            Ok(end) => at = end,
            Err(stop) => return stopped(stream, requests, stop),
        }
    }
    Reading { requests, ending: Ending::Clean }
}

fn stopped(stream: &[u8], mut requests: Vec<Seen>, stop: Stop) -> Reading {
    let (end, ending) = match stop {
        Stop::More => (stream.len(), Ending::Incomplete),
        Stop::Rejected { at, why } => (at, Ending::Rejected { at, why }),
    };
    if let Some(last) = requests.last_mut().filter(|last| !last.whole) {
        last.end = end;
    }
    Reading { requests, ending }
}
