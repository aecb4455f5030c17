//! Reads CloudFormation templates, YAML or JSON, into a [`Config`]. It reads text that it is given: no files,
//! no network, nothing of the account that a template was written for.
//!
//! The way of a template, and the files in its order:
//!
//! 1. `yaml` and `json` make a tree of nodes (`node`) that know their places.
//! 2. `sections` finds parameters, conditions, mappings and resources; `parameters` gives parameters values.
//! 3. `functions` computes what intrinsic functions say; foreign resources stay as placeholders.
//! 4. `shape` reads properties of the types they must have; one file per resource says which.
//! 5. `assemble` joins load balancers, listeners, rules and groups, and holds them to the quotas.
//!
//! Every step goes on after an error, so that one reading reports all of them.

mod action;
mod assemble;
mod attributes;
mod certificate;
mod condition;
mod draft;
mod functions;
mod group_attributes;
mod health;
mod json;
mod listener;
mod load_balancer;
mod mutual_authentication;
mod node;
mod others;
mod parameters;
mod redirect;
mod references;
mod report;
mod resources;
mod rule;
mod sections;
mod server_certificate;
mod shape;
mod spelling;
mod ssl_policy;
mod substitute;
mod target_group;
mod targets;
mod terms;
mod trust_store;
mod values;
mod verdict;
mod yaml;
mod zones;

use super::Config;
use crate::tls::Keyring;
pub use report::TemplateError;
#[cfg(feature = "cli")]
pub(crate) use spelling::suggestion;
pub use targets::Instance;

/// The longest template that is read, in bytes: CloudFormation's own limit for templates in S3 is 1 MB.
pub const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;

/// How deeply a template may nest: deeper than any real one, shallow enough for a small stack.
pub const TEMPLATE_DEPTH_MAX: usize = 64;

/// A template's text and what to call it in messages.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file's name, as messages show it.
    pub name: &'a str,
    /// The whole text, YAML or JSON; at most [`TEMPLATE_BYTES_MAX`].
    pub text: &'a str,
}

/// What an operator says besides the template.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Values of parameters (`--param NAME=VALUE`); the last of a name counts.
    pub parameters: Vec<(String, String)>,
    /// What names outside the load balancer stand for (`--resolve MyVpc=vpc-1`, `--resolve MyNode.PrivateIp=127.0.0.1`,
    /// `--resolve MySubnet.AvailabilityZone=us-east-1a`).
    pub resolve: Vec<(String, String)>,
    /// Where instances are (`--instance i-123=10.0.0.1`); the last of an id counts.
    pub instances: Vec<Instance>,
    /// What other stacks export (`--import NAME=VALUE`).
    pub imports: Vec<(String, String)>,
    /// `AWS::Region`, default `us-east-1`.
    pub region: String,
    /// `AWS::AccountId`, default `000000000000`.
    pub account: String,
    /// `AWS::StackName`, default `local`. ARNs follow from it and from logical ids.
    pub stack_name: String,
    /// What certificates and trust stores are read with. Without it they are not looked for, and HTTPS listeners cannot be served.
    pub keyring: Option<Keyring>,
    /// Let `ip` targets have addresses outside the private ranges (guide TG-05), default false.
    pub allow_public_targets: bool,
}

impl Default for Inputs {
    fn default() -> Self {
        Inputs {
            parameters: Vec::new(),
            resolve: Vec::new(),
            instances: Vec::new(),
            imports: Vec::new(),
            region: "us-east-1".to_owned(),
            account: "000000000000".to_owned(),
            stack_name: "local".to_owned(),
            keyring: None,
            allow_public_targets: false,
        }
    }
}

/// A template that was read.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What deserves attention and stops nothing, by position.
    pub warnings: Vec<TemplateError>,
}

/// Reads a template. `Err` holds every mistake in it, by position; never an empty list.
pub fn read(source: Source<'_>, inputs: &Inputs) -> Result<Loaded, Vec<TemplateError>> {
    let sink = report::Sink::new(source.name);
    let config = read_into(source.text, inputs, &sink);
    let (errors, warnings) = sink.finish();
    match config {
        Some(config) if errors.is_empty() => Ok(Loaded { config, warnings }),
        _ => Err(errors),
    }
}

/// `None` only after an error was reported.
fn read_into(text: &str, inputs: &Inputs, sink: &report::Sink) -> Option<Config> {
    let root = node::parse(text, sink)?;
    let sections = sections::Sections::find(&root, sink)?;
    let parameters = parameters::read(&sections, inputs, sink);
    let evaluator = functions::Evaluator::new(&sections, inputs, parameters, sink);
    evaluator.check_conditions();
    let resources = resources::collect(&evaluator);
    Some(assemble::assemble(&resources, &evaluator))
}
