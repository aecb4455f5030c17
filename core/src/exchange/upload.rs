//! The request's body on its way to the target.

use super::relay::{Flow, Relay};
use super::{After, Context, Download, Exchange, Leg, UNWANTED_BYTES_MAX};
use crate::http::Framing;
use crate::http::h1::body::{Decoder, Step};
use crate::observe::Cause;

/// A body that nobody wants is read to its end, to keep the connection, up to so many bytes.
const DRAINED_BYTES_MAX: u64 = 64 * 1024;

/// Where the request's body stands.
#[derive(Debug)]
pub(crate) enum Upload {
    /// It is being forwarded.
    Relaying(Relay),
    /// The connection was upgraded: bytes are forwarded as they are.
    Tunnel(Relay),
    /// It was answered here and the connection is kept: the body is read and dropped.
    Discarding { decoder: Decoder, left: u64 },
    /// The whole of it is in the target's output, or was dropped.
    Done,
    /// It was answered before it was whole: what still comes is dropped until the connection closes.
    Abandoned { left: u64 },
}

impl Upload {
    /// A body that will be forwarded, framed as it came where there is framing.
    pub(crate) fn relaying(framing: Framing, from: &Leg, to: &Leg) -> Self {
        match framing {
            Framing::None | Framing::Length(0) => Upload::Done,
            framing => Upload::Relaying(Relay::new((from, framing), (to, framing))),
        }
    }

    /// A body that will be dropped. On a bare leg that costs nobody a connection, so it need not be read to its end.
    pub(crate) fn unwanted(framing: Framing, from: &Leg) -> Self {
        match framing {
            Framing::None | Framing::Length(0) => Upload::Done,
            _ if from.bare => Upload::Abandoned { left: UNWANTED_BYTES_MAX },
            framing => Upload::Discarding { decoder: Decoder::new(framing), left: DRAINED_BYTES_MAX },
        }
    }

    pub(super) fn relay(&mut self) -> Option<&mut Relay> {
        match self {
            Upload::Relaying(relay) | Upload::Tunnel(relay) => Some(relay),
            Upload::Discarding { .. } | Upload::Done | Upload::Abandoned { .. } => None,
        }
    }

    /// Whether the rest of the body is small enough to be read for the connection's sake.
    pub(crate) fn may_be_drained(&self) -> bool {
        match self {
            Upload::Done => true,
            Upload::Discarding { decoder: Decoder::Length(remaining), .. } => *remaining <= DRAINED_BYTES_MAX,
            Upload::Discarding { .. } => true,
            Upload::Relaying(_) | Upload::Tunnel(_) | Upload::Abandoned { .. } => false,
        }
    }

    /// The answer is made: nobody wants the rest.
    pub(crate) fn discard(&mut self, keep_alive: bool) {
        if !keep_alive && !matches!(self, Upload::Done) {
            *self = Upload::Abandoned { left: UNWANTED_BYTES_MAX };
        }
    }
}

impl Exchange {
    pub(super) fn advance_upload(&mut self, front: &mut Leg, back: Option<&mut Leg>, cx: &mut Context<'_>) {
        match (&mut self.upload, back) {
            (Upload::Relaying(_), Some(back)) => self.relay_upload(front, back, cx),
            (Upload::Tunnel(_), Some(back)) => self.tunnel_upload(front, back, cx),
            (Upload::Relaying(_) | Upload::Tunnel(_), None) | (Upload::Done, _) => {}
            (Upload::Discarding { .. }, _) => self.discard_upload(front, cx),
            // The target stopped reading, and its answer is not here yet: the client waits meanwhile. Dropping what it
            // sends would use up what may be dropped before there is an answer to protect.
            (Upload::Abandoned { .. }, _) if matches!(self.download, Download::Waiting { .. }) => {}
            (Upload::Abandoned { left }, _) => {
                let dropped = front.discard_input(cx.buffers) as u64;
                match left.checked_sub(dropped) {
                    Some(rest) => *left = rest,
                    None => self.after = After::Cut,
                }
            }
        }
    }

    fn relay_upload(&mut self, front: &mut Leg, back: &mut Leg, cx: &mut Context<'_>) {
        let Upload::Relaying(relay) = &mut self.upload else { return };
        if back.broken {
            // The target stopped reading; its answer may still come, the body cannot be completed.
            self.upload = Upload::Abandoned { left: UNWANTED_BYTES_MAX };
            self.facts.keep_alive = false;
            return;
        }
        match relay.pump(front, back, cx.buffers) {
            Ok(Flow::Finished) => self.upload = Upload::Done,
            Ok(Flow::Starved) if front.ended => match relay.sender_ended(front, back, cx.buffers) {
                Ok(true) if front.bare => self.upload = Upload::Done,
                Ok(false) => {}
                Ok(true) | Err(_) => self.fail(Cause::ClientClosedEarly, front, cx),
            },
            Ok(Flow::Starved | Flow::Blocked) => {}
            Err(_) => self.fail(Cause::BodyGarbled, front, cx),
        }
    }

    fn tunnel_upload(&mut self, front: &mut Leg, back: &mut Leg, cx: &mut Context<'_>) {
        let Upload::Tunnel(relay) = &mut self.upload else { return };
        let _ = relay.pump(front, back, cx.buffers);
        if back.broken {
            self.after = After::Cut;
        } else if front.ended && front.input.is_empty() {
            // The shard half-closes the target's connection once its output is out.
            self.upload = Upload::Done;
        }
    }

    fn discard_upload(&mut self, front: &mut Leg, cx: &mut Context<'_>) {
        let Upload::Discarding { decoder, left } = &mut self.upload else { return };
        let mut spent = false;
        while !decoder.is_done() && !front.input.is_empty() {
            let used = match decoder.step(front.input.bytes()) {
                Ok(Step::More) => break,
                Ok(Step::Data { skip, len } | Step::Trailers { skip, len }) => skip + len,
                Ok(Step::Done { skip }) => skip,
                Err(_) => {
                    spent = true;
                    break;
                }
            };
            front.input.consume(used, cx.buffers);
            *left = left.saturating_sub(used as u64);
            spent |= *left == 0;
        }
        if decoder.is_done() {
            self.upload = Upload::Done;
        } else if spent || front.ended {
            // The answer is already written, or about to be: the connection just does not live on.
            self.upload = Upload::Abandoned { left: UNWANTED_BYTES_MAX };
            if matches!(self.download, Download::Done) && self.after == After::KeepAlive {
                self.after = After::Close;
            }
            self.facts.keep_alive = false;
        }
    }

    /// Whether the target's connection should be half-closed: a tunnel whose client has closed its side.
    pub(crate) fn upload_is_over(&self) -> bool {
        matches!(self.download, Download::Tunnel(_)) && matches!(self.upload, Upload::Done)
    }
}
