//! Commands from the thread that controls the program to a thread that serves.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Runtime;
use crate::config::Config;
use crate::shard::ListenerId;

/// What a serving thread can be told.
pub enum Command<B> {
    /// Serve this from now on. Listeners that are new come bound; the shard says which old ones to give up.
    Reconfigure {
        /// The new configuration.
        config: Arc<Config>,
        /// Sockets for the listeners that the old configuration did not have.
        listeners: Vec<(ListenerId, B)>,
    },
    /// Accept nothing new, finish what runs, then end.
    Drain,
    /// End at once.
    Stop,
}

/// The sender's end; any number of threads may hold one.
pub struct Mailbox<B>(Arc<Mutex<Queue<B>>>);

/// The receiver's end.
pub struct Inbox<B>(Arc<Mutex<Queue<B>>>);

struct Queue<B> {
    commands: VecDeque<Command<B>>,
    waker: Option<Waker>,
}

/// A mailbox and its inbox.
pub fn mailbox<B>() -> (Mailbox<B>, Inbox<B>) {
    let queue = Arc::new(Mutex::new(Queue { commands: VecDeque::new(), waker: None }));
    (Mailbox(Arc::clone(&queue)), Inbox(queue))
}

impl<B> Clone for Mailbox<B> {
    fn clone(&self) -> Self {
        Mailbox(Arc::clone(&self.0))
    }
}

impl<B> Mailbox<B> {
    /// Posts a command and wakes the receiver. A receiver that has ended ignores it.
    pub fn post(&self, command: Command<B>) {
        let mut queue = lock(&self.0);
        queue.commands.push_back(command);
        let waker = queue.waker.take();
        // Waking under the lock could deadlock with a receiver that polls at once.
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<B: Send> Inbox<B> {
    /// Waits for the next command.
    pub(super) async fn next<R: Runtime>(&self, runtime: &R) -> Command<B> {
        poll_fn(|cx| self.poll_next(runtime, cx)).await
    }

    fn poll_next<R: Runtime>(&self, runtime: &R, cx: &mut Context<'_>) -> Poll<Command<B>> {
        let waker = runtime.waker_for_other_threads(cx.waker());
        let mut queue = lock(&self.0);
        match queue.commands.pop_front() {
            Some(command) => Poll::Ready(command),
            None => {
                queue.waker = Some(waker);
                Poll::Pending
            }
        }
    }
}

/// A poisoned queue is still a queue: nothing is left half-done in it.
fn lock<B>(queue: &Mutex<Queue<B>>) -> MutexGuard<'_, Queue<B>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
