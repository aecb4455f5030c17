//! The logs' writers: one thread and one file for each log, for all shards. A shard hands whole lines over and goes on;
//! when the disk is slower than the traffic, lines are dropped and counted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use sluicegate::cli::Serving;

use crate::printer::Notices;

/// How many bytes may wait for the disk, over all shards.
const WAITING_MAX: usize = 16 * 1024 * 1024;

/// How long the end of the program waits for the disk to take what waits.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// A shard's end.
#[derive(Clone)]
pub(crate) struct Lines {
    parcels: Sender<Parcel>,
    state: Arc<State>,
}

/// The logs that the operator asked for.
#[derive(Default)]
pub(crate) struct Logs {
    /// A line for each request.
    pub(crate) access: Option<Log>,
    /// A line for each attempt to connect to an HTTPS listener.
    pub(crate) connections: Option<Log>,
}

/// The program's end of one.
pub(crate) struct Log {
    lines: Lines,
    /// Nothing is ever sent: it closes when the writer has ended.
    ended: Receiver<()>,
}

enum Parcel {
    Lines(Vec<u8>),
    Reopen,
    Close,
}

#[derive(Default)]
struct State {
    /// Bytes handed over and not yet written.
    waiting: AtomicUsize,
    /// Lines dropped since the writer last said so.
    dropped: AtomicUsize,
}

impl Lines {
    /// Takes whole lines, or drops them; never waits.
    pub(crate) fn hand_over(&self, lines: &[u8]) {
        if self.state.waiting.load(Ordering::Relaxed).saturating_add(lines.len()) > WAITING_MAX {
            self.drop_lines(lines);
            return;
        }
        self.state.waiting.fetch_add(lines.len(), Ordering::Relaxed);
        if self.parcels.send(Parcel::Lines(lines.to_vec())).is_err() {
            self.drop_lines(lines);
        }
    }

    fn drop_lines(&self, lines: &[u8]) {
        let count = lines.iter().filter(|&&byte| byte == b'\n').count();
        self.state.dropped.fetch_add(count, Ordering::Relaxed);
    }
}

impl Logs {
    /// Opens those that flags name.
    ///
    /// # Errors
    ///
    /// A line for the operator: a file cannot be opened, or a thread cannot be started.
    pub(crate) fn open(serving: &Serving, notices: &Notices) -> Result<Logs, String> {
        let open = |what: &'static str, path: &Option<String>| {
            let log = path
                .as_ref()
                .map(|path| Log::open(what, path, notices.clone()).map_err(|error| format!("{what} {path}: {error}")));
            log.transpose()
        };
        Ok(Logs {
            access: open("access log", &serving.access_log)?,
            connections: open("connection log", &serving.connection_log)?,
        })
    }

    /// Opens the files anew: whoever rotates logs has moved them.
    pub(crate) fn reopen(&self) {
        self.all().for_each(Log::reopen);
    }

    /// Writes what was handed over so far, and ends.
    pub(crate) fn close(self) {
        let Logs { access, connections } = self;
        [access, connections].into_iter().flatten().for_each(Log::close);
    }

    fn all(&self) -> impl Iterator<Item = &Log> {
        let Logs { access, connections } = self;
        [access, connections].into_iter().flatten()
    }
}

impl Log {
    /// Opens the file to append to (`-` is standard output) and starts the writer. `what` is how messages call it.
    fn open(what: &'static str, path: &str, notices: Notices) -> io::Result<Log> {
        let (parcels, inbox) = channel();
        let state = Arc::new(State::default());
        let mut writer = Writer {
            what,
            path: path.to_owned(),
            sink: open(path)?,
            state: Arc::clone(&state),
            notices,
            failing: false,
        };
        let (running, ended) = channel::<()>();
        thread::Builder::new().name(what.replace(' ', "-")).spawn(move || {
            writer.work(&inbox);
            drop(running);
        })?;
        Ok(Log { lines: Lines { parcels, state }, ended })
    }

    /// For a shard.
    pub(crate) fn lines(&self) -> Lines {
        self.lines.clone()
    }

    fn reopen(&self) {
        let _ = self.lines.parcels.send(Parcel::Reopen);
    }

    /// Writes what was handed over so far, and ends; but a pipe that nobody reads is not waited for for ever.
    fn close(self) {
        let _ = self.lines.parcels.send(Parcel::Close);
        let _ = self.ended.recv_timeout(LAST_WAIT);
    }
}

fn open(path: &str) -> io::Result<Box<dyn Write + Send>> {
    Ok(match path {
        "-" => Box::new(io::stdout()),
        path => Box::new(OpenOptions::new().create(true).append(true).open(path)?) as Box<File>,
    })
}

/// The thread.
struct Writer {
    what: &'static str,
    path: String,
    sink: Box<dyn Write + Send>,
    state: Arc<State>,
    notices: Notices,
    /// The last write failed, and that was said.
    failing: bool,
}

impl Writer {
    fn work(&mut self, inbox: &Receiver<Parcel>) {
        while let Ok(parcel) = inbox.recv() {
            match parcel {
                Parcel::Lines(lines) => self.write(&lines),
                Parcel::Reopen => self.reopen(),
                Parcel::Close => break,
            }
        }
        self.tell_dropped();
    }

    fn write(&mut self, lines: &[u8]) {
        let written = self.sink.write_all(lines).and_then(|()| self.sink.flush());
        self.state.waiting.fetch_sub(lines.len(), Ordering::Relaxed);
        match written {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                self.failing = true;
                self.notices.say(format_args!("{} {}: {error}", self.what, self.path));
            }
            Err(_) => {}
        }
        self.tell_dropped();
    }

    fn reopen(&mut self) {
        match open(&self.path) {
            Ok(sink) => self.sink = sink,
            Err(error) => {
                self.notices.say(format_args!("{} {}: {error}; the old file stays open", self.what, self.path));
            }
        }
    }

    fn tell_dropped(&self) {
        let dropped = self.state.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let (what, path) = (self.what, &self.path);
            self.notices.say(format_args!("{what} {path}: {dropped} lines were dropped, it is too slow"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_in_the_file_after_close_and_in_the_new_file_after_reopen() {
        let directory = std::env::temp_dir().join(format!("sluicegate-log-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("access.log");
        let printer = crate::printer::Printer::start(std::io::sink()).expect("started");
        let log = Log::open("access log", path.to_str().expect("text"), printer.notices("test")).expect("opened");
        log.lines().hand_over(b"one\n");
        log.lines().hand_over(b"two\n");
        let moved = directory.join("access.log.1");
        std::fs::rename(&path, &moved).expect("moved");
        log.reopen();
        log.lines().hand_over(b"three\n");
        log.close();
        assert_eq!(std::fs::read(&moved).expect("the old file"), b"one\ntwo\n");
        assert_eq!(std::fs::read(&path).expect("the new file"), b"three\n");
        std::fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn each_log_has_a_file_of_its_own_and_errors_say_which_it_is() {
        let line = |access: &str, connections: &str| {
            let line = ["sluicegate", "demo", "--access-log", access, "--connection-log", connections];
            let Ok(sluicegate::cli::Command::Demo(demo)) = sluicegate::cli::parse(line) else { panic!("a demo") };
            demo.serving
        };
        let directory = std::env::temp_dir().join(format!("sluicegate-logs-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = |name: &str| directory.join(name).to_str().expect("text").to_owned();
        let printer = crate::printer::Printer::start(std::io::sink()).expect("started");
        let logs = Logs::open(&line(&path("a"), &path("c")), &printer.notices("test")).expect("opened");
        logs.access.as_ref().expect("asked for").lines().hand_over(b"request\n");
        logs.connections.as_ref().expect("asked for").lines().hand_over(b"one\n");
        std::fs::rename(path("c"), path("c.1")).expect("moved");
        logs.reopen();
        logs.connections.as_ref().expect("asked for").lines().hand_over(b"two\n");
        logs.close();
        let read = |name| std::fs::read_to_string(path(name)).expect(name);
        assert_eq!([read("a"), read("c.1"), read("c")], ["request\n", "one\n", "two\n"]);
        for (access, connections, what) in [("/", "-", "access log /: "), ("-", "/", "connection log /: ")] {
            let refused = Logs::open(&line(access, connections), &printer.notices("test")).err().expect("a directory");
            assert!(refused.starts_with(what), "{refused}");
        }
        std::fs::remove_dir_all(&directory).expect("removed");
    }

    #[test]
    fn what_the_disk_cannot_take_is_dropped_and_counted_and_nobody_waits() {
        let (parcels, inbox) = channel();
        let lines = Lines { parcels, state: Arc::default() };
        lines.hand_over(&vec![b'x'; WAITING_MAX]);
        lines.hand_over(b"a\nb\n");
        assert_eq!(lines.state.dropped.load(Ordering::Relaxed), 2);
        assert_eq!(inbox.try_iter().count(), 1);
    }
}
