//! What the loop needs of a runtime: a clock, tasks, a timer, and sockets that are polled with the caller's buffers.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::shard::Endpoints;
use crate::time::Now;

/// One thread's runtime.
pub trait Runtime: Sized + 'static {
    /// A listening socket as the program bound it, before a thread takes it.
    type Bound: Send;
    /// A listening socket of this thread.
    type Listener: Listener<Socket = Self::Socket> + 'static;
    /// A connected socket of this thread.
    type Socket: Socket + 'static;
    /// A running task; dropping it cancels it.
    type Task;
    /// An alarm that can be set again.
    type Timer: Timer + 'static;

    /// Both clocks.
    fn now(&self) -> Now;

    /// Starts a task; it may run before this returns.
    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> Self::Task;

    /// Cancels a task and waits until what it held is dropped.
    fn cancel(&self, task: Self::Task) -> impl Future<Output = ()>;

    /// A timer that is not set.
    fn timer(&self) -> Self::Timer;

    /// Takes over a listening socket.
    ///
    /// # Errors
    ///
    /// The runtime cannot register it.
    fn listener(&self, bound: Self::Bound) -> io::Result<Self::Listener>;

    /// Connects. Dropping the future abandons the attempt.
    fn dial(&self, address: SocketAddr) -> impl Future<Output = io::Result<Dialed<Self::Socket>>> + 'static;

    /// A waker for `waker`'s task that any thread may call, even while this one sleeps in the kernel.
    fn waker_for_other_threads(&self, waker: &Waker) -> Waker;
}

/// A new connection, whichever side began it.
pub struct Dialed<S> {
    /// The socket.
    pub socket: S,
    /// Who is at its ends.
    pub endpoints: Endpoints,
}

/// A listening socket.
pub trait Listener {
    /// What it yields.
    type Socket;

    /// The next connection. The caller polls until this is ready, whatever else happens, except when the thread
    /// is being stopped. Any error is worth another try: at once if the connection was reset before it was accepted
    /// (`NotConnected`, `ConnectionAborted`, `ConnectionReset`), else, as when file descriptors have run out, after a
    /// pause.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Dialed<Self::Socket>>>;

    /// A connection that waits already, without waiting for one; `None` when there is none.
    ///
    /// # Errors
    ///
    /// As for [`poll_accept`](Listener::poll_accept).
    fn accept_waiting(&mut self) -> io::Result<Option<Dialed<Self::Socket>>>;

    /// Stops listening; resolves when nothing refers to the socket any more, to the connection that was accepted at
    /// the last moment, if there was one.
    fn close(self) -> impl Future<Output = Option<Dialed<Self::Socket>>>;
}

/// A connected socket. One task owns it, so one waker serves both directions.
pub trait Socket {
    /// Ready when a read may find something, or when nobody knows; a socket that tracks readiness saves the shard the
    /// trouble of lending room for nothing.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }

    /// Reads into the caller's buffer, which is not empty; `Ok(0)` is the peer's end.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes some of the caller's bytes, of which there is at least one.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Ends our direction; the peer reads an end after everything that was written.
    fn finish(&mut self);

    /// Closes the socket now.
    fn close(self);
}

/// An alarm.
pub trait Timer {
    /// Sets the alarm, or sets it anew. One of no length goes off once the sockets have been looked at.
    fn set(&mut self, after: Duration);

    /// Ready once the alarm went off since it was set.
    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}
