//! Two side tables of a thread: which waker belongs to which wire, and which tasks run.

use std::task::Waker;

use crate::shard::WireId;

/// The wakers of socket and dial tasks, by the wire's slot.
#[derive(Default)]
pub(super) struct Wakers(Vec<Option<(WireId, Waker)>>);

impl Wakers {
    /// Notes that `waker`'s task serves `wire`; costs a comparison when that is known already.
    pub(super) fn register(&mut self, wire: WireId, waker: &Waker) {
        let slot = wire.slot();
        if slot >= self.0.len() {
            self.0.resize_with(slot + 1, || None);
        }
        if let Some(entry) = self.0.get_mut(slot) {
            match entry {
                Some((id, known)) if *id == wire && known.will_wake(waker) => {}
                _ => *entry = Some((wire, waker.clone())),
            }
        }
    }

    /// Forgets the task of `wire`, unless the slot belongs to a later wire by now.
    pub(super) fn forget(&mut self, wire: WireId) {
        if let Some(entry) = self.0.get_mut(wire.slot()) {
            entry.take_if(|(id, _)| *id == wire);
        }
    }

    /// The waker of `wire`'s task. There is none before the task ran for the first time, and none is needed:
    /// on its first run it looks at everything.
    pub(super) fn find(&self, wire: WireId) -> Option<&Waker> {
        match self.0.get(wire.slot())? {
            Some((id, waker)) if *id == wire => Some(waker),
            _ => None,
        }
    }

    /// Takes every waker out.
    pub(super) fn take_all(&mut self) -> Vec<Waker> {
        self.0.drain(..).flatten().map(|(_, waker)| waker).collect()
    }
}

/// Handles of running tasks. Dropping a handle cancels its task, so a handle is kept until its task is over,
/// and all are given up before the executor ends: an executor that is dropped may leak the tasks it still has.
pub(super) struct Tasks<T> {
    running: Vec<Option<T>>,
    free: Vec<usize>,
    finished: Vec<usize>,
}

impl<T> Tasks<T> {
    pub(super) fn new() -> Self {
        Tasks { running: Vec::new(), free: Vec::new(), finished: Vec::new() }
    }

    /// A place for the handle of a task that is about to start. Handles of tasks that are over are dropped here,
    /// not by the tasks themselves: a task that drops its own handle cancels itself while it runs.
    pub(super) fn reserve(&mut self) -> usize {
        while let Some(place) = self.finished.pop() {
            if let Some(entry) = self.running.get_mut(place) {
                *entry = None;
                self.free.push(place);
            }
        }
        self.free.pop().unwrap_or_else(|| {
            self.running.push(None);
            self.running.len() - 1
        })
    }

    /// Keeps the handle.
    pub(super) fn keep(&mut self, place: usize, task: T) {
        if let Some(entry) = self.running.get_mut(place) {
            *entry = Some(task);
        }
    }

    /// The task in that place is over.
    pub(super) fn finished(&mut self, place: usize) {
        self.finished.push(place);
    }

    /// Takes every handle out.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        self.free.clear();
        self.finished.clear();
        self.running.drain(..).flatten().collect()
    }
}
