//! What is to be served, and where: read anew at every reload.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use sluicegate::cli::{Demo, Files, Run, Serving, load};
use sluicegate::config::template::{Inputs, Source};
use sluicegate::config::{Config, HealthCheck, Listener, Target, TargetGroup, is_private};
use sluicegate::shard::ListenerId;
use sluicegate::target::Matcher;
use sluicegate::tls::Vault;

use crate::vault::{FileVault, keyring};
use crate::watch::Watch;
use crate::{demo, input_name, read_template};

/// What is to be served, as the command line says it.
pub(crate) struct Plan {
    origin: Origin,
    /// Where the files are that a template names.
    files: Files,
    /// The availability zone of this node.
    zone: Option<String>,
    health_checks: bool,
}

/// Where the configuration comes from.
enum Origin {
    /// A template file.
    Template { path: String, inputs: Inputs, bind: Vec<IpAddr>, port_offset: u16 },
    /// One port, some targets.
    Forward { listen: SocketAddr, targets: Vec<SocketAddr>, allow_public: bool },
    /// A template of our own, its HTTP listener and its HTTPS listener each bound to an address of its own.
    Demo { listen: [SocketAddr; 2], stage: demo::Stage },
}

/// A configuration, and the addresses of its listeners.
pub(crate) struct Planned {
    pub(crate) config: Config,
    pub(crate) places: Vec<Place>,
    /// Lines for the operator that stop nothing.
    pub(crate) warnings: String,
    /// The template's text, as it was read.
    pub(crate) text: String,
    /// The files that the template names, as they were when they were read.
    pub(crate) watch: Watch,
}

/// Why there is no configuration.
pub(crate) struct Refused {
    /// Lines for the operator.
    pub(crate) lines: String,
    /// The files that were looked at for it.
    pub(crate) watch: Watch,
}

/// A socket that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) listener: ListenerId,
    /// The listener's name in the template.
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
}

impl Planned {
    fn new(config: Config, places: Vec<Place>) -> Planned {
        Planned { config, places, warnings: String::new(), text: String::new(), watch: Watch::default() }
    }
}

impl Plan {
    /// As `run` says it.
    pub(crate) fn of(run: &Run) -> Plan {
        let origin = match (&run.template, run.listen) {
            (None, Some(listen)) => {
                let allow_public = run.values.allow_public_targets;
                Origin::Forward { listen, targets: run.target.clone(), allow_public }
            }
            (path, _) => Origin::Template {
                path: path.clone().unwrap_or_default(),
                inputs: run.values.inputs(),
                bind: run.bind.clone(),
                port_offset: run.port_offset,
            },
        };
        Plan { files: run.files.clone(), ..Plan::new(origin, &run.serving) }
    }

    /// As `demo` says it.
    pub(crate) fn of_demo(demo: &Demo, stage: demo::Stage) -> Plan {
        Plan::new(Origin::Demo { listen: [demo.listen, demo.listen_https], stage }, &demo.serving)
    }

    fn new(origin: Origin, serving: &Serving) -> Plan {
        let files = Files::default();
        Plan { origin, files, zone: serving.zone.clone(), health_checks: !serving.no_health_checks }
    }

    /// Whether reading it again could give anything else. What came through standard input cannot be read again.
    pub(crate) fn can_change(&self) -> bool {
        matches!(&self.origin, Origin::Template { path, .. } if path != "-")
    }

    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// Lines for the operator: every mistake in the template, or what it asks for that is not served.
    pub(crate) fn read(&self) -> Result<Planned, String> {
        self.read_as(self.origin.text()?).map_err(|refused| refused.lines)
    }

    /// Reads the configuration from the template's text as it was, and the files that it names as they are now.
    ///
    /// # Errors
    ///
    /// As for [`read`](Plan::read).
    pub(crate) fn read_as(&self, text: String) -> Result<Planned, Refused> {
        let vault = Arc::new(FileVault::new(self.files.clone()));
        let planned = self.origin.planned(&text, Arc::clone(&vault) as Arc<dyn Vault>);
        let planned = planned.and_then(|planned| self.finished(planned));
        let (watch, warnings) = vault.seen();
        match planned {
            Ok(planned) => Ok(Planned { warnings: planned.warnings + &warnings, text, watch, ..planned }),
            Err(lines) => Err(Refused { lines: lines + &warnings, watch }),
        }
    }

    /// With port 0 the port that requests see is the one that the system picked; it is known only after binding.
    ///
    /// # Errors
    ///
    /// As for [`read`](Plan::read).
    pub(crate) fn with_picked_port(&self, planned: Planned, bound: &[Place]) -> Result<Planned, String> {
        match (&self.origin, bound) {
            (Origin::Forward { listen, targets, .. }, [place]) if listen.port() == 0 => {
                let config = forwarding(place.address.port(), targets);
                self.finished(Planned { places: one_place(&config, place.address), config, ..planned })
            }
            (Origin::Demo { stage, .. }, [plain, secure]) => {
                self.finished(read_demo([plain.address, secure.address], stage)?)
            }
            _ => Ok(planned),
        }
    }

    /// The same as this node serves it: with or without checks, in its zone.
    fn finished(&self, mut planned: Planned) -> Result<Planned, String> {
        if !self.health_checks {
            planned.config.disable_health_checks();
        }
        let name = self.origin.name();
        served(name, &planned.config)?;
        match &self.zone {
            Some(zone) => planned.warnings += &deserted(name, &planned.config, zone),
            None => planned.warnings += &zoneless(name, &planned.config),
        }
        Ok(planned)
    }

    /// What to print below the listeners.
    pub(crate) fn hints(&self, places: &[Place]) -> String {
        match (&self.origin, places) {
            (Origin::Demo { .. }, [plain, secure]) => demo::hints(plain.address, secure.address),
            _ => String::new(),
        }
    }
}

impl Origin {
    /// The text of a template of the operator's.
    fn text(&self) -> Result<String, String> {
        match self {
            Origin::Template { path, .. } => read_template(path).map_err(|line| line + "\n"),
            Origin::Forward { .. } | Origin::Demo { .. } => Ok(String::new()),
        }
    }

    fn planned(&self, text: &str, vault: Arc<dyn Vault>) -> Result<Planned, String> {
        match self {
            Origin::Template { path, inputs, bind, port_offset } => {
                let name = input_name(path);
                let inputs = Inputs { keyring: Some(keyring(vault)), ..inputs.clone() };
                let (config, warnings) = load(Source { name, text }, &inputs)?;
                let places = places(&config, bind, *port_offset).map_err(|line| format!("{name}: {line}\n"))?;
                refuse_loops(name, &config, bind, *port_offset)?;
                Ok(Planned { warnings, ..Planned::new(config, places) })
            }
            Origin::Forward { listen, targets, allow_public } => {
                let config = forwarding(listen.port(), targets);
                refuse_targets(&config, *listen, if *allow_public { &[] } else { targets })?;
                let places = one_place(&config, *listen);
                Ok(Planned::new(config, places))
            }
            Origin::Demo { listen, stage } => read_demo(*listen, stage),
        }
    }

    /// How messages call it.
    fn name(&self) -> &str {
        match self {
            Origin::Template { path, .. } => input_name(path),
            Origin::Forward { .. } => "run",
            Origin::Demo { .. } => DEMO,
        }
    }
}

const DEMO: &str = "demo";

/// Targets of the command line are checked too. Nobody has said which path of theirs tells how they are, so anything but an
/// error of theirs is a success.
fn forwarding(port: u16, targets: &[SocketAddr]) -> Config {
    let mut config = Config::forwarding(port, targets);
    for group in &mut config.groups {
        group.health_check = HealthCheck { matcher: Matcher { ranges: vec![(200, 499)] }, ..HealthCheck::default() };
    }
    config
}

/// A zone without targets is 503 for every request (guide XZ-03), and most likely misspelt.
fn deserted(name: &str, config: &Config, zone: &str) -> String {
    let is_here = |target: &Target| target.zone.as_deref() == Some(zone);
    let groups =
        config.groups.iter().filter(|group| !group.attributes.cross_zone && !group.targets.iter().any(is_here));
    let line = |group: &TargetGroup| {
        let (at, id) = (group.position, &group.logical_id);
        format!("{name}:{at}: warning: {id}: cross-zone load balancing is off, and no target is in the zone {zone}\n")
    };
    groups.map(line).collect()
}

/// A node without a zone cannot keep to the targets of its zone.
fn zoneless(name: &str, config: &Config) -> String {
    let groups = config.groups.iter().filter(|group| !group.attributes.cross_zone);
    let line = |group: &TargetGroup| {
        let (at, id) = (group.position, &group.logical_id);
        format!(
            "{name}:{at}: warning: {id}: cross-zone load balancing is off, but without --zone this node uses the targets of \
             every zone\n"
        )
    };
    groups.map(line).collect()
}

fn read_demo(listen: [SocketAddr; 2], stage: &demo::Stage) -> Result<Planned, String> {
    let [port, secure_port] = demo_ports(listen);
    if port == secure_port {
        return Err(format!("--listen and --listen-https need different ports: both have {port}\n"));
    }
    let text = demo::template([port, secure_port], stage);
    let vault = Arc::clone(&stage.certificate) as Arc<dyn Vault>;
    let inputs = Inputs { keyring: Some(keyring(vault)), ..Inputs::default() };
    let (config, warnings) = load(Source { name: DEMO, text: &text }, &inputs)?;
    let listeners = config.listeners.iter();
    let places = listeners.map(|listener| place(listener, listen[usize::from(listener.port == secure_port)])).collect();
    Ok(Planned { warnings, ..Planned::new(config, places) })
}

/// The ports that requests see. A listener needs one; before the system has picked it, any will do that is not the other's.
fn demo_ports(listen: [SocketAddr; 2]) -> [u16; 2] {
    let other_than = |taken| if taken == 1 { 2 } else { 1 };
    match listen.map(|address| address.port()) {
        [0, 0] => [1, 2],
        [0, secure] => [other_than(secure), secure],
        [plain, 0] => [plain, other_than(plain)],
        both => both,
    }
}

fn one_place(config: &Config, address: SocketAddr) -> Vec<Place> {
    config.listeners.iter().take(1).map(|listener| place(listener, address)).collect()
}

fn place(listener: &Listener, address: SocketAddr) -> Place {
    Place { listener: ListenerId(listener.port), name: listener.logical_id.clone(), address }
}

fn places(config: &Config, bind: &[IpAddr], port_offset: u16) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    for listener in &config.listeners {
        let Some(port) = listener.port.checked_add(port_offset) else {
            return Err(format!("{}: port {} + {port_offset} is above 65535", listener.logical_id, listener.port));
        };
        for &address in bind {
            places.push(place(listener, SocketAddr::new(address, port)));
        }
    }
    if places.is_empty() { Err("it declares no listener".to_owned()) } else { Ok(places) }
}

fn refuse_loops(name: &str, config: &Config, bind: &[IpAddr], port_offset: u16) -> Result<(), String> {
    let line = |found: &sluicegate::config::OwnListenerTarget| {
        let (group, target, listener) = (&found.group, found.address, &found.listener);
        format!("{name}:{}: {group}: target {target} is the listener {listener} itself\n", found.position)
    };
    let lines: String = config.own_listener_targets(bind, port_offset).iter().map(line).collect();
    if lines.is_empty() { Ok(()) } else { Err(lines) }
}

/// What a template's targets are held to, for those of the command line.
fn refuse_targets(config: &Config, listen: SocketAddr, private: &[SocketAddr]) -> Result<(), String> {
    let public = private.iter().filter(|target| !is_private(target.ip()));
    let public = public.map(|target| {
        format!("target {target} is outside the private ranges; --allow-public-targets lets it be used\n")
    });
    let own = config.own_listener_targets(&[listen.ip()], 0);
    let own = own.iter().filter(|_| listen.port() != 0);
    let own = own.map(|found| format!("target {} is the listener itself\n", found.address));
    let lines: String = public.chain(own).collect();
    if lines.is_empty() { Ok(()) } else { Err(lines) }
}

fn served(name: &str, config: &Config) -> Result<(), String> {
    let unserved = config.unserved();
    let lines: String = unserved.iter().map(|one| format!("{name}:{}: {}\n", one.position, one.what)).collect();
    if lines.is_empty() { Ok(()) } else { Err(lines) }
}

#[cfg(test)]
mod tests {
    use sluicegate::cli::{Command, parse};
    use sluicegate::config::Protocol;

    use super::*;
    use crate::test_support::Scratch;

    fn plan(line: &[&str]) -> Plan {
        match parse(["sluicegate", "run"].iter().chain(line)) {
            Ok(Command::Run(run)) => Plan::of(&run),
            other => panic!("{line:?}: {other:?}"),
        }
    }

    fn read(line: &[&str]) -> Result<Planned, String> {
        plan(line).read()
    }

    fn refusal(listen: &str, target: &str, allow_public: bool) -> Option<String> {
        let line = ["--listen", listen, "--target", target, "--allow-public-targets"];
        read(if allow_public { &line } else { &line[..4] }).err()
    }

    #[test]
    fn a_target_that_reaches_the_listener_itself_is_refused_also_where_it_takes_every_address() {
        for (listen, target) in
            [("127.0.0.1:80", "127.0.0.1:80"), ("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80")]
        {
            assert_eq!(refusal(listen, target, false), Some(format!("target {target} is the listener itself\n")));
        }
        assert_eq!(refusal("0.0.0.0:80", "127.0.0.1:81", false), None);
        assert_eq!(refusal("127.0.0.1:0", "127.0.0.1:80", false), None);
    }

    #[test]
    fn a_public_target_of_the_command_line_takes_the_flag() {
        assert!(refusal("127.0.0.1:80", "203.0.113.1:80", false).is_some_and(|line| line.contains("203.0.113.1:80")));
        assert_eq!(refusal("127.0.0.1:80", "203.0.113.1:80", true), None);
        assert_eq!(refusal("127.0.0.1:80", "10.0.0.1:80", false), None);
    }

    #[test]
    fn targets_of_the_command_line_are_checked_and_anything_but_an_error_of_theirs_will_do() {
        let line = ["--listen", "127.0.0.1:0", "--target", "127.0.0.1:80"];
        let before = read(&line).expect("planned");
        let place = Place { address: "127.0.0.1:4711".parse().expect("an address"), ..before.places[0].clone() };
        let bound = plan(&line).with_picked_port(read(&line).expect("planned"), &[place]).expect("planned");
        assert_eq!(bound.config.listeners[0].port, 4711);
        for planned in [before, bound] {
            let check = &planned.config.groups[0].health_check;
            assert!(check.enabled && check.path == "/" && check.interval == HealthCheck::default().interval);
            let successes = [199, 200, 499, 500].map(|status| check.matcher.matches(status));
            assert_eq!(successes, [false, true, true, false]);
        }
    }

    /// A template with a group of these properties and attributes, in a file.
    fn template(name: &str, properties: &str, attributes: &str) -> Scratch {
        let text = format!(
            "Resources:
  Balancer: {{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer }}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      {{ LoadBalancerArn: !Ref Balancer, Port: 80, Protocol: HTTP,
         DefaultActions: [{{ Type: forward, TargetGroupArn: !Ref Group }}] }}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      {{ Protocol: HTTP, Port: 81, TargetType: ip, Targets: [{{ Id: 127.0.0.1, AvailabilityZone: a }}],
         TargetGroupAttributes: [{attributes}]{properties} }}
"
        );
        Scratch::new(&format!("plan-{name}.yaml"), &text)
    }

    #[test]
    fn without_health_checks_no_group_of_any_origin_is_checked() {
        let file = template("checks", "", "");
        let forward = ["--listen", "127.0.0.1:0", "--target", "127.0.0.1:80", "--no-health-checks"];
        let enabled = |line: &[&str]| read(line).expect("planned").config.groups[0].health_check.enabled;
        assert_eq!((enabled(&[file.path()]), enabled(&[file.path(), "--no-health-checks"])), (true, false));
        assert_eq!((enabled(&forward[..4]), enabled(&forward)), (true, false));
        let place = Place {
            address: "127.0.0.1:4711".parse().expect("an address"),
            ..read(&forward).expect("planned").places[0].clone()
        };
        let bound = plan(&forward).with_picked_port(read(&forward).expect("planned"), &[place]).expect("planned");
        assert!(!bound.config.groups[0].health_check.enabled);
    }

    #[test]
    fn https_checks_are_planned() {
        let file = template("https", ", HealthCheckProtocol: HTTPS", "");
        let planned = read(&[file.path()]).expect("planned");
        assert_eq!(planned.config.groups[0].health_check.protocol, Protocol::Https);
    }

    #[test]
    fn a_group_without_cross_zone_is_a_warning_while_the_zone_of_the_node_is_not_known() {
        let file = template("zone", "", "{ Key: load_balancing.cross_zone.enabled, Value: false }");
        let warnings = read(&[file.path()]).expect("planned").warnings;
        assert!(warnings.contains(":8:3: warning: Group: cross-zone load balancing is off"), "{warnings}");
        let nobody = read(&[file.path(), "--zone", "b"]).expect("planned").warnings;
        assert!(nobody.contains(":8:3: warning: Group: ") && nobody.contains("no target is in the zone b"), "{nobody}");
        let cross_zone = template("cross-zone", "", "");
        assert_eq!(read(&[cross_zone.path()]).expect("planned").warnings, "");
    }
}
