//! Transcripts: what goes over the wires, as data. A transcript is a text file that shows a conversation between clients,
//! the balancer and targets like a packet capture; the same file is played in memory, in virtual time ([`memory`]), and
//! against a running program over real sockets ([`sockets`]). No file says how the balancer is built.
//!
//! # The format
//!
//! ```text
//! Requests that come at once are answered in order          a sentence: what is shown
//! proves: CONN-01, H3                                        statements of the guide, rows of the wire notes
//! virtual only                                               if it waits; only the driver in memory can
//! config: one-target                                         a file in `templates/`
//!   Rule:                                                    indented lines are more resources of that template
//!     Type: AWS::ElasticLoadBalancingV2::ListenerRule
//! set port = 8080                                            what `{{port}}` in the template stands for
//! target refuses                                             or `is silent`: nobody answers there
//! ---
//! client> GET /a HTTP/1.1\r\n                                a client sends exactly this
//!         Host: example.com\r\n                              indented lines go on
//!         \r\n
//! target< GET /a HTTP/1.1\r\n                                a target gets exactly this
//!         \(forwarded)Host: example.com\r\n\(traced)\r\n
//! target> HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi     a target sends
//! client< HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi
//! client closes
//! ```
//!
//! Who speaks is named `client`, `client2`, … or after a target of the template: `{{web}}` in a template stands for the
//! port of a target, and `web`, `web2`, … are connections to it. The first line that names one opens it: a client connects;
//! at a target a *new* connection has to arrive. So the same name is the same connection, and the file says which
//! are reused. A connection that the balancer makes and the file does not name is a mistake, as are bytes left unread.
//!
//! Every byte is written out: the end of a line in the file stands for nothing, indentation neither, `\s` is a space that
//! would not be seen. Escapes are `\r \n \t \0 \s \\ \xHH`. An empty line means nothing and `#` begins a comment line.
//!
//! | what happens | |
//! |---|---|
//! | `client, in pieces of 3> …` | so many bytes at a time |
//! | `client connects`, `client connects to 8080`, `… from [2001:db8::7]:5000` | else: to the first listener (another address only in virtual time) |
//! | `web accepts` | a new connection arrives |
//! | `client half-closes`, `closes`, `resets` | no more is sent; nothing more at all; a reset |
//! | `client sees end` | the other side has closed, in order |
//! | `client is cut` | it has closed, in order or by a reset |
//! | `client sees nothing` | nothing is there to be read now |
//! | `wait 60 s` | only in virtual time |
//! | `now set attributes = …` | the template changes while connections are open (only in virtual time) |
//! | `log< …` | the next line of the access log (only in virtual time) |
//! | `400 <- GET / HTP/1.1\r\n\r\n` | a row of a table: on a connection of its own a client sends this, gets the error page of that status with `Connection: close`, and sees the end |
//!
//! | in bytes | |
//! |---|---|
//! | `\(5*ab)` | `ababababab` |
//! | `\(counted 100)` | 100 bytes in which each place looks different |
//! | `\(counted 100 in chunks of 7)` | the same in chunks, with the last chunk's line `0` (sent only) |
//! | `\(chunks hello)`, `\(chunks counted 100)` | this, in whatever chunks, with the last chunk's line (received only) |
//! | `\(page 502 keep-alive)` | the error page that the balancer makes, with its head (received only) |
//! | `\(fixed 200 yes)` | a fixed response `yes` of plain text, with its head and `Connection: keep-alive` (received only) |
//! | `\(forwarded)` | `X-Forwarded-For: 127.0.0.1`, `X-Forwarded-Proto: http`, `X-Forwarded-Port: 80`, each a line |
//! | `\(traced)` | the line `X-Amzn-Trace-Id: Root=\(id)` |
//! | `\(date)`, `\(id)`, `\(digits)`, `\(word)`, `\(any)` | a date, a trace id (`1-8hex-24hex`), digits, all until a space, the rest of the line (received only) |
//! | `\(id as t)`, `\(=t)` | remembers what stood there; the same again |

pub mod memory;
mod parse;
mod pattern;
mod play;
mod serving;
mod show;
pub mod sockets;
mod text;

pub use parse::Fault;
pub use play::{Filled, Received, Socket, World, play};

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sluicegate::config::Config;
use sluicegate::config::template::{Inputs, Source, read};

use pattern::Pattern;

/// A transcript, read.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// What it shows, as a sentence.
    pub title: String,
    /// The statements that it proves.
    pub proves: Vec<String>,
    /// It waits: only the driver in memory can play it.
    pub virtual_only: bool,
    /// The template, with places for what is set and for the ports of targets.
    template: String,
    /// What is set for it.
    set: BTreeMap<String, String>,
    /// The targets that the template names, and how each behaves, in the order of their names.
    targets: BTreeMap<String, Behaviour>,
    steps: Vec<Step>,
}

/// What happens when the balancer connects to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// It accepts.
    Accepts,
    /// It refuses.
    Refuses,
    /// Nothing comes back.
    Silent,
}

/// One thing that happens.
#[derive(Clone, Debug)]
struct Step {
    /// Its line in the file.
    line: usize,
    /// The connection.
    who: String,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    Connect { to: Option<u16>, from: Option<SocketAddr> },
    Accept,
    Send { bytes: Vec<u8>, piece: Option<usize> },
    Expect(Pattern),
    HalfClose,
    Close,
    Reset,
    SeesEnd,
    IsCut,
    SeesNothing,
    Wait(Duration),
    Set { name: String, value: String },
}

impl Transcript {
    /// Reads a transcript; `template` finds a template's text by its name.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn read(text: &str, template: impl Fn(&str) -> Option<String>) -> Result<Transcript, Fault> {
        parse::transcript(text, template)
    }

    /// Reads the transcript of that name (`keep-alive/pipelined-requests`) from this package's `transcripts/`.
    ///
    /// # Errors
    /// A line that says what is wrong with the file, and where.
    pub fn load(name: &str) -> Result<Transcript, String> {
        let file = root().join(format!("{name}.txt"));
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let template = |name: &str| fs::read_to_string(root().join(format!("templates/{name}.yaml"))).ok();
        Transcript::read(&text, template).map_err(|fault| format!("{}:{fault}", file.display()))
    }

    /// The names of targets, and how they behave.
    pub fn targets(&self) -> impl Iterator<Item = (&str, Behaviour)> {
        self.targets.iter().map(|(name, behaviour)| (name.as_str(), *behaviour))
    }

    /// The template, with the ports at which the targets are.
    pub fn template(&self, port: impl Fn(&str) -> u16) -> String {
        self.template_with(&self.set, port)
    }

    /// The same with other settings.
    fn template_with(&self, set: &BTreeMap<String, String>, port: impl Fn(&str) -> u16) -> String {
        let ports = self.targets.keys().map(|name| (name, port(name).to_string()));
        let set = set.iter().map(|(name, value)| (name, value.clone()));
        set.chain(ports).fold(self.template.clone(), |text, (name, value)| fill(&text, name, &value))
    }
}

/// Reads a template whose places are filled. Targets are not checked: a transcript names every connection that they get.
fn configuration(template: &str) -> Result<Config, String> {
    match read(Source { name: "template", text: template }, &Inputs::default()) {
        Ok(mut loaded) => {
            loaded.config.disable_health_checks();
            Ok(loaded.config)
        }
        Err(errors) => Err(errors.iter().map(|error| format!("{error}\n")).collect()),
    }
}

/// Puts a value at the places of a name.
fn fill(template: &str, name: &str, value: &str) -> String {
    template.replace(&format!("{{{{{name}}}}}"), value)
}

/// The names of all transcripts, in order.
///
/// # Errors
/// When the directory cannot be read.
pub fn names() -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in fs::read_dir(root())? {
        let folder = folder?.path();
        if folder.is_dir() {
            for file in fs::read_dir(&folder)? {
                let file = file?.path();
                if file.extension().is_some_and(|extension| extension == "txt") {
                    names.push(name(&folder, &file));
                }
            }
        }
    }
    names.sort();
    Ok(names)
}

fn name(folder: &Path, file: &Path) -> String {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    format!("{folder}/{}", file.file_stem().unwrap_or_default().to_string_lossy())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}
