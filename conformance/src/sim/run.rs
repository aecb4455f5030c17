//! Runs seeds, and tells how to replay the one that fails.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::chance::mix;
use super::scenario::{HORIZON, Scenario, world};
use super::world::World;

/// Lines of the transcript that a failure shows.
const LINES_SHOWN: usize = 80;

/// What a world came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Depends on everything that happened; equal for equal seeds.
    pub hash: u64,
    /// Depends on every byte on every wire.
    pub traffic: u64,
    /// TLS sessions that clients and targets opened with the balancer.
    pub sessions: u64,
    /// Of these, resumptions of earlier ones.
    pub resumed: u64,
    /// Answers of targets that clients got whole.
    pub answered: u64,
    /// Errors that the balancer answered with.
    pub refused: u64,
    /// Of these, those of targets whose TLS handshakes failed, and those of targets whose handshakes were late.
    pub unsecured: [u64; 2],
    /// Connections that were shed.
    pub shed: u64,
}

/// A seed that failed, and all that helps to understand it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The scenario.
    pub scenario: Scenario,
    /// What was wrong.
    pub what: String,
    /// The last events, oldest first, and what everybody was in the middle of.
    pub transcript: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, scenario, what, transcript } = self;
        let test = format!("{scenario:?}").to_lowercase();
        writeln!(f, "seed {seed} of scenario {scenario:?} failed: {what}\n{transcript}")?;
        write!(f, "replay: SEED={seed} cargo test -p sluicegate-conformance --test sim -- {test}")
    }
}

/// The world of one seed, from beginning to end.
///
/// # Errors
/// The first thing that a checker objected to, with a transcript.
pub fn run(seed: u64, scenario: Scenario) -> Result<Report, Box<Failure>> {
    let what = match attempt(seed, scenario, false) {
        Ok(report) => return Ok(report),
        Err((what, _)) => what,
    };
    // The same again, which is the same to the byte, only told this time.
    let transcript = match attempt(seed, scenario, true) {
        Ok(_) => "it did not fail again: the world is not deterministic".to_owned(),
        Err((_, transcript)) => transcript,
    };
    Err(Box::new(Failure { seed, scenario, what, transcript }))
}

fn attempt(seed: u64, scenario: Scenario, told: bool) -> Result<Report, (String, String)> {
    let mut world = world(seed, scenario);
    world.told = told.then(VecDeque::new);
    let result = catch_unwind(AssertUnwindSafe(|| {
        world.run(HORIZON)?;
        world.check_end()
    }));
    let what = match result {
        Ok(Ok(())) => return Ok(report(&world)),
        Ok(Err(what)) => what,
        Err(panic) => format!("panic: {}", message(&*panic)),
    };
    let mut transcript = world.told.take().unwrap_or_default().into_iter().collect::<Vec<_>>().join("\n");
    transcript += "\n";
    transcript += &world.situation();
    Err((what, transcript))
}

fn report(world: &World) -> Report {
    let refused = world.ledger.refused.values().sum();
    let (sessions, resumed) = world.net.sessions();
    let (hash, traffic) = (world.hash(), world.net.traffic);
    Report {
        hash,
        traffic,
        sessions,
        resumed,
        answered: world.ledger.answered,
        refused,
        unsecured: world.ledger.unsecured,
        shed: world.shed,
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}

/// The seeds to run: `SEED=…` runs that one, `SEEDS=n` runs n of them, otherwise `count`.
pub fn seeds(count: u64) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match (number("SEED"), number("SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(n)) => (0..n).map(|n| mix(n) >> 16).collect(),
        (None, None) => (0..count).map(|n| mix(n) >> 16).collect(),
    }
}

/// `LINES=n` shows more of what led to a failure.
pub(super) fn lines_shown() -> usize {
    std::env::var("LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(LINES_SHOWN)
}
