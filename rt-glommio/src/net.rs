//! glommio's sockets, and the care that version 0.9 of it needs:
//!
//! * an `accept` that is dropped loses the connection it would have yielded, so the future is kept until it is ready;
//! * a socket that is dropped while a read or write waits is closed only when the executor has time, so it is shut down first;
//! * accepted sockets are inherited by child processes unless they are marked.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_lite::{AsyncRead, AsyncWrite};
use glommio::net::{TcpListener, TcpStream};
use sluicegate::pump::{self, Dialed};
use sluicegate::shard::Endpoints;
use socket2::SockRef;

/// A connected socket.
pub(crate) struct Socket {
    stream: TcpStream,
    /// The ring waits for it to be readable, or writable.
    waits: Waits,
}

#[derive(Default)]
struct Waits {
    reading: bool,
    writing: bool,
}

impl Socket {
    /// Prepares a connection from a client. It may be gone already, and then it is an error.
    fn accepted(stream: TcpStream) -> io::Result<Dialed<Socket>> {
        SockRef::from(&descriptor(&stream)).set_cloexec(true)?;
        let peer = stream.peer_addr()?;
        Socket::connected(stream, peer)
    }

    fn connected(stream: TcpStream, peer: SocketAddr) -> io::Result<Dialed<Socket>> {
        stream.set_nodelay(true)?;
        let endpoints = Endpoints { peer, local: stream.local_addr()? };
        Ok(Dialed { socket: Socket { stream, waits: Waits::default() }, endpoints })
    }

    fn shutdown(&self, how: Shutdown) {
        // It fails only when the connection is gone already, which a read tells or nobody wants to know.
        let _ = SockRef::from(&descriptor(&self.stream)).shutdown(how);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // What the ring waits for holds the socket open.
        if self.waits.reading || self.waits.writing {
            self.shutdown(Shutdown::Both);
        }
    }
}

impl pump::Socket for Socket {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        // After a short read glommio waits for the next at once.
        self.waits.reading = match &polled {
            Poll::Ready(Ok(n)) => *n > 0 && *n < buffer.len(),
            Poll::Ready(Err(_)) => false,
            Poll::Pending => true,
        };
        polled
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.waits.writing = polled.is_pending();
        polled
    }

    fn finish(&mut self) {
        self.shutdown(Shutdown::Write);
    }

    fn close(self) {}
}

/// The descriptor of a stream, as others want to borrow it.
#[allow(unsafe_code)]
fn descriptor(stream: &TcpStream) -> BorrowedFd<'_> {
    // SAFETY: the descriptor is open while the stream lives, and the result borrows the stream.
    unsafe { BorrowedFd::borrow_raw(stream.as_raw_fd()) }
}

type Accepting = Pin<Box<dyn Future<Output = glommio::Result<TcpStream, ()>>>>;

/// A listening socket.
pub(crate) struct Listener {
    socket: Rc<TcpListener>,
    /// The same socket, for what glommio's does not offer.
    same: net::TcpListener,
    /// The accept in flight; it is never dropped before it is ready.
    accepting: Option<Accepting>,
}

impl Listener {
    #[allow(unsafe_code)]
    pub(crate) fn new(bound: net::TcpListener) -> io::Result<Listener> {
        // An accept in the ring waits only on a blocking socket; on others it fails at once.
        bound.set_nonblocking(false)?;
        let same = bound.try_clone()?;
        // SAFETY: the descriptor was owned by `bound`, which gave it up, and is owned by the result.
        let socket = unsafe { TcpListener::from_raw_fd(bound.into_raw_fd()) };
        Ok(Listener { socket: Rc::new(socket), same, accepting: None })
    }

    /// The accept in flight, which is begun if there is none.
    fn poll_ring(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Dialed<Socket>>> {
        let socket = &self.socket;
        let accepting = self.accepting.get_or_insert_with(|| {
            let socket = Rc::clone(socket);
            Box::pin(async move { socket.accept().await })
        });
        let accepted = std::task::ready!(accepting.as_mut().poll(cx));
        self.accepting = None;
        Poll::Ready(accepted.map_err(io::Error::from).and_then(Socket::accepted))
    }

    /// One try without the ring.
    fn accept_now(&self) -> io::Result<Option<TcpStream>> {
        self.same.set_nonblocking(true)?;
        let accepted = self.same.accept();
        self.same.set_nonblocking(false)?;
        match accepted {
            // SAFETY: the descriptor was owned by `stream`, which gave it up, and is owned by the result.
            #[allow(unsafe_code)]
            Ok((stream, _)) => Ok(Some(unsafe { TcpStream::from_raw_fd(stream.into_raw_fd()) })),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl pump::Listener for Listener {
    type Socket = Socket;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Dialed<Socket>>> {
        self.poll_ring(cx)
    }

    fn accept_waiting(&mut self) -> io::Result<Option<Dialed<Socket>>> {
        let mut unwoken = Context::from_waker(Waker::noop());
        if self.accepting.is_some()
            && let Poll::Ready(accepted) = self.poll_ring(&mut unwoken)
        {
            return accepted.map(Some);
        }
        self.accept_now()?.map(Socket::accepted).transpose()
    }

    async fn close(mut self) -> Option<Dialed<Socket>> {
        // What was accepted up to now is yielded, and an accept that waits fails.
        let _ = SockRef::from(&self.same).shutdown(Shutdown::Both);
        match self.accepting {
            Some(_) => poll_fn(|cx| self.poll_ring(cx)).await.ok(),
            None => None,
        }
    }
}

/// Connects; dropping the future abandons the attempt.
pub(crate) async fn dial(address: SocketAddr) -> io::Result<Dialed<Socket>> {
    Socket::connected(TcpStream::connect(address).await?, address)
}
