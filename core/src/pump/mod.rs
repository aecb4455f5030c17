//! The loop that runtime adapters share: it carries bytes between sockets and a [`Shard`](crate::shard::Shard),
//! and carries out the shard's effects. It decides nothing, and it knows no runtime: an adapter implements
//! [`Runtime`], [`Socket`], [`Listener`] and [`Timer`], and calls [`run`] on each of its threads.
//!
//! What lives on a thread:
//!
//! * one task per socket, without logic: read, turn, write, until the shard says close;
//! * one task per listening socket, whose `accept` is never raced with anything, and so never cancelled;
//! * one task per dial, which becomes the task of the socket it made, or ends early when nobody wants it any more;
//! * one timer, armed for the shard's next deadline, and armed again only for an earlier one;
//! * one task that hands log lines out a few milliseconds after the first was written, and never waits for a disk;
//! * one task that carries out the steps of TLS handshakes, a little at a time;
//! * one task that obeys the thread that started this one: see [`Command`].
//!
//! The rules that keep this correct are few. Effects are collected while the shard is borrowed and carried out
//! after it is released, because some executors run a task while it is being spawned. A socket task looks at
//! pending bytes, room and fate *after* its last call into the shard, and only then sleeps; every other change
//! comes as [`Effect::Wake`](crate::shard::Effect::Wake). A panic inside the shard costs the connections of that
//! shard and nothing else: they are closed, and a fresh shard takes its place.

mod accept;
mod compute;
mod dial;
mod hub;
mod journal;
mod mailbox;
mod registry;
mod runtime;
mod socket;
mod timer;

#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;

use crate::config::Config;
use crate::shard::{ListenerId, Log, Options};

use hub::Hub;
pub use mailbox::{Command, Inbox, Mailbox, mailbox};
pub use runtime::{Dialed, Listener, Runtime, Socket, Timer};

/// What a thread is started with.
pub struct Setup<B> {
    /// What the shard serves at first.
    pub config: Arc<Config>,
    /// The shard's ceilings and switches.
    pub options: Options,
    /// Where the shard's chance comes from; differs between threads.
    pub seed: u64,
    /// Sockets that are bound and listening already; several may belong to one listener (IPv4 and IPv6).
    pub listeners: Vec<(ListenerId, B)>,
    /// Where commands arrive.
    pub inbox: Inbox<B>,
    /// Where log lines, old configurations and bad news go.
    pub outlet: Box<dyn Outlet>,
}

/// What a thread hands to the rest of the program. No method may wait for anything.
pub trait Outlet {
    /// Takes whole lines of a log: keeps them or drops them and counts, but never blocks.
    fn journal(&self, log: Log, lines: &[u8]);

    /// Takes a configuration that the shard no longer uses, so that another thread pays for dropping it.
    fn retired(&self, config: Arc<Config>);

    /// The shard panicked; its connections are being closed and a fresh shard serves on. The panic hook has
    /// already told where.
    fn panicked(&self);

    /// The runtime could not take over a listening socket that came with a new configuration.
    fn cannot_listen(&self, listener: ListenerId, error: std::io::Error);
}

/// Why a thread's work is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// [`Command::Drain`] came, and everything in flight has finished.
    Drained,
    /// [`Command::Stop`] came.
    Stopped,
}

/// Serves until it is told to drain or to stop. Every task has been cancelled when this returns.
///
/// # Errors
///
/// A listening socket could not be registered with the runtime. Nothing is served then.
pub async fn run<R: Runtime>(runtime: R, setup: Setup<R::Bound>) -> std::io::Result<Ended> {
    let Setup { config, options, seed, listeners, inbox, outlet } = setup;
    let hub = Rc::new(Hub::new(runtime, config, options, seed, outlet));
    for (listener, bound) in listeners {
        accept::listen(&hub, listener, bound)?;
    }
    hub.spawn(timer::keep_time(Rc::clone(&hub)));
    hub.spawn(journal::hand_out(Rc::clone(&hub)));
    hub.spawn(compute::work_off(Rc::clone(&hub)));
    hub.spawn(obey(Rc::clone(&hub), inbox));
    // A shard may have deadlines of its own before the first byte arrives.
    hub.turn(hub.epoch(), |_| ());
    let ended = hub.ended().await;
    hub.cancel_tasks().await;
    journal::flush(&hub);
    Ok(ended)
}

/// Carries out commands in the order they came.
async fn obey<R: Runtime>(hub: Rc<Hub<R>>, inbox: Inbox<R::Bound>) {
    loop {
        match inbox.next(&hub.runtime).await {
            Command::Reconfigure { config, listeners } => {
                hub.reconfigure(config);
                for (listener, bound) in listeners {
                    if let Err(error) = accept::listen(&hub, listener, bound) {
                        hub.outlet.cannot_listen(listener, error);
                    }
                }
            }
            Command::Drain => hub.drain(),
            Command::Stop => hub.end(Ended::Stopped),
        }
    }
}
