//! Explanations say what the decision did, and never something else.

use std::net::IpAddr;

use fastrand::Rng;
use sluicegate::http::Field;
use sluicegate::rules::{
    Action, Condition, FixedResponse, Outcome, Pattern, QueryPair, Rule, Ruleset, Subject, normalize_path,
};

fn fixed() -> Action {
    Action::FixedResponse(FixedResponse { status: 404, content_type: None, body: String::new() })
}

fn rule(name: &str, priority: u16, conditions: Vec<Condition>) -> Rule {
    Rule { name: name.to_owned(), priority, conditions, action: fixed() }
}

fn subject<'a>(host: &'a str, path: &'a str, fields: &'a [Field<'a>]) -> Subject<'a> {
    let source = IpAddr::from([192, 0, 2, 1]);
    Subject { method: b"GET", host: host.as_bytes(), path: path.as_bytes(), query: Some(b"v=1"), fields, source }
}

fn sample() -> Ruleset {
    let path =
        |patterns: &[&str]| Condition::PathPattern(patterns.iter().map(|pattern| Pattern::new(pattern)).collect());
    let rules = vec![
        rule("Static", 10, vec![path(&["/img/*", "/css/*"])]),
        rule(
            "Beta",
            20,
            vec![
                Condition::HostHeader(vec![Pattern::ignoring_case("*.example.com")]),
                Condition::HttpHeader { name: "X-Beta".to_owned(), values: vec![Pattern::ignoring_case("yes")] },
            ],
        ),
        rule("All", 30, vec![path(&["/x", "*"])]),
    ];
    Ruleset::new(rules, fixed()).unwrap()
}

#[test]
fn a_rule_is_taken_shadowed_or_does_not_match() {
    let rules = sample();
    let fields = [Field { name: b"x-beta", value: b"Yes" }];
    let explanation = rules.explain(&subject("a.example.com", "/b", &fields));
    let outcomes: Vec<Outcome> = explanation.rules.iter().map(|verdict| verdict.outcome).collect();
    assert_eq!(outcomes, [Outcome::NoMatch, Outcome::Taken, Outcome::Shadowed]);
    assert_eq!(explanation.decision.rule.unwrap().name, "Beta");
}

#[test]
fn each_condition_says_which_value_matched_or_what_the_request_had() {
    let rules = sample();
    let explanation = rules.explain(&subject("a.example.com", "/b/../c", &[]));
    let [stat, beta, all] = &explanation.rules[..] else { panic!() };
    assert_eq!(stat.conditions[0].matched, None);
    assert_eq!(stat.conditions[0].saw, ["/c"]);
    assert_eq!(beta.conditions[0].matched, Some((0, "*.example.com".to_owned())));
    assert_eq!(beta.conditions[1].matched, None);
    assert!(beta.conditions[1].saw.is_empty());
    assert_eq!(all.conditions[0].matched, Some((1, "*".to_owned())));
}

#[test]
fn the_text_can_be_read_by_people() {
    let rules = sample();
    let text = rules.explain(&subject("a.example.com", "/b", &[])).to_string();
    assert_eq!(
        text,
        "rule Static (priority 10) does not match\n\
         \x20 - path-pattern: \"/b\" does not match \"/img/*\", \"/css/*\"\n\
         rule Beta (priority 20) does not match\n\
         \x20 + host-header: \"a.example.com\" matches \"*.example.com\"\n\
         \x20 - http-header X-Beta: nothing does not match \"yes\"\n\
         rule All (priority 30) takes the request\n\
         \x20 + path-pattern: \"/b\" matches \"*\"\n\
         decision: rule All (priority 30): fixed-response (404)\n"
    );
    let none = Ruleset::new(Vec::new(), fixed()).unwrap();
    let text = none.explain(&subject("a.example.com", "/b", &[])).to_string();
    assert_eq!(text, "decision: no rule matches, the default action: fixed-response (404)\n");
}

#[test]
fn what_is_not_printable_is_escaped() {
    let rules = sample();
    let explanation = rules.explain(&subject("a\x1b[31m", "/", &[]));
    assert_eq!(explanation.rules[1].conditions[0].saw, ["a\\x1b[31m"]);
}

/// A word over an alphabet so small that patterns and requests often meet.
fn word(random: &mut Rng, alphabet: &[&str], max: usize) -> String {
    (0..random.usize(..=max)).map(|_| alphabet[random.usize(..alphabet.len())]).collect()
}

fn pattern(random: &mut Rng) -> String {
    word(random, &["a", "B", "*", "?"], 3)
}

fn patterns(random: &mut Rng, make: fn(&str) -> Pattern, prefix: &str) -> Vec<Pattern> {
    (0..random.usize(1..=2)).map(|_| make(&format!("{prefix}{}", pattern(random)))).collect()
}

fn condition(random: &mut Rng) -> Condition {
    match random.u8(..6) {
        0 => Condition::HostHeader(patterns(random, Pattern::ignoring_case, "")),
        1 => Condition::PathPattern(patterns(random, Pattern::new, "/")),
        2 => Condition::HttpHeader { name: "X-A".to_owned(), values: patterns(random, Pattern::ignoring_case, "") },
        3 => Condition::HttpRequestMethod(vec![if random.bool() { "GET" } else { "A" }.to_owned()]),
        4 => {
            let key = random.bool().then(|| Pattern::escaped_ignoring_case(&pattern(random)));
            Condition::QueryString(vec![QueryPair { key, value: Pattern::escaped_ignoring_case(&pattern(random)) }])
        }
        _ => Condition::SourceIp(vec![format!("10.0.0.{}/31", random.u8(..4) & 2).parse().unwrap()]),
    }
}

fn random_rules(random: &mut Rng) -> Option<Ruleset> {
    let rules = (1..=random.u16(1..8)).map(|priority| {
        let conditions = (0..random.usize(1..=2)).map(|_| condition(random)).collect();
        rule(&format!("R{priority}"), priority * 10, conditions)
    });
    Ruleset::new(rules.collect(), fixed()).ok()
}

/// The rules read as the guide has them, with none of the shortcuts of the decision.
fn expected(rules: &Ruleset, subject: &Subject<'_>) -> u16 {
    let holds = |condition: &Condition| match condition {
        Condition::HostHeader(values) => values.iter().any(|value| value.matches(subject.host)),
        Condition::PathPattern(values) => values.iter().any(|value| value.matches(&normalize_path(subject.path))),
        Condition::HttpHeader { name, values } => {
            let fields = subject.fields.iter().filter(|field| field.is(name.as_bytes()));
            fields.into_iter().any(|field| values.iter().any(|value| value.matches(field.value)))
        }
        Condition::HttpRequestMethod(values) => values.iter().any(|value| value.as_bytes() == subject.method),
        Condition::QueryString(wanted) => {
            let pairs = subject.query.unwrap_or_default().split(|&byte| byte == b'&').filter(|pair| !pair.is_empty());
            pairs.into_iter().any(|pair| {
                let at = pair.iter().position(|&byte| byte == b'=');
                let (key, value) = at.map_or((pair, &b""[..]), |at| (&pair[..at], &pair[at + 1..]));
                wanted.iter().any(|wanted| {
                    wanted.key.as_ref().is_none_or(|pattern| pattern.matches(key)) && wanted.value.matches(value)
                })
            })
        }
        Condition::SourceIp(networks) => networks.iter().any(|network| network.contains(&subject.source)),
    };
    rules.rules().iter().find(|rule| rule.conditions.iter().all(holds)).map_or(0, |rule| rule.priority)
}

#[test]
fn decision_explanation_and_definition_agree_on_random_rules_and_requests() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Rng::with_seed(seed);
    let mut taken = 0;
    for round in 0..20_000 {
        let Some(rules) = random_rules(&mut random) else {
            continue;
        };
        let (host, header) = (word(&mut random, &["a", "b"], 3), word(&mut random, &["A", "b"], 2));
        let path = format!("/{}", word(&mut random, &["a", "B", "/", ".", "%61"], 4));
        let query = word(&mut random, &["a", "b", "=", "&"], 5);
        let fields = [Field { name: b"x-a", value: header.as_bytes() }, Field { name: b"X-A", value: b"a" }];
        let subject = Subject {
            method: if random.bool() { b"GET" } else { b"a" },
            host: host.as_bytes(),
            path: path.as_bytes(),
            query: random.bool().then_some(query.as_bytes()),
            fields: &fields[..random.usize(..=2)],
            source: IpAddr::from([10, 0, 0, random.u8(..4)]),
        };
        let (decision, explanation) = (rules.decide(&subject), rules.explain(&subject));
        assert_eq!(decision, explanation.decision, "SEED={seed} round {round}");
        assert_eq!(decision.priority(), expected(&rules, &subject), "SEED={seed} round {round}: {explanation}");
        let chosen: Vec<u16> = explanation
            .rules
            .iter()
            .filter(|verdict| verdict.outcome == Outcome::Taken)
            .map(|verdict| verdict.rule.priority)
            .collect();
        assert_eq!(chosen, decision.rule.map(|rule| rule.priority).into_iter().collect::<Vec<_>>());
        taken += usize::from(decision.rule.is_some());
    }
    assert!(taken > 3_000, "the random requests hardly ever matched: {taken}");
}
