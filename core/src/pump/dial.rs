//! The task of one outgoing connection: connect, tell the shard, then serve the socket.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::hub::Hub;
use super::runtime::{Dialed, Runtime};
use super::socket::serve;
use crate::shard::{DialError, Fate, WireId};

/// Connects to `address` for `wire`. The shard keeps the time: when it gives the attempt up, the wire is gone.
pub(super) async fn dial<R: Runtime>(hub: Rc<Hub<R>>, epoch: u32, wire: WireId, address: SocketAddr) {
    let Some(result) = connect(&hub, epoch, wire, address).await else {
        return hub.forget(epoch, wire);
    };
    let (socket, outcome) = match result {
        Ok(Dialed { socket, endpoints }) => (Some(socket), Ok(endpoints)),
        Err(error) => (None, Err(dial_error(&error))),
    };
    hub.turn(epoch, |turn| turn.dialed(wire, outcome));
    match socket {
        Some(socket) => serve(hub, epoch, wire, socket).await,
        None => hub.forget(epoch, wire),
    }
}

/// The outcome of the attempt, or `None` when nobody waits for it any more.
async fn connect<R: Runtime>(
    hub: &Rc<Hub<R>>,
    epoch: u32,
    wire: WireId,
    address: SocketAddr,
) -> Option<io::Result<Dialed<R::Socket>>> {
    let mut attempt = pin!(hub.runtime.dial(address));
    let mut begun = false;
    poll_fn(|cx| {
        hub.wakers.borrow_mut().register(wire, cx.waker());
        if let Poll::Ready(result) = attempt.as_mut().poll(cx) {
            return Poll::Ready(Some(result));
        }
        // Whoever dials is wanted; ask only when something woke this task.
        if std::mem::replace(&mut begun, true) && !wanted(hub, epoch, wire) {
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
}

/// Whether the shard still waits for this connection.
fn wanted<R: Runtime>(hub: &Rc<Hub<R>>, epoch: u32, wire: WireId) -> bool {
    let wanted = hub.turn(epoch, |turn| match turn.wire(wire) {
        Some(mut wire) if wire.fate() == Fate::Close => {
            wire.lost();
            false
        }
        Some(_) => true,
        None => false,
    });
    wanted == Some(true)
}

/// What an operating system's error means to the shard.
fn dial_error(error: &io::Error) -> DialError {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused | Kind::ConnectionReset => DialError::Refused,
        Kind::TimedOut => DialError::TimedOut,
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => DialError::Unreachable,
        _ => DialError::Local,
    }
}
