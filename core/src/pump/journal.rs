//! Hands the lines of the logs out, a few milliseconds' worth at a time.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::hub::Hub;
use super::runtime::{Runtime, Timer};
use crate::shard::Log;

/// How long lines gather before they are handed out: long enough that a busy thread pays for few hand-overs,
/// short enough that nobody who follows the log notices, and that the shard's own ceiling is far away.
const GATHER: Duration = Duration::from_millis(5);

/// Whether lines wait, of whichever log.
#[derive(Default)]
pub(super) struct Lines {
    waiting: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Lines {
    /// The shard has lines to hand out.
    pub(super) fn wait(&self) {
        if !self.waiting.replace(true)
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }
}

/// Hands lines out for as long as the thread serves.
pub(super) async fn hand_out<R: Runtime>(hub: Rc<Hub<R>>) {
    let mut timer = hub.runtime.timer();
    loop {
        poll_fn(|cx| {
            *hub.lines.waker.borrow_mut() = Some(cx.waker().clone());
            if hub.lines.waiting.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        timer.set(GATHER);
        poll_fn(|cx| timer.poll_elapsed(cx)).await;
        flush(&hub);
    }
}

/// Hands out what there is.
pub(super) fn flush<R: Runtime>(hub: &Rc<Hub<R>>) {
    hub.lines.waiting.set(false);
    hub.turn(hub.epoch(), |turn| {
        for log in Log::ALL {
            let mut journal = turn.journal(log);
            let lines = journal.pending();
            let taken = lines.len();
            if taken > 0 {
                hub.outlet.journal(log, lines);
                journal.sent(taken);
            }
        }
    });
}
