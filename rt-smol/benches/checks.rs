//! What checks of a thousand targets cost requests, in the program on smol: `cargo bench -p sluicegate-smol --bench checks`. It
//! takes about two minutes and prints a line for each repetition; `-- PROGRAM` measures that program instead.

#[path = "../../host/tests-support/checks.rs"]
mod checks;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sluicegate-smol");

fn main() {
    checks::main();
}
