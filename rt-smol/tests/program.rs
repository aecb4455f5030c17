//! The program on smol does what every program has to do.

const PROGRAM: &str = env!("CARGO_BIN_EXE_sluicegate-smol");

fn skip() -> bool {
    false
}

include!("../../host/tests-support/program.rs");
