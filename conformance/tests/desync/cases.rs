//! Every case of `conformance/desync/cases.txt`, a test for each of its sections: through the classifier, through the door
//! to the targets, and through a whole load balancer, in every mode.

use sluicegate::desync::{Classification, Clearing, Mode, Reading, Reason, Refused, classify_head};
use sluicegate::http::FieldRoom;
use sluicegate::http::h1::head::{Scan, Scanner};

use super::balancer::{Happened, send};
use super::case::{Case, Outcome, Verdict, Wanted, all};
use super::http::answers;
use super::text::shown;

/// What the client sends behind each case: it is served if, and only if, the connection may go on.
const NEXT: &[u8] = b"GET /next HTTP/1.1\r\nHost: next\r\n\r\n";

/// Plays a section, and says all that does not hold.
fn play(section: &str) {
    let cases: Vec<Case> = all().into_iter().filter(|case| case.section == section).collect();
    assert!(cases.len() >= 5, "the section {section} is there");
    let faults: Vec<String> = cases.iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// The same for a section of a reason, which has cases on both sides of it.
fn play_reason(reason: Reason) {
    let of = |case: &Case| case.verdict.as_ref().is_some_and(|verdict| verdict.reason == Some(reason));
    let cases = all();
    let (with, without): (Vec<_>, Vec<_>) =
        cases.iter().filter(|case| case.section == reason.code()).partition(|c| of(c));
    assert!(with.len() >= 3 && !without.is_empty(), "{reason}: {} with it, {} without", with.len(), without.len());
    play(reason.code());
}

fn faults(case: &Case) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("cases.txt:{}: {what}", case.line));
    if let Err(what) = classified(case) {
        fault(what);
    }
    for (mode, outcome) in Mode::ALL.into_iter().zip(case.outcomes) {
        if let Err(what) = cleared(case, mode, outcome) {
            fault(format!("{mode}: {what}"));
        }
        if case.head_only {
            continue;
        }
        let sent = [&case.bytes[..], NEXT].concat();
        let happened = send(&sent, usize::MAX, mode);
        if let Err(what) = held(case, outcome, &happened) {
            fault(format!("{mode}: {what}"));
        }
        if case.bytes.len() < 1000 && outcome != Outcome::Cut && send(&sent, 1, mode) != happened {
            fault(format!("{mode}: not the same in pieces"));
        }
    }
    faults
}

/// The classifier of whole heads.
fn classified(case: &Case) -> Result<(), String> {
    let found = match classify_head(&case.bytes) {
        Ok(None) => return Err("is not a whole head".to_owned()),
        Ok(Some(classification)) => Some(verdict(&classification)),
        Err(_) => None,
    };
    if found == case.verdict { Ok(()) } else { Err(format!("is {}", told(&found))) }
}

fn verdict(classification: &Classification<'_>) -> Verdict {
    let (tier, reason) = (classification.tier(), classification.reason());
    Verdict { tier, reason, header: classification.header().map(<[u8]>::to_vec) }
}

fn told(verdict: &Option<Verdict>) -> String {
    verdict.as_ref().map_or("over a limit".to_owned(), Verdict::to_string)
}

/// The door to the targets.
fn cleared(case: &Case, mode: Mode, outcome: Outcome) -> Result<(), String> {
    let (mut mended, mut room) = (Vec::new(), FieldRoom::default());
    let (len, regular) = match Scanner::request().scan(&case.bytes) {
        Ok(Scan::Head { len, regular }) => (len, regular),
        Ok(Scan::More) => return Err("is not a whole head".to_owned()),
        Err(refusal) => return same(Outcome::Status(refusal.status()), outcome),
    };
    let reading = Reading::of(&case.bytes[..len], regular, &mut mended, &mut room);
    let found = verdict(&reading.classification());
    if Some(&found) != case.verdict.as_ref() {
        return Err(format!("is read as {found}"));
    }
    match reading.clear(&Clearing { mode, preserve_host: false }) {
        Err(refused) => {
            if let Refused::Desync(reason) = refused
                && Some(reason) != found.reason
            {
                return Err(format!("refused because of {reason}"));
            }
            same(Outcome::Status(refused.status()), outcome)
        }
        Ok(cleared) if cleared.is_last() => same(Outcome::Both, outcome),
        // An old client's connection ends by itself.
        Ok(cleared) if cleared.is_last_for_target() && cleared.keep_alive() => same(Outcome::Target, outcome),
        Ok(cleared) if cleared.is_last_for_target() => same(Outcome::Both, outcome),
        Ok(_) if matches!(outcome, Outcome::Kept | Outcome::Ends | Outcome::Cut) => Ok(()),
        Ok(_) => Err("is let through".to_owned()),
    }
}

fn same(found: Outcome, wanted: Outcome) -> Result<(), String> {
    let cut = wanted == Outcome::Cut && matches!(found, Outcome::Both | Outcome::Target);
    if found == wanted || cut { Ok(()) } else { Err(format!("at the door: {found:?}")) }
}

/// The whole load balancer.
fn held(case: &Case, outcome: Outcome, happened: &Happened) -> Result<(), String> {
    let found = outcome_of(happened).ok_or_else(|| format!("{happened:?}"))?;
    if found != outcome {
        return Err(format!("{found:?}: {happened:?}"));
    }
    if matches!(outcome, Outcome::Kept | Outcome::Ends | Outcome::Target | Outcome::Both) {
        let request = &happened.targets[0].requests[0];
        for wanted in &case.wanted {
            let holds = match wanted {
                Wanted::Line(line) => request.line == *line,
                Wanted::Field(name, value) => request.all(name).eq([&value[..]]),
                Wanted::No(name) => request.all(name).next().is_none(),
                Wanted::Body(body) => request.body == *body,
            };
            if !holds {
                return Err(format!("not so: {wanted:?}: {request:?}"));
            }
        }
    }
    logged(case, happened)?;
    counted(case, happened)
}

/// What happened, if it is one of the things that may.
fn outcome_of(happened: &Happened) -> Option<Outcome> {
    let Happened { answers: bytes, client_is_closed, targets, .. } = happened;
    let (statuses, is_last) = answers(bytes);
    let requests: Vec<_> = targets.iter().flat_map(|target| &target.requests).collect();
    let is_next = |line: &[u8]| line == b"GET /next HTTP/1.1";
    let connection = |at: usize| requests[at].all(b"connection").collect::<Vec<_>>();
    let in_order = *client_is_closed == is_last && targets.iter().all(|target| target.rest.is_empty());
    match (&statuses[..], requests.len(), client_is_closed) {
        ([200, 200], 2, false) if in_order && is_next(&requests[1].line) && !targets.iter().any(|t| t.is_closed) => {
            (connection(0).is_empty() && connection(1).is_empty()).then_some(Outcome::Kept)
        }
        ([200, 200], 2, false) if in_order && is_next(&requests[1].line) && targets[0].is_closed => {
            let rest_stays = !targets[1..].iter().any(|target| target.is_closed);
            let told = connection(0) == [b"close"] && connection(1).is_empty();
            (targets.len() == 2 && rest_stays && told).then_some(Outcome::Target)
        }
        ([200], 1, true) if in_order && !targets[0].is_closed => connection(0).is_empty().then_some(Outcome::Ends),
        ([200], 1, true) if in_order => (connection(0) == [b"close"]).then_some(Outcome::Both),
        ([400], 0, true) if is_last && !targets.is_empty() => {
            targets.iter().all(|target| target.is_closed).then_some(Outcome::Cut)
        }
        (&[status], 0, true) if is_last && targets.is_empty() => Some(Outcome::Status(status)),
        _ => None,
    }
}

/// The last two fields of the access log (guide DSY-07).
fn logged(case: &Case, happened: &Happened) -> Result<(), String> {
    let wanted = match &case.verdict {
        Some(Verdict { tier, reason: Some(reason), .. }) => format!("\"{tier}\" \"{reason}\""),
        _ => "\"-\" \"-\"".to_owned(),
    };
    if happened.logged == wanted { Ok(()) } else { Err(format!("the log has {}", happened.logged)) }
}

/// The counter of CloudWatch (guide DSY-06), in every mode.
fn counted(case: &Case, happened: &Happened) -> Result<(), String> {
    let wanted = u64::from(case.verdict.as_ref().is_some_and(|verdict| verdict.reason.is_some()));
    if happened.counted == wanted { Ok(()) } else { Err(format!("{} are counted", happened.counted)) }
}

#[test]
fn compliant_requests_are_routed_in_every_mode() {
    play("Compliant");
}

#[test]
fn controls_in_a_uri_are_ambiguous() {
    play_reason(Reason::AmbiguousUri);
}

#[test]
fn a_bad_content_length_is_severe() {
    play_reason(Reason::BadContentLength);
}

#[test]
fn nul_and_carriage_return_in_a_field_are_severe() {
    play_reason(Reason::BadHeader);
}

#[test]
fn a_bad_transfer_encoding_is_severe() {
    play_reason(Reason::BadTransferEncoding);
}

#[test]
fn nul_and_carriage_return_in_a_uri_are_severe() {
    play_reason(Reason::BadUri);
}

#[test]
fn a_method_that_is_no_token_is_severe() {
    play_reason(Reason::BadMethod);
}

#[test]
fn a_version_that_is_none_is_severe() {
    play_reason(Reason::BadVersion);
}

#[test]
fn a_coding_beside_a_length_is_ambiguous() {
    play_reason(Reason::BothTeClPresent);
}

#[test]
fn the_same_length_twice_is_ambiguous() {
    play_reason(Reason::DuplicateContentLength);
}

#[test]
fn lines_without_a_field_of_their_own_are_ambiguous() {
    play_reason(Reason::EmptyHeader);
}

#[test]
fn a_length_of_zero_where_no_body_is_expected_is_acceptable() {
    play_reason(Reason::GetHeadZeroContentLength);
}

#[test]
fn differing_lengths_are_severe() {
    play_reason(Reason::MultipleContentLength);
}

#[test]
fn chunked_twice_is_severe() {
    play_reason(Reason::MultipleTransferEncodingChunked);
}

#[test]
fn odd_characters_in_a_field_are_acceptable() {
    play_reason(Reason::NonCompliantHeader);
}

#[test]
fn odd_versions_are_acceptable() {
    play_reason(Reason::NonCompliantVersion);
}

#[test]
fn spaces_in_a_uri_are_acceptable() {
    play_reason(Reason::SpaceInUri);
}

#[test]
fn names_that_can_be_taken_for_framing_ones_are_ambiguous() {
    play_reason(Reason::SuspiciousHeader);
}

#[test]
fn a_body_where_none_is_expected_is_ambiguous() {
    play_reason(Reason::UndefinedContentLengthSemantics);
}

#[test]
fn chunks_where_none_are_expected_are_ambiguous() {
    play_reason(Reason::UndefinedTransferEncodingSemantics);
}

#[test]
fn the_first_reason_of_the_highest_tier_is_told() {
    play("Precedence");
}

#[test]
fn nothing_is_smuggled() {
    play("Smuggling");
}

#[test]
fn heads_over_a_limit_are_not_classified() {
    play("Limits");
}

#[test]
fn every_section_is_played_and_every_reason_has_one() {
    let others = ["Compliant", "Precedence", "Smuggling", "Limits"];
    for case in all() {
        let section = case.section.as_str();
        let known = others.contains(&section) || Reason::ALL.iter().any(|reason| reason.code() == section);
        assert!(known, "cases.txt:{}: no test plays the section {section}", case.line);
    }
    for reason in Reason::ALL {
        assert!(all().iter().any(|case| case.section == reason.code()), "{reason} has no section");
    }
}

/// Guide DSY-03 to DSY-05, over every case that is routed or refused for its tier.
#[test]
fn the_modes_do_what_the_matrix_says() {
    for case in all() {
        let Some(Verdict { reason: Some(reason), .. }) = case.verdict else { continue };
        let [monitor, defensive, strictest] = case.outcomes;
        let place = format!("cases.txt:{}: {reason} {:?} {}", case.line, case.outcomes, shown(&case.bytes));
        let refused = |outcome| matches!(outcome, Outcome::Status(_));
        let routed = |outcome| matches!(outcome, Outcome::Kept | Outcome::Ends | Outcome::Both);
        assert!(refused(strictest), "{place}");
        if reason.tier() == sluicegate::desync::Tier::Severe {
            assert!(refused(defensive), "{place}");
        } else if !refused(monitor) {
            assert!(strictest == Outcome::Status(400), "{place}");
            let closes = reason.tier() == sluicegate::desync::Tier::Ambiguous;
            assert!(!closes || matches!(defensive, Outcome::Both | Outcome::Cut), "{place}");
            assert!(closes || routed(defensive), "{place}");
        }
    }
}
