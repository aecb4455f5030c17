//! Sessions of a rule: clients stay with the group that they first got (guide ACT-06 to ACT-10), through a whole shard, in virtual
//! time.

mod sticky_support;

use sticky_support::*;

fn group(weight: u16) -> Group {
    Group { targets: 1, weight, stickiness: None }
}

/// Two groups of equal weight, with sessions of 60 seconds.
fn two() -> World {
    World::new(config(&[group(1), group(1)], Some(60)))
}

/// A cookie for each of the two groups.
fn one_of_each(world: &mut World) -> [String; 2] {
    [0, 1].map(|wanted| {
        loop {
            let response = world.get("");
            if response.group() == wanted {
                break response.pair("AWSALBTG");
            }
        }
    })
}

fn groups(world: &mut World, cookie: &str, requests: usize) -> Vec<u8> {
    (0..requests).map(|_| world.get_with(cookie).group()).collect()
}

#[test]
fn awsalbtg_is_issued_with_the_first_response_and_keeps_the_client_with_its_group() {
    let mut world = two();
    for (wanted, cookie) in one_of_each(&mut world).iter().enumerate() {
        assert_eq!(groups(&mut world, cookie, 20), [wanted as u8; 20]);
        assert_eq!(cookie.len(), "AWSALBTG=".len() + 128);
        assert!(cookie.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
    }
}

#[test]
fn awsalbtgcors_has_the_same_value_and_says_samesite_none() {
    let response = World::new(config(&[group(1), group(1)], Some(60))).get("");
    let value = response.cookie("AWSALBTG").unwrap();
    // START is the beginning of 4 October 2024.
    let date = "Fri, 11 Oct 2024 00:00:00 GMT";
    let plain = format!("AWSALBTG={value}; Expires={date}; Path=/");
    let cors = format!("AWSALBTGCORS={value}; Expires={date}; Path=/; SameSite=None");
    assert_eq!(response.set_cookies(), [plain, cors]);
}

#[test]
fn the_twin_alone_keeps_the_group_too() {
    let mut world = two();
    for (wanted, cookie) in one_of_each(&mut world).iter().enumerate() {
        let twin = cookie.replace("AWSALBTG=", "AWSALBTGCORS=");
        assert_eq!(groups(&mut world, &twin, 20), [wanted as u8; 20]);
    }
}

#[test]
fn every_response_to_such_a_rule_renews_both_and_others_have_none() {
    let mut world = two();
    let [cookie, _] = one_of_each(&mut world);
    assert_eq!(world.get_with(&cookie).set_cookies().len(), 2);
    let error = world.ask(80, &format!("Cookie: {cookie}\r\n"), "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(error.set_cookies().len(), 2);
    assert_eq!(world.ask(8000, &format!("Cookie: {cookie}\r\n"), OK).set_cookies(), [""; 0]);
}

#[test]
fn without_a_cookie_groups_are_chosen_by_weight() {
    let mut world = World::new(config(&[group(1), group(3)], Some(60)));
    let second = (0..400).filter(|_| world.get("").group() == 1).count();
    assert!((250..350).contains(&second), "{second} of 400");
}

#[test]
fn without_stickiness_of_the_rule_the_cookie_means_nothing() {
    let [cookie, _] = one_of_each(&mut two());
    let mut world = World::new(config(&[group(1), group(1)], None));
    let seen = groups(&mut world, &cookie, 20);
    assert!(seen.contains(&0) && seen.contains(&1), "{seen:?}");
}

#[test]
fn the_group_is_kept_through_the_last_second_of_the_duration_and_not_one_longer() {
    let mut world = two();
    let [cookie, _] = one_of_each(&mut world);
    world.now += 60;
    assert_eq!(groups(&mut world, &cookie, 20), [0; 20]);
    world.now += 1;
    assert!(groups(&mut world, &cookie, 20).contains(&1));
}

#[test]
fn a_group_without_weight_or_of_another_rule_is_not_wished_for() {
    let mut both = World::new(config(&[group(1), group(1), group(1)], Some(60)));
    let cookies = [0, 1, 2].map(|wanted| {
        loop {
            let response = both.get("");
            if response.group() == wanted {
                break response.pair("AWSALBTG");
            }
        }
    });
    let mut world = World::new(config(&[group(1), group(0), group(1)], Some(60)));
    assert!(!groups(&mut world, &cookies[1], 20).contains(&1), "its weight is 0 now");
    assert_eq!(groups(&mut world, &cookies[2], 20), [2; 20]);
    let mut fewer = World::new(config(&[group(1), group(1)], Some(60)));
    let seen = groups(&mut fewer, &cookies[2], 20);
    assert!(seen.contains(&0) && seen.contains(&1), "no group of this action: {seen:?}");
}

#[test]
fn a_url_encoded_cookie_is_served_by_weight_and_the_log_says_so() {
    let mut world = two();
    for cookie in one_of_each(&mut world) {
        let value = cookie.strip_prefix("AWSALBTG=").unwrap();
        let encoded = format!("AWSALBTG={}%3D", value.replace('+', "%2B").replace('/', "%2F"));
        let seen: Vec<_> = (0..20).map(|_| world.get_with(&encoded)).collect();
        for one in &seen {
            assert!(one.response.starts_with("HTTP/1.1 200 "), "{}", one.response);
            assert!(one.line.contains(" \"AWSALBTGCookieInvalid\" "), "{}", one.line);
            assert_eq!(one.set_cookies().len(), 2);
        }
        assert!(seen.iter().any(|one| one.group() == 0) && seen.iter().any(|one| one.group() == 1));
    }
}

#[test]
fn a_cookie_that_is_forged_truncated_or_foreign_is_served_by_weight_without_a_reason() {
    let mut world = two();
    let [cookie, _] = one_of_each(&mut world);
    let foreign = World::with_secret(config(&[group(1), group(1)], Some(60)), None, 5).get("").pair("AWSALBTG");
    let forged = format!("AWSALBTG={}", "A".repeat(128));
    for bad in [&cookie[..cookie.len() - 4], &foreign, &forged, "AWSALBTG=", "AWSALBTG=x y"] {
        let seen: Vec<_> = (0..20).map(|_| world.get_with(bad)).collect();
        assert!(seen.iter().any(|one| one.group() == 0) && seen.iter().any(|one| one.group() == 1), "{bad}");
        assert!(seen.iter().all(|one| !one.line.contains("AWSALBTGCookieInvalid")), "{bad}");
    }
    assert!(!world.get_with(&cookie).line.contains("AWSALBTGCookieInvalid"));
}

#[test]
fn one_that_can_be_read_beside_an_encoded_one_counts() {
    let mut world = two();
    let [cookie, _] = one_of_each(&mut world);
    for _ in 0..10 {
        let response = world.get_with(&format!("AWSALBTG=a%2Bb; {cookie}"));
        assert_eq!(response.group(), 0);
        assert!(!response.line.contains("AWSALBTGCookieInvalid"), "{}", response.line);
    }
}

#[test]
fn a_cookie_for_a_target_does_not_pass_for_one_for_a_group() {
    let sticky = || Group { targets: 1, weight: 1, stickiness: lb_cookie(60) };
    let mut world = World::new(config(&[sticky(), sticky()], Some(60)));
    let first = loop {
        let response = world.get("");
        if response.group() == 0 {
            break response;
        }
    };
    let names: Vec<_> = first.set_cookies().iter().map(|set| set.split('=').next().unwrap()).collect();
    assert_eq!(names, ["AWSALBTG", "AWSALBTGCORS", "AWSALB", "AWSALBCORS"]);
    let swapped = format!("AWSALBTG={}", first.cookie("AWSALB").unwrap());
    assert!(groups(&mut world, &swapped, 20).contains(&1));
    assert_eq!(groups(&mut world, &first.pair("AWSALBTG"), 20), [0; 20]);
}

#[test]
fn group_and_target_are_kept_together() {
    let sticky = || Group { targets: 4, weight: 1, stickiness: lb_cookie(60) };
    let mut world = World::new(config(&[sticky(), sticky()], Some(60)));
    for _ in 0..10 {
        let first = world.get("");
        let both = format!("{}; {}", first.pair("AWSALBTG"), first.pair("AWSALB"));
        for _ in 0..5 {
            assert_eq!(world.get_with(&both).target, first.target);
        }
    }
}
