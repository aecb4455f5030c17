//! Every transcript that needs no virtual time, against the program on smol.

use std::path::Path;

use sluicegate_conformance::transcript::sockets;

#[test]
fn every_transcript_holds_over_real_sockets() {
    if let Err(failures) = sockets::run_all(Path::new(env!("CARGO_BIN_EXE_sluicegate-smol"))) {
        panic!("{failures}");
    }
}
