//! `policies`: what each security policy has by the guide, and what is served of it. Nothing is listed here: both follow from
//! the policies and from the cryptography at hand.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::Report;
use crate::config::template::suggestion;
use crate::tls::{Policy, Provider, Suite, Version};

/// Tells of all policies, or of the one of that name, whole or without `ELBSecurityPolicy-`; for humans or as JSON.
pub fn policies(name: Option<&str>, json: bool, provider: &Provider) -> Report {
    let chosen = match name {
        None => Policy::all(),
        Some(name) => match find(name) {
            Some(policy) => std::slice::from_ref(policy),
            None => return Report::failure(unknown(name)),
        },
    };
    let out = match (json, name, chosen) {
        (true, ..) => format!("{:#}\n", as_json(chosen, provider)),
        (false, Some(_), [policy]) => detail(policy, provider),
        _ => table(chosen, provider),
    };
    Report::success(out, String::new())
}

const PREFIX: &str = "ELBSecurityPolicy-";

fn find(name: &str) -> Option<&'static Policy> {
    Policy::named(name).or_else(|| Policy::named(&format!("{PREFIX}{name}")))
}

fn unknown(name: &str) -> String {
    let whole = format!("{PREFIX}{}", name.strip_prefix(PREFIX).unwrap_or(name));
    let near = suggestion(&whole, Policy::all().iter().map(|policy| policy.name));
    let all = if near.is_empty() { "; policies without a name lists all" } else { "" };
    format!("there is no security policy `{name}`{near}{all}\n")
}

/// The suites of a version: all, and those that are served.
struct Suites {
    version: Version,
    guide: Vec<&'static Suite>,
    served: Vec<&'static Suite>,
}

/// The latest version first, suites in order of preference.
fn suites(policy: &'static Policy, provider: &Provider) -> Vec<Suites> {
    let of = |version| {
        let guide: Vec<_> = policy.suites(version).collect();
        let served = guide.iter().copied().filter(|suite| provider.serves(version, suite)).collect();
        Suites { version, guide, served }
    };
    policy.versions().map(of).collect()
}

fn as_json(policies: &'static [Policy], provider: &Provider) -> Value {
    let names = |suites: &[&Suite]| json!(suites.iter().map(|suite| suite.name).collect::<Vec<_>>());
    let one = |policy: &'static Policy| {
        let all = suites(policy, provider);
        let guide = all.iter().map(|one| (one.version.name().to_owned(), names(&one.guide)));
        let served = all.iter().filter(|one| !one.served.is_empty());
        let served = served.map(|one| (one.version.name().to_owned(), names(&one.served)));
        let told = json!({ "guide": guide.collect::<Map<_, _>>(), "served": served.collect::<Map<_, _>>() });
        (policy.name.to_owned(), told)
    };
    Value::Object(policies.iter().map(one).collect())
}

/// The columns of the table.
const VERSIONS: [Version; 4] = [Version::Tls13, Version::Tls12, Version::Tls11, Version::Tls10];

fn table(policies: &'static [Policy], provider: &Provider) -> String {
    let width = policies.iter().map(|policy| policy.name.len()).max().unwrap_or_default();
    let row = |name: &str, cells: [String; 4]| {
        let cells = cells.iter().map(|cell| format!("  {cell:<8}")).collect::<String>();
        format!("{name:<width$}{cells}").trim_end().to_owned() + "\n"
    };
    let mut text = row("Policy", VERSIONS.map(|version| version.name().to_owned()));
    for policy in policies {
        let all = suites(policy, provider);
        let cell = |version| match all.iter().find(|one| one.version == version) {
            Some(one) => format!("{} of {}", one.served.len(), one.guide.len()),
            None => "-".to_owned(),
        };
        text += &row(policy.name, VERSIONS.map(cell));
    }
    let default = Policy::default_for_listeners().name;
    let _ = write!(
        text,
        "\nHow many cipher suites are served of those that the guide lists; - is a protocol that the policy does not have.\n\
         A listener whose template names no policy has {default}.\n\
         `policies NAME` tells more of one; docs/tls.md says what is not served, and why.\n"
    );
    text
}

fn detail(policy: &'static Policy, provider: &Provider) -> String {
    let mut text = format!("{}\n", policy.name);
    if policy == Policy::default_for_listeners() {
        text += "the policy of listeners whose template names none\n";
    }
    let _ = writeln!(text, "towards HTTPS targets: {}", Policy::back_end(policy.has_tls13()).name);
    for one in suites(policy, provider) {
        let said = match (one.served.len(), one.guide.len()) {
            (0, _) => "not served".to_owned(),
            (served, all) => format!("{served} of {all} cipher suites served, the preferred one first"),
        };
        let _ = writeln!(text, "{}: {said}", one.version.name());
        text += &marked(one.guide.iter().map(|suite| (suite.name, provider.serves(one.version, suite))));
    }
    text += "key exchange, the one that the client prefers:\n";
    text += &marked(policy.groups().map(|group| (group.name, provider.serves_group(group))));
    text
}

/// A line each; what is not served is marked.
fn marked(names: impl Iterator<Item = (&'static str, bool)>) -> String {
    names.fold(String::new(), |mut text, (name, served)| {
        let _ = match served {
            true => writeln!(text, "  {name}"),
            false => writeln!(text, "  {name:<29}  not served"),
        };
        text
    })
}

#[cfg(all(test, feature = "aws-lc"))]
mod tests {
    use super::*;

    fn told(name: Option<&str>, json: bool) -> String {
        let report = policies(name, json, &Provider::aws_lc());
        assert_eq!((report.code, report.err.as_str()), (0, ""));
        report.out
    }

    #[test]
    fn json_has_what_the_guide_says_and_what_is_served_under_whole_names() {
        let all: Value = serde_json::from_str(&told(None, true)).expect("JSON");
        let all = all.as_object().expect("an object");
        assert_eq!(all.len(), Policy::all().len());
        assert!(all.keys().eq(Policy::all().iter().map(|policy| policy.name)));
        let one = json!({
            "guide": {
                "TLSv1.3": ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
                "TLSv1.2": [
                    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                    "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256",
                    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
                    "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384",
                ],
            },
            "served": {
                "TLSv1.3": ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
                "TLSv1.2": [
                    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
                ],
            },
        });
        assert_eq!(all["ELBSecurityPolicy-TLS13-1-2-2021-06"], one);
        for name in ["TLS13-1-2-2021-06", "ELBSecurityPolicy-TLS13-1-2-2021-06"] {
            let alone: Value = serde_json::from_str(&told(Some(name), true)).expect("JSON");
            assert_eq!(alone, json!({ "ELBSecurityPolicy-TLS13-1-2-2021-06": one }));
        }
    }

    #[test]
    fn a_protocol_of_which_nothing_is_left_is_not_served() {
        let told: Value = serde_json::from_str(&told(Some("2016-08"), true)).expect("JSON");
        let policy = &told["ELBSecurityPolicy-2016-08"];
        let keys = |side: &str| policy[side].as_object().expect(side).keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            (keys("guide"), keys("served")),
            (vec!["TLSv1.2".into(), "TLSv1.1".into(), "TLSv1".into()], vec!["TLSv1.2".to_owned()])
        );
    }

    #[test]
    fn the_table_has_a_line_for_each_policy_that_says_how_much_is_served() {
        let table = told(None, false);
        let line = |name: &str| {
            let line = table.lines().find(|line| line.split(' ').next() == Some(name)).expect(name);
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).skip(1).collect::<Vec<_>>()
        };
        assert_eq!(line("Policy"), ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"]);
        assert_eq!(line("ELBSecurityPolicy-2016-08"), ["-", "4 of 18", "0 of 6", "0 of 6"]);
        assert_eq!(line("ELBSecurityPolicy-TLS13-1-3-2021-06"), ["3 of 3", "-", "-", "-"]);
        Policy::all().iter().for_each(|policy| drop(line(policy.name)));
        assert!(table.contains("names no policy has ELBSecurityPolicy-2016-08."), "{table}");
    }

    #[test]
    fn one_policy_in_detail_marks_what_is_not_served() {
        let text = told(Some("TLS13-1-0-PQ-2025-09"), false);
        for line in [
            "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09",
            "towards HTTPS targets: ELBSecurityPolicy-TLS13-1-0-2021-06",
            "TLSv1.3: 3 of 3 cipher suites served, the preferred one first",
            "  TLS_AES_128_GCM_SHA256",
            "TLSv1.2: 4 of 18 cipher suites served, the preferred one first",
            "  ECDHE-RSA-AES128-GCM-SHA256",
            "  ECDHE-ECDSA-AES128-SHA256      not served",
            "TLSv1.1: not served",
            "TLSv1: not served",
            "  X25519MLKEM768",
            "  secp521r1",
        ] {
            assert!(text.lines().any(|own| own == line) || text.contains(&format!("\n{line}  ")), "{line} in {text}");
        }
        assert!(told(Some("2016-08"), false).contains("\nthe policy of listeners whose template names none\n"));
    }

    #[test]
    fn a_name_that_is_none_is_told_with_one_that_may_be_meant() {
        let refused = |name| policies(Some(name), true, &Provider::aws_lc());
        for name in ["ELBSecurityPolicy-2016-09", "2016-09"] {
            let report = refused(name);
            let line = format!("there is no security policy `{name}`; did you mean `ELBSecurityPolicy-2016-08`?\n");
            assert_eq!((report.code, report.out.as_str(), report.err), (1, "", line));
        }
        let line = "there is no security policy `modern`; policies without a name lists all\n";
        assert_eq!(refused("modern").err, line);
    }
}
