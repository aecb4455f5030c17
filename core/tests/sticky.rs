//! Sessions by the load balancer's own cookie (guide STK-05 to STK-11, STK-15, STK-20, STK-21, ALG-06, CONN-15), through a whole
//! shard, in virtual time.

mod sticky_support;

use std::sync::Arc;

use sluicegate::sticky::Secret;
use sluicegate::target::Algorithm;
use sticky_support::*;

fn cookies_of(world: &mut World) -> (String, u8) {
    let first = world.get("");
    (first.pair("AWSALB"), first.last())
}

#[test]
fn awsalb_is_issued_with_the_first_response_and_brings_the_client_back_to_its_target() {
    let mut world = World::new(three(60));
    let (cookie, target) = cookies_of(&mut world);
    for _ in 0..5 {
        assert_eq!(world.get_with(&cookie).last(), target);
    }
    let mut without: Vec<u8> = (0..3).map(|_| world.get("").last()).collect();
    without.sort_unstable();
    assert_eq!(without, [1, 2, 3], "without it all have their turn");
}

#[test]
fn both_cookies_have_the_same_128_characters_seven_days_and_no_further_attributes() {
    let mut world = World::new(three(60));
    world.now = 1_727_999_999;
    let response = world.get("");
    let value = response.cookie("AWSALB").unwrap();
    assert!(value.len() == 128 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte)));
    let date = "Thu, 10 Oct 2024 23:59:59 GMT";
    let plain = format!("AWSALB={value}; Expires={date}; Path=/");
    let cors = format!("AWSALBCORS={value}; Expires={date}; Path=/; SameSite=None");
    assert_eq!(response.set_cookies(), [plain, cors]);
}

#[test]
fn expiry_is_told_by_expires_and_never_by_max_age() {
    let response = World::new(three(60)).get("");
    for cookie in response.set_cookies() {
        assert!(cookie.contains("; Expires=") && !cookie.to_ascii_lowercase().contains("max-age"), "{cookie}");
    }
    assert_eq!(response.set_cookies().len(), 2);
}

#[test]
fn a_cookie_serves_through_the_last_second_of_the_duration_and_not_one_longer() {
    let mut world = World::new(three(60));
    let (cookie, target) = cookies_of(&mut world);
    world.now += 60;
    for _ in 0..4 {
        assert_eq!(world.get_with(&cookie).last(), target);
    }
    world.now += 1;
    let targets: Vec<u8> = (0..3).map(|_| world.get_with(&cookie).last()).collect();
    assert_eq!(targets.iter().collect::<std::collections::BTreeSet<_>>().len(), 3, "{targets:?}");
}

#[test]
fn a_session_of_seven_days_lasts_seven_days() {
    for second_of_day in [0, DAY - 1] {
        let mut world = World::new(three(7 * DAY));
        world.now += second_of_day;
        let (cookie, target) = cookies_of(&mut world);
        world.now += 7 * DAY;
        for _ in 0..4 {
            assert_eq!(world.get_with(&cookie).last(), target);
        }
        world.now += 1;
        let before = world.not_sticky();
        world.get_with(&cookie);
        assert_eq!(world.not_sticky(), before + 1);
    }
}

#[test]
fn every_response_renews_the_cookie_and_with_it_the_session() {
    let mut world = World::new(three(60));
    let (mut cookie, target) = cookies_of(&mut world);
    let mut dates = Vec::new();
    for _ in 0..5 {
        world.now += 50;
        let response = world.get_with(&cookie);
        assert_eq!(response.last(), target);
        cookie = response.pair("AWSALB");
        let expires = response.set_cookies()[0].split("; ").nth(1).unwrap().to_owned();
        assert!(!dates.contains(&expires), "{expires}");
        dates.push(expires);
    }
}

#[test]
fn a_targets_errors_renew_it_too() {
    let mut world = World::new(three(60));
    for status in [200, 204, 304, 400, 404, 429, 500, 503] {
        let length = if status == 204 || status == 304 { "" } else { "Content-Length: 0\r\n" };
        let response = world.ask(80, "", &format!("HTTP/1.1 {status} X\r\n{length}\r\n"));
        assert!(response.response.starts_with(&format!("HTTP/1.1 {status} X\r\n")), "{}", response.response);
        assert_eq!(response.set_cookies().len(), 2, "{status}");
    }
}

#[test]
fn what_the_balancer_answers_itself_has_no_cookies() {
    let mut world = World::new(three(60));
    let garbled = world.ask(80, "", "garbage\r\n\r\n");
    assert!(garbled.response.starts_with("HTTP/1.1 502 "), "{}", garbled.response);
    assert_eq!(garbled.set_cookies(), [""; 0]);
    let mut empty = World::new(config(&[Group { targets: 0, weight: 1, stickiness: lb_cookie(60) }], Some(60)));
    let nobody = empty.get("");
    assert!(nobody.response.starts_with("HTTP/1.1 503 "), "{}", nobody.response);
    assert_eq!(nobody.set_cookies(), [""; 0]);
}

#[test]
fn interim_answers_have_no_cookies_and_the_final_one_has() {
    let mut world = World::new(three(60));
    let both = world.ask(80, "", &format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{OK}"));
    let (interim, last) = both.response.split_once("\r\n\r\n").unwrap();
    assert_eq!(interim, "HTTP/1.1 103 Early Hints\r\nLink: x");
    assert_eq!(last.matches("Set-Cookie: AWSALB").count(), 2);
}

#[test]
fn cookies_stand_behind_date_type_and_length_and_before_the_targets_other_fields() {
    let mut world = World::new(three(60));
    let answer = "HTTP/1.1 200 OK\r\nServer: t\r\nContent-Length: 2\r\nX-A: 1\r\nSet-Cookie: own=1\r\nContent-Type: text/plain\r\nX-B: 2\r\nDate: d\r\n\r\nhi";
    let response = world.ask(80, "", answer);
    let names: Vec<String> = response.lines().iter().map(|line| line.split("=").next().unwrap().to_owned()).collect();
    let expected = [
        "Content-Length: 2",
        "Content-Type: text/plain",
        "Date: d",
        "Set-Cookie: AWSALB",
        "Set-Cookie: AWSALBCORS",
        "Server: t",
        "X-A: 1",
        "Set-Cookie: own",
        "X-B: 2",
        "Connection: keep-alive",
    ];
    assert_eq!(names, expected);
    assert!(response.response.ends_with("\r\n\r\nhi"));
    let plain = World::new(config(&[Group { targets: 1, weight: 1, stickiness: None }], None)).ask(80, "", answer);
    let unchanged = answer.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(plain.response, unchanged, "without cookies nothing moves");
}

#[test]
fn the_twin_alone_does_as_well() {
    let mut world = World::new(three(60));
    let first = world.get("");
    for _ in 0..4 {
        assert_eq!(world.get_with(&first.pair("AWSALBCORS")).last(), first.last());
    }
}

#[test]
fn the_first_four_of_several_cookies_are_tried() {
    let mut world = World::new(three(60));
    let (cookie, target) = cookies_of(&mut world);
    let junk = format!("AWSALB={}; ", "A".repeat(128));
    for _ in 0..4 {
        assert_eq!(world.get_with(&(junk.repeat(3) + &cookie)).last(), target);
    }
    let before = world.not_sticky();
    world.get_with(&(junk.repeat(4) + &cookie));
    assert_eq!(world.not_sticky(), before + 1);
}

#[test]
fn cookies_reach_the_target_untouched() {
    let mut world = World::new(three(60));
    let (cookie, _) = cookies_of(&mut world);
    let line = format!("Cookie: a=b; {cookie};c=\"d; e\"\r\n");
    assert!(world.get(&line).forwarded.contains(&line));
}

#[test]
fn an_undecodable_cookie_gets_a_new_target_and_a_new_cookie() {
    let mut world = World::new(three(60));
    let (cookie, _) = cookies_of(&mut world);
    let value = cookie.strip_prefix("AWSALB=").unwrap();
    let encoded = value.replace('+', "%2B").replace('/', "%2F") + "%3D";
    let mut bad =
        vec!["AWSALB=".to_owned(), "AWSALB=x".to_owned(), format!("AWSALB=\"{value}\""), format!("AWSALB={encoded}")];
    bad.push(format!("AWSALB={}", &value[..124]));
    bad.push(format!("AWSALB={value}AAAA"));
    for place in 0..128 {
        let other = if value.as_bytes()[place] == b'A' { "B" } else { "A" };
        bad.push(format!("AWSALB={}{other}{}", &value[..place], &value[place + 1..]));
    }
    for cookie in bad {
        let before = world.not_sticky();
        let response = world.get_with(&cookie);
        assert_eq!(world.not_sticky(), before + 1, "{cookie}");
        let renewed = response.pair("AWSALB");
        assert_eq!(world.get_with(&renewed).last(), response.last());
    }
}

#[test]
fn a_cookie_for_a_target_that_is_unhealthy_gets_another_one_and_stays_there() {
    let mut world = World::new(three(60));
    let (cookie, target) = cookies_of(&mut world);
    world.set_healthy(0, target.into(), false);
    let moved = world.get_with(&cookie);
    assert_ne!(moved.last(), target);
    world.set_healthy(0, target.into(), true);
    for _ in 0..4 {
        assert_eq!(world.get_with(&moved.pair("AWSALB")).last(), moved.last(), "also when the old one is back");
    }
}

#[test]
fn while_all_are_unhealthy_sessions_stay_where_they_are() {
    let mut world = World::new(three(60));
    let (cookie, target) = cookies_of(&mut world);
    for target in 1..=3 {
        world.set_healthy(0, target, false);
    }
    for _ in 0..4 {
        assert_eq!(world.get_with(&cookie).last(), target);
    }
}

#[test]
fn a_cookie_for_a_target_that_was_deregistered_gets_another_one() {
    let mut world = World::new(three(60));
    let (cookie, target) = cookies_of(&mut world);
    let mut fewer = three(60);
    fewer.groups[0].targets.remove(usize::from(target) - 1);
    let stayed = fewer.groups[0].targets[1].address;
    let second = loop {
        let response = world.get("");
        if response.target == Some(stayed) {
            break response.pair("AWSALB");
        }
    };
    world.reconfigure(fewer);
    let before = world.not_sticky();
    assert_ne!(world.get_with(&cookie).last(), target);
    assert_eq!(world.not_sticky(), before + 1);
    for _ in 0..4 {
        assert_eq!(world.get_with(&second).target, Some(stayed), "it is found at its new place");
    }
    assert_eq!(world.not_sticky(), before + 1);
}

#[test]
fn a_cookie_for_a_target_of_another_zone_is_not_honoured() {
    let mut config = three(60);
    config.groups[0].attributes.cross_zone = false;
    for (target, zone) in config.groups[0].targets.iter_mut().zip(["a", "b", "a"]) {
        target.zone = Some(zone.to_owned());
    }
    let config = Arc::new(config);
    let in_zone = |zone: &str| World::in_zone(Arc::clone(&config), zone);
    let (cookie, target) = cookies_of(&mut in_zone("b"));
    assert_eq!(target, 2);
    let mut here = in_zone("a");
    assert_ne!(here.get_with(&cookie).last(), target);
    assert_eq!(here.not_sticky(), 1);
}

#[test]
fn a_cookie_of_one_group_says_nothing_to_another() {
    let group = || Group { targets: 3, weight: 1, stickiness: lb_cookie(60) };
    let mut config = config(&[group(), group()], None);
    // The same targets in both.
    for at in 0..3 {
        config.groups[1].targets[at].address = config.groups[0].targets[at].address;
    }
    let mut world = World::new(config);
    let first = world.ask(8000, "", OK);
    let cookie = format!("Cookie: {}\r\n", first.pair("AWSALB"));
    world.ask(8000, &cookie, OK);
    assert_eq!(world.not_sticky(), 1);
    world.ask(8001, &cookie, OK);
    assert_eq!(world.not_sticky(), 2);
}

#[test]
fn shards_with_the_same_secret_honour_each_others_cookies_and_others_do_not() {
    let secret = |byte| Some(Secret::new([byte; 32]));
    let honours = |issuer: (Option<Secret>, u64), reader: (Option<Secret>, u64)| {
        let (cookie, target) = cookies_of(&mut World::with_secret(three(60), issuer.0, issuer.1));
        let mut reader = World::with_secret(three(60), reader.0, reader.1);
        reader.get("");
        reader.get("");
        let same = reader.get_with(&cookie).last() == target;
        assert_eq!(same, reader.not_sticky() == 2);
        same
    };
    assert!(honours((secret(1), 1), (secret(1), 2)));
    assert!(!honours((secret(1), 1), (secret(2), 1)));
    assert!(honours((None, 7), (None, 7)));
    assert!(!honours((None, 7), (None, 8)));
    assert!(!honours((None, 7), (secret(1), 7)));
}

#[test]
fn values_never_repeat_and_change_their_key_with_the_day() {
    let mut world = World::new(three(60));
    let (one, _) = cookies_of(&mut world);
    let (two, _) = cookies_of(&mut world);
    assert_ne!(one, two, "even for the same target in the same second");
    assert_eq!(one[..8], two[..8], "the key number stands in clear");
    // A character holds six of its eight bits.
    world.now += 4 * DAY;
    assert_ne!(cookies_of(&mut world).0[..8], one[..8]);
}

#[test]
fn requests_that_could_not_use_a_session_are_counted() {
    let mut world = World::new(three(60));
    let (cookie, _) = cookies_of(&mut world);
    assert_eq!(world.not_sticky(), 1, "the first request of a client");
    world.get_with(&cookie);
    assert_eq!(world.not_sticky(), 1);
    world.get_with("AWSALB=malformed");
    assert_eq!(world.not_sticky(), 2);
    world.now += 61;
    world.get_with(&cookie);
    assert_eq!(world.not_sticky(), 3, "expired");
    let mut without = World::new(config(&[Group { targets: 3, weight: 1, stickiness: None }], None));
    without.get_with(&cookie);
    assert_eq!(without.not_sticky(), 0, "only where stickiness is enabled");
}

#[test]
fn the_algorithm_has_no_part_in_sticky_requests() {
    let mut world = World::new(three(60));
    let (cookie, _) = cookies_of(&mut world);
    let turn = world.cursor(0);
    for _ in 0..10 {
        world.get_with(&cookie);
    }
    assert_eq!(world.cursor(0), turn);
    world.get("");
    assert_eq!(world.cursor(0), turn + 1);
}

#[test]
fn a_sticky_request_goes_to_its_target_even_if_that_has_the_most_requests() {
    let mut config = three(60);
    algorithm(&mut config, Algorithm::LeastOutstandingRequests);
    let mut world = World::new(config);
    let (cookie, target) = cookies_of(&mut world);
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n");
    for _ in 0..3 {
        assert_eq!(world.send(80, &request, "").last(), target, "it is never answered");
    }
    assert_eq!(world.get_with(&cookie).last(), target);
    for _ in 0..5 {
        assert_ne!(world.get("").last(), target);
    }
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

#[test]
fn the_target_that_answers_101_is_the_sticky_one() {
    let mut world = World::new(three(60));
    let switched = world.ask(80, UPGRADE, SWITCHED);
    assert!(switched.response.starts_with("HTTP/1.1 101 "), "{}", switched.response);
    let names: Vec<_> = switched.set_cookies().iter().map(|set| set.split('=').next().unwrap()).collect();
    assert_eq!(names, ["AWSALB", "AWSALBCORS"]);
    assert!(switched.response.ends_with("Connection: upgrade\r\n\r\n"));
    let cookie = switched.pair("AWSALB");
    for _ in 0..4 {
        assert_eq!(world.get_with(&cookie).last(), switched.last());
        assert_eq!(world.ask(80, &format!("Cookie: {cookie}\r\n{UPGRADE}"), SWITCHED).last(), switched.last());
    }
}

#[test]
fn after_101_cookies_play_no_part() {
    let mut world = World::new(three(60));
    let other = world.get("");
    let switched = world.ask(80, UPGRADE, SWITCHED);
    assert_ne!(other.last(), switched.last());
    let message = format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", other.pair("AWSALB"));
    let (there, back) = world.through(&switched, &message, OK);
    assert_eq!((there, back), (message, OK.to_owned()), "what looks like a request or a response is none");
}

#[test]
fn a_session_moves_with_a_request_that_its_target_refused() {
    let mut world = World::new(three(60));
    // On a connection that is not kept, so that the next request needs a new one.
    let first = world.ask(80, "", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let (cookie, target) = (first.pair("AWSALB"), first.last());
    world.refuses = Some(address(0, target.into()));
    let before = world.not_sticky();
    let moved = world.ask(80, &format!("Cookie: {cookie}\r\nConnection: close\r\n"), OK);
    assert_ne!(moved.last(), target, "another one got it");
    assert_eq!(world.not_sticky(), before + 1);
    world.refuses = None;
    for _ in 0..4 {
        assert_eq!(world.get_with(&moved.pair("AWSALB")).last(), moved.last());
    }
}
