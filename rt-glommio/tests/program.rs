//! The program on glommio does what every program has to do, or says in one line that it cannot run here.

#[path = "../../host/tests-support/program.rs"]
mod every_program;

#[path = "../../host/tests-support/fleet.rs"]
mod fleet;

#[path = "../../host/tests-support/groups.rs"]
mod groups;

#[path = "../../host/tests-support/secure.rs"]
mod secure;

use std::sync::OnceLock;

use sluicegate_host::test_support::output;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sluicegate-glommio");

/// Whether io_uring cannot be used on this machine, and the program said so as it should.
fn skip() -> bool {
    static SKIP: OnceLock<bool> = OnceLock::new();
    *SKIP.get_or_init(|| {
        // An address that no machine has: binding it fails, after the runtime was tried.
        let probe = output(PROGRAM, &["run", "--listen", "192.0.2.1:1", "--target", "127.0.0.1:2"]);
        let err = String::from_utf8_lossy(&probe.stderr).into_owned();
        assert_eq!((probe.status.code(), err.lines().count()), (Some(1), 1), "{err}");
        err.contains("sluicegate-smol")
    })
}

#[test]
fn without_locked_memory_it_says_so_in_one_line_and_names_the_other_program() {
    let script = format!("ulimit -l 64 && exec {PROGRAM} demo --listen 127.0.0.1:0 --listen-https 127.0.0.1:0");
    let output = output("sh", &["-c", &script]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), err.lines().count()), (Some(1), 1), "{err}");
    assert!(err.contains("sluicegate-smol"), "{err}");
    assert_eq!(output.stdout, b"");
}
