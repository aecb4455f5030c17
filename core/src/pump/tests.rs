//! The loop over a runtime of the test's own: tasks run when the test says so, sockets are queues of bytes, and time
//! is a number.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::{Command, Dialed, Ended, Listener, Outlet, Runtime, Setup, Socket, Timer, mailbox, run};
use crate::config::{Config, HealthCheck};
use crate::shard::{Endpoints, ListenerId, Log, Options};
use crate::time::{Mono, Now, Wall};

/// The test's hold on one end of a connection.
#[derive(Default)]
struct Line {
    to_read: RefCell<VecDeque<u8>>,
    written: RefCell<Vec<u8>>,
    ended: Cell<bool>,
    finished: Cell<bool>,
    closed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Line {
    fn say(&self, bytes: &[u8]) {
        self.to_read.borrow_mut().extend(bytes);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.written.take()).into_owned()
    }
}

struct FakeSocket(Rc<Line>);

impl Drop for FakeSocket {
    fn drop(&mut self) {
        self.0.closed.set(true);
    }
}

impl Socket for FakeSocket {
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut bytes = self.0.to_read.borrow_mut();
        if bytes.is_empty() && !self.0.ended.get() {
            *self.0.waker.borrow_mut() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = buffer.len().min(bytes.len());
        for (to, from) in buffer.iter_mut().zip(bytes.drain(..taken)) {
            *to = from;
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // One byte less than asked, to be asked again.
        let taken = bytes.len().div_ceil(2);
        self.0.written.borrow_mut().extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn finish(&mut self) {
        self.0.finished.set(true);
    }

    fn close(self) {}
}

/// Connections that a listener will yield; `Err` is what accept fails with.
#[derive(Default)]
struct Queue {
    waiting: RefCell<VecDeque<io::Result<Rc<Line>>>>,
    accepts: Cell<u32>,
    closed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

struct FakeListener(Rc<Queue>);

fn ends() -> Endpoints {
    let any = SocketAddr::from(([127, 0, 0, 1], 1));
    Endpoints { peer: any, local: any }
}

impl Listener for FakeListener {
    type Socket = FakeSocket;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Dialed<FakeSocket>>> {
        match self.accept_waiting() {
            Ok(Some(dialed)) => Poll::Ready(Ok(dialed)),
            Ok(None) => {
                *self.0.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn accept_waiting(&mut self) -> io::Result<Option<Dialed<FakeSocket>>> {
        self.0.accepts.set(self.0.accepts.get() + 1);
        let next = self.0.waiting.borrow_mut().pop_front().transpose()?;
        Ok(next.map(|line| Dialed { socket: FakeSocket(line), endpoints: ends() }))
    }

    async fn close(self) -> Option<Dialed<FakeSocket>> {
        self.0.closed.set(true);
        None
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

type Job = (Pin<Box<dyn Future<Output = ()>>>, Arc<Flag>);

/// What the test sees of the runtime.
#[derive(Default)]
struct World {
    micros: Cell<u64>,
    jobs: RefCell<Vec<Option<Job>>>,
    alarms: RefCell<Vec<(u64, Waker)>>,
    alarms_set: Cell<u32>,
    queues: RefCell<Vec<Rc<Queue>>>,
    dialed: RefCell<Vec<Rc<Line>>>,
    /// Dials stay unanswered.
    silent: Cell<bool>,
    abandoned: Rc<Cell<u32>>,
    panics: Cell<u32>,
    log: RefCell<String>,
}

impl World {
    /// Runs tasks until all sleep; how many polls that took.
    fn settle(&self) -> usize {
        let mut polls = 0;
        loop {
            let before = polls;
            let jobs = self.jobs.borrow().len();
            for place in 0..jobs {
                let Some((mut job, flag)) = self.jobs.borrow_mut()[place].take() else { continue };
                let mut over = false;
                if flag.0.swap(false, Ordering::SeqCst) {
                    polls += 1;
                    let waker = Waker::from(Arc::clone(&flag));
                    over = job.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
                }
                if !over {
                    self.jobs.borrow_mut()[place] = Some((job, flag));
                }
            }
            assert!(polls < 10_000, "the tasks never come to rest");
            if polls == before {
                return polls;
            }
        }
    }

    fn pass(&self, span: Duration) {
        self.micros.set(self.micros.get() + u64::try_from(span.as_micros()).expect("a short time"));
        let now = self.micros.get();
        let due: Vec<_> = self.alarms.borrow_mut().extract_if(.., |(at, _)| *at <= now).collect();
        due.into_iter().for_each(|(_, waker)| waker.wake());
        self.settle();
    }
}

#[derive(Clone)]
struct Fake(Rc<World>);

struct FakeTimer(Rc<World>, Option<u64>);

impl Timer for FakeTimer {
    fn set(&mut self, after: Duration) {
        self.0.alarms_set.set(self.0.alarms_set.get() + 1);
        self.1 = Some(self.0.micros.get() + u64::try_from(after.as_micros()).expect("a short time"));
    }

    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.1 {
            Some(at) if at <= self.0.micros.get() => Poll::Ready(()),
            Some(at) => {
                self.0.alarms.borrow_mut().push((at, cx.waker().clone()));
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }
}

/// Counts a dial that is dropped before it is answered.
struct Attempt(Rc<Cell<u32>>);

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

impl Runtime for Fake {
    /// An index into the world's queues.
    type Bound = usize;
    type Listener = FakeListener;
    type Socket = FakeSocket;
    type Task = usize;
    type Timer = FakeTimer;

    fn now(&self) -> Now {
        let micros = self.0.micros.get();
        Now { mono: Mono::from_nanos(micros * 1000), wall: Wall::from_micros(micros) }
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) -> usize {
        let mut jobs = self.0.jobs.borrow_mut();
        jobs.push(Some((Box::pin(task), Arc::new(Flag(AtomicBool::new(true))))));
        jobs.len() - 1
    }

    async fn cancel(&self, task: usize) {
        let job = self.0.jobs.borrow_mut()[task].take();
        drop(job);
    }

    fn timer(&self) -> FakeTimer {
        FakeTimer(Rc::clone(&self.0), None)
    }

    fn listener(&self, bound: usize) -> io::Result<FakeListener> {
        Ok(FakeListener(Rc::clone(&self.0.queues.borrow()[bound])))
    }

    fn dial(&self, _: SocketAddr) -> impl Future<Output = io::Result<Dialed<FakeSocket>>> + 'static {
        let world = Rc::clone(&self.0);
        async move {
            if world.silent.get() {
                let _attempt = Attempt(Rc::clone(&world.abandoned));
                std::future::pending::<()>().await;
            }
            let line = Rc::<Line>::default();
            world.dialed.borrow_mut().push(Rc::clone(&line));
            Ok(Dialed { socket: FakeSocket(line), endpoints: ends() })
        }
    }

    fn waker_for_other_threads(&self, waker: &Waker) -> Waker {
        waker.clone()
    }
}

struct Scribe(Rc<World>);

impl Outlet for Scribe {
    fn journal(&self, log: Log, lines: &[u8]) {
        assert_eq!(log, Log::Access, "nothing writes the connection log here");
        self.0.log.borrow_mut().push_str(&String::from_utf8_lossy(lines));
    }

    fn retired(&self, _: Arc<Config>) {}

    fn panicked(&self) {
        self.0.panics.set(self.0.panics.get() + 1);
    }

    fn cannot_listen(&self, _: ListenerId, _: io::Error) {}
}

/// A thread that serves port 80 from one listening socket, with one target.
struct Scene {
    world: Rc<World>,
    queue: Rc<Queue>,
    post: super::Mailbox<usize>,
    ended: Rc<Cell<Option<Ended>>>,
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn config() -> Arc<Config> {
    Arc::new(Config::forwarding(80, &[SocketAddr::from(([127, 0, 0, 1], 9001))]))
}

impl Scene {
    fn new() -> Scene {
        Scene::with(Options { access_log: true, ..Options::default() })
    }

    fn with(options: Options) -> Scene {
        Scene::of(config(), options)
    }

    fn of(config: Arc<Config>, options: Options) -> Scene {
        let world = Rc::<World>::default();
        // The clock starts above nothing, so that a test can turn it back.
        world.micros.set(1_000_000);
        let queue = Rc::<Queue>::default();
        world.queues.borrow_mut().push(Rc::clone(&queue));
        let (post, inbox) = mailbox();
        let listeners = vec![(ListenerId(80), 0)];
        let outlet = Box::new(Scribe(Rc::clone(&world)));
        let setup = Setup { config, options, seed: 1, listeners, inbox, outlet };
        let ended = Rc::new(Cell::new(None));
        let (fake, tell) = (Fake(Rc::clone(&world)), Rc::clone(&ended));
        fake.clone().spawn(async move { tell.set(run(fake, setup).await.ok()) });
        world.settle();
        Scene { world, queue, post, ended }
    }

    fn client(&self) -> Rc<Line> {
        let line = Rc::<Line>::default();
        self.queue.waiting.borrow_mut().push_back(Ok(Rc::clone(&line)));
        self.queue.waker.take().into_iter().for_each(Waker::wake);
        self.world.settle();
        line
    }

    fn target(&self) -> Rc<Line> {
        Rc::clone(self.world.dialed.borrow().last().expect("a dialed target"))
    }

    fn say(&self, line: &Line, bytes: &[u8]) {
        line.say(bytes);
        self.world.settle();
    }

    fn exchange(&self, client: &Line) -> String {
        self.say(client, GET);
        assert!(self.target().heard().starts_with("GET / HTTP/1.1\r\n"));
        self.say(&self.target(), OK);
        client.heard()
    }
}

#[test]
fn a_request_goes_to_the_target_and_its_answer_comes_back() {
    let scene = Scene::new();
    let client = scene.client();
    assert!(scene.exchange(&client).ends_with("\r\n\r\nok"));
    assert!(scene.exchange(&client).ends_with("\r\n\r\nok"));
    assert_eq!(scene.world.dialed.borrow().len(), 1, "the second request uses the same connection");
}

#[test]
fn a_request_in_steady_state_costs_each_socket_two_polls() {
    let scene = Scene::new();
    let client = scene.client();
    scene.exchange(&client);
    client.say(GET);
    assert_eq!(scene.world.settle(), 2, "the client's task reads, the target's writes");
    scene.target().heard();
    scene.target().say(OK);
    assert_eq!(scene.world.settle(), 2, "the target's task reads, the client's writes");
    assert!(client.heard().ends_with("ok"));
}

#[test]
fn a_panic_in_the_shard_closes_its_connections_and_a_fresh_one_serves_on() {
    let scene = Scene::new();
    let (old, idle) = (scene.client(), scene.client());
    scene.exchange(&old);
    // A monotonic clock that runs backwards is what a shard panics over.
    scene.world.micros.set(500_000);
    scene.say(&old, GET);
    assert_eq!(scene.world.panics.get(), u32::from(cfg!(debug_assertions)));
    if cfg!(debug_assertions) {
        assert!(old.closed.get() && idle.closed.get() && scene.target().closed.get());
        let fresh = scene.client();
        assert!(scene.exchange(&fresh).ends_with("ok"));
    }
}

#[test]
fn a_fresh_shard_goes_on_with_the_checks_of_one_that_panicked_over_them() {
    let mut config = Config::forwarding(80, &[SocketAddr::from(([127, 0, 0, 1], 9001))]);
    config.groups[0].health_check = HealthCheck::default();
    let scene = Scene::of(Arc::new(config), Options::default());
    let checks = |scene: &Scene| scene.world.dialed.borrow().len();
    assert!(scene.target().heard().contains("\r\nUser-Agent: ELB-HealthChecker/2.0\r\n"));
    assert_eq!(checks(&scene), 1);
    // The timer goes off at a moment that the shard takes for the past, since it was told of a later one: it panics, and
    // nothing else happens that would give the fresh one a turn.
    scene.world.micros.set(200_000_000);
    scene.client();
    let before = checks(&scene);
    scene.world.micros.set(100_000_000);
    scene.world.pass(Duration::ZERO);
    assert_eq!(scene.world.panics.get(), u32::from(cfg!(debug_assertions)));
    scene.world.pass(Duration::from_secs(200));
    assert!(checks(&scene) > before, "nobody checks any more");
}

#[test]
fn a_client_that_is_shed_for_want_of_memory_is_closed_at_once() {
    // Half of it is metered: one page, which the first client's unfinished head takes.
    let scene = Scene::with(Options { memory_max: 2 * crate::buffer::PAGE, ..Options::default() });
    let first = scene.client();
    scene.say(&first, b"GET / HT");
    let second = scene.client();
    scene.say(&second, GET);
    assert!(second.closed.get() && !first.closed.get());
}

#[test]
fn a_dial_that_nobody_waits_for_any_more_is_abandoned() {
    let scene = Scene::new();
    scene.world.silent.set(true);
    let client = scene.client();
    scene.say(&client, GET);
    assert_eq!(scene.world.abandoned.get(), 0);
    // The connect timeout of 10 s.
    scene.world.pass(Duration::from_secs(10));
    assert_eq!(scene.world.abandoned.get(), 1);
    assert!(client.heard().starts_with("HTTP/1.1 504 "));
}

#[test]
fn a_failed_accept_is_tried_again_after_ten_milliseconds_and_not_before() {
    let scene = Scene::new();
    let line = Rc::<Line>::default();
    let out_of_descriptors = io::Error::from_raw_os_error(24);
    scene.queue.waiting.borrow_mut().extend([Err(out_of_descriptors), Ok(Rc::clone(&line))]);
    let accepts = scene.queue.accepts.get();
    scene.queue.waker.take().into_iter().for_each(Waker::wake);
    scene.world.settle();
    assert_eq!(scene.queue.accepts.get(), accepts + 1);
    scene.world.pass(Duration::from_millis(9));
    assert_eq!(scene.queue.accepts.get(), accepts + 1);
    scene.world.pass(Duration::from_millis(1));
    scene.say(&line, GET);
    assert_eq!(scene.world.dialed.borrow().len(), 1);
}

#[test]
fn a_connection_that_was_reset_before_it_was_accepted_does_not_delay_the_next() {
    let scene = Scene::new();
    let line = Rc::<Line>::default();
    let resets = [io::ErrorKind::NotConnected, io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
    let mut waiting = scene.queue.waiting.borrow_mut();
    waiting.extend(resets.map(|kind| Err(kind.into())));
    waiting.push_back(Ok(Rc::clone(&line)));
    drop(waiting);
    scene.queue.waker.take().into_iter().for_each(Waker::wake);
    scene.world.settle();
    scene.say(&line, GET);
    assert_eq!(scene.world.dialed.borrow().len(), 1);
}

#[test]
fn others_get_their_turn_while_many_connections_wait_to_be_accepted() {
    let scene = Scene::new();
    scene.queue.waiting.borrow_mut().extend((0..200).map(|_| Ok(Rc::default())));
    scene.queue.waker.take().into_iter().for_each(Waker::wake);
    // Each of the clients once, the timer once, and the accepting task once per 64 of them.
    assert_eq!(scene.world.settle(), 200 + 1 + 4);
}

#[test]
fn others_get_their_turn_while_a_burst_of_pipelined_requests_is_answered() {
    let scene = Scene::new();
    let nobody = Arc::new(Config::forwarding(80, &[]));
    scene.post.post(Command::Reconfigure { config: nobody, listeners: Vec::new() });
    let client = scene.client();
    client.say(&GET.repeat(200));
    // Each answer takes several writes here.
    assert!(scene.world.settle() > 200 / 16);
    assert_eq!(client.heard().matches("HTTP/1.1 503 ").count(), 200);
}

#[test]
fn the_timer_is_set_anew_only_for_an_earlier_deadline() {
    let scene = Scene::new();
    let client = scene.client();
    scene.exchange(&client);
    scene.world.pass(Duration::from_millis(10));
    let set = scene.world.alarms_set.get();
    for _ in 0..50 {
        scene.exchange(&client);
    }
    // Once for the lines of the log.
    assert!(scene.world.alarms_set.get() <= set + 1, "{} times", scene.world.alarms_set.get() - set);
}

#[test]
fn log_lines_are_handed_out_soon_and_at_the_end() {
    let scene = Scene::new();
    let client = scene.client();
    scene.exchange(&client);
    assert_eq!(scene.world.log.borrow().lines().count(), 0);
    scene.world.pass(Duration::from_millis(5));
    assert_eq!(scene.world.log.borrow().lines().count(), 1);
    scene.exchange(&client);
    scene.post.post(Command::Stop);
    scene.world.settle();
    assert_eq!(scene.ended.get(), Some(Ended::Stopped));
    assert_eq!(scene.world.log.borrow().lines().count(), 2);
}

#[test]
fn draining_accepts_what_waits_finishes_what_runs_and_ends() {
    let scene = Scene::new();
    let client = scene.client();
    scene.say(&client, GET);
    let late = Rc::<Line>::default();
    let reset = io::ErrorKind::ConnectionAborted;
    scene.queue.waiting.borrow_mut().extend([Err(reset.into()), Ok(Rc::clone(&late))]);
    scene.post.post(Command::Drain);
    scene.world.settle();
    assert!(scene.queue.closed.get(), "it no longer listens");
    assert!(scene.queue.waiting.borrow().is_empty(), "nobody who was answered is reset");
    assert_eq!(scene.ended.get(), None);
    scene.say(&scene.target(), OK);
    assert!(client.heard().ends_with("ok"));
    for line in [client, late] {
        line.ended.set(true);
        line.wake();
    }
    scene.world.settle();
    scene.world.pass(Duration::from_secs(120));
    assert_eq!(scene.ended.get(), Some(Ended::Drained));
}

#[test]
fn stopping_closes_every_socket() {
    let scene = Scene::new();
    let client = scene.client();
    scene.exchange(&client);
    scene.post.post(Command::Stop);
    scene.world.settle();
    assert!(client.closed.get() && scene.target().closed.get());
}

#[test]
fn a_new_configuration_closes_listeners_that_are_gone_and_opens_those_that_came() {
    let scene = Scene::new();
    let fresh = Rc::<Queue>::default();
    scene.world.queues.borrow_mut().push(Rc::clone(&fresh));
    let config = Arc::new(Config::forwarding(81, &[SocketAddr::from(([127, 0, 0, 1], 9002))]));
    scene.post.post(Command::Reconfigure { config, listeners: vec![(ListenerId(81), 1)] });
    scene.world.settle();
    assert!(scene.queue.closed.get() && !fresh.closed.get());
    assert!(fresh.accepts.get() > 0);
}
