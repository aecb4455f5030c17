//! What is to be served, and where: read anew at every reload.

use std::net::{IpAddr, SocketAddr};

use sluicegate::cli::{Run, load};
use sluicegate::config::template::{Inputs, Source};
use sluicegate::config::{Config, is_private};
use sluicegate::shard::ListenerId;

use crate::{demo, input_name, read_template};

/// Where the configuration comes from.
pub(crate) enum Plan {
    /// A template file.
    Template { path: String, inputs: Inputs, bind: Vec<IpAddr>, port_offset: u16 },
    /// One port, some targets.
    Forward { listen: SocketAddr, targets: Vec<SocketAddr>, allow_public: bool },
    /// A template of our own, its one listener bound to an address of its own.
    Demo { listen: SocketAddr, targets: demo::Targets },
}

/// A configuration, and the addresses of its listeners.
pub(crate) struct Planned {
    pub(crate) config: Config,
    pub(crate) places: Vec<Place>,
    /// Lines for the operator that stop nothing.
    pub(crate) warnings: String,
}

/// A socket that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) listener: ListenerId,
    /// The listener's name in the template.
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
}

impl Plan {
    /// As `run` says it.
    pub(crate) fn of(run: &Run) -> Plan {
        match (&run.template, run.listen) {
            (None, Some(listen)) => {
                let allow_public = run.values.allow_public_targets;
                Plan::Forward { listen, targets: run.target.clone(), allow_public }
            }
            (path, _) => Plan::Template {
                path: path.clone().unwrap_or_default(),
                inputs: run.values.inputs(),
                bind: run.bind.clone(),
                port_offset: run.port_offset,
            },
        }
    }

    /// Whether reading it again could give anything else. What came through standard input cannot be read again.
    pub(crate) fn can_change(&self) -> bool {
        matches!(self, Plan::Template { path, .. } if path != "-")
    }

    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// Lines for the operator: every mistake in the template, or what it asks for that is not served.
    pub(crate) fn read(&self) -> Result<Planned, String> {
        match self {
            Plan::Template { path, inputs, bind, port_offset } => {
                let text = read_template(path).map_err(|line| line + "\n")?;
                let name = input_name(path);
                let (config, warnings) = load(Source { name, text: &text }, inputs)?;
                let places = places(&config, bind, *port_offset).map_err(|line| format!("{name}: {line}\n"))?;
                refuse_loops(name, &config, bind, *port_offset)?;
                served(name, &config)?;
                Ok(Planned { config, places, warnings })
            }
            Plan::Forward { listen, targets, allow_public } => {
                let config = Config::forwarding(listen.port(), targets);
                refuse_targets(&config, *listen, if *allow_public { &[] } else { targets })?;
                Ok(Planned { places: one_place(&config, *listen), config, warnings: String::new() })
            }
            Plan::Demo { listen, targets } => read_demo(*listen, *targets),
        }
    }

    /// With port 0 the port that requests see is the one that the system picked; it is known only after binding.
    ///
    /// # Errors
    ///
    /// As for [`read`](Plan::read).
    pub(crate) fn with_picked_port(&self, planned: Planned, bound: &[Place]) -> Result<Planned, String> {
        match (self, bound) {
            (Plan::Forward { listen, targets, .. }, [place]) if listen.port() == 0 => {
                let config = Config::forwarding(place.address.port(), targets);
                Ok(Planned { places: one_place(&config, place.address), config, ..planned })
            }
            (Plan::Demo { targets, .. }, [place]) => read_demo(place.address, *targets),
            _ => Ok(planned),
        }
    }

    /// What to print below the listeners.
    pub(crate) fn hints(&self, places: &[Place]) -> String {
        match (self, places) {
            (Plan::Demo { .. }, [place]) => demo::hints(place.address),
            _ => String::new(),
        }
    }
}

fn read_demo(listen: SocketAddr, targets: demo::Targets) -> Result<Planned, String> {
    let text = demo::template(listen.port(), targets);
    let (config, warnings) = load(Source { name: "demo", text: &text }, &Inputs::default())?;
    Ok(Planned { places: one_place(&config, listen), config, warnings })
}

fn one_place(config: &Config, address: SocketAddr) -> Vec<Place> {
    let place = |listener: &sluicegate::config::Listener| Place {
        listener: ListenerId(listener.port),
        name: listener.logical_id.clone(),
        address,
    };
    config.listeners.iter().take(1).map(place).collect()
}

fn places(config: &Config, bind: &[IpAddr], port_offset: u16) -> Result<Vec<Place>, String> {
    let mut places = Vec::new();
    for listener in &config.listeners {
        let Some(port) = listener.port.checked_add(port_offset) else {
            return Err(format!("{}: port {} + {port_offset} is above 65535", listener.logical_id, listener.port));
        };
        for &address in bind {
            let address = SocketAddr::new(address, port);
            places.push(Place { listener: ListenerId(listener.port), name: listener.logical_id.clone(), address });
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
    use super::*;

    fn refusal(listen: &str, target: &str, allow_public: bool) -> Option<String> {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        Plan::Forward { listen: address(listen), targets: vec![address(target)], allow_public }.read().err()
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
}
