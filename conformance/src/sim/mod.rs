//! The simulator: one seed, one world. The whole balancer runs in virtual time, without threads, sockets or a clock,
//! between simulated clients and targets that do to it what real ones do, and worse. Checkers look at every byte.
//!
//! - `net` is TCP as a balancer meets it: windows, segments, delays, half-closes, resets.
//! - `world` and `socket` are the adapter, which obeys the boundary's contract and does nothing beyond it; `checks` has
//!   the checkers.
//! - `client` and `target` are the peers; each judges what it gets, with readers of its own (`reader`). Those that speak
//!   HTTP/2 are in `h2`. What the balancer says by itself is judged in `verdict`.
//! - `veil` is the TLS of a peer and `wiretap` what may be seen of it; `tls` and `secrecy` say where in a world there is
//!   any, `seeded` and `certificate` are its cryptography, `fumbler`s do not get through their handshakes.
//! - `spec` is what a request and its answer are, known to both ends; `scenario` and `deal` make them up.
//! - `hostile` is the world of request smuggling: an `attacker` sends any bytes (`attack`, `ingredients`) and reads its
//!   `answers`, a `witness` is a target that keeps all bytes it gets, and the readers of [`crate::readers`] judge them.
//! - [`run`] runs seeds and says how to replay the one that failed.
//! - [`script`] is for tests of single behaviours: they read as transcripts.

mod answers;
mod attack;
mod attacker;
mod certificate;
mod chance;
mod checks;
mod client;
mod comers;
mod deal;
mod fumbler;
mod h2;
mod hostile;
mod ingredients;
mod net;
mod reader;
mod run;
mod scenario;
pub mod script;
mod scripted;
mod secrecy;
mod seeded;
mod socket;
mod spec;
mod target;
mod tls;
mod veil;
mod verdict;
mod wiretap;
mod witness;
mod world;

pub use run::{Failure, Report, run, seeds};
pub use scenario::Scenario;
