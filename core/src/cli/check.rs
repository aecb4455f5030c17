//! `check`: what is wrong with a template.

use std::fmt::Write;

use super::Report;
use crate::config::Config;
use crate::config::template::{Inputs, Source, read};

/// Reads a template and says what it holds, or everything that is wrong with it.
pub fn check(source: Source<'_>, inputs: &Inputs) -> Report {
    match load(source, inputs) {
        Ok((config, mut notes)) => {
            for unserved in config.unserved() {
                let _ = writeln!(notes, "{}:{}: note: {}", source.name, unserved.position, unserved.what);
            }
            Report::success(summary(source.name, &config), notes)
        }
        Err(errors) => Report::failure(errors),
    }
}

/// Reads a template: the configuration and its warnings, or every mistake; a line each, as
/// `file:line:column: message`.
///
/// # Errors
///
/// The lines to show.
pub fn load(source: Source<'_>, inputs: &Inputs) -> Result<(Config, String), String> {
    let lines = |label: &str, all: &[crate::config::template::TemplateError]| {
        all.iter().fold(String::new(), |mut text, one| {
            let _ = writeln!(text, "{}:{}: {label}{}", one.file, one.position, one.message);
            text
        })
    };
    match read(source, inputs) {
        Ok(loaded) => Ok((loaded.config, lines("warning: ", &loaded.warnings))),
        Err(errors) => Err(lines("", &errors)),
    }
}

fn summary(name: &str, config: &Config) -> String {
    let rules: usize = config.listeners.iter().map(|listener| listener.rules.rules().len()).sum();
    let targets: usize = config.groups.iter().map(|group| group.targets.len()).sum();
    format!(
        "{name}: {}, {}, {}, {}, {}\n",
        count(config.load_balancers.len(), "load balancer"),
        count(config.listeners.len(), "listener"),
        count(rules, "rule"),
        count(config.groups.len(), "target group"),
        count(targets, "target"),
    )
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_a_line_with_its_place() {
        let text =
            "Resources:\n  Nothing:\n    Type: AWS::ElasticLoadBalancingV2::Listener\n    Properties:\n      Prot: 1\n";
        let report = check(Source { name: "t.yaml", text }, &Inputs::default());
        assert_eq!((report.code, report.out.as_str()), (1, ""));
        assert!(report.err.lines().count() >= 2, "{}", report.err);
        assert!(report.err.lines().all(|line| line.starts_with("t.yaml:")), "{}", report.err);
        assert!(report.err.contains("t.yaml:5:"), "{}", report.err);
    }
}
