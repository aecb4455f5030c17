//! The program on smol does what every program has to do.

#[path = "../../host/tests-support/program.rs"]
mod every_program;

#[path = "../../host/tests-support/fleet.rs"]
mod fleet;

#[path = "../../host/tests-support/groups.rs"]
mod groups;

#[path = "../../host/tests-support/secure.rs"]
mod secure;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sluicegate-smol");

fn skip() -> bool {
    false
}
