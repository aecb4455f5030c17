//! The command line.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};

use super::{Asked, Files};
use crate::config::template::{Inputs, Instance};

/// What an operator wants.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve a template, or forward one port to some targets
    Run(Run),
    /// Read a template and tell what is wrong with it
    Check(Check),
    /// Tell how a request is classified, which rule takes it, why the others do not, and what the target would receive
    Explain(Explain),
    /// Serve a small example with targets of its own, and print requests to try
    Demo(Demo),
    /// Tell what each TLS security policy has by the guide, and what is served of it
    Policies(Policies),
}

#[derive(Parser)]
#[command(
    name = "sluicegate",
    bin_name = "sluicegate",
    version,
    about = "An application load balancer that runs anywhere, from the templates you already have.",
    after_help = "The program is installed as sluicegate-smol (epoll) and sluicegate-glommio (io_uring); both take the \
                  same flags.\n\n\
                  Examples:\n  \
                  sluicegate demo\n  \
                  sluicegate run --listen 127.0.0.1:8080 --target 127.0.0.1:9001 --target 127.0.0.1:9002\n  \
                  sluicegate run template.yaml --port-offset 8000 --param Stage=test\n  \
                  sluicegate check template.yaml\n  \
                  sluicegate explain template.yaml --listener 80 -H 'X-Beta: yes' http://shop.example/cart?id=1\n  \
                  sluicegate policies ELBSecurityPolicy-2016-08\n\n\
                  Exit codes: 0 all is well; 1 something is wrong with what was given; 2 the command line is wrong."
)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

/// `run`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Targets that --target names are checked like those of a template: every 30 seconds GET /, and whatever \
                        they answer from 200 to 499 is a success.\n\n\
                        Certificates, keys and trust stores that change on disk are used for new connections within 5 \
                        seconds; those that are open go on. A file that is broken changes nothing.\n\n\
                        Signals: HUP reads the template and all files that it names again without dropping a connection, \
                        and opens the logs anew; a mistake in them changes nothing. TERM and INT finish what runs and accept \
                        nothing new; a second one stops at once. USR1 prints how every target is, as one line of JSON in \
                        the form of describe-target-health.\n\n\
                        Examples:\n  \
                        sluicegate run template.yaml --port-offset 8000   # port 80 is served on 8080\n  \
                        sluicegate run template.yaml --instance i-0123456789abcdef0=10.0.0.1 --zone us-east-1a\n  \
                        sluicegate run template.yaml --bind 0.0.0.0 --bind :: --access-log /var/log/sluicegate.log\n  \
                        sluicegate run template.yaml --certificates /etc/sluicegate/tls --bucket-root /srv/s3\n  \
                        sluicegate run template.yaml --certificate shop=/etc/shop/fullchain.pem,/etc/shop/privkey.pem\n  \
                        sluicegate run --listen 127.0.0.1:0 --target 127.0.0.1:9001   # the system picks the port"
)]
pub struct Run {
    /// A CloudFormation template, YAML or JSON; - reads standard input
    #[arg(required_unless_present = "listen", conflicts_with_all = ["listen", "target"])]
    pub template: Option<String>,
    /// Without a template: the address and port to listen on; port 0 lets the system pick
    #[arg(long, value_name = "ADDR:PORT", requires = "target")]
    pub listen: Option<SocketAddr>,
    /// Without a template: a target to forward to; may be repeated
    #[arg(long, value_name = "ADDR:PORT", requires = "listen")]
    pub target: Vec<SocketAddr>,
    /// An address to listen on; may be repeated, for IPv4 and IPv6
    #[arg(long, value_name = "ADDR", default_values_t = [IpAddr::V4(Ipv4Addr::LOCALHOST)], conflicts_with = "listen")]
    pub bind: Vec<IpAddr>,
    /// Listen this much above each listener's port; requests, redirects and logs still see the listener's own
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "listen")]
    pub port_offset: u16,
    /// What the template asks for
    #[command(flatten)]
    pub values: Values,
    /// What the template names
    #[command(flatten)]
    pub files: Files,
    /// How to serve
    #[command(flatten)]
    pub serving: Serving,
}

/// How to serve, whatever it is.
#[derive(Clone, Debug, Args)]
pub struct Serving {
    /// How many threads serve [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub shards: Option<u16>,
    /// Write one line per request to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<String>,
    /// Write one line per attempt to connect to an HTTPS listener to this file; - is standard output
    #[arg(long, value_name = "FILE")]
    pub connection_log: Option<String>,
    /// The Server field of answers that the balancer itself makes
    #[arg(long, value_name = "VALUE", default_value = "awselb/2.0", value_parser = server_header)]
    pub server_header: String,
    /// Name the cause of every error that the balancer itself answers with: in a field X-Sluicegate-Cause of the answer, and
    /// as the error reason in the access log (docs/causes.md lists them)
    #[arg(long)]
    pub name_causes: bool,
    /// How long requests may take to finish after TERM, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub drain_timeout: u32,
    /// The availability zone that this node is in: groups without cross-zone load balancing keep to its targets [default: none,
    /// the targets of every zone are used]
    #[arg(long, value_name = "NAME", value_parser = zone)]
    pub zone: Option<String>,
    /// Do not check targets: all count as healthy
    #[arg(long)]
    pub no_health_checks: bool,
    /// Where the key that cookies are encrypted with is kept; made if it is not there; without it a random key that does not
    /// survive a restart
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<String>,
}

/// Values that a template needs from outside.
#[derive(Clone, Debug, Default, Args)]
pub struct Values {
    /// The value of a template parameter; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub param: Vec<(String, String)>,
    /// What a name outside the load balancer stands for, such as MyInstance.PrivateIp=127.0.0.1; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub resolve: Vec<(String, String)>,
    /// Where an instance is that a target group names, by its id or by its name in the template, such as
    /// i-0123456789abcdef0=10.0.0.1:8080; without a port the target has the template's; may be repeated
    #[arg(long, value_name = "ID=ADDR[:PORT]")]
    pub instance: Vec<Instance>,
    /// What another stack exports under a name; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub import: Vec<(String, String)>,
    /// Let targets have addresses outside the private ranges
    #[arg(long)]
    pub allow_public_targets: bool,
}

/// `check`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Every mistake is reported on standard error as file:line:column: message, all of them at once.\n\n\
                        Certificates and trust stores are looked at if a flag says where they are.\n\n\
                        Examples:\n  \
                        sluicegate check template.yaml --param Stage=test\n  \
                        sluicegate check template.yaml --certificates /etc/sluicegate/tls"
)]
pub struct Check {
    /// A CloudFormation template, YAML or JSON; - reads standard input
    pub template: String,
    /// What the template asks for
    #[command(flatten)]
    pub values: Values,
    /// What the template names
    #[command(flatten)]
    pub files: Files,
}

/// `explain`
#[derive(Clone, Debug, Args)]
#[command(after_help = "The answer comes from the code that decides about real requests.\n\n\
                        Examples:\n  \
                        sluicegate explain template.yaml --listener 80 http://shop.example/cart\n  \
                        sluicegate explain template.yaml --listener 80 -X POST -H 'X-Beta: yes' --json /api/orders?id=7\n  \
                        sluicegate explain template.yaml --listener 80 --raw request.http --crlf   # from an editor\n  \
                        printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 0\\r\\n\\r\\n' |\n    \
                        sluicegate explain template.yaml --listener 80 --raw -")]
pub struct Explain {
    /// A CloudFormation template, YAML or JSON; - reads standard input
    pub template: String,
    /// The port of the listener that gets the request
    #[arg(long, value_name = "PORT")]
    pub listener: u16,
    /// The request's method
    #[arg(short = 'X', long, value_name = "METHOD", default_value = "GET")]
    pub method: String,
    /// A header field of the request; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Instead of a URL: a file with the bytes that a client would send, a body included or not; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "method", "headers"])]
    pub raw: Option<String>,
    /// Read the lines of the raw head as if they ended in CRLF, which is not what editors write
    #[arg(long, conflicts_with = "url")]
    pub crlf: bool,
    /// The client's address
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub source_ip: IpAddr,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
    /// The request's URL, or its path alone
    #[arg(required_unless_present = "raw")]
    pub url: Option<String>,
    /// What the template asks for
    #[command(flatten)]
    pub values: Values,
    /// What the template names
    #[command(flatten)]
    pub files: Files,
}

impl Explain {
    /// The request that is meant; `raw` is what was read where [`Explain::raw`] says, with what messages call it.
    pub fn asked<'a>(&'a self, raw: Option<(&'a str, &'a [u8])>) -> Asked<'a> {
        match raw {
            Some((name, bytes)) => Asked::Raw { name, bytes, crlf: self.crlf },
            None => {
                let url = self.url.as_deref().unwrap_or_default();
                Asked::Composed { method: &self.method, url, headers: &self.headers }
            }
        }
    }
}

/// `demo`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "HTTPS has a certificate for localhost that is made at each start and signed by nobody else: curl takes \
                        it with -k.\n\n\
                        Examples:\n  \
                        sluicegate demo\n  \
                        sluicegate demo --listen 127.0.0.1:0 --listen-https 127.0.0.1:0   # the system picks both ports"
)]
pub struct Demo {
    /// Where to listen; port 0 lets the system pick
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SocketAddr::from(([127, 0, 0, 1], 8080)))]
    pub listen: SocketAddr,
    /// Where to listen for HTTPS, with the same rules; port 0 lets the system pick
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SocketAddr::from(([127, 0, 0, 1], 8443)))]
    pub listen_https: SocketAddr,
    /// How to serve
    #[command(flatten)]
    pub serving: Serving,
}

/// `policies`
#[derive(Clone, Debug, Args)]
#[command(
    after_help = "What is served follows from what the TLS library can do; docs/tls.md says what it cannot, and why.\n\n\
                        The JSON is {NAME: {\"guide\": {PROTOCOL: [SUITE, ...]}, \"served\": {PROTOCOL: [SUITE, ...]}}}, suites in \
                        OpenSSL's spelling, the preferred one first; a protocol of which nothing is served is left out of \
                        \"served\".\n\n\
                        Examples:\n  \
                        sluicegate policies\n  \
                        sluicegate policies ELBSecurityPolicy-TLS13-1-2-2021-06\n  \
                        sluicegate policies 2016-08 --json"
)]
pub struct Policies {
    /// One policy, in detail; the part before the first - of its name may be left out
    pub name: Option<String>,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads a command line, the program's name included.
///
/// # Errors
///
/// The line is wrong, or asks for help or the version. The error knows its text, which stream that belongs on,
/// and its exit code (0 or 2).
pub fn parse(line: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Command, clap::Error> {
    let command = Line::try_parse_from(line)?.command;
    match &command {
        Command::Explain(explain) if explain.template == "-" && explain.raw.as_deref() == Some("-") => {
            let text = "the template and the raw request cannot both come through standard input";
            Err(Line::command().error(ErrorKind::ArgumentConflict, text))
        }
        _ => Ok(command),
    }
}

impl Values {
    /// As the template reader takes them.
    pub fn inputs(&self) -> Inputs {
        Inputs {
            parameters: self.param.clone(),
            resolve: self.resolve.clone(),
            instances: self.instance.clone(),
            imports: self.import.clone(),
            allow_public_targets: self.allow_public_targets,
            ..Inputs::default()
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has to look like NAME=VALUE".to_owned()),
    }
}

/// `all` is what templates call targets of no zone in particular.
fn zone(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_graphic();
    if text.is_empty() || text == "all" || !text.bytes().all(plain) {
        return Err("it has to be the name of one zone, like us-east-1a".to_owned());
    }
    Ok(text.to_owned())
}

/// A field value goes into answers as it is, so it has to be one (RFC 9110 section 5.5).
fn server_header(text: &str) -> Result<String, String> {
    let visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if !text.is_empty() && text.trim() == text && text.bytes().all(visible) {
        Ok(text.to_owned())
    } else {
        Err("it has to be printable ASCII, without blanks at its ends".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, clap::Error> {
        parse(std::iter::once("sluicegate").chain(line.split(' ')))
    }

    fn run(line: &str) -> Run {
        match parsed(line) {
            Ok(Command::Run(run)) => run,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn run_takes_a_template_and_binds_loopback_by_default() {
        let run = run("run t.yaml");
        assert_eq!(run.template.as_deref(), Some("t.yaml"));
        assert_eq!(run.bind, [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        assert_eq!((run.port_offset, run.serving.shards, run.serving.drain_timeout), (0, None, 30));
    }

    #[test]
    fn run_takes_a_port_and_targets_instead_of_a_template() {
        let run = run("run --listen 127.0.0.1:0 --target 127.0.0.1:1 --target [::1]:2");
        assert_eq!(run.listen, Some(SocketAddr::from(([127, 0, 0, 1], 0))));
        assert_eq!(run.target.len(), 2);
    }

    #[test]
    fn run_needs_one_of_the_two_and_refuses_both() {
        for line in [
            "run",
            "run --listen 127.0.0.1:0",
            "run --target 127.0.0.1:1",
            "run t.yaml --listen 127.0.0.1:0 --target 127.0.0.1:1",
        ] {
            assert_eq!(parsed(line).expect_err(line).exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn values_are_names_with_values_and_may_hold_further_equals_signs() {
        let run = run("run t.yaml --param A=1 --param B=x=y --resolve I.PrivateIp=127.0.0.1 --import E=");
        let inputs = run.values.inputs();
        assert_eq!(inputs.parameters, [("A".into(), "1".into()), ("B".into(), "x=y".into())]);
        assert_eq!(inputs.resolve, [("I.PrivateIp".into(), "127.0.0.1".into())]);
        assert_eq!(inputs.imports, [("E".into(), String::new())]);
        assert!(parsed("run t.yaml --param A").is_err());
        assert!(parsed("run t.yaml --param =1").is_err());
    }

    #[test]
    fn instances_are_ids_with_an_address_of_either_family_and_perhaps_a_port() {
        for (text, address, port) in [
            ("i-1=10.0.0.1", "10.0.0.1", None),
            ("i-1=10.0.0.1:8080", "10.0.0.1", Some(8080)),
            ("i-1=10.0.0.1:65535", "10.0.0.1", Some(65535)),
            ("i-1=fd00::1", "fd00::1", None),
            ("i-1=[fd00::1]", "fd00::1", None),
            ("i-1=[fd00::1]:1", "fd00::1", Some(1)),
        ] {
            let inputs = run(&format!("run t.yaml --instance i-0=127.0.0.1 --instance {text}")).values.inputs();
            let address = address.parse().expect("an address");
            assert_eq!(inputs.instances[1], Instance { id: "i-1".into(), address, port }, "{text}");
        }
    }

    #[test]
    fn an_instance_that_is_malformed_says_what_is_wrong() {
        for (text, problem) in [
            ("i-1", "it has to look like ID=ADDR or ID=ADDR:PORT"),
            ("=10.0.0.1", "it has to look like ID=ADDR or ID=ADDR:PORT"),
            ("i-1=", "no IP address"),
            ("i-1=node", "no IP address"),
            ("i-1=10.0.0.1:", "no IP address"),
            ("i-1=10.0.0.1:65536", "no IP address"),
            ("i-1=[10.0.0.1:80]", "no IP address"),
            ("i-1=[10.0.0.1]", "no IP address"),
            ("i-1=10.0.0.1:0", "a port is 1 to 65535"),
            ("i-1=[fd00::1]:0", "a port is 1 to 65535"),
        ] {
            let error = parsed(&format!("run t.yaml --instance {text}")).expect_err(text);
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(problem), "{error}");
        }
    }

    #[test]
    fn a_node_is_in_one_zone_or_in_none() {
        let serving = |line: &str| run(line).serving;
        assert_eq!(serving("run t.yaml").zone, None);
        assert_eq!(serving("run t.yaml --zone us-east-1a").zone.as_deref(), Some("us-east-1a"));
        for wrong in ["", "all", "a b", "a\n"] {
            let error = parse(["sluicegate", "run", "t.yaml", "--zone", wrong]).expect_err(wrong);
            assert!(error.to_string().contains("the name of one zone"), "{error}");
        }
    }

    #[test]
    fn checks_are_on_and_the_key_is_kept_nowhere_unless_the_flags_say_so() {
        let default = run("run t.yaml").serving;
        assert_eq!((default.no_health_checks, default.key_file), (false, None));
        let given = run("run t.yaml --no-health-checks --key-file /var/lib/key").serving;
        assert_eq!((given.no_health_checks, given.key_file.as_deref()), (true, Some("/var/lib/key")));
        let Ok(Command::Demo(demo)) = parsed("demo --no-health-checks --zone a") else { panic!("a demo") };
        assert!(demo.serving.no_health_checks && demo.serving.zone.is_some());
    }

    #[test]
    fn run_check_and_explain_take_the_places_of_files() {
        let flags = "--certificates /tls --certificate a=b,c --certificate d=e,f --bucket-root /s3";
        let files = run(&format!("run t.yaml {flags}")).files;
        assert_eq!((files.certificates, files.bucket_root), (Some("/tls".into()), Some("/s3".into())));
        assert_eq!(files.certificate, ["a=b,c", "d=e,f"].map(|text| text.parse().expect("two files")));
        let Ok(Command::Check(check)) = parsed(&format!("check t.yaml {flags}")) else { panic!("a check") };
        assert!(check.files.any());
        assert!(explained(&format!("explain t.yaml --listener 443 {flags} /x")).files.any());
        assert!(!run("run t.yaml").files.any());
        let error = parsed("run t.yaml --certificate a=b").expect_err("one file").to_string();
        assert!(error.contains("NAME=CHAIN.pem,KEY.pem"), "{error}");
    }

    #[test]
    fn there_are_two_logs() {
        let serving = run("run t.yaml --access-log - --connection-log /var/log/c").serving;
        assert_eq!((serving.access_log.as_deref(), serving.connection_log.as_deref()), (Some("-"), Some("/var/log/c")));
        assert_eq!(run("run t.yaml").serving.connection_log, None);
    }

    #[test]
    fn policies_takes_a_name_or_none() {
        let policies = |line: &str| match parsed(line) {
            Ok(Command::Policies(policies)) => (policies.name, policies.json),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(policies("policies"), (None, false));
        assert_eq!(policies("policies 2016-08 --json"), (Some("2016-08".to_owned()), true));
    }

    #[test]
    fn shards_are_at_least_one() {
        assert!(parsed("run t.yaml --shards 0").is_err());
        assert_eq!(run("run t.yaml --shards 1").serving.shards, Some(1));
        assert_eq!(run("run t.yaml --shards 1024").serving.shards, Some(1024));
        assert!(parsed("run t.yaml --shards 1025").is_err());
    }

    #[test]
    fn a_server_header_cannot_smuggle_a_line() {
        assert!(parse(["sluicegate", "run", "t", "--server-header", "a\r\nb: c"]).is_err());
        assert!(parse(["sluicegate", "run", "t", "--server-header", " a"]).is_err());
        assert!(parse(["sluicegate", "run", "t", "--server-header", "my gate/1"]).is_ok());
    }

    #[test]
    fn help_teaches_by_example_and_is_not_an_error() {
        let help = parsed("--help").expect_err("help");
        assert_eq!(help.exit_code(), 0);
        assert!(help.to_string().contains("sluicegate demo"), "{help}");
        let help = parsed("explain --help").expect_err("help").to_string();
        assert!(help.contains("--raw request.http --crlf") && help.contains("--raw -\n"), "{help}");
    }

    fn explained(line: &str) -> Explain {
        match parsed(line) {
            Ok(Command::Explain(explain)) => explain,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn explain_takes_a_url_or_a_raw_request_and_refuses_both_and_neither() {
        let composed = explained("explain t.yaml --listener 80 -X PUT -H A:b /x");
        let Asked::Composed { method, url, headers } = composed.asked(None) else { panic!("{composed:?}") };
        assert_eq!((method, url, headers.len()), ("PUT", "/x", 1));
        let raw = explained("explain t.yaml --listener 80 --raw r.http --crlf --json --source-ip 10.0.0.1");
        assert_eq!(raw.raw.as_deref(), Some("r.http"));
        let asked = raw.asked(Some(("r.http", b"GET")));
        assert!(matches!(asked, Asked::Raw { name: "r.http", bytes: b"GET", crlf: true }), "{asked:?}");
        for more in ["", "--raw r /x", "--raw r -X GET", "--raw r -H A:b", "--crlf", "--crlf /x"] {
            let line = format!("explain t.yaml --listener 80 {more}");
            assert_eq!(parsed(line.trim_end()).expect_err(&line).exit_code(), 2, "{line}");
        }
        let conflict = parsed("explain t.yaml --listener 80 --raw r /x").expect_err("both").to_string();
        assert!(conflict.contains("--raw <FILE>") && conflict.contains("cannot be used with"), "{conflict}");
    }

    #[test]
    fn one_standard_input_is_not_both_the_template_and_the_request() {
        let both = parsed("explain - --listener 80 --raw -").expect_err("both");
        assert_eq!(both.exit_code(), 2);
        assert!(both.to_string().contains("cannot both come through standard input"), "{both}");
        assert_eq!(explained("explain t.yaml --listener 80 --raw -").raw.as_deref(), Some("-"));
        assert_eq!(explained("explain - --listener 80 --raw r").template, "-");
    }
}
