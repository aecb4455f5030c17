//! A target that keeps every byte it gets on a connection, and answers as well or as badly as its terms say. At the end
//! all readers must see the same in those bytes; and at every request the connection must still be one that may be used.
//!
//! Which bytes are the balancer's own is told by `X-Forwarded-Port`: it writes that field once into each head, and no
//! client of this world ever does. So it must be once in each head that is seen, and never in a body: a head in a
//! body would be another's request that came before this one was sent whole.

use std::fmt;

use sluicegate::config::DesyncMitigationMode;

use super::chance::Chance;
use super::net::{Conn, MICROS, MILLIS, Net, Side, Stop, Time};
use crate::readers::{Ending, Seen, agree, bodies_come_last, strict};

/// What a witness does, and what it may expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// It answers whole requests, and says nothing else.
    pub(crate) honest: bool,
    /// The last item of `X-Forwarded-For` is the client's address.
    pub(crate) names_clients: bool,
    pub(crate) mode: DesyncMitigationMode,
}

/// What the client is called that a head does not name.
pub(super) const UNKNOWN: &str = "unknown";

/// Whose answers they are that nobody asked for.
pub(super) const NOBODY: &str = "nobody";

const SIGNATURE: &[u8] = b"X-Forwarded-Port:";

/// How one request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// When it is whole.
    Proper,
    /// As soon as its head is there; the body is read all the same.
    Early,
    /// As soon as its head is there, and the connection is closed.
    EarlyClose,
    /// With more than the answer.
    Excess,
    /// With 101, asked or not.
    Switch,
    /// Never.
    Silent,
    /// With a reset.
    Reset,
}

#[derive(Debug)]
struct Current {
    head: Seen,
    manner: Manner,
    /// Where it ends in the stream, once that is there.
    end: Option<usize>,
    answer_at: Option<Time>,
    answer: Option<Answer>,
    closes: bool,
}

/// An answer that was given: the watch for the end of its head, and where it ends in the output.
#[derive(Clone, Copy, Debug)]
struct Answer {
    head_read: usize,
    end: usize,
}

#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) conn: Conn,
    pub(crate) over: bool,
    terms: Terms,
    chance: Chance,
    stream: Vec<u8>,
    /// Where the present request begins, or the next one.
    begun: usize,
    current: Option<Current>,
    /// The last request's answer, and where that request ended.
    last: Option<(Answer, usize)>,
    /// The watch for the first byte that nobody asked for.
    unasked: Option<usize>,
    babble_at: Option<Time>,
    /// From here on bytes are those of a tunnel.
    tunnel: Option<usize>,
    out: Vec<u8>,
    written: usize,
}

impl Witness {
    pub(crate) fn new(conn: Conn, terms: Terms, chance: Chance) -> Self {
        Witness {
            conn,
            over: false,
            terms,
            chance,
            stream: Vec::new(),
            begun: 0,
            current: None,
            last: None,
            unasked: None,
            babble_at: None,
            tunnel: None,
            out: Vec::new(),
            written: 0,
        }
    }

    pub(crate) fn situation(&self) -> String {
        let got = self.stream.escape_ascii();
        format!("witness, conn {}: {:?}, got \"{got}\"", self.conn, self.current)
    }

    /// The world is over: whether everybody reads the same in what came.
    pub(crate) fn testify(&self) -> Result<(), String> {
        let fail = |what: &dyn fmt::Display| Err(format!("target, conn {}: {what}", self.conn));
        let upto = self.tunnel.unwrap_or(self.stream.len());
        let seen = match agree(&self.stream[..upto]) {
            Ok(seen) => seen,
            Err(fault) => return fail(&fault),
        };
        for request in &seen {
            let of = |from: usize, upto: usize| signatures(&self.stream[from..upto]);
            let (head, body) = (of(request.start, request.head_end), of(request.head_end, request.end));
            if (head, body) != (1, 0) {
                let text = self.stream[request.start..request.end].escape_ascii();
                return fail(&format!("{head} heads of the balancer in a head, {body} in its body: \"{text}\""));
            }
        }
        match self.terms.mode {
            DesyncMitigationMode::Monitor | DesyncMitigationMode::Defensive => {
                bodies_come_last(&seen).or_else(|fault| fail(&fault))
            }
            DesyncMitigationMode::Strictest if seen.iter().any(Seen::may_be_ignored) => fail(&"a body on GET or HEAD"),
            DesyncMitigationMode::Strictest => Ok(()),
        }
    }

    pub(crate) fn tick<E>(&mut self, net: &mut Net<E>) -> Result<Option<Time>, String> {
        while !self.over {
            let before = (net.moved(self.conn, Side::Theirs), self.out.len(), self.current.is_some());
            self.read(net)?;
            self.speak(net);
            self.flush(net);
            self.proceed(net);
            if self.over || before == (net.moved(self.conn, Side::Theirs), self.out.len(), self.current.is_some()) {
                break;
            }
        }
        Ok(if self.over { None } else { self.alarm(net.now) })
    }

    fn alarm(&self, now: Time) -> Option<Time> {
        let answer = self.current.as_ref().and_then(|current| current.answer_at);
        [answer, self.babble_at].into_iter().flatten().filter(|at| *at > now).min()
    }

    // ---- what comes -------------------------------------------------------------------------------------------

    fn read<E>(&mut self, net: &mut Net<E>) -> Result<(), String> {
        let mut scratch = [0; 8192];
        while !self.over {
            match net.read(self.conn, Side::Theirs, &mut scratch) {
                Ok(n) if n > 0 => {
                    self.stream.extend_from_slice(&scratch[..n]);
                    self.judge(net)?;
                }
                Ok(_) | Err(Stop::Reset) => self.leave(net),
                Err(Stop::WouldBlock) => return Ok(()),
            }
        }
        Ok(())
    }

    fn leave<E>(&mut self, net: &mut Net<E>) {
        net.close(self.conn, Side::Theirs);
        self.over = true;
    }

    /// Looks at what has come of the present request, or of the next one.
    fn judge<E>(&mut self, net: &mut Net<E>) -> Result<(), String> {
        if self.tunnel.is_some() {
            return Ok(());
        }
        if let Some(end) = self.current.as_ref().and_then(|current| current.end) {
            let more = end < self.stream.len();
            return if more { Err("a request before the one before it is answered".to_owned()) } else { Ok(()) };
        }
        let reading = strict::read(&self.stream[self.begun..]);
        if let Ending::Rejected { why, .. } = reading.ending {
            return Err(agree(&self.stream).map_or_else(|fault| fault.to_string(), |_| why.to_owned()));
        }
        let Some(seen) = reading.requests.into_iter().next() else { return Ok(()) };
        let end = seen.whole.then_some(self.begun + seen.end);
        if self.current.is_none() {
            self.may_begin(net)?;
            if !self.over {
                self.begin(seen, net.now);
            }
        }
        if let (Some(current), Some(_)) = (&mut self.current, end) {
            current.end = end;
            if current.answer_at.is_none() && current.answer.is_none() && current.manner != Manner::Silent {
                current.answer_at = Some(net.now + self.chance.pick(&[0, 0, 100 * MICROS, 20 * MILLIS]));
            }
        }
        Ok(())
    }

    /// A head is there. Whether this connection may still carry requests.
    fn may_begin<E>(&mut self, net: &mut Net<E>) -> Result<(), String> {
        let begins = self.begun as u64;
        if let Some(unasked) = self.unasked {
            return match net.watched(self.conn, Side::Ours, unasked) {
                Some(written) if written <= begins => {
                    Err("a request on a connection whose target had said something unasked".to_owned())
                }
                // It was under way when this request was, and is taken for its answer, as it must be.
                _ => {
                    self.leave(net);
                    Ok(())
                }
            };
        }
        if let Some((answer, end)) = self.last {
            match net.watched(self.conn, Side::Ours, answer.head_read) {
                Some(written) if written < end as u64 => {
                    return Err("a request on a connection whose target had answered early".to_owned());
                }
                Some(_) => {}
                None => return Err("a request before the last answer was read".to_owned()),
            }
        }
        if net.unread(self.conn, Side::Ours) > 0 {
            return Err("a request before all of the last answer was read".to_owned());
        }
        Ok(())
    }

    fn begin(&mut self, head: Seen, now: Time) {
        let manner = match self.chance.below(20) {
            _ if self.terms.honest => Manner::Proper,
            0..=3 => Manner::Early,
            4 => Manner::EarlyClose,
            5 | 6 => Manner::Excess,
            7 => Manner::Switch,
            8 => Manner::Silent,
            9 => Manner::Reset,
            _ => Manner::Proper,
        };
        let early = matches!(manner, Manner::Early | Manner::EarlyClose);
        let answer_at = early.then(|| now + self.chance.pick(&[0, 50 * MICROS, 5 * MILLIS, 500 * MILLIS]));
        let closes = manner == Manner::EarlyClose || self.chance.one_in(8);
        self.babble_at = None;
        self.current = Some(Current { head, manner, end: None, answer_at, answer: None, closes });
    }

    // ---- what is said -----------------------------------------------------------------------------------------

    /// Whatever is due is put into the output.
    fn speak<E>(&mut self, net: &mut Net<E>) {
        if self.over {
            return;
        }
        if self.babble_at.is_some_and(|at| at <= net.now) {
            self.babble_at = None;
            self.babble(net);
        }
        let due = self.current.as_ref().is_some_and(|current| current.answer_at.is_some_and(|at| at <= net.now));
        let Some(mut current) = self.current.take_if(|_| due) else { return };
        current.answer_at = None;
        match current.manner {
            Manner::Reset => {
                net.reset(self.conn, Side::Theirs);
                self.over = true;
            }
            Manner::Switch => self.switch(&mut current, net),
            _ => self.answer(&mut current, net),
        }
        self.current = Some(current);
    }

    fn answer<E>(&mut self, current: &mut Current, net: &mut Net<E>) {
        for _ in 0..self.chance.below(8).saturating_sub(5) {
            let interim = self.chance.pick(&["100 Continue", "103 Early Hints", "102 Processing"]);
            self.out.extend_from_slice(format!("HTTP/1.1 {interim}\r\nX: y\r\n\r\n").as_bytes());
        }
        let (head, body) = self.final_answer(current);
        self.out.extend_from_slice(head.as_bytes());
        let head_read = net.watch(self.conn, Side::Ours, self.out.len() as u64 - 1);
        self.out.extend_from_slice(&body);
        current.answer = Some(Answer { head_read, end: self.out.len() });
        if current.manner == Manner::Excess {
            self.babble(net);
        }
    }

    fn final_answer(&mut self, current: &Current) -> (String, Vec<u8>) {
        let bodiless = current.head.method == b"HEAD";
        let status = self.chance.pick(&[200, 200, 200, 404, 500, 204, 304]);
        let size = self.chance.size(600);
        let mut head = format!("HTTP/1.1 {status} Whatever\r\nX-Client: {}\r\n", self.client(&current.head));
        head += &format!(
            "X-Path: {}\r\n",
            current.head.target.escape_ascii().take(100).map(char::from).collect::<String>()
        );
        if current.end.is_some() {
            head += &format!("X-Body: {}\r\n", digest(&current.head_body(&self.stream, self.begun)));
        }
        if bodiless {
            head += "X-Bodiless: yes\r\n";
        }
        if current.closes {
            head += "Connection: close\r\n";
        }
        let chunked = self.chance.one_in(3);
        let mut body = vec![b'.'; size as usize];
        if chunked {
            body = [format!("{:x}\r\n", size + 1).as_bytes(), b"!", &body, b"\r\n0\r\n\r\n"].concat();
        }
        if matches!(status, 204 | 304) {
            body.clear();
        } else if chunked {
            head += "Transfer-Encoding: chunked\r\n";
        } else {
            head += &format!("Content-Length: {size}\r\n");
        }
        if bodiless {
            body.clear();
        }
        (head + "\r\n", body)
    }

    /// What the head says whose request this is.
    fn client(&self, head: &Seen) -> String {
        let text = String::from_utf8_lossy(&self.stream[self.begun..self.begun + head.head_end]);
        let field = text.split("\r\n").find_map(|line| line.strip_prefix("X-Forwarded-For: "));
        let last = field.and_then(|value| value.rsplit(", ").next()).filter(|_| self.terms.names_clients);
        last.map_or(UNKNOWN, |address| address.split(':').next().unwrap_or(address)).to_owned()
    }

    /// Says 101; unless that was asked for, it is as good as babble.
    fn switch<E>(&mut self, current: &mut Current, net: &mut Net<E>) {
        let text = String::from_utf8_lossy(&self.stream[self.begun..self.begun + current.head.head_end]).into_owned();
        if text.ends_with("Connection: upgrade\r\nUpgrade: websocket\r\n\r\n") {
            self.tunnel = current.end;
        } else {
            self.unasked = Some(net.watch(self.conn, Side::Ours, self.out.len() as u64));
        }
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nX-Client: {}\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            self.client(&current.head)
        );
        self.out.extend_from_slice(head.as_bytes());
        let head_read = net.watch(self.conn, Side::Ours, self.out.len() as u64 - 1);
        current.answer = Some(Answer { head_read, end: self.out.len() });
        current.closes = true;
    }

    /// Says something that nobody asked for.
    fn babble<E>(&mut self, net: &mut Net<E>) {
        self.unasked = Some(net.watch(self.conn, Side::Ours, self.out.len() as u64));
        let words = self.chance.pick(&[
            "HTTP/1.1 200 OK\r\nX-Client: nobody\r\nContent-Length: 6\r\n\r\nnobody",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 408 Request Timeout\r\nX-Client: nobody\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX-Client: nobody\r\nContent-Length: 100000\r\n\r\n",
            "\r\n",
            "x",
        ]);
        self.out.extend_from_slice(words.as_bytes());
    }

    fn flush<E>(&mut self, net: &mut Net<E>) {
        while !self.over && self.written < self.out.len() {
            match net.write(self.conn, Side::Theirs, &self.out[self.written..]) {
                Ok(n) => self.written += n,
                Err(Stop::WouldBlock) => return,
                Err(Stop::Reset) => self.leave(net),
            }
        }
    }

    /// Once the answer is out: the next request may come, or the connection closes.
    fn proceed<E>(&mut self, net: &mut Net<E>) {
        let Some(&Current { answer: Some(answer), closes, manner, end, .. }) = self.current.as_ref() else { return };
        if self.over || self.written < answer.end {
            return;
        }
        if manner == Manner::EarlyClose || closes && end.is_some() {
            return self.leave(net);
        }
        let Some(end) = end else { return };
        self.last = Some((answer, end));
        self.begun = end;
        self.current = None;
        if !self.terms.honest && self.unasked.is_none() && self.chance.one_in(4) {
            self.babble_at = Some(net.now + self.chance.pick(&[0, 100 * MICROS, 10 * MILLIS, 500 * MILLIS]));
        }
    }
}

impl Current {
    /// The body of a request that is whole.
    fn head_body(&self, stream: &[u8], begun: usize) -> Vec<u8> {
        let reading = strict::read(&stream[begun..self.end.unwrap_or(begun)]);
        reading.requests.into_iter().next().map(|seen| seen.body).unwrap_or_default()
    }
}

/// What is told of a body: its length, and a number that depends on each of its bytes.
pub(super) fn digest(body: &[u8]) -> String {
    let hash = body
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{}-{hash:x}", body.len())
}

fn signatures(bytes: &[u8]) -> usize {
    bytes.windows(SIGNATURE.len()).filter(|window| *window == SIGNATURE).count()
}
