//! Readiness of one thread's sockets, by epoll in edge mode, and its timers.
//!
//! `async-io`, smol's own reactor, is one per process, re-arms a descriptor with a system call per wait, and wakes a
//! helper thread now and then. This one belongs to its thread: no locks, one system call per sleep, none per
//! wait. What it measures is readiness as edges, and [`Source`] turns edges into states: a socket is readable
//! until a read comes back short, and writable until a write does, so nothing is ever tried in vain.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

/// How many events one sleep may bring. More stay in the kernel until the next.
const EVENTS_PER_WAIT: usize = 256;

/// The key of the eventfd that other threads write to.
const BELL: u64 = u64::MAX;

/// One thread's reactor.
pub(crate) struct Reactor {
    epoll: OwnedFd,
    bell: Arc<Bell>,
    sources: RefCell<Sources>,
    timers: RefCell<BTreeMap<(Instant, u64), Waker>>,
    timers_made: Cell<u64>,
    events: RefCell<Vec<Event>>,
}

/// Sources by key. A key is free again once its descriptor is closed; epoll has forgotten it then, and events are
/// handed out before any task runs, so no event can reach a later owner of the key.
#[derive(Default)]
struct Sources {
    by_key: Vec<Option<Rc<Source>>>,
    free: Vec<usize>,
}

/// What is known about one descriptor.
pub(crate) struct Source {
    key: usize,
    /// A read may find something.
    readable: Cell<bool>,
    /// A write may be taken.
    writable: Cell<bool>,
    /// The peer has ended or reset: reads find that, once they have found everything else. The kernel reports it
    /// once, so a short read must not hide it.
    ended: Cell<bool>,
    /// What the waker waits for.
    awaits_read: Cell<bool>,
    awaits_write: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Reactor> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Every write to an eventfd is an edge, so it never has to be read.
        epoll::add(&epoll, &bell, EventData::new_u64(BELL), EventFlags::IN | EventFlags::ET)?;
        Ok(Reactor {
            epoll,
            bell: Arc::new(Bell(bell)),
            sources: RefCell::default(),
            timers: RefCell::default(),
            timers_made: Cell::new(0),
            events: RefCell::new(Vec::with_capacity(EVENTS_PER_WAIT)),
        })
    }

    /// Watches a descriptor for its whole life. `writable` says whether a write may be tried before the first event.
    pub(crate) fn register(&self, descriptor: impl AsFd, writable: bool) -> io::Result<Rc<Source>> {
        let mut sources = self.sources.borrow_mut();
        let key = sources.free.pop().unwrap_or_else(|| {
            sources.by_key.push(None);
            sources.by_key.len() - 1
        });
        let source = Rc::new(Source::new(key, writable));
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        match epoll::add(&self.epoll, descriptor, EventData::new_u64(key as u64), flags) {
            Ok(()) => {
                sources.by_key[key] = Some(Rc::clone(&source));
                Ok(source)
            }
            Err(error) => {
                sources.free.push(key);
                Err(error.into())
            }
        }
    }

    /// Forgets a descriptor that is about to be closed. (Closing it is what tells the kernel.)
    pub(crate) fn forget(&self, source: &Source) {
        let mut sources = self.sources.borrow_mut();
        sources.by_key[source.key] = None;
        sources.free.push(source.key);
    }

    /// Sleeps until something happens, or only looks if `idle` is false; then wakes whom it concerns.
    pub(crate) fn wait(&self, idle: bool) -> io::Result<()> {
        let mut events = self.events.borrow_mut();
        let timeout = if idle { self.until_next_timer() } else { Some(Duration::ZERO) };
        let timeout = timeout.map(timespec);
        match epoll::wait(&self.epoll, spare_capacity(&mut *events), timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let sources = self.sources.borrow();
        for event in events.drain(..) {
            let key = event.data.u64();
            if let Some(Some(source)) = sources.by_key.get(key as usize) {
                source.note(event.flags);
            }
        }
        self.fire_timers();
        Ok(())
    }

    /// A waker for `waker`'s task that also gets this thread out of its sleep.
    pub(crate) fn waker_for_other_threads(&self, waker: &Waker) -> Waker {
        Waker::from(Arc::new(Ring { bell: Arc::clone(&self.bell), waker: waker.clone() }))
    }

    fn until_next_timer(&self) -> Option<Duration> {
        let timers = self.timers.borrow();
        let ((due, _), _) = timers.first_key_value()?;
        Some(due.saturating_duration_since(Instant::now()))
    }

    fn fire_timers(&self) {
        let mut timers = self.timers.borrow_mut();
        if timers.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(entry) = timers.first_entry() {
            if entry.key().0 > now {
                break;
            }
            entry.remove().wake();
        }
    }
}

fn timespec(span: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX), tv_nsec: span.subsec_nanos().into() }
}

impl Source {
    fn new(key: usize, writable: bool) -> Source {
        Source {
            key,
            readable: Cell::new(false),
            writable: Cell::new(writable),
            ended: Cell::new(false),
            awaits_read: Cell::new(false),
            awaits_write: Cell::new(false),
            waker: RefCell::new(None),
        }
    }

    /// Ready when a read may find something.
    pub(crate) fn poll_readable(&self, cx: &Context<'_>) -> Poll<()> {
        if self.readable.get() || self.ended.get() {
            return Poll::Ready(());
        }
        self.awaits_read.set(true);
        self.keep(cx.waker());
        Poll::Pending
    }

    /// Ready when a write may be taken.
    pub(crate) fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        if self.writable.get() {
            return Poll::Ready(());
        }
        self.awaits_write.set(true);
        self.keep(cx.waker());
        Poll::Pending
    }

    /// Everything that had come was read; the next event will say that there is more.
    pub(crate) fn drained(&self) {
        self.readable.set(false);
    }

    /// A read found nothing at all: whatever was reported before is used up.
    pub(crate) fn drained_for_good(&self) {
        self.readable.set(false);
        self.ended.set(false);
    }

    /// The kernel takes no more; the next event will say that it does.
    pub(crate) fn full(&self) {
        self.writable.set(false);
    }

    fn keep(&self, waker: &Waker) {
        let mut kept = self.waker.borrow_mut();
        match &mut *kept {
            Some(known) => known.clone_from(waker),
            None => *kept = Some(waker.clone()),
        }
    }

    /// Takes in an event, and wakes the task if it waits for that.
    fn note(&self, flags: EventFlags) {
        let broken = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        let ended = broken || flags.contains(EventFlags::RDHUP);
        if ended {
            self.ended.set(true);
        }
        if flags.contains(EventFlags::IN) {
            self.readable.set(true);
        }
        if broken || flags.contains(EventFlags::OUT) {
            self.writable.set(true);
        }
        let read = self.awaits_read.get() && (self.readable.get() || ended);
        let write = self.awaits_write.get() && self.writable.get();
        if read || write {
            self.awaits_read.set(false);
            self.awaits_write.set(false);
            if let Some(waker) = &*self.waker.borrow() {
                waker.wake_by_ref();
            }
        }
    }
}

/// The eventfd that other threads write to.
struct Bell(OwnedFd);

/// Wakes a task, then its thread.
struct Ring {
    bell: Arc<Bell>,
    waker: Waker,
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.waker.wake_by_ref();
        // It can only fail when the counter is full, and then the thread has been woken already.
        let _ = rustix::io::write(&self.bell.0, &1u64.to_ne_bytes());
    }
}

/// An alarm on a reactor.
pub(crate) struct Timer {
    reactor: Rc<Reactor>,
    id: u64,
    due: Option<Instant>,
    /// It was not waited for since it was set: sockets are looked at before it goes off, whatever its length.
    fresh: bool,
}

impl Timer {
    pub(crate) fn new(reactor: Rc<Reactor>) -> Timer {
        let id = reactor.timers_made.get();
        reactor.timers_made.set(id + 1);
        Timer { reactor, id, due: None, fresh: false }
    }

    fn clear(&mut self) {
        if let Some(due) = self.due.take() {
            self.reactor.timers.borrow_mut().remove(&(due, self.id));
        }
    }
}

impl sluicegate::pump::Timer for Timer {
    fn set(&mut self, after: Duration) {
        self.clear();
        self.due = Instant::now().checked_add(after);
        self.fresh = true;
    }

    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.due {
            Some(due) if !self.fresh && due <= Instant::now() => {
                self.clear();
                Poll::Ready(())
            }
            Some(due) => {
                self.fresh = false;
                self.reactor.timers.borrow_mut().insert((due, self.id), cx.waker().clone());
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.clear();
    }
}
