//! What both programs share that touches the operating system: files, certificates among them, listening sockets, signals,
//! threads, the logs' writers, the demo's targets. A runtime is named nowhere here: a program implements [`Program`],
//! which says how one thread serves, and its `main` is [`main`] and nothing else.
//!
//! ```text
//!   main thread                         shard threads (Program::serve)       log threads
//!   ───────────                         ──────────────────────────────       ───────────
//!   reads the template, binds ────────▶ pump::run ── lines, a bounded ─────▶ writes, reopens
//!   waits for signals, looks at         Mailbox     queue that never blocks
//!   certificates, reloads ──────post─▶
//!   reports ───────────────────────────────────────────────────────────────▶ a printer thread, likewise
//! ```

#![deny(unsafe_code)]

mod clock;
mod control;
mod demo;
mod key_file;
mod limits;
mod listen;
mod log;
mod outlet;
mod plan;
mod printer;
mod signals;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
mod vault;
mod watch;

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;

use sluicegate::cli::{self, Command, Files, Report, Values};
use sluicegate::config::template::{Inputs, Source};
use sluicegate::pump::{Ended, Setup};
use sluicegate::tls::{Provider, Vault};
use vault::FileVault;

pub use clock::Clock;

/// What distinguishes one program from the other.
pub trait Program {
    /// The program's name, for messages.
    const NAME: &'static str;

    /// Finds out whether the runtime works on this machine, before anything is bound.
    ///
    /// # Errors
    ///
    /// It does not: one line for the operator, who can do something about it or use another program.
    fn preflight() -> Result<(), String> {
        Ok(())
    }

    /// Serves on the calling thread until it is told to drain or stop.
    ///
    /// # Errors
    ///
    /// The runtime could not start, or failed.
    fn serve(setup: Setup<TcpListener>, clock: Clock) -> io::Result<Ended>;
}

/// The whole program. Exit codes: see [`sluicegate::cli`].
pub fn main<P: Program>() -> ExitCode {
    let command = match cli::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(answer) => {
            // Nothing is left to do when even this cannot be printed.
            let _ = answer.print();
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
        }
    };
    match carry_out::<P>(command) {
        Ok(report) => print(&report),
        Err(line) => {
            let _ = writeln!(io::stderr(), "{}: {line}", P::NAME);
            ExitCode::FAILURE
        }
    }
}

fn carry_out<P: Program>(command: Command) -> Result<Report, String> {
    match command {
        Command::Check(check) => {
            let text = read_template(&check.template)?;
            let source = Source { name: input_name(&check.template), text: &text };
            Ok(with_files(&check.values, &check.files, |inputs| cli::check(source, inputs)))
        }
        Command::Explain(explain) => {
            let text = read_template(&explain.template)?;
            let source = Source { name: input_name(&explain.template), text: &text };
            let raw = explain.raw.as_deref().map(|path| Ok::<_, String>((input_name(path), read_request(path)?)));
            let raw = raw.transpose()?;
            let question = cli::Question {
                listener: explain.listener,
                request: explain.asked(raw.as_ref().map(|(name, bytes)| (*name, &bytes[..]))),
                source: explain.source_ip,
                wall: Clock::new().now().wall,
                json: explain.json,
            };
            Ok(with_files(&explain.values, &explain.files, |inputs| cli::explain(source, inputs, &question)))
        }
        Command::Run(run) => control::serve::<P>(plan::Plan::of(&run), &run.serving),
        Command::Demo(demo) => {
            let stage = demo::start(demo.listen_https.ip())?;
            control::serve::<P>(plan::Plan::of_demo(&demo, stage), &demo.serving)
        }
        Command::Policies(asked) => Ok(cli::policies(asked.name.as_deref(), asked.json, &Provider::aws_lc())),
    }
}

/// A report about a template, with what is to be said of the files that flags gave. Without such flags none is looked for.
fn with_files(values: &Values, files: &Files, report: impl FnOnce(&Inputs) -> Report) -> Report {
    if !files.any() {
        return report(&values.inputs());
    }
    let vault = Arc::new(FileVault::new(files.clone()));
    let mut report =
        report(&Inputs { keyring: Some(vault::keyring(Arc::clone(&vault) as Arc<dyn Vault>)), ..values.inputs() });
    report.err += &vault.seen().1;
    report
}

fn print(report: &Report) -> ExitCode {
    let _ = io::stderr().write_all(report.err.as_bytes());
    if report.out.is_empty() {
        // Also an empty write would wait for a printer that is stuck.
        return ExitCode::from(report.code);
    }
    match io::stdout().write_all(report.out.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::from(report.code),
        Err(_) => ExitCode::FAILURE,
    }
}

/// A template's text; `-` is standard input.
pub(crate) fn read_template(path: &str) -> Result<String, String> {
    let bytes = read_input(path, sluicegate::config::template::TEMPLATE_BYTES_MAX)?;
    String::from_utf8(bytes).map_err(|_| format!("{}: it is not UTF-8 text", input_name(path)))
}

/// The bytes of a raw request; `-` is standard input.
fn read_request(path: &str) -> Result<Vec<u8>, String> {
    read_input(path, cli::RAW_BYTES_MAX)
}

/// One byte more than `most` at most, so that whoever gets them can say that they are too many.
fn read_input(path: &str, most: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = most as u64 + 1;
    let read = match path {
        "-" => io::stdin().take(limit).read_to_end(&mut bytes),
        path => std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    read.map_err(|error| format!("{}: {error}", input_name(path)))?;
    Ok(bytes)
}

/// How messages call what is read.
pub(crate) fn input_name(path: &str) -> &str {
    if path == "-" { "<stdin>" } else { path }
}
