//! Any text as a template: reading it ends, with a configuration that holds together and that a shard serves, or with
//! errors that stand where there is text. What is JSON means the same when it is read as YAML.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sluicegate::config::template::{Inputs, Loaded, Source, TemplateError, read};
use sluicegate::config::{Config, Position, is_private};
use sluicegate::rules::{Action, Subject};
use sluicegate::shard::{DialError, Effect, Endpoints, ListenerId, Options, Shard};
use sluicegate::time::{Mono, Now, Wall};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for inputs in [Inputs::default(), told()] {
        match checked(text, &inputs) {
            Ok(loaded) => sound(loaded.config, &inputs),
            Err(_) => continue,
        }
    }
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        same_as_yaml(text);
    }
});

/// What an operator may say besides.
fn told() -> Inputs {
    let pairs = |all: &[(&str, &str)]| all.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Inputs {
        resolve: pairs(&[
            ("Node", "127.0.0.1:9001"),
            ("Node.PrivateIp", "10.0.0.7"),
            ("i-1", "[::1]:65535"),
            ("Stored", "a,b"),
            ("Subnet.AvailabilityZone", "a"),
        ]),
        instances: ["i-2=127.0.0.1:1", "Machine=10.0.0.9"].map(|text| text.parse().expect("an instance")).to_vec(),
        imports: pairs(&[("net-Subnet", "subnet-1"), ("net-port", "81"), ("x", "")]),
        region: "eu-west-1".to_owned(),
        allow_public_targets: true,
        ..Inputs::default()
    }
}

fn checked(text: &str, inputs: &Inputs) -> Result<Loaded, Vec<TemplateError>> {
    let found = read(Source { name: "t", text }, inputs);
    let said = match &found {
        Ok(loaded) => &loaded.warnings,
        Err(errors) => errors,
    };
    assert!(found.is_ok() || !said.is_empty());
    assert!(said.is_sorted_by_key(|one| one.position));
    for one in said {
        assert!(stands_in(one.position, text), "{one}");
        // A mistake is a line, whatever the template has for names.
        assert!(!one.message.is_empty() && !one.message.contains(char::is_control), "{one:?}");
    }
    found
}

/// Whether there is such a place, the end of a line and the end of the text included.
fn stands_in(at: Position, text: &str) -> bool {
    let text = text.replace("\r\n", "\n");
    let line = text.split(['\n', '\r']).nth((at.line as usize).saturating_sub(1));
    at.line > 0 && line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&(at.column as usize)))
}

/// What the rest of the program takes for granted of a configuration.
fn sound(config: Config, inputs: &Inputs) {
    let unserved = config.unserved();
    assert!(unserved.is_sorted_by_key(|one| one.position));
    let bind: [IpAddr; 3] = [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    for offset in [0, 1, 8000, u16::MAX] {
        let own = config.own_listener_targets(&bind, offset);
        assert!(own.iter().all(|own| config.listeners.iter().any(|listener| listener.logical_id == own.listener)));
    }
    for (at, listener) in config.listeners.iter().enumerate() {
        assert!(listener.port > 0 && config.load_balancers.get(listener.load_balancer).is_some());
        assert!(config.listeners[..at].iter().all(|other| other.port != listener.port && other.arn != listener.arn));
        let actions = listener.rules.rules().iter().map(|rule| &rule.action);
        for action in actions.chain([listener.rules.default_action()]) {
            if let Action::Forward(forward) = action {
                assert!(!forward.groups.is_empty());
                assert!(forward.groups.iter().all(|one| config.group(one.group).is_some()));
            }
        }
    }
    for target in config.groups.iter().flat_map(|group| &group.targets) {
        assert!(target.address.port() > 0 && (inputs.allow_public_targets || is_private(target.address.ip())));
    }
    explained(&config);
    served(config);
}

/// What explains a request and what decides about it agree.
fn explained(config: &Config) {
    let subject = Subject {
        method: b"GET",
        host: b"a.shop.example",
        path: b"/a/b.png",
        query: Some(b"v=1&x"),
        fields: &[],
        source: Ipv4Addr::new(192, 0, 2, 1).into(),
    };
    for listener in &config.listeners {
        let explanation = listener.rules.explain(&subject);
        assert_eq!(explanation.decision.priority(), listener.rules.decide(&subject).priority());
        assert!(!explanation.to_string().is_empty());
    }
}

/// A request on every listener, with whatever target refusing it. That targets are checked is not the point here.
fn served(mut config: Config) {
    config.disable_health_checks();
    let config = Arc::new(config);
    let mut options = Options::default();
    (options.memory_max, options.access_log) = (1 << 20, true);
    let mut shard = Shard::new(Arc::clone(&config), options, 7);
    for listener in config.listeners.iter().take(4) {
        let now = Now { mono: Mono::from_nanos(0), wall: Wall::from_micros(1_700_000_000_000_000) };
        let ends = Endpoints { peer: ([192, 0, 2, 1], 4711).into(), local: ([127, 0, 0, 1], listener.port).into() };
        let mut turn = shard.turn(now);
        let Ok(client) = turn.accepted(ListenerId(listener.port), ends) else { continue };
        let request = b"GET /a/b.png?v=1&x HTTP/1.1\r\nHost: a.shop.example\r\nX-Beta: yes\r\n\r\n";
        turn.wire(client).unwrap().offer(request);
        while let Some(effect) = turn.next_effect() {
            if let Effect::Dial { wire, .. } = effect {
                turn.dialed(wire, Err(DialError::Refused));
            }
        }
        let mut wire = turn.wire(client).unwrap();
        assert!(wire.pending().starts_with(b"HTTP/1.1 "));
        wire.lost();
        let _ = turn.finish();
    }
    assert_eq!(shard.census().exchanges, 0);
}

/// An empty line before it lets it be JSON, a comment in that line makes it YAML.
fn same_as_yaml(text: &str) {
    let text = text.trim_start_matches('\u{feff}');
    let (json, yaml) = (format!("\n{text}"), format!("#\n{text}"));
    if let Ok(yaml) = checked(&yaml, &Inputs::default()) {
        let json = checked(&json, &Inputs::default()).expect("what is read as YAML is read as JSON");
        assert_eq!(format!("{:?}", json.config), format!("{:?}", yaml.config));
    }
}
