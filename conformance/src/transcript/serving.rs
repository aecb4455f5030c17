//! A program that was started for a transcript, on ports that were free a moment ago.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::configuration;
use super::sockets::told;

/// The program, and where it listens.
pub(super) struct Serving {
    child: Child,
    file: PathBuf,
    addresses: Vec<(u16, SocketAddr)>,
}

/// How often ports are picked anew because somebody else took one in between.
const ATTEMPTS: usize = 5;

impl Serving {
    /// Starts it on ports that the system picks, and waits until it listens.
    pub(super) fn start(program: &Path, template: &str) -> Result<Serving, String> {
        let declared: Vec<u16> = configuration(template)?.listeners.iter().map(|listener| listener.port).collect();
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            match Serving::attempt(program, template, &declared) {
                Ok(serving) => return Ok(serving),
                Err(what) => why = what,
            }
        }
        Err(why)
    }

    fn attempt(program: &Path, template: &str, declared: &[u16]) -> Result<Serving, String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let offset = free_offset(declared).ok_or("no free ports")?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("sluicegate-transcript-{}-{number}.yaml", std::process::id()));
        std::fs::write(&file, template).map_err(told)?;
        let mut command = Command::new(program);
        // A transcript names every connection that targets get.
        command.arg("run").arg(&file).args(["--shards", "1", "--no-health-checks"]);
        command.args(["--port-offset", &offset.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(told)?;
        let mut serving = Serving { child, file, addresses: Vec::new() };
        serving.read_addresses(declared, offset)?;
        Ok(serving)
    }

    fn read_addresses(&mut self, declared: &[u16], offset: u16) -> Result<(), String> {
        let out = self.child.stdout.take().ok_or("no output")?;
        for line in BufReader::new(out).lines() {
            let line = line.map_err(told)?;
            let address = line.strip_prefix("listening on ").and_then(|rest| rest.split(' ').next()?.parse().ok());
            let Some(address): Option<SocketAddr> = address else { continue };
            if let Some(port) = declared.iter().find(|port| port.checked_add(offset) == Some(address.port())) {
                self.addresses.push((*port, address));
            }
            if self.addresses.len() == declared.len() {
                return Ok(());
            }
        }
        let mut why = String::new();
        if let Some(mut err) = self.child.stderr.take() {
            err.read_to_string(&mut why).map_err(told)?;
        }
        Err(format!("the program does not listen: {why}"))
    }

    /// Where the listener is that is declared with that port, or the first one.
    pub(super) fn address(&self, port: Option<u16>) -> Option<SocketAddr> {
        let wanted = |(declared, _): &&(u16, SocketAddr)| port.is_none_or(|port| port == *declared);
        self.addresses.iter().find(wanted).map(|(_, address)| *address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

/// What to add to the declared ports so that all are free.
fn free_offset(declared: &[u16]) -> Option<u16> {
    let least = *declared.iter().min()?;
    (0..100).find_map(|_| {
        let picked = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let offset = picked.checked_sub(least)?;
        let free =
            |port: &u16| port.checked_add(offset).is_some_and(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        declared.iter().all(free).then_some(offset)
    })
}
