//! Clients and targets that speak HTTP/2 with a shard: what they say and hear is on the wires of a [`Lab`], over TLS where TLS
//! is spoken, in virtual time.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate::config::{Config, Protocol, ProtocolVersion};
use sluicegate::http::h2::{Connection, ConnectionError, ErrorCode, Event, Kind, StreamId, Terms};
use sluicegate::shard::{Fate, Log, Options};
use sluicegate::tls::{Acceptor, Connector, Provider};

use crate::secure_support::{Lab, config, policy, terms};

/// Names and values, pseudo-header fields among them.
pub(crate) type Fields = Vec<(String, String)>;

pub(crate) fn fields(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The value of the first field of that name.
pub(crate) fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

/// A body of that length in which no two parts are alike for a while.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

pub(crate) fn target(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 80))
}

/// A request for that path, with more fields behind the pseudo-header fields.
pub(crate) fn asks(method: &str, path: &str, more: &[(&str, &str)]) -> Fields {
    let pseudo = [(":method", method), (":scheme", "https"), (":authority", "a.example"), (":path", path)];
    [fields(&pseudo), fields(more)].concat()
}

/// A call of gRPC.
pub(crate) fn call(path: &str) -> Fields {
    asks("POST", path, &[("content-type", "application/grpc"), ("te", "trailers")])
}

/// How what one says on a stream ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// Not yet.
    #[default]
    Open,
    /// With the last byte of the body.
    Plain,
    /// With these fields behind the body.
    Trailers(Fields),
    /// It has been said.
    Said,
}

/// What one end of a connection heard, and has yet to say, on one stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Talk {
    /// Interim ones first.
    pub(crate) heads: Vec<Fields>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<Fields>,
    pub(crate) ended: bool,
    pub(crate) reset: Option<ErrorCode>,
    /// Bytes that came and for which the sender got no credit yet.
    owed: usize,
    says: Vec<u8>,
    end: End,
}

impl Talk {
    /// The last head.
    pub(crate) fn head(&self) -> &Fields {
        self.heads.last().unwrap_or_else(|| panic!("a head in {self:?}"))
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        field(self.head(), name)
    }

    pub(crate) fn status(&self) -> &str {
        self.field(":status").expect("a status")
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One end of a connection.
pub(crate) struct Speaker {
    pub(crate) side: Connection,
    arrived: Vec<u8>,
    pub(crate) out: Vec<u8>,
    pub(crate) talks: BTreeMap<u32, Talk>,
    pub(crate) goaways: Vec<(u32, ErrorCode)>,
    pub(crate) broken: Option<ConnectionError>,
    /// Streams whose bodies are not taken.
    pub(crate) stalled: BTreeSet<u32>,
    /// Says nothing but what is written by hand.
    pub(crate) mute: bool,
}

impl Speaker {
    pub(crate) fn new(side: Connection) -> Speaker {
        Speaker {
            side,
            arrived: Vec::new(),
            out: Vec::new(),
            talks: BTreeMap::new(),
            goaways: Vec::new(),
            broken: None,
            stalled: BTreeSet::new(),
            mute: false,
        }
    }

    pub(crate) fn talk(&mut self, stream: u32) -> &mut Talk {
        self.talks.entry(stream).or_default()
    }

    /// Takes in bytes; the streams on which the peer has said all.
    fn hear(&mut self, bytes: &[u8]) -> Vec<u32> {
        self.arrived.extend_from_slice(bytes);
        let (mut from, mut whole) = (0, Vec::new());
        while self.broken.is_none() {
            match self.side.receive(&self.arrived[from..]) {
                Err(error) => self.broken = Some(error),
                Ok(received) => {
                    if let Some(event) = received.event {
                        whole.extend(self.heard(event, from));
                    } else if received.used == 0 {
                        break;
                    }
                    from += received.used;
                }
            }
        }
        self.arrived.drain(..from);
        whole
    }

    fn heard(&mut self, event: Event, from: usize) -> Option<u32> {
        match event {
            Event::Head { stream, kind, end } => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let list = self.side.fields().iter().map(|field| (text(field.name), text(field.value))).collect();
                let talk = self.talks.entry(stream.value()).or_default();
                match kind {
                    Kind::Head => talk.heads.push(list),
                    Kind::Trailers => talk.trailers = Some(list),
                }
                talk.ended |= end;
                end.then_some(stream.value())
            }
            Event::Data { stream, skip, len, end } => {
                let talk = self.talks.entry(stream.value()).or_default();
                talk.body.extend_from_slice(&self.arrived[from + skip..from + skip + len]);
                talk.ended |= end;
                match self.stalled.contains(&stream.value()) {
                    true => talk.owed += len,
                    false => self.side.consumed(stream, len),
                }
                end.then_some(stream.value())
            }
            Event::Reset { stream, code, .. } => {
                self.talk(stream.value()).reset = Some(code);
                None
            }
            Event::GoAway { last, code } => {
                self.goaways.push((last.value(), code));
                None
            }
            Event::Room(_) | Event::Settled => None,
        }
    }

    /// Takes what came on that stream, and whatever comes.
    pub(crate) fn resume(&mut self, stream: u32) {
        self.stalled.remove(&stream);
        let owed = std::mem::take(&mut self.talk(stream).owed);
        self.side.consumed(StreamId::new(stream), owed);
    }

    /// All that may be said now.
    fn flush(&mut self) -> Vec<u8> {
        if self.mute {
            return std::mem::take(&mut self.out);
        }
        for (&stream, talk) in &mut self.talks {
            let id = StreamId::new(stream);
            while talk.reset.is_none() && !talk.says.is_empty() && self.side.room(id) > 0 {
                let n = talk.says.len().min(self.side.room(id));
                let end = n == talk.says.len() && talk.end == End::Plain;
                self.out.extend_from_slice(&self.side.data(id, n, end));
                self.out.extend(talk.says.drain(..n));
                if end {
                    talk.end = End::Said;
                }
            }
            if talk.reset.is_none() && talk.says.is_empty() {
                match std::mem::replace(&mut talk.end, End::Said) {
                    End::Open => talk.end = End::Open,
                    End::Plain => self.out.extend_from_slice(&self.side.data(id, 0, true)),
                    End::Trailers(fields) => self.side.write_head(id, pairs(&fields), true, &mut self.out),
                    End::Said => {}
                }
            }
        }
        self.out.extend_from_slice(self.side.control());
        self.side.control_sent(self.side.control().len());
        std::mem::take(&mut self.out)
    }

    /// A head, and what follows it.
    pub(crate) fn say(&mut self, stream: u32, head: &Fields, body: &[u8], end: End) {
        let alone = body.is_empty() && end == End::Plain;
        self.side.write_head(StreamId::new(stream), pairs(head), alone, &mut self.out);
        if field(head, ":method") == Some("HEAD") {
            self.side.expects_no_body(StreamId::new(stream));
        }
        let talk = self.talk(stream);
        talk.says.extend_from_slice(body);
        talk.end = if alone { End::Said } else { end };
    }

    /// More of a body.
    pub(crate) fn add(&mut self, stream: u32, body: &[u8], end: End) {
        let talk = self.talk(stream);
        talk.says.extend_from_slice(body);
        talk.end = end;
    }

    /// Whether all that was to be said on that stream was said.
    pub(crate) fn has_said_all(&self, stream: u32) -> bool {
        self.talks[&stream].says.is_empty()
    }

    pub(crate) fn reset(&mut self, stream: u32, code: ErrorCode) {
        self.side.reset(StreamId::new(stream), code);
        self.talk(stream).reset = Some(code);
    }
}

fn pairs(fields: &Fields) -> impl Iterator<Item = (&[u8], &[u8])> {
    fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

/// What targets answer by themselves.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) head: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

impl Reply {
    pub(crate) fn plain(body: &[u8]) -> Reply {
        Reply { head: fields(&[(":status", "200")]), body: body.to_vec(), end: End::Plain }
    }

    /// As gRPC answers.
    pub(crate) fn of_call(body: &[u8]) -> Reply {
        let head = fields(&[(":status", "200"), ("content-type", "application/grpc")]);
        Reply { head, body: body.to_vec(), end: End::Trailers(fields(&[("grpc-status", "0")])) }
    }
}

/// A shard, and ends of HTTP/2 at its wires.
pub(crate) struct Net {
    pub(crate) lab: Lab,
    /// By the number of the peer.
    pub(crate) speakers: BTreeMap<usize, Speaker>,
    pub(crate) connector: Connector,
    pub(crate) reply: Option<Reply>,
    /// What targets say right behind their settings.
    pub(crate) farewell: Option<Vec<u8>>,
    /// What targets announce.
    pub(crate) target_terms: Terms,
    pub(crate) client_terms: Terms,
    /// Targets speak HTTP/2.
    pub(crate) targets_speak: bool,
}

impl Net {
    /// One HTTPS listener before a group of that version, whose targets speak no TLS.
    pub(crate) fn new(version: ProtocolVersion) -> Net {
        Net::with(version, Protocol::Http, |_, _| ())
    }

    pub(crate) fn with(
        version: ProtocolVersion,
        to_targets: Protocol,
        change: impl FnOnce(&mut Config, &mut Options),
    ) -> Net {
        let mut config = config(Some(terms()), &[target(1)], to_targets);
        config.groups[0].protocol_version = version;
        let mut options = Options::default();
        (options.access_log, options.name_causes) = (true, true);
        change(&mut config, &mut options);
        let is_secure = config.groups[0].protocol == Protocol::Https;
        let mut lab = Lab::with(config, options);
        let provider = Provider::aws_lc();
        let connector = Connector::new(policy("TLS13-1-2-2021-06"), &provider, &lab.clock, &[b"h2"]).unwrap();
        lab.acceptor =
            Acceptor::new(&terms(), &provider, &lab.clock, None, &[b"h2"]).filter(|_| is_secure).map(Arc::new);
        Net {
            lab,
            speakers: BTreeMap::new(),
            connector,
            reply: Some(Reply::plain(b"hi")),
            farewell: None,
            target_terms: Terms::server(),
            client_terms: Terms::client(),
            targets_speak: version != ProtocolVersion::Http1,
        }
    }

    /// With a client whose connection is made, and targets that say nothing of their own.
    pub(crate) fn quiet(version: ProtocolVersion) -> (Net, usize) {
        Net::new(version).hushed()
    }

    /// Targets say nothing of their own; a client is there.
    pub(crate) fn hushed(mut self) -> (Net, usize) {
        self.lab.silent = true;
        self.reply = None;
        let client = self.client();
        (self, client)
    }

    /// The status that a client got, and the cause that it was told.
    pub(crate) fn cause(&self, client: usize, stream: u32) -> (&str, &str) {
        let talk = self.talk(client, stream);
        (talk.status(), talk.field("x-sluicegate-cause").unwrap_or("-"))
    }

    /// A client whose connection is made.
    pub(crate) fn client(&mut self) -> usize {
        let peer = self.lab.connect_raw().unwrap();
        self.lab.peers[peer].session = self.connector.session("lab.example");
        self.speakers.insert(peer, Speaker::new(Connection::client(self.client_terms)));
        self.run();
        assert_eq!(self.lab.peers[peer].session.as_ref().unwrap().protocol(), Some(&b"h2"[..]));
        peer
    }

    /// A client that asks for no protocol.
    pub(crate) fn plain_client(&mut self) -> usize {
        let peer = self.lab.connect();
        self.run();
        peer
    }

    /// Lets everything happen that can happen now.
    pub(crate) fn run(&mut self) {
        for _ in 0..100_000 {
            self.lab.run();
            let mut moved = self.greet();
            for (&peer, speaker) in &mut self.speakers {
                let heard = std::mem::take(&mut self.lab.peers[peer].heard);
                let whole = speaker.hear(&heard);
                if let (true, Some(Reply { head, body, end })) = (self.lab.peers[peer].target, &self.reply) {
                    whole.into_iter().for_each(|stream| speaker.say(stream, head, body, end.clone()));
                }
                let says = speaker.flush();
                moved |= !heard.is_empty() || !says.is_empty();
                self.lab.peers[peer].says.extend(says);
            }
            if !moved {
                return;
            }
        }
        panic!("it never rests");
    }

    /// New targets begin to speak.
    fn greet(&mut self) -> bool {
        let Net { lab, speakers, target_terms, targets_speak, farewell, .. } = self;
        let before = speakers.len();
        for (number, _) in lab.peers.iter().enumerate().filter(|(_, peer)| *targets_speak && peer.target) {
            speakers.entry(number).or_insert_with(|| {
                let mut speaker = Speaker::new(Connection::server(*target_terms));
                let settings = speaker.flush();
                speaker.out.extend(settings);
                speaker.out.extend(farewell.iter().flatten());
                speaker
            });
        }
        speakers.len() > before
    }

    pub(crate) fn pass(&mut self, span: Duration) {
        self.run();
        self.lab.pass(span);
        self.run();
    }

    pub(crate) fn pass_seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// A client's request, which has yet to leave.
    pub(crate) fn ask(&mut self, client: usize, head: &Fields, body: &[u8], end: End) -> u32 {
        let speaker = self.speaker(client);
        let stream = speaker.side.open().expect("another stream").value();
        speaker.say(stream, head, body, end);
        stream
    }

    pub(crate) fn get(&mut self, client: usize, path: &str) -> u32 {
        self.ask(client, &asks("GET", path, &[]), b"", End::Plain)
    }

    pub(crate) fn speaker(&mut self, peer: usize) -> &mut Speaker {
        self.speakers.get_mut(&peer).expect("it speaks HTTP/2")
    }

    pub(crate) fn talk(&self, peer: usize, stream: u32) -> &Talk {
        self.speakers[&peer].talks.get(&stream).unwrap_or_else(|| panic!("nothing was heard on {stream}"))
    }

    /// The target that was dialed last.
    pub(crate) fn target(&self) -> usize {
        *self.targets().last().expect("a target was dialed")
    }

    pub(crate) fn targets(&self) -> Vec<usize> {
        (0..self.lab.peers.len()).filter(|&peer| self.lab.peers[peer].target).collect()
    }

    /// Lines of the access log so far.
    pub(crate) fn log(&mut self) -> Vec<String> {
        let lines = self.lab.turn(|turn| String::from_utf8_lossy(turn.journal(Log::Access).pending()).into_owned());
        lines.lines().map(str::to_owned).collect()
    }

    pub(crate) fn streams(&self) -> usize {
        self.lab.shard.census().streams
    }

    pub(crate) fn is_open(&self, peer: usize) -> bool {
        self.lab.peers[peer].fate == Fate::Open
    }

    /// Clients leave, and what is idle goes: nothing is left.
    pub(crate) fn over(mut self) {
        self.run();
        for peer in 0..self.lab.peers.len() {
            if !self.lab.peers[peer].target && self.lab.peers[peer].fate != Fate::Close {
                self.lab.ends(peer);
            }
        }
        self.pass_seconds(61);
        self.pass_seconds(61);
        assert_eq!(self.lab.shard.census(), Default::default());
    }
}
