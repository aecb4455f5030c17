//! Every transcript, in memory: a test for each file.

use sluicegate_conformance::transcript::{Transcript, memory};

fn run(name: &str) {
    let played = Transcript::load(name).and_then(|transcript| memory::run(&transcript));
    if let Err(what) = played {
        panic!("{name}: {what}");
    }
}

mod keep_alive {
    #[test]
    fn pipelined_requests() {
        super::run("keep-alive/pipelined-requests");
    }
}
