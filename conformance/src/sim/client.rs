//! Clients: each follows a script of steps and judges every byte that it gets.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::net::{Conn, MILLIS, Net, SECONDS, Side, Stop, Time};
use super::reader::{Framing, Head, Kind, Piece, Reader};
use super::spec::{Course, Ender, Flow, Ledger, Spec, stream};
use super::veil::Habits;
use super::verdict::Own;

/// Silence that is longer than everybody's thinking and the network's delays together, and shorter than any timeout.
const LATE: Time = 4 * SECONDS;

/// Whoever finishes a handshake after this is not served any more, timers being as late as they are.
pub(super) const TOO_LATE: Time = 10_200 * MILLIS;

/// One step of a client's script.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A request begins: from now on its answer may come.
    Begin(u64),
    /// Bytes to send.
    Send(Vec<u8>),
    /// Wait until the balancer or the target has said 100, or anything final.
    Continue,
    /// Wait until so many requests have been answered.
    Answers(u64),
    /// Do nothing for a while.
    Pause(Time),
    /// Read nothing from now on.
    ReadNothing,
    /// From now on read so many bytes at a time, with a pause after each.
    ReadSlowly(usize, Time),
    /// Wait until everything of a WebSocket has come.
    Socket,
    /// Close the sending side.
    Half,
    /// Close.
    Close,
    /// Close with a reset.
    Reset,
    /// Wait until the balancer closes.
    Gone,
}

/// How a client sends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) piece: usize,
    pub(crate) gap: Time,
}

/// What a client is about.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) steps: VecDeque<Step>,
    pub(crate) specs: Vec<Spec>,
    pub(crate) pace: Pace,
    /// It does things that cost it its connection: what is missing is nobody's fault.
    pub(crate) lenient: bool,
    /// A head of its may take longer than a head may.
    pub(crate) slow: bool,
    /// How it treats its TLS, if it speaks any.
    pub(crate) habits: Habits,
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) conn: Conn,
    pub(crate) address: SocketAddr,
    plan: Plan,
    reader: Reader,
    expected: VecDeque<Spec>,
    begun: u64,
    answered: u64,
    said_continue: bool,
    /// The answer that is being read: how its body is framed, how much has come, whether it is the balancer's own.
    current: Option<Current>,
    socket: Option<(u64, u64, u64)>,
    /// An answer said that the connection ends with it.
    last: bool,
    sent: usize,
    not_before: Time,
    slow: Option<(usize, Time)>,
    read_at: Time,
    deaf: bool,
    half: bool,
    mute: bool,
    /// When it last read or wrote something.
    moved_at: Time,
    pub(crate) over: bool,
}

#[derive(Debug)]
struct Current {
    own: bool,
    status: u16,
    framing: Framing,
    got: u64,
}

impl Client {
    pub(crate) fn new(conn: Conn, address: SocketAddr, plan: Plan) -> Self {
        Client {
            conn,
            address,
            plan,
            reader: Reader::new(Kind::Response),
            expected: VecDeque::new(),
            begun: 0,
            answered: 0,
            said_continue: false,
            current: None,
            socket: None,
            last: false,
            sent: 0,
            not_before: 0,
            slow: None,
            read_at: 0,
            deaf: false,
            half: false,
            mute: false,
            moved_at: 0,
            over: false,
        }
    }

    /// What this client is in the middle of, for transcripts.
    pub(crate) fn situation(&self) -> String {
        let waiting: Vec<String> =
            self.expected.iter().map(|spec| format!("{} {} ({:?})", spec.method, spec.path(), spec.manner)).collect();
        format!("client {} next step {:?}, waits for {waiting:?}", self.address, self.plan.steps.front().map(brief))
    }

    /// Reads and writes what can be read and written. The time of the next tick, if there has to be one.
    pub(crate) fn tick<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<Option<Time>, String> {
        if self.over {
            return Ok(None);
        }
        let mut again = self.read(net, ledger)?;
        while !self.over {
            match self.step(net)? {
                Progress::Done => {
                    self.plan.steps.pop_front();
                    if self.plan.steps.is_empty() {
                        self.plan.steps.push_back(Step::Gone);
                    }
                }
                Progress::Waits => break,
                Progress::Until(at) => {
                    again = Some(again.map_or(at, |other: Time| other.min(at)));
                    break;
                }
            }
        }
        Ok(again)
    }

    fn step<E>(&mut self, net: &mut Net<E>) -> Result<Progress, String> {
        let Some(step) = self.plan.steps.front() else { return Ok(Progress::Waits) };
        let done = |yes| if yes { Progress::Done } else { Progress::Waits };
        Ok(match step {
            _ if net.now < self.not_before => Progress::Until(self.not_before),
            Step::Begin(_) if self.last => Progress::Done,
            Step::Begin(id) => {
                let spec = self.plan.specs.iter().find(|spec| spec.id == *id).cloned();
                self.expected.extend(spec);
                self.said_continue = false;
                self.begun += 1;
                Progress::Done
            }
            Step::Send(_) => self.send(net),
            Step::Continue => {
                done(self.said_continue || self.answered >= self.begun || self.current.is_some() || self.last)
            }
            Step::Answers(n) => done(self.answered >= *n || self.last),
            Step::Pause(0) => Progress::Done,
            Step::Pause(span) => {
                self.not_before = net.now + span;
                self.plan.steps[0] = Step::Pause(0);
                Progress::Until(self.not_before)
            }
            Step::ReadNothing => {
                self.deaf = true;
                Progress::Done
            }
            Step::ReadSlowly(bytes, gap) => {
                self.slow = Some((*bytes, *gap));
                Progress::Done
            }
            Step::Socket => done(
                self.mute || self.socket.is_some_and(|(_, got, all)| got == all) || self.last && self.socket.is_none(),
            ),
            Step::Half => {
                if !self.half && !self.mute {
                    net.shut(self.conn, Side::Theirs);
                }
                self.half = true;
                Progress::Done
            }
            Step::Close => {
                net.close(self.conn, Side::Theirs);
                self.over = true;
                Progress::Waits
            }
            Step::Reset => {
                net.reset(self.conn, Side::Theirs);
                self.over = true;
                Progress::Waits
            }
            Step::Gone => Progress::Waits,
        })
    }

    /// Sends what there is room for, in pieces of the client's own size.
    fn send<E>(&mut self, net: &mut Net<E>) -> Progress {
        let Some(Step::Send(bytes)) = self.plan.steps.front() else { return Progress::Done };
        while !self.mute && !self.half && self.sent < bytes.len() {
            let piece = &bytes[self.sent..(self.sent + self.plan.pace.piece).min(bytes.len())];
            match net.write(self.conn, Side::Theirs, piece) {
                Ok(n) => {
                    self.sent += n;
                    self.moved_at = net.now;
                    if self.plan.pace.gap > 0 {
                        self.not_before = net.now + self.plan.pace.gap;
                        return Progress::Until(self.not_before);
                    }
                }
                Err(Stop::WouldBlock) => return Progress::Waits,
                Err(Stop::Reset) => self.mute = true,
            }
        }
        self.sent = 0;
        Progress::Done
    }

    fn read<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<Option<Time>, String> {
        let mut scratch = [0; 8192];
        while !self.deaf && !self.over {
            if net.now < self.read_at {
                return Ok(Some(self.read_at));
            }
            let most = self.slow.map_or(scratch.len(), |(bytes, _)| bytes.min(scratch.len()));
            match net.read(self.conn, Side::Theirs, &mut scratch[..most]) {
                Ok(0) => {
                    let late = net.now - self.moved_at > LATE;
                    if late && (self.last || self.socket.is_some()) && self.is_fair(ledger) {
                        return Err("the connection was over, and its end came only after a timeout".to_owned());
                    }
                    self.ended(true, ledger)?;
                    net.close(self.conn, Side::Theirs);
                }
                Ok(n) => {
                    self.moved_at = net.now;
                    self.reader.feed(&scratch[..n]);
                    self.judge(ledger)?;
                    if let Some((_, gap)) = self.slow {
                        self.read_at = net.now + gap;
                    }
                }
                Err(Stop::WouldBlock) => return Ok(None),
                Err(Stop::Reset) => {
                    self.judge_tls(net, ledger)?;
                    self.ended(false, ledger)?;
                    net.close(self.conn, Side::Theirs);
                }
            }
        }
        Ok(None)
    }

    /// The connection is over and its TLS did not end as it should.
    fn judge_tls<E>(&self, net: &Net<E>, ledger: &Ledger) -> Result<(), String> {
        let Some(verdict) = net.verdict(self.conn) else { return Ok(()) };
        if let Some(failure) = verdict.failure {
            return Err(format!("its TLS has failed: {failure}"));
        }
        // A WebSocket that its target cut off is cut off for its client too.
        let is_over = self.current.is_none() && self.socket.is_none();
        if verdict.cut && verdict.open && self.is_fair(ledger) && is_over {
            return Err("the connection ended without a word, as if somebody had cut it".to_owned());
        }
        Ok(())
    }

    /// Nobody on this connection does anything wrong.
    fn is_fair(&self, ledger: &Ledger) -> bool {
        !ledger.disturbed && !self.plan.lenient && self.plan.specs.iter().all(Spec::is_fair)
    }

    fn judge(&mut self, ledger: &mut Ledger) -> Result<(), String> {
        loop {
            let bodiless = self.expected.front().is_some_and(|spec| spec.method == "HEAD");
            let Some(piece) = self.reader.next(bodiless)? else { return Ok(()) };
            match piece {
                Piece::Head(head, framing) => self.head(&head, framing, ledger)?,
                Piece::Body(bytes) => self.body(&bytes)?,
                Piece::End => self.answer_is_over(ledger)?,
            }
        }
    }

    fn head(&mut self, head: &Head, framing: Framing, ledger: &mut Ledger) -> Result<(), String> {
        if self.last {
            return Err(format!("another answer after the last: {}", head.line));
        }
        let Some(spec) = self.expected.front().cloned() else {
            return Err(format!("an answer to no request: {}", head.line));
        };
        match head.status() {
            100 if spec.expects && !self.said_continue => {
                self.said_continue = true;
                return Ok(());
            }
            101 => return self.upgraded(&spec, head),
            102..200 if spec.interims > 0 && !spec.http10 => return Ok(()),
            100..200 => return Err(format!("an interim answer that nobody sent: {}", head.line)),
            _ => {}
        }
        let own = head.field("x-id").is_none();
        let closes = head.lists("connection", "close")
            || spec.http10 && !head.lists("connection", "keep-alive")
            || framing == Framing::UntilClose;
        if own {
            self.balancers_own(&spec, head, ledger)?
        } else {
            self.targets_own(&spec, head, framing, closes, ledger)?
        }
        self.last = closes;
        // Whoever asked for a WebSocket and did not get one says nothing more.
        self.mute |= matches!(spec.course, Course::Socket { .. });
        self.current = Some(Current { own, status: head.status(), framing, got: 0 });
        Ok(())
    }

    fn targets_own(
        &self,
        spec: &Spec,
        head: &Head,
        framing: Framing,
        closes: bool,
        ledger: &Ledger,
    ) -> Result<(), String> {
        let id = format!("{:x}", spec.id);
        if head.field("x-id") != Some(&id) {
            return Err(format!("the answer of {:?} for request {id}", head.field("x-id")));
        }
        if head.status() != spec.status {
            return Err(format!("status {} where the target said {}", head.status(), spec.status));
        }
        if closes && spec.keeps_alive() && !ledger.disturbed && !self.half {
            return Err(format!("request {id} costs its client the connection for no reason"));
        }
        if let (Framing::Length(n), true) = (framing, spec.has_answer_body())
            && spec.answer_framing != Framing::Length(n)
        {
            return Err(format!("length {n} where the target said {:?}", spec.answer_framing));
        }
        Ok(())
    }

    fn balancers_own(&self, spec: &Spec, head: &Head, ledger: &mut Ledger) -> Result<(), String> {
        let own = Own {
            status: head.status(),
            server: head.field("server"),
            cause: head.field("x-sluicegate-cause"),
            location: head.field("location"),
            is_slow: self.plan.slow,
        };
        own.judge(spec, ledger)
    }

    fn upgraded(&mut self, spec: &Spec, head: &Head) -> Result<(), String> {
        let Course::Socket { down, .. } = spec.course else {
            return Err("an upgrade that nobody asked for".to_owned());
        };
        if head.field("x-id") != Some(&format!("{:x}", spec.id)) || !head.lists("connection", "upgrade") {
            return Err(format!("an upgrade that is not the target's: {head:?}"));
        }
        self.socket = Some((spec.id, 0, down));
        self.said_continue = true;
        self.reader.raw();
        Ok(())
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Some(spec) = self.expected.front() else { return Err("a body of no answer".to_owned()) };
        if let Some((id, got, all)) = &mut self.socket {
            if stream(*id, Flow::Down, *got, bytes.len() as u64) != bytes || *got + bytes.len() as u64 > *all {
                return Err(format!("after {got} of {all} bytes of a WebSocket come others than the target sent"));
            }
            *got += bytes.len() as u64;
            return Ok(());
        }
        let Some(current) = &mut self.current else { return Err("a body before its head".to_owned()) };
        if current.own {
            let fixed: Vec<u8> =
                super::scenario::FIXED_BODY.iter().copied().skip(current.got as usize).take(bytes.len()).collect();
            if spec.course == Course::Fixed && current.status == 200 && fixed != bytes {
                return Err("a fixed response has another body".to_owned());
            }
        } else if stream(spec.id, Flow::Down, current.got, bytes.len() as u64) != bytes {
            return Err(format!(
                "after {} bytes the body of request {:x} is not what its target sent",
                current.got, spec.id
            ));
        }
        current.got += bytes.len() as u64;
        Ok(())
    }

    fn answer_is_over(&mut self, ledger: &mut Ledger) -> Result<(), String> {
        let (Some(spec), Some(current)) = (self.expected.pop_front(), self.current.take()) else {
            return Err("the end of an answer that did not begin".to_owned());
        };
        self.answered += 1;
        if current.own {
            return Ok(());
        }
        ledger.answered += 1;
        let all = if spec.has_answer_body() { spec.answer } else { 0 };
        // Where only the end of a connection without TLS says so, nothing can tell one end from another.
        let can_tell = |secure| secure || current.framing != Framing::UntilClose;
        let entry = ledger.entries.get(&spec.id);
        if all > 0 && entry.is_some_and(|entry| entry.truncated && can_tell(entry.secure)) {
            return Err(format!(
                "request {:x} got its answer as if it were whole, and its target never said so",
                spec.id
            ));
        }
        let silent_cut = spec.may_be_cut && current.framing == Framing::UntilClose;
        if current.got != all && !silent_cut {
            return Err(format!("request {:x} got {} of {all} bytes, as if that were all", spec.id, current.got));
        }
        Ok(())
    }

    /// The connection ended: with a FIN (`clean`) or a reset.
    fn ended(&mut self, clean: bool, ledger: &mut Ledger) -> Result<(), String> {
        self.over = true;
        let proper = self.reader.ended() && clean;
        if proper {
            self.judge(ledger)?;
        }
        if let (Some((id, got, all)), Some(Course::Socket { ender, .. })) =
            (self.socket, self.expected.front().map(|spec| spec.course))
        {
            let fair = self.expected.front().is_some_and(Spec::is_fair) && !ledger.disturbed && !self.plan.lenient;
            if fair && (got != all || !clean && ender != Ender::Target) {
                return Err(format!("WebSocket {id:x} ended after {got} of {all} bytes"));
            }
            return Ok(());
        }
        if self.plan.lenient || ledger.disturbed {
            return Ok(());
        }
        if let Some(current) = &self.current {
            let spec = self.expected.front();
            if current.own || spec.is_none_or(|spec| !spec.may_be_cut) {
                return Err(format!("an answer was cut after {} bytes: {spec:?}", current.got));
            }
            return Ok(());
        }
        if self.last {
            return Ok(());
        }
        match self.expected.front() {
            Some(spec) if !spec.may_be_cut => {
                Err(format!("the connection ended before request {:x} was answered ({:?})", spec.id, spec.manner))
            }
            _ => Ok(()),
        }
    }

    /// The world is over: whether this client has what it wanted.
    pub(crate) fn satisfied(&self) -> Result<(), String> {
        if self.answered > 0 && self.plan.habits.finishes_after > TOO_LATE {
            return Err(format!("client {} was served although its handshake came too late", self.address));
        }
        if self.over || self.deaf { Ok(()) } else { Err(format!("{} still waits", self.situation())) }
    }
}

enum Progress {
    Done,
    Waits,
    Until(Time),
}

fn brief(step: &Step) -> String {
    match step {
        Step::Send(bytes) => {
            format!("Send({} bytes: {:?})", bytes.len(), String::from_utf8_lossy(&bytes[..bytes.len().min(60)]))
        }
        other => format!("{other:?}"),
    }
}
