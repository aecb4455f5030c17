//! What the tasks of one thread share: the shard, the side tables, the way to carry out effects.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::accept::Listening;
use super::compute::Jobs;
use super::dial::dial;
use super::journal::Lines;
use super::registry::{Tasks, Wakers};
use super::runtime::Runtime;
use super::timer::Alarm;
use super::{Ended, Outlet};
use crate::config::Config;
use crate::shard::{Effect, ListenerId, Options, Shard, Turn, WireId};

/// One thread's shared state. Every cell is borrowed for a moment and never across an await or a wake that runs
/// a task.
pub(super) struct Hub<R: Runtime> {
    pub(super) runtime: R,
    pub(super) outlet: Box<dyn Outlet>,
    pub(super) wakers: RefCell<Wakers>,
    pub(super) alarm: Alarm,
    pub(super) lines: Lines,
    pub(super) jobs: Jobs,
    pub(super) listening: RefCell<Vec<Rc<Listening>>>,
    seat: RefCell<Seat>,
    /// Counts the shards this thread has had: wires of an earlier one are gone.
    epoch: Cell<u32>,
    /// Room for effects, kept from turn to turn.
    effects: RefCell<Vec<Effect>>,
    tasks: RefCell<Tasks<R::Task>>,
    clients: Cell<usize>,
    life: Cell<Life>,
    life_waker: RefCell<Option<Waker>>,
}

/// The shard and what a fresh one is made from.
struct Seat {
    shard: Shard,
    config: Arc<Config>,
    options: Options,
    seed: u64,
}

/// How far the thread's life has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Serving,
    Draining,
    /// The shard has nothing left; listeners may still be closing.
    Drained,
    Ended(Ended),
}

impl<R: Runtime> Hub<R> {
    pub(super) fn new(runtime: R, config: Arc<Config>, options: Options, seed: u64, outlet: Box<dyn Outlet>) -> Self {
        let shard = Shard::new(Arc::clone(&config), options.clone(), seed);
        Hub {
            runtime,
            outlet,
            wakers: RefCell::default(),
            alarm: Alarm::default(),
            lines: Lines::default(),
            jobs: Jobs::default(),
            listening: RefCell::default(),
            seat: RefCell::new(Seat { shard, config, options, seed }),
            epoch: Cell::new(0),
            effects: RefCell::default(),
            tasks: RefCell::new(Tasks::new()),
            clients: Cell::new(0),
            life: Cell::new(Life::Serving),
            life_waker: RefCell::default(),
        }
    }

    /// Which shard sits in the seat.
    pub(super) fn epoch(&self) -> u32 {
        self.epoch.get()
    }

    /// Gives the shard of that epoch a turn, then carries out its effects. `None` when that shard is gone, or
    /// goes now because it panicked.
    pub(super) fn turn<T>(self: &Rc<Self>, epoch: u32, act: impl FnOnce(&mut Turn<'_>) -> T) -> Option<T> {
        if epoch != self.epoch.get() {
            return None;
        }
        let now = self.runtime.now();
        let mut effects = self.effects.take();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut seat = self.seat.borrow_mut();
            let mut turn = seat.shard.turn(now);
            let value = act(&mut turn);
            while let Some(effect) = turn.next_effect() {
                effects.push(effect);
            }
            (value, turn.finish())
        }));
        let Ok((value, deadline)) = outcome else {
            self.replace_shard();
            return None;
        };
        if let Some(deadline) = deadline {
            self.alarm.at_latest(deadline);
        }
        if !effects.is_empty() {
            self.carry_out(epoch, &mut effects);
        }
        self.effects.replace(effects);
        Some(value)
    }

    /// The shard is no longer borrowed here: what an effect starts may take a turn of its own at once.
    fn carry_out(self: &Rc<Self>, epoch: u32, effects: &mut Vec<Effect>) {
        for effect in effects.drain(..) {
            match effect {
                Effect::Wake(wire) => self.wake(wire),
                Effect::Dial { wire, address } => self.spawn(dial(Rc::clone(self), epoch, wire, address)),
                Effect::Compute(wire) => self.jobs.wait(epoch, wire),
                Effect::Unlisten(listener) => self.unlisten(listener),
                Effect::Journal(_) => self.lines.wait(),
                Effect::Drained => self.drained(),
            }
        }
    }

    pub(super) fn wake(&self, wire: WireId) {
        if let Some(waker) = self.wakers.borrow().find(wire) {
            waker.wake_by_ref();
        }
    }

    /// The task of `wire` is over.
    pub(super) fn forget(&self, epoch: u32, wire: WireId) {
        if epoch == self.epoch.get() {
            self.wakers.borrow_mut().forget(wire);
        }
    }

    /// The shard panicked and cannot be trusted: a fresh one takes its place. Every task of the old one is woken,
    /// finds its epoch gone, and closes its socket.
    fn replace_shard(self: &Rc<Self>) {
        self.epoch.set(self.epoch.get().wrapping_add(1));
        {
            let mut seat = self.seat.borrow_mut();
            seat.seed = seat.seed.wrapping_add(1);
            let fresh = Shard::new(Arc::clone(&seat.config), seat.options.clone(), seat.seed);
            let broken = std::mem::replace(&mut seat.shard, fresh);
            // What panicked once may panic again while it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(move || drop(broken)));
        }
        self.outlet.panicked();
        for waker in self.wakers.borrow_mut().take_all() {
            waker.wake();
        }
        if self.life.get() != Life::Serving {
            self.turn(self.epoch(), |turn| turn.draining());
        }
        // The fresh one may have something to do without being asked: it checks targets if the broken one did.
        self.alarm.at_latest(self.runtime.now().mono);
    }

    /// Starts a task and keeps its handle until it is over.
    pub(super) fn spawn(self: &Rc<Self>, task: impl Future<Output = ()> + 'static) {
        let place = self.tasks.borrow_mut().reserve();
        let hub = Rc::clone(self);
        let handle = self.runtime.spawn(async move {
            task.await;
            hub.tasks.borrow_mut().finished(place);
        });
        self.tasks.borrow_mut().keep(place, handle);
    }

    /// Starts the task of an accepted connection; the thread does not end while it drains before these do.
    pub(super) fn spawn_client(self: &Rc<Self>, task: impl Future<Output = ()> + 'static) {
        self.clients.set(self.clients.get() + 1);
        let hub = Rc::clone(self);
        self.spawn(async move {
            task.await;
            hub.clients.set(hub.clients.get() - 1);
            hub.check_end();
        });
    }

    /// Cancels every task, and waits until their sockets are closed.
    pub(super) async fn cancel_tasks(&self) {
        let tasks = self.tasks.borrow_mut().take_all();
        for task in tasks {
            self.runtime.cancel(task).await;
        }
    }

    /// Serves a new configuration; the old one is dropped elsewhere.
    pub(super) fn reconfigure(self: &Rc<Self>, config: Arc<Config>) {
        // First what a fresh shard would be made from: this one may panic over the new configuration.
        let old = std::mem::replace(&mut self.seat.borrow_mut().config, Arc::clone(&config));
        self.outlet.retired(old);
        if let Some(old) = self.turn(self.epoch(), |turn| turn.reconfigured(config)) {
            self.outlet.retired(old);
        }
    }

    /// Finishes what runs, then ends.
    pub(super) fn drain(self: &Rc<Self>) {
        if self.life.get() == Life::Serving {
            self.life.set(Life::Draining);
            self.turn(self.epoch(), |turn| turn.draining());
        }
    }

    fn drained(&self) {
        if self.life.get() == Life::Draining {
            self.life.set(Life::Drained);
            self.check_end();
        }
    }

    fn unlisten(&self, listener: ListenerId) {
        for listening in self.listening.borrow().iter().filter(|entry| entry.listener == listener) {
            listening.stop();
        }
    }

    /// A listening socket is closed.
    pub(super) fn stopped_listening(&self, listening: &Rc<Listening>) {
        self.listening.borrow_mut().retain(|entry| !Rc::ptr_eq(entry, listening));
        self.check_end();
    }

    fn check_end(&self) {
        if self.life.get() == Life::Drained && self.clients.get() == 0 && self.listening.borrow().is_empty() {
            self.end(Ended::Drained);
        }
    }

    /// Lets [`run`](super::run) return.
    pub(super) fn end(&self, ended: Ended) {
        self.life.set(Life::Ended(ended));
        if let Some(waker) = self.life_waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) -> Ended {
        poll_fn(|cx| match self.life.get() {
            Life::Ended(ended) => Poll::Ready(ended),
            _ => {
                *self.life_waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}
