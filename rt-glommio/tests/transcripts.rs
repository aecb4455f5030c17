//! Every transcript that needs no virtual time, against the program on glommio; nothing where io_uring cannot be used.

use std::path::Path;
use std::process::Command;

use sluicegate_conformance::transcript::sockets;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sluicegate-glommio");

/// Whether io_uring cannot be used on this machine: the program then names the other one.
fn skip() -> bool {
    // An address that no machine has: binding it fails, after the runtime was tried.
    let probe = Command::new(PROGRAM).args(["run", "--listen", "192.0.2.1:1", "--target", "127.0.0.1:2"]).output();
    String::from_utf8_lossy(&probe.expect("the program starts").stderr).contains("sluicegate-smol")
}

#[test]
fn every_transcript_holds_over_real_sockets() {
    if skip() {
        return;
    }
    if let Err(failures) = sockets::run_all(Path::new(PROGRAM)) {
        panic!("{failures}");
    }
}
