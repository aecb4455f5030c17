//! Deals out clients and targets that speak HTTP/2.

use sluicegate::config::ProtocolVersion;

use super::origin::{Dialect, Flaw};
use super::talk::Manners;
use super::visit::{Ask, Credit, Ending, Fault, Visit};
use crate::sim::chance::Chance;
use crate::sim::client::Pace;
use crate::sim::deal::{habits, spec};
use crate::sim::net::{MICROS, MILLIS, SECONDS};
use crate::sim::reader::Framing;
use crate::sim::scenario::{Faults, Scenario};
use crate::sim::spec::{Course, Manner, Spec};

pub(in crate::sim) fn visit(number: u64, scenario: Scenario, faults: &Faults, idle: u64, chance: &mut Chance) -> Visit {
    let requests = chance.between(1, 8);
    let asks = (0..requests).map(|nth| ask(number * 1000 + nth + 1, scenario, faults, chance)).collect();
    let piece = chance.pick(&[200, 1_000, 100_000, 100_000]).max(faults.sizes.body as usize / 200);
    let credit = match chance.below(3) {
        0 => Credit::Late(chance.pick(&[100 * MICROS, 10 * MILLIS, 500 * MILLIS])),
        _ => Credit::AtOnce,
    };
    let mut visit = Visit {
        asks,
        at_once: chance.pick(&[1, 2, 5, 100]),
        manners: manners(credit, faults, chance),
        credit,
        pace: Pace { piece, gap: if chance.one_in(3) { chance.below(100 * MICROS) } else { 0 } },
        whims: chance.one_in(3),
        lenient: false,
        deaf_after: None,
        breaks_after: None,
        ending: chance.pick(&[Ending::Closes, Ending::Leaves, Ending::Stays]),
        habits: habits(scenario, chance),
    };
    if scenario.bad_clients() && chance.one_in(2) {
        misbehave(&mut visit, idle, chance);
    }
    visit
}

/// What costs a browser its connection, or may.
fn misbehave(visit: &mut Visit, idle: u64, chance: &mut Chance) {
    visit.lenient = true;
    match chance.below(6) {
        // Opened late as well, they would outlast the world.
        0 => (visit.manners.window, visit.credit) = (chance.below(64) as u32, Credit::AtOnce),
        1 => visit.credit = Credit::Late((2 * idle + 10) * SECONDS),
        2 => visit.ending = Ending::ResetsAt(chance.below(2 * SECONDS)),
        3 => {
            visit.deaf_after = Some(chance.below(SECONDS));
            visit.ending = Ending::ResetsAt((3 * idle + 100) * SECONDS);
        }
        _ => visit.breaks_after = Some(chance.below(SECONDS)),
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
    if let Course::Group(group) = spec.course {
        settle(&mut spec, group, faults, chance);
    }
    let after = if chance.one_in(3) { chance.below(100 * MILLIS) } else { 0 };
    let fault = if scenario.bad_clients() { fault(&mut spec, chance) } else { Fault::None };
    Ask { spec, after, fault }
}

fn fault(spec: &mut Spec, chance: &mut Chance) -> Fault {
    let fault = match chance.below(16) {
        0..=2 => Fault::Cancelled(chance.pick(&[0, MILLIS, 100 * MILLIS, SECONDS])),
        3 => Fault::Malformed,
        4 if spec.body > 1 => Fault::Stalls,
        5 if spec.body > 1 && matches!(spec.framing, Framing::Length(_)) => Fault::Lies,
        _ => Fault::None,
    };
    if matches!(fault, Fault::Stalls | Fault::Lies) {
        spec.errors.extend([400, 408]);
        spec.may_be_cut = true;
    }
    fault
}

/// What may come of a request, given what its target speaks and does.
fn settle(spec: &mut Spec, group: usize, faults: &Faults, chance: &mut Chance) {
    let version = faults.version(group);
    if version == ProtocolVersion::Http1 {
        return;
    }
    let is_post = version == ProtocolVersion::Grpc && !chance.one_in(8);
    if is_post {
        spec.method = "POST";
    }
    spec.call = spec.method == "POST" && chance.one_in(3);
    if version == ProtocolVersion::Grpc && spec.method != "POST" {
        (spec.errors, spec.may_be_cut) = (vec![464], false);
        return;
    }
    if spec.manner == Manner::Long && !spec.has_answer_body() {
        spec.manner = Manner::Proper;
    }
    if matches!(spec.manner, Manner::Short | Manner::Long) {
        // Without a length nobody could tell.
        spec.answer_framing = Framing::Length(spec.answer);
    }
    let (errors, cut): (&[u16], bool) = match spec.manner {
        Manner::Proper | Manner::Early | Manner::EarlyClose => (&[], false),
        Manner::Short | Manner::Long | Manner::ResetMidway | Manner::BadChunks => (&[502], true),
        Manner::ShortStall => (&[504], true),
        Manner::Garbage | Manner::Oversized | Manner::ResetFirst | Manner::CloseFirst => (&[502], false),
        Manner::Silent => (&[504], false),
        Manner::Deaf => (&[504, 408], false),
    };
    spec.errors = faults.of(group);
    spec.errors.extend_from_slice(errors);
    spec.may_be_cut = cut || faults.may_cut(group);
    spec.may_wait = faults.may_wait(group);
}

// ---- targets ------------------------------------------------------------------------------------------------------

/// What the targets of a group speak.
pub(in crate::sim) fn version(chance: &mut Chance) -> ProtocolVersion {
    chance.pick(&[ProtocolVersion::Http1, ProtocolVersion::Http2, ProtocolVersion::Http2, ProtocolVersion::Grpc])
}

/// How a target of that version speaks HTTP/2, if it does.
pub(in crate::sim) fn dialect(version: ProtocolVersion, bad: bool, body: u64, chance: &mut Chance) -> Option<Dialect> {
    if version == ProtocolVersion::Http1 {
        return None;
    }
    let flaw = match chance.below(9) {
        _ if !bad => Flaw::None,
        0 => Flaw::Mute,
        8 => Flaw::Unsettled,
        1 => Flaw::Resets(chance.between(1, 5)),
        2 => Flaw::Breaks(chance.between(1, 5)),
        3 | 4 => Flaw::GoesAway(chance.between(1, 5)),
        _ => Flaw::None,
    };
    let credits_after = chance.pick(&[0, 0, MILLIS, 300 * MILLIS]);
    let least = if credits_after > MILLIS { body as u32 / 4 } else { body as u32 / 50 };
    let manners = Manners {
        window: chance.pick(&[200, 1_000, 65_535, 1_000_000]).max(least),
        streams_max: chance.pick(&[None, None, Some(1), Some(2), Some(5), Some(100)]),
        table: chance.pick(&[None, None, Some(0), Some(100), Some(4096), Some(100_000)]),
        plain: chance.one_in(2),
        scatters: chance.one_in(4),
        pads: chance.one_in(4),
    };
    Some(Dialect { version, manners, credits_after, flaw })
}
