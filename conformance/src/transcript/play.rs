//! Plays a transcript in a world: a balancer with clients and targets around it, however that is made.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::pattern::{Match, Memory, Pattern};
use super::{Act, Step, Transcript, show};

/// A client's or a target's end of a connection.
pub type Socket = usize;

/// A template, once it is said at which port each target is.
pub type Filled<'t> = dyn Fn(&dyn Fn(&str) -> u16) -> String + 't;

/// The name of the access log, which is read like a connection.
pub(super) const LOG: &str = "log";

/// What comes next from a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// At least one.
    Bytes(Vec<u8>),
    /// The other side has closed, in order.
    End,
    /// The connection broke.
    Reset,
    /// Nothing came as long as the world is willing to wait.
    Nothing,
}

/// Where a transcript is played. An error is a sentence for the reader of a failed test.
pub trait World {
    /// A client connects to the listener that is declared with that port, or to the first one.
    ///
    /// # Errors
    /// It is not let in.
    fn connect(&mut self, port: Option<u16>, from: Option<SocketAddr>) -> Result<Socket, String>;
    /// The next new connection that arrives at a target.
    ///
    /// # Errors
    /// None does.
    fn accept(&mut self, target: &str) -> Result<Socket, String>;
    /// Sends; that nobody reads it any more is no error.
    fn send(&mut self, socket: Socket, bytes: &[u8]);
    /// Sends nothing more.
    fn half_close(&mut self, socket: Socket);
    /// Closes.
    fn close(&mut self, socket: Socket);
    /// Resets.
    fn reset(&mut self, socket: Socket);
    /// What comes next; waits for it if `patient`.
    fn receive(&mut self, socket: Socket, patient: bool) -> Received;
    /// Lets time pass.
    ///
    /// # Errors
    /// Time is not for this world to move.
    fn wait(&mut self, span: Duration) -> Result<(), String>;
    /// From now on another template holds.
    ///
    /// # Errors
    /// This world cannot do that, or the template is not understood.
    fn reload(&mut self, template: &Filled<'_>) -> Result<(), String>;
    /// The access log, to be received from like a connection.
    ///
    /// # Errors
    /// This world has none.
    fn log(&mut self) -> Result<Socket, String>;
    /// Everybody closes what is open. A connection that the transcript did not mention is an error, and so is
    /// anything that the world finds left over.
    ///
    /// # Errors
    /// What is left over.
    fn finish(&mut self) -> Result<(), String>;
}

/// Plays a transcript.
///
/// # Errors
/// The line that does not hold, what was expected there, and what happened.
pub fn play(transcript: &Transcript, world: &mut dyn World) -> Result<(), String> {
    let set = transcript.set.clone();
    let mut stage =
        Stage { transcript, set, world, ends: BTreeMap::new(), closed: BTreeSet::new(), memory: Memory::new() };
    for step in &transcript.steps {
        stage.step(step).map_err(|what| format!("line {}: {}{what}", step.line, step.who))?;
    }
    stage.nothing_is_left()
}

struct Stage<'w> {
    transcript: &'w Transcript,
    /// What is set for the template now.
    set: BTreeMap<String, String>,
    world: &'w mut dyn World,
    ends: BTreeMap<String, End>,
    /// Those that closed themselves: what they would have received is of no interest.
    closed: BTreeSet<String>,
    memory: Memory,
}

/// One end of a connection, as far as the transcript has read it.
struct End {
    socket: Socket,
    unread: Vec<u8>,
    over: Option<Received>,
}

impl Stage<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        let who = step.who.as_str();
        match &step.act {
            Act::Wait(span) => self.world.wait(*span),
            Act::Set { name, value } => {
                self.set.insert(name.clone(), value.clone());
                let (transcript, set) = (self.transcript, &self.set);
                self.world.reload(&|port| transcript.template_with(set, port))
            }
            Act::Connect { to, from } => {
                let socket = self.world.connect(*to, *from)?;
                self.open(who, socket);
                Ok(())
            }
            Act::Accept => self.accept(who),
            Act::Send { bytes, piece } => {
                let socket = self.end(who)?.socket;
                bytes.chunks(piece.unwrap_or(usize::MAX)).for_each(|piece| self.world.send(socket, piece));
                Ok(())
            }
            Act::Expect(pattern) => self.expect(who, pattern),
            Act::HalfClose => {
                let socket = self.end(who)?.socket;
                self.world.half_close(socket);
                Ok(())
            }
            Act::Close | Act::Reset => {
                let socket = self.end(who)?.socket;
                self.closed.insert(who.to_owned());
                if matches!(step.act, Act::Close) {
                    self.world.close(socket)
                } else {
                    self.world.reset(socket)
                }
                Ok(())
            }
            Act::SeesEnd => self.over(who, &[Received::End]),
            Act::IsCut => self.over(who, &[Received::End, Received::Reset]),
            Act::SeesNothing => match self.receive(who, false)? {
                Received::Nothing if self.end(who)?.unread.is_empty() => Ok(()),
                Received::Nothing | Received::Bytes(_) => {
                    Err(format!(" got\n        {}", show::bytes(&self.end(who)?.unread)))
                }
                over => Err(format!(" sees {over:?}")),
            },
        }
    }

    fn open(&mut self, who: &str, socket: Socket) {
        self.ends.insert(who.to_owned(), End { socket, unread: Vec::new(), over: None });
    }

    fn accept(&mut self, who: &str) -> Result<(), String> {
        let socket = self.world.accept(who.trim_end_matches(|c: char| c.is_ascii_digit()))?;
        self.open(who, socket);
        Ok(())
    }

    /// The connection of that name; who is named first opens it.
    fn end(&mut self, who: &str) -> Result<&mut End, String> {
        if !self.ends.contains_key(who) {
            if who == LOG {
                let socket = self.world.log()?;
                self.open(who, socket);
            } else if who.starts_with("client") {
                let socket = self.world.connect(None, None)?;
                self.open(who, socket);
            } else {
                self.accept(who)?;
            }
        }
        self.ends.get_mut(who).ok_or_else(|| " is not open".to_owned())
    }

    fn receive(&mut self, who: &str, patient: bool) -> Result<Received, String> {
        let end = self.end(who)?;
        if let Some(over) = &end.over {
            return Ok(over.clone());
        }
        let socket = end.socket;
        let received = self.world.receive(socket, patient);
        let end = self.end(who)?;
        match &received {
            Received::Bytes(bytes) => end.unread.extend_from_slice(bytes),
            Received::End | Received::Reset => end.over = Some(received.clone()),
            Received::Nothing => {}
        }
        Ok(received)
    }

    fn expect(&mut self, who: &str, pattern: &Pattern) -> Result<(), String> {
        loop {
            let unread = std::mem::take(&mut self.end(who)?.unread);
            let found = pattern.matches(&unread, &mut self.memory);
            let wanted = || pattern.show(&self.memory);
            let got = show::bytes(&unread);
            let all = format!("\n    expected\n        {}\n    got\n        {got}", wanted());
            match found {
                Match::Whole(len) => {
                    self.end(who)?.unread = unread[len..].to_vec();
                    return Ok(());
                }
                Match::No { at, expected } => {
                    let (expected, instead) = (first_line(&expected), show::bytes(&unread[at..]));
                    return Err(format!(
                        " expected, after {at} bytes, `{expected}` and got `{}`{all}",
                        first_line(&instead)
                    ));
                }
                Match::SoFar => {
                    self.end(who)?.unread = unread;
                    match self.receive(who, true)? {
                        Received::Bytes(_) => {}
                        over => return Err(format!(" waits for more and sees {over:?}{all}")),
                    }
                }
            }
        }
    }

    fn over(&mut self, who: &str, allowed: &[Received]) -> Result<(), String> {
        let received = self.receive(who, true)?;
        let unread = show::bytes(&self.end(who)?.unread);
        if !unread.is_empty() {
            return Err(format!(" is not at its end but got\n        {unread}"));
        }
        if allowed.contains(&received) { Ok(()) } else { Err(format!(" should be at its end and sees {received:?}")) }
    }

    fn nothing_is_left(&mut self) -> Result<(), String> {
        let names: Vec<String> = self.ends.keys().filter(|name| !self.closed.contains(*name)).cloned().collect();
        for who in names {
            let received = self.receive(&who, false).map_err(|what| format!("at the end: {who}{what}"))?;
            let unread = &self.end(&who)?.unread;
            if !unread.is_empty() || matches!(received, Received::Bytes(_)) {
                return Err(format!("at the end: {who} has unread\n        {}", show::bytes(unread)));
            }
        }
        self.world.finish().map_err(|what| format!("at the end: {what}"))
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
