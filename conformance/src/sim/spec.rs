//! A request and the answer that its target gives: everything about both follows from this, so that client, target
//! and checkers agree without talking to each other.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::chance::mix;
use super::net::Time;
use super::reader::Framing;

/// What a target does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Reads all of it, then answers.
    Proper,
    /// Answers once it has the head, and reads the body all the same.
    Early,
    /// Answers once it has the head and closes at once, body or not.
    EarlyClose,
    /// Announces more body than it sends, and closes.
    Short,
    /// Announces more body than it sends, and stays silent.
    ShortStall,
    /// Sends more than it announced.
    Long,
    /// Answers with something that is not HTTP.
    Garbage,
    /// Answers with a head of more than 32 K.
    Oversized,
    /// Resets the connection before it answers.
    ResetFirst,
    /// Resets the connection in the middle of the body.
    ResetMidway,
    /// Closes the connection before it answers.
    CloseFirst,
    /// Never answers.
    Silent,
    /// Stops reading after the head, and never answers.
    Deaf,
    /// Sends chunks that are none.
    BadChunks,
}

/// Who ends a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ender {
    /// The client, once it has everything.
    Client,
    /// The client closes its half as soon as it has sent all of its own.
    ClientHalf,
    /// The target, once it has everything.
    Target,
}

/// Where a request's path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// To that group.
    Group(usize),
    /// To a redirect.
    Redirect,
    /// To a fixed response.
    Fixed,
    /// Upgrades to a WebSocket: bytes from the client, bytes from the target.
    Socket { group: usize, up: u64, down: u64, ender: Ender },
    /// Is not a proper request: an error is the answer.
    Bad,
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) id: u64,
    pub(crate) course: Course,
    pub(crate) method: &'static str,
    pub(crate) http10: bool,
    pub(crate) close: bool,
    pub(crate) expects: bool,
    pub(crate) framing: Framing,
    pub(crate) body: u64,
    pub(crate) trailers: bool,
    pub(crate) status: u16,
    pub(crate) answer_framing: Framing,
    pub(crate) answer: u64,
    pub(crate) interims: u8,
    pub(crate) think: Time,
    pub(crate) announces_close: bool,
    pub(crate) manner: Manner,
    /// It is a call of gRPC.
    pub(crate) call: bool,
    /// Errors of the balancer that would be no surprise.
    pub(crate) errors: Vec<u16>,
    /// Whether the answer may be cut short.
    pub(crate) may_be_cut: bool,
    /// Whether it may have to wait for its turn on a connection.
    pub(crate) may_wait: bool,
}

impl Spec {
    /// A health check, which has no body either way.
    pub(crate) fn of_a_check() -> Spec {
        Spec {
            id: 0,
            course: Course::Group(0),
            method: "GET",
            http10: false,
            close: true,
            expects: false,
            framing: Framing::None,
            body: 0,
            trailers: false,
            status: 200,
            answer_framing: Framing::Length(0),
            answer: 0,
            interims: 0,
            think: 0,
            announces_close: false,
            manner: Manner::Proper,
            call: false,
            errors: Vec::new(),
            may_be_cut: false,
            may_wait: false,
        }
    }

    pub(crate) fn path(&self) -> String {
        match self.course {
            Course::Group(group) => format!("/g{group}/{:x}", self.id),
            Course::Redirect => format!("/redirect/{:x}", self.id),
            Course::Fixed => format!("/fixed/{:x}", self.id),
            Course::Socket { group, .. } => format!("/g{group}/ws/{:x}", self.id),
            Course::Bad => "/".to_owned(),
        }
    }

    /// The host that a client of HTTP/2 asks.
    pub(crate) fn authority(&self) -> String {
        format!("h{}.example", self.id % 7)
    }

    /// The head as the client sends it.
    pub(crate) fn head(&self, host: &str) -> Vec<u8> {
        let version = if self.http10 { "1.0" } else { "1.1" };
        let mut head =
            format!("{} {} HTTP/{version}\r\nHost: {host}\r\nX-Mark: {:x}\r\n", self.method, self.path(), self.id);
        match self.framing {
            Framing::Length(n) => head += &format!("Content-Length: {n}\r\n"),
            Framing::Chunked => head += "Transfer-Encoding: chunked\r\n",
            Framing::None | Framing::UntilClose => {}
        }
        if self.expects {
            head += "Expect: 100-continue\r\n";
        }
        if let Course::Socket { .. } = self.course {
            head += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        } else if self.close {
            head += "Connection: close\r\n";
        } else if self.http10 {
            head += "Connection: keep-alive\r\n";
        }
        head += "\r\n";
        head.into_bytes()
    }

    /// The body as the client sends it: framed, in chunks whose sizes follow from the id.
    pub(crate) fn framed_body(&self) -> Vec<u8> {
        frame(self.framing, &stream(self.id, Flow::Up, 0, self.body), self.id, self.trailers)
    }

    /// The answer as the target sends it, interim answers included, as far as it sends it.
    pub(crate) fn framed_answer(&self, http10: bool) -> Vec<u8> {
        let mut out = Vec::new();
        for n in 0..self.interims {
            out.extend_from_slice(
                format!(
                    "HTTP/1.1 {}\r\nLink: </{n}>\r\n\r\n",
                    if n % 2 == 0 { "103 Early Hints" } else { "102 Processing" }
                )
                .as_bytes(),
            );
        }
        match self.manner {
            Manner::Garbage => out.extend_from_slice(b"220 mail.example ESMTP ready\r\n\r\n"),
            Manner::Oversized => {
                out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
                while out.len() < 40_000 {
                    out.extend_from_slice(format!("X-Pad-{}: {}\r\n", out.len(), "p".repeat(500)).as_bytes());
                }
                out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
            }
            _ => self.honest_answer(http10, &mut out),
        }
        out
    }

    fn honest_answer(&self, http10: bool, out: &mut Vec<u8>) {
        let version = if http10 { "1.0" } else { "1.1" };
        out.extend_from_slice(format!("HTTP/{version} {} Whatever\r\nX-Id: {:x}\r\n", self.status, self.id).as_bytes());
        match self.answer_framing {
            Framing::Length(n) => out.extend_from_slice(format!("Content-Length: {n}\r\n").as_bytes()),
            Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            Framing::None | Framing::UntilClose => {}
        }
        if self.announces_close {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        if !self.has_answer_body() {
            return;
        }
        let body = stream(self.id, Flow::Down, 0, self.answer);
        let head = out.len();
        out.extend_from_slice(&frame(self.answer_framing, &body, self.id ^ 1, self.trailers));
        match self.manner {
            Manner::Short | Manner::ShortStall | Manner::ResetMidway => out.truncate(head + (out.len() - head) / 2),
            Manner::Long => out.extend_from_slice(b"HTTP/1.1 200 OK\r\nX-Id: 0\r\nContent-Length: 0\r\n\r\n"),
            Manner::BadChunks => {
                out.truncate(head);
                out.extend_from_slice(b"5\r\n");
                out.extend(stream(self.id, Flow::Down, 0, 5));
                out.extend_from_slice(b"XX\r\n");
            }
            _ => {}
        }
    }

    pub(crate) fn has_answer_body(&self) -> bool {
        self.method != "HEAD" && !matches!(self.status, 204 | 304)
    }

    /// Whether nobody does anything wrong.
    pub(crate) fn is_fair(&self) -> bool {
        self.errors.is_empty() && !self.may_be_cut
    }

    /// Whether the client may send another request after the answer, if the target's answer is what it gets.
    pub(crate) fn keeps_alive(&self) -> bool {
        let framed = !self.has_answer_body()
            || matches!(self.answer_framing, Framing::Length(_))
            || self.answer_framing == Framing::Chunked && !self.http10;
        let early = matches!(self.manner, Manner::Early | Manner::EarlyClose) && self.framing != Framing::None;
        !self.close && framed && !early && matches!(self.course, Course::Group(_)) && self.is_fair()
    }
}

/// A body in its framing. Chunk sizes follow from `salt`.
fn frame(framing: Framing, body: &[u8], salt: u64, trailers: bool) -> Vec<u8> {
    if framing != Framing::Chunked {
        return body.to_vec();
    }
    let mut out = Vec::new();
    let (mut rest, mut salt) = (body, salt);
    while !rest.is_empty() {
        salt = mix(salt.wrapping_add(7));
        let most = if salt % 3 == 0 { 9 } else { 5000 };
        let n = ((salt >> 8) % most + 1).min(rest.len() as u64) as usize;
        let extension = if salt % 5 == 0 { ";x=\"y z\"" } else { "" };
        out.extend_from_slice(format!("{n:x}{extension}\r\n").as_bytes());
        out.extend_from_slice(&rest[..n]);
        out.extend_from_slice(b"\r\n");
        rest = &rest[n..];
    }
    out.extend_from_slice(if trailers { b"0\r\nX-Sum: 1\r\n\r\n" } else { b"0\r\n\r\n" });
    out
}

/// Which of a request's two streams of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Up,
    Down,
}

/// `len` bytes from `offset` on, of the stream that belongs to a request.
pub(crate) fn stream(id: u64, flow: Flow, offset: u64, len: u64) -> Vec<u8> {
    let salt = mix(id.wrapping_mul(2) + u64::from(flow == Flow::Up));
    let mut bytes = Vec::with_capacity(len as usize + 8);
    let mut block = offset / 8;
    bytes.extend_from_slice(&mix(salt.wrapping_add(block)).to_le_bytes()[(offset % 8) as usize..]);
    while (bytes.len() as u64) < len {
        block += 1;
        bytes.extend_from_slice(&mix(salt.wrapping_add(block)).to_le_bytes());
    }
    bytes.truncate(len as usize);
    bytes
}

/// What is known of a request: what it is, and what has been seen of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) spec: Spec,
    pub(crate) client: SocketAddr,
    /// It was sent over TLS.
    pub(crate) secure: bool,
    pub(crate) seen: bool,
    /// How often a target has said that it had nothing to do with it.
    pub(crate) refusals: u8,
    /// Body bytes that the target has read, and whether it has read the end of the request.
    pub(crate) uploaded: u64,
    pub(crate) whole: bool,
    /// Its answer went on until the connection ended, and how that came about says nothing about its end.
    pub(crate) truncated: bool,
    /// Its client does what may end it at any time.
    pub(crate) is_free: bool,
}

/// Every request of a world, by id.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) entries: BTreeMap<u64, Entry>,
    /// The world disturbs connections in ways that their peers do not know of (reload, drain, shedding).
    pub(crate) disturbed: bool,
    /// Targets are deregistered while they serve.
    pub(crate) deregisters: bool,
    /// There is too little memory for what some requests and answers need.
    pub(crate) starved: bool,
    /// Steps of handshakes take so long that some come too late.
    pub(crate) slow: bool,
    /// Answers that were received whole, and errors of the balancer, by status.
    pub(crate) answered: u64,
    pub(crate) refused: BTreeMap<u16, u64>,
    /// Requests that were not answered because their targets' handshakes failed, and because they were late.
    pub(crate) unsecured: [u64; 2],
}

impl Ledger {
    /// A target has nothing to do with a request, and says so: it may be asked for elsewhere.
    pub(crate) fn refuse(&mut self, id: u64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.seen = false;
            entry.refusals += 1;
        }
    }

    pub(crate) fn enter(&mut self, spec: Spec, client: SocketAddr, secure: bool) {
        let entry = Entry {
            spec,
            client,
            secure,
            seen: false,
            refusals: 0,
            uploaded: 0,
            whole: false,
            truncated: false,
            is_free: false,
        };
        self.entries.insert(entry.spec.id, entry);
    }
}
