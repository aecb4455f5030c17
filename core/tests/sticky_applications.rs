//! Sessions beside an application's own cookie (guide STK-12 to STK-18), through a whole shard, in virtual time.

mod sticky_support;

use sticky_support::*;

const SETS: &str = "HTTP/1.1 200 OK\r\nServer: t\r\nSet-Cookie: app=v1; Path=/x; HttpOnly\r\nContent-Length: 0\r\n\r\n";

fn world() -> World {
    World::new(config(&[Group { targets: 3, weight: 1, stickiness: app_cookie("app", 60) }], None))
}

/// Both cookies, and the target that set the application's.
fn session(world: &mut World) -> (String, u8) {
    let first = world.ask(80, "", SETS);
    (format!("app=v1; {}", first.pair("AWSALBAPP-0")), first.last())
}

#[test]
fn nothing_is_issued_until_the_target_sets_the_configured_cookie() {
    let mut world = world();
    assert_eq!(world.get("").set_cookies(), [""; 0]);
    for other in ["App=1", "app2=1", "xapp=1"] {
        let response = world.ask(80, "", &SETS.replace("app=v1", other));
        assert_eq!(response.set_cookies().len(), 1, "{other}");
        assert_eq!(response.cookie("AWSALBAPP-0"), None, "{other}");
    }
    for own in ["app=v1; Path=/x", "app=", "app=a=b; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"] {
        let response = world.ask(80, "", &SETS.replace("app=v1; Path=/x", own));
        assert_eq!(response.cookie("AWSALBAPP-0").map(str::len), Some(128), "{own}");
    }
}

#[test]
fn its_cookie_has_seven_days_of_its_own_and_nothing_of_the_applications() {
    let response = world().ask(80, "", SETS);
    let value = response.cookie("AWSALBAPP-0").unwrap();
    // START is the beginning of 4 October 2024.
    let ours = format!("AWSALBAPP-0={value}; Expires=Fri, 11 Oct 2024 00:00:00 GMT; Path=/");
    assert_eq!(response.set_cookies(), [&ours[..], "app=v1; Path=/x; HttpOnly"]);
    let expected = [
        "Content-Length: 0".to_owned(),
        format!("Set-Cookie: {ours}"),
        "Server: t".to_owned(),
        "Set-Cookie: app=v1; Path=/x; HttpOnly".to_owned(),
        "Connection: keep-alive".to_owned(),
    ];
    assert_eq!(response.lines(), expected);
}

#[test]
fn both_cookies_have_to_come_back() {
    let mut world = world();
    let (both, target) = session(&mut world);
    let (_, ours) = both.split_once("; ").unwrap();
    for cookies in [&both, &format!("{ours}; app=anything"), &format!("{ours}; app=")] {
        for _ in 0..4 {
            assert_eq!(world.get_with(cookies).last(), target, "{cookies}");
        }
    }
    for cookies in [ours, "app=v1", &format!("{ours}; App=v1"), &format!("{ours}; xapp=v1")] {
        let targets: std::collections::BTreeSet<u8> = (0..3).map(|_| world.get_with(cookies).last()).collect();
        assert_eq!(targets.len(), 3, "{cookies}");
    }
}

#[test]
fn the_applications_cookie_is_passed_untouched_in_both_directions() {
    let mut world = world();
    let (both, _) = session(&mut world);
    let line = format!("Cookie: {}\r\n", both.replace("app=v1", "app=\"a b\"; x=%41"));
    let response = world.ask(80, &line, SETS);
    assert!(response.forwarded.contains(&line), "{}", response.forwarded);
    assert!(response.lines().contains(&"Set-Cookie: app=v1; Path=/x; HttpOnly"));
}

#[test]
fn every_response_of_a_session_renews_it() {
    let mut world = world();
    let (mut both, target) = session(&mut world);
    for _ in 0..5 {
        world.now += 50;
        let response = world.get_with(&both);
        assert_eq!(response.last(), target);
        both = format!("app=v1; {}", response.pair("AWSALBAPP-0"));
    }
    world.now += 60;
    for _ in 0..4 {
        assert_eq!(world.get_with(&both).last(), target, "its last second");
    }
    world.now += 1;
    let before = world.not_sticky();
    let over = world.get_with(&both);
    assert_eq!(world.not_sticky(), before + 1);
    assert_eq!(over.set_cookies(), [""; 0], "over: the application has to begin another one");
}

#[test]
fn a_session_moves_from_a_target_that_fails_and_stays_with_the_next() {
    let mut world = world();
    let (both, target) = session(&mut world);
    world.set_healthy(0, target.into(), false);
    let moved = world.get_with(&both);
    assert_ne!(moved.last(), target);
    world.set_healthy(0, target.into(), true);
    let both = format!("app=v1; {}", moved.pair("AWSALBAPP-0"));
    for _ in 0..4 {
        assert_eq!(world.get_with(&both).last(), moved.last());
    }
}

#[test]
fn requests_outside_a_session_are_counted() {
    let mut world = world();
    let (both, _) = session(&mut world);
    assert_eq!(world.not_sticky(), 1);
    world.get_with(&both);
    assert_eq!(world.not_sticky(), 1);
    world.get_with("app=v1");
    assert_eq!(world.not_sticky(), 2);
}

const CHROMIUM: &str =
    "User-Agent: Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.87 Safari/537.36\r\n";

#[test]
fn only_chromium_from_80_on_is_told_samesite_none_and_only_across_origins() {
    let origin = "Origin: https://other.example\r\n";
    let old = CHROMIUM.replace("Chrome/80", "Chrome/79");
    let firefox = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n";
    for (fields, told) in [
        (format!("{origin}{CHROMIUM}"), true),
        (format!("{origin}{old}"), false),
        (format!("{origin}{firefox}"), false),
        (origin.to_owned(), false),
        (CHROMIUM.to_owned(), false),
    ] {
        let response = world().ask(80, &fields, SETS);
        let ours = response.set_cookies()[0];
        assert!(ours.ends_with(if told { "; Path=/; SameSite=None; Secure" } else { "; Path=/" }), "{fields}{ours}");
    }
}

#[test]
fn it_does_not_work_where_a_rule_has_several_groups() {
    let group = |weight| Group { targets: 3, weight, stickiness: app_cookie("app", 60) };
    let mut world = World::new(config(&[group(1), group(0)], Some(60)));
    let begun = world.ask(8000, "", SETS);
    assert!(begun.cookie("AWSALBAPP-0").is_some(), "alone it does");
    let before = world.not_sticky();
    let cookies = format!("Cookie: app=v1; {}\r\n", begun.pair("AWSALBAPP-0"));
    let targets: Vec<_> = (0..3).map(|_| world.ask(80, &cookies, SETS)).collect();
    assert_eq!(targets.iter().map(Outcome::last).collect::<std::collections::BTreeSet<_>>().len(), 3);
    assert!(targets.iter().all(|response| response.cookie("AWSALBAPP-0").is_none()));
    assert_eq!(world.not_sticky(), before, "stickiness is not enabled there");
}

#[test]
fn one_cookie_holds_the_sessions_of_all_groups() {
    let group = || Group { targets: 3, weight: 1, stickiness: app_cookie("app", 60) };
    let mut world = World::new(config(&[group(), group()], None));
    let first = world.ask(8000, "", SETS);
    let cookies = format!("Cookie: app=v1; {}\r\n", first.pair("AWSALBAPP-0"));
    let second = world.ask(8001, &cookies, SETS);
    let cookies = format!("Cookie: app=v1; {}\r\n", second.pair("AWSALBAPP-0"));
    for _ in 0..4 {
        assert_eq!(world.ask(8000, &cookies, OK).target, first.target);
        assert_eq!(world.ask(8001, &cookies, OK).target, second.target);
    }
}

#[test]
fn beyond_4_k_the_cookie_comes_in_parts_up_to_four_of_them() {
    let group = || Group { targets: 2, weight: 1, stickiness: app_cookie("app", 600) };
    let groups: Vec<Group> = (0..250).map(|_| group()).collect();
    let mut world = World::new(config(&groups, None));
    let (mut cookies, mut seen) = (String::new(), Vec::new());
    let mut targets = Vec::new();
    for number in 0..250 {
        let response = world.ask(8000 + number, &format!("Cookie: app=v1{cookies}\r\n"), SETS);
        targets.push(response.target);
        let parts: Vec<&str> = response.set_cookies().into_iter().filter(|set| set.starts_with("AWSALBAPP-")).collect();
        assert!(parts.iter().all(|part| part.len() <= 4096), "a browser would not take it");
        if seen.len() < parts.len() {
            let names: Vec<String> = parts.iter().map(|part| part.split('=').next().unwrap().to_owned()).collect();
            let expected: Vec<String> = (0..parts.len()).map(|part| format!("AWSALBAPP-{part}")).collect();
            assert_eq!(names, expected);
            seen.push(number);
        }
        cookies = parts.iter().map(|part| format!("; {}", part.split(';').next().unwrap())).collect();
    }
    // The first session needs one, and they need another whenever 3,000 bytes are full.
    assert_eq!(seen, [0, 82, 165, 249]);
    for number in [0, 1, 82, 83, 165, 249] {
        let response = world.ask(8000 + number, &format!("Cookie: app=v1{cookies}\r\n"), OK);
        assert_eq!(response.target, targets[usize::from(number)]);
    }
    let third = cookies.split("; ").filter(|part| !part.starts_with("AWSALBAPP-1")).collect::<Vec<_>>().join("; ");
    let before = world.not_sticky();
    world.ask(8000, &format!("Cookie: app=v1; {third}\r\n"), OK);
    assert_eq!(world.not_sticky(), before + 1, "a part is missing");
}
