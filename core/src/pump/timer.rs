//! The one timer of a thread: it wakes the shard at its next deadline.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use super::hub::Hub;
use super::runtime::{Runtime, Timer};
use crate::time::Mono;

/// When the shard wants to be called, as far as the timer task knows.
#[derive(Default)]
pub(super) struct Alarm {
    /// The earliest deadline that has not gone off.
    due: Cell<Option<Mono>>,
    /// Whether `due` changed since the timer was set.
    changed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Alarm {
    /// Notes a deadline. A later one than the one already noted costs nothing: the timer goes off early, the
    /// shard finds nothing due and says when to come again.
    pub(super) fn at_latest(&self, deadline: Mono) {
        if self.due.get().is_some_and(|due| due <= deadline) {
            return;
        }
        self.due.set(Some(deadline));
        self.changed.set(true);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// Gives the shard a turn whenever its deadline passes.
pub(super) async fn keep_time<R: Runtime>(hub: Rc<Hub<R>>) {
    let mut timer = hub.runtime.timer();
    loop {
        poll_fn(|cx| poll_due(&hub, &mut timer, cx)).await;
        hub.turn(hub.epoch(), |_| ());
    }
}

fn poll_due<R: Runtime>(hub: &Hub<R>, timer: &mut R::Timer, cx: &mut Context<'_>) -> Poll<()> {
    let alarm = &hub.alarm;
    *alarm.waker.borrow_mut() = Some(cx.waker().clone());
    let Some(due) = alarm.due.get() else { return Poll::Pending };
    if alarm.changed.replace(false) {
        // A deadline that has passed becomes a timer of no length: other tasks run before it goes off.
        timer.set(due.since(hub.runtime.now().mono));
    }
    ready!(timer.poll_elapsed(cx));
    alarm.due.set(None);
    Poll::Ready(())
}
