//! The world of real sockets: a running program, clients and targets on 127.0.0.1. Nothing sleeps; what does not come
//! within ten seconds is a failure.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::play::{Filled, Received, Socket, World, play};
use super::serving::Serving;
use super::{Behaviour, Transcript};

/// How long something that has to come may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Plays a transcript against a program that is started for it and killed afterwards.
///
/// # Errors
/// What does not hold, or why the program does not serve.
pub fn run(program: &Path, transcript: &Transcript) -> Result<(), String> {
    play(transcript, &mut Sockets::new(program, transcript)?)
}

/// Plays all transcripts that do not need virtual time, one after the other.
///
/// # Errors
/// All that do not hold.
pub fn run_all(program: &Path) -> Result<(), String> {
    let mut failures = String::new();
    for name in super::names().map_err(|error| error.to_string())? {
        let transcript = Transcript::load(&name)?;
        if !transcript.virtual_only
            && let Err(what) = run(program, &transcript)
        {
            failures += &format!("{name}: {what}\n");
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// A program that serves, with what talks to it.
struct Sockets {
    program: Serving,
    peers: Vec<Peer>,
    arrivals: BTreeMap<String, Receiver<TcpStream>>,
}

impl Sockets {
    fn new(program: &Path, transcript: &Transcript) -> Result<Sockets, String> {
        let mut ports = BTreeMap::new();
        let mut arrivals = BTreeMap::new();
        for (name, behaviour) in transcript.targets() {
            let listener = TcpListener::bind("127.0.0.1:0").map_err(told)?;
            ports.insert(name.to_owned(), listener.local_addr().map_err(told)?.port());
            if behaviour == Behaviour::Accepts {
                arrivals.insert(name.to_owned(), accept_all(listener));
            }
        }
        let template = transcript.template(|name| ports.get(name).copied().unwrap_or_default());
        let program = Serving::start(program, &template)?;
        Ok(Sockets { program, peers: Vec::new(), arrivals })
    }

    fn add(&mut self, stream: TcpStream) -> Result<Socket, String> {
        self.peers.push(Peer::new(stream)?);
        Ok(self.peers.len() - 1)
    }
}

pub(super) fn told(error: std::io::Error) -> String {
    format!(": {error}")
}

/// Accepts whatever comes, for as long as the test runs.
fn accept_all(listener: TcpListener) -> Receiver<TcpStream> {
    let (arrived, arrivals) = channel();
    thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| arrived.send(stream)));
    arrivals
}

impl World for Sockets {
    fn connect(&mut self, port: Option<u16>, _from: Option<SocketAddr>) -> Result<Socket, String> {
        let address = self.program.address(port).ok_or(" finds no such listener")?;
        let stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(told)?;
        self.add(stream)
    }

    fn accept(&mut self, target: &str) -> Result<Socket, String> {
        let arrivals = self.arrivals.get(target).ok_or(" accepts nothing")?;
        let stream = arrivals.recv_timeout(PATIENCE).map_err(|_| " gets no new connection")?;
        self.add(stream)
    }

    fn send(&mut self, socket: Socket, bytes: &[u8]) {
        self.peers[socket].say(Order::Write(bytes.to_vec()));
    }

    fn half_close(&mut self, socket: Socket) {
        self.peers[socket].say(Order::Finish);
    }

    fn close(&mut self, socket: Socket) {
        self.peers[socket].close(false);
    }

    fn reset(&mut self, socket: Socket) {
        self.peers[socket].close(true);
    }

    fn receive(&mut self, socket: Socket, patient: bool) -> Received {
        let news = &self.peers[socket].news;
        if patient {
            return news.recv_timeout(PATIENCE).unwrap_or(Received::Nothing);
        }
        news.try_recv().unwrap_or(Received::Nothing)
    }

    fn wait(&mut self, _span: Duration) -> Result<(), String> {
        Err("time is not ours to move".to_owned())
    }

    fn reload(&mut self, _template: &Filled<'_>) -> Result<(), String> {
        Err("the program keeps its template".to_owned())
    }

    fn log(&mut self) -> Result<Socket, String> {
        Err("the program's log is written when it likes".to_owned())
    }

    fn finish(&mut self) -> Result<(), String> {
        let unknown = |arrivals: &Receiver<TcpStream>| !matches!(arrivals.try_recv(), Err(TryRecvError::Empty));
        match self.arrivals.iter().find(|(_, arrivals)| unknown(arrivals)) {
            Some((name, _)) => Err(format!("{name} got a connection that the transcript does not mention")),
            None => Ok(()),
        }
    }
}

/// One end of a connection: a thread reads it, another writes it, so that neither waits for a line of the transcript.
struct Peer {
    stream: Option<TcpStream>,
    news: Receiver<Received>,
    orders: Option<Sender<Order>>,
    threads: Vec<JoinHandle<()>>,
}

enum Order {
    Write(Vec<u8>),
    Finish,
}

impl Peer {
    fn new(stream: TcpStream) -> Result<Peer, String> {
        stream.set_nodelay(true).map_err(told)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(told)?;
        let (tell, news) = channel();
        let (orders, todo) = channel();
        let (reader, writer) = (stream.try_clone().map_err(told)?, stream.try_clone().map_err(told)?);
        let threads =
            vec![thread::spawn(move || read_all(reader, &tell)), thread::spawn(move || write_all(writer, &todo))];
        Ok(Peer { stream: Some(stream), news, orders: Some(orders), threads })
    }

    fn say(&self, order: Order) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
    }

    /// Closes once all is written: the threads end first, since a socket closes with its last handle.
    fn close(&mut self, reset: bool) {
        self.orders = None;
        let Some(stream) = self.stream.take() else { return };
        if let Some(writer) = self.threads.pop() {
            let _ = writer.join();
        }
        if reset {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        let _ = stream.shutdown(Shutdown::Read);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.close(false);
    }
}

fn read_all(mut stream: TcpStream, tell: &Sender<Received>) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let received = match stream.read(&mut bytes) {
            Ok(0) => Received::End,
            Ok(n) => Received::Bytes(bytes[..n].to_vec()),
            Err(_) => Received::Reset,
        };
        let over = !matches!(received, Received::Bytes(_));
        if tell.send(received).is_err() || over {
            return;
        }
    }
}

/// That nobody reads any more is for the transcript to notice.
fn write_all(mut stream: TcpStream, orders: &Receiver<Order>) {
    for order in orders {
        let _ = match order {
            Order::Write(bytes) => stream.write_all(&bytes),
            Order::Finish => stream.shutdown(Shutdown::Write),
        };
    }
}
