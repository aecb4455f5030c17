//! The main thread while the program serves: it starts the shards, then waits for signals and obeys them, and looks at the
//! files that the template names now and then.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use sluicegate::cli::{Report, Serving, describe};
use sluicegate::config::Config;
use sluicegate::pump::{Command, Ended, Mailbox, Setup, mailbox};
use sluicegate::shard::{ListenerId, Options};
use sluicegate::sticky::Secret;

use crate::listen::bind;
use crate::log::{Log, Logs};
use crate::outlet::ThreadOutlet;
use crate::plan::{Place, Plan, Planned};
use crate::printer::{Notices, Printer};
use crate::watch::{LOOK_EVERY, Watch};
use crate::{Clock, Program, key_file, limits, signals};

/// What the main thread waits for.
pub(crate) enum Event {
    /// SIGHUP.
    Reload,
    /// SIGUSR1.
    Describe,
    /// SIGTERM or SIGINT.
    Terminate,
    /// It is time to look at the files that the template names.
    Look,
    /// A shard's thread has ended.
    Ended { shard: usize, outcome: io::Result<Ended> },
    /// A shard no longer uses this configuration; dropping it is this thread's work.
    Retired(Arc<Config>),
}

/// Sockets for one shard.
type Sockets = Vec<(ListenerId, TcpListener)>;

/// Serves until the program is told to end.
///
/// # Errors
///
/// One line for the operator: nothing was served.
pub(crate) fn serve<P: Program>(plan: Plan, serving: &Serving) -> Result<Report, String> {
    let planned = match plan.read() {
        Ok(planned) => planned,
        Err(err) => return Ok(Report { err, code: 1, ..Report::default() }),
    };
    P::preflight()?;
    limits::raise_open_files();
    let shards = serving.shards.map_or_else(cores, usize::from);
    let bound = bind_all(&planned.places, shards)?;
    let planned = plan.with_picked_port(planned, &bound.places)?;
    let _ = io::stderr().write_all(planned.warnings.as_bytes());
    let mut control = Control::start::<P>(plan, serving, planned, bound)?;
    control.announce();
    let code = control.run();
    control.printer.close();
    control.errors.close();
    Ok(Report { code, ..Report::default() })
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Listening sockets for every shard.
struct Bound {
    /// Where they really are: ports that the system picked are filled in.
    places: Vec<Place>,
    /// By shard.
    sockets: Vec<Sockets>,
}

/// Binds every place for every shard, or nothing.
fn bind_all(places: &[Place], shards: usize) -> Result<Bound, String> {
    let mut bound = Bound { places: Vec::new(), sockets: (0..shards).map(|_| Vec::new()).collect() };
    for place in places {
        let describe =
            |error: io::Error| format!("cannot listen on {} (listener {}): {error}", place.address, place.name);
        let sockets = bind(place.address, shards).map_err(describe)?;
        let address = sockets.first().map_or(Ok(place.address), TcpListener::local_addr).map_err(describe)?;
        bound.places.push(Place { address, ..place.clone() });
        for (all, socket) in bound.sockets.iter_mut().zip(sockets) {
            all.push((place.listener, socket));
        }
    }
    Ok(bound)
}

/// The program while it serves.
struct Control {
    program: &'static str,
    plan: Plan,
    config: Arc<Config>,
    places: Vec<Place>,
    /// The template's text that the configuration was made of.
    text: String,
    /// The files that it was made of, and when to look at them next.
    watch: Watch,
    look_at: Instant,
    shards: Vec<Mailbox<TcpListener>>,
    running: usize,
    events: Receiver<Event>,
    logs: Logs,
    printer: Printer,
    /// Standard error's.
    errors: Printer,
    notices: Notices,
    drain_timeout: Duration,
    /// The same for all shards.
    secret: Secret,
    /// What session tickets are sealed with: made for this process alone, see docs/decisions.md.
    tickets: Secret,
    clock: Clock,
    /// When draining began, the moment it has to end.
    deadline: Option<Instant>,
    /// The exit code so far.
    code: u8,
}

impl Control {
    fn start<P: Program>(plan: Plan, serving: &Serving, planned: Planned, bound: Bound) -> Result<Control, String> {
        let printing = |error| format!("cannot start a thread: {error}");
        let printer = Printer::start(io::stdout()).map_err(printing)?;
        let errors = Printer::start(io::stderr()).map_err(printing)?;
        let notices = errors.notices(P::NAME);
        let logs = Logs::open(serving, &notices)?;
        let clock = Clock::new();
        let (sender, events) = channel();
        signals::forward(sender.clone()).map_err(|error| format!("cannot handle signals: {error}"))?;
        let mut control = Control {
            program: P::NAME,
            plan,
            config: Arc::new(planned.config),
            places: retarget(&planned.places, bound.places),
            text: planned.text,
            watch: planned.watch,
            look_at: Instant::now() + LOOK_EVERY,
            shards: Vec::new(),
            running: 0,
            events,
            logs,
            printer,
            errors,
            notices,
            drain_timeout: Duration::from_secs(serving.drain_timeout.into()),
            secret: key_file::secret(serving.key_file.as_deref())?,
            tickets: key_file::secret(None)?,
            clock,
            deadline: None,
            code: 0,
        };
        for (shard, sockets) in bound.sockets.into_iter().enumerate() {
            // After a picked port the listener is known by that port, not by 0.
            let sockets = rename(sockets, &control.places);
            control.start_shard::<P>(shard, sockets, serving, &sender, clock)?;
        }
        Ok(control)
    }

    fn start_shard<P: Program>(
        &mut self,
        shard: usize,
        listeners: Sockets,
        serving: &Serving,
        events: &Sender<Event>,
        clock: Clock,
    ) -> Result<(), String> {
        let (post, inbox) = mailbox();
        let mut options = Options::default();
        options.access_log = self.logs.access.is_some();
        options.connection_log = self.logs.connections.is_some();
        options.name_causes = serving.name_causes;
        options.server_header = serving.server_header.clone();
        options.zone = serving.zone.clone();
        options.cookie_secret = Some(self.secret.clone());
        options.ticket_secret = Some(self.tickets.clone());
        let config = Arc::clone(&self.config);
        let [lines, connections] = [&self.logs.access, &self.logs.connections].map(|log| log.as_ref().map(Log::lines));
        let (events, notices) = (events.clone(), self.notices.clone());
        let serve = move || {
            let outlet = ThreadOutlet { notices, shard, lines, connections, events: events.clone() };
            let seed = seed(shard, clock);
            let setup = Setup { config, options, seed, listeners, inbox, outlet: Box::new(outlet) };
            // What the core panics over is caught deeper; a runtime that panics must not end its thread unheard.
            let outcome = catch_unwind(AssertUnwindSafe(|| P::serve(setup, clock)))
                .unwrap_or_else(|_| Err(io::Error::other("its runtime panicked")));
            let _ = events.send(Event::Ended { shard, outcome });
        };
        let started = thread::Builder::new().name(format!("shard-{shard}")).spawn(serve);
        started.map_err(|error| format!("cannot start a thread: {error}"))?;
        self.shards.push(post);
        self.running += 1;
        Ok(())
    }

    /// Tells where it listens. Scripts wait for these lines.
    fn announce(&self) {
        let mut out = String::new();
        for place in &self.places {
            let _ =
                writeln!(out, "listening on {} (listener {}, port {})", place.address, place.name, place.listener.0);
        }
        self.print(out + &self.plan.hints(&self.places));
    }

    /// Tells how every target is, as one line.
    fn describe(&self) {
        self.print(format!("{}\n", describe(&self.config, self.clock.now().mono)));
    }

    fn print(&self, report: String) {
        if !self.printer.print(report) {
            self.notices.say("standard output is not read: a report was dropped");
        }
    }

    /// Obeys signals until every shard has ended; the exit code.
    fn run(&mut self) -> u8 {
        while self.running > 0 {
            match self.next_event() {
                Some(Event::Reload) => self.reload(),
                Some(Event::Describe) => self.describe(),
                Some(Event::Terminate) if self.deadline.is_none() => self.drain(),
                Some(Event::Terminate) => self.stop("a second signal"),
                Some(Event::Look) => self.look(),
                Some(Event::Ended { shard, outcome }) => self.ended(shard, outcome),
                Some(Event::Retired(config)) => drop(config),
                None => self.stop("the drain timeout"),
            }
        }
        std::mem::take(&mut self.logs).close();
        self.code
    }

    /// The next event; `None` when draining has taken too long.
    fn next_event(&self) -> Option<Event> {
        let due = match self.deadline {
            Some(deadline) => deadline,
            None if self.watch.is_empty() => return self.events.recv().ok(),
            None => self.look_at,
        };
        match self.events.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) if self.deadline.is_none() => Some(Event::Look),
            event => event.ok(),
        }
    }

    fn drain(&mut self) {
        self.deadline = Some(Instant::now() + self.drain_timeout);
        for shard in &self.shards {
            shard.post(Command::Drain);
        }
    }

    fn stop(&mut self, why: &str) {
        self.notices.say(format_args!("stopping at once: {why}"));
        // Long enough that this is not repeated while threads end.
        self.deadline = Some(Instant::now() + Duration::from_secs(3600));
        for shard in &self.shards {
            shard.post(Command::Stop);
        }
    }

    /// A thread ends by itself only when its runtime fails; the others then finish what they have.
    fn ended(&mut self, shard: usize, outcome: io::Result<Ended>) {
        self.running -= 1;
        match outcome {
            Ok(Ended::Drained) => {}
            Ok(Ended::Stopped) => self.code = 1,
            Err(error) => {
                self.notices.say(format_args!("shard {shard} ended: {error}"));
                self.code = 1;
                if self.deadline.is_none() {
                    self.drain();
                }
            }
        }
    }

    /// Serves the template as it is now. Every new socket is bound, for every shard, before any shard hears of the
    /// new configuration; whatever goes wrong until then changes nothing.
    fn reload(&mut self) {
        self.logs.reopen();
        if self.deadline.is_some() {
            return;
        }
        if !self.plan.can_change() {
            return self.read_files_again();
        }
        match self.plan.read().and_then(|planned| self.bind_new(planned)) {
            Ok((planned, bound)) => self.reconfigure(planned, bound),
            Err(lines) => {
                self.notices.lines(lines);
                self.notices.say("reload refused, nothing has changed");
            }
        }
    }

    /// Looks whether the files that the template names have changed.
    fn look(&mut self) {
        self.look_at = Instant::now() + LOOK_EVERY;
        if self.watch.look() {
            self.read_files_again();
        }
    }

    /// Serves the same template with the files that it names as they are now; a mistake in them changes nothing. Connections
    /// that are open know nothing of it.
    fn read_files_again(&mut self) {
        if self.watch.is_empty() {
            return;
        }
        match self.plan.read_as(self.text.clone()) {
            Ok(planned) => {
                // The same template has the same listeners.
                self.adopt(planned, self.shards.iter().map(|_| Sockets::new()).collect());
                self.notices.say("certificates reloaded");
            }
            Err(refused) => {
                self.watch.failed(refused.watch);
                self.notices.lines(refused.lines);
                self.notices.say("certificates not reloaded, nothing has changed");
            }
        }
    }

    fn bind_new(&self, planned: Planned) -> Result<(Planned, Bound), String> {
        let is_new = |place: &&Place| !self.places.iter().any(|old| old.address == place.address);
        let new: Vec<Place> = planned.places.iter().filter(is_new).cloned().collect();
        let bound = bind_all(&new, self.shards.len()).map_err(|line| format!("{}: {line}\n", self.program))?;
        Ok((planned, bound))
    }

    fn reconfigure(&mut self, planned: Planned, bound: Bound) {
        self.adopt(planned, bound.sockets);
        self.notices.say("reloaded");
        self.announce();
    }

    /// Every shard serves that from now on, on new sockets of its own besides those that it has.
    fn adopt(&mut self, planned: Planned, sockets: Vec<Sockets>) {
        self.notices.lines(planned.warnings);
        self.config = Arc::new(planned.config.next(&self.config, self.clock.now().mono));
        (self.places, self.text, self.watch) = (planned.places, planned.text, planned.watch);
        for (shard, listeners) in self.shards.iter().zip(sockets) {
            shard.post(Command::Reconfigure { config: Arc::clone(&self.config), listeners });
        }
    }
}

/// The places as planned after binding, at the addresses that were really bound.
fn retarget(planned: &[Place], bound: Vec<Place>) -> Vec<Place> {
    planned.iter().zip(bound).map(|(planned, bound)| Place { address: bound.address, ..planned.clone() }).collect()
}

fn rename(sockets: Sockets, places: &[Place]) -> Sockets {
    sockets.into_iter().zip(places).map(|((_, socket), place)| (place.listener, socket)).collect()
}

/// Chance for a shard: the standard library's hasher is seeded by the system.
fn seed(shard: usize, clock: Clock) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one((shard, clock.now().wall.micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;

    impl Program for Panics {
        const NAME: &'static str = "panics";

        fn serve(_: Setup<TcpListener>, _: Clock) -> io::Result<Ended> {
            panic!("as a runtime might");
        }
    }

    #[test]
    fn a_runtime_that_panics_ends_the_program_and_not_only_its_thread() {
        let line = ["sluicegate", "run", "--listen", "127.0.0.1:0", "--target", "127.0.0.1:1", "--shards", "2"];
        let Ok(sluicegate::cli::Command::Run(run)) = sluicegate::cli::parse(line) else { panic!("a command") };
        let report = serve::<Panics>(Plan::of(&run), &run.serving).expect("it served");
        assert_eq!(report.code, 1);
    }
}
