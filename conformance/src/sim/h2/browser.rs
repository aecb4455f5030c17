//! Clients that speak HTTP/2: many requests at a time, each judged as a client of HTTP/1 judges its own.

use std::net::SocketAddr;

use super::frames::{CANCEL, Fields, NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM, field};
use super::line::{self, Line, Peer};
use super::talk::{Heard, Role, Talk};
use super::visit::{Ask, Credit, Ending, Fault, Visit};
use crate::sim::chance::Chance;
use crate::sim::net::{Conn, Net, SECONDS, Time};
use crate::sim::reader::Framing;
use crate::sim::scenario::FIXED_BODY;
use crate::sim::spec::{Course, Flow, Ledger, stream};
use crate::sim::verdict::Own;

#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) line: Line,
    pub(crate) address: SocketAddr,
    visit: Visit,
    chance: Chance,
    /// The requests that were made.
    begun: Vec<Request>,
    next_at: Time,
    began: Option<Time>,
    whim_at: Time,
    said_goodbye: bool,
    /// The balancer takes no more requests.
    dismissed: bool,
}

#[derive(Debug)]
struct Request {
    ask: Ask,
    stream: u32,
    sent: u64,
    said_end: bool,
    status: u16,
    own: bool,
    got: u64,
    /// Its answer's trailers have come.
    summed: bool,
    done: bool,
    cancel_at: Option<Time>,
    moved_at: Time,
}

impl Request {
    fn upload_left(&self) -> u64 {
        let spec = &self.ask.spec;
        match self.ask.fault {
            Fault::Stalls | Fault::Lies => spec.body / 2 - self.sent.min(spec.body / 2),
            _ => spec.body - self.sent,
        }
    }
}

impl Browser {
    pub(crate) fn new(conn: Conn, address: SocketAddr, visit: Visit, mut chance: Chance) -> Browser {
        let talk = Talk::new(Role::Client, visit.manners, chance.fork());
        Browser {
            line: Line::new(conn, talk, visit.pace),
            address,
            chance,
            begun: Vec::new(),
            next_at: 0,
            began: None,
            whim_at: 0,
            said_goodbye: false,
            dismissed: false,
            visit,
        }
    }

    pub(crate) fn situation(&self) -> String {
        let brief = |request: &Request| {
            let spec = &request.ask.spec;
            let (stream, sent, got) = (request.stream, request.sent, request.got);
            format!("{stream}: {} {} {:?}, sent {sent}, got {got}", spec.method, spec.path(), spec.manner)
        };
        let waits: Vec<String> = self.begun.iter().filter(|request| !request.done).map(brief).collect();
        format!("browser {} asked {} of {}, waits for {waits:?}", self.address, self.begun.len(), self.visit.asks.len())
    }

    /// No stream outlives its deadline: how long one has been waiting without a word.
    pub(crate) fn silence(&self, now: Time) -> Time {
        let hears = !self.line.over && self.visit.deaf_after.is_none();
        let waiting = self.begun.iter().filter(|request| !request.done && hears);
        waiting.map(|request| now.saturating_sub(request.moved_at)).max().unwrap_or(0)
    }

    pub(crate) fn tick<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<Option<Time>, String> {
        line::wake(self);
        let began = *self.began.get_or_insert(net.now);
        if let Ending::ResetsAt(span) = self.visit.ending
            && !self.line.over
            && self.line.is_due(net.now, began + span)
        {
            self.line.reset(net);
        }
        if let Some(span) = self.visit.breaks_after
            && !self.line.over
            && self.line.is_due(net.now, began + span)
        {
            self.visit.breaks_after = None;
            self.line.talk.blunder();
        }
        line::run(self, net, ledger)
    }

    // ---- what comes -------------------------------------------------------------------------------------------

    fn request(&mut self, stream: u32) -> Option<&mut Request> {
        self.begun.iter_mut().find(|request| request.stream == stream)
    }

    fn data(&mut self, stream: u32, bytes: &[u8], end: bool, now: Time, ledger: &mut Ledger) -> Result<(), String> {
        let at = match self.visit.credit {
            Credit::AtOnce => now,
            Credit::Late(span) => now + span,
        };
        self.line.owe(at, 0, bytes.len());
        self.line.owe(at, stream, bytes.len());
        let Some(request) = self.request(stream).filter(|request| !request.done) else { return Ok(()) };
        request.moved_at = now;
        request.body(bytes)?;
        if end { self.answered(stream, ledger) } else { Ok(()) }
    }

    /// An answer is over.
    fn answered(&mut self, stream: u32, ledger: &mut Ledger) -> Result<(), String> {
        let Some(request) = self.request(stream) else { return Ok(()) };
        request.done = true;
        if request.own {
            return Ok(());
        }
        ledger.answered += 1;
        let spec = &request.ask.spec;
        let all = if spec.has_answer_body() { spec.answer } else { 0 };
        let is_truncated = ledger.entries.get(&spec.id).is_some_and(|entry| entry.truncated);
        let silent_cut = spec.may_be_cut && spec.answer_framing == Framing::UntilClose;
        if all > 0 && is_truncated || request.got != all && !silent_cut {
            return Err(format!("{} got {} of {all} bytes, as if that were all", spec.path(), request.got));
        }
        let due = spec.trailers && spec.answer_framing == Framing::Chunked && all > 0;
        if due && !request.summed {
            return Err(format!("the trailers of {} are missing", spec.path()));
        }
        Ok(())
    }

    fn was_reset(&mut self, stream: u32, code: u32, ledger: &Ledger) -> Result<(), String> {
        let is_lenient = self.is_lenient(ledger);
        let Some(request) = self.request(stream) else { return Ok(()) };
        if std::mem::replace(&mut request.done, true) {
            let is_due = code == NO_ERROR && !(request.said_end && request.upload_left() > 0);
            // An answer may come before the end that shows that the length was a lie.
            let is_deserved = code == PROTOCOL_ERROR && request.ask.fault == Fault::Lies && request.said_end;
            return if is_due || is_deserved || is_lenient { Ok(()) } else { Err(format!("{code} after an answer")) };
        }
        let was_seen = ledger.entries.get(&request.ask.spec.id).is_some_and(|entry| entry.seen);
        match request.ask.fault {
            Fault::Malformed if code == PROTOCOL_ERROR && !was_seen => return Ok(()),
            Fault::Lies if code == PROTOCOL_ERROR => return Ok(()),
            _ => {}
        }
        if code == REFUSED_STREAM && was_seen {
            return Err(format!("{} was refused, and its target has it", request.ask.spec.path()));
        }
        if is_lenient || request.ask.spec.may_be_cut {
            return Ok(());
        }
        Err(format!("stream {stream} is reset with {code}: {:?}", request.ask.spec))
    }

    fn dismissed(&mut self, last: u32, code: u32, ledger: &Ledger) -> Result<(), String> {
        self.dismissed = true;
        if code != NO_ERROR && !self.visit.lenient {
            return Err(format!("GOAWAY with {code}"));
        }
        if self.begun.len() < self.visit.asks.len() && !self.is_lenient(ledger) {
            return Err("GOAWAY before all was asked".to_owned());
        }
        for request in self.begun.iter_mut().filter(|request| request.stream > last) {
            request.done = true;
            if ledger.entries.get(&request.ask.spec.id).is_some_and(|entry| entry.seen) {
                return Err(format!("stream {} is not taken, and its target has it", request.stream));
            }
        }
        Ok(())
    }

    /// What is missing is nobody's fault.
    fn is_lenient(&self, ledger: &Ledger) -> bool {
        self.visit.lenient || ledger.disturbed
    }

    // ---- what is said -----------------------------------------------------------------------------------------

    /// Gives up what was to be given up.
    fn give_up(&mut self, now: Time) {
        for at in 0..self.begun.len() {
            let Some(when) = self.begun[at].cancel_at.filter(|_| !self.begun[at].done) else { continue };
            if self.line.is_due(now, when) {
                self.begun[at].done = true;
                self.line.talk.reset(self.begun[at].stream, CANCEL);
            }
        }
    }

    fn ask(&mut self, now: Time) {
        while let Some(ask) = self.visit.asks.get(self.begun.len()).cloned() {
            let waiting = self.begun.iter().filter(|request| !request.done).count();
            if self.dismissed
                || waiting >= self.visit.at_once
                || !self.line.talk.may_open()
                || !self.line.is_due(now, self.next_at)
            {
                return;
            }
            let end = match ask.spec.framing {
                Framing::None => true,
                Framing::Length(0) => self.chance.one_in(2),
                _ => false,
            };
            let stream = self.line.talk.open(&ask.fields(), end);
            let cancel_at = if let Fault::Cancelled(span) = ask.fault { Some(now + span) } else { None };
            self.next_at = now + self.visit.asks.get(self.begun.len() + 1).map_or(0, |next| next.after);
            self.begun.push(Request {
                ask,
                stream,
                sent: 0,
                said_end: end,
                status: 0,
                own: false,
                got: 0,
                summed: false,
                done: false,
                cancel_at,
                moved_at: now,
            });
        }
    }

    /// Sends pieces of bodies, of whoever may.
    fn upload(&mut self, now: Time) {
        while !self.line.is_full() {
            let may = |request: &Request| {
                let lives = !request.said_end && !request.done;
                let stalls = request.ask.fault == Fault::Stalls && request.upload_left() == 0;
                lives && !stalls && (request.upload_left() == 0 || self.line.talk.room(request.stream) > 0)
            };
            let ready: Vec<usize> = (0..self.begun.len()).filter(|&at| may(&self.begun[at])).collect();
            if ready.is_empty() {
                return;
            }
            let request = &mut self.begun[self.chance.pick(&ready)];
            request.moved_at = now;
            let room = self.line.talk.room(request.stream) as u64;
            let most = request.upload_left().min(room);
            let len =
                if self.chance.one_in(4) { most.min(self.chance.between(0, most)).max(most.min(1)) } else { most };
            let bytes = stream(request.ask.spec.id, Flow::Up, request.sent, len);
            request.sent += len;
            let is_last =
                request.upload_left() == 0 && request.ask.fault != Fault::Stalls && (len == 0 || self.chance.one_in(2));
            if is_last && request.ask.has_trailers() {
                if len > 0 {
                    self.line.talk.say(request.stream, &bytes, false);
                }
                self.line.talk.head(request.stream, &[("x-sum".to_owned(), "1".to_owned())], true);
            } else {
                self.line.talk.say(request.stream, &bytes, is_last);
            }
            request.said_end = is_last;
        }
    }

    fn have_whims(&mut self, now: Time) {
        let busy = self.begun.iter().any(|request| !request.done);
        if !self.visit.whims || !busy || !self.line.is_due(now, self.whim_at) {
            return;
        }
        self.whim_at = now + self.chance.between(SECONDS / 10, SECONDS);
        match self.chance.below(4) {
            0 => self.line.talk.ping(),
            1 => self.line.talk.settings(self.chance.pick(&[300, 5_000, 65_535, 200_000]), &[]),
            _ => self.line.talk.noise(),
        }
        self.line.is_due(now, self.whim_at);
    }

    /// All was asked, and all is over.
    fn end_if_done<E>(&mut self, net: &mut Net<E>) {
        let all = self.begun.len() == self.visit.asks.len() || self.dismissed;
        if self.line.over || !all || self.begun.iter().any(|request| !request.done) {
            return;
        }
        if self.visit.ending == Ending::Leaves && !std::mem::replace(&mut self.said_goodbye, true) {
            self.line.talk.goaway(0);
            line::flush(self, net);
        }
        let is_going = matches!(self.visit.ending, Ending::Closes | Ending::Leaves);
        // Whoever is asked nothing more still acknowledges SETTINGS and answers PINGs.
        if is_going && self.line.talk.out.is_empty() && self.line.talk.is_settled() {
            self.line.close(net);
        }
    }

    /// The world is over: whether this client has what it wanted.
    pub(crate) fn satisfied(&self) -> Result<(), String> {
        if self.line.over || self.visit.deaf_after.is_some() {
            Ok(())
        } else {
            Err(format!("{} still waits", self.situation()))
        }
    }
}

impl Peer for Browser {
    fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    fn reads(&self, now: Time) -> bool {
        let span = self.visit.deaf_after;
        self.began.is_none_or(|began| span.is_none_or(|span| now < began + span))
    }

    fn reached<E>(&self, net: &Net<E>) -> Result<(), String> {
        match net.verdict(self.line.conn) {
            Some(verdict) if !verdict.http2 => Err("the balancer does not speak HTTP/2".to_owned()),
            Some(_) | None => Ok(()),
        }
    }

    fn hear<E>(&mut self, heard: Heard, net: &Net<E>, ledger: &mut Ledger) -> Result<(), String> {
        let now = net.now;
        match heard {
            Heard::Head { stream, fields, end } => {
                let Some(request) = self.request(stream) else { return Ok(()) };
                request.moved_at = now;
                request.head(&fields, ledger)?;
                if end { self.answered(stream, ledger) } else { Ok(()) }
            }
            Heard::Trailers { stream, fields } => {
                let Some(request) = self.request(stream) else { return Ok(()) };
                let spec = &request.ask.spec;
                if request.own || !spec.trailers || field(&fields, "x-sum") != Some("1") || fields.len() != 1 {
                    return Err(format!("trailers that nobody sent with {}: {fields:?}", spec.path()));
                }
                request.summed = true;
                self.answered(stream, ledger)
            }
            Heard::Data { stream, bytes, end } => self.data(stream, &bytes, end, now, ledger),
            Heard::Reset { stream, code } => self.was_reset(stream, code, ledger),
            Heard::GoAway { last, code } => self.dismissed(last, code, ledger),
            Heard::Pong => Ok(()),
        }
    }

    fn ended(&mut self, clean: bool, ledger: &Ledger) -> Result<(), String> {
        if self.is_lenient(ledger) {
            return Ok(());
        }
        let done = self.begun.iter().all(|request| request.done) && self.begun.len() == self.visit.asks.len();
        let is_polite = self.dismissed && self.line.talk.is_settled() && self.line.talk.is_between_frames();
        if !done || !clean || !is_polite {
            return Err(format!("the connection ended (clean: {clean}): {}", self.situation()));
        }
        Ok(())
    }

    fn speak(&mut self, now: Time, _ledger: &mut Ledger) {
        self.give_up(now);
        self.ask(now);
        self.upload(now);
        self.have_whims(now);
    }

    fn act<E>(&mut self, net: &mut Net<E>, _ledger: &mut Ledger) {
        self.end_if_done(net);
    }
}

impl Request {
    fn head(&mut self, fields: &Fields, ledger: &mut Ledger) -> Result<(), String> {
        let spec = &self.ask.spec;
        let said = |name| field(fields, name);
        self.status = said(":status").and_then(|status| status.parse().ok()).unwrap_or(0);
        match self.status {
            102..200 if spec.interims > 0 => return Ok(()),
            100..200 => return Err(format!("an interim answer that nobody sent: {fields:?}")),
            _ => {}
        }
        let id = format!("{:x}", spec.id);
        if self.ask.fault == Fault::Malformed {
            return Err(format!("{} is answered, malformed as it is", spec.path()));
        }
        self.own = said("x-id").is_none();
        if self.own {
            let (server, cause, location) = (said("server"), said("x-sluicegate-cause"), said("location"));
            return Own { status: self.status, server, cause, location, is_slow: false }.judge(spec, ledger);
        }
        if said("x-id") != Some(&id) {
            return Err(format!("the answer of {:?} for request {id}", said("x-id")));
        }
        if self.status != spec.status {
            return Err(format!("status {} where the target said {}", self.status, spec.status));
        }
        let length = said("content-length").map(str::to_owned);
        let expected = if let Framing::Length(n) = spec.answer_framing { Some(n.to_string()) } else { None };
        if length != expected && spec.has_answer_body() {
            return Err(format!("length {length:?} where the target said {expected:?}"));
        }
        Ok(())
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), String> {
        let spec = &self.ask.spec;
        if !self.own && stream(spec.id, Flow::Down, self.got, bytes.len() as u64) != bytes {
            return Err(format!("after {} bytes the body of {} is not what its target sent", self.got, spec.path()));
        }
        let fixed = FIXED_BODY.iter().copied().skip(self.got as usize).take(bytes.len());
        if self.own && spec.course == Course::Fixed && self.status == 200 && !fixed.eq(bytes.iter().copied()) {
            return Err("a fixed response has another body".to_owned());
        }
        self.got += bytes.len() as u64;
        Ok(())
    }
}
