//! Sluicegate on glommio: one executor and one io_uring per thread.
//!
//! This package is an adapter: it implements the traits of `sluicegate::pump` and nothing else. What the
//! balancer does is in `sluicegate`, what the program does is in `sluicegate-host`.

#![deny(unsafe_code)]

mod net;
mod runtime;

use std::io;
use std::net::TcpListener;
use std::process::ExitCode;

use sluicegate::pump::{Ended, Setup, run};
use sluicegate_host::{Clock, Program};

use crate::runtime::Glommio;

/// The program `sluicegate-glommio`.
struct OnGlommio;

impl Program for OnGlommio {
    const NAME: &'static str = "sluicegate-glommio";

    fn preflight() -> Result<(), String> {
        runtime::preflight()
            .map_err(|why| format!("io_uring cannot be used here ({why}); sluicegate-smol does the same without it"))
    }

    fn serve(setup: Setup<TcpListener>, clock: Clock) -> io::Result<Ended> {
        let executor = runtime::executor().map_err(io::Error::other)?;
        executor.run(run(Glommio::new(clock), setup))
    }
}

fn main() -> ExitCode {
    sluicegate_host::main::<OnGlommio>()
}
