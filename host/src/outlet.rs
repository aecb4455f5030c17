//! What a shard's thread hands to the others.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use sluicegate::config::Config;
use sluicegate::pump::Outlet;
use sluicegate::shard::{ListenerId, Log};

use crate::control::Event;
use crate::log::Lines;
use crate::printer::Notices;

/// One thread's way out.
pub(crate) struct ThreadOutlet {
    pub(crate) notices: Notices,
    pub(crate) shard: usize,
    /// The access log's.
    pub(crate) lines: Option<Lines>,
    /// The connection log's.
    pub(crate) connections: Option<Lines>,
    pub(crate) events: Sender<Event>,
}

impl Outlet for ThreadOutlet {
    fn journal(&self, log: Log, lines: &[u8]) {
        let file = match log {
            Log::Access => &self.lines,
            Log::Connection => &self.connections,
        };
        if let Some(file) = file {
            file.hand_over(lines);
        }
    }

    fn retired(&self, config: Arc<Config>) {
        // Without a receiver the program is about to end, and the configuration is dropped here.
        let _ = self.events.send(Event::Retired(config));
    }

    fn panicked(&self) {
        let shard = self.shard;
        self.notices.say(format_args!("shard {shard} failed; its connections are closed, and a fresh one serves on"));
    }

    fn cannot_listen(&self, listener: ListenerId, error: io::Error) {
        let (shard, port) = (self.shard, listener.0);
        self.notices.say(format_args!("shard {shard} cannot listen for port {port}: {error}"));
    }
}
