//! Targets: each connection reads requests strictly, judges that they are what the client sent, and answers as the
//! request's own entry in the ledger says.

use std::net::SocketAddr;

use super::fumbler::Fault;
use super::h2::origin::{Dialect, Flaw};
use super::net::{Conn, Net, Side, Stop, Time};
use super::reader::{Framing, Head, Kind, Piece, Reader};
use super::spec::{Course, Ender, Flow, Ledger, Manner, Spec, stream};
use super::witness::Terms;

/// The path that health checks ask for.
pub(crate) const HEALTH: &str = "/health";

/// What a target does with its connections, whatever the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Nothing bad.
    Good,
    /// Refuses every connection.
    Refuses,
    /// Never says anything to an attempt to connect.
    NeverAccepts,
    /// The network answers that there is no way to it.
    Unreachable,
    /// Closes idle connections after so long.
    ClosesIdle(Time),
    /// Says something unasked on idle connections after so long.
    BabblesIdle(Time),
    /// Resets idle connections after so long.
    ResetsIdle(Time),
    /// Announces `Connection: close` with every n-th answer of a connection, and closes.
    ClosesEvery(u64),
    /// Is none of these: it keeps every byte that it gets, and says at the end what it has seen.
    Witnesses(Terms),
    /// Does not get through its handshakes, or takes its time.
    Fumbles(Fault),
}

/// A target.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) address: SocketAddr,
    pub(crate) group: usize,
    pub(crate) nature: Nature,
    /// How long it takes to accept.
    pub(crate) accepts_after: Time,
    /// Bytes that it writes at a time, and how long it pauses after each.
    pub(crate) piece: usize,
    pub(crate) gap: Time,
    pub(crate) http10: bool,
    /// It ends its TLS without saying so.
    pub(crate) rude: bool,
    /// How it speaks HTTP/2, if it does.
    pub(crate) dialect: Option<Dialect>,
}

impl Host {
    /// What it does to its connections, if it speaks HTTP/2.
    pub(super) fn flaw(&self) -> Flaw {
        self.dialect.map_or(Flaw::None, |dialect| dialect.flaw)
    }

    /// How its handshakes fail, if they do.
    pub(super) fn fault(&self) -> Option<Fault> {
        if let Nature::Fumbles(fault) = self.nature { Some(fault) } else { None }
    }
}

#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) conn: Conn,
    host: Host,
    reader: Reader,
    current: Option<Spec>,
    got: u64,
    whole: bool,
    answer_at: Option<Time>,
    out: Vec<u8>,
    written: usize,
    not_before: Time,
    after: After,
    socket: bool,
    pub(crate) served: u64,
    deaf: bool,
    ended: bool,
    idle_since: Time,
    pub(crate) over: bool,
}

/// What happens once the answer is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Next,
    Close,
    Reset,
    Silence,
}

impl Target {
    pub(crate) fn new(conn: Conn, host: Host, now: Time) -> Self {
        Target {
            conn,
            host,
            reader: Reader::new(Kind::Request),
            current: None,
            got: 0,
            whole: false,
            answer_at: None,
            out: Vec::new(),
            written: 0,
            not_before: 0,
            after: After::Next,
            socket: false,
            served: 0,
            deaf: false,
            ended: false,
            idle_since: now,
            over: false,
        }
    }

    pub(crate) fn situation(&self) -> String {
        let current = self.current.as_ref().map(|spec| format!("{} {} {:?}", spec.method, spec.path(), spec.manner));
        format!(
            "target {} serves {current:?}, body {} whole {}, wrote {} of {}",
            self.host.address,
            self.got,
            self.whole,
            self.written,
            self.out.len()
        )
    }

    pub(crate) fn tick<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<Option<Time>, String> {
        loop {
            if self.over {
                return Ok(None);
            }
            let before = (net.moved(self.conn, Side::Theirs), self.answer_at, self.current.is_some());
            self.read(net, ledger)?;
            if self.over {
                return Ok(None);
            }
            self.answer(net);
            self.write(net, ledger)?;
            if self.over || before == (net.moved(self.conn, Side::Theirs), self.answer_at, self.current.is_some()) {
                return Ok(self.alarm(net));
            }
        }
    }

    /// When this connection has something to do again.
    fn alarm<E>(&mut self, net: &mut Net<E>) -> Option<Time> {
        if self.over {
            return None;
        }
        if self.current.is_none() {
            return match self.host.nature {
                Nature::ClosesIdle(span) | Nature::BabblesIdle(span) | Nature::ResetsIdle(span) => {
                    if net.now >= self.idle_since + span && self.served > 0 {
                        if let Nature::BabblesIdle(_) = self.host.nature {
                            let _ = net.write(self.conn, Side::Theirs, b"?!?\r\n\r\n");
                        }
                        match self.host.nature {
                            Nature::ResetsIdle(_) => net.reset(self.conn, Side::Theirs),
                            _ => net.close(self.conn, Side::Theirs),
                        }
                        self.over = true;
                        None
                    } else {
                        (self.served > 0).then_some(self.idle_since + span)
                    }
                }
                _ => None,
            };
        }
        let writing = self.written < self.out.len() && self.not_before > net.now;
        if writing { Some(self.not_before) } else { self.answer_at.filter(|at| *at > net.now) }
    }

    fn read<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<(), String> {
        let mut scratch = [0; 8192];
        while !self.deaf && !self.ended {
            match net.read(self.conn, Side::Theirs, &mut scratch) {
                Ok(0) => {
                    self.ended = true;
                    let socket_done = self.socket && self.written == self.out.len();
                    // Whoever sent half a request may only have gone because its client has; what came was judged.
                    if !self.socket || socket_done {
                        net.close(self.conn, Side::Theirs);
                        self.over = true;
                        return Ok(());
                    }
                }
                Ok(n) => {
                    self.reader.feed(&scratch[..n]);
                    self.judge(net, ledger)?;
                }
                Err(Stop::WouldBlock) => return Ok(()),
                Err(Stop::Reset) => {
                    if let Some(failure) = net.verdict(self.conn).and_then(|verdict| verdict.failure) {
                        return Err(format!("its TLS has failed: {failure}"));
                    }
                    net.close(self.conn, Side::Theirs);
                    self.over = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn judge<E>(&mut self, net: &Net<E>, ledger: &mut Ledger) -> Result<(), String> {
        while !self.deaf {
            let Some(piece) = self.reader.next(false)? else { return Ok(()) };
            match piece {
                Piece::Head(head, framing) => self.head(&head, framing, net, ledger)?,
                Piece::Body(bytes) => self.body(&bytes, ledger)?,
                Piece::End => self.end(net, ledger)?,
            }
        }
        Ok(())
    }

    fn head<E>(&mut self, head: &Head, framing: Framing, net: &Net<E>, ledger: &mut Ledger) -> Result<(), String> {
        if let Some(busy) = &self.current {
            return Err(format!("{} comes while {} is being served on the same connection", head.line, busy.path()));
        }
        if net.is_unheard(self.conn, Side::Theirs) {
            return Err(format!("{} comes before the last answer on this connection was read", head.line));
        }
        let path = head.word(1);
        if path == HEALTH && head.field("user-agent").is_some_and(|agent| agent.starts_with("ELB-HealthChecker")) {
            self.begin(Spec::of_a_check(), net.now);
            return Ok(());
        }
        let id = path.rsplit('/').next().and_then(|id| u64::from_str_radix(id, 16).ok());
        let Some(entry) = id.and_then(|id| ledger.entries.get_mut(&id)) else {
            return Err(format!("{} was never sent by a client", head.line));
        };
        if std::mem::replace(&mut entry.seen, true) {
            return Err(format!("{} comes a second time", head.line));
        }
        let spec = entry.spec.clone();
        let group =
            if let Course::Group(group) | Course::Socket { group, .. } = spec.course { group } else { usize::MAX };
        let client = entry.client.ip().to_string();
        let proto = if entry.secure { "https" } else { "http" };
        let forwarded = head.field("x-forwarded-for").and_then(|value| value.rsplit(", ").next());
        let said = |name: &str| head.field(name).unwrap_or("");
        for (what, is, should) in [
            ("path", path.to_owned(), spec.path()),
            ("method", head.word(0).to_owned(), spec.method.to_owned()),
            ("group", self.host.group.to_string(), group.to_string()),
            ("mark", said("x-mark").to_owned(), format!("{:x}", spec.id)),
            (
                "framing",
                format!("{framing:?}"),
                format!("{:?}", if spec.framing == Framing::Length(0) { Framing::None } else { spec.framing }),
            ),
            ("X-Forwarded-For", forwarded.unwrap_or("").to_owned(), client),
            ("X-Forwarded-Proto", said("x-forwarded-proto").to_owned(), proto.to_owned()),
            ("Expect", said("expect").to_owned(), String::new()),
        ] {
            if is != should {
                return Err(format!("{}: {what} is {is:?}, not {should:?}", head.line));
            }
        }
        self.begin(spec, net.now);
        Ok(())
    }

    fn begin(&mut self, spec: Spec, now: Time) {
        (self.got, self.whole, self.answer_at) = (0, false, None);
        match spec.manner {
            Manner::Early | Manner::EarlyClose => self.answer_at = Some(now + spec.think),
            Manner::Deaf => self.deaf = true,
            _ => {}
        }
        self.current = Some(spec);
    }

    fn body(&mut self, bytes: &[u8], ledger: &mut Ledger) -> Result<(), String> {
        let Some(spec) = &self.current else { return Err("bytes of no request".to_owned()) };
        if stream(spec.id, Flow::Up, self.got, bytes.len() as u64) != bytes {
            return Err(format!("after {} bytes the body of {} is not what its client sent", self.got, spec.path()));
        }
        self.got += bytes.len() as u64;
        if let Some(entry) = ledger.entries.get_mut(&spec.id) {
            entry.uploaded = self.got;
        }
        Ok(())
    }

    fn end<E>(&mut self, net: &Net<E>, ledger: &mut Ledger) -> Result<(), String> {
        let Some(spec) = &self.current else { return Err("the end of no request".to_owned()) };
        if self.got != spec.body {
            return Err(format!("{} ends after {} of {} bytes", spec.path(), self.got, spec.body));
        }
        self.whole = true;
        if let Some(entry) = ledger.entries.get_mut(&spec.id) {
            entry.whole = true;
        }
        if self.answer_at.is_none() && self.out.is_empty() && spec.manner != Manner::Silent {
            self.answer_at = Some(net.now + spec.think);
        }
        if let Course::Socket { .. } = spec.course {
            self.reader.raw();
            self.got = 0;
        }
        if self.out_is_gone() {
            self.next(net.now);
        }
        Ok(())
    }

    fn out_is_gone(&self) -> bool {
        !self.out.is_empty() && self.written == self.out.len()
    }

    /// The time to answer has come.
    fn answer<E>(&mut self, net: &mut Net<E>) {
        let Some(spec) = self.current.clone() else { return };
        if self.answer_at.is_none_or(|at| at > net.now) {
            return;
        }
        self.answer_at = None;
        let mut spec = spec;
        self.after = match spec.manner {
            Manner::ResetFirst => {
                net.reset(self.conn, Side::Theirs);
                self.over = true;
                return;
            }
            Manner::CloseFirst => {
                net.close(self.conn, Side::Theirs);
                self.over = true;
                return;
            }
            Manner::EarlyClose | Manner::Short | Manner::Garbage | Manner::Oversized | Manner::BadChunks => {
                After::Close
            }
            Manner::ShortStall => After::Silence,
            Manner::ResetMidway => After::Reset,
            _ if spec.announces_close || spec.answer_framing == Framing::UntilClose && spec.has_answer_body() => {
                After::Close
            }
            _ => After::Next,
        };
        if let Nature::ClosesEvery(n) = self.host.nature
            && (self.served + 1).is_multiple_of(n)
            && self.after == After::Next
        {
            spec.announces_close = true;
            self.after = After::Close;
        }
        // Chunks are none of HTTP/1.0's; such an answer is written as HTTP/1.1.
        let http10 = self.host.http10 && spec.answer_framing != Framing::Chunked;
        if http10 && self.after == After::Next {
            // An HTTP/1.0 server does not keep connections unless it says so.
            self.after = After::Close;
        }
        if let Course::Socket { down, .. } = spec.course {
            self.out = format!(
                "HTTP/1.1 101 Switching Protocols\r\nX-Id: {:x}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                spec.id
            )
            .into_bytes();
            self.out.extend(stream(spec.id, Flow::Down, 0, down));
            self.socket = true;
        } else {
            self.out = spec.framed_answer(http10);
        }
        self.written = 0;
    }

    fn write<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<(), String> {
        while self.written < self.out.len() && !self.over {
            if net.now < self.not_before {
                return Ok(());
            }
            let piece = &self.out[self.written..(self.written + self.host.piece).min(self.out.len())];
            match net.write(self.conn, Side::Theirs, piece) {
                Ok(n) => {
                    self.written += n;
                    if self.host.gap > 0 {
                        self.not_before = net.now + self.host.gap;
                    }
                }
                Err(Stop::WouldBlock) => return Ok(()),
                Err(Stop::Reset) => {
                    net.close(self.conn, Side::Theirs);
                    self.over = true;
                }
            }
        }
        if self.over || !self.out_is_gone() {
            return Ok(());
        }
        if self.socket {
            return self.end_socket(net);
        }
        let early = self.current.as_ref().is_some_and(|spec| spec.manner == Manner::Early);
        match self.after {
            // Closing now would reset the connection, and could take the answer with it: the rest is read first.
            After::Close if early && !self.whole => {
                self.end_rudely(net, ledger);
                net.shut(self.conn, Side::Theirs);
            }
            After::Close => {
                self.end_rudely(net, ledger);
                net.close(self.conn, Side::Theirs);
                self.over = true;
            }
            After::Reset => {
                net.reset(self.conn, Side::Theirs);
                self.over = true;
            }
            After::Silence => {}
            After::Next if self.whole => self.next(net.now),
            After::Next => {}
        }
        Ok(())
    }

    /// Whoever ends TLS without saying so, where only the end says how long an answer is, says nothing of it.
    fn end_rudely<E>(&self, net: &Net<E>, ledger: &mut Ledger) {
        let Some(spec) = &self.current else { return };
        let until_close = spec.answer_framing == Framing::UntilClose && spec.has_answer_body();
        if self.host.rude
            && net.verdict(self.conn).is_some()
            && until_close
            && let Some(entry) = ledger.entries.get_mut(&spec.id)
        {
            entry.truncated = true;
        }
    }

    fn next(&mut self, now: Time) {
        if self.after != After::Next || self.socket {
            return;
        }
        self.current = None;
        self.out.clear();
        self.written = 0;
        self.served += 1;
        self.idle_since = now;
    }

    /// Everything of a WebSocket was sent: whether it ends now.
    fn end_socket<E>(&mut self, net: &mut Net<E>) -> Result<(), String> {
        let Some(Spec { course: Course::Socket { up, ender, .. }, id, .. }) = &self.current else { return Ok(()) };
        if self.got > *up {
            return Err(format!("WebSocket {id:x} carried {} bytes to its target, not {up}", self.got));
        }
        if self.ended || *ender == Ender::Target && self.got == *up {
            net.close(self.conn, Side::Theirs);
            self.over = true;
        }
        Ok(())
    }
}
