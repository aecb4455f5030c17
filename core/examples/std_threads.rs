//! A whole load balancer on nothing but the standard library: one shard behind a mutex, and two threads per socket. Not
//! fast, but complete: bytes are carried, deadlines kept, and effects carried out after the turn is over.
//!
//! `cargo run -p sluicegate --example std_threads -- 127.0.0.1:8080 127.0.0.1:9001`

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};
use std::{mem, thread};

use sluicegate::config::Config;
use sluicegate::shard::{DialError, Effect, Endpoints, Fate, ListenerId, Options, Shard, Turn, Wire, WireId};
use sluicegate::time::{Mono, Now, Wall};

const TICK: Duration = Duration::from_millis(50); // the longest sleep

struct Host {
    shard: Mutex<Shard>,
    news: Condvar,
    deadline: Mutex<Option<Mono>>,
    origin: Instant,
}

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1).filter_map(|arg| arg.parse::<SocketAddr>().ok());
    let (Some(listen), Some(target)) = (args.next(), args.next()) else { panic!("usage: std_threads LISTEN TARGET") };
    let listener = TcpListener::bind(listen)?;
    let port = listener.local_addr()?.port();
    println!("listening on {}", listener.local_addr()?);
    let shard = Shard::new(Arc::new(Config::forwarding(port, &[target])), Options::default(), 1);
    let (shard, news, deadline, origin) = (Mutex::new(shard), Condvar::new(), Mutex::new(None), Instant::now());
    let host = Arc::new(Host { shard, news, deadline, origin });
    let clock = Arc::clone(&host);
    thread::spawn(move || clock.keep_time());
    for stream in listener.incoming().flatten() {
        let Ok(endpoints) = endpoints(&stream) else { continue };
        if let Ok(wire) = host.turn(|turn| turn.accepted(ListenerId(port), endpoints)) {
            host.carry(wire, stream);
        }
    }
    Ok(())
}

impl Host {
    /// One turn: the verbs, then the effects, then the deadline; the effects are acted on when the lock is released.
    fn turn<R>(self: &Arc<Self>, verbs: impl FnOnce(&mut Turn<'_>) -> R) -> R {
        let mut shard = self.shard.lock().unwrap();
        let mut turn = shard.turn(self.now());
        let result = verbs(&mut turn);
        let effects: Vec<Effect> = std::iter::from_fn(|| turn.next_effect()).collect();
        *self.deadline.lock().unwrap() = turn.finish();
        drop(shard);
        for effect in effects {
            let host = Arc::clone(self);
            match effect {
                Effect::Dial { wire, address } => drop(thread::spawn(move || host.dial(wire, address))),
                Effect::Wake(_) => self.news.notify_all(),
                Effect::Compute(wire) => drop(thread::spawn(move || host.compute(wire))),
                Effect::Unlisten(_) | Effect::Journal(_) | Effect::Drained => {}
            }
        }
        result
    }

    /// A step of a TLS handshake.
    fn compute(self: Arc<Self>, wire: WireId) {
        let Some(mut job) = self.turn(|turn| turn.job(wire)) else { return };
        job.run();
        self.turn(|turn| turn.computed(job));
        self.news.notify_all();
    }

    /// A verb on a wire. Two threads drive it: one tells the other.
    fn say(self: &Arc<Self>, wire: WireId, verb: impl FnOnce(&mut Wire<'_>)) {
        self.turn(|turn| turn.wire(wire).as_mut().map(verb));
        self.news.notify_all();
    }

    fn dial(self: Arc<Self>, wire: WireId, address: SocketAddr) {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10));
        let ends = stream.as_ref().ok().and_then(|stream| endpoints(stream).ok());
        self.turn(|turn| turn.dialed(wire, ends.ok_or(DialError::Refused)));
        if let Ok(stream) = stream {
            self.carry(wire, stream);
        }
    }

    /// Two threads for a socket: one reads, one writes and does what the wire's fate says.
    fn carry(self: &Arc<Self>, wire: WireId, stream: TcpStream) {
        let Ok(reader) = stream.try_clone() else { return self.say(wire, |wire| wire.lost()) };
        let _ = stream.set_nodelay(true);
        let (host, other) = (Arc::clone(self), Arc::clone(self));
        thread::spawn(move || host.read(wire, reader));
        thread::spawn(move || other.write(wire, stream));
    }

    fn read(self: Arc<Self>, wire: WireId, mut stream: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        loop {
            match stream.read(&mut bytes) {
                Ok(0) => break self.say(wire, |wire| wire.ended()),
                Err(_) => break self.say(wire, |wire| wire.lost()),
                Ok(n) => {
                    let mut rest = &bytes[..n];
                    while !rest.is_empty() {
                        let Some(taken) = self.turn(|turn| Some(turn.wire(wire)?.offer(rest))) else { return };
                        self.news.notify_all();
                        match taken {
                            0 => self.wait(), // no room: there is a wake when there is some again
                            taken => rest = &rest[taken..],
                        }
                    }
                }
            }
        }
    }

    fn write(self: Arc<Self>, wire: WireId, mut stream: TcpStream) {
        let mut finished = false;
        loop {
            match self.turn(|turn| turn.wire(wire).map(|mut wire| (wire.pending().to_vec(), wire.fate()))) {
                None | Some((_, Fate::Close)) => {
                    let _ = stream.shutdown(Shutdown::Both);
                    break self.say(wire, |wire| wire.lost());
                }
                Some((pending, _)) if !pending.is_empty() => match stream.write(&pending) {
                    Ok(n) => self.say(wire, |wire| wire.sent(n)),
                    Err(_) => self.say(wire, |wire| wire.unwritable()),
                },
                Some((_, Fate::Finish)) if !mem::replace(&mut finished, true) => drop(stream.shutdown(Shutdown::Write)),
                Some(_) => self.wait(),
            }
        }
    }

    /// Until something happened, or a moment has passed.
    fn wait(&self) {
        drop(self.news.wait_timeout(self.shard.lock().unwrap(), TICK));
    }

    fn keep_time(self: Arc<Self>) {
        loop {
            let (due, now) = (*self.deadline.lock().unwrap(), self.now().mono);
            thread::sleep(due.map_or(TICK, |due| due.since(now)).min(TICK));
            self.turn(|_| ());
        }
    }

    fn now(&self) -> Now {
        let (mono, wall) = (self.origin.elapsed(), SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default());
        Now { mono: Mono::from_nanos(mono.as_nanos() as u64), wall: Wall::from_micros(wall.as_micros() as u64) }
    }
}

fn endpoints(stream: &TcpStream) -> std::io::Result<Endpoints> {
    Ok(Endpoints { peer: stream.peer_addr()?, local: stream.local_addr()? })
}
