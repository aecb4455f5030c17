//! The world in memory: one shard, no sockets, and time that moves only when a transcript waits.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sluicegate::shard::{DialError, Effect, Endpoints, Fate, ListenerId, Log, Options, Shard, Turn, Wire, WireId};
use sluicegate::time::{Mono, Now, Wall};

use super::play::{Filled, Received, Socket, World, play};
use super::{Behaviour, Transcript, configuration};

/// Plays a transcript in memory.
///
/// # Errors
/// What does not hold, or what is wrong with the transcript's template.
pub fn run(transcript: &Transcript) -> Result<(), String> {
    play(transcript, &mut Memory::new(transcript)?)
}

/// A shard with clients and targets that are lines of a transcript.
struct Memory {
    shard: Shard,
    now: Now,
    due: Option<Mono>,
    first_port: u16,
    sockets: Vec<Peer>,
    /// What is at which port.
    targets: BTreeMap<u16, (String, Behaviour)>,
    /// Connections that arrived at targets and were not accepted yet.
    arrived: BTreeMap<String, VecDeque<Socket>>,
}

/// The other side of a wire.
struct Peer {
    wire: WireId,
    /// What it sent and the shard did not take yet.
    sent: VecDeque<u8>,
    ends: Ending,
    told: bool,
    received: Vec<u8>,
    over: Option<Received>,
}

/// What a peer does once all that it sent was taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    HalfClosed,
    Closed,
    Reset,
}

/// The first of the ports that clients and targets have.
const TARGET_PORTS: u16 = 9001;
const CLIENT_PORTS: u16 = 50_000;

/// Where the access log is received from.
const LOG: Socket = Socket::MAX;

fn port_of(targets: &BTreeMap<u16, (String, Behaviour)>, name: &str) -> u16 {
    targets.iter().find(|(_, target)| target.0 == name).map_or(0, |(port, _)| *port)
}

impl Memory {
    fn new(transcript: &Transcript) -> Result<Memory, String> {
        let ports = transcript.targets().zip(TARGET_PORTS..);
        let targets: BTreeMap<u16, (String, Behaviour)> =
            ports.map(|((name, behaviour), port)| (port, (name.to_owned(), behaviour))).collect();
        let config = configuration(&transcript.template(|name| port_of(&targets, name)))?;
        let first_port = config.listeners.first().ok_or("the template has no listener")?.port;
        let mut options = Options::default();
        options.access_log = true;
        let shard = Shard::new(Arc::new(config), options, 1);
        // 2024-03-11T12:00:00Z, when the guide's statements were written down.
        let now = Now { mono: Mono::default(), wall: Wall::from_micros(1_710_158_400_000_000) };
        Ok(Memory { shard, now, due: None, first_port, sockets: Vec::new(), targets, arrived: BTreeMap::new() })
    }

    /// One turn, and what it wants done.
    fn turn<R>(&mut self, verbs: impl FnOnce(&mut Turn<'_>) -> R) -> R {
        let mut turn = self.shard.turn(self.now);
        let result = verbs(&mut turn);
        let effects = effects(&mut turn);
        self.due = turn.finish();
        self.act(effects);
        result
    }

    fn act(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Dial { wire, address } = effect {
                self.dial(wire, address);
            }
        }
    }

    fn dial(&mut self, wire: WireId, address: SocketAddr) {
        match self.targets.get(&address.port()).cloned() {
            Some((name, Behaviour::Accepts)) => {
                let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000));
                self.turn(|turn| turn.dialed(wire, Ok(Endpoints { peer: address, local })));
                let socket = self.peer(wire);
                self.arrived.entry(name).or_default().push_back(socket);
            }
            Some((_, Behaviour::Silent)) => {}
            Some((_, Behaviour::Refuses)) | None => self.turn(|turn| turn.dialed(wire, Err(DialError::Refused))),
        }
    }

    fn log_lines(&mut self) -> Received {
        let lines = self.turn(|turn| {
            let mut journal = turn.journal(Log::Access);
            let lines = journal.pending().to_vec();
            journal.sent(lines.len());
            lines
        });
        if lines.is_empty() { Received::Nothing } else { Received::Bytes(lines) }
    }

    fn peer(&mut self, wire: WireId) -> Socket {
        let (sent, received) = (VecDeque::new(), Vec::new());
        self.sockets.push(Peer { wire, sent, ends: Ending::Open, told: false, received, over: None });
        self.sockets.len() - 1
    }

    /// Carries bytes until nothing moves any more.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            for socket in 0..self.sockets.len() {
                moved |= self.carry(socket);
            }
            if !moved {
                return;
            }
        }
    }

    /// What one socket's task would do now; whether anything moved.
    fn carry(&mut self, socket: Socket) -> bool {
        let Some(peer) = self.sockets.get_mut(socket) else { return false };
        let mut turn = self.shard.turn(self.now);
        let moved = match turn.wire(peer.wire) {
            Some(mut wire) => peer.exchange(&mut wire),
            None => peer.end(Received::End),
        };
        let effects = effects(&mut turn);
        self.due = turn.finish();
        self.act(effects);
        moved
    }
}

fn effects(turn: &mut Turn<'_>) -> Vec<Effect> {
    std::iter::from_fn(|| turn.next_effect()).collect()
}

impl Peer {
    fn exchange(&mut self, wire: &mut Wire<'_>) -> bool {
        let mut moved = false;
        if self.ends == Ending::Reset && !self.told {
            self.told = true;
            wire.lost();
            return true;
        }
        let pending = wire.pending().to_vec();
        if !pending.is_empty() {
            moved = true;
            if self.ends == Ending::Closed {
                wire.unwritable();
            } else {
                wire.sent(pending.len());
                self.received.extend(pending);
            }
        }
        let taken = wire.offer(self.sent.make_contiguous());
        self.sent.drain(..taken);
        moved |= taken > 0;
        if self.sent.is_empty() && self.ends != Ending::Open && !self.told {
            self.told = true;
            wire.ended();
            moved = true;
        }
        match wire.fate() {
            Fate::Open => moved,
            Fate::Finish => self.end(Received::End) || moved,
            Fate::Close => {
                // A socket that is closed with bytes unread resets the connection.
                self.end(if self.sent.is_empty() { Received::End } else { Received::Reset });
                self.told = true;
                wire.lost();
                true
            }
        }
    }

    fn end(&mut self, how: Received) -> bool {
        let news = self.over.is_none();
        self.over.get_or_insert(how);
        news
    }
}

impl World for Memory {
    fn connect(&mut self, port: Option<u16>, from: Option<SocketAddr>) -> Result<Socket, String> {
        let port = port.unwrap_or(self.first_port);
        let number = u16::try_from(self.sockets.len()).unwrap_or_default();
        let peer = from.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, CLIENT_PORTS + number)));
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let wire = self.turn(|turn| turn.accepted(ListenerId(port), Endpoints { peer, local }));
        let wire = wire.map_err(|shed| format!(" is not let in: {shed}"))?;
        Ok(self.peer(wire))
    }

    fn accept(&mut self, target: &str) -> Result<Socket, String> {
        self.settle();
        self.arrived.get_mut(target).and_then(VecDeque::pop_front).ok_or_else(|| " gets no new connection".to_owned())
    }

    fn send(&mut self, socket: Socket, bytes: &[u8]) {
        self.sockets[socket].sent.extend(bytes);
        self.settle();
    }

    fn half_close(&mut self, socket: Socket) {
        self.sockets[socket].ends = Ending::HalfClosed;
        self.settle();
    }

    fn close(&mut self, socket: Socket) {
        self.sockets[socket].ends = Ending::Closed;
        self.settle();
    }

    fn reset(&mut self, socket: Socket) {
        self.sockets[socket].ends = Ending::Reset;
        self.settle();
    }

    fn receive(&mut self, socket: Socket, _patient: bool) -> Received {
        self.settle();
        if socket == LOG {
            return self.log_lines();
        }
        let peer = &mut self.sockets[socket];
        if peer.received.is_empty() {
            return peer.over.clone().unwrap_or(Received::Nothing);
        }
        Received::Bytes(std::mem::take(&mut peer.received))
    }

    fn wait(&mut self, span: Duration) -> Result<(), String> {
        let until = self.now.mono.after(span);
        while self.now.mono < until {
            let next = self.due.filter(|due| *due > self.now.mono).map_or(until, |due| due.min(until));
            let passed = next.since(self.now.mono);
            let wall =
                Wall::from_micros(self.now.wall.micros() + u64::try_from(passed.as_micros()).unwrap_or_default());
            self.now = Now { mono: next, wall };
            self.turn(|_| ());
            self.settle();
        }
        Ok(())
    }

    fn reload(&mut self, template: &Filled<'_>) -> Result<(), String> {
        let config = Arc::new(configuration(&template(&|name| port_of(&self.targets, name)))?);
        self.turn(|turn| drop(turn.reconfigured(config)));
        self.settle();
        Ok(())
    }

    fn log(&mut self) -> Result<Socket, String> {
        Ok(LOG)
    }

    fn finish(&mut self) -> Result<(), String> {
        if let Some((name, _)) = self.arrived.iter().find(|(_, arrived)| !arrived.is_empty()) {
            return Err(format!("{name} got a connection that the transcript does not mention"));
        }
        for peer in self.sockets.iter_mut().filter(|peer| peer.ends != Ending::Reset) {
            peer.ends = Ending::Closed;
        }
        self.settle();
        let census = self.shard.census();
        let memory = (census.memory.lent, census.memory.admitted, census.memory.metered);
        if (census.fronts, census.exchanges, memory) == (0, 0, (0, 0, 0)) {
            Ok(())
        } else {
            Err(format!("left over: {census:?}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a conversation with one target.
    fn outcome(conversation: &str) -> Result<(), String> {
        let text = format!("A title\nproves: CONN-01\nvirtual only\nconfig: one-target\n---\n{conversation}");
        let template = include_str!("../../transcripts/templates/one-target.yaml");
        run(&Transcript::read(&text, |_| Some(template.to_owned())).expect("a transcript"))
    }

    const ASKED: &str = "client> GET / HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n\n";
    const TAKEN: &str = "target< GET / HTTP/1.1\\r\\n\\(forwarded)Host: a.example\\r\\n\\(traced)\\r\\n\n";
    const SERVED: &str = "target> HTTP/1.1 204 None\\r\\n\\r\\n\n";
    const GOT: &str = "client< HTTP/1.1 204 None\\r\\nConnection: keep-alive\\r\\n\\r\\n\n";

    #[test]
    fn a_conversation_as_it_is_holds() {
        assert_eq!(outcome(&[ASKED, TAKEN, SERVED, GOT, "client closes\ntarget sees nothing\n"].concat()), Ok(()));
    }

    #[test]
    fn anything_else_than_what_is_written_is_a_failure_with_its_line() {
        for (conversation, what) in [
            (
                [ASKED, TAKEN, SERVED, "client< HTTP/1.1 205"].concat(),
                "line 9: client expected, after 11 bytes, `5` and got `4 None",
            ),
            (
                [ASKED, "target< GET / HTTP/1.0"].concat(),
                "line 7: target expected, after 13 bytes, `0` and got `1\\r\\n`",
            ),
            ([ASKED, TAKEN, "client< x"].concat(), "line 8: client waits for more and sees Nothing"),
            ([ASKED, TAKEN, SERVED, GOT, "client< x"].concat(), "line 10: client waits for more and sees Nothing"),
            (
                [ASKED, TAKEN, SERVED, GOT, "client sees end"].concat(),
                "line 10: client should be at its end and sees Nothing",
            ),
            ([ASKED, TAKEN, SERVED, "client sees end"].concat(), "line 9: client is not at its end but got"),
            ([ASKED, TAKEN, SERVED, "client sees nothing"].concat(), "line 9: client got"),
            ([ASKED, TAKEN, SERVED, GOT, "target2 accepts"].concat(), "line 10: target2 gets no new connection"),
            ([ASKED, TAKEN, SERVED].concat(), "at the end: client has unread"),
            ([ASKED, TAKEN, SERVED, "client< HTTP/1.1 204 N"].concat(), "at the end: client has unread"),
            (ASKED.to_owned(), "at the end: target got a connection that the transcript does not mention"),
            ("client connects to 81\n".to_owned(), "line 6: client is not let in"),
        ] {
            let told = outcome(&conversation).expect_err("a failure");
            assert!(told.starts_with(what), "{conversation}: {told}");
        }
    }

    #[test]
    fn time_passes_only_when_a_transcript_waits() {
        assert_eq!(
            outcome("client connects\nwait 59.999 s\nclient sees nothing\nwait 0.002 s\nclient sees end\n"),
            Ok(())
        );
        assert!(outcome("client connects\nwait 59.999 s\nclient sees end\n").is_err());
    }
}
