//! Carries out the steps of handshakes, a little at a time, with a look at the sockets in between: a burst of handshakes takes
//! its time, and nobody else's.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::hub::Hub;
use super::runtime::{Runtime, Timer};
use crate::shard::WireId;

/// How long steps are carried out in a row; the last one begun is finished. One signature with RSA 2048 takes about as long.
const SLICE: Duration = Duration::from_micros(250);

/// Steps that wait.
#[derive(Default)]
pub(super) struct Jobs {
    waiting: RefCell<VecDeque<(u32, WireId)>>,
    waker: RefCell<Option<Waker>>,
}

impl Jobs {
    /// There is a step to be carried out, of a connection of the shard of that epoch.
    pub(super) fn wait(&self, epoch: u32, wire: WireId) {
        self.waiting.borrow_mut().push_back((epoch, wire));
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn next(&self) -> Option<(u32, WireId)> {
        self.waiting.borrow_mut().pop_front()
    }
}

/// Carries steps out for as long as the thread serves.
pub(super) async fn work_off<R: Runtime>(hub: Rc<Hub<R>>) {
    let mut timer = hub.runtime.timer();
    loop {
        poll_fn(|cx| {
            *hub.jobs.waker.borrow_mut() = Some(cx.waker().clone());
            if hub.jobs.waiting.borrow().is_empty() { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        let begun = hub.runtime.now().mono;
        while let Some((epoch, wire)) = hub.jobs.next() {
            carry_out(&hub, epoch, wire);
            if hub.runtime.now().mono.since(begun) >= SLICE {
                break;
            }
        }
        timer.set(Duration::ZERO);
        poll_fn(|cx| timer.poll_elapsed(cx)).await;
        give_way().await;
    }
}

/// Lets all tasks run that can, and then those which they woke: a request that was read is written to its target before the next
/// step, and its answer to the client.
async fn give_way() {
    let mut times = 2;
    poll_fn(|cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn carry_out<R: Runtime>(hub: &Rc<Hub<R>>, epoch: u32, wire: WireId) {
    let Some(Some(mut job)) = hub.turn(epoch, |turn| turn.job(wire)) else { return };
    // The shard is not borrowed, and has nothing to fear from a panic here.
    let done = catch_unwind(AssertUnwindSafe(|| {
        job.run();
        job
    }));
    hub.turn(epoch, |turn| match done {
        Ok(job) => turn.computed(job),
        Err(_) => {
            if let Some(mut wire) = turn.wire(wire) {
                wire.lost();
            }
            hub.wake(wire);
        }
    });
}
