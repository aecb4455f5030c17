//! Sluicegate is an application (layer 7) load balancer as a **pure, sans-IO core**: it parses HTTP, evaluates listener
//! rules, picks targets, relays bodies and keeps every timer, and it has no socket, no clock, no thread and no file.
//! Something outside carries bytes for it: a runtime adapter, your own server, a simulator, a fuzzer.
//!
//! # The contract
//!
//! **Verbs go in, effects come out, bytes are lent, time is given.** A [`Shard`](shard::Shard) is one thread's load balancer.
//! Every contact with it is a [`Turn`](shard::Turn), which begins with the time:
//!
//! 1. Say what happened: `accepted`, `dialed`, or on a connection ([`Wire`](shard::Wire)) `filled`, `ended`, `sent`, `lost`.
//! 2. Take the [`Effect`](shard::Effect)s, [`finish`](shard::Turn::finish) the turn, and only then act on them.
//! 3. Come back when a socket is ready, when an effect was carried out, or when the deadline that `finish` told is there.
//!
//! ```
//! use std::sync::Arc;
//! use sluicegate::config::Config;
//! use sluicegate::shard::{Effect, Endpoints, ListenerId, Options, Shard};
//! use sluicegate::time::{Mono, Now, Wall};
//!
//! let target = "127.0.0.1:9001".parse().unwrap();
//! let config = Arc::new(Config::forwarding(80, &[target]));
//! let mut shard = Shard::new(config, Options::default(), 1);
//! let now = Now { mono: Mono::from_nanos(0), wall: Wall::from_micros(1_700_000_000_000_000) };
//! let ends = Endpoints { peer: "192.0.2.1:4711".parse().unwrap(), local: "127.0.0.1:80".parse().unwrap() };
//!
//! // A client connects and sends a request; the shard wants a connection to the target.
//! let mut turn = shard.turn(now);
//! let client = turn.accepted(ListenerId(80), ends).unwrap();
//! turn.wire(client).unwrap().offer(b"GET /hello HTTP/1.1\r\nHost: example.com\r\n\r\n");
//! let Some(Effect::Dial { wire: target, .. }) = turn.next_effect() else { panic!() };
//! let _deadline = turn.finish();
//!
//! // The connection is there; what is pending goes to the target, and its answer to the client.
//! let mut turn = shard.turn(now);
//! turn.dialed(target, Ok(ends));
//! let mut wire = turn.wire(target).unwrap();
//! assert!(wire.pending().starts_with(b"GET /hello HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n"));
//! let all = wire.pending().len();
//! wire.sent(all);
//! wire.offer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
//! assert!(turn.wire(client).unwrap().pending().starts_with(b"HTTP/1.1 200 OK\r\n"));
//! # let _ = turn.finish();
//! ```
//!
//! # The modules, in the order that bytes meet them
//!
//! * [`time`], [`key`], [`buffer`], [`options`]: clocks as values; ids that cannot be stale; every byte under a ceiling; what a
//!   shard is allowed.
//! * [`config`]: what an operator said, cross-checked and immutable; its `template` reads CloudFormation files.
//! * [`tls`]: security policies, certificates by name, client certificates, and sessions that are bytes in and bytes out.
//! * [`shard`]: connections, timers, the pool of target connections, and the turn.
//! * [`http`]: heads as fields over borrowed bytes; the bytes of HTTP/1.
//! * [`desync`]: the only door to a target; it classifies requests, and mints [`Cleared`](desync::Cleared) heads or refuses.
//! * [`rules`]: which action a request takes, and why.
//! * [`target`]: who of a group is healthy, who may get requests, whose turn it is.
//! * [`sticky`]: cookies that bring a client back to its group and target.
//! * [`exchange`]: the hinge where a client's and a target's connection meet.
//! * [`observe`]: access-log lines, and a cause for everything that goes wrong.
//!
//! # Features
//!
//! With no default features there are only `http`, `desync` and `rules`: a parser and a rule engine for your own server.
//! `tls` adds policies, certificates and sessions without any cryptography, `aws-lc` the cryptography; `config` adds the model,
//! `template` its reader, `shard` the load balancer, `pump` the loop that runtime adapters share, `cli` the programs' flags.

#![forbid(unsafe_code)]

pub mod time;

#[cfg(feature = "shard")]
pub mod buffer;
#[cfg(feature = "shard")]
pub mod key;
#[cfg(feature = "shard")]
pub mod options;

#[cfg(feature = "tls")]
pub mod tls;

#[cfg(feature = "config")]
pub mod config;

#[cfg(feature = "shard")]
pub mod shard;

pub mod http;

pub mod desync;
pub mod rules;

#[cfg(feature = "config")]
pub mod target;

#[cfg(feature = "shard")]
pub mod sticky;

#[cfg(feature = "shard")]
pub mod exchange;

#[cfg(feature = "config")]
pub mod observe;

#[cfg(feature = "pump")]
pub mod pump;

#[cfg(feature = "cli")]
pub mod cli;
