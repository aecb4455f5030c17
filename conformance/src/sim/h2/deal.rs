//! Deals out clients that speak HTTP/2.

use super::browser::{Ask, Credit, Ending, Visit};
use super::talk::Manners;
use crate::sim::chance::Chance;
use crate::sim::client::Pace;
use crate::sim::deal::{habits, spec};
use crate::sim::net::{MICROS, MILLIS};
use crate::sim::scenario::{Faults, Scenario};

pub(in crate::sim) fn visit(number: u64, scenario: Scenario, faults: &Faults, chance: &mut Chance) -> Visit {
    let requests = chance.between(1, 12);
    let asks = (0..requests).map(|nth| ask(number * 1000 + nth + 1, scenario, faults, chance)).collect();
    let piece = chance.pick(&[20, 1_000, 100_000, 100_000]).max(faults.sizes.body as usize / 200);
    let credit = match chance.below(3) {
        0 => Credit::Late(chance.pick(&[100 * MICROS, 10 * MILLIS, 500 * MILLIS])),
        _ => Credit::AtOnce,
    };
    Visit {
        asks,
        at_once: chance.pick(&[1, 2, 5, 100]),
        manners: manners(credit, faults, chance),
        credit,
        pace: Pace { piece, gap: if chance.one_in(3) { chance.below(100 * MICROS) } else { 0 } },
        whims: chance.one_in(3),
        lenient: false,
        ending: chance.pick(&[Ending::Closes, Ending::Leaves, Ending::Stays]),
        habits: habits(scenario, chance),
    }
}

/// Windows that are small, but not so small that whoever has them is shown the door.
fn manners(credit: Credit, faults: &Faults, chance: &mut Chance) -> Manners {
    let least = if credit == Credit::Late(500 * MILLIS) { faults.sizes.body as u32 / 4 } else { 0 };
    Manners {
        window: chance.pick(&[200, 1_000, 16_384, 65_535, 1_000_000]).max(faults.sizes.body as u32 / 50).max(least),
        streams_max: None,
        table: chance.pick(&[None, None, Some(0), Some(100), Some(4096), Some(100_000)]),
        plain: chance.one_in(2),
        scatters: chance.one_in(4),
        pads: chance.one_in(4),
    }
}

fn ask(id: u64, scenario: Scenario, faults: &Faults, chance: &mut Chance) -> Ask {
    let mut spec = spec(id, scenario, faults, chance);
    (spec.http10, spec.close, spec.expects) = (false, false, false);
    let after = if chance.one_in(3) { chance.below(100 * MILLIS) } else { 0 };
    Ask { spec, after, cancelled_after: None }
}
