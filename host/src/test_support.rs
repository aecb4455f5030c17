//! What the programs' tests have in common: a running program, and plain sockets to talk to it with. Nothing here
//! waits by sleeping: every wait is for a line, a byte or an end.

pub mod tls;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long a test waits for something that has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that serves.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
    /// What was read of standard error so far.
    seen: String,
    /// Where it listens, in the order it said so.
    pub addresses: Vec<SocketAddr>,
}

impl Running {
    /// Starts `program` and waits until it listens on `listeners` addresses.
    ///
    /// # Panics
    ///
    /// It does not.
    pub fn start(program: &str, arguments: &[&str], listeners: usize) -> Running {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let err = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut running = Running { child, out, err, seen: String::new(), addresses: Vec::new() };
        running.addresses = running.read_addresses(listeners);
        running
    }

    /// The next `count` addresses that it says it listens on.
    ///
    /// # Panics
    ///
    /// It ends instead; its standard error is shown.
    pub fn read_addresses(&mut self, count: usize) -> Vec<SocketAddr> {
        let mut addresses = Vec::new();
        while addresses.len() < count {
            let mut line = String::new();
            if self.out.read_line(&mut line).expect("text") == 0 {
                panic!("it does not listen: {}", self.stderr());
            }
            if let Some(rest) = line.strip_prefix("listening on ") {
                let address = rest.split(' ').next().unwrap_or_default();
                addresses.push(address.parse().expect("an address"));
            }
        }
        addresses
    }

    /// The next line on standard output.
    ///
    /// # Panics
    ///
    /// It is not text.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("text");
        line
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name (`HUP`, `TERM`).
    ///
    /// # Panics
    ///
    /// There is no `kill` program.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Kills it when it takes too long, so that a test of a program that hangs fails; until what this gives is dropped.
    ///
    /// # Panics
    ///
    /// There is no `kill` program.
    #[must_use]
    pub fn hurry(&self) -> Sender<()> {
        let (watch, ended) = channel();
        let pid = self.child.id().to_string();
        thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                Command::new("kill").args(["-s", "KILL", &pid]).status().expect("kill runs");
            }
        });
        watch
    }

    /// Waits for its end: the exit code and what it wrote to standard error.
    ///
    /// # Panics
    ///
    /// It was killed by a signal.
    pub fn ended(mut self) -> (i32, String) {
        let status = self.child.wait().expect("it ends");
        (status.code().expect("it was not killed"), self.stderr())
    }

    /// Waits for a line on standard error that holds `text`.
    ///
    /// # Panics
    ///
    /// It ends without.
    pub fn wait_for_stderr(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.err.read_line(&mut line).expect("text") > 0, "no {text:?} in {}", self.seen);
            self.seen.push_str(&line);
        }
    }

    fn stderr(&mut self) -> String {
        let _ = self.err.read_to_string(&mut self.seen);
        std::mem::take(&mut self.seen)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `program` to its end.
///
/// # Panics
///
/// It cannot be started.
pub fn output(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().expect("the program starts")
}

/// Runs `program` to its end, with `input` as its standard input.
///
/// # Panics
///
/// It cannot be started.
pub fn output_of(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // It may have read enough before the end.
    let _ = child.stdin.take().expect("piped").write_all(input);
    child.wait_with_output().expect("the program ends")
}

/// A port that nobody listens on, and that the system picks for nobody either: one that it had picked could be somebody's by
/// the time it is used. Each call gives another one.
///
/// # Panics
///
/// None is left.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    /// Below what systems pick from.
    const RANGE: std::ops::Range<u16> = 10_000..32_000;
    let step = |at: u16| TcpListener::bind(("127.0.0.1", at)).is_ok();
    let mut candidates = std::iter::repeat_with(|| {
        // Programs that are tested at the same time begin elsewhere.
        let begin = std::process::id().wrapping_mul(397) + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        RANGE.start + u16::try_from(begin % u32::from(RANGE.end - RANGE.start)).expect("it is below the range's length")
    });
    candidates.by_ref().take(1000).find(|&port| step(port)).expect("a free port")
}

/// A client's connection.
///
/// # Panics
///
/// Nobody listens there.
pub fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    BufReader::new(stream)
}

/// Sends a request on an open connection and reads one answer: head and body.
///
/// # Panics
///
/// There is none, or it has no length.
pub fn ask<S: Read + Write>(connection: &mut BufReader<S>, request: &str) -> (String, String) {
    connection.get_mut().write_all(request.as_bytes()).expect("written");
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(connection.read_line(&mut head).expect("an answer") > 0, "it ended after {head:?}");
    }
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or("0", |(_, value)| value.trim()).parse().expect("a length");
    let mut body = vec![0; length];
    connection.read_exact(&mut body).expect("a body");
    (head, String::from_utf8(body).expect("text"))
}

/// `GET path` on a connection of its own.
///
/// # Panics
///
/// As for [`ask`].
pub fn get(address: SocketAddr, path: &str) -> (String, String) {
    ask(&mut connect(address), &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
}

/// A target that answers every request with its name. A request for `/slow` waits until the test lets it go.
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    reached: Receiver<()>,
    release: Sender<()>,
}

impl Target {
    /// Starts one on a port that the system picks.
    ///
    /// # Panics
    ///
    /// No port is left.
    pub fn start(name: &'static str) -> Target {
        Target::start_on(name, "127.0.0.1:0")
    }

    /// Starts one on that address.
    ///
    /// # Panics
    ///
    /// The address is taken.
    pub fn start_on(name: &'static str, address: &str) -> Target {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("bound");
        let (tell, reached) = channel();
        let (release, released) = channel();
        let released = Arc::new(Mutex::new(released));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tell, released) = (tell.clone(), Arc::clone(&released));
                thread::spawn(move || answer_all(name, stream, &tell, &released));
            }
        });
        Target { address, reached, release }
    }

    /// Waits until a request for `/slow` is here.
    ///
    /// # Panics
    ///
    /// None comes.
    pub fn wait_for_slow(&self) {
        self.reached.recv_timeout(PATIENCE).expect("a slow request");
    }

    /// Lets one request for `/slow` go.
    pub fn release(&self) {
        let _ = self.release.send(());
    }
}

fn answer_all(name: &str, stream: TcpStream, tell: &Sender<()>, released: &Mutex<Receiver<()>>) -> io::Result<()> {
    let mut input = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if input.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        if head.starts_with("GET /slow ") {
            let _ = tell.send(());
            let _ = released.lock().map(|released| released.recv_timeout(PATIENCE));
        }
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len());
        input.get_mut().write_all(answer.as_bytes())?;
    }
}

/// A directory that is gone after the test.
pub struct ScratchDirectory(pub std::path::PathBuf);

impl ScratchDirectory {
    /// Makes an empty one.
    ///
    /// # Panics
    ///
    /// The disk is full.
    pub fn new(name: &str) -> ScratchDirectory {
        let path = std::env::temp_dir().join(format!("sluicegate-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("made");
        ScratchDirectory(path)
    }

    /// Its path.
    ///
    /// # Panics
    ///
    /// The temporary directory's name is not text.
    pub fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A file that is gone after the test.
pub struct Scratch(pub std::path::PathBuf);

impl Scratch {
    /// Writes `text` to a new file.
    ///
    /// # Panics
    ///
    /// The disk is full.
    pub fn new(name: &str, text: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("sluicegate-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("written");
        Scratch(path)
    }

    /// Its path.
    ///
    /// # Panics
    ///
    /// The temporary directory's name is not text.
    pub fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
