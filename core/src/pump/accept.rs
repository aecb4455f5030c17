//! The task of one listening socket.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::hub::Hub;
use super::runtime::{Dialed, Listener, Runtime, Socket, Timer};
use super::socket::serve;
use crate::shard::ListenerId;

/// How long to wait after a failed accept. Out of file descriptors, every attempt fails at once; this keeps the
/// thread free for the connections that will give some back.
const BACK_OFF: Duration = Duration::from_millis(10);

/// How many connections are accepted before others get their turn.
const ACCEPTS_PER_TURN: u32 = 64;

/// How many connections are accepted from a listener that stops: as many as a kernel keeps waiting, but no flood.
const LAST_ACCEPTS_MAX: u32 = 4096;

/// How a listening socket's task is told to stop.
pub(super) struct Listening {
    pub(super) listener: ListenerId,
    stop: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Listening {
    /// Stops once there is nothing left to accept.
    pub(super) fn stop(&self) {
        self.stop.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Starts to accept from `bound`.
pub(super) fn listen<R: Runtime>(hub: &Rc<Hub<R>>, listener: ListenerId, bound: R::Bound) -> io::Result<()> {
    let socket = hub.runtime.listener(bound)?;
    let listening = Rc::new(Listening { listener, stop: Cell::new(false), waker: Cell::new(None) });
    hub.listening.borrow_mut().push(Rc::clone(&listening));
    hub.spawn(accept_all(Rc::clone(hub), listening, socket));
    Ok(())
}

async fn accept_all<R: Runtime>(hub: Rc<Hub<R>>, listening: Rc<Listening>, mut socket: R::Listener) {
    let mut timer = hub.runtime.timer();
    let mut in_a_row = 0;
    while let Some(accepted) = accept(&listening, &mut socket, &mut in_a_row).await {
        match accepted {
            Ok(dialed) => admit(&hub, listening.listener, dialed),
            // Whoever connects and resets at once must not keep others waiting.
            Err(error) if is_the_peers_doing(&error) => {}
            Err(_) => {
                timer.set(BACK_OFF);
                poll_fn(|cx| timer.poll_elapsed(cx)).await;
            }
        }
    }
    // Whoever the kernel has already answered would be reset if the socket were closed now.
    for _ in 0..LAST_ACCEPTS_MAX {
        match socket.accept_waiting() {
            Ok(Some(dialed)) => admit(&hub, listening.listener, dialed),
            Err(error) if is_the_peers_doing(&error) => {}
            Ok(None) | Err(_) => break,
        }
    }
    if let Some(dialed) = socket.close().await {
        admit(&hub, listening.listener, dialed);
    }
    hub.stopped_listening(&listening);
}

/// The next connection; `None` once the listener is to stop.
async fn accept<L: Listener>(
    listening: &Listening,
    socket: &mut L,
    in_a_row: &mut u32,
) -> Option<io::Result<Dialed<L::Socket>>> {
    poll_fn(|cx| {
        if listening.stop.get() {
            return Poll::Ready(None);
        }
        listening.waker.set(Some(cx.waker().clone()));
        if *in_a_row == ACCEPTS_PER_TURN {
            *in_a_row = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let accepted = socket.poll_accept(cx).map(Some);
        *in_a_row = if accepted.is_ready() { *in_a_row + 1 } else { 0 };
        accepted
    })
    .await
}

/// The connection was gone before it was accepted.
fn is_the_peers_doing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), NotConnected | ConnectionAborted | ConnectionReset)
}

/// Shows a new connection to the shard, which takes it or sheds it.
fn admit<R: Runtime>(hub: &Rc<Hub<R>>, listener: ListenerId, dialed: Dialed<R::Socket>) {
    let epoch = hub.epoch();
    let Dialed { socket, endpoints } = dialed;
    match hub.turn(epoch, |turn| turn.accepted(listener, endpoints)) {
        Some(Ok(wire)) => hub.spawn_client(serve(Rc::clone(hub), epoch, wire, socket)),
        Some(Err(_)) | None => socket.close(),
    }
}
