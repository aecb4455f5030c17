//! Listening sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// How many connections the kernel answers before they are accepted; it trims this to its own limit.
const BACKLOG: i32 = 4096;

/// Binds one socket per shard to `address`, all sharing the port. With port 0 the system picks one for all.
///
/// # Errors
///
/// The address is not ours, the port is taken, or descriptors have run out.
pub(crate) fn bind(address: SocketAddr, shards: usize) -> io::Result<Vec<TcpListener>> {
    // Sockets that share a port also share it with another process of the same user; but who asks for a port that is
    // served already wants to hear of it. So a socket that shares nothing goes first, and holds the port meanwhile.
    let guard = new_socket(address)?;
    guard.bind(&address.into())?;
    let address = TcpListener::from(guard.try_clone()?).local_addr()?;
    (0..shards).map(|_| listening(address)).collect()
}

fn listening(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new_socket(address)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Closed on exec, like every socket that socket2 makes.
fn new_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn every_shard_gets_a_socket_on_the_one_port_that_the_system_picked() {
        let sockets = bind(any("127.0.0.1:0"), 3).expect("bound");
        let ports: Vec<u16> = sockets.iter().map(|socket| socket.local_addr().expect("bound").port()).collect();
        assert!(ports[0] != 0 && ports.iter().all(|&port| port == ports[0]), "{ports:?}");
    }

    #[test]
    fn a_port_that_another_program_shares_is_still_taken() {
        let ours = bind(any("127.0.0.1:0"), 1).expect("bound");
        let error = bind(ours[0].local_addr().expect("bound"), 1).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn ipv6_sockets_leave_ipv4_alone() {
        let Ok(six) = bind(any("[::]:0"), 1) else { return };
        let port = six[0].local_addr().expect("bound").port();
        assert!(bind(SocketAddr::from(([0, 0, 0, 0], port)), 1).is_ok());
    }
}
