//! Stickiness cookies on HTTPS listeners: their twins are for HTTPS alone.

#![cfg(all(feature = "shard", feature = "aws-lc"))]

mod secure_support;
mod sticky_support;

use secure_support::{Lab, terms};
use sluicegate::config::{Config, Protocol};
use sticky_support::{Group, config, lb_cookie, three};

/// The cookies that the first response over HTTPS sets.
fn cookies(mut config: Config) -> Vec<String> {
    config.listeners[0].protocol = Protocol::Https;
    config.listeners[0].tls = Some(terms());
    let mut lab = Lab::new(config);
    let client = lab.connect();
    lab.says(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    lab.run();
    let heard = lab.heard(client);
    heard.lines().filter_map(|line| line.strip_prefix("Set-Cookie: ")).map(str::to_owned).collect()
}

#[test]
fn on_an_https_listener_the_twin_is_secure() {
    let cookies = cookies(three(60));
    let [plain, cors] = &cookies[..] else { panic!("two cookies: {cookies:?}") };
    assert!(plain.starts_with("AWSALB=") && plain.ends_with("; Path=/"), "{plain}");
    assert!(cors.starts_with("AWSALBCORS=") && cors.ends_with("; Path=/; SameSite=None; Secure"), "{cors}");
}

#[test]
fn on_an_https_listener_the_twin_of_the_groups_cookie_is_secure() {
    let group = || Group { targets: 1, weight: 1, stickiness: lb_cookie(60) };
    let cookies = cookies(config(&[group(), group()], Some(60)));
    let twin = cookies.iter().find(|cookie| cookie.starts_with("AWSALBTGCORS=")).expect("a twin");
    assert!(twin.ends_with("; Path=/; SameSite=None; Secure"), "{twin}");
}
