//! Standard output and standard error while the program serves: a thread for each writes there, since whoever reads may stop
//! reading, and a write to a full pipe then lasts for good; and since a disk may be full, which is no reason to end. Whoever has
//! something to say hands over whole lines and never waits for them.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

/// How many reports may wait to be written. Each one was asked for by a signal; nobody wants many that are old.
const WAITING_MAX: usize = 8;

/// How long the end of the program waits for what was handed over. Whoever still reads needs no longer.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The main thread's end.
pub(crate) struct Printer {
    /// `None` is the end.
    reports: SyncSender<Option<String>>,
    /// Nothing is ever sent: it closes when the thread ends.
    ended: Receiver<()>,
}

/// The way to standard error, for every thread.
#[derive(Clone)]
pub(crate) struct Notices {
    program: &'static str,
    reports: SyncSender<Option<String>>,
}

impl Notices {
    /// Tells the operator something, behind the program's name.
    pub(crate) fn say(&self, what: impl Display) {
        self.lines(format!("{}: {what}\n", self.program));
    }

    /// Tells the operator whole lines as they are.
    pub(crate) fn lines(&self, lines: String) {
        if !lines.is_empty() {
            // Nobody could be told that nobody can be told.
            let _ = self.reports.try_send(Some(lines));
        }
    }
}

impl Printer {
    /// Starts the thread that writes to `sink`.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(crate) fn start(sink: impl Write + Send + 'static) -> io::Result<Printer> {
        let (reports, inbox) = sync_channel(WAITING_MAX);
        let (running, ended) = channel();
        thread::Builder::new().name("printer".to_owned()).spawn(move || work(sink, &inbox, running))?;
        Ok(Printer { reports, ended })
    }

    /// Prints whole lines after those before; `false` if too many wait, and these are dropped. Never waits.
    pub(crate) fn print(&self, report: String) -> bool {
        self.reports.try_send(Some(report)).is_ok()
    }

    /// The same printer as the way to tell the operator something.
    pub(crate) fn notices(&self, program: &'static str) -> Notices {
        Notices { program, reports: self.reports.clone() }
    }

    /// Waits a moment for what was handed over so far.
    pub(crate) fn close(self) {
        let _ = self.reports.try_send(None);
        drop(self.reports);
        let _ = self.ended.recv_timeout(LAST_WAIT);
    }
}

/// The thread. Scripts wait for these lines, so each report leaves at once.
fn work(mut sink: impl Write, inbox: &Receiver<Option<String>>, _running: Sender<()>) {
    while let Ok(Some(report)) = inbox.recv() {
        // Who has closed the pipe wants no more reports, and that is nobody's fault.
        let _ = sink.write_all(report.as_bytes()).and_then(|()| sink.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells of each write, which lasts until it is told to go on.
    struct Slow {
        began: Sender<String>,
        go_on: Receiver<()>,
    }

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.began.send(String::from_utf8_lossy(bytes).into_owned());
            self.go_on.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Printer, Receiver<String>, Sender<()>) {
        let ((began, begun), (go_on, told)) = (channel(), channel());
        (Printer::start(Slow { began, go_on: told }).expect("started"), begun, go_on)
    }

    #[test]
    fn reports_are_printed_in_order_and_before_the_end() {
        let (printer, begun, go_on) = slow();
        // The last place is for the end.
        let reports: Vec<String> = (0..WAITING_MAX).map(|number| format!("{number}\n")).collect();
        assert!(printer.print(reports[0].clone()));
        assert_eq!(begun.recv().as_ref(), Ok(&reports[0]), "without waiting for another");
        reports[1..].iter().for_each(|report| assert!(printer.print(report.clone())));
        reports.iter().for_each(|_| go_on.send(()).expect("it writes"));
        printer.close();
        assert_eq!(begun.try_iter().collect::<Vec<_>>(), reports[1..]);
    }

    #[test]
    fn beyond_what_may_wait_reports_are_dropped_and_nobody_waits() {
        let (printer, begun, go_on) = slow();
        assert!(printer.print("stuck\n".to_owned()));
        assert_eq!(begun.recv().as_deref(), Ok("stuck\n"));
        (0..WAITING_MAX).for_each(|_| assert!(printer.print("waits\n".to_owned())));
        assert!(!printer.print("dropped\n".to_owned()));
        (0..=WAITING_MAX).for_each(|_| go_on.send(()).expect("it writes"));
        (0..WAITING_MAX).for_each(|_| assert_eq!(begun.recv().as_deref(), Ok("waits\n")));
        assert!(printer.print("printed\n".to_owned()));
        assert_eq!(begun.recv().as_deref(), Ok("printed\n"));
    }

    /// A disk that is full.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn what_cannot_be_written_ends_nothing() {
        let printer = Printer::start(Full).expect("started");
        let notices = printer.notices("test");
        (0..100).for_each(|_| notices.say("something"));
        assert!(printer.ended.try_recv().is_err());
        printer.close();
    }

    #[test]
    fn the_end_does_not_wait_for_a_reader_that_is_gone() {
        let (printer, begun, go_on) = slow();
        assert!(printer.print("stuck\n".to_owned()));
        assert_eq!(begun.recv().as_deref(), Ok("stuck\n"));
        printer.close();
        go_on.send(()).expect("it still writes");
    }
}
