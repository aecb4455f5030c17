//! The answer on its way to the client: interim heads, the final head, the body.

use super::incoming::{framing_towards, keeps_alive, write_response_with};
use super::relay::{Flow, Relay};
use super::{After, Context, Exchange, Leg, UNWANTED_BYTES_MAX, Upload};
use crate::buffer::{PAGE, Payment, SMALL_PAGE};
use crate::http::h1::head::{Scan, Scanner, parse_response, response_framing};
use crate::http::{FieldRoom, Framing, Response, Version};
use crate::observe::Cause;
use crate::sticky::Sealing;

/// Interim answers (1xx) that one request may get. More than any server sends; fewer than a flood.
pub(crate) const INTERIM_MAX: u8 = 16;

/// An answer that says its length and is no longer than this with its head is held until it is whole, so that a
/// target which promises more than it sends costs the client a 504 or 502 with a cause instead of a cut connection
/// (guide CONN-12). In bytes.
const HELD_MAX: usize = PAGE;

/// Where the answer stands.
#[derive(Debug)]
pub(crate) enum Download {
    /// No final head yet.
    Waiting { scanner: Scanner, interims: u8 },
    /// The head is in the client's output, the body follows.
    Relaying(Relay),
    /// The connection was upgraded: bytes are forwarded as they are.
    Tunnel(Relay),
    /// The whole answer is in the client's output, or never will be.
    Done,
}

/// What an answer's head leads to.
enum Turn {
    /// An interim answer: another head follows.
    Interim,
    /// 101: the connection becomes a tunnel.
    Switch,
    /// The final head, and how its body is framed.
    Final(Framing),
}

impl Download {
    pub(crate) const fn waiting() -> Self {
        Download::Waiting { scanner: Scanner::response(), interims: 0 }
    }

    pub(super) fn relay(&mut self) -> Option<&mut Relay> {
        match self {
            Download::Relaying(relay) | Download::Tunnel(relay) => Some(relay),
            Download::Waiting { .. } | Download::Done => None,
        }
    }
}

impl Exchange {
    pub(super) fn advance_download(&mut self, front: &mut Leg, back: &mut Leg, cx: &mut Context<'_>) {
        while let Download::Waiting { .. } = self.download {
            if !self.read_head(front, back, cx) {
                break;
            }
        }
        match &self.download {
            Download::Relaying(_) => self.relay_download(front, back, cx),
            Download::Tunnel(_) => self.tunnel_download(front, back, cx),
            Download::Waiting { .. } if back.ended => self.fail(Cause::TargetClosedEarly, front, cx),
            Download::Waiting { .. } | Download::Done => {}
        }
    }

    /// The target's connection broke.
    pub(crate) fn target_is_lost(&mut self, front: &mut Leg, cx: &mut Context<'_>) {
        match self.download {
            Download::Waiting { .. } => self.fail(Cause::TargetReset, front, cx),
            Download::Relaying(_) => self.fail(Cause::TargetBodyShort, front, cx),
            Download::Tunnel(_) => {
                front.unfinished = true;
                self.end_tunnel();
            }
            Download::Done => {}
        }
    }

    /// Takes one head from the target's input, if a whole one is there; `true` if it did.
    fn read_head(&mut self, front: &mut Leg, back: &mut Leg, cx: &mut Context<'_>) -> bool {
        let Download::Waiting { scanner, .. } = &mut self.download else { return false };
        let len = match scanner.scan_response(back.input.bytes()) {
            Ok(Scan::Head { len, .. }) => len,
            Ok(Scan::More) => return false,
            Err(refusal) => {
                self.fail(Cause::from(refusal), front, cx);
                return false;
            }
        };
        let verdict = {
            let mut room = FieldRoom::default();
            match parse_response(&back.input.bytes()[..len], &mut room) {
                Ok(response) => self.receive_head(&response, front, back, cx),
                Err(refusal) => Err(Cause::from(refusal)),
            }
        };
        back.input.consume(len, cx.buffers);
        match verdict {
            Ok(turn) => self.turn(turn, front, back, cx),
            Err(cause) => self.fail(cause, front, cx),
        }
        matches!(self.download, Download::Waiting { .. })
    }

    /// Decides what a head is and writes it to the client.
    fn receive_head(
        &mut self,
        response: &Response<'_>,
        front: &mut Leg,
        back: &Leg,
        cx: &mut Context<'_>,
    ) -> Result<Turn, Cause> {
        let Download::Waiting { interims, .. } = &mut self.download else { return Ok(Turn::Interim) };
        match response.status {
            101 if self.facts.upgrade && matches!(self.upload, Upload::Done) => {
                self.write_head(response, Framing::None, true, front, cx)?;
                Ok(Turn::Switch)
            }
            101 => Err(Cause::UnexpectedUpgrade),
            100..200 => {
                *interims += 1;
                if *interims > INTERIM_MAX {
                    return Err(Cause::TooManyInterimResponses);
                }
                // The balancer has answered 100 itself: it owns that conversation. Others pass (RFC 9110 section 15.2).
                if response.status != 100 && self.facts.version == Version::Http11 {
                    self.write_head(response, Framing::None, true, front, cx)?;
                }
                Ok(Turn::Interim)
            }
            _ => self.receive_final_head(response, front, back, cx),
        }
    }

    fn receive_final_head(
        &mut self,
        response: &Response<'_>,
        front: &mut Leg,
        back: &Leg,
        cx: &mut Context<'_>,
    ) -> Result<Turn, Cause> {
        let framing = response_framing(response, self.facts.is_head).map_err(Cause::from)?;
        let early = !matches!(self.upload, Upload::Done) || !back.output.is_empty();
        self.record.target_responded(cx.now, response.status, keeps_alive(response) && !early);
        let towards_client = framing_towards(self.facts.version, framing);
        let keep_alive = self.facts.keep_alive
            && !early
            && !cx.closing
            && self.may_go_on(front)
            && towards_client != Framing::UntilClose;
        self.after = if keep_alive { After::KeepAlive } else { After::Close };
        self.record.responding(cx.now, response.status);
        self.write_head(response, towards_client, keep_alive, front, cx)?;
        front.held = cx.scratch.len();
        Ok(Turn::Final(framing))
    }

    fn turn(&mut self, turn: Turn, front: &Leg, back: &Leg, cx: &mut Context<'_>) {
        match turn {
            Turn::Interim => {
                if let Download::Waiting { scanner, .. } = &mut self.download {
                    *scanner = Scanner::response();
                }
            }
            Turn::Switch => {
                self.record.responding(cx.now, 101);
                self.record.target_responded(cx.now, 101, false);
                self.after = After::Close;
                self.upload = Upload::Tunnel(Relay::tunnel());
                self.download = Download::Tunnel(Relay::tunnel());
            }
            Turn::Final(framing) => {
                let reframing = framing_towards(self.facts.version, framing);
                self.download = Download::Relaying(Relay::new((back, framing), (front, reframing)));
            }
        }
    }

    fn relay_download(&mut self, front: &mut Leg, back: &mut Leg, cx: &mut Context<'_>) {
        let Download::Relaying(relay) = &mut self.download else { return };
        let before = front.output.len();
        let flow = relay.pump(back, front, cx.buffers);
        if front.held > 0 {
            front.held += front.output.len() - before;
        }
        match flow {
            Ok(Flow::Finished) => self.download_is_whole(front),
            Ok(Flow::Starved) if back.truncated => self.fail(Cause::TargetBodyShort, front, cx),
            Ok(Flow::Starved) if back.ended => match relay.sender_ended(back, front, cx.buffers) {
                Ok(false) => {}
                Ok(true) => self.download_is_whole(front),
                Err(_) => self.fail(Cause::TargetBodyShort, front, cx),
            },
            Ok(Flow::Starved | Flow::Blocked) => {
                let most = HELD_MAX.min(front.limit).saturating_sub(front.held) as u64;
                if relay.remaining().is_none_or(|rest| rest > most) {
                    front.held = 0;
                }
            }
            Err(_) => self.fail(Cause::TargetBodyGarbled, front, cx),
        }
    }

    fn download_is_whole(&mut self, front: &mut Leg) {
        front.held = 0;
        self.download = Download::Done;
        if self.after == After::Close && !matches!(self.upload, Upload::Done) {
            self.upload = Upload::Abandoned { left: UNWANTED_BYTES_MAX };
        }
    }

    fn tunnel_download(&mut self, front: &mut Leg, back: &mut Leg, cx: &mut Context<'_>) {
        let Download::Tunnel(relay) = &mut self.download else { return };
        let _ = relay.pump(back, front, cx.buffers);
        if back.ended && back.input.is_empty() {
            // What was cut off does not look whole to the client.
            front.unfinished |= back.truncated;
            self.end_tunnel();
        }
    }

    /// One side of a tunnel closed for good: what the other still has to get is sent, then both close.
    fn end_tunnel(&mut self) {
        self.download = Download::Done;
        self.upload = Upload::Abandoned { left: UNWANTED_BYTES_MAX };
    }

    /// Writes a head to the client. One that settles where the request went, a final one or 101 (STK-20), brings the client's
    /// cookies with it.
    fn write_head(
        &self,
        response: &Response<'_>,
        framing: Framing,
        keep_alive: bool,
        front: &mut Leg,
        cx: &mut Context<'_>,
    ) -> Result<(), Cause> {
        let Context { now, keys, chance, cookies, scratch, .. } = cx;
        cookies.clear();
        if let Some(session) = self.session.as_ref().filter(|_| response.status == 101 || response.status >= 200) {
            session.write(response, &mut Sealing { keys, chance, now: now.wall }, cookies);
        }
        scratch.clear();
        write_response_with(response, framing, keep_alive, cookies, scratch);
        // Where nobody takes much of it for now, it need not begin on an ordinary page.
        let fits = match front.limit <= SMALL_PAGE {
            true => front.output.append_alone(scratch, Payment::Admitted, cx.buffers),
            false => front.output.append(scratch, Payment::Admitted, cx.buffers),
        };
        if fits { Ok(()) } else { Err(Cause::OutOfMemory) }
    }
}
