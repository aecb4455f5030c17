//! What handshakes cost, and what they cost others, in the program on glommio: `cargo bench -p sluicegate-glommio --bench handshakes`. It
//! takes half a minute; `-- PROGRAM` measures that program instead.

#[path = "../../host/tests-support/handshakes.rs"]
mod handshakes;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sluicegate-glommio");

fn main() {
    handshakes::main();
}
