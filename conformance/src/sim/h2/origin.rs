//! Targets that speak HTTP/2: each connection takes many requests at a time, judges that each is what its client sent, and
//! answers as the request's own entry in the ledger says.

use sluicegate::config::ProtocolVersion;

use super::frames::{CANCEL, Fields, NO_ERROR, REFUSED_STREAM, field};
use super::line::{self, Line, Peer};
use super::talk::{Heard, Manners, Role, Talk};
use crate::sim::chance::Chance;
use crate::sim::client::Pace;
use crate::sim::net::{Conn, Net, Side, Time};
use crate::sim::reader::Framing;
use crate::sim::spec::{Course, Flow, Ledger, Manner, Spec, stream};
use crate::sim::target::{HEALTH, Host, Nature};

/// How a target speaks HTTP/2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    pub(crate) version: ProtocolVersion,
    pub(crate) manners: Manners,
    /// What it has received is credited so much later.
    pub(crate) credits_after: Time,
    pub(crate) flaw: Flaw,
}

/// What a target does to a connection and all requests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Says nothing, ever.
    Mute,
    /// Answers what it hears, and never says what it takes.
    Unsettled,
    /// At the n-th request of a connection it resets the connection.
    Resets(u64),
    /// At the n-th request it says something that is against the rules.
    Breaks(u64),
    /// At the n-th request it leaves without having taken it.
    GoesAway(u64),
}

impl Flaw {
    /// What requests may be answered with because of it.
    pub(crate) fn error(self) -> Option<u16> {
        match self {
            Flaw::None => None,
            Flaw::Mute => Some(504),
            Flaw::Unsettled | Flaw::Resets(_) | Flaw::Breaks(_) | Flaw::GoesAway(_) => Some(502),
        }
    }

    /// Whether answers may be cut because of it.
    pub(crate) fn cuts(self) -> bool {
        matches!(self, Flaw::Resets(_) | Flaw::Breaks(_))
    }
}

#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) line: Line,
    host: Host,
    dialect: Dialect,
    chance: Chance,
    serving: Vec<Serving>,
    begun: u64,
    leaving: Leaving,
    idle_since: Time,
}

/// How far the end of a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// The balancer was told; its answer to a PING will say that it knows.
    Told,
    /// It knows: another request would be a mistake of its.
    Known,
    /// Nothing more is said here.
    Shut,
    /// The same, and the balancer was not told before: requests may be on their way.
    Gone,
}

#[derive(Debug)]
struct Serving {
    stream: u32,
    spec: Spec,
    got: u64,
    whole: bool,
    answer_at: Option<Time>,
    head_said: bool,
    sent: u64,
    done: bool,
}

impl Origin {
    pub(crate) fn new(conn: Conn, host: Host, dialect: Dialect, now: Time, mut chance: Chance) -> Origin {
        let mut talk = Talk::new(Role::Server, dialect.manners, chance.fork());
        if dialect.flaw == Flaw::Unsettled {
            talk.out.clear();
        }
        Origin {
            line: Line::new(conn, talk, Pace { piece: host.piece, gap: host.gap }),
            host,
            dialect,
            chance,
            serving: Vec::new(),
            begun: 0,
            leaving: Leaving::No,
            idle_since: now,
        }
    }

    pub(crate) fn situation(&self) -> String {
        let brief = |serving: &Serving| {
            let (stream, spec) = (serving.stream, &serving.spec);
            let (got, sent) = (serving.got, serving.sent);
            format!("{stream}: {} {} {:?}, got {got}, sent {sent}", spec.method, spec.path(), spec.manner)
        };
        let serving: Vec<String> = self.serving.iter().map(brief).collect();
        format!("origin {} serves {serving:?}, {:?}", self.host.address, self.leaving)
    }

    pub(crate) fn tick<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<Option<Time>, String> {
        line::wake(self);
        line::run(self, net, ledger)
    }

    // ---- what comes -------------------------------------------------------------------------------------------

    fn head(
        &mut self,
        stream: u32,
        fields: &Fields,
        secure: bool,
        now: Time,
        ledger: &mut Ledger,
    ) -> Result<(), String> {
        let said = |name: &str| field(fields, name).unwrap_or("");
        let path = said(":path");
        if self.leaving == Leaving::Known || self.leaving == Leaving::Shut {
            return Err(format!("{path} comes after GOAWAY"));
        }
        if path == HEALTH && said("user-agent").starts_with("ELB-HealthChecker") {
            self.begin(stream, Spec::of_a_check(), now);
            return Ok(());
        }
        if self.has_left() {
            // It was on its way when the balancer was told, or saw, that it would not be taken.
            return Ok(());
        }
        let id = path.rsplit('/').next().and_then(|id| u64::from_str_radix(id, 16).ok());
        let Some(entry) = id.and_then(|id| ledger.entries.get_mut(&id)) else {
            return Err(format!("{path} was never sent by a client"));
        };
        if std::mem::replace(&mut entry.seen, true) || entry.refusals > 1 {
            return Err(format!("{path} comes again, after {} refusals", entry.refusals));
        }
        let spec = entry.spec.clone();
        let group = if let Course::Group(group) = spec.course { group } else { usize::MAX };
        let forwarded = said("x-forwarded-for").rsplit(", ").next().unwrap_or("");
        let length = field(fields, "content-length").map(str::to_owned);
        let expected = match spec.framing {
            Framing::Length(length) => Some(length.to_string()),
            Framing::None => length.clone().filter(|length| length == "0"),
            _ => None,
        };
        let call = if spec.call { "application/grpc+proto" } else { "" };
        for (what, is, should) in [
            ("path", path, &spec.path()[..]),
            ("method", said(":method"), spec.method),
            ("scheme", said(":scheme"), if secure { "https" } else { "http" }),
            ("authority", said(":authority"), &spec.authority()),
            ("group", &self.host.group.to_string(), &group.to_string()),
            ("mark", said("x-mark"), &format!("{:x}", spec.id)),
            ("type", said("content-type"), call),
            ("length", &format!("{length:?}"), &format!("{expected:?}")),
            ("X-Forwarded-For", forwarded, &entry.client.ip().to_string()),
            ("X-Forwarded-Proto", said("x-forwarded-proto"), if entry.secure { "https" } else { "http" }),
        ] {
            if is != should {
                return Err(format!("{path}: {what} is {is:?}, not {should:?}"));
            }
        }
        if spec.call && said("te") != "trailers" {
            return Err(format!("{path}: a call that wants no trailers"));
        }
        self.begin(stream, spec, now);
        Ok(())
    }

    /// It takes nothing more.
    fn has_left(&self) -> bool {
        let says_so = matches!(self.dialect.flaw, Flaw::GoesAway(_)) && self.leaving == Leaving::Told;
        says_so || self.leaving == Leaving::Gone
    }

    fn begin(&mut self, stream: u32, spec: Spec, now: Time) {
        let early = matches!(spec.manner, Manner::Early | Manner::EarlyClose);
        let answer_at = early.then_some(now + spec.think);
        self.begun += 1;
        self.serving.push(Serving {
            stream,
            spec,
            got: 0,
            whole: false,
            answer_at,
            head_said: false,
            sent: 0,
            done: false,
        });
    }

    fn serving(&mut self, stream: u32) -> Option<&mut Serving> {
        self.serving.iter_mut().find(|serving| serving.stream == stream)
    }

    fn body(&mut self, id: u32, bytes: &[u8], now: Time, ledger: &mut Ledger) -> Result<(), String> {
        let at = now + self.dialect.credits_after;
        self.line.owe(at, 0, bytes.len());
        let Some(serving) = self.serving(id) else { return Ok(()) };
        let spec = &serving.spec;
        if stream(spec.id, Flow::Up, serving.got, bytes.len() as u64) != bytes {
            return Err(format!("after {} bytes the body of {} is not what its client sent", serving.got, spec.path()));
        }
        serving.got += bytes.len() as u64;
        if let Some(entry) = ledger.entries.get_mut(&spec.id) {
            entry.uploaded = serving.got;
        }
        if spec.manner != Manner::Deaf {
            self.line.owe(at, id, bytes.len());
        }
        Ok(())
    }

    /// A request is over.
    fn whole(&mut self, stream: u32, now: Time, ledger: &mut Ledger) -> Result<(), String> {
        let Some(serving) = self.serving(stream) else { return Ok(()) };
        let spec = &serving.spec;
        if serving.got != spec.body {
            return Err(format!("{} ends after {} of {} bytes", spec.path(), serving.got, spec.body));
        }
        serving.whole = true;
        if let Some(entry) = ledger.entries.get_mut(&spec.id) {
            entry.whole = true;
        }
        let early = matches!(spec.manner, Manner::Early | Manner::EarlyClose);
        if !early && !matches!(spec.manner, Manner::Silent | Manner::Deaf) {
            serving.answer_at = Some(now + spec.think);
        }
        self.forget_if_done(stream, now);
        Ok(())
    }

    fn forget_if_done(&mut self, stream: u32, now: Time) {
        self.serving.retain(|serving| serving.stream != stream || !serving.done || !serving.whole);
        if self.serving.is_empty() {
            self.idle_since = now;
        }
    }

    fn was_reset(&mut self, stream: u32, now: Time, ledger: &Ledger) -> Result<(), String> {
        let Some(serving) = self.serving(stream) else { return Ok(()) };
        if serving.spec.is_fair() && !serving.done && !ledger.disturbed && !serving.is_free(ledger) {
            return Err(format!("{} is reset before it was answered", serving.spec.path()));
        }
        (serving.done, serving.whole) = (true, true);
        self.forget_if_done(stream, now);
        Ok(())
    }

    // ---- what is said -----------------------------------------------------------------------------------------

    /// Goes on with the answers that are due, in any order.
    fn answer(&mut self, now: Time, ledger: &mut Ledger) {
        while !self.line.is_full() {
            let mut ready = Vec::new();
            for at in 0..self.serving.len() {
                let Some(when) = self.serving[at].answer_at else { continue };
                let blocked = self.serving[at].head_said
                    && self.serving[at].left() > 0
                    && self.line.talk.room(self.serving[at].stream) == 0;
                if self.line.is_due(now, when) && !blocked {
                    ready.push(at);
                }
            }
            if ready.is_empty() {
                return;
            }
            let at = self.chance.pick(&ready);
            let stream = self.serving[at].stream;
            if self.serving[at].is_refused() {
                ledger.refuse(self.serving[at].spec.id);
            }
            self.serving[at].go_on(&mut self.line.talk, &mut self.chance);
            self.forget_if_done(stream, now);
        }
    }

    /// Whatever it does with its connections.
    fn be_as_it_is<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) {
        match self.dialect.flaw {
            Flaw::Resets(n) if self.begun >= n => {
                self.line.reset(net);
                return;
            }
            Flaw::Breaks(n) if self.begun >= n && self.leaving == Leaving::No => {
                self.leaving = Leaving::Told;
                self.line.talk.blunder();
                return line::flush(self, net);
            }
            Flaw::GoesAway(n) if self.begun >= n && self.leaving == Leaving::No => {
                self.leaving = Leaving::Told;
                // What it has begun to answer it has taken.
                let highest = self.line.talk.highest;
                let untaken = self.serving.pop_if(|last| last.stream == highest && !last.head_said);
                self.line.talk.goaway(if untaken.is_some() { highest.saturating_sub(2) } else { highest });
                if let Some(last) = untaken {
                    ledger.refuse(last.spec.id);
                }
                return line::flush(self, net);
            }
            _ => {}
        }
        if let Nature::ClosesEvery(n) = self.host.nature
            && self.begun >= n
            && self.leaving == Leaving::No
        {
            self.leaving = Leaving::Told;
            self.line.talk.goaway((1 << 31) - 1);
            self.line.talk.ping();
            line::flush(self, net);
        }
        if self.leaving == Leaving::Known && self.serving.is_empty() && self.line.talk.out.is_empty() {
            self.leaving = Leaving::Shut;
            net.shut(self.line.conn, Side::Theirs);
        }
        let (Nature::ClosesIdle(span) | Nature::BabblesIdle(span) | Nature::ResetsIdle(span)) = self.host.nature else {
            return;
        };
        let is_idle = self.serving.is_empty() && self.line.talk.out.is_empty() && self.begun > 0;
        let is_idle = is_idle && self.leaving == Leaving::No;
        if !is_idle || !self.line.is_due(net.now, self.idle_since + span) {
            return;
        }
        match self.host.nature {
            Nature::ResetsIdle(_) => {
                self.line.reset(net);
            }
            Nature::BabblesIdle(_) => {
                self.leaving = Leaving::Told;
                self.line.talk.out.extend_from_slice(b"HTTP/1.1 408 Request Timeout\r\n\r\n");
                line::flush(self, net);
            }
            _ => {
                self.leaving = Leaving::Gone;
                net.shut(self.line.conn, Side::Theirs);
            }
        }
    }
}

impl Peer for Origin {
    fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    fn is_mute(&self) -> bool {
        self.dialect.flaw == Flaw::Mute || matches!(self.leaving, Leaving::Shut | Leaving::Gone)
    }

    fn hear<E>(&mut self, heard: Heard, net: &Net<E>, ledger: &mut Ledger) -> Result<(), String> {
        match heard {
            Heard::Head { stream, fields, end } => {
                let secure = net.verdict(self.line.conn).is_some();
                self.head(stream, &fields, secure, net.now, ledger)?;
                if end && !self.line.over { self.whole(stream, net.now, ledger) } else { Ok(()) }
            }
            Heard::Trailers { stream, fields } => {
                // What was not taken may have some, like all that was.
                let Some(serving) = self.serving(stream) else { return Ok(()) };
                if !serving.spec.trailers || field(&fields, "x-sum") != Some("1") || fields.len() != 1 {
                    return Err(format!("trailers that nobody sent: {fields:?}"));
                }
                self.whole(stream, net.now, ledger)
            }
            Heard::Data { stream, bytes, end } => {
                self.body(stream, &bytes, net.now, ledger)?;
                if end { self.whole(stream, net.now, ledger) } else { Ok(()) }
            }
            Heard::Reset { stream, .. } => self.was_reset(stream, net.now, ledger),
            Heard::Pong if self.leaving == Leaving::Told => {
                self.leaving = Leaving::Known;
                self.line.talk.goaway(self.line.talk.highest);
                Ok(())
            }
            Heard::Pong | Heard::GoAway { .. } => Ok(()),
        }
    }

    /// The balancer has ended the connection, which it may if nothing is in progress on it.
    fn ended(&mut self, _clean: bool, ledger: &Ledger) -> Result<(), String> {
        let is_good = self.host.nature == Nature::Good && self.dialect.flaw == Flaw::None && !ledger.disturbed;
        let cut = self.serving.iter().find(|serving| is_good && serving.spec.is_fair() && !serving.is_free(ledger));
        cut.map_or(Ok(()), |serving| Err(format!("the connection ended while {} is served", serving.spec.path())))
    }

    fn speak(&mut self, now: Time, ledger: &mut Ledger) {
        self.answer(now, ledger);
    }

    fn act<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) {
        self.be_as_it_is(net, ledger);
    }
}

impl Serving {
    /// Its client, or this target itself, does what may end it at any time.
    fn is_free(&self, ledger: &Ledger) -> bool {
        ledger.entries.get(&self.spec.id).is_none_or(|entry| entry.is_free)
    }

    /// It will have nothing to do with it.
    fn is_refused(&self) -> bool {
        self.spec.manner == Manner::CloseFirst
    }

    /// Bytes that the answer's body has, as far as it is sent.
    fn all(&self) -> u64 {
        match self.spec.manner {
            _ if !self.spec.has_answer_body() => 0,
            Manner::Short | Manner::ShortStall | Manner::ResetMidway | Manner::BadChunks => self.spec.answer / 2,
            Manner::Long => self.spec.answer + 10,
            _ => self.spec.answer,
        }
    }

    fn left(&self) -> u64 {
        self.all() - self.sent
    }

    /// Says the next piece of the answer.
    fn go_on(&mut self, talk: &mut Talk, chance: &mut Chance) {
        if !self.head_said {
            return self.say_head(talk);
        }
        let most = self.left().min(talk.room(self.stream) as u64);
        let len = if chance.one_in(4) { chance.between(most.min(1), most) } else { most };
        let bytes = stream(self.spec.id, Flow::Down, self.sent, len);
        self.sent += len;
        let is_last = self.left() == 0;
        let trailers = self.spec.trailers && self.spec.answer_framing == Framing::Chunked;
        let sum = [("x-sum".to_owned(), "1".to_owned())];
        match self.spec.manner {
            _ if !is_last => return talk.say(self.stream, &bytes, false),
            Manner::ShortStall => {
                // And not another word.
                self.answer_at = None;
                return talk.say(self.stream, &bytes, false);
            }
            Manner::ResetMidway => {
                talk.say(self.stream, &bytes, false);
                talk.reset(self.stream, CANCEL);
                self.whole = true;
            }
            Manner::BadChunks => {
                talk.say(self.stream, &bytes, false);
                talk.head(self.stream, &[(":status".to_owned(), "200".to_owned())], true);
            }
            _ if trailers => {
                talk.say(self.stream, &bytes, false);
                talk.head(self.stream, &sum, true);
            }
            _ => talk.say(self.stream, &bytes, true),
        }
        self.end(talk);
    }

    /// Its answer is out.
    fn end(&mut self, talk: &mut Talk) {
        (self.done, self.answer_at) = (true, None);
        if self.spec.manner == Manner::EarlyClose && !self.whole {
            talk.reset(self.stream, NO_ERROR);
            self.whole = true;
        }
    }

    fn say_head(&mut self, talk: &mut Talk) {
        let spec = &self.spec;
        match spec.manner {
            Manner::ResetFirst | Manner::CloseFirst => {
                let code = if spec.manner == Manner::ResetFirst { CANCEL } else { REFUSED_STREAM };
                talk.reset(self.stream, code);
                (self.done, self.whole, self.answer_at) = (true, true, None);
                return;
            }
            Manner::Garbage | Manner::Oversized => {
                let fields = [("x-id".to_owned(), "no status".to_owned()), ("X-Upper".to_owned(), "case".to_owned())];
                talk.head(self.stream, &fields[usize::from(spec.manner == Manner::Garbage)..], true);
                (self.done, self.answer_at) = (true, None);
                return;
            }
            _ => {}
        }
        for n in 0..spec.interims {
            let status = if n % 2 == 0 { "103" } else { "102" };
            let fields = [(":status".to_owned(), status.to_owned()), ("link".to_owned(), format!("</{n}>"))];
            talk.head(self.stream, &fields, false);
        }
        let mut fields =
            vec![(":status".to_owned(), spec.status.to_string()), ("x-id".to_owned(), format!("{:x}", spec.id))];
        if let Framing::Length(length) = spec.answer_framing {
            fields.push(("content-length".to_owned(), length.to_string()));
        }
        let end = !spec.has_answer_body() || spec.answer_framing == Framing::Length(0);
        talk.head(self.stream, &fields, end);
        self.head_said = true;
        if end {
            self.end(talk);
        }
    }
}
