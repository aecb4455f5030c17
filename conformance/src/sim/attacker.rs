//! A client that sends whatever it likes, in pieces of any size; or, among such clients, a good one that must get exactly
//! what is its own. What it has read is judged when its connection is over.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::answers::{self, Answer};
use super::chance::Chance;
use super::net::{Conn, Net, Side, Stop, Time};
use super::spec::Ledger;

/// One step of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Send(Vec<u8>),
    Pause(Time),
    /// Waits until something has come.
    Hear,
    Half,
    Close,
    Reset,
}

/// What a client tries.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(super) steps: VecDeque<Step>,
    /// The longest piece that it sends at once, in bytes.
    pub(super) piece: u64,
    /// The longest pause after each.
    pub(super) gap: Time,
    pub(super) chance: Chance,
    /// A good client's targets and the digests of its bodies, in order.
    pub(super) good: Option<Vec<(String, String)>>,
    /// Whether each of those must be answered by a target.
    pub(super) served: bool,
}

#[derive(Debug)]
pub(crate) struct Attacker {
    conn: Conn,
    pub(crate) address: SocketAddr,
    attempt: Attempt,
    received: Vec<u8>,
    not_before: Time,
    mute: bool,
    half: bool,
    pub(crate) over: bool,
}

impl Attacker {
    pub(crate) fn new(conn: Conn, address: SocketAddr, attempt: Attempt) -> Self {
        Attacker { conn, address, attempt, received: Vec::new(), not_before: 0, mute: false, half: false, over: false }
    }

    pub(crate) fn situation(&self) -> String {
        let next = self.attempt.steps.front();
        format!("client {}: {next:?}, has read \"{}\"", self.address, self.received.escape_ascii())
    }

    pub(crate) fn satisfied(&self) -> Result<(), String> {
        if self.over { Ok(()) } else { Err(format!("{} still waits", self.situation())) }
    }

    pub(crate) fn tick<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<Option<Time>, String> {
        if self.over {
            return Ok(None);
        }
        self.read(net, ledger)?;
        while !self.over {
            if net.now < self.not_before {
                return Ok(Some(self.not_before));
            }
            if !self.step(net, ledger)? {
                break;
            }
        }
        Ok(None)
    }

    /// The next step, or a part of it; `false` if something has to happen first.
    fn step<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<bool, String> {
        match self.attempt.steps.front_mut() {
            None => return Ok(false),
            Some(Step::Hear) if self.received.is_empty() => return Ok(false),
            Some(Step::Send(bytes)) if !bytes.is_empty() && !self.mute && !self.half => {
                let most = self.attempt.chance.between(1, self.attempt.piece) as usize;
                match net.write(self.conn, Side::Theirs, &bytes[..most.min(bytes.len())]) {
                    Ok(n) => drop(bytes.drain(..n)),
                    Err(Stop::WouldBlock) => return Ok(false),
                    Err(Stop::Reset) => self.mute = true,
                }
                self.not_before = net.now + self.attempt.chance.below(self.attempt.gap + 1);
                return Ok(true);
            }
            Some(Step::Pause(span)) => self.not_before = net.now + *span,
            Some(Step::Half) => {
                self.half = true;
                net.shut(self.conn, Side::Theirs);
            }
            Some(Step::Close) => {
                net.close(self.conn, Side::Theirs);
                self.end(false, ledger)?;
            }
            Some(Step::Reset) => {
                net.reset(self.conn, Side::Theirs);
                self.end(false, ledger)?;
            }
            Some(Step::Send(_) | Step::Hear) => {}
        }
        self.attempt.steps.pop_front();
        Ok(true)
    }

    fn read<E>(&mut self, net: &mut Net<E>, ledger: &mut Ledger) -> Result<(), String> {
        let mut scratch = [0; 8192];
        loop {
            match net.read(self.conn, Side::Theirs, &mut scratch) {
                Ok(n) if n > 0 => self.received.extend_from_slice(&scratch[..n]),
                Ok(_) | Err(Stop::Reset) => {
                    net.close(self.conn, Side::Theirs);
                    return self.end(true, ledger);
                }
                Err(Stop::WouldBlock) => return Ok(()),
            }
        }
    }

    /// The connection is over, by the balancer's doing or not.
    fn end(&mut self, served: bool, ledger: &mut Ledger) -> Result<(), String> {
        self.over = true;
        let answers = answers::read(&self.received, &self.address.ip().to_string())?;
        for answer in answers.iter().filter(|answer| answer.whole) {
            match &answer.echo {
                Some(_) => ledger.answered += 1,
                None => *ledger.refused.entry(answer.status).or_default() += 1,
            }
        }
        match &self.attempt.good {
            Some(good) if served => self.is_served(good, &answers),
            _ => Ok(()),
        }
    }

    /// A good client gets the answers to its own requests, in order.
    fn is_served(&self, good: &[(String, String)], answers: &[Answer]) -> Result<(), String> {
        for (number, (answer, asked)) in answers.iter().zip(good).enumerate() {
            match &answer.echo {
                Some(echo) if !echo.0.is_empty() && !is_about(echo, asked, self.attempt.served) => {
                    return Err(format!("answer {number} is about {echo:?}, not {asked:?}"));
                }
                None if self.attempt.served => return Err(format!("{} for {asked:?}", answer.status)),
                _ => {}
            }
        }
        let whole = answers.iter().filter(|answer| answer.whole).count();
        if self.attempt.served && whole != good.len() || answers.len() > good.len() {
            return Err(format!("{whole} whole answers of {} to {} requests", answers.len(), good.len()));
        }
        Ok(())
    }
}

/// Whether a witness saw what was asked; of a body that it answered early it cannot say.
fn is_about(echo: &(String, String), asked: &(String, String), served: bool) -> bool {
    echo.0 == asked.0 && (echo.1 == asked.1 || echo.1.is_empty() && !served)
}
