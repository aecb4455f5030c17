//! Sluicegate on smol: its executor, one per thread, over a readiness reactor of the thread's own.
//!
//! This package is an adapter: it implements the traits of `sluicegate::pump` and nothing else. What the
//! balancer does is in `sluicegate`, what the program does is in `sluicegate-host`.

#![deny(unsafe_code)]

mod net;
mod reactor;
mod runtime;

use std::io;
use std::net::TcpListener;
use std::process::ExitCode;

use sluicegate::pump::{Ended, Setup, run};
use sluicegate_host::{Clock, Program};

use crate::runtime::Smol;

/// The program `sluicegate-smol`.
struct OnSmol;

impl Program for OnSmol {
    const NAME: &'static str = "sluicegate-smol";

    fn serve(setup: Setup<TcpListener>, clock: Clock) -> io::Result<Ended> {
        let smol = Smol::new(clock)?;
        smol.block_on(run(smol.clone(), setup))?
    }
}

fn main() -> ExitCode {
    sluicegate_host::main::<OnSmol>()
}
