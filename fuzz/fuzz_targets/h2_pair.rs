//! A client and a server of HTTP/2 that both do what a script of verbs says stay in step; see the world that they live in.
#![no_main]

#[path = "../../core/tests/h2_support/world.rs"]
mod world;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| world::run(bytes));
