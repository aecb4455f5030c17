//! Sockets whose readiness is tracked: no system call is made only to learn that there is nothing to do.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rustix::net::{AddressFamily, SocketFlags, SocketType, acceptfrom_with, connect, socket_with, sockopt};
use sluicegate::pump::{self, Dialed};
use sluicegate::shard::Endpoints;

use crate::reactor::{Reactor, Source};

/// A connected socket.
pub(crate) struct Socket {
    reactor: Rc<Reactor>,
    source: Rc<Source>,
    stream: TcpStream,
}

impl Socket {
    fn new(reactor: &Rc<Reactor>, stream: TcpStream, writable: bool) -> io::Result<Socket> {
        let source = reactor.register(&stream, writable)?;
        Ok(Socket { reactor: Rc::clone(reactor), source, stream })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reactor.forget(&self.source);
    }
}

impl pump::Socket for Socket {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.source.poll_readable(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.source.poll_readable(cx));
            match self.stream.read(buffer) {
                Ok(taken) => {
                    if taken < buffer.len() {
                        self.source.drained();
                    }
                    return Poll::Ready(Ok(taken));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.source.drained_for_good(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.source.poll_writable(cx));
            match self.stream.write(bytes) {
                Ok(taken) => {
                    if taken < bytes.len() {
                        self.source.full();
                    }
                    return Poll::Ready(Ok(taken));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.source.full(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn finish(&mut self) {
        // Fails only when the peer has reset the connection, which the next read tells.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn close(self) {}
}

/// A listening socket.
pub(crate) struct Listener {
    reactor: Rc<Reactor>,
    source: Rc<Source>,
    socket: TcpListener,
    /// What connections have as their own address, unless the socket listens on every address.
    local: Option<SocketAddr>,
}

impl Listener {
    pub(crate) fn new(reactor: &Rc<Reactor>, socket: TcpListener) -> io::Result<Listener> {
        let local = socket.local_addr()?;
        let source = reactor.register(&socket, false)?;
        let local = (!local.ip().is_unspecified()).then_some(local);
        Ok(Listener { reactor: Rc::clone(reactor), source, socket, local })
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) -> io::Result<Dialed<Socket>> {
        let local = self.local.map_or_else(|| stream.local_addr(), Ok)?;
        stream.set_nodelay(true)?;
        let socket = Socket::new(&self.reactor, stream, true)?;
        Ok(Dialed { socket, endpoints: Endpoints { peer, local } })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.reactor.forget(&self.source);
    }
}

impl pump::Listener for Listener {
    type Socket = Socket;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Dialed<Socket>>> {
        loop {
            ready!(self.source.poll_readable(cx));
            match self.accept_waiting() {
                Ok(Some(dialed)) => return Poll::Ready(Ok(dialed)),
                Ok(None) => self.source.drained_for_good(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn accept_waiting(&mut self) -> io::Result<Option<Dialed<Socket>>> {
        match acceptfrom_with(&self.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok((stream, peer)) => {
                let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok()).ok_or(io::ErrorKind::NotConnected)?;
                self.admit(TcpStream::from(stream), peer).map(Some)
            }
            Err(error) if io::Error::from(error).kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn close(self) -> Option<Dialed<Socket>> {
        None
    }
}

/// Connects; dropping the future closes the socket.
pub(crate) async fn dial(reactor: Rc<Reactor>, address: SocketAddr) -> io::Result<Dialed<Socket>> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let stream = TcpStream::from(socket_with(family, SocketType::STREAM, flags, None)?);
    stream.set_nodelay(true)?;
    match connect(&stream, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    // Registered after `connect`: an unconnected socket would report a hang-up.
    let socket = Socket::new(&reactor, stream, false)?;
    poll_fn(|cx| socket.source.poll_writable(cx)).await;
    sockopt::socket_error(&socket.stream)??;
    let local = socket.stream.local_addr()?;
    Ok(Dialed { socket, endpoints: Endpoints { peer: address, local } })
}
