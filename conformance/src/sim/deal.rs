//! Deals out requests, answers and clients: who asks for what, and how badly it is done.

use std::collections::VecDeque;

use sluicegate::config::ProtocolVersion;

use super::chance::Chance;
use super::client::{Pace, Plan, Step};
use super::net::{MICROS, MILLIS, SECONDS};
use super::reader::Framing;
use super::scenario::{Faults, Scenario};
use super::spec::{Course, Ender, Flow, Manner, Spec, stream};
use super::veil::Habits;

pub(super) fn spec(id: u64, scenario: Scenario, faults: &Faults, chance: &mut Chance) -> Spec {
    let course = match chance.below(12) {
        0 => Course::Redirect,
        1 => Course::Fixed,
        _ => Course::Group(chance.below(3) as usize),
    };
    let method = chance.pick(&["GET", "GET", "POST", "PUT", "HEAD", "PURGE"]);
    let http10 = chance.one_in(8);
    // A body of a GET costs both connections: other scenarios are about that.
    let has_body = matches!(method, "POST" | "PUT") || method == "PURGE" && chance.one_in(2);
    // What nobody wants is read for the connection's sake only up to a limit.
    let most = if let Course::Group(_) = course { faults.sizes.body } else { 30_000 };
    let body = if has_body { chance.size(most) } else { 0 };
    let framing = match chance.below(2) {
        _ if !has_body => Framing::None,
        0 if !http10 => Framing::Chunked,
        _ => Framing::Length(body),
    };
    let status = chance.pick(&[200, 200, 200, 404, 500, 204, 304]);
    let answer = chance.size(faults.sizes.body);
    let answer_framing = match chance.below(4) {
        _ if matches!(status, 204 | 304) => Framing::None,
        0 if method != "HEAD" => Framing::UntilClose,
        1 => Framing::Chunked,
        _ => Framing::Length(answer),
    };
    let mut spec = Spec {
        id,
        course,
        method,
        http10,
        close: chance.one_in(8),
        expects: has_body && !http10 && chance.one_in(4),
        framing,
        body,
        trailers: chance.one_in(3),
        status,
        answer_framing,
        answer,
        interims: if chance.one_in(6) { chance.between(1, 4) as u8 } else { 0 },
        think: chance.pick(&[0, 0, 100 * MICROS, 10 * MILLIS, SECONDS]),
        announces_close: chance.one_in(10),
        manner: manner(scenario, chance),
        call: false,
        errors: Vec::new(),
        may_be_cut: false,
        may_wait: false,
    };
    settle(&mut spec, faults);
    spec
}

fn manner(scenario: Scenario, chance: &mut Chance) -> Manner {
    match chance.below(40) {
        0..=2 => Manner::Early,
        _ if !scenario.bad_targets() => Manner::Proper,
        3 => Manner::EarlyClose,
        4 | 5 => Manner::Short,
        6 => Manner::ShortStall,
        7 => Manner::Long,
        8 => Manner::Garbage,
        9 => Manner::Oversized,
        10 => Manner::ResetFirst,
        11 | 12 => Manner::ResetMidway,
        13 => Manner::CloseFirst,
        14 => Manner::Silent,
        15 => Manner::Deaf,
        16 => Manner::BadChunks,
        _ => Manner::Proper,
    }
}

/// What may come of a request, given what everybody does with it.
fn settle(spec: &mut Spec, faults: &Faults) {
    let Course::Group(group) = spec.course else {
        spec.manner = Manner::Proper;
        return;
    };
    spec.errors = faults.of(group);
    match spec.manner {
        Manner::EarlyClose | Manner::Long => spec.announces_close = true,
        Manner::Short | Manner::ShortStall | Manner::ResetMidway | Manner::BadChunks => {
            spec.method = if spec.method == "HEAD" { "GET" } else { spec.method };
            spec.status = 200;
            spec.answer = spec.answer.max(2);
            spec.answer_framing = match (spec.manner, spec.answer_framing) {
                (Manner::BadChunks, _) | (_, Framing::Chunked) => Framing::Chunked,
                _ => Framing::Length(spec.answer),
            };
        }
        _ => {}
    }
    if spec.manner == Manner::Long {
        spec.answer_framing = if spec.has_answer_body() { Framing::Length(spec.answer) } else { spec.answer_framing };
    }
    let (errors, cut): (&[u16], bool) = match spec.manner {
        Manner::Proper | Manner::Early | Manner::Long => (&[], false),
        // What was read before the reset may be lost with it.
        Manner::EarlyClose => (&[502], spec.body > 0),
        Manner::Short | Manner::ResetMidway | Manner::BadChunks => (&[502], true),
        Manner::ShortStall => (&[504], true),
        Manner::Garbage | Manner::Oversized | Manner::ResetFirst | Manner::CloseFirst => (&[502], false),
        Manner::Silent => (&[504], false),
        Manner::Deaf => (&[504, 408], false),
    };
    spec.errors.extend_from_slice(errors);
    let rude = spec.answer_framing == Framing::UntilClose && faults.may_be_rude(group);
    if rude {
        // It may be known before anything of the answer was sent on.
        spec.errors.push(502);
    }
    spec.may_be_cut = cut || rude || faults.may_cut(group);
}

// ---- clients ------------------------------------------------------------------------------------------------------

pub(super) fn client(number: u64, scenario: Scenario, faults: &Faults, idle: u64, chance: &mut Chance) -> Plan {
    let piece = chance.pick(&[1, 20, 1_000, 100_000, 100_000]).max(faults.sizes.body as usize / 200);
    let gap = if chance.one_in(3) { chance.below(100 * MICROS) } else { 0 };
    let habits = habits(scenario, chance);
    let mut plan = Plan {
        steps: VecDeque::new(),
        specs: Vec::new(),
        pace: Pace { piece, gap },
        lenient: habits.finishes_after > 9 * SECONDS,
        // A byte a record, or a window of a few bytes.
        slow: scenario == Scenario::Gale || scenario.over_tls() && piece < 20,
        habits,
    };
    if chance.one_in(6) {
        plan.steps.push_back(Step::ReadSlowly(
            (chance.between(1, 5_000) as usize).max(faults.sizes.body as usize / 200),
            chance.below(200 * MICROS),
        ));
    }
    if scenario == Scenario::Tunnels || chance.one_in(15) {
        tunnel(&mut plan, number * 1000 + 1, faults, scenario, chance);
        return plan;
    }
    let requests = chance.between(1, if scenario == Scenario::Pipelines { 12 } else { 5 });
    let ahead = if scenario == Scenario::Pipelines { chance.between(2, 12) } else { chance.pick(&[1, 1, 1, 3]) };
    for nth in 0..requests {
        let mut spec = spec(number * 1000 + nth + 1, scenario, faults, chance);
        let mismatch = misfits(&mut spec, faults);
        if (mismatch || matches!(spec.course, Course::Redirect | Course::Fixed)) && spec.framing != Framing::None {
            // Whoever is answered here may be cut off while it still sends.
            spec.may_be_cut = true;
        }
        if (nth + 1) % ahead != 0 {
            spec.expects = false;
        }
        request(&mut plan, &spec, nth);
        plan.specs.push(spec);
        if (nth + 1) % ahead == 0 {
            plan.steps.push_back(Step::Answers(nth + 1));
            if chance.one_in(3) {
                plan.steps.push_back(Step::Pause(chance.below(100 * MILLIS)));
            }
        }
    }
    ending(&mut plan, requests, scenario, idle, chance);
    plan
}

/// Whether targets speak what a client of HTTP/1 does not: it is told so.
fn misfits(spec: &mut Spec, faults: &Faults) -> bool {
    let (Course::Group(group) | Course::Socket { group, .. }) = spec.course else { return false };
    let misfits = faults.version(group) != ProtocolVersion::Http1;
    if misfits {
        spec.errors.push(464);
    }
    misfits
}

/// How a client treats its TLS, if it speaks any.
pub(super) fn habits(scenario: Scenario, chance: &mut Chance) -> Habits {
    let late = scenario.bad_handshakes() && chance.one_in(4);
    let finishes_after =
        if late { chance.pick(&[SECONDS, 8 * SECONDS, 9_999 * MILLIS, 10_001 * MILLIS, 12 * SECONDS]) } else { 0 };
    Habits { rude: scenario.over_tls() && chance.one_in(6), finishes_after }
}

fn request(plan: &mut Plan, spec: &Spec, nth: u64) {
    let host = format!("h{nth}.example");
    plan.steps.push_back(Step::Begin(spec.id));
    let mut head = spec.head(&host);
    if spec.expects {
        plan.steps.push_back(Step::Send(head));
        plan.steps.push_back(Step::Continue);
        plan.steps.push_back(Step::Send(spec.framed_body()));
    } else {
        head.extend(spec.framed_body());
        plan.steps.push_back(Step::Send(head));
    }
}

fn ending(plan: &mut Plan, requests: u64, scenario: Scenario, idle: u64, chance: &mut Chance) {
    if scenario.bad_clients() && chance.one_in(2) {
        return misbehave(plan, requests, idle, chance);
    }
    match chance.below(5) {
        0 => {
            // The sending side closes right after the last request: the answers must still come.
            plan.steps.push_back(Step::Half);
            plan.steps.push_back(Step::Answers(requests));
        }
        1 => {
            plan.steps.push_back(Step::Answers(requests));
            plan.steps.push_back(Step::Half);
        }
        2 => plan.steps.push_back(Step::Answers(requests)),
        _ => {
            plan.steps.push_back(Step::Answers(requests));
            plan.steps.push_back(Step::Close);
        }
    }
}

fn misbehave(plan: &mut Plan, requests: u64, idle: u64, chance: &mut Chance) {
    let bad = |id: u64, errors: &[u16]| Spec {
        id,
        course: Course::Bad,
        method: "GET",
        http10: false,
        close: true,
        expects: false,
        framing: Framing::None,
        body: 0,
        trailers: false,
        status: 400,
        answer_framing: Framing::None,
        answer: 0,
        interims: 0,
        think: 0,
        announces_close: false,
        manner: Manner::Proper,
        call: false,
        errors: errors.to_vec(),
        may_be_cut: false,
        may_wait: false,
    };
    let last = plan.specs.last().map_or(900, |spec| spec.id) + 500;
    let send = |plan: &mut Plan, bytes: Vec<u8>, errors: &[u16]| {
        plan.steps.push_back(Step::Begin(last));
        plan.steps.push_back(Step::Send(bytes));
        plan.specs.push(bad(last, errors));
    };
    match chance.below(9) {
        0 => {
            plan.lenient = true;
            plan.steps.push_back(Step::Pause(chance.below(20 * MILLIS)));
            plan.steps.push_back(Step::Reset);
        }
        1 => {
            plan.lenient = true;
            // Leaves in the middle of whatever it was doing.
            plan.steps.truncate(chance.between(1, plan.steps.len() as u64) as usize);
            plan.steps.push_back(if chance.one_in(2) { Step::Reset } else { Step::Close });
        }
        2 => {
            plan.lenient = true;
            plan.steps.push_front(Step::ReadNothing);
            plan.steps.retain(|step| !matches!(step, Step::Answers(_) | Step::Continue));
            plan.steps.push_back(Step::Pause((3 * idle + 100) * SECONDS));
            plan.steps.push_back(Step::Reset);
        }
        3 => {
            let garbage: &[&[u8]] = &[
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nBad-Name : x\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
                b"GET\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
                b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n",
                b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
            ];
            let bytes = chance.pick(garbage).to_vec();
            send(plan, bytes, &[400, 405, 501, 505]);
        }
        4 => {
            let line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(17_000));
            send(plan, line.into_bytes(), &[414]);
        }
        5 => {
            let mut head = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
            while head.len() < 70_000 {
                head.extend(format!("X-{}: {}\r\n", head.len(), "v".repeat(1_000)).into_bytes());
            }
            head.extend_from_slice(b"\r\n");
            send(plan, head, &[400]);
        }
        6 => {
            // Begins a head and falls silent.
            send(plan, b"GET / HTTP/1.1\r\nHo".to_vec(), &[408]);
        }
        7 => {
            // Begins a body and falls silent, or closes its side.
            let head =
                format!("POST /g0/{last:x} HTTP/1.1\r\nHost: a\r\nX-Mark: {last:x}\r\nContent-Length: 100\r\n\r\n");
            let mut bytes = head.into_bytes();
            bytes.extend(stream(last, Flow::Up, 0, 50));
            plan.steps.push_back(Step::Begin(last));
            plan.steps.push_back(Step::Send(bytes));
            let half = chance.one_in(2);
            // Targets of that group may speak what this client does not.
            let mut spec = bad(last, if half { &[400, 464] } else { &[408, 464] });
            spec.course = Course::Group(0);
            spec.method = "POST";
            (spec.framing, spec.body) = (Framing::Length(100), 100);
            plan.specs.push(spec);
            if half {
                plan.steps.push_back(Step::Half);
            }
        }
        _ => {
            // Stays connected without a word; it is closed without one.
            plan.steps.push_back(Step::Answers(requests));
            plan.steps.push_back(Step::Gone);
        }
    }
}

fn tunnel(plan: &mut Plan, id: u64, faults: &Faults, scenario: Scenario, chance: &mut Chance) {
    let group = chance.below(3) as usize;
    let (up, down) = (chance.size(faults.sizes.body), chance.size(faults.sizes.body));
    let ender = chance.pick(&[Ender::Client, Ender::ClientHalf, Ender::Target]);
    let mut spec = spec(id, scenario, faults, chance);
    spec.course = Course::Socket { group, up, down, ender };
    (spec.method, spec.http10, spec.framing, spec.body) = ("GET", false, Framing::None, 0);
    (spec.status, spec.manner, spec.interims, spec.expects, spec.close) = (101, Manner::Proper, 0, false, false);
    // What a target cuts off looks cut off to the client, too.
    (spec.errors, spec.may_be_cut) = (faults.of(group), faults.may_be_rude(group));
    misfits(&mut spec, faults);
    let fair = spec.errors.is_empty();
    plan.lenient |= !fair;
    plan.steps.push_back(Step::Begin(id));
    plan.steps.push_back(Step::Send(spec.head("ws.example")));
    plan.steps.push_back(Step::Continue);
    plan.steps.push_back(Step::Send(stream(id, Flow::Up, 0, up)));
    match ender {
        Ender::Client => {
            plan.steps.push_back(Step::Socket);
            plan.steps.push_back(Step::Half);
        }
        Ender::ClientHalf => plan.steps.push_back(Step::Half),
        Ender::Target => {}
    }
    plan.specs.push(spec);
}
