//! One request and its answer: the hinge where two legs meet. The client's leg is always there; the other is a
//! connection to a target, or nothing when the answer is made here.
//!
//! ```text
//!   upload    Relaying ──whole──▶ Done              download   Waiting ──final head──▶ Relaying ──whole──▶ Done
//!      │         └── answered early ──▶ Abandoned        │        └── 101 ──▶ Tunnel (both directions) ──▶ Done
//!      └─ answered here ──▶ Discarding ──▶ Done          └─ answered here, or failed ──▶ Done
//! ```
//!
//! An exchange only moves bytes and decides what comes next. It dials nothing, closes nothing and knows no ids but
//! its own legs': what it wants done is in the `Advance` that it returns, and the shard does it.

mod download;
pub mod incoming;
pub(crate) mod leg;
mod lines;
pub mod outgoing;
pub(crate) mod record;
mod relay;
mod upload;

pub(crate) use download::{Download, INTERIM_MAX};
pub(crate) use leg::Leg;
pub(crate) use relay::{Relay, WINDOW};
pub(crate) use upload::Upload;

use core::time::Duration;

use crate::buffer::{Buffers, Payment};
use crate::config::Config;
use crate::http::Version;
use crate::http::answer::{Answer, Context as AnswerContext};
use crate::http::date::DateCache;
use crate::key::WireId;
use crate::observe::{Blame, Cause};
use crate::options::Options;
use crate::sticky::{Keys, Session};
use crate::target::Outstanding;
use crate::time::{Mono, Now};
use record::Record;

/// Bytes of a request that was answered already which are read and dropped, so that the client gets to read its
/// answer instead of a reset; beyond them the connection is cut. As nginx's lingering close reads, only bounded.
pub(crate) const UNWANTED_BYTES_MAX: u64 = 1024 * 1024;

/// What the request's head said that the answer depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) version: Version,
    pub(crate) is_head: bool,
    pub(crate) upgrade: bool,
    /// The client wants to, and may, send another request on this connection.
    pub(crate) keep_alive: bool,
    /// Others may read it differently: the target's connection serves nobody after it (guide DSY-04).
    pub(crate) is_last_for_target: bool,
    /// Its targets speak gRPC: an error is told as gRPC tells errors (`wire.md` W8).
    pub(crate) is_call: bool,
}

/// A request and its answer under way.
pub(crate) struct Exchange {
    pub(crate) front: WireId,
    pub(crate) back: Option<WireId>,
    /// The target that counts this request as its own.
    pub(crate) target: Option<Outstanding>,
    pub(crate) facts: Facts,
    pub(crate) idle: Duration,
    pub(crate) record: Record,
    /// What the target's response tells the client to remember.
    pub(crate) session: Option<Box<Session>>,
    /// So much memory was set aside for it and has to be given back; none if it is answered here.
    pub(crate) admitted: usize,
    upload: Upload,
    download: Download,
    after: After,
}

/// What the shard lends while an exchange advances.
pub(crate) struct Context<'a> {
    pub(crate) now: Now,
    pub(crate) buffers: &'a mut Buffers,
    pub(crate) scratch: &'a mut Vec<u8>,
    pub(crate) dates: &'a mut DateCache,
    pub(crate) options: &'a Options,
    pub(crate) config: &'a Config,
    /// The shard or the listener is going away: answers close their connections.
    pub(crate) closing: bool,
    pub(crate) keys: &'a mut Keys,
    pub(crate) chance: &'a mut fastrand::Rng,
    /// Room for lines that are added to an answer.
    pub(crate) cookies: &'a mut Vec<u8>,
}

/// What becomes of the client's connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The next request may come.
    KeepAlive,
    /// Once the answer is out: stop writing, read a little more, close.
    Close,
    /// The answer cannot be completed: cut the connection, so that the client sees that it is not whole.
    Cut,
}

/// What becomes of the target's connection when the exchange is through with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// The whole request was sent and the whole answer read: it may serve another exchange.
    Reuse,
    /// Anything else: it closes.
    Close,
}

/// What the shard has to do after an exchange advanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Advance {
    /// The exchange is through with its target connection.
    pub(crate) parting: Option<Parting>,
    /// The exchange is over, and this becomes of the client's connection.
    pub(crate) over: Option<After>,
}

impl Exchange {
    /// An exchange whose request has just been written to the target's leg.
    pub(crate) fn forwarded(
        front: WireId,
        back: WireId,
        target: Outstanding,
        facts: Facts,
        idle: Duration,
        upload: Upload,
        record: Record,
    ) -> Self {
        let exchange = Exchange::answered_here(front, facts, idle, upload, record);
        Exchange { back: Some(back), target: Some(target), ..exchange }
    }

    /// An exchange that is answered here; the answer is written with [`Exchange::answer`].
    pub(crate) fn answered_here(front: WireId, facts: Facts, idle: Duration, upload: Upload, record: Record) -> Self {
        let (download, after) = (Download::waiting(), After::KeepAlive);
        let (back, target, session, admitted) = (None, None, None, 0);
        Exchange { front, back, target, facts, idle, record, session, admitted, upload, download, after }
    }

    /// When its target's deregistration delay ends, if the target was deregistered and still has the request.
    pub(crate) fn drained(&self) -> Option<Mono> {
        self.back?;
        self.target.as_ref()?.target().drained()
    }

    /// The wire at the other end.
    pub(crate) fn other(&self, wire: WireId) -> Option<WireId> {
        if wire == self.front { self.back } else { Some(self.front) }
    }

    /// Whether the whole answer is in the client's output.
    pub(crate) fn has_answered(&self) -> bool {
        matches!(self.download, Download::Done) && self.after != After::Cut
    }

    /// Whether the whole request is in the target's output.
    pub(crate) fn has_asked(&self) -> bool {
        matches!(self.upload, Upload::Done)
    }

    /// Whether the target's final head has not come yet.
    pub(crate) fn awaits_head(&self) -> bool {
        matches!(self.download, Download::Waiting { .. })
    }

    /// Whether it matters to the exchange that bytes have left `wire`: there may be room for more, or the answer is out.
    pub(crate) fn waits_for_room(&self, wire: WireId) -> bool {
        wire == self.front || matches!(self.upload, Upload::Relaying(_) | Upload::Tunnel(_))
    }

    /// The relay that forwards what `wire` sends, while there is one.
    pub(crate) fn relay_from(&mut self, wire: WireId) -> Option<&mut Relay> {
        if wire == self.front { self.upload.relay() } else { self.download.relay() }
    }

    /// Moves what can be moved in both directions, and says what is to be done now. Called after every event on
    /// either leg; does nothing when there is nothing to do.
    pub(crate) fn advance(&mut self, front: &mut Leg, mut back: Option<&mut Leg>, cx: &mut Context<'_>) -> Advance {
        if front.broken && self.after != After::Cut {
            self.client_is_gone(front, cx.now);
        }
        if self.after != After::Cut {
            self.advance_upload(front, back.as_deref_mut(), cx);
            if let Some(back) = back.as_deref_mut() {
                self.advance_download(front, back, cx);
            }
        }
        Advance { parting: self.parting(back), over: self.over(front) }
    }

    /// Writes an answer that the balancer makes itself. The rest of the request is dropped.
    pub(crate) fn answer(&mut self, answer: &Answer<'_>, front: &mut Leg, cx: &mut Context<'_>) {
        let more = self.may_go_on(front) && self.upload.may_be_drained();
        let keep_alive = self.facts.keep_alive && !cx.closing && more;
        self.after = if keep_alive { After::KeepAlive } else { After::Close };
        self.upload.discard(keep_alive);
        self.download = Download::Done;
        front.retract(cx.buffers);
        let context = AnswerContext {
            server: &cx.options.server_header,
            date: cx.dates.imf(cx.now.wall),
            keep_alive,
            head_only: self.facts.is_head,
        };
        cx.scratch.clear();
        answer.write(cx.scratch, &context);
        self.record.responding(cx.now, answer.status());
        if !front.output.append_alone(cx.scratch, Payment::Metered, cx.buffers) {
            self.after = After::Cut;
        }
    }

    /// Something went wrong: the client is told if it still can be, otherwise its connection is cut.
    pub(crate) fn fail(&mut self, cause: Cause, front: &mut Leg, cx: &mut Context<'_>) {
        self.record.caused(cause);
        self.record.target_keeps_alive = false;
        self.facts.keep_alive = self.facts.keep_alive && cause.blame() != Blame::Client;
        let started = match self.download {
            Download::Waiting { .. } => false,
            Download::Relaying(_) => front.held == 0,
            Download::Tunnel(_) | Download::Done => true,
        };
        match cause.status() {
            Some(status) if !started => {
                let first = self.record.cause.unwrap_or(cause);
                let named = cx.options.name_causes.then(|| first.code());
                let answer = if self.facts.is_call { Answer::grpc_error(status) } else { Answer::error(status) };
                self.answer(&answer.because(named), front, cx);
            }
            _ if cause.blame() == Blame::Target && matches!(self.download, Download::Relaying(_)) => {
                self.cut_short(front)
            }
            _ => self.after = After::Cut,
        }
    }

    /// The rest of the answer will never come: what there is of it still reaches the client, then its connection closes.
    fn cut_short(&mut self, front: &mut Leg) {
        front.unfinished = true;
        self.after = After::Close;
        self.upload.discard(false);
        self.download = Download::Done;
    }

    /// Neither leg moved a byte for the idle timeout: whoever is to blame is told, or cut off (guide CONN-03, CONN-04).
    pub(crate) fn idle_for_too_long(&mut self, front: &mut Leg, back: Option<&mut Leg>, cx: &mut Context<'_>) {
        let client_owes = matches!(self.upload, Upload::Relaying(_)) && back.is_some_and(|back| back.output.is_empty());
        let client_takes_nothing = !front.pending().is_empty();
        if matches!(self.download, Download::Done | Download::Tunnel(_)) {
            self.after = After::Cut;
        } else if client_owes || client_takes_nothing {
            self.fail(if client_owes { Cause::ClientBodyStalled } else { Cause::ClientNotReading }, front, cx);
        } else if matches!(self.download, Download::Relaying(_)) {
            self.fail(Cause::TargetBodyStalled, front, cx);
        } else {
            self.fail(Cause::TargetIdle, front, cx);
        }
    }

    /// The client cannot be reached any more: 460 if it has seen nothing of an answer (guide ERR-10).
    fn client_is_gone(&mut self, front: &Leg, now: Now) {
        if matches!(self.download, Download::Waiting { .. }) || self.record.has_sent_nothing(front) {
            self.record.caused(Cause::ClientGone);
            self.record.responding(now, 460);
        }
        self.after = After::Cut;
    }

    /// Another request may follow: the client did not close its side, or closed it behind requests sent ahead.
    fn may_go_on(&self, front: &Leg) -> bool {
        !front.ended || matches!(self.upload, Upload::Done) && !front.input.is_empty()
    }

    fn parting(&self, back: Option<&mut Leg>) -> Option<Parting> {
        let back = back?;
        let done = matches!(self.download, Download::Done);
        if self.after == After::Cut || done && matches!(self.upload, Upload::Abandoned { .. }) {
            return Some(Parting::Close);
        }
        let clean = matches!(self.upload, Upload::Done)
            && back.flushed()
            && !back.broken
            && !back.ended
            && back.input.is_empty();
        let reusable = clean && !self.facts.upgrade && !self.facts.is_last_for_target && self.record.target_keeps_alive;
        done.then_some(if reusable { Parting::Reuse } else { Parting::Close })
    }

    fn over(&self, front: &Leg) -> Option<After> {
        if self.after == After::Cut {
            return Some(After::Cut);
        }
        let settled = self.after == After::Close || matches!(self.upload, Upload::Done);
        (matches!(self.download, Download::Done) && front.flushed() && settled).then_some(self.after)
    }
}
