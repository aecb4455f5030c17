//! The access log's writer: one thread and one file for all shards. A shard hands whole lines over and goes on;
//! when the disk is slower than the traffic, lines are dropped and counted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

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

/// The program's end.
pub(crate) struct AccessLog {
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

impl AccessLog {
    /// Opens the file to append to (`-` is standard output) and starts the writer.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or the thread cannot be started.
    pub(crate) fn open(path: &str, notices: Notices) -> io::Result<AccessLog> {
        let (parcels, inbox) = channel();
        let state = Arc::new(State::default());
        let mut writer =
            Writer { path: path.to_owned(), sink: open(path)?, state: Arc::clone(&state), notices, failing: false };
        let (running, ended) = channel::<()>();
        thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            writer.work(&inbox);
            drop(running);
        })?;
        Ok(AccessLog { lines: Lines { parcels, state }, ended })
    }

    /// For a shard.
    pub(crate) fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// Opens the file anew: whoever rotates logs has moved it.
    pub(crate) fn reopen(&self) {
        let _ = self.lines.parcels.send(Parcel::Reopen);
    }

    /// Writes what was handed over so far, and ends; but a pipe that nobody reads is not waited for for ever.
    pub(crate) fn close(self) {
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
                self.notices.say(format_args!("access log {}: {error}", self.path));
            }
            Err(_) => {}
        }
        self.tell_dropped();
    }

    fn reopen(&mut self) {
        match open(&self.path) {
            Ok(sink) => self.sink = sink,
            Err(error) => {
                self.notices.say(format_args!("access log {}: {error}; the old file stays open", self.path));
            }
        }
    }

    fn tell_dropped(&self) {
        let dropped = self.state.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            self.notices.say(format_args!("access log {}: {dropped} lines were dropped, it is too slow", self.path));
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
        let log = AccessLog::open(path.to_str().expect("text"), printer.notices("test")).expect("opened");
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
    fn what_the_disk_cannot_take_is_dropped_and_counted_and_nobody_waits() {
        let (parcels, inbox) = channel();
        let lines = Lines { parcels, state: Arc::default() };
        lines.hand_over(&vec![b'x'; WAITING_MAX]);
        lines.hand_over(b"a\nb\n");
        assert_eq!(lines.state.dropped.load(Ordering::Relaxed), 2);
        assert_eq!(inbox.try_iter().count(), 1);
    }
}
