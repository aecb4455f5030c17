//! Random scripts for a client and a server: both stay in step whatever happens and however bytes are cut.
//! `SEED=n` runs that script alone, `SEEDS=n` so many.

#[path = "h2_support/world.rs"]
#[allow(unreachable_pub, reason = "the fuzzer uses it too")]
mod world;

/// A script: any bytes are one.
fn script(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let len = random.usize(20..3000);
    (0..len).map(|_| random.u8(..)).collect()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
fn both_sides_stay_in_step_whatever_happens() {
    if let Some(seed) = number("SEED") {
        return world::run(&script(seed));
    }
    for seed in 0..number("SEEDS").unwrap_or(100) {
        let run = std::panic::catch_unwind(|| world::run(&script(seed)));
        assert!(run.is_ok(), "SEED={seed} cargo test -p sluicegate --test h2_pair");
    }
}
